//! In the place of `bus.rs` in a build without the feature `aws`: there is no bus, and nobody asks for it.

use super::news::{Entry, Untold};

/// Whether this build can publish to AWS.
pub(super) const IS_BUILT: bool = false;

/// EventBridge, which is not there.
#[derive(Default)]
pub(super) struct Bus {}

#[expect(clippy::unused_async, reason = "the same signature as in bus.rs")]
impl Bus {
    pub(super) async fn put(&self, _bus: &str, entries: Vec<Entry>) -> Vec<Result<(), Untold>> {
        let refused = |entry: Entry| {
            tracing::debug!("nothing is published at {}: {}", entry.at, entry.detail.len());
            Err(Untold::Refused(crate::page::NOT_BUILT.to_owned()))
        };
        entries.into_iter().map(refused).collect()
    }
}
