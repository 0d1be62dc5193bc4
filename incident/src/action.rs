//! The catalogue of actions: what may be run, with which parameters, by whom, and how it is undone.
//! It never runs anything; the runners live in `catops`.
//!
//! The way of a value: the alarm offers it ([`Action::fill`]) or a person types it, [`Action::validate`] makes it
//! [`Params`], [`Action::plan`] puts it into the holes of the runner. A hole is filled once and the value is never
//! read as a template, a path, an option or a program.

mod parse;
mod plan;
mod template;
#[cfg(test)]
mod tests;
mod value;

pub use parse::Problem;
pub use plan::{Plan, PlanRefused};
pub use template::{RENDERED_CHARS_MAX, render};
pub use value::{BadParam, BadPattern, Params, Pattern, VALUE_CHARS_MAX, Value};

use crate::id::{ActionId, ResponderId};
use chrono::TimeDelta;
use std::collections::BTreeMap;

/// All actions that may be run, by id.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Catalogue {
    actions: BTreeMap<ActionId, Action>,
}

impl Catalogue {
    /// Reads `(path, text)` of every `actions/*.toml`. The path is only for messages, its file name is the action's id.
    /// An action with a problem is left out, since half an action (a misspelt `allow`) is worse than none.
    #[must_use]
    pub fn parse<P: AsRef<str>, T: AsRef<str>>(files: &[(P, T)]) -> (Self, Vec<Problem>) {
        let (actions, problems) = parse::catalogue(files);
        (Self { actions }, problems)
    }

    /// The action with this id.
    #[must_use]
    pub fn get(&self, id: &ActionId) -> Option<&Action> {
        self.actions.get(id)
    }

    /// All actions, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Action> {
        self.actions.values()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.actions.len()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }
}

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
    /// True when it takes changes back: more likely to help soon after one.
    pub undoes_changes: bool,
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
        /// What the whole value has to match.
        pattern: Pattern,
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

/// Said when somebody may not run an action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct Denied {
    /// People and groups who may; empty when it takes anybody whom the rota knows.
    pub who_can: Vec<String>,
}

impl Denied {
    fn sentence(&self) -> String {
        match self.who_can.as_slice() {
            [] => "only people of the rota may run this; ask one of them, or add yourself to rota/*.toml".to_owned(),
            [one] => format!("only {one} may run this"),
            [rest @ .., last] => format!("only {} and {last} may run this", rest.join(", ")),
        }
    }
}

impl Allow {
    /// May this person run it? `is_responder`: the rota knows the person. `groups`: the schedules the person is part of.
    ///
    /// # Errors
    /// [`Denied`] with those who can.
    pub fn permits(&self, person: &ResponderId, is_responder: bool, groups: &[String]) -> Result<(), Denied> {
        match self {
            Self::AnyResponder if is_responder => Ok(()),
            Self::AnyResponder => Err(Denied { who_can: Vec::new() }),
            Self::Only(names) if names.iter().any(|name| name == person.as_str() || groups.contains(name)) => Ok(()),
            Self::Only(names) => Err(Denied { who_can: names.clone() }),
        }
    }
}
