//! Drills: incidents that CatOps opens itself to find the muted telephone before the outage does. They go the way that every
//! incident goes, are marked as such everywhere, and count nowhere: whoever counts asks [`Alarm::counts`] or [`Counting`].
//!
//! No sender can set the mark: `ingest` makes alarms without it, and nothing else reads alarms from outside.

use crate::alarm::Alarm;
use crate::event::{Event, seconds_between};
use crate::fold::Incident;
use crate::id::{IncidentId, ResponderId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The beginning of the key of a drill's alarm. Sources put their own name before each key, so that no alarm joins a drill.
pub const DRILL_KEY: &str = "catops/drill/";

/// What makes an alarm a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// Whom it asks.
    pub whom: Whom,
    /// Who wanted it; nobody, when a rule of the configuration did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ResponderId>,
    /// The rule of the configuration that wanted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Why, in somebody's words; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// How long an answer is waited for, in seconds, above zero.
    pub answer_seconds: u64,
    /// Set when it asks somebody whose shift begins whether they are ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<ReadyCheck>,
}

/// Whom a drill asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// Whoever is asked for an alarm of the service that the drill's alarm names; the default policy when it names none.
    Service,
    /// Whoever this policy asks.
    Policy(String),
    /// Whoever is on duty on this schedule.
    Schedule(String),
    /// This person, on duty or not.
    Person(ResponderId),
}

/// A drill at the beginning of a shift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadyCheck {
    /// Of which schedule.
    pub schedule: String,
    /// When the shift begins.
    pub shift_at: DateTime<Utc>,
    /// Who is told when there is no answer: those whose shift ended, and the lead.
    #[serde(default)]
    pub tell: Vec<ResponderId>,
}

impl Alarm {
    /// Whether it, and the incident that it opens, belongs into a statistic: a drill does not.
    #[must_use]
    pub const fn counts(&self) -> bool {
        self.drill.is_none()
    }
}

impl Incident {
    /// Whether it belongs into a statistic: a drill does not.
    #[must_use]
    pub const fn counts(&self) -> bool {
        self.alarm.counts()
    }

    /// The mark, when it is a drill.
    #[must_use]
    pub const fn drill(&self) -> Option<&Drill> {
        self.alarm.drill.as_ref()
    }

    /// The only one who can answer it: a drill of one person says something about that person alone.
    #[must_use]
    pub fn only_answered_by(&self) -> Option<&ResponderId> {
        match &self.drill()?.whom {
            Whom::Person(person) => Some(person),
            Whom::Service | Whom::Policy(_) | Whom::Schedule(_) => None,
        }
    }

    /// What a drill measured so far; `None` when it is none.
    #[must_use]
    pub fn measured(&self) -> Option<Measured> {
        self.drill()?;
        let after = |at: DateTime<Utc>| seconds_between(self.opened_at, at);
        let mut delivered: Vec<Delivered> = Vec::new();
        for page in &self.paged {
            if delivered.iter().all(|known| known.to != page.to || known.by != page.by) {
                delivered.push(Delivered { to: page.to.clone(), by: page.by.clone(), after_seconds: after(page.at) });
            }
        }
        let answered = self.acknowledged.as_ref();
        Some(Measured {
            asked_seconds: self.asked_at.map(after),
            delivered,
            answered_by: answered.map(|answer| answer.by.clone()),
            answered_seconds: answered.map(|answer| after(answer.at)),
        })
    }
}

/// What a drill measured, each from its opening on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// When its first level was asked, in seconds.
    pub asked_seconds: Option<u64>,
    /// Each channel that reached somebody, in the order in which they did.
    pub delivered: Vec<Delivered>,
    /// Who answered.
    pub answered_by: Option<ResponderId>,
    /// When, in seconds.
    pub answered_seconds: Option<u64>,
}

/// A page of a drill that reached somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivered {
    /// Whom.
    pub to: ResponderId,
    /// By what: `slack`, `sms` ...
    pub by: String,
    /// When, in seconds from the opening.
    pub after_seconds: u64,
}

impl Measured {
    /// In a sentence without a full stop: `asked after 0 s; slack reached Ana after 1 s; Ana answered after 14 s`.
    #[must_use]
    pub fn told(&self, name: impl Fn(&ResponderId) -> String) -> String {
        let mut parts: Vec<String> = Vec::new();
        parts.extend(self.asked_seconds.map(|seconds| format!("asked after {seconds} s")));
        let reached =
            |page: &Delivered| format!("{} reached {} after {} s", page.by, name(&page.to), page.after_seconds);
        parts.extend(self.delivered.iter().map(reached));
        if self.delivered.is_empty() {
            parts.push("no page reached anybody".to_owned());
        }
        parts.push(match (&self.answered_by, self.answered_seconds) {
            (Some(who), Some(seconds)) => format!("{} answered after {seconds} s", name(who)),
            _ => "nobody answered".to_owned(),
        });
        parts.join("; ")
    }
}

/// What belongs into a statistic, for whoever reads a log from its beginning.
#[derive(Debug, Clone, Default)]
pub struct Counting {
    drills: BTreeSet<IncidentId>,
}

impl Counting {
    /// Whether an event of an incident belongs into a statistic; to be asked about each event, in the order of the log.
    pub fn counts(&mut self, id: IncidentId, event: &Event) -> bool {
        if let Event::Opened { alarm } = event
            && !alarm.counts()
        {
            self.drills.insert(id);
        }
        !self.drills.contains(&id)
    }
}

/// The drills of a log, folded from its events in order; all other incidents are forgotten at once.
#[derive(Debug, Default)]
pub struct Drills {
    found: BTreeMap<IncidentId, Incident>,
}

impl Drills {
    /// Takes in the next event of an incident.
    pub fn apply(&mut self, id: IncidentId, recorded: &crate::event::Recorded) {
        match &recorded.event {
            Event::Opened { alarm } if !alarm.counts() => {
                self.found.extend(Incident::open(id, recorded).map(|incident| (id, incident)));
            }
            _ => {
                if let Some(incident) = self.found.get_mut(&id) {
                    incident.apply(recorded);
                }
            }
        }
    }

    /// All of them, oldest first.
    #[must_use]
    pub fn end(self) -> Vec<Incident> {
        self.found.into_values().collect()
    }
}

#[cfg(test)]
mod tests;
