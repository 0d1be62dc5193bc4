//! What is read, on connections of their own. A read sees every commit that was answered before it began.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    schema,
    write::{EFFECT_COLUMNS, at, digest, effect_from, position},
};
use crate::{
    ClaimKey, Claimed, Cursor, Effect, EffectId, EffectState, Event, Head, IdemKey, Keys, Listed, Page, Proof, Raw,
    ReadError, Roll, Salt, Stats, Stream, StreamId, Tail, Tails,
};

/// What `proof_from` reads.
pub(super) const PROOFS: &str =
    "SELECT seq, id, events.version, at, kind, schema, actor, cause, body, raw, salt, content, events.link
     FROM streams JOIN events ON stream = no";

/// Idle connections that are kept; more are opened while more are in use.
const IDLE_MAX: usize = 4;

/// Names of streams that a walk through the feed keeps, some 10 MB: a stream's row holds its snapshot, and reading one for
/// each event takes longer than the events do.
const NAMES_MAX: usize = 100_000;

/// Names of streams by their number, which never changes.
#[derive(Default)]
struct Names(HashMap<i64, StreamId>);

impl Names {
    fn get(&mut self, db: &Connection, no: i64) -> rusqlite::Result<StreamId> {
        if let Some(known) = self.0.get(&no) {
            return Ok(known.clone());
        }
        let sql = "SELECT id FROM streams WHERE no = ?1";
        let name = StreamId::new(db.prepare_cached(sql)?.query_row([no], |row| row.get::<_, String>(0))?);
        if self.0.len() == NAMES_MAX {
            self.0.clear();
        }
        self.0.insert(no, name.clone());
        Ok(name)
    }
}

/// A pool that opens connections when none is idle.
pub(super) struct Readers {
    dir: PathBuf,
    idle: Mutex<Vec<Connection>>,
    names: Mutex<Names>,
}

impl Readers {
    pub(super) fn new(dir: PathBuf, first: Connection) -> Self {
        Self { dir, idle: Mutex::new(vec![first]), names: Mutex::default() }
    }

    /// The events after a place, each with the name of its stream.
    pub(super) async fn feed(self: Arc<Self>, after: Cursor, max: usize) -> Result<Page, ReadError> {
        let readers = Arc::clone(&self);
        self.scan(move |db| {
            let mut names = readers.names.lock().unwrap_or_else(PoisonError::into_inner);
            feed(db, &mut names, &after, max)
        })
        .await
    }

    /// Runs a query in the caller's thread.
    pub(super) fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, ReadError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => schema::open_reader(&self.dir).map_err(|error| ReadError(Arc::new(error)))?,
        };
        let result = query(&connection);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
        drop(idle);
        result.map_err(|error| ReadError(Arc::new(error)))
    }

    /// Runs a long query where it holds up no other task.
    pub(super) async fn scan<T, F>(self: Arc<Self>, query: F) -> Result<T, ReadError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        tokio::task::spawn_blocking(move || self.read(query)).await.map_err(|error| ReadError(Arc::new(error)))?
    }
}

pub(super) fn stream(db: &Connection, id: &StreamId) -> rusqlite::Result<Option<Stream>> {
    db.prepare_cached("SELECT version, fold, snapshot, listing FROM streams WHERE id = ?1")?
        .query_row([id.as_str()], |row| stream_from(row, 0))
        .optional()
}

pub(super) fn claimed(db: &Connection, key: &ClaimKey) -> rusqlite::Result<Option<Claimed>> {
    let sql =
        "SELECT holder, version, fold, snapshot, listing FROM claims LEFT JOIN streams ON id = holder WHERE key = ?1";
    db.prepare_cached(sql)?
        .query_row([key.as_str()], |row| {
            let has_events = row.get::<_, Option<u64>>(1)?.is_some();
            let stream = if has_events { Some(stream_from(row, 1)?) } else { None };
            Ok(Claimed { holder: StreamId::new(row.get::<_, String>(0)?), stream })
        })
        .optional()
}

pub(super) fn events(db: &Connection, id: &StreamId, from: u64, max: usize) -> rusqlite::Result<Vec<Event>> {
    let sql =
        "SELECT seq, id, events.version, at, kind, schema, actor, cause, body FROM streams JOIN events ON stream = no
               WHERE id = ?1 AND events.version >= ?2 ORDER BY events.version LIMIT ?3";
    db.prepare_cached(sql)?
        .query_map(params![id.as_str(), i64::try_from(from).unwrap_or(i64::MAX), limit(max)], event_from)?
        .collect()
}

pub(super) fn proofs(db: &Connection, id: &StreamId, from: u64, max: usize) -> rusqlite::Result<Vec<Proof>> {
    let sql = format!("{PROOFS} WHERE id = ?1 AND events.version >= ?2 ORDER BY events.version LIMIT ?3");
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    db.prepare_cached(&sql)?.query_map(params![id.as_str(), from, limit(max)], proof_from)?.collect()
}

pub(super) fn tails(db: &Connection, after: &Cursor, max: usize) -> rusqlite::Result<Tails> {
    let mut last: i64 = after.as_str().parse().unwrap_or(0);
    let mut statement =
        db.prepare_cached("SELECT no, id, version, link FROM streams WHERE no > ?1 ORDER BY no LIMIT ?2")?;
    let mut rows = statement.query(params![last, limit(max)])?;
    let mut tails = Vec::new();
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        let stream = StreamId::new(row.get::<_, String>(1)?);
        tails.push(Tail { stream, version: row.get(2)?, link: digest(row, 3)? });
    }
    Ok(Tails { tails, next: position(last) })
}

pub(super) fn raw(db: &Connection, id: &StreamId, version: u64) -> rusqlite::Result<Option<Vec<u8>>> {
    let sql = "SELECT raw FROM streams JOIN events ON stream = no WHERE id = ?1 AND events.version = ?2";
    let found = db
        .prepare_cached(sql)?
        .query_row(params![id.as_str(), i64::try_from(version).unwrap_or(i64::MAX)], |row| row.get(0))
        .optional()?;
    Ok(found.flatten())
}

fn feed(db: &Connection, names: &mut Names, after: &Cursor, max: usize) -> rusqlite::Result<Page> {
    let mut last: i64 = after.as_str().parse().unwrap_or(0);
    let sql = "SELECT seq, stream, version, at, kind, schema, actor, cause, body FROM events
               WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![last, limit(max)])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        events.push(event_of(names.get(db, row.get(1)?)?, row)?);
    }
    Ok(Page { events, next: position(last) })
}

/// The writers' clocks may go back a little, so the place is looked for this much earlier, in microseconds.
const CLOCK_SLACK_MICROS: i64 = 3_600_000_000;

/// Halves the log until it is found: about twenty events are read among a million.
pub(super) fn feed_place(db: &Connection, at: DateTime<Utc>) -> rusqlite::Result<Cursor> {
    let wanted = at.timestamp_micros().saturating_sub(CLOCK_SLACK_MICROS);
    let (mut low, mut high): (i64, i64) =
        (0, db.query_row("SELECT ifnull(max(seq), 0) FROM events", [], |row| row.get(0))?);
    let mut statement = db.prepare_cached("SELECT at FROM events WHERE seq >= ?1 ORDER BY seq LIMIT 1")?;
    while low < high {
        let middle = low + (high - low + 1) / 2;
        let found: i64 = statement.query_row([middle], |row| row.get(0))?;
        if found < wanted { low = middle } else { high = middle - 1 }
    }
    Ok(position(low))
}

pub(super) fn receipts(db: &Connection, after: Option<&Cursor>, max: usize) -> rusqlite::Result<Keys> {
    let sql = "SELECT key FROM receipts WHERE key > ?1 AND first <= last ORDER BY key LIMIT ?2";
    let after = after.map_or("", Cursor::as_str);
    let keys: Vec<IdemKey> = db
        .prepare_cached(sql)?
        .query_map(params![after, limit(max)], |row| Ok(IdemKey::new(row.get::<_, String>(0)?)))?
        .collect::<Result<_, _>>()?;
    let next = keys.last().filter(|_| keys.len() == max).map(|key| Cursor::new(key.as_str()));
    Ok(Keys { keys, next })
}

pub(super) fn list(db: &Connection, listing: &str, before: Option<&Cursor>, max: usize) -> rusqlite::Result<Roll> {
    let before: i64 = before.and_then(|cursor| cursor.as_str().parse().ok()).unwrap_or(i64::MAX);
    let sql = "SELECT no, id, version, fold, snapshot, listing FROM streams
               WHERE listing = ?1 AND no < ?2 ORDER BY no DESC LIMIT ?3";
    let mut statement = db.prepare_cached(sql)?;
    // One more than wanted tells whether there is a next page.
    let mut rows = statement.query(params![listing, before, limit(max).saturating_add(1)])?;
    let mut streams = Vec::new();
    let mut last = before;
    while let Some(row) = rows.next()? {
        if streams.len() == max {
            return Ok(Roll { streams, next: Some(position(last)) });
        }
        last = row.get(0)?;
        streams.push(Listed { id: StreamId::new(row.get::<_, String>(1)?), stream: stream_from(row, 2)? });
    }
    Ok(Roll { streams, next: None })
}

pub(super) fn next_due(db: &Connection) -> rusqlite::Result<Option<DateTime<Utc>>> {
    db.prepare_cached("SELECT wake_at FROM effects WHERE wake_at IS NOT NULL ORDER BY wake_at LIMIT 1")?
        .query_row([], |row| at(row, 0))
        .optional()
}

pub(super) fn effect(db: &Connection, id: &EffectId) -> rusqlite::Result<Option<Effect>> {
    let sql = format!("SELECT {EFFECT_COLUMNS} FROM effects WHERE id = ?1");
    db.prepare_cached(&sql)?.query_row([id.as_str()], effect_from).optional()
}

pub(super) fn effects(db: &Connection, state: EffectState, max: usize) -> rusqlite::Result<Vec<Effect>> {
    // The words are in the text, not bound, so that the partial indexes apply.
    let open = match state {
        EffectState::Pending | EffectState::Leased => "wake_at IS NOT NULL AND",
        EffectState::Done | EffectState::Failed | EffectState::Unknown | EffectState::Cancelled | EffectState::Held => {
            ""
        }
    };
    let sql = format!("SELECT {EFFECT_COLUMNS} FROM effects WHERE {open} state = '{}' LIMIT ?1", state.as_str());
    db.prepare(&sql)?.query_map([limit(max)], effect_from)?.collect()
}

pub(super) fn waiting(db: &Connection, until: DateTime<Utc>, max: usize) -> rusqlite::Result<Vec<Effect>> {
    let sql = format!(
        "SELECT {EFFECT_COLUMNS} FROM effects WHERE wake_at IS NOT NULL AND wake_at <= ?1 ORDER BY wake_at LIMIT ?2"
    );
    db.prepare_cached(&sql)?.query_map(params![until.timestamp_micros(), limit(max)], effect_from)?.collect()
}

pub(super) fn stats(db: &Connection) -> rusqlite::Result<Stats> {
    // Nothing is ever deleted from these two, so the last number is the count.
    let (events, streams) = db
        .prepare_cached("SELECT ifnull((SELECT max(seq) FROM events), 0), ifnull((SELECT max(no) FROM streams), 0)")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (effects_pending, effects_leased) = db
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state = 'leased')
             FROM effects WHERE wake_at IS NOT NULL",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Stats { events, streams, effects_pending, effects_leased, oldest_due: next_due(db)? })
}

/// SQLite counts with a sign.
pub(super) fn limit(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}

pub(super) fn head_from(row: &Row<'_>, first: usize) -> rusqlite::Result<Head> {
    Ok(Head { fold: row.get(first)?, snapshot: row.get(first + 1)?, listing: row.get(first + 2)? })
}

fn stream_from(row: &Row<'_>, first: usize) -> rusqlite::Result<Stream> {
    Ok(Stream { version: row.get(first)?, head: head_from(row, first + 1)? })
}

pub(super) fn proof_from(row: &Row<'_>) -> rusqlite::Result<Proof> {
    Ok(Proof {
        event: event_from(row)?,
        raw: row.get::<_, Option<Vec<u8>>>(9)?.map(Raw::from_packed),
        salt: row.get::<_, Option<[u8; 16]>>(10)?.map(Salt::from_bytes),
        content: digest(row, 11)?,
        link: digest(row, 12)?,
    })
}

fn event_from(row: &Row<'_>) -> rusqlite::Result<Event> {
    event_of(StreamId::new(row.get::<_, String>(1)?), row)
}

fn event_of(stream: StreamId, row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        stream,
        version: row.get(2)?,
        at: at(row, 3)?,
        kind: row.get(4)?,
        schema: row.get(5)?,
        actor: row.get(6)?,
        cause: row.get(7)?,
        body: row.get(8)?,
    })
}
