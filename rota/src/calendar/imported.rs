//! Calendars that count in a rota: whose turn it is by their entries, what they override, who is away, which days are holidays.
//! What they say now is put behind what they said before, so that a calendar that changes is like a file that is edited: it
//! changes nothing that was.
//!
//! It is handed the texts and what counted before, and fetches and keeps nothing.

use super::meaning::{absences, holidays, shifts, times};
use super::read::{Calendar, read_calendar};
use crate::cover::Away;
use crate::holiday::Holiday;
use crate::operation::TemporaryShift;
use crate::place::Place;
use crate::planned::{Planned, PlannedOverrides};
use crate::rota::Rota;
use crate::rotation::Rotation;
use crate::span::Span;
use crate::zone::Zone;
use chrono::{DateTime, NaiveDate, Utc};
use incident::ResponderId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The newest text of each calendar that could be read, by its name.
pub type Texts = BTreeMap<String, String>;

/// A calendar as one schedule reads it: its name, and the zone of its wall times.
type Key = (String, String);

/// What calendars say for a rota.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
pub struct Imported {
    shifts: BTreeMap<Key, Vec<TemporaryShift>>,
    holidays: BTreeMap<Key, Vec<Holiday>>,
    away: BTreeMap<String, Vec<Away>>,
}

/// Something in a calendar that does not count.
#[derive(Debug, Clone, PartialEq)]
pub struct Misread {
    /// The calendar.
    pub calendar: String,
    /// Where it is used; no place, when it is used for everybody.
    pub place: Place,
    /// What is wrong, a sentence without a full stop.
    pub message: String,
}

/// Start and end in seconds of Unix time, and who.
type WireTime = (i64, i64, Vec<ResponderId>);
/// The first day, the first after it that is none, and the name.
type WireDay = (NaiveDate, NaiveDate, String);

/// As it is kept.
#[derive(Serialize, Deserialize)]
struct Wire {
    #[serde(default)]
    shifts: Vec<(String, String, Vec<WireTime>)>,
    #[serde(default)]
    holidays: Vec<(String, String, Vec<WireDay>)>,
}

/// What a rota wants of one calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    Shifts,
    Holidays,
}

impl Imported {
    /// What the calendars say for `rota` in `window`. Those called in `absences` say of anybody when they are away. One that
    /// has no text says nothing.
    #[must_use]
    pub fn read(rota: &Rota, texts: &Texts, absences: &[String], window: Span) -> (Self, Vec<Misread>) {
        let mut reading = Reading { rota, texts, window, read: BTreeMap::new(), misread: Vec::new() };
        let mut imported = Self::default();
        for (wanted, (name, zone), place) in uses(rota) {
            let Some((calendar, zone)) = reading.calendar(&name, &zone, &place) else { continue };
            let key = (name, zone.name().to_owned());
            match wanted {
                Use::Shifts => {
                    let meaning = shifts(&calendar, rota, &zone);
                    reading.tell(&key.0, &place, meaning.problems);
                    imported.shifts.insert(key, times(&meaning.found));
                }
                Use::Holidays => {
                    imported.holidays.insert(key, holidays(&calendar, &zone));
                }
            }
        }
        reading.absences(absences, &mut imported);
        (imported, reading.misread)
    }

    /// The calendars that `rota` names, each once: of layers, overrides, absences of one person, and holidays.
    #[must_use]
    pub fn named(rota: &Rota) -> BTreeMap<String, Place> {
        let mut named = BTreeMap::new();
        for (_, (name, _), place) in uses(rota) {
            named.entry(name).or_insert(place);
        }
        for person in rota.people.values() {
            if let Some(name) = &person.away {
                named.entry(name.clone()).or_insert_with(|| person.place.clone());
            }
        }
        named
    }

    /// What was said in `past` until `at`, and this from then on. A day that has begun stays the holiday that it was.
    #[must_use]
    pub fn after(&self, past: &Self, at: DateTime<Utc>) -> Self {
        let (mut all, new) = (past.until(at), self.from(at));
        for (key, times) in new.shifts {
            let before = all.shifts.entry(key).or_default();
            for time in times {
                match before.last_mut() {
                    Some(last) if last.end == time.start && last.users == time.users => last.end = time.end,
                    _ => before.push(time),
                }
            }
        }
        for (key, days) in new.holidays {
            let before = all.holidays.entry(key).or_default();
            for day in days {
                match before.iter_mut().find(|last| last.to == day.from && last.name == day.name) {
                    Some(last) => last.to = day.to,
                    None => before.push(day),
                }
            }
        }
        Self { away: self.away.clone(), ..all }
    }

    /// What of it is before `at`.
    #[must_use]
    pub fn until(&self, at: DateTime<Utc>) -> Self {
        self.within(Span { start: Span::ALWAYS.start, end: at })
    }

    /// What of it is not before `at`.
    #[must_use]
    pub fn from(&self, at: DateTime<Utc>) -> Self {
        self.within(Span { start: at, end: Span::ALWAYS.end })
    }

    /// The same without calendars of which `known` says nothing: what is new counts from now on and changes nothing before.
    #[must_use]
    pub fn known_to(mut self, known: &Self) -> Self {
        self.shifts.retain(|key, _| known.shifts.contains_key(key));
        self.holidays.retain(|key, _| known.holidays.contains_key(key));
        self
    }

    /// When each calendar's last time ends, at the latest.
    #[must_use]
    pub fn ends(&self) -> Option<DateTime<Utc>> {
        let shifts = self.shifts.values().flatten().map(|time| time.end);
        let days = self.holidays.values().flatten().map(|day| day.to.and_time(chrono::NaiveTime::MIN).and_utc());
        shifts.chain(days).max()
    }

    /// When the first time of any calendar starts.
    #[must_use]
    pub fn starts(&self) -> Option<DateTime<Utc>> {
        let shifts = self.shifts.values().flatten().map(|time| time.start);
        let days = self.holidays.values().flatten().map(|day| day.from.and_time(chrono::NaiveTime::MIN).and_utc());
        shifts.chain(days).min()
    }

    /// When people are away, by calendar.
    pub fn away(&self) -> impl Iterator<Item = (&str, &Away)> {
        self.away.iter().flat_map(|(name, away)| away.iter().map(move |away| (name.as_str(), away)))
    }

    /// Puts it into a rota that was read from files.
    pub fn fill(&self, rota: &mut Rota) {
        for schedule in rota.schedules.values_mut() {
            for layer in &mut schedule.layers {
                let Some(name) = layer.rotation.planned().map(|planned| planned.calendar().to_owned()) else {
                    continue;
                };
                let times = self.shifts.get(&(name.clone(), layer.zone.name().to_owned()));
                layer.rotation = Rotation::by_calendar(Planned::new(&name, times.map_or(&[], Vec::as_slice)));
            }
            let zone = schedule.zone.name();
            if let Some(name) = &schedule.overrides_from {
                let times = self.shifts.get(&(name.clone(), zone.to_owned()));
                schedule.overrides = PlannedOverrides::new(name, &schedule.name, times.map_or(&[], Vec::as_slice));
            }
            if !schedule.holiday_calendars.is_empty() {
                let of = |name: &String| self.holidays.get(&(name.clone(), zone.to_owned()));
                schedule.holidays = schedule.holiday_calendars.iter().filter_map(of).flatten().cloned().collect();
                schedule.holidays.sort();
                schedule.holidays.dedup();
            }
        }
        rota.away = self.away.values().flatten().cloned().collect();
    }

    fn within(&self, span: Span) -> Self {
        let cut = |time: &TemporaryShift| {
            let (start, end) = (time.start.max(span.start), time.end.min(span.end));
            (start < end).then(|| TemporaryShift { start, end, users: time.users.clone() })
        };
        let shifts = self.shifts.iter().map(|(key, times)| (key.clone(), times.iter().filter_map(cut).collect()));
        let holidays = self.holidays.iter().map(|(key, days)| {
            let zone = Zone::get(&key.1).unwrap_or_else(Zone::utc);
            // The day of an end belongs to what was before.
            let tomorrow = |at: DateTime<Utc>| zone.wall(at).date().succ_opt().unwrap_or(NaiveDate::MAX);
            let from = (span.start > Span::ALWAYS.start).then(|| tomorrow(span.start));
            let to = (span.end < Span::ALWAYS.end).then(|| tomorrow(span.end));
            let cut = |day: &Holiday| {
                let (from, to) =
                    (from.map_or(day.from, |from| day.from.max(from)), to.map_or(day.to, |to| day.to.min(to)));
                (from < to).then(|| Holiday { name: day.name.clone(), from, to })
            };
            (key.clone(), days.iter().filter_map(cut).collect())
        });
        Self { shifts: shifts.collect(), holidays: holidays.collect(), away: BTreeMap::new() }
    }
}

/// What a rota wants of which calendar, and where that is written.
fn uses(rota: &Rota) -> Vec<(Use, Key, Place)> {
    let mut uses = Vec::new();
    for schedule in rota.schedules.values() {
        let zone = schedule.zone.name();
        for layer in &schedule.layers {
            if let Some(planned) = layer.rotation.planned() {
                let key = (planned.calendar().to_owned(), layer.zone.name().to_owned());
                uses.push((Use::Shifts, key, layer.place.clone()));
            }
        }
        if let Some(name) = &schedule.overrides_from {
            uses.push((Use::Shifts, (name.clone(), zone.to_owned()), schedule.place.clone()));
        }
        for name in &schedule.holiday_calendars {
            uses.push((Use::Holidays, (name.clone(), zone.to_owned()), schedule.place.clone()));
        }
    }
    uses
}

struct Reading<'r> {
    rota: &'r Rota,
    texts: &'r Texts,
    window: Span,
    /// Each calendar in each zone once.
    read: BTreeMap<Key, Option<Calendar>>,
    misread: Vec<Misread>,
}

impl Reading<'_> {
    fn calendar(&mut self, name: &str, zone: &str, place: &Place) -> Option<(Calendar, Zone)> {
        let zone = Zone::get(zone)?;
        let key = (name.to_owned(), zone.name().to_owned());
        if let Some(known) = self.read.get(&key) {
            return known.clone().map(|calendar| (calendar, zone));
        }
        let text = self.texts.get(name)?;
        let read = match read_calendar(text.as_bytes(), &zone, self.window) {
            Ok(calendar) => Some(calendar),
            Err(unreadable) => {
                self.tell(name, place, vec![unreadable.to_string()]);
                None
            }
        };
        self.read.insert(key, read.clone());
        read.map(|calendar| (calendar, zone))
    }

    fn tell(&mut self, calendar: &str, place: &Place, messages: Vec<String>) {
        for message in messages {
            let misread = Misread { calendar: calendar.to_owned(), place: place.clone(), message };
            if !self.misread.contains(&misread) {
                self.misread.push(misread);
            }
        }
    }

    /// Whole days of somebody's absence are read in their own zone.
    fn absences(&mut self, shared: &[String], imported: &mut Imported) {
        let rota = self.rota;
        let team = rota.zone_of(None);
        for person in rota.people.values() {
            let Some(name) = &person.away else { continue };
            let zone = person.zone.as_ref().unwrap_or(&team);
            let Some((calendar, zone)) = self.calendar(name, zone.name(), &person.place) else { continue };
            let found = absences(&calendar, rota, &zone, Some(&person.id)).found;
            imported.away.entry(name.clone()).or_default().extend(found);
        }
        let zones: BTreeSet<&str> =
            rota.people.values().map(|person| person.zone.as_ref().unwrap_or(&team).name()).collect();
        for name in shared {
            for zone in &zones {
                let Some((calendar, read_in)) = self.calendar(name, zone, &Place::default()) else { continue };
                let mut meaning = absences(&calendar, rota, &read_in, None);
                let is_theirs = |away: &Away| {
                    let zone_of = rota.person(&away.person).and_then(|person| person.zone.as_ref()).unwrap_or(&team);
                    zone_of.name() == *zone
                };
                meaning.found.retain(is_theirs);
                // Unknown names are the same in each zone; one of them tells.
                if zones.first() == Some(zone) {
                    self.tell(name, &Place::default(), meaning.problems);
                }
                imported.away.entry(name.clone()).or_default().extend(meaning.found);
            }
        }
        for away in imported.away.values_mut() {
            away.sort_by(|a, b| (a.span.start, &a.person, a.span.end).cmp(&(b.span.start, &b.person, b.span.end)));
            away.dedup();
        }
    }
}

impl From<Imported> for Wire {
    fn from(imported: Imported) -> Self {
        let time = |time: TemporaryShift| (time.start.timestamp(), time.end.timestamp(), time.users);
        let day = |day: Holiday| (day.from, day.to, day.name);
        let shifts = imported
            .shifts
            .into_iter()
            .map(|((name, zone), times)| (name, zone, times.into_iter().map(time).collect()));
        let holidays =
            imported.holidays.into_iter().map(|((name, zone), days)| (name, zone, days.into_iter().map(day).collect()));
        Self { shifts: shifts.collect(), holidays: holidays.collect() }
    }
}

impl From<Wire> for Imported {
    fn from(wire: Wire) -> Self {
        let time = |(start, end, users): (i64, i64, Vec<ResponderId>)| {
            let at = |seconds| DateTime::from_timestamp(seconds, 0);
            Some(TemporaryShift { start: at(start)?, end: at(end)?, users })
        };
        let day = |(from, to, name)| Holiday { name, from, to };
        let shifts = wire
            .shifts
            .into_iter()
            .map(|(name, zone, times)| ((name, zone), times.into_iter().filter_map(time).collect()));
        let holidays =
            wire.holidays.into_iter().map(|(name, zone, days)| ((name, zone), days.into_iter().map(day).collect()));
        Self { shifts: shifts.collect(), holidays: holidays.collect(), away: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests;
