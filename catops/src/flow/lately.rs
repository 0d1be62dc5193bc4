//! What people do with the rota, as this process read or wrote it within the last minute: enough for what is shown again and
//! again, and in a table each reading costs. Who is asked is decided by what is read then, never by this.

use crate::flow::book;
use chrono::{DateTime, TimeDelta, Utc};
use log::{EventLog, ReadError};
use rota::{Book, Operation};
use std::sync::{Arc, Mutex, PoisonError};

/// For so long it is shown what was seen. Only another process can change it meanwhile: one that writes to the same table.
const SHOWN: TimeDelta = TimeDelta::minutes(1);

/// The operations that were seen last.
#[derive(Default)]
pub struct Lately {
    seen: Mutex<Option<Seen>>,
}

struct Seen {
    at: DateTime<Utc>,
    version: u64,
    operations: Arc<[Operation]>,
}

impl Lately {
    /// The operations as they were at most a minute ago.
    ///
    /// # Errors
    /// They have to be read, and the log cannot be.
    pub async fn operations(&self, log: &dyn EventLog, at: DateTime<Utc>) -> Result<Arc<[Operation]>, ReadError> {
        let fresh = |seen: &Seen| (at - seen.at < SHOWN).then(|| seen.operations.clone());
        if let Some(operations) = self.lock().as_ref().and_then(fresh) {
            return Ok(operations);
        }
        let (book, version) = book::load_version(log).await?;
        Ok(self.keep(&book, version, at))
    }

    /// Keeps what was read or written, unless something later is known; returns what is known now.
    pub fn keep(&self, book: &Book, version: u64, at: DateTime<Utc>) -> Arc<[Operation]> {
        let mut seen = self.lock();
        if let Some(later) = seen.as_mut().filter(|seen| seen.version > version) {
            return later.operations.clone();
        }
        let operations: Arc<[Operation]> = book.operations().into();
        *seen = Some(Seen { at, version, operations: operations.clone() });
        operations
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::MemoryLog;
    use rota::{BookEvent, Change};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_900_000 + second, 0).unwrap()
    }

    fn book(number: u64) -> Book {
        let operation = Operation {
            number,
            schedule: "primary".to_owned(),
            start: at(0),
            end: at(3600),
            change: Change::ReplaceUser { from: "ana".into(), to: "bo".into() },
            by: "bo".into(),
            reason: String::new(),
        };
        let mut book = Book::default();
        book.apply(&BookEvent::Overridden { operation }, at(0));
        book
    }

    #[tokio::test]
    async fn what_was_written_is_shown_at_once_and_a_minute_long() {
        let (log, lately) = (MemoryLog::new(), Lately::default());
        assert!(lately.operations(&log, at(0)).await.unwrap().is_empty());
        lately.keep(&book(1), 0, at(1));
        assert_eq!(lately.operations(&log, at(60)).await.unwrap()[0].number, 1);
        // The log knows nothing of it: now it is read.
        assert!(lately.operations(&log, at(61)).await.unwrap().is_empty());
    }

    #[test]
    fn what_was_read_late_hides_nothing_that_was_written() {
        let lately = Lately::default();
        lately.keep(&book(2), 2, at(1));
        assert_eq!(lately.keep(&book(1), 1, at(2))[0].number, 2);
    }
}
