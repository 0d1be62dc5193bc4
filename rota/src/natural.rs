//! A stretch of time as an on-call person types it: `sat 10-14`, `tomorrow 22:00-06:00`, `fri 20:00 - mon 08:00`, `now for
//! 2h`, `next week`. Its start is read by [`When`], its end from its start; so a start is in the future unless a date is
//! written. By rule L it starts at the first and ends at the last occurrence of a wall time that comes twice.

use crate::span::Span;
use crate::told;
use crate::when::When;
use crate::zone::{Occurrence, Zone};
use chrono::{DateTime, Datelike, Days, Month, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use std::fmt;

/// Characters of a text that are read; nobody types a time that is longer.
const READ_CHARS_MAX: usize = 120;

/// Characters of an unreadable text that are repeated to whoever typed it.
const SAID_CHARS_MAX: usize = 40;

/// A stretch of time that somebody typed. `Display` repeats it: `Sat 28 Nov 10:00 to 14:00 Europe/Madrid, 4 h`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpokenSpan {
    /// The time; its start is before its end.
    pub span: Span,
    /// The zone that it was meant in, and is told in.
    pub zone: Zone,
    near: DateTime<Utc>,
}

/// Said when a text is no stretch of time. The words are for whoever typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{said}\" {problem}")]
pub struct UnreadableSpan {
    /// What was typed, shortened.
    pub said: String,
    /// What is wrong with it.
    pub problem: SpanProblem,
}

/// Why a text is no stretch of time, and what to write instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpanProblem {
    /// Nothing that is known.
    #[error(
        "is no time that I can read; write it like \"sat 10-14\", \"tomorrow 22:00-06:00\", \"now for 2h\" or \"2026-12-24 18:00 to 2026-12-26 09:00\""
    )]
    Unknown,
    /// A moment, where a time with an end is needed.
    #[error("does not say until when; write it like \"sat 10-14\" or \"sat 10:00 for 2h\"")]
    NoEnd,
    /// Two times or more.
    #[error("is more than one time; write each on its own, like \"mon 9-17\"")]
    Several,
    /// It ends before it starts, or at once.
    #[error("ends before it starts; write the start first, like \"2026-12-24 18:00 to 2026-12-26 09:00\"")]
    Backwards,
    /// Its end has passed, and no date was written.
    #[error("is over; write a later time, or its date if you mean the past")]
    Over,
}

impl SpokenSpan {
    /// Reads a time. The name of a zone at the end counts instead of `zone`.
    ///
    /// `today` starts now; a weekday is the next one that has not begun; an end without a day is the first after the start;
    /// a day as the end is included; `28 nov` is the next one; `weekend` is the one that comes or runs, from Saturday 00:00
    /// to Monday 00:00; `tonight` is 22:00 to 06:00.
    ///
    /// # Errors
    /// When it is no such time, or outside the years 1970 to 2199; the error says what to write instead.
    pub fn parse(text: &str, zone: &Zone, now: DateTime<Utc>) -> Result<Self, UnreadableSpan> {
        Self::read(text, zone, now)
            .map_err(|problem| UnreadableSpan { said: text.trim().chars().take(SAID_CHARS_MAX).collect(), problem })
    }

    fn read(text: &str, zone: &Zone, now: DateTime<Utc>) -> Result<Self, SpanProblem> {
        if text.chars().count() > READ_CHARS_MAX {
            return Err(SpanProblem::Unknown);
        }
        let words = words(text);
        let (words, zone) = match words.split_last() {
            Some((last, before)) if !before.is_empty() && !is_known(last) => match Zone::get(last) {
                Some(named) => (before, named),
                None => (&words[..], zone.clone()),
            },
            _ => (&words[..], zone.clone()),
        };
        let words = with_dates(words, zone.wall(now).date()).ok_or(SpanProblem::Unknown)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let span = Reader { zone: &zone, now }.read(&words)?;
        let readable = |at: DateTime<Utc>| (1970..2200).contains(&at.year());
        let has_date = words.iter().any(|word| date(word).is_some() || instant(word).is_some());
        if !readable(span.start) || !readable(span.end) {
            Err(SpanProblem::Unknown)
        } else if span.start >= span.end {
            Err(SpanProblem::Backwards)
        } else if span.end <= now && !has_date {
            Err(SpanProblem::Over)
        } else {
            Ok(Self { span, zone, near: now })
        }
    }
}

impl fmt::Display for SpokenSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (time, length) = (told::span(self.span, &self.zone, self.near), told::length(self.span.length()));
        write!(f, "{time} {}, {length}", self.zone.name())
    }
}

/// The words in small letters; a dash between two times is a word, one inside a date or a zone is not.
fn words(text: &str) -> Vec<String> {
    let small = text.to_lowercase().replace(['–', '—'], "-");
    let mut words: Vec<String> = Vec::new();
    for word in small.split_whitespace() {
        let half = words.last().is_some_and(|last| clock(&format!("{last}{word}")).is_some());
        match (word, words.last_mut()) {
            ("am" | "pm", Some(hour)) if half => hour.push_str(word),
            ("to" | "till" | "until", _) => words.push("-".to_owned()),
            ("from" | "on" | "at", _) => {}
            _ if date(word).is_some() || instant(word).is_some() || Zone::get(word).is_some() => {
                words.push(word.to_owned())
            }
            _ => match word.split_once('t').and_then(|(day, time)| Some((date(day)?, clock(time)?, day, time))) {
                Some((_, _, day, time)) => words.extend([day.to_owned(), time.to_owned()]),
                None => words.extend(dashed(word)),
            },
        }
    }
    words
}

/// `10-14` as three words.
fn dashed(word: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for (place, part) in word.split('-').enumerate() {
        if place > 0 {
            parts.push("-".to_owned());
        }
        if !part.is_empty() {
            parts.push(part.to_owned());
        }
    }
    parts
}

/// The words with `28 nov`, `nov 28` and `sat 28 nov 2026` as dates; without a year it is the next such day from `today` on.
/// `None` when a weekday does not go with its date.
fn with_dates(words: &[String], today: NaiveDate) -> Option<Vec<String>> {
    let mut dated: Vec<String> = Vec::new();
    let mut rest = words;
    while let [first, after @ ..] = rest {
        rest = after;
        let second = after.first().map(String::as_str).unwrap_or_default();
        let Some((day, month)) = day_of_month(first, second).or_else(|| day_of_month(second, first)) else {
            dated.push(first.clone());
            continue;
        };
        rest = rest.get(1..)?;
        let year = rest.first().filter(|word| word.len() == 4).and_then(|word| word.parse::<i32>().ok());
        let date = match year {
            Some(year) => {
                rest = rest.get(1..)?;
                NaiveDate::from_ymd_opt(year, month, day)?
            }
            // Within eight years there is a 29 Feb.
            None => (0..=8)
                .filter_map(|years| NaiveDate::from_ymd_opt(today.year() + years, month, day))
                .find(|date| *date >= today)?,
        };
        if let Some(weekday) = dated.last().and_then(|word| word.parse::<Weekday>().ok()) {
            (date.weekday() == weekday).then(|| dated.pop())?;
        }
        dated.push(date.format("%Y-%m-%d").to_string());
    }
    Some(dated)
}

/// `28` and `nov`.
fn day_of_month(day: &str, month: &str) -> Option<(u32, u32)> {
    let day = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    Some((day, month.parse::<Month>().ok()?.number_from_month()))
}

/// Whether a word means something here, so that it is no zone: `est` is one, `sat` is none.
fn is_known(word: &str) -> bool {
    word == "-"
        || clock(word).is_some()
        || day(word).is_some()
        || length(&[word]).is_some()
        || word.parse::<Month>().is_ok()
}

/// One end of a time as it was typed. Both parts missing is nothing.
#[derive(Clone, Copy)]
struct End<'w> {
    day: Option<(&'w str, Day)>,
    clock: Option<Clock>,
}

impl End<'_> {
    /// Whether this as the start goes with `last` as the end in more than one way: `dec 10-14` and `10-14 dec` may mean
    /// hours or days.
    fn is_unlike(self, last: Self) -> bool {
        match (self.day, self.clock, last.day, last.clock) {
            (Some((_, Day::Today)), ..) => false,
            (Some(_), None, None, _) | (None, Some(_), Some(_), None) => true,
            _ => false,
        }
    }
}

/// A day as it was typed.
#[derive(Clone, Copy)]
enum Day {
    Today,
    Tomorrow,
    Weekday(Weekday),
    Date(NaiveDate),
}

/// A wall time; a day ends at 24:00.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Clock {
    At(NaiveTime),
    DayEnds,
}

/// A length: days of the calendar, and time on top.
#[derive(Clone, Copy)]
struct Length {
    days: u64,
    time: TimeDelta,
}

/// Reads in a zone, from an instant.
struct Reader<'r> {
    zone: &'r Zone,
    now: DateTime<Utc>,
}

impl Reader<'_> {
    fn read(&self, words: &[&str]) -> Result<Span, SpanProblem> {
        if let Some(named) = self.named(words) {
            return Ok(named);
        }
        if let Some(length) = length(words) {
            return self.lasting(self.now, length);
        }
        if let Some(place) = words.iter().position(|word| *word == "for") {
            let (start, rest) = words.split_at(place);
            let length = rest.get(1..).and_then(length).ok_or(SpanProblem::Unknown)?;
            let start = if start.is_empty() { self.now } else { self.moment(start)? };
            return self.lasting(start, length);
        }
        let dashes = words.iter().filter(|word| **word == "-").count();
        match (dashes, words.iter().position(|word| *word == "-")) {
            (0, _) => self.whole_day(words),
            (1, Some(place)) => self.between(&words[..place], &words[place + 1..]),
            _ => Err(SpanProblem::Several),
        }
    }

    /// Times that have a name.
    fn named(&self, words: &[&str]) -> Option<Span> {
        let today = self.zone.wall(self.now).date();
        let monday = |weeks: u64| {
            let this_monday = today.checked_sub_days(Days::new(today.weekday().num_days_from_monday().into()))?;
            this_monday.checked_add_days(Days::new(7 * weeks))
        };
        let saturday = |weeks: u64| monday(weeks)?.checked_add_days(Days::new(5));
        let span =
            |from: NaiveDate, to: NaiveDate| Span { start: self.day_starts(from), end: self.day_ends_before(to) };
        match words {
            ["next", "week"] => Some(span(monday(1)?, monday(2)?)),
            ["this", "week"] => Some(Span { start: self.now, end: self.day_ends_before(monday(1)?) }),
            ["weekend"] | ["this", "weekend"] => {
                let weekend = span(saturday(0)?, monday(1)?);
                Some(Span { start: weekend.start.max(self.now), end: weekend.end })
            }
            ["next", "weekend"] => Some(span(saturday(1)?, monday(2)?)),
            ["tonight"] => {
                let night = (NaiveTime::from_hms_opt(22, 0, 0)?, NaiveTime::from_hms_opt(6, 0, 0)?);
                let start = self.zone.instant(today.and_time(night.0), Occurrence::First).max(self.now);
                Some(Span { start, end: self.zone.instant(today.succ_opt()?.and_time(night.1), Occurrence::Last) })
            }
            _ => None,
        }
    }

    fn lasting(&self, start: DateTime<Utc>, length: Length) -> Result<Span, SpanProblem> {
        let mut end = start;
        if length.days > 0 {
            let wall = self.zone.wall(start).checked_add_days(Days::new(length.days)).ok_or(SpanProblem::Unknown)?;
            end = self.zone.instant(wall, Occurrence::Last);
        }
        Ok(Span { start, end: end.checked_add_signed(length.time).ok_or(SpanProblem::Unknown)? })
    }

    /// A day alone is all of it; today is what is left of it.
    fn whole_day(&self, words: &[&str]) -> Result<Span, SpanProblem> {
        let end = end(words).ok_or(SpanProblem::Unknown)?;
        match end {
            End { day: Some((_, day)), clock: None } => {
                let start = self.start(words)?;
                let date = self.date(day, start);
                Ok(Span { start, end: self.day_ends_before(date.succ_opt().ok_or(SpanProblem::Unknown)?) })
            }
            End { clock: Some(_), .. } | End { day: None, clock: None } => Err(SpanProblem::NoEnd),
        }
    }

    fn between(&self, from: &[&str], to: &[&str]) -> Result<Span, SpanProblem> {
        // `10-14 sat`: a day behind both times is the day of both.
        if let ([first], [second, behind]) = (from, to)
            && clock(first).is_some()
            && clock(second).is_some()
        {
            return self.between(&[behind, first], &[second]);
        }
        let start = if from.is_empty() { self.now } else { self.start(from)? };
        if let [word] = to
            && let Some(end) = instant(word)
        {
            return Ok(Span { start, end });
        }
        let last = end(to).ok_or(SpanProblem::Unknown)?;
        if end(from).is_some_and(|first| first.is_unlike(last)) {
            return Err(SpanProblem::Unknown);
        }
        let end = match (last.day, last.clock) {
            // A day as the end is included.
            (Some((_, day)), clock) => {
                let clock = clock.unwrap_or(Clock::DayEnds);
                let at = self.ending(self.date(day, start), clock)?;
                // The weekday of the start, earlier on the clock, is the one a week later.
                let is_earlier_weekday = matches!(day, Day::Weekday(_)) && at <= start;
                if is_earlier_weekday { self.ending(week_later(self.date(day, start))?, clock)? } else { at }
            }
            (None, clock) => {
                let clock = clock.unwrap_or(Clock::DayEnds);
                let first = self.zone.wall(start).date();
                let at = self.ending(first, clock)?;
                if at > start { at } else { self.ending(first.succ_opt().ok_or(SpanProblem::Unknown)?, clock)? }
            }
        };
        Ok(Span { start, end })
    }

    /// When a time that starts with these words starts.
    fn start(&self, words: &[&str]) -> Result<DateTime<Utc>, SpanProblem> {
        match end(words) {
            Some(End { day: Some((_, Day::Today)), clock: None }) => Ok(self.now),
            Some(End { day: Some((day, _)), clock: None }) => self.when(&format!("{day} 00:00")),
            _ => self.moment(words),
        }
    }

    /// The moment that is meant, by the rules of [`When`].
    fn moment(&self, words: &[&str]) -> Result<DateTime<Utc>, SpanProblem> {
        if let ["now"] = words {
            return Ok(self.now);
        }
        if let [word] = words
            && let Some(at) = instant(word)
        {
            return Ok(at);
        }
        match end(words).ok_or(SpanProblem::Unknown)? {
            End { day, clock: Some(Clock::At(time)) } => {
                let time = time.format("%H:%M");
                self.when(&day.map_or_else(|| time.to_string(), |(day, _)| format!("{day} {time}")))
            }
            End { .. } => Err(SpanProblem::Unknown),
        }
    }

    fn when(&self, text: &str) -> Result<DateTime<Utc>, SpanProblem> {
        When::parse(text, self.zone, self.now).map(|when| when.at).map_err(|_| SpanProblem::Unknown)
    }

    /// The date of a day; a weekday is the first from `start` on.
    fn date(&self, day: Day, start: DateTime<Utc>) -> NaiveDate {
        let today = self.zone.wall(self.now).date();
        match day {
            Day::Today => today,
            Day::Tomorrow => today.succ_opt().unwrap_or(today),
            Day::Date(date) => date,
            Day::Weekday(weekday) => {
                let first = self.zone.wall(start).date();
                let ahead = Days::new(weekday.days_since(first.weekday()).into());
                first.checked_add_days(ahead).unwrap_or(first)
            }
        }
    }

    /// The last instant of that wall time on that day.
    fn ending(&self, date: NaiveDate, clock: Clock) -> Result<DateTime<Utc>, SpanProblem> {
        match clock {
            Clock::At(time) => Ok(self.zone.instant(date.and_time(time), Occurrence::Last)),
            Clock::DayEnds => Ok(self.day_ends_before(date.succ_opt().ok_or(SpanProblem::Unknown)?)),
        }
    }

    fn day_starts(&self, date: NaiveDate) -> DateTime<Utc> {
        self.zone.instant(date.and_time(NaiveTime::MIN), Occurrence::First)
    }

    fn day_ends_before(&self, date: NaiveDate) -> DateTime<Utc> {
        self.zone.instant(date.and_time(NaiveTime::MIN), Occurrence::Last)
    }
}

fn week_later(date: NaiveDate) -> Result<NaiveDate, SpanProblem> {
    date.checked_add_days(Days::new(7)).ok_or(SpanProblem::Unknown)
}

/// A day and a time of it in any order, or one of them.
fn end<'w>(words: &[&'w str]) -> Option<End<'w>> {
    let of_day = |word: &'w str| day(word).map(|day| (word, day));
    let (day, clock) = match *words {
        [word] => (of_day(word), clock(word)),
        [first, second] => match (of_day(first), of_day(second)) {
            (Some(day), None) => (Some(day), Some(clock(second)?)),
            (None, Some(day)) => (Some(day), Some(clock(first)?)),
            _ => return None,
        },
        _ => return None,
    };
    (day.is_some() || clock.is_some()).then_some(End { day, clock })
}

fn day(word: &str) -> Option<Day> {
    match word {
        "today" => Some(Day::Today),
        "tomorrow" => Some(Day::Tomorrow),
        word => date(word).map(Day::Date).or_else(|| word.parse().ok().map(Day::Weekday)),
    }
}

fn date(word: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(word, "%Y-%m-%d").ok()
}

fn instant(word: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(word).ok().map(|at| at.to_utc())
}

/// `10`, `10:00`, `24:00`, `10am`, `10:30pm`.
fn clock(word: &str) -> Option<Clock> {
    let (word, half) = match (word.strip_suffix("am"), word.strip_suffix("pm")) {
        (Some(word), _) => (word, Some(0)),
        (None, Some(word)) => (word, Some(12)),
        (None, None) => (word, None),
    };
    let (hour, minute) = word.split_once(':').unwrap_or((word, "00"));
    let digits = |text: &str, lengths: &[usize]| {
        let all = lengths.contains(&text.len()) && text.chars().all(|letter| letter.is_ascii_digit());
        all.then(|| text.parse::<u32>().ok()).flatten()
    };
    let (hour, minute) = (digits(hour, &[1, 2])?, digits(minute, &[2])?);
    match half {
        Some(half) if (1..=12).contains(&hour) => NaiveTime::from_hms_opt(hour % 12 + half, minute, 0).map(Clock::At),
        Some(_) => None,
        None if (hour, minute) == (24, 0) => Some(Clock::DayEnds),
        None => NaiveTime::from_hms_opt(hour, minute, 0).map(Clock::At),
    }
}

/// `2h`, `90 min`, `1h30m`, `2 days`; `None` for no time at all.
fn length(words: &[&str]) -> Option<Length> {
    let text = words.concat();
    let mut rest = text.as_str();
    let mut length = Length { days: 0, time: TimeDelta::zero() };
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(letters)?;
        // Four digits of the smallest unit are a week.
        let number = number.parse::<u32>().ok().filter(|number| *number < 10_000)?;
        match unit {
            "m" | "min" | "mins" | "minute" | "minutes" => length.time += TimeDelta::minutes(number.into()),
            "h" | "hour" | "hours" => length.time += TimeDelta::hours(number.into()),
            "d" | "day" | "days" => length.days += u64::from(number),
            "w" | "week" | "weeks" => length.days += 7 * u64::from(number),
            _ => return None,
        }
        rest = after;
    }
    (length.days > 0 || !length.time.is_zero()).then_some(length)
}

#[cfg(test)]
mod tests;
