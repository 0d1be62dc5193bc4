//! What CloudWatch was asked and what it said, in our own words: the rest of the module knows no SDK.

use chrono::{DateTime, Utc};
use incident::Incident;

/// Longest name of a region; the longest there is has 14 letters.
const REGION_CHARS_MAX: usize = 32;

/// An alarm of CloudWatch, by its ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AlarmName<'a> {
    /// The whole ARN.
    pub(super) arn: &'a str,
    /// Where it is, and where it is asked about.
    pub(super) region: &'a str,
    /// The name that people know.
    pub(super) name: &'a str,
}

impl<'a> AlarmName<'a> {
    /// The alarm that an incident is about. The key comes from outside, and its region becomes part of an address.
    pub(super) fn of(incident: &'a Incident) -> Option<Self> {
        Self::parse(incident.alarm.key.as_str().strip_prefix("cloudwatch:")?)
    }

    fn parse(arn: &'a str) -> Option<Self> {
        let mut parts = arn.splitn(7, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        let (_partition, service, region, _account) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let (kind, name) = (parts.next()?, parts.next()?);
        let is_region =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let is_sane = !region.is_empty() && region.len() <= REGION_CHARS_MAX && is_region(region) && !name.is_empty();
        (service == "cloudwatch" && kind == "alarm" && is_sane).then_some(Self { arn, region, name })
    }
}

/// Everything that could be learned.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The picture, a PNG.
    pub(super) picture: Option<Vec<u8>>,
    /// What the alarm looks at.
    pub(super) definition: Option<Definition>,
    /// When it changed its state.
    pub(super) history: Option<History>,
    /// Its tags.
    pub(super) tags: Vec<(String, String)>,
    /// All alarms of the region that are in ALARM, this one among them.
    pub(super) firing: Vec<Firing>,
    /// What could not be learned, and why.
    pub(super) missing: Vec<String>,
    /// Said when another attempt may learn more.
    pub(super) why_again: Option<String>,
}

/// What an alarm looks at.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Definition {
    /// The lines of its graph; none of a composite alarm.
    pub(super) plots: Vec<Plot>,
    /// Where it fires, with the comparison: `>= 80`.
    pub(super) threshold: Option<(f64, &'static str)>,
    /// What it is about.
    pub(super) dimensions: Vec<(String, String)>,
    /// The rule of a composite alarm.
    pub(super) rule: Option<String>,
}

/// One line of a graph.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plot {
    /// What others of the same graph call it; empty when nobody does.
    pub(super) id: String,
    /// What stands in the legend; empty where CloudWatch finds words.
    pub(super) label: String,
    /// False for what only others are computed from.
    pub(super) is_shown: bool,
    /// What is drawn.
    pub(super) source: PlotSource,
}

/// What a line is drawn from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum PlotSource {
    /// A metric.
    Metric {
        namespace: String,
        metric: String,
        dimensions: Vec<(String, String)>,
        statistic: String,
        period_seconds: i32,
        /// Another account's, when CloudWatch says so.
        account: Option<String>,
    },
    /// Metric math, or a query.
    Expression { expression: String, period_seconds: Option<i32> },
}

/// An alarm's changes, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct History {
    /// The changes.
    pub(super) changes: Vec<Change>,
    /// False when there were more than CloudWatch gives at once.
    pub(super) is_whole: bool,
}

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) at: DateTime<Utc>,
    /// True when it went into ALARM, false when it left it or was not in it.
    pub(super) into_alarm: bool,
}

/// An alarm that is in ALARM now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Firing {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) dimensions: Vec<(String, String)>,
    /// The rule of a composite alarm.
    pub(super) rule: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::AlarmName;

    #[test]
    fn an_alarm_is_known_by_its_arn_only() {
        let arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:CPU: too high";
        let expect = AlarmName { arn, region: "eu-west-1", name: "CPU: too high" };
        assert_eq!(AlarmName::parse(arn), Some(expect));
        for other in [
            "",
            "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:",
            "arn:aws:cloudwatch:evil.example/:123456789012:alarm:x",
            "arn:aws:cloudwatch::123456789012:alarm:x",
            "arn:aws:ecs:eu-west-1:123456789012:alarm:x",
            "arn:aws:cloudwatch:eu-west-1:123456789012:dashboard:x",
        ] {
            assert_eq!(AlarmName::parse(other), None, "{other}");
        }
    }
}
