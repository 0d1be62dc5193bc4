//! Which alarms are covered: of a history, of rule files; and runbooks that are found by words.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::fs;
use tests::{Home, catops, text};

const RULES: &str = r#"groups:
- name: nodes
  rules:
  - record: node:load
    expr: sum(node_load1)
  - alert: KubePodCrashLooping
    expr: max_over_time(kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"}[5m]) >= 1
    labels: {severity: warning, tier: 1}
    annotations:
      summary: Pod {{ $labels.pod }} is crash looping.
      runbook_url: http://127.0.0.1:9/gone
  - alert: QuasarFlux
    expr: quasar > 17
"#;

#[test]
fn every_alarm_of_a_history_and_of_rule_files_is_ranked() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (data, rules) = (folder.path().join("data"), folder.path().join("rules"));
    let made = catops(&["simulate-history", "--data", text(&data), "--incidents", "300", "--seed", "7"]);
    ensure!(made.code == Some(0), "{}", made.stderr);
    fs::create_dir_all(rules.join("deep"))?;
    fs::write(rules.join("deep/nodes.yaml"), RULES)?;
    fs::write(rules.join("notes.txt"), "no rules")?;
    let config = data.join("config");
    let words = ["coverage", "--config", text(&config), "--data", text(&data), "--rules", text(&rules)];

    let told = catops(&[&words[..], &["--json"]].concat());
    ensure!(told.code == Some(0), "{}", told.stderr);
    let told: Value = serde_json::from_str(&told.stdout)?;
    let alarms = told["report"]["alarms"].as_array().cloned().unwrap_or_default();
    let named = |name: &str| alarms.iter().find(|row| row["alarm"] == name).cloned().unwrap_or_default();
    ensure!(named("KubePodCrashLooping")["runbook"] == "kubernetes/pod-crash-looping", "{alarms:#?}");
    ensure!(named("QuasarFlux")["covered"] == false, "{alarms:#?}");
    ensure!(named("Pod web is crash looping")["fired"].as_u64() > Some(3), "{alarms:#?}");
    ensure!(named("node:load").is_null(), "a recording rule is no alarm");
    let fired: u64 = alarms.iter().filter_map(|row| row["fired"].as_u64()).sum();
    ensure!(fired == 300, "every incident is counted: {fired}");

    let least = catops(&[&words[..], &["--min-covered", "1"]].concat());
    ensure!(least.code == Some(1) && least.stderr.contains("less than 100.0 %"), "{}", least.stderr);
    ensure!(least.stdout.contains("NO   QuasarFlux: no runbook shares a word with it"), "{}", least.stdout);
    let comment = catops(&[&words[..], &["--markdown", "--check-links"]].concat());
    ensure!(comment.stdout.contains("- QuasarFlux: no runbook shares a word"), "{}", comment.stdout);
    ensure!(
        comment.stdout.contains("Dead runbook links (1)") && comment.stdout.contains("private address"),
        "{}",
        comment.stdout
    );

    fs::write(rules.join("broken.yml"), "groups: 7")?;
    let broken = catops(&words);
    ensure!(broken.code == Some(1) && broken.stderr.contains("broken.yml is no rule file"), "{}", broken.stderr);
    let none = catops(&["coverage", "--config", text(&config)]);
    ensure!(none.stderr.contains("name a log with --data"), "{}", none.stderr);
    Ok(())
}

#[test]
fn runbooks_are_found_by_words_and_printed_by_their_id() -> Result<()> {
    let found = catops(&["runbook", "--json", "disk", "full"]);
    let found: Value = serde_json::from_str(&found.stdout)?;
    ensure!(found[0]["runbook"] == "host/disk-full", "{found:#}");
    let snippet = &found[0]["snippet"];
    let line = snippet["text"].as_str().unwrap_or_default();
    let first = &snippet["matches"][0];
    let (start, end) = (first["start"].as_u64().unwrap_or(0), first["end"].as_u64().unwrap_or(0));
    let word = line.get(usize::try_from(start)?..usize::try_from(end)?).unwrap_or_default().to_lowercase();
    ensure!(word.starts_with("full") || word.starts_with("disk"), "{found:#}");
    let whole = catops(&["runbook", "host/disk-full"]);
    ensure!(whole.stdout.contains("# Disk is full") && whole.stdout.lines().count() > 15, "{}", whole.stdout);
    let none = catops(&["runbook", "quasar"]);
    ensure!(none.code == Some(1) && none.stdout.contains("no runbook says \"quasar\""), "{}", none.stdout);

    let home = Home::new()?;
    let stats = catops(&["index", "stats", text(&home.config), "--json"]);
    let stats: Value = serde_json::from_str(&stats.stdout)?;
    ensure!(stats["runbooks"] == 67 && stats["sections"].as_u64() > Some(200), "{stats:#}");
    ensure!(stats["laid_out"] == false && stats["largest"].as_array().map(Vec::len) == Some(10), "{stats:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn runbooks_are_found_in_slack_too() -> Result<()> {
    let server = Home::new()?.serve(&[])?;
    server.local("say", &json!({ "as": "U0ANA", "channel": "C0OPS", "text": "/catops runbook disk full" })).await?;
    let look = async |server: &tests::Server| {
        let seen = server.messages("C0OPS", "U0ANA").await?;
        let told = seen.iter().filter(|message| message["only_for"] == "U0ANA");
        let told: Vec<&str> = told.filter_map(|message| message["rendered_text"].as_str()).collect();
        Ok(if told.iter().any(|text| text.contains("host/disk-full")) { Ok(()) } else { Err(format!("{told:#?}")) })
    };
    server.until("the runbook", look).await
}
