//! From a decoded alarm to its outcome in the log. Only when this returns may the sender be answered.

use crate::app::App;
use crate::clock;
use crate::flow::change::{self, ChangeError, Draft, Origin, TRIES_MAX, json};
use crate::flow::names;
use chrono::{DateTime, Utc};
use incident::{
    Alarm, AlarmMemory, AlarmState, Event, FOLD, Incident, IncidentId, Reception, SCHEMA, receive as decide_reception,
};
use log::{Append, AppendError, Claim, Expected, Head, IdemKey, NewEvent, StreamId, StreamWrite};

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

/// Receives all alarms of one delivery. They are written side by side, so that one sync serves them all; alarms of the
/// same key keep their order. The raw bytes are kept with the first one.
///
/// # Errors
/// The log did not take one of them: the sender must deliver again, and what was taken will be recognised.
pub async fn receive_all(app: &App, alarms: Vec<Alarm>, raw: &[u8]) -> Result<Vec<Outcome>, ChangeError> {
    let mut alarms = alarms.into_iter();
    match (alarms.next(), alarms.len()) {
        (None, _) => Ok(Vec::new()),
        (Some(only), 0) => Ok(vec![receive(app, only, Some(raw)).await?]),
        (Some(first), _) => {
            let first = receive(app, first, Some(raw));
            let rest = futures::future::try_join_all(alarms.map(|alarm| receive(app, alarm, None)));
            let (first, mut rest) = futures::future::try_join(first, rest).await?;
            rest.insert(0, first);
            Ok(rest)
        }
    }
}

/// Receives one alarm.
///
/// # Errors
/// The log did not take it.
pub async fn receive(app: &App, alarm: Alarm, raw: Option<&[u8]>) -> Result<Outcome, ChangeError> {
    // Alarms of one key queue up here instead of colliding in the log; correctness does not depend on it.
    let _turn = app.turn(&alarm.key).await;
    for _ in 0..TRIES_MAX {
        let at = clock::now();
        let situation = Situation::load(app, &alarm).await?;
        let window = app.setup().config.reopen_window;
        let reception =
            decide_reception(situation.incident.as_ref(), situation.memory.as_ref(), alarm.clone(), window, at);
        let origin = origin(&alarm);
        let (append, outcome) = match reception {
            Reception::Open(event) => open(app, &situation, &alarm, event, &origin, raw, at).await?,
            Reception::Join(events) => {
                let Some(incident) = situation.incident else { return Ok(Outcome::SetAside) };
                let outcome = Outcome::Joined(incident.id);
                let mut draft = Draft::new(incident, at);
                draft.add(events);
                (draft.append(app, &origin, raw.map(<[u8]>::to_vec)).await?, outcome)
            }
            Reception::Aside(event) => (set_aside(&situation, &alarm, &event, &origin, raw, at), Outcome::SetAside),
        };
        match app.log.append(append).await {
            Ok(receipt) => {
                app.outbox.offer(receipt.leased);
                return Ok(outcome);
            }
            Err(AppendError::Duplicate(_)) => return Ok(Outcome::Duplicate),
            Err(AppendError::Conflict { .. } | AppendError::ClaimConflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(ChangeError::Append(AppendError::Throttled { after: std::time::Duration::from_secs(1) }))
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
    async fn load(app: &App, alarm: &Alarm) -> Result<Self, ChangeError> {
        if let Some(claimed) = app.log.load_claimed(&names::claim(&alarm.key)).await? {
            let incident = match (names::incident_of(&claimed.holder), &claimed.stream) {
                (Some(id), Some(stream)) => Some(change::from_stream(app, id, stream).await?),
                _ => None,
            };
            return Ok(Self { holder: Some(claimed.holder), incident, memory: None, aside: Expected::NoStream });
        }
        let (memory, aside) = match app.log.load(&names::aside(&alarm.key)).await? {
            None => (None, Expected::NoStream),
            Some(stream) => (serde_json::from_slice(&stream.head.snapshot).ok(), Expected::Exact(stream.version)),
        };
        Ok(Self { holder: None, incident: None, memory, aside })
    }
}

async fn open(
    app: &App,
    situation: &Situation,
    alarm: &Alarm,
    event: Event,
    origin: &Origin,
    raw: Option<&[u8]>,
    at: DateTime<Utc>,
) -> Result<(Append, Outcome), ChangeError> {
    let id = IncidentId(app.log.next_number(names::INCIDENTS).await?);
    let draft = Draft::open(id, event, at).expect("a reception that opens carries an opening");
    let mut append = draft.append(app, origin, raw.map(<[u8]>::to_vec)).await?;
    append.claims.push(Claim {
        key: names::claim(&alarm.key),
        expected: situation.holder.clone(),
        holder: Some(names::incident(id)),
    });
    Ok((append, Outcome::Opened(id)))
}

fn set_aside(
    situation: &Situation,
    alarm: &Alarm,
    event: &Event,
    origin: &Origin,
    raw: Option<&[u8]>,
    at: DateTime<Utc>,
) -> Append {
    let newest = AlarmMemory { state: alarm.state, occurred_at: alarm.occurred_at };
    let memory = match situation.memory {
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
        raw: raw.map(<[u8]>::to_vec),
    };
    let head = Head { snapshot: json(&memory), fold: FOLD, listing: None };
    let stream =
        StreamWrite { stream: names::aside(&alarm.key), expected: situation.aside, events: vec![written], head };
    Append { key: origin.key.clone(), streams: vec![stream], ..Append::default() }
}
