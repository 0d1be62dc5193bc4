//! `catops held`: what a restore put aside, and a person's word about it.

use super::read::{DataArgs, Reader, block_on};
use crate::clock;
use anyhow::{Result, bail};
use log::{Append, Effect, EffectId, EffectState, EventLog};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Effects that are listed, at most.
const LISTED_MAX: usize = 10_000;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// Let this one go on, or `all`. The server must be stopped meanwhile.
    #[arg(long, value_name = "ID")]
    release: Option<String>,
    /// Nobody wants this one any more, or `all`. The server must be stopped meanwhile.
    #[arg(long, value_name = "ID", conflicts_with = "release")]
    drop: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    match (&args.release, &args.drop) {
        (None, None) => list(args),
        (Some(wanted), _) => decide(args, wanted, "goes on", release),
        (None, Some(wanted)) => decide(args, wanted, "is dropped", drop),
    }
}

fn list(args: &Args) -> Result<ExitCode> {
    let reader = Reader::open(&args.data.data)?;
    let held = block_on(async { Ok(reader.log().effects(EffectState::Held, LISTED_MAX).await?) })?;
    if args.data.json {
        println!("{}", serde_json::to_string_pretty(&held.iter().map(as_json).collect::<Vec<_>>())?);
        return Ok(ExitCode::SUCCESS);
    }
    for effect in &held {
        let due = effect.wanted.due_at.format("%Y-%m-%d %H:%M:%S UTC");
        println!("{due}  {}  {}", effect.wanted.id, effect.error.as_deref().unwrap_or_default());
    }
    match held.len() {
        0 => println!("nothing is held"),
        count => println!("{count} held; `--release ID` lets one go on, `--drop ID` forgets it, `all` stands for all"),
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(effect: &Effect) -> Value {
    let task: Value = serde_json::from_slice(&effect.wanted.body).unwrap_or_default();
    json!({ "id": effect.wanted.id, "due_at": effect.wanted.due_at, "task": task, "why": effect.error })
}

/// Says the same of one held effect or of all.
fn decide(
    args: &Args,
    wanted: &str,
    becomes: &str,
    say: impl AsyncFn(&dyn EventLog, EffectId) -> Result<()>,
) -> Result<ExitCode> {
    let said = block_on(async {
        let log = args.data.data.open().await?;
        let held = log.effects(EffectState::Held, LISTED_MAX).await?;
        let ids = held.into_iter().map(|effect| effect.wanted.id);
        let meant: Vec<EffectId> = ids.filter(|id| wanted == "all" || id.as_str() == wanted).collect();
        if meant.is_empty() {
            bail!("nothing with the id {wanted} is held; `catops held` lists what is");
        }
        for id in &meant {
            say(&*log, id.clone()).await?;
        }
        Ok(meant)
    })?;
    for id in said {
        println!("{id} {becomes}");
    }
    Ok(ExitCode::SUCCESS)
}

async fn release(log: &dyn EventLog, id: EffectId) -> Result<()> {
    log.let_go(&id, clock::now()).await?;
    Ok(())
}

async fn drop(log: &dyn EventLog, id: EffectId) -> Result<()> {
    log.append(Append { cancel: vec![id], ..Append::default() }).await?;
    Ok(())
}
