//! What of an alarm is searched with, and how much each part weighs.
//!
//! Two labels have a meaning here: `description` (the sender's longer text) and `expr` (the query behind the alarm, of
//! which identifiers are used, and what they are compared with). All other labels count by their values, as do resource
//! and service.

use crate::promql;
use crate::weights::AlarmWeights;
use crate::words::{self, Analyzer};
use incident::Alarm;
use std::collections::BTreeMap;

/// The label that carries the sender's longer text.
pub(crate) const DESCRIPTION: &str = "description";
/// The label that carries the query behind the alarm.
pub(crate) const EXPR: &str = "expr";
/// Labels that say who watches or how bad it is, not what is wrong.
const SILENT_LABELS: [&str; 6] = ["severity", "prometheus", "alertname", "fingerprint", "account", "region"];
/// Stems that stand in alarms and runbooks of every kind: how long, how much, and that there is an alarm.
const FILLER: [&str; 36] = [
    "alarm", "alert", "ani", "between", "caus", "check", "current", "day", "detect", "due", "fire", "follow", "hour",
    "indic", "last", "less", "mean", "min", "minut", "onli", "other", "over", "past", "per", "period", "pleas", "same",
    "second", "see", "than", "time", "trigger", "use", "valu", "via", "within",
];
/// Most different terms used of one alarm: the bound on the work of one search.
const TERMS_MAX: usize = 256;

/// The texts of an alarm that somebody wrote as sentences or names.
pub(crate) const TEXTS: [&str; 3] = ["name", "summary", "description"];

/// One word of the alarm.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AlarmTerm {
    /// As it stands in the index.
    pub(crate) stem: String,
    /// As the alarm writes it.
    pub(crate) written: String,
    /// What a match counts.
    pub(crate) weight: f32,
    /// True for two words that follow each other; they are looked up among phrases only.
    pub(crate) is_phrase: bool,
    /// Which of the alarm's [`TEXTS`] say it.
    pub(crate) texts: [bool; TEXTS.len()],
}

/// The alarm's terms, the heaviest first.
pub(crate) fn terms(weights: &AlarmWeights, alarm: &Alarm) -> Vec<AlarmTerm> {
    let mut analyzer = Analyzer::new();
    let label = |key: &str| alarm.labels.get(key).map_or("", String::as_str);
    // The first of them are `TEXTS`.
    let parts = [
        (weights.name, alarm.title.clone()),
        (weights.summary, alarm.summary.clone()),
        (weights.description, label(DESCRIPTION).to_owned()),
        (weights.expr, promql::identifiers(label(EXPR))),
        (weights.threshold, promql::thresholds(label(EXPR))),
        (weights.labels, other_words(alarm)),
    ];
    let mut found: BTreeMap<String, AlarmTerm> = BTreeMap::new();
    for (number, (weight, text)) in parts.into_iter().enumerate() {
        let mut here: BTreeMap<String, (String, bool)> = BTreeMap::new();
        let words = analyzer.words(&text);
        for (stem, written) in words::terms(&text, &words) {
            here.entry(stem).or_insert((written, false));
        }
        for (stem, written) in words::phrases(&text, &words) {
            here.entry(stem).or_insert((written, true));
        }
        for (stem, (written, is_phrase)) in here {
            let weight = if is_phrase { weight } else { weight * emphasis(weights, &stem) };
            let new = || AlarmTerm { stem: stem.clone(), written, weight: 0.0, is_phrase, texts: Default::default() };
            let term = found.entry(stem.clone()).or_insert_with(new);
            let (larger, smaller) = (term.weight.max(weight), term.weight.min(weight));
            term.weight = larger + weights.repeat * smaller;
            if let Some(text) = term.texts.get_mut(number) {
                *text = true;
            }
        }
    }
    let mut terms: Vec<AlarmTerm> = found.into_values().filter(|term| term.weight > 0.0).collect();
    terms.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.stem.cmp(&b.stem)));
    terms.truncate(TERMS_MAX);
    terms
}

/// What a word counts beside others of the same text.
fn emphasis(weights: &AlarmWeights, stem: &str) -> f32 {
    if stem.bytes().all(|byte| byte.is_ascii_digit()) {
        weights.number
    } else if FILLER.contains(&stem) {
        weights.filler
    } else {
        1.0
    }
}

/// Label values, resource and service, each once.
fn other_words(alarm: &Alarm) -> String {
    let labels = alarm.labels.iter().filter(|(key, _)| {
        let key = key.as_str();
        key != DESCRIPTION && key != EXPR && !SILENT_LABELS.contains(&key)
    });
    let values =
        labels.map(|(_, value)| value.as_str()).chain([alarm.resource.as_str()]).chain(alarm.service.as_deref());
    values.collect::<Vec<_>>().join(" ")
}
