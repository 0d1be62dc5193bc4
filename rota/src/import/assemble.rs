//! From what an export says to the plan: ids, references, the files and what is said about each object. What a tool means
//! by its fields is decided before, in its reader.

use super::check::check;
use super::existing::Existing;
use super::form::{Entry, Form, Key, Schedule};
use super::resolve::Ids;
use super::serving::{default_policy, refuse_unserved, services};
use super::{Check, File, FileChange, Plan, Tool, write};
use crate::{Change, Operation, Problem, Rota};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// Makes the plan. Where the export leaves the order of layers open, the order that agrees with it is taken.
pub(super) fn assemble(tool: Tool, mut form: Form, existing: &[(&str, &str)]) -> Plan {
    let own = ["people", "schedules", "escalation"].map(|part| path(tool, part));
    let existing = Existing::read(existing, &own);
    form.people.iter_mut().for_each(write::drop_unwritable);
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
    let written: BTreeSet<Key> = Entry::keys(form.schedules.iter().map(|schedule| &schedule.entry));
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
                Some(whole) if change.entry.kind.is_empty() && change.entry.key == whole.key => {
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

/// The lowest layer becomes the highest.
fn reverse(schedule: &mut Schedule) {
    let top = schedule.layers.iter().map(|layer| layer.priority).max().unwrap_or_default();
    schedule.layers.iter_mut().for_each(|layer| layer.priority = top - layer.priority);
    let caveat = "the order of its layers is taken from who is on call by the export, not from their order in it";
    schedule.entry.caveat(caveat);
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

fn operation(tool: Tool, schedule: &str, start: DateTime<Utc>, end: DateTime<Utc>, change: Change) -> Operation {
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
