//! Property 15: the gaps are the complement of what is covered.

use super::*;
use crate::sample;
use crate::shifts::{difference, shifts, total, union};
use crate::{Change, on_duty};
use proptest::prelude::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn a_gap_that_two_reasons_share_is_one_gap() {
    let rota = sample::rota_of(
        "UTC",
        "layers = [{ name = \"day\", rotation = [\"ana\"], handoff = \"2026-01-05 08:00\", every = \"1 week\", window = \"Mon-Fri 08:00-20:00\" }]",
    );
    let nobody = Operation {
        number: 1,
        schedule: "s".into(),
        start: at("2026-03-02T18:00:00Z"),
        end: at("2026-03-02T20:00:00Z"),
        change: Change::ReplaceAll { users: Vec::new() },
        by: "ana".into(),
        reason: String::new(),
    };
    let found = gaps(&rota, "s", &[nobody], at("2026-03-02T08:00:00Z"), at("2026-03-03T20:00:00Z")).unwrap();
    assert_eq!(found, [Span { start: at("2026-03-02T18:00:00Z"), end: at("2026-03-03T08:00:00Z") }]);
}

#[test]
fn an_unknown_schedule_is_an_error_with_a_hint() {
    let rota = sample::rota_of(
        "UTC",
        "layers = [{ name = \"l\", rotation = [\"ana\"], handoff = \"2026-01-05 08:00\", every = \"1 week\" }]",
    );
    assert!(gaps(&rota, "payments", &[], at("2026-03-02T08:00:00Z"), at("2026-03-03T20:00:00Z")).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p15_gaps_are_the_complement_of_coverage((rota, operations, span) in sample::story(), inside in proptest::collection::vec(0..2_419_200_i64, 8)) {
        let found = gaps(&rota, "s", &operations, span.start, span.end).unwrap();
        let covered = shifts(&final_schedule(&rota, "s", &operations, span.start, span.end).unwrap());
        let covered = union(covered.into_values().flatten().collect());
        prop_assert_eq!(&found, &difference(&[span], &covered));
        prop_assert_eq!(total(&found) + total(&covered), span.length());
        for seconds in inside {
            let at = span.start + chrono::TimeDelta::seconds(seconds);
            let nobody = on_duty(&rota, "s", &operations, at).unwrap().0.is_empty();
            prop_assert_eq!(nobody, found.iter().any(|gap| gap.contains(at)));
        }
    }

    #[test]
    fn p15_adjacent_looks_together_show_the_whole((rota, operations, span) in sample::story(), cut in 0..2_419_200_i64) {
        let middle = span.start + chrono::TimeDelta::seconds(cut);
        let mut parts = gaps(&rota, "s", &operations, span.start, middle).unwrap();
        parts.extend(gaps(&rota, "s", &operations, middle, span.end).unwrap());
        prop_assert_eq!(union(parts), gaps(&rota, "s", &operations, span.start, span.end).unwrap());
    }
}
