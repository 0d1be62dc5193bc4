//! Feeds the log to [`incident::audit`], piece by piece, read-only; for the command line and for `GET /api/v1/audit`.
//! It never judges. What was written while it read is read last, so a busy log raises no false alarm.

use crate::clock;
use crate::config::file::parse_duration;
use crate::flow::names;
use chrono::{DateTime, TimeDelta, Utc};
use incident::audit::{Audit, Entry, Keep, Of, Report};
use log::{Cursor, EffectState, EventLog, ReadError};

/// Events of one read: some 5 MB at 2.5 KB each, and a few milliseconds between two awaits.
const EVENTS_PER_READ: usize = 2000;

/// Streams of one read; their snapshots come along.
const STREAMS_PER_READ: usize = 200;

/// Receipts of one read.
const RECEIPTS_PER_READ: usize = 5000;

/// An event's instant is taken this much before it is on disk, at most, and clocks of writers may differ by as much.
const COMMIT_SLACK: TimeDelta = TimeDelta::seconds(5);

/// Audits a log: the whole of it, or deliveries from `since` on. `progress` is told how many events were read.
///
/// # Errors
/// The log cannot be read.
pub async fn audit(
    log: &dyn EventLog,
    since: Option<DateTime<Utc>>,
    keep: Keep,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Report, ReadError> {
    let mut audit = Audit::new(since, keep);
    let begin = match since {
        Some(since) => log.feed_place(since).await?,
        None => Cursor::start(),
    };
    let place = read_events(log, &mut audit, begin, progress).await?;
    if since.is_none() {
        read_receipts(log, &mut audit).await?;
        read_heads(log, &mut audit).await?;
    }
    for (id, wanted) in audit.wanted() {
        let mut goes_on = false;
        for effect in wanted {
            goes_on = goes_on || is_kept(log, &effect).await?;
        }
        audit.looked(id, goes_on);
    }
    read_events(log, &mut audit, place, progress).await?;
    Ok(audit.report(clock::now()))
}

/// True while an effect is waited for or under way.
///
/// # Errors
/// The log cannot be read.
pub async fn waits(log: &dyn EventLog, effect: &str) -> Result<bool, ReadError> {
    let found = log.effect(&effect.into()).await?;
    Ok(found.is_some_and(|effect| matches!(effect.state, EffectState::Pending | EffectState::Leased)))
}

/// True also when it was put aside by a restore or an import: it is not forgotten, `catops held` shows it to a person.
async fn is_kept(log: &dyn EventLog, effect: &str) -> Result<bool, ReadError> {
    let held = log.effect(&effect.into()).await?.is_some_and(|effect| effect.state == EffectState::Held);
    Ok(held || waits(log, effect).await?)
}

/// Reads until everything is seen that was written before it began; what is written meanwhile may go on for ever.
async fn read_events(
    log: &dyn EventLog,
    audit: &mut Audit,
    mut place: Cursor,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Cursor, ReadError> {
    let began = clock::now();
    let mut page = log.feed(&place, EVENTS_PER_READ).await?;
    loop {
        place = page.next;
        // The next piece is read while this one is looked at.
        let looking = async { page.events.iter().for_each(|event| audit.see(&entry(event))) };
        let (next, ()) = futures::future::join(log.feed(&place, EVENTS_PER_READ), looking).await;
        progress(audit.events());
        if page.events.iter().all(|event| event.at > began + COMMIT_SLACK) {
            return Ok(place);
        }
        page = next?;
    }
}

async fn read_receipts(log: &dyn EventLog, audit: &mut Audit) -> Result<(), ReadError> {
    let mut after = None;
    loop {
        let page = log.receipts(after.as_ref(), RECEIPTS_PER_READ).await?;
        page.keys.iter().for_each(|key| audit.receipt(key.as_str()));
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

async fn read_heads(log: &dyn EventLog, audit: &mut Audit) -> Result<(), ReadError> {
    for listing in [names::OPEN, names::RESOLVED, names::DEAD_LETTERS] {
        let mut before = None;
        loop {
            let roll = log.list(listing, before.as_ref(), STREAMS_PER_READ).await?;
            roll.streams.iter().for_each(|listed| audit.head(listed.id.as_str(), listed.stream.version));
            before = roll.next;
            if before.is_none() {
                break;
            }
        }
    }
    Ok(())
}

fn entry(event: &log::Event) -> Entry<'_> {
    Entry {
        stream: event.stream.as_str(),
        of: of(&event.stream),
        version: event.version,
        at: event.at,
        kind: &event.kind,
        actor: &event.actor,
        cause: &event.cause,
        body: &event.body,
    }
}

fn of(stream: &log::StreamId) -> Of<'_> {
    if let Some(id) = names::incident_of(stream) {
        return Of::Incident(id);
    }
    match (names::aside_of(stream), names::dead_letters_of(stream)) {
        (Some(key), _) => Of::Aside(key),
        (None, Some(source)) => Of::DeadLetters(source),
        (None, None) => Of::Other,
    }
}

/// Reads `24h`, `7d` as that long ago, or an instant such as `2026-11-28T05:00:00Z`.
///
/// # Errors
/// The text is neither.
pub fn parse_since(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    if let Some(at) = parse_duration(text).ok().and_then(|ago| now.checked_sub_signed(ago)) {
        return Ok(at);
    }
    let at = DateTime::parse_from_rfc3339(text.trim());
    at.map(|at| at.to_utc()).map_err(|_| format!("\"{text}\" is no time; write 24h, 7d or 2026-11-28T05:00:00Z"))
}
