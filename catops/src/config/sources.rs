//! From a `[[source]]` of `catops.toml` to what `ingest` authenticates against: here the secrets are looked up.

use crate::config::file::SourceConfig as Entry;
use ingest::{Kind, Secret, SourceConfig};

/// Looks up what a source needs. Secrets are read at each delivery, so that a changed file takes effect at once.
///
/// # Errors
/// The kind or the scheme is unknown, or a secret cannot be found; said for the operator, not for the sender.
pub fn resolve(entry: &Entry) -> Result<SourceConfig, String> {
    let secrets: Result<Vec<Secret>, _> =
        entry.secrets.iter().map(|secret| secret.read().map(|text| Secret::new(&text))).collect();
    Ok(SourceConfig {
        kind: entry.kind.parse::<Kind>().map_err(|error| error.to_string())?,
        name: entry.path().to_owned(),
        secrets: secrets.map_err(|error| error.to_string())?,
        scheme: entry.auth.parse().map_err(|error: ingest::UnknownScheme| error.to_string())?,
        topics: entry.topics.clone(),
    })
}
