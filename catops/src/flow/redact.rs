//! Takes text out for good: out of an incident's events, the payloads that came with them, and the state beside them; or
//! out of the deliveries of a source that could not be read. It needs the log for itself. What was already shown in Slack stays there.

use crate::flow::change::{Draft, Origin, json};
use crate::flow::names;
use chrono::{DateTime, Utc};
use incident::{
    BadIncidentId, Event, Incident, IncidentId, NotRedacted, REDACTED, Recorded, Replaced, ResponderId, SCHEMA,
};
use log::{
    Append, AppendError, Cursor, Digest, Erasure, EventLog, Expected, Head, NewEvent, Proof, ReadError, StreamWrite,
};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// Streams that are looked through at once.
const PAGE: usize = 1000;

/// What is to be taken out, by whom and why.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Where it stands.
    pub place: Place,
    /// The text.
    pub text: String,
    /// Who wants it.
    pub by: ResponderId,
    /// Why.
    pub why: String,
}

/// Where a text can be taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Of an incident.
    Incident(IncidentId),
    /// Of this source's deliveries that could not be read.
    DeadLetters(String),
}

impl FromStr for Place {
    type Err = BadIncidentId;

    fn from_str(text: &str) -> Result<Self, BadIncidentId> {
        match text.strip_prefix("dead-letters/") {
            Some(source) => Ok(Self::DeadLetters(source.to_owned())),
            None => text.parse().map(Self::Incident),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incident(id) => write!(f, "{id}"),
            Self::DeadLetters(source) => f.write_str(names::dead_letters(source).as_str()),
        }
    }
}

/// Why nothing was taken out.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// There is no such incident, or no such source has dead letters.
    #[error("there is no {0}")]
    Nothing(Place),
    /// It does not hold the text.
    #[error("{0} does not hold this text")]
    NotThere(Place),
    /// The reason would keep it.
    #[error("the reason holds the text itself; give another one")]
    InReason,
    /// One of its events cannot be without it.
    #[error("event {seq} keeps it")]
    Kept {
        /// Which event.
        seq: u64,
        /// Why.
        #[source]
        source: NotRedacted,
    },
    /// An event is not what it should be.
    #[error("event {seq} cannot be read")]
    Corrupt {
        /// Which event.
        seq: u64,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The log cannot be read.
    #[error("the event log could not be read")]
    Read(#[from] ReadError),
    /// The log cannot be written.
    #[error("the event log did not take it")]
    Append(#[from] AppendError),
}

/// Takes it out; returns the events that held it.
///
/// # Errors
/// [`RedactError`]; then nothing was changed.
pub async fn redact(log: &dyn EventLog, wish: &Wish, at: DateTime<Utc>) -> Result<Vec<u64>, RedactError> {
    if wish.why.contains(&wish.text) {
        return Err(RedactError::InReason);
    }
    match &wish.place {
        Place::Incident(id) => of_incident(log, *id, wish, at).await,
        Place::DeadLetters(source) => of_dead_letters(log, source, wish, at).await,
    }
}

async fn of_incident(
    log: &dyn EventLog,
    id: IncidentId,
    wish: &Wish,
    at: DateTime<Utc>,
) -> Result<Vec<u64>, RedactError> {
    let stream = names::incident(id);
    let mut after = Vec::new();
    let (mut erase, mut replaced) = (Vec::new(), Vec::new());
    for proof in log.proofs(&stream, 1, usize::MAX).await? {
        let (event, holds) = without(&proof, &wish.text)?;
        let seq = proof.event.version;
        if holds {
            let body = json(&event);
            replaced.push(Replaced { seq, sha256: Digest::of(&body).to_string() });
            erase.push(Erasure { stream: stream.clone(), version: seq, body });
        }
        after.push(Recorded { seq, at: proof.event.at, event });
    }
    let incident = Incident::fold(id, &after).ok_or(RedactError::Nothing(wish.place.clone()))?;
    if erase.is_empty() {
        return Err(RedactError::NotThere(wish.place.clone()));
    }
    let seqs = replaced.iter().map(|replaced| replaced.seq).collect();
    write(log, incident, Event::Redacted { by: wish.by.clone(), why: wish.why.clone(), replaced }, erase, at).await?;
    Ok(seqs)
}

/// A dead letter is a reason of ours and the bytes that came: the bytes go as a whole, the reason without the text.
async fn of_dead_letters(
    log: &dyn EventLog,
    source: &str,
    wish: &Wish,
    at: DateTime<Utc>,
) -> Result<Vec<u64>, RedactError> {
    let stream = names::dead_letters(source);
    let proofs = log.proofs(&stream, 1, usize::MAX).await?;
    let last = proofs.last().ok_or(RedactError::Nothing(wish.place.clone()))?.event.version;
    let (mut erase, mut replaced) = (Vec::new(), Vec::new());
    for proof in &proofs {
        let seq = proof.event.version;
        let raw = proof.raw.as_ref().map(log::Raw::unpack).transpose()?;
        let in_raw = raw.is_some_and(|raw| holds(&raw, &wish.text));
        if !in_raw && !holds(&proof.event.body, &wish.text) {
            continue;
        }
        let mut body: Value =
            serde_json::from_slice(&proof.event.body).map_err(|source| RedactError::Corrupt { seq, source })?;
        if let Some(error) = body["error"].as_str() {
            body["error"] = Value::from(error.replace(&wish.text, REDACTED));
        }
        let body = json(&body);
        if holds(&body, &wish.text) {
            return Err(RedactError::Kept { seq, source: NotRedacted::Needed });
        }
        replaced.push(Replaced { seq, sha256: Digest::of(&body).to_string() });
        erase.push(Erasure { stream: stream.clone(), version: seq, body });
    }
    if erase.is_empty() {
        return Err(RedactError::NotThere(wish.place.clone()));
    }
    let seqs = replaced.iter().map(|replaced| replaced.seq).collect();
    let event = Event::Redacted { by: wish.by.clone(), why: wish.why.clone(), replaced };
    let told = NewEvent {
        kind: event.kind().to_owned(),
        schema: SCHEMA,
        at,
        actor: "cli".to_owned(),
        cause: "redact".to_owned(),
        body: json(&event),
        raw: None,
    };
    let head = Head { snapshot: Vec::new(), fold: 0, listing: Some(names::DEAD_LETTERS.to_owned()) };
    let write = StreamWrite { stream, expected: Expected::Exact(last), events: vec![told], head };
    log.append(Append { streams: vec![write], erase, ..Append::default() }).await?;
    Ok(seqs)
}

/// The streams whose events or payloads hold the text: a delivery with several alarms is kept with the first one's
/// incident, the same alarm may have come again, and what could not be read lies among the dead letters.
///
/// # Errors
/// The log cannot be read.
pub async fn holders(log: &dyn EventLog, text: &str) -> Result<Vec<String>, ReadError> {
    let (mut found, mut after) = (Vec::new(), Cursor::start());
    loop {
        let page = log.tails(&after, PAGE).await?;
        if page.tails.is_empty() {
            return Ok(found);
        }
        for tail in &page.tails {
            for proof in log.proofs(&tail.stream, 1, usize::MAX).await? {
                let raw = proof.raw.as_ref().map(log::Raw::unpack).transpose().unwrap_or_default();
                if holds(&proof.event.body, text) || raw.is_some_and(|raw| holds(&raw, text)) {
                    found.push(tail.stream.to_string());
                    break;
                }
            }
        }
        after = page.next;
    }
}

/// The event without the text, and whether it or its payload held it.
fn without(proof: &Proof, text: &str) -> Result<(Event, bool), RedactError> {
    let seq = proof.event.version;
    let event: Event =
        serde_json::from_slice(&proof.event.body).map_err(|source| RedactError::Corrupt { seq, source })?;
    let raw = proof.raw.as_ref().map(log::Raw::unpack).transpose()?;
    let in_raw = raw.is_some_and(|raw| holds(&raw, text));
    match incident::redact(&event, text).map_err(|source| RedactError::Kept { seq, source })? {
        Some(changed) => Ok((changed, true)),
        None => Ok((event, in_raw)),
    }
}

/// Whether a payload holds the text as it is or as JSON writes it.
fn holds(raw: &[u8], text: &str) -> bool {
    let escaped = Value::from(text).to_string();
    let forms = [text.as_bytes(), escaped.trim_matches('"').as_bytes()];
    forms.iter().any(|form| raw.windows(form.len().max(1)).any(|part| part == *form))
}

async fn write(
    log: &dyn EventLog,
    incident: Incident,
    event: Event,
    erase: Vec<Erasure>,
    at: DateTime<Utc>,
) -> Result<(), RedactError> {
    let origin = Origin { actor: "cli".to_owned(), cause: "redact".to_owned(), key: None };
    let written = log::decide(log, move |view| {
        let mut draft = Draft::new(incident.clone(), at);
        draft.add(vec![event.clone()]);
        let append = draft.append(view, &origin, None, None)?;
        Ok::<_, ReadError>((Append { erase: erase.clone(), ..append }, ()))
    });
    written.await??;
    Ok(())
}
