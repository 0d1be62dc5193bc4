//! How long from "alarm accepted" to "card visible in the local Slack": prints the figures of docs/performance.md.
//!
//! `cargo run --release -p tests --bin latency -- [ALARMS] [PER_SECOND]`
//!
//! Starts the release binary (`catops serve`, unpaced and without digests), sends alarms of different keys at a steady rate, and compares the
//! moment of each 2xx with the moment at which the simulator had the message. Both read the same machine's clock.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "it measures time and prints it")]

use anyhow::{Context, Result};
use serde_json::json;
use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tests::{Home, Server, TOKEN};

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let alarms: u64 = args.next().map_or(Ok(1000), |text| text.parse())?;
    let per_second: f64 = args.next().map_or(Ok(20.0), |text| text.parse())?;
    // A card for each, at once: the local Slack takes them as fast as they come.
    let home = Home::new()?;
    home.set("post_interval = \"1s\"", "post_interval = \"0s\"")?;
    home.set("digest_after = 5", "digest_after = 0")?;
    let server = home.serve(&[TOKEN])?;
    let accepted = send(&server, alarms, per_second).await?;
    let shown = shown(&server, alarms).await?;
    let mut latencies: Vec<f64> =
        accepted.iter().filter_map(|(key, at)| Some((shown.get(key)? - at).max(0.0))).collect();
    latencies.sort_by(f64::total_cmp);
    let quantile = |q: f64| latencies.get(((latencies.len() as f64 - 1.0) * q) as usize).copied().unwrap_or(f64::NAN);
    println!(
        "accepted {}  visible {}  p50 {:.1} ms  p90 {:.1} ms  p99 {:.1} ms  max {:.1} ms",
        accepted.len(),
        latencies.len(),
        quantile(0.5),
        quantile(0.9),
        quantile(0.99),
        quantile(1.0)
    );
    Ok(())
}

/// When each alarm's 2xx arrived, in milliseconds since 1970.
async fn send(server: &Server, alarms: u64, per_second: f64) -> Result<HashMap<String, f64>> {
    let mut clock = tokio::time::interval(Duration::from_secs_f64(1.0 / per_second));
    let mut requests = Vec::new();
    for number in 0..alarms {
        clock.tick().await;
        let (http, url) = (server.http.clone(), format!("{}/hooks/generic", server.url));
        let key = format!("latency-{number:05}");
        let body = json!({ "title": format!("p99 latency of {key} is high"), "key": key, "severity": "error", "service": "checkout-api" });
        requests.push(tokio::spawn(async move {
            let response = http.post(url).bearer_auth(TOKEN.1).json(&body).send().await?;
            let at = now_ms();
            response.error_for_status()?;
            anyhow::Ok((key, at))
        }));
    }
    let mut accepted = HashMap::new();
    for request in requests {
        let (key, at) = request.await??;
        accepted.insert(key, at);
    }
    Ok(accepted)
}

/// When each card was there, in milliseconds since 1970.
async fn shown(server: &Server, alarms: u64) -> Result<HashMap<String, f64>> {
    let mut shown = HashMap::new();
    for _ in 0..240 {
        // The whole state: a channel asked for by name answers with its newest messages only.
        let state = server.get("/local/state?as=U0ANA").await?;
        for message in state["messages"]["C0OPS"].as_array().into_iter().flatten() {
            let text = message["text"].as_str().unwrap_or_default().to_owned();
            let Some((_, rest)) = text.split_once("latency-") else { continue };
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            let key = format!("latency-{digits}");
            let visible_at =
                message["visible_at"].as_f64().context("the local Slack says when a message became visible")?;
            shown.entry(key).or_insert(visible_at);
        }
        if shown.len() as u64 >= alarms {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(shown)
}

fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64() * 1000.0)
}
