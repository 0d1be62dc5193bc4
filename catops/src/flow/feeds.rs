//! The secret addresses under which calendar programs read shifts: opened for a schedule or a person, revoked by anybody of
//! the team. They lie in one stream of the log whose state is the open ones.
//!
//! The log never holds the secret itself, only its digest: who reads the log, a backup or an export can subscribe to nothing.

use crate::flow::change::{all_events, json};
use crate::flow::names;
use crate::seed;
use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use incident::{ResponderId, SCHEMA};
use log::{
    Append, AppendError, Digest, EventLog, Expected, Head, NewEvent, ReadError, Stream, StreamId, StreamWrite, View,
};
use rota::Rota;
use serde::{Deserialize, Serialize};
use std::fmt;
use subtle::ConstantTimeEq;

/// Which fold made the state.
const FOLD: u32 = 1;
/// The most feeds that are open at once: the state, at most 250 bytes for each, has to fit beside its stream.
const OPEN_MAX: usize = 500;
/// Bytes of a name in the state; longer ones are refused.
const NAME_BYTES_MAX: usize = 100;

/// Whose shifts a feed shows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// Everybody on one schedule.
    Schedule(String),
    /// One person on all schedules.
    Person(ResponderId),
}

/// A feed that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenFeed {
    /// Its number, by which people name it; never given twice.
    pub id: u64,
    /// Whose shifts it shows.
    pub whose: Whose,
    /// The SHA-256 of its secret, in hexadecimal.
    pub digest: String,
    /// Who opened it.
    pub by: ResponderId,
    /// When.
    pub at: DateTime<Utc>,
}

/// All feeds, as their events lead to them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Feeds {
    /// The right half of every UID, chosen when the first feed was opened and the same for ever; empty before that.
    pub site: String,
    /// The highest number that was given.
    last: u64,
    /// The open ones, by number.
    pub open: Vec<OpenFeed>,
}

/// What happens to feeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum FeedEvent {
    FeedOpened { id: u64, whose: Whose, digest: String, by: ResponderId, site: String },
    FeedRevoked { id: u64, by: ResponderId },
}

/// The secret part of a feed's address: 256 random bits. Its `Debug` is `***`.
pub struct Secret(String);

/// What is random about a feed that is to be opened.
pub struct Minted {
    /// The secret of its address.
    pub secret: Secret,
    /// The right half of every UID, should it be the first feed.
    pub site: String,
}

/// Why a feed was not opened, revoked or found.
#[derive(Debug, thiserror::Error)]
pub enum FeedsError {
    /// Too many are open.
    #[error("{OPEN_MAX} feeds are open, and no more can be; revoke those that nobody reads")]
    TooMany,
    /// The name of a schedule or a person is too long.
    #[error("names of more than {NAME_BYTES_MAX} bytes have no feed")]
    LongName,
    /// Nobody is called so, neither a schedule nor a person.
    #[error("there is no schedule and no person \"{0}\"")]
    Nobody(String),
    /// None of that number is open.
    #[error("no feed {0} is open; `catops calendar list` lists those that are")]
    NotOpen(u64),
    /// The state or an event cannot be read.
    #[error("the feeds in the log cannot be read")]
    Corrupt(#[source] serde_json::Error),
    /// The log could not be read.
    #[error("the event log could not be read")]
    Read(#[from] ReadError),
    /// The log could not be written.
    #[error("the event log did not take it")]
    Append(#[from] AppendError),
}

impl Whose {
    /// What a person means by `payments` or `ana`, or by `schedule:payments` as escalation policies write it. No schedule is
    /// called like a person.
    ///
    /// # Errors
    /// [`FeedsError::Nobody`].
    pub fn find(rota: &Rota, name: &str) -> Result<Self, FeedsError> {
        let schedule = name.strip_prefix("schedule:").unwrap_or(name);
        if rota.schedules.contains_key(schedule) {
            return Ok(Self::Schedule(schedule.to_owned()));
        }
        let person = ResponderId::from(name);
        if rota.is_responder(&person) { Ok(Self::Person(person)) } else { Err(FeedsError::Nobody(name.to_owned())) }
    }

    /// The stream of what its feeds said last.
    #[must_use]
    pub fn published(&self) -> StreamId {
        match self {
            Self::Schedule(name) => names::published(&format!("schedule/{name}")),
            Self::Person(id) => names::published(&format!("person/{id}")),
        }
    }

    /// The name of the schedule, or the id of the person.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Schedule(name) => name,
            Self::Person(id) => id.as_str(),
        }
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schedule(name) => write!(f, "schedule {name}"),
            Self::Person(id) => write!(f, "person {id}"),
        }
    }
}

impl Secret {
    /// Its path: what follows the address of the server.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/calendar/{}.ics", self.0)
    }

    /// The SHA-256 of it, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Minted {
    /// A new one, which nobody can guess.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn fresh() -> Result<Self> {
        let site = seed::fresh()?.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>() + ".catops";
        Ok(Self { secret: Secret(URL_SAFE_NO_PAD.encode(seed::fresh()?)), site })
    }
}

impl Feeds {
    /// The open feed with that secret. All are compared, each in constant time, so that how long it takes says nothing.
    #[must_use]
    pub fn find(&self, secret: &str) -> Option<&OpenFeed> {
        let given = digest(secret);
        let mut found = None;
        for feed in &self.open {
            if bool::from(feed.digest.as_bytes().ct_eq(given.as_bytes())) {
                found = Some(feed);
            }
        }
        found
    }

    fn apply(&mut self, event: &FeedEvent, at: DateTime<Utc>) {
        match event {
            FeedEvent::FeedOpened { id, whose, digest, by, site } => {
                if self.site.is_empty() {
                    self.site.clone_from(site);
                }
                self.last = self.last.max(*id);
                let (whose, digest, by) = (whose.clone(), digest.clone(), by.clone());
                self.open.push(OpenFeed { id: *id, whose, digest, by, at });
            }
            FeedEvent::FeedRevoked { id, .. } => self.open.retain(|feed| feed.id != *id),
        }
    }

    fn head(&self) -> Head {
        Head { snapshot: json(self), fold: FOLD, listing: None }
    }
}

impl FeedEvent {
    const fn kind(&self) -> &'static str {
        match self {
            Self::FeedOpened { .. } => "feed_opened",
            Self::FeedRevoked { .. } => "feed_revoked",
        }
    }

    const fn by(&self) -> &ResponderId {
        match self {
            Self::FeedOpened { by, .. } | Self::FeedRevoked { by, .. } => by,
        }
    }
}

/// The feeds.
///
/// # Errors
/// The log cannot be read, or holds something else.
pub async fn load(log: &dyn EventLog) -> Result<Feeds, FeedsError> {
    log.load(&names::feeds()).await?.as_ref().map_or_else(|| Ok(Feeds::default()), read)
}

/// Opens a feed for `whose` in the name of `by`; what is `minted` becomes its address.
///
/// # Errors
/// [`FeedsError`]; then nothing was written.
pub async fn open(
    log: &dyn EventLog,
    whose: Whose,
    by: ResponderId,
    minted: &Minted,
    at: DateTime<Utc>,
) -> Result<OpenFeed, FeedsError> {
    open_known(log, whose, by, minted.secret.digest(), minted.site.clone(), at).await
}

/// The same for whoever knows the secret's digest alone; `site` is the right half of every UID, should it be the first feed.
///
/// # Errors
/// [`FeedsError`]; then nothing was written.
pub async fn open_known(
    log: &dyn EventLog,
    whose: Whose,
    by: ResponderId,
    digest: String,
    site: String,
    at: DateTime<Utc>,
) -> Result<OpenFeed, FeedsError> {
    if whose.name().len() > NAME_BYTES_MAX || by.as_str().len() > NAME_BYTES_MAX || site.len() > NAME_BYTES_MAX {
        return Err(FeedsError::LongName);
    }
    let feeds = write(log, at, move |feeds| {
        if feeds.open.len() >= OPEN_MAX {
            return Err(FeedsError::TooMany);
        }
        let (whose, digest, by, site) = (whose.clone(), digest.clone(), by.clone(), site.clone());
        Ok(FeedEvent::FeedOpened { id: feeds.last + 1, whose, digest, by, site })
    });
    let feeds = feeds.await?;
    Ok(feeds.open.last().cloned().expect("the event that was written opens one"))
}

/// Revokes the feed of that number: from here on its address is as unknown as any other.
///
/// # Errors
/// [`FeedsError::NotOpen`], or the log cannot be read or written.
pub async fn revoke(log: &dyn EventLog, id: u64, by: ResponderId, at: DateTime<Utc>) -> Result<(), FeedsError> {
    let written = write(log, at, move |feeds| {
        let is_open = feeds.open.iter().any(|feed| feed.id == id);
        if is_open { Ok(FeedEvent::FeedRevoked { id, by: by.clone() }) } else { Err(FeedsError::NotOpen(id)) }
    });
    written.await.map(drop)
}

/// The state as its events lead to it; none when one of them cannot be read.
///
/// # Errors
/// The log cannot be read.
pub async fn refolded(log: &dyn EventLog) -> Result<Option<Head>, ReadError> {
    let mut feeds = Feeds::default();
    for event in all_events(log, &names::feeds()).await? {
        let Ok(read) = serde_json::from_slice::<FeedEvent>(&event.body) else { return Ok(None) };
        feeds.apply(&read, event.at);
    }
    Ok(Some(feeds.head()))
}

/// Writes what is decided on the feeds as they are; returns how they are then.
async fn write(
    log: &dyn EventLog,
    at: DateTime<Utc>,
    decide: impl Fn(&Feeds) -> Result<FeedEvent, FeedsError> + Send + 'static,
) -> Result<Feeds, FeedsError> {
    let decided = log::decide(log, move |view: &mut dyn View| {
        let before = view.stream(&names::feeds())?;
        let expected = before.as_ref().map_or(Expected::NoStream, |stream| Expected::Exact(stream.version));
        let mut feeds = before.as_ref().map_or_else(|| Ok(Feeds::default()), read)?;
        let event = decide(&feeds)?;
        feeds.apply(&event, at);
        let written = NewEvent {
            kind: event.kind().to_owned(),
            schema: SCHEMA,
            at,
            actor: format!("person:{}", event.by()),
            cause: "calendar".to_owned(),
            body: json(&event),
            raw: None,
        };
        let write = StreamWrite { stream: names::feeds(), expected, events: vec![written], head: feeds.head() };
        Ok::<_, FeedsError>((Append { streams: vec![write], ..Append::default() }, feeds))
    });
    let (_, feeds) = decided.await??;
    Ok(feeds)
}

fn read(stream: &Stream) -> Result<Feeds, FeedsError> {
    serde_json::from_slice(&stream.head.snapshot).map_err(FeedsError::Corrupt)
}

fn digest(secret: &str) -> String {
    Digest::of(secret.as_bytes()).to_string()
}

#[cfg(test)]
mod tests;
