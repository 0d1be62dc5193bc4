//! Another way out than HTTP: the simulator carries calls to a Slack of its own, in virtual time. Sorting what went wrong
//! stays with the client, so that it is simulated too.

use super::{Client, failure};
use crate::client::Failure;
use crate::secret::Secret;
use serde_json::Value;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`, in seconds.
    pub retry_after_seconds: Option<u64>,
    /// The body.
    pub body: String,
}

/// A call under way; an error is the cause for which no answer came.
pub type Carried<'a> = Pin<Box<dyn Future<Output = Result<Answer, String>> + Send + 'a>>;

/// Carries calls.
pub trait Wire: Send + Sync + Debug {
    /// Carries one call, for which the client waits so long; what would be a form is an object of texts.
    fn carry<'a>(&'a self, method: &'a str, body: Value, timeout: Duration) -> Carried<'a>;
}

impl Client {
    /// A client whose calls go through `wire`; `http` is used for answers to a `response_url` only.
    #[must_use]
    pub fn through(wire: Arc<dyn Wire>, http: reqwest::Client) -> Self {
        Self { http, base: String::new(), token: Secret::new(""), wire: Some(wire) }
    }
}

pub(super) async fn call(wire: &dyn Wire, method: &str, body: Value, timeout: Duration) -> Result<Value, Failure> {
    let answer = wire.carry(method, body, timeout).await.map_err(|cause| failure::unsent(method, cause, false))?;
    failure::sort(method, answer.status, answer.retry_after_seconds, &answer.body)
}
