//! Laws of wall times, turns and windows: 8 to 11, 17.

use super::*;
use crate::ticks::{Ticks, tick};
use crate::window::open;
use crate::zone::Nearby;
use crate::{Occurrence, Segment};
use chrono::{Datelike, NaiveDate};
use jiff::tz::{AmbiguousOffset, TimeZoneDatabase};
use std::collections::BTreeMap;

/// The turn of an instant, and from which tick until which it lasts.
fn turn(grid: &Grid, at: DateTime<Utc>, zone: &Zone) -> (i64, Ticks) {
    grid.turn(Nearby::default().at(zone, tick(at)))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn p8_a_handoff_shows_the_wall_time_unless_it_does_not_exist((zone, parts, at) in plain(), step in -50..50_i64) {
        // jiff's own answer about the same wall time is the judge.
        let grid = parts.grid();
        let running = turn(&grid, at, &zone).0;
        for number in [running, running + 1, running + step] {
            let start = grid.start(number, &zone);
            // Long turns lead out of the years for which zones are listed.
            if !(-2_000_000_000..7_000_000_000).contains(&start.timestamp()) {
                continue;
            }
            let (shown, expected) = (zone.wall(start), expected_wall(&parts, number));
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
    fn p8_near_an_instant_rule_l_is_the_same((zone, _, at) in plain(), seconds in -1_000_000..1_000_000_i64) {
        let wall = zone.wall(at) + TimeDelta::seconds(seconds);
        let mut nearby = Nearby::default();
        let near = nearby.at(&zone, tick(at));
        for occurrence in [Occurrence::First, Occurrence::Last] {
            prop_assert_eq!(near.second(wall.and_utc().timestamp(), occurrence), zone.instant(wall, occurrence).timestamp());
        }
    }

    #[test]
    fn p9_the_grid_never_goes_back((zone, parts, at) in plain(), step in -50..50_i64, seconds in 0..10_000_000_i64) {
        let grid = parts.grid();
        let number = turn(&grid, at, &zone).0 + step;
        let start = grid.start(number, &zone);
        prop_assert!(start <= grid.start(number + 1, &zone));
        if (1900..2250).contains(&start.year()) {
            prop_assert!(turn(&grid, start, &zone).0 >= number);
        }
        prop_assert!(turn(&grid, at, &zone).0 <= turn(&grid, at + TimeDelta::seconds(seconds), &zone).0);
        prop_assert!(turn(&grid, at, &zone).1.contains(tick(at)));
    }

    #[test]
    fn p10_groups_repeat_and_a_day_is_24_hours((zone, parts, at) in plain(), number in any::<i32>(), rounds in -1000..1000_i64) {
        let number = i64::from(number);
        let rotation = parts.rotation();
        let count = rotation.groups().len() as i64;
        prop_assert_eq!(rotation.group(number, at), rotation.group(number + rounds * count, at));
        let of = |length, unit| Grid::new(parts.anchor, vec![Every { length, unit }]).unwrap();
        let length = parts.lengths[0].length.min(Every::LENGTH_MAX / 24);
        prop_assert_eq!(turn(&of(length, Unit::Day), at, &zone), turn(&of(length * 24, Unit::Hour), at, &zone));
        prop_assert_eq!(turn(&of(length, Unit::Week), at, &zone), turn(&of(length * 7, Unit::Day), at, &zone));
        prop_assert_eq!(turn(&of(length, Unit::Year), at, &zone), turn(&of(length * 12, Unit::Month), at, &zone));
        // A list of one length, said twice, is that length; all days are working days like any.
        let twice = Grid::new(parts.anchor, vec![Every { length, unit: Unit::Day }; 2]).unwrap();
        let working = Grid::of_working_days(parts.anchor, vec![Every { length, unit: Unit::Day }], WeekdaySet::ALL).unwrap();
        prop_assert_eq!(turn(&twice, at, &zone), turn(&of(length, Unit::Day), at, &zone));
        prop_assert_eq!(turn(&working, at, &zone), turn(&of(length, Unit::Day), at, &zone));
    }

    #[test]
    fn p10_a_turn_of_working_days_loses_none_of_them((zone, parts, at) in plain(), days in weekdays(), length in 1..4_u32) {
        let grid = Grid::of_working_days(parts.anchor, vec![Every { length, unit: Unit::Day }], days).unwrap();
        let number = turn(&grid, at, &zone).0;
        let date = |number| DateTime::from_timestamp(grid.wall_start(number), 0).unwrap().date_naive();
        let (first, next) = (date(number), date(number + 1));
        prop_assert!(days.contains(first.weekday()) && days.contains(next.weekday()));
        let worked = first.iter_days().take_while(|day| *day < next).filter(|day| days.contains(day.weekday()));
        prop_assert_eq!(worked.count(), length as usize);
    }

    #[test]
    fn p11_in_turn_everybody_has_the_same_number_of_turns((zone, parts, at) in plain(), turns in 1..60_i64) {
        let rotation = parts.rotation();
        let count = rotation.groups().len() as i64;
        let first = turn(rotation.grid(), at, &zone).0;
        let mut had: BTreeMap<usize, i64> = (0..rotation.groups().len()).map(|place| (place, 0)).collect();
        for number in first..first + turns {
            let place = rotation.stints[0].place(number, rotation.grid());
            prop_assert_eq!(rotation.group(number, at), &rotation.groups()[place][..]);
            *had.get_mut(&place).unwrap() += 1;
        }
        prop_assert!(had.values().all(|had| [turns / count, (turns + count - 1) / count].contains(had)), "{had:?}");
    }

    #[test]
    fn p17_an_older_anchor_on_the_same_grid_gives_the_same_people((zone, parts, at) in plain(), rounds in 1..5_000_i64) {
        let length = parts.lengths[0].length.min(24);
        let hours = Parts { lengths: vec![Every { length, unit: Unit::Hour }], working_days: None, ..parts };
        let back = rounds * hours.groups.len() as i64;
        let older = Parts { anchor: hours.anchor - TimeDelta::hours(back * i64::from(length)), ..hours.clone() };
        let ((number, span), (older_number, older_span)) = (turn(&hours.grid(), at, &zone), turn(&older.grid(), at, &zone));
        prop_assert_eq!((number + back, span), (older_number, older_span));
        let (rotation, older) = (hours.rotation(), older.rotation());
        prop_assert_eq!(rotation.group(number, at), older.group(older_number, at));
    }

    #[test]
    fn w_a_window_is_open_when_one_of_its_days_says_so((zone, _, at) in plain(), windows in vec(window(), 1..3)) {
        // The other way round: every day for two weeks is asked, by the slow and public way from wall time to instant.
        let today = zone.wall(at).date();
        let opens_on = |window: &Window, day: NaiveDate| {
            let start = zone.instant(day.and_time(window.from), Occurrence::First);
            let last = day + TimeDelta::days(window.days_open.into());
            let end = zone.instant(last.and_time(window.to), Occurrence::Last);
            let month = (-31..=31).filter(|number| *number != 0 && on_month_day(day, *number));
            let month_day = MonthDays::default() == window.month_days
                || month.map(|number| MonthDays::new(&[number]).unwrap()).any(|one| one.overlaps(window.month_days));
            window.days.contains(day.weekday()) && month_day && start <= at && at < end
        };
        let days = (-10..=4).map(|day| today + TimeDelta::days(day));
        let expected = days.into_iter().any(|day| windows.iter().any(|window| opens_on(window, day)));
        prop_assert_eq!(open(&windows, Nearby::default().at(&zone, tick(at))).is_some(), expected);
    }
}

/// Every zone of the database: exactly one turn at each instant around its changes of clocks, and none goes back.
#[test]
fn p1_p9_hold_in_every_zone_of_the_database() {
    let anchor: NaiveDateTime = "2026-01-05T00:30:00".parse().unwrap();
    let lengths = [(1, Unit::Hour), (1, Unit::Day), (1, Unit::Month)];
    let mut zones = 0;
    for name in Zone::names() {
        let Some(zone) = Zone::get(&name) else { continue };
        zones += 1;
        let near_now = |at: &DateTime<Utc>| (1970..2040).contains(&at.year());
        for change in zone.changes().into_iter().filter(near_now) {
            for (length, unit) in lengths {
                let grid = Grid::new(anchor, vec![Every { length, unit }]).unwrap();
                let mut last = turn(&grid, change - TimeDelta::hours(27), &zone);
                while last.1.end <= tick(change + TimeDelta::hours(27)) {
                    let next = turn(&grid, crate::ticks::instant(last.1.end), &zone);
                    assert!(next.0 > last.0 && next.1.start == last.1.end, "{name} {change}: {last:?} {next:?}");
                    last = next;
                }
            }
        }
        let from = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let parts = Parts {
            groups: vec![vec!["ana".into()], vec!["ben".into()]],
            anchor,
            lengths: vec![Every { length: 12, unit: Unit::Hour }],
            working_days: None,
        };
        let rota = plain_rota(&zone, &parts);
        let year: Vec<Segment<'_>> = segments(&rota, &[], from, days(from, 366));
        let total: TimeDelta = year.iter().map(|segment| segment.end - segment.start).sum();
        assert_eq!(total, TimeDelta::days(366), "{name}");
        assert!(year.iter().all(|segment| segment.on_duty.len() == 1), "{name}");
    }
    assert!(zones > 300, "{zones} zones");
}

fn on_month_day(day: NaiveDate, number: i64) -> bool {
    let month_length = i64::from(day.num_days_in_month());
    let from_first = if number > 0 { number } else { month_length + 1 + number };
    i64::from(day.day()) == from_first
}

/// The wall time that the anchor asks for, computed without the crate's own arithmetic.
fn expected_wall(parts: &Parts, number: i64) -> NaiveDateTime {
    let turns = parts.lengths.len() as i64;
    let (rounds, place) = (number.div_euclid(turns), number.rem_euclid(turns) as usize);
    let (mut months, mut seconds, mut working) = (0, 0, 0);
    for (at, Every { length, unit }) in parts.lengths.iter().enumerate() {
        let by = i64::from(*length) * (rounds + i64::from(at < place));
        working += by;
        match unit {
            Unit::Hour => seconds += by * 3_600,
            Unit::Day => seconds += by * 86_400,
            Unit::Week => seconds += by * 604_800,
            Unit::Month => months += by,
            Unit::Year => months += by * 12,
        }
    }
    if let Some(days) = parts.working_days {
        return working_day(parts.anchor.date(), working, days).and_time(parts.anchor.time());
    }
    let day = parts.anchor.day();
    let total = i64::from(parts.anchor.year()) * 12 + i64::from(parts.anchor.month0()) + months;
    let year = i32::try_from(total.div_euclid(12)).unwrap();
    let month = u32::try_from(total.rem_euclid(12)).unwrap() + 1;
    let last_fitting = (1..=day).rev().find_map(|day| NaiveDate::from_ymd_opt(year, month, day));
    last_fitting.unwrap().and_time(parts.anchor.time()) + TimeDelta::seconds(seconds)
}

/// The working day that comes `count` working days after the first one from `anchor` on. Whole weeks are taken at once.
fn working_day(anchor: NaiveDate, count: i64, days: WeekdaySet) -> NaiveDate {
    let of_a_week = i64::from(days.len());
    let week = anchor + TimeDelta::weeks(count.div_euclid(of_a_week));
    let works = |day: &NaiveDate| days.contains(day.weekday());
    week.iter_days().filter(works).nth(count.rem_euclid(of_a_week) as usize).unwrap()
}

fn judge(zone: &Zone, wall: NaiveDateTime) -> AmbiguousOffset {
    static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
    let rules = DATABASE.get(zone.name()).unwrap();
    let wall: jiff::civil::DateTime = wall.format("%Y-%m-%dT%H:%M:%S").to_string().parse().unwrap();
    rules.to_ambiguous_timestamp(wall).offset()
}
