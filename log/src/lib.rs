//! The append-only event log, its outbox and its timers.
//!
//! One trait, [`EventLog`], and a body per store: [`SqliteLog`] for one machine, [`MemoryLog`] for tests and demos.
//! The crate knows no domain: events, snapshots and effects are bytes that the caller wrote and will read.
//! It never reads the clock: each instant is an argument, and what is due is decided by the `now` that is passed in.
//!
//! What every body promises (the `contract` suite checks exactly these):
//!
//! - **P1** a stream's versions start at 1, are gapless, unique and immutable.
//! - **P2** `Ok` from a write survives `kill -9` and power loss (memory excepted, which survives nothing).
//! - **P3** one [`IdemKey`] appends at most once; a repeat is answered with the first receipt.
//! - **P4** streams, claims, receipt and effects of one [`Append`] are all or nothing.
//! - **P5** [`EventLog::feed`] shows every event at least once, in the order of its stream. Order across streams is a
//!   property of the local bodies only; no consumer may need it.
//! - **P6** an effect is leased to one holder at a time; an expired lease is handed out again with `attempt + 1` and
//!   with its intent visible.
//! - **P7** a write that ended in [`AppendError::Unknown`] may be repeated with the same key and never doubles.
//! - **P8** every event is linked to the one before it (see [`Walk`]), and only content that was erased on purpose may differ.

mod append;
mod chain;
mod effect;
#[cfg(feature = "fail_points")]
pub mod fail_point;
mod id;
pub mod lines;
mod piece;
mod raw;
mod store;
mod view;

#[cfg(feature = "dynamodb")]
mod dynamodb;
mod memory;
mod sqlite;

#[cfg(any(test, feature = "contract"))]
pub mod contract;

pub use append::{
    Append, AppendError, BODY_BYTES_MAX, Cause, Claim, Erasure, Expected, Head, ITEMS_MAX, NewEvent, RAW_BYTES_MAX,
    Receipt, SNAPSHOT_BYTES_MAX, StreamWrite,
};
pub use chain::{Digest, Fault, Findings, Proof, Salt, Tail, Walk};
#[cfg(feature = "dynamodb")]
pub use dynamodb::{DynamoLog, Homes};
pub use effect::{Effect, EffectState, Lease, LeaseToken, LeasedEffect, NewEffect, Outcome, Repeat};
pub use id::{ClaimKey, Cursor, EffectId, Holder, IdemKey, StreamId};
pub use memory::MemoryLog;
pub(crate) use piece::Part;
pub use piece::{Appended, Piece, Pieces, PutError, Span, StreamEnd, Unfit};
pub use raw::Raw;
pub use sqlite::{OpenError, SqliteLog};
pub use store::{
    Backlog, Claimed, Consumed, Event, EventLog, Keys, Listed, Page, ReadError, Roll, Stats, Stream, Tails,
};
pub use view::{Decision, View, decide};
