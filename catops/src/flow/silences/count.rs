//! How many alarms each silence kept back: counted from the log, since the way of an alarm writes nothing that all alarms of a
//! silence share.

use crate::flow::names;
use chrono::{DateTime, Utc};
use incident::{AlarmKey, SilenceId, Silences};
use log::{EventLog, ReadError};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Events that are read at once.
const EVENTS_PER_READ: usize = 2000;

/// What a silence kept back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Kept {
    /// Alarms that opened nothing.
    pub alarms: u64,
    /// Different keys among them.
    pub keys: u64,
}

/// The parts of an event that are counted.
#[derive(Deserialize)]
struct Body {
    silence: SilenceId,
    alarm: Told,
}

#[derive(Deserialize)]
struct Told {
    key: AlarmKey,
}

/// What the silences that are listed kept back, until now; none when more than `events_max` events would have to be read.
///
/// # Errors
/// The log cannot be read.
pub async fn kept_back(
    log: &dyn EventLog,
    silences: &Silences,
    now: DateTime<Utc>,
    events_max: usize,
) -> Result<Option<BTreeMap<SilenceId, Kept>>, ReadError> {
    let mut kept: BTreeMap<SilenceId, (u64, BTreeSet<AlarmKey>)> = BTreeMap::new();
    let Some(first) = silences.listed(now).iter().map(|silence| silence.made_at).min() else {
        return Ok(Some(BTreeMap::new()));
    };
    let (mut place, mut read) = (log.feed_place(first).await?, 0);
    loop {
        let page = log.feed(&place, EVENTS_PER_READ).await?;
        if page.events.is_empty() {
            break;
        }
        read += page.events.len();
        if read > events_max {
            return Ok(None);
        }
        for event in page.events.iter().filter(|event| event.kind == "silenced") {
            let told = names::aside_of(&event.stream).and_then(|_| serde_json::from_slice::<Body>(&event.body).ok());
            if let Some(Body { silence, alarm }) = told {
                let (alarms, keys) = kept.entry(silence).or_default();
                *alarms += 1;
                keys.insert(alarm.key);
            }
        }
        let is_end = page.events.iter().all(|event| event.at > now);
        place = page.next;
        if is_end {
            break;
        }
    }
    let counted = |(id, (alarms, keys)): (_, (_, BTreeSet<AlarmKey>))| (id, Kept { alarms, keys: keys.len() as u64 });
    Ok(Some(kept.into_iter().map(counted).collect()))
}
