//! Calendars from files and servers: which addresses are called, what is said when they cannot be read, what is kept.

use super::*;
use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::get;
use chrono::{DateTime, TimeDelta, Utc};
use rota::calendar::Calendar;

const HOLIDAY: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20260501\r\n\
                       SUMMARY:Labour Day\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

fn window() -> Span {
    let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    Span { start, end: start + TimeDelta::days(366) }
}

async fn read(source: &str, allow_private: &[&str]) -> Result<Calendar, String> {
    let allow_private: Vec<String> = allow_private.iter().map(|entry| (*entry).to_owned()).collect();
    let source: Source = source.parse().unwrap();
    source.fetch(&Reach::default(), &allow_private, &Zone::utc(), window()).await.result
}

async fn refusal(source: &str, allow_private: &[&str]) -> String {
    read(source, allow_private).await.expect_err("it is refused")
}

/// A server on this machine, and its port.
async fn server() -> u16 {
    let endless = || async { Body::from_stream(futures::stream::repeat(Ok::<_, Infallible>(vec![b'x'; 65536]))) };
    let router = Router::new()
        .route("/good.ics", get(|| async { HOLIDAY }))
        .route("/endless.ics", get(endless))
        .route("/page", get(|| async { "<html>Who are you?</html>" }))
        .route("/moved", get(|| async { Redirect::temporary("/good.ics") }))
        .route("/broken", get(|| async { StatusCode::SERVICE_UNAVAILABLE }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    port
}

#[tokio::test]
async fn only_what_may_be_called_is_called() {
    let https = "its address has to begin with https://";
    let private = "it leads to a private address; list that in allow_private under [http] in catops.toml";
    let metadata = "it leads to where a cloud hands out this machine's credentials, and is never called";
    for (address, allowed, why) in [
        ("http://calendar.example.com/secret.ics", &[] as &[&str], https),
        ("http://1.1.1.1/secret.ics", &["1.1.1.1"], https),
        ("http://localhost:1/secret.ics", &["127.0.0.1"], https),
        ("file:///etc/passwd", &["127.0.0.1"], https),
        ("HTTP://calendar.example.com/secret.ics", &[], https),
        ("http://127.0.0.1:1/secret.ics", &[], private),
        ("https://127.0.0.1:1/secret.ics", &["10.0.0.0/8"], private),
        ("webcal://10.0.0.7/secret.ics", &[], private),
        ("https://169.254.169.254/latest", &["169.254.0.0/16"], metadata),
        ("https://", &[], "its address cannot be read"),
    ] {
        assert_eq!(refusal(address, allowed).await, why, "{address}");
    }
}

#[tokio::test]
async fn what_a_server_answers_is_a_calendar_or_a_reason() {
    let port = server().await;
    let allowed = ["127.0.0.1"];
    let address = |path: &str| format!("http://127.0.0.1:{port}/{path}");
    let calendar = read(&address("good.ics"), &allowed).await.unwrap();
    assert_eq!(calendar.entries.len(), 1);
    assert_eq!(calendar.entries[0].summary, "Labour Day");
    let moved = "its address leads to another one, which is not followed; name that one";
    for (path, why) in [("moved", moved), ("broken", "the server answered 503"), ("none", "the server answered 404")] {
        assert_eq!(refusal(&address(path), &allowed).await, why);
    }
    let page = refusal(&address("page"), &allowed).await;
    assert!(page.starts_with("this is no calendar"), "{page}");
    let endless = refusal(&address("endless.ics"), &allowed).await;
    assert!(endless.starts_with("the calendar has 8388609 bytes"), "{endless}");
    let nobody = refusal("http://127.0.0.1:1/secret.ics", &allowed).await;
    assert!(!nobody.contains("secret"), "{nobody}");
}

#[tokio::test]
async fn a_copy_comes_back_as_it_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("es.ics");
    std::fs::write(&file, HOLIDAY).unwrap();
    let calendar = read(text(&file), &[]).await.unwrap();
    let copy = GoodCopy { at: "2026-02-01T12:00:00Z".parse().unwrap(), calendar };
    let path = folder.path().join("calendars/es.json");
    assert_eq!(kept(&path).unwrap(), None);
    keep(&path, &copy).unwrap();
    assert_eq!(kept(&path).unwrap(), Some(copy.clone()));
    keep(&path, &GoodCopy { at: copy.at + TimeDelta::days(1), ..copy.clone() }).unwrap();
    assert_eq!(kept(&path).unwrap().unwrap().at, copy.at + TimeDelta::days(1));
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing half-written stays");
    assert!(kept(&file).unwrap_err().to_string().contains("is no copy of a calendar"));
    assert!(refusal(text(&folder.path().join("none.ics")), &[]).await.contains("No such file"));
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
