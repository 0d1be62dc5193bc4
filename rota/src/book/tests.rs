//! What wishes become, and that the book follows from its events alone.

use super::*;
use crate::sample::rota_of;
use crate::{Rota, on_duty};
use proptest::prelude::*;

/// Ana, then Ben, then Chi, a week each from Mon 5 Jan 2026 09:00.
fn weekly() -> Rota {
    rota_of(
        "UTC",
        "[[schedules.s.layers]]\nrotation = [\"ana\", \"ben\", \"chi\"]\nhandoff = \"2026-01-05 09:00\"\nevery = \"1 week\"",
    )
}

fn at(day: u32, hour: u32) -> DateTime<Utc> {
    chrono::NaiveDate::from_ymd_opt(2026, 1, day).and_then(|day| day.and_hms_opt(hour, 0, 0)).unwrap().and_utc()
}

fn span(from: (u32, u32), to: (u32, u32)) -> Span {
    Span { start: at(from.0, from.1), end: at(to.0, to.1) }
}

struct Team {
    rota: Rota,
    book: Book,
    events: Vec<(BookEvent, DateTime<Utc>)>,
    now: DateTime<Utc>,
}

impl Team {
    fn new() -> Self {
        Self { rota: weekly(), book: Book::default(), events: Vec::new(), now: at(5, 10) }
    }

    fn wish(&mut self, who: &str, wish: &Wish) -> Result<u64, String> {
        let event = self.book.decide(&self.rota, &who.into(), wish, self.now).map_err(|refused| refused.to_string())?;
        self.book.apply(&event, self.now);
        self.events.push((event.clone(), self.now));
        Ok(event.number())
    }

    #[track_caller]
    fn check(&self, day: u32, hour: u32, expect: &[&str]) {
        let operations = self.book.operations();
        let (people, _) = on_duty(&self.rota, "s", &operations, at(day, hour)).unwrap();
        let people: Vec<&str> = people.iter().map(|person| person.as_str()).collect();
        assert_eq!(people, expect, "on {day} Jan at {hour}");
    }
}

fn over(user: &str, span: Span) -> Wish {
    Wish::Override { schedule: "s".to_owned(), span, user: user.into(), from: None, reason: "dentist".to_owned() }
}

fn cover(span: Span) -> Wish {
    Wish::Cover { schedule: "s".to_owned(), span, reason: String::new() }
}

fn swap(with: &str) -> Wish {
    Wish::Swap { schedule: "s".to_owned(), with: with.into(), reason: String::new() }
}

#[test]
fn an_override_counts_and_the_past_stays_when_it_is_taken_back() {
    let mut team = Team::new();
    let number = team.wish("ana", &over("chi", span((4, 0), (5, 20)))).unwrap();
    team.check(5, 9, &["ana"]);
    team.check(5, 10, &["chi"]);
    team.check(5, 20, &["ana"]);
    team.now = at(5, 12);
    team.wish("ben", &Wish::Cancel { number }).unwrap();
    team.check(5, 11, &["chi"]);
    team.check(5, 12, &["ana"]);
    assert_eq!(team.wish("ana", &Wish::Cancel { number }).unwrap_err(), "that time is over; what was, stays as it was");
    assert_eq!(team.wish("ana", &over("zoe", span((6, 0), (7, 0)))).unwrap_err(), "zoe is not in the rota");
    assert_eq!(
        team.wish("ana", &over("ben", span((4, 0), (5, 0)))).unwrap_err(),
        "that time is over; what was, stays as it was"
    );
}

#[test]
fn a_cover_of_a_cover_counts_and_the_first_who_accepts_wins() {
    let mut team = Team::new();
    let number = team.wish("ana", &cover(span((8, 0), (10, 0)))).unwrap();
    team.check(9, 0, &["ana"]);
    team.wish("ben", &Wish::Accept { number, part: Some(span((8, 0), (9, 0))) }).unwrap();
    assert_eq!(
        team.wish("chi", &Wish::Accept { number, part: Some(span((8, 0), (9, 0))) }).unwrap_err(),
        "already taken by ben"
    );
    team.wish("chi", &Wish::Accept { number, part: None }).unwrap();
    team.check(8, 12, &["ben"]);
    team.check(9, 12, &["chi"]);
    team.check(10, 0, &["ana"]);
    let again = team.wish("ben", &cover(span((8, 6), (8, 12)))).unwrap();
    team.wish("chi", &Wish::Accept { number: again, part: None }).unwrap();
    team.check(8, 6, &["chi"]);
    team.check(8, 12, &["ben"]);
}

#[test]
fn a_swap_counts_once_the_other_agrees_and_no_more_when_one_of_them_cancels() {
    let mut team = Team::new();
    team.now = at(1, 0);
    let number = team.wish("ana", &swap("ben")).unwrap();
    team.check(6, 0, &["ana"]);
    assert_eq!(team.wish("chi", &Wish::Agree { number }).unwrap_err(), "only ben can answer that");
    team.wish("ben", &Wish::Agree { number }).unwrap();
    team.check(6, 0, &["ben"]);
    team.check(13, 0, &["ana"]);
    team.check(20, 0, &["chi"]);
    assert_eq!(team.wish("ben", &Wish::Agree { number }).unwrap_err(), "that swap was answered already");
    team.wish("ben", &Wish::Cancel { number }).unwrap();
    team.check(6, 0, &["ana"]);
    team.check(13, 0, &["ben"]);
    assert_eq!(team.wish("ana", &swap("ana")).unwrap_err(), "a swap takes two");
}

#[test]
fn a_swap_needs_the_shifts_as_they_were_offered() {
    let mut team = Team::new();
    team.now = at(1, 0);
    let to_ben = team.wish("ana", &swap("ben")).unwrap();
    let to_chi = team.wish("ana", &swap("chi")).unwrap();
    team.wish("ben", &Wish::Agree { number: to_ben }).unwrap();
    let refused = "the shift that ana gives is not theirs as it was; offer the swap anew";
    assert_eq!(team.wish("chi", &Wish::Agree { number: to_chi }).unwrap_err(), refused);
    team.check(6, 0, &["ben"]);
    team.check(13, 0, &["ana"]);
    team.check(20, 0, &["chi"]);
    let half = team.book.operations()[0].number;
    let refused = team.wish("chi", &Wish::Cancel { number: half }).unwrap_err();
    assert!(refused.starts_with(&format!("that came from #{to_ben}: ")), "{refused}");
}

#[test]
fn a_request_whose_duty_has_moved_is_not_taken() {
    let mut team = Team::new();
    let number = team.wish("ana", &cover(span((8, 0), (10, 0)))).unwrap();
    team.wish("ben", &over("chi", span((8, 0), (12, 0)))).unwrap();
    let refused = team.wish("ben", &Wish::Accept { number, part: None }).unwrap_err();
    assert_eq!(refused, "ana is not on call then any more as it was; ana has to ask anew");
    let long = team.wish("ana", &cover(Span { start: at(6, 0), end: at(6, 0) + TimeDelta::days(400) })).unwrap_err();
    assert!(long.contains("longer than 92 days"), "{long}");
}

#[test]
fn what_is_long_over_is_let_go_and_numbers_are_never_given_twice() {
    let mut team = Team::new();
    let first = team.wish("ana", &over("chi", span((6, 0), (7, 0)))).unwrap();
    team.now = at(5, 0) + TimeDelta::days(200);
    let (start, end) = (team.now, team.now + TimeDelta::hours(1));
    let second = team.wish("ana", &over("chi", Span { start, end })).unwrap();
    assert!(second > first);
    assert_eq!(team.book.operation(first), None);
}

fn wishes() -> impl Strategy<Value = Vec<(usize, u32, Wish)>> {
    let time = (5..28_u32, 0..24_u32, 1..72_i64).prop_map(|(day, hour, hours)| {
        let start = at(day, hour);
        Span { start, end: start + TimeDelta::hours(hours) }
    });
    let people = ["ana", "ben", "chi"];
    let wish = prop_oneof![
        (time.clone(), 0..3_usize).prop_map(move |(span, who)| over(people[who], span)),
        time.clone().prop_map(cover),
        (0..12_u64, proptest::option::of(time)).prop_map(|(number, part)| Wish::Accept { number, part }),
        (0..3_usize).prop_map(move |who| swap(people[who])),
        (0..12_u64).prop_map(|number| Wish::Agree { number }),
        (0..12_u64).prop_map(|number| Wish::Cancel { number }),
    ];
    proptest::collection::vec((0..3_usize, 0..30_u32, wish), 1..16)
}

proptest! {
    #[test]
    fn the_book_follows_from_its_events_and_the_past_never_changes(wishes in wishes()) {
        let mut team = Team::new();
        for (who, hours, wish) in wishes {
            team.now += TimeDelta::hours(i64::from(hours));
            let before = team.book.operations();
            let now = team.now;
            drop(team.wish(["ana", "ben", "chi"][who], &wish));
            let after = team.book.operations();
            // Every hour until now is as it was.
            for hour in 0..40 {
                let past = now - TimeDelta::hours(hour) - TimeDelta::seconds(1);
                let [then, today] = [&before, &after].map(|operations| on_duty(&team.rota, "s", operations, past).unwrap().0.into_iter().cloned().collect::<Vec<_>>());
                prop_assert_eq!(then, today);
            }
            let mut numbers: Vec<u64> = after.iter().map(|operation| operation.number).collect();
            prop_assert!(numbers.is_sorted());
            numbers.dedup();
            prop_assert_eq!(numbers.len(), after.len());
        }
        let mut replayed = Book::default();
        for (event, at) in &team.events {
            let written = serde_json::to_string(event).unwrap();
            replayed.apply(&serde_json::from_str(&written).unwrap(), *at);
        }
        prop_assert_eq!(&replayed, &team.book);
        let kept: Book = serde_json::from_str(&serde_json::to_string(&team.book).unwrap()).unwrap();
        prop_assert_eq!(kept, replayed);
    }
}
