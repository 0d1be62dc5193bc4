//! Rule M by examples. Turns are weeks from Monday, 5 January 2026, 09:00 UTC.

use super::*;
use crate::grid::{Every, Unit};

fn group(text: &str) -> Group {
    text.split('+').filter(|name| *name != "nobody").map(ResponderId::from).collect()
}

fn groups(text: &str) -> Vec<Group> {
    text.split(' ').map(group).collect()
}

/// From `before`, changes as `01-07 a b rollout`; who is on duty at noon of each day that a change comes or a turn starts.
#[track_caller]
fn check(before: &str, changes: &[(&str, &str, Rollout)], expect: &str) {
    let zone = Zone::utc();
    let every = vec![Every { length: 1, unit: Unit::Week }];
    let grid = Grid::new("2026-01-05T09:00:00".parse().unwrap(), every).unwrap();
    let noon = |day: &str| format!("2026-{day}T12:00:00Z").parse::<DateTime<Utc>>().unwrap();
    let mut rotation = Rotation::new(grid, groups(before));
    for (day, people, rollout) in changes {
        rotation = rotation.changed(&Membership { at: noon(day), groups: groups(people), rollout: *rollout }, &zone);
    }
    let mut days = vec!["01-05", "01-12", "01-19", "01-26", "02-02"];
    days.extend(changes.iter().map(|(day, _, _)| *day));
    days.sort_unstable();
    let shown = days.into_iter().map(|day| {
        let (number, _) = rotation.grid().turn(Nearby::default().at(&zone, tick(noon(day))));
        let people: Vec<&str> = rotation.group(number, noon(day)).iter().map(ResponderId::as_str).collect();
        format!("{day} {}", if people.is_empty() { "nobody".to_owned() } else { people.join("+") })
    });
    assert_eq!(shown.collect::<Vec<_>>().join(", "), expect);
}

const TURN: Rollout = Rollout::AfterThisTurn;
const ROUND: Rollout = Rollout::AfterAFullRound;
const NOW: Rollout = Rollout::Now;

#[test]
fn who_is_on_duty_stays_and_the_new_order_goes_on_after_them() {
    check("a b c", &[("01-14", "b a c", TURN)], "01-05 a, 01-12 b, 01-14 b, 01-19 a, 01-26 c, 02-02 b");
    check("a b c", &[("01-14", "x a b c", TURN)], "01-05 a, 01-12 b, 01-14 b, 01-19 c, 01-26 x, 02-02 a");
}

#[test]
fn the_next_survivor_takes_over_at_once_from_somebody_who_was_removed() {
    // GoAlert, rotationdeluser_test: the active one is deleted, the next one is active at once.
    check("a b c", &[("01-14", "a c", TURN)], "01-05 a, 01-12 b, 01-14 c, 01-19 a, 01-26 c, 02-02 a");
    check("a b c", &[("01-21", "a b", TURN)], "01-05 a, 01-12 b, 01-19 c, 01-21 a, 01-26 b, 02-02 a");
    check("a b c d", &[("01-14", "a d", TURN)], "01-05 a, 01-12 b, 01-14 d, 01-19 a, 01-26 d, 02-02 a");
    // Nobody of the old list is left: the new one counts as if it had always been there.
    check("a b", &[("01-14", "x y z", TURN)], "01-05 a, 01-12 b, 01-14 y, 01-19 z, 01-26 x, 02-02 y");
}

#[test]
fn somebody_else_who_is_removed_moves_no_running_turn() {
    check("a b c", &[("01-14", "b c", TURN)], "01-05 a, 01-12 b, 01-14 b, 01-19 c, 01-26 b, 02-02 c");
}

#[test]
fn out_and_back_within_a_turn_leaves_later_turns_alone() {
    let expect = "01-05 a, 01-12 b, 01-14 c, 01-16 c, 01-19 c, 01-26 a, 02-02 b";
    check("a b c", &[("01-14", "a c", TURN), ("01-16", "a b c", TURN)], expect);
    check("a b c", &[("01-14", "a c", ROUND), ("01-16", "a b c", ROUND)], expect);
    // In the next turn it is a change like any other.
    check(
        "a b c",
        &[("01-14", "a c", TURN), ("01-20", "a b c", TURN)],
        "01-05 a, 01-12 b, 01-14 c, 01-19 a, 01-20 a, 01-26 b, 02-02 c",
    );
}

#[test]
fn of_a_group_those_stay_who_are_still_there() {
    check("a+b c", &[("01-07", "b c", TURN)], "01-05 a+b, 01-07 b, 01-12 c, 01-19 b, 01-26 c, 02-02 b");
    check("a+b c", &[("01-07", "a+b+x c", TURN)], "01-05 a+b, 01-07 a+b, 01-12 c, 01-19 a+b+x, 01-26 c, 02-02 a+b+x");
    check(
        "nobody a",
        &[("01-07", "nobody b a", TURN)],
        "01-05 nobody, 01-07 nobody, 01-12 b, 01-19 a, 01-26 nobody, 02-02 b",
    );
}

#[test]
fn a_turn_of_nobody_takes_over_from_nobody_and_ends_when_it_is_taken_out() {
    check(
        "a b nobody c",
        &[("01-14", "a nobody c", TURN)],
        "01-05 a, 01-12 b, 01-14 c, 01-19 a, 01-26 nobody, 02-02 c",
    );
    check("nobody a", &[("01-07", "a b", TURN)], "01-05 nobody, 01-07 a, 01-12 b, 01-19 a, 01-26 b, 02-02 a");
}

#[test]
fn one_who_has_several_turns_keeps_their_places() {
    check("a b a c", &[("01-21", "a b a x c", TURN)], "01-05 a, 01-12 b, 01-19 a, 01-21 a, 01-26 x, 02-02 c");
}

#[test]
fn now_is_as_if_it_had_always_been_written_so() {
    check("a b c", &[("01-14", "x y", NOW)], "01-05 a, 01-12 b, 01-14 y, 01-19 x, 01-26 y, 02-02 x");
    check("a b c", &[("01-14", "a b c x", NOW)], "01-05 a, 01-12 b, 01-14 b, 01-19 c, 01-26 x, 02-02 a");
}

#[test]
fn after_a_full_round_the_new_order_starts_with_its_first() {
    check("a b c", &[("01-07", "x a b c", ROUND)], "01-05 a, 01-07 a, 01-12 b, 01-19 c, 01-26 x, 02-02 a");
    check("a b c", &[("01-21", "x c a", ROUND)], "01-05 a, 01-12 b, 01-19 c, 01-21 c, 01-26 x, 02-02 c");
    // Whoever was removed has no turn of the round left; the next who is still there has it.
    check("a b c", &[("01-07", "c a", ROUND)], "01-05 a, 01-07 a, 01-12 c, 01-19 c, 01-26 c, 02-02 a");
    check("a b c", &[("01-07", "b c", ROUND)], "01-05 a, 01-07 b, 01-12 b, 01-19 c, 01-26 b, 02-02 c");
}

#[test]
fn a_change_decides_anew_what_an_earlier_one_had_planned() {
    check(
        "a b c",
        &[("01-07", "x y", ROUND), ("01-08", "a b c", TURN)],
        "01-05 a, 01-07 x, 01-08 a, 01-12 b, 01-19 c, 01-26 a, 02-02 b",
    );
    check(
        "a b c",
        &[("01-07", "x a b c", ROUND), ("01-14", "a b", NOW)],
        "01-05 a, 01-07 a, 01-12 b, 01-14 b, 01-19 a, 01-26 b, 02-02 a",
    );
}

#[test]
fn in_the_last_turn_of_a_round_the_second_is_the_first_of_the_new_order() {
    let zone = Zone::utc();
    let every = vec![Every { length: 1, unit: Unit::Week }];
    let grid = Grid::new("2026-01-05T09:00:00".parse().unwrap(), every).unwrap();
    let at = |day: &str| format!("2026-{day}T12:00:00Z").parse::<DateTime<Utc>>().unwrap();
    let change = Membership { at: at("01-07"), groups: groups("x a b"), rollout: ROUND };
    let rotation = Rotation::new(grid, groups("a b")).changed(&change, &zone);
    let second = |number, day| rotation.group_at(number, tick(at(day)), Role::Secondary).0[0].as_str();
    assert_eq!([second(0, "01-05"), second(0, "01-08"), second(1, "01-13"), second(2, "01-20")], ["b", "b", "x", "a"]);
}
