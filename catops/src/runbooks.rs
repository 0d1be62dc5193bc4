//! Runbooks as people look for them: by words, each with the line that says most of them. It reads the library of the
//! moment, and nothing else.

use incident::{ActionId, Alarm, AlarmState, RunbookId, Severity};
use index::{Library, Snippet};
use serde::Serialize;
use std::collections::BTreeMap;

/// A runbook that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// Which.
    pub runbook: RunbookId,
    /// Its title.
    pub title: String,
    /// The actions it offers.
    pub actions: Vec<ActionId>,
    /// How well it fits; comparable only within one search.
    pub score: f64,
    /// The line that says most of what was asked for.
    pub snippet: Option<Snippet>,
}

/// Up to `max` runbooks that say these words, the best first.
#[must_use]
pub fn find(library: &Library, words: &str, max: usize) -> Vec<Found> {
    let hits = library.search(&in_words(words), max);
    let found = |hit: index::Hit| Found {
        snippet: library.snippet(&hit.runbook, words),
        runbook: hit.runbook,
        title: hit.title,
        actions: hit.actions,
        score: hit.score,
    };
    hits.into_iter().map(found).collect()
}

/// An alarm that says these words and nothing else.
#[must_use]
pub fn in_words(words: &str) -> Alarm {
    Alarm {
        source: "words".to_owned(),
        delivery: "words".into(),
        key: words.into(),
        state: AlarmState::Firing,
        severity: Severity::Unknown,
        title: words.to_owned(),
        summary: String::new(),
        resource: String::new(),
        service: None,
        labels: BTreeMap::new(),
        links: Vec::new(),
        occurred_at: chrono::DateTime::UNIX_EPOCH,
        drill: None,
    }
}
