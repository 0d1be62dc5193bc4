//! Our side of Slack: the client with its pacing, the verifier, and which channel hears of which incident.
//! Whether the other side is Slack or the local one is known here only.

use crate::clock;
use crate::config::Setup;
use crate::config::file::SlackConfig;
use crate::config::secret::env;
use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use incident::Incident;
use log::EffectId;
use slack::Secret;
use slack::client::{API_URL, Client, Failure, Pacer};
use slack::read::Who;
use slack::sim::{Sim, SimConfig};
use slack::verify::Verifier;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A wait this short is sat out; a longer one goes back into the outbox.
const SAT_OUT: TimeDelta = TimeDelta::milliseconds(300);

/// Slack, as the flow sees it.
pub struct SlackSide {
    /// The Web API.
    pub client: Client,
    /// Believes requests or does not.
    pub verifier: Verifier,
    /// Whose requests are taken.
    pub ours: Ours,
    pacer: Mutex<Pacer>,
    reserved: Mutex<HashMap<EffectId, DateTime<Utc>>>,
    direct: Mutex<HashMap<String, String>>,
}

impl SlackSide {
    /// The real one, by its secrets in the environment.
    ///
    /// # Errors
    /// A secret is missing, or the client cannot be made.
    pub fn from_environment(setup: &Setup) -> Result<Self> {
        let token = env("SLACK_BOT_TOKEN").context("SLACK_BOT_TOKEN is not set")?;
        let signing = env("SLACK_SIGNING_SECRET").context("SLACK_SIGNING_SECRET is not set")?;
        let base = env("SLACK_API_URL").unwrap_or_else(|| API_URL.to_owned());
        let other = env("SLACK_SIGNING_SECRET_OLD").map(Secret::new);
        let ours = Ours { team: env("SLACK_TEAM_ID"), app: env("SLACK_APP_ID") };
        Self::new(Secret::new(token), &base, Verifier::new(Secret::new(signing), other), ours, setup)
    }

    /// The local one.
    ///
    /// # Errors
    /// The client cannot be made.
    pub fn local(config: &SimConfig, setup: &Setup) -> Result<Self> {
        let verifier = Verifier::new(config.signing_secret.clone(), None);
        let ours = Ours { team: Some(config.team.id.clone()), app: Some(config.app.id.clone()) };
        Self::new(config.bot_token.clone(), &format!("{}/api", config.own_base_url), verifier, ours, setup)
    }

    /// One whose calls go through the simulator's wire.
    #[cfg(feature = "simulation")]
    #[must_use]
    pub fn simulated(client: Client, setup: &Setup) -> Self {
        Self::with(client, Verifier::new(Secret::new("simulated"), None), Ours { team: None, app: None }, setup)
    }

    fn new(token: Secret, base: &str, verifier: Verifier, ours: Ours, setup: &Setup) -> Result<Self> {
        Ok(Self::with(Client::new(token, base).context("making the Slack client")?, verifier, ours, setup))
    }

    fn with(client: Client, verifier: Verifier, ours: Ours, setup: &Setup) -> Self {
        Self {
            client,
            verifier,
            ours,
            pacer: Mutex::new(Pacer::new(setup.config.slack.post_interval)),
            reserved: Mutex::default(),
            direct: Mutex::default(),
        }
    }

    /// Waits until a call may go, or says when it may. A place in the queue is kept under the effect's id.
    ///
    /// # Errors
    /// The moment at which the effect should be performed instead.
    pub async fn pace(&self, effect: &EffectId, method: &str, channel: &str) -> Result<(), DateTime<Utc>> {
        if self.pacer().post_interval() <= TimeDelta::zero() {
            return Ok(());
        }
        let now = clock::now();
        let at = self.reserve(effect, method, channel, now);
        if at > now + SAT_OUT {
            return Err(at);
        }
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner).remove(effect);
        clock::sleep((at - now).to_std().unwrap_or_default()).await;
        Ok(())
    }

    fn reserve(&self, effect: &EffectId, method: &str, channel: &str, now: DateTime<Utc>) -> DateTime<Utc> {
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = reserved.get(effect) {
            return *at;
        }
        let mut pacer = self.pacer();
        let at = pacer.earliest(method, channel, now);
        pacer.went(method, channel, at);
        reserved.insert(effect.clone(), at);
        at
    }

    /// The configuration says another `post_interval`.
    pub fn set_post_interval(&self, post_interval: TimeDelta) {
        self.pacer().set_post_interval(post_interval);
    }

    fn pacer(&self) -> MutexGuard<'_, Pacer> {
        self.pacer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Slack asked us to wait.
    pub fn hold(&self, method: &str, failure: &Failure) {
        if let Failure::Retry { after, .. } = failure {
            let until = clock::now() + TimeDelta::from_std(*after).unwrap_or(TimeDelta::seconds(1));
            self.pacer().hold(method, until);
        }
    }

    /// The channel of the direct messages with a person; asked for once.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn direct_channel(&self, user: &str) -> Result<String, Failure> {
        if let Some(known) = self.direct.lock().unwrap_or_else(PoisonError::into_inner).get(user) {
            return Ok(known.clone());
        }
        let channel = self.client.conversations_open(user).await?;
        self.direct.lock().unwrap_or_else(PoisonError::into_inner).insert(user.to_owned(), channel.clone());
        Ok(channel)
    }
}

/// Our workspace and our app. A signature proves the app; an app that was installed elsewhere, too, hears from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ours {
    /// The workspace's id; `None` takes every one.
    pub team: Option<String>,
    /// The app's id; `None` takes every one.
    pub app: Option<String>,
}

impl Ours {
    /// Whether a request of this person, through this app, is for us. What a request does not name is not held against it:
    /// an installation for a whole organisation has no workspace.
    #[must_use]
    pub fn holds(&self, who: &Who, app: &str) -> bool {
        let is = |wanted: Option<&String>, given: &str| given.is_empty() || wanted.is_none_or(|wanted| wanted == given);
        is(self.team.as_ref(), who.team.as_deref().unwrap_or_default()) && is(self.app.as_ref(), app)
    }
}

/// The channel that hears of an incident: of the first route that names its service, else the common one.
#[must_use]
pub fn channel<'c>(config: &'c SlackConfig, incident: &Incident) -> Option<&'c str> {
    let service = incident.alarm.service.as_deref();
    let routed = service.and_then(|service| {
        config.routes.iter().find(|route| route.services.iter().any(|pattern| rota::matches(pattern, service)))
    });
    let channel = routed.map_or(config.channel.as_str(), |route| route.channel.as_str());
    (!channel.is_empty()).then_some(channel)
}

/// Which Slack there is.
pub enum Which {
    /// A real one.
    Real,
    /// The one inside this binary.
    Local(Sim, Box<SimConfig>),
    /// None: people are paged by their second channels.
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::{Ours, Who};

    #[test]
    fn another_workspace_or_app_is_not_ours() {
        #[track_caller]
        fn check(ours: (Option<&str>, Option<&str>), team: Option<&str>, app: &str, expect: bool) {
            let ours = Ours { team: ours.0.map(str::to_owned), app: ours.1.map(str::to_owned) };
            let who = Who { user: "U1".to_owned(), team: team.map(str::to_owned), enterprise: None };
            assert_eq!(ours.holds(&who, app), expect, "{ours:?} {team:?} {app}");
        }
        let both = (Some("T1"), Some("A1"));
        check(both, Some("T1"), "A1", true);
        check(both, Some("T2"), "A1", false);
        check(both, Some("T1"), "A2", false);
        check(both, None, "A1", true);
        check((None, None), Some("T2"), "A2", true);
    }
}
