//! The memory body keeps the contract.

use std::sync::Arc;

use super::MemoryLog;
use crate::contract;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_the_contract() {
    contract::event_log(|| Arc::new(MemoryLog::new())).await;
}
