//! Whom to page for an incident, in which order, and how long to wait in between. It says who; it pages nobody.
//!
//! A policy is a small tree of steps ([`Step`]). [`Policy::plan`] writes it out as a row of steps, which is kept with the
//! incident, and [`walk`] says what comes next on it.

mod check;
mod hours;
mod paths;
mod plan;
mod tree;
mod walk;

pub(crate) use check::check;
pub use paths::{Path, Stop, foretell, paths, told};
pub use tree::{NESTING_MAX, REPEAT_MAX, Step, StepKind};
pub use walk::{Facts, Move, Skipped, Walk, walk};

use crate::on_call::on_duty;
use crate::operation::Operation;
use crate::place::Place;
use crate::rota::Rota;
use crate::sentence;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{Ask, ResponderId, Target, Urgency};

/// An escalation policy.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    /// Its name in `rota/*.toml`; the one named `default` serves what no other policy serves.
    pub name: String,
    /// The services it serves, `*` standing for any text: `checkout-api`, `payments-*`.
    pub services: Vec<String>,
    /// Taken one after the other, each when nobody of the steps before has answered.
    pub steps: Vec<Step>,
    /// Paged when all steps have waited in vain, or when none of them finds anybody on duty.
    pub catch_all: Vec<ResponderId>,
    /// How long somebody has an incident before it asks again, a minute to a day; `None` is for ever.
    pub acknowledge_timeout: Option<TimeDelta>,
    /// How urgent all of its incidents are; by their severity, when `None`.
    pub urgency: Option<Urgency>,
    /// Where it is written.
    pub place: Place,
}

impl Policy {
    /// All its steps that page somebody, in the order of the file.
    #[must_use]
    pub fn pages(&self) -> Vec<(&Step, &Ask)> {
        let mut pages = Vec::new();
        tree::each(&self.steps, &mut |step| {
            if let StepKind::Page(ask) = &step.kind {
                pages.push((step, ask));
            }
        });
        pages
    }
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

/// Everybody whom a step that pages these pages at `at`, each once with the reason; nobody when its schedules have nobody
/// on duty.
#[must_use]
pub fn targets(
    rota: &Rota,
    page: &[Target],
    operations: &[Operation],
    at: DateTime<Utc>,
) -> Vec<(ResponderId, String)> {
    let mut found: Vec<(ResponderId, String)> = Vec::new();
    let mut join = |person: &ResponderId, because: String| {
        if found.iter().all(|(present, _)| present != person) {
            found.push((person.clone(), because));
        }
    };
    for target in page {
        match target {
            Target::Person(person) => join(person, "named by the escalation policy".to_owned()),
            Target::Schedule(name) => {
                // `Rota::parse` has refused every step with an unknown schedule; one that a file no longer has pages nobody.
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
