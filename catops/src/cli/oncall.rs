//! `catops oncall`: who is on call, until when, and why. Changes that people made lie in the log, so it asks for the data.

use super::read::{Reader, block_on};
use crate::config::Setup;
use crate::flow::triage;
use crate::store::Data;
use anyhow::{Context, Result, bail};
use rota::{Operation, When};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this schedule.
    schedule: Option<String>,
    /// The configuration folder.
    #[arg(long, default_value = ".")]
    config: PathBuf,
    /// The data folder of `catops serve` or `catops demo`: then the changes that people made are counted.
    #[arg(long, env = "CATOPS_DATA")]
    data: Option<Data>,
    /// At this time instead of now: "18:00", "tomorrow 09:00", "mon 09:00", "2026-12-24 08:00" of the schedule's zone,
    /// or 2026-11-23T03:00:00Z.
    #[arg(long)]
    at: Option<String>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let reading = Setup::read(&args.config);
    let Some(setup) = reading.setup else {
        bail!("{} cannot be used; `catops lint {}` says why", args.config.display(), args.config.display());
    };
    let now = crate::clock::now();
    let zone = setup.rota.zone_of(args.schedule.as_deref());
    let asked = args.at.as_ref().map(|typed| When::parse(typed, &zone, now)).transpose()?;
    let at = asked.as_ref().map_or(now, |when| when.at);
    let operations = operations(args.data.as_ref())?;
    let mut answers = Vec::new();
    for schedule in setup.rota.schedules.values() {
        if args.schedule.as_ref().is_none_or(|wanted| wanted == &schedule.name) {
            answers.push((schedule.name.clone(), rota::on_call(&setup.rota, &schedule.name, &operations, at)?));
        }
    }
    if let (Some(wanted), true) = (&args.schedule, answers.is_empty()) {
        let known: Vec<&str> = setup.rota.schedules.values().map(|schedule| schedule.name.as_str()).collect();
        bail!("there is no schedule \"{wanted}\"; there are {}", known.join(", "));
    }
    if args.json {
        let answers: Vec<_> = answers
            .iter()
            .map(|(name, now)| json!({ "schedule": name, "at": at, "on_duty": now.on_duty, "since": now.since, "until": now.until, "because": now.because }))
            .collect();
        println!("{}", serde_json::to_string_pretty(&answers).context("printing")?);
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(when) = asked {
        println!("At {when}:");
    }
    for (name, now) in answers {
        let people: Vec<String> = now
            .on_duty
            .iter()
            .map(|id| setup.rota.person(id).map_or_else(|| id.0.clone(), |person| person.name.clone()))
            .collect();
        let people = if people.is_empty() { "nobody".to_owned() } else { people.join(", ") };
        let until =
            now.until.map_or_else(String::new, |until| format!(" until {}", until.format("%a %d %b %H:%M UTC")));
        println!("{name}: {people}{until}\n  because {}", now.because);
    }
    Ok(ExitCode::SUCCESS)
}

/// The changes that people made to the schedules; none when no data folder is named.
fn operations(data: Option<&Data>) -> Result<Vec<Operation>> {
    let Some(data) = data else { return Ok(Vec::new()) };
    let reader = Reader::open(data)?;
    block_on(async { triage::operations(reader.log()).await.context("reading the changes of the schedules") })
}
