//! The log in a DynamoDB table, for many processes at once: Lambdas, or servers beside each other.
//!
//! Each append is one `TransactWriteItems`. Nothing is decided in the table: an append says which versions it saw, and
//! when somebody was faster it is refused, with what is there now. [`EventLog::decide`] then asks again.
//! What cannot be promised here is an order across streams: the feed shows the events of the last [`feed::SETTLING`]
//! again rather than miss one that another machine, with a clock that is behind, has just written.
//!
//! What lies in the table is in `item.rs`, what a transaction holds in `transaction.rs`, every call in `table.rs`.

mod due;
mod feed;
mod group;
mod item;
mod known;
mod pack;
mod pieces;
mod table;
mod transaction;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

pub use self::group::Homes;
use self::item::{Chunk, Ended, HEAD, Item, Key};
use self::known::{Known, Look, Memory, Thing, Wanted};
use self::table::{Refused, Table};
use self::transaction::{Erasable, Mint, Transaction};
use crate::{
    Append, AppendError, Backlog, ClaimKey, Claimed, Consumed, Cursor, Decision, Effect, EffectId, EffectState, Event,
    EventLog, Holder, IdemKey, Keys, LeaseToken, LeasedEffect, Listed, Page, Piece, Pieces, Proof, PutError, Raw,
    ReadError, Receipt, Roll, Stats, Stream, StreamId, Tail, Tails, View as _, chain::Salts,
};

/// How often a write is tried again because others wrote first; with pauses that is several seconds of losing.
const LOST_MAX: u32 = 200;

/// How often a decision may find something missing: each time it has come further.
const LOOKS_MAX: u32 = 50;

/// A log in a table.
pub struct DynamoLog {
    table: Table,
    clock: fn() -> DateTime<Utc>,
    process: Mutex<Process>,
    memory: Memory,
    homes: Homes,
    writing: Writing,
    next: due::Next,
    wake: Notify,
}

/// What this process gives out.
struct Process {
    salts: Salts,
    /// The last microsecond that was stamped: the next one is later.
    micros: i64,
    /// Counts calls that need a name; with the process's own secret it makes it.
    calls: u64,
    seed: [u8; 32],
}

/// Turns of those in this process who write to the same outbox: a write that is refused is paid for.
#[derive(Default)]
struct Writing([tokio::sync::Mutex<()>; 32]);

impl Writing {
    /// Waits for the turn with all of these; in one order, so that nobody waits for each other.
    async fn enter(&self, homes: &BTreeSet<StreamId>) -> Vec<tokio::sync::MutexGuard<'_, ()>> {
        let place = |home: &StreamId| usize::from(Sha256::digest(home.as_str().as_bytes())[0]) % self.0.len();
        let places: BTreeSet<usize> = homes.iter().map(place).collect();
        let mut turns = Vec::with_capacity(places.len());
        for place in places {
            turns.push(self.0[place].lock().await);
        }
        turns
    }
}

/// Why an append was not written.
enum Stop {
    /// Something that its decision saw is otherwise by now.
    Stale,
    /// Its decision believed what has to be read. What was read stays known, or two things would be believed in turns.
    Doubted,
    /// For good.
    Failed(AppendError),
}

impl From<AppendError> for Stop {
    fn from(error: AppendError) -> Self {
        Self::Failed(error)
    }
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Failed(error.into())
    }
}

impl DynamoLog {
    /// The log in `table`, which must have the keys `pk` and `sk` and the index `by_place` (`infra/template.yaml`).
    /// `seed` must be random and is kept nowhere. `clock` orders events across streams, nothing else.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, seed: [u8; 32], clock: fn() -> DateTime<Utc>) -> Self {
        let process = Process { salts: Salts::new(seed), micros: 0, calls: 0, seed };
        let table = Table::new(client, table.into());
        let (process, memory, writing) = (Mutex::new(process), Memory::new(false, clock), Writing::default());
        Self {
            table,
            clock,
            process,
            memory,
            homes: |_| None,
            writing,
            next: due::Next::default(),
            wake: Notify::new(),
        }
    }

    /// For whoever is most often the only writer: believes what it has read or written last, until a write that depends on
    /// it is refused. What leads to no write is read. Several writers would pay for many refusals.
    #[must_use]
    pub fn as_only_writer(self) -> Self {
        Self { memory: Memory::new(true, self.clock), ..self }
    }

    /// Keeps effects that have the same home in one item, which costs less. For the life of the table: whoever opens it
    /// names the same homes. The home must be the stream whose appends ask for the effect, from its first one on.
    #[must_use]
    pub fn with_homes(self, homes: Homes) -> Self {
        Self { homes, ..self }
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A name for one call that no other call of any process has, and a number that tells it from others of its instant.
    fn token(&self) -> (String, u32) {
        let mut process = self.process();
        process.calls += 1;
        let name = Sha256::new()
            .chain_update(process.seed)
            .chain_update(b"call")
            .chain_update(process.calls.to_be_bytes())
            .finalize();
        let token = name[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        (token, u32::from_be_bytes([name[16], name[17], name[18], name[19]]))
    }

    /// A place in the feed after all that this process has given.
    fn next_stamp(&self) -> item::Stamp {
        let now = (self.clock)().timestamp_micros();
        let mut process = self.process();
        process.micros = now.max(process.micros + 1);
        item::Stamp { micros: process.micros, append: 0, nth: 1 }
    }

    async fn fetch(&self, known: &mut Known, wanted: &Wanted) -> Result<(), ReadError> {
        let keys: Vec<Key> = wanted.things.iter().map(Thing::key).collect();
        let found = self.table.get(&keys).await?;
        for (thing, key) in wanted.things.iter().zip(&keys) {
            known.learn(thing, found.get(key))?;
            self.memory.keep_thing(thing, known);
        }
        for events in &wanted.events {
            let proofs = self.read_proofs(&events.0, events.1, events.2).await?;
            known.events.insert(events.clone(), proofs.into_iter().map(|proof| proof.event).collect());
        }
        for series in &wanted.numbers {
            let number = self.table.count(&Key::number(series), series, &self.token().0).await?;
            known.numbers.entry(series.clone()).or_default().push(number);
        }
        Ok(())
    }

    /// Writes an append, however often its effects or others get in the way. `known` must be of now.
    async fn write(&self, append: &Append, known: &mut Known, seen: &BTreeSet<Thing>) -> Result<Receipt, Stop> {
        let erasable = self.erasable(append).await?;
        let _turn = self.writing.enter(&known::homes(append, self.homes)).await;
        known.recall(append, &self.memory);
        for attempt in 1..=LOST_MAX {
            self.complete(append, known).await?;
            let (planned, token) = self.plan(append, known, seen, &erasable);
            let transaction = match planned {
                // A repeat is told so, whatever else has changed since the first time.
                Err(_) if !known.keys_unknown(append).is_empty() => {
                    let keys = known.keys_unknown(append);
                    self.fetch(known, &keys).await?;
                    continue;
                }
                // Receipts are never believed.
                Err(error @ AppendError::Duplicate(_)) => return Err(error.into()),
                Err(AppendError::LeaseLost(id)) if known.doubt([&id]) => continue,
                Err(_) if known.doubt_things(&self.memory) => {
                    if seen.is_empty() {
                        continue;
                    }
                    return Err(Stop::Doubted);
                }
                Err(error) => return Err(error.into()),
                Ok(transaction) if known.doubt(&transaction.left) => continue,
                // Nothing would be refused, so what it saw is looked at.
                Ok(transaction) if transaction.items.is_empty() && known.doubt_things(&self.memory) => {
                    return Err(Stop::Doubted);
                }
                Ok(transaction) if transaction.items.is_empty() => return Ok(transaction.receipt),
                Ok(transaction) => transaction,
            };
            let overtaken = known.overtaken(&self.memory);
            if !overtaken.is_empty() {
                if overtaken.iter().any(|thing| seen.contains(thing)) {
                    return Err(Stop::Stale);
                }
                overtaken.iter().for_each(|thing| known.forget_thing(thing));
                continue;
            }
            let believed = known.believed_things();
            match self.table.write(transaction.items.clone(), &token).await {
                Ok(()) => {
                    append.claims.iter().for_each(|claim| self.memory.keep_claim(&claim.key, claim.holder.as_ref()));
                    return Ok(self.written(transaction));
                }
                Err(Refused::Failed(error)) => return Err(error.into()),
                Err(Refused::Conditions(reasons)) => {
                    let changed = transaction.learn(known, &reasons).map_err(ReadError::from)?;
                    if known.was_deceived(&changed, &believed, &self.memory) {
                        self.memory.distrust();
                    }
                    for thing in &changed {
                        self.memory.forget(thing);
                        self.memory.keep_thing(thing, known);
                    }
                    if changed.iter().any(|thing| seen.contains(thing)) {
                        return Err(Stop::Stale);
                    }
                    if changed.is_empty() {
                        let why = std::io::Error::other("DynamoDB refused an append for no reason that it names");
                        return Err(AppendError::Unavailable(Arc::new(why)).into());
                    }
                    self.table.pause(attempt.min(3)).await;
                }
            }
        }
        Err(AppendError::Throttled { after: Duration::from_secs(1) }.into())
    }

    /// Makes known all that must be known before an append can be planned.
    async fn complete(&self, append: &Append, known: &mut Known) -> Result<(), ReadError> {
        loop {
            let mut lacking = known.lacks(append);
            if lacking.is_empty() {
                return Ok(());
            }
            known.recall_things(&mut lacking, &self.memory);
            self.fetch(known, &lacking).await?;
        }
    }

    /// Remembers what was written.
    fn written(&self, transaction: Transaction) -> Receipt {
        if transaction.waits {
            self.wake.notify_one();
        }
        for kept in transaction.kept {
            self.next.wrote(Key::effect(&kept.effect.wanted.id), kept.effect.wake_at());
            self.memory.keep(kept);
        }
        for group in transaction.groups {
            self.next.wrote(Key::group(&group.home), group.wake_at());
            self.memory.keep_group(group);
        }
        transaction.heads.iter().for_each(|(stream, ended)| self.memory.keep_head(stream, ended));
        self.memory.keep_leases(&transaction.receipt);
        transaction.receipt
    }

    fn plan(
        &self,
        append: &Append,
        known: &Known,
        seen: &BTreeSet<Thing>,
        erasable: &Erasable,
    ) -> (Result<Transaction, AppendError>, String) {
        let (token, append_no) = self.token();
        let now = (self.clock)();
        let mut process = self.process();
        process.micros = now.timestamp_micros().max(process.micros + 1);
        let micros = process.micros;
        let mint = Mint { table: &self.table.name, now, micros, append: append_no, salts: &mut process.salts };
        let planned = transaction::plan(append, known, seen, erasable, mint);
        (planned, token)
    }

    async fn erasable(&self, append: &Append) -> Result<Erasable, Stop> {
        let mut erasable = Erasable::default();
        for erasure in &append.erase {
            let there = |chunk: &Chunk| {
                chunk
                    .proofs
                    .iter()
                    .any(|proof| (&proof.event.stream, proof.event.version) == (&erasure.stream, erasure.version))
            };
            if erasable.chunks.iter().any(there) {
                continue;
            }
            let from = item::events_place(erasure.version);
            let pk = item::partition(&erasure.stream);
            let found = self.table.range(&pk, &from, item::EVENTS_END, 1).await?;
            let chunk = found.first().map(Chunk::read).transpose().map_err(ReadError::from)?;
            let Some((mut chunk, elsewhere)) = chunk.filter(|(chunk, _)| there(chunk)) else {
                return Err(AppendError::Malformed("an erasure of an event that is not there").into());
            };
            let gone =
                elsewhere.iter().filter(|elsewhere| chunk.proofs[elsewhere.place].event.version == erasure.version);
            erasable.parts.extend(gone.flat_map(|elsewhere| elsewhere.keys.clone()));
            self.gather(&mut chunk, &elsewhere).await?;
            erasable.chunks.push(chunk);
        }
        Ok(erasable)
    }

    /// Fetches the payloads that lie elsewhere.
    async fn gather(&self, chunk: &mut Chunk, elsewhere: &[item::Elsewhere]) -> Result<(), ReadError> {
        for payload in elsewhere {
            let parts = self.table.get(&payload.keys).await?;
            let mut packed = Vec::new();
            for key in &payload.keys {
                let part = parts.get(key).ok_or_else(|| item::Strange::new("a part of a payload is missing"))?;
                packed.extend_from_slice(item::raw_bytes(part)?);
            }
            chunk.proofs[payload.place].raw = Some(Raw::from_packed(packed));
        }
        Ok(())
    }

    /// Up to `max` events of a stream with what proves them, payloads included.
    async fn read_proofs(&self, stream: &StreamId, from: u64, max: usize) -> Result<Vec<Proof>, ReadError> {
        let mut proofs: Vec<Proof> = Vec::new();
        let mut from = from.max(1);
        let pk = item::partition(stream);
        while proofs.len() < max {
            let left = max - proofs.len();
            let items = self.table.range(&pk, &item::events_place(from), item::EVENTS_END, left.min(200)).await?;
            let Some(_) = items.first() else { break };
            for item in &items {
                let (mut chunk, elsewhere) = Chunk::read(item)?;
                self.gather(&mut chunk, &elsewhere).await?;
                proofs.extend(chunk.proofs.into_iter().filter(|proof| proof.event.version >= from));
            }
            from = proofs.last().map_or(from, |proof| proof.event.version + 1);
        }
        proofs.truncate(max);
        Ok(proofs)
    }

    async fn ended(&self, stream: &StreamId) -> Result<Option<Ended>, ReadError> {
        let key = Key::head(stream);
        let found = self.table.get(std::slice::from_ref(&key)).await?;
        let ended = found.get(&key).map(Ended::read).transpose()?;
        if let Some(ended) = &ended {
            self.memory.keep_head(stream, ended);
        }
        Ok(ended)
    }

    /// Scans for streams' heads.
    async fn heads(&self, after: Option<&Key>, max: usize) -> Result<(Vec<(StreamId, Ended)>, Option<Key>), ReadError> {
        let found = self.table.scan("sk", HEAD, after, max).await?;
        let heads = found.items.iter().map(|item| Ok((item::stream_of(item)?, Ended::read(item)?)));
        Ok((heads.collect::<Result<_, item::Strange>>()?, found.next))
    }
}

/// A cursor of a scan: the item that was read last.
fn scan_cursor(key: Option<&Key>) -> Option<Cursor> {
    key.map(|key| Cursor::new(format!("{}\n{}", key.pk, key.sk)))
}

fn scan_key(cursor: &str) -> Option<Key> {
    let (pk, sk) = cursor.rsplit_once('\n')?;
    Some(Key { pk: pk.to_owned(), sk: sk.to_owned() })
}

/// The cursor of a scan that has ended.
const ENDED: &str = "end";

#[async_trait]
impl EventLog for DynamoLog {
    async fn append(&self, append: Append) -> Result<Receipt, AppendError> {
        append.check()?;
        match self.write(&append, &mut Known::new(self.homes), &BTreeSet::new()).await {
            Ok(receipt) => Ok(receipt),
            Err(Stop::Failed(error)) => Err(error),
            Err(Stop::Stale | Stop::Doubted) => {
                unreachable!("an append that saw nothing cannot have seen what is stale")
            }
        }
    }

    async fn decide(&self, mut decision: Decision) -> Result<Option<Receipt>, AppendError> {
        let mut known = Known::new(self.homes);
        let (mut lost, mut looks) = (0, 0);
        loop {
            let mut look = Look::new(&known);
            let said = decision(&mut look);
            let Look { mut wanted, seen, .. } = look;
            if !wanted.is_empty() {
                known.recall_things(&mut wanted, &self.memory);
                looks += 1;
                if looks > LOOKS_MAX {
                    return Err(AppendError::Malformed("a decision that looks for something else each time"));
                }
                self.fetch(&mut known, &wanted).await?;
                continue;
            }
            let Some(append) = said else {
                // It may have been said of what has changed.
                if known.doubt_things(&self.memory) {
                    continue;
                }
                return Ok(None);
            };
            append.check()?;
            match self.write(&append, &mut known, &seen).await {
                Ok(receipt) => return Ok(Some(receipt)),
                Err(Stop::Failed(error)) => return Err(error),
                Err(_) if lost + 1 == LOST_MAX => {
                    return Err(AppendError::Throttled { after: Duration::from_secs(1) });
                }
                Err(Stop::Doubted) => lost += 1,
                Err(Stop::Stale) => {
                    lost += 1;
                    known.forget();
                    looks = 0;
                    self.table.pause(lost.min(3)).await;
                }
            }
        }
    }

    async fn load(&self, stream: &StreamId) -> Result<Option<Stream>, ReadError> {
        Ok(self.ended(stream).await?.as_ref().map(Ended::stream))
    }

    async fn load_since(&self, token: &LeaseToken, stream: &StreamId) -> Result<Option<Stream>, ReadError> {
        match self.memory.since(token, stream) {
            Some(ended) => Ok(Some(ended.stream())),
            None => self.load(stream).await,
        }
    }

    async fn load_claimed(&self, key: &ClaimKey) -> Result<Option<Claimed>, ReadError> {
        let mut known = Known::new(self.homes);
        loop {
            let mut look = Look::new(&known);
            let found = look.claimed(key);
            let wanted = look.wanted;
            if wanted.is_empty() {
                return found;
            }
            self.fetch(&mut known, &wanted).await?;
        }
    }

    async fn events(&self, stream: &StreamId, from_version: u64, max: usize) -> Result<Vec<Event>, ReadError> {
        let proofs = self.read_proofs(stream, from_version, max).await?;
        Ok(proofs.into_iter().map(|proof| proof.event).collect())
    }

    async fn proofs(&self, stream: &StreamId, from_version: u64, max: usize) -> Result<Vec<Proof>, ReadError> {
        self.read_proofs(stream, from_version, max).await
    }

    async fn tails(&self, after: &Cursor, max: usize) -> Result<Tails, ReadError> {
        if after.as_str() == ENDED {
            return Ok(Tails { tails: Vec::new(), next: after.clone() });
        }
        let (heads, next) = self.heads(scan_key(after.as_str()).as_ref(), max).await?;
        let tail = |(stream, ended): (StreamId, Ended)| Tail { stream, version: ended.version, link: ended.link };
        let next = scan_cursor(next.as_ref()).unwrap_or_else(|| Cursor::new(ENDED));
        Ok(Tails { tails: heads.into_iter().map(tail).collect(), next })
    }

    async fn raw(&self, stream: &StreamId, version: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let found = self.read_proofs(stream, version, 1).await?;
        let proof = found.into_iter().find(|proof| proof.event.version == version);
        proof.and_then(|proof| proof.raw).map(|raw| raw.unpack()).transpose()
    }

    async fn feed(&self, after: &Cursor, max: usize) -> Result<Page, ReadError> {
        self.read_feed(after, max).await
    }

    async fn feed_place(&self, at: DateTime<Utc>) -> Result<Cursor, ReadError> {
        Ok(feed::place(at))
    }

    async fn receipts(&self, after: Option<&Cursor>, max: usize) -> Result<Keys, ReadError> {
        let mut after = after.and_then(|cursor| scan_key(cursor.as_str()));
        let mut keys: Vec<IdemKey> = Vec::new();
        loop {
            let found = self.table.scan("pk", "K#", after.as_ref(), max - keys.len()).await?;
            for item in &found.items {
                if !item::Receipted::read(item)?.spans.is_empty() {
                    keys.push(item::idem_key_of(item)?);
                }
            }
            after = found.next;
            if after.is_none() || keys.len() >= max {
                return Ok(Keys { keys, next: scan_cursor(after.as_ref()) });
            }
        }
    }

    async fn list(&self, listing: &str, before: Option<&Cursor>, max: usize) -> Result<Roll, ReadError> {
        self.read_list(listing, before, max).await
    }

    async fn lease_due(
        &self,
        now: DateTime<Utc>,
        holder: &Holder,
        ttl: TimeDelta,
        max: usize,
    ) -> Result<Vec<LeasedEffect>, AppendError> {
        self.hand_out(now, holder, ttl, max).await
    }

    async fn release_safe(&self, holder_prefix: &str) -> Result<usize, AppendError> {
        self.change_open(|effect| effect.release_safe(holder_prefix)).await
    }

    async fn hold_open(&self, why: &str) -> Result<usize, AppendError> {
        self.change_open(|effect| effect.hold(why)).await
    }

    async fn let_go(&self, id: &EffectId, at: DateTime<Utc>) -> Result<bool, AppendError> {
        self.change_effect(id, |effect| effect.let_go(at)).await
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>, ReadError> {
        let now = (self.clock)();
        if !self.memory.is_trusted() {
            return Ok(self.first_due(now).await?.map(|(at, _)| at));
        }
        if let Some(first) = self.next.known(now) {
            return Ok(first);
        }
        let turn = self.next.turn();
        let first = self.first_due(now).await?;
        let at = first.as_ref().map(|(at, _)| *at);
        self.next.learn(turn, now, first);
        Ok(at)
    }

    async fn effect(&self, id: &EffectId) -> Result<Option<Effect>, ReadError> {
        self.one(id).await
    }

    async fn effects(&self, state: EffectState, max: usize) -> Result<Vec<Effect>, ReadError> {
        self.in_state(state, max).await
    }

    async fn waiting(&self, until: DateTime<Utc>, max: usize) -> Result<Vec<Effect>, ReadError> {
        let found = self.due(until, max).await?;
        Ok(found)
    }

    async fn notified(&self) {
        self.wake.notified().await;
    }

    async fn ping(&self) -> Result<(), AppendError> {
        self.table.count(&Key::ping(), "ping", &self.token().0).await.map(drop).map_err(AppendError::from)
    }

    async fn pieces(&self, after: &Cursor, max: usize) -> Result<Pieces, ReadError> {
        self.read_pieces(after, max).await
    }

    async fn put(&self, pieces: Vec<Piece>) -> Result<(), PutError> {
        self.put_pieces(pieces).await
    }

    /// Reads the whole table: for a command, not for a timer.
    async fn stats(&self) -> Result<Stats, ReadError> {
        let (mut events, mut streams, mut after) = (0, 0, None);
        loop {
            let (heads, next) = self.heads(after.as_ref(), 1000).await?;
            streams += heads.len() as u64;
            events += heads.iter().map(|(_, ended)| ended.version).sum::<u64>();
            after = next;
            if after.is_none() {
                break;
            }
        }
        let Backlog { pending, leased, oldest_due } = self.backlog().await?;
        Ok(Stats { events, streams, effects_pending: pending, effects_leased: leased, oldest_due })
    }

    async fn backlog(&self) -> Result<Backlog, ReadError> {
        let open = self.open().await?;
        let count = |state| open.iter().filter(|effect| effect.state == state).count() as u64;
        Ok(Backlog {
            pending: count(EffectState::Pending),
            leased: count(EffectState::Leased),
            oldest_due: open.iter().filter_map(Effect::wake_at).min(),
        })
    }

    fn consumed(&self) -> Option<Consumed> {
        Some(self.table.consumed())
    }
}

impl DynamoLog {
    /// Streams of a list, those that began last first. What has left the list since it was indexed is passed over.
    async fn read_list(&self, listing: &str, before: Option<&Cursor>, max: usize) -> Result<Roll, ReadError> {
        let list = item::stream_list(listing);
        let mut before = before.map_or("~".to_owned(), |cursor| cursor.as_str().to_owned());
        let (mut streams, mut last): (Vec<Listed>, _) = (Vec::new(), None);
        loop {
            // One more than is wanted tells whether there are more.
            let wanted = max + 1 - streams.len();
            let places = self.table.listed_last(&list, &before, wanted).await?;
            let keys: Vec<Key> = places.iter().map(|(_, key)| key.clone()).collect();
            let heads = self.table.get(&keys).await?;
            for (place, key) in &places {
                before.clone_from(place);
                let Some(item) = heads.get(key) else { continue };
                let ended = Ended::read(item)?;
                if ended.head.listing.as_deref() != Some(listing) {
                    continue;
                }
                if streams.len() == max {
                    return Ok(Roll { streams, next: last.map(Cursor::new) });
                }
                last = Some(place.clone());
                streams.push(Listed { id: item::stream_of(item)?, stream: ended.stream() });
            }
            if places.len() < wanted {
                return Ok(Roll { streams, next: None });
            }
        }
    }

    async fn item(&self, key: &Key) -> Result<Option<Item>, ReadError> {
        Ok(self.table.get(std::slice::from_ref(key)).await?.remove(key))
    }
}
