//! `catops audit`: the proof that no alarm was lost. Counts every delivery to its end, beside the running server.
//! Exit code 1 when something is not accounted for.

use super::read::{DataArgs, Reader, block_on};
use crate::audit::{audit, parse_since};
use crate::clock;
use crate::store::Data;
use anyhow::Result;
use incident::audit::{Keep, Report, Row};
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

/// Findings that are printed; the others are in the JSON.
const FINDINGS_SHOWN: usize = 100;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// Only deliveries from then on: 24h, 7d, 2026-11-28T05:00:00Z. Receipts are compared in a whole audit only.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// List the events behind a number, by the word that stands before it in the table: opened, joined, paged ...
    #[arg(long, value_name = "OUTCOME")]
    show: Option<Row>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let reader = Reader::open(&args.data.data)?;
    let since = args.since.as_ref().map(|text| parse_since(text, clock::now()));
    let since = since.transpose().map_err(anyhow::Error::msg)?;
    let keep = match (args.show, args.data.json) {
        (Some(row), _) => Keep::Row(row),
        (None, true) => Keep::Each(usize::MAX),
        (None, false) => Keep::Nothing,
    };
    let report = block_on(async {
        let all = reader.log().stats().await?.events;
        let shown = std::io::stderr().is_terminal();
        let mut progress = |read: u64| {
            if shown {
                eprint!("\r  {read} of {} events", all.max(read));
                std::io::stderr().flush().ok();
            }
        };
        let report = audit(reader.log(), since, keep, &mut progress).await?;
        if shown {
            eprint!("\r\x1b[K");
        }
        Ok(report)
    })?;
    if args.data.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else if let Some(row) = args.show {
        show(&report, row, &args.data.data);
    } else {
        print(&report, &args.data.data);
    }
    print_findings(&report, args.data.json);
    Ok(if report.unaccounted.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(report: &Report, data: &Data) {
    let what = match (&report.since, report.receipts) {
        (Some(since), _) => format!("deliveries since {}", since.format("%Y-%m-%d %H:%M:%S UTC")),
        (None, receipts) => format!("the whole log, {} receipts", receipts.unwrap_or(0)),
    };
    println!("{} events in {} streams: {what}\n", report.events, report.streams);
    let ends = &report.ends;
    line("received", report.received, "different deliveries");
    line("  opened", ends.opened, "an incident");
    line("  joined", ends.joined, "an incident that was open");
    line("  cleared", ends.cleared, "the alarm is over");
    line("  refired", ends.refired, "an incident that had just ended");
    line("  set_aside", ends.set_aside.values().sum(), &parts(&ends.set_aside));
    line("  silenced", ends.silenced.values().sum(), &parts(&ends.silenced));
    line("  rejected", ends.rejected.values().sum(), &parts(&ends.rejected));
    let verdict =
        if ends.sum() == report.received { "ends: all that was received" } else { "ends: it does not add up" };
    line("  =", ends.sum(), verdict);
    let opened = &report.opened;
    println!();
    line("opened", ends.opened, "incidents");
    line("  paged", opened.paged, &parts(&opened.paged_by));
    line("  page_pending", opened.page_pending, "on its way");
    line("  page_failed", opened.page_failed, "tried, and none arrived so far");
    line("  nobody_on_call", opened.nobody_on_call, "the rota knew nobody");
    line("  ended_unpaged", opened.ended_unpaged, "over or taken before a page went out");
    line("  owner_missing", opened.owner_missing, "nobody was looked for");
    println!();
    line("  open", opened.open, "nobody has it yet");
    line("  acknowledged", opened.acknowledged, "somebody has it");
    line("  resolved", opened.resolved, "it is over");
    println!("\nFollow a number:  catops audit --show opened --data {data}");
    println!("One incident:     catops timeline INC-1 --data {data}");
    println!("Unreadable ones:  catops dead-letters --data {data}\n");
}

fn line(name: &str, number: u64, note: &str) {
    println!("{}", format!("{name:<18}{number:>10}  {note}").trim_end());
}

fn parts(numbers: &BTreeMap<String, u64>) -> String {
    numbers.iter().map(|(name, number)| format!("{name} {number}")).collect::<Vec<_>>().join(", ")
}

fn show(report: &Report, row: Row, data: &Data) {
    let items = report.rows.get(&row).map_or(&[][..], Vec::as_slice);
    for item in items {
        let incident = item.incident.as_deref().unwrap_or("-");
        let why = item.why.as_ref().map_or_else(String::new, |why| format!("  ({why})"));
        println!(
            "{}  {incident:<8}  {}/{}  {}  {}{why}",
            item.at.format("%Y-%m-%d %H:%M:%S UTC"),
            item.stream,
            item.version,
            item.delivery,
            item.title
        );
    }
    println!("{} {}", items.len(), row.as_str());
    match items.iter().find_map(|item| item.incident.as_deref()) {
        Some(incident) => println!("\nThe whole night:  catops timeline {incident} --data {data}\n"),
        None if row == Row::Rejected => println!("\nTheir bytes:  catops dead-letters --data {data}\n"),
        None => println!(),
    }
}

fn print_findings(report: &Report, json: bool) {
    let say = |text: String| if json { eprintln!("{text}") } else { println!("{text}") };
    if report.unaccounted.is_empty() {
        say("Unaccounted for: nothing".to_owned());
        return;
    }
    say(format!("Unaccounted for: {}", report.unaccounted.len()));
    for finding in report.unaccounted.iter().take(FINDINGS_SHOWN) {
        say(format!("  {:<24}{finding}", finding.kind()));
    }
    if report.unaccounted.len() > FINDINGS_SHOWN {
        say(format!("  and {} more; --json lists them all", report.unaccounted.len() - FINDINGS_SHOWN));
    }
}
