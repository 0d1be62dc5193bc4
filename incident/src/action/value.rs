//! Values of parameters: filled from an alarm, checked, typed. Nothing here knows what a value is used for.

use super::{Action, Param, ParamKind};
use crate::alarm::Alarm;
use regex_lite::Regex;
use std::collections::BTreeMap;
use std::fmt;

/// Longest value, in characters; longer ones are refused, never cut.
pub const VALUE_CHARS_MAX: usize = 500;

/// A regular expression that has to match a whole value. It runs in linear time whatever the value says.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    anchored: Regex,
}

/// Said when a text is no regular expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPattern(String);

impl Pattern {
    /// Compiles `text`, anchored at both ends.
    ///
    /// # Errors
    /// [`BadPattern`] says in one line what is wrong.
    pub fn new(text: &str) -> Result<Self, BadPattern> {
        let bad = |error: regex_lite::Error| BadPattern(error.to_string());
        // Compiled by itself first: `a)(b` must not borrow the brackets of the anchored one.
        Regex::new(text).map_err(bad)?;
        let anchored = Regex::new(&format!(r"\A(?:{text})\z")).map_err(bad)?;
        Ok(Self { text: text.to_owned(), anchored })
    }

    /// True when the whole value matches.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        self.anchored.is_match(value)
    }

    /// The expression as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// A checked value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Of a text or a choice.
    Text(String),
    /// Of an integer.
    Integer(i64),
    /// Of a boolean.
    Boolean(bool),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(yes) => yes.fmt(f),
        }
    }
}

/// Checked values by parameter name. Only [`Action::validate`] makes one; an optional parameter may be absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Params(BTreeMap<String, Value>);

impl Params {
    /// One value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// All values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The values as text, as they are kept in events and passed to [`super::render`].
    #[must_use]
    pub fn texts(&self) -> BTreeMap<String, String> {
        self.0.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
    }
}

/// Said of one value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {message}")]
pub struct BadParam {
    /// The parameter, or the unknown name.
    pub name: String,
    /// What is wrong, for the person who typed it: `has to be a whole number from 1 to 20`.
    pub message: String,
}

impl Action {
    /// The values that this alarm offers, defaults for the rest. Only values that pass the check of their own parameter.
    #[must_use]
    pub fn fill(&self, alarm: &Alarm) -> BTreeMap<String, String> {
        let offered = |param: &Param| {
            let from_alarm = param.from.iter().filter_map(|path| look_up(alarm, path));
            from_alarm
                .chain(param.default.clone())
                .find_map(|value| param.check(&value).ok())
                .map(|value| (param.name.clone(), value.to_string()))
        };
        self.params.iter().filter_map(offered).collect()
    }

    /// The required parameters that have no value yet, in the order of the dialog.
    #[must_use]
    pub fn missing(&self, params: &BTreeMap<String, String>) -> Vec<&Param> {
        let has_value = |param: &&Param| params.get(&param.name).is_some_and(|value| !value.trim().is_empty());
        self.params.iter().filter(|param| param.required && param.default.is_none() && !has_value(param)).collect()
    }

    /// Checks every value; an empty one counts as absent and takes the default.
    ///
    /// # Errors
    /// One [`BadParam`] for each value that does not pass, for each unknown name and for each required one that is absent.
    pub fn validate(&self, params: &BTreeMap<String, String>) -> Result<Params, Vec<BadParam>> {
        let mut bad: Vec<BadParam> = params
            .keys()
            .filter(|name| self.params.iter().all(|param| param.name != **name))
            .map(|name| BadParam { name: shown(name), message: "is not a parameter of this action".to_owned() })
            .collect();
        let mut good = BTreeMap::new();
        for param in &self.params {
            let given = params.get(&param.name).map(|value| value.trim()).filter(|value| !value.is_empty());
            match given.or(param.default.as_deref()).map(|value| param.check(value)) {
                Some(Ok(value)) => {
                    good.insert(param.name.clone(), value);
                }
                Some(Err(message)) => bad.push(BadParam { name: param.name.clone(), message }),
                None if param.required => {
                    bad.push(BadParam { name: param.name.clone(), message: "needs a value".to_owned() });
                }
                None => {}
            }
        }
        if bad.is_empty() { Ok(Params(good)) } else { Err(bad) }
    }
}

impl Param {
    /// Checks one value; the error continues a sentence that starts with the parameter's name.
    pub(super) fn check(&self, value: &str) -> Result<Value, String> {
        let value = value.trim();
        if value.is_empty() {
            return Err("needs a value".to_owned());
        }
        if value.chars().count() > VALUE_CHARS_MAX {
            return Err(format!("has more than {VALUE_CHARS_MAX} characters"));
        }
        if value.chars().any(is_hidden) {
            return Err("has a line break or another invisible character".to_owned());
        }
        match &self.kind {
            ParamKind::Text { pattern } if pattern.matches(value) => Ok(Value::Text(value.to_owned())),
            ParamKind::Text { pattern } => Err(format!("has to match {}", pattern.as_str())),
            ParamKind::Integer { min, max } => match value.parse::<i64>() {
                Ok(number) if (*min..=*max).contains(&number) => Ok(Value::Integer(number)),
                _ => Err(format!("has to be a whole number from {min} to {max}")),
            },
            ParamKind::Choice { options } if options.iter().any(|option| option == value) => {
                Ok(Value::Text(value.to_owned()))
            }
            ParamKind::Choice { options } => Err(format!("has to be one of {}", options.join(", "))),
            ParamKind::Boolean => match value {
                "true" => Ok(Value::Boolean(true)),
                "false" => Ok(Value::Boolean(false)),
                _ => Err("has to be true or false".to_owned()),
            },
        }
    }
}

/// The plain fields of an alarm that `from` may name, beside `labels.<name>`.
pub(super) const ALARM_FIELDS: [&str; 7] = ["service", "resource", "title", "summary", "source", "key", "severity"];

/// The text at a path that the parser has checked. Read, never evaluated.
fn look_up(alarm: &Alarm, path: &str) -> Option<String> {
    if let Some(label) = path.strip_prefix("labels.") {
        return alarm.labels.get(label).cloned();
    }
    match path {
        "service" => alarm.service.clone(),
        "resource" => Some(alarm.resource.clone()),
        "title" => Some(alarm.title.clone()),
        "summary" => Some(alarm.summary.clone()),
        "source" => Some(alarm.source.clone()),
        "key" => Some(alarm.key.to_string()),
        "severity" => Some(alarm.severity.to_string()),
        _ => None,
    }
}

/// Characters that a reader cannot see and a program may obey: controls, line separators, direction changes, zero width.
fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
}

/// An unknown name as it may be shown: short, and nothing invisible.
fn shown(name: &str) -> String {
    name.chars().filter(|char| !is_hidden(*char)).take(40).collect()
}
