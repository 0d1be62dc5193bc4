//! The past cannot be changed unseen, a password that came with an alarm can be taken out of it, and it comes back from a
//! backup without paging anybody twice: on the real binary, and on its file behind its back.

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
async fn where_else_a_text_stands_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().to_str().context("a path")?;
    let server = Server::demo(folder.path())?;
    let alert = |name: &str, says: &str| {
        json!({ "status": "firing", "startsAt": "2026-11-28T05:00:00Z", "fingerprint": name,
            "labels": { "alertname": name, "severity": "critical" }, "annotations": { "summary": says } })
    };
    let alerts = [alert("disk", "full"), alert("login", "with hunter2 as root")];
    let group = json!({ "version": "4", "status": "firing", "receiver": "catops", "alerts": alerts,
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "" });
    let (status, answer) = server.post("/hooks/alertmanager", &group).await?;
    assert!((200..300).contains(&status), "{status} {answer}");
    server.kill();
    let redact = |incident: &str| {
        catops_with_input(&["redact", incident, "--by", "ana", "--why", "a password", "--data", path], "hunter2")
    };
    let (first, second) = (redact("INC-1"), redact("INC-2"));
    let said = format!("{}{}{}{}", first.stdout, first.stderr, second.stdout, second.stderr);
    assert!(said.contains("still in inc/2: redact INC-2, too"), "the payload lies with the first alarm: {said}");
    assert!(second.stdout.starts_with("taken out of event 1 of INC-2"), "{said}");
    assert!(!second.stdout.contains("still in"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_password_is_taken_out_of_dead_letters() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (data, path) = (folder.path(), folder.path().to_str().context("a path")?);
    let server = Server::demo(data)?;
    for password in ["hunter2-is-my-password", "another"] {
        let (status, _) = server.post("/hooks/generic", &json!({ "title": ["not a title", password] })).await?;
        assert_eq!(status, 400);
    }
    server.kill();
    let kept = || -> Result<bool> {
        let files = fs::read_dir(data)?.filter_map(|entry| fs::read(entry.ok()?.path()).ok());
        Ok(files.into_iter().any(|bytes| bytes.windows(7).any(|part| part == b"hunter2")))
    };
    let shown = |number: &str| catops(&["dead-letters", "--show", number, "--data", path]);
    assert!(shown("generic/1").stdout.contains("hunter2"), "{}", shown("generic/1").stderr);
    let redact = |place: &str, text: &str| {
        catops_with_input(&["redact", place, "--by", "ana", "--why", "a password", "--data", path], text)
    };
    let none = redact("dead-letters/grafana", "hunter2");
    assert!(none.code != Some(0) && none.stderr.contains("there is no dead-letters/grafana"), "{}", none.stderr);
    let absent = redact("dead-letters/generic", "hunter3");
    assert!(absent.stderr.contains("dead-letters/generic does not hold this text"), "{}", absent.stderr);
    let done = redact("dead-letters/generic", "hunter2");
    assert!(done.stdout.starts_with("taken out of event 1 of dead-letters/generic"), "{}{}", done.stdout, done.stderr);

    assert!(!kept()?, "it is in no file of the log");
    assert_ne!(shown("generic/1").code, Some(0));
    assert!(shown("generic/2").stdout.contains("another"), "the other one is left as it was");
    let report = verified(data, 0)?;
    assert_eq!((&report["redacted"], &report["faults"]), (&json!(1), &json!([])));
    let letters: Value = serde_json::from_str(&catops(&["dead-letters", "--json", "--data", path]).stdout)?;
    assert_eq!(letters.as_array().map(Vec::len), Some(2), "that it was taken out is no letter: {letters}");
    let audit: Value = serde_json::from_str(&catops(&["audit", "--json", "--data", path]).stdout)?;
    assert!(audit.to_string().contains("\"rejected\":{\"generic\":2}"), "{audit}");
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

#[tokio::test]
async fn a_damaged_backup_is_not_restored() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (data, file) = (folder.path().join("data"), folder.path().join("backup.db"));
    a_night(&data).await?;
    let (data_text, file_text) = (data.to_str().context("a path")?, file.to_str().context("a path")?);
    assert_eq!(catops(&["backup", file_text, "--data", data_text]).code, Some(0));
    let forged = rusqlite::Connection::open(&file)?;
    forged.execute_batch("DROP TRIGGER events_are_never_updated; UPDATE events SET at = at + 1 WHERE seq = 1")?;
    drop(forged);
    let restored = folder.path().join("restored");
    let said = catops(&["restore", file_text, "--data", restored.to_str().context("a path")?]);
    assert!(said.code == Some(1) && said.stderr.contains("the copy is damaged"), "{:?} {}", said.code, said.stderr);
    assert!(!restored.join("log.db").exists(), "nothing is left that could be started by mistake");
    Ok(())
}

#[tokio::test]
async fn a_restored_log_waits_for_a_person() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (data, file) = (folder.path().join("data"), folder.path().join("backup.db"));
    let (data_text, file_text) = (data.to_str().context("a path")?, file.to_str().context("a path")?);
    let server = Server::demo(&data)?;
    // Nothing reaches Slack: card and page are open effects when the backup is taken.
    server.local("faults", &json!({ "method": "*", "kind": "internal_error", "count": u32::MAX })).await?;
    assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
    let backup = catops(&["backup", file_text, "--data", data_text]);
    assert!(backup.code == Some(0) && backup.stdout.contains("checked"), "{}{}", backup.stdout, backup.stderr);
    let again = catops(&["backup", file_text, "--data", data_text]);
    assert!(again.stderr.contains("never overwrites"), "{}", again.stderr);
    server.kill();

    let restored = folder.path().join("restored");
    let restored_text = restored.to_str().context("a path")?;
    let said = catops(&["restore", file_text, "--data", restored_text]);
    assert!(said.stdout.contains("are held"), "{}{}", said.stdout, said.stderr);
    let twice = catops(&["restore", file_text, "--data", restored_text]);
    assert!(twice.stderr.contains("holds a log already"), "{}", twice.stderr);
    assert_eq!(verified(&restored, 0)?["faults"], json!([]));

    let held: Value = serde_json::from_str(&catops(&["held", "--json", "--data", restored_text]).stdout)?;
    let held: Vec<&str> =
        held.as_array().context("a list")?.iter().filter_map(|effect| effect["id"].as_str()).collect();
    assert!(held.contains(&"card/1") && held.iter().any(|id| id.starts_with("page/1/")), "{held:?}");

    let server = Server::demo(&restored)?;
    // An alarm of today goes all the way while yesterday's waits.
    assert_eq!(server.fire("memory", "memory-1", "Memory is full").await?, 202);
    let look = async |server: &Server| {
        let cards = server.cards("C0OPS", 2).await?.len();
        Ok(if cards == 1 { Ok(()) } else { Err(format!("{cards} cards of INC-2")) })
    };
    server.until("the card of INC-2", look).await?;
    assert!(server.cards("C0OPS", 1).await?.is_empty(), "yesterday's card was posted");
    server.kill();

    assert!(catops(&["held", "--release", "nothing", "--data", restored_text]).stderr.contains("nothing with the id"));
    assert_eq!(catops(&["held", "--release", "card/1", "--data", restored_text]).stdout, "card/1 goes on\n");
    assert_eq!(catops(&["held", "--drop", "all", "--data", restored_text]).code, Some(0));
    let server = Server::demo(&restored)?;
    let look = async |server: &Server| {
        let cards = server.cards("C0OPS", 1).await?.len();
        Ok(if cards == 1 { Ok(()) } else { Err(format!("{cards} cards of INC-1")) })
    };
    server.until("the card of INC-1 that was let go", look).await
}
