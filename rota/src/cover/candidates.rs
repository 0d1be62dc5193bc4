//! Whom to ask for cover: those who are free, least burdened first, each with the reason. It asks nobody.

use crate::ledger::{Clocks, load_of};
use crate::on_call::final_schedule;
use crate::operation::Operation;
use crate::rota::{Rota, UnknownSchedule};
use crate::shifts::{intersection, shifts};
use crate::span::Span;
use crate::told;
use chrono::TimeDelta;
use incident::ResponderId;

/// How far on each side of the cover the load of a person is looked at: four weeks in all.
const AROUND: TimeDelta = TimeDelta::weeks(2);

/// A rest that is shorter than this is worth a warning; see [`crate::Measure::Rests`].
const REST_MIN: TimeDelta = TimeDelta::hours(11);

/// A time in which somebody cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// Who.
    pub person: ResponderId,
    /// When.
    pub span: Span,
}

/// Somebody who can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub person: ResponderId,
    /// The time on duty in the four weeks around the cover, without the cover itself.
    pub duty: TimeDelta,
    /// Why in this place: `168 h on call in the 4 weeks around it, the least`.
    pub because: String,
}

/// Whom to ask to cover `asker` in `span`, the best first: the members of the schedule who are neither on duty nor away at
/// any moment of it, by least time on duty in the four weeks around it, then by fewest hours at night, then by id.
///
/// # Errors
/// When there is no such schedule.
pub fn whom_to_ask(
    rota: &Rota,
    schedule: &str,
    operations: &[Operation],
    asker: &ResponderId,
    span: Span,
    away: &[Away],
    clocks: &Clocks,
) -> Result<Vec<Candidate>, UnknownSchedule> {
    let around = Span { start: span.start - AROUND, end: span.end + AROUND };
    let shifts = shifts(&final_schedule(rota, schedule, operations, around.start, around.end)?);
    let is_away = |person: &ResponderId| {
        away.iter().any(|away| away.person == *person && !intersection(&[away.span], &[span]).is_empty())
    };
    let mut free = Vec::new();
    for member in rota.members(schedule)? {
        let shifts = shifts.get(member).map(Vec::as_slice).unwrap_or_default();
        if member != asker && !is_away(member) && intersection(shifts, &[span]).is_empty() {
            let load = load_of(shifts, clocks.zone(member), &[]);
            free.push((load.duty, load.at_night, member, shifts));
        }
    }
    free.sort_by_key(|(duty, at_night, member, _)| (*duty, *at_night, *member));
    let least = free.first().map(|(duty, _, member, _)| (*duty, *member));
    let candidate = |(duty, _, member, shifts): (TimeDelta, _, &ResponderId, &[Span])| {
        let place = match least {
            Some((_, first)) if first == member => ", the least".to_owned(),
            Some((duty_least, first)) if duty_least < duty => {
                format!(", {} more than {first}", told::length(duty - duty_least))
            }
            _ => ", as little as the first".to_owned(),
        };
        let because =
            format!("{} on call in the 4 weeks around it{place}{}", told::length(duty), short_rests(shifts, span));
        Candidate { person: member.clone(), duty, because }
    };
    Ok(free.into_iter().map(candidate).collect())
}

/// A warning of rests that the cover would make too short, else nothing.
fn short_rests(shifts: &[Span], span: Span) -> String {
    let before = shifts.iter().rev().find(|shift| shift.end <= span.start).map(|shift| span.start - shift.end);
    let after = shifts.iter().find(|shift| shift.start >= span.end).map(|shift| shift.start - span.end);
    let short = |rest: Option<TimeDelta>, side: &str| {
        let rest = rest.filter(|rest| *rest < REST_MIN)?;
        Some(if rest.is_zero() {
            format!("on call right {side} it")
        } else {
            format!("only {} of rest {side} it", told::length(rest))
        })
    };
    [short(before, "before"), short(after, "after")]
        .into_iter()
        .flatten()
        .map(|warning| format!("; {warning}"))
        .collect()
}
