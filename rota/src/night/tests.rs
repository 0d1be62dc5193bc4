//! Nights, weekends and holidays where clocks change, and the whole of them elsewhere.

use super::*;

#[track_caller]
fn check(zone: &str, found: impl Fn(Span, &Zone) -> Vec<Span>, from: &str, to: &str, expect: &str) {
    let span = Span { start: from.parse().unwrap(), end: to.parse().unwrap() };
    let told: Vec<String> = found(span, &Zone::get(zone).unwrap())
        .iter()
        .map(|span| format!("{} {}h", span.start.format("%m-%dT%H:%M"), span.length().num_minutes() as f64 / 60.0))
        .collect();
    assert_eq!(told.join(", "), expect, "{zone}");
}

#[test]
fn a_night_has_eight_hours_but_not_when_clocks_change() {
    check("UTC", nights, "2026-03-02T12:00:00Z", "2026-03-04T12:00:00Z", "03-02T22:00 8h, 03-03T22:00 8h");
    check("Europe/Madrid", nights, "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z", "03-28T21:00 7h");
    check("Europe/Madrid", nights, "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z", "10-24T20:00 9h");
}

#[test]
fn a_running_night_and_weekend_count_whole() {
    check("UTC", nights, "2026-03-03T03:00:00Z", "2026-03-03T04:00:00Z", "03-02T22:00 8h");
    check("UTC", weekends, "2026-03-08T20:00:00Z", "2026-03-08T21:00:00Z", "03-07T00:00 48h");
    check("Europe/Madrid", weekends, "2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z", "03-27T23:00 47h");
}

#[test]
fn a_night_into_a_skipped_day_is_not_counted_twice() {
    check(
        "Pacific/Apia",
        nights,
        "2011-12-29T12:00:00Z",
        "2012-01-01T00:00:00Z",
        "12-29T08:00 8h, 12-30T08:00 8h, 12-31T08:00 8h",
    );
}

#[test]
fn holidays_that_follow_each_other_are_one_time() {
    let dates: Vec<NaiveDate> =
        ["2027-01-01", "2026-12-26", "2026-12-25", "2026-12-22"].iter().map(|date| date.parse().unwrap()).collect();
    let holidays = |span, zone: &Zone| whole_days(&dates, span, zone);
    check(
        "Europe/Madrid",
        holidays,
        "2026-12-20T00:00:00Z",
        "2026-12-28T00:00:00Z",
        "12-21T23:00 24h, 12-24T23:00 48h",
    );
}

#[test]
fn an_instant_is_at_night_or_not() {
    let zone = Zone::get("Europe/Madrid").unwrap();
    let at = |text: &str| is_night(text.parse().unwrap(), &zone);
    assert_eq!(
        [
            at("2026-11-24T20:59:59Z"),
            at("2026-11-24T21:00:00Z"),
            at("2026-11-25T04:59:59Z"),
            at("2026-11-25T05:00:00Z")
        ],
        [false, true, true, false]
    );
}
