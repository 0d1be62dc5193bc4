//! `catops slack manifest`: the Slack app, ready to be pasted under "Create New App, From a manifest".

use anyhow::Result;
use slack::manifest::manifest;
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// Print the manifest of the Slack app, as JSON.
    Manifest {
        /// Where Slack reaches CatOps, https://...
        #[arg(long, value_parser = reachable)]
        url: String,
    },
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let Args::Manifest { url } = args;
    println!("{}", serde_json::to_string_pretty(&manifest(url))?);
    Ok(ExitCode::SUCCESS)
}

/// Slack calls over TLS only; a query would end up in the middle of the paths.
fn reachable(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text).map_err(|error| format!("{error}; write it as https://catops.example.com"))?;
    if url.scheme() != "https" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err("Slack needs an address that begins with https:// and has no query".to_owned());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}
