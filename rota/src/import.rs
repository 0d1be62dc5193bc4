//! Leaving another tool: its export becomes the files `rota/*.toml`, with a tick or a reason for every object in it.
//!
//! Pure: texts in, a [`Plan`] out. It reads no disk, calls no tool and writes nothing; whoever calls it shows the plan and
//! writes the files. The same export always gives the same bytes, in whatever order its objects come.
//!
//! The shapes are those of the tools' public APIs; each reader names the version that it was written from. Where an
//! export also says who is on call, the plan is checked against it, and what differs is in [`Plan::checks`].

mod assemble;
mod check;
mod existing;
mod export;
mod form;
mod goalert;
mod grafana;
mod hours;
mod opsgenie;
mod pagerduty;
mod parity;
mod resolve;
mod serving;
mod write;

use crate::{Operation, Problem};
use chrono::{DateTime, Utc};
use incident::ResponderId;
use std::fmt;

pub use parity::{Page, Parity, Row, Verdict, compare};

/// A tool that people come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// PagerDuty, REST API version 2.
    PagerDuty,
    /// Opsgenie, REST API version 2.
    Opsgenie,
    /// Grafana OnCall, public API version 1.
    GrafanaOnCall,
    /// GoAlert, GraphQL.
    GoAlert,
}

impl Tool {
    /// Every tool, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::PagerDuty, Self::Opsgenie, Self::GrafanaOnCall, Self::GoAlert];

    /// Its word on the command line and in file names: `grafana-oncall`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::PagerDuty => "pagerduty",
            Self::Opsgenie => "opsgenie",
            Self::GrafanaOnCall => "grafana-oncall",
            Self::GoAlert => "goalert",
        }
    }

    /// Its name in sentences: `Grafana OnCall`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PagerDuty => "PagerDuty",
            Self::Opsgenie => "Opsgenie",
            Self::GrafanaOnCall => "Grafana OnCall",
            Self::GoAlert => "GoAlert",
        }
    }
}

/// What an import would write, and what became of every object of the export.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// The files, by path. One of an earlier import that nothing is left for becomes empty.
    pub files: Vec<File>,
    /// Every object of the export, once, by kind and name.
    pub objects: Vec<Object>,
    /// The overrides of the export, for the log; numbered from 1 in the order in which they apply.
    pub operations: Vec<Operation>,
    /// What the export says about who is on call, beside what the files say; one for each schedule it says it of.
    pub checks: Vec<Check>,
    /// Mistakes in the files together. There are none unless the files that were there already have some.
    pub problems: Vec<Problem>,
}

/// A file of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Below the configuration's folder: `rota/pagerduty-people.toml`.
    pub path: String,
    /// All of it.
    pub text: String,
    /// Beside what is there.
    pub change: FileChange,
}

/// What writing a file would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileChange {
    /// There is no such file.
    New,
    /// There is one, with another text.
    Changed,
    /// There is one with this text.
    Unchanged,
}

/// An object of the export and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// The tool's word for its kind: `escalation policy`.
    pub kind: String,
    /// Its name there; a part has the name of the whole before it: `Payments / Weekly`.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It is in the files and means the same.
    Imported,
    /// It is in the files, but somebody should know these things about it; at least one.
    ImportedWith(Vec<String>),
    /// It is not in the files, for this reason.
    NotImported(String),
}

/// Who is on call by the export and by the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The schedule in the files.
    pub schedule: String,
    /// From when the export says it, included.
    pub start: DateTime<Utc>,
    /// Until when, excluded.
    pub end: DateTime<Utc>,
    /// Where they differ, in order of time; none when they agree.
    pub differences: Vec<Difference>,
}

/// A time in which the export and the files name different people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// From when, included.
    pub start: DateTime<Utc>,
    /// Until when, excluded.
    pub end: DateTime<Utc>,
    /// On call by the export, sorted; whom the files do not know is named as the export names them.
    pub there: Vec<ResponderId>,
    /// On call by the files, sorted.
    pub here: Vec<ResponderId>,
}

/// Plans the import of `export`, given as (name, JSON), beside the files `existing`, given as (path, text).
///
/// A document is `{"users": [...], "schedules": [...]}`, or one answer of the tool's API as it came; where an answer does
/// not say what it lists, the file's name does: `users.json`, `schedules-2.json`. Objects that come twice are one.
///
/// People who are in `existing` under the same Slack id, e-mail address or telephone number keep the id that they have there.
/// Files that an earlier import of the same tool wrote are replaced, save for the `slack`, `sns` and `webhook` that people got
/// in them.
#[must_use]
pub fn plan(
    tool: Tool,
    export: &[(impl AsRef<str>, impl AsRef<str>)],
    existing: &[(impl AsRef<str>, impl AsRef<str>)],
) -> Plan {
    let form = match tool {
        Tool::PagerDuty => pagerduty::read(export),
        Tool::Opsgenie => opsgenie::read(export),
        Tool::GrafanaOnCall => grafana::read(export),
        Tool::GoAlert => goalert::read(export),
    };
    let existing: Vec<(&str, &str)> = existing.iter().map(|(path, text)| (path.as_ref(), text.as_ref())).collect();
    assemble::assemble(tool, form, &existing)
}

impl fmt::Display for Object {
    /// One line: `✅ schedule Payments`, `⚠️ layer Payments / Weekly: ...`, `❌ team Payments: ...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, outcome } = self;
        match outcome {
            Outcome::Imported => write!(f, "✅ {kind} {name}"),
            Outcome::ImportedWith(caveats) => write!(f, "⚠️ {kind} {name}: {}", caveats.join("; ")),
            Outcome::NotImported(reason) => write!(f, "❌ {kind} {name}: {reason}"),
        }
    }
}

#[cfg(test)]
mod meaning;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
