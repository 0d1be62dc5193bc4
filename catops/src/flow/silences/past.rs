//! What a silence would have kept back, counted over the newest incidents that ended. Whoever asks waits for it, so that it is
//! looked at no more than fits.

use crate::app::App;
use crate::clock;
use crate::entry::api;
use crate::flow::change::ChangeError;
use crate::flow::names;
use chrono::{DateTime, Utc};
use incident::{Hidden, LOOKED_BACK, Silence};
use std::time::Duration;

/// Incidents that are looked at, the newest: each costs a read in a table.
const LOOKED_AT_MAX: usize = 1000;
/// Those that are read at once.
const PAGE: usize = 200;
/// No more is begun after this time: Slack waits three seconds for an answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// What it would have kept back of the time that ends at `at`.
///
/// # Errors
/// The log cannot be read.
pub(super) async fn hidden(app: &App, silence: &Silence, at: DateTime<Utc>) -> Result<Hidden, ChangeError> {
    let (began, mut hidden) = (clock::mark(), Hidden::default());
    let (mut before, mut looked_at, mut oldest) = (None, 0, at);
    loop {
        let (page, next) = api::list(app, names::RESOLVED, before.as_ref(), PAGE).await?;
        for incident in &page {
            if at - incident.opened_at > LOOKED_BACK {
                return Ok(hidden);
            }
            oldest = incident.opened_at;
            hidden.look_at(silence, incident);
        }
        looked_at += page.len();
        before = next;
        if before.is_none() {
            return Ok(hidden);
        }
        if looked_at >= LOOKED_AT_MAX || began.elapsed() > PATIENCE {
            return Ok(Hidden { since: Some(oldest), ..hidden });
        }
    }
}
