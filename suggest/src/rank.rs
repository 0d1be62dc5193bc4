//! From hits to at most three buttons.
//!
//! Text decides first: a runbook's score, and the order of the actions inside it. Then the outcomes of each action on the
//! same alarm outweigh it, an action that already ran in this incident without helping goes to the end, and what people
//! pinned or banned goes before all. Below the bar nothing is suggested and the ranking says so.

use crate::reason::{reason, record_line, terms};
use crate::score::Score;
use chrono::{DateTime, Utc};
use incident::action::{Action, Catalogue, render};
use incident::{ActionId, ActionRecord, Alarm, Change, Mark, Marked, Record, Related, Strength, Suggestion};
use index::Hit;
use std::collections::{BTreeMap, BTreeSet};

/// The share from which a runbook fills slots two and three behind a good first one.
pub(crate) const BAR_NEXT: f64 = 0.20;
/// The share from which a hit is called likely.
pub(crate) const BAR_LIKELY: f64 = 0.50;
/// Words that must match: one common word is a coincidence.
const TERMS_MATCHED_MIN: usize = 2;
/// What each later action of a runbook keeps of the score of the one before: its author put the best first, and a second
/// runbook that fits nearly as well should get a button too.
const NEXT_ACTION: f64 = 0.8;
/// The chance that the best fitting action helps while nothing was ever tried: what later outcomes are weighed against.
/// Judged; only its size beside the outcomes' matters.
const TEXT_CHANCE: f64 = 0.6;
/// How many outcomes the text weighs: after two that agree the record decides.
const TEXT_OUTCOMES: f64 = 1.5;
/// What an action keeps of its score after it ran in this incident and the alarm stayed.
const ALREADY_RUN: f64 = 0.05;
/// What an action keeps of its score after it ran for another incident on the same resource and that one stayed open. Judged:
/// the two may have one cause, and it was not this.
const TRIED_BESIDE: f64 = 0.4;
/// What a change shortly before adds to the text's chance of an action that takes changes back. Judged: most outages follow a
/// change, and most of those are ended by taking it back (Google, "Site Reliability Engineering", 2016: some 70 %).
const AFTER_CHANGE: f64 = 0.2;
/// The chance of an action that helped with an alarm of the very same words, in proportion less of one that says fewer: it
/// fills the second and third place, never the first. Siblings, such as "low" and "full", are told apart by their own records
/// only (measured on public rules: what is smeared over similar alarms lowers the first place).
const ELSEWHERE_CHANCE: f64 = 0.3;
/// What a pin adds: more than any chance.
const PINNED: f64 = 1.0;
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

/// What a ranking is made for: one alarm at one moment.
struct Case<'a> {
    alarm: &'a Alarm,
    catalogue: &'a Catalogue,
    record: &'a Record,
    changes: &'a [Change],
    already_run: &'a [ActionId],
    elsewhere: &'a [Elsewhere],
    related: &'a [Related],
    now: DateTime<Utc>,
}

/// What is known besides the alarm and the runbooks.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What actions achieved on the same alarm before, and what people pinned or banned.
    pub record: &'a Record,
    /// What was changed shortly before the incident.
    pub changes: &'a [Change],
    /// Actions that ran in this incident while the alarm stayed.
    pub already_run: &'a [ActionId],
    /// What helped with alarms that say the same words, the nearest first.
    pub elsewhere: &'a [Elsewhere],
    /// What else is open on the same resource.
    pub related: &'a [Related],
}

impl<'a> Known<'a> {
    /// Only a record is known.
    #[must_use]
    pub const fn of(record: &'a Record) -> Self {
        Self { record, changes: &[], already_run: &[], elsewhere: &[], related: &[] }
    }
}

/// An action that helped with another alarm, which looked like this one.
#[derive(Debug, Clone, PartialEq)]
pub struct Elsewhere {
    /// Which action.
    pub action: ActionId,
    /// On which incident, in words: `INC-7 Disk is full on db-2`.
    pub on: String,
    /// How much of this alarm the other one says, 0 to 1.
    pub explained: f64,
}

/// Ranks actions for an alarm. `hits` come from [`index::Library::search`], the best first. Two suggestions never have the
/// same action and parameters.
#[must_use]
pub fn suggest(alarm: &Alarm, hits: &[Hit], catalogue: &Catalogue, known: Known<'_>, now: DateTime<Utc>) -> Ranking {
    let Known { record, changes, already_run, elsewhere, related } = known;
    let case = Case { alarm, catalogue, record, changes, already_run, elsewhere, related, now };
    let mut candidates = case.of_hits(hits);
    candidates.extend(case.of_record(hits));
    candidates.extend(case.of_elsewhere(hits));
    candidates.sort_by(|a, b| b.suggestion.score.total_cmp(&a.suggestion.score));
    let mut ranking = Ranking::default();
    let mut seen = BTreeSet::new();
    for Candidate { suggestion, is_good } in candidates {
        if !seen.insert(identity(&suggestion)) {
            continue;
        }
        if is_good && ranking.suggestions.len() < Suggestion::SHOWN_MAX {
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

/// A suggestion that may be shown.
struct Candidate {
    suggestion: Suggestion,
    /// Whether it is above the bar.
    is_good: bool,
}

impl Case<'_> {
    fn of_hits(&self, hits: &[Hit]) -> Vec<Candidate> {
        let Some(best) = hits.first() else { return Vec::new() };
        let has_good_match = has_good_match(hits);
        let of_hit = |hit| self.of_hit(hit, best.score, has_good_match && is_above(hit, BAR_NEXT));
        hits.iter().flat_map(of_hit).collect()
    }

    /// The suggestions of one runbook: its runnable actions, or reading it when it has none.
    fn of_hit(&self, hit: &Hit, best: f64, is_good: bool) -> Vec<Candidate> {
        let runnable: Vec<&Action> = hit.actions.iter().filter_map(|id| self.catalogue.get(id)).collect();
        let chance = |share: f64| if best > 0.0 { TEXT_CHANCE * share * hit.score / best } else { 0.0 };
        if runnable.is_empty() {
            let score = Score::of_text(hit, chance(1.0));
            return vec![Candidate { suggestion: read(hit, score), is_good }];
        }
        let shares = std::iter::successors(Some(1.0), |share| Some(share * NEXT_ACTION));
        let candidate = |(action, share): (&Action, f64)| {
            let mut score = Score::of_text(hit, chance(share));
            self.weigh(action, &mut score);
            let helped = self.has_helped(&action.id);
            let strength = if helped { Strength::Strong } else { strength(hit) };
            let suggestion = Suggestion {
                runbook: Some(hit.runbook.clone()),
                runbook_title: hit.title.clone(),
                ..self.suggestion(action, reason(hit), strength, score)
            };
            self.candidate(suggestion, is_good || helped)
        };
        runnable.into_iter().zip(shares).map(candidate).collect()
    }

    /// Actions that helped with this alarm before, or were pinned to it, though no runbook found now offers them: somebody
    /// chose them by hand.
    fn of_record(&self, hits: &[Hit]) -> Vec<Candidate> {
        let offered = |id: &ActionId| hits.iter().any(|hit| hit.actions.contains(id));
        let pinned = self.record.marks.iter().filter(|(_, marked)| marked.mark == Mark::Pinned).map(|(id, _)| id);
        let known: BTreeSet<&ActionId> = self.record.actions().into_iter().chain(pinned).collect();
        let wanted = known.into_iter().filter(|id| !offered(id) && (self.has_helped(id) || self.mark(id).is_some()));
        let candidate = |action: &Action| {
            let mut score = Score::default();
            self.weigh(action, &mut score);
            let reason =
                if self.has_helped(&action.id) { "helped with this alarm before" } else { "no runbook offers it" };
            self.candidate(self.suggestion(action, reason.to_owned(), Strength::Strong, score), true)
        };
        wanted.filter_map(|id| self.catalogue.get(id)).map(candidate).collect()
    }

    /// Actions that helped with alarms like this one and that no runbook found now offers, where something else is first.
    fn of_elsewhere(&self, hits: &[Hit]) -> Vec<Candidate> {
        let is_known = |id: &ActionId| hits.iter().any(|hit| hit.actions.contains(id)) || self.has_helped(id);
        let good = has_good_match(hits);
        let new =
            self.elsewhere.iter().filter(|one| good && !is_known(&one.action) && self.mark(&one.action).is_none());
        let candidate = |one: &Elsewhere| {
            let action = self.catalogue.get(&one.action)?;
            let mut score = Score::default();
            score.add(format!("helped on {}", one.on), ELSEWHERE_CHANCE * one.explained);
            self.weigh(action, &mut score);
            let suggestion = self.suggestion(action, format!("helped on {}", one.on), Strength::Possible, score);
            Some(self.candidate(suggestion, true))
        };
        new.filter_map(candidate).collect()
    }

    fn suggestion(&self, action: &Action, reason: String, strength: Strength, score: Score) -> Suggestion {
        let params = action.fill(self.alarm);
        let (score, parts) = score.told();
        Suggestion {
            action: Some(action.id.clone()),
            title: render(&action.title, &params),
            params,
            runbook: None,
            runbook_title: String::new(),
            reason,
            record: self.record.tally(&action.id, self.now),
            strength,
            score,
            parts,
            read_only: action.read_only,
        }
    }

    /// What was learned of an action, beside what the text says. A posterior mean: the text stands for
    /// [`TEXT_OUTCOMES`] outcomes, and each outcome of the record for what it still counts.
    fn weigh(&self, action: &Action, score: &mut Score) {
        if let Some(change) = self.changes.first().filter(|_| action.undoes_changes) {
            score.add(format!("takes back: {}", change.title), AFTER_CHANGE);
        }
        let evidence = self.record.evidence(&action.id, self.now);
        let all = TEXT_OUTCOMES + evidence.weight();
        if evidence.weight() > 0.0 {
            score.scale(TEXT_OUTCOMES / all);
            score.add(told(&self.record.tally(&action.id, self.now)), evidence.helped / all);
        }
        if self.already_run.contains(&action.id) {
            score.add("ran in this incident already".to_owned(), (ALREADY_RUN - 1.0) * score.sum());
        }
        self.weigh_related(action, score);
        self.decided(action, score);
    }

    /// What was tried for another incident on the same resource, whose alarm stayed.
    fn weigh_related(&self, action: &Action, score: &mut Score) {
        if let Some(related) = self.related.iter().find(|related| related.tried.contains(&action.id)) {
            let what = format!("ran for {}, open on the same resource", related.incident);
            score.add(what, (TRIED_BESIDE - 1.0) * score.sum());
        }
    }

    /// What people decided goes before what was learned.
    fn decided(&self, action: &Action, score: &mut Score) {
        let Some(marked) = self.mark(&action.id) else { return };
        let adds = if marked.mark == Mark::Pinned { PINNED } else { -score.sum() };
        score.add(because(marked), adds);
    }

    /// Says so instead of the reason that the text gives.
    fn candidate(&self, suggestion: Suggestion, is_good: bool) -> Candidate {
        let marked = suggestion.action.as_ref().and_then(|id| self.mark(id));
        let Some(marked) = marked else { return Candidate { suggestion, is_good } };
        let is_pinned = marked.mark == Mark::Pinned;
        let strength = if is_pinned { Strength::Strong } else { suggestion.strength };
        Candidate { suggestion: Suggestion { reason: because(marked), strength, ..suggestion }, is_good: is_pinned }
    }

    fn mark(&self, id: &ActionId) -> Option<&Marked> {
        self.record.marks.get(id)
    }

    /// True when it cleared the alarm more often than not, as far as that still counts.
    fn has_helped(&self, id: &ActionId) -> bool {
        let evidence = self.record.evidence(id, self.now);
        evidence.helped > evidence.failed && self.record.tally(id, self.now).helped > 0
    }
}

fn because(marked: &Marked) -> String {
    let word = match marked.mark {
        Mark::Pinned => "pinned",
        Mark::Banned => "banned",
    };
    format!("{word} by {}: {}", marked.by, marked.why)
}

fn read(hit: &Hit, score: Score) -> Suggestion {
    let (score, parts) = score.told();
    Suggestion {
        action: None,
        title: format!("Read {}", hit.title),
        params: BTreeMap::new(),
        runbook: Some(hit.runbook.clone()),
        runbook_title: hit.title.clone(),
        reason: reason(hit),
        record: ActionRecord::default(),
        strength: strength(hit),
        score,
        parts,
        read_only: true,
    }
}

/// "worked 3 of 3 before", or what there is instead of outcomes.
fn told(tally: &ActionRecord) -> String {
    record_line(tally).unwrap_or_else(|| "chosen or rejected before".to_owned())
}

/// What makes two suggestions the same: the button does the same, or leads to the same page.
fn identity(suggestion: &Suggestion) -> (Option<ActionId>, BTreeMap<String, String>, Option<String>) {
    let page = suggestion.runbook.as_ref().filter(|_| suggestion.action.is_none()).map(ToString::to_string);
    (suggestion.action.clone(), suggestion.params.clone(), page)
}

/// Whether there is a good match among the hits, and not only a nearest one.
fn has_good_match(hits: &[Hit]) -> bool {
    let is_sure = |best: &Hit| best.confidence >= Hit::GOOD_MATCH && terms(best).len() >= TERMS_MATCHED_MIN;
    hits.first().is_some_and(is_sure) || hits.iter().any(Hit::is_named)
}

fn is_above(hit: &Hit, bar: f64) -> bool {
    hit.is_named() || (hit.explained >= bar && terms(hit).len() >= TERMS_MATCHED_MIN)
}

fn strength(hit: &Hit) -> Strength {
    if hit.is_named() {
        Strength::Strong
    } else if hit.explained >= BAR_LIKELY {
        Strength::Likely
    } else {
        Strength::Possible
    }
}
