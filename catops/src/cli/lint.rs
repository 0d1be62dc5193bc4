//! `catops lint DIR`: every mistake of a configuration folder, with file and line, and what is likely wrong with the rota in
//! the next weeks. Exit code 1 when there is a mistake; a warning changes nothing about it.

use super::escalation;
use crate::clock;
use crate::config::Problem;
use crate::config::lint::{self, Whole};
use anyhow::Result;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration folder.
    dir: PathBuf,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let Whole { setup, runbooks, problems } = lint::read(&args.dir);
    let warnings = setup.as_ref().map(|setup| setup.rota.warnings(clock::now())).unwrap_or_default();
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
