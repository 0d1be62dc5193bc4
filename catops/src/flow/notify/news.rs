//! One event of an incident as JSON for machines: documented in `docs/events.md`. Names what happened and how the incident
//! stood after it; what people wrote and what actions said stays here.

use super::News;
use crate::app::App;
use chrono::{DateTime, Utc};
use incident::{Incident, ResponderId};
use serde_json::{Value, json};

/// The version of this JSON. A field that is added does not raise it; one that changes its meaning does.
const SCHEMA: u16 = 1;

/// One event, ready to be published.
pub(super) struct Entry {
    /// When it happened.
    pub(super) at: DateTime<Utc>,
    /// The JSON.
    pub(super) detail: String,
}

/// Why something was not told.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Untold {
    /// This one was refused; others may be taken.
    #[error("{0}")]
    Refused(String),
    /// The receiver could not be asked: the next one will fare no better.
    #[error("{0}")]
    Silent(String),
}

/// An event, ready to be published.
pub(super) fn entry(app: &App, incident: &Incident, event: &log::Event, news: &News) -> Entry {
    let alarm = &incident.alarm;
    let detail = json!({
        "schema": SCHEMA,
        "id": format!("{}/{}", incident.id, event.version),
        "incident": incident.id.to_string(),
        "version": event.version,
        "event": event.kind,
        "at": event.at,
        "actor": actor(app, &event.actor),
        "status": news.status,
        "severity": news.severity,
        "title": alarm.title,
        "service": alarm.service,
        "resource": alarm.resource,
        "alarm": { "source": alarm.source, "key": alarm.key },
        "drill": !alarm.counts(),
        "owners": news.owners.iter().map(|owner| person(app, owner)).collect::<Vec<_>>(),
        "url": app.incident_url(incident.id),
    });
    Entry { at: event.at, detail: detail.to_string() }
}

fn actor(app: &App, actor: &str) -> Value {
    match actor.split_once(':') {
        Some(("person", id)) => json!({ "kind": "person", "id": id, "name": app.name(&id.into()) }),
        Some((kind, id)) => json!({ "kind": kind, "id": id }),
        None => json!({ "kind": actor }),
    }
}

fn person(app: &App, id: &ResponderId) -> Value {
    json!({ "id": id, "name": app.name(id) })
}
