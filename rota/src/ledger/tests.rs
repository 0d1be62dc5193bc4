//! What people carry, counted by hand, and the laws of counting.

use super::*;
use crate::{Change, on_duty, sample};
use proptest::prelude::*;

const WEEKLY: &str = r#"layers = [{ name = "weekly", rotation = ["ana", "ben", "chi"], handoff = "2026-01-05 09:00", every = "1 week" }]"#;

fn span(from: &str, to: &str) -> Span {
    Span { start: from.parse().unwrap(), end: to.parse().unwrap() }
}

#[test]
fn two_weeks_of_three_people() {
    let rota = sample::rota_of("Europe/Madrid", WEEKLY);
    let clocks = Clocks::of(&rota, "s").unwrap();
    let page = |person: &str, at: &str| Paged { person: person.into(), at: at.parse().unwrap() };
    let pages = [
        page("ana", "2026-01-06T02:00:00Z"),
        page("ana", "2026-01-06T12:00:00Z"),
        page("ana", "2026-02-06T12:00:00Z"),
        page("eve", "2026-01-06T12:05:00Z"),
    ];
    let holidays = ["2026-01-06".parse().unwrap(), "2026-05-01".parse().unwrap()];
    let facts = Facts { clocks: &clocks, holidays: &holidays, pages: &pages };
    let fortnight = span("2026-01-05T08:00:00Z", "2026-01-19T08:10:00Z");
    insta::assert_snapshot!(ledger(&rota, "s", &[], fortnight, &facts).unwrap());
}

#[test]
fn nights_are_those_of_the_persons_own_zone() {
    let rota = sample::rota_of(
        "Europe/London",
        r#"layers = [{ name = "day", rotation = ["ana"], handoff = "2026-01-05 09:00", every = "1 week", window = "Mon-Fri 09:00-17:00" }]"#,
    );
    let week = span("2026-01-05T00:00:00Z", "2026-01-10T00:00:00Z");
    let mut clocks = Clocks::of(&rota, "s").unwrap();
    let hours = |clocks: &Clocks| {
        let facts = Facts { clocks, holidays: &[], pages: &[] };
        ledger(&rota, "s", &[], week, &facts).unwrap().people[&"ana".into()].at_night.num_hours()
    };
    assert_eq!(hours(&clocks), 0);
    // 09:00 to 17:00 in London is 18:00 to 02:00 in Tokyo, four hours of which are night.
    clocks.set("ana".into(), Zone::get("Asia/Tokyo").unwrap());
    assert_eq!(hours(&clocks), 20);
}

fn all(rota: &Rota, operations: &[Operation], span: Span) -> BTreeMap<ResponderId, Load> {
    let clocks = Clocks::of(rota, "s").unwrap();
    ledger(rota, "s", operations, span, &Facts { clocks: &clocks, holidays: &[], pages: &[] }).unwrap().people
}

fn person_hours(loads: &BTreeMap<ResponderId, Load>) -> [TimeDelta; 3] {
    let sum = |part: fn(&Load) -> TimeDelta| loads.values().map(part).sum();
    [sum(|load| load.duty), sum(|load| load.at_night), sum(|load| load.on_weekends)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p14_an_exchange_keeps_the_person_hours(
        (rota, mut operations, span) in sample::story(),
        a in sample::person(), b in sample::person(), start in 0..2_000_000_i64, length in 1..1_000_000_i64,
    ) {
        let before = person_hours(&all(&rota, &operations, span));
        let start = span.start + TimeDelta::seconds(start);
        operations.push(Operation {
            number: u64::MAX,
            schedule: "s".into(),
            start,
            end: start + TimeDelta::seconds(length),
            change: Change::Exchange { a, b },
            by: "ana".into(),
            reason: String::new(),
        });
        prop_assert_eq!(person_hours(&all(&rota, &operations, span)), before);
    }

    #[test]
    fn hours_are_those_of_the_instants((rota, operations, span) in sample::story(), first in 0..24_i64) {
        let span = Span { start: span.start + TimeDelta::days(first), end: span.start + TimeDelta::days(first + 3) };
        // Every change in a sample lies on a quarter of an hour of the clock, as do nights; so a quarter is all or nothing.
        let loads = all(&rota, &operations, span);
        let clocks = Clocks::of(&rota, "s").unwrap();
        let mut counted: BTreeMap<&ResponderId, [i64; 2]> = BTreeMap::new();
        let mut at = span.start;
        while at < span.end {
            for person in on_duty(&rota, "s", &operations, at).unwrap().0 {
                let [duty, night] = counted.entry(person).or_default();
                *duty += 15;
                *night += if is_night(at, clocks.zone(person)) { 15 } else { 0 };
            }
            at += TimeDelta::minutes(15);
        }
        for (person, load) in &loads {
            let counted = counted.get(person).copied().unwrap_or_default();
            prop_assert_eq!([load.duty.num_minutes(), load.at_night.num_minutes()], counted, "{}", person);
        }
    }
}
