//! A file brings no state along that its events do not lead to, and says nothing that the log's own rules would not.

use super::{export, import};
use crate::flow::change;
use crate::flow::names;
use incident::{Event, FOLD, Incident, IncidentId, Recorded, SCHEMA};
use log::{Append, Cursor, EventLog, Expected, MemoryLog, NewEvent, Piece, StreamWrite};

/// An incident of three events and, beside it, the state of another one.
async fn forged() -> MemoryLog {
    let log = MemoryLog::new();
    let at = "2026-11-28T05:00:00Z".parse().unwrap();
    let events = [
        serde_json::from_str(include_str!("../../../tests/corpus/events/opened.1.json")).unwrap(),
        Event::Acknowledged { by: "ana".into(), timeout_seconds: None },
        Event::Resolved { by: "ana".into(), note: String::new() },
    ];
    let new = |event: &Event| NewEvent {
        kind: event.kind().to_owned(),
        schema: SCHEMA,
        at,
        actor: "person:ana".to_owned(),
        cause: "test".to_owned(),
        body: change::json(event),
        raw: None,
    };
    let recorded: Vec<Recorded> =
        events.iter().zip(1..).map(|(event, seq)| Recorded { seq, at, event: event.clone() }).collect();
    let open = Incident::fold(IncidentId(1), &recorded[..2]).unwrap();
    let write = StreamWrite {
        stream: names::incident(IncidentId(1)),
        expected: Expected::NoStream,
        events: events.iter().map(new).collect(),
        head: change::head(&open),
    };
    log.append(Append { streams: vec![write], ..Append::default() }).await.unwrap();
    log
}

async fn exported(log: &MemoryLog) -> Vec<u8> {
    let (bytes, counts) =
        export(log, Vec::new(), |header, counts| assert!(counts.events <= header.events)).await.unwrap();
    assert_eq!((counts.events, counts.streams), (3, 1));
    bytes
}

#[tokio::test]
async fn a_state_is_folded_anew_on_the_way_in() {
    let log = MemoryLog::new();
    import(&log, &*exported(&forged().await).await, |_, _| ()).await.unwrap();
    let stream = log.load(&names::incident(IncidentId(1))).await.unwrap().unwrap();
    let incident: Incident = serde_json::from_slice(&stream.head.snapshot).unwrap();
    assert_eq!((incident.is_open(), stream.head.fold), (false, FOLD));
    assert_eq!(stream.head.listing.as_deref(), Some(names::RESOLVED));
    assert_eq!(log.list(names::OPEN, None, 9).await.unwrap().streams, []);
}

#[tokio::test]
async fn a_piece_that_does_not_fit_is_named_by_its_line() {
    let text = String::from_utf8(exported(&forged().await).await).unwrap();
    let third: Vec<&str> = text.lines().enumerate().filter(|(place, _)| *place != 2).map(|(_, line)| line).collect();
    let error = import(&MemoryLog::new(), format!("{}\n", third.join("\n")).as_bytes(), |_, _| ()).await.unwrap_err();
    assert_eq!(error.to_string(), "line 3: inc/1: event 2 is missing");
    let error = import(&MemoryLog::new(), &text.as_bytes()[..text.len() - 2], |_, _| ()).await.unwrap_err();
    assert!(error.to_string().starts_with("line 6: the file was cut"), "{error}");
}

#[tokio::test]
async fn an_event_that_only_a_newer_program_reads_is_taken_along() {
    let log = MemoryLog::new();
    let event = NewEvent {
        kind: "foreseen".to_owned(),
        schema: 9,
        at: "2026-11-28T05:00:00Z".parse().unwrap(),
        actor: "catops".to_owned(),
        cause: "test".to_owned(),
        body: br#"{"kind":"foreseen"}"#.to_vec(),
        raw: None,
    };
    let head = log::Head { snapshot: b"{}".to_vec(), fold: FOLD + 1, listing: None };
    let (stream, expected) = (names::incident(IncidentId(7)), Expected::NoStream);
    let write = StreamWrite { stream, expected, events: vec![event], head };
    log.append(Append { streams: vec![write], ..Append::default() }).await.unwrap();
    let (bytes, _) = export(&log, Vec::new(), |_, _| ()).await.unwrap();
    let new = MemoryLog::new();
    import(&new, &*bytes, |_, _| ()).await.unwrap();
    let pieces = async |log: MemoryLog| log.pieces(&Cursor::start(), 99).await.unwrap().pieces;
    let (old, new) = (pieces(log).await, pieces(new).await);
    assert!(old == new && matches!(old[..], [Piece::Event(_), Piece::Stream(_)]));
}

/// A log with one event of a stream and a state beside it that does not follow from that, moved to another log; returns the
/// state there.
async fn state_after_the_move(stream: &log::StreamId, kind: &str, body: serde_json::Value, state: &str) -> Vec<u8> {
    let event = NewEvent {
        kind: kind.to_owned(),
        schema: SCHEMA,
        at: chrono::DateTime::UNIX_EPOCH,
        actor: "test".to_owned(),
        cause: "test".to_owned(),
        body: serde_json::to_vec(&body).unwrap(),
        raw: None,
    };
    let head = log::Head { snapshot: state.as_bytes().to_vec(), fold: FOLD, listing: None };
    let write = StreamWrite { stream: stream.clone(), expected: Expected::NoStream, events: vec![event], head };
    let (forged, log) = (MemoryLog::new(), MemoryLog::new());
    forged.append(Append { streams: vec![write], ..Append::default() }).await.unwrap();
    let (bytes, _) = export(&forged, Vec::new(), |_, _| ()).await.unwrap();
    import(&log, bytes.as_slice(), |_, _| ()).await.unwrap();
    log.load(stream).await.unwrap().unwrap().head.snapshot
}

#[tokio::test]
async fn what_was_changed_is_folded_anew_too() {
    let change = serde_json::json!({ "at": "2026-11-28T00:00:00Z", "kind": "deploy", "title": "v813" });
    // A state that says that nothing was changed.
    let kept = state_after_the_move(&names::changes(), "changed", change, "[]").await;
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&kept).unwrap()[0]["title"], "v813");
}

#[tokio::test]
async fn no_file_brings_a_feed_along_that_nobody_opened() {
    let revoked = serde_json::json!({ "kind": "feed_revoked", "id": 1, "by": "ana" });
    let open = r#"{"id":1,"whose":{"person":"ana"},"digest":"","by":"eve","at":"2026-11-28T00:00:00Z"}"#;
    let state = format!(r#"{{"site":"x.catops","last":1,"open":[{open}]}}"#);
    let kept = state_after_the_move(&names::feeds(), "feed_revoked", revoked, &state).await;
    let kept: crate::flow::feeds::Feeds = serde_json::from_slice(&kept).unwrap();
    assert!(kept.open.is_empty(), "{kept:?}");
}
