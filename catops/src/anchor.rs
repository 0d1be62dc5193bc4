//! Anchors: once a day the ends of all streams that changed are signed and written down, in the log and, where there is a
//! data folder, in a file beside it. A chain alone cannot show that its end was cut off, since whoever cuts can rewrite the
//! head; an anchor can, best when a copy of it is kept where the log's writers cannot write.

use crate::app::App;
use crate::clock;
use crate::config::secret::env;
use crate::flow::change::{ChangeError, json, new_effect};
use crate::flow::names;
use crate::seed;
use anyhow::{Context, Result, bail};
use chrono::{DateTime, Days, NaiveTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use incident::{SCHEMA, Task};
use log::{
    Append, AppendError, Cursor, Digest, EventLog, Expected, Head, LeasedEffect, NewEvent, Outcome, ReadError,
    StreamWrite,
};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

/// The file that holds the same anchors, one a line.
pub const FILE: &str = "anchors.jsonl";
/// The key that signs them. Whoever has it can sign: keep a copy of its public half, which `catops verify` prints.
const KEY_FILE: &str = "anchor.key";
/// The fold of the state beside the anchors.
const FOLD: u32 = 1;
/// Ends in one anchor: each takes about a hundred bytes, and an event's body at most 256 KiB.
const ENDS_MAX: usize = 1000;
/// Events of the feed that are read at once.
const PAGE: usize = 1000;
/// Streams whose ends are read at once: of a table each read is a journey.
const READ_TOGETHER: usize = 16;
/// Holds a text that nobody can guess, from which the key is made, where there is no data folder to keep a key in.
const KEY_VARIABLE: &str = "CATOPS_ANCHOR_KEY";

/// The ends of the streams that changed since the anchor before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Counts from 1.
    pub number: u64,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// The digest of the signed anchor before, as it stands in the file; empty for the first.
    pub before: String,
    /// By stream, the version and the link of its last event.
    pub ends: BTreeMap<String, (u64, String)>,
}

/// An anchor with its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// What is signed: its JSON, as `serde_json` writes it.
    pub anchor: Anchor,
    /// The public key (ed25519), in hexadecimal digits.
    pub key: String,
    /// The signature, in hexadecimal digits.
    pub signature: String,
}

impl Signed {
    fn new(anchor: Anchor, key: &Ed25519KeyPair) -> Self {
        let signature = hex(key.sign(&json(&anchor)).as_ref());
        Self { anchor, key: hex(key.public_key().as_ref()), signature }
    }

    /// Whether the key that it names signed it.
    #[must_use]
    pub fn is_authentic(&self) -> bool {
        let (Some(key), Some(signature)) = (unhex(&self.key), unhex(&self.signature)) else { return false };
        UnparsedPublicKey::new(&ED25519, key).verify(&json(&self.anchor), &signature).is_ok()
    }

    /// What the next anchor names as the one before it.
    #[must_use]
    pub fn digest(&self) -> String {
        Digest::of(&json(self)).to_string()
    }
}

/// What is kept beside the anchors.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct State {
    number: u64,
    before: String,
    read: String,
}

/// Sets the timer, a slot due at the next midnight (UTC); nothing where nobody can sign.
///
/// # Errors
/// The log cannot be written.
pub async fn schedule(app: &App) -> Result<(), AppendError> {
    if Keeper::of(app.data.as_deref()).is_none() {
        return Ok(());
    }
    let timer = incident::Effect {
        id: "anchor".to_owned(),
        due_at: next(clock::now()),
        task: Task::Anchor,
        repeat: incident::Repeat::Safe,
        slot: true,
    };
    app.log.append(Append { effects: vec![new_effect(&timer)], ..Append::default() }).await?;
    Ok(())
}

fn next(at: DateTime<Utc>) -> DateTime<Utc> {
    let tomorrow = at.date_naive().checked_add_days(Days::new(1)).unwrap_or(at.date_naive());
    tomorrow.and_time(NaiveTime::MIN).and_utc()
}

/// Who signs.
#[derive(Debug)]
pub enum Keeper<'a> {
    /// The key of this data folder, which keeps a copy of the anchors too.
    Folder(&'a Path),
    /// The key that follows from this text.
    Text(String),
}

impl<'a> Keeper<'a> {
    /// Of a data folder, or from the environment; none when there is neither.
    #[must_use]
    pub fn of(data: Option<&'a Path>) -> Option<Self> {
        match data {
            Some(data) => Some(Self::Folder(data)),
            None => env(KEY_VARIABLE).filter(|text| !text.is_empty()).map(Self::Text),
        }
    }

    fn key(&self) -> Result<Ed25519KeyPair> {
        match self {
            Self::Folder(data) => key(data),
            Self::Text(text) => match Ed25519KeyPair::from_seed_unchecked(Digest::of(text.as_bytes()).as_bytes()) {
                Ok(key) => Ok(key),
                Err(error) => bail!("{KEY_VARIABLE} makes no signing key ({error})"),
            },
        }
    }
}

/// Makes today's anchors and sets the timer for tomorrow's.
///
/// # Errors
/// The log cannot be read or written; the timer is tried again. A file or key that cannot be written is only logged:
/// the anchor is in the log.
pub async fn perform(app: &App, leased: &LeasedEffect) -> Result<(), ChangeError> {
    let at = clock::now();
    let mut outcome = Outcome::Retry { due_at: next(at), error: "waiting for the next day".to_owned() };
    if let Some(keeper) = Keeper::of(app.data.as_deref()) {
        match make(app.log.as_ref(), &keeper, at).await {
            Ok(made) if made.is_whole => {}
            Ok(_) => outcome = Outcome::Retry { due_at: at, error: "more streams changed today".to_owned() },
            Err(error) => tracing::error!(
                error = %format!("{error:#}"),
                "today's anchor could not be made; tomorrow's will cover today too"
            ),
        }
    }
    app.log.settle(&leased.token, outcome, None).await?;
    Ok(())
}

/// What one call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// How many ends were signed.
    pub ends: usize,
    /// True when no stream is left that changed since it was signed.
    pub is_whole: bool,
}

/// Signs the ends of streams that changed since the last anchor, some [`ENDS_MAX`] at most: a day of a large log takes several
/// calls, each of which leaves whole anchors behind.
///
/// # Errors
/// The log, the key or the file cannot be read or written.
pub async fn make(log: &dyn EventLog, keeper: &Keeper<'_>, at: DateTime<Utc>) -> Result<Made> {
    let key = keeper.key()?;
    let head = log.load(&names::anchors()).await?;
    let mut expected = head.as_ref().map_or(Expected::NoStream, |stream| Expected::Exact(stream.version));
    let mut state: State =
        head.and_then(|stream| serde_json::from_slice(&stream.head.snapshot).ok()).unwrap_or_default();
    let changed = changed(log, &state.read).await?;
    let ends = ends(log, &changed.streams).await?;
    let made = Made { ends: ends.len(), is_whole: changed.is_whole };
    let mut pieces = ends.chunks(ENDS_MAX).peekable();
    while let Some(some) = pieces.next() {
        let anchor = Anchor {
            number: state.number + 1,
            at,
            before: std::mem::take(&mut state.before),
            ends: some.iter().cloned().collect(),
        };
        let signed = Signed::new(anchor, &key);
        // Who dies between two pieces reads again from where the first began.
        let read = if pieces.peek().is_none() { changed.read.as_str().to_owned() } else { state.read };
        state = State { number: signed.anchor.number, before: signed.digest(), read };
        expected = append(log, &signed, &state, expected, at).await?;
    }
    if let Keeper::Folder(data) = keeper {
        copy(log, &data.join(FILE)).await?;
    }
    Ok(made)
}

/// A walk through the feed.
struct Changed {
    /// The streams with events in it; the anchors themselves are chained and signed.
    streams: BTreeSet<log::StreamId>,
    /// Where it ended.
    read: Cursor,
    /// True when that is the end of the feed.
    is_whole: bool,
}

async fn changed(log: &dyn EventLog, after: &str) -> Result<Changed, ReadError> {
    let mut changed = Changed { streams: BTreeSet::new(), read: Cursor::new(after), is_whole: false };
    while changed.streams.len() < ENDS_MAX {
        let page = log.feed(&changed.read, PAGE).await?;
        if page.events.is_empty() {
            changed.is_whole = true;
            break;
        }
        changed.streams.extend(page.events.into_iter().map(|event| event.stream));
        changed.streams.remove(&names::anchors());
        changed.read = page.next;
    }
    Ok(changed)
}

async fn ends(
    log: &dyn EventLog,
    streams: &BTreeSet<log::StreamId>,
) -> Result<Vec<(String, (u64, String))>, ReadError> {
    let end = async |stream: &log::StreamId| {
        let version = log.load(stream).await?.map_or(0, |stream| stream.version);
        let proofs = log.proofs(stream, version, 1).await?;
        Ok::<_, ReadError>(proofs.first().map(|proof| (stream.to_string(), (version, proof.link.to_string()))))
    };
    let ends: Vec<_> = stream::iter(streams).map(end).buffered(READ_TOGETHER).try_collect().await?;
    Ok(ends.into_iter().flatten().collect())
}

async fn append(
    log: &dyn EventLog,
    signed: &Signed,
    state: &State,
    expected: Expected,
    at: DateTime<Utc>,
) -> Result<Expected> {
    let event = NewEvent {
        kind: "anchored".to_owned(),
        schema: SCHEMA,
        at,
        actor: "catops".to_owned(),
        cause: "anchor".to_owned(),
        body: json(signed),
        raw: None,
    };
    let head = Head { snapshot: json(state), fold: FOLD, listing: None };
    let write = StreamWrite { stream: names::anchors(), expected, events: vec![event], head };
    log.append(Append { streams: vec![write], ..Append::default() }).await?;
    Ok(Expected::Exact(expected.version() + 1))
}

/// The anchors of the log after so many, oldest first.
///
/// # Errors
/// The log cannot be read, or holds something else there.
pub async fn of_log(log: &dyn EventLog, after: u64) -> Result<Vec<Signed>> {
    let events = log.events(&names::anchors(), after + 1, usize::MAX).await?;
    events.iter().map(|event| serde_json::from_slice(&event.body).context("reading an anchor of the log")).collect()
}

/// All anchors of a file, oldest first; none when there is no file.
///
/// # Errors
/// It cannot be read, or holds something else.
pub fn of_file(path: &Path) -> Result<Vec<Signed>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    };
    let line = |line| serde_json::from_str(line).with_context(|| format!("reading an anchor of {}", path.display()));
    text.lines().map(line).collect()
}

/// Adds to the file what it does not hold yet: also what a crash kept from it.
///
/// # Errors
/// The log cannot be read, or the file not be read or written.
pub async fn copy(log: &dyn EventLog, path: &Path) -> Result<()> {
    let there = of_file(path)?.len();
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    for signed in of_log(log, there as u64).await? {
        file.write_all(&json(&signed))?;
        file.write_all(b"\n")?;
    }
    file.sync_data().with_context(|| format!("writing {}", path.display()))
}

/// The signing key of a data folder; made when there is none, readable by its owner only.
fn key(data: &Path) -> Result<Ed25519KeyPair> {
    let path = data.join(KEY_FILE);
    if !path.exists() {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).with_context(|| format!("writing {}", path.display()))?;
        file.write_all(&seed::signing_key()?)?;
        file.sync_all()?;
    }
    let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    match Ed25519KeyPair::from_pkcs8(&bytes) {
        Ok(key) => Ok(key),
        Err(error) => bail!("{} holds no signing key ({error}); move it away and a new one is made", path.display()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
