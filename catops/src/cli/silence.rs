//! `catops silence` and `catops unsilence` ask the running server; `catops silences` lists those of a log.

use super::ask::{Server, wish_id};
use super::read::{DataArgs, Reader, block_on};
use crate::clock;
use crate::config::file::parse_duration;
use crate::entry::silences::{PATH, Unwanted, Wanted};
use crate::flow::silences::{self, Kept};
use crate::silence;
use anyhow::{Context, Result, bail};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use incident::{ResponderId, Silence, SilenceId};
use serde::Serialize;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Who asks, and where.
#[derive(Debug, clap::Args)]
struct Asking {
    /// Who: an id of rota/*.toml; the name of your login when it is left out.
    #[arg(long, env = "USER", hide_env_values = true)]
    by: String,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What an alarm has to meet, all of it: `alertname=HighCPU`, `instance=~web-.*`, or INC-42 for its alarm.
    #[arg(required = true)]
    what: Vec<String>,
    /// How long: 90m, 2h, 3d; at most 30 days.
    #[arg(long = "for", value_parser = parse_duration, conflicts_with = "until", required_unless_present = "until")]
    length: Option<TimeDelta>,
    /// From when on: 2026-12-24T18:00:00Z, or "2026-12-24 18:00" in UTC; now when it is left out.
    #[arg(long, value_parser = moment)]
    from: Option<DateTime<Utc>>,
    /// Until when.
    #[arg(long, value_parser = moment)]
    until: Option<DateTime<Utc>>,
    /// Why; whoever comes next reads it.
    #[arg(long, required_unless_present = "dry_run")]
    because: Option<String>,
    /// Says what it would do and what it would have kept back of the last 90 days, and makes nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    asking: Asking,
}

/// Reads an instant of RFC 3339, or one in UTC as people write it.
fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text.trim()) {
        return Ok(at.to_utc());
    }
    let read = NaiveDateTime::parse_from_str(text.trim().trim_end_matches(" UTC"), "%Y-%m-%d %H:%M");
    read.map(|at| at.and_utc())
        .map_err(|_| format!("\"{text}\" is no time; write 2026-12-24T18:00:00Z, or \"2026-12-24 18:00\" in UTC"))
}

pub(super) fn silence(args: &Args) -> Result<ExitCode> {
    let until = match (args.until, args.length) {
        (Some(until), _) => until,
        (None, length) => {
            let from = args.from.unwrap_or_else(clock::now);
            from.checked_add_signed(length.unwrap_or_default()).context("--for is too long")?
        }
    };
    let wanted = Wanted {
        id: wish_id()?,
        what: args.what.clone(),
        from: args.from,
        until,
        because: args.because.clone().unwrap_or_else(|| "a dry run".to_owned()),
        by: args.asking.by.as_str().into(),
        dry_run: args.dry_run,
    };
    args.asking.post(PATH, &wanted)
}

#[derive(Debug, clap::Args)]
pub(super) struct EndArgs {
    /// Which silence: S-3 or 3.
    silence: SilenceId,
    #[command(flatten)]
    asking: Asking,
}

pub(super) fn unsilence(args: &EndArgs) -> Result<ExitCode> {
    let by = args.asking.by.as_str().into();
    let unwanted = Unwanted { id: wish_id()?, silence: args.silence.to_string(), by };
    args.asking.post(&format!("{PATH}/end"), &unwanted)
}

impl Asking {
    fn post(&self, path: &str, body: &impl Serialize) -> Result<ExitCode> {
        let answer = match self.server.post(path, body)? {
            Ok(answer) => answer,
            Err(why) => {
                let by_login = if why.contains("not in the rota") { "; name yourself with --by" } else { "" };
                bail!("nothing done: {why}{by_login}")
            }
        };
        println!("{}", answer["told"].as_str().unwrap_or_default());
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    data: DataArgs,
}

pub(super) fn list(args: &ListArgs) -> Result<ExitCode> {
    let reader = Reader::open(&args.data.data)?;
    let now = clock::now();
    let (all, kept) = block_on(async {
        let all = silences::load(reader.log()).await.context("reading the silences")?;
        let kept = silences::kept_back(reader.log(), &all, now, usize::MAX).await;
        Ok((all, kept.context("counting what they kept back")?.unwrap_or_default()))
    })?;
    let none = Kept::default();
    let kept = |silence: &Silence| kept.get(&silence.id).unwrap_or(&none);
    let listed = all.listed(now);
    if args.data.json {
        let listed: Vec<Value> = listed.iter().map(|silence| as_json(silence, kept(silence), now)).collect();
        println!("{}", serde_json::to_string_pretty(&json!({ "silences": listed }))?);
        return Ok(ExitCode::SUCCESS);
    }
    if listed.is_empty() {
        println!("there is no silence; `catops silence alertname=HighCPU --for 2h --because \"load test\"` makes one");
    }
    let name = |who: &ResponderId| reader.name(who);
    for silence in listed {
        println!("{}", silence::line(silence, Some(kept(silence)), now, &name));
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(silence: &Silence, kept: &Kept, now: DateTime<Utc>) -> Value {
    let matchers: Vec<String> = silence.matchers.iter().map(ToString::to_string).collect();
    json!({
        "silence": silence.id.to_string(),
        "standing": silence.standing(now),
        "matchers": matchers,
        "by": silence.by,
        "because": silence.because,
        "made_at": silence.made_at,
        "starts_at": silence.starts_at,
        "ends_at": silence.ends_at,
        "ended_by": silence.ended.as_ref().map(|(by, _)| by),
        "ended_at": silence.ended.as_ref().map(|(_, at)| at),
        "kept_back": kept,
    })
}
