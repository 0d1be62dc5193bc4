//! All alarms of an account, as they would fire: for `catops coverage`.

use super::cloudwatch::{both, client, definition, text};
use crate::coverage::Existing;
use crate::runbooks::in_words;
use anyhow::{Context, Result};
use aws_sdk_cloudwatch::types::MetricAlarm;
use incident::Alarm;

/// Every metric and composite alarm, page by page.
///
/// # Errors
/// CloudWatch does not answer.
pub async fn all_alarms() -> Result<Vec<Existing>> {
    let client = client().await;
    let mut found = Vec::new();
    let mut next = None;
    loop {
        let request = client.describe_alarms().set_alarm_types(both()).set_next_token(next);
        let page = request.send().await.context("asking CloudWatch for its alarms")?;
        found.extend(page.metric_alarms().iter().map(metric));
        found.extend(
            page.composite_alarms()
                .iter()
                .map(|alarm| Alarm { summary: text(alarm.alarm_description()), ..in_words(&text(alarm.alarm_name())) }),
        );
        next = page.next_token().map(str::to_owned);
        if next.is_none() {
            break;
        }
    }
    let existing = |alarm| Existing { alarm, origin: "cloudwatch".to_owned(), fired: 0, last: None };
    Ok(found.into_iter().map(existing).collect())
}

fn metric(alarm: &MetricAlarm) -> Alarm {
    let dimensions = definition(alarm).dimensions;
    let resource = dimensions.first().map(|(_, value)| value.clone()).unwrap_or_default();
    let labels = [("metric", alarm.metric_name()), ("namespace", alarm.namespace())];
    let labels = labels.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    Alarm {
        summary: text(alarm.alarm_description()),
        resource,
        labels: labels.chain(dimensions).collect(),
        ..in_words(&text(alarm.alarm_name()))
    }
}
