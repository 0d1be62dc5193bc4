//! Refused deliveries of a source: after five within ten minutes the incident channel is told, once, so that a broken secret
//! is seen before somebody misses an alarm. Counted in memory, since nothing is kept of what was refused; what is told holds
//! the source's name from the configuration and nothing that came from outside.

use crate::app::App;
use crate::clock;
use crate::flow::change::json as json_bytes;
use crate::flow::perform::{NotNow, done};
use crate::flow::post::post_once;
use crate::surface;
use chrono::{DateTime, TimeDelta, Utc};
use log::{Append, AppendError, LeasedEffect, NewEffect, Repeat};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// The kind of the effects that tell the channel. Only this file writes and reads their bodies.
pub const NOTE: &str = "refusals";

/// So many refusals are no typing mistake any more.
const REFUSED_MAX: usize = 5;

/// Within this time; after as long without one the next is a new spell.
const WINDOW: TimeDelta = TimeDelta::minutes(10);

/// What was refused lately, by source. Only sources of the configuration are counted, so it stays small.
#[derive(Default)]
pub struct Refusals(Mutex<BTreeMap<String, Spell>>);

impl Refusals {
    fn refused(&self, source: &str, at: DateTime<Utc>) -> bool {
        let mut spells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spells.entry(source.to_owned()).or_default().refused(at)
    }
}

/// The refusals of one source that follow one another.
#[derive(Debug, Default)]
struct Spell {
    recent: VecDeque<DateTime<Utc>>,
    is_told: bool,
}

impl Spell {
    /// One more; true when it is time to tell somebody, which is once a spell.
    fn refused(&mut self, at: DateTime<Utc>) -> bool {
        if self.recent.back().is_some_and(|last| at - *last > WINDOW) {
            *self = Self::default();
        }
        self.recent.push_back(at);
        if self.recent.len() > REFUSED_MAX {
            self.recent.pop_front();
        }
        let is_much =
            self.recent.len() == REFUSED_MAX && self.recent.front().is_some_and(|first| at - *first <= WINDOW);
        let tell = is_much && !self.is_told;
        self.is_told |= is_much;
        tell
    }
}

#[derive(Serialize, Deserialize)]
struct Note {
    source: String,
}

/// A delivery of this source was refused.
pub async fn refused(app: &App, source: &str) {
    let at = clock::now();
    if !app.refusals.refused(source, at) {
        return;
    }
    if let Err(error) = ask(app, source, at).await {
        tracing::error!(error = %error, "could not ask for a note about what {source} was refused");
    }
}

async fn ask(app: &App, source: &str, at: DateTime<Utc>) -> Result<(), AppendError> {
    let effect = NewEffect {
        id: format!("refusals/{source}/{}", at.timestamp()).into(),
        due_at: at,
        kind: NOTE.to_owned(),
        body: json_bytes(&Note { source: source.to_owned() }),
        repeat: Repeat::Reconcile,
        slot: false,
    };
    let receipt = app.log.append(Append { effects: vec![effect], lease: app.lease(at), ..Append::default() }).await?;
    app.outbox.offer(receipt.leased);
    Ok(())
}

/// Tells the channel.
///
/// # Errors
/// Slack did not take it.
pub async fn perform(app: &App, leased: &LeasedEffect) -> Result<(), NotNow> {
    let Note { source } = serde_json::from_slice(&leased.effect.body)
        .map_err(|error| NotNow::Never(format!("unknown note about refusals: {error}")))?;
    let setup = app.setup();
    let channel = &setup.config.slack.channel;
    let Some(side) = app.slack.as_ref().filter(|_| !channel.is_empty()) else { return done(app, leased).await };
    let minutes = WINDOW.num_minutes();
    let says = format!(
        "{REFUSED_MAX} deliveries to the source {source} were refused within {minutes} minutes: its sender has a wrong \
         secret or none, sends what catops.toml does not list, or somebody is guessing. Alarms that are refused open nothing. The log of CatOps says why, and \
         /metrics counts on; here nothing more is said until it has been quiet for {minutes} minutes."
    );
    post_once(side, channel, surface::notice(&says), leased).await?;
    done(app, leased).await
}

#[cfg(test)]
mod tests {
    use super::{DateTime, Spell, TimeDelta, Utc};

    #[test]
    fn five_within_ten_minutes_are_told_once_a_spell() {
        #[track_caller]
        fn check(seconds: &[i64], told_at: &[i64]) {
            let began: DateTime<Utc> = "2026-11-23T02:14:00Z".parse().unwrap();
            let mut spell = Spell::default();
            let told = seconds.iter().filter(|second| spell.refused(began + TimeDelta::seconds(**second)));
            assert_eq!(told.copied().collect::<Vec<_>>(), told_at, "{seconds:?}");
        }
        check(&[0, 1, 2, 3], &[]);
        check(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], &[4]);
        check(&[0, 150, 300, 450, 600], &[600]);
        check(&[0, 150, 300, 450, 601, 700], &[700]);
        // One every four minutes goes on for ever and is no spell of five in ten.
        check(&[0, 240, 480, 720, 960, 1200, 1440], &[]);
        // Quiet for ten minutes, and then it begins anew.
        check(&[0, 1, 2, 3, 4, 604, 605, 1206, 1207, 1208, 1209, 1210], &[4, 1210]);
    }
}
