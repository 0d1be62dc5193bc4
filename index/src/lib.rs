//! Runbooks: read from Markdown, kept in a small tantivy index, in memory or baked into a folder, and ranked for an alarm.
//!
//! It reads files only in [`scan_dir`] and [`rank_file`]; it watches nothing, runs nothing, and knows no clock.
//! The numbers behind the order come from `weights.toml` beside this crate's manifest.

mod agreements;
mod alarm_text;
mod baked;
mod confidence;
mod engine;
mod front_matter;
mod library;
mod names;
mod part;
mod passage;
mod patterns;
mod promql;
mod rank;
mod runbook;
mod scan;
mod search;
mod segment;
mod segment_writer;
mod snippet;
mod synonyms;
mod titles;
mod units;
mod weights;
mod words;
mod written;

pub use baked::BakeFailed;
pub use library::{Change, IndexFailed, Library, Reload, digest_of};
pub use rank::{RankFailed, Ranked, rank_file, read_alarms, read_runbooks};
pub use runbook::{Problem, Runbook, Section};
pub use scan::{RunbookFile, Scan, scan_dir};
pub use search::{Hit, Match};
pub use snippet::Snippet;
pub use weights::Weights;

#[cfg(test)]
mod tests;
