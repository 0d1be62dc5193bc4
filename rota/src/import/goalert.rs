//! GoAlert: the answer of one GraphQL query for `users`, `rotations`, `schedules`, `escalationPolicies`, `services` and
//! `userOverrides`, each with its `nodes`. Shapes: `graphql2/schema.graphql` of target/goalert, as it was in version 0.34.
//!
//! What its fields mean:
//! - All rules of a schedule that are active put their targets on call together. A rule is active on the weekdays of its
//!   filter (Sunday first) from `start` to `end`; to the same or an earlier time is to the next day.
//! - A rotation hands over every `shiftLength` hours, days, weeks or months of wall time from `start`. Whose turn it is, is
//!   kept (`activeUserIndex`) and not computed; `nextHandoffTimes` says until when.
//! - An override adds, removes or replaces one person; a temporary schedule stands for the rules and overrides of its time.
//! - A step pages its targets and waits `delayMinutes`; after the last, all steps are gone through `repeat` times more.

use super::export::{Export, Kind, name_of};
use super::form::{
    Change, Entry, Form, Key, Layer, Level, Moment, Override, Person, Policy, Schedule, Service, Shift, Target,
};
use super::hours::{self, Open, WEEKDAYS, YEARS};
use crate::{Every, Occurrence, Unit, Zone};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const USER: &str = "user";
const ROTATION: &str = "rotation";
const SCHEDULE: &str = "schedule";
const RULES: &str = "assignment";
const OVERRIDE: &str = "override";
const TEMPORARY: &str = "temporary schedule";
const POLICY: &str = "escalation policy";
const SERVICE: &str = "service";

const KINDS: &[Kind] = &[
    (USER, &["users", "user"]),
    (ROTATION, &["rotations", "rotation"]),
    (SCHEDULE, &["schedules", "schedule"]),
    (OVERRIDE, &["userOverrides", "userOverride"]),
    (POLICY, &["escalationPolicies", "escalationPolicy"]),
    (SERVICE, &["services", "service"]),
];

/// Reads an export.
pub(super) fn read(documents: &[(impl AsRef<str>, impl AsRef<str>)]) -> Form {
    let mut export = Export::read(KINDS, documents);
    let people = export.take(USER).into_iter().map(person).collect();
    let mut form = Form { people, ..Form::default() };
    let mut rotations: BTreeMap<Key, Turns> = export.take(ROTATION).into_iter().map(turns).collect();
    for found in export.take(SCHEDULE) {
        let schedule = schedule(found, &mut rotations, &mut form.others);
        form.schedules.push(schedule);
    }
    for found in export.take(OVERRIDE) {
        placed(found, &mut form);
    }
    // A temporary schedule hides the overrides of its time, so it applies after them.
    for schedule in &mut form.schedules {
        schedule.overrides.sort_by_key(|change| change.entry.kind != OVERRIDE);
    }
    for found in export.take(POLICY) {
        let policy = policy(found, &mut rotations, &mut form.schedules);
        form.policies.push(policy);
    }
    form.services = export.take(SERVICE).into_iter().map(service).collect();
    form.others.extend(rotations.into_values().map(|mut turns| {
        if !turns.used {
            turns.entry.refuse("no schedule and no policy of the export uses it");
        }
        turns.entry
    }));
    form.called = std::mem::take(&mut export.called);
    form.others.append(&mut export.others);
    form
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireUser {
    id: Key,
    name: Option<String>,
    email: Option<String>,
    contact_methods: Option<Vec<ContactMethod>>,
}

#[derive(Deserialize)]
struct ContactMethod {
    #[serde(rename = "type")]
    kind: Option<String>,
    value: Option<String>,
    /// Since version 0.33 instead of both.
    dest: Option<Destination>,
}

/// `{"type": "builtin-user", "args": {"user_id": "..."}}`.
#[derive(Deserialize)]
struct Destination {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    args: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRotation {
    id: Key,
    name: Option<String>,
    start: DateTime<Utc>,
    time_zone: String,
    #[serde(rename = "type")]
    unit: String,
    shift_length: i64,
    #[serde(rename = "userIDs")]
    user_ids: Vec<Key>,
    active_user_index: Option<usize>,
    next_handoff_times: Option<Vec<DateTime<Utc>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSchedule {
    id: Key,
    name: Option<String>,
    time_zone: Option<String>,
    targets: Option<Vec<Value>>,
    temporary_schedules: Option<Vec<Value>>,
    shifts: Option<Vec<WireShift>>,
}

#[derive(Deserialize)]
struct Assignment {
    target: Reference,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Reference {
    id: Key,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    /// `08:00`.
    start: String,
    end: String,
    /// Sunday first.
    weekday_filter: [bool; 7],
}

#[derive(Deserialize)]
struct Temporary {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    shifts: Vec<WireShift>,
}

#[derive(Deserialize, Clone)]
struct WireShift {
    #[serde(rename = "userID")]
    user_id: Key,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

#[derive(Deserialize)]
struct WireOverride {
    id: Key,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    #[serde(rename = "addUserID")]
    add: Option<Key>,
    #[serde(rename = "removeUserID")]
    remove: Option<Key>,
    target: Reference,
}

#[derive(Deserialize)]
struct WirePolicy {
    id: Key,
    name: Option<String>,
    repeat: Option<i64>,
    steps: Option<Vec<Step>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    delay_minutes: i64,
    targets: Option<Vec<Reference>>,
    /// Since version 0.33 instead of the targets.
    actions: Option<Vec<Destination>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireService {
    id: Key,
    name: Option<String>,
    #[serde(rename = "escalationPolicyID")]
    policy_id: Option<Key>,
    escalation_policy: Option<Policed>,
}

#[derive(Deserialize)]
struct Policed {
    id: Key,
}

/// A rotation as a layer needs it.
struct Turns {
    entry: Entry,
    zone: String,
    groups: Vec<Vec<Key>>,
    anchor: NaiveDateTime,
    every: Every,
    used: bool,
}

fn person(user: WireUser) -> Person {
    let name = user.name.unwrap_or_else(|| user.id.clone());
    let methods = user.contact_methods.unwrap_or_default();
    let value = |kind: &str, destination: &str, argument: &str| {
        let found = methods.iter().find_map(|method| match &method.dest {
            Some(dest) if dest.kind == destination => dest.args.get(argument).cloned(),
            _ if method.kind.as_deref() == Some(kind) => method.value.clone(),
            _ => None,
        });
        found.filter(|value| !value.is_empty())
    };
    let email = || value("EMAIL", "builtin-smtp-email", "email_address");
    let email = user.email.filter(|email| !email.is_empty()).or_else(email);
    let voice = || value("VOICE", "builtin-twilio-voice", "phone_number");
    let phone = value("SMS", "builtin-twilio-sms", "phone_number").or_else(voice);
    Person {
        entry: Entry::new(USER, user.id, name),
        slack: value("SLACK_DM", "builtin-slack-dm", "slack_user_id").unwrap_or_default(),
        email: email.unwrap_or_default(),
        phone: phone.unwrap_or_default(),
        ..Person::default()
    }
}

/// A rotation: who is next at the next handoff is known, and the grid of handoffs starts at `start`. From both follows whose
/// turn 0 is, so that the file stays the same from one export to the next.
fn turns(found: WireRotation) -> (Key, Turns) {
    let mut entry = Entry::new(ROTATION, found.id.clone(), found.name.unwrap_or_else(|| found.id.clone()));
    let unit = match found.unit.as_str() {
        "hourly" => Some(Unit::Hour),
        "daily" => Some(Unit::Day),
        "weekly" => Some(Unit::Week),
        "monthly" => Some(Unit::Month),
        _ => None,
    };
    let length = found.shift_length;
    let every = unit.and_then(|unit| hours::every_of(length, unit)).unwrap_or_else(|| {
        entry.refuse(format!("its turns of {length} \"{}\" are no length that can be written", found.unit));
        hours::ONE_DAY
    });
    let zone = Zone::get(&found.time_zone).unwrap_or_else(|| {
        entry.refuse(format!("\"{}\" is no time zone of the IANA database", found.time_zone));
        Zone::utc()
    });
    let mut anchor = zone.wall(found.start);
    if every.unit == Unit::Month && anchor.day() > 28 {
        entry
            .caveat("in months without its day it hands over on their last day here, on a day of the next month there");
    }
    let mut groups: Vec<Vec<Key>> = found.user_ids.into_iter().map(|user| vec![user]).collect();
    let writable = |at: &DateTime<Utc>| YEARS.contains(&at.year());
    let handoff = found.next_handoff_times.unwrap_or_default().first().copied();
    let handoff = handoff.filter(|handoff| writable(handoff) && writable(&found.start));
    match (found.active_user_index, handoff) {
        (Some(active), Some(handoff)) if active < groups.len() => {
            if let Some(number) = turn_at(zone.wall(handoff), anchor, every) {
                // Turn `number` is that of the one after the active one.
                let count = i64::try_from(groups.len()).unwrap_or(i64::MAX);
                let first = (i64::try_from(active).unwrap_or_default() + 1 - number % count).rem_euclid(count);
                groups.rotate_left(usize::try_from(first).unwrap_or_default());
            } else {
                anchor = zone.wall(handoff);
                let next = (active + 1) % groups.len();
                groups.rotate_left(next);
            }
        }
        _ if groups.len() > 1 => {
            entry.caveat("the export does not say whose turn it is (activeUserIndex, nextHandoffTimes): check who is on call now");
        }
        _ => {}
    }
    (found.id, Turns { entry, zone: found.time_zone, groups, anchor, every, used: false })
}

/// The number of the turn that starts when clocks show `wall`; `None` when none does, as after a change of the clocks.
fn turn_at(wall: NaiveDateTime, anchor: NaiveDateTime, every: Every) -> Option<i64> {
    let length = i64::from(every.length);
    let seconds = |unit: i64| {
        let passed = (wall - anchor).num_seconds();
        (passed % (unit * length) == 0).then(|| passed / (unit * length))
    };
    match every.unit {
        Unit::Hour => seconds(3_600),
        Unit::Day => seconds(86_400),
        Unit::Week => seconds(604_800),
        Unit::Month | Unit::Year => {
            let months =
                i64::from(wall.year() - anchor.year()) * 12 + i64::from(wall.month()) - i64::from(anchor.month());
            let starts = (wall.day(), wall.time()) == (anchor.day(), anchor.time());
            (starts && months % length == 0).then(|| months / length)
        }
    }
}

fn schedule(found: WireSchedule, rotations: &mut BTreeMap<Key, Turns>, others: &mut Vec<Entry>) -> Schedule {
    let name = found.name.unwrap_or_else(|| found.id.clone());
    let entry = Entry::new(SCHEDULE, found.id.clone(), name.clone());
    let mut schedule = Schedule { entry, zone: found.time_zone.unwrap_or_default(), ..Schedule::default() };
    for value in found.targets.unwrap_or_default() {
        let label = format!("{name} / {}", value.get("target").map(name_of).unwrap_or_default());
        match serde_json::from_value(value) {
            Ok(assignment) => schedule.layers.push(layer(assignment, label, &schedule.zone, rotations)),
            Err(error) => others.push(Entry::refused(RULES, "", label, format!("cannot be read: {error}"))),
        }
    }
    for value in found.temporary_schedules.unwrap_or_default() {
        match serde_json::from_value(value) {
            Ok(found) => schedule.overrides.extend(temporary(found, &name)),
            Err(error) => others.push(Entry::refused(TEMPORARY, "", name.clone(), format!("cannot be read: {error}"))),
        }
    }
    let shifts = found.shifts.unwrap_or_default().into_iter();
    schedule.shifts = shifts.map(|shift| Shift { start: shift.start, end: shift.end, person: shift.user_id }).collect();
    schedule
}

/// A target of a schedule with its rules: a layer in the schedule's zone when it is a person. A rotation has its own zone,
/// and the rules are read in the schedule's; a layer has one for both, so they must agree.
fn layer(found: Assignment, label: String, zone: &str, rotations: &mut BTreeMap<Key, Turns>) -> Layer {
    let mut entry = Entry::new(RULES, found.target.id.clone(), label.clone());
    let windows = hours::together(found.rules.iter().map(open)).unwrap_or_else(|| {
        entry.refuse("its rules leave it no time");
        Vec::new()
    });
    let name = label.rsplit(" / ").next().unwrap_or_default().to_owned();
    let mut layer = Layer {
        entry,
        name,
        zone: None,
        groups: vec![vec![found.target.id.clone()]],
        anchor: Moment::Wall(a_monday()),
        every: Every { length: 1, unit: Unit::Week },
        windows,
        priority: 0,
        start: None,
        end: None,
    };
    match (found.target.kind.as_str(), rotations.get_mut(&found.target.id)) {
        ("user", _) => {}
        ("rotation", Some(turns)) => turns.put_into(&mut layer, zone),
        ("rotation", None) => layer.entry.refuse("its rotation is not in the export"),
        (kind, _) => layer.entry.refuse(format!("a target of type \"{kind}\" cannot be on call here")),
    }
    if found.rules.is_empty() {
        layer.entry.refuse("has no rules, so it is never on call");
    }
    layer
}

impl Turns {
    /// Makes the layer take turns, in the zone of the schedule unless it is always open.
    fn put_into(&mut self, layer: &mut Layer, zone: &str) {
        self.used = true;
        layer.groups = self.groups.clone();
        layer.anchor = Moment::Wall(self.anchor);
        layer.every = self.every;
        if let Some(reason) = &self.entry.refused {
            layer.entry.refuse(format!("its rotation is not imported: {reason}"));
        }
        for caveat in &self.entry.caveats {
            layer.entry.caveat(caveat.clone());
        }
        if self.zone == zone {
            return;
        }
        if layer.windows.is_empty() {
            layer.zone = Some(self.zone.clone());
            return;
        }
        let caveat = format!("its turns are counted in {} there and in {zone} here, where its rules are", self.zone);
        layer.entry.caveat(caveat);
        if let (Some(own), Some(other)) = (Zone::get(&self.zone), Zone::get(zone)) {
            layer.anchor = Moment::Wall(other.wall(own.instant(self.anchor, Occurrence::First)));
        }
    }
}

/// Where the turns of somebody who takes no turns start.
fn a_monday() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2024, 1, 1).unwrap_or_default().and_time(NaiveTime::MIN)
}

fn open(rule: &Rule) -> Open {
    let minute = |clock: &str| {
        NaiveTime::parse_from_str(clock, "%H:%M").ok().map(|time| i64::from(time.num_seconds_from_midnight()) / 60)
    };
    let (Some(from), Some(to)) = (minute(&rule.start), minute(&rule.end)) else { return Open::Never };
    let [sunday, others @ ..] = rule.weekday_filter;
    let on = others.into_iter().chain([sunday]);
    let days: Vec<_> = WEEKDAYS.into_iter().zip(on).filter_map(|(day, on)| on.then_some(day)).collect();
    hours::open_daily(&days, from, to)
}

/// A temporary schedule in pieces, each with the people of its shifts; only the first piece is an object.
fn temporary(found: Temporary, schedule: &str) -> Vec<Override> {
    let name =
        format!("{schedule} / {} to {}", found.start.format("%Y-%m-%d %H:%M"), found.end.format("%Y-%m-%d %H:%M UTC"));
    let edges = found.shifts.iter().flat_map(|shift| [shift.start, shift.end]).chain([found.start, found.end]);
    let edges: BTreeSet<DateTime<Utc>> = edges.map(|at| at.clamp(found.start, found.end.max(found.start))).collect();
    let edges: Vec<DateTime<Utc>> = edges.into_iter().collect();
    let mut pieces: Vec<Override> = Vec::new();
    for pair in edges.windows(2) {
        let [start, end] = *pair else { continue };
        let here = found.shifts.iter().filter(|shift| shift.start <= start && start < shift.end);
        let people = here.map(|shift| shift.user_id.clone()).collect();
        let entry = if pieces.is_empty() { Entry::new(TEMPORARY, "", name.clone()) } else { Entry::default() };
        pieces.push(Override { entry, start, end, change: Change::ReplaceAll(people) });
    }
    if pieces.is_empty() {
        let entry = Entry::refused(TEMPORARY, "", name, "it ends before it starts");
        pieces.push(Override { entry, start: found.start, end: found.end, change: Change::ReplaceAll(Vec::new()) });
    }
    pieces
}

fn placed(found: WireOverride, form: &mut Form) {
    let schedule = form.schedules.iter_mut().find(|schedule| schedule.entry.key == found.target.id);
    let of = schedule.as_ref().map_or("of an unknown schedule", |schedule| schedule.entry.name.as_str());
    let name = format!("{of} / {} to {}", found.start.format("%Y-%m-%d %H:%M"), found.end.format("%Y-%m-%d %H:%M UTC"));
    let mut entry = Entry::new(OVERRIDE, found.id, name);
    let change = match (found.remove, found.add) {
        (Some(from), Some(to)) => Change::Replace { from, to },
        (Some(from), None) => Change::Remove(from),
        (None, Some(to)) => Change::Add(to),
        (None, None) => {
            entry.refuse("it neither adds nor removes anybody");
            Change::ReplaceAll(Vec::new())
        }
    };
    match schedule {
        Some(schedule) => schedule.overrides.push(Override { entry, start: found.start, end: found.end, change }),
        None => {
            entry.refuse("its schedule is not in the export");
            form.others.push(entry);
        }
    }
}

fn policy(found: WirePolicy, rotations: &mut BTreeMap<Key, Turns>, schedules: &mut Vec<Schedule>) -> Policy {
    let mut entry = Entry::new(POLICY, found.id.clone(), found.name.unwrap_or(found.id));
    let mut levels = Vec::new();
    for step in found.steps.unwrap_or_default() {
        let mut page = Vec::new();
        let wait = TimeDelta::try_minutes(step.delay_minutes).unwrap_or(TimeDelta::days(7));
        for target in step.paged() {
            match target.kind.as_str() {
                "user" => page.push(Target::Person(target.id)),
                "schedule" => page.push(Target::Schedule(target.id)),
                "rotation" => page.extend(paged_rotation(&target.id, rotations, schedules, &mut entry)),
                kind => {
                    entry.caveat(format!("a step also tells a target of type \"{kind}\", which is no person to page"))
                }
            }
        }
        levels.push(Level { page, wait });
    }
    let repeats = u32::try_from(found.repeat.unwrap_or_default()).unwrap_or_else(|_| {
        entry.caveat("it repeats without end there; here it is gone through once");
        0
    });
    Policy { entry, levels, repeats, ..Policy::default() }
}

/// A rotation that is paged directly gets a schedule of its own, which is no object of the export.
fn paged_rotation(
    key: &Key,
    rotations: &mut BTreeMap<Key, Turns>,
    schedules: &mut Vec<Schedule>,
    entry: &mut Entry,
) -> Option<Target> {
    let Some(turns) = rotations.get_mut(key).filter(|turns| !turns.entry.is_refused()) else {
        entry.caveat(format!("the rotation {key} is not imported, so nobody is paged by it"));
        return None;
    };
    let own = format!("rotation {key}");
    if !schedules.iter().any(|schedule| schedule.entry.key == own) {
        let mut layer = Layer {
            entry: Entry::default(),
            name: turns.entry.name.clone(),
            zone: None,
            groups: Vec::new(),
            anchor: Moment::Wall(turns.anchor),
            every: turns.every,
            windows: Vec::new(),
            priority: 0,
            start: None,
            end: None,
        };
        turns.put_into(&mut layer, &turns.zone.clone());
        let entry = Entry { key: own.clone(), name: turns.entry.name.clone(), ..Entry::default() };
        schedules.push(Schedule { entry, zone: turns.zone.clone(), layers: vec![layer], ..Schedule::default() });
    }
    Some(Target::Schedule(own))
}

impl Step {
    /// Its targets, by whichever of its fields names them.
    fn paged(self) -> Vec<Reference> {
        let listed = self.targets.filter(|targets| !targets.is_empty());
        listed.unwrap_or_else(|| self.actions.unwrap_or_default().into_iter().map(Destination::target).collect())
    }
}

impl Destination {
    fn target(self) -> Reference {
        let kind = self.kind.trim_start_matches("builtin-").to_owned();
        let id = self.args.get(&format!("{kind}_id")).cloned().unwrap_or_default();
        Reference { id, kind }
    }
}

fn service(found: WireService) -> Service {
    let policy = found.policy_id.or(found.escalation_policy.map(|policy| policy.id));
    Service { entry: Entry::new(SERVICE, found.id.clone(), found.name.unwrap_or(found.id)), policy }
}
