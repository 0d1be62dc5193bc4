//! `catops send-test`: a sample alarm, sent the way the real sender sends it.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::process::ExitCode;

use super::read::block_on;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The sender to play: cloudwatch, sns, alertmanager, uptimerobot, pagerduty, grafana, generic.
    #[arg(long, default_value = "cloudwatch")]
    source: String,
    /// The running CatOps.
    #[arg(long, env = "CATOPS_URL", default_value = "http://127.0.0.1:7070")]
    url: String,
    /// The source's name in catops.toml, when it differs from its kind.
    #[arg(long)]
    name: Option<String>,
    /// The source's secret.
    #[arg(long, env = "CATOPS_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The alarm's name.
    #[arg(long, default_value = "checkout-api p99 latency")]
    title: String,
    /// Say that it is over instead of that it fires.
    #[arg(long)]
    clear: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let (kind, body) = body(args)?;
    let path = args.name.as_deref().unwrap_or(kind);
    let url = format!("{}/hooks/{path}", args.url.trim_end_matches('/'));
    let (status, answer) = block_on(async {
        let mut request = reqwest::Client::new().post(&url).json(&body);
        if let Some(token) = &args.token {
            request = request.bearer_auth(token);
        }
        let response = request
            .send()
            .await
            .with_context(|| format!("no CatOps answers at {url}; start one, or name it with --url"))?;
        Ok((response.status(), response.text().await?))
    })?;
    println!("{status} {answer}");
    if !status.is_success() {
        bail!("{url} refused the alarm; see the answer above");
    }
    Ok(ExitCode::SUCCESS)
}

fn body(args: &Args) -> Result<(&'static str, Value)> {
    let now = crate::clock::now();
    let stamp = now.format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string();
    let state = if args.clear { "OK" } else { "ALARM" };
    let alarm_arn = format!("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{}", args.title);
    Ok(match args.source.as_str() {
        "cloudwatch" | "eventbridge" => ("eventbridge", cloudwatch(args, &stamp, state, &alarm_arn)),
        "alertmanager" => ("alertmanager", alertmanager(args, &now.to_rfc3339())),
        "grafana" => ("grafana", alertmanager(args, &now.to_rfc3339())),
        "uptimerobot" => (
            "uptimerobot",
            json!({
                "key": args.token, "monitorID": "777749809", "monitorURL": "https://www.example.com/health",
                "monitorFriendlyName": args.title, "alertType": if args.clear { "2" } else { "1" },
                "alertDetails": "HTTP 503 - Service Unavailable", "alertDateTime": now.timestamp().to_string(),
                "sslExpiryDate": "*sslExpiryDate*",
            }),
        ),
        "pagerduty" => (
            "pagerduty",
            json!({
                "routing_key": args.token.as_deref().unwrap_or("test"), "dedup_key": args.title,
                "event_action": if args.clear { "resolve" } else { "trigger" },
                "payload": { "summary": args.title, "source": "catops send-test", "severity": "error", "timestamp": now.to_rfc3339() },
            }),
        ),
        "generic" => (
            "generic",
            json!({
                "title": args.title, "key": args.title, "state": if args.clear { "cleared" } else { "firing" },
                "severity": "error", "service": "checkout-api", "summary": "sent by catops send-test", "occurred_at": now.to_rfc3339(),
            }),
        ),
        "sns" => bail!(
            "an SNS message needs Amazon's signature; publish to the topic itself: aws sns publish --topic-arn ..."
        ),
        other => bail!(
            "there is no source \"{other}\"; there are cloudwatch, alertmanager, grafana, uptimerobot, pagerduty, generic"
        ),
    })
}

fn cloudwatch(args: &Args, stamp: &str, state: &str, arn: &str) -> Value {
    json!({
        "version": "0", "id": format!("send-test-{stamp}"), "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch", "account": "123456789012", "time": stamp, "region": "eu-west-1", "resources": [arn],
        "detail": {
            "alarmName": args.title,
            "configuration": {
                "description": "p99 latency of checkout-api is above 1 s",
                "metrics": [{ "id": "m1", "returnData": true, "metricStat": { "period": 60, "stat": "p99", "metric": {
                    "namespace": "AWS/ApplicationELB", "name": "TargetResponseTime", "dimensions": { "LoadBalancer": "app/checkout-api/50dc6c495c0c9188" },
                } } }],
            },
            "previousState": { "value": if args.clear { "ALARM" } else { "OK" }, "timestamp": stamp, "reason": "" },
            "state": { "value": state, "timestamp": stamp, "reason": "Threshold Crossed: 3 datapoints [4.2, 4.0, 3.9] were greater than the threshold (1.0)." },
        },
    })
}

fn alertmanager(args: &Args, now: &str) -> Value {
    let status = if args.clear { "resolved" } else { "firing" };
    let ends_at = if args.clear { now } else { "0001-01-01T00:00:00Z" };
    let labels = json!({ "alertname": args.title, "severity": "critical", "service": "checkout-api" });
    json!({
        "version": "4", "receiver": "catops", "status": status, "groupKey": format!("{{}}:{{alertname={:?}}}", args.title),
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://127.0.0.1:9093",
        "alerts": [{
            "status": status, "labels": labels, "annotations": { "summary": "sent by catops send-test" },
            "startsAt": now, "endsAt": ends_at, "generatorURL": "http://127.0.0.1:9090/graph", "fingerprint": "c0ffee0000000001",
        }],
    })
}
