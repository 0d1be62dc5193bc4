//! `/ack/...`: the page behind the link by which somebody without Slack acknowledges. Reading it changes nothing; its one
//! button does. Whose link it is and what it allows is looked up anew each time; what does not hold is answered alike.

use crate::app::App;
use crate::clock;
use crate::entry::console::{STYLE, document};
use crate::flow::act::{self, Doer};
use crate::flow::change::{self, ChangeError};
use crate::page::{Claim, holds};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use incident::{Incident, IncidentId, Refused, Status};
use maud::{Markup, html};
use std::sync::Arc;

/// As for the other pages, and its one form may be sent to where it came from.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Where the links of pages lead.
pub fn router(app: Arc<App>) -> Router {
    Router::new().route("/ack/{incident}/{who}/{ends}/{tag}", get(show).post(acknowledge)).with_state(app)
}

type Parts = (String, String, String, String);

/// `GET`, and what mail scanners open: says what it is about.
async fn show(State(app): State<Arc<App>>, Path(parts): Path<Parts>) -> Response {
    let (incident, claim) = match believed(&app, parts).await {
        Ok(found) => found,
        Err(unbelieved) => return refuse(unbelieved),
    };
    let button = html! {
        form method="post" { button type="submit" { "Acknowledge as " (app.name(&claim.who)) } }
        p { "Until somebody acknowledges, others are asked." }
    };
    let body = match incident.status {
        Status::Open => button,
        Status::Acknowledged => html! { p { (had_by(&app, &incident)) } },
        Status::Resolved => html! { p { "It is over." } },
    };
    answer(StatusCode::OK, &incident, &body)
}

/// `POST`: the button.
async fn acknowledge(State(app): State<Arc<App>>, Path(parts): Path<Parts>) -> Response {
    let (incident, claim) = match believed(&app, parts).await {
        Ok(found) => found,
        Err(unbelieved) => return refuse(unbelieved),
    };
    // The same link again is the same request, as long as nothing has happened since.
    let cause = format!("link:{}:{}:{}", incident.id.0, claim.tag, incident.seq);
    let doer = Doer { who: claim.who.clone(), cause };
    match act::acknowledge(&app, &doer, incident.id).await {
        Ok(changed) if changed.incident.status == Status::Open => {
            answer(StatusCode::OK, &changed.incident, &html! { p { "Noted. Others still have to acknowledge." } })
        }
        Ok(_) | Err(ChangeError::Duplicate) => {
            answer(StatusCode::OK, &incident, &html! { p { "You have it: nobody else is asked." } })
        }
        Err(ChangeError::Refused(Refused::AlreadyAcknowledged { by, .. })) if by == claim.who => {
            answer(StatusCode::OK, &incident, &html! { p { "You have it: nobody else is asked." } })
        }
        Err(ChangeError::Refused(refused)) => answer(StatusCode::CONFLICT, &incident, &html! { p { (refused) } }),
        Err(error) => {
            tracing::error!(incident.id = %incident.id, error = %error, "a link could not acknowledge: {error}");
            answer(
                StatusCode::SERVICE_UNAVAILABLE,
                &incident,
                &html! { p { "The log takes nothing now; press again." } },
            )
        }
    }
}

/// Why a link is not followed.
enum Unbelieved {
    /// It is forged, over, or of somebody or something that is gone: nobody learns which.
    NotGood,
    /// The log cannot be read.
    Unreadable,
}

/// The incident and who asks, when the link is ours, not over, and its person still one of the rota.
async fn believed(app: &App, (incident, who, ends, tag): Parts) -> Result<(Incident, Claim), Unbelieved> {
    let (Ok(incident), Ok(ends)) = (incident.parse::<u64>(), ends.parse::<i64>()) else {
        return Err(Unbelieved::NotGood);
    };
    let claim = Claim { incident: IncidentId(incident), who: who.as_str().into(), ends, tag };
    let setup = app.setup();
    if setup.rota.person(&claim.who).is_none() {
        return Err(Unbelieved::NotGood);
    }
    let incident = change::load(app, claim.incident).await.map_err(|error| match error {
        ChangeError::NoSuchIncident(_) => Unbelieved::NotGood,
        _ => Unbelieved::Unreadable,
    })?;
    if holds(&setup, &claim, incident.round, clock::now()) { Ok((incident, claim)) } else { Err(Unbelieved::NotGood) }
}

fn refuse(unbelieved: Unbelieved) -> Response {
    match unbelieved {
        Unbelieved::NotGood => {
            let body = html! {
                h1 { "This link is not good (any more)" }
                p { "It is good for a day, for one person and one incident. Acknowledge in Slack, or ask for a new page." }
            };
            page(StatusCode::NOT_FOUND, "Not found", &body)
        }
        Unbelieved::Unreadable => {
            page(StatusCode::SERVICE_UNAVAILABLE, "Not now", &html! { p { "The log cannot be read now; ask again." } })
        }
    }
}

fn had_by(app: &App, incident: &Incident) -> String {
    let by = incident.acknowledged.as_ref().map(|has| app.name(&has.by)).unwrap_or_default();
    format!("{by} has it.")
}

fn answer(status: StatusCode, incident: &Incident, body: &Markup) -> Response {
    let about = html! {
        h1 { (incident.id) " " (incident.alarm.title) }
        p { (incident.severity.label()) @if let Some(service) = &incident.alarm.service { " · " (service) } }
        (body)
    };
    page(status, &incident.id.to_string(), &about)
}

fn page(status: StatusCode, title: &str, body: &Markup) -> Response {
    let page = document(title, STYLE, body);
    (status, [(CONTENT_SECURITY_POLICY, POLICY)], axum::response::Html(page.into_string())).into_response()
}
