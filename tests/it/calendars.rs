//! Calendars from both sides: a program subscribes to ours until its address is revoked, and sees what an override does; what
//! others keep becomes a plan.

use anyhow::{Context, Result};
use log::{Append, EventLog as _, Expected, Head, NewEvent, StreamId, StreamWrite};
use reqwest::header::{HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tests::{Home, Server, catops, text};

const ROTA: &str = r#"
[people]
ana = { name = "Ana Ruiz", slack = "U0ANA" }
ben = { name = "Ben Okafor", slack = "U0BEN" }
[schedules.payments]
zone = "Europe/Madrid"
[[schedules.payments.layers]]
name = "daily"
rotation = ["ana", "ben"]
handoff = "2026-01-05 09:00"
every = "1 day"
[[escalation.default.levels]]
page = ["schedule:payments"]
wait = "10m"
"#;

fn home() -> Result<Home> {
    let home = Home::of_ana("public_url = \"https://catops.example.com/\"\n")?;
    fs::write(home.config.join("rota/team.toml"), ROTA)?;
    let early =
        catops(&["calendar", "open", "ana", "--by", "ana", "--config", text(&home.config), "--data", text(&home.data)]);
    assert!(early.code == Some(1) && early.stderr.contains("name the folder with --data"), "{}", early.stderr);
    assert!(!home.data.exists(), "nothing is made by mistake");
    home.serve(&[])?.kill();
    Ok(home)
}

/// Opens a feed, and returns the path of its address.
fn open(home: &Home, whose: &str) -> Result<String> {
    let (config, data) = (text(&home.config), text(&home.data));
    let said = catops(&["calendar", "open", whose, "--by", "ana", "--config", config, "--data", data, "--json"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let told: Value = serde_json::from_str(&said.stdout)?;
    let address = told["address"].as_str().context("an address")?;
    Ok(address.strip_prefix("https://catops.example.com").context("the address of this server")?.to_owned())
}

/// What a calendar program sees: the status, the headers that say something about the calendar, and the calendar.
async fn read(
    server: &Server,
    path: &str,
    headers: &[(reqwest::header::HeaderName, &str)],
) -> Result<(u16, HeaderMap, String)> {
    let mut request = server.http.get(format!("{}{path}", server.url));
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let answer = request.send().await?;
    let (status, mut headers) = (answer.status().as_u16(), answer.headers().clone());
    headers.remove("date");
    Ok((status, headers, answer.text().await?))
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The events of a feed that have this line: their UIDs.
fn uids_with<'f>(feed: &'f str, line: &str) -> Vec<&'f str> {
    let events = feed.split("BEGIN:VEVENT").skip(1).filter(|event| event.lines().any(|found| found == line));
    events.filter_map(|event| event.lines().find_map(|line| line.strip_prefix("UID:"))).collect()
}

fn assert_no_file_holds(folder: &Path, secret: &str) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            assert_no_file_holds(&path, secret)?;
            continue;
        }
        let bytes = fs::read(&path)?;
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{} holds it", path.display());
    }
    Ok(())
}

/// Ben takes all of Ana's shifts, written as whoever writes operations does.
async fn ben_takes_everything(data: &Path) -> Result<()> {
    let operation = json!({
        "number": 1, "schedule": "payments", "start": "2026-01-01T00:00:00Z", "end": "2099-01-01T00:00:00Z",
        "change": { "kind": "replace_user", "from": "ana", "to": "ben" }, "by": "ben", "reason": "Ana is ill",
    });
    let event = NewEvent {
        kind: "overridden".to_owned(),
        schema: 1,
        at: "2026-11-01T00:00:00Z".parse()?,
        actor: "person:ben".to_owned(),
        cause: "test".to_owned(),
        body: serde_json::to_vec(&json!({ "kind": "overridden", "operation": operation }))?,
        raw: None,
    };
    // Of no version: the state is folded from the event.
    let head = Head { snapshot: Vec::new(), fold: 0, listing: None };
    let stream = StreamId::new("rota/book");
    let write = StreamWrite { stream, expected: Expected::NoStream, events: vec![event], head };
    let log = log::SqliteLog::open(data, [7; 32])?;
    log.append(Append { streams: vec![write], ..Append::default() }).await?;
    Ok(())
}

#[tokio::test]
async fn a_program_subscribes_until_its_address_is_revoked() -> Result<()> {
    let home = home()?;
    let path = open(&home, "payments")?;
    let other = open(&home, "ben")?;
    let secret = path.trim_start_matches("/calendar/").trim_end_matches(".ics");
    assert_eq!(secret.len(), 43, "256 random bits: {secret}");
    let server = home.serve(&[])?;

    let (status, headers, feed) = read(&server, &path, &[]).await?;
    assert_eq!(status, 200, "{feed}");
    assert_eq!(header(&headers, "content-type"), "text/calendar; charset=utf-8");
    assert_eq!(header(&headers, "cache-control"), "private, no-cache");
    assert_eq!(header(&headers, "x-content-type-options"), "nosniff");
    assert!(feed.starts_with("BEGIN:VCALENDAR\r\n") && feed.ends_with("END:VCALENDAR\r\n"), "{feed}");
    assert!(feed.contains("SUMMARY:On call: payments (Ana Ruiz)"), "{feed}");
    let (etag, changed) = (header(&headers, "etag"), header(&headers, "last-modified"));
    for (name, value) in [(IF_NONE_MATCH, etag), (IF_MODIFIED_SINCE, changed)] {
        let (status, again, body) = read(&server, &path, &[(name.clone(), value)]).await?;
        assert_eq!((status, body.as_str(), header(&again, "etag")), (304, "", etag), "{name}");
    }
    let head = server.http.head(format!("{}{path}", server.url)).send().await?;
    assert_eq!((head.status().as_u16(), header(head.headers(), "etag")), (200, etag));
    assert_eq!(header(head.headers(), "content-length"), feed.len().to_string());
    assert!(head.text().await?.is_empty());
    // A proxy hands its own name on.
    assert_eq!(read(&server, &path, &[(reqwest::header::HOST, "catops.example.com")]).await?.0, 200);
    let (_, _, of_ben) = read(&server, &other, &[]).await?;
    assert!(of_ben.contains("SUMMARY:On call: payments\r\n") && !of_ben.contains("Ana"), "{of_ben}");

    let unknown = read(&server, &format!("/calendar/{}.ics", "A".repeat(43)), &[]).await?;
    assert_eq!((unknown.0, header(&unknown.1, "cache-control")), (404, "no-store"));
    for wrong in [path.trim_end_matches(".ics"), &path.replace(".ics", "A.ics"), "/calendar/.ics", "/calendar/1.ics"] {
        assert_eq!(read(&server, wrong, &[(IF_NONE_MATCH, "*")]).await?, unknown, "{wrong}");
    }
    assert_no_file_holds(&home.data, secret)?;

    let (config, data) = (text(&home.config), text(&home.data));
    let meanwhile = catops(&["calendar", "open", "ana", "--by", "ana", "--config", config, "--data", data]);
    assert!(
        meanwhile.code == Some(0) && meanwhile.stdout.contains("feed 3 shows the shifts of person ana"),
        "{}",
        meanwhile.stderr
    );
    assert_eq!(catops(&["calendar", "revoke", "3", "--by", "ana", "--data", data]).code, Some(0));
    let listed = home.read(&["calendar", "list"])?;
    assert_eq!(listed[0]["whose"], json!({ "schedule": "payments" }), "{listed}");
    assert_eq!((&listed[0]["by"], listed.as_array().map(Vec::len)), (&json!("ana"), Some(2)), "{listed}");
    server.kill();
    assert_eq!(catops(&["calendar", "revoke", "1", "--by", "ben", "--data", data]).code, Some(0));
    let again = catops(&["calendar", "revoke", "1", "--by", "ben", "--data", data]);
    assert!(again.stderr.contains("no feed 1 is open"), "{}", again.stderr);
    let server = home.serve(&[])?;
    assert_eq!(read(&server, &path, &[(IF_NONE_MATCH, etag)]).await?, unknown);
    assert_eq!(read(&server, &other, &[]).await?.0, 200);
    server.kill();
    assert_no_file_holds(&home.data, secret)?;
    let verified = catops(&["verify", "--data", data]);
    assert_eq!(verified.code, Some(0), "{}", verified.stdout);
    Ok(())
}

#[tokio::test]
async fn what_an_override_takes_goes_out_as_cancelled() -> Result<()> {
    let home = home()?;
    let path = open(&home, "schedule:payments")?;
    let server = home.serve(&[])?;
    let (_, headers, before) = read(&server, &path, &[]).await?;
    server.kill();
    ben_takes_everything(&home.data).await?;

    let server = home.serve(&[])?;
    let (status, changed, after) = read(&server, &path, &[(IF_NONE_MATCH, header(&headers, "etag"))]).await?;
    assert_eq!(status, 200);
    let of_ana = uids_with(&before, "SUMMARY:On call: payments (Ana Ruiz)");
    assert!(of_ana.len() > 90, "half of 195 days: {before}");
    let cancelled = uids_with(&after, "STATUS:CANCELLED");
    assert!(of_ana.iter().all(|uid| cancelled.contains(uid)), "{after}");
    assert!(of_ana.iter().all(|uid| uids_with(&after, "SEQUENCE:1").contains(uid)), "{after}");
    assert!(uids_with(&after, "STATUS:CONFIRMED").iter().all(|uid| !of_ana.contains(uid)), "{after}");
    assert!(after.contains("SUMMARY:On call: payments (Ben Okafor)"), "{after}");
    server.kill();

    // What was told outlives the process, and a log that moved to another folder.
    let (lines, moved) = (home.data.with_extension("jsonl"), home.data.with_extension("moved"));
    let exported = catops(&["export", text(&lines), "--data", text(&home.data)]);
    assert_eq!(exported.code, Some(0), "{}", exported.stderr);
    let imported = catops(&["import", text(&lines), "--data", text(&moved)]);
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);
    let server = Server::serve(&home.config, &moved, &[])?;
    let (status, same, _) = read(&server, &path, &[(IF_NONE_MATCH, header(&changed, "etag"))]).await?;
    assert_eq!((status, header(&same, "last-modified")), (304, header(&changed, "last-modified")));
    Ok(())
}

const OF_OTHERS: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n\
    BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260105T090000\r\nDTEND:20260105T170000\r\nRRULE:FREQ=WEEKLY\r\n\
    SUMMARY:Ben Okafor\r\nEND:VEVENT\r\n\
    BEGIN:VEVENT\r\nUID:2\r\nDTSTART;VALUE=DATE:20260501\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:Ann Ruiz\r\nEND:VEVENT\r\n\
    END:VCALENDAR\r\n";

#[tokio::test]
async fn a_calendar_of_others_becomes_a_plan() -> Result<()> {
    let home = home()?;
    let file = home.config.join("others.ics");
    fs::write(&file, OF_OTHERS)?;
    let copy = home.config.join("calendars/others.json");
    let plan = |what: &str, more: &[&str]| {
        let import = ["calendar", "import", text(&file), "--as", what, "--schedule", "payments"];
        catops(&[&import, more, &["--config", text(&home.config)]].concat())
    };
    let json = |what: &str, more: &[&str]| -> Result<Value> {
        let said = plan(what, &[more, &["--json"]].concat());
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        Ok(serde_json::from_str(&said.stdout)?)
    };
    let overrides = json("overrides", &[])?;
    let weeks = overrides["people"]["ben"].as_u64().context("Ben")?;
    assert!((56..=58).contains(&weeks), "{overrides}");
    assert!(overrides["found"][0]["start"].as_str().context("a start")?.ends_with(":00:00Z"), "{overrides}");
    let problem = overrides["problems"][0].as_str().context("a problem")?;
    assert!(problem.contains("nobody is called \"Ann Ruiz\"; did you mean \"Ana Ruiz\"?"), "{problem}");
    let away = json("absences", &["--person", "ana"])?;
    assert_eq!((away["people"]["ana"].as_u64(), &away["problems"]), (away["entries"].as_u64(), &json!([])), "{away}");
    // A holiday of 24 hours and a day of work each week: of two people who take turns, each is on call in half of them.
    let on_call: Vec<&Value> =
        away["found"].as_array().context("absences")?.iter().map(|away| &away["on_call"]).collect();
    assert!(on_call.iter().any(|shifts| shifts == &&json!([])), "{away}");
    let shift = on_call.iter().find_map(|shifts| shifts.get(0)).context("a shift of hers")?;
    assert!(shift["start"].as_str() < shift["end"].as_str(), "{shift}");
    let said = plan("holidays", &["--keep", text(&copy)]);
    assert!(said.code == Some(0) && said.stdout.contains("-05-01  Ann Ruiz"), "{}{}", said.stdout, said.stderr);

    // What was kept counts when there is something else, and nothing does without it.
    fs::write(&file, "<html>Please log in</html>")?;
    let stale = json("holidays", &["--keep", text(&copy)])?;
    let say = stale["say"].as_str().context("a word about it")?;
    assert!(say.contains("this is no calendar") && say.ends_with("ago counts"), "{say}");
    assert!(stale["doubtful"] == true && stale["found"].as_array().is_some_and(|found| found.len() > 50), "{stale}");
    let nothing = plan("holidays", &[]);
    assert!(nothing.code == Some(1) && nothing.stderr.contains("there is no earlier copy"), "{}", nothing.stderr);
    let stranger = plan("absences", &["--person", "zed"]);
    assert!(stranger.stderr.contains("there is no person \"zed\""), "{}", stranger.stderr);
    Ok(())
}
