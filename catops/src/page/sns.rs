//! Text messages and topics of SNS. In a build without the feature `aws` stands `no_aws.rs` in its place.

use crate::{aws, aws_failure};
use aws_config::Region;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sns::Client;
use aws_sdk_sns::config::Config;
use aws_sdk_sns::error::BuildError;
use aws_sdk_sns::types::MessageAttributeValue;
use ring::digest;
use std::fmt::Write;
use std::time::Duration;
use tokio::sync::OnceCell;

/// Whether this build can publish to SNS.
pub(super) const IS_BUILT: bool = true;

/// Never said in this build.
pub(crate) const NOT_BUILT: &str = "";

/// How long one page may take, credentials included: shorter than an effect's lease of 15 s.
const PUBLISH_MAX: Duration = Duration::from_secs(10);

/// SNS, whose client is made when the first page needs it.
#[derive(Default)]
pub struct Sns {
    client: OnceCell<Client>,
}

/// A message for a topic.
pub(crate) struct Letter<'l> {
    /// For e-mail: ASCII, at most 100 characters.
    pub(crate) subject: String,
    /// What people read.
    pub(crate) message: String,
    /// By which a subscriber knows a repeat.
    pub(crate) effect_id: &'l str,
    /// What a FIFO topic keeps in order: the incident.
    pub(crate) group: String,
    /// What subscriptions filter by. None may be empty.
    pub(crate) attributes: Vec<(&'static str, String)>,
}

impl Sns {
    /// Sends a text message.
    pub(super) async fn text(&self, phone: &str, message: &str) -> Result<(), String> {
        let client = self.client().await;
        let transactional = attribute("Transactional").map_err(|error| error.to_string())?;
        let request = client
            .publish()
            .phone_number(phone)
            .message(message)
            .message_attributes("AWS.SNS.SMS.SMSType", transactional);
        // SNS repeats the number in what it answers, and nobody's number belongs into the log.
        request
            .send()
            .await
            .map(drop)
            .map_err(|error| aws_failure::told("SNS", PUBLISH_MAX, &error).replace(phone, "the number"))
    }

    /// Publishes to a topic, in the region that its ARN names.
    pub(crate) async fn publish(&self, topic: &str, letter: Letter<'_>) -> Result<(), String> {
        let client = self.client().await;
        let mut request = client.publish().topic_arn(topic).subject(letter.subject).message(letter.message);
        let named = [("effect_id", letter.effect_id.to_owned())].into_iter().chain(letter.attributes);
        for (name, value) in named {
            request = request.message_attributes(name, attribute(&value).map_err(|error| error.to_string())?);
        }
        if topic.ends_with(".fifo") {
            request = request.message_group_id(letter.group).message_deduplication_id(hash(letter.effect_id));
        }
        let region = topic.split(':').nth(3).map(|region| Region::new(region.to_owned()));
        let sent = request.customize().config_override(Config::builder().region(region)).send().await;
        sent.map(drop).map_err(|error| aws_failure::told("SNS", PUBLISH_MAX, &error))
    }

    async fn client(&self) -> &Client {
        self.client.get_or_init(client).await
    }
}

async fn client() -> Client {
    let timeouts = TimeoutConfig::builder().operation_timeout(PUBLISH_MAX).build();
    let config = Config::from(aws::config().await).to_builder().timeout_config(timeouts).interceptor(aws::Calls);
    Client::from_conf(config.build())
}

fn attribute(value: &str) -> Result<MessageAttributeValue, BuildError> {
    MessageAttributeValue::builder().data_type("String").string_value(value).build()
}

/// A deduplication id may hold 128 characters, of ASCII only; an effect's id holds a person's.
fn hash(effect_id: &str) -> String {
    digest::digest(&digest::SHA256, effect_id.as_bytes()).as_ref().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string can always be written to");
        hex
    })
}
