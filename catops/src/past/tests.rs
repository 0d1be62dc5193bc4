//! What is found among the incidents that are over.

use super::*;
use crate::config::Setup;
use crate::history::{Wish, invent};
use log::MemoryLog;

async fn history() -> (MemoryLog, Setup) {
    let folder = tempfile::tempdir().unwrap();
    crate::config::starter::write(folder.path()).unwrap();
    let setup = Setup::read(folder.path()).setup.unwrap();
    let mut library = Library::new();
    library.reload(&index::scan_dir(&setup.runbooks()).files).unwrap();
    let log = MemoryLog::new();
    let wish = Wish { incidents: 150, days: 60, until: clock::now(), edits: 0, seed: 3 };
    invent(&log, &setup, &library, &[], wish, |_| {}).await.unwrap();
    (log, setup)
}

fn asking(title: &str) -> Incident {
    let alarm: Alarm = serde_json::from_value(serde_json::json!({
        "source": "test", "delivery": "d", "key": "test", "state": "firing", "severity": "error", "title": title,
        "summary": "", "resource": "", "service": null, "labels": {}, "links": [], "occurred_at": "2026-11-28T00:00:00Z",
    }))
    .unwrap();
    let opening = incident::Recorded { seq: 1, at: clock::now(), event: incident::Event::Opened { alarm } };
    Incident::open(IncidentId(100_000), &opening).unwrap()
}

#[tokio::test]
async fn each_alarm_is_shown_once_the_nearest_first_and_says_what_ended_it() {
    let (log, _) = history().await;
    let past = Past::default();
    let name = |who: &ResponderId| who.to_string();
    let found = past.similar(&log, &asking("Pod web is crash looping"), 3, name).await.unwrap();
    let titles: Vec<&str> = found.iter().map(|similar| similar.title.as_str()).collect();
    assert_eq!(titles[0], "Pod web is crash looping");
    assert!(titles[1..].iter().all(|title| title.starts_with("Pod") && *title != titles[0]), "{titles:?}");
    assert!(found.iter().all(|similar| !similar.ended.is_empty() && !similar.shares.is_empty()), "{found:#?}");
    let none = past.similar(&log, &asking("quasar flux capacitor"), 3, name).await.unwrap();
    assert_eq!(none, []);
}

#[tokio::test]
async fn an_incident_is_not_similar_to_itself() {
    let (log, _) = history().await;
    let stream = log.load(&names::incident(IncidentId(7))).await.unwrap().unwrap();
    let incident = change::from_log(&log, IncidentId(7), &stream).await.unwrap();
    let found = Past::default().similar(&log, &incident, 5, |who| who.to_string()).await.unwrap();
    assert!(found.iter().all(|similar| similar.incident != incident.id), "{found:#?}");
}

#[tokio::test]
async fn what_helped_with_alarms_like_it_is_known_once_the_log_was_read() {
    let (log, _) = history().await;
    let past = Past::default();
    let asking = asking("Dead letters of invoices");
    assert_eq!(past.glance(&asking), [], "nothing is read for a glance");
    past.refresh(&log, |who| who.to_string()).await.unwrap();
    let found = past.glance(&asking);
    assert_eq!(found.first().map(|one| one.action.to_string()).as_deref(), Some("redrive-dead-letters"), "{found:#?}");
    assert!(found[0].on.contains("Dead letters of") && found[0].explained >= LIKE);
}

#[tokio::test]
async fn a_drill_is_like_nothing() {
    let (log, _) = history().await;
    let mut asking = asking("Pod web is crash looping");
    let name = |who: &ResponderId| who.to_string();
    assert!(!Past::default().similar(&log, &asking, 3, name).await.unwrap().is_empty());
    asking.alarm.drill = Some(incident::Drill {
        whom: incident::Whom::Service,
        by: None,
        rule: None,
        why: String::new(),
        answer_seconds: 600,
        ready: None,
    });
    assert_eq!(Past::default().similar(&log, &asking, 3, name).await.unwrap(), []);
}
