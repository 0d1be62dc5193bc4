//! All runbooks of this moment, and the index over them.
//!
//! A file that breaks keeps its last good version, so that a typo at midnight takes no suggestion away.
//! Only new and changed files are parsed again, and few others laid out again.

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

/// The runbooks and their index. Cheap to search from many threads; `reload` needs it alone.
pub struct Library {
    weights: Weights,
    /// In the order of their ids.
    runbooks: Vec<Runbook>,
    seen: BTreeMap<RunbookId, Seen>,
    engine: Engine,
    /// Where the texts are, when they are not here.
    texts: Option<PathBuf>,
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
        Self { weights, runbooks: Vec::new(), seen: BTreeMap::new(), engine: Engine::default(), texts: None }
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
    pub(crate) fn over(weights: Weights, runbooks: Vec<Runbook>, engine: Engine, texts: PathBuf) -> Self {
        Self { weights, runbooks, seen: BTreeMap::new(), engine, texts: Some(texts) }
    }

    pub(crate) fn all(&self) -> &[Runbook] {
        &self.runbooks
    }

    fn known(&self, id: &RunbookId) -> Option<&Runbook> {
        let place = self.runbooks.binary_search_by(|runbook| runbook.id.cmp(id)).ok()?;
        self.runbooks.get(place)
    }

    pub(crate) const fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Takes over the present files: all of them, since a missing one is a removed one.
    ///
    /// # Errors
    /// [`IndexFailed`]; the library is then as before.
    pub fn reload(&mut self, files: &[RunbookFile]) -> Result<Reload, IndexFailed> {
        if self.texts.take().is_some() {
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
        self.seen = seen;
        Ok(reload)
    }

    /// Takes new and changed runbooks in, and those of `removed` out.
    pub(crate) fn put(
        &mut self,
        fresh: BTreeMap<RunbookId, Runbook>,
        removed: &BTreeSet<RunbookId>,
    ) -> Result<(), IndexFailed> {
        let changed: BTreeSet<RunbookId> = fresh.keys().cloned().collect();
        let kept = self.runbooks.iter().filter(|old| !changed.contains(&old.id) && !removed.contains(&old.id));
        let mut after: Vec<&Runbook> = kept.chain(fresh.values()).collect();
        after.sort_by(|a, b| a.id.cmp(&b.id));
        let edit = Edit { before: &self.runbooks, after: &after, changed: &changed };
        self.engine.update(&edit, &self.weights).map_err(IndexFailed)?;
        self.runbooks.retain(|old| !changed.contains(&old.id) && !removed.contains(&old.id));
        self.runbooks.extend(fresh.into_values());
        self.runbooks.sort_by(|a, b| a.id.cmp(&b.id));
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
        let Some(texts) = &self.texts else { return Some(Cow::Borrowed(known)) };
        let text = std::fs::read_to_string(texts.join(format!("{id}.md"))).ok()?;
        Runbook::parse(id.clone(), &known.path, &text).ok().map(Cow::Owned)
    }

    /// All runbooks, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Runbook> {
        self.runbooks.iter()
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
