//! One integration binary for the whole workspace. Each file is one subject.

mod asked;
mod asking;
mod audit;
mod backtest;
mod calendars;
#[cfg(feature = "aws")]
mod cbor;
mod clicks;
mod connections;
mod context;
mod cover;
mod coverage;
mod deploy;
mod digest;
mod disk;
#[cfg(feature = "aws")]
mod doctor;
mod drills;
mod events;
mod export;
mod fetched;
mod handoffs;
mod kill;
mod learning;
mod living_calendars;
mod manifest;
mod outbox;
mod paging;
#[cfg(feature = "aws")]
mod parity;
mod past;
mod receiver;
mod rota;
mod serve;
mod silences;
mod simulated;
mod sources;
mod switch;
mod throttle;
mod tidy;
mod told;
#[cfg(feature = "aws")]
mod units;
mod whynot;
