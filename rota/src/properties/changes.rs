//! Laws of what changes a rota in the course of time: 12 and 14, temporary schedules.

use super::*;
use crate::on_call::on_duty;
use std::collections::BTreeMap;

/// The rota of one plain rotation, and the same after `changes`.
fn before_and_after(zone: &Zone, parts: &Parts, changes: &[Membership]) -> (Rota, Rota) {
    let before = parts.rotation();
    let after = changes.iter().fold(before.clone(), |rotation, change| rotation.changed(change, zone));
    let rota = |rotation| rota_of(zone.clone(), vec![Layer::new("layer", zone.clone(), rotation)]);
    (rota(before), rota(after))
}

/// The same with turns of five weeks at most.
fn short(parts: Parts) -> Parts {
    let short = |every: Every| match every.unit {
        Unit::Hour => Every { length: (every.length - 1) % 100 + 1, ..every },
        Unit::Day | Unit::Week | Unit::Month | Unit::Year => {
            Every { length: (every.length - 1) % 5 + 1, unit: Unit::Day }
        }
    };
    Parts { lengths: parts.lengths.into_iter().map(short).collect(), ..parts }
}

fn people(rota: &Rota, at: DateTime<Utc>) -> (Vec<ResponderId>, i64) {
    let (people, reason) = on_duty(rota, "s", &[], at).unwrap();
    (people.into_iter().cloned().collect(), reason.turns[0].number)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn p12_a_change_of_people_changes_nothing_before_and_moves_no_turn((zone, parts, from) in plain(), changes in vec(membership(DateTime::UNIX_EPOCH, 1), 1..4)) {
        let mut changes: Vec<Membership> = changes.into_iter().map(|change| Membership { at: change.at + (from - DateTime::UNIX_EPOCH), ..change }).collect();
        changes.sort_by_key(|change| change.at);
        let (last, earlier) = changes.split_last().unwrap();
        let (_, before) = before_and_after(&zone, &parts, earlier);
        let (_, after) = before_and_after(&zone, &parts, &changes);
        let at = last.at;
        prop_assert_eq!(segments(&before, &[], days(from, -5), at), segments(&after, &[], days(from, -5), at));

        let members: Vec<&ResponderId> = last.groups.iter().flatten().collect();
        let ((was, turn), (is, same_turn)) = (people(&before, at), people(&after, at));
        prop_assert_eq!(turn, same_turn);
        if last.rollout != Rollout::Now {
            let staying: Vec<ResponderId> = was.iter().filter(|person| members.contains(person)).cloned().collect();
            prop_assert!(staying.is_empty() || is == staying, "{:?} were on duty, {:?} are", was, is);
        }
        for segment in segments(&after, &[], at, days(at, 40)) {
            prop_assert!(!segment.on_duty.is_empty());
            prop_assert!(segment.on_duty.iter().all(|person| members.contains(person)), "{:?}", segment);
            let before = on_duty(&before, "s", &[], segment.start).unwrap().1;
            prop_assert_eq!(&before.turns, &segment.reason.turns);
        }
    }

    #[test]
    fn p11_p12_fair_turns_change_hands_as_others_do((zone, parts, at) in plain(), was in 1..=5_usize, is in subsequence(&PEOPLE[..], 1..=5).prop_shuffle(), back in any::<bool>()) {
        let alone = |names: &[&str]| names.iter().map(|name| vec![ResponderId::from(*name)]).collect::<Vec<Group>>();
        let parts = Parts { groups: alone(&PEOPLE[..was]), ..short(parts) };
        let before = parts.rotation().fair(&[]);
        let change = |groups: Vec<Group>, at| Membership { at, groups, rollout: Rollout::AfterThisTurn };
        let after = before.changed(&change(alone(&is), at), &zone);
        let rota = |rotation: &Rotation| rota_of(zone.clone(), vec![Layer::new("layer", zone.clone(), rotation.clone())]);
        let (old, new) = (rota(&before), rota(&after));
        prop_assert_eq!(segments(&old, &[], days(at, -5), at), segments(&new, &[], days(at, -5), at));
        let (had, has) = (people(&old, at).0, people(&new, at).0);
        prop_assert!(had == has || !is.iter().any(|name| had.contains(&ResponderId::from(*name))), "{had:?} {has:?}");

        let found = segments(&new, &[], at, days(at, 60));
        for (place, segment) in found.iter().enumerate() {
            prop_assert!(is.iter().any(|name| segment.on_duty == [&ResponderId::from(*name)]), "{segment:?}");
            if let Some(next) = found.get(place + 1) {
                // A turn that lies in an hour that a clock leaves out is between them all the same.
                let follows = next.reason.turns[0].number == segment.reason.turns[0].number + 1;
                prop_assert!(is.len() == 1 || !follows || segment.on_duty != next.on_duty, "two in a row: {segment:?} {next:?}");
            }
        }
        // Back before the turn ends: as if nothing had been.
        let end = segments(&old, &[], at, days(at, 60))[0].end;
        if back && end < days(at, 60) && end - at > TimeDelta::seconds(1) {
            let again = after.changed(&change(alone(&PEOPLE[..was]), end - TimeDelta::seconds(1)), &zone);
            prop_assert_eq!(watches(&segments(&old, &[], end, days(end, 60))), watches(&segments(&rota(&again), &[], end, days(end, 60))));
        }
    }

    #[test]
    fn p12_taking_somebody_out_and_back_before_the_next_handoff_is_neutral((zone, parts, at) in plain(), who in any::<Index>(), rollout in rollout(), parts_of_turn in (0..100_i64, 1..100_i64)) {
        let groups: Vec<Group> = PEOPLE.iter().take(parts.groups.len() + 1).map(|name| vec![ResponderId::from(*name)]).collect();
        let parts = Parts { groups: groups.clone(), ..short(parts) };
        let (plain, _) = before_and_after(&zone, &parts, &[]);
        let turn_end = segments(&plain, &[], at, days(at, 40))[0].end;
        prop_assume!(turn_end < days(at, 40));
        let moment = |percent: i64| at + TimeDelta::seconds((turn_end - at).num_seconds() * percent / 100);
        let (out, back) = (moment(parts_of_turn.0.min(parts_of_turn.1 - 1)), moment(parts_of_turn.1));
        prop_assume!(out < back && back < turn_end);
        let mut without = groups.clone();
        let gone = without.remove(who.index(groups.len()));
        let changes = [Membership { at: out, groups: without, rollout }, Membership { at: back, groups, rollout }];
        let (before, after) = before_and_after(&zone, &parts, &changes);
        let (was, is) = (watches(&segments(&before, &[], turn_end, days(turn_end, 60))), watches(&segments(&after, &[], turn_end, days(turn_end, 60))));
        prop_assert_eq!(was, is);
        if rollout == Rollout::Now {
            return Ok(());
        }
        let there = people(&before, out).0 == gone;
        prop_assert_eq!(people(&after, out).0 != people(&before, out).0, there);
        prop_assert!(there || people(&after, back) == people(&before, back));
    }

    #[test]
    fn p12_a_newcomer_changes_no_running_turn((zone, parts, at) in plain(), place in any::<Index>(), late in any::<bool>()) {
        let rollout = if late { Rollout::AfterAFullRound } else { Rollout::AfterThisTurn };
        let mut groups = parts.groups.clone();
        groups.insert(place.index(groups.len() + 1), vec!["new".into()]);
        let (before, after) = before_and_after(&zone, &parts, &[Membership { at, groups: groups.clone(), rollout }]);
        let turn_end = segments(&before, &[], at, days(at, 30))[0].end;
        prop_assert_eq!(watches(&segments(&before, &[], at, turn_end)), watches(&segments(&after, &[], at, turn_end)));
        // Afterwards everybody has a turn in each round.
        let rotation = &after.schedules["s"].layers[0].rotation;
        let later = rotation.stints.last().unwrap();
        let round: Vec<&[ResponderId]> = (0..groups.len() as i64).map(|turn| later.group(turn, rotation.grid())).collect();
        prop_assert!(groups.iter().all(|group| round.contains(&group.as_slice())));
    }

    #[test]
    fn p7_a_new_version_leaves_the_past_alone((old, operations, from) in any_rota(), (new, _, _) in any_rota(), seconds in 0..1_728_000_i64) {
        let at = from + TimeDelta::seconds(seconds) + TimeDelta::milliseconds(333);
        let both = old.succeeded_by(&new, at);
        let asked = |rota: &Rota, a, b| watches(&segments(rota, &operations, a, b));
        prop_assert_eq!(asked(&old, days(from, -10), at), asked(&both, days(from, -10), at));
        // Files that say the same again change nothing, however often they are read.
        let again = old.succeeded_by(&old, at).succeeded_by(&old, days(at, 2));
        prop_assert_eq!(asked(&old, days(from, -10), days(from, 40)), asked(&again, days(from, -10), days(from, 40)));
        // Layers that nothing goes on from start at once, with the turns of their own files.
        let mut apart = new.clone();
        apart.schedules.values_mut().for_each(|schedule| schedule.layers.iter_mut().for_each(|layer| layer.name.push('2')));
        let both = old.succeeded_by(&apart, at);
        prop_assert_eq!(asked(&apart, at, days(from, 40)), asked(&both, at, days(from, 40)));
    }

    #[test]
    fn p12_edited_people_are_a_change_of_people((zone, parts, at) in plain(), changed in membership(DateTime::UNIX_EPOCH, 1)) {
        let edited = Parts { groups: changed.groups.clone(), ..parts.clone() };
        let (old, mut new) = (plain_rota(&zone, &parts), plain_rota(&zone, &edited));
        new.schedules.values_mut().for_each(|schedule| schedule.rollout = changed.rollout);
        let (_, expected) = before_and_after(&zone, &parts, &[Membership { at, ..changed }]);
        let both = old.succeeded_by(&new, at);
        prop_assert_eq!(both.schedules["s"].layers.len(), 1);
        let (found, expected) = (segments(&both, &[], days(at, -9), days(at, 60)), segments(&expected, &[], days(at, -9), days(at, 60)));
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn p14_an_exchange_keeps_the_hours_and_twice_is_none((rota, operations, from) in any_rota(), a in person(), b in person()) {
        prop_assume!(operations.iter().all(|operation| operation.number < u64::MAX - 1));
        let exchange = |number| operation_of(number, from, days(from, 25), Change::Exchange { a: a.clone(), b: b.clone() });
        let once: Vec<Operation> = operations.iter().cloned().chain([exchange(u64::MAX - 1)]).collect();
        let twice: Vec<Operation> = once.iter().cloned().chain([exchange(u64::MAX)]).collect();
        let found = |operations: &[Operation]| watches(&segments(&rota, operations, from, days(from, 25)));
        let (before, after) = (found(&operations), found(&once));
        prop_assert_eq!(&before, &found(&twice));
        let (was, is) = (hours(&before), hours(&after));
        let of = |hours: &BTreeMap<ResponderId, TimeDelta>, person| hours.get(person).copied().unwrap_or_default();
        prop_assert_eq!((of(&was, &a), of(&was, &b)), (of(&is, &b), of(&is, &a)));
        prop_assert_eq!(was.values().sum::<TimeDelta>(), is.values().sum::<TimeDelta>());
    }

    #[test]
    fn t_a_temporary_schedule_hides_what_was_before_it((rota, operations, from) in any_rota(), shifts in change(DateTime::UNIX_EPOCH)) {
        let Change::Temporary { shifts, fallback } = shifts else { return Ok(()) };
        let by = from - DateTime::UNIX_EPOCH;
        let shifts: Vec<TemporaryShift> = shifts.into_iter().map(|shift| TemporaryShift { start: shift.start + by, end: shift.end + by, ..shift }).collect();
        let (start, end) = (days(from, 3), days(from, 17));
        let temporary = operation_of(u64::MAX, start, end, Change::Temporary { shifts: shifts.clone(), fallback });
        let with: Vec<Operation> = operations.iter().cloned().chain([temporary]).collect();
        for segment in segments(&rota, &with, start, end) {
            let now = shifts.iter().filter(|shift| shift.start <= segment.start && segment.start < shift.end);
            let mut expected: Vec<&ResponderId> = Vec::new();
            for user in now.clone().flat_map(|shift| &shift.users) {
                if !expected.contains(&user) { expected.push(user); }
            }
            if now.count() == 0 && fallback == Fallback::Layers {
                expected = on_duty(&rota, "s", &operations, segment.start).unwrap().0;
            }
            prop_assert_eq!(segment.on_duty, expected, "at {}", segment.start);
        }
    }
}

fn hours(watches: &[Watch]) -> BTreeMap<ResponderId, TimeDelta> {
    let mut hours: BTreeMap<ResponderId, TimeDelta> = BTreeMap::new();
    for (start, end, people) in watches {
        people.iter().for_each(|person| *hours.entry(person.clone()).or_default() += *end - *start);
    }
    hours
}
