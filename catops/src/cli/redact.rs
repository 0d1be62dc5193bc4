//! `catops redact INC-1 --why "..."`: takes a text out of an incident, or of dead letters, for good. The text is read from standard input, so
//! that it is kept in no history of a shell.

use super::read::block_on;
use crate::clock;
use crate::flow::redact::{Place, Wish, holders, redact};
use crate::store::Data;
use anyhow::{Context, Result, bail};
use std::io::{IsTerminal, Read};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of which incident, INC-42 or 42; or of the deliveries of a source that could not be read, dead-letters/generic.
    place: Place,
    /// Why; kept in the log, so it must not hold the text.
    #[arg(long)]
    why: String,
    /// Who takes it out: an id of rota/*.toml.
    #[arg(long)]
    by: String,
    /// The data folder, whose server must be stopped meanwhile, or `dynamodb:TABLE`.
    #[arg(long, env = "CATOPS_DATA", default_value = "catops-data")]
    data: Data,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    if std::io::stdin().is_terminal() {
        eprintln!("The text to take out of {}, then Enter and Ctrl-D:", args.place);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("reading the text from standard input")?;
    let text = text.trim_end_matches(['\r', '\n']).to_owned();
    if text.is_empty() {
        bail!("the text to take out is read from standard input, and it was empty");
    }
    let wish = Wish { place: args.place.clone(), text, by: args.by.as_str().into(), why: args.why.clone() };
    let (seqs, elsewhere) = block_on(async {
        let log = args.data.open().await?;
        let seqs = redact(&*log, &wish, clock::now()).await?;
        Ok((seqs, holders(&*log, &wish.text).await?))
    })?;
    let seqs: Vec<String> = seqs.iter().map(u64::to_string).collect();
    println!("taken out of event {} of {}, and the payloads that came with them are gone", seqs.join(", "), args.place);
    for stream in elsewhere {
        println!("still in {stream}: {}", remedy(&stream));
    }
    println!("what was already shown in Slack has to be deleted there; copies and backups still hold the text");
    Ok(ExitCode::SUCCESS)
}

/// What to do about another stream that holds the text.
fn remedy(stream: &str) -> String {
    match (stream.strip_prefix("inc/"), stream.strip_prefix("dead-letters/")) {
        (Some(number), _) => format!("redact INC-{number}, too"),
        (None, Some(_)) => format!("redact {stream}, too"),
        (None, None) => {
            "only incidents and dead letters can be redacted; keep the data folder from those who must not read it"
                .to_owned()
        }
    }
}
