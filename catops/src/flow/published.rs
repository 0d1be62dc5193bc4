//! What calendar programs are told: the feed of one schedule or person as it is now, and what was told before, so that a
//! shift that is gone goes out as cancelled and an event keeps its number of changes over restarts.
//!
//! What was told lies in one stream for each schedule or person. A feed is made at most once a minute while nothing changes,
//! and one at a time, whatever is asked. Who may read it is decided elsewhere (`feeds`).

use crate::app::App;
use crate::config::Setup;
use crate::flow::change::json;
use crate::flow::feeds::{Feeds, OpenFeed, Whose};
use crate::flow::triage;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use incident::{ResponderId, SCHEMA};
use log::{Append, AppendError, EventLog, Expected, Head, NewEvent, ReadError, Stream, StreamWrite};
use rota::calendar::{Feed, Published, Request, Subject, feed};
use rota::{Operation, Rota};
use serde::{Deserialize, Serialize};
use serde_json::json as object;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};
use tokio::sync::Mutex;

/// Which fold made the state.
const FOLD: u32 = 1;
/// For so long a feed is answered as it is while neither configuration nor operations change.
const MADE_EVERY: TimeDelta = TimeDelta::minutes(1);
/// Bytes of the state of one feed: what fits beside its stream, with room for its other fields. An event takes about a
/// hundred, so that two thousand and more are remembered: ten shifts a day.
const STATE_BYTES_MAX: usize = log::SNAPSHOT_BYTES_MAX - 4096;
/// How often a feed is made anew when another process was faster.
const ATTEMPTS: usize = 3;

/// The feeds that were made lately.
#[derive(Default)]
pub struct Shelf {
    made: Mutex<HashMap<Whose, Made>>,
}

/// A feed, and what it was made from.
struct Made {
    at: DateTime<Utc>,
    setup: Weak<Setup>,
    operations: Vec<Operation>,
    page: Arc<Page>,
}

/// A feed as it is answered.
#[derive(Debug)]
pub struct Page {
    /// The calendar.
    pub body: String,
    /// The strong `ETag`, with its quotes.
    pub etag: String,
    /// When it last became another one, in whole seconds.
    pub changed_at: DateTime<Utc>,
}

/// Why there is no feed.
#[derive(Debug, thiserror::Error)]
pub enum NoPage {
    /// The log could not be read.
    #[error("the event log could not be read")]
    Read(#[from] ReadError),
    /// What the feed says could not be written down, so it is not said.
    #[error("the event log did not take what the feed says")]
    Append(#[from] AppendError),
    /// Making it ended by a fault of ours.
    #[error("the feed could not be made")]
    Fault(#[from] tokio::task::JoinError),
}

/// What the last feed said, as it lies in the log. Dense, because a busy schedule has thousands of shifts in half a year.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Told {
    etag: String,
    changed_at: DateTime<Utc>,
    /// The right half of the UIDs.
    site: String,
    /// The titles, each once.
    titles: Vec<String>,
    events: Vec<ToldEvent>,
}

/// UID without its right half; start and end in seconds of Unix time; the place of the title; the number of changes; the
/// last change in microseconds of Unix time; the digest of what it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ToldEvent(String, i64, i64, usize, u32, i64, String);

impl Shelf {
    /// The feed of an open address at `at`. What it says for the first time is in the log before it is returned.
    ///
    /// # Errors
    /// [`NoPage`].
    pub async fn page(
        &self,
        app: &App,
        feeds: &Feeds,
        open: &OpenFeed,
        at: DateTime<Utc>,
    ) -> Result<Arc<Page>, NoPage> {
        // Held until the feed is made: one at a time, and whoever asks for the same one waits for it. What it is made from is
        // read behind it, so that who waited long tells nothing that is older than what was told meanwhile.
        let mut made = self.made.lock().await;
        let (setup, operations) = (app.setup(), triage::operations(&*app.log).await?);
        made.retain(|_, made| made.at <= at && at < made.at + MADE_EVERY);
        let known = made.get(&open.whose).filter(|made| made.is_of(&setup, &operations));
        if let Some(known) = known {
            return Ok(Arc::clone(&known.page));
        }
        let page = Arc::new(publish(&*app.log, &setup, &operations, feeds, open, at).await?);
        let setup = Arc::downgrade(&setup);
        made.insert(open.whose.clone(), Made { at, setup, operations, page: Arc::clone(&page) });
        Ok(page)
    }
}

impl Made {
    fn is_of(&self, setup: &Arc<Setup>, operations: &[Operation]) -> bool {
        self.setup.upgrade().is_some_and(|mine| Arc::ptr_eq(&mine, setup)) && self.operations == operations
    }
}

/// Makes the feed on what was told before, and writes down what is new in it.
async fn publish(
    log: &dyn EventLog,
    setup: &Arc<Setup>,
    operations: &[Operation],
    feeds: &Feeds,
    open: &OpenFeed,
    at: DateTime<Utc>,
) -> Result<Page, NoPage> {
    let stream = open.whose.published();
    let mut attempt = 1;
    loop {
        let before = log.load(&stream).await?;
        // What cannot be read is as if nothing had been told: then shifts that are gone are not cancelled, but those that
        // are there are right.
        let told: Told =
            before.as_ref().and_then(|stream| serde_json::from_slice(&stream.head.snapshot).ok()).unwrap_or_default();
        let feed = make(setup, operations, &open.whose, &feeds.site, told.events(), at).await?;
        let next = told.next(&feed, &feeds.site, at);
        if next == told {
            return Ok(Page { body: feed.body, etag: feed.etag, changed_at: told.changed_at });
        }
        let changed_at = next.changed_at;
        match log.append(append(before.as_ref(), open, next, &feed, at)).await {
            Ok(_) => return Ok(Page { body: feed.body, etag: feed.etag, changed_at }),
            Err(AppendError::Conflict { .. }) if attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Makes a feed beside the threads that take alarms: a year of hourly shifts takes a while.
async fn make(
    setup: &Arc<Setup>,
    operations: &[Operation],
    whose: &Whose,
    site: &str,
    previous: Vec<Published>,
    at: DateTime<Utc>,
) -> Result<Feed, tokio::task::JoinError> {
    let (setup, operations, whose, site) = (Arc::clone(setup), operations.to_vec(), whose.clone(), site.to_owned());
    tokio::task::spawn_blocking(move || of(&setup.rota, &operations, &whose, &site, &previous, at)).await
}

fn of(
    rota: &Rota,
    operations: &[Operation],
    whose: &Whose,
    site: &str,
    previous: &[Published],
    at: DateTime<Utc>,
) -> Feed {
    let subject = match whose {
        Whose::Schedule(name) => Subject::Schedule(name),
        Whose::Person(id) => Subject::Person(id),
    };
    feed(rota, operations, &request(subject, site), previous, at).unwrap_or_else(|_gone| {
        // Of a schedule that is no more, all is cancelled: a rota without schedules says so of anybody, under the same title.
        let (nobody, name) = (Rota::default(), ResponderId::from(whose.name()));
        feed(&nobody, &[], &request(Subject::Person(&name), site), previous, at)
            .expect("a rota without schedules is asked for none")
    })
}

/// There is no page to read more on, and a calendar that rings for a shift is the program's business.
const fn request<'a>(subject: Subject<'a>, site: &'a str) -> Request<'a> {
    Request { subject, site, url: None, alarm_before: None }
}

fn append(before: Option<&Stream>, open: &OpenFeed, next: Told, feed: &Feed, at: DateTime<Utc>) -> Append {
    let changed = feed.published.iter().filter(|event| event.modified == at).count();
    let event = NewEvent {
        kind: "feed_published".to_owned(),
        schema: SCHEMA,
        at,
        actor: "catops".to_owned(),
        cause: format!("calendar/{}", open.id),
        body: json(&object!({ "whose": open.whose, "events": feed.published.len(), "changed": changed })),
        raw: None,
    };
    let expected = before.map_or(Expected::NoStream, |stream| Expected::Exact(stream.version));
    let head = Head { snapshot: json(&next), fold: FOLD, listing: None };
    let write = StreamWrite { stream: open.whose.published(), expected, events: vec![event], head };
    Append { streams: vec![write], ..Append::default() }
}

impl Told {
    /// What is told next. The time of the change only goes up, so that whoever asks by it misses no change of a second.
    fn next(&self, feed: &Feed, site: &str, at: DateTime<Utc>) -> Self {
        let changed_at = match (self.etag == feed.etag, self.etag.is_empty()) {
            (true, _) => self.changed_at,
            (false, true) => at.trunc_subsecs(0),
            (false, false) => at.trunc_subsecs(0).max(self.changed_at + TimeDelta::seconds(1)),
        };
        let mut told = Self { etag: feed.etag.clone(), changed_at, site: site.to_owned(), ..Self::default() };
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        let mut bytes = 0;
        for event in &feed.published {
            let place = *places.entry(&event.summary).or_insert_with(|| {
                told.titles.push(event.summary.clone());
                bytes += json(&event.summary).len() + 1;
                told.titles.len() - 1
            });
            let uid = event.uid.strip_suffix(site).and_then(|uid| uid.strip_suffix('@')).unwrap_or(&event.uid);
            let event = ToldEvent(
                uid.to_owned(),
                event.start.timestamp(),
                event.end.timestamp(),
                place,
                event.sequence,
                event.modified.timestamp_micros(),
                event.digest.clone(),
            );
            bytes += json(&event).len() + 1;
            // They come by start: what is forgotten of a schedule with more is far ahead.
            if bytes > STATE_BYTES_MAX {
                break;
            }
            told.events.push(event);
        }
        told
    }

    fn events(&self) -> Vec<Published> {
        let event = |event: &ToldEvent| {
            let ToldEvent(uid, start, end, place, sequence, modified, digest) = event;
            Some(Published {
                uid: format!("{uid}@{}", self.site),
                start: DateTime::from_timestamp(*start, 0)?,
                end: DateTime::from_timestamp(*end, 0)?,
                summary: self.titles.get(*place)?.clone(),
                sequence: *sequence,
                modified: DateTime::from_timestamp_micros(*modified)?,
                digest: digest.clone(),
            })
        };
        self.events.iter().filter_map(event).collect()
    }
}

#[cfg(test)]
mod tests;
