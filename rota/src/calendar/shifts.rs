//! Segments of a schedule become shifts, each of one person, each with a key that stays the same while the shift does.
//!
//! A shift is the time in which a person is on duty for one cause: a turn of a layer, or an operation. What happens to the
//! others on duty does not cut it.

use crate::on_call::Segment;
use crate::operation::{Change, Operation};
use crate::rota::Rota;
use crate::rotation::Role;
use crate::schedule::{Schedule, Turn};
use crate::sentence;
use crate::ticks::tick;
use crate::{UnknownSchedule, final_schedule};
use chrono::{DateTime, TimeDelta, Utc};
use incident::ResponderId;
use std::collections::{BTreeMap, BTreeSet};

/// A person's time on duty.
#[derive(Debug)]
pub(super) struct Shift<'r> {
    /// The same in every feed that has this shift, and another for every other shift.
    pub(super) key: String,
    /// The schedule's name.
    pub(super) schedule: String,
    /// Who.
    pub(super) person: &'r ResponderId,
    /// From when, in whole seconds, included.
    pub(super) start: DateTime<Utc>,
    /// Until when, in whole seconds, excluded.
    pub(super) end: DateTime<Utc>,
    /// Why, as `on_call` says it.
    pub(super) because: String,
}

/// What brought somebody on duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    /// A turn: the place of its layer, its number.
    Turn(usize, i64),
    /// An operation: its number.
    Operation(u64),
}

/// The shifts of a schedule in `[from, to)`, by start. Of everybody, or of `person` alone.
///
/// # Errors
/// When there is no such schedule.
pub(super) fn shifts<'r>(
    rota: &'r Rota,
    schedule: &str,
    operations: &'r [Operation],
    person: Option<&ResponderId>,
    [from, to]: [DateTime<Utc>; 2],
) -> Result<Vec<Shift<'r>>, UnknownSchedule> {
    let (model, role) = rota.role(schedule)?;
    let segments = final_schedule(rota, schedule, operations, from, to)?;
    let mut stretches: Vec<Stretch<'r>> = Vec::new();
    let mut last_of: BTreeMap<(&ResponderId, Cause), usize> = BTreeMap::new();
    for segment in &segments {
        for &on_duty in segment.on_duty.iter().filter(|on_duty| person.is_none_or(|person| **on_duty == person)) {
            let cause = cause(model, role, segment, on_duty);
            match last_of.get(&(on_duty, cause)).and_then(|&place| stretches.get_mut(place)) {
                Some(last) if last.end == segment.start => last.end = segment.end,
                _ => {
                    last_of.insert((on_duty, cause), stretches.len());
                    stretches.push(Stretch::of(model, role, segment, on_duty, cause));
                }
            }
        }
    }
    Ok(keyed(model, schedule, stretches))
}

/// A shift that has no key yet.
struct Stretch<'r> {
    person: &'r ResponderId,
    cause: Cause,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    because: String,
}

impl<'r> Stretch<'r> {
    fn of(model: &Schedule, role: Role, segment: &Segment<'r>, person: &'r ResponderId, cause: Cause) -> Self {
        let because = sentence::because(model, role, &segment.reason, segment.start);
        Self { person, cause, start: segment.start, end: segment.end, because }
    }
}

/// Why `person` is on duty: their turn, else the last operation that put them there.
fn cause(model: &Schedule, role: Role, segment: &Segment<'_>, person: &ResponderId) -> Cause {
    let reason = &segment.reason;
    let has_turn = |turn: &&Turn| {
        let layer = model.layers.get(turn.layer);
        layer.is_some_and(|layer| layer.rotation.group_at(turn.number, tick(segment.start), role).0.contains(person))
    };
    let brings = |operation: &&&Operation| match &operation.change {
        Change::ReplaceAll { users } => users.contains(person),
        Change::ReplaceUser { to: user, .. } | Change::Add { user } => user == person,
        Change::Exchange { a, b } => a == person || b == person,
        Change::Temporary { shifts, .. } => shifts.iter().any(|shift| shift.users.contains(person)),
        Change::Remove { .. } => false,
    };
    let turn = |turn: &Turn| Cause::Turn(turn.layer, turn.number);
    let operation = |operation: &&Operation| Cause::Operation(operation.number);
    let known = reason.turns.iter().find(has_turn).map(turn);
    let known = known.or_else(|| reason.operations.iter().rev().find(brings).map(operation));
    // Whoever is named by neither is on duty by the turn of somebody else, such as a secondary.
    known.or_else(|| reason.turns.first().map(turn)).unwrap_or(Cause::Turn(0, 0))
}

/// Gives each stretch its key: its cause and, to tell the stretches of a cause apart, the day on which it starts. The first
/// stretch of a turn has no day, so that it keeps its key when the handoff moves to another one. In a layer with windows and
/// for an operation each has its day: there the next stretch is another piece of work, not what is left of the first.
fn keyed<'r>(model: &Schedule, schedule: &str, stretches: Vec<Stretch<'r>>) -> Vec<Shift<'r>> {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut shifts = Vec::new();
    for stretch in stretches {
        let [start, end] = [stretch.start, stretch.end].map(whole_second);
        if start >= end {
            continue;
        }
        let (cause, zone, has_days) = match stretch.cause {
            Cause::Turn(layer, number) => match model.layers.get(layer) {
                Some(layer) => {
                    (format!("turn {number} of {}", measured(&layer.name)), &layer.zone, !layer.windows.is_empty())
                }
                None => (format!("turn {number}"), &model.zone, false),
            },
            Cause::Operation(number) => (format!("operation {number}"), &model.zone, true),
        };
        let first = format!("{} {} {cause}", measured(schedule), measured(stretch.person.as_str()));
        let on_day = format!("{first} on {}", zone.wall(stretch.start).date());
        let numbered = (2..=u64::MAX).map(|part| format!("{on_day} part {part}"));
        let mut keys = (!has_days).then_some(first).into_iter().chain([on_day.clone()]).chain(numbered);
        let key = keys.find(|key| seen.insert(key.clone())).unwrap_or_default();
        let schedule = schedule.to_owned();
        shifts.push(Shift { key, schedule, person: stretch.person, start, end, because: stretch.because });
    }
    shifts
}

/// A name with its length before it, so that no two rows of names make the same key.
fn measured(name: &str) -> String {
    format!("{}:{name}", name.len())
}

/// The first whole second that is not before `at`: calendars know no parts of seconds, and rounding both ends the same way
/// leaves the people at every whole second as they are.
fn whole_second(at: DateTime<Utc>) -> DateTime<Utc> {
    let floor = DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(at);
    if floor < at { floor + TimeDelta::seconds(1) } else { floor }
}
