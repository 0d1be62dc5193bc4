//! The page and its JSON: what a person sees, and the doors through which a person acts.
//!
//! Only the loopback gets in (`Host` is checked, so a rebound DNS name is refused, and so is what came through a proxy), and whoever changes something must
//! send `X-Local-Slack: 1`, which a foreign page cannot do without a CORS permission that is never given.

mod acts;
mod files;
mod hook;

use std::convert::Infallible;

use axum::extract::{Query, Request, State as Extract};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::render::{self, Names};
use super::state::{Fault, State};
use super::world::{Channel, ChannelKind, File, Message, View};
use super::{Sim, SimConfig};

/// Nothing but our own files, nobody may frame us.
const POLICY: &str = "default-src 'self'; img-src 'self' https: data:; object-src 'none'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";
/// Messages of one channel that the page gets.
const PAGE_MESSAGES: usize = 120;

pub(super) fn router(sim: &Sim) -> Router {
    let acting = Router::new()
        .route("/local/say", post(acts::say))
        .route("/local/act", post(acts::act))
        .route("/local/submit", post(acts::submit))
        .route("/local/close", post(acts::close))
        .route("/local/suggest", post(acts::suggest))
        .route("/local/shortcut", post(acts::shortcut))
        .route("/local/open", post(acts::open))
        .route("/local/faults", post(add_fault))
        .layer(axum::middleware::from_fn(only_our_page));
    Router::new()
        .route("/local", get(|| async { Redirect::permanent("/local/") }))
        .route("/local/", get(|| asset("text/html; charset=utf-8", include_str!("../page.html"))))
        .route("/local/page.css", get(|| asset("text/css; charset=utf-8", include_str!("../page.css"))))
        .route("/local/page.js", get(|| asset("text/javascript; charset=utf-8", include_str!("../page.js"))))
        .route("/local/state", get(state))
        .route("/local/people", get(people))
        .route("/local/traffic", get(traffic))
        .route("/local/events", get(events))
        .route("/local/files/{id}", get(files::give))
        .route("/local/upload/{id}", post(files::take))
        .route("/local/response/{id}", post(hook::respond))
        .merge(acting)
        .with_state(sim.clone())
}

/// Refuses requests that were not addressed to this machine by one of its own names.
pub(super) async fn only_loopback(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    // Many a proxy calls us by our own address; what it adds gives it away.
    let proxied = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    let is_proxied = proxied.iter().any(|name| request.headers().contains_key(*name));
    if is_proxied || !matches!(name, "localhost" | "127.0.0.1" | "[::1]") {
        return (StatusCode::FORBIDDEN, "the local Slack answers on localhost only\n").into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn only_our_page(headers: HeaderMap, request: Request, next: Next) -> Response {
    if headers.get("x-local-slack").is_none_or(|value| value != "1") {
        return (StatusCode::FORBIDDEN, "send the header X-Local-Slack: 1\n").into_response();
    }
    next.run(request).await
}

async fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn add_fault(Extract(sim): Extract<Sim>, Json(fault): Json<Fault>) -> StatusCode {
    sim.state().add_fault(fault);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Looking {
    #[serde(rename = "as")]
    person: String,
    /// Only this channel's messages; every channel's when absent.
    channel: Option<String>,
}

async fn state(Extract(sim): Extract<Sim>, Query(looking): Query<Looking>) -> Response {
    match snapshot(&sim, &looking.person, looking.channel.as_deref()) {
        Some(json) => Json(json).into_response(),
        None => (StatusCode::NOT_FOUND, "nobody has this id\n").into_response(),
    }
}

async fn people(Extract(sim): Extract<Sim>) -> Json<Value> {
    Json(json!({ "people": sim.config().people }))
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn traffic(Extract(sim): Extract<Sim>, Query(After { after }): Query<After>) -> Json<Value> {
    let state = sim.state();
    let newer: Vec<_> = state.traffic.iter().filter(|exchange| exchange.number > after).collect();
    Json(json!({ "exchanges": newer }))
}

/// Each event says only "look again"; a page that fell behind looks once.
async fn events(Extract(sim): Extract<Sim>) -> impl IntoResponse {
    let changes = sim.0.changes.subscribe();
    let stream = futures::stream::unfold(changes, |mut changes| async move {
        let revision = match changes.recv().await {
            Ok(revision) => revision,
            Err(RecvError::Lagged(_)) => 0,
            Err(RecvError::Closed) => return None,
        };
        Some((Ok::<_, Infallible>(Event::default().event("change").data(revision.to_string())), changes))
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}

/// What a person sees. With a channel, only its latest messages come along.
pub(super) fn snapshot(sim: &Sim, person: &str, channel: Option<&str>) -> Option<Value> {
    let config = sim.config();
    let me = config.people.iter().find(|one| one.id == person)?;
    let state = sim.state();
    let names = names(config, &state);
    let seen: Vec<_> = state.world.channels.values().filter(|it| state.world.sees(person, it)).collect();
    let messages: serde_json::Map<_, _> = seen
        .iter()
        .filter(|it| channel.is_none_or(|wanted| wanted == it.id))
        .map(|it| {
            let latest = channel.map(|_| PAGE_MESSAGES);
            (it.id.clone(), messages(&state, config, &names, person, it, latest).into())
        })
        .collect();
    let modals = state.world.modals.get(person).map_or(&[][..], Vec::as_slice);
    Some(json!({
        "revision": state.world.revision, "me": me, "team": config.team, "people": config.people,
        "app": config.app, "first_channel": config.channels.first().map(|seed| &seed.id),
        "channels": seen.iter().map(|it| channel_json(config, &state, person, it)).collect::<Vec<_>>(),
        "messages": messages,
        "modals": modals.iter().map(|view| view_json(view, &names)).collect::<Vec<_>>(),
        "home": state.world.homes.get(person).map(|view| view_json(view, &names)),
    }))
}

fn names(config: &SimConfig, state: &State) -> Names {
    let people = config.people.iter().map(|one| (one.id.clone(), one.name.clone()));
    let app = [(config.app.bot_user_id.clone(), config.app.name.clone())];
    let channels = state.world.channels.values().map(|channel| (channel.id.clone(), channel.name.clone()));
    Names { people: people.chain(app).collect(), channels: channels.collect() }
}

fn channel_json(config: &SimConfig, state: &State, person: &str, channel: &Channel) -> Value {
    let others: Vec<_> =
        channel.members.iter().filter(|member| *member != person).map(|member| writer(config, member).0).collect();
    let name = if channel.kind == ChannelKind::Direct { others.join(", ") } else { channel.name.clone() };
    json!({
        "id": channel.id, "name": name, "kind": channel.kind, "topic": channel.topic, "archived": channel.archived,
        "members": channel.members, "unread": state.world.unread(person, &channel.id),
        "with_app": channel.kind == ChannelKind::Direct && channel.members.len() == 2,
    })
}

/// The name of a writer, and the colour of the avatar.
fn writer<'a>(config: &'a SimConfig, user: &str) -> (&'a str, &'a str) {
    let person = config.people.iter().find(|person| person.id == user);
    match person {
        Some(person) => (&person.name, &person.colour),
        None if user == config.app.bot_user_id => (&config.app.name, "#5b2333"),
        None => ("Slack", "#616061"),
    }
}

fn messages(
    state: &State,
    config: &SimConfig,
    names: &Names,
    person: &str,
    channel: &Channel,
    latest: Option<usize>,
) -> Vec<Value> {
    let Some(all) = state.world.messages.get(&channel.id) else { return Vec::new() };
    let seen = all.values().rev().filter(|message| message.is_seen_by(person));
    let mut seen: Vec<_> = seen.take(latest.unwrap_or(usize::MAX)).collect();
    seen.reverse();
    seen.into_iter().map(|message| message_json(state, config, names, message)).collect()
}

fn message_json(state: &State, config: &SimConfig, names: &Names, message: &Message) -> Value {
    let (name, colour) = writer(config, &message.user);
    let said = if message.blocks.is_empty() {
        format!("<div class=\"text\">{}</div>", render::mrkdwn_to_html(&message.text, names))
    } else {
        render::blocks_to_html(&render::read(&message.blocks), names)
    };
    let html = said + &message.files.iter().map(render::file).collect::<String>();
    json!({
        "ts": message.ts, "user": message.user, "name": name, "colour": colour,
        "is_app": message.user == config.app.bot_user_id, "text": message.text, "blocks": message.blocks,
        "rendered_text": render::text_of(&html), "html": html, "thread_ts": message.thread_ts,
        "in_channel": message.is_in_channel(), "replies": state.world.replies(&message.channel, &message.ts).count(),
        "files": message.files.iter().map(File::to_json).collect::<Vec<_>>(), "only_for": message.only_for, "reactions": message.reactions, "pinned": message.pinned,
        "metadata": message.metadata, "edited": message.edited_ts.is_some(),
        "visible_at": message.visible_at, "changed_at": message.changed_at,
    })
}

fn view_json(view: &View, names: &Names) -> Value {
    let blocks = view.body["blocks"].as_array().map_or(&[][..], Vec::as_slice);
    let text = |name: &str| view.body[name]["text"].as_str();
    let html = render::blocks_to_html(&render::read(blocks), names);
    json!({
        "id": view.id, "hash": view.hash, "callback_id": view.body["callback_id"], "title": text("title"),
        "submit": text("submit"), "close": text("close"), "blocks": blocks, "visible_at": view.visible_at,
        "rendered_text": render::text_of(&html), "html": html,
    })
}
