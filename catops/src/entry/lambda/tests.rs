//! What the roles make of what AWS hands them.

use super::{Acting, Role, Wired, intake};
use crate::app::{App, Parts};
use crate::clock;
use crate::config::{Setup, starter};
use crate::flow::{change, names};
use crate::watchdog;
use axum::Router;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{Event, IncidentId};
use log::{EventLog, Holder, MemoryLog};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Mutex;

const STATE_CHANGE: &str =
    include_str!("../../../../tests/corpus/sources/eventbridge-cloudwatch-state-change-for-a-single-metric-alarm.json");

/// Functions of both kinds on one log.
struct Stage {
    _folder: tempfile::TempDir,
    log: Arc<MemoryLog>,
    intake: Arc<App>,
    act: Wired,
}

fn stage() -> Stage {
    let folder = tempfile::tempdir().unwrap();
    starter::write(folder.path()).unwrap();
    let log = Arc::new(MemoryLog::new());
    let app = |role: Role| {
        App::new(Parts {
            log: Arc::clone(&log) as Arc<dyn EventLog>,
            data: None,
            setup: Setup::read(folder.path()).setup.unwrap(),
            library: index::Library::new(),
            slack: None,
            http: reqwest::Client::new(),
            public_url: String::new(),
            holder: Holder::new(format!("lambda/{}", role.as_str())),
            performs: role == Role::Act,
        })
    };
    let (intake, _) = app(Role::Intake);
    let (act, offered) = app(Role::Act);
    let acting = Mutex::new(Acting { offered, pass: watchdog::Pass::default() });
    Stage { _folder: folder, log, intake, act: Wired { app: act, router: Router::new(), acting } }
}

/// An alarm's change of state, `second` seconds after the beginning.
fn change_of(alarm: &str, second: i64) -> String {
    let mut event: Value = serde_json::from_str(STATE_CHANGE).unwrap();
    let at: DateTime<Utc> = DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(second);
    event["resources"][0] = json!(format!("arn:aws:cloudwatch:us-east-1:123456789012:alarm:{alarm}"));
    event["detail"]["alarmName"] = json!(alarm);
    event["detail"]["state"]["timestamp"] = json!(at.format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string());
    event.to_string()
}

fn batch(bodies: impl IntoIterator<Item = String>) -> Value {
    let records = bodies.into_iter().enumerate().map(
        |(number, body)| json!({ "messageId": format!("message-{number}"), "eventSource": "aws:sqs", "body": body }),
    );
    json!({ "Records": records.collect::<Vec<_>>() })
}

async fn events_of(log: &dyn EventLog, incident: u64) -> Vec<Event> {
    let recorded = change::events(log, IncidentId(incident)).await.unwrap();
    recorded.into_iter().map(|recorded| recorded.event).collect()
}

#[tokio::test]
async fn a_batch_of_one_alarm_is_one_append() {
    let stage = stage();
    let taken = intake::handle(&stage.intake, batch((0..10).map(|second| change_of("Cpu", second)))).await.unwrap();
    assert_eq!(taken, json!({ "batchItemFailures": [] }));
    let events = events_of(&*stage.log, 1).await;
    assert!(
        matches!(&events[..], [Event::Opened { .. }, Event::Repeated { also, .. }] if also.len() == 8),
        "{events:?}"
    );
    assert_eq!(stage.log.receipts(None, 100).await.unwrap().keys.len(), 10, "each delivery is known by itself");

    // The next batch is one event; the same one again is none.
    let next = batch((5..15).map(|second| change_of("Cpu", second)));
    for _ in 0..2 {
        assert_eq!(intake::handle(&stage.intake, next.clone()).await.unwrap(), json!({ "batchItemFailures": [] }));
        let events = events_of(&*stage.log, 1).await;
        assert!(matches!(&events[2..], [Event::Repeated { also, .. }] if also.len() == 4), "{events:?}");
    }
    let other = batch([change_of("Cpu", 20), change_of("Disk", 20), change_of("Disk", 21)]);
    intake::handle(&stage.intake, other).await.unwrap();
    assert_eq!((events_of(&*stage.log, 1).await.len(), events_of(&*stage.log, 2).await.len()), (4, 2));
}

#[tokio::test]
async fn what_cannot_be_read_comes_again_and_is_kept_once() {
    let stage = stage();
    let poisoned = batch([change_of("Cpu", 0), "no event at all".to_owned(), change_of("Disk", 0)]);
    for _ in 0..3 {
        let answer = intake::handle(&stage.intake, poisoned.clone()).await.unwrap();
        assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "message-1" }] }), "only that one");
    }
    let kept = stage.log.events(&names::dead_letters("eventbridge"), 1, 9).await.unwrap();
    assert_eq!(kept.len(), 1, "three deliveries of one message");
    let raw = stage.log.raw(&names::dead_letters("eventbridge"), 1).await.unwrap();
    assert_eq!(raw.as_deref(), Some(&b"no event at all"[..]));
    assert!(stage.log.load(&names::incident(IncidentId(2))).await.unwrap().is_some(), "its neighbours were taken");
    assert!(intake::handle(&stage.intake, json!({ "hello": "there" })).await.is_err());
}

#[tokio::test]
async fn a_topic_and_a_bus_are_heard_as_well() {
    let stage = stage();
    let notification = json!({ "Records": [{ "EventSource": "aws:sns", "Sns": {
        "Type": "Notification", "MessageId": "95df01b4", "TopicArn": "arn:aws:sns:us-east-1:123456789012:alarms",
        "Subject": "disk", "Message": "Disk is full on db-1", "Timestamp": "2026-11-28T12:00:00.000Z" } }] });
    intake::handle(&stage.intake, notification).await.unwrap();
    let event: Value = serde_json::from_str(&change_of("Cpu", 0)).unwrap();
    intake::handle(&stage.intake, event).await.unwrap();
    let opened = [events_of(&*stage.log, 1).await, events_of(&*stage.log, 2).await];
    let titles = opened.iter().map(|events| match &events[0] {
        Event::Opened { alarm } => alarm.title.as_str(),
        other => panic!("{other:?}"),
    });
    assert_eq!(titles.collect::<Vec<_>>(), ["disk", "Cpu"]);
}

/// Intake only writes down; act finds owner and suggestions, and leaves the timer to a later sweep.
#[tokio::test]
async fn who_takes_in_performs_nothing_and_who_acts_leaves_nothing_that_is_due() {
    let stage = stage();
    intake::handle(&stage.intake, batch([change_of("Cpu", 0)])).await.unwrap();
    assert_eq!(events_of(&*stage.log, 1).await.len(), 1);
    let began = clock::mark();
    let deadline = clock::now() + TimeDelta::minutes(15);
    stage.act.handle(Role::Act, json!({ "Records": [{ "eventSource": "aws:dynamodb" }] }), deadline).await.unwrap();
    let kinds: Vec<&str> = events_of(&*stage.log, 1).await.iter().map(Event::kind).collect();
    assert!(kinds.contains(&"assigned") && kinds.contains(&"suggested"), "{kinds:?}");
    let due = stage.log.next_due().await.unwrap().expect("the time to acknowledge is a timer");
    assert!(due > clock::now() + TimeDelta::minutes(4), "{due}");
    assert!(began.elapsed().as_secs() < 30, "nothing was due before the next sweep, so nobody stayed for it");

    // A function that is about to end begins nothing.
    intake::handle(&stage.intake, batch([change_of("Disk", 0)])).await.unwrap();
    stage.act.handle(Role::Act, json!({}), clock::now() + TimeDelta::seconds(5)).await.unwrap();
    assert_eq!(events_of(&*stage.log, 2).await.len(), 1);
}
