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
    Append, AppendError, Claim, ClaimKey, Cursor, EffectState, Erasure, EventLog, Expected, Head, Holder, IdemKey,
    NewEffect, NewEvent, Outcome, Raw, ReadError, Repeat, StreamId, StreamWrite, View, Walk, contract, decide,
};

const SEED: [u8; 32] = [7; 32];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_the_contract() {
    let dir = TempDir::new().unwrap();
    let made = AtomicUsize::new(0);
    let next = || dir.path().join(made.fetch_add(1, Ordering::Relaxed).to_string());
    contract::event_log(|| Arc::new(SqliteLog::open(next(), SEED).unwrap())).await;
}

/// Also beside a body that shares no table with it, and after it was opened again.
#[tokio::test]
async fn a_log_moves_to_another_store_and_back() {
    let (dir, back) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let memory = crate::MemoryLog::new();
    contract::varied(&memory).await;
    let all = contract::moved(&memory, &SqliteLog::open(dir.path(), SEED).unwrap(), 3).await;
    let middle = SqliteLog::open_read_only(dir.path()).unwrap();
    assert!(contract::moved(&middle, &SqliteLog::open(back.path(), SEED).unwrap(), 1000).await == all);
    let log = SqliteLog::open(back.path(), SEED).unwrap();
    assert_eq!(number(&log).await, 2, "the numbers were kept");
    assert!(contract::moved(&log, &crate::MemoryLog::new(), 7).await.starts_with(&all[..7]));
}

#[tokio::test]
async fn a_restart_finds_everything() {
    let dir = TempDir::new().unwrap();
    let log = SqliteLog::open(dir.path(), SEED).unwrap();
    assert_eq!(number(&log).await, 1);
    let receipt = log.append(alarm("inc/1")).await.unwrap();
    let leased = lease(&log, 0, "serve/1").await;
    drop(log);

    let log = SqliteLog::open(dir.path(), SEED).unwrap();
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
    let log = SqliteLog::open(dir.path(), SEED).unwrap();
    log.append(alarm("inc/1")).await.unwrap();
    let other = Connection::open(dir.path().join("log.db")).unwrap();
    for sql in [
        "UPDATE events SET kind = 'Nothing'",
        "UPDATE events SET kind = 'Nothing', salt = NULL, raw = NULL",
        "UPDATE events SET body = x'00'",
        "DELETE FROM events",
    ] {
        let refused = other.execute(sql, []).unwrap_err().to_string();
        assert_eq!(refused, "events are append-only");
    }
    let seen: (String, String) =
        other.query_row("SELECT stream, body FROM log", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(seen, ("inc/1".to_owned(), "{}".to_owned()), "people can read it");
}

/// Somebody with the file and no log in between: one thing is changed, anywhere, and it has to show.
#[tokio::test]
async fn a_thousand_changes_of_the_past_show() {
    let dir = TempDir::new().unwrap();
    let log = SqliteLog::open(dir.path(), SEED).unwrap();
    for n in 0..4 {
        let opening = Append { keys: Vec::new(), claims: Vec::new(), ..alarm(&format!("inc/{n}")) };
        log.append(opening.clone()).await.unwrap();
        for version in 1..6 {
            let mut more = Append { effects: Vec::new(), ..opening.clone() };
            more.streams[0].expected = Expected::Exact(version);
            log.append(more).await.unwrap();
        }
    }
    drop(log);
    assert_eq!(faults(dir.path()).await, Vec::<String>::new());
    let copy = TempDir::new().unwrap();
    let mut chance = Chance(0x5EED);
    for round in 0..1000 {
        fs::copy(dir.path().join("log.db"), copy.path().join("log.db")).unwrap();
        let done = chance.tamper(&copy.path().join("log.db"));
        let named = faults(copy.path()).await;
        assert!(
            named.iter().any(|fault| fault.starts_with(&done.stream)),
            "round {round}: {done:?} shows as {named:?}"
        );
    }
}

/// What was done to a log, and on which stream it has to show.
#[derive(Debug)]
struct Done {
    stream: String,
    #[expect(dead_code, reason = "read when a check fails")]
    what: String,
}

/// A small generator of numbers (xorshift), so that a failing round can be repeated.
struct Chance(u64);

impl Chance {
    fn below(&mut self, max: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % max as u64).unwrap()
    }

    fn tamper(&mut self, path: &std::path::Path) -> Done {
        let db = Connection::open(path).unwrap();
        db.execute_batch("DROP TRIGGER events_are_never_updated; DROP TRIGGER events_are_never_deleted").unwrap();
        let (stream, version) = (self.below(4), 1 + self.below(6));
        let event = format!("stream = (SELECT no FROM streams WHERE id = 'inc/{stream}') AND version = {version}");
        let what = match self.below(10) {
            0 => format!("DELETE FROM events WHERE {event}"),
            1 => {
                let other = 1 + version % 6;
                let exchanged = format!("CASE version WHEN {version} THEN -{other} ELSE -{version} END");
                format!(
                    "UPDATE events SET version = {exchanged} WHERE {event} OR {}; UPDATE events SET version = -version WHERE version < 0",
                    event.replace(&format!("version = {version}"), &format!("version = {other}")),
                )
            }
            2 => format!("UPDATE streams SET version = version - 1 WHERE id = 'inc/{stream}'"),
            3 => format!("UPDATE streams SET link = zeroblob(32) WHERE id = 'inc/{stream}'"),
            4 => format!("UPDATE events SET at = at + {} WHERE {event}", 1 + self.below(1000)),
            5 => format!("UPDATE events SET schema = schema + 1 WHERE {event}"),
            _ => self.flip(&db, &event),
        };
        db.execute_batch(&what).unwrap();
        Done { stream: format!("inc/{stream}:"), what }
    }

    /// One bit of one byte of one column.
    fn flip(&mut self, db: &Connection, event: &str) -> String {
        let column = ["body", "raw", "salt", "content", "link", "kind", "actor", "cause"][self.below(8)];
        let select = format!("SELECT CAST({column} AS BLOB) FROM events WHERE {event}");
        let mut bytes: Vec<u8> = db.query_row(&select, [], |row| row.get(0)).unwrap();
        let at = self.below(bytes.len());
        bytes[at] ^= 1 << self.below(7);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let kind = if matches!(column, "kind" | "actor" | "cause") { "TEXT" } else { "BLOB" };
        format!("UPDATE events SET {column} = CAST(x'{hex}' AS {kind}) WHERE {event}")
    }
}

/// Every fault, with its stream in front.
async fn faults(dir: &std::path::Path) -> Vec<String> {
    let log = SqliteLog::open_read_only(dir).unwrap();
    let tails = log.tails(&Cursor::start(), usize::MAX).await.unwrap().tails;
    let mut named = Vec::new();
    for tail in tails {
        let mut walk = Walk::default();
        match log.proofs(&tail.stream, 1, usize::MAX).await {
            Ok(proofs) => proofs.iter().for_each(|proof| walk.add(proof)),
            Err(error) => named.push(format!("{}: {error}", tail.stream)),
        }
        named.extend(walk.end(&tail).faults.iter().map(|fault| format!("{}: {fault}", tail.stream)));
    }
    named
}

#[tokio::test]
async fn what_was_erased_is_in_no_file() {
    let dir = TempDir::new().unwrap();
    let log = SqliteLog::open(dir.path(), SEED).unwrap();
    let mut opening = alarm("inc/1");
    opening.streams[0].events[0].body = br#"{"summary":"login with hunter2 failed"}"#.to_vec();
    opening.streams[0].events[0].raw = Some(Raw::new(b"hunter2"));
    opening.streams[0].head.snapshot = br#"{"summary":"login with hunter2 failed"}"#.to_vec();
    log.append(opening).await.unwrap();
    // A state that grows and shrinks leaves its bytes where it was.
    for (version, times) in (1..).zip([10, 100, 10_000, 10, 0]) {
        let mut grown = alarm("inc/1");
        (grown.keys, grown.claims, grown.effects) = (Vec::new(), Vec::new(), Vec::new());
        grown.streams[0].expected = Expected::Exact(version);
        grown.streams[0].head.snapshot = "login with hunter2 failed, ".repeat(times).into_bytes();
        log.append(grown).await.unwrap();
    }
    let holds_it = || {
        fs::read_dir(dir.path()).unwrap().any(|file| {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            bytes.windows(7).any(|part| part == b"hunter2")
        })
    };
    assert!(holds_it());
    let mut told = alarm("inc/1");
    (told.keys, told.claims, told.effects) = (Vec::new(), Vec::new(), Vec::new());
    told.streams[0].expected = Expected::Exact(6);
    told.streams[0].events[0].raw = None;
    told.erase = vec![Erasure { stream: "inc/1".into(), version: 1, body: b"{}".to_vec() }];
    log.append(told).await.unwrap();
    assert!(!holds_it(), "neither the database nor its WAL");
}

#[cfg(unix)]
#[tokio::test]
async fn a_log_and_its_backup_are_their_owners_alone() {
    let rights = |path: &std::path::Path| {
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o777
    };
    let dir = TempDir::new().unwrap();
    let (made, shared) = (dir.path().join("made"), dir.path().join("shared"));
    fs::create_dir(&shared).unwrap();
    let before = rights(&shared);
    for folder in [&made, &shared] {
        let log = SqliteLog::open(folder, SEED).unwrap();
        log.append(alarm("inc/1")).await.unwrap();
        for file in ["log.db", "log.db-wal", "log.db-shm"] {
            assert_eq!(rights(&folder.join(file)), 0o600, "{file}");
        }
        let backup = folder.join("backup.db");
        log.back_up(&backup).await.unwrap();
        assert_eq!(rights(&backup), 0o600);
    }
    assert_eq!((rights(&made), rights(&shared)), (0o700, before));
}

#[tokio::test]
async fn two_writers_cannot_share_a_folder_but_readers_can() {
    let dir = TempDir::new().unwrap();
    let log = SqliteLog::open(dir.path(), SEED).unwrap();
    log.append(alarm("inc/1")).await.unwrap();
    match SqliteLog::open(dir.path(), SEED).err() {
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
    assert!(SqliteLog::open(dir.path(), SEED).is_ok(), "a closed log is free at once");
}

#[tokio::test]
async fn a_folder_that_is_no_log_is_named() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("log.db"), "this is not a database, and it is long enough to look like none").unwrap();
    let error = SqliteLog::open(dir.path(), SEED).err().unwrap().to_string();
    assert_eq!(error, format!("cannot open the event log in {}", dir.path().display()));
    assert!(SqliteLog::open_read_only(dir.path().join("nowhere")).is_err());

    let newer = TempDir::new().unwrap();
    drop(SqliteLog::open(newer.path(), SEED).unwrap());
    Connection::open(newer.path().join("log.db")).unwrap().execute_batch("PRAGMA user_version = 9").unwrap();
    assert!(matches!(SqliteLog::open(newer.path(), SEED), Err(OpenError::TooNew { found: 9, .. })));
}

#[tokio::test]
async fn a_full_disk_refuses_and_then_recovers() {
    let dir = TempDir::new().unwrap();
    let log = SqliteLog::open(dir.path(), SEED).unwrap();
    log.append(alarm("inc/1")).await.unwrap();
    log.writer().unwrap().run(|tx| Ok(tx.db.execute_batch("PRAGMA max_page_count = 1")?)).await.unwrap();
    let mut large = alarm("inc/2");
    large.keys.clear();
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
    let log = Arc::new(SqliteLog::open(dir.path(), SEED).unwrap());
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
                    Append { keys: Vec::new(), claims: Vec::new(), effects: Vec::new(), ..alarm(&format!("inc/{n}")) };
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
        keys: vec![IdemKey::new("delivery")],
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
