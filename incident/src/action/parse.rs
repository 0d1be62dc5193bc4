//! Reads `actions/*.toml`. Every mistake is told with file and line, all of a file at once, and a misspelt key with the
//! key that was probably meant. Nothing is guessed: a file with a mistake yields no action.

mod params;
mod plain;
mod runner;

use super::{Action, Allow};
use crate::id::ActionId;
use chrono::TimeDelta;
use plain::{Reader, Table, did_you_mean, nearest};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use toml::de::DeTable;

/// A mistake in an action file. Prints as `actions/restart.toml:7: unknown key "timout"; did you mean "timeout"?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was passed in.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and, where it can be said, what to write instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// A title has to fit a line of a card.
const TITLE_CHARS_MAX: usize = 150;
/// Two sentences, perhaps with a command in them.
const DESCRIPTION_CHARS_MAX: usize = 600;
/// Nobody waits longer for a button; longer work belongs into a job that the action starts.
const TIMEOUT_MAX: TimeDelta = TimeDelta::hours(1);
/// What has not helped after a day has not helped.
const WATCH_MAX: TimeDelta = TimeDelta::hours(24);
const TIMEOUT_DEFAULT: TimeDelta = TimeDelta::seconds(60);
const WATCH_DEFAULT: TimeDelta = TimeDelta::minutes(5);

const ACTION_KEYS: [&str; 11] = [
    "title",
    "description",
    "read_only",
    "undoes_changes",
    "confirm",
    "timeout",
    "watch",
    "undo",
    "allow",
    "runner",
    "params",
];

pub(super) fn catalogue<P: AsRef<str>, T: AsRef<str>>(files: &[(P, T)]) -> (BTreeMap<ActionId, Action>, Vec<Problem>) {
    let mut read: BTreeMap<ActionId, (Action, Source)> = BTreeMap::new();
    let mut problems = Vec::new();
    for (path, text) in files {
        let mut reader = Reader { path: path.as_ref(), text: text.as_ref(), problems: Vec::new(), lost_params: false };
        if let Some((action, undo_at)) = reader.action() {
            match read.get(&action.id) {
                Some((_, first)) => {
                    let message = format!("\"{}\" is already the action of {}", action.id, first.path);
                    reader.report(0, message);
                }
                None => {
                    let source = Source { path: reader.path.to_owned(), undo_line: reader.line(undo_at) };
                    read.insert(action.id.clone(), (action, source));
                }
            }
        }
        reader.problems.sort_by_key(|problem| problem.line);
        problems.append(&mut reader.problems);
    }
    drop_without_undo(&mut read, &mut problems);
    (read.into_iter().map(|(id, (action, _))| (id, action)).collect(), problems)
}

/// Where an action comes from, for problems that show only when all files are read.
struct Source {
    path: String,
    undo_line: usize,
}

/// Removes actions whose way back is not there, until every promise of an undo holds.
fn drop_without_undo(read: &mut BTreeMap<ActionId, (Action, Source)>, problems: &mut Vec<Problem>) {
    loop {
        let ids: BTreeSet<ActionId> = read.keys().cloned().collect();
        let before = read.len();
        read.retain(|_, (action, source)| {
            let Some(undo) = action.undo.as_ref().filter(|undo| !ids.contains(*undo)) else { return true };
            let near = nearest(undo.as_str(), ids.iter().map(ActionId::as_str));
            problems.push(Problem {
                path: source.path.clone(),
                line: source.undo_line,
                message: format!("undo names \"{undo}\", which is no usable action{}", did_you_mean(near)),
            });
            false
        });
        if read.len() == before {
            return;
        }
    }
}
impl<'f> Reader<'f> {
    /// The action and the place of its `undo`; `None` when anything was reported.
    fn action(&mut self) -> Option<(Action, usize)> {
        let id = self.id();
        let document = match DeTable::parse(self.text) {
            Ok(document) => document,
            Err(error) => {
                let message = error.message().replace('\n', "; ");
                self.report(error.span().map_or(0, |span| span.start), message);
                return None;
            }
        };
        let root = Table { entries: document.get_ref(), at: 0 };
        self.known(root, &ACTION_KEYS);
        let params = self.params(root);
        let names: BTreeSet<&str> = params.iter().map(|param| param.name.as_str()).collect();
        let title = self.required_text(root, "title", TITLE_CHARS_MAX);
        self.holes(title, &names);
        let confirm =
            self.text(root, "confirm").and_then(|text| self.bounded(text, "confirm", super::RENDERED_CHARS_MAX));
        if let Some(confirm) = confirm {
            self.holes(confirm, &names);
        }
        let description = self.required_text(root, "description", DESCRIPTION_CHARS_MAX);
        let action = Action {
            id,
            title: title.text.to_owned(),
            description: description.text.split_whitespace().collect::<Vec<_>>().join(" "),
            confirm: confirm.map(|text| text.text.to_owned()),
            timeout: self.duration(root, "timeout", TimeDelta::seconds(1), TIMEOUT_MAX).unwrap_or(TIMEOUT_DEFAULT),
            watch: self.duration(root, "watch", TimeDelta::seconds(10), WATCH_MAX).unwrap_or(WATCH_DEFAULT),
            undo: self.text(root, "undo").map(|text| ActionId::from(text.text)),
            read_only: self.boolean(root, "read_only").unwrap_or(false),
            undoes_changes: self.boolean(root, "undoes_changes").unwrap_or(false),
            allow: self.allow(root),
            runner: self.runner(root, &params)?,
            params,
        };
        self.problems.is_empty().then_some((action, root.at("undo")))
    }

    fn id(&mut self) -> ActionId {
        let file = self.path.rsplit(['/', '\\']).next().unwrap_or(self.path);
        let id = file.strip_suffix(".toml").unwrap_or(file);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if id.is_empty() || id.len() > 64 || id.starts_with('-') || !id.bytes().all(plain) {
            self.report(
                0,
                format!("the file name \"{id}\" is the action's id: a-z, 0-9 and \"-\", at most 64 characters"),
            );
        }
        ActionId::from(id)
    }

    fn allow(&mut self, root: Table<'_, 'f>) -> Allow {
        let everybody = root.get("allow").is_none_or(|allow| allow.get_ref().as_str() == Some("any-responder"));
        if everybody {
            return Allow::AnyResponder;
        }
        let names = match root.get("allow").filter(|allow| allow.get_ref().is_array()) {
            Some(_) => self.texts(root, "allow"),
            None => Vec::new(),
        };
        if names.is_empty() {
            self.report(root.at("allow"), "allow has to be \"any-responder\" or a list of people and schedules");
        }
        Allow::Only(names.into_iter().map(|name| name.text.to_owned()).collect())
    }
}
