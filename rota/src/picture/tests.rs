//! What the pictures look like, and that no gap is ever hidden.

use super::*;
use crate::{Change, gaps, sample};
use proptest::prelude::*;

const COLUMNS_MAX: usize = 100;

const TWO_LAYERS: &str = r#"
[[schedules.s.layers]]
name = "day"
rotation = [["ana", "ben"], "chi"]
handoff = "2026-01-05 08:00"
every = "1 day"
window = "Mon-Fri 08:00-20:00"
priority = 1
[[schedules.s.layers]]
name = "night"
rotation = ["dan", "eve", []]
handoff = "2026-01-05 09:00"
every = "1 week"
"#;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Nobody is on duty for five minutes on Friday 27 November.
fn short_gap() -> Operation {
    Operation {
        number: 1,
        schedule: "s".into(),
        start: at("2026-11-27T10:00:00Z"),
        end: at("2026-11-27T10:05:00Z"),
        change: Change::ReplaceAll { users: Vec::new() },
        by: "ana".into(),
        reason: String::new(),
    }
}

#[test]
fn a_month_as_text() {
    let mut rota = sample::rota_of("Europe/Madrid", TWO_LAYERS);
    rota.people.get_mut(&"ana".into()).unwrap().name = "Ana\u{1b}[2J Ruiz\n".to_owned();
    let month = Weeks::of_month(day("2026-11-24"));
    insta::assert_snapshot!(picture(&rota, "s", &[short_gap()], month, at("2026-11-24T11:00:00Z")).unwrap());
}

#[test]
fn a_week_in_which_clocks_change() {
    let weekly =
        r#"layers = [{ name = "l", rotation = ["ana", "alf"], handoff = "2026-01-05 09:00", every = "12 hours" }]"#;
    let text = weekly.replace("alf", "ben");
    let rota = sample::rota_of("Antarctica/Troll", &text);
    insta::assert_snapshot!(
        picture(&rota, "s", &[], Weeks::from(day("2026-03-29"), 1), at("2026-03-29T11:00:00Z")).unwrap()
    );
}

#[test]
fn a_week_as_svg() {
    let mut rota = sample::rota_of("Europe/Madrid", TWO_LAYERS);
    rota.people.get_mut(&"ana".into()).unwrap().name = "<Ana> & \"Co\"\n".to_owned();
    let week = Weeks::from(day("2026-11-24"), 1);
    insta::assert_snapshot!(picture_svg(&rota, "s", &[short_gap()], week, at("2026-11-24T11:00:00Z")).unwrap());
}

#[test]
fn a_month_is_the_weeks_that_hold_it() {
    assert_eq!(Weeks::of_month(day("2026-11-24")), Weeks { first: day("2026-10-26"), count: 6 });
    assert_eq!(Weeks::of_month(day("2027-02-01")), Weeks { first: day("2027-02-01"), count: 4 });
    assert_eq!(Weeks::from(day("2026-11-29"), 0), Weeks { first: day("2026-11-23"), count: 1 });
}

#[test]
fn people_with_like_names_have_letters_of_their_own() {
    let people: Vec<ResponderId> = ["ana", "anna", "alan", "a", "aa"].iter().map(|&name| name.into()).collect();
    let letters = Letters::of(people.iter().rev());
    let shown: Vec<String> = letters.iter().map(|(letter, person)| format!("{letter} {person}")).collect();
    assert_eq!(shown.join(", "), "A a, B aa, L alan, N ana, C anna");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_gap_shows_and_no_line_is_too_wide((rota, operations, span) in sample::story(), weeks in 1..6_u32) {
        let zone = &rota.schedules["s"].zone;
        let weeks = Weeks::from(zone.wall(span.start).date(), weeks);
        let text = picture(&rota, "s", &operations, weeks, span.start).unwrap();
        prop_assert!(text.lines().all(|line| line.chars().count() <= COLUMNS_MAX));
        let rows: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
        let heading = |text: String| rows.iter().enumerate().skip(1).find_map(|(row, line)| {
            let line: String = line.iter().collect();
            line.find(&text).map(|column| (row, column - usize::from(line.contains(&format!("[{text}")))))
        });
        let whole = weeks.span(zone);
        let found = gaps(&rota, "s", &operations, whole.start, whole.end).unwrap();
        for gap in &found {
            let wall = zone.wall(gap.start);
            let (row, column) = heading(wall.date().format("%a %-d %b").to_string()).unwrap();
            let slot = usize::try_from(chrono::Timelike::hour(&wall) / SLOT_HOURS).unwrap();
            let shown: Vec<char> = rows[row + 1].iter().skip(column).take(SLOTS).copied().collect();
            // What comes a second time, when clocks go back, is in a slot of the hours that follow.
            let comes_again = zone.instant(wall, Occurrence::First) != gap.start;
            prop_assert!(shown[slot] == GAP || (comes_again && shown[slot..].contains(&GAP)), "{}\n{}", wall, text);
        }
        let marks = text.lines().take_while(|line| !line.contains(": ")).map(|line| line.matches(GAP).count()).sum::<usize>();
        prop_assert_eq!(marks == 0, found.is_empty());
        prop_assert_eq!(picture_svg(&rota, "s", &operations, weeks, span.start).unwrap().contains(">nobody<"), !found.is_empty());
    }
}
