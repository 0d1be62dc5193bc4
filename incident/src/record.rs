//! What happened to one alarm key over all its incidents: which actions helped, how often it cleared alone.
//! Kept in a stream of its own beside the incidents, so that a suggestion costs one read. Folding it has no effects.

use crate::id::{ActionId, IncidentId, ResponderId};
use crate::suggestion::ActionRecord;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One thing worth remembering about an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RecordEvent {
    /// A run was judged.
    RunJudged {
        /// On which incident.
        incident: IncidentId,
        /// Which action.
        action: ActionId,
        /// Who ran it.
        by: ResponderId,
        /// Did the alarm clear while CatOps watched?
        helped: bool,
    },
    /// An incident ended.
    Ended {
        /// Which.
        incident: IncidentId,
        /// True when nobody acted on it.
        cleared_alone: bool,
        /// How long it was open, in seconds.
        open_seconds: u64,
    },
}

impl RecordEvent {
    /// The kind as it stands in the log.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::RunJudged { .. } => "run_judged",
            Self::Ended { .. } => "ended",
        }
    }
}

/// The record of one alarm key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Record {
    /// How many incidents ended.
    pub ended: u32,
    /// How many of them cleared without anybody acting.
    pub cleared_alone: u32,
    /// What each action achieved.
    pub actions: BTreeMap<ActionId, ActionRecord>,
    /// Who ran something last that helped, and when.
    pub last_help: Option<(ActionId, ResponderId, DateTime<Utc>)>,
}

impl Record {
    /// Moves the record over one more event.
    pub fn apply(&mut self, event: &RecordEvent, at: DateTime<Utc>) {
        match event {
            RecordEvent::RunJudged { action, by, helped, .. } => {
                let tally = self.actions.entry(action.clone()).or_default();
                if *helped {
                    tally.helped += 1;
                    self.last_help = Some((action.clone(), by.clone(), at));
                } else {
                    tally.did_not_help += 1;
                }
            }
            RecordEvent::Ended { cleared_alone, .. } => {
                self.ended += 1;
                self.cleared_alone += u32::from(*cleared_alone);
            }
        }
    }
}
