//! What happens around CatOps in the demo, in order. Every alarm goes through the real hooks.

use super::service::Shop;
use crate::app::App;
use crate::clock;
use incident::AlarmKey;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How often the shop breaks; once to be repaired, once more to show that CatOps remembers, and once for luck.
const SHOP_BREAKS: u32 = 3;

/// Pods of the storm: more than get a card each.
const PODS: u32 = 9;

/// The alarm key of the shop's uptime check.
const SHOP_KEY: &str = "uptime:shop";

/// Plays until the process ends.
pub async fn play(app: Arc<App>, shop: Arc<Shop>, url: String) {
    let stage = Stage { app, url };
    tokio::join!(stage.surroundings(), stage.shop(&shop));
}

struct Stage {
    app: Arc<App>,
    url: String,
}

impl Stage {
    /// Sample alarms fire, repeat and recover; a storm comes; one alarm has no runbook.
    async fn surroundings(&self) {
        pause(1).await;
        self.send("eventbridge", &rds_cpu("ALARM", 97.4)).await;
        pause(6).await;
        self.send("eventbridge", &rds_cpu("ALARM", 98.9)).await;
        pause(12).await;
        self.send("generic", &odd()).await;
        pause(20).await;
        self.storm().await;
        pause(15).await;
        self.send("eventbridge", &rds_cpu("OK", 31.0)).await;
        pause(30).await;
        self.send("alertmanager", &pods("resolved")).await;
    }

    /// Nine alerts of one rollout in one delivery, then the same again twenty times in two seconds: nine incidents, five
    /// cards, and a digest for the rest.
    async fn storm(&self) {
        for _ in 0..20 {
            self.send("alertmanager", &pods("firing")).await;
            clock::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The shop breaks, waits to be repaired, and breaks again.
    async fn shop(&self, shop: &Shop) {
        pause(4).await;
        for _ in 0..SHOP_BREAKS {
            shop.break_it();
            while shop.is_broken() || self.shop_incident_is_open().await {
                pause(1).await;
            }
            // Longer than the demo's reopen window: the next break is a new incident, and its card shows the record.
            pause(40).await;
        }
    }

    async fn shop_incident_is_open(&self) -> bool {
        let claim = crate::flow::names::claim(&AlarmKey::from(SHOP_KEY));
        let claimed = self.app.log.load_claimed(&claim).await.ok().flatten();
        let listing = claimed.and_then(|claimed| claimed.stream).and_then(|stream| stream.head.listing);
        listing.as_deref() == Some(crate::flow::names::OPEN)
    }

    async fn send(&self, source: &str, body: &Value) {
        let sent = self.app.http.post(format!("{}/hooks/{source}", self.url)).json(body).send().await;
        if let Err(error) = sent {
            tracing::warn!(error = %error, "the demo could not send its {source} alarm");
        }
    }
}

async fn pause(seconds: u64) {
    clock::sleep(Duration::from_secs(seconds)).await;
}

fn rds_cpu(state: &str, percent: f64) -> Value {
    let stamp = clock::now().format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string();
    let arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:orders-db CPU above 90 percent";
    json!({
        "version": "0", "id": format!("demo-{stamp}"), "detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch",
        "account": "123456789012", "time": stamp, "region": "eu-west-1", "resources": [arn],
        "detail": {
            "alarmName": "orders-db CPU above 90 percent",
            "configuration": { "description": "CPU of the orders database is high", "metrics": [{
                "id": "m1", "returnData": true,
                "metricStat": { "period": 60, "stat": "Average", "metric": {
                    "namespace": "AWS/RDS", "name": "CPUUtilization", "dimensions": { "DBInstanceIdentifier": "orders-db" },
                } },
            }] },
            "state": {
                "value": state, "timestamp": stamp,
                "reason": format!("Threshold Crossed: 1 datapoint [{percent}] compared with the threshold (90.0)."),
            },
        },
    })
}

fn pods(status: &str) -> Value {
    let now = clock::now().to_rfc3339();
    let ends_at = if status == "resolved" { now.as_str() } else { "0001-01-01T00:00:00Z" };
    let alerts: Vec<Value> = (0..PODS)
        .map(|pod| {
            json!({
                "status": status, "startsAt": now, "endsAt": ends_at, "fingerprint": format!("d0d0{pod:012}"),
                "generatorURL": "http://127.0.0.1:9090/graph?g0.expr=rate%28kube_pod_container_status_restarts_total%5B5m%5D%29+%3E+0",
                "labels": {
                    "alertname": "KubePodCrashLooping", "severity": "warning", "namespace": "billing", "service": "billing-worker",
                    "deployment": "billing-worker", "pod": format!("billing-worker-7c9f-{pod}"),
                },
                "annotations": { "summary": format!("Pod billing-worker-7c9f-{pod} restarts again and again") },
            })
        })
        .collect();
    json!({
        "version": "4", "receiver": "catops", "status": status, "groupKey": "{}:{alertname=\"KubePodCrashLooping\"}",
        "groupLabels": { "alertname": "KubePodCrashLooping" }, "commonLabels": {}, "commonAnnotations": {},
        "externalURL": "http://127.0.0.1:9093", "alerts": alerts,
    })
}

fn odd() -> Value {
    json!({
        "title": "Flux capacitor below 1.21 gigawatts", "key": "flux-capacitor", "state": "firing", "severity": "warning",
        "summary": "An alarm that nobody has written a runbook for", "occurred_at": clock::now().to_rfc3339(),
    })
}
