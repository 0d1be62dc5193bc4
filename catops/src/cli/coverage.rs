//! `catops coverage`: every alarm with its best suggestion, and the runbooks that help nobody.

use super::read::Reader;
#[cfg(feature = "aws")]
use super::read::block_on;
use super::{links, tried};
use crate::clock;
use crate::coverage::history::History;
use crate::coverage::{Existing, Report, Row, Used, report, rules};
use crate::store::Data;
use anyhow::{Context, Result, bail};
use incident::RunbookId;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Lines of each list below the alarms.
const LIST_LINES: usize = 20;
/// Lines of each part of a Markdown report: a comment is read, not scrolled.
const COMMENT_LINES: usize = 15;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration folder.
    #[arg(long)]
    config: PathBuf,
    /// The alarms of a log, a data folder or `dynamodb:TABLE`, and what was made of the suggestions.
    #[arg(long)]
    data: Option<Data>,
    /// The alerts of Prometheus rule files: a file, or a folder of them.
    #[arg(long, value_name = "FILE_OR_DIR")]
    rules: Vec<PathBuf>,
    /// The alarms of a CloudWatch account, as the environment names it.
    #[cfg(feature = "aws")]
    #[arg(long)]
    cloudwatch: bool,
    /// Ask every runbook link of an alarm whether it is still there.
    #[arg(long)]
    check_links: bool,
    /// Fail, with exit code 1, when a smaller share of the alarms is covered, 0 to 1.
    #[arg(long, value_name = "SHARE")]
    min_covered: Option<f64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Print a comment for a pull request.
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let tried = tried::read(&args.config, None)?;
    let (mut existing, used) = match &args.data {
        Some(data) => read_log(data)?,
        None => (Vec::new(), Used::default()),
    };
    for place in &args.rules {
        for file in rule_files(place)? {
            let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            let found = rules::alarms(&file.display().to_string(), &text);
            existing.extend(found.with_context(|| format!("{} is no rule file", file.display()))?);
        }
    }
    #[cfg(feature = "aws")]
    if args.cloudwatch {
        existing.extend(block_on(crate::context::all_alarms())?);
    }
    if existing.is_empty() {
        bail!("no alarm is known: name a log with --data, rule files with --rules, or --cloudwatch");
    }
    let report = report(&tried, &existing, &used, clock::now());
    let dead = if args.check_links { links::dead(&existing)? } else { Vec::new() };
    if args.json {
        let told = serde_json::json!({ "covered": report.covered(), "report": report, "dead_links": dead });
        println!("{}", serde_json::to_string_pretty(&told)?);
    } else if args.markdown {
        print!("{}", markdown(&report, &dead));
    } else {
        print(&report, &dead);
    }
    if let Some(least) = args.min_covered.filter(|least| report.covered() < *least) {
        eprintln!(
            "catops: {:.1} % of the alarms are covered, less than {:.1} %",
            100.0 * report.covered(),
            100.0 * least
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn read_log(data: &Data) -> Result<(Vec<Existing>, Used)> {
    let mut history = History::default();
    Reader::open(data)?.every_event(|event| history.apply(event))?;
    Ok(history.end())
}

/// A file, or the YAML files below a folder, in order.
fn rule_files(place: &Path) -> Result<Vec<PathBuf>> {
    if place.is_file() {
        return Ok(vec![place.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(place).with_context(|| format!("reading {}", place.display()))? {
        let path = entry?.path();
        let is_yaml = path.extension().is_some_and(|end| end == "yml" || end == "yaml");
        if path.is_dir() {
            files.extend(rule_files(&path)?);
        } else if is_yaml {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn print(report: &Report, dead: &[links::Dead]) {
    let covered = report.alarms.iter().filter(|row| row.covered).count();
    println!("{covered} of {} alarms have a suggestion ({:.1} %)\n", report.alarms.len(), 100.0 * report.covered());
    for row in &report.alarms {
        println!("{}  {}", if row.covered { "   " } else { "NO " }, told(row));
    }
    list(
        "\nTwo runbooks fit equally well:",
        report.fights().map(|(row, fight)| format!("{}: {} and {}", row.alarm, fight[0], fight[1])),
    );
    list("\nRunbooks that no alarm leads to:", ids(&report.never_matched));
    list("\nSuggested, and never run:", ids(&report.never_clicked));
    list("\nRun, and never seen to help:", ids(&report.never_helped));
    list("\nDead runbook links:", dead.iter().map(ToString::to_string));
}

fn told(row: &Row) -> String {
    let fired = if row.fired > 0 { format!("  fired {}", row.fired) } else { String::new() };
    let what = match (&row.suggestion, &row.runbook) {
        (Some(suggestion), Some(runbook)) => format!("{suggestion}  ({runbook}, {:.0} %)", 100.0 * row.explained),
        (_, Some(runbook)) => format!("no good match; the nearest is {runbook}, {:.0} %", 100.0 * row.explained),
        (_, None) => "no runbook shares a word with it".to_owned(),
    };
    format!("{}{fired}: {what}", row.alarm)
}

fn ids(ids: &[RunbookId]) -> impl Iterator<Item = String> {
    ids.iter().map(ToString::to_string)
}

fn list(head: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return;
    }
    println!("{head}");
    lines.iter().take(LIST_LINES).for_each(|line| println!("  {line}"));
    if lines.len() > LIST_LINES {
        println!("  and {} more; --json lists all", lines.len() - LIST_LINES);
    }
}

/// Short, the worst first.
fn markdown(report: &Report, dead: &[links::Dead]) -> String {
    let covered = report.alarms.iter().filter(|row| row.covered).count();
    let mut text = format!(
        "**{covered} of {} alarms have a suggestion** ({:.1} %)\n",
        report.alarms.len(),
        100.0 * report.covered()
    );
    let plain = |text: &str| text.replace(['|', '`', '\n', '<', '>', '@'], " ");
    let mut part = |head: &str, lines: Vec<String>| {
        if lines.is_empty() {
            return;
        }
        text.push_str(&format!("\n{head} ({})\n", lines.len()));
        lines.iter().take(COMMENT_LINES).for_each(|line| text.push_str(&format!("- {}\n", plain(line))));
        if lines.len() > COMMENT_LINES {
            text.push_str(&format!("- and {} more\n", lines.len() - COMMENT_LINES));
        }
    };
    part("No good match", report.uncovered().map(told).collect());
    part(
        "Two runbooks fit equally well",
        report.fights().map(|(row, fight)| format!("{}: {} and {}", row.alarm, fight[0], fight[1])).collect(),
    );
    part("Run, and never seen to help", ids(&report.never_helped).collect());
    part("Suggested, and never run", ids(&report.never_clicked).collect());
    part("Dead runbook links", dead.iter().map(ToString::to_string).collect());
    part("Runbooks that no alarm leads to", ids(&report.never_matched).collect());
    text
}
