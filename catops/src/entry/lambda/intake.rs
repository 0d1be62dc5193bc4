//! Alarms that AWS itself delivers: batches of a queue, messages of a topic, single events. Nobody else can send these (the
//! queue and the function take them from our own rule and topic only), so no secret is asked for.
//!
//! A batch is answered one by one: what could not be written comes again, and what cannot be read goes, after some tries,
//! to the dead-letter queue, and is kept in the log at once.

use super::queue::{Failures, Record, Records};
use crate::app::App;
use crate::entry::hooks::append_dead_letter;
use crate::flow::receive::receive_batch;
use crate::{clock, flow::change::ChangeError};
use anyhow::{Context, Result, bail};
use incident::Alarm;
use ingest::{Decoded, Headers, Kind, Malformed, Peer, Request};
use log::{IdemKey, Raw};
use serde_json::Value;
use std::sync::Arc;

/// Takes one event in, whatever it is.
pub(super) async fn handle(app: &Arc<App>, event: Value) -> Result<Value> {
    match event.pointer("/Records/0") {
        Some(record) if record.get("eventSource").is_some_and(|source| source == "aws:sqs") => batch(app, event).await,
        Some(record) if record.get("EventSource").is_some_and(|source| source == "aws:sns") => {
            one(app, "sns", &serde_json::to_vec(&event)?).await
        }
        None if event.get("detail-type").is_some() => one(app, "eventbridge", &serde_json::to_vec(&event)?).await,
        _ => bail!("an event of a kind that intake does not know"),
    }
}

/// A delivery that fails as a whole: who sent it sends it again.
async fn one(app: &Arc<App>, kind: &str, body: &[u8]) -> Result<Value> {
    let alarms = match decode(kind, body) {
        Ok(alarms) => alarms,
        Err(malformed) => {
            keep(app, kind, &malformed, body, &log::Digest::of(body).to_string()).await?;
            bail!("{malformed}");
        }
    };
    let mut raw = Some(Raw::new(body));
    let alarms = alarms.into_iter().map(|alarm| (alarm, raw.take())).collect();
    for received in receive_batch(app, alarms).await {
        received?;
    }
    Ok(Value::Null)
}

/// A batch of a queue: its messages are events of a bus, or messages of a topic.
async fn batch(app: &Arc<App>, event: Value) -> Result<Value> {
    let records: Records = serde_json::from_value(event).context("reading a batch")?;
    let mut failures = Failures::default();
    // Which record each alarm came with.
    let (mut places, mut alarms): (Vec<usize>, Vec<(Alarm, Option<Raw>)>) = (Vec::new(), Vec::new());
    for (place, record) in records.records.iter().enumerate() {
        match decode(record.kind(), record.body.as_bytes()) {
            Ok(found) => {
                let mut raw = Some(Raw::new(record.body.as_bytes()));
                places.extend(found.iter().map(|_| place));
                alarms.extend(found.into_iter().map(|alarm| (alarm, raw.take())));
            }
            Err(malformed) => {
                reject(app, record, &malformed).await;
                failures.add(record);
            }
        }
    }
    for (place, received) in places.into_iter().zip(receive_batch(app, alarms).await) {
        if let Err(error) = received {
            failed(&error);
            failures.add(&records.records[place]);
        }
    }
    Ok(serde_json::to_value(failures)?)
}

fn failed(error: &ChangeError) {
    tracing::error!(error = %error, "could not keep a delivery; the queue will bring it again");
}

async fn reject(app: &App, record: &Record, malformed: &Malformed) {
    if let Err(error) = keep(app, record.kind(), malformed, record.body.as_bytes(), &record.message_id).await {
        tracing::error!(error = %format!("{error:#}"), "could not keep a dead letter; the queue will bring it again");
    }
}

async fn keep(app: &App, kind: &str, malformed: &Malformed, body: &[u8], id: &str) -> Result<()> {
    app.metrics.count("deliveries_rejected", &format!("reason=\"malformed\",source=\"{kind}\""));
    tracing::warn!(source = %kind, "a delivery cannot be read: {malformed}");
    let key = IdemKey::new(format!("dead-letter/{id}"));
    append_dead_letter(app, kind, &malformed.to_string(), body, Some(key)).await.context("keeping a dead letter")
}

fn decode(kind: &str, body: &[u8]) -> Result<Vec<Alarm>, Malformed> {
    let parsed: Kind = kind.parse().expect("the kinds of AWS's deliveries are among the sources");
    let request = Request {
        hook: kind,
        path_rest: "",
        query: "",
        headers: Headers(&[]),
        content_type: "application/json",
        body,
        peer: Peer::Remote,
        now: clock::now(),
    };
    match ingest::decode(parsed, &request)? {
        Decoded::Alarms(alarms) => Ok(alarms),
        // Lambda's own subscriptions need no confirmation.
        Decoded::Confirm { .. } => Ok(Vec::new()),
    }
}
