//! The local Slack over real HTTP, between a client of its Web API and an app that records what reaches it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{RateLimit, Sim, SimConfig};
use crate::verify::Verifier;

#[expect(clippy::disallowed_methods, reason = "the test is the outermost layer, and HTTP takes real time")]
fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}

/// What reached the app: the path, whether the signature was right, the retry number, and the payload.
#[derive(Clone, Debug)]
struct Received {
    path: String,
    genuine: bool,
    retry: Option<String>,
    body: Value,
}

/// How the app answers on a path: after a delay, with a status and a body.
type Answers = Arc<Mutex<HashMap<&'static str, (u64, u16, String)>>>;

struct Stage {
    sim: Sim,
    base: String,
    received: Arc<Mutex<Vec<Received>>>,
    answers: Answers,
    client: reqwest::Client,
}

async fn listen(router: impl FnOnce(String) -> Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let router = router(base.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    base
}

impl Stage {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut SimConfig)) -> Self {
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let answers: Answers = Arc::default();
        let app = app(received.clone(), answers.clone());
        let app_base = listen(|_| app).await;
        let mut sim = None;
        let base = listen(|base| {
            let mut config = SimConfig::acme(&app_base, &base, now);
            config.answer_within = Duration::from_millis(300);
            change(&mut config);
            let made = Sim::new(config).unwrap();
            let router = made.router();
            sim = Some(made);
            router
        })
        .await;
        Self { sim: sim.unwrap(), base, received, answers, client: reqwest::Client::new() }
    }

    async fn api(&self, method: &str, args: Value) -> Value {
        let request = self.client.post(format!("{}/api/{method}", self.base)).bearer_auth("xoxb-local").json(&args);
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn act(&self, door: &str, body: Value) -> Value {
        let request = self.client.post(format!("{}/local/{door}", self.base)).header("x-local-slack", "1").json(&body);
        request.send().await.unwrap().json().await.unwrap_or(Value::Null)
    }

    fn answer(&self, path: &'static str, body: Value) {
        self.answers.lock().unwrap().insert(path, (0, 200, body.to_string()));
    }

    fn last(&self, path: &str) -> Received {
        self.received.lock().unwrap().iter().rfind(|it| it.path == path).cloned().expect("something was received")
    }

    /// What a person reads in a channel, one message per line.
    fn reads(&self, person: &str, channel: &str) -> Vec<String> {
        let state = self.sim.snapshot_json(person).unwrap();
        let messages = state["messages"][channel].as_array().cloned().unwrap_or_default();
        messages.iter().map(|it| format!("{}: {}", it["name"], it["rendered_text"]).replace('"', "")).collect()
    }

    async fn post_card(&self) -> String {
        let posted = self.api("chat.postMessage", card("Acknowledge")).await;
        posted["ts"].as_str().expect("the card is posted").to_owned()
    }
}

fn app(received: Arc<Mutex<Vec<Received>>>, answers: Answers) -> Router {
    let handle = move |path: axum::http::Uri, headers: HeaderMap, body: Bytes| async move {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let verifier = Verifier::new(crate::Secret::new("local-signing-secret"), None);
        let genuine =
            verifier.verify(header("x-slack-request-timestamp"), header("x-slack-signature"), &body, now()).is_ok();
        let form: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
        let body = match form.get("payload") {
            Some(payload) => serde_json::from_str(payload).unwrap(),
            None => serde_json::from_slice(&body).unwrap_or_else(|_| json!(form)),
        };
        let path = path.path().to_owned();
        let retry = header("x-slack-retry-num").map(str::to_owned);
        received.lock().unwrap().push(Received { path: path.clone(), genuine, retry, body });
        let (delay, status, text) =
            answers.lock().unwrap().get(path.as_str()).cloned().unwrap_or((0, 200, String::new()));
        super::outgoing::pause(Duration::from_millis(delay)).await;
        (axum::http::StatusCode::from_u16(status).unwrap(), text)
    };
    Router::new().route("/slack/{door}", post(handle))
}

fn card(label: &str) -> Value {
    json!({
        "channel": "C0OPS", "text": "Firing: checkout is slow",
        "blocks": [
            { "type": "section", "block_id": "head", "text": { "type": "mrkdwn", "text": ":red_circle: *FIRING* checkout" } },
            { "type": "actions", "block_id": "acts", "elements": [
                { "type": "button", "action_id": "inc.ack", "value": "1|ack", "text": { "type": "plain_text", "text": label } },
            ] },
        ],
        "metadata": { "event_type": "catops_incident", "event_payload": { "post_key": "k1" } },
    })
}

fn modal() -> Value {
    json!({
        "type": "modal", "callback_id": "note", "private_metadata": "1|note",
        "title": { "type": "plain_text", "text": "Add a note" }, "submit": { "type": "plain_text", "text": "Add" },
        "blocks": [
            { "type": "input", "block_id": "note", "label": { "type": "plain_text", "text": "Note" },
              "element": { "type": "plain_text_input", "action_id": "v" } },
            { "type": "input", "block_id": "who", "optional": true, "label": { "type": "plain_text", "text": "Who" },
              "element": { "type": "users_select", "action_id": "v" } },
        ],
    })
}

fn click(person: &str, ts: &str) -> Value {
    json!({ "as": person, "channel": "C0OPS", "ts": ts, "block_id": "acts", "action_id": "inc.ack" })
}

#[tokio::test]
async fn a_click_reaches_the_app_signed_and_its_answer_url_works_five_times() {
    let stage = Stage::new().await;
    let ts = stage.post_card().await;
    let updated = stage.api("chat.update", json!({ "channel": "C0OPS", "ts": ts, "text": "Still firing" })).await;
    assert_eq!(updated["ok"], true);
    stage.act("act", click("U0ANA", &ts)).await;

    let received = stage.last("/slack/interactivity");
    assert!(received.genuine);
    assert_eq!(received.body["type"], "block_actions");
    assert_eq!(received.body["user"]["id"], "U0ANA");
    assert_eq!(received.body["actions"][0]["value"], "1|ack");
    assert_eq!(received.body["message"]["ts"], json!(ts));
    assert_eq!(received.body["container"]["channel_id"], "C0OPS");

    let url = received.body["response_url"].as_str().unwrap();
    for turn in 1..=5 {
        let answer = json!({ "replace_original": true, "text": format!("Taken {turn}") });
        let response = stage.client.post(url).json(&answer).send().await.unwrap();
        assert_eq!(response.status(), 200, "turn {turn}");
    }
    let response = stage.client.post(url).json(&json!({ "text": "once more" })).send().await.unwrap();
    assert_eq!(response.json::<Value>().await.unwrap()["error"], "used_url");
    assert_eq!(stage.reads("U0BEN", "C0OPS"), ["CatOps: Taken 5"]);
}

#[tokio::test]
async fn an_ephemeral_message_is_for_one_person_and_out_of_reach_for_updates() {
    let stage = Stage::new().await;
    let args = json!({ "channel": "C0OPS", "user": "U0BEN", "text": "Only Ana may do this" });
    let answer = stage.api("chat.postEphemeral", args).await;
    assert_eq!(stage.reads("U0BEN", "C0OPS"), ["CatOps: Only Ana may do this"]);
    assert!(stage.reads("U0ANA", "C0OPS").is_empty());
    let update = json!({ "channel": "C0OPS", "ts": answer["message_ts"], "text": "no" });
    assert_eq!(stage.api("chat.update", update).await["error"], "message_not_found");
    let stranger = json!({ "channel": "C0OPS", "user": "U0NOBODY", "text": "hello" });
    assert_eq!(stage.api("chat.postEphemeral", stranger).await["error"], "user_not_in_channel");
}

/// Sends bytes for a file of an announced length; gives the file's id and the status.
async fn send_file(stage: &Stage, length: usize, bytes: &[u8]) -> (String, u16) {
    let form = format!("filename=cpu.png&length={length}&alt_txt=A+%3Cgraph%3E");
    let request = stage.client.post(format!("{}/api/files.getUploadURLExternal", stage.base)).bearer_auth("xoxb-local");
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    let place: Value = request.send().await.unwrap().json().await.unwrap();
    let url = place["upload_url"].as_str().unwrap_or_else(|| panic!("{place}"));
    let sent = stage.client.post(url).body(bytes.to_vec()).send().await.unwrap();
    (place["file_id"].as_str().unwrap().to_owned(), sent.status().as_u16())
}

#[tokio::test]
async fn a_picture_is_shown_in_its_thread_and_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("slack.jsonl");
    let stage = Stage::with(|config| config.journal = Some(journal.clone())).await;
    let ts = stage.post_card().await;
    let png = b"\x89PNG\r\n\x1a\n...";
    let (id, status) = send_file(&stage, png.len(), png).await;
    assert_eq!(status, 200);
    let args = |id: &str, channel: &str, ts: &str| json!({ "files": [{ "id": id, "title": "cpu <b>" }], "channel_id": channel, "thread_ts": ts, "initial_comment": "Look" });
    let refused = [(args("F0", "C0OPS", &ts), "file_not_found"), (args(&id, "C0", &ts), "channel_not_found")];
    for (args, error) in refused {
        assert_eq!(stage.api("files.completeUploadExternal", args).await["error"], error);
    }
    assert_eq!(stage.api("files.completeUploadExternal", args(&id, "C0OPS", &ts)).await["ok"], true);
    assert_eq!(stage.api("files.completeUploadExternal", args(&id, "C0OPS", &ts)).await["error"], "file_not_found");
    assert_eq!(stage.reads("U0ANA", "C0OPS").last().unwrap(), "CatOps: Lookcpu <b>");

    let again = Stage::with(|config| config.journal = Some(journal)).await;
    let shown = again.sim.snapshot_json("U0ANA").unwrap()["messages"]["C0OPS"][1].clone();
    let html = shown["html"].as_str().unwrap();
    let image = format!("<img src=\"/local/files/{id}\" alt=\"A &lt;graph&gt;\">");
    assert!(html.contains(&image) && shown["thread_ts"] == json!(ts), "{shown}");
    let replies = again.api("conversations.replies", json!({ "channel": "C0OPS", "ts": ts })).await;
    assert_eq!(replies["messages"][1]["files"][0]["name"], "cpu.png");
    let picture = again.client.get(format!("{}/local/files/{id}", again.base)).send().await.unwrap();
    assert_eq!(picture.headers()["content-type"], "image/png");
    assert_eq!(picture.bytes().await.unwrap(), png[..]);
}

#[tokio::test]
async fn what_is_no_picture_is_not_drawn_and_lengths_must_be_right() {
    let stage = Stage::new().await;
    let ts = stage.post_card().await;
    assert_eq!(send_file(&stage, 3, b"four").await.1, 400);
    let (id, _) = send_file(&stage, 24, b"<script>alert()</script>").await;
    let args = json!({ "files": [{ "id": id }], "channel_id": "C0OPS", "thread_ts": ts });
    assert_eq!(stage.api("files.completeUploadExternal", args).await["ok"], true);
    let file = stage.client.get(format!("{}/local/files/{id}", stage.base)).send().await.unwrap();
    assert_eq!(file.headers()["content-type"], "application/octet-stream");
    assert_eq!(file.headers()["content-disposition"], "attachment");
    assert_eq!(file.headers()["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn blocks_that_slack_would_refuse_are_refused_with_a_pointer() {
    let stage = Stage::new().await;
    let answer = stage.api("chat.postMessage", card(&"x".repeat(76))).await;
    assert_eq!(answer["error"], "invalid_blocks");
    let message = answer["response_metadata"]["messages"][0].as_str().unwrap();
    assert!(message.contains("json-pointer:/blocks/1/elements/0/text"), "{message}");
    assert_eq!(stage.api("chat.postMessage", json!({ "channel": "C0OPS" })).await["error"], "no_text");
    assert_eq!(
        stage.api("chat.postMessage", json!({ "channel": "nowhere", "text": "x" })).await["error"],
        "channel_not_found"
    );
    let ts = stage.post_card().await;
    let long = json!({ "channel": "C0OPS", "ts": ts, "text": "x".repeat(4_001) });
    assert_eq!(stage.api("chat.update", long).await["error"], "msg_too_long");
}

#[tokio::test]
async fn answers_in_a_thread_are_counted_and_stay_out_of_the_channel() {
    let stage = Stage::new().await;
    let ts = stage.post_card().await;
    let reply = |text: &str| json!({ "channel": "C0OPS", "thread_ts": ts, "text": text });
    let first = stage.api("chat.postMessage", reply("Ana acknowledged")).await;
    stage.api("chat.postMessage", reply("Ben approved")).await;
    let history = stage.api("conversations.history", json!({ "channel": "C0OPS" })).await;
    assert_eq!(history["messages"].as_array().unwrap().len(), 1);
    assert_eq!(history["messages"][0]["reply_count"], 2);
    stage.api("chat.delete", json!({ "channel": "C0OPS", "ts": first["ts"] })).await;
    let thread = stage.api("conversations.replies", json!({ "channel": "C0OPS", "ts": ts })).await;
    assert_eq!(thread["messages"].as_array().unwrap().len(), 2);
    assert_eq!(thread["messages"][1]["text"], "Ben approved");
    let lost = json!({ "channel": "C0OPS", "thread_ts": "1.000001", "text": "x" });
    assert_eq!(stage.api("chat.postMessage", lost).await["error"], "cannot_reply_to_message");
}

#[tokio::test]
async fn only_the_right_token_gets_in() {
    let stage = Stage::new().await;
    let url = format!("{}/api/auth.test", stage.base);
    let error = async |request: reqwest::RequestBuilder| {
        request.send().await.unwrap().json::<Value>().await.unwrap()["error"].clone()
    };
    assert_eq!(error(stage.client.post(&url)).await, "not_authed");
    assert_eq!(error(stage.client.post(&url).bearer_auth("xoxb-other")).await, "invalid_auth");
    assert_eq!(stage.api("auth.test", json!({})).await["user_id"], "U0CATOPS");
}

static AHEAD_SECONDS: AtomicI64 = AtomicI64::new(0);

fn moved_clock() -> DateTime<Utc> {
    now() + TimeDelta::seconds(AHEAD_SECONDS.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_trigger_opens_one_view_within_three_seconds() {
    let stage = Stage::with(|config| config.clock = moved_clock).await;
    let ts = stage.post_card().await;
    let open = async |stage: &Stage, trigger: &Value| {
        stage.api("views.open", json!({ "trigger_id": trigger, "view": modal() })).await
    };
    stage.act("act", click("U0ANA", &ts)).await;
    let trigger = stage.last("/slack/interactivity").body["trigger_id"].clone();
    assert_eq!(open(&stage, &trigger).await["ok"], true);
    assert_eq!(open(&stage, &trigger).await["error"], "exchanged_trigger_id");
    assert_eq!(open(&stage, &json!("1.2.3")).await["error"], "invalid_trigger_id");
    assert_eq!(stage.sim.snapshot_json("U0ANA").unwrap()["modals"][0]["title"], "Add a note");
    assert_eq!(stage.sim.snapshot_json("U0BEN").unwrap()["modals"], json!([]));

    stage.act("act", click("U0ANA", &ts)).await;
    let trigger = stage.last("/slack/interactivity").body["trigger_id"].clone();
    let url = stage.last("/slack/interactivity").body["response_url"].as_str().unwrap().to_owned();
    AHEAD_SECONDS.store(4, Ordering::SeqCst);
    assert_eq!(open(&stage, &trigger).await["error"], "expired_trigger_id");
    AHEAD_SECONDS.store(31 * 60, Ordering::SeqCst);
    let late = stage.client.post(url).json(&json!({ "text": "late" })).send().await.unwrap();
    assert_eq!(late.json::<Value>().await.unwrap()["error"], "expired_url");
}

#[tokio::test]
async fn a_form_is_sent_with_its_state_and_its_answer_is_obeyed() {
    let stage = Stage::new().await;
    let ts = stage.post_card().await;
    stage.act("act", click("U0ANA", &ts)).await;
    let trigger = stage.last("/slack/interactivity").body["trigger_id"].clone();
    let view = stage.api("views.open", json!({ "trigger_id": trigger, "view": modal() })).await["view"].clone();
    let stale = json!({ "view_id": view["id"], "hash": "old", "view": modal() });
    assert_eq!(stage.api("views.update", stale).await["error"], "hash_conflict");

    stage.answer("/slack/interactivity", json!({ "response_action": "errors", "errors": { "note": "Say more" } }));
    let filled =
        json!({ "as": "U0ANA", "view_id": view["id"], "values": { "note": { "v": "DNS" }, "who": { "v": "U0BEN" } } });
    assert_eq!(stage.act("submit", filled.clone()).await["errors"]["note"], "Say more");
    let sent = stage.last("/slack/interactivity").body;
    assert_eq!(sent["type"], "view_submission");
    assert_eq!(sent["view"]["private_metadata"], "1|note");
    assert_eq!(sent["view"]["state"]["values"]["note"]["v"], json!({ "type": "plain_text_input", "value": "DNS" }));
    assert_eq!(sent["view"]["state"]["values"]["who"]["v"]["selected_user"], "U0BEN");

    stage.answer("/slack/interactivity", json!({ "response_action": "push", "view": modal() }));
    stage.act("submit", filled.clone()).await;
    assert_eq!(stage.sim.snapshot_json("U0ANA").unwrap()["modals"].as_array().unwrap().len(), 2);
    stage.answer("/slack/interactivity", json!({ "response_action": "clear" }));
    stage.act("submit", filled).await;
    assert_eq!(stage.sim.snapshot_json("U0ANA").unwrap()["modals"], json!([]));
}

#[tokio::test]
async fn a_command_is_answered_or_its_failure_is_told_to_the_asker_only() {
    let stage = Stage::new().await;
    stage.answer("/slack/commands", json!({ "response_type": "ephemeral", "text": "Ana is on call" }));
    let say = |text: &str| json!({ "as": "U0CHI", "channel": "C0OPS", "text": text });
    stage.act("say", say("/catops oncall @ben")).await;
    let received = stage.last("/slack/commands");
    assert!(received.genuine);
    assert_eq!(received.body["text"], "oncall <@U0BEN|ben>");
    assert_eq!(stage.reads("U0CHI", "C0OPS"), ["CatOps: Ana is on call"]);
    assert!(stage.reads("U0ANA", "C0OPS").is_empty());

    stage.answers.lock().unwrap().insert("/slack/commands", (900, 200, String::new()));
    stage.act("say", say("/catops oncall")).await;
    assert_eq!(stage.reads("U0CHI", "C0OPS")[1], "Slack: /catops failed with the error \\operation_timeout\\.");
}

#[tokio::test]
async fn a_mention_becomes_an_event_that_is_retried_at_once() {
    let stage = Stage::new().await;
    stage.answers.lock().unwrap().insert("/slack/events", (0, 500, String::new()));
    stage.act("say", json!({ "as": "U0ANA", "channel": "C0OPS", "text": "@CatOps ack 42 & <go>" })).await;
    for _ in 0..100 {
        if stage.received.lock().unwrap().len() >= 2 {
            break;
        }
        super::outgoing::pause(Duration::from_millis(10)).await;
    }
    let received = stage.received.lock().unwrap().clone();
    assert_eq!(received[0].body["event"]["type"], "app_mention");
    assert_eq!(received[0].body["event"]["text"], "<@U0CATOPS> ack 42 &amp; &lt;go&gt;");
    assert_eq!(received[1].retry.as_deref(), Some("1"));
    assert_eq!(received[0].body["event_id"], received[1].body["event_id"]);
    assert!(received.iter().all(|it| it.genuine));
    assert_eq!(stage.reads("U0BEN", "C0OPS"), ["Ana Ruiz: @CatOps ack 42 & <go>"]);
}

#[tokio::test]
async fn the_journal_brings_everything_back_and_a_torn_last_line_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("slack.jsonl");
    let open = || Stage::with(|config| config.journal = Some(journal.clone()));
    let stage = open().await;
    let ts = stage.post_card().await;
    stage.api("chat.update", json!({ "channel": "C0OPS", "ts": ts, "text": "Resolved", "blocks": [] })).await;
    let created = stage.api("conversations.create", json!({ "name": "inc-42" })).await;
    drop(stage);
    let whole = std::fs::read(&journal).unwrap();
    std::fs::write(&journal, [whole.as_slice(), b"{\"record\":\"posted\",\"mess"].concat()).unwrap();

    let stage = open().await;
    assert_eq!(std::fs::read(&journal).unwrap(), whole);
    assert_eq!(stage.reads("U0ANA", "C0OPS"), ["CatOps: Resolved"]);
    let again = stage.api("conversations.create", json!({ "name": "inc-42" })).await;
    assert_eq!(again["error"], "name_taken");
    let id = &created["channel"]["id"];
    assert_eq!(stage.api("conversations.info", json!({ "channel": id })).await["channel"]["name"], "inc-42");
    let history = json!({ "channel": "C0OPS", "include_all_metadata": true });
    let history = stage.api("conversations.history", history).await;
    assert_eq!(history["messages"][0]["metadata"]["event_payload"]["post_key"], "k1");
    let next = stage.post_card().await;
    assert!(next > ts);
}

#[tokio::test]
async fn faults_and_the_pace_of_posts_can_be_had() {
    let stage =
        Stage::with(|config| config.rate_limit = Some(RateLimit { post_interval: TimeDelta::seconds(1) })).await;
    let post = || stage.client.post(format!("{}/api/chat.postMessage", stage.base)).bearer_auth("xoxb-local");
    assert_eq!(post().json(&card("a")).send().await.unwrap().status(), 200);
    let refused = post().json(&card("b")).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "1"));

    let fault = |kind: &str| json!({ "method": "chat.postMessage", "kind": kind, "delay_ms": 1_000 });
    stage.act("faults", fault("applied_then_timeout")).await;
    let args = json!({ "channel": "C0PAYMENTS", "text": "once" });
    assert!(post().json(&args).timeout(Duration::from_millis(200)).send().await.is_err());
    assert_eq!(stage.reads("U0ANA", "C0PAYMENTS"), ["CatOps: once"]);
    stage.act("faults", fault("is_archived")).await;
    assert_eq!(stage.api("chat.postMessage", args.clone()).await["error"], "is_archived");
    stage.act("faults", fault("down")).await;
    assert_eq!(post().json(&args).send().await.unwrap().status(), 503);
    for count in [2, 0] {
        stage.act("faults", json!({ "method": "users.list", "kind": "internal_error", "count": count })).await;
    }
    assert_eq!(stage.api("users.list", json!({})).await["ok"], true, "the faults were taken back");
}

#[tokio::test]
async fn strangers_are_kept_out() {
    let stage = Stage::new().await;
    let state = format!("{}/local/state?as=U0ANA", stage.base);
    let rebound = stage.client.get(&state).header("host", "evil.example:80").send().await.unwrap();
    assert_eq!(rebound.status(), 403);
    for header in ["forwarded", "x-forwarded-for", "x-real-ip", "via"] {
        let proxied = stage.client.get(&state).header(header, "203.0.113.7").send().await.unwrap();
        assert_eq!(proxied.status(), 403, "{header}");
    }
    let forged = stage.client.post(format!("{}/local/say", stage.base)).json(&json!({ "as": "U0ANA" })).send().await;
    assert_eq!(forged.unwrap().status(), 403);
    let page = stage.client.get(format!("{}/local/", stage.base)).send().await.unwrap();
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'self'"));
    assert!(page.text().await.unwrap().contains("data-testid=\"act-as\""));
}

#[tokio::test]
async fn the_inspector_shows_both_ways_and_no_secret() {
    let stage = Stage::new().await;
    let ts = stage.post_card().await;
    stage.act("act", click("U0ANA", &ts)).await;
    let text = stage.client.get(format!("{}/local/traffic", stage.base)).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("chat.postMessage") && text.contains("/slack/interactivity"));
    assert!(!text.contains("xoxb") && !text.contains("/local/response/") && !text.contains("signing-secret"));
}
