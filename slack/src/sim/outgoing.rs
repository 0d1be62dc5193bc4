//! From the local Slack to the app: signed HTTP, the three-second rule, and what a person sees when the app is silent.
//!
//! Interactions and commands are sent once, as Slack does; events are sent up to four times.

use std::time::Duration;

use axum::http::header;
use serde_json::{Value, json};

use super::Sim;
use super::state::{Exchange, unix_ms};

/// Waits between deliveries of an event that was not answered: at once, after a minute, after five.
const EVENT_RETRIES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(60), Duration::from_secs(300)];
/// Bytes of an app's answer that are read.
const ANSWER_BYTES_MAX: usize = 1_000_000;

/// What came back.
#[derive(Debug)]
pub(super) enum Outcome {
    /// A 2xx with this body.
    Answered(String),
    /// Another status.
    Refused(u16),
    /// Nothing within three seconds.
    TimedOut,
    /// No connection.
    Unreachable,
}

impl Outcome {
    /// Slack's word for a failure, as people see it.
    pub(super) fn failure(&self) -> Option<&'static str> {
        match self {
            Self::Answered(_) => None,
            Self::TimedOut => Some("operation_timeout"),
            Self::Refused(_) | Self::Unreachable => Some("dispatch_failed"),
        }
    }

    fn retry_reason(&self) -> &'static str {
        match self {
            Self::TimedOut => "http_timeout",
            Self::Unreachable => "connection_failed",
            Self::Answered(_) | Self::Refused(_) => "http_error",
        }
    }

    fn status(&self) -> String {
        match self {
            Self::Answered(_) => "200".to_owned(),
            Self::Refused(status) => status.to_string(),
            Self::TimedOut => "no answer".to_owned(),
            Self::Unreachable => "no connection".to_owned(),
        }
    }
}

/// What is sent.
pub(super) enum Body {
    /// `payload=` and JSON.
    Payload(Value),
    /// The fields of a slash command.
    Form(Vec<(&'static str, String)>),
    /// JSON.
    Json(Value),
}

impl Body {
    fn bytes(&self) -> (&'static str, String) {
        const FORM: &str = "application/x-www-form-urlencoded";
        let mut form = form_urlencoded::Serializer::new(String::new());
        match self {
            Self::Payload(json) => (FORM, form.append_pair("payload", &json.to_string()).finish()),
            Self::Form(pairs) => (FORM, form.extend_pairs(pairs).finish()),
            Self::Json(json) => ("application/json", json.to_string()),
        }
    }

    fn shown(&self) -> Value {
        match self {
            Self::Payload(json) | Self::Json(json) => json.clone(),
            Self::Form(pairs) => pairs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect(),
        }
    }
}

/// Lets time pass: a simulated network is slow, and a simulated Slack waits before it tries again.
pub(super) async fn pause(duration: Duration) {
    #[expect(clippy::disallowed_methods, reason = "this stands for Slack's own waiting; the app's waits are events")]
    tokio::time::sleep(duration).await;
}

impl Sim {
    /// Signs and posts, and waits no longer than Slack would.
    pub(super) async fn deliver(&self, path: &str, body: Body, retry: Option<(usize, &'static str)>) -> Outcome {
        let config = self.config();
        let started = self.now();
        let (content_type, bytes) = body.bytes();
        let timestamp = started.timestamp();
        let signature = crate::verify::sign(&config.signing_secret, timestamp, bytes.as_bytes());
        let mut request = self
            .0
            .http
            .post(format!("{}{path}", config.app_base_url))
            .header(header::CONTENT_TYPE, content_type)
            .header("x-slack-request-timestamp", timestamp.to_string())
            .header("x-slack-signature", signature)
            .body(bytes);
        if let Some((number, reason)) = retry {
            request = request.header("x-slack-retry-num", number.to_string()).header("x-slack-retry-reason", reason);
        }
        let outcome = match tokio::time::timeout(config.answer_within, exchange(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::TimedOut,
        };
        self.state().record_traffic(Exchange {
            number: 0,
            at: unix_ms(started),
            direction: "to_app",
            name: path.to_owned(),
            status: outcome.status(),
            duration_ms: unix_ms(self.now()) - unix_ms(started),
            request: json!({
                "headers": {
                    "x-slack-request-timestamp": timestamp.to_string(), "x-slack-signature": "v0=…",
                    "x-slack-retry-num": retry.map(|(number, _)| number),
                },
                "body": body.shown(),
            }),
            response: match &outcome {
                Outcome::Answered(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
                Outcome::Refused(_) | Outcome::TimedOut | Outcome::Unreachable => Value::Null,
            },
        });
        outcome
    }

    /// Sends an event until it is answered; the caller does not wait for it.
    pub(super) fn send_event(&self, event: &Value) {
        let now = self.now();
        let event_id = self.state().mint("Ev", now);
        let envelope = super::payload::event(self.config(), event, &event_id, now.timestamp());
        let sim = self.clone();
        tokio::spawn(async move {
            let mut last = sim.deliver("/slack/events", Body::Json(envelope.clone()), None).await;
            for (at, wait) in EVENT_RETRIES.into_iter().enumerate() {
                if last.failure().is_none() {
                    return;
                }
                pause(wait).await;
                let retry = Some((at + 1, last.retry_reason()));
                last = sim.deliver("/slack/events", Body::Json(envelope.clone()), retry).await;
            }
        });
    }
}

async fn exchange(request: reqwest::RequestBuilder) -> Outcome {
    let Ok(mut response) = request.send().await else { return Outcome::Unreachable };
    if !response.status().is_success() {
        return Outcome::Refused(response.status().as_u16());
    }
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > ANSWER_BYTES_MAX {
            break;
        }
    }
    Outcome::Answered(String::from_utf8_lossy(&bytes).into_owned())
}
