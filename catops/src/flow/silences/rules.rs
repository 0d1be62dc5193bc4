//! The silences as this process read or wrote them within the last ten seconds: the way of every alarm asks for them, and in
//! a table each reading costs. Their times are in them, so only what another process makes or ends meanwhile is missed.

use crate::flow::silences;
use chrono::{DateTime, TimeDelta, Utc};
use incident::Silences;
use log::EventLog;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// For so long what was seen is used.
pub(super) const SEEN_FOR: TimeDelta = TimeDelta::seconds(10);

/// The silences that were seen last.
#[derive(Default)]
pub struct Rules {
    seen: Mutex<Option<Seen>>,
}

struct Seen {
    at: DateTime<Utc>,
    version: u64,
    silences: Arc<Silences>,
}

impl Rules {
    /// The silences as they were at most ten seconds ago. None of them counts when they have to be read and the log cannot be:
    /// an alarm is rather told than held back by a rule that nobody can look up.
    pub async fn now(&self, log: &dyn EventLog, at: DateTime<Utc>) -> Arc<Silences> {
        let fresh = |seen: &Seen| (at - seen.at < SEEN_FOR).then(|| Arc::clone(&seen.silences));
        if let Some(silences) = self.lock().as_ref().and_then(fresh) {
            return silences;
        }
        match silences::load_version(log).await {
            Ok((silences, version)) => self.keep(silences, version, at),
            Err(error) => {
                tracing::warn!(error = %error, "the silences cannot be read, and hold nothing back");
                Arc::default()
            }
        }
    }

    /// Keeps what was read or written, unless something later is known; returns what is known now.
    pub fn keep(&self, silences: Silences, version: u64, at: DateTime<Utc>) -> Arc<Silences> {
        let mut seen = self.lock();
        if let Some(later) = seen.as_ref().filter(|seen| seen.version > version) {
            return Arc::clone(&later.silences);
        }
        let silences = Arc::new(silences);
        *seen = Some(Seen { at, version, silences: Arc::clone(&silences) });
        silences
    }

    fn lock(&self) -> MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use incident::SilenceEvent;
    use log::MemoryLog;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_900_000 + second, 0).unwrap()
    }

    fn one() -> Silences {
        let mut silences = Silences::default();
        let made = SilenceEvent::SilenceMade {
            silence: incident::SilenceId(1),
            matchers: vec!["a=b".parse().unwrap()],
            by: "ana".into(),
            because: "a test".to_owned(),
            starts_at: at(0),
            ends_at: at(3600),
        };
        silences.apply(&made, at(0));
        silences
    }

    #[tokio::test]
    async fn what_was_written_counts_at_once_and_is_read_again_after_ten_seconds() {
        let (log, rules) = (MemoryLog::new(), Rules::default());
        assert_eq!(rules.now(&log, at(0)).await.all().count(), 0);
        rules.keep(one(), 0, at(1));
        assert_eq!(rules.now(&log, at(10)).await.all().count(), 1);
        // The log knows nothing of it: now it is read.
        assert_eq!(rules.now(&log, at(11)).await.all().count(), 0);
    }

    #[test]
    fn what_was_read_late_hides_nothing_that_was_written() {
        let rules = Rules::default();
        rules.keep(one(), 2, at(1));
        assert_eq!(rules.keep(Silences::default(), 1, at(2)).all().count(), 1);
    }
}
