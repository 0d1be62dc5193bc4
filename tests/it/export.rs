//! A log leaves as JSON lines and comes back as the log that it was, on the real binary: beside a server that takes alarms,
//! without paging anybody twice, and never from a file that something happened to.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tests::{Said, Server, catops, catops_with_input, text};

/// A night with everything: cards, a dead letter, something taken out, and pages that Slack refuses.
async fn a_night(data: &Path) -> Result<()> {
    let server = Server::demo(data)?;
    let alarm = json!({ "title": "Login failed", "key": "login", "id": "l1", "state": "firing", "severity": "error",
        "summary": "as root with hunter2" });
    assert_eq!(server.post("/hooks/generic", &alarm).await?.0, 202);
    assert_eq!(server.fire("disk", "d1", "Disk is full").await?, 202);
    assert_eq!(server.fire("disk", "d2", "Disk is full").await?, 202);
    assert_eq!(server.clear("nothing", "n1").await?, 202);
    assert_eq!(server.post("/hooks/generic", &json!({ "key": "no title" })).await?.0, 400);
    let look = async |server: &Server| {
        let told = [server.incident(1).await?, server.incident(2).await?];
        let paged = told.iter().filter(|night| {
            let mut events = night["events"].as_array().into_iter().flatten();
            events.any(|event| event["kind"] == "paged")
        });
        Ok(if paged.count() == 2 { Ok(()) } else { Err("not both are paged".to_owned()) })
    };
    server.until("both pages", look).await?;
    assert_eq!(server.clear("disk", "d3").await?, 202);
    server.local("faults", &json!({ "method": "*", "kind": "internal_error", "count": u32::MAX })).await?;
    assert_eq!(server.fire("memory", "m1", "Memory is full").await?, 202);
    let look = async |server: &Server| {
        let owners = server.incident(3).await?["incident"]["owners"].as_array().map_or(0, Vec::len);
        Ok(if owners > 0 { Ok(()) } else { Err("INC-3 has no owner".to_owned()) })
    };
    server.until("an owner of INC-3, whose page Slack refuses", look).await?;
    server.kill();
    let redact = ["redact", "INC-1", "--by", "ana", "--why", "a password", "--data", text(data)];
    assert_eq!(catops_with_input(&redact, "hunter2").code, Some(0));
    Ok(())
}

fn export(data: &Path, file: &Path) -> Said {
    catops(&["export", text(file), "--data", text(data)])
}

fn import(file: &Path, data: &Path) -> Said {
    catops(&["import", text(file), "--data", text(data)])
}

fn done(said: &Said) -> Result<&str> {
    ensure!(said.code == Some(0), "{:?} {}{}", said.code, said.stdout, said.stderr);
    Ok(&said.stdout)
}

/// What a command tells about a log, without the first line, which counts its events and names its folder.
fn told(words: &[&str], data: &Path) -> Result<String> {
    let said = catops(&[words, &["--data", text(data)]].concat());
    let table = done(&said)?.replace(text(data), "DATA");
    Ok(table.split_once('\n').map_or(String::new(), |(_, rest)| rest.to_owned()))
}

fn json_of(words: &[&str], data: &Path) -> Result<Value> {
    Ok(serde_json::from_str(done(&catops(&[words, &["--json", "--data", text(data)]].concat()))?)?)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The lines of a kind, in their order.
fn lines_of<'a>(exported: &'a str, kind: &str) -> Vec<&'a str> {
    let begin = format!("{{\"{kind}\":");
    exported.lines().filter(|line| line.starts_with(&begin)).collect()
}

#[tokio::test]
async fn a_log_comes_back_as_it_was_and_waits_for_a_person() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (old, new, file) = (folder.path().join("old"), folder.path().join("new"), folder.path().join("log.jsonl"));
    a_night(&old).await?;
    assert!(done(&export(&old, &file))?.contains("checked, are in"));
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file)?.permissions()) & 0o777, 0o600);
    assert!(export(&old, &file).stderr.contains("never overwrites"));
    let exported = fs::read_to_string(&file)?;
    assert!(!exported.contains("hunter2") && exported.contains("[redacted]"), "what was taken out stays out");
    assert!(lines_of(&exported, "event").iter().any(|line| line.contains("dead-letters/generic")));

    assert!(done(&import(&file, &new))?.contains("are held"));
    assert!(import(&file, &new).stderr.contains("holds a log already"));
    assert_eq!(fs::read_dir(&new)?.count(), 1, "the log, and nothing that was used to make it");
    // People's names are in the demo's configuration, which is no part of the log.
    fs::create_dir(new.join("config"))?;
    copy(&old.join("config"), &new.join("config"))?;
    for words in [["audit"], ["incidents"], ["dead-letters"]] {
        assert_eq!(told(&words, &new)?, told(&words, &old)?, "{words:?}");
    }
    for incident in ["INC-1", "INC-2", "INC-3"] {
        // What will happen is said from now on, and that is another moment.
        let past = |data| told(&["timeline", incident], data).map(|text| text.split("\n\n").next().map(str::to_owned));
        assert_eq!(past(&new)?, past(&old)?);
    }
    let report = json_of(&["verify"], &new)?;
    assert_eq!((&report["faults"], &report["redacted"]), (&json!([]), &json!(1)));
    let held = json_of(&["held"], &new)?;
    let held: Vec<&str> = held.as_array().context("a list")?.iter().filter_map(|one| one["id"].as_str()).collect();
    assert!(held.contains(&"card/3") && held.iter().any(|id| id.starts_with("page/3/")), "{held:?}");

    // Out again: the same lines, but for the new epoch and what is held in it.
    let again = done(&catops(&["export", "--data", text(&new)]))?.to_owned();
    for kind in ["event", "stream", "receipt", "claim", "number"] {
        let new: Vec<_> = lines_of(&again, kind).into_iter().filter(|line| !line.contains("\"epochs\"")).collect();
        assert_eq!(new, lines_of(&exported, kind), "{kind}");
    }
    assert_eq!(lines_of(&again, "effect").len(), lines_of(&exported, "effect").len());

    // It is a log like another one: a repeat is known, an alarm of today goes all the way, yesterday's card waits.
    let server = Server::demo(&new)?;
    assert_eq!(server.fire("memory", "m1", "Memory is full").await?, 202, "the sender repeats it");
    assert_eq!(server.fire("queue", "q1", "Queue is long").await?, 202);
    let look = async |server: &Server| {
        let cards = server.cards("C0OPS", 4).await?.len();
        Ok(if cards == 1 { Ok(()) } else { Err(format!("{cards} cards of INC-4")) })
    };
    server.until("the card of INC-4", look).await?;
    assert!(server.cards("C0OPS", 3).await?.is_empty(), "yesterday's card was posted");
    Ok(())
}

/// A file that something happened to, and the words that must name it.
fn refused(folder: &Path, name: &str, content: &[u8], words: &[&str]) -> Result<()> {
    let (file, new) = (folder.join(name), folder.join(format!("{name}.data")));
    fs::write(&file, content)?;
    let said = import(&file, &new);
    ensure!(said.code == Some(1), "{name}: {:?} {}", said.code, said.stdout);
    for word in words {
        ensure!(said.stderr.contains(word), "{name}: no {word:?} in {}", said.stderr);
    }
    ensure!(!new.exists(), "{name}: nothing half-made is left behind");
    Ok(())
}

#[tokio::test]
async fn a_file_that_something_happened_to_is_refused_by_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (data, file) = (folder.path().join("data"), folder.path().join("log.jsonl"));
    a_night(&data).await?;
    done(&export(&data, &file))?;
    let whole = fs::read_to_string(&file)?;
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let place = |words: &[&str]| lines.iter().position(|line| words.iter().all(|word| line.contains(word)));
    let second = place(&[r#"{"event":{"stream":"inc/2","version":2,"#]).context("the second event of INC-2")?;
    let receipt = place(&[r#"{"receipt":"#]).context("a receipt")?;
    let with = |place: usize, line: &str| [&lines[..place], &[line], &lines[place + 1..]].concat().concat();
    let swapped = |a: usize, b: usize| {
        let mut lines = lines.clone();
        lines.swap(a, b);
        lines.concat()
    };
    let line = |place: usize| format!("line {}", place + 1);
    let (named, last) = (line(second), line(lines.len() - 1));
    let folder = folder.path();
    refused(folder, "cut-in-a-line", &whole.as_bytes()[..whole.len() * 2 / 3], &["the file was cut"])?;
    refused(folder, "cut-at-a-line", lines[..lines.len() - 1].concat().as_bytes(), &["the file was cut"])?;
    refused(folder, "a-line-less", with(receipt, "").as_bytes(), &["lines are missing"])?;
    let changed = lines[second].replacen("\"cause\":\"", "\"cause\":\"x", 1);
    ensure!(changed != lines[second], "{}", lines[second]);
    let does_not_follow = [named.as_str(), "inc/2: event 2 does not follow"];
    refused(folder, "an-event-changed", with(second, &changed).as_bytes(), &does_not_follow)?;
    let content = lines[second].replacen("\"body\":{", "\"body\":{ ", 1);
    let was_changed = [named.as_str(), "inc/2: the content of event 2 was changed"];
    refused(folder, "a-content-changed", with(second, &content).as_bytes(), &was_changed)?;
    let third = place(&[r#"{"event":{"stream":"inc/2","version":3,"#]).context("the third event of INC-2")?;
    let moved = [named.as_str(), "inc/2: event 2 is missing"];
    refused(folder, "events-swapped", swapped(second, third).as_bytes(), &moved)?;
    let claim = place(&[r#"{"claim":"#]).context("a claim")?;
    refused(folder, "lines-swapped", swapped(receipt, claim).as_bytes(), &[&last, "changed or moved"])?;
    let byte = lines[receipt].replacen("\"key\":\"", "\"key\":\"x", 1);
    refused(folder, "a-receipt-changed", with(receipt, &byte).as_bytes(), &[&last, "changed or moved"])?;
    refused(folder, "no-line", with(second, "{\"event\":1}\n").as_bytes(), &[&named, "cannot be read as a piece"])?;
    refused(folder, "not-a-log", b"{\"alarms\":[]}\n", &["line 1", "no exported log"])?;

    // A folder that was there stays, without anything in it that was not.
    let there = folder.join("there");
    fs::create_dir(&there)?;
    fs::write(there.join("anchor.key"), "a key")?;
    assert_eq!(import(&folder.join("cut-in-a-line"), &there).code, Some(1));
    assert_eq!(fs::read_dir(&there)?.count(), 1);
    done(&import(&file, &there))?;
    assert!(there.join("log.db").exists() && there.join("anchor.key").exists());
    Ok(())
}

/// Exports while alarms come in: each is in the file with all that belongs to it, or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_beside_a_busy_server_is_of_one_moment() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let server = Arc::new(Server::demo(&data)?);
    let (stop, taken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let (server, stop, taken) = (server.clone(), stop.clone(), taken.clone());
            tokio::spawn(async move {
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let key = format!("k{sender}-{n}");
                    let status = server.fire(&key, &key, "Disk is full").await?;
                    ensure!(status == 202, "{status}");
                    taken.fetch_add(1, Ordering::SeqCst);
                    if n % 3 == 0 {
                        server.clear(&key, &format!("{key}-over")).await?;
                    }
                }
                Ok(())
            })
        })
        .collect();
    let mut files: Vec<(u64, PathBuf)> = Vec::new();
    for n in 0..3 {
        let look = async |_: &Server| {
            let taken = taken.load(Ordering::SeqCst);
            Ok(if taken >= 20 * (n + 1) { Ok(taken) } else { Err(format!("{taken} alarms")) })
        };
        let before = server.until("some alarms", look).await?;
        let file = folder.path().join(format!("{n}.jsonl"));
        let (from, to) = (data.clone(), file.clone());
        let said = tokio::task::spawn_blocking(move || export(&from, &to)).await?;
        done(&said)?;
        files.push((before, file));
    }
    stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await??;
    }
    let sent = taken.load(Ordering::SeqCst);
    for (before, file) in files {
        let new = file.with_extension("data");
        done(&import(&file, &new))?;
        let audit = json_of(&["audit"], &new)?;
        let opened = audit["ends"]["opened"].as_u64().context("a number")?;
        assert!((before..=sent).contains(&opened), "{before} <= {opened} <= {sent}");
        assert_eq!(json_of(&["verify"], &new)?["faults"], json!([]));
    }
    Ok(())
}
