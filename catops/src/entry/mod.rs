//! The doors: bytes come in here, are checked, and are handed on. Nothing is decided here.

pub mod acknowledge;
pub mod api;
pub mod calendar;
mod caller;
pub mod connections;
pub mod console;
pub mod drills;
pub mod hooks;
#[cfg(feature = "aws")]
pub mod lambda;
pub mod serve;
pub mod silences;
pub mod slack;
