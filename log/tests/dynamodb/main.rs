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
    Append, Cursor, DynamoLog, EffectId, EventLog, Expected, Head, Holder, NewEffect, NewEvent, Outcome, Repeat,
    StreamId, StreamWrite, contract,
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
