//! `catops rota replay`: what if. The pages of a log, over the configuration as it is and over another one.

use crate::cli::duty;
use crate::cli::read::Reader;
use crate::config::file::parse_duration;
use crate::paged::{Pages, schedules_of};
use crate::store::Data;
use anyhow::{Context, Result, bail};
use chrono::TimeDelta;
use incident::ResponderId;
use rota::{Clocks, Paging, PastPage, Replay, Rota, Woken};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// Lines of pages that would reach others; JSON has all.
const ELSEWHERE_LINES: usize = 10;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Only the pages of this schedule.
    schedule: Option<String>,
    /// The configuration folder that is tried.
    #[arg(long)]
    config: PathBuf,
    /// The configuration folder as it is; without it that which lies in `config` of the data, as the demo has it.
    #[arg(long, value_name = "DIR")]
    against: Option<PathBuf>,
    /// The data folder with the pages and the changes that people made.
    #[arg(long, env = "CATOPS_DATA", default_value = "catops-data")]
    data: Data,
    /// How far back pages are played, such as 90d.
    #[arg(long, default_value = "90d", value_parser = parse_duration)]
    since: TimeDelta,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let after = duty::rota(&args.config)?;
    let since = crate::clock::now().checked_sub_signed(args.since).context("--since is too long")?;
    let mut pages = Pages::since(since);
    Reader::open(&args.data)?.every_event(|event| pages.apply(event))?;
    let operations = duty::operations(Some(&args.data))?;
    let before = before(args)?;
    if let Some(schedule) = &args.schedule {
        duty::schedules(&before, Some(schedule))?;
    }
    let (past, left_out) = past(&before, &pages, args.schedule.as_deref());
    if past.is_empty() {
        bail!("no schedule was paged since {}; --since looks further back", since.format("%Y-%m-%d %H:%M UTC"));
    }
    let clocks = match &args.schedule {
        Some(schedule) => Clocks::of(&before, schedule)?,
        None => Clocks::new(before.zone_of(None)),
    };
    let replay = rota::replay((&before, &operations), (&after, &operations), &past, &clocks);
    if args.json {
        duty::print_json(&as_json(&replay, left_out))?;
    } else {
        print(&replay, &before, &after, &clocks, left_out);
    }
    Ok(ExitCode::SUCCESS)
}

fn before(args: &Args) -> Result<Rota> {
    if let Some(against) = &args.against {
        return duty::rota(against);
    }
    let config = args.data.folder().map(|folder| folder.join("config")).filter(|config| config.exists());
    let Some(config) = config else {
        bail!("{} has no configuration beside its log; name the one that is used with --against DIR", args.data);
    };
    duty::rota(&config)
}

/// The pages to schedules, and how many levels were asked that the files as they are no longer have.
fn past(before: &Rota, pages: &Pages, only: Option<&str>) -> (Vec<PastPage>, usize) {
    let (mut past, mut left_out) = (Vec::new(), 0);
    for asked in &pages.asked {
        match schedules_of(before, &asked.policy, asked.step) {
            None => left_out += 1,
            Some(schedules) => {
                let wanted = schedules.into_iter().filter(|name| only.is_none_or(|only| only == *name));
                past.extend(wanted.map(|name| PastPage { schedule: name.to_owned(), at: asked.at }));
            }
        }
    }
    (past, left_out)
}

fn print(replay: &Replay, before: &Rota, after: &Rota, clocks: &Clocks, left_out: usize) {
    print!("{replay}");
    let zone = clocks.everybody();
    for elsewhere in replay.elsewhere.iter().take(ELSEWHERE_LINES) {
        let (from, to) = (duty::names(before, &elsewhere.before), duty::names(after, &elsewhere.after));
        println!("  {} {}: {to} instead of {from}", duty::local(elsewhere.page.at, zone), elsewhere.page.schedule);
    }
    if replay.elsewhere.len() > ELSEWHERE_LINES {
        println!("  and {} more; --json lists all", replay.elsewhere.len() - ELSEWHERE_LINES);
    }
    if left_out > 0 {
        let pages = duty::count(left_out, "page");
        println!("{pages} left out: asked by a policy or a level that the configuration as it is no longer has.");
    }
}

fn as_json(replay: &Replay, left_out: usize) -> Value {
    let page = |page: &PastPage| json!({ "schedule": page.schedule, "at": page.at });
    let person = |(person, woken): (&ResponderId, &Woken)| {
        let told = json!({ "pages": woken.pages, "pages_at_night": woken.pages_at_night, "nights": woken.nights });
        (person.0.clone(), told)
    };
    let side = |paging: &Paging| {
        let people: serde_json::Map<String, Value> = paging.people.iter().map(person).collect();
        json!({ "people": people, "nobody": paging.nobody.iter().map(page).collect::<Value>() })
    };
    let elsewhere = replay.elsewhere.iter().map(|elsewhere| {
        json!({
            "schedule": elsewhere.page.schedule, "at": elsewhere.page.at,
            "before": elsewhere.before, "after": elsewhere.after,
        })
    });
    json!({
        "pages": replay.pages, "span": replay.span, "before": side(&replay.before), "after": side(&replay.after),
        "elsewhere": elsewhere.collect::<Value>(), "left_out": left_out,
    })
}
