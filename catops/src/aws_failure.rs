//! What is said when a service of AWS was called in vain: its own words, or what kept it from being asked and what to do
//! about it. Never the SDK's account of its insides, never a credential.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::time::Duration;

/// Of what a service or the SDK says, in characters: it stands in the timeline and in the outbox.
const TOLD_CHARS_MAX: usize = 400;

/// What a service says, else what kept it from being asked within `limit` and what to do about it.
pub(crate) fn told<E, R>(service: &str, limit: Duration, error: &SdkError<E, R>) -> String
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug,
{
    let said = error.as_service_error().and_then(|said| Some((said.code()?, said.message().unwrap_or_default())));
    one_line(&match (said, error) {
        (Some((code, message)), _) => format!("{service} answered {code}: {message}"),
        (None, SdkError::TimeoutError(_)) => format!("{service} did not answer within {} s", limit.as_secs()),
        (None, SdkError::ConstructionFailure(_) | SdkError::DispatchFailure(_)) => {
            format!("{service} cannot be asked; look at AWS_REGION, the credentials and the network: {}", causes(error))
        }
        (None, _) => format!("{service} answered something else: {}", causes(error)),
    })
}

/// What somebody else said, as a line that can be shown.
pub(crate) fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(TOLD_CHARS_MAX).collect()
}

/// An error's causes, without the SDK's own account of its insides.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(error.source(), |cause| cause.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
