//! The body on DynamoDB, for the machine: a table of its own for each walk, and a new process life at each opening.

#[path = "../dynamodb/server.rs"]
mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use log::{DynamoLog, EffectId, EventLog, StreamId};
use server::Server;
use tokio::runtime::Builder;

use super::Body;

pub(super) struct InTable {
    server: Server,
    lives: AtomicU8,
}

const TABLE: &str = "walk";

#[expect(clippy::disallowed_methods, reason = "a test has no other clock")]
fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// Two of three effects lie with others.
fn homes(id: &EffectId) -> Option<StreamId> {
    let home = id.as_str().bytes().map(usize::from).sum::<usize>() % 3;
    (home > 0).then(|| StreamId::new(format!("home/{home}")))
}

impl Body for InTable {
    fn new() -> Self {
        let server = Server::start();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(server::create(&server.client(), TABLE));
        Self { server, lives: AtomicU8::new(0) }
    }

    fn open(&self, before: Option<Arc<dyn EventLog>>) -> Arc<dyn EventLog> {
        drop(before);
        let life = self.lives.fetch_add(1, Ordering::Relaxed);
        Arc::new(DynamoLog::new(self.server.client(), TABLE, [life; 32], now).with_homes(homes).as_only_writer())
    }
}
