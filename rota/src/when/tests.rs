//! What people type behind `at`, and which instant it is taken for.

use super::*;
use proptest::prelude::*;

/// A Tuesday, 12:00 in Madrid.
fn now() -> DateTime<Utc> {
    "2026-11-24T11:00:00Z".parse().unwrap()
}

fn madrid() -> Zone {
    Zone::get("Europe/Madrid").unwrap()
}

#[track_caller]
fn check(text: &str, expect: &str) {
    let told = When::parse(text, &madrid(), now()).map_or_else(|error| error.to_string(), |when| when.to_string());
    assert_eq!(told, expect, "{text}");
}

#[test]
fn an_hour_is_the_next_one() {
    check("18:00", "Tue 24 Nov 2026 18:00 Europe/Madrid");
    check("12:00", "Tue 24 Nov 2026 12:00 Europe/Madrid");
    check("9:00", "Wed 25 Nov 2026 09:00 Europe/Madrid");
    check("now", "Tue 24 Nov 2026 12:00 Europe/Madrid");
}

#[test]
fn a_day_has_a_name_or_a_date() {
    check("tomorrow 09:00", "Wed 25 Nov 2026 09:00 Europe/Madrid");
    check("09:00 Tomorrow", "Wed 25 Nov 2026 09:00 Europe/Madrid");
    check("today 09:00", "Tue 24 Nov 2026 09:00 Europe/Madrid");
    check("yesterday 23:30", "Mon 23 Nov 2026 23:30 Europe/Madrid");
    check("mon 09:00", "Mon 30 Nov 2026 09:00 Europe/Madrid");
    check("TUESDAY 13:00", "Tue 24 Nov 2026 13:00 Europe/Madrid");
    check("tue 09:00", "Tue 1 Dec 2026 09:00 Europe/Madrid");
    check("2026-12-24 08:00", "Thu 24 Dec 2026 08:00 Europe/Madrid");
    check("2026-12-24T08:00", "Thu 24 Dec 2026 08:00 Europe/Madrid");
}

#[test]
fn a_zone_can_be_named() {
    check("2026-12-24T08:00:00Z", "Thu 24 Dec 2026 09:00 Europe/Madrid");
    check("2026-12-24T08:00:00-06:00", "Thu 24 Dec 2026 15:00 Europe/Madrid");
    check("18:00 utc", "Tue 24 Nov 2026 18:00 UTC");
    check("tomorrow 09:00 america/chicago", "Wed 25 Nov 2026 09:00 America/Chicago");
}

#[test]
fn the_night_in_which_clocks_change_follows_rule_l() {
    check("2027-03-28 02:30", "Sun 28 Mar 2027 03:00 Europe/Madrid");
    check("2026-10-25 02:30", "Sun 25 Oct 2026 02:30 Europe/Madrid");
}

#[test]
fn what_is_no_time_is_answered_with_examples() {
    let advice = "is no time that I can read; write it like \"18:00\", \"tomorrow 09:00\", \"mon 09:00\" or \"2026-12-24 08:00\"";
    for text in ["lunch", "tomorrow", "25:00", "mon tue", "18:00 19:00", "2026-02-30 08:00", "1969-12-31T00:00:00Z"] {
        check(text, &format!("\"{text}\" {advice}"));
    }
    check(&"x".repeat(900), &format!("\"{}\" {advice}", "x".repeat(40)));
}

#[test]
fn a_question_about_several_zones_is_meant_in_utc() {
    let rota = |zones: &[&str]| {
        let schedules = zones.iter().enumerate().map(|(number, zone)| {
            let name = format!("s{number}");
            (name.clone(), crate::Schedule::new(&name, Zone::get(zone).unwrap(), Vec::new()))
        });
        Rota { schedules: schedules.collect(), ..Rota::default() }
    };
    assert_eq!(rota(&["Europe/Madrid", "Europe/Madrid"]).zone_of(None).name(), "Europe/Madrid");
    assert_eq!(rota(&["Europe/Madrid", "Asia/Tokyo"]).zone_of(None).name(), "UTC");
    assert_eq!(rota(&["Europe/Madrid", "Asia/Tokyo"]).zone_of(Some("s1")).name(), "Asia/Tokyo");
    assert_eq!(rota(&[]).zone_of(None).name(), "UTC");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,30}|([0-9]{1,6}|-|:|t|T|Z| |mon|tomorrow|utc){0,12}") {
        drop(When::parse(&text, &madrid(), now()));
        drop(When::parse(&text, &madrid(), DateTime::<Utc>::MAX_UTC - TimeDelta::days(400)));
    }

    #[test]
    fn an_hour_alone_is_within_a_day(seconds in 0_i64..2_000_000_000, hour in 0_u32..24, minute in 0_u32..60) {
        let now = DateTime::from_timestamp(seconds, 0).unwrap();
        let when = When::parse(&format!("{hour:02}:{minute:02}"), &madrid(), now).unwrap();
        prop_assert!(when.at - now <= TimeDelta::hours(25), "{} from {now}", when);
    }
}

#[test]
fn a_moment_is_read_as_people_say_it_in_passing() {
    // Wednesday 25 November 2026, 10:00 in Madrid.
    let (zone, now) = (Zone::get("Europe/Madrid").unwrap(), "2026-11-25T09:00:00Z".parse().unwrap());
    for (said, expected) in [
        ("tomorrow night", "Thu 26 Nov 2026 22:00 Europe/Madrid"),
        ("fri 3am", "Fri 27 Nov 2026 03:00 Europe/Madrid"),
        ("monday 9am", "Mon 30 Nov 2026 09:00 Europe/Madrid"),
        ("next monday 09:00", "Mon 30 Nov 2026 09:00 Europe/Madrid"),
        ("this evening", "Wed 25 Nov 2026 19:00 Europe/Madrid"),
        ("tonight", "Wed 25 Nov 2026 22:00 Europe/Madrid"),
        ("next week", "Mon 30 Nov 2026 00:00 Europe/Madrid"),
        ("next weekend", "Sat 5 Dec 2026 00:00 Europe/Madrid"),
        ("saturday", "Sat 28 Nov 2026 00:00 Europe/Madrid"),
        ("tomorrow 09:00", "Thu 26 Nov 2026 09:00 Europe/Madrid"),
    ] {
        assert_eq!(When::spoken(said, &zone, now).map(|when| when.to_string()).as_deref(), Ok(expected), "{said}");
    }
    assert!(When::spoken("billing", &zone, now).is_err());
}
