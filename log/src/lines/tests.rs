//! The lines are read back as they were written, and nothing that happened to a file on its way stays unseen.

use proptest::prelude::*;

use super::{BadLine, FORMAT, Header, LINE_BYTES_MAX, Reader, Why, Writer};
use crate::{
    Append, Claim, ClaimKey, Cursor, Digest, EventLog, Expected, Head, IdemKey, MemoryLog, NewEffect, NewEvent, Piece,
    Raw, Repeat, StreamEnd, StreamWrite, chain::Salt,
};

fn header(events: u64, streams: u64) -> Header {
    Header { format: FORMAT, program: "test 1".to_owned(), at: at(0), events, streams }
}

fn at(second: i64) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
}

fn written(pieces: &[Piece]) -> Vec<u8> {
    let count = |wanted: fn(&Piece) -> bool| pieces.iter().filter(|piece| wanted(piece)).count() as u64;
    let header =
        header(count(|piece| matches!(piece, Piece::Event(_))), count(|piece| matches!(piece, Piece::Stream(_))));
    let mut writer = Writer::new(Vec::new(), header).unwrap();
    for piece in pieces {
        writer.piece(piece).unwrap();
    }
    writer.end().unwrap().0
}

fn read(bytes: &[u8]) -> Result<Vec<Piece>, BadLine> {
    let mut reader = Reader::new(bytes)?;
    let mut pieces = Vec::new();
    while let Some(piece) = reader.piece()? {
        pieces.push(piece);
    }
    Ok(pieces)
}

/// A small log that holds something of every kind.
async fn log() -> MemoryLog {
    let log = MemoryLog::new();
    for n in 0..3_u8 {
        let event = |body: &str| NewEvent {
            kind: "noted".to_owned(),
            schema: 1,
            at: at(n.into()),
            actor: "person:ana".to_owned(),
            cause: "d \"1\"".to_owned(),
            body: body.as_bytes().to_vec(),
            raw: Some(Raw::new(b"what was sent\n\0\xff")),
        };
        let bodies = [r#"{"a": "ä\n", "b":[1.50, 2e3]}"#, " {}", "no JSON", "null", ""];
        let write = StreamWrite {
            stream: format!("inc/{n}").into(),
            expected: Expected::NoStream,
            events: bodies.into_iter().map(event).collect(),
            head: Head { snapshot: b"{\"n\":1}".to_vec(), fold: 6, listing: (n > 0).then(|| "open".to_owned()) },
        };
        let effect = NewEffect {
            id: format!("page/{n}").into(),
            due_at: at(60),
            kind: "task".to_owned(),
            body: b"[]".to_vec(),
            repeat: Repeat::Reconcile,
            slot: n == 1,
        };
        let claim = Claim { key: ClaimKey::new(format!("k{n}")), expected: None, holder: Some("inc/0".into()) };
        let append = Append {
            keys: vec![IdemKey::new(format!("d{n}"))],
            streams: vec![write],
            claims: vec![claim],
            effects: vec![effect],
            ..Append::default()
        };
        log.append(append).await.unwrap();
    }
    log
}

async fn pieces() -> Vec<Piece> {
    log().await.pieces(&Cursor::start(), usize::MAX).await.unwrap().pieces
}

#[tokio::test]
async fn a_log_is_read_back_as_it_was_written() {
    let pieces = pieces().await;
    let bytes = written(&pieces);
    assert_eq!(read(&bytes).unwrap(), pieces);
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text.lines().count(), pieces.len() + 2);
    assert!(text.starts_with(r#"{"eventlog":{"format":1,"program":"test 1","at":"2023-11-14T22:13:20Z","events":15"#));
    assert!(
        text.contains(r#""body":{"a": "ä\n", "b":[1.50, 2e3]},"#),
        "a body stands in its line byte for byte: {text}"
    );
}

#[track_caller]
fn check(bytes: &[u8], line: u64, why: &str) {
    let bad = read(bytes).expect_err("it is not as it was written");
    assert_eq!((bad.line, bad.why.to_string().contains(why)), (line, true), "{bad}");
}

#[tokio::test]
async fn what_happened_on_the_way_is_named() {
    let bytes = written(&pieces().await);
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let last = lines.len() as u64;
    let without = |place: usize| [&lines[..place], &lines[place + 1..]].concat().concat();
    check(b"", 1, "no exported log");
    check(b"{\"schemaVersion\":1}\n", 1, "no exported log");
    check(&without(0), 1, "no exported log");
    check(&without(3), last - 1, "lines are missing");
    check(&without(lines.len() - 1), last, "the file was cut");
    check(&bytes[..bytes.len() - 1], last, "the file was cut");
    check(&bytes[..bytes.len() / 2], bytes[..bytes.len() / 2].split(|byte| *byte == b'\n').count() as u64, "cut");
    check(&[&bytes[..], b"\n"].concat(), last + 1, "behind the last line");
    let mut moved = lines.clone();
    moved.swap(2, 3);
    check(&moved.concat(), last, "changed or moved");
    let changed = String::from_utf8(bytes.clone()).unwrap().replacen("person:ana", "person:ben", 1);
    check(changed.as_bytes(), last, "changed or moved");
    let newer = String::from_utf8(bytes.clone()).unwrap().replacen("\"format\":1", "\"new\":0,\"format\":2", 1);
    check(newer.as_bytes(), 1, "use the newer program");
    let unknown = String::from_utf8(bytes.clone()).unwrap().replacen("\"kind\"", "\"kin\"", 1);
    check(unknown.as_bytes(), 2, "unknown field `kin`");
    check(&[lines[0], &vec![b' '; LINE_BYTES_MAX + 1]].concat(), 2, "longer than");
}

#[test]
fn a_header_that_does_not_fit_is_not_ended() {
    assert!(Writer::new(Vec::new(), header(1, 0)).unwrap().end().is_err());
    let mut writer = Writer::new(Vec::new(), header(0, 0)).unwrap();
    let endless = Piece::Claim { key: "k".repeat(LINE_BYTES_MAX).into(), holder: "inc/1".into() };
    assert!(writer.piece(&endless).is_err(), "a line that could not be read again");
}

/// Through the lines of one into another log: every answer is the same.
#[tokio::test]
async fn a_log_that_was_moved_answers_as_before() {
    let (old, new) = (log().await, MemoryLog::new());
    new.put(read(&written(&pieces().await)).unwrap()).await.unwrap();
    let all = |log: MemoryLog| async move { log.pieces(&Cursor::start(), usize::MAX).await.unwrap() };
    assert!(all(old).await == all(new).await);
}

#[tokio::test]
async fn what_does_not_follow_is_not_put() {
    let pieces = pieces().await;
    let mut changed = pieces.clone();
    for piece in &mut changed {
        if let Piece::Event(proof) = piece
            && proof.event.stream.as_str() == "inc/1"
            && proof.event.version == 3
        {
            proof.event.body = b"yes, JSON".to_vec();
        }
    }
    let refused = MemoryLog::new().put(changed).await.unwrap_err();
    assert_eq!(refused.to_string(), "inc/1: the content of event 3 was changed");
    let mut without = pieces.clone();
    without.remove(1);
    let refused = MemoryLog::new().put(without).await.unwrap_err();
    assert_eq!(refused.to_string(), "inc/0: event 2 is missing");
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        r#"[ \n{}\[\]",:0-9a-e\\un]{0,12}"#.prop_map(String::into_bytes),
        Just(b"null".to_vec()),
        r#"\{"[a-z]{1,3}":("[^"\\\pC]{0,5}"|[1-9]{1,30}\.0|true)\}"#.prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn contents_keep_every_byte(snapshot in bytes(), name in ".{0,9}", salt in any::<[u8; 16]>(), digest in bytes()) {
        let head = Head { snapshot, fold: 1, listing: Some(name.clone()) };
        let end = StreamEnd { id: name.into(), version: u64::MAX, link: Digest::of(&digest), head };
        let pieces = [Piece::Stream(end)];
        let line = written(&pieces);
        prop_assert_eq!(line.split(|byte| *byte == b'\n').count(), 4);
        prop_assert_eq!(read(&line).unwrap(), pieces);
        let salt = Salt::from_bytes(salt);
        prop_assert_eq!(Salt::from_hex(&salt.to_string()), Some(salt));
    }

    #[test]
    fn no_line_makes_it_panic(line in bytes()) {
        let file = [written(&[]).as_slice(), &line].concat();
        let read = read(&file);
        prop_assert!(line.is_empty() || matches!(read, Err(BadLine { why: Why::Behind | Why::Cut, .. })), "{:?}", read);
    }
}
