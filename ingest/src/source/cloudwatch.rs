//! A state change of a CloudWatch alarm, whichever way it comes (EventBridge, SNS, Lambda action): one delivery id,
//! one key, the same labels.
//!
//! Shapes: docs.aws.amazon.com/AmazonCloudWatch, "Alarm events and EventBridge", "Invoke a Lambda function from an
//! alarm", and the payloads in `tests/corpus/sources/`.

use crate::draft::{Draft, first_web_address};
use crate::json::{self, Pairs, Text};
use crate::malformed::Malformed;
use crate::request::Request;
use crate::time;
use incident::{Alarm, AlarmState, Severity};
use serde::Deserialize;
use std::borrow::Cow;

/// `arn:partition:service:region:account:rest`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    pub(crate) partition: &'a str,
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    pub(crate) rest: &'a str,
}

impl<'a> Arn<'a> {
    /// Spaces around the first parts are dropped, as some published fixtures have them; a name may hold spaces.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':').map(str::trim);
        if parts.next() != Some("arn") {
            return None;
        }
        let (partition, _service, region, account) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Self { partition, region, account, rest: parts.next()? })
    }

    /// The ARN of an alarm.
    fn alarm(partition: &str, region: &str, account: &str, name: &str) -> String {
        format!("arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}")
    }

    fn text(&self) -> String {
        let Self { partition, region, account, rest } = self;
        format!("arn:{partition}:cloudwatch:{region}:{account}:{rest}")
    }
}

/// One state change. The three shapes are read into it.
#[derive(Debug, Default)]
pub(crate) struct Change<'a> {
    /// The alarm's ARN as sent; may be absent in old SNS messages.
    pub(crate) arn: Option<&'a str>,
    /// Where it stands without an ARN: partition, region, account of the event or the topic.
    pub(crate) partition: &'a str,
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
    /// `ALARM`, `OK`, `INSUFFICIENT_DATA`.
    pub(crate) value: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) timestamp: &'a str,
    pub(crate) suppressed_by: Option<&'a str>,
    /// The rule of a composite alarm.
    pub(crate) rule: Option<&'a str>,
    /// Alarms that turned a composite one.
    pub(crate) triggering: Vec<String>,
    pub(crate) metrics: Vec<Metric<'a>>,
    /// Metric math, with its label.
    pub(crate) expression: Option<&'a str>,
}

/// One metric of an alarm.
#[derive(Debug, Default)]
pub(crate) struct Metric<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) dimensions: Vec<(&'a str, &'a str)>,
}

impl Change<'_> {
    /// The key that all shapes share.
    pub(crate) fn key(&self) -> String {
        let arn = match self.arn.and_then(Arn::parse) {
            Some(arn) => arn.text(),
            None => Arn::alarm(self.partition, self.region, self.account, self.name),
        };
        format!("cloudwatch:{arn}")
    }

    /// The alarm of a state change.
    ///
    /// `fields` name the places of state value and time in the sender's shape.
    pub(crate) fn alarm(self, source: &str, fields: [&str; 2], request: &Request<'_>) -> Result<Alarm, Malformed> {
        let at = time::parse(self.timestamp).ok_or_else(|| Malformed::new(fields[1], "not a time"))?;
        let state = match (self.value, self.suppressed_by) {
            ("ALARM", None) => AlarmState::Firing,
            ("OK", _) => AlarmState::Cleared,
            ("ALARM" | "INSUFFICIENT_DATA", _) => AlarmState::Info,
            _ => return Err(Malformed::new(fields[0], "expected ALARM, OK or INSUFFICIENT_DATA")),
        };
        // A suppressed change may be followed by the same one unsuppressed: that must not look like a repetition.
        let suppressed = if self.suppressed_by.is_some() { ":suppressed" } else { "" };
        let delivery = format!("{}:{}:{}{suppressed}", self.key(), self.value, at.timestamp_millis());
        let summary = match self.suppressed_by {
            Some(by) => format!("Suppressed by {by}. {}", self.reason),
            None => self.reason.to_owned(),
        };
        Ok(self
            .draft(source, request)
            .delivery(delivery)
            .state(state)
            .summary(summary)
            .occurred_at(Some(at))
            .finish(request))
    }

    /// What state changes and configuration changes have in common.
    pub(crate) fn draft(&self, source: &str, request: &Request<'_>) -> Draft {
        let arn = self.arn.and_then(Arn::parse);
        let (region, account) = arn.as_ref().map_or((self.region, self.account), |arn| (arn.region, arn.account));
        let partition = arn.as_ref().map_or(self.partition, |arn| arn.partition);
        let mut draft = Draft::new(source, self.key(), self.name, request)
            .severity(severity(self.name, self.description))
            .label("namespace", &joined(self.metrics.iter().map(|metric| metric.namespace)))
            .label("metric", &joined(self.metrics.iter().map(|metric| metric.name)))
            .label("region", region)
            .label("account", account)
            .label("description", self.description)
            .label("expr", self.expression.or(self.rule).unwrap_or_default())
            .label("triggering_alarms", &self.triggering.join(", "));
        for metric in &self.metrics {
            draft = draft.labels(metric.dimensions.iter().copied());
        }
        draft
            .resource(self.resource())
            .link("runbook", first_web_address(self.description).unwrap_or_default())
            .link("console", &console(partition, region, self.name))
    }

    /// The dimension that says best what the trouble is about: not its cluster, not its storage class.
    fn resource(&self) -> &str {
        let dimensions = || self.metrics.iter().flat_map(|metric| metric.dimensions.iter());
        let known = RESOURCE_DIMENSIONS.iter().find_map(|wanted| dimensions().find(|(name, _)| name == wanted));
        known.or_else(|| dimensions().min()).map_or("", |(_, value)| value)
    }
}

/// Dimensions that name a resource, the most telling first.
const RESOURCE_DIMENSIONS: [&str; 22] = [
    "InstanceId",
    "DBInstanceIdentifier",
    "DBClusterIdentifier",
    "FunctionName",
    "ServiceName",
    "QueueName",
    "TopicName",
    "TableName",
    "LoadBalancer",
    "LoadBalancerName",
    "TargetGroup",
    "ApiName",
    "ApiId",
    "StreamName",
    "BucketName",
    "CacheClusterId",
    "DomainName",
    "StateMachineArn",
    "DistributionId",
    "AutoScalingGroupName",
    "ClusterName",
    "VolumeId",
];

fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut distinct: Vec<&str> = Vec::new();
    for name in names.filter(|name| !name.is_empty()) {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    // The order of metrics differs between shapes of the same change.
    distinct.sort_unstable();
    distinct.join(", ")
}

/// The alarm's page in the console of its partition.
fn console(partition: &str, region: &str, name: &str) -> String {
    if region.is_empty() || name.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        return String::new();
    }
    let host = match partition {
        "aws-cn" => "console.amazonaws.cn",
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        _ => "console.aws.amazon.com",
    };
    let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20");
    format!("https://{region}.{host}/cloudwatch/home?region={region}#alarmsV2:alarm/{name}")
}

/// CloudWatch has no severity; people write it into names and descriptions: `[SEV1]`, `critical`, `severity: high`.
/// Words that alarms use for other things (`high`, `error`, `page`) count only after `severity` or `priority`.
pub(crate) fn severity(name: &str, description: &str) -> Severity {
    match worded(name) {
        Severity::Unknown => worded(description),
        severity => severity,
    }
}

fn worded(text: &str) -> Severity {
    let mut found = Severity::Unknown;
    let mut before = "";
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        let is_after_mark = ["severity", "priority", "sev"].iter().any(|mark| before.eq_ignore_ascii_case(mark));
        let is_telling = SEVERITY_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known));
        let severity = if is_after_mark || is_telling { numbered(word) } else { Severity::Unknown };
        found = found.max(severity);
        before = word;
    }
    found
}

/// `1` -> critical, as after `sev` or `priority`; other words as everywhere.
fn numbered(word: &str) -> Severity {
    match word {
        "0" | "1" => Severity::Critical,
        "2" => Severity::Error,
        "3" => Severity::Warning,
        "4" | "5" => Severity::Info,
        _ => Severity::parse(word),
    }
}

const SEVERITY_WORDS: [&str; 15] = [
    "critical",
    "crit",
    "fatal",
    "emergency",
    "sev0",
    "sev1",
    "sev2",
    "sev3",
    "sev4",
    "p1",
    "p2",
    "p3",
    "p4",
    "warning",
    "warn",
];

/// `detail` of EventBridge and `alarmData` of the Lambda action: the same object under two names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AlarmData<'a> {
    #[serde(borrow)]
    pub(crate) alarm_name: Text<'a>,
    pub(crate) operation: Option<Text<'a>>,
    pub(crate) state: Option<State<'a>>,
    #[serde(default)]
    pub(crate) configuration: Configuration<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct State<'a> {
    #[serde(borrow)]
    pub(crate) value: Text<'a>,
    pub(crate) timestamp: Text<'a>,
    pub(crate) reason: Option<Text<'a>>,
    pub(crate) reason_data: Option<Text<'a>>,
    pub(crate) actions_suppressed_by: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Configuration<'a> {
    #[serde(borrow)]
    description: Option<Text<'a>>,
    alarm_rule: Option<Text<'a>>,
    metrics: Vec<MetricEntry<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MetricEntry<'a> {
    #[serde(borrow)]
    expression: Option<Text<'a>>,
    metric_stat: Option<MetricStat<'a>>,
}

#[derive(Debug, Deserialize)]
struct MetricStat<'a> {
    #[serde(borrow)]
    metric: MetricName<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MetricName<'a> {
    #[serde(borrow)]
    namespace: Option<Text<'a>>,
    name: Option<Text<'a>>,
    dimensions: Pairs<'a>,
}

impl AlarmData<'_> {
    /// The change without its place.
    pub(crate) fn change(&self) -> Change<'_> {
        let state = self.state.as_ref();
        let metrics = self.configuration.metrics.iter();
        Change {
            name: &self.alarm_name,
            description: opt(self.configuration.description.as_ref()),
            value: state.map_or("", |state| &state.value),
            timestamp: state.map_or("", |state| &state.timestamp),
            reason: state.map_or("", |state| opt(state.reason.as_ref())),
            suppressed_by: state.and_then(|state| state.actions_suppressed_by.as_deref()).filter(|by| !by.is_empty()),
            rule: self.configuration.alarm_rule.as_deref(),
            triggering: state.and_then(|state| state.reason_data.as_deref()).map(triggering_alarms).unwrap_or_default(),
            metrics: metrics.clone().filter_map(|entry| entry.metric_stat.as_ref()).map(MetricStat::named).collect(),
            expression: metrics.clone().find_map(|entry| entry.expression.as_deref()),
            ..Change::default()
        }
    }
}

impl MetricStat<'_> {
    fn named(&self) -> Metric<'_> {
        Metric {
            namespace: opt(self.metric.namespace.as_ref()),
            name: opt(self.metric.name.as_ref()),
            dimensions: self.metric.dimensions.iter().collect(),
        }
    }
}

/// The text, or nothing.
pub(crate) fn opt<'a>(text: Option<&'a Text<'_>>) -> &'a str {
    text.map_or("", |text| text)
}

/// `reasonData` is JSON inside a string. It only adds to the picture, so what cannot be read is left out.
fn triggering_alarms(reason_data: &str) -> Vec<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ReasonData<'a> {
        #[serde(borrow)]
        triggering_alarms: Vec<Triggering<'a>>,
    }
    #[derive(Deserialize)]
    struct Triggering<'a> {
        #[serde(borrow)]
        arn: Cow<'a, str>,
    }
    if !reason_data.contains("triggeringAlarms") {
        return Vec::new();
    }
    let Ok(data) = json::parse_text::<ReasonData<'_>>(reason_data) else { return Vec::new() };
    let name = |arn: &str| Arn::parse(arn).map_or("", |arn| arn.rest.trim_start_matches("alarm:")).to_owned();
    data.triggering_alarms.iter().take(10).map(|alarm| name(&alarm.arn)).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severity_is_found_in_words_that_mean_it() {
        for (name, description, expect) in [
            ("[SEV1] checkout", "", Severity::Critical),
            ("checkout-p2-latency", "", Severity::Error),
            ("checkout", "Critical: customers cannot pay", Severity::Critical),
            ("checkout-Warning", "critical", Severity::Warning),
            ("checkout", "sev 3", Severity::Warning),
            ("checkout", "severity: high", Severity::Error),
            ("checkout", "priority=1", Severity::Critical),
            ("page-load-too-high", "5xx error rate, p99 latency is high", Severity::Unknown),
        ] {
            assert_eq!(severity(name, description), expect, "{name} / {description}");
        }
    }

    #[test]
    fn arns_are_taken_apart_and_names_keep_their_spaces() {
        let arn = Arn::parse("arn:aws:cloudwatch:us-east-1: 1111:alarm:CPU: too high").unwrap();
        assert_eq!((arn.account, arn.rest), ("1111", "alarm:CPU: too high"));
        assert_eq!(Arn::parse("arn:aws:sns:EXAMPLE"), None);
        assert_eq!(Arn::parse(""), None);
    }

    #[test]
    fn the_console_is_the_one_of_the_partition() {
        let cpu =
            "https://cn-north-1.console.amazonaws.cn/cloudwatch/home?region=cn-north-1#alarmsV2:alarm/CPU%20%2F%20db";
        assert_eq!(console("aws-cn", "cn-north-1", "CPU / db"), cpu);
        assert_eq!(console("aws", "evil.example/", "x"), "");
        assert_eq!(console("aws", "eu-west-1", ""), "");
    }
}
