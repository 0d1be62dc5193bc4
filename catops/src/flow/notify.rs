//! Outgoing webhooks: one POST an incident and round, when owner and suggestions are known. Signed by Standard Webhooks;
//! the id is the effect's, so that a receiver can tell a repeat.

use crate::app::App;
use crate::clock;
use crate::config::file::WebhookConfig;
use crate::flow::change;
use crate::flow::perform::{NotNow, done};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use incident::{Incident, IncidentId};
use log::LeasedEffect;
use ring::hmac;
use serde_json::json;

/// Tells every webhook. When one of them does not take it, all are told again later with the same id.
///
/// # Errors
/// One of them did not take it.
pub async fn perform(app: &App, id: IncidentId, leased: &LeasedEffect) -> Result<(), NotNow> {
    let setup = app.setup();
    if setup.config.webhooks.is_empty() {
        return done(app, leased).await;
    }
    let incident = change::load(app, id).await?;
    let body = body(app, &incident);
    for webhook in &setup.config.webhooks {
        send(app, webhook, leased.effect.id.as_str(), &body).await?;
    }
    done(app, leased).await
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
        "opened_at": incident.opened_at,
    })
    .to_string()
}

async fn send(app: &App, webhook: &WebhookConfig, id: &str, body: &str) -> Result<(), NotNow> {
    let timestamp = clock::now().timestamp();
    let mut request = app
        .http
        .post(&webhook.url)
        .header("content-type", "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", timestamp.to_string());
    if let Some(secret) = &webhook.secret {
        let secret = secret.read().map_err(|error| NotNow::Failed(error.to_string()))?;
        request = request.header("webhook-signature", sign(&secret, id, timestamp, body));
    }
    let response = request
        .body(body.to_owned())
        .send()
        .await
        .map_err(|error| NotNow::Failed(format!("webhook: {}", error.without_url())))?;
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
