//! The alarm: one signal from outside, in our own words. `ingest` makes it; nothing else does.
//! It never holds a secret and never holds a wire format; the raw bytes are kept beside it in the log.

use crate::drill::Drill;
use crate::id::{AlarmKey, DeliveryId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What the sender says about the trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// The trouble is there.
    Firing,
    /// The trouble is over.
    Cleared,
    /// The sender does not know (CloudWatch `INSUFFICIENT_DATA`) or only informs: opens nothing and closes nothing.
    Info,
}

/// How bad the sender says it is. Ordered: `Unknown < Info < Warning < Error < Critical`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The sender did not say.
    #[default]
    Unknown,
    /// Nothing is broken.
    Info,
    /// It may break.
    Warning,
    /// Something is broken.
    Error,
    /// Customers feel it.
    Critical,
}

impl Severity {
    /// Reads what other tools write: `critical`, `P1`, `sev2`, `page`, `warn`, `High` ... Unknown words are `Unknown`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.trim().to_ascii_lowercase().as_str() {
            "critical" | "crit" | "fatal" | "emergency" | "p1" | "sev1" | "sev0" | "page" | "disaster" => {
                Self::Critical
            }
            "error" | "err" | "major" | "high" | "p2" | "sev2" => Self::Error,
            "warning" | "warn" | "minor" | "average" | "medium" | "p3" | "sev3" => Self::Warning,
            "info" | "information" | "informational" | "low" | "none" | "notice" | "p4" | "p5" | "sev4" | "ok" => {
                Self::Info
            }
            _ => Self::Unknown,
        }
    }

    /// The short word on a card: `SEV1` to `SEV4`, `SEV?` where the sender did not say.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Critical => "SEV1",
            Self::Error => "SEV2",
            Self::Warning => "SEV3",
            Self::Info => "SEV4",
            Self::Unknown => "SEV?",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Critical => "critical",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Unknown => "unknown",
        })
    }
}

/// A link that came with the alarm. Only `http` and `https`; shown, never fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What it leads to: `console`, `graph`, `runbook`, `dashboard`, `silence`, `source`, `image`, `other`.
    pub rel: String,
    /// The address.
    pub url: String,
}

/// One signal from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// The kind of sender, as in the hook's path: `eventbridge`, `sns`, `alertmanager`, `uptime` ...
    pub source: String,
    /// Same delivery id, same delivery: the second one changes nothing. One CloudWatch change has one id whichever way it comes.
    pub delivery: DeliveryId,
    /// Same key, same trouble: decides which incident an alarm belongs to.
    pub key: AlarmKey,
    /// Firing, cleared, or only information.
    pub state: AlarmState,
    /// How bad the sender says it is.
    pub severity: Severity,
    /// The name that people know it by, one line, at most [`Alarm::TITLE_CHARS_MAX`] characters.
    pub title: String,
    /// What the sender says happened, at most [`Alarm::SUMMARY_CHARS_MAX`] characters; may be empty.
    pub summary: String,
    /// What the trouble is about, as the sender names it: `i-0123`, `checkout-api`, a URL; may be empty.
    pub resource: String,
    /// The service it belongs to, when the sender says so in a label that means it.
    pub service: Option<String>,
    /// Everything else worth matching on: labels, dimensions, `namespace`, `metric`, `region`, `account`, `expr`.
    /// At most [`Alarm::LABELS_MAX`] entries.
    pub labels: BTreeMap<String, String>,
    /// Links that came with it.
    pub links: Vec<Link>,
    /// When the sender says it happened.
    pub occurred_at: DateTime<Utc>,
    /// Set when CatOps made it itself to try whether people are reached; never by what a sender writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<Drill>,
}

impl Alarm {
    /// Longest title kept; a Slack header line stays readable below this.
    pub const TITLE_CHARS_MAX: usize = 200;
    /// Longest summary kept; a Slack section takes 3,000 characters, and a card has more to say.
    pub const SUMMARY_CHARS_MAX: usize = 1000;
    /// Most labels kept; Alertmanager alerts in the field have below 30.
    pub const LABELS_MAX: usize = 64;
    /// Longest label value kept.
    pub const LABEL_CHARS_MAX: usize = 1000;
}
