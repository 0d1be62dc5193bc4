//! Folds every event of a log again, from nothing, and says how long it took: the figure of docs/performance.md.
//!
//! `cargo run --release -p tests --bin replay -- DATA`
//!
//! Each processor folds its share of the incidents. It reads beside whoever writes, and changes nothing.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "it measures time and prints it")]

use anyhow::{Context, Result, anyhow};
use catops::flow::names;
use incident::{Event, Incident, IncidentId, Recorded};
use log::{Cursor, EventLog, Page, SqliteLog};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

/// Events of one read.
const EVENTS_PER_READ: usize = 2000;

/// Pieces that a folder may be behind with, so that memory stays small.
const PIECES_WAITING: usize = 4;

fn main() -> Result<()> {
    let data = std::env::args().nth(1).context("the data folder")?;
    let began = Instant::now();
    let log = SqliteLog::open_read_only(Path::new(&data))?;
    let opened = began.elapsed();
    let folders = std::thread::available_parallelism()?.get() as u64;
    let (events, incidents) = std::thread::scope(|scope| {
        let (mut inboxes, mut results) = (Vec::new(), Vec::new());
        for place in 0..folders {
            let (inbox, pieces) = sync_channel::<Arc<Page>>(PIECES_WAITING);
            inboxes.push(inbox);
            results.push(scope.spawn(move || fold_share(&pieces, place, folders)));
        }
        let events = read(&log, &inboxes)?;
        drop(inboxes);
        let mut incidents = 0;
        for result in results {
            incidents += result.join().map_err(|_| anyhow!("a folder panicked"))??;
        }
        Ok::<_, anyhow::Error>((events, incidents))
    })?;
    let took = began.elapsed();
    println!(
        "opened in {opened:.1?}; {events} events of {incidents} incidents folded in {took:.2?}: {:.0} a second",
        events as f64 / took.as_secs_f64()
    );
    Ok(())
}

/// Reads the log once and gives each piece to everybody; returns how many events there were.
#[tokio::main(flavor = "current_thread")]
async fn read(log: &SqliteLog, inboxes: &[SyncSender<Arc<Page>>]) -> Result<usize> {
    let (mut cursor, mut events) = (Cursor::start(), 0);
    loop {
        let page = Arc::new(log.feed(&cursor, EVENTS_PER_READ).await?);
        if page.events.is_empty() {
            return Ok(events);
        }
        events += page.events.len();
        for inbox in inboxes {
            // Whoever failed says why himself.
            let _gone = inbox.send(Arc::clone(&page));
        }
        cursor.clone_from(&page.next);
    }
}

/// Folds one of several equal shares of the incidents; returns how many there were.
fn fold_share(pieces: &Receiver<Arc<Page>>, place: u64, folders: u64) -> Result<usize> {
    let mut incidents: HashMap<IncidentId, Incident> = HashMap::new();
    for page in pieces {
        for event in &page.events {
            let Some(id) = names::incident_of(&event.stream).filter(|id| id.0 % folders == place) else { continue };
            let body: Event = serde_json::from_slice(&event.body)?;
            let recorded = Recorded { seq: event.version, at: event.at, event: body };
            if let Some(incident) = incidents.get_mut(&id) {
                incident.apply(&recorded);
            } else {
                incidents.insert(id, Incident::open(id, &recorded).context("an incident begins with an opening")?);
            }
        }
    }
    Ok(incidents.len())
}
