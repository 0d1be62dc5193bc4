//! The Events API v2 of PagerDuty (`POST /v2/enqueue`), so that whatever can page PagerDuty can page us.
//!
//! Shape: developer.pagerduty.com/docs/events-api-v2. The proof is `routing_key`. An acknowledgement by the sender and
//! a change event inform; only people acknowledge here.
//!
//! Senders rarely name a time, and send the same bytes again when the same trouble comes back: so a delivery without a
//! time always counts. A retry is then one more "fired again", and pages nobody.

use super::{Answer, Decoded, Source};
use crate::draft::{Draft, fingerprint};
use crate::json::{self, Pairs, Scalar, Text};
use crate::malformed::Malformed;
use crate::request::Request;
use crate::time;
use incident::{AlarmState, CHANGE_LABEL, Severity};
use serde::Deserialize;
use serde_json::value::RawValue;

pub(crate) const SOURCE: Source = Source { kind: KIND, decode, answer, key_field: Some("routing_key") };
const KIND: &str = "pagerduty";

/// A change event has no action of its own in the Events API; some senders write one.
const CHANGE: &str = "change";

/// The largest event that the Events API takes.
const EVENT_BYTES_MAX: usize = 512 * 1024;
/// The longest `dedup_key` that the Events API takes.
const DEDUP_KEY_CHARS_MAX: usize = 255;
/// Without `dedup_key` the same bytes within this many seconds are one trouble: senders retry for about a minute.
const SAME_EVENT_SECONDS: i64 = 300;

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    routing_key: Text<'a>,
    event_action: Option<Text<'a>>,
    dedup_key: Option<Text<'a>>,
    payload: Option<&'a RawValue>,
    #[serde(default)]
    links: Vec<LinkEntry<'a>>,
    #[serde(default)]
    images: Vec<ImageEntry<'a>>,
    client: Option<Text<'a>>,
    client_url: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct LinkEntry<'a> {
    #[serde(borrow)]
    href: Option<Text<'a>>,
    text: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct ImageEntry<'a> {
    #[serde(borrow)]
    src: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    summary: Text<'a>,
    source: Text<'a>,
    severity: Option<Text<'a>>,
    timestamp: Option<Text<'a>>,
    component: Option<Text<'a>>,
    group: Option<Text<'a>>,
    class: Option<Text<'a>>,
    custom_details: Option<&'a RawValue>,
}

fn decode(request: &Request<'_>) -> Result<Decoded, Malformed> {
    if request.body.len() > EVENT_BYTES_MAX {
        return Err(Malformed::new("body", format!("larger than {EVENT_BYTES_MAX} bytes")));
    }
    let event: Event<'_> = json::parse(request.body)?;
    let action = match event.event_action.as_deref() {
        Some(action) => action,
        None if event.payload.is_some() => CHANGE,
        None => return Err(Malformed::missing("event_action")),
    };
    let state = match action {
        "trigger" => AlarmState::Firing,
        "resolve" => AlarmState::Cleared,
        "acknowledge" | CHANGE => AlarmState::Info,
        _ => return Err(Malformed::new("event_action", "expected trigger, acknowledge or resolve")),
    };
    let payload: Option<Payload<'_>> = match (&event.payload, state) {
        (None, AlarmState::Firing) => return Err(Malformed::missing("payload")),
        (None, _) => None,
        (Some(_), AlarmState::Cleared) => json::parse_part(event.payload, "payload").ok(),
        (Some(_), _) => Some(json::parse_part(event.payload, "payload")?),
    };
    if state == AlarmState::Firing && payload.as_ref().is_some_and(|payload| payload.severity.is_none()) {
        return Err(Malformed::missing("payload.severity"));
    }
    let dedup_key = dedup_key(&event, action, request)?;
    // The routing key is a secret: only its digest goes into the key.
    let key = format!("{}:{}:{dedup_key}", request.scope(KIND), fingerprint(&[&event.routing_key]));
    let occurred_at = payload.as_ref().and_then(|payload| payload.timestamp.as_deref()).and_then(time::parse);
    let moment = match occurred_at {
        Some(at) => at.timestamp_millis().to_string(),
        None => format!("now:{}", request.now.timestamp_millis()),
    };
    let title = payload.as_ref().map_or(&*dedup_key, |payload| &*payload.summary);
    let mut draft = Draft::new(KIND, key.clone(), title, request)
        .delivery(format!("{key}:{action}:{moment}"))
        .state(state)
        .label("dedup_key", &dedup_key)
        .label("event_action", action)
        .label(CHANGE_LABEL, if action == CHANGE { CHANGE } else { "" })
        .label("client", event.client.as_deref().unwrap_or_default())
        .occurred_at(occurred_at);
    if let Some(payload) = &payload {
        draft = described(draft, payload);
    }
    for link in &event.links {
        let rel = if link.text.as_deref().is_some_and(is_runbook) { "runbook" } else { "other" };
        draft = draft.link(rel, link.href.as_deref().unwrap_or_default());
    }
    draft = draft.link("source", event.client_url.as_deref().unwrap_or_default());
    draft = draft.links(event.images.iter().filter_map(|image| Some(("image", image.src.as_deref()?))));
    Ok(draft.finish(request).into())
}

fn is_runbook(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("runbook") || text.contains("playbook")
}

fn described(draft: Draft, payload: &Payload<'_>) -> Draft {
    let text = |text: &Option<Text<'_>>| text.as_deref().unwrap_or_default().to_owned();
    let raw_details = payload.custom_details.map(RawValue::get).unwrap_or_default();
    let details: Pairs<'_> = serde_json::from_str(raw_details).unwrap_or_default();
    let lone_detail = serde_json::from_str::<Scalar<'_>>(raw_details).ok().filter(|_| details.0.is_empty());
    let service = details.get("service").map(str::to_owned).or_else(|| payload.component.as_deref().map(str::to_owned));
    draft
        .severity(payload.severity.as_deref().map_or(Severity::Unknown, Severity::parse))
        .summary(details.first(&["description", "summary", "message"]).unwrap_or_default())
        .resource(&payload.source)
        .service(service.as_deref())
        .label("component", &text(&payload.component))
        .label("group", &text(&payload.group))
        .label("class", &text(&payload.class))
        .labels(details.iter())
        .label("details", &lone_detail.map(|detail| detail.0.into_owned()).filter(|text| text != "{}").unwrap_or_default())
}

/// The sender's key. A trigger without one gets its own, the same for a retry within some minutes.
fn dedup_key(event: &Event<'_>, action: &str, request: &Request<'_>) -> Result<String, Malformed> {
    match event.dedup_key.as_deref() {
        Some(key) if key.chars().count() > DEDUP_KEY_CHARS_MAX => {
            Err(Malformed::new("dedup_key", format!("longer than {DEDUP_KEY_CHARS_MAX} characters")))
        }
        Some(key) if !key.is_empty() => Ok(key.to_owned()),
        _ if action == "trigger" || action == CHANGE => {
            let window = request.now.timestamp().div_euclid(SAME_EVENT_SECONDS).to_string();
            let payload = event.payload.map(RawValue::get).unwrap_or_default();
            Ok(fingerprint(&[&event.routing_key, action, payload, &window]))
        }
        _ => Err(Malformed::missing("dedup_key")),
    }
}

/// What PagerDuty answers; clients keep the `dedup_key` to resolve with.
fn answer(decoded: &Decoded) -> Answer {
    let dedup_key = match decoded {
        Decoded::Alarms(alarms) => alarms.first().and_then(|alarm| alarm.labels.get("dedup_key")),
        Decoded::Confirm { .. } => None,
    };
    let body = serde_json::json!({"status": "success", "message": "Event processed", "dedup_key": dedup_key});
    Answer { status: 202, body: body.to_string() }
}
