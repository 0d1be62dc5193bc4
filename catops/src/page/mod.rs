//! Pages that reach people when Slack does not: by text message, by an SNS topic of their own, by a webhook of their own.
//! The core says when (`second_channel_after` after somebody was asked, unless Slack has delivered); here is by what.
//!
//! None of these can be asked afterwards whether a page arrived. Each page therefore carries its effect's id, by which a
//! receiver knows a repeat, and is sent twice only when its answer was lost or CatOps died in the middle of sending.

pub(crate) mod text;

#[cfg_attr(not(feature = "aws"), path = "no_aws.rs")]
mod sns;

pub use sns::Sns;
pub(crate) use sns::{Letter, NOT_BUILT};

use crate::action::guard::{Private, written};
use crate::app::App;
use crate::config::{Problem, Setup};
use crate::flow::change::{self, Origin, change};
use crate::flow::notify::{self, Receiver};
use crate::flow::perform::{NotNow, done};
use chrono::TimeDelta;
use incident::{Command, Incident, IncidentId, PageCause, ResponderId};
use log::LeasedEffect;
use rota::{Person, Rota};
use serde_json::json;

/// A way to somebody without Slack.
#[derive(Clone, Copy)]
enum Channel<'p> {
    /// A telephone number.
    Sms(&'p str),
    /// The ARN of a topic.
    Topic(&'p str),
    /// An address.
    Webhook(&'p str),
}

impl Channel<'_> {
    /// Its word in the log.
    const fn by(self) -> &'static str {
        match self {
            Self::Sms(_) => "sms",
            Self::Topic(_) => "sns",
            Self::Webhook(_) => "webhook",
        }
    }

    const fn needs_aws(self) -> bool {
        match self {
            Self::Sms(_) | Self::Topic(_) => true,
            Self::Webhook(_) => false,
        }
    }
}

fn channels(person: &Person) -> impl Iterator<Item = Channel<'_>> {
    let sms = person.phone.as_deref().map(Channel::Sms);
    let topic = person.sns.as_deref().map(Channel::Topic);
    let webhook = person.webhook.as_deref().map(Channel::Webhook);
    [sms, topic, webhook].into_iter().flatten()
}

/// Whether somebody can be paged without Slack.
#[must_use]
pub fn has_second_channel(person: &Person) -> bool {
    channels(person).next().is_some()
}

/// How long Slack has before somebody is paged by their second channel; `None` when they have none.
#[must_use]
pub fn second_channel_after(app: &App, to: &ResponderId) -> Option<TimeDelta> {
    let setup = app.setup();
    let person = setup.rota.person(to).filter(|person| has_second_channel(person))?;
    let by_slack = app.slack.is_some() && person.slack.is_some();
    Some(if by_slack { setup.config.paging.second_channel_after } else { TimeDelta::zero() })
}

/// What the rota asks for and this build cannot do.
#[must_use]
pub fn not_built(rota: &Rota) -> Vec<Problem> {
    if sns::IS_BUILT {
        return Vec::new();
    }
    let asks = |person: &&Person| channels(person).any(Channel::needs_aws);
    let names: Vec<&str> = rota.people.values().filter(asks).map(|person| person.id.as_str()).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let message = format!("phone and sns are given for {}, and {}", names.join(", "), NOT_BUILT);
    vec![Problem { path: "rota".to_owned(), line: 0, message }]
}

/// Mistakes about pages that show only when the files are looked at together.
pub fn cross_check(setup: &Setup, report: &mut impl FnMut(String)) {
    let secret = setup.config.paging.webhook_secret.as_ref();
    if secret.is_some_and(crate::config::secret::SecretRef::is_plain) {
        report("[paging] has its webhook_secret in the file; write \"env:NAME\" or \"file:PATH\"".to_owned());
    }
    let told = setup.rota.people.values().find(|person| person.webhook.is_some());
    if let (Some(person), None) = (told, secret) {
        report(format!(
            "{} has a webhook, and nothing signs what it is told; write [paging] webhook_secret = \"env:NAME\"",
            person.id
        ));
    }
    let private = Private::of("[paging]", &setup.config.paging.allow_private);
    for person in setup.rota.people.values() {
        let url = person.webhook.as_deref().and_then(|webhook| reqwest::Url::parse(webhook).ok());
        if let Some(Err(refused)) = url.and_then(|url| written(&url, private)) {
            report(format!("{} is not paged by webhook: {refused}", person.id));
        }
    }
}

/// Pages somebody by every second channel that has not taken this page yet, all at once. Whoever has it by Slack, or whose
/// incident is not theirs any more, is left in peace.
///
/// # Errors
/// A channel did not take it; the others are written down and not tried again.
pub async fn second(app: &App, id: IncidentId, cause: &PageCause, leased: &LeasedEffect) -> Result<(), NotNow> {
    let incident = change::load(app, id).await?;
    let setup = app.setup();
    let Some(person) = setup.rota.person(&cause.to).filter(|_| incident.wants_second_page(cause)) else {
        return done(app, leased).await;
    };
    let missing = channels(person).filter(|channel| !incident.was_paged(cause, channel.by()));
    let sent = futures::future::join_all(missing.map(async |channel| {
        let sent = send(app, &incident, person, cause, channel, leased.effect.id.as_str()).await;
        (channel.by(), sent)
    }));
    let mut learned = Vec::new();
    let mut failures = Vec::new();
    for (by, sent) in sent.await {
        match sent {
            Ok(()) => learned.push(Command::RecordPage {
                to: cause.to.clone(),
                by: by.to_owned(),
                level: cause.level,
                message: None,
            }),
            Err(error) => failures.push(format!("{by}: {error}")),
        }
    }
    let failed = failures.join("; ");
    // Said once: the retries that follow are the outbox's, not the reader's.
    if !failures.is_empty() && leased.attempt == 1 {
        learned.push(Command::RecordPageFailure { to: cause.to.clone(), error: failed.clone() });
    }
    let settles = failures.is_empty().then_some(&leased.token);
    if settles.is_some() || !learned.is_empty() {
        change(app, id, &Origin::effect(leased.effect.id.as_str()), learned, settles).await?;
    }
    if failures.is_empty() { Ok(()) } else { Err(NotNow::Failed(failed)) }
}

async fn send(
    app: &App,
    incident: &Incident,
    person: &Person,
    cause: &PageCause,
    channel: Channel<'_>,
    effect_id: &str,
) -> Result<(), String> {
    let link = app.incident_url(incident.id).unwrap_or_default();
    match channel {
        Channel::Sms(phone) => app.sns.text(phone, &text::sms(incident, &link)).await,
        Channel::Topic(arn) => {
            let letter = Letter {
                subject: text::subject(incident, None),
                message: text::plain(incident, &link),
                effect_id,
                group: incident.id.to_string(),
                attributes: Vec::new(),
            };
            app.sns.publish(arn, letter).await
        }
        Channel::Webhook(url) => {
            let setup = app.setup();
            let paging = &setup.config.paging;
            let private = Private::of("[paging]", &paging.allow_private);
            let receiver = Receiver { url, secret: paging.webhook_secret.as_ref(), private };
            let body = webhook_body(incident, person, cause, &link);
            notify::send(app, receiver, effect_id, &body).await.map_err(|error| error.to_string())
        }
    }
}

/// What a person's webhook is told: documented in `docs/webhooks.md`.
fn webhook_body(incident: &Incident, person: &Person, cause: &PageCause, link: &str) -> String {
    json!({
        "type": "incident.page",
        "incident": incident.id.to_string(),
        "url": link,
        "status": incident.status,
        "severity": incident.severity,
        "title": text::clean(&incident.alarm.title),
        "service": incident.alarm.service.as_deref().map(text::clean),
        "to": { "id": person.id, "name": person.name },
        "level": cause.level + 1,
        "drill": !incident.counts(),
        "text": text::plain(incident, link),
    })
    .to_string()
}
