//! Pages that wait are foretold until nobody wants them any more.

use super::*;
use crate::config::{Setup, starter};
use incident::{IncidentId, Taken};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(second)
}

/// An incident of the starter's team that paged Ana, whose call then waits for so long.
fn held_until(second: i64) -> Incident {
    let alarm = serde_json::json!({
        "source": "generic", "delivery": "d-1", "key": "k", "state": "firing", "severity": "critical", "title": "Disk",
        "summary": "", "resource": "", "service": null, "labels": {}, "links": [], "occurred_at": at(0),
    });
    let opened = Event::Opened { alarm: serde_json::from_value(alarm).unwrap() };
    let assigned = Event::Assigned {
        to: vec!["ana".into()],
        level: 0,
        policy: "p".to_owned(),
        because: "b".to_owned(),
        wait_seconds: Some(600),
        second_channel_seconds: [].into(),
        plans: [].into(),
        urgency: None,
        taken: Taken::default(),
    };
    let paged = Event::Paged { to: "ana".into(), by: "slack".to_owned(), level: 0, message: None, with: Vec::new() };
    let because = "3 in 15 minutes".to_owned();
    let held = Event::PageHeld { to: "ana".into(), by: "voice".to_owned(), until: at(second), because };
    let events = [opened, assigned, paged, held].into_iter().zip(1..);
    let recorded: Vec<Recorded> = events.map(|(event, seq)| Recorded { seq, at: at(0), event }).collect();
    Incident::fold(IncidentId(1), &recorded).unwrap()
}

#[track_caller]
fn check(incident: &Incident, now: i64, expected: &[(i64, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    starter::write(folder.path()).unwrap();
    let setup = Setup::read(folder.path()).setup.unwrap();
    let ahead = foretell(&setup, incident, &[], at(now), &|who| who.to_string());
    let paged = ahead.iter().filter(|next| next.kind == "paged");
    let paged: Vec<(i64, &str)> = paged.map(|next| ((next.at - at(0)).num_seconds(), next.text.as_str())).collect();
    assert_eq!(paged, expected, "{ahead:?}");
    let times: Vec<DateTime<Utc>> = ahead.iter().map(|next| next.at).collect();
    assert!(times.is_sorted(), "{ahead:?}");
}

#[test]
fn a_page_that_waits_is_foretold_unless_others_are_asked_before() {
    let words = "page ana by call (it waits: 3 in 15 minutes)";
    check(&held_until(400), 100, &[(400, words)]);
    check(&held_until(400), 450, &[(450, words)]);
    // The next level is asked after ten minutes, and she was reached: then nobody wants her page any more.
    check(&held_until(700), 100, &[]);
}

#[test]
fn whoever_acknowledges_is_not_foretold_a_page() {
    let mut incident = held_until(400);
    let event = Event::Acknowledged { by: "ana".into(), timeout_seconds: None };
    incident.apply(&Recorded { seq: 5, at: at(10), event });
    check(&incident, 100, &[]);
    assert!(incident.held.is_empty());
}
