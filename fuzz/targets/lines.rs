//! The lines of an exported log. A file that was changed after it was written is refused or says the same; one that somebody
//! forged with a fitting last line can bring into a log only what follows from its own chain.
#![no_main]

use fuzz::{Input, now};
use log::lines::{FORMAT, Header, LINE_BYTES_MAX, Reader, Writer};
use log::{
    Append, Claim, Cursor, EventLog, Expected, Head, IdemKey, MemoryLog, NewEffect, NewEvent, Piece, Raw, Repeat,
    StreamWrite, Walk,
};
use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    match input.byte() % 3 {
        0 => {
            let file = ours();
            let changed = input.spliced(file);
            if let Ok(pieces) = read(&changed) {
                assert!(pieces == read(file).expect("ours"), "{}", String::from_utf8_lossy(&changed));
            }
        }
        1 => {
            if let Ok(pieces) = read(input.0) {
                same_when_written_again(&pieces);
                put(pieces);
            }
        }
        _ => {
            // The last line is made to fit, as a forger would.
            let changed = input.spliced(ours());
            let mut pieces = Vec::new();
            let lines = changed.split_inclusive(|byte| *byte == b'\n');
            for line in lines.skip(1) {
                let file = [HEAD.as_bytes(), line].concat();
                let Ok(mut reader) = Reader::new(&*file) else { return };
                pieces.extend(reader.piece().ok().flatten());
            }
            same_when_written_again(&pieces);
            put(pieces);
        }
    }
});

const HEAD: &str =
    "{\"eventlog\":{\"format\":1,\"program\":\"fuzz\",\"at\":\"2026-11-28T00:00:00Z\",\"events\":0,\"streams\":0}}\n";

fn read(file: &[u8]) -> Result<Vec<Piece>, log::lines::BadLine> {
    let mut reader = Reader::new(file)?;
    let mut pieces = Vec::new();
    while let Some(piece) = reader.piece()? {
        pieces.push(piece);
    }
    Ok(pieces)
}

fn written(pieces: &[Piece]) -> Option<Vec<u8>> {
    let count = |wanted: fn(&Piece) -> bool| pieces.iter().filter(|piece| wanted(piece)).count() as u64;
    let events = count(|piece| matches!(piece, Piece::Event(_)));
    let streams = count(|piece| matches!(piece, Piece::Stream(_)));
    let header = Header { format: FORMAT, program: "fuzz".to_owned(), at: now(), events, streams };
    let mut writer = Writer::new(Vec::new(), header).expect("memory");
    for piece in pieces {
        // Only what grows beyond a line is refused.
        writer.piece(piece).ok()?;
    }
    Some(writer.end().expect("as many as were said").0)
}

fn same_when_written_again(pieces: &[Piece]) {
    match written(pieces) {
        Some(file) => assert!(read(&file).expect("what was written") == pieces),
        None => assert!(
            pieces.iter().any(|piece| piece.bytes() > LINE_BYTES_MAX / 4),
            "a line is long enough for every piece"
        ),
    }
}

/// Whatever a log takes, its chains hold and its pieces are those that were put.
fn put(pieces: Vec<Piece>) {
    let log = MemoryLog::new();
    let events = pieces.iter().filter(|piece| matches!(piece, Piece::Event(_))).count() as u64;
    if ready(log.put(pieces)).is_err() {
        return;
    }
    let stats = ready(log.stats()).expect("memory");
    assert_eq!(stats.events, events);
    for tail in ready(log.tails(&Cursor::start(), usize::MAX)).expect("memory").tails {
        let mut walk = Walk::default();
        ready(log.proofs(&tail.stream, 1, usize::MAX)).expect("memory").iter().for_each(|proof| walk.add(proof));
        assert_eq!(walk.end(&tail).faults, [], "{}", tail.stream);
    }
    let all = ready(log.pieces(&Cursor::start(), usize::MAX)).expect("memory").pieces;
    let other = MemoryLog::new();
    ready(other.put(all.clone())).expect("what one log gives another takes");
    assert!(ready(other.pieces(&Cursor::start(), usize::MAX)).expect("memory").pieces == all);
}

/// The log in memory never waits.
fn ready<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("the log in memory waited"),
    }
}

/// A file of ours: two streams, a receipt, a claim, effects; a body that is no JSON, and one that was sent.
fn ours() -> &'static [u8] {
    static OURS: OnceLock<Vec<u8>> = OnceLock::new();
    OURS.get_or_init(|| {
        let log = MemoryLog::new();
        for (n, body) in [r#"{"kind":"noted","text":"a"}"#, "no JSON"].into_iter().enumerate() {
            let event = |raw: Option<Raw>| NewEvent {
                kind: "noted".to_owned(),
                schema: 1,
                at: now(),
                actor: "person:ana".to_owned(),
                cause: "d".to_owned(),
                body: body.as_bytes().to_vec(),
                raw,
            };
            let stream = format!("inc/{n}");
            let effect = NewEffect {
                id: format!("page/{n}").into(),
                due_at: now(),
                kind: "task".to_owned(),
                body: b"{}".to_vec(),
                repeat: Repeat::Safe,
                slot: false,
            };
            let append = Append {
                keys: vec![IdemKey::new(format!("d{n}"))],
                claims: vec![Claim { key: format!("k{n}").into(), expected: None, holder: Some("inc/0".into()) }],
                streams: vec![StreamWrite {
                    stream: stream.as_str().into(),
                    expected: Expected::NoStream,
                    events: vec![event(None), event(Some(Raw::new(b"sent")))],
                    head: Head { snapshot: b"{}".to_vec(), fold: 1, listing: Some("open".to_owned()) },
                }],
                effects: vec![effect],
                ..Append::default()
            };
            ready(log.append(append)).expect("an append");
        }
        written(&ready(log.pieces(&Cursor::start(), usize::MAX)).expect("memory").pieces).expect("small lines")
    })
}
