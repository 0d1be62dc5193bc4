//! What other systems send: every sample of the corpus comes in through the real door, and bad deliveries are answered
//! so that their sender knows what to do. The titles are what CatOps made of each sample when this was written, compared
//! with the sample's own words; an empty list pins that nothing opens, and is no proof that nothing should.

use serde_json::{Value, json};
use tests::{Server, catops, deliveries_of, root};

/// A sample, the hook it belongs to, and the titles of the incidents that it opens.
const SAMPLES: [(&str, &str, &[&str]); 42] = [
    ("alerta-cloudwatch-insufficient-data", "sns", &[]),
    ("alerta-cloudwatch-notification", "sns", &["bucketbytesAlarm"]),
    ("alerta-grafana-alert-alerting", "grafana", &["Zeta CPU alert"]),
    ("alerta-prometheus-v4-alert", "alertmanager", &["thing_dead"]),
    ("aws-health-event", "eventbridge", &[]),
    ("eventbridge-cloudwatch-creation-of-a-composite-alarm", "eventbridge", &[]),
    ("eventbridge-cloudwatch-creation-of-a-composite-alarm-with-a-suppressor-alarm", "eventbridge", &[]),
    ("eventbridge-cloudwatch-deletion-of-a-composite-alarm-with-a-suppressor-alarm", "eventbridge", &[]),
    ("eventbridge-cloudwatch-deletion-of-a-metric-math-alarm", "eventbridge", &[]),
    // The suppressor holds this one back: nobody is to be told.
    ("eventbridge-cloudwatch-state-change-for-a-composite-alarm-with-a-suppressor-alarm", "eventbridge", &[]),
    ("eventbridge-cloudwatch-state-change-for-a-metric-math-alarm", "eventbridge", &["TotalNetworkTrafficTooHigh"]),
    ("eventbridge-cloudwatch-state-change-for-a-single-metric-alarm", "eventbridge", &["ServerCpuTooHigh"]),
    ("eventbridge-cloudwatch-update-of-a-composite-alarm-with-a-suppressor-alarm", "eventbridge", &[]),
    ("eventbridge-cloudwatch-update-of-a-metric-alarm", "eventbridge", &[]),
    ("eventbridge-ecs-1-ecs-container-instance-state-change", "eventbridge", &[]),
    ("eventbridge-ecs-2-ecs-task-state-change", "eventbridge", &[]),
    ("eventbridge-ecs-3-ecs-service-action", "eventbridge", &[]),
    ("eventbridge-ecs-4-ecs-service-action", "eventbridge", &[]),
    ("eventbridge-ecs-5-ecs-service-action", "eventbridge", &["ECS service servicetest: SERVICE_TASK_START_IMPAIRED"]),
    (
        "eventbridge-ecs-6-ecs-service-action",
        "eventbridge",
        &["ECS service servicetest: SERVICE_TASK_PLACEMENT_FAILURE"],
    ),
    (
        "eventbridge-ecs-7-ecs-service-action",
        "eventbridge",
        &["ECS service servicetest: SERVICE_TASK_PLACEMENT_FAILURE"],
    ),
    ("eventbridge-ecs-8-ecs-deployment-state-change", "eventbridge", &[]),
    ("eventbridge-ecs-9-ecs-deployment-state-change", "eventbridge", &[]),
    ("eventbridge-ecs-10-ecs-deployment-state-change", "eventbridge", &[]),
    (
        "eventbridge-ecs-11-ecs-deployment-state-change",
        "eventbridge",
        &["ECS service servicetest: SERVICE_DEPLOYMENT_FAILED"],
    ),
    ("eventbridge-ecs-task-stopped", "eventbridge", &["ECS task of hello: STOPPED"]),
    ("grafana-webhook-v1", "grafana", &["High CPU usage", "High memory usage"]),
    (
        "guardduty-finding-eventbridge",
        "eventbridge",
        &["Principal AssumedRole:IAMRole attempted to add a policy to themselves that is highly permissive."],
    ),
    ("lambda-autoscaling-event-launch-unsuccessful", "eventbridge", &[]),
    ("lambda-cloudwatch-alarm-composite-with-suppressor-alarm", "eventbridge", &[]),
    ("lambda-cloudwatch-alarm-composite", "eventbridge", &["CompositeDemo.Main"]),
    ("lambda-cloudwatch-alarm-metric", "eventbridge", &["lambda-demo-metric-alarm"]),
    ("lambda-cloudwatch-alarm-server-cpu", "eventbridge", &["ServerCpuTooHigh"]),
    ("lambda-codepipeline-execution-state-change-event", "eventbridge", &[]),
    ("lambda-eventbridge-schedule", "eventbridge", &[]),
    ("pagerduty-events-v2-acknowledge", "pagerduty", &[]),
    ("pagerduty-events-v2-change", "pagerduty", &[]),
    ("pagerduty-events-v2-resolve", "pagerduty", &[]),
    ("pagerduty-events-v2-trigger", "pagerduty", &["Example alert on host1.example.com"]),
    ("sns-signed-v1", "sns", &["ServerCpuTooHigh"]),
    ("sns-signed-v2", "sns", &["TotalNetworkTrafficTooHigh"]),
    ("uptimerobot-down", "uptimerobot", &["prod api"]),
];

fn sample(name: &str) -> String {
    let path = root().join(format!("tests/corpus/sources/{name}.json"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

async fn send(server: &Server, source: &str, body: String) -> (u16, Value) {
    // SNS calls its JSON text.
    let kind = if source == "sns" { "text/plain; charset=UTF-8" } else { "application/json" };
    let request = server.http.post(format!("{}/hooks/{source}", server.url)).header("content-type", kind).body(body);
    let response = request.send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

async fn open_titles(server: &Server) -> Vec<String> {
    let list = server.get("/api/v1/incidents?limit=200").await.expect("the list");
    let titles = list["incidents"].as_array().expect("incidents").iter();
    let mut titles: Vec<String> = titles.map(|shown| shown["title"].as_str().unwrap_or_default().to_owned()).collect();
    titles.sort();
    titles
}

#[tokio::test]
async fn every_sample_is_taken_and_opens_what_it_says() {
    for (name, source, expected) in SAMPLES {
        let data = tempfile::tempdir().expect("a folder");
        let server = Server::demo(data.path()).expect("a server");
        let (status, answer) = send(&server, source, sample(name)).await;
        assert!((200..300).contains(&status), "{name}: {status} {answer}");
        assert_eq!(open_titles(&server).await, expected, "{name}");
    }
}

#[tokio::test]
async fn the_same_change_by_two_ways_is_one_incident() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::demo(data.path()).expect("a server");
    for name in ["eventbridge-cloudwatch-state-change-for-a-single-metric-alarm", "lambda-cloudwatch-alarm-server-cpu"]
    {
        assert_eq!(send(&server, "eventbridge", sample(name)).await.0, 202, "{name}");
    }
    assert_eq!(open_titles(&server).await, ["ServerCpuTooHigh"]);
    let fired = server.incident(1).await.expect("INC-1")["incident"]["fired"].clone();
    assert_eq!(fired, 1, "the second way told nothing new");
}

#[tokio::test]
async fn a_malformed_body_is_named_kept_and_harms_nothing() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::demo(data.path()).expect("a server");
    let mut broken: Value =
        serde_json::from_str(&sample("eventbridge-cloudwatch-state-change-for-a-single-metric-alarm")).expect("JSON");
    broken["detail"]["alarmName"] = json!(7);
    let (status, answer) = send(&server, "eventbridge", broken.to_string()).await;
    assert_eq!(status, 400, "{answer}");
    let said = answer["error"].as_str().expect("an error").to_owned();
    assert!(said.contains("alarmName"), "it names the field: {said}");
    let (status, _) = send(&server, "generic", "{ not JSON".to_owned()).await;
    assert_eq!(status, 400);
    let listed = catops(&["dead-letters", "--json", "--data", data.path().to_str().expect("UTF-8")]);
    let letters: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    assert_eq!(letters.as_array().map(Vec::len), Some(2), "{letters}");
    assert_eq!(letters[0]["source"], "eventbridge");
    assert_eq!(letters[0]["error"], said);
    let good = sample("eventbridge-cloudwatch-state-change-for-a-single-metric-alarm");
    assert_eq!(send(&server, "eventbridge", good).await.0, 202);
    assert_eq!(open_titles(&server).await, ["ServerCpuTooHigh"]);
}

#[tokio::test]
async fn an_unknown_source_and_an_endless_body_are_turned_away() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::demo(data.path()).expect("a server");
    let (status, answer) = send(&server, "nagios", "{}".to_owned()).await;
    assert_eq!(status, 404, "{answer}");
    let endless = json!({ "title": "long", "key": "long", "summary": "x".repeat(1024 * 1024 + 1) });
    let (status, _) = send(&server, "generic", endless.to_string()).await;
    assert_eq!(status, 413);
    assert_eq!(open_titles(&server).await, [""; 0]);
}

#[tokio::test]
async fn sixty_four_posts_at_once_open_one_incident() {
    let data = tempfile::tempdir().expect("a folder");
    let server = std::sync::Arc::new(Server::demo(data.path()).expect("a server"));
    let posts: Vec<_> = (0..64)
        .map(|turn| {
            let server = std::sync::Arc::clone(&server);
            tokio::spawn(async move { server.fire("storm", &format!("storm-{turn}"), "Disk is full").await })
        })
        .collect();
    for post in posts {
        let status = post.await.expect("a task").expect("an answer");
        assert!((200..300).contains(&status), "{status}");
    }
    assert_eq!(open_titles(&server).await, ["Disk is full"]);
    let shown = server.incident(1).await.expect("INC-1");
    assert_eq!(shown["incident"]["fired"], 64, "each counts, also one that was overtaken on its way");
    let told: std::collections::BTreeSet<&str> =
        shown["events"].as_array().expect("events").iter().flat_map(deliveries_of).collect();
    assert_eq!(told.len(), 64, "each is in the log once");
}

#[tokio::test]
async fn events_of_another_account_are_refused_and_counted() -> anyhow::Result<()> {
    let home = tests::Home::new()?;
    let secret = "secrets = [\"env:CATOPS_EVENTBRIDGE_TOKEN\"]";
    home.set(secret, &format!("{secret}\naccounts = [\"123456789012\"]\nsources = [\"aws.*\"]"))?;
    assert_eq!(catops(&["lint", tests::text(&home.config)]).code, Some(0));
    let server = home.serve(&[("CATOPS_EVENTBRIDGE_TOKEN", "a-token-of-the-bus")])?;
    let name = "eventbridge-cloudwatch-state-change-for-a-single-metric-alarm";
    let event = std::fs::read_to_string(root().join(format!("tests/corpus/sources/{name}.json")))?;
    let send = async |event: String| {
        let request = server.http.post(format!("{}/hooks/eventbridge", server.url)).bearer_auth("a-token-of-the-bus");
        anyhow::Ok(request.body(event).send().await?.status().as_u16())
    };
    let counted = async |reason: &str| {
        server.metric(&format!("catops_deliveries_rejected_total{{reason=\"{reason}\",source=\"eventbridge\"}}")).await
    };
    let foreign = event.replace("\"account\": \"123456789012\"", "\"account\": \"999999999999\"");
    assert_eq!(send(foreign).await?, 403);
    assert_eq!(send(event.replace("\"source\": \"aws.cloudwatch\"", "\"source\": \"acme.shop\"")).await?, 403);
    assert_eq!((counted("account_not_allowed").await?, counted("source_not_allowed").await?), (1.0, 1.0));
    assert_eq!(server.get("/api/v1/incidents").await?["incidents"], json!([]));
    assert_eq!(send(event).await?, 202);
    Ok(())
}

#[test]
fn a_list_that_lists_nothing_is_reported() -> anyhow::Result<()> {
    let home = tests::Home::new()?;
    let secret = "secrets = [\"env:CATOPS_EVENTBRIDGE_TOKEN\"]";
    home.set(secret, &format!("{secret}\naccounts = [\"1234\"]\nsources = [\"*\"]\nsignature_version = 3"))?;
    let said = catops(&["lint", tests::text(&home.config)]).stdout;
    for wanted in ["an account is twelve digits", "lists \"*\", which is every source", "signature_version = 3 cannot"]
    {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    Ok(())
}
