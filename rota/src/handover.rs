//! The moments at which other people come on duty, and what newer rules of time zones do to them. It looks at people only:
//! the same people for another reason are no handover, nor is another order among them. Nobody is told here.

use crate::on_call::{ANSWERED, Segment, final_schedule};
use crate::operation::Operation;
use crate::rota::{Rota, UnknownSchedule};
use chrono::{DateTime, TimeDelta, Utc};
use incident::ResponderId;
use serde::{Deserialize, Serialize};

/// How far two rules of one zone can put the same wall time apart, with room: the largest change of a zone that is no jump
/// over a whole day is of three hours.
const MOVED_MAX: TimeDelta = TimeDelta::hours(3);

/// Other people come on duty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// When.
    pub at: DateTime<Utc>,
    /// Who was on duty before and is no longer, by id.
    pub left: Vec<ResponderId>,
    /// Who is on duty from then on and was not before, by id.
    pub came: Vec<ResponderId>,
    /// Who is on duty before and after, by id.
    pub stayed: Vec<ResponderId>,
}

impl Handover {
    /// What it is when at `at` people of `after` follow those of `before`; `None` when they are the same people.
    #[must_use]
    pub fn between(before: &[ResponderId], after: &[ResponderId], at: DateTime<Utc>) -> Option<Self> {
        let (before, after) = (sorted(before), sorted(after));
        if before == after {
            return None;
        }
        let only = |some: &[ResponderId], not: &[ResponderId]| -> Vec<ResponderId> {
            some.iter().filter(|person| !not.contains(person)).cloned().collect()
        };
        let stayed = before.iter().filter(|person| after.contains(person)).cloned().collect();
        Some(Self { at, left: only(&before, &after), came: only(&after, &before), stayed })
    }

    /// Who is on duty from then on, by id.
    #[must_use]
    pub fn on_duty(&self) -> Vec<ResponderId> {
        let mut people = [self.came.as_slice(), self.stayed.as_slice()].concat();
        people.sort();
        people
    }
}

/// Every handover on `schedule` within `(from, to)`, in order. One at `from` itself is left out.
///
/// # Errors
/// When there is no such schedule.
pub fn handovers(
    rota: &Rota,
    schedule: &str,
    operations: &[Operation],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Handover>, UnknownSchedule> {
    let segments = final_schedule(rota, schedule, operations, from, to.min(ANSWERED.end))?;
    let pairs = segments.iter().zip(segments.iter().skip(1));
    Ok(pairs.filter_map(|(before, after)| Handover::between(&people(before), &people(after), after.start)).collect())
}

/// The handovers of `new` that stand at another moment than in `old` and are the same otherwise, each with the moment at
/// which it was before. What one of the lists has alone was added or taken out by somebody, and is passed over.
#[must_use]
pub fn moved(old: &[Handover], new: &[Handover]) -> Vec<(DateTime<Utc>, Handover)> {
    let is_gone = |before: &&Handover| !new.iter().any(|after| after.at == before.at);
    let mut gone: Vec<&Handover> = old.iter().filter(is_gone).collect();
    let mut moved = Vec::new();
    for after in new.iter().filter(|after| !old.iter().any(|before| before.at == after.at)) {
        let is_same = |before: &&Handover| {
            (&before.left, &before.came) == (&after.left, &after.came) && (before.at - after.at).abs() <= MOVED_MAX
        };
        if let Some(place) = gone.iter().position(is_same) {
            moved.push((gone.remove(place).at, after.clone()));
        }
    }
    moved
}

fn people(segment: &Segment<'_>) -> Vec<ResponderId> {
    segment.on_duty.iter().map(|&person| person.clone()).collect()
}

fn sorted(people: &[ResponderId]) -> Vec<ResponderId> {
    let mut people = people.to_vec();
    people.sort();
    people.dedup();
    people
}

#[cfg(test)]
mod tests;
