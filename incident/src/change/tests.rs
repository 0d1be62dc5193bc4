//! Which changes an incident shows.

use super::*;
use crate::event::{Event, Recorded};
use crate::id::IncidentId;
use serde_json::json;

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
}

fn alarm(service: Option<&str>, resource: &str) -> Alarm {
    serde_json::from_value(json!({
        "source": "test", "delivery": "d", "key": "k", "state": "firing", "severity": "error", "title": "slow", "summary": "",
        "resource": resource, "service": service, "labels": {}, "links": [], "occurred_at": "2026-11-28T00:00:00Z",
    }))
    .unwrap()
}

fn incident(service: Option<&str>, resource: &str) -> Incident {
    let event = Event::Opened { alarm: alarm(service, resource) };
    Incident::open(IncidentId(1), &Recorded { seq: 1, at: at(60), event }).unwrap()
}

fn change(minute: i64, service: Option<&str>, resource: &str) -> Change {
    let title = format!("{service:?} {resource} at {minute}");
    let (service, resource) = (service.map(str::to_owned), resource.to_owned());
    Change { at: at(minute), kind: "deploy".to_owned(), title, service, resource, url: None }
}

#[track_caller]
fn check(changes: &[Change], of: &Incident, minutes: &[i64]) {
    let mut all = Changes::default();
    changes.iter().for_each(|change| all.add(change.clone()));
    let found: Vec<DateTime<Utc>> = all.before(of).into_iter().map(|change| change.at).collect();
    assert_eq!(found, minutes.iter().map(|minute| at(*minute)).collect::<Vec<_>>());
}

#[test]
fn what_came_shortly_before_on_the_same_service_is_shown() {
    let shop = incident(Some("shop"), "i-1");
    check(&[change(29, Some("shop"), ""), change(31, Some("shop"), ""), change(62, Some("shop"), "")], &shop, &[31]);
    check(&[change(58, Some("mail"), ""), change(57, None, "")], &shop, &[57]);
    check(&[change(58, Some("mail"), "i-1")], &shop, &[58]);
    check(&[change(58, Some("mail"), "")], &incident(None, ""), &[58]);
}

#[test]
fn the_steps_of_one_deploy_are_one_and_the_nearest_come_first() {
    let shop = incident(Some("shop"), "");
    let steps = [change(40, Some("shop"), "a"), change(42, Some("shop"), "a"), change(50, Some("shop"), "b")];
    check(&steps, &shop, &[50, 42]);
    let many: Vec<Change> = (0..10).map(|n| change(45 + n, Some("shop"), &n.to_string())).collect();
    check(&many, &shop, &[54, 53, 52]);
}

#[test]
fn a_delivery_tells_of_a_change_by_its_label_and_not_while_it_fires() {
    let mut told = alarm(Some("shop"), "");
    assert_eq!(Change::of(&told), None);
    told.labels.insert(CHANGE_LABEL.to_owned(), "deploy".to_owned());
    assert_eq!(Change::of(&told), None, "trouble is trouble");
    told.state = AlarmState::Info;
    assert_eq!(Change::of(&told).map(|change| change.kind), Some("deploy".to_owned()));
}
