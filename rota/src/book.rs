//! What people changed by hand: overrides, swaps and requests for cover, as a state folded from events. It decides what a
//! wish becomes, and gives the [`Operation`]s that count. The files of the rota do not appear in it, so that no edit of them
//! loses what people agreed on.
//!
//! It keeps no log and tells nobody. Each thing in it has a number, which people name it by; the numbers are those of the
//! order of creation, so that the later wins (rule O).

mod wish;

use crate::cover::{Asked, CoverEvent, CoverRequest};
use crate::operation::{Change, Operation};
use crate::span::Span;
use chrono::{DateTime, TimeDelta, Utc};
use incident::ResponderId;
use serde::{Deserialize, Serialize};
pub use wish::{Wish, WishRefused};

/// How long what is over is kept beside the log: a month more than the 90 days that reports look back.
const KEPT: TimeDelta = TimeDelta::days(120);

/// Two people want to have each other's shift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swap {
    /// The schedule.
    pub schedule: String,
    /// Who wants it.
    pub by: ResponderId,
    /// Who has to agree.
    pub with: ResponderId,
    /// The shift that is given away.
    pub given: Span,
    /// The shift that is taken for it.
    pub taken: Span,
    /// Why; may be empty.
    #[serde(default)]
    pub reason: String,
}

/// Where a swap stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwapState {
    /// The other has not answered; counts nothing.
    Open,
    /// Both have it.
    Agreed,
    /// The other said no, or who wanted it does not any more.
    Closed,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BookEvent {
    /// Somebody changed who is on duty.
    Overridden {
        /// The change, with its number.
        operation: Operation,
    },
    /// Somebody asked for cover.
    CoverAsked {
        /// The request's number.
        number: u64,
        /// What was asked for.
        asked: Asked,
    },
    /// Somebody took cover, or it is no longer needed.
    Cover {
        /// The request's number.
        number: u64,
        /// What happened to it.
        happened: CoverEvent,
    },
    /// Somebody wants to swap.
    SwapProposed {
        /// The swap's number.
        number: u64,
        /// What for what.
        swap: Swap,
    },
    /// The other agreed.
    SwapAgreed {
        /// The swap's number.
        number: u64,
    },
    /// One of the two does not want it, or not any more.
    SwapClosed {
        /// The swap's number.
        number: u64,
        /// Who.
        by: ResponderId,
    },
    /// A change counts no more.
    OperationCancelled {
        /// The operation's number.
        number: u64,
        /// Who took it back.
        by: ResponderId,
    },
}

impl BookEvent {
    /// The kind as it stands in the log.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Overridden { .. } => "overridden",
            Self::CoverAsked { .. } => "cover_asked",
            Self::Cover { happened: CoverEvent::Taken { .. }, .. } => "cover_taken",
            Self::Cover { happened: CoverEvent::Cancelled { .. }, .. } => "cover_cancelled",
            Self::SwapProposed { .. } => "swap_proposed",
            Self::SwapAgreed { .. } => "swap_agreed",
            Self::SwapClosed { .. } => "swap_closed",
            Self::OperationCancelled { .. } => "operation_cancelled",
        }
    }

    /// The number of the request, swap or operation that it is about.
    #[must_use]
    pub const fn number(&self) -> u64 {
        match self {
            Self::Overridden { operation } => operation.number,
            Self::CoverAsked { number, .. }
            | Self::Cover { number, .. }
            | Self::SwapProposed { number, .. }
            | Self::SwapAgreed { number }
            | Self::SwapClosed { number, .. }
            | Self::OperationCancelled { number, .. } => *number,
        }
    }
}

/// A change that counts, and the request or swap that it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    operation: Operation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<u64>,
}

/// Everything that people changed by hand and that is not long over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Book {
    /// How many numbers were given.
    numbers: u64,
    /// In the order of their numbers.
    operations: Vec<Held>,
    requests: Vec<(u64, CoverRequest)>,
    swaps: Vec<(u64, Swap, SwapState)>,
}

impl Book {
    /// The changes that count, in the order of creation.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        self.operations.iter().map(|held| held.operation.clone()).collect()
    }

    /// A change that counts.
    #[must_use]
    pub fn operation(&self, number: u64) -> Option<&Operation> {
        self.operations.iter().map(|held| &held.operation).find(|operation| operation.number == number)
    }

    /// A request for cover.
    #[must_use]
    pub fn request(&self, number: u64) -> Option<&CoverRequest> {
        self.requests.iter().find(|(own, _)| *own == number).map(|(_, request)| request)
    }

    /// All requests for cover, the oldest first, with their numbers.
    pub fn requests(&self) -> impl Iterator<Item = (u64, &CoverRequest)> {
        self.requests.iter().map(|(number, request)| (*number, request))
    }

    /// A swap and where it stands.
    #[must_use]
    pub fn swap(&self, number: u64) -> Option<(&Swap, SwapState)> {
        self.swaps.iter().find(|(own, ..)| *own == number).map(|(_, swap, state)| (swap, *state))
    }

    /// Earlier changes of the same schedule that share a time with this one: it wins over them there.
    #[must_use]
    pub fn beneath(&self, operation: &Operation) -> Vec<&Operation> {
        let shares = |other: &&Operation| {
            let both = other.span().and(operation.span());
            other.number < operation.number && other.schedule == operation.schedule && both.start < both.end
        };
        self.operations.iter().map(|held| &held.operation).filter(shares).collect()
    }

    /// Takes one more event into account. Events come from [`Book::decide`], in its order.
    pub fn apply(&mut self, event: &BookEvent, at: DateTime<Utc>) {
        self.numbers = self.numbers.max(event.number());
        match event {
            BookEvent::Overridden { operation } => self.hold(operation.clone(), None),
            BookEvent::CoverAsked { number, asked } => {
                self.requests.push((*number, CoverRequest::new(asked.clone())));
            }
            BookEvent::Cover { number, happened } => self.apply_cover(*number, happened),
            BookEvent::SwapProposed { number, swap } => self.swaps.push((*number, swap.clone(), SwapState::Open)),
            BookEvent::SwapAgreed { number } => self.agree(*number),
            BookEvent::SwapClosed { number, .. } => {
                self.set_swap(*number, SwapState::Closed);
                self.operations.retain(|held| held.of != Some(*number));
            }
            BookEvent::OperationCancelled { number, .. } => self.end(*number, at),
        }
        self.forget(at);
    }

    /// The numbers of what comes out of requests and swaps follow from the order of events, so that each replay gives the same.
    fn hold(&mut self, operation: Operation, of: Option<u64>) {
        self.numbers = self.numbers.max(operation.number);
        self.operations.push(Held { operation, of });
    }

    fn apply_cover(&mut self, number: u64, happened: &CoverEvent) {
        let Some((_, request)) = self.requests.iter_mut().find(|(own, _)| *own == number) else { return };
        let taken_before = request.takes.len();
        request.apply(happened);
        let takes: Vec<_> = request.takes.iter().skip(taken_before).collect();
        let numbers = self.numbers + 1..;
        let operations: Vec<Operation> =
            takes.into_iter().zip(numbers).map(|(take, own)| request.operation(take, own)).collect();
        operations.into_iter().for_each(|operation| self.hold(operation, Some(number)));
    }

    fn agree(&mut self, number: u64) {
        self.set_swap(number, SwapState::Agreed);
        let Some((swap, _)) = self.swap(number) else { return };
        let swap = swap.clone();
        for (span, from, to) in [(swap.given, &swap.by, &swap.with), (swap.taken, &swap.with, &swap.by)] {
            let operation = Operation {
                number: self.numbers + 1,
                schedule: swap.schedule.clone(),
                start: span.start,
                end: span.end,
                change: Change::ReplaceUser { from: from.clone(), to: to.clone() },
                by: swap.by.clone(),
                reason: swap.reason.clone(),
            };
            self.hold(operation, Some(number));
        }
    }

    /// What has begun ends now, and what was before stays as it was.
    fn end(&mut self, number: u64, at: DateTime<Utc>) {
        let is_it = |held: &Held| held.operation.number == number;
        self.operations.retain(|held| !is_it(held) || held.operation.start < at);
        self.operations.iter_mut().filter(|held| is_it(held)).for_each(|held| held.operation.end = at);
    }

    fn set_swap(&mut self, number: u64, to: SwapState) {
        if let Some((.., state)) = self.swaps.iter_mut().find(|(own, ..)| *own == number) {
            *state = to;
        }
    }

    /// Lets go of what is long over: the log has it.
    fn forget(&mut self, at: DateTime<Utc>) {
        let Some(since) = at.checked_sub_signed(KEPT) else { return };
        self.operations.retain(|held| held.operation.end > since);
        self.requests.retain(|(_, request)| request.spans().last().is_some_and(|span| span.end > since));
        self.swaps.retain(|(_, swap, _)| swap.given.end.max(swap.taken.end) > since);
    }
}

#[cfg(test)]
mod tests;
