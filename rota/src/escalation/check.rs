//! Mistakes of a policy that can be read: a path that ends without a page, steps that can never run, too many of them. It
//! knows which severities, services and hours are still possible on the way to each step.

use super::hours;
use super::tree::{Step, StepKind};
use super::{Policy, matches};
use crate::place::Place;
use incident::{Condition, Edge, Hours, PLAN_STEPS_MAX, Severity};

const SEVERITIES: [Severity; 5] =
    [Severity::Unknown, Severity::Info, Severity::Warning, Severity::Error, Severity::Critical];

/// What is wrong with a policy, each with its place; `others` is what other policies serve, which the default one does not.
pub(crate) fn check(policy: &Policy, others: &[String]) -> Vec<(Place, String)> {
    let mut found = Vec::new();
    if policy.is_too_long() {
        let message = format!(
            "[escalation.{}] has more than {PLAN_STEPS_MAX} steps, repetitions counted; repeat less often",
            policy.name
        );
        found.push((policy.place.clone(), message));
        return found;
    }
    for end in ends(&policy.steps, vec![End::Nothing]) {
        if let End::At(place, what) = end {
            found.push((place, format!("a path ends with {what}, and nobody is paged after it; end it with a page")));
        } else if end == End::Nothing && !policy.steps.is_empty() {
            let message = "a path pages nobody at all; write a page behind the if, or in its else".to_owned();
            found.push((policy.place.clone(), message));
        }
    }
    look(&policy.steps, Known::of(policy, others), &mut found);
    found
}

/// How a path ends.
#[derive(Debug, Clone, PartialEq)]
enum End {
    Nothing,
    Page,
    At(Place, &'static str),
}

/// All ways in which paths end behind these steps.
fn ends(steps: &[Step], before: Vec<End>) -> Vec<End> {
    steps.iter().fold(before, |before, step| match &step.kind {
        StepKind::Page(_) => vec![End::Page],
        StepKind::Notify { .. } => vec![End::At(step.place.clone(), "notify")],
        StepKind::Wait(_) | StepKind::Until { .. } => vec![End::At(step.place.clone(), "a wait")],
        StepKind::If { then, otherwise, .. } => {
            let mut all = ends(then, before.clone());
            for end in ends(otherwise, before) {
                if !all.contains(&end) {
                    all.push(end);
                }
            }
            all
        }
        StepKind::Repeat { .. } => before,
    })
}

/// What is still possible at a step.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// One bit for each severity.
    severities: u8,
    /// The service is one of each of these lists.
    any_of: Vec<Vec<String>>,
    /// The service is none of these.
    none_of: Vec<String>,
    open: Vec<Hours>,
    closed: Vec<Hours>,
}

impl Known {
    pub(super) fn of(policy: &Policy, others: &[String]) -> Self {
        let any_of = if policy.services.is_empty() { Vec::new() } else { vec![policy.services.clone()] };
        let none_of = if policy.services.is_empty() { others.to_vec() } else { Vec::new() };
        Self { severities: 0b1_1111, any_of, none_of, ..Self::default() }
    }

    /// What is possible when `condition` holds, or when it does not; `None` when that cannot be.
    pub(super) fn when(&self, condition: &Condition, holds: bool) -> Option<Self> {
        if holds { self.with(condition) } else { self.without(condition) }
    }

    fn with(&self, condition: &Condition) -> Option<Self> {
        let mut known = self.clone();
        known.severities &= mask(condition);
        if known.severities == 0 {
            return None;
        }
        if !condition.service.is_empty() {
            condition.service.iter().find(|pattern| self.can_be(pattern))?;
            known.any_of.push(condition.service.clone());
        }
        if let Some(asked) = &condition.hours {
            let never = self.closed.iter().any(|closed| hours::is_within(asked, closed))
                || self.open.iter().any(|open| hours::are_apart(asked, open));
            if never {
                return None;
            }
            known.open.push(asked.clone());
        }
        Some(known)
    }

    /// Of several things that must hold it is not known which one does not.
    fn without(&self, condition: &Condition) -> Option<Self> {
        let severe = self.severities & !mask(condition) == 0;
        let serves =
            condition.service.is_empty() || self.any_of.iter().any(|list| are_within(list, &condition.service));
        let in_hours =
            condition.hours.as_ref().is_none_or(|asked| self.open.iter().any(|open| hours::is_within(open, asked)));
        if severe && serves && in_hours {
            return None;
        }
        let mut known = self.clone();
        match (severe, serves, in_hours) {
            (false, true, true) => known.severities &= !mask(condition),
            (true, false, true) => known.none_of.extend(condition.service.iter().cloned()),
            (true, true, false) => known.closed.extend(condition.hours.clone()),
            _ => {}
        }
        Some(known)
    }

    fn can_be(&self, pattern: &str) -> bool {
        let is_none = self.none_of.iter().any(|none| matches(none, pattern));
        !is_none && self.any_of.iter().all(|list| list.iter().any(|other| overlap(pattern, other)))
    }

    /// What stays known once time has passed.
    pub(super) fn later(&self) -> Self {
        Self { open: Vec::new(), closed: Vec::new(), ..self.clone() }
    }

    /// What is known where two ways come back together.
    fn or(self, other: Self) -> Self {
        Self {
            severities: self.severities | other.severities,
            any_of: self.any_of.into_iter().filter(|list| other.any_of.contains(list)).collect(),
            none_of: self.none_of.into_iter().filter(|none| other.none_of.contains(none)).collect(),
            open: self.open.into_iter().filter(|open| other.open.contains(open)).collect(),
            closed: self.closed.into_iter().filter(|closed| other.closed.contains(closed)).collect(),
        }
    }
}

/// Goes over the steps and says which ones can never run; returns what is known behind them.
fn look(steps: &[Step], mut known: Known, found: &mut Vec<(Place, String)>) -> Known {
    for step in steps {
        known = match &step.kind {
            StepKind::Page(_) | StepKind::Notify { .. } | StepKind::Wait(_) => known.later(),
            StepKind::Until { hours, edge } => {
                let held = if *edge == Edge::Open { &known.open } else { &known.closed };
                if held.contains(hours) {
                    let message = format!(
                        "this wait can never run: it waits {} and is only reached when that is so already; take it out",
                        super::walk::edge_told(hours, *edge)
                    );
                    found.push((step.place.clone(), message));
                }
                let mut known = known.later();
                if *edge == Edge::Open { &mut known.open } else { &mut known.closed }.push(hours.clone());
                known
            }
            StepKind::If { condition, then, otherwise } => {
                let mut way = |holds: bool, list: &[Step]| {
                    let way = known.when(condition, holds);
                    if let (None, Some(first)) = (&way, list.first()) {
                        found.push((first.place.clone(), never(condition, holds)));
                    }
                    way.map(|way| look(list, way, found))
                };
                match (way(true, then), way(false, otherwise)) {
                    (Some(one), Some(other)) => one.or(other),
                    (Some(one), None) | (None, Some(one)) => one,
                    (None, None) => known,
                }
            }
            StepKind::Repeat { .. } => known.later(),
        };
    }
    known
}

fn never(condition: &Condition, holds: bool) -> String {
    if holds {
        format!("this step can never run: \"{condition}\" cannot hold here; change the condition, or take the step out")
    } else {
        format!(
            "this step can never run: \"{condition}\" always holds here; change the condition, or take the else out"
        )
    }
}

fn mask(condition: &Condition) -> u8 {
    let Some(severity) = condition.severity else { return 0b1_1111 };
    let bits = SEVERITIES.iter().enumerate().filter(|(_, one)| severity.contains(**one));
    bits.fold(0, |mask, (bit, _)| mask | 1 << bit)
}

/// Whether whatever is one of `list` is one of `patterns`.
fn are_within(list: &[String], patterns: &[String]) -> bool {
    list.iter()
        .all(|one| patterns.iter().any(|pattern| pattern == one || (!one.contains('*') && matches(pattern, one))))
}

/// Whether some text is what both patterns say.
fn overlap(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    // `fits[j]`: whether the rest of `one` from here and the rest of `other` from `j` have a text in common.
    let mut below: Vec<bool> = Vec::new();
    for i in (0..=one.len()).rev() {
        let mut fits = vec![false; other.len() + 1];
        for j in (0..=other.len()).rev() {
            fits[j] = match (one.get(i), other.get(j)) {
                (None, None) => true,
                (Some('*'), None) => below[j],
                (None, Some('*')) => fits[j + 1],
                (Some('*'), Some(_)) | (Some(_), Some('*')) => below[j] || fits[j + 1],
                (Some(a), Some(b)) => a == b && below[j + 1],
                _ => false,
            };
        }
        below = fits;
    }
    below[0]
}
