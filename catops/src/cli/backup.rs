//! `catops backup FILE` and `catops restore FILE`: a copy of the log that was checked, and a log made from it whose open
//! effects wait for a person, so that yesterday's pages do not go out again.

use super::read::block_on;
use crate::clock;
use crate::flow::change::{add, json};
use crate::flow::names;
use crate::seed;
use crate::store::Data;
use crate::verify::{Report, verify};
use anyhow::{Context, Result, bail};
use incident::SCHEMA;
use log::{EventLog, NewEvent, SqliteLog};
use serde_json::json as object;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file; it must not exist when it is written.
    file: PathBuf,
    /// The data folder.
    #[arg(long, env = "CATOPS_DATA", default_value = "catops-data")]
    data: Data,
}

pub(super) fn back_up(args: &Args) -> Result<ExitCode> {
    if args.file.exists() {
        bail!("{} exists already; a backup never overwrites one", args.file.display());
    }
    let log = read_only(args.data.only_folder()?)?;
    let parent = args.file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Beside the target, so that the checked copy only has to be renamed.
    let folder = tempfile::tempdir_in(parent).with_context(|| format!("writing in {}", parent.display()))?;
    let copy = folder.path().join("log.db");
    block_on(async { Ok(log.back_up(&copy).await?) })?;
    let report = sound(folder.path())?;
    std::fs::rename(&copy, &args.file).with_context(|| format!("writing {}", args.file.display()))?;
    println!("{} events in {} streams, checked, are in {}", report.events, report.streams, args.file.display());
    println!("keep anchors.jsonl of the data folder with it: with that, `catops verify` sees what a backup lacks");
    Ok(ExitCode::SUCCESS)
}

pub(super) fn restore(args: &Args) -> Result<ExitCode> {
    let data = args.data.only_folder()?;
    SqliteLog::restore(&args.file, data)
        .with_context(|| format!("restoring {} into {}", args.file.display(), args.data))?;
    let checked = sound(data);
    if checked.is_err() {
        std::fs::remove_file(data.join("log.db")).context("taking the damaged copy away")?;
    }
    let report = checked?;
    let log = SqliteLog::open(data, seed::fresh()?).context("opening the restored log")?;
    let held = block_on(hold(&log, "restore", &args.file))?;
    println!("{} events in {} streams, checked, are in {}", report.events, report.streams, args.data);
    println!("{held} effects were open at the time of the backup and are held: `catops held` lists them");
    Ok(ExitCode::SUCCESS)
}

/// The log of a folder, for what only a folder's log can do.
pub(super) fn read_only(data: &Path) -> Result<SqliteLog> {
    SqliteLog::open_read_only(data)
        .with_context(|| format!("there is no readable data in {}; name the folder with --data", data.display()))
}

/// Walks a folder's chains; a fault is an error.
pub(super) fn sound(data: &Path) -> Result<Report> {
    let log = SqliteLog::open_read_only(data).context("opening the copy")?;
    let report = block_on(async { Ok(verify(&log, |_| ()).await?) })?;
    match report.faults.first() {
        None => Ok(report),
        Some(fault) => bail!("the copy is damaged: {}: {}", fault.stream, fault.what),
    }
}

/// Begins the new epoch of a log that a command has made: nothing that was open goes on by itself.
pub(super) async fn hold(log: &dyn EventLog, command: &str, file: &Path) -> Result<usize> {
    let at = clock::now();
    let held = log.hold_open(&format!("{command} from {}", file.display())).await?;
    let event = NewEvent {
        kind: "restored".to_owned(),
        schema: SCHEMA,
        at,
        actor: "cli".to_owned(),
        cause: command.to_owned(),
        body: json(&object!({ "from": file.display().to_string(), "held": held })),
        raw: None,
    };
    add(log, names::epochs(), event, None).await?;
    Ok(held)
}
