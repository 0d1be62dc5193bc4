//! Measures what one durable alarm costs the log: a new stream with one event and 1.5 KB of raw payload, its receipt, its
//! claim, an effect that is due at once and a timer.
//!
//! `cargo bench -p eventlog` prints appends a second and CPU microseconds an append, with 1, 16 and 64 writers.
//! CPU is this process's user and system time, from `/proc/self/stat`, in ticks of 10 ms; the writers' own work counts.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta};
use log::{
    Append, Claim, EventLog, Expected, Head, Holder, Lease, NewEffect, NewEvent, Repeat, SqliteLog, StreamId,
    StreamWrite,
};

const SECONDS: u64 = 3;

fn main() {
    let dir = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("writers   appends/s   cpu us/append   p50 us   p99 us");
    for writers in [1, 16, 64] {
        let temporary = tempfile::tempdir_in(dir.as_deref().unwrap_or("/tmp")).unwrap();
        let log = Arc::new(SqliteLog::open(temporary.path()).unwrap());
        runtime.block_on(measure(&log, writers));
    }
}

async fn measure(log: &Arc<SqliteLog>, writers: usize) {
    let next = Arc::new(AtomicU64::new(0));
    let sample = Arc::new(raw());
    let (began, cpu) = (Instant::now(), cpu_ticks());
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let (log, next, sample) = (Arc::clone(log), Arc::clone(&next), Arc::clone(&sample));
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while began.elapsed() < Duration::from_secs(SECONDS) {
                    let append = alarm(next.fetch_add(1, Ordering::Relaxed), &sample);
                    let sent = Instant::now();
                    log.append(append).await.unwrap();
                    waits.push(sent.elapsed());
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.unwrap());
    }
    waits.sort_unstable();
    let (seconds, ticks) = (began.elapsed().as_secs_f64(), cpu_ticks() - cpu);
    let appends = waits.len();
    println!(
        "{writers:>7} {:>11.0} {:>15.1} {:>8} {:>8}",
        appends as f64 / seconds,
        ticks as f64 * 10_000.0 / appends as f64,
        waits[appends / 2].as_micros(),
        waits[appends * 99 / 100].as_micros(),
    );
}

fn alarm(number: u64, raw: &[u8]) -> Append {
    let at = DateTime::from_timestamp(1_780_000_000, 0).unwrap();
    let stream = StreamId::new(format!("inc/{number}"));
    let effect = |name: &str, due_at, repeat| NewEffect {
        id: format!("inc/{number}/1/{name}").into(),
        due_at,
        kind: name.to_owned(),
        body: format!(r#"{{"incident":{number},"channel":"C0123456789"}}"#).into_bytes(),
        repeat,
        slot: false,
    };
    Append {
        key: Some(format!("cloudwatch/6f1b1a8e-0000-4000-8000-{number:012}").into()),
        streams: vec![StreamWrite {
            stream: stream.clone(),
            expected: Expected::NoStream,
            events: vec![NewEvent {
                kind: "Opened".to_owned(),
                schema: 1,
                at,
                actor: "cloudwatch".to_owned(),
                cause: format!("delivery/{number}"),
                body: vec![b'b'; 600],
                raw: Some(raw.to_vec()),
            }],
            head: Head { snapshot: vec![b's'; 900], fold: 1, listing: Some("open".to_owned()) },
        }],
        claims: vec![Claim { key: format!("alarm/{number}").into(), expected: None, holder: Some(stream) }],
        effects: vec![effect("assign", at, Repeat::Safe), effect("wake", at + TimeDelta::minutes(5), Repeat::Safe)],
        lease: Some(Lease { holder: Holder::new("bench"), at, until: at + TimeDelta::seconds(15) }),
        ..Append::default()
    }
}

/// 1.5 KB that compress about as well as an alarm's JSON does.
fn raw() -> Vec<u8> {
    let mut text = String::new();
    while text.len() < 1500 {
        let field = text.len();
        text.push_str(&format!(r#""field{field}":"value of {field}, {:x}","#, field * 2_654_435_761));
    }
    text.into_bytes()
}

fn cpu_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}
