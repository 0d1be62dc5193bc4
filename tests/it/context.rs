//! What CloudWatch knows of its alarms stands in the card's thread, in a picture and a few lines; and when it cannot be had,
//! card and page come all the same.

use anyhow::{Context, Result};
#[cfg(feature = "aws")]
use serde_json::Value;
use serde_json::json;
#[cfg(feature = "aws")]
use std::time::Duration;
use tests::{Home, Server};

/// Ana is on call for everything, with these lines added.
fn home_with(more: &str) -> Result<Home> {
    Home::of_ana(&format!(
        "reopen_window = \"2h\"\n[slack]\nchannel = \"C0OPS\"\npost_interval = \"0s\"\n{more}\n\
             [[source]]\nkind = \"eventbridge\"\nauth = \"open\"\n[[source]]\nkind = \"generic\"\nauth = \"open\"\n"
    ))
}

/// A CloudWatch alarm's change of state, so many seconds ago, by EventBridge.
async fn change(server: &Server, state: &str, seconds_ago: i64) -> Result<()> {
    let event = json!({
        "version": "0", "id": format!("{state}-{seconds_ago}"), "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch", "account": "123456789012", "time": ago(seconds_ago), "region": "eu-west-1",
        "resources": ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cpu <high>"],
        "detail": {
            "alarmName": "cpu <high>",
            "state": { "value": state, "reason": "Threshold Crossed", "timestamp": ago(seconds_ago) },
            "configuration": { "metrics": [{ "id": "m1", "returnData": true, "metricStat": {
                "metric": { "namespace": "AWS/EC2", "name": "CPUUtilization", "dimensions": { "InstanceId": "i-1" } },
                "period": 300, "stat": "Average" } }] },
        },
    });
    let (status, answer) = server.post("/hooks/eventbridge", &event).await?;
    anyhow::ensure!(status == 202, "{status} {answer}");
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "what is long ago is told relative to the server's clock")]
fn now() -> chrono::DateTime<chrono::Utc> {
    std::time::SystemTime::now().into()
}

fn ago(seconds: i64) -> String {
    (now() - chrono::TimeDelta::seconds(seconds)).to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

async fn kinds(server: &Server) -> Result<Vec<String>> {
    let shown = server.incident(1).await?;
    let events = shown["events"].as_array().context("events")?.iter();
    Ok(events.filter_map(|event| event["kind"].as_str()).map(str::to_owned).collect())
}

async fn until_written(server: &Server, wanted: &[&str]) -> Result<()> {
    let look = async |server: &Server| {
        let kinds = kinds(server).await?;
        Ok(if wanted.iter().all(|wanted| kinds.iter().any(|kind| kind == wanted)) {
            Ok(())
        } else {
            Err(format!("{kinds:?}"))
        })
    };
    server.until(&format!("{wanted:?}"), look).await
}

/// Nothing is under way and nothing will be within a minute but the acknowledgement's timer.
async fn until_quiet(server: &Server) -> Result<()> {
    let look = async |server: &Server| {
        let (waits, runs) =
            (server.metric("catops_effects_pending").await?, server.metric("catops_effects_leased").await?);
        // The time to acknowledge, the daily anchor, and the next handoff.
        Ok(if waits <= 3.0 && runs == 0.0 { Ok(()) } else { Err(format!("{waits} wait, {runs} run")) })
    };
    server.until("quiet", look).await
}

#[cfg(not(feature = "aws"))]
#[tokio::test]
async fn a_build_without_aws_says_so_and_pages() -> Result<()> {
    let home = home_with("[cloudwatch]\npictures = true\n")?;
    let said = home.lint();
    assert!(
        said.contains("[cloudwatch] pictures is true, and this build has no AWS: build with --features aws"),
        "{said}"
    );
    let server = home.serve(&[])?;
    change(&server, "ALARM", 0).await?;
    until_written(&server, &["card_posted", "paged"]).await?;
    until_quiet(&server).await
}

#[cfg(feature = "aws")]
mod aws {
    //! Against a stub that speaks what CloudWatch speaks.

    use super::*;
    use crate::cbor;
    use axum::body::Bytes;
    use axum::http::{HeaderMap, StatusCode, Uri};
    use std::sync::{Arc, Mutex};
    use std::time::Instant;

    const ALARM: &str = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cpu <high>";
    const ON: &str = "[cloudwatch]\npictures = true\n";
    /// A picture of one point.
    const PNG: &str = "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63606060f80f0001040100\
                       5fe5c34b0000000049454e44ae426082";

    /// One call: the operation, who signed it for where, and what was asked.
    #[derive(Debug, Clone)]
    struct Asked {
        operation: String,
        signed: String,
        body: Value,
    }

    type Answer = (u16, Value);

    /// A CloudWatch, and what it was asked.
    struct CloudWatch {
        url: String,
        asked: Arc<Mutex<Vec<Asked>>>,
    }

    impl CloudWatch {
        async fn new(delay: Duration, answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Result<Self> {
            let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
            let (kept, answer) = (Arc::clone(&asked), Arc::new(answer));
            let handle = move |uri: Uri, headers: HeaderMap, body: Bytes| {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                async move {
                    let operation = uri.path().rsplit('/').next().unwrap_or_default().to_owned();
                    let signed = headers["authorization"].to_str().unwrap_or_default().to_owned();
                    let asked = Asked { operation, signed, body: cbor::decode(&body) };
                    let (status, answer) = answer(&asked);
                    kept.lock().expect("no test panics with it").push(asked);
                    #[expect(clippy::disallowed_methods, reason = "a slow network")]
                    tokio::time::sleep(delay).await;
                    let headers = [("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor")];
                    (StatusCode::from_u16(status).expect("a status"), headers, cbor::encode(&answer))
                }
            };
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
            let url = format!("http://{}", listener.local_addr()?);
            let router = axum::Router::new().fallback(handle);
            tokio::spawn(async move { axum::serve(listener, router).await });
            Ok(Self { url, asked })
        }

        fn asked(&self) -> Vec<Asked> {
            self.asked.lock().expect("no test panics with it").clone()
        }

        fn serve(&self, home: &Home) -> Result<Server> {
            home.serve(&[
                ("AWS_REGION", "us-east-1"),
                ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
                ("AWS_SECRET_ACCESS_KEY", "not-a-secret"),
                ("AWS_EC2_METADATA_DISABLED", "true"),
                ("AWS_ENDPOINT_URL_CLOUDWATCH", &self.url),
            ])
        }
    }

    fn metric_alarm(name: &str, arn: &str) -> Value {
        json!({
            "AlarmName": name, "AlarmArn": arn, "Namespace": "AWS/EC2", "MetricName": "CPUUtilization", "Statistic": "Average",
            "Period": 300, "Threshold": 80.5, "ComparisonOperator": "GreaterThanThreshold",
            "Dimensions": [{ "Name": "InstanceId", "Value": "i-1" }],
        })
    }

    fn history_item(seconds_ago: f64, from: &str, to: &str) -> Value {
        let data = json!({ "version": "1.0", "oldState": { "stateValue": from }, "newState": { "stateValue": to } });
        let at = f64::from(i32::try_from(now().timestamp()).expect("before 2038")) - seconds_ago;
        json!({ "AlarmName": "cpu <high>", "Timestamp": { "$time": at }, "HistoryItemType": "StateUpdate", "HistoryData": data.to_string() })
    }

    /// What a healthy CloudWatch says.
    fn healthy(asked: &Asked) -> Answer {
        let day = 86_400.0;
        let neighbour = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:disk <!here>";
        (
            200,
            match asked.operation.as_str() {
                "DescribeAlarms" if asked.body.get("StateValue").is_none() => {
                    json!({ "MetricAlarms": [metric_alarm("cpu <high>", ALARM)], "CompositeAlarms": [] })
                }
                "DescribeAlarms" => json!({
                    "MetricAlarms": [metric_alarm("cpu <high>", ALARM), metric_alarm("disk <!here>", neighbour)],
                    "CompositeAlarms": [{ "AlarmName": "shop", "AlarmArn": "arn:shop", "AlarmRule": format!("ALARM(\"{ALARM}\")") }],
                }),
                "DescribeAlarmHistory" => json!({ "AlarmHistoryItems": [
                history_item(5.0, "OK", "ALARM"),
                history_item(3.0 * day - 720.0, "ALARM", "OK"),
                history_item(3.0 * day, "OK", "ALARM"),
            ] }),
                "ListTagsForResource" => json!({ "Tags": [{ "Key": "team", "Value": "payments & co" }] }),
                "GetMetricWidgetImage" => json!({ "MetricWidgetImage": { "$bytes": PNG } }),
                other => panic!("{other} is not needed"),
            },
        )
    }

    fn failing(_: &Asked) -> Answer {
        (500, json!({ "__type": "com.amazonaws.cloudwatch#InternalServiceFault", "message": "later" }))
    }

    /// The messages in the card's thread that show files, or that hold these words.
    async fn shown(server: &Server, words: &str) -> Result<Vec<Value>> {
        let messages = server.messages("C0OPS", "U0ANA").await?;
        let is_it = |message: &Value| {
            let has_file = message["files"].as_array().is_some_and(|files| !files.is_empty());
            let says = message["rendered_text"].as_str().is_some_and(|text| text.contains(words));
            !message["thread_ts"].is_null() && (has_file || says)
        };
        Ok(messages.into_iter().filter(is_it).collect())
    }

    const LINES: [&str; 4] = [
        "In ALARM once before in 14 days, last 3 days ago for 12 min",
        "Part of: shop",
        "Also in ALARM here: disk <!here>",
        "Tags: team=payments & co",
    ];

    /// Two pages of alarms.
    fn two_pages(asked: &Asked) -> Answer {
        let more = asked.body.get("NextToken").is_some();
        let (name, next) = if more { ("QuasarFlux", Value::Null) } else { ("ServerCpuTooHigh", json!("page-2")) };
        (200, json!({ "MetricAlarms": [metric_alarm(name, ALARM)], "CompositeAlarms": [], "NextToken": next }))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_page_of_an_accounts_alarms_is_covered() -> Result<()> {
        let cloudwatch = CloudWatch::new(Duration::ZERO, two_pages).await?;
        let home = Home::new()?;
        let environment = [
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "not-a-secret".to_owned()),
            ("AWS_ENDPOINT_URL_CLOUDWATCH", cloudwatch.url.clone()),
        ];
        let config = tests::text(&home.config).to_owned();
        let said = tokio::task::spawn_blocking(move || {
            tests::catops_with(&["coverage", "--config", &config, "--cloudwatch", "--json"], &environment)
        });
        let said = said.await?;
        let told: Value = serde_json::from_str(&said.stdout).with_context(|| said.stderr.clone())?;
        let names: Vec<&str> =
            told["report"]["alarms"].as_array().into_iter().flatten().filter_map(|row| row["alarm"].as_str()).collect();
        assert_eq!(names.len(), 2, "{told:#}");
        assert!(names.contains(&"QuasarFlux") && names.contains(&"ServerCpuTooHigh"), "{names:?}");
        assert_eq!(cloudwatch.asked().len(), 2);
        Ok(())
    }

    #[tokio::test]
    async fn the_picture_and_the_story_stand_in_the_thread_once() -> Result<()> {
        let cloudwatch = CloudWatch::new(Duration::ZERO, healthy).await?;
        let home = home_with(ON)?;
        let server = cloudwatch.serve(&home)?;
        change(&server, "ALARM", 5).await?;
        until_written(&server, &["card_posted", "paged", "context_posted"]).await?;

        let shown_now = shown(&server, "In ALARM").await?;
        assert_eq!(shown_now.len(), 1, "{shown_now:?}");
        let card = server.cards("C0OPS", 1).await?[0].clone();
        assert_eq!(shown_now[0]["thread_ts"], card["ts"], "in the card's own thread");
        let read = shown_now[0]["rendered_text"].as_str().context("words")?;
        assert_eq!(read, format!("{}cpu <high>", LINES.join("\n")), "the words, and the picture's title");
        let html = shown_now[0]["html"].as_str().context("HTML")?;
        assert!(
            html.contains("alt=\"The metric of the CloudWatch alarm cpu &lt;high&gt;, the last three hours\""),
            "{html}"
        );
        let file = shown_now[0]["files"][0]["id"].as_str().context("a file")?;
        let picture = server.http.get(format!("{}/local/files/{file}", server.url)).send().await?;
        assert_eq!(picture.headers()["content-type"], "image/png");
        let hex: String = picture.bytes().await?.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, PNG);
        let timeline = server.incident(1).await?["timeline"].as_array().context("lines")?.clone();
        let told = timeline.iter().find(|line| line["kind"] == "context_posted").context("a line")?;
        assert_eq!(told["text"], format!("from CloudWatch: a picture of the metric; {}", LINES.join("; ")));

        let asked = cloudwatch.asked();
        let mut operations: Vec<&str> = asked.iter().map(|asked| asked.operation.as_str()).collect();
        operations.sort_unstable();
        let once =
            ["DescribeAlarmHistory", "DescribeAlarms", "DescribeAlarms", "GetMetricWidgetImage", "ListTagsForResource"];
        assert_eq!(operations, once);
        assert!(asked.iter().all(|asked| asked.signed.contains("/eu-west-1/monitoring/aws4_request")), "in its region");
        let of =
            |operation: &str| asked.iter().find(|asked| asked.operation == operation).map(|asked| asked.body.clone());
        let widget = of("GetMetricWidgetImage").context("a picture")?["MetricWidget"].as_str().map(str::to_owned);
        let expect = json!({
            "title": "cpu <high>", "width": 600, "height": 300, "start": "-PT3H",
            "metrics": [["AWS/EC2", "CPUUtilization", "InstanceId", "i-1", { "stat": "Average", "period": 300 }]],
            "annotations": { "horizontal": [{ "label": "fires > 80.5", "value": 80.5, "color": "#d62728" }] },
        });
        assert_eq!(serde_json::from_str::<Value>(&widget.context("a widget")?)?, expect);
        assert_eq!(of("ListTagsForResource").context("tags")?, json!({ "ResourceARN": ALARM }));

        // It clears and fires again within the hour: what stands there is still true.
        change(&server, "OK", 3).await?;
        change(&server, "ALARM", 1).await?;
        until_written(&server, &["cleared", "refired"]).await?;
        until_quiet(&server).await?;
        assert_eq!(shown(&server, "In ALARM").await?.len(), 1);
        assert_eq!(cloudwatch.asked().len(), 5);
        Ok(())
    }

    #[tokio::test]
    async fn an_upload_whose_answer_was_lost_is_not_uploaded_again() -> Result<()> {
        let cloudwatch = CloudWatch::new(Duration::ZERO, healthy).await?;
        let home = home_with(ON)?;
        let server = cloudwatch.serve(&home)?;
        let fault = json!({ "method": "files.completeUploadExternal", "kind": "applied_then_timeout" });
        server.local("faults", &fault).await?;
        change(&server, "ALARM", 5).await?;
        until_written(&server, &["context_posted"]).await?;
        until_quiet(&server).await?;
        assert_eq!(shown(&server, "In ALARM").await?.len(), 1);
        Ok(())
    }

    #[tokio::test]
    async fn without_the_right_to_upload_the_words_come_alone() -> Result<()> {
        let cloudwatch = CloudWatch::new(Duration::ZERO, healthy).await?;
        let home = home_with(ON)?;
        let server = cloudwatch.serve(&home)?;
        let fault = json!({ "method": "files.getUploadURLExternal", "kind": "missing_scope", "count": 1_000_000 });
        server.local("faults", &fault).await?;
        change(&server, "ALARM", 5).await?;
        until_written(&server, &["context_posted"]).await?;
        let shown = shown(&server, "In ALARM").await?;
        assert_eq!(shown.len(), 1, "{shown:?}");
        assert_eq!(shown[0]["rendered_text"], LINES.join("\n"));
        Ok(())
    }

    #[tokio::test]
    async fn slack_says_when_the_picture_may_come() -> Result<()> {
        let cloudwatch = CloudWatch::new(Duration::ZERO, healthy).await?;
        let home = home_with(ON)?;
        let server = cloudwatch.serve(&home)?;
        let fault = json!({ "method": "files.getUploadURLExternal", "kind": "ratelimited", "retry_after": 3 });
        server.local("faults", &fault).await?;
        change(&server, "ALARM", 5).await?;
        until_written(&server, &["context_posted"]).await?;
        let traffic = server.get("/local/traffic").await?;
        let calls = traffic["exchanges"].as_array().context("exchanges")?.iter();
        let at: Vec<f64> = calls
            .filter(|call| call["name"] == "files.getUploadURLExternal")
            .filter_map(|call| call["at"].as_f64())
            .collect();
        assert_eq!(at.len(), 2, "{at:?}");
        assert!(at[1] - at[0] >= 3000.0, "{at:?}");
        Ok(())
    }

    #[tokio::test]
    async fn of_a_composite_alarm_there_are_words_only() -> Result<()> {
        let composite = |asked: &Asked| {
            let answer = match asked.operation.as_str() {
                "DescribeAlarms" if asked.body.get("StateValue").is_none() => json!({
                    "MetricAlarms": [],
                    "CompositeAlarms": [{ "AlarmName": "cpu <high>", "AlarmArn": ALARM, "AlarmRule": "ALARM(disk) OR ALARM(queue)" }],
                }),
                "DescribeAlarms" => {
                    json!({ "MetricAlarms": [metric_alarm("disk", "arn:disk")], "CompositeAlarms": [] })
                }
                "DescribeAlarmHistory" => json!({ "AlarmHistoryItems": [] }),
                "ListTagsForResource" => {
                    return (
                        400,
                        json!({ "__type": "com.amazonaws.cloudwatch#AccessDeniedException", "message": "no" }),
                    );
                }
                other => panic!("{other} is not needed"),
            };
            (200, answer)
        };
        let cloudwatch = CloudWatch::new(Duration::ZERO, composite).await?;
        let home = home_with(ON)?;
        let server = cloudwatch.serve(&home)?;
        change(&server, "ALARM", 5).await?;
        until_written(&server, &["context_posted"]).await?;
        let shown = shown(&server, "Not in ALARM").await?;
        assert_eq!(shown.len(), 1, "{shown:?}");
        assert_eq!(shown[0]["rendered_text"], "Not in ALARM before in 14 days\nBecause of: disk");
        assert_eq!(cloudwatch.asked().len(), 4, "what is forbidden is asked once");
        Ok(())
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "it measures how long a page takes")]
    async fn a_cloudwatch_that_fails_or_hangs_keeps_nobody_waiting() -> Result<()> {
        for (delay, answer) in [(Duration::ZERO, failing as fn(&Asked) -> Answer), (Duration::from_secs(60), healthy)] {
            let cloudwatch = CloudWatch::new(delay, answer).await?;
            let home = home_with(ON)?;
            let server = cloudwatch.serve(&home)?;
            let began = Instant::now();
            change(&server, "ALARM", 5).await?;
            until_written(&server, &["card_posted", "paged"]).await?;
            assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
            let look = async |_: &Server| {
                Ok(if cloudwatch.asked().is_empty() { Err("not asked") } else { Ok(()) }.map_err(str::to_owned))
            };
            server.until("a call", look).await?;
            // While it is asked, the next alarm is paged too.
            let began = Instant::now();
            assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
            let look = async |server: &Server| {
                let paged =
                    server.incident(2).await?["incident"]["paged"].as_array().is_some_and(|paged| !paged.is_empty());
                Ok(if paged { Ok(()) } else { Err("not paged".to_owned()) })
            };
            server.until("the next page", look).await?;
            assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
            let look = async |server: &Server| {
                let waits = server.metric("catops_effects_pending").await?;
                Ok(if waits <= 4.0 && cloudwatch.asked().len() >= 12 { Ok(()) } else { Err(format!("{waits} wait")) })
            };
            server.until("three attempts, and no more", look).await?;
            assert!(!kinds(&server).await?.contains(&"context_posted".to_owned()));
            assert_eq!(shown(&server, "In ALARM").await?, Vec::<Value>::new());
        }
        Ok(())
    }

    #[tokio::test]
    async fn nobody_is_asked_who_was_not_told_to_be() -> Result<()> {
        let cloudwatch = CloudWatch::new(Duration::ZERO, healthy).await?;
        let home = home_with("")?;
        let server = cloudwatch.serve(&home)?;
        change(&server, "ALARM", 5).await?;
        until_written(&server, &["card_posted", "paged"]).await?;
        until_quiet(&server).await?;
        assert!(cloudwatch.asked().is_empty());
        Ok(())
    }
}
