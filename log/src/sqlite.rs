//! The log on one machine: SQLite in WAL mode, one thread that writes, a few connections that read.
//!
//! Reads of one stream, one claim or one instant run in the caller's task: they are too short to be worth a hop to
//! another thread. Among 60,000 events a head takes 8 us, a claim with its head 20 us, the next instant 3 us, and 20 events
//! of a random stream 75 us (measured 2026-11-23, pages cached by the system). Longer scans go to the blocking pool.
//! Never put the folder on a network file system.

mod pieces;
mod read;
mod schema;
mod write;
mod writer;

use std::{
    fs::{self, File},
    io,
    path::Path,
    sync::Arc,
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;

pub use self::schema::OpenError;
use self::{
    read::Readers,
    writer::{Mint, Numbers, Writer},
};
use crate::{
    Append, AppendError, ClaimKey, Claimed, Cursor, Decision, Effect, EffectId, EffectState, Event, EventLog, Holder,
    Keys, Lease, LeasedEffect, Page, Piece, Pieces, Proof, PutError, ReadError, Receipt, Roll, Stats, Stream, StreamId,
    Tails, chain::Salts, raw,
};

/// Events of one stream that are read in the caller's task; more go to the blocking pool.
const INLINE_EVENTS_MAX: usize = 100;

/// A log in a folder.
pub struct SqliteLog {
    readers: Arc<Readers>,
    wake: Arc<Notify>,
    /// None when the log was opened to be read only.
    writer: Option<Writer>,
}

impl SqliteLog {
    /// Opens the log in `dir` and makes it if there is none. Only one process may have it open so.
    /// `seed` must be random and is kept nowhere: the salts of new events come from it.
    pub fn open(dir: impl AsRef<Path>, seed: [u8; 32]) -> Result<Self, OpenError> {
        let dir = dir.as_ref();
        let database = |source| OpenError::Database { dir: dir.to_owned(), source };
        let lock = schema::lock(dir)?;
        let db = schema::open_writer(dir)?;
        let reader = schema::open_reader(dir)?;
        let mint = Mint { numbers: Numbers::load(&db).map_err(database)?, salts: Salts::new(seed) };
        let wake = Arc::new(Notify::new());
        let writer = Writer::start(db, lock, mint, Arc::clone(&wake))
            .map_err(|source| OpenError::Folder { dir: dir.to_owned(), source })?;
        let readers = Arc::new(Readers::new(dir.to_owned(), reader));
        Ok(Self { readers, wake, writer: Some(writer) })
    }

    /// Opens an existing log beside the process that writes it. Every write is [`AppendError::Unavailable`].
    pub fn open_read_only(dir: impl AsRef<Path>) -> Result<Self, OpenError> {
        let dir = dir.as_ref();
        let reader = schema::open_reader(dir)?;
        let readers = Arc::new(Readers::new(dir.to_owned(), reader));
        Ok(Self { readers, wake: Arc::default(), writer: None })
    }

    /// Writes the log as it is at this moment into a file that must not exist yet, beside whoever writes to it.
    pub async fn back_up(&self, file: &Path) -> Result<(), ReadError> {
        let path = file.to_string_lossy().into_owned();
        Arc::clone(&self.readers).scan(move |db| db.execute("VACUUM INTO ?1", [path]).map(drop)).await?;
        // SQLite leaves both to the system. A copy of the log is as private as the log.
        #[cfg(unix)]
        let closed = fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600));
        #[cfg(not(unix))]
        let closed = Ok(());
        let synced = closed.and_then(|()| File::open(file)).and_then(|file| file.sync_all());
        synced.map_err(|error| ReadError(Arc::new(error)))
    }

    /// Makes a folder for a log, its owner's alone; one that is there keeps its rights.
    pub fn make_folder(dir: &Path) -> io::Result<()> {
        schema::make_folder(dir)
    }

    /// Makes a folder's log from such a file. The folder must hold no log.
    pub fn restore(file: &Path, dir: &Path) -> io::Result<()> {
        schema::make_folder(dir)?;
        let target = dir.join("log.db");
        if target.exists() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the folder holds a log already"));
        }
        fs::copy(file, &target)?;
        File::open(&target)?.sync_all()
    }

    fn writer(&self) -> Result<&Writer, AppendError> {
        self.writer.as_ref().ok_or_else(|| {
            let cause = io::Error::new(io::ErrorKind::PermissionDenied, "the event log was opened read-only");
            AppendError::Unavailable(Arc::new(cause))
        })
    }
}

#[async_trait]
impl EventLog for SqliteLog {
    async fn append(&self, append: Append) -> Result<Receipt, AppendError> {
        append.check()?;
        self.writer()?.run(move |tx| tx.append(&append)).await
    }

    async fn decide(&self, mut decision: Decision) -> Result<Option<Receipt>, AppendError> {
        self.writer()?.run(move |tx| tx.decide(&mut decision)).await
    }

    async fn load(&self, stream: &StreamId) -> Result<Option<Stream>, ReadError> {
        self.readers.read(|db| read::stream(db, stream))
    }

    async fn load_claimed(&self, key: &ClaimKey) -> Result<Option<Claimed>, ReadError> {
        self.readers.read(|db| read::claimed(db, key))
    }

    async fn events(&self, stream: &StreamId, from_version: u64, max: usize) -> Result<Vec<Event>, ReadError> {
        if max <= INLINE_EVENTS_MAX {
            return self.readers.read(|db| read::events(db, stream, from_version, max));
        }
        let stream = stream.clone();
        Arc::clone(&self.readers).scan(move |db| read::events(db, &stream, from_version, max)).await
    }

    async fn proofs(&self, stream: &StreamId, from_version: u64, max: usize) -> Result<Vec<Proof>, ReadError> {
        let stream = stream.clone();
        Arc::clone(&self.readers).scan(move |db| read::proofs(db, &stream, from_version, max)).await
    }

    async fn tails(&self, after: &Cursor, max: usize) -> Result<Tails, ReadError> {
        let after = after.clone();
        Arc::clone(&self.readers).scan(move |db| read::tails(db, &after, max)).await
    }

    async fn raw(&self, stream: &StreamId, version: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let Some(compressed) = self.readers.read(|db| read::raw(db, stream, version))? else { return Ok(None) };
        raw::unpack(&compressed).map(Some).map_err(|error| ReadError(Arc::new(error)))
    }

    async fn feed(&self, after: &Cursor, max: usize) -> Result<Page, ReadError> {
        Arc::clone(&self.readers).feed(after.clone(), max).await
    }

    async fn feed_place(&self, at: DateTime<Utc>) -> Result<Cursor, ReadError> {
        self.readers.read(|db| read::feed_place(db, at))
    }

    async fn receipts(&self, after: Option<&Cursor>, max: usize) -> Result<Keys, ReadError> {
        let after = after.cloned();
        Arc::clone(&self.readers).scan(move |db| read::receipts(db, after.as_ref(), max)).await
    }

    async fn list(&self, listing: &str, before: Option<&Cursor>, max: usize) -> Result<Roll, ReadError> {
        let (listing, before) = (listing.to_owned(), before.cloned());
        Arc::clone(&self.readers).scan(move |db| read::list(db, &listing, before.as_ref(), max)).await
    }

    async fn lease_due(
        &self,
        now: DateTime<Utc>,
        holder: &Holder,
        ttl: TimeDelta,
        max: usize,
    ) -> Result<Vec<LeasedEffect>, AppendError> {
        let writer = self.writer()?;
        // Most wakes are early; those need no turn of the writer.
        if self.next_due().await?.is_none_or(|due| due > now) {
            return Ok(Vec::new());
        }
        let lease = Lease { holder: holder.clone(), at: now, until: now + ttl };
        writer.run(move |tx| tx.lease_due(&lease, max)).await
    }

    async fn release_safe(&self, holder_prefix: &str) -> Result<usize, AppendError> {
        let holder_prefix = holder_prefix.to_owned();
        self.writer()?.run(move |tx| tx.release_safe(&holder_prefix)).await
    }

    async fn hold_open(&self, why: &str) -> Result<usize, AppendError> {
        let why = why.to_owned();
        self.writer()?.run(move |tx| tx.hold_open(&why)).await
    }

    async fn let_go(&self, id: &EffectId, at: DateTime<Utc>) -> Result<bool, AppendError> {
        let id = id.clone();
        self.writer()?.run(move |tx| tx.let_go(&id, at)).await
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>, ReadError> {
        self.readers.read(read::next_due)
    }

    async fn effect(&self, id: &EffectId) -> Result<Option<Effect>, ReadError> {
        self.readers.read(|db| read::effect(db, id))
    }

    async fn effects(&self, state: EffectState, max: usize) -> Result<Vec<Effect>, ReadError> {
        Arc::clone(&self.readers).scan(move |db| read::effects(db, state, max)).await
    }

    async fn waiting(&self, until: DateTime<Utc>, max: usize) -> Result<Vec<Effect>, ReadError> {
        Arc::clone(&self.readers).scan(move |db| read::waiting(db, until, max)).await
    }

    async fn notified(&self) {
        self.wake.notified().await;
    }

    async fn ping(&self) -> Result<(), AppendError> {
        self.writer()?.run(|tx| tx.ping()).await
    }

    async fn pieces(&self, after: &Cursor, max: usize) -> Result<Pieces, ReadError> {
        let after = after.clone();
        Arc::clone(&self.readers).scan(move |db| pieces::read(db, &after, max)).await
    }

    async fn put(&self, pieces: Vec<Piece>) -> Result<(), PutError> {
        let put = self.writer()?.run(move |tx| tx.put(&pieces)).await?;
        put.map_err(|(index, why)| PutError::Refused { index, why })
    }

    async fn stats(&self) -> Result<Stats, ReadError> {
        Arc::clone(&self.readers).scan(read::stats).await
    }
}

#[cfg(test)]
mod tests;
