//! Two streams of pages, and what is said about them.

use super::{Page, Verdict, compare};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

fn page(seconds: i64, alarm: &str, person: &str) -> Page {
    let start: DateTime<Utc> = "2026-03-02T03:00:00Z".parse().unwrap();
    Page { at: start + TimeDelta::seconds(seconds), alarm: alarm.to_owned(), person: person.into() }
}

const WITHIN: TimeDelta = TimeDelta::minutes(10);

#[test]
fn a_night_beside_the_old_tool() {
    let there = [
        page(0, "checkout-5xx", "ana"),
        page(300, "checkout-5xx", "ben"),
        page(400, "disk-full", "ana"),
        page(500, "cert", "ana"),
        page(4_000, "cert", "ana"),
    ];
    let here = [
        page(2, "checkout-5xx", "ana"),
        page(299, "checkout-5xx", "ben"),
        page(401, "disk-full", "dan"),
        page(560, "cert", "ana"),
        page(900, "queue", "ana"),
    ];
    let parity = compare(&there, &here, WITHIN);
    assert!(!parity.is_equal());
    let shown: String = parity.unequal().into_iter().chain(parity.slowest(2)).map(|row| format!("{row}\n")).collect();
    insta::assert_snapshot!(format!("{}\n{shown}", parity.sentence()), @r"
    3 of 6 pages went to the same person, half of them within 2 s and all within 60 s; 1 to another, 1 only there, 1 only here
    2026-03-02 04:06:40 UTC cert: only there, ana
    2026-03-02 03:06:40 UTC disk-full: there ana, here dan 1 s later
    2026-03-02 03:15:00 UTC queue: only here, ana
    2026-03-02 03:08:20 UTC cert: there ana, here ana 60 s later
    2026-03-02 03:00:00 UTC checkout-5xx: there ana, here ana 2 s later
    ");
    assert_eq!(compare(&[], &[], WITHIN).sentence(), "nobody was paged in either");
}

#[test]
fn the_same_person_goes_before_the_nearer_page() {
    let there = [page(0, "a", "ana")];
    let here = [page(1, "a", "ben"), page(60, "a", "ana")];
    let parity = compare(&there, &here, WITHIN);
    assert_eq!((parity.count(Verdict::SamePerson), parity.count(Verdict::OnlyHere)), (1, 1));
    assert_eq!(parity.rows[0].later(), Some(TimeDelta::seconds(60)));
    let late = compare(&there, &[page(601, "a", "ana")], WITHIN);
    assert_eq!((late.count(Verdict::OnlyThere), late.count(Verdict::OnlyHere)), (1, 1));
}

fn pages() -> impl Strategy<Value = Vec<Page>> {
    let one = (0_i64..5_000, 0_usize..3, 0_usize..3);
    let one = one.prop_map(|(at, alarm, person)| page(at, ["a", "b", "c"][alarm], ["ana", "ben", "chi"][person]));
    proptest::collection::vec(one, 0..40)
}

proptest! {
    /// Every page is in one row, a pair is of one alarm and near, and the order of the input does not matter.
    #[test]
    fn every_page_is_told_once(there in pages(), here in pages()) {
        let parity = compare(&there, &here, WITHIN);
        let pages = |there: bool| -> Vec<Page> {
            let part = |row: &super::Row| {
                let (at, person) = if there { row.there.clone() } else { row.here.clone() }?;
                Some(Page { at, alarm: row.alarm.clone(), person })
            };
            let mut pages: Vec<Page> = parity.rows.iter().filter_map(part).collect();
            pages.sort();
            pages
        };
        let sorted = |pages: &[Page]| { let mut pages = pages.to_vec(); pages.sort(); pages };
        prop_assert_eq!(pages(true), sorted(&there));
        prop_assert_eq!(pages(false), sorted(&here));
        prop_assert!(parity.rows.iter().filter_map(super::Row::later).all(|later| later.abs() <= WITHIN));
        let turned = |pages: &[Page]| pages.iter().rev().cloned().collect::<Vec<_>>();
        prop_assert_eq!(&compare(&turned(&there), &turned(&here), WITHIN), &parity);
        prop_assert!(compare(&there, &there, WITHIN).is_equal());
    }
}
