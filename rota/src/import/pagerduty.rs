//! PagerDuty, REST API version 2: answers of `GET /users?include[]=contact_methods`, `/teams`, `/schedules/ID?since&until`,
//! `/escalation_policies` and `/services`. Shapes: developer.pagerduty.com and the Go client PagerDuty/go-pagerduty
//! (`schedule.go`, `escalation_policy.go`), as they were in 2026.
//!
//! What its fields mean:
//! - A layer's turn `k` starts at `rotation_virtual_start + k * rotation_turn_length_seconds`; whole days and weeks are read
//!   on the clock of the schedule's zone. `start` and `end` bound the layer and do not move its turns.
//! - The highest layer with somebody on duty hides the ones below. The API lists the highest first (the Terraform provider
//!   turns the list around to get "Layer 1" first); where the answer shows who is on call, that decides.
//! - A restriction opens the layer: `daily_restriction` on every day, `weekly_restriction` on `start_day_of_week` (1 is
//!   Monday), for `duration_seconds`.
//! - An override replaces whoever is on call on the schedule.
//! - A rule of a policy waits `escalation_delay_in_minutes`; after the last, all rules are gone through `num_loops` times more.

use super::export::{Export, Kind};
use super::form::{
    Change, Entry, Form, Layer, Level, Moment, Override, Person, Policy, Schedule, Service, Shift, Target, Team,
};
use super::hours::{self, Open, WEEKDAYS};
use chrono::{DateTime, NaiveTime, TimeDelta, Timelike, Utc};
use serde::Deserialize;
use serde_json::Value;

const USER: &str = "user";
const TEAM: &str = "team";
const SCHEDULE: &str = "schedule";
const LAYER: &str = "layer";
const OVERRIDE: &str = "override";
const POLICY: &str = "escalation policy";
const SERVICE: &str = "service";

const KINDS: &[Kind] = &[
    (USER, &["users", "user"]),
    (TEAM, &["teams", "team"]),
    (SCHEDULE, &["schedules", "schedule"]),
    (OVERRIDE, &["overrides", "override"]),
    (POLICY, &["escalation_policies", "escalation_policy"]),
    (SERVICE, &["services", "service"]),
];

/// Reads an export.
pub(super) fn read(documents: &[(impl AsRef<str>, impl AsRef<str>)]) -> Form {
    let mut export = Export::read(KINDS, documents);
    let mut form = Form::default();
    form.people = export.take(USER).into_iter().map(person).collect();
    form.teams = export.take(TEAM).into_iter().map(team).collect();
    form.schedules = export.take(SCHEDULE).into_iter().map(|found| schedule(found, &mut form.others)).collect();
    for found in export.take::<WireOverride>(OVERRIDE) {
        placed(found, &mut form);
    }
    form.policies = export.take(POLICY).into_iter().map(policy).collect();
    form.services = export.take(SERVICE).into_iter().map(service).collect();
    form.called = std::mem::take(&mut export.called);
    form.others.append(&mut export.others);
    form
}

/// A reference to an object, or the object itself.
#[derive(Deserialize)]
struct Reference {
    id: String,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct WireUser {
    id: String,
    #[serde(alias = "summary")]
    name: Option<String>,
    email: Option<String>,
    contact_methods: Option<Vec<ContactMethod>>,
}

#[derive(Deserialize)]
struct ContactMethod {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    address: Option<String>,
    country_code: Option<i64>,
}

#[derive(Deserialize)]
struct WireTeam {
    id: String,
    #[serde(alias = "summary")]
    name: Option<String>,
}

#[derive(Deserialize)]
struct WireSchedule {
    id: String,
    name: Option<String>,
    time_zone: Option<String>,
    schedule_layers: Option<Vec<Value>>,
    overrides: Option<Vec<Value>>,
    overrides_subschedule: Option<Rendered>,
    final_schedule: Option<Rendered>,
}

/// A schedule as it came out.
#[derive(Deserialize)]
struct Rendered {
    rendered_schedule_entries: Option<Vec<Value>>,
}

/// Somebody on call. An override that is rendered has no id.
#[derive(Deserialize)]
struct WireOverride {
    id: Option<String>,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    user: Reference,
    schedule: Option<Reference>,
}

#[derive(Deserialize)]
struct WireLayer {
    id: Option<String>,
    name: Option<String>,
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
    rotation_virtual_start: DateTime<Utc>,
    rotation_turn_length_seconds: i64,
    users: Vec<Member>,
    restrictions: Option<Vec<Restriction>>,
}

#[derive(Deserialize)]
struct Member {
    user: Reference,
}

#[derive(Deserialize)]
struct Restriction {
    start_time_of_day: NaiveTime,
    duration_seconds: i64,
    /// 1 is Monday; a daily restriction has none.
    start_day_of_week: Option<usize>,
}

#[derive(Deserialize)]
struct WirePolicy {
    id: String,
    #[serde(alias = "summary")]
    name: Option<String>,
    escalation_rules: Option<Vec<Rule>>,
    num_loops: Option<u32>,
}

#[derive(Deserialize)]
struct Rule {
    escalation_delay_in_minutes: i64,
    targets: Vec<Reference>,
    escalation_rule_assignment_strategy: Option<Strategy>,
}

#[derive(Deserialize)]
struct Strategy {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct WireService {
    id: String,
    #[serde(alias = "summary")]
    name: Option<String>,
    status: Option<String>,
    escalation_policy: Option<Reference>,
}

fn person(user: WireUser) -> Person {
    let name = user.name.unwrap_or_else(|| user.id.clone());
    let methods = user.contact_methods.unwrap_or_default();
    let of = |kinds: &[&str]| {
        let wanted = |method: &&ContactMethod| method.kind.as_deref().is_some_and(|kind| kinds.contains(&kind));
        methods.iter().filter(wanted).find(|method| method.address.is_some())
    };
    let email = user.email.or_else(|| of(&["email_contact_method"])?.address.clone());
    let number = of(&["sms_contact_method"]).or_else(|| of(&["phone_contact_method"]));
    let phone = number.and_then(|method| {
        let digits: String = method.address.as_deref()?.chars().filter(char::is_ascii_digit).collect();
        Some(format!("+{}{}", method.country_code?, digits.trim_start_matches('0')))
    });
    Person {
        entry: Entry::new(USER, user.id, name),
        email: email.unwrap_or_default(),
        phone: phone.unwrap_or_default(),
        ..Person::default()
    }
}

fn team(team: WireTeam) -> Team {
    let name = team.name.unwrap_or_else(|| team.id.clone());
    Team { entry: Entry::new(TEAM, team.id, name), members: Vec::new() }
}

fn schedule(found: WireSchedule, others: &mut Vec<Entry>) -> Schedule {
    let name = found.name.unwrap_or_else(|| found.id.clone());
    let listed = found.schedule_layers.unwrap_or_default();
    let order_is_open = listed.len() > 1;
    let mut layers = Vec::new();
    // The list has the highest layer first.
    for (value, priority) in listed.into_iter().rev().zip(0_i64..) {
        let label = format!("{name} / {}", super::export::name_of(&value));
        match serde_json::from_value(value) {
            Ok(read) => layers.push(layer(read, label, priority)),
            Err(error) => {
                others.push(Entry::refused(LAYER, found.id.clone(), label, format!("cannot be read: {error}")))
            }
        }
    }
    let rendered = found.overrides_subschedule.and_then(|part| part.rendered_schedule_entries);
    let mut overrides = Vec::new();
    for value in found.overrides.or(rendered).unwrap_or_default() {
        match serde_json::from_value(value) {
            Ok(read) => overrides.push(override_of(read, &name)),
            Err(error) => others.push(Entry::refused(
                OVERRIDE,
                found.id.clone(),
                name.clone(),
                format!("cannot be read: {error}"),
            )),
        }
    }
    let entries = found.final_schedule.and_then(|part| part.rendered_schedule_entries).unwrap_or_default();
    // An entry that cannot be read is no shift to compare with; it is no object of the configuration.
    let entries = entries.into_iter().filter_map(|entry| serde_json::from_value::<WireOverride>(entry).ok());
    let shifts = entries.map(|entry| Shift { start: entry.start, end: entry.end, person: entry.user.id }).collect();
    let entry = Entry::new(SCHEDULE, found.id, name);
    Schedule { entry, zone: found.time_zone.unwrap_or_default(), layers, overrides, shifts, order_is_open }
}

fn layer(found: WireLayer, label: String, priority: i64) -> Layer {
    let name = found.name.or(found.id.clone()).unwrap_or_default();
    let mut entry = Entry::new(LAYER, found.id.unwrap_or_default(), label);
    let seconds = found.rotation_turn_length_seconds;
    let every = hours::every(seconds).unwrap_or_else(|| {
        entry.refuse(format!(
            "its turns of {seconds} seconds are not whole hours, which is what turns are made of here"
        ));
        hours::ONE_DAY
    });
    let restrictions = found.restrictions.unwrap_or_default();
    let split = |part: &Restriction| part.start_time_of_day.second() != 0 || part.duration_seconds % 60 != 0;
    if restrictions.iter().any(split) {
        entry.caveat("its hours are given to the second; the window is open to the next whole minute");
    }
    let windows = hours::together(restrictions.iter().map(open)).unwrap_or_else(|| {
        entry.refuse("its restrictions leave it no time");
        Vec::new()
    });
    Layer {
        entry,
        name,
        zone: None,
        groups: found.users.into_iter().map(|member| vec![member.user.id]).collect(),
        anchor: Moment::Instant(found.rotation_virtual_start),
        every,
        windows,
        priority,
        start: found.start.map(Moment::Instant),
        end: found.end.map(Moment::Instant),
    }
}

fn open(part: &Restriction) -> Open {
    match part.start_day_of_week {
        None => hours::open(&WEEKDAYS, part.start_time_of_day, part.duration_seconds),
        Some(number) => match number.checked_sub(1).and_then(|place| WEEKDAYS.get(place)) {
            Some(day) => hours::open(&[*day], part.start_time_of_day, part.duration_seconds),
            None => Open::Never,
        },
    }
}

fn override_of(found: WireOverride, schedule: &str) -> Override {
    let name =
        format!("{schedule} / {} to {}", found.start.format("%Y-%m-%d %H:%M"), found.end.format("%Y-%m-%d %H:%M UTC"));
    let entry = Entry::new(OVERRIDE, found.id.unwrap_or_default(), name);
    Override { entry, start: found.start, end: found.end, change: Change::ReplaceAll(vec![found.user.id]) }
}

/// An override from `GET /schedules/ID/overrides`, which says its schedule only when whoever exported it added that.
fn placed(found: WireOverride, form: &mut Form) {
    let id = found.schedule.as_ref().map(|schedule| schedule.id.clone());
    let schedule = form.schedules.iter_mut().find(|schedule| Some(&schedule.entry.key) == id.as_ref());
    match schedule {
        Some(schedule) => {
            let change = override_of(found, &schedule.entry.name);
            // The schedule's own answer may render it as well.
            let same = |other: &&mut Override| {
                other.entry.key.is_empty() && (other.start, other.end) == (change.start, change.end)
            };
            match schedule.overrides.iter_mut().find(same) {
                Some(other) => *other = change,
                None => schedule.overrides.push(change),
            }
        }
        None => {
            let mut change = override_of(found, "of an unknown schedule");
            change.entry.refuse(
                "it does not say of which schedule; put it into the schedule's object, as \"overrides\": [...]",
            );
            form.others.push(change.entry);
        }
    }
}

fn policy(found: WirePolicy) -> Policy {
    let name = found.name.unwrap_or_else(|| found.id.clone());
    let mut entry = Entry::new(POLICY, found.id, name);
    let mut levels = Vec::new();
    for rule in found.escalation_rules.unwrap_or_default() {
        let strategy = rule.escalation_rule_assignment_strategy.and_then(|strategy| strategy.kind);
        if strategy.as_deref() == Some("round_robin") {
            entry.caveat("a level pages its people in turn (round robin) there; here all of them are paged");
        }
        let page = rule.targets.into_iter().map(|target| match target.kind.as_deref() {
            Some("schedule_reference" | "schedule") => Target::Schedule(target.id),
            _ => Target::Person(target.id),
        });
        let wait = TimeDelta::try_minutes(rule.escalation_delay_in_minutes).unwrap_or(TimeDelta::MAX);
        levels.push(Level { page: page.collect(), wait });
    }
    Policy { entry, levels, repeats: found.num_loops.unwrap_or_default(), ..Policy::default() }
}

fn service(found: WireService) -> Service {
    let name = found.name.unwrap_or_else(|| found.id.clone());
    let mut entry = Entry::new(SERVICE, found.id, name);
    if found.status.as_deref() == Some("disabled") {
        entry.caveat("is disabled there, so nobody is paged for it; here its policy pages");
    }
    Service { entry, policy: found.escalation_policy.map(|policy| policy.id) }
}
