//! Looks at one uptime check: an HTTP GET or a TCP connection, once, over a connection of its own, so that a dead
//! server cannot hide behind a connection that is still open. What the answer means is for `ingest::uptime::judge`.
//!
//! People watch their own network, so private addresses are probed; the metadata services of the clouds never are.

use crate::action::guard::{Admitted, pinned, resolve};
use crate::action::http::root_cause;
use crate::clock;
use ingest::uptime::{BODY_BYTES_READ_MAX, Check, Probe, Target};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, Url};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::net::TcpStream;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Probes once. `env` looks up the headers that say `env:NAME`. Everything that goes wrong is in [`Probe::error`].
pub async fn probe(check: &Check, env: &(dyn Fn(&str) -> Option<String> + Send + Sync)) -> Probe {
    let limit = check.timeout.to_std().unwrap_or(Duration::from_secs(10));
    let start = clock::mark();
    let looked = tokio::time::timeout(limit, async {
        match &check.target {
            Target::Http(url) => http(check, url, limit, env).await,
            Target::Tcp(address) => tcp(address).await,
        }
    });
    let seen = looked.await.unwrap_or_else(|_| Err(format!("timed out after {} s", limit.as_secs_f32())));
    let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    match seen {
        Ok(seen) => Probe { duration_ms, ..seen },
        Err(error) => Probe { duration_ms, error: Some(error), ..Probe::default() },
    }
}

async fn tcp(address: &str) -> Result<Probe, String> {
    let (host, port) = address.rsplit_once(':').ok_or("the address has no port")?;
    let port = port.parse().map_err(|_| "the address has no port")?;
    let addresses = resolve(host, port).await.map_err(|error| error.to_string())?;
    TcpStream::connect(addresses.as_slice()).await.map_err(|error| root_cause(&error))?;
    Ok(Probe::default())
}

async fn http(
    check: &Check,
    url: &str,
    limit: Duration,
    env: &(dyn Fn(&str) -> Option<String> + Send + Sync),
) -> Result<Probe, String> {
    let url = Url::parse(url).map_err(|error| format!("{url} is no address: {error}"))?;
    let host = url.host_str().ok_or("the address has no host")?.to_owned();
    let port = url.port_or_known_default().ok_or("the address has no port")?;
    let headers = headers(&check.headers, env)?;
    let addresses = resolve(&host, port).await.map_err(|error| error.to_string())?;
    let client = pinned(&Admitted { host, addresses }, limit).map_err(|error| root_cause(&error))?;
    let mut response = client.get(url).headers(headers).send().await.map_err(|error| root_cause(&error))?;
    let certificate = response.extensions().get::<reqwest::tls::TlsInfo>().and_then(|info| info.peer_certificate());
    let now_seconds = clock::now().timestamp();
    Ok(Probe {
        status: Some(response.status().as_u16()),
        certificate_days_left: certificate.and_then(|der| days_left(der, now_seconds)),
        text_found: match &check.expect_text {
            Some(text) => Some(holds(&mut response, text).await?),
            None => None,
        },
        ..Probe::default()
    })
}

fn headers(
    wanted: &BTreeMap<String, String>,
    env: &(dyn Fn(&str) -> Option<String> + Send + Sync),
) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in wanted {
        let value = match value.strip_prefix("env:") {
            Some(variable) => env(variable).ok_or_else(|| format!("{variable} is not set where CatOps runs"))?,
            None => value.clone(),
        };
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name} is no name of a header"))?;
        let value = HeaderValue::from_str(&value).map_err(|_| format!("the value of {name} cannot be sent"))?;
        headers.insert(key, value);
    }
    Ok(headers)
}

/// Is the text within the first [`BODY_BYTES_READ_MAX`] bytes? Reading ends as soon as it is known.
async fn holds(response: &mut Response, text: &str) -> Result<bool, String> {
    let mut body: Vec<u8> = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| root_cause(&error))? {
        // The text may begin in the chunk before.
        let from = body.len().saturating_sub(text.len());
        body.extend_from_slice(&chunk);
        body.truncate(BODY_BYTES_READ_MAX);
        let fresh = body.get(from..).unwrap_or_default();
        if fresh.windows(text.len()).any(|window| window == text.as_bytes()) {
            return Ok(true);
        }
        if body.len() == BODY_BYTES_READ_MAX {
            break;
        }
    }
    Ok(false)
}

/// Whole days until a certificate ends; negative when it has ended.
fn days_left(der: &[u8], now_seconds: i64) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some((certificate.validity().not_after.timestamp() - now_seconds).div_euclid(24 * 60 * 60))
}

#[cfg(test)]
mod tests;
