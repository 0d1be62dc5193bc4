//! What people type for a stretch of time, and what is repeated back to them.

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
    let told =
        SpokenSpan::parse(text, &madrid(), now()).map_or_else(|error| error.to_string(), |span| span.to_string());
    assert_eq!(told, expect, "{text}");
}

#[test]
fn hours_of_a_day() {
    check("sat 10-14", "Sat 28 Nov 10:00 to 14:00 Europe/Madrid, 4 h");
    check("Saturday 10:30 - 14", "Sat 28 Nov 10:30 to 14:00 Europe/Madrid, 3 h 30 min");
    check("mon 9-17", "Mon 30 Nov 09:00 to 17:00 Europe/Madrid, 8 h");
    check("10-14 sat", "Sat 28 Nov 10:00 to 14:00 Europe/Madrid, 4 h");
    check("on sat at 10:00 to 14", "Sat 28 Nov 10:00 to 14:00 Europe/Madrid, 4 h");
    check("sat from 10 to 14", "Sat 28 Nov 10:00 to 14:00 Europe/Madrid, 4 h");
    check("tomorrow 22:00-06:00", "Wed 25 Nov 22:00 to Thu 26 Nov 06:00 Europe/Madrid, 8 h");
    check("sat 20-24:00", "Sat 28 Nov 20:00 to Sun 29 Nov 00:00 Europe/Madrid, 4 h");
    check("sat 9am–5pm", "Sat 28 Nov 09:00 to 17:00 Europe/Madrid, 8 h");
    check("sat 12 pm to 12 am", "Sat 28 Nov 12:00 to Sun 29 Nov 00:00 Europe/Madrid, 12 h");
}

#[test]
fn hours_without_a_day_are_the_next_ones() {
    check("14-16", "Tue 24 Nov 14:00 to 16:00 Europe/Madrid, 2 h");
    check("10-14", "Wed 25 Nov 10:00 to 14:00 Europe/Madrid, 4 h");
    check("22-6", "Tue 24 Nov 22:00 to Wed 25 Nov 06:00 Europe/Madrid, 8 h");
    check("until 18:00", "Tue 24 Nov 12:00 to 18:00 Europe/Madrid, 6 h");
    check("now to 18:00", "Tue 24 Nov 12:00 to 18:00 Europe/Madrid, 6 h");
    check("today until 18:00", "Tue 24 Nov 12:00 to 18:00 Europe/Madrid, 6 h");
    check("now to fri", "Tue 24 Nov 12:00 to Sat 28 Nov 00:00 Europe/Madrid, 84 h");
    check("until fri 18:00", "Tue 24 Nov 12:00 to Fri 27 Nov 18:00 Europe/Madrid, 78 h");
}

#[test]
fn from_day_to_day() {
    check("fri 20:00 - mon 08:00", "Fri 27 Nov 20:00 to Mon 30 Nov 08:00 Europe/Madrid, 60 h");
    check("mon 9 - mon 8", "Mon 30 Nov 09:00 to Mon 7 Dec 08:00 Europe/Madrid, 167 h");
    check("mon-fri", "Mon 30 Nov 00:00 to Sat 5 Dec 00:00 Europe/Madrid, 120 h");
    check("sat to sun", "Sat 28 Nov 00:00 to Mon 30 Nov 00:00 Europe/Madrid, 48 h");
    check("2026-12-24 18:00 to 2026-12-26 09:00", "Thu 24 Dec 18:00 to Sat 26 Dec 09:00 Europe/Madrid, 39 h");
    check("2026-12-24 to 2027-01-01", "Thu 24 Dec 00:00 to Sat 2 Jan 2027 00:00 Europe/Madrid, 216 h");
    check("2026-12-24T18:00 - 20:00", "Thu 24 Dec 18:00 to 20:00 Europe/Madrid, 2 h");
    check("2026-12-24T18:00:00Z to 2026-12-24T20:00:00Z", "Thu 24 Dec 19:00 to 21:00 Europe/Madrid, 2 h");
}

#[test]
fn a_date_in_words() {
    check("28 nov 10-14", "Sat 28 Nov 10:00 to 14:00 Europe/Madrid, 4 h");
    check("sat 28 nov 10-14", "Sat 28 Nov 10:00 to 14:00 Europe/Madrid, 4 h");
    check("December 24", "Thu 24 Dec 00:00 to Fri 25 Dec 00:00 Europe/Madrid, 24 h");
    check("24 dec 18:00 to 2 jan 2027 9:00", "Thu 24 Dec 18:00 to Sat 2 Jan 2027 09:00 Europe/Madrid, 207 h");
    check("1 nov", "Mon 1 Nov 2027 00:00 to Tue 2 Nov 2027 00:00 Europe/Madrid, 24 h");
    check("29 feb", "Tue 29 Feb 2028 00:00 to Wed 1 Mar 2028 00:00 Europe/Madrid, 24 h");
}

#[test]
fn whole_days_and_weeks() {
    check("sat", "Sat 28 Nov 00:00 to Sun 29 Nov 00:00 Europe/Madrid, 24 h");
    check("tue", "Tue 1 Dec 00:00 to Wed 2 Dec 00:00 Europe/Madrid, 24 h");
    check("today", "Tue 24 Nov 12:00 to Wed 25 Nov 00:00 Europe/Madrid, 12 h");
    check("tomorrow", "Wed 25 Nov 00:00 to Thu 26 Nov 00:00 Europe/Madrid, 24 h");
    check("2026-12-24", "Thu 24 Dec 00:00 to Fri 25 Dec 00:00 Europe/Madrid, 24 h");
    check("next week", "Mon 30 Nov 00:00 to Mon 7 Dec 00:00 Europe/Madrid, 168 h");
    check("this week", "Tue 24 Nov 12:00 to Mon 30 Nov 00:00 Europe/Madrid, 132 h");
    check("weekend", "Sat 28 Nov 00:00 to Mon 30 Nov 00:00 Europe/Madrid, 48 h");
    check("next weekend", "Sat 5 Dec 00:00 to Mon 7 Dec 00:00 Europe/Madrid, 48 h");
    check("tonight", "Tue 24 Nov 22:00 to Wed 25 Nov 06:00 Europe/Madrid, 8 h");
}

#[test]
fn lengths() {
    check("2h", "Tue 24 Nov 12:00 to 14:00 Europe/Madrid, 2 h");
    check("now for 2h", "Tue 24 Nov 12:00 to 14:00 Europe/Madrid, 2 h");
    check("for 90 minutes", "Tue 24 Nov 12:00 to 13:30 Europe/Madrid, 1 h 30 min");
    check("1h30m", "Tue 24 Nov 12:00 to 13:30 Europe/Madrid, 1 h 30 min");
    check("sat 10:00 for 4 hours", "Sat 28 Nov 10:00 to 14:00 Europe/Madrid, 4 h");
    check("mon 9 for 1 week", "Mon 30 Nov 09:00 to Mon 7 Dec 09:00 Europe/Madrid, 168 h");
}

#[test]
fn a_zone_can_be_named() {
    check("sat 10-14 UTC", "Sat 28 Nov 10:00 to 14:00 UTC, 4 h");
    check("sat 10-14 America/Port-au-Prince", "Sat 28 Nov 10:00 to 14:00 America/Port-au-Prince, 4 h");
}

#[test]
fn the_nights_in_which_clocks_change_follow_rule_l() {
    check("2027-03-28", "Sun 28 Mar 2027 00:00 to Mon 29 Mar 2027 00:00 Europe/Madrid, 23 h");
    check("2027-03-28 02:30-04:00", "Sun 28 Mar 2027 03:00 to 04:00 Europe/Madrid, 1 h");
    // 02:30 comes twice: it starts at the first and ends at the last.
    check("2026-10-25 02:30-02:45", "Sun 25 Oct 02:30 to 02:45 Europe/Madrid, 1 h 15 min");
    check("2026-10-24 12:00 for 1 day", "Sat 24 Oct 12:00 to Sun 25 Oct 12:00 Europe/Madrid, 25 h");
    check("2026-10-24 12:00 for 24h", "Sat 24 Oct 12:00 to Sun 25 Oct 11:00 Europe/Madrid, 24 h");
}

#[test]
fn a_running_day_that_is_named_starts_when_it_says() {
    check("today 10-14", "Tue 24 Nov 10:00 to 14:00 Europe/Madrid, 4 h");
    check("tue 10-14", "Tue 1 Dec 10:00 to 14:00 Europe/Madrid, 4 h");
}

#[test]
fn refusals_say_what_to_write() {
    let unknown = |said: &str| {
        format!(
            "\"{said}\" is no time that I can read; write it like \"sat 10-14\", \"tomorrow 22:00-06:00\", \"now for 2h\" or \"2026-12-24 18:00 to 2026-12-26 09:00\""
        )
    };
    for text in [
        "",
        "lunch",
        "sat 25-26",
        "10-",
        "sat sun",
        "for",
        "sat for",
        "0h",
        "next month",
        "1969-12-31",
        "13pm-14pm",
        "sun 28 nov 10-14",
        "31 nov",
        "dec 10-14",
        "10-14 dec",
        "sat - 14:00",
        "10:00 to fri",
        "for 99999999999h",
    ] {
        check(text, &unknown(text));
    }
    check(&"x".repeat(900), &unknown(&"x".repeat(40)));
    check("sat 10", "\"sat 10\" does not say until when; write it like \"sat 10-14\" or \"sat 10:00 for 2h\"");
    check("mon-fri 9-17", "\"mon-fri 9-17\" is more than one time; write each on its own, like \"mon 9-17\"");
    check(
        "2026-12-26 to 2026-12-24",
        "\"2026-12-26 to 2026-12-24\" ends before it starts; write the start first, like \"2026-12-24 18:00 to 2026-12-26 09:00\"",
    );
    check("today 8-10", "\"today 8-10\" is over; write a later time, or its date if you mean the past");
    check("2026-11-02 8-10", "Mon 2 Nov 08:00 to 10:00 Europe/Madrid, 2 h");
}

const ZONES: [&str; 5] = ["Europe/Madrid", "America/Havana", "Australia/Lord_Howe", "Antarctica/Troll", "UTC"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,30}|([0-9]{1,6}|-|:|t|z| |to |for |mon|tomorrow|utc|h|d|w|am|next week|2026-12-24){0,12}") {
        for now in [now(), DateTime::<Utc>::MAX_UTC - TimeDelta::days(400), DateTime::<Utc>::MIN_UTC + TimeDelta::days(400)] {
            if let Ok(found) = SpokenSpan::parse(&text, &madrid(), now) {
                prop_assert!(found.span.start < found.span.end);
            }
        }
    }

    #[test]
    fn without_a_date_it_is_ahead_and_what_is_repeated_is_what_was_typed(
        zone in proptest::sample::select(&ZONES[..]), seconds in 0_i64..2_000_000_000,
        day in proptest::sample::select(vec!["mon ", "sat ", "tomorrow ", ""]), start in 0_u32..24, end in 0_u32..24,
    ) {
        prop_assume!(start != end);
        let (zone, now) = (Zone::get(zone).unwrap(), DateTime::from_timestamp(seconds, 0).unwrap());
        let found = SpokenSpan::parse(&format!("{day}{start}-{end}"), &zone, now).unwrap();
        prop_assert!(found.span.start >= now);
        prop_assert!(found.span.length() <= TimeDelta::hours(26), "{}", found);
        // What is repeated, typed again, is the same time.
        let repeated = found.to_string();
        let again = SpokenSpan::parse(repeated.split_once(',').unwrap().0, &Zone::utc(), now);
        prop_assert_eq!(again.map(|again| again.span), Ok(found.span), "{}", repeated);
        // The end shows what was typed, unless clocks skip it.
        let shown = zone.wall(found.span.end);
        let typed = shown.date().and_hms_opt(end, 0, 0).unwrap();
        prop_assert!(shown == typed || zone.instant(typed, Occurrence::Last) == found.span.end, "{}", found);
    }
}
