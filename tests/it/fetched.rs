//! Another tool's rota asked for over its API: pages, rate limits, refusals, half an answer. The tool is a small server here.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use tests::{Said, catops, catops_with, root, text};

use crate::receiver::{Receiver, Told};

const TOKEN: &str = "secret-token-1";

/// What a tool lists, from the corpus of exports.
fn listed(tool: &str, file: &str, key: &str) -> Result<Vec<Value>> {
    let path = root().join("tests/corpus/import").join(tool).join(file);
    let document: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
    let list = document.get(key).or_else(|| document.get("data")).or_else(|| document.get("results"));
    list.and_then(Value::as_array).cloned().with_context(|| format!("{key} in {}", path.display()))
}

fn ask(tool: &str, url: &str, more: &[&str]) -> Said {
    let words = ["import", tool, url, "--token-env", "OTHER_TOKEN", "--plan"];
    catops_with(&[&words[..], more].concat(), &[("OTHER_TOKEN", TOKEN.to_owned())])
}

#[track_caller]
fn says(said: &Said, code: i32, wanted: &[&str]) {
    let all = format!("{}{}", said.stdout, said.stderr);
    assert_eq!(said.code, Some(code), "{all}");
    wanted.iter().for_each(|part| assert!(all.contains(part), "{part:?} is not in:\n{all}"));
    assert!(!all.contains(TOKEN), "the token is in no message:\n{all}");
}

/// The part of an address behind the host.
fn path(told: &Told) -> String {
    told.line.split(' ').nth(1).unwrap_or_default().to_owned()
}

fn parameter(told: &Told, name: &str) -> Option<usize> {
    let (_, query) = path(told).split_once('?').map(|(a, b)| (a.to_owned(), b.to_owned()))?;
    query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))?.parse().ok())
}

/// PagerDuty with the objects of the corpus, two in a page.
fn pagerduty() -> Result<impl Fn(&Told) -> (&'static str, String) + Send + Sync + 'static> {
    let users = listed("pagerduty", "people.json", "users")?;
    let policies = listed("pagerduty", "escalation_policies.json", "escalation_policies")?;
    let services = listed("pagerduty", "services.json", "services")?;
    let schedules = listed("pagerduty", "schedules.json", "schedules")?;
    Ok(move |told: &Told| {
        let offset = parameter(told, "offset").unwrap_or_default();
        let page = |key: &str, all: &[Value]| {
            let page: Vec<&Value> = all.iter().skip(offset).take(2).collect();
            json!({ key: page, "limit": 2, "offset": offset, "more": offset + 2 < all.len() }).to_string()
        };
        let path = path(told);
        let words: Vec<&str> = path.split('?').next().unwrap_or_default().split('/').skip(1).collect();
        match words[..] {
            ["users"] => ("200 OK", page("users", &users)),
            ["teams"] => ("200 OK", page("teams", &[])),
            ["escalation_policies"] => ("200 OK", page("escalation_policies", &policies)),
            ["services"] => ("200 OK", page("services", &services)),
            ["schedules"] => ("200 OK", page("schedules", &schedules)),
            ["schedules", _, "overrides"] => ("200 OK", json!({ "overrides": [] }).to_string()),
            ["schedules", id] => match schedules.iter().find(|schedule| schedule["id"] == id) {
                Some(schedule) => ("200 OK", json!({ "schedule": schedule }).to_string()),
                None => ("404 Not Found", String::new()),
            },
            _ => ("404 Not Found", String::new()),
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_gives_the_same_rota_as_its_export_page_by_page() -> Result<()> {
    let server = Receiver::new(pagerduty()?).await?;
    let folder = tempfile::tempdir()?;
    let kept = folder.path().join("kept");
    let said = ask("pagerduty", &server.url, &["--save", text(&kept)]);
    says(&said, 0, &["✅ user ", "imported, ", "Nothing is written. --out DIR", "of users ("]);
    for told in server.told() {
        ensure!(told.line.starts_with("GET "), "only reads: {}", told.line);
        ensure!(told.headers.get("authorization").is_some_and(|value| value == &format!("Token token={TOKEN}")));
    }
    let pages = server.told().iter().filter(|told| path(told).starts_with("/users")).count();
    ensure!(pages > 1, "several pages: {pages}");

    // What was kept is read like any export, and says the same.
    let again = catops(&["import", "pagerduty", text(&kept), "--plan"]);
    says(&again, 0, &[]);
    assert_eq!(again.stdout, said.stdout);
    let file = |place: &Path| fs::read_to_string(place.join("users.json"));
    ensure!(!file(&kept)?.contains(TOKEN), "the token is in no file");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_questions_wait_as_long_as_they_are_told() -> Result<()> {
    let (answer, refused) = (pagerduty()?, Mutex::new(0));
    let server = Receiver::new(move |told| {
        let mut refused = refused.lock().expect("no test panics with it");
        if path(told).starts_with("/services") && *refused < 2 {
            *refused += 1;
            return ("429 Too Many Requests\r\nretry-after: 1", String::new());
        }
        answer(told)
    })
    .await?;
    says(&ask("pagerduty", &server.url, &[]), 0, &["429 Too Many Requests; asking again in 1 s", "imported, "]);
    let asked: Vec<_> = server.told().into_iter().filter(|told| path(told).starts_with("/services")).collect();
    ensure!(asked[1].at - asked[0].at >= std::time::Duration::from_secs(1), "it waited");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_in_whole_is_not_imported() -> Result<()> {
    let refusing = Receiver::new(|_| ("401 Unauthorized", format!("no such token: {TOKEN}"))).await?;
    says(&ask("pagerduty", &refusing.url, &[]), 1, &["does not know the token (401)", "GET /users"]);
    assert_eq!(refusing.told().len(), 1, "a refusal is not repeated");

    let answer = pagerduty()?;
    let broken = Receiver::new(move |told| match answer(told) {
        (status, body) if path(told).starts_with("/schedules/") => {
            (status, body.chars().take(body.len() / 2).collect())
        }
        whole => whole,
    })
    .await?;
    says(&ask("pagerduty", &broken.url, &[]), 1, &["the answer is not whole JSON"]);

    let patient = Receiver::new(|_| ("429 Too Many Requests\r\nretry-after: 7200", String::new())).await?;
    says(&ask("pagerduty", &patient.url, &[]), 1, &["7200 s of patience"]);

    let leading = Receiver::new(|_| {
        ("200 OK", json!({ "results": [], "next": "https://elsewhere.example/api/v1/users/?page=2" }).to_string())
    })
    .await?;
    says(&ask("grafana-oncall", &leading.url, &[]), 1, &["on another host; the token is not sent there"]);
    Ok(())
}

#[test]
fn a_token_goes_to_https_only_and_never_stands_on_the_command_line() {
    says(&ask("pagerduty", "http://api.pagerduty.example", &[]), 1, &["is not https"]);
    says(&ask("pagerduty", "https://me:pass@api.pagerduty.example", &[]), 1, &["has a user or a query in it"]);
    says(&catops(&["import", "pagerduty", "https://api.pagerduty.example"]), 1, &["--token-env NAME says which"]);
    let words = ["import", "pagerduty", "https://api.pagerduty.example", "--token-env", "NO_SUCH_VARIABLE"];
    says(&catops(&words), 1, &["the environment has no NO_SUCH_VARIABLE"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_followed_by_their_links() -> Result<()> {
    let mut lists = Vec::new();
    for (kind, file) in
        [("users", "users.json"), ("on_call_shifts", "on_call_shifts.json"), ("schedules", "schedules.json")]
    {
        lists.push((kind, listed("grafana-oncall", file, kind)?));
    }
    let server = Receiver::new(move |told| {
        let (path, number) = (path(told), parameter(told, "page").unwrap_or(1));
        let kind = path.split('/').nth(3).unwrap_or_default();
        if path.contains("/final_shifts") {
            return ("200 OK", json!({ "results": [], "next": null }).to_string());
        }
        let Some((_, all)) = lists.iter().find(|(name, _)| *name == kind) else {
            return ("200 OK", json!({ "count": 0, "next": null, "previous": null, "results": [] }).to_string());
        };
        let page: Vec<&Value> = all.iter().skip(2 * (number - 1)).take(2).collect();
        let next = (2 * number < all.len()).then(|| format!("/api/v1/{kind}/?page={}", number + 1));
        ("200 OK", json!({ "count": all.len(), "next": next, "previous": null, "results": page }).to_string())
    })
    .await?;
    // The address as the tool's own settings show it, with the version in it.
    let said = ask("grafana-oncall", &format!("{}/api/v1", server.url), &[]);
    says(&said, 0, &["✅ user ", "imported, "]);
    ensure!(server.told().iter().all(|told| told.headers.get("authorization").is_some_and(|value| value == TOKEN)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_listed_briefly_is_asked_for_in_whole() -> Result<()> {
    let mut lists = vec![("users", listed("opsgenie", "users.json", "users")?)];
    for kind in ["teams", "schedules", "escalations", "services"] {
        lists.push((kind, listed("opsgenie", "export.json", kind)?));
    }
    let server = Receiver::new(move |told| {
        let path = path(told);
        let words: Vec<&str> = path.split('?').next().unwrap_or_default().split('/').skip(2).collect();
        let all = lists.iter().find(|(kind, _)| words.first() == Some(kind)).map_or(&[][..], |(_, all)| all);
        let data = match words[..] {
            [_] => json!(all),
            [_, id] => all.iter().find(|object| object["id"] == id).cloned().unwrap_or_default(),
            [.., "overrides"] => json!([]),
            _ => json!({ "finalTimeline": { "rotations": [] } }),
        };
        ("200 OK", json!({ "data": data, "took": 0.1, "requestId": "r" }).to_string())
    })
    .await?;
    says(
        &ask("opsgenie", &server.url, &[]),
        0,
        &["✅ user Ana Ruiz", "✅ rotation payments_schedule / Days", "imported, "],
    );
    let signed =
        |told: &Told| told.headers.get("authorization").is_some_and(|value| value == &format!("GenieKey {TOKEN}"));
    ensure!(server.told().iter().all(|told| told.line.starts_with("GET ") && signed(told)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graphql_api_is_queried_and_older_servers_by_older_fields() -> Result<()> {
    let text = fs::read_to_string(root().join("tests/corpus/import/goalert/goalert.json"))?;
    let export: Value = serde_json::from_str(&text)?;
    let server = Receiver::new(move |told| {
        let body: Value = serde_json::from_str(&told.body).unwrap_or_default();
        let query = body["query"].as_str().unwrap_or_default();
        let list = query.trim_start_matches("query { ").split('(').next().unwrap_or_default();
        if query.contains("dest {") {
            let error =
                json!({ "errors": [{ "message": "Cannot query field \"dest\" on type \"UserContactMethod\"." }] });
            return ("200 OK", error.to_string());
        }
        // Users come one by one.
        let all = export["data"][list]["nodes"].as_array().cloned().unwrap_or_default();
        let after: usize =
            query.split("after: \"").nth(1).and_then(|rest| rest.split('"').next()?.parse().ok()).unwrap_or(0);
        let page: Vec<Value> = all.iter().skip(after).take(1).cloned().collect();
        let more = after + 1 < all.len();
        let info = json!({ "hasNextPage": more, "endCursor": (after + 1).to_string() });
        ("200 OK", json!({ "data": { list: { "nodes": page, "pageInfo": info } } }).to_string())
    })
    .await?;
    says(&ask("goalert", &server.url, &[]), 0, &["✅ user ", "imported, ", "4 of users"]);
    for told in server.told() {
        ensure!(told.line.starts_with("POST /api/graphql "), "{}", told.line);
        ensure!(told.body.contains("query {") && !told.body.contains("mutation"), "{}", told.body);
        ensure!(told.headers.get("authorization").is_some_and(|value| value == &format!("Bearer {TOKEN}")));
    }
    Ok(())
}

#[test]
fn printing_into_a_closed_pipe_ends_quietly() -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("rota"))?;
    fs::create_dir(folder.path().join("runbooks"))?;
    fs::write(folder.path().join("catops.toml"), "")?;
    let rota = "[people]\nana = { slack = \"U0ANA\" }\nben = { slack = \"U0BEN\" }\n[schedules.s]\nzone = \"UTC\"\n\
        [[schedules.s.layers]]\nrotation = [\"ana\", \"ben\"]\nhandoff = \"2026-01-05 09:00\"\nevery = \"1 day\"\n\
        [escalation.default]\nlevels = [{ page = [\"schedule:s\"] }]\n";
    fs::write(folder.path().join("rota/team.toml"), rota)?;
    // Far more than a pipe holds, so that the command is still printing when `head` has gone.
    let words = "oncall s --from '2026-01-05 09:00' --to '2036-01-05 09:00'";
    let script =
        format!("{} {words} --config . 2>err | head -n 1; echo \"${{PIPESTATUS[0]}}\"", tests::binary().display());
    let output = std::process::Command::new("bash").args(["-c", &script]).current_dir(folder.path()).output()?;
    let (told, printed) = (fs::read_to_string(folder.path().join("err"))?, String::from_utf8(output.stdout)?);
    assert_eq!(told, "");
    ensure!(printed.starts_with("s, Mon 5 Jan 2026 09:00") && printed.ends_with("\n141\n"), "{printed}");
    Ok(())
}
