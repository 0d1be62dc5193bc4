//! What a log consists of, piece by piece, whatever store holds it: for moving a log from one store to another.
//!
//! Pieces come in the order in which they can be put back: events in the order of the feed, then the ends and states of
//! the streams, then what the log remembers beside them. Nothing here is decided or performed, and nothing is left out:
//! a log that was put together from all pieces of another one answers every question as that one does.

use std::fmt;

use crate::{
    AppendError, BODY_BYTES_MAX, ClaimKey, Cursor, Digest, Effect, Fault, Head, IdemKey, Proof, RAW_BYTES_MAX,
    SNAPSHOT_BYTES_MAX, StreamId, Tail,
};

/// One thing that a log holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// An event, with what proves it.
    Event(Proof),
    /// A stream's end, and the state beside it.
    Stream(StreamEnd),
    /// A key that was appended.
    Receipt(Appended),
    /// Who holds a claim.
    Claim {
        /// What is claimed.
        key: ClaimKey,
        /// By whom.
        holder: StreamId,
    },
    /// The last number of a series that was given.
    Number {
        /// Which series.
        series: String,
        /// The number.
        last: u64,
    },
    /// An effect or a timer, in whatever state.
    Effect(Effect),
}

/// A kind of pieces, in the order in which they come, and its name in a cursor of [`crate::EventLog::pieces`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Events,
    Streams,
    Receipts,
    Claims,
    Numbers,
    Effects,
}

impl Part {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Events, "events"),
        (Self::Streams, "streams"),
        (Self::Receipts, "receipts"),
        (Self::Claims, "claims"),
        (Self::Numbers, "numbers"),
        (Self::Effects, "effects"),
    ];

    /// Where a cursor stands: in which kind, and after which place. A cursor that no store gave is the start.
    pub(crate) fn of(cursor: &Cursor) -> (Self, Option<&str>) {
        let (name, after) = match cursor.as_str().split_once(':') {
            Some((name, after)) => (name, Some(after)),
            None => (cursor.as_str(), None),
        };
        let known = Self::ALL.iter().find(|(_, known)| *known == name);
        known.map_or((Self::Events, None), |(part, _)| (*part, after))
    }

    /// Where to go on: behind this place, or with the next kind.
    pub(crate) fn next(self, last: Option<impl fmt::Display>) -> Option<Cursor> {
        let mut from_here = Self::ALL.iter().skip_while(|(part, _)| *part != self).map(|(_, name)| *name);
        let own = from_here.next()?;
        match last {
            Some(last) => Some(Cursor::new(format!("{own}:{last}"))),
            None => from_here.next().map(Cursor::new),
        }
    }
}

/// A stream's end, and the state beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEnd {
    /// The stream.
    pub id: StreamId,
    /// The version of its last event.
    pub version: u64,
    /// The link of its last event.
    pub link: Digest,
    /// The state after that event.
    pub head: Head,
}

/// A key that was appended, and the events that were written under it: these stand together in the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The key.
    pub key: IdemKey,
    /// In the order of the append; none when it wrote no event.
    pub spans: Vec<Span>,
}

/// Some events of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The stream.
    pub stream: StreamId,
    /// The version of the first one.
    pub first: u64,
    /// The version of the last one.
    pub last: u64,
}

/// Some pieces of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pieces {
    /// The pieces; there may be none although more follow.
    pub pieces: Vec<Piece>,
    /// Where to go on; none at the end.
    pub next: Option<Cursor>,
}

/// Why pieces were not put into a log. That log holds some of them now: throw it away.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PutError {
    /// One of them does not fit.
    #[error("{why}")]
    Refused {
        /// Which one, counted from 0.
        index: usize,
        /// Why.
        why: Unfit,
    },
    /// The log could not be written.
    #[error("the pieces could not be written")]
    Write(#[from] AppendError),
}

/// What is wrong with a piece.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// An event or an end that does not follow from what is there.
    #[error("{stream}: {fault}")]
    Fault {
        /// The stream.
        stream: StreamId,
        /// What is wrong.
        fault: Fault,
    },
    /// The log holds it already.
    #[error("{what} {name} is there twice")]
    Twice {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A receipt for events that are not there, or do not stand together.
    #[error("the events of receipt {key} are not there, or do not stand together")]
    Apart {
        /// Its key.
        key: IdemKey,
    },
    /// A limit that every log keeps was passed.
    #[error("{what} is {size}, and {max} is the limit")]
    TooLarge {
        /// Which limit, with its unit.
        what: &'static str,
        /// What was given.
        size: usize,
        /// What is allowed.
        max: usize,
    },
}

impl StreamEnd {
    pub(crate) fn tail(&self) -> Tail {
        Tail { stream: self.id.clone(), version: self.version, link: self.link }
    }

    /// Said when the events that are there end elsewhere; `found` is the version of the last one.
    pub(crate) fn is_not_at(&self, found: u64) -> Unfit {
        Unfit::fault(&self.id, Fault::Tail { version: self.version, found })
    }
}

impl Unfit {
    pub(crate) fn fault(stream: &StreamId, fault: Fault) -> Self {
        Self::Fault { stream: stream.clone(), fault }
    }

    pub(crate) fn twice(what: &'static str, name: &str) -> Self {
        Self::Twice { what, name: name.to_owned() }
    }
}

impl Piece {
    /// The bytes of its contents; names are not counted.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Event(proof) => proof.event.body.len() + proof.raw.as_ref().map_or(0, |raw| raw.packed().len()),
            Self::Stream(end) => end.head.snapshot.len(),
            Self::Effect(effect) => effect.wanted.body.len(),
            Self::Receipt(_) | Self::Claim { .. } | Self::Number { .. } => 0,
        }
    }

    /// Refuses what no append could have written.
    pub(crate) fn check(&self) -> Result<(), Unfit> {
        let at_most = |what, size, max| if size > max { Err(Unfit::TooLarge { what, size, max }) } else { Ok(()) };
        match self {
            Self::Event(proof) => {
                at_most("bytes of event body", proof.event.body.len(), BODY_BYTES_MAX)?;
                // Also what it claims to be unpacked, since that much is allocated when it is read.
                let raw = proof.raw.as_ref().map_or(0, |raw| raw.bytes().max(raw.packed().len()));
                at_most("bytes of raw payload", raw, RAW_BYTES_MAX + PACKED_MORE_MAX)
            }
            Self::Stream(end) => at_most("bytes of snapshot", end.head.snapshot.len(), SNAPSHOT_BYTES_MAX),
            Self::Effect(effect) => at_most("bytes of effect body", effect.wanted.body.len(), BODY_BYTES_MAX),
            Self::Receipt(_) | Self::Claim { .. } | Self::Number { .. } => Ok(()),
        }
    }
}

/// What packing may add to bytes that cannot be made smaller.
const PACKED_MORE_MAX: usize = 16 * 1024;
