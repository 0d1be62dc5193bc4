//! Compares who is on call by the export with who is on call by the files. It changes neither.

use super::form::{Key, Shift};
use super::{Check, Difference, Tool};
use crate::{Operation, Rota, final_schedule};
use chrono::{DateTime, TimeDelta, Utc};
use incident::ResponderId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A year shows every rotation that people have; a span that an export makes up could be thousands of years.
const CHECKED_MAX: TimeDelta = TimeDelta::days(366);

/// Compares over the time from the first shift's start to the last one's end, [`CHECKED_MAX`] of it at most; `None` without shifts.
pub(super) fn check(
    rota: &Rota,
    schedule: &str,
    shifts: &[Shift],
    people: &BTreeMap<Key, String>,
    operations: &[Operation],
) -> Option<Check> {
    let start = shifts.iter().map(|shift| shift.start).min()?;
    let end = shifts.iter().map(|shift| shift.end).max()?.min(start.checked_add_signed(CHECKED_MAX)?);
    let segments = final_schedule(rota, schedule, operations, start, end).ok()?;
    let edges = shifts.iter().flat_map(|shift| [shift.start, shift.end]);
    let edges: BTreeSet<DateTime<Utc>> = edges.chain(segments.iter().map(|segment| segment.start)).collect();
    let edges: Vec<DateTime<Utc>> = edges.into_iter().filter(|at| *at < end).chain([end]).collect();
    let mut differences: Vec<Difference> = Vec::new();
    for pair in edges.windows(2) {
        let [from, to] = *pair else { continue };
        if from >= to {
            continue;
        }
        let place = segments.partition_point(|segment| segment.end <= from);
        let on_duty = segments.get(place).map(|segment| segment.on_duty.as_slice()).unwrap_or_default();
        let here: BTreeSet<ResponderId> = on_duty.iter().map(|&person| person.clone()).collect();
        let now = shifts.iter().filter(|shift| shift.start <= from && from < shift.end);
        let id = |shift: &Shift| people.get(&shift.person).unwrap_or(&shift.person).as_str().into();
        let there: BTreeSet<ResponderId> = now.map(id).collect();
        if here != there {
            let (there, here) = (there.into_iter().collect(), here.into_iter().collect());
            let difference = Difference { start: from, end: to, there, here };
            match differences.last_mut() {
                Some(last) if last.end == from && last.continues(&difference) => last.end = to,
                _ => differences.push(difference),
            }
        }
    }
    Some(Check { schedule: schedule.to_owned(), start, end, differences })
}

impl Check {
    /// For how long the two name different people.
    #[must_use]
    pub fn unequal(&self) -> TimeDelta {
        self.differences.iter().map(|difference| difference.end - difference.start).sum()
    }
}

impl fmt::Display for Check {
    /// `payments: the same people as there for 191 h`, `payments: other people than there for 17 h of 191 h`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = |time: TimeDelta| time.num_minutes().div_euclid(60).max(1);
        let all = hours(self.end - self.start);
        match self.differences.as_slice() {
            [] => write!(f, "{}: the same people as there for {all} h", self.schedule),
            _ => write!(f, "{}: other people than there for {} h of {all} h", self.schedule, hours(self.unequal())),
        }
    }
}

impl Difference {
    fn continues(&self, later: &Self) -> bool {
        (&self.there, &self.here) == (&later.there, &later.here)
    }

    /// `from 2026-01-05 09:00 to 2026-01-12 09:00 UTC PagerDuty has ana on call, these files ben`.
    pub(super) fn sentence(&self, tool: Tool) -> String {
        let Self { start, end, there, here } = self;
        let (start, end) = (start.format("%Y-%m-%d %H:%M"), end.format("%Y-%m-%d %H:%M"));
        format!("from {start} to {end} UTC {} has {} on call, these files {}", tool.name(), names(there), names(here))
    }
}

fn names(people: &[ResponderId]) -> String {
    if people.is_empty() {
        "nobody".to_owned()
    } else {
        people.iter().map(ResponderId::as_str).collect::<Vec<_>>().join(", ")
    }
}
