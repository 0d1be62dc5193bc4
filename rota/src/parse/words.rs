//! The small languages inside the quotes: lengths, waits, windows, times. Each says on failure what to write instead;
//! the sentence starts after the name of the key.

use crate::grid::{Every, Unit};
use crate::membership::Rollout;
use crate::window::{MonthDays, Window};
use chrono::{Datelike, NaiveDateTime, NaiveTime, TimeDelta, Weekday, WeekdaySet};
use incident::Urgency;

/// Whether a text can name a person, a schedule or a policy.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_alphanumeric() || "._-".contains(letter))
}

/// The name of a calendar.
pub(super) fn calendar(text: &str) -> Result<String, String> {
    if is_name(text) {
        return Ok(text.to_owned());
    }
    Err(format!("\"{text}\" is no name; write the NAME of a [calendars.NAME] in catops.toml"))
}

/// The length of a turn: `1 week`, `12 hours`, `day`, `12h`.
pub(super) fn every(text: &str) -> Result<Every, String> {
    let advice =
        || format!("\"{text}\" is no length of a turn; write it like \"1 week\", \"12 hours\" or \"2 months\"");
    let (number, unit) = number_and_unit(text);
    let length: u32 = if number.is_empty() { 1 } else { number.parse().map_err(|_| advice())? };
    let unit = match unit.as_str() {
        "h" | "hour" | "hours" => Unit::Hour,
        "d" | "day" | "days" => Unit::Day,
        "w" | "week" | "weeks" => Unit::Week,
        "month" | "months" => Unit::Month,
        "y" | "year" | "years" => Unit::Year,
        _ => return Err(advice()),
    };
    match length {
        0 => Err(format!("\"{text}\" is no time at all; write at least \"1 hour\"")),
        length if length > Every::LENGTH_MAX => {
            Err(format!("\"{text}\" is too long; write at most {} of a unit", Every::LENGTH_MAX))
        }
        length => Ok(Every { length, unit }),
    }
}

/// How a changed rotation starts.
pub(super) fn rollout(text: &str) -> Result<Rollout, String> {
    match text.trim() {
        "now" => Ok(Rollout::Now),
        "after this turn" => Ok(Rollout::AfterThisTurn),
        "after a full round" => Ok(Rollout::AfterAFullRound),
        _ => Err(format!("\"{text}\" is not known; write \"now\", \"after this turn\" or \"after a full round\"")),
    }
}

/// What a policy says about all of its incidents.
pub(super) fn urgency(text: &str) -> Result<Urgency, String> {
    match text.trim() {
        "high" => Ok(Urgency::High),
        "low" => Ok(Urgency::Low),
        _ => Err(format!("\"{text}\" is no urgency; write \"high\" or \"low\", or leave it out: the severity says it")),
    }
}

/// How long a level waits: `5m`, `90 seconds`, `1 hour`; one second to seven days.
pub(super) fn duration(text: &str) -> Result<TimeDelta, String> {
    let advice = || format!("\"{text}\" is no length of time; write it like \"5m\", \"90s\" or \"1h\"");
    let (number, unit) = number_and_unit(text);
    let number: u32 = number.parse().map_err(|_| advice())?;
    let seconds = match unit.as_str() {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        _ => return Err(advice()),
    };
    let wait = TimeDelta::seconds(i64::from(number) * seconds);
    if wait <= TimeDelta::zero() {
        return Err(format!("\"{text}\" leaves no time to answer; write it like \"5m\""));
    }
    if wait > TimeDelta::days(7) {
        return Err(format!("\"{text}\" is too long to wait for an answer; write at most \"7 days\""));
    }
    Ok(wait)
}

/// A wall time: `2026-01-05 09:00`, years 1970 to 2199.
pub(super) fn wall_time(text: &str) -> Result<NaiveDateTime, String> {
    let forms = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
    let time = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text.trim(), form).ok());
    time.filter(|time| (1970..2200).contains(&time.year())).ok_or_else(|| {
        format!("\"{text}\" is no date and time of the schedule's zone; write it like \"2026-01-05 09:00\", years 1970 to 2199")
    })
}

/// A window: `Mon-Fri 08:00-20:00`, `Sat,Sun`, `22:00-06:00`, `Fri 20:00 - Mon 08:00`.
pub(super) fn window(text: &str) -> Result<Window, String> {
    let advice =
        || format!("\"{text}\" is no window; write it like \"Mon-Fri 08:00-20:00\" or \"Fri 20:00 - Mon 08:00\"");
    let joined = text.split('-').map(str::trim).collect::<Vec<_>>().join("-");
    let words: Vec<&str> = joined.split_whitespace().collect();
    let read = match words[..] {
        [hours] if hours.contains(':') => hours_of("Mon-Sun", hours),
        [days] => hours_of(days, "00:00-24:00"),
        [days, hours] => hours_of(days, hours),
        [from_day, middle, to] => week_part(from_day, middle, to),
        _ => None,
    };
    read.ok_or_else(advice)
}

/// Hours on some days. Up to the same hour is 24 hours; up to an earlier one ends on the next day.
fn hours_of(days: &str, hours: &str) -> Option<Window> {
    let mut opens = WeekdaySet::EMPTY;
    for part in days.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut day, last) = (weekday(first)?, weekday(last)?);
        opens.insert(day);
        while day != last {
            day = day.succ();
            opens.insert(day);
        }
    }
    let (from, to) = hours.split_once('-')?;
    let (from, to) = (clock(from)?, clock(to)?);
    let days_open = u8::from(to <= from);
    (!opens.is_empty()).then_some(Window { days: opens, month_days: MonthDays::default(), from, to, days_open })
}

/// From an hour of one weekday to an hour of another.
fn week_part(from_day: &str, middle: &str, to: &str) -> Option<Window> {
    let (from, to_day) = middle.split_once('-')?;
    let (from_day, to_day) = (weekday(from_day)?, weekday(to_day)?);
    let to_midnight_after = to == "24:00";
    let (from, to) = (clock(from)?, clock(to)?);
    let days_between = to_day.days_since(from_day) + u32::from(to_midnight_after);
    let days_open = if days_between == 0 && to <= from { 7 } else { days_between };
    let (days, days_open) = (WeekdaySet::single(from_day), u8::try_from(days_open).ok()?);
    Some(Window { days, month_days: MonthDays::default(), from, to, days_open })
}

/// `mon`, `Mon`, `Monday`.
fn weekday(text: &str) -> Option<Weekday> {
    text.parse().ok()
}

/// `08:00`, `8:00`; `24:00` is the midnight at the end of a day.
fn clock(text: &str) -> Option<NaiveTime> {
    let text = if text == "24:00" { "00:00" } else { text };
    NaiveTime::parse_from_str(text, "%H:%M").ok()
}

/// `12 hours` and `12h` in two parts, the unit in small letters.
fn number_and_unit(text: &str) -> (&str, String) {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    (number, unit.trim().to_lowercase())
}
