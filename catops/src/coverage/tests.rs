//! What a report says of alarms and runbooks that are made by hand.

use super::*;
use crate::config::{Setup, starter};
use crate::runbooks::in_words;
use index::Library;

fn tried() -> Tried {
    let folder = tempfile::tempdir().unwrap();
    starter::write(folder.path()).unwrap();
    let setup = Setup::read(folder.path()).setup.unwrap();
    let mut library = Library::new();
    library.reload(&index::scan_dir(&setup.runbooks()).files).unwrap();
    Tried { setup, library }
}

fn existing(title: &str, fired: u32) -> Existing {
    Existing { alarm: in_words(title), origin: "history".to_owned(), fired, last: None }
}

#[test]
fn alarms_without_a_match_come_first_then_those_that_fired_most() {
    let tried = tried();
    let alarms = [existing("Disk is full on db-1", 3), existing("quasar flux", 1), existing("Redis is down", 7)];
    let report = report(&tried, &alarms, &Used::default(), DateTime::UNIX_EPOCH);
    let titles: Vec<&str> = report.alarms.iter().map(|row| row.alarm.as_str()).collect();
    assert_eq!(titles, ["quasar flux", "Redis is down", "Disk is full on db-1"]);
    assert!((report.covered() - 2.0 / 3.0).abs() < 1e-9 && report.uncovered().count() == 1);
    let matched = |id: &str| !report.never_matched.contains(&RunbookId(id.to_owned()));
    assert!(matched("host/disk-full") && matched("data/redis-down") && !matched("ops/scheduled-job-missed"));
}

#[test]
fn runbooks_are_judged_by_what_was_made_of_them() {
    let tried = tried();
    let id = |id: &str| RunbookId(id.to_owned());
    let used = Used {
        suggested: [(id("host/disk-full"), 5), (id("data/redis-down"), 2), (id("ops/latency-p99"), 9)].into(),
        clicked: [(id("host/disk-full"), 4), (id("data/redis-down"), 1)].into(),
        helped: [(id("host/disk-full"), 3)].into(),
    };
    let report = report(&tried, &[], &used, DateTime::UNIX_EPOCH);
    assert_eq!((report.never_clicked, report.never_helped), (vec![id("ops/latency-p99")], vec![id("data/redis-down")]));
}

#[test]
fn a_drill_is_no_alarm_that_exists() {
    let mut history = history::History::default();
    let mut apply = |stream: &str, event: &incident::Event| {
        history.apply(&log::Event {
            stream: stream.into(),
            version: 1,
            kind: String::new(),
            schema: 1,
            at: DateTime::UNIX_EPOCH,
            actor: String::new(),
            cause: String::new(),
            body: serde_json::to_vec(event).unwrap(),
        });
    };
    let mut alarm = in_words("Disk is full");
    apply("inc/1", &incident::Event::Opened { alarm: alarm.clone() });
    alarm.drill = Some(incident::Drill {
        whom: incident::Whom::Service,
        by: None,
        rule: None,
        why: String::new(),
        answer_seconds: 600,
        ready: None,
    });
    apply("inc/2", &incident::Event::Opened { alarm });
    let (existing, _) = history.end();
    assert_eq!(existing.iter().map(|one| one.fired).collect::<Vec<_>>(), [1]);
}
