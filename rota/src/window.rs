//! Rule W: the hours in which a layer is open, `Mon-Fri 08:00-20:00`. A window belongs to the local day in which it starts;
//! it starts at the first and ends at the last occurrence of a wall time that comes twice.

use crate::span::Span;
use crate::zone::{Occurrence, Zone};
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};

/// A window that opens on some days of every week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The weekdays on which it opens.
    pub days: Vec<Weekday>,
    /// The wall time at which it opens.
    pub from: NaiveTime,
    /// The wall time at which it closes.
    pub to: NaiveTime,
    /// How many days after it opens it closes: 0 or 1 for hours, up to 7 for `Fri 20:00 - Mon 08:00`.
    pub days_open: u8,
}

impl Window {
    /// The time in which it is open when it opens on `day`.
    fn opening(&self, day: NaiveDate, zone: &Zone) -> Option<Span> {
        if !self.days.contains(&day.weekday()) {
            return None;
        }
        let last_day = day.checked_add_days(Days::new(self.days_open.into()))?;
        let start = zone.instant(day.and_time(self.from), Occurrence::First);
        let end = zone.instant(last_day.and_time(self.to), Occurrence::Last);
        // On a day that a zone skipped, nothing opens.
        (start < end).then_some(Span { start, end })
    }
}

/// Whether a layer is open.
pub(crate) enum Hours {
    /// Open during at least this span.
    Open(Span),
    /// Closed during at least this span.
    Closed(Span),
}

/// Clocks were set back by at most a day, so a window of two days ahead may have opened and one of two days ago not closed.
const CLOCK_CHANGE_DAYS: i64 = 2;

/// Whether any of `windows` is open at `at` (no windows are always open), with a span around `at` in which that does not change.
pub(crate) fn hours(windows: &[Window], zone: &Zone, at: DateTime<Utc>) -> Hours {
    if windows.is_empty() {
        return Hours::Open(Span::ALWAYS);
    }
    let today = zone.wall(at).date();
    let mut closed = Span::ALWAYS;
    for window in windows {
        let days_back = i64::from(window.days_open) + CLOCK_CHANGE_DAYS;
        // A window opens at least once in any week; one more week for a day that the zone skipped.
        let days_ahead = CLOCK_CHANGE_DAYS + 14;
        for day in -days_back..=days_ahead {
            let Some(opening) =
                today.checked_add_signed(TimeDelta::days(day)).and_then(|day| window.opening(day, zone))
            else {
                continue;
            };
            if opening.contains(at) {
                return Hours::Open(opening);
            }
            closed = closed.cut(opening.end, at).cut(opening.start, at);
            if opening.start > at {
                break;
            }
        }
        // Whatever opened on an earlier day had closed when this day began.
        let searched_from = today - TimeDelta::days(CLOCK_CHANGE_DAYS - 1);
        closed = closed.cut(zone.instant(searched_from.and_time(NaiveTime::MIN), Occurrence::Last).min(at), at);
    }
    Hours::Closed(closed)
}

#[cfg(test)]
mod tests;
