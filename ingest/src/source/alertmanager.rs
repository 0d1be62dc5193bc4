//! The webhook of Prometheus Alertmanager, version 4: one delivery holds a group of alerts.
//!
//! Shape: prometheus.io/docs/alerting/latest/configuration, `<webhook_config>`. Each alert is an alarm of its own: a
//! group gains and loses alerts, and an incident must not end while one of them fires.
//!
//! Alertmanager sends no delivery id, and repeats what still fires every `repeat_interval`. A repetition must count
//! (somebody may have closed the incident too early), a retry need not: so an alarm's delivery is the alert, its state,
//! its start, and the minute of arrival.

use super::{Answer, Decoded, Source};
use crate::draft::{Draft, fingerprint};
use crate::json::{self, Pairs, Text};
use crate::malformed::Malformed;
use crate::request::Request;
use crate::time;
use chrono::{DateTime, Utc};
use incident::{Alarm, AlarmState, Severity};
use serde::Deserialize;

pub(crate) const SOURCE: Source = Source { kind: KIND, decode, answer: Answer::accepted, key_field: None };
const KIND: &str = "alertmanager";

/// Most alerts read from one delivery; `max_alerts` of Alertmanager is for those who have more.
const ALERTS_MAX: usize = 500;
/// Labels that name what the trouble is about, the most telling first.
const RESOURCE_LABELS: [&str; 10] =
    ["instance", "pod", "node", "container", "deployment", "statefulset", "device", "host", "namespace", "job"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group<'a> {
    #[serde(borrow)]
    alerts: Vec<Alert<'a>>,
    #[serde(rename = "externalURL")]
    external_url: Option<Text<'a>>,
    #[serde(default)]
    common_labels: Pairs<'a>,
    #[serde(default)]
    common_annotations: Pairs<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alert<'a> {
    #[serde(borrow)]
    status: Text<'a>,
    labels: Pairs<'a>,
    #[serde(default)]
    annotations: Pairs<'a>,
    starts_at: Option<Text<'a>>,
    #[serde(rename = "generatorURL")]
    generator_url: Option<Text<'a>>,
    fingerprint: Option<Text<'a>>,
    #[serde(rename = "silenceURL")]
    silence_url: Option<Text<'a>>,
    #[serde(rename = "dashboardURL")]
    dashboard_url: Option<Text<'a>>,
    #[serde(rename = "panelURL")]
    panel_url: Option<Text<'a>>,
    #[serde(rename = "imageURL")]
    image_url: Option<Text<'a>>,
}

fn decode(request: &Request<'_>) -> Result<Decoded, Malformed> {
    alarms(json::parse(request.body)?, KIND, request)
}

/// One alarm for each alert of the group. Grafana sends the same group with a few more links.
pub(super) fn alarms(group: Group<'_>, source: &str, request: &Request<'_>) -> Result<Decoded, Malformed> {
    if group.alerts.is_empty() {
        return Err(Malformed::new("alerts", "empty"));
    }
    if group.alerts.len() > ALERTS_MAX {
        return Err(Malformed::new("alerts", format!("more than {ALERTS_MAX}; set max_alerts")));
    }
    let each = group.alerts.iter().enumerate();
    let alarms: Result<Vec<Alarm>, Malformed> = each
        .map(|(place, alert)| alarm(alert, &group, source, request).map_err(|error| error.below(&format!("alerts[{place}]"))))
        .collect();
    alarms.map(Decoded::Alarms)
}

fn alarm(alert: &Alert<'_>, group: &Group<'_>, source: &str, request: &Request<'_>) -> Result<Alarm, Malformed> {
    let state = match &*alert.status {
        "firing" => AlarmState::Firing,
        "resolved" => AlarmState::Cleared,
        _ => return Err(Malformed::new("status", "expected firing or resolved")),
    };
    let annotation =
        |names: &[&str]| alert.annotations.first(names).or_else(|| group.common_annotations.first(names)).unwrap_or_default();
    let label = |names: &[&str]| alert.labels.first(names).or_else(|| group.common_labels.first(names)).unwrap_or_default();
    let fingerprint = match alert.fingerprint.as_deref() {
        Some(fingerprint) if !fingerprint.is_empty() => fingerprint.to_owned(),
        _ => label_fingerprint(&alert.labels),
    };
    let starts_at = alert.starts_at.as_deref().and_then(time::parse).filter(is_set);
    let key = format!("{}:{fingerprint}", request.scope(source));
    // It happened when it was received. `startsAt` stays the same over repeats, and over a second firing after a clear by
    // timeout: taken as the time of this news, it would make a new page look like an old one.
    let minute = request.now.timestamp().div_euclid(60);
    let starts_ms = starts_at.map_or(0, |at| at.timestamp_millis());
    let generator = alert.generator_url.as_deref().unwrap_or_default();
    let description = annotation(&["description", "message"]);
    let url = |text: &'_ Option<Text<'_>>| text.as_deref().unwrap_or_default().to_owned();
    Ok(Draft::new(source, key.clone(), label(&["alertname"]), request)
        .delivery(format!("{key}:{}:{starts_ms}:{minute}", &*alert.status))
        .state(state)
        .severity(severity(&[label(&["severity", "priority", "level"]), annotation(&["severity"])]))
        .summary(if annotation(&["summary"]).is_empty() { description } else { annotation(&["summary"]) })
        .resource(label(&RESOURCE_LABELS))
        .labels(alert.labels.iter())
        .labels(group.common_labels.iter())
        .label("description", description)
        .label("expr", &expression(generator).unwrap_or_default())
        .link("runbook", annotation(&["runbook_url", "runbook", "runbookUrl", "playbook"]))
        .link("dashboard", &url(&alert.dashboard_url))
        .link("dashboard", annotation(&["dashboard_url", "dashboard"]))
        .link("graph", &url(&alert.panel_url))
        .link(if expression(generator).is_some() { "graph" } else { "source" }, generator)
        .link("silence", &url(&alert.silence_url))
        .link("image", &url(&alert.image_url))
        .link("source", &url(&group.external_url))
        .finish(request))
}

fn severity(words: &[&str]) -> Severity {
    words.iter().map(|word| Severity::parse(word)).find(|severity| *severity != Severity::Unknown).unwrap_or_default()
}

/// `0001-01-01T00:00:00Z` is Go for "not set".
fn is_set(at: &DateTime<Utc>) -> bool {
    at.timestamp() > 0
}

/// Same labels, same alert: as Alertmanager sees it, whose older versions send no fingerprint.
fn label_fingerprint(labels: &Pairs<'_>) -> String {
    let mut sorted: Vec<(&str, &str)> = labels.iter().collect();
    sorted.sort_unstable();
    let parts: Vec<&str> = sorted.into_iter().flat_map(|(name, value)| [name, value]).collect();
    fingerprint(&parts)
}

/// The query behind the alert, from the address of its graph in Prometheus: `...&g0.expr=...`.
fn expression(generator_url: &str) -> Option<String> {
    let (_, query) = generator_url.split_once('?')?;
    let mut fields = form_urlencoded::parse(query.as_bytes());
    fields.find(|(name, value)| name == "g0.expr" && !value.is_empty()).map(|(_, value)| value.into_owned())
}
