//! The switch that stops all actions at once: while it is off nothing starts, whoever asks and on whichever incident.
//!
//! Pure: it stops nothing that runs; the shell does, after the event is written. Folding it has no effects.

use crate::decide::{Command, Refused};
use crate::event::RunOutcome;
use crate::id::ResponderId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The longest reason kept: every refusal repeats it.
const WHY_CHARS_MAX: usize = 200;

/// One thing that happened to the switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SwitchEvent {
    /// Nothing runs from here on.
    ActionsStopped {
        /// Who wanted it.
        by: ResponderId,
        /// Why; may be empty.
        why: String,
    },
    /// Actions may run again.
    ActionsAllowed {
        /// Who wanted it.
        by: ResponderId,
    },
}

impl SwitchEvent {
    /// The kind as it stands in the log.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ActionsStopped { .. } => "actions_stopped",
            Self::ActionsAllowed { .. } => "actions_allowed",
        }
    }
}

/// Who stopped all actions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// Who.
    pub by: ResponderId,
    /// Why; may be empty.
    pub why: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Whether actions may run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Switch {
    /// Who stopped them; `None` while they may run.
    pub stopped: Option<Stopped>,
}

impl Switch {
    /// Somebody stops all actions; `None` when somebody else has.
    #[must_use]
    pub fn stop(&self, by: ResponderId, why: &str) -> Option<SwitchEvent> {
        let why = why.trim().chars().take(WHY_CHARS_MAX).collect();
        self.stopped.is_none().then_some(SwitchEvent::ActionsStopped { by, why })
    }

    /// Somebody lets actions run again; `None` when they may.
    #[must_use]
    pub fn allow(&self, by: ResponderId) -> Option<SwitchEvent> {
        self.stopped.is_some().then_some(SwitchEvent::ActionsAllowed { by })
    }

    /// Moves the switch over one more event.
    pub fn apply(&mut self, event: &SwitchEvent, at: DateTime<Utc>) {
        self.stopped = match event {
            SwitchEvent::ActionsStopped { by, why } => Some(Stopped { by: by.clone(), why: why.clone(), at }),
            SwitchEvent::ActionsAllowed { .. } => None,
        };
    }

    /// True for the commands that are written only as the switch stands in that moment. A request is not: it begins nothing.
    #[must_use]
    pub const fn is_asked(command: &Command) -> bool {
        matches!(command, Command::StartRun { .. })
    }

    /// What becomes of a command: while actions are stopped none can be asked for, and one that was asked for before ends
    /// without having begun.
    ///
    /// # Errors
    /// [`Refused::ActionsStopped`].
    pub fn permit(&self, command: Command) -> Result<Command, Refused> {
        let Some(stopped) = &self.stopped else { return Ok(command) };
        match command {
            Command::RequestAction { .. } => Err(stopped.refusal()),
            Command::StartRun { run } => {
                let detail = format!("{}; nothing was run", stopped.refusal());
                Ok(Command::FinishRun { run, outcome: RunOutcome::Stopped, detail, duration_ms: 0 })
            }
            other => Ok(other),
        }
    }
}

impl Stopped {
    /// What whoever asks for an action is told.
    #[must_use]
    pub fn refusal(&self) -> Refused {
        Refused::ActionsStopped { by: self.by.clone(), why: self.why.clone(), at: self.at }
    }
}

#[cfg(test)]
mod tests;
