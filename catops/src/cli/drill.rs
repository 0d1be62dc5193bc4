//! `catops drill` begins a drill at the running server; `catops drills` lists those of a log, the worst first.

use super::ask::{Server, wish_id};
use super::read::{DataArgs, Reader};
use crate::clock;
use crate::config::file::parse_duration;
use crate::drills::{Row, rows};
use crate::entry::drills::{Body, PATH};
use crate::flow::names;
use anyhow::{Context, Result, bail};
use chrono::TimeDelta;
use incident::{Drills, Event, Recorded};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Page whoever is asked for an alarm of this service.
    #[arg(long, group = "whom")]
    service: Option<String>,
    /// Page whoever is on duty on this schedule.
    #[arg(long, group = "whom")]
    schedule: Option<String>,
    /// Page this person, on duty or not.
    #[arg(long, group = "whom")]
    person: Option<String>,
    /// Page whom this policy asks, instead of the service's own.
    #[arg(long, conflicts_with_all = ["schedule", "person"])]
    policy: Option<String>,
    /// Shown to whoever is asked.
    #[arg(long, default_value = "")]
    why: String,
    /// How long an answer is waited for, from 1m to 4h.
    #[arg(long, default_value = "10m")]
    answer_within: String,
    #[command(flatten)]
    server: Server,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let body = Body {
        id: wish_id()?,
        service: args.service.clone(),
        schedule: args.schedule.clone(),
        person: args.person.clone(),
        policy: args.policy.clone(),
        why: args.why.clone(),
        answer_within: Some(args.answer_within.clone()),
    };
    let answer = match args.server.post(PATH, &body)? {
        Ok(answer) => answer,
        Err(why) => bail!("no drill began: {why}"),
    };
    let incident = answer["incident"].as_str().unwrap_or_default();
    println!("{incident} is a drill; `catops timeline {incident}` tells what is measured, `catops drills` lists all");
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    data: DataArgs,
    /// How far back, such as 90d or 12h.
    #[arg(long, default_value = "90d", value_parser = parse_duration)]
    since: TimeDelta,
}

pub(super) fn list(args: &ListArgs) -> Result<ExitCode> {
    let since = clock::now().checked_sub_signed(args.since).context("--since is too long")?;
    let reader = Reader::open(&args.data.data)?;
    let mut drills = Drills::default();
    reader.every_event(|event| {
        let Some(id) = names::incident_of(&event.stream) else { return };
        if let Ok(parsed) = serde_json::from_slice::<Event>(&event.body) {
            drills.apply(id, &Recorded { seq: event.version, at: event.at, event: parsed });
        }
    })?;
    let (rows, people) = rows(&drills.end(), since);
    if args.data.json {
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "drills": rows, "people": people }))?);
        return Ok(ExitCode::SUCCESS);
    }
    if rows.is_empty() {
        println!("no drill since {}; `catops drill` begins one", since.format("%Y-%m-%d %H:%M UTC"));
        return Ok(ExitCode::SUCCESS);
    }
    for row in &rows {
        print_row(&reader, row);
    }
    println!("\nLast answered, who has waited longest first:");
    for person in &people {
        let last = person
            .last_answered_at
            .map_or_else(|| "never".to_owned(), |at| at.format("%Y-%m-%d %H:%M UTC").to_string());
        println!("  {:<24} {last}  (answered {} of {})", reader.name(&person.person), person.answered, person.asked);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_row(reader: &Reader, row: &Row) {
    let people: Vec<String> = row.asked.iter().map(|who| reader.name(who)).collect();
    let people = if people.is_empty() { "nobody".to_owned() } else { people.join(", ") };
    let delivered = |(by, seconds): &(String, u64)| format!("{by} {seconds} s");
    let delivered: Vec<String> = row.delivered.iter().map(delivered).collect();
    let delivered = if delivered.is_empty() { "not delivered".to_owned() } else { delivered.join(", ") };
    let end = match (row.is_open, &row.answered_by, row.answered_seconds) {
        (true, ..) => "under way".to_owned(),
        (false, Some(who), Some(seconds)) => format!("answered by {} after {seconds} s", reader.name(who)),
        _ => "NOT ANSWERED".to_owned(),
    };
    let at = row.at.format("%Y-%m-%d %H:%M UTC");
    println!("{at}  {:<8} {end:<32} {people}  [{delivered}]  {}", row.incident.to_string(), row.title);
}
