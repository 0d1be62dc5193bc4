//! Whether whoever calls may ask for something that a program asks for: on a loopback address whoever reaches it may,
//! elsewhere only who has a token of its section of `catops.toml`.

use crate::clock;
use crate::config::secret::SecretRef;
use axum::http::HeaderMap;
use ingest::{Headers, Kind, Origins, Peer, Request, Scheme, Secret, Signatures, SourceConfig};

/// `what` is `drills` or `silences`: its section is `[drills_from]`.
pub(super) fn may(what: &str, secrets: &[SecretRef], loopback: bool, headers: &HeaderMap) -> Result<(), String> {
    if secrets.is_empty() {
        let elsewhere = format!(
            "{what} are asked for from this machine only; elsewhere name a token: [{what}_from] secrets in catops.toml"
        );
        return if loopback { Ok(()) } else { Err(elsewhere) };
    }
    let wrong = || format!("this wants a token of [{what}_from]: Authorization: Bearer ...");
    let read: Result<Vec<Secret>, _> =
        secrets.iter().map(|secret| secret.read().map(|text| Secret::new(&text))).collect();
    let Ok(secrets) = read else { return Err(format!("a token of [{what}_from] cannot be read")) };
    let Ok(kind) = "generic".parse::<Kind>() else { return Err(wrong()) };
    let config = SourceConfig {
        kind,
        name: what.to_owned(),
        secrets,
        scheme: Scheme::Bearer,
        topics: Vec::new(),
        signatures: Signatures::Both,
        origins: Origins { accounts: Vec::new(), sources: Vec::new() },
    };
    let headers: Vec<(&str, &str)> =
        headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let request = Request {
        hook: what,
        path_rest: "",
        query: "",
        headers: Headers(&headers),
        content_type: "",
        body: &[],
        peer: Peer::Remote,
        now: clock::now(),
    };
    ingest::authenticate(&config, &request).map(drop).map_err(|_| wrong())
}
