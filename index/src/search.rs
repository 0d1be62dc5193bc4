//! The ranking of runbooks for one alarm.
//!
//! The score is a sum: for every word of the alarm, its weight there times BM25 over the parts of the runbook that have it;
//! and a few agreements of names and texts. Scores are added up for all runbooks without reasons; then the best few are
//! explained, each summand as a [`Match`]. It draws on nothing but alarm, runbooks and `weights.toml`.

use crate::agreements::{self, Agreement};
use crate::alarm_text::{self, AlarmTerm};
use crate::confidence;
use crate::engine::{Engine, Places, Said};
use crate::passage;
use crate::runbook::Runbook;
use crate::weights::Weights;
use incident::{ActionId, Alarm, RunbookId};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::sync::Arc;

/// A runbook that fits an alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// Which runbook.
    pub runbook: RunbookId,
    /// Its title.
    pub title: String,
    /// The actions it offers.
    pub actions: Vec<ActionId>,
    /// How well it fits; above 0, comparable only within one search.
    pub score: f64,
    /// The share of the alarm's words that the runbook says, by weight and rarity, 0 to 1: what tells a runbook about this
    /// trouble from one that only has a rare word in common.
    pub explained: f64,
    /// How likely it is that this is the runbook its author would link, 0 to 1, as fitted on a public benchmark: from what is
    /// explained, whether names agree, and the lead over the next best. Below [`Hit::GOOD_MATCH`] a first hit is no good match.
    pub confidence: f64,
    /// Why: every summand of the score, the largest first.
    pub matched: Vec<Match>,
}

impl Hit {
    /// The confidence from which a first hit is a good match: nine in ten such hits are right even where no alarm has its
    /// name. Measured 2026-11-28 on public alert rules against 410 runbooks; `docs/suggestions.md` has the table.
    pub const GOOD_MATCH: f64 = 0.6;

    /// True when names agree and not only words: the alarm's name is the runbook's, or the runbook declares the alarm.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.matched.iter().any(|matched| matched.field == Match::EXACT_NAME || matched.field == Match::DECLARED_ALARM)
    }
}

/// One reason for a score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// The part of the runbook: `title`, `aliases`, `services`, `alarms`, `tags`, `path`, `headings`, `lead`, `phrases`, `code`,
    /// `body`, `pairs`; or an agreement: [`Match::EXACT_NAME`], [`Match::DECLARED_ALARM`], [`Match::DECLARED_SERVICE`],
    /// [`Match::TITLE_COVERAGE`], [`Match::NAME_INSIDE`], [`Match::SAME_ENDING`], [`Match::COVERAGE`], [`Match::PASSAGE`],
    /// [`Match::OPPOSITE`].
    pub field: String,
    /// The word as the alarm writes it; for an agreement, the name that agrees.
    pub term: String,
    /// What it adds to the score; below 0 for [`Match::OPPOSITE`] alone.
    pub share: f64,
}

impl Match {
    /// The alarm is named like the runbook.
    pub const EXACT_NAME: &'static str = "exact name";
    /// The runbook's front matter names the alarm.
    pub const DECLARED_ALARM: &'static str = "declared alarm";
    /// The runbook's front matter names the alarm's service.
    pub const DECLARED_SERVICE: &'static str = "declared service";
    /// The alarm says (a part of) the runbook's title.
    pub const TITLE_COVERAGE: &'static str = "title coverage";
    /// The alarm's name holds the runbook's whole name: `prod-checkout-HighErrorRate` holds `HighErrorRate`.
    pub const NAME_INSIDE: &'static str = "name inside";
    /// The last part of both names is the same: `dev/Follower/NotRunning` and `Hub/Follower/NotRunning`.
    pub const SAME_ENDING: &'static str = "same ending";

    /// The share of the alarm's words that the runbook says.
    pub const COVERAGE: &'static str = "coverage";
    /// A few words in a row of the lead say (a part of) one of the alarm's texts; the term is `name`, `summary` or
    /// `description`.
    pub const PASSAGE: &'static str = "passage";
    /// The runbook says "low" where the alarm says "high".
    pub const OPPOSITE: &'static str = "opposite";

    /// True when it is about a whole name or text, and not about one word.
    #[must_use]
    pub fn is_agreement(&self) -> bool {
        let agreements = [
            Self::EXACT_NAME,
            Self::DECLARED_ALARM,
            Self::DECLARED_SERVICE,
            Self::TITLE_COVERAGE,
            Self::NAME_INSIDE,
            Self::SAME_ENDING,
            Self::COVERAGE,
            Self::PASSAGE,
            Self::OPPOSITE,
        ];
        agreements.contains(&self.field.as_str())
    }
}

/// What agreements are measured by when no word matches.
const UNIT_MIN: f32 = 10.0;
/// What a word that no runbook knows counts in [`Hit::explained`]: it is most often the name of a machine or a team.
const UNKNOWN_WORD: f32 = 0.5;

/// The runbooks that fit the alarm, the best first.
pub(crate) fn search(
    engine: &Engine,
    weights: &Weights,
    runbooks: &[Arc<Runbook>],
    alarm: &Alarm,
    limit: usize,
) -> Vec<Hit> {
    let terms = alarm_text::terms(&weights.alarm, alarm);
    let places: Vec<Places> = terms.iter().map(|term| engine.places(&term.stem, term.is_phrase, weights)).collect();
    let mut scored = score(engine, weights, alarm, &terms, &places);
    // One more than asked for: confidence wants to know the next.
    let wanted = limit.saturating_add(1);
    let mut best = best_units(engine, &scored.totals, wanted.max(passage::UNITS_MAX));
    scored.add_passages(weights, &terms, &places, &best);
    best.sort_unstable_by(|a, b| better(engine, &scored.totals, a, b));
    best.truncate(wanted);
    let matched = explain(weights, &terms, &places, &scored, &best, runbooks, engine);
    let mut hits: Vec<Hit> = best
        .iter()
        .zip(matched)
        .map(|(unit, matched)| {
            let Runbook { id, title, actions, .. } = &*runbooks[engine.units[*unit as usize].runbook as usize];
            Hit {
                runbook: id.clone(),
                title: title.clone(),
                actions: actions.clone(),
                score: matched.iter().map(|matched| matched.share).sum(),
                explained: f64::from(scored.explained[*unit as usize]),
                confidence: 0.0,
                matched,
            }
        })
        .collect();
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.runbook.cmp(&b.runbook)));
    confidence::set(&mut hits, &weights.confidence);
    hits.truncate(limit);
    hits
}

/// All units while they are scored together.
struct Scored {
    totals: Vec<f32>,
    /// The share of the alarm's words that each says.
    explained: Vec<f32>,
    agreements: Vec<Agreement>,
    /// What the agreements are parts of.
    unit: f32,
}

impl Scored {
    /// Adds what is said in a row to the first of the best units, the best first.
    fn add_passages(&mut self, weights: &Weights, terms: &[AlarmTerm], places: &[Places], best: &[u32]) {
        let mut units: Vec<u32> = best.iter().copied().take(passage::UNITS_MAX).collect();
        units.sort_unstable();
        let agreements = passage::agreements(&weights.bonus, terms, places, &units);
        for agreement in &agreements {
            self.totals[agreement.unit as usize] += agreement.share * self.unit;
        }
        self.agreements.extend(agreements);
    }
}

/// What a word of the alarm is worth where shares of the alarm are measured: nothing for phrases, whose words count already.
pub(crate) fn worth(term: &AlarmTerm, places: &Places) -> f32 {
    if term.is_phrase {
        0.0
    } else if places.is_empty() {
        term.weight * places.rarity * UNKNOWN_WORD
    } else {
        term.weight * places.rarity
    }
}

fn score(engine: &Engine, weights: &Weights, alarm: &Alarm, terms: &[AlarmTerm], places: &[Places]) -> Scored {
    let size = engine.units.len();
    let mut said = vec![Said::default(); size];
    let (mut totals, mut explained, mut titles) = (vec![0.0_f32; size], vec![0.0_f32; size], vec![0.0_f32; size]);
    let (mut whole, mut found) = (0.0, Vec::new());
    for (term, places) in terms.iter().zip(places) {
        let worth = worth(term, places);
        whole += worth;
        let in_title = places.rarity * (term.weight / weights.alarm.name).min(1.0);
        places.collect(&mut said, &mut found, |unit| titles[unit as usize] += in_title);
        for unit in found.drain(..) {
            let place = unit as usize;
            totals[place] += term.weight * std::mem::take(&mut said[place]).score(&weights.shape);
            explained[place] += worth;
        }
    }
    // Agreements are parts of the best word score: names of ten words score ten times as much as names of one.
    let unit = totals.iter().copied().fold(UNIT_MIN, f32::max);
    let mut agreements = agreements::of_names(engine, &weights.bonus, alarm);
    agreements.extend(agreements::of_titles(engine, &weights.bonus, &titles));
    agreements.extend(agreements::of_opposites(engine, weights, terms));
    for agreement in &agreements {
        totals[agreement.unit as usize] += agreement.share * unit;
    }
    for (total, explained) in totals.iter_mut().zip(&mut explained) {
        *explained = if whole > 0.0 { (*explained / whole).min(1.0) } else { 0.0 };
        *total += weights.bonus.coverage * *explained * unit;
    }
    Scored { totals, explained, agreements, unit }
}

/// Less when the first unit is the better one.
fn better(engine: &Engine, totals: &[f32], a: &u32, b: &u32) -> Ordering {
    let place = |unit: u32| (engine.units[unit as usize].runbook, unit);
    totals[*b as usize].total_cmp(&totals[*a as usize]).then_with(|| place(*a).cmp(&place(*b)))
}

/// The best unit of each of the best runbooks, the best first.
fn best_units(engine: &Engine, totals: &[f32], limit: usize) -> Vec<u32> {
    let better = |a: &u32, b: &u32| better(engine, totals, a, b);
    let mut units: Vec<u32> = Vec::new();
    // Units of one runbook follow each other.
    for (unit, _) in (0_u32..).zip(totals).filter(|(_, total)| **total > 0.0) {
        let runbook = engine.units[unit as usize].runbook;
        match units.last_mut().filter(|last| engine.units[**last as usize].runbook == runbook) {
            Some(last) if better(&unit, last).is_lt() => *last = unit,
            Some(_) => {}
            None => units.push(unit),
        }
    }
    if units.len() > limit && limit > 0 {
        units.select_nth_unstable_by(limit - 1, better);
    }
    units.truncate(limit);
    units.sort_unstable_by(better);
    units
}

/// Every summand of the best units' scores, the largest first.
fn explain(
    weights: &Weights,
    terms: &[AlarmTerm],
    places: &[Places],
    scored: &Scored,
    best: &[u32],
    runbooks: &[Arc<Runbook>],
    engine: &Engine,
) -> Vec<Vec<Match>> {
    let mut rising: Vec<(u32, usize)> = best.iter().copied().zip(0..).collect();
    rising.sort_unstable();
    let units: Vec<u32> = rising.iter().map(|(unit, _)| *unit).collect();
    let mut matched: Vec<Vec<Match>> = vec![Vec::new(); best.len()];
    let mut add = |number: usize, field: &str, term: &str, share: f32| {
        let share = f64::from(share);
        if share != 0.0 {
            matched[rising[number].1].push(Match { field: field.to_owned(), term: term.to_owned(), share });
        }
    };
    for (term, places) in terms.iter().zip(places) {
        places.explain(&units, &weights.shape, |number, part, score| {
            add(number, part.name(), &term.written, term.weight * score);
        });
    }
    for Agreement { unit, field, term, share } in &scored.agreements {
        if let Ok(number) = units.binary_search(unit) {
            let title = &runbooks[engine.units[*unit as usize].runbook as usize].title;
            add(number, field, term.as_deref().unwrap_or(title), share * scored.unit);
        }
    }
    for (number, unit) in units.iter().enumerate() {
        let explained = scored.explained[*unit as usize];
        let title = &runbooks[engine.units[*unit as usize].runbook as usize].title;
        add(number, Match::COVERAGE, title, weights.bonus.coverage * explained * scored.unit);
    }
    for matched in &mut matched {
        matched.sort_by(|a, b| b.share.total_cmp(&a.share));
    }
    matched
}
