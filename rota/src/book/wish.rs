//! What somebody wants of the book, and what becomes of it: one event, or a refusal in words for whoever wished.

use super::{Book, BookEvent, Held, Swap, SwapState};
use crate::cover::{AskRefused, CoverCommand, CoverRefused, Standing, ask_for_cover};
use crate::on_call::final_schedule;
use crate::operation::{Change, Operation};
use crate::rota::{Rota, UnknownSchedule};
use crate::shifts::shifts;
use crate::span::Span;
use chrono::{DateTime, TimeDelta, Utc};
use incident::ResponderId;

/// The longest time that is changed by hand; whoever wants more edits the files.
const CHANGED_MAX: TimeDelta = TimeDelta::days(92);
/// How far ahead shifts that can be swapped are looked for.
const SWAP_SEARCH: TimeDelta = TimeDelta::weeks(13);
/// The longest reason kept, in characters.
const REASON_CHARS_MAX: usize = 200;

/// What somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Somebody is on duty alone for a time.
    Override {
        /// The schedule.
        schedule: String,
        /// When; what of it is past stays as it was.
        span: Span,
        /// Who.
        user: ResponderId,
        /// Only instead of somebody, while they are on duty; instead of everybody, when `None`.
        from: Option<ResponderId>,
        /// Why; may be empty.
        reason: String,
    },
    /// Somebody else shall have my duty: the first who accepts.
    Cover {
        /// The schedule.
        schedule: String,
        /// When.
        span: Span,
        /// Why; may be empty.
        reason: String,
    },
    /// I take a request for cover, or a part of it.
    Accept {
        /// The request's number.
        number: u64,
        /// The part; all that is open, when `None`.
        part: Option<Span>,
    },
    /// My next shift for somebody's next one.
    Swap {
        /// The schedule.
        schedule: String,
        /// With whom.
        with: ResponderId,
        /// Why; may be empty.
        reason: String,
    },
    /// Yes to a swap.
    Agree {
        /// The swap's number.
        number: u64,
    },
    /// An override, a request, a swap or a taken cover shall count no more.
    Cancel {
        /// Its number.
        number: u64,
    },
}

/// Why a wish became nothing. The words are for whoever wished.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WishRefused {
    /// There is no such schedule.
    #[error(transparent)]
    Unknown(#[from] UnknownSchedule),
    /// It is over, and the past stays as it was.
    #[error("that time is over; what was, stays as it was")]
    Over,
    /// Too long for a change by hand.
    #[error("that is longer than {} days; for so long edit the rota's files", CHANGED_MAX.num_days())]
    TooLong,
    /// Who should be relieved has no duty then.
    #[error("{0} is not on call on that schedule in that time")]
    NotOnDuty(ResponderId),
    /// Nobody of that name.
    #[error("{0} is not in the rota")]
    NotInRota(ResponderId),
    /// One of the two has no shift that could be swapped.
    #[error("{0} has no whole shift on that schedule in the next {weeks} weeks", weeks = SWAP_SEARCH.num_weeks())]
    NoShift(ResponderId),
    /// Swapping with oneself.
    #[error("a swap takes two")]
    Alone,
    /// Both are on duty at the same time.
    #[error("your next shifts share some time, so there is nothing to swap")]
    Together,
    /// The shift of a swap is not that person's any more.
    #[error("the shift that {0} gives is not theirs as it was; offer the swap anew")]
    Moved(ResponderId),
    /// It came from a request or a swap.
    #[error(
        "that came from #{0}: a swap is cancelled as #{0}; who took cover asks for cover in turn, or says who has it"
    )]
    Of(u64),
    /// The duty that a request is about has moved.
    #[error("{0} is not on call then any more as it was; {0} has to ask anew")]
    Changed(ResponderId),
    /// There is nothing with that number.
    #[error("there is no change number {0}; `oncall week` shows those that count")]
    NoSuchNumber(u64),
    /// Somebody else has to say so.
    #[error("only {0} can answer that")]
    NotYours(ResponderId),
    /// It was answered.
    #[error("that swap was answered already")]
    Answered,
    /// One of the shifts has begun.
    #[error("one of the two shifts has begun; `oncall override` changes what is left of it")]
    Begun,
    /// See [`AskRefused`].
    #[error(transparent)]
    Ask(#[from] AskRefused),
    /// See [`CoverRefused`].
    #[error(transparent)]
    Cover(#[from] CoverRefused),
}

impl Book {
    /// What the wish of `who` becomes.
    ///
    /// # Errors
    /// [`WishRefused`].
    pub fn decide(
        &self,
        rota: &Rota,
        who: &ResponderId,
        wish: &Wish,
        at: DateTime<Utc>,
    ) -> Result<BookEvent, WishRefused> {
        match wish {
            Wish::Override { schedule, span, user, from, reason } => {
                let change = match from {
                    Some(from) => Change::ReplaceUser { from: from.clone(), to: user.clone() },
                    None => Change::ReplaceAll { users: vec![user.clone()] },
                };
                if !rota.is_responder(user) {
                    return Err(WishRefused::NotInRota(user.clone()));
                }
                self.override_with(rota, who, schedule, *span, change, reason, at)
            }
            Wish::Cover { span, .. } if span.end - span.start.max(at) > CHANGED_MAX => Err(WishRefused::TooLong),
            Wish::Cover { schedule, span, reason } => {
                let asked = ask_for_cover(rota, schedule, &self.operations(), who, *span, &short(reason), at)?;
                Ok(BookEvent::CoverAsked { number: self.numbers + 1, asked })
            }
            Wish::Accept { number, part } => self.accept(rota, who, *number, *part, at),
            Wish::Swap { schedule, with, reason } => self.propose(rota, who, schedule, with, reason, at),
            Wish::Agree { number } => self.answer_swap(rota, who, *number, at),
            Wish::Cancel { number } => self.cancel(who, *number, at),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one wish")]
    fn override_with(
        &self,
        rota: &Rota,
        who: &ResponderId,
        schedule: &str,
        span: Span,
        change: Change,
        reason: &str,
        at: DateTime<Utc>,
    ) -> Result<BookEvent, WishRefused> {
        rota.schedule(schedule)?;
        let operations = self.operations();
        let start = span.start.max(at);
        if span.end <= start {
            return Err(WishRefused::Over);
        }
        if span.end - start > CHANGED_MAX {
            return Err(WishRefused::TooLong);
        }
        if let Change::ReplaceUser { from, .. } = &change {
            let segments = final_schedule(rota, schedule, &operations, start, span.end)?;
            if !segments.iter().any(|segment| segment.on_duty.contains(&from)) {
                return Err(WishRefused::NotOnDuty(from.clone()));
            }
        }
        let operation = Operation {
            number: self.numbers + 1,
            schedule: schedule.to_owned(),
            start,
            end: span.end,
            change,
            by: who.clone(),
            reason: short(reason),
        };
        Ok(BookEvent::Overridden { operation })
    }

    fn accept(
        &self,
        rota: &Rota,
        who: &ResponderId,
        number: u64,
        part: Option<Span>,
        at: DateTime<Utc>,
    ) -> Result<BookEvent, WishRefused> {
        let request = self.request(number).ok_or(WishRefused::NoSuchNumber(number))?;
        let spans = request.spans();
        let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
            return Err(WishRefused::NoSuchNumber(number));
        };
        let operations = self.operations();
        if let Standing::Moved { .. } = request.standing(rota, &operations, at)? {
            return Err(WishRefused::Changed(request.asked.asker.clone()));
        }
        let segments = final_schedule(rota, &request.asked.schedule, &operations, first.start, last.end)?;
        let on_duty = shifts(&segments).remove(who).unwrap_or_default();
        let happened = request.decide(&CoverCommand::Accept { taker: who.clone(), part, on_duty }, at)?;
        Ok(BookEvent::Cover { number, happened })
    }

    fn propose(
        &self,
        rota: &Rota,
        who: &ResponderId,
        schedule: &str,
        with: &ResponderId,
        reason: &str,
        at: DateTime<Utc>,
    ) -> Result<BookEvent, WishRefused> {
        if who == with {
            return Err(WishRefused::Alone);
        }
        if !rota.is_responder(with) {
            return Err(WishRefused::NotInRota(with.clone()));
        }
        let operations = self.operations();
        // From a little before, so that a shift that runs is seen whole and left out.
        let segments = final_schedule(rota, schedule, &operations, at - TimeDelta::weeks(1), at + SWAP_SEARCH)?;
        let shifts = shifts(&segments);
        let next = |person: &ResponderId| {
            let own = shifts.get(person).into_iter().flatten();
            own.copied().find(|shift| shift.start > at && shift.end < at + SWAP_SEARCH)
        };
        let given = next(who).ok_or_else(|| WishRefused::NoShift(who.clone()))?;
        let taken = next(with).ok_or_else(|| WishRefused::NoShift(with.clone()))?;
        if given.start < taken.end && taken.start < given.end {
            return Err(WishRefused::Together);
        }
        let swap = Swap {
            schedule: schedule.to_owned(),
            by: who.clone(),
            with: with.clone(),
            given,
            taken,
            reason: short(reason),
        };
        Ok(BookEvent::SwapProposed { number: self.numbers + 1, swap })
    }

    fn answer_swap(
        &self,
        rota: &Rota,
        who: &ResponderId,
        number: u64,
        at: DateTime<Utc>,
    ) -> Result<BookEvent, WishRefused> {
        let (swap, state) = self.swap(number).ok_or(WishRefused::NoSuchNumber(number))?;
        if swap.with != *who {
            return Err(WishRefused::NotYours(swap.with.clone()));
        }
        if state != SwapState::Open {
            return Err(WishRefused::Answered);
        }
        if swap.given.start.min(swap.taken.start) <= at {
            return Err(WishRefused::Begun);
        }
        for (person, span) in [(&swap.by, swap.given), (&swap.with, swap.taken)] {
            let operations = self.operations();
            let segments = final_schedule(rota, &swap.schedule, &operations, span.start, span.end)?;
            if shifts(&segments).get(person).is_none_or(|own| *own != [span]) {
                return Err(WishRefused::Moved(person.clone()));
            }
        }
        Ok(BookEvent::SwapAgreed { number })
    }

    /// Requests are the asker's to cancel, swaps either's; whatever changes a duty, anybody of the rota may take back, since
    /// everybody sees who did.
    fn cancel(&self, who: &ResponderId, number: u64, at: DateTime<Utc>) -> Result<BookEvent, WishRefused> {
        if let Some(request) = self.request(number) {
            let happened = request.decide(&CoverCommand::Cancel { by: who.clone() }, at)?;
            return Ok(BookEvent::Cover { number, happened });
        }
        if let Some((swap, state)) = self.swap(number) {
            if *who != swap.by && *who != swap.with {
                return Err(WishRefused::NotYours(swap.by.clone()));
            }
            if state == SwapState::Closed {
                return Err(WishRefused::Answered);
            }
            if state == SwapState::Agreed && swap.given.start.min(swap.taken.start) <= at {
                return Err(WishRefused::Begun);
            }
            return Ok(BookEvent::SwapClosed { number, by: who.clone() });
        }
        let held = self.operations.iter().find(|held| held.operation.number == number);
        let Held { operation, of } = held.ok_or(WishRefused::NoSuchNumber(number))?;
        if let Some(of) = of {
            return Err(WishRefused::Of(*of));
        }
        if operation.end <= at {
            return Err(WishRefused::Over);
        }
        Ok(BookEvent::OperationCancelled { number, by: who.clone() })
    }
}

fn short(reason: &str) -> String {
    reason.trim().chars().take(REASON_CHARS_MAX).collect()
}
