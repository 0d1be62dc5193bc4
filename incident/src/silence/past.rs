//! What a silence would have kept back of the past: whoever makes one at three in the morning sees whether it is about what
//! they mean, and what it may hide. It is a count and decides nothing.

use super::Silence;
use crate::decide::was_acted_on;
use crate::fold::Incident;
use crate::id::IncidentId;
use crate::record::{Fix, HISTORY_DAYS};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

/// How far back it is looked: as far as a record counts.
pub const LOOKED_BACK: TimeDelta = TimeDelta::days(HISTORY_DAYS);

/// What a silence would have kept back, had it always been there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Hidden {
    /// Incidents that ended and were looked at.
    pub of: usize,
    /// When the oldest of these was opened, if there are older ones within [`LOOKED_BACK`] that were not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Those whose alarm it is about.
    pub incidents: usize,
    /// How often their alarms fired, together.
    pub alarms: u64,
    /// Those of them on which somebody did something, in the order in which they were looked at.
    pub acted_on: Vec<IncidentId>,
}

impl Hidden {
    /// Looks at one more incident that ended. Drills are no past.
    pub fn look_at(&mut self, silence: &Silence, incident: &Incident) {
        if !incident.counts() {
            return;
        }
        self.of += 1;
        if !silence.is_about(&incident.alarm) {
            return;
        }
        self.incidents += 1;
        self.alarms += u64::from(incident.fired);
        if was_worked_on(incident) {
            self.acted_on.push(incident.id);
        }
    }
}

/// Somebody changed something, wrote something down, or said what ended it. To acknowledge is not enough: a page that was
/// only taken is one that nobody would miss.
fn was_worked_on(incident: &Incident) -> bool {
    let fixed = matches!(incident.fix, Some(Fix::Action(_) | Fix::Other));
    was_acted_on(incident) || fixed || !incident.notes.is_empty()
}
