//! The one flow: load, decide, append, react, perform. The shell around the pure core; it never decides anything itself.

pub mod act;
pub mod change;
pub mod names;
pub mod notify;
pub mod outbox;
pub mod perform;
pub mod post;
pub mod receive;
pub mod run;
pub mod triage;
