//! The webhook of Grafana: unified alerting (`version` 1) is Alertmanager's group with more links; the older
//! dashboard alerts have a shape of their own.
//!
//! Shape: grafana.com/docs, "Configure the webhook notifier for Alerting".

use super::alertmanager::{self, Group};
use super::{Answer, Decoded, Source};
use crate::draft::Draft;
use crate::json::{self, Pairs, Scalar, Text};
use crate::malformed::Malformed;
use crate::request::Request;
use incident::{AlarmState, Severity};
use serde::Deserialize;
use serde_json::value::RawValue;

pub(crate) const SOURCE: Source = Source { kind: KIND, decode, answer: Answer::accepted, key_field: None };
const KIND: &str = "grafana";

/// Enough to tell the two shapes apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Peek<'a> {
    #[serde(borrow)]
    alerts: Option<&'a RawValue>,
    rule_id: Option<&'a RawValue>,
}

/// A dashboard alert, as Grafana sent it up to version 8.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Legacy<'a> {
    #[serde(borrow)]
    rule_id: Scalar<'a>,
    rule_name: Text<'a>,
    rule_url: Option<Text<'a>>,
    image_url: Option<Text<'a>>,
    state: Text<'a>,
    message: Option<Text<'a>>,
    #[serde(default)]
    eval_matches: Vec<Match<'a>>,
}

#[derive(Deserialize)]
struct Match<'a> {
    #[serde(borrow)]
    metric: Option<Text<'a>>,
    #[serde(default)]
    tags: Option<Pairs<'a>>,
}

fn decode(request: &Request<'_>) -> Result<Decoded, Malformed> {
    let peek: Peek<'_> = json::parse(request.body)?;
    if peek.alerts.is_none() && peek.rule_id.is_some() {
        return legacy(json::parse(request.body)?, request);
    }
    let group: Group<'_> = json::parse(request.body)?;
    alertmanager::alarms(group, KIND, request)
}

/// It names no time, so every delivery counts.
fn legacy(body: Legacy<'_>, request: &Request<'_>) -> Result<Decoded, Malformed> {
    let (state, severity) = match &*body.state {
        "alerting" => (AlarmState::Firing, Severity::Unknown),
        "ok" => (AlarmState::Cleared, Severity::Unknown),
        "no_data" | "pending" | "paused" | "unknown" => (AlarmState::Info, Severity::Info),
        _ => return Err(Malformed::new("state", "expected alerting, ok, no_data, pending or paused")),
    };
    let key = format!("{}:rule:{}", request.scope(KIND), body.rule_id.0);
    let tags = body.eval_matches.first().and_then(|first| first.tags.clone()).unwrap_or_default();
    let metric = body.eval_matches.first().and_then(|first| first.metric.as_deref()).unwrap_or_default();
    let draft = Draft::new(KIND, key.clone(), &body.rule_name, request)
        .delivery(format!("{key}:{}:{}", &*body.state, request.now.timestamp_millis()))
        .state(state)
        .severity(severity)
        .summary(body.message.as_deref().unwrap_or_default())
        .resource(tags.first(&["instance", "host"]).unwrap_or_default())
        .labels(tags.iter())
        .label("metric", metric)
        .link("source", body.rule_url.as_deref().unwrap_or_default())
        .link("image", body.image_url.as_deref().unwrap_or_default());
    Ok(draft.finish(request).into())
}
