//! Arguments of a Web API call: from JSON, a form or the query, all in one map.
//!
//! A form carries structures (blocks, views, metadata) as JSON in a string; they are opened when asked for.

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::Refusal;

pub(super) struct Args(Map<String, Value>);

impl Args {
    pub(super) fn read(query: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        let mut args = pairs(query.unwrap_or_default().as_bytes());
        let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if kind.starts_with("application/json") {
            match serde_json::from_slice(body) {
                Ok(Value::Object(fields)) => args.extend(fields),
                Ok(_) => return Err("json_not_object".into()),
                Err(_) => return Err("invalid_json".into()),
            }
        } else {
            args.extend(pairs(body));
        }
        Ok(Self(args))
    }

    /// What the inspector shows: structures opened.
    pub(super) fn shown(&self) -> Value {
        self.0.iter().map(|(name, value)| (name.clone(), opened(value))).collect::<Map<_, _>>().into()
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    pub(super) fn required(&self, name: &str, code: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| code.into())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        match self.0.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => matches!(text.as_str(), "true" | "1"),
            _ => false,
        }
    }

    pub(super) fn number(&self, name: &str) -> Option<usize> {
        match self.0.get(name)? {
            Value::Number(number) => usize::try_from(number.as_u64()?).ok(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// A list or an object, or `None` when absent or null.
    pub(super) fn structure(&self, name: &str) -> Option<Value> {
        self.0.get(name).map(opened).filter(|value| !value.is_null())
    }
}

fn pairs(form: &[u8]) -> Map<String, Value> {
    form_urlencoded::parse(form).map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect()
}

fn opened(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with(['{', '[']) => {
            serde_json::from_str(text).unwrap_or_else(|_| value.clone())
        }
        other => other.clone(),
    }
}
