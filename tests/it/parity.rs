//! The same night on every store: in memory, in SQLite, in DynamoDB. What a person sees and what the log holds must be the
//! same, whichever it is.

#[path = "../../log/tests/dynamodb/server.rs"]
pub(crate) mod dynamo;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::path::PathBuf;
use tests::{Home, Server};

use crate::clicks::{Button, card_that_says};

const OPS: &str = "C0OPS";
const TABLE: &str = "catops";

/// What everybody saw, and what the log holds of it.
#[derive(Debug, PartialEq)]
struct Night {
    /// For each incident, its events, without times and without what differs from one process to the next.
    events: Vec<Vec<Value>>,
    /// The channel, oldest first.
    channel: Vec<String>,
    /// What each person was told by the app alone.
    direct: Vec<(String, Vec<String>)>,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_is_the_same_on_every_store() -> Result<()> {
    let in_memory = night("memory:", &[]).await.context("in memory")?;
    ensure!(in_memory.events.len() == 3, "the night has three incidents: {in_memory:#?}");
    let home = Home::new()?;
    let in_folder = night(tests::text(&home.data), &[]).await.context("in a folder")?;
    alike(&in_memory, &in_folder, "memory and SQLite");
    let dynamodb = dynamo::Server::start();
    dynamo::create(&dynamodb.client(), TABLE).await;
    let place = format!("dynamodb:{TABLE}");
    let environment = aws(&dynamodb);
    let in_table = night(&place, &environment).await.context("in a table")?;
    alike(&in_folder, &in_table, "SQLite and DynamoDB");

    // The commands read a table as they read a folder.
    for (words, wanted) in [
        (&["audit"][..], "Unaccounted for: nothing"),
        (&["verify"], "nobody changed the past"),
        (&["incidents"], "INC-3"),
        (&["timeline", "INC-1"], "level 1: ana"),
        (&["dead-letters"], "generic"),
        (&["whynot", "generic"], "opened INC-3; "),
    ] {
        let said = tests::catops_with(&[words, &["--data", &place]].concat(), &environment);
        ensure!(said.code == Some(0), "{words:?}: {}{}", said.stdout, said.stderr);
        ensure!(said.stdout.contains(wanted), "{words:?} says {}", said.stdout);
    }
    Ok(())
}

/// Compared piece by piece, so that what differs can be read.
#[track_caller]
fn alike(one: &Night, other: &Night, which: &str) {
    for (one, other) in one.events.iter().zip(&other.events) {
        for (one, other) in one.iter().zip(other) {
            assert_eq!(one.to_string(), other.to_string(), "{which}");
        }
    }
    assert_eq!(one.channel, other.channel, "{which}");
    assert_eq!(one, other, "{which}");
}

/// Where the processes of a test find DynamoDB.
pub(crate) fn aws(server: &dynamo::Server) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ENDPOINT_URL", server.url()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ]
}

async fn night(data: &str, environment: &[(&str, String)]) -> Result<Night> {
    let mut home = Home::new()?;
    home.data = PathBuf::from(data);
    home.set("auth = \"bearer\"\nsecrets = [\"env:CATOPS_GENERIC_TOKEN\"]", "auth = \"open\"")?;
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = home.serve(&environment)?;
    opened_repeated_and_taken(&server).await?;
    ended_and_begun_again(&server).await?;
    set_aside_and_refused(&server).await?;
    let quiet = async |server: &Server| {
        let waiting = server.metric("catops_effects_leased").await?;
        Ok(if waiting == 0.0 { Ok(()) } else { Err(format!("{waiting} are performed")) })
    };
    server.until("everything to be performed", quiet).await?;
    let mut events = Vec::new();
    for id in 1..=3 {
        events.push(events_of(&server, id).await?);
    }
    let mut direct = Vec::new();
    for person in ["U0ANA", "U0BEN"] {
        direct.push((person.to_owned(), told(&server, person).await?));
    }
    Ok(Night { events, channel: shown(&server, OPS, "U0ANA").await?, direct })
}

async fn opened_repeated_and_taken(server: &Server) -> Result<()> {
    ensure!(server.fire("db-1/disk", "a1", "Disk is full on db-1").await? == 202);
    card_that_says(server, 1, "Disk is full").await?;
    paged(server, 1).await?;
    for id in ["a2", "a3", "a3"] {
        ensure!(server.fire("db-1/disk", id, "Disk is full on db-1").await? == 202);
    }
    let card = card_that_says(server, 1, "3").await?;
    let take = Button::find(&card, "Acknowledge INC-1").context("a button to take INC-1")?;
    take.press(server, "U0BEN").await?;
    card_that_says(server, 1, "Ben Okafor").await?;
    server.local("say", &json!({ "as": "U0ANA", "channel": OPS, "text": "/catops note 1 grew the volume" })).await?;
    has(server, 1, "noted").await
}

async fn ended_and_begun_again(server: &Server) -> Result<()> {
    ensure!(server.clear("db-1/disk", "a4").await? == 202);
    has(server, 1, "cleared").await?;
    ensure!(server.fire("db-1/disk", "a5", "Disk is full on db-1").await? == 202);
    has(server, 1, "refired").await?;
    // Its second page, before somebody ends it.
    has_times(server, 1, "paged", 2).await?;
    server.local("say", &json!({ "as": "U0ANA", "channel": OPS, "text": "/catops resolve 1 \"bigger disk\"" })).await?;
    card_that_says(server, 1, "esolved").await.map(drop)
}

async fn set_aside_and_refused(server: &Server) -> Result<()> {
    ensure!(server.clear("never/fired", "b1").await? == 202);
    ensure!(server.post("/hooks/generic", &json!({ "title": 7 })).await?.0 == 400);
    ensure!(server.fire("web/5xx", "c1", "5xx of checkout-api above 1 %").await? == 202);
    paged(server, 2).await?;
    server.local("say", &json!({ "as": "U0ANA", "channel": OPS, "text": "/catops assign 2 to @ben" })).await?;
    has(server, 2, "assigned").await?;
    ensure!(server.fire("queue/age", "d1", "Messages of orders wait for 10 minutes").await? == 202);
    paged(server, 3).await?;
    // The cards once they have heard of the pages.
    for incident in [2, 3] {
        card_that_says(server, incident, ", paged ").await?;
    }
    Ok(())
}

async fn paged(server: &Server, incident: u64) -> Result<()> {
    has(server, incident, "paged").await
}

/// Waits until an event of this kind is there.
async fn has(server: &Server, incident: u64, kind: &str) -> Result<()> {
    has_times(server, incident, kind, 1).await
}

async fn has_times(server: &Server, incident: u64, kind: &str, times: usize) -> Result<()> {
    let look = async |server: &Server| {
        let kinds: Vec<String> = kinds(&server.incident(incident).await?);
        let found = kinds.iter().filter(|found| *found == kind).count();
        Ok(if found >= times { Ok(()) } else { Err(kinds.join(" ")) })
    };
    server.until(&format!("{kind} of INC-{incident}"), look).await
}

fn kinds(incident: &Value) -> Vec<String> {
    let events = incident["events"].as_array().into_iter().flatten();
    events.filter_map(|event| event["kind"].as_str().map(str::to_owned)).collect()
}

/// What may differ: instants, durations, and the names that Slack gives to messages.
const DIFFERS: [&str; 8] =
    ["at", "ts", "occurred_at", "thread_ts", "due_at", "permalink", "after_seconds", "received_at"];

async fn events_of(server: &Server, id: u64) -> Result<Vec<Value>> {
    let incident = server.incident(id).await?;
    let mut events = incident["events"].as_array().context("events")?.clone();
    events.iter_mut().for_each(without_times);
    // What two performers write at the same time comes in either order.
    events.iter_mut().for_each(|event| {
        event.as_object_mut().map(|event| event.remove("seq"));
    });
    events.sort_by_key(Value::to_string);
    Ok(events)
}

fn without_times(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !DIFFERS.contains(&name.as_str()));
            members.values_mut().for_each(without_times);
        }
        Value::Array(values) => values.iter_mut().for_each(without_times),
        _ => {}
    }
}

/// The texts of a channel, with instants taken out.
async fn shown(server: &Server, channel: &str, reader: &str) -> Result<Vec<String>> {
    let messages = server.messages(channel, reader).await?;
    let mut texts: Vec<String> = messages.iter().map(|message| without_clock(&message["rendered_text"])).collect();
    texts.sort();
    Ok(texts)
}

async fn told(server: &Server, person: &str) -> Result<Vec<String>> {
    let state = server.get(&format!("/local/state?as={person}")).await?;
    let channels = state["channels"].as_array().into_iter().flatten();
    let mut texts = Vec::new();
    for channel in channels.filter(|channel| channel["kind"] != "public").filter_map(|channel| channel["id"].as_str()) {
        texts.extend(shown(server, channel, person).await?);
    }
    Ok(texts)
}

/// Digits beside a colon are a time of day, and those before an `s` a length.
fn without_clock(text: &Value) -> String {
    let words: Vec<&str> = text.as_str().unwrap_or_default().split(' ').collect();
    let has_digit = |word: &str| word.bytes().any(|byte| byte.is_ascii_digit());
    let shown = words.iter().enumerate().map(|(place, word)| match words.get(place + 1) {
        _ if word.contains(':') && has_digit(word) => "<time>",
        Some(&"s") if has_digit(word) => "<length>",
        _ => word,
    });
    shown.collect::<Vec<_>>().join(" ")
}
