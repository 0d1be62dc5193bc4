//! Whether anybody changed the past: every stream is walked along its chain, what was replaced is compared with what the
//! log says about it, the state beside each incident with what its events lead to, and the ends of streams with what the
//! anchors signed. Reads only.

use crate::anchor::{self, Signed};
use crate::flow::names;
use incident::{Event, FOLD, Incident, Recorded};
use log::{Cursor, EventLog, Proof, ReadError, StreamId, Tail, Walk};
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
    /// Anchors that were compared.
    pub anchors: u64,
    /// The key that signed them.
    pub key: Option<String>,
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
                report.fault(&tail.stream, format!("cannot be read: {:#}", anyhow::Error::new(error)));
            }
            report.streams += 1;
            progress(&report);
        }
        after = page.next;
    }
}

impl Report {
    fn fault(&mut self, stream: &StreamId, what: impl Into<String>) {
        self.faults.push(Fault { stream: stream.to_string(), what: what.into() });
    }
}

async fn stream(log: &dyn EventLog, tail: &Tail, report: &mut Report) -> Result<(), ReadError> {
    let (mut walk, mut known) = (Walk::default(), Known::default());
    let mut end = tail.version;
    loop {
        let from = known.read + 1;
        let page = log.proofs(&tail.stream, from, PAGE).await?;
        let Some(last) = page.last().map(|proof| proof.event.version) else { break };
        for proof in &page {
            // What was written since the end was read is the next look's.
            if proof.event.version <= tail.version {
                walk.add(proof);
            }
            end = end.max(proof.event.version);
            known.add(proof);
        }
        report.events += page.len() as u64;
        known.read = known.read.max(last);
    }
    let findings = walk.end(tail);
    if end > tail.version && log.load(&tail.stream).await?.is_none_or(|now| now.version < end) {
        report.fault(&tail.stream, log::Fault::Tail { version: tail.version, found: end }.to_string());
    }
    for fault in &findings.faults {
        report.fault(&tail.stream, fault.to_string());
    }
    for (version, digest) in findings.replaced {
        if known.redacted.contains(&(version, digest.to_string())) {
            report.redacted += 1;
        } else {
            report.fault(&tail.stream, format!("event {version} was replaced, and no later event says so"));
        }
    }
    if findings.faults.is_empty() && !known.leads_to(log, tail).await? {
        report.fault(&tail.stream, "the state beside the stream is not what its events lead to");
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
        let mut folded = Incident::fold(id, &self.events);
        // A snapshot does without them.
        folded.iter_mut().for_each(|incident| incident.runners_up.clear());
        Ok(kept == folded)
    }
}

/// Compares the log with the anchors that it holds and with a copy of them. `key` is the public key that must have signed
/// them; without it, the one that signed the first.
///
/// # Errors
/// The log cannot be read.
pub async fn anchored(
    log: &dyn EventLog,
    copy: &[Signed],
    key: Option<&str>,
    report: &mut Report,
) -> Result<(), ReadError> {
    let stream = names::anchors();
    let own = match anchor::of_log(log, 0).await {
        Ok(own) => own,
        Err(error) => {
            report.fault(&stream, format!("{error:#}"));
            Vec::new()
        }
    };
    report.key = key.map(str::to_owned).or_else(|| own.iter().chain(copy).next().map(|first| first.key.clone()));
    for (at, copied) in copy.iter().enumerate() {
        if own.get(at) != Some(copied) {
            report.fault(&stream, format!("anchor {} of the copy is not in the log", copied.anchor.number));
        }
    }
    for list in [&own[..], copy] {
        signed(list, report);
    }
    let mut ends: Vec<(&String, u64, &String, &Signed)> = Vec::new();
    for one in own.iter().chain(copy) {
        ends.extend(one.anchor.ends.iter().map(|(stream, (version, link))| (stream, *version, link, one)));
    }
    ends.sort_by_key(|(stream, version, ..)| (*stream, *version));
    ends.dedup_by_key(|(stream, version, link, _)| (*stream, *version, *link));
    for (stream, version, link, by) in ends {
        let stream = StreamId::new(stream.as_str());
        let found = log.proofs(&stream, version, 1).await?;
        let date = by.anchor.at.format("%Y-%m-%d");
        match found.first().filter(|proof| proof.event.version == version) {
            None => report.fault(&stream, format!("event {version}, which was anchored on {date}, is missing")),
            Some(proof) if proof.link.to_string() != *link => {
                report.fault(&stream, format!("event {version} is not the one that was anchored on {date}"));
            }
            Some(_) => {}
        }
    }
    report.anchors = own.len().max(copy.len()) as u64;
    Ok(())
}

/// Each anchor names the one before it and is signed by the one key.
fn signed(list: &[Signed], report: &mut Report) {
    let mut before = String::new();
    for (one, number) in list.iter().zip(1..) {
        if one.anchor.number != number || one.anchor.before != before {
            report
                .fault(&names::anchors(), format!("anchor {} does not follow from the one before", one.anchor.number));
        }
        if report.key.as_ref() != Some(&one.key) || !one.is_authentic() {
            report.fault(&names::anchors(), format!("anchor {} is not signed by the key", one.anchor.number));
        }
        before = one.digest();
    }
}

#[cfg(test)]
mod tests;
