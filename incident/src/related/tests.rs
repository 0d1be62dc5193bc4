//! Which open incidents a card names.

use super::*;
use crate::alarm::Alarm;
use crate::event::{Event, Recorded};
use chrono::DateTime;
use serde_json::json;

fn incident(id: u64, key: &str, resource: &str) -> Incident {
    let alarm: Alarm = serde_json::from_value(json!({
        "source": "test", "delivery": "d", "key": key, "state": "firing", "severity": "error", "title": key, "summary": "",
        "resource": resource, "labels": {}, "links": [], "occurred_at": "2026-11-28T00:00:00Z",
    }))
    .unwrap();
    Incident::open(IncidentId(id), &Recorded { seq: 1, at: DateTime::UNIX_EPOCH, event: Event::Opened { alarm } })
        .unwrap()
}

#[test]
fn only_what_is_open_on_the_same_resource_is_named() {
    let disk = incident(8, "disk", "db-2");
    let named = |other: &Incident| Related::of(&disk, other).map(|related| related.incident.0);
    assert_eq!(named(&incident(7, "slow", "db-2")), Some(7));
    assert_eq!(named(&incident(7, "slow", "db-3")), None);
    assert_eq!(named(&disk), None, "itself");
    assert_eq!(Related::of(&incident(8, "disk", ""), &incident(7, "slow", "")), None, "no resource is none in common");
    let mut over = incident(7, "slow", "db-2");
    over.apply(&Recorded {
        seq: 2,
        at: DateTime::UNIX_EPOCH,
        event: Event::Resolved { by: "ana".into(), note: String::new() },
    });
    assert_eq!(named(&over), None, "it is over");
}
