//! EventBridge: what is to be published at the same time goes out in one call. In a build without the feature `aws` stands
//! `no_bus.rs` in its place.
//!
//! Limits and errors of one entry: the API reference of `PutEvents`, and what the EventBridge user guide says of the size of
//! its entries, read in November 2026.

use super::news::{Entry, Untold};
use crate::{aws, aws_failure, clock};
use aws_config::Region;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::Config;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OnceCell, oneshot};

/// Whether this build can publish to AWS.
pub(super) const IS_BUILT: bool = true;

/// Who says so. EventBridge keeps names that begin with `aws.` for itself.
pub(super) const SOURCE: &str = "catops";

/// One type for all kinds: a rule tells them apart by `detail.event`, and gets kinds that come later without a change.
const DETAIL_TYPE: &str = "CatOps Incident Event";

/// Entries of one call, at most.
const ENTRIES_MAX: usize = 10;

/// Bytes of the entries of one call together, at most. Newer accounts are said to take a megabyte; this much all take.
const CALL_BYTES_MAX: usize = 256 * 1024;

/// What an entry counts besides its detail: its time, source and type.
const FRAME_BYTES: usize = 14 + SOURCE.len() + DETAIL_TYPE.len();

/// How long entries wait for others to go with.
const TOGETHER: Duration = Duration::from_millis(20);

/// How long one call may take, credentials included: shorter than an effect's lease of 20 s.
const CALL_MAX: Duration = Duration::from_secs(10);

/// EventBridge, whose client is made when the first event needs it.
#[derive(Default)]
pub(super) struct Bus {
    client: OnceCell<Client>,
    waiting: Mutex<Vec<Waiting>>,
}

/// Entries that wait for the next call, and whoever waits for their answers. They go together, so that they stay in order.
struct Waiting {
    bus: String,
    entries: Vec<Entry>,
    answer: oneshot::Sender<Vec<Result<(), Untold>>>,
}

impl Bus {
    /// Publishes events of one incident, and says of each what became of it.
    pub(super) async fn put(&self, bus: &str, entries: Vec<Entry>) -> Vec<Result<(), Untold>> {
        let mut results = Vec::new();
        for part in parts(entries) {
            results.extend(self.put_together(bus, part).await);
        }
        results
    }

    async fn put_together(&self, bus: &str, entries: Vec<Entry>) -> Vec<Result<(), Untold>> {
        let count = entries.len();
        let (answer, answered) = oneshot::channel();
        let is_first = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.push(Waiting { bus: bus.to_owned(), entries, answer });
            waiting.len() == 1
        };
        // Whoever comes into an empty room carries what comes in meanwhile too.
        if is_first {
            clock::sleep(TOGETHER).await;
            let all = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            futures::future::join_all(calls(all).into_iter().map(|call| self.call(call))).await;
        }
        answered.await.unwrap_or_else(|_| {
            let ended = || Err(Untold::Silent("whoever was to publish it has ended".to_owned()));
            std::iter::repeat_with(ended).take(count).collect()
        })
    }

    async fn call(&self, call: Vec<Waiting>) {
        let mut results = self.send(&call).await.into_iter();
        for waiting in call {
            // Whoever does not listen any more has lost its lease, and will ask again.
            waiting.answer.send(results.by_ref().take(waiting.entries.len()).collect()).ok();
        }
    }

    async fn send(&self, call: &[Waiting]) -> Vec<Result<(), Untold>> {
        let client = self.client.get_or_init(client).await;
        let named = call.iter().flat_map(|waiting| waiting.entries.iter().map(|entry| (waiting.bus.as_str(), entry)));
        let entries: Vec<PutEventsRequestEntry> = named.map(|(bus, of_ours)| entry(bus, of_ours)).collect();
        let count = entries.len();
        let mut request = client.put_events().set_entries(Some(entries)).customize();
        // A bus that is given by its name is one of the region that everything else is asked in.
        if let Some(region) = call.first().and_then(|waiting| waiting.bus.split(':').nth(3)) {
            request = request.config_override(Config::builder().region(Region::new(region.to_owned())));
        }
        match request.send().await {
            Err(error) => {
                let silent = Untold::Silent(aws_failure::told("EventBridge", CALL_MAX, &error));
                vec![Err(silent); count]
            }
            Ok(answer) => {
                let mut results: Vec<_> = answer.entries().iter().map(taken).collect();
                results.resize_with(count, || Err(Untold::Refused("EventBridge said nothing of it".to_owned())));
                results
            }
        }
    }
}

/// What one call can hold of one incident's events: most often all of them.
fn parts(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let mut parts: Vec<Vec<Entry>> = Vec::new();
    for entry in entries {
        match parts
            .last_mut()
            .filter(|part| part.len() < ENTRIES_MAX && bytes(part.iter()) + bytes([&entry]) <= CALL_BYTES_MAX)
        {
            Some(part) => part.push(entry),
            None => parts.push(vec![entry]),
        }
    }
    parts
}

/// Calls that keep the limits, in the order in which they were asked for.
fn calls(all: Vec<Waiting>) -> Vec<Vec<Waiting>> {
    let mut calls: Vec<Vec<Waiting>> = Vec::new();
    for waiting in all {
        let fits = |call: &Vec<Waiting>| {
            let entries = || call.iter().chain([&waiting]).flat_map(|waiting| &waiting.entries);
            let same_bus = call.first().is_none_or(|first| first.bus == waiting.bus);
            entries().count() <= ENTRIES_MAX && bytes(entries()) <= CALL_BYTES_MAX && same_bus
        };
        match calls.last_mut().filter(|call| fits(call)) {
            Some(call) => call.push(waiting),
            None => calls.push(vec![waiting]),
        }
    }
    calls
}

fn bytes<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> usize {
    entries.into_iter().map(|entry| entry.detail.len() + FRAME_BYTES).sum()
}

fn entry(bus: &str, entry: &Entry) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder()
        .event_bus_name(bus)
        .source(SOURCE)
        .detail_type(DETAIL_TYPE)
        .time(DateTime::from_secs(entry.at.timestamp()))
        .detail(&entry.detail)
        .build()
}

fn taken(result: &PutEventsResultEntry) -> Result<(), Untold> {
    match result.error_code() {
        None => Ok(()),
        Some(code) => {
            let said = result.error_message().unwrap_or_default();
            Err(Untold::Refused(aws_failure::one_line(&format!("EventBridge answered {code}: {said}"))))
        }
    }
}

async fn client() -> Client {
    let timeouts = TimeoutConfig::builder().operation_timeout(CALL_MAX).build();
    let config = Config::from(aws::config().await).to_builder().timeout_config(timeouts).interceptor(aws::Calls);
    Client::from_conf(config.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(sizes: &[usize]) -> Vec<Entry> {
        let entry = |size: &usize| Entry { at: chrono::DateTime::UNIX_EPOCH, detail: "x".repeat(*size) };
        sizes.iter().map(entry).collect()
    }

    /// How many entries each call holds, when these groups are asked for.
    #[track_caller]
    fn check(groups: &[&[usize]], expect: &[usize]) {
        let waiting = |sizes: &&[usize]| Waiting {
            bus: "catops".to_owned(),
            entries: entries(sizes),
            answer: oneshot::channel().0,
        };
        let calls = calls(groups.iter().map(waiting).collect());
        let sizes = calls.iter().map(|call| call.iter().map(|waiting| waiting.entries.len()).sum::<usize>());
        assert_eq!(sizes.collect::<Vec<_>>(), expect);
    }

    #[test]
    fn a_call_keeps_its_limits_and_tears_nothing_apart() {
        check(&[], &[]);
        check(&[&[100, 100, 100][..]; 5], &[9, 6]);
        check(&[&[100; 10], &[100]], &[10, 1]);
        check(&[&[100 * 1024][..]; 5], &[2, 2, 1]);
    }

    #[test]
    fn many_events_of_one_incident_are_several_calls() {
        let sizes = |sizes: &[usize]| parts(entries(sizes)).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(&[100; 23]), [10, 10, 3]);
        assert_eq!(sizes(&[300 * 1024, 10]), [1, 1], "one that is too large spoils no other");
    }
}
