//! Our own uptime checks, the part that thinks: what to probe, when, and what an answer means.
//!
//! It never opens a connection: somebody else probes and hands in a [`Probe`]. The numbers to choose (interval,
//! failures before firing) are in `catops.toml`; the defaults are below, with their reasons.

use crate::draft::{Draft, fingerprint};
use crate::request::Request;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{Alarm, AlarmState, Severity};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// Shortest interval: below, a check is a load test.
pub const INTERVAL_MIN: TimeDelta = TimeDelta::seconds(1);
/// Most bytes of a body that are worth reading for `expect_text`.
pub const BODY_BYTES_READ_MAX: usize = 256 * 1024;

/// One `[[uptime]]` table.
///
/// ```toml
/// [[uptime]]
/// name = "checkout"
/// url = "https://checkout.example.com/health"   # or: tcp = "db.example.com:5432"
/// interval = "30s"
/// expect_text = "ok"
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Table")]
pub struct Check {
    /// Its name: the alarm's title, and part of its key.
    pub name: String,
    /// What is probed.
    pub target: Target,
    /// Time between probes, at least [`INTERVAL_MIN`]. One minute unless given.
    pub interval: TimeDelta,
    /// A probe without an answer after this long has failed. Ten seconds unless given, and never above the interval.
    pub timeout: TimeDelta,
    /// Statuses that are well. `200-399` unless given.
    pub expect_status: StatusRange,
    /// A text that the body must hold.
    pub expect_text: Option<String>,
    /// The certificate must have this many days left; `None` looks at none. 14 unless given, for `https` only.
    pub certificate_days_min: Option<i64>,
    /// This many failures in a row fire. Two unless given: one lost packet wakes nobody.
    pub failures_before_firing: u32,
    /// This many successes in a row clear. Two unless given.
    pub successes_before_clearing: u32,
    /// The service that it speaks for.
    pub service: Option<String>,
    /// How bad it is when it fires. Critical unless given.
    pub severity: Severity,
    /// Request headers; a value `env:NAME` is read from the environment by whoever probes.
    pub headers: BTreeMap<String, String>,
}

/// What is probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A GET of this address.
    Http(String),
    /// A TCP connection to `host:port`.
    Tcp(String),
}

impl Target {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Http(address) | Self::Tcp(address) => address,
        }
    }
}

/// HTTP statuses, both ends included: `200` or `200-399`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusRange {
    /// Lowest.
    pub min: u16,
    /// Highest.
    pub max: u16,
}

impl StatusRange {
    fn parse(text: &str) -> Option<Self> {
        let (min, max) = text.split_once('-').unwrap_or((text, text));
        let (min, max) = (min.trim().parse().ok()?, max.trim().parse().ok()?);
        (100 <= min && min <= max && max <= 599).then_some(Self { min, max })
    }

    const fn holds(self, status: u16) -> bool {
        self.min <= status && status <= self.max
    }
}

/// What a probe saw.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Probe {
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Whether the body held `expect_text`; `None` when nothing was looked for.
    pub text_found: Option<bool>,
    /// Days until the certificate ends; negative when it has ended.
    pub certificate_days_left: Option<i64>,
    /// Why there was no answer: `timed out after 10 s`, `connection refused`.
    pub error: Option<String>,
}

/// What is remembered between two probes. Keep it as it is; [`State::default`] is a check that never ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Failures in a row; 0 after a success.
    pub failures: u32,
    /// Successes in a row; 0 after a failure.
    pub successes: u32,
    /// It has fired and not cleared.
    pub firing: bool,
    /// The certificate's own alarm has fired and not cleared.
    pub certificate_firing: bool,
}

/// What a probe means: the next state, and an alarm when something changed. The certificate has an alarm of its own;
/// should both change at once, the certificate's comes with the next probe.
#[must_use]
pub fn judge(check: &Check, state: &State, probe: &Probe, at: DateTime<Utc>) -> (State, Option<Alarm>) {
    let failure = failure(check, probe);
    let mut next = match failure {
        Some(_) => State { failures: state.failures.saturating_add(1), successes: 0, ..*state },
        None => State { failures: 0, successes: state.successes.saturating_add(1), ..*state },
    };
    next.firing = match state.firing {
        false => next.failures >= check.failures_before_firing,
        true => next.successes < check.successes_before_clearing,
    };
    if next.firing != state.firing {
        let summary = failure.unwrap_or_else(|| format!("answers again, in {} ms", probe.duration_ms));
        let alarm = alarm(check, "", check.severity, next.firing, &summary, probe, at);
        return (next, Some(alarm));
    }
    let (Some(days_min), Some(days)) = (check.certificate_days_min, probe.certificate_days_left) else {
        return (next, None);
    };
    next.certificate_firing = days < days_min;
    if next.certificate_firing == state.certificate_firing {
        return (next, None);
    }
    let severity = if days < CERTIFICATE_DAYS_URGENT { check.severity } else { Severity::Warning };
    let summary = match days {
        ..=0 => "the certificate has expired".to_owned(),
        1 => "the certificate expires in 1 day".to_owned(),
        _ => format!("the certificate expires in {days} days"),
    };
    let alarm = alarm(check, ":certificate", severity, next.certificate_firing, &summary, probe, at);
    (next, Some(alarm))
}

/// With fewer days left, the certificate's alarm is as bad as the check's.
const CERTIFICATE_DAYS_URGENT: i64 = 2;

/// What is wrong, if anything is.
fn failure(check: &Check, probe: &Probe) -> Option<String> {
    if let Some(error) = &probe.error {
        return Some(error.clone());
    }
    if let Target::Tcp(_) = check.target {
        return None;
    }
    match probe.status {
        None => return Some("no answer".to_owned()),
        Some(status) if !check.expect_status.holds(status) => {
            let StatusRange { min, max } = check.expect_status;
            let wanted = if min == max { min.to_string() } else { format!("{min}-{max}") };
            return Some(format!("status {status}, expected {wanted}"));
        }
        Some(_) => {}
    }
    let text = check.expect_text.as_ref()?;
    (probe.text_found != Some(true)).then(|| format!("the body does not hold \"{text}\""))
}

fn alarm(
    check: &Check,
    suffix: &str,
    severity: Severity,
    is_firing: bool,
    summary: &str,
    probe: &Probe,
    at: DateTime<Utc>,
) -> Alarm {
    let request = Request::local(&[], at);
    let state = if is_firing { AlarmState::Firing } else { AlarmState::Cleared };
    let word = if is_firing { "firing" } else { "cleared" };
    let title = if suffix.is_empty() { check.name.clone() } else { format!("{}: certificate", check.name) };
    let address = check.target.as_str();
    Draft::new("uptime", format!("uptime:{}{suffix}", check.name), &title, &request)
        .delivery(format!("uptime:{}{suffix}:{word}:{}", check.name, at.timestamp_millis()))
        .state(state)
        .severity(severity)
        .summary(summary)
        .resource(address)
        .service(check.service.as_deref())
        .label("check", &check.name)
        .label("url", address)
        .label("status", &probe.status.map(|status| status.to_string()).unwrap_or_default())
        .label("error", probe.error.as_deref().unwrap_or_default())
        .label("duration_ms", &probe.duration_ms.to_string())
        .link("source", address)
        .finish(&request)
}

/// The first time after `after` at which the check is due. Every check has its own place within its interval, found
/// from its name: they do not all run at the full minute, and a restart moves nothing.
#[must_use]
pub fn due_after(check: &Check, after: DateTime<Utc>) -> DateTime<Utc> {
    let interval_ms = check.interval.num_milliseconds().max(1);
    let digest = u32::from_str_radix(fingerprint(&[&check.name]).get(..8).unwrap_or_default(), 16).unwrap_or_default();
    let phase_ms = i64::from(digest) % interval_ms;
    let into_ms = (after.timestamp_millis() - phase_ms).rem_euclid(interval_ms);
    after + TimeDelta::milliseconds(interval_ms - into_ms)
        - TimeDelta::nanoseconds(i64::from(after.timestamp_subsec_nanos() % 1_000_000))
}

/// The table as people write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: String,
    url: Option<String>,
    tcp: Option<String>,
    #[serde(default, deserialize_with = "duration")]
    interval: Option<TimeDelta>,
    #[serde(default, deserialize_with = "duration")]
    timeout: Option<TimeDelta>,
    expect_status: Option<StatusText>,
    expect_text: Option<String>,
    certificate_days_min: Option<i64>,
    failures_before_firing: Option<u32>,
    successes_before_clearing: Option<u32>,
    service: Option<String>,
    severity: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum StatusText {
    One(u16),
    Range(String),
}

impl TryFrom<Table> for Check {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let name = table.name.trim().to_owned();
        let mistake = |text: String| format!("uptime check \"{name}\": {text}");
        if name.is_empty() {
            return Err("an uptime check needs a name".to_owned());
        }
        let target = match (table.url, table.tcp) {
            (Some(url), None) if crate::draft::is_web_address(&url) => Target::Http(url),
            (Some(_), None) => return Err(mistake("url must start with http:// or https://".to_owned())),
            (None, Some(address)) if is_host_and_port(&address) => Target::Tcp(address),
            (None, Some(_)) => return Err(mistake("tcp must be host:port".to_owned())),
            _ => return Err(mistake("give either url or tcp".to_owned())),
        };
        let interval = table.interval.unwrap_or(TimeDelta::minutes(1));
        if interval < INTERVAL_MIN {
            return Err(mistake(format!("interval must be at least {} s", INTERVAL_MIN.num_seconds())));
        }
        let timeout = table.timeout.unwrap_or(TimeDelta::seconds(10).min(interval));
        if timeout < TimeDelta::milliseconds(100) || timeout > interval {
            return Err(mistake("timeout must be between 100ms and the interval".to_owned()));
        }
        let status = match table.expect_status {
            None => "200-399".to_owned(),
            Some(StatusText::One(status)) => status.to_string(),
            Some(StatusText::Range(text)) => text,
        };
        let expect_status = StatusRange::parse(&status)
            .ok_or_else(|| mistake("expect_status must be 200 or \"200-399\", within 100-599".to_owned()))?;
        let severity = match table.severity.as_deref() {
            None => Severity::Critical,
            Some(word) => match Severity::parse(word) {
                Severity::Unknown => {
                    return Err(mistake("severity must be critical, error, warning or info".to_owned()));
                }
                severity => severity,
            },
        };
        let is_https = matches!(&target, Target::Http(url) if url.starts_with("https://"));
        let certificate_days_min = table.certificate_days_min.or(Some(14)).filter(|days| is_https && *days > 0);
        let (failures_before_firing, successes_before_clearing) =
            (table.failures_before_firing.unwrap_or(2).max(1), table.successes_before_clearing.unwrap_or(2).max(1));
        Ok(Self {
            name,
            target,
            interval,
            timeout,
            expect_status,
            expect_text: table.expect_text.filter(|text| !text.is_empty()),
            certificate_days_min,
            failures_before_firing,
            successes_before_clearing,
            service: table.service,
            severity,
            headers: table.headers,
        })
    }
}

fn is_host_and_port(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains(['/', '@', ' ']) && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

/// `500ms`, `30s`, `5m`, `1h`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TimeDelta>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let amount = digits.parse::<u32>().ok().map(i64::from);
    let delta = match (amount, unit.trim()) {
        (Some(amount), "ms") => Some(TimeDelta::milliseconds(amount)),
        (Some(amount), "s") => Some(TimeDelta::seconds(amount)),
        (Some(amount), "m" | "min") => Some(TimeDelta::minutes(amount)),
        (Some(amount), "h") => Some(TimeDelta::hours(amount)),
        _ => None,
    };
    delta
        .map(Some)
        .ok_or_else(|| serde::de::Error::custom(format!("\"{text}\" is not a duration; write 500ms, 30s, 5m or 1h")))
}

#[cfg(test)]
mod tests;
