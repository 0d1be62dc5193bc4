//! Grafana OnCall, public API version 1: answers of `GET /api/v1/users`, `/schedules`, `/on_call_shifts`, `/escalation_chains`,
//! `/escalation_policies`, `/integrations` and `/routes`, each `{"results": [...]}` in a file named after its kind. Shapes:
//! `engine/apps/public_api/serializers` of grafana/oncall, as they were when it was archived in March 2026.
//!
//! What its fields mean (`engine/apps/schedules/models/custom_on_call_shift.py`):
//! - A shift recurs from `start`, a wall time of its zone, else of the schedule's: each time for `duration` seconds, every
//!   `interval` of its `frequency`. Of `rolling_users` each group takes the next such period; `users` are on call together.
//! - Weeks start on `week_start`: with `by_day`, a group has all of its days of one week.
//! - Days with `by_day` are counted: each group takes the next day of the list.
//! - The highest `level` with somebody on duty counts; equal levels are on call together. An override replaces them all.
//! - `rotation_start` and `until` bound a shift and move no turns.
//! - A step of a chain notifies at once and goes on; only `wait` waits.

use super::export::{Export, Kind};
use super::form::{
    Change, Entry, Form, Key, Layer, Level, Moment, Override, Person, Policy, Schedule, Service, Shift, Target, Team,
};
use super::hours::{self, Open, WEEKDAYS, Window};
use crate::{Every, Occurrence, Unit, Zone};
use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Utc, Weekday};
use serde::Deserialize;
use std::collections::BTreeMap;

const USER: &str = "user";
const TEAM: &str = "team";
const SCHEDULE: &str = "schedule";
const SHIFT: &str = "shift";
const CHAIN: &str = "escalation chain";
const STEP: &str = "escalation step";
const INTEGRATION: &str = "integration";
const ROUTE: &str = "route";

const KINDS: &[Kind] = &[
    (USER, &["users", "user"]),
    (TEAM, &["teams", "team"]),
    (SCHEDULE, &["schedules", "schedule"]),
    (SHIFT, &["on_call_shifts", "shifts", "on_call_shift"]),
    (CHAIN, &["escalation_chains", "escalation_chain"]),
    (STEP, &["escalation_policies", "escalation_policy"]),
    (INTEGRATION, &["integrations", "integration"]),
    (ROUTE, &["routes", "route"]),
];

/// The longest list of turns that is written for one shift.
const TURNS_MAX: i64 = 210;

/// How often a chain that repeats does so (`EscalationPolicy.MAX_TIMES_REPEAT`).
const REPEATS: u32 = 5;

/// How long the last step waits when nothing comes after it.
const LAST_WAIT: TimeDelta = TimeDelta::minutes(5);

/// Reads an export.
pub(super) fn read(documents: &[(impl AsRef<str>, impl AsRef<str>)]) -> Form {
    let mut export = Export::read(KINDS, documents);
    let mut form = Form::default();
    let mut teams: Vec<Team> = export.take(TEAM).into_iter().map(team).collect();
    for user in export.take::<WireUser>(USER) {
        for key in user.teams.iter().flatten() {
            let found = teams.iter_mut().find(|team| team.entry.key == *key);
            found.into_iter().for_each(|team| team.members.push(user.id.clone()));
        }
        form.people.push(person(user));
    }
    // In whatever order the users came.
    teams.iter_mut().for_each(|team| team.members.sort());
    form.teams = teams;
    let mut shifts: BTreeMap<Key, Recurring> =
        export.take::<WireShift>(SHIFT).into_iter().map(|found| (found.id.clone(), Recurring::of(found))).collect();
    form.schedules = export.take(SCHEDULE).into_iter().map(|found| schedule(found, &mut shifts)).collect();
    for mut shift in shifts.into_values().filter(|shift| !shift.used) {
        shift.entry.refuse("no schedule of the export has it");
        form.others.push(shift.entry);
    }
    let mut steps: Vec<WireStep> = export.take(STEP);
    steps.sort_by_key(|step| step.position);
    form.policies = export.take(CHAIN).into_iter().map(|found| chain(found, &mut steps, &mut form.others)).collect();
    let stray = steps.into_iter().map(|step| {
        Entry::refused(STEP, step.id.clone(), step.label("unknown chain"), "its chain is not in the export")
    });
    form.others.extend(stray);
    form.services = export.take(INTEGRATION).into_iter().map(integration).collect();
    form.others.extend(export.take(ROUTE).into_iter().map(route));
    form.called = std::mem::take(&mut export.called);
    form.others.append(&mut export.others);
    form
}

#[derive(Deserialize)]
struct WireUser {
    id: Key,
    email: Option<String>,
    username: Option<String>,
    slack: Option<Vec<Slack>>,
    teams: Option<Vec<Key>>,
}

#[derive(Deserialize)]
struct Slack {
    user_id: Option<String>,
}

#[derive(Deserialize)]
struct WireTeam {
    id: Key,
    name: Option<String>,
}

#[derive(Deserialize)]
struct WireSchedule {
    id: Key,
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    time_zone: Option<String>,
    shifts: Option<Vec<Key>>,
    /// Added by whoever exported it, from `GET /schedules/ID/final_shifts`.
    final_shifts: Option<Vec<FinalShift>>,
}

#[derive(Deserialize)]
struct FinalShift {
    user_pk: Key,
    shift_start: DateTime<Utc>,
    shift_end: DateTime<Utc>,
}

#[derive(Deserialize)]
struct WireShift {
    id: Key,
    name: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    time_zone: Option<String>,
    level: Option<i64>,
    start: NaiveDateTime,
    duration: i64,
    rotation_start: Option<NaiveDateTime>,
    until: Option<NaiveDateTime>,
    frequency: Option<String>,
    interval: Option<i64>,
    week_start: Option<String>,
    by_day: Option<Vec<String>>,
    by_month: Option<Vec<i64>>,
    by_monthday: Option<Vec<i64>>,
    users: Option<Vec<Key>>,
    rolling_users: Option<Vec<Vec<Key>>>,
    start_rotation_from_user_index: Option<usize>,
}

#[derive(Deserialize)]
struct WireChain {
    id: Key,
    name: Option<String>,
}

#[derive(Deserialize)]
struct WireStep {
    id: Key,
    escalation_chain_id: Key,
    position: Option<i64>,
    #[serde(rename = "type")]
    kind: Option<String>,
    duration: Option<i64>,
    persons_to_notify: Option<Vec<Key>>,
    persons_to_notify_next_each_time: Option<Vec<Key>>,
    notify_on_call_from_schedule: Option<Key>,
    team_to_notify: Option<Key>,
}

#[derive(Deserialize)]
struct WireIntegration {
    id: Key,
    name: Option<String>,
    default_route: Option<DefaultRoute>,
}

#[derive(Deserialize)]
struct DefaultRoute {
    escalation_chain_id: Option<Key>,
}

#[derive(Deserialize)]
struct WireRoute {
    id: Key,
    routing_regex: Option<String>,
    is_the_last_route: Option<bool>,
}

/// A shift, and whether a schedule has it already.
struct Recurring {
    entry: Entry,
    wire: WireShift,
    used: bool,
}

fn team(found: WireTeam) -> Team {
    let name = found.name.unwrap_or_else(|| found.id.clone());
    Team { entry: Entry::new(TEAM, found.id, name), members: Vec::new() }
}

fn person(user: WireUser) -> Person {
    let name = user.username.filter(|name| !name.is_empty()).unwrap_or_else(|| user.id.clone());
    let slack = user.slack.into_iter().flatten().find_map(|slack| slack.user_id);
    Person {
        entry: Entry::new(USER, user.id, name),
        slack: slack.unwrap_or_default(),
        email: user.email.unwrap_or_default(),
        ..Person::default()
    }
}

fn schedule(found: WireSchedule, shifts: &mut BTreeMap<Key, Recurring>) -> Schedule {
    let name = found.name.unwrap_or_else(|| found.id.clone());
    let mut entry = Entry::new(SCHEDULE, found.id, name);
    if found.kind.as_deref() == Some("ical") {
        entry.refuse("its shifts are in a calendar (iCal); give that calendar to a schedule here instead");
    }
    let zone = found.time_zone.unwrap_or_else(|| "UTC".to_owned());
    let mut schedule = Schedule { entry, zone, ..Schedule::default() };
    for key in found.shifts.unwrap_or_default() {
        let Some(shift) = shifts.get_mut(&key) else {
            schedule.entry.caveat(format!("its shift {key} is not in the export"));
            continue;
        };
        match shift.wire.kind.as_str() {
            "override" => schedule.overrides.push(shift.override_in(&schedule.zone)),
            _ => schedule.layers.push(shift.layer(&schedule.zone)),
        }
    }
    let shown = found.final_shifts.unwrap_or_default().into_iter();
    schedule.shifts =
        shown.map(|shift| Shift { start: shift.shift_start, end: shift.shift_end, person: shift.user_pk }).collect();
    schedule
}

impl Recurring {
    fn of(wire: WireShift) -> Self {
        let entry = Entry::new(SHIFT, wire.id.clone(), wire.name.clone().unwrap_or_else(|| wire.id.clone()));
        Self { entry, wire, used: false }
    }

    /// Its entry for the first schedule that has it; it is one object, so the next ones get none.
    fn take_entry(&mut self) -> Entry {
        let kind = if self.used { "" } else { SHIFT };
        self.used = true;
        Entry { kind, ..self.entry.clone() }
    }

    fn override_in(&mut self, zone: &str) -> Override {
        let mut entry = self.take_entry();
        let zone = Zone::get(self.wire.time_zone.as_deref().unwrap_or(zone)).unwrap_or_else(|| {
            entry.refuse("its time zone is not in the IANA database");
            Zone::utc()
        });
        let start = zone.instant(self.wire.start, Occurrence::First);
        let length = TimeDelta::try_seconds(self.wire.duration).unwrap_or_default();
        let end = start.checked_add_signed(length).unwrap_or(start);
        let rolling = self.wire.rolling_users.iter().flatten().flatten();
        let people: Vec<Key> = self.wire.users.iter().flatten().chain(rolling).cloned().collect();
        Override { entry, start, end, change: Change::ReplaceAll(people) }
    }

    fn layer(&mut self, zone: &str) -> Layer {
        let mut entry = self.take_entry();
        let wire = &self.wire;
        let turns = match recurrence(wire) {
            Ok(turns) => turns,
            Err(reason) => {
                entry.refuse(reason);
                Turns { groups: Vec::new(), anchor: wire.start, every: hours::ONE_DAY, windows: Vec::new() }
            }
        };
        if turns.spelled_out(wire) {
            entry.caveat("its turns are written out one by one, because they depend on the day of the week");
        }
        let single = wire.kind == "single_event";
        let after = TimeDelta::try_seconds(wire.duration).and_then(|length| wire.start.checked_add_signed(length));
        let (start, end) = if single { (Some(wire.start), after) } else { (wire.rotation_start, wire.until) };
        Layer {
            entry,
            name: wire.name.clone().unwrap_or_else(|| wire.id.clone()),
            zone: wire.time_zone.clone().filter(|own| own != zone),
            groups: turns.groups,
            anchor: Moment::Wall(turns.anchor),
            every: turns.every,
            windows: turns.windows,
            priority: wire.level.unwrap_or_default(),
            start: start.or(Some(wire.start)).map(Moment::Wall),
            end: end.map(Moment::Wall),
        }
    }
}

/// Turns and hours of a shift.
struct Turns {
    groups: Vec<Vec<Key>>,
    anchor: NaiveDateTime,
    every: Every,
    windows: Vec<Window>,
}

impl Turns {
    /// Whether there are more turns than the tool has groups.
    fn spelled_out(&self, wire: &WireShift) -> bool {
        let groups = wire.rolling_users.as_ref().map_or(1, Vec::len);
        let interval = usize::try_from(wire.interval.unwrap_or(1)).unwrap_or(1);
        self.groups.len() > groups.saturating_mul(interval.max(1))
    }
}

/// How a shift recurs, as turns; or why it cannot be written.
fn recurrence(wire: &WireShift) -> Result<Turns, String> {
    if wire.duration <= 0 {
        return Err("it lasts no time".to_owned());
    }
    if wire.by_month.as_ref().is_some_and(|months| !months.is_empty()) {
        return Err("it recurs in some months only (by_month), which cannot be written".to_owned());
    }
    if wire.by_monthday.as_ref().is_some_and(|days| !days.is_empty()) {
        return Err("it recurs on days of the month (by_monthday); write it by hand, with monthdays".to_owned());
    }
    let mut groups = match wire.kind.as_str() {
        "rolling_users" => wire.rolling_users.clone().unwrap_or_default(),
        "recurrent_event" | "single_event" => vec![wire.users.clone().unwrap_or_default()],
        kind => return Err(format!("shifts of type \"{kind}\" are unknown")),
    };
    if let Some(first) = wire.start_rotation_from_user_index.filter(|first| *first < groups.len()) {
        groups.rotate_left(first);
    }
    if wire.kind == "single_event" {
        return Ok(Turns {
            groups,
            anchor: wire.start,
            every: Every { length: 1, unit: Unit::Week },
            windows: Vec::new(),
        });
    }
    let interval = wire.interval.unwrap_or(1);
    if !(1..=TURNS_MAX).contains(&interval) {
        return Err(format!("its interval of {interval} cannot be written"));
    }
    let days = by_day(wire)?;
    match (wire.frequency.as_deref(), days) {
        (Some("weekly"), Some(days)) => weekly_on(wire, groups, interval, &days),
        (Some("daily"), Some(days)) => daily_on(wire, &groups, interval, &days),
        (Some("weekly"), None) => periods(wire, &groups, interval, Unit::Week),
        (Some("daily"), None) => periods(wire, &groups, interval, Unit::Day),
        (Some("hourly"), None) => periods(wire, &groups, interval, Unit::Hour),
        (frequency, _) => {
            let frequency = frequency.unwrap_or("never");
            Err(format!("it recurs \"{frequency}\" in a way that cannot be written; write it by hand"))
        }
    }
}

fn by_day(wire: &WireShift) -> Result<Option<Vec<Weekday>>, String> {
    let Some(names) = wire.by_day.as_ref().filter(|names| !names.is_empty()) else { return Ok(None) };
    let day = |name: &String| weekday(name).ok_or_else(|| format!("\"{name}\" is no weekday"));
    names.iter().map(day).collect::<Result<Vec<_>, _>>().map(Some)
}

/// `MO` to `SU`.
fn weekday(name: &str) -> Option<Weekday> {
    WEEKDAYS.into_iter().find(|day| day.to_string().get(..2).is_some_and(|short| short.eq_ignore_ascii_case(name)))
}

/// Each group has the days of one week, then nobody for the rest of the interval.
fn weekly_on(wire: &WireShift, groups: Vec<Vec<Key>>, interval: i64, days: &[Weekday]) -> Result<Turns, String> {
    if wire.duration > 86_400 {
        return Err("it recurs on several days and lasts more than one; write it by hand".to_owned());
    }
    let first = wire.week_start.as_deref().and_then(weekday).unwrap_or(Weekday::Mon);
    let back = wire.start.weekday().days_since(first);
    let anchor = wire.start.checked_sub_days(chrono::Days::new(back.into())).ok_or("it starts before all time")?;
    let windows = windows(&[hours::open(days, wire.start.time(), wire.duration)])?;
    let groups = groups.into_iter().flat_map(|group| padded(vec![group], interval)).collect::<Vec<_>>();
    limited(groups.len())?;
    Ok(Turns { groups, anchor, every: Every { length: 1, unit: Unit::Week }, windows })
}

/// Each group has `interval` of the listed days, then the next one. Written as one turn for each day of as many weeks as it
/// takes until the same group has the same day again.
fn daily_on(wire: &WireShift, groups: &[Vec<Key>], interval: i64, days: &[Weekday]) -> Result<Turns, String> {
    if wire.duration > 86_400 {
        return Err("it recurs on some days and lasts more than one; write it by hand".to_owned());
    }
    if !days.contains(&wire.start.weekday()) {
        return Err("it starts on a day on which it does not recur; write it by hand".to_owned());
    }
    let (on, count) = (i64::try_from(distinct(days)).unwrap_or(1), i64::try_from(groups.len()).unwrap_or(i64::MAX));
    let round = count.saturating_mul(interval);
    let weeks = round / greatest_common_divisor(round, on).max(1);
    limited(usize::try_from(weeks.saturating_mul(7)).unwrap_or(usize::MAX))?;
    let mut turns = Vec::new();
    let (mut day, mut worked) = (wire.start.weekday(), 0_i64);
    for _ in 0..weeks * 7 {
        let group = if days.contains(&day) {
            worked += 1;
            usize::try_from((worked - 1) / interval % count.max(1)).ok().and_then(|place| groups.get(place))
        } else {
            None
        };
        turns.push(group.cloned().unwrap_or_default());
        day = day.succ();
    }
    let windows = windows(&[hours::open(&WEEKDAYS, wire.start.time(), wire.duration)])?;
    Ok(Turns { groups: turns, anchor: wire.start, every: hours::ONE_DAY, windows })
}

/// Each group has `duration` at the start of every period of `interval` units. Where the hours are the same on every day or
/// in every week they are a window; else the period is cut into turns of equal length, some of them of nobody.
fn periods(wire: &WireShift, groups: &[Vec<Key>], interval: i64, unit: Unit) -> Result<Turns, String> {
    let one = match unit {
        Unit::Week => 604_800,
        Unit::Day => 86_400,
        Unit::Hour | Unit::Month | Unit::Year => 3_600,
    };
    let period = one * interval;
    if wire.duration >= period {
        if wire.duration > period {
            return Err("its shifts are longer than the time from one to the next; write it by hand".to_owned());
        }
        let every = hours::every_of(interval, unit).ok_or("its interval cannot be written")?;
        return Ok(Turns { groups: groups.to_vec(), anchor: wire.start, every, windows: Vec::new() });
    }
    if wire.duration <= one && unit != Unit::Hour {
        let days = if unit == Unit::Day { WEEKDAYS.to_vec() } else { vec![wire.start.weekday()] };
        let windows = windows(&[hours::open(&days, wire.start.time(), wire.duration)])?;
        let groups: Vec<Vec<Key>> = groups.iter().flat_map(|group| padded(vec![group.clone()], interval)).collect();
        limited(groups.len())?;
        let every = hours::every_of(1, unit).ok_or("its interval cannot be written")?;
        return Ok(Turns { groups, anchor: wire.start, every, windows });
    }
    let part = greatest_common_divisor(period, wire.duration);
    let every = hours::every(part).ok_or("its shifts are not whole hours; write it by hand")?;
    let (on, all) = (wire.duration / part, period / part);
    limited(usize::try_from(all).unwrap_or(usize::MAX).saturating_mul(groups.len()))?;
    let turn = |group: &Vec<Key>| padded((0..on).map(|_| group.clone()).collect(), all);
    Ok(Turns { groups: groups.iter().flat_map(turn).collect(), anchor: wire.start, every, windows: Vec::new() })
}

/// Turns of somebody, followed by turns of nobody up to `count`.
fn padded(mut turns: Vec<Vec<Key>>, count: i64) -> Vec<Vec<Key>> {
    let count = usize::try_from(count).unwrap_or_default().max(turns.len());
    turns.resize(count, Vec::new());
    turns
}

fn limited(turns: usize) -> Result<(), String> {
    let fits = i64::try_from(turns).is_ok_and(|turns| turns <= TURNS_MAX);
    if fits { Ok(()) } else { Err(format!("it would take {turns} turns to write; write it by hand")) }
}

fn windows(open: &[Open]) -> Result<Vec<Window>, String> {
    hours::together(open.iter().cloned()).ok_or_else(|| "it is never open".to_owned())
}

fn distinct(days: &[Weekday]) -> usize {
    WEEKDAYS.iter().filter(|day| days.contains(day)).count()
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

fn chain(found: WireChain, steps: &mut Vec<WireStep>, others: &mut Vec<Entry>) -> Policy {
    let name = found.name.unwrap_or_else(|| found.id.clone());
    let mut policy = Policy { entry: Entry::new(CHAIN, found.id.clone(), name.clone()), ..Policy::default() };
    let (own, rest): (Vec<_>, Vec<_>) =
        std::mem::take(steps).into_iter().partition(|step| step.escalation_chain_id == found.id);
    *steps = rest;
    let mut page: Vec<Target> = Vec::new();
    let last = own.len();
    for (number, step) in (1..).zip(own) {
        let mut entry = Entry::new(STEP, step.id.clone(), step.label(&name));
        if step.kind.as_deref() == Some("wait") {
            let wait = step.duration.and_then(TimeDelta::try_seconds).unwrap_or(LAST_WAIT);
            match policy.levels.last_mut() {
                _ if !page.is_empty() => policy.levels.push(Level { page: std::mem::take(&mut page), wait }),
                Some(level) => level.wait = level.wait.checked_add(&wait).unwrap_or(level.wait),
                None => policy.entry.caveat("it waits before its first page there; here that goes out at once"),
            }
        } else if step.kind.as_deref() == Some("repeat_escalation") {
            policy.repeats = REPEATS;
            if number < last {
                entry.caveat("what comes after it is written before the next round");
            }
        } else {
            page.extend(step.targets(&mut entry));
        }
        others.push(entry);
    }
    if !page.is_empty() {
        policy.levels.push(Level { page, wait: LAST_WAIT });
    }
    policy
}

impl WireStep {
    /// `Payments / 2 wait`.
    fn label(&self, chain: &str) -> String {
        let kind = self.kind.as_deref().unwrap_or("no type");
        format!("{chain} / {} {kind}", self.position.unwrap_or_default().saturating_add(1))
    }

    /// Whom it pages; says in `entry` what it does besides.
    fn targets(&self, entry: &mut Entry) -> Vec<Target> {
        let people = |keys: &Option<Vec<Key>>| keys.iter().flatten().cloned().map(Target::Person).collect();
        match self.kind.as_deref() {
            Some("notify_persons") => people(&self.persons_to_notify),
            Some("notify_person_next_each_time") => {
                entry.caveat("it pages one of them, the next each time, there; here all of them are paged");
                people(&self.persons_to_notify_next_each_time)
            }
            Some("notify_on_call_from_schedule") => {
                self.notify_on_call_from_schedule.iter().cloned().map(Target::Schedule).collect()
            }
            Some("notify_team_members") => self.team_to_notify.iter().cloned().map(Target::Person).collect(),
            Some("notify_user_group") => {
                entry.refuse("it pages a user group of Slack, whose members the export does not say");
                Vec::new()
            }
            Some("notify_if_time_from_to" | "notify_if_num_alerts_in_window") => {
                entry.refuse("a policy has no conditions here, so what comes after it is always paged");
                Vec::new()
            }
            kind => {
                let kind = kind.unwrap_or("no type");
                entry.refuse(format!("a step of type \"{kind}\" pages nobody, and a policy here does nothing else"));
                Vec::new()
            }
        }
    }
}

fn integration(found: WireIntegration) -> Service {
    let entry = Entry::new(INTEGRATION, found.id.clone(), found.name.unwrap_or(found.id));
    Service { entry, policy: found.default_route.and_then(|route| route.escalation_chain_id) }
}

fn route(found: WireRoute) -> Entry {
    let name = found.routing_regex.filter(|regex| !regex.is_empty()).unwrap_or_else(|| found.id.clone());
    let mut entry = Entry::new(ROUTE, found.id, name);
    if found.is_the_last_route != Some(true) {
        entry.refuse("it chooses by a template or a pattern; a policy here serves services by their names");
    }
    entry
}
