//! `catops lint DIR`: every mistake of a configuration folder, with file and line, and what is likely wrong with the rota in
//! the next weeks. Exit code 1 when there is a mistake; a warning changes nothing about it.

use super::escalation;
use super::read::{Reader, block_on};
use crate::clock;
use crate::config::Problem;
use crate::config::lint::{self, Whole};
use crate::config::{Setup, calendars};
use crate::flow::{self, versions};
use crate::store::Data;
use anyhow::{Context, Result};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration folder.
    dir: PathBuf,
    /// The data folder of `catops serve` or `dynamodb:TABLE`: then calendars are looked at as the server has them.
    #[arg(long, env = "CATOPS_DATA")]
    data: Option<Data>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let Whole { mut setup, runbooks, problems } = lint::read(&args.dir);
    let mut warnings = match &mut setup {
        Some(setup) => of_calendars(setup, args.data.as_ref())?,
        None => Vec::new(),
    };
    warnings.extend(setup.iter().flat_map(|setup| setup.rota.warnings(clock::now())));
    let policies = setup.as_ref().map(|setup| escalation::totals(&setup.rota)).unwrap_or_default();
    let summary = setup.map_or_else(String::new, |setup| {
        format!(
            "{} people, {} schedules, {} runbooks, {} actions, {} sources, {} uptime checks",
            setup.rota.people.len(),
            setup.rota.schedules.len(),
            runbooks.len(),
            setup.catalogue.iter().count(),
            setup.config.sources.len(),
            setup.config.uptime.len(),
        )
    });
    print(args, &problems, &warnings, &summary)?;
    if !args.json && problems.is_empty() {
        policies.iter().for_each(|line| println!("{line}"));
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is wrong with calendars; with data as the server has them, and then the rota counts with them too.
fn of_calendars(setup: &mut Setup, data: Option<&Data>) -> Result<Vec<rota::Problem>> {
    let in_config = |setup: &Setup, name: &str, message: String| rota::Problem {
        path: "catops.toml".to_owned(),
        line: calendars::line_of(&setup.folder, name),
        message,
    };
    let mut warnings = Vec::new();
    match data {
        Some(data) => {
            let reader = Reader::open(data)?;
            let statuses = block_on(async {
                versions::recall(reader.log(), setup).await.context("reading what calendars say")?;
                Ok(flow::calendars::statuses(reader.log(), setup).await?)
            })?;
            let now = clock::now();
            let says = statuses.iter().filter_map(|status| Some((status.name.as_str(), status.say(now)?)));
            warnings.extend(says.map(|(name, say)| in_config(setup, name, say)));
        }
        None => {
            let unread = setup.config.calendars.iter().filter(|(_, calendar)| calendar.url.is_some());
            let message = |name: &String| {
                format!(
                    "calendar {name} is fetched by the server and was not looked at; name its data folder with --data"
                )
            };
            warnings.extend(unread.map(|(name, _)| in_config(setup, name, message(name))));
        }
    }
    for misread in &setup.calendars.misread {
        let message = format!("calendar {}: {}", misread.calendar, misread.message);
        warnings.push(match misread.place.line {
            0 => in_config(setup, &misread.calendar, message),
            line => rota::Problem { path: misread.place.path.to_string(), line, message },
        });
    }
    Ok(warnings)
}

fn print(args: &Args, problems: &[Problem], warnings: &[rota::Problem], summary: &str) -> Result<()> {
    if args.json {
        let problems: Vec<_> = problems
            .iter()
            .map(|problem| json!({ "path": problem.path, "line": problem.line, "message": problem.message }))
            .collect();
        let warnings: Vec<_> = warnings
            .iter()
            .map(|warning| json!({ "path": warning.path, "line": warning.line, "message": warning.message }))
            .collect();
        let answer = json!({ "problems": problems, "warnings": warnings, "summary": summary });
        println!("{}", serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    for problem in problems {
        println!("{problem}");
    }
    for warning in warnings {
        println!("warning: {}:{}: {}", warning.path, warning.line, warning.message);
    }
    match problems.len() {
        0 => println!("ok: {summary}"),
        1 => println!("1 problem"),
        many => println!("{many} problems"),
    }
    Ok(())
}
