//! What if: the pages that were, over a rota that is proposed. Who would have been woken, in how many nights, and which pages
//! would have reached nobody. Everybody on duty counts as paged, as the first level of an escalation pages them; who answered
//! and what was escalated later is not replayed.

use crate::ledger::Clocks;
use crate::night::nights;
use crate::on_call::on_duty;
use crate::preview::Side;
use crate::span::Span;
use crate::told;
use chrono::{DateTime, Utc};
use incident::ResponderId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A page that was sent to a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastPage {
    /// The schedule that was paged.
    pub schedule: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What the pages would have meant before and after a change. `Display` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// How many pages were replayed.
    pub pages: usize,
    /// Of how long: from the first to the last page, [`None`] without pages.
    pub span: Option<Span>,
    /// Who is paged by the rota as it is.
    pub before: Paging,
    /// Who is paged by the rota that is proposed.
    pub after: Paging,
    /// The pages that reach others than before, in the order of time.
    pub elsewhere: Vec<Elsewhere>,
    clocks: Clocks,
}

/// Who is paged on one side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paging {
    /// What each person gets; who gets no page is missing.
    pub people: BTreeMap<ResponderId, Woken>,
    /// The pages that reach nobody, in the order of time.
    pub nobody: Vec<PastPage>,
}

/// What the pages do to one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Woken {
    /// All pages.
    pub pages: usize,
    /// Of them between 22:00 and 06:00.
    pub pages_at_night: usize,
    /// The nights with at least one page.
    pub nights: usize,
}

/// A page that reaches others than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The page.
    pub page: PastPage,
    /// Whom it reaches by the rota as it is.
    pub before: Vec<ResponderId>,
    /// Whom it reaches by the rota that is proposed.
    pub after: Vec<ResponderId>,
}

/// Replays `pages` over two rotas, each with the operations that hold on it. A page to a schedule that a side does not have
/// reaches nobody there. Nights are those of the person's own zone where `clocks` knows it, else of the schedule's.
#[must_use]
pub fn replay(before: Side<'_>, after: Side<'_>, pages: &[PastPage], clocks: &Clocks) -> Replay {
    let mut pages: Vec<&PastPage> = pages.iter().collect();
    pages.sort_by_key(|page| page.at);
    let (mut earlier, mut later) = (Counter::new(before, clocks), Counter::new(after, clocks));
    let mut elsewhere = Vec::new();
    for &page in &pages {
        let (before, after) = (earlier.count(page), later.count(page));
        if before.iter().collect::<BTreeSet<_>>() != after.iter().collect::<BTreeSet<_>>() {
            elsewhere.push(Elsewhere { page: page.clone(), before, after });
        }
    }
    let span = pages.first().zip(pages.last()).map(|(first, last)| Span { start: first.at, end: last.at });
    let (before, after) = (earlier.paging, later.paging);
    Replay { pages: pages.len(), span, before, after, elsewhere, clocks: clocks.clone() }
}

/// Counts the pages of one side.
struct Counter<'c> {
    side: Side<'c>,
    clocks: &'c Clocks,
    paging: Paging,
    /// The start of the last night in which each person was paged; pages come in the order of time.
    last_nights: BTreeMap<ResponderId, DateTime<Utc>>,
}

impl<'c> Counter<'c> {
    fn new(side: Side<'c>, clocks: &'c Clocks) -> Self {
        Self { side, clocks, paging: Paging::default(), last_nights: BTreeMap::new() }
    }

    /// Whom a page reaches, in the order in which they are paged.
    fn count(&mut self, page: &PastPage) -> Vec<ResponderId> {
        let (rota, operations) = self.side;
        let people = on_duty(rota, &page.schedule, operations, page.at).map(|(people, _)| people).unwrap_or_default();
        if people.is_empty() {
            self.paging.nobody.push(page.clone());
        }
        for &person in &people {
            let schedule = rota.schedule(&page.schedule).map_or(self.clocks.everybody(), |schedule| &schedule.zone);
            let around = nights(Span { start: page.at, end: page.at }, self.clocks.zone_or(person, schedule));
            let woken = self.paging.people.entry(person.clone()).or_default();
            woken.pages += 1;
            if let Some(night) = around.iter().find(|night| night.contains(page.at)) {
                woken.pages_at_night += 1;
                let is_new = self.last_nights.insert(person.clone(), night.start) != Some(night.start);
                woken.nights += usize::from(is_new);
            }
        }
        people.into_iter().cloned().collect()
    }
}

impl fmt::Display for Replay {
    /// A line for each person with both sides, then what reaches nobody, then how many pages change hands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(span) = self.span else {
            return writeln!(f, "There are no pages to replay.");
        };
        let zone = self.clocks.everybody();
        let time = told::span(span, zone, span.end);
        writeln!(f, "{} from {time} {}, before and after:", told::count(self.pages, "page"), zone.name())?;
        let people: BTreeSet<&ResponderId> = self.before.people.keys().chain(self.after.people.keys()).collect();
        let width = people.iter().map(|person| person.as_str().chars().count()).max().unwrap_or(0).max("nobody".len());
        for person in people {
            let side = |paging: &Paging| paging.people.get(person).copied().unwrap_or_default().to_string();
            let (before, after) = (side(&self.before), side(&self.after));
            writeln!(f, "  {:<width$}  {before:<42}  {after}", person.as_str())?;
        }
        let (before, after) = (self.before.nobody.len(), self.after.nobody.len());
        if before + after > 0 {
            writeln!(f, "  {:<width$}  {:<42}  {}", "nobody", told::count(before, "page"), told::count(after, "page"))?;
        }
        writeln!(f, "{} would have reached others.", told::count(self.elsewhere.len(), "page"))
    }
}

impl fmt::Display for Woken {
    /// `12 pages, 3 at night, in 2 nights`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pages = told::count(self.pages, "page");
        if self.pages_at_night == 0 {
            return write!(f, "{pages}, none at night");
        }
        write!(f, "{pages}, {} at night, in {}", self.pages_at_night, told::count(self.nights, "night"))
    }
}

#[cfg(test)]
mod tests;
