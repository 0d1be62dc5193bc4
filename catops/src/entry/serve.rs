//! The HTTP server: which path leads where. Limits and headers that hold for every answer are set here.

use crate::app::App;
use crate::entry::connections::{self, Limits};
use crate::entry::hooks::{BODY_BYTES_MAX, Hooks};
use crate::entry::{acknowledge, api, calendar, console, drills, hooks, silences, slack};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

/// How many ports after the wanted one are tried.
const PORTS_TRIED: u16 = 20;

/// Everything that is served, without the local Slack.
pub fn router(app: Arc<App>, loopback: bool) -> Router {
    let reading = Router::new()
        .route("/api/v1/incidents", get(api::incidents))
        .route("/api/v1/incidents/{id}", get(api::incident))
        .route("/api/v1/incidents/{id}/similar", get(api::similar))
        .route("/api/v1/oncall", get(api::oncall))
        .route("/api/v1/oncall/why", get(api::oncall_why))
        .route("/api/v1/audit", get(api::audit))
        .route("/i/{id}", get(console::incident))
        .route("/rb/{*id}", get(console::runbook))
        .route("/metrics", get(api::metrics))
        .with_state(Arc::clone(&app))
        .merge(drills::router(Arc::clone(&app), loopback))
        .merge(silences::router(Arc::clone(&app), loopback));
    let reading = if loopback { reading.layer(from_fn_with_state(Arc::clone(&app), by_our_name)) } else { reading };
    let health = health_router(Arc::clone(&app));
    let slack = slack_router(Arc::clone(&app));
    let feeds = calendar::router(Arc::clone(&app));
    let links = acknowledge::router(Arc::clone(&app));
    limited(reading.merge(feeds).merge(links).merge(health).merge(slack).merge(hooks_router(app, loopback)))
}

/// Whether this process is well.
pub fn health_router(app: Arc<App>) -> Router {
    Router::new().route("/healthz", get(api::healthz)).with_state(app)
}

/// Where Slack sends.
pub fn slack_router(app: Arc<App>) -> Router {
    Router::new()
        .route("/slack/interactivity", post(slack::interactivity))
        .route("/slack/commands", post(slack::command))
        .route("/slack/events", post(slack::event))
        .route("/slack/options", post(slack::options))
        .with_state(app)
}

/// Where other tools send alarms.
pub fn hooks_router(app: Arc<App>, loopback: bool) -> Router {
    Router::new()
        .route("/hooks/{source}", post(hooks::hook).get(hooks::hook))
        .route("/v2/enqueue", post(hooks::pagerduty))
        .with_state(Hooks { app, loopback })
}

/// Limits and headers that hold for every answer.
pub fn limited(router: Router) -> Router {
    router.layer(DefaultBodyLimit::max(BODY_BYTES_MAX)).layer(map_response(guarded))
}

/// What we answer is what its type says, belongs in no frame, in no cache unless it says so itself, and tells no other site
/// where it was read.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// On a loopback address, who calls us by another name is a page of another site whose name was made to lead here (DNS
/// rebinding); it must not read incidents. `public_url` is the name of a proxy in front of us.
async fn by_our_name(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = host_name(host);
    let public = app.public_url.split_once("://").map_or("", |(_, rest)| rest);
    let public = host_name(public.split('/').next().unwrap_or_default());
    if matches!(name, "localhost" | "127.0.0.1" | "[::1]") || (!name.is_empty() && name.eq_ignore_ascii_case(public)) {
        return next.run(request).await;
    }
    let says = "this address is read as localhost; behind a proxy, set public_url in catops.toml to the name it is reached by\n";
    (StatusCode::MISDIRECTED_REQUEST, says).into_response()
}

/// `localhost:7070` -> `localhost`.
fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Binds the wanted address.
///
/// # Errors
/// It is taken, or not ours.
pub async fn bind(wanted: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(wanted).await
}

/// Binds the wanted address or the next free port after it.
///
/// # Errors
/// None of them is free, or the address is not ours.
pub async fn bind_next(wanted: SocketAddr) -> std::io::Result<TcpListener> {
    let mut last = None;
    for offset in 0..PORTS_TRIED {
        let Some(port) = wanted.port().checked_add(offset) else { break };
        match TcpListener::bind((wanted.ip(), port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| std::io::Error::from(std::io::ErrorKind::AddrInUse)))
}

/// Serves until a signal asks to stop; requests under way are finished first.
pub async fn serve(listener: TcpListener, router: Router, app: &App) {
    let limits = Limits::from(&app.setup().config.server);
    connections::serve(listener, router, limits, Arc::clone(&app.metrics), stopped()).await;
}

async fn stopped() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
}
