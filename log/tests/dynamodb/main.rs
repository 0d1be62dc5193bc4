//! The log on a real server that speaks DynamoDB: the contract suite, and what only this body can get wrong.
#![expect(clippy::unwrap_used, reason = "a test fails loudly")]

mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use aws_sdk_dynamodb::Client;
use chrono::{DateTime, Utc};
use log::{DynamoLog, EventLog, contract};
use server::Server;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// The clock of the log, which only orders.
#[expect(clippy::disallowed_methods, reason = "a test has no other clock")]
fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// Each log has a secret of its own, as each process has.
fn log(client: Client, table: &str) -> DynamoLog {
    static LOGS: AtomicU64 = AtomicU64::new(0);
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&LOGS.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    DynamoLog::new(client, table, seed, now)
}

/// An empty table of a name that was not used before.
async fn table(client: &Client) -> String {
    static TABLES: AtomicU64 = AtomicU64::new(0);
    let name = format!("log-{}", TABLES.fetch_add(1, Ordering::Relaxed));
    server::create(client, &name).await;
    name
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept() {
    let server = Server::start();
    let client = server.client();
    contract::event_log(|| {
        let table = block_in_place(|| Handle::current().block_on(table(&client)));
        Arc::new(log(server.client(), &table)) as Arc<dyn EventLog>
    })
    .await;
}
