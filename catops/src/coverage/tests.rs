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
