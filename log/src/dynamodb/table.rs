//! The calls to DynamoDB: what is asked, how it is repeated, and what its answers mean. Knows no event and no effect.
//!
//! Reads are consistent, except those of the index, which DynamoDB does not offer. What is throttled is repeated with
//! growing, scattered pauses; what may or may not have been written is repeated with the same token, by which DynamoDB
//! recognises it for ten minutes.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConsumedCapacity, KeysAndAttributes, Put, PutRequest, ReturnConsumedCapacity,
    ReturnValue, ReturnValuesOnConditionCheckFailure, Select, TransactWriteItem, WriteRequest,
};

use super::item::{Item, Key, Strange, string};
use crate::{AppendError, Cause, Consumed, ReadError};

/// The index by something else than names.
pub(super) const INDEX: &str = "by_place";

/// Repeats of one call, at most; together they wait some six seconds, less than a sender does.
const TRIES_MAX: u32 = 8;

/// The first pause; each next one is twice as long, up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(25);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Keys that DynamoDB reads in one call.
const BATCH_MAX: usize = 100;

/// Items that DynamoDB writes in one call.
const WRITE_MAX: usize = 25;

/// One table.
#[derive(Clone)]
pub(super) struct Table {
    pub(super) client: Client,
    pub(super) name: String,
    units: Arc<Units>,
}

/// What was paid for, in thousandths of a unit.
#[derive(Default)]
struct Units {
    read: AtomicU64,
    written: AtomicU64,
    /// Scatters the pauses.
    turns: AtomicU64,
}

/// Why a transaction did not happen.
pub(super) enum Refused {
    /// Conditions did not hold: one reason for each item, in order.
    Conditions(Vec<CancellationReason>),
    /// Something else.
    Failed(AppendError),
}

/// Some items of a list or a scan, and where to go on.
pub(super) struct Found {
    pub(super) items: Vec<Item>,
    pub(super) next: Option<Key>,
}

impl Table {
    pub(super) fn new(client: Client, name: String) -> Self {
        Self { client, name, units: Arc::default() }
    }

    pub(super) fn consumed(&self) -> Consumed {
        let units = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64 / 1000.0;
        Consumed { read_units: units(&self.units.read), write_units: units(&self.units.written) }
    }

    /// Writes all items or none. One item alone costs half when it is written without a transaction.
    pub(super) async fn write(&self, items: Vec<TransactWriteItem>, token: &str) -> Result<(), Refused> {
        match items.as_slice() {
            [one] => match one.put() {
                Some(put) => self.put_alone(put).await,
                None => self.transact(items, token).await,
            },
            _ => self.transact(items, token).await,
        }
    }

    async fn put_alone(&self, put: &Put) -> Result<(), Refused> {
        let request = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(put.item().clone()))
            .set_condition_expression(put.condition_expression().map(str::to_owned))
            .set_expression_attribute_values(put.expression_attribute_values().cloned());
        match self.put(request, put.item()).await.map_err(Refused::Failed)? {
            None => Ok(()),
            Some(there) => {
                let reason = CancellationReason::builder().code("ConditionalCheckFailed").set_item(there);
                Err(Refused::Conditions(vec![reason.build()]))
            }
        }
    }

    /// Writes one item; when its condition does not hold, says what is there.
    async fn put(&self, request: PutItemFluentBuilder, item: &Item) -> Result<Option<Option<Item>>, AppendError> {
        let request = request
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match self.repeated(|| request.clone().send()).await {
            Ok(written) => {
                self.paid(written.consumed_capacity.as_slice());
                Ok(None)
            }
            Err(error) => match error.as_service_error() {
                // An earlier try that was not answered has written it.
                Some(PutItemError::ConditionalCheckFailedException(failed)) if failed.item() == Some(item) => Ok(None),
                Some(PutItemError::ConditionalCheckFailedException(failed)) => Ok(Some(failed.item().cloned())),
                _ => Err(write_error(error)),
            },
        }
    }

    /// Writes all items or none. `token` is the same for the same transaction, however often it is tried.
    async fn transact(&self, items: Vec<TransactWriteItem>, token: &str) -> Result<(), Refused> {
        let mut unknown = false;
        for attempt in 1..=TRIES_MAX {
            let sent = self
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .client_request_token(token)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await;
            let error = match sent {
                Ok(written) => {
                    self.paid(written.consumed_capacity());
                    return Ok(());
                }
                Err(error) => error,
            };
            match judge(&error) {
                Verdict::Conditions(reasons) => return Err(Refused::Conditions(reasons)),
                Verdict::Wrong => return Err(Refused::Failed(AppendError::Unavailable(cause(error)))),
                Verdict::Unsure if attempt == TRIES_MAX => {
                    return Err(Refused::Failed(AppendError::Unknown(cause(error))));
                }
                Verdict::Busy if attempt == TRIES_MAX && unknown => {
                    return Err(Refused::Failed(AppendError::Unknown(cause(error))));
                }
                Verdict::Busy if attempt == TRIES_MAX => {
                    return Err(Refused::Failed(AppendError::Throttled { after: PAUSE_MAX }));
                }
                Verdict::Unsure => unknown = true,
                Verdict::Busy => {}
            }
            self.pause(attempt).await;
        }
        unreachable!("the last try returns")
    }

    /// Writes one item if `condition` holds; false when it does not.
    pub(super) async fn put_if(
        &self,
        item: Item,
        condition: &str,
        values: &[(&str, AttributeValue)],
    ) -> Result<bool, AppendError> {
        let mut request = self.client.put_item().table_name(&self.name).set_item(Some(item.clone()));
        for (name, value) in values {
            request = request.expression_attribute_values(*name, value.clone());
        }
        Ok(self.put(request.condition_expression(condition), &item).await?.is_none())
    }

    /// Writes items whatever is there. Not for a log that others use.
    pub(super) async fn put_all(&self, items: Vec<Item>) -> Result<(), AppendError> {
        for some in items.chunks(WRITE_MAX) {
            let mut left = some.iter().map(write_request).collect::<Result<Vec<_>, _>>().map_err(unavailable)?;
            for attempt in 1..=TRIES_MAX {
                let request = self.client.batch_write_item().request_items(&self.name, left);
                let request = request.return_consumed_capacity(ReturnConsumedCapacity::Total);
                let mut written = self.repeated(|| request.clone().send()).await.map_err(write_error)?;
                self.paid(written.consumed_capacity());
                let unwritten = written.unprocessed_items.take().and_then(|mut left| left.remove(&self.name));
                left = unwritten.unwrap_or_default();
                if left.is_empty() {
                    break;
                }
                if attempt == TRIES_MAX {
                    return Err(AppendError::Throttled { after: PAUSE_MAX });
                }
                self.pause(attempt).await;
            }
        }
        Ok(())
    }

    /// Adds 1 to a number and says what it is then. A number may be lost, never given twice. `token` is of this call alone:
    /// by it a count is found whose answer was lost.
    pub(super) async fn count(&self, key: &Key, name: &str, token: &str) -> Result<u64, ReadError> {
        let request = self.client.update_item().table_name(&self.name).set_key(Some(key.item()));
        let request = request
            .update_expression("SET #name = :name, #by = :by ADD n :one")
            .expression_attribute_names("#name", "name")
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":name", string(name))
            .expression_attribute_values(":by", string(token))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .return_values(ReturnValue::UpdatedNew)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let mut attempt = 0;
        loop {
            attempt += 1;
            match request.clone().send().await {
                Ok(counted) => {
                    self.paid(counted.consumed_capacity.as_slice());
                    return Ok(super::item::integer(&counted.attributes.unwrap_or_default(), "n")?);
                }
                Err(error) if attempt == TRIES_MAX || !is_worth_repeating(&error) => return Err(read_error(error)),
                Err(_) => self.pause(attempt).await,
            }
            // Tried once: when this is not answered either, the next round asks again.
            let asked = self.get_request(key).send().await;
            let item = asked.ok().and_then(|got| got.item);
            if let Some(item) = item.filter(|item| super::item::text(item, "by").is_ok_and(|by| by == token)) {
                return Ok(super::item::integer(&item, "n")?);
            }
        }
    }

    /// Those of the items that exist, as they are now.
    pub(super) async fn get(&self, keys: &[Key]) -> Result<HashMap<Key, Item>, ReadError> {
        // An index names an item twice that moved in it while it was read, and DynamoDB takes no name twice.
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        keys.dedup();
        match keys.as_slice() {
            [] => Ok(HashMap::new()),
            [key] => Ok(self.get_one(key).await?.map(|item| (key.clone(), item)).into_iter().collect()),
            keys => {
                let batches = keys.chunks(BATCH_MAX).map(|keys| self.get_batch(keys));
                let found = futures::future::try_join_all(batches).await?;
                found.into_iter().flatten().map(|item| Ok((Key::of(&item)?, item))).collect()
            }
        }
    }

    fn get_request(&self, key: &Key) -> GetItemFluentBuilder {
        let request = self.client.get_item().table_name(&self.name).set_key(Some(key.item())).consistent_read(true);
        request.return_consumed_capacity(ReturnConsumedCapacity::Total)
    }

    async fn get_one(&self, key: &Key) -> Result<Option<Item>, ReadError> {
        let request = self.get_request(key);
        let got = self.repeated(|| request.clone().send()).await.map_err(read_error)?;
        self.read(got.consumed_capacity.as_slice());
        Ok(got.item)
    }

    async fn get_batch(&self, keys: &[Key]) -> Result<Vec<Item>, ReadError> {
        let mut items = Vec::with_capacity(keys.len());
        let mut left: Vec<Item> = keys.iter().map(Key::item).collect();
        for attempt in 1..=TRIES_MAX {
            let wanted = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(true).build();
            let wanted = wanted.map_err(|error| ReadError(Arc::new(error)))?;
            let request = self.client.batch_get_item().request_items(&self.name, wanted);
            let request = request.return_consumed_capacity(ReturnConsumedCapacity::Total);
            let mut got = self.repeated(|| request.clone().send()).await.map_err(read_error)?;
            self.read(got.consumed_capacity());
            items.extend(got.responses.take().and_then(|mut found| found.remove(&self.name)).unwrap_or_default());
            let unread = got.unprocessed_keys.take().and_then(|mut unread| unread.remove(&self.name));
            left = unread.map(|unread| unread.keys).unwrap_or_default();
            if left.is_empty() {
                return Ok(items);
            }
            self.pause(attempt).await;
        }
        Err(ReadError(Arc::new(std::io::Error::other("DynamoDB did not read all items"))))
    }

    /// Items of one partition whose sort key lies in a range, both ends included, in its order.
    pub(super) async fn range(&self, pk: &str, from: &str, to: &str, max: usize) -> Result<Vec<Item>, ReadError> {
        let mut items = Vec::new();
        let mut next: Option<Item> = None;
        loop {
            let query = Query { index: false, condition: "pk = :p AND sk BETWEEN :from AND :to", newest_first: false };
            let values = [(":p", pk), (":from", from), (":to", to)];
            let page = self.query(&query, &values, max - items.len(), next).await?;
            items.extend(page.0);
            next = page.1;
            if next.is_none() || items.len() >= max {
                return Ok(items);
            }
        }
    }

    /// The names of up to `max` items of a list of the index, those whose place comes after `after` and is `to` at most,
    /// with their places.
    pub(super) async fn listed(
        &self,
        list: &str,
        after: &str,
        to: &str,
        max: usize,
    ) -> Result<Vec<(String, Key)>, ReadError> {
        // The index has no "after" with "at most": the first place that sorts behind `after` is `after` and one more character.
        let from = format!("{after}!");
        let query = Query { index: true, condition: "g = :p AND s BETWEEN :from AND :to", newest_first: false };
        self.places(&query, &[(":p", list), (":from", if after.is_empty() { "" } else { &from }), (":to", to)], max)
            .await
    }

    /// A page of the names in a list with their places, those whose place is `to` at most, and where to go on.
    pub(super) async fn listed_page(
        &self,
        list: &str,
        to: &str,
        start: Option<Item>,
        max: usize,
    ) -> Result<(Vec<(String, Key)>, Option<Item>), ReadError> {
        let query = Query { index: true, condition: "g = :p AND s <= :to", newest_first: false };
        let (items, next) = self.query(&query, &[(":p", list), (":to", to)], max, start).await?;
        Ok((items.iter().map(place).collect::<Result<_, _>>()?, next))
    }

    /// The same from the end: places before `before`, the last one first.
    pub(super) async fn listed_last(
        &self,
        list: &str,
        before: &str,
        max: usize,
    ) -> Result<Vec<(String, Key)>, ReadError> {
        let query = Query { index: true, condition: "g = :p AND s < :before", newest_first: true };
        self.places(&query, &[(":p", list), (":before", before)], max).await
    }

    async fn places(
        &self,
        query: &Query,
        values: &[(&str, &str)],
        max: usize,
    ) -> Result<Vec<(String, Key)>, ReadError> {
        let mut found = Vec::new();
        let mut next: Option<Item> = None;
        while found.len() < max {
            let (items, more) = self.query(query, values, max - found.len(), next).await?;
            for item in items {
                found.push(place(&item)?);
            }
            next = more;
            if next.is_none() {
                break;
            }
        }
        Ok(found)
    }

    async fn query(
        &self,
        query: &Query,
        values: &[(&str, &str)],
        max: usize,
        start: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), ReadError> {
        let mut request = self.client.query().table_name(&self.name).key_condition_expression(query.condition);
        for (name, value) in values {
            // A key may not be empty; a space sorts before every place.
            request = request.expression_attribute_values(*name, string(if value.is_empty() { " " } else { value }));
        }
        let request = request
            .set_index_name(query.index.then(|| INDEX.to_owned()))
            .consistent_read(!query.index)
            .scan_index_forward(!query.newest_first)
            .limit(i32::try_from(max.min(1000)).unwrap_or(1000))
            .set_exclusive_start_key(start)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let found = self.repeated(|| request.clone().send()).await.map_err(read_error)?;
        self.read(found.consumed_capacity.as_slice());
        Ok((found.items.unwrap_or_default(), found.last_evaluated_key))
    }

    /// Up to `max` items whose `field` begins so, of the whole table: reads all of it in the end, so nobody does this
    /// while somebody waits.
    pub(super) async fn scan(
        &self,
        field: &str,
        begins: &str,
        after: Option<&Key>,
        max: usize,
    ) -> Result<Found, ReadError> {
        let mut items: Vec<Item> = Vec::new();
        let mut start = after.map(Key::item);
        loop {
            let mut page = self.scan_page(field, begins, start).await?;
            items.append(&mut page.0);
            if items.len() > max {
                items.truncate(max);
                let next = items.last().map(Key::of).transpose()?;
                return Ok(Found { items, next });
            }
            match page.1 {
                None => return Ok(Found { items, next: None }),
                Some(more) if items.len() == max => return Ok(Found { items, next: Some(Key::of(&more)?) }),
                Some(more) => start = Some(more),
            }
        }
    }

    async fn scan_page(
        &self,
        field: &str,
        begins: &str,
        start: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), ReadError> {
        let request = self
            .client
            .scan()
            .table_name(&self.name)
            .consistent_read(true)
            .filter_expression("begins_with(#field, :begins)")
            .expression_attribute_names("#field", field)
            .expression_attribute_values(":begins", string(begins))
            .select(Select::AllAttributes)
            .set_exclusive_start_key(start)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let found = self.repeated(|| request.clone().send()).await.map_err(read_error)?;
        self.read(found.consumed_capacity.as_slice());
        Ok((found.items.unwrap_or_default(), found.last_evaluated_key))
    }

    /// Sends, and sends again what was throttled, refused for another transaction, or not answered. For what may be done twice.
    async fn repeated<T, E, F>(&self, send: impl Fn() -> F) -> Result<T, SdkError<E, HttpResponse>>
    where
        E: ProvideErrorMetadata,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match send().await {
                Err(error) if attempt < TRIES_MAX && is_worth_repeating(&error) => self.pause(attempt).await,
                answered => return answered,
            }
        }
    }

    /// Waits before the next try, longer each time, and not as long as others who were sent away at the same moment.
    pub(super) async fn pause(&self, attempt: u32) {
        let most = PAUSE.saturating_mul(1 << attempt.min(10).saturating_sub(1)).min(PAUSE_MAX);
        let turn = self.units.turns.fetch_add(1, Ordering::Relaxed);
        let scatter = std::hash::BuildHasher::hash_one(&*SCATTER, (turn, attempt)) % 1000;
        let pause = most.mul_f64(0.5 + scatter as f64 / 2000.0);
        #[expect(clippy::disallowed_methods, reason = "a pause between two tries, not a timer of the domain")]
        tokio::time::sleep(pause).await;
    }

    fn paid(&self, consumed: &[ConsumedCapacity]) {
        add(&self.units.written, consumed);
    }

    fn read(&self, consumed: &[ConsumedCapacity]) {
        add(&self.units.read, consumed);
    }
}

/// The place of an item in a list of the index, and its name.
fn place(item: &Item) -> Result<(String, Key), Strange> {
    Ok((super::item::text(item, "s")?.to_owned(), Key::of(item)?))
}

fn write_request(item: &Item) -> Result<WriteRequest, BuildError> {
    let put = PutRequest::builder().set_item(Some(item.clone())).build()?;
    Ok(WriteRequest::builder().put_request(put).build())
}

fn unavailable(error: BuildError) -> AppendError {
    AppendError::Unavailable(Arc::new(error))
}

/// Different in each process, so that processes do not pause alike.
static SCATTER: std::sync::LazyLock<std::hash::RandomState> = std::sync::LazyLock::new(std::hash::RandomState::new);

fn add(counter: &AtomicU64, consumed: &[ConsumedCapacity]) {
    let units: f64 = consumed.iter().filter_map(ConsumedCapacity::capacity_units).sum();
    counter.fetch_add((units * 1000.0).round() as u64, Ordering::Relaxed);
}

struct Query {
    index: bool,
    condition: &'static str,
    newest_first: bool,
}

enum Verdict {
    /// Conditions did not hold; nothing was written.
    Conditions(Vec<CancellationReason>),
    /// Not written, and worth another try.
    Busy,
    /// Perhaps written.
    Unsure,
    /// Not written, and another try will end alike.
    Wrong,
}

fn judge(error: &SdkError<TransactWriteItemsError>) -> Verdict {
    match error {
        SdkError::ConstructionFailure(_) => Verdict::Wrong,
        SdkError::ServiceError(said) => match said.err() {
            TransactWriteItemsError::TransactionCanceledException(canceled) => {
                let reasons = canceled.cancellation_reasons();
                let has = |code: &str| reasons.iter().any(|reason| reason.code() == Some(code));
                if has("ConditionalCheckFailed") {
                    Verdict::Conditions(reasons.to_vec())
                } else if has("TransactionConflict") || has("ThrottlingError") || has("ProvisionedThroughputExceeded") {
                    Verdict::Busy
                } else {
                    Verdict::Wrong
                }
            }
            // The same transaction, from an earlier try, is still being written.
            TransactWriteItemsError::TransactionInProgressException(_)
            | TransactWriteItemsError::InternalServerError(_) => Verdict::Unsure,
            other if is_throttle(other.code()) => Verdict::Busy,
            _ if said.raw().status().is_server_error() => Verdict::Unsure,
            _ => Verdict::Wrong,
        },
        // Sent, or perhaps sent, and not answered.
        _ => Verdict::Unsure,
    }
}

fn is_throttle(code: Option<&str>) -> bool {
    matches!(
        code,
        Some(
            "ThrottlingException"
                | "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "LimitExceededException"
        )
    )
}

fn is_worth_repeating<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::ServiceError(said) => {
            let code = said.err().code();
            is_throttle(code) || code == Some("TransactionConflictException") || said.raw().status().is_server_error()
        }
        _ => true,
    }
}

fn cause<E, R>(error: SdkError<E, R>) -> Cause
where
    E: std::error::Error + Send + Sync + 'static,
    R: fmt::Debug + Send + Sync + 'static,
{
    Arc::new(error)
}

fn read_error<E, R>(error: SdkError<E, R>) -> ReadError
where
    E: std::error::Error + Send + Sync + 'static,
    R: fmt::Debug + Send + Sync + 'static,
{
    ReadError(cause(error))
}

fn write_error<E, R>(error: SdkError<E, R>) -> AppendError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: fmt::Debug + Send + Sync + 'static,
{
    match &error {
        SdkError::ServiceError(said) if is_throttle(said.err().code()) => AppendError::Throttled { after: PAUSE_MAX },
        SdkError::ServiceError(_) | SdkError::ConstructionFailure(_) => AppendError::Unavailable(cause(error)),
        _ => AppendError::Unknown(cause(error)),
    }
}
