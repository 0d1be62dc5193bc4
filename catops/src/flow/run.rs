//! Runs an action that somebody clicked. The start is written down before the runner is called: whoever finds a start
//! without an end knows that nobody knows, and asks a person instead of doing it again.

use crate::action;
use crate::app::App;
use crate::clock;
use crate::config::secret::env;
use crate::flow::change::{self, Origin, change, command};
use crate::flow::perform::NotNow;
use incident::action::{Action, Plan};
use incident::{Command, Event, Incident, IncidentId, Recorded, Run, RunId, RunOutcome, run_effect_id};
use log::LeasedEffect;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// How often the end of a run is offered to a log that does not take it, and the pause between, in seconds: together less
/// than the grace after which the run counts as unknown.
const FINISH_TRIES: u32 = 8;
const FINISH_PAUSE: Duration = Duration::from_secs(1);

/// How often a run looks whether it is to be stopped: a person who pressed waits for it.
const LOOK_FOR_STOP_EVERY: Duration = Duration::from_secs(2);

/// Performs a run: from the written start to the written end.
pub async fn perform(app: &Arc<App>, id: IncidentId, run: &RunId, leased: &LeasedEffect) -> Result<(), NotNow> {
    let incident = change::load_since(app, id, leased).await?;
    perform_on(app, &incident, run, leased).await
}

/// The same on a state that was read before; what was written since is seen once the start is written.
async fn perform_on(app: &Arc<App>, before: &Incident, run: &RunId, leased: &LeasedEffect) -> Result<(), NotNow> {
    let id = before.id;
    let origin = Origin::effect(leased.effect.id.as_str());
    let prepared = match prepare(app, before, run) {
        Ok(prepared) => prepared,
        Err(why) => {
            let refused =
                Command::FinishRun { run: run.clone(), outcome: RunOutcome::Failed, detail: why, duration_ms: 0 };
            change(app, id, &origin, vec![refused], Some(&leased.token)).await?;
            return Ok(());
        }
    };
    let stopped = app.run_begins(id, run);
    let written = change(app, id, &origin, vec![Command::StartRun { run: run.clone() }], Some(&leased.token)).await;
    let started = match written {
        Ok(changed) if begins(&changed.events, run) => changed.incident,
        // Somebody started it before: its end or its deadline will tell. Or all actions are stopped, and it has ended.
        Ok(_) => {
            app.run_ended(run);
            return Ok(());
        }
        Err(error) => {
            app.run_ended(run);
            return Err(error.into());
        }
    };
    // A stop that was written before the start may have found nothing here to stop; one that is written after it does.
    if started.run(run).is_some_and(|run| run.stop_by.is_some()) {
        app.stop_run(run);
    }
    let finished = tokio::select! {
        finished = execute(app, &started, prepared, stopped) => finished,
        never = hear_of_stop(app, id, run) => match never {},
    };
    app.metrics.count("runs", &format!("outcome=\"{:?}\"", finished.outcome).to_lowercase());
    finish(app, id, run, finished).await;
    app.run_ended(run);
    Ok(())
}

fn begins(events: &[Recorded], run: &RunId) -> bool {
    events.iter().any(|written| matches!(&written.event, Event::ActionStarted { run: begun } if begun == run))
}

/// Looks whether somebody wants the run stopped who was answered by another process, which cannot tell us.
async fn hear_of_stop(app: &App, id: IncidentId, run: &RunId) -> Infallible {
    loop {
        clock::sleep(LOOK_FOR_STOP_EVERY).await;
        let wanted = change::load(app, id).await.is_ok_and(|now| now.run(run).is_some_and(|run| run.stop_by.is_some()));
        if wanted {
            app.stop_run(run);
        }
    }
}

struct Prepared {
    plan: Plan,
    action: Action,
    run: Run,
}

fn prepare(app: &App, incident: &Incident, run: &RunId) -> Result<Prepared, String> {
    let run = incident.run(run).ok_or("there is no such run")?;
    let setup = app.setup();
    let action = setup
        .catalogue
        .get(&run.action)
        .ok_or_else(|| format!("the action {} is no longer in the catalogue", run.action))?;
    let params = action.validate(&run.params).map_err(|bad| {
        let problems: Vec<String> = bad.iter().map(ToString::to_string).collect();
        format!("the action has changed since it was asked for: {}", problems.join("; "))
    })?;
    let plan = action.plan(&params).map_err(|error| error.to_string())?;
    Ok(Prepared { plan, action: action.clone(), run: run.clone() })
}

async fn execute(
    app: &App,
    incident: &Incident,
    prepared: Prepared,
    stopped: tokio::sync::watch::Receiver<bool>,
) -> action::Finished {
    let setup = app.setup();
    let context = action::RunContext {
        run_id: prepared.run.id.to_string(),
        incident: incident.id.to_string(),
        by: prepared.run.by.to_string(),
        timeout: prepared.action.timeout.to_std().unwrap_or(Duration::from_secs(60)),
        idempotency_key: run_effect_id(&prepared.run.id),
        allow_hosts: &setup.config.http.allow_hosts,
        allow_private: &setup.config.http.allow_private,
        env: &env,
        stopped,
    };
    action::run(&prepared.plan, context).await
}

/// The end must reach the log: it is offered again for a while, and after that the run's deadline says "unknown".
async fn finish(app: &App, id: IncidentId, run: &RunId, finished: action::Finished) {
    let finish = Command::FinishRun {
        run: run.clone(),
        outcome: finished.outcome,
        detail: finished.detail,
        duration_ms: finished.duration_ms,
    };
    for _ in 0..FINISH_TRIES {
        match command(app, id, &Origin::effect(&format!("finish/{run}")), finish.clone()).await {
            Ok(_) => return,
            Err(error) => {
                tracing::error!(action.id = %run, error = %error, "the end of {run} could not be written, trying again")
            }
        }
        clock::sleep(FINISH_PAUSE).await;
    }
}

#[cfg(test)]
mod tests;
