//! Who is on call at an instant, and why.
//!
//! Pure: no clock, no environment, no randomness, no I/O. Time is an argument; the changes that people make by hand are
//! events kept elsewhere and passed in as [`Operation`]s. Files become a [`Rota`] by [`Rota::parse`]; [`on_call`],
//! [`final_schedule`] and [`targets`] ask it.
//!
//! The rules have letters: L wall time to instant (`zone`), R turns (`grid`), W hours (`window`), M who joins and who leaves
//! (`membership`), P layers (`schedule`), V versions (`succession`), O and T operations (`operation`).

mod book;
pub mod calendar;
mod cover;
mod escalation;
mod gaps;
mod grid;
mod holiday;
pub mod import;
mod ledger;
mod membership;
mod natural;
mod nearest;
mod night;
mod notify;
mod on_call;
mod operation;
mod parse;
mod picture;
mod place;
mod preview;
mod quality;
mod replay;
mod rota;
mod rotation;
mod schedule;
mod sentence;
mod shifts;
mod span;
mod succession;
mod sweep;
mod ticks;
mod told;
mod warnings;
mod when;
mod window;
mod zone;

#[cfg(test)]
mod peers;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod sample;

pub use book::{Book, BookEvent, Swap, SwapState, Wish, WishRefused};
pub use cover::{
    AskRefused, Asked, AskedPart, AskedTurn, Away, Candidate, CoverCommand, CoverEvent, CoverRefused, CoverRequest,
    CoverState, REMINDERS_BEFORE, Reminded, Reminder, Standing, Take, ask_for_cover, reminder_due, reminders,
    whom_to_ask,
};
pub use escalation::{Level, Policy, Target, matches, policy_for, targets};
pub use gaps::gaps;
pub use grid::{Every, Grid, NoGrid, Unit};
pub use holiday::{Holiday, OnHolidays};
pub use ledger::{Clocks, Facts, Ledger, Load, Paged, ledger};
pub use membership::{Membership, Rollout};
pub use natural::{SpanProblem, SpokenSpan, UnreadableSpan};
pub use notify::{Rule, Rules, Way};
pub use on_call::{
    Next, OnCall, Reason, SEARCH_PIECES_MAX, Segment, everywhere, final_schedule, on_call, on_duty, people_on_duty,
};
pub use operation::{Change, Fallback, Operation, TemporaryShift};
pub use parse::Problem;
pub use picture::{Weeks, picture, picture_svg};
pub use place::Place;
pub use preview::{Handed, Move, PersonPreview, Preview, Side, preview};
pub use quality::{Measure, Part, Proposal, QUALITY_WEEKS, Quality, Suggestion, quality};
pub use replay::{Elsewhere, Paging, PastPage, Replay, Woken, replay};
pub use rota::{Person, Rota, UnknownSchedule};
pub use rotation::{Group, Role, Rotation};
pub use schedule::{Layer, Schedule, Secondary, Turn};
pub use shifts::shifts;
pub use span::Span;
pub use sweep::People;
pub use when::{UnreadableTime, When};
pub use window::{MonthDays, Window};
pub use zone::{Occurrence, Zone};
