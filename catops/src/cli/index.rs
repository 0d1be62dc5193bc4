//! `catops index build`: lays the index over a configuration's runbooks once, so that a Lambda function opens it instead of
//! reading every runbook at its start.

use crate::config::Setup;
use crate::start::{BAKED, read_runbooks};
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// Lay it out in `.index` of the configuration folder. Do it after each change, before packing; `deploy.sh` does.
    Build {
        /// The configuration folder.
        #[arg(default_value = ".")]
        config: PathBuf,
    },
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let Args::Build { config } = args;
    let Some(setup) = Setup::read(config).setup else {
        bail!("{} cannot be used; `catops lint {}` says why", config.display(), config.display());
    };
    let folder = config.join(BAKED);
    let count = read_runbooks(&setup)?.bake(&folder)?;
    println!("{count} runbooks are in {}", folder.display());
    Ok(ExitCode::SUCCESS)
}
