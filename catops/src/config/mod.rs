//! The configuration: a folder of files in git, read as a whole and checked as a whole.
//! The only place that reads the environment. It never writes and never opens a socket.

pub mod calendars;
pub mod drill;
pub mod file;
pub mod lint;
pub mod secret;
pub mod setup;
pub mod sources;
pub mod starter;
pub mod throttle;

pub use file::Config;
pub use setup::{Files, Problem, Reading, Setup};
