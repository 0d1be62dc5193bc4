//! A little HTTP receiver for the tests: webhooks, pages and heartbeats arrive here.

use anyhow::Result;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One request that a receiver was sent.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// Its first line.
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    pub(crate) at: Instant,
}

/// Somebody who is told of things over HTTP, and keeps what it was told.
pub(crate) struct Receiver {
    pub(crate) url: String,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Receiver {
    /// It answers each request with a status line and a body.
    pub(crate) async fn new(answer: impl Fn(&Told) -> (&'static str, String) + Send + Sync + 'static) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let told = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (Arc::clone(&told), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                tokio::spawn(async move {
                    let Ok(request) = read(&mut stream).await else { return };
                    let (status, body) = answer(&request);
                    kept.lock().expect("no test panics with it").push(request);
                    let length = body.len();
                    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
                    stream.write_all((head + &body).as_bytes()).await.ok();
                });
            }
        });
        Ok(Self { url, told })
    }

    pub(crate) fn told(&self) -> Vec<Told> {
        self.told.lock().expect("no test panics with it").clone()
    }
}

async fn read(stream: &mut TcpStream) -> Result<Told> {
    let mut bytes = Vec::new();
    loop {
        if let Some(told) = whole(&String::from_utf8_lossy(&bytes)) {
            return Ok(told);
        }
        anyhow::ensure!(stream.read_buf(&mut bytes).await? > 0, "the request ended early");
    }
}

/// The request, once all of it has arrived.
#[expect(clippy::disallowed_methods, reason = "the test measures how long a page takes")]
fn whole(text: &str) -> Option<Told> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let line = head.lines().next().unwrap_or_default().to_owned();
    let pairs = head.lines().filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<String, String> =
        pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    (body.len() >= length).then(|| Told { line, headers, body: body.to_owned(), at: Instant::now() })
}
