//! `catops dead-letters`: deliveries that could not be read, with the reason and, on request, their bytes.

use super::read::{DataArgs, Reader, block_on};
use crate::flow::names;
use anyhow::Result;
use log::Event;
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// Print the body of this one, as `source/number`.
    #[arg(long)]
    show: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let reader = Reader::open(&args.data.data)?;
    if let Some(wanted) = &args.show {
        return show(&reader, wanted);
    }
    let letters = block_on(list(&reader))?;
    if args.data.json {
        let letters: Vec<Value> = letters.iter().map(as_json).collect();
        println!("{}", serde_json::to_string_pretty(&letters)?);
        return Ok(ExitCode::SUCCESS);
    }
    if letters.is_empty() {
        println!("no dead letters: every delivery could be read");
    }
    for letter in &letters {
        let body: Value = serde_json::from_slice(&letter.body).unwrap_or_default();
        let error = body["error"].as_str().unwrap_or_default();
        println!("{}  {}/{}  {error}", letter.at.format("%Y-%m-%d %H:%M:%S UTC"), source(letter), letter.version);
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(reader: &Reader) -> Result<Vec<Event>> {
    let mut letters = Vec::new();
    for listed in reader.log().list(names::DEAD_LETTERS, None, 200).await?.streams {
        let events = reader.log().events(&listed.id, 1, 1000).await?;
        // That text was taken out of some is no letter itself.
        letters.extend(events.into_iter().filter(|event| event.kind == names::DEAD_LETTER));
    }
    letters.sort_by_key(|letter| letter.at);
    Ok(letters)
}

fn show(reader: &Reader, wanted: &str) -> Result<ExitCode> {
    let found = wanted.rsplit_once('/').and_then(|(source, number)| Some((source, number.parse::<u64>().ok()?)));
    let Some((source, number)) = found else { anyhow::bail!("\"{wanted}\" names no dead letter; write generic/3") };
    let stream = names::dead_letters(source);
    let raw = block_on(async { Ok(reader.log().raw(&stream, number).await?) })?;
    let Some(raw) = raw else {
        anyhow::bail!("there is no dead letter {wanted}, or its bytes were taken out; `catops dead-letters` lists them")
    };
    println!("{}", String::from_utf8_lossy(&raw));
    Ok(ExitCode::SUCCESS)
}

fn source(letter: &Event) -> &str {
    names::dead_letters_of(&letter.stream).unwrap_or_default()
}

fn as_json(letter: &Event) -> Value {
    let body: Value = serde_json::from_slice(&letter.body).unwrap_or_default();
    json!({ "source": source(letter), "number": letter.version, "at": letter.at, "error": body["error"], "bytes": body["bytes"] })
}
