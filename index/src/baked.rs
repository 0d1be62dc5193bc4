//! An index that was laid out before it is needed: written beside the runbooks when they are packed, opened without
//! reading one of them. For a process that must answer within milliseconds of its start, on a disk it may only read.
//!
//! The texts stay in their files and are read when somebody wants to see one.

use crate::engine::{Engine, Facts};
use crate::library::{Elsewhere, IndexFailed, Library};
use crate::runbook::Runbook;
use crate::segment::Home;
use crate::weights::Weights;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, Lock, MmapDirectory, WatchCallback, WatchHandle, WritePtr,
};

/// The shape of `runbooks.json`, and of the index beside it. Another one is laid out anew.
const FORMAT: u32 = 5;

/// The file that says what is in the index.
const CONTENTS: &str = "runbooks.json";

/// Why an index could not be baked or opened.
#[derive(Debug, thiserror::Error)]
pub enum BakeFailed {
    /// A file could not be read or written.
    #[error("{path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The contents are not what this program writes.
    #[error("{path} was baked by another version; run `catops index build` again")]
    Other {
        /// Which file.
        path: PathBuf,
    },
    /// Tantivy could not lay it out or open it.
    #[error(transparent)]
    Index(#[from] IndexFailed),
}

/// What is in the index: everything that a search needs of the runbooks.
#[derive(Serialize, Deserialize)]
struct Contents {
    format: u32,
    /// The version that laid it out: words may be cut otherwise in another one.
    version: String,
    /// As [`Library::digest`].
    digest: String,
    runbooks: Vec<Runbook>,
    facts: Facts,
}

impl Library {
    /// Lays an index over the runbooks of this library into a folder, in the place of what was there. Returns how many
    /// runbooks it holds.
    ///
    /// # Errors
    /// [`BakeFailed`]; the folder is then as before.
    pub fn bake(&self, folder: &Path) -> Result<usize, BakeFailed> {
        let beside = |end: &str| {
            let mut name = folder.file_name().unwrap_or_default().to_owned();
            name.push(end);
            folder.with_file_name(name)
        };
        let (fresh, old) = (beside(".new"), beside(".old"));
        let file = |source| BakeFailed::File { path: folder.to_owned(), source };
        for left in [&fresh, &old].into_iter().filter(|left| left.exists()) {
            std::fs::remove_dir_all(left).map_err(file)?;
        }
        std::fs::create_dir_all(&fresh).map_err(file)?;
        let count = self.lay_out(&fresh)?;
        if folder.exists() {
            std::fs::rename(folder, &old).map_err(file)?;
        }
        std::fs::rename(&fresh, folder).map_err(file)?;
        // What is left of the old one is in nobody's way.
        std::fs::remove_dir_all(&old).ok();
        Ok(count)
    }

    fn lay_out(&self, folder: &Path) -> Result<usize, BakeFailed> {
        let file = |source| BakeFailed::File { path: folder.to_owned(), source };
        let home = Home::of(|name| {
            let path = folder.join(name);
            std::fs::create_dir(&path).map_err(file)?;
            mapped(&path)
        })?;
        let engine = Engine::build_in(home, self.all(), self.weights()).map_err(failed)?;
        let contents = Contents {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            digest: self.digest(),
            runbooks: self.iter().cloned().collect(),
            facts: Facts { units: engine.units, names: engine.names },
        };
        let path = folder.join(CONTENTS);
        let text = serde_json::to_vec(&contents).expect("runbooks are plain JSON");
        std::fs::write(&path, text).map_err(|source| BakeFailed::File { path, source })?;
        Ok(contents.runbooks.len())
    }

    /// Opens an index that [`Self::bake`] wrote. `runbooks` is the folder of the texts.
    ///
    /// # Errors
    /// [`BakeFailed`].
    pub fn open_baked(folder: &Path, runbooks: &Path) -> Result<Self, BakeFailed> {
        let path = folder.join(CONTENTS);
        let text = std::fs::read(&path).map_err(|source| BakeFailed::File { path: path.clone(), source })?;
        let contents: Option<Contents> = serde_json::from_slice(&text).ok();
        let ours = |contents: &Contents| contents.format == FORMAT && contents.version == env!("CARGO_PKG_VERSION");
        let contents = contents.filter(ours).ok_or(BakeFailed::Other { path })?;
        let weights = Weights::built_in();
        let home = Home::of(|name| mapped(&folder.join(name)).map(ReadOnly))?;
        let engine = Engine::open(home, contents.facts, &contents.runbooks, &weights).map_err(failed)?;
        let elsewhere = Elsewhere { folder: runbooks.to_owned(), digest: contents.digest };
        Ok(Self::over(weights, contents.runbooks, engine, elsewhere))
    }
}

fn mapped(folder: &Path) -> Result<MmapDirectory, BakeFailed> {
    MmapDirectory::open(folder).map_err(|error| failed(error.into()))
}

fn failed(error: tantivy::TantivyError) -> BakeFailed {
    IndexFailed(error).into()
}

/// A folder that nothing may be written to, not even the lock that tantivy takes while it opens an index: nobody changes
/// what was packed.
#[derive(Clone)]
struct ReadOnly(MmapDirectory);

impl fmt::Debug for ReadOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Directory for ReadOnly {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.0.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.0.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.0.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        self.0.open_write(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.0.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.0.atomic_write(path, data)
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn acquire_lock(&self, _lock: &Lock) -> Result<DirectoryLock, LockError> {
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}
