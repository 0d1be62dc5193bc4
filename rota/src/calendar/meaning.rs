//! What the entries of an imported calendar mean: shifts, absences or holidays.
//!
//! People are found by id, name, first name or e-mail address; who is not found is told with the nearest name, at the time
//! of the import and not when somebody should be paged. Which of the three a calendar is, its configuration says.

use super::content::start_of;
use super::read::{Calendar, Entry};
use crate::cover::Away;
use crate::holiday::Holiday;
use crate::nearest::nearest;
use crate::operation::{Change, Operation, TemporaryShift};
use crate::rota::Rota;
use crate::span::Span;
use crate::zone::Zone;
use chrono::{DateTime, TimeDelta, Utc};
use incident::ResponderId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Words that say that somebody is away, and are no part of a name.
const AWAY_WORDS: [&str; 20] = [
    "absent",
    "annual",
    "away",
    "holiday",
    "holidays",
    "is",
    "leave",
    "of",
    "off",
    "office",
    "on",
    "ooo",
    "out",
    "parental",
    "pto",
    "sick",
    "urlaub",
    "vacaciones",
    "vacation",
    "day",
];

/// Says in the title of an absence that nobody shall be asked for cover because of it.
const NO_COVER: &str = "[no cover]";

/// The most unknown names that are told of one calendar.
const UNKNOWN_MAX: usize = 50;

/// What was understood, and what was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning<T> {
    /// What was understood, by start.
    pub found: Vec<T>,
    /// What was not, a sentence each without a full stop: `12 Jan 2026: nobody is called "Jhon"; did you mean "john"?`
    pub problems: Vec<String>,
}

/// A shift of an imported calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedShift {
    /// Who, at least one.
    pub people: Vec<ResponderId>,
    /// From when, included.
    pub start: DateTime<Utc>,
    /// Until when, excluded.
    pub end: DateTime<Utc>,
    /// 1 for `[L1]` and so on, else 0. The highest counts, equal ones are on call together.
    pub priority: i64,
    /// The UID of the entry.
    pub uid: String,
}

/// The calendar as shifts. A title is `ana`, `Ana Ruiz`, `[L2] ana, ben` or `On call: Ana`; where it names nobody, those who
/// are invited are meant. `zone` is the one in which problems are dated.
#[must_use]
pub fn shifts(calendar: &Calendar, rota: &Rota, zone: &Zone) -> Meaning<ImportedShift> {
    let names = Names::of(rota);
    let mut unknown = Unknown::default();
    let mut found = Vec::new();
    for entry in &calendar.entries {
        let (priority, title) = leveled(&entry.summary);
        let people = names.people(entry, title, |name| unknown.meet(name, entry.start));
        if !people.is_empty() {
            let people = people.into_iter().cloned().collect();
            found.push(ImportedShift { people, start: entry.start, end: entry.end, priority, uid: entry.uid.clone() });
        }
    }
    Meaning { found, problems: unknown.told(&names, zone) }
}

/// Who is on duty at `at` by imported shifts alone: rule P.
#[must_use]
pub fn on_duty(shifts: &[ImportedShift], at: DateTime<Utc>) -> Vec<&ResponderId> {
    people_of(shifts.iter().filter(|shift| shift.start <= at && at < shift.end))
}

/// Imported shifts as overrides of `schedule` by `by`, one after the other and numbered from `first_number`: where somebody
/// is on duty by them, it is they and nobody else.
#[must_use]
pub fn overrides(shifts: &[ImportedShift], schedule: &str, by: &ResponderId, first_number: u64) -> Vec<Operation> {
    let operation = |(number, time): (u64, TemporaryShift)| Operation {
        number,
        schedule: schedule.to_owned(),
        start: time.start,
        end: time.end,
        change: Change::ReplaceAll { users: time.users },
        by: by.clone(),
        reason: "imported calendar".to_owned(),
    };
    (first_number..).zip(times(shifts)).map(operation).collect()
}

/// The times in which the same people are on duty by imported shifts, one after the other: rule P. None overlaps another.
#[must_use]
pub fn times(shifts: &[ImportedShift]) -> Vec<TemporaryShift> {
    let edges: BTreeSet<DateTime<Utc>> = shifts.iter().flat_map(|shift| [shift.start, shift.end]).collect();
    let edges: Vec<DateTime<Utc>> = edges.into_iter().collect();
    let mut by_start: Vec<&ImportedShift> = shifts.iter().collect();
    by_start.sort_by_key(|shift| shift.start);
    let mut waiting = by_start.into_iter().peekable();
    let mut running: Vec<&ImportedShift> = Vec::new();
    let mut pieces: Vec<(DateTime<Utc>, DateTime<Utc>, Vec<ResponderId>)> = Vec::new();
    for (&start, &end) in edges.iter().zip(edges.iter().skip(1)) {
        running.retain(|shift| shift.end > start);
        while let Some(shift) = waiting.next_if(|shift| shift.start <= start) {
            running.push(shift);
        }
        let people: Vec<ResponderId> = people_of(running.iter().copied()).into_iter().cloned().collect();
        match pieces.last_mut() {
            Some((_, last_end, last)) if *last_end == start && *last == people => *last_end = end,
            _ if people.is_empty() => {}
            _ => pieces.push((start, end, people)),
        }
    }
    pieces.into_iter().map(|(start, end, users)| TemporaryShift { start, end, users }).collect()
}

/// The people of the shifts with the highest priority, each once.
fn people_of<'s>(shifts: impl Iterator<Item = &'s ImportedShift> + Clone) -> Vec<&'s ResponderId> {
    let highest = shifts.clone().map(|shift| shift.priority).max();
    let mut people = Vec::new();
    let mut seen = BTreeSet::new();
    for person in shifts.filter(|shift| Some(shift.priority) == highest).flat_map(|shift| &shift.people) {
        if seen.insert(person) {
            people.push(person);
        }
    }
    people
}

/// The calendar as absences: `Ana Ruiz`, `ana - vacation`, `Vacation: Ana`, `OOO ana`, or who is invited. With an `owner`,
/// every entry is theirs whatever it is called: the calendar of one person's absences.
#[must_use]
pub fn absences(calendar: &Calendar, rota: &Rota, zone: &Zone, owner: Option<&ResponderId>) -> Meaning<Away> {
    let names = Names::of(rota);
    let mut unknown = Unknown::default();
    let mut found = Vec::new();
    for entry in &calendar.entries {
        let (summary, without_cover) = untagged(&entry.summary);
        let people = match owner {
            Some(owner) => vec![owner],
            None => {
                let title = names.in_absence(&summary).unwrap_or(&summary);
                names.people(entry, title, |name| unknown.meet(name, entry.start))
            }
        };
        let span = Span { start: entry.start, end: entry.end };
        let away = |person: &ResponderId| Away { person: person.clone(), span, without_cover };
        found.extend(people.into_iter().map(away));
    }
    Meaning { found, problems: unknown.told(&names, zone) }
}

/// A title without the tag that nobody shall be asked for cover, and whether it had it.
fn untagged(summary: &str) -> (String, bool) {
    let found = summary
        .to_ascii_lowercase()
        .find(NO_COVER)
        .and_then(|start| Some((summary.get(..start)?, summary.get(start + NO_COVER.len()..)?)));
    match found {
        Some((before, after)) => (format!("{} {}", before.trim_end(), after.trim_start()).trim().to_owned(), true),
        None => (summary.to_owned(), false),
    }
}

/// The calendar as holidays, each day that an entry touches in `zone`, each holiday once.
#[must_use]
pub fn holidays(calendar: &Calendar, zone: &Zone) -> Vec<Holiday> {
    let holiday = |entry: &Entry| {
        let last = entry.end.checked_sub_signed(TimeDelta::seconds(1)).unwrap_or(entry.end);
        let last = zone.wall(last).date();
        let to = last.succ_opt().unwrap_or(last);
        Holiday { from: zone.wall(entry.start).date(), to, name: entry.summary.clone() }
    };
    let mut holidays: Vec<Holiday> = calendar.entries.iter().map(holiday).collect();
    holidays.sort_by(|a, b| (a.from, a.to, &a.name).cmp(&(b.from, b.to, &b.name)));
    holidays.dedup();
    holidays
}

/// How people are called.
struct Names<'r> {
    /// By id, name, e-mail address and first name, in lower case; `None` where two are called so.
    known: BTreeMap<String, Option<&'r ResponderId>>,
    /// As they are written, for hints.
    written: Vec<&'r str>,
}

impl<'r> Names<'r> {
    fn of(rota: &'r Rota) -> Self {
        let mut names = Self { known: BTreeMap::new(), written: Vec::new() };
        let ways: [fn(&crate::Person) -> Option<&str>; 4] = [
            |person| Some(person.id.as_str()),
            |person| person.email.as_deref(),
            |person| Some(&person.name),
            |person| person.name.split_whitespace().next(),
        ];
        // A stronger way to be called hides a weaker one of somebody else: an id hides a first name.
        for way in ways {
            let mut called: BTreeMap<String, Option<&ResponderId>> = BTreeMap::new();
            for person in rota.people.values() {
                let Some(name) = way(person) else { continue };
                let same = |other: &mut Option<&ResponderId>| *other = other.filter(|other| **other == person.id);
                called.entry(simple(name)).and_modify(same).or_insert(Some(&person.id));
            }
            for (name, person) in called {
                names.known.entry(name).or_insert(person);
            }
        }
        for person in rota.people.values() {
            names.written.extend([person.id.as_str(), person.name.as_str()]);
        }
        names
    }

    /// Who is called `name`.
    fn get(&self, name: &str) -> Option<&'r ResponderId> {
        self.known.get(&simple(name)).copied().flatten()
    }

    /// The people of an entry: whom the title names, else who is invited. Each name that nobody has goes to `meet`.
    fn people(&self, entry: &Entry, title: &str, mut meet: impl FnMut(&str)) -> Vec<&'r ResponderId> {
        if let Some(person) = entry.person.as_deref().and_then(|person| self.get(person)) {
            return vec![person];
        }
        let named: Vec<(&str, Option<&ResponderId>)> = match self.get(title) {
            Some(person) => vec![(title, Some(person))],
            None => parts(title).map(|name| (name, self.get(name))).collect(),
        };
        let mut people: Vec<&ResponderId> = named.iter().filter_map(|(_, person)| *person).collect();
        if people.is_empty() {
            people.extend(entry.attendees.iter().filter_map(|address| self.get(address)));
        }
        let is_invitation = named.iter().all(|(_, person)| person.is_none()) && !people.is_empty();
        for (name, person) in named {
            if person.is_none() && !is_invitation {
                meet(name);
            }
        }
        let mut seen = BTreeSet::new();
        people.retain(|person| seen.insert(*person));
        people
    }

    /// The part of an absence's title that is somebody's name.
    fn in_absence<'t>(&self, title: &'t str) -> Option<&'t str> {
        if self.get(title).is_some() {
            return Some(title);
        }
        let pieces = title.split([':', '(', ')', '–', '—', ',']).flat_map(|piece| piece.split(" - "));
        for piece in pieces.map(str::trim) {
            if self.get(piece).is_some() {
                return Some(piece);
            }
            let is_away = |word: &str| AWAY_WORDS.contains(&word.to_lowercase().as_str());
            let mut rest = piece;
            while let Some((_, others)) = rest.split_once(' ').filter(|(first, _)| is_away(first)) {
                rest = others.trim_start();
            }
            while let Some((others, _)) = rest.rsplit_once(' ').filter(|(_, last)| is_away(last)) {
                rest = others.trim_end();
            }
            if self.get(rest).is_some() {
                return Some(rest);
            }
        }
        None
    }
}

/// A name without letter case, a leading @ and double spaces.
fn simple(name: &str) -> String {
    let words: Vec<String> = name.trim().trim_start_matches('@').split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

/// The level of `[L2] ana` and the rest; level 0 without one.
fn leveled(summary: &str) -> (i64, &str) {
    let level = |summary: &str| -> Option<(i64, usize)> {
        let (inside, _) = summary.strip_prefix('[')?.split_once(']')?;
        let level = inside.strip_prefix(['L', 'l'])?.parse().ok().filter(|level| (0..=99).contains(level))?;
        Some((level, inside.len() + 2))
    };
    let summary = summary.trim();
    match level(summary) {
        Some((level, letters)) => (level, summary.get(letters..).unwrap_or_default().trim()),
        None => (0, summary),
    }
}

/// The names of a title: what stands between commas and the like, without `On call:`.
fn parts(title: &str) -> impl Iterator<Item = &str> {
    let names = match title.split_once(':') {
        Some((before, names)) if ["on call", "on-call", "oncall"].contains(&simple(before).as_str()) => names,
        _ => title,
    };
    let parts = names.split([',', ';', '&', '+', '/']).flat_map(|part| part.split(" and "));
    parts.map(str::trim).filter(|part| !part.is_empty())
}

/// Names that nobody has, each told once.
#[derive(Default)]
struct Unknown {
    /// When it was met first, and how often.
    met: BTreeMap<String, (DateTime<Utc>, usize)>,
}

impl Unknown {
    fn meet(&mut self, name: &str, at: DateTime<Utc>) {
        let name = start_of(name);
        if self.met.len() >= UNKNOWN_MAX && !self.met.contains_key(&name) {
            return;
        }
        let (first, times) = self.met.entry(name).or_insert((at, 0));
        *first = at.min(*first);
        *times += 1;
    }

    /// The problems, earliest first.
    fn told(self, names: &Names<'_>, zone: &Zone) -> Vec<String> {
        let mut met: Vec<(DateTime<Utc>, String, usize)> =
            self.met.into_iter().map(|(name, (first, times))| (first, name, times)).collect();
        met.sort();
        let told = |(first, name, times): (DateTime<Utc>, String, usize)| {
            let day = zone.wall(first).format("%-d %b %Y");
            let more = match times {
                1 => String::new(),
                2 => " (and once more)".to_owned(),
                times => format!(" (and {} times more)", times - 1),
            };
            if names.known.get(&simple(&name)) == Some(&None) {
                return format!("{day}{more}: more than one person is called \"{name}\"; write the id instead");
            }
            let hint = nearest(&name, names.written.iter().copied());
            let hint = hint.map(|hint| format!("; did you mean \"{hint}\"?")).unwrap_or_default();
            format!("{day}{more}: nobody is called \"{name}\"{hint}")
        };
        met.into_iter().map(told).collect()
    }
}

#[cfg(test)]
mod tests;
