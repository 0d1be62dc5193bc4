//! What happens when the duty changes hands: for each schedule one timer, due at its next handoff, kept in the log so that no
//! restart forgets it. It is asked for at a start, after each wish in the book and each edit of the files; a late or double
//! one is harmless, because what is new is decided on what was announced (`state`) and written down in the same append.
//!
//! What is told in Slack of it are effects of their own, whose ids follow from the handoff. No clock loop is needed, so that
//! a process that lives only for one event does the same.

mod gather;
mod groups;
mod post;
mod state;
mod topic;

use crate::app::App;
use crate::clock;
use crate::flow::act::Doer;
use crate::flow::change::{ChangeError, Origin, all_events, json};
use crate::flow::names;
use crate::flow::perform::{NotNow, done};
use crate::flow::{ready, triage};
use chrono::{DateTime, TimeDelta, Utc};
use incident::{FOLD, ResponderId, SCHEMA};
use log::{
    Append, AppendError, EventLog, Expected, Head, LeasedEffect, NewEffect, NewEvent, Outcome, ReadError, Repeat,
    Stream, StreamId, StreamWrite,
};
use rota::Zone;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub use gather::gather;
pub use groups::cross_check;
pub use state::{HandoffEvent, Handoffs, KnownGap, Look, Newest, Place};

/// The kind of the effects of this module. Only this file writes and reads their bodies.
pub const KIND: &str = "handoff";

/// The longest time between two looks at a schedule: a gap that comes nearer is seen within it.
const LOOK_EVERY: TimeDelta = TimeDelta::hours(6);
/// Timers in one append.
const TIMERS_PER_APPEND: usize = 50;

/// What falls due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "due", rename_all = "snake_case")]
enum Due {
    /// A schedule is looked at.
    Look { schedule: String },
    /// The post of a handoff is brought up to date.
    Post { schedule: String, number: u64 },
    /// The time to acknowledge a handoff is over.
    Unacknowledged { schedule: String, number: u64 },
    /// Somebody is told that nobody acknowledged.
    Tell { schedule: String, number: u64, to: ResponderId },
    /// The alarm of a gap is brought up to date.
    Gap { schedule: String, number: u64 },
    /// The channel is told of people who cannot be reached.
    Unreachable { schedule: String, people: Vec<ResponderId> },
    /// The channel is told of handoffs that other rules of time zones moved; the event of that number says which.
    Moved { schedule: String, version: u64 },
    /// The topic of the channel is brought up to date.
    Topic { schedule: String },
    /// A user group is brought up to date.
    Group { id: String },
    /// The channel is told what is wrong with a user group, by the event of that number.
    GroupTell { id: String, version: u64, problem: String },
}

impl Due {
    /// The effect that does it; its id follows from what it is about.
    fn effect(&self, due_at: DateTime<Utc>) -> NewEffect {
        let (id, repeat, slot) = match self {
            Self::Look { schedule } => (format!("handoff/{schedule}"), Repeat::Safe, true),
            Self::Post { schedule, number } => (format!("handoff/{schedule}/{number}/post"), Repeat::Reconcile, true),
            Self::Unacknowledged { schedule, number } => {
                (format!("handoff/{schedule}/{number}/unacknowledged"), Repeat::Safe, false)
            }
            Self::Tell { schedule, number, to } => {
                (format!("handoff/{schedule}/{number}/told/{to}"), Repeat::Reconcile, false)
            }
            Self::Gap { schedule, number } => (format!("handoff/{schedule}/gap/{number}"), Repeat::Reconcile, true),
            Self::Unreachable { schedule, people } => {
                let whom: Vec<&str> = people.iter().map(|person| person.0.as_str()).collect();
                (
                    format!("handoff/{schedule}/unreachable/{}/{}", due_at.timestamp(), whom.join(",")),
                    Repeat::Reconcile,
                    false,
                )
            }
            Self::Moved { schedule, version } => {
                (format!("handoff/{schedule}/moved/{version}"), Repeat::Reconcile, false)
            }
            Self::Topic { schedule } => (format!("handoff/{schedule}/topic"), Repeat::Safe, true),
            Self::Group { id } => (format!("usergroup/{id}"), Repeat::Safe, true),
            Self::GroupTell { id, version, .. } => (format!("usergroup/{id}/{version}"), Repeat::Reconcile, false),
        };
        NewEffect { id: id.into(), due_at, kind: KIND.to_owned(), body: json(self), repeat, slot }
    }
}

/// The timer of a schedule: a slot, so there is one however often it is asked for, and the earliest moment counts.
#[must_use]
pub fn timer(schedule: &str, due_at: DateTime<Utc>) -> NewEffect {
    Due::Look { schedule: schedule.to_owned() }.effect(due_at)
}

/// Makes sure that every schedule and every user group has its timer, due now. It reads nothing: what is new is seen when
/// they are performed. Those that are no longer configured stop there.
///
/// # Errors
/// The log cannot be written.
pub async fn arm_all(app: &App) -> Result<(), AppendError> {
    let (setup, now) = (app.setup(), clock::now());
    let mut timers: Vec<NewEffect> = setup.rota.schedules.keys().map(|schedule| timer(schedule, now)).collect();
    timers.extend(groups::timers(&setup.config, now));
    for some in timers.chunks(TIMERS_PER_APPEND) {
        app.log.append(Append { effects: some.to_vec(), ..Append::default() }).await?;
    }
    Ok(())
}

/// Performs what is due.
///
/// # Errors
/// The log or Slack did not take it.
pub async fn perform(app: &App, leased: &LeasedEffect) -> Result<(), NotNow> {
    let due: Due = serde_json::from_slice(&leased.effect.body)
        .map_err(|error| NotNow::Never(format!("unknown work about a handoff: {error}")))?;
    match &due {
        Due::Look { schedule } => look(app, schedule, leased).await,
        Due::Post { schedule, number } => post::handoff(app, schedule, *number, leased).await,
        Due::Unacknowledged { schedule, number } => unacknowledged(app, schedule, *number, leased).await,
        Due::Tell { schedule, number, to } => post::tell(app, schedule, *number, to, leased).await,
        Due::Gap { schedule, number } => post::gap(app, schedule, *number, leased).await,
        Due::Unreachable { schedule, people } => post::unreachable(app, schedule, people, leased).await,
        Due::Moved { schedule, version } => post::moved(app, schedule, *version, leased).await,
        Due::Topic { schedule } => topic::perform(app, schedule, leased).await,
        Due::Group { id } => groups::perform(app, id, leased).await,
        Due::GroupTell { id, problem, .. } => groups::tell(app, id, problem, leased).await,
    }
}

/// Looks at a schedule, writes down what is new, asks for what has to be told, and waits for the next handoff.
async fn look(app: &App, schedule: &str, leased: &LeasedEffect) -> Result<(), NotNow> {
    let (setup, now) = (app.setup(), clock::now());
    let Some(found) = setup.rota.schedules.get(schedule) else { return done(app, leased).await };
    let book = book_version(app).await?;
    let operations = triage::operations(&*app.log).await?;
    let (before, version) = load_with_version(&*app.log, schedule).await?;
    let look = Look {
        rota: &setup.rota,
        schedule,
        operations: &operations,
        now,
        look_ahead: setup.config.handoffs.look_ahead,
        tzdata: Zone::tzdata_version(),
    };
    let (news, next) = look.news(&before).map_err(|unknown| NotNow::Never(unknown.to_string()))?;
    let due_at = next.unwrap_or(now + LOOK_EVERY).min(now + LOOK_EVERY);
    let waiting = Outcome::Retry { due_at, error: "waiting for the next handoff".to_owned() };
    let mut effects = ready::effects(&setup.rota, found, &news, now);
    if found.channel.is_some() && app.slack.is_some() {
        let within = setup.config.handoffs.acknowledge_within;
        effects.extend(told(schedule, &before, &news, version, (now, within)));
        // Found while there was no channel: told as soon as there is one.
        let untold = before.gaps.iter().filter(|(_, gap)| gap.post.is_none() && !gap.is_filled && gap.span.start > now);
        let gap = |number: u64| Due::Gap { schedule: schedule.to_owned(), number }.effect(now);
        let asked = |effect: &NewEffect| effects.iter().all(|other| other.id != effect.id);
        let untold: Vec<NewEffect> = untold.map(|(number, _)| gap(*number)).filter(asked).collect();
        effects.extend(untold);
        if found.topic {
            effects.push(Due::Topic { schedule: schedule.to_owned() }.effect(now));
        }
    }
    if news.iter().any(|event| matches!(event, HandoffEvent::HandedOver { .. })) {
        effects.extend(groups::timers(&setup.config, now));
    }
    let cause = Origin::effect(leased.effect.id.as_str());
    let streams = write(schedule, before, version, &news, &cause, now).into_iter().collect();
    let append = Append { streams, effects, lease: app.lease(now), ..Append::default() };
    let receipt = app.log.settle(&leased.token, waiting, Some(append)).await?;
    app.outbox.offer(receipt.leased);
    // What was changed while this looked asked for a look that was already under way, and its answer may be of before.
    if book_version(app).await? != book || !Arc::ptr_eq(&setup, &app.setup()) {
        app.log.append(Append { effects: vec![timer(schedule, now)], ..Append::default() }).await?;
    }
    Ok(())
}

/// How often people have changed the rota by hand.
async fn book_version(app: &App) -> Result<u64, ReadError> {
    Ok(app.log.load(&names::book()).await?.map_or(0, |stream| stream.version))
}

/// What has to be told of what is new.
fn told(
    schedule: &str,
    before: &Handoffs,
    news: &[HandoffEvent],
    version: u64,
    (now, within): (DateTime<Utc>, TimeDelta),
) -> Vec<NewEffect> {
    let schedule = schedule.to_owned();
    let mut effects = Vec::new();
    for (place, event) in news.iter().enumerate() {
        let schedule = schedule.clone();
        match event {
            HandoffEvent::HandedOver { number, handover, .. } => {
                // The post before it asks nobody any more.
                if let Some(old) = before.newest.as_ref().filter(|old| old.post.is_some()) {
                    effects.push(Due::Post { schedule: schedule.clone(), number: old.number }.effect(now));
                }
                effects.push(Due::Post { schedule: schedule.clone(), number: *number }.effect(now));
                if !handover.came.is_empty() {
                    effects.push(Due::Unacknowledged { schedule, number: *number }.effect(now + within));
                }
            }
            HandoffEvent::GapSeen { number, .. }
            | HandoffEvent::GapMoved { number, .. }
            | HandoffEvent::GapFilled { number } => effects.push(Due::Gap { schedule, number: *number }.effect(now)),
            HandoffEvent::Unreachable { people } => {
                let new = people.iter().filter(|(who, why)| before.unreachable.get(*who) != Some(*why));
                let people: Vec<ResponderId> = new.map(|(who, _)| who.clone()).collect();
                if !people.is_empty() {
                    effects.push(Due::Unreachable { schedule, people }.effect(now));
                }
            }
            HandoffEvent::RulesChanged { .. } => {
                effects.push(Due::Moved { schedule, version: version + 1 + place as u64 }.effect(now));
            }
            HandoffEvent::Began { .. }
            | HandoffEvent::Posted { .. }
            | HandoffEvent::Acknowledged { .. }
            | HandoffEvent::Asked { .. }
            | HandoffEvent::GapPosted { .. }
            | HandoffEvent::Foreseen { .. } => {}
        }
    }
    effects
}

/// Nobody acknowledged in time: others are told, and the post says so.
async fn unacknowledged(app: &App, schedule: &str, number: u64, leased: &LeasedEffect) -> Result<(), NotNow> {
    let (setup, now) = (app.setup(), clock::now());
    let (before, version) = load_with_version(&*app.log, schedule).await?;
    let found = before.newest.as_ref().filter(|newest| newest.number == number);
    let Some(newest) = found.filter(|newest| newest.acknowledged.is_none() && newest.asked.is_none()) else {
        return done(app, leased).await;
    };
    let operations = triage::operations(&*app.log).await?;
    let to = gather::next_to_ask(&setup.rota, schedule, &operations, now, &newest.handover.came);
    let mut effects: Vec<NewEffect> =
        to.iter().map(|to| Due::Tell { schedule: schedule.to_owned(), number, to: to.clone() }.effect(now)).collect();
    effects.push(Due::Post { schedule: schedule.to_owned(), number }.effect(now));
    let cause = Origin::effect(leased.effect.id.as_str());
    let streams =
        write(schedule, before, version, &[HandoffEvent::Asked { number, to }], &cause, now).into_iter().collect();
    let append = Append { streams, effects, lease: app.lease(now), ..Append::default() };
    let receipt = app.log.settle(&leased.token, Outcome::Done, Some(append)).await?;
    app.outbox.offer(receipt.leased);
    Ok(())
}

/// Why a press on a handoff or a gap did nothing.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// Others are on duty by now, or it never was.
    #[error("this handoff is over; the newest one stands below in the channel")]
    Over,
    /// Somebody else has to acknowledge it.
    #[error("only who came on call can say that: {}", .0.join(", "))]
    NotYours(Vec<String>),
    /// It was acknowledged before.
    #[error("{0} has it already")]
    Taken(String),
    /// Nobody is missing in that time any more, or it is over.
    #[error("this gap is filled, or it is over")]
    Filled,
    /// The log.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

/// One of those who came says that they have it. Whether they did come, and still are on duty, is looked up now.
///
/// # Errors
/// [`NotTaken`].
pub async fn acknowledge(app: &App, doer: &Doer, schedule: &str, number: u64) -> Result<(), NotTaken> {
    let (setup, now) = (app.setup(), clock::now());
    let operations = triage::operations(&*app.log).await.map_err(ChangeError::from)?;
    let duty = rota::on_call(&setup.rota, schedule, &operations, now).map_err(|_| NotTaken::Over)?.on_duty;
    let (lease, origin) = (app.lease(now), Origin::person(&doer.who, &doer.cause));
    let (who, schedule) = (doer.who.clone(), schedule.to_owned());
    let decided = log::decide(&*app.log, move |view| {
        let stream = view.stream(&names::handoffs(&schedule)).map_err(ChangeError::from)?;
        let Some(before) = stream.as_ref().and_then(remembered) else { return Err(NotTaken::Over) };
        let newest = before.newest.as_ref().filter(|newest| newest.number == number).ok_or(NotTaken::Over)?;
        let name = |person: &ResponderId| {
            setup.rota.person(person).map_or_else(|| person.0.clone(), |person| person.name.clone())
        };
        if let Some((by, _)) = &newest.acknowledged {
            return Err(NotTaken::Taken(name(by)));
        }
        if !newest.handover.came.contains(&who) || !duty.contains(&who) {
            let came = newest.handover.came.iter().filter(|person| duty.contains(person));
            return Err(NotTaken::NotYours(came.map(name).collect()));
        }
        let version = stream.map_or(0, |stream| stream.version);
        let event = HandoffEvent::Acknowledged { number, by: who.clone() };
        let streams = write(&schedule, before, version, &[event], &origin, now).into_iter().collect();
        let effects = vec![Due::Post { schedule: schedule.clone(), number }.effect(now)];
        let keys = origin.key.clone().into_iter().collect();
        Ok((Append { keys, streams, effects, lease: lease.clone(), ..Append::default() }, ()))
    });
    let (receipt, ()) = decided.await.map_err(ChangeError::from)??;
    app.outbox.offer(receipt.leased);
    Ok(())
}

/// The time of a gap that somebody wants to fill: what is left of it, when somebody is missing in it still.
///
/// # Errors
/// [`NotTaken`].
pub async fn gap_to_fill(app: &App, schedule: &str, number: u64) -> Result<rota::Span, NotTaken> {
    let state = load(&*app.log, schedule).await.map_err(ChangeError::from)?;
    let now = clock::now();
    let gap = state.gaps.get(&number).filter(|gap| !gap.is_filled && gap.span.end > now).ok_or(NotTaken::Filled)?;
    Ok(rota::Span { start: gap.span.start.max(now), end: gap.span.end })
}

/// Everything that was announced of a schedule.
///
/// # Errors
/// The log cannot be read.
pub async fn load(log: &dyn EventLog, schedule: &str) -> Result<Handoffs, ReadError> {
    load_with_version(log, schedule).await.map(|(state, _)| state)
}

async fn load_with_version(log: &dyn EventLog, schedule: &str) -> Result<(Handoffs, u64), ReadError> {
    let id = names::handoffs(schedule);
    let Some(stream) = log.load(&id).await? else { return Ok((Handoffs::default(), 0)) };
    let state = match remembered(&stream) {
        Some(state) => state,
        None => fold(&all_events(log, &id).await?),
    };
    Ok((state, stream.version))
}

/// The state as its head has it; none when another version of this program wrote it.
fn remembered(stream: &Stream) -> Option<Handoffs> {
    serde_json::from_slice(&stream.head.snapshot).ok().filter(|_| stream.head.fold == FOLD)
}

/// The state as its events lead to it. One that cannot be read is left out and logged: what was announced besides still was.
fn fold(events: &[log::Event]) -> Handoffs {
    let mut state = Handoffs::default();
    for event in events {
        match serde_json::from_slice::<HandoffEvent>(&event.body) {
            Ok(read) => state.apply(&read, event.at),
            Err(error) => tracing::error!(event.version, error = %error, "an announcement of the rota cannot be read"),
        }
    }
    state
}

/// The state as its events lead to it.
///
/// # Errors
/// The log cannot be read.
pub async fn refolded(log: &dyn EventLog, stream: &StreamId) -> Result<Option<Head>, ReadError> {
    let state = fold(&all_events(log, stream).await?);
    Ok(Some(Head { snapshot: json(&state), fold: FOLD, listing: None }))
}

/// What writes events behind a state; none when there are no events.
fn write(
    schedule: &str,
    mut state: Handoffs,
    version: u64,
    events: &[HandoffEvent],
    origin: &Origin,
    at: DateTime<Utc>,
) -> Option<StreamWrite> {
    if events.is_empty() {
        return None;
    }
    events.iter().for_each(|event| state.apply(event, at));
    let written = |event: &HandoffEvent| NewEvent {
        kind: event.kind().to_owned(),
        schema: SCHEMA,
        at,
        actor: origin.actor.clone(),
        cause: origin.cause.clone(),
        body: json(event),
        raw: None,
    };
    let expected = if version == 0 { Expected::NoStream } else { Expected::Exact(version) };
    let head = Head { snapshot: json(&state), fold: FOLD, listing: None };
    let events = events.iter().map(written).collect();
    Some(StreamWrite { stream: names::handoffs(schedule), expected, events, head })
}

/// Writes down what an effect learned, and settles it.
async fn settle_with(
    app: &App,
    schedule: &str,
    (state, version): (Handoffs, u64),
    event: HandoffEvent,
    leased: &LeasedEffect,
) -> Result<(), NotNow> {
    let origin = Origin::effect(leased.effect.id.as_str());
    let streams = write(schedule, state, version, &[event], &origin, clock::now()).into_iter().collect();
    app.log.settle(&leased.token, Outcome::Done, Some(Append { streams, ..Append::default() })).await?;
    Ok(())
}
