//! Waits before the index is asked: an index that is asked at once may be behind what was just written.

use std::time::Duration;

use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;

/// Waits so long.
#[derive(Debug)]
pub(crate) struct After(pub(crate) Duration);

impl Intercept for After {
    fn name(&self) -> &'static str {
        "after the index"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.request().body().bytes().unwrap_or_default();
        if body.windows(9).any(|part| part == b"IndexName") {
            #[expect(clippy::disallowed_methods, reason = "an interceptor cannot wait otherwise")]
            std::thread::sleep(self.0);
        }
        Ok(())
    }
}
