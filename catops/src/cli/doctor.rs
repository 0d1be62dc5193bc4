//! `catops doctor --aws`: what stands in an account, line by line, each with the next step when it is wrong. Exit code 1 when
//! something is.

use super::read::block_on;
use crate::doctor::{Finding, State, examine};
use crate::store::Data;
use anyhow::{Result, bail};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Look at an AWS account: the one that the environment's credentials belong to.
    #[arg(long, required = true)]
    aws: bool,
    /// The stack's table, dynamodb:TABLE.
    #[arg(long, env = "CATOPS_DATA")]
    data: Data,
    /// The configuration folder that was deployed.
    #[arg(long, env = "CATOPS_CONFIG")]
    config: Option<PathBuf>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let Data::Table(table) = &args.data else {
        bail!("{} is no table; write --data dynamodb:TABLE, the table's name stands in the stack's outputs", args.data);
    };
    let findings = block_on(async { Ok(examine(table, args.config.as_deref()).await) })?;
    let number_of = |state| findings.iter().filter(|finding| finding.state == state).count();
    let wrong = number_of(State::Wrong);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&json!({ "ok": wrong == 0, "findings": findings }))?);
    } else {
        findings.iter().for_each(print);
        println!("\n{wrong} wrong, {} not checked, {} ok", number_of(State::NotChecked), number_of(State::Ok));
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(finding: &Finding) {
    let state = match finding.state {
        State::Ok => "ok",
        State::Wrong => "WRONG",
        State::NotChecked => "not checked",
    };
    println!("{state:<12}{:<24}{}", finding.what, finding.seen);
    if let Some(next) = &finding.next {
        println!("{:<12}{:<24}-> {next}", "", "");
    }
}
