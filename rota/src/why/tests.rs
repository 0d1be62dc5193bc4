//! Each kind of cause by an example, in the words that people read, and the law that the causes lead to who is on duty.

use super::*;
use crate::sample::{rota_of, story};
use crate::{Fallback, TemporaryShift, on_duty};
use proptest::prelude::*;
use proptest::sample::Index;

const WEEKLY: &str = "[[schedules.s.layers]]\nname = \"weekly\"\nrotation = [\"ana\", \"ben\", \"chi\"]\n\
                      handoff = \"2026-01-05 09:00\"\nevery = \"1 week\"\n";
const OFFICE: &str = "[[schedules.s.layers]]\nname = \"office\"\nrotation = [\"dan\"]\nhandoff = \"2026-01-05 09:00\"\n\
                      every = \"1 day\"\nwindow = \"Mon-Fri 08:00-20:00\"\npriority = 1\n";

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-01-{text}:00Z").parse().unwrap()
}

fn operation(number: u64, from: &str, to: &str, change: Change) -> Operation {
    let (schedule, by, reason) = ("s".to_owned(), "eve".into(), "dentist".to_owned());
    Operation { number, schedule, start: at(from), end: at(to), change, by, reason }
}

/// The lines below the answer, without the one on clocks, which every answer has.
#[track_caller]
fn check(layers: &str, operations: &[Operation], known: Known<'_>, moment: &str, expect: &[&str]) {
    let rota = rota_of("UTC", layers);
    let lines = why(&rota, "s", operations, known, at(moment)).unwrap().lines(&rota, None);
    let (clocks, causes) = lines.split_last().unwrap();
    assert_eq!(causes, expect);
    assert_eq!(clocks, &format!("clocks: UTC, tzdata {}", Zone::tzdata_version()));
}

#[test]
fn a_turn_is_told_with_its_grid_and_its_hours() {
    check(
        WEEKLY,
        &[],
        Known::default(),
        "14T10:00",
        &[
            "s, Wed 14 Jan 2026 10:00 UTC: ben",
            "layer weekly (priority 0): ben has turn 1, Mon 12 Jan 2026 09:00 to Mon 19 Jan 2026 09:00",
            "  turns: every week from Mon 5 Jan 2026 09:00 UTC",
        ],
    );
    check(
        OFFICE,
        &[],
        Known::default(),
        "14T10:00",
        &[
            "s, Wed 14 Jan 2026 10:00 UTC: dan",
            "layer office (priority 1): dan has turn 9, Wed 14 Jan 2026 09:00 to Thu 15 Jan 2026 09:00",
            "  turns: every day from Mon 5 Jan 2026 09:00 UTC",
            "  hours: open Wed 14 Jan 2026 08:00 to Wed 14 Jan 2026 20:00",
        ],
    );
    check(
        &WEEKLY.replace("every =", "mode = \"fair\"\nevery ="),
        &[],
        Known::default(),
        "06T10:00",
        &[
            "s, Tue 6 Jan 2026 10:00 UTC: ana",
            "layer weekly (priority 0): ana has turn 0, Mon 5 Jan 2026 09:00 to Mon 12 Jan 2026 09:00",
            "  turns: every week from Mon 5 Jan 2026 09:00 UTC; each goes to whoever has done least",
        ],
    );
}

#[test]
fn a_layer_says_what_hides_it_or_that_it_is_closed() {
    let both = format!("{WEEKLY}{OFFICE}");
    check(
        &both,
        &[],
        Known::default(),
        "14T10:00",
        &[
            "s, Wed 14 Jan 2026 10:00 UTC: dan",
            "layer office (priority 1): dan has turn 9, Wed 14 Jan 2026 09:00 to Thu 15 Jan 2026 09:00",
            "  turns: every day from Mon 5 Jan 2026 09:00 UTC",
            "  hours: open Wed 14 Jan 2026 08:00 to Wed 14 Jan 2026 20:00",
            "layer weekly (priority 0): hidden by office, which has a higher priority; else ben would have turn 1, Mon 12 Jan 2026 09:00 to Mon 19 Jan 2026 09:00",
        ],
    );
    check(
        &both,
        &[],
        Known::default(),
        "17T10:00",
        &[
            "s, Sat 17 Jan 2026 10:00 UTC: ben",
            "layer office (priority 1): outside its hours",
            "layer weekly (priority 0): ben has turn 1, Mon 12 Jan 2026 09:00 to Mon 19 Jan 2026 09:00",
            "  turns: every week from Mon 5 Jan 2026 09:00 UTC",
        ],
    );
    let ended = format!("{WEEKLY}end = \"2026-01-16 00:00\"\n");
    check(
        &ended,
        &[],
        Known::default(),
        "17T10:00",
        &["s, Sat 17 Jan 2026 10:00 UTC: nobody", "no layer counts at this time"],
    );
    check(
        &ended.replace("\"ben\"", "[]"),
        &[],
        Known::default(),
        "14T10:00",
        &[
            "s, Wed 14 Jan 2026 10:00 UTC: nobody",
            "layer weekly (priority 0): turn 1, Mon 12 Jan 2026 09:00 to Mon 19 Jan 2026 09:00 is that of nobody",
            "  turns: every week from Mon 5 Jan 2026 09:00 UTC",
            "  counts until Fri 16 Jan 2026 00:00",
        ],
    );
}

#[test]
fn a_change_of_people_is_told_with_its_rollout() {
    let changed =
        format!("{WEEKLY}changes = [{{ at = \"2026-01-14 12:00\", rotation = [\"ben\", [\"dan\", \"eve\"]] }}]\n");
    check(
        &changed,
        &[],
        Known::default(),
        "15T10:00",
        &[
            "s, Thu 15 Jan 2026 10:00 UTC: ben",
            "layer weekly (priority 0): ben has turn 1, Mon 12 Jan 2026 09:00 to Mon 19 Jan 2026 09:00",
            "  turns: every week from Mon 5 Jan 2026 09:00 UTC",
            "  people: changed Wed 14 Jan 2026 12:00 to ben / dan and eve, after this turn; this turn began before",
        ],
    );
}

#[test]
fn each_change_by_hand_is_told_with_who_when_and_why() {
    let made = |number, from| (number, Made { at: at("02T08:00"), from });
    let made: BTreeMap<u64, Made> =
        [made(1, Origin::Override), made(4, Origin::Cover { request: 3 }), made(6, Origin::Swap { swap: 5 })].into();
    let known = Known { edits: &[at("01T00:00"), at("13T06:00"), at("20T00:00")], made: Some(&made) };
    let shift = TemporaryShift { start: at("14T00:00"), end: at("15T00:00"), users: vec!["eve".into()] };
    let operations = [
        operation(6, "14T08:00", "14T18:00", Change::ReplaceUser { from: "chi".into(), to: "dan".into() }),
        operation(1, "14T08:00", "14T18:00", Change::ReplaceAll { users: vec!["ana".into()] }),
        operation(4, "14T08:00", "14T18:00", Change::ReplaceUser { from: "ana".into(), to: "chi".into() }),
        operation(7, "14T08:00", "14T18:00", Change::Add { user: "ana".into() }),
        operation(8, "14T08:00", "14T18:00", Change::Remove { user: "ben".into() }),
        operation(9, "14T08:00", "14T18:00", Change::Exchange { a: "dan".into(), b: "eve".into() }),
        operation(10, "14T08:00", "14T18:00", Change::Temporary { shifts: vec![shift], fallback: Fallback::Nobody }),
        operation(11, "15T08:00", "15T18:00", Change::Add { user: "ben".into() }),
    ];
    let time = "Wed 14 Jan 2026 08:00 to Wed 14 Jan 2026 18:00";
    let lines = [
        format!("change #1: ana and nobody else, {time}; override by eve on Fri 2 Jan 2026 08:00, because dentist"),
        format!(
            "change #4: chi instead of ana, {time}; cover of request #3, asked for by eve on Fri 2 Jan 2026 08:00, because dentist"
        ),
        format!(
            "change #6: dan instead of chi, {time}; swap #5, proposed by eve on Fri 2 Jan 2026 08:00, because dentist"
        ),
        format!("change #7: ana too, {time}; override by eve, because dentist"),
        format!("change #8: not ben, {time}; override by eve, because dentist; it changes nobody here"),
        format!("change #9: dan and eve for each other, {time}; override by eve, because dentist"),
        format!("change #10: the shifts of a temporary schedule, {time}; temporary schedule by eve, because dentist"),
    ];
    let mut expect = vec![
        "s, Wed 14 Jan 2026 10:00 UTC: eve",
        "layer weekly (priority 0): ben has turn 1, Mon 12 Jan 2026 09:00 to Mon 19 Jan 2026 09:00",
        "  turns: every week from Mon 5 Jan 2026 09:00 UTC",
    ];
    expect.extend(lines.iter().map(String::as_str));
    expect.push("files: version 2, which counts since Tue 13 Jan 2026 06:00");
    check(WEEKLY, &operations, known, "14T10:00", &expect);
}

#[test]
fn holidays_are_told_and_what_layers_make_of_them() {
    let layers = format!("{WEEKLY}on_holidays = \"off\"\n{}on_holidays = \"only\"\n", OFFICE.replace("window", "#"));
    let text = layers.replacen("[[schedules.s.layers]]", "holidays = [\"es.ics\"]\n[[schedules.s.layers]]", 1);
    let mut rota = rota_of("UTC", &text);
    let told = |rota: &Rota, moment| why(rota, "s", &[], Known::default(), at(moment)).unwrap().lines(rota, None);
    assert_eq!(told(&rota, "06T10:00")[1], "layer office (priority 1): counts on holidays only");
    let (from, to) = (at("06T00:00").date_naive(), at("07T00:00").date_naive());
    rota.schedules.get_mut("s").unwrap().holidays = vec![crate::Holiday { name: "Epiphany".into(), from, to }];
    let lines = told(&rota, "06T10:00");
    assert_eq!(lines[0], "s, Tue 6 Jan 2026 10:00 UTC: dan");
    assert!(lines.contains(&"layer weekly (priority 0): does not count on holidays".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"holiday: Epiphany".to_owned()), "{lines:#?}");
}

#[test]
fn how_a_change_came_about_is_read_from_the_events() {
    let overridden = operation(1, "14T08:00", "14T18:00", Change::Add { user: "ana".into() });
    let span = |from, to| Span { start: at(from), end: at(to) };
    let (by, with, given, taken) =
        ("ana".into(), "ben".into(), span("05T09:00", "12T09:00"), span("12T09:00", "19T09:00"));
    let swap = crate::Swap { schedule: "s".into(), by, with, given, taken, reason: String::new() };
    let events = [
        (BookEvent::Overridden { operation: overridden }, at("01T00:00")),
        (BookEvent::SwapProposed { number: 2, swap }, at("02T00:00")),
        (BookEvent::SwapAgreed { number: 2 }, at("03T00:00")),
    ];
    let found = made(events.iter().map(|(event, at)| (event, *at)));
    let swapped = Made { at: at("03T00:00"), from: Origin::Swap { swap: 2 } };
    let expect = [(1, Made { at: at("01T00:00"), from: Origin::Override }), (3, swapped.clone()), (4, swapped)];
    assert_eq!(found, BTreeMap::from(expect));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_causes_lead_to_whoever_is_on_duty((rota, operations, span) in story(), seconds in any::<Index>()) {
        let at = span.start + chrono::TimeDelta::seconds(seconds.index(28 * 86_400) as i64);
        let (people, reason) = on_duty(&rota, "s", &operations, at).unwrap();
        let why = why(&rota, "s", &operations, Known::default(), at).unwrap();
        prop_assert_eq!(why.on_duty.iter().collect::<Vec<_>>(), people);
        // What the sweep gives as a reason changed somebody here too.
        for operation in reason.operations {
            let change = why.changes.iter().find(|change| change.number == operation.number).unwrap();
            let is_whole = matches!(change.change, Change::ReplaceAll { .. } | Change::Temporary { .. });
            prop_assert!(change.before != change.after || is_whole, "{change:?}");
        }
    }
}
