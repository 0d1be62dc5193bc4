//! Rule W by examples: the wall times at which a layer is open.

use crate::Rota;
use crate::zone::{Occurrence, Zone};
use chrono::NaiveDateTime;

/// The open times of `window` in the days from `from` to `to`, local midnight to local midnight, in wall time.
#[track_caller]
fn check(zone: &str, window: &str, from: &str, to: &str, expect: &[&str]) {
    check_keys(zone, &format!("window = {window}"), from, to, expect);
}

#[track_caller]
fn check_keys(zone: &str, keys: &str, from: &str, to: &str, expect: &[&str]) {
    let text = format!(
        "[people.ana]\nslack = \"U0ANA\"\n[schedules.s]\nzone = \"{zone}\"\n[[schedules.s.layers]]\nrotation = [\"ana\"]\n\
         handoff = \"1990-01-01 00:00\"\nevery = \"9000 years\"\n{keys}\n[escalation.default]\nlevels = [{{ page = [\"ana\"] }}]\n"
    );
    let rota = Rota::parse(&[("w.toml", text)]).unwrap();
    let zone = Zone::get(zone).unwrap();
    let midnight = |day: &str| {
        let wall = NaiveDateTime::parse_from_str(&format!("{day} 00:00"), "%Y-%m-%d %H:%M").unwrap();
        zone.instant(wall, Occurrence::First)
    };
    let segments = crate::final_schedule(&rota, "s", &[], midnight(from), midnight(to)).unwrap();
    let open = segments.iter().filter(|segment| !segment.on_duty.is_empty()).map(|segment| {
        let hours = (segment.end - segment.start).num_minutes() as f64 / 60.0;
        format!(
            "{} - {} ({hours} h)",
            zone.wall(segment.start).format("%a %H:%M"),
            zone.wall(segment.end).format("%a %H:%M")
        )
    });
    assert_eq!(open.collect::<Vec<_>>(), expect);
}

#[test]
fn office_hours_open_on_the_days_they_name() {
    let expect = ["Fri 08:00 - Fri 20:00 (12 h)", "Mon 08:00 - Mon 20:00 (12 h)"];
    check("Europe/Madrid", "\"Mon-Fri 08:00-20:00\"", "2026-01-09", "2026-01-13", &expect);
}

#[test]
fn a_window_through_midnight_belongs_to_the_day_it_starts() {
    let expect = ["Fri 22:00 - Sat 06:00 (8 h)"];
    check("Europe/Madrid", "\"Fri 22:00-06:00\"", "2026-01-09", "2026-01-12", &expect);
}

#[test]
fn days_of_24_hours_fuse_to_one_block() {
    let expect = ["Mon 08:00 - Sat 08:00 (120 h)"];
    check("Europe/Madrid", "\"Mon-Fri 08:00-08:00\"", "2026-01-12", "2026-01-19", &expect);
}

#[test]
fn a_weekend_in_one_window() {
    check("Europe/Madrid", "\"Fri 20:00 - Mon 08:00\"", "2026-01-08", "2026-01-15", &["Fri 20:00 - Mon 08:00 (60 h)"]);
    check(
        "Europe/Madrid",
        "[\"Sat,Sun\", \"Mon-Fri 20:00-24:00\"]",
        "2026-01-09",
        "2026-01-13",
        &["Fri 20:00 - Mon 00:00 (52 h)", "Mon 20:00 - Tue 00:00 (4 h)"],
    );
}

#[test]
fn a_window_ends_at_the_last_of_two_equal_wall_times() {
    check("America/Chicago", "\"00:30-01:30\"", "2018-11-04", "2018-11-05", &["Sun 00:30 - Sun 01:30 (2 h)"]);
}

#[test]
fn a_window_inside_the_gap_does_not_open() {
    check("America/Chicago", "\"02:10-02:50\"", "2020-03-08", "2020-03-09", &[]);
    check("Pacific/Apia", "\"Fri 08:00-20:00\"", "2011-12-28", "2012-01-02", &[]);
}

#[test]
fn days_of_the_month_are_counted_from_either_end() {
    let expect = ["Sat 00:00 - Mon 00:00 (48 h)", "Sun 00:00 - Mon 00:00 (24 h)"];
    check_keys("Europe/Madrid", "monthdays = [1, 15, -1]", "2026-01-31", "2026-02-28", &expect);
    // March, May and July; the hours are those of the night that follows.
    let nights = ["Tue 22:00 - Wed 06:00 (8 h)", "Sun 22:00 - Mon 06:00 (8 h)", "Fri 22:00 - Sat 06:00 (8 h)"];
    check_keys("Europe/Madrid", "monthdays = [31]\nwindow = \"22:00-06:00\"", "2026-03-01", "2026-08-30", &nights);
}

#[test]
fn a_day_of_the_month_that_is_a_weekday_too_is_rare_and_found() {
    check_keys(
        "UTC",
        "monthdays = [13]\nwindow = \"Fri 12:00-13:00\"",
        "2026-01-01",
        "2027-01-01",
        &["Fri 12:00 - Fri 13:00 (1 h)", "Fri 12:00 - Fri 13:00 (1 h)", "Fri 12:00 - Fri 13:00 (1 h)"],
    );
}
