//! The runbooks as they stood at an instant: an index that goes forward in time, from version to version of the folder. It
//! reads the log once, at its beginning, and lays out what changed and nothing else.

use crate::flow::runbook_versions::{self, Version};
use chrono::{DateTime, Utc};
use index::{Change, Library};
use log::{EventLog, ReadError};
use std::iter::Peekable;
use std::vec::IntoIter;

/// An index of the past.
pub struct Then {
    /// Since when it is known what there was.
    first: Option<DateTime<Utc>>,
    to_come: Peekable<IntoIter<Version>>,
    library: Library,
}

impl Then {
    /// As the log knows it.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn read(log: &dyn EventLog) -> Result<Self, ReadError> {
        Ok(Self::of(runbook_versions::all(log).await?))
    }

    /// Over these versions, the oldest first.
    #[must_use]
    pub fn of(versions: Vec<Version>) -> Self {
        let first = versions.first().map(|version| version.at);
        Self { first, to_come: versions.into_iter().peekable(), library: Library::new() }
    }

    /// Since when it is known what there was; none when nothing is known.
    #[must_use]
    pub const fn since(&self) -> Option<DateTime<Utc>> {
        self.first
    }

    /// What there was at that instant; none where that is not known. It never goes back: an instant before the last one that
    /// was asked for is answered as that one.
    pub fn at(&mut self, at: DateTime<Utc>) -> Option<&Library> {
        let mut changes: Vec<Change> = Vec::new();
        while let Some(version) = self.to_come.next_if(|version| version.at <= at) {
            changes.push(version.change);
        }
        if !changes.is_empty()
            && let Err(error) = self.library.follow(&changes)
        {
            tracing::error!(error = %error, "the runbooks of {at} could not be indexed; those before are used");
        }
        self.first.filter(|first| *first <= at).map(|_| &self.library)
    }
}
