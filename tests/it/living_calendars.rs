//! Calendars of others in a running rota: a small server serves, changes, fails and empties them, and who is on call follows,
//! or does not. The past stays as it was.

#![expect(clippy::disallowed_methods, reason = "calendars are written relative to the clock of the server")]

use crate::receiver::{Receiver, Told};
use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::fs;
use std::sync::{Arc, Mutex};
use tests::{Home, Server, catops, text};

const SECRET: &str = "private-4f2a9c";

const ROTA: &str = r#"
[people]
ana = { name = "Ana Ruiz", slack = "U0ANA" }
ben = { name = "Ben Okafor", slack = "U0BEN" }
[schedules.payments]
zone = "Europe/Madrid"
[[schedules.payments.layers]]
name = "calendar"
calendar = "duty"
priority = 1
[[schedules.payments.layers]]
name = "daily"
rotation = ["ben"]
handoff = "2026-01-05 09:00"
every = "1 day"
[[escalation.default.levels]]
page = ["schedule:payments"]
wait = "10m"
"#;

/// What the server answers: the status line and the calendar.
type Says = Arc<Mutex<(&'static str, String)>>;

struct Night {
    home: Home,
    calendars: Receiver,
    says: Says,
    address: String,
}

impl Night {
    async fn new(more: &str, rota: &str) -> Result<Self> {
        let says: Says = Arc::new(Mutex::new(("200 OK", String::new())));
        let answer = Arc::clone(&says);
        let calendars = Receiver::new(move |_: &Told| answer.lock().expect("no test panics with it").clone()).await?;
        let host = calendars.url.trim_start_matches("http://").to_owned();
        let config = format!(
            "[slack]\nchannel = \"C0OPS\"\npost_interval = \"0s\"\n[http]\nallow_private = [\"{host}\"]\n\
             [calendars.duty]\nurl = \"env:DUTY_CALENDAR\"\n{more}"
        );
        let home = Home::of_ana(&config)?;
        fs::write(home.config.join("rota/team.toml"), rota)?;
        let address = format!("{}/{SECRET}/basic.ics", calendars.url);
        Ok(Self { home, calendars, says, address })
    }

    fn says(&self, status: &'static str, calendar: &str) {
        *self.says.lock().expect("no test panics with it") = (status, calendar.to_owned());
    }

    fn serve(&self) -> Result<Server> {
        self.home.serve(&[("DUTY_CALENDAR", self.address.as_str())])
    }

    /// Has the server fetch it now; what it said.
    fn fetch(&self) -> String {
        let said = catops(&["calendar", "fetch", "duty", "--data", text(&self.home.data)]);
        said.stdout + &said.stderr
    }

    fn command(&self, words: &[&str]) -> tests::Said {
        let own = ["--config", text(&self.home.config), "--data", text(&self.home.data)];
        tests::catops_with(&[words, &own].concat(), &[("DUTY_CALENDAR", self.address.clone())])
    }
}

fn event(uid: &str, who: &str, start: DateTime<Utc>, end: DateTime<Utc>) -> String {
    let stamp = |at: DateTime<Utc>| at.format("%Y%m%dT%H%M%SZ").to_string();
    format!(
        "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:{}\r\nDTSTART:{}\r\nDTEND:{}\r\nSUMMARY:{who}\r\nEND:VEVENT\r\n",
        stamp(Utc::now()),
        stamp(start),
        stamp(end)
    )
}

fn calendar(events: &[String]) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}END:VCALENDAR\r\n", events.concat())
}

/// Eight days of one person, from yesterday on.
fn week_of(who: &str) -> String {
    let today = Utc::now().date_naive().and_hms_opt(0, 0, 0).expect("midnight").and_utc();
    let day = |day: i64| event(&format!("{day}"), who, today + TimeDelta::days(day), today + TimeDelta::days(day + 1));
    calendar(&(-1..8).map(day).collect::<Vec<_>>())
}

async fn on_duty(server: &Server, at: &str) -> Result<Value> {
    let path = if at.is_empty() { "/api/v1/oncall".to_owned() } else { format!("/api/v1/oncall?at={at}") };
    Ok(server.get(&path).await?["schedules"][0]["on_duty"].clone())
}

async fn is_on_duty(server: &Server, who: &str) -> Result<()> {
    server
        .until(&format!("{who} to be on call"), async |server| {
            let found = on_duty(server, "").await?;
            Ok(if found == json!([who]) { Ok(()) } else { Err(found.to_string()) })
        })
        .await
}

async fn channel(server: &Server) -> Result<Vec<String>> {
    let messages = server.messages("C0OPS", "U0ANA").await?;
    Ok(messages.iter().map(|message| message.to_string()).collect())
}

async fn is_told(server: &Server, part: &str) -> Result<usize> {
    server
        .until(&format!("the channel to hear {part:?}"), async |server| {
            let found = channel(server).await?;
            let times = found.iter().filter(|message| message.contains(part)).count();
            Ok(if times > 0 { Ok(times) } else { Err(format!("{found:?}")) })
        })
        .await
}

fn events_of(night: &Night, stream: &str) -> Result<Vec<String>> {
    let said = catops(&["export", "-", "--data", text(&night.home.data)]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(!said.stdout.contains(SECRET), "the log holds the address");
    let lines = said.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_stream = lines.filter(|line| line["event"]["stream"] == stream || line["stream"] == stream);
    Ok(of_stream
        .filter_map(|line| Some(line["event"]["kind"].as_str().or(line["kind"].as_str())?.to_owned()))
        .collect())
}

// A command is waited for, and the calendars are served meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_on_call_follows_a_calendar_that_is_fetched() -> Result<()> {
    let night = Night::new("", ROTA).await?;
    night.says("200 OK", &week_of("Ana Ruiz"));
    let server = night.serve()?;
    is_on_duty(&server, "ana").await?;
    let before = Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let read = events_of(&night, "calendars/duty")?;
    assert_eq!(read, ["calendar_read"]);

    // The same with another time of download is the same: nothing is written.
    night.says("200 OK", &week_of("Ana Ruiz"));
    assert!(night.fetch().contains("it is as it was"), "{}", night.fetch());
    assert_eq!(events_of(&night, "calendars/duty")?, read);

    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    night.says("200 OK", &week_of("ben"));
    assert!(night.fetch().contains("it is another one, and counts"));
    is_on_duty(&server, "ben").await?;
    assert_eq!(on_duty(&server, &before).await?, json!(["ana"]), "the past stays as it was");

    // A page of another kind takes nothing away, and neither does a server that fails; the address is in no message.
    night.says("200 OK", "<html>Please log in</html>");
    let failed = night.fetch();
    assert!(failed.contains("this is no calendar") && !failed.contains(SECRET), "{failed}");
    night.says("302 Found\r\nlocation: http://127.0.0.1:1/", "");
    assert!(night.fetch().contains("its address leads to another one, which is not followed"));
    night.says("503 Service Unavailable", "");
    let failed = night.fetch();
    assert!(failed.contains("the server answered 503") && !failed.contains(SECRET), "{failed}");
    is_on_duty(&server, "ben").await?;

    // What the server knows it by is handed back.
    night.says("200 OK\r\netag: \"v7\"", &week_of("ben"));
    night.fetch();
    night.says("304 Not Modified", "");
    assert!(night.fetch().contains("it is as it was"));
    let told = night.calendars.told();
    let last = told.last().context("a request")?;
    assert_eq!(last.headers.get("if-none-match").map(String::as_str), Some("\"v7\""), "{last:?}");
    is_on_duty(&server, "ben").await?;

    let asked = night.command(&["oncall"]);
    assert!(asked.stdout.contains("because an entry of calendar duty (calendar)"), "{}{}", asked.stdout, asked.stderr);
    server.kill();

    // Killed and started again it is the same, past and present, though nothing can be fetched.
    let server = night.serve()?;
    is_on_duty(&server, "ben").await?;
    assert_eq!(on_duty(&server, &before).await?, json!(["ana"]));
    let verified = catops(&["verify", "--data", text(&night.home.data)]);
    assert_eq!(verified.code, Some(0), "{}", verified.stdout);
    Ok(())
}

// A command is waited for, and the calendars are served meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_that_lost_its_entries_waits_for_a_person() -> Result<()> {
    let night = Night::new("", ROTA).await?;
    night.says("200 OK", &week_of("ana"));
    let server = night.serve()?;
    is_on_duty(&server, "ana").await?;

    night.says("200 OK", &calendar(&[]));
    assert!(night.fetch().contains("most of its entries are gone"));
    is_on_duty(&server, "ana").await?;
    assert!(night.fetch().contains("it is as it was"), "the same once more is not told again");
    let told = is_told(&server, "The calendar duty has 0 entries ahead now and had").await?;
    assert_eq!(told, 1);
    let lint = night.command(&["calendar", "status"]);
    assert!(lint.stdout.contains("calendar duty has 0 entries now"), "{}{}", lint.stdout, lint.stderr);
    assert_eq!(server.metric("catops_calendar_held{calendar=\"duty\"}").await?, 1.0);
    let health = server.get("/healthz").await?;
    assert_eq!(
        (&health["calendars"][0]["name"], &health["calendars"][0]["held"]),
        (&json!("duty"), &json!(true)),
        "{health}"
    );

    let stranger = night.command(&["calendar", "accept", "duty", "--by", "zed"]);
    assert!(stranger.stderr.contains("there is no person \"zed\""), "{}", stranger.stderr);
    let accepted = night.command(&["calendar", "accept", "duty", "--by", "ben"]);
    assert!(accepted.stdout.contains("counts with its 0 entries"), "{}{}", accepted.stdout, accepted.stderr);
    is_on_duty(&server, "ben").await?;
    let again = night.command(&["calendar", "accept", "duty", "--by", "ben"]);
    assert!(again.stderr.contains("no copy of the calendar \"duty\" waits"), "{}", again.stderr);
    assert_eq!(server.metric("catops_calendar_held{calendar=\"duty\"}").await?, 0.0);
    Ok(())
}

// A command is waited for, and the calendars are served meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn absences_are_warned_of_and_cover_is_asked_for_once() -> Result<()> {
    let more = "[calendars.vacations]\nfile = \"vacations.ics\"\nabsences = true\nask_for_cover = true\n";
    let rota = ROTA.replace("rotation = [\"ben\"]", "rotation = [\"ben\"]\npriority = 2").replace(
        "[schedules.payments]",
        "chi = { name = \"Chi Tan\", slack = \"U0CHI\" }\ndan = { name = \"Dan Le\", slack = \"U0DAN\" }\n[schedules.payments]",
    );
    let rota = rota.replace("Europe/Madrid", "UTC").replace("[[escalation", "[[schedules.payments.layers]]\nname = \"others\"\nrotation = [\"chi\", \"dan\"]\nhandoff = \"2026-01-05 09:00\"\nevery = \"1 week\"\npriority = -1\n[[escalation");
    let night = Night::new(more, &rota).await?;
    night.says("200 OK", &calendar(&[]));
    let now = Utc::now();
    let away = |uid: &str, title: &str, day: i64| {
        event(uid, title, now + TimeDelta::days(day), now + TimeDelta::days(day + 1))
    };
    let vacations = [
        away("1", "Vacation: Ben", 10),
        away("2", "Ben sick [no cover]", 14),
        away("3", "OOO Chi", 10),
        away("4", "Jhon", 11),
    ];
    fs::write(night.home.config.join("vacations.ics"), calendar(&vacations))?;
    let lint = night.home.lint();
    assert!(
        lint.contains("warning: catops.toml:8: calendar vacations: ") && lint.contains("nobody is called \"Jhon\""),
        "{lint}"
    );
    assert!(lint.contains("ben is on duty on payments from") && lint.contains("and away by a calendar"), "{lint}");

    let server = night.serve()?;
    is_told(&server, "nobody is called").await?;
    // The first fetch of the other calendar looks after absences as well.
    let requests = || -> Result<Vec<String>> {
        Ok(events_of(&night, "rota/book")?.into_iter().filter(|kind| kind == "cover_asked").collect())
    };
    server
        .until("cover to be asked for", async |_| {
            Ok(if requests()?.is_empty() { Err("nothing".to_owned()) } else { Ok(()) })
        })
        .await?;
    night.fetch();
    assert_eq!(requests()?.len(), 1, "once, and not for the entry that wants none");
    // Of the two who could take it, Chi is away herself.
    let wall = |hours: i64| (now + TimeDelta::days(10) + TimeDelta::hours(hours)).format("%Y-%m-%d %H:%M").to_string();
    let asked = night.command(&["rota", "cover", "payments", &format!("{} to {}", wall(1), wall(2)), "--for", "ben"]);
    assert!(asked.stdout.contains("Dan Le") && !asked.stdout.contains("Chi Tan"), "{}{}", asked.stdout, asked.stderr);
    let gaps = night.command(&["rota", "gaps"]);
    assert!(gaps.stdout.contains("Ben Okafor is on call and away"), "{}{}", gaps.stdout, gaps.stderr);
    Ok(())
}

// A command is waited for, and the calendars are served meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_opened_and_revoked_beside_the_server() -> Result<()> {
    let night = Night::new("", ROTA).await?;
    night.says("200 OK", &week_of("ana"));
    let server = night.serve()?;
    is_on_duty(&server, "ana").await?;
    let opened = night.command(&["calendar", "open", "payments", "--by", "ana", "--json"]);
    assert_eq!(opened.code, Some(0), "{}", opened.stderr);
    let told: Value = serde_json::from_str(&opened.stdout)?;
    let address = told["address"].as_str().context("an address")?.to_owned();
    let feed = server.http.get(format!("{}{address}", server.url)).send().await?;
    assert_eq!(feed.status().as_u16(), 200);
    let body = feed.text().await?;
    assert!(body.contains("SUMMARY:On call: payments (Ana Ruiz)"), "{body}");
    let data = text(&night.home.data);
    let unknown = catops(&["calendar", "revoke", "7", "--by", "ana", "--data", data]);
    assert!(unknown.stderr.contains("no feed 7 is open"), "{}", unknown.stderr);
    let id = told["id"].to_string();
    let revoke = ["calendar", "revoke", id.as_str(), "--by", "ben", "--data", text(&night.home.data)];
    let revoked = catops(&revoke);
    assert_eq!(revoked.code, Some(0), "{}", revoked.stderr);
    assert_eq!(server.http.get(format!("{}{address}", server.url)).send().await?.status().as_u16(), 404);
    let left: Vec<_> = fs::read_dir(night.home.data.join("desk"))?.collect();
    assert!(left.is_empty(), "{left:?}");
    let secret = address.trim_start_matches("/calendar/").trim_end_matches(".ics");
    assert!(!catops(&["export", "-", "--data", text(&night.home.data)]).stdout.contains(secret));
    Ok(())
}

// A command is waited for, and the calendars are served meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_a_fetch_costs_nothing() -> Result<()> {
    let night = Night::new("", ROTA).await?;
    night.says("200 OK", &week_of("ana"));
    let mut server = night.serve()?;
    is_on_duty(&server, "ana").await?;
    for (round, who) in ["ben", "ana", "ben", "ana", "ben"].into_iter().enumerate() {
        night.says("200 OK", &week_of(who));
        let data = night.home.data.clone();
        let asking = std::thread::spawn(move || catops(&["calendar", "fetch", "duty", "--data", text(&data)]));
        // The desk is looked at twice a second: the kill falls before, into or after the fetch.
        tokio::time::sleep(std::time::Duration::from_millis(300 + 100 * round as u64)).await;
        server.kill();
        drop(asking);
        server = night.serve()?;
        night.fetch();
        is_on_duty(&server, who).await?;
        let verified = catops(&["verify", "--data", text(&night.home.data)]);
        assert_eq!(verified.code, Some(0), "{}", verified.stdout);
    }
    let audited = catops(&["audit", "--data", text(&night.home.data)]);
    assert_eq!(audited.code, Some(0), "{}", audited.stdout);
    Ok(())
}
