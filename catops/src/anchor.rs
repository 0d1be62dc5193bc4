//! Anchors: once a day the ends of all streams that changed are signed and written down, in the log and in a file beside
//! it. A chain alone cannot show that its end was cut off, since whoever cuts can rewrite the head; an anchor can,
//! best when its file is copied to where the log's writers cannot write.

use crate::app::App;
use crate::clock;
use crate::flow::change::{ChangeError, json};
use crate::flow::names;
use crate::seed;
use anyhow::{Context, Result, bail};
use chrono::{DateTime, Days, NaiveTime, Utc};
use incident::{SCHEMA, Task};
use log::{Append, Cursor, Digest, EventLog, Expected, Head, LeasedEffect, NewEvent, Outcome, ReadError, StreamWrite};
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

/// The timer: a slot, due at the next midnight (UTC).
#[must_use]
pub fn timer(at: DateTime<Utc>) -> incident::Effect {
    incident::Effect {
        id: "anchor".to_owned(),
        due_at: next(at),
        task: Task::Anchor,
        repeat: incident::Repeat::Safe,
        slot: true,
    }
}

fn next(at: DateTime<Utc>) -> DateTime<Utc> {
    let tomorrow = at.date_naive().checked_add_days(Days::new(1)).unwrap_or(at.date_naive());
    tomorrow.and_time(NaiveTime::MIN).and_utc()
}

/// Makes today's anchor and sets the timer for tomorrow's.
///
/// # Errors
/// The log cannot be read or written; the timer is tried again. A file or key that cannot be written is only logged:
/// the anchor is in the log.
pub async fn perform(app: &App, leased: &LeasedEffect) -> Result<(), ChangeError> {
    let at = clock::now();
    if let Some(data) = &app.data
        && let Err(error) = make(app.log.as_ref(), data, at).await
    {
        tracing::error!(error = %format!("{error:#}"), "today's anchor could not be made; tomorrow's will cover today too");
    }
    let outcome = Outcome::Retry { due_at: next(at), error: "waiting for the next day".to_owned() };
    app.log.settle(&leased.token, outcome, None).await?;
    Ok(())
}

/// Signs the ends of all streams that changed since the last anchor; key and file are in the data folder. Returns how
/// many ends.
///
/// # Errors
/// The log, the key or the file cannot be read or written.
pub async fn make(log: &dyn EventLog, data: &Path, at: DateTime<Utc>) -> Result<usize> {
    let key = key(data)?;
    let head = log.load(&names::anchors()).await?;
    let mut expected = head.as_ref().map_or(Expected::NoStream, |stream| Expected::Exact(stream.version));
    let mut state: State =
        head.and_then(|stream| serde_json::from_slice(&stream.head.snapshot).ok()).unwrap_or_default();
    let (changed, read) = changed(log, &state.read).await?;
    let ends = ends(log, &changed).await?;
    let count = ends.len();
    for some in ends.chunks(ENDS_MAX) {
        let anchor = Anchor {
            number: state.number + 1,
            at,
            before: std::mem::take(&mut state.before),
            ends: some.iter().cloned().collect(),
        };
        let signed = Signed::new(anchor, &key);
        state = State { number: signed.anchor.number, before: signed.digest(), read: read.as_str().to_owned() };
        expected = append(log, &signed, &state, expected, at).await?;
    }
    copy(log, &data.join(FILE)).await?;
    Ok(count)
}

/// The streams with events after a place, and where the reading ended. The anchors themselves are chained and signed.
async fn changed(log: &dyn EventLog, after: &str) -> Result<(BTreeSet<log::StreamId>, Cursor), ReadError> {
    let mut streams = BTreeSet::new();
    let mut after = Cursor::new(after);
    loop {
        let page = log.feed(&after, PAGE).await?;
        if page.events.is_empty() {
            streams.remove(&names::anchors());
            return Ok((streams, after));
        }
        streams.extend(page.events.into_iter().map(|event| event.stream));
        after = page.next;
    }
}

async fn ends(
    log: &dyn EventLog,
    streams: &BTreeSet<log::StreamId>,
) -> Result<Vec<(String, (u64, String))>, ReadError> {
    let mut ends = Vec::with_capacity(streams.len());
    for stream in streams {
        let version = log.load(stream).await?.map_or(0, |stream| stream.version);
        for proof in log.proofs(stream, version, 1).await? {
            ends.push((stream.to_string(), (version, proof.link.to_string())));
        }
    }
    Ok(ends)
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
async fn copy(log: &dyn EventLog, path: &Path) -> Result<()> {
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
