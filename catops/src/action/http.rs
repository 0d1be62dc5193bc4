//! Calls an allow-listed host once. It follows no redirect, uses no proxy and retries nothing: a request that may have
//! arrived and was not answered is reported as unknown, and a person decides.

use super::guard::{Guard, pinned};
use super::{Ending, RunContext, stop_asked};
use incident::RunOutcome;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, StatusCode, Url};
use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

/// Most bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Name, connection and TLS together take no longer than this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The parts of an HTTP plan.
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a str,
    pub(super) headers: &'a BTreeMap<String, String>,
    pub(super) body: Option<&'a serde_json::Value>,
    pub(super) expect: (u16, u16),
}

pub(super) async fn run(call: &Call<'_>, mut context: RunContext<'_>) -> Ending {
    let mut secrets = Vec::new();
    let (outcome, says) = match prepare(call, &context, &mut secrets).await {
        Err(why) => (RunOutcome::Failed, format!("nothing was sent: {why}")),
        Ok(request) => {
            let timeout = context.timeout;
            tokio::select! {
                biased;
                ended = perform(request, call.expect, timeout) => ended,
                () = stop_asked(&mut context.stopped) => {
                    (RunOutcome::Unknown, "stopped while the request was on its way; whether it took effect is not known".to_owned())
                }
            }
        }
    };
    Ending { outcome, says, secrets }
}

/// Everything up to the first byte: whatever fails here has sent nothing.
async fn prepare(
    call: &Call<'_>,
    context: &RunContext<'_>,
    secrets: &mut Vec<String>,
) -> Result<reqwest::RequestBuilder, String> {
    let url = Url::parse(call.url).map_err(|error| format!("{} is no address: {error}", call.url))?;
    let method = Method::from_bytes(call.method.as_bytes()).map_err(|error| error.to_string())?;
    let headers = headers(call, context, secrets)?;
    let guard = Guard { allow_hosts: context.allow_hosts, allow_private: context.allow_private };
    let connect_timeout = CONNECT_TIMEOUT.min(context.timeout / 2);
    let admitted = tokio::time::timeout(connect_timeout, guard.admit(&url)).await;
    let admitted =
        admitted.map_err(|_| "the name server did not answer in time")?.map_err(|error| error.to_string())?;
    let client = pinned(&admitted, connect_timeout).map_err(|error| root_cause(&error))?;
    let request = client.request(method, url).headers(headers).timeout(context.timeout);
    Ok(match call.body {
        Some(body) => request.json(body),
        None => request,
    })
}

fn headers(call: &Call<'_>, context: &RunContext<'_>, secrets: &mut Vec<String>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in call.headers {
        let value = match value.strip_prefix("env:") {
            None => value.clone(),
            Some(variable) => {
                let secret = (context.env)(variable);
                let secret =
                    secret.ok_or_else(|| format!("{variable} is not set where CatOps runs; {name} needs it"))?;
                secrets.push(secret.clone());
                // `Bearer abc` is often echoed as `abc`.
                secrets.extend(secret.split_once(' ').map(|(_, token)| token.to_owned()));
                secret
            }
        };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name} is no name of a header"))?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| format!("the value of {name} cannot be sent"))?;
        headers.insert(name, value);
    }
    for (name, value) in [("idempotency-key", &context.idempotency_key), ("x-catops-run", &context.run_id)] {
        let value = HeaderValue::from_str(value).map_err(|_| format!("the value of {name} cannot be sent"))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

async fn perform(request: reqwest::RequestBuilder, expect: (u16, u16), timeout: Duration) -> (RunOutcome, String) {
    match request.send().await {
        Ok(response) => answered(response, expect).await,
        // The connection has a shorter limit of its own: a timeout that is no failure to connect came after it.
        Err(error) if error.is_connect() || error.is_builder() => {
            (RunOutcome::Failed, format!("nothing was sent: {}", root_cause(&error)))
        }
        Err(error) if error.is_timeout() => {
            let seconds = timeout.as_secs_f32();
            (RunOutcome::Unknown, format!("no answer within {seconds} s; whether it took effect is not known"))
        }
        Err(error) => {
            let cause = root_cause(&error);
            (RunOutcome::Unknown, format!("the answer was lost ({cause}); whether it took effect is not known"))
        }
    }
}

async fn answered(mut response: Response, expect: (u16, u16)) -> (RunOutcome, String) {
    let status = response.status();
    let mut says = status_line(status);
    if status.is_redirection()
        && let Some(location) = response.headers().get("location").and_then(|location| location.to_str().ok())
    {
        says.push_str(&format!(", to {location}, which is not followed"));
    }
    let (body, end) = read(&mut response).await;
    if !body.trim().is_empty() {
        says.push('\n');
        says.push_str(&body);
    }
    if let Some(end) = end {
        says.push_str(&format!("\n[{end}]"));
    }
    let expected = (expect.0..=expect.1).contains(&status.as_u16());
    (if expected { RunOutcome::Succeeded } else { RunOutcome::Failed }, says)
}

fn status_line(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or_default();
    format!("status {} {reason}", status.as_u16()).trim_end().to_owned()
}

/// The beginning of the body, and why the rest is missing when it is.
async fn read(response: &mut Response) -> (String, Option<String>) {
    let mut body = Vec::new();
    let end = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break None,
            Err(error) => break Some(format!("the answer broke off: {}", root_cause(&error))),
        }
        if body.len() > ANSWER_BYTES_MAX {
            body.truncate(ANSWER_BYTES_MAX);
            break Some(format!("the answer goes on after {} KiB", ANSWER_BYTES_MAX / 1024));
        }
    };
    (String::from_utf8_lossy(&body).into_owned(), end)
}

/// The innermost reason, which is the one that a person understands.
pub(crate) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    match cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
        Some(std::io::ErrorKind::ConnectionRefused) => "connection refused".to_owned(),
        Some(std::io::ErrorKind::ConnectionReset) => "connection reset".to_owned(),
        _ => cause.to_string(),
    }
}
