//! A stretch of time, start included, end excluded: the half-open interval that every rule of the rota is written in.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first instant inside.
    pub start: DateTime<Utc>,
    /// The first instant outside.
    pub end: DateTime<Utc>,
}

impl Span {
    /// All of time.
    pub const ALWAYS: Self = Self { start: DateTime::<Utc>::MIN_UTC, end: DateTime::<Utc>::MAX_UTC };

    /// Whether `at` is inside.
    #[must_use]
    #[inline]
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.start <= at && at < self.end
    }

    /// The time that is inside both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { start: self.start.max(other.start), end: self.end.min(other.end) }
    }

    /// How long it is; zero when it ends before it starts.
    #[must_use]
    pub fn length(&self) -> TimeDelta {
        (self.end - self.start).max(TimeDelta::zero())
    }
}
