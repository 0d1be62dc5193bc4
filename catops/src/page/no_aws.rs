//! In the place of `sns.rs` in a build without the feature `aws`: says so.

/// Whether this build can publish to SNS.
pub(super) const IS_BUILT: bool = false;

/// What to do about it.
pub(super) const NOT_BUILT: &str = "this build has no AWS: build with --features aws";

/// SNS, which is not there.
#[derive(Default)]
pub struct Sns {}

/// A page for a topic.
#[expect(dead_code, reason = "only SNS reads it")]
pub(super) struct Letter<'l> {
    pub(super) subject: String,
    pub(super) message: String,
    pub(super) effect_id: &'l str,
    pub(super) group: String,
}

#[expect(clippy::unused_async, reason = "the same signatures as in sns.rs")]
impl Sns {
    pub(super) async fn text(&self, _phone: &str, _message: &str) -> Result<(), String> {
        Err(NOT_BUILT.to_owned())
    }

    pub(super) async fn publish(&self, _topic: &str, _letter: Letter<'_>) -> Result<(), String> {
        Err(NOT_BUILT.to_owned())
    }
}
