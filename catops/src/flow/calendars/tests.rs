//! What becomes of a calendar that is fetched: which copy counts, what waits, what is told; and the events' own format.

use super::*;
use crate::config::secret::SecretRef;
use crate::flow::change::all_events;
use log::MemoryLog;
use std::path::PathBuf;

fn calendar_at(address: &str) -> CalendarConfig {
    let (refresh, url) = (TimeDelta::hours(1), Some(SecretRef::Plain(address.to_owned())));
    CalendarConfig { url, file: None, refresh, absences: false, ask_for_cover: false }
}

fn text_of(days: std::ops::Range<i64>) -> String {
    let day = |day: i64| {
        let at = clock::now() + TimeDelta::days(day);
        let stamp = at.format("%Y%m%dT%H0000Z");
        format!("BEGIN:VEVENT\nUID:{day}\nDTSTART:{stamp}\nDURATION:PT1H\nSUMMARY:ana\nEND:VEVENT\n")
    };
    format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", days.map(day).collect::<String>())
}

fn nothing(hours_ago: i64) -> Seen {
    Seen::Nothing { since: clock::now() - TimeDelta::hours(hours_ago), reason: "the server answered 503".to_owned() }
}

async fn see(log: &MemoryLog, seen: Seen) -> Option<&'static str> {
    let event = saw(log, "duty", &calendar_at("https://example.com/private-x"), &seen, Vec::new()).await.unwrap();
    event.as_ref().map(CalendarEvent::kind)
}

async fn entries(log: &MemoryLog) -> usize {
    let kept = load(log, "duty").await.unwrap();
    let text = text(log, "duty", &kept).await.unwrap().unwrap_or_default();
    text.matches("BEGIN:VEVENT").count()
}

async fn notes(log: &MemoryLog) -> usize {
    let effects = log.waiting(clock::now() + TimeDelta::minutes(1), 100).await.unwrap();
    effects.iter().filter(|effect| effect.wanted.kind == NOTE).count()
}

#[tokio::test]
async fn the_last_good_copy_counts_until_there_is_a_better_one() {
    let log = MemoryLog::new();
    let text = text_of(1..11);
    assert_eq!(see(&log, nothing(0)).await, Some("calendar_failing"));
    assert_eq!(see(&log, Seen::Text(text.clone())).await, Some("calendar_read"));
    assert_eq!(see(&log, Seen::Text(text.clone())).await, None, "the same is not written again");
    assert_eq!(see(&log, Seen::Same).await, None);
    assert_eq!(see(&log, nothing(1)).await, Some("calendar_failing"));
    assert_eq!(see(&log, nothing(1)).await, None, "failing is said once");
    assert_eq!((entries(&log).await, notes(&log).await), (10, 0), "a failure of an hour takes nothing and is not told");
    assert_eq!(see(&log, Seen::Same).await, Some("calendar_recovered"));
    assert_eq!(see(&log, nothing(25)).await, Some("calendar_failing"));
    assert_eq!(see(&log, nothing(25)).await, Some("calendar_failing_long"));
    assert_eq!(see(&log, nothing(25)).await, None);
    assert_eq!(notes(&log).await, 1, "a day is told, once");
    assert_eq!(see(&log, Seen::Text(text)).await, Some("calendar_recovered"));
    let head = log.load(&names::calendar("duty")).await.unwrap().unwrap().head;
    assert_eq!(refolded(&log, "duty").await.unwrap(), Some(head), "the state is what the events lead to");
}

#[tokio::test]
async fn a_copy_without_most_of_its_entries_waits_for_a_person() {
    let log = MemoryLog::new();
    see(&log, Seen::Text(text_of(1..11))).await;
    assert_eq!(see(&log, Seen::Text(text_of(1..6))).await, Some("calendar_read"), "half is left, which happens");
    assert_eq!(see(&log, Seen::Text(text_of(1..3))).await, Some("calendar_held"), "two of five");
    assert_eq!(see(&log, Seen::Text(text_of(1..3))).await, None);
    assert_eq!((entries(&log).await, notes(&log).await), (5, 1));
    assert_eq!(see(&log, Seen::Text(text_of(1..6))).await, Some("calendar_recovered"), "it has them again");
    assert!(matches!(accept(&log, "duty", &"ana".into()).await, Err(NotAccepted::NothingHeld(_))));
    assert_eq!(see(&log, Seen::Text(text_of(0..0))).await, Some("calendar_held"));
    accept(&log, "duty", &"ana".into()).await.unwrap();
    assert_eq!(entries(&log).await, 0);
    assert_eq!(see(&log, Seen::Text(text_of(0..0))).await, None, "what was accepted is what counts");
    // Another address is somebody's own doing.
    see(&log, Seen::Text(text_of(1..11))).await;
    let moved = calendar_at("https://example.com/other");
    let event = saw(&log, "duty", &moved, &Seen::Text(text_of(1..2)), Vec::new()).await.unwrap();
    assert_eq!(event.as_ref().map(CalendarEvent::kind), Some("calendar_read"));
    let head = log.load(&names::calendar("duty")).await.unwrap().unwrap().head;
    assert_eq!(refolded(&log, "duty").await.unwrap(), Some(head));
    for event in all_events(&log, &names::calendar("duty")).await.unwrap() {
        assert!(!String::from_utf8_lossy(&event.body).contains("example.com"), "no event has an address");
    }
}

#[test]
fn how_old_a_copy_is_is_said() {
    let now = clock::now();
    let hours = |hours: i64| Some(now - TimeDelta::hours(hours));
    let well = Status {
        name: "duty".to_owned(),
        read_at: hours(1),
        changed_at: hours(100),
        entries: 12,
        failing_since: None,
        reason: None,
        held_entries: None,
    };
    assert_eq!(well.say(now), None);
    let failing =
        Status { failing_since: hours(5), reason: Some("the server answered 503".to_owned()), ..well.clone() };
    let says = "calendar duty could not be read (the server answered 503); the copy of 5 hours ago counts";
    assert_eq!(failing.say(now).as_deref(), Some(says));
    let never = Status { changed_at: None, read_at: None, ..failing.clone() };
    let says = "calendar duty could not be read (the server answered 503); nothing of it counts";
    assert_eq!(never.say(now).as_deref(), Some(says));
    let old = Status { read_at: hours(49), ..well.clone() };
    assert_eq!(
        old.say(now).as_deref(),
        Some("calendar duty has not been read for a while; the copy of 2 days ago counts")
    );
    let text = render(&[failing], now);
    assert!(text.contains("catops_calendar_age_seconds{calendar=\"duty\"} 18000\n"), "{text}");
    assert!(text.contains("catops_calendar_failing{calendar=\"duty\"} 1\n"), "{text}");
}

fn one_of_each() -> [CalendarEvent; 6] {
    let since = "2026-11-23T02:14:00Z".parse().unwrap();
    let (sha256, place) = ("0a".repeat(32), "0b".repeat(32));
    [
        CalendarEvent::CalendarRead {
            sha256: sha256.clone(),
            place: place.clone(),
            entries: 52,
            problems: vec!["line 7: not a line of a calendar: \"x\"".to_owned()],
        },
        CalendarEvent::CalendarHeld { sha256, place, entries: 0, before: 52 },
        CalendarEvent::CalendarAccepted { by: "ana".into() },
        CalendarEvent::CalendarFailing { since, reason: "the server answered 503".to_owned() },
        CalendarEvent::CalendarFailingLong,
        CalendarEvent::CalendarRecovered,
    ]
}

/// The log's format is for ever: each event as it was written first can be read, and is written so today.
#[test]
fn every_event_is_what_its_golden_file_holds() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus/calendar_events"));
    for event in one_of_each() {
        let path = folder.join(format!("{}.{SCHEMA}.json", event.kind()));
        let golden = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("no {}", path.display()));
        assert_eq!(serde_json::to_string_pretty(&event).unwrap() + "\n", golden, "{}", event.kind());
        assert_eq!(serde_json::from_str::<CalendarEvent>(&golden).unwrap(), event);
    }
}
