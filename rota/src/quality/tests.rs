//! What is said of good and of bad schedules, and the laws of the score.

use super::*;
use crate::sample;
use proptest::prelude::*;

#[track_caller]
fn judged(layers: &str, unreachable: &[&str]) -> Quality {
    let rota = sample::rota_of("Europe/Madrid", layers);
    let clocks = Clocks::of(&rota, "s").unwrap();
    let unreachable: Vec<ResponderId> = unreachable.iter().map(|&name| name.into()).collect();
    quality(&rota, "s", &[], "2026-04-06T07:00:00Z".parse().unwrap(), &clocks, &unreachable).unwrap()
}

fn weekly(groups: &str) -> String {
    format!(
        "layers = [{{ name = \"weekly\", rotation = {groups}, handoff = \"2026-01-05 09:00\", every = \"1 week\" }}]"
    )
}

#[test]
fn the_measures_sum_up_to_100() {
    assert_eq!(Measure::ALL.iter().map(|measure| measure.points_max()).sum::<u32>(), 100);
}

#[test]
fn four_people_who_take_turns_by_the_week_have_the_full_score() {
    let found = judged(&weekly(r#"["ana", "ben", "chi", "dan"]"#), &[]);
    assert_eq!((found.score(), found.suggestions.len()), (100, 0));
    insta::assert_snapshot!(found);
}

#[test]
fn three_people_and_a_change_of_clocks_are_even_enough() {
    let rota = sample::rota_of("Europe/Madrid", &weekly(r#"["ana", "ben", "chi"]"#));
    let clocks = Clocks::of(&rota, "s").unwrap();
    let found = quality(&rota, "s", &[], "2026-03-09T08:00:00Z".parse().unwrap(), &clocks, &[]).unwrap();
    assert_eq!((found.score(), found.suggestions.len()), (100, 0));
    assert_eq!(found.parts[1].because, "ana has 504 h on duty, chi 335 h: no more than a shift apart");
}

#[test]
fn an_empty_turn_is_filled() {
    insta::assert_snapshot!(judged(&weekly(r#"["ana", "ben", "chi", []]"#), &[]));
}

#[test]
fn one_person_alone_gets_company() {
    insta::assert_snapshot!(judged(&weekly(r#"["ana"]"#), &[]));
}

#[test]
fn who_cannot_be_reached_is_replaced() {
    insta::assert_snapshot!(judged(&weekly(r#"["ana", "ben", "chi", "dan"]"#), &["ben"]));
}

#[test]
fn two_turns_in_a_row_are_parted() {
    let found = judged(&weekly(r#"["ana", "ana", "ben", "ben"]"#), &["chi", "dan", "eve"]);
    insta::assert_snapshot!(found);
}

#[test]
fn office_hours_are_opened() {
    let day = r#"layers = [{ name = "day", rotation = ["ana", "ben"], handoff = "2026-01-05 08:00", every = "1 day", window = "Mon-Sun 08:00-23:00" }]"#;
    insta::assert_snapshot!(judged(day, &["chi", "dan", "eve"]));
}

#[test]
fn the_best_of_each_kind_of_change_is_told() {
    let uneven = r#"layers = [{ name = "day", rotation = ["ana", "ana", "ben", []], handoff = "2026-01-05 08:00", every = "1 week", window = "Mon-Sat 07:00-06:00" }]"#;
    insta::assert_snapshot!(judged(uneven, &["dan", "eve"]));
}

#[test]
fn a_short_rest_between_shifts_is_counted() {
    let night = r#"layers = [{ name = "day", rotation = ["ana"], handoff = "2026-01-05 08:00", every = "1 week", window = ["Mon 08:00-12:00", "Mon 20:00-22:00"] }]"#;
    let found = judged(night, &[]);
    let rests = &found.parts[4];
    assert_eq!((rests.points, rests.because.as_str()), (5, "8 rests of 16 between two shifts under 11 h, of ana"));
}

#[test]
fn nobody_at_all_scores_nothing() {
    let rota = sample::rota_of("UTC", &weekly(r#"["ana"]"#));
    let clocks = Clocks::of(&rota, "s").unwrap();
    let from = "2026-04-06T07:00:00Z".parse().unwrap();
    let all = crate::Change::ReplaceAll { users: Vec::new() };
    let nobody = Operation {
        number: 1,
        schedule: "s".into(),
        start: from,
        end: from + TimeDelta::weeks(10),
        change: all,
        by: "ana".into(),
        reason: String::new(),
    };
    assert_eq!(quality(&rota, "s", &[nobody], from, &clocks, &[]).unwrap().score(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn a_suggestion_brings_what_it_says((rota, operations, span) in sample::story()) {
        let clocks = Clocks::of(&rota, "s").unwrap();
        let found = quality(&rota, "s", &operations, span.start, &clocks, &[]).unwrap();
        prop_assert!(found.score() <= 100);
        prop_assert!(found.parts.iter().all(|part| part.points <= part.measure.points_max()));
        let full = found.parts[0].points == Measure::Coverage.points_max();
        prop_assert_eq!(full, crate::gaps(&rota, "s", &operations, span.start, found.span.end).unwrap().is_empty());
        prop_assert!(found.suggestions.is_sorted_by(|one, next| one.score() >= next.score()));
        let Some(suggestion) = found.suggestions.last() else { return Ok(()) };
        prop_assert!(suggestion.score() > found.score());
        let mut changed = rota.clone();
        changed.schedules.insert("s".into(), suggestion.proposal.applied(&rota.schedules["s"], span.start));
        let after = quality(&changed, "s", &operations, span.start, &clocks, &[]).unwrap();
        prop_assert_eq!(&after.parts, &suggestion.parts);
    }
}
