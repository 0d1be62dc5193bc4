//! Calendars that others keep, as the log knows them: one stream for each, with every text that counted. A timer fetches; what
//! came is judged here. The last good copy counts until there is a better one: a failure takes nothing away, and a calendar
//! that lost most of its entries waits for a person's word.
//!
//! What a calendar means for who is on call is the business of `imports`. No event, error or message has an address.

mod fetch;
mod tell;

use crate::app::App;
use crate::clock;
use crate::config::Setup;
use crate::config::calendars::CalendarConfig;
use crate::flow::change::{ChangeError, all_events, json};
use crate::flow::names;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{ResponderId, SCHEMA};
use log::{Append, AppendError, EventLog, Expected, Head, NewEffect, NewEvent, Raw, ReadError, Stream, StreamWrite};
use rota::calendar::read_calendar;
use rota::{Span, Zone};
use serde::{Deserialize, Serialize};

pub use fetch::{Board, FETCH, fetch_now, keep_fresh, perform, rebuild, schedule, watch};
pub use tell::{NOTE, Note, note, perform_note};

/// Which fold made the state.
const FOLD: u32 = 1;
/// How long a calendar may fail before the channel is told.
const TOLD_AFTER: TimeDelta = TimeDelta::days(1);
/// How far ahead entries are counted when two copies are compared.
const COMPARED: TimeDelta = TimeDelta::days(400);
/// From so many entries on, losing more than half of them waits for a person.
const MANY: usize = 4;
/// Problems of one copy that are kept.
const PROBLEMS_MAX: usize = 20;
/// How often a look is judged anew when another one was faster.
const ATTEMPTS: usize = 3;
/// Letters of a reason that are kept.
const REASON_CHARS_MAX: usize = 200;

/// What happens to a calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CalendarEvent {
    /// Another text came, and it counts. The text is the event's payload.
    CalendarRead {
        /// Of the text.
        sha256: String,
        /// Of where it came from.
        place: String,
        /// The entries of the time ahead.
        entries: usize,
        /// What of it could not be read.
        #[serde(default)]
        problems: Vec<String>,
    },
    /// Another text came, and it waits for a person, because most entries are gone. The text is the event's payload.
    CalendarHeld {
        /// Of the text.
        sha256: String,
        /// Of where it came from.
        place: String,
        /// The entries of the time ahead.
        entries: usize,
        /// Those of the copy that counts.
        before: usize,
    },
    /// Somebody said that the text that waits shall count.
    CalendarAccepted {
        /// Who.
        by: ResponderId,
    },
    /// It could not be read, several times.
    CalendarFailing {
        /// Since when.
        since: DateTime<Utc>,
        /// Why, without an address.
        reason: String,
    },
    /// It has been failing for a day, and the channel is told.
    CalendarFailingLong,
    /// It says again what counts.
    CalendarRecovered,
}

/// A text in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// The event that has it.
    pub version: u64,
    /// Of the text.
    pub sha256: String,
    /// When it came.
    pub at: DateTime<Utc>,
    /// The entries of the time ahead, as it came.
    pub entries: usize,
    /// Of where it came from.
    pub place: String,
    /// What of it could not be read.
    #[serde(default)]
    pub problems: Vec<String>,
}

/// That it cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why.
    pub reason: String,
    /// Whether the channel was told.
    pub is_told: bool,
}

/// A calendar, as its events lead to it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Kept {
    /// The text that counts.
    pub good: Option<Copy>,
    /// The text that waits for a person, and how many entries the good one had.
    pub held: Option<(Copy, usize)>,
    /// Whether it can be read.
    pub failing: Option<Failing>,
}

/// What a look at a calendar gave.
#[derive(Debug, Clone)]
pub enum Seen {
    /// The server says that it is as it was.
    Same,
    /// A text.
    Text(String),
    /// Nothing, since then, and why.
    Nothing {
        /// When the first of the attempts failed.
        since: DateTime<Utc>,
        /// Why the last one did.
        reason: String,
    },
}

/// Why a held copy was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum NotAccepted {
    /// There is none.
    #[error("no copy of the calendar \"{0}\" waits for anybody")]
    NothingHeld(String),
    /// The log could not be read or written.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<ReadError> for NotAccepted {
    fn from(error: ReadError) -> Self {
        Self::Change(error.into())
    }
}

impl CalendarEvent {
    /// The kind as it stands in the log.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::CalendarRead { .. } => "calendar_read",
            Self::CalendarHeld { .. } => "calendar_held",
            Self::CalendarAccepted { .. } => "calendar_accepted",
            Self::CalendarFailing { .. } => "calendar_failing",
            Self::CalendarFailingLong => "calendar_failing_long",
            Self::CalendarRecovered => "calendar_recovered",
        }
    }
}

impl Kept {
    /// Takes an event into account; `version` is its place in the stream.
    pub fn apply(&mut self, event: &CalendarEvent, version: u64, at: DateTime<Utc>) {
        match event {
            CalendarEvent::CalendarRead { sha256, place, entries, problems } => {
                let (sha256, place, problems) = (sha256.clone(), place.clone(), problems.clone());
                let good = Some(Copy { version, sha256, at, entries: *entries, place, problems });
                *self = Self { good, held: None, failing: None };
            }
            CalendarEvent::CalendarHeld { sha256, place, entries, before } => {
                let (sha256, place) = (sha256.clone(), place.clone());
                let copy = Copy { version, sha256, at, entries: *entries, place, problems: Vec::new() };
                self.held = Some((copy, *before));
                self.failing = None;
            }
            CalendarEvent::CalendarAccepted { .. } => {
                self.good = self.held.take().map(|(copy, _)| copy).or_else(|| self.good.take());
            }
            CalendarEvent::CalendarFailing { since, reason } => {
                self.failing = Some(Failing { since: *since, reason: reason.clone(), is_told: false });
            }
            CalendarEvent::CalendarFailingLong => {
                self.failing.iter_mut().for_each(|failing| failing.is_told = true);
            }
            CalendarEvent::CalendarRecovered => (self.held, self.failing) = (None, None),
        }
    }

    /// What a look leads to: at most one event. `count` counts the entries of the time ahead of a text, `good` is the text
    /// that counts, `place` where the look was at.
    fn judge(&self, seen: &Seen, place: &str, good: Option<&str>, at: DateTime<Utc>) -> Option<CalendarEvent> {
        let text = match seen {
            Seen::Same => return self.failing.as_ref().map(|_| CalendarEvent::CalendarRecovered),
            Seen::Text(text) => text,
            Seen::Nothing { since, reason } => {
                return match &self.failing {
                    None => Some(CalendarEvent::CalendarFailing { since: *since, reason: reason.clone() }),
                    Some(failing) if !failing.is_told && at - failing.since >= TOLD_AFTER => {
                        Some(CalendarEvent::CalendarFailingLong)
                    }
                    Some(_) => None,
                };
            }
        };
        let sha256 = sha256(text);
        let is_good = self.good.as_ref().is_some_and(|good| good.sha256 == sha256);
        if is_good {
            let was_worse = self.held.is_some() || self.failing.is_some();
            return was_worse.then_some(CalendarEvent::CalendarRecovered);
        }
        if self.held.as_ref().is_some_and(|(held, _)| held.sha256 == sha256) && self.failing.is_none() {
            return None;
        }
        let (entries, problems) = entries_of(text.as_bytes(), at);
        let same_place = self.good.as_ref().is_some_and(|good| good.place == place);
        let before = good.filter(|_| same_place).map_or(0, |good| entries_of(good.as_bytes(), at).0);
        let is_lost = before > 0 && entries == 0 || before >= MANY && entries * 2 < before;
        let place = place.to_owned();
        Some(if is_lost {
            CalendarEvent::CalendarHeld { sha256, place, entries, before }
        } else {
            CalendarEvent::CalendarRead { sha256, place, entries, problems }
        })
    }

    fn head(&self) -> Head {
        Head { snapshot: json(self), fold: FOLD, listing: None }
    }

    fn of(stream: &Stream) -> Self {
        serde_json::from_slice(&stream.head.snapshot).unwrap_or_default()
    }
}

/// The SHA-256 of a text, in hexadecimal.
pub(crate) fn sha256(text: &str) -> String {
    log::Digest::of(text.as_bytes()).to_string()
}

/// How many entries a calendar has in the time ahead, and what of it cannot be read.
fn entries_of(bytes: &[u8], at: DateTime<Utc>) -> (usize, Vec<String>) {
    let window = Span { start: at, end: at + COMPARED };
    let Ok(calendar) = read_calendar(bytes, &Zone::utc(), window) else { return (0, Vec::new()) };
    (calendar.entries.len(), calendar.problems.into_iter().take(PROBLEMS_MAX).collect())
}

/// A calendar as the log has it.
///
/// # Errors
/// The log cannot be read.
pub async fn load(log: &dyn EventLog, name: &str) -> Result<Kept, ReadError> {
    Ok(log.load(&names::calendar(name)).await?.as_ref().map(Kept::of).unwrap_or_default())
}

/// The text that counts; none when there never was one.
///
/// # Errors
/// The log cannot be read.
pub async fn text(log: &dyn EventLog, name: &str, kept: &Kept) -> Result<Option<String>, ReadError> {
    let Some(good) = &kept.good else { return Ok(None) };
    let raw = log.raw(&names::calendar(name), good.version).await?;
    Ok(raw.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Writes down what a look led to, if it led to anything, and asks for who is to be told.
///
/// # Errors
/// The log cannot be read or written.
pub async fn saw(
    log: &dyn EventLog,
    name: &str,
    calendar: &CalendarConfig,
    seen: &Seen,
    problems: Vec<String>,
) -> Result<Option<CalendarEvent>, ChangeError> {
    let (at, place) = (clock::now(), calendar.place());
    let mut conflict = ChangeError::Duplicate;
    // A person may accept a copy, or another fetch end, meanwhile: then it is judged anew.
    for _ in 0..ATTEMPTS {
        let before = load(log, name).await?;
        let good = text(log, name, &before).await?;
        let Some(mut event) = before.judge(seen, &place, good.as_deref(), at) else { return Ok(None) };
        match &mut event {
            // With the lines of what came, and not of what is kept of it.
            CalendarEvent::CalendarRead { problems: own, .. } => own.clone_from(&problems),
            CalendarEvent::CalendarFailing { reason, .. } => *reason = reason.chars().take(REASON_CHARS_MAX).collect(),
            _ => {}
        }
        let has_text = matches!(&event, CalendarEvent::CalendarRead { .. } | CalendarEvent::CalendarHeld { .. });
        let raw = match seen {
            Seen::Text(text) if has_text => Some(text.clone()),
            _ => None,
        };
        match write(log, name, before, event, raw, at).await {
            Ok(written) => return Ok(Some(written)),
            Err(error @ ChangeError::Append(AppendError::Conflict { .. })) => conflict = error,
            Err(error) => return Err(error),
        }
    }
    Err(conflict)
}

/// Lets the copy that waits count, in the name of a person.
///
/// # Errors
/// [`NotAccepted`].
pub async fn accept(log: &dyn EventLog, name: &str, by: &ResponderId) -> Result<Copy, NotAccepted> {
    let kept = load(log, name).await?;
    let Some((held, _)) = kept.held.clone() else { return Err(NotAccepted::NothingHeld(name.to_owned())) };
    let event = CalendarEvent::CalendarAccepted { by: by.clone() };
    write(log, name, kept, event, None, clock::now()).await?;
    Ok(held)
}

/// Writes an event that was decided on `before`; a conflict, when it is not so any more.
async fn write(
    log: &dyn EventLog,
    name: &str,
    before: Kept,
    event: CalendarEvent,
    raw: Option<String>,
    at: DateTime<Utc>,
) -> Result<CalendarEvent, ChangeError> {
    let (name, packed) = (name.to_owned(), raw.map(|text| Raw::new(text.as_bytes())));
    let decided = log::decide(log, move |view| {
        let stream = view.stream(&names::calendar(&name))?;
        let version = stream.as_ref().map_or(0, |stream| stream.version);
        let mut kept = stream.as_ref().map(Kept::of).unwrap_or_default();
        if before != kept {
            let conflict = AppendError::Conflict { stream: names::calendar(&name), actual: version };
            return Err(ChangeError::Append(conflict));
        }
        let known = kept.clone();
        kept.apply(&event, version + 1, at);
        let actor = match &event {
            CalendarEvent::CalendarAccepted { by } => format!("person:{by}"),
            _ => "catops".to_owned(),
        };
        let written = NewEvent {
            kind: event.kind().to_owned(),
            schema: SCHEMA,
            at,
            actor,
            cause: "calendar".to_owned(),
            body: json(&event),
            raw: packed.clone(),
        };
        let expected = if version == 0 { Expected::NoStream } else { Expected::Exact(version) };
        let write = StreamWrite { stream: names::calendar(&name), expected, events: vec![written], head: kept.head() };
        let effects: Vec<NewEffect> = tell::of_event(&name, &known, &event, version + 1, at).into_iter().collect();
        Ok((Append { streams: vec![write], effects, ..Append::default() }, event.clone()))
    });
    decided.await?.map(|(_, event)| event)
}

/// The state as its events lead to it; none when one of them cannot be read.
///
/// # Errors
/// The log cannot be read.
pub async fn refolded(log: &dyn EventLog, name: &str) -> Result<Option<Head>, ReadError> {
    let mut kept = Kept::default();
    for event in all_events(log, &names::calendar(name)).await? {
        let Ok(read) = serde_json::from_slice::<CalendarEvent>(&event.body) else { return Ok(None) };
        kept.apply(&read, event.version, event.at);
    }
    Ok(Some(kept.head()))
}

/// Takes over the texts of calendars that are files, judged as what is fetched is.
///
/// # Errors
/// The log cannot be read or written.
pub async fn take_files(log: &dyn EventLog, setup: &Setup) -> Result<(), ChangeError> {
    for (name, calendar) in &setup.config.calendars {
        if let Some(text) = setup.calendars.texts.get(name) {
            saw(log, name, calendar, &Seen::Text(text.clone()), Vec::new()).await?;
        }
    }
    Ok(())
}

/// How a calendar stands, for whoever looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// When it was last read, the same or not.
    pub read_at: Option<DateTime<Utc>>,
    /// When what counts came.
    pub changed_at: Option<DateTime<Utc>>,
    /// The entries ahead of what counts, as it came.
    pub entries: usize,
    /// Since when it cannot be read.
    pub failing_since: Option<DateTime<Utc>>,
    /// Why.
    pub reason: Option<String>,
    /// The entries of a copy that waits for a person.
    pub held_entries: Option<usize>,
}

impl Status {
    /// How old what counts is: since it was last seen.
    #[must_use]
    pub fn age(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        let seen = self.read_at.max(self.changed_at)?;
        Some((now - self.failing_since.map_or(seen, |since| since.min(seen))).max(TimeDelta::zero()))
    }

    /// What people should know, a sentence without a full stop; none when it is well.
    #[must_use]
    pub fn say(&self, now: DateTime<Utc>) -> Option<String> {
        let name = &self.name;
        let counts = match self.age(now) {
            Some(age) if self.changed_at.is_some() => format!("the copy of {} ago counts", length(age)),
            _ => "nothing of it counts".to_owned(),
        };
        if let Some(entries) = self.held_entries {
            let had = self.entries;
            return Some(format!(
                "calendar {name} has {entries} entries now and had {had}; the copy from before counts until somebody says \
                 `catops calendar accept {name} --by YOU`"
            ));
        }
        if let Some(reason) = &self.reason {
            return Some(format!("calendar {name} could not be read ({reason}); {counts}"));
        }
        if self.changed_at.is_none() {
            return Some(format!("calendar {name} has not been read yet; nothing of it counts"));
        }
        let is_old = self.age(now).is_some_and(|age| age >= TOLD_AFTER);
        is_old.then(|| format!("calendar {name} has not been read for a while; {counts}"))
    }
}

/// How all calendars of a configuration stand in a log.
///
/// # Errors
/// The log cannot be read.
pub async fn statuses(log: &dyn EventLog, setup: &Setup) -> Result<Vec<Status>, ReadError> {
    let mut statuses = Vec::new();
    for (name, calendar) in &setup.config.calendars {
        let kept = load(log, name).await?;
        let read_at = if calendar.url.is_some() { fetch::read_at(log, name).await? } else { Some(clock::now()) };
        statuses.push(Status {
            name: name.clone(),
            read_at: read_at.filter(|_| kept.good.is_some()),
            changed_at: kept.good.as_ref().map(|good| good.at),
            entries: kept
                .held
                .as_ref()
                .map_or(kept.good.as_ref().map_or(0, |good| good.entries), |(_, before)| *before),
            failing_since: kept.failing.as_ref().map(|failing| failing.since),
            reason: kept.failing.map(|failing| failing.reason),
            held_entries: kept.held.map(|(held, _)| held.entries),
        });
    }
    Ok(statuses)
}

/// `5 minutes`, `1 hour`, `3 days`: the largest unit, rounded down.
fn length(age: TimeDelta) -> String {
    let units = [(age.num_days(), "day"), (age.num_hours(), "hour"), (age.num_minutes(), "minute")];
    match units.into_iter().find(|(count, _)| *count > 0) {
        Some((1, unit)) => format!("1 {unit}"),
        Some((count, unit)) => format!("{count} {unit}s"),
        None => "less than a minute".to_owned(),
    }
}

/// The gauges of the calendars, in Prometheus' text format; names are of the configuration.
#[must_use]
pub fn render(statuses: &[Status], now: DateTime<Utc>) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    let mut gauge = |name: &str, value: &dyn Fn(&Status) -> i64| {
        if statuses.is_empty() {
            return;
        }
        writeln!(text, "# TYPE catops_calendar_{name} gauge").expect("a String takes every text");
        for status in statuses {
            let calendar: String = status.name.chars().filter(|letter| !matches!(letter, '"' | '\\' | '\n')).collect();
            writeln!(text, "catops_calendar_{name}{{calendar=\"{calendar}\"}} {}", value(status))
                .expect("a String takes every text");
        }
    };
    gauge("age_seconds", &|status| status.age(now).map_or(-1, |age| age.num_seconds()));
    gauge("failing", &|status| i64::from(status.failing_since.is_some()));
    gauge("held", &|status| i64::from(status.held_entries.is_some()));
    text
}

impl App {
    /// How the calendars of this moment stand.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn calendar_statuses(&self) -> Result<Vec<Status>, ReadError> {
        statuses(&*self.log, &self.setup()).await
    }
}

#[cfg(test)]
mod tests;
