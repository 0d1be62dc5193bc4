//! A history that was invented is a history: it can be audited and verified, and suggestions can be tried on it.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;
use std::path::Path;
use tests::{Home, Server, TOKEN, catops, text};

fn invent(folder: &Path, seed: &str) -> Result<()> {
    let said =
        catops(&["simulate-history", "--data", text(folder), "--incidents", "400", "--days", "90", "--seed", seed]);
    ensure!(said.code == Some(0), "{}{}", said.stdout, said.stderr);
    Ok(())
}

fn backtest(data: &Path, config: &Path, more: &[&str]) -> Result<Value> {
    let words = ["backtest", "--data", text(data), "--config", text(config), "--json"];
    let said = catops(&[&words[..], more].concat());
    ensure!(said.code == Some(0), "{}{}", said.stdout, said.stderr);
    Ok(serde_json::from_str(&said.stdout)?)
}

#[test]
fn suggestions_are_tried_on_a_history() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (data, config) = (folder.path(), folder.path().join("config"));
    invent(data, "7")?;
    let again = catops(&["simulate-history", "--data", text(data)]);
    ensure!(again.code != Some(0) && again.stderr.contains("goes into an empty place"), "{}", again.stderr);
    for (words, wanted) in [(["audit", "--data"], "Unaccounted for: nothing"), (["verify", "--data"], "nobody changed")]
    {
        let said = catops(&[&words[..], &[text(data)]].concat());
        ensure!(said.code == Some(0) && said.stdout.contains(wanted), "{}{}", said.stdout, said.stderr);
    }

    let report = backtest(data, &config, &[])?;
    let helped = &report["scores"][0]["helped"];
    ensure!(report["incidents"] == 400 && helped["judged"].as_u64() > Some(150), "{report:#}");
    ensure!(helped["hit_3"].as_f64() > Some(0.85) && helped["mrr"].as_f64() > Some(0.6), "{report:#}");
    let least = catops(&["backtest", "--data", text(data), "--config", text(&config), "--min-hit3", "1.0"]);
    ensure!(least.code == Some(1) && least.stderr.contains("less than 100.0 %"), "{}", least.stderr);
    ensure!(least.stdout.contains("not among the first three"), "the misses are named: {}", least.stdout);
    let longest_ago = catops(&["backtest", "--data", text(data), "--config", text(&config), "--since", "1ms"]);
    ensure!(longest_ago.stderr.contains("--since looks further back"), "{}", longest_ago.stderr);
    Ok(())
}

#[test]
fn a_runbook_that_is_missing_is_seen_beside_the_configuration_that_has_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (data, config, poorer) = (folder.path(), folder.path().join("config"), folder.path().join("poorer"));
    invent(data, "7")?;
    let without = |from: &Path, to: &Path| -> Result<()> {
        for entry in walk(from)? {
            let target = to.join(entry.strip_prefix(from)?);
            if entry.components().any(|part| ["kubernetes", "host"].iter().any(|gone| part.as_os_str() == *gone)) {
                continue;
            }
            fs::create_dir_all(target.parent().context("a folder")?)?;
            fs::copy(&entry, target)?;
        }
        Ok(())
    };
    without(&config, &poorer)?;
    let report = backtest(data, &config, &["--against", text(&poorer)])?;
    let changed = |word: &str| report["changed"][word].as_u64().unwrap_or_default();
    ensure!(report["scores"].as_array().map(Vec::len) == Some(2), "{report:#}");
    let rated =
        |place: usize, of: &str| report["scores"][place].pointer(of).and_then(Value::as_f64).unwrap_or_default();
    for of in ["/coverage", "/helped/hit_3", "/chosen/hit_3"] {
        ensure!(rated(0, of) > rated(1, of), "{of}: {report:#}");
    }
    ensure!(changed("worse") > 0, "{report:#}");
    ensure!(changed("same") > 100, "all else is as before: {report:#}");
    Ok(())
}

fn walk(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files.extend(walk(&path)?) } else { files.push(path) }
    }
    Ok(files)
}

#[test]
fn the_same_seed_is_the_same_history() -> Result<()> {
    let (one, two, other) = (tempfile::tempdir()?, tempfile::tempdir()?, tempfile::tempdir()?);
    invent(one.path(), "7")?;
    invent(two.path(), "7")?;
    invent(other.path(), "8")?;
    let titles = |folder: &Path| -> Result<Vec<String>> {
        let said = catops(&["incidents", "--resolved", "--json", "--data", text(folder)]);
        let listed: Value = serde_json::from_str(&said.stdout).with_context(|| said.stderr.clone())?;
        let listed = listed["incidents"].as_array().or(listed.as_array()).context("a list")?.clone();
        Ok(listed.iter().map(|incident| incident["title"].to_string() + &incident["title"].to_string()).collect())
    };
    ensure!(titles(one.path())? == titles(two.path())?);
    ensure!(titles(one.path())? != titles(other.path())?);
    Ok(())
}

/// How often the log says that the runbooks changed.
fn versions(home: &Home) -> Result<usize> {
    let said = catops(&["export", "--data", text(&home.data)]);
    ensure!(said.code == Some(0), "{}", said.stderr);
    Ok(said.stdout.lines().filter(|line| line.contains("\"runbooks_edited\"")).count())
}

/// What `catops runbook` says of the runbook for a full disk, as it stood then.
fn runbook_at(home: &Home, at: &str) -> String {
    let said = catops(&["runbook", "host/disk-full", "--at", at, "--data", text(&home.data)]);
    said.stdout + &said.stderr
}

#[tokio::test]
async fn the_runbooks_of_the_time_are_known_to_whoever_looks_back() -> Result<()> {
    let home = Home::new()?;
    home.set("auth = \"bearer\"\nsecrets = [\"env:CATOPS_GENERIC_TOKEN\"]", "auth = \"open\"")?;
    let path = home.config.join("runbooks/host/disk-full.md");
    let before = fs::read_to_string(&path)?;
    let unknown = runbook_at(&home, "2026-01-01 00:00");
    ensure!(unknown.contains("catops: "), "there is no log yet: {unknown}");
    let server = home.serve(&[TOKEN])?;
    ensure!(versions(&home)? == 1, "the first start writes down what there is");
    ensure!(server.fire("db-1/disk", "a1", "Disk is full on db-1").await? == 202);
    let began = home.read(&["incidents"])?;
    let began = began["incidents"].as_array().or(began.as_array()).context("a list")?[0]["opened_at"].clone();
    let began = began.as_str().context("when it began")?.to_owned();
    fs::write(&path, "# Something else\n\nNothing of use.\n")?;
    let changed = async |_: &Server| {
        let count = versions(&home)?;
        Ok(if count == 2 { Ok(()) } else { Err(format!("{count} versions")) })
    };
    server.until("a second version", changed).await?;
    let now = runbook_at(&home, "2099-01-01 00:00");
    ensure!(now.contains("Something else") && !now.contains("df -"), "{now}");
    let then = runbook_at(&home, &began);
    ensure!(!then.contains("Something else") && then.contains(before.lines().last().context("a line")?), "{then}");
    let unknown = runbook_at(&home, "2020-01-01 00:00");
    ensure!(unknown.contains("the runbooks are known since 20"), "{unknown}");
    server.kill();
    let again = home.serve(&[TOKEN])?;
    again.kill();
    ensure!(versions(&home)? == 2, "a start at which nothing changed writes nothing");

    let report = backtest(&home.data, &home.config, &[])?;
    ensure!(report["incidents"] == 1 && report["runbooks"]["incidents"] == 1, "{report:#}");
    let these = home.config.join("runbooks");
    let report = backtest(&home.data, &home.config, &["--runbooks", text(&these)])?;
    ensure!(report["runbooks"].is_null(), "these, for all: {report:#}");
    let said = catops(&["backtest", "--data", text(&home.data), "--config", text(&home.config)]);
    ensure!(said.stdout.contains("By the runbooks as they stood at each incident"), "{}", said.stdout);
    Ok(())
}
