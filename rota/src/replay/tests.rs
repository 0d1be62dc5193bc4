//! Pages of the past over another rota, told and counted.

use super::*;
use crate::{Rota, Zone, sample};
use chrono::TimeDelta;
use proptest::collection::vec;
use proptest::prelude::*;

fn page(at: &str) -> PastPage {
    PastPage { schedule: "s".into(), at: at.parse().unwrap() }
}

fn weekly(names: &str) -> Rota {
    let layer =
        format!("{{ name = \"weekly\", rotation = [{names}], handoff = \"2026-01-05 09:00\", every = \"1 week\" }}");
    sample::rota_of("Europe/Madrid", &format!("layers = [{layer}]"))
}

#[test]
fn who_would_have_been_woken() {
    let (before, after) = (weekly(r#""ana", "ben""#), weekly(r#""ana", "ben", ["chi", "dan"], []"#));
    let pages = [
        page("2026-01-20T12:00:00Z"),
        page("2026-01-06T21:30:00Z"),
        // The same night, after midnight.
        page("2026-01-07T02:00:00Z"),
        page("2026-01-08T02:00:00Z"),
        page("2026-01-13T12:00:00Z"),
        page("2026-01-27T02:00:00Z"),
    ];
    let clocks = Clocks::of(&before, "s").unwrap();
    let found = replay((&before, &[]), (&after, &[]), &pages, &clocks);
    insta::assert_snapshot!(found);
    let elsewhere: Vec<&PastPage> = found.elsewhere.iter().map(|elsewhere| &elsewhere.page).collect();
    assert_eq!(elsewhere, [&pages[0], &pages[5]]);
}

#[test]
fn nights_are_the_persons_own() {
    let rota = weekly(r#""ana""#);
    let pages = [page("2026-01-20T15:00:00Z")];
    let mut clocks = Clocks::of(&rota, "s").unwrap();
    let at_night =
        |clocks: &Clocks| replay((&rota, &[]), (&rota, &[]), &pages, clocks).after.people[&"ana".into()].pages_at_night;
    assert_eq!(at_night(&clocks), 0);
    clocks.set("ana".into(), Zone::get("Asia/Tokyo").unwrap());
    assert_eq!(at_night(&clocks), 1);
}

#[test]
fn no_pages_and_no_schedule() {
    let rota = weekly(r#""ana""#);
    let clocks = Clocks::of(&rota, "s").unwrap();
    assert_eq!(replay((&rota, &[]), (&rota, &[]), &[], &clocks).to_string(), "There are no pages to replay.\n");
    let pages = [page("2026-01-20T15:00:00Z")];
    assert_eq!(replay((&rota, &[]), (&Rota::default(), &[]), &pages, &clocks).after.nobody, pages);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_page_counts_once_for_each_who_was_on_duty(
        (before, earlier, span) in sample::story(), (after, later, _) in sample::story(), seconds in vec(0..2_419_200_i64, 0..20),
    ) {
        let pages: Vec<PastPage> = seconds
            .into_iter()
            .map(|seconds| PastPage { schedule: "s".into(), at: span.start + TimeDelta::seconds(seconds) })
            .collect();
        let clocks = Clocks::of(&before, "s").unwrap();
        let found = replay((&before, &earlier), (&after, &later), &pages, &clocks);
        for (side, (rota, operations)) in [(&found.before, (&before, &earlier)), (&found.after, (&after, &later))] {
            let reached = pages.iter().map(|page| on_duty(rota, "s", operations, page.at).unwrap().0);
            let reached: Vec<Vec<&ResponderId>> = reached.collect();
            prop_assert_eq!(side.nobody.len(), reached.iter().filter(|people| people.is_empty()).count());
            for name in sample::PEOPLE {
                let person = ResponderId::from(name);
                let woken = side.people.get(&person).copied().unwrap_or_default();
                prop_assert_eq!(woken.pages, reached.iter().filter(|people| people.contains(&&person)).count());
                prop_assert!(woken.nights <= woken.pages_at_night && woken.pages_at_night <= woken.pages);
                prop_assert_eq!(woken.nights == 0, woken.pages_at_night == 0);
            }
        }
        let back = replay((&after, &later), (&before, &earlier), &pages, &clocks);
        prop_assert_eq!((&back.before, &back.after, back.elsewhere.len()), (&found.after, &found.before, found.elsewhere.len()));
    }
}
