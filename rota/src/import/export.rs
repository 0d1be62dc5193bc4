//! The documents of an export, sorted into objects by kind. It knows how the tools wrap their lists (`{"users": [...]}`,
//! `{"data": [...]}`, `{"results": [...]}`, `{"users": {"nodes": [...]}}`) and nothing of what the objects mean.
//!
//! No object is lost here: what is of no known kind, or is no object at all, is kept as refused.

use super::form::Entry;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A kind of object: its word in sentences, and the names under which exports list it.
pub(super) type Kind = (&'static str, &'static [&'static str]);

/// Keys under which an answer lists what its address, and not the answer, names.
const ENVELOPES: [&str; 3] = ["data", "results", "nodes"];

/// Objects that say something about the answer and not about the tool's configuration.
const ABOUT_THE_ANSWER: [&str; 5] = ["paging", "links", "meta", "pageInfo", "extensions"];

/// How many letters of something that is no object are shown.
const SHOWN_MAX: usize = 60;

/// Keys whose text people know an object by.
const NAMED: [&str; 4] = ["name", "fullName", "username", "summary"];

/// The objects of an export by the word of their kind.
pub(super) struct Export {
    kinds: &'static [Kind],
    items: BTreeMap<&'static str, Vec<Value>>,
    /// Where in its list an object of a kind and an id is.
    places: BTreeMap<(&'static str, String), usize>,
    /// What everything with an id is called, also where it is only referred to: whoever has left is in no list.
    pub(super) called: BTreeMap<String, String>,
    /// What is no object of a known kind.
    pub(super) others: Vec<Entry>,
}

impl Export {
    /// Reads documents given as (name, JSON).
    pub(super) fn read(kinds: &'static [Kind], documents: &[(impl AsRef<str>, impl AsRef<str>)]) -> Self {
        let (items, places, called) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut export = Self { kinds, items, places, called, others: Vec::new() };
        for (path, text) in documents {
            let path = path.as_ref();
            match serde_json::from_str(text.as_ref()) {
                Ok(value) => {
                    export.learn(&value);
                    export.document(path, value);
                }
                Err(error) => export.others.push(Entry::refused("file", path, path, format!("is not JSON: {error}"))),
            }
        }
        export
    }

    /// Takes out all objects of a kind, each read as a `T`; one that cannot be read is refused.
    pub(super) fn take<T: DeserializeOwned>(&mut self, kind: &'static str) -> Vec<T> {
        let mut read = Vec::new();
        for value in self.items.remove(kind).unwrap_or_default() {
            let (key, name) = (id_of(&value).unwrap_or_default(), name_of(&value));
            match serde_json::from_value(value) {
                Ok(item) => read.push(item),
                Err(error) => self.others.push(Entry::refused(kind, key, name, format!("cannot be read: {error}"))),
            }
        }
        read
    }

    /// Remembers what is called how.
    fn learn(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                let name = NAMED.iter().find_map(|key| fields.get(*key)?.as_str()).filter(|name| !name.is_empty());
                if let (Some(Value::String(id)), Some(name)) = (fields.get("id"), name) {
                    let called = self.called.entry(id.clone()).or_insert_with(|| name.to_owned());
                    // Of several names the first in the alphabet, so that the order of documents does not matter.
                    if name < called.as_str() {
                        name.clone_into(called);
                    }
                }
                fields.values().for_each(|value| self.learn(value));
            }
            Value::Array(list) => list.iter().for_each(|value| self.learn(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn document(&mut self, path: &str, value: Value) {
        match value {
            Value::Object(fields) => self.top(&stem(path), fields),
            Value::Array(list) => self.list(&stem(path), list),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                let reason = "holds neither an object nor a list";
                self.others.push(Entry::refused("file", path, path, reason));
            }
        }
    }

    /// A document's fields: lists by name, or one object.
    fn top(&mut self, stem: &str, fields: Map<String, Value>) {
        if fields.contains_key("id") {
            return self.item(stem, Value::Object(fields));
        }
        for (key, value) in fields {
            match value {
                Value::Object(inner) if key == "data" => self.top(stem, inner),
                Value::Array(list) if ENVELOPES.contains(&key.as_str()) => self.list(stem, list),
                value => self.field(&key, value),
            }
        }
    }

    fn field(&mut self, key: &str, value: Value) {
        match value {
            Value::Array(list) => self.list(key, list),
            Value::Object(mut fields) => {
                let listed = ENVELOPES.iter().find(|envelope| fields.get(**envelope).is_some_and(Value::is_array));
                match listed.and_then(|envelope| fields.remove(*envelope)) {
                    Some(Value::Array(list)) => self.list(key, list),
                    _ if ABOUT_THE_ANSWER.contains(&key) => {}
                    _ => self.item(key, Value::Object(fields)),
                }
            }
            // Counts, cursors and flags of the answer.
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn list(&mut self, key: &str, list: Vec<Value>) {
        list.into_iter().for_each(|value| self.item(key, value));
    }

    fn item(&mut self, key: &str, value: Value) {
        let known = self.kinds.iter().find(|(_, names)| names.contains(&key));
        let id = id_of(&value);
        let Some((kind, _)) = known else {
            let name = format!("{key} / {}", name_of(&value));
            let reason = "an import reads no objects of this kind";
            return self.others.push(Entry::refused("other object", id.unwrap_or_default(), name, reason));
        };
        let Value::Object(fields) = &value else {
            return self.others.push(Entry::refused(kind, "", name_of(&value), "is not an object"));
        };
        let items = self.items.entry(kind).or_default();
        let Some(id) = id else { return items.push(value) };
        let place = *self.places.entry((kind, id)).or_insert(items.len());
        match items.get_mut(place) {
            // The answer about one object says more than the list that it is in.
            Some(item) if item.as_object().is_some_and(|known| known.len() < fields.len()) => *item = value,
            Some(_) => {}
            None => items.push(value),
        }
    }
}

/// `export/schedules-2.json` without folder, number and ending: `schedules`.
fn stem(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let name = name.split('.').next().unwrap_or(name);
    name.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '-').to_owned()
}

/// The tool's id of an object.
pub(super) fn id_of(value: &Value) -> Option<String> {
    match value.get("id")? {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What an object is called, or where it is in doubt what it is.
pub(super) fn name_of(value: &Value) -> String {
    let mut keys = NAMED.iter().chain(&["id", "alias"]);
    let name = keys.find_map(|key| value.get(key)?.as_str()).map(str::to_owned);
    let shown = || value.to_string().chars().take(SHOWN_MAX).collect();
    name.unwrap_or_else(|| if value.is_object() { "without a name".to_owned() } else { shown() })
}
