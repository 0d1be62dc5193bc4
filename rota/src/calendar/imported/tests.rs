//! Calendars that count in a rota, and what is left of what they said before.

use super::*;
use crate::{Operation, final_schedule, on_call, people_on_duty};

const FILE: &str = r#"
[people]
ana = { name = "Ana Ruiz", slack = "U0ANA", away = "calendar ana", zone = "America/New_York" }
ben = { name = "Ben Okafor", slack = "U0BEN", email = "ben@example.com" }
[schedules.s]
zone = "Europe/Madrid"
overrides_from = "changes"
holidays = ["days"]
[[schedules.s.layers]]
name = "nights"
calendar = "nights"
priority = 1
[[schedules.s.layers]]
name = "always"
rotation = ["ben"]
handoff = "2026-01-05 09:00"
every = "1 week"
on_holidays = "off"
[escalation.default]
levels = [{ page = ["schedule:s"] }]
"#;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn window() -> Span {
    Span { start: at("2026-01-01T00:00:00Z"), end: at("2027-01-01T00:00:00Z") }
}

fn event(uid: &str, summary: &str, start: &str, end: &str) -> String {
    let kind = if start.len() == 8 { ";VALUE=DATE" } else { "" };
    format!("BEGIN:VEVENT\nUID:{uid}\nDTSTART{kind}:{start}\nDTEND{kind}:{end}\nSUMMARY:{summary}\nEND:VEVENT\n")
}

fn text(events: &[String]) -> String {
    format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", events.concat())
}

fn texts(named: &[(&str, &[String])]) -> Texts {
    named.iter().map(|(name, events)| ((*name).to_owned(), text(events))).collect()
}

fn rota() -> Rota {
    Rota::parse(&[("rota.toml", FILE)]).unwrap()
}

fn read(texts: &Texts) -> (Imported, Vec<String>) {
    let (imported, misread) = Imported::read(&rota(), texts, &["team".to_owned()], window());
    (
        imported,
        misread
            .into_iter()
            .map(|misread| format!("{}:{}: {}", misread.calendar, misread.place.line, misread.message))
            .collect(),
    )
}

#[track_caller]
fn check(rota: &Rota, when: &str, expect: &[&str]) {
    let people = people_on_duty(rota, "s", &[], at(when)).unwrap();
    assert_eq!(people.iter().map(|person| person.as_str()).collect::<Vec<_>>(), expect, "{when}");
}

#[test]
fn a_layer_overrides_holidays_and_absences_come_from_calendars() {
    let texts = texts(&[
        ("nights", &[event("1", "Ana Ruiz", "20260210T220000", "20260211T060000")]),
        ("changes", &[event("1", "ben", "20260211T000000", "20260211T010000")]),
        ("days", &[event("1", "Feast", "20260301", "20260302")]),
        ("ana", &[event("1", "[no cover] dentist", "20260305", "20260306")]),
        (
            "team",
            &[event("1", "Vacation: Ben", "20260401", "20260402"), event("2", "OOO Jhon", "20260403", "20260404")],
        ),
    ]);
    let (imported, misread) = read(&texts);
    assert_eq!(misread, ["team:0: 3 Apr 2026: nobody is called \"OOO Jhon\""]);
    let mut rota = rota();
    imported.fill(&mut rota);
    // By Madrid's clocks, an hour ahead of UTC.
    check(&rota, "2026-02-10T20:59:59Z", &["ben"]);
    check(&rota, "2026-02-10T21:00:00Z", &["ana"]);
    check(&rota, "2026-02-10T23:00:00Z", &["ben"]);
    check(&rota, "2026-02-11T00:00:00Z", &["ana"]);
    check(&rota, "2026-02-11T05:00:00Z", &["ben"]);
    check(&rota, "2026-03-01T12:00:00Z", &[]);
    check(&rota, "2026-03-02T00:00:00Z", &["ben"]);
    let because = |when| on_call(&rota, "s", &[], at(when)).unwrap().because;
    assert_eq!(because("2026-02-10T22:00:00Z"), "an entry of calendar nights (nights)");
    assert_eq!(because("2026-02-10T23:30:00Z"), "override until Wed 01:00, asked by calendar changes");
    // A whole day of Ana is one of New York, Ben's one of the team.
    let away: Vec<_> =
        rota.away.iter().map(|away| (away.person.as_str(), away.span.start.to_rfc3339(), away.without_cover)).collect();
    assert_eq!(
        away,
        [("ana", "2026-03-05T05:00:00+00:00".to_owned(), true), ("ben", "2026-03-31T22:00:00+00:00".to_owned(), false)]
    );
    let members: Vec<_> = rota.members("s").unwrap().into_iter().map(ResponderId::as_str).collect();
    assert_eq!(members, ["ana", "ben"]);
    let later: Vec<_> =
        rota.members_from("s", at("2026-06-01T00:00:00Z")).unwrap().into_iter().map(ResponderId::as_str).collect();
    assert_eq!(later, ["ben"], "who is in no entry to come is no member any more");
}

#[test]
fn a_change_by_hand_counts_on_top_of_a_calendars_override() {
    let (imported, _) = read(&texts(&[("changes", &[event("1", "ana", "20260211T000000", "20260212T000000")])]));
    let mut rota = rota();
    imported.fill(&mut rota);
    let by_hand = Operation {
        number: 1,
        schedule: "s".into(),
        start: at("2026-02-11T08:00:00Z"),
        end: at("2026-02-11T09:00:00Z"),
        change: crate::Change::ReplaceUser { from: "ana".into(), to: "ben".into() },
        by: "ben".into(),
        reason: String::new(),
    };
    let segments = final_schedule(
        &rota,
        "s",
        std::slice::from_ref(&by_hand),
        at("2026-02-11T00:00:00Z"),
        at("2026-02-11T12:00:00Z"),
    )
    .unwrap();
    let told: Vec<_> = segments
        .iter()
        .map(|segment| (segment.start.to_rfc3339(), segment.on_duty[0].as_str(), segment.reason.operations.len()))
        .collect();
    assert_eq!(
        told,
        [
            ("2026-02-11T00:00:00+00:00".to_owned(), "ana", 1),
            ("2026-02-11T08:00:00+00:00".to_owned(), "ben", 2),
            ("2026-02-11T09:00:00+00:00".to_owned(), "ana", 1)
        ]
    );
}

#[test]
fn who_is_second_by_a_calendar_is_in_the_next_entry_with_others() {
    let mut rota =
        Rota::parse(&[("rota.toml", FILE.replace("overrides_from", "secondary = \"next turn\"\noverrides_from"))])
            .unwrap();
    let days = [
        event("1", "ana", "20260210T090000Z", "20260210T170000Z"),
        event("2", "ana", "20260211T090000Z", "20260211T170000Z"),
        event("3", "ben", "20260212T090000Z", "20260212T170000Z"),
    ];
    let (imported, _) = read(&texts(&[("nights", &days)]));
    imported.fill(&mut rota);
    let second = |when| {
        let people = people_on_duty(&rota, "s/secondary", &[], at(when)).unwrap();
        people.iter().map(|person| person.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(second("2026-02-10T10:00:00Z"), ["ben"]);
    assert_eq!(second("2026-02-11T10:00:00Z"), ["ben"]);
}

#[test]
fn a_calendar_that_changes_changes_nothing_that_was() {
    let before = texts(&[
        ("nights", &[event("1", "ana", "20260210T000000Z", "20260220T000000Z")]),
        ("days", &[event("1", "Feast", "20260214", "20260218")]),
        ("changes", &[event("1", "ana", "20260210T000000Z", "20260211T000000Z")]),
    ]);
    let after = texts(&[
        ("nights", &[event("1", "ben", "20260201T000000Z", "20260301T000000Z")]),
        ("days", &[event("1", "Feast", "20260216", "20260217"), event("2", "New", "20260210", "20260220")]),
    ]);
    let (old, new) = (read(&before).0, read(&after).0);
    let changed_at = at("2026-02-15T12:00:00Z");
    let now = new.after(&old, changed_at);
    let mut rota = rota();
    now.fill(&mut rota);
    check(&rota, "2026-02-05T00:00:00Z", &["ben"]);
    check(&rota, "2026-02-10T12:00:00Z", &["ana"]);
    check(&rota, "2026-02-15T11:59:59Z", &["ana"]);
    check(&rota, "2026-02-15T12:00:00Z", &["ben"]);
    let days: Vec<_> =
        rota.schedules["s"].holidays.iter().map(|day| format!("{} {} {}", day.name, day.from, day.to)).collect();
    // The 14th was one and the 15th had begun; the 17th is none any more.
    assert_eq!(days, ["Feast 2026-02-14 2026-02-17", "New 2026-02-16 2026-02-20"]);
    // The same once more is the same, whatever the moment.
    assert_eq!(now.after(&now, at("2026-02-13T00:00:00Z")), now);
    let wire = serde_json::to_string(&now).unwrap();
    assert_eq!(serde_json::from_str::<Imported>(&wire).unwrap(), now);
    // The rest of a calendar that nobody knew before is not put into the past.
    assert_eq!(new.known_to(&Imported::default()), Imported::default());
}

#[test]
fn files_that_change_keep_the_overrides_and_the_layer_of_before() {
    let (imported, _) = read(&texts(&[
        ("nights", &[event("1", "ana", "20260210T000000Z", "20260212T000000Z")]),
        ("changes", &[event("1", "ana", "20260214T000000Z", "20260216T000000Z")]),
    ]));
    let (mut old, mut new) =
        (rota(), Rota::parse(&[("rota.toml", FILE.replace("overrides_from = \"changes\"\n", ""))]).unwrap());
    imported.fill(&mut old);
    imported.fill(&mut new);
    let rota = old.succeeded_by(&new, at("2026-02-15T00:00:00Z"));
    check(&rota, "2026-02-11T00:00:00Z", &["ana"]);
    check(&rota, "2026-02-14T12:00:00Z", &["ana"]);
    check(&rota, "2026-02-15T12:00:00Z", &["ben"]);
    assert_eq!(rota.schedules["s"].layers.len(), 2, "layers by the same calendar go on");
}

#[test]
fn what_a_calendar_cannot_be_is_said_with_its_line() {
    let wrong = FILE
        .replace("calendar = \"nights\"", "calendar = \"no name\"\nrotation = [\"ana\"]")
        .replace("away = \"calendar ana\"", "away = \"ana\"");
    let problems = Rota::parse(&[("rota.toml", wrong)]).unwrap_err();
    let told: Vec<_> = problems.iter().map(|problem| format!("{}: {}", problem.line, problem.message)).collect();
    assert_eq!(
        told,
        [
            "3: away \"ana\" says no calendar; write away = \"calendar NAME\", with the NAME of a [calendars.NAME] in catops.toml",
            "11: calendar \"no name\" is no name; write the NAME of a [calendars.NAME] in catops.toml",
            "12: rotation is for turns, and this layer goes by a calendar; take one of them out",
        ]
    );
}
