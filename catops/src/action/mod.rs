//! Runs what was planned, once, and says how it ended. It never decides whether something may run, never repeats a run
//! and never puts a secret into what it says.
//!
//! `http` calls an allow-listed host, `command` starts a program of this machine, `dry_run` says what would happen.

mod command;
mod detail;
mod dry_run;
pub mod guard;
pub(crate) mod http;
pub(crate) mod reach;
#[cfg(test)]
mod tests;

use crate::clock;
use incident::RunOutcome;
use incident::action::Plan;
use std::time::Duration;
use tokio::sync::watch;

/// What a run needs beside its plan.
pub struct RunContext<'a> {
    /// The run, told to the program or the host: `run-42-3`.
    pub run_id: String,
    /// The incident, told to the program.
    pub incident: String,
    /// Who asked for it, told to the program.
    pub by: String,
    /// The run is ended after this long.
    pub timeout: Duration,
    /// The same for every attempt of this run, sent as `Idempotency-Key`.
    pub idempotency_key: String,
    /// Hosts that may be called: `ops.example.com`, `*.example.com`, `http://10.0.0.5:8080`.
    pub allow_hosts: &'a [String],
    /// Private addresses that may be called: `127.0.0.1:8080`, `10.0.0.5`, `10.1.0.0/16`.
    pub allow_private: &'a [String],
    /// Looks a variable up.
    pub env: &'a (dyn Fn(&str) -> Option<String> + Send + Sync),
    /// Turns true when somebody wants the run stopped.
    pub stopped: watch::Receiver<bool>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// In one word.
    pub outcome: RunOutcome,
    /// What a person reads: at most [`DETAIL_BYTES_MAX`] bytes, secrets masked, nothing invisible.
    pub detail: String,
    /// From the start to the end, in milliseconds.
    pub duration_ms: u64,
}

/// Longest detail: a Slack section takes 3,000 characters, the timeline a little more.
pub const DETAIL_BYTES_MAX: usize = 4096;

/// Runs a plan to its end. A run that was stopped before it began does nothing.
pub async fn run(plan: &Plan, context: RunContext<'_>) -> Finished {
    let start = clock::mark();
    let ending = if *context.stopped.borrow() {
        Ending {
            outcome: RunOutcome::Stopped,
            says: "stopped before it began; nothing was run".to_owned(),
            secrets: Vec::new(),
        }
    } else {
        match plan {
            Plan::Http { method, url, headers, body, expect } => {
                let call = http::Call { method, url, headers, body: body.as_ref(), expect: *expect };
                http::run(&call, context).await
            }
            Plan::Command { argv, env } => command::run(argv, env, context).await,
            Plan::DryRun { says } => dry_run::run(says),
        }
    };
    Finished {
        outcome: ending.outcome,
        detail: detail::bounded(&detail::masked(&ending.says, &ending.secrets), DETAIL_BYTES_MAX),
        duration_ms: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

/// What a runner says, before it is made fit to be shown.
struct Ending {
    outcome: RunOutcome,
    says: String,
    /// The secrets that this run was given; masked wherever they turn up.
    secrets: Vec<String>,
}

/// Returns when a stop is asked for, and never when nobody can ask any more.
async fn stop_asked(stopped: &mut watch::Receiver<bool>) {
    if stopped.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}
