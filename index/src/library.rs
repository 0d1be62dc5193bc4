//! All runbooks of this moment, and the index over them.
//!
//! A file that breaks keeps its last good version, so that a typo at midnight takes no suggestion away.
//! Only new and changed files are parsed again, and few others laid out again.
//! A copy shares texts and postings, so that one copy is searched while the next one is made.

use crate::engine::{Edit, Engine};
use crate::runbook::{Problem, Runbook};
use crate::scan::RunbookFile;
use crate::search::{Hit, search};
use crate::snippet::{Snippet, snippet};
use crate::weights::Weights;
use crate::words::Analyzer;
use incident::{Alarm, RunbookId};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Said when tantivy could not lay out the index. The library stays as it was.
#[derive(Debug, thiserror::Error)]
#[error("laying out the runbook index")]
pub struct IndexFailed(#[source] pub(crate) tantivy::TantivyError);

/// What a [`Library::reload`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reload {
    /// New runbooks.
    pub added: usize,
    /// Runbooks with a new text.
    pub changed: usize,
    /// Runbooks whose file is gone.
    pub removed: usize,
    /// Every file that is broken now, also those broken before.
    pub problems: Vec<Problem>,
}

/// What became of some files since the library was last brought up to them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// Those that are new or have a new text.
    pub files: Vec<RunbookFile>,
    /// Those that are gone.
    pub gone: Vec<RunbookId>,
}

/// The runbooks and their index. Cheap to search from many threads; `reload` needs it alone, and takes its time: whoever
/// may not keep searches waiting changes a copy and puts it in the place of the old one.
#[derive(Clone)]
pub struct Library {
    weights: Weights,
    /// In the order of their ids.
    runbooks: Vec<Arc<Runbook>>,
    seen: Arc<BTreeMap<RunbookId, Seen>>,
    engine: Engine,
    /// Where the texts are, when they are not here.
    elsewhere: Option<Elsewhere>,
}

/// An index that was laid out before.
#[derive(Debug, Clone)]
pub(crate) struct Elsewhere {
    /// Where its texts are.
    pub(crate) folder: PathBuf,
    /// As [`Library::digest`].
    pub(crate) digest: String,
}

/// The SHA-256 over the ids of files, in order, and the SHA-256 of their texts, in hex as it is itself.
#[must_use]
pub fn digest_of<'a>(files: impl IntoIterator<Item = (&'a RunbookId, &'a str)>) -> String {
    let mut digest = Sha256::new();
    for (id, sha256) in files {
        digest.update(id.as_str());
        digest.update([0]);
        digest.update(sha256);
        digest.update([0]);
    }
    hex(&digest.finalize())
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The newest text seen of a file, good or broken.
#[derive(Clone)]
struct Seen {
    digest: [u8; 32],
    problem: Option<Problem>,
}

impl Library {
    /// An empty library with the built-in weights.
    #[must_use]
    pub fn new() -> Self {
        Self::with_weights(Weights::built_in())
    }

    /// An empty library with other weights, for measuring them.
    #[must_use]
    pub fn with_weights(weights: Weights) -> Self {
        Self { weights, runbooks: Vec::new(), seen: Arc::default(), engine: Engine::default(), elsewhere: None }
    }

    /// A library of runbooks that were made elsewhere.
    ///
    /// # Errors
    /// [`IndexFailed`].
    pub fn of(runbooks: Vec<Runbook>) -> Result<Self, IndexFailed> {
        let mut library = Self::new();
        library.put(runbooks.into_iter().map(|runbook| (runbook.id.clone(), runbook)).collect(), &BTreeSet::new())?;
        Ok(library)
    }

    /// A library over an index that is there already, whose texts stay in a folder.
    pub(crate) fn over(weights: Weights, runbooks: Vec<Runbook>, engine: Engine, elsewhere: Elsewhere) -> Self {
        let runbooks = runbooks.into_iter().map(Arc::new).collect();
        Self { weights, runbooks, seen: Arc::default(), engine, elsewhere: Some(elsewhere) }
    }

    pub(crate) fn all(&self) -> &[Arc<Runbook>] {
        &self.runbooks
    }

    /// The SHA-256 over the ids and the texts of all files as they were last seen, good and broken, in hex. Two libraries
    /// that have seen the same files have the same one.
    #[must_use]
    pub fn digest(&self) -> String {
        if let Some(elsewhere) = &self.elsewhere {
            return elsewhere.digest.clone();
        }
        let texts: Vec<String> = self.seen.values().map(|seen| hex(&seen.digest)).collect();
        digest_of(self.seen.keys().zip(texts.iter().map(String::as_str)))
    }

    fn known(&self, id: &RunbookId) -> Option<&Runbook> {
        let place = self.runbooks.binary_search_by(|runbook| runbook.id.cmp(id)).ok()?;
        self.runbooks.get(place).map(|runbook| &**runbook)
    }

    pub(crate) const fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Takes over the present files: all of them, since a missing one is a removed one.
    ///
    /// # Errors
    /// [`IndexFailed`]; the library is then as before.
    pub fn reload(&mut self, files: &[RunbookFile]) -> Result<Reload, IndexFailed> {
        if self.elsewhere.take().is_some() {
            // What was laid out elsewhere has no texts here to take words off by: this library is a new one.
            *self = Self::with_weights(self.weights.clone());
        }
        let mut reload = Reload::default();
        let mut seen = BTreeMap::new();
        let mut fresh = BTreeMap::new();
        for file in files {
            let digest: [u8; 32] = Sha256::digest(file.text.as_bytes()).into();
            let known = self.seen.get(&file.id).filter(|known| known.digest == digest).cloned();
            let now = known.unwrap_or_else(|| match Runbook::parse(file.id.clone(), &file.path, &file.text) {
                Ok(runbook) => {
                    fresh.insert(file.id.clone(), runbook);
                    Seen { digest, problem: None }
                }
                Err(problem) => Seen { digest, problem: Some(problem) },
            });
            reload.problems.extend(now.problem.clone());
            seen.insert(file.id.clone(), now);
        }
        let removed: BTreeSet<RunbookId> =
            self.runbooks.iter().map(|old| &old.id).filter(|id| !seen.contains_key(*id)).cloned().collect();
        reload.removed = removed.len();
        reload.changed = fresh.keys().filter(|id| self.known(id).is_some()).count();
        reload.added = fresh.len() - reload.changed;
        if !fresh.is_empty() || !removed.is_empty() {
            self.put(fresh, &removed)?;
        }
        self.seen = Arc::new(seen);
        Ok(reload)
    }

    /// Takes in what became of some files, change after change. It leads to where [`Self::reload`] after each of them leads
    /// to, and lays out only what is left of them at the end. Not for an index that was laid out elsewhere.
    ///
    /// # Errors
    /// [`IndexFailed`]; the library is then as before.
    pub fn follow(&mut self, changes: &[Change]) -> Result<(), IndexFailed> {
        let mut seen = Arc::clone(&self.seen);
        let now = Arc::make_mut(&mut seen);
        let mut last: BTreeMap<RunbookId, Option<Runbook>> = BTreeMap::new();
        for change in changes {
            for id in &change.gone {
                now.remove(id);
                last.insert(id.clone(), None);
            }
            for file in &change.files {
                let parsed = Runbook::parse(file.id.clone(), &file.path, &file.text);
                let digest = Sha256::digest(file.text.as_bytes()).into();
                let problem = parsed.as_ref().err().cloned();
                now.insert(file.id.clone(), Seen { digest, problem });
                // A broken one leaves the last good one where it is.
                parsed.into_iter().for_each(|runbook| drop(last.insert(runbook.id.clone(), Some(runbook))));
            }
        }
        let removed = last.iter().filter(|(_, runbook)| runbook.is_none()).map(|(id, _)| id.clone()).collect();
        if !last.is_empty() {
            self.put(last.into_iter().filter_map(|(id, runbook)| Some((id, runbook?))).collect(), &removed)?;
        }
        self.seen = seen;
        Ok(())
    }

    /// Takes new and changed runbooks in, and those of `removed` out.
    pub(crate) fn put(
        &mut self,
        fresh: BTreeMap<RunbookId, Runbook>,
        removed: &BTreeSet<RunbookId>,
    ) -> Result<(), IndexFailed> {
        let kept = self.runbooks.iter().filter(|old| !fresh.contains_key(&old.id) && !removed.contains(&old.id));
        let mut after: Vec<Arc<Runbook>> = kept.cloned().collect();
        after.extend(fresh.into_values().map(Arc::new));
        after.sort_by(|a, b| a.id.cmp(&b.id));
        self.engine.update(&Edit { before: &self.runbooks, after: &after }, &self.weights).map_err(IndexFailed)?;
        self.runbooks = after;
        Ok(())
    }

    /// The runbooks that fit the alarm, best first, at most `limit`; those that share no word with it are left out.
    /// The same alarm and the same runbooks give the same order and the same scores, always.
    #[must_use]
    pub fn search(&self, alarm: &Alarm, limit: usize) -> Vec<Hit> {
        self.search_with(&self.weights, alarm, limit)
    }

    /// The same with other weights, for fitting them; those of [`Weights::shape`] that the index is laid out by stay.
    #[must_use]
    pub fn search_with(&self, weights: &Weights, alarm: &Alarm, limit: usize) -> Vec<Hit> {
        search(&self.engine, weights, &self.runbooks, alarm, limit)
    }

    /// The line of a runbook that says most of what somebody asked for; none when none does.
    #[must_use]
    pub fn snippet(&self, id: &RunbookId, asked: &str) -> Option<Snippet> {
        snippet(&mut Analyzer::new(), &*self.get(id)?, asked)
    }

    /// The good version of a runbook, with its text.
    #[must_use]
    pub fn get(&self, id: &RunbookId) -> Option<Cow<'_, Runbook>> {
        let known = self.known(id)?;
        let Some(elsewhere) = &self.elsewhere else { return Some(Cow::Borrowed(known)) };
        let text = std::fs::read_to_string(elsewhere.folder.join(format!("{id}.md"))).ok()?;
        Runbook::parse(id.clone(), &known.path, &text).ok().map(Cow::Owned)
    }

    /// All runbooks, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Runbook> {
        self.runbooks.iter().map(|runbook| &**runbook)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.runbooks.len()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runbooks.is_empty()
    }
}

impl Default for Library {
    fn default() -> Self {
        Self::new()
    }
}
