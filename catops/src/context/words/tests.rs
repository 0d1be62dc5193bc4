//! What people read beside the picture.

use super::super::known::{Change, Definition};
use super::*;

const ALARM: AlarmName<'_> =
    AlarmName { arn: "arn:aws:cloudwatch:eu-west-1:1:alarm:cpu", region: "eu-west-1", name: "cpu" };

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-11-{text}:00Z").parse().unwrap()
}

/// Changes, newest first: the time, and whether it went into ALARM.
#[track_caller]
fn check(changes: &[(&str, bool)], is_whole: bool, expect: &str) {
    let changes = changes.iter().map(|(text, into_alarm)| Change { at: at(text), into_alarm: *into_alarm }).collect();
    let history = History { changes, is_whole };
    assert_eq!(before(&history, at("28T02:14"), at("28T02:15")), expect);
}

#[test]
fn the_past_is_one_sentence() {
    check(&[], true, "Not in ALARM before in 14 days");
    check(&[("28T02:14", true)], true, "Not in ALARM before in 14 days");
    check(&[("28T02:14", true), ("27T01:12", false)], false, "Not in ALARM before in 14 days, as far as can be seen");
    check(
        &[("28T02:14", true), ("26T01:12", false), ("26T01:00", true), ("20T10:00", false), ("20T06:00", true)],
        true,
        "In ALARM twice before in 14 days, last 2 days ago for 12 min",
    );
    check(
        &[("28T02:13", false), ("28T02:12", true)],
        false,
        "In ALARM at least once before in 14 days, last 3 min ago for 60 s",
    );
    // It did not leave ALARM as far as CloudWatch tells.
    check(&[("27T02:12", true)], true, "In ALARM once before in 14 days, last 24 h ago");
}

fn firing(name: &str, dimension: Option<(&str, &str)>, rule: Option<&str>) -> Firing {
    Firing {
        arn: format!("arn:aws:cloudwatch:eu-west-1:1:alarm:{name}"),
        name: name.to_owned(),
        dimensions: dimension.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        rule: rule.map(str::to_owned),
    }
}

#[test]
fn neighbours_are_those_of_the_same_resource_and_of_the_same_rule() {
    let instance = Some(("InstanceId", "i-1"));
    let known = Known {
        definition: Some(Definition {
            dimensions: vec![("InstanceId".to_owned(), "i-1".to_owned())],
            ..Definition::default()
        }),
        firing: vec![
            firing("cpu", instance, None),
            firing("disk", instance, None),
            firing("elsewhere", Some(("InstanceId", "i-2")), None),
            firing("shop is down", None, Some("ALARM(\"cpu\") OR ALARM(other)")),
            firing("other shop", None, Some("ALARM(cpu-2)")),
        ],
        ..Known::default()
    };
    let said = lines(&ALARM, &known, at("28T02:14"), at("28T02:15"));
    assert_eq!(said, ["Part of: shop is down", "Also in ALARM here: disk"]);
}

#[test]
fn a_composite_alarm_says_because_of_what() {
    let known = Known {
        definition: Some(Definition {
            rule: Some("(ALARM(disk) OR ALARM(arn:aws:cloudwatch:eu-west-1:1:alarm:queue)) AND OK(quiet)".to_owned()),
            ..Definition::default()
        }),
        firing: vec![firing("disk", None, None), firing("queue", None, None), firing("dis", None, None)],
        ..Known::default()
    };
    assert_eq!(lines(&ALARM, &known, at("28T02:14"), at("28T02:15")), ["Because of: disk, queue"]);
}

#[test]
fn lines_stay_short() {
    let tag = |name: &str| (name.to_owned(), "v".repeat(300));
    let names = ["aws:cloudformation:stack-name", "team", "env", "db-password", "a", "b", "c", "d"];
    let known = Known { tags: names.map(tag).to_vec(), ..Known::default() };
    let said = lines(&ALARM, &known, at("28T02:14"), at("28T02:15"));
    let long = "v".repeat(60) + "…";
    assert_eq!(said, [format!("Tags: team={long}, env={long}, a={long}, b={long}, c={long} and 1 more")]);
}
