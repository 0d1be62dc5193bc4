//! What an alarm's past changes on its next card: what people pinned and banned, what they say ended it, and the line that
//! tells how often it fired before.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Home, Server};

use crate::clicks::{Button, card_that_says};

const ANA: &str = "U0ANA";
/// Not in the rota.
const SAM: &str = "U0SAM";
const OPS: &str = "C0OPS";

/// A home whose incidents are over for good once they are resolved.
fn home() -> Result<Home> {
    let home = Home::new()?;
    home.set("auth = \"bearer\"\nsecrets = [\"env:CATOPS_GENERIC_TOKEN\"]", "auth = \"open\"")?;
    home.set("reopen_window = \"30m\"", "reopen_window = \"0s\"")?;
    Ok(home)
}

async fn say(server: &Server, text: &str) -> Result<()> {
    says(server, ANA, text).await
}

async fn says(server: &Server, who: &str, text: &str) -> Result<()> {
    server.say(who, OPS, &format!("/catops {text}")).await
}

/// Something that only Ana was told.
async fn told(server: &Server, wanted: &str) -> Result<()> {
    is_told(server, ANA, wanted).await
}

async fn is_told(server: &Server, who: &str, wanted: &str) -> Result<()> {
    let look = async |server: &Server| {
        let seen = server.messages(OPS, who).await?;
        let told = seen.iter().filter(|message| message["only_for"] == who);
        let told: Vec<&str> = told.filter_map(|message| message["rendered_text"].as_str()).collect();
        Ok(if told.iter().any(|text| text.contains(wanted)) { Ok(()) } else { Err(format!("{told:#?}")) })
    };
    server.until(&format!("{wanted:?}"), look).await
}

async fn suggestions(server: &Server, incident: u64) -> Result<Vec<Value>> {
    let incident = server.incident(incident).await?;
    Ok(incident["incident"]["suggestions"].as_array().context("suggestions")?.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_pin_and_ban_is_seen_on_this_card_and_the_next() -> Result<()> {
    let server = home()?.serve(&[])?;
    ensure!(server.fire("db-1/disk", "a1", "Disk is full on db-1").await? == 202);
    card_that_says(&server, 1, ", paged ").await?;
    let before = suggestions(&server, 1).await?;
    let first = before.first().and_then(|first| first["action"].as_str()).context("a suggestion with an action")?;

    says(&server, SAM, &format!("ban {first} on 1 because I can")).await?;
    is_told(&server, SAM, "not in the rota").await?;
    say(&server, &format!("ban {first} on 1")).await?;
    told(&server, "the reason is missing").await?;
    say(&server, &format!("ban {first} on 1 because it loses data")).await?;
    told(&server, &format!("{first} is not suggested any more")).await?;
    let other = "restart-service";
    say(&server, &format!("pin {other} on 1 because the vendor says so")).await?;
    card_that_says(&server, 1, "pinned by ana: the vendor says so").await?;
    let events = server.incident(1).await?["events"].to_string();
    ensure!(events.contains(&format!("banned {first} for this alarm: it loses data")), "who and why: {events}");

    let now = suggestions(&server, 1).await?;
    ensure!(now[0]["action"] == other, "{now:#?}");
    ensure!(now.iter().all(|suggestion| suggestion["action"] != first), "{now:#?}");
    for suggestion in &now {
        let parts = suggestion["parts"].as_array().context("parts")?;
        let sum: f64 = parts.iter().filter_map(|part| part["adds"].as_f64()).sum();
        ensure!((sum - suggestion["score"].as_f64().unwrap_or_default()).abs() < 1e-6, "{suggestion:#?}");
    }

    say(&server, "resolve 1 done").await?;
    card_that_says(&server, 1, "esolved").await?;
    ensure!(server.fire("db-1/disk", "a2", "Disk is full on db-1").await? == 202);
    card_that_says(&server, 2, "pinned by ana").await?;
    say(&server, &format!("unpin {other} on 2")).await?;
    told(&server, "is ranked by text and record again").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tap_says_what_ended_it_and_the_next_card_tells() -> Result<()> {
    let server = home()?.serve(&[])?;
    ensure!(server.fire("db-1/disk", "a1", "Disk is full on db-1").await? == 202);
    card_that_says(&server, 1, ", paged ").await?;
    say(&server, "resolve 1 done").await?;
    let card = card_that_says(&server, 1, "esolved").await?;
    let alone = Button::find(&card, "It cleared without anybody acting").context("a button for it")?;
    alone.press(&server, ANA).await?;
    let card = card_that_says(&server, 1, "It cleared alone").await?;
    ensure!(Button::find(&card, "Something else fixed it").is_none(), "asked once: {card:#}");

    ensure!(server.fire("db-1/disk", "a2", "Disk is full on db-1").await? == 202);
    card_that_says(&server, 2, "Fired 2 times in 90 days; 1 cleared alone").await?;
    say(&server, "resolve 2 done").await?;
    let card = card_that_says(&server, 2, "esolved").await?;
    let suggested = suggestions(&server, 2).await?;
    let runs = |suggestion: &&Value| suggestion["action"].is_string() && suggestion["read_only"] == false;
    let first = suggested.iter().find(runs).context("an action")?;
    let label = format!("It was fixed by: {}", first["title"].as_str().unwrap_or_default());
    Button::find(&card, &label).with_context(|| format!("{label} on {card:#}"))?.press(&server, ANA).await?;
    card_that_says(&server, 2, "Fixed by").await?;

    ensure!(server.fire("db-1/disk", "a3", "Disk is full on db-1").await? == 202);
    let action = first["action"].as_str().unwrap_or_default();
    let card = card_that_says(&server, 3, &format!("1 cleared alone; {action} 1 of 1; last by Ana Ruiz")).await?;
    let shown = card["rendered_text"].as_str().unwrap_or_default();
    ensure!(shown.contains("worked 1 of 1"), "{shown}");

    // The same alarm on another machine: what ended the first is a click away.
    ensure!(server.fire("db-2/disk", "b1", "Disk is full on db-2").await? == 202);
    card_that_says(&server, 4, ", paged ").await?;
    say(&server, "similar 4").await?;
    told(&server, "helped").await?;
    let similar = server.get("/api/v1/incidents/4/similar").await?;
    ensure!(similar["similar"][0]["incident"] == 2, "{similar:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_names_what_else_is_open_on_the_same_resource() -> Result<()> {
    let server = home()?.serve(&[])?;
    let fire = async |key: &str, title: &str, resource: &str| {
        let alarm = json!({ "id": key, "key": key, "title": title, "resource": resource });
        server.post("/hooks/generic", &alarm).await
    };
    ensure!(fire("k1", "Disk is full", "db-1").await?.0 == 202);
    card_that_says(&server, 1, ", paged ").await?;
    fire("k2", "Queries are slow", "db-1").await?;
    fire("k3", "Queries are slow", "db-2").await?;
    card_that_says(&server, 2, "also open on the same resource: INC-1 Disk is full").await?;
    card_that_says(&server, 3, ", paged ").await?;
    let third = server.incident(3).await?;
    ensure!(third["incident"]["related"] == json!([]), "{third:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_shortly_before_is_shown_and_what_takes_it_back_comes_first() -> Result<()> {
    let server = home()?.serve(&[])?;
    let fire = async |service: &str, id: &str| {
        let alarm = json!({
            "title": "p99 latency above 1 s", "key": service, "id": id, "service": service, "severity": "error",
            "summary": "p99 was 2.4 s for 5 minutes",
        });
        server.post("/hooks/generic", &alarm).await
    };
    ensure!(fire("profile-api", "a1").await?.0 == 202);
    card_that_says(&server, 1, ", paged ").await?;

    let deploy = json!({
        "title": "checkout-api v813 was rolled out", "state": "change", "service": "checkout-api", "id": "deploy-813",
        "links": ["https://deploys.example.com/813"],
    });
    ensure!(server.post("/hooks/generic", &deploy).await?.0 == 202);
    ensure!(server.post("/hooks/generic", &deploy).await?.0 == 202, "told twice");
    ensure!(fire("checkout-api", "a2").await?.0 == 202);
    let card = card_that_says(&server, 2, "checkout-api v813 was rolled out, just before").await?;
    let shown = card["rendered_text"].as_str().unwrap_or_default();
    ensure!(shown.matches("v813").count() == 1, "once: {shown}");
    let first = suggestions(&server, 2).await?.into_iter().next().context("a suggestion")?;
    ensure!(first["action"] == "rollback-release", "{first:#}");
    let parts = first["parts"].to_string();
    ensure!(parts.contains("takes back: checkout-api v813 was rolled out"), "{parts}");

    ensure!(fire("profile-api", "a3").await?.0 == 202);
    let other = server.incident(1).await?["incident"]["changes"].to_string();
    ensure!(!other.contains("v813"), "another service's deploy: {other}");
    let audit = server.get("/api/v1/audit?since=1h").await?.to_string();
    ensure!(audit.contains("\"unaccounted\":[]") || !audit.contains("unaccounted"), "{audit}");
    Ok(())
}
