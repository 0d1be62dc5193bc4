//! Whether two systems that saw the same alarms paged the same people: the core of running beside another tool before
//! leaving it. It is handed both streams of pages and compares; where they come from, it does not know.

use chrono::{DateTime, TimeDelta, Utc};
use incident::ResponderId;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

/// Somebody was paged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Page {
    /// When.
    pub at: DateTime<Utc>,
    /// For which alarm, by a key that both systems have.
    pub alarm: String,
    /// Who, by the names of `rota/*.toml`.
    pub person: ResponderId,
}

/// What comparing found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parity {
    /// Every page of either system, once, alone or in a pair; by the time of the earlier one.
    pub rows: Vec<Row>,
}

/// A page of one system, or one of each that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The alarm.
    pub alarm: String,
    /// The other tool's page: when, and whom.
    pub there: Option<(DateTime<Utc>, ResponderId)>,
    /// Ours.
    pub here: Option<(DateTime<Utc>, ResponderId)>,
}

/// What a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Both paged the same person.
    SamePerson,
    /// Each paged somebody else.
    AnotherPerson,
    /// Only the other tool paged.
    OnlyThere,
    /// Only we paged.
    OnlyHere,
}

/// Pairs the pages of both systems and keeps those that have no other half.
///
/// Two pages are a pair when they are for the same alarm and at most `within` apart. A pair of the same person goes before
/// any pair of two, and the nearer in time before the further; each page is in one pair at most. The order in which pages
/// are given does not matter.
#[must_use]
pub fn compare(there: &[Page], here: &[Page], within: TimeDelta) -> Parity {
    let mut alarms: BTreeMap<&str, (Vec<&Page>, Vec<&Page>)> = BTreeMap::new();
    for page in there {
        alarms.entry(&page.alarm).or_default().0.push(page);
    }
    for page in here {
        alarms.entry(&page.alarm).or_default().1.push(page);
    }
    let mut rows: Vec<Row> = Vec::new();
    for (mut there, mut here) in alarms.into_values() {
        there.sort();
        here.sort();
        pair(&there, &here, within, &mut rows);
    }
    rows.sort_by(|a, b| (a.at(), &a.alarm, &a.there, &a.here).cmp(&(b.at(), &b.alarm, &b.there, &b.here)));
    Parity { rows }
}

/// The pages of one alarm, each list in order of time.
fn pair(there: &[&Page], here: &[&Page], within: TimeDelta, rows: &mut Vec<Row>) {
    let mut candidates = Vec::new();
    let mut first = 0;
    for (left, page) in there.iter().enumerate() {
        // What was too early for this page is too early for all later ones.
        first += here.iter().skip(first).take_while(|other| page.at - other.at > within).count();
        let near = here.iter().enumerate().skip(first).take_while(|(_, other)| other.at - page.at <= within);
        candidates
            .extend(near.map(|(right, other)| (page.person != other.person, (page.at - other.at).abs(), left, right)));
    }
    candidates.sort();
    let (mut paired_there, mut paired_here) = (vec![false; there.len()], vec![false; here.len()]);
    for (_, _, left, right) in candidates {
        if !paired_there[left] && !paired_here[right] {
            (paired_there[left], paired_here[right]) = (true, true);
            rows.push(Row::of(Some(there[left]), Some(here[right])));
        }
    }
    let alone = |pages: &[&Page], paired: &[bool]| -> Vec<Page> {
        pages.iter().zip(paired).filter(|(_, paired)| !**paired).map(|(page, _)| (*page).clone()).collect()
    };
    rows.extend(alone(there, &paired_there).iter().map(|page| Row::of(Some(page), None)));
    rows.extend(alone(here, &paired_here).iter().map(|page| Row::of(None, Some(page))));
}

impl Row {
    fn of(there: Option<&Page>, here: Option<&Page>) -> Self {
        let alarm = there.or(here).map(|page| page.alarm.clone()).unwrap_or_default();
        let part = |page: &Page| (page.at, page.person.clone());
        Self { alarm, there: there.map(part), here: here.map(part) }
    }

    /// What it says.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match (&self.there, &self.here) {
            (Some((_, there)), Some((_, here))) if there == here => Verdict::SamePerson,
            (Some(_), Some(_)) => Verdict::AnotherPerson,
            (_, None) => Verdict::OnlyThere,
            (None, Some(_)) => Verdict::OnlyHere,
        }
    }

    /// How much later our page was; negative when it was earlier. `None` for a page alone.
    #[must_use]
    pub fn later(&self) -> Option<TimeDelta> {
        let ((there, _), (here, _)) = self.there.as_ref().zip(self.here.as_ref())?;
        Some(*here - *there)
    }

    /// The earlier page.
    fn at(&self) -> Option<DateTime<Utc>> {
        self.there.iter().chain(&self.here).map(|(at, _)| *at).min()
    }
}

impl Parity {
    /// How many rows say that.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.rows.iter().filter(|row| row.verdict() == verdict).count()
    }

    /// Whether every page of either system has its like in the other.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.rows.iter().all(|row| row.verdict() == Verdict::SamePerson)
    }

    /// How far apart the pages to the same person are, whichever came first: the middle one and the furthest. `None` when
    /// there are none.
    #[must_use]
    pub fn apart(&self) -> Option<(TimeDelta, TimeDelta)> {
        let same = self.rows.iter().filter(|row| row.verdict() == Verdict::SamePerson);
        let mut apart: Vec<TimeDelta> = same.filter_map(|row| row.later().map(|later| later.abs())).collect();
        apart.sort();
        Some((*apart.get(apart.len() / 2)?, *apart.last()?))
    }

    /// One sentence: `212 of 214 pages went to the same person, half of them within 3 s and all within 41 s; ...`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let count = |verdict| self.count(verdict);
        if self.rows.is_empty() {
            return "nobody was paged in either".to_owned();
        }
        let apart = self.apart().map_or_else(String::new, |(half, all)| {
            format!(", half of them within {} s and all within {} s", half.num_seconds(), all.num_seconds())
        });
        format!(
            "{} of {} pages went to the same person{apart}; {} to another, {} only there, {} only here",
            count(Verdict::SamePerson),
            self.rows.len(),
            count(Verdict::AnotherPerson),
            count(Verdict::OnlyThere),
            count(Verdict::OnlyHere),
        )
    }

    /// The rows to look at, worst first: pages that are missing here, then those of another person, then those too many.
    #[must_use]
    pub fn unequal(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows.iter().filter(|row| row.verdict() != Verdict::SamePerson).collect();
        // Stable: within a kind they stay in order of time.
        rows.sort_by_key(|row| match row.verdict() {
            Verdict::OnlyThere => 0,
            Verdict::AnotherPerson => 1,
            Verdict::OnlyHere => 2,
            Verdict::SamePerson => 3,
        });
        rows
    }

    /// The `most` pages to the same person that are furthest apart, furthest first.
    #[must_use]
    pub fn slowest(&self, most: usize) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows.iter().filter(|row| row.verdict() == Verdict::SamePerson).collect();
        rows.sort_by_key(|row| Reverse(row.later().map(|later| later.abs())));
        rows.truncate(most);
        rows
    }
}

impl fmt::Display for Row {
    /// `2026-03-02 03:14:07 UTC checkout-5xx: there ana, here ben 4 s later`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at().unwrap_or_default().format("%Y-%m-%d %H:%M:%S UTC");
        write!(f, "{at} {}: ", self.alarm)?;
        match (&self.there, &self.here, self.later()) {
            (Some((_, there)), Some((_, here)), Some(later)) => {
                let when = if later < TimeDelta::zero() { "earlier" } else { "later" };
                write!(f, "there {there}, here {here} {} s {when}", later.num_seconds().abs())
            }
            (Some((_, person)), _, _) => write!(f, "only there, {person}"),
            (_, Some((_, person)), _) => write!(f, "only here, {person}"),
            (None, None, _) => f.write_str("nobody"),
        }
    }
}

#[cfg(test)]
mod tests;
