//! The alarms that a log knows, and what was made of what was suggested for them. It is fed events in order.

use super::{Existing, Used};
use crate::flow::names;
use incident::{ActionId, AlarmKey, Counting, Event, IncidentId, RunId, RunbookId};
use std::collections::{BTreeMap, HashMap};

/// What was read so far.
#[derive(Default)]
pub struct History {
    alarms: BTreeMap<AlarmKey, Existing>,
    offered: HashMap<IncidentId, HashMap<ActionId, RunbookId>>,
    runs: HashMap<RunId, RunbookId>,
    used: Used,
    counting: Counting,
}

impl History {
    /// Takes in the next event; one of another sort of stream, or that cannot be read, changes nothing.
    pub fn apply(&mut self, event: &log::Event) {
        let Some(id) = names::incident_of(&event.stream) else { return };
        let parsed = serde_json::from_slice::<Event>(&event.body);
        if parsed.as_ref().is_ok_and(|parsed| !self.counting.counts(id, parsed)) {
            return;
        }
        match parsed {
            Ok(Event::Opened { alarm }) => {
                let key = alarm.key.clone();
                let origin = "history".to_owned();
                let existing = self.alarms.entry(key).or_insert(Existing { alarm, origin, fired: 0, last: None });
                existing.fired += 1;
                existing.last = Some(event.at);
            }
            Ok(Event::Suggested { suggestions, .. }) => {
                let offered = self.offered.entry(id).or_default();
                for suggestion in suggestions {
                    let Some(runbook) = suggestion.runbook else { continue };
                    *self.used.suggested.entry(runbook.clone()).or_default() += 1;
                    offered.extend(suggestion.action.map(|action| (action, runbook)));
                }
            }
            Ok(Event::ActionRequested { run, action, .. }) => {
                let runbook = self.offered.get(&id).and_then(|offered| offered.get(&action));
                if let Some(runbook) = runbook {
                    *self.used.clicked.entry(runbook.clone()).or_default() += 1;
                    self.runs.insert(run, runbook.clone());
                }
            }
            Ok(Event::ActionHelped { run, .. }) => {
                if let Some(runbook) = self.runs.get(&run) {
                    *self.used.helped.entry(runbook.clone()).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    /// The alarms, and what was made of the suggestions.
    #[must_use]
    pub fn end(self) -> (Vec<Existing>, Used) {
        (self.alarms.into_values().collect(), self.used)
    }
}
