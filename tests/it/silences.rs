//! Silences as people use them: typed in Slack and in a shell, through a restart, to their end.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Home, Server, catops, text};

const OPS: &str = "C0OPS";
const ANA: &str = "U0ANA";

fn home() -> Result<Home> {
    Home::of_ana("[slack]\nchannel = \"C0OPS\"\n[[source]]\nkind = \"generic\"\nauth = \"open\"\n")
}

async fn say(server: &Server, text: &str) -> Result<()> {
    server.say(ANA, OPS, &format!("/catops {text}")).await
}

async fn incidents(server: &Server) -> Result<Vec<Value>> {
    let listed = server.get("/api/v1/incidents?status=open").await?;
    Ok(listed["incidents"].as_array().context("a list")?.clone())
}

/// Waits until there is an open incident of this title.
async fn opens(server: &Server, title: &str) -> Result<String> {
    let look = async |server: &Server| {
        let open = incidents(server).await?;
        let found = open.iter().find(|incident| incident["title"] == title);
        Ok(found.and_then(|found| found["id"].as_str()).map(str::to_owned).ok_or_else(|| format!("{open:?}")))
    };
    server.until(&format!("an incident of {title}"), look).await
}

fn shell(server: &Server, args: &[&str]) -> tests::Said {
    catops(&[args, &["--url", &server.url]].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_still_fires_when_a_silence_ends_opens_an_incident_then_also_after_a_restart() -> Result<()> {
    let home = home()?;
    let server = home.serve(&[])?;
    ensure!(server.fire("open", "o1", "Open before").await? == 202);
    opens(&server, "Open before").await?;
    let said =
        shell(&server, &["silence", "service=checkout-api", "--for", "8s", "--because", "load test", "--by", "ana"]);
    ensure!(said.code == Some(0), "{}", said.stderr);
    ensure!(said.stdout.contains("S-1: service=checkout-api silenced until"), "{}", said.stdout);
    ensure!(said.stdout.contains("INC-1 is open and stays with Ana Ruiz; snooze it if you want"), "{}", said.stdout);
    for (key, id, title) in [("a", "a1", "Fires on"), ("b", "b1", "Clears"), ("open", "o2", "Open before")] {
        ensure!(server.fire(key, id, title).await? == 202);
    }
    ensure!(server.clear("b", "b2").await? == 202);
    server.kill();
    let server = home.serve(&[])?;
    ensure!(server.fire("a", "a2", "Fires on").await? == 202);
    ensure!(incidents(&server).await?.len() == 1, "nothing more is open");
    let id = opens(&server, "Fires on").await?;
    let number: u64 = id.trim_start_matches("INC-").parse()?;
    let incident = server.incident(number).await?;
    let told = incident["timeline"].as_array().context("a timeline")?.iter().map(|line| line["text"].clone());
    let told = Value::Array(told.collect()).to_string();
    ensure!(told.contains("under the silence S-1 of Ana Ruiz (load test), which kept 2 alarms back"), "{told}");
    server.says(OPS, ANA, &["INC-2", "Fires on", "under S-1"]).await?;
    // The one that cleared opens nothing, and the one that was open was never held back.
    ensure!(incidents(&server).await?.len() == 2);
    ensure!(server.fire("a", "a3", "Fires on").await? == 202);
    ensure!(server.incident(number).await?["incident"]["fired"] == 2);

    let listed = home.read(&["silences"])?;
    let silence = &listed["silences"][0];
    ensure!(silence["standing"] == "expired" && silence["kept_back"] == json!({ "alarms": 3, "keys": 2 }), "{listed}");
    let audit = catops(&["audit", "--data", text(&home.data)]);
    ensure!(audit.code == Some(0), "{}{}", audit.stdout, audit.stderr);
    let row = |line: &str| line.split_whitespace().eq(["silenced", "3", "S-1", "3"]);
    ensure!(audit.stdout.lines().any(row), "{}", audit.stdout);
    let shown = catops(&["audit", "--show", "silenced", "--data", text(&home.data)]);
    ensure!(shown.stdout.contains("Fires on  (S-1)"), "{}", shown.stdout);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn in_slack_it_is_made_listed_and_ended_by_hand() -> Result<()> {
    let home = home()?;
    let server = home.serve(&[])?;
    say(&server, "silence title=~.* 2h because I can").await?;
    server.says(OPS, ANA, &["Nothing done", "about every alarm"]).await?;
    say(&server, "silence title=~\"Disk .*\" 31d because it is old").await?;
    server.says(OPS, ANA, &["Nothing done", "30 days at most"]).await?;
    say(&server, "silence title=~\"Disk .*\" 2h because of the move").await?;
    server.says(OPS, ANA, &["S-1: title=~\"Disk .*\" silenced until", "by Ana Ruiz (of the move)"]).await?;
    ensure!(server.fire("d", "d1", "Disk is full").await? == 202);
    ensure!(server.fire("c", "c1", "CPU is high").await? == 202);
    opens(&server, "CPU is high").await?;
    ensure!(incidents(&server).await?.len() == 1);
    say(&server, "silences").await?;
    server.says(OPS, ANA, &["S-1 active", "kept back 1 alarm; 1 of them fire now"]).await?;
    say(&server, "unsilence S-1").await?;
    server.says(OPS, ANA, &["S-1 is over, ended by Ana Ruiz"]).await?;
    opens(&server, "Disk is full").await?;
    server.says(OPS, ANA, &["Disk is full", "under S-1"]).await?;
    say(&server, "unsilence 1").await?;
    server.says(OPS, ANA, &["Nothing done", "S-1 is over since"]).await?;
    // An incident's number means its alarm.
    say(&server, "resolve 2").await?;
    say(&server, "silence 2 1h because it is known").await?;
    server.says(OPS, ANA, &["S-2: key=generic:d silenced until"]).await?;
    ensure!(server.fire("d", "d2", "Disk is full").await? == 202);
    let open = incidents(&server).await?;
    ensure!(open.len() == 1 && open[0]["title"] == "CPU is high", "{open:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_makes_one_is_told_what_it_would_have_hidden() -> Result<()> {
    let home = home()?;
    let server = home.serve(&[])?;
    let dry = |matcher: &str| shell(&server, &["silence", matcher, "--for", "1h", "--dry-run", "--by", "ana"]);
    let said = dry("title=~Disk.*");
    ensure!(said.code == Some(0) && !said.stdout.contains("kept back"), "there is no past: {}", said.stdout);
    for (n, title) in ["Disk is full", "Disk is slow", "CPU is high"].into_iter().enumerate() {
        ensure!(server.fire(title, &format!("{n}-1"), title).await? == 202);
        ensure!(server.fire(title, &format!("{n}-2"), title).await? == 202);
        opens(&server, title).await?;
    }
    say(&server, "note 2 grew the volume").await?;
    server.says(OPS, ANA, &["Ana Ruiz noted"]).await?;
    for (n, title) in ["Disk is full", "Disk is slow", "CPU is high"].into_iter().enumerate() {
        ensure!(server.clear(title, &format!("{n}-3")).await? == 202);
    }
    let hidden = "Of the 3 incidents that ended within 90 days it would have kept back 2 (4 alarms); \
                  on 1 somebody did something: INC-2.";
    let said = dry("title=~Disk.*");
    ensure!(said.code == Some(0), "{}", said.stderr);
    ensure!(said.stdout.contains("Nothing is silenced: title=~Disk.* would be until"), "{}", said.stdout);
    ensure!(said.stdout.contains(hidden), "{}", said.stdout);
    ensure!(dry("title=Dsik").stdout.contains("none of the 3 incidents"), "a typing mistake shows");
    ensure!(home.read(&["silences"])?["silences"] == json!([]), "nothing was made");
    say(&server, "silence title=~Disk.* 2h because of the move").await?;
    server.says(OPS, ANA, &["S-1: title=~Disk.* silenced until", hidden]).await?;
    Ok(())
}

#[tokio::test]
async fn who_is_not_of_the_rota_makes_no_silence() -> Result<()> {
    let home = home()?;
    let server = home.serve(&[])?;
    let said = shell(&server, &["silence", "a=b", "--for", "1h", "--because", "x", "--by", "mallory"]);
    ensure!(said.code != Some(0) && said.stderr.contains("mallory is not in the rota"), "{}", said.stderr);
    let said = shell(&server, &["silence", "a", "--for", "1h", "--because", "x", "--by", "ana"]);
    ensure!(said.code != Some(0) && said.stderr.contains("compares nothing"), "{}", said.stderr);
    let said = shell(&server, &["unsilence", "S-9", "--by", "ana"]);
    ensure!(said.code != Some(0) && said.stderr.contains("there is no S-9"), "{}", said.stderr);
    Ok(())
}
