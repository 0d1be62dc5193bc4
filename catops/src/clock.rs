//! The clock: the only file that asks what time it is or waits. Everything else is told.

use chrono::{DateTime, SubsecRound, Utc};
use std::time::{Duration, Instant};

/// Now, to the microsecond, which is what the log keeps.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the file that owns the clock")]
pub fn now() -> DateTime<Utc> {
    #[cfg(feature = "simulation")]
    if let Some(now) = simulated::now() {
        return now;
    }
    Utc::now().trunc_subsecs(6)
}

/// The virtual clock of a thread: an instant that was given, and what tokio's paused clock has moved since.
#[cfg(feature = "simulation")]
pub mod simulated {
    use chrono::{DateTime, TimeDelta, Utc};
    use std::cell::Cell;
    use tokio::time::Instant;

    thread_local! {
        static BEGAN: Cell<Option<(DateTime<Utc>, Instant)>> = const { Cell::new(None) };
    }

    /// From here on it is `at` in this thread; called inside the runtime whose clock is paused.
    pub fn begin(at: DateTime<Utc>) {
        BEGAN.set(Some((at, Instant::now())));
    }

    /// From here on this thread has the real time again.
    pub fn end() {
        BEGAN.set(None);
    }

    pub(super) fn now() -> Option<DateTime<Utc>> {
        let (at, mark) = BEGAN.get()?;
        Some(at + TimeDelta::from_std(mark.elapsed()).unwrap_or_default())
    }
}

/// A mark to measure a duration from.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the file that owns the clock")]
pub fn mark() -> Instant {
    Instant::now()
}

/// Waits. Only loops of the process's own life use it; whatever a restart must not forget is a timer in the log.
#[expect(clippy::disallowed_methods, reason = "this is the file that owns the clock")]
pub async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Waits until an instant of wall time, at most `max`: a jump of the clock is noticed after `max` at the latest.
pub async fn sleep_until(at: DateTime<Utc>, max: Duration) {
    let wait = (at - now()).to_std().unwrap_or_default();
    sleep(wait.min(max)).await;
}
