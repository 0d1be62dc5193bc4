//! Pages by ways that have limits: each takes a slot before it is sent, or waits until there is one. What is decided is
//! `incident::throttle`; here it is asked inside the step that writes it, so that two processes never take the last slot both.
//!
//! What waits keeps its own effect, due when there is room, and whoever goes out first takes the others along. A death between
//! the slot and the page repeats the page: it is never lost.

use super::send;
use super::{Planned, delivered, failed_since};
use crate::app::App;
use crate::clock;
use crate::flow::change::{self, ChangeError, Draft, Origin, change, json};
use crate::flow::names;
use crate::flow::perform::{NotNow, done};
use chrono::{DateTime, SubsecRound, Utc};
use incident::throttle::{Asking, FOLD, HeldPage, Limits, Slot, Throttle, ThrottleEvent, Verdict};
use incident::{Command, Incident, IncidentId, PageCause, ResponderId};
use log::{Append, EffectId, EventLog, Expected, Head, LeasedEffect, Outcome, ReadError, StreamId, StreamWrite, View};
use rota::{Person, Way};

/// Pages somebody by a way that has limits, together with what is held for them there.
///
/// # Errors
/// It was not taken, and is tried again.
pub(super) async fn by(
    app: &App,
    incident: &Incident,
    planned: Planned<'_>,
    (person, way): (&Person, Way),
    limits: Limits,
    leased: &LeasedEffect,
) -> Result<(), NotNow> {
    let id = incident.id;
    let Some(slot) = admit(app, incident, planned, limits, leased).await? else { return Ok(()) };
    // Read again: whether they are still wanted is asked immediately before it is sent.
    let own = change::load(app, id).await?;
    let is_wanted = own.wants_page(planned.cause, planned.unless_delivered);
    let mut bundle = Vec::new();
    if is_wanted {
        bundle.push((own, planned.cause.clone(), leased.effect.id.as_str().to_owned()));
    }
    for page in &slot.with {
        // Another page of the same incident is a reminder, and comes by itself.
        let is_named = bundle.iter().any(|(named, ..): &(Incident, PageCause, String)| named.id == page.incident);
        if let Some(other) = still_wanted(app, page, planned.by).await?.filter(|_| !is_named) {
            bundle.push((other, page.cause.clone(), page.id.clone()));
        }
    }
    if bundle.is_empty() {
        return done(app, leased).await;
    }
    let parts: Vec<send::Part<'_>> =
        bundle.iter().map(|(incident, cause, _)| send::Part::new(app, incident, person, cause)).collect();
    match send::send(app, &parts, person, way, &slot.id).await {
        Ok(()) => {
            let told: Vec<IncidentId> = bundle.iter().map(|(incident, ..)| incident.id).collect();
            let others = |own: IncidentId| told.iter().copied().filter(|id| *id != own).collect::<Vec<_>>();
            for (other, cause, effect) in bundle.iter().filter(|(.., effect)| effect != leased.effect.id.as_str()) {
                let learned = delivered(Planned { cause, ..planned }, others(other.id));
                took_along(app, other.id, learned, effect, leased).await;
            }
            if !is_wanted {
                return done(app, leased).await;
            }
            let learned = vec![delivered(planned, others(id))];
            change(app, id, &Origin::effect(leased.effect.id.as_str()), learned, Some(&leased.token)).await?;
            Ok(())
        }
        // Those who were to come along have effects of their own, and go on by themselves.
        Err(_) if !is_wanted => done(app, leased).await,
        Err(unsent) => failed_since(app, id, planned, leased, unsent, slot.attempt).await,
    }
}

/// A slot for a page. Without one the effect is settled: it waits, or nobody wants it any more.
async fn admit(
    app: &App,
    incident: &Incident,
    planned: Planned<'_>,
    limits: Limits,
    leased: &LeasedEffect,
) -> Result<Option<Slot>, NotNow> {
    let (at, setup) = (clock::now().trunc_subsecs(6), app.setup());
    let (id, to, by) = (incident.id, planned.cause.to.clone(), planned.by.to_owned());
    let page = HeldPage {
        id: leased.effect.id.as_str().to_owned(),
        incident: id,
        cause: planned.cause.clone(),
        unless_delivered: planned.unless_delivered,
        since: at,
    };
    let is_first = !incident.ever_paged.contains(&to);
    let asking = Asking { page, attempt: leased.attempt, is_first };
    let (origin, lease, token) = (Origin::effect(&asking.page.id), app.lease(at), leased.token.clone());
    let decided = log::decide(&*app.log, move |view| {
        let (throttle, expected) = seen(view, &to, &by)?;
        let write = |throttle: &Throttle, event| write((&to, &by), throttle, expected, event, &origin, at);
        let waits = |due_at, error: &str| Some((token.clone(), Outcome::Retry { due_at, error: error.to_owned() }));
        let append = match throttle.decide(&asking, &limits, at) {
            Verdict::SendAgain(slot) => return Ok::<_, ChangeError>((Append::default(), Some(slot))),
            Verdict::Send(slot) => {
                let streams = vec![write(&throttle, ThrottleEvent::SlotTaken { slot: slot.clone() })];
                return Ok((Append { streams, ..Append::default() }, Some(slot)));
            }
            Verdict::Carried { until } => {
                Append { settles: waits(until, "it goes out with another page"), ..Append::default() }
            }
            Verdict::Hold { until, because } => {
                let mut draft = Draft::new(change::seen(view, id)?, at);
                if !draft.incident.wants_page(&asking.page.cause, asking.page.unless_delivered) {
                    return Ok((Append { settles: Some((token.clone(), Outcome::Done)), ..Append::default() }, None));
                }
                let (to, by) = (to.clone(), by.clone());
                draft.decide(Command::RecordHeldPage { to, by, until, because: because.clone() })?;
                let mut append = draft.append(view, &origin, None, Some(&setup))?;
                append.settles = waits(until, &format!("it waits: {because}"));
                append
                    .streams
                    .push(write(&throttle, ThrottleEvent::Held { page: asking.page.clone(), until, because }));
                append
            }
        };
        Ok((Append { lease: lease.clone(), ..append }, None))
    });
    let (receipt, slot) = decided.await??;
    app.outbox.offer(receipt.leased);
    Ok(slot)
}

/// The incident of a page that another one takes along, when the page is still wanted and did not go out since it waits.
async fn still_wanted(app: &App, page: &HeldPage, by: &str) -> Result<Option<Incident>, ChangeError> {
    let incident = match change::load(app, page.incident).await {
        Ok(incident) => incident,
        Err(ChangeError::NoSuchIncident(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let went_out = |paged: &incident::Page| paged.to == page.cause.to && paged.by == by && paged.at >= page.since;
    let is_wanted = incident.wants_page(&page.cause, page.unless_delivered) && !incident.paged.iter().any(went_out);
    Ok(is_wanted.then_some(incident))
}

/// Writes down that a page of another incident went out with this one, and withdraws its own effect. When that fails the
/// effect stays, and the page goes out twice: twice is better than never.
async fn took_along(app: &App, id: IncidentId, learned: Command, effect: &str, leased: &LeasedEffect) {
    let at = clock::now();
    let (origin, setup, lease) = (Origin::effect(leased.effect.id.as_str()), app.setup(), app.lease(at));
    let effect = EffectId::from(effect);
    let told = effect.clone();
    let decided = log::decide(&*app.log, move |view| {
        let mut draft = Draft::new(change::seen(view, id)?, at);
        draft.decide(learned.clone())?;
        let mut append = draft.append(view, &origin, None, Some(&setup))?;
        append.cancel.push(effect.clone());
        Ok::<_, ChangeError>((Append { lease: lease.clone(), ..append }, ()))
    });
    let written = match decided.await {
        Ok(written) => written,
        Err(error) => Err(error.into()),
    };
    match written {
        Ok((receipt, ())) => app.outbox.offer(receipt.leased),
        Err(error) => {
            tracing::warn!(effect.id = %told, error = %error, "{told} went out with another page, and that could not be written");
        }
    }
}

/// The state of a person's way as its events lead to it; none when one of them cannot be read.
///
/// # Errors
/// The log cannot be read.
pub(crate) async fn refolded(log: &dyn EventLog, stream: &StreamId) -> Result<Option<Head>, ReadError> {
    Ok(folded(&change::all_events(log, stream).await?).as_ref().map(head))
}

fn seen(view: &mut dyn View, to: &ResponderId, by: &str) -> Result<(Throttle, Expected), ReadError> {
    let name = names::pages(to, by);
    let Some(stream) = view.stream(&name)? else { return Ok((Throttle::default(), Expected::NoStream)) };
    let kept = (stream.head.fold == FOLD).then(|| serde_json::from_slice(&stream.head.snapshot).ok()).flatten();
    let throttle = match kept {
        Some(throttle) => throttle,
        None => folded(&view.events(&name, 1, usize::MAX)?).unwrap_or_default(),
    };
    Ok((throttle, Expected::Exact(stream.version)))
}

fn folded(events: &[log::Event]) -> Option<Throttle> {
    let mut throttle = Throttle::default();
    for event in events {
        throttle.apply(&serde_json::from_slice::<ThrottleEvent>(&event.body).ok()?);
    }
    Some(throttle)
}

fn head(throttle: &Throttle) -> Head {
    Head { snapshot: json(throttle), fold: FOLD, listing: None }
}

fn write(
    (to, by): (&ResponderId, &str),
    before: &Throttle,
    expected: Expected,
    event: ThrottleEvent,
    origin: &Origin,
    at: DateTime<Utc>,
) -> StreamWrite {
    let mut throttle = before.clone();
    throttle.apply(&event);
    let written = origin.writes(event.kind(), &event, at);
    StreamWrite { stream: names::pages(to, by), expected, events: vec![written], head: head(&throttle) }
}
