//! Dates, times and lengths as calendars write them, and the clocks that they are read on.
//!
//! A clock is one of our zones whenever its name is known, in whatever way it is written; only a zone that a calendar has
//! made up itself is read from the calendar. Wall times become instants by rule L on both.

use super::content::{Block, Line, start_of};
use super::problems::Problems;
use super::rule::Rule;
use crate::span::Span;
use crate::zone::{Occurrence, Zone};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

/// Windows' names of zones in lower case. The file says its source.
static WINDOWS_ZONES: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let names: BTreeMap<String, String> =
        toml::from_str(include_str!("windows_zones.toml")).expect("a test reads the same file");
    names.into_iter().map(|(windows, zone)| (windows.to_lowercase(), zone)).collect()
});

static UTC: LazyLock<Zone> = LazyLock::new(Zone::utc);

/// The most zones that a calendar makes up, and the most that it names beside them. Reading one costs more than an event.
const CLOCKS_MAX: usize = 100;

/// The most changes of its offset that a made-up zone has.
const STRETCHES_MAX: usize = 4_000;

/// The years that a calendar's dates are taken from; others are mistakes, or mean for ever.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2900;

/// The longest length in seconds: 400 years, so that sums stay in the calendar.
const LENGTH_SECONDS_MAX: i64 = 400 * 366 * 86_400;

/// What turns wall times into instants and back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Clock {
    /// A zone of the IANA database.
    Known(Zone),
    /// The offsets that a `VTIMEZONE` writes down, in order and without holes.
    Written(Arc<[Stretch]>),
}

/// A time in which an offset holds: `[start, end)` in Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    start: i64,
    end: i64,
    offset_seconds: i64,
}

/// A date or a time, with the clock it is read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    /// What the clock shows; midnight of an all-day date.
    pub(super) wall: NaiveDateTime,
    /// The clock.
    pub(super) clock: Clock,
    /// Whether only a date was written.
    pub(super) all_day: bool,
}

/// A length: days on the calendar, then seconds that pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Length {
    /// Whole days.
    pub(super) days: i64,
    /// Seconds.
    pub(super) seconds: i64,
}

impl Clock {
    /// Rule L, as [`Zone::instant`] has it.
    pub(super) fn instant(&self, wall: NaiveDateTime, occurrence: Occurrence) -> DateTime<Utc> {
        let stretches = match self {
            Self::Known(zone) => return zone.instant(wall, occurrence),
            Self::Written(stretches) => stretches,
        };
        let wall = wall.and_utc().timestamp();
        let on_wall = |at: i64, stretch: &Stretch| at.saturating_add(stretch.offset_seconds);
        // A made-up zone may say anything; where its stretches are in no order, some stretch answers.
        let found = match occurrence {
            Occurrence::First => {
                let place = stretches.partition_point(|stretch| on_wall(stretch.end, stretch) <= wall);
                stretches.get(place).map(|stretch| (wall - stretch.offset_seconds).max(stretch.start))
            }
            Occurrence::Last => {
                let after = stretches.partition_point(|stretch| on_wall(stretch.start, stretch) <= wall);
                let stretch = after.checked_sub(1).and_then(|place| stretches.get(place));
                stretch.map(|stretch| (wall - stretch.offset_seconds).min(stretch.end))
            }
        };
        DateTime::from_timestamp(found.unwrap_or(wall), 0).unwrap_or_default()
    }

    /// Whether it is UTC, in which calendars write instants and nobody's days.
    pub(super) fn is_utc(&self) -> bool {
        matches!(self, Self::Known(zone) if *zone == *UTC)
    }

    /// What the clock shows at an instant.
    pub(super) fn wall(&self, at: DateTime<Utc>) -> NaiveDateTime {
        let stretches = match self {
            Self::Known(zone) => return zone.wall(at),
            Self::Written(stretches) => stretches,
        };
        let seconds = at.timestamp();
        let place = stretches.partition_point(|stretch| stretch.end <= seconds);
        let offset = stretches.get(place).map_or(0, |stretch| stretch.offset_seconds);
        DateTime::from_timestamp(seconds.saturating_add(offset), 0).unwrap_or_default().naive_utc()
    }
}

impl Moment {
    /// The instant at which it starts something.
    pub(super) fn instant(&self) -> DateTime<Utc> {
        self.clock.instant(self.wall, Occurrence::First)
    }
}

/// The clocks of one calendar.
pub(super) struct Clocks {
    /// In which dates without a clock are read.
    schedule: Clock,
    /// By `TZID`; every one that a line of the calendar has, up to [`CLOCKS_MAX`].
    named: HashMap<String, Clock>,
}

impl Clocks {
    /// The clocks of a calendar whose floating times mean `zone`. `steps` bounds the work, `window` the years that a
    /// made-up zone is written down for.
    pub(super) fn new(blocks: &[Block], zone: &Zone, window: Span, steps: &mut u32, problems: &mut Problems) -> Self {
        let schedule = Clock::Known(zone.clone());
        let mut named = HashMap::new();
        for block in blocks.iter().filter(|block| block.name == "VTIMEZONE").take(CLOCKS_MAX) {
            let Some(name) = block.line("TZID").map(Line::text) else { continue };
            let location = block.line("X-LIC-LOCATION").map(Line::text);
            let known = known_zone(&name).or_else(|| location.and_then(|name| known_zone(&name)));
            if let Some(clock) = known.map(Clock::Known).or_else(|| written(block, window, steps)) {
                named.insert(name, clock);
            }
        }
        for line in blocks.iter().flat_map(|block| &block.lines) {
            let Some(name) = line.parameter("TZID").filter(|name| !named.contains_key(*name)) else { continue };
            let known = if named.len() < 2 * CLOCKS_MAX { known_zone(name).map(Clock::Known) } else { None };
            let clock = known.unwrap_or_else(|| {
                let message = format!("there is no time zone \"{}\"; the schedule's is taken", start_of(name));
                problems.at(line.number, &message);
                schedule.clone()
            });
            if named.len() < 2 * CLOCKS_MAX {
                named.insert(name.to_owned(), clock);
            }
        }
        Self { schedule, named }
    }

    /// The clock on which floating times and dates are read.
    pub(super) const fn schedule(&self) -> &Clock {
        &self.schedule
    }

    /// Reads the value of a line such as `DTSTART;TZID=Europe/Madrid:20260105T090000`.
    ///
    /// # Errors
    /// In words, when it is no date or time.
    pub(super) fn moment(&self, line: &Line) -> Result<Moment, String> {
        self.moment_of(line, line.value.trim())
    }

    /// Reads a list of dates or times, such as `EXDATE` has; of a period only its start counts.
    pub(super) fn moments(&self, line: &Line, problems: &mut Problems) -> Vec<Moment> {
        let mut moments = Vec::new();
        for value in line.value.split(',').filter(|value| !value.trim().is_empty()) {
            let start = value.split('/').next().unwrap_or_default();
            match self.moment_of(line, start.trim()) {
                Ok(moment) => moments.push(moment),
                Err(message) => problems.at(line.number, &message),
            }
        }
        moments
    }

    fn moment_of(&self, line: &Line, value: &str) -> Result<Moment, String> {
        let is_utc = value.ends_with(['Z', 'z']);
        let read = wall(value.trim_end_matches(['Z', 'z'])).filter(|(wall, _)| YEARS.contains(&wall.year()));
        let (wall, all_day) =
            read.ok_or_else(|| format!("{} is no date or time: \"{}\"", line.name, start_of(value)))?;
        let named = || line.parameter("TZID").and_then(|name| self.named.get(name));
        let clock = match named() {
            _ if all_day => self.schedule.clone(),
            _ if is_utc => Clock::Known(UTC.clone()),
            clock => clock.unwrap_or(&self.schedule).clone(),
        };
        Ok(Moment { wall, clock, all_day })
    }
}

/// The zone that a calendar's name for it means: an IANA name, also behind the path of a program
/// (`/freeassociation.sourceforge.net/Europe/Madrid`), a Windows name, or Exchange's `tzone://Microsoft/Utc`.
fn known_zone(name: &str) -> Option<Zone> {
    let name = name.trim().trim_matches('"');
    if name.eq_ignore_ascii_case("tzone://Microsoft/Utc") {
        return Some(Zone::utc());
    }
    if let Some(zone) = WINDOWS_ZONES.get(&name.to_lowercase()) {
        return Zone::get(zone);
    }
    // A name has at most three parts; what comes before them is the program's.
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
    let first = if name.starts_with('/') { parts.len().saturating_sub(3) } else { 0 };
    let names = (first..parts.len()).map(|place| parts[place..].join("/"));
    let mut names = if name.starts_with('/') { names.collect() } else { vec![name.to_owned()] }.into_iter();
    names.find_map(|name| Zone::get(&name))
}

/// The offsets of a `VTIMEZONE`, from two years before the window to two years after.
fn written(block: &Block, window: Span, steps: &mut u32) -> Option<Clock> {
    let years = TimeDelta::days(2 * 366);
    let [from, to] = [window.start - years, window.end + years].map(|at| at.naive_utc());
    let mut onsets: Vec<(i64, i64, i64)> = Vec::new();
    for part in &block.parts {
        let offset = |name| part.line(name).and_then(|line| offset_seconds(line.value.trim()));
        let Some((before, after)) = offset("TZOFFSETFROM").zip(offset("TZOFFSETTO")) else { continue };
        let Some((start, _)) = part.line("DTSTART").and_then(|line| wall(line.value.trim())) else { continue };
        let mut walls = vec![start];
        for line in part.all("RRULE") {
            let Ok(rule) = Rule::read(&line.value) else { continue };
            let until = |until: NaiveDateTime| until + TimeDelta::seconds(before);
            rule.expand(start, from, to, until, steps, &mut walls);
        }
        walls.extend(part.all("RDATE").filter_map(|line| wall(line.value.trim())).map(|(wall, _)| wall));
        onsets.extend(walls.into_iter().map(|wall| (wall.and_utc().timestamp() - before, before, after)));
    }
    onsets.sort_unstable();
    onsets.dedup();
    onsets.truncate(STRETCHES_MAX);
    let (_, first_offset, _) = *onsets.first()?;
    let mut stretches = vec![Stretch { start: i64::MIN, end: i64::MAX, offset_seconds: first_offset }];
    for (start, _, offset_seconds) in onsets {
        if let Some(last) = stretches.last_mut() {
            last.end = start;
        }
        stretches.push(Stretch { start, end: i64::MAX, offset_seconds });
    }
    Some(Clock::Written(stretches.into()))
}

/// `20260105` or `20260105T090000`; whether it was a date alone.
fn wall(value: &str) -> Option<(NaiveDateTime, bool)> {
    let (date, time) = match value.split_once(['T', 't']) {
        Some((date, time)) => (date, Some(time)),
        None => (value, None),
    };
    let number =
        |text: Option<&str>| text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse::<u32>().ok();
    if date.len() != 8 {
        return None;
    }
    let year = i32::try_from(number(date.get(..4))?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(date.get(4..6))?, number(date.get(6..8))?)?;
    let Some(time) = time else { return Some((date.and_time(NaiveTime::MIN), true)) };
    if time.len() != 6 {
        return None;
    }
    // A leap second is the one before it.
    let second = number(time.get(4..6))?.min(59);
    Some((date.and_hms_opt(number(time.get(..2))?, number(time.get(2..4))?, second)?, false))
}

/// Reads a date or a time of a recurrence rule's `UNTIL`: the wall, whether it is a date alone, whether it is UTC.
pub(super) fn until(value: &str) -> Option<(NaiveDateTime, bool, bool)> {
    let is_utc = value.ends_with(['Z', 'z']);
    wall(value.trim_end_matches(['Z', 'z'])).map(|(wall, all_day)| (wall, all_day, is_utc))
}

/// `+0100`, `-033000`.
fn offset_seconds(value: &str) -> Option<i64> {
    let (sign, digits) = match value.split_at_checked(1)? {
        ("-", digits) => (-1, digits),
        ("+", digits) => (1, digits),
        _ => (1, value),
    };
    if !matches!(digits.len(), 4 | 6) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |place: usize| digits.get(place..place + 2).map_or(Some(0), |part| part.parse::<i64>().ok());
    let seconds = part(0)? * 3_600 + part(2)? * 60 + part(4)?;
    (seconds < 86_400).then_some(sign * seconds)
}

impl Length {
    /// Reads `P1W`, `P1DT2H30M`, `-PT15M`.
    pub(super) fn read(value: &str) -> Option<Self> {
        let (sign, value) = match value.trim().to_ascii_uppercase() {
            value if value.starts_with('-') => (-1, value),
            value => (1, value),
        };
        let value = value.trim_start_matches(['+', '-']).strip_prefix('P')?.to_owned();
        let (mut days, mut seconds, mut digits, mut in_time) = (0_i64, 0_i64, String::new(), false);
        for letter in value.chars() {
            if letter.is_ascii_digit() {
                digits.push(letter);
                continue;
            }
            let number = || digits.parse::<i64>().ok().filter(|number| *number <= LENGTH_SECONDS_MAX);
            match (letter, in_time) {
                ('T', false) if digits.is_empty() => in_time = true,
                ('W', false) => days = days.checked_add(number()?.checked_mul(7)?)?,
                ('D', false) => days = days.checked_add(number()?)?,
                ('H', true) => seconds = seconds.checked_add(number()?.checked_mul(3_600)?)?,
                ('M', true) => seconds = seconds.checked_add(number()?.checked_mul(60)?)?,
                ('S', true) => seconds = seconds.checked_add(number()?)?,
                _ => return None,
            }
            digits.clear();
        }
        let short = days.checked_mul(86_400)?.checked_add(seconds)? <= LENGTH_SECONDS_MAX;
        (short && digits.is_empty()).then_some(Self { days: sign * days, seconds: sign * seconds })
    }
}

#[cfg(test)]
mod tests;
