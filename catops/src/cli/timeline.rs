//! `catops timeline INC-1`: the whole night, readable.

use super::read::{DataArgs, Reader, block_on};
use anyhow::Result;
use incident::IncidentId;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which incident: INC-42 or 42.
    incident: IncidentId,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let reader = Reader::open(&args.data.data)?;
    let (incident, events) = block_on(reader.events(args.incident))?;
    let lines = incident::timeline(&incident, &events, |who| reader.name(who));
    if args.data.json {
        println!("{}", serde_json::to_string_pretty(&lines)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}  {}  ({})", incident.id, incident.alarm.title, incident.alarm.key);
    for line in lines {
        println!("{}  {:>3}  {}", line.at.format("%Y-%m-%d %H:%M:%S UTC"), line.seq, line.text);
    }
    Ok(ExitCode::SUCCESS)
}
