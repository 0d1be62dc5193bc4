//! The laws of calendars: what goes out comes in again (property 18), events keep their names, and no bytes do harm.

use super::*;
use crate::properties::{PEOPLE, ZONE_NAMES, ZONES, instant, person};
use crate::{Change, Operation, Rota, Segment, Span, Zone, final_schedule};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use incident::ResponderId;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// 64 cases, or as many as `PROPTEST_CASES` says: each lays out half a year several times.
fn config() -> ProptestConfig {
    let asked = ProptestConfig::default();
    let cases = if asked.cases == 256 { 64 } else { asked.cases };
    ProptestConfig { cases, failure_persistence: None, ..asked }
}

/// A layer as it is written in a file.
fn layer(wall: NaiveDateTime, zone: &'static str) -> impl Strategy<Value = String> {
    let groups = (subsequence(&PEOPLE[..], 1..=2), vec(subsequence(&PEOPLE[..], 0..=2), 0..3));
    let groups = groups.prop_map(|(first, more)| [vec![first], more].concat());
    let every = select(&["6 hours", "1 day", "3 days", "1 week", "2 weeks", "1 month", "1 year"][..]);
    let window =
        select(&["", "Mon-Fri 08:00-20:00", "Sun-Sat 22:00-06:00", "Fri 20:00 - Mon 08:00", "Mon-Fri 00:00-00:00"][..]);
    (groups, every, window, 0..2_u8).prop_map(move |(groups, every, window, priority)| {
        let handoff = wall.format("%Y-%m-%d %H:%M");
        let mut layer = format!(
            "[[schedules.s.layers]]\nname = \"{zone} {every} {window}\"\nrotation = {groups:?}\nhandoff = \"{handoff}\"\n\
             every = \"{every}\"\nzone = \"{zone}\"\npriority = {priority}\n"
        );
        if !window.is_empty() {
            writeln!(layer, "window = \"{window}\"").unwrap();
        }
        layer
    })
}

/// A rota of any kind as a file has it, and an instant.
fn any_rota() -> impl Strategy<Value = (Rota, Zone, DateTime<Utc>)> {
    let place = (0..ZONE_NAMES.len()).prop_flat_map(|place| (Just(place), instant(&ZONES[place])));
    let parts = place.prop_flat_map(|(place, at)| {
        let wall = ZONES[place].wall(at);
        (Just((place, at)), vec(layer(wall, ZONE_NAMES[place]), 1..4))
    });
    parts.prop_map(|((place, at), layers)| {
        let mut file = String::new();
        for person in PEOPLE {
            writeln!(file, "[people.{person}]\nname = \"{person}\"\nslack = \"U{}\"", person.to_uppercase()).unwrap();
        }
        writeln!(file, "[schedules.s]\nzone = \"{}\"", ZONE_NAMES[place]).unwrap();
        for (number, layer) in layers.iter().enumerate() {
            file.push_str(&layer.replace("name = \"", &format!("name = \"{number} ")));
        }
        file.push_str("[escalation.default]\nlevels = [{ page = [\"schedule:s\"] }]\n");
        (Rota::parse(&[("rota.toml", file.as_str())]).unwrap(), ZONES[place].clone(), at)
    })
}

/// An operation within the 20 days after `from`, not always on whole seconds.
fn operation(number: u64, from: DateTime<Utc>) -> impl Strategy<Value = Operation> {
    let change = prop_oneof![
        vec(person(), 0..3).prop_map(|users| Change::ReplaceAll { users }),
        (person(), person()).prop_map(|(from, to)| Change::ReplaceUser { from, to }),
        person().prop_map(|user| Change::Add { user }),
        person().prop_map(|user| Change::Remove { user }),
        (person(), person()).prop_map(|(a, b)| Change::Exchange { a, b }),
    ];
    (0..1_728_000_i64, 1..500_000_i64, change).prop_map(move |(start, seconds, change)| {
        let start = from + TimeDelta::seconds(start) + TimeDelta::milliseconds(250);
        let end = start + TimeDelta::seconds(seconds);
        Operation { number, schedule: "s".into(), start, end, change, by: "ana".into(), reason: "a, b; c\\n".into() }
    })
}

fn changed_rota() -> impl Strategy<Value = (Rota, Zone, Vec<Operation>, DateTime<Utc>)> {
    any_rota().prop_flat_map(|(rota, zone, at)| {
        let operations = (0..4_usize).prop_flat_map(move |count| {
            (0..count as u64).map(|number| operation(number, at).boxed()).collect::<Vec<_>>()
        });
        (Just(rota), Just(zone), operations, Just(at))
    })
}

const REQUEST: Request<'_> =
    Request { subject: Subject::Schedule("s"), site: "catops.example", url: None, alarm_before: None };

fn feed_of(rota: &Rota, operations: &[Operation], previous: &[Published], at: DateTime<Utc>) -> Feed {
    feed(rota, operations, &REQUEST, previous, at).unwrap()
}

/// The UIDs of the events that are cancelled.
fn cancelled(feed: &Feed) -> BTreeSet<String> {
    let unfolded = feed.body.replace("\r\n ", "");
    let events = unfolded.split("BEGIN:VEVENT").filter(|event| event.contains("\r\nSTATUS:CANCELLED"));
    events.map(|event| event.split("UID:").nth(1).unwrap().split("\r\n").next().unwrap().to_owned()).collect()
}

/// A rota with everybody, whose schedule goes by the calendar "ours": as its layer, or as overrides of nobody's turns.
fn rota_by_calendar(zone: &Zone, as_overrides: bool) -> Rota {
    let mut file = String::new();
    for person in PEOPLE {
        writeln!(file, "[people.{person}]\nname = \"{person}\"\nslack = \"U{}\"", person.to_uppercase()).unwrap();
    }
    let (schedule, layer) = if as_overrides {
        ("overrides_from = \"ours\"", "calendar = \"nobodys\"")
    } else {
        ("", "calendar = \"ours\"")
    };
    writeln!(file, "[schedules.s]\nzone = \"{}\"\n{schedule}\n[[schedules.s.layers]]\n{layer}", zone.name()).unwrap();
    file.push_str("[escalation.default]\nlevels = [{ page = [\"schedule:s\"] }]\n");
    Rota::parse(&[("rota.toml", file.as_str())]).unwrap()
}

fn whole_second(at: DateTime<Utc>) -> DateTime<Utc> {
    let floor = DateTime::from_timestamp(at.timestamp(), 0).unwrap();
    if floor < at { floor + TimeDelta::seconds(1) } else { floor }
}

fn people<'r>(segments: &[Segment<'r>], at: DateTime<Utc>) -> BTreeSet<&'r ResponderId> {
    let place = segments.partition_point(|segment| segment.end <= at);
    segments[place].on_duty.iter().copied().collect()
}

fn names(people: &[&ResponderId]) -> BTreeSet<ResponderId> {
    people.iter().map(|&person| person.clone()).collect()
}

const SAMPLES: [&str; 3] = [
    include_str!("../../../tests/corpus/calendars/google.ics"),
    include_str!("../../../tests/corpus/calendars/outlook.ics"),
    include_str!("../../../tests/corpus/calendars/apple.ics"),
];

/// Words of which calendars consist, for calendars that nearly are some.
fn hostile_line() -> impl Strategy<Value = String> {
    let fixed = select(
        &[
            "BEGIN:VCALENDAR",
            "END:VCALENDAR",
            "BEGIN:VEVENT",
            "END:VEVENT",
            "BEGIN:VTIMEZONE",
            "END:VTIMEZONE",
            "BEGIN:STANDARD",
            "END:STANDARD",
            "BEGIN:VALARM",
            "UID:a",
            "UID:b",
            "TZID:Own",
            "TZOFFSETFROM:+0100",
            "TZOFFSETTO:-2359",
            "DURATION:P999999999W",
            "DURATION:-P1D",
            "DURATION:PT1H",
            "STATUS:CANCELLED",
            "SEQUENCE:99999999999",
            "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
            "RRULE:FREQ=DAILY;COUNT=4294967295",
            "RRULE:FREQ=DAILY;INTERVAL=0",
            "RRULE:FREQ=SECONDLY",
            "RRULE:FREQ=MONTHLY;BYDAY=-53SU,MO;BYSETPOS=-366,1",
            "RRULE:FREQ=WEEKLY;UNTIL=19000101T000000Z;WKST=SU;BYDAY=SU",
            "RRULE:FREQ=YEARLY;INTERVAL=9999",
            "SUMMARY:ana",
            "SUMMARY:\\",
            "X-CATOPS-PERSON:ana",
            "",
            " fold",
            "\"",
            ";:",
            "DTSTART;TZID=\"a:b\":20260101",
        ][..],
    );
    let date = (
        select(&["DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE"][..]),
        select(&["", ";TZID=Own", ";TZID=Nowhere/Land", ";TZID=Pacific/Apia", ";VALUE=DATE"][..]),
        select(
            &["19000101", "29001231T235960", "20111230T000000", "20261101T013000", "20260101T000000Z", "20269999", "9"]
                [..],
        ),
    )
        .prop_map(|(name, parameter, value)| format!("{name}{parameter}:{value}"));
    prop_oneof![2 => fixed.prop_map(str::to_owned), 2 => date, 1 => any::<String>()]
}

fn check_hostile(bytes: &[u8], zone: &Zone, window: Span) {
    let Ok(calendar) = read_calendar(bytes, zone, window) else { return };
    assert!(calendar.entries.len() <= 10_000 && calendar.problems.len() <= 53);
    for entry in &calendar.entries {
        assert!(entry.start < entry.end && entry.start < window.end && window.start < entry.end, "{entry:?}");
    }
    let rota = Rota::default();
    let _ = (shifts(&calendar, &rota, zone), absences(&calendar, &rota, zone, None), holidays(&calendar, zone));
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn p18_what_goes_out_comes_in_again((rota, zone, operations, at) in changed_rota(), elsewhere in select(ZONES.as_slice()), more in vec(0..16_848_000_i64, 20)) {
        let span = Span { start: at - TimeDelta::days(15), end: at + TimeDelta::days(180) };
        let body = feed_of(&rota, &operations, &[], at).body;
        // The reader's zone does not matter: everything is in UTC.
        let calendar = read_calendar(body.as_bytes(), &elsewhere, span).unwrap();
        prop_assert_eq!(&calendar.problems, &Vec::<String>::new());
        let imported = shifts(&calendar, &rota, &zone);
        prop_assert_eq!(&imported.problems, &Vec::<String>::new());
        let segments = final_schedule(&rota, "s", &operations, span.start, span.end).unwrap();
        let edges = segments.iter().map(|segment| whole_second(segment.start)).filter(|edge| *edge < span.end);
        let mut instants: Vec<_> = edges.flat_map(|edge| [edge, edge - TimeDelta::seconds(1)]).filter(|at| *at >= span.start).collect();
        let step = instants.len().div_ceil(60).max(1);
        let near: BTreeSet<_> = operations.iter().flat_map(|operation| [whole_second(operation.start), whole_second(operation.end)]).collect();
        instants = instants.into_iter().step_by(step).chain(near).chain(more.iter().map(|seconds| span.start + TimeDelta::seconds(*seconds))).collect();
        for at in instants {
            prop_assert_eq!(names(&on_duty(&imported.found, at)), people(&segments, at).into_iter().cloned().collect(), "at {}", at);
        }
    }

    #[test]
    fn p18_a_schedule_by_a_feed_of_ours_is_the_schedule_that_it_came_from((rota, zone, operations, at) in changed_rota(), as_overrides in any::<bool>()) {
        let span = Span { start: at - TimeDelta::days(15), end: at + TimeDelta::days(180) };
        let body = feed_of(&rota, &operations, &[], at).body;
        let kept = condensed(body.as_bytes(), span.start.date_naive()).unwrap();
        prop_assert_eq!(&condensed(kept.as_bytes(), span.start.date_naive()).unwrap(), &kept);
        let mut copy = rota_by_calendar(&zone, as_overrides);
        let texts = Texts::from([("ours".to_owned(), kept)]);
        let (imported, misread) = Imported::read(&copy, &texts, &[], span);
        prop_assert_eq!(misread, Vec::new());
        imported.fill(&mut copy);
        let original = final_schedule(&rota, "s", &operations, span.start, span.end).unwrap();
        let same = final_schedule(&copy, "s", &[], span.start, span.end).unwrap();
        let edges = original.iter().chain(&same).map(|segment| whole_second(segment.start)).filter(|edge| *edge < span.end);
        let instants: Vec<_> = edges.flat_map(|edge| [edge, edge - TimeDelta::seconds(1)]).filter(|at| *at >= span.start).collect();
        for at in instants {
            prop_assert_eq!(people(&same, at), people(&original, at), "at {}", at);
            // The one instant and the sweep agree here as everywhere.
            let now: BTreeSet<_> = crate::on_duty(&copy, "s", &[], at).unwrap().0.into_iter().collect();
            prop_assert_eq!(&now, &people(&same, at), "at {}", at);
        }
    }

    #[test]
    fn what_is_kept_of_a_calendar_says_what_the_calendar_says(lines in vec(hostile_line(), 0..60), sample in select(&SAMPLES[..]), zone in select(ZONES.as_slice())) {
        let hostile = format!("BEGIN:VCALENDAR\r\n{}\r\nEND:VCALENDAR\r\n", lines.join("\r\n"));
        let window = Span { start: "2025-01-01T00:00:00Z".parse().unwrap(), end: "2028-01-01T00:00:00Z".parse().unwrap() };
        for text in [hostile.as_str(), sample] {
            let Ok(calendar) = read_calendar(text.as_bytes(), &zone, window) else { continue };
            let kept = condensed(text.as_bytes(), window.start.date_naive()).unwrap();
            let again = read_calendar(kept.as_bytes(), &zone, window).unwrap();
            let sorted = |mut entries: Vec<Entry>| {
                // One without a UID is called by its line, and lines are left out.
                entries.iter_mut().filter(|entry| entry.uid.starts_with("line ")).for_each(|entry| entry.uid.clear());
                entries.sort();
                entries
            };
            prop_assert_eq!(sorted(calendar.entries), sorted(again.entries), "{}", kept);
        }
    }

    #[test]
    fn p18_time_alone_cancels_nothing_and_no_uid_comes_twice((rota, _, operations, at) in changed_rota(), hours in 1..1_200_i64) {
        let first = feed_of(&rota, &operations, &[], at);
        let later = feed_of(&rota, &operations, &first.published, at + TimeDelta::hours(hours));
        prop_assert_eq!(cancelled(&later), BTreeSet::new());
        for feed in [&first, &later] {
            let uids: BTreeSet<&str> = feed.published.iter().map(|event| event.uid.as_str()).collect();
            prop_assert_eq!(uids.len(), feed.published.len());
        }
    }

    #[test]
    fn p18_a_change_and_its_end_leave_the_same_events((rota, _, operations, at) in changed_rota()) {
        let times = |feed: &Feed| -> BTreeMap<String, (DateTime<Utc>, DateTime<Utc>)> {
            let gone = cancelled(feed);
            let touches = |event: &&Published| event.end > at - TimeDelta::days(15) && event.start < at + TimeDelta::days(180);
            let confirmed = feed.published.iter().filter(touches).filter(|event| !gone.contains(&event.uid));
            confirmed.map(|event| (event.uid.clone(), (event.start, event.end))).collect()
        };
        let before = feed_of(&rota, &[], &[], at);
        let changed = feed_of(&rota, &operations, &before.published, at);
        let after = feed_of(&rota, &[], &changed.published, at);
        prop_assert!(times(&before) == times(&after), "an event is not where it was");
        // Nothing that was ever said is silently gone.
        let uids = |feed: &Feed| -> BTreeSet<String> { feed.published.iter().map(|event| event.uid.clone()).collect() };
        prop_assert!(uids(&before).is_subset(&uids(&changed)) && uids(&changed).is_subset(&uids(&after)), "an event has vanished");
        // A program takes a change only when the number has grown.
        let sequences: BTreeMap<&str, &Published> = changed.published.iter().map(|event| (event.uid.as_str(), event)).collect();
        for event in &after.published {
            if let Some(earlier) = sequences.get(event.uid.as_str()) {
                prop_assert_eq!(event.sequence > earlier.sequence, event.digest != earlier.digest);
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..300), zone in select(ZONES.as_slice())) {
        let wrapped = [b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101T000000\n".as_slice(), &bytes, b"\nEND:VEVENT\nEND:VCALENDAR\n"].concat();
        check_hostile(&bytes, &zone, Span::ALWAYS);
        check_hostile(&wrapped, &zone, Span::ALWAYS);
    }

    #[test]
    fn a_calendar_that_was_tampered_with_is_read_or_refused(sample in select(&SAMPLES[..]), cuts in vec((any::<Index>(), 0..40_usize, any::<Index>(), 0..40_usize), 1..6), zone in select(ZONES.as_slice())) {
        let mut bytes = sample.as_bytes().to_vec();
        for (to, removed, from, copied) in cuts {
            let (to, from) = (to.index(bytes.len()), from.index(sample.len()));
            let piece = sample.as_bytes()[from..(from + copied).min(sample.len())].to_vec();
            let end = (to + removed).min(bytes.len());
            bytes.splice(to..end, piece);
        }
        check_hostile(&bytes, &zone, Span::ALWAYS);
    }

    #[test]
    fn what_is_nearly_a_calendar_is_read_or_refused(lines in vec(hostile_line(), 0..60), zone in select(ZONES.as_slice()), at in 0..4_000_000_000_i64) {
        let start = DateTime::from_timestamp(at, 0).unwrap();
        let window = Span { start, end: start + TimeDelta::days(200) };
        let text = format!("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260101T000000\r\n{}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", lines.join("\r\n"));
        check_hostile(text.as_bytes(), &zone, window);
        check_hostile(text.as_bytes(), &zone, Span::ALWAYS);
    }
}
