//! The one thread that writes. It takes what waits in the queue, and what arrives while it works, into one transaction,
//! so that sixty-four waiting appends cost one wait for the disk, and answers after the commit.

use std::{
    collections::HashMap,
    fs::File,
    sync::Arc,
    thread::{self, JoinHandle},
};

use rusqlite::{Connection, ErrorCode, params};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::{AppendError, chain::Salts};

/// Writes that share one commit, at most. 512 openings are about 20 ms of the thread's time (a profile of 2026-11-23
/// gives it 70 % of 53 us each), and that is the longest the first one waits for the last.
const BATCH_MAX: usize = 512;
/// Writes that may wait; further callers wait for room in the queue.
const QUEUE_MAX: usize = 1024;

/// An open transaction.
pub(super) struct Tx<'c> {
    pub(super) db: &'c Connection,
    pub(super) mint: &'c mut Mint,
    /// What kept a decision from reading.
    pub(super) unread: Option<rusqlite::Error>,
    /// Whether it erased something.
    pub(super) erased: bool,
    /// Whether it left an effect that waits for its time.
    pub(super) wake: bool,
}

/// Why a piece of work ended without its result.
pub(super) enum Stop {
    /// It may not be written, and has written nothing.
    Refused(AppendError),
    /// The store failed; it may have written some of it, so the transaction must not be committed.
    Broken(rusqlite::Error),
}

impl From<AppendError> for Stop {
    fn from(error: AppendError) -> Self {
        Self::Refused(error)
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Broken(error)
    }
}

/// A handle of the thread. Dropping it lets the thread finish what is queued, and waits for that.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Work>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// `lock` is held until the thread has closed its connection.
    pub(super) fn start(db: Connection, lock: File, mut mint: Mint, wake: Arc<Notify>) -> std::io::Result<Self> {
        let (queue, mut waiting) = mpsc::channel::<Box<dyn Work>>(QUEUE_MAX);
        let thread = thread::Builder::new().name("log-writer".to_owned()).spawn(move || {
            let mut batch = Vec::new();
            while let Some(first) = waiting.blocking_recv() {
                batch.push(first);
                write(&db, &mut mint, &wake, &mut batch, || waiting.try_recv().ok());
            }
            drop(db);
            drop(lock);
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Runs `work` in the thread and returns its result once it is durable. `work` runs again when another one of its
    /// batch broke the transaction. It is carried out even if the caller stops waiting.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, AppendError>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, Stop> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let task = Task { work, outcome: None, reply };
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        queue.send(Box::new(task)).await.map_err(|_| closed())?;
        answer.await.map_err(|source| AppendError::Unknown(Arc::new(source)))?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the event log's writer had panicked");
        }
    }
}

fn closed() -> AppendError {
    AppendError::Unavailable(Arc::new(std::io::Error::other("the event log's writer has ended")))
}

/// A piece of work whose result type is forgotten.
trait Work: Send {
    /// An error means that the transaction is broken; a refusal is a result.
    fn run(&mut self, tx: &mut Tx<'_>) -> rusqlite::Result<()>;
    /// Tells the caller: what came of it, unless the commit failed.
    fn answer(self: Box<Self>, commit: Result<(), AppendError>);
}

struct Task<T, F> {
    work: F,
    outcome: Option<Result<T, AppendError>>,
    reply: oneshot::Sender<Result<T, AppendError>>,
}

impl<T, F> Work for Task<T, F>
where
    T: Send,
    F: FnMut(&mut Tx<'_>) -> Result<T, Stop> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> rusqlite::Result<()> {
        self.outcome = Some(match (self.work)(tx) {
            Ok(result) => Ok(result),
            Err(Stop::Refused(error)) => Err(error),
            Err(Stop::Broken(error)) => return Err(error),
        });
        Ok(())
    }

    fn answer(self: Box<Self>, commit: Result<(), AppendError>) {
        let Self { outcome, reply, .. } = *self;
        let answer = commit.and_then(|()| outcome.unwrap_or_else(|| Err(closed())));
        // The caller may have gone away: its write is in the log all the same.
        drop(reply.send(answer));
    }
}

/// One transaction for all; when one of them breaks it, one for each, so that nobody suffers for another.
/// What arrives while the others are carried out, `more`, still joins them.
fn write(
    db: &Connection,
    mint: &mut Mint,
    wake: &Notify,
    batch: &mut Vec<Box<dyn Work>>,
    more: impl FnMut() -> Option<Box<dyn Work>>,
) {
    match commit(db, mint, wake, batch, more) {
        Err(Failure::Broken(_)) if batch.len() > 1 => {
            for work in batch.drain(..) {
                let mut alone = vec![work];
                let result = commit(db, mint, wake, &mut alone, || None).map_err(Failure::into_error);
                answer(alone, &result);
            }
        }
        result => answer(batch.drain(..), &result.map_err(Failure::into_error)),
    }
}

fn answer(batch: impl IntoIterator<Item = Box<dyn Work>>, result: &Result<(), AppendError>) {
    if let Err(error) = result {
        tracing::error!(error = error as &dyn std::error::Error, "the event log could not be written");
    }
    for work in batch {
        work.answer(result.clone());
    }
}

enum Failure {
    /// Before the commit: nothing was written.
    Broken(rusqlite::Error),
    /// In the commit.
    Commit(rusqlite::Error),
}

impl Failure {
    fn into_error(self) -> AppendError {
        match self {
            Self::Broken(error) => AppendError::Unavailable(Arc::new(error)),
            Self::Commit(error) => match error.sqlite_error_code() {
                // These are found before the commit's last page is written.
                Some(ErrorCode::DiskFull | ErrorCode::ReadOnly | ErrorCode::DatabaseBusy) => {
                    AppendError::Unavailable(Arc::new(error))
                }
                _ => AppendError::Unknown(Arc::new(error)),
            },
        }
    }
}

fn commit(
    db: &Connection,
    mint: &mut Mint,
    wake: &Notify,
    batch: &mut Vec<Box<dyn Work>>,
    more: impl FnMut() -> Option<Box<dyn Work>>,
) -> Result<(), Failure> {
    let result = try_commit(db, mint, batch, more);
    match &result {
        Ok(left) => {
            if left.wake {
                wake.notify_one();
            }
            if left.erased {
                write_anew(db);
            }
        }
        Err(_) => {
            mint.numbers.unsaved = true;
            if !db.is_autocommit()
                && let Err(error) = db.execute_batch("ROLLBACK")
            {
                tracing::error!(error = &error as &dyn std::error::Error, "a broken transaction could not be undone");
            }
        }
    }
    result.map(|_| ())
}

fn try_commit(
    db: &Connection,
    mint: &mut Mint,
    batch: &mut Vec<Box<dyn Work>>,
    mut more: impl FnMut() -> Option<Box<dyn Work>>,
) -> Result<Left, Failure> {
    let statement = |sql| db.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
    statement("BEGIN IMMEDIATE").map_err(Failure::Broken)?;
    let mut tx = Tx { db, mint, unread: None, erased: false, wake: false };
    for place in 0..BATCH_MAX {
        if place == batch.len() {
            let Some(work) = more() else { break };
            batch.push(work);
        }
        batch[place].run(&mut tx).map_err(Failure::Broken)?;
    }
    let left = Left { wake: tx.wake, erased: tx.erased };
    mint.numbers.save(db).map_err(Failure::Broken)?;
    #[cfg(feature = "fail_points")]
    crate::fail_point::die_at("before-append");
    statement("COMMIT").map_err(Failure::Commit)?;
    #[cfg(feature = "fail_points")]
    if crate::fail_point::strikes("append-unknown") {
        return Err(Failure::Commit(rusqlite::Error::InvalidQuery));
    }
    Ok(left)
}

/// What a transaction leaves to be done after its commit.
struct Left {
    wake: bool,
    erased: bool,
}

/// What was erased lies where it was moved from, too: in the unused part of pages, in pages that are free, in the WAL.
/// So the file is written anew from what is in use, and the WAL is cut off. The folder has one writer, and it erases for
/// somebody who waits for it.
fn write_anew(db: &Connection) {
    let written = db
        .execute_batch("VACUUM")
        .and_then(|()| db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0)));
    match written {
        Ok(false) => {}
        Ok(true) => tracing::warn!("somebody reads: what was erased leaves log.db-wal at a later checkpoint"),
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "log.db could not be written anew and may still hold what was erased: back it up and restore it, which does"
        ),
    }
}

/// What is made up for new events.
pub(super) struct Mint {
    pub(super) numbers: Numbers,
    pub(super) salts: Salts,
}

/// Numbers that were handed out. The append that uses one is in the same transaction as its series; what a broken
/// transaction used is not given again.
#[derive(Default)]
pub(super) struct Numbers {
    last: HashMap<String, u64>,
    unsaved: bool,
}

impl Numbers {
    pub(super) fn load(db: &Connection) -> rusqlite::Result<Self> {
        let mut statement = db.prepare("SELECT series, last FROM counters")?;
        let last = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        Ok(Self { last, unsaved: false })
    }

    pub(super) fn next(&mut self, series: &str) -> u64 {
        self.unsaved = true;
        if let Some(last) = self.last.get_mut(series) {
            *last += 1;
            return *last;
        }
        self.last.insert(series.to_owned(), 1);
        1
    }

    /// Begins a series after this number; false when it has begun.
    pub(super) fn begin(&mut self, series: &str, last: u64) -> bool {
        self.unsaved = true;
        self.last.insert(series.to_owned(), last).is_none()
    }

    fn save(&mut self, db: &Connection) -> rusqlite::Result<()> {
        if !self.unsaved {
            return Ok(());
        }
        let mut statement = db.prepare_cached(
            "INSERT INTO counters VALUES (?1, ?2) ON CONFLICT DO UPDATE SET last = excluded.last WHERE last < excluded.last",
        )?;
        for (series, last) in &self.last {
            statement.execute(params![series, last])?;
        }
        self.unsaved = false;
        Ok(())
    }
}
