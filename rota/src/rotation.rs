//! Whose turn it is: groups over a grid of turns. When somebody joins or leaves, the grid stays; only which group has which
//! turn changes, by the rules of `membership`.

use crate::grid::Grid;
use crate::membership::Membership;
use crate::ticks::{Ticks, tick};
use chrono::{DateTime, Utc};
use incident::ResponderId;

/// People who have a turn together; nobody, when empty.
pub type Group = Vec<ResponderId>;

/// Groups that take turns.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotation {
    grid: Grid,
    /// The changes of its people, in the order of time.
    pub(crate) changes: Vec<Membership>,
    /// What follows from them: which groups have the turns from when on, in the order of time; the first from always.
    pub(crate) stints: Vec<Stint>,
}

/// A time in which the turns belong to the same groups in the same order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stint {
    /// From which tick on.
    pub(crate) from: i64,
    /// In order, at least one; turn `k` is that of group `k + shift`, counted around.
    pub(crate) groups: Vec<Group>,
    pub(crate) shift: i64,
    /// Who is on duty instead, for the rest of one turn: those who stay, or who stands in for somebody who left.
    pub(crate) held: Option<Group>,
    /// Whether turns are given by this order; not in the rest of a turn that was given by the one before.
    pub(crate) settled: bool,
}

/// Which of the two is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// Who has the turn.
    #[default]
    Primary,
    /// Who has the next turn of the same grid.
    Secondary,
}

impl Role {
    /// The schedule and the role that a text names: `payments`, `payments/primary`, `payments/secondary`.
    #[must_use]
    pub fn named(text: &str) -> (&str, Self) {
        if let Some(schedule) = text.strip_suffix("/secondary") {
            return (schedule, Self::Secondary);
        }
        (text.strip_suffix("/primary").unwrap_or(text), Self::Primary)
    }
}

impl Rotation {
    /// A rotation whose groups have always been these. Without a group every turn is nobody's.
    #[must_use]
    pub fn new(grid: Grid, mut groups: Vec<Group>) -> Self {
        if groups.is_empty() {
            groups.push(Group::new());
        }
        Self {
            grid,
            changes: Vec::new(),
            stints: vec![Stint { from: i64::MIN, groups, shift: 0, held: None, settled: true }],
        }
    }

    /// When its turns start.
    #[must_use]
    pub const fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The changes of its people, in the order of time.
    #[must_use]
    pub fn changes(&self) -> &[Membership] {
        &self.changes
    }

    /// The groups that are written for `at`, in the order of their turns; who is on duty then is [`Self::group`].
    #[must_use]
    pub fn listed(&self, at: DateTime<Utc>) -> &[Group] {
        let last = self.changes.iter().rev().find(|change| change.at <= at);
        last.map_or_else(|| self.stints.first().map_or(&[][..], |stint| &stint.groups), |change| &change.groups)
    }

    /// The rotation as it was before all changes.
    pub(crate) fn unchanged(&self) -> Self {
        Self { changes: Vec::new(), stints: self.stints.iter().take(1).cloned().collect(), ..self.clone() }
    }

    /// The groups in the order of their turns, as the last change left them.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        self.stints.last().map_or(&[], |stint| &stint.groups)
    }

    /// Everybody who has a turn at `from` or later, with repetitions; `None` is everybody who ever had one.
    pub(crate) fn members(&self, from: Option<DateTime<Utc>>) -> impl Iterator<Item = &ResponderId> {
        let first = from.map_or(0, |from| self.place(tick(from)));
        let stints = self.stints.iter().skip(first);
        stints.flat_map(|stint| stint.groups.iter().chain(&stint.held)).flatten()
    }

    /// The group that has turn `number` at `at`: it may change within a turn, when somebody leaves.
    #[must_use]
    pub fn group(&self, number: i64, at: DateTime<Utc>) -> &[ResponderId] {
        self.group_at(number, tick(at), Role::Primary).0
    }

    /// The group of a role in turn `number` at a tick, with the time around it in which the list stays the same.
    #[inline]
    pub(crate) fn group_at(&self, number: i64, at: i64, role: Role) -> (&[ResponderId], Ticks) {
        let place = if self.stints.len() == 1 { 0 } else { self.place(at) };
        let Some(stint) = self.stints.get(place) else { return (&[], Ticks::ALWAYS) };
        let end = self.stints.get(place + 1).map_or(i64::MAX, |next| next.from);
        let group = match (role, &stint.held) {
            (Role::Primary, Some(held)) => held,
            (Role::Primary, None) => stint.group(number),
            (Role::Secondary, _) => stint.group(number.saturating_add(1)),
        };
        (group, Ticks { start: stint.from, end })
    }

    /// The place of the stint that holds a tick.
    pub(crate) fn place(&self, at: i64) -> usize {
        self.stints.partition_point(|stint| stint.from <= at).saturating_sub(1)
    }
}

impl Stint {
    /// The place of the group that has turn `number`.
    #[inline]
    pub(crate) fn place(&self, number: i64) -> usize {
        let count = i64::try_from(self.groups.len()).unwrap_or(i64::MAX).max(1);
        usize::try_from(number.wrapping_add(self.shift).rem_euclid(count)).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn group(&self, number: i64) -> &[ResponderId] {
        self.groups.get(self.place(number)).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests;
