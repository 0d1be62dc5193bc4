//! `catops lambda ROLE`: what a Lambda function runs. Without a role it is the function's handler.

use super::serve::log_to_stderr;
use crate::entry::lambda::{Role, run as run_role};
use anyhow::{Context, Result};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What the function is for.
    role: Role,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    log_to_stderr("info");
    // A function has a share of one core below 1,769 MB of memory: a second thread would only wait.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting")?;
    runtime.block_on(run_role(args.role))?;
    Ok(ExitCode::SUCCESS)
}
