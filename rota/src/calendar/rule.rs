//! Recurrence rules (RFC 5545, 3.3.10) on wall times: `FREQ=WEEKLY;BYDAY=MO,FR;UNTIL=20261231`.
//!
//! It knows no zones: whoever asks maps the wall times by rule L. Days, weeks, months and years with all that calendar
//! programs offer for them; what is finer than a day is refused in words.
//!
//! Own code and not the crate `rrule` 0.14: that drops the day of a midnight gap, refuses a start in the hour that comes
//! twice, and carries tzdata of 2025 (measured, see the issue of the calendars).

use super::clock::until;
use super::content::start_of;
use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, Weekday};

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    frequency: Frequency,
    /// Every how many days, weeks, months or years; 1 to 9999.
    interval: u32,
    /// How many times in all, the first included.
    count: Option<u32>,
    until: Option<Until>,
    weekdays: Vec<Day>,
    /// 1 to 31, or -1 to -31 from the end of the month.
    monthdays: Vec<i32>,
    months: Vec<u32>,
    /// Which of the days of a period count: 1 the first, -1 the last.
    positions: Vec<i32>,
    week_start: Weekday,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// A weekday, or the n-th of a month or year: `FR`, `1MO`, `-1SU`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Day {
    weekday: Weekday,
    nth: Option<i32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Until {
    wall: NaiveDateTime,
    is_date: bool,
    is_utc: bool,
}

impl Rule {
    /// Reads the value of an `RRULE`.
    ///
    /// # Errors
    /// In words, when a part of it is not understood.
    pub(super) fn read(value: &str) -> Result<Self, String> {
        let mut frequency = None;
        let mut rule = Self {
            frequency: Frequency::Daily,
            interval: 1,
            count: None,
            until: None,
            weekdays: Vec::new(),
            monthdays: Vec::new(),
            months: Vec::new(),
            positions: Vec::new(),
            week_start: Weekday::Mon,
        };
        for part in value.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let wrong = || format!("\"{}\" is not understood", start_of(part));
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            match name.to_ascii_uppercase().as_str() {
                "FREQ" => frequency = Some(read_frequency(value).ok_or_else(wrong)?),
                "INTERVAL" => rule.interval = in_range(value, 1, 9_999).ok_or_else(wrong)?,
                "COUNT" => rule.count = Some(in_range(value, 1, u32::MAX).ok_or_else(wrong)?),
                "UNTIL" => {
                    let (wall, is_date, is_utc) = until(value).ok_or_else(wrong)?;
                    rule.until = Some(Until { wall, is_date, is_utc });
                }
                "BYDAY" => rule.weekdays = list(value, read_day).ok_or_else(wrong)?,
                "BYMONTHDAY" => rule.monthdays = list(value, |day| signed(day, 31)).ok_or_else(wrong)?,
                "BYMONTH" => rule.months = list(value, |month| in_range(month, 1, 12)).ok_or_else(wrong)?,
                "BYSETPOS" => rule.positions = list(value, |place| signed(place, 366)).ok_or_else(wrong)?,
                "WKST" => rule.week_start = read_weekday(value).ok_or_else(wrong)?,
                name if name.starts_with("X-") => {}
                _ => return Err(wrong()),
            }
        }
        rule.frequency = frequency.ok_or("it has no FREQ")?;
        Ok(rule)
    }

    /// Adds to `walls` the first time, `start`, and each later one in `[from, to]`.
    ///
    /// `clock` says what the clock shows at a wall time of UTC. Each step of work is taken from `steps`; at 0 it stops.
    pub(super) fn expand(
        &self,
        start: NaiveDateTime,
        from: NaiveDateTime,
        to: NaiveDateTime,
        clock: impl Fn(NaiveDateTime) -> NaiveDateTime,
        steps: &mut u32,
        walls: &mut Vec<NaiveDateTime>,
    ) {
        walls.push(start);
        let last = self.until.map_or(to, |until| until.last(clock));
        let mut left = self.count.map(|count| count - 1);
        let first = if left.is_some() { 0 } else { self.period_before(start, from) };
        for number in first.. {
            let Some(period) = self.period(start, number).filter(|period| *period <= last.min(to).date()) else {
                return;
            };
            let Some(rest) = steps.checked_sub(self.days_looked_at()) else {
                *steps = 0;
                return;
            };
            *steps = rest;
            for wall in self.days(start.date(), period).into_iter().map(|day| day.and_time(start.time())) {
                if wall <= start {
                    continue;
                }
                if wall > last || wall > to || left == Some(0) {
                    return;
                }
                left = left.map(|left| left - 1);
                if wall >= from {
                    walls.push(wall);
                }
            }
        }
    }

    /// The number of a period that begins before `from`, counted from the one of `start`, and close to it.
    fn period_before(&self, start: NaiveDateTime, from: NaiveDateTime) -> i64 {
        let days = (from - start).num_days();
        let units = match self.frequency {
            Frequency::Daily => days,
            Frequency::Weekly => days / 7,
            Frequency::Monthly => months_since_zero(from.date()) - months_since_zero(start.date()),
            Frequency::Yearly => i64::from(from.year()) - i64::from(start.year()),
        };
        // Two back: the period of `start` began before it, and the division has cut.
        (units / i64::from(self.interval) - 2).max(0)
    }

    /// The first day of a period; `None` past the end of the calendar.
    fn period(&self, start: NaiveDateTime, number: i64) -> Option<NaiveDate> {
        let units = u64::try_from(number).ok()?.checked_mul(self.interval.into())?;
        let months = |units: u64| u32::try_from(units).ok().map(Months::new);
        let day = start.date();
        match self.frequency {
            Frequency::Daily => day.checked_add_days(Days::new(units)),
            Frequency::Weekly => day.week(self.week_start).checked_first_day()?.checked_add_days(Days::new(units * 7)),
            Frequency::Monthly => day.with_day(1)?.checked_add_months(months(units)?),
            Frequency::Yearly => NaiveDate::from_ymd_opt(day.year(), 1, 1)?.checked_add_months(months(units * 12)?),
        }
    }

    /// What a period costs.
    const fn days_looked_at(&self) -> u32 {
        match self.frequency {
            Frequency::Daily => 1,
            Frequency::Weekly => 7,
            Frequency::Monthly => 31,
            Frequency::Yearly => 366,
        }
    }

    /// The days of a period that the rule names, in order.
    fn days(&self, start: NaiveDate, period: NaiveDate) -> Vec<NaiveDate> {
        let in_period = |day: &NaiveDate| match self.frequency {
            Frequency::Daily | Frequency::Weekly => true,
            Frequency::Monthly => day.month() == period.month(),
            Frequency::Yearly => day.year() == period.year(),
        };
        let days = period.iter_days().take(self.days_looked_at() as usize).take_while(in_period);
        let days: Vec<NaiveDate> = days.filter(|day| self.names(start, *day)).collect();
        if self.positions.is_empty() {
            return days;
        }
        let count = i32::try_from(days.len()).unwrap_or(i32::MAX);
        let is_wanted = |place: i32| self.positions.contains(&(place + 1)) || self.positions.contains(&(place - count));
        (0..count).zip(days).filter(|(place, _)| is_wanted(*place)).map(|(_, day)| day).collect()
    }

    /// Whether the rule names a day of a period. What it leaves open is as it was at the start.
    fn names(&self, start: NaiveDate, day: NaiveDate) -> bool {
        let month = self.months.is_empty() || self.months.contains(&day.month());
        let monthday = self.monthdays.is_empty() || self.monthdays.iter().any(|wanted| is_monthday(day, *wanted));
        if !month || !monthday {
            return false;
        }
        let in_year = self.frequency == Frequency::Yearly && self.months.is_empty() && self.monthdays.is_empty();
        if !self.weekdays.is_empty() {
            return self.weekdays.iter().any(|wanted| wanted.is(day, in_year, self.frequency));
        }
        match self.frequency {
            Frequency::Daily => true,
            Frequency::Weekly => day.weekday() == start.weekday(),
            Frequency::Monthly | Frequency::Yearly if !self.monthdays.is_empty() => true,
            Frequency::Monthly => day.day() == start.day(),
            Frequency::Yearly => day.day() == start.day() && (!in_year || day.month() == start.month()),
        }
    }
}

impl Until {
    /// The last wall time that counts.
    fn last(self, clock: impl Fn(NaiveDateTime) -> NaiveDateTime) -> NaiveDateTime {
        match self {
            Self { wall, is_date: true, .. } => {
                wall.date().and_time(NaiveTime::MIN) + chrono::TimeDelta::seconds(86_399)
            }
            Self { wall, is_utc: true, .. } => clock(wall),
            Self { wall, .. } => wall,
        }
    }
}

impl Day {
    /// Whether it is that day; the n-th counts within the year or the month, and means nothing in a week.
    fn is(self, day: NaiveDate, in_year: bool, frequency: Frequency) -> bool {
        let counts = matches!(frequency, Frequency::Monthly | Frequency::Yearly);
        let Some(nth) = self.nth.filter(|_| counts) else { return day.weekday() == self.weekday };
        let (place, length) = if in_year {
            (day.ordinal0(), if day.leap_year() { 366 } else { 365 })
        } else {
            (day.day0(), month_length(day))
        };
        let week = if nth > 0 { place / 7 } else { (length - 1 - place) / 7 };
        day.weekday() == self.weekday && week + 1 == nth.unsigned_abs()
    }
}

/// Whether a day is the 15th, or with -1 the last of its month.
fn is_monthday(day: NaiveDate, wanted: i32) -> bool {
    let from_end = month_length(day) - day.day() + 1;
    (if wanted > 0 { day.day() } else { from_end }) == wanted.unsigned_abs()
}

/// How many days the month of `day` has.
fn month_length(day: NaiveDate) -> u32 {
    u32::from(day.num_days_in_month())
}

/// Months since year 0.
fn months_since_zero(day: NaiveDate) -> i64 {
    i64::from(day.year()) * 12 + i64::from(day.month0())
}

fn read_frequency(value: &str) -> Option<Frequency> {
    match value.trim().to_ascii_uppercase().as_str() {
        "DAILY" => Some(Frequency::Daily),
        "WEEKLY" => Some(Frequency::Weekly),
        "MONTHLY" => Some(Frequency::Monthly),
        "YEARLY" => Some(Frequency::Yearly),
        _ => None,
    }
}

fn read_weekday(value: &str) -> Option<Weekday> {
    match value.trim().to_ascii_uppercase().as_str() {
        "MO" => Some(Weekday::Mon),
        "TU" => Some(Weekday::Tue),
        "WE" => Some(Weekday::Wed),
        "TH" => Some(Weekday::Thu),
        "FR" => Some(Weekday::Fri),
        "SA" => Some(Weekday::Sat),
        "SU" => Some(Weekday::Sun),
        _ => None,
    }
}

fn read_day(value: &str) -> Option<Day> {
    let value = value.trim();
    let (nth, weekday) = value.split_at_checked(value.len().checked_sub(2)?)?;
    let nth = if nth.is_empty() { None } else { Some(signed(nth, 53)?) };
    Some(Day { weekday: read_weekday(weekday)?, nth })
}

/// A list of at most 100 values, all of them right.
fn list<T>(value: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    const VALUES_MAX: usize = 100;
    let values: Option<Vec<T>> = value.split(',').take(VALUES_MAX + 1).map(read).collect();
    values.filter(|values| values.len() <= VALUES_MAX)
}

fn in_range(value: &str, min: u32, max: u32) -> Option<u32> {
    value.trim().parse().ok().filter(|number| (min..=max).contains(number))
}

/// A number from -max to max, and not 0.
fn signed(value: &str, max: i32) -> Option<i32> {
    value.trim().parse().ok().filter(|number: &i32| *number != 0 && (-max..=max).contains(number))
}

#[cfg(test)]
mod tests;
