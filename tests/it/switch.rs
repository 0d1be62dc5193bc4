//! `/catops actions stop`: what runs is stopped, nothing starts, also after a restart, until somebody lifts it.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::fs;
use tests::{Home, Server, TOKEN};

const OPS: &str = "C0OPS";

/// An action that takes a minute when nobody stops it.
const SLOW: &str = r#"
title = "Wait for a minute"
description = "Takes its time."
read_only = false
timeout = "2m"
watch = "1m"
allow = "any-responder"
[runner]
kind = "command"
argv = ["/bin/sleep", "60"]
"#;

async fn say(server: &Server, person: &str, text: &str) -> Result<()> {
    server.say(person, OPS, text).await
}

/// Waits until somebody was told something, and returns the last of it.
async fn until_told(server: &Server, person: &str, wanted: &str) -> Result<String> {
    let look = async |server: &Server| {
        let seen = server.messages(OPS, person).await?;
        let mut whispers = seen.iter().filter(|message| message["only_for"] == person);
        let last =
            whispers.next_back().and_then(|message| message["rendered_text"].as_str()).unwrap_or_default().to_owned();
        Ok(if last.contains(wanted) { Ok(last) } else { Err(last) })
    };
    server.until(&format!("{person} to be told {wanted:?}"), look).await
}

/// Waits until everybody was told something, and returns it.
async fn until_all_told(server: &Server, wanted: &str) -> Result<String> {
    let look = async |server: &Server| {
        let seen = server.messages(OPS, "U0SAM").await?;
        let all = seen.iter().filter(|message| message["only_for"].is_null());
        let told = all.filter_map(|message| message["rendered_text"].as_str()).find(|text| text.contains(wanted));
        Ok(told.map(str::to_owned).ok_or_else(|| format!("{seen:?}")))
    };
    server.until(&format!("everybody to be told {wanted:?}"), look).await
}

async fn until_kind(server: &Server, kind: &str, count: usize) -> Result<Value> {
    let look = async |server: &Server| {
        let events = server.incident(1).await?["events"].clone();
        let events: Vec<Value> = events.as_array().context("events")?.clone();
        let found: Vec<&Value> = events.iter().filter(|event| event["kind"] == kind).collect();
        Ok(if found.len() == count { Ok(found[count - 1].clone()) } else { Err(format!("{events:?}")) })
    };
    server.until(&format!("{count} of {kind}"), look).await
}

#[tokio::test]
async fn all_actions_are_stopped_until_somebody_starts_them() -> Result<()> {
    let home = Home::new()?;
    fs::write(home.config.join("actions/slow.toml"), SLOW)?;
    let server = home.serve(&[TOKEN])?;
    let alarm = json!({ "title": "Disk is full", "key": "disk", "id": "disk-1", "severity": "error" });
    let request = server.http.post(format!("{}/hooks/generic", server.url)).bearer_auth(TOKEN.1).json(&alarm);
    assert_eq!(request.send().await?.status(), 202);
    say(&server, "U0ANA", "/catops run slow on 1").await?;
    until_kind(&server, "action_started", 1).await?;

    say(&server, "U0SAM", "/catops actions stop").await?;
    until_told(&server, "U0SAM", "not in the rota").await?;
    assert_eq!(server.metric("catops_actions_stopped").await?, 0.0);

    say(&server, "U0BEN", "/catops actions stop because of <!channel> a drill").await?;
    let told = until_all_told(&server, "stopped all actions").await?;
    assert!(told.contains("one run is being stopped"), "{told}");
    let finished = until_kind(&server, "action_finished", 1).await?;
    assert_eq!(finished["outcome"], "stopped");
    assert_eq!(until_kind(&server, "stop_requested", 1).await?["by"], "ben");
    assert_eq!(server.metric("catops_actions_stopped").await?, 1.0);
    assert!(server.get("/healthz").await?["actions_stopped_since"].is_string());

    server.kill();
    let server = home.serve(&[TOKEN])?;
    say(&server, "U0ANA", "/catops run slow on 1").await?;
    let told = until_told(&server, "U0ANA", "stopped all actions").await?;
    assert!(told.contains("Ben Okafor") && told.contains("a drill"), "{told}");
    assert!(told.contains("/catops actions start"), "{told}");
    until_kind(&server, "action_requested", 1).await?;

    say(&server, "U0ANA", "/catops actions start").await?;
    until_all_told(&server, "Ana Ruiz lets actions run again").await?;
    assert_eq!(server.metric("catops_actions_stopped").await?, 0.0);
    assert!(server.get("/healthz").await?["actions_stopped_since"].is_null());
    say(&server, "U0ANA", "/catops run slow on 1").await?;
    until_kind(&server, "action_started", 2).await.map(drop)
}
