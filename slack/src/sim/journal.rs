//! The local Slack's memory: one JSON record per line, appended before anybody is answered.
//!
//! A `write` that returned survives `kill -9` (the operating system holds it); it never calls `fsync`, because a toy
//! workspace lost in a power cut costs nobody anything. A last line without its newline is a torn write and is dropped.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::world::Record;

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be opened, read or cut.
    #[error("cannot use the journal {path}")]
    File {
        /// The journal.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A line that is not the last one is not a record: the file is not ours, or was edited.
    #[error("the journal {path} is unreadable at line {line}; move it away to start afresh")]
    Line {
        /// The journal.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What JSON said.
        #[source]
        source: serde_json::Error,
    },
}

/// An append-only file of records, or nothing at all for a workspace that may be forgotten.
pub(super) struct Journal(Option<File>);

impl Journal {
    /// Opens the journal, and hands over the records it holds.
    pub(super) fn open(path: Option<&Path>) -> Result<(Self, Vec<Record>), JournalError> {
        let Some(path) = path else { return Ok((Self(None), Vec::new())) };
        let failed = |source| JournalError::File { path: path.to_owned(), source };
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        bytes.truncate(whole);
        file.set_len(whole as u64).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        let records = bytes
            .split(|byte| *byte == b'\n')
            .enumerate()
            .filter(|(_, line)| !line.is_empty())
            .map(|(at, line)| {
                serde_json::from_slice(line).map_err(|source| JournalError::Line {
                    path: path.to_owned(),
                    line: at + 1,
                    source,
                })
            })
            .collect::<Result<_, _>>()?;
        Ok((Self(Some(file)), records))
    }

    /// Writes one record in one `write`, so that a kill leaves it whole or torn at the very end.
    pub(super) fn append(&mut self, record: &Record) -> io::Result<()> {
        let Some(file) = &mut self.0 else { return Ok(()) };
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        file.write_all(&line)
    }
}
