//! One integration binary for the whole workspace. Each file is one subject.

mod audit;
mod clicks;
mod events;
mod kill;
mod outbox;
mod serve;
mod sources;
mod tidy;
