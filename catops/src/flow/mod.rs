//! The one flow: load, decide, append, react, perform. The shell around the pure core; it never decides anything itself.

pub mod act;
pub mod book;
pub mod calendars;
pub mod causes;
pub mod change;
pub mod changes;
pub mod cover_asked;
pub mod desk;
pub mod digest;
pub mod drill;
pub mod feeds;
pub mod future;
pub mod handoff;
pub mod homes;
pub mod imports;
pub mod lately;
pub mod names;
pub mod notify;
pub mod outbox;
pub mod perform;
pub mod post;
pub mod published;
pub mod ready;
pub mod receive;
pub mod redact;
pub mod refusals;
pub mod run;
pub mod runbook_versions;
pub mod silences;
mod single;
pub mod switch;
pub mod triage;
pub mod turns;
pub mod versions;

use crate::app::App;
use crate::clock;
use incident::{Effect, IncidentId, Repeat, Task};
use log::{Append, AppendError};

/// Asks for a fresh card of an incident that did not change.
///
/// # Errors
/// The log cannot be written.
pub async fn redraw(app: &App, id: IncidentId) -> Result<(), AppendError> {
    let task = Task::Card { incident: id };
    let effect =
        Effect { id: format!("card/{}", id.0), due_at: clock::now(), task, repeat: Repeat::Reconcile, slot: true };
    let append = Append { effects: vec![change::new_effect(&effect)], ..Append::default() };
    app.log.append(append).await.map(drop)
}
