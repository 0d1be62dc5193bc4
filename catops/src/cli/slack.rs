//! `catops slack manifest`: the Slack app, ready to be pasted under "Create New App, From a manifest".

use crate::config::Setup;
use anyhow::{Result, bail};
use slack::manifest::{Extras, manifest};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// Print the manifest of the Slack app, as JSON.
    Manifest {
        /// Where Slack reaches CatOps, https://...
        #[arg(long, value_parser = reachable)]
        url: String,
        /// The configuration folder: then the scopes for topics and user groups are asked for when it has some.
        #[arg(long)]
        config: Option<PathBuf>,
    },
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let Args::Manifest { url, config } = args;
    let extras = config.as_deref().map(extras).transpose()?.unwrap_or_default();
    println!("{}", serde_json::to_string_pretty(&manifest(url, extras))?);
    Ok(ExitCode::SUCCESS)
}

/// What a configuration folder uses beyond what every CatOps does.
fn extras(config: &Path) -> Result<Extras> {
    let Some(setup) = Setup::read(config).setup else {
        bail!("{0} cannot be used; `catops lint {0}` says why", config.display());
    };
    let topics = setup.rota.schedules.values().any(|schedule| schedule.topic);
    Ok(Extras { topics, usergroups: !setup.config.usergroups.is_empty() })
}

/// Slack calls over TLS only; a query would end up in the middle of the paths.
fn reachable(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text).map_err(|error| format!("{error}; write it as https://catops.example.com"))?;
    if url.scheme() != "https" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err("Slack needs an address that begins with https:// and has no query".to_owned());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}
