//! A calendar that somebody else keeps becomes entries: each a time, a title and who is invited.
//!
//! Series are laid out, exceptions and cancellations taken into account, and what cannot be read is said in words. The work
//! and the result are bounded whatever the bytes are. It does not know who the people are, and fetches nothing.

use super::clock::{Clock, Clocks, Length, Moment};
use super::content::{self, BYTES_MAX, Block, LINES_MAX, Line, start_of};
use super::problems::Problems;
use super::rule::Rule;
use crate::span::Span;
use crate::zone::{Occurrence, Zone};
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The most entries of one calendar in its window: 27 a day for a year.
const ENTRIES_MAX: usize = 10_000;
/// The most days that are looked at for all series of one calendar: a tenth of a second.
const STEPS_MAX: u32 = 5_000_000;
/// The most different events under one UID.
const SAME_UID_MAX: usize = 20;
/// The longest title in letters, and the longest UID and address.
const SUMMARY_LETTERS_MAX: usize = 300;
const NAME_LETTERS_MAX: usize = 255;
/// The most people invited to one entry.
const ATTENDEES_MAX: usize = 20;
/// The time for which calendars are read, 1900 to 2900; a window beyond is cut.
const READ: Span = Span {
    start: DateTime::from_timestamp(-2_208_988_800, 0).expect("1900 is in the calendar"),
    end: DateTime::from_timestamp(29_348_006_400, 0).expect("2900 is in the calendar"),
};

/// What a calendar says for a window of time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Calendar {
    /// Its name, when it has one.
    pub name: Option<String>,
    /// Its entries that touch the window, by start; at most 10,000.
    pub entries: Vec<Entry>,
    /// What of it does not count, a sentence each without a full stop.
    pub problems: Vec<String>,
}

/// One entry: one time of a series.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// From when, included.
    pub start: DateTime<Utc>,
    /// Until when, excluded; always after `start`.
    pub end: DateTime<Utc>,
    /// Its title, at most 300 letters.
    pub summary: String,
    /// The e-mail addresses of those invited who have not declined, in lower case; at most 20.
    pub attendees: Vec<String>,
    /// The person's id, when the calendar is a feed of ours.
    pub person: Option<String>,
    /// Whether it was written with dates alone.
    pub all_day: bool,
    /// The UID of its series.
    pub uid: String,
}

/// Why a text gives no calendar at all, so that an earlier copy should count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is something else: often the page that asks for a password.
    #[error("this is no calendar (it has no BEGIN:VCALENDAR); is the address the one of the iCal feed?")]
    NoCalendar,
    /// It ends in the middle.
    #[error("the calendar is cut short: it has no END:VCALENDAR")]
    CutShort,
    /// It has more than 8 MiB.
    #[error("the calendar has {bytes} bytes, more than the {BYTES_MAX} that are read")]
    TooLarge {
        /// How many.
        bytes: usize,
    },
    /// It has more lines about events than are read.
    #[error("the calendar has more than {LINES_MAX} lines about events; ask for one that goes back less far")]
    TooManyLines,
}

/// Reads a calendar. Times without a zone and all-day dates are read in `zone`, which is the schedule's.
///
/// # Errors
/// When the bytes are no whole calendar. A mistake in one entry is a problem of the calendar, not an error.
pub fn read_calendar(bytes: &[u8], zone: &Zone, window: Span) -> Result<Calendar, Unreadable> {
    if bytes.len() > BYTES_MAX {
        return Err(Unreadable::TooLarge { bytes: bytes.len() });
    }
    let mut content = content::read(bytes);
    if content.is_too_long() {
        return Err(Unreadable::TooManyLines);
    }
    if !content.has_calendar {
        return Err(Unreadable::NoCalendar);
    }
    if !content.is_whole {
        return Err(Unreadable::CutShort);
    }
    let window = window.and(READ);
    let mut steps = STEPS_MAX;
    let clocks = Clocks::new(&content.blocks, zone, window, &mut steps, &mut content.problems);
    let mut reading = Reading { clocks, window, steps, entries: Vec::new(), problems: content.problems };
    let mut series: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for block in content.blocks.iter().filter(|block| block.name == "VEVENT") {
        if let Some(event) = reading.event(block) {
            series.entry(event.uid.clone()).or_default().push(event);
        }
    }
    for (uid, events) in series {
        reading.series(&uid, events);
    }
    Ok(reading.finish(content.name))
}

/// A `VEVENT`, understood.
#[derive(Debug, PartialEq, Eq)]
struct Event {
    number: usize,
    uid: String,
    start: Moment,
    end: End,
    /// Which time of its series it replaces.
    replaces: Option<Moment>,
    rules: Vec<Rule>,
    more: Vec<Moment>,
    except: Vec<Moment>,
    is_cancelled: bool,
    sequence: u32,
    summary: String,
    attendees: Vec<String>,
    person: Option<String>,
    all_day: bool,
}

/// How an event says its end.
#[derive(Debug, PartialEq, Eq)]
enum End {
    At(Moment),
    After(Length),
}

struct Reading {
    clocks: Clocks,
    window: Span,
    steps: u32,
    entries: Vec<Entry>,
    problems: Problems,
}

impl Reading {
    /// Understands a block; says why when it cannot.
    fn event(&mut self, block: &Block) -> Option<Event> {
        let text = |name: &str, letters: usize| {
            block.line(name).map(|line| line.text().chars().take(letters).collect::<String>())
        };
        let summary = text("SUMMARY", SUMMARY_LETTERS_MAX).unwrap_or_default().trim().to_owned();
        let left_out = |message: &str| format!("{message}; \"{}\" is left out", start_of(&summary));
        let Some(line) = block.line("DTSTART") else {
            self.problems.at(block.number, &left_out("an event without DTSTART"));
            return None;
        };
        let replacing = block.line("RECURRENCE-ID");
        let moments = self.clocks.moment(line).map_err(|message| (line, message)).and_then(|start| {
            let replaces = replacing.map(|line| self.clocks.moment(line).map_err(|message| (line, message)));
            Ok((start, replaces.transpose()?))
        });
        let (start, replaces) = match moments {
            Ok(moments) => moments,
            Err((line, message)) => {
                self.problems.at(line.number, &left_out(&message));
                return None;
            }
        };
        let Some(end) = self.end(block, start.all_day) else {
            self.problems.at(block.number, &left_out("an event whose end is not understood"));
            return None;
        };
        if let Some(line) = replacing.filter(|line| line.parameter("RANGE").is_some()) {
            self.problems.at(line.number, "RANGE is not understood; the change counts once");
        }
        // An event without a UID is a series of its own.
        let uid = text("UID", NAME_LETTERS_MAX).filter(|uid| !uid.trim().is_empty());
        let is = |name: &str, value: &str| {
            block.line(name).is_some_and(|line| line.value.trim().eq_ignore_ascii_case(value))
        };
        Some(Event {
            number: block.number,
            uid: uid.unwrap_or_else(|| format!("line {}", block.number)),
            all_day: start.all_day || is("X-MICROSOFT-CDO-ALLDAYEVENT", "TRUE"),
            start,
            end,
            replaces,
            rules: self.rules(block),
            more: self.moments(block, "RDATE"),
            except: self.moments(block, "EXDATE"),
            is_cancelled: is("STATUS", "CANCELLED"),
            sequence: block.line("SEQUENCE").and_then(|line| line.value.trim().parse().ok()).unwrap_or(0),
            summary,
            attendees: attendees(block),
            person: text("X-CATOPS-PERSON", NAME_LETTERS_MAX),
        })
    }

    /// `DTEND`, else `DURATION`, else a day for a date and nothing for a time.
    fn end(&self, block: &Block, all_day: bool) -> Option<End> {
        if let Some(line) = block.line("DTEND") {
            return self.clocks.moment(line).ok().map(End::At);
        }
        match block.line("DURATION") {
            Some(line) => Length::read(&line.value).map(End::After),
            None => Some(End::After(Length { days: i64::from(all_day), seconds: 0 })),
        }
    }

    fn rules(&mut self, block: &Block) -> Vec<Rule> {
        if let Some(line) = block.line("EXRULE") {
            self.problems.at(line.number, "EXRULE is not understood; what it takes away counts");
        }
        let mut rules = Vec::new();
        for line in block.all("RRULE") {
            match Rule::read(&line.value) {
                Ok(rule) => rules.push(rule),
                Err(message) => {
                    self.problems.at(line.number, &format!("RRULE: {message}; only the first time counts"));
                }
            }
        }
        rules
    }

    fn moments(&mut self, block: &Block, name: &str) -> Vec<Moment> {
        let mut moments = Vec::new();
        for line in block.all(name) {
            moments.extend(self.clocks.moments(line, &mut self.problems));
        }
        moments
    }

    /// Lays out what all events of one UID say together.
    fn series(&mut self, uid: &str, events: Vec<Event>) {
        let (changed, mut series): (Vec<Event>, Vec<Event>) =
            events.into_iter().partition(|event| event.replaces.is_some());
        // The newest revision counts; two different events of the same one are two, under a UID that one has no right to.
        let newest = series.iter().map(|event| event.sequence).max().unwrap_or(0);
        series.retain(|event| event.sequence == newest);
        let mut kept: Vec<Event> = Vec::new();
        for event in series {
            let is_same = |other: &Event| event.is_same_as(other);
            if kept.iter().any(is_same) {
                continue;
            }
            if let Some(first) = kept.first() {
                let counts = kept.len() < SAME_UID_MAX;
                let what = if counts { "each of them counts" } else { "this one is left out" };
                let message =
                    format!("another event than in line {} has its UID, \"{}\"; {what}", first.number, start_of(uid));
                self.problems.at(event.number, &message);
                if !counts {
                    continue;
                }
            }
            kept.push(event);
        }
        if !kept.is_empty() && kept.iter().all(|event| event.is_cancelled) {
            return;
        }
        let changed = newest_changes(changed);
        for event in kept.iter().filter(|event| !event.is_cancelled) {
            self.lay_out(event, &changed);
        }
        for event in changed.iter().filter(|event| !event.is_cancelled) {
            self.add(event, event.start.wall, &event.start.clock);
        }
    }

    /// Adds every time of a series in the window, without those that are taken away or changed.
    fn lay_out(&mut self, event: &Event, changed: &[Event]) {
        let clock = &event.start.clock;
        let except = Except::of(event, changed, self.clocks.schedule());
        let longest = event.wall_length().clamp(TimeDelta::zero(), TimeDelta::days(366 * 400)) + TimeDelta::days(2);
        let edge = |wall: NaiveDateTime, by: TimeDelta| wall.checked_add_signed(by).unwrap_or(wall);
        let from = edge(clock.wall(self.window.start), -longest);
        let to = edge(clock.wall(self.window.end), TimeDelta::days(2));
        let mut walls = vec![event.start.wall];
        for rule in &event.rules {
            rule.expand(event.start.wall, from, to, |utc| clock.wall(utc.and_utc()), &mut self.steps, &mut walls);
        }
        walls.sort_unstable();
        walls.dedup();
        for wall in walls {
            if !except.takes(wall, clock) {
                self.add(event, wall, clock);
            }
        }
        for more in &event.more {
            let is_there = more.instant() == event.start.instant();
            if !is_there && !except.takes(more.wall, &more.clock) {
                self.add(event, more.wall, &more.clock);
            }
        }
    }

    /// Adds the time of `event` that starts at `wall`, when it touches the window.
    fn add(&mut self, event: &Event, wall: NaiveDateTime, clock: &Clock) {
        let start = clock.instant(wall, Occurrence::First);
        let end = event.end_of(wall, clock);
        if end <= start && wall == event.start.wall {
            let summary = start_of(&event.summary);
            self.problems.at(event.number, &format!("\"{summary}\" has no length; it is left out"));
        }
        if end <= start || start >= self.window.end || end <= self.window.start || self.entries.len() > ENTRIES_MAX {
            return;
        }
        self.entries.push(Entry {
            start,
            end,
            summary: event.summary.clone(),
            attendees: event.attendees.clone(),
            person: event.person.clone(),
            all_day: event.all_day,
            uid: event.uid.clone(),
        });
    }

    fn finish(mut self, name: Option<String>) -> Calendar {
        if self.steps == 0 {
            self.problems.whole("its series are too long to be laid out whole; some of their times are missing".into());
        }
        if self.entries.len() > ENTRIES_MAX {
            self.entries.truncate(ENTRIES_MAX);
            self.problems.whole(format!("it has more than {ENTRIES_MAX} entries; the others are left out"));
        }
        self.entries.sort();
        self.entries.dedup();
        Calendar { name, entries: self.entries, problems: self.problems.told() }
    }
}

impl Event {
    /// Whether it is the same event once more.
    fn is_same_as(&self, other: &Self) -> bool {
        self.start == other.start
            && self.end == other.end
            && self.rules == other.rules
            && self.more == other.more
            && self.except == other.except
            && self.is_cancelled == other.is_cancelled
            && self.summary == other.summary
            && self.person == other.person
            && self.attendees == other.attendees
    }

    /// When the time that starts at `wall` ends. A series keeps its hours on the clock, not the hours that pass.
    fn end_of(&self, wall: NaiveDateTime, clock: &Clock) -> DateTime<Utc> {
        // Days follow each other without a gap or an overlap; the end of hours is the last of its kind (rule L).
        let occurrence = if self.start.all_day { Occurrence::First } else { Occurrence::Last };
        match &self.end {
            End::At(end) if wall == self.start.wall && *clock == self.start.clock => {
                end.clock.instant(end.wall, occurrence)
            }
            End::At(_) => {
                let end = wall.checked_add_signed(self.wall_length()).unwrap_or(wall);
                clock.instant(end, occurrence)
            }
            End::After(Length { days, seconds }) => {
                let day = TimeDelta::try_days(*days).and_then(|days| wall.checked_add_signed(days)).unwrap_or(wall);
                let occurrence = if *seconds == 0 { occurrence } else { Occurrence::First };
                let seconds = TimeDelta::try_seconds(*seconds).unwrap_or_default();
                clock.instant(day, occurrence).checked_add_signed(seconds).unwrap_or_default()
            }
        }
    }

    /// How much later the clock of the start shows the end.
    fn wall_length(&self) -> TimeDelta {
        match &self.end {
            End::At(end) if end.clock == self.start.clock => end.wall - self.start.wall,
            End::At(end) => self.start.clock.wall(end.clock.instant(end.wall, Occurrence::Last)) - self.start.wall,
            End::After(Length { days, seconds }) => {
                let days = TimeDelta::try_days(*days).unwrap_or_default();
                days + TimeDelta::try_seconds(*seconds).unwrap_or_default()
            }
        }
    }
}

/// The times of a series that do not count: instants, and whole days where only a date was written.
struct Except {
    instants: BTreeSet<DateTime<Utc>>,
    days: BTreeSet<NaiveDate>,
}

impl Except {
    fn of(event: &Event, changed: &[Event], schedule: &Clock) -> Self {
        let mut except = Self { instants: BTreeSet::new(), days: BTreeSet::new() };
        let changed = changed.iter().filter_map(|change| change.replaces.as_ref());
        for moment in event.except.iter().chain(changed) {
            if moment.all_day {
                except.days.insert(moment.wall.date());
                continue;
            }
            except.instants.insert(moment.instant());
            // Outlook writes a time even where the series has dates.
            if event.start.all_day {
                let clock = if moment.clock.is_utc() { schedule } else { &moment.clock };
                except.days.insert(clock.wall(moment.instant()).date());
            }
        }
        except
    }

    fn takes(&self, wall: NaiveDateTime, clock: &Clock) -> bool {
        self.days.contains(&wall.date()) || self.instants.contains(&clock.instant(wall, Occurrence::First))
    }
}

/// Of several changes of the same time the newest; of equally new ones the last in the file.
fn newest_changes(changed: Vec<Event>) -> Vec<Event> {
    let mut newest: BTreeMap<DateTime<Utc>, Event> = BTreeMap::new();
    for event in changed {
        let Some(at) = event.replaces.as_ref().map(Moment::instant) else { continue };
        if newest.get(&at).is_none_or(|other| other.sequence <= event.sequence) {
            newest.insert(at, event);
        }
    }
    newest.into_values().collect()
}

/// The addresses of those who are invited and have not declined.
fn attendees(block: &Block) -> Vec<String> {
    let accepts =
        |line: &&Line| !line.parameter("PARTSTAT").is_some_and(|status| status.eq_ignore_ascii_case("DECLINED"));
    let address = |line: &Line| {
        let value = line.value.trim().to_lowercase();
        let mail = value.strip_prefix("mailto:").map(str::to_owned);
        // Exchange writes an inner name as the value, and the address beside it.
        mail.or_else(|| line.parameter("EMAIL").map(str::to_lowercase)).filter(|mail| mail.len() <= NAME_LETTERS_MAX)
    };
    block.all("ATTENDEE").filter(accepts).filter_map(address).take(ATTENDEES_MAX).collect()
}

#[cfg(test)]
mod tests;
