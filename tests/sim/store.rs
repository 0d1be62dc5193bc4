//! The store as a process meets it: slow, throttled, unavailable, in doubt, and the last thing it saw before it died.
//!
//! The truth is a [`MemoryLog`] that survives. This wrapper also watches what passes: who holds which lease, and
//! whether each commit leaves an incident with the timers that it should have.

use crate::sim::watch;
use crate::sim::world::World;
use async_trait::async_trait;
use catops::clock;
use chrono::{DateTime, TimeDelta, Utc};
use log::{
    Append, AppendError, ClaimKey, Claimed, Cursor, Decision, Effect, EffectId, EffectState, Event, EventLog, Holder,
    Keys, LeasedEffect, MemoryLog, Page, Piece, Pieces, Proof, PutError, ReadError, Receipt, Roll, Stats, Stream,
    StreamId, Tails,
};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The store of one process life.
pub(crate) struct FaultyLog {
    pub(crate) truth: Arc<MemoryLog>,
    pub(crate) world: Arc<World>,
}

/// What goes wrong with one write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Refused(Refusal),
    InDoubtWritten,
    InDoubtNotWritten,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Throttled,
    Unavailable,
    Conflict,
}

fn cause(what: &str) -> Arc<io::Error> {
    Arc::new(io::Error::other(what.to_owned()))
}

impl FaultyLog {
    fn fault(&self, what: &str) -> Fault {
        let mut state = self.world.get();
        let per_mille = state.profile.store_faults;
        if !state.fault(per_mille) {
            return Fault::None;
        }
        let (fault, name) = state.dice.pick(&[
            (Fault::Refused(Refusal::Throttled), "throttled"),
            (Fault::Refused(Refusal::Unavailable), "unavailable"),
            (Fault::Refused(Refusal::Conflict), "in conflict"),
            (Fault::InDoubtWritten, "in doubt, and written"),
            (Fault::InDoubtNotWritten, "in doubt, and not written"),
        ]);
        state.say(clock::now(), "store", &format!("{what} is {name}"));
        fault
    }

    /// Before and after each write lies a place to die; between them the fault.
    async fn write<T>(
        &self,
        what: &str,
        truth: impl Future<Output = Result<T, AppendError>>,
    ) -> Result<T, AppendError> {
        self.world.may_die(&format!("{what}, before it is written")).await;
        self.world.takes_time(40).await;
        match self.fault(what) {
            Fault::Refused(Refusal::Throttled) => {
                return Err(AppendError::Throttled { after: Duration::from_millis(200) });
            }
            Fault::Refused(Refusal::Unavailable) => return Err(AppendError::Unavailable(cause("the disk is full"))),
            Fault::Refused(Refusal::Conflict) => {
                return Err(AppendError::Conflict { stream: StreamId::new("inc/0"), actual: 0 });
            }
            Fault::InDoubtNotWritten => return Err(AppendError::Unknown(cause("no answer"))),
            Fault::InDoubtWritten => {
                truth.await.ok();
                return Err(AppendError::Unknown(cause("no answer")));
            }
            Fault::None => {}
        }
        let written = truth.await;
        self.world.may_die(&format!("{what}, after it is written")).await;
        self.world.takes_time(10).await;
        written
    }

    async fn read(&self, what: &str) -> Result<(), ReadError> {
        self.world.may_die(&format!("reading {what}")).await;
        let mut state = self.world.get();
        let per_mille = state.profile.store_faults / 4;
        if state.fault(per_mille) {
            state.say(clock::now(), "store", &format!("{what} cannot be read"));
            return Err(ReadError(cause("cannot be read")));
        }
        Ok(())
    }

    async fn append_truly(&self, append: Append) -> Result<Receipt, AppendError> {
        let noted = watch::Noted::of(&append);
        let receipt = self.truth.append(append).await?;
        watch::committed(&self.world, &self.truth, &noted, &receipt).await;
        Ok(receipt)
    }

    /// A remote body asks, finds that somebody was faster, and asks again: only the last answer is written.
    async fn decide_truly(&self, decision: Decision) -> Result<Option<Receipt>, AppendError> {
        let decision = Arc::new(Mutex::new(decision));
        let overtaken = {
            let mut state = self.world.get();
            let per_mille = state.profile.store_faults;
            state.fault(per_mille)
        };
        if overtaken {
            let first = Arc::clone(&decision);
            let ask: Decision = Box::new(move |view| {
                (first.lock().unwrap_or_else(PoisonError::into_inner))(view);
                None
            });
            self.truth.decide(ask).await?;
            self.world.takes_time(200).await;
        }
        let noted = Arc::new(Mutex::new(None));
        let note = Arc::clone(&noted);
        let ask: Decision = Box::new(move |view| {
            let append = (decision.lock().unwrap_or_else(PoisonError::into_inner))(view);
            *note.lock().unwrap_or_else(PoisonError::into_inner) = append.as_ref().map(watch::Noted::of);
            append
        });
        let receipt = self.truth.decide(ask).await?;
        let noted = noted.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(receipt), Some(noted)) = (&receipt, noted) {
            watch::committed(&self.world, &self.truth, &noted, receipt).await;
        }
        Ok(receipt)
    }

    async fn lease_truly(
        &self,
        now: DateTime<Utc>,
        holder: &Holder,
        ttl: TimeDelta,
        max: usize,
    ) -> Result<Vec<LeasedEffect>, AppendError> {
        let leased = self.truth.lease_due(now, holder, ttl, max).await?;
        watch::handed_out(&self.world, &leased, now, now + ttl);
        Ok(leased)
    }
}

#[async_trait]
impl EventLog for FaultyLog {
    async fn append(&self, append: Append) -> Result<Receipt, AppendError> {
        let what = watch::summary(&append);
        self.write(&what, self.append_truly(append)).await
    }

    async fn decide(&self, decision: Decision) -> Result<Option<Receipt>, AppendError> {
        self.write("a decision", self.decide_truly(decision)).await
    }

    async fn load(&self, stream: &StreamId) -> Result<Option<Stream>, ReadError> {
        self.read(stream.as_str()).await?;
        self.truth.load(stream).await
    }

    async fn load_claimed(&self, key: &ClaimKey) -> Result<Option<Claimed>, ReadError> {
        self.read(key.as_str()).await?;
        self.truth.load_claimed(key).await
    }

    async fn events(&self, stream: &StreamId, from_version: u64, max: usize) -> Result<Vec<Event>, ReadError> {
        self.read(stream.as_str()).await?;
        self.truth.events(stream, from_version, max).await
    }

    async fn raw(&self, stream: &StreamId, version: u64) -> Result<Option<Vec<u8>>, ReadError> {
        self.truth.raw(stream, version).await
    }

    async fn proofs(&self, stream: &StreamId, from_version: u64, max: usize) -> Result<Vec<Proof>, ReadError> {
        self.truth.proofs(stream, from_version, max).await
    }

    async fn tails(&self, after: &Cursor, max: usize) -> Result<Tails, ReadError> {
        self.truth.tails(after, max).await
    }

    async fn receipts(&self, after: Option<&Cursor>, max: usize) -> Result<Keys, ReadError> {
        self.truth.receipts(after, max).await
    }

    async fn feed(&self, after: &Cursor, max: usize) -> Result<Page, ReadError> {
        self.truth.feed(after, max).await
    }

    async fn list(&self, listing: &str, before: Option<&Cursor>, max: usize) -> Result<Roll, ReadError> {
        self.read(listing).await?;
        self.truth.list(listing, before, max).await
    }

    async fn lease_due(
        &self,
        now: DateTime<Utc>,
        holder: &Holder,
        ttl: TimeDelta,
        max: usize,
    ) -> Result<Vec<LeasedEffect>, AppendError> {
        self.write("leasing", self.lease_truly(now, holder, ttl, max)).await
    }

    async fn release_safe(&self, holder_prefix: &str) -> Result<usize, AppendError> {
        let held = self.truth.effects(EffectState::Leased, usize::MAX).await.unwrap_or_default();
        let released = self.truth.release_safe(holder_prefix).await?;
        watch::released(&self.world, &held);
        Ok(released)
    }

    async fn pieces(&self, after: &Cursor, max: usize) -> Result<Pieces, ReadError> {
        self.truth.pieces(after, max).await
    }

    async fn put(&self, pieces: Vec<Piece>) -> Result<(), PutError> {
        self.truth.put(pieces).await
    }

    async fn hold_open(&self, why: &str) -> Result<usize, AppendError> {
        self.truth.hold_open(why).await
    }

    async fn let_go(&self, id: &EffectId, at: DateTime<Utc>) -> Result<bool, AppendError> {
        self.truth.let_go(id, at).await
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>, ReadError> {
        self.truth.next_due().await
    }

    async fn effect(&self, id: &EffectId) -> Result<Option<Effect>, ReadError> {
        self.read(id.as_str()).await?;
        self.truth.effect(id).await
    }

    async fn waiting(&self, until: DateTime<Utc>, max: usize) -> Result<Vec<Effect>, ReadError> {
        self.truth.waiting(until, max).await
    }

    async fn effects(&self, state: EffectState, max: usize) -> Result<Vec<Effect>, ReadError> {
        self.truth.effects(state, max).await
    }

    async fn notified(&self) {
        self.truth.notified().await;
    }

    async fn ping(&self) -> Result<(), AppendError> {
        self.truth.ping().await
    }

    async fn stats(&self) -> Result<Stats, ReadError> {
        self.truth.stats().await
    }
}
