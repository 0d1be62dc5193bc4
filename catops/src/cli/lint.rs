//! `catops lint DIR`: every mistake of a configuration folder, with file and line. Exit code 1 when there is one.

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
    print(args, &problems, &summary)?;
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(args: &Args, problems: &[Problem], summary: &str) -> Result<()> {
    if args.json {
        let problems: Vec<_> = problems
            .iter()
            .map(|problem| json!({ "path": problem.path, "line": problem.line, "message": problem.message }))
            .collect();
        println!("{}", serde_json::to_string_pretty(&json!({ "problems": problems, "summary": summary }))?);
        return Ok(());
    }
    for problem in problems {
        println!("{problem}");
    }
    match problems.len() {
        0 => println!("ok: {summary}"),
        1 => println!("1 problem"),
        many => println!("{many} problems"),
    }
    Ok(())
}
