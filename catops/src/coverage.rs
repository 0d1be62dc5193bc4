//! Which alarms have a runbook, and which runbooks have an alarm: every alarm that is known is ranked, and what people did
//! with the suggestions is read from the log.
//!
//! Pure: it is handed alarms and a library, and what was made of the suggestions. Who reads the log, rule files or an
//! account is in `coverage/`.

pub mod history;
pub mod rules;

use crate::backtest::Tried;
use crate::flow::triage;
use chrono::{DateTime, Utc};
use incident::{Alarm, Record, RunbookId};
use index::Hit;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use suggest::Known;

/// Two runbooks whose scores are nearer than this fight for an alarm.
const FIGHT: f64 = 0.05;

/// An alarm that exists.
#[derive(Debug, Clone)]
pub struct Existing {
    /// As it would fire.
    pub alarm: Alarm,
    /// Where it is known from: `history`, a rule file, `cloudwatch`.
    pub origin: String,
    /// How often it fired, where that is known.
    pub fired: u32,
    /// When it fired last.
    pub last: Option<DateTime<Utc>>,
}

/// What people made of what was suggested, by runbook.
#[derive(Debug, Clone, Default)]
pub struct Used {
    /// Incidents on which it was suggested.
    pub suggested: BTreeMap<RunbookId, u32>,
    /// Runs of its actions.
    pub clicked: BTreeMap<RunbookId, u32>,
    /// Those of them that helped.
    pub helped: BTreeMap<RunbookId, u32>,
}

/// An alarm and what would be suggested for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub alarm: String,
    /// Where it is known from.
    pub origin: String,
    /// How often it fired, where that is known.
    pub fired: u32,
    /// When it fired last.
    pub last: Option<DateTime<Utc>>,
    /// The best runbook, even when it is not good enough to be suggested.
    pub runbook: Option<RunbookId>,
    /// How much of the alarm that one says, 0 to 1.
    pub explained: f64,
    /// Whether something would be suggested.
    pub covered: bool,
    /// The first suggestion.
    pub suggestion: Option<String>,
    /// Two runbooks that fit equally well.
    pub fight: Option<[RunbookId; 2]>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Each alarm, those without a match first, then those that fired most.
    pub alarms: Vec<Row>,
    /// Runbooks that no alarm leads to.
    pub never_matched: Vec<RunbookId>,
    /// Suggested in the log, and none of its actions was ever run.
    pub never_clicked: Vec<RunbookId>,
    /// Run, and never seen to help.
    pub never_helped: Vec<RunbookId>,
}

impl Report {
    /// The share of alarms for which something would be suggested, 0 to 1.
    #[must_use]
    pub fn covered(&self) -> f64 {
        let covered = self.alarms.iter().filter(|row| row.covered).count();
        if self.alarms.is_empty() { 1.0 } else { covered as f64 / self.alarms.len() as f64 }
    }

    /// Alarms without a match.
    pub fn uncovered(&self) -> impl Iterator<Item = &Row> {
        self.alarms.iter().filter(|row| !row.covered)
    }

    /// Alarms that two runbooks fight for.
    pub fn fights(&self) -> impl Iterator<Item = (&Row, &[RunbookId; 2])> {
        self.alarms.iter().filter_map(|row| Some((row, row.fight.as_ref()?)))
    }
}

/// Ranks every alarm as if it fired now for the first time.
#[must_use]
pub fn report(tried: &Tried, existing: &[Existing], used: &Used, now: DateTime<Utc>) -> Report {
    let mut matched = BTreeSet::new();
    let mut alarms: Vec<Row> = existing.iter().map(|existing| row(tried, existing, &mut matched, now)).collect();
    alarms.sort_by(|a, b| (a.covered, b.fired, &a.alarm).cmp(&(b.covered, a.fired, &b.alarm)));
    let all = || tried.library.iter().map(|runbook| runbook.id.clone());
    let of = |counts: &BTreeMap<RunbookId, u32>, id: &RunbookId| counts.get(id).copied().unwrap_or(0);
    Report {
        alarms,
        never_matched: all().filter(|id| !matched.contains(id)).collect(),
        never_clicked: all().filter(|id| of(&used.suggested, id) > 0 && of(&used.clicked, id) == 0).collect(),
        never_helped: all().filter(|id| of(&used.clicked, id) > 0 && of(&used.helped, id) == 0).collect(),
    }
}

fn row(tried: &Tried, existing: &Existing, matched: &mut BTreeSet<RunbookId>, now: DateTime<Utc>) -> Row {
    let alarm = &existing.alarm;
    let hits = tried.library.search(alarm, triage::HITS);
    let none = Record::default();
    let known = Known::of(&none);
    let ranking = suggest::suggest(alarm, &hits, &tried.setup.catalogue, known, now);
    matched.extend(ranking.suggestions.iter().filter_map(|suggestion| suggestion.runbook.clone()));
    let covered = !ranking.suggestions.is_empty();
    Row {
        alarm: alarm.title.clone(),
        origin: existing.origin.clone(),
        fired: existing.fired,
        last: existing.last,
        runbook: hits.first().map(|hit| hit.runbook.clone()),
        explained: hits.first().map_or(0.0, |hit| hit.explained),
        covered,
        suggestion: ranking.suggestions.first().map(|suggestion| suggestion.title.clone()),
        fight: fight(&hits).filter(|_| covered),
    }
}

fn fight(hits: &[Hit]) -> Option<[RunbookId; 2]> {
    let [first, second, ..] = hits else { return None };
    let near = first.score > 0.0 && (first.score - second.score) / first.score < FIGHT;
    near.then(|| [first.runbook.clone(), second.runbook.clone()])
}

#[cfg(test)]
mod tests;
