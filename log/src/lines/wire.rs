//! The shape of the lines. Its structs never leave [`super`]: they are what is written, not what is meant.
//!
//! A body is JSON text, and its bytes are what the chain covers; so it stands in its line byte for byte, or in base64 when
//! a line could not hold it so. A raw payload stands there packed, since the chain covers the packed bytes.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Counts, Header};
use crate::{
    Appended, ClaimKey, Digest, Effect, EffectId, EffectState, Event, Head, Holder, IdemKey, NewEffect, Piece, Proof,
    Raw, Repeat, Salt, Span, StreamEnd, StreamId,
    effect::{After, micros},
};

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line<'a> {
    /// The first one.
    #[serde(rename = "eventlog")]
    Log(Header),
    #[serde(borrow)]
    Event(EventLine<'a>),
    #[serde(borrow)]
    Stream(StreamLine<'a>),
    #[serde(borrow)]
    Receipt(ReceiptLine<'a>),
    #[serde(borrow)]
    Claim(ClaimLine<'a>),
    #[serde(borrow)]
    Number(NumberLine<'a>),
    #[serde(borrow)]
    Effect(Box<EffectLine<'a>>),
    /// The last one.
    End(End),
}

/// What the last line says.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    pub(super) counts: Counts,
    pub(super) sha256: String,
}

/// What a line is about.
pub(super) enum Content {
    Log,
    Piece(Piece),
    End(End),
}

impl<'a> Line<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    }

    pub(super) fn content(self) -> Result<Content, String> {
        Ok(Content::Piece(match self {
            Self::Log(_) => return Ok(Content::Log),
            Self::End(end) => return Ok(Content::End(end)),
            Self::Event(event) => Piece::Event(event.read()?),
            Self::Stream(stream) => Piece::Stream(stream.read()?),
            Self::Receipt(receipt) => Piece::Receipt(receipt.read()),
            Self::Claim(claim) => Piece::Claim { key: ClaimKey::new(claim.key), holder: StreamId::new(claim.holder) },
            Self::Number(number) => Piece::Number { series: number.series.into_owned(), last: number.last },
            Self::Effect(effect) => Piece::Effect(effect.read()?),
        }))
    }
}

impl<'a> From<&'a Piece> for Line<'a> {
    fn from(piece: &'a Piece) -> Self {
        match piece {
            Piece::Event(proof) => Self::Event(EventLine::of(proof)),
            Piece::Stream(end) => Self::Stream(StreamLine::of(end)),
            Piece::Receipt(appended) => Self::Receipt(ReceiptLine::of(appended)),
            Piece::Claim { key, holder } => {
                Self::Claim(ClaimLine { key: key.as_str().into(), holder: holder.as_str().into() })
            }
            Piece::Number { series, last } => Self::Number(NumberLine { series: series.into(), last: *last }),
            Piece::Effect(effect) => Self::Effect(Box::new(EffectLine::of(effect))),
        }
    }
}

/// The format that a first line names, whatever else it says: also a line that only a newer program can read.
pub(super) fn format(line: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct First {
        eventlog: Format,
    }
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    serde_json::from_slice::<First>(line).ok().map(|first| first.eventlog.format)
}

/// A text that is borrowed where it stands in its line as it is.
type Text<'a> = Cow<'a, str>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventLine<'a> {
    #[serde(borrow)]
    stream: Text<'a>,
    version: u64,
    at: DateTime<Utc>,
    #[serde(borrow)]
    kind: Text<'a>,
    schema: u16,
    #[serde(borrow)]
    actor: Text<'a>,
    #[serde(borrow)]
    cause: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    body_base64: Option<Text<'a>>,
    /// Packed as LZ4, its length before it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    raw_lz4_base64: Option<Text<'a>>,
    /// Missing once the content was replaced.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    salt: Option<Text<'a>>,
    #[serde(borrow)]
    content: Text<'a>,
    #[serde(borrow)]
    link: Text<'a>,
}

impl<'a> EventLine<'a> {
    fn of(proof: &'a Proof) -> Self {
        let Proof { event, raw, salt, content, link } = proof;
        let (body, body_base64) = bytes(&event.body);
        Self {
            stream: event.stream.as_str().into(),
            version: event.version,
            at: event.at,
            kind: event.kind.as_str().into(),
            schema: event.schema,
            actor: event.actor.as_str().into(),
            cause: event.cause.as_str().into(),
            body,
            body_base64,
            raw_lz4_base64: raw.as_ref().map(|raw| STANDARD.encode(raw.packed()).into()),
            salt: salt.map(|salt| salt.to_string().into()),
            content: content.to_string().into(),
            link: link.to_string().into(),
        }
    }

    fn read(self) -> Result<Proof, String> {
        let salt = self.salt.map(|salt| Salt::from_hex(&salt).ok_or("\"salt\" is not 32 hexadecimal digits"));
        Ok(Proof {
            event: Event {
                stream: StreamId::new(self.stream),
                version: self.version,
                kind: self.kind.into_owned(),
                schema: self.schema,
                at: micros(self.at),
                actor: self.actor.into_owned(),
                cause: self.cause.into_owned(),
                body: contents(self.body, self.body_base64)?,
            },
            raw: self.raw_lz4_base64.map(|raw| base64(&raw).map(Raw::from_packed)).transpose()?,
            salt: salt.transpose()?,
            content: digest(&self.content)?,
            link: digest(&self.link)?,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamLine<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    version: u64,
    #[serde(borrow)]
    link: Text<'a>,
    fold: u32,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    listing: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    snapshot: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    snapshot_base64: Option<Text<'a>>,
}

impl<'a> StreamLine<'a> {
    fn of(end: &'a StreamEnd) -> Self {
        let (snapshot, snapshot_base64) = bytes(&end.head.snapshot);
        Self {
            id: end.id.as_str().into(),
            version: end.version,
            link: end.link.to_string().into(),
            fold: end.head.fold,
            listing: end.head.listing.as_deref().map(Cow::Borrowed),
            snapshot,
            snapshot_base64,
        }
    }

    fn read(self) -> Result<StreamEnd, String> {
        let snapshot = contents(self.snapshot, self.snapshot_base64)?;
        let head = Head { snapshot, fold: self.fold, listing: self.listing.map(Cow::into_owned) };
        Ok(StreamEnd { id: StreamId::new(self.id), version: self.version, link: digest(&self.link)?, head })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReceiptLine<'a> {
    #[serde(borrow)]
    key: Text<'a>,
    /// Stream, first and last version.
    #[serde(borrow)]
    events: Vec<(Text<'a>, u64, u64)>,
}

impl<'a> ReceiptLine<'a> {
    fn of(appended: &'a Appended) -> Self {
        let span = |span: &'a Span| (span.stream.as_str().into(), span.first, span.last);
        Self { key: appended.key.as_str().into(), events: appended.spans.iter().map(span).collect() }
    }

    fn read(self) -> Appended {
        let span = |(stream, first, last)| Span { stream: StreamId::new(stream), first, last };
        Appended { key: IdemKey::new(self.key), spans: self.events.into_iter().map(span).collect() }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimLine<'a> {
    #[serde(borrow)]
    key: Text<'a>,
    #[serde(borrow)]
    holder: Text<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberLine<'a> {
    #[serde(borrow)]
    series: Text<'a>,
    last: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EffectLine<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    kind: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    body_base64: Option<Text<'a>>,
    repeat: Repeat,
    slot: bool,
    due_at: DateTime<Utc>,
    state: EffectState,
    attempt: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intent_at: Option<DateTime<Utc>>,
    interrupted: bool,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    error: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    holder: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease_until: Option<DateTime<Utc>>,
    lease: u64,
    #[serde(borrow)]
    after: Text<'a>,
}

impl<'a> EffectLine<'a> {
    fn of(effect: &'a Effect) -> Self {
        let (body, body_base64) = bytes(&effect.wanted.body);
        Self {
            id: effect.wanted.id.as_str().into(),
            kind: effect.wanted.kind.as_str().into(),
            body,
            body_base64,
            repeat: effect.wanted.repeat,
            slot: effect.wanted.slot,
            due_at: effect.wanted.due_at,
            state: effect.state,
            attempt: effect.attempt,
            intent_at: effect.intent_at,
            interrupted: effect.interrupted,
            error: effect.error.as_deref().map(Cow::Borrowed),
            holder: effect.holder.as_ref().map(|holder| holder.as_str().into()),
            lease_until: effect.lease_until,
            lease: effect.lease,
            after: effect.after.as_str().into(),
        }
    }

    fn read(self: Box<Self>) -> Result<Effect, String> {
        let after = After::ALL.into_iter().find(|after| after.as_str() == self.after);
        Ok(Effect {
            wanted: NewEffect {
                id: EffectId::new(self.id),
                due_at: micros(self.due_at),
                kind: self.kind.into_owned(),
                body: contents(self.body, self.body_base64)?,
                repeat: self.repeat,
                slot: self.slot,
            },
            state: self.state,
            attempt: self.attempt,
            intent_at: self.intent_at.map(micros),
            interrupted: self.interrupted,
            error: self.error.map(Cow::into_owned),
            holder: self.holder.map(Holder::new),
            lease_until: self.lease_until.map(micros),
            lease: self.lease,
            after: after.ok_or_else(|| format!("\"after\" is {:?}, which this program does not know", self.after))?,
        })
    }
}

/// How some bytes stand in a line: nothing when there are none, as the JSON that they are, or in base64.
fn bytes(bytes: &[u8]) -> (Option<&RawValue>, Option<Text<'_>>) {
    if bytes.is_empty() {
        return (None, None);
    }
    // White space around it would be lost, and a line end in it would end the line. A lone `null` reads as nothing.
    let as_it_is = |json: &&RawValue| json.get().len() == bytes.len() && json.get() != "null";
    let holds_line = bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r'));
    match serde_json::from_slice(bytes).ok().filter(as_it_is).filter(|_| !holds_line) {
        Some(json) => (Some(json), None),
        None => (None, Some(STANDARD.encode(bytes).into())),
    }
}

fn contents(json: Option<&RawValue>, encoded: Option<Text<'_>>) -> Result<Vec<u8>, String> {
    match (json, encoded) {
        (None, None) => Ok(Vec::new()),
        (Some(json), None) => Ok(json.get().as_bytes().to_vec()),
        (None, Some(encoded)) => base64(&encoded),
        (Some(_), Some(_)) => Err("a content is there as JSON and in base64".to_owned()),
    }
}

fn base64(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|error| format!("what should be base64 is not: {error}"))
}

fn digest(text: &str) -> Result<Digest, String> {
    Digest::from_hex(text).ok_or_else(|| format!("{text:?} is not 64 hexadecimal digits"))
}
