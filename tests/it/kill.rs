//! The power goes off, again and again, in one data folder: while CatOps starts, while alarms arrive, while it posts.
//! Whatever was answered with 2xx is in the log once, and Slack shows what the log says.
//!
//! `CATOPS_KILLS` sets how often (50); `CATOPS_SEED` which moments (1).
#![expect(clippy::disallowed_methods, reason = "the moments are random, and the senders have their own pace")]
#![expect(clippy::print_stdout, reason = "the figures are part of what it says")]

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tests::{Server, catops, deliveries_of};

/// The latest moment of a kill, in milliseconds after the start or after the first alarm of a round.
const LATEST_KILL_MS: u64 = 700;
const SENDERS: u64 = 6;
/// The longest pause of a sender between two alarms, in milliseconds.
const PAUSE_MS: u64 = 15;
/// What an effect may wait after the last kill: a lease of a dead process, and the backoff after it.
const SETTLING: Duration = Duration::from_secs(60);
/// The first level of the demo's escalation, the run until then included.
const ESCALATION: Duration = Duration::from_secs(150);

/// Small, seeded, good enough to pick moments.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn number_from(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// One alarm as its sender keeps it until it is answered.
#[derive(Clone)]
struct Alarm {
    id: String,
    key: String,
    state: &'static str,
}

impl Alarm {
    async fn post(&self, http: &reqwest::Client, url: &str) -> Result<u16> {
        let body = json!({
            "title": format!("{} is slow", self.key), "key": self.key, "id": self.id, "state": self.state,
            "severity": "error", "service": "checkout-api",
        });
        Ok(http.post(format!("{url}/hooks/generic")).json(&body).send().await?.status().as_u16())
    }
}

/// A monitoring tool as it should be: it repeats an alarm until it is answered, and sometimes once too often.
struct Sender {
    name: u64,
    dice: Dice,
    sent: u64,
    /// Keys that are known to have fired: only these are cleared.
    fired: BTreeSet<String>,
    unanswered: Option<Alarm>,
    answered: Vec<Alarm>,
    repeats: u64,
    failures: Vec<u16>,
}

impl Sender {
    fn new(name: u64, seed: u64) -> Self {
        let dice = Dice(seed.wrapping_mul(1000) + name);
        let (fired, answered, failures) = (BTreeSet::new(), Vec::new(), Vec::new());
        Self { name, dice, sent: 0, fired, unanswered: None, answered, repeats: 0, failures }
    }

    fn next(&mut self) -> Alarm {
        self.sent += 1;
        let key = format!("key-{}-{}", self.name, self.dice.below(2));
        let clear = self.fired.contains(&key) && self.dice.below(3) == 0;
        Alarm { id: format!("{}-{}", self.name, self.sent), key, state: if clear { "cleared" } else { "firing" } }
    }

    /// Sends until the server is gone.
    async fn run(mut self, http: reqwest::Client, url: String) -> Self {
        loop {
            if !self.answered.is_empty() && self.dice.below(6) == 0 {
                let old = self.answered[self.dice.below(self.answered.len() as u64) as usize].clone();
                self.repeats += 1;
                if old.post(&http, &url).await.is_err() {
                    return self;
                }
            }
            let alarm = self.unanswered.take().unwrap_or_else(|| self.next());
            match alarm.post(&http, &url).await {
                Ok(200..300) => {
                    if alarm.state == "firing" {
                        self.fired.insert(alarm.key.clone());
                    }
                    self.answered.push(alarm);
                }
                Ok(status) => {
                    self.failures.push(status);
                    self.unanswered = Some(alarm);
                }
                Err(_) => {
                    self.unanswered = Some(alarm);
                    return self;
                }
            }
            tokio::time::sleep(Duration::from_millis(self.dice.below(PAUSE_MS))).await;
        }
    }
}

/// Starts, lets the senders send, kills.
async fn round_with_traffic(data: &Path, senders: Vec<Sender>, after: Duration) -> Result<Vec<Sender>> {
    let server = Server::demo(data)?;
    let running: Vec<_> =
        senders.into_iter().map(|sender| tokio::spawn(sender.run(server.http.clone(), server.url.clone()))).collect();
    tokio::time::sleep(after).await;
    server.kill();
    let mut back = Vec::new();
    for sender in running {
        back.push(sender.await?);
    }
    Ok(back)
}

/// Every incident by its number, as the API tells it.
async fn incidents(server: &Server) -> Result<BTreeMap<u64, Value>> {
    let mut found = BTreeMap::new();
    for status in ["open", "resolved"] {
        let mut before = String::new();
        loop {
            let page = server.get(&format!("/api/v1/incidents?status={status}&limit=200{before}")).await?;
            for shown in page["incidents"].as_array().context("incidents")? {
                let id: u64 = shown["id"].as_str().and_then(|id| id.strip_prefix("INC-")).context("id")?.parse()?;
                found.insert(id, server.incident(id).await?);
            }
            match page["next"].as_str() {
                Some(next) => before = format!("&before={next}"),
                None => break,
            }
        }
    }
    Ok(found)
}

/// What stands in the channel for incidents, in words.
#[derive(Default)]
struct Shown {
    /// The cards of each incident.
    cards: BTreeMap<u64, Vec<String>>,
    /// The digests.
    digests: Vec<String>,
}

async fn shown(server: &Server) -> Result<Shown> {
    let state = server.get("/local/state?as=U0ANA").await?;
    let mut shown = Shown::default();
    for message in state["messages"]["C0OPS"].as_array().context("the channel")? {
        if !message["thread_ts"].is_null() || !message["only_for"].is_null() {
            continue;
        }
        let text = message["text"].as_str().unwrap_or_default();
        let number = text.split("INC-").nth(1).and_then(|rest| rest.split(|it: char| !it.is_ascii_digit()).next());
        match number {
            _ if text.starts_with("STORM") => shown.digests.push(text.to_owned()),
            Some(number) => shown.cards.entry(number.parse()?).or_default().push(text.to_owned()),
            None => {}
        }
    }
    Ok(shown)
}

/// The digest that an incident shares, when it has no card of its own.
fn digest_of(incident: &Value) -> Option<u64> {
    let own = incident["cards"].as_array().is_some_and(|cards| !cards.is_empty())
        || incident["told"].as_array().is_some_and(|told| !told.is_empty());
    incident["gathered"]["digest"].as_u64().filter(|_| !own)
}

/// The word that a card begins with.
fn word_of(status: &Value) -> &'static str {
    match status.as_str() {
        Some("open") => "Firing",
        Some("acknowledged") => "Acknowledged",
        _ => "Resolved",
    }
}

/// Slack shows what the log says; what is wrong with it otherwise.
async fn slack_agrees(server: &Server, known: &BTreeMap<u64, Value>) -> Result<Result<(), String>> {
    let Shown { cards, digests } = shown(server).await?;
    let numbers: BTreeSet<u64> =
        known.values().filter_map(|incident| incident["incident"]["gathered"]["digest"].as_u64()).collect();
    ensure!(digests.len() <= numbers.len(), "{} digests, and {numbers:?} would do", digests.len());
    for (id, incident) in known {
        if digest_of(&incident["incident"]).is_some() {
            let listed = digests.iter().any(|text| text.contains(&format!("INC-{id} ")) || text.contains("And "));
            if incident["incident"]["status"] != "resolved" && !listed {
                return Ok(Err(format!("INC-{id} is on none of {digests:?}")));
            }
            continue;
        }
        let shown = cards.get(id).map_or(&[][..], Vec::as_slice);
        ensure!(shown.len() <= 1, "INC-{id} has {} cards: {shown:?}", shown.len());
        let status = &incident["incident"]["status"];
        let says = shown.first().is_some_and(|text| text.starts_with(word_of(status)));
        // One that was over before its card could be posted needs none.
        let spared = shown.is_empty() && status == "resolved";
        if !says && !spared {
            return Ok(Err(format!("INC-{id} is {status}, its card says {shown:?}")));
        }
    }
    let strangers: Vec<_> = cards.keys().filter(|id| !known.contains_key(id)).collect();
    ensure!(strangers.is_empty(), "cards of incidents that are not in the log: {strangers:?}");
    Ok(Ok(()))
}

/// How often each delivery is in the log, from the events of all incidents, whose numbers have no gap.
fn deliveries(known: &BTreeMap<u64, Value>) -> Result<BTreeMap<String, u64>> {
    let mut counted = BTreeMap::new();
    for (id, incident) in known {
        for (event, expected) in incident["events"].as_array().context("events")?.iter().zip(1_u64..) {
            ensure!(event["seq"] == expected, "INC-{id}: {} where {expected} belongs", event["seq"]);
            for delivery in deliveries_of(event) {
                *counted.entry(delivery.to_owned()).or_default() += 1;
            }
        }
    }
    Ok(counted)
}

fn events_of<'a>(incident: &'a Value, kind: &str) -> Vec<&'a Value> {
    incident["events"].as_array().into_iter().flatten().filter(|event| event["kind"] == kind).collect()
}

/// What the senders and the kills came to.
struct Night {
    senders: Vec<Sender>,
    kills: u64,
    while_starting: u64,
    took: Duration,
}

async fn kill_often(data: &Path, kills: u64, seed: u64) -> Result<Night> {
    let (began, mut dice, mut while_starting) = (Instant::now(), Dice(seed), 0);
    let mut senders: Vec<Sender> = (0..SENDERS).map(|name| Sender::new(name, seed)).collect();
    for _ in 0..kills {
        let after = Duration::from_millis(dice.below(LATEST_KILL_MS));
        if dice.below(4) == 0 {
            while_starting += 1;
            Server::demo_cut_short(data, after).await?;
        } else {
            senders = round_with_traffic(data, senders, after).await?;
        }
    }
    Ok(Night { senders, kills, while_starting, took: began.elapsed() })
}

impl Night {
    /// After the last kill, every sender gets its answer.
    async fn answer_all(&mut self, server: &Server) -> Result<()> {
        for sender in &mut self.senders {
            if let Some(alarm) = sender.unanswered.take() {
                let status = alarm.post(&server.http, &server.url).await?;
                ensure!((200..300).contains(&status), "{} was answered with {status}", alarm.id);
                sender.answered.push(alarm);
            }
        }
        Ok(())
    }

    /// Every alarm that was answered is in the log once; prints the figures.
    fn check(&self, known: &BTreeMap<u64, Value>) -> Result<()> {
        let counted = deliveries(known)?;
        let alarms = self.senders.iter().flat_map(|sender| &sender.answered);
        let answered: BTreeSet<String> = alarms.map(|alarm| format!("generic:{}", alarm.id)).collect();
        let lost: Vec<_> = answered.iter().filter(|id| !counted.contains_key(*id)).collect();
        let doubled: Vec<_> = counted.iter().filter(|(_, times)| **times != 1).collect();
        let refused: Vec<u16> = self.senders.iter().flat_map(|sender| sender.failures.clone()).collect();
        println!(
            "{} kills, {} of them while starting, in {:.1?}: {} alarms answered, {} of them sent once more; {} lost, {} \
             doubled, {} refused; {} incidents",
            self.kills,
            self.while_starting,
            self.took,
            answered.len(),
            self.senders.iter().map(|sender| sender.repeats).sum::<u64>(),
            lost.len(),
            doubled.len(),
            refused.len(),
            known.len(),
        );
        ensure!(lost.is_empty(), "answered and not in the log: {lost:?}");
        ensure!(doubled.is_empty(), "more than once in the log: {doubled:?}");
        ensure!(refused.is_empty(), "answered, and not with 2xx: {refused:?}");
        Ok(())
    }
}

/// Waits until Slack shows what the log says and nothing is left to do; gives the incidents.
async fn settled(server: &Server) -> Result<BTreeMap<u64, Value>> {
    let quiet = async |server: &Server| {
        let leased = server.metric("catops_effects_leased").await?;
        let overdue = server.metric("catops_effects_overdue_seconds").await?;
        let known = incidents(server).await?;
        let agreed = slack_agrees(server, &known).await?;
        Ok(agreed.and(if leased + overdue == 0.0 {
            Ok(known)
        } else {
            Err(format!("{leased} leased, {overdue} s late"))
        }))
    };
    server.until_within(SETTLING, "Slack to agree with the log", quiet).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_answered_is_lost_or_doubled() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // An incident that nobody touches: its timer must survive everything.
    let server = Server::demo(folder.path())?;
    ensure!(server.fire("sleeper", "sleeper", "Nobody looks at this").await? == 202);
    server.kill();

    let mut night = kill_often(folder.path(), number_from("CATOPS_KILLS", 50), number_from("CATOPS_SEED", 1)).await?;
    let restarted = Instant::now();
    let server = Server::demo(folder.path())?;
    println!("ready {:.1?} after the last start", restarted.elapsed());
    night.answer_all(&server).await?;
    let known = settled(&server).await?;
    println!("Slack agreed with the log {:.1?} after the last start", restarted.elapsed());
    night.check(&known)?;
    let audit = catops(&["audit", "--data", folder.path().to_str().context("UTF-8")?]);
    ensure!(audit.code == Some(0), "the log's own audit agrees: {}{}", audit.stdout, audit.stderr);

    let escalated = async |server: &Server| {
        let sleeper = server.incident(1).await?;
        let levels = events_of(&sleeper, "escalated").into_iter().map(|event| event["level"].to_string());
        let levels: Vec<String> = levels.collect();
        Ok(if levels.is_empty() { Err(sleeper["timeline"].to_string()) } else { Ok(levels) })
    };
    let levels = server.until_within(ESCALATION, "the escalation of INC-1", escalated).await?;
    assert_eq!(levels.iter().collect::<BTreeSet<_>>().len(), levels.len(), "each level is asked once: {levels:?}");
    Ok(())
}

/// An address that takes requests and never answers; how many came is in the number.
async fn silent_host() -> Result<(String, Arc<AtomicUsize>)> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?.to_string();
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            held.push(stream);
        }
    });
    Ok((address, taken))
}

#[tokio::test]
async fn an_action_that_was_cut_short_is_not_run_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (config, data) = (folder.path().join("config"), folder.path().join("data"));
    ensure!(catops(&["init", config.to_str().context("UTF-8")?]).code == Some(0));
    let (host, taken) = silent_host().await?;
    let toml = std::fs::read_to_string(config.join("catops.toml"))?
        .replace("allow_hosts = []", "allow_hosts = [\"http://127.0.0.1\"]")
        .replace("allow_private = []", &format!("allow_private = [\"{host}\"]"));
    std::fs::write(config.join("catops.toml"), toml)?;
    let action = format!(
        "title = \"Ask the silent host\"\ndescription = \"Waits for ever.\"\ntimeout = \"5s\"\nwatch = \"20s\"\nallow = \
         \"any-responder\"\n\n[runner]\nkind = \"http\"\nmethod = \"POST\"\nurl = \"http://{host}/\"\n"
    );
    std::fs::write(config.join("actions/ask-silent-host.toml"), action)?;
    let lint = catops(&["lint", config.to_str().context("UTF-8")?]);
    ensure!(lint.code == Some(0), "{}", lint.stdout);

    let token = ("CATOPS_GENERIC_TOKEN", "correct-horse-battery-staple");
    let server = Server::serve(&config, &data, &[token])?;
    let alarm = json!({ "title": "Disk is full", "key": "disk", "id": "disk-1", "state": "firing" });
    let sent =
        server.http.post(format!("{}/hooks/generic", server.url)).bearer_auth(token.1).json(&alarm).send().await?;
    ensure!(sent.status() == 202, "{}", sent.status());
    let run = json!({ "as": "U0ANA", "channel": "C0OPS", "text": "/catops run ask-silent-host on 1" });
    server.local("say", &run).await?;
    let asked =
        async |_: &Server| Ok(if taken.load(Ordering::SeqCst) == 1 { Ok(()) } else { Err("not asked".to_owned()) });
    server.until("the action to begin", asked).await?;
    server.kill();

    let server = Server::serve(&config, &data, &[token])?;
    let ended = async |server: &Server| {
        let incident = server.incident(1).await?;
        let ended = events_of(&incident, "action_finished").first().map(|event| event["outcome"].clone());
        Ok(ended.ok_or_else(|| incident["timeline"].to_string()))
    };
    let outcome = server.until_within(SETTLING, "the end of the run", ended).await?;
    assert_eq!(outcome, "unknown", "nobody can know");
    assert_eq!(taken.load(Ordering::SeqCst), 1, "the host was asked once");
    let told = async |server: &Server| {
        let cards = server.cards("C0OPS", 1).await?;
        let text = cards.first().map(|card| card["rendered_text"].to_string()).unwrap_or_default();
        Ok(if text.contains("nobody knows") || text.contains("unknown") { Ok(()) } else { Err(text) })
    };
    server.until("a card that says so", told).await?;
    Ok(())
}
