//! Points at which a test build dies on purpose, as `kill -9` would have it. Compiled only with the feature `fail_points`.
//! It never reads the environment: whoever owns that arms one point.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

struct Armed {
    point: String,
    /// Passages until it strikes, that one included.
    left: AtomicU64,
}

static ARMED: OnceLock<Armed> = OnceLock::new();

/// Arms one point; it strikes at this passage of it, the first being 1. What was armed before stays.
pub fn arm(point: &str, passage: u64) {
    ARMED.get_or_init(|| Armed { point: point.to_owned(), left: AtomicU64::new(passage) });
}

/// Whether this is the point that is armed.
#[must_use]
pub fn is_armed(point: &str) -> bool {
    ARMED.get().is_some_and(|armed| armed.point == point)
}

/// Counts a passage, and says whether it is the one at which the point strikes.
#[must_use]
pub fn strikes(point: &str) -> bool {
    ARMED.get().is_some_and(|armed| armed.point == point && armed.left.fetch_sub(1, Ordering::Relaxed) == 1)
}

/// Ends the process where it stands if the point strikes: nothing is written, closed or said any more.
pub fn die_at(point: &str) {
    if strikes(point) {
        std::process::abort();
    }
}
