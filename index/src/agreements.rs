//! What speaks for a runbook beside single words: names that agree, what it declares, how much of the alarm and of its own
//! title is said; and against it: the opposite of what the alarm says. Each is a part of the best word score of the search.

use crate::alarm_text::AlarmTerm;
use crate::engine::Engine;
use crate::names::Nearness;
use crate::part::Part;
use crate::search::Match;
use crate::weights::{BonusWeights, Weights};
use incident::Alarm;
use std::collections::{BTreeMap, BTreeSet};

/// Words of which an alarm says one and the wrong sibling's runbook the other. Stems.
const OPPOSITES: [(&str, &str); 8] = [
    ("high", "low"),
    ("up", "down"),
    ("slow", "fast"),
    ("warn", "critic"),
    ("full", "empti"),
    ("increas", "decreas"),
    ("read", "write"),
    ("receiv", "transmit"),
];

/// Labels that name a service.
const SERVICE_LABELS: [&str; 3] = ["service", "app", "job"];

/// An agreement with one unit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Agreement {
    pub(crate) unit: u32,
    pub(crate) field: &'static str,
    /// The name that agrees; for agreements of texts, nothing.
    pub(crate) term: Option<String>,
    /// As a part of the best word score; below 0 when it speaks against the unit.
    pub(crate) share: f32,
}

/// Names and declarations.
pub(crate) fn of_names(engine: &Engine, weights: &BonusWeights, alarm: &Alarm) -> Vec<Agreement> {
    let mut found = Vec::new();
    for (unit, nearness) in engine.names.near(&alarm.title) {
        let (field, share) = match nearness {
            Nearness::Same => (Match::EXACT_NAME, weights.exact_name),
            Nearness::Inside => (Match::NAME_INSIDE, weights.name_inside),
            Nearness::Ending => (Match::SAME_ENDING, weights.same_ending),
        };
        found.push(Agreement { unit, field, term: Some(alarm.title.clone()), share });
    }
    for (field, share, declared) in [
        (Match::DECLARED_ALARM, weights.declared_alarm, declared_alarms(engine, alarm)),
        (Match::DECLARED_SERVICE, weights.declared_service, declared_services(engine, alarm)),
    ] {
        for (unit, facts) in (0..).zip(&engine.units) {
            if let Some(pattern) = declared.get(&facts.runbook) {
                found.push(Agreement { unit, field, term: Some((*pattern).to_owned()), share });
            }
        }
    }
    found
}

/// Runbooks that declare the alarm, with their pattern: by its name, or by what it measures.
fn declared_alarms<'a>(engine: &'a Engine, alarm: &Alarm) -> BTreeMap<u32, &'a str> {
    let alertname = alarm.labels.get("alertname").cloned();
    let names = [Some(alarm.title.clone()), alertname, measured(alarm)];
    let names = names.into_iter().flatten().filter(|name| !name.is_empty());
    names.flat_map(|name| engine.names.alarms.fitting(&name)).collect()
}

/// `CPUUtilization AWS/RDS`: alarms of CloudWatch are named by whoever makes them, and only this is the same everywhere.
fn measured(alarm: &Alarm) -> Option<String> {
    Some(format!("{} {}", alarm.labels.get("metric")?, alarm.labels.get("namespace")?))
}

/// Runbooks that declare the alarm's service, with their pattern.
fn declared_services<'a>(engine: &'a Engine, alarm: &Alarm) -> BTreeMap<u32, &'a str> {
    let labels = SERVICE_LABELS.iter().filter_map(|key| alarm.labels.get(*key));
    let names: BTreeSet<&String> = alarm.service.iter().chain(labels).collect();
    names.into_iter().flat_map(|name| engine.names.services.fitting(name)).collect()
}

/// A title that the alarm says, in whole or in part. `said` is, for each unit, the rarity of its title's words that the alarm
/// says.
pub(crate) fn of_titles(engine: &Engine, weights: &BonusWeights, said: &[f32]) -> Vec<Agreement> {
    let share = |(unit, said): (u32, &f32)| {
        let said = (said / engine.units[unit as usize].title_rarity.max(1.0)).min(1.0);
        Agreement { unit, field: Match::TITLE_COVERAGE, term: None, share: weights.title_coverage * said }
    };
    (0..).zip(said).filter(|(_, said)| **said > 0.0).map(share).collect()
}

/// Units that say the opposite of a word in the alarm's name or summary, and not the word itself.
pub(crate) fn of_opposites(engine: &Engine, weights: &Weights, terms: &[AlarmTerm]) -> Vec<Agreement> {
    let heavy = weights.alarm.summary.min(weights.alarm.name);
    let said = |stem: &str| terms.iter().find(|term| term.stem == stem && term.weight >= heavy);
    let mut found = Vec::new();
    for (a, b) in OPPOSITES {
        for (own, other) in [(a, b), (b, a)] {
            let (Some(term), None) = (said(own), said(other)) else { continue };
            for part in [Part::Title, Part::Lead] {
                let mut against = BTreeSet::new();
                engine.each_with(part, other, |unit| {
                    against.insert(unit);
                });
                engine.each_with(part, own, |unit| {
                    against.remove(&unit);
                });
                let agreement = |unit: u32| Agreement {
                    unit,
                    field: Match::OPPOSITE,
                    term: Some(term.written.clone()),
                    share: -weights.bonus.opposite,
                };
                found.extend(against.into_iter().map(agreement));
            }
        }
    }
    found
}
