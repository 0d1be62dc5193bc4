//! Changes that others told us of, kept in one stream whose state is the newest of them: who looks what was changed before an
//! incident reads once.

use crate::flow::change::{all_events, json};
use crate::flow::names;
use chrono::{DateTime, Utc};
use incident::{Alarm, Change, Changes, FOLD, SCHEMA};
use log::{EventLog, Expected, Head, NewEvent, ReadError, Stream, StreamWrite, View};

/// The newest changes.
///
/// # Errors
/// The log cannot be read.
pub async fn load(log: &dyn EventLog) -> Result<Changes, ReadError> {
    Ok(log.load(&names::changes()).await?.as_ref().map(read).unwrap_or_default())
}

fn read(stream: &Stream) -> Changes {
    serde_json::from_slice(&stream.head.snapshot).unwrap_or_default()
}

/// The state as its events lead to it; none when one of them cannot be read.
///
/// # Errors
/// The log cannot be read.
pub async fn refolded(log: &dyn EventLog) -> Result<Option<Head>, ReadError> {
    let mut changes = Changes::default();
    for event in all_events(log, &names::changes()).await? {
        let Ok(change) = serde_json::from_slice::<Change>(&event.body) else { return Ok(None) };
        changes.add(change);
    }
    Ok(Some(head(&changes)))
}

fn head(changes: &Changes) -> Head {
    Head { snapshot: json(changes), fold: FOLD, listing: None }
}

/// The write that keeps the change which a delivery tells of; none when it tells of none.
///
/// # Errors
/// The log cannot be read.
pub fn write(view: &mut dyn View, alarm: &Alarm, at: DateTime<Utc>) -> Result<Option<StreamWrite>, ReadError> {
    let Some(change) = Change::of(alarm) else { return Ok(None) };
    let before = view.stream(&names::changes())?;
    let expected = before.as_ref().map_or(Expected::NoStream, |stream| Expected::Exact(stream.version));
    let mut changes = before.as_ref().map(read).unwrap_or_default();
    let event = NewEvent {
        kind: "changed".to_owned(),
        schema: SCHEMA,
        at,
        actor: format!("source:{}", alarm.source),
        cause: alarm.delivery.0.clone(),
        body: json(&change),
        raw: None,
    };
    changes.add(change);
    let head = head(&changes);
    Ok(Some(StreamWrite { stream: names::changes(), expected, events: vec![event], head }))
}
