//! Our own uptime checks, driven by the log's timers: the same on a laptop and on Lambda, and none is lost by a restart.
//! A check's state lives in its own stream; each probe moves it and sets the next timer in one append.

use crate::app::App;
use crate::clock;
use crate::config::secret::env;
use crate::flow::change::{ChangeError, json, new_effect};
use crate::flow::{names, receive};
use crate::probe;
use chrono::{DateTime, Utc};
use incident::{Effect, Repeat, SCHEMA, Task};
use ingest::uptime::{Check, State, due_after, judge};
use log::{Append, AppendError, Expected, Head, LeasedEffect, NewEvent, Outcome, StreamWrite};
use std::sync::Arc;

/// The fold of a check's state.
const FOLD: u32 = 1;

/// Makes sure that every configured check has its timer. Checks that are no longer configured stop at their next timer.
///
/// # Errors
/// The log cannot be written.
pub async fn schedule(app: &App) -> Result<(), AppendError> {
    let at = clock::now();
    let timers: Vec<_> = app.setup().config.uptime.iter().map(|check| new_effect(&timer(check, at))).collect();
    for timer in timers {
        app.log.append(Append { effects: vec![timer], ..Append::default() }).await?;
    }
    Ok(())
}

/// A slot: one timer a check, however often it is asked for.
fn timer(check: &Check, due_at: DateTime<Utc>) -> Effect {
    let task = Task::Probe { check: check.name.clone() };
    Effect { id: format!("probe/{}", check.name), due_at, task, repeat: Repeat::Safe, slot: true }
}

/// Looks once, tells the incident if something changed, and sets the next timer.
///
/// # Errors
/// The log cannot be read or written; the timer stays and is tried again.
pub async fn perform(app: &Arc<App>, name: &str, leased: &LeasedEffect) -> Result<(), ChangeError> {
    let setup = app.setup();
    let Some(check) = setup.config.uptime.iter().find(|check| check.name == name) else {
        app.log.settle(&leased.token, Outcome::Done, None).await?;
        return Ok(());
    };
    let seen = probe::probe(check, &env).await;
    let at = clock::now();
    let (state, expected) = load(app, name).await?;
    let (next, alarm) = judge(check, &state, &seen, at);
    if let Some(alarm) = alarm {
        // Before the state moves: a crash in between judges again, and the alarm's delivery id makes that one alarm.
        receive::receive(app, alarm, None).await?;
    }
    app.metrics.count("probes", &format!("up=\"{}\"", !next.firing));
    let due_at = due_after(check, at);
    if next == state {
        app.log
            .settle(&leased.token, Outcome::Retry { due_at, error: "waiting for the next look".to_owned() }, None)
            .await?;
        return Ok(());
    }
    let event = NewEvent {
        kind: "probed".to_owned(),
        schema: SCHEMA,
        at,
        actor: "catops".to_owned(),
        cause: leased.effect.id.to_string(),
        body: json(&next),
        raw: None,
    };
    let head = Head { snapshot: json(&next), fold: FOLD, listing: None };
    let write = StreamWrite { stream: names::uptime(name), expected, events: vec![event], head };
    let append = Append { streams: vec![write], ..Append::default() };
    let outcome = Outcome::Retry { due_at, error: "waiting for the next look".to_owned() };
    app.log.settle(&leased.token, outcome, Some(append)).await?;
    Ok(())
}

async fn load(app: &App, name: &str) -> Result<(State, Expected), ChangeError> {
    match app.log.load(&names::uptime(name)).await? {
        None => Ok((State::default(), Expected::NoStream)),
        Some(stream) => {
            let state = serde_json::from_slice(&stream.head.snapshot).unwrap_or_default();
            Ok((state, Expected::Exact(stream.version)))
        }
    }
}
