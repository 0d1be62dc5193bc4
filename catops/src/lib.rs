//! CatOps, the executable's library: configuration, composition, the flow's shell, the doors, runners, the demo.
//! The rules live in the pure crates; here is everything that touches the world.

pub mod action;
pub mod anchor;
pub mod app;
pub mod audit;
#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "aws")]
mod aws_failure;
pub mod backtest;
pub mod calendar;
pub mod cli;
pub mod clock;
pub mod config;
#[cfg_attr(not(feature = "aws"), path = "no_context.rs")]
pub mod context;
pub mod coverage;
pub mod demo;
pub mod deploy;
#[cfg(feature = "aws")]
pub mod doctor;
pub mod drills;
pub mod entry;
#[cfg(feature = "fail_points")]
pub mod fail_point;
pub mod flow;
pub mod heard;
pub mod history;
pub mod library;
pub mod logging;
pub mod metrics;
pub mod oncall;
pub mod page;
pub mod paged;
pub mod past;
pub mod probe;
pub mod runbooks;
pub mod runbooks_then;
pub mod seed;
pub mod silence;
pub mod slack_side;
pub mod sns_certificate;
pub mod start;
pub mod store;
pub mod surface;
pub mod transfer;
pub mod typed;
pub mod uptime;
pub mod verify;
pub mod watchdog;
pub mod whynot;
