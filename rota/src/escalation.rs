//! Whom to page for an incident, in which order, and how long to wait in between. It says who; it pages nobody.

use crate::on_call::on_duty;
use crate::operation::Operation;
use crate::place::Place;
use crate::rota::Rota;
use crate::sentence;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{ResponderId, Urgency};

/// An escalation policy.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    /// Its name in `rota/*.toml`; the one named `default` serves what no other policy serves.
    pub name: String,
    /// The services it serves, `*` standing for any text: `checkout-api`, `payments-*`.
    pub services: Vec<String>,
    /// Paged one after the other, each when nobody of the levels before has answered.
    pub levels: Vec<Level>,
    /// Paged when all levels have waited in vain, or when a level finds nobody on duty.
    pub catch_all: Vec<ResponderId>,
    /// How urgent all of its incidents are; by their severity, when `None`.
    pub urgency: Option<Urgency>,
    /// Where it is written.
    pub place: Place,
}

/// A step of a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// Paged together.
    pub page: Vec<Target>,
    /// How long an answer is waited for before the next level is paged; above zero.
    pub wait: TimeDelta,
    /// Where it is written.
    pub place: Place,
}

/// What a level pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Whoever is on duty on the schedule of that name.
    Schedule(String),
    /// That person, on duty or not.
    Person(ResponderId),
}

/// The policy that serves `service`: the one that names it, else the one with the longest matching pattern, else the default.
#[must_use]
pub fn policy_for<'r>(rota: &'r Rota, service: Option<&str>) -> &'r Policy {
    let claim = |policy: &Policy, service: &str| {
        policy.services.iter().filter(|pattern| matches(pattern, service)).map(|pattern| strength(pattern)).max()
    };
    let mut best = (None, &rota.default_policy);
    if let Some(service) = service {
        for policy in rota.policies.values() {
            let claim = claim(policy, service);
            if claim > best.0 {
                best = (claim, policy);
            }
        }
    }
    best.1
}

/// Everybody whom `level` pages at `at`, each once with the reason; nobody when its schedules have nobody on duty.
#[must_use]
pub fn targets(rota: &Rota, level: &Level, operations: &[Operation], at: DateTime<Utc>) -> Vec<(ResponderId, String)> {
    let mut found: Vec<(ResponderId, String)> = Vec::new();
    let mut join = |person: &ResponderId, because: String| {
        if found.iter().all(|(present, _)| present != person) {
            found.push((person.clone(), because));
        }
    };
    for target in &level.page {
        match target {
            Target::Person(person) => join(person, "named by the escalation policy".to_owned()),
            Target::Schedule(name) => {
                // `Rota::parse` has refused every level with an unknown schedule; one made by hand pages nobody.
                let (Ok((schedule, role)), Ok((people, reason))) =
                    (rota.role(name), on_duty(rota, name, operations, at))
                else {
                    continue;
                };
                let because = sentence::because(schedule, role, &reason, at);
                people.into_iter().for_each(|person| join(person, format!("on call for {name}: {because}")));
            }
        }
    }
    found
}

/// How well a matching pattern fits: a plain name before any pattern, then the longer one.
fn strength(pattern: &str) -> (bool, usize) {
    (!pattern.contains('*'), pattern.len())
}

/// Whether `text` is what `pattern` says, `*` standing for any text.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests;
