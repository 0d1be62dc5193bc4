//! A monitoring tool as it should be: it repeats an alarm until it is answered with 2xx, whoever dies meanwhile, and
//! delivers every tenth once more.

use crate::dice::Dice;
use crate::process::SERVICES;
use catops::clock;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tests::TOKEN;

/// The longest pause between two alarms of a sender, in milliseconds.
const PAUSE_MS: u64 = 1000;
/// Until an alarm without an answer is sent again, in milliseconds.
const REPEAT_MS: u64 = 40;
/// How long an answer may take; longer than a start.
const ANSWER: Duration = Duration::from_secs(10);

/// What all senders share: the door, and whether to go on.
pub(crate) struct Traffic {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) over: AtomicBool,
    /// Alarms that were answered so far, for the line of progress.
    pub(crate) answered: AtomicU64,
}

/// One alarm.
#[derive(Debug, Clone)]
pub(crate) struct Alarm {
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) state: &'static str,
    pub(crate) service: &'static str,
}

impl Alarm {
    pub(crate) fn firing(id: &str, key: &str) -> Self {
        Self { id: id.to_owned(), key: key.to_owned(), state: "firing", service: SERVICES[0] }
    }

    /// Sends it once; the status of the answer, if there was one.
    pub(crate) async fn post(&self, http: &reqwest::Client, url: &str) -> Option<u16> {
        let body = json!({
            "title": format!("{} is slow", self.key), "key": self.key, "id": self.id, "state": self.state,
            "severity": "error", "service": self.service,
        });
        let request = http.post(format!("{url}/hooks/generic")).bearer_auth(TOKEN.1).timeout(ANSWER).json(&body);
        request.send().await.ok().map(|answer| answer.status().as_u16())
    }
}

/// What one sender did.
pub(crate) struct Sender {
    name: u64,
    dice: Dice,
    sent: u64,
    /// The keys that fire, with their services: only these are cleared.
    firing: BTreeMap<String, &'static str>,
    pub(crate) answered: Vec<Alarm>,
    pub(crate) redelivered: u64,
    /// Answers that were not 2xx.
    pub(crate) refused: BTreeSet<u16>,
}

impl Sender {
    pub(crate) fn new(name: u64, seed: u64) -> Self {
        let dice = Dice::new(seed.wrapping_mul(1000) + name);
        let (firing, answered, refused) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        Self { name, dice, sent: 0, firing, answered, redelivered: 0, refused }
    }

    /// Seven in ten open an incident, two say the same again, one says that it is over.
    fn next(&mut self) -> Alarm {
        self.sent += 1;
        let id = format!("{}-{}", self.name, self.sent);
        let chance = self.dice.below(10);
        if chance < 3 && !self.firing.is_empty() {
            let place = self.dice.below(self.firing.len() as u64) as usize;
            let found = self.firing.iter().nth(place).map(|(key, service)| (key.clone(), *service));
            let (key, service) = found.expect("the place is one of the map");
            if chance == 0 {
                self.firing.remove(&key);
                return Alarm { id, key, state: "cleared", service };
            }
            return Alarm { id, key, state: "firing", service };
        }
        let service = SERVICES[self.dice.below(SERVICES.len() as u64) as usize];
        let key = format!("key-{id}");
        self.firing.insert(key.clone(), service);
        Alarm { id, key, state: "firing", service }
    }

    /// Sends an alarm until it is answered.
    async fn deliver(&mut self, traffic: &Traffic, alarm: &Alarm) {
        loop {
            match alarm.post(&traffic.http, &traffic.url).await {
                Some(200..300) => return,
                Some(status) => drop(self.refused.insert(status)),
                None => {}
            }
            clock::sleep(Duration::from_millis(REPEAT_MS / 2 + self.dice.below(REPEAT_MS))).await;
        }
    }

    /// Sends until the night is over and all it sent is answered.
    pub(crate) async fn run(mut self, traffic: Arc<Traffic>) -> Self {
        while !traffic.over.load(Ordering::Relaxed) {
            let alarm = self.next();
            self.deliver(&traffic, &alarm).await;
            self.answered.push(alarm);
            traffic.answered.fetch_add(1, Ordering::Relaxed);
            if self.dice.percent(10) {
                let old = self.answered[self.dice.below(self.answered.len() as u64) as usize].clone();
                self.deliver(&traffic, &old).await;
                self.redelivered += 1;
            }
            clock::sleep(Duration::from_millis(self.dice.below(PAUSE_MS))).await;
        }
        self
    }
}
