//! Changes that others told us of: deploys, stacks, feature switches. They page nobody. An incident that begins soon after
//! one shows it, and an action that takes changes back is more likely to help.

use crate::alarm::{Alarm, AlarmState};
use crate::fold::Incident;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The label by which a source says that a delivery tells of a change, and of what kind.
pub const CHANGE_LABEL: &str = "change";

/// How long before an incident a change may have caused it.
pub const CHANGE_WINDOW: TimeDelta = TimeDelta::minutes(30);

/// A sender's clock may be so much ahead of that of who sent the alarm.
const CLOCKS_APART: TimeDelta = TimeDelta::minutes(1);

/// Changes that are kept: far more than half an hour brings.
const KEPT_MAX: usize = 100;

/// Changes that an incident shows.
const SHOWN_MAX: usize = 3;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When it happened, as its sender says.
    pub at: DateTime<Utc>,
    /// What kind: `deploy`, `stack`, `change`.
    pub kind: String,
    /// In words: `CodeDeploy checkout-api: SUCCESS`.
    pub title: String,
    /// The service that was changed, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// What was changed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub resource: String,
    /// Where to read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Change {
    /// The change that a delivery tells of, if it tells of one and of no trouble.
    #[must_use]
    pub fn of(alarm: &Alarm) -> Option<Self> {
        let kind = alarm.labels.get(CHANGE_LABEL).filter(|_| alarm.state != AlarmState::Firing)?;
        Some(Self {
            at: alarm.occurred_at,
            kind: kind.clone(),
            title: alarm.title.clone(),
            service: alarm.service.clone(),
            resource: alarm.resource.clone(),
            url: alarm.links.first().map(|link| link.url.clone()),
        })
    }

    /// Whether it may have to do with an incident: it came shortly before, and nothing says that it was about another service.
    #[must_use]
    pub fn may_have_caused(&self, incident: &Incident) -> bool {
        let before = incident.opened_at - self.at;
        let is_near = before >= -CLOCKS_APART && before <= CHANGE_WINDOW;
        let alarm = &incident.alarm;
        let is_same = match (&self.service, &alarm.service) {
            (Some(changed), Some(hit)) => changed.eq_ignore_ascii_case(hit),
            _ => true,
        };
        let is_named = !self.resource.is_empty() && self.resource == alarm.resource;
        is_near && (is_same || is_named)
    }
}

/// The newest changes, the newest last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Changes(Vec<Change>);

impl Changes {
    /// Takes in one more.
    pub fn add(&mut self, change: Change) {
        self.0.push(change);
        self.0.drain(..self.0.len().saturating_sub(KEPT_MAX));
    }

    /// Those that may have to do with an incident, the nearest before it first. Of one deploy that tells of its steps only the
    /// last step.
    #[must_use]
    pub fn before(&self, incident: &Incident) -> Vec<Change> {
        let mut found: Vec<Change> = Vec::new();
        let mut near: Vec<&Change> = self.0.iter().filter(|change| change.may_have_caused(incident)).collect();
        near.sort_by_key(|change| std::cmp::Reverse(change.at));
        for change in near {
            let is_step = |known: &Change| {
                (&known.kind, &known.service, &known.resource) == (&change.kind, &change.service, &change.resource)
            };
            if found.len() < SHOWN_MAX && !found.iter().any(is_step) {
                found.push(change.clone());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
