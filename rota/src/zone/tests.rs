//! Rule L in the nights that break other tools.

use super::*;

#[track_caller]
fn check(zone: &str, wall: &str, first: &str, last: &str) {
    let zone = Zone::get(zone).unwrap();
    let wall = NaiveDateTime::parse_from_str(wall, "%Y-%m-%d %H:%M").unwrap();
    let show = |occurrence| zone.instant(wall, occurrence).format("%Y-%m-%dT%H:%MZ").to_string();
    assert_eq!((show(Occurrence::First).as_str(), show(Occurrence::Last).as_str()), (first, last));
}

#[test]
fn a_wall_time_that_comes_once_is_that_instant() {
    check("Europe/Madrid", "2026-07-01 09:00", "2026-07-01T07:00Z", "2026-07-01T07:00Z");
    check("Asia/Kathmandu", "2026-07-01 09:00", "2026-07-01T03:15Z", "2026-07-01T03:15Z");
}

#[test]
fn a_wall_time_that_never_comes_is_the_first_instant_after_the_gap() {
    check("America/Chicago", "2020-03-08 02:30", "2020-03-08T08:00Z", "2020-03-08T08:00Z");
    check("Australia/Lord_Howe", "2020-10-04 02:15", "2020-10-03T15:30Z", "2020-10-03T15:30Z");
    check("America/Sao_Paulo", "2018-11-04 00:00", "2018-11-04T03:00Z", "2018-11-04T03:00Z");
    check("Asia/Beirut", "2024-03-31 00:00", "2024-03-30T22:00Z", "2024-03-30T22:00Z");
    check("Pacific/Apia", "2011-12-30 09:00", "2011-12-30T10:00Z", "2011-12-30T10:00Z");
}

#[test]
fn a_wall_time_that_comes_twice_is_the_occurrence_asked_for() {
    check("America/Chicago", "2018-11-04 01:30", "2018-11-04T06:30Z", "2018-11-04T07:30Z");
    check("America/Havana", "2024-11-03 00:00", "2024-11-03T04:00Z", "2024-11-03T05:00Z");
    check("Antarctica/Troll", "2024-10-27 01:30", "2024-10-26T23:30Z", "2024-10-27T01:30Z");
}

#[test]
fn tzdata_is_newer_than_the_zones_that_changed_in_2026() {
    // Vancouver stays on summer time from November 2026; older data says 17:00Z.
    check("America/Vancouver", "2026-12-01 09:00", "2026-12-01T16:00Z", "2026-12-01T16:00Z");
}

#[test]
fn a_name_is_known_in_any_letter_case_or_not_at_all() {
    assert_eq!(Zone::get("europe/madrid").unwrap().name(), "Europe/Madrid");
    assert_eq!(Zone::get("Europe/Madrit"), None);
}

#[test]
fn the_offsets_of_every_zone_follow_each_other_on_the_wall_too() {
    for name in Zone::names() {
        let Some(zone) = Zone::get(&name) else { continue };
        for pair in zone.rules.stretches.windows(2) {
            assert!(pair[0].wall_start() < pair[1].wall_start(), "{name} {pair:?}");
            assert!(pair[0].wall_end() < pair[1].wall_end(), "{name} {pair:?}");
        }
    }
}
