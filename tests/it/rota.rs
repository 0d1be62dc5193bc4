//! The rota on the command line, as whoever keeps it sees it: who is on call, what a change does, what the past cost whom,
//! and how another tool's rota comes over.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tests::{Said, catops, root, text};

const PEOPLE: &str = r#"
[people.ana]
name = "Ana Ruiz"
slack = "U0ANA"
email = "ana@example.com"
[people.ben]
name = "Ben Okafor"
slack = "U0BEN"
[people.chi]
name = "Chi Lin"
slack = "U0CHI"
[escalation.default]
levels = [{ page = ["schedule:payments"], wait = "5m" }]
"#;

/// A schedule with one layer, from Monday 5 January 2026 on.
fn schedule(rotation: &str, window: &str) -> String {
    let window = if window.is_empty() { String::new() } else { format!("window = \"{window}\"\n") };
    format!(
        "[schedules.payments]\nzone = \"Europe/Madrid\"\n[[schedules.payments.layers]]\nname = \"weekly\"\n\
         rotation = {rotation}\nhandoff = \"2026-01-05 09:00\"\nevery = \"1 week\"\n{window}"
    )
}

/// A configuration of people and this schedule.
fn config(schedule: &str) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("rota"))?;
    fs::create_dir(folder.path().join("runbooks"))?;
    fs::write(folder.path().join("catops.toml"), "")?;
    fs::write(folder.path().join("rota/team.toml"), format!("{PEOPLE}{schedule}"))?;
    Ok(folder)
}

fn weekly() -> Result<tempfile::TempDir> {
    config(&schedule(r#"["ana", "ben"]"#, ""))
}

/// Runs a command, which ends with that code and says all of this on whichever stream.
#[track_caller]
fn says(words: &[&str], code: i32, wanted: &[&str]) -> Said {
    let said = catops(words);
    let all = format!("{}{}", said.stdout, said.stderr);
    assert_eq!(said.code, Some(code), "{words:?}: {all}");
    for part in wanted {
        assert!(all.contains(part), "{words:?} does not say {part:?}:\n{all}");
    }
    said
}

fn read(words: &[&str]) -> Result<Value> {
    let said = says(&[words, &["--json"]].concat(), 0, &[]);
    serde_json::from_str(&said.stdout).with_context(|| said.stdout.clone())
}

#[test]
fn who_is_on_call_is_told_with_since_until_next_and_why() -> Result<()> {
    let folder = weekly()?;
    let words = ["oncall", "payments", "--config", text(folder.path())];
    let moments = ["--at", "2026-12-07 08:59", "--at", "2026-12-07T08:00:00Z"];
    says(
        &[&words[..], &moments].concat(),
        0,
        &[
            "At Mon 7 Dec 2026 08:59 Europe/Madrid:\npayments: Ben Okafor until Mon 7 Dec 2026 09:00 Europe/Madrid\n",
            "  since Mon 30 Nov 2026 09:00; next Ana Ruiz\n  because turn 47 of weekly (every week from Mon 5 Jan 2026 09:00",
            "At Mon 7 Dec 2026 09:00 Europe/Madrid:\npayments: Ana Ruiz until Mon 14 Dec 2026 09:00 Europe/Madrid\n",
        ],
    );
    let told = read(&[&words[..], &moments].concat())?;
    assert_eq!(told[0]["on_duty"], json!(["ben"]));
    assert_eq!(told[0]["next"], json!({ "on_duty": ["ana"], "start": "2026-12-07T08:00:00Z" }));
    assert_eq!((&told[1]["names"], &told[1]["zone"]), (&json!(["Ana Ruiz"]), &json!("Europe/Madrid")));
    says(
        &["oncall", "payment", "--config", text(folder.path())],
        1,
        &["did you mean \"payments\"", "there are: payments"],
    );
    Ok(())
}

#[test]
fn a_time_is_told_change_by_change_with_its_gaps() -> Result<()> {
    let folder = config(&schedule(r#"["ana", "ben"]"#, "Mon-Fri 08:00-20:00"))?;
    let words = ["oncall", "--config", text(folder.path()), "--from", "2026-12-05 00:00", "--to", "2026-12-08 00:00"];
    says(
        &words,
        0,
        &[
            "payments, Sat 5 Dec 2026 00:00 to Tue 8 Dec 2026 00:00 Europe/Madrid\n",
            "  Sat  5 Dec 00:00 to Mon  7 Dec 08:00         56 h  nobody      every layer is outside its hours",
            "  Mon  7 Dec 08:00 to Mon  7 Dec 09:00          1 h  Ben Okafor  turn 47 of weekly",
            "  Mon  7 Dec 09:00 to Mon  7 Dec 20:00         11 h  Ana Ruiz    turn 48 of weekly",
            "Nobody is on call for 60 h (2 gaps).",
        ],
    );
    let told = read(&words)?;
    let segments = told[0]["segments"].as_array().context("segments")?;
    ensure!(segments.len() == 4 && told[0]["gaps"].as_array().map(Vec::len) == Some(2), "{told:#}");
    for pair in segments.windows(2) {
        assert_eq!(pair[0]["end"], pair[1]["start"], "each moment is in one of them");
    }
    let backwards =
        ["oncall", "--config", text(folder.path()), "--from", "2026-12-05 00:00", "--to", "2026-12-04 00:00"];
    says(&backwards, 1, &["is not after --from"]);
    Ok(())
}

#[test]
fn a_month_is_a_picture_and_a_file() -> Result<()> {
    let folder = config(&schedule(r#"["ana", "ben"]"#, "Mon-Fri 08:00-20:00"))?;
    let svg = folder.path().join("december.svg");
    let words = ["oncall", "payments", "--config", text(folder.path()), "--month", "2026-12", "--svg", text(&svg)];
    let said = says(&words, 0, &["payments, Mon 30 Nov 2026 to Sun 3 Jan 2027", "A  Ana Ruiz: ", "!  nobody: "]);
    ensure!(said.stdout.contains("!!!!AAAAAA!!"), "a day of the window: {}", said.stdout);
    let drawn = fs::read_to_string(&svg)?;
    ensure!(drawn.starts_with("<svg ") && drawn.contains("Ben Okafor: ") && drawn.ends_with("</svg>\n"), "{drawn}");
    says(&["oncall", "--config", text(folder.path()), "--month", "payments"], 1, &["no month", "before --month"]);
    Ok(())
}

#[test]
fn a_change_is_previewed_and_a_gap_in_it_fails_the_check() -> Result<()> {
    let (before, joined, hours) = (
        weekly()?,
        config(&schedule(r#"["ana", "chi", "ben"]"#, ""))?,
        config(&schedule(r#"["ana", "ben"]"#, "Mon-Fri 08:00-20:00"))?,
    );
    let preview = |after: &Path| {
        let words = ["rota", "preview", "--against", text(before.path()), "--from", "2026-12-07 09:00", "--weeks", "2"];
        [&words[..], &["--config", text(after)]].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let run = |after: &Path, more: &[&str], code: i32, wanted: &[&str]| {
        let words = preview(after);
        says(&[&words.iter().map(String::as_str).collect::<Vec<_>>()[..], more].concat(), code, wanted)
    };
    run(before.path(), &["--fail-on-gap"], 0, &["Nothing changes on payments"]);
    let said = run(joined.path(), &["--fail-on-gap"], 0, &["on payments", "No gaps, before or after."]);
    ensure!(said.stdout.contains("chi: 0 h before, "), "{}", said.stdout);
    run(hours.path(), &[], 0, &["new gap"]);
    let said = run(hours.path(), &["--fail-on-gap"], 2, &["nobody would be on call at these times"]);
    ensure!(
        said.stderr.contains("payments: Mon 7 Dec 2026 20:00 to Tue 8 Dec 2026 08:00 Europe/Madrid"),
        "{}",
        said.stderr
    );
    let told: Value = serde_json::from_str(&run(hours.path(), &["--json"], 0, &[]).stdout)?;
    assert_eq!(told[0]["people"]["ana"]["before"]["duty_hours"], json!(168.0));
    assert_eq!(told[0]["people"]["ana"]["after"]["duty_hours"], json!(60.0));
    ensure!(told[0]["gaps_before"] == json!([]) && told[0]["gaps_after"] != json!([]), "{told:#}");
    says(&["rota", "preview", "--config", text(hours.path())], 2, &["--against"]);
    Ok(())
}

#[test]
fn gaps_to_come_are_listed_and_fail_a_check() -> Result<()> {
    let (whole, hours) = (weekly()?, config(&schedule(r#"["ana", "ben"]"#, "Mon-Fri 08:00-20:00"))?);
    let words = ["rota", "gaps", "--from", "2026-12-07 09:00", "--weeks", "1", "--config"];
    says(&[&words[..], &[text(whole.path()), "--fail-on-gap"]].concat(), 0, &["somebody is on call all the time"]);
    let gaps = ["payments: 5 gaps, 108 h in all", "  Fri 11 Dec 2026 20:00 to Mon 14 Dec 2026 08:00  60 h"];
    says(&[&words[..], &[text(hours.path())]].concat(), 0, &gaps);
    says(&[&words[..], &[text(hours.path()), "--fail-on-gap"]].concat(), 2, &gaps);
    Ok(())
}

#[test]
fn quality_is_a_score_with_its_reasons() -> Result<()> {
    let (whole, alone) = (weekly()?, config(&schedule(r#"["ana"]"#, ""))?);
    let words = ["rota", "quality", "--from", "2026-12-07 09:00", "--config"];
    let said = says(&[&words[..], &[text(alone.path())]].concat(), 0, &["ana carries everything alone"]);
    ensure!(said.stdout.contains("What raises it most: "), "{}", said.stdout);
    let score = |folder: &Path| -> Result<u64> {
        read(&[&words[..], &[text(folder)]].concat())?[0]["score"].as_u64().context("a score")
    };
    let (better, worse) = (score(whole.path())?, score(alone.path())?);
    ensure!(better > worse, "{better} {worse}");
    let least = (worse + 1).to_string();
    let failed = format!("payments scores {worse} of 100, less than {least}");
    says(&[&words[..], &[text(alone.path()), "--min-score", &least]].concat(), 1, &[&failed]);
    says(&[&words[..], &[text(whole.path()), "--min-score", &least]].concat(), 0, &[]);
    Ok(())
}

#[test]
fn cover_is_asked_of_the_least_burdened() -> Result<()> {
    let folder = config(&schedule(r#"["ana", "ben", "chi"]"#, ""))?;
    let of = |asker: &str, code: i32, wanted: &[&str]| {
        let when = "2099-01-10 10:00 to 2099-01-10 14:00";
        says(&["rota", "cover", "payments", when, "--for", asker, "--config", text(folder.path())], code, wanted)
    };
    let now = read(&["oncall", "payments", "--at", "2099-01-10 12:00", "--config", text(folder.path())])?;
    let asker = now[0]["on_duty"][0].as_str().context("somebody")?.to_owned();
    let said = of(&asker, 0, &["10 Jan 2099 10:00 to 14:00\n  1. ", "  2. ", "in the 4 weeks around it"]);
    let name = now[0]["names"][0].as_str().context("a name")?;
    let asked = said.stdout.split("1. ").nth(1).context("candidates")?;
    ensure!(!asked.contains(name), "nobody covers themselves: {}", said.stdout);
    let other = ["ana", "ben", "chi"].into_iter().find(|other| *other != asker).context("another")?;
    of(other, 1, &["is not on call on payments in that time"]);
    // Over several of the asker's turns somebody else is on call in between; each turn is asked for by itself.
    let long = ["rota", "cover", "payments", "2099-01-01 10:00 to 2099-02-10 14:00", "--for", &asker];
    let told = read(&[&long[..], &["--config", text(folder.path())]].concat())?;
    let parts = told["parts"].as_array().context("parts")?;
    ensure!(parts.len() >= 2 && parts.iter().all(|part| part["ask"].as_array().map(Vec::len) == Some(2)), "{told:#}");
    of("dan", 1, &["knows nobody called \"dan\"", "ana, ben, chi"]);
    Ok(())
}

/// A data folder with an invented history of these people.
fn history(config: &Path) -> Result<tempfile::TempDir> {
    let data = tempfile::tempdir()?;
    let words = ["simulate-history", "--data", text(data.path()), "--config", text(config)];
    says(&[&words[..], &["--incidents", "60", "--days", "60", "--seed", "7"]].concat(), 0, &["60 invented incidents"]);
    Ok(data)
}

/// Every page of an exported log: when, the alarm's title, whom.
fn pages(data: &Path) -> Result<Vec<(String, String, String)>> {
    let file = data.join("export.jsonl");
    says(&["export", text(&file), "--data", text(data)], 0, &[]);
    let (mut titles, mut pages) = (BTreeMap::new(), Vec::new());
    for line in fs::read_to_string(&file)?.lines() {
        let line: Value = serde_json::from_str(line)?;
        let event = &line["event"];
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (stream, body) = (word(&event["stream"]), &event["body"]);
        match event["kind"].as_str() {
            Some("opened") => drop(titles.insert(stream, word(&body["alarm"]["title"]))),
            Some("paged") => {
                pages.push((word(&event["at"]), titles.get(&stream).cloned().unwrap_or_default(), word(&body["to"])));
            }
            _ => {}
        }
    }
    Ok(pages)
}

#[test]
fn what_people_carried_counts_the_pages_of_the_log() -> Result<()> {
    let folder = weekly()?;
    let data = history(folder.path())?;
    let words = ["rota", "fair", "--config", text(folder.path()), "--since", "61d"];
    let without = says(&words, 0, &["are not counted; --data names it", "pages at night"]);
    let counted = [&words[..], &["--data", text(data.path())]].concat();
    let said = says(&counted, 0, &["ana", "ben"]);
    ensure!(said.stdout != without.stdout, "{}", said.stdout);
    let told = read(&counted)?;
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for (_, _, to) in pages(data.path())? {
        *expected.entry(to).or_default() += 1;
    }
    let found: BTreeMap<String, u64> = ["ana", "ben"]
        .into_iter()
        .map(|person| (person.to_owned(), told[0]["people"][person]["pages"].as_u64().unwrap_or_default()))
        .collect();
    assert_eq!((found.values().sum::<u64>(), &found), (60, &expected));
    let hours: f64 = ["ana", "ben"].iter().filter_map(|who| told[0]["people"][who]["duty_hours"].as_f64()).sum();
    ensure!((hours - 61.0 * 24.0).abs() < 0.01, "somebody always carried it: {hours}");
    Ok(())
}

#[test]
fn the_past_is_played_over_another_rota() -> Result<()> {
    let (folder, alone) = (weekly()?, config(&schedule(r#"["ben"]"#, "Mon-Fri 08:00-20:00"))?);
    let data = history(folder.path())?;
    let words = ["rota", "replay", "--data", text(data.path()), "--since", "61d", "--config", text(alone.path())];
    says(&words, 1, &["name the one that is used with --against"]);
    let words = [&words[..], &["--against", text(folder.path())]].concat();
    says(&words, 0, &["60 pages from ", "would have reached others.", "nobody", " instead of Ana Ruiz"]);
    let told = read(&words)?;
    let count = |side: &str, who: &str| told[side]["people"][who]["pages"].as_u64().unwrap_or_default();
    assert_eq!((count("before", "ana") + count("before", "ben"), count("after", "ana")), (60, 0));
    let nobody = told["after"]["nobody"].as_array().map_or(0, Vec::len) as u64;
    ensure!(nobody > 0 && count("after", "ben") + nobody == 60, "{told:#}");
    assert_eq!(told["after"]["people"]["ben"]["pages_at_night"], json!(0), "the window ends at eight");
    Ok(())
}

#[test]
fn a_configuration_beside_the_data_is_what_others_are_compared_with() -> Result<()> {
    let (folder, data) = (weekly()?, tempfile::tempdir()?);
    let (place, proposed) = (text(data.path()), text(folder.path()));
    says(&["simulate-history", "--data", place, "--incidents", "20", "--days", "30"], 0, &["20 invented incidents"]);
    let preview = ["rota", "preview", "--config", proposed, "--against-data", place, "--from", "2026-12-07 09:00"];
    says(&preview, 0, &["people on payments", "people on team"]);
    // Its schedule is gone from the proposed one, so that every page of it would reach nobody.
    let told = read(&["rota", "replay", "--config", proposed, "--data", place])?;
    assert_eq!((&told["pages"], told["after"]["nobody"].as_array().map(Vec::len)), (&json!(20), Some(20)), "{told:#}");
    assert_eq!(told["before"]["nobody"], json!([]));
    let nowhere = ["rota", "preview", "--config", proposed, "--against-data", proposed];
    says(&nowhere, 1, &["has no configuration beside its log; name one with --against DIR"]);
    Ok(())
}

#[test]
fn beside_another_tool_each_difference_is_named() -> Result<()> {
    let folder = weekly()?;
    let data = history(folder.path())?;
    let ours = pages(data.path())?;
    let file = data.path().join("theirs.jsonl");
    let line = |(at, alarm, person): &(String, String, String)| {
        let person = if person == "ana" { "ANA@example.com" } else { "Ben Okafor" };
        json!({ "at": at, "alarm": alarm, "person": person }).to_string()
    };
    let same: Vec<String> = ours.iter().map(line).collect();
    let words = ["shadow", "--theirs", text(&file), "--since", "61d", "--data", text(data.path()), "--config"];
    let words = [&words[..], &[text(folder.path()), "--fail-on-difference"]].concat();
    fs::write(&file, same.join("\n"))?;
    says(
        &words,
        0,
        &["60 of 60 pages went to the same person, half of them within 0 s", "0 to another, 0 only there, 0 only here"],
    );

    let mut theirs = same.clone();
    let other = ("2099-01-01T00:00:00Z".to_owned(), "only theirs".to_owned(), "ana".to_owned());
    theirs[0] = line(&other);
    let (at, alarm, _) = &ours[1];
    theirs[1] = json!({ "at": at, "alarm": alarm, "person": "Chi Lin" }).to_string();
    fs::write(&file, theirs.join("\n"))?;
    let told =
        ["58 of 61 pages went to the same person", "1 to another, 1 only there, 1 only here", "there chi, here "];
    says(&words, 1, &told);
    fs::write(&file, "no json\n")?;
    says(&words, 1, &["theirs.jsonl:1 is no page; a line is {\"at\""]);
    Ok(())
}

/// The files below `rota/` of a configuration.
fn rota_files(folder: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder.join("rota"))? {
        let path = entry?.path();
        files.insert(path.clone(), fs::read_to_string(&path)?);
    }
    Ok(files)
}

#[test]
fn another_tools_rota_comes_over_with_a_tick_or_a_reason() -> Result<()> {
    for tool in ["pagerduty", "opsgenie", "grafana-oncall", "goalert"] {
        let folder = weekly()?;
        let (out, export) = (text(folder.path()), root().join("tests/corpus/import").join(tool));
        let words = ["import", tool, text(&export)];
        let before = rota_files(folder.path())?;
        says(&words, 0, &["✅ user ", "imported, ", "Nothing is written. --out DIR"]);
        says(&[&words[..], &["--out", out, "--plan"]].concat(), 0, &["Nothing is written", ": new"]);
        assert_eq!(before, rota_files(folder.path())?, "{tool}: a plan writes nothing");

        let written = catops(&[&words[..], &["--out", out]].concat());
        // A build without AWS finds telephone numbers that it cannot send to, and nothing else.
        let linted = catops(&["lint", out]);
        let mistakes = linted.stdout.lines().filter(|line| line.contains(": ") && !line.contains("has no AWS"));
        assert_eq!(
            mistakes.filter(|line| !["ok: ", "warning: ", "escalation "].iter().any(|is| line.starts_with(is))).count(),
            0,
            "{tool}: {}",
            linted.stdout
        );
        let code = linted.code.context("a code")?;
        assert_eq!(written.code, Some(code), "{tool}: what is written is linted: {}{}", written.stdout, written.stderr);
        let first = rota_files(folder.path())?;
        ensure!(
            first.len() > before.len() && before.iter().all(|(path, text)| first.get(path) == Some(text)),
            "{tool}"
        );

        says(&[&words[..], &["--out", out]].concat(), code, &[": unchanged"]);
        assert_eq!(first, rota_files(folder.path())?, "{tool}: twice is once");

        let changed = first.keys().find(|path| !before.contains_key(*path)).context("a new file")?;
        fs::write(changed, format!("{}\n# by hand\n", first[changed]))?;
        says(&[&words[..], &["--out", out]].concat(), 1, &["would be replaced", "--force does it"]);
        ensure!(fs::read_to_string(changed)?.contains("# by hand"), "{tool}: nothing is replaced silently");
        says(&[&words[..], &["--out", out, "--force"]].concat(), code, &[": changed"]);
        assert_eq!(first, rota_files(folder.path())?, "{tool}");
    }
    Ok(())
}

#[test]
fn a_file_for_which_nothing_is_left_goes_only_when_that_was_said() -> Result<()> {
    let (folder, export) = (weekly()?, tempfile::tempdir()?);
    let file = export.path().join("users.json");
    let users = |slack: &str| json!({ "users": [{ "id": "U1", "username": "eve", "email": "eve@example.com", "slack": [{ "user_id": slack, "team_id": "T1" }] }] });
    fs::write(&file, users("U0EVE").to_string())?;
    let words = ["import", "grafana-oncall", text(&file), "--out", text(folder.path())];
    says(&words, 0, &["rota/grafana-oncall-people.toml: new"]);
    let people = folder.path().join("rota/grafana-oncall-people.toml");
    ensure!(fs::read_to_string(&people)?.contains("[people.eve]"), "eve is in it");
    // The export has Eve no longer, but somebody who is in the files of other hands.
    let ana = users("U0ANA").to_string().replace("eve@example.com", "ana@example.com");
    fs::write(&file, ana)?;
    says(&words, 1, &["grafana-oncall-people.toml would be replaced by another text or taken away"]);
    ensure!(people.exists(), "nothing goes silently");
    says(&[&words[..], &["--plan"]].concat(), 0, &["rota/grafana-oncall-people.toml: nothing is left for it"]);
    says(&[&words[..], &["--force"]].concat(), 0, &["nothing is left for it", "ok: "]);
    ensure!(!people.exists(), "it was said");
    Ok(())
}

#[test]
fn overrides_that_are_still_to_come_are_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let export = fs::read_to_string(root().join("tests/corpus/import/goalert/goalert.json"))?;
    let (old, new) = (folder.path().join("old.json"), folder.path().join("new.json"));
    fs::write(&old, &export)?;
    fs::write(&new, export.replace("2026-03-07", "2099-03-07"))?;
    let said = says(&["import", "goalert", text(&old)], 0, &["3 overrides of the export: over, and left out"]);
    ensure!(!said.stdout.contains("make these again"), "{}", said.stdout);
    let to_come = [
        "2 overrides of the export: over",
        "make these again in CatOps",
        "  ops: 2099-03-07 16:00 to 2099-03-07 22:00 UTC, Chi Lam\n",
    ];
    says(&["import", "goalert", text(&new)], 0, &to_come);
    Ok(())
}

#[test]
fn a_version_is_told() {
    says(&["version"], 0, &[concat!("catops ", env!("CARGO_PKG_VERSION"), "\nwith")]);
    says(&["--version"], 0, &[concat!("catops ", env!("CARGO_PKG_VERSION"), "\nwith")]);
}
