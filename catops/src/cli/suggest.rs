//! `catops suggest`: rank from the shell, one alarm or a whole file of them.

use super::tried;
use crate::backtest::Tried;
use crate::clock;
use crate::runbooks::in_words;
use anyhow::{Context, Result, bail};
use incident::Alarm;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The alarm, in words: its name and what it says.
    words: Vec<String>,
    /// The service it belongs to.
    #[arg(long)]
    service: Option<String>,
    /// Labels, as name=value.
    #[arg(long = "label", value_name = "NAME=VALUE")]
    labels: Vec<String>,
    /// The configuration folder; without it the starter library is ranked.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Rank a whole file instead: one JSON alarm a line, {"id","name","labels","summary","description","expr"}.
    #[arg(long, value_name = "FILE", requires = "runbooks", conflicts_with = "words")]
    alarms: Option<PathBuf>,
    /// The runbooks for --alarms: a folder of Markdown, or a file with one JSON runbook a line, {"id","title","text"}.
    #[arg(long, value_name = "DIR_OR_FILE")]
    runbooks: Option<PathBuf>,
    /// How many.
    #[arg(long, default_value_t = 10)]
    top: usize,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    match (&args.alarms, &args.runbooks) {
        (Some(alarms), Some(runbooks)) => rank_file(args, alarms, runbooks),
        _ if args.words.is_empty() => bail!("say what the alarm says: catops suggest orders-db CPU above 90 percent"),
        _ => rank_one(args),
    }
}

fn rank_file(args: &Args, alarms: &std::path::Path, runbooks: &std::path::Path) -> Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let began = clock::mark();
    let weights = index::Weights::built_in();
    for ranked in index::rank_file(alarms, runbooks, args.top, weights, &|| began.elapsed()).context("ranking")? {
        serde_json::to_writer(&mut out, &ranked)?;
        out.write_all(b"\n")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn rank_one(args: &Args) -> Result<ExitCode> {
    let Tried { setup, library } = tried::read_or_starter(args.config.as_deref())?;
    let alarm = alarm(args)?;
    let hits = library.search(&alarm, args.top);
    let none = incident::Record::default();
    let known = suggest::Known::of(&none);
    let ranking = suggest::suggest(&alarm, &hits, &setup.catalogue, known, clock::now());
    if args.json {
        let answer = serde_json::json!({
            "suggestions": ranking.suggestions, "runners_up": ranking.runners_up, "no_match": ranking.no_match,
        });
        println!("{}", serde_json::to_string_pretty(&answer)?);
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(no_match) = &ranking.no_match {
        println!("{no_match}");
    }
    for (rank, suggestion) in ranking.suggestions.iter().enumerate() {
        println!("{}. {}  (score {:.2})\n   {}", rank + 1, suggestion.title, suggestion.score, suggestion.reason);
    }
    Ok(ExitCode::SUCCESS)
}

fn alarm(args: &Args) -> Result<Alarm> {
    let mut labels = BTreeMap::new();
    for label in &args.labels {
        let (name, value) = label.split_once('=').with_context(|| format!("\"{label}\" is not NAME=VALUE"))?;
        labels.insert(name.to_owned(), value.to_owned());
    }
    Ok(Alarm {
        resource: labels.get("resource").cloned().unwrap_or_default(),
        service: args.service.clone(),
        labels,
        ..in_words(&args.words.join(" "))
    })
}
