//! The two pages that cards link to: an incident's night, and a runbook. They only show; nothing can be pressed.

use crate::app::App;
use crate::flow::change;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{IntoResponse, Response};
use incident::{Incident, IncidentId, RunbookId};
use maud::{DOCTYPE, Markup, html};
use std::sync::Arc;

/// Similar incidents that are shown.
const SIMILAR_MAX: usize = 5;

/// How all pages look.
pub(super) const STYLE: &str = include_str!("console.css");

/// No script runs here, nothing is fetched from elsewhere, nothing is sent, and nobody may frame it.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /i/42`: the incident's state and timeline.
pub async fn incident(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<IncidentId>() else { return missing("This is no incident number.") };
    let Ok(events) = change::events(&*app.log, id).await else { return missing("The log cannot be read now.") };
    let Some(incident) = Incident::fold(id, &events) else { return missing("There is no such incident.") };
    let lines = incident::timeline(&incident, &events, |who| app.name(who));
    let similar = app.past.similar(&*app.log, &incident, SIMILAR_MAX, |who| app.name(who)).await.unwrap_or_default();
    let body = html! {
        h1 { (id) " " (incident.alarm.title) }
        p { (format!("{:?}", incident.status)) " · " (incident.severity.label()) " · same trouble: " code { (incident.alarm.key) } }
        @if let Some(measured) = incident.measured() { p { "This is a drill: " (measured.told(|who| app.name(who))) "." } }
        @if !incident.alarm.summary.is_empty() { p { (incident.alarm.summary) } }
        @if let Some(history) = &incident.history { p { (history.line(|who| app.name(who))) } }
        table {
            @for line in &lines {
                tr { td { (line.at.format("%Y-%m-%d %H:%M:%S UTC")) } td { (line.text) } }
            }
        }
        @if !similar.is_empty() {
            h2 { "Similar incidents" }
            table {
                @for before in &similar {
                    tr {
                        td { a href={ "/i/" (before.incident.0) } { (before.incident) } " " (before.title) }
                        td { (before.ended_at.format("%Y-%m-%d")) ": " (before.ended) }
                    }
                }
            }
        }
    };
    page(StatusCode::OK, &id.to_string(), &body)
}

/// `GET /rb/aws/rds-cpu`: the runbook as it is indexed now.
pub async fn runbook(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    let Some((title, text)) = app.runbook(&RunbookId(id.clone())) else { return missing("There is no such runbook.") };
    page(StatusCode::OK, &title, &html! { p { code { (id) } } pre { (text) } })
}

fn missing(why: &str) -> Response {
    page(StatusCode::NOT_FOUND, "Not found", &html! { h1 { "Not found" } p { (why) } })
}

fn page(status: StatusCode, title: &str, body: &Markup) -> Response {
    let page = document(title, STYLE, body);
    (status, [(CONTENT_SECURITY_POLICY, POLICY)], axum::response::Html(page.into_string())).into_response()
}

/// A whole page.
pub(super) fn document(title: &str, style: &'static str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · CatOps" }
                style { (maud::PreEscaped(style)) }
            }
            body { main { (body) } }
        }
    }
}
