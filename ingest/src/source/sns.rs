//! Messages of Amazon SNS, by HTTPS (signed), by Lambda (`Records`), or delivered raw.
//!
//! Inside: CloudWatch's own message, an EventBridge event, our generic JSON, or any text. Signature:
//! docs.aws.amazon.com/sns, "Verifying the signatures of Amazon SNS messages". Nothing is fetched here: the caller gets
//! the certificate from [`signing_cert_url`] (https, no redirects, kept for a day) and hands it to [`verify`].

use super::cloudwatch::{Arn, Change, Metric, opt};
use super::{Answer, Decoded, Source, eventbridge, generic};
use crate::auth::{Reason, Signatures, SourceConfig, Unauthorised};
use crate::draft::{Draft, fingerprint, first_web_address};
use crate::json::{self, Text};
use crate::malformed::Malformed;
use crate::request::Request;
use crate::time;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{Alarm, AlarmState, Severity};
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters, UnparsedPublicKey,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

pub(crate) const SOURCE: Source = Source { kind: KIND, decode, answer: Answer::accepted, key_field: None };
const KIND: &str = "sns";

/// A signed message older than this is not believed: SNS retries for an hour at most by default.
pub const MESSAGE_AGE_MAX: TimeDelta = TimeDelta::hours(1);
/// SNS's clock may be this far ahead of ours.
const CLOCK_AHEAD_MAX: TimeDelta = TimeDelta::minutes(5);
/// Sent when the body is the message itself, without envelope and so without signature.
const RAW_DELIVERY_HEADER: &str = "x-amz-sns-rawdelivery";
/// Most records of one Lambda call; SNS sends one.
const RECORDS_MAX: usize = 10;

/// One message, as in the body of an HTTPS delivery and in `Records[].Sns`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a> {
    #[serde(borrow)]
    r#type: Text<'a>,
    message_id: Text<'a>,
    topic_arn: Text<'a>,
    subject: Option<Text<'a>>,
    message: Text<'a>,
    timestamp: Text<'a>,
    signature_version: Option<Text<'a>>,
    signature: Option<Text<'a>>,
    // Lambda spells it `SigningCertUrl`.
    #[serde(rename = "SigningCertURL", alias = "SigningCertUrl")]
    signing_cert_url: Option<Text<'a>>,
    #[serde(rename = "SubscribeURL", alias = "SubscribeUrl")]
    subscribe_url: Option<Text<'a>>,
    token: Option<Text<'a>>,
    message_attributes: Option<&'a RawValue>,
    /// A batch, as Lambda gets it. No signature covers it.
    records: Option<IgnoredAny>,
}

/// Of a message's attributes, the one by which CatOps knows its own.
#[derive(Deserialize)]
struct Attributes<'a> {
    #[serde(borrow)]
    sender: Attribute<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute<'a> {
    #[serde(borrow)]
    value: Text<'a>,
}

impl Envelope<'_> {
    /// Whether CatOps published it: as an alarm it would be published again, for ever. No signature covers attributes, but
    /// who writes one says of their own message only that it is no alarm. Attributes of other shapes are others' business.
    fn is_ours(&self) -> bool {
        let attributes = self.message_attributes.and_then(|raw| json::parse_text::<Attributes<'_>>(raw.get()).ok());
        attributes.is_some_and(|attributes| &*attributes.sender.value == "catops")
    }
}

/// The envelope of a signed delivery. A batch beside it would be decoded instead of it, and nobody signed that.
fn signed_envelope(body: &[u8]) -> Result<Envelope<'_>, Unauthorised> {
    let envelope: Envelope<'_> = json::parse(body).map_err(|_| Reason::Unreadable)?;
    if envelope.records.is_none() { Ok(envelope) } else { Err(Reason::Unreadable.into()) }
}

/// A signature proves what is decoded only when the envelope is what is decoded: by this format, and not as raw delivery.
pub(crate) fn is_decoded_as_signed(config: &SourceConfig, request: &Request<'_>) -> Result<(), Unauthorised> {
    let is_raw = request.headers.get(RAW_DELIVERY_HEADER).is_some();
    if config.kind.as_str() == KIND && !is_raw { Ok(()) } else { Err(Reason::Unreadable.into()) }
}

/// The address of the certificate that the message says it was signed with, checked to be one of SNS.
///
/// # Errors
/// [`Reason::Unreadable`] or [`Reason::CertificateAddress`].
pub fn signing_cert_url(body: &[u8]) -> Result<String, Unauthorised> {
    let envelope = signed_envelope(body)?;
    let url = envelope.signing_cert_url.as_deref().ok_or(Reason::Missing)?;
    let path = sns_path(url).ok_or(Reason::CertificateAddress)?;
    let name = path.strip_prefix("SimpleNotificationService-").and_then(|name| name.strip_suffix(".pem"));
    let is_plain = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if name.is_some_and(is_plain) { Ok(url.to_owned()) } else { Err(Reason::CertificateAddress.into()) }
}

/// What follows `https://sns.<region>.amazonaws.com[.cn]/`. No user, port, or other host can pass: the slash must follow
/// the host at once.
fn sns_path(url: &str) -> Option<&str> {
    let (host, path) = url.strip_prefix("https://sns.")?.split_once('/')?;
    let region = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    is_region(region).then_some(path)
}

/// `eu-west-1`, `us-gov-east-1`: words of letters, then a number. Not `s3` or `s3-us-west-2`: there the host is a bucket
/// called `sns`, and its owner would choose the certificate.
fn is_region(text: &str) -> bool {
    let Some((words, number)) = text.rsplit_once('-') else { return false };
    let is_word = |word: &str| word.len() >= 2 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    words.contains('-')
        && words.split('-').all(is_word)
        && matches!(number.len(), 1 | 2)
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Is the topic on the hook's list, and the signature of a kind that the hook takes? Asked before a certificate is fetched,
/// and again by [`verify`].
pub(crate) fn may_be_believed(config: &SourceConfig, body: &[u8]) -> Result<(), Unauthorised> {
    let envelope = signed_envelope(body)?;
    listed(config, &envelope)?;
    algorithm(config, &envelope).map(drop)
}

/// Version 1 signs with SHA-1, version 2 with SHA-256; the topic's owner chooses, and the hook may insist.
fn algorithm(config: &SourceConfig, envelope: &Envelope<'_>) -> Result<&'static RsaParameters, Unauthorised> {
    match (opt(envelope.signature_version.as_ref()), config.signatures) {
        ("1", Signatures::Both) => Ok(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
        ("1", Signatures::Sha256) => Err(Reason::WeakSignature.into()),
        ("2", _) => Ok(&RSA_PKCS1_2048_8192_SHA256),
        _ => Err(Reason::Unreadable.into()),
    }
}

fn listed(config: &SourceConfig, envelope: &Envelope<'_>) -> Result<(), Unauthorised> {
    let is_listed = config.topics.iter().any(|topic| *topic == *envelope.topic_arn);
    if is_listed { Ok(()) } else { Err(Reason::TopicNotAllowed.into()) }
}

/// Checks topic, age and signature of a message against the certificate (PEM) from [`signing_cert_url`].
///
/// # Errors
/// [`Unauthorised`] with a reason that must not be sent back.
pub fn verify(config: &SourceConfig, body: &[u8], pem: &[u8], now: DateTime<Utc>) -> Result<(), Unauthorised> {
    let envelope = signed_envelope(body)?;
    listed(config, &envelope)?;
    let sent_at = time::parse(&envelope.timestamp).ok_or(Reason::Unreadable)?;
    if sent_at < now - MESSAGE_AGE_MAX || sent_at > now + CLOCK_AHEAD_MAX {
        return Err(Reason::OutsideWindow.into());
    }
    let algorithm = algorithm(config, &envelope)?;
    let signature = envelope.signature.as_deref().ok_or(Reason::Missing)?;
    let signature = STANDARD.decode(signature).map_err(|_| Reason::Unreadable)?;
    let signed = signed_text(&envelope).ok_or(Reason::Unreadable)?;
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem).map_err(|_| Reason::Certificate)?;
    let certificate = pem.parse_x509().map_err(|_| Reason::Certificate)?;
    let validity = certificate.validity();
    if now.timestamp() < validity.not_before.timestamp() || now.timestamp() > validity.not_after.timestamp() {
        return Err(Reason::Certificate.into());
    }
    let key = UnparsedPublicKey::new(algorithm, certificate.public_key().subject_public_key.as_ref());
    key.verify(signed.as_bytes(), &signature).map_err(|_| Reason::Wrong.into())
}

/// The fields that are signed, in byte order of their names, each name and value on a line of its own. None when a value
/// that never has a line end has one: then the same signed text could be told in other fields, such as a message with
/// another id, which would be another delivery. Only the message may have several lines; what follows it fixes its end.
fn signed_text(envelope: &Envelope<'_>) -> Option<String> {
    let common = ("TopicArn", &*envelope.topic_arn);
    let fields: Vec<(&str, &str)> = match &*envelope.r#type {
        "Notification" => [("Message", &*envelope.message), ("MessageId", &envelope.message_id)]
            .into_iter()
            .chain(envelope.subject.as_deref().map(|subject| ("Subject", subject)))
            .chain([("Timestamp", &*envelope.timestamp), common, ("Type", &envelope.r#type)])
            .collect(),
        "SubscriptionConfirmation" | "UnsubscribeConfirmation" => vec![
            ("Message", &envelope.message),
            ("MessageId", &envelope.message_id),
            ("SubscribeURL", envelope.subscribe_url.as_deref()?),
            ("Timestamp", &envelope.timestamp),
            ("Token", envelope.token.as_deref()?),
            common,
            ("Type", &envelope.r#type),
        ],
        _ => return None,
    };
    if fields.iter().any(|(name, value)| *name != "Message" && value.contains('\n')) {
        return None;
    }
    Some(fields.into_iter().map(|(name, value)| format!("{name}\n{value}\n")).collect())
}

/// Enough to tell the three bodies apart.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Outer<'a> {
    #[serde(borrow)]
    records: Option<Vec<Record<'a>>>,
    r#type: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record<'a> {
    #[serde(borrow)]
    sns: Envelope<'a>,
}

fn decode(request: &Request<'_>) -> Result<Decoded, Malformed> {
    if let Some(topic) = request.headers.get("x-amz-sns-topic-arn")
        && request.headers.get(RAW_DELIVERY_HEADER) == Some("true")
    {
        let text = std::str::from_utf8(request.body).map_err(|_| Malformed::new("body", "not UTF-8"))?;
        let id = request.headers.get("x-amz-sns-message-id").unwrap_or_default();
        return Ok(message(&Letter { topic, id, subject: "", text, at: None }, request)?.into());
    }
    let outer: Outer<'_> = json::parse(request.body)?;
    let Some(records) = outer.records else {
        if outer.r#type.is_none() {
            return Err(Malformed::missing("Type"));
        }
        return single(json::parse(request.body)?, request);
    };
    if records.is_empty() || records.len() > RECORDS_MAX {
        return Err(Malformed::new("Records", format!("expected 1 to {RECORDS_MAX} records")));
    }
    let alarms: Result<Vec<Alarm>, Malformed> = records
        .iter()
        .enumerate()
        .map(|(place, record)| notification(&record.sns, request).map_err(|e| e.below(&format!("Records[{place}].Sns"))))
        .collect();
    alarms.map(Decoded::Alarms)
}

fn single(envelope: Envelope<'_>, request: &Request<'_>) -> Result<Decoded, Malformed> {
    match &*envelope.r#type {
        "Notification" => Ok(notification(&envelope, request)?.into()),
        "SubscriptionConfirmation" => {
            let url = envelope.subscribe_url.as_deref().ok_or_else(|| Malformed::missing("SubscribeURL"))?;
            if sns_path(url).is_none_or(|path| !path.starts_with('?')) {
                return Err(Malformed::new("SubscribeURL", "not an address of SNS"));
            }
            Ok(Decoded::Confirm { topic_arn: envelope.topic_arn.to_string(), subscribe_url: url.to_owned() })
        }
        "UnsubscribeConfirmation" => {
            let title = format!("SNS will send no more alarms of {}", &*envelope.topic_arn);
            let key = format!("sns:{}:unsubscribed", &*envelope.topic_arn);
            let draft = Draft::new(KIND, key, &title, request)
                .delivery(format!("sns:{}", &*envelope.message_id))
                .state(AlarmState::Info)
                .severity(Severity::Warning)
                .summary(&*envelope.message)
                .resource(&envelope.topic_arn)
                .occurred_at(time::parse(&envelope.timestamp));
            Ok(draft.finish(request).into())
        }
        _ => Err(Malformed::new("Type", "expected Notification, SubscriptionConfirmation or UnsubscribeConfirmation")),
    }
}

/// A message without its envelope.
struct Letter<'a> {
    topic: &'a str,
    id: &'a str,
    subject: &'a str,
    text: &'a str,
    at: Option<DateTime<Utc>>,
}

fn notification(envelope: &Envelope<'_>, request: &Request<'_>) -> Result<Alarm, Malformed> {
    let letter = Letter {
        topic: &envelope.topic_arn,
        id: &envelope.message_id,
        subject: opt(envelope.subject.as_ref()),
        text: &envelope.message,
        at: time::parse(&envelope.timestamp),
    };
    if envelope.is_ours() {
        return Ok(plain(&letter, AlarmState::Info, request));
    }
    message(&letter, request).map_err(|error| error.below("Message"))
}

/// Enough to tell what a JSON message is.
#[derive(Default, Deserialize)]
struct Peek<'a> {
    #[serde(rename = "AlarmName", borrow)]
    alarm_name: Option<json::Scalar<'a>>,
    #[serde(rename = "NewStateValue")]
    new_state: Option<json::Scalar<'a>>,
    #[serde(rename = "detail-type")]
    detail_type: Option<json::Scalar<'a>>,
    title: Option<json::Scalar<'a>>,
}

fn message(letter: &Letter<'_>, request: &Request<'_>) -> Result<Alarm, Malformed> {
    let is_object = letter.text.trim_start().starts_with('{');
    let peek: Peek<'_> = if is_object { json::parse_text(letter.text).unwrap_or_default() } else { Peek::default() };
    if peek.alarm_name.is_some() && peek.new_state.is_some() {
        let message: CloudWatch<'_> = json::parse_text(letter.text)?;
        return message.change(letter.topic)?.alarm(KIND, ["NewStateValue", "StateChangeTime"], request);
    }
    if peek.detail_type.is_some() {
        return eventbridge::decode_text(letter.text, KIND, request);
    }
    let ours = peek.title.and_then(|_| generic::decode_text(letter.text, KIND, letter.id, request));
    Ok(ours.unwrap_or_else(|| plain(letter, AlarmState::Firing, request)))
}

/// Any other message. Somebody pointed this topic at us, so it fires; subject or first line name the trouble.
fn plain(letter: &Letter<'_>, state: AlarmState, request: &Request<'_>) -> Alarm {
    let first_line = letter.text.trim().lines().next().unwrap_or_default();
    let title = if letter.subject.is_empty() { first_line } else { letter.subject };
    let arn = Arn::parse(letter.topic);
    Draft::new(KIND, format!("sns:{}:{}", letter.topic, fingerprint(&[title])), title, request)
        .delivery(format!("sns:{}", if letter.id.is_empty() { fingerprint(&[letter.text]) } else { letter.id.to_owned() }))
        .state(state)
        .severity(super::cloudwatch::severity(title, ""))
        .summary(letter.text)
        .resource(arn.as_ref().map_or(letter.topic, |arn| arn.rest))
        .label("topic", letter.topic)
        .label("region", arn.as_ref().map_or("", |arn| arn.region))
        .label("account", arn.as_ref().map_or("", |arn| arn.account))
        .link("other", first_web_address(letter.text).unwrap_or_default())
        .occurred_at(letter.at)
        .finish(request)
}

/// CloudWatch's message: another shape than the event of the same change.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CloudWatch<'a> {
    #[serde(borrow)]
    alarm_name: Text<'a>,
    alarm_description: Option<Text<'a>>,
    #[serde(rename = "AWSAccountId")]
    account: Option<json::Scalar<'a>>,
    new_state_value: Text<'a>,
    new_state_reason: Option<Text<'a>>,
    state_change_time: Text<'a>,
    alarm_arn: Option<Text<'a>>,
    alarm_rule: Option<Text<'a>>,
    #[serde(default)]
    triggering_children: Vec<Child<'a>>,
    #[serde(default)]
    trigger: Option<Trigger<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Child<'a> {
    #[serde(borrow)]
    arn: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Trigger<'a> {
    #[serde(borrow)]
    metric_name: Option<Text<'a>>,
    namespace: Option<Text<'a>>,
    dimensions: Vec<Dimension<'a>>,
    metrics: Vec<MathEntry<'a>>,
}

#[derive(Debug, Deserialize)]
struct Dimension<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    value: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MathEntry<'a> {
    #[serde(borrow)]
    expression: Option<Text<'a>>,
    metric_stat: Option<MathStat<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MathStat<'a> {
    #[serde(borrow)]
    metric: Trigger<'a>,
}

impl Trigger<'_> {
    fn named(&self) -> Option<Metric<'_>> {
        self.metric_name.as_ref().map(|name| Metric {
            namespace: opt(self.namespace.as_ref()),
            name,
            dimensions: self.dimensions.iter().map(|dimension| (&*dimension.name, &*dimension.value)).collect(),
        })
    }
}

impl CloudWatch<'_> {
    /// Old messages have no ARN: region and partition are the topic's, for an alarm only notifies topics of its region.
    fn change<'a>(&'a self, topic: &'a str) -> Result<Change<'a>, Malformed> {
        let topic = Arn::parse(topic);
        if self.alarm_arn.is_none() && topic.is_none() {
            return Err(Malformed::missing("AlarmArn"));
        }
        let account = self.account.as_ref().map(|account| &*account.0);
        let trigger = self.trigger.as_ref();
        let math = trigger.map_or(&[][..], |trigger| &trigger.metrics);
        let children = self.triggering_children.iter().filter_map(|child| Arn::parse(child.arn.as_deref()?));
        Ok(Change {
            arn: self.alarm_arn.as_deref(),
            partition: topic.as_ref().map_or("aws", |arn| arn.partition),
            region: topic.as_ref().map_or("", |arn| arn.region),
            account: account.or(topic.as_ref().map(|arn| arn.account)).unwrap_or_default(),
            name: &self.alarm_name,
            description: opt(self.alarm_description.as_ref()),
            value: &self.new_state_value,
            reason: opt(self.new_state_reason.as_ref()),
            timestamp: &self.state_change_time,
            suppressed_by: None,
            rule: self.alarm_rule.as_deref(),
            triggering: children.map(|arn| arn.rest.trim_start_matches("alarm:").to_owned()).collect(),
            metrics: trigger
                .into_iter()
                .chain(math.iter().filter_map(|entry| Some(&entry.metric_stat.as_ref()?.metric)))
                .filter_map(Trigger::named)
                .collect(),
            expression: math.iter().find_map(|entry| entry.expression.as_deref()),
        })
    }
}
