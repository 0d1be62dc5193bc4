//! Drills on the real binary: begun by command and in Slack, paged by the real channels, marked everywhere, answered, listed,
//! and counted nowhere.

use crate::clicks::{Button, card_that_says};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Home, Server, catops, text};

const CONFIG: &str = "reopen_window = \"0s\"\n[slack]\nchannel = \"C0OPS\"\npost_interval = \"0s\"\n\
                      [[source]]\nkind = \"generic\"\nauth = \"open\"\n";

fn drill(server: &Server, words: &[&str]) -> tests::Said {
    catops(&[&["drill", "--url", &server.url], words].concat())
}

async fn timeline(server: &Server, incident: u64) -> Result<String> {
    let shown = server.incident(incident).await?;
    let lines = shown["timeline"].as_array().context("a timeline")?.iter();
    Ok(lines.filter_map(|line| line["text"].as_str()).collect::<Vec<_>>().join("\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_pages_by_the_real_way_and_says_the_seconds() -> Result<()> {
    let home = Home::of_ana(CONFIG)?;
    let server = home.serve(&[])?;
    let said = drill(&server, &["--person", "ana", "--why", "new <phones>"]);
    ensure!(said.code == Some(0) && said.stdout.starts_with("INC-1 is a drill"), "{said:?}");
    let card = card_that_says(&server, 1, "paged").await?;
    let shown = card["rendered_text"].as_str().unwrap_or_default();
    ensure!(shown.contains("DRILL") && shown.contains("Nothing is broken"), "{shown}");
    ensure!(!shown.contains("FIRING"), "{shown}");

    let again = drill(&server, &["--person", "ana"]);
    ensure!(again.code != Some(0) && again.stderr.contains("INC-1 is the same drill"), "{again:?}");
    let nobody = drill(&server, &["--schedule", "nights"]);
    ensure!(nobody.code != Some(0) && nobody.stderr.contains("there is no schedule \"nights\""), "{nobody:?}");

    let ack = Button::find(&card, "Acknowledge the drill INC-1").context("a button")?;
    ack.press(&server, "U0BEN").await?;
    ack.press(&server, "U0ANA").await?;
    let card = card_that_says(&server, 1, "ANSWERED").await?;
    let shown = card["rendered_text"].as_str().unwrap_or_default();
    ensure!(shown.contains("slack reached Ana Ruiz after"), "{shown}");
    ensure!(shown.contains("Counts in no statistic"), "{shown}");
    let lines = timeline(&server, 1).await?;
    ensure!(lines.starts_with("a drill began: DRILL: Ana Ruiz"), "{lines}");
    ensure!(lines.contains("the drill ended: Ana Ruiz answered (asked after"), "{lines}");
    ensure!(server.get("/api/v1/incidents?status=resolved").await?["incidents"][0]["drill"] == true);
    ensure!(server.metric("catops_drills_started_total{kind=\"drill\"}").await? == 1.0);
    ensure!(server.metric("catops_drills_ended_total{answered=\"true\"}").await? == 1.0);

    let listed = home.read(&["drills"])?;
    ensure!(listed["drills"][0]["answered_by"] == "ana" && listed["people"][0]["answered"] == 1, "{listed:#}");
    let listed = catops(&["drills", "--data", text(&home.data)]).stdout;
    ensure!(listed.contains("answered by ana after") && listed.contains("DRILL: Ana Ruiz"), "{listed}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_is_begun_in_slack_and_real_alarms_come_first() -> Result<()> {
    let home = Home::of_ana(CONFIG)?;
    let server = home.serve(&[])?;
    let say = async |words: &str| {
        let body = json!({ "as": "U0ANA", "channel": "C0OPS", "text": format!("/catops {words}") });
        server.local("say", &body).await.map(drop)
    };
    ensure!(server.fire("disk", "a1", "Disk is full").await? == 202);
    card_that_says(&server, 1, "paged").await?;
    say("drill service checkout-api because we moved").await?;
    card_that_says(&server, 2, "paged").await?;
    ensure!(timeline(&server, 2).await?.contains("a drill began: DRILL: service checkout-api"));
    // Without a number somebody means what is real, though the drill is newer.
    say("ack").await?;
    card_that_says(&server, 1, "ACKNOWLEDGED").await?;
    say("run restart-service on 2").await?;
    say("ack 2").await?;
    card_that_says(&server, 2, "ANSWERED").await?;
    say("reopen 2").await?;
    let look = async |server: &Server| {
        let seen = server.messages("C0OPS", "U0ANA").await?;
        let said: Vec<&str> = seen.iter().filter_map(|message| message["rendered_text"].as_str()).collect();
        let refused = said.iter().any(|text| text.contains("there is nothing to reopen"));
        Ok(if refused { Ok(()) } else { Err(format!("{said:#?}")) })
    };
    server.until("a refusal", look).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_that_calls_itself_a_drill_is_none() -> Result<()> {
    let home = Home::of_ana(CONFIG)?;
    let server = home.serve(&[])?;
    let alarm: Value = json!({
        "title": "DRILL: nothing to see", "key": "catops/drill/x", "id": "a1", "state": "firing", "severity": "error",
        "drill": { "whom": "service", "answer_seconds": 60 },
    });
    let (status, answer) = server.post("/hooks/generic", &alarm).await?;
    ensure!(status == 202, "{answer}");
    card_that_says(&server, 1, "FIRING").await?;
    ensure!(server.incident(1).await?["incident"]["alarm"]["drill"].is_null());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_nobody_begins_a_drill_without_it() -> Result<()> {
    let home = Home::of_ana(&format!("{CONFIG}[drills_from]\nsecrets = [\"env:CATOPS_DRILLS\"]\n"))?;
    let server = home.serve(&[("CATOPS_DRILLS", "s3cret-s3cret")])?;
    let refused = drill(&server, &["--person", "ana"]);
    ensure!(refused.code != Some(0) && refused.stderr.contains("wants a token"), "{refused:?}");
    let begun = drill(&server, &["--person", "ana", "--token", "s3cret-s3cret"]);
    ensure!(begun.code == Some(0), "{begun:?}");
    Ok(())
}

/// A schedule of Ana on which Ben, where it is noon now, takes over and is asked whether he is ready.
#[expect(clippy::disallowed_methods, reason = "a check rings by day only")]
fn ready_home() -> Result<Home> {
    use chrono::Timelike;
    let home = Home::of_ana(CONFIG)?;
    let zone = match 12 - i64::from(chrono::Utc::now().hour()) {
        0 => "Etc/GMT".to_owned(),
        // The names of these zones have the sign of the west.
        ahead if ahead > 0 => format!("Etc/GMT-{ahead}"),
        behind => format!("Etc/GMT+{}", -behind),
    };
    let rota = format!(
        "[people.ana]\nname = \"Ana Ruiz\"\nslack = \"U0ANA\"\n\
         [people.ben]\nname = \"Ben Okafor\"\nslack = \"U0BEN\"\nzone = \"{zone}\"\n\
         [people.chi]\nname = \"Chi Lee\"\nslack = \"U0CHI\"\n\
         [schedules.payments]\nzone = \"UTC\"\nready_check = \"1m\"\nlead = \"chi\"\n\
         [[schedules.payments.layers]]\nname = \"first\"\nrotation = [\"ana\"]\nhandoff = \"2026-01-05 09:00\"\n\
         every = \"1 week\"\npriority = 1\n\
         [[schedules.payments.layers]]\nname = \"second\"\nrotation = [\"ben\"]\nhandoff = \"2026-01-05 09:00\"\n\
         every = \"1 week\"\n\
         [escalation.default]\nlevels = [{{ page = [\"schedule:payments\"], wait = \"10m\" }}]\n"
    );
    std::fs::write(home.config.join("rota/team.toml"), rota)?;
    Ok(home)
}

async fn told(server: &Server, channel: &str, who: &str, wanted: &str) -> Result<()> {
    let look = async |server: &Server| {
        let seen = server.messages(channel, who).await?;
        let texts: Vec<&str> = seen.iter().filter_map(|message| message["rendered_text"].as_str()).collect();
        Ok(if texts.iter().any(|text| text.contains(wanted)) { Ok(()) } else { Err(format!("{texts:#?}")) })
    };
    server.until_within(std::time::Duration::from_secs(120), wanted, look).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_on_duty_is_asked_once_and_says_that_they_are_ready() -> Result<()> {
    let home = ready_home()?;
    let server = home.serve(&[])?;
    let say = async |server: &Server, text: &str| {
        let body = json!({ "as": "U0BEN", "channel": "C0OPS", "text": format!("/catops {text}") });
        server.local("say", &body).await.map(drop)
    };
    say(&server, "ready").await?;
    told(&server, "C0OPS", "U0BEN", "Nobody asks you now whether you are ready").await?;
    say(&server, "oncall take 2h").await?;
    told(&server, "D0BEN", "U0BEN", "DRILL: ready check of payments, Ben Okafor").await?;
    // Another process asks nobody twice.
    server.kill();
    let server = home.serve(&[])?;
    say(&server, "ready").await?;
    card_that_says(&server, 1, "READY CHECK, ANSWERED").await?;
    ensure!(server.get("/api/v1/oncall").await?["schedules"][0]["not_ready"] == json!([]));
    ensure!(server.cards("C0OPS", 2).await?.is_empty(), "one check a shift");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_who_was_there_before_and_the_lead_are_told() -> Result<()> {
    let server = ready_home()?.serve(&[])?;
    let take = json!({ "as": "U0BEN", "channel": "C0OPS", "text": "/catops oncall take 2h" });
    server.local("say", &take).await?;
    for (channel, who) in [("D0ANA", "U0ANA"), ("D0CHI", "U0CHI")] {
        told(&server, channel, who, "Ben Okafor has not answered the ready check of payments (INC-1)").await?;
    }
    card_that_says(&server, 1, "READY CHECK, NOBODY ANSWERED").await?;
    ensure!(server.get("/api/v1/oncall").await?["schedules"][0]["not_ready"] == json!(["ben"]));
    let asks = json!({ "as": "U0ANA", "channel": "C0OPS", "text": "/catops oncall" });
    server.local("say", &asks).await?;
    told(&server, "C0OPS", "U0ANA", "Ben Okafor has not answered the ready check").await
}
