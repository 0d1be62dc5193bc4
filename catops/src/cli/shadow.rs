//! `catops shadow`: CatOps beside another tool on the same alarms. Did both page the same person, and how far apart?

use super::duty;
use super::read::{DataArgs, Reader};
use crate::config::file::parse_duration;
use crate::paged::{Paged, Pages};
use anyhow::{Context, Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use incident::ResponderId;
use rota::Rota;
use rota::import::{Page, Parity, Row, Verdict, compare};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;

/// Lines of each list; JSON has all.
const LINES: usize = 20;
/// Pages to the same person that are shown because they are far apart.
const SLOWEST: usize = 3;
/// Below this two pages came at once.
const APART_MIN: TimeDelta = TimeDelta::seconds(1);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The other tool's pages, JSON lines: {"at": "2026-11-28T03:14:07Z", "alarm": "...", "person": "..."}. An alarm is the
    /// key or the title that it has here; a person the id, the name, the e-mail address or the Slack id.
    #[arg(long, value_name = "FILE")]
    theirs: PathBuf,
    /// How far back pages are compared, such as 7d.
    #[arg(long, default_value = "7d", value_parser = parse_duration)]
    since: TimeDelta,
    /// How far apart two pages of one alarm may be and still belong together.
    #[arg(long, default_value = "10m", value_parser = parse_duration)]
    within: TimeDelta,
    /// The configuration whose people are meant by names and addresses.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Exit with code 1 when a page is missing on either side, or went to somebody else.
    #[arg(long)]
    fail_on_difference: bool,
    #[command(flatten)]
    data: DataArgs,
}

/// A line of the other tool's pages.
#[derive(Debug, Deserialize)]
struct Theirs {
    at: DateTime<Utc>,
    alarm: String,
    person: String,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let since = crate::clock::now().checked_sub_signed(args.since).context("--since is too long")?;
    let rota = args.config.as_deref().map(duty::rota).transpose()?.unwrap_or_default();
    let there = theirs(args, &rota, since)?;
    let mut pages = Pages::since(since);
    Reader::open(&args.data.data)?.every_event(|event| pages.apply(event))?;
    let here = ours(&pages.paged, &there);
    if there.is_empty() && here.is_empty() {
        bail!("nobody was paged in either since {}; --since looks further back", since.format("%Y-%m-%d %H:%M UTC"));
    }
    let parity = compare(&there, &here, args.within);
    if args.data.json {
        duty::print_json(&as_json(&parity))?;
    } else {
        print(&parity);
    }
    let failed = args.fail_on_difference && !parity.is_equal();
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The pages of the file from `since` on, with people by the ids of the rota where it knows them.
fn theirs(args: &Args, rota: &Rota, since: DateTime<Utc>) -> Result<Vec<Page>> {
    let file = args.theirs.display();
    let lines = BufReader::new(File::open(&args.theirs).with_context(|| format!("reading {file}"))?).lines();
    let mut pages = Vec::new();
    for (place, line) in lines.enumerate() {
        let number = place + 1;
        let line = line.with_context(|| format!("reading {file}"))?;
        if line.trim().is_empty() {
            continue;
        }
        let page: Theirs = serde_json::from_str(&line).with_context(|| {
            format!("{file}:{number} is no page; a line is {{\"at\": \"2026-11-28T03:14:07Z\", \"alarm\": \"...\", \"person\": \"...\"}}")
        })?;
        if page.at >= since {
            pages.push(Page { at: page.at, alarm: page.alarm, person: person(rota, &page.person) });
        }
    }
    Ok(pages)
}

/// Whom a text of the other tool means; itself when the rota knows nobody like that.
fn person(rota: &Rota, text: &str) -> ResponderId {
    let same = |known: &str| known.eq_ignore_ascii_case(text);
    let found = rota.people.values().find(|person| {
        let ways = [&person.email, &person.slack];
        same(&person.id.0) || same(&person.name) || ways.into_iter().flatten().any(|way| same(way))
    });
    found.map_or_else(|| text.into(), |person| person.id.clone())
}

/// Our pages, each under the name that the other tool has for its alarm: the key where that is known there, else the title.
fn ours(paged: &[Paged], there: &[Page]) -> Vec<Page> {
    let known: HashSet<&str> = there.iter().map(|page| page.alarm.as_str()).collect();
    let name = |page: &Paged| match known.contains(page.alarm.as_str()) {
        true => page.alarm.to_string(),
        false => page.title.clone(),
    };
    paged.iter().map(|page| Page { at: page.at, alarm: name(page), person: page.to.clone() }).collect()
}

fn print(parity: &Parity) {
    println!("{}", parity.sentence());
    list("To look at:", &parity.unequal());
    let is_apart = |row: &&Row| row.later().is_some_and(|later| later.abs() >= APART_MIN);
    let slowest: Vec<&Row> = parity.slowest(SLOWEST).into_iter().filter(is_apart).collect();
    list("Furthest apart, to the same person:", &slowest);
}

fn list(head: &str, rows: &[&Row]) {
    if rows.is_empty() {
        return;
    }
    println!("\n{head}");
    rows.iter().take(LINES).for_each(|row| println!("  {row}"));
    if rows.len() > LINES {
        println!("  and {} more; --json lists all", rows.len() - LINES);
    }
}

fn as_json(parity: &Parity) -> Value {
    let side = |page: &Option<(DateTime<Utc>, ResponderId)>| {
        page.as_ref().map(|(at, person)| json!({ "at": at, "person": person }))
    };
    let row = |row: &Row| {
        let later_seconds = row.later().map(|later| later.num_milliseconds() as f64 / 1000.0);
        let (there, here, verdict) = (side(&row.there), side(&row.here), word(row.verdict()));
        json!({ "alarm": row.alarm, "there": there, "here": here, "verdict": verdict, "later_seconds": later_seconds })
    };
    let apart = parity.apart().map(|(half, all)| {
        let seconds = |apart: TimeDelta| apart.num_milliseconds() as f64 / 1000.0;
        json!({ "median_seconds": seconds(half), "max_seconds": seconds(all) })
    });
    let count = |verdict| parity.count(verdict);
    json!({
        "is_equal": parity.is_equal(), "sentence": parity.sentence(), "apart": apart,
        "same_person": count(Verdict::SamePerson), "another_person": count(Verdict::AnotherPerson),
        "only_there": count(Verdict::OnlyThere), "only_here": count(Verdict::OnlyHere),
        "rows": parity.rows.iter().map(row).collect::<Value>(),
    })
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::SamePerson => "same person",
        Verdict::AnotherPerson => "another person",
        Verdict::OnlyThere => "only there",
        Verdict::OnlyHere => "only here",
    }
}
