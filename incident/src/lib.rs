//! The vocabulary and the life of an incident: alarm, events, fold, decide, react, timeline.
//!
//! Pure: no clock, no environment, no randomness, no I/O. Time is an argument, ids are passed in, effects are data.

pub mod action;
mod alarm;
mod id;
mod suggestion;

pub use alarm::{Alarm, AlarmState, Link, Severity};
pub use id::{ActionId, AlarmKey, BadIncidentId, DeliveryId, IncidentId, ResponderId, RunId, RunbookId};
pub use suggestion::{ActionRecord, Strength, Suggestion};
