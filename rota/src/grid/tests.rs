//! Rule R by the examples that people quote.

use super::*;
use crate::ticks::tick;
use crate::zone::Nearby;

fn grid(anchor: &str, length: u32, unit: Unit) -> Grid {
    pattern(anchor, &[Every { length, unit }])
}

fn pattern(anchor: &str, lengths: &[Every]) -> Grid {
    Grid::new(NaiveDateTime::parse_from_str(anchor, "%Y-%m-%d %H:%M").unwrap(), lengths.to_vec()).unwrap()
}

/// The wall times of handoffs, one after another from turn `first`.
#[track_caller]
fn check(zone: &str, grid: &Grid, first: i64, expect: &[&str]) {
    let zone = Zone::get(zone).unwrap();
    let shown = (first..)
        .take(expect.len())
        .map(|number| zone.wall(grid.start(number, &zone)).format("%Y-%m-%d %H:%M").to_string());
    assert_eq!(shown.collect::<Vec<_>>(), expect);
}

#[test]
fn a_handoff_inside_the_gap_is_at_the_first_minute_that_exists() {
    let daily = grid("2020-03-01 02:30", 1, Unit::Day);
    check("America/Chicago", &daily, 6, &["2020-03-07 02:30", "2020-03-08 03:00", "2020-03-09 02:30"]);
    let half_hour = grid("2020-10-01 02:15", 1, Unit::Day);
    check("Australia/Lord_Howe", &half_hour, 2, &["2020-10-03 02:15", "2020-10-04 02:30", "2020-10-05 02:15"]);
    let midnight = grid("2018-11-01 00:00", 1, Unit::Day);
    check("America/Sao_Paulo", &midnight, 2, &["2018-11-03 00:00", "2018-11-04 01:00", "2018-11-05 00:00"]);
}

#[test]
fn twelve_hours_stay_at_eight_and_twenty_over_the_change_of_clocks() {
    let zone = Zone::get("America/Chicago").unwrap();
    let halves = grid("2020-03-07 08:00", 12, Unit::Hour);
    check(
        "America/Chicago",
        &halves,
        0,
        &["2020-03-07 08:00", "2020-03-07 20:00", "2020-03-08 08:00", "2020-03-08 20:00"],
    );
    assert_eq!((halves.start(2, &zone) - halves.start(1, &zone)).num_hours(), 11);
}

#[test]
fn months_are_clamped_from_the_anchor_and_never_drift() {
    let monthly = grid("2026-01-31 09:00", 1, Unit::Month);
    check(
        "Europe/Madrid",
        &monthly,
        -2,
        &["2025-11-30 09:00", "2025-12-31 09:00", "2026-01-31 09:00", "2026-02-28 09:00", "2026-03-31 09:00"],
    );
    let yearly = grid("2024-02-29 09:00", 1, Unit::Year);
    check(
        "UTC",
        &yearly,
        0,
        &["2024-02-29 09:00", "2025-02-28 09:00", "2026-02-28 09:00", "2027-02-28 09:00", "2028-02-29 09:00"],
    );
}

#[test]
fn the_day_that_apia_skipped_moves_its_handoff_to_the_next_midnight() {
    let daily = grid("2011-12-28 09:00", 1, Unit::Day);
    check("Pacific/Apia", &daily, 1, &["2011-12-29 09:00", "2011-12-31 00:00", "2011-12-31 09:00"]);
}

#[test]
fn a_turn_without_length_is_skipped() {
    let zone = Zone::get("Pacific/Apia").unwrap();
    let hourly = grid("2011-12-29 23:00", 1, Unit::Hour);
    // Turns 1 to 24 all start when 31 December begins; the one that begins there and lasts is turn 25.
    let (number, span) = hourly.turn(Nearby::default().at(&zone, tick("2011-12-30T10:00:00Z".parse().unwrap())));
    assert_eq!((number, (span.end - span.start) / 60_000_000_000), (25, 60));
}
