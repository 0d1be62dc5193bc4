//! The starter configuration: what `catops init` writes, and what the demo starts from.

use include_dir::{Dir, include_dir};
use std::io;
use std::path::Path;

/// The runbooks that come with CatOps.
pub static RUNBOOKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../index/runbooks");
/// The actions that belong to them.
pub static ACTIONS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../index/actions");

const CATOPS_TOML: &str = include_str!("starter/catops.toml");
const TEAM_TOML: &str = include_str!("starter/team.toml");

/// Writes a starter configuration into a folder that is empty or not there yet. Says how many files it wrote.
///
/// # Errors
/// The folder holds something, or cannot be written.
pub fn write(folder: &Path) -> io::Result<usize> {
    std::fs::create_dir_all(folder)?;
    if std::fs::read_dir(folder)?.next().is_some() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the folder is not empty; name an empty one"));
    }
    std::fs::write(folder.join("catops.toml"), CATOPS_TOML)?;
    std::fs::create_dir_all(folder.join("rota"))?;
    std::fs::write(folder.join("rota/team.toml"), TEAM_TOML)?;
    Ok(2 + write_library(folder)?)
}

/// Writes only the runbooks and the actions. Says how many files it wrote.
///
/// # Errors
/// The folder cannot be written.
pub fn write_library(folder: &Path) -> io::Result<usize> {
    Ok(extract(&RUNBOOKS, &folder.join("runbooks"))? + extract(&ACTIONS, &folder.join("actions"))?)
}

fn extract(dir: &Dir<'_>, to: &Path) -> io::Result<usize> {
    std::fs::create_dir_all(to)?;
    let mut written = 0;
    for file in dir.files() {
        std::fs::write(to.join(file.path().file_name().unwrap_or_default()), file.contents())?;
        written += 1;
    }
    for inner in dir.dirs() {
        written += extract(inner, &to.join(inner.path().file_name().unwrap_or_default()))?;
    }
    Ok(written)
}
