//! EventBridge events of other AWS services: ECS, `GuardDuty`, AWS Health. What tells of no trouble is information.
//!
//! Shapes: the "events" chapters of each service's developer guide, and the payloads in `tests/corpus/sources/`.

use super::cloudwatch::opt;
use super::deploys::DEPLOY;
use super::eventbridge::Envelope;
use crate::draft::{Draft, fingerprint};
use crate::json::{self, Scalar, Text};
use crate::malformed::Malformed;
use crate::request::Request;
use crate::time;
use incident::{Alarm, AlarmState, CHANGE_LABEL, Severity};
use serde::Deserialize;

/// The event of a service that is rolled out.
const DEPLOYMENT: &str = "ECS Deployment State Change";

/// Any event but those of CloudWatch alarms.
pub(super) fn decode(envelope: &Envelope<'_>, source: &str, request: &Request<'_>) -> Result<Alarm, Malformed> {
    let detail_type = opt(envelope.detail_type.as_ref());
    let change = super::deploys::decode(envelope, source, request)?;
    let draft = match detail_type {
        _ if change.is_some() => change.unwrap_or_else(|| information(envelope, source, request)),
        "ECS Service Action" | DEPLOYMENT => ecs_service(envelope, source, request)?,
        "ECS Task State Change" => ecs_task(envelope, source, request)?,
        "GuardDuty Finding" => guardduty(envelope, source, request)?,
        "AWS Health Event" => health(envelope, source, request)?,
        _ => information(envelope, source, request),
    };
    Ok(draft
        .delivery(envelope.delivery()?)
        .label("detail_type", detail_type)
        .label("event_source", opt(envelope.source.as_ref()))
        .label("region", opt(envelope.region.as_ref()))
        .label("account", opt(envelope.account.as_ref()))
        .finish(request))
}

fn information(envelope: &Envelope<'_>, source: &str, request: &Request<'_>) -> Draft {
    let (vendor, detail_type) = (opt(envelope.source.as_ref()), opt(envelope.detail_type.as_ref()));
    let resource = envelope.resources.first().map_or("", |arn| arn);
    Draft::new(source, format!("{vendor}:{}", fingerprint(&[detail_type, resource])), detail_type, request)
        .state(AlarmState::Info)
        .severity(Severity::Info)
        .resource(resource)
        .occurred_at(envelope.time.as_deref().and_then(time::parse))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EcsService<'a> {
    #[serde(borrow)]
    event_type: Text<'a>,
    event_name: Text<'a>,
    reason: Option<Text<'a>>,
    cluster_arn: Option<Text<'a>>,
}

/// A service's trouble has the service's ARN as key, and ends when the service says that it is steady again.
fn ecs_service(envelope: &Envelope<'_>, source: &str, request: &Request<'_>) -> Result<Draft, Malformed> {
    let detail: EcsService<'_> = json::parse_part(envelope.detail, "detail")?;
    let arn: &str = envelope.resources.first().ok_or_else(|| Malformed::missing("resources"))?;
    let (state, severity) = match (&*detail.event_type, &*detail.event_name) {
        ("ERROR", _) => (AlarmState::Firing, Severity::Error),
        ("WARN", _) => (AlarmState::Firing, Severity::Warning),
        (_, "SERVICE_STEADY_STATE" | "SERVICE_DEPLOYMENT_COMPLETED") => (AlarmState::Cleared, Severity::Info),
        _ => (AlarmState::Info, Severity::Info),
    };
    let service = arn.rsplit('/').next().unwrap_or_default();
    Ok(Draft::new(source, format!("ecs:{arn}"), &format!("ECS service {service}: {}", &*detail.event_name), request)
        .state(state)
        .severity(severity)
        .summary(opt(detail.reason.as_ref()))
        .resource(service)
        .service(Some(service))
        .label(CHANGE_LABEL, if opt(envelope.detail_type.as_ref()) == DEPLOYMENT { DEPLOY } else { "" })
        .label("ClusterName", opt(detail.cluster_arn.as_ref()).rsplit('/').next().unwrap_or_default())
        .occurred_at(envelope.time.as_deref().and_then(time::parse)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EcsTask<'a> {
    #[serde(borrow)]
    cluster_arn: Text<'a>,
    last_status: Text<'a>,
    group: Option<Text<'a>>,
    stop_code: Option<Text<'a>>,
    stopped_reason: Option<Text<'a>>,
    #[serde(default)]
    containers: Vec<EcsContainer<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EcsContainer<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    exit_code: Option<i64>,
    reason: Option<Text<'a>>,
}

/// Only a task that stopped by its own fault is trouble; deployments and scaling stop healthy tasks all day.
fn ecs_task(envelope: &Envelope<'_>, source: &str, request: &Request<'_>) -> Result<Draft, Malformed> {
    let detail: EcsTask<'_> = json::parse_part(envelope.detail, "detail")?;
    let stop_code = opt(detail.stop_code.as_ref());
    let failed = detail.containers.iter().find(|container| container.exit_code.is_some_and(|code| code != 0));
    let is_trouble = &*detail.last_status == "STOPPED"
        && (stop_code == "TaskFailedToStart" || (stop_code == "EssentialContainerExited" && failed.is_some()));
    let group = opt(detail.group.as_ref());
    // The ARN of the service, so that its steady state ends this; a task without a service has none.
    let key = match group.strip_prefix("service:") {
        Some(service) => detail.cluster_arn.replacen(":cluster/", ":service/", 1) + "/" + service,
        None => format!("{}:{group}", &*detail.cluster_arn),
    };
    let service = group.split_once(':').map_or(group, |(_, name)| name);
    let ended = failed.map(|container| {
        let code = container.exit_code.unwrap_or_default();
        format!("container {} ended with code {code}", opt(container.name.as_ref()))
    });
    let reason = failed.map_or("", |container| opt(container.reason.as_ref()));
    let parts = [opt(detail.stopped_reason.as_ref()), ended.as_deref().unwrap_or_default(), reason];
    let summary: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let title = format!("ECS task of {service}: {}", &*detail.last_status);
    Ok(Draft::new(source, format!("ecs:{key}"), &title, request)
        .state(if is_trouble { AlarmState::Firing } else { AlarmState::Info })
        .severity(if is_trouble { Severity::Error } else { Severity::Info })
        .summary(summary.join("; "))
        .resource(envelope.resources.first().map_or("", |arn| arn))
        .service(Some(service))
        .label("ClusterName", detail.cluster_arn.rsplit('/').next().unwrap_or_default())
        .label("stop_code", stop_code)
        .occurred_at(envelope.time.as_deref().and_then(time::parse)))
}

#[derive(Deserialize)]
struct GuardDuty<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(rename = "type")]
    finding: Text<'a>,
    severity: f64,
    title: Text<'a>,
    description: Option<Text<'a>>,
    region: Option<Text<'a>>,
    #[serde(rename = "updatedAt")]
    updated_at: Option<Text<'a>>,
    service: Option<GuardDutyService<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GuardDutyService<'a> {
    #[serde(default)]
    archived: bool,
    #[serde(borrow)]
    additional_info: Option<GuardDutyInfo<'a>>,
}

#[derive(Deserialize)]
struct GuardDutyInfo<'a> {
    #[serde(borrow)]
    sample: Option<Scalar<'a>>,
}

/// Severity is a number: 9 critical, 7 high, 4 medium, below low (`GuardDuty` user guide, "Severity levels"). Low findings
/// and samples inform; an archived finding is over.
fn guardduty(envelope: &Envelope<'_>, source: &str, request: &Request<'_>) -> Result<Draft, Malformed> {
    let detail: GuardDuty<'_> = json::parse_part(envelope.detail, "detail")?;
    let severity = match detail.severity {
        9.0.. => Severity::Critical,
        7.0.. => Severity::Error,
        4.0.. => Severity::Warning,
        _ => Severity::Info,
    };
    let service = detail.service.as_ref();
    let is_sample = service
        .and_then(|service| service.additional_info.as_ref()?.sample.as_ref())
        .is_some_and(|sample| &*sample.0 == "true");
    let state = match service {
        Some(service) if service.archived => AlarmState::Cleared,
        _ if is_sample || severity <= Severity::Info => AlarmState::Info,
        _ => AlarmState::Firing,
    };
    let region = opt(detail.region.as_ref().or(envelope.region.as_ref()));
    let is_region = !region.is_empty() && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_id = detail.id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let console = if is_region && is_id {
        format!(
            "https://{region}.console.aws.amazon.com/guardduty/home?region={region}#/findings?search=id%3D{}",
            &*detail.id
        )
    } else {
        String::new()
    };
    Ok(Draft::new(source, format!("guardduty:{}", &*detail.id), &detail.title, request)
        .state(state)
        .severity(severity)
        .summary(opt(detail.description.as_ref()))
        .resource(envelope.resources.first().map_or("", |arn| arn))
        .label("finding", &detail.finding)
        .link("console", &console)
        .occurred_at(detail.updated_at.as_deref().or(envelope.time.as_deref()).and_then(time::parse)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Health<'a> {
    #[serde(borrow)]
    event_arn: Text<'a>,
    service: Text<'a>,
    event_type_code: Text<'a>,
    event_type_category: Text<'a>,
    status_code: Option<Text<'a>>,
    event_region: Option<Text<'a>>,
    last_updated_time: Option<Text<'a>>,
    affected_account: Option<Text<'a>>,
    #[serde(default)]
    event_description: Vec<HealthDescription<'a>>,
    #[serde(default)]
    affected_entities: Vec<HealthEntity<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HealthDescription<'a> {
    #[serde(borrow)]
    latest_description: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HealthEntity<'a> {
    #[serde(borrow)]
    entity_value: Option<Text<'a>>,
}

/// An open issue is trouble; planned work and notices inform. The event's ARN alone is not unique to an account.
fn health(envelope: &Envelope<'_>, source: &str, request: &Request<'_>) -> Result<Draft, Malformed> {
    let detail: Health<'_> = json::parse_part(envelope.detail, "detail")?;
    let account = opt(detail.affected_account.as_ref().or(envelope.account.as_ref()));
    let (state, severity) = match (&*detail.event_type_category, opt(detail.status_code.as_ref())) {
        (_, "closed") => (AlarmState::Cleared, Severity::Info),
        ("issue", _) => (AlarmState::Firing, Severity::Error),
        ("scheduledChange", _) => (AlarmState::Info, Severity::Warning),
        _ => (AlarmState::Info, Severity::Info),
    };
    let entity = detail.affected_entities.first().and_then(|entity| entity.entity_value.as_deref());
    let description = detail.event_description.first().and_then(|text| text.latest_description.as_deref());
    let updated = detail.last_updated_time.as_deref().or(envelope.time.as_deref());
    let title = format!("AWS Health: {}", &*detail.event_type_code);
    Ok(Draft::new(source, format!("health:{}:{account}", &*detail.event_arn), &title, request)
        .state(state)
        .severity(severity)
        .summary(description.unwrap_or_default())
        .resource(entity.unwrap_or_default())
        .label("aws_service", &detail.service)
        .label("category", &detail.event_type_category)
        .label("region", opt(detail.event_region.as_ref()))
        .link("dashboard", "https://health.aws.amazon.com/health/home")
        .occurred_at(updated.and_then(time::parse)))
}
