//! What a replay counts, on nights made by hand.

use super::*;
use crate::flow::runbook_versions::Version;
use incident::{Alarm, RunOutcome};
use serde_json::json;

fn tried() -> Vec<Tried> {
    let folder = tempfile::tempdir().unwrap();
    crate::config::starter::write(folder.path()).unwrap();
    let setup = Setup::read(folder.path()).setup.unwrap();
    let mut library = Library::new();
    library.reload(&index::scan_dir(&setup.runbooks()).files).unwrap();
    vec![Tried { setup, library }]
}

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(minute)
}

fn alarm(title: &str) -> Alarm {
    serde_json::from_value(json!({
        "source": "test", "delivery": "d", "key": title, "state": "firing", "severity": "error", "title": title,
        "summary": "", "resource": "", "service": null, "labels": {}, "links": [], "occurred_at": "2026-11-28T00:00:00Z",
    }))
    .unwrap()
}

fn told(replay: &mut Replay<'_>, stream: &str, minute: i64, body: &impl Serialize) {
    replay.apply(&log::Event {
        stream: stream.into(),
        version: 1,
        kind: String::new(),
        schema: 1,
        at: at(minute),
        actor: String::new(),
        cause: String::new(),
        body: serde_json::to_vec(body).unwrap(),
    });
}

fn asked(run: &str, action: &str) -> Event {
    Event::ActionRequested {
        run: run.into(),
        action: action.into(),
        title: String::new(),
        params: BTreeMap::new(),
        by: "ana".into(),
        read_only: false,
        watch_seconds: 60,
        timeout_seconds: 60,
        undo: None,
    }
}

#[test]
fn what_helped_is_looked_for_and_what_was_only_asked_for_is_counted_apart() {
    let tried = tried();
    let mut replay = Replay::new(&tried, at(0));
    for (id, action, helps) in
        [("inc/1", "free-disk-space", true), ("inc/2", "drain-node", true), ("inc/3", "grow-volume", false)]
    {
        told(&mut replay, id, 1, &Event::Opened { alarm: alarm("Disk is full") });
        told(&mut replay, id, 2, &asked("run", action));
        let finished = Event::ActionFinished {
            run: "run".into(),
            outcome: RunOutcome::Succeeded,
            detail: String::new(),
            duration_ms: 1,
        };
        told(&mut replay, id, 3, &finished);
        if helps {
            told(&mut replay, id, 4, &Event::ActionHelped { run: "run".into(), after_seconds: 60 });
        }
    }
    let report = replay.report(10);
    let score = report.scores[0];
    assert_eq!((report.incidents, score.helped.judged, score.chosen.judged), (3, 2, 3));
    assert!((score.helped.hit_3 - 0.5).abs() < 1e-9 && (score.coverage - 1.0).abs() < 1e-9, "{report:#?}");
    assert_eq!(report.misses.len(), 1);
    assert_eq!((report.misses[0].incident, report.misses[0].place), (IncidentId(2), None));
}

#[test]
fn a_person_who_says_what_ended_it_is_believed() {
    let tried = tried();
    let fixed = |fix: Fix| {
        let mut replay = Replay::new(&tried, at(0));
        told(&mut replay, "inc/1", 1, &Event::Opened { alarm: alarm("Disk is full") });
        told(&mut replay, "inc/1", 2, &asked("run", "grow-volume"));
        told(&mut replay, "inc/1", 3, &Event::ActionHelped { run: "run".into(), after_seconds: 60 });
        told(&mut replay, "inc/1", 4, &Event::FixNamed { by: "ana".into(), fix });
        replay.report(1).scores[0].helped.judged
    };
    assert_eq!(fixed(Fix::Action("free-disk-space".into())), 1);
    assert_eq!((fixed(Fix::Alone), fixed(Fix::Other)), (0, 0));
}

#[test]
fn incidents_are_ranked_with_what_was_known_when_they_opened() {
    let tried = tried();
    let mut replay = Replay::new(&tried, at(10));
    let judged = RecordEvent::RunJudged {
        incident: IncidentId(1),
        action: "drain-node".into(),
        by: "ana".into(),
        helped: true,
        after_seconds: Some(1),
    };
    told(&mut replay, "inc/1", 5, &Event::Opened { alarm: alarm("Disk is full") });
    told(&mut replay, "inc/2", 11, &Event::Opened { alarm: alarm("Disk is full") });
    for hour in 0..4 {
        let judged = serde_json::to_value(&judged).map(|mut judged| {
            judged["incident"] = json!(hour);
            judged
        });
        told(&mut replay, "record/Disk is full", 12, &judged.unwrap());
    }
    told(&mut replay, "inc/3", 13, &Event::Opened { alarm: alarm("Disk is full") });
    assert_eq!(replay.ranked(), 2, "what opened before is learned from only");
    let first = |id| replay.cases[&IncidentId(id)].ranked[0].0[0].to_string();
    assert_ne!(first(2), "drain-node");
    assert_eq!(first(3), "drain-node");
}

/// Runbooks that offer one action for a full disk.
fn disk_runbook(action: &str) -> index::RunbookFile {
    let text = format!("+++\nactions = [\"{action}\"]\n+++\n# Disk is full\nThe disk of the host is full.\n");
    index::RunbookFile { id: "disk".into(), path: "runbooks/disk.md".to_owned(), text }
}

#[test]
fn each_incident_is_ranked_by_the_runbooks_that_there_were() {
    let tried = tried();
    let version = |minute, action| Version {
        at: at(minute),
        change: index::Change { files: vec![disk_runbook(action)], gone: Vec::new() },
    };
    let then = Then::of(vec![version(5, "drain-node"), version(15, "grow-volume")]);
    let mut replay = Replay::new(&tried, at(0)).with_runbooks_then(then);
    for (id, minute) in [("inc/1", 1), ("inc/2", 10), ("inc/3", 20)] {
        told(&mut replay, id, minute, &Event::Opened { alarm: alarm("Disk is full") });
    }
    let first = |id| replay.cases[&IncidentId(id)].ranked[0].0.first().map(ToString::to_string);
    assert_eq!(first(1).as_deref(), Some("host-overview"), "nothing is known of then: those of now");
    assert_eq!(first(2).as_deref(), Some("drain-node"));
    assert_eq!(first(3).as_deref(), Some("grow-volume"));
    assert_eq!(replay.report(1).runbooks, Some(AsThen { incidents: 2, since: Some(at(5)) }));
}

#[test]
fn a_second_configuration_is_tried_with_its_own_runbooks() {
    let mut both = tried();
    both.extend(tried());
    let change = index::Change { files: vec![disk_runbook("drain-node")], gone: Vec::new() };
    let then = Then::of(vec![Version { at: at(1), change }]);
    let mut replay = Replay::new(&both, at(0)).with_runbooks_then(then);
    told(&mut replay, "inc/1", 2, &Event::Opened { alarm: alarm("Disk is full") });
    let ranked = &replay.cases[&IncidentId(1)].ranked;
    assert_eq!(ranked[0].0.first().map(ToString::to_string).as_deref(), Some("drain-node"));
    assert_eq!(ranked[1].0.first().map(ToString::to_string).as_deref(), Some("host-overview"));
}

#[test]
fn a_drill_is_not_ranked() {
    let tried = tried();
    let mut replay = Replay::new(&tried, at(0));
    let mut alarm = alarm("Disk is full on db-1");
    told(&mut replay, "inc/1", 1, &Event::Opened { alarm: alarm.clone() });
    alarm.drill = Some(incident::Drill {
        whom: incident::Whom::Service,
        by: None,
        rule: None,
        why: String::new(),
        answer_seconds: 600,
        ready: None,
    });
    told(&mut replay, "inc/2", 2, &Event::Opened { alarm });
    told(&mut replay, "inc/2", 3, &asked("run-2-1", "free-disk-space"));
    assert_eq!(replay.ranked(), 1);
    assert_eq!(replay.report(5).scores[0].chosen.judged, 0);
}
