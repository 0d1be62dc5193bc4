//! A seeded simulator: one process life after the other over a store, a Slack, sources and people that misbehave as the
//! seed says, in virtual time and in one thread; then everything that must hold is checked.
//!
//! The process is the real `catops::flow`, its outbox included. Not simulated: the HTTP doors, SQLite (the contract's own
//! machine does that), runners that reach something, the index (its library is empty).
//! `cargo run --release -p tests --bin simulate -- --seeds 1000000`; `--seed N` shows one night.
#![expect(missing_docs, reason = "test support: names say it")]

mod chat;
mod check;
mod dice;
pub mod directed;
mod life;
mod script;
mod silences;
mod store;
mod watch;
mod world;

pub use script::Wish;

use chrono::{DateTime, Utc};
use log::MemoryLog;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use world::World;

/// What came of one seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Night {
    pub seed: u64,
    /// Time, actor, what.
    pub transcript: Vec<String>,
    /// What must not be; empty after a good night.
    pub violations: Vec<String>,
}

impl Night {
    /// The same seed gives the same number.
    pub fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.transcript.hash(&mut hasher);
        hasher.finish()
    }

    /// The seed, what is wrong, and the last lines that led there.
    pub fn report(&self, lines: usize) -> String {
        let from = self.transcript.len().saturating_sub(lines);
        let told = self.transcript[from..].join("\n");
        format!(
            "seed {}:\n{}\n{told}\n`simulate --seed {}` repeats it",
            self.seed,
            self.violations.join("\n"),
            self.seed
        )
    }
}

/// Simulates one night.
pub fn night(seed: u64) -> Night {
    let world = Arc::new(World::new(seed));
    let troubles_end = script::write(&mut world.get());
    lived(seed, &world, &Arc::new(MemoryLog::new()), troubles_end)
}

/// Lives through a night whose script is written, and checks it.
fn lived(seed: u64, world: &Arc<World>, truth: &Arc<MemoryLog>, troubles_end: DateTime<Utc>) -> Night {
    life::all(world, truth, troubles_end);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime needs nothing from the machine").block_on(check::night(world, truth));
    let state = world.get();
    Night { seed, transcript: state.transcript.clone(), violations: state.violations.iter().cloned().collect() }
}

/// Simulates a range of seeds on a few threads; the nights that went wrong, the lowest seeds first.
pub fn nights(first: u64, count: u64, threads: u64) -> Vec<Night> {
    let threads = threads.max(1);
    let mut bad: Vec<Night> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                let seeds = (first..first + count).skip(usize::try_from(worker).unwrap_or(0));
                let seeds = seeds.step_by(usize::try_from(threads).unwrap_or(1));
                scope.spawn(move || seeds.map(night).filter(|night| !night.violations.is_empty()).take(20).collect())
            })
            .collect();
        let ended = workers.into_iter().map(|worker| worker.join());
        ended.flat_map(|nights: std::thread::Result<Vec<Night>>| nights.expect("a night does not panic")).collect()
    });
    bad.sort_by_key(|night| night.seed);
    bad
}
