//! What CloudWatch knows of an alarm of its own, in the card's thread: a picture of the metric, how often it was in ALARM,
//! what else is, and its tags. Asked once the card stands, and again when the incident opens again more than an hour later.
//!
//! In a build without the feature `aws` stands `no_context.rs` in its place. It is an extra: nothing waits for it, few are asked for at a time, and what cannot be had within ten minutes is left out.
//! Everything that CloudWatch says holds people's words, and is escaped where it is shown.

mod all;
mod cloudwatch;
mod known;
mod widget;
mod words;

pub use all::all_alarms;
pub use cloudwatch::CloudWatch;

use crate::app::App;
use crate::clock;
use crate::config::{Config, Problem};
use crate::flow::change::{self, Origin, change};
use crate::flow::perform::{NotNow, done};
use crate::flow::post::{self, post_once};
use crate::slack_side::{SlackSide, channel};
use crate::surface;
use chrono::TimeDelta;
use incident::{Command, Incident, IncidentId};
use known::{AlarmName, Known};
use log::LeasedEffect;
use slack::client::{Failure, Picture};

/// Whoever is asked about at the same time, of the thirty-two effects that are performed.
const AT_ONCE: usize = 4;

/// When to try again what found no room.
const NO_ROOM: TimeDelta = TimeDelta::seconds(1);

/// A picture that comes later than this after it was first tried helps nobody any more.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);

/// Attempts after which whatever could be had is shown.
const ATTEMPTS_FOR_ALL: u32 = 3;

/// Whether somebody wants to see it.
#[must_use]
pub const fn is_wanted(config: &Config) -> bool {
    config.cloudwatch.pictures
}

/// What the configuration asks for that this build cannot do: nothing.
#[must_use]
pub const fn not_built(_config: &Config) -> Option<Problem> {
    None
}

/// Asks CloudWatch about an incident's alarm and shows what it says in the thread of the card.
///
/// # Errors
/// CloudWatch, Slack or the log did not answer, and there is time left.
pub async fn perform(app: &App, id: IncidentId, leased: &LeasedEffect) -> Result<(), NotNow> {
    let now = clock::now();
    let incident = change::load(app, id).await?;
    let setup = app.setup();
    let place = channel(&setup.config.slack, &incident);
    let card = incident.cards.iter().find(|card| place == Some(card.channel.as_str()));
    let (Some(side), Some(card), Some(alarm)) = (&app.slack, card, AlarmName::of(&incident)) else {
        return done(app, leased).await;
    };
    if !is_wanted(&setup.config) || !incident.wants_context(now) {
        return done(app, leased).await;
    }
    let Ok(_room) = app.cloudwatch.room.try_acquire() else {
        return Err(NotNow::Later { at: now + NO_ROOM, why: "others are asked about".to_owned() });
    };
    let thread = Thread { side, channel: &card.channel, ts: &card.ts };
    let shown = match thread.show(app, &incident, &alarm, leased).await {
        Ok(shown) => shown,
        Err(error) if now - leased.intent_at > PATIENCE => {
            tracing::warn!(incident.id = %id, error = %error, "{id} stays without its picture: {error}");
            return done(app, leased).await;
        }
        Err(error) => return Err(error),
    };
    let Some(Shown { file, lines }) = shown else { return done(app, leased).await };
    let learned = Command::RecordContext { channel: card.channel.clone(), file, lines };
    change(app, id, &Origin::effect(leased.effect.id.as_str()), vec![learned], Some(&leased.token)).await?;
    Ok(())
}

/// What stands in the thread now.
struct Shown {
    file: Option<String>,
    lines: Vec<String>,
}

/// Where it is shown.
struct Thread<'t> {
    side: &'t SlackSide,
    channel: &'t str,
    ts: &'t str,
}

impl Thread<'_> {
    /// `None` when there is nothing to show.
    async fn show(
        &self,
        app: &App,
        incident: &Incident,
        alarm: &AlarmName<'_>,
        leased: &LeasedEffect,
    ) -> Result<Option<Shown>, NotNow> {
        let name = file_name(leased);
        let asks = leased.interrupted || leased.attempt > 1;
        if asks && let Some(file) = self.find_uploaded(&name, leased).await {
            return Ok(Some(Shown { file: Some(file), lines: Vec::new() }));
        }
        let known = app.cloudwatch.ask(alarm, clock::now()).await;
        if let Some(why) = known.why_again.as_ref().filter(|_| leased.attempt < ATTEMPTS_FOR_ALL) {
            return Err(NotNow::Failed(why.clone()));
        }
        for missing in &known.missing {
            tracing::warn!(incident.id = %incident.id, "{} is shown without something: {missing}", incident.id);
        }
        let lines = words::lines(alarm, &known, incident.alarm.occurred_at, clock::now());
        let file = match picture(&name, alarm, &known, &lines) {
            None => None,
            Some(picture) => self.upload(&picture, leased).await?,
        };
        if file.is_none() && !lines.is_empty() {
            post_once(self.side, self.channel, surface::context(&lines, self.ts), leased).await?;
        }
        Ok((file.is_some() || !lines.is_empty()).then_some(Shown { file, lines }))
    }

    /// `None` when Slack will never take it: then the words go without it.
    async fn upload(&self, picture: &Picture, leased: &LeasedEffect) -> Result<Option<String>, NotNow> {
        for method in ["files.getUploadURLExternal", "files.completeUploadExternal"] {
            self.side.pace(&leased.effect.id, method, self.channel).await.map_err(post::wait)?;
        }
        match self.side.client.upload(self.channel, self.ts, picture).await {
            Ok(file) => Ok(Some(file)),
            Err(failure @ (Failure::Auth { .. } | Failure::Bug { .. } | Failure::Gone { .. })) => {
                tracing::warn!(effect.id = %leased.effect.id, error = %failure, "the picture is not shown: {failure}");
                Ok(None)
            }
            Err(failure) => Err(post::sorted(self.side, method_of(&failure), failure)),
        }
    }

    /// The file that an earlier attempt left in the thread. `None` also when that cannot be read: then it is uploaded (again).
    async fn find_uploaded(&self, name: &str, leased: &LeasedEffect) -> Option<String> {
        let oldest = leased.intent_at.timestamp() - post::HISTORY_SLACK_SECONDS;
        let heard = self.side.client.replies(self.channel, self.ts, oldest, post::HISTORY_MESSAGES).await;
        let heard =
            heard.inspect_err(|failure| tracing::warn!(error = %failure, "cannot ask whether {name} was uploaded"));
        let mut files = heard.ok()?.into_iter().flat_map(|message| message.files);
        files.find(|file| file.name.as_deref() == Some(name)).map(|file| file.id)
    }
}

/// The name follows from the effect, so that a repeat is known by it.
fn file_name(leased: &LeasedEffect) -> String {
    format!("{}.png", leased.effect.id.as_str().replace('/', "-"))
}

fn picture(name: &str, alarm: &AlarmName<'_>, known: &Known, lines: &[String]) -> Option<Picture> {
    let title = slack::escape::plain(alarm.name, 150);
    Some(Picture {
        name: name.to_owned(),
        alt: format!("The metric of the CloudWatch alarm {title}, the last three hours"),
        title,
        bytes: known.picture.clone()?,
        comment: slack::answer::context_words(lines),
    })
}

/// The step that Slack wants to be left alone with.
fn method_of(failure: &Failure) -> &'static str {
    match failure {
        Failure::Retry { method, .. } if method == "files.getUploadURLExternal" => "files.getUploadURLExternal",
        _ => "files.completeUploadExternal",
    }
}
