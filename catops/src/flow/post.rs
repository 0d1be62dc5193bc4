//! Posts and edits in Slack. A post has no idempotency of its own, so each carries its effect's id; whoever does not know
//! whether it arrived asks the channel's history first, and posts when the history cannot be read: twice is better than never.

use crate::app::App;
use crate::clock;
use crate::flow::change::{self, Origin, change};
use crate::flow::digest;
use crate::flow::perform::{NotNow, done, note};
use crate::slack_side::{SlackSide, channel};
use crate::surface;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{BY_SLACK, Command, IncidentId, PageMessage, ResponderId, Status, thread_effect_id};
use log::{EffectState, LeasedEffect};
use serde_json::json;
use slack::blocks::{Message, Metadata};
use slack::client::{Failure, Heard};
use std::time::Duration;

/// How far before the first attempt the history is read: clocks differ.
pub(crate) const HISTORY_SLACK_SECONDS: i64 = 5;
/// How long a line waits for the one before it, when nobody knows when that will be posted: a post takes Slack some 200 ms.
const LINE_TURN: TimeDelta = TimeDelta::milliseconds(100);
/// How long it is waited for without being put back: a little longer than a post takes.
const LINE_WAIT: Duration = Duration::from_millis(300);
/// Messages of the history that are read at once; Slack advises no more.
pub(crate) const HISTORY_MESSAGES: usize = 200;
/// How often it is read further back: people talk in a channel too, and a process may have been away for hours.
const HISTORY_PAGES_MAX: usize = 10;
/// When it is not read further back any more: the lease lasts longer than this, the last reading and the post together.
const HISTORY_PATIENCE: Duration = Duration::from_secs(2);

/// Brings the card up to date: edits it where it stands, posts it where it does not.
pub async fn card(app: &App, id: IncidentId, leased: &LeasedEffect) -> Result<(), NotNow> {
    let Some(side) = &app.slack else { return done(app, leased).await };
    let incident = change::load_since(app, id, leased).await?;
    let setup = app.setup();
    let Some(channel) = channel(&setup.config.slack, &incident) else { return done(app, leased).await };
    let posted = incident.cards.iter().find(|card| card.channel == channel);
    if posted.is_none() && digest::takes(app, &incident, channel, leased).await? {
        return Ok(());
    }
    let message = surface::card(app, &incident, channel).await;
    let Some(posted) = posted else {
        let (channel, ts) = post_once(side, channel, message, leased).await?;
        return record(app, id, leased, Command::RecordCard { channel, ts }).await;
    };
    edit(side, &format!("the card of {id}"), (channel, &posted.ts), message, leased).await?;
    done(app, leased).await
}

/// Pages somebody by direct message. Whoever has it already, or whose incident is over, is left in peace.
pub async fn page(app: &App, id: IncidentId, to: &ResponderId, level: u8, leased: &LeasedEffect) -> Result<(), NotNow> {
    let incident = change::load_since(app, id, leased).await?;
    if incident.status != Status::Open || incident.has_answered(to) {
        return done(app, leased).await;
    }
    let setup = app.setup();
    let person = setup.rota.person(to);
    let (Some(side), Some(user)) = (&app.slack, person.and_then(|person| person.slack.clone())) else {
        let error = if app.slack.is_none() { "no Slack is configured" } else { "no Slack member id in rota/*.toml" };
        let (by, to_whom) = (BY_SLACK.to_owned(), to.clone());
        let failure = Command::RecordPageFailure { to: to_whom, by, error: error.to_owned(), gave_up: true };
        note(app, id, leased, failure).await?;
        return Err(NotNow::Never(format!("{to} cannot be paged: {error}")));
    };
    let sent = async {
        let direct = side.direct_channel(&user).await.map_err(|failure| sorted(side, "conversations.open", failure))?;
        post_once(side, &direct, surface::page(app, &incident, to), leased).await
    };
    match sent.await {
        Ok((channel, ts)) => {
            let message = Some(PageMessage { channel, ts });
            let page =
                Command::RecordPage { to: to.clone(), by: BY_SLACK.to_owned(), level, message, with: Vec::new() };
            record(app, id, leased, page).await
        }
        Err(error) => {
            // Said once: the retries that follow are the outbox's, not the reader's.
            if leased.attempt == 1 && !matches!(error, NotNow::Later { .. }) {
                let (to, by, error) = (to.clone(), BY_SLACK.to_owned(), error.to_string());
                note(app, id, leased, Command::RecordPageFailure { to, by, error, gave_up: false }).await?;
            }
            Err(error)
        }
    }
}

/// Asks everybody in a channel. When somebody has it already, or others are asked by now, nobody is bothered.
pub async fn ask_channel(
    app: &App,
    id: IncidentId,
    channel: &str,
    seq: u64,
    leased: &LeasedEffect,
) -> Result<(), NotNow> {
    let Some(side) = &app.slack else { return done(app, leased).await };
    let incident = change::load(app, id).await?;
    if incident.status != Status::Open || incident.assigned_seq != seq {
        return done(app, leased).await;
    }
    let (channel, ts) = post_once(side, channel, surface::ask_channel(app, &incident), leased).await?;
    let message = PageMessage { channel, ts };
    record(app, id, leased, Command::RecordChannel { message }).await
}

/// Takes the buttons off a page that asks nobody any more. A page that asks again keeps them.
pub async fn page_over(
    app: &App,
    id: IncidentId,
    page: &PageMessage,
    round: u32,
    leased: &LeasedEffect,
) -> Result<(), NotNow> {
    let Some(side) = &app.slack else { return done(app, leased).await };
    let incident = change::load_since(app, id, leased).await?;
    if incident.round == round && incident.status == Status::Open {
        return done(app, leased).await;
    }
    let message = surface::page_over(app, &incident, round);
    edit(side, &format!("a page of {id}"), (&page.channel, &page.ts), message, leased).await?;
    done(app, leased).await
}

/// Writes one line of the timeline into the card's thread, behind the lines of earlier events.
pub async fn thread(app: &App, id: IncidentId, seq: u64, leased: &LeasedEffect) -> Result<(), NotNow> {
    let Some(side) = &app.slack else { return done(app, leased).await };
    let incident = change::load_since(app, id, leased).await?;
    let setup = app.setup();
    let Some(channel) = channel(&setup.config.slack, &incident) else { return done(app, leased).await };
    let Some(card) = incident.cards.iter().find(|card| card.channel == channel) else {
        let at = clock::now() + TimeDelta::seconds(1);
        return Err(NotNow::Later { at, why: "the card is not posted yet".to_owned() });
    };
    if let Some(before) = incident.told_before(seq)
        && let Some(at) = its_turn_at(app, id, before).await?
    {
        return Err(NotNow::Later { at, why: format!("the line of event {before} is not posted yet") });
    }
    let Some(message) = surface::thread_line(app, &incident, seq, &card.ts).await? else {
        return done(app, leased).await;
    };
    post_once(side, channel, message, leased).await?;
    done(app, leased).await
}

/// The same after a short wait: a line that is being posted is there in a moment, and to come back costs two writes.
async fn its_turn_at(app: &App, id: IncidentId, before: u64) -> Result<Option<DateTime<Utc>>, NotNow> {
    let Some(at) = not_posted_until(app, id, before).await? else { return Ok(None) };
    if at > clock::now() + LINE_TURN {
        return Ok(Some(at));
    }
    clock::sleep(LINE_WAIT).await;
    not_posted_until(app, id, before).await
}

/// When to look again whether the line of an event was posted; `None` once it was, or was given up.
async fn not_posted_until(app: &App, id: IncidentId, seq: u64) -> Result<Option<DateTime<Utc>>, NotNow> {
    let effect = app.log.effect(&thread_effect_id(id, seq).into()).await?;
    let underway = effect.filter(|effect| matches!(effect.state, EffectState::Pending | EffectState::Leased));
    Ok(underway.map(|effect| effect.wanted.due_at.max(clock::now() + LINE_TURN)))
}

async fn record(app: &App, id: IncidentId, leased: &LeasedEffect, learned: Command) -> Result<(), NotNow> {
    change(app, id, &Origin::effect(leased.effect.id.as_str()), vec![learned], Some(&leased.token)).await?;
    Ok(())
}

/// Puts a message in the place of one of ours, by channel and message id. One that is gone is left so.
pub(crate) async fn edit(
    side: &SlackSide,
    what: &str,
    (channel, ts): (&str, &str),
    message: Message,
    leased: &LeasedEffect,
) -> Result<(), NotNow> {
    side.pace(&leased.effect.id, "chat.update", channel).await.map_err(wait)?;
    match side.client.update(channel, ts, message).await {
        Ok(_) => Ok(()),
        Err(Failure::Gone { error, .. }) => {
            tracing::warn!(effect.id = %leased.effect.id, error = %error, "{what} is gone: {error}");
            Ok(())
        }
        Err(failure) => Err(sorted(side, "chat.update", failure)),
    }
}

/// Posts, unless an earlier attempt already did. Returns channel and message id.
pub(crate) async fn post_once(
    side: &SlackSide,
    channel: &str,
    message: Message,
    leased: &LeasedEffect,
) -> Result<(String, String), NotNow> {
    let key = leased.effect.id.as_str();
    let asks = leased.interrupted || leased.attempt > 1;
    #[cfg(feature = "fail_points")]
    let asks = asks && !crate::fail_point::is_planted("resend-without-asking");
    if asks && let Some(ts) = find_posted(side, channel, message.thread_ts.as_deref(), key, leased.intent_at).await {
        return Ok((channel.to_owned(), ts));
    }
    side.pace(&leased.effect.id, "chat.postMessage", channel).await.map_err(wait)?;
    #[cfg(feature = "fail_points")]
    log::fail_point::die_at("before-call");
    let posted = side.client.post_message(channel, with_key(message, key)).await;
    #[cfg(feature = "fail_points")]
    log::fail_point::die_at("after-call");
    match posted {
        Ok(posted) => Ok((posted.channel, posted.ts)),
        Err(failure) => Err(sorted(side, "chat.postMessage", failure)),
    }
}

/// The message that an earlier attempt left. `None` also when the history cannot be read: then it is posted (again).
async fn find_posted(
    side: &SlackSide,
    channel: &str,
    thread_ts: Option<&str>,
    key: &str,
    since: DateTime<Utc>,
) -> Option<String> {
    let oldest = since.timestamp() - HISTORY_SLACK_SECONDS;
    let found = match thread_ts {
        None => find_in_channel(side, channel, key, oldest).await,
        Some(thread) => {
            let heard = side.client.replies(channel, thread, oldest, HISTORY_MESSAGES).await;
            heard.map(|heard| heard.into_iter().find(|message| carries(message, key)))
        }
    };
    let found = found.inspect_err(|failure| tracing::warn!(error = %failure, "cannot ask whether {key} was posted"));
    found.ok().flatten().map(|message| message.ts)
}

/// Reads a channel from its newest message back. One that is too busy to be read to the end is as good as unread.
async fn find_in_channel(side: &SlackSide, channel: &str, key: &str, oldest: i64) -> Result<Option<Heard>, Failure> {
    let began = clock::mark();
    let mut latest: Option<String> = None;
    for _ in 0..HISTORY_PAGES_MAX {
        let heard = side.client.history(channel, oldest, latest.as_deref(), HISTORY_MESSAGES).await?;
        latest = heard.messages.last().map(|message| message.ts.clone());
        let found = heard.messages.into_iter().find(|message| carries(message, key));
        if found.is_some() || !heard.has_more {
            return Ok(found);
        }
        if began.elapsed() > HISTORY_PATIENCE {
            break;
        }
    }
    tracing::warn!("{channel} is too busy to be sure whether {key} was posted");
    Ok(None)
}

fn carries(message: &Heard, key: &str) -> bool {
    let metadata = message.metadata.as_ref();
    metadata.and_then(|metadata| metadata.event_payload.get("post_key")?.as_str()) == Some(key)
}

fn with_key(mut message: Message, key: &str) -> Message {
    let mut metadata = message
        .metadata
        .take()
        .unwrap_or_else(|| Metadata { event_type: "catops_effect".to_owned(), event_payload: serde_json::Map::new() });
    metadata.event_payload.insert("post_key".to_owned(), json!(key));
    message.metadata = Some(metadata);
    message
}

pub(crate) fn wait(at: DateTime<Utc>) -> NotNow {
    NotNow::Later { at, why: "waiting for the channel's turn".to_owned() }
}

pub(crate) fn sorted(side: &SlackSide, method: &str, failure: Failure) -> NotNow {
    side.hold(method, &failure);
    match &failure {
        Failure::Retry { after, .. } => {
            let at = clock::now() + TimeDelta::from_std(*after).unwrap_or(TimeDelta::seconds(1));
            NotNow::Later { at, why: failure.to_string() }
        }
        // The channel may be unarchived, the app invited, the token renewed: what waits here is somebody's page.
        Failure::Unknown { .. } | Failure::Auth { .. } | Failure::Gone { .. } => NotNow::Failed(failure.to_string()),
        Failure::Bug { .. } => NotNow::Never(failure.to_string()),
    }
}
