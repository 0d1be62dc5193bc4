//! `[schedules.NAME]`.

use super::node::{Node, Table};
use super::{Problem, layers, words};
use crate::membership::Rollout;
use crate::nearest::nearest;
use crate::rota::Person;
use crate::schedule::{Layer, Schedule, Secondary};
use crate::zone::Zone;
use chrono::TimeDelta;
use incident::ResponderId;
use std::collections::BTreeMap;

/// How long an answer to a ready check is waited for, unless the file says otherwise.
const READY_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// Who is known, by id.
pub(super) type People = BTreeMap<ResponderId, Person>;

/// What the layers of a schedule have from it.
pub(super) struct Setting<'r> {
    pub(super) zone: &'r Zone,
    pub(super) rollout: Rollout,
    pub(super) has_holidays: bool,
    pub(super) people: &'r People,
}

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
    section.only(
        &["zone", "layers", "secondary", "rollout", "holidays", "channel", "topic", "ready_check", "lead"],
        problems,
    );
    let zone = section.need("zone", "zone = \"Europe/Madrid\"", problems);
    let zone = zone.and_then(|node| node.read(zone_named, problems)).unwrap_or_else(Zone::utc);
    let secondary = section.get("secondary").and_then(|node| node.read(secondary, problems));
    let rollout = section.get("rollout").and_then(|node| node.read(words::rollout, problems)).unwrap_or_default();
    let holiday_calendars = section.get("holidays").map_or_else(Vec::new, |node| node.texts(problems));
    let channel = section.get("channel").and_then(|node| node.read(channel, problems));
    let topic = section.get("topic").and_then(|node| node.flag(problems)).unwrap_or_default();
    if topic && channel.is_none() {
        problems
            .push(section.problem("topic = true needs the channel whose topic it is; write channel = \"C0PAYMENTS\""));
    }
    let ready_check = section.get("ready_check").and_then(|node| ready_check(&node, problems));
    let lead = section.get("lead").and_then(|node| lead(&node, people, problems));
    let has_holidays = section.get("holidays").is_some();
    let setting = Setting { zone: &zone, rollout, has_holidays, people };

    let layers = section.need("layers", &format!("[[schedules.{}.layers]] with a rotation", section.name), problems);
    let layers = layers.and_then(|node| node.list(problems)).unwrap_or_default();
    let mut read: Vec<Layer> = Vec::new();
    for (place, node) in layers.iter().enumerate() {
        let layer = node.table(problems).and_then(|table| layers::read(&table, place, &setting, problems));
        if let Some(same) = layer.as_ref().and_then(|layer| read.iter().find(|other| other.name == layer.name)) {
            let message =
                format!("layer \"{}\" is there already, at line {}; give each a name", same.name, same.place.line);
            problems.push(node.problem(message));
        }
        read.extend(layer);
    }
    let place = section.written();
    Schedule {
        secondary,
        rollout,
        holiday_calendars,
        channel,
        topic,
        ready_check,
        lead,
        place,
        ..Schedule::new(&section.name, zone, read)
    }
}

fn secondary(text: &str) -> Result<Secondary, String> {
    match text.trim() {
        "next turn" => Ok(Secondary::NextTurn),
        _ => Err(format!("\"{text}\" says nobody; write secondary = \"next turn\", for whoever has the next turn")),
    }
}

/// `true`, or how long an answer is waited for: one minute to four hours.
fn ready_check(node: &Node<'_>, problems: &mut Vec<Problem>) -> Option<TimeDelta> {
    if let Some(wanted) = node.value().as_bool() {
        return wanted.then_some(READY_WITHIN);
    }
    let within = node.read(words::duration, problems)?;
    if within < TimeDelta::minutes(1) || within > TimeDelta::hours(4) {
        problems.push(node.problem("ready_check waits one minute to four hours; write ready_check = true or \"10m\""));
        return None;
    }
    Some(within)
}

fn lead(node: &Node<'_>, people: &People, problems: &mut Vec<Problem>) -> Option<ResponderId> {
    let lead = ResponderId::from(node.text(problems)?);
    if people.contains_key(&lead) {
        return Some(lead);
    }
    problems.push(node.problem(format!("lead = \"{lead}\" is nobody of the rota; write the id of a person")));
    None
}

/// The id of a channel, as Slack shows it in the channel's details.
fn channel(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_id = text.len() > 1 && text.starts_with(['C', 'G']) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_id {
        return Ok(text.to_owned());
    }
    Err(format!("\"{text}\" is no channel's id; it begins with C or G and stands in the channel's details"))
}

/// The zone of a key; the text of a mistake names the nearest one.
pub(super) fn zone_of(node: &Node<'_>, problems: &mut Vec<Problem>) -> Option<Zone> {
    node.read(zone_named, problems)
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
