//! What the channel hears of calendars, each thing once: that one has been failing for a day, that a copy waits for a person,
//! that names in it are nobody's. Foreign text is escaped, and no address is said.

use super::{CalendarEvent, Kept, length, load};
use crate::app::App;
use crate::clock;
use crate::flow::change::json;
use crate::flow::perform::{NotNow, done};
use crate::flow::post::post_once;
use crate::surface;
use chrono::{DateTime, Utc};
use log::{LeasedEffect, NewEffect, Repeat};
use serde::{Deserialize, Serialize};

/// The kind of the effects that tell the channel. Only this file writes and reads their bodies.
pub const NOTE: &str = "calendar_note";

/// Problems that one message names.
const NAMED_MAX: usize = 10;

/// What the channel hears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "snake_case")]
pub enum Note {
    /// It has been failing for a day.
    Failing {
        /// The calendar.
        calendar: String,
    },
    /// A copy waits for a person.
    Held {
        /// The calendar.
        calendar: String,
        /// The entries of that copy.
        entries: usize,
        /// Those of the copy that counts.
        before: usize,
    },
    /// Something in calendars does not count.
    Misread {
        /// Each with its calendar, a sentence without a full stop.
        problems: Vec<String>,
    },
}

/// An effect that tells the channel; `cause` is what makes it this one.
#[must_use]
pub fn note(cause: &str, note: &Note, at: DateTime<Utc>) -> NewEffect {
    NewEffect {
        id: format!("calendar-note/{cause}").as_str().into(),
        due_at: at,
        kind: NOTE.to_owned(),
        body: json(note),
        repeat: Repeat::Reconcile,
        slot: false,
    }
}

/// What the channel hears because of an event after `before`; `version` is its place in the stream.
pub(super) fn of_event(
    name: &str,
    before: &Kept,
    event: &CalendarEvent,
    version: u64,
    at: DateTime<Utc>,
) -> Option<NewEffect> {
    let calendar = name.to_owned();
    let told = match event {
        CalendarEvent::CalendarFailingLong => Note::Failing { calendar },
        // The same copy after a failure is no news.
        CalendarEvent::CalendarHeld { sha256, .. }
            if before.held.as_ref().is_some_and(|(held, _)| held.sha256 == *sha256) =>
        {
            return None;
        }
        CalendarEvent::CalendarHeld { entries, before, .. } => {
            Note::Held { calendar, entries: *entries, before: *before }
        }
        CalendarEvent::CalendarRead { .. }
        | CalendarEvent::CalendarAccepted { .. }
        | CalendarEvent::CalendarFailing { .. }
        | CalendarEvent::CalendarRecovered => return None,
    };
    Some(note(&format!("{name}/{version}"), &told, at))
}

/// Tells the channel, unless it is over by now.
///
/// # Errors
/// Slack or the log did not take it.
pub async fn perform_note(app: &App, leased: &LeasedEffect) -> Result<(), NotNow> {
    let told: Note = serde_json::from_slice(&leased.effect.body)
        .map_err(|error| NotNow::Never(format!("unknown note about a calendar: {error}")))?;
    let setup = app.setup();
    let channel = &setup.config.slack.channel;
    let Some(side) = app.slack.as_ref().filter(|_| !channel.is_empty()) else { return done(app, leased).await };
    let Some(says) = says(app, &told).await? else { return done(app, leased).await };
    post_once(side, channel, surface::notice(&says), leased).await?;
    done(app, leased).await
}

async fn says(app: &App, told: &Note) -> Result<Option<String>, NotNow> {
    Ok(match told {
        Note::Failing { calendar } => {
            let kept = load(&*app.log, calendar).await?;
            kept.failing.map(|failing| {
                let counts = match &kept.good {
                    Some(good) => format!(
                        "The copy with {} entries that came on {} counts until it can be read again.",
                        good.entries,
                        good.at.format("%-d %b %Y")
                    ),
                    None => "Nothing of it counts.".to_owned(),
                };
                format!(
                    "The calendar {calendar} has not been readable for {}: {}. {counts}",
                    length(clock::now() - failing.since),
                    slack::escape::line(&failing.reason, 200)
                )
            })
        }
        Note::Held { calendar, entries, before } => load(&*app.log, calendar).await?.held.map(|_| {
            format!(
                "The calendar {calendar} has {entries} entries ahead now and had {before}. The copy from before counts \
                 until it has them again, or until somebody says `catops calendar accept {calendar} --by YOU`."
            )
        }),
        Note::Misread { problems } => {
            let shown: Vec<String> = problems
                .iter()
                .take(NAMED_MAX)
                .map(|problem| format!("• {}", slack::escape::line(problem, 300)))
                .collect();
            let more = problems.len().saturating_sub(NAMED_MAX);
            let more = if more > 0 { format!("\nand {more} more; `catops lint` lists them") } else { String::new() };
            Some(format!("Some of what calendars say does not count:\n{}{more}", shown.join("\n")))
        }
    })
}
