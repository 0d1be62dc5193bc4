//! The proof that no alarm was lost: every delivery counted to exactly one end, from the events alone.
//!
//! The caller feeds every event in the order of its stream ([`Audit::see`]), tells what else the log keeps beside them
//! (receipts, heads, effects), feeds what was written in the meantime, and asks for the [`Report`]. In that order a log
//! that is being written to raises no false alarm. It reads nothing itself and it judges without a clock.

mod escalation;
mod report;

pub use escalation::Escalation;
pub use report::{Ends, Finding, Item, Opened, Report, Row};

use crate::fold::Status;
use crate::id::{IncidentId, ResponderId};
use crate::silence::SilenceId;
use crate::urgency::PlannedPage;
use chrono::{DateTime, Utc};
use escalation::Step;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// One event of any stream, as it lies in the log.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The stream's name, to be shown.
    pub stream: &'a str,
    /// What kind of stream it is.
    pub of: Of<'a>,
    /// Its place in the stream, from 1.
    pub version: u64,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// What happened.
    pub kind: &'a str,
    /// Who did it.
    pub actor: &'a str,
    /// The delivery, click or effect that led to it.
    pub cause: &'a str,
    /// JSON text.
    pub body: &'a [u8],
}

/// What a stream is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of<'a> {
    /// An incident.
    Incident(IncidentId),
    /// The alarms of this key that belonged to no incident.
    Aside(&'a str),
    /// The deliveries of this source that could not be read.
    DeadLetters(&'a str),
    /// Something that no alarm ends in.
    Other,
}

/// Which events are kept with the numbers, so that a number can be followed down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// None: counting only.
    Nothing,
    /// Those of one row.
    Row(Row),
    /// Up to so many of each row.
    Each(usize),
}

impl Keep {
    fn room(self, row: Row, kept: usize) -> bool {
        match self {
            Self::Nothing => false,
            Self::Row(wanted) => wanted == row,
            Self::Each(max) => kept < max,
        }
    }
}

/// An audit under way.
#[derive(Debug)]
pub struct Audit {
    since: Option<DateTime<Utc>>,
    keep: Keep,
    events: u64,
    receipts: Option<u64>,
    streams: Vec<Seen>,
    numbers: HashMap<Arc<str>, usize>,
    /// Where each delivery ended.
    outcomes: HashMap<Fingerprint, (usize, u64)>,
    /// What has been answered by an event: deliveries and clicks.
    answered: HashSet<Fingerprint>,
    /// Receipts that nothing answered so far.
    unanswered: BTreeMap<Fingerprint, String>,
    lives: BTreeMap<IncidentId, Life>,
    ends: Ends,
    findings: Vec<Finding>,
    items: BTreeMap<Row, Vec<Item>>,
}

#[derive(Debug)]
struct Seen {
    name: Arc<str>,
    last: u64,
    /// What the log says is its last event.
    head: u64,
}

/// Stands for a text of any length, so that a million deliveries take 16 bytes each. Two that share one by chance would be
/// one in 10^26.
type Fingerprint = u128;

fn fingerprint(text: &str) -> Fingerprint {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, text).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

/// What is known of one incident.
#[derive(Debug)]
struct Life {
    opening: Option<Item>,
    version: u64,
    escalation: Escalation,
    paged_by: Vec<String>,
    page_failed: bool,
    assigned: bool,
    somebody_asked: bool,
    /// The version at which its effects were looked at, and whether one of them goes on.
    looked: Option<(u64, bool)>,
}

/// The parts of our events that an audit reads.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    delivery: Option<String>,
    also: Vec<String>,
    alarm: Option<AlarmBody>,
    why: Option<String>,
    silence: Option<SilenceId>,
    to: Option<People>,
    by: Option<String>,
    wait_seconds: Option<u64>,
    reopens: bool,
    plans: BTreeMap<ResponderId, Vec<PlannedPage>>,
    plan: Vec<PlannedPage>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct AlarmBody {
    delivery: String,
    title: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum People {
    One(String),
    Several(Vec<String>),
}

impl Audit {
    /// Begins. With `since`, deliveries before it are passed over and the feed may begin anywhere before it.
    #[must_use]
    pub fn new(since: Option<DateTime<Utc>>, keep: Keep) -> Self {
        Self {
            since,
            keep,
            events: 0,
            receipts: None,
            streams: Vec::new(),
            numbers: HashMap::new(),
            outcomes: HashMap::new(),
            answered: HashSet::new(),
            unanswered: BTreeMap::new(),
            lives: BTreeMap::new(),
            ends: Ends::default(),
            findings: Vec::new(),
            items: BTreeMap::new(),
        }
    }

    /// How many events it has seen.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Takes one event. One that was seen before changes nothing.
    pub fn see(&mut self, entry: &Entry<'_>) {
        let stream = self.stream(entry.stream);
        let last = self.streams[stream].last;
        if entry.version <= last {
            return;
        }
        let first_of_a_window = last == 0 && self.since.is_some();
        if entry.version != last + 1 && !first_of_a_window {
            let name = entry.stream.to_owned();
            self.findings.push(Finding::Gap { stream: name, from: last + 1, to: entry.version - 1 });
        }
        self.streams[stream].last = entry.version;
        self.events += 1;
        let outcome = outcome_row(entry);
        if self.since.is_none() && (outcome.is_some() || answers(entry)) {
            self.answer(entry.cause);
        }
        if outcome.is_none() && !Step::reads(entry.kind) {
            return;
        }
        match serde_json::from_slice::<Body>(entry.body) {
            Ok(body) => self.read(entry, stream, outcome, body),
            Err(error) => self.findings.push(Finding::Unreadable {
                stream: entry.stream.to_owned(),
                version: entry.version,
                error: error.to_string(),
            }),
        }
    }

    fn stream(&mut self, name: &str) -> usize {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let name: Arc<str> = name.into();
        self.streams.push(Seen { name: Arc::clone(&name), last: 0, head: 0 });
        self.numbers.insert(name, self.streams.len() - 1);
        self.streams.len() - 1
    }

    fn read(&mut self, entry: &Entry<'_>, stream: usize, outcome: Option<Row>, body: Body) {
        let item = outcome.map(|row| (row, self.item(entry, &body)));
        if let Of::Incident(id) = entry.of {
            let counted = self.counts(entry).then(|| item.clone()).flatten();
            self.live(id, entry, &body, counted);
        }
        let Some((row, item)) = item else { return };
        // Deliveries that were written together: each has this end.
        for delivery in &body.also {
            if self.since.is_none() {
                self.answer(delivery);
            }
            self.ended(stream, entry, row, &body, Item { delivery: delivery.clone(), ..item.clone() });
        }
        self.ended(stream, entry, row, &body, item);
    }

    fn ended(&mut self, stream: usize, entry: &Entry<'_>, row: Row, body: &Body, item: Item) {
        if !self.counts(entry) {
            return;
        }
        if row != Row::Rejected {
            self.end(stream, entry, &item);
        }
        self.ends.count(row, entry, body);
        self.keep(row, item);
    }

    /// An event tells what became of this delivery or click.
    fn answer(&mut self, cause: &str) {
        let fingerprint = fingerprint(cause);
        self.unanswered.remove(&fingerprint);
        self.answered.insert(fingerprint);
    }

    fn counts(&self, entry: &Entry<'_>) -> bool {
        self.since.is_none_or(|since| entry.at >= since)
    }

    /// A delivery ends once.
    fn end(&mut self, stream: usize, entry: &Entry<'_>, item: &Item) {
        let place = (stream, entry.version);
        let Some((stream, version)) = self.outcomes.insert(fingerprint(&item.delivery), place) else { return };
        self.findings.push(Finding::TwoOutcomes {
            delivery: item.delivery.clone(),
            first: format!("{}/{version}", self.streams[stream].name),
            second: format!("{}/{}", entry.stream, entry.version),
        });
    }

    fn item(&self, entry: &Entry<'_>, body: &Body) -> Item {
        let alarm = body.alarm.as_ref();
        let title = match entry.of {
            Of::Incident(id) => alarm
                .map(|alarm| alarm.title.as_str())
                .or_else(|| self.lives.get(&id)?.opening.as_ref().map(|opening| opening.title.as_str())),
            Of::Aside(key) => alarm.map(|alarm| alarm.title.as_str()).or(Some(key)),
            Of::DeadLetters(_) | Of::Other => body.error.as_deref(),
        };
        Item {
            incident: if let Of::Incident(id) = entry.of { Some(id.to_string()) } else { None },
            stream: entry.stream.to_owned(),
            version: entry.version,
            at: entry.at,
            delivery: alarm.map(|alarm| &alarm.delivery).or(body.delivery.as_ref()).cloned().unwrap_or_default(),
            title: title.unwrap_or_default().to_owned(),
            why: body.why.clone().or_else(|| body.silence.map(|silence| silence.to_string())),
        }
    }

    fn live(&mut self, id: IncidentId, entry: &Entry<'_>, body: &Body, opening: Option<(Row, Item)>) {
        let life = self.lives.entry(id).or_insert_with(|| Life::new(id));
        life.version = entry.version;
        if let Some((Row::Opened, item)) = opening {
            life.opening = Some(item);
        }
        let step = Step::new(entry.kind, entry.version, body);
        match &step {
            Step::Assigned { to, .. } => {
                life.assigned = true;
                life.somebody_asked |= !to.is_empty();
            }
            Step::Reassigned { .. } => (life.assigned, life.somebody_asked) = (true, true),
            Step::Paged => {
                let by = body.by.clone().unwrap_or_default();
                if !life.paged_by.contains(&by) {
                    life.paged_by.push(by);
                }
            }
            Step::PageFailed => life.page_failed = true,
            _ => {}
        }
        life.escalation.apply(step);
    }

    fn keep(&mut self, row: Row, item: Item) {
        let kept = self.items.entry(row).or_default();
        if self.keep.room(row, kept.len()) {
            kept.push(item);
        }
    }

    /// Takes the key of one receipt: something that the log took and answered. Only for a feed that began at the start.
    pub fn receipt(&mut self, key: &str) {
        self.receipts = Some(self.receipts.unwrap_or(0) + 1);
        let fingerprint = fingerprint(key);
        if !self.answered.contains(&fingerprint) {
            self.unanswered.insert(fingerprint, key.to_owned());
        }
    }

    /// Takes what the log says is the last version of a stream. Only for a feed that began at the start.
    pub fn head(&mut self, stream: &str, version: u64) {
        let number = self.stream(stream);
        self.streams[number].head = self.streams[number].head.max(version);
    }

    /// The effects of which one must go on, by incident: no incident may wait for nothing.
    #[must_use]
    pub fn wanted(&self) -> Vec<(IncidentId, Vec<String>)> {
        let open = self.lives.iter().filter(|(_, life)| life.opening.is_some() && life.wants_a_look());
        open.map(|(id, life)| (*id, life.escalation.carriers())).collect()
    }

    /// Takes whether one of an incident's wanted effects goes on.
    pub fn looked(&mut self, id: IncidentId, goes_on: bool) {
        if let Some(life) = self.lives.get_mut(&id) {
            life.looked = Some((life.version, goes_on));
        }
    }

    /// The end: what became of everything, as of `at`.
    #[must_use]
    pub fn report(mut self, at: DateTime<Utc>) -> Report {
        for seen in self.streams.iter().filter(|seen| seen.head > seen.last) {
            self.findings.push(Finding::Cut { stream: seen.name.to_string(), last: seen.last, head: seen.head });
        }
        let unanswered = std::mem::take(&mut self.unanswered);
        let unanswered_count = unanswered.len() as u64;
        self.findings.extend(unanswered.into_values().map(|key| Finding::ReceiptWithoutOutcome { key }));
        let mut opened = Opened::default();
        for (id, life) in std::mem::take(&mut self.lives) {
            let Some(opening) = &life.opening else { continue };
            if let Some(finding) = life.stalled(id, opening) {
                self.findings.push(finding);
            }
            for row in [life.page_row(), life.status_row()] {
                opened.count(row);
                self.keep(row, opening.clone());
            }
            for by in &life.paged_by {
                *opened.paged_by.entry(by.clone()).or_default() += 1;
            }
        }
        let received = self.outcomes.len() as u64 + self.ends.rejected.values().sum::<u64>() + unanswered_count;
        Report {
            since: self.since,
            at,
            events: self.events,
            streams: self.streams.len() as u64,
            receipts: self.receipts,
            received,
            ends: self.ends,
            opened,
            unaccounted_total: self.findings.len() as u64,
            unaccounted: self.findings,
            rows: self.items.into_iter().filter(|(_, items)| !items.is_empty()).collect(),
        }
    }
}

impl Life {
    fn new(id: IncidentId) -> Self {
        Self {
            opening: None,
            version: 0,
            escalation: Escalation::new(id),
            paged_by: Vec::new(),
            page_failed: false,
            assigned: false,
            somebody_asked: false,
            looked: None,
        }
    }

    fn wants_a_look(&self) -> bool {
        self.escalation.needs_carrier() || (self.escalation.status() == Status::Open && self.paged_by.is_empty())
    }

    /// Whether something still goes on, at the version that was looked at; what has moved since goes on by itself.
    fn goes_on(&self) -> bool {
        self.looked.is_none_or(|(version, goes_on)| goes_on || version != self.version)
    }

    fn stalled(&self, id: IncidentId, opening: &Item) -> Option<Finding> {
        if !self.escalation.needs_carrier() || self.goes_on() {
            return None;
        }
        Some(Finding::Stalled {
            incident: id.to_string(),
            stream: opening.stream.clone(),
            version: self.version,
            title: opening.title.clone(),
        })
    }

    fn page_row(&self) -> Row {
        if !self.paged_by.is_empty() {
            return Row::Paged;
        }
        if self.page_failed {
            return Row::PageFailed;
        }
        if self.assigned && !self.somebody_asked {
            return Row::NobodyOnCall;
        }
        if self.escalation.status() != Status::Open {
            return Row::EndedUnpaged;
        }
        match (self.goes_on(), self.assigned) {
            (true, _) => Row::PagePending,
            (false, true) => Row::PageFailed,
            (false, false) => Row::OwnerMissing,
        }
    }

    fn status_row(&self) -> Row {
        match self.escalation.status() {
            Status::Open => Row::Open,
            Status::Acknowledged => Row::Acknowledged,
            Status::Resolved => Row::Resolved,
        }
    }
}

/// The end that an event is for a delivery, if it is one.
fn outcome_row(entry: &Entry<'_>) -> Option<Row> {
    match (entry.of, entry.kind) {
        (Of::Incident(_), "opened") => Some(Row::Opened),
        (Of::Incident(_), "repeated") => Some(Row::Joined),
        (Of::Incident(_), "cleared") => Some(Row::Cleared),
        (Of::Incident(_), "refired") => Some(Row::Refired),
        (Of::Incident(_) | Of::Aside(_), "set_aside") => Some(Row::SetAside),
        (Of::Aside(_), "silenced") => Some(Row::Silenced),
        (Of::DeadLetters(_), "redacted") => None,
        (Of::DeadLetters(_), _) => Some(Row::Rejected),
        _ => None,
    }
}

/// What CatOps added to an alarm by itself carries the delivery too, and is no answer to it.
fn answers(entry: &Entry<'_>) -> bool {
    match entry.of {
        Of::Incident(_) => entry.actor != "catops",
        Of::Aside(_) | Of::DeadLetters(_) => false,
        Of::Other => !entry.actor.starts_with("source:"),
    }
}

#[cfg(test)]
mod tests;
