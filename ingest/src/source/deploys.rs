//! EventBridge events that tell of changes: `CodeDeploy`, `CodePipeline`, `CloudFormation`. They page nobody; an incident that
//! begins soon after shows them.
//!
//! Shapes: "Monitoring deployments with Amazon CloudWatch Events" (`CodeDeploy` user guide), "Monitoring `CodePipeline` events",
//! "Managing events with `CloudFormation` and Amazon EventBridge".

use super::cloudwatch::opt;
use super::eventbridge::Envelope;
use crate::draft::Draft;
use crate::json::{self, Text};
use crate::malformed::Malformed;
use crate::request::Request;
use crate::time;
use incident::{AlarmState, CHANGE_LABEL, Severity};
use serde::Deserialize;

/// What marks a roll-out of code.
pub(super) const DEPLOY: &str = "deploy";
/// What marks a change of a stack.
const STACK: &str = "stack";

/// The change that an event tells of; none when it is of another kind.
pub(super) fn decode(envelope: &Envelope<'_>, source: &str, request: &Request<'_>) -> Result<Option<Draft>, Malformed> {
    let draft = match opt(envelope.detail_type.as_ref()) {
        "CodeDeploy Deployment State-change Notification" => codedeploy(envelope, source, request)?,
        "CodePipeline Pipeline Execution State Change" => codepipeline(envelope, source, request)?,
        "CloudFormation Stack Status Change" => stack(envelope, source, request)?,
        _ => return Ok(None),
    };
    let draft = draft.state(AlarmState::Info).severity(Severity::Info);
    Ok(Some(draft.occurred_at(envelope.time.as_deref().and_then(time::parse))))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CodeDeploy<'a> {
    #[serde(borrow)]
    application: Text<'a>,
    deployment_id: Option<Text<'a>>,
    deployment_group: Option<Text<'a>>,
    state: Text<'a>,
}

fn codedeploy(envelope: &Envelope<'_>, source: &str, request: &Request<'_>) -> Result<Draft, Malformed> {
    let detail: CodeDeploy<'_> = json::parse_part(envelope.detail, "detail")?;
    let title = format!("CodeDeploy {}: {}", &*detail.application, &*detail.state);
    Ok(Draft::new(source, format!("codedeploy:{}", &*detail.application), &title, request)
        .resource(opt(detail.deployment_group.as_ref()))
        .service(Some(&detail.application))
        .label("deployment", opt(detail.deployment_id.as_ref()))
        .label(CHANGE_LABEL, DEPLOY))
}

#[derive(Deserialize)]
struct CodePipeline<'a> {
    #[serde(borrow)]
    pipeline: Text<'a>,
    state: Text<'a>,
    #[serde(rename = "execution-id")]
    execution: Option<Text<'a>>,
}

fn codepipeline(envelope: &Envelope<'_>, source: &str, request: &Request<'_>) -> Result<Draft, Malformed> {
    let detail: CodePipeline<'_> = json::parse_part(envelope.detail, "detail")?;
    let title = format!("CodePipeline {}: {}", &*detail.pipeline, &*detail.state);
    Ok(Draft::new(source, format!("codepipeline:{}", &*detail.pipeline), &title, request)
        .resource(&detail.pipeline)
        .service(Some(&detail.pipeline))
        .label("execution", opt(detail.execution.as_ref()))
        .label(CHANGE_LABEL, DEPLOY))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Stack<'a> {
    #[serde(borrow)]
    stack_id: Text<'a>,
    status_details: Option<StackStatus<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct StackStatus<'a> {
    #[serde(borrow)]
    status: Text<'a>,
    status_reason: Option<Text<'a>>,
}

fn stack(envelope: &Envelope<'_>, source: &str, request: &Request<'_>) -> Result<Draft, Malformed> {
    let detail: Stack<'_> = json::parse_part(envelope.detail, "detail")?;
    // arn:aws:cloudformation:region:account:stack/name/id
    let name = detail.stack_id.split('/').nth(1).unwrap_or(&detail.stack_id);
    let status = detail.status_details.as_ref().map_or("changed", |details| &*details.status);
    let reason = detail.status_details.as_ref().map_or("", |details| opt(details.status_reason.as_ref()));
    let title = format!("CloudFormation {name}: {status}");
    Ok(Draft::new(source, format!("cloudformation:{}", &*detail.stack_id), &title, request)
        .summary(reason)
        .resource(name)
        .service(Some(name))
        .label(CHANGE_LABEL, STACK))
}
