//! What will run, as data: the holes of a runner filled with checked values. Secrets are not in it; a header that
//! says `env:NAME` is looked up by the runner at the last moment.

use super::template::{Piece, expand, only_hole, pieces};
use super::{Action, Params, Runner, Value, render};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A run in every detail, fit to be shown, kept and repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Plan {
    /// An HTTP call.
    Http {
        /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
        method: String,
        /// The whole address, values percent-encoded.
        url: String,
        /// Header name to value; `env:NAME` is still a name here.
        headers: BTreeMap<String, String>,
        /// The JSON body.
        body: Option<serde_json::Value>,
        /// Statuses that mean success, both ends included.
        expect: (u16, u16),
    },
    /// A program on this machine, started without a shell.
    Command {
        /// The program and its arguments.
        argv: Vec<String>,
        /// Names of variables that are handed on.
        env: Vec<String>,
    },
    /// Nothing runs.
    DryRun {
        /// What would have been done.
        says: String,
    },
}

impl std::fmt::Display for Plan {
    /// What a person reads before it runs; header names only, since values may name secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Http { method, url, .. } => write!(f, "{method} {url}"),
            Self::Command { argv, .. } => f.write_str(&argv.join(" ")),
            Self::DryRun { says } => f.write_str(says),
        }
    }
}

/// Said when checked values still do not fit the place they are put.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanRefused {
    /// A hole of the path or the arguments has no value.
    #[error("{name} needs a value")]
    Missing {
        /// The parameter.
        name: String,
    },
    /// A value would be read as an option.
    #[error("{argument:?} starts with \"-\" and {program} would read it as an option")]
    LooksLikeOption {
        /// The argument.
        argument: String,
        /// The program that would misread it.
        program: String,
    },
    /// A value would leave its place in the address.
    #[error("{segment:?} cannot be a part of a path")]
    LeavesPath {
        /// The path segment.
        segment: String,
    },
}

impl Action {
    /// What will run with these values.
    ///
    /// # Errors
    /// [`PlanRefused`] when a value that passed its own check would still change the meaning of the address or the command.
    pub fn plan(&self, params: &Params) -> Result<Plan, PlanRefused> {
        match &self.runner {
            Runner::Http { method, url, headers, body, expect_status } => Ok(Plan::Http {
                method: method.clone(),
                url: fill_url(url, params)?,
                headers: headers.clone(),
                body: body.as_ref().map(|body| fill_json(body, params)),
                expect: *expect_status,
            }),
            Runner::Command { argv, env } => Ok(Plan::Command { argv: fill_argv(argv, params)?, env: env.clone() }),
            Runner::DryRun => Ok(Plan::DryRun { says: self.dry_run(params) }),
        }
    }

    fn dry_run(&self, params: &Params) -> String {
        let title = render(&self.title, &params.texts());
        let values: Vec<String> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if values.is_empty() {
            format!("would run \"{title}\"; nothing was changed")
        } else {
            format!("would run \"{title}\" with {}; nothing was changed", values.join(" "))
        }
    }
}

/// Splits `https://host/path?query` into `https://host`, `/path` and `?query`.
pub(super) fn split_url(url: &str) -> Option<(&str, &str, &str)> {
    let after_scheme = url.find("://")? + 3;
    let authority_end = url.get(after_scheme..)?.find(['/', '?', '#']).map_or(url.len(), |at| after_scheme + at);
    let (base, rest) = url.split_at(authority_end);
    let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
    Some((base, path, query))
}

fn fill_url(url: &str, params: &Params) -> Result<String, PlanRefused> {
    let (base, path, query) = split_url(url).unwrap_or((url, "", ""));
    require(path, params)?;
    for segment in path.split('/').filter(|segment| has_hole(segment)) {
        let filled = expand(segment, |name| text(params, name));
        // An address is normalised after us: `..` climbs, also when a part of it is written %2e.
        if matches!(filled.to_ascii_lowercase().replace("%2e", ".").as_str(), "" | "." | "..") {
            return Err(PlanRefused::LeavesPath { segment: filled });
        }
    }
    let encoded = |template: &str| expand(template, |name| percent_encode(&text(params, name)));
    Ok(format!("{base}{}{}", encoded(path), encoded(query)))
}

/// Holes in strings only. A string that is nothing but one hole takes the type of the value: `"{count}"` becomes `3`.
fn fill_json(json: &serde_json::Value, params: &Params) -> serde_json::Value {
    use serde_json::Value as Json;
    match json {
        Json::String(template) => match only_hole(template).and_then(|name| params.get(name)) {
            Some(Value::Integer(number)) => Json::from(*number),
            Some(Value::Boolean(yes)) => Json::from(*yes),
            Some(Value::Text(_)) | None => Json::from(expand(template, |name| text(params, name))),
        },
        Json::Array(items) => items.iter().map(|item| fill_json(item, params)).collect(),
        Json::Object(fields) => fields.iter().map(|(key, field)| (key.clone(), fill_json(field, params))).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) => json.clone(),
    }
}

fn fill_argv(argv: &[String], params: &Params) -> Result<Vec<String>, PlanRefused> {
    let mut filled: Vec<String> = Vec::with_capacity(argv.len());
    let mut options_ended = false;
    for template in argv {
        require(template, params)?;
        let argument = expand(template, |name| text(params, name));
        let begins_with_hole = matches!(pieces(template).unwrap_or_default().first(), Some(Piece::Hole(_)));
        if begins_with_hole && argument.starts_with('-') && !options_ended {
            let program = filled.first().cloned().unwrap_or_default();
            return Err(PlanRefused::LooksLikeOption { argument, program });
        }
        options_ended |= template == "--";
        filled.push(argument);
    }
    Ok(filled)
}

fn require(template: &str, params: &Params) -> Result<(), PlanRefused> {
    for piece in pieces(template).unwrap_or_default() {
        match piece {
            Piece::Hole(name) if params.get(name).is_none() => {
                return Err(PlanRefused::Missing { name: name.to_owned() });
            }
            Piece::Hole(_) | Piece::Text(_) => {}
        }
    }
    Ok(())
}

pub(super) fn has_hole(template: &str) -> bool {
    pieces(template).unwrap_or_default().iter().any(|piece| matches!(piece, Piece::Hole(_)))
}

/// The value as text; an absent optional one is empty.
fn text(params: &Params, name: &str) -> String {
    params.get(name).map(ToString::to_string).unwrap_or_default()
}

/// Leaves only the unreserved characters of RFC 3986, so a value can end neither its segment nor its query field.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => write!(encoded, "%{byte:02X}").expect("writing to a String cannot fail"),
        }
    }
    encoded
}
