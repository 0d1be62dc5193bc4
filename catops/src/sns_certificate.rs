//! The two addresses that SNS makes us fetch: its signing certificate and the confirmation of a subscription.
//! Both are checked before anything is fetched, neither follows a redirect, and certificates are kept for an hour.

use crate::app::App;
use crate::clock;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a certificate is used before it is fetched again.
const KEPT: Duration = Duration::from_secs(3600);
/// A signing certificate is some 2 KB.
const CERTIFICATE_BYTES_MAX: usize = 16 * 1024;
const TIMEOUT: Duration = Duration::from_secs(5);

static CACHE: Mutex<Option<HashMap<String, (Instant, String)>>> = Mutex::new(None);

/// The certificate at an address that [`ingest::sns::signing_cert_url`] accepted.
///
/// # Errors
/// It cannot be fetched; the sender will deliver again.
pub async fn fetch(app: &App, url: &str) -> Result<String, String> {
    if let Some(pem) = cached(url) {
        return Ok(pem);
    }
    let failed = |error: reqwest::Error| format!("the SNS certificate cannot be fetched: {}", error.without_url());
    let response = app.http.get(url).timeout(TIMEOUT).send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(format!("the SNS certificate cannot be fetched: {}", response.status()));
    }
    let pem = response.text().await.map_err(failed)?;
    if pem.len() > CERTIFICATE_BYTES_MAX {
        return Err("the SNS certificate is too large".to_owned());
    }
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    cache.get_or_insert_default().insert(url.to_owned(), (clock::mark(), pem.clone()));
    Ok(pem)
}

fn cached(url: &str) -> Option<String> {
    let cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let (since, pem) = cache.as_ref()?.get(url)?;
    (since.elapsed() < KEPT).then(|| pem.clone())
}

/// Confirms a subscription. The message was signed, `ingest` has checked the address, and the caller that the topic is wanted.
///
/// # Errors
/// The address does not answer.
pub async fn confirm(app: &App, url: &str) -> Result<(), String> {
    let response = app.http.get(url).timeout(TIMEOUT).send().await.map_err(|error| error.without_url().to_string())?;
    if response.status().is_success() {
        Ok(())
    } else {
        Err(format!("the confirmation was answered {}", response.status()))
    }
}
