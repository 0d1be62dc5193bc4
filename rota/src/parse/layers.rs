//! `[[schedules.NAME.layers]]` and the changes of their people.

use super::node::{Node, Table};
use super::schedules::{Setting, zone_of};
use super::{Problem, people, words};
use crate::grid::{Every, Grid, NoGrid};
use crate::holiday::OnHolidays;
use crate::membership::{Membership, Rollout};
use crate::planned::Planned;
use crate::rotation::{Group, Rotation};
use crate::schedule::Layer;
use crate::span::Span;
use crate::window::{MonthDays, Window};
use crate::zone::{Occurrence, Zone};
use chrono::{NaiveDateTime, NaiveTime, WeekdaySet};
use toml::de::DeValue;

const KEYS: [&str; 15] = [
    "calendar",
    "name",
    "rotation",
    "mode",
    "handoff",
    "every",
    "advance",
    "window",
    "monthdays",
    "priority",
    "on_holidays",
    "zone",
    "start",
    "end",
    "changes",
];

/// What turns are counted by.
enum Advance {
    Calendar,
    Window,
}

/// Reads a layer; `place` is its place in the file, from 0. `None` when it has a mistake.
pub(super) fn read(
    table: &Table<'_>,
    place: usize,
    setting: &Setting<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Layer> {
    table.only(&KEYS, problems);
    let name = table.text("name", problems).map_or_else(|| format!("layer {}", place + 1), str::to_owned);
    let zone = match table.get("zone") {
        Some(node) => zone_of(&node, problems)?,
        None => setting.zone.clone(),
    };
    let calendar = table.get("calendar");
    let windows = windows(table, problems);
    let rotation = match calendar {
        Some(node) => by_calendar(&node, table, problems),
        None => by_turns(table, &windows, &zone, setting, problems),
    };
    let priority = table.get("priority").map_or(Some(0), |node| integer(&node, PRIORITY, problems));
    let on_holidays = on_holidays(table, setting, problems);
    let mut bound = |key| {
        let wall = table.get(key).and_then(|node| wall_time(&node, problems))?;
        Some(zone.instant(wall, Occurrence::First))
    };
    let (start, end) = (bound("start"), bound("end"));
    let lasts = Span { start: start.unwrap_or(Span::ALWAYS.start), end: end.unwrap_or(Span::ALWAYS.end) };
    if lasts.start >= lasts.end {
        problems.push(table.problem(format!("{name} ends before it starts; write an end after its start")));
    }
    let (rotation, priority) = (rotation?, priority?);
    let place = table.written();
    Some(Layer { name, rotation, windows, priority, on_holidays, lasts, past_holidays: None, place, zone })
}

/// Whose turn it is by the entries of a calendar, which is read elsewhere.
fn by_calendar(node: &Node<'_>, table: &Table<'_>, problems: &mut Vec<Problem>) -> Option<Rotation> {
    for key in ["rotation", "mode", "handoff", "every", "advance", "changes"] {
        if let Some(other) = table.get(key) {
            problems.push(
                other.problem(format!("{key} is for turns, and this layer goes by a calendar; take one of them out")),
            );
        }
    }
    let calendar = node.read(words::calendar, problems)?;
    Some(Rotation::by_calendar(Planned::unread(&calendar)))
}

fn by_turns(
    table: &Table<'_>,
    windows: &[Window],
    zone: &Zone,
    setting: &Setting<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Rotation> {
    let groups = table
        .need("rotation", "rotation = [\"ana\", \"ben\"]", problems)
        .and_then(|node| rotation(&node, setting, problems));
    let grid = grid(table, windows, problems);
    let changes = changes(table, zone, setting, problems);
    let is_fair = is_fair(table, setting, problems);
    let mut rotation = Rotation::new(grid?, groups?);
    if is_fair {
        fair_with(table, &rotation, &changes, problems);
        rotation = rotation.fair(windows);
    }
    for change in &changes {
        rotation = rotation.changed(change, zone);
    }
    Some(rotation)
}

fn rotation(node: &Node<'_>, setting: &Setting<'_>, problems: &mut Vec<Problem>) -> Option<Vec<Group>> {
    let mut groups = Vec::new();
    let mut somebody = false;
    for turn in node.list(problems)? {
        let names = match turn.value() {
            DeValue::Array(_) => turn.list(problems)?,
            _ => vec![turn],
        };
        somebody |= !names.is_empty();
        let known = |name: &str| people::known(name, setting.people);
        groups.push(names.iter().filter_map(|name| name.read(known, problems)).collect());
    }
    if !somebody {
        problems.push(node.problem("rotation has nobody in it; write at least one name, as in [\"ana\", \"ben\"]"));
    }
    Some(groups)
}

/// Whether turns go to whoever has done least.
fn is_fair(table: &Table<'_>, setting: &Setting<'_>, problems: &mut Vec<Problem>) -> bool {
    let Some(node) = table.get("mode") else { return false };
    let read = |text: &str| match text {
        "in turn" => Ok(false),
        "fair" => Ok(true),
        _ => Err(format!("\"{text}\" gives turns to nobody; write \"fair\", or leave it out for one after the other")),
    };
    let is_fair = node.read(read, problems).unwrap_or_default();
    if is_fair && setting.rollout == Rollout::AfterAFullRound {
        problems.push(node.problem(NO_FULL_ROUND));
    }
    is_fair
}

/// What does not go together with turns that go to whoever has done least.
fn fair_with(table: &Table<'_>, rotation: &Rotation, changes: &[Membership], problems: &mut Vec<Problem>) {
    if table.get("monthdays").is_some() {
        problems.push(
            table.problem("mode = \"fair\" weighs the hours of a week, and monthdays are none; take one of them out"),
        );
    }
    if changes.iter().any(|change| change.rollout == Rollout::AfterAFullRound) {
        problems.push(table.problem(NO_FULL_ROUND));
    }
    for groups in changes.iter().map(|change| &change.groups[..]).chain([rotation.groups()]) {
        let people: Vec<_> = groups.iter().flatten().collect();
        let is_again = |(place, person)| people.iter().take(place).any(|other| other == person);
        if groups.iter().any(Vec::is_empty) || people.iter().enumerate().any(is_again) {
            problems
                .push(table.problem(
                    "mode = \"fair\" has each person in one turn and no turn of nobody; write each name once",
                ));
        }
    }
}

fn grid(table: &Table<'_>, windows: &[Window], problems: &mut Vec<Problem>) -> Option<Grid> {
    let anchor =
        table.need("handoff", "handoff = \"2026-01-05 09:00\"", problems).and_then(|node| wall_time(&node, problems));
    let every = table.need("every", "every = \"1 week\"", problems);
    let lengths = every.and_then(|node| lengths(&node, problems));
    let advance = match table.get("advance") {
        None => Some(Advance::Calendar),
        Some(node) => node.read(advance, problems),
    };
    let (every, anchor, lengths) = (every?, anchor?, lengths?);
    let grid = match advance? {
        Advance::Calendar => Grid::new(anchor, lengths),
        Advance::Window => {
            if table.get("monthdays").is_some() {
                let message = "advance = \"window\" counts weekdays, and monthdays are none; take one of them out";
                problems.push(table.problem(message));
            }
            let days = windows.iter().fold(WeekdaySet::EMPTY, |days, window| days.union(window.days));
            Grid::of_working_days(anchor, lengths, days)
        }
    };
    grid.map_err(|no_grid| problems.push(every.problem(no_grid_says(no_grid)))).ok()
}

fn no_grid_says(no_grid: NoGrid) -> String {
    match no_grid {
        NoGrid::Lengths => {
            format!("every is a length or a list of up to {}, like [\"1 day\", \"3 days\"]", Grid::LENGTHS_MAX)
        }
        NoGrid::Length => format!("every is too long or no time at all; write 1 to {} of a unit", Every::LENGTH_MAX),
        NoGrid::Unit => {
            "every is in days where advance = \"window\" counts working days; write it like \"5 days\"".into()
        }
        NoGrid::Days => {
            "advance = \"window\" counts the days of the window; write one like window = \"Mon-Fri\"".into()
        }
    }
}

fn lengths(node: &Node<'_>, problems: &mut Vec<Problem>) -> Option<Vec<Every>> {
    let nodes = node.one_or_more(problems);
    let lengths: Vec<Every> = nodes.iter().filter_map(|node| node.read(words::every, problems)).collect();
    (lengths.len() == nodes.len()).then_some(lengths)
}

fn advance(text: &str) -> Result<Advance, String> {
    match text {
        "calendar" => Ok(Advance::Calendar),
        "window" => Ok(Advance::Window),
        _ => Err(format!("\"{text}\" counts nothing; write \"window\" for working days, or leave it out")),
    }
}

/// The windows, each with the days of the month; whole days, when only those are written.
fn windows(table: &Table<'_>, problems: &mut Vec<Problem>) -> Vec<Window> {
    let nodes = table.get("window").map_or_else(Vec::new, |node| node.one_or_more(problems));
    let mut windows: Vec<Window> = nodes.iter().filter_map(|text| text.read(words::window, problems)).collect();
    let Some(node) = table.get("monthdays") else { return windows };
    let days = node.one_or_more(problems);
    let numbers: Vec<i64> = days.iter().filter_map(|day| integer(day, MONTH_DAY, problems)).collect();
    let month_days = match MonthDays::new(&numbers) {
        Some(month_days) if !month_days.is_empty() => month_days,
        _ => {
            problems.push(node.problem(MONTH_DAY));
            return windows;
        }
    };
    if windows.is_empty() {
        let (from, to) = (NaiveTime::MIN, NaiveTime::MIN);
        windows.push(Window { days: WeekdaySet::ALL, month_days, from, to, days_open: 1 });
    }
    windows.iter_mut().for_each(|window| window.month_days = month_days);
    windows
}

fn on_holidays(table: &Table<'_>, setting: &Setting<'_>, problems: &mut Vec<Problem>) -> OnHolidays {
    let Some(node) = table.get("on_holidays") else { return OnHolidays::AsAlways };
    let read = node.read(
        |text| match text {
            "off" => Ok(OnHolidays::Off),
            "only" => Ok(OnHolidays::Only),
            _ => Err(format!("\"{text}\" is not known; write \"off\", or \"only\" for a layer of holidays")),
        },
        problems,
    );
    if !setting.has_holidays {
        let message = "on_holidays needs to know them; write holidays = [\"holidays/es.ics\"] in the schedule";
        problems.push(node.problem(message));
    }
    read.unwrap_or_default()
}

/// The changes of the rotation, in the order of time.
fn changes(table: &Table<'_>, zone: &Zone, setting: &Setting<'_>, problems: &mut Vec<Problem>) -> Vec<Membership> {
    let nodes = table.get("changes").and_then(|node| node.list(problems)).unwrap_or_default();
    let mut changes: Vec<Membership> = Vec::new();
    for node in nodes {
        let Some(table) = node.table(problems) else { continue };
        table.only(&["at", "rotation", "rollout"], problems);
        let at = table.need("at", "at = \"2026-03-02 09:00\"", problems).and_then(|node| wall_time(&node, problems));
        let groups = table
            .need("rotation", "rotation = [\"ana\", \"chi\"]", problems)
            .and_then(|node| rotation(&node, setting, problems));
        let rollout = match table.get("rollout") {
            Some(node) => node.read(words::rollout, problems),
            None => Some(setting.rollout),
        };
        let (Some(at), Some(groups), Some(rollout)) = (at, groups, rollout) else { continue };
        let at = zone.instant(at, Occurrence::First);
        if changes.iter().any(|other| other.at == at) {
            problems.push(table.problem("another change is at the same time; keep one of them"));
        }
        changes.push(Membership { at, groups, rollout });
    }
    changes.sort_by_key(|change| change.at);
    changes
}

/// A wall time, in quotes or as TOML's own local date-time.
fn wall_time(node: &Node<'_>, problems: &mut Vec<Problem>) -> Option<NaiveDateTime> {
    let DeValue::Datetime(written) = node.value() else {
        return node.read(words::wall_time, problems);
    };
    words::wall_time(&written.to_string()).map_err(|message| problems.push(node.problem(message))).ok()
}

const NO_FULL_ROUND: &str = "mode = \"fair\" has no rounds to wait for; write rollout = \"after this turn\" or \"now\"";
const PRIORITY: &str = "priority is a whole number; the highest one with somebody on duty wins, like priority = 1";
const MONTH_DAY: &str =
    "monthdays are 1 to 31, or -1 for the last day of the month and so on; write them like [1, 15, -1]";

fn integer(node: &Node<'_>, advice: &str, problems: &mut Vec<Problem>) -> Option<i64> {
    let number = node.value().as_integer().and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
    if number.is_none() {
        problems.push(node.problem(advice));
    }
    number
}
