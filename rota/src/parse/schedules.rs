//! `[schedules.NAME]` and `[[schedules.NAME.layers]]`.

use super::node::{Node, Table};
use super::{Problem, people, words};
use crate::nearest::nearest;
use crate::rota::Person;
use crate::rotation::Rotation;
use crate::schedule::{Layer, Schedule};
use crate::span::Span;
use crate::window::Window;
use crate::zone::{Occurrence, Zone};
use chrono::NaiveDateTime;
use incident::ResponderId;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use toml::de::DeValue;

type People = BTreeMap<ResponderId, Person>;

/// Reads all schedules. One with a mistake is in the result too, as far as it could be read.
pub(super) fn read(sections: &[Table<'_>], people: &People, problems: &mut Vec<Problem>) -> BTreeMap<String, Schedule> {
    let mut schedules = BTreeMap::new();
    for section in sections {
        if people.contains_key(&ResponderId::from(section.name.as_str())) {
            let message =
                format!("\"{}\" is a person and a schedule; groups and people share one list of names", section.name);
            problems.push(section.problem(message));
        }
        schedules.insert(section.name.clone(), schedule(section, people, problems));
    }
    schedules
}

fn schedule(section: &Table<'_>, people: &People, problems: &mut Vec<Problem>) -> Schedule {
    section.only(&["zone", "layers"], problems);
    let zone = section.need("zone", "zone = \"Europe/Madrid\"", problems);
    let zone = zone.and_then(|node| node.read(zone_named, problems)).unwrap_or_else(Zone::utc);
    let layers = section.need("layers", &format!("[[schedules.{}.layers]] with a rotation", section.name), problems);
    let layers = layers.and_then(|node| node.list(problems)).unwrap_or_default();
    let mut read = Vec::new();
    for (place, node) in layers.iter().enumerate() {
        let table = node.table(problems);
        read.extend(table.and_then(|table| layer(&table, place, &zone, people, problems)));
    }
    read.sort_by_key(|layer: &Layer| Reverse(layer.priority));
    Schedule { name: section.name.clone(), zone, layers: read }
}

fn layer(table: &Table<'_>, place: usize, zone: &Zone, people: &People, problems: &mut Vec<Problem>) -> Option<Layer> {
    table.only(&["name", "rotation", "handoff", "every", "window", "priority", "zone", "start", "end"], problems);
    let name = table.text("name", problems).map_or_else(|| format!("layer {}", place + 1), str::to_owned);
    let zone = match table.get("zone") {
        Some(node) => node.read(zone_named, problems)?,
        None => zone.clone(),
    };
    let groups = table
        .need("rotation", "rotation = [\"ana\", \"ben\"]", problems)
        .and_then(|node| rotation(&node, people, problems));
    let anchor =
        table.need("handoff", "handoff = \"2026-01-05 09:00\"", problems).and_then(|node| wall_time(&node, problems));
    let every = table.need("every", "every = \"1 week\"", problems).and_then(|node| node.read(words::every, problems));
    let windows = table.get("window").map_or_else(Vec::new, |node| windows(&node, problems));
    let priority = table.get("priority").map_or(Some(0), |node| integer(&node, problems));
    let mut bound = |key| {
        let wall = table.get(key).and_then(|node| wall_time(&node, problems))?;
        Some(zone.instant(wall, Occurrence::First))
    };
    let (start, end) = (bound("start"), bound("end"));
    let lasts = Span { start: start.unwrap_or(Span::ALWAYS.start), end: end.unwrap_or(Span::ALWAYS.end) };
    if lasts.start >= lasts.end {
        problems.push(table.problem(format!("{name} ends before it starts; write an end after its start")));
    }
    let rotation = Rotation { groups: groups?, anchor: anchor?, every: every? };
    Some(Layer { name, zone, rotation, windows, priority: priority?, lasts })
}

fn rotation(node: &Node<'_>, people: &People, problems: &mut Vec<Problem>) -> Option<Vec<Vec<ResponderId>>> {
    let mut groups = Vec::new();
    let mut somebody = false;
    for turn in node.list(problems)? {
        let names = match turn.value() {
            DeValue::Array(_) => turn.list(problems)?,
            _ => vec![turn],
        };
        somebody |= !names.is_empty();
        groups.push(names.iter().filter_map(|name| name.read(|name| people::known(name, people), problems)).collect());
    }
    if !somebody {
        problems.push(node.problem("rotation has nobody in it; write at least one name, as in [\"ana\", \"ben\"]"));
    }
    Some(groups)
}

fn windows(node: &Node<'_>, problems: &mut Vec<Problem>) -> Vec<Window> {
    let texts = match node.value() {
        DeValue::Array(_) => node.list(problems).unwrap_or_default(),
        _ => vec![*node],
    };
    texts.iter().filter_map(|text| text.read(words::window, problems)).collect()
}

/// A wall time, in quotes or as TOML's own local date-time.
fn wall_time(node: &Node<'_>, problems: &mut Vec<Problem>) -> Option<NaiveDateTime> {
    let DeValue::Datetime(written) = node.value() else {
        return node.read(words::wall_time, problems);
    };
    words::wall_time(&written.to_string()).map_err(|message| problems.push(node.problem(message))).ok()
}

fn integer(node: &Node<'_>, problems: &mut Vec<Problem>) -> Option<i64> {
    let number = node.value().as_integer().and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
    if number.is_none() {
        problems.push(
            node.problem("priority is a whole number; the highest one with somebody on duty wins, like priority = 1"),
        );
    }
    number
}

fn zone_named(name: &str) -> Result<Zone, String> {
    Zone::get(name).ok_or_else(|| {
        let names: Vec<String> = Zone::names().collect();
        let city = |known: &&String| known.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(name));
        let near =
            names.iter().find(city).map(String::as_str).or_else(|| nearest(name, names.iter().map(String::as_str)));
        let advice = near.map_or_else(
            || "write one like \"Europe/Madrid\" or \"UTC\"".to_owned(),
            |near| format!("did you mean \"{near}\"?"),
        );
        format!("\"{name}\" is no time zone; {advice}")
    })
}
