//! The world, its journal, and what may be forgotten: triggers, faults, traffic and the pace of posts.
//!
//! `commit` is the only way to change the world; it writes first, then applies, then tells the open pages.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::journal::{Journal, JournalError};
use super::world::{Channel, ChannelKind, Record, World};
use super::{SimConfig, TRIGGER_LIFE};

/// Exchanges that the inspector can show.
const TRAFFIC_KEPT: usize = 300;
/// Triggers remembered, so that a late use is told from an invented one.
const TRIGGERS_KEPT: usize = 1_000;

/// A ticket to open one view.
pub(super) struct Trigger {
    pub(super) person: String,
    issued_at: DateTime<Utc>,
    used: bool,
    /// The modal whose element was used, if any: only then may a view be pushed.
    pub(super) from_modal: Option<String>,
}

/// One HTTP exchange, as the inspector shows it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Exchange {
    pub(super) number: u64,
    /// Unix milliseconds.
    pub(super) at: f64,
    /// `to_app` or `from_app`.
    pub(super) direction: &'static str,
    /// The API method or the app's path.
    pub(super) name: String,
    /// The HTTP status, or what went wrong.
    pub(super) status: String,
    pub(super) duration_ms: f64,
    pub(super) request: Value,
    pub(super) response: Value,
}

/// What an app is made to suffer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FaultKind {
    Ratelimited,
    InternalError,
    Slow,
    AppliedThenTimeout,
    Down,
    /// Any of Slack's error codes.
    #[serde(untagged)]
    Code(String),
}

/// A fault for the next `count` calls of a method; a count of 0 takes back those that wait for this method.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Fault {
    /// An API method, or `*`.
    pub(super) method: String,
    pub(super) kind: FaultKind,
    #[serde(default = "once")]
    pub(super) count: u32,
    /// For `slow` and `applied_then_timeout`: how long the answer is withheld.
    #[serde(default)]
    pub(super) delay_ms: Option<u64>,
    /// For `ratelimited`: the value of `Retry-After`, in seconds.
    #[serde(default)]
    pub(super) retry_after: Option<u32>,
}

fn once() -> u32 {
    1
}

/// A file that is on its way.
pub(super) struct Upload {
    pub(super) name: String,
    /// What a screen reader says in its place.
    pub(super) alt: String,
    /// How many bytes were announced.
    pub(super) length: usize,
    /// None until they came.
    pub(super) bytes: Option<Vec<u8>>,
}

pub(super) struct State {
    pub(super) world: World,
    /// Files that were announced and are not shown yet, by their ids.
    pub(super) uploads: BTreeMap<String, Upload>,
    journal: Journal,
    changes: broadcast::Sender<u64>,
    triggers: BTreeMap<String, Trigger>,
    faults: Vec<Fault>,
    pub(super) traffic: VecDeque<Exchange>,
    traffic_count: u64,
    pub(super) last_post: BTreeMap<String, DateTime<Utc>>,
    ids: u64,
}

impl State {
    pub(super) fn open(config: &SimConfig, changes: broadcast::Sender<u64>) -> Result<Self, JournalError> {
        let (journal, records) = Journal::open(config.journal.as_deref())?;
        let mut world = World::default();
        for record in records {
            world.apply(record);
        }
        let mut state = Self {
            world,
            uploads: BTreeMap::new(),
            journal,
            changes,
            triggers: BTreeMap::new(),
            faults: Vec::new(),
            traffic: VecDeque::new(),
            traffic_count: 0,
            last_post: BTreeMap::new(),
            ids: 0,
        };
        state
            .seed(config)
            .map_err(|source| JournalError::File { path: config.journal.clone().unwrap_or_default(), source })?;
        Ok(state)
    }

    /// Adds what the configuration names and the journal lacks: channels, and each person's direct message with the app.
    fn seed(&mut self, config: &SimConfig) -> io::Result<()> {
        let created = (config.clock)().timestamp();
        let everybody = || config.people.iter().map(|person| person.id.clone()).chain([config.app.bot_user_id.clone()]);
        let public = config.channels.iter().map(|seed| Channel {
            id: seed.id.clone(),
            name: seed.name.clone(),
            topic: seed.topic.clone(),
            kind: ChannelKind::Public,
            members: everybody().collect(),
            archived: false,
            created,
        });
        let direct = config.people.iter().map(|person| direct_channel(config, &[person.id.as_str()], created));
        for channel in public.chain(direct) {
            if !self.world.channels.contains_key(&channel.id) {
                self.commit(Record::ChannelAdded { channel })?;
            }
        }
        Ok(())
    }

    /// Journals, applies and announces one change.
    pub(super) fn commit(&mut self, record: Record) -> io::Result<()> {
        self.journal.append(&record)?;
        self.world.apply(record);
        self.announce();
        Ok(())
    }

    /// Tells open pages to look again. Nobody listening is no error.
    fn announce(&self) {
        self.changes.send(self.world.revision).ok();
    }

    /// An id that never repeats: the journal's length and the clock survive a restart, the counter tells equals apart.
    pub(super) fn mint(&mut self, prefix: &str, now: DateTime<Utc>) -> String {
        self.ids += 1;
        format!("{prefix}{:X}{:X}{:X}", now.timestamp_millis(), self.world.revision, self.ids)
    }

    pub(super) fn issue_trigger(&mut self, person: &str, from_modal: Option<String>, now: DateTime<Utc>) -> String {
        let unique = self.mint("", now).to_lowercase();
        let id = format!("{}.{}.{unique}", now.timestamp_millis(), self.world.revision);
        while self.triggers.len() >= TRIGGERS_KEPT {
            self.triggers.pop_first();
        }
        self.triggers
            .insert(id.clone(), Trigger { person: person.to_owned(), issued_at: now, used: false, from_modal });
        id
    }

    /// Spends a trigger, or says with Slack's code why it cannot be spent.
    pub(super) fn spend_trigger(&mut self, id: &str, now: DateTime<Utc>) -> Result<&Trigger, &'static str> {
        let trigger = self.triggers.get_mut(id).ok_or("invalid_trigger_id")?;
        if trigger.used {
            return Err("exchanged_trigger_id");
        }
        if now - trigger.issued_at > TRIGGER_LIFE {
            return Err("expired_trigger_id");
        }
        trigger.used = true;
        Ok(trigger)
    }

    pub(super) fn add_fault(&mut self, fault: Fault) {
        if fault.count == 0 {
            self.faults.retain(|waiting| waiting.method != fault.method);
        } else {
            self.faults.push(fault);
        }
    }

    /// The fault that hits this call, used up by one.
    pub(super) fn take_fault(&mut self, method: &str) -> Option<Fault> {
        let at = self.faults.iter().position(|fault| fault.method == method || fault.method == "*")?;
        let fault = self.faults.get_mut(at)?;
        fault.count = fault.count.saturating_sub(1);
        let hit = fault.clone();
        if fault.count == 0 {
            self.faults.remove(at);
        }
        Some(hit)
    }

    pub(super) fn record_traffic(&mut self, mut exchange: Exchange) {
        self.traffic_count += 1;
        exchange.number = self.traffic_count;
        mask(&mut exchange.request);
        mask(&mut exchange.response);
        if self.traffic.len() == TRAFFIC_KEPT {
            self.traffic.pop_front();
        }
        self.traffic.push_back(exchange);
        self.announce();
    }
}

/// The direct message between the app and these people; its id follows from theirs, so it is found again.
pub(super) fn direct_channel(config: &SimConfig, people: &[&str], created: i64) -> Channel {
    let mut sorted = people.to_vec();
    sorted.sort_unstable();
    let tails: Vec<_> = sorted.iter().map(|id| id.trim_start_matches(['U', 'W'])).collect();
    let prefix = if people.len() == 1 { "D" } else { "G" };
    Channel {
        id: format!("{prefix}{}", tails.join("X")),
        name: String::new(),
        topic: String::new(),
        kind: ChannelKind::Direct,
        members: people.iter().map(|id| (*id).to_owned()).chain([config.app.bot_user_id.clone()]).collect(),
        archived: false,
        created,
    }
}

/// Hides secrets from the inspector, wherever they stand.
fn mask(json: &mut Value) {
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                let secret = ["token", "signature", "secret", "authorization", "response_url", "upload_url"];
                match value {
                    Value::String(text) if secret.iter().any(|word| name.to_lowercase().contains(word)) => {
                        *text = "•••".to_owned();
                    }
                    other => mask(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}

/// Unix milliseconds with a fraction.
pub(super) fn unix_ms(at: DateTime<Utc>) -> f64 {
    json!(at.timestamp_micros()).as_f64().unwrap_or(0.0) / 1_000.0
}
