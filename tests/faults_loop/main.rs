//! Faults on the built binary, from outside: `tests/faults` builds and starts this, and says what there is to ask for.
//! Prints what came of it, and ends with 1 when something is not as it must be.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it prints what it finds")]

mod dice;
mod judge;
mod kills;
mod points;
mod process;
mod sender;
mod slack;
#[cfg(feature = "aws")]
mod table;

use anyhow::{Context, Result, bail, ensure};
use points::POINTS;
use std::process::ExitCode;

/// The bugs that can be planted.
const BUGS: [&str; 3] = ["acknowledge-before-append", "resend-without-asking", "mark-failed-after-crash"];

/// What was asked for on the command line.
#[derive(Default)]
struct Options {
    kills: u64,
    seed: u64,
    history_fails: bool,
    in_table: bool,
    json: bool,
    point: Option<String>,
    planted: Option<String>,
}

impl Options {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self { kills: 100, seed: 1, ..Self::default() };
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} wants a value"));
            match word.as_str() {
                "--kills" => options.kills = value()?.parse().context("--kills wants a number")?,
                "--seed" => options.seed = value()?.parse().context("--seed wants a number")?,
                "--history-fails" => options.history_fails = true,
                "--table" => options.in_table = true,
                "--json" => options.json = true,
                "--point" => options.point = Some(value()?),
                "--planted" => options.planted = Some(value()?),
                _ => bail!("{word} is none of --kills, --seed, --history-fails, --point, --planted, --table, --json"),
            }
        }
        if let Some(bug) = &options.planted {
            ensure!(BUGS.contains(&bug.as_str()), "{bug} is none of {BUGS:?}");
        }
        Ok(options)
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let options = Options::read(std::env::args().skip(1))?;
    let good = match &options.point {
        Some(wanted) => points(wanted).await?,
        None => kills(&options).await?,
    };
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn kills(options: &Options) -> Result<bool> {
    let json = options.json;
    let tell = |line: &str| if json { eprintln!("{line}") } else { println!("{line}") };
    let asked = kills::Asked {
        kills: options.kills,
        seed: options.seed,
        history_fails: options.history_fails,
        in_table: options.in_table,
        planted: options.planted.as_deref(),
    };
    let verdict = kills::run(asked, tell).await?;
    if json {
        println!("{}", serde_json::to_string(&verdict)?);
    } else {
        println!("{}", verdict.line());
        for finding in &verdict.findings {
            println!("  {finding}");
        }
    }
    Ok(verdict.is_good())
}

/// All points at the same time: most of each is waiting for a lease to end.
async fn points(wanted: &str) -> Result<bool> {
    let chosen: Vec<_> = POINTS.iter().filter(|point| wanted == "all" || wanted == point.name).collect();
    ensure!(!chosen.is_empty(), "{wanted} is none of all, {}", POINTS.map(|point| point.name).join(", "));
    let running: Vec<_> = chosen.into_iter().map(|point| tokio::spawn(points::run(point))).collect();
    let mut good = true;
    for running in running {
        match running.await? {
            Ok(line) => println!("{line}"),
            Err(error) => {
                good = false;
                println!("VIOLATION: {error:#}");
            }
        }
    }
    Ok(good)
}
