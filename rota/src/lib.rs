//! Who is on call at an instant, and why.
//!
//! Pure: no clock, no environment, no randomness, no I/O. Time is an argument; the changes that people make by hand are
//! events kept elsewhere and passed in as [`Operation`]s. Files become a [`Rota`] by [`Rota::parse`]; [`on_call`],
//! [`final_schedule`] and [`targets`] ask it.
//!
//! The rules have letters: L wall time to instant (`zone`), R turns (`rotation`), W hours (`window`), P and V layers
//! (`schedule`), O operations (`operation`).

pub mod import;

mod escalation;
mod nearest;
mod on_call;
mod operation;
mod parse;
mod rota;
mod rotation;
mod schedule;
mod sentence;
mod span;
mod when;
mod window;
mod zone;

#[cfg(test)]
mod properties;

pub use escalation::{Level, Policy, Target, matches, policy_for, targets};
pub use on_call::{Next, OnCall, Reason, SEARCH_PIECES_MAX, Segment, final_schedule, on_call, on_duty};
pub use operation::{Change, Operation};
pub use parse::Problem;
pub use rota::{Person, Rota, UnknownSchedule};
pub use rotation::{Every, Rotation, Unit};
pub use schedule::{Layer, Schedule, Turn};
pub use span::Span;
pub use when::{UnreadableTime, When};
pub use window::Window;
pub use zone::{Occurrence, Zone};
