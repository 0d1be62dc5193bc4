//! The webhook of UptimeRobot. Its body is written by the user from `*variables*`, as JSON, as a form, or as a query;
//! a variable that does not apply arrives unreplaced.
//!
//! The body to paste is `tests/corpus/sources/uptimerobot-custom-body-template.json`. There is no signature: the proof
//! is a header, or the field `key`.

use super::{Answer, Decoded, Source};
use crate::draft::{Draft, fingerprint};
use crate::json::{self, Pairs};
use crate::malformed::Malformed;
use crate::request::Request;
use crate::time;
use incident::{AlarmState, Severity};

pub(crate) const SOURCE: Source = Source { kind: KIND, decode, answer: Answer::accepted, key_field: Some("key") };
const KIND: &str = "uptimerobot";

fn decode(request: &Request<'_>) -> Result<Decoded, Malformed> {
    let mut fields: Pairs<'_> = match request.form_fields() {
        Some(form) => Pairs(form.collect()),
        None if request.body.trim_ascii().is_empty() => Pairs::default(),
        None => json::parse(request.body)?,
    };
    fields.0.extend(request.query_fields());
    fields.0.retain(|(_, value)| !is_unreplaced(value));
    let monitor = fields.get("monitorID").ok_or_else(|| Malformed::missing("monitorID"))?;
    let alert_type = fields.get("alertType").ok_or_else(|| Malformed::missing("alertType"))?;
    let (state, severity, aspect) = match alert_type.trim() {
        "1" => (AlarmState::Firing, Severity::Critical, ""),
        "2" => (AlarmState::Cleared, Severity::Critical, ""),
        "3" => (AlarmState::Firing, Severity::Warning, ":expiry"),
        _ => return Err(Malformed::new("alertType", "expected 1 (down), 2 (up) or 3 (expiry)")),
    };
    let occurred_at = fields.get("alertDateTime").and_then(time::parse_epoch_seconds);
    let key = format!("{}:{}{aspect}", request.scope(KIND), monitor.trim());
    let delivery = match fields.get("alertDateTime") {
        Some(at) => fingerprint(&[monitor, alert_type, at]),
        None => format!("{alert_type}:now:{}", request.now.timestamp_millis()),
    };
    let url = fields.get("monitorURL").unwrap_or_default();
    let summary: Vec<&str> = ["alertTypeFriendlyName", "alertDetails"].into_iter().filter_map(|name| fields.get(name)).collect();
    let draft = Draft::new(KIND, key.clone(), fields.first(&["monitorFriendlyName", "monitorURL"]).unwrap_or(monitor), request)
        .delivery(format!("{key}:{delivery}"))
        .state(state)
        .severity(severity)
        .summary(summary.join(": "))
        .resource(url)
        .service(fields.get("service"))
        .label("monitor", monitor)
        .label("url", url)
        .label("alert_type", fields.get("alertTypeFriendlyName").unwrap_or_default())
        .label("down_for_seconds", fields.get("alertDuration").unwrap_or_default())
        .label("certificate_ends", fields.get("sslExpiryDate").unwrap_or_default())
        .label("certificate_days_left", fields.get("sslExpiryDaysLeft").unwrap_or_default())
        .link("source", url)
        .link("dashboard", fields.first(&["dashboardUrl", "dashboardURL"]).unwrap_or_default())
        .occurred_at(occurred_at);
    Ok(draft.finish(request).into())
}

/// `*sslExpiryDate*`: a variable that means nothing for this monitor.
fn is_unreplaced(value: &str) -> bool {
    value.len() > 2 && value.starts_with('*') && value.ends_with('*') && !value.contains(' ')
}
