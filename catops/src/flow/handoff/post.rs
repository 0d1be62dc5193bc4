//! What the channel of a schedule is told: the post of a handoff, the alarm of a gap, who cannot be reached, which handoffs
//! moved. Each is drawn from what the log says at that moment, posted once and edited from then on.

use crate::app::App;
use crate::clock;
use crate::flow::handoff::{HandoffEvent, Handoffs, Newest, gather, load_with_version, settle_with};
use crate::flow::names;
use crate::flow::perform::{NotNow, done};
use crate::flow::post::{edit, post_once};
use crate::flow::triage;
use crate::slack_side::SlackSide;
use crate::surface;
use chrono::TimeDelta;
use incident::ResponderId;
use log::LeasedEffect;
use rota::final_schedule;
use slack::blocks::Message;
use slack::handoff::{Gap, Handoff, Standing};

/// A handoff that is told later than this was missed.
const LATE: TimeDelta = TimeDelta::minutes(5);

/// Slack and the channel of a schedule, when there are both.
fn channel<'a>(app: &'a App, schedule: &str) -> Option<(&'a SlackSide, String)> {
    let channel = app.setup().rota.schedules.get(schedule)?.channel.clone()?;
    Some((app.slack.as_ref()?, channel))
}

/// Posts a handoff, or brings its post up to date.
pub(super) async fn handoff(app: &App, schedule: &str, number: u64, leased: &LeasedEffect) -> Result<(), NotNow> {
    let Some((side, channel)) = channel(app, schedule) else { return done(app, leased).await };
    let (state, version) = load_with_version(&*app.log, schedule).await?;
    let Some(handoff) = state.handoff(number).cloned() else { return done(app, leased).await };
    if handoff.post.is_none() && state.is_over(number) {
        // Nobody needs the news of a shift that is over.
        return done(app, leased).await;
    }
    let message = drawn(app, schedule, &state, &handoff).await?;
    if let Some(post) = &handoff.post {
        edit(side, &format!("handoff {number} of {schedule}"), (&post.channel, &post.ts), message, leased).await?;
        return done(app, leased).await;
    }
    let (channel, ts) = post_once(side, &channel, message, leased).await?;
    settle_with(app, schedule, (state, version), HandoffEvent::Posted { number, channel, ts }, leased).await
}

async fn drawn(app: &App, schedule: &str, state: &Handoffs, handoff: &Newest) -> Result<Message, NotNow> {
    let (setup, now) = (app.setup(), clock::now());
    let operations = triage::operations(&*app.log).await?;
    let change = &handoff.handover;
    let duty = rota::on_call(&setup.rota, schedule, &operations, change.at).ok();
    let standing = match (&handoff.acknowledged, &handoff.asked) {
        (Some((by, at)), _) => Standing::Acknowledged(by.clone(), *at),
        _ if state.is_over(handoff.number) => Standing::Over,
        (None, Some((to, at))) => Standing::Asked(to.clone(), *at),
        (None, None) => Standing::Waiting,
    };
    let shown = Handoff {
        schedule: schedule.to_owned(),
        number: handoff.number,
        at: change.at,
        is_late: handoff.told_at - change.at > LATE,
        left: change.left.clone(),
        came: change.came.clone(),
        stayed: change.stayed.clone(),
        until: duty.and_then(|duty| duty.until),
        tzdata: handoff.tzdata.clone(),
        standing,
    };
    let summary = gather(&*app.log, &setup, schedule, change.at, now).await?;
    Ok(surface::drawn(app, |setting| slack::handoff::post(&shown, &summary, setting)))
}

/// Tells somebody that nobody acknowledged.
pub(super) async fn tell(
    app: &App,
    schedule: &str,
    number: u64,
    to: &ResponderId,
    leased: &LeasedEffect,
) -> Result<(), NotNow> {
    let (state, _) = load_with_version(&*app.log, schedule).await?;
    let waiting = state.newest.as_ref().filter(|newest| newest.number == number && newest.acknowledged.is_none());
    let slack = app.setup().rota.person(to).and_then(|person| person.slack.clone());
    let (Some(side), Some(slack), Some(newest)) = (&app.slack, slack, waiting) else { return done(app, leased).await };
    let (came, at) = (newest.handover.came.clone(), newest.handover.at);
    let message = surface::drawn(app, |setting| slack::handoff::unacknowledged(schedule, &came, at, setting));
    let direct = side.direct_channel(&slack).await.map_err(|failure| NotNow::Failed(failure.to_string()))?;
    post_once(side, &direct, message, leased).await?;
    done(app, leased).await
}

/// Posts the alarm of a gap, or brings it up to date.
pub(super) async fn gap(app: &App, schedule: &str, number: u64, leased: &LeasedEffect) -> Result<(), NotNow> {
    let Some((side, channel)) = channel(app, schedule) else { return done(app, leased).await };
    let (state, version) = load_with_version(&*app.log, schedule).await?;
    let Some(known) = state.gaps.get(&number) else { return done(app, leased).await };
    let (setup, now) = (app.setup(), clock::now());
    let is_over = known.span.end <= now;
    if known.post.is_none() && (known.is_filled || is_over) {
        return done(app, leased).await;
    }
    let operations = triage::operations(&*app.log).await?;
    let filled = if known.is_filled {
        let segments = final_schedule(&setup.rota, schedule, &operations, known.span.start, known.span.end);
        let shift = |segment: rota::Segment<'_>| {
            let people = segment.on_duty.iter().map(|&who| who.clone()).collect();
            ((segment.start, segment.end), people)
        };
        segments.unwrap_or_default().into_iter().map(shift).collect()
    } else {
        Vec::new()
    };
    let shown =
        Gap { schedule: schedule.to_owned(), number, time: (known.span.start, known.span.end), filled, is_over };
    let message = surface::drawn(app, |setting| slack::handoff::gap(&shown, setting));
    if let Some(post) = &known.post {
        edit(side, &format!("gap {number} of {schedule}"), (&post.channel, &post.ts), message, leased).await?;
        return done(app, leased).await;
    }
    let (channel, ts) = post_once(side, &channel, message, leased).await?;
    settle_with(app, schedule, (state, version), HandoffEvent::GapPosted { number, channel, ts }, leased).await
}

/// Tells the channel who cannot be reached.
pub(super) async fn unreachable(
    app: &App,
    schedule: &str,
    people: &[ResponderId],
    leased: &LeasedEffect,
) -> Result<(), NotNow> {
    let Some((side, channel)) = channel(app, schedule) else { return done(app, leased).await };
    let (state, _) = load_with_version(&*app.log, schedule).await?;
    let still = |who: &ResponderId| Some((who.clone(), state.unreachable.get(who)?.clone()));
    let people: Vec<(ResponderId, String)> = people.iter().filter_map(still).collect();
    if people.is_empty() {
        return done(app, leased).await;
    }
    let message = surface::drawn(app, |setting| slack::handoff::unreachable(schedule, &people, setting));
    post_once(side, &channel, message, leased).await?;
    done(app, leased).await
}

/// Tells the channel which handoffs other rules of time zones moved.
pub(super) async fn moved(app: &App, schedule: &str, version: u64, leased: &LeasedEffect) -> Result<(), NotNow> {
    let Some((side, channel)) = channel(app, schedule) else { return done(app, leased).await };
    let events = app.log.events(&names::handoffs(schedule), version, 1).await?;
    let event = events.first().and_then(|event| serde_json::from_slice(&event.body).ok());
    let Some(HandoffEvent::RulesChanged { before, after, moved }) = event else {
        return Err(NotNow::Never(format!("event {version} of the handoffs of {schedule} moves nothing")));
    };
    let all: Vec<_> = moved.into_iter().map(|(old, new)| (old, new.at, new.came)).collect();
    let message = surface::drawn(app, |setting| slack::handoff::moved(schedule, (&before, &after), &all, setting));
    post_once(side, &channel, message, leased).await?;
    done(app, leased).await
}
