//! `catops calendar import`: what a calendar that somebody else keeps means for a schedule, as a plan. It changes nobody's
//! duty; with `--keep` it keeps the last copy that could be read, which counts when the calendar cannot be read.

use super::setup;
use crate::action::reach::Reach;
use crate::calendar::{Source, keep, kept};
use crate::cli::read::{Reader, block_on};
use crate::clock;
use crate::flow::triage;
use crate::store::Data;
use anyhow::{Context, Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use clap::ValueEnum;
use incident::ResponderId;
use rota::calendar::{Calendar, Counting, GoodCopy, Weight, absences, holidays, overrides, shifts, what_counts};
use rota::{Away, Change, Operation, Rota, Span, Zone, final_schedule};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

/// What is laid out of series: what was lately, and a year.
const BACK: TimeDelta = TimeDelta::days(31);
const AHEAD: TimeDelta = TimeDelta::days(366);

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// A calendar file, or the https:// (or webcal://) address of one.
    source: Source,
    /// What its entries are.
    #[arg(long = "as", value_name = "WHAT")]
    kind: Kind,
    /// The schedule: times without a zone and whole days are read in its zone.
    #[arg(long)]
    schedule: String,
    /// Whose absences they all are, whatever the entries are called: an id of rota/*.toml.
    #[arg(long)]
    person: Option<ResponderId>,
    /// Keep the last copy that could be read in this file; it counts when the calendar cannot be read.
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// The configuration folder.
    #[arg(long, env = "CATOPS_CONFIG", default_value = ".")]
    config: PathBuf,
    /// The data folder of `catops serve`: then the changes that people made count when absences are compared with shifts.
    #[arg(long, env = "CATOPS_DATA")]
    data: Option<Data>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// What the entries of a calendar are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Who is on call instead of the schedule's own people.
    Overrides,
    /// Times in which people are away.
    Absences,
    /// Days on which people do not work.
    Holidays,
}

/// What a calendar means.
#[derive(Default)]
struct Plan {
    found: Vec<Found>,
    problems: Vec<String>,
}

/// One thing that was understood.
struct Found {
    line: String,
    people: Vec<ResponderId>,
    json: Value,
}

pub(in crate::cli) fn run(args: &Args) -> Result<ExitCode> {
    let setup = setup(&args.config)?;
    let zone = setup.rota.schedule(&args.schedule)?.zone.clone();
    if let Some(stranger) = args.person.as_ref().filter(|person| !setup.rota.is_responder(person)) {
        bail!("there is no person \"{stranger}\" in rota/*.toml");
    }
    if args.person.is_some() && args.kind != Kind::Absences {
        bail!("--person says whose absences they are; it goes with --as absences");
    }
    let before = args.keep.as_deref().map(kept).transpose()?.flatten();
    let now = clock::now();
    let window = Span { start: now - BACK, end: now + AHEAD };
    let allow_private = &setup.config.http.allow_private;
    let fetch = block_on(async { Ok(args.source.fetch(&Reach::default(), allow_private, &zone, window).await) })?;
    if let (Some(path), Ok(calendar)) = (&args.keep, &fetch.result) {
        keep(path, &GoodCopy { at: fetch.at, calendar: calendar.clone() })?;
    }
    let name = args.source.name();
    let counting = what_counts(&name, before.as_ref(), Some(&fetch), clock::now());
    let Some(calendar) = counting.calendar else { bail!("{}", counting.say.unwrap_or_default()) };
    let mut plan = plan(args, calendar, &setup.rota, &zone)?;
    plan.problems.splice(0..0, calendar.problems.iter().cloned());
    if args.json {
        println!("{}", serde_json::to_string_pretty(&as_json(args, &name, window, &counting, calendar, &plan))?);
    } else {
        tell(args, &name, &counting, calendar, &plan);
    }
    Ok(ExitCode::SUCCESS)
}

fn plan(args: &Args, calendar: &Calendar, rota: &Rota, zone: &Zone) -> Result<Plan> {
    match args.kind {
        Kind::Overrides => {
            let meaning = shifts(calendar, rota, zone);
            // Whoever takes the plan over stands there instead of this name.
            let by = ResponderId::from("calendar");
            let operations = overrides(&meaning.found, &args.schedule, &by, 1);
            let found = operations.into_iter().map(|operation| overridden(rota, zone, &operation)).collect();
            Ok(Plan { found, problems: meaning.problems })
        }
        Kind::Absences => {
            let meaning = absences(calendar, rota, zone, args.person.as_ref());
            let operations = operations(args.data.as_ref())?;
            let found = meaning.found.iter().map(|away| absent(args, rota, zone, &operations, away)).collect();
            Ok(Plan { found, problems: meaning.problems })
        }
        Kind::Holidays => {
            let found = holidays(calendar, zone).into_iter().map(|holiday| {
                let last = holiday.to.pred_opt().unwrap_or(holiday.to);
                let until = if last > holiday.from { format!(" to {last}") } else { String::new() };
                let line = format!("{}{until}  {}", holiday.from.format("%a %Y-%m-%d"), shown(&holiday.name));
                let json = json!({ "first": holiday.from, "last": last, "name": holiday.name });
                Found { line, people: Vec::new(), json }
            });
            Ok(Plan { found: found.collect(), problems: Vec::new() })
        }
    }
}

fn overridden(rota: &Rota, zone: &Zone, operation: &Operation) -> Found {
    let people = match &operation.change {
        Change::ReplaceAll { users } => users.clone(),
        _ => Vec::new(),
    };
    let line = format!("{}  {}", between(zone, operation.start, operation.end), names(rota, &people));
    let json = json!({ "start": operation.start, "end": operation.end, "people": people });
    Found { line, people, json }
}

/// An absence, and the shifts on the schedule that somebody else has to have meanwhile.
fn absent(args: &Args, rota: &Rota, zone: &Zone, operations: &[Operation], away: &Away) -> Found {
    let segments = final_schedule(rota, &args.schedule, operations, away.span.start, away.span.end).unwrap_or_default();
    let on_call = rota::shifts(&segments).remove(&away.person).unwrap_or_default();
    let mut line = format!(
        "{}  {} is away",
        between(zone, away.span.start, away.span.end),
        names(rota, std::slice::from_ref(&away.person))
    );
    for shift in &on_call {
        line.push_str(&format!("\n  and on call {}", between(zone, shift.start, shift.end)));
    }
    let json = json!({ "person": away.person, "start": away.span.start, "end": away.span.end, "on_call": on_call });
    Found { line, people: vec![away.person.clone()], json }
}

/// The changes that people made to the schedules; none when no data folder is named.
fn operations(data: Option<&Data>) -> Result<Vec<Operation>> {
    let Some(data) = data else { return Ok(Vec::new()) };
    let reader = Reader::open(data)?;
    block_on(async { triage::operations(reader.log()).await.context("reading the changes of the schedules") })
}

fn tell(args: &Args, name: &str, counting: &Counting<'_>, calendar: &Calendar, plan: &Plan) {
    if let Some(say) = &counting.say {
        eprintln!("{say}");
    }
    for found in &plan.found {
        println!("{}", found.line);
    }
    for problem in &plan.problems {
        println!("problem: {}", shown(problem));
    }
    let (what, people) = (plan.found.len(), people(plan).len());
    let kind = args.kind.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    println!(
        "{name}: {} entries are {what} {kind} for {}, of {people} people, with {} problems; nothing was changed",
        calendar.entries.len(),
        args.schedule,
        plan.problems.len()
    );
}

fn as_json(args: &Args, name: &str, window: Span, counting: &Counting<'_>, calendar: &Calendar, plan: &Plan) -> Value {
    let kind = args.kind.to_possible_value().map(|value| value.get_name().to_owned());
    json!({
        "source": name, "as": kind, "schedule": args.schedule, "from": window.start, "to": window.end,
        "fetched_at": counting.fetched_at, "doubtful": counting.weight != Weight::Fine, "say": counting.say,
        "calendar": calendar.name, "entries": calendar.entries.len(), "people": people(plan),
        "found": plan.found.iter().map(|found| &found.json).collect::<Vec<_>>(), "problems": plan.problems,
    })
}

/// How often each person is meant.
fn people(plan: &Plan) -> BTreeMap<&ResponderId, usize> {
    let mut people = BTreeMap::new();
    for person in plan.found.iter().flat_map(|found| found.people.iter().collect::<BTreeSet<_>>()) {
        *people.entry(person).or_insert(0) += 1;
    }
    people
}

fn names(rota: &Rota, people: &[ResponderId]) -> String {
    let name = |id: &ResponderId| rota.person(id).map_or_else(|| id.to_string(), |person| person.name.clone());
    people.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// `Mon 2026-01-05 09:00 to Tue 2026-01-06 09:00`, by the clocks of the schedule.
fn between(zone: &Zone, start: DateTime<Utc>, end: DateTime<Utc>) -> String {
    let clock = |at| zone.wall(at).format("%a %Y-%m-%d %H:%M").to_string();
    format!("{} to {}", clock(start), clock(end))
}

/// Foreign text for a terminal, without what would move its cursor.
fn shown(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
