//! From a decoded alarm to its outcome in the log. Only when this returns may the sender be answered.

use crate::app::App;
use crate::clock;
use crate::flow::change::{self, ChangeError, Draft, Origin};
use crate::flow::silences::{self, Key, Silenced};
use crate::flow::turns::{Entered, TOGETHER_MAX, Waiting};
use crate::flow::{changes, names, triage};
use chrono::{DateTime, TimeDelta, Utc};
use incident::{
    Alarm, AlarmKey, AlarmMemory, AlarmState, Event, Incident, IncidentId, Reception, SilenceId, Silences,
    receive_together as decide_together, receive_under as decide_reception,
};
use log::{Append, AppendError, Claim, IdemKey, NewEvent, Raw, ReadError, StreamId, View};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::runtime::Handle;

/// What became of one alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It opened an incident.
    Opened(IncidentId),
    /// It belongs to an incident that was there.
    Joined(IncidentId),
    /// It changed nothing.
    SetAside,
    /// It would have opened an incident, and this silence is about it.
    Silenced(SilenceId),
    /// It was delivered before.
    Duplicate,
}

impl Outcome {
    /// The incident it belongs to, if one is known.
    #[must_use]
    pub const fn incident(&self) -> Option<IncidentId> {
        match self {
            Self::Opened(id) | Self::Joined(id) => Some(*id),
            Self::SetAside | Self::Silenced(_) | Self::Duplicate => None,
        }
    }
}

/// What the sender of one alarm is told.
pub type Received = Result<Outcome, ChangeError>;

/// Receives all alarms of one delivery, in their order; one sync serves them all. The raw bytes are kept with the first.
///
/// # Errors
/// The log did not take one of them: the sender must deliver again, and what was taken will be recognised.
pub async fn receive_all(app: &Arc<App>, alarms: Vec<Alarm>, raw: &[u8]) -> Result<Vec<Outcome>, ChangeError> {
    app.outbox.received(clock::now(), alarms.len());
    let mut raw = Some(Raw::new(raw));
    futures::future::try_join_all(alarms.into_iter().map(|alarm| receive(app, alarm, raw.take()))).await
}

/// Receives alarms that came together, those of one key in one append where that is possible. What became of each.
pub async fn receive_batch(app: &Arc<App>, alarms: Vec<(Alarm, Option<Raw>)>) -> Vec<Received> {
    app.outbox.received(clock::now(), alarms.len());
    let mut places: BTreeMap<AlarmKey, Vec<usize>> = BTreeMap::new();
    for (place, (alarm, _)) in alarms.iter().enumerate() {
        places.entry(alarm.key.clone()).or_default().push(place);
    }
    let groups = places.values().map(|places| async {
        let group = places.iter().map(|place| alarms[*place].clone()).collect();
        places.iter().copied().zip(receive_group(app, group).await).collect::<Vec<_>>()
    });
    let mut received: Vec<_> = futures::future::join_all(groups).await.into_iter().flatten().collect();
    received.sort_by_key(|(place, _)| *place);
    received.into_iter().map(|(_, received)| received).collect()
}

/// Receives alarms of one key, in their order.
async fn receive_group(app: &Arc<App>, group: Vec<(Alarm, Option<Raw>)>) -> Vec<Received> {
    if group.len() > 1 && group.len() <= TOGETHER_MAX {
        // Of payloads that say the same, the newest is kept.
        let raw = group.iter().rev().find_map(|(_, raw)| raw.clone());
        let alarms = group.iter().map(|(alarm, _)| alarm.clone()).collect();
        match receive_together(app, alarms, raw).await {
            Ok(Some(outcomes)) => return outcomes.into_iter().map(Ok).collect(),
            Ok(None) => {}
            Err(error) => return group.iter().map(|_| Err(error.clone())).collect(),
        }
    }
    let mut received = Vec::with_capacity(group.len());
    for (alarm, raw) in group {
        received.push(receive(app, alarm, raw).await);
    }
    received
}

/// Receives one alarm, after those of its key that came before it.
///
/// # Errors
/// The log did not take it.
pub async fn receive(app: &Arc<App>, alarm: Alarm, raw: Option<Raw>) -> Received {
    match app.turns.enter(alarm, raw) {
        Entered::First(alarm, raw) => {
            let _turn = Turn { app: Arc::clone(app), key: alarm.key.clone() };
            receive_one(app, alarm, raw).await
        }
        Entered::Behind(answer) => answer.await.unwrap_or_else(|_| Err(given_up())),
    }
}

fn given_up() -> ChangeError {
    ChangeError::Append(AppendError::Unknown(Arc::new(std::io::Error::other("whoever was to write it has ended"))))
}

/// The turn of whoever came first. However it ends, also when its sender hangs up, those who wait are served.
struct Turn {
    app: Arc<App>,
    key: AlarmKey,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.app.turns.ends(&self.key) {
            return;
        }
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(serve_waiting(Arc::clone(&self.app), self.key.clone()))),
            Err(_) => self.app.turns.abandon(&self.key),
        }
    }
}

async fn serve_waiting(app: Arc<App>, key: AlarmKey) {
    loop {
        let waiting = app.turns.take(&key);
        match waiting.as_slice() {
            [] => return,
            [_] => serve_one_by_one(&app, waiting).await,
            _ => serve_together(&app, waiting).await,
        }
    }
}

async fn serve_one_by_one(app: &Arc<App>, waiting: Vec<Waiting<Received>>) {
    for Waiting { alarm, raw, answer } in waiting {
        // Whoever has hung up delivers again; then it is recognised.
        answer.send(receive_one(app, alarm, raw).await).ok();
    }
}

async fn serve_together(app: &Arc<App>, waiting: Vec<Waiting<Received>>) {
    // Of payloads that say the same, the newest is kept.
    let raw = waiting.iter().rev().find_map(|waiting| waiting.raw.clone());
    let alarms: Vec<Alarm> = waiting.iter().map(|waiting| waiting.alarm.clone()).collect();
    match receive_together(app, alarms, raw).await {
        Ok(Some(outcomes)) => {
            app.metrics.count("alarms_written_together", "");
            for (waiting, outcome) in waiting.into_iter().zip(outcomes) {
                waiting.answer.send(Ok(outcome)).ok();
            }
        }
        Ok(None) => serve_one_by_one(app, waiting).await,
        Err(error) => {
            for waiting in waiting {
                waiting.answer.send(Err(error.clone())).ok();
            }
        }
    }
}

/// Receives alarms of one key in one append: repeats of what is open, or an alarm that opens and its repeats. `None` when
/// they are something else: then nothing was written.
async fn receive_together(
    app: &App,
    alarms: Vec<Alarm>,
    raw: Option<Raw>,
) -> Result<Option<Vec<Outcome>>, ChangeError> {
    let at = clock::now();
    let (setup, lease) = (app.setup(), app.lease(at));
    let window = setup.config.reopen_window;
    let rules = app.silences.now(&*app.log, at).await;
    let decided = log::decide(&*app.log, move |view| {
        let Some(situation) = alarms.first().map(|first| Situation::read(view, first)).transpose()? else {
            return Ok((Append::default(), Some(Vec::new())));
        };
        let fresh = not_yet_taken(view, &alarms)?;
        let Some(first) = fresh.first() else {
            return Ok((Append::default(), Some(vec![Outcome::Duplicate; alarms.len()])));
        };
        let Some(Together { draft, claim, opens }) = together(view, situation, &fresh, &rules, window, at)? else {
            return Ok((Append::default(), None));
        };
        let mut append = draft.append(view, &origin(first), raw.clone(), Some(&setup))?;
        append.claims.extend(claim);
        let id = draft.incident.id;
        let outcome = |alarm: &Alarm| match fresh.iter().position(|new| new.delivery == alarm.delivery) {
            Some(0) if opens => Outcome::Opened(id),
            Some(_) => Outcome::Joined(id),
            None => Outcome::Duplicate,
        };
        let outcomes = alarms.iter().map(outcome).collect();
        let keys = fresh.iter().map(|alarm| IdemKey::new(alarm.delivery.as_str())).collect();
        Ok::<_, ChangeError>((Append { keys, lease: lease.clone(), ..append }, Some(outcomes)))
    });
    let (receipt, outcomes) = decided.await??;
    app.outbox.offer(receipt.leased);
    Ok(outcomes)
}

/// What alarms of one key lead to when they come together.
struct Together {
    draft: Draft,
    claim: Option<Claim>,
    opens: bool,
}

fn together(
    view: &mut dyn View,
    situation: Situation,
    fresh: &[Alarm],
    rules: &Silences,
    window: TimeDelta,
    at: DateTime<Utc>,
) -> Result<Option<Together>, ChangeError> {
    let Situation { holder, incident, key } = situation;
    if let Some(event) = incident.as_ref().and_then(|incident| decide_together(incident, fresh)) {
        let mut draft = Draft::new(incident.expect("repeats are of an incident"), at);
        draft.add(vec![event]);
        return Ok(Some(Together { draft, claim: None, opens: false }));
    }
    let Some((first, rest)) = fresh.split_first() else { return Ok(None) };
    let memory = key.memory.as_ref();
    let reception = decide_reception(rules, incident.as_ref(), memory, first.clone(), window, at);
    let Reception::Open(event) = reception else { return Ok(None) };
    // What was held back comes out alone, so that this is written once.
    if memory.is_some_and(|memory| memory.held.is_some()) {
        return Ok(None);
    }
    let id = IncidentId(view.number(names::INCIDENTS)?);
    let mut draft = Draft::open(id, event, at).expect("a reception that opens carries an opening");
    if !rest.is_empty() {
        let Some(repeats) = decide_together(&draft.incident, rest) else { return Ok(None) };
        draft.add(vec![repeats]);
    }
    Ok(Some(Together { claim: Some(claim(first, holder, id)), draft, opens: true }))
}

/// Those whose delivery the log does not know, each once.
fn not_yet_taken(view: &mut dyn View, alarms: &[Alarm]) -> Result<Vec<Alarm>, ReadError> {
    let mut fresh: Vec<Alarm> = Vec::with_capacity(alarms.len());
    for alarm in alarms {
        let known = fresh.iter().any(|earlier| earlier.delivery == alarm.delivery)
            || view.answered(&IdemKey::new(alarm.delivery.as_str()))?;
        if !known {
            fresh.push(alarm.clone());
        }
    }
    Ok(fresh)
}

pub(super) async fn receive_one(app: &App, alarm: Alarm, raw: Option<Raw>) -> Received {
    let at = clock::now();
    let setup = app.setup();
    // A drill that is over stays so; the next one of the same name is another.
    let window = if alarm.counts() { setup.config.reopen_window } else { TimeDelta::seconds(-1) };
    let (origin, lease) = (origin(&alarm), app.lease(at));
    let rules = match alarm.state {
        AlarmState::Firing if alarm.counts() => app.silences.now(&*app.log, at).await,
        // Whatever it is, it opens nothing that a silence could be about.
        _ => Arc::default(),
    };
    // One transaction instead of two until somebody is paged; in a storm the answer to the sender comes first.
    let is_foreseeable = lease.is_some() && rules.over(&alarm, at).is_none();
    let foreseen = if is_foreseeable { triage::foresee(app, &alarm, at).await } else { None };
    let decided = log::decide(&*app.log, move |view| {
        let Situation { holder, incident, key } = Situation::read(view, &alarm)?;
        let reception = decide_reception(&rules, incident.as_ref(), key.memory.as_ref(), alarm.clone(), window, at);
        let (append, outcome) = match reception {
            Reception::Open(event) => {
                let id = IncidentId(view.number(names::INCIDENTS)?);
                let mut draft = Draft::open(id, event, at).expect("a reception that opens carries an opening");
                let held = key.memory.as_ref().and_then(|memory| memory.held.as_ref());
                draft.add(held.iter().map(|held| held.event(&rules)).collect());
                for command in foreseen.iter().flatten() {
                    draft.decide(command.clone())?;
                }
                let mut append = draft.append(view, &origin, raw.clone(), Some(&setup))?;
                append.claims.push(claim(&alarm, holder, id));
                append.streams.extend(held.map(|held| silences::came_out(&key, held, id, &origin, at)));
                (append, Outcome::Opened(id))
            }
            Reception::Aside(outcome @ Event::Silenced { silence, .. }) => {
                let silenced = Silenced { alarm: &alarm, outcome: &outcome, silence, at };
                let append = silences::hold(view, key, holder, &silenced, &rules, &origin, raw.clone())?;
                (append, Outcome::Silenced(silence))
            }
            Reception::Join(events) => {
                let mut draft = Draft::new(incident.expect("a reception that joins was given an incident"), at);
                draft.add(events);
                (draft.append(view, &origin, raw.clone(), Some(&setup))?, Outcome::Joined(draft.incident.id))
            }
            Reception::Aside(event) => (set_aside(&key, &alarm, &event, &origin, raw.clone(), at), Outcome::SetAside),
        };
        let mut append = Append { lease: lease.clone(), ..append };
        append.streams.extend(changes::write(view, &alarm, at)?);
        Ok::<_, ChangeError>((append, outcome))
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
    key: Key,
}

impl Situation {
    fn read(view: &mut dyn View, alarm: &Alarm) -> Result<Self, ChangeError> {
        if let Some(claimed) = view.claimed(&names::claim(&alarm.key))? {
            let incident = match (names::incident_of(&claimed.holder), &claimed.stream) {
                (Some(id), Some(stream)) => Some(change::seen_stream(view, id, stream)?),
                _ => None,
            };
            return Ok(Self { holder: Some(claimed.holder), incident, key: Key::unread() });
        }
        Ok(Self { holder: None, incident: None, key: Key::read(view, &alarm.key)? })
    }
}

fn claim(alarm: &Alarm, holder: Option<StreamId>, id: IncidentId) -> Claim {
    Claim { key: names::claim(&alarm.key), expected: holder, holder: Some(names::incident(id)) }
}

fn set_aside(key: &Key, alarm: &Alarm, event: &Event, origin: &Origin, raw: Option<Raw>, at: DateTime<Utc>) -> Append {
    let memory = AlarmMemory::after(key.memory.clone(), alarm, event, at);
    let written = NewEvent { raw, ..origin.writes(event.kind(), event, at) };
    let streams = vec![key.write(&alarm.key, written, &memory)];
    Append { keys: origin.key.iter().cloned().collect(), streams, ..Append::default() }
}
