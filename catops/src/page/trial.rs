//! A page that says "this is a test", by each of a person's ways at once, and what each receiver answered. It belongs to no
//! incident, is written down nowhere and is tried once.

use super::send::{self, Unsent};
use super::{Letter, email};
use crate::app::App;
use rota::{Person, Way};
use serde::Serialize;
use serde_json::json;

/// What one way answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Answer {
    /// By what.
    pub(crate) by: &'static str,
    /// Whether the receiver took it.
    pub(crate) taken: bool,
    /// What went wrong; empty when nothing did.
    pub(crate) error: String,
}

/// Sends a test by every way that the person has an address for, one after the other. `id` is what each receiver knows a
/// repeat by.
pub(crate) async fn run(app: &App, person: &Person, id: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    for way in Way::ALL {
        if let Some(address) = person.address(way) {
            let sent = one(app, person, way, address, &format!("{id}/{}", way.as_str())).await;
            let error = sent.err().map(|(Unsent::Later(error) | Unsent::Never(error))| error);
            answers.push(Answer { by: way.as_str(), taken: error.is_none(), error: error.unwrap_or_default() });
        }
    }
    answers
}

async fn one(app: &App, person: &Person, way: Way, address: &str, id: &str) -> Result<(), Unsent> {
    let text = format!("This is a test by CatOps: {} is paged this way. There is nothing to do.", person.name);
    match way {
        Way::Slack => slack(app, address, &text).await,
        Way::Sms => {
            // A name outside of the alphabet of text messages would make it cost double.
            let text = "This is a test by CatOps: you are paged this way. There is nothing to do.";
            app.sns.text(address, text).await.map_err(Unsent::Later)
        }
        Way::Sns => {
            let subject = "This is a test by CatOps".to_owned();
            let group = "test".to_owned();
            let letter = Letter { subject, message: text, effect_id: id, group, attributes: Vec::new() };
            app.sns.publish(address, letter).await.map_err(Unsent::Later)
        }
        Way::Webhook | Way::Voice => {
            let to = json!({ "id": person.id, "name": person.name });
            let body = json!({ "type": "page.test", "to": to, "by": way.as_str(), "say": text, "text": text });
            send::tell(app, address, id, &body.to_string()).await
        }
        Way::Email => {
            let subject = "This is a test by CatOps".to_owned();
            let letter = email::Letter { subject, text, acks: Vec::new(), more: "", effect_id: id };
            send::mail(app, address, letter).await
        }
    }
}

async fn slack(app: &App, user: &str, text: &str) -> Result<(), Unsent> {
    let Some(side) = &app.slack else {
        return Err(Unsent::Later("no Slack here; set SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET".to_owned()));
    };
    let said = |failure: slack::client::Failure| Unsent::Later(failure.to_string());
    let channel = side.direct_channel(user).await.map_err(said)?;
    side.client.post_message(&channel, crate::surface::notice(text)).await.map(drop).map_err(said)
}
