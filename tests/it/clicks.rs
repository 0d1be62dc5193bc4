//! What people press in the demo's channel, and what they see: an action runs once, whoever is not in the rota is told
//! so, and what helped is remembered.

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::sync::Arc;
use tests::Server;

const OPS: &str = "C0OPS";
const PEOPLE: [(&str, &str); 3] = [("U0ANA", "Ana Ruiz"), ("U0BEN", "Ben Okafor"), ("U0CHI", "Chi Lee")];
const SAM: &str = "U0SAM";
/// `reopen_window` of the demo, and a second.
const REOPEN_WINDOW: TimeDelta = TimeDelta::seconds(21);

/// Breaks the shop, as the story of the demo does.
async fn break_shop(server: &Server, data: &std::path::Path) -> Result<()> {
    let config = std::fs::read_to_string(data.join("config/catops.toml"))?;
    let health = config.lines().find_map(|line| line.strip_prefix("url = \"")?.strip_suffix("/health\""));
    let shop = health.context("the shop's address")?;
    server.http.post(format!("{shop}/admin/break")).send().await?.error_for_status()?;
    Ok(())
}

/// A button that somebody sees.
#[derive(Clone, Debug)]
pub(crate) struct Button {
    ts: String,
    block_id: String,
    action_id: String,
}

impl Button {
    /// The button with this accessible name on a message.
    pub(crate) fn find(message: &Value, label: &str) -> Option<Self> {
        let blocks = message["blocks"].as_array()?;
        blocks.iter().find_map(|block| {
            let elements = block["elements"].as_array().into_iter().flatten();
            let button =
                elements.chain([&block["accessory"]]).find(|element| element["accessibility_label"] == label)?;
            Some(Self {
                ts: message["ts"].as_str()?.to_owned(),
                block_id: block["block_id"].as_str()?.to_owned(),
                action_id: button["action_id"].as_str()?.to_owned(),
            })
        })
    }

    pub(crate) async fn press(&self, server: &Server, person: &str) -> Result<Value> {
        let act = json!({
            "as": person, "channel": OPS, "ts": self.ts, "block_id": self.block_id, "action_id": self.action_id,
        });
        server.local("act", &act).await
    }
}

/// The card of an incident once its text holds something.
pub(crate) async fn card_that_says(server: &Server, incident: u64, wanted: &str) -> Result<Value> {
    let what = format!("a card of INC-{incident} that says {wanted:?}");
    let look = async |server: &Server| {
        let cards = server.cards(OPS, incident).await?;
        ensure!(cards.len() < 2, "INC-{incident} has {} cards", cards.len());
        let Some(card) = cards.into_iter().next() else { return Ok(Err("no card".to_owned())) };
        let shown = card["rendered_text"].as_str().unwrap_or_default().to_owned();
        Ok(if shown.contains(wanted) { Ok(card) } else { Err(shown) })
    };
    server.until(&what, look).await
}

/// What only this person was told in the channel.
async fn whispers(server: &Server, person: &str) -> Result<Vec<String>> {
    let seen = server.messages(OPS, person).await?;
    let whispers = seen.iter().filter(|message| message["only_for"] == person);
    Ok(whispers.map(|message| message["rendered_text"].as_str().unwrap_or_default().to_owned()).collect())
}

async fn whispers_once(server: &Server, person: &str, number: usize) -> Result<Vec<String>> {
    let look = async |server: &Server| {
        let told = whispers(server, person).await?;
        Ok(if told.len() == number { Ok(told) } else { Err(format!("{told:?}")) })
    };
    server.until(&format!("{number} whispers to {person}"), look).await
}

async fn kinds(server: &Server, incident: u64) -> Result<Vec<String>> {
    let events = server.incident(incident).await?["events"].clone();
    let events = events.as_array().context("events")?.iter();
    Ok(events.map(|event| event["kind"].as_str().unwrap_or_default().to_owned()).collect())
}

async fn count(server: &Server, incident: u64, kind: &str) -> Result<usize> {
    Ok(kinds(server, incident).await?.iter().filter(|found| *found == kind).count())
}

async fn until_kind(server: &Server, incident: u64, kind: &str) -> Result<()> {
    let look = async |server: &Server| {
        let kinds = kinds(server, incident).await?;
        Ok(if kinds.iter().any(|found| found == kind) { Ok(()) } else { Err(format!("{kinds:?}")) })
    };
    server.until(&format!("{kind} of INC-{incident}"), look).await
}

/// Keeps the card as it is, as a slow Slack does, and gives a button of it: everybody presses the same old one.
async fn hold_the_card(server: &Server, incident: u64, label: &str) -> Result<Button> {
    card_with_button(server, incident, label).await?;
    refuse_updates(server, u32::MAX).await?;
    // It may have been drawn anew just before; from now on it is not.
    let cards = server.cards(OPS, incident).await?;
    cards.first().and_then(|card| Button::find(card, label)).with_context(|| format!("{label:?} in {cards:?}"))
}

/// Lets the card show again what became of its incident.
async fn let_the_card_go(server: &Server) -> Result<()> {
    refuse_updates(server, 0).await
}

async fn refuse_updates(server: &Server, count: u32) -> Result<()> {
    let fault = json!({ "method": "chat.update", "kind": "internal_error", "count": count });
    server.local("faults", &fault).await.map(drop)
}

/// A button of an incident's card once nothing is under way that would draw the card anew.
async fn card_with_button(server: &Server, incident: u64, label: &str) -> Result<Button> {
    let look = async |server: &Server| {
        if server.metric("catops_effects_leased").await? > 0.0 {
            return Ok(Err("something is under way".to_owned()));
        }
        let cards = server.cards(OPS, incident).await?;
        Ok(cards.first().and_then(|card| Button::find(card, label)).ok_or_else(|| format!("{cards:?}")))
    };
    server.until(&format!("the button {label:?}"), look).await
}

/// Presses a button of an incident's card; once more where the card was drawn anew between the look and the press, as a
/// person does.
async fn press_on_card(server: &Server, incident: u64, label: &str, person: &str) -> Result<()> {
    let press = async |server: &Server| {
        let button = card_with_button(server, incident, label).await?;
        match button.press(server, person).await {
            Err(error) if error.to_string().contains("not_found") => Ok(Err(format!("{error:#}"))),
            pressed => pressed.map(Ok),
        }
    };
    server.until(&format!("a press on {label:?}"), press).await.map(drop)
}

const RESTART: &str = "Run suggestion 1: Restart shop";

#[tokio::test]
async fn twenty_presses_run_the_action_once() -> Result<()> {
    let data = tempfile::tempdir()?;
    let server = Arc::new(Server::demo(data.path())?);
    break_shop(&server, data.path()).await?;
    card_that_says(&server, 1, "Restart shop").await?;
    let button = hold_the_card(&server, 1, RESTART).await?;
    let presses: Vec<_> = (0..20)
        .map(|turn| {
            let (server, button) = (Arc::clone(&server), button.clone());
            tokio::spawn(async move { button.press(&server, PEOPLE[turn % 3].0).await })
        })
        .collect();
    for press in presses {
        let answer = press.await??;
        assert_eq!(answer["failure"], Value::Null, "CatOps took the press: {answer}");
    }
    let_the_card_go(&server).await?;
    until_kind(&server, 1, "action_helped").await?;
    assert_eq!(count(&server, 1, "action_requested").await?, 1);
    assert_eq!(count(&server, 1, "action_started").await?, 1);
    let by = server.incident(1).await?["incident"]["runs"][0]["by"].clone();
    let winner = ["ana", "ben", "chi"].iter().position(|id| by == *id).context("somebody ran it")?;
    for (turn, (person, _)) in PEOPLE.iter().enumerate() {
        let presses = if turn == 2 { 6 } else { 7 };
        let told = whispers_once(&server, person, presses - usize::from(turn == winner)).await?;
        for whisper in &told {
            assert!(whisper.contains(PEOPLE[winner].1), "it names who ran it: {whisper}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn who_is_not_in_the_rota_is_told_so_and_changes_nothing() -> Result<()> {
    let data = tempfile::tempdir()?;
    let server = Server::demo(data.path())?;
    break_shop(&server, data.path()).await?;
    card_that_says(&server, 1, "Restart shop").await?;
    for (told_before, label) in [RESTART, "Acknowledge INC-1", "Resolve INC-1"].into_iter().enumerate() {
        card_with_button(&server, 1, label).await?;
        let before = kinds(&server, 1).await?;
        press_on_card(&server, 1, label, SAM).await?;
        let told = whispers_once(&server, SAM, told_before + 1).await?;
        let said = told.last().context("a whisper")?;
        assert!(said.contains("not in the rota") && said.contains("rota/"), "what is wrong and what helps: {said}");
        assert_eq!(kinds(&server, 1).await?, before, "{label} changed something");
    }
    Ok(())
}

#[tokio::test]
async fn an_incident_is_acknowledged_once() -> Result<()> {
    let data = tempfile::tempdir()?;
    let server = Server::demo(data.path())?;
    assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
    let button = hold_the_card(&server, 1, "Acknowledge INC-1").await?;
    button.press(&server, "U0BEN").await?;
    button.press(&server, "U0CHI").await?;
    button.press(&server, "U0BEN").await?;
    let told = whispers_once(&server, "U0CHI", 1).await?;
    assert!(told[0].contains("Ben Okafor"), "it names who has it: {told:?}");
    assert_eq!(count(&server, 1, "acknowledged").await?, 1);
    let_the_card_go(&server).await?;
    card_that_says(&server, 1, "ACKNOWLEDGED").await?;
    assert_eq!(server.incident(1).await?["incident"]["acknowledged"]["by"], "ben");
    Ok(())
}

/// The page of an incident in somebody's direct messages once it shows something.
async fn page_that_says(server: &Server, wanted: &str) -> Result<Value> {
    let look = async |server: &Server| {
        let mut shown = Vec::new();
        for (person, direct) in [("U0ANA", "D0ANA"), ("U0BEN", "D0BEN")] {
            shown.extend(server.messages(direct, person).await?);
        }
        ensure!(shown.len() < 2, "more than one page: {shown:?}");
        let found = shown.iter().find(|page| page["rendered_text"].as_str().is_some_and(|text| text.contains(wanted)));
        Ok(found.cloned().ok_or_else(|| format!("{shown:?}")))
    };
    server.until(&format!("a page that says {wanted:?}"), look).await
}

#[tokio::test]
async fn a_page_has_buttons_as_long_as_it_asks_somebody() -> Result<()> {
    let data = tempfile::tempdir()?;
    let server = Server::demo(data.path())?;
    assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
    let page = page_that_says(&server, "Disk is full").await?;
    assert!(Button::find(&page, "Acknowledge INC-1").is_some(), "{page}");
    until_kind(&server, 1, "paged").await?;
    press_on_card(&server, 1, "Acknowledge INC-1", "U0CHI").await?;
    let taken = page_that_says(&server, "was acknowledged by Chi Lee").await?;
    assert_eq!(taken["ts"], page["ts"], "the same message");
    assert!(Button::find(&taken, "Acknowledge INC-1").is_none(), "{taken}");
    press_on_card(&server, 1, "Resolve INC-1", "U0CHI").await?;
    page_that_says(&server, "is resolved").await?;
    Ok(())
}

#[tokio::test]
async fn who_is_on_call_is_said_for_the_time_that_was_asked_about() -> Result<()> {
    let data = tempfile::tempdir()?;
    let server = Server::demo(data.path())?;
    let config = data.path().join("config");
    let config = config.to_str().context("UTF-8")?;
    // Ana and Ben hand over on Mondays at 09:00 in Madrid, and 2026-12-07 is one.
    for (told, (time, name, words)) in [
        ("2026-12-07 08:59", "Ben Okafor", "Mon 7 Dec 2026 08:59 Europe/Madrid"),
        ("2026-12-07 09:00", "Ana Ruiz", "Mon 7 Dec 2026 09:00 Europe/Madrid"),
        ("2026-12-07T07:59:00Z", "Ben Okafor", "Mon 7 Dec 2026 08:59 Europe/Madrid"),
        ("some day", "write it like", "tomorrow 09:00"),
    ]
    .into_iter()
    .enumerate()
    {
        let say = json!({ "as": "U0CHI", "channel": OPS, "text": format!("/catops oncall shop at {time}") });
        server.local("say", &say).await?;
        let said = whispers_once(&server, "U0CHI", told + 1).await?;
        let said = said.last().context("an answer")?;
        assert!(said.contains(name) && said.contains(words), "{time}: {said}");
        let shell = tests::catops(&["oncall", "shop", "--config", config, "--at", time]);
        let printed = shell.stdout + &shell.stderr;
        assert!(printed.contains(name) && printed.contains(words), "{time}: {printed}");
    }
    Ok(())
}

#[tokio::test]
async fn what_helped_is_remembered_by_the_next_incident() -> Result<()> {
    let data = tempfile::tempdir()?;
    let server = Server::demo(data.path())?;
    break_shop(&server, data.path()).await?;
    card_that_says(&server, 1, "Restart shop").await?;
    press_on_card(&server, 1, RESTART, "U0ANA").await?;
    let card = card_that_says(&server, 1, "RESOLVED").await?;
    let shown = card["rendered_text"].as_str().unwrap_or_default();
    assert!(shown.contains("Fixed by Restart shop (Ana Ruiz)"), "{shown}");
    let kinds: Vec<String> = kinds(&server, 1).await?;
    let story = ["opened", "action_requested", "action_started", "action_finished", "cleared", "action_helped"];
    let told: Vec<&str> = kinds.iter().map(String::as_str).filter(|kind| story.contains(kind)).collect();
    assert_eq!(told, story, "in this order, each once");

    // Within the demo's reopen window a new break would open the same incident again.
    let look = async |server: &Server| {
        let time = |text: &Value| Ok::<_, anyhow::Error>(text.as_str().context("a time")?.parse::<DateTime<Utc>>()?);
        let age = time(&server.get("/api/v1/oncall").await?["at"])?
            - time(&server.incident(1).await?["incident"]["resolved"]["at"])?;
        Ok(if age > REOPEN_WINDOW { Ok(()) } else { Err(format!("INC-1 ended {age} ago")) })
    };
    server.until("the end of the reopen window", look).await?;
    break_shop(&server, data.path()).await?;
    let card = card_that_says(&server, 2, "Restart shop").await?;
    let first = server.incident(2).await?["incident"]["suggestions"][0].clone();
    assert_eq!(first["action"], "restart-shop");
    assert_eq!(first["record"]["helped"], 1);
    let shown = card["rendered_text"].as_str().unwrap_or_default();
    assert!(shown.contains("Restart shop  ·  strong match  ·  worked 1 of 1"), "the card says so: {shown}");
    Ok(())
}
