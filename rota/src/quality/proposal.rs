//! The small changes of a schedule that are tried: each is one that a person makes in the file within a minute. This file
//! lists, applies and words them; whether one helps is computed elsewhere.

use crate::membership::{Membership, Rollout};
use crate::rota::{Rota, UnknownSchedule};
use crate::schedule::{Layer, Schedule};
use crate::told;
use chrono::{DateTime, Utc};
use incident::ResponderId;
use std::fmt;

/// Changes tried for one schedule at most. Of one layer they take 1 ms, of ten layers with windows 0.11 s (release build,
/// two cores, 2026-11-28).
pub(super) const PROPOSALS_MAX: usize = 200;

/// A single change of one layer, which is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proposal {
    /// Two groups change places in the rotation.
    Swap {
        /// The layer.
        layer: String,
        /// The place of one group, from 0.
        first: usize,
        /// The place of the other.
        second: usize,
        /// Who is in them, to be told.
        groups: [Vec<ResponderId>; 2],
    },
    /// Somebody takes the place of somebody who cannot be reached.
    Replace {
        /// The layer.
        layer: String,
        /// Who cannot be reached.
        leaves: ResponderId,
        /// Who can.
        joins: ResponderId,
    },
    /// Somebody takes an empty turn.
    Fill {
        /// The layer.
        layer: String,
        /// The place of the empty group, from 0.
        group: usize,
        /// Who takes it.
        joins: ResponderId,
    },
    /// Somebody gets a turn of their own, after the last one.
    Add {
        /// The layer.
        layer: String,
        /// Who.
        joins: ResponderId,
    },
    /// The layer counts at all hours.
    Open {
        /// The layer.
        layer: String,
    },
}

impl Proposal {
    fn layer(&self) -> &str {
        match self {
            Self::Swap { layer, .. }
            | Self::Replace { layer, .. }
            | Self::Fill { layer, .. }
            | Self::Add { layer, .. }
            | Self::Open { layer } => layer,
        }
    }

    /// Which kind of change it is: what a person decides about first.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Swap { .. } => "swap",
            Self::Replace { .. } => "replace",
            Self::Fill { .. } => "fill",
            Self::Add { .. } => "add",
            Self::Open { .. } => "open",
        }
    }

    /// The schedule with this change, made in the file at `at`. Of layers with one name all are changed.
    #[must_use]
    pub fn applied(&self, schedule: &Schedule, at: DateTime<Utc>) -> Schedule {
        let mut schedule = schedule.clone();
        let rollout = schedule.rollout;
        schedule
            .layers
            .iter_mut()
            .filter(|layer| layer.name == self.layer())
            .for_each(|layer| self.apply(layer, rollout, at));
        schedule
    }

    fn apply(&self, layer: &mut Layer, rollout: Rollout, at: DateTime<Utc>) {
        let mut groups = groups(layer).to_vec();
        match self {
            Self::Swap { first, second, .. } => {
                if groups.len() > *first.max(second) {
                    groups.swap(*first, *second);
                }
            }
            Self::Replace { leaves, joins, .. } => {
                groups
                    .iter_mut()
                    .flatten()
                    .filter(|person| *person == leaves)
                    .for_each(|person| *person = joins.clone());
            }
            Self::Fill { group, joins, .. } => {
                if let Some(group) = groups.get_mut(*group) {
                    group.push(joins.clone());
                }
            }
            Self::Add { joins, .. } => groups.push(vec![joins.clone()]),
            Self::Open { .. } => layer.windows.clear(),
        }
        if groups != layer.rotation.groups() {
            layer.rotation = layer.rotation.changed(&Membership { at, groups, rollout }, &layer.zone);
        }
    }
}

impl fmt::Display for Proposal {
    /// What to do, as an instruction: `give dan a turn in weekly`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Swap { layer, groups: [first, second], .. } => {
                write!(
                    f,
                    "let the turns of {} and of {} change places in {layer}",
                    told::people(first),
                    told::people(second)
                )
            }
            Self::Replace { layer, leaves, joins } => {
                write!(f, "put {joins} in the place of {leaves}, who cannot be reached, in {layer}")
            }
            Self::Fill { layer, group, joins } => {
                write!(f, "put {joins} into the empty turn of {layer}, group {} of its rotation", group + 1)
            }
            Self::Add { layer, joins } => write!(f, "give {joins} a turn in {layer}"),
            Self::Open { layer } => write!(f, "let {layer} count at all hours, without its window"),
        }
    }
}

/// The changes to try, smallest first, at most [`PROPOSALS_MAX`].
pub(super) fn proposals(
    rota: &Rota,
    schedule: &str,
    is_reachable: impl Fn(&ResponderId) -> bool,
) -> Result<Vec<Proposal>, UnknownSchedule> {
    let schedule = rota.schedule(schedule)?;
    let reachable: Vec<&ResponderId> = rota.people.keys().filter(|person| is_reachable(person)).collect();
    // In turn over the layers, so that a long first layer leaves room for the others.
    let mut of_layers: Vec<Vec<Proposal>> =
        schedule.layers.iter().map(|layer| of_layer(layer, &reachable, &is_reachable)).collect();
    of_layers.iter_mut().for_each(|proposals| proposals.truncate(PROPOSALS_MAX / schedule.layers.len()));
    Ok(of_layers.concat())
}

/// Who takes turns in a layer.
fn groups(layer: &Layer) -> &[Vec<ResponderId>] {
    layer.rotation.groups()
}

fn of_layer(layer: &Layer, reachable: &[&ResponderId], is_reachable: impl Fn(&ResponderId) -> bool) -> Vec<Proposal> {
    let name = || layer.name.clone();
    let groups = groups(layer);
    let members: Vec<&ResponderId> = groups.iter().flatten().collect();
    let others = || reachable.iter().filter(|person| !members.contains(person)).map(|&person| person.clone());
    let mut proposals = Vec::new();

    for leaves in members.iter().filter(|member| !is_reachable(member)) {
        proposals.extend(others().map(|joins| Proposal::Replace { layer: name(), leaves: (*leaves).clone(), joins }));
    }
    for (place, _) in groups.iter().enumerate().filter(|(_, group)| group.is_empty()) {
        let anybody = reachable.iter().map(|&person| person.clone());
        proposals.extend(anybody.map(|joins| Proposal::Fill { layer: name(), group: place, joins }));
    }
    if !layer.windows.is_empty() {
        proposals.push(Proposal::Open { layer: name() });
    }
    proposals.extend(others().map(|joins| Proposal::Add { layer: name(), joins }));
    for first in 0..groups.len() {
        for second in first + 1..groups.len() {
            let pair = [groups[first].clone(), groups[second].clone()];
            if pair[0] != pair[1] {
                proposals.push(Proposal::Swap { layer: name(), first, second, groups: pair });
            }
        }
    }
    proposals
}
