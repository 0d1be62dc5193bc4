//! Who else is told: outgoing webhooks once a round, EventBridge of every event, SNS of beginnings and ends.
//!
//! The core asks for one effect a round and knows no receiver. What the configuration adds is written in the append that
//! it is about: one effect for each receiver, so that one that fails is told again alone. An effect is the receiver's
//! place in the incident's stream: it is settled when its events were taken, and the next one waits for it.
//! Telling of events may delay no page and no card: few are told at once, and one that does not answer is left alone for a
//! while.

#[cfg_attr(not(feature = "aws"), path = "no_bus.rs")]
mod bus;
mod news;
mod patience;
mod topic;
mod webhook;

pub(crate) use webhook::{Receiver, send};

use crate::app::App;
use crate::clock;
use crate::config::file::{SourceConfig, WebhookConfig};
use crate::config::{Config, Problem};
use crate::flow::change::{self, json};
use crate::flow::perform::{NotNow, done};
use crate::page::NOT_BUILT;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{Event, Incident, IncidentId, Recorded, ResponderId, Severity, Status};
use log::{Append, Digest, EffectId, EffectState, LeasedEffect, NewEffect, Repeat};
use news::Untold;
use patience::Patience;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The kind of the effects that tell one receiver. Only this module writes and reads their bodies.
pub const TELL: &str = "webhook";

/// Effects that one append asks for, at most: an append takes a hundred things.
const TELLS_PER_APPEND: usize = 50;

/// How long events wait before they are told: the card and the page of the same append go first, and what happens
/// together is told together.
const PAGES_FIRST: TimeDelta = TimeDelta::milliseconds(500);

/// How long events wait for those before them, when nobody knows when those will be told.
const TURN: TimeDelta = TimeDelta::milliseconds(100);

/// Events of one append, at most: more than a hundred things no append holds.
const EVENTS_MAX: u64 = 100;

/// What one receiver is to be told.
#[derive(Serialize, Deserialize)]
struct Tell {
    /// Of which incident.
    incident: IncidentId,
    /// The receiver's mark; its address may be a secret and stays out of the log.
    receiver: String,
    /// By which the receiver knows a repeat: the `webhook-id`.
    message: String,
    /// Of which events; a webhook is told how the incident stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    news: Option<News>,
}

/// Events of one append, and how the incident stood after it. Holds no word from outside, so nothing that must be taken out.
#[derive(Serialize, Deserialize)]
struct News {
    first: u64,
    last: u64,
    status: Status,
    severity: Severity,
    owners: Vec<ResponderId>,
}

/// Somebody who is told.
#[derive(Clone, Copy)]
enum Told<'c> {
    Webhook(&'c WebhookConfig),
    Bus(&'c str),
    Topic(&'c str),
}

impl Told<'_> {
    /// Their name in the log: the beginning of a hash, which stays when others are added around them.
    fn mark(self) -> String {
        let text = match self {
            Told::Webhook(webhook) => webhook.url.clone(),
            Told::Bus(bus) => format!("eventbridge:{bus}"),
            Told::Topic(topic) => format!("sns:{topic}"),
        };
        Digest::of(text.as_bytes()).to_string().chars().take(16).collect()
    }

    /// Whether they are told of such an event as it happens.
    const fn hears(self, event: &Event) -> bool {
        match self {
            Told::Webhook(_) => false,
            Told::Bus(_) => true,
            Told::Topic(_) => topic::is_told(event),
        }
    }
}

fn everybody(config: &Config) -> impl Iterator<Item = Told<'_>> {
    config.webhooks.iter().map(Told::Webhook).chain(live(config))
}

/// Those who are told of events as they happen.
fn live(config: &Config) -> impl Iterator<Item = Told<'_>> {
    let named = |name: &'_ str| bus::IS_BUILT && !name.is_empty();
    let bus = Some(config.eventbridge.bus.as_str()).filter(|bus| named(bus)).map(Told::Bus);
    let topic = Some(config.sns.topic.as_str()).filter(|topic| named(topic)).map(Told::Topic);
    bus.into_iter().chain(topic)
}

/// What keeps receivers from being in each other's way, and the connection to the bus.
#[derive(Default)]
pub struct Courier {
    bus: bus::Bus,
    patience: Patience,
}

/// What the configuration asks for that this build cannot do.
#[must_use]
pub fn not_built(config: &Config) -> Vec<Problem> {
    let asked = [("[eventbridge] bus", &config.eventbridge.bus), ("[sns] topic", &config.sns.topic)];
    let asked = asked.into_iter().filter(|(_, name)| !bus::IS_BUILT && !name.is_empty());
    let problem = |(what, _)| Problem {
        path: "catops.toml".to_owned(),
        line: 0,
        message: format!("{what} is given, and {NOT_BUILT}"),
    };
    asked.map(problem).collect()
}

/// A source that listened to the topic that CatOps publishes to would be told of itself for ever: it does not.
pub fn refuse_own_topic(config: &mut Config) -> Vec<Problem> {
    let topic = config.sns.topic.clone();
    let listens = |source: &&mut SourceConfig| !topic.is_empty() && source.topics.contains(&topic);
    let refuse = |source: &mut SourceConfig| {
        source.topics.retain(|listed| *listed != topic);
        let name = source.path();
        let message =
            format!("source \"{name}\" lists the topic that CatOps publishes to itself; nothing of it is taken");
        Problem { path: "catops.toml".to_owned(), line: 0, message }
    };
    config.sources.iter_mut().filter(listens).map(refuse).collect()
}

/// Mistakes about receivers that show only when all of the file is looked at.
pub fn cross_check(config: &Config, report: &mut impl FnMut(String)) {
    let topic = config.sns.topic.as_str();
    if !topic.is_empty() && !topic.starts_with("arn:") {
        report(format!("[sns] topic \"{topic}\" is no ARN; copy it from the topic's page: \"arn:aws:sns:...\""));
    }
    let bus = config.eventbridge.bus.as_str();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/".contains(&byte);
    if !bus.starts_with("arn:") && !bus.bytes().all(is_name) {
        report(format!("[eventbridge] bus \"{bus}\" is neither a bus' name nor its ARN"));
    }
}

/// The effects that tell of fresh events; `incident` is the state after the last of them.
#[must_use]
pub fn of_events(config: &Config, incident: &Incident, fresh: &[Recorded]) -> Vec<NewEffect> {
    let effect = |told: Told<'_>| {
        let mut heard = fresh.iter().filter(|recorded| told.hears(&recorded.event));
        let first = heard.next()?;
        let last = heard.next_back().unwrap_or(first);
        let (receiver, id) = (told.mark(), incident.id);
        let message = news_id(&receiver, id, last.seq);
        let news = Some(News {
            first: first.seq,
            last: last.seq,
            status: incident.status,
            severity: incident.severity,
            owners: incident.owners.clone(),
        });
        let due_at = last.at + PAGES_FIRST;
        Some(new_effect(message.clone(), due_at, &Tell { incident: id, receiver, message, news }))
    };
    live(config).filter_map(effect).collect()
}

fn news_id(receiver: &str, incident: IncidentId, last: u64) -> String {
    format!("tell/{receiver}/{}/{last}", incident.0)
}

fn new_effect(id: String, due_at: DateTime<Utc>, tell: &Tell) -> NewEffect {
    NewEffect { id: id.into(), due_at, kind: TELL.to_owned(), body: json(tell), repeat: Repeat::Safe, slot: false }
}

/// Tells the only webhook, or asks for an effect for each. Asked for twice, as after a crash, each is there once.
///
/// # Errors
/// The log cannot be written, or the only webhook did not take it.
pub async fn perform(app: &App, id: IncidentId, leased: &LeasedEffect) -> Result<(), NotNow> {
    let setup = app.setup();
    if let [only] = setup.config.webhooks.as_slice() {
        webhook::tell(app, only, id, leased.effect.id.as_str()).await?;
        return done(app, leased).await;
    }
    let receivers: BTreeSet<String> =
        setup.config.webhooks.iter().map(|webhook| Told::Webhook(webhook).mark()).collect();
    let at = clock::now();
    let message = leased.effect.id.as_str();
    let effect = |receiver: String| {
        let tell = Tell { incident: id, receiver: receiver.clone(), message: message.to_owned(), news: None };
        new_effect(format!("{message}/{receiver}"), at, &tell)
    };
    let effects: Vec<NewEffect> = receivers.into_iter().map(effect).collect();
    for some in effects.chunks(TELLS_PER_APPEND) {
        let receipt =
            app.log.append(Append { effects: some.to_vec(), lease: app.lease(at), ..Append::default() }).await?;
        app.outbox.offer(receipt.leased);
    }
    done(app, leased).await
}

/// Tells one receiver; one that is no longer in the configuration is told nothing.
///
/// # Errors
/// It did not take it, or it is not its turn.
pub async fn tell(app: &App, leased: &LeasedEffect) -> Result<(), NotNow> {
    let tell: Tell = serde_json::from_slice(&leased.effect.body)
        .map_err(|error| NotNow::Never(format!("unknown webhook task: {error}")))?;
    let setup = app.setup();
    let Some(told) = everybody(&setup.config).find(|told| told.mark() == tell.receiver) else {
        return done(app, leased).await;
    };
    match (told, &tell.news) {
        (Told::Webhook(webhook), _) => webhook::tell(app, webhook, tell.incident, &tell.message).await?,
        (Told::Bus(_) | Told::Topic(_), None) => return Err(NotNow::Never("nothing to tell".to_owned())),
        (Told::Bus(_) | Told::Topic(_), Some(news)) => tell_news(app, told, &tell, news, &leased.effect.id).await?,
    }
    done(app, leased).await
}

async fn tell_news(app: &App, told: Told<'_>, tell: &Tell, news: &News, effect: &EffectId) -> Result<(), NotNow> {
    let _permit = app.courier.patience.begin(&tell.receiver, clock::now())?;
    let count = (news.last + 1).saturating_sub(news.first).min(EVENTS_MAX);
    let stream = crate::flow::names::incident(tell.incident);
    let events = app.log.events(&stream, news.first, usize::try_from(count).unwrap_or(0)).await?;
    wait_for_earlier(app, told, tell, news).await?;
    let incident = change::load(app, tell.incident).await?;
    let taken = app.courier.patience.taken(effect);
    let left: Vec<&log::Event> = events.iter().filter(|event| !taken.contains(&event.version)).collect();
    let results = match told {
        Told::Webhook(_) => return Ok(()),
        Told::Bus(bus) => {
            let entries = left.iter().map(|event| news::entry(app, &incident, event, news)).collect();
            app.courier.bus.put(bus, entries).await
        }
        Told::Topic(topic) => topic::publish(app, topic, &incident, &left, news).await,
    };
    let told: BTreeMap<u64, Result<(), Untold>> = left.iter().map(|event| event.version).zip(results).collect();
    app.courier.patience.ended(&tell.receiver, effect, &told, clock::now());
    let why: Vec<String> = told.values().filter_map(|told| told.as_ref().err()).map(ToString::to_string).collect();
    match why.first() {
        None => Ok(()),
        Some(first) => Err(NotNow::Failed(format!("{} of {} were not taken: {first}", why.len(), told.len()))),
    }
}

/// Events are told in their order. Those that were given up, or were never to be told, keep nobody waiting.
async fn wait_for_earlier(app: &App, told: Told<'_>, tell: &Tell, news: &News) -> Result<(), NotNow> {
    let Some(before) = told_before(app, told, tell.incident, news.first).await? else { return Ok(()) };
    let id = news_id(&tell.receiver, tell.incident, before);
    let earlier = app.log.effect(&id.as_str().into()).await?;
    match earlier.filter(|earlier| matches!(earlier.state, EffectState::Pending | EffectState::Leased)) {
        None => Ok(()),
        Some(earlier) => Err(NotNow::Later {
            at: earlier.wanted.due_at.max(clock::now() + TURN),
            why: format!("event {before} is not told yet"),
        }),
    }
}

/// The event before these that is told too.
async fn told_before(app: &App, told: Told<'_>, id: IncidentId, first: u64) -> Result<Option<u64>, NotNow> {
    let Some(before) = first.checked_sub(1).filter(|before| *before > 0) else { return Ok(None) };
    if matches!(told, Told::Bus(_)) {
        return Ok(Some(before));
    }
    let from = before.saturating_sub(EVENTS_MAX).max(1);
    let events = change::events_from(app, id, from, usize::try_from(first - from).unwrap_or(0)).await?;
    Ok(events.iter().rev().find(|recorded| told.hears(&recorded.event)).map(|recorded| recorded.seq))
}
