//! Who is on call at an instant and why, and the same over a time. All of it comes from `sweep`: paging, Slack, the calendar
//! and the console can therefore never disagree. Wherever a schedule is named, `payments/secondary` names who is second.

use crate::operation::Operation;
use crate::rota::{Rota, UnknownSchedule};
use crate::rotation::Role;
use crate::schedule::Turn;
use crate::sentence;
use crate::span::Span;
use crate::sweep::{Duty, People, Piece, Sweep, who};
use crate::ticks::{instant, tick};
use crate::zone::Nearby;
use chrono::{DateTime, Utc};
use incident::ResponderId;
use std::collections::BTreeMap;

/// Who is on call at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnCall {
    /// The people, first to be paged first; nobody when empty.
    pub on_duty: Vec<ResponderId>,
    /// Since when exactly these people; `None` when further back than the search goes ([`SEARCH_PIECES_MAX`]).
    pub since: Option<DateTime<Utc>>,
    /// Until when exactly these people; `None` when further ahead than the search goes.
    pub until: Option<DateTime<Utc>>,
    /// A sentence without a full stop: `turn 37 of weekly (every week from Mon 5 Jan 2026 09:00 Europe/Madrid)`.
    pub because: String,
    /// The next time after `until` at which somebody is on call; it starts later than `until` when nobody is between.
    pub next: Option<Next>,
}

/// Who comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// The people.
    pub on_duty: Vec<ResponderId>,
    /// From when.
    pub start: DateTime<Utc>,
}

/// A time in which the same people are on duty for the same reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment<'r> {
    /// From when, included.
    pub start: DateTime<Utc>,
    /// Until when, excluded; always after `start`.
    pub end: DateTime<Utc>,
    /// The people, first to be paged first; nobody when empty.
    pub on_duty: Vec<&'r ResponderId>,
    /// Why these.
    pub reason: Reason<'r>,
}

/// Why somebody is on duty: what counted, not what was asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason<'r> {
    /// The turns that count.
    pub turns: Vec<Turn>,
    /// The operations that changed something, in the order of creation.
    pub operations: Vec<&'r Operation>,
}

/// How many pieces of a schedule are looked at on each side for `since`, `until` and `next`: more than a month of daily
/// handoffs with a window.
pub const SEARCH_PIECES_MAX: usize = 96;

/// The years that are answered for, 1900 to 2250; an instant outside is answered as the nearer end.
pub(crate) const ANSWERED: Span = Span {
    start: DateTime::from_timestamp(-2_208_988_800, 0).expect("1900 is in the calendar"),
    end: DateTime::from_timestamp(8_835_955_200, 0).expect("2250 is in the calendar"),
};

/// Who is on call on `schedule` at `at`, with the reason, the time since and until, and who is next.
///
/// # Errors
/// When there is no such schedule.
pub fn on_call(
    rota: &Rota,
    schedule: &str,
    operations: &[Operation],
    at: DateTime<Utc>,
) -> Result<OnCall, UnknownSchedule> {
    let (schedule, role) = rota.role(schedule)?;
    let at = at.clamp(ANSWERED.start, ANSWERED.end);
    let mut sweep = Sweep::new(schedule, role, operations);
    let now = sweep.piece(tick(at));
    let others = |piece: &Piece<'_>| piece.duty.people != now.duty.people;
    let later = find(&mut sweep, &now, Way::Ahead, others);
    let until = later.as_ref().map(|piece| instant(piece.ticks.start));
    let next = match later {
        Some(gap) if gap.duty.people.is_empty() => {
            find(&mut sweep, &gap, Way::Ahead, |piece| !piece.duty.people.is_empty())
        }
        later => later,
    };
    let earlier = find(&mut sweep, &now, Way::Back, others);
    let people = owned(&now.duty.people);
    Ok(OnCall {
        because: sentence::because(schedule, role, &now.duty.reason(), at),
        on_duty: people,
        since: earlier.map(|piece| instant(piece.ticks.end)),
        until,
        next: next.map(|next| Next { on_duty: owned(&next.duty.people), start: instant(next.ticks.start) }),
    })
}

/// The people on duty on `schedule` at `at` and why, without looking at any other instant.
///
/// # Errors
/// When there is no such schedule.
pub fn on_duty<'r>(
    rota: &'r Rota,
    schedule: &str,
    operations: &'r [Operation],
    at: DateTime<Utc>,
) -> Result<(Vec<&'r ResponderId>, Reason<'r>), UnknownSchedule> {
    let (schedule, role) = rota.role(schedule)?;
    let duty = who(schedule, role, operations, at.clamp(ANSWERED.start, ANSWERED.end), &mut Nearby::default());
    let reason = duty.reason();
    Ok((duty.people.to_vec(), reason))
}

/// The people on duty on `schedule` at `at`, without a reason: the cheapest question. It asks for no memory, unless more
/// than eight people are on duty together.
///
/// # Errors
/// When there is no such schedule.
pub fn people_on_duty<'r>(
    rota: &'r Rota,
    schedule: &str,
    operations: &'r [Operation],
    at: DateTime<Utc>,
) -> Result<People<'r>, UnknownSchedule> {
    let (schedule, role) = rota.role(schedule)?;
    Ok(who(schedule, role, operations, at.clamp(ANSWERED.start, ANSWERED.end), &mut Nearby::default()).people)
}

/// The people on duty everywhere at `at`: each schedule with its name, in the order of the names. Operations are handed out
/// to their schedules once, so that many of either cost no more than they have to.
pub fn everywhere<'r>(
    rota: &'r Rota,
    operations: &'r [Operation],
    at: DateTime<Utc>,
) -> impl Iterator<Item = (&'r str, People<'r>)> {
    let at = at.clamp(ANSWERED.start, ANSWERED.end);
    let mut applying: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in operations.iter().filter(|operation| operation.span().contains(at)) {
        let (name, _) = Role::named(&operation.schedule);
        applying.entry(name).or_default().push(operation);
    }
    let mut nearby = Nearby::default();
    rota.schedules.values().map(move |schedule| {
        let here = applying.get(schedule.name.as_str()).into_iter().flatten().copied();
        (schedule.name.as_str(), who(schedule, Role::Primary, here, at, &mut nearby).people)
    })
}

/// The whole of `[from, to)` in segments that follow each other without a gap; a time with nobody is a segment too.
///
/// # Errors
/// When there is no such schedule.
pub fn final_schedule<'r>(
    rota: &'r Rota,
    schedule: &str,
    operations: &'r [Operation],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Segment<'r>>, UnknownSchedule> {
    let (schedule, role) = rota.role(schedule)?;
    let mut sweep = Sweep::new(schedule, role, operations);
    let mut segments: Vec<Segment<'r>> = Vec::new();
    let (mut at, to) = (answered(from), answered(to));
    let mut start = instant(at);
    while at < to {
        let Piece { ticks, duty } = sweep.piece(at);
        at = ticks.end.min(to);
        let end = instant(at);
        match segments.last_mut() {
            Some(last) if duty.is_that_of(last) => last.end = end,
            _ => segments.push(Segment { start, end, on_duty: duty.people.to_vec(), reason: duty.reason() }),
        }
        start = end;
    }
    Ok(segments)
}

impl<'r> Duty<'r> {
    fn reason(&self) -> Reason<'r> {
        Reason { turns: self.turns.to_vec(), operations: self.operations.to_vec() }
    }

    fn is_that_of(&self, segment: &Segment<'_>) -> bool {
        self.turns[..] == segment.reason.turns[..]
            && self.people[..] == segment.on_duty[..]
            && self.operations[..] == segment.reason.operations[..]
    }
}

fn answered(at: DateTime<Utc>) -> i64 {
    tick(at.clamp(ANSWERED.start, ANSWERED.end))
}

/// The two directions of time.
#[derive(Clone, Copy)]
enum Way {
    Back,
    Ahead,
}

/// Walks from `from` piece by piece, until `wanted`; gives up at the end of time or of [`SEARCH_PIECES_MAX`].
fn find<'r>(
    sweep: &mut Sweep<'r>,
    from: &Piece<'r>,
    way: Way,
    wanted: impl Fn(&Piece<'r>) -> bool,
) -> Option<Piece<'r>> {
    let mut ticks = from.ticks;
    for _ in 0..SEARCH_PIECES_MAX {
        let at = match way {
            Way::Back if ticks.start > tick(ANSWERED.start) => ticks.start - 1,
            Way::Ahead if ticks.end < tick(ANSWERED.end) => ticks.end,
            Way::Back | Way::Ahead => return None,
        };
        let piece = sweep.piece(at);
        if wanted(&piece) {
            return Some(piece);
        }
        ticks = piece.ticks;
    }
    None
}

fn owned(people: &[&ResponderId]) -> Vec<ResponderId> {
    people.iter().map(|&person| person.clone()).collect()
}

#[cfg(test)]
mod tests;
