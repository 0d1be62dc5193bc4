//! Rule R: when turns start. Turn `k` starts at the anchor plus `k` lengths of wall time, for every whole number `k`, also
//! before the anchor. The turn of an instant is computed from that grid directly: nothing steps from the anchor, so the
//! cost and the answer do not depend on how old the anchor is. A grid never moves; who has which turn is not its subject.

use crate::ticks::Ticks;
use crate::zone::{DAY_SECONDS, Near, Occurrence, Zone};
use chrono::{DateTime, Months, NaiveDateTime, Utc, Weekday, WeekdaySet};
use std::fmt;

/// When turns start: an anchor and the lengths of the turns after it, again and again.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    anchor: NaiveDateTime,
    lengths: Vec<Every>,
    pace: Pace,
    /// What all lengths are together.
    round: Step,
    /// How long after the start of a round each of its turns starts; the first one at once.
    steps: Vec<Step>,
    /// The length of each turn, when all are the same number of seconds on the clock.
    step_seconds: Option<i64>,
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

/// Why lengths make no grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoGrid {
    /// No length at all, or more than [`Grid::LENGTHS_MAX`].
    #[error("a rotation has 1 to {} lengths", Grid::LENGTHS_MAX)]
    Lengths,
    /// A length of no units, or of more than [`Every::LENGTH_MAX`].
    #[error("a turn is 1 to {} units long", Every::LENGTH_MAX)]
    Length,
    /// Working days are counted, and a length is not in days.
    #[error("working days are counted in days")]
    Unit,
    /// Working days are counted, and there is none.
    #[error("no weekday is a working day")]
    Days,
}

/// What a length of days counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// All of them.
    Calendar,
    /// Those on which a window opens.
    WorkingDays(WeekdaySet),
}

/// A part of wall time: months first, then seconds, or working days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Step {
    months: i64,
    /// Seconds, or working days.
    count: i64,
}

/// Wall times are kept this near to 1970, in seconds: it is past the end of the clock library's calendar.
const WALL_MAX: i64 = 10_000_000_000_000;

/// Seconds of a month on average, of the 400 years after which the calendar repeats.
const MONTH_SECONDS: i64 = 2_629_746;

impl Every {
    /// The longest turn in units. Beyond it the calendar of the clock library could end.
    pub const LENGTH_MAX: u32 = 9_000;

    const fn step(self) -> Step {
        let length = self.length as i64;
        match self.unit {
            Unit::Hour => Step { months: 0, count: length * 3_600 },
            Unit::Day => Step { months: 0, count: length * DAY_SECONDS },
            Unit::Week => Step { months: 0, count: length * 7 * DAY_SECONDS },
            Unit::Month => Step { months: length, count: 0 },
            Unit::Year => Step { months: length * 12, count: 0 },
        }
    }
}

impl Grid {
    /// The most lengths that are applied in turn: one for each day of a year.
    pub const LENGTHS_MAX: usize = 366;

    /// Turns of these lengths, one after the other and again from the first; turn 0 starts at `anchor`.
    ///
    /// # Errors
    /// When there is no length, one is zero or too long, or there are too many.
    pub fn new(anchor: NaiveDateTime, lengths: Vec<Every>) -> Result<Self, NoGrid> {
        Self::paced(anchor, lengths, Pace::Calendar)
    }

    /// Days from 1970 on, for what has no turns of its own.
    pub(crate) fn daily() -> Self {
        Self::new(NaiveDateTime::default(), vec![Every { length: 1, unit: Unit::Day }]).expect("a day is a length")
    }

    /// Turns of so many days on which a window opens: "Mon-Fri daily with four people" loses no turn on a weekend. Turn 0
    /// starts at the anchor's time on the first of `days` from the anchor on. Holidays are days like others, so that a
    /// calendar that comes in later moves nobody's turn.
    ///
    /// # Errors
    /// As [`Grid::new`], and when a length is not in days or `days` is empty.
    pub fn of_working_days(anchor: NaiveDateTime, lengths: Vec<Every>, days: WeekdaySet) -> Result<Self, NoGrid> {
        if days.is_empty() {
            return Err(NoGrid::Days);
        }
        if lengths.iter().any(|every| every.unit != Unit::Day) {
            return Err(NoGrid::Unit);
        }
        Self::paced(anchor, lengths, Pace::WorkingDays(days))
    }

    fn paced(anchor: NaiveDateTime, lengths: Vec<Every>, pace: Pace) -> Result<Self, NoGrid> {
        if !(1..=Self::LENGTHS_MAX).contains(&lengths.len()) {
            return Err(NoGrid::Lengths);
        }
        if lengths.iter().any(|every| !(1..=Every::LENGTH_MAX).contains(&every.length)) {
            return Err(NoGrid::Length);
        }
        let mut round = Step::default();
        let mut steps = Vec::with_capacity(lengths.len());
        for every in &lengths {
            steps.push(round);
            let step = match pace {
                Pace::Calendar => every.step(),
                Pace::WorkingDays(_) => Step { months: 0, count: i64::from(every.length) },
            };
            round = Step { months: round.months + step.months, count: round.count + step.count };
        }
        let plain = pace == Pace::Calendar && steps.len() == 1 && round.months == 0;
        Ok(Self { anchor, lengths, pace, round, steps, step_seconds: plain.then_some(round.count) })
    }

    /// The wall time from which turns are counted.
    #[must_use]
    pub const fn anchor(&self) -> NaiveDateTime {
        self.anchor
    }

    /// The lengths of the turns, applied one after the other.
    #[must_use]
    pub fn lengths(&self) -> &[Every] {
        &self.lengths
    }

    /// When turn `number` starts. Past the ends of the calendar it stays at the ends.
    #[must_use]
    pub fn start(&self, number: i64, zone: &Zone) -> DateTime<Utc> {
        let wall = DateTime::from_timestamp(self.wall_start(number), 0);
        let end = if number < 0 { NaiveDateTime::MIN } else { NaiveDateTime::MAX };
        zone.instant(wall.map_or(end, |wall| wall.naive_utc()), Occurrence::First)
    }

    /// The number of the turn that holds the instant, and from when until when it lasts.
    ///
    /// Turns of no length, when two handoffs fall into one gap of the clock, hold no instant and are never returned.
    #[inline]
    pub(crate) fn turn(&self, near: &Near<'_>) -> (i64, Ticks) {
        let start_of = |number| near.second(self.wall_start(number), Occurrence::First);
        let (mut number, wall_start, wall_end) = match self.step_seconds {
            // The most frequent grid by far, in as little arithmetic as possible.
            Some(seconds) => {
                let number = (near.wall() - self.wall_anchor()).div_euclid(seconds);
                let wall_start = self.wall_anchor() + number * seconds;
                (number, wall_start, wall_start + seconds)
            }
            None => {
                let (number, wall_start) = self.last_before(near.wall());
                (number, wall_start, self.wall_start(number + 1))
            }
        };
        let mut start = near.second(wall_start, Occurrence::First);
        let mut end = near.second(wall_end, Occurrence::First);
        // In the hour that comes twice the next handoff may have passed already, on the first round.
        while end <= near.at() {
            number += 1;
            start = end;
            end = start_of(number + 1);
        }
        (number, Ticks::of_seconds(start, end))
    }

    /// What the clock should show when turn `number` starts.
    #[inline]
    pub(crate) fn wall_start(&self, number: i64) -> i64 {
        let turns = self.turns();
        let (round, place) =
            if turns == 1 { (number, 0) } else { (number.div_euclid(turns), number.rem_euclid(turns)) };
        let step = usize::try_from(place).ok().and_then(|place| self.steps.get(place)).copied().unwrap_or_default();
        let months = round.saturating_mul(self.round.months).saturating_add(step.months);
        let count = round.saturating_mul(self.round.count).saturating_add(step.count);
        let wall = match self.pace {
            Pace::Calendar if months == 0 => self.wall_anchor().saturating_add(count),
            Pace::Calendar => self.months_later(months).saturating_add(count),
            Pace::WorkingDays(days) => {
                let first = before(days, self.day(self.wall_anchor()));
                let day = nth(days, first.saturating_add(count));
                day.saturating_mul(DAY_SECONDS).saturating_add(self.time_of_day())
            }
        };
        wall.clamp(-WALL_MAX, WALL_MAX)
    }

    /// The number of the last turn whose wall start is not after `wall`, and that start.
    #[inline]
    fn last_before(&self, wall: i64) -> (i64, i64) {
        let since = match self.pace {
            Pace::Calendar if self.round.months > 0 => return self.last_before_by_months(wall),
            Pace::Calendar => wall - self.wall_anchor(),
            // The working day that counts now is the last one whose time has come.
            Pace::WorkingDays(days) => {
                let since_first = before(days, self.day(wall) + 1) - before(days, self.day(self.wall_anchor()));
                since_first - 1
            }
        };
        let round = since.div_euclid(self.round.count);
        let mut number = round;
        if self.turns() > 1 {
            let rest = since - round * self.round.count;
            number = round * self.turns() + self.place(|step| step.count <= rest);
        }
        (number, self.wall_start(number))
    }

    /// The same when a round has months in it: the round is estimated, and is wrong by one at most.
    fn last_before_by_months(&self, wall: i64) -> (i64, i64) {
        let average = self.round.months * MONTH_SECONDS + self.round.count;
        let turns = self.turns();
        let mut round = (wall - self.wall_anchor()).div_euclid(average);
        while self.wall_start(round * turns) > wall {
            round -= 1;
        }
        while self.wall_start((round + 1) * turns) <= wall {
            round += 1;
        }
        let mut number = round * turns;
        for later in number + 1..number + turns {
            if self.wall_start(later) > wall {
                break;
            }
            number = later;
        }
        (number, self.wall_start(number))
    }

    /// The place of the last step that `has_come`.
    fn place(&self, has_come: impl Fn(&Step) -> bool) -> i64 {
        let come = self.steps.partition_point(has_come);
        i64::try_from(come).unwrap_or(i64::MAX) - 1
    }

    /// How many turns a round has.
    #[inline]
    fn turns(&self) -> i64 {
        i64::try_from(self.steps.len()).unwrap_or(i64::MAX)
    }

    #[inline]
    const fn wall_anchor(&self) -> i64 {
        self.anchor.and_utc().timestamp()
    }

    const fn time_of_day(&self) -> i64 {
        self.wall_anchor().rem_euclid(DAY_SECONDS)
    }

    /// The day since 1970 on which the time of handoffs came last.
    const fn day(&self, wall: i64) -> i64 {
        (wall - self.time_of_day()).div_euclid(DAY_SECONDS)
    }

    fn months_later(&self, months: i64) -> i64 {
        let by = Months::new(u32::try_from(months.unsigned_abs()).unwrap_or(u32::MAX));
        let moved = if months < 0 { self.anchor.checked_sub_months(by) } else { self.anchor.checked_add_months(by) };
        moved.map_or(WALL_MAX * months.signum(), |moved| moved.and_utc().timestamp())
    }
}

/// Days from a Monday to 1970-01-01, which was a Thursday.
const MONDAY: i64 = 3;

/// How many of `days` there are before the day `day` since 1970, counted from the Monday before 1970.
fn before(days: WeekdaySet, day: i64) -> i64 {
    let (week, weekday) = ((day + MONDAY).div_euclid(7), (day + MONDAY).rem_euclid(7));
    let this_week = week_of(days).take_while(|number| *number < weekday).count();
    week * i64::from(days.len()) + i64::try_from(this_week).unwrap_or_default()
}

/// The day since 1970 that has exactly `count` of `days` before it and is one of them.
fn nth(days: WeekdaySet, count: i64) -> i64 {
    let (week, rest) = (count.div_euclid(days.len().into()), count.rem_euclid(days.len().into()));
    let weekday = usize::try_from(rest).ok().and_then(|rest| week_of(days).nth(rest)).unwrap_or_default();
    week.saturating_mul(7).saturating_add(weekday - MONDAY)
}

/// The weekdays of a set as numbers from Monday, 0, on.
fn week_of(days: WeekdaySet) -> impl Iterator<Item = i64> {
    days.iter(Weekday::Mon).map(|weekday| weekday.num_days_from_monday().into())
}

impl fmt::Display for Every {
    /// `week`, `12 hours`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Hour => "hour",
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
            Unit::Year => "year",
        };
        match self.length {
            1 => write!(f, "{unit}"),
            length => write!(f, "{length} {unit}s"),
        }
    }
}

impl fmt::Display for Grid {
    /// `every week`, `every 12 hours`, `every day, then 3 days`, `every 2 days of Mon, Wed, Fri`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lengths: Vec<String> = self.lengths.iter().map(Every::to_string).collect();
        write!(f, "every {}", lengths.join(", then "))?;
        match self.pace {
            Pace::Calendar => Ok(()),
            Pace::WorkingDays(days) => {
                let days: Vec<String> = days.iter(Weekday::Mon).map(|day| day.to_string()).collect();
                write!(f, " of {}", days.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests;
