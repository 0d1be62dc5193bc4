//! `/api/v1`, `/healthz` and `/metrics`: what programs and people read. It changes nothing.

use crate::app::App;
use crate::audit::parse_since;
use crate::clock;
use crate::flow::causes::Causes;
use crate::flow::{calendars, change, names, ready, switch, triage};
use crate::metrics;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use incident::audit::Keep;
use incident::{Incident, IncidentId, invariant};
use log::{Backlog, Cursor, ReadError};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// Most incidents of one page.
const PAGE_MAX: usize = 200;

/// The longest part of the log that is audited for a request; the server has alarms to take meanwhile.
const AUDIT_DAYS_MAX: TimeDelta = TimeDelta::days(7);

/// Most events behind one number of an audit, and most things that are not accounted for; the number is of all.
const AUDIT_ITEMS_MAX: usize = 200;

/// An incident in a list.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// `INC-42`.
    pub id: String,
    /// `open`, `acknowledged`, `resolved`.
    pub status: incident::Status,
    /// How bad it is.
    pub severity: incident::Severity,
    /// The alarm's name.
    pub title: String,
    /// The service, when the alarm names one.
    pub service: Option<String>,
    /// Who was asked, or who has it.
    pub owners: Vec<String>,
    /// True when CatOps began it itself, to try whether people are reached.
    pub drill: bool,
    /// How often the alarm fired.
    pub fired: u32,
    /// When it was opened.
    pub opened_at: chrono::DateTime<chrono::Utc>,
    /// When it ended.
    pub resolved_at: Option<chrono::DateTime<chrono::Utc>>,
}

impl From<&Incident> for Summary {
    fn from(incident: &Incident) -> Self {
        Self {
            id: incident.id.to_string(),
            status: incident.status,
            severity: incident.severity,
            title: incident.alarm.title.clone(),
            service: incident.alarm.service.clone(),
            owners: incident.owners.iter().map(|owner| owner.0.clone()).collect(),
            drill: !incident.counts(),
            fired: incident.fired,
            opened_at: incident.opened_at,
            resolved_at: incident.resolved.as_ref().map(|end| end.at),
        }
    }
}

/// What a list may be asked for.
#[derive(Debug, Deserialize)]
pub struct ListQuery {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    before: Option<String>,
}

/// `GET /api/v1/incidents?status=open|resolved&limit=50&before=...`: newest first.
pub async fn incidents(State(app): State<Arc<App>>, Query(query): Query<ListQuery>) -> Response {
    let listing = match query.status.as_deref() {
        None | Some("open") => names::OPEN,
        Some("resolved") => names::RESOLVED,
        Some(other) => {
            return problem(StatusCode::BAD_REQUEST, &format!("status is open or resolved, not \"{other}\""));
        }
    };
    let before = query.before.map(Cursor::new);
    match list(&app, listing, before.as_ref(), query.limit.unwrap_or(50).min(PAGE_MAX)).await {
        Ok((incidents, next)) => {
            let incidents: Vec<Summary> = incidents.iter().map(Summary::from).collect();
            Json(json!({ "incidents": incidents, "next": next.map(|next| next.to_string()) })).into_response()
        }
        Err(error) => unavailable(&error),
    }
}

/// One page of a list of incidents.
///
/// # Errors
/// The log cannot be read.
pub async fn list(
    app: &App,
    listing: &str,
    before: Option<&Cursor>,
    max: usize,
) -> Result<(Vec<Incident>, Option<Cursor>), change::ChangeError> {
    let roll = app.log.list(listing, before, max).await?;
    let mut incidents = Vec::with_capacity(roll.streams.len());
    for listed in &roll.streams {
        if let Some(id) = names::incident_of(&listed.id) {
            incidents.push(change::from_stream(app, id, &listed.stream).await?);
        }
    }
    Ok((incidents, roll.next))
}

/// `GET /api/v1/incidents/{id}`: the whole state, every event, the timeline, and what will happen if nobody acts.
pub async fn incident(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    let id: IncidentId = match id.parse() {
        Ok(id) => id,
        Err(error) => return problem(StatusCode::BAD_REQUEST, &format!("{error}")),
    };
    match change::events(&*app.log, id).await {
        Ok(events) => match Incident::fold(id, &events) {
            Some(incident) => {
                let timeline = incident::timeline(&incident, &events, |who| app.name(who));
                let future = match crate::surface::future(&app, &incident).await {
                    Ok(future) => future,
                    Err(error) => return unavailable(&error),
                };
                let answer = json!({ "incident": incident, "events": events, "timeline": timeline, "future": future });
                Json(answer).into_response()
            }
            None => problem(StatusCode::NOT_FOUND, &format!("there is no {id}")),
        },
        Err(error) => unavailable(&error),
    }
}

/// Similar incidents of one answer.
const SIMILAR_MAX: usize = 10;

/// `GET /api/v1/incidents/{id}/similar`: past incidents that looked like it, with what ended them, the nearest first.
pub async fn similar(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    let id: IncidentId = match id.parse() {
        Ok(id) => id,
        Err(error) => return problem(StatusCode::BAD_REQUEST, &format!("{error}")),
    };
    let incident = match change::load(&app, id).await {
        Ok(incident) => incident,
        Err(change::ChangeError::NoSuchIncident(id)) => {
            return problem(StatusCode::NOT_FOUND, &format!("there is no {id}"));
        }
        Err(error) => return unavailable(&error),
    };
    match app.past.similar(&*app.log, &incident, SIMILAR_MAX, |who| app.name(who)).await {
        Ok(similar) => Json(json!({ "similar": similar })).into_response(),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

/// What may be asked about the rota.
#[derive(Debug, Deserialize)]
pub struct OnCallQuery {
    /// When, as `catops oncall --at` takes it; now, when nothing is said.
    #[serde(default)]
    at: Option<String>,
}

/// `GET /api/v1/oncall?at=2026-12-24T08:00:00Z`: who is on call, by schedule.
pub async fn oncall(State(app): State<Arc<App>>, Query(query): Query<OnCallQuery>) -> Response {
    let operations = match triage::operations(app.log.as_ref()).await {
        Ok(operations) => operations,
        Err(error) => return unavailable(&error),
    };
    let setup = app.setup();
    let now = clock::now();
    let is_now = query.at.is_none();
    let asked = query.at.map(|typed| rota::When::spoken(&typed, &setup.rota.zone_of(None), now));
    let at = match asked.transpose() {
        Ok(asked) => asked.map_or(now, |when| when.at),
        Err(unreadable) => return problem(StatusCode::BAD_REQUEST, &unreadable.to_string()),
    };
    let mut schedules: Vec<serde_json::Value> = Vec::new();
    for schedule in setup.rota.schedules.values() {
        let Ok(duty) = rota::on_call(&setup.rota, &schedule.name, &operations, at) else { continue };
        let silent = match ready::not_ready(&*app.log, schedule, &duty.on_duty, duty.since).await {
            Ok(silent) if is_now => silent,
            Ok(_) => Vec::new(),
            Err(error) => return unavailable(&error),
        };
        schedules.push(json!({
            "schedule": schedule.name, "on_duty": duty.on_duty, "since": duty.since, "until": duty.until,
            "because": duty.because, "next": duty.next.map(|next| json!({ "on_duty": next.on_duty, "start": next.start })),
            "not_ready": silent,
        }));
    }
    let calendars = match app.calendar_statuses().await {
        Ok(statuses) => statuses,
        Err(error) => return unavailable(&error),
    };
    let away: Vec<_> = setup.rota.away.iter().filter(|away| away.span.contains(at)).map(|away| &away.person).collect();
    Json(json!({ "at": at, "schedules": schedules, "away": away, "calendars": calendars })).into_response()
}

/// What the causes may be asked for.
#[derive(Debug, Deserialize)]
pub struct WhyQuery {
    /// Of one schedule; of all, when none is named.
    #[serde(default)]
    schedule: Option<String>,
    #[serde(default)]
    at: Option<String>,
}

/// `GET /api/v1/oncall/why?schedule=payments&at=2026-12-24T08:00:00Z`: every cause of who is on call, in words and as data.
pub async fn oncall_why(State(app): State<Arc<App>>, Query(query): Query<WhyQuery>) -> Response {
    let causes = match Causes::load(app.log.as_ref()).await {
        Ok(causes) => causes,
        Err(error) => return unavailable(&error),
    };
    let (setup, now) = (app.setup(), clock::now());
    let zone = setup.rota.zone_of(query.schedule.as_deref());
    let asked = query.at.map(|typed| rota::When::spoken(&typed, &zone, now)).transpose();
    let at = match asked {
        Ok(asked) => asked.map_or(now, |when| when.at),
        Err(unreadable) => return problem(StatusCode::BAD_REQUEST, &unreadable.to_string()),
    };
    let names = query.schedule.map_or_else(|| setup.rota.schedules.keys().cloned().collect(), |name| vec![name]);
    let mut told: Vec<serde_json::Value> = Vec::new();
    for name in names {
        match causes.why(&setup.rota, &name, at) {
            Ok(why) => told.push(json!({ "lines": why.lines(&setup.rota, None), "why": why })),
            Err(unknown) => return problem(StatusCode::NOT_FOUND, &unknown.to_string()),
        }
    }
    Json(json!({ "at": at, "schedules": told })).into_response()
}

/// What an audit may be asked for.
#[derive(Debug, Deserialize)]
pub struct AuditQuery {
    #[serde(default)]
    since: Option<String>,
}

/// `GET /api/v1/audit?since=24h`: what `catops audit --since` says, with up to [`AUDIT_ITEMS_MAX`] events of each row.
pub async fn audit(State(app): State<Arc<App>>, Query(query): Query<AuditQuery>) -> Response {
    let now = clock::now();
    let since = match parse_since(query.since.as_deref().unwrap_or("24h"), now) {
        Ok(since) => since,
        Err(error) => return problem(StatusCode::BAD_REQUEST, &error),
    };
    if now - since > AUDIT_DAYS_MAX {
        let days = AUDIT_DAYS_MAX.num_days();
        let message = format!("at most {days} days are audited here; `catops audit --data DIR` reads the whole log");
        return problem(StatusCode::BAD_REQUEST, &message);
    }
    let Ok(_turn) = app.watch.auditing.try_lock() else {
        return problem(StatusCode::TOO_MANY_REQUESTS, "an audit is under way; ask again when it has ended");
    };
    match crate::audit::audit(app.log.as_ref(), Some(since), Keep::Each(AUDIT_ITEMS_MAX), &mut |_| {}).await {
        Ok(mut report) => {
            report.unaccounted.truncate(AUDIT_ITEMS_MAX);
            Json(report).into_response()
        }
        Err(error) => unavailable(&error),
    }
}

/// `GET /healthz`: 200 while alarms can be kept, 503 with the reason when they cannot. Violated invariants are counted and
/// change no status: who restarts a server because of them makes the night worse.
pub async fn healthz(State(app): State<Arc<App>>) -> Response {
    match app.log.ping().await {
        Ok(()) => {
            let health = app.watch.health();
            // Who may look here need not be who may read why.
            let stopped_since = switch::load(&*app.log).await.ok().and_then(|switch| switch.stopped).map(|by| by.at);
            let violations = invariant::counts(&health.violations);
            let now = clock::now();
            let calendars: Vec<_> = app
                .calendar_statuses()
                .await
                .unwrap_or_default()
                .iter()
                .map(|status| {
                    json!({
                        "name": status.name, "age_seconds": status.age(now).map(|age| age.num_seconds()),
                        "failing_since": status.failing_since, "held": status.held_entries.is_some(),
                    })
                })
                .collect();
            let answer = json!({
                "status": "ok", "violations": violations, "checked_at": health.checked_at, "sampled": health.sampled,
                "actions_stopped_since": stopped_since, "calendars": calendars,
            });
            Json(answer).into_response()
        }
        Err(error) => {
            let error = format!("{:#}", anyhow::Error::new(error));
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "failing", "error": error }))).into_response()
        }
    }
}

/// `GET /metrics`: Prometheus' text format.
pub async fn metrics(State(app): State<Arc<App>>) -> Response {
    match figures(&app).await {
        Ok((backlog, of_the_log)) => {
            let overdue = backlog.oldest_due.map_or(0, |due| (clock::now() - due).num_seconds());
            let content = [(axum::http::header::CONTENT_TYPE, "text/plain; version=0.0.4")];
            let stopped = match switch::load(&*app.log).await {
                Ok(switch) => u8::from(switch.stopped.is_some()),
                Err(error) => return unavailable(&error),
            };
            let switch = format!("# TYPE catops_actions_stopped gauge\ncatops_actions_stopped {stopped}\n");
            let calendars = match app.calendar_statuses().await {
                Ok(statuses) => calendars::render(&statuses, clock::now()),
                Err(error) => return unavailable(&error),
            };
            (content, app.metrics.render(&backlog, overdue) + &of_the_log + &app.watch.render() + &switch + &calendars)
                .into_response()
        }
        Err(error) => unavailable(&error),
    }
}

/// What waits, and what else the log says of itself without reading all of it.
async fn figures(app: &App) -> Result<(Backlog, String), ReadError> {
    match app.log.consumed() {
        Some(consumed) => Ok((app.log.backlog().await?, metrics::charged(consumed))),
        None => app.log.stats().await.map(|stats| (stats.backlog(), metrics::size(&stats))),
    }
}

fn problem(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}

fn unavailable(error: &dyn std::error::Error) -> Response {
    tracing::error!(error = %error, "an answer could not be read from the log");
    problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
}
