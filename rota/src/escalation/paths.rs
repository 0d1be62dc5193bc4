//! What a policy comes to, read without an incident: every way through it with its times, and the same for one incident at
//! one instant. It is for people who write policies; it decides nothing.

use super::Policy;
use super::check::Known;
use super::walk::{Facts, Move, edge_told, walk};
use crate::operation::Operation;
use crate::rota::Rota;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{AckMode, Ask, Plan, PlanStep};

/// Ways through one policy that are told; the others are only counted by whoever reads on.
const PATHS_MAX: usize = 64;

/// One way through a policy, when nobody answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path {
    /// What holds on it, and what does not: `not severity is critical`.
    pub when: Vec<String>,
    /// What happens on it, in order.
    pub stops: Vec<Stop>,
    /// When the last answer has been waited for in vain, from the beginning; hours that are waited for are not counted.
    pub over_after: TimeDelta,
    /// The hours that are waited for on the way, in words.
    pub waits_for: Vec<String>,
}

/// Something that happens on a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// When, from the beginning.
    pub after: TimeDelta,
    /// What: `page Ana`, `notify #payments`, `wait 10 min`.
    pub what: String,
}

/// Every way through a policy, at most 64 of them.
#[must_use]
pub fn paths(policy: &Policy, others: &[String]) -> Vec<Path> {
    let plan = policy.plan();
    let mut found = Vec::new();
    go(&plan, 0, Path::default(), Known::of(policy, others), &mut found);
    found
}

fn go(plan: &Plan, place: usize, mut path: Path, known: Known, found: &mut Vec<Path>) {
    if found.len() >= PATHS_MAX {
        return;
    }
    let Some(step) = plan.steps.get(place) else {
        if !plan.catch_all.is_empty() {
            let people: Vec<String> = plan.catch_all.iter().map(ToString::to_string).collect();
            path.stop(format!("page {} (catch-all)", people.join(", ")), 0);
        }
        return found.push(path);
    };
    let (next, known) = match step {
        PlanStep::Page(ask) => {
            path.stop(told(ask), ask.wait_seconds);
            (place + 1, known.later())
        }
        PlanStep::Notify { channel, wait_seconds } => {
            path.stop(format!("notify {channel}"), *wait_seconds);
            (place + 1, known.later())
        }
        PlanStep::Wait(seconds) => {
            path.stop(format!("wait {}", incident::length(*seconds)), *seconds);
            (place + 1, known.later())
        }
        PlanStep::Until { hours, edge } => {
            let what = edge_told(hours, *edge);
            path.stop(format!("wait {what}"), 0);
            path.waits_for.push(what);
            (place + 1, known.later())
        }
        PlanStep::Goto(to) => (usize::from(*to).max(place + 1), known),
        PlanStep::If { condition, otherwise } => {
            for (holds, next) in [(true, place + 1), (false, usize::from(*otherwise).max(place + 1))] {
                let Some(known) = known.when(condition, holds) else { continue };
                let not = if holds { "" } else { "not " };
                let mut way = path.clone();
                way.when.push(format!("{not}{condition}"));
                go(plan, next, way, known, found);
            }
            return;
        }
    };
    go(plan, next, path, known, found);
}

impl Path {
    fn stop(&mut self, what: String, seconds: u64) {
        self.stops.push(Stop { after: self.over_after, what });
        self.over_after += TimeDelta::seconds(i64::try_from(seconds).unwrap_or(0));
    }
}

/// A page in words: `page schedule:payments, ana`.
#[must_use]
pub fn told(ask: &Ask) -> String {
    let targets: Vec<String> = ask.page.iter().map(ToString::to_string).collect();
    let targets = targets.join(", ");
    let all = if ask.ack_mode == AckMode::All { ", all of whom must acknowledge" } else { "" };
    match ask.rotate_after {
        Some(1) => format!("page one of {targets} in turn{all}"),
        Some(turns) => format!("page one of {targets} in turn, {turns} incidents each{all}"),
        None => format!("page {targets}{all}"),
    }
}

/// What would happen to one incident from `at` on, when nobody answers; the last stop is its end.
#[must_use]
pub fn foretell(
    rota: &Rota,
    plan: &Plan,
    facts: Facts<'_>,
    operations: &[Operation],
    at: DateTime<Utc>,
) -> Vec<(DateTime<Utc>, String)> {
    let (mut now, mut after, mut told) = (at, None, Vec::new());
    // Each step is taken once, and the end is one more.
    for _ in 0..=plan.steps.len() + 1 {
        let walk = walk(rota, plan, after, facts, operations, now);
        told.extend(walk.skipped.into_iter().map(|skipped| (now, format!("skip: {}", skipped.why))));
        let (step, ends, what) = match walk.next {
            Move::Page { step, to, wait, .. } => {
                let people: Vec<String> = to.iter().map(|(person, because)| format!("{person} ({because})")).collect();
                (step, wait.map(|wait| now.checked_add_signed(wait)), format!("page {}", people.join("; ")))
            }
            Move::Notify { step, channel, wait } => {
                (step, Some(now.checked_add_signed(wait)), format!("notify {channel}"))
            }
            Move::Pause { step, until, because } => (step, Some(Some(until)), format!("wait: {because}")),
            Move::Nothing => break,
        };
        told.push((now, what));
        let Some(Some(ends)) = ends else { return told };
        (after, now) = (Some(step), ends);
    }
    told.push((now, "over: nobody is left to ask".to_owned()));
    told
}
