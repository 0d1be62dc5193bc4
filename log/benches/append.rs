//! Measures what one durable alarm costs the log: a new stream with one event of 1.2 KB of JSON that keeps the 1.8 KB
//! CloudWatch sent, its receipt, its claim, and an effect that is due at once. The second shape adds a timer and a
//! snapshot of 900 bytes.
//!
//! `cargo bench -p eventlog` prints appends a second, and CPU microseconds and kilobytes written an append, with 1, 16
//! and 64 writers.
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
    Append, Claim, EventLog, Expected, Head, Holder, Lease, NewEffect, NewEvent, Raw, Repeat, SqliteLog, StreamId,
    StreamWrite,
};

const SECONDS: u64 = 3;

/// What CloudWatch sends through EventBridge; `@` stands for what differs from alarm to alarm.
const RAW: &str = r#"{"version":"0","id":"6f1b1a8e-0000-4000-8000-@","detail-type":"CloudWatch Alarm State Change","source":"aws.cloudwatch","account":"123456789012","time":"2026-05-28T20:26:40Z","region":"eu-central-1","resources":["arn:aws:cloudwatch:eu-central-1:123456789012:alarm:checkout-@-latency"],"detail":{"alarmName":"checkout-@-latency","configuration":{"description":"p99 latency of checkout is above what customers accept; runbook https://wiki.example.com/checkout/latency","metrics":[{"id":"e1","expression":"m1 / m2 * 100","label":"Expression1","returnData":true},{"id":"m1","metricStat":{"metric":{"dimensions":{"LoadBalancer":"app/checkout/50dc6c495c0c@","TargetGroup":"targetgroup/checkout/73e2d6bc24d8a067"},"name":"TargetResponseTime","namespace":"AWS/ApplicationELB"},"period":60,"stat":"p99"},"returnData":false},{"id":"m2","metricStat":{"metric":{"dimensions":{"LoadBalancer":"app/checkout/50dc6c495c0c@"},"name":"RequestCount","namespace":"AWS/ApplicationELB"},"period":60,"stat":"Sum"},"returnData":false}]},"previousState":{"reason":"Threshold Crossed: 1 out of the last 1 datapoints [0.41 (28/05/26 20:20:00)] was not greater than the threshold (1.5) (minimum 1 datapoint for ALARM -> OK transition).","reasonData":"{\"version\":\"1.0\",\"queryDate\":\"2026-05-28T20:21:40.113+0000\",\"startDate\":\"2026-05-28T20:20:00.000+0000\",\"period\":60,\"recentDatapoints\":[0.41],\"threshold\":1.5}","timestamp":"2026-05-28T20:21:40.120+0000","value":"OK"},"state":{"reason":"Threshold Crossed: 1 out of the last 1 datapoints [2.7@ (28/05/26 20:25:00)] was greater than the threshold (1.5) (minimum 1 datapoint for OK -> ALARM transition).","timestamp":"2026-05-28T20:26:40.120+0000","value":"ALARM"}}}"#;

/// The event that it becomes.
const BODY: &str = r#"{"Opened":{"alarm":{"source":"eventbridge","delivery":"cloudwatch/6f1b1a8e-0000-4000-8000-@","key":"cloudwatch/123456789012/eu-central-1/checkout-@-latency","state":"firing","severity":"high","title":"checkout-@-latency","summary":"Threshold Crossed: 1 out of the last 1 datapoints [2.7@ (28/05/26 20:25:00)] was greater than the threshold (1.5) (minimum 1 datapoint for OK -> ALARM transition).","resource":"app/checkout/50dc6c495c0c@","service":"checkout","labels":{"LoadBalancer":"app/checkout/50dc6c495c0c@","TargetGroup":"targetgroup/checkout/73e2d6bc24d8a067","account":"123456789012","description":"p99 latency of checkout is above what customers accept; runbook https://wiki.example.com/checkout/latency","expr":"m1 / m2 * 100","metric":"TargetResponseTime","namespace":"AWS/ApplicationELB","region":"eu-central-1","stat":"p99"},"links":[{"title":"CloudWatch","url":"https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#alarmsV2:alarm/checkout-@-latency"},{"title":"runbook","url":"https://wiki.example.com/checkout/latency"}],"occurred_at":"2026-05-28T20:26:40.120Z"},"service":"checkout","severity":"high"}}"#;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Opening,
    WithTimer,
}

fn main() {
    let dir = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("of each append, {:.1} us are for making it up", making_us());
    println!("    shape   writers   appends/s   cpu us/append   KB/append   p50 us   p99 us");
    for (shape, writers) in [(Shape::Opening, 1), (Shape::Opening, 16), (Shape::Opening, 64), (Shape::WithTimer, 64)] {
        let temporary = tempfile::tempdir_in(dir.as_deref().unwrap_or("/tmp")).unwrap();
        let log = Arc::new(SqliteLog::open(temporary.path(), [7; 32]).unwrap());
        runtime.block_on(measure(&log, shape, writers));
    }
}

/// What the measuring program adds itself.
fn making_us() -> f64 {
    const COUNT: u64 = 20_000;
    let began = Instant::now();
    for number in 0..COUNT {
        std::hint::black_box(alarm(number, Shape::Opening));
    }
    began.elapsed().as_secs_f64() * 1e6 / COUNT as f64
}

async fn measure(log: &Arc<SqliteLog>, shape: Shape, writers: usize) {
    let next = Arc::new(AtomicU64::new(1));
    let (began, cpu, bytes) = (Instant::now(), cpu_ticks(), bytes_written());
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let (log, next) = (Arc::clone(log), Arc::clone(&next));
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while began.elapsed() < Duration::from_secs(SECONDS) {
                    let append = alarm(next.fetch_add(1, Ordering::Relaxed), shape);
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
    let (seconds, ticks, bytes) = (began.elapsed().as_secs_f64(), cpu_ticks() - cpu, bytes_written() - bytes);
    let appends = waits.len();
    println!(
        "{shape:>9?} {writers:>9} {:>11.0} {:>15.1} {:>11.1} {:>8} {:>8}",
        appends as f64 / seconds,
        ticks as f64 * 10_000.0 / appends as f64,
        bytes as f64 / 1000.0 / appends as f64,
        waits[appends / 2].as_micros(),
        waits[appends * 99 / 100].as_micros(),
    );
}

fn alarm(number: u64, shape: Shape) -> Append {
    let at = DateTime::from_timestamp(1_780_000_000, 0).unwrap();
    let stream = StreamId::new(format!("inc/{number}"));
    let different = format!("{number:012}");
    let effect = |name: &str, due_at| NewEffect {
        id: format!("{name}/{number}/1").into(),
        due_at,
        kind: "task".to_owned(),
        body: format!(r#"{{"Triage":{{"incident":{number},"level":0}}}}"#).into_bytes(),
        repeat: Repeat::Safe,
        slot: false,
    };
    let mut effects = vec![effect("triage", at)];
    let mut snapshot = Vec::new();
    if shape == Shape::WithTimer {
        effects.push(effect("ack", at + TimeDelta::minutes(5)));
        snapshot = BODY.as_bytes()[..900].to_vec();
    }
    Append {
        keys: vec![format!("cloudwatch/6f1b1a8e-0000-4000-8000-{different}").into()],
        streams: vec![StreamWrite {
            stream: stream.clone(),
            expected: Expected::NoStream,
            events: vec![NewEvent {
                kind: "Opened".to_owned(),
                schema: 1,
                at,
                actor: "source:eventbridge".to_owned(),
                cause: format!("cloudwatch/6f1b1a8e-0000-4000-8000-{different}"),
                body: filled(BODY, &different),
                raw: Some(Raw::new(&filled(RAW, &different))),
            }],
            head: Head { snapshot, fold: 1, listing: Some("open".to_owned()) },
        }],
        claims: vec![Claim {
            key: format!("cloudwatch/123456789012/eu-central-1/checkout-{different}-latency").into(),
            expected: None,
            holder: Some(stream),
        }],
        effects,
        lease: Some(Lease { holder: Holder::new("bench"), at, until: at + TimeDelta::seconds(15) }),
        ..Append::default()
    }
}

fn filled(template: &str, different: &str) -> Vec<u8> {
    let mut text = Vec::with_capacity(template.len() + 100);
    for part in template.split('@') {
        text.extend_from_slice(part.as_bytes());
        text.extend_from_slice(different.as_bytes());
    }
    text
}

/// Into the database and its WAL together.
fn bytes_written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap().parse().unwrap()
}

fn cpu_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}
