//! Whether anybody changed the past: every stream is walked along its chain, what was replaced is compared with what the
//! log says about it, and the state beside each incident with what its events lead to. Reads only.

use crate::flow::names;
use incident::{Event, FOLD, Incident, Recorded};
use log::{Cursor, EventLog, Proof, ReadError, Tail, Walk};
use serde::Serialize;

/// Streams, and events of one stream, that are read at once.
const PAGE: usize = 500;

/// What was looked at, and what is wrong.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Streams that were walked.
    pub streams: u64,
    /// Events that were checked.
    pub events: u64,
    /// Events whose text was taken out, as an event says.
    pub redacted: u64,
    /// What is wrong, stream by stream.
    pub faults: Vec<Fault>,
}

/// Something wrong with one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The stream, such as `inc/42`.
    pub stream: String,
    /// What is wrong, with the event's version.
    pub what: String,
}

/// Checks the whole log; `progress` hears of each stream.
///
/// # Errors
/// The list of streams cannot be read. A stream that cannot be read is a fault.
pub async fn verify(log: &dyn EventLog, mut progress: impl FnMut(&Report)) -> Result<Report, ReadError> {
    let mut report = Report::default();
    let mut after = Cursor::start();
    loop {
        let page = log.tails(&after, PAGE).await?;
        if page.tails.is_empty() {
            return Ok(report);
        }
        for tail in &page.tails {
            if let Err(error) = stream(log, tail, &mut report).await {
                report.fault(tail, format!("cannot be read: {:#}", anyhow::Error::new(error)));
            }
            report.streams += 1;
            progress(&report);
        }
        after = page.next;
    }
}

impl Report {
    fn fault(&mut self, tail: &Tail, what: impl Into<String>) {
        self.faults.push(Fault { stream: tail.stream.to_string(), what: what.into() });
    }
}

async fn stream(log: &dyn EventLog, tail: &Tail, report: &mut Report) -> Result<(), ReadError> {
    let (mut walk, mut known) = (Walk::default(), Known::default());
    loop {
        let from = known.read + 1;
        let page = log.proofs(&tail.stream, from, PAGE).await?;
        let Some(last) = page.last().map(|proof| proof.event.version) else { break };
        for proof in &page {
            walk.add(proof);
            known.add(proof);
        }
        report.events += page.len() as u64;
        known.read = known.read.max(last);
    }
    let findings = walk.end(tail);
    for fault in &findings.faults {
        report.fault(tail, fault.to_string());
    }
    for (version, digest) in findings.replaced {
        if known.redacted.contains(&(version, digest.to_string())) {
            report.redacted += 1;
        } else {
            report.fault(tail, format!("event {version} was replaced, and no later event says so"));
        }
    }
    if findings.faults.is_empty() && !known.leads_to(log, tail).await? {
        report.fault(tail, "the state beside the stream is not what its events lead to");
    }
    Ok(())
}

/// What the events of one stream say.
#[derive(Default)]
struct Known {
    read: u64,
    /// Versions and digests that a redaction named.
    redacted: Vec<(u64, String)>,
    /// The incident's events; none when the stream is no incident's or one of them cannot be read.
    events: Vec<Recorded>,
}

impl Known {
    fn add(&mut self, proof: &Proof) {
        let Ok(event) = serde_json::from_slice::<Event>(&proof.event.body) else { return };
        if let Event::Redacted { replaced, .. } = &event {
            self.redacted.extend(replaced.iter().map(|replaced| (replaced.seq, replaced.sha256.clone())));
        }
        self.events.push(Recorded { seq: proof.event.version, at: proof.event.at, event });
    }

    /// True also where there is nothing to compare: another kind of stream, an older fold, an opening alone.
    async fn leads_to(&self, log: &dyn EventLog, tail: &Tail) -> Result<bool, ReadError> {
        let Some(id) = names::incident_of(&tail.stream) else { return Ok(true) };
        let Some(stream) = log.load(&tail.stream).await? else { return Ok(true) };
        // Somebody wrote meanwhile.
        if stream.version != tail.version || stream.head.fold != FOLD || stream.head.snapshot.is_empty() {
            return Ok(true);
        }
        let kept = serde_json::from_slice::<Incident>(&stream.head.snapshot).ok();
        Ok(kept == Incident::fold(id, &self.events))
    }
}
