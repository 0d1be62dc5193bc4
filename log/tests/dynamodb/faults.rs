//! A network between the log and its server that does what real ones do and no emulator shows: it throttles, finds
//! transactions in the way, answers 500, loses requests, loses answers, and lets the index lag behind.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How often each thing goes wrong, in percent of the calls.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rates {
    pub(crate) throttled: u64,
    pub(crate) in_the_way: u64,
    pub(crate) broken: u64,
    pub(crate) lost_requests: u64,
    pub(crate) lost_answers: u64,
    /// How far the index is behind.
    pub(crate) lag: Duration,
}

/// The network; it ends with the process.
pub(crate) struct Network {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

/// How often each thing went wrong.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) calls: u64,
    pub(crate) throttled: u64,
    pub(crate) in_the_way: u64,
    pub(crate) broken: u64,
    pub(crate) lost_requests: u64,
    pub(crate) lost_answers: u64,
    pub(crate) stale: u64,
}

struct State {
    dice: u64,
    counts: Counts,
    /// When items were written last, by name.
    written: HashMap<(String, String), Instant>,
    /// What the index showed of a list a moment ago.
    shown: HashMap<String, (Instant, Value)>,
}

struct Call {
    head: String,
    operation: String,
    body: Vec<u8>,
}

enum Fault {
    Refuse(u16, Value),
    LoseRequest,
    LoseAnswer,
}

impl Network {
    pub(crate) fn new(server: SocketAddr, seed: u64, rates: Rates) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = State { dice: seed, counts: Counts::default(), written: HashMap::new(), shown: HashMap::new() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A connection that breaks is what this is for.
                std::thread::spawn(move || carry(client, server, &state, rates).ok());
            }
        });
        Self { url, state }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.state.lock().unwrap().counts
    }
}

fn carry(client: TcpStream, server: SocketAddr, state: &Mutex<State>, rates: Rates) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let mut upstream = TcpStream::connect(server)?;
    upstream.set_nodelay(true)?;
    let (mut from_client, mut to_client) = (BufReader::new(client.try_clone()?), client);
    let mut from_server = BufReader::new(upstream.try_clone()?);
    while let Some(call) = read(&mut from_client)? {
        let fault = state.lock().unwrap().fault(&call, rates);
        match fault {
            Some(Fault::Refuse(status, body)) => {
                to_client.write_all(&answer(status, &body))?;
                continue;
            }
            Some(Fault::LoseRequest) => return Ok(()),
            Some(Fault::LoseAnswer) | None => {}
        }
        upstream.write_all(call.head.as_bytes())?;
        upstream.write_all(&call.body)?;
        let Some(told) = read(&mut from_server)? else { return Ok(()) };
        if matches!(fault, Some(Fault::LoseAnswer)) {
            return Ok(());
        }
        if let Some(body) = state.lock().unwrap().lagging(&call, &told, rates) {
            to_client.write_all(&answer(200, &body))?;
            continue;
        }
        to_client.write_all(told.head.as_bytes())?;
        to_client.write_all(&told.body)?;
    }
    Ok(())
}

/// One message with its body; none at the end.
fn read(from: &mut impl BufRead) -> std::io::Result<Option<Call>> {
    let (mut head, mut length, mut operation) = (String::new(), 0, String::new());
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        head.push_str(&line);
        if line == "\r\n" {
            break;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "x-amz-target" => operation = value.trim().rsplit('.').next().unwrap_or_default().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(Some(Call { head, operation, body }))
}

fn answer(status: u16, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    (head + &body).into_bytes()
}

impl State {
    fn roll(&mut self) -> u64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % 100
    }

    fn fault(&mut self, call: &Call, rates: Rates) -> Option<Fault> {
        self.counts.calls += 1;
        let kind = |name: &str| format!("com.amazonaws.dynamodb.v20120810#{name}");
        if self.roll() < rates.throttled {
            self.counts.throttled += 1;
            return Some(Fault::Refuse(400, json!({ "__type": kind("ThrottlingException"), "message": "slow down" })));
        }
        if call.operation == "TransactWriteItems" && self.roll() < rates.in_the_way {
            self.counts.in_the_way += 1;
            let reasons = json!([{ "Code": "TransactionConflict", "Message": "Transaction is ongoing for the item" }]);
            let body = json!({ "__type": kind("TransactionCanceledException"), "Message": "", "CancellationReasons": reasons });
            return Some(Fault::Refuse(400, body));
        }
        if self.roll() < rates.broken {
            self.counts.broken += 1;
            return Some(Fault::Refuse(500, json!({ "__type": kind("InternalServerError"), "message": "" })));
        }
        if self.roll() < rates.lost_requests {
            self.counts.lost_requests += 1;
            return Some(Fault::LoseRequest);
        }
        (self.roll() < rates.lost_answers).then(|| {
            self.counts.lost_answers += 1;
            Fault::LoseAnswer
        })
    }

    /// What an index that is behind would have answered.
    fn lagging(&mut self, call: &Call, told: &Call, rates: Rates) -> Option<Value> {
        if rates.lag.is_zero() {
            return None;
        }
        let asked: Value = serde_json::from_slice(&call.body).ok()?;
        let now = clock();
        for name in names(&asked) {
            self.written.insert(name, now);
        }
        if call.operation != "Query" || asked.get("IndexName").is_none() {
            return None;
        }
        let list = asked["ExpressionAttributeValues"][":p"]["S"].as_str()?.to_owned();
        let mut answer: Value = serde_json::from_slice(&told.body).ok()?;
        let items = answer["Items"].as_array_mut()?;
        let before = items.len();
        items.retain(|item| {
            let at = name(item).and_then(|name| self.written.get(&name));
            at.is_none_or(|at| now - *at > rates.lag)
        });
        let hidden = before - items.len();
        answer["Count"] = json!(before - hidden);
        // Now and then it shows what it showed before, of the same list: also what has gone since.
        let earlier = self.shown.get(&list).filter(|(at, _)| now - *at < rates.lag).map(|(_, shown)| shown.clone());
        if let Some(earlier) =
            earlier.filter(|_| asked["ScanIndexForward"] != json!(false)).filter(|_| self.roll() < 30)
        {
            self.counts.stale += 1;
            return Some(earlier);
        }
        self.counts.stale += u64::from(hidden > 0);
        self.shown.insert(list, (now, answer.clone()));
        Some(answer)
    }
}

#[expect(clippy::disallowed_methods, reason = "the lag is real time")]
fn clock() -> Instant {
    Instant::now()
}

/// The items that a call writes.
fn names(asked: &Value) -> Vec<(String, String)> {
    let transact = asked["TransactItems"].as_array().into_iter().flatten();
    let written = transact.filter_map(|item| item["Put"].get("Item").or_else(|| item["Delete"].get("Key")));
    written.chain(asked.get("Item")).filter_map(name).collect()
}

fn name(item: &Value) -> Option<(String, String)> {
    Some((item["pk"]["S"].as_str()?.to_owned(), item["sk"]["S"].as_str()?.to_owned()))
}
