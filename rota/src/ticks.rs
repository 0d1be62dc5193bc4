//! Time as one whole number, in which the sweep over a schedule counts: nanoseconds since 1970. What lies before 1677 or
//! after 2262 is at the ends; nobody is answered for those years. It reads no clock.

use chrono::{DateTime, Utc};

const SECOND: i64 = 1_000_000_000;

/// `[start, end)` in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticks {
    /// The first one inside.
    pub(crate) start: i64,
    /// The first one outside.
    pub(crate) end: i64,
}

/// The tick of an instant.
#[inline]
pub(crate) fn tick(at: DateTime<Utc>) -> i64 {
    at.timestamp_nanos_opt().unwrap_or(if at.timestamp() < 0 { i64::MIN } else { i64::MAX })
}

/// The instant of a tick.
#[inline]
pub(crate) const fn instant(tick: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(tick)
}

/// The second that holds a tick, since 1970.
#[inline]
pub(crate) const fn second(tick: i64) -> i64 {
    tick.div_euclid(SECOND)
}

impl Ticks {
    /// All of time.
    pub(crate) const ALWAYS: Self = Self { start: i64::MIN, end: i64::MAX };

    /// From one second to another, both since 1970.
    #[inline]
    pub(crate) const fn of_seconds(start: i64, end: i64) -> Self {
        Self { start: start.saturating_mul(SECOND), end: end.saturating_mul(SECOND) }
    }

    /// Whether `tick` is inside.
    #[inline]
    pub(crate) const fn contains(self, tick: i64) -> bool {
        self.start <= tick && tick < self.end
    }

    /// The time that is inside both.
    #[inline]
    pub(crate) fn and(self, other: Self) -> Self {
        Self { start: self.start.max(other.start), end: self.end.min(other.end) }
    }

    /// The part around `tick` in which it stays the same whether `boundary` has passed.
    #[inline]
    pub(crate) fn cut(mut self, boundary: i64, tick: i64) -> Self {
        if boundary <= tick {
            self.start = self.start.max(boundary);
        } else {
            self.end = self.end.min(boundary);
        }
        self
    }
}
