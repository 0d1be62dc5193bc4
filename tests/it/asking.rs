//! Who is asked when, on the real binary: steps that would ask nobody are passed over, a channel is asked, "I cannot" and
//! snooze are typed, what is foretold is shown, and an edited policy leaves the round under way alone.

use anyhow::{Context, Result};
use serde_json::Value;
use std::fs;
use tests::{Home, Server, catops, text};

const CONFIG: &str =
    "[slack]\nchannel = \"C0OPS\"\npost_interval = \"0s\"\n[[source]]\nkind = \"generic\"\nauth = \"open\"\n";

const ROTA: &str = r##"
[people.ana]
name = "Ana Ruiz"
slack = "U0ANA"
[people.ben]
name = "Ben Okafor"
slack = "U0BEN"
[schedules.nobody]
zone = "UTC"
layers = [{ name = "one day", rotation = ["ana"], handoff = "2026-01-05 09:00", every = "1 day", end = "2026-01-06 09:00" }]
[escalation.default]
catch_all = ["ben"]
[[escalation.default.steps]]
page = ["schedule:nobody"]
wait = "30m"
[[escalation.default.steps]]
page = ["ana"]
wait = "20m"
[[escalation.default.steps]]
notify = "C0OPS"
wait = "10m"
[[escalation.default.steps]]
page = ["ben"]
wait = "10m"
"##;

fn home() -> Result<Home> {
    let home = Home::of_ana(CONFIG)?;
    fs::write(home.config.join("rota/team.toml"), ROTA)?;
    Ok(home)
}

async fn say(server: &Server, who: &str, words: &str) -> Result<()> {
    server.say(who, "C0OPS", &format!("/catops {words}")).await
}

/// The texts of something that the API answers as a list of lines.
fn texts(of: &Value) -> Vec<String> {
    let lines = of.as_array().into_iter().flatten();
    lines.filter_map(|line| line["text"].as_str()).map(str::to_owned).collect()
}

/// The first incident, once its timeline holds a line with these words.
async fn said(server: &Server, words: &str) -> Result<Value> {
    let look = async |server: &Server| {
        let shown = server.incident(1).await?;
        let lines = texts(&shown["timeline"]);
        Ok(if lines.iter().any(|line| line.contains(words)) { Ok(shown) } else { Err(format!("{lines:#?}")) })
    };
    server.until(words, look).await
}

#[tokio::test]
async fn an_empty_step_is_passed_over_and_what_comes_next_is_told() -> Result<()> {
    let home = home()?;
    let server = home.serve(&[])?;
    assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
    let shown = said(&server, "paged Ana Ruiz by slack").await?;
    let lines = texts(&shown["timeline"]);
    assert!(lines.contains(&"skipped level 1: nobody is on call (schedule:nobody)".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"level 2: Ana Ruiz (named by the escalation policy)".to_owned()), "{lines:#?}");
    assert_eq!(
        texts(&shown["future"]),
        [
            "ask everybody in C0OPS (level 3)",
            "page Ben Okafor (level 4, named by the escalation policy)",
            "page Ben Okafor (level 5, catch-all)",
        ]
    );
    let card = crate::clicks::card_that_says(&server, 1, "ask everybody in C0OPS (level 3)").await?;
    assert!(card["rendered_text"].as_str().context("a card")?.contains("Next"), "{card}");
    let told = catops(&["timeline", "1", "--data", text(&home.data), "--config", text(&home.config)]).stdout;
    let ahead = told.split("If nobody acts:\n").nth(1).context("what will happen")?;
    assert!(ahead.starts_with("in 19 min: ask everybody in C0OPS") || ahead.starts_with("in 20 min"), "{told}");
    Ok(())
}

#[tokio::test]
async fn who_cannot_says_so_and_the_channel_is_asked_at_once() -> Result<()> {
    let home = home()?;
    let server = home.serve(&[])?;
    assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
    said(&server, "paged Ana Ruiz by slack").await?;
    // The file changes under the incident: its round goes on as it began.
    fs::write(home.config.join("rota/team.toml"), ROTA.replace("notify = \"C0OPS\"", "page = [\"ana\"]"))?;
    say(&server, "U0ANA", "cannot 1").await?;
    said(&server, "the question stands in the channel").await?;
    let asked = async |server: &Server| {
        let seen = server.messages("C0OPS", "U0BEN").await?;
        let words = |message: &&Value| {
            message["rendered_text"].as_str().is_some_and(|text| text.contains("Whoever takes it first"))
        };
        Ok(seen.iter().find(words).cloned().ok_or_else(|| format!("{seen:?}")))
    };
    server.until("the question in the channel", asked).await?;
    say(&server, "U0BEN", "ack 1").await?;
    let shown = said(&server, "Ben Okafor acknowledged").await?;
    let lines = texts(&shown["timeline"]);
    for line in ["Ana Ruiz cannot", "Ana Ruiz asked for level 3", "level 3: everybody in C0OPS"] {
        assert!(lines.iter().any(|told| told == line), "{line}: {lines:#?}");
    }
    let over = async |server: &Server| {
        let seen = server.messages("C0OPS", "U0BEN").await?;
        let over = seen.iter().any(|message| {
            message["rendered_text"].as_str().is_some_and(|text| text.contains("was acknowledged by Ben Okafor"))
        });
        Ok(if over { Ok(()) } else { Err(format!("{seen:?}")) })
    };
    server.until("the question without its button", over).await?;
    assert_eq!(texts(&shown["future"])[0], "Ben Okafor's time with it runs out, and it asks again");
    Ok(())
}

#[tokio::test]
async fn a_snooze_is_silent_until_its_end_and_more_time_is_given() -> Result<()> {
    let home = home()?;
    let server = home.serve(&[])?;
    assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
    said(&server, "paged Ana Ruiz by slack").await?;
    say(&server, "U0ANA", "ack 1").await?;
    say(&server, "U0ANA", "extend 1 for 2h").await?;
    let shown = said(&server, "Ana Ruiz has it for 2 h more").await?;
    assert_eq!(shown["incident"]["timer"]["of"], "acknowledgement");
    say(&server, "U0ANA", "snooze 1 for 45 min").await?;
    let shown = said(&server, "Ana Ruiz snoozed it for 45 min").await?;
    let future = texts(&shown["future"]);
    assert_eq!(future[0], "the snooze is over, and it asks again");
    assert_eq!(future[2], "page Ana Ruiz (level 2, named by the escalation policy)", "{future:#?}");
    crate::clicks::card_that_says(&server, 1, "SNOOZED").await?;
    say(&server, "U0ANA", "handover 1 to @ben").await?;
    said(&server, "paged Ben Okafor by slack").await?;
    say(&server, "U0BEN", "handover 1 to next").await?;
    let refused = async |server: &Server| {
        let seen = server.messages("C0OPS", "U0BEN").await?;
        let told = |message: &Value| {
            message["rendered_text"].as_str().is_some_and(|text| text.contains("nobody else is on call next on nobody"))
        };
        Ok(if seen.iter().any(told) { Ok(()) } else { Err(format!("{seen:?}")) })
    };
    server.until("why nobody got it", refused).await?;
    say(&server, "U0BEN", "resolve 1").await?;
    let shown = said(&server, "Ben Okafor resolved it").await?;
    assert_eq!((shown["future"].as_array().map(Vec::len), &shown["incident"]["timer"]), (Some(0), &Value::Null));
    Ok(())
}

#[test]
fn a_policy_is_printed_with_its_times() -> Result<()> {
    let home = home()?;
    let config = text(&home.config);
    let printed = catops(&["escalation", "--config", config]).stdout;
    for line in [
        "escalation default  (whatever no other policy serves)",
        "  page schedule:nobody, wait 30 min",
        "  at last page Ben Okafor (catch-all)",
        "    at 00:30  page ana",
        "    over after 01:10",
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{line:?} in\n{printed}");
    }
    let one =
        catops(&["escalation", "--config", config, "--severity", "critical", "--at", "2026-11-28T03:00:00Z"]).stdout;
    assert!(one.contains("at 00:00  skip: nobody is on call (schedule:nobody)"), "{one}");
    assert!(one.contains("at 00:30  page ben (named by the escalation policy)"), "{one}");
    let whole: Value = serde_json::from_str(&catops(&["escalation", "default", "--json", "--config", config]).stdout)?;
    assert_eq!(whole["policies"][0]["paths"][0]["over_after_seconds"], 4200);
    let lint = Home::new()?.lint();
    assert!(lint.contains("escalation default: 1 path, over after 00:05"), "{lint}");
    let unknown = catops(&["escalation", "shop", "--config", config]);
    assert!(unknown.stderr.contains("there is no [escalation.shop] (there are: default)"), "{}", unknown.stderr);
    Ok(())
}
