//! `catops runbook WORDS`: the runbooks that say these words, or one runbook by its id; those of now, or with `--at` those
//! that the log says there were.

use super::duty::moment;
use super::read::{DataArgs, Reader, block_on};
use super::tried;
use crate::runbooks::{Found, find};
use crate::runbooks_then::Then;
use anyhow::{Result, bail};
use chrono::{DateTime, Utc};
use incident::RunbookId;
use index::{Library, Runbook, Snippet};
use rota::Zone;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What it is about, or the id of one: `disk full`, `host/disk-full`.
    #[arg(required = true)]
    words: Vec<String>,
    /// The configuration folder; without it the starter library is searched.
    #[arg(long)]
    config: Option<PathBuf>,
    /// How many.
    #[arg(long, default_value_t = 5)]
    top: usize,
    /// The runbooks as they stood then, by what the server of `--data` wrote down: an instant with a zone, or in UTC.
    #[arg(long, value_name = "INSTANT", conflicts_with = "config")]
    at: Option<String>,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let library = match &args.at {
        Some(at) => as_then(args, moment(Some(at), &Zone::utc())?)?,
        None => tried::read_or_starter(args.config.as_deref())?.library,
    };
    let words = args.words.join(" ");
    if let Some(runbook) = library.get(&RunbookId(words.trim_end_matches(".md").to_owned())) {
        print_whole(&runbook);
        return Ok(ExitCode::SUCCESS);
    }
    let found = find(&library, &words, args.top);
    if args.data.json {
        println!("{}", serde_json::to_string_pretty(&found)?);
    } else if found.is_empty() {
        println!("no runbook says \"{words}\"; a Markdown file below runbooks/ is found within seconds");
    } else {
        let bold = std::io::stdout().is_terminal();
        found.iter().for_each(|found| print(found, bold));
    }
    Ok(if found.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The runbooks as they stood then.
fn as_then(args: &Args, at: DateTime<Utc>) -> Result<Library> {
    let reader = Reader::open(&args.data.data)?;
    let mut then = block_on(async { Ok(Then::read(reader.log()).await?) })?;
    let since = then.since();
    match (then.at(at), since) {
        (Some(library), _) => Ok(library.clone()),
        (None, Some(since)) => bail!("the runbooks are known since {} only", since.format("%Y-%m-%d %H:%M:%S UTC")),
        (None, None) => bail!("{} does not know how the runbooks stood: no server wrote it down yet", args.data.data),
    }
}

fn print(found: &Found, bold: bool) {
    println!("{}  {}", found.runbook, found.title);
    if let Some(snippet) = &found.snippet {
        let heading = if snippet.heading.is_empty() { String::new() } else { format!("{}: ", snippet.heading) };
        println!("   {heading}{}", if bold { marked(snippet) } else { snippet.text.clone() });
    }
    if !found.actions.is_empty() {
        let actions: Vec<String> = found.actions.iter().map(ToString::to_string).collect();
        println!("   actions: {}", actions.join(", "));
    }
}

/// With the words that match in bold.
fn marked(snippet: &Snippet) -> String {
    let mut text = snippet.text.clone();
    for range in snippet.matches.iter().rev() {
        text.insert_str(range.end, "\x1b[0m");
        text.insert_str(range.start, "\x1b[1m");
    }
    text
}

fn print_whole(runbook: &Runbook) {
    println!("{}  ({})", runbook.title, runbook.path);
    for section in &runbook.sections {
        if section.level > 0 {
            println!("\n{} {}", "#".repeat(usize::from(section.level)), section.heading);
        }
        print!("{}", section.text);
    }
}
