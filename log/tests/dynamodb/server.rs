//! A DynamoDB of a test's own: dynoxide, started on a free port and stopped with the value.
//! `tests/aws/install` brings it; `CATOPS_DYNOXIDE` names another one.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region, retry::RetryConfig};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};

/// A server.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// With its tables in memory.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(more: &[&str]) -> Self {
        // A port that is free may be somebody's before the server has it: then it ends, and another one is tried.
        (0..10).find_map(|_| Self::try_start(more)).expect("dynoxide ends as soon as it is started")
    }

    fn try_start(more: &[&str]) -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap();
        let mut command = Command::new(program());
        command.args(["serve", "--log", "quiet", "--port", &free.port().to_string()]).args(more);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut server = Self { child, address: free };
        for _ in 0..500 {
            #[expect(clippy::disallowed_methods, reason = "waits for another process")]
            std::thread::sleep(Duration::from_millis(20));
            if server.child.try_wait().unwrap().is_some() {
                return None;
            }
            // Not a connection of ours to itself, which a free port allows.
            let connected = TcpStream::connect_timeout(&free, Duration::from_secs(1));
            if connected.is_ok_and(|stream| stream.local_addr().is_ok_and(|own| own != free)) {
                return Some(server);
            }
        }
        panic!("dynoxide does not listen on {free}");
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn client(&self) -> Client {
        client(&self.url())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[expect(clippy::disallowed_methods, reason = "a test that is told where its tools are")]
fn program() -> PathBuf {
    if let Ok(named) = std::env::var("CATOPS_DYNOXIDE") {
        return named.into();
    }
    let home = std::env::var("HOME").unwrap_or_default();
    let cache = std::env::var("XDG_CACHE_HOME").unwrap_or_else(|_| format!("{home}/.cache"));
    let program = PathBuf::from(cache).join("catops-aws-bench/bin/dynoxide");
    assert!(program.exists(), "{} is missing: run tests/aws/install", program.display());
    program
}

/// A client that speaks to an address of this machine.
pub(crate) fn client(endpoint: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

/// The table of `infra/template.yaml`.
pub(crate) async fn create(client: &Client, name: &str) {
    let attribute = |name: &str| {
        let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        attribute.build().unwrap()
    };
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let index = GlobalSecondaryIndex::builder()
        .index_name("by_place")
        .key_schema(key("g", KeyType::Hash))
        .key_schema(key("s", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
        .unwrap();
    client
        .create_table()
        .table_name(name)
        .set_attribute_definitions(Some(["pk", "sk", "g", "s"].map(attribute).to_vec()))
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .global_secondary_indexes(index)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
}
