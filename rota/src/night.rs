//! Which time is night, weekend or holiday for somebody in a zone. By rule L such a time starts at the first and ends at the
//! last occurrence of its wall times.

use crate::shifts::{append, union};
use crate::span::Span;
use crate::zone::{Occurrence, Zone};
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Utc, Weekday};

/// When a night starts on the clock.
const STARTS: NaiveTime = NaiveTime::from_hms_opt(22, 0, 0).expect("22:00 exists");
/// When it ends on the next day: the night of most laws on night work.
const ENDS: NaiveTime = NaiveTime::from_hms_opt(6, 0, 0).expect("06:00 exists");

/// The nights that touch `span`, 22:00 to 06:00, each whole.
pub(crate) fn nights(span: Span, zone: &Zone) -> Vec<Span> {
    touching(
        span,
        days(span, zone).filter_map(|day| between(day, STARTS, day.checked_add_days(Days::new(1))?, ENDS, zone)),
    )
}

/// Whether `at` is at night.
pub(crate) fn is_night(at: DateTime<Utc>, zone: &Zone) -> bool {
    nights(Span { start: at, end: at }, zone).iter().any(|night| night.contains(at))
}

/// The weekends that touch `span`, Saturday 00:00 to Monday 00:00.
pub(crate) fn weekends(span: Span, zone: &Zone) -> Vec<Span> {
    let saturdays = days(span, zone).filter(|day| day.weekday() == Weekday::Sat);
    touching(
        span,
        saturdays
            .filter_map(|day| between(day, NaiveTime::MIN, day.checked_add_days(Days::new(2))?, NaiveTime::MIN, zone)),
    )
}

/// Those `dates`, in any order, that touch `span`, each from 00:00 to 00:00; days that follow each other are one time.
pub(crate) fn whole_days(dates: &[NaiveDate], span: Span, zone: &Zone) -> Vec<Span> {
    let days = dates.iter().filter_map(|&day| between(day, NaiveTime::MIN, day.succ_opt()?, NaiveTime::MIN, zone));
    union(days.filter(|day| touches(day, span)).collect())
}

/// The local days in which something that touches `span` may have started: two days more in front, for a weekend that is
/// running, and one for a day that the zone skipped.
fn days(span: Span, zone: &Zone) -> impl Iterator<Item = NaiveDate> {
    let (first, last) = (zone.wall(span.start).date(), zone.wall(span.end).date());
    let first = first.checked_sub_days(Days::new(3)).unwrap_or(first);
    first.iter_days().take_while(move |day| *day <= last)
}

/// The time between two wall times; `None` when clocks skipped all of it.
fn between(first: NaiveDate, from: NaiveTime, last: NaiveDate, to: NaiveTime, zone: &Zone) -> Option<Span> {
    let start = zone.instant(first.and_time(from), Occurrence::First);
    let end = zone.instant(last.and_time(to), Occurrence::Last);
    (start < end).then_some(Span { start, end })
}

/// Whether a time shares time with `span`, or holds its instant when it is one.
fn touches(time: &Span, span: Span) -> bool {
    time.end > span.start && time.start <= span.end
}

/// Those that touch `span`, of candidates in order. Where a zone skipped a day, two may be one.
fn touching(span: Span, candidates: impl Iterator<Item = Span>) -> Vec<Span> {
    let mut found = Vec::new();
    candidates.filter(|time| touches(time, span)).for_each(|time| append(&mut found, time));
    found
}

#[cfg(test)]
mod tests;
