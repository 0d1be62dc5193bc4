//! What the files that are there already hold: names that are taken, people who are known, services that are served. It
//! reads loosely; mistakes in those files are told by [`crate::Rota::parse`] and not here.

use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// The files that are there, of other hands and of an earlier import.
#[derive(Default)]
pub(super) struct Existing<'e> {
    /// The files of other hands.
    pub(super) others: Vec<(&'e str, &'e str)>,
    /// People of other hands: their id by each way to them, in small letters.
    pub(super) people: BTreeMap<String, String>,
    /// People of the earlier import, likewise.
    pub(super) own_people: BTreeMap<String, String>,
    /// Names of people and schedules of other hands.
    pub(super) names: BTreeSet<String>,
    /// Names of policies of other hands.
    pub(super) policies: BTreeSet<String>,
    /// The policy of other hands that serves a service.
    pub(super) services: BTreeMap<String, String>,
    /// What people got in the files of the earlier import: (id, key) to text.
    pub(super) added: BTreeMap<(String, String), String>,
    /// The texts of the earlier import.
    own: BTreeMap<&'e str, &'e str>,
}

/// Ways to a person by which they are known again.
const WAYS: [&str; 3] = ["slack", "email", "phone"];

/// Ways to a person that no export has, or not always.
const ADDED_BY_HAND: [&str; 3] = ["slack", "sns", "webhook"];

impl<'e> Existing<'e> {
    /// Reads the files; those at `own` are of an earlier import.
    pub(super) fn read(files: &[(&'e str, &'e str)], own: &[String]) -> Self {
        let mut existing = Self::default();
        for (path, text) in files {
            let table = text.parse::<Table>().unwrap_or_default();
            if own.iter().any(|own| own == path) {
                existing.own.insert(path, text);
                existing.add_own(&table);
            } else {
                existing.others.push((path, text));
                existing.add_other(&table);
            }
        }
        existing
    }

    /// The text of a file of the earlier import.
    pub(super) fn text_at(&self, path: &str) -> Option<&'e str> {
        self.own.get(path).copied()
    }

    fn add_own(&mut self, table: &Table) {
        // A name that somebody changed to one that an import never gives is not kept.
        for (id, person) in sections(table, "people").filter(|(id, _)| !id.is_empty() && slug::slugify(id) == **id) {
            self.own_people.extend(ways(person).map(|way| (way, id.clone())));
            for key in ADDED_BY_HAND {
                if let Some(text) = person.get(key).and_then(Value::as_str) {
                    self.added.insert((id.clone(), key.to_owned()), text.to_owned());
                }
            }
        }
    }

    fn add_other(&mut self, table: &Table) {
        for (id, person) in sections(table, "people") {
            self.names.insert(id.clone());
            self.people.extend(ways(person).map(|way| (way, id.clone())));
        }
        self.names.extend(sections(table, "schedules").map(|(name, _)| name.clone()));
        for (name, policy) in sections(table, "escalation") {
            self.policies.insert(name.clone());
            let services = policy.get("services").and_then(Value::as_array).into_iter().flatten();
            let services = services.filter_map(Value::as_str);
            self.services.extend(services.map(|service| (service.to_owned(), name.clone())));
        }
    }
}

fn ways(person: &Value) -> impl Iterator<Item = String> {
    WAYS.iter().filter_map(|way| person.get(*way).and_then(Value::as_str).map(str::to_lowercase))
}

fn sections<'t>(table: &'t Table, kind: &str) -> impl Iterator<Item = (&'t String, &'t Value)> {
    table.get(kind).and_then(Value::as_table).into_iter().flatten()
}
