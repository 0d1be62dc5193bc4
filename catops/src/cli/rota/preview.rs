//! `catops rota preview`: what a changed configuration does to people, before it is used. For a check of a pull request too.

use super::GAP;
use crate::cli::duty;
use crate::store::Data;
use anyhow::{Context, Result, bail};
use rota::{Load, Move, Operation, Preview, Rota, Zone};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Only this schedule.
    schedule: Option<String>,
    /// The changed configuration folder.
    #[arg(long)]
    config: PathBuf,
    /// The configuration folder as it is.
    #[arg(long, value_name = "DIR", required_unless_present = "against_data", conflicts_with = "against_data")]
    against: Option<PathBuf>,
    /// A data folder with its configuration in `config`, as the demo has it; the changes that people made count on both
    /// sides.
    #[arg(long, value_name = "DATA")]
    against_data: Option<Data>,
    /// The data whose changes by people count on both sides, beside --against.
    #[arg(long, conflicts_with = "against_data")]
    data: Option<Data>,
    /// From when on, now if left out: "mon 09:00", "2026-12-24 08:00".
    #[arg(long)]
    from: Option<String>,
    /// How many weeks are looked at.
    #[arg(long, default_value_t = 8)]
    weeks: u32,
    /// Exit with code 2 when the changed configuration has a gap.
    #[arg(long)]
    fail_on_gap: bool,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let after = duty::rota(&args.config)?;
    let (before, operations) = before(args)?;
    let zone = after.zone_of(args.schedule.as_deref());
    let span = duty::weeks(duty::moment(args.from.as_deref(), &zone)?, args.weeks)?;
    // As it will be when a server finds these files at the start of that time: nobody's turn moves more than it must.
    let after = before.succeeded_by(&after, span.start);
    let mut previews = Vec::new();
    for name in wanted(args, &before, &after) {
        let (sides, from, to) = (((&before, &operations[..]), (&after, &operations[..])), span.start, span.end);
        previews.push(rota::preview(sides.0, sides.1, &name, from, to)?);
    }
    if previews.is_empty() {
        bail!("neither configuration has a schedule; write one as [schedules.NAME] in rota/*.toml");
    }
    if args.json {
        duty::print_json(&previews.iter().map(as_json).collect())?;
    } else {
        let told: Vec<String> = previews.iter().map(Preview::to_string).collect();
        print!("{}", told.join("\n"));
    }
    let is_gap = previews.iter().any(|preview| !preview.gaps_after.is_empty());
    if is_gap && args.fail_on_gap {
        let gaps: Vec<String> = previews.iter().flat_map(|preview| gaps(preview, &after)).collect();
        eprintln!("catops: nobody would be on call at these times:\n  {}", gaps.join("\n  "));
        return Ok(ExitCode::from(GAP));
    }
    Ok(ExitCode::SUCCESS)
}

/// The configuration as it is, and the changes that people made.
fn before(args: &Args) -> Result<(Rota, Vec<Operation>)> {
    if let Some(against) = &args.against {
        return Ok((duty::rota(against)?, duty::operations(args.data.as_ref())?));
    }
    let data = args.against_data.as_ref().context("--against or --against-data names what is compared with")?;
    let config = data.folder().map(|folder| folder.join("config")).filter(|config| config.exists());
    let Some(config) = config else {
        bail!(
            "{data} has no configuration beside its log; name one with --against DIR, and the data with --data {data}"
        );
    };
    duty::standing(&config, Some(data))
}

/// The schedule that was asked for, else those of either side.
fn wanted(args: &Args, before: &Rota, after: &Rota) -> BTreeSet<String> {
    match &args.schedule {
        Some(schedule) => BTreeSet::from([schedule.clone()]),
        None => before.schedules.keys().chain(after.schedules.keys()).cloned().collect(),
    }
}

/// A line for each time with nobody after the change.
fn gaps(preview: &Preview, after: &Rota) -> Vec<String> {
    let zone = after.schedule(&preview.schedule).map_or_else(|_| Zone::utc(), |schedule| schedule.zone.clone());
    let line = |gap: &rota::Span| format!("{}: {} {}", preview.schedule, duty::span(*gap, &zone), zone.name());
    preview.gaps_after.iter().map(line).collect()
}

fn as_json(preview: &Preview) -> Value {
    let handed: Vec<Value> = preview
        .handed
        .iter()
        .map(|handed| json!({ "start": handed.span.start, "end": handed.span.end, "before": handed.before, "after": handed.after }))
        .collect();
    let person = |(id, person): (&incident::ResponderId, &rota::PersonPreview)| {
        let (before, after): (&Load, &Load) = (&person.before, &person.after);
        let moves: Vec<Value> = person.moves.iter().map(step).collect();
        (id.0.clone(), json!({ "moves": moves, "before": duty::load(before), "after": duty::load(after) }))
    };
    json!({
        "schedule": preview.schedule, "start": preview.span.start, "end": preview.span.end,
        "is_unchanged": preview.is_unchanged(), "handed": handed,
        "people": preview.people.iter().map(person).collect::<serde_json::Map<_, _>>(),
        "gaps_before": preview.gaps_before, "gaps_after": preview.gaps_after,
    })
}

fn step(step: &Move) -> Value {
    match step {
        Move::Lost(span) => json!({ "lost": span }),
        Move::Gained(span) => json!({ "gained": span }),
        Move::Moved { from, to } => json!({ "moved": { "from": from, "to": to } }),
    }
}
