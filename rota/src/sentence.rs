//! The reasons of this crate in words. It decides nothing.

use crate::on_call::Reason;
use crate::operation::{Change, Operation};
use crate::rotation::Role;
use crate::schedule::{Schedule, Turn};
use crate::zone::Zone;
use chrono::{DateTime, Datelike, TimeDelta, Utc};

/// Why the people of `reason` are on duty at `at`, latest cause first.
pub(crate) fn because(schedule: &Schedule, role: Role, reason: &Reason<'_>, at: DateTime<Utc>) -> String {
    let operations = reason.operations.iter().rev().map(|operation| of_operation(operation, &schedule.zone, at));
    let turns: Vec<String> = reason.turns.iter().map(|turn| of_turn(schedule, role, *turn, at)).collect();
    let turns = (!turns.is_empty()).then(|| turns.join(" and "));
    let causes: Vec<String> = operations.chain(turns).collect();
    if causes.is_empty() {
        return "every layer is outside its hours or has an empty turn".to_owned();
    }
    causes.join("; before that ")
}

/// `turn 37 of weekly (every week from Mon 5 Jan 2026 09:00 Europe/Madrid)`, with the last change of its people before.
fn of_turn(schedule: &Schedule, role: Role, turn: Turn, at: DateTime<Utc>) -> String {
    let Some(layer) = schedule.layers.get(turn.layer) else { return format!("turn {}", turn.number) };
    if let Some(planned) = layer.rotation.planned() {
        let whose = match role {
            Role::Primary => "an entry",
            Role::Secondary => "the entry after",
        };
        return format!("{whose} of calendar {} ({})", planned.calendar(), layer.name);
    }
    let grid = layer.rotation.grid();
    let anchor = grid.anchor().format("%a %-d %b %Y %H:%M");
    let next = match role {
        Role::Primary => "",
        Role::Secondary => "next is ",
    };
    let changed = match layer.rotation.changes().iter().rev().find(|change| change.at <= at) {
        Some(change) => format!(", people changed {}", moment(change.at, &layer.zone, at)),
        None => String::new(),
    };
    let fair = if layer.rotation.is_fair(at) { ", to whoever has done least" } else { "" };
    format!("{next}turn {} of {} ({grid} from {anchor} {}{fair}{changed})", turn.number, layer.name, layer.zone.name())
}

/// `override until Sat 08:00, asked by bo: dentist`.
fn of_operation(operation: &Operation, zone: &Zone, at: DateTime<Utc>) -> String {
    let what = match &operation.change {
        Change::ReplaceAll { .. } => "override".to_owned(),
        Change::ReplaceUser { from, to } => format!("{to} covers {from}"),
        Change::Add { user } => format!("{user} added"),
        Change::Remove { user } => format!("{user} removed"),
        Change::Exchange { a, b } => format!("{a} and {b} exchanged"),
        Change::Temporary { .. } => "temporary schedule".to_owned(),
    };
    let until = moment(operation.end, zone, at);
    let why = if operation.reason.is_empty() { String::new() } else { format!(": {}", operation.reason) };
    format!("{what} until {until}, asked by {}{why}", operation.by)
}

/// A moment as people near it say it: the weekday within six days, else the date.
fn moment(moment: DateTime<Utc>, zone: &Zone, at: DateTime<Utc>) -> String {
    let near = (moment - at).abs() <= TimeDelta::days(6);
    let same_year = zone.wall(moment).year() == zone.wall(at).year();
    let form = match (near, same_year) {
        (true, _) => "%a %H:%M",
        (false, true) => "%a %-d %b %H:%M",
        (false, false) => "%a %-d %b %Y %H:%M",
    };
    zone.wall(moment).format(form).to_string()
}
