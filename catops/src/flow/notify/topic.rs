//! SNS: a message for people when an incident begins, when somebody has it and when it is over, with attributes that
//! subscriptions can filter by. Titles come from outside and are shown as in a page.

use super::News;
use super::news::Untold;
use crate::app::App;
use crate::page::{Letter, text};
use incident::{Event, Incident};

/// The attribute by which a message of ours is known: one that comes back is no alarm.
const SENDER: &str = "catops";

/// Whether a topic is told of it.
pub(super) const fn is_told(event: &Event) -> bool {
    word(event).is_some()
}

/// What happened, in the word that subscriptions filter by.
const fn word(event: &Event) -> Option<&'static str> {
    match event {
        Event::Opened { .. } => Some("opened"),
        Event::Refired { .. } | Event::Reopened { .. } | Event::AcknowledgementExpired { .. } | Event::Woke => {
            Some("reopened")
        }
        Event::Acknowledged { .. } => Some("acknowledged"),
        Event::Cleared { .. } | Event::Resolved { .. } => Some("resolved"),
        _ => None,
    }
}

/// Publishes the events that a topic is told of, and says of each what became of it.
pub(super) async fn publish(
    app: &App,
    topic: &str,
    incident: &Incident,
    events: &[&log::Event],
    news: &News,
) -> Vec<Result<(), Untold>> {
    let mut results = Vec::new();
    for event in events {
        let parsed = serde_json::from_slice::<Event>(&event.body).ok();
        results.push(match parsed.as_ref().and_then(|parsed| Some((parsed, word(parsed)?))) {
            None => Ok(()),
            Some((parsed, word)) => publish_one(app, topic, incident, event.version, (parsed, word), news).await,
        });
    }
    results
}

async fn publish_one(
    app: &App,
    topic: &str,
    incident: &Incident,
    version: u64,
    (event, word): (&Event, &str),
    news: &News,
) -> Result<(), Untold> {
    let more = app.incident_url(incident.id).map_or_else(String::new, |link| format!("\nMore at {link}"));
    let said = sentence(app, event, news);
    let mut attributes = vec![
        ("incident", incident.id.to_string()),
        ("version", version.to_string()),
        ("event", word.to_owned()),
        ("status", status_word(news.status).to_owned()),
        ("severity", news.severity.to_string()),
        ("sender", SENDER.to_owned()),
    ];
    attributes.extend(incident.alarm.service.as_deref().map(|service| ("service", text::clean(service))));
    let letter = Letter {
        subject: text::subject(incident, Some(word)),
        message: text::lines(incident, &(said + &more)),
        effect_id: &format!("topic/{}/{version}", incident.id.0),
        group: incident.id.to_string(),
        attributes,
    };
    app.sns.publish(topic, letter).await.map_err(Untold::Silent)
}

fn sentence(app: &App, event: &Event, news: &News) -> String {
    match event {
        Event::Acknowledged { by, .. } => format!("{} has it", text::clean(&app.name(by))),
        Event::Resolved { by, .. } => format!("Resolved by {}", text::clean(&app.name(by))),
        Event::Cleared { .. } => "Over: the alarm cleared".to_owned(),
        _ => {
            let asked: Vec<String> = news.owners.iter().map(|owner| text::clean(&app.name(owner))).collect();
            if asked.is_empty() { "Nobody is asked yet".to_owned() } else { format!("Asked: {}", asked.join(", ")) }
        }
    }
}

const fn status_word(status: incident::Status) -> &'static str {
    match status {
        incident::Status::Open => "open",
        incident::Status::Acknowledged => "acknowledged",
        incident::Status::Resolved => "resolved",
    }
}
