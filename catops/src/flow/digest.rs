//! The digest: in a storm the later incidents of a channel share one card. Which incident does is decided in
//! `incident::digest` from what the log says; nothing is counted in memory, so every process says the same.

use crate::app::App;
use crate::clock;
use crate::flow::act::{self, Doer};
use crate::flow::change::{self, ChangeError, Draft, Origin, json};
use crate::flow::names;
use crate::flow::perform::{NotNow, done};
use crate::flow::post::{edit, post_once};
use crate::slack_side;
use crate::surface;
use incident::{Command, Digest, DigestEvent, Digests, FOLD, Incident, IncidentId, Refused, STORM_WINDOW};
use log::{Append, Expected, Head, LeasedEffect, Outcome, ReadError, Stream, StreamWrite, View};

/// Earlier incidents that are looked at, whatever their channel. When more than this opened in other channels within two
/// minutes, this channel is not the one that the storm is in.
const LOOK_BACK: u64 = 64;

/// True when an incident without a card is shown on its channel's digest, and nothing is left to do for its card.
///
/// # Errors
/// The log cannot be read or written.
pub async fn takes(app: &App, incident: &Incident, channel: &str, leased: &LeasedEffect) -> Result<bool, NotNow> {
    if incident.has_own_card() || !incident.counts() {
        return Ok(false);
    }
    if incident.gathered.is_some() {
        done(app, leased).await?;
        return Ok(true);
    }
    if !comes_in_a_storm(app, incident, channel).await? {
        return Ok(false);
    }
    gather(app, incident, channel, leased).await?;
    Ok(true)
}

async fn comes_in_a_storm(app: &App, incident: &Incident, channel: &str) -> Result<bool, ChangeError> {
    let config = &app.setup().config.slack;
    let mut before = Vec::new();
    for id in (1..incident.id.0).rev().take(usize::try_from(LOOK_BACK).unwrap_or(usize::MAX)) {
        if before.len() == config.digest_after {
            break;
        }
        let earlier = match change::load(app, IncidentId(id)).await {
            Ok(earlier) => earlier,
            // A number that was drawn and not used.
            Err(ChangeError::NoSuchIncident(_)) => continue,
            Err(error) => return Err(error),
        };
        if incident.opened_at - earlier.opened_at > STORM_WINDOW {
            break;
        }
        if earlier.counts() && slack_side::channel(config, &earlier) == Some(channel) {
            before.push(earlier.opened_at);
        }
    }
    Ok(incident::is_storm(incident.opened_at, before, config.digest_after))
}

/// Writes down, on both sides and in one append, that the digest shows the incident.
async fn gather(app: &App, incident: &Incident, channel: &str, leased: &LeasedEffect) -> Result<(), NotNow> {
    let at = clock::now();
    let (id, opened_at, lease) = (incident.id, incident.opened_at, app.lease(at));
    let (channel, token) = (channel.to_owned(), leased.token.clone());
    let (origin, setup) = (Origin::effect(leased.effect.id.as_str()), app.setup());
    let decided = log::decide(&*app.log, move |view| {
        let mut draft = Draft::new(change::seen(view, id)?, at);
        let (digests, expected) = seen(view, &channel)?;
        let joined = digests.join(id, opened_at);
        let DigestEvent::DigestJoined { digest, .. } = joined else { unreachable!("joining is all that join does") };
        draft.decide(Command::Gather { channel: channel.clone(), digest })?;
        let mut append = Append::default();
        if !draft.fresh.is_empty() {
            append = draft.append(view, &origin, None, Some(&setup))?;
            append.streams.push(write(&channel, digests, expected, &joined, &origin, at));
        }
        Ok::<_, ChangeError>((
            Append { settles: Some((token.clone(), Outcome::Done)), lease: lease.clone(), ..append },
            (),
        ))
    });
    let (receipt, ()) = decided.await??;
    app.outbox.offer(receipt.leased);
    Ok(())
}

/// Brings a digest up to date: edits it where it stands, posts it where it does not.
///
/// # Errors
/// Slack or the log did not take it.
pub async fn perform(app: &App, channel: &str, number: u64, leased: &LeasedEffect) -> Result<(), NotNow> {
    let Some(side) = &app.slack else { return done(app, leased).await };
    let Some(digest) = load(app, channel, number).await? else { return done(app, leased).await };
    let members = members(app, &digest).await?;
    let message = surface::digest(app, &digest, channel, &members);
    match &digest.posted {
        Some((posted, ts)) => edit(side, "a digest", (posted, ts), message, leased).await?,
        None => {
            let (posted, ts) = post_once(side, channel, message, leased).await?;
            return record(app, channel, DigestEvent::DigestPosted { digest: number, channel: posted, ts }, leased)
                .await;
        }
    }
    done(app, leased).await
}

async fn record(app: &App, channel: &str, event: DigestEvent, leased: &LeasedEffect) -> Result<(), NotNow> {
    let at = clock::now();
    let (channel, token) = (channel.to_owned(), leased.token.clone());
    let origin = Origin::effect(leased.effect.id.as_str());
    let decided = log::decide(&*app.log, move |view| {
        let (digests, expected) = seen(view, &channel)?;
        let written = write(&channel, digests, expected, &event, &origin, at);
        let settles = Some((token.clone(), Outcome::Done));
        Ok::<_, ReadError>((Append { streams: vec![written], settles, ..Append::default() }, ()))
    });
    decided.await??;
    Ok(())
}

/// Takes every incident of a digest that nobody has. Says how many were taken, and how many others somebody has already.
///
/// # Errors
/// The log cannot be read or written; what was taken stays taken.
pub async fn acknowledge_all(
    app: &App,
    doer: &Doer,
    channel: &str,
    number: u64,
) -> Result<(usize, usize), ChangeError> {
    let Some(digest) = load(app, channel, number).await? else { return Ok((0, 0)) };
    let take = |id: IncidentId| {
        let doer = Doer { who: doer.who.clone(), cause: format!("{}/{}", doer.cause, id.0) };
        async move { act::acknowledge(app, &doer, id).await }
    };
    let (mut taken, mut others) = (0, 0);
    for done in futures::future::join_all(digest.members.iter().copied().map(take)).await {
        match done {
            Ok(_) | Err(ChangeError::Duplicate) => taken += 1,
            Err(ChangeError::Refused(Refused::AlreadyAcknowledged { .. })) => others += 1,
            Err(ChangeError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok((taken, others))
}

async fn members(app: &App, digest: &Digest) -> Result<Vec<Incident>, ChangeError> {
    let mut members = Vec::with_capacity(digest.members.len());
    for id in &digest.members {
        members.push(change::load(app, *id).await?);
    }
    Ok(members)
}

async fn load(app: &App, channel: &str, number: u64) -> Result<Option<Digest>, ReadError> {
    let stream = app.log.load(&names::digests(channel)).await?;
    Ok(stream.and_then(|stream| folded(&stream).get(number).cloned()))
}

fn seen(view: &mut dyn View, channel: &str) -> Result<(Digests, Expected), ReadError> {
    let stream = view.stream(&names::digests(channel))?;
    let expected = stream.as_ref().map_or(Expected::NoStream, |stream| Expected::Exact(stream.version));
    Ok((stream.as_ref().map(folded).unwrap_or_default(), expected))
}

fn folded(stream: &Stream) -> Digests {
    serde_json::from_slice(&stream.head.snapshot).unwrap_or_default()
}

fn write(
    channel: &str,
    mut digests: Digests,
    expected: Expected,
    event: &DigestEvent,
    origin: &Origin,
    at: chrono::DateTime<chrono::Utc>,
) -> StreamWrite {
    digests.apply(event);
    let written = origin.writes(event.kind(), event, at);
    let head = Head { snapshot: json(&digests), fold: FOLD, listing: None };
    StreamWrite { stream: names::digests(channel), expected, events: vec![written], head }
}
