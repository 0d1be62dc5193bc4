//! `POST /hooks/<source>`: alarms from other tools. Authenticate, decode, append, and only then answer.
//! A bad secret is counted; a body that cannot be read is kept where people can look at it, and disturbs nothing else.

use crate::app::App;
use crate::clock;
use crate::config::file::SourceConfig as Entry;
use crate::config::sources;
use crate::flow::change::{ChangeError, add_keyed, json};
use crate::flow::receive::{Outcome, receive_all};
use crate::flow::{names, refusals};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use incident::SCHEMA;
use ingest::{Answer, Decoded, Headers, Kind, Malformed, Peer, Proof, Reason, Request, SourceConfig, Unauthorised};
use log::{AppendError, IdemKey, NewEvent, Raw};
use serde_json::json;
use std::sync::Arc;

/// Largest body that is read, in bytes: PagerDuty's senders stop at 512 KB, SNS at 256 KB.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Longest piece of a body that is kept with a dead letter.
const DEAD_LETTER_BYTES_MAX: usize = 256 * 1024;

/// The hooks' state: the process, and whether anybody but this machine can reach it.
#[derive(Clone)]
pub struct Hooks {
    /// The process.
    pub app: Arc<App>,
    /// True when only this machine can reach us, so that a source without a secret may be served.
    pub loopback: bool,
}

/// One delivery, as axum gives it.
struct Delivery<'a> {
    name: &'a str,
    query: &'a str,
    header_map: &'a HeaderMap,
    body: &'a [u8],
}

impl<'a> Delivery<'a> {
    fn headers(&self) -> Vec<(&'a str, &'a str)> {
        self.header_map.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect()
    }

    fn content_type(&self) -> &'a str {
        self.header_map.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// `POST /hooks/<source>`.
pub async fn hook(
    State(hooks): State<Hooks>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = query.as_deref().unwrap_or_default();
    receive(&hooks, &Delivery { name: &name, query, header_map: &headers, body: &body }).await
}

/// `POST /v2/enqueue`: the address that a tool which pages `PagerDuty` calls.
pub async fn pagerduty(State(hooks): State<Hooks>, headers: HeaderMap, body: Bytes) -> Response {
    let setup = hooks.app.setup();
    let name =
        setup.config.sources.iter().find(|source| source.kind == "pagerduty").map(|source| source.path().to_owned());
    match name {
        Some(name) => receive(&hooks, &Delivery { name: &name, query: "", header_map: &headers, body: &body }).await,
        None => refuse(StatusCode::NOT_FOUND, "no source of kind pagerduty is configured"),
    }
}

async fn receive(hooks: &Hooks, delivery: &Delivery<'_>) -> Response {
    let app = &hooks.app;
    #[cfg(feature = "fail_points")]
    crate::fail_point::arm();
    let started = clock::mark();
    let setup = app.setup();
    let Some(entry) = setup.config.sources.iter().find(|source| source.path() == delivery.name) else {
        app.metrics.count("deliveries_rejected", "reason=\"unknown_source\"");
        return refuse(StatusCode::NOT_FOUND, "there is no such source; name it in catops.toml");
    };
    let response = match sources::resolve(entry) {
        Ok(source) => believed_or_not(hooks, entry, &source, delivery).await,
        Err(why) => unauthorised(app, entry, delivery.name, &why).await,
    };
    app.metrics.observe("receive", started.elapsed());
    response
}

async fn believed_or_not(hooks: &Hooks, entry: &Entry, source: &SourceConfig, delivery: &Delivery<'_>) -> Response {
    let app = &hooks.app;
    let kept = || ingest::without_secrets(source, delivery.body);
    match admit(hooks, source, delivery).await {
        Ok(decoded @ Decoded::Alarms(_)) => accept(app, source.kind, decoded, &kept()).await,
        Ok(Decoded::Confirm { topic_arn, subscribe_url }) => confirm(app, entry, &topic_arn, &subscribe_url).await,
        Err(Rejected::Malformed(malformed)) => {
            let kind = &entry.kind;
            app.metrics.count("deliveries_rejected", &format!("reason=\"malformed\",source=\"{kind}\""));
            keep_dead_letter(app, delivery.name, &malformed, &kept()).await
        }
        Err(Rejected::Unauthorised(reason)) => unauthorised(app, entry, delivery.name, &reason).await,
        Err(Rejected::Unlisted(reason)) => unlisted(app, entry, delivery.name, reason).await,
        Err(Rejected::Unavailable(why)) => unavailable(&why),
    }
}

async fn unauthorised(app: &App, entry: &Entry, name: &str, reason: &str) -> Response {
    let kind = &entry.kind;
    app.metrics.count("deliveries_rejected", &format!("reason=\"unauthorised\",source=\"{kind}\""));
    tracing::warn!(source = %name, "refused a delivery to {name}: {reason}");
    refusals::refused(app, name).await;
    refuse(StatusCode::UNAUTHORIZED, "unauthorised")
}

/// The sender is who they should be, and what they send comes from elsewhere. Told so, since `EventBridge` repeats what is
/// answered 401 for a day.
async fn unlisted(app: &App, entry: &Entry, name: &str, reason: Reason) -> Response {
    let kind = &entry.kind;
    app.metrics.count("deliveries_rejected", &format!("reason=\"{}\",source=\"{kind}\"", reason.as_str()));
    tracing::warn!(source = %name, "refused an event sent to {name}: {reason:?}");
    refusals::refused(app, name).await;
    refuse(StatusCode::FORBIDDEN, "events of this account or source are not listed for this hook in catops.toml")
}

enum Rejected {
    Unauthorised(String),
    /// By an allow-list, after the proof.
    Unlisted(Reason),
    Malformed(Malformed),
    Unavailable(String),
}

impl From<Unauthorised> for Rejected {
    fn from(error: Unauthorised) -> Self {
        match error.reason {
            Reason::AccountNotAllowed | Reason::SourceNotAllowed => Self::Unlisted(error.reason),
            reason => Self::Unauthorised(format!("{reason:?}")),
        }
    }
}

async fn admit(hooks: &Hooks, source: &SourceConfig, delivery: &Delivery<'_>) -> Result<Decoded, Rejected> {
    let headers = delivery.headers();
    let request = Request {
        hook: delivery.name,
        path_rest: "",
        query: delivery.query,
        headers: Headers(&headers),
        content_type: delivery.content_type(),
        body: delivery.body,
        peer: if hooks.loopback { Peer::Loopback } else { Peer::Remote },
        now: clock::now(),
    };
    match ingest::authenticate(source, &request)? {
        Proof::Complete => {}
        // SNS proves itself by a signature whose certificate is fetched from Amazon's own host and nowhere else.
        Proof::SnsCertificate { url } => {
            let pem = crate::sns_certificate::fetch(&hooks.app, &url).await.map_err(Rejected::Unavailable)?;
            ingest::sns::verify(source, request.body, pem.as_bytes(), request.now)?;
        }
    }
    ingest::decode(source.kind, &request).map_err(Rejected::Malformed)
}

async fn accept(app: &Arc<App>, kind: Kind, decoded: Decoded, body: &[u8]) -> Response {
    let answer = ingest::answer(kind, &decoded);
    let Decoded::Alarms(alarms) = decoded else { return answered(answer) };
    #[cfg(feature = "fail_points")]
    if crate::fail_point::is_planted("acknowledge-before-append") {
        crate::fail_point::append_later(app, alarms, body);
        return answered(answer);
    }
    match receive_all(app, alarms, body).await {
        Ok(outcomes) => {
            #[cfg(feature = "fail_points")]
            log::fail_point::die_at("before-answer");
            for outcome in &outcomes {
                app.metrics
                    .count("alarms", &format!("source=\"{}\",outcome=\"{}\"", kind.as_str(), outcome_label(outcome)));
            }
            answered(answer)
        }
        Err(ChangeError::Append(AppendError::TooLarge { what, size, max })) => {
            refuse(StatusCode::PAYLOAD_TOO_LARGE, &format!("{what} is {size}; at most {max}"))
        }
        Err(error) => {
            app.metrics.count("deliveries_rejected", "reason=\"log_unavailable\"");
            tracing::error!(error = %format!("{:#}", anyhow::Error::new(error)), "could not keep a delivery; the sender must repeat it");
            unavailable("the event log cannot be written; repeat the delivery")
        }
    }
}

const fn outcome_label(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Opened(_) => "opened",
        Outcome::Joined(_) => "joined",
        Outcome::SetAside => "set_aside",
        Outcome::Silenced(_) => "silenced",
        Outcome::Duplicate => "duplicate",
    }
}

fn answered(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::ACCEPTED);
    (status, [(CONTENT_TYPE, "application/json")], answer.body).into_response()
}

/// Confirms a subscription of a topic that the configuration names; no other address is ever fetched.
async fn confirm(app: &App, entry: &Entry, topic: &str, url: &str) -> Response {
    if !entry.topics.iter().any(|allowed| allowed == topic) {
        app.metrics.count("deliveries_rejected", "reason=\"unlisted_topic\"");
        return refuse(StatusCode::FORBIDDEN, "this topic is not listed under topics in catops.toml");
    }
    match crate::sns_certificate::confirm(app, url).await {
        Ok(()) => (StatusCode::OK, Json(json!({ "status": "confirmed" }))).into_response(),
        Err(error) => unavailable(&error),
    }
}

async fn keep_dead_letter(app: &App, source: &str, malformed: &Malformed, body: &[u8]) -> Response {
    let message = malformed.to_string();
    if let Err(error) = append_dead_letter(app, source, &message, body, None).await {
        tracing::error!(error = %error, "could not keep a dead letter of {source}");
        return unavailable("the event log cannot be written; repeat the delivery");
    }
    refuse(StatusCode::BAD_REQUEST, &message)
}

/// Keeps what could not be read where people find it, once for each key.
pub(super) async fn append_dead_letter(
    app: &App,
    source: &str,
    message: &str,
    body: &[u8],
    key: Option<IdemKey>,
) -> Result<(), AppendError> {
    let event = NewEvent {
        kind: names::DEAD_LETTER.to_owned(),
        schema: SCHEMA,
        at: clock::now(),
        actor: format!("source:{source}"),
        cause: key.as_ref().map_or("malformed", IdemKey::as_str).to_owned(),
        body: json(&json!({ "error": message, "bytes": body.len() })),
        raw: Some(Raw::new(&body[..body.len().min(DEAD_LETTER_BYTES_MAX)])),
    };
    add_keyed(&*app.log, names::dead_letters(source), event, Some(names::DEAD_LETTERS), key).await
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "status": "rejected", "error": message }))).into_response()
}

fn unavailable(message: &str) -> Response {
    refuse(StatusCode::SERVICE_UNAVAILABLE, message)
}
