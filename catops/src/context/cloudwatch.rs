//! Asking CloudWatch.
//!
//! Five calls an alarm, all of them reading: what it looks at, its history, its tags and what else fires at once, then the
//! picture. Whatever fails is left out. Calls and limits: the CloudWatch API reference, read in November 2026.

use super::known::{AlarmName, Change, Definition, Firing, History, Known, Plot, PlotSource};
use super::widget::widget;
use super::words::HISTORY_DAYS;
use crate::{aws, aws_failure};
use aws_config::Region;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::Config;
use aws_sdk_cloudwatch::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudwatch::primitives::DateTime as AwsTime;
use aws_sdk_cloudwatch::types::{
    AlarmHistoryItem, AlarmType, ComparisonOperator, Dimension, HistoryItemType, MetricAlarm, MetricDataQuery, ScanBy,
    StateValue,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore};

/// How long one call may take, credentials included: two of them after each other, asking Slack and an upload fit into an
/// effect's lease of 20 s.
const CALL_MAX: Duration = Duration::from_secs(3);

/// Answers of one call, the most that CloudWatch gives at once.
const ANSWERS_MAX: i32 = 100;

/// Bytes of a picture; one of this size has some 50,000.
const PICTURE_BYTES_MAX: usize = 1024 * 1024;

/// CloudWatch, whose client is made when the first picture is wanted.
pub struct CloudWatch {
    client: OnceCell<Client>,
    /// A place for each alarm that is asked about.
    pub(super) room: Semaphore,
}

impl Default for CloudWatch {
    fn default() -> Self {
        Self { client: OnceCell::new(), room: Semaphore::new(super::AT_ONCE) }
    }
}

/// Why something is not known.
struct Missing {
    text: String,
    /// True when it may be known a moment later.
    again: bool,
}

impl CloudWatch {
    /// Everything that can be learned of an alarm.
    pub(super) async fn ask(&self, alarm: &AlarmName<'_>, now: DateTime<Utc>) -> Known {
        let client = self.client.get_or_init(client).await;
        let ask = Ask { client, alarm, region: Config::builder().region(Some(Region::new(alarm.region.to_owned()))) };
        let mut known = Known::default();
        let (definition, history, tags, firing) =
            futures::join!(ask.definition(), ask.history(now), ask.tags(), ask.firing());
        known.definition = keep(&mut known, definition);
        known.history = keep(&mut known, history);
        known.tags = keep(&mut known, tags).unwrap_or_default();
        known.firing = keep(&mut known, firing).unwrap_or_default();
        if let Some(widget) = known.definition.as_ref().and_then(|definition| widget(alarm.name, definition)) {
            let picture = ask.picture(widget).await;
            known.picture = keep(&mut known, picture);
        }
        known
    }
}

fn keep<T>(known: &mut Known, answer: Result<T, Missing>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(missing) => {
            if missing.again {
                known.why_again.get_or_insert_with(|| missing.text.clone());
            }
            known.missing.push(missing.text);
            None
        }
    }
}

/// One alarm that is asked about.
struct Ask<'a> {
    client: &'a Client,
    alarm: &'a AlarmName<'a>,
    region: aws_sdk_cloudwatch::config::Builder,
}

impl Ask<'_> {
    async fn definition(&self) -> Result<Definition, Missing> {
        let request = self.client.describe_alarms().alarm_names(self.alarm.name).set_alarm_types(both());
        let answer = request.customize().config_override(self.region.clone()).send().await;
        let answer = answer.map_err(|error| missing("what it looks at", &error))?;
        if let Some(alarm) = answer.metric_alarms().first() {
            return Ok(definition(alarm));
        }
        let rule = answer.composite_alarms().first().and_then(|alarm| alarm.alarm_rule());
        match rule {
            Some(rule) => Ok(Definition { rule: Some(rule.to_owned()), ..Definition::default() }),
            None => Err(Missing { text: "CloudWatch knows no such alarm in this account".to_owned(), again: false }),
        }
    }

    async fn history(&self, now: DateTime<Utc>) -> Result<History, Missing> {
        let request = self
            .client
            .describe_alarm_history()
            .alarm_name(self.alarm.name)
            .set_alarm_types(both())
            .history_item_type(HistoryItemType::StateUpdate)
            .start_date(AwsTime::from_secs((now - TimeDelta::days(HISTORY_DAYS)).timestamp()))
            .max_records(ANSWERS_MAX)
            .scan_by(ScanBy::TimestampDescending);
        let answer = request.customize().config_override(self.region.clone()).send().await;
        let answer = answer.map_err(|error| missing("its history", &error))?;
        let changes = answer.alarm_history_items().iter().filter_map(change).collect();
        Ok(History { changes, is_whole: answer.next_token().is_none() })
    }

    async fn tags(&self) -> Result<Vec<(String, String)>, Missing> {
        let request = self.client.list_tags_for_resource().resource_arn(self.alarm.arn);
        let answer = request.customize().config_override(self.region.clone()).send().await;
        let answer = answer.map_err(|error| missing("its tags", &error))?;
        let pair = |tag: &aws_sdk_cloudwatch::types::Tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned()));
        Ok(answer.tags().iter().filter_map(pair).collect())
    }

    async fn firing(&self) -> Result<Vec<Firing>, Missing> {
        let request = self.client.describe_alarms().state_value(StateValue::Alarm).set_alarm_types(both());
        let request = request.max_records(ANSWERS_MAX);
        let answer = request.customize().config_override(self.region.clone()).send().await;
        let answer = answer.map_err(|error| missing("what else fires", &error))?;
        let metric = answer.metric_alarms().iter().map(|alarm| Firing {
            arn: text(alarm.alarm_arn()),
            name: text(alarm.alarm_name()),
            dimensions: definition(alarm).dimensions,
            rule: None,
        });
        let composite = answer.composite_alarms().iter().map(|alarm| Firing {
            arn: text(alarm.alarm_arn()),
            name: text(alarm.alarm_name()),
            dimensions: Vec::new(),
            rule: alarm.alarm_rule().map(str::to_owned),
        });
        Ok(metric.chain(composite).collect())
    }

    async fn picture(&self, widget: String) -> Result<Vec<u8>, Missing> {
        let request = self.client.get_metric_widget_image().metric_widget(widget).output_format("png");
        let answer = request.customize().config_override(self.region.clone()).send().await;
        let answer = answer.map_err(|error| missing("the picture", &error))?;
        let bytes = answer.metric_widget_image().map(|blob| blob.as_ref().to_vec()).unwrap_or_default();
        if !bytes.starts_with(b"\x89PNG\r\n\x1a\n") || bytes.len() > PICTURE_BYTES_MAX {
            return Err(Missing { text: "the picture: CloudWatch sent no PNG".to_owned(), again: false });
        }
        Ok(bytes)
    }
}

pub(super) fn both() -> Option<Vec<AlarmType>> {
    Some(vec![AlarmType::MetricAlarm, AlarmType::CompositeAlarm])
}

fn missing<E, R>(what: &str, error: &SdkError<E, R>) -> Missing
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug,
{
    let code = error.as_service_error().and_then(|said| said.code());
    let again =
        code.is_none_or(|code| code.contains("Throttl") || code.contains("Internal") || code.contains("Unavailable"));
    Missing { text: format!("{what}: {}", aws_failure::told("CloudWatch", CALL_MAX, error)), again }
}

pub(super) fn definition(alarm: &MetricAlarm) -> Definition {
    let mut plots: Vec<Plot> = alarm.metrics().iter().filter_map(query).collect();
    if let (Some(namespace), Some(metric)) = (alarm.namespace(), alarm.metric_name()) {
        let statistic = alarm.statistic().map(|statistic| statistic.as_str()).or(alarm.extended_statistic());
        let source = PlotSource::Metric {
            namespace: namespace.to_owned(),
            metric: metric.to_owned(),
            dimensions: pairs(alarm.dimensions()),
            statistic: statistic.unwrap_or("Average").to_owned(),
            period_seconds: alarm.period().unwrap_or(300),
            account: None,
        };
        plots.push(Plot { id: String::new(), label: String::new(), is_shown: true, source });
    }
    let in_plots = plots.iter().flat_map(|plot| match &plot.source {
        PlotSource::Metric { dimensions, .. } => dimensions.clone(),
        PlotSource::Expression { .. } => Vec::new(),
    });
    let dimensions = in_plots.collect();
    let threshold = alarm.threshold().zip(alarm.comparison_operator().and_then(comparison));
    Definition { plots, threshold, dimensions, rule: None }
}

fn query(query: &MetricDataQuery) -> Option<Plot> {
    let source = match (query.expression(), query.metric_stat()) {
        (Some(expression), _) => {
            PlotSource::Expression { expression: expression.to_owned(), period_seconds: query.period() }
        }
        (None, Some(stat)) => PlotSource::Metric {
            namespace: stat.metric()?.namespace()?.to_owned(),
            metric: stat.metric()?.metric_name()?.to_owned(),
            dimensions: pairs(stat.metric()?.dimensions()),
            statistic: text(stat.stat()),
            period_seconds: stat.period().unwrap_or(300),
            account: query.account_id().map(str::to_owned),
        },
        (None, None) => return None,
    };
    let is_shown = query.return_data().unwrap_or(true);
    Some(Plot { id: text(query.id()), label: text(query.label()), is_shown, source })
}

fn pairs(dimensions: &[Dimension]) -> Vec<(String, String)> {
    let pair = |dimension: &Dimension| Some((dimension.name()?.to_owned(), dimension.value()?.to_owned()));
    dimensions.iter().filter_map(pair).collect()
}

/// Anomaly detection compares with a band, which is no line.
fn comparison(operator: &ComparisonOperator) -> Option<&'static str> {
    match operator {
        ComparisonOperator::GreaterThanThreshold => Some(">"),
        ComparisonOperator::GreaterThanOrEqualToThreshold => Some(">="),
        ComparisonOperator::LessThanThreshold => Some("<"),
        ComparisonOperator::LessThanOrEqualToThreshold => Some("<="),
        _ => None,
    }
}

/// A change of state; the details are JSON inside a string.
fn change(item: &AlarmHistoryItem) -> Option<Change> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        new_state: State,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct State {
        state_value: String,
    }
    let at = item.timestamp()?;
    let at = DateTime::from_timestamp(at.secs(), at.subsec_nanos())?;
    let data: Data = serde_json::from_str(item.history_data()?).ok()?;
    Some(Change { at, into_alarm: data.new_state.state_value == "ALARM" })
}

pub(super) fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

pub(super) async fn client() -> Client {
    let timeouts = TimeoutConfig::builder().operation_timeout(CALL_MAX).build();
    let config = Config::from(aws::config().await).to_builder().timeout_config(timeouts).interceptor(aws::Calls);
    Client::from_conf(config.build())
}
