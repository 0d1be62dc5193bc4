//! The laws of the rota, over the zones in which other tools break. Half of the instants lie near a change of clocks.

use crate::window::Window;
use crate::{
    Change, Every, Layer, Occurrence, Operation, Rota, Rotation, Schedule, Segment, Span, Unit, Zone, final_schedule,
    on_call, on_duty,
};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc, Weekday};
use incident::ResponderId;
use jiff::tz::{AmbiguousOffset, TimeZoneDatabase};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use std::sync::LazyLock;

const ZONE_NAMES: [&str; 14] = [
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "America/Santiago",
    "America/Havana",
    "Africa/Cairo",
    "Pacific/Apia",
    "Europe/Dublin",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "Asia/Kathmandu",
    "Europe/Madrid",
    "UTC",
];

const PEOPLE: [&str; 5] = ["ana", "ben", "chi", "dan", "eve"];

/// Read once: reading a zone costs more than a whole test case.
static ZONES: LazyLock<[Zone; 14]> = LazyLock::new(|| ZONE_NAMES.map(|name| Zone::get(name).unwrap()));

fn zone() -> impl Strategy<Value = Zone> {
    select(&ZONES[..])
}

fn person() -> impl Strategy<Value = ResponderId> {
    select(&PEOPLE[..]).prop_map(ResponderId::from)
}

/// 1970 to 2100; half of them within three days of a change of clocks.
fn instant(zone: &Zone) -> BoxedStrategy<DateTime<Utc>> {
    let anywhere = (0..4_102_444_800_i64).prop_map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap());
    let since_1970 = |change: &DateTime<Utc>| change.timestamp() > 0;
    let changes: Vec<DateTime<Utc>> = zone.changes().into_iter().filter(since_1970).collect();
    if changes.is_empty() {
        return anywhere.boxed();
    }
    let near = (any::<Index>(), -288..288_i64)
        .prop_map(move |(place, quarters)| *place.get(&changes) + TimeDelta::minutes(15 * quarters));
    prop_oneof![anywhere, near].boxed()
}

fn every() -> impl Strategy<Value = Every> {
    let unit = select(&[Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Year][..]);
    (prop_oneof![3 => 1..=14_u32, 1 => 1..=Every::LENGTH_MAX], unit).prop_map(|(length, unit)| Every { length, unit })
}

/// Handoffs at a quarter of an hour; groups of `smallest` to 2 people.
fn rotation(zone: &Zone, smallest: usize) -> impl Strategy<Value = Rotation> + use<> {
    let group =
        subsequence(&PEOPLE[..], smallest..=2).prop_map(|names| names.into_iter().map(ResponderId::from).collect());
    let zone_of_anchor = zone.clone();
    let anchor = instant(zone).prop_map(move |at| {
        let wall = zone_of_anchor.wall(at);
        wall.date().and_hms_opt(wall.hour(), wall.minute() / 15 * 15, 0).unwrap()
    });
    (vec(group, 1..5), anchor, every()).prop_map(|(groups, anchor, every)| Rotation { groups, anchor, every })
}

fn window() -> impl Strategy<Value = Window> {
    let days = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
    let clock = || (0..96_u32).prop_map(|quarter| NaiveTime::from_hms_opt(quarter / 4, quarter % 4 * 15, 0).unwrap());
    (subsequence(days.to_vec(), 1..=7), clock(), clock(), 0..=6_u8).prop_map(|(days, from, to, more)| {
        let days_open = if more > 2 { u8::from(to <= from) } else { more + u8::from(to <= from) };
        Window { days, from, to, days_open }
    })
}

fn layer() -> impl Strategy<Value = Layer> {
    let parts = |zone: Zone| {
        let lasts = prop_oneof![
            3 => Just(Span::ALWAYS),
            1 => (instant(&zone), instant(&zone)).prop_map(|(a, b)| Span { start: a.min(b), end: a.max(b) + TimeDelta::hours(1) }),
        ];
        (rotation(&zone, 0), vec(window(), 0..3), 0..3_i64, lasts, Just(zone))
    };
    let layer = |(rotation, windows, priority, lasts, zone)| Layer {
        name: "layer".into(),
        zone,
        rotation,
        windows,
        priority,
        lasts,
    };
    zone().prop_flat_map(parts).prop_map(layer)
}

fn rota_of(zone: Zone, mut layers: Vec<Layer>) -> Rota {
    layers.sort_by_key(|layer| std::cmp::Reverse(layer.priority));
    let mut rota = Rota::default();
    rota.schedules.insert("s".into(), Schedule { name: "s".into(), zone, layers });
    rota
}

/// A rota of one unrestricted rotation without empty groups, with its zone and an instant.
fn plain() -> impl Strategy<Value = (Zone, Rotation, DateTime<Utc>)> {
    zone().prop_flat_map(|zone| {
        (rotation(&zone, 1), instant(&zone), Just(zone)).prop_map(|(rotation, at, zone)| (zone, rotation, at))
    })
}

fn plain_rota(zone: &Zone, rotation: &Rotation) -> Rota {
    let (zone, rotation) = (zone.clone(), rotation.clone());
    let layer =
        Layer { name: "layer".into(), zone: zone.clone(), rotation, windows: vec![], priority: 0, lasts: Span::ALWAYS };
    rota_of(zone, vec![layer])
}

/// An operation within the 20 days after `from`.
fn operation(from: DateTime<Utc>) -> impl Strategy<Value = Operation> {
    let change = prop_oneof![
        vec(person(), 0..3).prop_map(|users| Change::ReplaceAll { users }),
        (person(), person()).prop_map(|(from, to)| Change::ReplaceUser { from, to }),
        person().prop_map(|user| Change::Add { user }),
        person().prop_map(|user| Change::Remove { user }),
        (person(), person()).prop_map(|(a, b)| Change::Exchange { a, b }),
    ];
    (any::<u64>(), 0..1_728_000_i64, 1..500_000_i64, change).prop_map(move |(number, start, seconds, change)| {
        let start = from + TimeDelta::seconds(start) + TimeDelta::milliseconds(250);
        let end = start + TimeDelta::seconds(seconds);
        Operation { number, schedule: "s".into(), start, end, change, by: "ana".into(), reason: String::new() }
    })
}

/// A rota of any kind, operations on it, and the start of the 20 days in which they lie.
fn any_rota() -> impl Strategy<Value = (Rota, Vec<Operation>, DateTime<Utc>)> {
    let rota = (zone(), vec(layer(), 1..4)).prop_flat_map(|(zone, layers)| {
        let near_layer = layers[0].zone.clone();
        (Just(rota_of(zone, layers)), instant(&near_layer))
    });
    rota.prop_flat_map(|(rota, from)| (Just(rota), vec(operation(from), 0..5), Just(from)))
}

fn days(from: DateTime<Utc>, days: i64) -> DateTime<Utc> {
    from + TimeDelta::days(days)
}

fn segments<'r>(
    rota: &'r Rota,
    operations: &'r [Operation],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Vec<Segment<'r>> {
    final_schedule(rota, "s", operations, from, to).unwrap()
}

/// The parts of `segments` that lie in `[from, to)`.
fn cut<'r>(segments: &[Segment<'r>], from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Segment<'r>> {
    let parts =
        segments.iter().map(|part| Segment { start: part.start.max(from), end: part.end.min(to), ..part.clone() });
    parts.filter(|part| part.start < part.end).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn p1_a_plain_rotation_has_exactly_one_group_at_every_instant((zone, rotation, at) in plain()) {
        let rota = plain_rota(&zone, &rotation);
        let found = segments(&rota, &[], at, days(at, 20));
        prop_assert_eq!((found[0].start, found[found.len() - 1].end), (at, days(at, 20)));
        for pair in found.windows(2) {
            prop_assert_eq!(pair[0].end, pair[1].start);
        }
        for segment in &found {
            let is_group = |group: &Vec<ResponderId>| group.iter().eq(segment.on_duty.iter().copied());
            prop_assert_eq!(segment.reason.turns.len(), 1);
            prop_assert!(rotation.groups.iter().any(is_group));
        }
    }

    #[test]
    fn p2_p4_p16_segments_follow_each_other_and_every_instant_agrees((rota, operations, from) in any_rota(), inside in vec(any::<Index>(), 4)) {
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
    fn p8_a_handoff_shows_the_wall_time_unless_it_does_not_exist((zone, rotation, at) in plain(), step in -50..50_i64) {
        // jiff's own answer about the same wall time is the judge.
        let number = rotation.turn(at, &zone).0 + step;
        let start = rotation.start(number, &zone);
        let shown = zone.wall(start);
        prop_assume!((-2_000_000_000..7_000_000_000).contains(&start.timestamp()));
        let expected = expected_wall(&rotation, number);
        match (shown == expected, judge(&zone, expected)) {
            (true, AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. }) => {}
            (false, AmbiguousOffset::Gap { before, after }) => {
                let just_before = zone.wall(start - TimeDelta::seconds(1)).and_utc().timestamp() - (start.timestamp() - 1);
                prop_assert_eq!(just_before, i64::from(before.seconds()));
                prop_assert_eq!(shown.and_utc().timestamp() - start.timestamp(), i64::from(after.seconds()));
            }
            (_, judged) => prop_assert!(false, "{shown} for {expected}, which is {judged:?}"),
        }
    }

    #[test]
    fn p8_a_wall_time_that_comes_twice_is_the_one_asked_for((zone, _, at) in plain()) {
        let wall = zone.wall(at);
        let offset = |occurrence| wall.and_utc().timestamp() - zone.instant(wall, occurrence).timestamp();
        let found = (offset(Occurrence::First), offset(Occurrence::Last));
        match judge(&zone, wall) {
            AmbiguousOffset::Fold { before, after } => prop_assert_eq!(found, (i64::from(before.seconds()), i64::from(after.seconds()))),
            AmbiguousOffset::Unambiguous { offset } => prop_assert_eq!(found, (i64::from(offset.seconds()), i64::from(offset.seconds()))),
            AmbiguousOffset::Gap { .. } => prop_assert!(false, "{wall} was shown, so it exists"),
        }
    }

    #[test]
    fn p9_the_grid_never_goes_back((zone, rotation, at) in plain(), step in -50..50_i64, seconds in 0..10_000_000_i64) {
        let number = rotation.turn(at, &zone).0 + step;
        let start = rotation.start(number, &zone);
        prop_assert!(start <= rotation.start(number + 1, &zone));
        if (1900..2900).contains(&start.year()) {
            prop_assert!(rotation.turn(start, &zone).0 >= number);
        }
        prop_assert!(rotation.turn(at, &zone).0 <= rotation.turn(at + TimeDelta::seconds(seconds), &zone).0);
        prop_assert!(rotation.turn(at, &zone).1.contains(at));
    }

    #[test]
    fn p10_groups_repeat_and_a_day_is_24_hours((zone, rotation, at) in plain(), number in any::<i32>(), rounds in -1000..1000_i64) {
        let number = i64::from(number);
        let count = rotation.groups.len() as i64;
        prop_assert_eq!(rotation.group(number), rotation.group(number + rounds * count));
        let of = |length, unit| Rotation { every: Every { length, unit }, ..rotation.clone() };
        let length = rotation.every.length.min(Every::LENGTH_MAX / 24);
        prop_assert_eq!(of(length, Unit::Day).turn(at, &zone), of(length * 24, Unit::Hour).turn(at, &zone));
        prop_assert_eq!(of(length, Unit::Week).turn(at, &zone), of(length * 7, Unit::Day).turn(at, &zone));
    }

    #[test]
    fn p17_an_older_anchor_on_the_same_grid_gives_the_same_people((zone, rotation, at) in plain(), rounds in 1..5_000_i64) {
        let hours = Rotation { every: Every { length: rotation.every.length.min(24), unit: Unit::Hour }, ..rotation };
        let back = rounds * hours.groups.len() as i64;
        let older = Rotation { anchor: hours.anchor - TimeDelta::hours(back * i64::from(hours.every.length)), ..hours.clone() };
        let ((number, span), (older_number, older_span)) = (hours.turn(at, &zone), older.turn(at, &zone));
        prop_assert_eq!((number + back, span), (older_number, older_span));
        prop_assert_eq!(hours.group(number), older.group(older_number));
    }

    #[test]
    fn p19_nothing_panics((zone, rotation, _) in plain(), number in any::<i64>(), seconds in any::<i64>(), layer in layer()) {
        let at = DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
        prop_assert!(rotation.start(number, &zone) <= DateTime::<Utc>::MAX_UTC);
        for rota in [plain_rota(&zone, &rotation), rota_of(zone.clone(), vec![layer])] {
            for at in [at, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
                prop_assert!(on_call(&rota, "s", &[], at).is_ok());
            }
        }
    }
}

/// The wall time that the anchor asks for, computed without the crate's own arithmetic.
fn expected_wall(rotation: &Rotation, number: i64) -> NaiveDateTime {
    let Every { length, unit } = rotation.every;
    let by = number * i64::from(length);
    let months = match unit {
        Unit::Hour => return rotation.anchor + TimeDelta::hours(by),
        Unit::Day => return rotation.anchor + TimeDelta::days(by),
        Unit::Week => return rotation.anchor + TimeDelta::weeks(by),
        Unit::Month => by,
        Unit::Year => by * 12,
    };
    let day = rotation.anchor.day();
    let total = i64::from(rotation.anchor.year()) * 12 + i64::from(rotation.anchor.month0()) + months;
    let year = i32::try_from(total.div_euclid(12)).unwrap();
    let month = u32::try_from(total.rem_euclid(12)).unwrap() + 1;
    let last_fitting = (1..=day).rev().find_map(|day| NaiveDate::from_ymd_opt(year, month, day));
    last_fitting.unwrap().and_time(rotation.anchor.time())
}

fn judge(zone: &Zone, wall: NaiveDateTime) -> AmbiguousOffset {
    let rules = TimeZoneDatabase::bundled().get(zone.name()).unwrap();
    let wall: jiff::civil::DateTime = wall.format("%Y-%m-%dT%H:%M:%S").to_string().parse().unwrap();
    rules.to_ambiguous_timestamp(wall).offset()
}
