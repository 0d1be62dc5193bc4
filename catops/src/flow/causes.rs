//! What the log knows of the causes of who is on call: when the files of the rota changed, who changed what by hand, when and
//! from what. It only reads; the causes themselves are told by `rota::why`.

use super::change::all_events;
use super::{book, names, versions};
use chrono::{DateTime, Utc};
use log::{EventLog, ReadError};
use rota::{BookEvent, Known, Made, Operation, Rota, UnknownSchedule, Why};
use std::collections::BTreeMap;

/// What the log knows.
#[derive(Debug, Default)]
pub struct Causes {
    operations: Vec<Operation>,
    edits: Vec<DateTime<Utc>>,
    made: BTreeMap<u64, Made>,
}

impl Causes {
    /// Reads it.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn load(log: &dyn EventLog) -> Result<Self, ReadError> {
        let operations = book::load(log).await?.operations();
        let edits = versions::edits(log).await?;
        // What cannot be read does not count, and is told where the changes themselves are read.
        let events: Vec<(BookEvent, DateTime<Utc>)> = all_events(log, &names::book())
            .await?
            .iter()
            .filter_map(|event| Some((serde_json::from_slice(&event.body).ok()?, event.at)))
            .collect();
        let made = rota::made(events.iter().map(|(event, at)| (event, *at)));
        Ok(Self { operations, edits, made })
    }

    /// Why exactly these people are on call on a schedule.
    ///
    /// # Errors
    /// There is no such schedule.
    pub fn why(&self, rota: &Rota, schedule: &str, at: DateTime<Utc>) -> Result<Why, UnknownSchedule> {
        let known = Known { edits: &self.edits, made: Some(&self.made) };
        rota::why(rota, schedule, &self.operations, known, at)
    }
}
