//! Who is on duty while a calendar says that they are away: found out ahead, so that somebody else can be asked. It changes
//! nobody's duty.

use crate::cover::Away;
use crate::on_call::final_schedule;
use crate::operation::Operation;
use crate::rota::{Rota, UnknownSchedule};
use crate::shifts::{intersection, shifts, union};
use crate::span::Span;
use incident::ResponderId;
use std::collections::BTreeMap;

/// The times in `within` in which somebody is on duty on `schedule` and away, by person; each list is in order.
///
/// # Errors
/// When there is no such schedule.
pub fn away_on_duty(
    rota: &Rota,
    schedule: &str,
    operations: &[Operation],
    within: Span,
) -> Result<BTreeMap<ResponderId, Vec<Span>>, UnknownSchedule> {
    rota.role(schedule)?;
    if rota.away.is_empty() {
        return Ok(BTreeMap::new());
    }
    let shifts = shifts(&final_schedule(rota, schedule, operations, within.start, within.end)?);
    let clashes = shifts.into_iter().filter_map(|(person, on_duty)| {
        let both = intersection(&on_duty, &away_of(rota, &person, within));
        (!both.is_empty()).then_some((person, both))
    });
    Ok(clashes.collect())
}

/// When somebody is away within a time, in order.
#[must_use]
pub fn away_of(rota: &Rota, person: &ResponderId, within: Span) -> Vec<Span> {
    let own = rota.away.iter().filter(|Away { person: away, .. }| away == person);
    union(own.map(|away| away.span.and(within)).collect())
}

#[cfg(test)]
mod tests;
