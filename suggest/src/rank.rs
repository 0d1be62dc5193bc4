//! From hits to at most three buttons.
//!
//! Text decides first: a runbook's score, and the order of the actions inside it. Then the record of each action on the
//! same alarm shifts the order, and an action that already ran in this incident without helping goes to the end.
//! Below the bar nothing is suggested and the ranking says so.

use crate::reason::{reason, terms};
use incident::action::{Action, Catalogue, render};
use incident::{ActionId, ActionRecord, Alarm, Strength, Suggestion};
use index::{Hit, Match};
use std::collections::{BTreeMap, BTreeSet};

/// The share of the alarm that the best hit has to explain, else there is no good match. Measured 2026-11-23 on public
/// alert rules against 410 runbooks. With names: 99 in 100 alarms keep their suggestions, and 1 in 8 whose own product's
/// runbooks were all taken away still gets one. With names removed everywhere: 94 in 100, and 1 in 6.
pub(crate) const BAR_FIRST: f64 = 0.35;
/// The share from which a runbook fills slots two and three behind a good first one.
pub(crate) const BAR_NEXT: f64 = 0.20;
/// The share from which a hit is called likely.
pub(crate) const BAR_LIKELY: f64 = 0.50;
/// The score of an action known only from its record when no runbook fits at all.
const SCORE_UNKNOWN: f64 = 10.0;
/// Words that must match: one common word is a coincidence.
const TERMS_MATCHED_MIN: usize = 2;
/// What each later action of a runbook keeps of the score of the one before: its author put the best first, and a second
/// runbook that fits nearly as well should get a button too.
const NEXT_ACTION: f64 = 0.8;
/// How far a perfect record may lift a score, and a bad one lower it, as an exponent of 2.
const RECORD_REACH: f64 = 1.5;
/// What an action keeps of its score after it ran in this incident and the alarm stayed.
const ALREADY_RUN: f64 = 0.05;
/// Helped and did-not-help runs assumed before the first real one: one of each is the flat Beta prior.
const PRIOR_RUNS: f64 = 1.0;
/// Runners-up kept: they explain the order and fill the "more" menu.
const RUNNERS_UP_MAX: usize = 5;

/// The suggestions for one alarm at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ranking {
    /// At most [`Suggestion::SHOWN_MAX`], the best first.
    pub suggestions: Vec<Suggestion>,
    /// The next ones, in order; also what fell below the bar.
    pub runners_up: Vec<Suggestion>,
    /// Set when there is no suggestion: one line that says why.
    pub no_match: Option<String>,
}

/// Ranks actions for an alarm. `hits` come from [`index::Library::search`], the best first; `records` hold what each action
/// achieved on the same alarm before; `already_run` are actions that ran in this incident while the alarm stayed.
/// Two suggestions never have the same action and parameters.
#[must_use]
pub fn suggest(
    alarm: &Alarm,
    hits: &[Hit],
    catalogue: &Catalogue,
    records: &BTreeMap<ActionId, ActionRecord>,
    already_run: &[ActionId],
) -> Ranking {
    let mut candidates: Vec<(Suggestion, bool)> = Vec::new();
    let has_good_match = hits.first().is_some_and(|best| is_above(best, BAR_FIRST)) || hits.iter().any(is_named);
    for hit in hits {
        let above_bar = has_good_match && is_above(hit, BAR_NEXT);
        for suggestion in of_hit(alarm, hit, catalogue, records, already_run) {
            let proven = has_helped(&suggestion.record);
            candidates.push((suggestion, above_bar || proven));
        }
    }
    candidates.extend(from_records(alarm, hits, catalogue, records, already_run).map(|suggestion| (suggestion, true)));
    candidates.sort_by(|(a, _), (b, _)| b.score.total_cmp(&a.score));
    let mut ranking = Ranking::default();
    let mut seen = BTreeSet::new();
    for (suggestion, above_bar) in candidates {
        if !seen.insert(identity(&suggestion)) {
            continue;
        }
        if above_bar && ranking.suggestions.len() < Suggestion::SHOWN_MAX {
            ranking.suggestions.push(suggestion);
        } else if ranking.runners_up.len() < RUNNERS_UP_MAX {
            ranking.runners_up.push(suggestion);
        }
    }
    if ranking.suggestions.is_empty() {
        ranking.no_match = Some(match hits.first() {
            None => "no good match: no runbook shares a word with this alarm".to_owned(),
            Some(hit) => format!("no good match: the nearest runbook is {}", hit.title),
        });
    }
    ranking
}

/// The suggestions of one runbook: its runnable actions, or reading it when it has none.
fn of_hit(
    alarm: &Alarm,
    hit: &Hit,
    catalogue: &Catalogue,
    records: &BTreeMap<ActionId, ActionRecord>,
    already_run: &[ActionId],
) -> Vec<Suggestion> {
    let runnable: Vec<(&Action, BTreeMap<String, String>)> =
        hit.actions.iter().filter_map(|id| catalogue.get(id)).map(|action| (action, action.fill(alarm))).collect();
    if runnable.is_empty() {
        return vec![read(hit)];
    }
    let mut share = 1.0;
    let mut suggestions = Vec::new();
    for (action, params) in runnable {
        let record = records.get(&action.id).copied().unwrap_or_default();
        let strength = if has_helped(&record) { Strength::Strong } else { strength(hit) };
        suggestions.push(Suggestion {
            action: Some(action.id.clone()),
            title: render(&action.title, &params),
            params,
            runbook: Some(hit.runbook.clone()),
            runbook_title: hit.title.clone(),
            reason: reason(hit),
            record,
            strength,
            score: hit.score * share * lift(&record) * freshness(&action.id, already_run),
            read_only: action.read_only,
        });
        share *= NEXT_ACTION;
    }
    suggestions
}

fn read(hit: &Hit) -> Suggestion {
    Suggestion {
        action: None,
        title: format!("Read {}", hit.title),
        params: BTreeMap::new(),
        runbook: Some(hit.runbook.clone()),
        runbook_title: hit.title.clone(),
        reason: reason(hit),
        record: ActionRecord::default(),
        strength: strength(hit),
        score: hit.score,
        read_only: true,
    }
}

/// Actions that cleared this alarm before though no runbook found now offers them: somebody chose them by hand.
fn from_records<'a>(
    alarm: &'a Alarm,
    hits: &'a [Hit],
    catalogue: &'a Catalogue,
    records: &'a BTreeMap<ActionId, ActionRecord>,
    already_run: &'a [ActionId],
) -> impl Iterator<Item = Suggestion> + 'a {
    let base = hits.first().map_or(SCORE_UNKNOWN, |hit| hit.score);
    let offered = |id: &ActionId| hits.iter().any(|hit| hit.actions.contains(id));
    let proven = records.iter().filter(move |(id, record)| has_helped(record) && !offered(id));
    proven.filter_map(|(id, record)| Some((catalogue.get(id)?, *record))).map(move |(action, record)| {
        let params = action.fill(alarm);
        Suggestion {
            action: Some(action.id.clone()),
            title: render(&action.title, &params),
            params,
            runbook: None,
            runbook_title: String::new(),
            reason: "cleared this alarm before".to_owned(),
            record,
            strength: Strength::Strong,
            score: base * NEXT_ACTION * lift(&record) * freshness(&action.id, already_run),
            read_only: action.read_only,
        }
    })
}

/// True when it cleared the alarm more often than not.
const fn has_helped(record: &ActionRecord) -> bool {
    record.helped > record.did_not_help
}

/// What an action keeps of its score: nearly nothing when it just ran and the alarm stayed.
fn freshness(id: &ActionId, already_run: &[ActionId]) -> f64 {
    if already_run.contains(id) { ALREADY_RUN } else { 1.0 }
}

/// What a record multiplies a score by: 1 without one, above 1 when it helped more often than not.
fn lift(record: &ActionRecord) -> f64 {
    let (helped, not) = (f64::from(record.helped), f64::from(record.did_not_help));
    let rate = (helped + PRIOR_RUNS) / (helped + not + 2.0 * PRIOR_RUNS);
    (RECORD_REACH * (2.0 * rate - 1.0)).exp2()
}

/// What makes two suggestions the same: the button does the same, or leads to the same page.
fn identity(suggestion: &Suggestion) -> (Option<ActionId>, BTreeMap<String, String>, Option<String>) {
    let page = suggestion.runbook.as_ref().filter(|_| suggestion.action.is_none()).map(ToString::to_string);
    (suggestion.action.clone(), suggestion.params.clone(), page)
}

fn is_above(hit: &Hit, bar: f64) -> bool {
    is_named(hit) || (hit.explained >= bar && terms(hit).len() >= TERMS_MATCHED_MIN)
}

fn strength(hit: &Hit) -> Strength {
    if is_named(hit) {
        Strength::Strong
    } else if hit.explained >= BAR_LIKELY {
        Strength::Likely
    } else {
        Strength::Possible
    }
}

/// True when names agree and not only words: the alarm's name is the runbook's, or the runbook declares the alarm.
fn is_named(hit: &Hit) -> bool {
    hit.matched.iter().any(|matched| matched.field == Match::EXACT_NAME || matched.field == Match::DECLARED_ALARM)
}
