//! The pages of a log, read from its feed in order: which level of which policy was asked when, and whom a page reached.
//! It counts a page once, however many ways it took, and asks no rota who should have been paged.

use crate::flow::names;
use chrono::{DateTime, Utc};
use incident::{AlarmKey, Counting, Event, IncidentId, PlanStep, ResponderId};
use rota::{Policy, Rota, Target};
use std::collections::{HashMap, HashSet};

/// A page that reached somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paged {
    /// Of which incident.
    pub incident: IncidentId,
    /// The key of the alarm that opened it.
    pub alarm: AlarmKey,
    /// The title of that alarm.
    pub title: String,
    /// The policy by which its level was asked last; empty when none was.
    pub policy: String,
    /// Which level, from 0.
    pub level: u8,
    /// Which step of the policy's plan, from 0.
    pub step: u16,
    /// Who.
    pub to: ResponderId,
    /// When it first reached them, in whichever way.
    pub at: DateTime<Utc>,
}

/// A level that was asked, whether or not a page then reached anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelAsked {
    /// Of which incident.
    pub incident: IncidentId,
    /// The policy.
    pub policy: String,
    /// Which step of the policy's plan, from 0.
    pub step: u16,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a log says about pages from a moment on.
#[derive(Debug)]
pub struct Pages {
    since: DateTime<Utc>,
    /// Every page, in the order of the log.
    pub paged: Vec<Paged>,
    /// Every level that was asked, in the order of the log.
    pub asked: Vec<LevelAsked>,
    incidents: HashMap<IncidentId, Opened>,
    counting: Counting,
}

/// What is remembered of an incident while its pages are read.
#[derive(Debug)]
struct Opened {
    alarm: AlarmKey,
    title: String,
    policy: String,
    step: u16,
    /// Whom a page reached since the level was asked.
    reached: HashSet<(u8, ResponderId)>,
}

impl Pages {
    /// Counts what happens at `since` or later; what was before is only remembered.
    #[must_use]
    pub fn since(since: DateTime<Utc>) -> Self {
        Self { since, paged: Vec::new(), asked: Vec::new(), incidents: HashMap::new(), counting: Counting::default() }
    }

    /// Takes in the next event; one of another sort of stream, or that cannot be read, changes nothing.
    pub fn apply(&mut self, event: &log::Event) {
        let Some(id) = names::incident_of(&event.stream) else { return };
        let Ok(parsed) = serde_json::from_slice::<Event>(&event.body) else { return };
        if self.counting.counts(id, &parsed) {
            self.incident(id, event.at, parsed);
        }
    }

    fn incident(&mut self, incident: IncidentId, at: DateTime<Utc>, event: Event) {
        if let Event::Opened { alarm } = event {
            let (policy, reached) = (String::new(), HashSet::new());
            self.incidents.insert(incident, Opened { alarm: alarm.key, title: alarm.title, policy, step: 0, reached });
            return;
        }
        let Some(opened) = self.incidents.get_mut(&incident) else { return };
        match event {
            Event::Assigned { level, policy, taken, .. } => {
                let step = taken.step.unwrap_or(level.into());
                opened.policy.clone_from(&policy);
                opened.step = step;
                opened.reached.clear();
                if at >= self.since {
                    self.asked.push(LevelAsked { incident, policy, step, at });
                }
            }
            // Whoever gets it from another person is paged for it like everybody before.
            Event::Reassigned { .. } => opened.reached.clear(),
            Event::Paged { to, level, .. } => {
                // A text message after a message in Slack is the same page.
                let is_new = opened.reached.insert((level, to.clone()));
                if is_new && at >= self.since {
                    let (alarm, title, policy) = (opened.alarm.clone(), opened.title.clone(), opened.policy.clone());
                    self.paged.push(Paged { incident, alarm, title, policy, level, step: opened.step, to, at });
                }
            }
            _ => {}
        }
    }
}

/// The schedules that a step of a policy's plan pages, by the files of today; `None` when they have no such policy or step.
#[must_use]
pub fn schedules_of<'r>(rota: &'r Rota, policy: &str, step: u16) -> Option<Vec<&'r str>> {
    let default = Some(&rota.default_policy).filter(|default| default.name == policy);
    let policy: &Policy = rota.policies.get(policy).or(default)?;
    let plan = policy.plan();
    let Some(asked) = plan.steps.get(usize::from(step)) else {
        // Past the last step everybody of the catch-all is asked by name.
        let is_catch_all = usize::from(step) == plan.steps.len() && !plan.catch_all.is_empty();
        return is_catch_all.then(Vec::new);
    };
    let PlanStep::Page(asked) = asked else { return Some(Vec::new()) };
    let written = policy.pages().into_iter().find(|(_, ask)| *ask == asked);
    let schedule = |target: &'r Target| match target {
        Target::Schedule(name) => Some(name.as_str()),
        Target::Person(_) => None,
    };
    Some(written.into_iter().flat_map(|(_, ask)| &ask.page).filter_map(schedule).collect())
}

#[cfg(test)]
mod tests;
