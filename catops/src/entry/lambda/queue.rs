//! What a queue hands to a function, and what it takes back.

use serde::{Deserialize, Serialize};

/// A batch.
#[derive(Deserialize)]
pub(super) struct Records {
    #[serde(rename = "Records")]
    pub(super) records: Vec<Record>,
}

/// One message.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) message_id: String,
    pub(super) body: String,
}

impl Record {
    /// The format of its body: an envelope of SNS has a topic, everything else is an event of a bus.
    pub(super) fn kind(&self) -> &'static str {
        #[derive(Deserialize)]
        struct Envelope {
            #[serde(rename = "TopicArn")]
            topic: Option<String>,
        }
        let envelope = serde_json::from_str::<Envelope>(&self.body).ok();
        if envelope.is_some_and(|envelope| envelope.topic.is_some()) { "sns" } else { "eventbridge" }
    }
}

/// The messages that must come again.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failures {
    batch_item_failures: Vec<Failure>,
}

#[derive(PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

impl Failures {
    pub(super) fn add(&mut self, record: &Record) {
        let failure = Failure { item_identifier: record.message_id.clone() };
        if !self.batch_item_failures.contains(&failure) {
            self.batch_item_failures.push(failure);
        }
    }
}
