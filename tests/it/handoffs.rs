//! What a channel is told when the duty changes hands, and that gaps, topics and user groups follow; also that a timer of the
//! rota falls due by itself.

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Timelike, Utc};
use serde_json::{Value, json};
use tests::{Home, Server, catops, text};

use crate::clicks::Button;

const ANA: &str = "U0ANA";
const BEN: &str = "U0BEN";
const CHI: &str = "U0CHI";
const OPS: &str = "C0OPS";

const PEOPLE: &str = "[people.ana]\nname = \"Ana Ruiz\"\nslack = \"U0ANA\"\n[people.ben]\nname = \"Ben Okafor\"\nslack = \"U0BEN\"\n\
    [people.chi]\nname = \"Chi Lee\"\nslack = \"U0CHI\"\n\
    [escalation.default]\nlevels = [{ page = [\"schedule:payments\"], wait = \"10m\" }, { page = [\"chi\"], wait = \"10m\" }]\n";
const ALWAYS_ANA: &str = "[[schedules.payments.layers]]\nname = \"first\"\nrotation = [\"ana\"]\nhandoff = \"2026-01-05 09:00\"\nevery = \"1 week\"\npriority = 1\n\
    [[schedules.payments.layers]]\nname = \"second\"\nrotation = [\"ben\", \"chi\"]\nhandoff = \"2026-01-05 09:00\"\nevery = \"1 week\"\n";

/// A schedule whose handoffs the channel hears of; `more` stands below `[schedules.payments]`.
fn home(config: &str, more: &str, layers: &str) -> Result<Home> {
    let home = Home::of_ana(&format!(
        "[slack]\nchannel = \"C0OPS\"\npost_interval = \"0s\"\n[[source]]\nkind = \"generic\"\nauth = \"open\"\n{config}"
    ))?;
    let rota = format!("{PEOPLE}[schedules.payments]\nzone = \"UTC\"\nchannel = \"C0OPS\"\n{more}{layers}");
    std::fs::write(home.config.join("rota/team.toml"), rota)?;
    Ok(home)
}

async fn say(server: &Server, who: &str, text: &str) -> Result<()> {
    server.say(who, OPS, &format!("/catops oncall {text}")).await
}

async fn texts(server: &Server, channel: &str, who: &str) -> Result<Vec<String>> {
    let seen = server.messages(channel, who).await?;
    Ok(seen.iter().map(|message| message["rendered_text"].as_str().unwrap_or_default().to_owned()).collect())
}

/// Posts of handoffs in the channel.
async fn posts(server: &Server) -> Result<usize> {
    Ok(texts(server, OPS, ANA).await?.iter().filter(|text| text.contains(" of payments, tzdata ")).count())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_is_told_what_is_open_and_says_that_they_have_it() -> Result<()> {
    let home = home("", "", ALWAYS_ANA)?;
    let server = home.serve(&[])?;
    ensure!(server.fire("db-1/disk", "a1", "Disk is full on db-1").await? == 202);
    server.says("D0ANA", ANA, &["Disk is full on db-1"]).await?;
    server
        .local("say", &json!({ "as": ANA, "channel": OPS, "text": "/catops note 1 I call the vendor at nine" }))
        .await?;
    let silence = "/catops silence service=search 2h because load test";
    server.local("say", &json!({ "as": CHI, "channel": OPS, "text": silence })).await?;
    server.says(OPS, CHI, &["S-1: service=search silenced until"]).await?;
    say(&server, ANA, "cover me tomorrow 10:00-14:00 because dentist").await?;
    server.says(OPS, ANA, &["Ana Ruiz asks for cover"]).await?;
    ensure!(posts(&server).await? == 0, "nobody came on duty yet");

    say(&server, BEN, "take 2h because Ana is on a plane").await?;
    let wanted = [
        "Ben Okafor is on call for payments until",
        "Ana Ruiz leaves.",
        "Open: 1",
        "INC-1 Disk is full on db-1",
        "Ana Ruiz was asked",
        "I call the vendor at nine",
        "Ana Ruiz asks for cover",
        "Silenced: 1",
        "S-1 service=search until",
        "Chi Lee: load test",
        "Next shifts",
        "handoff 1 of payments, tzdata",
    ];
    let post = server.says(OPS, BEN, &wanted).await?;
    let button = Button::find(&post, "payments: I have it").context("a button to have it")?;
    button.press(&server, ANA).await?;
    server.says(OPS, ANA, &["only who came on call can say that: Ben Okafor"]).await?;
    button.press(&server, BEN).await?;
    let after = server.says(OPS, CHI, &["handoff 1 of payments", "Ben Okafor has it since"]).await?;
    ensure!(Button::find(&after, "payments: I have it").is_none(), "nobody is asked any more");

    let said = catops(&["handoff", "payments", "--json", "--config", text(&home.config), "--data", text(&home.data)]);
    ensure!(said.code == Some(0), "{}", said.stderr);
    let told: Value = serde_json::from_str(&said.stdout)?;
    let told = &told["schedules"][0];
    ensure!(told["on_duty"] == json!(["ben"]) && told["handoff"]["acknowledged_by"] == "ben", "{told}");
    ensure!(told["open"][0]["title"] == "Disk is full on db-1" && told["promised"][0]["by"] == "ana", "{told}");
    let said = catops(&["handoff", "--config", text(&home.config), "--data", text(&home.data)]).stdout;
    ensure!(said.contains("Ben Okafor has it since") && said.contains("INC-1 Disk is full on db-1"), "{said}");

    // Another process looks at the same schedule, and tells nobody twice.
    server.kill();
    let server = home.serve(&[])?;
    say(&server, BEN, "cancel 2").await?;
    server.says(OPS, ANA, &["Ana Ruiz is on call for payments", "Ben Okafor leaves.", "handoff 2 of payments"]).await?;
    ensure!(posts(&server).await? == 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nobody_says_so_in_time_the_next_are_told() -> Result<()> {
    let server = home("[handoffs]\nacknowledge_within = \"2s\"\n", "", ALWAYS_ANA)?.serve(&[])?;
    say(&server, BEN, "take 2h").await?;
    server.says("D0CHI", CHI, &["Ben Okafor came on call for payments at", "You are next"]).await?;
    let late = server.says(OPS, ANA, &["handoff 1 of payments", "Nobody acknowledged; Chi Lee was told at"]).await?;
    Button::find(&late, "payments: I have it").context("it can still be acknowledged")?.press(&server, BEN).await?;
    server.says(OPS, ANA, &["handoff 1 of payments", "Ben Okafor has it since"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_told_once_and_somebody_fills_it() -> Result<()> {
    let end = now() + TimeDelta::days(3);
    let wall = |at: DateTime<Utc>| at.format("%Y-%m-%d 10:00").to_string();
    let layers = format!(
        "[[schedules.payments.layers]]\nname = \"first\"\nrotation = [\"ana\"]\nhandoff = \"2026-01-05 09:00\"\nevery = \"1 week\"\nend = \"{}\"\n\
         [[schedules.payments.layers]]\nname = \"later\"\nrotation = [\"ben\"]\nhandoff = \"2026-01-05 09:00\"\nevery = \"1 week\"\nstart = \"{}\"\n",
        wall(end),
        wall(end + TimeDelta::days(1))
    );
    let home = home("", "", &layers)?;
    let server = home.serve(&[])?;
    let alarm = server.says(OPS, ANA, &["Nobody will be on call for payments"]).await?;
    server.kill();
    let server = home.serve(&[])?;
    let fill = Button::find(&alarm, "payments: Fill gap 1").context("a button to fill it")?;
    fill.press(&server, CHI).await?;
    let filled = server.says(OPS, ANA, &["Somebody is on call for payments again", "Chi Lee"]).await?;
    ensure!(filled["ts"] == alarm["ts"], "the alarm itself says so");
    ensure!(Button::find(&filled, "payments: Fill gap 1").is_none(), "nobody is asked any more");
    let alarms = texts(&server, OPS, ANA).await?.into_iter().filter(|text| text.contains("Nobody will be on call"));
    ensure!(alarms.count() == 0, "another start told nobody again");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn topic_and_user_group_hold_who_is_on_call() -> Result<()> {
    let group = "[[usergroups]]\nid = \"S0ONCALL\"\nschedules = [\"payments\"]\npermanent = [\"chi\"]\n";
    let server = home(group, "topic = true\n", ALWAYS_ANA)?.serve(&[])?;
    let before = slack(&server, "conversations.info", &json!({ "channel": OPS })).await?;
    holds(&server, "Ana Ruiz", &[ANA, CHI]).await?;
    let first =
        before["channel"]["topic"]["value"].as_str().unwrap_or_default().split(" | ").next().unwrap_or_default();
    // Somebody changes the group by hand; the next handoff puts it right.
    slack(&server, "usergroups.users.update", &json!({ "usergroup": "S0ONCALL", "users": "U0SAM" })).await?;
    say(&server, BEN, "take 2h").await?;
    let topic = holds(&server, "Ben Okafor", &[BEN, CHI]).await?;
    ensure!(topic.starts_with(first) && topic.contains(", then Ana Ruiz"), "{topic}");
    Ok(())
}

/// The topic, once topic and group name these.
async fn holds(server: &Server, who: &str, members: &[&str]) -> Result<String> {
    let look = async |server: &Server| {
        let channel = slack(server, "conversations.info", &json!({ "channel": OPS })).await?;
        let topic = channel["channel"]["topic"]["value"].as_str().unwrap_or_default().to_owned();
        let group = slack(server, "usergroups.users.list", &json!({ "usergroup": "S0ONCALL" })).await?;
        let holds = topic.contains(&format!("On call: {who}")) && group["users"] == json!(members);
        Ok(if holds { Ok(topic) } else { Err(format!("{topic} {group}")) })
    };
    server.until(&format!("{who} in the topic, {members:?} in the group"), look).await
}

/// A method of the local Slack, called as the app.
async fn slack(server: &Server, method: &str, body: &Value) -> Result<Value> {
    let request = server.http.post(format!("{}/api/{method}", server.url)).bearer_auth("xoxb-local");
    let answer: Value = request.json(body).send().await?.json().await?;
    ensure!(answer["ok"] == true, "{method}: {answer}");
    Ok(answer)
}

/// Nobody presses anything: a minute comes, and with it a handoff and the last reminder of a request for cover.
#[tokio::test(flavor = "multi_thread")]
async fn a_handoff_and_a_reminder_fall_due_by_themselves() -> Result<()> {
    let moment =
        (now() + TimeDelta::seconds(75)).with_second(0).and_then(|at| at.with_nanosecond(0)).context("a minute")?;
    let layers = format!(
        "[[schedules.payments.layers]]\nname = \"first\"\nrotation = [\"ben\", \"ana\"]\nhandoff = \"{}\"\nevery = \"1 week\"\n",
        moment.format("%Y-%m-%d %H:%M")
    );
    let server = home("", "", &layers)?.serve(&[])?;
    let (start, end) = (moment + TimeDelta::hours(12), moment + TimeDelta::hours(13));
    let day = if start.date_naive() == now().date_naive() { "today" } else { "tomorrow" };
    say(&server, BEN, &format!("cover me {day} {}-{}", start.format("%H:%M"), end.format("%H:%M"))).await?;
    server.says(OPS, BEN, &["Ben Okafor asks for cover on payments"]).await?;
    ensure!(now() < moment, "the machine is too busy for this test");
    ensure!(posts(&server).await? == 0);
    server.says(OPS, ANA, &["Ben Okafor is on call for payments", "Ana Ruiz leaves.", "handoff 1 of payments"]).await?;
    ensure!(now() >= moment, "it was told before it was so");
    server.says("D0BEN", BEN, &["nobody took your cover on payments", "you are still on call"]).await?;
    let asked_again = async |server: &Server| {
        let texts = texts(server, "D0ANA", ANA).await?;
        let asked = texts.iter().filter(|text| text.contains("asks for cover")).count();
        Ok(if asked == 2 { Ok(()) } else { Err(format!("asked {asked} times")) })
    };
    server.until("whoever could take it asked again", asked_again).await
}

#[expect(clippy::disallowed_methods, reason = "the server's timers go by the clock of the machine")]
fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}
