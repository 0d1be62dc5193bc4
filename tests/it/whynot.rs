//! Why a page did not come: asked in a shell and in Slack, about deliveries with each kind of end.

use anyhow::{Result, ensure};
use serde_json::json;
use tests::{Home, Server, catops, text};

const OPS: &str = "C0OPS";
const ANA: &str = "U0ANA";

fn home() -> Result<Home> {
    Home::of_ana("[slack]\nchannel = \"C0OPS\"\n[[source]]\nkind = \"generic\"\nauth = \"open\"\n")
}

/// What the shell says, a line each.
fn asked(home: &Home, args: &[&str]) -> Result<Vec<String>> {
    let said = catops(&[&["whynot"], args, &["--data", text(&home.data)]].concat());
    ensure!(said.code == Some(0), "{}", said.stderr);
    Ok(said.stdout.lines().map(str::to_owned).collect())
}

#[track_caller]
fn holds(line: &str, parts: &[&str]) {
    assert!(parts.iter().all(|part| line.contains(part)), "{parts:?} in {line:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_delivery_is_told_with_its_end_and_whom_it_asked() -> Result<()> {
    let home = home()?;
    let server = home.serve(&[])?;
    ensure!(server.fire("cpu", "c1", "CPU is high").await? == 202);
    let paged = async |server: &Server| {
        let incident = server.incident(1).await?;
        let paged = incident["incident"]["paged"].as_array().is_some_and(|paged| !paged.is_empty());
        Ok(paged.then_some(()).ok_or_else(|| incident.to_string()))
    };
    server.until("a page", paged).await?;
    ensure!(server.fire("cpu", "c2", "CPU is high").await? == 202);
    ensure!(server.fire("cpu", "c3", "CPU is high").await? == 202);
    server.say(ANA, OPS, "/catops silence title=~\"Disk .*\" 2h because of the move").await?;
    server.says(OPS, ANA, &["S-1", "silenced until"]).await?;
    ensure!(server.fire("disk", "d1", "Disk is full").await? == 202);
    ensure!(server.clear("never-seen", "n1").await? == 202);
    ensure!(server.clear("cpu", "c4").await? == 202);
    let (broken, _) = server.post("/hooks/generic", &json!({ "summary": "CPU of payroll" })).await?;
    ensure!(broken == 400, "{broken}");

    let told = asked(&home, &["cpu"])?;
    ensure!(told.len() == 4, "{told:#?}");
    holds(&told[0], &[": CPU is high opened INC-1; ana asked, because ", "; ana paged by slack "]);
    holds(&told[1], &["2 times, ", " to ", ": CPU is high fired while INC-1 was open: the same trouble pages once."]);
    holds(&told[2], &[": CPU is high said that INC-1 is over."]);
    holds(&told[3], &["generic: 1 delivery could not be read, about \"cpu\"; the last at ", "--show generic/1"]);
    let told = asked(&home, &["DISK", "full"])?;
    holds(&told[0], &[": Disk is full was held back by silence S-1 (ana, of the move)."]);
    holds(&told[1], &["generic: 1 delivery could not be read; the last at "]);
    let told = asked(&home, &["never-seen"])?;
    holds(&told[0], &["changed nothing: it says that something is over, and nothing was open."]);

    let told = asked(&home, &["payments", "--since", "2h"])?;
    holds(&told[0], &["Nothing about \"payments\" was received since "]);
    holds(told.last().unwrap(), &["Heard in that time: generic (last ", "its sender was answered 401."]);
    let json = home.read(&["whynot", "disk"])?;
    let told = &json["told"][0];
    ensure!(told["end"] == "silenced" && told["silence"] == 1 && told["deliveries"] == 1, "{json}");

    server.say(ANA, OPS, "/catops whynot disk").await?;
    server.says(OPS, ANA, &["Disk is full was held back by silence S-1 (Ana Ruiz, of the move)."]).await?;
    server.say(ANA, OPS, "/catops whynot").await?;
    server.says(OPS, ANA, &["what it is about is missing; type: whynot checkout"]).await.map(drop)
}

#[test]
fn a_time_that_is_none_is_said_so() -> Result<()> {
    let home = home()?;
    drop(home.serve(&[])?);
    let said = catops(&["whynot", "cpu", "--since", "yesterday", "--data", text(&home.data)]);
    ensure!(said.code != Some(0) && said.stderr.contains("\"yesterday\" is no time; write 24h, 7d"), "{}", said.stderr);
    Ok(())
}
