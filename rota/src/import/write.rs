//! The files: sorted, with a comment where something differs from the tool, and the same bytes for the same export.

use super::existing::Existing;
use super::form::{Form, Key, Layer, Level, Moment, Person, Policy, Schedule, Target};
use super::resolve::Ids;
use super::{Tool, hours};
use crate::Rota;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use toml::Value;

/// `[people.NAME]` for everybody who is new; empty when nobody is.
pub(super) fn people(tool: Tool, people: &[Person], ids: &BTreeMap<Key, String>, existing: &Existing<'_>) -> String {
    let mut tables: BTreeMap<&String, String> = BTreeMap::new();
    let is_ours = |id: &&String| !existing.names.contains(*id);
    for (person, id) in people.iter().filter_map(|person| Some((person, ids.get(&person.entry.key).filter(is_ours)?))) {
        let mut table = format!("\n[people.{id}]\n");
        for caveat in &person.entry.caveats {
            comment(&mut table, caveat);
        }
        let ways = [
            ("name", &plain(&person.entry.name)),
            ("slack", &person.slack),
            ("email", &person.email),
            ("phone", &person.phone),
            ("sns", &person.sns),
            ("webhook", &person.webhook),
        ];
        for (key, text) in ways.into_iter().filter(|(_, text)| !text.is_empty()) {
            line(&mut table, key, quoted(text));
        }
        tables.insert(id, table);
    }
    if tables.is_empty() {
        return String::new();
    }
    let mut text = header(tool, "people");
    comment(&mut text, "A slack, sns or webhook that you add to somebody here stays when the import runs again.");
    text.extend(tables.into_values());
    text
}

/// `[schedules.NAME]` for every schedule that is imported; empty when none is.
pub(super) fn schedules(tool: Tool, schedules: &[Schedule], ids: &BTreeMap<Key, String>) -> String {
    let mut tables: BTreeMap<&String, String> = BTreeMap::new();
    for schedule in schedules.iter().filter(|schedule| !schedule.entry.is_refused()) {
        let Some(id) = ids.get(&schedule.entry.key) else { continue };
        let mut table = String::from("\n");
        comment(&mut table, &schedule.entry.name);
        for caveat in &schedule.entry.caveats {
            comment(&mut table, caveat);
        }
        let mut layers: Vec<&Layer> = schedule.layers.iter().filter(|layer| !layer.entry.is_refused()).collect();
        layers.sort_by_key(|layer| Reverse(layer.priority));
        let same = layers.iter().all(|other| other.priority == 0);
        put(&mut table, format_args!("[schedules.{id}]\nzone = {}\n", quoted(&schedule.zone)));
        for written in layers {
            layer(&mut table, id, written, same);
        }
        tables.insert(id, table);
    }
    if tables.is_empty() {
        return String::new();
    }
    header(tool, "schedules") + &tables.into_values().collect::<String>()
}

fn layer(text: &mut String, schedule: &str, layer: &Layer, one_priority: bool) {
    put(text, format_args!("\n[[schedules.{schedule}.layers]]\n"));
    for caveat in &layer.entry.caveats {
        comment(text, caveat);
    }
    line(text, "name", quoted(&layer.name));
    let groups = layer.groups.iter().map(|group| match group.as_slice() {
        [one] => quoted(one),
        group => list(group),
    });
    line(text, "rotation", format!("[{}]", groups.collect::<Vec<_>>().join(", ")));
    line(text, "handoff", moment(layer.anchor));
    line(text, "every", quoted(&hours::every_written(layer.every)));
    let windows: Vec<String> = layer.windows.iter().flat_map(hours::written).collect();
    match windows.as_slice() {
        [] => {}
        [window] => line(text, "window", quoted(window)),
        windows => line(text, "window", list(windows)),
    }
    if !one_priority {
        line(text, "priority", layer.priority.to_string());
    }
    if let Some(zone) = &layer.zone {
        line(text, "zone", quoted(zone));
    }
    for (key, at) in [("start", layer.start), ("end", layer.end)] {
        if let Some(at) = at {
            line(text, key, moment(at));
        }
    }
}

/// `[escalation.NAME]` for every policy; those that serve nothing as a comment. Empty when nobody could be paged.
pub(super) fn escalation(
    tool: Tool,
    form: &Form,
    ids: &Ids,
    served: &BTreeMap<Key, BTreeSet<String>>,
    default: Option<&Key>,
    existing: &Existing<'_>,
) -> String {
    let mut text = String::new();
    let usable = form.policies.iter().filter(|policy| !policy.levels.is_empty());
    let mut policies: Vec<(&String, &Policy)> =
        usable.filter_map(|policy| Some((ids.policies.get(&policy.entry.key)?, policy))).collect();
    policies.sort_by_key(|(id, _)| *id);
    match policies.iter().find(|(_, policy)| Some(&policy.entry.key) == default) {
        Some((_, policy)) => {
            put(&mut text, format_args!("\n"));
            // A copy needs no second round: what it is a copy of is in the file with all of them.
            let is_copy = served.contains_key(&policy.entry.key);
            let rounds = if is_copy { ", one round" } else { "" };
            comment(&mut text, &format!("For every alarm that no policy serves: as {}{rounds}.", policy.entry.name));
            let once = Policy { levels: first_round(policy).to_vec(), ..Policy::default() };
            levels(&mut text, "default", if is_copy { &once } else { policy });
        }
        None if existing.policies.contains("default") => {}
        None => text += &last_resort(form, ids),
    }
    // What serves nothing and became the default is in the file already.
    policies.retain(|(_, policy)| Some(&policy.entry.key) != default || served.contains_key(&policy.entry.key));
    for (id, policy) in policies {
        let mut table = String::new();
        comment(&mut table, &policy.entry.name);
        for caveat in &policy.entry.caveats {
            comment(&mut table, caveat);
        }
        let services: Vec<String> = served.get(&policy.entry.key).into_iter().flatten().cloned().collect();
        put(&mut table, format_args!("[escalation.{id}]\nservices = {}\n", list(&services)));
        level_tables(&mut table, id, policy);
        put(&mut text, format_args!("\n"));
        if services.is_empty() {
            comment(&mut text, "It serves nothing. Name its services and take the # away:");
            table.lines().for_each(|line| put(&mut text, format_args!("{}\n", format!("# {line}").trim_end())));
        } else {
            text += &table;
        }
    }
    if text.is_empty() { text } else { header(tool, "escalation policies") + &text }
}

/// A rota must page somebody for everything. Without any policy that is everybody on duty, or else the first person.
fn last_resort(form: &Form, ids: &Ids) -> String {
    let schedules = ids.schedules.values().map(|name| Target::Schedule(name.clone()));
    let people = form.people.iter().filter_map(|person| ids.people.get(&person.entry.key).cloned().map(Target::Person));
    let mut page: Vec<Target> = schedules.collect();
    page.extend(people.take(usize::from(page.is_empty())));
    if page.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n");
    comment(&mut text, "The export has no policy for alarms that no policy serves. Say here who is paged for them.");
    let level = Level { page, wait: chrono::TimeDelta::minutes(5) };
    levels(&mut text, "default", &Policy { levels: vec![level], ..Policy::default() });
    text
}

fn levels(text: &mut String, id: &str, policy: &Policy) {
    put(text, format_args!("[escalation.{id}]\n"));
    level_tables(text, id, policy);
}

/// The levels before they repeat.
fn first_round(policy: &Policy) -> &[Level] {
    policy.levels.get(..policy.round).unwrap_or(&policy.levels)
}

fn level_tables(text: &mut String, id: &str, policy: &Policy) {
    let round = policy.round;
    let rounds = policy.levels.len().checked_div(round).unwrap_or(1);
    for (place, level) in policy.levels.iter().enumerate() {
        put(text, format_args!("\n[[escalation.{id}.levels]]\n"));
        if place > 0 && place.checked_rem(round) == Some(0) {
            comment(text, &format!("Once more from the first level: round {} of {rounds}.", place / round + 1));
        }
        let page: Vec<String> = level.page.iter().map(target).collect();
        line(text, "page", list(&page));
        line(text, "wait", quoted(&hours::wait_written(level.wait)));
    }
}

fn target(target: &Target) -> String {
    match target {
        Target::Person(id) => id.clone(),
        Target::Schedule(name) => format!("schedule:{name}"),
    }
}

/// Takes from a person the ways that the files do not take, and says which.
pub(super) fn drop_unwritable(person: &mut Person) {
    let ways = [
        ("slack", &mut person.slack),
        ("email", &mut person.email),
        ("phone", &mut person.phone),
        ("sns", &mut person.sns),
        ("webhook", &mut person.webhook),
    ];
    for (key, way) in ways {
        if !way.is_empty() && !is_accepted(key, way) {
            let caveat = format!("{key} \"{}\" is left out: it cannot be written in these files", plain(way));
            person.entry.caveat(caveat);
            way.clear();
        }
    }
}

/// Whether the files take that way to a person.
fn is_accepted(key: &str, way: &str) -> bool {
    let person =
        format!("[people.x]\n{key} = {}\n[escalation.default]\nlevels = [{{ page = [\"x\"] }}]\n", quoted(way));
    Rota::parse(&[("", person)]).is_ok()
}

fn header(tool: Tool, what: &str) -> String {
    let mut text = String::new();
    comment(
        &mut text,
        &format!("The {what} of {}, written by an import. The next import writes this file anew;", tool.name()),
    );
    comment(&mut text, "what you want to keep otherwise, move to another file.");
    text
}

fn moment(moment: Moment) -> String {
    let wall = match moment {
        Moment::Wall(wall) => wall,
        Moment::Instant(at) => at.naive_utc(),
    };
    let seconds = chrono::Timelike::second(&wall) != 0;
    quoted(&wall.format(if seconds { "%Y-%m-%d %H:%M:%S" } else { "%Y-%m-%d %H:%M" }).to_string())
}

/// A text without what would end a line or hide in it.
pub(super) fn plain(text: &str) -> String {
    let spaced: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn comment(text: &mut String, words: &str) {
    put(text, format_args!("# {}\n", plain(words)));
}

fn line(text: &mut String, key: &str, value: impl std::fmt::Display) {
    put(text, format_args!("{key} = {value}\n"));
}

fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn put(text: &mut String, words: std::fmt::Arguments<'_>) {
    text.write_fmt(words).expect("a String takes every text");
}
