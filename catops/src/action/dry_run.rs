//! Says what would have run. It touches nothing.

use super::Ending;
use incident::RunOutcome;

pub(super) fn run(says: &str) -> Ending {
    Ending { outcome: RunOutcome::Succeeded, says: says.to_owned(), secrets: Vec::new() }
}
