//! One integration binary for the whole workspace. Each file is one subject.

mod clicks;
mod events;
mod kill;
mod outbox;
mod serve;
mod simulated;
mod sources;
mod tidy;
