//! The two pages that cards link to: an incident's night, and a runbook. They only show; nothing can be pressed.

mod markdown;

use crate::app::App;
use crate::flow::change;
use crate::surface;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{IntoResponse, Response};
use incident::{Incident, IncidentId, RunbookId, Suggestion};
use maud::{DOCTYPE, Markup, html};
use std::sync::Arc;

/// Similar incidents that are shown.
const SIMILAR_MAX: usize = 5;

/// When something happened.
const INSTANT: &str = "%Y-%m-%d %H:%M:%S UTC";

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
    let ahead = surface::future(&app, &incident).await.unwrap_or_default();
    let body = html! {
        h1 { (id) " " (incident.alarm.title) }
        p { (format!("{:?}", incident.status)) " · " (incident.severity.label()) " · same trouble: " code { (incident.alarm.key) } }
        @if let Some(measured) = incident.measured() { p { "This is a drill: " (measured.told(|who| app.name(who))) "." } }
        @if !incident.alarm.summary.is_empty() { p { (incident.alarm.summary) } }
        @if let Some(history) = &incident.history { p { (history.line(|who| app.name(who))) } }
        @if incident.is_open() { (suggestions(&incident.suggestions)) }
        h2 { "What happened" }
        table {
            @for line in &lines {
                tr { td { (line.at.format(INSTANT)) } td { (line.text) } }
            }
        }
        @if !ahead.is_empty() {
            h2 { "What will, if nobody acts" }
            table {
                @for next in &ahead {
                    tr { td { (next.at.format(INSTANT)) } td { (next.text) } }
                }
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

/// What may help, each with its reason, its record and its runbook. The buttons are on the card.
fn suggestions(suggestions: &[Suggestion]) -> Markup {
    html! {
        @if !suggestions.is_empty() {
            h2 { "What may help" }
            table {
                @for suggestion in suggestions {
                    tr {
                        td { (suggestion.title) }
                        td {
                            (suggestion.reason)
                            @if suggestion.record.runs() > 0 {
                                "; worked " (suggestion.record.helped) " of " (suggestion.record.runs())
                            }
                            @if let Some(runbook) = &suggestion.runbook { " · " a href={ "/rb/" (runbook) } { "read" } }
                        }
                    }
                }
            }
        }
    }
}

/// `GET /rb/aws/rds-cpu`: the runbook as it is indexed now.
pub async fn runbook(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    let Some((title, text)) = app.runbook(&RunbookId(id.clone())) else { return missing("There is no such runbook.") };
    let titled = text.trim_start().starts_with("# ");
    let body = html! {
        p.faint { code { (id) } }
        @if !titled { h1 { (title) } }
        article { (markdown::rendered(&text)) }
    };
    page(StatusCode::OK, &title, &body)
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
