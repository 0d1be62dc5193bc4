//! Who is on call, asked in anybody's words: in a mention, in a direct message, and with every cause of it.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Home, Server};

const ANA: &str = "U0ANA";
const BEN: &str = "U0BEN";
const OPS: &str = "C0OPS";

/// Ana is on call for payments and Ben for billing, from Madrid; Ana lives in New York.
fn home() -> Result<Home> {
    let home = Home::of_ana("[slack]\nchannel = \"C0OPS\"\npost_interval = \"0s\"\n")?;
    let layer = |schedule: &str, who: &str| {
        format!(
            "[schedules.{schedule}]\nzone = \"Europe/Madrid\"\n[[schedules.{schedule}.layers]]\nname = \"weekly\"\n\
             rotation = [\"{who}\"]\nhandoff = \"2026-01-05 09:00\"\nevery = \"1 week\"\n"
        )
    };
    let rota = format!(
        "[people.ana]\nname = \"Ana Ruiz\"\nslack = \"U0ANA\"\nzone = \"America/New_York\"\n\
         [people.ben]\nname = \"Ben Okafor\"\nslack = \"U0BEN\"\n{}{}\
         [escalation.default]\nlevels = [{{ page = [\"ana\"], wait = \"10m\" }}]\n",
        layer("payments", "ana"),
        layer("billing", "ben"),
    );
    std::fs::write(home.config.join("rota/team.toml"), rota)?;
    Ok(home)
}

async fn say(server: &Server, who: &str, channel: &str, text: &str) -> Result<()> {
    server.say(who, channel, text).await
}

fn text_of(message: &Value) -> String {
    message["rendered_text"].as_str().unwrap_or_default().to_owned()
}

/// The messages in a channel that say all of this, once there are any.
async fn saying(server: &Server, channel: &str, who: &str, wanted: &[&str]) -> Result<Vec<Value>> {
    let look = async |server: &Server| {
        let seen = server.messages(channel, who).await?;
        let says = |message: &&Value| wanted.iter().all(|wanted| text_of(message).contains(wanted));
        let found: Vec<Value> = seen.iter().filter(says).cloned().collect();
        let all = || seen.iter().map(text_of).collect::<Vec<_>>();
        Ok(if found.is_empty() { Err(format!("{:#?}", all())) } else { Ok(found) })
    };
    server.until(&format!("{wanted:?} in {channel}"), look).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_asks_who_is_on_call_and_is_answered_in_its_thread() -> Result<()> {
    let server = home()?.serve(&[])?;
    say(&server, BEN, OPS, "@CatOps who is on call?").await?;
    let answers = saying(&server, OPS, ANA, &["On call now", "payments", "Ana Ruiz", "billing", "Ben Okafor"]).await?;
    assert_eq!(answers.len(), 1, "{answers:#?}");
    ensure!(answers[0]["thread_ts"].is_string(), "in the thread of the question: {:#?}", answers[0]);

    // The time is Ana's, five or six hours behind that of the schedule.
    say(&server, ANA, OPS, "@CatOps who's on call for billing tomorrow night").await?;
    let answers = saying(&server, OPS, BEN, &["On call at", "22:00 America/New_York", "Ben Okafor"]).await?;
    ensure!(!text_of(&answers[0]).contains("payments"), "{:#?}", answers[0]);
    say(&server, ANA, "D0ANA", "who has the pager").await?;
    saying(&server, "D0ANA", ANA, &["On call now", "payments", "Ana Ruiz"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn other_words_in_a_mention_get_help_and_do_nothing() -> Result<()> {
    let server = home()?.serve(&[])?;
    say(&server, ANA, OPS, "@CatOps no problem, thank you").await?;
    saying(&server, OPS, ANA, &["CatOps", "mention CatOps in a thread"]).await?;
    let seen = server.messages(OPS, BEN).await?;
    ensure!(
        seen.iter().all(|message| !text_of(message).contains("mention CatOps in a thread")),
        "for Ana only: {seen:#?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cause_is_told_in_slack_over_http_and_in_a_shell() -> Result<()> {
    let home = home()?;
    let (config, data) = (home.config.clone(), home.data.clone());
    let server = home.serve(&[])?;
    say(&server, ANA, OPS, "/catops oncall override @ben now for 2h on payments because dentist").await?;
    // The confirmation repeats the time in Ana's zone, in which it was meant.
    saying(&server, OPS, ANA, &["Ben Okafor is on call for payments", "Understood as ", " America/New_York, 2 h."])
        .await?;
    say(&server, ANA, OPS, "/catops oncall why payments").await?;
    let causes = [
        "Who is on call, and why",
        "America/New_York: Ben Okafor",
        "layer weekly (priority 0): Ana Ruiz has turn",
        "turns: every week from Mon 5 Jan 2026 09:00 Europe/Madrid",
        "change #1: Ben Okafor and nobody else",
        "override by Ana Ruiz on ",
        "because dentist",
        "files: version 1, which counts since",
        "clocks: Europe/Madrid, tzdata 20",
    ];
    saying(&server, OPS, ANA, &causes).await?;

    let told = server.get("/api/v1/oncall/why?schedule=payments").await?;
    let why = &told["schedules"][0]["why"];
    assert_eq!(why["on_duty"], json!(["ben"]), "{told:#}");
    assert_eq!(why["changes"][0]["number"], 1);
    assert_eq!(why["changes"][0]["made"]["from"]["kind"], "override");
    assert_eq!(why["layers"][0]["says"]["kind"], "counts");
    assert_eq!(why["layers"][0]["says"]["turn"]["group"], json!(["ana"]));
    assert_eq!(why["version"]["number"], 1);

    let words = ["oncall", "payments", "--why", "--config", tests::text(&config), "--data", tests::text(&data)];
    let said = tests::catops(&words);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    for cause in
        ["Europe/Madrid: Ben Okafor\n", "  change #1: Ben Okafor and nobody else", "because dentist", "version 1"]
    {
        ensure!(said.stdout.contains(cause), "{cause:?} is not in:\n{}", said.stdout);
    }
    let json: Value = serde_json::from_str(&tests::catops(&[&words[..], &["--json"]].concat()).stdout)?;
    let reason = json[0]["why"]["changes"][0]["reason"].as_str().context("a reason")?;
    assert_eq!(reason, "dentist");
    Ok(())
}
