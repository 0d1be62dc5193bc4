//! Opsgenie, REST API version 2: answers of `GET /v2/users?expand=contact`, `/v2/teams/ID`, `/v2/schedules?expand=rotation`,
//! `/v2/schedules/ID/overrides`, `/v2/escalations` and `/v1/services`, each `{"data": ...}` in a file named after its kind.
//! Shapes: docs.opsgenie.com and the Go client opsgenie/opsgenie-go-sdk-v2 (`schedule/result.go`, `escalation/result.go`), as
//! they were in 2026.
//!
//! What its fields mean:
//! - All rotations of a schedule are on call together.
//! - A rotation's turn `k` starts at `startDate` and `k` times `length` hours, days or weeks later, read on the clock of the
//!   schedule's zone; `none` is a turn of nobody.
//! - A restriction by time of day is open every day; one by weekday is one stretch from `startDay` to `endDay`.
//! - An override takes the place of whoever is on call, of all rotations or of those that it names.
//! - `finalTimeline` shows who is on call by each rotation.
//! - The delays of an escalation's rules are all counted from the alert, not from the rule before.

use super::export::{Export, Kind, name_of};
use super::form::{
    Change, Entry, Form, Key, Layer, Level, Moment, Override, Person, Policy, Schedule, Service, Shift, Target, Team,
};
use super::hours::{self, Open, WEEKDAYS};
use crate::Unit;
use chrono::{DateTime, TimeDelta, Utc, Weekday};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

const USER: &str = "user";
const TEAM: &str = "team";
const SCHEDULE: &str = "schedule";
const ROTATION: &str = "rotation";
const OVERRIDE: &str = "override";
const ESCALATION: &str = "escalation";
const SERVICE: &str = "service";

const KINDS: &[Kind] = &[
    (USER, &["users", "user"]),
    (TEAM, &["teams", "team"]),
    (SCHEDULE, &["schedules", "schedule"]),
    (OVERRIDE, &["overrides", "override"]),
    (ESCALATION, &["escalations", "escalation"]),
    (SERVICE, &["services", "service"]),
];

/// How long the last rule waits when nothing comes after it.
const LAST_WAIT: TimeDelta = TimeDelta::minutes(5);

/// Far above what a policy may wait, and far below what a time span can hold.
const DELAY_MINUTES_MAX: i64 = 100_000;

/// Reads an export.
pub(super) fn read(documents: &[(impl AsRef<str>, impl AsRef<str>)]) -> Form {
    let mut export = Export::read(KINDS, documents);
    let mut form = Form::default();
    let users: Vec<WireUser> = export.take(USER);
    // References give the id, or the user name, or both.
    let ids: BTreeMap<String, Key> =
        users.iter().filter_map(|user| Some((user.username.clone()?, user.id.clone()))).collect();
    form.people = users.into_iter().map(person).collect();
    form.teams = export.take(TEAM).into_iter().map(|found| team(found, &ids)).collect();
    for found in export.take(SCHEDULE) {
        let schedule = schedule(found, &ids, &form.teams, &mut form.others);
        form.schedules.push(schedule);
    }
    for found in export.take(OVERRIDE) {
        placed(found, &ids, &mut form);
    }
    let owners: Vec<(Option<Key>, Policy)> =
        export.take(ESCALATION).into_iter().map(|found| policy(found, &ids)).collect();
    let services = export.take(SERVICE).into_iter().map(|found| service(found, &owners, &form.teams)).collect();
    form.services = services;
    form.policies = owners.into_iter().map(|(_, policy)| policy).collect();
    form.called = std::mem::take(&mut export.called);
    form.others.append(&mut export.others);
    form
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireUser {
    id: Key,
    username: Option<String>,
    full_name: Option<String>,
    blocked: Option<bool>,
    user_contacts: Option<Vec<Contact>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Contact {
    to: Option<String>,
    contact_method: Option<String>,
}

/// A user, a team, a schedule or an escalation, or `none`.
#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "type")]
    kind: Option<String>,
    id: Option<Key>,
    username: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct WireTeam {
    id: Key,
    name: Option<String>,
    members: Option<Vec<Member>>,
}

#[derive(Deserialize)]
struct Member {
    user: Reference,
}

#[derive(Deserialize)]
struct WireSchedule {
    id: Key,
    name: Option<String>,
    timezone: Option<String>,
    enabled: Option<bool>,
    rotations: Option<Vec<Value>>,
    overrides: Option<Vec<Value>>,
    /// Added by whoever exported it, from `GET /v2/schedules/ID/timeline`.
    #[serde(rename = "finalTimeline")]
    timeline: Option<Timeline>,
}

#[derive(Deserialize)]
struct Timeline {
    rotations: Vec<TimelineRotation>,
}

#[derive(Deserialize)]
struct TimelineRotation {
    periods: Option<Vec<Period>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Period {
    start_date: DateTime<Utc>,
    end_date: DateTime<Utc>,
    recipient: Reference,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRotation {
    id: Option<Key>,
    name: Option<String>,
    start_date: DateTime<Utc>,
    end_date: Option<DateTime<Utc>>,
    #[serde(rename = "type")]
    unit: String,
    length: Option<i64>,
    participants: Vec<Reference>,
    time_restriction: Option<TimeRestriction>,
    enabled: Option<bool>,
}

#[derive(Deserialize)]
struct TimeRestriction {
    restriction: Option<Stretch>,
    restrictions: Option<Vec<Stretch>>,
}

/// From one time to another: of every day, or of the week.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stretch {
    start_day: Option<String>,
    end_day: Option<String>,
    start_hour: u16,
    start_min: Option<u16>,
    end_hour: u16,
    end_min: Option<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireOverride {
    #[serde(rename = "_parent")]
    parent: Option<Reference>,
    alias: Option<Key>,
    user: Reference,
    start_date: DateTime<Utc>,
    end_date: DateTime<Utc>,
    rotations: Option<Vec<Reference>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireEscalation {
    id: Key,
    name: Option<String>,
    owner_team: Option<Reference>,
    rules: Option<Vec<Rule>>,
    repeat: Option<Repeat>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    condition: Option<String>,
    notify_type: Option<String>,
    delay: Delay,
    recipient: Reference,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delay {
    time_amount: i64,
    time_unit: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repeat {
    wait_interval: Option<i64>,
    count: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireService {
    id: Key,
    name: Option<String>,
    team_id: Option<Key>,
}

fn person(user: WireUser) -> Person {
    let username = user.username.unwrap_or_default();
    let name = user.full_name.filter(|name| !name.is_empty()).unwrap_or_else(|| username.clone());
    let mut entry = Entry::new(USER, user.id, name);
    if user.blocked == Some(true) {
        entry.caveat("is blocked there; here pages go to them");
    }
    let contacts = user.user_contacts.unwrap_or_default();
    let to = |kind: &str| {
        let mut found = contacts.iter().filter(|contact| contact.contact_method.as_deref() == Some(kind));
        found.find_map(|contact| contact.to.clone())
    };
    // `34-600111222`: the country, then the number.
    let digits = |number: String| format!("+{}", number.chars().filter(char::is_ascii_digit).collect::<String>());
    let phone = to("sms").or_else(|| to("voice")).map(digits).unwrap_or_default();
    let email = if username.contains('@') { username } else { to("email").unwrap_or_default() };
    Person { entry, email, phone, ..Person::default() }
}

fn team(found: WireTeam, ids: &BTreeMap<String, Key>) -> Team {
    let name = found.name.unwrap_or_else(|| found.id.clone());
    let members = found.members.unwrap_or_default().into_iter().map(|member| key(&member.user, ids)).collect();
    Team { entry: Entry::new(TEAM, found.id, name), members }
}

/// The key of whomever a reference means.
fn key(reference: &Reference, ids: &BTreeMap<String, Key>) -> Key {
    let by_name = || {
        let username = reference.username.as_ref()?;
        Some(ids.get(username).unwrap_or(username).clone())
    };
    reference
        .id
        .clone()
        .or_else(by_name)
        .or_else(|| reference.name.clone())
        .unwrap_or_else(|| "somebody unnamed".to_owned())
}

/// Who is on call by the timeline; a team stands for its members.
fn shifts(timeline: Option<Timeline>, ids: &BTreeMap<String, Key>, teams: &[Team]) -> Vec<Shift> {
    let rotations = timeline.into_iter().flat_map(|timeline| timeline.rotations);
    let mut shifts = Vec::new();
    for period in rotations.flat_map(|rotation| rotation.periods.unwrap_or_default()) {
        let (start, end) = (period.start_date, period.end_date);
        let person = key(&period.recipient, ids);
        match (period.recipient.kind.as_deref(), teams.iter().find(|team| team.entry.key == person)) {
            (_, Some(team)) => {
                shifts.extend(team.members.iter().map(|member| Shift { start, end, person: member.clone() }));
            }
            (Some("user"), None) => shifts.push(Shift { start, end, person }),
            _ => {}
        }
    }
    shifts
}

fn schedule(found: WireSchedule, ids: &BTreeMap<String, Key>, teams: &[Team], others: &mut Vec<Entry>) -> Schedule {
    let name = found.name.unwrap_or_else(|| found.id.clone());
    let mut entry = Entry::new(SCHEDULE, found.id.clone(), name.clone());
    if found.enabled == Some(false) {
        entry.refuse("is disabled there");
    }
    let shifts = shifts(found.timeline, ids, teams);
    let mut schedule = Schedule { entry, zone: found.timezone.unwrap_or_default(), shifts, ..Schedule::default() };
    for value in found.rotations.unwrap_or_default() {
        let label = format!("{name} / {}", name_of(&value));
        match serde_json::from_value(value) {
            Ok(rotation) => schedule.layers.push(layer(rotation, label, ids)),
            Err(error) => others.push(Entry::refused(ROTATION, "", label, format!("cannot be read: {error}"))),
        }
    }
    for value in found.overrides.unwrap_or_default() {
        let label = format!("{name} / {}", name_of(&value));
        match serde_json::from_value(value) {
            Ok(change) => {
                let change = override_of(change, &schedule, ids);
                schedule.overrides.push(change);
            }
            Err(error) => others.push(Entry::refused(OVERRIDE, "", label, format!("cannot be read: {error}"))),
        }
    }
    schedule
}

fn layer(found: WireRotation, label: String, ids: &BTreeMap<String, Key>) -> Layer {
    let mut entry = Entry::new(ROTATION, found.id.clone().unwrap_or_default(), label);
    if found.enabled == Some(false) {
        entry.refuse("is disabled there");
    }
    let unit = match found.unit.as_str() {
        "hourly" => Some(Unit::Hour),
        "daily" => Some(Unit::Day),
        "weekly" => Some(Unit::Week),
        _ => None,
    };
    let length = found.length.unwrap_or(1);
    let every = unit.and_then(|unit| hours::every_of(length, unit)).unwrap_or_else(|| {
        entry.refuse(format!("its turns of {length} \"{}\" are no length that can be written", found.unit));
        hours::ONE_DAY
    });
    let windows = match found.time_restriction.map(stretches) {
        None => Vec::new(),
        Some(parts) => hours::together(parts).unwrap_or_else(|| {
            entry.refuse("its time restriction leaves it no time");
            Vec::new()
        }),
    };
    let groups = found.participants.iter().map(|participant| match participant.kind.as_deref() {
        Some("none") => Vec::new(),
        Some("escalation") => {
            entry.caveat("an escalation takes a turn in it, which cannot be written; nobody is written in that place");
            Vec::new()
        }
        _ => vec![key(participant, ids)],
    });
    let groups = groups.collect();
    Layer {
        entry,
        name: found.name.or(found.id).unwrap_or_default(),
        zone: None,
        groups,
        anchor: Moment::Instant(found.start_date),
        every,
        windows,
        priority: 0,
        start: Some(Moment::Instant(found.start_date)),
        end: found.end_date.map(Moment::Instant),
    }
}

fn stretches(found: TimeRestriction) -> Vec<Open> {
    let parts = found.restrictions.unwrap_or_default().into_iter().chain(found.restriction);
    parts.map(|part| open(&part)).collect()
}

fn open(part: &Stretch) -> Open {
    let minute = |hour: u16, minute: Option<u16>| i64::from(hour) * 60 + i64::from(minute.unwrap_or_default());
    let (from, to) = (minute(part.start_hour, part.start_min), minute(part.end_hour, part.end_min));
    if from >= 1_440 || to > 1_440 {
        return Open::Never;
    }
    let day = |name: &Option<String>| name.as_deref().map(str::parse::<Weekday>);
    match (day(&part.start_day), day(&part.end_day)) {
        (None, None) => hours::open_daily(&WEEKDAYS, from, to),
        (Some(Ok(first)), Some(Ok(last))) => hours::open_between((first, from), (last, to)),
        _ => Open::Never,
    }
}

fn override_of(found: WireOverride, schedule: &Schedule, ids: &BTreeMap<String, Key>) -> Override {
    let (start, end) = (found.start_date, found.end_date);
    let name =
        format!("{} / {} to {}", schedule.entry.name, start.format("%Y-%m-%d %H:%M"), end.format("%Y-%m-%d %H:%M UTC"));
    let mut entry = Entry::new(OVERRIDE, found.alias.unwrap_or_default(), name);
    let named = found.rotations.unwrap_or_default().len();
    if named > 0 && named < schedule.layers.len() {
        entry.refuse("it changes some rotations of its schedule; here an override changes all of them");
    }
    Override { entry, start, end, change: Change::ReplaceAll(vec![key(&found.user, ids)]) }
}

/// An override from a list of its own.
fn placed(found: WireOverride, ids: &BTreeMap<String, Key>, form: &mut Form) {
    let parent = found.parent.as_ref().and_then(|parent| parent.id.clone());
    match form.schedules.iter_mut().find(|schedule| Some(&schedule.entry.key) == parent.as_ref()) {
        Some(schedule) => {
            let change = override_of(found, schedule, ids);
            schedule.overrides.push(change);
        }
        None => {
            let unknown = Schedule { entry: Entry::new(SCHEDULE, "", "of an unknown schedule"), ..Schedule::default() };
            let mut change = override_of(found, &unknown, ids);
            change.entry.refuse(
                "it does not say of which schedule; put it into the schedule's object, as \"overrides\": [...]",
            );
            form.others.push(change.entry);
        }
    }
}

fn policy(found: WireEscalation, ids: &BTreeMap<String, Key>) -> (Option<Key>, Policy) {
    let name = found.name.unwrap_or_else(|| found.id.clone());
    let mut entry = Entry::new(ESCALATION, found.id, name);
    let mut rules: Vec<(TimeDelta, Target)> = Vec::new();
    for rule in found.rules.unwrap_or_default() {
        let minutes = match rule.delay.time_unit.as_deref() {
            Some("seconds") => rule.delay.time_amount / 60,
            Some("hours") => rule.delay.time_amount.saturating_mul(60),
            Some("days") => rule.delay.time_amount.saturating_mul(1_440),
            _ => rule.delay.time_amount,
        };
        if rule.condition.as_deref() == Some("if-not-closed") {
            entry.caveat(
                "a rule pages while the alert is not closed; here nobody is paged any more once somebody acknowledged",
            );
        }
        if let Some(way @ ("next" | "previous" | "users" | "admins" | "random")) = rule.notify_type.as_deref() {
            entry.caveat(format!(
                "a rule pages \"{way}\" of its recipient; here everybody on call or in the team is paged"
            ));
        }
        let to = key(&rule.recipient, ids);
        let target = match rule.recipient.kind.as_deref() {
            Some("schedule") => Target::Schedule(to),
            Some("team") => {
                entry.caveat("a rule hands over to a team and its routing rules; here its members are paged");
                Target::Person(to)
            }
            _ => Target::Person(to),
        };
        // Longer than a week is cut later, and said.
        rules.push((TimeDelta::minutes(minutes.clamp(0, DELAY_MINUTES_MAX)), target));
    }
    rules.sort_by_key(|(delay, _)| *delay);
    if let Some((first, _)) = rules.first().filter(|(delay, _)| !delay.is_zero()) {
        entry.caveat(format!("its first page waits {} minutes there; here it goes out at once", first.num_minutes()));
    }
    let repeat = found.repeat.as_ref().and_then(|repeat| repeat.wait_interval).and_then(TimeDelta::try_minutes);
    let mut levels: Vec<Level> = Vec::new();
    let mut rules = rules.into_iter().peekable();
    while let Some((delay, target)) = rules.next() {
        let mut page = vec![target];
        while let Some((_, also)) = rules.next_if(|(other, _)| *other == delay) {
            page.push(also);
        }
        let last = || repeat.filter(|wait| *wait > TimeDelta::zero()).unwrap_or(LAST_WAIT);
        let wait = rules.peek().map_or_else(last, |(next, _)| *next - delay);
        levels.push(Level { page, wait });
    }
    let repeats = found.repeat.and_then(|repeat| repeat.count).unwrap_or_default();
    let team = found.owner_team.as_ref().and_then(|team| team.name.clone());
    let otherwise = team.map(|team| {
        let why = format!(
            "no service leads to it; it serves the alarms of a service \"{team}\", its team: name yours instead"
        );
        (team, why)
    });
    (found.owner_team.and_then(|team| team.id), Policy { entry, levels, repeats, otherwise, ..Policy::default() })
}

/// A service belongs to a team, and pages by the team's escalation: the only one, or the one that Opsgenie made with the
/// team and called after it.
fn service(found: WireService, policies: &[(Option<Key>, Policy)], teams: &[Team]) -> Service {
    let mut entry = Entry::new(SERVICE, found.id.clone(), found.name.unwrap_or(found.id));
    let team = teams.iter().find(|team| Some(&team.entry.key) == found.team_id.as_ref());
    let mut own: Vec<&Policy> = policies
        .iter()
        .filter(|(owner, _)| owner.is_some() && *owner == found.team_id)
        .map(|(_, policy)| policy)
        .collect();
    own.sort_by(|a, b| (&a.entry.name, &a.entry.key).cmp(&(&b.entry.name, &b.entry.key)));
    let named =
        team.and_then(|team| own.iter().find(|policy| policy.entry.name == format!("{}_escalation", team.entry.name)));
    let policy = named.or(own.first());
    if let (Some(policy), true) = (policy, own.len() > 1) {
        entry.caveat(format!("its team has {} escalations; it pages by {}", own.len(), policy.entry.name));
    }
    Service { entry, policy: policy.map(|policy| policy.entry.key.clone()) }
}
