//! What counts after fetches of all kinds.

use super::super::Entry;
use super::*;

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-03-{text}:00Z").parse().unwrap()
}

fn calendar(entries: usize) -> Calendar {
    let entry = Entry {
        start: at("01T00:00"),
        end: at("02T00:00"),
        summary: "ana".into(),
        attendees: vec![],
        person: None,
        all_day: true,
        uid: "1".into(),
    };
    Calendar { entries: vec![entry; entries], ..Calendar::default() }
}

/// What is said at noon of 3 March, and the time of the copy that counts.
#[track_caller]
fn check(
    kept: Option<(&str, usize)>,
    newest: Option<(&str, Result<usize, &str>)>,
    expect: (Weight, Option<&str>, &str),
) {
    let kept = kept.map(|(time, entries)| GoodCopy { at: at(time), calendar: calendar(entries) });
    let fetch = |(time, result): (&str, Result<usize, &str>)| Fetch {
        at: at(time),
        result: result.map(calendar).map_err(str::to_owned),
    };
    let newest = newest.map(fetch);
    let counting = what_counts("holidays/es.ics", kept.as_ref(), newest.as_ref(), at("03T12:00"));
    let (weight, fetched_at, say) = expect;
    assert_eq!(
        (counting.weight, counting.fetched_at, counting.say.as_deref().unwrap_or("")),
        (weight, fetched_at.map(at), say)
    );
    assert_eq!(counting.calendar.is_some(), fetched_at.is_some());
}

#[test]
fn the_newest_that_could_be_read_counts() {
    use Weight::{Doubtful, Fine, Missing};
    check(Some(("03T11:00", 2)), Some(("03T12:00", Ok(3))), (Fine, Some("03T12:00"), ""));
    check(Some(("03T11:00", 2)), None, (Fine, Some("03T11:00"), ""));
    // An answer that arrives after a newer one takes nothing away.
    check(Some(("03T11:00", 2)), Some(("03T10:00", Ok(3))), (Fine, Some("03T11:00"), ""));
    check(Some(("03T11:00", 2)), Some(("03T10:00", Err("503"))), (Fine, Some("03T11:00"), ""));
    check(
        Some(("03T07:00", 2)),
        Some(("03T12:00", Err("the server answered 503"))),
        (
            Doubtful,
            Some("03T07:00"),
            "holidays/es.ics could not be read (the server answered 503); the copy of 5 hours ago counts",
        ),
    );
    check(Some(("01T11:00", 2)), None, (Doubtful, Some("01T11:00"), "holidays/es.ics was last read 2 days ago"));
    check(
        Some(("03T11:00", 1)),
        Some(("03T12:00", Ok(0))),
        (Doubtful, Some("03T12:00"), "holidays/es.ics is empty now and had 1 entry before"),
    );
    check(None, None, (Missing, None, "holidays/es.ics has not been read yet; nothing of it counts"));
    check(
        None,
        Some(("03T12:00", Err("503"))),
        (Missing, None, "holidays/es.ics could not be read (503), and there is no earlier copy; nothing of it counts"),
    );
}

#[test]
fn ages_are_told_in_the_largest_unit() {
    for (minutes, expect) in [
        (0, "less than a minute"),
        (1, "1 minute"),
        (59, "59 minutes"),
        (119, "1 hour"),
        (60 * 47, "1 day"),
        (60 * 48, "2 days"),
    ] {
        assert_eq!(age(TimeDelta::minutes(minutes)), expect);
    }
}
