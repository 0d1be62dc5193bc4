//! The demo: a small service that breaks, and a few alarms around it. Only what surrounds CatOps is played; CatOps itself
//! is the real thing, reached through its real doors.

mod folder;
mod service;
mod story;

pub use folder::{Folder, channels, write_config};
pub use service::{Shop, serve};
pub use story::play;
