//! What every AWS client of this process is made from: one TLS stack, one connection pool, credentials looked up once.
//!
//! Region, credentials and endpoints (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_DYNAMODB` ...) come from where the SDK finds
//! them: environment, profile, container, instance. Nothing is asked before the first client is made.

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::{Builder, tls};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_types::config_bag::ConfigBag;
use tokio::sync::OnceCell;

static CONFIG: OnceCell<SdkConfig> = OnceCell::const_new();

/// What the clients share. Without retries: whoever calls has an outbox or a loop of its own that repeats, and says so.
pub(crate) async fn config() -> &'static SdkConfig {
    CONFIG
        .get_or_init(|| {
            let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
            aws_config::defaults(BehaviorVersion::v2026_01_12())
                .http_client(Builder::new().tls_provider(ring).build_https())
                .retry_config(RetryConfig::disabled())
                .load()
        })
        .await
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
