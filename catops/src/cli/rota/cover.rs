//! `catops rota cover`: whom to ask to take somebody's duty, the least burdened first. It asks nobody.

use crate::cli::duty;
use crate::store::Data;
use anyhow::{Context, Result};
use incident::ResponderId;
use rota::{Candidate, Clocks, CoverRequest, Rota, Span, SpokenSpan, Zone};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The schedule.
    schedule: String,
    /// When: "sat 10-14", "tomorrow 22:00-06:00", "2026-12-24 18:00 to 2026-12-26 09:00".
    when: String,
    /// Who wants to be relieved: an id such as ana, or a name.
    #[arg(long = "for", value_name = "PERSON")]
    asker: String,
    /// The configuration folder.
    #[arg(long, default_value = ".")]
    config: PathBuf,
    /// The data folder: then the changes that people made are counted.
    #[arg(long, env = "CATOPS_DATA")]
    data: Option<Data>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let (rota, operations) = duty::standing(&args.config, args.data.as_ref())?;
    let name = duty::schedules(&rota, Some(&args.schedule))?.swap_remove(0);
    let asker = person(&rota, &args.asker)?;
    let (zone, now) = (&rota.schedule(&name)?.zone, crate::clock::now());
    let spoken = SpokenSpan::parse(&args.when, zone, now)?;
    let asked = rota::ask_for_cover(&rota, &name, &operations, &asker, spoken.span, "", now)?;
    let clocks = Clocks::of(&rota, &name)?;
    let mut parts = Vec::new();
    for span in CoverRequest::new(asked).spans() {
        parts.push((span, rota::whom_to_ask(&rota, &name, &operations, &asker, span, &rota.away, &clocks)?));
    }
    if args.json {
        duty::print_json(&as_json(&rota, &name, &asker, &parts))?;
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} on {name}: {spoken}", duty::names(&rota, [&asker]));
    parts.iter().for_each(|part| print(&rota, part, &spoken.zone));
    Ok(ExitCode::SUCCESS)
}

/// A person by id, else by name; letter case does not count.
fn person(rota: &Rota, typed: &str) -> Result<ResponderId> {
    let wanted = typed.to_lowercase();
    let by_id = rota.people.keys().find(|id| id.0.to_lowercase() == wanted);
    let by_name = || rota.people.values().find(|person| person.name.to_lowercase() == wanted).map(|person| &person.id);
    let found = by_id.or_else(by_name).cloned();
    found.with_context(|| {
        let known: Vec<&str> = rota.people.keys().map(ResponderId::as_str).collect();
        format!("the rota knows nobody called \"{typed}\"; there are {}", known.join(", "))
    })
}

/// A time without a break in which the asker is on call, and whom to ask for it.
type Part = (Span, Vec<Candidate>);

fn print(rota: &Rota, (span, found): &Part, zone: &Zone) {
    println!("  on call {}", duty::span(*span, zone));
    if found.is_empty() {
        println!("  nobody else of the schedule is free all that time; ask for a part of it");
    }
    for (place, candidate) in found.iter().enumerate() {
        println!("  {}. {}: {}", place + 1, duty::names(rota, [&candidate.person]), candidate.because);
    }
}

fn as_json(rota: &Rota, name: &str, asker: &ResponderId, parts: &[Part]) -> Value {
    let candidate = |candidate: &Candidate| {
        json!({
            "person": candidate.person, "name": duty::names(rota, [&candidate.person]),
            "duty_hours": candidate.duty.num_seconds() as f64 / 3600.0, "because": candidate.because,
        })
    };
    let part = |(span, found): &Part| json!({ "start": span.start, "end": span.end, "ask": found.iter().map(candidate).collect::<Value>() });
    json!({ "schedule": name, "asker": asker, "parts": parts.iter().map(part).collect::<Value>() })
}
