//! From a command to one durable append: read the incident, decide, react, write, as one step of the log.
//! Every change of an incident goes through here, whoever asked for it. It performs nothing.

use crate::app::App;
use crate::clock;
use crate::config::{Config, Setup};
use crate::context;
use crate::flow::{drill, names, notify, switch};
use chrono::{DateTime, TimeDelta, Utc};
use incident::{
    ActionId, AlarmKey, Command, Event, FOLD, Incident, IncidentId, Reaction, Record, RecordEvent, Recorded, Refused,
};
use incident::{Repeat, SCHEMA, Task, decide, react, was_acted_on};
use log::{
    Append, AppendError, EventLog, Expected, Head, IdemKey, LeaseToken, LeasedEffect, NewEffect, NewEvent, Outcome,
    Raw, ReadError, StreamId, StreamWrite, View,
};
use std::sync::Arc;

/// Events of a stream that are read at once; few nights have more.
const PAGE: usize = 500;

/// Who asks, and why: kept with every event.
#[derive(Debug, Clone)]
pub struct Origin {
    /// `person:ana`, `source:eventbridge`, `catops`.
    pub actor: String,
    /// The delivery, click, command or effect that led to it.
    pub cause: String,
    /// What makes a repeat of the same request recognisable.
    pub key: Option<IdemKey>,
}

impl Origin {
    /// CatOps itself, because of an effect.
    #[must_use]
    pub fn effect(cause: &str) -> Self {
        Self { actor: "catops".to_owned(), cause: cause.to_owned(), key: None }
    }

    /// Who did this event: a source says what became of its alarm, and what follows from that is ours.
    fn actor_of(&self, event: &Event) -> &str {
        if self.actor.starts_with("source:") && !event.is_alarm_outcome() { "catops" } else { &self.actor }
    }

    /// One more event of any stream, as this origin writes it.
    #[must_use]
    pub fn writes(&self, kind: &str, event: &impl serde::Serialize, at: DateTime<Utc>) -> NewEvent {
        NewEvent {
            kind: kind.to_owned(),
            schema: SCHEMA,
            at,
            actor: self.actor.clone(),
            cause: self.cause.clone(),
            body: json(event),
            raw: None,
        }
    }

    /// A person, because of a click or a command that carries an id of its own.
    #[must_use]
    pub fn person(who: &incident::ResponderId, cause: &str) -> Self {
        Self { actor: format!("person:{who}"), cause: cause.to_owned(), key: Some(IdemKey::new(cause)) }
    }
}

/// Why a change did not happen.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChangeError {
    /// There is no such incident.
    #[error("there is no {0}")]
    NoSuchIncident(IncidentId),
    /// The rules refuse it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The same request was carried out before.
    #[error("this was done already")]
    Duplicate,
    /// The lease of the effect went to somebody else.
    #[error("another process has taken this over")]
    LeaseLost,
    /// The log could not be written.
    #[error("the event log did not take it")]
    Append(#[source] AppendError),
    /// The log could not be read.
    #[error("the event log could not be read")]
    Read(#[from] ReadError),
    /// A body in the log is not what it should be.
    #[error("event {seq} of {id} cannot be read")]
    Corrupt {
        /// Which incident.
        id: IncidentId,
        /// Which event.
        seq: u64,
        /// What is wrong with it.
        #[source]
        source: Arc<serde_json::Error>,
    },
}

impl From<AppendError> for ChangeError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Duplicate(_) => Self::Duplicate,
            AppendError::LeaseLost(_) => Self::LeaseLost,
            other => Self::Append(other),
        }
    }
}

/// A change that was written.
#[derive(Debug)]
pub struct Changed {
    /// The state after it.
    pub incident: Incident,
    /// What was written; empty when nothing had to change.
    pub events: Vec<Recorded>,
}

/// The state of an incident.
///
/// # Errors
/// [`ChangeError::NoSuchIncident`], or the log cannot be read.
pub async fn load(app: &App, id: IncidentId) -> Result<Incident, ChangeError> {
    let stream = app.log.load(&names::incident(id)).await?.ok_or(ChangeError::NoSuchIncident(id))?;
    from_stream(app, id, &stream).await
}

/// The state of an incident for whoever performs an effect: as it was when that was handed out, or later.
///
/// # Errors
/// As [`load`].
pub async fn load_since(app: &App, id: IncidentId, leased: &LeasedEffect) -> Result<Incident, ChangeError> {
    let found = app.log.load_since(&leased.token, &names::incident(id)).await?;
    let stream = found.ok_or(ChangeError::NoSuchIncident(id))?;
    from_stream(app, id, &stream).await
}

/// The state of an incident folded from all its events: with what the snapshot does without.
///
/// # Errors
/// There is no such incident, or the log cannot be read.
pub async fn load_whole(app: &App, id: IncidentId) -> Result<Incident, ChangeError> {
    let recorded = events(&*app.log, id).await?;
    Incident::fold(id, &recorded).ok_or(ChangeError::NoSuchIncident(id))
}

/// The state of an incident whose head was just read: the snapshot when it is of this fold, else all its events.
///
/// # Errors
/// The log cannot be read.
pub async fn from_stream(app: &App, id: IncidentId, stream: &log::Stream) -> Result<Incident, ChangeError> {
    from_log(&*app.log, id, stream).await
}

/// The same for whoever has only a log.
///
/// # Errors
/// As [`from_stream`].
pub async fn from_log(log: &dyn EventLog, id: IncidentId, stream: &log::Stream) -> Result<Incident, ChangeError> {
    let events_written = usize::try_from(stream.version).unwrap_or(usize::MAX);
    match snapshot(stream) {
        Some(incident) => Ok(incident),
        // Most often an opening alone, which is its own snapshot: asked for by its length, it is read where we stand.
        None if events_written <= PAGE => folded(id, &some_events(log, id, 1, events_written).await?),
        None => folded(id, &events(log, id).await?),
    }
}

/// The state of an incident, as a decision reads it.
///
/// # Errors
/// As [`load`].
pub fn seen(view: &mut dyn View, id: IncidentId) -> Result<Incident, ChangeError> {
    let stream = view.stream(&names::incident(id))?.ok_or(ChangeError::NoSuchIncident(id))?;
    seen_stream(view, id, &stream)
}

/// The state of an incident whose head a decision has just read.
///
/// # Errors
/// As [`from_stream`].
pub fn seen_stream(view: &mut dyn View, id: IncidentId, stream: &log::Stream) -> Result<Incident, ChangeError> {
    match snapshot(stream) {
        Some(incident) => Ok(incident),
        None => {
            let events = view.events(&names::incident(id), 1, usize::MAX)?;
            folded(id, &events.iter().map(|event| recorded(id, event)).collect::<Result<Vec<_>, _>>()?)
        }
    }
}

fn snapshot(stream: &log::Stream) -> Option<Incident> {
    if stream.head.fold != FOLD {
        return None;
    }
    serde_json::from_slice(&stream.head.snapshot).ok()
}

fn folded(id: IncidentId, events: &[Recorded]) -> Result<Incident, ChangeError> {
    Incident::fold(id, events).ok_or(ChangeError::NoSuchIncident(id))
}

fn recorded(id: IncidentId, event: &log::Event) -> Result<Recorded, ChangeError> {
    let parsed = serde_json::from_slice(&event.body);
    let body = parsed.map_err(|source| ChangeError::Corrupt { id, seq: event.version, source: Arc::new(source) })?;
    Ok(Recorded { seq: event.version, at: event.at, event: body })
}

/// All events of an incident, oldest first.
///
/// # Errors
/// The log cannot be read.
pub async fn events(log: &dyn EventLog, id: IncidentId) -> Result<Vec<Recorded>, ChangeError> {
    let events = all_events(log, &names::incident(id)).await?;
    events.iter().map(|event| recorded(id, event)).collect()
}

/// All events of a stream as they lie in the log, oldest first.
///
/// # Errors
/// The log cannot be read.
pub async fn all_events(log: &dyn EventLog, stream: &StreamId) -> Result<Vec<log::Event>, ReadError> {
    let mut events = Vec::new();
    loop {
        let page = log.events(stream, events.len() as u64 + 1, PAGE).await?;
        let last = page.len() < PAGE;
        events.extend(page);
        if last {
            return Ok(events);
        }
    }
}

/// Up to `max` events of an incident, oldest first, beginning with the one of that number.
///
/// # Errors
/// The log cannot be read.
pub async fn events_from(app: &App, id: IncidentId, from: u64, max: usize) -> Result<Vec<Recorded>, ChangeError> {
    some_events(&*app.log, id, from, max).await
}

async fn some_events(log: &dyn EventLog, id: IncidentId, from: u64, max: usize) -> Result<Vec<Recorded>, ChangeError> {
    let page = log.events(&names::incident(id), from, max).await?;
    page.iter().map(|event| recorded(id, event)).collect()
}

/// Carries out one command.
///
/// # Errors
/// [`ChangeError`]; a refusal changes nothing.
pub async fn command(app: &App, id: IncidentId, origin: &Origin, command: Command) -> Result<Changed, ChangeError> {
    change(app, id, origin, vec![command], None).await
}

/// Carries out commands one after the other, in one append; with a token also settles the effect that led to them.
///
/// # Errors
/// [`ChangeError`]; when one command is refused, none is carried out and the effect stays leased.
pub async fn change(
    app: &App,
    id: IncidentId,
    origin: &Origin,
    commands: Vec<Command>,
    settles: Option<&LeaseToken>,
) -> Result<Changed, ChangeError> {
    change_by(app, id, origin, clock::now(), move |_| commands.clone(), settles).await
}

/// The same with commands that follow from the incident as the decision reads it: nothing can come in between.
///
/// # Errors
/// As [`change`].
pub async fn change_by(
    app: &App,
    id: IncidentId,
    origin: &Origin,
    at: DateTime<Utc>,
    commands: impl Fn(&Incident) -> Vec<Command> + Send + 'static,
    settles: Option<&LeaseToken>,
) -> Result<Changed, ChangeError> {
    let (origin, lease, setup) = (origin.clone(), app.lease(at), app.setup());
    let settles = settles.map(|token| (token.clone(), Outcome::Done));
    let decided = log::decide(&*app.log, move |view| {
        let mut draft = Draft::new(seen(view, id)?, at);
        let commands = commands(&draft.incident);
        for command in switch::permitted(view, &commands)? {
            draft.decide(command)?;
        }
        let append = if draft.fresh.is_empty() {
            nothing(view, &origin)?
        } else {
            draft.append(view, &origin, None, Some(&setup))?
        };
        let append = Append { settles: settles.clone(), lease: lease.clone(), ..append };
        Ok::<_, ChangeError>((append, Changed { incident: draft.incident, events: draft.fresh }))
    });
    let (receipt, changed) = decided.await??;
    app.outbox.offer(receipt.leased);
    drill::count(app, &changed.events);
    Ok(changed)
}

/// What is written when nothing has to change. That may be because this very request changed it, and its answer was lost.
fn nothing(view: &mut dyn View, origin: &Origin) -> Result<Append, ChangeError> {
    match &origin.key {
        Some(key) if view.answered(key)? => Err(ChangeError::Duplicate),
        _ => Ok(Append::default()),
    }
}

/// A change that is being put together.
pub struct Draft {
    /// The state after the events so far.
    pub incident: Incident,
    /// The events so far.
    pub fresh: Vec<Recorded>,
    expected: Expected,
    at: DateTime<Utc>,
}

impl Draft {
    /// A change of an incident that exists.
    #[must_use]
    pub fn new(before: Incident, at: DateTime<Utc>) -> Self {
        Self { expected: Expected::Exact(before.seq), incident: before, fresh: Vec::new(), at }
    }

    /// A new incident. `None` when the event does not open one.
    #[must_use]
    pub fn open(id: IncidentId, event: Event, at: DateTime<Utc>) -> Option<Self> {
        let first = Recorded { seq: 1, at, event };
        let incident = Incident::open(id, &first)?;
        Some(Self { incident, fresh: vec![first], expected: Expected::NoStream, at })
    }

    /// Adds what a command becomes.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn decide(&mut self, command: Command) -> Result<(), Refused> {
        let events = decide(&self.incident, command, self.at)?;
        self.add(events);
        Ok(())
    }

    /// Adds events that were decided elsewhere.
    pub fn add(&mut self, events: Vec<Event>) {
        for event in events {
            let recorded = Recorded { seq: self.incident.seq + 1, at: self.at, event };
            self.incident.apply(&recorded);
            self.fresh.push(recorded);
        }
    }

    /// The append that writes it: the incident's stream, the alarm's record, and what has to be done because of it. Whoever
    /// the configuration names is told; beside the server, which alone has one, nobody is.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn append(
        &self,
        view: &mut dyn View,
        origin: &Origin,
        raw: Option<Raw>,
        setup: Option<&Setup>,
    ) -> Result<Append, ReadError> {
        let mut streams = vec![self.stream_write(origin, raw)];
        let remembered = self.remembered();
        if !remembered.is_empty() {
            streams.push(record_write(view, &self.incident.alarm.key, &remembered, self.at, origin)?);
        }
        let reaction = react(&self.incident, &self.fresh);
        let config = setup.map(|setup| &setup.config);
        let asked = reaction.effects.iter().filter(|effect| is_asked_for(&effect.task, config));
        let told = config.into_iter().flat_map(|config| notify::of_events(config, &self.incident, &self.fresh));
        let effects = asked.map(new_effect).chain(told).collect();
        Ok(Append {
            keys: origin.key.iter().cloned().collect(),
            streams,
            effects,
            cancel: cancelled(&reaction),
            ..Append::default()
        })
    }

    fn stream_write(&self, origin: &Origin, mut raw: Option<Raw>) -> StreamWrite {
        let events = self.fresh.iter().map(|recorded| NewEvent {
            kind: recorded.event.kind().to_owned(),
            schema: SCHEMA,
            at: recorded.at,
            actor: origin.actor_of(&recorded.event).to_owned(),
            // What opened and what repeats it may be written together, and each is the outcome of its own delivery.
            cause: recorded.event.delivery().map_or_else(|| origin.cause.clone(), |delivery| delivery.0.clone()),
            body: json(&recorded.event),
            raw: raw.take(),
        });
        StreamWrite {
            stream: names::incident(self.incident.id),
            expected: self.expected,
            events: events.collect(),
            head: head(&self.incident),
        }
    }

    /// When its events are written.
    #[must_use]
    pub const fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// What the alarm's record should remember of these events.
    #[must_use]
    pub fn remembered(&self) -> Vec<RecordEvent> {
        if !self.incident.counts() {
            return Vec::new();
        }
        self.fresh.iter().filter_map(|recorded| remember(&self.incident, &recorded.event)).collect()
    }
}

/// What only some configurations want costs the others nothing.
fn is_asked_for(task: &Task, config: Option<&Config>) -> bool {
    match task {
        Task::Context { .. } => config.is_some_and(context::is_wanted),
        Task::Notify { .. } => config.is_some_and(|config| !config.webhooks.is_empty()),
        _ => true,
    }
}

/// The state of an incident as it is kept beside its stream. An opening is its own snapshot: folding one event costs less
/// than writing the same text twice.
#[must_use]
pub fn head(incident: &Incident) -> Head {
    let snapshot = if incident.seq == 1 { Vec::new() } else { json(incident) };
    let listing = if incident.is_open() { names::OPEN } else { names::RESOLVED };
    Head { snapshot, fold: FOLD, listing: Some(listing.to_owned()) }
}

fn remember(incident: &Incident, event: &Event) -> Option<RecordEvent> {
    let id = incident.id;
    match event {
        // What changes something is watched, and its outcome says more than that somebody wanted it.
        Event::ActionRequested { action, by, read_only: true, .. } => Some(RecordEvent::Chosen {
            incident: id,
            action: action.clone(),
            by: by.clone(),
            place: place(incident, action),
        }),
        Event::ActionHelped { run, .. } | Event::ActionDidNotHelp { run } => {
            let run = incident.run(run)?;
            let after_seconds = match event {
                Event::ActionHelped { after_seconds, .. } => Some(*after_seconds),
                _ => None,
            };
            let (action, by) = (run.action.clone(), run.by.clone());
            Some(RecordEvent::RunJudged { incident: id, action, by, helped: after_seconds.is_some(), after_seconds })
        }
        Event::Judged { by, right: false } => {
            let action = incident.suggestions.first()?.action.clone()?;
            Some(RecordEvent::Rejected { incident: id, action, by: by.clone() })
        }
        Event::FixNamed { by, fix } => Some(RecordEvent::Fixed { incident: id, fix: fix.clone(), by: by.clone() }),
        Event::Cleared { .. } | Event::Resolved { .. } => {
            let open_for = incident.resolved.as_ref().map_or(TimeDelta::zero(), |end| end.at - incident.opened_at);
            Some(RecordEvent::Ended {
                incident: id,
                cleared_alone: matches!(event, Event::Cleared { .. }) && !was_acted_on(incident),
                open_seconds: u64::try_from(open_for.num_seconds()).unwrap_or(0),
            })
        }
        _ => None,
    }
}

/// An action's place among the suggestions that stand on the card, from 1.
fn place(incident: &Incident, action: &ActionId) -> Option<u8> {
    let place = incident.suggestions.iter().position(|suggestion| suggestion.action.as_ref() == Some(action))?;
    u8::try_from(place + 1).ok()
}

/// Adds one event to a stream that keeps no state, whatever its version is.
///
/// # Errors
/// The log did not take it.
pub async fn add(
    log: &dyn EventLog,
    stream: StreamId,
    event: NewEvent,
    listing: Option<&str>,
) -> Result<(), AppendError> {
    add_keyed(log, stream, event, listing, None).await
}

/// The same, once for each key.
///
/// # Errors
/// The log did not take it.
pub async fn add_keyed(
    log: &dyn EventLog,
    stream: StreamId,
    event: NewEvent,
    listing: Option<&str>,
    key: Option<IdemKey>,
) -> Result<(), AppendError> {
    let head = Head { snapshot: Vec::new(), fold: 0, listing: listing.map(str::to_owned) };
    let written = log::decide(log, move |view| {
        let expected = view.stream(&stream)?.map_or(Expected::NoStream, |found| Expected::Exact(found.version));
        let write = StreamWrite { stream: stream.clone(), expected, events: vec![event.clone()], head: head.clone() };
        let keys = key.iter().cloned().collect();
        Ok::<_, ReadError>((Append { keys, streams: vec![write], ..Append::default() }, ()))
    });
    match written.await {
        Ok(written) => Ok(written.map(drop)?),
        Err(AppendError::Duplicate(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The record of an alarm key; empty when nothing ended yet.
///
/// # Errors
/// The log cannot be read.
pub async fn record(app: &App, key: &AlarmKey) -> Result<Record, ReadError> {
    let name = names::record(key);
    let Some(stream) = app.log.load(&name).await? else { return Ok(Record::default()) };
    match remembered(&stream) {
        Some(record) => Ok(record),
        None => Ok(refold(&all_events(&*app.log, &name).await?).unwrap_or_default()),
    }
}

/// The record as its head has it; none when it was written by another version of the fold.
fn remembered(stream: &log::Stream) -> Option<Record> {
    if stream.head.fold != FOLD {
        return None;
    }
    serde_json::from_slice(&stream.head.snapshot).ok()
}

fn refold(events: &[log::Event]) -> Option<Record> {
    let mut record = Record::default();
    for event in events {
        record.apply(&serde_json::from_slice::<RecordEvent>(&event.body).ok()?, event.at);
    }
    Some(record)
}

/// The state of a record as its events lead to it; none when one of them cannot be read.
///
/// # Errors
/// The log cannot be read.
pub async fn refolded_record(log: &dyn EventLog, stream: &StreamId) -> Result<Option<Head>, ReadError> {
    Ok(refold(&all_events(log, stream).await?).as_ref().map(record_head))
}

fn record_head(record: &Record) -> Head {
    Head { snapshot: json(record), fold: FOLD, listing: None }
}

/// The write that adds events to an alarm's record.
///
/// # Errors
/// The record cannot be read.
pub fn record_write(
    view: &mut dyn View,
    key: &AlarmKey,
    events: &[RecordEvent],
    at: DateTime<Utc>,
    origin: &Origin,
) -> Result<StreamWrite, ReadError> {
    let name = names::record(key);
    let before = view.stream(&name)?;
    let expected = before.as_ref().map_or(Expected::NoStream, |stream| Expected::Exact(stream.version));
    let mut record = match &before {
        None => Record::default(),
        Some(stream) => match remembered(stream) {
            Some(record) => record,
            None => refold(&view.events(&name, 1, usize::MAX)?).unwrap_or_default(),
        },
    };
    for event in events {
        record.apply(event, at);
    }
    let events = events.iter().map(|event| NewEvent {
        kind: event.kind().to_owned(),
        schema: SCHEMA,
        at,
        actor: origin.actor.clone(),
        cause: origin.cause.clone(),
        body: json(event),
        raw: None,
    });
    Ok(StreamWrite { stream: names::record(key), expected, events: events.collect(), head: record_head(&record) })
}

/// An effect of the domain as the log keeps it.
#[must_use]
pub fn new_effect(effect: &incident::Effect) -> NewEffect {
    NewEffect {
        id: effect.id.as_str().into(),
        due_at: effect.due_at,
        kind: "task".to_owned(),
        body: json(&effect.task),
        repeat: match effect.repeat {
            Repeat::Safe => log::Repeat::Safe,
            Repeat::Reconcile => log::Repeat::Reconcile,
        },
        slot: effect.slot,
    }
}

fn cancelled(reaction: &Reaction) -> Vec<log::EffectId> {
    let mut ids: Vec<&str> = reaction.cancel.iter().map(String::as_str).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.retain(|id| reaction.effects.iter().all(|effect| effect.id != *id));
    ids.into_iter().map(Into::into).collect()
}

/// The JSON of something of ours. It cannot fail: our types have string keys and no custom serialisers.
pub(crate) fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("our own types are plain JSON")
}
