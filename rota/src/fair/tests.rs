//! What turns weigh, and that they are dealt as they should be, on rotations whose turns weigh very differently.

use super::*;
use crate::Rota;
use crate::grid::{Every, Unit};
use chrono::{NaiveDateTime, TimeDelta};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;

fn weekly_grid(lengths: Vec<Every>) -> Grid {
    let monday: NaiveDateTime = "2026-01-05T00:00:00".parse().unwrap();
    Grid::new(monday, lengths).unwrap()
}

const HOUR: i64 = 2 * 3_600;

#[track_caller]
fn weighs(windows: &[Window], from: &str, to: &str, hours_by_day: f64) {
    let second = |text: &str| format!("2026-{text}:00").parse::<NaiveDateTime>().unwrap().and_utc().timestamp();
    let found = Fair::new(windows).weight(second(from), second(to));
    assert!((found as f64 / HOUR as f64 - hours_by_day).abs() < 1e-9, "{} h", found as f64 / HOUR as f64);
}

#[test]
fn nights_count_twice_and_weekends_one_and_a_half_times() {
    weighs(&[], "01-05T09:00", "01-05T17:00", 8.0);
    weighs(&[], "01-05T20:00", "01-06T08:00", 4.0 + 16.0);
    weighs(&[], "01-10T09:00", "01-10T17:00", 12.0);
    weighs(&[], "01-09T22:00", "01-10T06:00", 4.0 + 18.0);
    // From Sunday night into Monday, and over years.
    weighs(&[], "01-11T22:00", "01-12T06:00", 6.0 + 12.0);
    weighs(&[], "01-05T00:00", "01-12T00:00", 5.0 * (16.0 + 16.0) + 2.0 * (24.0 + 24.0));
    let text = "[schedules.s]\nzone = \"UTC\"\n[[schedules.s.layers]]\nrotation = [\"a\", \"b\", \"c\"]\nmode = \"fair\"\n\
                handoff = \"2026-01-05 09:00\"\nevery = \"1 day\"\nwindow = [\"Mon-Fri 09:00-23:00\", \"Sun 20:00 - Mon 02:00\"]\n\
                [people]\na = { slack = \"UA\" }\nb = { slack = \"UB\" }\nc = { slack = \"UC\" }\n\
                [escalation.default]\nlevels = [{ page = [\"a\"] }]\n";
    let rota = Rota::parse(&[("rota/s.toml", text.to_owned())]).unwrap();
    let windows = &rota.schedules["s"].layers[0].windows;
    weighs(windows, "01-06T00:00", "01-07T00:00", 13.0 + 2.0);
    weighs(windows, "01-11T00:00", "01-12T12:00", 3.0 + 6.0 + 4.0 + 3.0);
}

/// The places of `turns` turns from turn 0 on.
fn dealt(fair: &Fair, grid: &Grid, groups: usize, from: i64, turns: std::ops::Range<i64>) -> Vec<usize> {
    turns.map(|number| fair.place(number, Count { grid, groups, from, first: 0 })).collect()
}

#[test]
fn where_all_turns_weigh_the_same_they_go_around() {
    let grid = weekly_grid(vec![Every { length: 1, unit: Unit::Week }]);
    assert_eq!(dealt(&Fair::new(&[]), &grid, 3, 0, 0..8), [0, 1, 2, 0, 1, 2, 0, 1]);
    assert_eq!(dealt(&Fair::new(&[]), &grid, 2, 0, 0..5), [0, 1, 0, 1, 0]);
    assert_eq!(dealt(&Fair::new(&[]), &grid, 1, 0, -1..2), [0, 0, 0]);
}

#[test]
fn whoever_had_the_weekend_does_not_have_the_next_one() {
    // Working days and weekends by turns: three people in turn would do, four would give two of them all weekends.
    let (week, weekend) = (Every { length: 5, unit: Unit::Day }, Every { length: 2, unit: Unit::Day });
    let grid = weekly_grid(vec![week, weekend]);
    let places = dealt(&Fair::new(&[]), &grid, 4, 0, 0..96);
    let mut weekends: BTreeMap<usize, usize> = BTreeMap::new();
    places.iter().skip(1).step_by(2).for_each(|place| *weekends.entry(*place).or_default() += 1);
    assert_eq!(weekends, BTreeMap::from([(0, 12), (1, 12), (2, 12), (3, 12)]));
}

/// How many turns are counted together.
fn turns_of(groups: usize) -> i64 {
    let groups = groups as i64;
    (TURNS_OF_A_COUNT / groups).max(ROUNDS_MIN) * groups
}

/// All places of a count, dealt once; asking turn by turn deals the count anew for each.
fn whole(fair: &Fair, count: Count<'_>, nth: i64) -> Vec<usize> {
    let (groups, first) = (count.groups as i64, count.from + nth * turns_of(count.groups));
    if groups < 3 {
        return (first..first + turns_of(count.groups)).map(|number| fair.place(number, count)).collect();
    }
    let rounds = turns_of(count.groups) / groups;
    let begins = |nth: i64| (count.first as i64 + nth).rem_euclid(groups) as usize;
    let round = |round: i64| Round {
        weights: fair.weights(count, first + round * groups),
        barred: (round == rounds - 1).then(|| begins(nth + 1)),
    };
    let loads = SmallVec::from_elem(0, count.groups);
    let mut deal = Deal { loads, begins_with: begins(nth), last: None, places: SmallVec::new() };
    let mut places = Vec::new();
    for number in 0..rounds {
        let next = (number + 1 < rounds).then(|| round(number + 1));
        deal.round(&round(number), next.as_ref());
        places.extend_from_slice(&deal.places);
    }
    places
}

fn lengths() -> impl Strategy<Value = Vec<Every>> {
    let unit = prop_oneof![Just(Unit::Hour), Just(Unit::Day), Just(Unit::Week), Just(Unit::Month)];
    vec((1..=40_u32, unit).prop_map(|(length, unit)| Every { length, unit }), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p11_hours_differ_by_at_most_two_of_the_longest_turns(lengths in lengths(), groups in 1..9_usize, nth in -40..40_i64, from in -1_000..1_000_i64, asked in any::<Index>()) {
        let (grid, fair) = (weekly_grid(lengths), Fair::new(&[]));
        let count = Count { grid: &grid, groups, from, first: 0 };
        let (turns, first) = (turns_of(groups), from + nth * turns_of(groups));
        let places = whole(&fair, count, nth);
        let turn = asked.index(places.len());
        prop_assert_eq!(fair.place(first + turn as i64, count), places[turn]);
        // One turn more on each side: nobody has two in a row where two counts meet either.
        let mut around = vec![fair.place(first - 1, count)];
        around.extend(&places);
        around.push(fair.place(first + turns, count));
        for pair in around.windows(2) {
            prop_assert!(groups == 1 || pair[0] != pair[1], "{places:?}");
        }
        let (mut loads, mut longest) = (vec![0; groups], 0);
        for (turn, place) in places.iter().enumerate() {
            let number = first + turn as i64;
            let weight = fair.weight(grid.wall_start(number), grid.wall_start(number + 1));
            longest = longest.max(weight);
            loads[*place] += weight;
            if groups > 2 && (turn + 1) % groups == 0 {
                let spread = loads.iter().max().unwrap() - loads.iter().min().unwrap();
                prop_assert!(spread <= 2 * longest, "{loads:?} after {} turns, the longest weighs {longest}", turn + 1);
            }
        }
        // Everybody has one turn in each round, so the numbers of turns are as even as where turns go around.
        for round in places.chunks(groups) {
            let mut round = round.to_vec();
            round.sort_unstable();
            prop_assert_eq!(round, (0..groups).collect::<Vec<_>>());
        }
    }

    #[test]
    fn p17_a_turn_is_dealt_alike_however_far_it_is(lengths in lengths(), groups in 1..9_usize, number in -10_000..10_000_i64) {
        // Months are not alike, and so many weeks lead out of the years that there are.
        let short = |every: Every| if every.unit == Unit::Hour { every } else { Every { unit: Unit::Day, ..every } };
        let lengths: Vec<Every> = lengths.into_iter().map(short).collect();
        // So many turns later the weekday, the hour, the place in the list of lengths and who begins the count are the same.
        let (grid, fair) = (weekly_grid(lengths.clone()), Fair::new(&[]));
        let later = turns_of(groups) * groups as i64 * 7 * 24 * lengths.len() as i64;
        let asked = |number| fair.place(number, Count { grid: &grid, groups, from: 0, first: 0 });
        prop_assert_eq!(asked(number), asked(number + later));
    }
}

/// The rotations that people have: at the end of each round nobody is more than one longest turn ahead of anybody. The tenth
/// is for three people and three turns a day, where nobody may have the night and the morning after it.
#[test]
fn p11_in_rotations_as_people_have_them_hours_differ_by_hardly_more_than_the_longest_turn() {
    let of = |length, unit| Every { length, unit };
    let (hours, days) = (|length| of(length, Unit::Hour), |length| of(length, Unit::Day));
    let rotations = [
        vec![days(1)],
        vec![days(7)],
        vec![of(1, Unit::Month)],
        vec![hours(12)],
        vec![hours(8)],
        vec![hours(10), hours(14)],
        vec![days(5), days(2)],
        vec![days(4), days(3)],
        vec![days(1), days(1), days(1), days(1), days(3)],
    ];
    let mut wrong = Vec::new();
    for lengths in rotations {
        for (groups, hour) in (3..9).flat_map(|groups| [0, 8, 9, 18].map(|hour| (groups, hour))) {
            let anchor: NaiveDateTime = "2026-01-05T00:00:00".parse().unwrap();
            let grid = Grid::new(anchor + TimeDelta::hours(hour), lengths.clone()).unwrap();
            let fair = Fair::new(&[]);
            let count = Count { grid: &grid, groups: groups as usize, from: 0, first: 0 };
            for nth in 0..groups {
                let (mut loads, mut longest) = (vec![0; groups as usize], 0);
                for (number, place) in (nth * turns_of(count.groups)..).zip(whole(&fair, count, nth)) {
                    let weight = fair.weight(grid.wall_start(number), grid.wall_start(number + 1));
                    longest = longest.max(weight);
                    loads[place] += weight;
                    let spread = loads.iter().max().unwrap() - loads.iter().min().unwrap();
                    if (number + 1) % groups == 0 && spread * 10 > longest * 11 {
                        wrong.push(format!(
                            "{groups} groups {lengths:?} from {hour}: {:.2}",
                            spread as f64 / longest as f64
                        ));
                    }
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
