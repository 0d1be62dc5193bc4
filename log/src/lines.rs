//! A log as text: one JSON object a line, the same for every store, so that a log can move from one store to another and
//! be read by people and by `jq` on the way.
//!
//! The first line says what the file is and how much it holds; then each line is one [`Piece`]; the last line counts them
//! and holds a SHA-256 over all lines before it, line ends included. That shows a file that was cut or damaged on its way,
//! not one that somebody forged: whoever changes a line can write another last one. What cannot be forged unseen is what
//! the chain covers, and [`crate::EventLog::put`] walks it.
//!
//! It knows no store, no file name and no clock, keeps one line in memory at a time, and decides nothing.

use std::io::{self, BufRead, Read, Write};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Digest, Piece};

mod wire;

/// The format that is written, and the newest that is read.
pub const FORMAT: u32 = 1;

/// Bytes of one line, at most: a payload of 1 MiB in base64, a body of 256 KiB, and room for names. A longer one is not
/// read, so that no file can fill the memory.
pub const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a file says of itself in its first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The format of the lines.
    pub format: u32,
    /// Which program wrote it.
    pub program: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Events that follow.
    pub events: u64,
    /// Streams that they belong to.
    pub streams: u64,
}

/// How many pieces of each kind a file holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Events.
    pub events: u64,
    /// Streams.
    pub streams: u64,
    /// Receipts.
    pub receipts: u64,
    /// Claims.
    pub claims: u64,
    /// Series of numbers.
    pub numbers: u64,
    /// Effects and timers.
    pub effects: u64,
}

impl Counts {
    fn add(&mut self, piece: &Piece) {
        *match piece {
            Piece::Event(_) => &mut self.events,
            Piece::Stream(_) => &mut self.streams,
            Piece::Receipt(_) => &mut self.receipts,
            Piece::Claim { .. } => &mut self.claims,
            Piece::Number { .. } => &mut self.numbers,
            Piece::Effect(_) => &mut self.effects,
        } += 1;
    }

    /// All of them.
    pub fn sum(&self) -> u64 {
        self.events + self.streams + self.receipts + self.claims + self.numbers + self.effects
    }
}

/// Writes the lines.
pub struct Writer<W> {
    out: W,
    hash: Sha256,
    counts: Counts,
    header: Header,
}

impl<W: Write> Writer<W> {
    /// Writes the first line.
    ///
    /// # Errors
    /// `out` could not be written.
    pub fn new(out: W, header: Header) -> io::Result<Self> {
        let mut writer = Self { out, hash: Sha256::new(), counts: Counts::default(), header };
        let first = wire::Line::Log(writer.header.clone());
        writer.line(&first)?;
        Ok(writer)
    }

    /// Writes one piece.
    ///
    /// # Errors
    /// `out` could not be written, or the piece is larger than a line that is read again.
    pub fn piece(&mut self, piece: &Piece) -> io::Result<()> {
        self.counts.add(piece);
        self.line(&wire::Line::from(piece))
    }

    /// How many pieces were written.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Writes the last line.
    ///
    /// # Errors
    /// `out` could not be written, or the pieces were not as many as the first line says.
    pub fn end(mut self) -> io::Result<(W, Counts)> {
        if (self.counts.events, self.counts.streams) != (self.header.events, self.header.streams) {
            return Err(io::Error::other("the log is not as large as it said it was"));
        }
        let sha256 = Digest::of_hash(self.hash.clone()).to_string();
        self.line(&wire::Line::End(wire::End { counts: self.counts, sha256 }))?;
        self.out.flush()?;
        Ok((self.out, self.counts))
    }

    fn line(&mut self, line: &wire::Line<'_>) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        if bytes.len() > LINE_BYTES_MAX {
            return Err(io::Error::other(format!("a line of {} bytes, and {LINE_BYTES_MAX} are read", bytes.len())));
        }
        self.hash.update(&bytes);
        self.out.write_all(&bytes)
    }
}

/// One piece as its line, without the line's end: for stores that keep what they hold as text.
#[cfg(feature = "dynamodb")]
pub(crate) fn line(piece: &Piece) -> Vec<u8> {
    serde_json::to_vec(&wire::Line::from(piece)).expect("a piece is plain JSON")
}

/// The piece that [`line`] wrote.
#[cfg(feature = "dynamodb")]
pub(crate) fn piece(line: &[u8]) -> Result<Piece, String> {
    match wire::Line::read(line)?.content()? {
        wire::Content::Piece(piece) => Ok(piece),
        wire::Content::Log | wire::Content::End(_) => Err("not a piece".to_owned()),
    }
}

/// A line that is not as it must be.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct BadLine {
    /// Which line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Io(io::Error),
    /// The file begins with something else.
    #[error("this is no exported log: it does not begin with the line that says so")]
    NotALog,
    /// A newer program wrote it.
    #[error("it has format {found}, and this program knows {FORMAT}; use the newer program")]
    TooNew {
        /// Its format.
        found: u32,
    },
    /// It is larger than any line that is written.
    #[error("it is longer than {LINE_BYTES_MAX} bytes")]
    TooLong,
    /// It is no line of this format.
    #[error("it cannot be read as a piece of a log: {0}")]
    Malformed(String),
    /// The file ends here, and its last line is missing.
    #[error("the file was cut: it ends here, and the line that counts the others is missing")]
    Cut,
    /// The last line counts other pieces than there are.
    #[error("lines are missing or were added: {said} pieces were written, and {found} are there")]
    Counts {
        /// How many the last line counts.
        said: u64,
        /// How many there are.
        found: u64,
    },
    /// The lines are not those that were written.
    #[error("lines before this one were changed or moved: their SHA-256 is {found}, and {said} was written")]
    Digest {
        /// What the last line says.
        said: String,
        /// What it is.
        found: String,
    },
    /// Something stands behind the last line.
    #[error("it stands behind the last line")]
    Behind,
}

/// Reads the lines.
pub struct Reader<R> {
    input: R,
    hash: Sha256,
    counts: Counts,
    header: Header,
    /// The number of the line that was read last.
    line: u64,
    buffer: Vec<u8>,
    ended: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// It is no log, or one that only a newer program can read.
    pub fn new(input: R) -> Result<Self, BadLine> {
        let none = Header { format: FORMAT, program: String::new(), at: DateTime::UNIX_EPOCH, events: 0, streams: 0 };
        let (hash, counts) = (Sha256::new(), Counts::default());
        let mut reader = Self { input, hash, counts, header: none, line: 0, buffer: Vec::new(), ended: false };
        let read = reader.read_line()?;
        if let Some(found) = wire::format(&reader.buffer).filter(|found| *found > FORMAT) {
            return Err(reader.bad(Why::TooNew { found }));
        }
        match wire::Line::read(&reader.buffer) {
            Ok(wire::Line::Log(header)) if read => reader.header = header,
            _ => return Err(reader.bad(Why::NotALog)),
        }
        reader.hash.update(&reader.buffer);
        Ok(reader)
    }

    /// What the file says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The number of the line that was read last.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// How many pieces were read.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The next piece; none when the last line was read and everything before it is as it was written.
    ///
    /// # Errors
    /// [`BadLine`]. What was read before it is void, too.
    pub fn piece(&mut self) -> Result<Option<Piece>, BadLine> {
        if self.ended {
            return Ok(None);
        }
        if !self.read_line()? {
            return Err(self.bad(Why::Cut));
        }
        let line = wire::Line::read(&self.buffer).and_then(wire::Line::content);
        match line {
            Err(why) => Err(self.bad(Why::Malformed(why))),
            Ok(wire::Content::Log) => Err(self.bad(Why::Malformed("a second first line".to_owned()))),
            Ok(wire::Content::End(end)) => self.end(&end).map(|()| None),
            Ok(wire::Content::Piece(piece)) => {
                self.hash.update(&self.buffer);
                self.counts.add(&piece);
                Ok(Some(piece))
            }
        }
    }

    /// Everything is compared before anybody is told that the file is whole.
    fn end(&mut self, end: &wire::End) -> Result<(), BadLine> {
        let found = Digest::of_hash(self.hash.clone()).to_string();
        let as_said = (self.counts.events, self.counts.streams) == (self.header.events, self.header.streams);
        if self.counts != end.counts || !as_said {
            return Err(self.bad(Why::Counts { said: end.counts.sum(), found: self.counts.sum() }));
        }
        if found != end.sha256 {
            return Err(self.bad(Why::Digest { said: end.sha256.clone(), found }));
        }
        if self.read_line()? {
            return Err(self.bad(Why::Behind));
        }
        self.ended = true;
        Ok(())
    }

    /// Reads a line into the buffer, its end included; false at the end of the file. A last line without an end was cut.
    fn read_line(&mut self) -> Result<bool, BadLine> {
        self.line += 1;
        self.buffer.clear();
        let most = LINE_BYTES_MAX as u64 + 1;
        let read = self.input.by_ref().take(most).read_until(b'\n', &mut self.buffer);
        match read.map_err(|error| self.bad(Why::Io(error)))? {
            0 => Ok(false),
            _ if self.buffer.len() > LINE_BYTES_MAX => Err(self.bad(Why::TooLong)),
            _ if self.buffer.last() != Some(&b'\n') => Err(self.bad(Why::Cut)),
            _ => Ok(true),
        }
    }

    fn bad(&self, why: Why) -> BadLine {
        BadLine { line: self.line, why }
    }
}

#[cfg(test)]
mod tests;
