//! How much an incident wants somebody now, and by what each person is then paged. It knows nobody's addresses and no rota.

use crate::alarm::Severity;
use serde::{Deserialize, Serialize};

/// Whether an incident wakes people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// It can wait for somebody to look.
    Low,
    /// It cannot.
    High,
}

impl Urgency {
    /// What follows from a severity: `critical` and `error` are urgent, and so is what the sender did not say.
    #[must_use]
    pub const fn of(severity: Severity) -> Self {
        match severity {
            Severity::Critical | Severity::Error | Severity::Unknown => Self::High,
            Severity::Warning | Severity::Info => Self::Low,
        }
    }

    /// `high` or `low`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::High => "high",
        }
    }
}

/// One page of somebody's plan, as it stood when they were asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPage {
    /// By what: [`crate::BY_SLACK`], `sms`, `sns`, `webhook`, `voice`, `email`.
    pub by: String,
    /// How long after they were asked, in seconds.
    pub after_seconds: u64,
    /// True when it is not wanted once Slack has delivered a page.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unless_delivered: bool,
}
