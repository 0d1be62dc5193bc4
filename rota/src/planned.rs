//! Who is on duty by the entries of a calendar that others keep, instead of by turns: times with people, none of which touches
//! another's, found by halving. Whoever reads the calendar puts them here; nothing here knows calendars or names.

use crate::operation::{Change, Operation, TemporaryShift};
use crate::rotation::Role;
use crate::ticks::{Ticks, second, tick};
use chrono::{DateTime, Utc};
use incident::ResponderId;
use std::sync::Arc;

/// The entries of a calendar as whose turn it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The calendar's name, as the files write it.
    calendar: Arc<str>,
    pieces: Arc<[Piece]>,
}

#[derive(Debug, PartialEq)]
struct Piece {
    ticks: Ticks,
    people: Vec<ResponderId>,
    /// The place of the next piece with other people, for who is second.
    next: usize,
}

impl Planned {
    /// A calendar of which nothing is known yet: nobody is on duty by it.
    #[must_use]
    pub fn unread(calendar: &str) -> Self {
        Self { calendar: calendar.into(), pieces: Arc::new([]) }
    }

    /// Those times, which may come in any order but must not overlap; one without people or length counts for nothing.
    #[must_use]
    pub fn new(calendar: &str, times: &[TemporaryShift]) -> Self {
        let lasting = times.iter().filter(|time| time.start < time.end && !time.users.is_empty());
        let mut pieces: Vec<Piece> = lasting
            .map(|time| {
                let ticks = Ticks { start: tick(time.start), end: tick(time.end) };
                Piece { ticks, people: time.users.clone(), next: usize::MAX }
            })
            .collect();
        pieces.sort_by_key(|piece| piece.ticks.start);
        let mut next = usize::MAX;
        for place in (0..pieces.len()).rev() {
            let following = place + 1;
            if pieces.get(following).is_some_and(|other| other.people != pieces[place].people) {
                next = following;
            }
            pieces[place].next = next;
        }
        Self { calendar: calendar.into(), pieces: pieces.into() }
    }

    /// The calendar's name, as the files write it.
    #[must_use]
    pub fn calendar(&self) -> &str {
        &self.calendar
    }

    /// Everybody who is on duty by it at `from` or later; by all of it, when `None`.
    pub(crate) fn members(&self, from: Option<DateTime<Utc>>) -> impl Iterator<Item = &ResponderId> {
        let from = from.map_or(i64::MIN, tick);
        self.pieces.iter().filter(move |piece| piece.ticks.end > from).flat_map(|piece| &piece.people)
    }

    /// The number of the entry that holds a tick, which stays the same while its start does: the second in which it starts.
    /// With the time around the tick in which that stays so.
    pub(crate) fn turn(&self, at: i64) -> (i64, Ticks) {
        let (piece, ticks) = self.around(at);
        (piece.map_or(0, |piece| second(piece.ticks.start)), ticks)
    }

    /// The people of a role at a tick, and the time around it in which it is these.
    pub(crate) fn group(&self, at: i64, role: Role) -> (&[ResponderId], Ticks) {
        let (piece, ticks) = self.around(at);
        let group = match (piece, role) {
            (Some(piece), Role::Primary) => &piece.people[..],
            (Some(piece), Role::Secondary) => self.pieces.get(piece.next).map_or(&[][..], |next| &next.people),
            (None, _) => &[],
        };
        (group, ticks)
    }

    fn around(&self, at: i64) -> (Option<&Piece>, Ticks) {
        let later = self.pieces.partition_point(|piece| piece.ticks.end <= at);
        let before = later.checked_sub(1).and_then(|place| self.pieces.get(place));
        match self.pieces.get(later) {
            Some(piece) if piece.ticks.start <= at => (Some(piece), piece.ticks),
            next => {
                let start = before.map_or(i64::MIN, |before| before.ticks.end);
                (None, Ticks { start, end: next.map_or(i64::MAX, |next| next.ticks.start) })
            }
        }
    }
}

/// The overrides of a calendar: none of them overlaps another, and what people change by hand counts on top.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlannedOverrides(Vec<Operation>);

impl PlannedOverrides {
    /// Those times as overrides of `schedule`, said to be asked by the calendar; they must not overlap.
    #[must_use]
    pub fn new(calendar: &str, schedule: &str, times: &[TemporaryShift]) -> Self {
        let lasting = times.iter().filter(|time| time.start < time.end);
        let operation = |time: &TemporaryShift| Operation {
            number: 0,
            schedule: schedule.to_owned(),
            start: time.start,
            end: time.end,
            change: Change::ReplaceAll { users: time.users.clone() },
            by: format!("calendar {calendar}").as_str().into(),
            reason: String::new(),
        };
        let mut operations: Vec<Operation> = lasting.map(operation).collect();
        operations.sort_by_key(|operation| operation.start);
        Self(operations)
    }

    /// They, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Operation> {
        self.0.iter()
    }

    /// The one that applies at a tick, and the time around it in which that stays so.
    #[inline]
    pub(crate) fn at(&self, at: i64) -> (Option<&Operation>, Ticks) {
        if self.0.is_empty() {
            return (None, Ticks::ALWAYS);
        }
        let later = self.0.partition_point(|operation| tick(operation.end) <= at);
        match self.0.get(later) {
            Some(operation) if tick(operation.start) <= at => (Some(operation), operation.ticks()),
            next => {
                let before = later.checked_sub(1).and_then(|place| self.0.get(place));
                let start = before.map_or(i64::MIN, |before| tick(before.end));
                (None, Ticks { start, end: next.map_or(i64::MAX, |next| tick(next.start)) })
            }
        }
    }

    /// These until `at`, and `new` from then on: rule V. One that both have goes on as it was.
    pub(crate) fn succeeded_by(&self, new: &Self, at: DateTime<Utc>) -> Self {
        let mut joined = self.until(at).0;
        for operation in new.from(at).0 {
            match joined.last_mut() {
                Some(last) if last.end == operation.start && last.is_like(&operation) => last.end = operation.end,
                _ => joined.push(operation),
            }
        }
        Self(joined)
    }

    pub(crate) fn until(&self, at: DateTime<Utc>) -> Self {
        let cut = |operation: &Operation| Operation { end: operation.end.min(at), ..operation.clone() };
        Self(self.0.iter().map(cut).filter(|operation| operation.start < operation.end).collect())
    }

    pub(crate) fn from(&self, at: DateTime<Utc>) -> Self {
        let cut = |operation: &Operation| Operation { start: operation.start.max(at), ..operation.clone() };
        Self(self.0.iter().map(cut).filter(|operation| operation.start < operation.end).collect())
    }
}

impl Operation {
    /// Whether it does the same for the same reason, at whatever time.
    fn is_like(&self, other: &Self) -> bool {
        Self { start: other.start, end: other.end, ..self.clone() } == *other
    }

    /// Whether a calendar says it, and nobody by hand.
    #[must_use]
    pub fn is_of_calendar(&self) -> bool {
        self.by.as_str().starts_with("calendar ")
    }
}
