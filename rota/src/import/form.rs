//! What any tool's export says, in the words of this crate. The readers fill it, `assemble` makes files of it.
//!
//! People, schedules and teams are named by the tool's own ids (keys) here; nothing is left out because it cannot be
//! written, that is said in its [`Entry`].

use super::hours::Window;
use super::{Object, Outcome};
use crate::Every;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// The tool's own id of a person, a schedule, a team or a policy.
pub(super) type Key = String;

/// An object of the export, and what is to be said about it. One without a kind is no object of its own.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Entry {
    pub(super) kind: &'static str,
    pub(super) key: Key,
    pub(super) name: String,
    pub(super) caveats: Vec<String>,
    /// Why it is not imported.
    pub(super) refused: Option<String>,
}

/// Everything.
#[derive(Debug, Clone, Default)]
pub(super) struct Form {
    pub(super) people: Vec<Person>,
    pub(super) teams: Vec<Team>,
    pub(super) schedules: Vec<Schedule>,
    pub(super) policies: Vec<Policy>,
    pub(super) services: Vec<Service>,
    /// What is decided already.
    pub(super) others: Vec<Entry>,
    /// What a key is called, for sentences.
    pub(super) called: BTreeMap<Key, String>,
}

/// A person; empty ways are no ways.
#[derive(Debug, Clone, Default)]
pub(super) struct Person {
    pub(super) entry: Entry,
    pub(super) slack: String,
    pub(super) email: String,
    pub(super) phone: String,
    /// No tool has these two; people add them to the files.
    pub(super) sns: String,
    pub(super) webhook: String,
}

/// People who take a turn or are paged together.
#[derive(Debug, Clone, Default)]
pub(super) struct Team {
    pub(super) entry: Entry,
    pub(super) members: Vec<Key>,
}

/// A schedule. Its zone may be any text.
#[derive(Debug, Clone, Default)]
pub(super) struct Schedule {
    pub(super) entry: Entry,
    pub(super) zone: String,
    pub(super) layers: Vec<Layer>,
    pub(super) overrides: Vec<Override>,
    /// Who is on call by the export; empty when it does not say.
    pub(super) shifts: Vec<Shift>,
    /// Whether the export leaves open which layer wins: the shifts then decide between this order and its reverse.
    pub(super) order_is_open: bool,
}

/// A layer.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) entry: Entry,
    /// Its name without its schedule's.
    pub(super) name: String,
    /// The zone of its times, when not the schedule's.
    pub(super) zone: Option<String>,
    pub(super) groups: Vec<Vec<Key>>,
    /// The start of turn 0.
    pub(super) anchor: Moment,
    pub(super) every: Every,
    pub(super) windows: Vec<Window>,
    pub(super) priority: i64,
    pub(super) start: Option<Moment>,
    pub(super) end: Option<Moment>,
}

/// A time as the tools write it: with its offset, or what clocks show in the layer's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Instant(DateTime<Utc>),
    Wall(NaiveDateTime),
}

/// A change of who is on duty, as the tool keeps it.
#[derive(Debug, Clone)]
pub(super) struct Override {
    pub(super) entry: Entry,
    pub(super) start: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
    pub(super) change: Change,
}

/// What an override does.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// These and nobody else.
    ReplaceAll(Vec<Key>),
    /// One for another, while the first is on duty.
    Replace {
        from: Key,
        to: Key,
    },
    Add(Key),
    Remove(Key),
}

/// Somebody on call by the export, `[start, end)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shift {
    pub(super) start: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
    pub(super) person: Key,
}

/// An escalation policy.
#[derive(Debug, Clone, Default)]
pub(super) struct Policy {
    pub(super) entry: Entry,
    pub(super) levels: Vec<Level>,
    /// How many more times all levels are gone through.
    pub(super) repeats: u32,
    /// How many levels one round has; `assemble` counts them.
    pub(super) round: usize,
    /// What it serves while no service of the export leads to it, and why that.
    pub(super) otherwise: Option<(String, String)>,
}

/// A step of a policy.
#[derive(Debug, Clone)]
pub(super) struct Level {
    pub(super) page: Vec<Target>,
    pub(super) wait: TimeDelta,
}

/// What a level pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Person(Key),
    Schedule(Key),
}

/// What alarms come from.
#[derive(Debug, Clone, Default)]
pub(super) struct Service {
    pub(super) entry: Entry,
    /// Its policy, when it has one.
    pub(super) policy: Option<Key>,
}

impl Person {
    /// The ways by which they are known again, in small letters.
    pub(super) fn ways(&self) -> impl Iterator<Item = String> {
        [&self.slack, &self.email, &self.phone].into_iter().filter(|way| !way.is_empty()).map(|way| way.to_lowercase())
    }
}

impl Entry {
    pub(super) fn new(kind: &'static str, key: impl Into<Key>, name: impl Into<String>) -> Self {
        Self { kind, key: key.into(), name: name.into(), ..Self::default() }
    }

    /// An object that is not imported.
    pub(super) fn refused(
        kind: &'static str,
        key: impl Into<Key>,
        name: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self { refused: Some(reason.into()), ..Self::new(kind, key, name) }
    }

    /// Adds something to know about it, once.
    pub(super) fn caveat(&mut self, caveat: impl Into<String>) {
        let caveat = caveat.into();
        if !self.caveats.contains(&caveat) {
            self.caveats.push(caveat);
        }
    }

    /// Says why it is not imported. The first reason stays.
    pub(super) fn refuse(&mut self, reason: impl Into<String>) {
        self.refused.get_or_insert_with(|| reason.into());
    }

    pub(super) const fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// The keys of those that are not refused.
    pub(super) fn keys<'e>(entries: impl Iterator<Item = &'e Self>) -> BTreeSet<Key> {
        entries.filter(|entry| !entry.is_refused()).map(|entry| entry.key.clone()).collect()
    }

    pub(super) fn into_object(self) -> Object {
        let outcome = match (self.refused, self.caveats) {
            (Some(reason), _) => Outcome::NotImported(reason),
            (None, caveats) if caveats.is_empty() => Outcome::Imported,
            (None, caveats) => Outcome::ImportedWith(caveats),
        };
        Object { kind: self.kind.to_owned(), name: self.name, outcome }
    }
}
