//! Asks the running server for something: where it is, with which token, and what it answered. What is asked for is worded by
//! the commands that do.

use super::read::block_on;
use crate::seed;
use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

/// Where the running server is, and by what right somebody asks.
#[derive(Debug, clap::Args)]
pub(super) struct Server {
    /// The running CatOps.
    #[arg(long, env = "CATOPS_URL", default_value = "http://127.0.0.1:7070")]
    url: String,
    /// A token of `[drills_from]` or `[silences_from]`.
    #[arg(long, env = "CATOPS_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl Server {
    /// What it answered; inside, why it did nothing.
    ///
    /// # Errors
    /// Nobody answers there.
    pub(super) fn post(&self, path: &str, body: &impl Serialize) -> Result<Result<Value, String>> {
        let url = format!("{}{path}", self.url.trim_end_matches('/'));
        let (status, answer) = block_on(async {
            let mut request = reqwest::Client::new().post(&url).json(body);
            if let Some(token) = &self.token {
                request = request.bearer_auth(token);
            }
            let sent = request.send().await;
            let response =
                sent.with_context(|| format!("no CatOps answers at {url}; start one, or name it with --url"))?;
            Ok((response.status(), response.text().await?))
        })?;
        let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
        if status.is_success() {
            return Ok(Ok(answer));
        }
        Ok(Err(answer["error"].as_str().unwrap_or(status.as_str()).to_owned()))
    }
}

/// Names what is asked for, so that the same request again does nothing.
///
/// # Errors
/// The system has no randomness.
pub(super) fn wish_id() -> Result<String> {
    Ok(seed::fresh()?[..8].iter().map(|byte| format!("{byte:02x}")).collect())
}
