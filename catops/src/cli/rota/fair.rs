//! `catops rota fair`: what each person carried in the past, with the pages that reached them.

use crate::cli::duty;
use crate::cli::read::Reader;
use crate::config::file::parse_duration;
use crate::paged::{Pages, schedules_of};
use crate::store::Data;
use anyhow::{Context, Result};
use chrono::TimeDelta;
use rota::{Clocks, Facts, Ledger, Paged, Rota, Span};
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
    /// The data folder, for the pages and for the changes that people made; without it neither is counted.
    #[arg(long, env = "CATOPS_DATA")]
    data: Option<Data>,
    /// How far back it is counted, such as 90d.
    #[arg(long, default_value = "90d", value_parser = parse_duration)]
    since: TimeDelta,
    /// Until when, now if left out: "2026-12-24 08:00".
    #[arg(long)]
    until: Option<String>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let (rota, operations) = duty::standing(&args.config, args.data.as_ref())?;
    let until = duty::moment(args.until.as_deref(), &rota.zone_of(args.schedule.as_deref()))?;
    let span = Span { start: until.checked_sub_signed(args.since).context("--since is too long")?, end: until };
    let mut pages = Pages::since(span.start);
    if let Some(data) = &args.data {
        Reader::open(data)?.every_event(|event| pages.apply(event))?;
    }
    let mut ledgers = Vec::new();
    for name in duty::schedules(&rota, args.schedule.as_deref())? {
        let clocks = Clocks::of(&rota, &name)?;
        let pages = pages_of(&rota, &name, &pages)?;
        let holidays: Vec<_> = rota.schedule(&name)?.holidays.iter().flat_map(rota::Holiday::days).collect();
        let facts = Facts { clocks: &clocks, holidays: &holidays, pages: &pages };
        ledgers.push(rota::ledger(&rota, &name, &operations, span, &facts)?);
    }
    if args.json {
        duty::print_json(&ledgers.iter().map(as_json).collect())?;
        return Ok(ExitCode::SUCCESS);
    }
    let told: Vec<String> = ledgers.iter().map(Ledger::to_string).collect();
    print!("{}", told.join("\n"));
    if args.data.is_none() {
        println!("\nPages and changes that people made lie in the log and are not counted; --data names it.");
    }
    Ok(ExitCode::SUCCESS)
}

/// The pages that went out because somebody was on a schedule. Where a level pages several, a page counts for those that
/// its person can be on duty on.
fn pages_of(rota: &Rota, name: &str, pages: &Pages) -> Result<Vec<Paged>> {
    let members = rota.members(name)?;
    let is_of = |page: &&crate::paged::Paged| match schedules_of(rota, &page.policy, page.step).as_deref() {
        None | Some([]) => false,
        Some([only]) => *only == name,
        Some(several) => several.contains(&name) && members.contains(&&page.to),
    };
    let paged = pages.paged.iter().filter(is_of);
    Ok(paged.map(|page| Paged { person: page.to.clone(), at: page.at }).collect())
}

fn as_json(ledger: &Ledger) -> Value {
    let people: serde_json::Map<String, Value> =
        ledger.people.iter().map(|(person, load)| (person.0.clone(), duty::load(load))).collect();
    json!({ "schedule": ledger.schedule, "start": ledger.span.start, "end": ledger.span.end, "people": people })
}
