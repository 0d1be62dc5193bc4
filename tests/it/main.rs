//! One integration binary for the whole workspace. Each file is one subject.

mod clicks;
mod events;
mod kill;
mod outbox;
mod paging;
mod serve;
mod sources;
mod tidy;
