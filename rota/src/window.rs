//! Rule W: the hours in which a layer is open, `Mon-Fri 08:00-20:00`. A window belongs to the local day in which it starts;
//! it starts at the first and ends at the last occurrence of a wall time that comes twice.

use crate::ticks::Ticks;
use crate::zone::{DAY_SECONDS, Near, Occurrence};
use chrono::{Datelike, Month, NaiveDate, NaiveTime, Timelike, Weekday, WeekdaySet};

/// A window that opens on some days of every week, or on some days of every month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The weekdays on which it opens.
    pub days: WeekdaySet,
    /// The days of the month on which it opens, when they are weekdays of `days` too; all, when none is named.
    pub month_days: MonthDays,
    /// The wall time at which it opens.
    pub from: NaiveTime,
    /// The wall time at which it closes.
    pub to: NaiveTime,
    /// How many days after it opens it closes: 0 or 1 for hours, up to 7 for `Fri 20:00 - Mon 08:00`.
    pub days_open: u8,
}

/// Days of the month, from the first, 1 to 31, or from the last, -1 to -31. None at all stands for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MonthDays {
    from_first: u32,
    from_last: u32,
}

impl MonthDays {
    /// These days; `None` when one of them is no day of a month.
    #[must_use]
    pub fn new(days: &[i64]) -> Option<Self> {
        let mut all = Self::default();
        for day in days {
            let bit =
                1_u32.checked_shl(u32::try_from(day.unsigned_abs()).ok().filter(|day| (1..=31).contains(day))?)?;
            if *day > 0 {
                all.from_first |= bit;
            } else {
                all.from_last |= bit;
            }
        }
        Some(all)
    }

    /// Whether none is named.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.from_first == 0 && self.from_last == 0
    }

    /// Whether both have a day in common.
    #[cfg(test)]
    pub(crate) const fn overlaps(self, other: Self) -> bool {
        self.from_first & other.from_first != 0 || self.from_last & other.from_last != 0
    }

    /// Whether the day since 1970 is one of them.
    #[inline]
    fn contains(self, day: i64) -> bool {
        let date = i32::try_from(day).ok().and_then(NaiveDate::from_epoch_days);
        date.is_some_and(|date| {
            let month = Month::try_from(u8::try_from(date.month()).unwrap_or(1)).ok();
            let length = month.and_then(|month| month.num_days(date.year())).unwrap_or(31);
            let from_last = u32::from(length) + 1 - date.day();
            self.from_first >> date.day() & 1 == 1 || self.from_last >> from_last & 1 == 1
        })
    }
}

impl Window {
    /// Whether it opens on the day `day` since 1970.
    #[inline]
    fn opens_on(&self, day: i64) -> bool {
        self.days.contains(weekday(day)) && (self.month_days.is_empty() || self.month_days.contains(day))
    }

    /// The time in which it is open when it opens on the day `day` since 1970, in seconds since 1970.
    #[inline]
    fn opening(&self, day: i64, near: &Near<'_>) -> Option<(i64, i64)> {
        let midnight = day * DAY_SECONDS;
        let (opens, closes) = self.clock();
        let start = near.second(midnight + opens, Occurrence::First);
        let end = near.second(midnight + closes, Occurrence::Last);
        // On a day that a zone skipped, nothing opens.
        (start < end).then_some((start, end))
    }

    /// The wall time at which it opens and the one at which it closes, in seconds from the midnight of the day it opens.
    #[inline]
    fn clock(&self) -> (i64, i64) {
        let closes = i64::from(self.days_open) * DAY_SECONDS + i64::from(self.to.num_seconds_from_midnight());
        (self.from.num_seconds_from_midnight().into(), closes)
    }

    /// While it is open, how long, where no clock is moved near the instant: wall times are as far apart as they look.
    #[inline]
    fn open_in_calm(&self, near: &Near<'_>, today: i64) -> Option<Ticks> {
        let (opens, closes) = self.clock();
        let mut since_midnight = near.wall() - today * DAY_SECONDS;
        for day in 0..=i64::from(self.days_open) {
            if opens <= since_midnight && since_midnight < closes && self.opens_on(today - day) {
                let midnight = near.at() - since_midnight;
                return Some(Ticks::of_seconds(midnight + opens, midnight + closes));
            }
            since_midnight += DAY_SECONDS;
        }
        None
    }

    /// While it is open, how long, in the days around a change of clocks.
    fn open_in_change(&self, near: &Near<'_>, today: i64) -> Option<Ticks> {
        // A day early by the calendar can be the same day by the clock, where clocks were moved over midnight.
        let days = today - i64::from(self.days_open) - CLOCK_CHANGE_DAYS..=today + CLOCK_CHANGE_DAYS;
        let openings = days.filter(|day| self.opens_on(*day)).filter_map(|day| self.opening(day, near));
        let mut now = openings.filter(|(start, end)| *start <= near.at() && near.at() < *end);
        now.next().map(|(start, end)| Ticks::of_seconds(start, end))
    }
}

/// Clocks were set back by at most a day, so a window of two days ahead may have opened and one of two days ago not closed.
const CLOCK_CHANGE_DAYS: i64 = 2;

/// No window of a file is open for longer, in days; one that was made by hand is asked the slow way.
const DAYS_OPEN_MAX: u8 = 7;

/// How many days ahead the next opening is looked for: a window of a week opens within seven, and one more week is for a day
/// that the zone skipped. When none is found, it is closed for at least so long, which is all that is said.
const DAYS_AHEAD: i64 = CLOCK_CHANGE_DAYS + 14;

/// While one of `windows` is open, how long that one is; no windows are always open. `None` when all are closed.
#[inline]
pub(crate) fn open(windows: &[Window], near: &Near<'_>) -> Option<Ticks> {
    if windows.is_empty() {
        return Some(Ticks::ALWAYS);
    }
    let today = today(near);
    let calm = near.is_calm(i64::from(DAYS_OPEN_MAX) + CLOCK_CHANGE_DAYS);
    let now = |window: &Window| {
        if calm && window.days_open <= DAYS_OPEN_MAX {
            window.open_in_calm(near, today)
        } else {
            window.open_in_change(near, today)
        }
    };
    windows.iter().find_map(now)
}

/// A time around the instant in which all of `windows` stay closed, when they are closed.
pub(crate) fn closed(windows: &[Window], near: &Near<'_>) -> Ticks {
    let at = near.at();
    let today = today(near);
    let edge = |day: i64| near.second(day * DAY_SECONDS, Occurrence::First);
    // What opened on an earlier day had closed when this day began, and what opens later begins on a later day.
    let (mut start, mut end) = (edge(today - CLOCK_CHANGE_DAYS + 1).min(at), edge(today + DAYS_AHEAD).max(at + 1));
    for window in windows {
        for day in today - i64::from(window.days_open) - CLOCK_CHANGE_DAYS..today + DAYS_AHEAD {
            let Some((opens, closes)) = window.opens_on(day).then(|| window.opening(day, near)).flatten() else {
                continue;
            };
            if closes <= at {
                start = start.max(closes);
            }
            if opens > at {
                end = end.min(opens);
                break;
            }
        }
    }
    Ticks::of_seconds(start, end)
}

/// The day since 1970 that clocks show.
#[inline]
fn today(near: &Near<'_>) -> i64 {
    near.wall().div_euclid(DAY_SECONDS)
}

/// 1970-01-01 was a Thursday.
#[inline]
const fn weekday(day: i64) -> Weekday {
    match day.rem_euclid(7) {
        0 => Weekday::Thu,
        1 => Weekday::Fri,
        2 => Weekday::Sat,
        3 => Weekday::Sun,
        4 => Weekday::Mon,
        5 => Weekday::Tue,
        _ => Weekday::Wed,
    }
}

#[cfg(test)]
mod tests;
