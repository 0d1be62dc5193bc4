//! `catops whynot checkout`: what became of every delivery about something, and whom it asked.

use super::read::{DataArgs, Reader, block_on};
use crate::audit::parse_since;
use crate::clock;
use crate::whynot;
use anyhow::Result;
use incident::Words;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What it is about: words that all stand in an alarm's name, summary, key, source, resource, service or labels.
    #[arg(required = true)]
    words: Vec<String>,
    /// How far back: 24h, 7d, 2026-11-28T05:00:00Z.
    #[arg(long, value_name = "TIME", default_value = "24h")]
    since: String,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let since = parse_since(&args.since, clock::now()).map_err(anyhow::Error::msg)?;
    let asked = args.words.join(" ");
    let reader = Reader::open(&args.data.data)?;
    let found = block_on(async { Ok(whynot::look(reader.log(), &Words::of(&asked), since, Duration::MAX).await?) })?;
    if args.data.json {
        println!("{}", serde_json::to_string_pretty(&found)?);
    } else {
        for line in found.lines(&asked, &|who| reader.name(who)) {
            println!("{line}");
        }
    }
    Ok(ExitCode::SUCCESS)
}
