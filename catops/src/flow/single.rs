//! A state that is one stream, as the book of the rota is: read from the snapshot in its head, or from its events where another
//! version of this program wrote that. What cannot be read is left out and logged, the rest still counts, and nothing is
//! written over it.

use crate::flow::change::{all_events, json};
use chrono::{DateTime, Utc};
use incident::FOLD;
use log::{EventLog, Expected, Head, NewEvent, ReadError, Stream, StreamId, StreamWrite, View};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A state with a stream of its own.
pub(super) trait Single: Default + Serialize + DeserializeOwned {
    /// What happens to it.
    type Event: DeserializeOwned;

    /// What is logged of an event that cannot be read.
    const UNREAD: &'static str;

    /// Its stream.
    fn stream() -> StreamId;

    /// Moves it over one more event.
    fn moved(&mut self, event: &Self::Event, at: DateTime<Utc>);
}

/// The state, and the version of its stream: 0 when there is none.
///
/// # Errors
/// The log cannot be read.
pub(super) async fn load<S: Single>(log: &dyn EventLog) -> Result<(S, u64), ReadError> {
    let Some(stream) = log.load(&S::stream()).await? else { return Ok((S::default(), 0)) };
    let state = match remembered(&stream) {
        Some(state) => state,
        None => fold(&all_events(log, &S::stream()).await?).0,
    };
    Ok((state, stream.version))
}

/// The same inside a step of the log; none when some of it cannot be read, and must not be written over.
///
/// # Errors
/// The log cannot be read.
pub(super) fn seen<S: Single>(view: &mut dyn View) -> Result<Option<(S, u64)>, ReadError> {
    let Some(stream) = view.stream(&S::stream())? else { return Ok(Some((S::default(), 0))) };
    let state = match remembered(&stream) {
        Some(state) => state,
        None => match fold(&view.events(&S::stream(), 1, usize::MAX)?) {
            (state, true) => state,
            (_, false) => return Ok(None),
        },
    };
    Ok(Some((state, stream.version)))
}

/// The head as the events lead to it; none when one of them cannot be read.
///
/// # Errors
/// The log cannot be read.
pub(super) async fn refolded<S: Single>(log: &dyn EventLog) -> Result<Option<Head>, ReadError> {
    let (state, is_whole) = fold::<S>(&all_events(log, &S::stream()).await?);
    Ok(is_whole.then(|| head(&state)))
}

/// The write of an event that leads to this state; `version` is what was seen.
pub(super) fn write<S: Single>(after: &S, version: u64, event: NewEvent) -> StreamWrite {
    let expected = if version == 0 { Expected::NoStream } else { Expected::Exact(version) };
    StreamWrite { stream: S::stream(), expected, events: vec![event], head: head(after) }
}

fn head<S: Single>(state: &S) -> Head {
    Head { snapshot: json(state), fold: FOLD, listing: None }
}

/// The state as its head has it; none when another version wrote it.
fn remembered<S: Single>(stream: &Stream) -> Option<S> {
    if stream.head.fold != FOLD {
        return None;
    }
    serde_json::from_slice(&stream.head.snapshot).ok()
}

/// The state as its events lead to it, and whether all of them could be read.
fn fold<S: Single>(events: &[log::Event]) -> (S, bool) {
    let (mut state, mut is_whole) = (S::default(), true);
    for event in events {
        match serde_json::from_slice::<S::Event>(&event.body) {
            Ok(read) => state.moved(&read, event.at),
            Err(error) => {
                is_whole = false;
                tracing::error!(event.version, error = %error, "{}", S::UNREAD);
            }
        }
    }
    (state, is_whole)
}
