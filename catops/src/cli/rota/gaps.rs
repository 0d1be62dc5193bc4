//! `catops rota gaps`: the times to come in which nobody is on call.

use super::GAP;
use crate::cli::duty;
use crate::store::Data;
use anyhow::Result;
use chrono::TimeDelta;
use rota::Span;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Only this schedule.
    schedule: Option<String>,
    /// The configuration folder.
    #[arg(long, default_value = ".")]
    config: PathBuf,
    /// The data folder: then the changes that people made are counted.
    #[arg(long, env = "CATOPS_DATA")]
    data: Option<Data>,
    /// From when on, now if left out: "mon 09:00", "2026-12-24 08:00".
    #[arg(long)]
    from: Option<String>,
    /// How many weeks are looked at.
    #[arg(long, default_value_t = 8)]
    weeks: u32,
    /// Exit with code 2 when there is a gap.
    #[arg(long)]
    fail_on_gap: bool,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let (rota, operations) = duty::standing(&args.config, args.data.as_ref())?;
    let from = duty::moment(args.from.as_deref(), &rota.zone_of(args.schedule.as_deref()))?;
    let span = duty::weeks(from, args.weeks)?;
    let (mut told, mut is_gap): (Vec<Value>, bool) = (Vec::new(), false);
    for name in duty::schedules(&rota, args.schedule.as_deref())? {
        let gaps = rota::gaps(&rota, &name, &operations, span.start, span.end)?;
        let zone = &rota.schedule(&name)?.zone;
        is_gap |= !gaps.is_empty();
        let away = rota::away_on_duty(&rota, &name, &operations, span)?;
        if args.json {
            told.push(
                json!({ "schedule": name, "zone": zone.name(), "start": span.start, "end": span.end, "gaps": gaps, "away": away }),
            );
        } else if gaps.is_empty() {
            println!("{name}: somebody is on call all the time, {} {}", duty::span(span, zone), zone.name());
        } else {
            let all: TimeDelta = gaps.iter().map(Span::length).sum();
            let (count, all) = (duty::count(gaps.len(), "gap"), duty::length(all));
            println!("{name}: {count}, {all} in all, {} {}", duty::span(span, zone), zone.name());
            gaps.iter().for_each(|gap| println!("  {}  {}", duty::span(*gap, zone), duty::length(gap.length())));
        }
        if !args.json {
            for (person, spans) in &away {
                let who = duty::names(&rota, [person]);
                spans.iter().for_each(|span| println!("  {who} is on call and away {}", duty::span(*span, zone)));
            }
        }
    }
    if args.json {
        duty::print_json(&told.into())?;
    }
    Ok(if is_gap && args.fail_on_gap { ExitCode::from(GAP) } else { ExitCode::SUCCESS })
}
