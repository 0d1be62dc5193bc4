//! Senders who are slow on purpose: they cost themselves and nobody else.

use anyhow::{Context, Result};
use std::time::Duration;
use tests::{Home, Server, TOKEN};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Connections that are opened and say no more than half a head; more than the server has places for.
const SLOW: usize = 300;

/// The server's places in these tests.
const PLACES: usize = 100;

/// A server with short limits, and places for a hundred.
fn server(home: &Home, limits: &str) -> Result<Server> {
    home.set("[slack]", &format!("[server]\nconnections_max = {PLACES}\n{limits}\n\n[slack]"))?;
    home.serve(&[TOKEN])
}

async fn connected(server: &Server) -> Result<TcpStream> {
    Ok(TcpStream::connect(server.url.strip_prefix("http://").context("an address")?).await?)
}

async fn saying(server: &Server, says: &str) -> Result<TcpStream> {
    let mut stream = connected(server).await?;
    stream.write_all(says.as_bytes()).await?;
    Ok(stream)
}

/// An alarm, answered within the time that a sender would be surprised by.
async fn alarm_at_once(server: &Server, id: &str) -> Result<()> {
    let alarm = serde_json::json!({ "title": "Disk is full", "key": id, "id": id, "severity": "error" });
    // A client of its own: a connection that is open already would prove little.
    let request =
        reqwest::Client::new().post(format!("{}/hooks/generic", server.url)).bearer_auth(TOKEN.1).json(&alarm);
    let answer = tokio::time::timeout(Duration::from_secs(5), request.send()).await.context("answered at once")??;
    anyhow::ensure!(answer.status() == 202, "{}", answer.status());
    Ok(())
}

/// Waits until the server has hung up.
async fn until_hung_up(stream: &mut TcpStream) -> Result<()> {
    let mut rest = Vec::new();
    // A reset says the same as an end.
    tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut rest)).await.context("nobody hung up")?.ok();
    Ok(())
}

const HALF_A_HEAD: &str = "POST /hooks/generic HTTP/1.1\r\nhost: localhost\r\nx-slow: ";

#[tokio::test]
async fn some_hundred_slow_senders_keep_nobody_waiting() -> Result<()> {
    let home = Home::new()?;
    // Nobody is hung up on for being slow here, only for being in the way.
    let server = server(&home, "header_timeout = \"10m\"\nbody_timeout = \"10m\"\nidle_timeout = \"10m\"")?;
    let body = format!("{}\r\ncontent-length: 1000\r\n\r\n{{\"title\":", HALF_A_HEAD.trim_end_matches("\r\nx-slow: "));
    let mut slow = Vec::new();
    for number in 0..SLOW {
        slow.push(saying(&server, [HALF_A_HEAD, body.as_str(), ""][number % 3]).await?);
    }
    for id in ["a", "b", "c"] {
        alarm_at_once(&server, id).await?;
    }
    let crowded = server.metric("catops_connections_closed_total{reason=\"crowded\"}").await?;
    assert!(crowded >= (SLOW - PLACES) as f64, "{crowded} gave their place away");
    until_hung_up(slow.first_mut().context("the first one")?).await
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a slow sender waits between two bytes")]
async fn whoever_is_slow_is_hung_up_on_after_the_limit() -> Result<()> {
    let home = Home::new()?;
    let server = server(&home, "header_timeout = \"1s\"\nbody_timeout = \"1s\"\nidle_timeout = \"2s\"")?;
    let body = "POST /hooks/generic HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n{\"title\":";
    let mut silent = connected(&server).await?;
    let mut dripping = saying(&server, HALF_A_HEAD).await?;
    let mut stuck = saying(&server, body).await?;
    // One byte now and then is as slow as none.
    let drips = async {
        while dripping.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::Ok(())
    };
    let all = async { tokio::try_join!(drips, until_hung_up(&mut stuck), until_hung_up(&mut silent)) };
    tokio::time::timeout(Duration::from_secs(30), all).await.context("somebody is still connected")??;
    let slow = server.metric("catops_connections_closed_total{reason=\"slow\"}").await?;
    assert_eq!(slow, 2.0, "the one who said nothing at all is no trouble and not counted");
    alarm_at_once(&server, "a").await
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a sender is silent for a while")]
async fn whoever_asks_again_in_time_stays_connected() -> Result<()> {
    let home = Home::new()?;
    let server = server(&home, "header_timeout = \"1s\"\nbody_timeout = \"1s\"\nidle_timeout = \"10s\"")?;
    let mut stream = connected(&server).await?;
    for _ in 0..3 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await?;
        let mut answer = [0; 4096];
        let length = stream.read(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    Ok(())
}
