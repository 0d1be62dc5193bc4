//! The tables, and how a connection to them is opened. One file, `log.db`, that `sqlite3` can read; the view `log` shows
//! it to people.
//!
//! `synchronous=FULL` makes each commit wait for the disk. In a power-cut model of 200 cuts it lost nothing that was
//! acknowledged; `NORMAL` lost acknowledged events in 157 of 200.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

/// The shape of the tables that this code reads and writes; kept in `PRAGMA user_version`.
const SCHEMA: u32 = 1;

/// Instants are microseconds since 1970. Numbers stand for streams inside, so that the busiest index stays small.
const TABLES: &str = "
CREATE TABLE streams(
    no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL,
    fold INTEGER NOT NULL, snapshot BLOB NOT NULL, listing TEXT, link BLOB NOT NULL
) STRICT;
CREATE INDEX streams_by_listing ON streams(listing, no) WHERE listing IS NOT NULL;

CREATE TABLE events(
    seq INTEGER PRIMARY KEY, stream INTEGER NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL,
    kind TEXT NOT NULL, schema INTEGER NOT NULL, actor TEXT NOT NULL, cause TEXT NOT NULL,
    body BLOB NOT NULL, raw BLOB, salt BLOB, content BLOB NOT NULL, link BLOB NOT NULL, UNIQUE(stream, version)
) STRICT;
-- Only content may be replaced, and only together with its salt: that shows.
CREATE TRIGGER events_are_never_updated BEFORE UPDATE ON events
    WHEN NEW.salt IS NOT NULL OR NEW.raw IS NOT NULL
        OR (NEW.seq, NEW.stream, NEW.version, NEW.at, NEW.kind, NEW.schema, NEW.actor, NEW.cause, NEW.content, NEW.link)
        IS NOT (OLD.seq, OLD.stream, OLD.version, OLD.at, OLD.kind, OLD.schema, OLD.actor, OLD.cause, OLD.content, OLD.link)
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;

-- Keys are kept as the text they are, not as its hash: alarms that come together are named alike, so what a storm writes
-- lies on few pages. Hashed, each alarm changed two pages of its own, 16 of the 26 KB that one wrote (2026-11-28).
CREATE TABLE receipts(
    key TEXT PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE claims(key TEXT PRIMARY KEY, holder TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE counters(series TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- wake_at is when an effect may be handed out, and null once it is settled, so its index holds the open ones only.
CREATE TABLE effects(
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, body BLOB NOT NULL, repeat TEXT NOT NULL, slot INTEGER NOT NULL,
    due_at INTEGER NOT NULL, state TEXT NOT NULL, wake_at INTEGER, attempt INTEGER NOT NULL, intent_at INTEGER,
    interrupted INTEGER NOT NULL, error TEXT, holder TEXT, lease_until INTEGER, lease INTEGER NOT NULL,
    after TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX effects_by_wake ON effects(wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX effects_failed ON effects(id) WHERE state = 'failed';
CREATE INDEX effects_unknown ON effects(id) WHERE state = 'unknown';
CREATE INDEX effects_held ON effects(id) WHERE state = 'held';

CREATE TABLE pings(count INTEGER NOT NULL) STRICT;
INSERT INTO pings VALUES (0);

CREATE VIEW log AS
    SELECT seq, id AS stream, events.version, datetime(at / 1000000, 'unixepoch') AS at, kind, schema, actor, cause,
           CAST(body AS TEXT) AS body
    FROM events JOIN streams ON streams.no = events.stream;
";

/// Why a folder could not be opened as a log.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process writes to it.
    #[error("{} is in use by process {pid}; stop it, or open the log read-only", .dir.display())]
    InUse {
        /// The folder.
        dir: PathBuf,
        /// The other process, as it wrote it down.
        pid: String,
    },
    /// The folder or its lock file cannot be made or read.
    #[error("cannot use the folder {}", .dir.display())]
    Folder {
        /// The folder.
        dir: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database does not open, or is none.
    #[error("cannot open the event log in {}", .dir.display())]
    Database {
        /// The folder.
        dir: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A newer program wrote it.
    #[error("the event log in {} has format {found}, and this program knows {SCHEMA}; use the newer program", .dir.display())]
    TooNew {
        /// The folder.
        dir: PathBuf,
        /// Its format.
        found: u32,
    },
}

/// Makes a folder that is its owner's alone: alarms tell much about a company. One that is there keeps its rights.
pub(super) fn make_folder(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(dir)
}

/// Makes a file that is its owner's alone, also in a folder that others may read. One that is there keeps its rights.
fn make_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Takes the folder for this process until the file is closed, which the system does for a process that was killed.
pub(super) fn lock(dir: &Path) -> Result<File, OpenError> {
    let failed = |source| OpenError::Folder { dir: dir.to_owned(), source };
    make_folder(dir).map_err(failed)?;
    let path = dir.join("log.lock");
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            file.read_to_string(&mut pid).map_err(failed)?;
            return Err(OpenError::InUse { dir: dir.to_owned(), pid: pid.trim().to_owned() });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(file)
}

/// Bytes of a page. An opening's event takes 2.5 KB: a page of 4096 holds one, this one three. 16384 gained nothing more,
/// and a lone append then writes 165 KB rather than 90 (measured 2026-11-23).
const PAGE_BYTES: u32 = 8192;

/// The one connection that writes. Makes the tables of a new log.
pub(super) fn open_writer(dir: &Path) -> Result<Connection, OpenError> {
    let failed = |source| OpenError::Database { dir: dir.to_owned(), source };
    // SQLite gives the files beside it the same rights.
    make_file(&dir.join("log.db")).map_err(|source| OpenError::Folder { dir: dir.to_owned(), source })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(dir.join("log.db"), flags).map_err(failed)?;
    // The size holds for a new file only, and must be said before the journal mode.
    let settings = format!(
        "PRAGMA page_size={PAGE_BYTES}; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-4096;"
    );
    connection.execute_batch(&settings).and_then(|()| prepare(&connection)).map_err(failed)?;
    match version(&connection).map_err(failed)? {
        0 => {
            let script = format!("BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;");
            connection.execute_batch(&script).map_err(failed)?;
        }
        SCHEMA => {}
        found => return Err(OpenError::TooNew { dir: dir.to_owned(), found }),
    }
    Ok(connection)
}

/// A connection that only reads, beside a writer in this or another process.
pub(super) fn open_reader(dir: &Path) -> Result<Connection, OpenError> {
    let failed = |source| OpenError::Database { dir: dir.to_owned(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(dir.join("log.db"), flags).map_err(failed)?;
    connection.execute_batch("PRAGMA cache_size=-1024;").and_then(|()| prepare(&connection)).map_err(failed)?;
    match version(&connection).map_err(failed)? {
        SCHEMA => Ok(connection),
        found => Err(OpenError::TooNew { dir: dir.to_owned(), found }),
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(32);
    // Else a value bound to a statement that a partial index might serve has it prepared anew, at each use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.busy_timeout(Duration::from_secs(5))
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
