//! Rules O and T: what people change by hand on top of a schedule: overrides, cover, exchanges, temporary schedules. They are
//! events kept in the log; this crate is handed them, applies them in the order of creation, and keeps none.

use crate::rotation::Role;
use crate::span::Span;
use crate::sweep::People;
use crate::ticks::{Ticks, tick};
use chrono::{DateTime, Utc};
use incident::ResponderId;
use serde::{Deserialize, Serialize};

/// A change of who is on duty in `[start, end)`. A cancelled one is simply not passed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its number in the order of creation: the later-created wins, however the operations are listed.
    pub number: u64,
    /// The schedule it changes; `payments/secondary` changes who is second on `payments`.
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
    /// Other shifts instead of the schedule. Where they say who is on duty, everything from before is hidden; what is
    /// created later applies on top.
    Temporary {
        /// In any order; those that overlap are on duty together. What lies outside of the operation's time is cut off.
        shifts: Vec<TemporaryShift>,
        /// What counts where no shift is.
        #[serde(default)]
        fallback: Fallback,
    },
}

/// A shift of a temporary schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemporaryShift {
    /// From when, included.
    pub start: DateTime<Utc>,
    /// Until when, excluded.
    pub end: DateTime<Utc>,
    /// In the order in which they are paged; empty leaves nobody.
    pub users: Vec<ResponderId>,
}

/// What counts in the holes of a temporary schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// Nobody is on duty there.
    #[default]
    Nobody,
    /// The layers, and what was changed by hand before: as if there were no temporary schedule.
    Layers,
}

impl Operation {
    /// The time in which it applies.
    #[must_use]
    pub const fn span(&self) -> Span {
        Span { start: self.start, end: self.end }
    }

    /// The same in ticks.
    pub(crate) fn ticks(&self) -> Ticks {
        Ticks { start: tick(self.start), end: tick(self.end) }
    }

    /// Whom it puts on duty alone; nobody, when it is no override.
    pub(crate) fn brought(&self) -> &[ResponderId] {
        match &self.change {
            Change::ReplaceAll { users } => users,
            _ => &[],
        }
    }

    /// Whether it changes that role of the schedule of that name.
    pub(crate) fn is_of(&self, schedule: &str, role: Role) -> bool {
        self.schedule.starts_with(schedule) && Role::named(&self.schedule) == (schedule, role)
    }
}

impl TemporaryShift {
    fn ticks(&self) -> Ticks {
        Ticks { start: tick(self.start), end: tick(self.end) }
    }
}

impl Change {
    /// A time around the tick `at` in which it does the same as then, within the operation's time.
    pub(crate) fn unchanged(&self, at: i64) -> Ticks {
        let Self::Temporary { shifts, .. } = self else { return Ticks::ALWAYS };
        let lasting = shifts.iter().map(TemporaryShift::ticks).filter(|shift| shift.start < shift.end);
        lasting.fold(Ticks::ALWAYS, |same, shift| same.cut(shift.start, at).cut(shift.end, at))
    }

    /// Changes who is on duty at the tick `at`, and says whether anything changed.
    pub(crate) fn apply<'r>(&'r self, at: i64, on_duty: &mut People<'r>) -> bool {
        match self {
            Self::Temporary { shifts, fallback } => {
                let mut now = shifts.iter().filter(|shift| shift.ticks().contains(at)).peekable();
                let decides = now.peek().is_some() || *fallback == Fallback::Nobody;
                if decides {
                    on_duty.clear();
                    now.flat_map(|shift| &shift.users).for_each(|user| join(on_duty, user));
                }
                decides
            }
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
#[inline]
pub(crate) fn join<'r>(on_duty: &mut People<'r>, user: &'r ResponderId) {
    if !on_duty.iter().any(|present| same(present, user)) {
        on_duty.push(user);
    }
}

/// Whether two are the same person. Names of a team are short and differ early: a call for each pair is what would cost.
#[inline]
fn same(a: &ResponderId, b: &ResponderId) -> bool {
    let (a, b) = (a.as_str().as_bytes(), b.as_str().as_bytes());
    a.len() == b.len() && (std::ptr::eq(a, b) || a.iter().zip(b).all(|(a, b)| a == b))
}

/// Puts another person in each place, and says whether anybody changed. Nobody is listed twice afterwards.
fn swap_names<'r>(on_duty: &mut People<'r>, swap: impl Fn(&'r ResponderId) -> &'r ResponderId) -> bool {
    let before = std::mem::take(on_duty);
    before.iter().for_each(|user| join(on_duty, swap(user)));
    *on_duty != before
}

#[cfg(test)]
mod tests;
