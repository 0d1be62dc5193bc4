//! What entries mean to a rota of five people, two of whom are called Ana.

use super::super::read_calendar;
use super::*;
use crate::Span;

const FILE: &str = r#"
[people]
ana = { name = "Ana Ruiz", slack = "U0ANA", email = "ana@example.com" }
ana2 = { name = "Ana Gil", slack = "U0ANA2" }
ben = { name = "Ben Day", slack = "U0BEN", email = "Ben@Example.com" }
john = { slack = "U0JOHN" }
chi = { name = "Chi Ōta", slack = "U0CHI" }
[schedules.s]
zone = "Europe/Madrid"
[[schedules.s.layers]]
name = "weekly"
rotation = ["ana"]
handoff = "2026-01-05 09:00"
every = "1 week"
[escalation.default]
levels = [{ page = ["schedule:s"] }]
"#;

fn rota() -> Rota {
    Rota::parse(&[("team.toml", FILE)]).unwrap()
}

fn madrid() -> Zone {
    Zone::get("Europe/Madrid").unwrap()
}

/// A calendar of entries on the 12 January and the days after, an hour each from 09:00 UTC, given by their lines.
fn calendar(entries: &[&str]) -> Calendar {
    let event = |(day, lines): (usize, &&str)| {
        format!("BEGIN:VEVENT\nDTSTART:202601{}T090000Z\nDURATION:PT1H\n{lines}\nEND:VEVENT\n", 12 + day)
    };
    let events: String = entries.iter().enumerate().map(event).collect();
    read_calendar(format!("BEGIN:VCALENDAR\n{events}END:VCALENDAR\n").as_bytes(), &madrid(), Span::ALWAYS).unwrap()
}

#[track_caller]
fn check(entry: &str, people: &[&str], priority: i64, problems: &[&str]) {
    let meaning = shifts(&calendar(&[entry]), &rota(), &madrid());
    assert_eq!(meaning.problems, problems);
    let found: Vec<(Vec<&str>, i64)> = meaning
        .found
        .iter()
        .map(|shift| (shift.people.iter().map(ResponderId::as_str).collect(), shift.priority))
        .collect();
    let expected = if people.is_empty() { vec![] } else { vec![(people.to_vec(), priority)] };
    assert_eq!(found, expected);
}

#[test]
fn people_are_found_in_every_way_they_are_written() {
    check("SUMMARY:ana", &["ana"], 0, &[]);
    check("SUMMARY: BEN  day", &["ben"], 0, &[]);
    check("SUMMARY:Ben", &["ben"], 0, &[]);
    check("SUMMARY:@chi", &["chi"], 0, &[]);
    check("SUMMARY:ben@example.com", &["ben"], 0, &[]);
    check("SUMMARY:[L2] ana\\, ben", &["ana", "ben"], 2, &[]);
    check("SUMMARY:[l1] Ana Gil & Ben and chi/ana2", &["ana2", "ben", "chi"], 1, &[]);
    check("SUMMARY:On-call: Chi Ōta", &["chi"], 0, &[]);
    check("SUMMARY:Duty\nATTENDEE;CN=x:mailto:ANA@example.com", &["ana"], 0, &[]);
    check(
        "SUMMARY:Duty\nATTENDEE;EMAIL=ana@example.com:urn:uuid:1\nATTENDEE:mailto:ben@example.com",
        &["ana", "ben"],
        0,
        &[],
    );
    check("SUMMARY:chi\nATTENDEE:mailto:ben@example.com", &["chi"], 0, &[]);
    check("SUMMARY:On call: s (Ben Day)\nX-CATOPS-PERSON:ben", &["ben"], 0, &[]);
}

#[test]
fn who_is_not_found_is_told_with_the_nearest_name() {
    check("SUMMARY:Jhon", &[], 0, &["12 Jan 2026: nobody is called \"Jhon\"; did you mean \"john\"?"]);
    check("SUMMARY:ana\\, Xavier", &["ana"], 0, &["12 Jan 2026: nobody is called \"Xavier\""]);
    check("SUMMARY:[L1]", &[], 0, &[]);
    // The id of one hides the first name of the other; without the id there are two.
    let two = rota();
    let names = Names::of(&two);
    assert_eq!(names.get("ana").map(ResponderId::as_str), Some("ana"));
    let without_id =
        Rota::parse(&[("team.toml", FILE.replace("ana =", "ana1 =").replace("[\"ana\"]", "[\"ana1\"]"))]).unwrap();
    let meaning = shifts(&calendar(&["SUMMARY:Ana", "SUMMARY:Jhon", "SUMMARY:Jhon"]), &without_id, &madrid());
    assert_eq!(
        meaning.problems,
        [
            "12 Jan 2026: more than one person is called \"Ana\"; write the id instead",
            "13 Jan 2026 (and once more): nobody is called \"Jhon\"; did you mean \"john\"?"
        ]
    );
}

#[test]
fn an_absence_is_told_in_many_ways() {
    let titles = [
        "SUMMARY:ana - vacation",
        "SUMMARY:Vacation: Ben",
        "SUMMARY:OOO Chi Ōta",
        "SUMMARY:Ben Day (sick)",
        "SUMMARY:ben out of office",
        "SUMMARY:Party",
    ];
    let meaning = absences(&calendar(&titles), &rota(), &madrid(), None);
    let people: Vec<&str> = meaning.found.iter().map(|away| away.person.as_str()).collect();
    assert_eq!(people, ["ana", "ben", "chi", "ben", "ben"]);
    assert_eq!(meaning.problems, ["17 Jan 2026: nobody is called \"Party\""]);
    let chi = ResponderId::from("chi");
    let own = absences(&calendar(&["SUMMARY:Party"]), &rota(), &madrid(), Some(&chi));
    assert_eq!((own.found[0].person.as_str(), own.problems.len()), ("chi", 0));
}

#[test]
fn holidays_are_days_in_the_schedules_zone() {
    let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20260403\nDTEND;VALUE=DATE:20260405\nSUMMARY:Easter\nEND:VEVENT
BEGIN:VEVENT\nUID:2\nDTSTART;VALUE=DATE:20260101\nSUMMARY:New Year\nEND:VEVENT
BEGIN:VEVENT\nUID:3\nDTSTART;VALUE=DATE:20260101\nSUMMARY:New Year\nEND:VEVENT
BEGIN:VEVENT\nUID:4\nDTSTART:20260501T220000Z\nDURATION:PT1H\nSUMMARY:Late\nEND:VEVENT\nEND:VCALENDAR";
    let zone = Zone::get("America/Havana").unwrap();
    let calendar = read_calendar(text.as_bytes(), &zone, Span::ALWAYS).unwrap();
    let told: Vec<String> = holidays(&calendar, &zone)
        .iter()
        .map(|day| format!("{} {} {}", day.from, day.to.pred_opt().unwrap(), day.name))
        .collect();
    assert_eq!(told, ["2026-01-01 2026-01-01 New Year", "2026-04-03 2026-04-04 Easter", "2026-05-01 2026-05-01 Late"]);
}

#[test]
fn overrides_say_what_the_shifts_say() {
    let day = |text: &str| format!("2026-01-{text}T09:00:00Z").parse::<DateTime<Utc>>().unwrap();
    let shift = |people: &[&str], start: &str, end: &str, priority| ImportedShift {
        people: people.iter().map(|&person| person.into()).collect(),
        start: day(start),
        end: day(end),
        priority,
        uid: String::new(),
    };
    let shifts = [
        shift(&["ana"], "12", "15", 0),
        shift(&["ben"], "13", "14", 1),
        shift(&["chi"], "14", "16", 0),
        shift(&["chi"], "16", "17", 0),
        shift(&["ana"], "20", "21", 0),
    ];
    let made = overrides(&shifts, "s", &"john".into(), 40);
    let told: Vec<String> = made
        .iter()
        .map(|one| {
            let Change::ReplaceAll { users } = &one.change else { panic!("{one:?}") };
            let users: Vec<&str> = users.iter().map(ResponderId::as_str).collect();
            format!("#{} {} to {} {}", one.number, one.start.format("%d"), one.end.format("%d"), users.join("+"))
        })
        .collect();
    assert_eq!(
        told,
        ["#40 12 to 13 ana", "#41 13 to 14 ben", "#42 14 to 15 ana+chi", "#43 15 to 17 chi", "#44 20 to 21 ana"]
    );
    for hours in 0..240 {
        let at = day("11") + TimeDelta::hours(hours);
        let expected = on_duty(&shifts, at);
        let rota = rota();
        let (people, _) = crate::on_duty(&rota, "s", &made, at).unwrap();
        assert!(if expected.is_empty() { people == [&ResponderId::from("ana")] } else { people == expected }, "{at}");
    }
}
