//! What became of the deliveries about something: the first question after a page that did not come, or that nobody needed.
//! Fed with the events of a time, in their order; it tells and decides nothing.

use crate::alarm::Alarm;
use crate::event::{Aside, Event};
use crate::fold::Incident;
use crate::id::{AlarmKey, IncidentId};
use crate::silence::SilenceId;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::HashMap;

/// What somebody asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    /// The words of a text, in any case.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(text.split_whitespace().map(str::to_lowercase).collect())
    }

    /// True when all of them stand in what the alarm is called, where it comes from and what it is about.
    #[must_use]
    pub fn are_about(&self, alarm: &Alarm) -> bool {
        let labels = alarm.labels.values().map(String::as_str);
        let own = [&alarm.title, &alarm.summary, &alarm.source, &alarm.resource, alarm.key.as_str()];
        let all: Vec<&str> = own.into_iter().chain(alarm.service.as_deref()).chain(labels).collect();
        self.are_in(&all.join("\n"))
    }

    /// True when all of them stand in a text.
    #[must_use]
    pub fn are_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.0.iter().all(|word| text.contains(word))
    }
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum Ending {
    /// It opened an incident.
    Opened,
    /// It joined one that was open: the same trouble pages once.
    Joined,
    /// It ended one.
    Cleared,
    /// It opened one again that had just ended.
    Refired,
    /// It changed nothing.
    SetAside {
        /// Why.
        why: Aside,
    },
    /// A silence held it back.
    Silenced {
        /// Which one.
        silence: SilenceId,
    },
}

impl Ending {
    /// The kinds of the events that tell of one: the others need not be read.
    pub const KINDS: [&str; 6] = ["opened", "repeated", "cleared", "refired", "set_aside", "silenced"];

    /// The end that an event tells of, and of how many deliveries; none of most events.
    #[must_use]
    pub fn of(event: &Event) -> Option<(Self, u64)> {
        let ending = match event {
            Event::Opened { .. } => Self::Opened,
            Event::Repeated { also, .. } => return Some((Self::Joined, 1 + also.len() as u64)),
            Event::Cleared { .. } => Self::Cleared,
            Event::Refired { .. } => Self::Refired,
            Event::SetAside { why, .. } => Self::SetAside { why: *why },
            Event::Silenced { silence, .. } => Self::Silenced { silence: *silence },
            _ => return None,
        };
        Some((ending, 1))
    }
}

/// Deliveries of one alarm that came after one another and ended alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The alarm's key.
    pub key: AlarmKey,
    /// What it is called; its key where nothing else is known of it.
    pub title: String,
    /// The incident that they belong to.
    pub incident: Option<IncidentId>,
    /// How they ended.
    #[serde(flatten)]
    pub ending: Ending,
    /// How many they are.
    pub deliveries: u64,
    /// When the first of them was written.
    pub first_at: DateTime<Utc>,
    /// When the last of them was.
    pub last_at: DateTime<Utc>,
}

/// The deliveries about something, and how they ended, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct WhyNot {
    /// Each alarm's, in the order of their first.
    pub told: Vec<Told>,
    /// The last of each alarm, by its place among them.
    #[serde(skip)]
    last: HashMap<AlarmKey, usize>,
}

impl WhyNot {
    /// One more event of an incident.
    pub fn see(&mut self, incident: &Incident, event: &Event, at: DateTime<Utc>) {
        self.add(&incident.alarm.key, &incident.alarm.title, Some(incident.id), event, at);
    }

    /// One more event of an alarm that belonged to no incident.
    pub fn see_aside(&mut self, key: &AlarmKey, event: &Event, at: DateTime<Utc>) {
        let title = match event {
            Event::Silenced { alarm, .. } => &alarm.title,
            _ => key.as_str(),
        };
        self.add(key, title, None, event, at);
    }

    fn add(&mut self, key: &AlarmKey, title: &str, incident: Option<IncidentId>, event: &Event, at: DateTime<Utc>) {
        let Some((ending, deliveries)) = Ending::of(event) else { return };
        let last = self.last.get(key).and_then(|place| self.told.get_mut(*place));
        if let Some(last) = last.filter(|last| last.ending == ending && last.incident == incident) {
            last.deliveries += deliveries;
            // A table may tell of two at once in either order.
            last.last_at = last.last_at.max(at);
            return;
        }
        let title = title.to_owned();
        self.last.insert(key.clone(), self.told.len());
        self.told.push(Told { key: key.clone(), title, incident, ending, deliveries, first_at: at, last_at: at });
    }
}

#[cfg(test)]
mod tests;
