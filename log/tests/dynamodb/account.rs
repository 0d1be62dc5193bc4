//! The contract in an account: in AWS, or in what `AWS_ENDPOINT_URL` names. It makes some sixty tables called
//! `catops-it-...`, deletes them, and costs some cents; `CATOPS_AWS_IT=1` says that this is meant.
//!
//! ```text
//! CATOPS_AWS_IT=1 AWS_REGION=... AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... \
//!   cargo test -p eventlog --features contract,dynamodb --test dynamodb -- --ignored
//! ```

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_dynamodb::types::TableStatus;
use aws_smithy_http_client::{Builder, tls};
use log::{EventLog, contract};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::{log, pause, server, slow_index};

/// How long the index of AWS is waited for. It is most often some milliseconds behind; the contract is about what holds
/// once it is not.
const INDEX_BEHIND: Duration = Duration::from_millis(500);

#[expect(clippy::disallowed_methods, reason = "a test that is told where the account is")]
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn needed(name: &str) -> String {
    env(name).unwrap_or_else(|| panic!("{name} is not set"))
}

fn client() -> Client {
    let credentials = Credentials::new(
        needed("AWS_ACCESS_KEY_ID"),
        needed("AWS_SECRET_ACCESS_KEY"),
        env("AWS_SESSION_TOKEN"),
        None,
        "environment",
    );
    let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(needed("AWS_REGION")))
        .credentials_provider(credentials)
        .http_client(Builder::new().tls_provider(ring).build_https());
    match env("AWS_ENDPOINT_URL") {
        Some(endpoint) => Client::from_conf(config.endpoint_url(endpoint).build()),
        None => Client::from_conf(config.interceptor(slow_index::After(INDEX_BEHIND)).build()),
    }
}

async fn table(client: &Client, name: &str) {
    server::create(client, name).await;
    loop {
        let described = client.describe_table().table_name(name).send().await.unwrap();
        let table = described.table.unwrap();
        let indexes = table.global_secondary_indexes.unwrap_or_default();
        let made = indexes.iter().all(|index| index.index_status().is_some_and(|status| status.as_str() == "ACTIVE"));
        if table.table_status == Some(TableStatus::Active) && made {
            return;
        }
        pause(500).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "makes tables in an account: CATOPS_AWS_IT=1"]
async fn the_contract_is_kept_in_an_account() {
    assert_eq!(env("CATOPS_AWS_IT").as_deref(), Some("1"), "CATOPS_AWS_IT=1 says that tables may be made");
    let client = client();
    let run = format!("catops-it-{:x}", super::now().timestamp_micros());
    let made = Arc::new(Mutex::new(Vec::<String>::new()));
    let (tables, clients) = (Arc::clone(&made), client.clone());
    let kept = tokio::spawn(async move {
        contract::event_log(|| {
            let name = {
                let mut tables = tables.lock().unwrap();
                let name = format!("{run}-{}", tables.len());
                tables.push(name.clone());
                name
            };
            block_in_place(|| Handle::current().block_on(table(&clients, &name)));
            Arc::new(log(clients.clone(), &name)) as Arc<dyn EventLog>
        })
        .await;
    });
    let kept = kept.await;
    let made = made.lock().unwrap().clone();
    for name in &made {
        client.delete_table().table_name(name).send().await.unwrap();
    }
    kept.unwrap();
    assert!(!made.is_empty());
}
