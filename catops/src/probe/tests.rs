//! Probes of real sockets of this machine.

use super::*;
use ingest::uptime::Target;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn env(name: &str) -> Option<String> {
    (name == "TOKEN").then(|| "t0ken".to_owned())
}

fn check(target: Target) -> Check {
    let address = target.as_str().to_owned();
    let table = match &target {
        Target::Http(_) => {
            serde_json::json!({"name": "web", "url": address, "expect_text": "all is well", "timeout": "400ms", "headers": {"x-token": "env:TOKEN"}})
        }
        Target::Tcp(_) => serde_json::json!({"name": "db", "tcp": address, "timeout": "400ms"}),
    };
    serde_json::from_value(table).unwrap()
}

/// A server that answers in two pieces, the second a moment later, when the request carries the token.
async fn server(first: &'static str, second: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let bytes = stream.read(&mut request).await.unwrap();
            assert!(String::from_utf8_lossy(&request[..bytes]).contains("x-token: t0ken"));
            stream.write_all(first.as_bytes()).await.unwrap();
            clock::sleep(Duration::from_millis(20)).await;
            let _client_may_have_left = stream.write_all(second.as_bytes()).await;
        }
    });
    address
}

#[tokio::test]
async fn a_page_that_holds_the_text() {
    let address = server("HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\nso all is", " well.").await;
    let seen = probe(&check(Target::Http(address)), &env).await;
    assert_eq!((seen.status, seen.text_found, seen.error), (Some(200), Some(true), None));
    assert!(seen.duration_ms < 400);
}

#[tokio::test]
async fn a_page_without_it_and_a_redirect_that_is_not_followed() {
    let address = server("HTTP/1.1 302 Found\r\nlocation: /x\r\n", "content-length: 0\r\n\r\n").await;
    let seen = probe(&check(Target::Http(address)), &env).await;
    assert_eq!((seen.status, seen.text_found, seen.error), (Some(302), Some(false), None));
}

#[tokio::test]
async fn nobody_answers() {
    #[track_caller]
    fn says(seen: Probe, error: &str) {
        assert_eq!((seen.status, seen.error.as_deref()), (None, Some(error)));
    }
    let silent = server("", "").await;
    says(
        probe(&check(Target::Http(silent)), &|_| Some("t0ken".to_owned())).await,
        "connection closed before message completed",
    );
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    says(probe(&check(Target::Http(format!("http://{closed}/"))), &env).await, "connection refused");
    says(probe(&check(Target::Tcp(closed.to_string())), &env).await, "connection refused");
    says(
        probe(&check(Target::Http(format!("http://{closed}/"))), &|_| None).await,
        "TOKEN is not set where CatOps runs",
    );
    says(
        probe(&check(Target::Tcp("no-such-host.invalid:1".to_owned())), &env).await,
        "the name no-such-host.invalid has no address",
    );
    let metadata =
        "169.254.169.254 is 169.254.169.254:80, which hands out the credentials of this machine; it is never called";
    says(probe(&check(Target::Http("http://169.254.169.254/".to_owned())), &env).await, metadata);
}

#[tokio::test]
async fn a_port_that_listens_and_one_that_says_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = probe(&check(Target::Tcp(address.to_string())), &env).await;
    assert_eq!((seen.status, seen.error), (None, None));
    let seen = probe(&check(Target::Http(format!("http://{address}/"))), &env).await;
    assert_eq!(seen.error.as_deref(), Some("timed out after 0.4 s"));
}

#[test]
fn days_until_a_certificate_ends() {
    // Made for this test with `openssl req -x509 -days 30`; it ended or ends at `notAfter`.
    let der = include_bytes!("certificate.der");
    let (_, certificate) = X509Certificate::from_der(der).unwrap();
    let end = certificate.validity().not_after.timestamp();
    const DAY: i64 = 24 * 60 * 60;
    assert_eq!(days_left(der, end - 10 * DAY), Some(10));
    assert_eq!(days_left(der, end - DAY + 1), Some(0));
    assert_eq!(days_left(der, end + 1), Some(-1));
    assert_eq!(days_left(b"no certificate", end), None);
}
