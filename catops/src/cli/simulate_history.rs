//! `catops simulate-history`: a data folder with an invented history, to try `backtest` and `coverage` on.

use super::progress::Bar;
use super::read::block_on;
use super::tried;
use crate::clock;
use crate::config::starter;
use crate::history::{Wish, invent};
use crate::store::Data;
use crate::transfer;
use anyhow::{Context, Result, bail};
use log::MemoryLog;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The data folder that is made; it must not hold a log.
    #[arg(long)]
    data: Data,
    /// The configuration whose runbooks, actions and people are used; without it the starter's, written to DATA/config.
    #[arg(long)]
    config: Option<PathBuf>,
    /// How many incidents.
    #[arg(long, default_value_t = 1000)]
    incidents: usize,
    /// Over how many days, until now.
    #[arg(long, default_value_t = 180)]
    days: u32,
    /// How many edits of runbooks, so that `backtest` has old ones to rank by.
    #[arg(long, default_value_t = 0)]
    edits: usize,
    /// The same seed makes the same nights.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    // Built in memory and put into its place at once: thousands of commits to a disk would take minutes.
    let (made, target) = (MemoryLog::new(), block_on(args.data.open())?);
    let events = block_on(async { Ok(target.stats().await?.events) })?;
    if events > 0 {
        bail!("{} holds {events} events already; an invented history goes into an empty place", args.data);
    }
    let config = config(args)?;
    let tried = tried::read(&config, None)?;
    let runbooks = index::scan_dir(&tried.setup.runbooks()).files;
    let Args { incidents, days, edits, seed, .. } = *args;
    let wish = Wish { incidents, days, until: clock::now(), edits, seed };
    let bar = Bar::new("incidents");
    block_on(async {
        let progress = |done| bar.at(done as u64, incidents as u64);
        invent(&made, &tried.setup, &tried.library, &runbooks, wish, progress).await?;
        let (lines, _) = transfer::export(&made, Vec::new(), |_, _| {}).await?;
        transfer::import(&*target, lines.as_slice(), |_, _| {}).await?;
        Ok(())
    })?;
    bar.end();
    println!("{} invented incidents of {} days are in {}", args.incidents, args.days, args.data);
    println!("next: catops backtest --data {} --config {}", args.data, config.display());
    Ok(ExitCode::SUCCESS)
}

/// The configuration that was named, or the starter's, which is left beside the data for the commands that come next.
fn config(args: &Args) -> Result<PathBuf> {
    match (&args.config, args.data.folder()) {
        (Some(config), _) => Ok(config.clone()),
        (None, None) => bail!("--config names the configuration whose runbooks and actions are used"),
        (None, Some(folder)) => {
            let config = folder.join("config");
            if !config.exists() {
                starter::write(&config).context("writing the starter configuration; --config names another")?;
            }
            Ok(config)
        }
    }
}
