//! `catops audit` as somebody reads it who wants to sleep: real deliveries add up, and a planted loss is named.
//! And the watchdog beside it, whose heartbeat stays away while something is wrong.

use crate::receiver::Receiver;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tests::{Home, Said, Server, TOKEN, catops, text};

fn audit(data: &Path, more: &[&str]) -> Said {
    catops(&[&["audit", "--data", text(data)], more].concat())
}

/// The numbers of the table, by the word that stands before them.
fn numbers(said: &Said) -> BTreeMap<&str, u64> {
    let lines = said.stdout.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?.parse().ok()?))
    });
    lines.collect()
}

/// Two incidents with everything that can happen to a delivery, duplicates and an unreadable one included.
async fn night(server: &Server) -> Result<()> {
    assert_eq!(server.fire("disk", "d1", "Disk is full").await?, 202);
    assert_eq!(server.fire("disk", "d2", "Disk is full").await?, 202);
    assert_eq!(server.fire("disk", "d2", "Disk is full").await?, 202, "the sender repeats it");
    assert_eq!(server.fire("queue", "q1", "Queue is long").await?, 202);
    assert_eq!(server.fire("disk", "d1", "Disk is full").await?, 202, "and this one late");
    assert_eq!(server.clear("disk", "d3").await?, 202);
    assert_eq!(server.fire("disk", "d4", "Disk is full").await?, 202);
    assert_eq!(server.clear("nothing", "n1").await?, 202);
    assert_eq!(server.post("/hooks/generic", &json!({ "key": "no title" })).await?.0, 400);
    let look = async |server: &Server| {
        let events = [server.incident(1).await?, server.incident(2).await?];
        let paged = |night: &Value| {
            let kinds = night["events"].as_array().into_iter().flatten().filter(|event| event["kind"] == "paged");
            kinds.count()
        };
        let paged: Vec<usize> = events.iter().map(paged).collect();
        Ok(if paged[0] >= 2 && paged[1] >= 1 { Ok(()) } else { Err(format!("{paged:?}")) })
    };
    server.until("the pages", look).await
}

#[tokio::test]
async fn a_night_of_real_deliveries_adds_up() -> Result<()> {
    let data = tempfile::tempdir()?;
    let server = Server::demo(data.path())?;
    night(&server).await?;
    let said = audit(data.path(), &[]);
    assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
    let numbers = numbers(&said);
    let of = |names: &[&str]| names.iter().map(|name| numbers[name]).collect::<Vec<_>>();
    let ends = ["opened", "joined", "cleared", "refired", "set_aside", "rejected"];
    assert_eq!(of(&ends), [2, 1, 1, 1, 1, 1], "{}", said.stdout);
    assert_eq!(of(&["received", "="]), [7, 7], "{}", said.stdout);
    assert_eq!(of(&["paged", "page_pending", "owner_missing", "open", "resolved"]), [2, 0, 0, 2, 0], "{}", said.stdout);
    for words in ["nothing_open 1", "generic 1", "slack 2", "Unaccounted for: nothing", "catops timeline INC-1"] {
        assert!(said.stdout.contains(words), "{words}: {}", said.stdout);
    }
    Ok(())
}

#[tokio::test]
async fn every_number_can_be_followed_down() -> Result<()> {
    let data = tempfile::tempdir()?;
    let server = Server::demo(data.path())?;
    night(&server).await?;
    let said = audit(data.path(), &["--show", "opened"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    for words in
        ["INC-1     inc/1/1  generic:", "Disk is full", "Queue is long", "\n2 opened\n", "timeline INC-1 --data"]
    {
        assert!(said.stdout.contains(words), "{words}: {}", said.stdout);
    }
    let wrong = audit(data.path(), &["--show", "lost"]);
    assert!(wrong.stderr.contains("there is no row \"lost\"; there are opened, joined"), "{}", wrong.stderr);

    let said = audit(data.path(), &["--json"]);
    let whole: Value = serde_json::from_str(&said.stdout)?;
    assert_eq!((&whole["received"], &whole["receipts"], &whole["unaccounted"]), (&json!(7), &json!(6), &json!([])));
    assert_eq!(whole["rows"]["refired"][0]["incident"], "INC-1");
    let served = server.get("/api/v1/audit").await?;
    assert_eq!((&served["ends"], &served["opened"]), (&whole["ends"], &whole["opened"]), "the API says the same");
    assert_eq!((&served["rows"], &served["receipts"]), (&whole["rows"], &Value::Null));
    let later = server.get("/api/v1/audit?since=0s").await?;
    assert_eq!(later["received"], 0, "{later}");
    let refused = server.http.get(format!("{}/api/v1/audit?since=yesterday", server.url)).send().await?;
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await?.contains("write 24h, 7d or"), "it says what to write");
    Ok(())
}

#[tokio::test]
async fn whatever_people_do_it_stays_clean() -> Result<()> {
    let data = tempfile::tempdir()?;
    let server = Server::demo(data.path())?;
    night(&server).await?;
    let commands = [
        "ack 1",
        "assign 1 to @ben",
        "escalate 1",
        "escalate 2",
        "ack 2",
        "escalate 2",
        "note 2 looks like DNS",
        "resolve 2 \"rolled back\"",
        "reopen 2",
        "assign 2 to @ana",
        "resolve 2 \"rolled back\"",
        "reopen 2",
    ];
    let mut answered = Vec::new();
    for command in commands {
        let say = json!({ "as": "U0ANA", "channel": "C0OPS", "text": format!("/catops {command}") });
        server.local("say", &say).await?;
        // Twice: what the command led to may be under way at the first look and done at the second.
        for _ in 0..2 {
            let said = audit(data.path(), &["--json"]);
            assert_eq!(said.code, Some(0), "after {command}: {}", said.stderr);
            answered.push(serde_json::from_str::<Value>(&said.stdout)?["receipts"].as_u64().context("receipts")?);
        }
    }
    assert!(answered.is_sorted() && answered.last() > Some(&14), "commands leave receipts too: {answered:?}");
    Ok(())
}

#[tokio::test]
async fn beside_a_busy_server_it_raises_no_false_alarm() -> Result<()> {
    let data = tempfile::tempdir()?;
    let server = Arc::new(Server::demo(data.path())?);
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                for number in 0..100 {
                    let (key, id) = (format!("k{sender}-{}", number / 4), format!("d{sender}-{number}"));
                    assert_eq!(server.fire(&key, &id, "Disk is full").await.expect("an answer"), 202);
                }
            })
        })
        .collect();
    let mut audits = 0;
    let mut received = 0;
    while received < 400 {
        let data = data.path().to_owned();
        let said = tokio::task::spawn_blocking(move || audit(&data, &["--json"])).await?;
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        received = serde_json::from_str::<Value>(&said.stdout)?["received"].as_u64().context("received")?;
        audits += 1;
    }
    for sender in senders {
        sender.await?;
    }
    assert_eq!(received, 400, "in {audits} audits");
    Ok(())
}

/// A copy of a log with one change made to it that no CatOps makes.
fn broken(data: &Path, sql: &str) -> Result<tempfile::TempDir> {
    let copy = tempfile::tempdir()?;
    for name in ["log.db", "log.db-wal"] {
        if data.join(name).is_file() {
            fs::copy(data.join(name), copy.path().join(name))?;
        }
    }
    let db = rusqlite::Connection::open(copy.path().join("log.db"))?;
    let triggers: Vec<String> = db
        .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for trigger in triggers {
        db.execute_batch(&format!("DROP TRIGGER {trigger}"))?;
    }
    assert_eq!(db.execute(sql, [])?, 1, "{sql}");
    Ok(copy)
}

#[tokio::test]
async fn a_loss_is_named_and_the_exit_code_is_one() -> Result<()> {
    let data = tempfile::tempdir()?;
    let server = Server::demo(data.path())?;
    night(&server).await?;
    server.kill();
    let check = |sql: &str, expected: &[&str]| {
        let copy = broken(data.path(), sql)?;
        let said = audit(copy.path(), &[]);
        assert_eq!(said.code, Some(1), "{sql}: {}{}", said.stdout, said.stderr);
        for expected in expected {
            assert!(said.stdout.contains(expected), "{sql}: {expected}: {}", said.stdout);
        }
        anyhow::Ok(())
    };
    let stream = "(SELECT no FROM streams WHERE id = 'inc/1')";
    let (gap, lost) = ("of inc/1 is missing", "was received, and no event tells what became of it");
    check(&format!("DELETE FROM events WHERE stream = {stream} AND kind = 'repeated'"), &["gap ", gap, lost])?;
    check(
        &format!("DELETE FROM events WHERE stream = {stream} AND version = 1"),
        &["event 1 of inc/1 is missing", lost],
    )?;
    let last = format!("DELETE FROM events WHERE seq = (SELECT max(seq) FROM events WHERE stream = {stream})");
    check(&last, &["inc/1 ends with event"])?;
    let timer = "DELETE FROM effects WHERE id LIKE 'ack/2/%' AND state = 'pending'";
    check(timer, &["stalled", "INC-2 (Queue is long) is open, and nobody is asked"])?;
    let receipt = "INSERT INTO receipts(key, first, last) SELECT 'generic:never', first, last FROM receipts LIMIT 1";
    check(receipt, &["generic:never was received, and no event tells", "it does not add up"])?;
    assert_eq!(audit(data.path(), &[]).code, Some(0), "the log itself is whole");
    Ok(())
}

/// A starter configuration with a watchdog that looks every second.
fn watched() -> Result<Home> {
    let home = Home::new()?;
    let path = home.config.join("catops.toml");
    let watchdog = "\n[watchdog]\nevery = \"1s\"\nheartbeat = \"env:HEARTBEAT\"\nallow_private = [\"127.0.0.1\"]\n";
    fs::write(&path, fs::read_to_string(&path)? + watchdog)?;
    let lint = catops(&["lint", text(&home.config)]);
    assert_eq!(lint.code, Some(0), "{}", lint.stdout);
    Ok(home)
}

/// Somebody who notices when no ping comes, and the address that they are pinged at.
async fn listener() -> Result<(Receiver, String)> {
    let listener = Receiver::new(|_| ("200 OK", String::new())).await?;
    let url = format!("{}/ping/secret", listener.url);
    Ok((listener, url))
}

async fn until_pinged(server: &Server, listener: &Receiver, times: usize) -> Result<()> {
    let look = async |_: &Server| {
        let pings = listener.told();
        Ok(if pings.len() >= times { Ok(()) } else { Err(format!("{pings:?}")) })
    };
    server.until("the heartbeat", look).await
}

#[tokio::test]
async fn while_all_is_well_the_heart_beats() -> Result<()> {
    let home = watched()?;
    let (listener, url) = listener().await?;
    let server = home.serve(&[TOKEN, ("HEARTBEAT", &url)])?;
    until_pinged(&server, &listener, 1).await?;
    let alarm = json!({ "title": "Disk is full", "key": "disk", "id": "d1", "state": "firing" });
    let request = server.http.post(format!("{}/hooks/generic", server.url)).bearer_auth(TOKEN.1).json(&alarm);
    assert_eq!(request.send().await?.status(), 202);
    let before = listener.told().len();
    until_pinged(&server, &listener, before + 2).await?;
    let all = listener.told();
    assert!(all.iter().all(|ping| ping.line == "GET /ping/secret HTTP/1.1"), "{all:?}");
    let health = server.get("/healthz").await?;
    assert_eq!((&health["status"], &health["sampled"]), (&json!("ok"), &json!(false)));
    assert_eq!(health["violations"]["stalled_escalation"], 0, "{health}");
    assert!(server.metric("catops_invariant_last_clean_timestamp_seconds").await? > 1e9);
    Ok(())
}

/// An open incident that nothing carries on: no search for owners, no page, no timer.
async fn plant_a_stalled_incident(data: &Path) -> Result<()> {
    let alarm: incident::Alarm = serde_json::from_value(json!({
        "source": "generic", "delivery": "generic:d1", "key": "generic:disk", "state": "firing", "severity": "error",
        "title": "Disk is full", "summary": "", "resource": "", "service": null, "labels": {}, "links": [],
        "occurred_at": "2026-11-24T00:00:00Z",
    }))?;
    let event = log::NewEvent {
        kind: "opened".to_owned(),
        schema: incident::SCHEMA,
        at: "2026-11-24T00:00:00Z".parse()?,
        actor: "source:generic".to_owned(),
        cause: "generic:d1".to_owned(),
        body: serde_json::to_vec(&incident::Event::Opened { alarm })?,
        raw: None,
    };
    let write = log::StreamWrite {
        stream: log::StreamId::new("inc/1"),
        expected: log::Expected::NoStream,
        events: vec![event],
        head: log::Head { snapshot: Vec::new(), fold: incident::FOLD, listing: Some("open".to_owned()) },
    };
    let log = log::SqliteLog::open(data, [7; 32])?;
    log::EventLog::append(&log, log::Append { streams: vec![write], ..log::Append::default() }).await?;
    Ok(())
}

#[tokio::test]
async fn while_an_incident_is_stalled_the_heart_does_not_beat() -> Result<()> {
    let home = watched()?;
    plant_a_stalled_incident(&home.data).await?;
    let (listener, url) = listener().await?;
    let server = home.serve(&[TOKEN, ("HEARTBEAT", &url)])?;
    let stalled = "catops_invariant_violations{kind=\"stalled_escalation\"}";
    let look = async |server: &Server| {
        let count = server.metric(stalled).await?;
        Ok(if count == 1.0 { Ok(()) } else { Err(count.to_string()) })
    };
    server.until("the violation", look).await?;
    let health = server.get("/healthz").await?;
    assert_eq!((&health["status"], &health["violations"]["stalled_escalation"]), (&json!("ok"), &json!(1)), "{health}");
    assert_eq!(health["violations"]["no_owner"], 1, "somebody is on call, and nobody owns it: {health}");
    // Two more looks, and still no ping.
    let checked = |health: &Value| health["checked_at"].as_str().map(str::to_owned).context("a look");
    for _ in 0..2 {
        let before = checked(&server.get("/healthz").await?)?;
        let look = async |server: &Server| {
            let now = checked(&server.get("/healthz").await?)?;
            Ok(if now == before { Err(now) } else { Ok(()) })
        };
        server.until("another look", look).await?;
    }
    assert_eq!(listener.told().len(), 0);
    assert_eq!(audit(&home.data, &[]).code, Some(1), "the audit beside it says so too");
    server.local("say", &json!({ "as": "U0ANA", "channel": "C0OPS", "text": "/catops ack 1" })).await?;
    until_pinged(&server, &listener, 1).await
}
