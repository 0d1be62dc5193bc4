//! From a decoded alarm to its outcome in the log. Only when this returns may the sender be answered.

use crate::app::App;
use crate::clock;
use crate::flow::change::{self, ChangeError, Draft, Origin, json};
use crate::flow::{names, triage};
use chrono::{DateTime, Utc};
use incident::{
    Alarm, AlarmMemory, AlarmState, Event, FOLD, Incident, IncidentId, Reception, SCHEMA, receive as decide_reception,
};
use log::{Append, AppendError, Claim, Expected, Head, IdemKey, NewEvent, Raw, StreamId, StreamWrite, View};

/// What became of one alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It opened an incident.
    Opened(IncidentId),
    /// It belongs to an incident that was there.
    Joined(IncidentId),
    /// It changed nothing.
    SetAside,
    /// It was delivered before.
    Duplicate,
}

impl Outcome {
    /// The incident it belongs to, if one is known.
    #[must_use]
    pub const fn incident(&self) -> Option<IncidentId> {
        match self {
            Self::Opened(id) | Self::Joined(id) => Some(*id),
            Self::SetAside | Self::Duplicate => None,
        }
    }
}

/// Receives all alarms of one delivery, in their order; one sync serves them all. The raw bytes are kept with the first.
///
/// # Errors
/// The log did not take one of them: the sender must deliver again, and what was taken will be recognised.
pub async fn receive_all(app: &App, alarms: Vec<Alarm>, raw: &[u8]) -> Result<Vec<Outcome>, ChangeError> {
    let mut raw = Some(Raw::new(raw));
    futures::future::try_join_all(alarms.into_iter().map(|alarm| receive(app, alarm, raw.take()))).await
}

/// Receives one alarm.
///
/// # Errors
/// The log did not take it.
pub async fn receive(app: &App, alarm: Alarm, raw: Option<Raw>) -> Result<Outcome, ChangeError> {
    let at = clock::now();
    let window = app.setup().config.reopen_window;
    let (origin, lease) = (origin(&alarm), app.lease(at));
    // One transaction instead of two until somebody is paged; in a storm the answer to the sender comes first.
    let foreseen = if lease.is_some() { triage::foresee(app, &alarm, at).await } else { None };
    let decided = log::decide(&*app.log, move |view| {
        let Situation { holder, incident, memory, aside } = Situation::read(view, &alarm)?;
        let (append, outcome) = match decide_reception(incident.as_ref(), memory.as_ref(), alarm.clone(), window, at) {
            Reception::Open(event) => {
                let id = IncidentId(view.number(names::INCIDENTS)?);
                let mut draft = Draft::open(id, event, at).expect("a reception that opens carries an opening");
                for command in foreseen.iter().flatten() {
                    draft.decide(command.clone())?;
                }
                let mut append = draft.append(view, &origin, raw.clone())?;
                append.claims.push(claim(&alarm, holder, id));
                (append, Outcome::Opened(id))
            }
            Reception::Join(events) => {
                let mut draft = Draft::new(incident.expect("a reception that joins was given an incident"), at);
                draft.add(events);
                (draft.append(view, &origin, raw.clone())?, Outcome::Joined(draft.incident.id))
            }
            Reception::Aside(event) => {
                (set_aside(aside, memory, &alarm, &event, &origin, raw.clone(), at), Outcome::SetAside)
            }
        };
        Ok::<_, ChangeError>((Append { lease: lease.clone(), ..append }, outcome))
    });
    match decided.await {
        Ok(decided) => {
            let (receipt, outcome) = decided?;
            app.outbox.offer(receipt.leased);
            Ok(outcome)
        }
        Err(AppendError::Duplicate(_)) => Ok(Outcome::Duplicate),
        Err(error) => Err(error.into()),
    }
}

fn origin(alarm: &Alarm) -> Origin {
    Origin {
        actor: format!("source:{}", alarm.source),
        cause: alarm.delivery.0.clone(),
        key: Some(IdemKey::new(alarm.delivery.as_str())),
    }
}

/// What is known about an alarm's key.
struct Situation {
    holder: Option<StreamId>,
    incident: Option<Incident>,
    memory: Option<AlarmMemory>,
    aside: Expected,
}

impl Situation {
    fn read(view: &mut dyn View, alarm: &Alarm) -> Result<Self, ChangeError> {
        if let Some(claimed) = view.claimed(&names::claim(&alarm.key))? {
            let incident = match (names::incident_of(&claimed.holder), &claimed.stream) {
                (Some(id), Some(stream)) => Some(change::seen_stream(view, id, stream)?),
                _ => None,
            };
            return Ok(Self { holder: Some(claimed.holder), incident, memory: None, aside: Expected::NoStream });
        }
        let (memory, aside) = match view.stream(&names::aside(&alarm.key))? {
            None => (None, Expected::NoStream),
            Some(stream) => (serde_json::from_slice(&stream.head.snapshot).ok(), Expected::Exact(stream.version)),
        };
        Ok(Self { holder: None, incident: None, memory, aside })
    }
}

fn claim(alarm: &Alarm, holder: Option<StreamId>, id: IncidentId) -> Claim {
    Claim { key: names::claim(&alarm.key), expected: holder, holder: Some(names::incident(id)) }
}

fn set_aside(
    expected: Expected,
    memory: Option<AlarmMemory>,
    alarm: &Alarm,
    event: &Event,
    origin: &Origin,
    raw: Option<Raw>,
    at: DateTime<Utc>,
) -> Append {
    let newest = AlarmMemory { state: alarm.state, occurred_at: alarm.occurred_at };
    let memory = match memory {
        Some(known) if known.occurred_at > newest.occurred_at || alarm.state == AlarmState::Info => known,
        _ => newest,
    };
    let written = NewEvent {
        kind: event.kind().to_owned(),
        schema: SCHEMA,
        at,
        actor: origin.actor.clone(),
        cause: origin.cause.clone(),
        body: json(event),
        raw,
    };
    let head = Head { snapshot: json(&memory), fold: FOLD, listing: None };
    let stream = StreamWrite { stream: names::aside(&alarm.key), expected, events: vec![written], head };
    Append { key: origin.key.clone(), streams: vec![stream], ..Append::default() }
}
