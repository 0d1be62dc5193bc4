//! Sends one page by one way, and says whether it was taken. It decides nothing: neither whether nor when.

use super::email::{self, Untaken};
use super::{bundle, link, text};
use crate::action::guard::Private;
use crate::app::App;
use crate::clock;
use crate::flow::notify::{self, Receiver};
use crate::page::{Letter, plan};
use incident::{Incident, PageCause};
use rota::{Person, Way};
use serde_json::{Value, json};

/// Why a page was not taken.
#[derive(Debug)]
pub(super) enum Unsent {
    /// It may be later.
    Later(String),
    /// It never will be.
    Never(String),
}

/// What a page leads to; each may be empty.
pub(super) struct Links {
    /// The incident.
    pub(super) more: String,
    /// Acknowledges it, for this one person.
    pub(super) ack: String,
}

impl Links {
    /// Those for one person.
    pub(super) fn of(app: &App, incident: &Incident, person: &Person) -> Self {
        let more = app.incident_url(incident.id).unwrap_or_default();
        let setup = app.setup();
        let base = setup.config.paging.links_url.as_ref().unwrap_or(&app.public_url);
        let ack = link::ack(&setup, base, incident.id, incident.round, &person.id, clock::now());
        Self { more, ack: ack.unwrap_or_default() }
    }
}

/// What a page says of one incident.
pub(super) struct Part<'p> {
    /// The incident.
    pub(super) incident: &'p Incident,
    /// Who, and what for.
    pub(super) cause: &'p PageCause,
    /// Where it leads.
    pub(super) links: Links,
}

impl<'p> Part<'p> {
    /// A part for one person.
    pub(super) fn new(app: &App, incident: &'p Incident, person: &Person, cause: &'p PageCause) -> Self {
        Self { incident, cause, links: Links::of(app, incident, person) }
    }
}

/// Sends one page for one or several incidents, the one that it is sent for first.
///
/// # Errors
/// It was not taken. No address stands in the error.
pub(super) async fn send(
    app: &App,
    parts: &[Part<'_>],
    person: &Person,
    way: Way,
    effect_id: &str,
) -> Result<(), Unsent> {
    let Some(address) = person.address(way) else { return Err(Unsent::Never("there is no address".to_owned())) };
    let Some(first) = parts.first() else { return Ok(()) };
    match way {
        Way::Sms => app.sns.text(address, &bundle::sms(parts)).await.map_err(Unsent::Later),
        Way::Sns => {
            let letter = Letter {
                subject: bundle::subject(parts),
                message: bundle::plain(parts),
                effect_id,
                group: first.incident.id.to_string(),
                attributes: Vec::new(),
            };
            app.sns.publish(address, letter).await.map_err(Unsent::Later)
        }
        Way::Webhook | Way::Voice => {
            let body = body(app, parts, first, person, way);
            tell(app, address, effect_id, &body).await
        }
        Way::Email => {
            let letter = email::Letter {
                subject: bundle::title(parts),
                text: bundle::plain(parts),
                acks: bundle::buttons(parts),
                more: &first.links.more,
                effect_id,
            };
            mail(app, address, letter).await
        }
        Way::Slack => Err(Unsent::Never("Slack is asked elsewhere".to_owned())),
    }
}

/// Tells somebody's own address.
///
/// # Errors
/// It was not taken.
pub(super) async fn tell(app: &App, url: &str, effect_id: &str, body: &str) -> Result<(), Unsent> {
    let setup = app.setup();
    let paging = &setup.config.paging;
    let private = Private::of("[paging]", &paging.allow_private);
    let receiver = Receiver { url, secret: paging.webhook_secret.as_ref(), private };
    notify::send(app, receiver, effect_id, body).await.map_err(|error| Unsent::Later(error.to_string()))
}

/// Sends a message to somebody's mailbox.
///
/// # Errors
/// It was not taken.
pub(super) async fn mail(app: &App, to: &str, letter: email::Letter<'_>) -> Result<(), Unsent> {
    email::send(&app.setup().config.paging, to, letter).await.map_err(|untaken| match untaken {
        Untaken::Later(error) => Unsent::Later(error),
        Untaken::Never(error) => Unsent::Never(error),
    })
}

/// What a person's webhook is told: documented in `docs/webhooks.md`.
fn body(app: &App, parts: &[Part<'_>], first: &Part<'_>, person: &Person, way: Way) -> String {
    let mut body = told(app, first);
    body["type"] = "incident.page".into();
    body["to"] = json!({ "id": person.id, "name": person.name });
    body["by"] = way.as_str().into();
    body["drill"] = (!first.incident.counts()).into();
    body["with"] = parts.iter().skip(1).map(|part| told(app, part)).collect();
    body["say"] = bundle::say(parts, &person.name).into();
    body["text"] = bundle::plain(parts).into();
    body.to_string()
}

/// What it is told of each incident.
fn told(app: &App, part: &Part<'_>) -> Value {
    let Part { incident, cause, links } = part;
    let urgency = incident.urgency.unwrap_or(plan::urgency(&app.setup(), incident));
    json!({
        "incident": incident.id.to_string(),
        "url": links.more,
        "acknowledge_url": Some(&links.ack).filter(|ack| !ack.is_empty()),
        "status": incident.status,
        "severity": incident.severity,
        "urgency": urgency,
        "title": text::clean(&incident.alarm.title),
        "service": incident.alarm.service.as_deref().map(text::clean),
        "level": cause.level + 1,
    })
}
