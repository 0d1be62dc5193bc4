//! The log on a real server that speaks DynamoDB: the contract suite, and what only this body can get wrong.
#![expect(clippy::unwrap_used, reason = "a test fails loudly")]

mod account;
mod faults;
mod server;
mod slow_index;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::Client;
use chrono::{DateTime, TimeDelta, Utc};
use faults::{Network, Rates};
use log::{
    Append, AppendError, Claim, ClaimKey, Cursor, DynamoLog, EffectId, EventLog, Expected, Head, Holder, IdemKey,
    NewEffect, NewEvent, Outcome, ReadError, Receipt, Repeat, StreamId, StreamWrite, View, contract,
};
use server::Server;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// The clock of the log, which only orders.
#[expect(clippy::disallowed_methods, reason = "a test has no other clock")]
fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// Each log has a secret of its own, as each process has.
fn log(client: Client, table: &str) -> DynamoLog {
    static LOGS: AtomicU64 = AtomicU64::new(0);
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&LOGS.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    DynamoLog::new(client, table, seed, now)
}

/// Two of three effects lie with others.
fn homes(id: &EffectId) -> Option<StreamId> {
    let home = id.as_str().bytes().map(usize::from).sum::<usize>() % 3;
    (home > 0).then(|| StreamId::new(format!("home/{home}")))
}

/// An empty table of a name that was not used before.
async fn table(client: &Client) -> String {
    static TABLES: AtomicU64 = AtomicU64::new(0);
    let name = format!("log-{}", TABLES.fetch_add(1, Ordering::Relaxed));
    server::create(client, &name).await;
    name
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept() {
    let server = Server::start();
    let client = server.client();
    contract::event_log(|| {
        let table = block_in_place(|| Handle::current().block_on(table(&client)));
        Arc::new(log(server.client(), &table)) as Arc<dyn EventLog>
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept_with_effects_that_lie_together() {
    let server = Server::start();
    let client = server.client();
    contract::event_log(|| {
        let table = block_in_place(|| Handle::current().block_on(table(&client)));
        Arc::new(log(server.client(), &table).with_homes(homes).as_only_writer()) as Arc<dyn EventLog>
    })
    .await;
}

/// Throttled, refused for others' transactions, broken, lost on the way there and on the way back: nothing of it may show.
#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept_over_a_bad_network() {
    let server = Server::start();
    let client = server.client();
    let rates = Rates { throttled: 6, in_the_way: 6, broken: 3, lost_requests: 4, lost_answers: 4, ..Rates::default() };
    let network = Network::new(server.address, 7, rates);
    contract::event_log(|| {
        let table = block_in_place(|| Handle::current().block_on(table(&client)));
        Arc::new(log(server::client(&network.url), &table).with_homes(homes).as_only_writer()) as Arc<dyn EventLog>
    })
    .await;
    let counts = network.counts();
    let each = [counts.throttled, counts.in_the_way, counts.broken, counts.lost_requests, counts.lost_answers];
    assert!(each.iter().all(|count| *count >= 10), "everything went wrong now and then: {counts:?}");
}

/// Effects of which the index tells late are performed late, each by one holder; what it still tells of is not performed
/// again. A reader of the feed misses nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_lags_only_delays() {
    const EFFECTS: usize = 60;
    let server = Server::start();
    let name = table(&server.client()).await;
    let network = Network::new(server.address, 7, Rates { lag: Duration::from_millis(150), ..Rates::default() });
    let reader = log(server::client(&network.url), &name);
    let listens = tokio::spawn(async move { read_along(&reader, EFFECTS).await });
    let mut writers = Vec::new();
    for n in 0..EFFECTS {
        let log = log(server::client(&network.url), &name);
        writers.push(tokio::spawn(async move { log.append(asking(n)).await.unwrap() }));
    }
    let mut holders = Vec::new();
    for holder in ["one", "two", "three"] {
        let log = log(server::client(&network.url), &name);
        holders.push(tokio::spawn(async move { perform_until_idle(&log, holder).await }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let mut performed = Vec::new();
    for holder in holders {
        performed.extend(holder.await.unwrap());
    }
    performed.sort_unstable();
    let wanted: Vec<String> = (0..EFFECTS).map(|n| format!("effect/{n:02}")).collect();
    assert_eq!(performed, wanted, "each once");
    assert_eq!(listens.await.unwrap(), EFFECTS, "every event was told");
    assert!(network.counts().stale >= 10, "the index did lag: {:?}", network.counts());
}

/// Whoever has just begun believes what it happens to have read. Whatever that is, a repeat is told so, and a decision that
/// writes nothing or refuses comes to its end after a few looks.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_believed_in_part_keeps_nobody_waiting() {
    let server = Server::start();
    let name = table(&server.client()).await;
    let opened = log(server.client(), &name).append(opening()).await.unwrap();
    for known in [&[][..], &["inc/0"], &["inc/1"], &["inc/0", "inc/1"]] {
        let repeated = |view: &mut dyn View| look(view).map(|()| Append { streams: Vec::new(), ..opening() });
        let said = asked_beginner(&server, &name, known, repeated).await;
        assert!(matches!(&said, Err(AppendError::Duplicate(first)) if first.streams == opened.streams), "{said:?}");
        let nothing = |view: &mut dyn View| look(view).map(|()| Append::default());
        let said = asked_beginner(&server, &name, known, nothing).await;
        assert!(matches!(&said, Ok(Some(receipt)) if receipt.streams.is_empty()), "{said:?}");
        let refuses = |view: &mut dyn View| look(view).and(Err(ReadError(Arc::new(std::io::Error::other("refused")))));
        let said = asked_beginner(&server, &name, known, refuses).await;
        assert!(matches!(said, Ok(None)), "{said:?}");
    }
}

/// An alarm's incident, and another stream, as one delivery began them.
fn opening() -> Append {
    let streams = [asking(0), asking(1)].into_iter().flat_map(|asking| asking.streams).collect();
    let claim = Claim { key: ClaimKey::new("alarm"), expected: None, holder: Some(StreamId::new("inc/0")) };
    Append { keys: vec![IdemKey::new("delivery")], streams, claims: vec![claim], ..Append::default() }
}

/// Whose the alarm is, and how the other stream stands.
fn look(view: &mut dyn View) -> Result<(), ReadError> {
    view.claimed(&ClaimKey::new("alarm"))?;
    view.stream(&StreamId::new("inc/1"))?;
    Ok(())
}

/// Asks a log that has read no more than these streams, and counts how often it has to ask in turn.
async fn asked_beginner(
    server: &Server,
    table: &str,
    known: &[&str],
    mut decision: impl FnMut(&mut dyn View) -> Result<Append, ReadError> + Send + 'static,
) -> Result<Option<Receipt>, AppendError> {
    let log = log(server.client(), table).as_only_writer();
    for stream in known {
        log.load(&StreamId::new(*stream)).await.unwrap();
    }
    let asked = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&asked);
    let decision = move |view: &mut dyn View| {
        counted.fetch_add(1, Ordering::Relaxed);
        decision(view).ok()
    };
    let said = log.decide(Box::new(decision)).await;
    let asked = asked.load(Ordering::Relaxed);
    assert!(asked <= 8, "{known:?} was known, and the decision was asked {asked} times");
    said
}

fn asking(n: usize) -> Append {
    let event = NewEvent {
        kind: "Noted".to_owned(),
        schema: 1,
        at: now(),
        actor: "test".to_owned(),
        cause: "test".to_owned(),
        body: b"{}".to_vec(),
        raw: None,
    };
    let head = Head { snapshot: Vec::new(), fold: 1, listing: None };
    let stream = StreamId::new(format!("inc/{n}"));
    let write = StreamWrite { stream, expected: Expected::NoStream, events: vec![event], head };
    let effect = NewEffect {
        id: format!("effect/{n:02}").into(),
        due_at: now(),
        kind: "post".to_owned(),
        body: b"{}".to_vec(),
        repeat: Repeat::Safe,
        slot: false,
    };
    Append { streams: vec![write], effects: vec![effect], ..Append::default() }
}

/// Performs what is due until nothing has been due for a while.
async fn perform_until_idle(log: &DynamoLog, holder: &str) -> Vec<String> {
    let (mut performed, mut idle) = (Vec::new(), 0);
    while idle < 40 {
        let leased = log.lease_due(now(), &Holder::new(holder), TimeDelta::seconds(60), 5).await.unwrap();
        idle = if leased.is_empty() { idle + 1 } else { 0 };
        for effect in leased {
            log.settle(&effect.token, Outcome::Done, None).await.unwrap();
            performed.push(effect.effect.id.to_string());
        }
        pause(25).await;
    }
    performed
}

/// Reads the feed while others write, until as many streams were told of as there are.
async fn read_along(log: &DynamoLog, streams: usize) -> usize {
    let (mut cursor, mut told) = (Cursor::start(), BTreeSet::new());
    for _ in 0..1000 {
        let page = log.feed(&cursor, 7).await.unwrap();
        for event in page.events {
            assert!(told.insert((event.stream, event.version)), "once is enough for one reader");
        }
        cursor = page.next;
        if told.len() == streams {
            break;
        }
        pause(10).await;
    }
    told.len()
}

#[expect(clippy::disallowed_methods, reason = "the server and its lag live in real time")]
async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}
