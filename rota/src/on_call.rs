//! Who is on call at an instant and why, and the same over a time. There is one function under both, [`piece`]: paging,
//! Slack, the calendar and the console can therefore never disagree.

use crate::operation::{Change, Operation};
use crate::rota::{Rota, UnknownSchedule};
use crate::schedule::{Schedule, Turn};
use crate::sentence;
use crate::span::Span;
use chrono::{DateTime, TimeDelta, Utc};
use incident::ResponderId;

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

/// The years that are answered for, 1900 to 2900; an instant outside is answered as the nearer end.
const ANSWERED: Span = Span {
    start: DateTime::from_timestamp(-2_208_988_800, 0).expect("1900 is in the calendar"),
    end: DateTime::from_timestamp(29_348_006_400, 0).expect("2900 is in the calendar"),
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
    let schedule = rota.schedule(schedule)?;
    let at = at.clamp(ANSWERED.start, ANSWERED.end);
    let operations = operations_of(schedule, operations);
    let now = piece(schedule, &operations, at);
    let others = |piece: &Piece<'_>| piece.on_duty != now.on_duty;
    let earlier = find(schedule, &operations, &now, Way::Back, others);
    let later = find(schedule, &operations, &now, Way::Ahead, others);
    let until = later.as_ref().map(|piece| piece.span.start);
    let next = match later {
        Some(gap) if gap.on_duty.is_empty() => {
            find(schedule, &operations, &gap, Way::Ahead, |piece| !piece.on_duty.is_empty())
        }
        later => later,
    };
    Ok(OnCall {
        because: sentence::because(schedule, &now.reason, at),
        on_duty: owned(&now.on_duty),
        since: earlier.map(|piece| piece.span.end),
        until,
        next: next.map(|next| Next { on_duty: owned(&next.on_duty), start: next.span.start }),
    })
}

/// The people on duty on `schedule` at `at` and why, without looking at any other instant: the cheapest question.
///
/// # Errors
/// When there is no such schedule.
pub fn on_duty<'r>(
    rota: &'r Rota,
    schedule: &str,
    operations: &'r [Operation],
    at: DateTime<Utc>,
) -> Result<(Vec<&'r ResponderId>, Reason<'r>), UnknownSchedule> {
    let schedule = rota.schedule(schedule)?;
    let now = piece(schedule, &operations_of(schedule, operations), at.clamp(ANSWERED.start, ANSWERED.end));
    Ok((now.on_duty, now.reason))
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
    let schedule = rota.schedule(schedule)?;
    let operations = operations_of(schedule, operations);
    let mut segments: Vec<Segment<'r>> = Vec::new();
    let mut start = from.clamp(ANSWERED.start, ANSWERED.end);
    let to = to.clamp(ANSWERED.start, ANSWERED.end);
    while start < to {
        let piece = piece(schedule, &operations, start);
        let end = piece.span.end.min(to);
        match segments.last_mut() {
            Some(last) if last.on_duty == piece.on_duty && last.reason == piece.reason => last.end = end,
            _ => segments.push(Segment { start, end, on_duty: piece.on_duty, reason: piece.reason }),
        }
        start = end;
    }
    Ok(segments)
}

/// The answer at an instant, with a span around it in which the answer stays the same.
struct Piece<'r> {
    span: Span,
    on_duty: Vec<&'r ResponderId>,
    reason: Reason<'r>,
}

/// The one function that says who is on duty: what the layers say, changed by the operations in the order of creation.
fn piece<'r>(schedule: &'r Schedule, operations: &[&'r Operation], at: DateTime<Utc>) -> Piece<'r> {
    let mut on_duty = Vec::new();
    let mut reason = Reason { turns: Vec::new(), operations: Vec::new() };
    let mut span = schedule.base(at, &mut on_duty, &mut reason.turns);
    for operation in operations {
        span = span.cut(operation.start, at).cut(operation.end, at);
        if operation.span().contains(at) && operation.change.apply(&mut on_duty) {
            if matches!(operation.change, Change::ReplaceAll { .. }) {
                reason.turns.clear();
                reason.operations.clear();
            }
            reason.operations.push(operation);
        }
    }
    Piece { span, on_duty, reason }
}

/// The operations on one schedule, in the order of creation, without those that can never apply.
fn operations_of<'r>(schedule: &Schedule, operations: &'r [Operation]) -> Vec<&'r Operation> {
    let here = |operation: &&Operation| operation.schedule == schedule.name && operation.start < operation.end;
    let mut operations: Vec<&Operation> = operations.iter().filter(here).collect();
    operations.sort_by_key(|operation| operation.number);
    operations
}

/// The two directions of time.
#[derive(Clone, Copy)]
enum Way {
    Back,
    Ahead,
}

/// Walks from `from` piece by piece, until `wanted`; gives up at the end of time or of [`SEARCH_PIECES_MAX`].
fn find<'r>(
    schedule: &'r Schedule,
    operations: &[&'r Operation],
    from: &Piece<'r>,
    way: Way,
    wanted: impl Fn(&Piece<'r>) -> bool,
) -> Option<Piece<'r>> {
    let mut span = from.span;
    for _ in 0..SEARCH_PIECES_MAX {
        let at = match way {
            Way::Back if span.start > ANSWERED.start => span.start - TimeDelta::nanoseconds(1),
            Way::Ahead if span.end < ANSWERED.end => span.end,
            Way::Back | Way::Ahead => return None,
        };
        let piece = piece(schedule, operations, at);
        if wanted(&piece) {
            return Some(piece);
        }
        span = piece.span;
    }
    None
}

fn owned(people: &[&ResponderId]) -> Vec<ResponderId> {
    people.iter().map(|&person| person.clone()).collect()
}

#[cfg(test)]
mod tests;
