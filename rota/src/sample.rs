//! Rotas and operations made at random for the laws of the reports. They are written as files and read by `Rota::parse`, so
//! that a law holds for what people can write, and not for what a struct can hold.

use crate::{Change, Operation, Rota, Span};
use chrono::{DateTime, TimeDelta, Utc};
use incident::ResponderId;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Those in which other tools break, and one without rules.
const ZONES: [&str; 6] =
    ["America/New_York", "Australia/Lord_Howe", "America/Havana", "Africa/Cairo", "Antarctica/Troll", "UTC"];

/// Everybody who can be on duty in a sample.
pub(crate) const PEOPLE: [&str; 5] = ["ana", "ben", "chi", "dan", "eve"];

/// A file with people and one schedule `s`, then its layers.
pub(crate) fn rota_of(zone: &str, layers: &str) -> Rota {
    let people: String =
        PEOPLE.iter().map(|name| format!("{name} = {{ slack = \"U0{}\" }}\n", name.to_uppercase())).collect();
    let text = format!(
        "[people]\n{people}\n[schedules.s]\nzone = \"{zone}\"\n{layers}\n[escalation.default]\nlevels = [{{ page = [\"schedule:s\"] }}]\n"
    );
    Rota::parse(&[("rota.toml", &text)]).unwrap()
}

/// Four weeks around a change of clocks in spring or autumn 2026, from a quarter of an hour on.
pub(crate) fn span() -> impl Strategy<Value = Span> {
    let starts = ["2026-02-25T00:00:00Z", "2026-03-20T00:00:00Z", "2026-10-20T00:00:00Z", "2026-07-01T00:00:00Z"];
    (select(starts.to_vec()), 0..96_i64).prop_map(|(start, quarters)| {
        let start = start.parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(15 * quarters);
        Span { start, end: start + TimeDelta::days(28) }
    })
}

fn layer() -> impl Strategy<Value = String> {
    let some = subsequence(&PEOPLE[..], 1..=2);
    let group = subsequence(&PEOPLE[..], 0..=2);
    let every = select(vec!["1 week", "1 day", "12 hours", "3 days", "7 hours"]);
    let window = select(vec![
        None,
        None,
        Some("Mon-Fri 08:00-20:00"),
        Some("Fri 20:00 - Mon 08:00"),
        Some("Mon-Sun 00:30-01:30"),
    ]);
    ((some, vec(group, 0..3)), every, window, 0..3_i64, 1..28_u32, 0..24_u32).prop_map(
        |((some, more), every, window, priority, day, hour)| {
            let groups: Vec<_> = std::iter::once(some).chain(more).collect();
            let window = window.map(|window| format!("window = \"{window}\"\n")).unwrap_or_default();
            format!("rotation = {groups:?}\nhandoff = \"2026-01-{day:02} {hour:02}:30\"\nevery = \"{every}\"\npriority = {priority}\n{window}")
        },
    )
}

/// A rota of one to three layers.
pub(crate) fn rota() -> impl Strategy<Value = Rota> {
    (select(&ZONES[..]), vec(layer(), 1..4)).prop_map(|(zone, layers)| {
        let layers: String = layers
            .iter()
            .enumerate()
            .map(|(place, layer)| format!("[[schedules.s.layers]]\nname = \"layer{place}\"\n{layer}"))
            .collect();
        rota_of(zone, &layers)
    })
}

/// A person of [`PEOPLE`].
pub(crate) fn person() -> impl Strategy<Value = ResponderId> {
    select(&PEOPLE[..]).prop_map(ResponderId::from)
}

/// A time within `span`, at quarters of an hour.
pub(crate) fn part(span: Span) -> impl Strategy<Value = Span> {
    let quarters = span.length().num_minutes() / 15;
    (0..quarters, 1..300_i64).prop_map(move |(start, length)| {
        let start = span.start + TimeDelta::minutes(15 * start);
        Span { start, end: (start + TimeDelta::minutes(15 * length)).min(span.end) }
    })
}

fn operation(span: Span) -> impl Strategy<Value = Operation> {
    let change = prop_oneof![
        vec(person(), 0..3).prop_map(|users| Change::ReplaceAll { users }),
        (person(), person()).prop_map(|(from, to)| Change::ReplaceUser { from, to }),
        person().prop_map(|user| Change::Add { user }),
        person().prop_map(|user| Change::Remove { user }),
        (person(), person()).prop_map(|(a, b)| Change::Exchange { a, b }),
    ];
    (any::<u32>(), part(span), change).prop_map(|(number, part, change)| Operation {
        number: number.into(),
        schedule: "s".into(),
        start: part.start,
        end: part.end,
        change,
        by: "ana".into(),
        reason: String::new(),
    })
}

/// A rota, operations on it, and the four weeks in which they lie.
pub(crate) fn story() -> impl Strategy<Value = (Rota, Vec<Operation>, Span)> {
    (rota(), span()).prop_flat_map(|(rota, span)| (Just(rota), vec(operation(span), 0..4), Just(span)))
}
