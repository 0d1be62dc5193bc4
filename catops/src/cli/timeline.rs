//! `catops timeline INC-1`: the whole night, readable.

use super::read::IncidentArgs;
use anyhow::Result;
use std::process::ExitCode;

pub(super) fn run(args: &IncidentArgs) -> Result<ExitCode> {
    let (reader, incident, events) = args.read()?;
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
