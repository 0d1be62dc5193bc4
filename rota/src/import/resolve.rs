//! Names and references: the tool's keys become the names of `rota/*.toml`, its moments wall times of a zone, and what cannot
//! be written there is refused. It decides what a name is, not what a field means.

use super::existing::Existing;
use super::form::{Change, Entry, Form, Key, Layer, Level, Moment, Person, Policy, Schedule, Target};
use super::hours::YEARS;
use super::write;
use crate::{Occurrence, Zone};
use chrono::{Datelike, NaiveDateTime, TimeDelta};
use incident::ResponderId;
use std::collections::{BTreeMap, BTreeSet};

/// A policy with more levels than this, repeats counted, would page for a day; nobody reads such a file.
const LEVELS_MAX: usize = 60;

/// Names in our files, by the tool's keys.
pub(super) struct Ids {
    pub(super) people: BTreeMap<Key, String>,
    pub(super) schedules: BTreeMap<Key, String>,
    pub(super) policies: BTreeMap<Key, String>,
    teams: BTreeMap<Key, Vec<Key>>,
    called: BTreeMap<Key, String>,
    names: BTreeSet<String>,
    policy_names: BTreeSet<String>,
}

impl Ids {
    pub(super) fn new(form: &Form, existing: &Existing<'_>) -> Self {
        let mut policy_names = existing.policies.clone();
        policy_names.insert("default".to_owned());
        Self {
            people: BTreeMap::new(),
            schedules: BTreeMap::new(),
            policies: BTreeMap::new(),
            teams: BTreeMap::new(),
            called: form.called.clone(),
            names: existing.names.clone(),
            policy_names,
        }
    }

    /// Names people, and refuses those whom nothing reaches. Who is in a file already keeps the name from there, so that what
    /// the log says of them stays true.
    pub(super) fn people(&mut self, form: &mut Form, existing: &Existing<'_>) {
        form.people.sort_by(|a, b| (&a.entry.name, &a.entry.key).cmp(&(&b.entry.name, &b.entry.key)));
        for person in &mut form.people {
            let ways: Vec<String> = person.ways().collect();
            if let Some(id) = ways.iter().find_map(|way| existing.people.get(way)) {
                person.entry.caveat(format!("is [people.{id}] of another file already, and stays there"));
                self.people.insert(person.entry.key.clone(), id.clone());
            } else if ways.is_empty() {
                let reason =
                    "has no e-mail address, telephone number or Slack id in the export: no page would reach them";
                person.entry.refuse(reason);
            } else if let Some(id) = ways.iter().find_map(|way| existing.own_people.get(way)) {
                // Two people of one address there: the first keeps the name.
                if self.names.insert(id.clone()) {
                    self.people.insert(person.entry.key.clone(), id.clone());
                }
            }
        }
        for person in form.people.iter().filter(|person| !person.entry.is_refused()) {
            if !self.people.contains_key(&person.entry.key) {
                let id = take_name(&mut self.names, &person.entry.name, "person");
                self.people.insert(person.entry.key.clone(), id);
            }
        }
        let mut slacks = BTreeSet::new();
        for person in form.people.iter_mut().filter(|person| !person.entry.is_refused()) {
            if let Some(id) = self.people.get(&person.entry.key).filter(|id| !existing.names.contains(*id)) {
                add_by_hand(person, id, existing);
            }
            let known = existing.people.contains_key(&person.slack.to_lowercase());
            if !person.slack.is_empty() && !known && !slacks.insert(person.slack.clone()) {
                person.entry.caveat("slack is left out: somebody else has the same id");
                person.slack.clear();
            }
        }
        for team in &form.teams {
            self.teams.insert(team.entry.key.clone(), team.members.clone());
        }
    }

    pub(super) fn schedules(&mut self, form: &mut Form) {
        form.schedules.sort_by(|a, b| (&a.entry.name, &a.entry.key).cmp(&(&b.entry.name, &b.entry.key)));
        for schedule in &form.schedules {
            let name = take_name(&mut self.names, &schedule.entry.name, "schedule");
            self.schedules.insert(schedule.entry.key.clone(), name);
        }
    }

    pub(super) fn policies(&mut self, form: &mut Form) {
        form.policies.sort_by(|a, b| (&a.entry.name, &a.entry.key).cmp(&(&b.entry.name, &b.entry.key)));
        for policy in &form.policies {
            let name = take_name(&mut self.policy_names, &policy.entry.name, "policy");
            self.policies.insert(policy.entry.key.clone(), name);
        }
    }

    /// The ids of a group: a team stands for its members. Says whom it had to leave out.
    fn group(&self, keys: &[Key], entry: &mut Entry) -> Vec<String> {
        let members = keys.iter().flat_map(|key| self.teams.get(key).map_or(std::slice::from_ref(key), Vec::as_slice));
        let mut group = Vec::new();
        for key in members {
            match self.people.get(key) {
                Some(id) if group.contains(id) => {}
                Some(id) => group.push(id.clone()),
                None => entry.caveat(format!(
                    "{} is not among the imported people; nobody is written in that place",
                    called(&self.called, key)
                )),
            }
        }
        group
    }

    /// Puts ids and wall times into a schedule, and refuses what cannot be written.
    pub(super) fn resolve(&self, schedule: &mut Schedule) {
        let zone = Zone::get(&schedule.zone);
        if zone.is_none() {
            schedule.entry.refuse(format!("\"{}\" is no time zone of the IANA database", schedule.zone));
        }
        for layer in &mut schedule.layers {
            let own = layer.zone.as_deref().map(Zone::get);
            match own.unwrap_or_else(|| zone.clone()) {
                Some(zone) => self.resolve_layer(layer, &zone),
                None => layer.entry.refuse("its time zone is not in the IANA database"),
            }
        }
        let mut names = BTreeSet::new();
        for layer in &mut schedule.layers {
            layer.name = unlike(&mut names, &write::plain(&layer.name));
        }
        let usable = |layer: &Layer| !layer.entry.is_refused();
        if schedule.layers.is_empty() {
            schedule.entry.refuse("has no layers in the export; export it with them");
        } else if !schedule.layers.iter().any(usable) {
            schedule.entry.refuse("none of its layers can be imported");
        }
        if let Some(reason) = schedule.entry.refused.clone() {
            schedule
                .layers
                .iter_mut()
                .for_each(|layer| layer.entry.refuse(format!("its schedule is not imported: {reason}")));
        }
        if !schedule.layers.iter().all(usable) {
            schedule.entry.caveat("not all of its layers are imported, so others may be on call");
        }
    }

    fn resolve_layer(&self, layer: &mut Layer, zone: &Zone) {
        let entry = &mut layer.entry;
        layer.groups = layer.groups.iter().map(|group| self.group(group, entry)).collect();
        if layer.groups.iter().all(Vec::is_empty) {
            entry.refuse("nobody in it is imported");
        }
        let anchor = wall(layer.anchor, zone);
        if !YEARS.contains(&anchor.year()) {
            entry.refuse(format!("its turns start in the year {}; only 1970 to 2199 can be written", anchor.year()));
        }
        layer.anchor = Moment::Wall(anchor);
        let (start, end) = (layer.start.map(|at| wall(at, zone)), layer.end.map(|at| wall(at, zone)));
        let lost =
            |at: &Moment| matches!(at, Moment::Instant(at) if zone.instant(zone.wall(*at), Occurrence::First) != *at);
        if [layer.start, layer.end].iter().flatten().any(lost) {
            entry.caveat("it starts or ends in the hour that comes twice when clocks go back; the first is written");
        }
        if start.is_some_and(|start| start.year() >= YEARS.end) || end.is_some_and(|end| end.year() < YEARS.start) {
            entry.refuse("it is over, or not yet begun, in all years from 1970 to 2199");
        }
        let instant = |wall: NaiveDateTime| zone.instant(wall, Occurrence::First);
        if start.zip(end).is_some_and(|(start, end)| instant(start) >= instant(end)) {
            entry.refuse("it ends before it starts");
        }
        layer.start = start.filter(|start| start.year() >= YEARS.start).map(Moment::Wall);
        layer.end = end.filter(|end| end.year() < YEARS.end).map(Moment::Wall);
    }

    /// Puts names into the levels of a policy, goes through them as often as the tool does, and refuses an empty one.
    pub(super) fn resolve_policy(&self, policy: &mut Policy) {
        let mut levels: Vec<Level> = Vec::new();
        for mut level in std::mem::take(&mut policy.levels) {
            let targets = std::mem::take(&mut level.page);
            for target in targets {
                for target in self.target(target, &mut policy.entry) {
                    if !level.page.contains(&target) {
                        level.page.push(target);
                    }
                }
            }
            if level.wait < TimeDelta::seconds(1) || level.wait > TimeDelta::days(7) {
                policy.entry.caveat("a wait is below one second or above seven days; the nearer of the two is written");
                level.wait = level.wait.clamp(TimeDelta::seconds(1), TimeDelta::days(7));
            }
            match levels.last_mut() {
                _ if !level.page.is_empty() => levels.push(level),
                Some(before) => {
                    policy.entry.caveat("a level that would page nobody is left out; the one before it waits for both");
                    before.wait = (before.wait + level.wait).min(TimeDelta::days(7));
                }
                None => policy.entry.caveat("its first level would page nobody and is left out"),
            }
        }
        let round = levels.clone();
        policy.round = round.len();
        for _ in 0..policy.repeats {
            if round.is_empty() || levels.len() + round.len() > LEVELS_MAX {
                policy.entry.caveat(format!("it repeats {} times; fewer rounds are written", policy.repeats));
                break;
            }
            levels.extend(round.iter().cloned());
        }
        if levels.is_empty() {
            policy.entry.refuse("none of its levels pages anybody who is imported");
        }
        policy.levels = levels;
    }

    /// A change with our ids; refused when it would put nobody on call who is to be.
    pub(super) fn change(&self, change: &Change, entry: &mut Entry) -> Option<crate::Change> {
        let mut person = |key: &Key| {
            let id = self.people.get(key);
            if id.is_none() {
                entry.refuse(format!("{} is not among the imported people", called(&self.called, key)));
            }
            id.map(|id| id.as_str().into())
        };
        Some(match change {
            Change::ReplaceAll(keys) => {
                let users: Vec<ResponderId> = self.group(keys, entry).into_iter().map(Into::into).collect();
                if users.is_empty() && !keys.is_empty() {
                    entry.refuse("nobody whom it puts on call is imported");
                }
                crate::Change::ReplaceAll { users }
            }
            Change::Replace { from, to } => crate::Change::ReplaceUser { from: person(from)?, to: person(to)? },
            Change::Add(key) => crate::Change::Add { user: person(key)? },
            Change::Remove(key) => crate::Change::Remove { user: person(key)? },
        })
    }

    fn target(&self, target: Target, entry: &mut Entry) -> Vec<Target> {
        match target {
            Target::Person(key) => self.group(&[key], entry).into_iter().map(Target::Person).collect(),
            Target::Schedule(key) => match self.schedules.get(&key) {
                Some(name) => vec![Target::Schedule(name.clone())],
                None => {
                    entry.caveat(format!(
                        "the schedule {} is not imported, so nobody is paged by it",
                        called(&self.called, &key)
                    ));
                    Vec::new()
                }
            },
        }
    }
}

/// Gives a person what somebody added to them in the file of an earlier import.
fn add_by_hand(person: &mut Person, id: &str, existing: &Existing<'_>) {
    let mut has_more = false;
    for (key, way) in [("slack", &mut person.slack), ("sns", &mut person.sns), ("webhook", &mut person.webhook)] {
        let added = existing.added.get(&(id.to_owned(), key.to_owned()));
        // Who is in another file by this id is known there.
        let added = added.filter(|added| way.is_empty() && !existing.people.contains_key(&added.to_lowercase()));
        if let Some(added) = added {
            way.clone_from(added);
            has_more = true;
        }
    }
    if has_more {
        write::drop_unwritable(person);
    }
}

/// `Gone Person (PGONE01)`, or the key alone.
pub(super) fn called(names: &BTreeMap<Key, String>, key: &Key) -> String {
    names.get(key).map_or_else(|| key.clone(), |name| format!("{name} ({key})"))
}

/// What clocks show at a moment.
fn wall(moment: Moment, zone: &Zone) -> NaiveDateTime {
    match moment {
        Moment::Instant(at) => zone.wall(at),
        Moment::Wall(wall) => wall,
    }
}

/// The name of a layer; with a number when another layer has it, or none of its own.
fn unlike(taken: &mut BTreeSet<String>, name: &str) -> String {
    let name = if name.is_empty() { "layer" } else { name };
    let numbered = (2_u32..).map(|number| format!("{name} {number}"));
    let free = std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken.contains(name));
    let free = free.unwrap_or_else(|| name.to_owned());
    taken.insert(free.clone());
    free
}

/// A name made of what people call it: ASCII, small letters, `-`; with a number when it is taken.
fn take_name(taken: &mut BTreeSet<String>, name: &str, otherwise: &str) -> String {
    let name = slug::slugify(name);
    let name = if name.is_empty() { otherwise.to_owned() } else { name };
    let numbered = (2_u32..).map(|number| format!("{name}-{number}"));
    let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or(name);
    taken.insert(free.clone());
    free
}
