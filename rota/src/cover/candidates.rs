//! Whom to ask for cover: those who are free, least burdened first, each with the reason. It asks nobody.

use crate::ledger::{Clocks, load_of, members};
use crate::on_call::final_schedule;
use crate::operation::Operation;
use crate::quality::REST_MIN;
use crate::rota::{Rota, UnknownSchedule};
use crate::shifts::{intersection, shifts};
use crate::span::Span;
use crate::told;
use chrono::TimeDelta;
use incident::ResponderId;
use std::collections::BTreeMap;

/// How far on each side of the cover the load of a person is looked at: four weeks in all.
const AROUND: TimeDelta = TimeDelta::weeks(2);

/// A time in which somebody cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// Who.
    pub person: ResponderId,
    /// When.
    pub span: Span,
    /// Whether the entry says that nobody shall be asked for cover because of it: `[no cover]`.
    pub without_cover: bool,
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

/// Whom to ask to cover `asker` in `span`, the best first: the members of the schedule who are neither on duty on it nor away
/// at any moment of it. First those who are on no other schedule either, then by least time on duty in the four weeks around
/// it, then by fewest hours at night, then by id.
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
    let elsewhere = elsewhere(rota, schedule, operations, span)?;
    let mut free = Vec::new();
    for person in members(rota, schedule, span.start)? {
        let shifts = shifts.get(person).map(Vec::as_slice).unwrap_or_default();
        if person != asker && !is_away(person) && intersection(shifts, &[span]).is_empty() {
            let load = load_of(shifts, clocks.zone(person), &[]);
            let elsewhere = elsewhere.get(person).map(Vec::as_slice).unwrap_or_default();
            free.push(Free { person, duty: load.duty, at_night: load.at_night, shifts, elsewhere });
        }
    }
    free.sort_by_key(|free| (!free.elsewhere.is_empty(), free.duty, free.at_night, free.person));
    let least = free.iter().map(|free| free.duty).min().unwrap_or_default();
    Ok(free.iter().map(|free| free.candidate(span, least)).collect())
}

/// Somebody who has no duty on the schedule in the time of the cover.
struct Free<'f> {
    person: &'f ResponderId,
    duty: TimeDelta,
    at_night: TimeDelta,
    shifts: &'f [Span],
    elsewhere: &'f [&'f str],
}

impl Free<'_> {
    fn candidate(&self, span: Span, least: TimeDelta) -> Candidate {
        let place = if self.duty == least {
            ", the least".to_owned()
        } else {
            format!(", {} more than the least", told::length(self.duty - least))
        };
        let elsewhere = match self.elsewhere {
            [] => String::new(),
            schedules => format!("; then also on call on {}", schedules.join(", ")),
        };
        let (duty, rests) = (told::length(self.duty), short_rests(self.shifts, span));
        let because = format!("{duty} on call in the 4 weeks around it{place}{elsewhere}{rests}");
        Candidate { person: self.person.clone(), duty: self.duty, because }
    }
}

/// Who is on duty on which other schedules in that time.
fn elsewhere<'r>(
    rota: &'r Rota,
    schedule: &str,
    operations: &'r [Operation],
    span: Span,
) -> Result<BTreeMap<&'r ResponderId, Vec<&'r str>>, UnknownSchedule> {
    let own = &rota.schedule(schedule)?.name;
    let mut elsewhere: BTreeMap<&ResponderId, Vec<&str>> = BTreeMap::new();
    for other in rota.schedules.keys().filter(|other| *other != own) {
        for person in
            final_schedule(rota, other, operations, span.start, span.end)?.iter().flat_map(|segment| &segment.on_duty)
        {
            let others = elsewhere.entry(person).or_default();
            if !others.contains(&other.as_str()) {
                others.push(other);
            }
        }
    }
    Ok(elsewhere)
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
