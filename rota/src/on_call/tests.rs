//! Who is on call, as a person asks it.

use super::*;
use crate::Change;

const FILE: &str = r#"
[people]
ana = { name = "Ana Ruiz", slack = "U0ANA" }
ben = { slack = "U0BEN" }
chi = { slack = "U0CHI" }
dan = { email = "dan@example.com" }

[schedules.payments]
zone = "Europe/Madrid"
[[schedules.payments.layers]]
name = "weekly"
rotation = ["ana", "ben", ["chi", "dan"], []]
handoff = "2026-01-05 09:00"
every = "1 week"

[schedules.office]
zone = "Europe/Madrid"
[[schedules.office.layers]]
name = "night"
rotation = ["dan"]
handoff = "2026-01-05 09:00"
every = "1 week"
[[schedules.office.layers]]
name = "day"
rotation = ["ana", "ben"]
handoff = "2026-01-05 08:00"
every = "1 day"
window = "Mon-Fri 08:00-20:00"
priority = 1
[[schedules.office.layers]]
name = "second"
rotation = ["ben", "ana"]
handoff = "2026-01-05 08:00"
every = "1 day"
window = "Mon 08:00-12:00"
priority = 1

[escalation.default]
levels = [{ page = ["schedule:payments"] }]
"#;

fn rota() -> Rota {
    Rota::parse(&[("team.toml", FILE)]).unwrap()
}

fn operation(number: u64, start: &str, end: &str, change: Change) -> Operation {
    let at = |text: &str| format!("2026-01-{text}:00Z").parse().unwrap();
    Operation {
        number,
        schedule: "payments".into(),
        start: at(start),
        end: at(end),
        change,
        by: "bo".into(),
        reason: "dentist".into(),
    }
}

/// `who | since - until | next | because`, times in January 2026 UTC.
#[track_caller]
fn check(schedule: &str, operations: &[Operation], at: &str, expect: &str) {
    let rota = rota();
    let found = on_call(&rota, schedule, operations, format!("2026-01-{at}:00Z").parse().unwrap()).unwrap();
    let names = |people: &[ResponderId]| people.iter().map(ResponderId::as_str).collect::<Vec<_>>().join(" ");
    let moment = |at: Option<DateTime<Utc>>| at.map_or("?".to_owned(), |at| at.format("%m-%dT%H:%M").to_string());
    let next = found
        .next
        .as_ref()
        .map_or("?".to_owned(), |next| format!("{} {}", names(&next.on_duty), moment(Some(next.start))));
    let text = format!(
        "{} | {} - {} | {next} | {}",
        names(&found.on_duty),
        moment(found.since),
        moment(found.until),
        found.because
    );
    assert_eq!(text, expect);
}

#[test]
fn a_turn_says_who_until_when_and_why() {
    let why = "(every week from Mon 5 Jan 2026 09:00 Europe/Madrid)";
    check(
        "payments",
        &[],
        "14T02:14",
        &format!("ben | 01-12T08:00 - 01-19T08:00 | chi dan 01-19T08:00 | turn 1 of weekly {why}"),
    );
    check(
        "payments",
        &[],
        "05T08:00",
        &format!("ana | 01-05T08:00 - 01-12T08:00 | ben 01-12T08:00 | turn 0 of weekly {why}"),
    );
    check(
        "payments",
        &[],
        "05T07:59",
        " | 12-29T08:00 - 01-05T08:00 | ana 01-05T08:00 | every layer is outside its hours or has an empty turn",
    );
}

#[test]
fn the_highest_priority_wins_and_equal_ones_are_on_call_together() {
    let day = "(every day from Mon 5 Jan 2026 08:00 Europe/Madrid)";
    let dan = "(every week from Mon 5 Jan 2026 09:00 Europe/Madrid)";
    check(
        "office",
        &[],
        "12T10:00",
        &format!(
            "ben ana | 01-12T07:00 - 01-12T11:00 | ben 01-12T11:00 | turn 7 of day {day} and turn 7 of second {day}"
        ),
    );
    check(
        "office",
        &[],
        "12T12:00",
        &format!("ben | 01-12T11:00 - 01-12T19:00 | dan 01-12T19:00 | turn 7 of day {day}"),
    );
    check(
        "office",
        &[],
        "11T12:00",
        &format!("dan | 01-09T19:00 - 01-12T07:00 | ben ana 01-12T07:00 | turn 0 of night {dan}"),
    );
}

#[test]
fn an_override_says_until_when_and_who_asked() {
    let cover = operation(1, "10T08:00", "10T12:00", Change::ReplaceAll { users: vec!["bo".into()] });
    check(
        "payments",
        &[cover],
        "10T09:00",
        "bo | 01-10T08:00 - 01-10T12:00 | ana 01-10T12:00 | override until Sat 13:00, asked by bo: dentist",
    );
}

#[test]
fn a_cover_of_a_cover_works_in_whatever_order_they_are_listed() {
    let first = operation(1, "10T08:00", "10T18:00", Change::ReplaceUser { from: "ana".into(), to: "ben".into() });
    let second = operation(2, "10T10:00", "10T12:00", Change::ReplaceUser { from: "ben".into(), to: "chi".into() });
    let expect = "chi | 01-10T10:00 - 01-10T12:00 | ben 01-10T12:00 | chi covers ben until Sat 13:00, asked by bo: dentist; \
                  before that ben covers ana until Sat 19:00, asked by bo: dentist; \
                  before that turn 0 of weekly (every week from Mon 5 Jan 2026 09:00 Europe/Madrid)";
    check("payments", &[first.clone(), second.clone()], "10T11:00", expect);
    check("payments", &[second, first], "10T11:00", expect);
}

#[test]
fn an_unknown_schedule_is_answered_with_the_nearest_name() {
    let error = on_call(&rota(), "paymnets", &[], DateTime::UNIX_EPOCH).unwrap_err();
    assert_eq!(error.to_string(), "there is no schedule \"paymnets\"; did you mean \"payments\"?");
}

#[test]
fn times_outside_the_calendar_are_answered() {
    for at in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        assert!(on_call(&rota(), "payments", &[], at).is_ok());
    }
}

#[test]
fn a_group_is_the_members_of_a_schedule() {
    let rota = rota();
    let members: Vec<&str> = rota.members("payments").unwrap().into_iter().map(ResponderId::as_str).collect();
    assert_eq!(members, ["ana", "ben", "chi", "dan"]);
    assert_eq!(rota.by_slack_id("U0ANA").unwrap().name, "Ana Ruiz");
    assert!(rota.is_responder(&"dan".into()) && !rota.is_responder(&"eve".into()));
}

#[test]
fn the_final_schedule_shows_the_empty_turn_too() {
    let rota = rota();
    let month = final_schedule(
        &rota,
        "payments",
        &[],
        "2026-01-05T08:00:00Z".parse().unwrap(),
        "2026-02-09T00:00:00Z".parse().unwrap(),
    )
    .unwrap();
    let shown = month.iter().map(|segment| {
        let names: Vec<&str> = segment.on_duty.iter().map(|person| person.as_str()).collect();
        format!("{} {}", segment.start.format("%m-%d"), names.join(" "))
    });
    assert_eq!(shown.collect::<Vec<_>>(), ["01-05 ana", "01-12 ben", "01-19 chi dan", "01-26 ", "02-02 ana"]);
}

#[test]
fn an_instant_takes_no_memory() {
    let rota = rota();
    let cover = |number| Operation {
        number,
        ..operation(number, "10T08:00", "10T18:00", Change::ReplaceUser { from: "ana".into(), to: "ben".into() })
    };
    let operations: Vec<Operation> = (0..8).map(cover).collect();
    let at = "2026-01-10T09:00:00Z".parse().unwrap();
    for schedule in ["payments", "office"] {
        let mut people = 0;
        let taken = allocation_counter::measure(|| {
            people = people_on_duty(&rota, schedule, &operations, at).map_or(0, |found| found.len());
        });
        assert_eq!((taken.count_total, people), (0, 1), "{schedule}");
    }
}

#[test]
fn ten_layers_together_take_no_memory_either() {
    let mut rota = rota();
    let schedule = rota.schedules.get_mut("office").unwrap();
    let night = schedule.layers.iter().find(|layer| layer.name == "night").unwrap().clone();
    schedule.layers = vec![night; 10];
    let mut people = 0;
    let taken = allocation_counter::measure(|| {
        let at = "2026-01-10T09:00:00Z".parse().unwrap_or_default();
        people = people_on_duty(&rota, "office", &[], at).map_or(0, |found| found.len());
    });
    assert_eq!((taken.count_total, people), (0, 1));
}

const SECOND: &str = r#"
[people]
ana = { slack = "U0ANA" }
ben = { slack = "U0BEN" }
chi = { slack = "U0CHI" }
[schedules.s]
zone = "Europe/Madrid"
secondary = "next turn"
[[schedules.s.layers]]
name = "weekly"
rotation = ["ana", "ben", "chi"]
handoff = "2026-01-05 09:00"
every = "1 week"
[[schedules.s.layers.changes]]
at = "2026-01-14 09:00"
rotation = ["ana", "chi"]
[escalation.default]
levels = [{ page = ["schedule:s"], wait = "5m" }, { page = ["schedule:s/secondary"] }]
"#;

#[test]
fn the_second_is_asked_for_by_name_wherever_a_schedule_is() {
    let rota = Rota::parse(&[("team.toml", SECOND)]).unwrap();
    let at = |text: &str| -> DateTime<Utc> { format!("2026-01-{text}:00Z").parse().unwrap() };
    let names = |schedule: &str, operations: &[Operation], at| {
        on_duty(&rota, schedule, operations, at).unwrap().0.into_iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names("s", &[], at("06T09:00")), ["ana"]);
    assert_eq!(names("s/secondary", &[], at("06T09:00")), ["ben"]);
    // On the 14th ben leaves in his turn: chi takes over, and ana is next.
    assert_eq!(names("s", &[], at("15T09:00")), ["chi"]);
    assert_eq!(names("s/secondary", &[], at("15T09:00")), ["ana"]);
    let second = on_call(&rota, "s/secondary", &[], at("15T09:00")).unwrap();
    assert_eq!((second.since, second.until), (Some(at("14T08:00")), Some(at("19T08:00"))));
    assert_eq!(
        second.because,
        "next is turn 2 of weekly (every week from Mon 5 Jan 2026 09:00 Europe/Madrid, people changed Wed 09:00)"
    );
    // Covers are for one of the two.
    let cover = |schedule: &str| {
        let change = Change::ReplaceAll { users: vec!["ben".into()] };
        Operation { schedule: schedule.into(), ..operation(1, "06T08:00", "06T18:00", change) }
    };
    assert_eq!(names("s/secondary", &[cover("s")], at("06T09:00")), ["ben"]);
    assert_eq!(names("s", &[cover("s")], at("06T09:00")), ["ben"]);
    assert_eq!(names("s", &[cover("s/primary")], at("06T09:00")), ["ben"]);
    assert_eq!(names("s", &[cover("s/secondary")], at("06T09:00")), ["ana"]);
    assert_eq!(crate::targets(&rota, &rota.default_policy.pages()[1].1.page, &[], at("06T09:00"))[0].0, "ben".into());
    assert_eq!(rota.zone_of(Some("s/secondary")).name(), "Europe/Madrid");
}

#[test]
fn a_schedule_without_a_second_has_none() {
    let error = on_call(&rota(), "payments/secondary", &[], DateTime::UNIX_EPOCH).unwrap_err();
    assert_eq!(error.to_string(), "there is no schedule \"payments/secondary\"; did you mean \"payments\"?");
}
