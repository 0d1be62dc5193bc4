//! `catops calendar status`, `accept`, `fetch`: the calendars that the rota counts with.

use super::{Way, setup};
use crate::cli::duty::print_json;
use crate::cli::read::{Reader, block_on};
use crate::clock;
use crate::flow::calendars::{self, Status};
use crate::flow::desk::{self, Wish};
use crate::store::Data;
use anyhow::{Context, Result, bail};
use incident::ResponderId;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The configuration folder.
    #[arg(long, env = "CATOPS_CONFIG", default_value = ".")]
    config: PathBuf,
    /// The data folder of `catops serve`, which may run, or `dynamodb:TABLE`.
    #[arg(long, env = "CATOPS_DATA", default_value = "catops-data")]
    data: Data,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AcceptArgs {
    /// The calendar: the NAME of [calendars.NAME].
    name: String,
    /// Who says so: an id of rota/*.toml.
    #[arg(long)]
    by: ResponderId,
    /// The configuration folder.
    #[arg(long, env = "CATOPS_CONFIG", default_value = ".")]
    config: PathBuf,
    /// The data folder, whose server may run, or `dynamodb:TABLE`.
    #[arg(long, env = "CATOPS_DATA", default_value = "catops-data")]
    data: Data,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct FetchArgs {
    /// The calendar: the NAME of [calendars.NAME].
    name: String,
    /// The data folder of the running server.
    #[arg(long, env = "CATOPS_DATA", default_value = "catops-data")]
    data: Data,
}

pub(super) fn list(args: &Args) -> Result<ExitCode> {
    let setup = setup(&args.config)?;
    let reader = Reader::open(&args.data)?;
    let statuses = block_on(async { Ok(calendars::statuses(reader.log(), &setup).await?) })?;
    if args.json {
        print_json(&serde_json::to_value(&statuses)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if statuses.is_empty() {
        println!("no calendar is named in catops.toml or in holidays");
    }
    for status in &statuses {
        println!("{}", line(status));
    }
    Ok(ExitCode::SUCCESS)
}

fn line(status: &Status) -> String {
    if let Some(say) = status.say(clock::now()) {
        return say;
    }
    let read_at = status.read_at.map(|at| format!(", read {}", at.format("%Y-%m-%d %H:%M UTC"))).unwrap_or_default();
    let entries = if status.entries == 1 { "1 entry".to_owned() } else { format!("{} entries", status.entries) };
    format!("calendar {}: {entries} ahead{read_at}", status.name)
}

pub(super) fn accept(args: &AcceptArgs) -> Result<ExitCode> {
    let setup = setup(&args.config)?;
    if !setup.rota.is_responder(&args.by) {
        bail!("there is no person \"{}\" in rota/*.toml", args.by);
    }
    let entries = block_on(async {
        match Way::to(&args.data).await? {
            Way::Own(log) => Ok(calendars::accept(&*log, &args.name, &args.by).await?.entries),
            Way::Beside(folder) => {
                let wish = Wish::AcceptCalendar { name: args.name.clone(), by: args.by.clone() };
                let told = desk::ask(&folder, &wish).await?;
                let entries = told["entries"].as_u64().and_then(|entries| usize::try_from(entries).ok());
                entries.context("reading what the server answered")
            }
        }
    })?;
    println!("calendar {} counts with its {entries} entries from now on", args.name);
    Ok(ExitCode::SUCCESS)
}

pub(super) fn fetch(args: &FetchArgs) -> Result<ExitCode> {
    let folder = args.data.only_folder()?.to_owned();
    let told = block_on(async { desk::ask(&folder, &Wish::FetchCalendar { name: args.name.clone() }).await })?;
    println!(
        "calendar {}: {}",
        args.name,
        match told["became"].as_str() {
            Some("calendar_read") => "it is another one, and counts",
            Some("calendar_held") =>
                "most of its entries are gone; the copy from before counts until somebody accepts this one",
            Some("calendar_recovered") => "it says again what counts",
            Some("calendar_failing" | "calendar_failing_long") => "it cannot be read",
            _ => "it is as it was",
        }
    );
    Ok(ExitCode::SUCCESS)
}
