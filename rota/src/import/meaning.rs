//! The tools' rules written down a second time, as slowly and plainly as they are documented, and compared with what the
//! files say. All in UTC: what clocks do elsewhere is the model's subject and tested there.

use super::properties::fewer_cases;
use super::tests::{corpus, texts};
use super::{Tool, plan};
use crate::{Rota, on_duty};
use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc, Weekday};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PEOPLE: [&str; 4] = ["ana", "ben", "chi", "dan"];

const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// Monday 5 January 2026.
fn monday() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_571_200, 0).unwrap()
}

fn minutes(count: i64) -> TimeDelta {
    TimeDelta::minutes(count)
}

/// Compares who is on call at each of `times` (minutes after Monday) with `rule`.
fn compare(
    tool: Tool,
    export: &Value,
    schedule: &str,
    times: &[i64],
    rule: impl Fn(DateTime<Utc>) -> BTreeSet<String>,
) -> Result<(), TestCaseError> {
    let nothing: [(String, String); 0] = [];
    let plan = plan(tool, &[("export.json", export.to_string())], &nothing);
    let rota = Rota::parse(&texts(&plan)).map_err(|problems| TestCaseError::fail(format!("{problems:?}")))?;
    for time in times {
        let at = monday() + minutes(*time);
        let expected = rule(at);
        let found = match on_duty(&rota, schedule, &plan.operations, at) {
            Ok((people, _)) => people.into_iter().map(|person| person.as_str().to_owned()).collect(),
            // A schedule without a layer that is ever open is not written.
            Err(_) => BTreeSet::new(),
        };
        prop_assert_eq!(found, expected, "at {} of {}\n{:#?}", at, export, texts(&plan));
    }
    Ok(())
}

fn people(count: usize) -> Value {
    let names = PEOPLE.iter().take(count);
    names
        .map(|name| json!({ "id": name, "name": name, "username": name, "email": format!("{name}@example.com") }))
        .collect()
}

/// A layer of PagerDuty: minutes throughout, the top layer first in a schedule.
#[derive(Debug, Clone)]
struct Layer {
    virtual_start: i64,
    turn: i64,
    start: i64,
    end: Option<i64>,
    users: usize,
    /// The weekday from 0 for Monday, or every day; from when; for how long.
    restrictions: Vec<(Option<i64>, i64, i64)>,
}

fn layers() -> impl Strategy<Value = Vec<Layer>> {
    let daily = (Just(None), 0_i64..1_440, 1_i64..=1_440);
    let weekly = ((0_i64..7).prop_map(Some), 0_i64..1_440, prop_oneof![1_i64..=1_440, 1_i64..=10_080]);
    let restrictions =
        prop_oneof![Just(Vec::new()), proptest::collection::vec(daily, 1..3), proptest::collection::vec(weekly, 1..4),];
    let turns = proptest::sample::select(vec![60, 300, 720, 1_440, 2_880, 10_080, 20_160]);
    let end = proptest::option::of(20_000_i64..80_000);
    let layer = (0_i64..20_160, turns, -10_080_i64..10_080, end, 1_usize..=4, restrictions);
    let layer = layer.prop_map(|(virtual_start, turn, start, end, users, restrictions)| Layer {
        virtual_start,
        turn,
        start,
        end,
        users,
        restrictions,
    });
    proptest::collection::vec(layer, 1..4)
}

impl Layer {
    fn json(&self, number: usize) -> Value {
        let at = |time: i64| (monday() + minutes(time)).to_rfc3339();
        let restrictions = self.restrictions.iter().map(|(day, from, length)| {
            json!({
                "type": if day.is_some() { "weekly_restriction" } else { "daily_restriction" },
                "start_day_of_week": day.map(|day| day + 1),
                "start_time_of_day": format!("{:02}:{:02}:00", from / 60, from % 60),
                "duration_seconds": length * 60,
            })
        });
        let users = PEOPLE.iter().take(self.users).map(|id| json!({ "user": { "id": id } }));
        json!({
            "id": format!("L{number}"), "name": "Layer",
            "start": at(self.start), "end": self.end.map(at),
            "rotation_virtual_start": at(self.virtual_start), "rotation_turn_length_seconds": self.turn * 60,
            "users": users.collect::<Vec<_>>(), "restrictions": restrictions.collect::<Vec<_>>(),
        })
    }

    /// Who has it at a minute, when anybody does.
    fn on_call(&self, time: i64) -> Option<&'static str> {
        let lasts = self.start <= time && self.end.is_none_or(|end| time < end);
        let inside = |(day, from, length): &(Option<i64>, i64, i64)| {
            let (period, start) = day.map_or((1_440, *from), |day| (10_080, day * 1_440 + from));
            (time - start).rem_euclid(period) < *length
        };
        let open = self.restrictions.is_empty() || self.restrictions.iter().any(inside);
        let turn = (time - self.virtual_start).div_euclid(self.turn).rem_euclid(i64::try_from(self.users).unwrap());
        (lasts && open).then(|| PEOPLE[usize::try_from(turn).unwrap()])
    }
}

/// A recurring shift of Grafana OnCall; minutes throughout.
#[derive(Debug, Clone)]
struct Shift {
    frequency: &'static str,
    interval: i64,
    start: i64,
    duration: i64,
    groups: usize,
    first: usize,
    week_start: usize,
    by_day: BTreeSet<usize>,
}

fn shift() -> impl Strategy<Value = Shift> {
    let frequency = proptest::sample::select(vec!["hourly", "daily", "weekly"]);
    let duration = proptest::sample::select(vec![30, 60, 480, 720, 1_439, 1_440, 2_880, 4_320, 10_080, 20_160]);
    let by_day = proptest::collection::btree_set(0_usize..7, 0..6);
    let sizes = (1_i64..5, 0_i64..10_080, duration, 1_usize..=4);
    let shift = (frequency, sizes, 0_usize..4, 0_usize..7, by_day).prop_map(
        |(frequency, (interval, start, duration, groups), first, week_start, mut by_day)| {
            if frequency == "hourly" {
                by_day.clear();
            } else if !by_day.is_empty() {
                by_day.insert(usize::try_from(start / 1_440).unwrap());
            }
            Shift { frequency, interval, start, duration, groups, first: first % groups, week_start, by_day }
        },
    );
    shift.prop_filter("what cannot be written is refused, and tested elsewhere", Shift::is_writable)
}

impl Shift {
    fn json(&self) -> Value {
        let groups: Vec<Value> = PEOPLE.iter().take(self.groups).map(|id| json!([id])).collect();
        json!({
            "id": "O", "name": "shift", "type": "rolling_users", "time_zone": "UTC", "level": 1,
            "start": (monday() + minutes(self.start)).format("%Y-%m-%dT%H:%M:%S").to_string(),
            "duration": self.duration * 60, "frequency": self.frequency, "interval": self.interval,
            "week_start": DAYS[self.week_start], "by_day": self.by_day.iter().map(|day| DAYS[*day]).collect::<Vec<_>>(),
            "rolling_users": groups, "start_rotation_from_user_index": self.first,
        })
    }

    /// Whether it can be written at all.
    fn is_writable(&self) -> bool {
        let unit = match self.frequency {
            "hourly" => 60,
            "daily" => 1_440,
            _ => 10_080,
        };
        let period = unit * self.interval;
        if !self.by_day.is_empty() {
            return self.duration <= 1_440;
        }
        let in_windows = self.duration <= unit && self.frequency != "hourly";
        self.duration <= period && (self.duration == period || in_windows || self.duration % 60 == 0)
    }

    /// Its occurrences in order, each with the number of its group's turn, up to minute `until`.
    fn occurrences(&self, until: i64) -> Vec<(i64, i64)> {
        let day_of = |time: i64| (monday() + minutes(time)).weekday().num_days_from_monday() as usize;
        let mut found = Vec::new();
        if self.by_day.is_empty() {
            let unit = [("hourly", 60), ("daily", 1_440)].into_iter().find(|(name, _)| *name == self.frequency);
            let period = unit.map_or(10_080, |(_, unit)| unit) * self.interval;
            return (0..)
                .map(|number| (self.start + number * period, number))
                .take_while(|(at, _)| *at < until)
                .collect();
        }
        let (mut at, mut worked, mut weeks) = (self.start, 0, 0);
        while at < until {
            if at > self.start && day_of(at) == self.week_start {
                weeks += 1;
            }
            if self.by_day.contains(&day_of(at)) {
                match self.frequency {
                    "daily" => found.push((at, worked / self.interval)),
                    _ if weeks % self.interval == 0 => found.push((at, weeks / self.interval)),
                    _ => {}
                }
                worked += 1;
            }
            at += 1_440;
        }
        found
    }
}

proptest! {
    /// PagerDuty: the top layer that is open and has begun and not ended.
    #[test]
    fn a_schedule_of_pagerduty_means_the_same(layers in layers(), times in proptest::collection::vec(-5_000_i64..100_000, 30)) {
        let listed: Vec<Value> = layers.iter().enumerate().map(|(number, layer)| layer.json(number)).collect();
        let export = json!({
            "users": people(4),
            "schedules": [{ "id": "S", "name": "payments", "time_zone": "UTC", "schedule_layers": listed }],
        });
        compare(Tool::PagerDuty, &export, "payments", &times, |at| {
            let time = (at - monday()).num_minutes();
            layers.iter().find_map(|layer| layer.on_call(time)).into_iter().map(str::to_owned).collect()
        })?;
    }

    /// Grafana OnCall: every occurrence for its duration, by the group whose turn it is.
    #[test]
    fn a_shift_of_grafana_oncall_means_the_same(shift in shift(), times in proptest::collection::vec(-5_000_i64..100_000, 30)) {
        let export = json!({
            "users": people(4), "on_call_shifts": [shift.json()],
            "schedules": [{ "id": "S", "name": "payments", "type": "web", "time_zone": "UTC", "shifts": ["O"] }],
        });
        let occurrences = shift.occurrences(100_000);
        compare(Tool::GrafanaOnCall, &export, "payments", &times, |at| {
            let time = (at - monday()).num_minutes();
            let now = occurrences.iter().filter(|(start, _)| *start <= time && time < start + shift.duration);
            let group = |turn: i64| (usize::try_from(turn).unwrap() + shift.first) % shift.groups;
            now.map(|(_, turn)| PEOPLE[group(*turn)].to_owned()).collect()
        })?;
    }

    /// GoAlert: everybody of whom a rule is active.
    #[test]
    fn rules_of_goalert_mean_the_same(
        rules in proptest::collection::vec((0_i64..1_440, 0_i64..1_440, proptest::array::uniform7(any::<bool>()), 0_usize..4), 1..6),
        times in proptest::collection::vec(0_i64..100_000, 30),
    ) {
        let clock = |time: &i64| format!("{:02}:{:02}", time / 60, time % 60);
        let targets: Vec<Value> = rules.iter().map(|(start, end, filter, person)| json!({
            "target": { "id": (PEOPLE[*person]), "type": "user", "name": "somebody" },
            "rules": [{ "id": "r", "start": clock(start), "end": clock(end), "weekdayFilter": filter }],
        })).collect();
        let export = json!({
            "users": people(4),
            "schedules": [{ "id": "S", "name": "ops", "timeZone": "UTC", "targets": targets }],
        });
        compare(Tool::GoAlert, &export, "ops", &times, |at| {
            let minute = i64::from(at.num_seconds_from_midnight()) / 60;
            let on = |day: Weekday, filter: &[bool; 7]| filter[day.num_days_from_sunday() as usize];
            let active = |(start, end, filter, _): &&(i64, i64, [bool; 7], usize)| {
                if start < end {
                    on(at.weekday(), filter) && *start <= minute && minute < *end
                } else {
                    (on(at.weekday(), filter) && *start <= minute) || (on(at.weekday().pred(), filter) && minute < *end)
                }
            };
            rules.iter().filter(active).map(|(_, _, _, person)| PEOPLE[*person].to_owned()).collect()
        })?;
    }
}

proptest! {
    #![proptest_config(fewer_cases())]

    /// Whatever stands in the files of an earlier import, the next one makes sound files of them.
    #[test]
    fn files_of_an_earlier_import_may_hold_anything(
        tool in proptest::sample::select(Tool::ALL.to_vec()),
        place in any::<usize>(),
        line in "(slack|sns|webhook|email|name) = \"\\PC{0,8}\"|\\[people\\.[a-z \"]{1,6}\\]|\\PC{0,20}",
    ) {
        let documents = corpus(tool);
        let nothing: [(String, String); 0] = [];
        let first = plan(tool, &documents, &nothing);
        let mut existing: Vec<(String, String)> =
            texts(&first).into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect();
        let (_, text) = &mut existing[0];
        let mut lines: Vec<&str> = text.lines().collect();
        let count = lines.len();
        lines.insert(place % count, &line);
        *text = lines.join("\n");
        let second = plan(tool, &documents, &existing);
        prop_assert_eq!(&second.problems, &[], "{}", existing[0].1);
        prop_assert_eq!(first.objects.len(), second.objects.len());
    }
}
