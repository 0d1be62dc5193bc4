//! What is written of a key that a silence holds back: its stream remembers the alarm as it was last told and is listed under
//! the silence, and an effect that is due when the silence ends looks at it. Both stand in one append with the alarm's
//! outcome, so that nothing is held back that nobody looks at.
//!
//! A key that is held back belongs to no incident: the claim of one that is resolved is given up.

use crate::flow::change::{Origin, json};
use crate::flow::names;
use crate::flow::silences::release;
use chrono::{DateTime, Utc};
use incident::{Alarm, AlarmKey, AlarmMemory, Event, FOLD, Held, IncidentId, KeptEvent, SCHEMA, SilenceId, Silences};
use log::{Append, Claim, Expected, Head, NewEvent, Raw, ReadError, StreamId, StreamWrite, View};

/// What is remembered of a key without an incident, and where its stream stands.
pub(in crate::flow) struct Key {
    pub(in crate::flow) memory: Option<AlarmMemory>,
    pub(in crate::flow) expected: Expected,
}

impl Key {
    /// Of a key whose alarms belong to an incident: nothing was looked up.
    pub(in crate::flow) const fn unread() -> Self {
        Self { memory: None, expected: Expected::NoStream }
    }

    pub(in crate::flow) fn read(view: &mut dyn View, key: &AlarmKey) -> Result<Self, ReadError> {
        Ok(match view.stream(&names::aside(key))? {
            None => Self::unread(),
            Some(stream) => Self {
                memory: serde_json::from_slice(&stream.head.snapshot).ok(),
                expected: Expected::Exact(stream.version),
            },
        })
    }

    /// The write of one event beside the key, after which this is remembered.
    pub(in crate::flow) fn write(&self, key: &AlarmKey, event: NewEvent, memory: &AlarmMemory) -> StreamWrite {
        let listing = memory.held.as_ref().map(|held| names::silenced(held.silence));
        let head = Head { snapshot: json(memory), fold: FOLD, listing };
        StreamWrite { stream: names::aside(key), expected: self.expected, events: vec![event], head }
    }
}

/// An alarm that comes while a silence is about it, with the outcome that was decided.
pub(in crate::flow) struct Silenced<'a> {
    pub(in crate::flow) alarm: &'a Alarm,
    pub(in crate::flow) outcome: &'a Event,
    pub(in crate::flow) silence: SilenceId,
    pub(in crate::flow) at: DateTime<Utc>,
}

/// Keeps an alarm with its key. `holder` is the incident that held the key: it is over.
pub(in crate::flow) fn hold(
    view: &mut dyn View,
    key: Key,
    holder: Option<StreamId>,
    silenced: &Silenced<'_>,
    silences: &Silences,
    origin: &Origin,
    raw: Option<Raw>,
) -> Result<Append, ReadError> {
    let Silenced { alarm, outcome, silence, at } = *silenced;
    let key = if holder.is_some() { Key::read(view, &alarm.key)? } else { key };
    let held_by = key.memory.as_ref().and_then(|memory| memory.held.as_ref()).map(|held| held.silence);
    let memory = AlarmMemory::after(key.memory.clone(), alarm, outcome, at);
    let written = NewEvent { raw, ..origin.writes(outcome.kind(), outcome, at) };
    let claim = holder.map(|holder| Claim { key: names::claim(&alarm.key), expected: Some(holder), holder: None });
    // One look for each silence that holds it: whoever repeats need not ask again.
    let look = (held_by != Some(silence)).then(|| release::look_at(alarm, silence, silences, at));
    Ok(Append {
        keys: origin.key.iter().cloned().collect(),
        streams: vec![key.write(&alarm.key, written, &memory)],
        claims: claim.into_iter().collect(),
        effects: look.into_iter().collect(),
        ..Append::default()
    })
}

/// The write that lets a key go: it has an incident now.
pub(in crate::flow) fn came_out(
    key: &Key,
    held: &Held,
    incident: IncidentId,
    origin: &Origin,
    at: DateTime<Utc>,
) -> StreamWrite {
    let event = KeptEvent::CameOut { silence: held.silence, incident };
    let memory = AlarmMemory { state: incident::AlarmState::Firing, occurred_at: held.alarm.occurred_at, held: None };
    key.write(&held.alarm.key, kept_event(&event, origin, at), &memory)
}

pub(super) fn kept_event(event: &KeptEvent, origin: &Origin, at: DateTime<Utc>) -> NewEvent {
    NewEvent {
        kind: event.kind().to_owned(),
        schema: SCHEMA,
        at,
        actor: "catops".to_owned(),
        cause: origin.cause.clone(),
        body: json(event),
        raw: None,
    }
}
