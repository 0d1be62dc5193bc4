//! What only the SQLite body has: files, locks, triggers, a full disk.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{OpenError, SqliteLog};
use crate::{
    Append, AppendError, Claim, ClaimKey, EffectState, EventLog, Expected, Head, Holder, IdemKey, NewEffect, NewEvent,
    Outcome, Raw, ReadError, Repeat, StreamId, StreamWrite, View, contract, decide,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_the_contract() {
    let dir = TempDir::new().unwrap();
    let made = AtomicUsize::new(0);
    let next = || dir.path().join(made.fetch_add(1, Ordering::Relaxed).to_string());
    contract::event_log(|| Arc::new(SqliteLog::open(next()).unwrap())).await;
}

#[tokio::test]
async fn a_restart_finds_everything() {
    let dir = TempDir::new().unwrap();
    let log = SqliteLog::open(dir.path()).unwrap();
    assert_eq!(number(&log).await, 1);
    let receipt = log.append(alarm("inc/1")).await.unwrap();
    let leased = lease(&log, 0, "serve/1").await;
    drop(log);

    let log = SqliteLog::open(dir.path()).unwrap();
    assert_eq!(log.load(&"inc/1".into()).await.unwrap().unwrap().head.snapshot, b"state");
    assert_eq!(log.events(&"inc/1".into(), 1, 9).await.unwrap().len(), 1);
    assert_eq!(log.raw(&"inc/1".into(), 1).await.unwrap().unwrap(), vec![b'r'; 1500]);
    assert_eq!(log.load_claimed(&ClaimKey::new("alarm")).await.unwrap().unwrap().holder, StreamId::new("inc/1"));
    match log.append(alarm("inc/1")).await {
        Err(AppendError::Duplicate(again)) => assert_eq!(again, receipt),
        other => panic!("the receipt must survive: {other:?}"),
    }
    assert_eq!(number(&log).await, 2);
    assert_eq!(lease(&log, 1, "serve/2").await, [], "the dead process's lease still runs");
    log.settle(&leased[0].token, Outcome::Done, None).await.unwrap();
    assert_eq!(log.effects(EffectState::Done, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_can_change_the_past() {
    let dir = TempDir::new().unwrap();
    let log = SqliteLog::open(dir.path()).unwrap();
    log.append(alarm("inc/1")).await.unwrap();
    let other = Connection::open(dir.path().join("log.db")).unwrap();
    for sql in ["UPDATE events SET kind = 'Nothing'", "DELETE FROM events"] {
        let refused = other.execute(sql, []).unwrap_err().to_string();
        assert_eq!(refused, "events are append-only");
    }
    let seen: (String, String) =
        other.query_row("SELECT stream, body FROM log", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(seen, ("inc/1".to_owned(), "{}".to_owned()), "people can read it");
}

#[tokio::test]
async fn two_writers_cannot_share_a_folder_but_readers_can() {
    let dir = TempDir::new().unwrap();
    let log = SqliteLog::open(dir.path()).unwrap();
    log.append(alarm("inc/1")).await.unwrap();
    match SqliteLog::open(dir.path()).err() {
        Some(OpenError::InUse { pid, .. }) => assert_eq!(pid, std::process::id().to_string()),
        other => panic!("the folder is taken: {other:?}"),
    }
    let reader = SqliteLog::open_read_only(dir.path()).unwrap();
    log.append(alarm("inc/2")).await.unwrap_err();
    assert_eq!(reader.stats().await.unwrap().events, 1);
    for refused in [
        reader.append(alarm("inc/3")).await.err(),
        reader.ping().await.err(),
        reader.decide(Box::new(|_| None)).await.err(),
        reader.lease_due(at(0), &Holder::new("cli"), TimeDelta::seconds(15), 1).await.err(),
    ] {
        match refused {
            Some(AppendError::Unavailable(cause)) => {
                assert_eq!(cause.to_string(), "the event log was opened read-only");
            }
            other => panic!("a reader writes nothing: {other:?}"),
        }
    }
    drop(log);
    assert!(SqliteLog::open(dir.path()).is_ok(), "a closed log is free at once");
}

#[tokio::test]
async fn a_folder_that_is_no_log_is_named() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("log.db"), "this is not a database, and it is long enough to look like none").unwrap();
    let error = SqliteLog::open(dir.path()).err().unwrap().to_string();
    assert_eq!(error, format!("cannot open the event log in {}", dir.path().display()));
    assert!(SqliteLog::open_read_only(dir.path().join("nowhere")).is_err());

    let newer = TempDir::new().unwrap();
    drop(SqliteLog::open(newer.path()).unwrap());
    Connection::open(newer.path().join("log.db")).unwrap().execute_batch("PRAGMA user_version = 9").unwrap();
    assert!(matches!(SqliteLog::open(newer.path()), Err(OpenError::TooNew { found: 9, .. })));
}

#[tokio::test]
async fn a_full_disk_refuses_and_then_recovers() {
    let dir = TempDir::new().unwrap();
    let log = SqliteLog::open(dir.path()).unwrap();
    log.append(alarm("inc/1")).await.unwrap();
    log.writer().unwrap().run(|tx| Ok(tx.db.execute_batch("PRAGMA max_page_count = 1")?)).await.unwrap();
    let mut large = alarm("inc/2");
    large.key = None;
    large.claims.clear();
    large.streams[0].events[0].body = vec![b'x'; 100_000];
    match log.append(large.clone()).await {
        Err(AppendError::Unavailable(cause)) => assert_eq!(cause.to_string(), "database or disk is full"),
        other => panic!("there is no room: {other:?}"),
    }
    assert_eq!(log.stats().await.unwrap().streams, 1);
    log.writer().unwrap().run(|tx| Ok(tx.db.execute_batch("PRAGMA max_page_count = 1000000")?)).await.unwrap();
    log.append(large).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_broken_write_does_not_take_its_neighbours_with_it() {
    let dir = TempDir::new().unwrap();
    let log = Arc::new(SqliteLog::open(dir.path()).unwrap());
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                if n % 8 == 0 {
                    let broken =
                        |tx: &mut super::writer::Tx<'_>| Ok(tx.db.execute_batch("INSERT INTO nowhere VALUES (1)")?);
                    return log.writer().unwrap().run(broken).await.is_err();
                }
                let append =
                    Append { key: None, claims: Vec::new(), effects: Vec::new(), ..alarm(&format!("inc/{n}")) };
                log.append(append).await.is_ok()
            })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    assert_eq!(log.stats().await.unwrap().events, 56);
}

async fn number(log: &SqliteLog) -> u64 {
    let decided = decide(log, |view: &mut dyn View| Ok::<_, ReadError>((Append::default(), view.number("inc")?))).await;
    decided.unwrap().unwrap().1
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

async fn lease(log: &SqliteLog, now: i64, holder: &str) -> Vec<crate::LeasedEffect> {
    log.lease_due(at(now), &Holder::new(holder), TimeDelta::seconds(15), 9).await.unwrap()
}

fn alarm(stream: &str) -> Append {
    let event = NewEvent {
        kind: "Opened".to_owned(),
        schema: 1,
        at: at(0),
        actor: "cloudwatch".to_owned(),
        cause: "delivery".to_owned(),
        body: b"{}".to_vec(),
        raw: Some(Raw::new(&[b'r'; 1500])),
    };
    Append {
        key: Some(IdemKey::new("delivery")),
        streams: vec![StreamWrite {
            stream: stream.into(),
            expected: Expected::NoStream,
            events: vec![event],
            head: Head { snapshot: b"state".to_vec(), fold: 1, listing: Some("open".to_owned()) },
        }],
        claims: vec![Claim { key: "alarm".into(), expected: None, holder: Some(stream.into()) }],
        effects: vec![NewEffect {
            id: "page".into(),
            due_at: at(0),
            kind: "post".to_owned(),
            body: b"{}".to_vec(),
            repeat: Repeat::Reconcile,
            slot: false,
        }],
        ..Append::default()
    }
}
