//! Faults of a test build: where it dies, and the bugs that are planted in it so that the fault tests have to find them.
//! Compiled only with the feature `fail_points`; a build that is shipped has none of it.

use crate::app::App;
use crate::clock;
use crate::config::secret::env;
use crate::flow::receive::receive_all;
use incident::Alarm;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long the planted bug keeps an acknowledged alarm in memory.
const KEPT_IN_MEMORY: Duration = Duration::from_millis(50);

/// Arms the point of `CATOPS_DIE_AT=name[:passage]`. Passages count from the first delivery on, so that a start, which
/// writes and leases too, is none.
pub fn arm() {
    let Some(wanted) = env("CATOPS_DIE_AT") else { return };
    let (point, passage) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    log::fail_point::arm(point, passage.parse().unwrap_or(1));
}

/// Whether this is the bug of `CATOPS_PLANT`.
#[must_use]
pub fn is_planted(bug: &str) -> bool {
    static PLANTED: OnceLock<Option<String>> = OnceLock::new();
    PLANTED.get_or_init(|| env("CATOPS_PLANT")).as_deref() == Some(bug)
}

/// The bug `acknowledge-before-append`: the sender has its answer before this is written.
pub fn append_later(app: &Arc<App>, alarms: Vec<Alarm>, body: &[u8]) {
    let (app, body) = (Arc::clone(app), body.to_vec());
    tokio::spawn(async move {
        clock::sleep(KEPT_IN_MEMORY).await;
        receive_all(&app, alarms, &body).await.ok();
    });
}
