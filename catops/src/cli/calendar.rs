//! `catops calendar`: opens, lists and revokes the secret addresses under which calendar programs read shifts, and shows what
//! a calendar that somebody else keeps would mean. An address is printed once, when it is opened; it is kept nowhere.

mod import;
mod status;

use super::read::{DataArgs, Reader, block_on};
use crate::clock;
use crate::config::Setup;
use crate::flow::desk::{self, Wish};
use crate::flow::feeds::{self, Minted, OpenFeed, Whose};
use crate::store::Data;
use anyhow::{Context, Result, bail};
use incident::ResponderId;
use log::{EventLog, OpenError};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// Open a secret address under which a calendar program reads the shifts of a schedule or a person.
    Open(OpenArgs),
    /// List the addresses that are open, by number; the addresses themselves are known to nobody.
    List(DataArgs),
    /// Revoke an address: from then on it is as unknown as any other.
    Revoke(RevokeArgs),
    /// List the calendars that the rota counts with: how old each is, and what is wrong with it.
    Status(status::Args),
    /// Let the copy of a calendar count that waits because most of its entries are gone.
    Accept(status::AcceptArgs),
    /// Have the running server fetch a calendar now.
    Fetch(status::FetchArgs),
    /// Show what a calendar of others means for a schedule: who would be on call, away, or which days are holidays.
    Import(import::Args),
}

#[derive(Debug, clap::Args)]
pub(super) struct OpenArgs {
    /// The name of a schedule or the id of a person.
    whose: String,
    /// Who opens it: an id of rota/*.toml.
    #[arg(long)]
    by: ResponderId,
    /// The configuration folder.
    #[arg(long, env = "CATOPS_CONFIG", default_value = ".")]
    config: PathBuf,
    /// The data folder, whose server may run, or `dynamodb:TABLE`.
    #[arg(long, env = "CATOPS_DATA", default_value = "catops-data")]
    data: Data,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct RevokeArgs {
    /// Its number, as `catops calendar list` prints it.
    id: u64,
    /// Who revokes it: an id of rota/*.toml.
    #[arg(long)]
    by: ResponderId,
    /// The data folder, whose server may run, or `dynamodb:TABLE`.
    #[arg(long, env = "CATOPS_DATA", default_value = "catops-data")]
    data: Data,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    match args {
        Args::Open(args) => open(args),
        Args::List(args) => list(args),
        Args::Revoke(args) => revoke(args),
        Args::Status(args) => status::list(args),
        Args::Accept(args) => status::accept(args),
        Args::Fetch(args) => status::fetch(args),
        Args::Import(args) => import::run(args),
    }
}

fn open(args: &OpenArgs) -> Result<ExitCode> {
    let setup = setup(&args.config)?;
    let whose = Whose::find(&setup.rota, &args.whose)?;
    if !setup.rota.is_responder(&args.by) {
        bail!("there is no person \"{}\" in rota/*.toml", args.by);
    }
    let minted = Minted::fresh()?;
    let feed: OpenFeed = block_on(async {
        match Way::to(&args.data).await? {
            Way::Own(log) => Ok(feeds::open(&*log, whose, args.by.clone(), &minted, clock::now()).await?),
            Way::Beside(folder) => {
                let (by, digest, site) = (args.by.clone(), minted.secret.digest(), minted.site.clone());
                let told = desk::ask(&folder, &Wish::OpenFeed { whose, by, digest: digest.clone(), site }).await?;
                let (id, at) = (told["id"].as_u64(), serde_json::from_value(told["at"].clone()));
                let whose = serde_json::from_value(told["whose"].clone()).context("reading what the server opened")?;
                Ok(OpenFeed {
                    id: id.context("reading what the server opened")?,
                    whose,
                    digest,
                    by: args.by.clone(),
                    at: at.context("reading what the server opened")?,
                })
            }
        }
    })?;
    let base = setup.config.public_url.as_deref().unwrap_or_default().trim_end_matches('/');
    let address = format!("{base}{}", minted.secret.path());
    if args.json {
        let mut told = as_json(&feed);
        told["address"] = Value::from(address);
        println!("{}", serde_json::to_string_pretty(&told)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("feed {} shows the shifts of {}:\n  {address}", feed.id, feed.whose);
    if base.is_empty() {
        println!(
            "put the address of the server in front of it; with public_url in catops.toml it stands there already"
        );
    }
    println!(
        "whoever has the address can read them; it is shown this once, and `catops calendar revoke {} --by YOU` ends it",
        feed.id
    );
    Ok(ExitCode::SUCCESS)
}

fn list(args: &DataArgs) -> Result<ExitCode> {
    let reader = Reader::open(&args.data)?;
    let feeds = block_on(async { Ok(feeds::load(reader.log()).await?) })?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&feeds.open.iter().map(as_json).collect::<Vec<_>>())?);
        return Ok(ExitCode::SUCCESS);
    }
    if feeds.open.is_empty() {
        println!("no feed is open; `catops calendar open SCHEDULE --by YOU` opens one");
    }
    for feed in &feeds.open {
        let at = feed.at.format("%Y-%m-%d %H:%M UTC");
        println!("{:>4}  {}, opened {at} by {}", feed.id, feed.whose, reader.name(&feed.by));
    }
    Ok(ExitCode::SUCCESS)
}

fn revoke(args: &RevokeArgs) -> Result<ExitCode> {
    block_on(async {
        match Way::to(&args.data).await? {
            Way::Own(log) => Ok(feeds::revoke(&*log, args.id, args.by.clone(), clock::now()).await?),
            Way::Beside(folder) => {
                desk::ask(&folder, &Wish::RevokeFeed { id: args.id, by: args.by.clone() }).await.map(drop)
            }
        }
    })?;
    println!(
        "feed {} is revoked; programs keep what they have read until they are told to forget the calendar",
        args.id
    );
    Ok(ExitCode::SUCCESS)
}

/// How something is written into a log that is there; an address of one that was made by mistake would never be answered.
enum Way {
    /// Nobody else has it.
    Own(Arc<dyn EventLog>),
    /// A server has this folder, and is asked.
    Beside(PathBuf),
}

impl Way {
    async fn to(data: &Data) -> Result<Self> {
        data.open_read_only().await?;
        match data.open().await {
            Ok(log) => Ok(Self::Own(log)),
            Err(error) => match (error.downcast_ref::<OpenError>(), data.folder()) {
                (Some(OpenError::InUse { .. }), Some(folder)) => Ok(Self::Beside(folder.to_owned())),
                _ => Err(error),
            },
        }
    }
}

fn as_json(feed: &OpenFeed) -> Value {
    json!({ "id": feed.id, "whose": feed.whose, "by": feed.by, "at": feed.at })
}

fn setup(config: &Path) -> Result<Setup> {
    match Setup::read(config).setup {
        Some(setup) => Ok(setup),
        None => bail!("{} cannot be used; `catops lint {}` says why", config.display(), config.display()),
    }
}
