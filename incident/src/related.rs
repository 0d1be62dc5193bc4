//! Other incidents that are open on the same resource: whoever is woken should know of them, and what was tried there in vain
//! need not be tried here first. It compares two incidents; finding the others is the caller's.

use crate::fold::Incident;
use crate::id::{ActionId, IncidentId};
use serde::{Deserialize, Serialize};

/// Incidents that a card names.
pub const RELATED_MAX: usize = 3;

/// An incident that was open on the same resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Related {
    /// Which.
    pub incident: IncidentId,
    /// Its alarm.
    pub title: String,
    /// What ran there and changes something, each once, while its alarm stayed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<ActionId>,
}

impl Related {
    /// What to say of `other` on the card of `incident`; nothing unless it is open on the same resource.
    #[must_use]
    pub fn of(incident: &Incident, other: &Incident) -> Option<Self> {
        let resource = &incident.alarm.resource;
        let is_other = other.id != incident.id && other.alarm.key != incident.alarm.key;
        let is_same = !resource.is_empty() && *resource == other.alarm.resource;
        let both_count = incident.counts() && other.counts();
        if !(is_other && is_same && both_count && other.is_open()) {
            return None;
        }
        let mut tried: Vec<ActionId> = Vec::new();
        for run in other.runs.iter().filter(|run| !run.read_only) {
            if !tried.contains(&run.action) {
                tried.push(run.action.clone());
            }
        }
        Some(Self { incident: other.id, title: other.alarm.title.clone(), tried })
    }
}

#[cfg(test)]
mod tests;
