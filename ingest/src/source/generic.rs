//! Our own format, for everything that can send JSON.
//!
//! ```json
//! {
//!   "title": "checkout is slow",                      required: the name that people know it by
//!   "state": "firing",                                firing (when absent), cleared, info, change (a deploy and the like)
//!   "key": "checkout-latency",                        same key, same trouble; from the title when absent
//!   "id": "7f3a",                                     same id, same delivery; the webhook-id header when absent
//!   "severity": "critical",                           critical, error, warning, info; also P1, sev2, high ...
//!   "summary": "p99 is 4.2 s",
//!   "service": "checkout-api",
//!   "resource": "i-0123",
//!   "labels": {"team": "shop"},                       values of any kind become text
//!   "links": [{"rel": "graph", "url": "https://..."}],   or plain addresses; rel `runbook` and `graph` are shown first
//!   "occurred_at": "2026-11-23T19:00:00Z"             RFC 3339
//! }
//! ```
//!
//! Without `id` and `occurred_at` every delivery counts: a retry is then one more "fired again", and pages nobody.

use super::eventbridge::Envelope;
use super::{Answer, Decoded, Source};
use crate::draft::{Draft, fingerprint};
use crate::json::{self, Pairs, Scalar, Text};
use crate::malformed::Malformed;
use crate::request::Request;
use crate::time;
use incident::{Alarm, AlarmState, CHANGE_LABEL, Severity};
use serde::Deserialize;

pub(crate) const SOURCE: Source = Source { kind: KIND, decode, answer: Answer::accepted, key_field: None };
const KIND: &str = "generic";

/// A state that tells of a change and of no trouble.
const CHANGE: &str = "change";

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    title: Text<'a>,
    state: Option<Text<'a>>,
    key: Option<Scalar<'a>>,
    id: Option<Scalar<'a>>,
    severity: Option<Scalar<'a>>,
    summary: Option<Text<'a>>,
    service: Option<Text<'a>>,
    resource: Option<Text<'a>>,
    #[serde(default)]
    labels: Pairs<'a>,
    #[serde(default)]
    links: Vec<LinkText<'a>>,
    occurred_at: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum LinkText<'a> {
    Address(#[serde(borrow)] Text<'a>),
    Named { rel: Option<Text<'a>>, url: Text<'a> },
}

fn decode(request: &Request<'_>) -> Result<Decoded, Malformed> {
    let id = request.headers.get("webhook-id");
    Ok(alarm(json::parse(request.body)?, KIND, id, request)?.into())
}

/// The `detail` of an event that our users put on a bus themselves; `None` when it is not in this format.
pub(super) fn decode_detail(envelope: &Envelope<'_>, source: &str, request: &Request<'_>) -> Option<Alarm> {
    let body: Body<'_> = json::parse_part(envelope.detail, "detail").ok()?;
    alarm(body, source, envelope.id.as_deref(), request).ok()
}

/// A message of a topic; `None` when it is not in this format.
pub(super) fn decode_text(text: &str, source: &str, id: &str, request: &Request<'_>) -> Option<Alarm> {
    alarm(json::parse_text(text).ok()?, source, Some(id), request).ok()
}

fn alarm(body: Body<'_>, source: &str, id: Option<&str>, request: &Request<'_>) -> Result<Alarm, Malformed> {
    if body.title.trim().is_empty() {
        return Err(Malformed::new("title", "empty"));
    }
    let state = match body.state.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None | Some("firing") => AlarmState::Firing,
        Some("cleared" | "resolved" | "ok") => AlarmState::Cleared,
        Some("info" | CHANGE) => AlarmState::Info,
        Some(_) => return Err(Malformed::new("state", "expected firing, cleared, info or change")),
    };
    let occurred_at = match body.occurred_at.as_deref() {
        None => None,
        Some(text) => Some(time::parse(text).ok_or_else(|| Malformed::new("occurred_at", "not a time in RFC 3339"))?),
    };
    let scope = request.scope(source);
    let given = |text: &Option<Scalar<'_>>| text.as_ref().map(|text| text.0.to_string()).filter(|text| !text.is_empty());
    let key = given(&body.key).unwrap_or_else(|| fingerprint(&[body.title.trim()]));
    let delivery = match (given(&body.id).or_else(|| id.map(str::to_owned)), occurred_at) {
        (Some(id), _) => format!("{scope}:{id}"),
        (None, Some(at)) => format!("{scope}:{key}:{state:?}:{}", at.timestamp_millis()),
        (None, None) => format!("{scope}:{key}:{state:?}:now:{}", request.now.timestamp_millis()),
    };
    let links = body.links.iter().map(|link| match link {
        LinkText::Address(url) => ("other", &**url),
        LinkText::Named { rel, url } => (rel.as_deref().unwrap_or("other"), &**url),
    });
    Ok(Draft::new(source, format!("{scope}:{key}"), &body.title, request)
        .delivery(delivery)
        .state(state)
        .severity(body.severity.as_ref().map_or(Severity::Unknown, |word| Severity::parse(&word.0)))
        .summary(body.summary.as_deref().unwrap_or_default())
        .resource(body.resource.as_deref().unwrap_or_default())
        .service(body.service.as_deref())
        .label(CHANGE_LABEL, body.state.as_deref().filter(|state| state.eq_ignore_ascii_case(CHANGE)).unwrap_or_default())
        .labels(body.labels.iter())
        .links(links)
        .occurred_at(occurred_at)
        .finish(request))
}
