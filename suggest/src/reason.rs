//! The words behind a suggestion: which terms matched, and what the action achieved before. Counts only, no percentages:
//! "worked 3 of 3" tells how little is known, "100 %" hides it.

use incident::ActionRecord;
use index::{Hit, Match};

/// Most terms named in a reason: it has to stay one line on a phone.
const TERMS_NAMED_MAX: usize = 3;
/// Longest term named, in characters.
const TERM_CHARS_MAX: usize = 40;

/// "worked 3 of 3"; `None` before the first run that was watched to its end.
#[must_use]
pub fn record_line(record: &ActionRecord) -> Option<String> {
    let runs = record.helped.saturating_add(record.did_not_help);
    (runs > 0).then(|| format!("worked {} of {runs}", record.helped))
}

/// One line: `matches “p99”, “latency” in Roll back a service`.
pub(crate) fn reason(hit: &Hit) -> String {
    let agreement = hit.matched.iter().find_map(|matched| match matched.field.as_str() {
        Match::EXACT_NAME => Some(format!("has the alarm's name: {}", hit.title)),
        Match::DECLARED_ALARM => Some(format!("{} is declared for “{}”", hit.title, short(&matched.term))),
        _ => None,
    });
    if let Some(agreement) = agreement {
        return agreement;
    }
    let terms = terms(hit);
    if terms.is_empty() {
        return format!("fits {}", hit.title);
    }
    let named: Vec<String> = terms.iter().take(TERMS_NAMED_MAX).map(|(term, _)| format!("“{}”", short(term))).collect();
    format!("matches {} in {}", named.join(", "), hit.title)
}

/// The words that matched, with what each adds over all parts of the runbook, the largest first. Words that differ only
/// in case are one; agreements of whole names are no words.
pub(crate) fn terms(hit: &Hit) -> Vec<(&str, f64)> {
    let mut terms: Vec<(&str, f64)> = Vec::new();
    for matched in hit.matched.iter().filter(|matched| !matched.is_agreement()) {
        match terms.iter_mut().find(|(term, _)| term.eq_ignore_ascii_case(&matched.term)) {
            Some((_, share)) => *share += matched.share,
            None => terms.push((&matched.term, matched.share)),
        }
    }
    terms.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    terms
}

fn short(term: &str) -> String {
    let flat = term.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() <= TERM_CHARS_MAX {
        return flat;
    }
    flat.chars().take(TERM_CHARS_MAX - 1).chain(['…']).collect()
}
