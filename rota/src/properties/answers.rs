//! Laws of what is answered about a rota: 1 to 7, 13, 15, 16, 19, and the second role.

use super::*;
use crate::on_call::{on_call, on_duty, people_on_duty};
use crate::{Schedule, Secondary, everywhere};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn p1_a_plain_rotation_has_exactly_one_group_at_every_instant((zone, parts, at) in plain()) {
        let rota = plain_rota(&zone, &parts);
        let found = segments(&rota, &[], at, days(at, 20));
        prop_assert_eq!((found[0].start, found[found.len() - 1].end), (at, days(at, 20)));
        for pair in found.windows(2) {
            prop_assert_eq!(pair[0].end, pair[1].start);
        }
        for segment in &found {
            let is_group = |group: &Group| group.iter().eq(segment.on_duty.iter().copied());
            prop_assert_eq!(segment.reason.turns.len(), 1);
            prop_assert!(parts.groups.iter().any(is_group));
        }
    }

    #[test]
    fn p2_p4_p16_segments_follow_each_other_and_every_instant_agrees((rota, operations, from) in any_rota(), inside in vec(any::<Index>(), 2)) {
        let found = segments(&rota, &operations, from, days(from, 25));
        let total: TimeDelta = found.iter().map(|segment| segment.end - segment.start).sum();
        prop_assert_eq!(total, TimeDelta::days(25));
        for (place, segment) in found.iter().enumerate() {
            prop_assert!(segment.start < segment.end);
            let seconds = usize::try_from((segment.end - segment.start).num_seconds()).unwrap().max(1);
            let last = segment.end - TimeDelta::nanoseconds(1);
            let mut instants = vec![segment.start, last];
            instants.extend(inside.iter().map(|index| (segment.start + TimeDelta::seconds(index.index(seconds) as i64)).min(last)));
            for at in instants {
                let (people, reason) = on_duty(&rota, "s", &operations, at).unwrap();
                prop_assert_eq!((&people, &reason), (&segment.on_duty, &segment.reason), "at {}", at);
            }
            if let Some(next) = found.get(place + 1) {
                prop_assert_eq!(on_duty(&rota, "s", &operations, segment.end).unwrap().0, next.on_duty.clone());
            }
        }
    }

    #[test]
    fn p4_since_and_until_are_where_the_people_change((rota, operations, from) in any_rota(), seconds in 0..1_728_000_i64) {
        let at = from + TimeDelta::seconds(seconds);
        let now = on_call(&rota, "s", &operations, at).unwrap();
        let people = |at| on_duty(&rota, "s", &operations, at).unwrap().0.into_iter().cloned().collect::<Vec<_>>();
        if let Some(since) = now.since {
            prop_assert!(since <= at);
            prop_assert_eq!(&people(since), &now.on_duty);
            prop_assert_ne!(&people(since - TimeDelta::nanoseconds(1)), &now.on_duty);
        }
        if let Some(until) = now.until {
            prop_assert!(at < until);
            prop_assert_eq!(&people(until - TimeDelta::nanoseconds(1)), &now.on_duty);
            prop_assert_ne!(&people(until), &now.on_duty);
        }
        if let Some(next) = now.next {
            prop_assert_eq!(&people(next.start), &next.on_duty);
        }
        prop_assert_eq!(people_on_duty(&rota, "s", &operations, at).unwrap().into_vec(), now.on_duty.iter().collect::<Vec<_>>());
        let found: Vec<_> = everywhere(&rota, &operations, at).map(|(_, people)| people.into_vec()).collect();
        prop_assert_eq!(found, [now.on_duty.iter().collect::<Vec<_>>()]);
    }

    #[test]
    fn p3_a_shorter_look_shows_the_same((rota, operations, from) in any_rota(), a in 0..600_000_i64, b in 0..600_000_i64) {
        let whole = segments(&rota, &operations, from, days(from, 20));
        let (start, end) = (from + TimeDelta::seconds(a), days(from, 20) - TimeDelta::seconds(b));
        prop_assert_eq!(cut(&whole, start, end), segments(&rota, &operations, start, end));
    }

    #[test]
    fn p5_an_operation_changes_nothing_outside_its_time((rota, operations, from) in any_rota()) {
        let Some((one, others)) = operations.split_first() else { return Ok(()) };
        let (start, end) = (days(from, -2), days(from, 30));
        let without = segments(&rota, others, start, end);
        let with = segments(&rota, &operations, start, end);
        prop_assert_eq!(cut(&with, start, one.start), cut(&without, start, one.start));
        prop_assert_eq!(cut(&with, one.end, end), cut(&without, one.end, end));
    }

    #[test]
    fn p6_the_order_in_which_things_are_listed_does_not_matter((rota, operations, from) in any_rota()) {
        let found = segments(&rota, &operations, from, days(from, 25));
        let backwards: Vec<Operation> = operations.iter().rev().cloned().collect();
        prop_assert_eq!(&found, &segments(&rota, &backwards, from, days(from, 25)));
        let schedule = &rota.schedules["s"];
        let layers = schedule.layers.iter().rev().cloned().collect();
        let mut turned = rota_of(schedule.zone.clone(), layers);
        turned.schedules.values_mut().for_each(|turned| turned.holidays.clone_from(&schedule.holidays));
        // People of equal layers are named in another order; who replaces whom is the same.
        prop_assert_eq!(watches(&found), watches(&segments(&turned, &operations, from, days(from, 25))));
    }

    #[test]
    fn p6_operations_on_different_times_commute((rota, operations, from) in any_rota(), a in operation(DateTime::UNIX_EPOCH), b in operation(DateTime::UNIX_EPOCH)) {
        let shift = from - DateTime::UNIX_EPOCH;
        let (a_start, b_start) = (a.start + shift, (b.start + shift).max(a.end + shift));
        let (a_seconds, b_seconds) = (a.end - a.start, b.end - b.start);
        let both = |first: u64, second: u64| {
            let a = operation_of(first, a_start, a_start + a_seconds, a.change.clone());
            let b = operation_of(second, b_start, b_start + b_seconds, b.change.clone());
            let earlier = operations.iter().enumerate().map(|(place, other)| Operation { number: place as u64, ..other.clone() });
            earlier.chain([a, b]).collect::<Vec<Operation>>()
        };
        let people = |operations: &[Operation]| watches(&segments(&rota, operations, from, days(from, 40)));
        prop_assert_eq!(people(&both(100, 101)), people(&both(101, 100)));
    }

    #[test]
    fn p7_operations_that_were_written_down_and_read_again_say_the_same((rota, operations, from) in any_rota(), later in operation(DateTime::UNIX_EPOCH)) {
        let (snapshot, tail) = operations.split_at(operations.len() / 2);
        let mut replayed: Vec<Operation> = serde_json::from_str(&serde_json::to_string(snapshot).unwrap()).unwrap();
        replayed.extend(tail.iter().map(|event| serde_json::from_str::<Operation>(&serde_json::to_string(event).unwrap()).unwrap()));
        prop_assert_eq!(segments(&rota, &operations, from, days(from, 25)), segments(&rota, &replayed, from, days(from, 25)));
        // What is added for a later time leaves all earlier answers alone.
        let shift = days(from, 10) - DateTime::UNIX_EPOCH;
        replayed.push(Operation { start: later.start + shift, end: later.end + shift, ..later });
        prop_assert_eq!(segments(&rota, &operations, from, days(from, 10)), segments(&rota, &replayed, from, days(from, 10)));
    }

    #[test]
    fn p13_a_layer_that_is_raised_covers_no_less((rota, _, from) in any_rota(), by in 1..5_i64, which in any::<Index>()) {
        let schedule = &rota.schedules["s"];
        let with = |layers: Vec<Layer>| {
            let mut rota = rota_of(schedule.zone.clone(), layers);
            rota.schedules.values_mut().for_each(|raised| raised.holidays.clone_from(&schedule.holidays));
            rota
        };
        let named = |place: usize, priority: i64, layer: &Layer| Layer { name: place.to_string(), priority, ..layer.clone() };
        let chosen = which.index(schedule.layers.len());
        let before = with(schedule.layers.iter().enumerate().map(|(place, layer)| named(place, layer.priority, layer)).collect());
        let raise = |place| if place == chosen { by } else { 0 };
        let after = with(schedule.layers.iter().enumerate().map(|(place, layer)| named(place, layer.priority + raise(place), layer)).collect());
        let (found, raised) = (segments(&before, &[], from, days(from, 25)), segments(&after, &[], from, days(from, 25)));
        let counts = |rota: &Rota, segments: &[Segment<'_>]| {
            let layers = &rota.schedules["s"].layers;
            let here = |segment: &&Segment<'_>| segment.reason.turns.iter().any(|turn| layers[turn.layer].name == chosen.to_string());
            segments.iter().filter(here).map(|segment| segment.end - segment.start).sum::<TimeDelta>()
        };
        prop_assert!(counts(&before, &found) <= counts(&after, &raised));
        // Whether anybody is on duty is not a question of priorities.
        let covered = |segments: &[Segment<'_>]| holes(segments);
        prop_assert_eq!(covered(&found), covered(&raised));
    }

    #[test]
    fn p15_holes_of_two_times_are_the_holes_of_both((rota, operations, from) in any_rota(), seconds in 0..1_728_000_i64) {
        let (middle, to) = (from + TimeDelta::seconds(seconds), days(from, 20));
        let whole = holes(&segments(&rota, &operations, from, to));
        let mut both = holes(&segments(&rota, &operations, from, middle));
        for hole in holes(&segments(&rota, &operations, middle, to)) {
            match both.last_mut() {
                Some(last) if last.1 == hole.0 => last.1 = hole.1,
                _ => both.push(hole),
            }
        }
        prop_assert_eq!(&whole, &both);
        let covered: TimeDelta = segments(&rota, &operations, from, to).iter()
            .filter(|segment| !segment.on_duty.is_empty()).map(|segment| segment.end - segment.start).sum();
        prop_assert_eq!(covered + whole.iter().map(|(start, end)| *end - *start).sum::<TimeDelta>(), to - from);
    }

    #[test]
    fn p19_nothing_panics((zone, parts, from) in plain(), number in any::<i64>(), seconds in any::<i64>(), any in any_rota()) {
        let at = DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
        prop_assert!(parts.grid().start(number, &zone) <= DateTime::<Utc>::MAX_UTC);
        for rota in [plain_rota(&zone, &parts), any.0] {
            for at in [at, from, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
                prop_assert!(on_call(&rota, "s", &any.1, at).is_ok());
            }
        }
    }

    #[test]
    fn second_is_who_has_the_next_turn((zone, parts, at) in plain()) {
        let mut rota = plain_rota(&zone, &parts);
        let schedule: &mut Schedule = rota.schedules.get_mut("s").unwrap();
        schedule.secondary = Some(Secondary::NextTurn);
        let rotation = parts.rotation();
        let second = final_schedule(&rota, "s/secondary", &[], at, days(at, 20)).unwrap();
        let whole: TimeDelta = second.iter().map(|segment| segment.end - segment.start).sum();
        prop_assert_eq!(whole, TimeDelta::days(20));
        for segment in &second {
            let next = segment.reason.turns[0].number;
            prop_assert_eq!(&segment.on_duty, &rotation.group(next, at).iter().collect::<Vec<_>>());
            let first = on_duty(&rota, "s/primary", &[], segment.start).unwrap().1;
            prop_assert_eq!(first.turns[0].number + 1, next);
        }
    }
}

/// The times in which nobody is on duty.
fn holes(segments: &[Segment<'_>]) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let empty = watches(segments).into_iter().filter(|(_, _, people)| people.is_empty());
    empty.map(|(start, end, _)| (start, end)).collect()
}

#[test]
fn p19_lengths_of_nothing_are_no_grid() {
    let anchor = NaiveDateTime::default();
    let days = |length| vec![Every { length, unit: Unit::Day }];
    assert_eq!(Grid::new(anchor, vec![]), Err(crate::NoGrid::Lengths));
    assert_eq!(Grid::new(anchor, days(0)), Err(crate::NoGrid::Length));
    assert_eq!(Grid::new(anchor, days(Every::LENGTH_MAX + 1)), Err(crate::NoGrid::Length));
    assert_eq!(Grid::of_working_days(anchor, days(1), WeekdaySet::EMPTY), Err(crate::NoGrid::Days));
    let hours = vec![Every { length: 1, unit: Unit::Hour }];
    assert_eq!(Grid::of_working_days(anchor, hours, WeekdaySet::ALL), Err(crate::NoGrid::Unit));
}
