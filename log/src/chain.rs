//! The chain of hashes over each stream, which makes a change of the past show. Pure.
//!
//! An event's link covers the link before it, what the event says of itself, and a commitment to its content (body and
//! raw payload). The commitment is salted. Content can therefore be replaced, as a password that was pasted into an
//! alarm must be: without its salt nobody can try guesses against the commitment, and the chain stays whole.
//! A chain alone does not show that its end was cut off: who cuts can rewrite the stream's head. Anchors do.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::{Event, Raw, StreamId};

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// What the first event of a stream is linked to.
    pub(crate) const START: Self = Self([0; 32]);

    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of what a hash was fed with.
    pub(crate) fn of_hash(hash: Sha256) -> Self {
        Self(hash.finalize().into())
    }

    /// Its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads what [`fmt::Display`] wrote.
    pub(crate) fn from_hex(digits: &str) -> Option<Self> {
        from_hex(digits).map(Self)
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What makes a commitment useless for guessing once it is thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 16]);

impl Salt {
    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Reads what [`fmt::Display`] wrote.
    pub(crate) fn from_hex(digits: &str) -> Option<Self> {
        from_hex(digits).map(Self)
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Exactly so many bytes, in lower-case digits: one value has one spelling.
fn from_hex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let digit = |digit: &u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    let pairs = digits.as_bytes().chunks_exact(2);
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = digit(&pair[0])? << 4 | digit(&pair[1])?;
    }
    Some(bytes)
}

/// Where salts come from: a secret of this process life that is written nowhere, so that no salt can be made again.
#[derive(Debug)]
pub(crate) struct Salts {
    seed: [u8; 32],
    given: u64,
}

impl Salts {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self { seed, given: 0 }
    }

    pub(crate) fn next(&mut self) -> Salt {
        self.given += 1;
        let hash = Sha256::new().chain_update(self.seed).chain_update(self.given.to_be_bytes()).finalize();
        let mut salt = [0; 16];
        salt.copy_from_slice(&hash[..16]);
        Salt(salt)
    }
}

/// The commitment to an event's content. Lengths are covered, so that nothing can move between the parts.
pub(crate) fn content(salt: &Salt, body: &[u8], raw: Option<&[u8]>) -> Digest {
    let mut hash = Sha256::new();
    hash.update(salt.as_bytes());
    part(&mut hash, body);
    if let Some(raw) = raw {
        part(&mut hash, raw);
    }
    Digest(hash.finalize().into())
}

/// The link of an event whose content is committed to.
pub(crate) fn link(before: &Digest, event: &Facts<'_>, content: &Digest) -> Digest {
    let mut hash = Sha256::new();
    hash.update(before.as_bytes());
    part(&mut hash, event.stream.as_str().as_bytes());
    hash.update(event.version.to_be_bytes());
    hash.update(event.at_micros.to_be_bytes());
    part(&mut hash, event.kind.as_bytes());
    hash.update(event.schema.to_be_bytes());
    part(&mut hash, event.actor.as_bytes());
    part(&mut hash, event.cause.as_bytes());
    hash.update(content.as_bytes());
    Digest(hash.finalize().into())
}

fn part(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

/// What an event says of itself.
pub(crate) struct Facts<'a> {
    pub(crate) stream: &'a StreamId,
    pub(crate) version: u64,
    pub(crate) at_micros: i64,
    pub(crate) kind: &'a str,
    pub(crate) schema: u16,
    pub(crate) actor: &'a str,
    pub(crate) cause: &'a str,
}

/// An event with what proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The event as it reads now.
    pub event: Event,
    /// What its sender sent.
    pub raw: Option<Raw>,
    /// None once the content was replaced.
    pub salt: Option<Salt>,
    /// The commitment to the content that it was written with.
    pub content: Digest,
    /// Its link.
    pub link: Digest,
}

impl Proof {
    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            stream: &self.event.stream,
            version: self.event.version,
            at_micros: self.event.at.timestamp_micros(),
            kind: &self.event.kind,
            schema: self.event.schema,
            actor: &self.event.actor,
            cause: &self.event.cause,
        }
    }
}

/// The end of a stream, as its head tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// The stream.
    pub stream: StreamId,
    /// The version of its last event.
    pub version: u64,
    /// The link of its last event.
    pub link: Digest,
}

/// What is wrong with a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An event is not there, or not in its place.
    #[error("event {version} is missing")]
    Missing {
        /// Which one should have come.
        version: u64,
    },
    /// Body or raw payload is not what was written.
    #[error("the content of event {version} was changed")]
    Content {
        /// Of which event.
        version: u64,
    },
    /// What the event says of itself, or what came before it, is not what was written.
    #[error("event {version} does not follow from what is before it")]
    Link {
        /// Which event.
        version: u64,
    },
    /// The head tells of another end than the events do.
    #[error("the stream ends with event {found}, its head says {version}")]
    Tail {
        /// What the head says.
        version: u64,
        /// What is there.
        found: u64,
    },
}

/// A walk along one stream, event by event.
#[derive(Debug)]
pub struct Walk {
    version: u64,
    link: Digest,
    faults: Vec<Fault>,
    replaced: Vec<(u64, Digest)>,
}

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// What is wrong, in the order of the stream.
    pub faults: Vec<Fault>,
    /// Events whose content was replaced, with the digest of the body that stands there now. Whoever replaced it must
    /// have said so in a later event; this crate cannot read that.
    pub replaced: Vec<(u64, Digest)>,
}

impl Default for Walk {
    fn default() -> Self {
        Self { version: 0, link: Digest::START, faults: Vec::new(), replaced: Vec::new() }
    }
}

impl Walk {
    /// What is wrong with an event that comes right after this version and link; none when nothing is.
    pub(crate) fn step(version: u64, link: Digest, proof: &Proof) -> Option<Fault> {
        let mut walk = Self { version, link, ..Self::default() };
        walk.add(proof);
        walk.faults.into_iter().next()
    }

    /// The next event of the stream.
    pub fn add(&mut self, proof: &Proof) {
        let version = proof.event.version;
        if version != self.version + 1 {
            self.faults.push(Fault::Missing { version: self.version + 1 });
        }
        match &proof.salt {
            None => self.replaced.push((version, Digest::of(&proof.event.body))),
            Some(salt) => {
                if content(salt, &proof.event.body, proof.raw.as_ref().map(Raw::packed)) != proof.content {
                    self.faults.push(Fault::Content { version });
                }
            }
        }
        if link(&self.link, &proof.facts(), &proof.content) != proof.link {
            self.faults.push(Fault::Link { version });
        }
        (self.version, self.link) = (version, proof.link);
    }

    /// The end of the stream.
    pub fn end(mut self, tail: &Tail) -> Findings {
        if (tail.version, tail.link) != (self.version, self.link) {
            self.faults.push(Fault::Tail { version: tail.version, found: self.version });
        }
        Findings { faults: self.faults, replaced: self.replaced }
    }
}
