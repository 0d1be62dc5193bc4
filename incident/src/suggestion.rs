//! A suggested action, as it is shown and as it is kept: the ranking of that minute stays readable for ever.
//! Ranking itself is done by `suggest`.

use crate::id::{ActionId, RunbookId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an action achieved on the same alarm before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ActionRecord {
    /// Runs after which the alarm cleared while CatOps watched.
    pub helped: u32,
    /// Runs after which it did not.
    pub did_not_help: u32,
    /// How long after the run it cleared, in seconds: the median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_seconds: Option<u64>,
}

impl ActionRecord {
    /// Runs whose outcome is known.
    #[must_use]
    pub const fn runs(&self) -> u32 {
        self.helped.saturating_add(self.did_not_help)
    }
}

/// One summand of a suggestion's score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// What it is for: `"latency" in title`, `worked 3 of 3`.
    pub what: String,
    /// What it adds; negative when it speaks against the suggestion.
    pub adds: f64,
}

/// How well the runbook fits the alarm, in the words shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// Above the bar, not by much.
    Possible,
    /// A good match.
    Likely,
    /// Name, title or record agree.
    Strong,
}

/// One suggestion of at most [`Suggestion::SHOWN_MAX`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The action that its button runs; `None` means: read the runbook, nothing to run.
    pub action: Option<ActionId>,
    /// The line on the card, parameters filled in: `Restart checkout-api`.
    pub title: String,
    /// The action's parameters as far as the alarm fills them.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// The runbook it comes from.
    pub runbook: Option<RunbookId>,
    /// That runbook's title.
    #[serde(default)]
    pub runbook_title: String,
    /// One line that names the matched terms: `matches "p99", "latency" in Roll back a service`.
    pub reason: String,
    /// What it achieved on this alarm before.
    #[serde(default)]
    pub record: ActionRecord,
    /// How well it fits.
    pub strength: Strength,
    /// The score behind the order, the sum of its parts: the chance that it helps, as far as text and record tell; a pin
    /// adds 1. Comparable only within one ranking.
    pub score: f64,
    /// What the score is made of, the largest first; empty in events from before December 2026.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// True when the action changes nothing.
    #[serde(default)]
    pub read_only: bool,
}

impl Suggestion {
    /// Three buttons: more is a menu, and nobody reads a menu at 3 a.m.
    pub const SHOWN_MAX: usize = 3;
}
