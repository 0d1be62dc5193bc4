//! Folds every event of a log again, from nothing, and says how long it took: the figure of docs/performance.md.
//!
//! `cargo run --release -p tests --bin replay -- DATA`
//!
//! It reads beside whoever writes, and changes nothing.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "it measures time and prints it")]

use anyhow::{Context, Result};
use catops::flow::names;
use incident::{Event, Incident, IncidentId, Recorded};
use log::{Cursor, EventLog, Page, SqliteLog};
use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

/// Events of one read.
const EVENTS_PER_READ: usize = 2000;

#[tokio::main]
async fn main() -> Result<()> {
    let data = std::env::args().nth(1).context("the data folder")?;
    let began = Instant::now();
    let log = SqliteLog::open_read_only(Path::new(&data))?;
    let opened = began.elapsed();
    let mut incidents: HashMap<IncidentId, Incident> = HashMap::new();
    let mut events = 0;
    let mut page = log.feed(&Cursor::start(), EVENTS_PER_READ).await?;
    while !page.events.is_empty() {
        // The next piece is read while this one is folded.
        let next = log.feed(&page.next, EVENTS_PER_READ);
        let folding = async { fold(&mut incidents, &page) };
        let (next, folded) = futures::future::join(next, folding).await;
        folded?;
        events += page.events.len();
        page = next?;
    }
    let took = began.elapsed();
    println!(
        "opened in {opened:.1?}; {events} events of {} incidents folded in {took:.2?}: {:.0} a second",
        incidents.len(),
        events as f64 / took.as_secs_f64()
    );
    Ok(())
}

fn fold(incidents: &mut HashMap<IncidentId, Incident>, page: &Page) -> Result<()> {
    for event in &page.events {
        let Some(id) = names::incident_of(&event.stream) else { continue };
        let body: Event = serde_json::from_slice(&event.body)?;
        let recorded = Recorded { seq: event.version, at: event.at, event: body };
        if let Some(incident) = incidents.get_mut(&id) {
            incident.apply(&recorded);
        } else {
            incidents.insert(id, Incident::open(id, &recorded).context("an incident begins with an opening")?);
        }
    }
    Ok(())
}
