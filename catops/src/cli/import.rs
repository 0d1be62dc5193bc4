//! `catops import FILE`: a data folder made from exported lines. It appears whole or not at all, and its open effects wait
//! for a person, as after a restore, so that yesterday's pages do not go out again. `catops import TOOL FILE`, which makes a
//! rota of another tool's export, is in `tool`.

mod api;
mod tool;

use super::backup::{hold, sound};
use super::progress::Bar;
use super::read::{DataArgs, block_on};
use crate::seed;
use crate::store::Data;
use crate::transfer::import;
use crate::verify::verify;
use anyhow::{Context, Result, bail};
use log::lines::Counts;
use log::{Cursor, SqliteLog};
use rota::import::Tool;
use serde_json::json;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Args {
    /// The exported lines; `-` reads standard input. A file that is called like a tool is written `./pagerduty`.
    #[arg(required = true)]
    file: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
    #[command(subcommand)]
    tool: Option<OtherTool>,
}

/// Another tool, whose export becomes `rota/*.toml`.
#[derive(Debug, clap::Subcommand)]
enum OtherTool {
    /// Make a rota of PagerDuty's users, schedules, escalation policies and services (REST API version 2).
    #[command(name = "pagerduty")]
    PagerDuty(tool::Args),
    /// Make a rota of Opsgenie's users, schedules, rotations and escalations (REST API version 2).
    Opsgenie(tool::Args),
    /// Make a rota of Grafana OnCall's users, schedules, shifts and escalation chains (public API version 1).
    GrafanaOncall(tool::Args),
    /// Make a rota of GoAlert's users, rotations, schedules and escalation policies (GraphQL).
    #[command(name = "goalert")]
    GoAlert(tool::Args),
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    match &args.tool {
        Some(OtherTool::PagerDuty(args)) => tool::run(args, Tool::PagerDuty),
        Some(OtherTool::Opsgenie(args)) => tool::run(args, Tool::Opsgenie),
        Some(OtherTool::GrafanaOncall(args)) => tool::run(args, Tool::GrafanaOnCall),
        Some(OtherTool::GoAlert(args)) => tool::run(args, Tool::GoAlert),
        None => {
            let file = args.file.as_deref().context("name the file of exported lines, or `-`")?;
            import_lines(args, file)
        }
    }
}

fn import_lines(args: &Args, file: &Path) -> Result<ExitCode> {
    let reading = || format!("importing {} into {}", file.display(), args.data.data);
    let input: Box<dyn BufRead> = match file == Path::new("-") {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(BufReader::with_capacity(1 << 20, File::open(file).with_context(reading)?)),
    };
    let made = match args.data.data.folder() {
        Some(folder) => into_folder(folder, input, file),
        None => block_on(into_table(&args.data.data, input, file)),
    };
    let (counts, held) = made.with_context(reading)?;
    if args.data.json {
        println!("{}", json!({ "data": args.data.data.to_string(), "counts": counts, "held": held }));
    } else {
        println!("{} events in {} streams, checked, are in {}", counts.events, counts.streams, args.data.data);
        println!("{held} effects were open at the time of the export and are held: `catops held` lists them");
        println!("bring anchor.key and anchors.jsonl of the old data folder along: else a new key signs from here on");
    }
    Ok(ExitCode::SUCCESS)
}

fn into_folder(data: &Path, input: Box<dyn BufRead>, file: &Path) -> Result<(Counts, usize)> {
    if data.join("log.db").exists() {
        bail!("{} holds a log already; an import makes a new one", data.display());
    }
    let is_new = !data.exists();
    let made = SqliteLog::make_folder(data).map_err(Into::into).and_then(|()| make(data, input, file));
    if made.is_err() && is_new {
        // Only when it is empty, and it matters to nobody else when it stays.
        fs::remove_dir(data).ok();
    }
    made
}

/// A table does not appear whole: when this fails, throw it away.
async fn into_table(data: &Data, input: Box<dyn BufRead>, file: &Path) -> Result<(Counts, usize)> {
    let log = data.open().await?;
    if !log.tails(&Cursor::start(), 1).await?.tails.is_empty() {
        bail!("{data} holds a log already; an import fills an empty table");
    }
    let bar = Bar::new("events");
    let read = import(&*log, input, |header, counts| bar.at(counts.events, header.events)).await;
    bar.end();
    let counts = read?;
    let report = verify(&*log, |_| ()).await?;
    if let Some(fault) = report.faults.first() {
        bail!("{}: {}", fault.stream, fault.what);
    }
    Ok((counts, hold(&*log, "import", file).await?))
}

/// Everything happens in a folder of its own inside, which is gone again unless all went well.
fn make(data: &Path, input: Box<dyn BufRead>, file: &Path) -> Result<(Counts, usize)> {
    let folder = tempfile::Builder::new().prefix(".import-").tempdir_in(data).context("making a folder inside")?;
    let log = SqliteLog::open(folder.path(), seed::fresh()?).context("making the log")?;
    let bar = Bar::new("events");
    let read = block_on(import(&log, input, |header, counts| bar.at(counts.events, header.events)));
    bar.end();
    let counts = read?;
    // Redactions are known to the domain only, so the whole is looked at again.
    sound(folder.path())?;
    let held = block_on(hold(&log, "import", file))?;
    // Closing brings everything home into the one file.
    drop(log);
    let (made, target) = (folder.path().join("log.db"), data.join("log.db"));
    if folder.path().join("log.db-wal").exists() {
        bail!("somebody else has {} open", made.display());
    }
    File::open(&made).and_then(|file| file.sync_all()).context("writing the log to disk")?;
    // A link fails where a rename would replace what has come there meanwhile.
    fs::hard_link(&made, &target)
        .or_else(|_| if target.exists() { Err(already()) } else { fs::rename(&made, &target) })?;
    File::open(data).and_then(|folder| folder.sync_all()).context("writing the folder to disk")?;
    Ok((counts, held))
}

fn already() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::AlreadyExists, "the folder holds a log already")
}
