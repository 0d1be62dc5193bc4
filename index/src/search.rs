//! The ranking of runbooks for one alarm.
//!
//! The score is a sum: for every word of the alarm and every part of the runbook that has it, the word's weight in the
//! alarm, times the part's weight, times BM25 in that part; and a few additions for names that agree. Each summand is kept
//! as a [`Match`], so a score can always be explained. It draws on nothing but alarm, runbooks and `weights.toml`.

use crate::alarm_text::{self, AlarmTerm};
use crate::engine::{Engine, Part};
use crate::runbook::{Runbook, file_name};
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
    /// Why: every summand of the score, the largest first.
    pub matched: Vec<Match>,
}

/// One reason for a score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// The part of the runbook: `title`, `aliases`, `services`, `alarms`, `tags`, `path`, `headings`, `lead`, `code`,
    /// `body`; or an agreement: [`Match::EXACT_NAME`], [`Match::DECLARED_ALARM`], [`Match::DECLARED_SERVICE`],
    /// [`Match::TITLE_COVERAGE`].
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
    let coverage = title_coverage(engine, weights, &terms);
    let agreements = agreements(weights, runbooks.values(), alarm);
    for (runbook, share) in coverage.iter().enumerate() {
        scores[runbook] += f64::from(*share);
    }
    for (runbook, matched) in &agreements {
        scores[*runbook] += matched.share;
    }
    let mut order: Vec<usize> = (0..scores.len()).filter(|runbook| scores[*runbook] > 0.0).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    order.truncate(limit);
    let mut matched: BTreeMap<usize, Vec<Match>> = order.iter().map(|runbook| (*runbook, Vec::new())).collect();
    for summand in summands {
        if let Some(matched) = matched.get_mut(&(summand.runbook as usize)) {
            let term = terms[summand.term as usize].written.clone();
            matched.push(Match { field: summand.part.name().to_owned(), term, share: f64::from(summand.share) });
        }
    }
    for (runbook, agreement) in agreements {
        if let Some(matched) = matched.get_mut(&runbook) {
            matched.push(agreement);
        }
    }
    let all: Vec<&Runbook> = runbooks.values().collect();
    order
        .into_iter()
        .map(|place| {
            let runbook = all[place];
            let mut matched = matched.remove(&place).unwrap_or_default();
            if coverage[place] > 0.0 {
                let field = Match::TITLE_COVERAGE.to_owned();
                matched.push(Match { field, term: runbook.title.clone(), share: f64::from(coverage[place]) });
            }
            matched.sort_by(|a, b| b.share.total_cmp(&a.share));
            Hit {
                runbook: runbook.id.clone(),
                title: runbook.title.clone(),
                actions: runbook.actions.clone(),
                score: scores[place],
                matched,
            }
        })
        .collect()
}

/// Adds up every word in every part.
fn match_words(engine: &Engine, weights: &Weights, terms: &[AlarmTerm], scores: &mut [f64]) -> Vec<Summand> {
    let mut summands = Vec::new();
    for (number, term) in (0_u32..).zip(terms) {
        for part in Part::ALL {
            let weight = term.weight * part.weight(&weights.runbook);
            if weight <= 0.0 {
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

/// For each runbook, what it gains from the share of its title that the alarm says.
fn title_coverage(engine: &Engine, weights: &Weights, terms: &[AlarmTerm]) -> Vec<f32> {
    let mut said = vec![0.0_f32; engine.size as usize];
    for term in terms {
        let rarity = engine.rarity(&term.stem) * (term.weight / weights.alarm.name).min(1.0);
        engine.each_match(Part::Title, &term.stem, |runbook, _| said[runbook as usize] += rarity);
    }
    let whole = engine.title_idf.iter();
    said.iter()
        .zip(whole)
        .map(|(said, whole)| weights.bonus.title_coverage * (said / whole.max(1.0)).min(1.0))
        .collect()
}

/// Names that agree, as `(place, reason)`.
fn agreements<'a>(
    weights: &Weights,
    runbooks: impl Iterator<Item = &'a Runbook>,
    alarm: &Alarm,
) -> Vec<(usize, Match)> {
    let name = plain(&alarm.title);
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
    for (place, runbook) in runbooks.enumerate() {
        let mut add = |field: &str, term: &str, share: f32| {
            if share > 0.0 {
                found.push((place, Match { field: field.to_owned(), term: term.to_owned(), share: f64::from(share) }));
            }
        };
        let own = [runbook.title.as_str(), file_name(&runbook.id)];
        let own = own.into_iter().chain(runbook.aliases.iter().map(String::as_str));
        if !name.is_empty() && own.into_iter().any(|own| plain(own) == name) {
            add(Match::EXACT_NAME, &alarm.title, weights.bonus.exact_name);
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

/// A name without case and separators, so that `Kube-Pod-CrashLooping` and `KubePodCrashLooping` agree.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Does the whole name fit the pattern? `*` is anything, `?` any one character, case does not count.
fn fits(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.trim().to_lowercase().chars().collect();
    let name: Vec<char> = name.trim().to_lowercase().chars().collect();
    let (mut p, mut n) = (0, 0);
    let mut retry = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            Some(_) | None => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    p = star + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    !pattern.is_empty() && pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_names() {
        for (pattern, name, expect) in [
            ("KubePod*", "kubepodcrashlooping", true),
            ("*5xx*", "checkout-5XX-rate", true),
            ("disk-?", "disk-1", true),
            ("disk-?", "disk-12", false),
            ("*a*b", "xaybzb", true),
            ("exact", "exactly", false),
            ("", "", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern, name), expect, "{pattern} {name}");
        }
    }
}
