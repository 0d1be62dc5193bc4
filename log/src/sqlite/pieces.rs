//! A log's pieces, out of the tables and into them, for moving a log. Each table has its turn, in the order of its key,
//! so that a page costs what is on it and nothing of a page is kept for the next one.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, Statement, ToSql, params};

use super::{
    read::{self, limit},
    write::{EFFECT_COLUMNS, EVENT_INSERT, digest, effect_from},
    writer::{Stop, Tx},
};
use crate::{
    Appended, ClaimKey, Cursor, Digest, Head, IdemKey, Part, Piece, Pieces, Proof, Raw, Salt, Span, StreamEnd,
    StreamId, Unfit, Walk,
};

/// Bytes of the contents on one page: what is above it waits for the next page.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// The pieces of one table after a key, which is none at its beginning; the next table's turn comes when this one ends.
pub(super) fn read(db: &Connection, after: &Cursor, max: usize) -> rusqlite::Result<Pieces> {
    let (part, after) = Part::of(after);
    let mut pieces = Vec::new();
    let last = match part {
        Part::Events => {
            let sql = format!("{} WHERE seq > ifnull(?1, 0) ORDER BY seq LIMIT ?2", read::PROOFS);
            page(db, &sql, number(after), max, &mut pieces, |row| {
                Ok((number_of(row)?, Piece::Event(read::proof_from(row)?)))
            })
        }
        Part::Streams => {
            let sql = "SELECT no, id, version, link, fold, snapshot, listing FROM streams
                       WHERE no > ifnull(?1, 0) ORDER BY no LIMIT ?2";
            page(db, sql, number(after), max, &mut pieces, stream)
        }
        Part::Receipts => {
            let mut spans = db.prepare_cached(SPANS)?;
            page(db, &keyed("key, first, last", "receipts", "key", after), after, max, &mut pieces, |row| {
                receipt(&mut spans, row)
            })
        }
        Part::Claims => page(db, &keyed("key, holder", "claims", "key", after), after, max, &mut pieces, claim),
        Part::Numbers => {
            page(db, &keyed("series, last", "counters", "series", after), after, max, &mut pieces, counter)
        }
        Part::Effects => page(db, &keyed(EFFECT_COLUMNS, "effects", "id", after), after, max, &mut pieces, effect),
    }?;
    Ok(Pieces { pieces, next: part.next(last) })
}

/// Reads a page, and returns the key of its last row.
fn page(
    db: &Connection,
    sql: &str,
    after: impl ToSql,
    max: usize,
    pieces: &mut Vec<Piece>,
    mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<(String, Piece)>,
) -> rusqlite::Result<Option<String>> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![after, limit(max)])?;
    let (mut last, mut bytes) = (None, 0);
    while bytes < PAGE_BYTES
        && let Some(row) = rows.next()?
    {
        let (key, piece) = read(row)?;
        bytes += piece.bytes();
        last = Some(key);
        pieces.push(piece);
    }
    Ok(last)
}

/// Of a table whose key is a text: also a key that is empty has its row.
fn keyed(columns: &str, table: &str, key: &str, after: Option<&str>) -> String {
    let begin = if after.is_some() { format!("{key} > ?1") } else { "?1 IS NULL".to_owned() };
    format!("SELECT {columns} FROM {table} WHERE {begin} ORDER BY {key} LIMIT ?2")
}

fn number(after: Option<&str>) -> Option<i64> {
    after.and_then(|after| after.parse().ok())
}

fn number_of(row: &Row<'_>) -> rusqlite::Result<String> {
    row.get::<_, i64>(0).map(|number| number.to_string())
}

fn stream(row: &Row<'_>) -> rusqlite::Result<(String, Piece)> {
    let id = StreamId::new(row.get::<_, String>(1)?);
    let end = StreamEnd { id, version: row.get(2)?, link: digest(row, 3)?, head: read::head_from(row, 4)? };
    Ok((number_of(row)?, Piece::Stream(end)))
}

/// The events of a receipt, by the range of the feed that it names.
const SPANS: &str = "SELECT id, min(events.version), max(events.version) FROM events JOIN streams ON no = stream
                     WHERE seq BETWEEN ?1 AND ?2 GROUP BY stream ORDER BY min(seq)";

fn receipt(spans: &mut Statement<'_>, row: &Row<'_>) -> rusqlite::Result<(String, Piece)> {
    let range: [i64; 2] = [row.get(1)?, row.get(2)?];
    let span = |row: &Row<'_>| {
        let stream = StreamId::new(row.get::<_, String>(0)?);
        Ok(Span { stream, first: row.get(1)?, last: row.get(2)? })
    };
    let spans = spans.query_map(range, span)?.collect::<Result<_, _>>()?;
    let key: String = row.get(0)?;
    Ok((key.clone(), Piece::Receipt(Appended { key: IdemKey::new(key), spans })))
}

fn claim(row: &Row<'_>) -> rusqlite::Result<(String, Piece)> {
    let (key, holder): (String, String) = (row.get(0)?, row.get(1)?);
    Ok((key.clone(), Piece::Claim { key: ClaimKey::new(key), holder: StreamId::new(holder) }))
}

fn counter(row: &Row<'_>) -> rusqlite::Result<(String, Piece)> {
    let series: String = row.get(0)?;
    Ok((series.clone(), Piece::Number { series, last: row.get(1)? }))
}

fn effect(row: &Row<'_>) -> rusqlite::Result<(String, Piece)> {
    let effect = effect_from(row)?;
    Ok((effect.wanted.id.to_string(), Piece::Effect(effect)))
}

/// The end of a stream that is being put together.
#[derive(Clone, Copy)]
struct End {
    no: i64,
    version: u64,
    link: Digest,
}

/// Ends of the streams that one call of `put` has added to; they are written at its end, not at each event.
type Ends = HashMap<StreamId, End>;

/// Why a piece was not put, and which one.
type Refusal = (usize, Unfit);

impl Tx<'_> {
    /// The inner error is the piece's fault; what was put before it is written all the same.
    pub(super) fn put(&mut self, pieces: &[Piece]) -> Result<Result<(), Refusal>, Stop> {
        let mut ends = Ends::new();
        for (index, piece) in pieces.iter().enumerate() {
            if let Err(unfit) = piece.check() {
                return Ok(Err((index, unfit)));
            }
            let put = match piece {
                Piece::Event(proof) => self.put_event(proof, &mut ends)?,
                Piece::Stream(end) => {
                    self.write_ends(&mut ends)?;
                    self.put_stream(end)?
                }
                Piece::Receipt(appended) => self.put_receipt(appended)?,
                Piece::Claim { key, holder } => {
                    let sql = "INSERT INTO claims VALUES (?1, ?2) ON CONFLICT DO NOTHING";
                    let put = self.sql(sql)?.execute([key.as_str(), holder.as_str()])? > 0;
                    once(put, "claim", key.as_str())
                }
                Piece::Number { series, last } => once(self.mint.numbers.begin(series, *last), "series", series),
                Piece::Effect(effect) => once(self.insert(effect)?, "effect", effect.wanted.id.as_str()),
            };
            if let Err(unfit) = put {
                return Ok(Err((index, unfit)));
            }
        }
        self.write_ends(&mut ends)?;
        Ok(Ok(()))
    }

    fn put_event(&self, proof: &Proof, ends: &mut Ends) -> rusqlite::Result<Result<(), Unfit>> {
        let stream = &proof.event.stream;
        let known = match ends.get(stream) {
            Some(end) => Some(*end),
            None => self.end_of(stream)?,
        };
        let (version, link) = known.map_or((0, Digest::START), |end| (end.version, end.link));
        if let Some(fault) = Walk::step(version, link, proof) {
            return Ok(Err(Unfit::fault(stream, fault)));
        }
        let no = match known {
            Some(end) => end.no,
            None => {
                let new =
                    "INSERT INTO streams(id, version, fold, snapshot, listing, link) VALUES (?1, 0, 0, x'', NULL, ?2)";
                self.sql(new)?.insert(params![stream.as_str(), link.as_bytes()])?
            }
        };
        let Proof { event, raw, salt, content, link } = proof;
        self.sql(EVENT_INSERT)?.insert(params![
            no,
            event.version,
            event.at.timestamp_micros(),
            event.kind,
            event.schema,
            event.actor,
            event.cause,
            event.body,
            raw.as_ref().map(Raw::packed),
            salt.as_ref().map(Salt::as_bytes),
            content.as_bytes(),
            link.as_bytes(),
        ])?;
        ends.insert(stream.clone(), End { no, version: event.version, link: *link });
        Ok(Ok(()))
    }

    fn put_stream(&self, end: &StreamEnd) -> rusqlite::Result<Result<(), Unfit>> {
        let known = self.end_of(&end.id)?;
        let Some(End { no, .. }) = known.filter(|known| (known.version, known.link) == (end.version, end.link)) else {
            return Ok(Err(end.is_not_at(known.map_or(0, |known| known.version))));
        };
        let sql = "UPDATE streams SET fold = ?2, snapshot = ?3, listing = ?4 WHERE no = ?1";
        let Head { fold, snapshot, listing } = &end.head;
        self.sql(sql)?.execute(params![no, fold, snapshot, listing])?;
        Ok(Ok(()))
    }

    fn put_receipt(&self, appended: &Appended) -> rusqlite::Result<Result<(), Unfit>> {
        let mut place =
            self.sql("SELECT seq FROM events WHERE stream = (SELECT no FROM streams WHERE id = ?1) AND version = ?2")?;
        let (mut range, mut whole) = (None, true);
        for span in &appended.spans {
            let mut at = |version: u64| {
                let version = i64::try_from(version).unwrap_or(i64::MAX);
                place.query_row(params![span.stream.as_str(), version], |row| row.get::<_, i64>(0)).optional()
            };
            let (Some(first), Some(last)) = (at(span.first)?, at(span.last)?) else {
                whole = false;
                break;
            };
            // The feed of a log that is put together has no gaps, so equal distances mean that nothing stands between.
            let long = i64::try_from(span.last.saturating_sub(span.first)).unwrap_or(i64::MAX);
            whole &= span.first <= span.last && last - first == long;
            whole &= range.is_none_or(|(_, before)| first == before + 1);
            range = Some((range.map_or(first, |(begin, _)| begin), last));
        }
        if !whole {
            return Ok(Err(Unfit::Apart { key: appended.key.clone() }));
        }
        let (first, last) = match range {
            Some(range) => range,
            None => {
                let last = self.sql("SELECT ifnull(max(seq), 0) FROM events")?.query_row([], |row| row.get(0))?;
                (last + 1, last)
            }
        };
        let sql = "INSERT INTO receipts VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        let put = self.sql(sql)?.execute(params![appended.key.as_str(), first, last])? > 0;
        Ok(once(put, "receipt", appended.key.as_str()))
    }

    fn end_of(&self, stream: &StreamId) -> rusqlite::Result<Option<End>> {
        let sql = "SELECT no, version, link FROM streams WHERE id = ?1";
        let end = |row: &Row<'_>| Ok(End { no: row.get(0)?, version: row.get(1)?, link: digest(row, 2)? });
        self.sql(sql)?.query_row([stream.as_str()], end).optional()
    }

    fn write_ends(&self, ends: &mut Ends) -> rusqlite::Result<()> {
        let mut update = self.sql("UPDATE streams SET version = ?2, link = ?3 WHERE no = ?1")?;
        for (_, end) in ends.drain() {
            update.execute(params![end.no, end.version, end.link.as_bytes()])?;
        }
        Ok(())
    }
}

fn once(put: bool, what: &'static str, name: &str) -> Result<(), Unfit> {
    if put { Ok(()) } else { Err(Unfit::twice(what, name)) }
}
