//! What counts as a page, on nights made by hand.

use super::*;
use chrono::TimeDelta;
use incident::Taken;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
}

/// The pages of events of one incident: at which minute, and the event as it stands in the log.
fn pages(since: i64, events: &[(i64, Value)]) -> Pages {
    let mut pages = Pages::since(at(since));
    for (minute, body) in events {
        pages.apply(&log::Event {
            stream: names::incident(IncidentId(1)),
            version: 1,
            kind: String::new(),
            schema: 1,
            at: at(*minute),
            actor: String::new(),
            cause: String::new(),
            body: serde_json::to_vec(body).unwrap(),
        });
    }
    pages
}

fn opened() -> Value {
    let alarm: incident::Alarm = serde_json::from_value(json!({
        "source": "test", "delivery": "d", "key": "k", "state": "firing", "severity": "error", "title": "checkout is slow",
        "summary": "", "resource": "", "service": null, "labels": {}, "links": [], "occurred_at": "2026-11-28T00:00:00Z",
    }))
    .unwrap();
    serde_json::to_value(Event::Opened { alarm }).unwrap()
}

fn assigned(level: u8) -> Value {
    let (to, because) = (vec!["ana".into()], String::new());
    let policy = "default".to_owned();
    let (second_channel_seconds, plans) = (BTreeMap::new(), BTreeMap::new());
    serde_json::to_value(Event::Assigned {
        to,
        level,
        policy,
        because,
        wait_seconds: None,
        second_channel_seconds,
        plans,
        urgency: None,
        taken: Taken::default(),
    })
    .unwrap()
}

fn paged(to: &str, by: &str, level: u8) -> Value {
    serde_json::to_value(Event::Paged { to: to.into(), by: by.to_owned(), level, message: None, with: Vec::new() })
        .unwrap()
}

/// `minute person level` of each page.
#[track_caller]
fn check(since: i64, events: &[(i64, Value)], expected: &[&str]) {
    let pages = pages(since, events);
    let told = |page: &Paged| format!("{} {} {}", (page.at - at(0)).num_minutes(), page.to, page.level);
    assert_eq!(pages.paged.iter().map(told).collect::<Vec<_>>(), expected);
}

#[test]
fn a_page_by_two_ways_is_one_page() {
    let night = [(0, opened()), (0, assigned(0)), (1, paged("ana", "slack", 0)), (2, paged("ana", "sms", 0))];
    check(0, &night, &["1 ana 0"]);
}

#[test]
fn each_level_and_each_person_is_a_page() {
    let night = [
        (0, opened()),
        (0, assigned(0)),
        (1, paged("ana", "slack", 0)),
        (1, paged("ben", "slack", 0)),
        (5, assigned(1)),
        (6, paged("ana", "slack", 1)),
        (60, assigned(0)),
        (61, paged("ana", "slack", 0)),
    ];
    check(0, &night, &["1 ana 0", "1 ben 0", "6 ana 1", "61 ana 0"]);
}

#[test]
fn what_was_before_is_remembered_and_not_counted() {
    let night = [(0, opened()), (0, assigned(0)), (1, paged("ana", "slack", 0)), (9, paged("ben", "slack", 0))];
    check(5, &night, &["9 ben 0"]);
    let pages = pages(5, &night);
    assert!(pages.asked.is_empty());
    assert_eq!((pages.paged[0].policy.as_str(), pages.paged[0].title.as_str()), ("default", "checkout is slow"));
}

#[test]
fn a_level_leads_to_its_schedules() {
    let text = r#"
[people]
ana = { slack = "U0ANA" }
[schedules.s]
zone = "UTC"
[[schedules.s.layers]]
name = "weekly"
rotation = ["ana"]
handoff = "2026-01-05 09:00"
every = "1 week"
[escalation.default]
catch_all = ["ana"]
levels = [{ page = ["schedule:s"], wait = "5m" }, { page = ["ana"], wait = "5m" }]
"#;
    let rota = Rota::parse(&[("rota.toml", text)]).unwrap();
    assert_eq!(schedules_of(&rota, "default", 0), Some(vec!["s"]));
    assert_eq!(schedules_of(&rota, "default", 1), Some(vec![]));
    assert_eq!(schedules_of(&rota, "default", 2), Some(vec![]), "the catch-all");
    assert_eq!(schedules_of(&rota, "default", 3), None);
    assert_eq!(schedules_of(&rota, "gone", 0), None);
}

#[test]
fn a_drill_wakes_nobody_in_any_statistic() {
    let mut opened = opened();
    let night = |opened: Value| [(0, opened), (0, assigned(0)), (1, paged("ana", "slack", 0))];
    check(0, &night(opened.clone()), &["1 ana 0"]);
    opened["alarm"]["drill"] = json!({ "whom": "service", "answer_seconds": 600 });
    check(0, &night(opened.clone()), &[]);
    assert!(pages(0, &night(opened)).asked.is_empty());
}
