//! Where something is written, so that what is found out later can still be said with file and line.

use std::sync::Arc;

/// A line of a file. Things are the same wherever they are written: all places are equal.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The file, as it was named to [`crate::Rota::parse`]; empty for what was made by hand.
    pub path: Arc<str>,
    /// The line, from 1; 0 for what was made by hand.
    pub line: usize,
}

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Place {}
