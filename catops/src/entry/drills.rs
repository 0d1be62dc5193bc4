//! `POST /api/v1/drills`: `catops drill` and schedulers begin a drill here. On a loopback address whoever reaches it may,
//! elsewhere only who has a token of `[drills_from]`. The body is JSON, so that no page of another site can send it unasked.

use crate::app::App;
use crate::config::file::parse_duration;
use crate::entry::caller;
use crate::flow::drill::{NoDrill, Wish, begin};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, extract::rejection::JsonRejection};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// Longest name of a wish, in characters.
const ID_CHARS_MAX: usize = 100;

/// The path.
pub const PATH: &str = "/api/v1/drills";

/// The process, and whether anybody but this machine can reach it.
#[derive(Clone)]
struct Door {
    app: Arc<App>,
    loopback: bool,
}

/// What is asked for.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Names the wish: the same one again begins nothing.
    pub id: String,
    /// Whoever is asked for an alarm of this service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Whoever is on duty on this schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// This person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Whoever this policy asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// How long an answer is waited for: `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_within: Option<String>,
}

/// Where drills are begun.
pub fn router(app: Arc<App>, loopback: bool) -> Router {
    Router::new().route(PATH, post(drill)).with_state(Door { app, loopback })
}

async fn drill(State(door): State<Door>, headers: HeaderMap, body: Result<Json<Body>, JsonRejection>) -> Response {
    let secrets = &door.app.setup().config.drills_from.secrets;
    if let Err(refused) = caller::may("drills", secrets, door.loopback, &headers) {
        door.app.metrics.count("drills_refused", "");
        return problem(StatusCode::UNAUTHORIZED, &refused);
    }
    let Json(body) = match body {
        Ok(body) => body,
        Err(error) => return problem(error.status(), &error.body_text()),
    };
    if body.id.is_empty() || body.id.chars().count() > ID_CHARS_MAX {
        return problem(StatusCode::BAD_REQUEST, "id names the wish; it has 1 to 100 characters");
    }
    let answer_within = match body.answer_within.as_deref().map(parse_duration).transpose() {
        Ok(answer_within) => answer_within,
        Err(error) => return problem(StatusCode::BAD_REQUEST, &error),
    };
    let wish = Wish {
        service: body.service,
        schedule: body.schedule,
        person: body.person,
        policy: body.policy,
        why: body.why,
        answer_within,
        ..Wish::default()
    };
    match begin(&door.app, &wish, &format!("api/{}", body.id)).await {
        Ok(id) => (StatusCode::ACCEPTED, Json(json!({ "incident": id.map(|id| id.to_string()) }))).into_response(),
        Err(error @ NoDrill::Unknown(_)) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
        Err(error @ NoDrill::UnderWay(_)) => problem(StatusCode::CONFLICT, &error.to_string()),
        Err(NoDrill::Change(error)) => {
            tracing::error!(error = %format!("{:#}", anyhow::Error::new(error)), "a drill could not begin");
            problem(StatusCode::SERVICE_UNAVAILABLE, "the event log cannot be written; ask again")
        }
    }
}

fn problem(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}
