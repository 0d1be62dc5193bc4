//! Sends one page by one way, and says whether it was taken. It decides nothing: neither whether nor when.

use super::email::{self, Untaken};
use super::{link, text};
use crate::action::guard::Private;
use crate::app::App;
use crate::clock;
use crate::flow::notify::{self, Receiver};
use crate::page::{Letter, plan};
use incident::{Incident, PageCause};
use rota::{Person, Way};
use serde_json::json;

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

/// Sends a page.
///
/// # Errors
/// It was not taken. No address stands in the error.
pub(super) async fn send(
    app: &App,
    incident: &Incident,
    person: &Person,
    cause: &PageCause,
    way: Way,
    effect_id: &str,
) -> Result<(), Unsent> {
    let Some(address) = person.address(way) else { return Err(Unsent::Never("there is no address".to_owned())) };
    let links = Links::of(app, incident, person);
    match way {
        Way::Sms => app.sns.text(address, &text::sms(incident, &links)).await.map_err(Unsent::Later),
        Way::Sns => {
            let letter = Letter {
                subject: text::subject(incident, None),
                message: text::plain(incident, &links),
                effect_id,
                group: incident.id.to_string(),
                attributes: Vec::new(),
            };
            app.sns.publish(address, letter).await.map_err(Unsent::Later)
        }
        Way::Webhook | Way::Voice => {
            let body = body(app, incident, person, cause, way, &links);
            tell(app, address, effect_id, &body).await
        }
        Way::Email => {
            let letter = email::Letter {
                subject: text::title(incident),
                text: text::plain(incident, &links),
                ack: Some(links.ack.as_str()).filter(|ack| !ack.is_empty()),
                more: &links.more,
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
fn body(app: &App, incident: &Incident, person: &Person, cause: &PageCause, way: Way, links: &Links) -> String {
    let urgency = incident.urgency.unwrap_or(plan::urgency(&app.setup(), incident));
    json!({
        "type": "incident.page",
        "incident": incident.id.to_string(),
        "url": links.more,
        "acknowledge_url": Some(&links.ack).filter(|ack| !ack.is_empty()),
        "status": incident.status,
        "severity": incident.severity,
        "urgency": urgency,
        "title": text::clean(&incident.alarm.title),
        "service": incident.alarm.service.as_deref().map(text::clean),
        "to": { "id": person.id, "name": person.name },
        "by": way.as_str(),
        "level": cause.level + 1,
        "drill": !incident.counts(),
        "say": text::say(incident, &person.name),
        "text": text::plain(incident, links),
    })
    .to_string()
}
