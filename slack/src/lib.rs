//! Slack: verify, read, write, post; and a local Slack for trying and testing.
//!
//! Everything that knows Slack's wire lives here and leaves as plain structs. Decisions are `incident`'s, the clock is the
//! caller's. No payload leaves without passing [`limits`], and no foreign text without passing [`escape`].

pub mod answer;
pub mod blocks;
pub mod card;
pub mod client;
pub mod command;
pub mod digest;
pub mod escape;
pub mod form;
pub mod handoff;
pub mod limits;
pub mod manifest;
pub mod read;
pub mod rota;
mod secret;
pub mod sim;
pub mod topic;
pub mod value;
pub mod verify;

pub use secret::Secret;
