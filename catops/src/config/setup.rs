//! The configuration folder, read and checked as a whole: what is good is used, what is wrong is reported with its line.

use crate::config::calendars::{self, Calendars};
use crate::config::file::Config;
use crate::config::secret::env;
use crate::flow::notify;
use incident::action::Catalogue;
use rota::Rota;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Largest configuration file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A mistake in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, below the folder.
    pub path: String,
    /// The line, from 1; 0 when it is about the whole file.
    pub line: usize,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return write!(f, "{}: {}", self.path, self.message);
        }
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Everything that a configuration folder says, except the runbooks, which the library keeps.
#[derive(Debug)]
pub struct Setup {
    /// `catops.toml`.
    pub config: Config,
    /// `rota/*.toml`.
    pub rota: Rota,
    /// The texts that the rota was read from, by name.
    pub rota_files: Vec<(String, String)>,
    /// What the calendars say, those in files and, where a log was asked, those in it.
    pub calendars: Calendars,
    /// `actions/*.toml`.
    pub catalogue: Catalogue,
    /// The folder itself.
    pub folder: PathBuf,
    /// Its files just before they were read.
    pub files: Files,
}

/// Names, sizes and times of all files of a configuration folder: differs when something changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files(Vec<(PathBuf, u64, Option<SystemTime>)>);

impl Files {
    /// Those of a folder and the folders below it.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        let mut found = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            for entry in entries.flatten() {
                let Ok(meta) = entry.metadata() else { continue };
                if meta.is_dir() {
                    folders.push(entry.path());
                } else {
                    found.push((entry.path(), meta.len(), meta.modified().ok()));
                }
            }
        }
        found.sort();
        Self(found)
    }
}

/// A folder that was read: what can be used, and what is wrong with it.
pub struct Reading {
    /// Usable unless a problem in it is fatal; `None` when `catops.toml` or the rota cannot be used at all.
    pub setup: Option<Setup>,
    /// All mistakes, by file and line.
    pub problems: Vec<Problem>,
}

impl Setup {
    /// Whether it knows nothing of its calendars, and the running one does: then the log could not be read, and to put it in
    /// place would take people off duty.
    #[must_use]
    pub fn lost_calendars(&self, running: &Self) -> bool {
        !self.config.calendars.is_empty()
            && self.calendars.made_from.is_empty()
            && !running.calendars.made_from.is_empty()
    }

    /// Reads a folder, and remembers its files as they were before, so that a later change can be seen.
    #[must_use]
    pub fn read(folder: &Path) -> Reading {
        Self::read_with(folder, Files::of(folder))
    }

    /// Reads a folder that nobody changes: its files need not be looked at one by one.
    #[must_use]
    pub fn read_once(folder: &Path) -> Reading {
        Self::read_with(folder, Files::default())
    }

    fn read_with(folder: &Path, files: Files) -> Reading {
        let mut problems = Vec::new();
        let config = read_config(folder, &mut problems);
        let rota = read_rota(folder, &mut problems);
        let catalogue = read_catalogue(folder, &mut problems);
        let setup = match (config, rota) {
            (Some(mut config), Some((mut rota, rota_files))) => {
                let calendars = calendars::fill(folder, &mut config, &mut rota, &mut problems);
                Some(Self { config, rota, rota_files, calendars, catalogue, folder: folder.to_owned(), files })
            }
            _ => None,
        };
        problems.extend(setup.iter().flat_map(|setup| crate::page::not_built(&setup.rota)));
        problems.extend(setup.iter().flat_map(|setup| notify::not_built(&setup.config)));
        problems.extend(setup.iter().flat_map(|setup| crate::context::not_built(&setup.config)));
        problems.sort();
        Reading { setup, problems }
    }

    /// The folder of the runbooks.
    #[must_use]
    pub fn runbooks(&self) -> PathBuf {
        self.folder.join("runbooks")
    }
}

fn read_config(folder: &Path, problems: &mut Vec<Problem>) -> Option<Config> {
    let path = folder.join("catops.toml");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("cannot be read ({error}); `catops init {}` writes a first one", folder.display());
            problems.push(Problem { path: "catops.toml".to_owned(), line: 0, message });
            return None;
        }
    };
    match toml::from_str(&text) {
        Ok(config) => {
            let mut config = overridden(config);
            problems.extend(notify::refuse_own_topic(&mut config));
            Some(config)
        }
        Err(error) => {
            let line = error.span().map_or(0, |span| line_of(&text, span.start));
            problems.push(Problem { path: "catops.toml".to_owned(), line, message: error.message().to_owned() });
            None
        }
    }
}

/// What a deployment knows better than the file: the names of what was created with it.
fn overridden(mut config: Config) -> Config {
    if let Some(bus) = env("CATOPS_EVENT_BUS") {
        config.eventbridge.bus = bus;
    }
    if let Some(topic) = env("CATOPS_SNS_TOPIC") {
        config.sns.topic = topic;
    }
    config
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1
}

/// The rota, and the texts that it was read from.
fn read_rota(folder: &Path, problems: &mut Vec<Problem>) -> Option<(Rota, Vec<(String, String)>)> {
    let files = read_folder(folder, "rota", problems);
    match Rota::parse(&files) {
        Ok(rota) => Some((rota, files)),
        Err(found) => {
            problems.extend(found.into_iter().map(|found| Problem {
                path: found.path,
                line: found.line,
                message: found.message,
            }));
            None
        }
    }
}

fn read_catalogue(folder: &Path, problems: &mut Vec<Problem>) -> Catalogue {
    let files = read_folder(folder, "actions", problems);
    let (catalogue, found) = Catalogue::parse(&files);
    problems.extend(found.into_iter().map(|found| Problem {
        path: found.path,
        line: found.line,
        message: found.message,
    }));
    catalogue
}

/// The `*.toml` files of one folder, in the order of their names, so that every machine reads them alike.
fn read_folder(folder: &Path, name: &str, problems: &mut Vec<Problem>) -> Vec<(String, String)> {
    let Ok(entries) = std::fs::read_dir(folder.join(name)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let shown = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        match read_small(&path) {
            Ok(text) => files.push((shown, text)),
            Err(message) => problems.push(Problem { path: shown, line: 0, message }),
        }
    }
    files
}

fn read_small(path: &Path) -> Result<String, String> {
    let bytes = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(format!("is {bytes} bytes; at most {FILE_BYTES_MAX} are read"));
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::{Files, Setup};
    use crate::config::starter;

    #[test]
    fn a_file_that_changed_since_it_was_read_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        starter::write(folder.path()).unwrap();
        let setup = Setup::read(folder.path()).setup.unwrap();
        assert_eq!(Files::of(folder.path()), setup.files);
        let path = folder.path().join("catops.toml");
        let text = std::fs::read_to_string(&path).unwrap().replace("digest_after = 5", "digest_after = 0");
        std::fs::write(&path, text).unwrap();
        assert_ne!(Files::of(folder.path()), setup.files);
    }
}
