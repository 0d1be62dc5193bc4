//! `catops verify`: whether anybody changed the past. Exit code 1 when somebody did.

use super::read::{DataArgs, Reader, block_on};
use crate::anchor;
use crate::verify::{Report, anchored, verify};
use anyhow::{Result, bail};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// A copy of anchors.jsonl that was kept elsewhere; the one in the data folder else.
    #[arg(long)]
    anchors: Option<PathBuf>,
    /// The public key that must have signed the anchors, as an earlier `verify` printed it.
    #[arg(long)]
    key: Option<String>,
    /// Adds the anchors that it does not hold yet to this file: of a table, which has no data folder with one.
    #[arg(long, value_name = "FILE")]
    save_anchors: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let reader = Reader::open(&args.data.data)?;
    let shows = std::io::stderr().is_terminal();
    let beside = args.data.data.folder().map(|folder| folder.join(anchor::FILE));
    if let Some(copy) = args.anchors.as_ref().filter(|copy| !copy.exists()) {
        bail!("there is no {}", copy.display());
    }
    let copy = args.anchors.clone().or(beside).map(|copy| anchor::of_file(&copy)).transpose()?.unwrap_or_default();
    let report = block_on(async {
        let mut report = verify(reader.log(), |report| progress(shows, report)).await?;
        anchored(reader.log(), &copy, args.key.as_deref(), &mut report).await?;
        // What is wrong is not carried on.
        if let (Some(file), true) = (&args.save_anchors, report.faults.is_empty()) {
            anchor::copy(reader.log(), file).await?;
        }
        Ok(report)
    })?;
    if args.data.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        tell(&report);
    }
    Ok(if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A line that counts up, for those who watch.
fn progress(shows: bool, report: &Report) {
    if shows && report.streams.is_multiple_of(1000) {
        eprint!("\r{} streams, {} events ...", report.streams, report.events);
        std::io::stderr().flush().ok();
    }
}

fn tell(report: &Report) {
    for fault in &report.faults {
        println!("{}: {}", fault.stream, fault.what);
    }
    let redacted = match report.redacted {
        0 => String::new(),
        count => format!(", text taken out of {count} as the log says"),
    };
    println!("{} events in {} streams checked{redacted}: {}", report.events, report.streams, verdict(report));
    match &report.key {
        None => println!("no anchor yet: one is made at midnight (UTC)"),
        Some(key) => println!("{} anchors, signed by {key}", report.anchors),
    }
}

fn verdict(report: &Report) -> String {
    match report.faults.len() {
        0 => "nobody changed the past".to_owned(),
        1 => "1 fault; restore this stream from a backup, and find out who can write to this folder".to_owned(),
        count => {
            format!("{count} faults; restore these streams from a backup, and find out who can write to this folder")
        }
    }
}
