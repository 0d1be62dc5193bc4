//! Slack's Web API for the app: the token, the arguments, the faults, and the way to each method.
//!
//! Methods answer what Slack documents for a bot token with every scope. Simpler than Slack: no pagination (a `limit` is
//! honoured, `next_cursor` is always empty), no attachments, no scopes, one workspace.

mod args;
mod chat;
mod conversations;
mod files;
mod usergroups;
mod views;

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State as Extract};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::state::{Exchange, Fault, FaultKind, State, unix_ms};
use super::{Sim, SimConfig};
use args::Args;
pub(super) use chat::check_content;
pub(super) use files::FILE_BYTES_MAX;
pub(super) use views::{Place, check_view, replace_view, show_modal};

/// How long `applied_then_timeout` withholds its answer unless told otherwise: longer than clients wait.
const WITHHELD: Duration = Duration::from_secs(30);
/// How long `slow` takes unless told otherwise.
const SLOW: Duration = Duration::from_secs(2);

/// Slack's way to say no: a code, sometimes with details.
#[derive(Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) code: String,
    /// What `response_metadata.messages` says: where the fault lies.
    pub(super) messages: Vec<String>,
    /// Seconds, for `ratelimited`.
    pub(super) retry_after: Option<u32>,
}

impl From<&str> for Refusal {
    fn from(code: &str) -> Self {
        Self { code: code.to_owned(), messages: Vec::new(), retry_after: None }
    }
}

/// A journal that cannot be written is Slack's "something went wrong on our side".
impl From<std::io::Error> for Refusal {
    fn from(_: std::io::Error) -> Self {
        Self::from("internal_error")
    }
}

pub(super) type Answer = Result<Value, Refusal>;

/// One call of a method, with all that it may look at and change.
struct Call<'a> {
    config: &'a SimConfig,
    state: &'a mut State,
    args: Args,
    now: DateTime<Utc>,
}

pub(super) fn router(sim: &Sim) -> Router {
    Router::new().route("/api/{method}", any(serve)).with_state(sim.clone())
}

async fn serve(
    Extract(sim): Extract<Sim>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let started = sim.now();
    let args = Args::read(query.as_deref(), &headers, &body);
    let request = args.as_ref().map_or(Value::Null, Args::shown);
    let (answer, fault) = answer(&sim, &method, args, &headers);
    if let Some(pause) = withheld(fault.as_ref()) {
        super::outgoing::pause(pause).await;
    }
    let down = fault.is_some_and(|fault| fault.kind == FaultKind::Down);
    let (status, body) = if down { (StatusCode::SERVICE_UNAVAILABLE, Value::Null) } else { envelope(&answer) };
    sim.state().record_traffic(Exchange {
        number: 0,
        at: unix_ms(started),
        direction: "from_app",
        name: method,
        status: status.as_u16().to_string(),
        duration_ms: unix_ms(sim.now()) - unix_ms(started),
        request,
        response: body.clone(),
    });
    if down {
        return (status, "upstream connect error").into_response();
    }
    let mut response = (status, Json(body)).into_response();
    if let Err(Refusal { retry_after: Some(seconds), .. }) = answer {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Authenticates, lets the fault strike, and calls the method unless the fault forbids it.
fn answer(sim: &Sim, method: &str, args: Result<Args, Refusal>, headers: &HeaderMap) -> (Answer, Option<Fault>) {
    let args = match args.and_then(|args| authenticate(sim.config(), &args, headers).map(|()| args)) {
        Ok(args) => args,
        Err(refusal) => return (Err(refusal), None),
    };
    let mut state = sim.state();
    let fault = state.take_fault(method);
    let refused = fault.as_ref().and_then(|fault| match &fault.kind {
        FaultKind::Ratelimited => Some(ratelimited(fault.retry_after.unwrap_or(1))),
        FaultKind::InternalError | FaultKind::Down => Some("internal_error".into()),
        FaultKind::Code(code) => Some(code.as_str().into()),
        FaultKind::Slow | FaultKind::AppliedThenTimeout => None,
    });
    let answer = match refused {
        Some(refusal) => Err(refusal),
        None => Call { config: sim.config(), state: &mut state, args, now: sim.now() }.run(method),
    };
    (answer, fault)
}

fn authenticate(config: &SimConfig, args: &Args, headers: &HeaderMap) -> Result<(), Refusal> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    match bearer.or_else(|| args.text("token")) {
        None => Err("not_authed".into()),
        Some(token) if token == config.bot_token.expose() => Ok(()),
        Some(_) => Err("invalid_auth".into()),
    }
}

fn withheld(fault: Option<&Fault>) -> Option<Duration> {
    let fault = fault?;
    let asked = fault.delay_ms.map(Duration::from_millis);
    match fault.kind {
        FaultKind::Slow => Some(asked.unwrap_or(SLOW)),
        FaultKind::AppliedThenTimeout => Some(asked.unwrap_or(WITHHELD)),
        FaultKind::Ratelimited | FaultKind::InternalError | FaultKind::Down | FaultKind::Code(_) => None,
    }
}

fn ratelimited(seconds: u32) -> Refusal {
    Refusal { retry_after: Some(seconds), ..Refusal::from("ratelimited") }
}

fn envelope(answer: &Answer) -> (StatusCode, Value) {
    match answer {
        Ok(value) => {
            let mut body = json!({ "ok": true });
            if let (Some(body), Value::Object(fields)) = (body.as_object_mut(), value) {
                body.extend(fields.clone());
            }
            (StatusCode::OK, body)
        }
        Err(refusal) => {
            let mut body = json!({ "ok": false, "error": refusal.code });
            if !refusal.messages.is_empty() {
                body["response_metadata"] = json!({ "messages": refusal.messages });
            }
            let status = if refusal.retry_after.is_some() { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::OK };
            (status, body)
        }
    }
}

impl Call<'_> {
    fn run(&mut self, method: &str) -> Answer {
        match method {
            "auth.test" => Ok(self.auth_test()),
            "chat.postMessage" => self.post_message(),
            "chat.postEphemeral" => self.post_ephemeral(),
            "chat.update" => self.update_message(),
            "chat.delete" => self.delete_message(),
            "chat.getPermalink" => self.permalink(),
            "reactions.add" => self.add_reaction(),
            "pins.add" => self.add_pin(),
            "views.open" => self.open_view(),
            "views.push" => self.push_view(),
            "views.update" => self.update_view(),
            "views.publish" => self.publish_view(),
            "conversations.open" => self.open_conversation(),
            "conversations.list" => Ok(self.list_conversations()),
            "conversations.info" => self.conversation_info(),
            "conversations.members" => self.members(),
            "conversations.history" => self.history(),
            "conversations.replies" => self.replies(),
            "conversations.create" => self.create_conversation(),
            "conversations.join" => self.join(),
            "conversations.archive" => self.archive(),
            "conversations.invite" => self.invite(),
            "conversations.setTopic" => self.set_topic(),
            "files.getUploadURLExternal" => self.upload_url(),
            "files.completeUploadExternal" => self.complete_upload(),
            "usergroups.users.list" => self.group_members(),
            "usergroups.users.update" => self.set_group_members(),
            "users.info" => self.user_info(),
            "users.list" => Ok(self.list_users()),
            _ => Err("unknown_method".into()),
        }
    }

    fn auth_test(&self) -> Value {
        let SimConfig { team, app, .. } = self.config;
        json!({
            "url": format!("https://{}.slack.com/", team.domain), "team": team.name, "team_id": team.id,
            "user": app.name.to_lowercase(), "user_id": app.bot_user_id, "bot_id": app.bot_id,
            "is_enterprise_install": false,
        })
    }

    fn user_info(&self) -> Answer {
        let id = self.args.required("user", "user_not_found")?;
        let known = self.users().find(|user| user["id"] == id);
        known.map(|user| json!({ "user": user })).ok_or_else(|| "user_not_found".into())
    }

    fn list_users(&self) -> Value {
        json!({ "members": self.users().collect::<Vec<_>>(), "response_metadata": { "next_cursor": "" } })
    }

    /// The people, then the app's own user.
    fn users(&self) -> impl Iterator<Item = Value> {
        let SimConfig { team, app, people, .. } = self.config;
        let user = |id: &str, handle: &str, name: &str, is_bot: bool| {
            json!({
                "id": id, "team_id": team.id, "name": handle, "real_name": name, "deleted": false, "is_bot": is_bot,
                "is_restricted": false, "is_ultra_restricted": false, "tz": "Etc/UTC", "tz_offset": 0,
                "profile": { "real_name": name, "display_name": handle, "email": format!("{handle}@{}.example", team.domain) },
            })
        };
        let app = user(&app.bot_user_id, &app.name.to_lowercase(), &app.name, true);
        people.iter().map(move |it| user(&it.id, &it.handle, &it.name, false)).chain([app])
    }

    fn is_person(&self, id: &str) -> bool {
        self.config.people.iter().any(|person| person.id == id)
    }
}
