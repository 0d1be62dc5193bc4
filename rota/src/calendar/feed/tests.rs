//! A feed as a calendar program sees it, and what an edit does to its events.

use super::*;
use crate::Change;
use std::collections::BTreeSet;

const FILE: &str = r#"
[people]
ana = { name = "Ana Ruiz", slack = "U0ANA" }
ben = { name = "Ben, Jr; \\o/", slack = "U0BEN" }

[schedules.payments]
zone = "Europe/Madrid"
[[schedules.payments.layers]]
name = "weekly"
rotation = ["ana", "ben"]
handoff = "2026-01-05 09:00"
every = "13 weeks"

[schedules.office]
zone = "Europe/Madrid"
[[schedules.office.layers]]
name = "day"
rotation = ["ana", "ben"]
handoff = "2026-01-05 08:00"
every = "1 week"
window = "Mon-Fri 08:00-20:00"

[escalation.default]
levels = [{ page = ["schedule:payments"] }]
"#;

fn rota_with(change: impl Fn(&str) -> String) -> Rota {
    Rota::parse(&[("team.toml", change(FILE))]).unwrap()
}

fn rota() -> Rota {
    rota_with(str::to_owned)
}

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-{text}:00Z").parse().unwrap()
}

const NOW: &str = "02-01T12:00";

fn request(schedule: &str) -> Request<'_> {
    Request { subject: Subject::Schedule(schedule), site: "catops.example", url: None, alarm_before: None }
}

fn cover(number: u64, start: &str, end: &str) -> Operation {
    Operation {
        number,
        schedule: "payments".into(),
        start: at(start),
        end: at(end),
        change: Change::ReplaceUser { from: "ana".into(), to: "ben".into() },
        by: "ben".into(),
        reason: String::new(),
    }
}

/// An event in one line: `ana 01-05T08:00 to 04-06T07:00 #0 CONFIRMED`.
fn told(feed: &Feed) -> Vec<String> {
    let body = feed.body.replace("\r\n ", "");
    let value = |event: &str, name: &str| {
        let line = event.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or("-").to_owned()
    };
    let event = |event: &str| {
        let [person, start, end] = ["X-CATOPS-PERSON", "DTSTART", "DTEND"].map(|name| value(event, name));
        format!("{person} {start} {end} #{} {}", value(event, "SEQUENCE"), value(event, "STATUS"))
    };
    body.split("BEGIN:VEVENT").skip(1).map(event).collect()
}

fn uids(feed: &Feed) -> BTreeSet<&str> {
    feed.published.iter().map(|event| event.uid.as_str()).collect()
}

#[test]
fn a_feed_is_a_calendar_that_every_program_reads() {
    let rota = rota();
    let request = Request {
        url: Some("https://catops.example/oncall/payments"),
        alarm_before: Some(TimeDelta::minutes(30)),
        ..request("payments")
    };
    let first = feed(&rota, &[], &request, &[], at(NOW)).unwrap();
    insta::assert_snapshot!(first.body.replace("\r\n", "\n"));
    assert!(first.body.ends_with("END:VCALENDAR\r\n"));
    assert_eq!(first.body.matches('\n').count(), first.body.matches("\r\n").count());
}

#[test]
fn asked_again_nothing_has_changed() {
    let first = feed(&rota(), &[], &request("payments"), &[], at(NOW)).unwrap();
    let again = feed(&rota(), &[], &request("payments"), &first.published, at("02-01T18:00")).unwrap();
    assert_eq!((&first.etag, &first.published), (&again.etag, &again.published));
    assert_ne!(first.body, again.body, "DTSTAMP is the time of asking");
    assert!(first.etag.starts_with('"') && first.etag.ends_with('"') && first.etag.len() == 34);
}

#[test]
fn a_cover_shortens_one_event_and_adds_two_and_its_end_is_said() {
    let rota = rota();
    let before = feed(&rota, &[], &request("payments"), &[], at(NOW)).unwrap();
    assert_eq!(
        told(&before),
        [
            "ana 20260105T080000Z 20260406T070000Z #0 CONFIRMED",
            "ben 20260406T070000Z 20260706T070000Z #0 CONFIRMED",
            "ana 20260706T070000Z 20261005T070000Z #0 CONFIRMED",
        ]
    );
    let operations = [cover(7, "02-03T10:00", "02-04T10:00")];
    let covered = feed(&rota, &operations, &request("payments"), &before.published, at(NOW)).unwrap();
    assert_eq!(
        told(&covered),
        [
            "ana 20260105T080000Z 20260203T100000Z #1 CONFIRMED",
            "ben 20260203T100000Z 20260204T100000Z #0 CONFIRMED",
            "ana 20260204T100000Z 20260406T070000Z #0 CONFIRMED",
            "ben 20260406T070000Z 20260706T070000Z #0 CONFIRMED",
            "ana 20260706T070000Z 20261005T070000Z #0 CONFIRMED",
        ]
    );
    assert_ne!(covered.etag, before.etag);
    assert!(uids(&covered).is_superset(&uids(&before)));

    let cancelled = feed(&rota, &[], &request("payments"), &covered.published, at("02-02T12:00")).unwrap();
    assert_eq!(
        told(&cancelled),
        [
            "ana 20260105T080000Z 20260406T070000Z #2 CONFIRMED",
            "- 20260203T100000Z 20260204T100000Z #1 CANCELLED",
            "- 20260204T100000Z 20260406T070000Z #1 CANCELLED",
            "ben 20260406T070000Z 20260706T070000Z #0 CONFIRMED",
            "ana 20260706T070000Z 20261005T070000Z #0 CONFIRMED",
        ]
    );
    assert_eq!(uids(&cancelled), uids(&covered));
    // Cancelled stays cancelled, without being told as new each time.
    let later = feed(&rota, &[], &request("payments"), &cancelled.published, at("02-03T12:00")).unwrap();
    assert_eq!((&later.etag, &later.published), (&cancelled.etag, &cancelled.published));
    // Fifteen days after it would have ended, nobody needs to hear of it.
    let much_later = feed(&rota, &[], &request("payments"), &later.published, at("02-20T12:00")).unwrap();
    assert_eq!(told(&much_later).iter().filter(|event| event.ends_with("CANCELLED")).count(), 1);
}

#[test]
fn an_edited_handoff_moves_events_and_makes_none() {
    let before = feed(&rota(), &[], &request("payments"), &[], at(NOW)).unwrap();
    let edited = rota_with(|file| file.replacen("handoff = \"2026-01-05 09:00\"", "handoff = \"2026-01-06 10:00\"", 1));
    let after = feed(&edited, &[], &request("payments"), &before.published, at(NOW)).unwrap();
    assert_eq!(told(&after)[1], "ben 20260407T080000Z 20260707T080000Z #1 CONFIRMED");
    // The turn before the anchor reaches into the feed now.
    assert_eq!(told(&after).len(), 3);
    assert_eq!(uids(&after), uids(&before));
}

#[test]
fn a_window_makes_an_event_each_day_that_keeps_its_name() {
    let before = feed(&rota(), &[], &request("office"), &[], at(NOW)).unwrap();
    assert_eq!(told(&before)[0], "ana 20260119T070000Z 20260119T190000Z #0 CONFIRMED");
    let edited = rota_with(|file| file.replace("Mon-Fri 08:00-20:00", "Mon-Fri 09:00-20:00"));
    let after = feed(&edited, &[], &request("office"), &before.published, at(NOW)).unwrap();
    assert_eq!(told(&after)[0], "ana 20260119T080000Z 20260119T190000Z #1 CONFIRMED");
    assert_eq!(uids(&after), uids(&before));
}

#[test]
fn a_person_has_all_their_shifts_and_no_other() {
    let rota = rota();
    let ben = ResponderId::from("ben");
    let request = Request { subject: Subject::Person(&ben), ..request("") };
    let feed = feed(&rota, &[cover(1, "02-03T10:00", "02-04T10:00")], &request, &[], at(NOW)).unwrap();
    assert!(told(&feed).iter().all(|event| event.starts_with("ben ")));
    let summaries: BTreeSet<&str> = feed.published.iter().map(|event| event.summary.as_str()).collect();
    assert_eq!(summaries, BTreeSet::from(["On call: office", "On call: payments"]));
    assert!(told(&feed).contains(&"ben 20260203T100000Z 20260204T100000Z #0 CONFIRMED".to_owned()));
}

#[test]
fn the_same_shift_has_the_same_uid_in_both_feeds() {
    let rota = rota();
    let ana = ResponderId::from("ana");
    let of_person = Request { subject: Subject::Person(&ana), ..request("") };
    let of_person = feed(&rota, &[], &of_person, &[], at(NOW)).unwrap();
    let of_schedule = feed(&rota, &[], &request("payments"), &[], at(NOW)).unwrap();
    assert_eq!(uids(&of_person).intersection(&uids(&of_schedule)).count(), 2);
}

#[test]
fn a_schedule_that_is_not_there_is_said_and_a_person_who_left_is_cancelled() {
    let unknown = feed(&rota(), &[], &request("payment"), &[], at(NOW)).unwrap_err();
    assert_eq!(unknown.to_string(), "there is no schedule \"payment\"; did you mean \"payments\"?");
    let ben = ResponderId::from("ben");
    let request = Request { subject: Subject::Person(&ben), ..request("") };
    let before = feed(&rota(), &[], &request, &[], at(NOW)).unwrap();
    let without = rota_with(|file| file.replace("[\"ana\", \"ben\"]", "[\"ana\"]"));
    let after = feed(&without, &[], &request, &before.published, at(NOW)).unwrap();
    assert_eq!(uids(&after), uids(&before));
    assert!(told(&after).iter().all(|event| event.ends_with("#1 CANCELLED")));
}

#[test]
fn the_ends_of_time_are_answered() {
    for at in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        assert!(feed(&rota(), &[], &request("office"), &[], at).is_ok());
    }
}
