//! What a person reads before saving a change, and property 20: the preview is the change.

use super::*;
use crate::{gaps, on_duty, sample};
use proptest::prelude::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn weekly(names: &str) -> Rota {
    weekly_from("09:00", names)
}

fn weekly_from(time: &str, names: &str) -> Rota {
    let layer =
        format!("{{ name = \"weekly\", rotation = [{names}], handoff = \"2026-01-05 {time}\", every = \"1 week\" }}");
    sample::rota_of("Europe/Madrid", &format!("layers = [{layer}]"))
}

#[track_caller]
fn check(before: Side<'_>, after: Side<'_>) -> String {
    preview(before, after, "s", at("2026-03-16T08:00:00Z"), at("2026-04-13T07:00:00Z")).unwrap().to_string()
}

#[test]
fn a_member_who_leaves_moves_the_others() {
    let (before, after) = (weekly(r#""ana", "ben", "chi""#), weekly(r#""ana", "chi""#));
    insta::assert_snapshot!(check((&before, &[]), (&after, &[])));
}

#[test]
fn another_handoff_moves_shifts_a_little() {
    let before = weekly(r#""ana", "ben", "chi""#);
    let after = weekly_from("10:00", r#""ana", "ben", "chi""#);
    insta::assert_snapshot!(check((&before, &[]), (&after, &[])));
}

#[test]
fn an_empty_turn_is_a_new_gap() {
    let (before, after) = (weekly(r#""ana", "ben", "chi""#), weekly(r#""ana", "ben", []"#));
    insta::assert_snapshot!(check((&before, &[]), (&after, &[])));
    insta::assert_snapshot!(check((&after, &[]), (&before, &[])));
}

#[test]
fn nothing_and_another_order_are_said_too() {
    let (before, after) = (weekly(r#"["ana", "ben"]"#), weekly(r#"["ben", "ana"]"#));
    insta::assert_snapshot!(check((&before, &[]), (&before, &[])));
    insta::assert_snapshot!(check((&before, &[]), (&after, &[])));
}

#[test]
fn a_schedule_of_one_side_only_is_new_or_gone() {
    let (before, after) = (Rota::default(), weekly(r#""ana", "ben", "chi", "dan""#));
    let (from, to) = (at("2026-03-16T08:00:00Z"), at("2026-04-13T07:00:00Z"));
    let new = preview((&before, &[]), (&after, &[]), "s", from, to).unwrap();
    assert_eq!((new.gaps_before, new.gaps_after), (vec![Span { start: from, end: to }], vec![]));
    let gone = preview((&after, &[]), (&before, &[]), "s", from, to).unwrap();
    assert!(gone.people.values().all(|person| matches!(person.moves[..], [Move::Lost(_)])));
    assert!(preview((&after, &[]), (&after, &[]), "payments", from, to).is_err());
}

/// Shifts after carrying out the moves; panics when a move is about a shift that does not exist.
fn carried_out(mut shifts: Vec<Span>, moves: &[Move]) -> Vec<Span> {
    let remove = |shifts: &mut Vec<Span>, span: &Span| {
        let place = shifts.iter().position(|shift| shift == span).unwrap();
        shifts.remove(place);
    };
    for step in moves {
        match step {
            Move::Lost(span) => remove(&mut shifts, span),
            Move::Gained(_) => {}
            Move::Moved { from, .. } => remove(&mut shifts, from),
        }
    }
    shifts.extend(moves.iter().filter_map(|step| match step {
        Move::Lost(_) => None,
        Move::Gained(to) | Move::Moved { to, .. } => Some(*to),
    }));
    shifts.sort_by_key(|shift| shift.start);
    shifts
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p20_the_preview_is_exactly_the_diff(
        (before, earlier, span) in sample::story(), (after, later, _) in sample::story(),
        seconds in proptest::collection::vec(0..2_419_200_i64, 12), same_rota in any::<bool>(),
    ) {
        let after = if same_rota { before.clone() } else { after };
        let found = preview((&before, &earlier), (&after, &later), "s", span.start, span.end).unwrap();

        // At every instant: inside a handed time the two sides are what it says, outside they agree.
        let edges = found.handed.iter().flat_map(|handed| [handed.span.start, handed.span.end - TimeDelta::nanoseconds(1), handed.span.end]);
        let instants = edges.chain(seconds.into_iter().map(|seconds| span.start + TimeDelta::seconds(seconds)));
        for at in instants.filter(|at| span.contains(*at)) {
            let sides = (on_duty(&before, "s", &earlier, at).unwrap().0, on_duty(&after, "s", &later, at).unwrap().0);
            match found.handed.iter().find(|handed| handed.span.contains(at)) {
                Some(handed) => {
                    prop_assert_ne!(&sides.0, &sides.1);
                    prop_assert_eq!(sides, (handed.before.iter().collect(), handed.after.iter().collect()));
                }
                None => prop_assert_eq!(sides.0, sides.1),
            }
        }

        // For every person: the shifts before, with the moves carried out, are the shifts after.
        let shifts_of = |rota, operations| shifts(&final_schedule(rota, "s", operations, span.start, span.end).unwrap());
        let (mut shifts_before, shifts_after) = (shifts_of(&before, &earlier), shifts_of(&after, &later));
        for (person, preview) in &found.people {
            let result = carried_out(shifts_before.remove(person).unwrap_or_default(), &preview.moves);
            prop_assert_eq!(&result, &shifts_after.get(person).cloned().unwrap_or_default(), "{}", person);
            let grown: TimeDelta = preview.moves.iter().map(|step| match step {
                Move::Lost(span) => -span.length(),
                Move::Gained(span) => span.length(),
                Move::Moved { from, to } => to.length() - from.length(),
            }).sum();
            prop_assert_eq!(preview.before.duty + grown, preview.after.duty);
        }
        prop_assert!(shifts_before.is_empty());
        prop_assert_eq!(&found.gaps_after, &gaps(&after, "s", &later, span.start, span.end).unwrap());
        prop_assert!(found.handed.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start));
    }

    #[test]
    fn p20_a_preview_of_nothing_is_empty((rota, operations, span) in sample::story()) {
        let found = preview((&rota, &operations), (&rota, &operations), "s", span.start, span.end).unwrap();
        prop_assert!(found.is_unchanged() && found.people.values().all(|person| person.moves.is_empty()));
    }
}
