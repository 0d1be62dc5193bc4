//! A Slack that runs inside the binary: for newcomers who have no workspace, and the double of every Slack test.
//!
//! It speaks Slack's Web API to our real client (`/api/{method}`), posts signed payloads to our real `/slack/*`
//! endpoints, and shows a page (`/local/`) where people use it like Slack. It never talks to Slack, never draws a
//! random number and never reads the clock itself; requests whose `Host` is not the loopback are refused.
//! Limits, error codes and time limits are Slack's documented ones; where the simulator is simpler, `api` says so.

mod api;
mod emoji;
mod journal;
mod local;
mod outgoing;
mod payload;
mod render;
mod state;
#[cfg(test)]
mod tests;
mod world;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::broadcast;

pub use journal::JournalError;
pub use render::{Names, blocks_to_html, mrkdwn_to_html};
pub use world::{Channel, ChannelKind, Hook, Message, Person, View};

use crate::secret::Secret;
use state::State;

/// Slack waits this long for an answer to a click, a command or an event.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// A `trigger_id` opens a view for this long, once.
pub const TRIGGER_LIFE: TimeDelta = TimeDelta::seconds(3);
/// A `response_url` lives this long.
pub const HOOK_LIFE: TimeDelta = TimeDelta::minutes(30);
/// A `response_url` may be used this often.
pub const HOOK_USES_MAX: u32 = 5;

/// The workspace.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Team {
    /// `T…`.
    pub id: String,
    /// The name at the top of the page.
    pub name: String,
    /// As in `domain.slack.com`.
    pub domain: String,
}

/// The app under test.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct App {
    /// `A…`.
    pub id: String,
    /// `B…`.
    pub bot_id: String,
    /// `U…` of the bot user.
    pub bot_user_id: String,
    /// The name that people see and mention.
    pub name: String,
    /// The slash command, with its slash.
    pub command: String,
    /// Verbs that the page offers once the command is typed: the verb with its arguments, and what it does.
    pub hints: Vec<(String, String)>,
    /// Message shortcuts: the callback id, and the words in the menu of a message.
    pub message_shortcuts: Vec<(String, String)>,
}

/// A channel that exists from the start.
#[derive(Clone, Debug)]
pub struct ChannelSeed {
    /// `C…`.
    pub id: String,
    /// Without `#`.
    pub name: String,
    /// At most 250 characters.
    pub topic: String,
}

/// How fast an app may post to one channel.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    /// The least time between two posts to one channel; Slack's is one second.
    pub post_interval: TimeDelta,
}

/// What a local Slack needs to know.
#[derive(Clone, Debug)]
pub struct SimConfig {
    /// Where state is kept; `None` forgets.
    pub journal: Option<PathBuf>,
    /// Where the app listens, without a slash at the end: `{app_base_url}/slack/interactivity`.
    pub app_base_url: String,
    /// Where this simulator listens, without a slash at the end: `{own_base_url}/local/response/…`.
    pub own_base_url: String,
    /// Signs what is sent to the app.
    pub signing_secret: Secret,
    /// The one token that the Web API accepts.
    pub bot_token: Secret,
    /// The workspace.
    pub team: Team,
    /// The app.
    pub app: App,
    /// Those who can be acted as.
    pub people: Vec<Person>,
    /// Channels that everybody is in from the start, the app too; the page shows the first one first.
    pub channels: Vec<ChannelSeed>,
    /// The ids of the user groups, `S…`; they begin without members.
    pub usergroups: Vec<String>,
    /// `None` lets the app post as fast as it likes.
    pub rate_limit: Option<RateLimit>,
    /// How long the app may take to answer; [`ANSWER_WITHIN`] outside tests.
    pub answer_within: Duration,
    /// The clock.
    pub clock: fn() -> DateTime<Utc>,
}

impl SimConfig {
    /// A workspace with four people, three channels and the app, for trying things out.
    #[must_use]
    pub fn acme(app_base_url: &str, own_base_url: &str, clock: fn() -> DateTime<Utc>) -> Self {
        let person = |id: &str, name: &str, handle: &str, colour: &str| Person {
            id: id.into(),
            name: name.into(),
            handle: handle.into(),
            colour: colour.into(),
        };
        let channel =
            |id: &str, name: &str, topic: &str| ChannelSeed { id: id.into(), name: name.into(), topic: topic.into() };
        Self {
            journal: None,
            app_base_url: app_base_url.to_owned(),
            own_base_url: own_base_url.to_owned(),
            signing_secret: Secret::new("local-signing-secret"),
            bot_token: Secret::new("xoxb-local"),
            team: Team { id: "T0ACME".into(), name: "Acme".into(), domain: "acme".into() },
            app: App::catops(),
            people: vec![
                person("U0ANA", "Ana Ruiz", "ana", "#b4436c"),
                person("U0BEN", "Ben Okafor", "ben", "#2f7d6b"),
                person("U0CHI", "Chi Tanaka", "chi", "#4a6fb5"),
                person("U0SAM", "Sam Lind", "sam", "#a86a1d"),
            ],
            channels: vec![
                channel("C0OPS", "ops", "Incidents and the people who fix them"),
                channel("C0PAYMENTS", "payments", "Everything about checkout"),
                channel("C0STATUS", "status", "For stakeholders: impact and next update"),
            ],
            usergroups: Vec::new(),
            rate_limit: None,
            answer_within: ANSWER_WITHIN,
            clock,
        }
    }
}

impl App {
    /// The app as its manifest describes it.
    #[must_use]
    pub fn catops() -> Self {
        let pairs = |list: &[(&str, &str)]| list.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
        Self {
            id: "A0CATOPS".into(),
            bot_id: "B0CATOPS".into(),
            bot_user_id: "U0CATOPS".into(),
            name: "CatOps".into(),
            command: "/catops".into(),
            hints: pairs(&[
                ("help", "what can be typed"),
                ("incidents", "open incidents"),
                ("new WORDS", "start an incident"),
                ("ack 42", "take an incident"),
                ("resolve 42", "close an incident"),
                ("reopen 42", "open it again"),
                ("note 42 WORDS", "add a note"),
                ("assign 42 @ana", "give it to somebody"),
                ("escalate 42", "call the next person"),
                ("run ACTION", "run an action"),
                ("approve 42", "be the second person"),
                ("decline 42", "refuse the request"),
                ("stop 42", "stop the running action"),
                ("why 42", "why these suggestions"),
                ("oncall", "who is on call"),
                ("rota", "shifts, swaps and overrides"),
                ("runbook WORDS", "search runbooks"),
                ("silence ALARM 30m", "stop pages for a while"),
                ("replay 42", "the story of an incident"),
                ("status", "is everything well"),
                ("whoami", "what I may do"),
                ("drill", "practise on a made-up incident"),
            ]),
            message_shortcuts: pairs(&[
                ("sc_add_to_timeline", "Add to incident timeline"),
                ("sc_incident_from_message", "Start incident from message"),
            ]),
        }
    }
}

/// Why a local Slack cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The journal.
    #[error("the local Slack cannot use its journal")]
    Journal(#[from] JournalError),
    /// No HTTP client.
    #[error("the local Slack cannot make HTTP requests")]
    Http(#[source] reqwest::Error),
}

/// A local Slack; clones are the same one.
#[derive(Clone)]
pub struct Sim(Arc<Inner>);

struct Inner {
    config: SimConfig,
    state: Mutex<State>,
    changes: broadcast::Sender<u64>,
    http: reqwest::Client,
}

impl Sim {
    /// Replays the journal and adds the channels that it lacks.
    ///
    /// # Errors
    /// When the journal cannot be read or written.
    pub fn new(config: SimConfig) -> Result<Self, SimError> {
        let (changes, _) = broadcast::channel(256);
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(SimError::Http)?;
        let state = State::open(&config, changes.clone())?;
        Ok(Self(Arc::new(Inner { config, state: Mutex::new(state), changes, http })))
    }

    /// `/api/{method}` for the app and `/local/*` for people, both for the loopback only.
    pub fn router(&self) -> axum::Router {
        api::router(self).merge(local::router(self)).layer(axum::middleware::from_fn(local::only_loopback))
    }

    /// Everything that one person sees, as `GET /local/state?as=U…` answers; `None` for a stranger.
    #[must_use]
    pub fn snapshot_json(&self, person: &str) -> Option<Value> {
        local::snapshot(self, person, None)
    }

    fn config(&self) -> &SimConfig {
        &self.0.config
    }

    fn now(&self) -> DateTime<Utc> {
        (self.0.config.clock)()
    }

    /// No panic happens while the lock is held; should one, the state is still whole, because records apply one by one.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
