//! What happens when a silence is over. Each key that it holds back has a look of its own, due at its end; whoever ends it by
//! hand has those that are listed under it looked at. A look decides on what it finds: what fires opens an incident, what is
//! under another silence goes on under that one, what cleared is nothing. A late or double look is harmless.

use crate::app::App;
use crate::clock;
use crate::flow::change::{ChangeError, Draft, Origin, json};
use crate::flow::names;
use crate::flow::perform::{NotNow, done};
use crate::flow::silences::keep::{Key, came_out, kept_event};
use crate::flow::silences::{self, rules};
use chrono::{DateTime, TimeDelta, Utc};
use incident::{Alarm, AlarmKey, Event, Held, IncidentId, KeptEvent, Next, SilenceEvent, SilenceId, Silences, look};
use log::{Append, Claim, IdemKey, LeaseToken, LeasedEffect, NewEffect, Outcome, Repeat, View};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The kind of the effects of this module. Only this file writes and reads their bodies.
pub const KIND: &str = "silence";

/// After a silence is ended by hand others may go by it for as long as they use what they saw; a second more for their clocks.
const UNSEEN: TimeDelta = TimeDelta::seconds(rules::SEEN_FOR.num_seconds() + 1);
/// What was being written for longer than that, and what a list shows late, is found by a second look.
const SECOND_LOOK: TimeDelta = TimeDelta::minutes(5);
/// Keys that are read from a list at once.
const LISTED_AT_ONCE: usize = 100;

/// What falls due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "due", rename_all = "snake_case")]
enum Due {
    /// A key that was held back is looked at.
    Look { key: AlarmKey, silence: SilenceId },
    /// Somebody ended a silence.
    Ended { silence: SilenceId, at: DateTime<Utc> },
}

fn effect(id: String, due: &Due, due_at: DateTime<Utc>) -> NewEffect {
    NewEffect { id: id.into(), due_at, kind: KIND.to_owned(), body: json(due), repeat: Repeat::Safe, slot: false }
}

/// The look at a key that this alarm put under a silence.
pub(super) fn look_at(alarm: &Alarm, silence: SilenceId, silences: &Silences, at: DateTime<Utc>) -> NewEffect {
    let due_at = silences.get(silence).map_or(at, incident::Silence::over_at);
    let due = Due::Look { key: alarm.key.clone(), silence };
    effect(format!("silence/{silence}/{}", alarm.delivery), &due, due_at)
}

/// What has to be done because of an event.
pub(super) fn after(event: &SilenceEvent, at: DateTime<Utc>) -> Option<NewEffect> {
    match event {
        SilenceEvent::SilenceMade { .. } => None,
        SilenceEvent::SilenceEnded { silence, .. } => {
            Some(effect(format!("silence/{silence}/ended"), &Due::Ended { silence: *silence, at }, at + UNSEEN))
        }
    }
}

/// Performs what is due.
///
/// # Errors
/// The log did not take it.
pub async fn perform(app: &App, leased: &LeasedEffect) -> Result<(), NotNow> {
    let due: Due = serde_json::from_slice(&leased.effect.body)
        .map_err(|error| NotNow::Never(format!("unknown work about a silence: {error}")))?;
    // Never by what was seen before: somebody may have ended it since.
    let (silences, version) = silences::load_version(&*app.log).await?;
    let silences = app.silences.keep(silences, version, clock::now());
    match due {
        Due::Look { key, silence } => {
            match look_into(app, &silences, &key, leased, true).await? {
                // Its clock was ahead of ours.
                Some((by, until)) if by == silence => {
                    let why = format!("{silence} holds it back until then");
                    Err(NotNow::Later { at: until, why })
                }
                // That one looks by itself.
                Some(_) => done(app, leased).await,
                None => Ok(()),
            }
        }
        Due::Ended { silence, at } => {
            for key in listed(app, silence).await? {
                look_into(app, &silences, &key, leased, false).await?;
            }
            let again = at + SECOND_LOOK;
            if clock::now() < again {
                return Err(NotNow::Later { at: again, why: "a second look".to_owned() });
            }
            done(app, leased).await
        }
    }
}

/// The keys that are listed under a silence.
async fn listed(app: &App, silence: SilenceId) -> Result<Vec<AlarmKey>, NotNow> {
    let (listing, mut keys, mut before) = (names::silenced(silence), Vec::new(), None);
    loop {
        let roll = app.log.list(&listing, before.as_ref(), LISTED_AT_ONCE).await?;
        keys.extend(roll.streams.iter().filter_map(|listed| names::aside_of(&listed.id)).map(AlarmKey::from));
        before = roll.next;
        if before.is_none() {
            return Ok(keys);
        }
    }
}

/// Looks at one key, and settles the effect with what comes of it when that is wanted. Returns the silence that holds it, and
/// until when: then nothing was written.
async fn look_into(
    app: &App,
    silences: &Arc<Silences>,
    key: &AlarmKey,
    leased: &LeasedEffect,
    settles: bool,
) -> Result<Option<(SilenceId, DateTime<Utc>)>, NotNow> {
    let at = clock::now();
    let (lease, setup, silences) = (app.lease(at), app.setup(), Arc::clone(silences));
    let (key, cause) = (key.clone(), leased.effect.id.as_str().to_owned());
    let settles = settles.then(|| (leased.token.clone(), Outcome::Done));
    let decided = log::decide(&*app.log, move |view| {
        let settles: Option<(LeaseToken, Outcome)> = settles.clone();
        let known = Key::read(view, &key)?;
        let held = known.memory.as_ref().and_then(|memory| memory.held.clone());
        let append = match (look(&silences, known.memory.as_ref(), at), held) {
            (Next::Wait(until), Some(held)) => return Ok((Append::default(), Some((held.silence, until)))),
            (Next::KeepOn(other), Some(held)) => keep_on(&known, &held, other, &silences, &cause, at),
            (Next::Open, Some(held)) => {
                let append = open(view, &known, &held, &silences, at)?;
                let Opening { draft, origin, came_out, claim } = append;
                let mut append = draft.append(view, &origin, None, Some(&setup))?;
                append.streams.push(came_out);
                append.claims.push(claim);
                append
            }
            _ => Append::default(),
        };
        Ok::<_, ChangeError>((Append { settles, lease: lease.clone(), ..append }, None))
    });
    let (receipt, waits) = decided.await.map_err(ChangeError::from)??;
    app.outbox.offer(receipt.leased);
    Ok(waits)
}

/// A key goes on under another silence.
fn keep_on(
    known: &Key,
    held: &Held,
    silence: SilenceId,
    silences: &Silences,
    cause: &str,
    at: DateTime<Utc>,
) -> Append {
    let event = KeptEvent::KeptOn { before: held.silence, silence };
    let kept = Held { silence, ..held.clone() };
    let mut memory = known.memory.clone();
    if let Some(memory) = &mut memory {
        memory.held = Some(Box::new(kept));
    }
    let written = kept_event(&event, &Origin::effect(cause), at);
    let streams = memory.iter().map(|memory| known.write(&held.alarm.key, written.clone(), memory)).collect();
    Append { streams, effects: vec![look_at(&held.alarm, silence, silences, at)], ..Append::default() }
}

/// An incident that begins because a silence is over.
struct Opening {
    draft: Draft,
    origin: Origin,
    came_out: log::StreamWrite,
    claim: Claim,
}

fn open(
    view: &mut dyn View,
    known: &Key,
    held: &Held,
    silences: &Silences,
    at: DateTime<Utc>,
) -> Result<Opening, ChangeError> {
    let alarm = held.told_again();
    let id = IncidentId(view.number(names::INCIDENTS)?);
    let key = Some(IdemKey::new(alarm.delivery.as_str()));
    let origin = Origin { actor: "catops".to_owned(), cause: alarm.delivery.0.clone(), key };
    // Nobody holds it, as long as it is held back; whoever does all the same gives way to what fires.
    let holder = view.claimed(&names::claim(&alarm.key))?.map(|claimed| claimed.holder);
    let claim = Claim { key: names::claim(&alarm.key), expected: holder, holder: Some(names::incident(id)) };
    let mut draft = Draft::open(id, Event::Opened { alarm }, at).expect("an alarm that is told again opens");
    draft.add(vec![held.event(silences)]);
    let came_out = came_out(known, held, id, &origin, at);
    Ok(Opening { draft, origin, came_out, claim })
}
