//! A time as an on-call person types it: `18:00`, `tomorrow 09:00`, `mon 09:00`, `2026-12-24 08:00`, RFC 3339.
//! What the clock shows is an argument, as everywhere here. It reads one moment, never a span.

use crate::natural::SpokenSpan;
use crate::rota::Rota;
use crate::zone::{Occurrence, Zone};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday};
use std::fmt;

/// Characters of an unreadable time that are repeated to whoever typed it.
const SAID_CHARS_MAX: usize = 40;

/// A moment that somebody asked about. `Display` tells it in words, with its zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// The instant.
    pub at: DateTime<Utc>,
    /// The zone that it was meant in, and is told in.
    pub zone: Zone,
}

/// Said when a text is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{said}\" is no time that I can read; write it like \"18:00\", \"tomorrow 09:00\", \"mon 09:00\" or \"2026-12-24 08:00\""
)]
pub struct UnreadableTime {
    /// What was typed, shortened.
    pub said: String,
}

impl When {
    /// Reads a time. A zone's name at the end (`18:00 UTC`) counts instead of `zone`. An hour alone and a weekday are the
    /// next ones from `now` on; a time that clocks skip or show twice is told by rule L.
    ///
    /// # Errors
    /// When it is no time, or none of the years 1970 to 2199.
    pub fn parse(text: &str, zone: &Zone, now: DateTime<Utc>) -> Result<Self, UnreadableTime> {
        let text = text.trim();
        let when = match DateTime::parse_from_rfc3339(text) {
            Ok(at) => Some(Self { at: at.to_utc(), zone: zone.clone() }),
            Err(_) => Self::of_words(text, zone, now),
        };
        let readable = when.filter(|when| (1970..2200).contains(&when.at.year()));
        readable.ok_or_else(|| UnreadableTime { said: text.chars().take(SAID_CHARS_MAX).collect() })
    }

    /// Reads a moment as people say it in passing: what [`Self::parse`] reads, and `tomorrow night`, `fri 3am`, `next monday`;
    /// of a stretch of time (`next week`, `tonight`) its start.
    ///
    /// # Errors
    /// When it is no time; the error says how to write one.
    pub fn spoken(text: &str, zone: &Zone, now: DateTime<Utc>) -> Result<Self, UnreadableTime> {
        Self::parse(text, zone, now).or_else(|unreadable| {
            let text = with_hours(text);
            // A moment is where a stretch of any length starts.
            let moment = SpokenSpan::parse(&format!("{text} for 1m"), zone, now);
            let spoken = moment.or_else(|_| SpokenSpan::parse(&text, zone, now));
            spoken.map(|spoken| Self { at: spoken.span.start, zone: spoken.zone }).map_err(|_| unreadable)
        })
    }

    fn of_words(text: &str, zone: &Zone, now: DateTime<Utc>) -> Option<Self> {
        let small = text.to_lowercase();
        let words: Vec<&str> = small.split_whitespace().collect();
        let (words, zone) = match words.split_last() {
            Some((last, before)) if !before.is_empty() && clock(last).is_none() => match Zone::get(last) {
                Some(named) => (before, named),
                None => (&words[..], zone.clone()),
            },
            _ => (&words[..], zone.clone()),
        };
        let at = match words {
            ["now"] => now,
            [word] => match word.split_once('t') {
                Some((date, time)) => on_day(date, clock(time)?, &zone, now)?,
                None => next_at(clock(word)?, &zone, now),
            },
            [first, second] => match (clock(first), clock(second)) {
                (None, Some(time)) => on_day(first, time, &zone, now)?,
                (Some(time), None) => on_day(second, time, &zone, now)?,
                _ => return None,
            },
            _ => return None,
        };
        Some(Self { at, zone })
    }
}

impl fmt::Display for When {
    /// `Tue 24 Nov 2026 09:00 Europe/Madrid`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.zone.wall(self.at).format("%a %-d %b %Y %H:%M"), self.zone.name())
    }
}

impl Rota {
    /// The zone in which a question about a schedule is meant: its own; without a name the one that all schedules share,
    /// else UTC, so that one time is asked about and not several.
    #[must_use]
    pub fn zone_of(&self, schedule: Option<&str>) -> Zone {
        let named = schedule.and_then(|name| self.schedule(name).ok());
        let mut asked = named.into_iter().chain(self.schedules.values().filter(|_| named.is_none()));
        let first = asked.next().map_or_else(Zone::utc, |schedule| schedule.zone.clone());
        if asked.all(|schedule| schedule.zone == first) { first } else { Zone::utc() }
    }
}

/// The words with the hours that a part of the day begins at, and without "next" and "this" in front of a weekday, which is
/// the next one anyway.
fn with_hours(text: &str) -> String {
    let small = text.to_lowercase();
    let words: Vec<&str> = small.split_whitespace().collect();
    let is_weekday = |word: Option<&&str>| word.is_some_and(|word| word.parse::<Weekday>().is_ok());
    let mut told: Vec<&str> = Vec::new();
    for (place, word) in words.iter().enumerate() {
        match *word {
            "next" | "this" if is_weekday(words.get(place + 1)) => {}
            "this" if words.get(place + 1).is_some_and(|next| hours_of(next).is_some()) => told.push("today"),
            word => told.push(hours_of(word).filter(|_| place > 0).unwrap_or(word)),
        }
    }
    told.join(" ")
}

/// When a part of the day begins; a night as `tonight` does.
fn hours_of(part: &str) -> Option<&'static str> {
    Some(match part {
        "morning" => "09:00",
        "noon" => "12:00",
        "afternoon" => "15:00",
        "evening" => "19:00",
        "night" => "22:00",
        _ => return None,
    })
}

/// The next instant, from now on, at which clocks show this.
fn next_at(time: NaiveTime, zone: &Zone, now: DateTime<Utc>) -> DateTime<Utc> {
    let today = zone.wall(now).date();
    let at = wall(today, time, zone);
    if at < now { wall(today + TimeDelta::days(1), time, zone) } else { at }
}

fn on_day(day: &str, time: NaiveTime, zone: &Zone, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let today = zone.wall(now).date();
    let days = |number| Some(today + TimeDelta::days(number));
    let date = match day {
        "yesterday" => days(-1),
        "today" => days(0),
        "tomorrow" => days(1),
        day => match day.parse::<Weekday>() {
            Ok(weekday) => return Some(next_weekday(weekday, time, zone, now)),
            Err(_) => NaiveDate::parse_from_str(day, "%Y-%m-%d").ok(),
        },
    };
    date.map(|date| wall(date, time, zone))
}

fn next_weekday(weekday: Weekday, time: NaiveTime, zone: &Zone, now: DateTime<Utc>) -> DateTime<Utc> {
    let today = zone.wall(now).date();
    let ahead = i64::from(weekday.days_since(today.weekday()));
    let at = wall(today + TimeDelta::days(ahead), time, zone);
    if at < now { wall(today + TimeDelta::days(ahead + 7), time, zone) } else { at }
}

fn wall(date: NaiveDate, time: NaiveTime, zone: &Zone) -> DateTime<Utc> {
    zone.instant(NaiveDateTime::new(date, time), Occurrence::First)
}

/// `18:00`, `9:00`, `09:00:30`.
fn clock(text: &str) -> Option<NaiveTime> {
    ["%H:%M", "%H:%M:%S"].iter().find_map(|form| NaiveTime::parse_from_str(text, form).ok())
}

#[cfg(test)]
mod tests;
