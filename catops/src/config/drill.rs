//! `[[drill]]` of `catops.toml`: drills that come back, each at a minute that nobody can guess by looking at the clock.
//!
//! Pure: the minute follows from the rule and the number of its period alone, so a restart and another process find the
//! same one. It begins no drill.

use crate::config::file::duration;
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use log::Digest;
use rota::{Occurrence, Zone};
use serde::{Deserialize, Deserializer};

/// Longest period, in days: a drill that comes less than once a year is not worth a rule.
const EVERY_DAYS_MAX: u32 = 366;
/// How many periods are looked at for the next drill: of a period whose weekdays do not occur in it there is none.
const PERIODS_LOOKED_AT: i64 = 60;
/// How long an answer is waited for, unless somebody says otherwise.
pub const ANSWER_WITHIN: TimeDelta = TimeDelta::minutes(10);
/// The shortest and the longest time for an answer.
pub const ANSWER_WITHIN_LIMITS: [TimeDelta; 2] = [TimeDelta::minutes(1), TimeDelta::hours(4)];

/// A drill that comes back.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillRule {
    /// Its name, by which the log knows it: keep it, or the present period gets a second drill.
    pub name: String,
    /// Whoever is asked for an alarm of this service.
    #[serde(default)]
    pub service: Option<String>,
    /// Whoever is on duty on this schedule.
    #[serde(default)]
    pub schedule: Option<String>,
    /// This person, on duty or not.
    #[serde(default)]
    pub person: Option<String>,
    /// Whoever this policy asks.
    #[serde(default)]
    pub policy: Option<String>,
    /// Shown to whoever is asked.
    #[serde(default)]
    pub why: String,
    /// The length of a period, in days: `1 week`, `10 days`. Each has one drill.
    #[serde(default = "week", deserialize_with = "days")]
    pub every: u32,
    /// The day on which a period begins.
    #[serde(default = "monday")]
    pub first: NaiveDate,
    /// The zone of `between`.
    #[serde(default = "Zone::utc", deserialize_with = "zone")]
    pub zone: Zone,
    /// From which time to which, on clocks of the zone: the drill lies in it, its end excluded.
    #[serde(default = "office_hours", deserialize_with = "between")]
    pub between: [NaiveTime; 2],
    /// On which days.
    #[serde(default = "working_days", deserialize_with = "weekdays")]
    pub days: Vec<Weekday>,
    /// How long an answer is waited for.
    #[serde(default = "answer_within", deserialize_with = "duration")]
    pub answer_within: TimeDelta,
}

/// When a rule wants a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appointment {
    /// Which period it belongs to: 0 begins on `first`.
    pub period: i64,
    /// The instant.
    pub at: DateTime<Utc>,
}

impl DrillRule {
    /// The first drill after an instant; none when its days occur in none of the next periods.
    #[must_use]
    pub fn next_after(&self, at: DateTime<Utc>) -> Option<Appointment> {
        let begun = self.zone.wall(at).date().signed_duration_since(self.first).num_days();
        // None before the first day.
        let present = begun.div_euclid(i64::from(self.every.max(1))).max(0);
        let mut appointments = (present..present + PERIODS_LOOKED_AT).filter_map(|period| self.appointment(period));
        appointments.find(|appointment| appointment.at > at)
    }

    /// The drill of a period.
    #[must_use]
    pub fn appointment(&self, period: i64) -> Option<Appointment> {
        let every = i64::from(self.every.max(1));
        let start = self.first.checked_add_signed(TimeDelta::try_days(period.checked_mul(every)?)?)?;
        let days = (0..self.every.max(1)).filter_map(|day| start.checked_add_days(Days::new(day.into())));
        let days: Vec<NaiveDate> = days.filter(|day| self.days.contains(&day.weekday())).collect();
        let day = days.get(self.pick(period, "day", days.len())?)?;
        let [from, until] = self.between;
        let minutes = usize::try_from((until - from).num_minutes()).ok()?;
        let minute = self.pick(period, "minute", minutes)?;
        let time = from + TimeDelta::try_minutes(i64::try_from(minute).ok()?)?;
        Some(Appointment { period, at: self.zone.instant(day.and_time(time), Occurrence::First) })
    }

    /// One of so many, alike for the same rule and period; none of none.
    fn pick(&self, period: i64, what: &str, of: usize) -> Option<usize> {
        let digest = Digest::of(format!("{}/{period}/{what}", self.name).as_bytes()).to_string();
        let number = u64::from_str_radix(digest.get(..16)?, 16).ok()?;
        usize::try_from(number % u64::try_from(of).ok().filter(|of| *of > 0)?).ok()
    }

    /// What is wrong with it by itself, and what to write instead.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let named = format!("[[drill]] \"{}\"", self.name);
        let mut problems = Vec::new();
        let asked = [&self.service, &self.schedule, &self.person];
        if asked.iter().filter(|asked| asked.is_some()).count() > 1
            || (self.policy.is_some() && (self.schedule.is_some() || self.person.is_some()))
        {
            problems.push(format!(
                "{named} asks several; name a service, a schedule or a person, and a policy only with a service or alone"
            ));
        }
        if self.between[0] >= self.between[1] {
            problems.push(format!("{named} lies between a time and an earlier one; write between = \"10:00-16:00\""));
        }
        let [least, most] = ANSWER_WITHIN_LIMITS;
        if self.answer_within < least || self.answer_within > most {
            problems.push(format!("{named} has answer_within outside of 1m to 4h"));
        }
        if self.name.is_empty() || self.name.contains('/') {
            problems.push(format!("{named} has a name that is empty or holds a slash"));
        }
        problems
    }
}

const fn week() -> u32 {
    7
}

/// A Monday long ago: periods of a week begin on Mondays.
fn monday() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 5).expect("a day")
}

fn office_hours() -> [NaiveTime; 2] {
    [10, 16].map(|hour| NaiveTime::from_hms_opt(hour, 0, 0).expect("a time"))
}

fn working_days() -> Vec<Weekday> {
    vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri]
}

const fn answer_within() -> TimeDelta {
    ANSWER_WITHIN
}

fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = || {
        let message =
            format!("\"{text}\" is no period; write every = \"1 week\", \"10 days\", at most {EVERY_DAYS_MAX} days");
        serde::de::Error::custom(message)
    };
    let (number, unit) = text.trim().split_once(' ').ok_or_else(wrong)?;
    let number: u32 = number.parse().map_err(|_| wrong())?;
    let days = match unit.trim() {
        "day" | "days" => Some(number),
        "week" | "weeks" => number.checked_mul(7),
        _ => None,
    };
    days.filter(|days| (1..=EVERY_DAYS_MAX).contains(days)).ok_or_else(wrong)
}

fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zone, D::Error> {
    let name = String::deserialize(deserializer)?;
    let wrong = || serde::de::Error::custom(format!("there is no zone \"{name}\"; write one as Europe/Berlin"));
    Zone::get(&name).ok_or_else(wrong)
}

fn between<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[NaiveTime; 2], D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = || serde::de::Error::custom(format!("\"{text}\" is no part of a day; write between = \"10:00-16:00\""));
    let (from, until) = text.split_once('-').ok_or_else(wrong)?;
    let time = |text: &str| NaiveTime::parse_from_str(text.trim(), "%H:%M").map_err(|_| wrong());
    Ok([time(from)?, time(until)?])
}

fn weekdays<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Weekday>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let wrong = |name: &str| serde::de::Error::custom(format!("\"{name}\" is no day; write days = [\"mon\", \"tue\"]"));
    names.iter().map(|name| name.parse().map_err(|_| wrong(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> DrillRule {
        toml::from_str(&format!("name = \"payments\"\nschedule = \"payments\"\n{text}")).unwrap()
    }

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn each_period_has_one_drill_in_its_hours_and_it_is_found_again() {
        let rule =
            rule("every = \"1 week\"\nzone = \"Europe/Berlin\"\nbetween = \"10:00-12:00\"\ndays = [\"tue\", \"thu\"]");
        let (mut at, mut minutes) = (time("2026-01-01T00:00:00Z"), std::collections::BTreeSet::new());
        for week in 0..60 {
            let next = rule.next_after(at).unwrap();
            assert_eq!(next.period, week, "no week without one, and none with two");
            let wall = rule.zone.wall(next.at);
            assert!(matches!(wall.weekday(), Weekday::Tue | Weekday::Thu), "{wall}");
            assert!(rule.between[0] <= wall.time() && wall.time() < rule.between[1], "{wall}");
            assert_eq!(rule.next_after(next.at - TimeDelta::seconds(1)), Some(next), "asked again it is the same");
            minutes.insert((wall.weekday().num_days_from_monday(), wall.time()));
            at = next.at;
        }
        assert!(minutes.len() > 45, "nobody can prepare for it: {} different moments of 60", minutes.len());
    }

    #[test]
    fn another_rule_has_other_minutes() {
        let first = rule("");
        let second = DrillRule { name: "orders".to_owned(), ..first.clone() };
        let same = (0..52).filter(|period| first.appointment(*period) == second.appointment(*period)).count();
        assert!(same < 3, "{same} of 52");
    }

    #[test]
    fn days_that_do_not_occur_in_a_period_are_waited_for() {
        let rule = rule("every = \"1 day\"\ndays = [\"sat\"]");
        let next = rule.next_after(time("2026-11-23T00:00:00Z")).unwrap();
        assert_eq!(next.at.date_naive().to_string(), "2026-11-28");
        assert!(rule_without_days().next_after(time("2026-11-23T00:00:00Z")).is_none());
    }

    fn rule_without_days() -> DrillRule {
        DrillRule { days: Vec::new(), ..rule("") }
    }

    #[test]
    fn mistakes_say_what_to_write() {
        let read = |text: &str| toml::from_str::<DrillRule>(&format!("name = \"x\"\n{text}")).unwrap_err().to_string();
        assert!(read("every = \"1 hour\"").contains("write every = \"1 week\""));
        assert!(read("zone = \"Berlin\"").contains("Europe/Berlin"));
        assert!(read("between = \"10\"").contains("10:00-16:00"));
        assert!(read("days = [\"someday\"]").contains("is no day"));
        let several = rule("person = \"ana\"\nbetween = \"16:00-10:00\"\nanswer_within = \"1s\"");
        assert_eq!(several.problems().len(), 3, "{:?}", several.problems());
    }
}
