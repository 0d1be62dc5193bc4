//! The versions of the runbooks' folder, in the log: which files appeared, changed or went, and when that was first seen, so
//! that a night can be ranked again with the runbooks that there were.
//!
//! A text is kept once, compressed, beside the event that first has it; an event names the texts that it needs by their
//! SHA-256. A change that is too large for one event is several, and counts with the last of them. Nothing is read but the
//! stream's head while the folder stays as it is. No alarm waits for any of it.

use crate::clock;
use crate::flow::change::{ChangeError, all_events, json};
use crate::flow::names;
use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use incident::{FOLD, RunbookId, SCHEMA};
use index::{Change, RunbookFile};
use log::{
    Append, AppendError, BODY_BYTES_MAX, EventLog, Expected, Head, NewEvent, RAW_BYTES_MAX, Raw, ReadError, Stream,
    StreamWrite,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::mem;

/// How many bytes of JSON a file is at most, beside its name with every letter escaped.
const ENTRY_BYTES: usize = 160;
/// How often a change is written anew when another process wrote meanwhile: it most likely wrote the same.
const TRIES: usize = 3;
/// Texts that are read at once.
const READ_AT_ONCE: usize = 16;

/// The runbooks that were there from an instant on, as what became of those before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Since when.
    pub at: DateTime<Utc>,
    /// What became of the files since the version before; the first has them all.
    pub change: Change,
}

/// What is written down when the folder changes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Edited {
    /// Those that are new or have a new text.
    files: Vec<File>,
    /// Those that are gone.
    gone: Vec<RunbookId>,
    /// The change goes on in the next event.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    more: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct File {
    id: RunbookId,
    /// The SHA-256 of its text, in hex.
    sha256: String,
    /// How many bytes of what is kept beside this event are its text, after those of the files before it; none when an
    /// event before has the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
}

/// What is kept beside the stream: enough to see whether the folder changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Last {
    /// As [`index::digest_of`]; empty while a change is half written.
    sha256: String,
}

/// All that the events say but the texts.
#[derive(Debug, Default)]
struct State {
    /// The SHA-256 of each file's text.
    listing: BTreeMap<RunbookId, String>,
    /// The texts that are kept.
    texts: HashSet<String>,
    /// The last change is half written.
    is_half: bool,
}

impl State {
    fn apply(&mut self, edited: &Edited) {
        edited.gone.iter().for_each(|id| drop(self.listing.remove(id)));
        for file in &edited.files {
            self.listing.insert(file.id.clone(), file.sha256.clone());
            self.texts.insert(file.sha256.clone());
        }
        self.is_half = edited.more;
    }

    fn last(&self) -> Last {
        let digest = || index::digest_of(self.listing.iter().map(|(id, sha256)| (id, sha256.as_str())));
        Last { sha256: if self.is_half { String::new() } else { digest() } }
    }
}

/// One event to be written, with its texts.
#[derive(Default)]
struct Piece {
    edited: Edited,
    texts: Vec<u8>,
    bytes: usize,
}

/// What leads from a state to these files, at least one event. The events' bodies and texts are as large as the log takes.
fn edits(state: &State, files: &[RunbookFile]) -> Vec<Piece> {
    let mut known = state.texts.clone();
    let (mut pieces, mut piece) = (Vec::new(), Piece::default());
    let mut room = |piece: &mut Piece, id: &RunbookId, text: usize| {
        let bytes = ENTRY_BYTES + 6 * id.as_str().len();
        if piece.bytes + bytes > BODY_BYTES_MAX - ENTRY_BYTES || piece.texts.len() + text > RAW_BYTES_MAX {
            piece.edited.more = true;
            pieces.push(mem::take(piece));
        }
        piece.bytes += bytes;
    };
    let present: BTreeSet<&RunbookId> = files.iter().map(|file| &file.id).collect();
    for id in state.listing.keys().filter(|id| !present.contains(id)) {
        room(&mut piece, id, 0);
        piece.edited.gone.push(id.clone());
    }
    for file in files {
        let sha256 = log::Digest::of(file.text.as_bytes()).to_string();
        if state.listing.get(&file.id) == Some(&sha256) {
            continue;
        }
        let text = if known.insert(sha256.clone()) { Some(file.text.as_bytes()) } else { None };
        room(&mut piece, &file.id, text.map_or(0, <[u8]>::len));
        piece.texts.extend_from_slice(text.unwrap_or_default());
        piece.edited.files.push(File { id: file.id.clone(), sha256, bytes: text.map(<[u8]>::len) });
    }
    pieces.push(piece);
    pieces
}

/// Writes down that the folder changed, if it did. `digest` is that of the library over it ([`index::Library::digest`]);
/// `files` reads it, which is not asked for while nothing changed. Where it cannot be written, that is logged: alarms are
/// answered all the same.
pub async fn note(log: &dyn EventLog, digest: &str, files: impl FnOnce() -> Vec<RunbookFile>) {
    if let Err(error) = write(log, digest, files).await {
        tracing::error!(error = %error, "a new version of the runbooks could not be kept");
    }
}

async fn write(log: &dyn EventLog, digest: &str, files: impl FnOnce() -> Vec<RunbookFile>) -> Result<(), ChangeError> {
    let mut before = log.load(&names::runbook_versions()).await?;
    if is_known(before.as_ref(), digest) {
        return Ok(());
    }
    let (files, at) = (files(), clock::now());
    for left in (0..TRIES).rev() {
        match write_after(log, before.as_ref(), &files, at).await {
            Err(ChangeError::Append(AppendError::Conflict { .. })) if left > 0 => {
                before = log.load(&names::runbook_versions()).await?;
                if is_known(before.as_ref(), digest) {
                    return Ok(());
                }
            }
            written => return written,
        }
    }
    Ok(())
}

/// Writes down that the folder held these files from an instant on, which must not lie before the last version's.
///
/// # Errors
/// The log cannot be read or written.
pub async fn write_at(log: &dyn EventLog, files: &[RunbookFile], at: DateTime<Utc>) -> Result<(), ChangeError> {
    let before = log.load(&names::runbook_versions()).await?;
    write_after(log, before.as_ref(), files, at).await
}

fn is_known(before: Option<&Stream>, digest: &str) -> bool {
    let last = before.and_then(|stream| serde_json::from_slice::<Last>(&stream.head.snapshot).ok());
    last.is_some_and(|last| last.sha256 == digest)
}

async fn write_after(
    log: &dyn EventLog,
    before: Option<&Stream>,
    files: &[RunbookFile],
    at: DateTime<Utc>,
) -> Result<(), ChangeError> {
    let mut version = before.map_or(0, |stream| stream.version);
    let mut state = if version > 0 { state(log).await? } else { State::default() };
    for piece in edits(&state, files) {
        state.apply(&piece.edited);
        let event = NewEvent {
            kind: "runbooks_edited".to_owned(),
            schema: SCHEMA,
            at,
            actor: "catops".to_owned(),
            cause: "runbooks/*.md".to_owned(),
            body: json(&piece.edited),
            raw: (!piece.texts.is_empty()).then(|| Raw::new(&piece.texts)),
        };
        let expected = if version == 0 { Expected::NoStream } else { Expected::Exact(version) };
        let head = Head { snapshot: json(&state.last()), fold: FOLD, listing: None };
        let write = StreamWrite { stream: names::runbook_versions(), expected, events: vec![event], head };
        log.append(Append { streams: vec![write], ..Append::default() }).await?;
        version += 1;
    }
    Ok(())
}

fn edited(event: &log::Event) -> Option<Edited> {
    serde_json::from_slice(&event.body).ok()
}

async fn state(log: &dyn EventLog) -> Result<State, ReadError> {
    let mut state = State::default();
    let events = all_events(log, &names::runbook_versions()).await?;
    events.iter().filter_map(edited).for_each(|edited| state.apply(&edited));
    Ok(state)
}

/// The state as its events lead to it.
///
/// # Errors
/// The log cannot be read.
pub async fn refolded(log: &dyn EventLog) -> Result<Option<Head>, ReadError> {
    Ok(Some(Head { snapshot: json(&state(log).await?.last()), fold: FOLD, listing: None }))
}

/// All versions, the oldest first. A text that is not kept any more is passed over, as a broken file is.
///
/// # Errors
/// The log cannot be read.
pub async fn all(log: &dyn EventLog) -> Result<Vec<Version>, ReadError> {
    let stream = names::runbook_versions();
    let events = all_events(log, &stream).await?;
    let read = events.iter().filter_map(|event| Some((event, edited(event)?))).map(async |(event, edited)| {
        let has_texts = edited.files.iter().any(|file| file.bytes.is_some());
        let raw = if has_texts { log.raw(&stream, event.version).await? } else { None };
        Ok::<_, ReadError>((event.at, edited, raw.unwrap_or_default()))
    });
    let read: Vec<_> = stream::iter(read).buffered(READ_AT_ONCE).try_collect().await?;
    let mut texts: HashMap<String, String> = HashMap::new();
    let (mut versions, mut change) = (Vec::new(), Change::default());
    for (at, edited, raw) in read {
        let mut rest = &raw[..];
        for file in &edited.files {
            if let Some((text, after)) = file.bytes.and_then(|bytes| rest.split_at_checked(bytes)) {
                texts.insert(file.sha256.clone(), String::from_utf8_lossy(text).into_owned());
                rest = after;
            }
            let Some(text) = texts.get(&file.sha256).cloned() else { continue };
            change.files.push(RunbookFile { id: file.id.clone(), path: format!("runbooks/{}.md", file.id), text });
        }
        change.gone.extend(edited.gone);
        if !edited.more {
            versions.push(Version { at, change: mem::take(&mut change) });
        }
    }
    Ok(versions)
}

#[cfg(test)]
mod tests;
