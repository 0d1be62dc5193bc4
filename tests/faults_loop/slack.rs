//! A Slack that outlives the process under test: the local one of the `slack` crate, in this process, with a door in front
//! of it that is slow, keeps count of what became visible, and can be told to strike at a moment.
//! It never talks to Slack, and it never forgets a post because its sender has died.

use crate::dice::Dice;
use anyhow::{Context, Result};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use catops::clock;
use serde_json::{Value, json};
use slack::sim::{ChannelSeed, Sim, SimConfig};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What the client sends at most.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// The longest pause between a request's arrival and its effect: a process that is killed in it has its post arrive later.
const BEFORE_MS: u64 = 4;
/// The longest pause between the effect and the answer.
const AFTER_MS: u64 = 8;

/// Something that is done once, when a post is visible and not yet answered.
type Strike = Box<dyn FnOnce() + Send>;

/// A Slack and what stands in it.
pub(crate) struct FakeSlack {
    /// For `SLACK_API_URL`.
    pub(crate) api: String,
    door: Arc<Door>,
}

/// What the door does to requests, and what it saw.
struct Door {
    seen: Mutex<Seen>,
    /// `conversations.history` and `conversations.replies` are refused.
    history_fails: bool,
}

struct Seen {
    dice: Dice,
    /// How many messages became visible for each effect.
    posts: BTreeMap<String, u64>,
    /// How often the history was asked for.
    asked: u64,
    strike: Option<Strike>,
}

impl FakeSlack {
    pub(crate) async fn start(seed: u64, history_fails: bool) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let own = format!("http://{}", listener.local_addr()?);
        let mut config = SimConfig::acme("http://127.0.0.1:9", &own, clock::now);
        config.channels.push(ChannelSeed { id: "C0DATA".into(), name: "data".into(), topic: String::new() });
        let sim = Sim::new(config).context("the local Slack")?;
        let seen = Seen { dice: Dice::new(seed), posts: BTreeMap::new(), asked: 0, strike: None };
        let door = Arc::new(Door { seen: Mutex::new(seen), history_fails });
        let router: Router = sim.router().layer(from_fn_with_state(Arc::clone(&door), through));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { api: format!("{own}/api"), door })
    }

    /// How many messages are visible for each effect.
    pub(crate) fn posts(&self) -> BTreeMap<String, u64> {
        self.door.seen().posts.clone()
    }

    /// How many messages are visible.
    pub(crate) fn count(&self) -> u64 {
        self.door.seen().posts.values().sum()
    }

    /// How often the history was asked for.
    pub(crate) fn asked(&self) -> u64 {
        self.door.seen().asked
    }

    /// Does something when the next post is visible and before it is answered.
    pub(crate) fn strike_at_next_post(&self, strike: impl FnOnce() + Send + 'static) {
        self.door.seen().strike = Some(Box::new(strike));
    }
}

/// Slack goes on with a request whose sender has died, so it is carried out in a task of its own.
async fn through(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let carried = tokio::spawn(async move { door.carry(request, next).await });
    carried.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

impl Door {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn carry(&self, request: Request, next: Next) -> Response {
        let method = request.uri().path().trim_start_matches("/api/").to_owned();
        if matches!(method.as_str(), "conversations.history" | "conversations.replies") {
            self.seen().asked += 1;
            if self.history_fails {
                return Json(json!({ "ok": false, "error": "missing_scope" })).into_response();
            }
        }
        let (parts, body) = request.into_parts();
        let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else { return StatusCode::BAD_REQUEST.into_response() };
        self.pause(BEFORE_MS).await;
        let key = (method == "chat.postMessage").then(|| post_key(&body));
        let response = next.run(Request::from_parts(parts, Body::from(body))).await;
        let Some(key) = key else { return response };
        let (parts, body) = response.into_parts();
        let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else { return StatusCode::BAD_GATEWAY.into_response() };
        self.posted(key, &body);
        self.pause(AFTER_MS).await;
        Response::from_parts(parts, Body::from(body))
    }

    fn posted(&self, key: String, answer: &Bytes) {
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        if answer["ok"] != true {
            return;
        }
        let mut seen = self.seen();
        *seen.posts.entry(key).or_default() += 1;
        if let Some(strike) = seen.strike.take() {
            strike();
        }
    }

    async fn pause(&self, longest_ms: u64) {
        let pause = self.seen().dice.below(longest_ms + 1);
        clock::sleep(Duration::from_millis(pause)).await;
    }
}

/// The effect that a post carries.
fn post_key(body: &Bytes) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["metadata"]["event_payload"]["post_key"].as_str().unwrap_or("without a key").to_owned()
}
