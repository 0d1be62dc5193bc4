//! A storm in one channel: five cards and one digest, which lists, counts, takes and ends.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::Server;

const OPS: &str = "C0OPS";
/// More than the cards of two minutes.
const INCIDENTS: u64 = 12;
const CARDS: u64 = 5;

/// The root posts of the channel, as everybody sees them.
async fn roots(server: &Server) -> Result<Vec<Value>> {
    let shown = server.messages(OPS, "U0ANA").await?;
    let is_root = |message: &Value| {
        let thread = message["thread_ts"].as_str();
        message["only_for"].is_null() && thread.is_none_or(|thread| Some(thread) == message["ts"].as_str())
    };
    Ok(shown.into_iter().filter(is_root).collect())
}

/// The only digest, once its words hold something.
async fn digest_that_says(server: &Server, wanted: &str) -> Result<Value> {
    let look = async |server: &Server| {
        let mut digests = roots(server).await?;
        digests.retain(|root| root["text"].as_str().is_some_and(|text| text.starts_with("STORM")));
        ensure!(digests.len() < 2, "{} digests", digests.len());
        let Some(digest) = digests.pop() else { return Ok(Err("no digest".to_owned())) };
        let text = digest["text"].as_str().unwrap_or_default().to_owned();
        Ok(if text.contains(wanted) { Ok(digest) } else { Err(text) })
    };
    server.until(&format!("a digest that says {wanted:?}"), look).await
}

async fn storm() -> Result<(tempfile::TempDir, Server)> {
    let data = tempfile::tempdir()?;
    let server = Server::demo(data.path())?;
    for number in 1..=INCIDENTS {
        let name = format!("disk-{number}");
        ensure!(server.fire(&name, &name, &format!("Disk {number} is full")).await? == 202, "refused");
    }
    digest_that_says(&server, &format!("{} firing", INCIDENTS - CARDS)).await?;
    Ok((data, server))
}

async fn press(server: &Server, person: &str, message: &Value, action_id: &str) -> Result<Value> {
    let blocks = message["blocks"].as_array().context("blocks")?.iter();
    let block = blocks.clone().find(|block| {
        block["elements"].as_array().is_some_and(|elements| elements.iter().any(|e| e["action_id"] == action_id))
    });
    let block = block.with_context(|| format!("no {action_id} in {message}"))?;
    let act = json!({
        "as": person, "channel": OPS, "ts": message["ts"], "block_id": block["block_id"], "action_id": action_id,
    });
    server.local("act", &act).await
}

async fn statuses(server: &Server) -> Result<Vec<String>> {
    let mut statuses = Vec::new();
    for id in 1..=INCIDENTS {
        let shown = server.incident(id).await?;
        statuses.push(shown["incident"]["status"].as_str().unwrap_or_default().to_owned());
    }
    Ok(statuses)
}

#[tokio::test]
async fn five_get_cards_and_the_rest_one_digest() -> Result<()> {
    let (_data, server) = storm().await?;
    assert_eq!(roots(&server).await?.len() as u64, CARDS + 1);
    let look = async |server: &Server| {
        let pages = server.messages("D0ANA", "U0ANA").await?.len() + server.messages("D0BEN", "U0BEN").await?.len();
        Ok(if pages as u64 == INCIDENTS { Ok(()) } else { Err(pages.to_string()) })
    };
    server.until("a page of each: a digest wakes nobody", look).await
}

#[tokio::test]
async fn one_press_takes_all_that_nobody_has() -> Result<()> {
    let (_data, server) = storm().await?;
    server.local("say", &json!({ "as": "U0BEN", "channel": OPS, "text": "/catops ack 12" })).await?;
    let digest = digest_that_says(&server, "6 firing, 1 acknowledged").await?;
    press(&server, "U0SAM", &digest, "digest.ack").await?;
    assert!(statuses(&server).await?[5..11].iter().all(|status| status == "open"), "Sam is not in the rota");
    press(&server, "U0ANA", &digest, "digest.ack").await?;
    let digest = digest_that_says(&server, "7 acknowledged").await?;
    let took: Vec<String> = statuses(&server).await?;
    assert!(took[5..].iter().all(|status| status == "acknowledged"), "{took:?}");
    assert!(took[..5].iter().all(|status| status == "open"), "those have cards of their own: {took:?}");
    assert_eq!(server.incident(12).await?["incident"]["acknowledged"]["by"], "ben", "his stays his");
    assert!(!digest.to_string().contains("digest.ack"), "nothing is left to take");
    Ok(())
}

#[tokio::test]
async fn what_somebody_works_on_gets_its_card_and_the_storm_ends() -> Result<()> {
    let (_data, server) = storm().await?;
    server.local("say", &json!({ "as": "U0ANA", "channel": OPS, "text": "/catops note 9 I look at this one" })).await?;
    let look = async |server: &Server| {
        let cards = server.cards(OPS, 9).await?;
        let own = cards.iter().any(|card| !card["text"].as_str().is_some_and(|text| text.starts_with("STORM")));
        let told = server.messages(OPS, "U0ANA").await?.iter().any(|message| {
            message["thread_ts"].is_string() && message["text"].as_str().is_some_and(|text| text.contains("this one"))
        });
        Ok(if own && told { Ok(()) } else { Err(format!("card {own}, line in its thread {told}")) })
    };
    server.until("a card for INC-9", look).await?;
    for number in 1..=INCIDENTS {
        let name = format!("disk-{number}");
        server.clear(&name, &format!("{name}-ok")).await?;
    }
    digest_that_says(&server, "STORM OVER: 7 more incidents").await?;
    assert_eq!(roots(&server).await?.len() as u64, CARDS + 2);
    Ok(())
}
