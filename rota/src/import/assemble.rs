//! From what an export says to the plan: ids, references, the files and what is said about each object. What a tool means
//! by its fields is decided before, in its reader.

use super::check::check;
use super::existing::Existing;
use super::form::{Change, Entry, Form, Key, Layer, Moment, Policy, Schedule, Target};
use super::hours::YEARS;
use super::{Check, File, FileChange, Plan, Tool, write};
use crate::{Occurrence, Operation, Problem, Rota, Zone};
use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// A policy with more levels than this, repeats counted, would page for a day; nobody reads such a file.
const LEVELS_MAX: usize = 60;

/// Makes the plan. Where the export leaves the order of layers open, the order that agrees with it is taken.
pub(super) fn assemble(tool: Tool, form: Form, existing: &[(&str, &str)]) -> Plan {
    let own = ["people", "schedules", "escalation"].map(|part| path(tool, part));
    let existing = Existing::read(existing, &own);
    let plan = build(tool, form.clone(), &existing, &BTreeSet::new());
    let unequal = |plan: &Plan| -> BTreeMap<String, TimeDelta> {
        plan.checks.iter().map(|check| (check.schedule.clone(), check.unequal())).collect()
    };
    let first = unequal(&plan);
    let doubtful = |name: &&String| first.get(*name).is_some_and(|unequal| !unequal.is_zero());
    let names = build_names(&form, &existing);
    let open = form.schedules.iter().filter(|schedule| schedule.order_is_open);
    let open: BTreeSet<String> =
        open.filter_map(|schedule| names.get(&schedule.entry.key)).filter(doubtful).cloned().collect();
    if open.is_empty() {
        return plan;
    }
    let second = unequal(&build(tool, form.clone(), &existing, &open));
    let better: BTreeSet<String> = open.into_iter().filter(|name| second.get(name) < first.get(name)).collect();
    if better.is_empty() { plan } else { build(tool, form, &existing, &better) }
}

/// The folder of the configuration decides nothing here: paths are below it.
fn path(tool: Tool, part: &str) -> String {
    format!("rota/{}-{part}.toml", tool.word())
}

/// The names that schedules get, by key.
fn build_names(form: &Form, existing: &Existing<'_>) -> BTreeMap<Key, String> {
    let mut form = form.clone();
    let mut ids = Ids::new(&form, existing);
    ids.people(&mut form, existing);
    ids.schedules(&mut form);
    ids.schedules
}

fn build(tool: Tool, mut form: Form, existing: &Existing<'_>, reversed: &BTreeSet<String>) -> Plan {
    let mut ids = Ids::new(&form, existing);
    ids.people(&mut form, existing);
    ids.schedules(&mut form);
    ids.policies(&mut form);
    for schedule in &mut form.schedules {
        if ids.schedules.get(&schedule.entry.key).is_some_and(|name| reversed.contains(name)) {
            reverse(schedule);
        }
        ids.resolve(schedule);
    }
    let written: BTreeSet<Key> = keys(form.schedules.iter().map(|schedule| &schedule.entry));
    ids.schedules.retain(|key, _| written.contains(key));
    for policy in &mut form.policies {
        ids.resolve_policy(policy);
    }
    let served = services(&mut form, existing);
    let default = default_policy(&form, existing, &served);
    refuse_unserved(&mut form, &served, default.as_ref());

    let texts = [
        ("people", write::people(tool, &form.people, &ids.people, existing)),
        ("schedules", write::schedules(tool, &form.schedules, &ids.schedules)),
        ("escalation", write::escalation(tool, &form, &ids, &served, default.as_ref(), existing)),
    ];
    let texts = texts.map(|(part, text)| (path(tool, part), text));
    let wanted = |(path, text): &(String, String)| !text.is_empty() || existing.text_at(path).is_some();
    let files = texts.into_iter().filter(wanted).map(|(path, text)| {
        let change = match existing.text_at(&path) {
            None => FileChange::New,
            Some(before) if before == text => FileChange::Unchanged,
            Some(_) => FileChange::Changed,
        };
        File { path, text, change }
    });
    let files: Vec<File> = files.collect();
    let operations = operations(tool, &mut form, &ids);
    let (checks, problems) = checked(&files, existing, &form, &ids, &operations);
    say_differences(tool, &mut form, &ids, &checks);
    Plan { files, objects: objects(form), operations, checks, problems }
}

/// Reads the files together, as they will be read, and asks them who is on call.
fn checked(
    files: &[File],
    existing: &Existing<'_>,
    form: &Form,
    ids: &Ids,
    operations: &[Operation],
) -> (Vec<Check>, Vec<Problem>) {
    let own = files.iter().map(|file| (file.path.as_str(), file.text.as_str()));
    let all: Vec<(&str, &str)> = existing.others.iter().copied().chain(own).collect();
    match Rota::parse(&all) {
        Ok(rota) => {
            let named =
                form.schedules.iter().filter_map(|schedule| Some((schedule, ids.schedules.get(&schedule.entry.key)?)));
            let checks =
                named.filter_map(|(schedule, name)| check(&rota, name, &schedule.shifts, &ids.people, operations));
            (checks.collect(), Vec::new())
        }
        Err(problems) => (Vec::new(), problems),
    }
}

/// A schedule that is on call with others than the export says has that as its first caveat.
fn say_differences(tool: Tool, form: &mut Form, ids: &Ids, checks: &[Check]) {
    for schedule in &mut form.schedules {
        let name = ids.schedules.get(&schedule.entry.key);
        let check = checks.iter().find(|check| Some(&check.schedule) == name);
        if let Some(first) = check.and_then(|check| check.differences.first()) {
            schedule.entry.caveats.insert(0, first.sentence(tool));
        }
    }
}

fn objects(form: Form) -> Vec<super::Object> {
    let mut entries: Vec<Entry> = form.others;
    entries.extend(form.people.into_iter().map(|person| person.entry));
    for mut team in form.teams {
        team.entry.refuse("there are no teams here; where one takes a turn or is paged, its members are written");
        entries.push(team.entry);
    }
    for schedule in form.schedules {
        entries.push(schedule.entry);
        entries.extend(schedule.layers.into_iter().map(|layer| layer.entry));
        for change in schedule.overrides {
            match entries.last_mut() {
                // A later piece of one object: what is to be said of it is said of the object.
                Some(whole) if change.entry.kind.is_empty() => {
                    change.entry.caveats.into_iter().chain(change.entry.refused).for_each(|said| whole.caveat(said));
                }
                _ => entries.push(change.entry),
            }
        }
    }
    entries.extend(form.policies.into_iter().map(|policy| policy.entry));
    entries.extend(form.services.into_iter().map(|service| service.entry));
    let objects = entries.into_iter().filter(|entry| !entry.kind.is_empty());
    let mut objects: Vec<super::Object> = objects.map(Entry::into_object).collect();
    objects.sort();
    objects
}

/// The keys of those that are not refused.
fn keys<'e>(entries: impl Iterator<Item = &'e Entry>) -> BTreeSet<Key> {
    entries.filter(|entry| !entry.is_refused()).map(|entry| entry.key.clone()).collect()
}

/// The lowest layer becomes the highest.
fn reverse(schedule: &mut Schedule) {
    let top = schedule.layers.iter().map(|layer| layer.priority).max().unwrap_or_default();
    schedule.layers.iter_mut().for_each(|layer| layer.priority = top - layer.priority);
    let caveat = "the order of its layers is taken from who is on call by the export, not from their order in it";
    schedule.entry.caveat(caveat);
}

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
    fn new(form: &Form, existing: &Existing<'_>) -> Self {
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
    fn people(&mut self, form: &mut Form, existing: &Existing<'_>) {
        form.people.sort_by(|a, b| (&a.entry.name, &a.entry.key).cmp(&(&b.entry.name, &b.entry.key)));
        let mut slacks = BTreeSet::new();
        for person in &mut form.people {
            write::drop_unwritable(person);
            if !person.slack.is_empty() && !slacks.insert(person.slack.clone()) {
                person.entry.caveat("slack is left out: somebody else has the same id");
                person.slack.clear();
            }
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
        for team in &form.teams {
            self.teams.insert(team.entry.key.clone(), team.members.clone());
        }
    }

    fn schedules(&mut self, form: &mut Form) {
        form.schedules.sort_by(|a, b| (&a.entry.name, &a.entry.key).cmp(&(&b.entry.name, &b.entry.key)));
        for schedule in &form.schedules {
            let name = take_name(&mut self.names, &schedule.entry.name, "schedule");
            self.schedules.insert(schedule.entry.key.clone(), name);
        }
    }

    fn policies(&mut self, form: &mut Form) {
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
    fn resolve(&self, schedule: &mut Schedule) {
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
    fn resolve_policy(&self, policy: &mut Policy) {
        let mut levels: Vec<super::form::Level> = Vec::new();
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
            if level.page.is_empty() {
                policy.entry.caveat("a level that would page nobody is left out");
            } else {
                levels.push(level);
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
    fn change(&self, change: &Change, entry: &mut Entry) -> Option<crate::Change> {
        let mut person = |key: &Key| {
            let id = self.people.get(key);
            if id.is_none() {
                entry.refuse(format!("{} is not among the imported people", called(&self.called, key)));
            }
            id.map(|id| id.as_str().into())
        };
        Some(match change {
            Change::ReplaceAll(keys) => {
                let users: Vec<incident::ResponderId> = self.group(keys, entry).into_iter().map(Into::into).collect();
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

/// `Gone Person (PGONE01)`, or the key alone.
fn called(names: &BTreeMap<Key, String>, key: &Key) -> String {
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

/// The services of each policy, by the policy's key; sorted.
fn services(form: &mut Form, existing: &Existing<'_>) -> BTreeMap<Key, BTreeSet<String>> {
    let usable = keys(form.policies.iter().map(|policy| &policy.entry));
    let mut served: BTreeMap<Key, BTreeSet<String>> = BTreeMap::new();
    let mut taken: BTreeMap<String, String> =
        existing.services.iter().map(|(service, policy)| (service.clone(), format!("[escalation.{policy}]"))).collect();
    form.services.sort_by(|a, b| (&a.entry.name, &a.entry.key).cmp(&(&b.entry.name, &b.entry.key)));
    for service in &mut form.services {
        let entry = &mut service.entry;
        let name = write::plain(&entry.name);
        let Some(policy) = &service.policy else {
            entry.refuse("has no escalation policy in the export; [escalation.default] serves it");
            continue;
        };
        if !usable.contains(policy) {
            let policy = called(&form.called, policy);
            entry.refuse(format!("its escalation policy {policy} is not imported; [escalation.default] serves it"));
        } else if name.is_empty() {
            entry.refuse("has no name that alarms could carry");
        } else if let Some(by) = taken.get(&name) {
            entry.refuse(format!("a service of that name is served by {by} already"));
        }
        if entry.is_refused() {
            continue;
        }
        if name.contains('*') {
            entry.caveat("its name has a \"*\", which stands for any text here");
        }
        taken.insert(name.clone(), "another policy".to_owned());
        served.entry(policy.clone()).or_default().insert(name);
    }
    for policy in form.policies.iter_mut().filter(|policy| !policy.entry.is_refused()) {
        let Some((name, why)) = policy.otherwise.take().map(|(name, why)| (write::plain(&name), why)) else { continue };
        if served.contains_key(&policy.entry.key) || name.is_empty() || taken.contains_key(&name) {
            continue;
        }
        policy.entry.caveat(why);
        taken.insert(name.clone(), "another policy".to_owned());
        served.insert(policy.entry.key.clone(), BTreeSet::from([name]));
    }
    served
}

/// The policy that is to serve everything else: the one called so, else the one with the most services. `None` when there
/// is one already, or none to choose.
fn default_policy(form: &Form, existing: &Existing<'_>, served: &BTreeMap<Key, BTreeSet<String>>) -> Option<Key> {
    if existing.policies.contains("default") {
        return None;
    }
    let usable = form.policies.iter().filter(|policy| !policy.entry.is_refused());
    let named = |policy: &&&Policy| policy.entry.name.trim().eq_ignore_ascii_case("default");
    let count = |policy: &&Policy| served.get(&policy.entry.key).map_or(0, BTreeSet::len);
    let candidates: Vec<&Policy> = usable.collect();
    let chosen = candidates.iter().find(named).or_else(|| candidates.iter().rev().max_by_key(|policy| count(policy)));
    chosen.map(|policy| policy.entry.key.clone())
}

/// A policy that serves nothing is not read from the files, so it stands in them as a comment.
fn refuse_unserved(form: &mut Form, served: &BTreeMap<Key, BTreeSet<String>>, default: Option<&Key>) {
    for policy in form.policies.iter_mut().filter(|policy| !policy.entry.is_refused()) {
        let key = &policy.entry.key;
        match (served.contains_key(key), Some(key) == default) {
            (true, true) => {
                policy.entry.caveat("[escalation.default] is a copy of it: it pages for what no policy serves")
            }
            (false, true) => {
                policy.entry.caveat("it serves nothing; it became [escalation.default], for what no policy serves")
            }
            (false, false) => {
                policy.entry.refuse("it serves nothing; it is in the file as a comment, for whoever wants it")
            }
            (true, false) => {}
        }
    }
}

/// The overrides as operations; those that cannot be are refused.
fn operations(tool: Tool, form: &mut Form, ids: &Ids) -> Vec<Operation> {
    let mut operations = Vec::new();
    for schedule in &mut form.schedules {
        let name = ids.schedules.get(&schedule.entry.key);
        for change in &mut schedule.overrides {
            let Some(name) = name else {
                change.entry.refuse("its schedule is not imported");
                continue;
            };
            let what = ids.change(&change.change, &mut change.entry);
            if change.start >= change.end {
                change.entry.refuse("it ends before it starts");
            }
            if let (Some(what), false) = (what, change.entry.is_refused()) {
                operations.push(operation(tool, name, change.start, change.end, what));
            }
        }
    }
    (1..).zip(&mut operations).for_each(|(number, operation)| operation.number = number);
    operations
}

fn operation(tool: Tool, schedule: &str, start: DateTime<Utc>, end: DateTime<Utc>, change: crate::Change) -> Operation {
    Operation {
        number: 0,
        schedule: schedule.to_owned(),
        start,
        end,
        change,
        by: tool.word().into(),
        reason: format!("override in {}", tool.name()),
    }
}
