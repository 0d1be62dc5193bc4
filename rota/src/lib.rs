//! Who is on call at an instant, and why.
//!
//! Pure: no clock, no environment, no randomness, no I/O. Time is an argument; the changes that people make by hand are
//! events kept elsewhere and passed in as [`Operation`]s. Files become a [`Rota`] by [`Rota::parse`]; [`on_call`],
//! [`final_schedule`] and [`targets`] ask it.
//!
//! The rules have letters: L wall time to instant (`zone`), R turns (`grid`), W hours (`window`), M who joins and who leaves
//! (`membership`), P layers (`schedule`), V versions (`succession`), O and T operations (`operation`).

mod escalation;
mod grid;
mod holiday;
mod membership;
mod nearest;
mod on_call;
mod operation;
mod parse;
mod place;
mod rota;
mod rotation;
mod schedule;
mod sentence;
mod span;
mod succession;
mod sweep;
mod ticks;
mod warnings;
mod when;
mod window;
mod zone;

#[cfg(test)]
mod peers;
#[cfg(test)]
mod properties;

pub use escalation::{Level, Policy, Target, matches, policy_for, targets};
pub use grid::{Every, Grid, NoGrid, Unit};
pub use holiday::{Holiday, OnHolidays};
pub use membership::{Membership, Rollout};
pub use on_call::{
    Next, OnCall, Reason, SEARCH_PIECES_MAX, Segment, everywhere, final_schedule, on_call, on_duty, people_on_duty,
};
pub use operation::{Change, Fallback, Operation, TemporaryShift};
pub use parse::Problem;
pub use place::Place;
pub use rota::{Person, Rota, UnknownSchedule};
pub use rotation::{Group, Role, Rotation};
pub use schedule::{Layer, Schedule, Secondary, Turn};
pub use span::Span;
pub use sweep::People;
pub use when::{UnreadableTime, When};
pub use window::{MonthDays, Window};
pub use zone::{Occurrence, Zone};
