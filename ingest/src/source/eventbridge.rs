//! Events of Amazon EventBridge, and the event that a CloudWatch alarm's Lambda action sends.
//!
//! CloudWatch alarms in full; ECS, `GuardDuty` and AWS Health where they tell of trouble ([`super::aws`]); events of
//! our users' own with our generic JSON as `detail`; everything else as information. Only IAM proves where an event
//! comes from: who may put events on the bus may write here, as far as the hook's lists of accounts and sources allow.

use super::cloudwatch::{AlarmData, opt};
use super::{Answer, Decoded, Source, aws, generic};
use crate::auth::{Origins, Reason, SourceConfig, Unauthorised};
use crate::json::{self, Text};
use crate::malformed::Malformed;
use crate::request::Request;
use crate::time;
use incident::{Alarm, AlarmState};
use serde::Deserialize;
use serde_json::value::RawValue;

pub(crate) const SOURCE: Source = Source { kind: KIND, decode, answer: Answer::accepted, key_field: None };
const KIND: &str = "eventbridge";
/// The source of the events that CatOps publishes.
const OURS: &str = "catops";

/// The envelope, with what is inside left unread until it is known what it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Envelope<'a> {
    #[serde(borrow)]
    pub(crate) id: Option<Text<'a>>,
    #[serde(rename = "detail-type")]
    pub(crate) detail_type: Option<Text<'a>>,
    pub(crate) source: Option<Text<'a>>,
    pub(crate) account: Option<Text<'a>>,
    account_id: Option<Text<'a>>,
    pub(crate) time: Option<Text<'a>>,
    pub(crate) region: Option<Text<'a>>,
    #[serde(default)]
    pub(crate) resources: Vec<Text<'a>>,
    pub(crate) detail: Option<&'a RawValue>,
    alarm_arn: Option<Text<'a>>,
    alarm_data: Option<&'a RawValue>,
}

impl Envelope<'_> {
    /// `eventbridge:<id>`.
    pub(crate) fn delivery(&self) -> Result<String, Malformed> {
        let id = self.id.as_deref().filter(|id| !id.is_empty()).ok_or_else(|| Malformed::missing("id"))?;
        Ok(format!("eventbridge:{id}"))
    }
}

/// Is the event from an account and a source that the hook takes? What cannot be read is left to [`decode`], which says why.
///
/// # Errors
/// [`Reason::AccountNotAllowed`] or [`Reason::SourceNotAllowed`], also when the event does not say.
pub(crate) fn is_listed(config: &SourceConfig, body: &[u8]) -> Result<(), Unauthorised> {
    let Origins { accounts, sources } = &config.origins;
    if config.kind.as_str() != KIND || (accounts.is_empty() && sources.is_empty()) {
        return Ok(());
    }
    let Ok(envelope) = json::parse::<Envelope<'_>>(body) else { return Ok(()) };
    // The direct Lambda action spells it `accountId`; who writes both must be on the list with both.
    let mut said = [envelope.account.as_deref(), envelope.account_id.as_deref()].into_iter().flatten().peekable();
    let is_ours = said.peek().is_some() && said.all(|said| accounts.iter().any(|account| account == said));
    if !accounts.is_empty() && !is_ours {
        return Err(Reason::AccountNotAllowed.into());
    }
    let source = opt(envelope.source.as_ref());
    let holds = |entry: &String| match entry.strip_suffix('*') {
        Some(beginning) => source.starts_with(beginning),
        None => entry == source,
    };
    if !sources.is_empty() && !sources.iter().any(holds) {
        return Err(Reason::SourceNotAllowed.into());
    }
    Ok(())
}

fn decode(request: &Request<'_>) -> Result<Decoded, Malformed> {
    Ok(event(json::parse(request.body)?, KIND, request)?.into())
}

/// An event that came inside another message.
pub(crate) fn decode_text(text: &str, source: &str, request: &Request<'_>) -> Result<Alarm, Malformed> {
    event(json::parse_text(text)?, source, request)
}

fn event(envelope: Envelope<'_>, source: &str, request: &Request<'_>) -> Result<Alarm, Malformed> {
    if envelope.alarm_data.is_some() {
        return state_change(&envelope, "alarmData", source, request);
    }
    let detail_type = envelope.detail_type.as_deref().ok_or_else(|| Malformed::missing("detail-type"))?;
    match (opt(envelope.source.as_ref()), detail_type) {
        (_, "CloudWatch Alarm State Change") => state_change(&envelope, "detail", source, request),
        (_, "CloudWatch Alarm Configuration Change") => configuration_change(&envelope, source, request),
        // What CatOps itself published comes back to a bus of ours: as an alarm it would be published again, for ever.
        (OURS, _) => aws::decode(&envelope, source, request),
        (vendor, _) if vendor.starts_with("aws.") => aws::decode(&envelope, source, request),
        _ => match generic::decode_detail(&envelope, source, request) {
            Some(alarm) => Ok(alarm),
            None => aws::decode(&envelope, source, request),
        },
    }
}

fn state_change(
    envelope: &Envelope<'_>,
    part: &str,
    source: &str,
    request: &Request<'_>,
) -> Result<Alarm, Malformed> {
    let raw = if part == "alarmData" { envelope.alarm_data } else { envelope.detail };
    let data: AlarmData<'_> = json::parse_part(raw, part)?;
    if data.state.is_none() {
        return Err(Malformed::missing(format!("{part}.state")));
    }
    let (value, timestamp) = (format!("{part}.state.value"), format!("{part}.state.timestamp"));
    placed(envelope, &data)?.alarm(source, [&value, &timestamp], request)
}

/// The change with its ARN, region and account.
fn placed<'a>(envelope: &'a Envelope<'_>, data: &'a AlarmData<'_>) -> Result<super::cloudwatch::Change<'a>, Malformed> {
    let mut change = data.change();
    let arns = envelope.alarm_arn.iter().chain(envelope.resources.iter());
    change.arn = arns.map(|arn| &**arn).find(|arn| arn.contains(":alarm:"));
    change.partition = "aws";
    change.region = opt(envelope.region.as_ref());
    change.account = opt(envelope.account.as_ref().or(envelope.account_id.as_ref()));
    if change.arn.is_none() && (change.region.is_empty() || change.account.is_empty()) {
        return Err(Malformed::missing("resources"));
    }
    Ok(change)
}

/// An alarm that is deleted can never clear by itself: its incident ends here. Other changes only inform.
fn configuration_change(envelope: &Envelope<'_>, source: &str, request: &Request<'_>) -> Result<Alarm, Malformed> {
    let data: AlarmData<'_> = json::parse_part(envelope.detail, "detail")?;
    let operation = data.operation.as_deref().ok_or_else(|| Malformed::missing("detail.operation"))?;
    let state = if operation == "delete" { AlarmState::Cleared } else { AlarmState::Info };
    let what = match operation {
        "delete" => "The alarm was deleted in CloudWatch.".to_owned(),
        "create" => "The alarm was created in CloudWatch.".to_owned(),
        "update" => "The alarm's configuration was changed in CloudWatch.".to_owned(),
        other => format!("CloudWatch says: {other}."),
    };
    Ok(placed(envelope, &data)?
        .draft(source, request)
        .delivery(envelope.delivery()?)
        .state(state)
        .summary(what)
        .occurred_at(envelope.time.as_deref().and_then(time::parse))
        .finish(request))
}
