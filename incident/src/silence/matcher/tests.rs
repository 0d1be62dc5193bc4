//! Matchers, case by case as Alertmanager has them.

use super::{BadMatcher, Comparison, Matcher};
use crate::alarm::{Alarm, AlarmState, Severity};
use chrono::DateTime;
use std::collections::BTreeMap;

fn alarm() -> Alarm {
    let labels = [("alertname", "HighCPU"), ("instance", "web-12"), ("team", ""), ("severity", "P2")];
    Alarm {
        source: "alertmanager".to_owned(),
        delivery: "d-1".into(),
        key: "alertmanager:abc".into(),
        state: AlarmState::Firing,
        severity: Severity::Error,
        title: "HighCPU".to_owned(),
        summary: String::new(),
        resource: "web-12".to_owned(),
        service: Some("shop".to_owned()),
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        links: Vec::new(),
        occurred_at: DateTime::UNIX_EPOCH,
        drill: None,
    }
}

#[track_caller]
fn check(matcher: &str, matches: bool) {
    let read: Matcher = matcher.parse().unwrap();
    assert_eq!(read.matches(&alarm()), matches, "{matcher}");
    assert_eq!(read.to_string().parse::<Matcher>().unwrap(), read, "{matcher} is told as it is read");
}

#[test]
fn the_four_comparisons() {
    check("alertname=HighCPU", true);
    check("alertname=highcpu", false);
    check("alertname!=HighCPU", false);
    check("alertname!=Disk", true);
    check("instance=~web-.*", true);
    check("instance!~web-.*", false);
    check("instance!~db-.*", true);
    check("instance=~\"web-(11|12)\"", true);
}

#[test]
fn a_pattern_fits_the_whole_value() {
    check("instance=~web", false);
    check("instance=~eb-1", false);
    check("instance!~web", true);
    check("instance=~db|web-12", true);
    check("instance=~web|db", false);
}

#[test]
fn a_label_that_is_not_there_is_empty() {
    check("zone=\"\"", true);
    check("team=\"\"", true);
    check("zone=eu", false);
    check("zone!=eu", true);
    check("zone=~.*", true);
    check("zone=~.+", false);
    check("zone!~.+", true);
    check("alertname!=\"\"", true);
}

#[test]
fn what_catops_knows_an_alarm_by_comes_before_its_labels() {
    check("source=alertmanager", true);
    check("service=shop", true);
    check("title=HighCPU", true);
    check("key=alertmanager:abc", true);
    check("severity=error", true);
    check("severity=P2", false);
    let unnamed = Alarm { service: None, labels: BTreeMap::new(), ..alarm() };
    assert!(Matcher::exactly("service", "").unwrap().matches(&unnamed));
}

#[test]
fn it_is_read_as_people_write_it() {
    let read = |text: &str| text.parse::<Matcher>().map(|matcher| matcher.to_string());
    assert_eq!(read(" alertname = \"High CPU\" ").unwrap(), "alertname=\"High CPU\"");
    assert_eq!(read("instance=~a=b").unwrap(), "instance=~a=b");
    assert_eq!(read("query=\"say \\\"hi\\\"\"").unwrap(), "query=\"say \\\"hi\\\"\"");
    assert!(matches!(read("HighCPU"), Err(BadMatcher::NoComparison(_))));
    assert!(matches!(read("a!b"), Err(BadMatcher::NoComparison(_))));
    assert!(matches!(read("=x"), Err(BadMatcher::BadName(_))));
    assert!(matches!(read("a b=x"), Err(BadMatcher::BadName(_))));
    assert!(matches!(read(&format!("a={}", "x".repeat(601))), Err(BadMatcher::TooLong(_))));
}

#[test]
fn a_pattern_that_cannot_be_used_is_refused_with_the_reason() {
    let said = |text: &str| text.parse::<Matcher>().unwrap_err().to_string();
    assert_eq!(said("a=~("), "the pattern of a cannot be used: unclosed group");
    assert_eq!(said("a=~x)|(y"), "the pattern of a cannot be used: unopened group");
    assert_eq!(said("a=~(\\w{500}){500}"), "the pattern of a cannot be used: it is too large");
}

#[test]
fn what_no_alarm_could_fail_takes_everything() {
    for everything in [
        "zone=~.*",
        "zone=\"\"",
        "zone!=eu",
        "source=~.+",
        "source!=aws",
        "title=~.*",
        "key!~x",
        "severity!=page",
        "severity=~.+",
        "service!=shop",
    ] {
        assert!(everything.parse::<Matcher>().unwrap().takes_everything(), "{everything}");
    }
    for some in ["source=aws", "alertname=~.+", "service=~.+", "severity!=critical", "title=~.*cpu.*", "key=k"] {
        assert!(!some.parse::<Matcher>().unwrap().takes_everything(), "{some}");
    }
}

#[test]
fn a_matcher_in_the_log_that_cannot_be_used_is_no_matcher() {
    let written = serde_json::to_string(&Matcher::new("a", Comparison::Fits, "b.*").unwrap()).unwrap();
    assert_eq!(written, r#"{"label":"a","is":"=~","value":"b.*"}"#);
    assert!(serde_json::from_str::<Matcher>(&written).unwrap().matches(&alarm_with("a", "bcd")));
    assert!(serde_json::from_str::<Matcher>(r#"{"label":"a","is":"=~","value":"("}"#).is_err());
}

fn alarm_with(label: &str, value: &str) -> Alarm {
    Alarm { labels: [(label.to_owned(), value.to_owned())].into(), ..alarm() }
}
