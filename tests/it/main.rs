//! One integration binary for the whole workspace. Each file is one subject.

mod events;
mod sources;
mod tidy;
