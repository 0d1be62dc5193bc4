//! `catops timeline INC-1`: the whole night, readable; under it what will happen if nobody acts, where the rota is known.

use super::escalation::foretold;
use super::read::{DataArgs, IncidentArgs, Reader, block_on};
use crate::config::Setup;
use crate::flow::future::{self, Foretold};
use crate::flow::{triage, versions};
use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use incident::Incident;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    incident: IncidentArgs,
    /// The configuration folder: then what will happen if nobody acts is told, too. The demo's is found beside its data.
    #[arg(long)]
    config: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let (reader, incident, events) = args.incident.read()?;
    let lines = incident::timeline(&incident, &events, |who| reader.name(who));
    let now = crate::clock::now();
    let ahead = ahead(args, &args.incident.data, &reader, &incident, now)?;
    if args.incident.data.json {
        let mut all: Vec<Value> = lines.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
        all.extend(ahead.iter().map(
            |next| json!({ "at": next.at, "kind": next.kind, "text": next.text, "to": next.to, "foretold": true }),
        ));
        println!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}  {}  ({})", incident.id, incident.alarm.title, incident.alarm.key);
    for line in lines {
        println!("{}  {:>3}  {}", line.at.format("%Y-%m-%d %H:%M:%S UTC"), line.seq, line.text);
    }
    if !ahead.is_empty() {
        println!("\nIf nobody acts:");
        foretold(now, &ahead).iter().for_each(|line| println!("{line}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn ahead(
    args: &Args,
    data: &DataArgs,
    reader: &Reader,
    incident: &Incident,
    now: DateTime<Utc>,
) -> Result<Vec<Foretold>> {
    let beside = data.data.folder().map(|folder| folder.join("config"));
    let found = match (&args.config, &beside) {
        (Some(config), _) => match Setup::read(config).setup {
            None => bail!("{0} cannot be used; `catops lint {0}` says why", config.display()),
            found => found,
        },
        (None, Some(beside)) => Setup::read(beside).setup,
        (None, None) => None,
    };
    let Some(mut setup) = found else { return Ok(Vec::new()) };
    let operations = block_on(async {
        versions::recall(reader.log(), &mut setup).await.context("reading the versions of the rota")?;
        triage::operations(reader.log()).await.context("reading the changes of the schedules")
    })?;
    Ok(future::foretell(&setup, incident, &operations, now, &|who| {
        setup.rota.person(who).map_or_else(|| who.0.clone(), |person| person.name.clone())
    }))
}
