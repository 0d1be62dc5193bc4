//! What an anchor shows that a chain alone does not: an end that was cut off together with its head.

use super::{Report, anchored, verify};
use crate::anchor::{self, Keeper, Made};
use crate::flow::names;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{Event, FOLD, Incident, IncidentId, Recorded};
use log::{Append, Digest, EventLog, Expected, Head, MemoryLog, NewEvent, SqliteLog, StreamWrite};
use serde_json::{Value, json};
use std::path::Path;

fn at(hours: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
}

async fn write(log: &dyn EventLog, incident: u64, before: u64) {
    let event = NewEvent {
        kind: "noted".to_owned(),
        schema: 1,
        at: at(1),
        actor: "person:ana".to_owned(),
        cause: "test".to_owned(),
        body: br#"{"kind":"noted","by":"ana","text":"ok"}"#.to_vec(),
        raw: None,
    };
    let expected = if before == 0 { Expected::NoStream } else { Expected::Exact(before) };
    let head = Head { snapshot: Vec::new(), fold: 0, listing: None };
    let stream = StreamWrite { stream: names::incident(IncidentId(incident)), expected, events: vec![event], head };
    log.append(Append { streams: vec![stream], ..Append::default() }).await.unwrap();
}

/// Opens an incident with a suggestion and another one beside it, and keeps the state that these lead to.
async fn write_suggested(log: &SqliteLog) {
    let opened = serde_json::from_str(include_str!("../../../tests/corpus/events/opened.1.json")).unwrap();
    let mut suggested: Value =
        serde_json::from_str(include_str!("../../../tests/corpus/events/suggested.1.json")).unwrap();
    suggested["runners_up"] = json!([suggested["suggestions"][0]]);
    let bodies: [(&str, Value); 2] = [("opened", opened), ("suggested", suggested)];
    let recorded: Vec<Recorded> = (1..)
        .zip(&bodies)
        .map(|(seq, (_, body))| Recorded { seq, at: at(1), event: serde_json::from_value(body.clone()).unwrap() })
        .collect();
    assert!(matches!(&recorded[1].event, Event::Suggested { runners_up, .. } if runners_up.len() == 1));
    let incident = Incident::fold(IncidentId(1), &recorded).unwrap();
    let events = bodies.iter().map(|(kind, body)| NewEvent {
        kind: (*kind).to_owned(),
        schema: 1,
        at: at(1),
        actor: "catops".to_owned(),
        cause: "test".to_owned(),
        body: serde_json::to_vec(body).unwrap(),
        raw: None,
    });
    let stream = StreamWrite {
        stream: names::incident(IncidentId(1)),
        expected: Expected::NoStream,
        events: events.collect(),
        head: Head { snapshot: serde_json::to_vec(&incident).unwrap(), fold: FOLD, listing: None },
    };
    log.append(Append { streams: vec![stream], ..Append::default() }).await.unwrap();
}

#[tokio::test]
async fn what_a_snapshot_does_without_is_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let log = SqliteLog::open(folder.path(), [7; 32]).unwrap();
    write_suggested(&log).await;
    let report = verify(&log, |_| ()).await.unwrap();
    assert_eq!((faults(&report), report.events), (Vec::new(), 2));
}

async fn checked(data: &Path, copy: &Path, key: Option<&str>) -> Report {
    let log = SqliteLog::open_read_only(data).unwrap();
    let mut report = verify(&log, |_| ()).await.unwrap();
    anchored(&log, &anchor::of_file(copy).unwrap(), key, &mut report).await.unwrap();
    report
}

fn faults(report: &Report) -> Vec<String> {
    report.faults.iter().map(|fault| format!("{}: {}", fault.stream, fault.what)).collect()
}

/// Two streams, anchored twice, with events after the second anchor.
async fn anchored_log(data: &Path) {
    let log = SqliteLog::open(data, [7; 32]).unwrap();
    for (incident, before) in [(1, 0), (1, 1), (2, 0)] {
        write(&log, incident, before).await;
    }
    let keeper = Keeper::Folder(data);
    assert_eq!(anchor::make(&log, &keeper, at(24)).await.unwrap(), Made { ends: 2, is_whole: true });
    write(&log, 1, 2).await;
    let changed = anchor::make(&log, &keeper, at(48)).await.unwrap();
    assert_eq!(changed.ends, 1, "only what changed");
    assert_eq!(anchor::make(&log, &keeper, at(72)).await.unwrap().ends, 0, "nothing changed");
    write(&log, 2, 1).await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_key_of_the_anchors_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    anchored_log(folder.path()).await;
    let key = std::fs::metadata(folder.path().join("anchor.key")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777, 0o600);
}

#[tokio::test]
async fn without_a_folder_the_key_follows_from_a_text_and_many_streams_take_several_calls() {
    let log = MemoryLog::new();
    for incident in 1..=2500 {
        write(&log, incident, 0).await;
    }
    let keeper = Keeper::Text("nobody can guess this".to_owned());
    let mut made = Vec::new();
    for _call in 0..4 {
        made.push(anchor::make(&log, &keeper, at(24)).await.unwrap());
    }
    assert_eq!(made.iter().map(|made| made.ends).sum::<usize>(), 2500, "each end once");
    assert_eq!(made.iter().map(|made| made.is_whole).collect::<Vec<_>>(), [false, false, true, true]);

    let mut report = verify(&log, |_| ()).await.unwrap();
    anchored(&log, &[], None, &mut report).await.unwrap();
    assert_eq!((faults(&report), report.anchors), (Vec::new(), 3));
    write(&log, 7, 1).await;
    anchor::make(&log, &Keeper::Text("somebody's guess".to_owned()), at(48)).await.unwrap();
    let mut forged = verify(&log, |_| ()).await.unwrap();
    anchored(&log, &[], report.key.as_deref(), &mut forged).await.unwrap();
    assert_eq!(faults(&forged), ["anchors: anchor 4 is not signed by the key"]);
}

/// Cuts the last event of a stream off and rewrites the head as if it had never been.
fn cut(data: &Path, stream: &str, last: u64) {
    let db = rusqlite::Connection::open(data.join("log.db")).unwrap();
    let place = format!("(SELECT no FROM streams WHERE id = '{stream}')");
    let sql = format!(
        "DROP TRIGGER events_are_never_deleted;
         DELETE FROM events WHERE stream = {place} AND version = {last};
         UPDATE streams SET version = version - 1,
             link = (SELECT link FROM events WHERE stream = {place} AND version = {last} - 1) WHERE id = '{stream}'"
    );
    db.execute_batch(&sql).unwrap();
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (data, copy) = (folder.path(), folder.path().join(anchor::FILE));
    anchored_log(data).await;
    let whole = checked(data, &copy, None).await;
    assert_eq!((faults(&whole), whole.anchors), (Vec::new(), 2));
    let key = whole.key.unwrap();
    assert_eq!(faults(&checked(data, &copy, Some(&key)).await), Vec::<String>::new());

    cut(data, "inc/1", 3);
    let named = ["inc/1: event 3, which was anchored on 1970-01-03, is missing"];
    assert_eq!(faults(&checked(data, &copy, Some(&key)).await), named);
}

#[tokio::test]
async fn anchors_cannot_be_cut_off_or_forged_either() {
    let folder = tempfile::tempdir().unwrap();
    let (data, copy) = (folder.path(), folder.path().join(anchor::FILE));
    anchored_log(data).await;
    let key = checked(data, &copy, None).await.key.unwrap();
    let kept = folder.path().join("kept-elsewhere.jsonl");
    std::fs::copy(&copy, &kept).unwrap();

    cut(data, "anchors", 2);
    assert_eq!(faults(&checked(data, &kept, Some(&key)).await), ["anchors: anchor 2 of the copy is not in the log"]);

    // Whoever signs with a key of their own is told from the one whose key is known.
    std::fs::remove_file(data.join("anchor.key")).unwrap();
    std::fs::remove_file(&copy).unwrap();
    let log = SqliteLog::open(data, [7; 32]).unwrap();
    anchor::make(&log, &Keeper::Folder(data), at(96)).await.unwrap();
    drop(log);
    let found = faults(&checked(data, &copy, Some(&key)).await);
    assert!(found.iter().any(|fault| fault == "anchors: anchor 3 is not signed by the key"), "{found:?}");
}

#[test]
fn a_changed_anchor_is_not_authentic() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(anchored_log(folder.path()));
    let mut signed = anchor::of_file(&folder.path().join(anchor::FILE)).unwrap().remove(0);
    assert!(signed.is_authentic());
    signed.anchor.ends.insert("inc/9".to_owned(), (1, Digest::of(b"").to_string()));
    assert!(!signed.is_authentic());
}
