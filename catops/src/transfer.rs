//! A log as lines of text, out of one store and into another. Beside `log::lines`, which knows the lines, this knows the
//! domain: states that follow from events are folded anew on the way in, so that a file cannot bring a state along that
//! its events do not lead to. It opens no file, holds nothing and performs nothing.

use crate::clock;
use crate::flow::change::{self, ChangeError};
use crate::flow::{book, calendars, changes, handoff, imports, names, runbook_versions, silences, versions};
use anyhow::{Context, Result, anyhow};
use log::lines::{Counts, FORMAT, Header, Reader, Writer};
use log::{Cursor, EventLog, Piece, PutError, StreamEnd};
use std::io::{BufRead, Write};

/// Pieces that are read or written at once: a page of the store holds 4 MiB at most, and a batch as much.
const PIECES_MAX: usize = 1000;
/// Bytes of contents that wait to be written together.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Writes all of a log that nobody writes to. `progress` hears of the events that were written.
///
/// # Errors
/// The log cannot be read or `out` cannot be written.
pub async fn export<W: Write>(
    log: &dyn EventLog,
    out: W,
    mut progress: impl FnMut(&Header, Counts),
) -> Result<(W, Counts)> {
    let stats = log.stats().await?;
    let header = Header {
        format: FORMAT,
        program: concat!("catops ", env!("CARGO_PKG_VERSION")).to_owned(),
        at: clock::now(),
        events: stats.events,
        streams: stats.streams,
    };
    let mut lines = Writer::new(out, header.clone()).context("writing the first line")?;
    let mut after = Cursor::start();
    loop {
        let page = log.pieces(&after, PIECES_MAX).await?;
        for piece in &page.pieces {
            lines.piece(piece).context("writing a line")?;
        }
        progress(&header, lines.counts());
        match page.next {
            Some(next) => after = next,
            None => return lines.end().context("writing the last line"),
        }
    }
}

/// Puts all lines into a log that is empty and that nobody else uses. `progress` hears of what was read.
///
/// # Errors
/// A line is not as it must be; the error names it, and the log must be thrown away.
pub async fn import(
    log: &dyn EventLog,
    input: impl BufRead,
    mut progress: impl FnMut(&Header, Counts),
) -> Result<Counts> {
    let mut lines = Reader::new(input)?;
    let header = lines.header().clone();
    let mut batch = Batch::default();
    while let Some(piece) = lines.piece()? {
        let piece = match piece {
            Piece::Stream(end) => {
                // Its events must be there to be folded.
                batch.put_events(log).await?;
                Piece::Stream(folded(log, end).await?)
            }
            other => other,
        };
        batch.add(piece, lines.line());
        if batch.is_full() {
            batch.put(log).await?;
            progress(&header, lines.counts());
        }
    }
    batch.put(log).await?;
    Ok(lines.counts())
}

/// Pieces of lines that follow each other.
#[derive(Default)]
struct Batch {
    pieces: Vec<Piece>,
    bytes: usize,
    first_line: u64,
}

impl Batch {
    fn add(&mut self, piece: Piece, line: u64) {
        if self.pieces.is_empty() {
            self.first_line = line;
        }
        self.bytes += piece.bytes();
        self.pieces.push(piece);
    }

    fn is_full(&self) -> bool {
        self.pieces.len() >= PIECES_MAX || self.bytes >= BATCH_BYTES_MAX
    }

    async fn put_events(&mut self, log: &dyn EventLog) -> Result<()> {
        let has_events = matches!(self.pieces.last(), Some(Piece::Event(_)));
        if has_events { self.put(log).await } else { Ok(()) }
    }

    async fn put(&mut self, log: &dyn EventLog) -> Result<()> {
        self.bytes = 0;
        match log.put(std::mem::take(&mut self.pieces)).await {
            Ok(()) => Ok(()),
            Err(PutError::Refused { index, why }) => Err(anyhow!("line {}: {why}", self.first_line + index as u64)),
            Err(error) => Err(error.into()),
        }
    }
}

/// A stream's end with the state that its events lead to. A state that does not follow from events alone, such as what is
/// known of an alarm that belonged to no incident, stays as it was written; so does that of an incident with an event that
/// this program cannot read.
async fn folded(log: &dyn EventLog, end: StreamEnd) -> Result<StreamEnd> {
    let head = match names::incident_of(&end.id) {
        Some(id) => match change::events(log, id).await {
            Ok(events) => incident::Incident::fold(id, &events).map(|incident| change::head(&incident)),
            Err(ChangeError::Corrupt { .. }) => None,
            Err(error) => return Err(error.into()),
        },
        None if end.id == names::changes() => changes::refolded(log).await?,
        None if end.id == names::versions() => versions::refolded(log).await?,
        None if end.id == names::runbook_versions() => runbook_versions::refolded(log).await?,
        None if end.id == names::book() => book::refolded(log).await?,
        None if end.id == names::silences() => silences::refolded(log).await?,
        None if names::record_of(&end.id).is_some() => change::refolded_record(log, &end.id).await?,
        None if end.id == names::imported() => imports::refolded(log).await?,
        None if names::calendar_of(&end.id).is_some() => {
            calendars::refolded(log, names::calendar_of(&end.id).unwrap_or_default()).await?
        }
        None if names::is_pages(&end.id) => crate::page::refolded(log, &end.id).await?,
        None if names::handoffs_of(&end.id).is_some() => handoff::refolded(log, &end.id).await?,
        None if end.id == names::feeds() => crate::flow::feeds::refolded(log).await?,
        None => None,
    };
    Ok(match head {
        Some(head) => StreamEnd { head, ..end },
        None => end,
    })
}

#[cfg(test)]
mod tests;
