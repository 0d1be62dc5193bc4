//! The roles of a Lambda function. Each is wired once from the environment and then handed one event after another; what
//! it does is done by the same code that `serve` runs.
//!
//! | role | is handed | does | calls |
//! |---|---|---|---|
//! | `intake` | queue batches, SNS messages, HTTP requests of `/hooks/*`, `/v2/enqueue` and `/ack/*` | appends | the table |
//! | `slack` | HTTP requests of `/slack/*` | verifies, appends, answers | the table, Slack |
//! | `act` | changes of the table, a schedule | performs what is due | the table, Slack, runners, SNS |
//!
//! `intake` and `slack` perform no effect, so nothing of Slack or of a runner lies between a sender and its answer: the
//! stream of the table wakes `act`, and the schedule finds what the stream missed.

mod http;
mod intake;
mod queue;

use crate::app::{App, Parts};
use crate::clock;
use crate::config::Setup;
use crate::config::secret::{add_fetched, env};
use crate::entry::serve::{health_router, hooks_router, limited, slack_router};
use crate::entry::{acknowledge, calendar};
use crate::flow::outbox::{self, Offered};
use crate::flow::{calendars, drill, handoff, runbook_versions, versions};
use crate::slack_side::SlackSide;
use crate::start::{BAKED, http_client, read_runbooks, usable};
use crate::store::open_table;
use crate::{anchor, aws, logging, seed, uptime, watchdog};
use anyhow::{Context as _, Result};
use axum::Router;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use clap::ValueEnum;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use log::Holder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The sweeper comes once a minute; who performs stays for what falls due before it.
const SWEEP_EVERY: TimeDelta = TimeDelta::minutes(1);

/// Before the end of its time a function begins nothing new: an attempt's calls take some sixteen seconds.
const LAST_START: TimeDelta = TimeDelta::seconds(25);

/// What a function is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Takes alarms in.
    Intake,
    /// Answers Slack.
    Slack,
    /// Performs what is due.
    Act,
}

impl Role {
    /// What this process was started for: its only argument; without one, in a Lambda function, the function's handler.
    #[must_use]
    pub fn of_process() -> Option<Self> {
        let mut arguments = std::env::args().skip(1);
        let named = match (arguments.next(), arguments.next()) {
            (Some(role), None) => role,
            (None, _) => Self::handler()?,
            (Some(_), Some(_)) => return None,
        };
        Self::from_str(&named, false).ok()
    }

    /// The handler of the Lambda function that this process is.
    #[must_use]
    pub fn handler() -> Option<String> {
        env("AWS_LAMBDA_RUNTIME_API").and_then(|_| env("_HANDLER"))
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Slack => "slack",
            Self::Act => "act",
        }
    }
}

/// What a function keeps between two events.
struct Wired {
    app: Arc<App>,
    router: Router,
    /// One event at a time: Lambda gives the next one when this one is answered.
    acting: Mutex<Acting>,
}

struct Acting {
    offered: Offered,
    pass: watchdog::Pass,
}

/// Runs a role until Lambda ends it, on a runtime of its own.
///
/// # Errors
/// As [`run`].
pub fn start(role: Role) -> Result<()> {
    logging::to_stderr("info");
    // A function has a share of one core below 1,769 MB of memory: a second thread would only wait.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting")?;
    runtime.block_on(run(role))
}

/// Runs a role until Lambda ends it.
///
/// # Errors
/// The environment lacks something, the configuration cannot be used, or the Runtime API cannot be reached.
pub async fn run(role: Role) -> Result<()> {
    let wired = wire(role).await?;
    let wired = &wired;
    let handle = service_fn(move |event: LambdaEvent<Value>| async move {
        let deadline = DateTime::from_timestamp_millis(i64::try_from(event.context.deadline).unwrap_or(i64::MAX));
        let deadline = deadline.unwrap_or_else(|| clock::now() + SWEEP_EVERY);
        let before = wired.app.log.consumed().unwrap_or_default();
        calendars::keep_fresh(&wired.app).await;
        let answer = wired.handle(role, event.payload, deadline).await;
        wired.app.settled().await;
        let after = wired.app.log.consumed().unwrap_or_default();
        tracing::debug!(
            read_units = after.read_units - before.read_units,
            write_units = after.write_units - before.write_units,
            "the log was charged for"
        );
        answer.map_err(|error| {
            let error_message = format!("{error:#}");
            tracing::error!(error = %error_message, "an event could not be handled: {error_message}");
            Diagnostic { error_type: "catops".to_owned(), error_message }
        })
    });
    lambda_runtime::run(handle).await.map_err(|error| anyhow::anyhow!(error)).context("talking to the Runtime API")
}

async fn wire(role: Role) -> Result<Wired> {
    add_fetched(secrets().await?);
    let config = env("CATOPS_CONFIG").context("CATOPS_CONFIG is not set: the folder of the configuration")?;
    let table = env("CATOPS_TABLE").context("CATOPS_TABLE is not set: the table that holds the log")?;
    let config = Path::new(&config);
    let mut setup = usable(config, Setup::read_once(config))?;
    let library = if role == Role::Intake { index::Library::new() } else { baked_or_read(&setup)? };
    let slack = match (role, env("SLACK_BOT_TOKEN")) {
        (Role::Intake, _) => None,
        (Role::Slack | Role::Act, Some(_)) => Some(SlackSide::from_environment(&setup)?),
        (Role::Slack | Role::Act, None) => {
            tracing::warn!("no Slack: SLACK_BOT_TOKEN is neither in the environment nor in the secret");
            None
        }
    };
    let log = open_table(&table).await?;
    versions::note(&*log, &mut setup).await;
    if role == Role::Act {
        // One of the functions will do. The digest lies in the baked index, so no runbook is read while none changed.
        runbook_versions::note(&*log, &library.digest(), || index::scan_dir(&setup.runbooks()).files).await;
    }
    let life = env("AWS_LAMBDA_LOG_STREAM_NAME").map_or_else(random_name, Ok)?;
    setup.config.paging.links_url = env("CATOPS_API_URL");
    // Nothing here shows incidents: whoever serves the table beside the functions names that address.
    let public_url = setup.config.public_url.clone().unwrap_or_default();
    let (app, offered) = App::new(Parts {
        log,
        setup,
        library,
        slack,
        http: http_client()?,
        data: None,
        public_url,
        holder: Holder::new(format!("lambda/{}/{life}", role.as_str())),
        performs: role == Role::Act,
    });
    let doors = match role {
        Role::Intake => hooks_router(Arc::clone(&app), false).merge(acknowledge::router(Arc::clone(&app))),
        Role::Slack => slack_router(Arc::clone(&app)).merge(calendar::router(Arc::clone(&app))),
        Role::Act => Router::new(),
    };
    let router = limited(doors.merge(health_router(Arc::clone(&app))));
    if role == Role::Act {
        uptime::schedule(&app).await.context("scheduling the uptime checks")?;
        anchor::schedule(&app).await.context("scheduling the anchors")?;
        calendars::schedule(&*app.log, &app.setup()).await.context("scheduling the calendars")?;
        drill::schedule(&app).await.context("scheduling the drills")?;
        handoff::arm_all(&app).await.context("scheduling the handoffs")?;
    }
    let acting = Mutex::new(Acting { offered, pass: watchdog::Pass::default() });
    Ok(Wired { app, router, acting })
}

/// The index that was baked into the configuration, else the runbooks.
fn baked_or_read(setup: &Setup) -> Result<index::Library> {
    let baked = setup.folder.join(BAKED);
    if !baked.exists() {
        tracing::warn!("the runbooks are indexed at each start; `catops index build` does it once");
        return read_runbooks(setup);
    }
    index::Library::open_baked(&baked, &setup.runbooks()).context("opening the baked index of the runbooks")
}

fn random_name() -> Result<String> {
    Ok(seed::fresh()?[..8].iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The members of the secrets that the environment names, one or several with a comma between.
async fn secrets() -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for arn in env("CATOPS_SECRET").unwrap_or_default().split(',').map(str::trim).filter(|arn| !arn.is_empty()) {
        let text = aws::secret(arn).await?;
        let members: BTreeMap<String, String> =
            serde_json::from_str(&text).with_context(|| format!("{arn} must hold one JSON object of strings"))?;
        all.extend(members);
    }
    Ok(all)
}

impl Wired {
    async fn handle(&self, role: Role, event: Value, deadline: DateTime<Utc>) -> Result<Value> {
        match role {
            Role::Intake if !http::is_request(&event) => intake::handle(&self.app, event).await,
            Role::Intake | Role::Slack => http::answer(&self.router, event).await,
            Role::Act => self.act(event, deadline).await,
        }
    }

    /// Performs what is due. A change of the table only says that there is something; the schedule also looks after the
    /// whole.
    async fn act(&self, event: Value, deadline: DateTime<Utc>) -> Result<Value> {
        let mut acting = self.acting.lock().await;
        let now = clock::now();
        let sweep = now.duration_trunc(SWEEP_EVERY).unwrap_or(now) + SWEEP_EVERY;
        let until = sweep.min(deadline - LAST_START);
        outbox::drain(&self.app, &mut acting.offered, until).await.context("performing what is due")?;
        if event.get("Records").is_none() {
            watchdog::look(&self.app, &mut acting.pass).await;
        }
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests;
