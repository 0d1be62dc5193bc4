//! The laws of the rota, over the zones in which other tools break. Half of the instants lie near a change of clocks.
//! Here is what the laws draw their cases from; `PROPTEST_CASES` says how many there are.

mod answers;
mod changes;
mod grid;

use crate::membership::Membership;
use crate::window::{MonthDays, Window};
use crate::{
    Change, Every, Fallback, Grid, Group, Holiday, Layer, OnHolidays, Operation, Rollout, Rota, Rotation, Schedule,
    Segment, Span, TemporaryShift, Unit, Zone, final_schedule,
};
use chrono::{DateTime, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc, Weekday, WeekdaySet};
use incident::ResponderId;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use std::sync::LazyLock;

pub(crate) const ZONE_NAMES: [&str; 14] = [
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

pub(crate) const PEOPLE: [&str; 5] = ["ana", "ben", "chi", "dan", "eve"];

/// Read once: reading a zone costs more than a whole test case.
pub(crate) static ZONES: LazyLock<[Zone; 14]> = LazyLock::new(|| ZONE_NAMES.map(|name| Zone::get(name).unwrap()));

/// The instants from 1970 to 2100 at which each of them changes its clocks.
static CLOCK_CHANGES: LazyLock<Vec<Vec<DateTime<Utc>>>> = LazyLock::new(|| {
    let listed = |at: &DateTime<Utc>| (0..SECONDS_MAX).contains(&at.timestamp());
    ZONES.iter().map(|zone| zone.changes().into_iter().filter(listed).collect()).collect()
});

/// 2100-01-01.
const SECONDS_MAX: i64 = 4_102_444_800;

/// The cases of each law, unless `PROPTEST_CASES` says another number.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

fn zone() -> impl Strategy<Value = Zone> {
    select(&ZONES[..])
}

pub(crate) fn person() -> impl Strategy<Value = ResponderId> {
    select(&PEOPLE[..]).prop_map(ResponderId::from)
}

/// 1970 to 2100; half of them within three days of a change of clocks.
pub(crate) fn instant(zone: &Zone) -> BoxedStrategy<DateTime<Utc>> {
    let anywhere = (0..SECONDS_MAX).prop_map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap());
    let place = ZONES.iter().position(|known| known == zone).unwrap();
    let changes = &CLOCK_CHANGES[place];
    if changes.is_empty() {
        return anywhere.boxed();
    }
    let near = (any::<Index>(), -288..288_i64)
        .prop_map(move |(place, quarters)| *place.get(changes) + TimeDelta::minutes(15 * quarters));
    prop_oneof![anywhere, near].boxed()
}

fn every() -> impl Strategy<Value = Every> {
    let unit = select(&[Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Year][..]);
    (prop_oneof![3 => 1..=14_u32, 1 => 1..=Every::LENGTH_MAX], unit).prop_map(|(length, unit)| Every { length, unit })
}

/// One length most often, else a few of them; or a few of working days.
fn lengths() -> impl Strategy<Value = (Vec<Every>, Option<WeekdaySet>)> {
    let days = (1..=5_u32).prop_map(|length| Every { length, unit: Unit::Day });
    prop_oneof![
        3 => every().prop_map(|every| (vec![every], None)),
        1 => vec(every(), 2..4).prop_map(|lengths| (lengths, None)),
        1 => (vec(days, 1..3), weekdays()).prop_map(|(lengths, days)| (lengths, Some(days))),
    ]
}

fn weekdays() -> impl Strategy<Value = WeekdaySet> {
    (1..128_u8).prop_map(|bits| {
        let days = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
        days.into_iter().filter(|day| bits >> day.num_days_from_monday() & 1 == 1).collect()
    })
}

fn group(smallest: usize) -> impl Strategy<Value = Group> {
    subsequence(&PEOPLE[..], smallest..=2).prop_map(|names| names.into_iter().map(ResponderId::from).collect())
}

/// A rotation before it is one, so that a law can look at its parts.
#[derive(Debug, Clone)]
struct Parts {
    groups: Vec<Group>,
    anchor: NaiveDateTime,
    lengths: Vec<Every>,
    working_days: Option<WeekdaySet>,
}

impl Parts {
    fn grid(&self) -> Grid {
        match self.working_days {
            None => Grid::new(self.anchor, self.lengths.clone()).unwrap(),
            Some(days) => Grid::of_working_days(self.anchor, self.lengths.clone(), days).unwrap(),
        }
    }

    fn rotation(&self) -> Rotation {
        Rotation::new(self.grid(), self.groups.clone())
    }
}

/// Handoffs at a quarter of an hour; groups of `smallest` to 2 people.
fn parts(zone: &Zone, smallest: usize) -> impl Strategy<Value = Parts> + use<> {
    let zone_of_anchor = zone.clone();
    let anchor = instant(zone).prop_map(move |at| {
        let wall = zone_of_anchor.wall(at);
        wall.date().and_hms_opt(wall.hour(), wall.minute() / 15 * 15, 0).unwrap()
    });
    (vec(group(smallest), 1..5), anchor, lengths()).prop_map(|(groups, anchor, (lengths, working_days))| Parts {
        groups,
        anchor,
        lengths,
        working_days,
    })
}

fn window() -> impl Strategy<Value = Window> {
    let clock = || (0..96_u32).prop_map(|quarter| NaiveTime::from_hms_opt(quarter / 4, quarter % 4 * 15, 0).unwrap());
    let month_days = prop_oneof![
        4 => Just(MonthDays::default()),
        1 => vec(prop_oneof![1..=31_i64, -31..=-1_i64], 1..3).prop_map(|days| MonthDays::new(&days).unwrap()),
    ];
    (weekdays(), month_days, clock(), clock(), 0..=6_u8).prop_map(|(days, month_days, from, to, more)| {
        let days_open = if more > 2 { u8::from(to <= from) } else { more + u8::from(to <= from) };
        Window { days, month_days, from, to, days_open }
    })
}

fn rollout() -> impl Strategy<Value = Rollout> {
    select(&[Rollout::Now, Rollout::AfterThisTurn, Rollout::AfterAFullRound][..])
}

/// A change of the people within the 20 days after `from`.
fn membership(from: DateTime<Utc>, smallest: usize) -> impl Strategy<Value = Membership> {
    (0..1_728_000_i64, vec(group(smallest), 1..5), rollout()).prop_map(move |(seconds, groups, rollout)| {
        let at = from + TimeDelta::seconds(seconds) + TimeDelta::milliseconds(125);
        Membership { at, groups, rollout }
    })
}

/// A layer of any kind; what happens to it once happens within the 20 days after `from`.
fn layer(from: DateTime<Utc>) -> impl Strategy<Value = Layer> {
    let soon = move |seconds: i64| from + TimeDelta::seconds(seconds);
    let parts = move |zone: Zone| {
        let lasts = prop_oneof![
            3 => Just(Span::ALWAYS),
            1 => (0..1_728_000_i64, 1..1_728_000_i64).prop_map(move |(a, b)| Span { start: soon(a), end: soon(a + b) }),
        ];
        let on_holidays = prop_oneof![
            3 => Just(OnHolidays::AsAlways),
            1 => Just(OnHolidays::Off),
            1 => Just(OnHolidays::Only),
        ];
        let changes = prop_oneof![2 => vec(membership(from, 0), 0..1), 1 => vec(membership(from, 0), 1..4)];
        let rotation = (parts(&zone, 0), prop::bool::weighted(0.25));
        (rotation, vec(window(), 0..3), 0..3_i64, lasts, on_holidays, changes, Just(zone))
    };
    zone().prop_flat_map(parts).prop_map(|((parts, fair), windows, priority, lasts, on_holidays, mut changes, zone)| {
        changes.sort_by_key(|change| change.at);
        let first = if fair { parts.rotation().fair(&windows) } else { parts.rotation() };
        let rotation = changes.iter().fold(first, |rotation, change| rotation.changed(change, &zone));
        Layer { windows, priority, lasts, on_holidays, ..Layer::new("layer", zone, rotation) }
    })
}

fn holidays(from: DateTime<Utc>) -> impl Strategy<Value = Vec<Holiday>> {
    let holiday = (0..20_i64, 1..3_i64).prop_map(move |(day, days)| {
        let first = (from + TimeDelta::days(day)).date_naive();
        Holiday { name: "holiday".into(), from: first, to: first + TimeDelta::days(days) }
    });
    vec(holiday, 0..3)
}

fn rota_of(zone: Zone, layers: Vec<Layer>) -> Rota {
    let mut rota = Rota::default();
    rota.schedules.insert("s".into(), Schedule::new("s", zone, layers));
    rota
}

/// A rota of one unrestricted rotation without empty groups, with its zone and an instant.
fn plain() -> impl Strategy<Value = (Zone, Parts, DateTime<Utc>)> {
    zone().prop_flat_map(|zone| (Just(zone.clone()), parts(&zone, 1), instant(&zone)))
}

fn plain_rota(zone: &Zone, parts: &Parts) -> Rota {
    rota_of(zone.clone(), vec![Layer::new("layer", zone.clone(), parts.rotation())])
}

fn change(from: DateTime<Utc>) -> impl Strategy<Value = Change> {
    let shift = (0..1_728_000_i64, 0..400_000_i64, vec(person(), 0..3)).prop_map(move |(start, seconds, users)| {
        let start = from + TimeDelta::seconds(start);
        TemporaryShift { start, end: start + TimeDelta::seconds(seconds), users }
    });
    let fallback = select(&[Fallback::Nobody, Fallback::Layers][..]);
    prop_oneof![
        vec(person(), 0..3).prop_map(|users| Change::ReplaceAll { users }),
        (person(), person()).prop_map(|(from, to)| Change::ReplaceUser { from, to }),
        person().prop_map(|user| Change::Add { user }),
        person().prop_map(|user| Change::Remove { user }),
        (person(), person()).prop_map(|(a, b)| Change::Exchange { a, b }),
        (vec(shift, 0..4), fallback).prop_map(|(shifts, fallback)| Change::Temporary { shifts, fallback }),
    ]
}

/// An operation within the 20 days after `from`.
fn operation(from: DateTime<Utc>) -> impl Strategy<Value = Operation> {
    (any::<u64>(), 0..1_728_000_i64, 1..500_000_i64, change(from)).prop_map(move |(number, start, seconds, change)| {
        let start = from + TimeDelta::seconds(start) + TimeDelta::milliseconds(250);
        operation_of(number, start, start + TimeDelta::seconds(seconds), change)
    })
}

fn operation_of(number: u64, start: DateTime<Utc>, end: DateTime<Utc>, change: Change) -> Operation {
    Operation { number, schedule: "s".into(), start, end, change, by: "ana".into(), reason: String::new() }
}

/// A rota of any kind, operations on it, and the start of the 20 days in which they lie.
fn any_rota() -> impl Strategy<Value = (Rota, Vec<Operation>, DateTime<Utc>)> {
    zone().prop_flat_map(|zone| (Just(zone.clone()), instant(&zone))).prop_flat_map(|(zone, from)| {
        (vec(layer(from), 1..4), holidays(from), vec(operation(from), 0..5)).prop_map(
            move |(layers, holidays, operations)| {
                let mut rota = rota_of(zone.clone(), layers);
                rota.schedules.values_mut().for_each(|schedule| schedule.holidays.clone_from(&holidays));
                (rota, operations, from)
            },
        )
    })
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

/// A time and the people on duty in it.
type Watch = (DateTime<Utc>, DateTime<Utc>, Vec<ResponderId>);

/// Who is on duty when, without reasons; the people of a time in alphabetical order.
fn watches(segments: &[Segment<'_>]) -> Vec<Watch> {
    let mut watches: Vec<Watch> = Vec::new();
    for segment in segments {
        let mut people: Vec<ResponderId> = segment.on_duty.iter().copied().cloned().collect();
        people.sort();
        match watches.last_mut() {
            Some(last) if last.2 == people => last.1 = segment.end,
            _ => watches.push((segment.start, segment.end, people)),
        }
    }
    watches
}
