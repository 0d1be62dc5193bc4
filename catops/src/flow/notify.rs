//! Outgoing webhooks: one POST an incident and round to each receiver, when owner and suggestions are known. Signed by
//! Standard Webhooks; the id follows from incident and round, so that a receiver can tell a repeat.
//!
//! The core asks for one effect and knows no receiver. With several receivers that one becomes an effect for each here, so
//! that a receiver that fails is told again alone.

use crate::action::guard::Private;
use crate::action::reach::why;
use crate::app::App;
use crate::clock;
use crate::config::file::WebhookConfig;
use crate::config::secret::SecretRef;
use crate::flow::change::{self, json as json_bytes};
use crate::flow::perform::{NotNow, done};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use incident::{Incident, IncidentId};
use log::{Append, Digest, LeasedEffect, NewEffect, Repeat};
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;

/// The kind of the effects that tell one receiver. Only this file writes and reads their bodies.
pub const TELL: &str = "webhook";

/// Effects that one append asks for, at most: an append takes a hundred things.
const TELLS_PER_APPEND: usize = 50;

/// What one receiver is to be told.
#[derive(Serialize, Deserialize)]
struct Tell {
    /// Of which incident.
    incident: IncidentId,
    /// The receiver's mark; its address may be a secret and stays out of the log.
    receiver: String,
    /// The `webhook-id`.
    message: String,
}

/// Tells the only receiver, or asks for an effect for each. Asked for twice, as after a crash, each is there once.
///
/// # Errors
/// The log cannot be written, or the only receiver did not take it.
pub async fn perform(app: &App, id: IncidentId, leased: &LeasedEffect) -> Result<(), NotNow> {
    let setup = app.setup();
    if let [only] = setup.config.webhooks.as_slice() {
        return tell_one(app, only, id, leased.effect.id.as_str(), leased).await;
    }
    let receivers: BTreeSet<String> = setup.config.webhooks.iter().map(mark).collect();
    let at = clock::now();
    let effects: Vec<NewEffect> = receivers.into_iter().map(|receiver| tell_effect(id, receiver, leased, at)).collect();
    for some in effects.chunks(TELLS_PER_APPEND) {
        let receipt =
            app.log.append(Append { effects: some.to_vec(), lease: app.lease(at), ..Append::default() }).await?;
        app.outbox.offer(receipt.leased);
    }
    done(app, leased).await
}

fn tell_effect(incident: IncidentId, receiver: String, asked: &LeasedEffect, due_at: DateTime<Utc>) -> NewEffect {
    let message = asked.effect.id.as_str().to_owned();
    NewEffect {
        id: format!("{message}/{receiver}").into(),
        due_at,
        kind: TELL.to_owned(),
        body: json_bytes(&Tell { incident, receiver, message }),
        repeat: Repeat::Safe,
        slot: false,
    }
}

/// Tells one receiver; one that is no longer in the configuration is told nothing.
///
/// # Errors
/// It did not take it.
pub async fn tell(app: &App, leased: &LeasedEffect) -> Result<(), NotNow> {
    let tell: Tell = serde_json::from_slice(&leased.effect.body)
        .map_err(|error| NotNow::Never(format!("unknown webhook task: {error}")))?;
    let setup = app.setup();
    match setup.config.webhooks.iter().find(|webhook| mark(webhook) == tell.receiver) {
        Some(webhook) => tell_one(app, webhook, tell.incident, &tell.message, leased).await,
        None => done(app, leased).await,
    }
}

async fn tell_one(
    app: &App,
    webhook: &WebhookConfig,
    id: IncidentId,
    message: &str,
    leased: &LeasedEffect,
) -> Result<(), NotNow> {
    let incident = change::load(app, id).await?;
    let receiver = Receiver {
        url: &webhook.url,
        secret: webhook.secret.as_ref(),
        private: Private::of("[[webhook]]", &webhook.allow_private),
    };
    send(app, receiver, message, &body(app, &incident)).await?;
    done(app, leased).await
}

/// A receiver's name in the log: the beginning of its address' hash, which stays when receivers are added around it.
fn mark(webhook: &WebhookConfig) -> String {
    Digest::of(webhook.url.as_bytes()).to_string().chars().take(16).collect()
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
