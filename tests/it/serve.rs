//! `catops serve` as somebody meets it who installs it: a starter folder, secrets, mistakes, and the commands beside it.

use crate::receiver::{Receiver, Told};
use anyhow::{Context, Result};
use serde_json::json;
use std::fs;
use std::path::Path;
use tests::{Home, Server, TOKEN, catops, text};

async fn alarm(server: &Server, bearer: &str, id: &str, title: &str) -> Result<u16> {
    let alarm = json!({ "title": title, "key": id, "id": id, "state": "firing", "severity": "error" });
    let request = server.http.post(format!("{}/hooks/generic", server.url)).bearer_auth(bearer).json(&alarm);
    Ok(request.send().await?.status().as_u16())
}

#[tokio::test]
async fn a_fresh_starter_is_clean_and_healthy() -> Result<()> {
    let home = Home::new()?;
    let lint = catops(&["lint", text(&home.config)]);
    assert_eq!(lint.code, Some(0), "{}{}", lint.stdout, lint.stderr);
    let server = home.serve(&[TOKEN])?;
    assert_eq!(server.get("/healthz").await?["status"], "ok");
    let again = catops(&["init", text(&home.config)]);
    assert_ne!(again.code, Some(0), "init does not write into a folder that holds something");
    assert!(again.stderr.contains("not empty"), "{}", again.stderr);
    Ok(())
}

#[tokio::test]
async fn only_the_right_token_is_let_in_and_the_others_are_counted() -> Result<()> {
    let home = Home::new()?;
    let server = home.serve(&[TOKEN])?;
    let refused = "catops_deliveries_rejected_total{reason=\"unauthorised\",source=\"generic\"}";
    assert_eq!(server.metric(refused).await?, 0.0);
    assert_eq!(alarm(&server, "wrong", "a", "Disk is full").await?, 401);
    assert_eq!(alarm(&server, "", "b", "Disk is full").await?, 401);
    assert_eq!(server.metric(refused).await?, 2.0);
    assert_eq!(alarm(&server, TOKEN.1, "c", "Disk is full").await?, 202);
    assert_eq!(server.metric(refused).await?, 2.0);
    let (status, _) = server.post("/hooks/alertmanager", &json!({ "alerts": [] })).await?;
    assert_eq!(status, 401, "a source whose secret is not set is closed");
    Ok(())
}

/// What the incident channel was told about refusals.
async fn notes(server: &Server) -> Result<Vec<String>> {
    let seen = server.messages("C0OPS", "U0ANA").await?;
    let texts = seen.iter().map(|message| message["rendered_text"].as_str().unwrap_or_default().to_owned());
    Ok(texts.filter(|text| text.contains("were refused")).collect())
}

#[tokio::test]
async fn a_broken_secret_is_told_in_slack_once() -> Result<()> {
    let home = Home::new()?;
    let server = home.serve(&[TOKEN])?;
    for id in ["a", "b", "c", "d"] {
        assert_eq!(alarm(&server, "a-foreign-token", id, "a foreign title").await?, 401);
        // Another source has a count of its own.
        assert_eq!(server.post("/hooks/alertmanager", &json!({ "alerts": [] })).await?.0, 401);
    }
    // What is posted later than this shows that nothing was posted before.
    assert_eq!(alarm(&server, TOKEN.1, "good", "Disk is full").await?, 202);
    let card = async |server: &Server| {
        let cards = server.cards("C0OPS", 1).await?.len();
        Ok(if cards == 1 { Ok(()) } else { Err(format!("{cards} cards")) })
    };
    server.until("a card", card).await?;
    assert_eq!(notes(&server).await?, Vec::<String>::new());

    for id in ["e", "f", "g", "h", "i", "j", "k"] {
        assert_eq!(alarm(&server, "a-foreign-token", id, "a foreign title").await?, 401);
    }
    let told = async |server: &Server| {
        let notes = notes(server).await?;
        Ok(if notes.is_empty() { Err("nothing".to_owned()) } else { Ok(notes) })
    };
    server.until("a note", told).await?;
    assert_eq!(alarm(&server, TOKEN.1, "better", "Queue is long").await?, 202);
    let card = async |server: &Server| {
        let cards = server.cards("C0OPS", 2).await?.len();
        Ok(if cards == 1 { Ok(()) } else { Err(format!("{cards} cards")) })
    };
    server.until("another card", card).await?;
    let notes = notes(&server).await?;
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].starts_with("5 deliveries to the source generic were refused within 10 minutes"), "{notes:?}");
    assert!(!notes[0].contains("foreign"), "{notes:?}");
    Ok(())
}

#[tokio::test]
async fn two_tokens_live_while_one_is_being_changed() -> Result<()> {
    let home = Home::new()?;
    let path = home.config.join("catops.toml");
    let old = "secrets = [\"env:CATOPS_GENERIC_TOKEN\"]";
    let two = "secrets = [\"env:CATOPS_GENERIC_TOKEN\", \"env:CATOPS_GENERIC_TOKEN_NEXT\"]";
    fs::write(&path, fs::read_to_string(&path)?.replace(old, two))?;
    let server = home.serve(&[TOKEN, ("CATOPS_GENERIC_TOKEN_NEXT", "another-horse-another-staple")])?;
    assert_eq!(alarm(&server, TOKEN.1, "a", "Disk is full").await?, 202);
    assert_eq!(alarm(&server, "another-horse-another-staple", "b", "Disk is full").await?, 202);
    assert_eq!(alarm(&server, "neither", "c", "Disk is full").await?, 401);
    Ok(())
}

#[test]
fn a_broken_rota_is_named_by_file_and_line() -> Result<()> {
    let home = Home::new()?;
    let path = home.config.join("rota/team.toml");
    let whole = fs::read_to_string(&path)?;
    let rotation = "rotation = [\"ana\", \"ben\"]";
    let line = whole.lines().position(|line| line == rotation).context("a rotation")? + 1;
    let says = |broken: &str| {
        fs::write(&path, whole.replace(rotation, broken))?;
        let lint = catops(&["lint", text(&home.config)]);
        assert_eq!(lint.code, Some(1), "{broken}: {}", lint.stdout);
        anyhow::Ok(lint.stdout)
    };
    let said = says("rotation = [\"ana\", \"nobody\"]")?;
    assert!(said.starts_with(&format!("rota/team.toml:{line}: ")) && said.contains("nobody"), "{said}");
    // Where an open bracket is missed is for the reader of TOML to say.
    let said = says("rotation = [\"ana\"")?;
    assert!(said.starts_with("rota/team.toml:") && said.contains("TOML"), "{said}");
    Ok(())
}

/// A runbook that belongs to one alarm by name.
fn runbook(actions: &str) -> String {
    format!(
        "+++\ntitle = \"Flux capacitor runs low\"\nalarms = [\"flux-*\"]\nactions = {actions}\n+++\n# Flux capacitor runs \
         low\n\n## Symptoms\nToo few gigawatts.\n\n## Checks\nLook at the clock tower.\n\n## Actions\nWait for lightning.\n"
    )
}

/// Sends new alarms until the newest one's first suggestion is this action; how many that took does not matter.
async fn until_suggested(server: &Server, wanted: &str) -> Result<()> {
    let mut sent = 0;
    let look = async |server: &Server| {
        sent += 1;
        assert_eq!(alarm(server, TOKEN.1, &format!("{wanted}-{sent}"), "flux-capacitor").await?, 202);
        let newest = server.get("/api/v1/incidents?limit=1").await?["incidents"][0]["id"].clone();
        let id: u64 = newest.as_str().and_then(|id| id.strip_prefix("INC-")).context("an id")?.parse()?;
        first_suggestion(server, id).await.map(|first| if first == wanted { Ok(()) } else { Err(first) })
    };
    server.until(&format!("the suggestion {wanted}"), look).await
}

async fn first_suggestion(server: &Server, incident: u64) -> Result<String> {
    let look = async |server: &Server| {
        let events = server.incident(incident).await?["events"].clone();
        let suggested = events.as_array().context("events")?.iter().find(|event| event["kind"] == "suggested").cloned();
        Ok(suggested.ok_or_else(|| "nothing suggested yet".to_owned()))
    };
    let suggested = server.until("suggestions", look).await?;
    Ok(suggested["suggestions"][0]["action"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn an_edited_runbook_is_used_and_a_broken_one_is_not() -> Result<()> {
    let home = Home::new()?;
    let path = home.config.join("runbooks/flux.md");
    fs::write(&path, runbook("[\"host-overview\"]"))?;
    let server = home.serve(&[TOKEN])?;
    until_suggested(&server, "host-overview").await?;
    fs::write(&path, runbook("[\"top-pods\"]"))?;
    until_suggested(&server, "top-pods").await?;

    // The broken one and a good new one come together: once the new one is used, the broken one has been looked at.
    fs::write(&path, "+++\ntitle = [\n+++\n")?;
    let other = runbook("[\"describe-node\"]").replace("flux-*", "tower-*").replace("Flux capacitor", "Clock tower");
    fs::write(home.config.join("runbooks/tower.md"), other)?;
    let mut sent = 0;
    let look = async |server: &Server| {
        sent += 1;
        assert_eq!(alarm(server, TOKEN.1, &format!("tower-{sent}"), "tower-clock").await?, 202);
        let newest = server.get("/api/v1/incidents?limit=1").await?["incidents"][0]["id"].clone();
        let id: u64 = newest.as_str().and_then(|id| id.strip_prefix("INC-")).context("an id")?.parse()?;
        let first = first_suggestion(server, id).await?;
        Ok(if first == "describe-node" { Ok(()) } else { Err(first) })
    };
    server.until("the new runbook", look).await?;
    until_suggested(&server, "top-pods").await?;
    let lint = catops(&["lint", text(&home.config)]);
    assert_eq!(lint.code, Some(1));
    assert!(lint.stdout.contains("flux.md:"), "{}", lint.stdout);
    Ok(())
}

#[tokio::test]
async fn a_second_server_on_the_same_data_says_what_is_wrong() -> Result<()> {
    let home = Home::new()?;
    let first = home.serve(&[TOKEN])?;
    let second = home.serve(&[TOKEN]).err().context("the second one does not start")?.to_string();
    assert!(second.contains("is in use by process"), "{second}");
    assert_eq!(alarm(&first, TOKEN.1, "a", "Disk is full").await?, 202, "the first one does not notice");
    Ok(())
}

#[tokio::test]
async fn commands_read_beside_the_running_server() -> Result<()> {
    let home = Home::new()?;
    let server = home.serve(&[TOKEN])?;
    assert_eq!(alarm(&server, TOKEN.1, "a", "Disk is full").await?, 202);
    assert_eq!(first_suggestion(&server, 1).await?, "host-overview");
    let incidents = home.read(&["incidents"])?;
    assert_eq!(incidents.as_array().map(Vec::len), Some(1));
    assert_eq!((&incidents[0]["id"], &incidents[0]["title"]), (&json!("INC-1"), &json!("Disk is full")));
    let timeline = home.read(&["timeline", "INC-1"])?;
    assert_eq!(timeline[0]["text"], "generic fired: Disk is full");
    let why = home.read(&["why", "1"])?;
    assert_eq!(why["suggestions"][0]["action"], "host-overview");
    assert!(why["suggestions"][0]["reason"].as_str().is_some_and(|reason| reason.contains("disk")), "{why}");
    assert_eq!(home.read(&["incidents", "--resolved"])?, json!([]));
    let none = catops(&["timeline", "77", "--data", text(&home.data)]);
    assert_ne!(none.code, Some(0));
    assert!(none.stderr.contains("there is no INC-77"), "{}", none.stderr);
    Ok(())
}

/// A line of Prometheus' text format: a comment, or a name with labels and a number.
fn is_metric(line: &str) -> bool {
    if let Some(comment) = line.strip_prefix("# TYPE ") {
        let words: Vec<&str> = comment.split(' ').collect();
        return matches!(words[..], [name, "counter" | "gauge" | "histogram"] if name.starts_with("catops_"));
    }
    let Some((name, value)) = line.rsplit_once(' ') else { return false };
    let (bare, labels) = name.split_once('{').map_or((name, None), |(bare, labels)| (bare, Some(labels)));
    let named = bare.starts_with("catops_") && bare.chars().all(|it| it.is_ascii_lowercase() || it == '_');
    named && labels.is_none_or(|labels| labels.ends_with("\"}")) && value.parse::<f64>().is_ok()
}

#[tokio::test]
async fn metrics_can_be_read_by_prometheus() -> Result<()> {
    let home = Home::new()?;
    let server = home.serve(&[TOKEN])?;
    assert_eq!(alarm(&server, TOKEN.1, "a", "Disk is full").await?, 202);
    let answer = server.http.get(format!("{}/metrics", server.url)).send().await?;
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4");
    let text = answer.text().await?;
    for line in text.lines() {
        assert!(is_metric(line), "{line:?}");
    }
    assert!(text.contains("catops_alarms_total{source=\"generic\",outcome=\"opened\"} 1\n"), "{text}");
    let types: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
    let distinct: std::collections::BTreeSet<&&str> = types.iter().collect();
    assert_eq!(types.len(), distinct.len(), "each name is announced once");
    Ok(())
}

/// Lets Ana stand in for everybody, as a change in the log; nothing of the program makes one yet.
async fn ana_covers(data: &Path, schedule: &str) -> Result<()> {
    let operation = json!({
        "number": 1, "schedule": schedule, "start": "2026-12-01T00:00:00Z", "end": "2027-12-01T00:00:00Z",
        "change": { "kind": "replace_all", "users": ["ana"] }, "by": "ben", "reason": "dentist",
    });
    let at = "2026-11-24T00:00:00Z".parse()?;
    let body = serde_json::to_vec(&json!({ "kind": "overridden", "operation": operation }))?;
    let event = log::NewEvent {
        kind: "overridden".to_owned(),
        schema: 1,
        at,
        actor: "person:ben".to_owned(),
        cause: "test".to_owned(),
        body,
        raw: None,
    };
    let write = log::StreamWrite {
        stream: log::StreamId::new("rota/book"),
        expected: log::Expected::NoStream,
        events: vec![event],
        // Of no version: the state is folded from the event.
        head: log::Head { snapshot: Vec::new(), fold: 0, listing: None },
    };
    let log = log::SqliteLog::open(data, [7; 32])?;
    log::EventLog::append(&log, log::Append { streams: vec![write], ..log::Append::default() }).await?;
    Ok(())
}

#[tokio::test]
async fn the_shell_counts_the_changes_that_people_made() -> Result<()> {
    let home = Home::new()?;
    ana_covers(&home.data, "team").await?;
    let asked = ["oncall", "team", "--config", text(&home.config), "--at", "2026-12-07 08:00"];
    let alone = catops(&asked);
    assert!(alone.stdout.contains("team: Ben Okafor"), "{}{}", alone.stdout, alone.stderr);
    let changed = catops(&[&asked[..], &["--data", text(&home.data)]].concat());
    assert!(changed.stdout.contains("team: Ana Ruiz"), "{}{}", changed.stdout, changed.stderr);
    assert!(changed.stdout.contains("asked by ben: dentist"), "{}", changed.stdout);
    let nowhere = catops(&[&asked[..], &["--data", "/nowhere"]].concat());
    assert_ne!(nowhere.code, Some(0), "{}", nowhere.stdout);
    assert!(nowhere.stderr.contains("name the folder with --data"), "{}", nowhere.stderr);
    Ok(())
}

/// When the cards of two alarms were posted, in milliseconds from each other.
async fn between_two_cards(server: &Server) -> Result<f64> {
    let look = async |server: &Server| {
        let traffic = server.get("/local/traffic").await?;
        let exchanges = traffic["exchanges"].as_array().context("exchanges")?.iter();
        let posts = exchanges
            .filter(|exchange| exchange["name"] == "chat.postMessage" && exchange["request"]["channel"] == "C0OPS");
        let posts: Vec<f64> = posts.filter_map(|post| post["at"].as_f64()).collect();
        Ok(if let [first, second] = posts[..] { Ok((second - first).abs()) } else { Err(format!("{posts:?}")) })
    };
    server.until("two cards", look).await
}

#[tokio::test]
async fn posts_are_as_far_apart_as_the_configuration_says() -> Result<()> {
    let home = Home::new()?;
    let path = home.config.join("catops.toml");
    let config = fs::read_to_string(&path)?;
    fs::write(&path, config.replace("post_interval = \"1s\"", "post_interval = \"2500ms\""))?;
    let server = home.serve(&[TOKEN])?;
    assert_eq!(alarm(&server, TOKEN.1, "a", "Disk is full").await?, 202);
    assert_eq!(alarm(&server, TOKEN.1, "b", "Queue is long").await?, 202);
    let apart = between_two_cards(&server).await?;
    assert!(apart >= 2400.0, "two cards came {apart} ms apart");
    Ok(())
}

/// The `webhook-id`s that a receiver was sent.
fn ids(receiver: &Receiver) -> Vec<String> {
    let id = |told: Told| told.headers.get("webhook-id").cloned().unwrap_or_else(|| "no id".to_owned());
    receiver.told().into_iter().map(id).collect()
}

#[tokio::test]
async fn a_receiver_that_fails_is_told_again_alone() -> Result<()> {
    let home = Home::new()?;
    let answering = |status| Receiver::new(move |_| (status, String::new()));
    let receivers = [answering("200 OK").await?, answering("500 Broken").await?, answering("204 Thanks").await?];
    let path = home.config.join("catops.toml");
    let mut config = fs::read_to_string(&path)?;
    for receiver in &receivers {
        config.push_str(&format!("\n[[webhook]]\nurl = \"{}/told\"\nallow_private = [\"127.0.0.1\"]\n", receiver.url));
    }
    fs::write(&path, config)?;
    let server = home.serve(&[TOKEN])?;
    assert_eq!(alarm(&server, TOKEN.1, "disk", "Disk is full").await?, 202);
    let told = || receivers.iter().map(ids);
    let look = async |_: &Server| {
        let told: Vec<Vec<String>> = told().collect();
        Ok(if told[1].len() >= 3 { Ok(told) } else { Err(format!("{told:?}")) })
    };
    let told = server.until("a third attempt", look).await?;
    assert_eq!([&told[0], &told[2]], [&["notify/1/0"], &["notify/1/0"]], "those that took it are told once");
    assert!(told[1].iter().all(|id| id == "notify/1/0"), "a repeat can be told by its id: {told:?}");
    Ok(())
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "that nobody is told shows only after a while")]
async fn a_private_receiver_is_told_only_when_the_configuration_says_so() -> Result<()> {
    let home = Home::new()?;
    let (listed, other) = (Receiver::new(|_| ("200 OK", String::new())), Receiver::new(|_| ("200 OK", String::new())));
    let (listed, other) = (listed.await?, other.await?);
    let by_name = other.url.replace("127.0.0.1", "localhost");
    let path = home.config.join("catops.toml");
    let config = fs::read_to_string(&path)?
        + &format!("\n[[webhook]]\nurl = \"{}\"\nallow_private = [\"127.0.0.1\", \"::1\"]\n", listed.url)
        + &format!("\n[[webhook]]\nurl = \"{}\"\nallow_private = [\"10.0.0.0/8\"]\n", other.url)
        + &format!("\n[[webhook]]\nurl = \"{by_name}\"\n");
    fs::write(&path, config)?;
    let lint = catops(&["lint", text(&home.config)]).stdout;
    assert!(
        lint.contains("a webhook is told nothing: 127.0.0.1 is 127.0.0.1:") && lint.contains("[[webhook]]"),
        "{lint}"
    );
    let server = home.serve(&[TOKEN])?;
    assert_eq!(alarm(&server, TOKEN.1, "disk", "Disk is full").await?, 202);
    let look = async |server: &Server| {
        let failing = server.metric("catops_effects_pending").await?;
        Ok(if listed.told().len() == 1 && failing >= 2.0 {
            Ok(())
        } else {
            Err(format!("{:?} {failing}", listed.told()))
        })
    };
    server.until("the listed receiver to be told", look).await?;
    // The others are tried at once and again a second later.
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    assert_eq!(ids(&other), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn the_key_of_a_sender_is_in_no_file() -> Result<()> {
    const KEY: &str = "R0UT1NGK3Y0123456789abcdef";
    let home = Home::new()?;
    let path = home.config.join("catops.toml");
    let pager = "\n[[source]]\nkind = \"pagerduty\"\nauth = \"key\"\nsecrets = [\"env:PAGER_KEY\"]\n";
    fs::write(&path, fs::read_to_string(&path)? + pager)?;
    let server = home.serve(&[TOKEN, ("PAGER_KEY", KEY)])?;
    let payload = json!({ "summary": "Disk is full", "source": "db-1", "severity": "critical" });
    let whole = json!({ "routing_key": KEY, "event_action": "trigger", "dedup_key": "disk", "payload": payload });
    assert_eq!(server.post("/v2/enqueue", &whole).await?.0, 202);
    let broken = json!({ "routing_key": KEY, "event_action": "trigger", "payload": 7 });
    assert_eq!(server.post("/v2/enqueue", &broken).await?.0, 400);
    let letter = catops(&["dead-letters", "--show", "pagerduty/1", "--data", text(&home.data)]);
    assert!(letter.stdout.contains("\"routing_key\":\"***\""), "{}{}", letter.stdout, letter.stderr);
    server.kill();
    for entry in fs::read_dir(&home.data)? {
        let path = entry?.path();
        let bytes = fs::read(&path)?;
        assert!(!bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes()), "{} holds the key", path.display());
    }
    Ok(())
}

#[tokio::test]
async fn a_page_of_another_site_reads_nothing() -> Result<()> {
    let home = Home::new()?;
    let server = home.serve(&[TOKEN])?;
    let ask = async |path: &str, host: &str| {
        let answer = server.http.get(format!("{}{path}", server.url)).header("host", host).send().await?;
        anyhow::Ok(answer)
    };
    for path in ["/api/v1/incidents", "/api/v1/oncall", "/i/1", "/metrics"] {
        assert_eq!(ask(path, "rebound.evil.example").await?.status().as_u16(), 421, "{path}");
        assert_eq!(ask(path, "localhost.evil.example:7070").await?.status().as_u16(), 421, "{path}");
        assert_ne!(ask(path, "localhost:7070").await?.status().as_u16(), 421, "{path}");
    }
    let page = ask("/i/1", "localhost").await?;
    let header = |name: &str| page.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert!(header("content-security-policy").contains("default-src 'none'"), "{page:?}");
    assert!(header("content-security-policy").contains("frame-ancestors 'none'"), "{page:?}");
    assert_eq!((header("x-content-type-options"), header("cache-control")), ("nosniff", "no-store"));
    Ok(())
}

#[tokio::test]
async fn the_pages_behind_a_card_show_the_night_and_the_runbook() -> Result<()> {
    let home = Home::new()?;
    let server = home.serve(&[TOKEN])?;
    alarm(&server, TOKEN.1, "db", "RDSCPUUtilizationHigh").await?;
    server
        .until("suggested", async |server| {
            let incident = server.incident(1).await?;
            Ok(incident["incident"]["suggestions"][0].is_object().then_some(()).ok_or_else(|| incident.to_string()))
        })
        .await?;
    let page =
        async |path: &str| anyhow::Ok(server.http.get(format!("{}{path}", server.url)).send().await?.text().await?);
    let night = page("/i/1").await?;
    for part in ["RDSCPUUtilizationHigh", "What may help", "href=\"/rb/aws/rds-cpu\"", "if nobody acts"] {
        assert!(night.contains(part), "no {part}: {night}");
    }
    let runbook = page("/rb/aws/rds-cpu").await?;
    for part in ["<h1>RDS CPU is high</h1>", "<h2>Checks</h2>", "<li>", "<td>", "<code>CPUUtilization</code>"] {
        assert!(runbook.contains(part), "no {part}: {runbook}");
    }
    Ok(())
}
