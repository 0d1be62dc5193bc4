//! A night of many incidents: no phone rings without end, no first page waits, and what waited comes together.

use crate::paging::{Home, LINKS, thanks, timeline, until_said, until_told};
use crate::receiver::{Receiver, Told};
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeSet;
use tests::{catops, text};

/// Ana is called when she is asked and once more ten seconds later, and no more often than three times a minute.
fn home(receiver: &Receiver) -> Result<Home> {
    let people = format!(
        "[people.ana]\nname = \"Ana Ruiz\"\nvoice = \"{}/call\"\n\
         notify.high = [\"voice\", \"voice after 10s\"]\nnotify.low = [\"voice\"]\n",
        receiver.url
    );
    Home::with_people("60s", &people, "\"ana\"")?.with_more("[throttle.voice]\nper_1m = 3\n")
}

fn page(told: &Told) -> Result<Value> {
    Ok(serde_json::from_str(&told.body)?)
}

/// The incidents that a page names.
fn named(page: &Value) -> BTreeSet<String> {
    let with = page["with"].as_array().into_iter().flatten();
    std::iter::once(page).chain(with).filter_map(|part| part["incident"].as_str()).map(str::to_owned).collect()
}

fn names(incidents: &[&str]) -> BTreeSet<String> {
    incidents.iter().map(|incident| (*incident).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_one_too_many_waits_over_a_restart_and_comes_together_without_what_somebody_took() -> Result<()> {
    let receiver = thanks().await?;
    let home = home(&receiver)?;
    let server = home.serve(&[LINKS])?;
    for key in ["disk", "queue", "cpu"] {
        assert_eq!(server.fire(key, &format!("{key}-1"), &format!("{key} is full")).await?, 202);
    }
    let firsts = until_told(&server, &receiver, 3).await?;
    let firsts: Vec<Value> = firsts.iter().map(page).collect::<Result<_>>()?;
    let each: Vec<BTreeSet<String>> = firsts.iter().map(named).collect();
    assert!(["INC-1", "INC-2", "INC-3"].iter().all(|incident| each.contains(&names(&[incident]))), "{each:?}");
    for incident in 1..=3 {
        until_said(&server, incident, "call to Ana Ruiz waits until ").await?;
        until_said(&server, incident, " UTC: 3 in 1 min").await?;
    }
    assert!(home.why().contains("Waits: call to ana until "), "{}", home.why());
    let (config, data) = (home.config(), home.data());
    let told = catops(&["timeline", "1", "--config", text(&config), "--data", text(&data)]).stdout;
    assert!(told.contains("page Ana Ruiz by call (it waits: 3 in 1 min)"), "{told}");

    let second = firsts.iter().find(|page| page["incident"] == "INC-2").context("the page of INC-2")?;
    let link = second["acknowledge_url"].as_str().context("a link")?;
    assert_eq!(server.http.post(link).send().await?.status(), 200);
    until_said(&server, 2, "Ana Ruiz acknowledged").await?;
    assert_eq!(receiver.told().len(), 3, "the second calls wait");
    let audited = catops(&["audit", "--data", text(&data)]);
    assert_eq!(audited.code, Some(0), "a page that waits is still to come: {}", audited.stdout);
    server.kill();

    let server = home.serve(&[LINKS])?;
    let told = until_told(&server, &receiver, 4).await?;
    let bundle = page(&told[3])?;
    assert_eq!(named(&bundle), names(&["INC-1", "INC-3"]));
    let words = bundle["text"].as_str().context("a text")?;
    assert!(words.starts_with("2 incidents want you:\nINC-"), "{words}");
    assert!(words.contains("disk is full") && words.contains("cpu is full"), "{words}");
    assert_eq!(words.matches("\nAcknowledge here: http").count(), 2, "{words}");
    assert!(bundle["say"].as_str().is_some_and(|say| say.contains("paging you for 2 incidents")), "{bundle}");
    until_said(&server, 1, "paged Ana Ruiz by call, the second channel, together with INC-3").await?;
    until_said(&server, 3, "paged Ana Ruiz by call, the second channel, together with INC-1").await?;
    assert_eq!(receiver.told().len(), 4, "each was called for twice, and INC-2 once");
    let lines = timeline(&server, 2).await?;
    assert_eq!(lines.iter().filter(|line| line.starts_with("paged")).count(), 1, "{lines:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_page_never_waits_and_takes_along_what_does() -> Result<()> {
    let receiver = thanks().await?;
    let home = home(&receiver)?;
    let server = home.serve(&[])?;
    for key in ["disk", "queue", "cpu"] {
        assert_eq!(server.fire(key, &format!("{key}-1"), &format!("{key} is full")).await?, 202);
    }
    until_told(&server, &receiver, 3).await?;
    for incident in 1..=3 {
        until_said(&server, incident, "call to Ana Ruiz waits until ").await?;
    }
    assert_eq!(server.fire("memory", "memory-1", "memory is full").await?, 202);
    let told = until_told(&server, &receiver, 4).await?;
    let bundle = page(&told[3])?;
    assert_eq!(bundle["incident"], "INC-4", "it speaks of the new one first");
    assert_eq!(named(&bundle), names(&["INC-1", "INC-2", "INC-3", "INC-4"]));
    until_said(&server, 2, "paged Ana Ruiz by call, the second channel, together with INC-4, INC-").await?;
    Ok(())
}

#[tokio::test]
async fn a_mistake_in_a_limit_is_told_with_its_line() -> Result<()> {
    let receiver = thanks().await?;
    let home = home(&receiver)?.with_more("per_5h = 9\n")?;
    let lines = std::fs::read_to_string(home.config().join("catops.toml"))?.lines().count();
    let said = catops(&["lint", text(&home.config())]);
    assert_eq!(said.code, Some(1));
    let told = format!("catops.toml:{lines}: \"per_5h\" is not between a minute and 3 hours");
    assert!(said.stdout.contains(&told), "{}", said.stdout);
    Ok(())
}
