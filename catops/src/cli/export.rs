//! `catops export [FILE|-]`: the whole log as JSON lines, as it was at one moment, beside the running server.
//!
//! A log that is written to cannot be read table by table: what belongs together would be torn apart. So a copy is made
//! first, as a backup is, checked, and read in short pieces however slowly the lines are taken; it is gone at the end.

use super::backup::{read_only, sound};
use super::progress::Bar;
use super::read::{DataArgs, Reader, block_on};
use crate::transfer::export;
use anyhow::{Context, Result, bail};
use log::EventLog;
use log::lines::Counts;
use serde_json::json;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file, which must not exist; `-` writes to standard output.
    #[arg(default_value = "-")]
    file: PathBuf,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let to_stdout = args.file == Path::new("-");
    if !to_stdout && args.file.exists() {
        bail!("{} exists already; an export never overwrites one", args.file.display());
    }
    let Some(data) = args.data.data.folder() else { return export_table(args, to_stdout) };
    // Beside the target, where there must be room anyway, and so that the file only has to be renamed.
    let folder = match to_stdout {
        true => tempfile::tempdir().context("making a folder for the copy")?,
        false => {
            let parent = parent(&args.file);
            tempfile::tempdir_in(parent).with_context(|| format!("writing in {}", parent.display()))?
        }
    };
    let log = read_only(data)?;
    block_on(async { Ok(log.back_up(&folder.path().join("log.db")).await?) })?;
    sound(folder.path())?;
    let copy = read_only(folder.path()).context("opening the copy")?;
    let counts = write_out(&copy, args, to_stdout)?;
    tell(args, to_stdout, counts);
    Ok(ExitCode::SUCCESS)
}

/// A table is read as it is. What others write meanwhile may come in half, and an import would say so.
fn export_table(args: &Args, to_stdout: bool) -> Result<ExitCode> {
    let reader = Reader::open(&args.data.data)?;
    let counts = write_out(reader.log(), args, to_stdout)?;
    tell(args, to_stdout, counts);
    Ok(ExitCode::SUCCESS)
}

fn write_out(log: &dyn EventLog, args: &Args, to_stdout: bool) -> Result<Counts> {
    if to_stdout { Ok(write(log, std::io::stdout().lock())?.1) } else { to_file(log, &args.file) }
}

/// The file is its owner's alone, and has its name once it is whole and on disk.
fn to_file(log: &dyn EventLog, target: &Path) -> Result<Counts> {
    let file = tempfile::NamedTempFile::new_in(parent(target)).context("making the file")?;
    let (file, counts) = write(log, file)?;
    file.as_file().sync_all().context("writing the file to disk")?;
    file.persist_noclobber(target).with_context(|| format!("writing {}", target.display()))?;
    Ok(counts)
}

fn write<W: Write>(log: &dyn EventLog, out: W) -> Result<(W, Counts)> {
    let bar = Bar::new("events");
    let out = BufWriter::with_capacity(1 << 20, out);
    let written = block_on(export(log, out, |header, counts| bar.at(counts.events, header.events)));
    bar.end();
    let (out, counts) = written?;
    Ok((out.into_inner().map_err(|error| error.into_error()).context("writing the last lines")?, counts))
}

fn parent(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Where the lines do not go.
fn tell(args: &Args, to_stdout: bool, counts: Counts) {
    let text = match args.data.json {
        true => json!({ "file": args.file, "lines": counts.sum() + 2, "counts": counts }).to_string(),
        false => format!(
            "{} events in {} streams, {} receipts, {} claims and {} effects, checked, are in {}",
            counts.events,
            counts.streams,
            counts.receipts,
            counts.claims,
            counts.effects,
            if to_stdout { "the output".to_owned() } else { args.file.display().to_string() }
        ),
    };
    if to_stdout { eprintln!("{text}") } else { println!("{text}") }
}
