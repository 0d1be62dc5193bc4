//! From a `[[source]]` of `catops.toml` to what `ingest` authenticates against: here the secrets are looked up.

use crate::config::file::SourceConfig as Entry;
use ingest::{Kind, Origins, Secret, Signatures, SourceConfig};

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
        signatures: signatures(entry.signature_version)?,
        origins: Origins { accounts: entry.accounts.clone(), sources: entry.sources.clone() },
    })
}

/// What SNS may sign by. Who asks for a version that there is not gets nothing rather than less than they asked for.
///
/// # Errors
/// Says what to write.
pub(crate) fn signatures(version: Option<u8>) -> Result<Signatures, String> {
    match version {
        None => Ok(Signatures::Both),
        Some(2) => Ok(Signatures::Sha256),
        Some(other) => Err(format!("signature_version = {other} cannot be asked for; write 2, or leave it out")),
    }
}
