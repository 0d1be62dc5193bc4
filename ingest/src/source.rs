//! The registry of formats. A new source is one file below `source/`, one word in `sources!`, and its fixtures.

use crate::malformed::Malformed;
use crate::request::{BODY_BYTES_MAX, Request};
use incident::Alarm;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::str::FromStr;

mod aws;
mod cloudwatch;
mod deploys;

/// One format.
#[derive(Debug)]
pub(crate) struct Source {
    /// Its name in configuration, paths and [`Alarm::source`].
    pub(crate) kind: &'static str,
    /// Bytes to alarms.
    pub(crate) decode: fn(&Request<'_>) -> Result<Decoded, Malformed>,
    /// What the sender hears once its alarms are in the log.
    pub(crate) answer: fn(&Decoded) -> Answer,
    /// The field of the body that holds the sender's key, when the format has one.
    pub(crate) key_field: Option<&'static str>,
}

macro_rules! sources {
    ($($name:ident)*) => {
        $(pub(crate) mod $name;)*
        static SOURCES: &[Source] = &[$($name::SOURCE),*];
    };
}
sources! { eventbridge sns alertmanager grafana uptimerobot pagerduty generic }

/// The name of a format, known to exist.
#[derive(Clone, Copy)]
pub struct Kind(&'static Source);

impl Kind {
    /// All formats, in the order of the documentation.
    pub fn all() -> impl Iterator<Item = Self> {
        SOURCES.iter().map(Self)
    }

    /// `eventbridge`, `sns` ...
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0.kind
    }

    /// The key inside the body, for [`crate::Scheme::Key`].
    pub(crate) fn key_in(self, request: &Request<'_>) -> Option<String> {
        let field = self.0.key_field?;
        if let Some(mut fields) = request.form_fields() {
            return fields.find(|(name, _)| name == field).map(|(_, value)| value.into_owned());
        }
        let body: serde_json::Map<String, serde_json::Value> = crate::json::parse(request.body).ok()?;
        body.get(field)?.as_str().map(str::to_owned)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.kind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.kind)
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.0.kind == other.0.kind
    }
}

impl Eq for Kind {}

/// Said when a configuration names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a source; write one of {list}", list = names())]
pub struct UnknownKind(String);

fn names() -> String {
    SOURCES.iter().map(|source| source.kind).collect::<Vec<_>>().join(", ")
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        SOURCES.iter().find(|source| source.kind == text).map(Self).ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a delivery says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// Alarms, at least one; Alertmanager sends a group at once.
    Alarms(Vec<Alarm>),
    /// SNS asks whether the hook wants this topic: visit the address once, if the topic is on the hook's list.
    Confirm {
        /// The topic.
        topic_arn: String,
        /// The address to visit; its host is checked to be one of SNS.
        subscribe_url: String,
    },
}

impl From<Alarm> for Decoded {
    fn from(alarm: Alarm) -> Self {
        Self::Alarms(vec![alarm])
    }
}

/// What the sender hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// JSON.
    pub body: String,
}

impl Answer {
    /// `202 {"status":"accepted"}`: durable, and worked on from here.
    pub(crate) fn accepted(_: &Decoded) -> Self {
        Self { status: 202, body: r#"{"status":"accepted"}"#.to_owned() }
    }
}

/// Reads a delivery.
///
/// # Errors
/// [`Malformed`] names the field.
pub fn decode(kind: Kind, request: &Request<'_>) -> Result<Decoded, Malformed> {
    if request.body.len() > BODY_BYTES_MAX {
        return Err(Malformed::new("body", format!("larger than {BODY_BYTES_MAX} bytes")));
    }
    (kind.0.decode)(request)
}

/// What to answer, once what it says is in the log. Some clients read the answer: `PagerDuty`'s wants its `dedup_key`.
#[must_use]
pub fn answer(kind: Kind, decoded: &Decoded) -> Answer {
    (kind.0.answer)(decoded)
}

#[cfg(test)]
mod tests;
