//! Slack fails, and CatOps' posts arrive all the same: every card and every page once, none too early.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::Server;

const OPS: &str = "C0OPS";
/// Ana's direct messages with CatOps; she is on call for the shop and for checkout, or Ben is.
const DIRECT: [(&str, &str); 2] = [("U0ANA", "D0ANA"), ("U0BEN", "D0BEN")];

async fn suffer(server: &Server, fault: Value) -> Result<()> {
    server.local("faults", &fault).await.map(drop)
}

/// The pages of an incident, in everybody's direct messages.
async fn pages(server: &Server, incident: u64) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (person, direct) in DIRECT {
        let messages = server.messages(direct, person).await?;
        let texts = messages.iter().filter_map(|message| message["text"].as_str());
        found.extend(texts.filter(|text| text.contains(&format!("INC-{incident}"))).map(str::to_owned));
    }
    Ok(found)
}

/// Waits until nothing is to be done any more, and says how many cards and pages there are.
async fn arrived(server: &Server) -> Result<(usize, usize)> {
    let look = async |server: &Server| {
        let events = server.incident(1).await?["events"].clone();
        let kinds: Vec<&str> =
            events.as_array().context("events")?.iter().filter_map(|event| event["kind"].as_str()).collect();
        let written = kinds.contains(&"card_posted") && kinds.contains(&"paged");
        let quiet = server.metric("catops_effects_leased").await? == 0.0;
        Ok(if written && quiet { Ok(()) } else { Err(format!("{kinds:?}")) })
    };
    server.until("the card and the page", look).await?;
    Ok((server.cards(OPS, 1).await?.len(), pages(server, 1).await?.len()))
}

/// When Slack was asked to post, in milliseconds since 1970, and the status that it answered.
async fn posts(server: &Server) -> Result<Vec<(f64, String)>> {
    let traffic = server.get("/local/traffic").await?;
    let exchanges = traffic["exchanges"].as_array().context("exchanges")?.iter();
    let posts = exchanges.filter(|exchange| exchange["name"] == "chat.postMessage");
    Ok(posts
        .map(|post| (post["at"].as_f64().unwrap_or_default(), post["status"].as_str().unwrap_or_default().to_owned()))
        .collect())
}

#[tokio::test]
async fn while_slack_is_down_the_card_and_the_page_wait() -> Result<()> {
    let data = tempfile::tempdir()?;
    let server = Server::demo(data.path())?;
    suffer(&server, json!({ "method": "chat.postMessage", "kind": "down", "count": 5 })).await?;
    assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202, "the alarm does not wait for Slack");
    assert_eq!(arrived(&server).await?, (1, 1), "one card, one page");
    assert!(posts(&server).await?.len() >= 7, "five failed, two arrived");
    Ok(())
}

#[tokio::test]
async fn a_post_whose_answer_was_lost_is_not_posted_again() -> Result<()> {
    let data = tempfile::tempdir()?;
    let server = Server::demo(data.path())?;
    suffer(&server, json!({ "method": "chat.postMessage", "kind": "applied_then_timeout", "count": 2 })).await?;
    assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
    assert_eq!(arrived(&server).await?, (1, 1), "one card, one page");
    Ok(())
}

/// More messages than are read at once: the post is looked for further back.
#[tokio::test]
async fn a_post_whose_answer_was_lost_is_found_behind_what_people_said() -> Result<()> {
    let data = tempfile::tempdir()?;
    let server = Server::demo(data.path())?;
    suffer(&server, json!({ "method": "chat.postMessage", "kind": "applied_then_timeout", "count": 2 })).await?;
    assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
    let there = async |server: &Server| {
        Ok(if server.cards(OPS, 1).await?.is_empty() { Err("no card".to_owned()) } else { Ok(()) })
    };
    server.until("the card", there).await?;
    for number in 0..450 {
        server.local("say", &json!({ "as": "U0ANA", "channel": OPS, "text": format!("line {number}") })).await?;
    }
    arrived(&server).await?;
    let all = server.get("/local/state?as=U0ANA").await?["messages"][OPS].clone();
    let all = all.as_array().context("the channel")?.clone();
    let is_card = |message: &&Value| message["text"].as_str().is_some_and(|text| text.contains("INC-1 "));
    assert_eq!(all.iter().filter(is_card).count(), 1, "of {} messages", all.len());
    assert!(all.len() > 450, "people said a lot: {}", all.len());
    Ok(())
}

#[tokio::test]
async fn slack_is_given_the_time_it_asks_for() -> Result<()> {
    let data = tempfile::tempdir()?;
    let server = Server::demo(data.path())?;
    suffer(&server, json!({ "method": "chat.postMessage", "kind": "ratelimited", "count": 2, "retry_after": 3 }))
        .await?;
    assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
    assert_eq!(arrived(&server).await?, (1, 1), "one card, one page");
    let posts = posts(&server).await?;
    let (refused, taken): (Vec<_>, Vec<_>) = posts.iter().partition(|(_, status)| status == "429");
    assert_eq!((refused.len(), taken.len()), (2, 2), "{posts:?}");
    let first_refusal = refused.iter().map(|(at, _)| *at).fold(f64::INFINITY, f64::min);
    for (at, _) in taken {
        assert!(at - first_refusal >= 3000.0, "a post came {} ms after \"retry after 3 s\"", at - first_refusal);
    }
    Ok(())
}

#[tokio::test]
async fn after_a_restart_slack_learns_what_it_missed() -> Result<()> {
    let data = tempfile::tempdir()?;
    let server = Server::demo(data.path())?;
    suffer(&server, json!({ "method": "*", "kind": "down", "count": 1000 })).await?;
    assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
    server.kill();
    let server = Server::demo(data.path())?;
    assert_eq!(arrived(&server).await?, (1, 1), "one card, one page");
    Ok(())
}

/// What stands in the thread of the only card, oldest first.
async fn thread(server: &Server) -> Result<Vec<String>> {
    let shown = server.messages(OPS, "U0ANA").await?;
    let replies = shown.iter().filter(|message| {
        message["only_for"].is_null()
            && message["thread_ts"].as_str().is_some_and(|thread| Some(thread) != message["ts"].as_str())
    });
    Ok(replies.filter_map(|reply| reply["text"].as_str()).map(str::to_owned).collect())
}

#[tokio::test]
async fn the_thread_tells_the_night_in_order() -> Result<()> {
    let data = tempfile::tempdir()?;
    let server = Server::demo(data.path())?;
    assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
    arrived(&server).await?;
    suffer(&server, json!({ "method": "chat.postMessage", "kind": "down", "count": 1 })).await?;
    for number in 1..=4 {
        let note = json!({ "as": "U0ANA", "channel": OPS, "text": format!("/catops note 1 line {number}") });
        server.local("say", &note).await?;
    }
    let look = async |server: &Server| {
        let told = thread(server).await?;
        Ok(if told.len() < 4 { Err(format!("{told:?}")) } else { Ok(told) })
    };
    let told = server.until("four lines", look).await?;
    let numbers: Vec<&str> = told.iter().filter_map(|line| line.rsplit(' ').next()).collect();
    assert_eq!(numbers, ["1", "2", "3", "4"], "the first was refused once, and the others waited: {told:?}");
    Ok(())
}

/// What only Ana was told that holds these words.
async fn whispered(server: &Server, wanted: &str) -> Result<Result<String, String>> {
    let shown = server.messages(OPS, "U0ANA").await?;
    let told = shown.iter().filter(|message| message["only_for"] == "U0ANA");
    let told = told.filter_map(|message| message["rendered_text"].as_str()).find(|text| text.contains(wanted));
    Ok(told.map(str::to_owned).ok_or_else(|| format!("{shown:?}")))
}

#[tokio::test]
async fn a_long_timeline_is_answered_with_its_end() -> Result<()> {
    let data = tempfile::tempdir()?;
    let server = Server::demo(data.path())?;
    for delivery in 0..60 {
        assert_eq!(server.fire("disk", &format!("disk-{delivery}"), "Disk is full").await?, 202);
    }
    arrived(&server).await?;
    let say = async |text: &str| server.local("say", &json!({ "as": "U0ANA", "channel": OPS, "text": text })).await;
    say("/catops note 1 the newest line").await?;
    say("/catops timeline 1").await?;
    let told = server.until("the timeline", async |server: &Server| whispered(server, "earlier lines").await).await?;
    assert!(told.contains("the newest line"), "{told}");
    Ok(())
}
