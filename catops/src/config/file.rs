//! `catops.toml`: what it may hold. Unknown keys are mistakes, and mistakes carry their line.

use crate::config::calendars::CalendarConfig;
use crate::config::drill::DrillRule;
use crate::config::secret::SecretRef;
use crate::config::throttle::ThrottleConfig;
use chrono::TimeDelta;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// Cards in a channel within two minutes before a digest begins: as many as stand on one screen.
const DIGEST_AFTER: usize = 5;

/// Open connections: half of the 1,024 files that a process may have open unless somebody says otherwise.
const CONNECTIONS_MAX: usize = 512;

/// The whole file. Every key has a default, so that an empty file is a valid one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where links on cards lead: the address under which people reach this server.
    pub public_url: Option<String>,
    /// An incident is opened again when its alarm fires within this time of its end.
    #[serde(deserialize_with = "duration")]
    pub reopen_window: TimeDelta,
    /// What whoever connects is held to.
    pub server: ServerConfig,
    /// Slack.
    pub slack: SlackConfig,
    /// Pages outside Slack.
    pub paging: PagingConfig,
    /// How many pages by one way a person gets in a while.
    pub throttle: ThrottleConfig,
    /// Who may send alarms.
    #[serde(rename = "source")]
    pub sources: Vec<SourceConfig>,
    /// What we watch ourselves.
    #[serde(rename = "uptime")]
    pub uptime: Vec<ingest::uptime::Check>,
    /// Drills that come back.
    #[serde(rename = "drill")]
    pub drills: Vec<DrillRule>,
    /// Who may begin a drill from outside.
    pub drills_from: CallersConfig,
    /// Who may make and end silences from outside.
    pub silences_from: CallersConfig,
    /// What actions may reach.
    pub http: HttpConfig,
    /// Who else is told of every incident.
    #[serde(rename = "webhook")]
    pub webhooks: Vec<WebhookConfig>,
    /// The bus that every event is published on.
    pub eventbridge: EventBridgeConfig,
    /// The topic that is told of beginnings and ends.
    pub sns: SnsConfig,
    /// What CloudWatch is asked.
    pub cloudwatch: CloudWatchConfig,
    /// How CatOps watches itself.
    pub watchdog: WatchdogConfig,
    /// Calendars that others keep, by name.
    pub calendars: BTreeMap<String, CalendarConfig>,
    /// What is told when the duty changes hands.
    pub handoffs: HandoffsConfig,
    /// Slack's user groups that hold whoever is on call.
    #[serde(rename = "usergroups")]
    pub usergroups: Vec<UserGroupConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            public_url: None,
            reopen_window: TimeDelta::minutes(30),
            server: ServerConfig::default(),
            slack: SlackConfig::default(),
            paging: PagingConfig::default(),
            throttle: ThrottleConfig::default(),
            sources: Vec::new(),
            uptime: Vec::new(),
            drills: Vec::new(),
            drills_from: CallersConfig::default(),
            silences_from: CallersConfig::default(),
            http: HttpConfig::default(),
            webhooks: Vec::new(),
            eventbridge: EventBridgeConfig::default(),
            sns: SnsConfig::default(),
            cloudwatch: CloudWatchConfig::default(),
            watchdog: WatchdogConfig::default(),
            calendars: BTreeMap::new(),
            handoffs: HandoffsConfig::default(),
            usergroups: Vec::new(),
        }
    }
}

/// What whoever connects is held to; read at the start. No time is below a second.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// From the first byte of a request to the end of its head.
    #[serde(deserialize_with = "duration")]
    pub header_timeout: TimeDelta,
    /// From there to the end of its body.
    #[serde(deserialize_with = "duration")]
    pub body_timeout: TimeDelta,
    /// From one request to the next; longer than a proxy keeps a connection, so that it is the proxy who closes it.
    #[serde(deserialize_with = "duration")]
    pub idle_timeout: TimeDelta,
    /// Connections that are open at once; with the one that is too many, whoever has been silent longest is hung up on.
    pub connections_max: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            header_timeout: TimeDelta::seconds(10),
            body_timeout: TimeDelta::seconds(30),
            idle_timeout: TimeDelta::seconds(75),
            connections_max: CONNECTIONS_MAX,
        }
    }
}

/// Slack. The token and the signing secrets come from the environment only.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SlackConfig {
    /// The id of the channel for incidents of services that no route names.
    pub channel: String,
    /// Between two posts in one channel; Slack takes one a second. `0s` paces nothing, neither posts nor edits: for the
    /// local Slack.
    #[serde(deserialize_with = "duration")]
    pub post_interval: TimeDelta,
    /// New incidents of two minutes that get cards of their own in one channel; the later ones share a digest. 0: all do.
    pub digest_after: usize,
    /// Channels by service.
    #[serde(rename = "route")]
    pub routes: Vec<SlackRoute>,
}

impl Default for SlackConfig {
    fn default() -> Self {
        Self {
            channel: String::new(),
            post_interval: TimeDelta::seconds(1),
            digest_after: DIGEST_AFTER,
            routes: Vec::new(),
        }
    }
}

/// The channel of some services.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlackRoute {
    /// Names or globs.
    pub services: Vec<String>,
    /// The channel's id.
    pub channel: String,
}

/// Pages by the second channels of the people in `rota/*.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PagingConfig {
    /// How long Slack has to deliver a page before the second channels are tried, in whole seconds.
    #[serde(deserialize_with = "duration")]
    pub second_channel_after: TimeDelta,
    /// The key of the signature for people's webhooks.
    pub webhook_secret: Option<SecretRef>,
    /// The key of the links by which people without Slack acknowledge; without it there are none.
    pub link_secret: Option<SecretRef>,
    /// Where those links lead, when that is not `public_url`: a function says so, whose API answers them and nothing else
    /// of the console.
    #[serde(skip)]
    pub links_url: Option<String>,
    /// The mail server; without it nobody is paged by e-mail.
    pub email: Option<EmailConfig>,
    /// Addresses in private networks to which people's webhooks may lead all the same: `127.0.0.1:8080`.
    pub allow_private: Vec<String>,
}

impl Default for PagingConfig {
    fn default() -> Self {
        Self {
            second_channel_after: TimeDelta::seconds(60),
            webhook_secret: None,
            link_secret: None,
            links_url: None,
            email: None,
            allow_private: Vec::new(),
        }
    }
}

/// The mail server for pages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailConfig {
    /// `smtps://mail.example.com`, or `smtp://mail.example.com` for STARTTLS, with `:PORT` where it is another.
    pub smtp: String,
    /// Who writes: `CatOps <catops@example.com>`.
    pub from: String,
    /// Who logs in; nobody, when it is not said.
    #[serde(default)]
    pub user: Option<SecretRef>,
    /// Their password.
    #[serde(default)]
    pub password: Option<SecretRef>,
}

/// Somebody who may send alarms to `/hooks/<name>`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// The last part of the path; `kind` when it is not given.
    #[serde(default)]
    pub name: Option<String>,
    /// The format: `eventbridge`, `sns`, `uptimerobot`, `alertmanager`, `grafana`, `pagerduty`, `generic`.
    pub kind: String,
    /// How the sender proves who it is: `bearer`, `hmac`, `basic`, `key`, `sns`, `open`.
    #[serde(default = "bearer")]
    pub auth: String,
    /// The secrets, at most two so that one can be changed without a gap.
    #[serde(default)]
    pub secrets: Vec<SecretRef>,
    /// For `sns`: the topics that are listened to.
    #[serde(default)]
    pub topics: Vec<String>,
    /// For `sns`: 2 takes messages signed by SHA-256 only; both versions are taken when it is not given.
    #[serde(default)]
    pub signature_version: Option<u8>,
    /// For `eventbridge`: the accounts whose events are taken; empty takes every one.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// For `eventbridge`: the sources of events that are taken, `aws.cloudwatch` or `aws.*`; empty takes every one.
    #[serde(default)]
    pub sources: Vec<String>,
}

fn bearer() -> String {
    "bearer".to_owned()
}

impl SourceConfig {
    /// The last part of its path.
    #[must_use]
    pub fn path(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.kind)
    }
}

/// Who may ask for drills by `POST /api/v1/drills`, or for silences by `POST /api/v1/silences`: on a loopback address whoever can
/// reach it, elsewhere nobody without one of these.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CallersConfig {
    /// The tokens, at most two so that one can be changed without a gap.
    pub secrets: Vec<SecretRef>,
}

/// What `http` actions may reach.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Hosts, exact or `*.example.com`; nothing else is called.
    pub allow_hosts: Vec<String>,
    /// Addresses in private networks that may be called all the same: `127.0.0.1:8080`.
    pub allow_private: Vec<String>,
}

/// Somebody who is told of every incident by HTTP POST, signed by Standard Webhooks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where to.
    pub url: String,
    /// The key of the signature.
    #[serde(default)]
    pub secret: Option<SecretRef>,
    /// Addresses in private networks that may be called all the same: `127.0.0.1:8080`.
    #[serde(default)]
    pub allow_private: Vec<String>,
}

/// EventBridge, as somebody who is told of every event of every incident.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventBridgeConfig {
    /// The bus, by name or ARN; empty: nothing is published. `CATOPS_EVENT_BUS` goes before it.
    pub bus: String,
}

/// SNS, as somebody who is told when an incident begins, is acknowledged and ends.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SnsConfig {
    /// The topic's ARN; empty: nothing is published. `CATOPS_SNS_TOPIC` goes before it.
    pub topic: String,
}

/// CloudWatch, as somebody who is asked about its alarms.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CloudWatchConfig {
    /// The metric's picture, the alarm's history, tags and neighbours in the card's thread.
    pub pictures: bool,
}

/// How CatOps watches itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WatchdogConfig {
    /// Between two looks; below a second counts as a second.
    #[serde(deserialize_with = "duration")]
    pub every: TimeDelta,
    /// The address that is called after each look that found everything in order.
    pub heartbeat: Option<SecretRef>,
    /// Addresses in private networks that may be called all the same: `127.0.0.1:8080`.
    pub allow_private: Vec<String>,
}

impl Default for WatchdogConfig {
    fn default() -> Self {
        Self { every: TimeDelta::minutes(1), heartbeat: None, allow_private: Vec::new() }
    }
}

/// What is told when the duty changes hands, in the channels of the schedules.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HandoffsConfig {
    /// How long who comes has to say "I have it" before others are told.
    #[serde(deserialize_with = "duration")]
    pub acknowledge_within: TimeDelta,
    /// How far ahead times with nobody on call, and people who cannot be reached, are looked for.
    #[serde(deserialize_with = "duration")]
    pub look_ahead: TimeDelta,
}

impl Default for HandoffsConfig {
    fn default() -> Self {
        Self { acknowledge_within: TimeDelta::minutes(10), look_ahead: TimeDelta::days(14) }
    }
}

/// A user group of Slack that holds whoever is on call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserGroupConfig {
    /// The group's id, `S...`.
    pub id: String,
    /// The schedules whose people are in it, all together; `payments/secondary` is who is second.
    pub schedules: Vec<String>,
    /// People who are always in it.
    #[serde(default)]
    pub permanent: Vec<incident::ResponderId>,
}

/// Reads `90s`, `5m`, `2h`, `1d`, `1500ms`.
///
/// # Errors
/// The text is none of these.
pub fn parse_duration(text: &str) -> Result<TimeDelta, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let wrong = || format!("\"{text}\" is not a duration; write 90s, 5m, 2h or 1d");
    let number: i64 = number.parse().map_err(|_| wrong())?;
    let made = match unit.trim() {
        "ms" => TimeDelta::try_milliseconds(number),
        "s" => TimeDelta::try_seconds(number),
        "m" | "min" => TimeDelta::try_minutes(number),
        "h" => TimeDelta::try_hours(number),
        "d" => TimeDelta::try_days(number),
        _ => None,
    };
    made.ok_or_else(wrong)
}

pub(crate) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeDelta, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).map_err(serde::de::Error::custom)
}
