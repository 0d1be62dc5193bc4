//! Performs one effect: reads the state first, does the thing, settles. Every performer is harmless when it comes late or
//! twice; what may not happen twice is asked about first (`post`) or written down first (`run`).

use crate::app::App;
use crate::clock;
use crate::flow::change::{self, ChangeError, Origin, change, change_by, command};
use crate::flow::{book, calendars, digest, drill, handoff, notify, post, ready, refusals, run, silences, triage};
use crate::{anchor, context, page, uptime};
use chrono::{DateTime, TimeDelta, Utc};
use incident::{Command, Incident, IncidentId, ResponderId, RunOutcome, Status, Task};
use log::{Append, AppendError, EffectId, LeasedEffect, Outcome};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Waiting times between attempts, in seconds; the last one is repeated for ever: a page is never given up.
const BACKOFF_SECONDS: [i64; 7] = [1, 2, 5, 15, 30, 60, 300];

/// Why an effect could not be performed now.
#[derive(Debug, thiserror::Error)]
pub enum NotNow {
    /// Try again at a time that somebody named (a rate limit, a missing card).
    #[error("{why}")]
    Later {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        why: String,
    },
    /// It will never work.
    #[error("{0}")]
    Never(String),
    /// It may work later.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// It may work later.
    #[error("{0}")]
    Failed(String),
}

impl From<AppendError> for NotNow {
    fn from(error: AppendError) -> Self {
        Self::Change(error.into())
    }
}

impl From<log::ReadError> for NotNow {
    fn from(error: log::ReadError) -> Self {
        Self::Change(error.into())
    }
}

/// Performs one effect and settles it.
pub async fn perform(app: &Arc<App>, leased: LeasedEffect) {
    let started = clock::mark();
    #[cfg(feature = "fail_points")]
    if leased.interrupted && crate::fail_point::is_planted("mark-failed-after-crash") {
        return settle(app, &leased, Outcome::Failed { error: "interrupted".to_owned() }).await;
    }
    let done = match leased.effect.kind.as_str() {
        notify::TELL => notify::tell(app, &leased).await,
        refusals::NOTE => refusals::perform(app, &leased).await,
        calendars::FETCH => calendars::perform(app, &leased).await,
        calendars::NOTE => calendars::perform_note(app, &leased).await,
        book::TELL => book::perform(app, &leased).await,
        handoff::KIND => handoff::perform(app, &leased).await,
        silences::KIND => silences::perform(app, &leased).await,
        _ => perform_task(app, &leased).await,
    };
    app.metrics.observe("perform", started.elapsed());
    match done {
        Ok(()) => {}
        Err(NotNow::Change(ChangeError::LeaseLost)) => {
            tracing::debug!(effect.id = %leased.effect.id, "{} was taken over", leased.effect.id);
        }
        Err(NotNow::Never(error)) => {
            tracing::error!(effect.id = %leased.effect.id, error = %error, "gave up {}: {error}", leased.effect.id);
            settle(app, &leased, Outcome::Failed { error }).await;
        }
        Err(NotNow::Later { at, why }) => settle(app, &leased, Outcome::Retry { due_at: at, error: why }).await,
        Err(error) => {
            let due_at = clock::now() + backoff(&leased.effect.id, leased.attempt);
            tracing::warn!(effect.id = %leased.effect.id, attempt = leased.attempt, error = %error, "{} did not work, trying again", leased.effect.id);
            settle(app, &leased, Outcome::Retry { due_at, error: error.to_string() }).await;
        }
    }
}

async fn perform_task(app: &Arc<App>, leased: &LeasedEffect) -> Result<(), NotNow> {
    let task: Task =
        serde_json::from_slice(&leased.effect.body).map_err(|error| NotNow::Never(format!("unknown task: {error}")))?;
    match &task {
        Task::Triage { incident, level } => triage(app, *incident, *level, leased).await,
        Task::Suggest { incident } => suggest(app, *incident, leased).await,
        Task::Card { incident } => post::card(app, *incident, leased).await,
        Task::Digest { channel, digest } => digest::perform(app, channel, *digest, leased).await,
        Task::Page { incident, to, level } => post::page(app, *incident, to, *level, leased).await,
        Task::PageBy { incident, cause, by, unless_delivered } => {
            let planned = page::Planned { cause, by, unless_delivered: *unless_delivered };
            page::by(app, *incident, planned, leased).await
        }
        Task::SecondPage { incident, cause } => page::second(app, *incident, cause, leased).await,
        Task::PageOver { incident, page, round } => post::page_over(app, *incident, page, *round, leased).await,
        Task::Thread { incident, seq } => post::thread(app, *incident, *seq, leased).await,
        Task::Context { incident } => context::perform(app, *incident, leased).await,
        Task::Notify { incident } => notify::perform(app, *incident, leased).await,
        Task::AckTimeout { incident, level, round } => ack_timeout(app, *incident, (*level, *round), leased).await,
        Task::Wake { incident, seq } => then(app, *incident, leased, vec![Command::TimeOver { seq: *seq }]).await,
        Task::AskChannel { incident, channel, seq } => post::ask_channel(app, *incident, channel, *seq, leased).await,
        Task::Run { incident, run } => run::perform(app, *incident, run, leased).await,
        Task::RunDeadline { incident, run } if app.runs_here(run) => Err(NotNow::Later {
            at: clock::now() + TimeDelta::seconds(10),
            why: format!("{run} of {incident} still runs here"),
        }),
        Task::RunDeadline { incident, run } => {
            let detail = "CatOps stopped while this was running".to_owned();
            let finish = Command::FinishRun { run: run.clone(), outcome: RunOutcome::Unknown, detail, duration_ms: 0 };
            then(app, *incident, leased, vec![finish]).await
        }
        Task::EndWatch { incident, run } => {
            then(app, *incident, leased, vec![Command::EndWatch { run: run.clone() }]).await
        }
        Task::EndDrill { incident } => then(app, *incident, leased, vec![Command::EndDrill]).await,
        Task::NotReady { incident, to } => drill::not_ready(app, *incident, to, leased).await,
        Task::ReadyCheck { schedule, person, shift_at, left } => {
            ready::perform(app, (schedule, person), *shift_at, left, leased).await
        }
        Task::Drill { rule } => drill::due(app, rule, leased).await,
        Task::Anchor => Ok(anchor::perform(app, leased).await?),
        Task::Probe { check } => Ok(uptime::perform(app, check, leased).await?),
    }
}

/// Owners for a level; on the first level of a round also the suggestions, in the same append.
async fn triage(app: &App, id: IncidentId, level: u8, leased: &LeasedEffect) -> Result<(), NotNow> {
    let incident = change::load_since(app, id, leased).await?;
    if incident.status == Status::Resolved {
        return then(app, id, leased, Vec::new()).await;
    }
    let operations = triage::operations(app.log.as_ref()).await?;
    let suggest = if level == 0 { Some(triage::suggest(app, &incident).await?) } else { None };
    let (at, origin, setup) = (clock::now(), Origin::effect(leased.effect.id.as_str()), app.setup());
    let has_slack = app.slack.is_some();
    let commands = move |incident: &Incident| {
        let next = match incident.status {
            // Somebody is being asked, or it waits on purpose: this one comes second.
            Status::Open if incident.timer.is_some() => Vec::new(),
            Status::Open => {
                let plan = |person: &ResponderId, urgency| page::plan_by(&setup, has_slack, person, urgency);
                triage::next_by(&setup, incident, &operations, at, plan)
            }
            // It was taken before anybody could be asked: the policy's time for that begins now.
            Status::Acknowledged if incident.plan.is_none() && incident.timer.is_none() => {
                let length = triage::acknowledge_timeout(&setup.rota, incident);
                length.map(|length| Command::Extend { by: None, length: Some(length) }).into_iter().collect()
            }
            Status::Acknowledged | Status::Resolved => Vec::new(),
        };
        suggest.iter().cloned().chain(next).collect()
    };
    change_by(app, id, &origin, at, commands, Some(&leased.token)).await?;
    Ok(())
}

/// Nobody answered: the next level, when there is one.
async fn ack_timeout(
    app: &App,
    id: IncidentId,
    (level, round): (u8, u32),
    leased: &LeasedEffect,
) -> Result<(), NotNow> {
    let operations = triage::operations(app.log.as_ref()).await?;
    let (at, origin, setup) = (clock::now(), Origin::effect(leased.effect.id.as_str()), app.setup());
    let commands = move |incident: &Incident| {
        let next = triage::level_after(&setup.rota, incident, None, &operations, at);
        vec![Command::AckTimeout { level, round, next }]
    };
    change_by(app, id, &origin, at, commands, Some(&leased.token)).await?;
    Ok(())
}

async fn suggest(app: &App, id: IncidentId, leased: &LeasedEffect) -> Result<(), NotNow> {
    let incident = change::load(app, id).await?;
    let suggest = triage::suggest(app, &incident).await?;
    then(app, id, leased, vec![suggest]).await
}

/// Settles an effect with what follows from it.
async fn then(app: &App, id: IncidentId, leased: &LeasedEffect, commands: Vec<Command>) -> Result<(), NotNow> {
    let origin = Origin::effect(leased.effect.id.as_str());
    change(app, id, &origin, commands, Some(&leased.token)).await?;
    Ok(())
}

/// Settles an effect after which nothing follows.
pub(crate) async fn done(app: &App, leased: &LeasedEffect) -> Result<(), NotNow> {
    let lease = app.lease(clock::now());
    let append = Append { lease, ..Append::default() };
    let receipt = app.log.settle(&leased.token, Outcome::Done, Some(append)).await?;
    // It was asked for anew while it was performed.
    app.outbox.offer(receipt.leased);
    Ok(())
}

/// Writes down what a performer learned, without settling; a refusal here is no failure of the effect.
pub(crate) async fn note(app: &App, id: IncidentId, leased: &LeasedEffect, learned: Command) -> Result<(), NotNow> {
    match command(app, id, &Origin::effect(leased.effect.id.as_str()), learned).await {
        Ok(_) | Err(ChangeError::Refused(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn settle(app: &App, leased: &LeasedEffect, outcome: Outcome) {
    match app.log.settle(&leased.token, outcome, None).await {
        Ok(_) | Err(AppendError::LeaseLost(_)) => {}
        // The lease runs out and the effect is handed out again.
        Err(error) => {
            tracing::error!(effect.id = %leased.effect.id, error = %error, "could not settle {}", leased.effect.id)
        }
    }
}

/// The waiting time before the next attempt, up to a fifth longer by a hash of the effect, so that what failed together
/// does not come back together.
fn backoff(id: &EffectId, attempt: u32) -> TimeDelta {
    pause(id.as_str(), attempt)
}

/// The same for anything that fails by itself: its name, and how often it has.
pub(crate) fn pause(name: &str, attempt: u32) -> TimeDelta {
    let step = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX).min(BACKOFF_SECONDS.len() - 1);
    let milliseconds = BACKOFF_SECONDS[step] * 1000;
    let mut hasher = DefaultHasher::new();
    (name, attempt).hash(&mut hasher);
    let jitter = i64::try_from(hasher.finish() % 200).unwrap_or(0);
    TimeDelta::milliseconds(milliseconds + milliseconds * jitter / 1000)
}
