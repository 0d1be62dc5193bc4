//! The catalogue of actions: what may be run, with which parameters, by whom, and how it is undone.
//! It never runs anything; the runners live in `catops`.

use crate::id::ActionId;
use chrono::TimeDelta;
use std::collections::BTreeMap;

/// One action, from one file `actions/<id>.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// The file's name without `.toml`.
    pub id: ActionId,
    /// What it does, with `{param}` holes: `Restart {service}`.
    pub title: String,
    /// One or two sentences for the help and the dialog.
    pub description: String,
    /// Typed parameters, in the order of the dialog.
    pub params: Vec<Param>,
    /// Where and how it runs.
    pub runner: Runner,
    /// Who may run it.
    pub allow: Allow,
    /// The question before it runs, with `{param}` holes; `None` runs at one click.
    pub confirm: Option<String>,
    /// The run is stopped and counted as failed after this long.
    pub timeout: TimeDelta,
    /// How long the alarm is watched after the run before CatOps says that it did not help.
    pub watch: TimeDelta,
    /// The action that takes it back.
    pub undo: Option<ActionId>,
    /// True when it changes nothing: shown as "read only".
    pub read_only: bool,
}

/// A typed parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Its name in holes and in `name=value`.
    pub name: String,
    /// Its label in the dialog.
    pub title: String,
    /// What it accepts.
    pub kind: ParamKind,
    /// Where the alarm fills it from: `labels.service`, `resource`, `title`, or a list tried in order. Never evaluated.
    pub from: Vec<String>,
    /// Used when the alarm does not fill it.
    pub default: Option<String>,
    /// Without a value the action cannot run.
    pub required: bool,
}

/// What a parameter accepts.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamKind {
    /// One line that matches the whole pattern.
    Text {
        /// An anchored regular expression.
        pattern: String,
    },
    /// A whole number within bounds, both included.
    Integer {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// One of a list.
    Choice {
        /// The list, as shown.
        options: Vec<String>,
    },
    /// `true` or `false`.
    Boolean,
}

/// Where and how an action runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Runner {
    /// An HTTP call to an allow-listed host.
    Http {
        /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
        method: String,
        /// The address, holes in path and query only, percent-encoded when filled.
        url: String,
        /// Header name to value; a value `env:NAME` is read from the environment at the run.
        headers: BTreeMap<String, String>,
        /// The JSON body, with holes in its strings.
        body: Option<serde_json::Value>,
        /// Statuses that mean success, both ends included.
        expect_status: (u16, u16),
    },
    /// A program on this machine: no shell, a cleared environment.
    Command {
        /// The program and its arguments; a hole is always a whole argument or a part of one, never split.
        argv: Vec<String>,
        /// Names of variables that are handed on.
        env: Vec<String>,
    },
    /// Says what it would do, and does nothing.
    DryRun,
}

/// Who may run an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allow {
    /// Everybody whom the rota knows.
    AnyResponder,
    /// Only these people and groups (a group is a schedule's name).
    Only(Vec<String>),
}
