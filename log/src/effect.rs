//! The life of an effect: `pending -> leased -> done | failed | unknown | cancelled`, or `held` after a restore.
//!
//! An effect is a call to the outside world or a timer; both are "do this at `due_at`". The rules of that life are here,
//! once and pure; the bodies load an effect, apply a rule and save it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{EffectId, Holder};

/// An effect that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEffect {
    /// Its id. Asking again for an id that exists in any state changes nothing, unless it is a slot.
    pub id: EffectId,
    /// When to perform it, at the earliest; kept to the microsecond.
    pub due_at: DateTime<Utc>,
    /// Which performer it is for.
    pub kind: String,
    /// JSON text for the performer.
    pub body: Vec<u8>,
    /// What may be done when a performer died in the middle.
    pub repeat: Repeat,
    /// Newest wins: asking again replaces the body, brings a settled effect back, and has one that is being performed
    /// performed once more afterwards. For effects that render a whole state, such as the update of a card.
    pub slot: bool,
}

/// What may be done when it is unknown whether an effect happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Repeat {
    /// Just repeat it.
    Safe,
    /// Ask the remote side whether it happened; repeat it if not.
    Reconcile,
    /// Never repeat it without a person.
    Never,
}

impl Repeat {
    pub(crate) const ALL: [Self; 3] = [Self::Safe, Self::Reconcile, Self::Never];

    /// Its one word, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Reconcile => "reconcile",
            Self::Never => "never",
        }
    }
}

/// Where an effect is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EffectState {
    /// Waits for its time.
    Pending,
    /// Somebody performs it, or died doing so.
    Leased,
    /// It happened.
    Done,
    /// It did not happen and will not be tried again.
    Failed,
    /// Nobody knows whether it happened; a person must look.
    Unknown,
    /// It was withdrawn before it happened.
    Cancelled,
    /// It was open in a log that was restored: a person says whether it is still wanted.
    Held,
}

impl EffectState {
    pub(crate) const ALL: [Self; 7] =
        [Self::Pending, Self::Leased, Self::Done, Self::Failed, Self::Unknown, Self::Cancelled, Self::Held];

    /// Its one word, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Leased => "leased",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Cancelled => "cancelled",
            Self::Held => "held",
        }
    }
}

/// Asks that effects born due be leased to their writer in the same commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Who will perform them.
    pub holder: Holder,
    /// The writer's now: effects with `due_at <= at` are leased.
    pub at: DateTime<Utc>,
    /// When others may take them over.
    pub until: DateTime<Utc>,
}

/// The right to settle an effect; void once the lease was taken over.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LeaseToken {
    effect: EffectId,
    /// Counts hand-outs over the whole life of the id; unlike `attempt` it never starts again.
    lease: u64,
}

impl LeaseToken {
    /// The effect it settles.
    pub fn effect(&self) -> &EffectId {
        &self.effect
    }
}

/// An effect to perform now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedEffect {
    /// To settle it with.
    pub token: LeaseToken,
    /// What to do.
    pub effect: NewEffect,
    /// 1 for the first hand-out, one more for each further one.
    pub attempt: u32,
    /// When it was first handed out: nothing of it can have happened before.
    pub intent_at: DateTime<Utc>,
    /// An earlier hand-out ended without being settled, so it may have happened already: act by [`Repeat`].
    pub interrupted: bool,
}

/// How performing an effect ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It happened.
    Done,
    /// It did not happen; try again later.
    Retry {
        /// When, at the earliest.
        due_at: DateTime<Utc>,
        /// Why it did not.
        error: String,
    },
    /// It did not happen and will not.
    Failed {
        /// Why not.
        error: String,
    },
    /// It may have happened, and it must not be repeated.
    Unknown {
        /// Why nobody knows.
        error: String,
    },
}

/// An effect as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// What is wanted.
    pub wanted: NewEffect,
    /// Where it is in its life.
    pub state: EffectState,
    /// Hand-outs since it was asked for.
    pub attempt: u32,
    /// When it was first handed out.
    pub intent_at: Option<DateTime<Utc>>,
    /// A hand-out ended without being settled.
    pub interrupted: bool,
    /// Why the last attempt did not succeed.
    pub error: Option<String>,
    /// Who performs it.
    pub holder: Option<Holder>,
    /// When others may take it over.
    pub lease_until: Option<DateTime<Utc>>,
    /// Hand-outs over the whole life of the id.
    pub(crate) lease: u64,
    /// What becomes of it when the present lease ends.
    pub(crate) after: After,
}

/// What was asked of an effect while it was being performed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// Nothing: the outcome stands.
    Settle,
    /// A slot got a newer body: perform it once more.
    Again,
    /// Nobody wants it any more: no further attempt.
    Cancel,
}

impl After {
    pub(crate) const ALL: [Self; 3] = [Self::Settle, Self::Again, Self::Cancel];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Settle => "settle",
            Self::Again => "again",
            Self::Cancel => "cancel",
        }
    }
}

impl Effect {
    pub(crate) fn new(wanted: NewEffect) -> Self {
        Self {
            wanted: NewEffect { due_at: micros(wanted.due_at), ..wanted },
            state: EffectState::Pending,
            attempt: 0,
            intent_at: None,
            interrupted: false,
            error: None,
            holder: None,
            lease_until: None,
            lease: 0,
            after: After::Settle,
        }
    }

    /// The instant from which it may be handed out; none when it is settled.
    pub(crate) fn wake_at(&self) -> Option<DateTime<Utc>> {
        match self.state {
            EffectState::Pending => Some(self.wanted.due_at),
            EffectState::Leased => self.lease_until,
            EffectState::Done
            | EffectState::Failed
            | EffectState::Unknown
            | EffectState::Cancelled
            | EffectState::Held => None,
        }
    }

    /// The same id was asked for again. Returns whether anything changed.
    pub(crate) fn ask_again(&mut self, wanted: NewEffect) -> bool {
        if !wanted.slot {
            return false;
        }
        match self.state {
            EffectState::Pending => {
                let due_at = self.wanted.due_at.min(micros(wanted.due_at));
                self.wanted = NewEffect { due_at, ..wanted };
            }
            EffectState::Leased => {
                self.wanted = NewEffect { due_at: micros(wanted.due_at), ..wanted };
                self.after = After::Again;
            }
            EffectState::Done
            | EffectState::Failed
            | EffectState::Unknown
            | EffectState::Cancelled
            | EffectState::Held => {
                self.wanted = NewEffect { due_at: micros(wanted.due_at), ..wanted };
                self.start_again();
            }
        }
        true
    }

    /// Whether nothing can change it any more.
    #[cfg(feature = "dynamodb")]
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.state, EffectState::Done | EffectState::Cancelled) && !self.wanted.slot
    }

    /// It is no longer wanted. Returns whether anything changed.
    pub(crate) fn cancel(&mut self) -> bool {
        match self.state {
            EffectState::Pending | EffectState::Held => self.end(EffectState::Cancelled),
            EffectState::Leased => self.after = After::Cancel,
            EffectState::Done | EffectState::Failed | EffectState::Unknown | EffectState::Cancelled => return false,
        }
        true
    }

    /// Gives it to a holder; none when it turns out that nobody wants it any more. The caller has checked `wake_at`.
    pub(crate) fn hand_out(&mut self, lease: &Lease) -> Option<LeasedEffect> {
        if self.state == EffectState::Leased {
            self.interrupted = true;
            if self.after == After::Cancel {
                self.end(EffectState::Cancelled);
                return None;
            }
        }
        let intent_at = *self.intent_at.get_or_insert(micros(lease.at));
        self.state = EffectState::Leased;
        self.after = After::Settle;
        self.attempt += 1;
        self.lease += 1;
        self.holder = Some(lease.holder.clone());
        self.lease_until = Some(micros(lease.until));
        Some(LeasedEffect {
            token: LeaseToken { effect: self.wanted.id.clone(), lease: self.lease },
            effect: self.wanted.clone(),
            attempt: self.attempt,
            intent_at,
            interrupted: self.interrupted,
        })
    }

    /// Gives it to the one who has just asked for it, when it is due and free.
    pub(crate) fn born_leased(&mut self, lease: &Lease) -> Option<LeasedEffect> {
        let due = self.state == EffectState::Pending && self.wanted.due_at <= lease.at;
        if due { self.hand_out(lease) } else { None }
    }

    /// Whether the bearer of the token still holds the lease. A lease that is over but was not taken over still counts.
    pub(crate) fn is_held_by(&self, token: &LeaseToken) -> bool {
        self.state == EffectState::Leased && self.lease == token.lease
    }

    /// Applies the outcome; the caller has checked `is_held_by`. Returns whether it is to be performed anew, because it was
    /// asked for meanwhile.
    pub(crate) fn settle(&mut self, outcome: Outcome) -> bool {
        let (ended, error) = match outcome {
            Outcome::Done => (EffectState::Done, None),
            Outcome::Failed { error } => (EffectState::Failed, Some(error)),
            Outcome::Unknown { error } => (EffectState::Unknown, Some(error)),
            Outcome::Retry { due_at, error } => {
                self.error = Some(error);
                match self.after {
                    After::Cancel => self.end(EffectState::Cancelled),
                    After::Settle | After::Again => self.wait_until(due_at),
                }
                return false;
            }
        };
        let again = self.after == After::Again;
        self.end(ended);
        self.error = error;
        if again {
            self.start_again();
        }
        again
    }

    /// Ends the lease of a dead holder early. Returns whether it was one that may be.
    pub(crate) fn release_safe(&mut self, holder_prefix: &str) -> bool {
        let dead = self.holder.as_ref().is_some_and(|holder| holder.as_str().starts_with(holder_prefix));
        if self.state != EffectState::Leased || self.wanted.repeat != Repeat::Safe || !dead {
            return false;
        }
        self.interrupted = true;
        match self.after {
            After::Cancel => self.end(EffectState::Cancelled),
            After::Settle | After::Again => self.wait_until(self.wanted.due_at),
        }
        true
    }

    /// Puts it aside until a person has looked. Returns whether it was open.
    pub(crate) fn hold(&mut self, why: &str) -> bool {
        let open = matches!(self.state, EffectState::Pending | EffectState::Leased);
        if open {
            self.end(EffectState::Held);
            self.error = Some(why.to_owned());
        }
        open
    }

    /// A person still wants it. Returns whether it was held.
    pub(crate) fn let_go(&mut self, at: DateTime<Utc>) -> bool {
        let held = self.state == EffectState::Held;
        if held {
            self.wanted.due_at = self.wanted.due_at.max(micros(at));
            self.start_again();
        }
        held
    }

    fn start_again(&mut self) {
        *self = Self { lease: self.lease, ..Self::new(self.wanted.clone()) };
    }

    fn wait_until(&mut self, due_at: DateTime<Utc>) {
        self.wanted.due_at = micros(due_at);
        self.end(EffectState::Pending);
    }

    fn end(&mut self, state: EffectState) {
        self.state = state;
        self.after = After::Settle;
        self.holder = None;
        self.lease_until = None;
    }
}

/// Instants are kept to the microsecond by every body.
pub(crate) fn micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}
