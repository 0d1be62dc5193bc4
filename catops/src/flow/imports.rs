//! What calendars say for the rota, in the log: a calendar or a file of holidays that changes counts from when that was seen,
//! and changes nothing before it, as an edit of the rota's files does (`versions`).
//!
//! One stream. Its events have what counted from then on, resolved to ids, since names may mean somebody else later; its state
//! has all that counted before. It fetches nothing.

use crate::clock;
use crate::config::Setup;
use crate::config::calendars::{absences, window};
use crate::flow::calendars::{self, Note, sha256};
use crate::flow::change::{ChangeError, all_events, json};
use crate::flow::names;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use incident::SCHEMA;
use log::{
    Append, AppendError, EventLog, Expected, Head, NewEvent, RAW_BYTES_MAX, Raw, ReadError, SNAPSHOT_BYTES_MAX,
    StreamWrite,
};
use rota::calendar::{Imported, Misread, Texts};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Which fold made the state.
const FOLD: u32 = 1;
/// Bytes of the state; what counted long ago is let go first.
const STATE_BYTES_MAX: usize = SNAPSHOT_BYTES_MAX - 16 * 1024;
/// How often it is tried again when another process was faster.
const ATTEMPTS: usize = 3;
/// Problems whose telling is remembered.
const TOLD_MAX: usize = 200;
/// What counts is written anew after this time even when nothing changed, so that its end stays far ahead.
const RENEWED: TimeDelta = TimeDelta::days(180);

/// What is written down when calendars say something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct CalendarsCounted {
    /// Of what it was made from: texts, people's names, uses.
    made_from: String,
    /// The texts, by calendar: their SHA-256.
    texts: BTreeMap<String, String>,
    /// The problems that the channel is told with it: their SHA-256.
    #[serde(default)]
    told: Vec<String>,
}

/// What is kept beside the stream.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Counted {
    made_from: String,
    /// Since when it is this.
    at: Option<DateTime<Utc>>,
    /// What counted before.
    past: Imported,
    /// The SHA-256 of the problems that the channel was told, the newest last.
    #[serde(default)]
    told: Vec<String>,
}

/// The calendars of a setup as a log has them.
struct Present {
    texts: Texts,
    made_from: String,
    imported: Imported,
    misread: Vec<Misread>,
}

/// Writes down what calendars say, if that changed, and puts it into the rota of the setup. Where it cannot be written or read,
/// the rota counts with what is in files alone, and that is logged.
pub async fn note(log: &dyn EventLog, setup: &mut Setup) {
    if let Err(error) = calendars::take_files(log, setup).await {
        tracing::error!(error = %error, "the calendars in files could not be kept");
    }
    let mut done = Err(ChangeError::LeaseLost);
    for _ in 0..ATTEMPTS {
        done = try_note(log, setup).await;
        if !matches!(&done, Err(ChangeError::Append(AppendError::Conflict { .. }))) {
            break;
        }
    }
    if let Err(error) = done {
        tracing::error!(error = %error, "what calendars say could not be kept; the rota counts with what is in files");
    }
}

async fn try_note(log: &dyn EventLog, setup: &mut Setup) -> Result<(), ChangeError> {
    let at = next_second(clock::now());
    let present = present(log, setup, at).await?;
    let stream = log.load(&names::imported()).await?;
    if stream.is_none() && present.texts.is_empty() {
        put(setup, &Counted::default(), present, at);
        return Ok(());
    }
    let version = stream.as_ref().map_or(0, |stream| stream.version);
    let before: Counted = stream.map(|stream| read(&stream.head)).unwrap_or_default();
    let is_renewed = before.at.is_some_and(|since| at - since >= RENEWED);
    let untold = untold(&before, &present);
    if before.made_from == present.made_from && !is_renewed && untold.is_empty() {
        put(setup, &before, present, at);
        return Ok(());
    }
    let mut next = Counted {
        made_from: present.made_from.clone(),
        at: Some(at),
        told: before.told.clone(),
        past: Imported::default(),
    };
    next.past = match before.at {
        // Nothing is known of before the first: it is as it would have been.
        None => present.imported.until(at),
        Some(_) => {
            let counted = log.raw(&names::imported(), version).await?;
            let counted: Imported = counted.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
            counted.after(&before.past, before.at.unwrap_or(at)).until(at)
        }
    };
    let told_now: Vec<String> = untold.keys().cloned().collect();
    next.told.extend_from_slice(&told_now);
    shorten(&mut next);
    let payload = if before.at.is_none() { present.imported.clone() } else { present.imported.from(at) };
    let event = NewEvent {
        kind: "calendars_counted".to_owned(),
        schema: SCHEMA,
        at,
        actor: "catops".to_owned(),
        cause: "calendar".to_owned(),
        body: json(&CalendarsCounted {
            made_from: next.made_from.clone(),
            texts: present.texts.iter().map(|(name, text)| (name.clone(), sha256(text))).collect(),
            told: told_now,
        }),
        raw: Some(Raw::new(&packed(&payload))),
    };
    let expected = if version == 0 { Expected::NoStream } else { Expected::Exact(version) };
    let head = Head { snapshot: json(&next), fold: FOLD, listing: None };
    let write = StreamWrite { stream: names::imported(), expected, events: vec![event], head };
    let told = Note::Misread { problems: untold.values().cloned().collect() };
    let effects = (!untold.is_empty()).then(|| calendars::note(&format!("misread/{}", version + 1), &told, at));
    let append = Append { streams: vec![write], effects: effects.into_iter().collect(), ..Append::default() };
    log.append(append).await.map_err(ChangeError::from)?;
    put(setup, &next, present, at);
    Ok(())
}

/// Puts what calendars say into the rota of a setup, and writes nothing: for whoever only reads.
///
/// # Errors
/// The log cannot be read.
pub async fn recall(log: &dyn EventLog, setup: &mut Setup) -> Result<(), ReadError> {
    let at = next_second(clock::now());
    let present = present(log, setup, at).await?;
    let before: Counted = log.load(&names::imported()).await?.map(|stream| read(&stream.head)).unwrap_or_default();
    if before.at.is_none() || before.made_from == present.made_from {
        put(setup, &before, present, at);
        return Ok(());
    }
    // Files that nobody has served yet count from now on, behind what was served.
    let version = log.load(&names::imported()).await?.map_or(0, |stream| stream.version);
    let counted = log.raw(&names::imported(), version).await?;
    let counted: Imported = counted.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let past = counted.after(&before.past, before.at.unwrap_or(at)).until(at);
    put(setup, &Counted { at: Some(at), past, ..before }, present, at);
    Ok(())
}

/// Whether the files of a setup name any calendar.
#[must_use]
pub fn are_named(setup: &Setup) -> bool {
    !setup.config.calendars.is_empty() || !Imported::named(&setup.rota).is_empty()
}

/// Whether what calendars say is not what the rota was made from.
///
/// # Errors
/// The log cannot be read.
pub async fn is_behind(log: &dyn EventLog, setup: &Setup) -> Result<bool, ReadError> {
    let texts = texts(log, setup).await?;
    let counted: Counted = log.load(&names::imported()).await?.map(|stream| read(&stream.head)).unwrap_or_default();
    Ok(made_from(setup, &texts) != counted.made_from || setup.calendars.made_from != counted.made_from)
}

fn put(setup: &mut Setup, counted: &Counted, present: Present, at: DateTime<Utc>) {
    let all = present.imported.after(&counted.past, counted.at.unwrap_or(at));
    // Without a past everything is as it would always have been.
    let all = if counted.at.is_none() { present.imported } else { all };
    all.fill(&mut setup.rota);
    setup.calendars.imported = all;
    setup.calendars.misread = present.misread;
    setup.calendars.made_from = present.made_from;
}

async fn present(log: &dyn EventLog, setup: &Setup, at: DateTime<Utc>) -> Result<Present, ReadError> {
    let texts = texts(log, setup).await?;
    let (imported, misread) = Imported::read(&setup.rota, &texts, &absences(&setup.config), window(at));
    Ok(Present { made_from: made_from(setup, &texts), texts, imported, misread })
}

/// The texts that count: of files that are named straight, those files; of calendars, the copies in the log, and where there
/// is none yet, what is in their files.
async fn texts(log: &dyn EventLog, setup: &Setup) -> Result<Texts, ReadError> {
    let mut texts = setup.calendars.texts.clone();
    for name in setup.config.calendars.keys() {
        let kept = calendars::load(log, name).await?;
        if let Some(text) = calendars::text(log, name, &kept).await? {
            texts.insert(name.clone(), text);
        }
    }
    Ok(texts)
}

/// Of all that decides what calendars mean: the texts, who is called how, and what is wanted of which calendar.
fn made_from(setup: &Setup, texts: &Texts) -> String {
    let people: Vec<_> =
        setup.rota.people.values().map(|person| (&person.id, &person.name, &person.email, &person.away)).collect();
    let uses: Vec<_> = setup
        .rota
        .schedules
        .values()
        .map(|schedule| {
            let layers: Vec<_> = schedule
                .layers
                .iter()
                .map(|layer| {
                    (
                        layer.rotation.planned().map(|planned| planned.calendar().to_owned()),
                        layer.zone.name().to_owned(),
                    )
                })
                .collect();
            (&schedule.name, schedule.zone.name(), layers, &schedule.overrides_from, &schedule.holiday_calendars)
        })
        .collect();
    let texts: BTreeMap<_, _> = texts.iter().map(|(name, text)| (name, sha256(text))).collect();
    let all = json(&(people, uses, texts, absences(&setup.config)));
    log::Digest::of(&all).to_string()
}

fn read(head: &Head) -> Counted {
    serde_json::from_slice(&head.snapshot).unwrap_or_else(|error| {
        tracing::error!(error = %error, "what calendars said before cannot be read, and does not count");
        Counted::default()
    })
}

/// Problems that the channel was not told yet, with their calendars, by what is remembered of them. When nothing more can be
/// remembered nothing more is told, since it would be told for ever.
fn untold(before: &Counted, present: &Present) -> BTreeMap<String, String> {
    let room = TOLD_MAX.saturating_sub(before.told.len());
    let told: BTreeSet<&str> = before.told.iter().map(String::as_str).collect();
    let problem = |misread: &Misread| format!("{}: {}", misread.calendar, misread.message);
    let problems = present.misread.iter().map(|misread| (remembered(misread), problem(misread)));
    problems.filter(|(about, _)| !told.contains(about.as_str())).take(room).collect()
}

/// What it is about, without the day that it begins with: what repeats is another day's each week.
fn remembered(misread: &Misread) -> String {
    let about = misread.message.split_once(": ").map_or(misread.message.as_str(), |(_, about)| about);
    sha256(&format!("{}: {about}", misread.calendar))
}

/// Calendars know no parts of seconds, and what is over is not touched.
fn next_second(at: DateTime<Utc>) -> DateTime<Utc> {
    let floor = at.trunc_subsecs(0);
    if floor < at { floor + TimeDelta::seconds(1) } else { floor }
}

/// What counts from now on as it is kept; of very much, the time that is far ahead is left out, and written when it is nearer.
fn packed(imported: &Imported) -> Vec<u8> {
    let mut bytes = json(imported);
    let (mut cut, mut ahead) = (imported.clone(), TimeDelta::days(1100));
    while bytes.len() > RAW_BYTES_MAX && ahead > TimeDelta::days(1) {
        ahead = ahead / 2;
        cut = cut.until(clock::now() + ahead);
        bytes = json(&cut);
    }
    bytes
}

fn shorten(counted: &mut Counted) {
    while json(counted).len() > STATE_BYTES_MAX {
        let (Some(start), Some(end)) = (counted.past.starts(), counted.past.ends()) else { return };
        let step = (end - start) / 8;
        if step < TimeDelta::days(1) {
            counted.past = Imported::default();
            return;
        }
        counted.past = counted.past.from(start + step);
    }
}

/// The state as its events lead to it; none when one of them cannot be read.
///
/// # Errors
/// The log cannot be read.
pub async fn refolded(log: &dyn EventLog) -> Result<Option<Head>, ReadError> {
    let mut state = Counted::default();
    let mut current = Imported::default();
    for event in all_events(log, &names::imported()).await? {
        let Ok(read) = serde_json::from_slice::<CalendarsCounted>(&event.body) else { return Ok(None) };
        let raw = log.raw(&names::imported(), event.version).await?;
        let next: Imported = raw.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let at = event.at;
        let past = match state.at {
            None => next.until(at),
            Some(since) => current.after(&state.past, since).until(at),
        };
        state = Counted { made_from: read.made_from, at: Some(at), past, told: state.told };
        state.told.extend_from_slice(&read.told);
        shorten(&mut state);
        current = next;
    }
    Ok(state.at.is_some().then(|| Head { snapshot: json(&state), fold: FOLD, listing: None }))
}

#[cfg(test)]
mod tests;
