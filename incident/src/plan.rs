//! An escalation policy as it stood when a round of asking began: its steps in a row, each repetition written out, so that
//! one number says where an incident is. It is kept with the event that began the round. Whoever knows the rota makes it
//! and walks it; nothing here is decided.

use crate::alarm::Severity;
use crate::id::ResponderId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How long somebody has an incident before it asks again, when the policy does not say: 30 minutes, in seconds.
pub const ACKNOWLEDGE_TIMEOUT_SECONDS: u64 = 30 * 60;

/// Steps of a plan at most, repetitions written out: more than anybody waits for, and a plan is kept with each incident.
pub const PLAN_STEPS_MAX: usize = 100;

/// The steps of a policy in a row. Jumps lead forward only, so every walk ends.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// In order, at most [`PLAN_STEPS_MAX`].
    pub steps: Vec<PlanStep>,
    /// Paged when the steps have found nobody who answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub catch_all: Vec<ResponderId>,
    /// How long somebody has the incident before it asks again, in seconds; `None` is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledge_seconds: Option<u64>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanStep {
    /// Page people and wait for an answer.
    Page(Ask),
    /// Ask everybody in a Slack channel and wait for an answer.
    Notify {
        /// As the policy names it: `#payments` or `C0PAY`.
        channel: String,
        /// How long an answer is waited for, in seconds.
        wait_seconds: u64,
    },
    /// Wait, asking nobody, in seconds.
    Wait(u64),
    /// Wait, asking nobody, until hours begin or end.
    Until {
        /// Which hours.
        hours: Hours,
        /// Begin or end.
        edge: Edge,
    },
    /// Go on behind this step when all of it holds, else at `otherwise`.
    If {
        /// What must hold.
        condition: Condition,
        /// The place of a later step.
        otherwise: u16,
    },
    /// Go on at a later step.
    Goto(u16),
}

/// Whom a step pages, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ask {
    /// Paged together, or in turn.
    pub page: Vec<Target>,
    /// How long an answer is waited for, in seconds.
    pub wait_seconds: u64,
    /// Whose answer ends the asking.
    #[serde(default, skip_serializing_if = "AckMode::is_any")]
    pub ack_mode: AckMode,
    /// One person at a time, another one after so many incidents; `None` is everybody at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate_after: Option<u32>,
}

/// Whose answer ends the asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AckMode {
    /// Anybody's.
    #[default]
    Any,
    /// That of everybody who was asked.
    All,
}

impl AckMode {
    /// Whether one answer is enough.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        matches!(self, Self::Any)
    }
}

/// What a step pages. In text: `schedule:payments`, or the id of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Target {
    /// Whoever is on duty on the schedule of that name.
    Schedule(String),
    /// That person, on duty or not.
    Person(ResponderId),
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schedule(name) => write!(formatter, "schedule:{name}"),
            Self::Person(person) => write!(formatter, "{person}"),
        }
    }
}

impl From<String> for Target {
    fn from(text: String) -> Self {
        match text.strip_prefix("schedule:") {
            Some(name) => Self::Schedule(name.to_owned()),
            None => Self::Person(text.as_str().into()),
        }
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

/// Hours of the week, in the words of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// `Mon-Fri 08:00-20:00`, one or more: open while one of them is.
    pub windows: Vec<String>,
    /// `Europe/Madrid`.
    pub zone: String,
}

impl fmt::Display for Hours {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.windows.join(", "), self.zone)
    }
}

/// An end of hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// They begin.
    Open,
    /// They end.
    Close,
}

/// What must hold; what is not named holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Condition {
    /// It is within these hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// The incident is one of these severities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severities>,
    /// The incident's service is one of these, `*` standing for any text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service: Vec<String>,
}

/// Some severities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severities {
    /// This one.
    Is(Severity),
    /// This one and all that are worse.
    AtLeast(Severity),
}

impl Severities {
    /// Whether it is one of them.
    #[must_use]
    pub fn contains(self, severity: Severity) -> bool {
        match self {
            Self::Is(only) => only == severity,
            Self::AtLeast(least) => least <= severity,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.hours.as_ref().map(|hours| format!("within {hours}"));
        let severity = self.severity.map(|severity| match severity {
            Severities::Is(only) => format!("severity is {}", word(only)),
            Severities::AtLeast(least) => format!("severity is at least {}", word(least)),
        });
        let service = (!self.service.is_empty()).then(|| format!("service is {}", self.service.join(" or ")));
        let all: Vec<String> = [hours, severity, service].into_iter().flatten().collect();
        formatter.write_str(&all.join(" and "))
    }
}

/// A severity in the word that a policy uses for it.
const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Unknown => "unknown",
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
        Severity::Critical => "critical",
    }
}

/// Where a step stands in its plan, and what of it an event has to say beside whom it asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Taken {
    /// The step's place in the plan, from 0; `None` in events from before December 2026, whose level is the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u16>,
    /// Whose answer ends the asking.
    #[serde(default, skip_serializing_if = "AckMode::is_any")]
    pub ack_mode: AckMode,
    /// The whole plan, with the first step of a round: a policy that is edited later changes nothing about this round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Box<Plan>>,
}

impl Taken {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}
