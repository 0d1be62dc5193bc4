//! The last step of every decoder: a draft becomes an [`Alarm`] that keeps its limits.
//!
//! What a stranger wrote ends here as plain text: one line where a line is meant, no control or direction characters,
//! no secrets under telling names, only `http` links, no times from the future.

use crate::request::Request;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{Alarm, AlarmState, Link, Severity};
use ring::digest::{SHA256, digest};
use std::collections::BTreeMap;

/// Longest key or delivery id kept as it is; DynamoDB takes 1,024 bytes of sort key, and ours carries a prefix.
const ID_BYTES_MAX: usize = 512;
/// Longest link kept; browsers and Slack agree on about this much.
const URL_BYTES_MAX: usize = 2000;
/// Most links kept; a card shows five.
const LINKS_MAX: usize = 12;
/// Longest label name kept; Kubernetes allows 253 with 63 after the slash.
const LABEL_NAME_CHARS_MAX: usize = 128;
/// A sender's clock may be this far ahead. Further, its alarm would make all later ones look stale.
const CLOCK_AHEAD_MAX: TimeDelta = TimeDelta::minutes(5);
/// Labels that mean the service, best first.
const SERVICE_LABELS: [&str; 10] = [
    "service",
    "Service",
    "ServiceName",
    "service_name",
    "service.name",
    "app",
    "app.kubernetes.io/name",
    "app_kubernetes_io_name",
    "application",
    "FunctionName",
];
/// A label whose name holds one of these is kept without its value.
const SECRET_WORDS: [&str; 8] =
    ["password", "passwd", "secret", "token", "api_key", "apikey", "credential", "authorization"];

/// An alarm before its limits are applied.
#[derive(Debug)]
pub(crate) struct Draft {
    alarm: Alarm,
}

impl Draft {
    /// A firing alarm that occurred now. Everything else is added.
    pub(crate) fn new(source: &str, key: impl Into<String>, title: &str, request: &Request<'_>) -> Self {
        let alarm = Alarm {
            source: source.to_owned(),
            delivery: String::new().into(),
            key: key.into().into(),
            state: AlarmState::Firing,
            severity: Severity::Unknown,
            title: title.to_owned(),
            summary: String::new(),
            resource: String::new(),
            service: None,
            labels: BTreeMap::new(),
            links: Vec::new(),
            occurred_at: request.now,
            drill: None,
        };
        Self { alarm }
    }

    pub(crate) fn delivery(mut self, id: impl Into<String>) -> Self {
        self.alarm.delivery = id.into().into();
        self
    }

    pub(crate) fn state(mut self, state: AlarmState) -> Self {
        self.alarm.state = state;
        self
    }

    pub(crate) fn severity(mut self, severity: Severity) -> Self {
        self.alarm.severity = severity;
        self
    }

    pub(crate) fn summary(mut self, summary: impl Into<String>) -> Self {
        self.alarm.summary = summary.into();
        self
    }

    pub(crate) fn resource(mut self, resource: &str) -> Self {
        resource.clone_into(&mut self.alarm.resource);
        self
    }

    pub(crate) fn service(mut self, service: Option<&str>) -> Self {
        self.alarm.service = service.filter(|name| !name.is_empty()).map(str::to_owned);
        self
    }

    pub(crate) fn occurred_at(mut self, at: Option<DateTime<Utc>>) -> Self {
        if let Some(at) = at {
            self.alarm.occurred_at = at;
        }
        self
    }

    /// Adds a label unless the name is taken or the value is empty: the first says it best.
    pub(crate) fn label(mut self, name: &str, value: &str) -> Self {
        self.add_label(name, value);
        self
    }

    pub(crate) fn labels<'a>(mut self, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        for (name, value) in labels {
            self.add_label(name, value);
        }
        self
    }

    fn add_label(&mut self, name: &str, value: &str) {
        if !value.is_empty() && !self.alarm.labels.contains_key(name) {
            self.alarm.labels.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Adds a link; an empty, a foreign or a repeated address is dropped.
    pub(crate) fn link(mut self, rel: &str, url: &str) -> Self {
        let url = url.trim();
        if is_web_address(url) && !self.alarm.links.iter().any(|link| link.url == url) {
            self.alarm.links.push(Link { rel: line(rel, LABEL_NAME_CHARS_MAX), url: url.to_owned() });
        }
        self
    }

    pub(crate) fn links<'a>(self, links: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        links.into_iter().fold(self, |draft, (rel, url)| draft.link(rel, url))
    }

    /// Applies the limits.
    pub(crate) fn finish(self, request: &Request<'_>) -> Alarm {
        let mut alarm = self.alarm;
        alarm.title = line(&alarm.title, Alarm::TITLE_CHARS_MAX);
        alarm.summary = paragraph(&alarm.summary, Alarm::SUMMARY_CHARS_MAX);
        alarm.resource = line(&alarm.resource, Alarm::LABEL_CHARS_MAX);
        if alarm.title.is_empty() {
            alarm.title = if alarm.resource.is_empty() { alarm.source.clone() } else { line(&alarm.resource, 200) };
        }
        alarm.labels = tidy_labels(alarm.labels);
        let service = alarm.service.as_deref();
        let service =
            service.or_else(|| SERVICE_LABELS.iter().find_map(|name| alarm.labels.get(*name).map(String::as_str)));
        alarm.service = service.map(|name| line(name, Alarm::TITLE_CHARS_MAX)).filter(|name| !name.is_empty());
        alarm.links.truncate(LINKS_MAX);
        alarm.occurred_at =
            if alarm.occurred_at > request.now + CLOCK_AHEAD_MAX { request.now } else { alarm.occurred_at };
        alarm.key = bounded_id(alarm.key.0).into();
        alarm.delivery = bounded_id(alarm.delivery.0).into();
        alarm
    }
}

fn tidy_labels(labels: BTreeMap<String, String>) -> BTreeMap<String, String> {
    labels
        .into_iter()
        .filter_map(|(name, value)| {
            let name = if is_plain(&name) && name.len() <= LABEL_NAME_CHARS_MAX {
                name
            } else {
                line(&name, LABEL_NAME_CHARS_MAX)
            };
            let value =
                if names_a_secret(&name) { "***".to_owned() } else { paragraph(&value, Alarm::LABEL_CHARS_MAX) };
            (!name.is_empty() && !value.is_empty()).then_some((name, value))
        })
        .take(Alarm::LABELS_MAX)
        .collect()
}

fn names_a_secret(name: &str) -> bool {
    SECRET_WORDS
        .iter()
        .any(|word| name.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes())))
}

/// An id that a store can take: a very long one becomes its start and its digest.
fn bounded_id(id: String) -> String {
    if id.len() <= ID_BYTES_MAX && !id.chars().any(char::is_control) {
        return id;
    }
    let start: String = id.chars().filter(|c| !c.is_control()).take(100).collect();
    format!("{start}~{}", fingerprint(&[&id]))
}

/// A short digest of parts, 32 hexadecimal digits. Parts are kept apart: `["ab", "c"]` is not `["a", "bc"]`.
pub(crate) fn fingerprint(parts: &[&str]) -> String {
    let mut joined = Vec::new();
    for part in parts {
        joined.extend_from_slice(&(part.len() as u64).to_be_bytes());
        joined.extend_from_slice(part.as_bytes());
    }
    let hash = digest(&SHA256, &joined);
    let (short, _) = hash.as_ref().split_at(16);
    short.iter().fold(String::with_capacity(32), |hex, byte| {
        let digit = |four: u8| char::from_digit(u32::from(four), 16).unwrap_or('0');
        hex + digit(byte >> 4).encode_utf8(&mut [0; 4]) + digit(byte & 15).encode_utf8(&mut [0; 4])
    })
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// One line: white space becomes single spaces, invisible characters go.
fn line(text: &str, chars_max: usize) -> String {
    if text.len() <= chars_max && is_plain(text) && !text.contains("  ") {
        return text.trim().to_owned();
    }
    // Invisible characters go first: between two blanks they would leave two, and alone a line that is blank.
    let visible = visible(text, char::is_whitespace);
    let words: Vec<&str> = visible.split_whitespace().collect();
    cut(words.join(" ").chars(), chars_max)
}

/// Lines stay lines.
fn paragraph(text: &str, chars_max: usize) -> String {
    let text = text.trim();
    if text.len() <= chars_max && is_plain(text) {
        return text.to_owned();
    }
    cut(visible(text, |c| matches!(c, '\n' | '\t')).trim().chars(), chars_max)
}

/// The text without its invisible characters but those that are kept.
fn visible(text: &str, kept: impl Fn(char) -> bool) -> String {
    text.chars().filter(|c| kept(*c) || !is_invisible(*c)).collect()
}

fn cut(chars: impl Iterator<Item = char>, chars_max: usize) -> String {
    let mut chars = chars;
    let mut kept: String = chars.by_ref().take(chars_max).collect();
    if chars.next().is_some() {
        kept.pop();
        kept.push('…');
    }
    kept
}

/// Control characters, and those that turn the direction of text or hide: they make a card lie.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// `http://host...` or `https://host...`, nothing that a card or a terminal could trip over.
pub(crate) fn is_web_address(url: &str) -> bool {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    host.is_some_and(|host| host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['))
        && url.len() <= URL_BYTES_MAX
        && !url.chars().any(|c| c.is_whitespace() || is_invisible(c) || matches!(c, '<' | '>' | '"' | '|' | '`' | '\\'))
}

/// The first web address in running text, for runbooks that people put into descriptions.
pub(crate) fn first_web_address(text: &str) -> Option<&str> {
    text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '|' | '(' | ')' | ','))
        .map(|word| word.trim_end_matches(['.', ';', ':', '!', '?', '\'']))
        .find(|word| is_web_address(word))
}

#[cfg(test)]
mod tests;
