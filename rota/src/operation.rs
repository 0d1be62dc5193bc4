//! Rule O: what people change by hand on top of a schedule: overrides, cover, exchanges. They are events kept in the log;
//! this crate is handed them, applies them in the order of creation, and keeps none.

use crate::span::Span;
use chrono::{DateTime, Utc};
use incident::ResponderId;
use serde::{Deserialize, Serialize};

/// A change of who is on duty in `[start, end)`. A cancelled one is simply not passed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its number in the order of creation: the later-created wins, however the operations are listed.
    pub number: u64,
    /// The schedule it changes.
    pub schedule: String,
    /// From when, included.
    pub start: DateTime<Utc>,
    /// Until when, excluded. An operation that ends before it starts changes nothing.
    pub end: DateTime<Utc>,
    /// What it changes.
    pub change: Change,
    /// Who asked for it.
    pub by: ResponderId,
    /// Why, in that person's words; may be empty.
    #[serde(default)]
    pub reason: String,
}

/// What an operation does to the people on duty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// These people and nobody else; an empty list leaves nobody.
    ReplaceAll {
        /// In the order in which they are paged.
        users: Vec<ResponderId>,
    },
    /// One person for another, only while the first is on duty.
    ReplaceUser {
        /// Who is relieved.
        from: ResponderId,
        /// Who takes over.
        to: ResponderId,
    },
    /// One more person.
    Add {
        /// Who joins.
        user: ResponderId,
    },
    /// One person less.
    Remove {
        /// Who leaves.
        user: ResponderId,
    },
    /// Two people take each other's duty, at once: where one is on duty, the other is instead.
    Exchange {
        /// One of them.
        a: ResponderId,
        /// The other.
        b: ResponderId,
    },
}

impl Operation {
    /// The time in which it applies.
    #[must_use]
    pub const fn span(&self) -> Span {
        Span { start: self.start, end: self.end }
    }
}

impl Change {
    /// Changes `on_duty`, and says whether anything changed.
    pub(crate) fn apply<'r>(&'r self, on_duty: &mut Vec<&'r ResponderId>) -> bool {
        match self {
            Self::ReplaceAll { users } => {
                on_duty.clear();
                users.iter().for_each(|user| join(on_duty, user));
                true
            }
            Self::ReplaceUser { from, to } => swap_names(on_duty, |user| if user == from { to } else { user }),
            Self::Add { user } => {
                let before = on_duty.len();
                join(on_duty, user);
                on_duty.len() > before
            }
            Self::Remove { user } => {
                let before = on_duty.len();
                on_duty.retain(|present| *present != user);
                on_duty.len() < before
            }
            Self::Exchange { a, b } => swap_names(on_duty, |user| match user {
                user if user == a => b,
                user if user == b => a,
                user => user,
            }),
        }
    }
}

/// Adds a person at the end, once.
pub(crate) fn join<'r>(on_duty: &mut Vec<&'r ResponderId>, user: &'r ResponderId) {
    if !on_duty.contains(&user) {
        on_duty.push(user);
    }
}

/// Puts another person in each place, and says whether anybody changed. Nobody is listed twice afterwards.
fn swap_names<'r>(on_duty: &mut Vec<&'r ResponderId>, swap: impl Fn(&'r ResponderId) -> &'r ResponderId) -> bool {
    let before = std::mem::take(on_duty);
    before.iter().for_each(|user| join(on_duty, swap(user)));
    *on_duty != before
}

#[cfg(test)]
mod tests;
