//! `catops doctor --aws` in an account that lacks what a table made by hand lacks, in one where everything stands, and in one
//! without a table.

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::{BillingMode, StreamSpecification, StreamViewType, TimeToLiveSpecification};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::{Home, Said, catops_with, text};
use tokio::net::TcpListener;

use crate::parity::{aws, dynamo};

const TABLE: &str = "catops";

/// An account: dynoxide, and before it what dynoxide does not have. Slack, too.
struct Account {
    dynamodb: dynamo::Server,
    url: String,
    front: Arc<Front>,
}

struct Front {
    dynamodb: String,
    http: reqwest::Client,
    backs_up: AtomicBool,
    denies: AtomicBool,
}

impl Account {
    async fn start() -> Result<Self> {
        let dynamodb = dynamo::Server::start();
        let front = Arc::new(Front {
            dynamodb: dynamodb.url(),
            http: reqwest::Client::new(),
            backs_up: AtomicBool::new(false),
            denies: AtomicBool::new(false),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().route("/", post(ask)).route("/api/auth.test", post(who)).with_state(front.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { dynamodb, url, front })
    }

    fn examine(&self, words: &[&str], also: &[(&'static str, String)]) -> Said {
        let mut environment = aws(&self.dynamodb);
        environment.push(("AWS_ENDPOINT_URL", self.url.clone()));
        environment.extend(also.iter().cloned());
        catops_with(&[&["doctor", "--aws", "--data", "dynamodb:catops"], words].concat(), &environment)
    }

    /// The findings by what was looked at.
    fn findings(&self, words: &[&str], also: &[(&'static str, String)]) -> Result<(Option<i32>, Vec<Value>)> {
        let said = self.examine(&[words, &["--json"]].concat(), also);
        let told: Value = serde_json::from_str(&said.stdout).with_context(|| said.stderr.clone())?;
        ensure!(told["ok"] == (said.code == Some(0)), "{told}");
        Ok((said.code, told["findings"].as_array().cloned().unwrap_or_default()))
    }
}

async fn ask(State(front): State<Arc<Front>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    if target.ends_with(".DescribeContinuousBackups") {
        if front.denies.load(Ordering::Relaxed) {
            let denied =
                json!({ "__type": "com.amazon.coral.service#AccessDeniedException", "Message": "not authorized" });
            return (StatusCode::BAD_REQUEST, axum::Json(denied)).into_response();
        }
        let status = if front.backs_up.load(Ordering::Relaxed) { "ENABLED" } else { "DISABLED" };
        let recovery = json!({ "PointInTimeRecoveryStatus": status });
        let told = json!({ "ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery });
        return axum::Json(json!({ "ContinuousBackupsDescription": told })).into_response();
    }
    let mut request = front.http.post(&front.dynamodb).body(body);
    for name in ["x-amz-target", "content-type", "authorization", "x-amz-date"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    let Ok(answer) = request.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let status = answer.status();
    (status, answer.bytes().await.unwrap_or_default()).into_response()
}

async fn who(headers: HeaderMap) -> Response {
    let known = headers.get("authorization").is_some_and(|token| token == "Bearer xoxb-right");
    let refused = json!({ "ok": false, "error": "invalid_auth" });
    let told = json!({ "ok": true, "user_id": "U0BOT", "user": "catops", "team": "Acme", "team_id": "T0ACME" });
    axum::Json(if known { told } else { refused }).into_response()
}

fn slack(account: &Account, token: &str) -> [(&'static str, String); 2] {
    [("SLACK_API_URL", format!("{}/api", account.url)), ("SLACK_BOT_TOKEN", token.to_owned())]
}

fn states(findings: &[Value]) -> Vec<(&str, &str)> {
    findings.iter().filter_map(|found| Some((found["what"].as_str()?, found["state"].as_str()?))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_table_lacks_is_said_with_the_command_that_mends_it() -> Result<()> {
    let account = Account::start().await?;
    dynamo::create(&account.dynamodb.client(), TABLE).await;
    let home = Home::new()?;
    home.set("reopen_window = \"30m\"", "reopen_window = \"soon\"")?;
    let (code, findings) = account.findings(&["--config", text(&home.config)], &slack(&account, "xoxb-wrong"))?;
    ensure!(code == Some(1));
    let expected = [
        ("region", "ok"),
        ("credentials", "ok"),
        ("table", "ok"),
        ("keys", "ok"),
        ("index", "ok"),
        ("stream", "wrong"),
        ("billing", "ok"),
        ("deletion protection", "wrong"),
        ("time to live", "wrong"),
        ("point-in-time recovery", "wrong"),
        ("write", "ok"),
        ("configuration", "wrong"),
        ("slack", "wrong"),
    ];
    ensure!(states(&findings) == expected, "{findings:#?}");
    ensure!(!format!("{findings:?}").contains("xoxb"), "a token is shown: {findings:#?}");
    for found in findings.iter().filter(|found| found["state"] == "wrong") {
        ensure!(found["next"].as_str().is_some_and(|next| next.len() > 20), "{found} says not what to do");
    }
    let said = account.examine(&[], &[]).stdout;
    for wanted in [
        "WRONG       time to live            DISABLED",
        "-> aws dynamodb update-time-to-live --table-name catops",
        "not checked configuration",
        "not checked slack",
        "ok          region                  us-east-1",
        "4 wrong, 2 not checked, 7 ok",
    ] {
        ensure!(said.contains(wanted), "{wanted:?} is missing:\n{said}");
    }
    account.front.denies.store(true, Ordering::Relaxed);
    let said = account.examine(&[], &[]).stdout;
    ensure!(said.contains("-> your role needs dynamodb:DescribeContinuousBackups on the table"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_wrong_where_everything_stands() -> Result<()> {
    let account = Account::start().await?;
    let client = account.dynamodb.client();
    dynamo::create(&client, TABLE).await;
    let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewImage);
    client
        .update_table()
        .table_name(TABLE)
        .stream_specification(stream.build()?)
        .deletion_protection_enabled(true)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await?;
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("ttl").build()?;
    client.update_time_to_live().table_name(TABLE).time_to_live_specification(ttl).send().await?;
    account.front.backs_up.store(true, Ordering::Relaxed);
    let home = Home::new()?;
    let said = account.examine(&["--config", text(&home.config)], &slack(&account, "xoxb-right"));
    ensure!(said.code == Some(0), "{}{}", said.stdout, said.stderr);
    ensure!(
        said.stdout.contains("catops in Acme") && said.stdout.contains("0 wrong, 0 not checked, 13 ok"),
        "{}",
        said.stdout
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_the_table_says_where_its_name_stands() -> Result<()> {
    let account = Account::start().await?;
    let (code, findings) = account.findings(&[], &[])?;
    ensure!(code == Some(1));
    let expected = [
        ("region", "ok"),
        ("credentials", "ok"),
        ("table", "wrong"),
        ("configuration", "not_checked"),
        ("slack", "not_checked"),
    ];
    ensure!(states(&findings) == expected, "{findings:#?}");
    ensure!(findings[2]["seen"].as_str().is_some_and(|seen| seen.contains("ResourceNotFoundException")));
    let (_, findings) =
        account.findings(&[], &[("AWS_REGION", String::new()), ("AWS_EC2_METADATA_DISABLED", "true".to_owned())])?;
    ensure!(states(&findings)[0] == ("region", "wrong"), "{findings:#?}");
    Ok(())
}

#[test]
fn a_folder_is_no_account() {
    let said = catops_with(&["doctor", "--aws", "--data", "/tmp/x"], &[]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("write --data dynamodb:TABLE"), "{}", said.stderr);
}
