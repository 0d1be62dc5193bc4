//! Shifts: who is on duty from when until when, read off the segments of `final_schedule`; and the arithmetic of lists of
//! spans that every report is written with. It decides nobody's duty itself.
//!
//! A list of spans here is always in order, and its spans neither overlap nor touch.

use crate::on_call::Segment;
use crate::span::Span;
use chrono::TimeDelta;
use incident::ResponderId;
use std::collections::BTreeMap;

/// Each person's shifts. A shift is a time on duty without a break, whatever the reasons: two turns that follow each other
/// are one shift, and a turn of five working days is five. A shift that runs over an end of the segments is cut there.
#[must_use]
pub fn shifts(segments: &[Segment<'_>]) -> BTreeMap<ResponderId, Vec<Span>> {
    let mut shifts: BTreeMap<ResponderId, Vec<Span>> = BTreeMap::new();
    for segment in segments {
        for &person in &segment.on_duty {
            let span = Span { start: segment.start, end: segment.end };
            match shifts.get_mut(person) {
                Some(earlier) => append(earlier, span),
                None => drop(shifts.insert(person.clone(), vec![span])),
            }
        }
    }
    shifts
}

/// Adds a span that starts nowhere before the last one; what touches or overlaps becomes one.
pub(crate) fn append(spans: &mut Vec<Span>, span: Span) {
    match spans.last_mut() {
        Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
        _ if span.start < span.end => spans.push(span),
        _ => {}
    }
}

/// Any spans as a list: in order, what touches or overlaps as one, without empty ones.
pub(crate) fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| span.start);
    let mut joined = Vec::new();
    spans.into_iter().filter(|span| span.start < span.end).for_each(|span| append(&mut joined, span));
    joined
}

/// The time that is in both lists.
pub(crate) fn intersection(left: &[Span], right: &[Span]) -> Vec<Span> {
    let mut both = Vec::new();
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    while let (Some(one), Some(other)) = (left.peek(), right.peek()) {
        let common = one.and(**other);
        let one_ends_first = one.end <= other.end;
        if common.start < common.end {
            append(&mut both, common);
        }
        if one_ends_first {
            left.next()
        } else {
            right.next()
        };
    }
    both
}

/// The time that is in `spans` and not in `taken`.
pub(crate) fn difference(spans: &[Span], taken: &[Span]) -> Vec<Span> {
    let mut left = Vec::new();
    for span in spans {
        let mut start = span.start;
        // Lists are in order, so what lies before this span is found by halving.
        let first = taken.partition_point(|taken| taken.end <= span.start);
        for taken in taken.iter().skip(first).take_while(|taken| taken.start < span.end) {
            append(&mut left, Span { start, end: taken.start });
            start = taken.end;
        }
        append(&mut left, Span { start, end: span.end });
    }
    left
}

/// How long they are together.
pub(crate) fn total(spans: &[Span]) -> TimeDelta {
    spans.iter().map(Span::length).sum()
}

#[cfg(test)]
mod tests;
