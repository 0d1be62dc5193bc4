//! The corpus `tests/corpus/import/TOOL/*.json`: what each export becomes, and that it means the same.

use super::{FileChange, Outcome, Plan, Tool, plan};
use crate::{Rota, on_duty};
use chrono::{DateTime, Utc};
use std::fs;
use std::path::PathBuf;

/// The documents of a tool's sample, by name.
pub(super) fn corpus(tool: Tool) -> Vec<(String, String)> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus/import")).join(tool.word());
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap())).collect()
}

fn nothing() -> [(String, String); 0] {
    []
}

fn planned(tool: Tool) -> Plan {
    plan(tool, &corpus(tool), &nothing())
}

pub(super) fn texts(plan: &Plan) -> Vec<(&str, &str)> {
    plan.files.iter().map(|file| (file.path.as_str(), file.text.as_str())).collect()
}

/// The plan as people see it: a line for each object, then the files.
fn shown(plan: &Plan) -> String {
    let objects = plan.objects.iter().map(|object| format!("{object}\n"));
    let files = plan.files.iter().map(|file| format!("\n==== {}\n{}", file.path, file.text));
    objects.chain(files).collect()
}

/// Who is on call, in the order of the alphabet.
#[track_caller]
fn on_call_at(plan: &Plan, schedule: &str, times: &[(&str, &str)]) {
    let rota = Rota::parse(&texts(plan)).unwrap();
    for (at, expected) in times {
        let instant: DateTime<Utc> = at.parse().unwrap();
        let (people, _) = on_duty(&rota, schedule, &plan.operations, instant).unwrap();
        let mut people: Vec<&str> = people.into_iter().map(incident::ResponderId::as_str).collect();
        people.sort_unstable();
        assert_eq!(people.join(" "), *expected, "{schedule} at {at}");
    }
}

#[test]
fn pagerduty_becomes_these_files() {
    insta::assert_snapshot!(shown(&planned(Tool::PagerDuty)));
}

#[test]
fn pagerduty_and_the_files_name_the_same_people() {
    let plan = planned(Tool::PagerDuty);
    let [check] = plan.checks.as_slice() else { panic!("one schedule of the sample is rendered: {:?}", plan.checks) };
    assert_eq!((check.schedule.as_str(), check.differences.as_slice()), ("payments-primary", &[][..]));
    assert_eq!(check.to_string(), "payments-primary: the same people as there for 191 h", "the clocks went forward");
    // By hand, from the sample's `final_schedule`.
    let times = [
        ("2026-03-23T08:59:59+01:00", "ana-ruiz"),
        ("2026-03-23T09:00:00+01:00", "dan"),
        ("2026-03-25T03:00:00+01:00", "ben-ode"),
        ("2026-03-28T12:00:00+01:00", "ana-ruiz"),
        ("2026-03-30T08:59:00+02:00", "ben-ode"),
        ("2026-03-30T09:00:00+02:00", "chi-lam"),
        ("2026-03-30T18:00:00+02:00", "ana-ruiz"),
    ];
    on_call_at(&plan, "payments-primary", &times);
    // By hand, from the layers: turns of 12 hours from Sat 31 Jan 20:00, open for 12 hours; the weekend wins.
    let times = [
        ("2026-02-01T02:00:00-05:00", "ana-ruiz-2"),
        ("2026-02-01T21:00:00-05:00", "chi-lam"),
        ("2026-02-02T21:00:00-05:00", "ben-ode"),
        ("2026-02-02T12:00:00-05:00", ""),
        ("2026-02-08T08:00:00-05:00", "dan"),
        ("2026-02-09T08:59:00-05:00", "dan"),
        ("2026-02-14T12:00:00-05:00", ""),
    ];
    on_call_at(&plan, "nights-weekends", &times);
}

#[test]
fn the_order_of_layers_that_the_export_shows_wins_over_the_order_in_which_it_lists_them() {
    let mut documents = corpus(Tool::PagerDuty);
    let schedules = documents.iter_mut().find(|(path, _)| path.ends_with("schedules.json")).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&schedules.1).unwrap();
    value["schedules"][0]["schedule_layers"].as_array_mut().unwrap().reverse();
    schedules.1 = value.to_string();
    let turned = plan(Tool::PagerDuty, &documents, &nothing());
    assert_eq!(turned.checks[0].differences, []);
    on_call_at(&turned, "payments-primary", &[("2026-03-23T10:00:00+01:00", "dan")]);
    let schedule = turned.objects.iter().find(|object| object.name == "Payments Primary").unwrap();
    assert!(matches!(&schedule.outcome, Outcome::ImportedWith(caveats) if caveats[0].contains("order of its layers")));
}

#[test]
fn what_the_export_shows_otherwise_is_said() {
    let mut documents = corpus(Tool::PagerDuty);
    let schedules = documents.iter_mut().find(|(path, _)| path.ends_with("schedules.json")).unwrap();
    // The week's turn of Ben from Friday evening, given to Dan by no rule that the export shows.
    let before = "\"end\": \"2026-03-28T10:00:00+01:00\", \"user\": { \"id\": \"PBEN001\"";
    assert_eq!(schedules.1.matches(before).count(), 1);
    schedules.1 = schedules.1.replace(before, &before.replace("PBEN001", "PDAN001"));
    let plan = plan(Tool::PagerDuty, &documents, &nothing());
    let schedule = plan.objects.iter().find(|object| object.name == "Payments Primary").unwrap();
    let said = "⚠️ schedule Payments Primary: from 2026-03-27 16:00 to 2026-03-28 09:00 UTC PagerDuty has dan on call, these files ben-ode";
    assert_eq!(schedule.to_string(), said);
    assert_eq!(plan.checks[0].to_string(), "payments-primary: other people than there for 17 h of 191 h");
}

/// A second run over the files of the first changes nothing, whatever the order of documents and objects.
#[test]
fn the_same_export_gives_the_same_bytes() {
    for tool in Tool::ALL {
        let mut documents = corpus(tool);
        let first = plan(tool, &documents, &nothing());
        assert!(first.files.iter().all(|file| file.change == FileChange::New), "{tool:?}");
        documents.reverse();
        for (_, text) in &mut documents {
            let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
            let lists = value.as_object_mut().unwrap().values_mut().filter_map(serde_json::Value::as_array_mut);
            lists.for_each(|list| list.reverse());
            *text = value.to_string();
        }
        let existing: Vec<(String, String)> =
            first.files.iter().map(|file| (file.path.clone(), file.text.clone())).collect();
        let second = plan(tool, &documents, &existing);
        assert!(second.files.iter().all(|file| file.change == FileChange::Unchanged), "{tool:?}: {second:#?}");
        assert_eq!((&first.objects, &first.operations), (&second.objects, &second.operations), "{tool:?}");
    }
}

#[test]
fn every_plan_of_the_corpus_is_a_rota_without_mistakes() {
    for tool in Tool::ALL {
        let plan = planned(tool);
        assert_eq!(plan.problems, [], "{tool:?}");
        Rota::parse(&texts(&plan)).unwrap();
    }
}

#[test]
fn people_who_are_there_keep_their_names_and_what_was_added_stays() {
    let team = "[people.boss]\nslack = \"U0ANA\"\nemail = \"Ana@Example.com\"\n[people.dan]\nslack = \"U0OTHER\"\n\
                [escalation.default]\nlevels = [{ page = [\"boss\"] }]\n[escalation.payments]\nservices = [\"Ledger\"]\nlevels = [{ page = [\"boss\"] }]\n";
    let first = plan(Tool::PagerDuty, &corpus(Tool::PagerDuty), &[("rota/team.toml", team)]);
    assert_eq!(first.problems, []);
    let people = &first.files[0].text;
    assert!(!people.contains("ana@example.com"), "she is in the other file: {people}");
    assert!(people.contains("[people.dan-2]\nname = \"Dan\"\nemail = \"dan@example.com\""), "{people}");
    assert!(first.files[1].text.contains("rotation = [\"boss\", \"ben-ode\"]"));
    let policies = &first.files[2].text;
    assert!(!policies.contains("[escalation.default]"), "there is one already: {policies}");
    assert!(policies.contains("[escalation.payments-2]\nservices = [\"checkout-api\"]"), "{policies}");
    let ledger = first.objects.iter().find(|object| object.name == "Ledger").unwrap();
    assert_eq!(
        ledger.to_string(),
        "❌ service Ledger: a service of that name is served by [escalation.payments] already"
    );

    let with_slack = people.replace("[people.chi-lam]\n", "[people.chi-lam]\nslack = \"U0CHI\"\n");
    let files = [("rota/team.toml", team), ("rota/pagerduty-people.toml", with_slack.as_str())];
    let second = plan(Tool::PagerDuty, &corpus(Tool::PagerDuty), &files);
    assert!(second.files[0].text.contains("name = \"Chi Lam\"\nslack = \"U0CHI\"\n"), "{}", second.files[0].text);
    assert_eq!(second.problems, []);
}

#[test]
fn opsgenie_becomes_these_files() {
    insta::assert_snapshot!(shown(&planned(Tool::Opsgenie)));
}

#[test]
fn grafana_oncall_becomes_these_files() {
    insta::assert_snapshot!(shown(&planned(Tool::GrafanaOnCall)));
}

#[test]
fn goalert_becomes_these_files() {
    insta::assert_snapshot!(shown(&planned(Tool::GoAlert)));
}

#[test]
fn opsgenie_has_all_rotations_on_call_together() {
    // By hand, from the sample: weeks of Ana, nobody, Ben from Mon 5 Jan 09:00; nights of two days from the same time.
    let times = [
        ("2026-01-05T10:00:00+01:00", "ana-ruiz"),
        ("2026-01-06T07:59:00+01:00", "ana-ruiz dan-example-com"),
        ("2026-01-06T19:59:00+01:00", "ana-ruiz"),
        ("2026-01-07T21:00:00+01:00", "chi-lam"),
        ("2026-01-10T03:00:00+01:00", "ana-ruiz dan-example-com"),
        ("2026-01-12T08:59:00+01:00", "ana-ruiz"),
        ("2026-01-12T09:00:00+01:00", ""),
        ("2026-01-19T12:00:00+01:00", "ben-okafor"),
        ("2026-02-03T12:00:00+01:00", "ben-okafor"),
        ("2027-01-05T21:00:00+01:00", ""),
    ];
    let plan = planned(Tool::Opsgenie);
    on_call_at(&plan, "payments-schedule", &times);
    assert_eq!((plan.checks.len(), plan.checks[0].differences.as_slice()), (1, &[][..]));
}

#[test]
fn grafana_oncall_and_the_files_name_the_same_people() {
    let plan = planned(Tool::GrafanaOnCall);
    assert_eq!(plan.checks.len(), 1);
    assert_eq!(plan.checks[0].differences, []);
    // By hand: Ana and Chi on the Monday and Saturday nights of every second week, weeks from Sunday; the week goes on.
    let times = [
        ("2026-04-06T21:59:00+02:00", "ana"),
        ("2026-04-06T23:00:00+02:00", "ana chi"),
        ("2026-04-07T07:00:00+02:00", "ana"),
        ("2026-04-12T06:59:00+02:00", "ana chi"),
        ("2026-04-13T23:00:00+02:00", "ben"),
        ("2026-04-18T23:00:00+02:00", "ben"),
        ("2026-04-20T23:00:00+02:00", "ana chi"),
        ("2026-06-01T00:30:00+02:00", "ben"),
    ];
    on_call_at(&plan, "payments", &times);
}

#[test]
fn goalert_and_the_files_name_the_same_people() {
    let plan = planned(Tool::GoAlert);
    let [check] = plan.checks.as_slice() else { panic!("one schedule of the sample has shifts: {:?}", plan.checks) };
    assert_eq!((check.schedule.as_str(), check.differences.as_slice()), ("ops", &[][..]));
    // By hand, from the sample's `shifts`.
    let times = [
        ("2026-03-06T10:00:00-06:00", "ana-ruiz dan"),
        ("2026-03-07T12:00:00-06:00", "chi-lam"),
        ("2026-03-09T08:59:00-05:00", "ana-ruiz"),
        ("2026-03-09T17:00:00-05:00", "ben-okafor"),
        ("2026-03-10T03:00:00-05:00", "dan"),
        ("2026-03-10T07:00:00-05:00", ""),
        ("2026-03-10T12:00:00-05:00", "ben-okafor dan"),
    ];
    on_call_at(&plan, "ops", &times);
    // By hand: Dan is active until 5 March 08:00 UTC, and 12 hours before and after it is Chi.
    let times = [("2026-03-05T07:59:00Z", "dan"), ("2026-03-05T08:00:00Z", "chi-lam"), ("2026-03-05T20:00:00Z", "dan")];
    on_call_at(&plan, "backup", &times);
}

/// The answers of the API as they come, the list of schedules without layers and each schedule alone, are the same export.
#[test]
fn raw_answers_are_an_export() {
    let documents = corpus(Tool::PagerDuty);
    let mut raw = Vec::new();
    for (path, text) in &documents {
        let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
        if let Some(list) = value.get_mut("schedules").and_then(serde_json::Value::as_array_mut) {
            let summary = |schedule: &serde_json::Value| serde_json::json!({ "id": schedule["id"], "type": "schedule", "name": schedule["name"], "time_zone": schedule["time_zone"] });
            let summaries: Vec<serde_json::Value> = list.iter().map(summary).collect();
            let whole = std::mem::replace(list, summaries);
            let alone = whole.iter().enumerate();
            raw.extend(alone.map(|(number, schedule)| {
                (format!("one-{number}.json"), serde_json::json!({ "schedule": schedule }).to_string())
            }));
        }
        raw.push((path.clone(), value.to_string()));
    }
    assert_eq!(raw.len(), documents.len() + 3);
    assert_eq!(plan(Tool::PagerDuty, &raw, &nothing()), planned(Tool::PagerDuty));
    // A bare list, and lists that only the file's name tells apart.
    let users = r#"[{"id": "U1", "email": "ana@example.com", "username": "ana"}]"#;
    let shifts = r#"{"count": 0, "results": []}"#;
    let documents = [
        ("out/users-1.json", users),
        ("out/on_call_shifts.json", shifts),
        ("out/broken.json", "{"),
        ("out/number.json", "1"),
    ];
    let plan = plan(Tool::GrafanaOnCall, &documents, &nothing());
    let lines: Vec<String> = plan.objects.iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("❌ file out/broken.json: is not JSON: "), "{lines:?}");
    assert_eq!(lines[1], "❌ file out/number.json: holds neither an object nor a list");
    assert_eq!(lines[2], "✅ user ana");
}

/// Somebody of the same name who comes first in the export does not get the name of somebody whom the log knows.
#[test]
fn people_keep_their_ids_when_others_come_and_files_become_empty_when_they_go() {
    let export = |users: &str| [("users.json".to_owned(), format!("{{\"users\": [{users}]}}"))];
    let ana = r#"{"id": "P2", "name": "Ana", "email": "ana@example.com"}"#;
    let other = r#"{"id": "P1", "name": "Ana", "email": "another@example.com"}"#;
    let team = (
        "rota/team.toml",
        "[people.boss]\nslack = \"U0BOSS\"\n[escalation.default]\nlevels = [{ page = [\"boss\"] }]\n",
    );
    let beside = |plan: &Plan| -> Vec<(String, String)> {
        let files = texts(plan).into_iter().chain([team]);
        files.map(|(path, text)| (path.to_owned(), text.to_owned())).collect()
    };
    let first = plan(Tool::PagerDuty, &export(ana), &[team]);
    let second = plan(Tool::PagerDuty, &export(&format!("{other}, {ana}")), &beside(&first));
    let people = &second.files[0].text;
    assert!(people.contains("[people.ana]\nname = \"Ana\"\nemail = \"ana@example.com\""), "{people}");
    assert!(people.contains("[people.ana-2]\nname = \"Ana\"\nemail = \"another@example.com\""), "{people}");
    let gone = plan(Tool::PagerDuty, &export(""), &beside(&second));
    assert_eq!(gone.problems, []);
    assert_eq!(gone.files.len(), 1);
    assert!(gone.files.iter().all(|file| file.text.is_empty() && file.change == FileChange::Changed), "{gone:?}");
    let again = plan(Tool::PagerDuty, &export(""), &beside(&gone));
    assert!(again.files.iter().all(|file| file.change == FileChange::Unchanged), "{again:?}");
}
