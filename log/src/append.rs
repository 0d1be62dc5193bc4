//! One write: what an append carries, what it answers, and how it is refused.
//!
//! The limits are those of the narrowest store (DynamoDB: 100 items in a transaction, 400 KB an item), kept by every
//! body, so that what works on a laptop works there too.

use std::{error::Error, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use crate::{ClaimKey, Cursor, EffectId, IdemKey, Lease, LeaseToken, LeasedEffect, NewEffect, Outcome, Raw, StreamId};

/// Bytes of one event's or one effect's body, at most.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Bytes of one event's raw payload before compression, at most; the largest sender (PagerDuty) stops at 512 KB.
pub const RAW_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one stream's snapshot, at most.
pub const SNAPSHOT_BYTES_MAX: usize = 300 * 1024;
/// Things one append may write: receipt, heads, events, claims, effects, cancellations and the settled effect together.
pub const ITEMS_MAX: usize = 100;

/// All that one decision writes. All of it is written, or nothing.
///
/// Without a key only the expected versions guard against a repeat, which is enough when each stream is named.
#[derive(Debug, Clone, Default)]
pub struct Append {
    /// The deliveries or the command this answers, each named once. When one was seen before, nothing is written and the
    /// answer is [`AppendError::Duplicate`]; a decision can ask first ([`crate::View::answered`]).
    pub keys: Vec<IdemKey>,
    /// Events by stream. A stream may be named once.
    pub streams: Vec<StreamWrite>,
    /// Claims to take, hold or release. A key may be named once.
    pub claims: Vec<Claim>,
    /// Outbox rows and timers to add. An id may be named once here and in `cancel` together.
    pub effects: Vec<NewEffect>,
    /// Effects that are no longer wanted. Ids that are unknown or settled are passed over.
    pub cancel: Vec<EffectId>,
    /// An effect that this append ends: its lease must still be held, else [`AppendError::LeaseLost`].
    pub settles: Option<(LeaseToken, Outcome)>,
    /// Content to replace for good. The append must also say so in an event of the same stream.
    pub erase: Vec<Erasure>,
    /// Leases the effects of this append that are due at once to the writer: no second commit before performing them. So
    /// it does with a slot that this append settles, if a newer body came while the old one was performed.
    pub lease: Option<Lease>,
}

/// New events of one stream, and the state that they lead to.
#[derive(Debug, Clone)]
pub struct StreamWrite {
    /// The stream written to.
    pub stream: StreamId,
    /// Where the writer believes the stream to be.
    pub expected: Expected,
    /// At least one event.
    pub events: Vec<NewEvent>,
    /// The state after these events; replaces what was kept beside the stream.
    pub head: Head,
}

/// The version a writer saw when it decided. There is no "any": it would forbid a safe retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The stream does not exist.
    NoStream,
    /// The stream's last event has this version.
    Exact(u64),
}

impl Expected {
    /// The version that must be found; 0 is a stream without events.
    pub fn version(self) -> u64 {
        match self {
            Self::NoStream => 0,
            Self::Exact(version) => version,
        }
    }
}

/// Replaces an event's body, and throws its raw payload and its salt away: for text that must not be kept.
#[derive(Debug, Clone)]
pub struct Erasure {
    /// The event's stream.
    pub stream: StreamId,
    /// The event.
    pub version: u64,
    /// What stands there instead.
    pub body: Vec<u8>,
}

/// An event as the caller gives it; the log adds stream and version.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// What happened, in one word; never renamed.
    pub kind: String,
    /// The shape of `body` for this kind.
    pub schema: u16,
    /// When it happened; kept to the microsecond.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub actor: String,
    /// What led to it: a delivery, a command, an effect.
    pub cause: String,
    /// JSON text.
    pub body: Vec<u8>,
    /// What the sender sent; read back by [`crate::EventLog::raw`].
    pub raw: Option<Raw>,
}

/// The state kept beside a stream, so that deciding costs one read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The folded state.
    pub snapshot: Vec<u8>,
    /// Which fold made it. A reader with another fold ignores the snapshot and folds the events again.
    pub fold: u32,
    /// The list that the stream is in, such as `open`; none: in no list.
    pub listing: Option<String>,
}

/// A compare and set of who holds a key.
#[derive(Debug, Clone)]
pub struct Claim {
    /// What is claimed.
    pub key: ClaimKey,
    /// Who must hold it now.
    pub expected: Option<StreamId>,
    /// Who holds it afterwards.
    pub holder: Option<StreamId>,
}

/// The answer to a write that is durable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Each stream written, with the version of its last event, in the order of the append.
    pub streams: Vec<(StreamId, u64)>,
    /// The place in the feed just after these events.
    pub position: Cursor,
    /// Effects that the writer now holds a lease of. Always empty in a duplicate's receipt.
    pub leased: Vec<LeasedEffect>,
}

/// What lies beneath an error of the store.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// Why a write was refused. Only after `Unknown` may it have happened all the same.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// Somebody else wrote first: load, decide again, append again.
    #[error("stream {stream} is at version {actual}")]
    Conflict {
        /// The stream that moved.
        stream: StreamId,
        /// Its version now; 0 when it does not exist.
        actual: u64,
    },
    /// Somebody else holds the claim: load the holder, decide again.
    #[error("claim {key} is held by {}", .actual.as_ref().map_or("nobody", StreamId::as_str))]
    ClaimConflict {
        /// The claim that differs.
        key: ClaimKey,
        /// Its holder now.
        actual: Option<StreamId>,
    },
    /// The key was appended before. The work is done; the receipt is the first one's.
    #[error("already appended")]
    Duplicate(Receipt),
    /// The lease ended and was given to somebody else, or was settled before: forget the outcome.
    #[error("the lease of effect {0} is no longer held")]
    LeaseLost(EffectId),
    /// The store asks for less.
    #[error("throttled for {} ms", .after.as_millis())]
    Throttled {
        /// How long to wait.
        after: Duration,
    },
    /// A limit of this module was passed; a repeat will not help.
    #[error("{what} is {size}, and {max} is the limit")]
    TooLarge {
        /// Which limit, with its unit.
        what: &'static str,
        /// What was given.
        size: usize,
        /// What is allowed.
        max: usize,
    },
    /// The append contradicts itself; a repeat will not help.
    #[error("malformed append: {0}")]
    Malformed(&'static str),
    /// Nothing was written: the disk is full, the folder is read-only, the store is closed.
    #[error("the event log cannot be written")]
    Unavailable(#[source] Cause),
    /// It may or may not have been written. Repeat it with the same key.
    #[error("whether the event log was written is unknown")]
    Unknown(#[source] Cause),
}

impl Append {
    /// Refuses what no body would take: too much, or contradictory.
    pub(crate) fn check(&self) -> Result<(), AppendError> {
        self.check_sizes()?;
        self.check_names()
    }

    fn check_sizes(&self) -> Result<(), AppendError> {
        let events: usize = self.streams.iter().map(|write| write.events.len()).sum();
        let items = self.keys.len()
            + self.streams.len()
            + events
            + self.claims.len()
            + self.effects.len()
            + self.cancel.len()
            + self.erase.len()
            + usize::from(self.settles.is_some());
        at_most("things in one append", items, ITEMS_MAX)?;
        for write in &self.streams {
            at_most("bytes of snapshot", write.head.snapshot.len(), SNAPSHOT_BYTES_MAX)?;
            for event in &write.events {
                at_most("bytes of event body", event.body.len(), BODY_BYTES_MAX)?;
                at_most("bytes of raw payload", event.raw.as_ref().map_or(0, Raw::bytes), RAW_BYTES_MAX)?;
            }
        }
        for erasure in &self.erase {
            at_most("bytes of event body", erasure.body.len(), BODY_BYTES_MAX)?;
        }
        for effect in &self.effects {
            at_most("bytes of effect body", effect.body.len(), BODY_BYTES_MAX)?;
        }
        Ok(())
    }

    fn check_names(&self) -> Result<(), AppendError> {
        if self.streams.iter().any(|write| write.events.is_empty()) {
            return Err(AppendError::Malformed("a stream without events"));
        }
        if repeats(self.streams.iter().map(|write| &write.stream)) {
            return Err(AppendError::Malformed("a stream named twice"));
        }
        if self.erase.iter().any(|erasure| self.streams.iter().all(|write| write.stream != erasure.stream)) {
            return Err(AppendError::Malformed("an erasure that no event of its stream tells"));
        }
        if repeats(self.keys.iter()) {
            return Err(AppendError::Malformed("a key named twice"));
        }
        if repeats(self.claims.iter().map(|claim| &claim.key)) {
            return Err(AppendError::Malformed("a claim named twice"));
        }
        if repeats(self.effects.iter().map(|effect| &effect.id).chain(&self.cancel)) {
            return Err(AppendError::Malformed("an effect named twice"));
        }
        Ok(())
    }
}

fn at_most(what: &'static str, size: usize, max: usize) -> Result<(), AppendError> {
    if size > max { Err(AppendError::TooLarge { what, size, max }) } else { Ok(()) }
}

/// Whether a name occurs twice. Appends carry a handful of names, so looking is cheaper than hashing.
fn repeats<'a, T: PartialEq + 'a>(names: impl Iterator<Item = &'a T> + Clone) -> bool {
    names.clone().enumerate().any(|(place, name)| names.clone().take(place).any(|earlier| earlier == name))
}
