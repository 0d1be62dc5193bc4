//! What every AWS client of this process is made from: one TLS stack, one connection pool, credentials looked up once.
//!
//! Region, credentials and endpoints (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_DYNAMODB` ...) come from where the SDK finds
//! them: environment, profile, container, instance. Nothing is asked before the first client is made.

use crate::config::secret::env;
use anyhow::Context as _;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, tls};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_types::config_bag::ConfigBag;
use std::time::Duration;
use tokio::sync::OnceCell;

static CONFIG: OnceCell<SdkConfig> = OnceCell::const_new();

/// What the clients share. Without retries: whoever calls has an outbox or a loop of its own that repeats, and says so.
pub(crate) async fn config() -> &'static SdkConfig {
    CONFIG
        .get_or_init(|| {
            let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
            aws_config::defaults(BehaviorVersion::v2026_01_12())
                .http_client(Builder::new().tls_provider(ring).tls_context(trusted()).build_https())
                .retry_config(RetryConfig::disabled())
                .load()
        })
        .await
}

/// Roots of Amazon Trust Services, which every service of the public regions presents (amazontrust.com/repository).
const AMAZON_ROOTS: &str = include_str!("aws/roots.pem");

/// Whom the clients believe: the system's roots; in a function Amazon's own, since reading some 140 roots of a system takes
/// longer than everything else before its first answer.
fn trusted() -> TlsContext {
    let region = env("AWS_REGION").unwrap_or_default();
    let is_public = !region.starts_with("cn-") && !region.starts_with("us-iso") && !region.starts_with("eu-iso");
    let in_function = env("AWS_LAMBDA_RUNTIME_API").is_some();
    let store = match in_function && is_public {
        true => TrustStore::empty().with_pem_certificate(AMAZON_ROOTS),
        false => TrustStore::default(),
    };
    TlsContext::builder().with_trust_store(store).build().expect("roots that were read when they were put here")
}

/// How long one call of the log may take: a sender waits some ten seconds, and a call that hangs is made again.
const LOG_CALL_MAX: Duration = Duration::from_secs(3);

/// The client of the log.
pub(crate) async fn dynamodb() -> aws_sdk_dynamodb::Client {
    let timeouts = TimeoutConfig::builder().operation_timeout(LOG_CALL_MAX).connect_timeout(LOG_CALL_MAX).build();
    let config = aws_sdk_dynamodb::config::Config::from(config().await).to_builder().timeout_config(timeouts);
    aws_sdk_dynamodb::Client::from_conf(config.interceptor(Calls).build())
}

/// How long a secret may take: it is asked for before a function's first answer.
const SECRET_MAX: Duration = Duration::from_secs(5);

/// The text of a secret of Secrets Manager.
///
/// # Errors
/// It cannot be read; the text says which one and what to look at.
pub(crate) async fn secret(arn: &str) -> anyhow::Result<String> {
    let timeouts = TimeoutConfig::builder().operation_timeout(SECRET_MAX).build();
    let config = aws_sdk_secretsmanager::config::Config::from(config().await).to_builder().timeout_config(timeouts);
    let client = aws_sdk_secretsmanager::Client::from_conf(config.interceptor(Calls).build());
    let asked = client.get_secret_value().secret_id(arn).send().await;
    let found =
        asked.with_context(|| format!("reading the secret {arn}; look at its name and at the function's role"))?;
    found.secret_string.with_context(|| format!("the secret {arn} holds no text"))
}

/// An error's causes, without the SDK's own account of its insides.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(error.source(), |cause| cause.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Says which operations are called, at level `debug`: with it a run shows what its role has to allow.
/// Give it to each client's configuration.
#[derive(Debug)]
pub(crate) struct Calls;

#[dyn_dispatch_hint]
impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "Calls"
    }

    fn read_before_serialization(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &aws_smithy_runtime_api::client::runtime_components::RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(called) = config.load::<Metadata>() {
            tracing::debug!(service = called.service(), operation = called.name(), "AWS is called");
        }
        Ok(())
    }
}
