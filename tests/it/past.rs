//! The past cannot be changed unseen, and a password that came with an alarm can be taken out of it: on the real binary,
//! and on its file behind its back.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tests::{Server, catops, catops_with_input};

const PASSWORD: &str = "hunter2 \"&\" 3";

async fn a_night(data: &Path) -> Result<()> {
    let server = Server::demo(data)?;
    let alarm = json!({
        "title": "Login failed", "key": "login", "id": "login-1", "state": "firing", "severity": "error",
        "summary": format!("the check logged in as root with {PASSWORD}"),
    });
    assert_eq!(server.post("/hooks/generic", &alarm).await?.0, 202);
    assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
    let look = async |server: &Server| {
        let kinds = |incident: &Value| incident["events"].as_array().map_or(0, Vec::len);
        let told = [kinds(&server.incident(1).await?), kinds(&server.incident(2).await?)];
        // Opened, suggested, assigned, card, page.
        Ok(if told.iter().all(|events| *events >= 5) { Ok(()) } else { Err(format!("{told:?}")) })
    };
    server.until("both cards and pages", look).await
}

/// Whether a file of the log holds the password, as it is or as JSON writes it.
fn kept(data: &Path) -> Result<bool> {
    for file in ["log.db", "log.db-wal"] {
        let Ok(bytes) = fs::read(data.join(file)) else { continue };
        let forms = [PASSWORD.to_owned(), PASSWORD.replace('"', "\\\"")];
        if forms.iter().any(|form| bytes.windows(form.len()).any(|part| part == form.as_bytes())) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn verified(data: &Path, code: i32) -> Result<Value> {
    let said = catops(&["verify", "--json", "--data", data.to_str().context("a path")?]);
    ensure!(said.code == Some(code), "{:?} {}{}", said.code, said.stdout, said.stderr);
    Ok(serde_json::from_str(&said.stdout)?)
}

#[tokio::test]
async fn a_password_is_taken_out_and_the_chain_holds() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path();
    a_night(data).await?;
    assert!(kept(data)?);
    let path = data.to_str().context("a path")?;
    let redact = ["redact", "INC-1", "--by", "ana", "--data", path, "--why"];
    let refused = catops_with_input(&[&redact[..], &["it was hunter2 \"&\" 3"]].concat(), PASSWORD);
    assert!(refused.code != Some(0) && refused.stderr.contains("give another one"), "{}", refused.stderr);
    let elsewhere = catops_with_input(&["redact", "INC-2", "--by", "ana", "--data", path, "--why", "x"], PASSWORD);
    assert!(elsewhere.stderr.contains("INC-2 does not hold this text"), "{}", elsewhere.stderr);
    let done = catops_with_input(&[&redact[..], &["a password"]].concat(), &format!("{PASSWORD}\n"));
    assert!(done.stdout.starts_with("taken out of event 1 of INC-1"), "{}{}", done.stdout, done.stderr);
    assert!(!kept(data)?, "it is in no file of the log");

    let report = verified(data, 0)?;
    assert_eq!((&report["redacted"], &report["faults"]), (&json!(1), &json!([])));
    let timeline = catops(&["timeline", "INC-1", "--data", path]).stdout;
    assert!(timeline.contains("took text out of event 1: a password"), "{timeline}");
    let server = Server::demo(data)?;
    let incident = server.incident(1).await?;
    assert_eq!(incident["incident"]["alarm"]["summary"], "the check logged in as root with [redacted]");
    Ok(())
}

#[tokio::test]
async fn whoever_changes_the_file_is_found_out() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path();
    a_night(data).await?;
    assert_eq!(verified(data, 0)?["faults"], json!([]));
    let changes = [
        (
            "UPDATE events SET cause = 'nobody' WHERE stream = (SELECT no FROM streams WHERE id = 'inc/1') AND version = 2",
            "event 2 does not follow",
        ),
        (
            "UPDATE events SET body = CAST('{}' AS BLOB), raw = NULL, salt = NULL WHERE stream = (SELECT no FROM streams WHERE id = 'inc/1') AND version = 1",
            "no later event says so",
        ),
        (
            "DELETE FROM events WHERE stream = (SELECT no FROM streams WHERE id = 'inc/1') AND version = 3",
            "event 3 is missing",
        ),
        (
            "UPDATE streams SET snapshot = CAST(replace(CAST(snapshot AS TEXT), 'open', 'gone') AS BLOB) WHERE id = 'inc/1'",
            "the state beside the stream",
        ),
    ];
    for (sql, shows) in changes {
        let copy = tempfile::tempdir()?;
        let db = copy.path().join("log.db");
        let original = rusqlite::Connection::open(data.join("log.db"))?;
        original.execute("VACUUM INTO ?1", [db.to_str()])?;
        let forged = rusqlite::Connection::open(&db)?;
        forged.execute_batch("DROP TRIGGER events_are_never_updated; DROP TRIGGER events_are_never_deleted;")?;
        ensure!(forged.execute(sql, [])? == 1, "{sql}");
        drop(forged);
        let faults = verified(copy.path(), 1)?["faults"].clone();
        let named = faults.as_array().context("faults")?.iter();
        let mut named = named.map(|fault| (fault["stream"].as_str(), fault["what"].as_str().unwrap_or_default()));
        assert!(named.any(|(stream, what)| stream == Some("inc/1") && what.contains(shows)), "{sql}: {faults}");
    }
    Ok(())
}
