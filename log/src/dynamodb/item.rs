//! What lies in the table: one kind of item for each thing that a log holds, and how it is written and read.
//!
//! | item | `pk` | `sk` | what it is |
//! |---|---|---|---|
//! | receipt | `K#<key>` | `K` | what an append with that key wrote; removed by DynamoDB when [`RECEIPT_DAYS`] are over |
//! | claim | `A#<key>` | `A` | who holds it |
//! | head | `I#<stream>` | `H` | version, link and snapshot of a stream |
//! | events | `I#<stream>` | `E#<last version>` | the events that one append added to a stream |
//! | raw | `I#<stream>` | `R#<version>#<part>` | a piece of a payload that is too large to lie beside its event |
//! | effect | `O#<id>` | `O` | an effect or a timer, and how often it was written |
//! | effects | `O#<stream>` | `G` | the effects and timers of a stream (`group.rs`), and how often they were written |
//! | number | `N#<series>` | `N` | the last number that was given |
//!
//! Items that are looked for by something else than their name also have a place in the one index: `g` and `s`. Effects
//! that are open by the instant at which they can be handed out, streams of a list by their birth, events by the order of
//! writing. An effect that waits to be performed says so in `waits`, for whoever listens to the table's changes. Bodies are
//! compressed: a kilobyte is what is paid for.
//!
//! This file knows the shapes, and calls nobody.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

use super::pack::{pack, unpack};
use crate::{
    ClaimKey, Cursor, Digest, Effect, EffectId, EffectState, Head, IdemKey, Piece, Proof, ReadError, Receipt,
    SNAPSHOT_BYTES_MAX, Span, Stream, StreamId, lines,
};

pub(super) type Item = HashMap<String, AttributeValue>;

/// How long a delivery is recognised: longer than EventBridge (1 day) and queues (14 days) repeat.
pub(super) const RECEIPT_DAYS: i64 = 30;

/// Bytes of bodies and payloads in one item of events; the event after them begins another. DynamoDB stops at 400 KB.
pub(super) const EVENTS_BYTES: usize = 64 * 1024;

/// A packed payload above this lies in items of its own.
const RAW_INLINE_MAX: usize = 100 * 1024;

/// Bytes of a payload in one item.
const RAW_PART_BYTES: usize = 350 * 1024;

/// Lists over which the feed is spread: one list takes a thousand writes a second.
pub(super) const SHARDS: u8 = 4;

/// Names up to this length stand in the key as they are; DynamoDB takes 2,048 bytes.
const NAME_BYTES_MAX: usize = 1_500;

/// An item that no version of this program wrote.
#[derive(Debug, thiserror::Error)]
#[error("an item of the table cannot be read: {0}")]
pub(super) struct Strange(String);

impl Strange {
    pub(super) fn new(what: impl fmt::Display) -> Self {
        Self(what.to_string())
    }
}

impl From<Strange> for ReadError {
    fn from(strange: Strange) -> Self {
        Self(Arc::new(strange))
    }
}

/// The name of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl Key {
    pub(super) fn receipt(key: &IdemKey) -> Self {
        Self { pk: named("K", key.as_str()), sk: "K".to_owned() }
    }

    pub(super) fn claim(key: &ClaimKey) -> Self {
        Self { pk: named("A", key.as_str()), sk: "A".to_owned() }
    }

    pub(super) fn head(stream: &StreamId) -> Self {
        Self { pk: partition(stream), sk: HEAD.to_owned() }
    }

    pub(super) fn events(stream: &StreamId, last: u64) -> Self {
        Self { pk: partition(stream), sk: events_place(last) }
    }

    fn raw(stream: &StreamId, version: u64, part: usize) -> Self {
        Self { pk: partition(stream), sk: format!("R#{version:010}#{part:02}") }
    }

    pub(super) fn effect(id: &EffectId) -> Self {
        Self { pk: named("O", id.as_str()), sk: "O".to_owned() }
    }

    pub(super) fn group(home: &StreamId) -> Self {
        Self { pk: named("O", home.as_str()), sk: GROUP.to_owned() }
    }

    /// Whether it names effects that lie together.
    pub(super) fn is_group(&self) -> bool {
        self.sk == GROUP && self.pk.starts_with("O#")
    }

    /// Whose effects lie together there.
    pub(super) fn home(&self) -> Option<StreamId> {
        let name = self.pk.strip_prefix("O#").filter(|_| self.is_group())?;
        Some(StreamId::new(name))
    }

    pub(super) fn number(series: &str) -> Self {
        Self { pk: named("N", series), sk: "N".to_owned() }
    }

    /// Written to see whether writing works.
    pub(super) fn ping() -> Self {
        Self { pk: "P#ping".to_owned(), sk: "P".to_owned() }
    }

    pub(super) fn item(&self) -> Item {
        Item::from([("pk".to_owned(), string(&self.pk)), ("sk".to_owned(), string(&self.sk))])
    }

    pub(super) fn of(item: &Item) -> Result<Self, Strange> {
        Ok(Self { pk: text(item, "pk")?.to_owned(), sk: text(item, "sk")?.to_owned() })
    }
}

/// The sort key of heads.
pub(super) const HEAD: &str = "H";

/// The sort key of effects that lie together.
const GROUP: &str = "G";

/// The partition of a stream's items.
pub(super) fn partition(stream: &StreamId) -> String {
    named("I", stream.as_str())
}

/// The sort key of the item that holds this version, or of the first one after it: versions count to ten digits.
pub(super) fn events_place(version: u64) -> String {
    format!("E#{version:010}")
}

/// Behind every such place.
pub(super) const EVENTS_END: &str = "E#~";

fn named(kind: &str, name: &str) -> String {
    if name.len() <= NAME_BYTES_MAX {
        return format!("{kind}#{name}");
    }
    format!("{kind}#sha256:{}", Digest::of(name.as_bytes()))
}

/// A place in the order of writing: instant, append, and which item of the append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Stamp {
    /// Microseconds since 1970.
    pub(super) micros: i64,
    /// Tells appends of one microsecond apart.
    pub(super) append: u32,
    /// The item's place in its append.
    pub(super) nth: u16,
}

impl Stamp {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (micros, rest) = text.split_at_checked(17)?;
        let (append, nth) = rest.split_at_checked(8)?;
        Some(Self {
            micros: micros.parse().ok()?,
            append: u32::from_str_radix(append, 16).ok()?,
            nth: nth.parse().ok()?,
        })
    }
}

/// Sorts as text as it does as a value.
impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:017}{:08x}{:03}", self.micros, self.append, self.nth)
    }
}

/// The list of the index that holds a share of the feed.
pub(super) fn feed_list(shard: u8) -> String {
    format!("feed#{shard}")
}

/// The list of the index that holds the open effects.
pub(super) const DUE: &str = "due";

/// The list of the index that holds effects in a state that somebody has to look at; none for states that nobody lists.
pub(super) fn state_list(state: EffectState) -> Option<String> {
    match state {
        EffectState::Failed | EffectState::Unknown | EffectState::Held => Some(format!("effects#{}", state.as_str())),
        EffectState::Pending | EffectState::Leased | EffectState::Done | EffectState::Cancelled => None,
    }
}

/// The list of the index that holds the streams of a list.
pub(super) fn stream_list(listing: &str) -> String {
    named("list", listing)
}

/// An instant as text that sorts; also before 1970.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    format!("{:020}", i128::from(at.timestamp_micros()) - i128::from(i64::MIN))
}

/// The instant that such a text says.
pub(super) fn instant_of(text: &str) -> Result<DateTime<Utc>, Strange> {
    let micros = text.parse::<i128>().ok().and_then(|place| i64::try_from(place + i128::from(i64::MIN)).ok());
    micros.and_then(DateTime::from_timestamp_micros).ok_or_else(|| Strange::new(format!("{text} is no instant")))
}

fn shard(pk: &str) -> u8 {
    Sha256::digest(pk.as_bytes())[0] % SHARDS
}

/// A stream's end and state, as its head tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) version: u64,
    pub(super) link: Digest,
    /// Of its last item of events: the next one is later, whatever the clocks say.
    pub(super) stamp: i64,
    /// Of its first item of events.
    pub(super) born: String,
    /// How many claims it has lost: whoever read that it holds one and finds this unchanged knows that it still does.
    pub(super) lost: u64,
    pub(super) head: Head,
}

impl Ended {
    pub(super) fn stream(&self) -> Stream {
        Stream { version: self.version, head: self.head.clone() }
    }

    pub(super) fn write(&self, stream: &StreamId) -> Item {
        let mut item = Key::head(stream).item();
        put(&mut item, "name", string(stream.as_str()));
        put(&mut item, "v", number(self.version));
        put(&mut item, "link", binary(self.link.as_bytes()));
        put(&mut item, "stamp", number(self.stamp));
        put(&mut item, "born", string(&self.born));
        put(&mut item, "fold", number(self.head.fold));
        put(&mut item, "state", binary(&pack(&self.head.snapshot)));
        if self.lost > 0 {
            put(&mut item, "lost", number(self.lost));
        }
        if let Some(listing) = &self.head.listing {
            put(&mut item, "list", string(listing));
            put(&mut item, "g", string(&stream_list(listing)));
            put(&mut item, "s", string(&self.born));
        }
        item
    }

    pub(super) fn read(item: &Item) -> Result<Self, Strange> {
        Ok(Self {
            version: integer(item, "v")?,
            link: digest(item, "link")?,
            stamp: integer(item, "stamp")?,
            born: text(item, "born")?.to_owned(),
            lost: if item.contains_key("lost") { integer(item, "lost")? } else { 0 },
            head: Head {
                snapshot: unpack(bytes(item, "state")?, SNAPSHOT_BYTES_MAX)?,
                fold: integer(item, "fold")?,
                listing: optional(item, "list").transpose()?.map(str::to_owned),
            },
        })
    }
}

/// The stream that a head is of.
pub(super) fn stream_of(item: &Item) -> Result<StreamId, Strange> {
    text(item, "name").map(StreamId::new)
}

/// Some events that one append added to one stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chunk {
    pub(super) stamp: Stamp,
    /// At least one, their versions without a gap.
    pub(super) proofs: Vec<Proof>,
}

impl Chunk {
    /// Its item, and those of the payloads that are too large for it.
    pub(super) fn write(&self) -> Vec<Item> {
        let (first, last) = (&self.proofs[0].event, &self.proofs[self.proofs.len() - 1].event);
        let key = Key::events(&first.stream, last.version);
        let mut item = key.item();
        put(&mut item, "g", string(&feed_list(shard(&key.pk))));
        put(&mut item, "s", string(&self.stamp.to_string()));
        let (mut texts, mut apart, mut parts) = (Vec::new(), HashMap::new(), Vec::new());
        for proof in &self.proofs {
            let bare = Piece::Event(Proof { raw: None, ..proof.clone() });
            frame(&mut texts, &lines::line(&bare));
            let packed = proof.raw.as_ref().map(crate::Raw::packed);
            let inline = packed.filter(|packed| packed.len() <= RAW_INLINE_MAX);
            // A payload stands beside its event, which says much of the same.
            frame(&mut texts, inline.unwrap_or_default());
            if let Some(packed) = packed.filter(|_| inline.is_none()) {
                let version = proof.event.version;
                let pieces = packed.chunks(RAW_PART_BYTES).enumerate();
                apart.insert(version.to_string(), number(pieces.len()));
                parts.extend(pieces.map(|(part, piece)| raw_part(&first.stream, version, part, piece)));
            }
        }
        put(&mut item, "events", binary(&pack(&texts)));
        if !apart.is_empty() {
            put(&mut item, "apart", AttributeValue::M(apart));
        }
        parts.insert(0, item);
        parts
    }

    /// Reads an item; payloads that lie elsewhere are named in the second half.
    pub(super) fn read(item: &Item) -> Result<(Self, Vec<Elsewhere>), Strange> {
        let texts = unpack(bytes(item, "events")?, EVENTS_BYTES + lines::LINE_BYTES_MAX)?;
        let (mut proofs, mut rest) = (Vec::new(), texts.as_slice());
        while !rest.is_empty() {
            let Piece::Event(mut proof) = lines::piece(framed(&mut rest)?).map_err(Strange::new)? else {
                return Err(Strange::new("something among events that is none"));
            };
            let packed = framed(&mut rest)?;
            proof.raw = (!packed.is_empty()).then(|| crate::Raw::from_packed(packed.to_vec()));
            proofs.push(proof);
        }
        if proofs.is_empty() {
            return Err(Strange::new("an item of events without one"));
        }
        let stamp = Stamp::parse(text(item, "s")?).ok_or_else(|| Strange::new("no place in the feed"))?;
        let mut elsewhere = Vec::new();
        if let Some(AttributeValue::M(apart)) = item.get("apart") {
            for (place, proof) in proofs.iter().enumerate() {
                let (stream, version) = (&proof.event.stream, proof.event.version);
                let Some(parts) = apart.get(&version.to_string()) else { continue };
                let parts: usize = parts.as_n().ok().and_then(|parts| parts.parse().ok()).unwrap_or_default();
                elsewhere
                    .push(Elsewhere { place, keys: (0..parts).map(|part| Key::raw(stream, version, part)).collect() });
            }
        }
        Ok((Self { stamp, proofs }, elsewhere))
    }
}

/// Adds some bytes with their length before them.
pub(super) fn frame(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend(u32::try_from(bytes.len()).expect("an append's limits are far below").to_le_bytes());
    to.extend_from_slice(bytes);
}

/// Takes off what [`frame`] added.
pub(super) fn framed<'b>(from: &mut &'b [u8]) -> Result<&'b [u8], Strange> {
    let cut = || Strange::new("events that were cut off");
    let (length, rest) = from.split_first_chunk::<4>().ok_or_else(cut)?;
    let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(cut)?;
    *from = rest;
    Ok(bytes)
}

/// A payload that lies in items of its own.
pub(super) struct Elsewhere {
    /// Of which proof of the chunk.
    pub(super) place: usize,
    /// Its parts, in order.
    pub(super) keys: Vec<Key>,
}

fn raw_part(stream: &StreamId, version: u64, part: usize, piece: &[u8]) -> Item {
    let mut item = Key::raw(stream, version, part).item();
    put(&mut item, "raw", binary(piece));
    item
}

/// The bytes of such a part.
pub(super) fn raw_bytes(item: &Item) -> Result<&[u8], Strange> {
    bytes(item, "raw")
}

/// What an append with a key wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Receipted {
    pub(super) spans: Vec<Span>,
    pub(super) position: Cursor,
}

impl Receipted {
    pub(super) fn receipt(&self) -> Receipt {
        Receipt {
            streams: self.spans.iter().map(|span| (span.stream.clone(), span.last)).collect(),
            position: self.position.clone(),
            leased: Vec::new(),
        }
    }

    pub(super) fn write(&self, key: &IdemKey, at: DateTime<Utc>) -> Item {
        let span =
            |span: &Span| AttributeValue::L(vec![string(span.stream.as_str()), number(span.first), number(span.last)]);
        let mut item = Key::receipt(key).item();
        put(&mut item, "name", string(key.as_str()));
        put(&mut item, "place", string(self.position.as_str()));
        put(&mut item, "wrote", AttributeValue::L(self.spans.iter().map(span).collect()));
        put(&mut item, "ttl", number((at + TimeDelta::days(RECEIPT_DAYS)).timestamp()));
        item
    }

    pub(super) fn read(item: &Item) -> Result<Self, Strange> {
        let Some(AttributeValue::L(wrote)) = item.get("wrote") else {
            return Err(Strange::new("a receipt that does not say what was written"));
        };
        Ok(Self {
            spans: wrote.iter().map(span_from).collect::<Result<_, _>>()?,
            position: Cursor::new(text(item, "place")?),
        })
    }
}

/// The key that a receipt is of.
pub(super) fn idem_key_of(item: &Item) -> Result<IdemKey, Strange> {
    text(item, "name").map(IdemKey::new)
}

fn span_from(value: &AttributeValue) -> Result<Span, Strange> {
    let strange = || Strange::new("a receipt that names no span");
    let AttributeValue::L(parts) = value else { return Err(strange()) };
    let [AttributeValue::S(stream), AttributeValue::N(first), AttributeValue::N(last)] = parts.as_slice() else {
        return Err(strange());
    };
    Ok(Span {
        stream: StreamId::new(stream.as_str()),
        first: first.parse().map_err(Strange::new)?,
        last: last.parse().map_err(Strange::new)?,
    })
}

/// A claim's item.
pub(super) fn claim_item(key: &ClaimKey, holder: &StreamId) -> Item {
    let mut item = Key::claim(key).item();
    put(&mut item, "name", string(key.as_str()));
    put(&mut item, "holder", string(holder.as_str()));
    item
}

pub(super) fn holder_of(item: &Item) -> Result<StreamId, Strange> {
    text(item, "holder").map(StreamId::new)
}

pub(super) fn claim_key_of(item: &Item) -> Result<ClaimKey, Strange> {
    text(item, "name").map(ClaimKey::new)
}

/// An effect, and how often its item was written: who writes it again says which one they saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) effect: Effect,
    pub(super) writes: u64,
}

impl Kept {
    pub(super) fn write(&self) -> Item {
        let key = Key::effect(&self.effect.wanted.id);
        let mut item = key.item();
        put(&mut item, "writes", number(self.writes));
        let line = lines::line(&Piece::Effect(self.effect.clone()));
        put(&mut item, "effect", binary(&pack(&line)));
        if self.effect.state == EffectState::Pending {
            put(&mut item, "waits", string("y"));
        }
        if let Some(wake_at) = self.effect.wake_at() {
            // Also when it is being performed: what is in a dead process's hands must not stand before what waits.
            put(&mut item, "g", string(DUE));
            put(&mut item, "s", string(&instant(wake_at)));
        } else if let Some(list) = state_list(self.effect.state) {
            put(&mut item, "g", string(&list));
            put(&mut item, "s", string(&instant(self.effect.wanted.due_at)));
        }
        item
    }

    pub(super) fn read(item: &Item) -> Result<Self, Strange> {
        let line = unpack(bytes(item, "effect")?, lines::LINE_BYTES_MAX)?;
        match lines::piece(&line).map_err(Strange::new)? {
            Piece::Effect(effect) => Ok(Self { effect, writes: integer(item, "writes")? }),
            _ => Err(Strange::new("an effect that is none")),
        }
    }
}

/// A series and the last number that was given.
pub(super) fn number_of(item: &Item) -> Result<(String, u64), Strange> {
    let series = match optional(item, "name") {
        Some(name) => name?,
        None => text(item, "pk")?.trim_start_matches("N#"),
    };
    Ok((series.to_owned(), integer(item, "n")?))
}

pub(super) fn number_item(series: &str, last: u64) -> Item {
    let mut item = Key::number(series).item();
    put(&mut item, "name", string(series));
    put(&mut item, "n", number(last));
    item
}

pub(super) fn string(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(super) fn number(value: impl fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn binary(bytes: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

pub(super) fn put(item: &mut Item, name: &str, value: AttributeValue) {
    item.insert(name.to_owned(), value);
}

pub(super) fn optional<'i>(item: &'i Item, name: &str) -> Option<Result<&'i str, Strange>> {
    let value = item.get(name)?;
    Some(value.as_s().map(String::as_str).map_err(|_| Strange::new(format!("{name} is no text"))))
}

pub(super) fn text<'i>(item: &'i Item, name: &str) -> Result<&'i str, Strange> {
    optional(item, name).unwrap_or_else(|| Err(Strange::new(format!("{name} is missing"))))
}

pub(super) fn integer<N: std::str::FromStr>(item: &Item, name: &str) -> Result<N, Strange> {
    let value = item.get(name).and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse().ok());
    value.ok_or_else(|| Strange::new(format!("{name} is no number")))
}

pub(super) fn bytes<'i>(item: &'i Item, name: &str) -> Result<&'i [u8], Strange> {
    let value = item.get(name).and_then(|value| value.as_b().ok());
    value.map(Blob::as_ref).ok_or_else(|| Strange::new(format!("{name} is no binary")))
}

fn digest(item: &Item, name: &str) -> Result<Digest, Strange> {
    let bytes = bytes(item, name)?.try_into().map_err(|_| Strange::new(format!("{name} is no digest")))?;
    Ok(Digest::from_bytes(bytes))
}
