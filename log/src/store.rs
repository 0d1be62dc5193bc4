//! The trait that every body fills, and what it reads back.
//!
//! Nothing here may be true of SQLite only: a feed has no total order, a cursor is opaque, a listing is one index.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    Append, AppendError, Cause, ClaimKey, Cursor, Decision, Effect, EffectId, EffectState, Head, Holder, IdemKey,
    LeaseToken, LeasedEffect, Outcome, Piece, Pieces, Proof, PutError, Receipt, StreamId, Tail,
};

/// An append-only log of streams with an outbox beside it; the promises P1 to P7 are listed at the crate's root.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Writes all of it, durably, or nothing.
    async fn append(&self, append: Append) -> Result<Receipt, AppendError>;

    /// Lets a decision read, and writes what it says as if nothing had happened in between; none when it says nothing.
    /// For use by hand, see [`crate::decide`].
    async fn decide(&self, decision: Decision) -> Result<Option<Receipt>, AppendError>;

    /// A stream's version and state; none when it has no events.
    async fn load(&self, stream: &StreamId) -> Result<Option<Stream>, ReadError>;

    /// A stream's version and state, as they were when this lease was given or later: for whoever performs it. What comes
    /// after them asks anew for what it wants done. Where reading costs, this may cost nothing.
    async fn load_since(&self, _token: &LeaseToken, stream: &StreamId) -> Result<Option<Stream>, ReadError> {
        self.load(stream).await
    }

    /// Who holds a claim, and its state, in one read; none when nobody does.
    async fn load_claimed(&self, key: &ClaimKey) -> Result<Option<Claimed>, ReadError>;

    /// Up to `max` events of a stream, oldest first, beginning with `from_version` (the first event is 1).
    async fn events(&self, stream: &StreamId, from_version: u64, max: usize) -> Result<Vec<Event>, ReadError>;

    /// The same as [`Self::events`], with what proves them: for [`crate::Walk`].
    async fn proofs(&self, stream: &StreamId, from_version: u64, max: usize) -> Result<Vec<Proof>, ReadError>;

    /// Up to `max` streams' ends after a place, each stream once, in no particular order.
    async fn tails(&self, after: &Cursor, max: usize) -> Result<Tails, ReadError>;

    /// What the sender of an event sent, byte for byte; none when it was not kept.
    async fn raw(&self, stream: &StreamId, version: u64) -> Result<Option<Vec<u8>>, ReadError>;

    /// Up to `max` events of all streams after a place. At least once, in order within each stream, in no order across.
    async fn feed(&self, after: &Cursor, max: usize) -> Result<Page, ReadError>;

    /// A place in the feed that no event of `at` or later lies before, by the writers' clocks; the start will do where
    /// the store cannot tell. For looks at the last hours of a long log.
    async fn feed_place(&self, _at: DateTime<Utc>) -> Result<Cursor, ReadError> {
        Ok(Cursor::start())
    }

    /// Up to `max` keys of appends that wrote events, in no particular order, after the place where the last page ended.
    async fn receipts(&self, after: Option<&Cursor>, max: usize) -> Result<Keys, ReadError>;

    /// Up to `max` streams of a list, those that began last first; `before` is the place where the last page ended.
    async fn list(&self, listing: &str, before: Option<&Cursor>, max: usize) -> Result<Roll, ReadError>;

    /// Hands out up to `max` effects that are due or whose lease is over, longest waiting first.
    async fn lease_due(
        &self,
        now: DateTime<Utc>,
        holder: &Holder,
        ttl: TimeDelta,
        max: usize,
    ) -> Result<Vec<LeasedEffect>, AppendError>;

    /// Ends a lease and writes what follows from the outcome, in one transaction.
    /// [`AppendError::LeaseLost`] when the lease was taken over or settled before.
    async fn settle(
        &self,
        token: &LeaseToken,
        outcome: Outcome,
        append: Option<Append>,
    ) -> Result<Receipt, AppendError> {
        self.append(Append { settles: Some((token.clone(), outcome)), ..append.unwrap_or_default() }).await
    }

    /// Ends the leases of [`crate::Repeat::Safe`] effects whose holder's name begins so, and says how many; for the
    /// start after a crash. The others must wait for the end of their lease: the dead process's call may be under way.
    async fn release_safe(&self, holder_prefix: &str) -> Result<usize, AppendError>;

    /// Puts every open effect aside until a person has looked, and says how many: for a log that was restored, whose
    /// effects may have happened since.
    async fn hold_open(&self, why: &str) -> Result<usize, AppendError>;

    /// Lets a held effect go, not before `at`; false when it was not held. One that nobody wants is cancelled by an append.
    async fn let_go(&self, id: &EffectId, at: DateTime<Utc>) -> Result<bool, AppendError>;

    /// The first instant at which [`Self::lease_due`] would find something.
    async fn next_due(&self) -> Result<Option<DateTime<Utc>>, ReadError>;

    /// One effect, whatever its state; none when nobody ever asked for it.
    async fn effect(&self, id: &EffectId) -> Result<Option<Effect>, ReadError>;

    /// Up to `max` effects in a state, in no particular order; for a status page.
    async fn effects(&self, state: EffectState, max: usize) -> Result<Vec<Effect>, ReadError>;

    /// Up to `max` effects that could be handed out at that instant, longest waiting first; it hands out none.
    async fn waiting(&self, until: DateTime<Utc>, max: usize) -> Result<Vec<Effect>, ReadError>;

    /// Returns after a commit of this process that left effects to wait for: ask [`Self::next_due`] again.
    /// It may return for nothing, and other processes' commits may go unnoticed. For one waiter.
    async fn notified(&self);

    /// Whether a write reaches the disk now. Costs one, so ask every few seconds, not on each request.
    async fn ping(&self) -> Result<(), AppendError>;

    /// Up to `max` pieces of the log after a place, none twice. While others write, what belongs together may be torn
    /// apart: a copy is made of a log that nobody writes to.
    async fn pieces(&self, after: &Cursor, max: usize) -> Result<Pieces, ReadError>;

    /// Puts pieces of another log into this one, in the order in which [`Self::pieces`] gave them. Each event must follow
    /// from the one before it in its stream. For a log that began empty and that nobody else uses yet.
    async fn put(&self, pieces: Vec<Piece>) -> Result<(), PutError>;

    /// Figures of the whole log. A remote store reads all of it for them.
    async fn stats(&self) -> Result<Stats, ReadError>;

    /// Figures of what waits, cheap everywhere.
    async fn backlog(&self) -> Result<Backlog, ReadError> {
        Ok(self.stats().await?.backlog())
    }

    /// What the calls of this value have cost so far; none where nobody charges.
    fn consumed(&self) -> Option<Consumed> {
        None
    }
}

/// A stream's version and the state kept beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// The version of its last event.
    pub version: u64,
    /// The state after that event.
    pub head: Head,
}

/// Who holds a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The holder.
    pub holder: StreamId,
    /// Its state; none when it claims without having events.
    pub stream: Option<Stream>,
}

/// An event as it lies in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its stream.
    pub stream: StreamId,
    /// Its place in the stream, from 1.
    pub version: u64,
    /// What happened.
    pub kind: String,
    /// The shape of `body` for this kind.
    pub schema: u16,
    /// When it happened, to the microsecond.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub actor: String,
    /// What led to it.
    pub cause: String,
    /// JSON text.
    pub body: Vec<u8>,
}

/// Some events of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The events; none at the present end.
    pub events: Vec<Event>,
    /// Where to go on.
    pub next: Cursor,
}

/// The ends of some streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tails {
    /// The ends; none after the last one.
    pub tails: Vec<Tail>,
    /// Where to go on.
    pub next: Cursor,
}

/// Some keys that were appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// The keys.
    pub keys: Vec<IdemKey>,
    /// Where to go on; none at the end.
    pub next: Option<Cursor>,
}

/// Some streams of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roll {
    /// The streams.
    pub streams: Vec<Listed>,
    /// Where to go on; none at the end of the list.
    pub next: Option<Cursor>,
}

/// One stream of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Which stream.
    pub id: StreamId,
    /// Its version and state.
    pub stream: Stream,
}

/// Figures of a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Events in the log.
    pub events: u64,
    /// Streams in the log.
    pub streams: u64,
    /// Effects that wait for their time.
    pub effects_pending: u64,
    /// Effects that are being performed.
    pub effects_leased: u64,
    /// The instant since which the longest waiting effect could be handed out; overdue when it has passed.
    pub oldest_due: Option<DateTime<Utc>>,
}

/// Figures of what waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Effects that wait for their time.
    pub pending: u64,
    /// Effects that are being performed.
    pub leased: u64,
    /// As [`Stats::oldest_due`].
    pub oldest_due: Option<DateTime<Utc>>,
}

impl Stats {
    /// The part of them about what waits.
    pub fn backlog(&self) -> Backlog {
        Backlog { pending: self.effects_pending, leased: self.effects_leased, oldest_due: self.oldest_due }
    }
}

/// Capacity that a remote store says it has charged.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Consumed {
    /// Read request units of DynamoDB.
    pub read_units: f64,
    /// Write request units of DynamoDB.
    pub write_units: f64,
}

/// The log could not be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the event log cannot be read")]
pub struct ReadError(#[source] pub Cause);

impl From<ReadError> for AppendError {
    /// A read that fails before a write: nothing was written.
    fn from(error: ReadError) -> Self {
        Self::Unavailable(error.0)
    }
}
