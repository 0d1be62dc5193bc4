//! What a silence asks of an alarm: Alertmanager's four comparisons, with its rules. A pattern has to fit the whole value, a
//! label that is not there is empty, and all of them have to agree. People know the grammar, so none of it is ours.

use crate::alarm::{Alarm, Severity};
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Longest name of a label, in characters.
const NAME_CHARS_MAX: usize = 128;
/// Longest value or pattern, in characters: the key of any alarm fits.
const VALUE_CHARS_MAX: usize = 600;
/// What a compiled pattern may take, in bytes: some fifty times of what people write, and too little to slow an alarm down.
const PATTERN_BYTES_MAX: usize = 256 * 1024;
/// Values that nobody names on purpose: who takes them all takes everything.
const IMPROBABLE: [&str; 4] = ["zq7 unnamed/x", "0", "Zq-7:unnamed.x", "_"];

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// It is this.
    #[serde(rename = "=")]
    Is,
    /// It is not this.
    #[serde(rename = "!=")]
    IsNot,
    /// The pattern fits all of it.
    #[serde(rename = "=~")]
    Fits,
    /// The pattern does not fit all of it.
    #[serde(rename = "!~")]
    FitsNot,
}

impl Comparison {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Is => "=",
            Self::IsNot => "!=",
            Self::Fits => "=~",
            Self::FitsNot => "!~",
        }
    }
}

/// One condition: `instance=~"web-.*"`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Matcher {
    written: Written,
    /// Compiled, when the comparison has one.
    pattern: Option<Regex>,
}

/// A matcher as it lies in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Written {
    label: String,
    is: Comparison,
    value: String,
}

/// Why a text is no matcher.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMatcher {
    /// No comparison stands in it.
    #[error("\"{0}\" compares nothing; write it like alertname=HighCPU or instance=~\"web-.*\"")]
    NoComparison(String),
    /// There is no label before the comparison, or it has letters that no label has.
    #[error("\"{0}\" is no name of a label; letters, digits and _ . - / : are")]
    BadName(String),
    /// The value is too long.
    #[error("the value of {0} has more than {VALUE_CHARS_MAX} characters")]
    TooLong(String),
    /// The pattern cannot be used.
    #[error("the pattern of {label} cannot be used: {problem}")]
    BadPattern {
        /// Of which label.
        label: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl Matcher {
    /// A condition; a pattern is compiled here, once.
    ///
    /// # Errors
    /// [`BadMatcher`].
    pub fn new(label: &str, is: Comparison, value: &str) -> Result<Self, BadMatcher> {
        Self::try_from(Written { label: label.to_owned(), is, value: value.to_owned() })
    }

    /// `label` has this value.
    ///
    /// # Errors
    /// [`BadMatcher`].
    pub fn exactly(label: &str, value: &str) -> Result<Self, BadMatcher> {
        Self::new(label, Comparison::Is, value)
    }

    /// Whether an alarm meets it.
    #[must_use]
    pub fn matches(&self, alarm: &Alarm) -> bool {
        self.takes(value_of(alarm, &self.written.label))
    }

    fn takes(&self, value: &str) -> bool {
        let fits = || self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(value));
        match self.written.is {
            Comparison::Is => value == self.written.value,
            Comparison::IsNot => value != self.written.value,
            Comparison::Fits => fits(),
            Comparison::FitsNot => !fits(),
        }
    }

    /// True when hardly an alarm could fail to meet it: it takes whatever is improbable, and a missing label where one can
    /// be missing.
    #[must_use]
    pub(super) fn takes_everything(&self) -> bool {
        match self.written.label.as_str() {
            "severity" => SEVERITIES.iter().all(|severity| self.takes(severity.1)),
            "source" | "key" | "title" => IMPROBABLE.iter().all(|value| self.takes(value)),
            _ => self.takes(""),
        }
    }

    /// Its characters, to be limited.
    pub(super) fn chars(&self) -> usize {
        self.written.label.chars().count() + self.written.value.chars().count()
    }
}

const SEVERITIES: [(Severity, &str); 5] = [
    (Severity::Unknown, "unknown"),
    (Severity::Info, "info"),
    (Severity::Warning, "warning"),
    (Severity::Error, "error"),
    (Severity::Critical, "critical"),
];

/// What an alarm says under a name: what CatOps itself knows it by, else its label; empty when there is none.
fn value_of<'a>(alarm: &'a Alarm, label: &str) -> &'a str {
    match label {
        "source" => &alarm.source,
        "key" => alarm.key.as_str(),
        "title" => &alarm.title,
        "resource" => &alarm.resource,
        "service" => alarm.service.as_deref().unwrap_or_default(),
        "severity" => SEVERITIES.iter().find(|(severity, _)| *severity == alarm.severity).map_or("", |(_, word)| word),
        _ => alarm.labels.get(label).map_or("", String::as_str),
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Matcher {}

impl TryFrom<Written> for Matcher {
    type Error = BadMatcher;

    fn try_from(written: Written) -> Result<Self, BadMatcher> {
        let is_letter = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | ':');
        let name = written.label.as_str();
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || !name.chars().all(is_letter) {
            return Err(BadMatcher::BadName(name.chars().take(NAME_CHARS_MAX).collect()));
        }
        if written.value.chars().count() > VALUE_CHARS_MAX {
            return Err(BadMatcher::TooLong(name.to_owned()));
        }
        let pattern = match written.is {
            Comparison::Is | Comparison::IsNot => None,
            Comparison::Fits | Comparison::FitsNot => Some(compiled(name, &written.value)?),
        };
        Ok(Self { written, pattern })
    }
}

fn compiled(label: &str, pattern: &str) -> Result<Regex, BadMatcher> {
    // On its own first: "a)|(b" is none, though it would be one inside of ours.
    let build = |pattern: &str| {
        RegexBuilder::new(pattern)
            .size_limit(PATTERN_BYTES_MAX)
            .dfa_size_limit(PATTERN_BYTES_MAX)
            .nest_limit(30)
            .build()
    };
    let built = build(pattern).and_then(|_| build(&format!("^(?:{pattern})$")));
    built.map_err(|error| {
        let problem = match error {
            regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
            // Its last line says what is wrong; those above draw where.
            other => other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
        };
        BadMatcher::BadPattern { label: label.to_owned(), problem }
    })
}

impl From<Matcher> for Written {
    fn from(matcher: Matcher) -> Self {
        matcher.written
    }
}

impl fmt::Display for Matcher {
    /// As it is typed: quotes only around what needs them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Written { label, is, value } = &self.written;
        let is = is.as_str();
        if value.is_empty() || value.contains(char::is_whitespace) || value.contains('"') {
            write!(f, "{label}{is}\"{}\"", value.replace('"', "\\\""))
        } else {
            write!(f, "{label}{is}{value}")
        }
    }
}

impl FromStr for Matcher {
    type Err = BadMatcher;

    /// Reads `alertname=HighCPU`, `instance=~"web-.*"`, `team != ops`.
    fn from_str(text: &str) -> Result<Self, BadMatcher> {
        let said = || text.chars().take(NAME_CHARS_MAX).collect::<String>();
        let at = text.find(['=', '!']).ok_or_else(|| BadMatcher::NoComparison(said()))?;
        let (label, rest) = text.split_at(at);
        let comparisons = [Comparison::Fits, Comparison::FitsNot, Comparison::IsNot, Comparison::Is];
        let mut found = comparisons.into_iter().filter_map(|is| Some((is, rest.strip_prefix(is.as_str())?)));
        let (is, value) = found.next().ok_or_else(|| BadMatcher::NoComparison(said()))?;
        let value = value.trim();
        let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let value = quoted.map_or_else(|| value.to_owned(), |value| value.replace("\\\"", "\""));
        Self::new(label.trim(), is, &value)
    }
}

#[cfg(test)]
mod tests;
