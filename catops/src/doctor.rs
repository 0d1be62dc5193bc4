//! Examines an account: whether the table is as `infra/template.yaml` makes it, whether a write reaches it, whether the
//! configuration is free of mistakes, whether Slack knows the token. It changes nothing but the one item of `log`'s ping, and
//! prints nothing; it never shows a secret.

use crate::config::lint;
use crate::config::secret::env;
use crate::store::Data;
use crate::{aws, aws_failure};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::ProvideCredentials;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    BillingMode, KeySchemaElement, KeyType, PointInTimeRecoveryStatus, ProjectionType, StreamViewType,
    TableDescription, TableStatus, TimeToLiveStatus,
};
use serde::Serialize;
use slack::Secret;
use slack::client::{API_URL, Client as Slack};
use std::error::Error;
use std::path::Path;

/// The index of the table, and the attribute by which items go.
const INDEX: &str = "by_place";
const TTL: &str = "ttl";

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it has to be.
    Ok,
    /// Not as it has to be.
    Wrong,
    /// It was not looked at.
    NotChecked,
}

/// What one look found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub what: &'static str,
    /// How it is.
    pub state: State,
    /// What was seen.
    pub seen: String,
    /// What to do next; none when it is as it has to be.
    pub next: Option<String>,
}

impl Finding {
    fn ok(what: &'static str, seen: impl Into<String>) -> Self {
        Self { what, state: State::Ok, seen: seen.into(), next: None }
    }

    fn wrong(what: &'static str, seen: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what, state: State::Wrong, seen: seen.into(), next: Some(next.into()) }
    }

    fn not_checked(what: &'static str, seen: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what, state: State::NotChecked, seen: seen.into(), next: Some(next.into()) }
    }

    fn when(holds: bool, what: &'static str, seen: impl Into<String>, next: impl Into<String>) -> Self {
        if holds { Self::ok(what, seen) } else { Self::wrong(what, seen, next) }
    }
}

/// Looks at everything; one thing that is wrong stops no other look that does not need it.
pub async fn examine(table: &str, config: Option<&Path>) -> Vec<Finding> {
    let mut findings = vec![region().await, credentials().await];
    if findings.iter().all(|finding| finding.state == State::Ok) {
        findings.extend(of_table(&aws::dynamodb().await, table).await);
    }
    findings.push(configuration(config));
    findings.push(of_slack().await);
    findings
}

async fn region() -> Finding {
    // Set to nothing is as good as not set.
    match aws::config().await.region().filter(|region| !region.as_ref().is_empty()) {
        Some(region) => Finding::ok("region", region.as_ref()),
        None => Finding::wrong("region", "none is named", "set AWS_REGION to the region of the stack"),
    }
}

async fn credentials() -> Finding {
    let next = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; `aws sts get-caller-identity` says who you are";
    let Some(provider) = aws::config().await.credentials_provider() else {
        return Finding::wrong("credentials", "no place to find them", next);
    };
    match provider.provide_credentials().await {
        Ok(_) => Finding::ok("credentials", "found"),
        Err(error) => Finding::wrong("credentials", format!("none: {}", aws_failure::causes(&error)), next),
    }
}

async fn of_table(client: &Client, name: &str) -> Vec<Finding> {
    let described = client.describe_table().table_name(name).send().await;
    let table = match described {
        Ok(described) => described.table.unwrap_or_else(|| TableDescription::builder().build()),
        Err(error) => return vec![unanswered("table", "DescribeTable", &error)],
    };
    let mut findings = judge(name, &table);
    findings.push(time_to_live(client, name).await);
    findings.push(backups(client, name).await);
    findings.push(write(name).await);
    findings
}

/// DynamoDB did not answer a question; `operation` is what the role has to allow for it.
fn unanswered<E, R>(what: &'static str, operation: &str, error: &SdkError<E, R>) -> Finding
where
    E: Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug,
{
    let next = match error.code() {
        Some("ResourceNotFoundException") => {
            "the name stands in the stack's outputs; look also whether the region is the stack's, or deploy with infra/deploy.sh"
        }
        Some("AccessDeniedException") => &format!("your role needs dynamodb:{operation} on the table"),
        _ => "look at the network, the region, the credentials and AWS_ENDPOINT_URL",
    };
    Finding::wrong(what, told(error), next)
}

/// What AWS said, or what kept it from saying something.
fn told<E, R>(error: &SdkError<E, R>) -> String
where
    E: Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => format!("DynamoDB could not be asked: {}", aws_failure::causes(error)),
    }
}

/// Everything that the table's description tells.
fn judge(name: &str, table: &TableDescription) -> Vec<Finding> {
    let status = table.table_status.as_ref();
    let anew = "keys cannot be changed: make the table anew with infra/template.yaml and `catops import` into it";
    let update = format!("aws dynamodb update-table --table-name {name}");
    let on_demand = table.billing_mode_summary.as_ref().and_then(|summary| summary.billing_mode.as_ref());
    let is_kept = table.deletion_protection_enabled == Some(true);
    vec![
        Finding::when(
            status == Some(&TableStatus::Active),
            "table",
            format!("{name} is {}", status.map_or("unknown", TableStatus::as_str)),
            "wait until it is ACTIVE",
        ),
        Finding::when(keyed(table.key_schema(), "pk", "sk"), "keys", keys(table.key_schema()), anew),
        index(table),
        stream(table, &update),
        Finding::when(
            on_demand == Some(&BillingMode::PayPerRequest),
            "billing",
            on_demand.map_or("PROVISIONED", BillingMode::as_str),
            format!("{update} --billing-mode PAY_PER_REQUEST, so that a storm is not throttled"),
        ),
        Finding::when(
            is_kept,
            "deletion protection",
            if is_kept { "on" } else { "off" },
            format!("{update} --deletion-protection-enabled"),
        ),
    ]
}

fn index(table: &TableDescription) -> Finding {
    let next = "make it as infra/template.yaml does: keys g and s, KEYS_ONLY; nothing is performed without it";
    let Some(index) = table.global_secondary_indexes().iter().find(|index| index.index_name() == Some(INDEX)) else {
        return Finding::wrong("index", format!("there is no {INDEX}"), next);
    };
    let projection = index.projection().and_then(|projection| projection.projection_type());
    let all_there = keyed(index.key_schema(), "g", "s") && projection == Some(&ProjectionType::KeysOnly);
    let projection = projection.map_or("no projection", ProjectionType::as_str);
    Finding::when(all_there, "index", format!("{INDEX}: {}, {projection}", keys(index.key_schema())), next)
}

fn stream(table: &TableDescription, update: &str) -> Finding {
    let on = table.stream_specification().filter(|stream| stream.stream_enabled());
    let view = on.and_then(|stream| stream.stream_view_type());
    Finding::when(
        view == Some(&StreamViewType::NewImage),
        "stream",
        view.map_or("off", StreamViewType::as_str),
        format!(
            "{update} --stream-specification StreamEnabled=true,StreamViewType=NEW_IMAGE, then deploy again; until then what is due waits up to a minute"
        ),
    )
}

fn keyed(schema: &[KeySchemaElement], partition: &str, sort: &str) -> bool {
    let has = |name: &str, kind: &KeyType| schema.iter().any(|key| key.attribute_name == name && key.key_type == *kind);
    schema.len() == 2 && has(partition, &KeyType::Hash) && has(sort, &KeyType::Range)
}

fn keys(schema: &[KeySchemaElement]) -> String {
    schema.iter().map(KeySchemaElement::attribute_name).collect::<Vec<_>>().join(" and ")
}

async fn time_to_live(client: &Client, name: &str) -> Finding {
    let what = "time to live";
    let next = format!(
        "aws dynamodb update-time-to-live --table-name {name} --time-to-live-specification Enabled=true,AttributeName={TTL}"
    );
    let asked = client.describe_time_to_live().table_name(name).send().await;
    let described = match asked {
        Ok(described) => described.time_to_live_description,
        Err(error) => return unanswered(what, "DescribeTimeToLive", &error),
    };
    let status = described.as_ref().and_then(|described| described.time_to_live_status.as_ref());
    let attribute = described.as_ref().and_then(|described| described.attribute_name.as_deref());
    let is_on = matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling));
    let seen = format!("{} {}", status.map_or("DISABLED", TimeToLiveStatus::as_str), attribute.unwrap_or_default());
    Finding::when(is_on && attribute == Some(TTL), what, seen.trim(), next)
}

async fn backups(client: &Client, name: &str) -> Finding {
    let what = "point-in-time recovery";
    let asked = client.describe_continuous_backups().table_name(name).send().await;
    let described = match asked {
        Ok(described) => described.continuous_backups_description,
        Err(error) => return unanswered(what, "DescribeContinuousBackups", &error),
    };
    let recovery = described.and_then(|described| described.point_in_time_recovery_description);
    let status = recovery.and_then(|recovery| recovery.point_in_time_recovery_status);
    Finding::when(
        status == Some(PointInTimeRecoveryStatus::Enabled),
        what,
        status.as_ref().map_or("DISABLED", PointInTimeRecoveryStatus::as_str),
        format!(
            "aws dynamodb update-continuous-backups --table-name {name} --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
        ),
    )
}

/// A write goes the way that an alarm's goes.
async fn write(name: &str) -> Finding {
    let next = "your role needs dynamodb:UpdateItem on the table; a throttled table needs a look at its limits";
    match Data::Table(name.to_owned()).open().await {
        Err(error) => Finding::wrong("write", format!("{error:#}"), next),
        Ok(log) => match log.ping().await {
            Ok(()) => Finding::ok("write", "reaches the table"),
            Err(error) => Finding::wrong("write", format!("{:#}", anyhow::Error::from(error)), next),
        },
    }
}

fn configuration(folder: Option<&Path>) -> Finding {
    let what = "configuration";
    let Some(folder) = folder else {
        return Finding::not_checked(what, "no folder is named", "name it with --config");
    };
    let problems = lint::read(folder).problems;
    match problems.first() {
        None => Finding::ok(what, format!("{} has no mistakes", folder.display())),
        Some(first) => {
            let seen = format!("{} mistakes; the first: {first}", problems.len());
            Finding::wrong(what, seen, format!("`catops lint {}` lists them all", folder.display()))
        }
    }
}

async fn of_slack() -> Finding {
    let Some(token) = env("SLACK_BOT_TOKEN") else {
        let next = "set SLACK_BOT_TOKEN for this command to the one that stands in the stack's SlackSecret";
        return Finding::not_checked("slack", "SLACK_BOT_TOKEN is not set", next);
    };
    let base = env("SLACK_API_URL").unwrap_or_else(|| API_URL.to_owned());
    let slack = match Slack::new(Secret::new(token), &base) {
        Ok(slack) => slack,
        Err(error) => return Finding::wrong("slack", error.to_string(), "look at SLACK_API_URL"),
    };
    match slack.auth_test().await {
        Ok(identity) => Finding::ok("slack", format!("{} in {}", identity.user, identity.team)),
        Err(failure) => {
            let next = "install the app anew from `catops slack manifest` and take the Bot User OAuth Token from it";
            Finding::wrong("slack", failure.to_string(), next)
        }
    }
}
