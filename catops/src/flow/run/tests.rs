//! A run and the presses that come in between.

use super::perform_on;
use crate::app::{App, Parts};
use crate::clock;
use crate::config::{Setup, starter};
use crate::flow::act::{self, Doer, Seen, Wish};
use crate::flow::change;
use crate::flow::change::ChangeError;
use crate::flow::outbox::{LEASE, Offered};
use crate::flow::receive;
use crate::flow::switch;
use chrono::TimeDelta;
use incident::{Alarm, AlarmState, IncidentId, Refused, RunId, RunOutcome, Severity};
use log::{Holder, LeasedEffect, MemoryLog};
use std::collections::BTreeMap;
use std::sync::Arc;

const ID: IncidentId = IncidentId(1);

const TIDY: &str = r#"
title = "Tidy up"
description = "Says so."
read_only = false
timeout = "5s"
watch = "1m"
allow = "any-responder"
[runner]
kind = "dry-run"
"#;

/// A CatOps in memory in which nobody performs effects but the test.
fn stage(folder: &tempfile::TempDir) -> (Arc<App>, Offered) {
    let config = folder.path().join("config");
    starter::write(&config).unwrap();
    std::fs::write(config.join("actions/tidy.toml"), TIDY).unwrap();
    App::new(Parts {
        log: Arc::new(MemoryLog::new()),
        data: None,
        setup: Setup::read(&config).setup.unwrap(),
        library: index::Library::new(),
        slack: None,
        http: reqwest::Client::new(),
        public_url: String::new(),
        holder: Holder::new("test"),
        performs: true,
    })
}

fn alarm() -> Alarm {
    Alarm {
        source: "generic".to_owned(),
        delivery: "generic:1".into(),
        key: "generic:disk".into(),
        state: AlarmState::Firing,
        severity: Severity::Error,
        title: "Disk is full".to_owned(),
        summary: String::new(),
        resource: String::new(),
        service: None,
        labels: BTreeMap::new(),
        links: Vec::new(),
        occurred_at: clock::now(),
        drill: None,
    }
}

fn ana(cause: &str) -> Doer {
    Doer { who: "ana".into(), cause: cause.to_owned() }
}

/// The run's effect: the lease that it was born with is taken over.
async fn leased(app: &App, run: &RunId) -> LeasedEffect {
    let later = clock::now() + TimeDelta::hours(1);
    let leased = app.log.lease_due(later, &Holder::new("test"), LEASE, 50).await.unwrap();
    let id = incident::run_effect_id(run);
    leased.into_iter().find(|leased| leased.effect.id.as_str() == id).expect("the run is to be performed")
}

#[tokio::test]
async fn a_stop_just_before_the_start_is_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let (app, _offered) = stage(&folder);
    receive::receive_all(&app, vec![alarm()], b"{}").await.unwrap();
    let wish = Wish { action: "tidy".into(), params: BTreeMap::new(), seen: Seen::Nothing };
    let asked = act::run(&app, &ana("press-1"), ID, wish).await.unwrap();
    let run = asked.incident.running().expect("it was asked for").id.clone();
    let leased = leased(&app, &run).await;

    // The performer has read the incident; then the stop is written, and nothing runs here yet that could hear of it.
    let before = change::load(&app, ID).await.unwrap();
    act::stop(&app, &ana("press-2"), ID, None).await.unwrap();
    perform_on(&app, &before, &run, &leased).await.unwrap();

    let incident = change::load(&app, ID).await.unwrap();
    let events = change::events(&*app.log, ID).await.unwrap();
    let lines = incident::timeline(&incident, &events, |who| who.0.clone());
    let last = &lines.last().expect("a night").text;
    assert!(last.starts_with("\"Tidy up\" was stopped"), "{last}");
    assert_eq!(incident.runs[0].detail, "stopped before it began; nothing was run");
}

/// An incident that was opened so long ago; nothing happened since.
async fn opened_ago(app: &App, ago: TimeDelta) {
    let event = incident::Event::Opened { alarm: alarm() };
    let at = clock::now() - ago;
    let draft = change::Draft::open(ID, event, at).unwrap();
    let origin = change::Origin::effect("test");
    let written = log::decide(&*app.log, move |view| {
        let append = draft.append(view, &origin, None, None)?;
        Ok::<_, log::ReadError>((append, ()))
    });
    written.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_button_of_yesterday_runs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (app, _offered) = stage(&folder);
    opened_ago(&app, TimeDelta::hours(25)).await;
    let press = async |cause: &str, seen| {
        let wish = Wish { action: "tidy".into(), params: BTreeMap::new(), seen };
        act::run(&app, &ana(cause), ID, wish).await
    };
    for (cause, seq) in [("press-1", 1), ("press-2", 99)] {
        let refused = press(cause, Seen::Button(seq)).await.unwrap_err();
        assert!(matches!(refused, ChangeError::Refused(Refused::OldButton { .. })), "{seq}: {refused}");
        assert!(refused.to_string().contains("/catops run tidy on INC-1"), "{refused}");
    }
    assert!(change::load(&app, ID).await.unwrap().runs.is_empty());
    // What the answer says: a note draws the card anew.
    let noted = act::note(&app, &ana("note"), ID, "still full").await.unwrap();
    press("press-3", Seen::Button(noted.incident.seq)).await.expect("the fresh button runs it");
}

#[tokio::test]
async fn what_is_typed_or_asked_by_a_form_is_of_today() {
    for seen in [Seen::Nothing, Seen::Form(1)] {
        let folder = tempfile::tempdir().unwrap();
        let (app, _offered) = stage(&folder);
        opened_ago(&app, TimeDelta::hours(25)).await;
        let wish = Wish { action: "tidy".into(), params: BTreeMap::new(), seen };
        act::run(&app, &ana("asked"), ID, wish).await.expect("it runs");
    }
}

#[tokio::test]
async fn what_was_asked_for_before_the_stop_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let (app, _offered) = stage(&folder);
    receive::receive_all(&app, vec![alarm()], b"{}").await.unwrap();
    let wish = || Wish { action: "tidy".into(), params: BTreeMap::new(), seen: Seen::Nothing };
    let asked = act::run(&app, &ana("press-1"), ID, wish()).await.unwrap();
    let run = asked.incident.running().expect("it was asked for").id.clone();
    let leased = leased(&app, &run).await;
    switch::stop(&app, &ana("stop"), "a drill").await.unwrap();
    perform_on(&app, &change::load(&app, ID).await.unwrap(), &run, &leased).await.unwrap();

    let incident = change::load(&app, ID).await.unwrap();
    assert_eq!((incident.runs[0].outcome, incident.runs[0].started_at), (Some(RunOutcome::Stopped), None));
    assert!(incident.runs[0].detail.contains("(a drill)"), "{}", incident.runs[0].detail);
    let refused = act::run(&app, &ana("press-2"), ID, wish()).await.unwrap_err();
    assert!(matches!(refused, ChangeError::Refused(Refused::ActionsStopped { .. })), "{refused}");
    switch::allow(&app, &ana("start")).await.unwrap();
    act::run(&app, &ana("press-3"), ID, wish()).await.expect("it may run again");
}
