//! The configuration and its runbooks, for every command that ranks without a server.

use crate::backtest::Tried;
use crate::config::{Setup, starter};
use anyhow::{Context, Result, bail};
use index::Library;
use std::path::Path;

/// A configuration and its runbooks, or other ones.
pub(super) fn read(config: &Path, runbooks: Option<&Path>) -> Result<Tried> {
    let Some(setup) = Setup::read(config).setup else {
        bail!("{0} cannot be used; `catops lint {0}` says why", config.display());
    };
    let folder = runbooks.map_or_else(|| setup.runbooks(), Path::to_path_buf);
    let mut library = Library::new();
    library.reload(&index::scan_dir(&folder).files).context("indexing the runbooks")?;
    Ok(Tried { setup, library })
}

/// The same; when none is named, what `catops init` writes.
pub(super) fn read_or_starter(config: Option<&Path>) -> Result<Tried> {
    if let Some(config) = config {
        return read(config, None);
    }
    let folder = tempfile::tempdir().context("making a temporary folder")?;
    starter::write(folder.path()).context("writing the starter library")?;
    read(folder.path(), None)
}
