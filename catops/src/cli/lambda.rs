//! `catops lambda ROLE`: what a Lambda function runs. Without a role it is the function's handler.

use crate::entry::lambda::{Role, start};
use anyhow::Result;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What the function is for.
    role: Role,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    start(args.role)?;
    Ok(ExitCode::SUCCESS)
}
