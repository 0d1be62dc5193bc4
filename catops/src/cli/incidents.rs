//! `catops incidents`: what is open, newest first.

use super::read::{DataArgs, Reader, block_on};
use crate::entry::api::Summary;
use crate::flow::names;
use anyhow::Result;
use incident::{FOLD, Incident, Status};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// Those that are over instead of those that are open.
    #[arg(long)]
    resolved: bool,
    /// How many.
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let reader = Reader::open(&args.data.data)?;
    let incidents = block_on(list(&reader, args))?;
    if args.data.json {
        let summaries: Vec<Summary> = incidents.iter().map(Summary::from).collect();
        println!("{}", serde_json::to_string_pretty(&summaries)?);
        return Ok(ExitCode::SUCCESS);
    }
    if incidents.is_empty() {
        println!("{}", if args.resolved { "no incident has ended yet" } else { "nothing is open" });
    }
    for incident in &incidents {
        print_line(&reader, incident);
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(reader: &Reader, args: &Args) -> Result<Vec<Incident>> {
    let listing = if args.resolved { names::RESOLVED } else { names::OPEN };
    let roll = reader.log().list(listing, None, args.limit).await?;
    let mut incidents = Vec::new();
    for listed in roll.streams {
        let Some(id) = names::incident_of(&listed.id) else { continue };
        let snapshot = (listed.stream.head.fold == FOLD)
            .then(|| serde_json::from_slice(&listed.stream.head.snapshot).ok())
            .flatten();
        incidents.push(match snapshot {
            Some(incident) => incident,
            None => reader.events(id).await?.0,
        });
    }
    Ok(incidents)
}

fn print_line(reader: &Reader, incident: &Incident) {
    let status = match incident.status {
        Status::Open => "OPEN",
        Status::Acknowledged => "ACKNOWLEDGED",
        Status::Resolved => "RESOLVED",
    };
    let owners: Vec<String> = incident.owners.iter().map(|owner| reader.name(owner)).collect();
    let owners = if owners.is_empty() { "nobody".to_owned() } else { owners.join(", ") };
    let opened = incident.opened_at.format("%d %b %H:%M UTC");
    println!(
        "{:<8} {:<5} {status:<12} {opened}  {}  [{owners}, fired {}x]",
        incident.id.to_string(),
        incident.severity.label(),
        incident.alarm.title,
        incident.fired
    );
}
