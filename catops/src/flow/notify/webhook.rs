//! Outgoing webhooks: one POST an incident and round to each receiver, when owner and suggestions are known. Signed by
//! Standard Webhooks; the id follows from incident and round, so that a receiver can tell a repeat.

use crate::action::guard::Private;
use crate::action::reach::why;
use crate::app::App;
use crate::clock;
use crate::config::file::WebhookConfig;
use crate::config::secret::SecretRef;
use crate::flow::change;
use crate::flow::perform::NotNow;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use incident::{Incident, IncidentId};
use ring::hmac;
use serde_json::json;

/// Tells one receiver how the incident stands.
///
/// # Errors
/// It did not take it.
pub(super) async fn tell(app: &App, webhook: &WebhookConfig, id: IncidentId, message: &str) -> Result<(), NotNow> {
    let incident = change::load(app, id).await?;
    let receiver = Receiver {
        url: &webhook.url,
        secret: webhook.secret.as_ref(),
        private: Private::of("[[webhook]]", &webhook.allow_private),
    };
    send(app, receiver, message, &body(app, &incident)).await
}

/// What a webhook is told: documented in `docs/webhooks.md`.
fn body(app: &App, incident: &Incident) -> String {
    json!({
        "type": "incident.opened",
        "incident": incident.id.to_string(),
        "url": format!("{}/api/v1/incidents/{}", app.public_url, incident.id),
        "status": incident.status,
        "severity": incident.severity,
        "title": incident.alarm.title,
        "summary": incident.alarm.summary,
        "description": incident.alarm.labels.get("description"),
        "service": incident.alarm.service,
        "resource": incident.alarm.resource,
        "owners": incident.owners.iter().map(|owner| json!({ "id": owner, "name": app.name(owner) })).collect::<Vec<_>>(),
        "because": incident.because,
        "suggestions": incident.suggestions,
        "no_match": incident.no_match,
        "fired": incident.fired,
        "drill": !incident.counts(),
        "opened_at": incident.opened_at,
    })
    .to_string()
}

/// Who is told by HTTP.
#[derive(Clone, Copy)]
pub(crate) struct Receiver<'a> {
    /// Where to.
    pub(crate) url: &'a str,
    /// What the request is signed by.
    pub(crate) secret: Option<&'a SecretRef>,
    /// Which private addresses it may be.
    pub(crate) private: Private<'a>,
}

/// One POST to an address that the guard has judged, signed when there is a secret. The id is the `webhook-id`.
///
/// # Errors
/// It was not taken; the text names no address.
pub(crate) async fn send(app: &App, to: Receiver<'_>, id: &str, body: &str) -> Result<(), NotNow> {
    let timestamp = clock::now().timestamp();
    let reached = app.reach.client(to.url, to.private);
    let (client, url) = reached.map_err(|error| NotNow::Failed(format!("webhook: {error}")))?;
    let mut request = client
        .post(url)
        .header("content-type", "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", timestamp.to_string());
    if let Some(secret) = to.secret {
        let secret = secret.read().map_err(|error| NotNow::Failed(error.to_string()))?;
        request = request.header("webhook-signature", sign(&secret, id, timestamp, body));
    }
    let response = request
        .body(body.to_owned())
        .send()
        .await
        .map_err(|error| NotNow::Failed(format!("webhook: {}", why(error))))?;
    if response.status().is_success() {
        return Ok(());
    }
    Err(NotNow::Failed(format!("a webhook answered {}", response.status())))
}

fn sign(secret: &str, id: &str, timestamp: i64, body: &str) -> String {
    let key = secret.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_deref().unwrap_or(secret.as_bytes()));
    format!("v1,{}", STANDARD.encode(hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes())))
}
