//! `catops backtest`: how good the suggestions would have been on the log's own history.

use super::read::{DataArgs, Reader, block_on};
use super::tried;
use crate::backtest::{AsThen, Hits, Miss, Replay, Report, Score};
use crate::clock;
use crate::config::file::parse_duration;
use crate::runbooks_then::Then;
use anyhow::{Context, Result, bail};
use chrono::TimeDelta;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// The configuration folder that is tried; its runbooks as they stood at each incident, where the log knows that.
    #[arg(long)]
    config: PathBuf,
    /// These runbooks for all incidents, whatever there was at the time.
    #[arg(long, value_name = "DIR")]
    runbooks: Option<PathBuf>,
    /// A second configuration, shown beside the first; its runbooks for all incidents.
    #[arg(long, value_name = "DIR")]
    against: Option<PathBuf>,
    /// How far back incidents are counted, such as 180d or 12h; all before is learned from.
    #[arg(long, default_value = "180d", value_parser = parse_duration)]
    since: TimeDelta,
    /// How many of the worst misses are shown.
    #[arg(long, default_value_t = 10)]
    misses: usize,
    /// Fail, with exit code 1, when what helped stands among the first three less often than this, 0 to 1.
    #[arg(long, value_name = "SHARE")]
    min_hit3: Option<f64>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let mut tried = vec![tried::read(&args.config, args.runbooks.as_deref())?];
    if let Some(against) = &args.against {
        tried.push(tried::read(against, None)?);
    }
    let reader = Reader::open(&args.data.data)?;
    let since = clock::now().checked_sub_signed(args.since).context("--since is too long")?;
    let mut replay = Replay::new(&tried, since);
    if args.runbooks.is_none() {
        replay = replay.with_runbooks_then(block_on(async { Ok(Then::read(reader.log()).await?) })?);
    }
    reader.every_event(|event| replay.apply(event))?;
    let report = replay.report(args.misses);
    if report.incidents == 0 {
        bail!("no incident opened since {}; --since looks further back", since.format("%Y-%m-%d %H:%M UTC"));
    }
    if args.data.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    let hit_3 = report.scores[0].helped.hit_3;
    if let Some(least) = args.min_hit3.filter(|least| hit_3 < *least) {
        eprintln!(
            "catops: what helped stood among the first three in {:.1} %, less than {:.1} %",
            100.0 * hit_3,
            100.0 * least
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn print(report: &Report) {
    println!("{} incidents, ranked as they stood when they opened\n", report.incidents);
    if let Some(then) = report.runbooks {
        print_runbooks(report, then);
    }
    let columns = |show: &dyn Fn(&Score) -> String| report.scores.iter().map(show).collect::<Vec<_>>().join("  ");
    let head = if report.scores.len() > 1 { " config  against" } else { "" };
    println!("{:<34}{head}", "");
    println!("{:<34}{}", "something was suggested", columns(&|score| percent(score.coverage)));
    for (what, of) in [("what helped", helped as fn(&Score) -> Hits), ("what was asked for", chosen)] {
        println!("{:<34}{}", format!("{what} is known of"), columns(&|score| format!("{:>7}", of(score).judged)));
        println!("{:<34}{}", format!("  {what} stood first"), columns(&|score| percent(of(score).hit_1)));
        println!("{:<34}{}", "  among the first three", columns(&|score| percent(of(score).hit_3)));
        println!("{:<34}{}", "  mean reciprocal rank", columns(&|score| format!("{:>7.3}", of(score).mrr)));
    }
    if report.scores.len() > 1 {
        let changed = report.changed;
        println!(
            "\nBeside the first, the second is better on {}, worse on {}, the same on {}.",
            changed.better, changed.worse, changed.same
        );
    }
    if !report.misses.is_empty() {
        println!("\nWhat helped and was not among the first three; `catops why INC-...` tells what was shown:");
    }
    report.misses.iter().for_each(print_miss);
}

/// Which runbooks ranked.
fn print_runbooks(report: &Report, then: AsThen) {
    let Some(since) = then.since.map(|since| since.format("%Y-%m-%d %H:%M UTC")) else {
        println!(
            "The log does not know how the runbooks stood; those of now are used. A server writes it down from now on.\n"
        );
        return;
    };
    match report.incidents - then.incidents {
        0 => println!("By the runbooks as they stood at each incident\n"),
        now => println!(
            "By the runbooks as they stood at each incident, since {since}; {now} before that by those of now\n"
        ),
    }
}

fn helped(score: &Score) -> Hits {
    score.helped
}

fn chosen(score: &Score) -> Hits {
    score.chosen
}

fn print_miss(miss: &Miss) {
    let place = miss.place.map_or_else(|| "not found".to_owned(), |place| format!("place {place}"));
    let list = |actions: &[incident::ActionId]| match actions {
        [] => "nothing".to_owned(),
        actions => actions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    println!(
        "  {}  {}: {} helped ({place}); suggested {}",
        miss.incident,
        miss.title,
        list(&miss.helped),
        list(&miss.suggested)
    );
}

fn percent(share: f64) -> String {
    format!("{:>5.1} %", 100.0 * share)
}
