//! The times in which nobody is on duty: exactly what the schedule does not cover, whatever the reason. Whether a gap is
//! meant (an office closes at night) is not judged here.

use crate::on_call::{Segment, final_schedule};
use crate::operation::Operation;
use crate::rota::{Rota, UnknownSchedule};
use crate::shifts::append;
use crate::span::Span;
use chrono::{DateTime, Utc};

/// The times in `[from, to)` in which nobody is on duty on `schedule`, in order; none of them touches the next.
///
/// # Errors
/// When there is no such schedule.
pub fn gaps(
    rota: &Rota,
    schedule: &str,
    operations: &[Operation],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Span>, UnknownSchedule> {
    final_schedule(rota, schedule, operations, from, to).map(|segments| gaps_of(&segments))
}

/// The gaps of segments that are at hand already.
pub(crate) fn gaps_of(segments: &[Segment<'_>]) -> Vec<Span> {
    let mut gaps = Vec::new();
    let empty = segments.iter().filter(|segment| segment.on_duty.is_empty());
    empty.for_each(|segment| append(&mut gaps, Span { start: segment.start, end: segment.end }));
    gaps
}

#[cfg(test)]
mod tests;
