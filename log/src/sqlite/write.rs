//! What is done inside a transaction. Every condition is read before the first write, so a refused append leaves no
//! trace and its neighbours in the batch need no savepoint.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params, types::Type};

use super::{
    read::{self, limit},
    writer::{Stop, Tx},
};
use crate::{
    Append, AppendError, ClaimKey, Claimed, Cursor, Decision, Digest, Effect, EffectId, EffectState, Erasure, Event,
    Holder, IdemKey, Lease, LeaseToken, LeasedEffect, NewEffect, Outcome, Raw, ReadError, Receipt, Repeat, Salt,
    Stream, StreamId, StreamWrite, View,
    chain::{self, Facts},
    effect::After,
};

/// The columns of an effect, in the order in which `effect_from` reads and `save` writes them.
pub(super) const EFFECT_COLUMNS: &str = "id, kind, body, repeat, slot, due_at, state, wake_at, attempt, intent_at, \
     interrupted, error, holder, lease_until, lease, after";

pub(super) const EVENT_INSERT: &str =
    "INSERT INTO events(stream, version, at, kind, schema, actor, cause, body, raw, salt, content, link)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

const EFFECT_INSERT: &str = "INSERT INTO effects VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, \
     ?15, ?16) ON CONFLICT DO NOTHING";

const EFFECT_UPDATE: &str = "UPDATE effects SET kind = ?2, body = ?3, repeat = ?4, slot = ?5, due_at = ?6, state = ?7, \
     wake_at = ?8, attempt = ?9, intent_at = ?10, interrupted = ?11, error = ?12, holder = ?13, lease_until = ?14, \
     lease = ?15, after = ?16 WHERE id = ?1";

impl Tx<'_> {
    pub(super) fn append(&mut self, append: &Append) -> Result<Receipt, Stop> {
        self.first_seen(append)?;
        let settled = append.settles.as_ref().map(|(token, outcome)| self.settled(token, outcome)).transpose()?;
        let places = self.allow(append)?;
        let mut anew = None;
        if let Some((effect, again)) = settled {
            self.save(&effect)?;
            anew = again.then_some(effect.wanted.id);
        }
        let mut receipt = self.write(append, &places)?;
        if let Some((id, lease)) = anew.zip(append.lease.as_ref())
            && let Some(mut effect) = self.effect(&id)?
            && let Some(leased) = effect.born_leased(lease)
        {
            self.save(&effect)?;
            receipt.leased.push(leased);
        }
        Ok(receipt)
    }

    pub(super) fn decide(&mut self, decision: &mut Decision) -> Result<Option<Receipt>, Stop> {
        let decided = decision(self);
        if let Some(error) = self.unread.take() {
            return Err(Stop::Broken(error));
        }
        let Some(append) = decided else { return Ok(None) };
        append.check()?;
        self.append(&append).map(Some)
    }

    pub(super) fn lease_due(&mut self, lease: &Lease, max: usize) -> Result<Vec<LeasedEffect>, Stop> {
        let sql = "SELECT id FROM effects WHERE wake_at <= ?1 ORDER BY wake_at LIMIT ?2";
        let due: Vec<EffectId> = self
            .sql(sql)?
            .query_map(params![lease.at.timestamp_micros(), limit(max)], id)?
            .collect::<Result<_, _>>()?;
        let mut leased = Vec::with_capacity(due.len());
        for id in due {
            let Some(mut effect) = self.effect(&id)? else { continue };
            leased.extend(effect.hand_out(lease));
            self.save(&effect)?;
        }
        Ok(leased)
    }

    pub(super) fn release_safe(&mut self, holder_prefix: &str) -> Result<usize, Stop> {
        let sql = "SELECT id FROM effects WHERE wake_at IS NOT NULL AND state = 'leased'";
        let leased: Vec<EffectId> = self.sql(sql)?.query_map([], id)?.collect::<Result<_, _>>()?;
        let mut released = 0;
        for id in leased {
            let Some(mut effect) = self.effect(&id)? else { continue };
            if effect.release_safe(holder_prefix) {
                self.save(&effect)?;
                released += 1;
            }
        }
        Ok(released)
    }

    pub(super) fn hold_open(&mut self, why: &str) -> Result<usize, Stop> {
        let open: Vec<EffectId> = self
            .sql("SELECT id FROM effects WHERE wake_at IS NOT NULL")?
            .query_map([], id)?
            .collect::<Result<_, _>>()?;
        let mut held = 0;
        for id in open {
            let Some(mut effect) = self.effect(&id)? else { continue };
            if effect.hold(why) {
                self.save(&effect)?;
                held += 1;
            }
        }
        Ok(held)
    }

    pub(super) fn let_go(&mut self, id: &EffectId, at: DateTime<Utc>) -> Result<bool, Stop> {
        let Some(mut effect) = self.effect(id)? else { return Ok(false) };
        let gone = effect.let_go(at);
        if gone {
            self.save(&effect)?;
        }
        Ok(gone)
    }

    pub(super) fn ping(&mut self) -> Result<(), Stop> {
        self.sql("UPDATE pings SET count = count + 1")?.execute([])?;
        Ok(())
    }

    /// The effect as it is once it is settled, if the bearer of the token may do that, and whether it is to be performed anew.
    fn settled(&self, token: &LeaseToken, outcome: &Outcome) -> Result<(Effect, bool), Stop> {
        let held = self.effect(token.effect())?.filter(|effect| effect.is_held_by(token));
        let mut effect = held.ok_or_else(|| AppendError::LeaseLost(token.effect().clone()))?;
        let anew = effect.settle(outcome.clone());
        Ok((effect, anew))
    }

    fn first_seen(&self, append: &Append) -> Result<(), Stop> {
        for key in &append.keys {
            if let Some((first, last)) = written_for(self.db, key)? {
                return Err(AppendError::Duplicate(self.receipt(first, last)?).into());
            }
        }
        Ok(())
    }

    /// The receipt of an append whose events lie in this range of the feed.
    fn receipt(&self, first: i64, last: i64) -> rusqlite::Result<Receipt> {
        let streams = self
            .sql(
                "SELECT id, max(events.version) FROM events JOIN streams ON no = stream
                 WHERE seq BETWEEN ?1 AND ?2 GROUP BY stream ORDER BY min(seq)",
            )?
            .query_map([first, last], |row| Ok((StreamId::new(row.get::<_, String>(0)?), row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        Ok(Receipt { streams, position: position(last), leased: Vec::new() })
    }

    /// Reads the conditions on streams and claims. Returns where each stream lies; none for a new one.
    fn allow(&self, append: &Append) -> Result<Vec<Option<Place>>, Stop> {
        let mut places = Vec::with_capacity(append.streams.len());
        for write in &append.streams {
            let found: Option<(Place, u64)> = self
                .sql("SELECT no, link, version FROM streams WHERE id = ?1")?
                .query_row([write.stream.as_str()], |row| {
                    Ok((Place { no: row.get(0)?, link: digest(row, 1)? }, row.get(2)?))
                })
                .optional()?;
            let actual = found.map_or(0, |(_, version)| version);
            if actual != write.expected.version() {
                return Err(AppendError::Conflict { stream: write.stream.clone(), actual }.into());
            }
            places.push(found.map(|(place, _)| place));
        }
        for claim in &append.claims {
            let actual: Option<StreamId> = self
                .sql("SELECT holder FROM claims WHERE key = ?1")?
                .query_row([claim.key.as_str()], |row| Ok(StreamId::new(row.get::<_, String>(0)?)))
                .optional()?;
            if actual != claim.expected {
                return Err(AppendError::ClaimConflict { key: claim.key.clone(), actual }.into());
            }
        }
        Ok(places)
    }

    fn write(&mut self, append: &Append, places: &[Option<Place>]) -> Result<Receipt, Stop> {
        let mut receipt = Receipt::default();
        for erasure in &append.erase {
            self.erase(erasure)?;
        }
        let mut written: Option<(i64, i64)> = None;
        for (write, &place) in append.streams.iter().zip(places) {
            let (first, last) = self.write_stream(write, place)?;
            written = Some((written.map_or(first, |(first, _)| first), last));
            receipt.streams.push((write.stream.clone(), write.expected.version() + write.events.len() as u64));
        }
        let (first, last) = match written {
            Some(range) => range,
            None => {
                let last = self.sql("SELECT ifnull(max(seq), 0) FROM events")?.query_row([], |row| row.get(0))?;
                (last + 1, last)
            }
        };
        receipt.position = position(last);
        for key in &append.keys {
            self.write_receipt(key, first, last)?;
        }
        self.write_claims(append)?;
        for id in &append.cancel {
            if let Some(mut effect) = self.effect(id)?
                && effect.cancel()
            {
                self.save(&effect)?;
            }
        }
        for wanted in &append.effects {
            receipt.leased.extend(self.write_effect(wanted, append.lease.as_ref())?);
        }
        Ok(receipt)
    }

    /// Writes the head and the events; returns the first and last place in the feed.
    fn write_stream(&mut self, write: &StreamWrite, place: Option<Place>) -> rusqlite::Result<(i64, i64)> {
        let StreamWrite { stream, expected, events, head } = write;
        let before = expected.version();
        let version = before + events.len() as u64;
        let links = self.links(write, place.map_or(Digest::START, |place| place.link));
        let end = links.last().map_or(Digest::START, |new| new.link);
        let no = match place {
            Some(Place { no, .. }) => {
                let sql =
                    "UPDATE streams SET version = ?2, fold = ?3, snapshot = ?4, listing = ?5, link = ?6 WHERE no = ?1";
                self.sql(sql)?.execute(params![no, version, head.fold, head.snapshot, head.listing, end.as_bytes()])?;
                no
            }
            None => {
                let sql =
                    "INSERT INTO streams(id, version, fold, snapshot, listing, link) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
                let new = params![stream.as_str(), version, head.fold, head.snapshot, head.listing, end.as_bytes()];
                self.sql(sql)?.insert(new)?
            }
        };
        let mut insert = self.sql(EVENT_INSERT)?;
        let mut last = 0;
        for ((version, event), new) in (before + 1..).zip(events).zip(&links) {
            last = insert.insert(params![
                no,
                version,
                event.at.timestamp_micros(),
                event.kind,
                event.schema,
                event.actor,
                event.cause,
                event.body,
                event.raw.as_ref().map(Raw::packed),
                new.salt.as_bytes(),
                new.content.as_bytes(),
                new.link.as_bytes(),
            ])?;
        }
        Ok((last + 1 - events.len() as i64, last))
    }

    /// The links of new events, from the link of the last one that is there.
    fn links(&mut self, write: &StreamWrite, before: Digest) -> Vec<NewLink> {
        let mut before = before;
        let versions = write.expected.version() + 1..;
        let new = versions.zip(&write.events).map(|(version, event)| {
            let salt = self.mint.salts.next();
            let content = chain::content(&salt, &event.body, event.raw.as_ref().map(Raw::packed));
            let facts = Facts {
                stream: &write.stream,
                version,
                at_micros: event.at.timestamp_micros(),
                kind: &event.kind,
                schema: event.schema,
                actor: &event.actor,
                cause: &event.cause,
            };
            before = chain::link(&before, &facts, &content);
            NewLink { salt, content, link: before }
        });
        new.collect()
    }

    /// The bytes leave the files when these are written anew, after the commit.
    fn erase(&mut self, erasure: &Erasure) -> Result<(), Stop> {
        let sql = "UPDATE events SET body = ?3, raw = NULL, salt = NULL
                   WHERE stream = (SELECT no FROM streams WHERE id = ?1) AND version = ?2";
        let erased = self.sql(sql)?.execute(params![erasure.stream.as_str(), erasure.version, erasure.body])?;
        self.erased = true;
        match erased {
            0 => Err(AppendError::Malformed("an erasure of an event that is not there").into()),
            _ => Ok(()),
        }
    }

    fn write_receipt(&self, key: &IdemKey, first: i64, last: i64) -> rusqlite::Result<()> {
        self.sql("INSERT INTO receipts VALUES (?1, ?2, ?3)")?.execute(params![key.as_str(), first, last])?;
        Ok(())
    }

    fn write_claims(&self, append: &Append) -> rusqlite::Result<()> {
        for claim in &append.claims {
            let key = claim.key.as_str();
            match &claim.holder {
                _ if claim.holder == claim.expected => 0,
                Some(holder) => self
                    .sql("INSERT INTO claims VALUES (?1, ?2) ON CONFLICT DO UPDATE SET holder = excluded.holder")?
                    .execute(params![key, holder.as_str()])?,
                None => self.sql("DELETE FROM claims WHERE key = ?1")?.execute([key])?,
            };
        }
        Ok(())
    }

    fn write_effect(&mut self, wanted: &NewEffect, lease: Option<&Lease>) -> rusqlite::Result<Option<LeasedEffect>> {
        let mut effect = Effect::new(wanted.clone());
        let leased = lease.and_then(|lease| effect.born_leased(lease));
        if self.insert(&effect)? {
            return Ok(leased);
        }
        // The id exists: only a slot may change it, and what became of it decides whether it is due.
        let Some(mut effect) = self.effect(&wanted.id)? else { return Ok(None) };
        if !effect.ask_again(wanted.clone()) {
            return Ok(None);
        }
        let leased = lease.and_then(|lease| effect.born_leased(lease));
        self.save(&effect)?;
        Ok(leased)
    }

    fn effect(&self, id: &EffectId) -> rusqlite::Result<Option<Effect>> {
        // `EFFECT_COLUMNS` are all columns, in the order of the table.
        self.sql("SELECT * FROM effects WHERE id = ?1")?.query_row([id.as_str()], effect_from).optional()
    }

    /// False when its id is there already.
    pub(super) fn insert(&mut self, effect: &Effect) -> rusqlite::Result<bool> {
        self.put_effect(EFFECT_INSERT, effect)
    }

    fn save(&mut self, effect: &Effect) -> rusqlite::Result<()> {
        self.put_effect(EFFECT_UPDATE, effect).map(|_| ())
    }

    fn put_effect(&mut self, sql: &str, effect: &Effect) -> rusqlite::Result<bool> {
        let changed = self.sql(sql)?.execute(params![
            effect.wanted.id.as_str(),
            effect.wanted.kind,
            effect.wanted.body,
            effect.wanted.repeat.as_str(),
            effect.wanted.slot,
            effect.wanted.due_at.timestamp_micros(),
            effect.state.as_str(),
            effect.wake_at().map(|at| at.timestamp_micros()),
            effect.attempt,
            effect.intent_at.map(|at| at.timestamp_micros()),
            effect.interrupted,
            effect.error,
            effect.holder.as_ref().map(Holder::as_str),
            effect.lease_until.map(|at| at.timestamp_micros()),
            effect.lease,
            effect.after.as_str(),
        ])?;
        self.wake |= changed > 0 && effect.state == EffectState::Pending;
        Ok(changed > 0)
    }

    pub(super) fn sql(&self, sql: &str) -> rusqlite::Result<CachedStatement<'_>> {
        self.db.prepare_cached(sql)
    }
}

impl View for Tx<'_> {
    fn stream(&mut self, id: &StreamId) -> Result<Option<Stream>, ReadError> {
        self.seen(|db| read::stream(db, id))
    }

    fn claimed(&mut self, key: &ClaimKey) -> Result<Option<Claimed>, ReadError> {
        self.seen(|db| read::claimed(db, key))
    }

    fn events(&mut self, id: &StreamId, from_version: u64, max: usize) -> Result<Vec<Event>, ReadError> {
        self.seen(|db| read::events(db, id, from_version, max))
    }

    fn answered(&mut self, key: &IdemKey) -> Result<bool, ReadError> {
        self.seen(|db| Ok(written_for(db, key)?.is_some()))
    }

    fn number(&mut self, series: &str) -> Result<u64, ReadError> {
        Ok(self.mint.numbers.next(series))
    }
}

impl Tx<'_> {
    /// A read for a decision; when it fails, what the decision says is void.
    fn seen<T>(&mut self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, ReadError> {
        query(self.db).map_err(|error| {
            self.unread = Some(error);
            ReadError(Arc::new(Unread))
        })
    }
}

/// The range of the feed that was written when a key was answered.
fn written_for(db: &Connection, key: &IdemKey) -> rusqlite::Result<Option<(i64, i64)>> {
    db.prepare_cached("SELECT first, last FROM receipts WHERE key = ?1")?
        .query_row([key.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// Where a stream lies, and the link of its last event.
#[derive(Clone, Copy)]
struct Place {
    no: i64,
    link: Digest,
}

/// What is added to a new event.
struct NewLink {
    salt: Salt,
    content: Digest,
    link: Digest,
}

/// What a decision is told of a read that failed; the cause goes to the log's caller.
#[derive(Debug, thiserror::Error)]
#[error("the transaction is broken")]
struct Unread;

/// Reads a row of `EFFECT_COLUMNS`.
pub(super) fn effect_from(row: &Row<'_>) -> rusqlite::Result<Effect> {
    Ok(Effect {
        wanted: NewEffect {
            id: id(row)?,
            kind: row.get(1)?,
            body: row.get(2)?,
            repeat: word(row, 3, &Repeat::ALL, Repeat::as_str)?,
            slot: row.get(4)?,
            due_at: at(row, 5)?,
        },
        state: word(row, 6, &EffectState::ALL, EffectState::as_str)?,
        attempt: row.get(8)?,
        intent_at: maybe_at(row, 9)?,
        interrupted: row.get(10)?,
        error: row.get(11)?,
        holder: row.get::<_, Option<String>>(12)?.map(Holder::new),
        lease_until: maybe_at(row, 13)?,
        lease: row.get(14)?,
        after: word(row, 15, &After::ALL, After::as_str)?,
    })
}

pub(super) fn digest(row: &Row<'_>, column: usize) -> rusqlite::Result<Digest> {
    row.get(column).map(Digest::from_bytes)
}

pub(super) fn position(seq: i64) -> Cursor {
    Cursor::new(seq.to_string())
}

pub(super) fn at(row: &Row<'_>, column: usize) -> rusqlite::Result<DateTime<Utc>> {
    let micros: i64 = row.get(column)?;
    DateTime::from_timestamp_micros(micros).ok_or(rusqlite::Error::IntegralValueOutOfRange(column, micros))
}

fn maybe_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<DateTime<Utc>>> {
    Ok(row.get::<_, Option<i64>>(column)?.and_then(DateTime::from_timestamp_micros))
}

fn id(row: &Row<'_>) -> rusqlite::Result<EffectId> {
    Ok(EffectId::new(row.get::<_, String>(0)?))
}

/// Finds the value that is stored as this word.
fn word<T: Copy>(row: &Row<'_>, column: usize, all: &[T], as_str: fn(T) -> &'static str) -> rusqlite::Result<T> {
    let stored = row.get_ref(column)?.as_str()?;
    let found = all.iter().copied().find(|&value| as_str(value) == stored);
    found.ok_or_else(|| {
        let unknown = format!("{stored} is not a word that this program knows");
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, unknown.into())
    })
}
