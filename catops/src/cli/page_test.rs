//! `catops page-test`: does a page reach somebody? A test by each of their ways, and what each receiver answered.

use super::read::block_on;
use crate::app::{App, Parts};
use crate::clock;
use crate::config::Setup;
use crate::page::trial::{self, Answer};
use crate::slack_side::SlackSide;
use crate::start::{http_client, usable};
use anyhow::{Context, Result, bail};
use log::{Holder, MemoryLog};
use rota::Way;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Whom to page, by the name in rota/*.toml: ana.
    person: String,
    /// The configuration folder.
    #[arg(long, default_value = ".")]
    config: PathBuf,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let setup = usable(&args.config, Setup::read(&args.config))?;
    let Some(person) = setup.rota.person(&args.person.as_str().into()).cloned() else {
        let known: Vec<&str> = setup.rota.people.keys().map(incident::ResponderId::as_str).collect();
        bail!("nobody is called \"{}\" in rota/*.toml; there are {}", args.person, known.join(", "));
    };
    let answers: Vec<Answer> = block_on(async {
        let slack = if person.slack.is_some() { SlackSide::from_environment(&setup).ok() } else { None };
        let parts = Parts {
            log: Arc::new(MemoryLog::new()),
            data: None,
            public_url: setup.config.public_url.clone().unwrap_or_default(),
            slack,
            setup,
            library: index::Library::new(),
            http: http_client()?,
            holder: Holder::new("page-test"),
            performs: false,
        };
        let (app, _) = App::new(parts);
        let id = format!("page-test/{}/{}", person.id, clock::now().timestamp_millis());
        Ok(trial::run(&app, &person, &id).await)
    })?;
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &answers)?;
        writeln!(out)?;
    } else {
        for answer in &answers {
            let word = Way::named(answer.by).map_or(answer.by, |way| incident::channel_word(way.as_str()));
            let said = if answer.taken { "taken" } else { answer.error.as_str() };
            writeln!(out, "{word}: {said}").context("writing")?;
        }
    }
    Ok(if answers.iter().all(|answer| answer.taken) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
