//! A table of a DynamoDB of this run's own, and how it is reached. Only the processes of CatOps are killed; DynamoDB is
//! somebody else's.

#[path = "../../log/tests/dynamodb/server.rs"]
mod server;

use anyhow::Result;
use log::{DynamoLog, EventLog};
use std::sync::Arc;

const NAME: &str = "catops";

pub(crate) struct Table {
    server: server::Server,
}

impl Table {
    pub(crate) async fn new() -> Result<Self> {
        let server = server::Server::start();
        server::create(&server.client(), NAME).await;
        Ok(Self { server })
    }

    pub(crate) fn name(&self) -> String {
        format!("dynamodb:{NAME}")
    }

    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let plain = [("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
        let plain = plain.into_iter().map(|(name, value)| (name, value.to_owned()));
        plain.chain([("AWS_ENDPOINT_URL", self.server.url())]).collect()
    }

    pub(crate) fn log(&self) -> Arc<dyn EventLog> {
        Arc::new(
            DynamoLog::new(self.server.client(), NAME, [0; 32], catops::clock::now).with_homes(catops::flow::homes::of),
        )
    }
}
