//! Time zones: the only file that knows where zone rules come from, and the home of rule L (wall time to instant).
//!
//! The rules are jiff's bundled tzdata, never the machine's, so that every machine gives the same answer. They are read
//! once per zone into a flat list of offsets; after that a conversion is a binary search and an addition.
//! Nothing here reads a clock or the `TZ` variable.

use chrono::{DateTime, NaiveDateTime, Utc};
use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use std::sync::{Arc, LazyLock};

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Offsets are listed from 1900-01-01 to 2200-01-01 UTC; outside, the first and the last one hold for ever.
const LISTED: [i64; 2] = [-2_208_988_800, 7_258_118_400];

/// A zone of the IANA database. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: Arc<str>,
    stretches: Arc<[Stretch]>,
}

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
        Self { name: "UTC".into(), stretches: [Stretch { start: i64::MIN, end: i64::MAX, offset_seconds: 0 }].into() }
    }

    /// The zone of that IANA name, in any letter case; `None` when there is no such zone.
    #[must_use]
    pub fn get(name: &str) -> Option<Self> {
        let rules = DATABASE.get(name).ok()?;
        let name = rules.iana_name()?.into();
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
        Some(Self { name, stretches: stretches.into() })
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
        let wall = wall.and_utc().timestamp();
        let seconds = match occurrence {
            Occurrence::First => {
                let at = self.stretches.partition_point(|stretch| stretch.wall_end() <= wall);
                let stretch = &self.stretches[at];
                (wall - stretch.offset_seconds).max(stretch.start)
            }
            Occurrence::Last => {
                let after = self.stretches.partition_point(|stretch| stretch.wall_start() <= wall);
                let stretch = &self.stretches[after - 1];
                (wall - stretch.offset_seconds).min(stretch.end)
            }
        };
        DateTime::from_timestamp(seconds, 0).unwrap_or(if seconds < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
    }

    /// The instants at which the offset changes.
    #[cfg(test)]
    pub(crate) fn changes(&self) -> Vec<DateTime<Utc>> {
        let starts = self.stretches.iter().skip(1).map(|stretch| stretch.start);
        starts.filter_map(|start| DateTime::from_timestamp(start, 0)).collect()
    }

    /// What clocks show at an instant, cut to whole seconds.
    #[must_use]
    pub fn wall(&self, at: DateTime<Utc>) -> NaiveDateTime {
        let seconds = at.timestamp();
        let holds = self.stretches.partition_point(|stretch| stretch.end <= seconds);
        let wall = seconds + self.stretches[holds].offset_seconds;
        DateTime::from_timestamp(wall, 0)
            .map_or(if wall < 0 { NaiveDateTime::MIN } else { NaiveDateTime::MAX }, |wall| wall.naive_utc())
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
