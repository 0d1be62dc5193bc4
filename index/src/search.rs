//! The ranking of runbooks for one alarm.
//!
//! The score is a sum: for every word of the alarm and every part of the runbook that has it, the word's weight in the
//! alarm, times the part's weight, times BM25 in that part; and a few additions for names that agree. Each summand is kept
//! as a [`Match`], so a score can always be explained. It draws on nothing but alarm, runbooks and `weights.toml`.

use crate::alarm_text::{self, AlarmTerm};
use crate::engine::{Engine, Part};
use crate::names::{Name, Nearness, fits};
use crate::runbook::Runbook;
use crate::weights::Weights;
use incident::{ActionId, Alarm, RunbookId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// Why: every summand of the score, the largest first.
    pub matched: Vec<Match>,
}

/// One reason for a score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// The part of the runbook: `title`, `aliases`, `services`, `alarms`, `tags`, `path`, `headings`, `lead`, `phrases`, `code`,
    /// `body`; or an agreement: [`Match::EXACT_NAME`], [`Match::DECLARED_ALARM`], [`Match::DECLARED_SERVICE`],
    /// [`Match::TITLE_COVERAGE`], [`Match::NAME_INSIDE`], [`Match::SAME_ENDING`].
    pub field: String,
    /// The word as the alarm writes it; for an agreement, the name that agrees.
    pub term: String,
    /// What it adds to the score.
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
        ];
        agreements.contains(&self.field.as_str())
    }
}

/// What agreements are measured by when no word matches.
const UNIT_MIN: f64 = 10.0;
/// What a word that no runbook knows counts in [`Hit::explained`].
const UNKNOWN_WORD: f64 = 0.5;
/// An agreement of one runbook while all are scored together.
struct Agreement<'a> {
    place: usize,
    field: &'static str,
    term: &'a str,
    share: f64,
}

/// One summand while all runbooks are scored together.
struct Summand {
    runbook: u32,
    term: u32,
    part: Part,
    share: f32,
}

pub(crate) fn search(
    engine: &Engine,
    weights: &Weights,
    runbooks: &BTreeMap<RunbookId, Runbook>,
    alarm: &Alarm,
    limit: usize,
) -> Vec<Hit> {
    let terms = alarm_text::terms(&mut engine.analyzer.clone(), &weights.alarm, alarm);
    let mut scores = vec![0.0_f64; engine.size as usize];
    let summands = match_words(engine, weights, &terms, &mut scores);
    let all: Vec<&Runbook> = runbooks.values().collect();
    let rarity = |term: &AlarmTerm| if term.is_phrase { 0.0 } else { engine.rarity(&term.stem) };
    let rarities: Vec<f32> = terms.iter().map(rarity).collect();
    // Agreements are worth a part of the best word score: names of ten words score ten times as much as names of one.
    let unit = scores.iter().copied().fold(UNIT_MIN, f64::max);
    let mut agreements = agreements(engine, weights, &all, alarm);
    agreements.extend(title_coverage(engine, weights, &terms, &rarities, &all));
    for agreement in &mut agreements {
        agreement.share *= unit;
        scores[agreement.place] += agreement.share;
    }
    let mut order: Vec<usize> = (0..scores.len()).filter(|place| scores[*place] > 0.0).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    order.truncate(limit);
    let explained = explained(&terms, &rarities, &summands, all.len());
    let mut matched: BTreeMap<usize, Vec<Match>> = order.iter().map(|place| (*place, Vec::new())).collect();
    for summand in summands {
        if let Some(matched) = matched.get_mut(&(summand.runbook as usize)) {
            let term = terms[summand.term as usize].written.clone();
            matched.push(Match { field: summand.part.name().to_owned(), term, share: f64::from(summand.share) });
        }
    }
    for Agreement { place, field, term, share } in agreements {
        if let Some(matched) = matched.get_mut(&place) {
            matched.push(Match { field: field.to_owned(), term: term.to_owned(), share });
        }
    }
    let hit = |place: usize| {
        let mut matched = matched.remove(&place).unwrap_or_default();
        matched.sort_by(|a, b| b.share.total_cmp(&a.share));
        let Runbook { id, title, actions, .. } = all[place];
        Hit {
            runbook: id.clone(),
            title: title.clone(),
            actions: actions.clone(),
            score: scores[place],
            explained: explained[place],
            matched,
        }
    };
    order.into_iter().map(hit).collect()
}

/// Adds up every word in every part.
fn match_words(engine: &Engine, weights: &Weights, terms: &[AlarmTerm], scores: &mut [f64]) -> Vec<Summand> {
    let mut summands = Vec::new();
    for (number, term) in (0_u32..).zip(terms) {
        for part in Part::ALL {
            let weight = term.weight * part.weight(&weights.runbook);
            if weight <= 0.0 || term.is_phrase != (part == Part::Phrases) {
                continue;
            }
            engine.each_match(part, &term.stem, |runbook, score| {
                let share = weight * score;
                scores[runbook as usize] += f64::from(share);
                summands.push(Summand { runbook, term: number, part, share });
            });
        }
    }
    summands
}

/// For each runbook, the share of the alarm's words that it says, by weight and rarity. A word that no runbook knows counts
/// little, since it is most often the name of a machine or a team.
fn explained(terms: &[AlarmTerm], rarities: &[f32], summands: &[Summand], size: usize) -> Vec<f64> {
    let mut is_known = vec![false; terms.len()];
    for summand in summands {
        is_known[summand.term as usize] = true;
    }
    let worth = |number: usize| {
        let known = if is_known[number] { 1.0 } else { UNKNOWN_WORD };
        f64::from(terms[number].weight * rarities[number]) * known
    };
    let worths: Vec<f64> = (0..terms.len()).map(worth).collect();
    let whole: f64 = worths.iter().sum();
    let mut said = vec![0.0; size];
    let mut counted = vec![u32::MAX; size];
    for summand in summands {
        // Summands come term by term, so a term already counted for a runbook was its last one.
        let place = summand.runbook as usize;
        if counted[place] != summand.term {
            counted[place] = summand.term;
            said[place] += worths[summand.term as usize];
        }
    }
    said.into_iter().map(|said| if whole > 0.0 { said / whole } else { 0.0 }).collect()
}

/// What each runbook gains from the share of its title that the alarm says, by rarity.
fn title_coverage<'a>(
    engine: &Engine,
    weights: &Weights,
    terms: &[AlarmTerm],
    rarities: &[f32],
    all: &[&'a Runbook],
) -> Vec<Agreement<'a>> {
    let mut said = vec![0.0_f32; all.len()];
    for (term, rarity) in terms.iter().zip(rarities).filter(|(term, _)| !term.is_phrase) {
        let share = rarity * (term.weight / weights.alarm.name).min(1.0);
        engine.each_match(Part::Title, &term.stem, |runbook, _| said[runbook as usize] += share);
    }
    let share = |place: usize| {
        let said = (said[place] / engine.title_idf[place].max(1.0)).min(1.0);
        f64::from(weights.bonus.title_coverage * said)
    };
    let agreement = |place: usize| {
        let term = all[place].title.as_str();
        Agreement { place, field: Match::TITLE_COVERAGE, term, share: share(place) }
    };
    (0..all.len()).map(agreement).filter(|agreement| agreement.share > 0.0).collect()
}

/// Names that agree.
fn agreements<'a>(engine: &Engine, weights: &Weights, all: &[&'a Runbook], alarm: &'a Alarm) -> Vec<Agreement<'a>> {
    let name = Name::of(&alarm.title);
    let names: Vec<&str> = [alarm.title.as_str()]
        .into_iter()
        .chain(alarm.labels.get("alertname").map(String::as_str))
        .filter(|name| !name.is_empty())
        .collect();
    let services: Vec<&str> = alarm
        .service
        .as_deref()
        .into_iter()
        .chain(["service", "app", "job"].iter().filter_map(|key| alarm.labels.get(*key).map(String::as_str)))
        .collect();
    let mut found = Vec::new();
    for (place, runbook) in all.iter().enumerate() {
        let mut add = |field: &'static str, term: &'a str, share: f32| {
            if share > 0.0 {
                found.push(Agreement { place, field, term, share: f64::from(share) });
            }
        };
        let nearness = engine.names[place].iter().map(|own| name.nearness(own)).max().unwrap_or_default();
        match nearness {
            Nearness::Same => add(Match::EXACT_NAME, &alarm.title, weights.bonus.exact_name),
            Nearness::Inside => add(Match::NAME_INSIDE, &runbook.title, weights.bonus.name_inside),
            Nearness::Ending => add(Match::SAME_ENDING, &runbook.title, weights.bonus.same_ending),
            Nearness::Apart => {}
        }
        if let Some(pattern) = runbook.alarms.iter().find(|pattern| names.iter().any(|name| fits(pattern, name))) {
            add(Match::DECLARED_ALARM, pattern, weights.bonus.declared_alarm);
        }
        if let Some(service) = runbook.services.iter().find(|own| services.iter().any(|name| fits(own, name))) {
            add(Match::DECLARED_SERVICE, service, weights.bonus.declared_service);
        }
    }
    found
}
