//! Rule M: what happens to the turns when the people of a rotation change at an instant. The grid never moves, nothing
//! before the change is different, who was removed is never on duty after it, and who joined changes nobody's running turn.

use crate::grid::Grid;
use crate::rotation::{Group, Mode, Role, Rotation, Stint};
use crate::ticks::tick;
use crate::zone::{Nearby, Zone};
use chrono::{DateTime, Utc};
use incident::ResponderId;

/// How the new order of a rotation starts. In each of them, whoever was removed leaves at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rollout {
    /// At once, as if the rotation had always been written so: turn `k` is that of group `k`, counted around.
    Now,
    /// Who is on duty stays until the turn ends, and the new order goes on after them; the next who is still there takes
    /// over at once from somebody who left.
    #[default]
    AfterThisTurn,
    /// The old order goes on until its last group has had its turn; then the new one starts with its first group.
    AfterAFullRound,
}

/// The groups that a rotation has from an instant on.
#[derive(Debug, Clone, PartialEq)]
pub struct Membership {
    /// From when on.
    pub at: DateTime<Utc>,
    /// In the order of their turns.
    pub groups: Vec<Group>,
    /// How the new order starts.
    pub rollout: Rollout,
}

impl Rotation {
    /// The rotation as it is with one more change. Changes are made in the order of time: what earlier ones had planned
    /// for a time after this one is decided anew. Removing somebody and taking them back at the same place within one
    /// turn leaves all later turns as they were.
    #[must_use]
    pub fn changed(&self, membership: &Membership, zone: &Zone) -> Self {
        let mut groups = membership.groups.clone();
        if groups.is_empty() {
            groups.push(Group::new());
        }
        let moment = Moment::of(self, membership.at, zone);
        let mut changed = self.clone();
        changed.changes.push(Membership { groups: groups.clone(), ..membership.clone() });
        changed.stints.retain(|stint| stint.from < moment.at);
        changed.stints.extend(match membership.rollout {
            Rollout::Now => {
                let mode = moment.settled.mode.counted_from(0);
                vec![Stint { from: moment.at, groups, shift: 0, mode, held: None, settled: true }]
            }
            Rollout::AfterThisTurn => moment.after_this_turn(groups),
            // Where turns are dealt by what was done, there is no round whose end could be waited for.
            Rollout::AfterAFullRound if moment.settled.mode != Mode::InTurn => moment.after_this_turn(groups),
            Rollout::AfterAFullRound => moment.after_a_full_round(groups, self.grid(), zone),
        });
        changed
    }
}

/// How a rotation stands at the instant of a change.
struct Moment<'r> {
    at: i64,
    grid: &'r Grid,
    /// The running turn, and when it ends.
    number: i64,
    turn_end: i64,
    /// Who is on duty, by the changes before.
    on_duty: &'r [ResponderId],
    /// The order that counts at the instant.
    current: &'r Stint,
    /// The order in which the running turn was given to somebody; another than the current one when this turn has seen a
    /// change already.
    settled: &'r Stint,
}

impl<'r> Moment<'r> {
    fn of(rotation: &'r Rotation, at: DateTime<Utc>, zone: &Zone) -> Self {
        let at = tick(at);
        let (number, turn) = rotation.grid().turn(Nearby::default().at(zone, at));
        let current = &rotation.stints[rotation.place(at)];
        let settled = rotation.stints.iter().rev().find(|stint| stint.from <= at && stint.settled);
        let on_duty = rotation.group_at(number, at, Role::Primary).0;
        Self {
            at,
            grid: rotation.grid(),
            number,
            turn_end: turn.end,
            on_duty,
            current,
            settled: settled.unwrap_or(current),
        }
    }

    fn after_this_turn(&self, groups: Vec<Group>) -> Vec<Stint> {
        let (place, successor) = self.place_in(&groups);
        let held = self.held(&groups, successor.as_ref());
        let count = i64::try_from(groups.len()).unwrap_or(i64::MAX);
        let mut shift = i64::try_from(place).unwrap_or_default().wrapping_sub(self.number).rem_euclid(count);
        let mut mode = self.settled.mode.counted_from(self.number.saturating_add(1));
        if mode != Mode::InTurn && groups == self.settled.groups {
            // Somebody was taken out and is back within the turn: the count goes on as if nothing had been.
            (mode, shift) = (self.settled.mode.clone(), self.settled.shift);
        }
        let settled = Stint { from: self.turn_end, groups, shift, mode, held: None, settled: true };
        vec![Stint { from: self.at, held: Some(held), settled: false, ..settled.clone() }, settled]
    }

    /// The place in `groups` after which the order goes on, and who takes over when nobody on duty is left.
    fn place_in(&self, groups: &[Group]) -> (usize, Option<Group>) {
        let owner = self.settled.place(self.number, self.grid);
        let owner = place_of(&self.settled.groups, owner, groups);
        let here = match self.current.held {
            // Its order begins behind whoever has this turn.
            Some(_) => self.current.place_in_turn(self.number),
            None => self.current.place(self.number, self.grid),
        };
        let count = self.current.groups.len();
        let around = (0..count).map(|step| (here + step) % count);
        // A turn of nobody survives, but cannot take over.
        let around = around.filter(|place| !self.current.groups[*place].is_empty());
        let next = around.filter_map(|place| place_of(&self.current.groups, place, groups)).next();
        match owner.or(next) {
            Some(place) => (place, groups.get(place).cloned()),
            // Nobody is left of the old list: the new one counts as if it had always been there.
            None => {
                let fresh = Stint {
                    from: self.at,
                    groups: groups.to_vec(),
                    shift: self.current.shift,
                    mode: Mode::InTurn,
                    held: None,
                    settled: true,
                };
                (fresh.place(self.number, self.grid), Some(fresh.group(self.number, self.grid).to_vec()))
            }
        }
    }

    /// Who has the rest of the turn. A turn of nobody stays one, as long as there is one.
    fn held(&self, groups: &[Group], successor: Option<&Group>) -> Group {
        let staying = staying(self.on_duty, groups);
        let nobody_stays = self.on_duty.is_empty() && groups.iter().any(Group::is_empty);
        if staying.is_empty() && !nobody_stays { successor.cloned().unwrap_or_default() } else { staying }
    }

    fn after_a_full_round(&self, groups: Vec<Group>, grid: &Grid, zone: &Zone) -> Vec<Stint> {
        // When nobody is left of the order that gave the turn, it is the order of who stands in; else there is no round.
        let orders = [self.settled, self.current].into_iter();
        let old = orders.filter_map(|order| Some((survivors(&order.groups, &groups)?, order.shift))).next();
        let Some((old, shift)) = old else { return self.after_this_turn(groups) };
        let mode = Mode::InTurn;
        let order = Stint { from: self.turn_end, groups: old, shift, mode: mode.clone(), held: None, settled: true };
        let place = order.place(self.number, grid);
        let held = self.held(&groups, order.groups.get(place));
        let left = i64::try_from(order.groups.len() - place).unwrap_or(i64::MAX);
        let first = self.number.saturating_add(left);
        let begins = |number| tick(grid.start(number, zone));

        // In the last turn of the round the new order is named already: its first group is next.
        let shift = first.wrapping_neg();
        let new = Stint { from: begins(first), shift, groups, mode, held: None, settled: true };
        let last = Stint { from: begins(first - 1), held: Some(order.group(first - 1, grid).to_vec()), ..new.clone() };
        if left == 1 {
            return vec![Stint { from: self.at, held: Some(held), settled: false, ..last }, new];
        }
        let rest = Stint { from: self.at, held: Some(held), settled: false, ..order.clone() };
        let mut stints = vec![rest];
        stints.extend((left > 2).then_some(order));
        stints.extend([last, new]);
        stints
    }
}

/// Those of `group` who are still in one of `groups`.
fn staying(group: &[ResponderId], groups: &[Group]) -> Group {
    group.iter().filter(|person| groups.iter().any(|group| group.contains(person))).cloned().collect()
}

/// The old order without those who left; the turn of a group that is gone is that of the next who are still there. `None`
/// when nobody is.
fn survivors(old: &[Group], new: &[Group]) -> Option<Vec<Group>> {
    let left: Vec<Group> = old.iter().map(|group| staying(group, new)).collect();
    let next = |place: usize| {
        let mut after = left.iter().cycle().skip(place).take(left.len());
        after.find(|group| !group.is_empty()).cloned()
    };
    left.iter().any(|group| !group.is_empty()).then(|| {
        let stands = old.iter().enumerate();
        stands
            .map(|(place, group)| if group.is_empty() { Group::new() } else { next(place).unwrap_or_default() })
            .collect()
    })
}

/// Where the group at `place` of the old order is in the new one: at its place when the lists are the same up to there or
/// from there on, else where the same group is, else where one of its people is; the nearest, where there are several.
fn place_of(old: &[Group], place: usize, new: &[Group]) -> Option<usize> {
    let same_start = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    if place < same_start {
        return Some(place);
    }
    let same_end = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    let from_end = old.len() - place;
    if from_end <= same_end {
        return new.len().checked_sub(from_end);
    }
    let group = old.get(place)?;
    let nearest = |is_there: &dyn Fn(&Group) -> bool| {
        let found = new.iter().enumerate().filter(|(_, candidate)| is_there(candidate)).map(|(place, _)| place);
        found.min_by_key(|found| found.abs_diff(place))
    };
    nearest(&|candidate| candidate == group)
        .or_else(|| nearest(&|candidate| candidate.iter().any(|person| group.contains(person))))
}

#[cfg(test)]
mod tests;
