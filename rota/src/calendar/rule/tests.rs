//! Recurrence rules. The expected days are those of RFC 5545, 3.8.5.3, where it has the same example.

use super::*;

/// The days of a rule from `start`, as `2 Sep 1997`, at most ten, and how many there are in three years.
#[track_caller]
fn check(start: &str, rule: &str, expect: &str, count: usize) {
    let start: NaiveDateTime = format!("{start}T09:00:00").parse().unwrap();
    let end = start + chrono::TimeDelta::days(3 * 366);
    let (mut walls, mut steps) = (Vec::new(), 1_000_000);
    Rule::read(rule).unwrap().expand(start, start, end, |utc| utc, &mut steps, &mut walls);
    let days: Vec<String> = walls.iter().take(10).map(|wall| wall.format("%-d %b %Y").to_string()).collect();
    assert_eq!((days.join(", ").as_str(), walls.len()), (expect, count));
    assert!(walls.iter().all(|wall| wall.time() == start.time()));
}

#[test]
fn days_and_weeks() {
    check("1997-09-02", "FREQ=DAILY;COUNT=3", "2 Sep 1997, 3 Sep 1997, 4 Sep 1997", 3);
    check(
        "1997-09-02",
        "FREQ=DAILY;INTERVAL=10;COUNT=5",
        "2 Sep 1997, 12 Sep 1997, 22 Sep 1997, 2 Oct 1997, 12 Oct 1997",
        5,
    );
    check("1997-12-22", "FREQ=DAILY;UNTIL=19971224T000000Z", "22 Dec 1997, 23 Dec 1997", 2);
    check(
        "1998-01-01",
        "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1",
        "1 Jan 1998, 2 Jan 1998, 3 Jan 1998, 4 Jan 1998, 5 Jan 1998, 6 Jan 1998, 7 Jan 1998, 8 Jan 1998, 9 Jan 1998, 10 Jan 1998",
        93,
    );
    check(
        "1997-09-01",
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        "1 Sep 1997, 3 Sep 1997, 5 Sep 1997, 15 Sep 1997, 17 Sep 1997, 19 Sep 1997, 29 Sep 1997, 1 Oct 1997, 3 Oct 1997, 13 Oct 1997",
        25,
    );
    // The same rule gives other days when the week begins on another one.
    check(
        "1997-08-05",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
        "5 Aug 1997, 10 Aug 1997, 19 Aug 1997, 24 Aug 1997",
        4,
    );
    check(
        "1997-08-05",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
        "5 Aug 1997, 17 Aug 1997, 19 Aug 1997, 31 Aug 1997",
        4,
    );
}

#[test]
fn months() {
    check("1997-09-05", "FREQ=MONTHLY;COUNT=4;BYDAY=1FR", "5 Sep 1997, 3 Oct 1997, 7 Nov 1997, 5 Dec 1997", 4);
    check("1997-09-22", "FREQ=MONTHLY;COUNT=3;BYDAY=-2MO", "22 Sep 1997, 20 Oct 1997, 17 Nov 1997", 3);
    check("1997-09-28", "FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=3", "28 Sep 1997, 29 Oct 1997, 28 Nov 1997", 3);
    check(
        "1997-09-30",
        "FREQ=MONTHLY;COUNT=5;BYMONTHDAY=1,-1",
        "30 Sep 1997, 1 Oct 1997, 31 Oct 1997, 1 Nov 1997, 30 Nov 1997",
        5,
    );
    check(
        "1998-02-13",
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "13 Feb 1998, 13 Mar 1998, 13 Nov 1998, 13 Aug 1999, 13 Oct 2000",
        5,
    );
    check("1997-09-04", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "4 Sep 1997, 7 Oct 1997, 6 Nov 1997", 3);
    check("2007-01-31", "FREQ=MONTHLY;COUNT=4", "31 Jan 2007, 31 Mar 2007, 31 May 2007, 31 Jul 2007", 4);
}

#[test]
fn years() {
    check("1997-06-10", "FREQ=YEARLY;COUNT=4;BYMONTH=6,7", "10 Jun 1997, 10 Jul 1997, 10 Jun 1998, 10 Jul 1998", 4);
    check("1997-05-19", "FREQ=YEARLY;BYDAY=20MO", "19 May 1997, 18 May 1998, 17 May 1999, 15 May 2000", 4);
    check(
        "1997-03-13",
        "FREQ=YEARLY;BYMONTH=3;BYDAY=TH;COUNT=4",
        "13 Mar 1997, 20 Mar 1997, 27 Mar 1997, 5 Mar 1998",
        4,
    );
    check("1996-11-05", "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8", "5 Nov 1996", 1);
    check("1997-01-31", "FREQ=YEARLY;BYDAY=-1FR;COUNT=3", "31 Jan 1997, 26 Dec 1997, 25 Dec 1998", 3);
    check("2024-02-29", "FREQ=YEARLY", "29 Feb 2024", 1);
}

#[test]
fn a_start_beside_its_rule_is_the_first_time() {
    check("1997-09-02", "FREQ=WEEKLY;BYDAY=FR;COUNT=3", "2 Sep 1997, 5 Sep 1997, 12 Sep 1997", 3);
}

#[test]
fn a_late_window_shows_what_a_whole_look_shows() {
    let start: NaiveDateTime = "1997-08-05T09:00:00".parse().unwrap();
    let end = start + chrono::TimeDelta::days(4_000);
    for rule in [
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU",
        "FREQ=MONTHLY;INTERVAL=5;BYDAY=-1MO",
        "FREQ=YEARLY;BYMONTH=2,8;INTERVAL=2",
        "FREQ=DAILY;COUNT=900",
    ] {
        let rule = Rule::read(rule).unwrap();
        let expand = |from: NaiveDateTime| {
            let (mut walls, mut steps) = (Vec::new(), 1_000_000);
            rule.expand(start, from, end, |utc| utc, &mut steps, &mut walls);
            walls
        };
        let whole = expand(start);
        for days in (0..3_900).step_by(13) {
            let from = start + chrono::TimeDelta::days(days);
            let expected: Vec<_> = whole.iter().filter(|wall| **wall >= from || **wall == start).copied().collect();
            assert_eq!(expand(from), expected, "{rule:?} from {from}");
        }
    }
}

#[test]
fn what_is_not_understood_is_said() {
    for (rule, expect) in [
        ("FREQ=HOURLY", "\"FREQ=HOURLY\" is not understood"),
        ("FREQ=DAILY;BYHOUR=9,10", "\"BYHOUR=9,10\" is not understood"),
        ("FREQ=DAILY;INTERVAL=0", "\"INTERVAL=0\" is not understood"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "\"BYMONTHDAY=32\" is not understood"),
        ("FREQ=WEEKLY;BYDAY=MO,XX", "\"BYDAY=MO,XX\" is not understood"),
        ("FREQ=DAILY;COUNT", "\"COUNT\" is not understood"),
        ("COUNT=3", "it has no FREQ"),
    ] {
        assert_eq!(Rule::read(rule).unwrap_err(), expect);
    }
}
