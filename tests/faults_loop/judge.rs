//! Compares what the senders were answered, what is in the log, and what stands in Slack. It reads the log's file beside
//! the server, and changes nothing.

use crate::process::Place;
use crate::slack::FakeSlack;
use anyhow::Result;
use chrono::{DateTime, Utc};
use incident::IncidentId;
use log::{Cursor, EffectState, Event};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tests::{catops_with, deliveries_of};

/// Findings of each kind that are named.
const NAMED_MAX: usize = 5;
/// Events that are read at once.
const PAGE: usize = 2000;

/// What came of a run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Verdict {
    pub(crate) kills: u64,
    /// Alarms that were answered with 2xx.
    pub(crate) alarms: u64,
    pub(crate) redeliveries: u64,
    /// Messages that became visible in Slack.
    pub(crate) posts: u64,
    pub(crate) seconds: u64,
    /// Answered and not in the log.
    pub(crate) lost: u64,
    /// In the log more than once.
    pub(crate) recorded_twice: u64,
    /// Cards of open incidents, and pages of their owners, that never came.
    pub(crate) never_sent: u64,
    /// Messages that stand in Slack although the same one was there already.
    pub(crate) duplicates: u64,
    pub(crate) duplicates_allowed: u64,
    /// Gaps, a chain that does not hold, an alarm without an outcome: what else is wrong.
    pub(crate) other: u64,
    /// What is wrong, in words.
    pub(crate) findings: Vec<String>,
}

impl Verdict {
    pub(crate) fn is_good(&self) -> bool {
        let wrong = self.lost + self.recorded_twice + self.never_sent + self.other;
        wrong == 0 && self.duplicates <= self.duplicates_allowed
    }

    pub(crate) fn line(&self) -> String {
        let Self { kills, alarms, redeliveries, posts, seconds, lost, never_sent, duplicates, .. } = self;
        let twice = match self.recorded_twice {
            0 => String::new(),
            count => format!(", in the log twice {count}"),
        };
        let allowed = match self.duplicates_allowed {
            0 => String::new(),
            count => format!(" ({count} of them of attempts that a kill cut short)"),
        };
        format!(
            "{kills} kills, {alarms} alarms, {redeliveries} redeliveries, {posts} posts in {seconds} s: lost {lost}{twice}, \
             never sent {never_sent}, duplicates {duplicates}{allowed}"
        )
    }

    fn found<'w>(&mut self, what: &str, which: impl IntoIterator<Item = &'w String>) -> u64 {
        let which: Vec<&String> = which.into_iter().collect();
        if !which.is_empty() {
            let named: Vec<&String> = which.iter().take(NAMED_MAX).copied().collect();
            self.findings.push(format!("{what}: {} in all, among them {named:?}", which.len()));
        }
        which.len() as u64
    }
}

/// What the log says.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// How often each delivery is recorded.
    pub(crate) deliveries: BTreeMap<String, u64>,
    /// The posts that must be in Slack: the card of each open incident, and the page of each owner whom nothing spared it.
    pub(crate) wanted: BTreeSet<String>,
    /// How many events of each kind there are.
    pub(crate) kinds: BTreeMap<String, u64>,
    /// Streams whose events are not numbered 1, 2, 3.
    pub(crate) gaps: Vec<String>,
}

/// Reads the log beside the server, or after its death.
pub(crate) async fn read(place: &Place) -> Result<Told> {
    let log = place.log()?;
    let (mut told, mut next) = (Told::default(), Cursor::start());
    let mut streams: BTreeMap<String, u64> = BTreeMap::new();
    let mut incidents: BTreeMap<IncidentId, Asked> = BTreeMap::new();
    loop {
        let page = log.feed(&next, PAGE).await?;
        if page.events.is_empty() {
            break;
        }
        next = page.next;
        for event in &page.events {
            let version = streams.entry(event.stream.as_str().to_owned()).or_default();
            *version += 1;
            if *version != event.version {
                told.gaps.push(format!("{} {}", event.stream.as_str(), event.version));
            }
            *told.kinds.entry(event.kind.clone()).or_default() += 1;
            let body: Value = serde_json::from_slice(&event.body)?;
            for delivery in deliveries_of(&body) {
                *told.deliveries.entry(delivery.to_owned()).or_default() += 1;
            }
            if let Some(id) = catops::flow::names::incident_of(&event.stream) {
                incidents.entry(id).or_default().add(id, event, &body);
            }
        }
    }
    told.wanted = incidents.into_values().flat_map(|asked| asked.wanted).collect();
    Ok(told)
}

/// What an incident still wants of Slack.
#[derive(Debug, Default)]
struct Asked {
    wanted: BTreeSet<String>,
}

impl Asked {
    fn add(&mut self, id: IncidentId, event: &Event, body: &Value) {
        match event.kind.as_str() {
            "opened" | "refired" | "reopened" => drop(self.wanted.insert(format!("card/{}", id.0))),
            "assigned" => {
                let owners = body["to"].as_array().into_iter().flatten().filter_map(Value::as_str);
                self.wanted.extend(owners.map(|owner| format!("page/{}/{}/{owner}", id.0, event.version)));
            }
            // From here on nobody has to be told: what did not go out yet may stay away.
            "acknowledged" | "cleared" | "resolved" | "drill_ended" => self.wanted.clear(),
            _ => {}
        }
    }
}

/// Attempts that a death cut short: the end of the lease of each, by effect.
pub(crate) type CutShort = BTreeMap<String, BTreeSet<DateTime<Utc>>>;

/// Adds what was under way when the process died.
pub(crate) async fn cut_short(place: &Place, known: &mut CutShort) -> Result<()> {
    // The first kills may come before there is a log.
    let Ok(log) = place.log() else { return Ok(()) };
    for effect in log.effects(EffectState::Leased, usize::MAX).await? {
        known.entry(effect.wanted.id.to_string()).or_default().extend(effect.lease_until);
    }
    Ok(())
}

/// How many of the messages that stand there twice are excused: by an attempt that was cut short, each by its own.
pub(crate) fn excused(slack: &FakeSlack, cut_short: &CutShort) -> u64 {
    let attempts = |key: &String| cut_short.get(key).map_or(0, |attempts| attempts.len() as u64);
    slack.posts().iter().map(|(key, times)| attempts(key).min(times - 1)).sum()
}

/// The posts that never came.
pub(crate) fn never_sent(told: &Told, slack: &FakeSlack) -> Vec<String> {
    let posts = slack.posts();
    told.wanted.iter().filter(|key| !posts.contains_key(*key)).cloned().collect()
}

/// Judges a log and a Slack; `answered` are the ids of the alarms that were answered with 2xx.
pub(crate) async fn judge(place: &Place, slack: &FakeSlack, answered: &BTreeSet<String>) -> Result<Verdict> {
    let told = read(place).await?;
    let posts = slack.posts();
    let mut verdict = Verdict { alarms: answered.len() as u64, posts: posts.values().sum(), ..Verdict::default() };
    let lost = answered.iter().filter(|id| !told.deliveries.contains_key(&format!("generic:{id}")));
    verdict.lost = verdict.found("answered and not in the log", lost);
    let twice = told.deliveries.iter().filter(|(_, times)| **times > 1).map(|(id, _)| id);
    verdict.recorded_twice = verdict.found("in the log more than once", twice);
    verdict.never_sent = verdict.found("never sent", &never_sent(&told, slack));
    let doubled = posts.iter().filter(|(_, times)| **times > 1);
    verdict.found("in Slack more than once", doubled.clone().map(|(key, _)| key));
    verdict.duplicates = doubled.map(|(_, times)| times - 1).sum();
    verdict.other = verdict.found("a gap in a stream", &told.gaps);
    for command in ["audit", "verify"] {
        let (data, reached) = place.data();
        let said = catops_with(&[command, "--data", &data], &reached);
        if said.code != Some(0) {
            let words = format!("{}{}", said.stdout, said.stderr);
            verdict.other += verdict.found(&format!("catops {command} ended with {:?}", said.code), [&words]);
        }
    }
    Ok(verdict)
}
