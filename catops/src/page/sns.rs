//! Text messages and topics of SNS. In a build without the feature `aws` stands `no_aws.rs` in its place.

use crate::aws;
use aws_config::Region;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sns::Client;
use aws_sdk_sns::config::Config;
use aws_sdk_sns::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_sns::types::MessageAttributeValue;
use ring::digest;
use std::fmt::Write;
use std::time::Duration;
use tokio::sync::OnceCell;

/// Whether this build can publish to SNS.
pub(super) const IS_BUILT: bool = true;

/// Never said in this build.
pub(super) const NOT_BUILT: &str = "";

/// How long one page may take, credentials included: shorter than an effect's lease of 15 s.
const PUBLISH_MAX: Duration = Duration::from_secs(10);

/// Of what SNS or the SDK says, in characters: it stands in the timeline.
const TOLD_CHARS_MAX: usize = 400;

/// SNS, whose client is made when the first page needs it.
#[derive(Default)]
pub struct Sns {
    client: OnceCell<Client>,
}

/// A page for a topic.
pub(super) struct Letter<'l> {
    /// For e-mail: ASCII, at most 100 characters.
    pub(super) subject: String,
    /// The page.
    pub(super) message: String,
    /// By which a subscriber knows a repeat.
    pub(super) effect_id: &'l str,
    /// What a FIFO topic keeps in order: the incident.
    pub(super) group: String,
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
        request.send().await.map(drop).map_err(|error| told(&error).replace(phone, "the number"))
    }

    /// Publishes to a topic, in the region that its ARN names.
    pub(super) async fn publish(&self, topic: &str, letter: Letter<'_>) -> Result<(), String> {
        let client = self.client().await;
        let effect_id = attribute(letter.effect_id).map_err(|error| error.to_string())?;
        let mut request = client
            .publish()
            .topic_arn(topic)
            .subject(letter.subject)
            .message(letter.message)
            .message_attributes("effect_id", effect_id);
        if topic.ends_with(".fifo") {
            request = request.message_group_id(letter.group).message_deduplication_id(hash(letter.effect_id));
        }
        let region = topic.split(':').nth(3).map(|region| Region::new(region.to_owned()));
        let sent = request.customize().config_override(Config::builder().region(region)).send().await;
        sent.map(drop).map_err(|error| told(&error))
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

/// What SNS says, else what kept it from being asked and what to do about it.
fn told<E, R>(error: &SdkError<E, R>) -> String
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug,
{
    let said = error.as_service_error().and_then(|said| Some((said.code()?, said.message().unwrap_or_default())));
    let text = match (said, error) {
        (Some((code, message)), _) => format!("SNS answered {code}: {message}"),
        (None, SdkError::TimeoutError(_)) => format!("SNS did not answer within {} s", PUBLISH_MAX.as_secs()),
        (None, SdkError::ConstructionFailure(_) | SdkError::DispatchFailure(_)) => {
            format!("SNS cannot be asked; look at AWS_REGION, the credentials and the network: {}", aws::causes(error))
        }
        (None, _) => format!("SNS answered something else: {}", aws::causes(error)),
    };
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    one_line.chars().take(TOLD_CHARS_MAX).collect()
}
