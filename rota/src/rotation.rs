//! Rule R: whose turn it is. Turn `k` starts at the anchor plus `k` lengths of wall time, for every whole number `k`, also
//! before the anchor. The turn of an instant is computed from that grid directly: nothing steps from the anchor, so the
//! cost and the answer do not depend on how old the anchor is.

use crate::span::Span;
use crate::zone::{Occurrence, Zone};
use chrono::{DateTime, Datelike, Months, NaiveDateTime, TimeDelta, Utc};
use incident::ResponderId;
use std::fmt;

/// Groups that take turns.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotation {
    /// The groups in order, at least one. An empty group means that nobody of this layer is on duty for that turn.
    pub groups: Vec<Vec<ResponderId>>,
    /// The wall time at which turn 0 starts.
    pub anchor: NaiveDateTime,
    /// How long a turn is.
    pub every: Every,
}

/// The length of a turn in wall time: "every 12 hours" from 08:00 hands over at 08:00 and 20:00 all year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Every {
    /// How many units, 1 to [`Every::LENGTH_MAX`].
    pub length: u32,
    /// The unit.
    pub unit: Unit,
}

/// A unit of wall time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// 60 minutes on the clock.
    Hour,
    /// The same time on the next day: 23, 24 or 25 hours.
    Day,
    /// The same time and weekday in the next week.
    Week,
    /// The same day of the next month, or that month's last day: 31 Jan, 28 Feb, 31 Mar.
    Month,
    /// The same day of the next year, or 28 Feb for 29 Feb.
    Year,
}

impl Every {
    /// The longest turn in units. Beyond it the calendar of the clock library could end.
    pub const LENGTH_MAX: u32 = 9_000;

    /// The length as whole months, or as seconds of wall time.
    fn measure(self) -> Measure {
        let length = i64::from(self.length);
        match self.unit {
            Unit::Hour => Measure::Seconds(length * 3_600),
            Unit::Day => Measure::Seconds(length * 86_400),
            Unit::Week => Measure::Seconds(length * 604_800),
            Unit::Month => Measure::Months(length),
            Unit::Year => Measure::Months(length * 12),
        }
    }
}

/// The two kinds of arithmetic behind the five units.
enum Measure {
    Seconds(i64),
    Months(i64),
}

impl Rotation {
    /// When turn `number` starts. Past the ends of the calendar it stays at the ends.
    #[must_use]
    pub fn start(&self, number: i64, zone: &Zone) -> DateTime<Utc> {
        zone.instant(self.wall_start(number), Occurrence::First)
    }

    /// The number of the turn that holds `at`, and from when until when it lasts.
    ///
    /// Turns of no length, when two handoffs fall into one gap of the clock, hold no instant and are never returned.
    pub(crate) fn turn(&self, at: DateTime<Utc>, zone: &Zone) -> (i64, Span) {
        let mut number = self.last_wall_start_before(zone.wall(at));
        let mut start = self.start(number, zone);
        let mut end = self.start(number + 1, zone);
        // In the hour that comes twice the next handoff may have passed already, on the first round.
        while end <= at {
            number += 1;
            start = end;
            end = self.start(number + 1, zone);
        }
        (number, Span { start, end })
    }

    /// The group whose turn it is.
    #[must_use]
    pub fn group(&self, number: i64) -> &[ResponderId] {
        let count = i64::try_from(self.groups.len()).unwrap_or(i64::MAX);
        let place = number.checked_rem_euclid(count).and_then(|place| usize::try_from(place).ok());
        place.and_then(|place| self.groups.get(place)).map_or(&[], Vec::as_slice)
    }

    /// What the clock should show when turn `number` starts.
    fn wall_start(&self, number: i64) -> NaiveDateTime {
        let moved = match self.every.measure() {
            Measure::Seconds(seconds) => {
                TimeDelta::try_seconds(number.saturating_mul(seconds)).and_then(|by| self.anchor.checked_add_signed(by))
            }
            Measure::Months(months) => {
                let months = number.saturating_mul(months);
                let by = u32::try_from(months.unsigned_abs()).unwrap_or(u32::MAX);
                if months < 0 {
                    self.anchor.checked_sub_months(Months::new(by))
                } else {
                    self.anchor.checked_add_months(Months::new(by))
                }
            }
        };
        moved.unwrap_or(if number < 0 { NaiveDateTime::MIN } else { NaiveDateTime::MAX })
    }

    /// The number of the last turn whose wall start is not after `wall`.
    fn last_wall_start_before(&self, wall: NaiveDateTime) -> i64 {
        match self.every.measure() {
            Measure::Seconds(seconds) => (wall - self.anchor).num_seconds().div_euclid(seconds),
            Measure::Months(months) => {
                let number = (month_number(wall) - month_number(self.anchor)).div_euclid(months);
                // The month is right; the day or the time in it may still be to come.
                if self.wall_start(number) > wall { number - 1 } else { number }
            }
        }
    }
}

/// Months since year 0.
fn month_number(wall: NaiveDateTime) -> i64 {
    i64::from(wall.year()) * 12 + i64::from(wall.month0())
}

impl fmt::Display for Every {
    /// `every week`, `every 12 hours`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Hour => "hour",
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
            Unit::Year => "year",
        };
        match self.length {
            1 => write!(f, "every {unit}"),
            length => write!(f, "every {length} {unit}s"),
        }
    }
}

#[cfg(test)]
mod tests;
