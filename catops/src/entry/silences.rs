//! `POST /api/v1/silences` and `POST /api/v1/silences/end`: `catops silence` and `catops unsilence` ask here. Whoever may call
//! names somebody of the rota as the author. The bodies are JSON, so that no page of another site can send them unasked.

use crate::app::App;
use crate::clock;
use crate::entry::caller;
use crate::flow::act::Doer;
use crate::flow::change::{self, ChangeError};
use crate::flow::silences::{NotDone, end, look_at, make};
use crate::silence as told;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use incident::{BadMatcher, IncidentId, Matcher, ResponderId, SilenceId, SilenceWish};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// Longest name of a wish, in characters.
const ID_CHARS_MAX: usize = 100;

/// The path.
pub const PATH: &str = "/api/v1/silences";

/// The process, and whether anybody but this machine can reach it.
#[derive(Clone)]
struct Door {
    app: Arc<App>,
    loopback: bool,
}

/// Why a wish is refused.
type Refusal = (StatusCode, String);

/// A silence that is asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Names the wish: the same one again makes nothing.
    pub id: String,
    /// Matchers as they are typed, or incidents: `alertname=HighCPU`, `INC-42`.
    pub what: Vec<String>,
    /// From when on; now when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Why.
    pub because: String,
    /// Who: an id of the rota.
    pub by: ResponderId,
    /// Says what it would do, and makes nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// A silence that is to be over.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unwanted {
    /// Names the wish.
    pub id: String,
    /// Which: `S-3`.
    pub silence: String,
    /// Who: an id of the rota.
    pub by: ResponderId,
}

/// Where silences are made and ended.
pub fn router(app: Arc<App>, loopback: bool) -> Router {
    Router::new()
        .route(PATH, post(silence))
        .route(&format!("{PATH}/end"), post(unsilence))
        .with_state(Door { app, loopback })
}

async fn silence(State(door): State<Door>, headers: HeaderMap, body: Result<Json<Wanted>, JsonRejection>) -> Response {
    let wanted = match believed(&door, &headers, body) {
        Ok(wanted) => wanted,
        Err(refused) => return problem(refused),
    };
    let doer = match doer(&wanted.by, &wanted.id) {
        Ok(doer) => doer,
        Err(refused) => return problem(refused),
    };
    let matchers = match matchers(&door.app, &wanted.what).await {
        Ok(matchers) => matchers,
        Err(refused) => return problem(refused),
    };
    let wish = SilenceWish {
        matchers,
        by: doer.who.clone(),
        because: wanted.because,
        starts_at: wanted.from.unwrap_or_else(clock::now),
        ends_at: wanted.until,
    };
    let app = &door.app;
    let done = if wanted.dry_run { look_at(app, &doer, wish).await } else { make(app, &doer, wish).await };
    match done {
        Ok(made) => {
            let told = if wanted.dry_run { told::looked_at(app, &made) } else { told::made(app, &made) };
            let id = (!wanted.dry_run).then(|| made.silence.id.to_string());
            let open: Vec<String> = made.open.iter().map(|incident| incident.id.to_string()).collect();
            Json(json!({ "silence": id, "open": open, "hidden": made.hidden, "told": told })).into_response()
        }
        Err(error) => problem(refusal(&error)),
    }
}

async fn unsilence(
    State(door): State<Door>,
    headers: HeaderMap,
    body: Result<Json<Unwanted>, JsonRejection>,
) -> Response {
    let unwanted = match believed(&door, &headers, body) {
        Ok(unwanted) => unwanted,
        Err(refused) => return problem(refused),
    };
    let doer = match doer(&unwanted.by, &unwanted.id) {
        Ok(doer) => doer,
        Err(refused) => return problem(refused),
    };
    let id: SilenceId = match unwanted.silence.parse() {
        Ok(id) => id,
        Err(error) => return problem((StatusCode::BAD_REQUEST, error.to_string())),
    };
    match end(&door.app, &doer, id).await {
        Ok(silence) => {
            Json(json!({ "silence": id.to_string(), "told": told::ended(&door.app, &silence) })).into_response()
        }
        Err(error) => problem(refusal(&error)),
    }
}

/// The body of somebody who may ask.
fn believed<T>(door: &Door, headers: &HeaderMap, body: Result<Json<T>, JsonRejection>) -> Result<T, Refusal> {
    let secrets = &door.app.setup().config.silences_from.secrets;
    if let Err(refused) = caller::may("silences", secrets, door.loopback, headers) {
        door.app.metrics.count("silences_refused", "");
        return Err((StatusCode::UNAUTHORIZED, refused));
    }
    match body {
        Ok(Json(body)) => Ok(body),
        Err(error) => Err((error.status(), error.body_text())),
    }
}

fn doer(by: &ResponderId, id: &str) -> Result<Doer, Refusal> {
    if id.is_empty() || id.chars().count() > ID_CHARS_MAX {
        return Err((StatusCode::BAD_REQUEST, "id names the wish; it has 1 to 100 characters".to_owned()));
    }
    Ok(Doer { who: by.clone(), cause: format!("api/silence/{id}") })
}

async fn matchers(app: &App, what: &[String]) -> Result<Vec<Matcher>, Refusal> {
    let mut matchers = Vec::with_capacity(what.len());
    for text in what {
        let matcher = match text.parse::<IncidentId>() {
            Ok(id) => match change::load(app, id).await {
                Ok(incident) => told::of_incident(&incident),
                Err(error) => return Err(refusal(&error.into())),
            },
            Err(_) => text.parse().map_err(|error: BadMatcher| error.to_string()),
        };
        matchers.push(matcher.map_err(|why| (StatusCode::BAD_REQUEST, why))?);
    }
    Ok(matchers)
}

fn refusal(error: &NotDone) -> Refusal {
    let status = match error {
        NotDone::Refused(_) | NotDone::NotInRota(_) => StatusCode::BAD_REQUEST,
        NotDone::Change(ChangeError::NoSuchIncident(_)) => StatusCode::NOT_FOUND,
        NotDone::Unreadable | NotDone::Change(ChangeError::Duplicate) => StatusCode::CONFLICT,
        NotDone::Change(_) => {
            tracing::error!(error = %error, "a silence could not be written");
            return (StatusCode::SERVICE_UNAVAILABLE, "the event log cannot be written; ask again".to_owned());
        }
    };
    (status, error.to_string())
}

fn problem((status, message): Refusal) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}
