//! JSON at the door: size and depth are capped, texts are borrowed, and a mistake is named by its path.
//!
//! The common case pays for one typed pass. Only a body that fails is read again, to find out where.

use crate::malformed::Malformed;
use crate::request::BODY_BYTES_MAX;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

/// Deepest nesting read. The deepest sample (`GuardDuty`) has 8 levels.
pub(crate) const DEPTH_MAX: usize = 32;

/// Reads a body.
pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Malformed> {
    if body.len() > BODY_BYTES_MAX {
        return Err(Malformed::new("body", format!("larger than {BODY_BYTES_MAX} bytes")));
    }
    let text = std::str::from_utf8(body)
        .map_err(|error| Malformed::new("body", format!("not UTF-8 from byte {} on", error.valid_up_to())))?;
    parse_text(text)
}

/// Reads JSON that came inside a string of other JSON.
pub(crate) fn parse_text<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Malformed> {
    if let Some(byte) = too_deep_at(text) {
        return Err(Malformed::new("body", format!("nested deeper than {DEPTH_MAX} levels at byte {byte}")));
    }
    serde_json::from_str(text).map_err(|_| explain::<T>(text))
}

/// Reads a part whose reading was put off; `field` is where it stands.
pub(crate) fn parse_part<'a, T: Deserialize<'a>>(part: Option<&'a RawValue>, field: &str) -> Result<T, Malformed> {
    let part = part.ok_or_else(|| Malformed::missing(field))?;
    serde_json::from_str(part.get()).map_err(|_| explain::<T>(part.get()).below(field))
}

/// Where the nesting passes the cap. Brackets inside strings do not count.
fn too_deep_at(text: &str) -> Option<usize> {
    // Most bodies have too few brackets to nest so deep; counting them costs a tenth of walking through.
    if text.bytes().filter(|byte| matches!(byte, b'{' | b'[')).count() <= DEPTH_MAX {
        return None;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' if depth == DEPTH_MAX => return Some(at),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn explain<'a, T: Deserialize<'a>>(text: &'a str) -> Malformed {
    let mut json = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, T>(&mut json) {
        Ok(_) => {
            let at = json.end().err().map(|error| format!(" (line {} column {})", error.line(), error.column()));
            Malformed::new("body", format!("something follows the JSON{}", at.unwrap_or_default()))
        }
        Err(error) => named(&error.path().to_string(), error.inner()),
    }
}

/// Says it in our words: serde's text holds the value, and a value may be a secret.
fn named(path: &str, error: &serde_json::Error) -> Malformed {
    let text = error.to_string();
    // serde_path_to_error: "." is the body itself, "?" a place that was not reached.
    let path = if path == "." || path == "?" { "" } else { path };
    let dot = if path.is_empty() { "" } else { "." };
    let quoted = |start| text.strip_prefix(start).and_then(|rest: &str| rest.split('`').next());
    if let Some(name) = quoted("missing field `") {
        return Malformed::missing(format!("{path}{dot}{name}"));
    }
    if let Some(name) = quoted("duplicate field `") {
        return Malformed::new(format!("{path}{dot}{name}"), "given twice");
    }
    let field = if path.is_empty() { "body" } else { path };
    let place = format!("(line {} column {})", error.line(), error.column());
    match error.classify() {
        serde_json::error::Category::Eof => Malformed::new(field, format!("the JSON ends too early {place}")),
        serde_json::error::Category::Data => Malformed::new(field, expected(&text)),
        _ => Malformed::new(field, format!("not JSON {place}")),
    }
}

fn expected(text: &str) -> String {
    let text = text.split(" at line ").next().unwrap_or_default();
    match text.rsplit_once(", expected ") {
        // The names of our types mean nothing to a sender.
        Some((_, expected)) if expected.starts_with("struct ") => "expected an object".to_owned(),
        Some((_, expected)) => format!("expected {expected}"),
        None => "cannot be read".to_owned(),
    }
}

/// A text that is borrowed where the JSON has no escapes. Unlike `Option<Cow<str>>`, `Option<Text>` borrows too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E>(self, text: String) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

/// Any value as text: numbers and booleans as written, objects and lists as JSON, null as nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scalar<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Scalar<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Scalar(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Scalar(Cow::Owned(text.to_owned())))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Ok(Scalar(value.to_string().into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Ok(Scalar(value.to_string().into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                Ok(Scalar(value.to_string().into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
                Ok(Scalar(value.to_string().into()))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Scalar::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
                let value =
                    serde_json::Value::deserialize(SeqAccessDeserializer::new(items)).map_err(A::Error::custom)?;
                Ok(Scalar(value.to_string().into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
                let value =
                    serde_json::Value::deserialize(MapAccessDeserializer::new(entries)).map_err(A::Error::custom)?;
                Ok(Scalar(value.to_string().into()))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// An object whose values are read as text, in the order given. Names given twice are kept twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pairs<'a>(pub(crate) Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Pairs<'a> {
    /// The first value of this name that is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value)
    }

    /// The value of the first of these names that has one.
    pub(crate) fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Pairs::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = entries.next_entry::<Text<'de>, Scalar<'de>>()? {
                    pairs.push((name.0, value.0));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
