//! What one incident costs in a table: the units that DynamoDB counts, for a whole typical life. Printed, and held to what
//! `docs/aws.md` says.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;
use tests::{Home, Server};

use crate::clicks::{Button, card_that_says};
use crate::parity::{aws, dynamo};

/// What `docs/aws.md` says. How often a card is drawn depends on who is faster, so a few units more are let pass.
const WRITE_UNITS: f64 = 137.0;
const READ_UNITS: f64 = 27.0;
const MORE: f64 = 1.1;

#[expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "the figure is what the test is for, and a start takes its time"
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_life_costs_what_the_documentation_says() -> Result<()> {
    let dynamodb = dynamo::Server::start();
    dynamo::create(&dynamodb.client(), "catops").await;
    let mut home = Home::new()?;
    home.data = PathBuf::from("dynamodb:catops");
    home.set("auth = \"bearer\"\nsecrets = [\"env:CATOPS_GENERIC_TOKEN\"]", "auth = \"open\"")?;
    let environment = aws(&dynamodb);
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = home.serve(&environment)?;
    // What a start costs is not the incident's.
    tokio::time::sleep(Duration::from_secs(3)).await;
    // A look at the figures reads, too, and only afterwards counts that: the last one is in the figure, so it is taken off.
    let (first, before) = (units(&server).await?, units(&server).await?);
    live(&server).await?;
    let after = units(&server).await?;
    let (written, read) = (after.0 - before.0, after.1 - before.1 - (before.1 - first.1));
    println!("one incident's life: {written} write units, {read} read units");
    ensure!(written > 100.0 && read > 20.0, "nothing was counted: {written} {read}");
    ensure!(written <= WRITE_UNITS * MORE, "{written} write units, and docs/aws.md says {WRITE_UNITS}");
    ensure!(read <= READ_UNITS * MORE, "{read} read units, and docs/aws.md says {READ_UNITS}");
    Ok(())
}

/// Opened, paged, acknowledged, fired twice more, an action that fails, cleared. Only what Slack shows is looked at: to ask
/// the log would be paid for.
async fn live(server: &Server) -> Result<()> {
    ensure!(server.fire("db-1/disk", "a1", "Disk is full on db-1").await? == 202);
    let card = card_that_says(server, 1, ", paged ").await?;
    Button::find(&card, "Acknowledge INC-1").context("a button to take INC-1")?.press(server, "U0ANA").await?;
    card_that_says(server, 1, "Ana").await?;
    for id in ["a2", "a3"] {
        ensure!(server.fire("db-1/disk", id, "Disk is full on db-1").await? == 202);
    }
    card_that_says(server, 1, "3 times").await?;
    let run = "/catops run check-endpoint url=https://127.0.0.1:9/ on 1";
    server.local("say", &json!({ "as": "U0ANA", "channel": "C0OPS", "text": run })).await?;
    card_that_says(server, 1, "failed").await?;
    ensure!(server.clear("db-1/disk", "a4").await? == 202);
    card_that_says(server, 1, "leared").await.map(drop)
}

/// Written and read so far.
async fn units(server: &Server) -> Result<(f64, f64)> {
    let values =
        server.metrics(&["write", "read"].map(|kind| format!("catops_log_units_total{{kind=\"{kind}\"}}"))).await?;
    Ok((values[0], values[1]))
}
