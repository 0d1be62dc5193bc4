//! The ledger: what each person carried of a schedule in a time: hours, nights, weekends, holidays, shifts, pages. It counts
//! and does not judge; `quality` judges.

use crate::night::{is_night, nights, weekends, whole_days};
use crate::on_call::{Segment, final_schedule};
use crate::operation::Operation;
use crate::rota::{Person, Rota, UnknownSchedule};
use crate::shifts::{intersection, shifts, total};
use crate::span::Span;
use crate::told;
use crate::zone::Zone;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use incident::ResponderId;
use std::collections::BTreeMap;
use std::fmt;

/// By which clock each person sleeps: their own zone where it is known, else the schedule's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clocks {
    schedule: Zone,
    own: BTreeMap<ResponderId, Zone>,
}

impl Clocks {
    /// Everybody's clock is that of `schedule` until [`Clocks::set`] says otherwise.
    #[must_use]
    pub fn new(schedule: Zone) -> Self {
        Self { schedule, own: BTreeMap::new() }
    }

    /// Everybody's clock for that schedule: the person's own zone where the files say it.
    ///
    /// # Errors
    /// When there is no such schedule.
    pub fn of(rota: &Rota, schedule: &str) -> Result<Self, UnknownSchedule> {
        let own = |person: &Person| Some((person.id.clone(), person.zone.clone()?));
        let schedule = rota.schedule(schedule)?.zone.clone();
        Ok(Self { schedule, own: rota.people.values().filter_map(own).collect() })
    }

    /// Says a person's own zone.
    pub fn set(&mut self, person: ResponderId, zone: Zone) {
        self.own.insert(person, zone);
    }

    /// The zone in which that person's nights, weekends and holidays lie.
    #[must_use]
    pub fn zone(&self, person: &ResponderId) -> &Zone {
        self.zone_or(person, &self.schedule)
    }

    /// The zone in which that person's nights lie, when their own is not known and the schedule is one in `zone`.
    pub(crate) fn zone_or<'z>(&'z self, person: &ResponderId, zone: &'z Zone) -> &'z Zone {
        self.own.get(person).unwrap_or(zone)
    }

    /// The schedule's zone, in which what concerns everybody is told.
    #[must_use]
    pub fn everybody(&self) -> &Zone {
        &self.schedule
    }
}

/// A page that reached, or was to reach, a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paged {
    /// Who.
    pub person: ResponderId,
    /// When.
    pub at: DateTime<Utc>,
}

/// What the ledger cannot read off a rota.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'f> {
    /// By which clock each person sleeps.
    pub clocks: &'f Clocks,
    /// The holidays, each in the zone of whoever is on duty on it; in any order.
    pub holidays: &'f [NaiveDate],
    /// The pages, in any order; those outside the time asked about do not count.
    pub pages: &'f [Paged],
}

/// What one person carried. The times overlap: an hour of a Sunday night is in three of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// The time on duty.
    pub duty: TimeDelta,
    /// Of it between 22:00 and 06:00.
    pub at_night: TimeDelta,
    /// Of it on Saturdays and Sundays.
    pub on_weekends: TimeDelta,
    /// Of it on holidays.
    pub on_holidays: TimeDelta,
    /// The nights with any duty in them.
    pub nights: usize,
    /// The shifts, as [`shifts`] counts them.
    pub shifts: usize,
    /// The pages.
    pub pages: usize,
    /// Of them between 22:00 and 06:00.
    pub pages_at_night: usize,
}

/// What each person carried of a schedule in a time. `Display` tells it as a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// The schedule.
    pub schedule: String,
    /// The time.
    pub span: Span,
    /// Everybody, by id.
    pub people: BTreeMap<ResponderId, Load>,
    zone: Zone,
}

/// What each person carried of `schedule` in `span`: all its members, also those who carried nothing, and whoever else was
/// on duty or paged.
///
/// # Errors
/// When there is no such schedule.
pub fn ledger(
    rota: &Rota,
    schedule: &str,
    operations: &[Operation],
    span: Span,
    facts: &Facts<'_>,
) -> Result<Ledger, UnknownSchedule> {
    let segments = final_schedule(rota, schedule, operations, span.start, span.end)?;
    let mut people = loads(&segments, facts.clocks, facts.holidays);
    for member in members(rota, schedule, span.start)? {
        people.entry(member.clone()).or_default();
    }
    for page in facts.pages.iter().filter(|page| span.contains(page.at)) {
        let load = people.entry(page.person.clone()).or_default();
        load.pages += 1;
        load.pages_at_night += usize::from(is_night(page.at, facts.clocks.zone(&page.person)));
    }
    Ok(Ledger { schedule: schedule.to_owned(), span, people, zone: facts.clocks.everybody().clone() })
}

/// Those whose loads are compared: who can be on duty from then on.
pub(crate) fn members<'r>(
    rota: &'r Rota,
    schedule: &str,
    from: DateTime<Utc>,
) -> Result<Vec<&'r ResponderId>, UnknownSchedule> {
    rota.schedule(schedule).map(|schedule| schedule.members_from(from))
}

impl fmt::Display for Ledger {
    /// A line for each person; times in hours.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = told::span(self.span, &self.zone, self.span.end);
        writeln!(f, "{}, {time} {}; times in hours", self.schedule, self.zone.name())?;
        let names = self.people.keys().map(|person| person.as_str().chars().count());
        let width = names.max().unwrap_or(0);
        let headings = ["duty", "at night", "weekends", "holidays", "nights", "shifts", "pages", "pages at night"];
        let line = |name: &str, cells: [String; 8]| {
            let cells: Vec<String> =
                cells.iter().zip(headings).map(|(cell, heading)| format!("{cell:>0$}", heading.len().max(7))).collect();
            format!("  {name:width$}  {}", cells.join("  "))
        };
        writeln!(f, "{}", line("", headings.map(str::to_owned)))?;
        for (person, load) in &self.people {
            let [duty, at_night, on_weekends, on_holidays] =
                [load.duty, load.at_night, load.on_weekends, load.on_holidays].map(told::hours);
            let [nights, shifts, pages, pages_at_night] =
                [load.nights, load.shifts, load.pages, load.pages_at_night].map(|count| count.to_string());
            let cells = [duty, at_night, on_weekends, on_holidays, nights, shifts, pages, pages_at_night];
            writeln!(f, "{}", line(person.as_str(), cells))?;
        }
        Ok(())
    }
}

/// What the people of `segments` carry, without pages.
pub(crate) fn loads(segments: &[Segment<'_>], clocks: &Clocks, holidays: &[NaiveDate]) -> BTreeMap<ResponderId, Load> {
    let load = |(person, shifts): (ResponderId, Vec<Span>)| {
        let load = load_of(&shifts, clocks.zone(&person), holidays);
        (person, load)
    };
    shifts(segments).into_iter().map(load).collect()
}

/// What somebody with these shifts carries, without pages.
pub(crate) fn load_of(shifts: &[Span], zone: &Zone, holidays: &[NaiveDate]) -> Load {
    let (Some(first), Some(last)) = (shifts.first(), shifts.last()) else { return Load::default() };
    let span = Span { start: first.start, end: last.end };
    let common = |part: &[Span]| total(&intersection(shifts, part));
    let nights = nights(span, zone);
    let has_duty = |night: &&Span| {
        let next = shifts.partition_point(|shift| shift.end <= night.start);
        shifts.get(next).is_some_and(|shift| shift.start < night.end)
    };
    Load {
        duty: total(shifts),
        nights: nights.iter().filter(has_duty).count(),
        at_night: common(&nights),
        on_weekends: common(&weekends(span, zone)),
        on_holidays: common(&whole_days(holidays, span, zone)),
        shifts: shifts.len(),
        pages: 0,
        pages_at_night: 0,
    }
}

#[cfg(test)]
mod tests;
