//! Reads the runbooks folder once. It follows no link out of the folder, and keeps nothing open;
//! watching for changes is the caller's.

use crate::runbook::Problem;
use incident::RunbookId;
use std::fs;
use std::io::Read as _;
use std::path::Path;

/// Largest runbook read, in bytes: a page a person can use at night is far below.
const RUNBOOK_BYTES_MAX: u64 = 1024 * 1024;
/// Most runbooks read: ten times the largest public collection known to us.
const RUNBOOKS_MAX: usize = 10_000;
/// Deepest folder read.
const DEPTH_MAX: usize = 16;

/// One file as found, not yet parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunbookFile {
    /// The path below the folder without `.md`, with `/` on every system.
    pub id: RunbookId,
    /// The path as it is shown in messages.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// What a folder holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scan {
    /// The readable files, ordered by id.
    pub files: Vec<RunbookFile>,
    /// Files left out, each with its reason.
    pub problems: Vec<Problem>,
}

/// Reads every `*.md` below `folder`. Names that begin with a dot and `README.md` are passed over; links that lead out of
/// the folder, links to folders, files above 1 MiB and files that are not UTF-8 are problems.
#[must_use]
pub fn scan_dir(folder: &Path) -> Scan {
    let mut scan = Scan::default();
    match folder.canonicalize() {
        Ok(root) => scan.folder(folder, &root, "", 0),
        Err(error) => scan.problem(folder, &format!("cannot open the runbooks folder: {error}")),
    }
    scan.files.sort_by(|a, b| a.id.cmp(&b.id));
    scan
}

impl Scan {
    fn problem(&mut self, path: &Path, message: &str) {
        self.problems.push(Problem { path: path.display().to_string(), line: 0, message: message.to_owned() });
    }

    fn folder(&mut self, folder: &Path, root: &Path, prefix: &str, depth: usize) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.problem(folder, &format!("cannot read the folder: {error}")),
        };
        let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        for name in names {
            let path = folder.join(&name);
            let Some(name) = name.to_str() else {
                self.problem(&path, "the file name is not UTF-8");
                continue;
            };
            if name.starts_with('.') || name.eq_ignore_ascii_case("README.md") {
                continue;
            }
            self.entry(&path, root, &format!("{prefix}{name}"), depth);
        }
    }

    fn entry(&mut self, path: &Path, root: &Path, relative: &str, depth: usize) {
        let Ok(kind) = path.symlink_metadata() else {
            return self.problem(path, "cannot be read");
        };
        if kind.is_dir() {
            if depth >= DEPTH_MAX {
                return self.problem(path, "the folder is too deep; move its runbooks up");
            }
            return self.folder(path, root, &format!("{relative}/"), depth + 1);
        }
        let Some(id) = relative.strip_suffix(".md") else { return };
        if self.files.len() >= RUNBOOKS_MAX {
            return self.problem(path, "too many runbooks; this one is left out");
        }
        match read(path, root) {
            Ok(text) => {
                self.files.push(RunbookFile { id: RunbookId::from(id), path: path.display().to_string(), text })
            }
            Err(message) => self.problem(path, &message),
        }
    }
}

fn read(path: &Path, root: &Path) -> Result<String, String> {
    let target = path.canonicalize().map_err(|error| format!("cannot be read: {error}"))?;
    if !target.starts_with(root) {
        return Err("is a link that leads out of the runbooks folder; copy the file instead".to_owned());
    }
    if !target.is_file() {
        return Err("is not a file".to_owned());
    }
    let file = fs::File::open(&target).map_err(|error| format!("cannot be read: {error}"))?;
    // One byte more, so that the end is seen without growing: thousands of texts wait for each other in memory.
    let length = file.metadata().map_or(0, |known| known.len().min(RUNBOOK_BYTES_MAX));
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
    file.take(RUNBOOK_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > RUNBOOK_BYTES_MAX {
        return Err("is larger than 1 MiB; cut it into several runbooks".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8; save it as UTF-8".to_owned())
}
