//! A storm on the release binary with its ordinary settings: prints the figures of docs/performance.md.
//!
//! `cargo run --release -p tests --bin storm -- [ALARMS] [PER_SECOND] [KEYS]`
//!
//! Sends alarms of a few keys at a steady rate, each key a service of its own, waits until everything that follows from
//! them is done, and counts what a person sees: incidents, cards, digests, pages. Ends with 1 when an alarm was refused or
//! is unaccounted for, or when the channel got more posts than there are keys.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "it measures time and prints it")]

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tests::{Home, Server, TOKEN, catops, text};

/// How long everything may take to be done after the last alarm.
const DRAIN: Duration = Duration::from_secs(300);

struct Storm {
    alarms: u64,
    per_second: f64,
    keys: u64,
}

/// What the senders saw, in milliseconds; moments since 1970.
#[derive(Default)]
struct Sent {
    refused: u64,
    waits: Vec<f64>,
    /// When each key was first accepted.
    first: BTreeMap<u64, f64>,
}

/// What stands in Slack.
#[derive(Default)]
struct Shown {
    cards: u64,
    digests: u64,
    /// When each key's first page was visible.
    pages: BTreeMap<u64, f64>,
    /// The shortest time between two root posts or pages in one channel.
    closest: f64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let storm = Storm {
        alarms: args.next().map_or(Ok(50_000), |text| text.parse())?,
        per_second: args.next().map_or(Ok(10_000.0 / 60.0), |text| text.parse())?,
        keys: args.next().map_or(Ok(50), |text| text.parse())?,
    };
    let home = Home::new()?;
    let server = home.serve(&[TOKEN])?;
    let sent = send(&server, &storm).await?;
    let incidents = drained(&server).await?;
    let shown = shown(&server).await?;
    let memory = server.peak_memory_kib()?;
    server.kill();
    let audit = catops(&["audit", "--data", text(&home.data)]);
    report(&storm, &sent, incidents, &shown, memory);
    ensure!(audit.code == Some(0), "{}{}", audit.stdout, audit.stderr);
    println!("audit: every alarm is accounted for");
    ensure!(sent.refused == 0, "{} alarms were refused", sent.refused);
    ensure!(incidents <= storm.keys, "more incidents than keys");
    ensure!(shown.cards + shown.digests <= storm.keys, "more posts than keys");
    Ok(())
}

async fn send(server: &Server, storm: &Storm) -> Result<Sent> {
    let mut clock = tokio::time::interval(Duration::from_secs_f64(1.0 / storm.per_second));
    let mut requests = Vec::new();
    for number in 0..storm.alarms {
        clock.tick().await;
        let (http, url) = (server.http.clone(), format!("{}/hooks/generic", server.url));
        let key = number % storm.keys;
        let body = json!({
            "title": format!("storm-{key:03} is slow"), "key": format!("storm-{key:03}"), "id": format!("storm-{number}"),
            "severity": "error", "service": format!("service-{key:03}"), "state": "firing",
        });
        requests.push(tokio::spawn(async move {
            let began = now_ms();
            let status = http.post(url).bearer_auth(TOKEN.1).json(&body).send().await.map(|answer| answer.status());
            (key, began, now_ms(), status.is_ok_and(|status| status.is_success()))
        }));
    }
    let mut sent = Sent::default();
    for request in requests {
        let (key, began, ended, taken) = request.await?;
        sent.refused += u64::from(!taken);
        sent.waits.push(ended - began);
        let first = sent.first.entry(key).or_insert(ended);
        *first = first.min(ended);
    }
    sent.waits.sort_by(f64::total_cmp);
    Ok(sent)
}

/// Waits until nothing is left to do but the timers of escalation; says how many incidents there are.
async fn drained(server: &Server) -> Result<u64> {
    let look = async |server: &Server| {
        let leased = server.metric("catops_effects_leased").await?;
        let late = server.metric("catops_effects_overdue_seconds").await?;
        let incidents = server.get("/api/v1/incidents?status=open&limit=200").await?;
        let ids: BTreeSet<u64> = incidents["incidents"].as_array().into_iter().flatten().filter_map(number).collect();
        let mut waiting = 0;
        for id in &ids {
            let paged =
                server.incident(*id).await?["incident"]["paged"].as_array().is_some_and(|paged| !paged.is_empty());
            waiting += u64::from(!paged);
        }
        let quiet = leased + late == 0.0 && waiting == 0;
        Ok(if quiet { Ok(ids.len() as u64) } else { Err(format!("{leased} leased, {late} s late, {waiting} unpaged")) })
    };
    server.until_within(DRAIN, "everything to be done", look).await
}

fn number(incident: &Value) -> Option<u64> {
    incident["id"].as_str()?.strip_prefix("INC-")?.parse().ok()
}

async fn shown(server: &Server) -> Result<Shown> {
    let state = server.get("/local/state?as=U0ANA").await?;
    let mut shown = Shown { closest: f64::INFINITY, ..Shown::default() };
    for (channel, messages) in state["messages"].as_object().context("messages")? {
        let is_page = channel.starts_with('D');
        let mut before = f64::NEG_INFINITY;
        for message in messages.as_array().into_iter().flatten().filter(|message| message["only_for"].is_null()) {
            let words = message["text"].as_str().unwrap_or_default();
            let at = message["visible_at"].as_f64().context("when it became visible")?;
            shown.closest = shown.closest.min(at - before);
            before = at;
            match key_of(words) {
                Some(key) if is_page => drop(shown.pages.entry(key).or_insert(at)),
                _ if is_page => {}
                _ if words.starts_with("STORM") => shown.digests += 1,
                _ => shown.cards += 1,
            }
        }
    }
    Ok(shown)
}

fn key_of(words: &str) -> Option<u64> {
    let (_, rest) = words.split_once("storm-")?;
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

fn report(storm: &Storm, sent: &Sent, incidents: u64, shown: &Shown, memory_kib: u64) {
    let quantile = |q: f64| sent.waits.get(((sent.waits.len() as f64 - 1.0) * q) as usize).copied().unwrap_or(f64::NAN);
    println!(
        "{} alarms of {} keys at {:.0} a second: {} refused; accepted in p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        storm.alarms,
        storm.keys,
        storm.per_second,
        sent.refused,
        quantile(0.5),
        quantile(0.99),
        quantile(1.0),
    );
    let delays: Vec<f64> =
        shown.pages.iter().filter_map(|(key, at)| Some((at - sent.first.get(key)?) / 1000.0)).collect();
    println!(
        "{incidents} incidents, {} cards, {} digests; {} keys paged: the first {:.2} s after its alarm, the last {:.1} s; \
         two posts in a channel are {:.0} ms apart at least; at most {:.1} MiB of memory",
        shown.cards,
        shown.digests,
        delays.len(),
        delays.iter().copied().fold(f64::INFINITY, f64::min),
        delays.iter().copied().fold(0.0, f64::max),
        shown.closest,
        memory_kib as f64 / 1024.0,
    );
}

fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64() * 1000.0)
}
