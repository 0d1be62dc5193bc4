//! `GET /calendar/<secret>.ics`: the shifts of a schedule or a person, for programs that subscribe to calendars. Who knows
//! the address may read; an unknown and a revoked one are answered alike. It never says why it cannot answer, and never
//! writes the address down.

use crate::app::App;
use crate::clock;
use crate::flow::feeds;
use crate::flow::published::Page;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::DateTime;
use std::sync::Arc;

/// Programs may keep it for the person who subscribed, and ask each time whether it is still so.
const PRIVATE: &str = "private, no-cache";

/// Where calendar programs read.
pub fn router(app: Arc<App>) -> Router {
    Router::new().route("/calendar/{file}", get(feed)).with_state(app)
}

/// `GET` and `HEAD /calendar/<secret>.ics`.
async fn feed(State(app): State<Arc<App>>, Path(file): Path<String>, headers: HeaderMap) -> Response {
    let feeds = match feeds::load(&*app.log).await {
        Ok(feeds) => feeds,
        Err(error) => return unavailable(&error),
    };
    let Some(open) = file.strip_suffix(".ics").and_then(|secret| feeds.find(secret)) else {
        return (StatusCode::NOT_FOUND, "there is no such calendar\n").into_response();
    };
    match app.feeds.page(&app, &feeds, open, clock::now()).await {
        Ok(page) => answer(&page, &headers),
        Err(error) => unavailable(&error),
    }
}

fn answer(page: &Page, headers: &HeaderMap) -> Response {
    let changed_at = page.changed_at.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let about = [(ETAG, page.etag.clone()), (LAST_MODIFIED, changed_at), (CACHE_CONTROL, PRIVATE.to_owned())];
    if is_known(page, headers) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, [(CONTENT_TYPE, "text/calendar; charset=utf-8")], page.body.clone()).into_response()
}

/// Whether who asks has it already (RFC 9110, 13.2.2): the tag decides where there is one, else the time.
fn is_known(page: &Page, headers: &HeaderMap) -> bool {
    let mut tags = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).peekable();
    if tags.peek().is_some() {
        let is_same = |tag: &str| tag == "*" || tag.trim_start_matches("W/") == page.etag;
        return tags.flat_map(|tags| tags.split(',')).map(str::trim).any(is_same);
    }
    let since = headers.get(IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    let since = since.and_then(|since| DateTime::parse_from_rfc2822(since).ok());
    since.is_some_and(|since| page.changed_at <= since)
}

fn unavailable(error: &(dyn std::error::Error + 'static)) -> Response {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let error = chain.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    tracing::error!(error, "a calendar could not be answered: {error}");
    (StatusCode::SERVICE_UNAVAILABLE, "the calendar cannot be read now; ask again later\n").into_response()
}

#[cfg(test)]
mod tests;
