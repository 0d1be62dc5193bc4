//! `catops similar INC-1`: past incidents that looked like it, and what ended them.

use super::read::{IncidentArgs, block_on};
use crate::past::Past;
use anyhow::Result;
use std::process::ExitCode;

/// How many are shown.
const SHOWN: usize = 5;

pub(super) fn run(args: &IncidentArgs) -> Result<ExitCode> {
    let (reader, incident, _) = args.read()?;
    let past = Past::default();
    let found = block_on(past.similar(reader.log(), &incident, SHOWN, |who| reader.name(who)))?;
    if args.data.json {
        println!("{}", serde_json::to_string_pretty(&found)?);
        return Ok(ExitCode::SUCCESS);
    }
    if found.is_empty() {
        println!("nothing that is over looked like {}: {}", incident.id, incident.alarm.title);
    }
    for similar in found {
        println!("{}  {}  {}", similar.incident, similar.ended_at.format("%Y-%m-%d %H:%M UTC"), similar.title);
        println!(
            "   {}; shares {} % of its words: {}",
            similar.ended,
            (similar.explained * 100.0).round(),
            similar.shares.join(", ")
        );
    }
    Ok(ExitCode::SUCCESS)
}
