//! Calendars as Google, Outlook and Apple write them, and the cases that each part of the format has.

use super::*;

const MADRID: &str = "Europe/Madrid";

fn span(from: &str, to: &str) -> Span {
    Span { start: format!("{from}T00:00:00Z").parse().unwrap(), end: format!("{to}T00:00:00Z").parse().unwrap() }
}

fn read(text: &str, zone: &str) -> Calendar {
    read_calendar(text.as_bytes(), &Zone::get(zone).unwrap(), span("2026-01-01", "2026-07-01")).unwrap()
}

/// `2026-01-05T08:00 to 2026-01-06T08:00 On call`.
fn told(calendar: &Calendar) -> String {
    let form = "%Y-%m-%dT%H:%M";
    let entry = |entry: &Entry| {
        let all_day = if entry.all_day { " all day" } else { "" };
        let invited = if entry.attendees.is_empty() { String::new() } else { format!(" {:?}", entry.attendees) };
        format!("{} to {} {}{all_day}{invited}", entry.start.format(form), entry.end.format(form), entry.summary)
    };
    calendar.entries.iter().map(entry).chain(calendar.problems.clone()).collect::<Vec<_>>().join("\n")
}

/// One event in a calendar, given by its lines without those that every event has.
#[track_caller]
fn check(zone: &str, event: &str, expect: &str) {
    check_all(zone, &format!("BEGIN:VEVENT\n{event}\nEND:VEVENT"), expect);
}

#[track_caller]
fn check_all(zone: &str, events: &str, expect: &str) {
    let lines: Vec<&str> = events.lines().map(str::trim).collect();
    let calendar = read(&format!("BEGIN:VCALENDAR\n{}\nEND:VCALENDAR\n", lines.join("\n")), zone);
    let expect: Vec<&str> = expect.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(told(&calendar), expect.join("\n"));
}

#[test]
fn google() {
    let calendar = read(include_str!("../../../../tests/corpus/calendars/google.ics"), MADRID);
    assert_eq!(calendar.name.as_deref(), Some("Payments on call"));
    insta::assert_snapshot!(told(&calendar));
}

#[test]
fn outlook() {
    insta::assert_snapshot!(told(&read(include_str!("../../../../tests/corpus/calendars/outlook.ics"), MADRID)));
}

#[test]
fn apple() {
    let calendar = read(include_str!("../../../../tests/corpus/calendars/apple.ics"), MADRID);
    assert_eq!(calendar.name.as_deref(), Some("Rota 🐈"));
    insta::assert_snapshot!(told(&calendar));
}

#[test]
fn floating_times_and_dates_are_the_schedules() {
    let event = "DTSTART:20260105T090000\nDTEND:20260105T170000\nSUMMARY:ana";
    check(MADRID, event, "2026-01-05T08:00 to 2026-01-05T16:00 ana");
    check("Asia/Kathmandu", event, "2026-01-05T03:15 to 2026-01-05T11:15 ana");
    let event = "DTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:20260107\nSUMMARY:ana";
    check("Asia/Kathmandu", event, "2026-01-04T18:15 to 2026-01-06T18:15 ana all day");
}

#[test]
fn a_date_without_an_end_is_a_day_and_a_time_without_one_is_nothing() {
    check("UTC", "DTSTART:20260105\nSUMMARY:ana", "2026-01-05T00:00 to 2026-01-06T00:00 ana all day");
    check("UTC", "DTSTART:20260105T090000Z\nSUMMARY:ana", "line 2: \"ana\" has no length; it is left out");
    check(
        "UTC",
        "DTSTART:20260105T090000Z\nDTEND:20260105T080000Z\nSUMMARY:ana",
        "line 2: \"ana\" has no length; it is left out",
    );
    check("UTC", "DTSTART:20260105T090000Z\nDURATION:P1DT2H\nSUMMARY:a", "2026-01-05T09:00 to 2026-01-06T11:00 a");
}

#[test]
fn zones_are_known_by_all_their_names() {
    for name in [
        "Europe/Madrid",
        "\"Europe/Madrid\"",
        "/freeassociation.sourceforge.net/Europe/Madrid",
        "/citadel.org/20210210_1/Europe/Madrid",
        "Romance Standard Time",
        "romance standard time",
    ] {
        check(
            "UTC",
            &format!("DTSTART;TZID={name}:20260105T090000\nDURATION:PT1H\nSUMMARY:a"),
            "2026-01-05T08:00 to 2026-01-05T09:00 a",
        );
    }
    check(
        MADRID,
        "DTSTART;TZID=tzone://Microsoft/Utc:20260105T090000\nDURATION:PT1H\nSUMMARY:a",
        "2026-01-05T09:00 to 2026-01-05T10:00 a",
    );
    check(
        MADRID,
        "DTSTART;TZID=Nowhere/Land:20260105T090000\nDURATION:PT1H\nSUMMARY:a",
        "2026-01-05T08:00 to 2026-01-05T09:00 a
         line 3: there is no time zone \"Nowhere/Land\"; the schedule's is taken",
    );
}

#[test]
fn a_zone_that_the_calendar_made_up_is_read_from_it() {
    // Half an hour forward on 1 March and back on 1 May; 02:00 to 02:30 does not exist, 01:30 to 02:00 comes twice.
    let zone =
        "BEGIN:VTIMEZONE\nTZID:Own\nBEGIN:DAYLIGHT\nDTSTART:20200301T020000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0130
        RRULE:FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=1\nEND:DAYLIGHT\nBEGIN:STANDARD\nDTSTART:20200501T020000
        TZOFFSETFROM:+0130\nTZOFFSETTO:+0100\nRRULE:FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=1\nEND:STANDARD\nEND:VTIMEZONE";
    let event = |start: &str, end: &str| {
        format!("{zone}\nBEGIN:VEVENT\nDTSTART;TZID=Own:{start}\nDTEND;TZID=Own:{end}\nSUMMARY:a\nEND:VEVENT")
    };
    check_all("UTC", &event("20260228T120000", "20260301T120000"), "2026-02-28T11:00 to 2026-03-01T10:30 a");
    check_all("UTC", &event("20260301T021000", "20260301T040000"), "2026-03-01T01:00 to 2026-03-01T02:30 a");
    check_all("UTC", &event("20260501T014000", "20260501T015000"), "2026-05-01T00:10 to 2026-05-01T00:50 a");
}

#[test]
fn rule_l_holds_in_series() {
    // The day of a midnight gap is not dropped: the crate rrule loses 4 November.
    let calendar = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;TZID=America/Sao_Paulo:20181102T000000\nDURATION:P1D
RRULE:FREQ=DAILY;COUNT=4\nSUMMARY:a\nEND:VEVENT\nEND:VCALENDAR";
    let zone = Zone::utc();
    let calendar = read_calendar(calendar.as_bytes(), &zone, span("2018-11-01", "2018-12-01")).unwrap();
    assert_eq!(
        told(&calendar),
        "2018-11-02T03:00 to 2018-11-03T03:00 a\n2018-11-03T03:00 to 2018-11-04T03:00 a\n\
         2018-11-04T03:00 to 2018-11-05T02:00 a\n2018-11-05T02:00 to 2018-11-06T02:00 a"
    );
    // A night keeps its hours on the clock, and so has one less in spring.
    check(
        "UTC",
        "DTSTART;TZID=Europe/Madrid:20260327T220000\nDTEND;TZID=Europe/Madrid:20260328T060000
         RRULE:FREQ=DAILY;COUNT=2\nSUMMARY:a",
        "2026-03-27T21:00 to 2026-03-28T05:00 a
         2026-03-28T21:00 to 2026-03-29T04:00 a",
    );
}

#[test]
fn until_may_be_a_date_or_utc_or_wrongly_local() {
    let event = |until: &str| {
        format!(
            "DTSTART;TZID=America/New_York:20260105T200000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL={until}\nSUMMARY:a"
        )
    };
    let two = "2026-01-06T01:00 to 2026-01-06T02:00 a\n2026-01-07T01:00 to 2026-01-07T02:00 a";
    check("UTC", &event("20260106"), two);
    check("UTC", &event("20260107T010000Z"), two);
    check("UTC", &event("20260106T200000"), two);
    check("UTC", &event("20260107T005959Z"), "2026-01-06T01:00 to 2026-01-06T02:00 a");
}

#[test]
fn times_are_taken_away_moved_and_added() {
    check_all(
        MADRID,
        "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Madrid:20260302T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=5\nSUMMARY:a
         EXDATE:20260303T080000Z\nEXDATE;VALUE=DATE:20260306\nRDATE;TZID=Europe/Madrid:20260310T090000\nEND:VEVENT
         BEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20260304T080000Z\nDTSTART:20260605T100000Z\nDURATION:PT2H\nSUMMARY:moved\nEND:VEVENT
         BEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20260305T080000Z\nDTSTART:20260305T080000Z\nDURATION:PT1H\nSTATUS:CANCELLED\nEND:VEVENT",
        "2026-03-02T08:00 to 2026-03-02T09:00 a
         2026-03-10T08:00 to 2026-03-10T09:00 a
         2026-06-05T10:00 to 2026-06-05T12:00 moved",
    );
}

#[test]
fn of_changes_of_one_time_the_newest_counts() {
    let series =
        "BEGIN:VEVENT\nUID:1\nDTSTART:20260302T080000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=1\nSUMMARY:a\nEND:VEVENT";
    let change = |sequence: u8, summary: &str| {
        format!(
            "BEGIN:VEVENT\nUID:1\nSEQUENCE:{sequence}\nRECURRENCE-ID:20260302T080000Z\nDTSTART:20260302T090000Z\nDURATION:PT1H\nSUMMARY:{summary}\nEND:VEVENT"
        )
    };
    for (first, second, expect) in [((1, "b"), (2, "c"), "c"), ((2, "b"), (1, "c"), "b"), ((1, "b"), (1, "c"), "c")] {
        let events = format!("{series}\n{}\n{}", change(first.0, first.1), change(second.0, second.1));
        check_all(MADRID, &events, &format!("2026-03-02T09:00 to 2026-03-02T10:00 {expect}"));
    }
}

#[test]
fn a_day_may_be_taken_away_by_a_time() {
    for except in [
        "EXDATE;VALUE=DATE:20260106",
        "EXDATE:20260106",
        "EXDATE;TZID=Tokyo Standard Time:20260106T000000",
        "EXDATE:20260106T050000Z",
    ] {
        check(
            "America/New_York",
            &format!("DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=DAILY;COUNT=3\nSUMMARY:a\n{except}"),
            "2026-01-05T05:00 to 2026-01-06T05:00 a all day
             2026-01-07T05:00 to 2026-01-08T05:00 a all day",
        );
    }
}

#[test]
fn a_uid_that_comes_twice_is_a_revision_or_two_events() {
    let event = |sequence: u8, day: u8| {
        format!(
            "BEGIN:VEVENT\nUID:1\nSEQUENCE:{sequence}\nDTSTART:2026010{day}T090000Z\nDURATION:PT1H\nSUMMARY:a\nEND:VEVENT\n"
        )
    };
    check_all(MADRID, &format!("{}{}", event(2, 5), event(1, 6)), "2026-01-05T09:00 to 2026-01-05T10:00 a");
    check_all(MADRID, &format!("{}{}", event(1, 5), event(1, 5)), "2026-01-05T09:00 to 2026-01-05T10:00 a");
    check_all(
        MADRID,
        &format!("{}{}", event(1, 5), event(1, 6)),
        "2026-01-05T09:00 to 2026-01-05T10:00 a
         2026-01-06T09:00 to 2026-01-06T10:00 a
         line 9: another event than in line 2 has its UID, \"1\"; each of them counts",
    );
    // Two people at the same time are two shifts, however the UIDs were made.
    check_all(
        MADRID,
        &format!("{}{}", event(1, 5), event(1, 5).replace("SUMMARY:a", "SUMMARY:b")),
        "2026-01-05T09:00 to 2026-01-05T10:00 a
         2026-01-05T09:00 to 2026-01-05T10:00 b
         line 9: another event than in line 2 has its UID, \"1\"; each of them counts",
    );
}

#[test]
fn a_mistake_costs_one_event_and_is_told_with_its_line() {
    check_all(
        MADRID,
        "BEGIN:VEVENT\nSUMMARY:no start\nEND:VEVENT
         BEGIN:VEVENT\nDTSTART:20260230T090000Z\nSUMMARY:no such day\nEND:VEVENT
         BEGIN:VEVENT\nDTSTART:20260105T090000Z\nDURATION:1 hour\nSUMMARY:no length\nEND:VEVENT
         BEGIN:VEVENT\nDTSTART:20260105T090000Z\nthis is no line\nDURATION:PT1H\nRRULE:FREQ=SECONDLY\nSUMMARY:a\nEND:VEVENT
         BEGIN:VEVENT\nDTSTART:20260106T090000Z\nSUMMARY:has no end
         BEGIN:VEVENT\nDTSTART:20260107T090000Z\nDURATION:PT1H\nSUMMARY:b\nEND:VEVENT",
        "2026-01-05T09:00 to 2026-01-05T10:00 a
         2026-01-07T09:00 to 2026-01-07T10:00 b
         line 2: an event without DTSTART; \"no start\" is left out
         line 6: DTSTART is no date or time: \"20260230T090000Z\"; \"no such day\" is left out
         line 9: an event whose end is not understood; \"no length\" is left out
         line 16: not a line of a calendar: \"this is no line\"
         line 18: RRULE: \"FREQ=SECONDLY\" is not understood; only the first time counts
         line 21: a VEVENT begins here and never ends; it is left out",
    );
}

#[track_caller]
fn check_refused(text: &[u8], expect: &str) {
    let refused = read_calendar(text, &Zone::utc(), Span::ALWAYS).unwrap_err();
    assert_eq!(refused.to_string(), expect);
}

#[test]
fn what_is_no_whole_calendar_is_refused() {
    let none = "this is no calendar (it has no BEGIN:VCALENDAR); is the address the one of the iCal feed?";
    check_refused(b"", none);
    check_refused(b"<!DOCTYPE html>\n<title>Sign in</title>", none);
    let cut = "the calendar is cut short: it has no END:VCALENDAR";
    check_refused(b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260105T090000Z\nDURATION:PT1H\n", cut);
    check_refused(b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260105T090000Z\nEND:VCALENDAR\n", cut);
    let long = format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\n{}END:VEVENT\nEND:VCALENDAR\n", "UID:1\n".repeat(LINES_MAX + 1));
    check_refused(
        long.as_bytes(),
        "the calendar has more than 200000 lines about events; ask for one that goes back less far",
    );
    check_refused(&vec![b'\n'; BYTES_MAX + 1], "the calendar has 8388609 bytes, more than the 8388608 that are read");
}

#[test]
fn folds_in_the_middle_of_a_letter_are_mended() {
    let text =
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260105\r\nSUMMARY:Muñoz\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let mut bytes = text.as_bytes().to_vec();
    let in_letter = bytes.iter().position(|byte| *byte == 0xc3).unwrap() + 1;
    bytes.splice(in_letter..in_letter, *b"\r\n ");
    let calendar = read_calendar(&bytes, &Zone::utc(), span("2026-01-01", "2026-02-01")).unwrap();
    assert_eq!(calendar.entries[0].summary, "Muñoz");
}

#[test]
fn hostile_calendars_end_soon() {
    let nested =
        format!("BEGIN:VCALENDAR\n{}{}END:VCALENDAR\n", "BEGIN:X\n".repeat(100_000), "END:X\n".repeat(100_000));
    assert_eq!(told(&read(&nested, "UTC")), "");
    let event = "BEGIN:VEVENT\nDTSTART:19000101T000000Z\nDURATION:P400D\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=4000000000\nSUMMARY:a\nEND:VEVENT\n";
    let calendar = read(&format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", event.repeat(2_000)), "UTC");
    assert_eq!(calendar.problems[0], "its series are too long to be laid out whole; some of their times are missing");
    let many = |number: usize| {
        format!(
            "BEGIN:VEVENT\nUID:{number}\nDTSTART:20260101T000000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY\nSUMMARY:a\nEND:VEVENT\n"
        )
    };
    let many: String = (0..200).map(many).collect();
    let calendar = read(&format!("BEGIN:VCALENDAR\n{many}END:VCALENDAR\n"), "UTC");
    assert_eq!((calendar.entries.len(), calendar.problems.len()), (10_000, 1));
    assert_eq!(calendar.problems[0], "it has more than 10000 entries; the others are left out");
}

#[test]
fn hostile_names_end_soon() {
    let wrapped = |events: String| read(&format!("BEGIN:VCALENDAR\n{events}END:VCALENDAR\n"), "UTC");
    let event = |uid: usize, zone: &str, minute: usize| {
        let (hour, minute) = (minute / 60 % 24, minute % 60);
        format!(
            "BEGIN:VEVENT\nUID:{uid}\nDTSTART;TZID={zone}:20260105T{hour:02}{minute:02}00\nDURATION:PT1H\nEND:VEVENT\n"
        )
    };
    let same_uid = wrapped((0..20_000).map(|number| event(1, "UTC", number)).collect());
    assert_eq!((same_uid.entries.len(), same_uid.problems.len()), (20, 51));
    assert_eq!(
        same_uid.problems[20],
        "line 107: another event than in line 2 has its UID, \"1\"; this one is left out"
    );
    let zones = wrapped((0..20_000).map(|number| event(number, &format!("Nowhere/{number}"), 0)).collect());
    assert_eq!((zones.entries.len(), zones.problems.len()), (10_000, 52));
    let changes: String =
        (0..100_000).map(|number| format!("RDATE:2026{:02}01T{:02}0000\n", number % 12 + 1, number % 24)).collect();
    let zone = format!(
        "BEGIN:VTIMEZONE\nTZID:Own\nBEGIN:STANDARD\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nDTSTART:20200101T000000\n{changes}END:STANDARD\nEND:VTIMEZONE\n"
    );
    assert_eq!(wrapped(format!("{zone}{}", event(1, "Own", 0))).entries.len(), 1);
}

#[test]
fn a_series_that_began_long_ago_costs_nothing() {
    let old = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:19010101T000000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;INTERVAL=7\nSUMMARY:a\nEND:VEVENT\nEND:VCALENDAR\n";
    assert_eq!(read(old, "UTC").entries.len(), 26);
}
