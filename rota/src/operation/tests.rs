//! What an operation does to a list of people, and its form in the log.

use super::*;
use chrono::TimeDelta;

#[track_caller]
fn check(before: &[&str], change: Change, expect: &[&str]) {
    let before: Vec<ResponderId> = before.iter().map(|&name| name.into()).collect();
    let mut on_duty: People<'_> = before.iter().collect();
    let changed = change.apply(0, &mut on_duty);
    assert_eq!(on_duty.iter().map(|person| person.as_str()).collect::<Vec<_>>(), expect);
    assert_eq!(
        changed,
        before.iter().map(ResponderId::as_str).ne(expect.iter().copied())
            || matches!(change, Change::ReplaceAll { .. })
    );
}

#[test]
fn changes_touch_only_whom_they_name() {
    let id = ResponderId::from;
    check(&["ana"], Change::ReplaceAll { users: vec![id("bo"), id("bo")] }, &["bo"]);
    check(&["ana"], Change::ReplaceAll { users: vec![] }, &[]);
    check(&["ana", "chi"], Change::ReplaceUser { from: id("ana"), to: id("bo") }, &["bo", "chi"]);
    check(&["ana", "bo"], Change::ReplaceUser { from: id("ana"), to: id("bo") }, &["bo"]);
    check(&["chi"], Change::ReplaceUser { from: id("ana"), to: id("bo") }, &["chi"]);
    check(&["ana"], Change::Add { user: id("bo") }, &["ana", "bo"]);
    check(&["ana"], Change::Add { user: id("ana") }, &["ana"]);
    check(&["ana", "bo"], Change::Remove { user: id("ana") }, &["bo"]);
    check(&["ana", "chi", "bo"], Change::Exchange { a: id("ana"), b: id("bo") }, &["bo", "chi", "ana"]);
}

#[test]
fn an_operation_is_kept_as_json() {
    let json = r#"{"number":12,"schedule":"payments","start":"2026-01-10T08:00:00Z","end":"2026-01-10T12:00:00Z","change":{"kind":"replace_user","from":"ana","to":"bo"},"by":"bo","reason":"dentist"}"#;
    let operation: Operation = serde_json::from_str(json).unwrap();
    assert_eq!(operation.change, Change::ReplaceUser { from: "ana".into(), to: "bo".into() });
    assert_eq!(serde_json::to_string(&operation).unwrap(), json);
}

#[test]
fn a_temporary_schedule_is_kept_as_json() {
    let json = r#"{"number":13,"schedule":"payments","start":"2026-12-24T08:00:00Z","end":"2026-12-27T08:00:00Z","change":{"kind":"temporary","shifts":[{"start":"2026-12-24T08:00:00Z","end":"2026-12-25T08:00:00Z","users":["ana"]}],"fallback":"layers"},"by":"bo","reason":"Christmas"}"#;
    let operation: Operation = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&operation).unwrap(), json);
    let without: Operation = serde_json::from_str(&json.replace(",\"fallback\":\"layers\"", "")).unwrap();
    assert!(matches!(without.change, Change::Temporary { fallback: Fallback::Nobody, .. }));
}

/// Noon of so many days after Christmas Eve.
fn noon(days: i64) -> DateTime<Utc> {
    "2026-12-24T12:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(days)
}

#[track_caller]
fn check_temporary(fallback: Fallback, day: i64, expect: &[&str]) {
    let shift = |day: i64, user: &str| TemporaryShift {
        start: noon(day) - TimeDelta::hours(12),
        end: noon(day) + TimeDelta::hours(12),
        users: vec![user.into()],
    };
    let change = Change::Temporary { shifts: vec![shift(0, "ana"), shift(2, "ben"), shift(2, "chi")], fallback };
    let layers = ResponderId::from("dan");
    let mut on_duty: People<'_> = [&layers].into_iter().collect();
    change.apply(tick(noon(day)), &mut on_duty);
    assert_eq!(on_duty.iter().map(|person| person.as_str()).collect::<Vec<_>>(), expect);
}

#[test]
fn the_holes_of_a_temporary_schedule_are_nobodys_or_those_of_the_layers() {
    for fallback in [Fallback::Nobody, Fallback::Layers] {
        check_temporary(fallback, 0, &["ana"]);
        check_temporary(fallback, 2, &["ben", "chi"]);
    }
    check_temporary(Fallback::Nobody, 1, &[]);
    check_temporary(Fallback::Layers, 1, &["dan"]);
}
