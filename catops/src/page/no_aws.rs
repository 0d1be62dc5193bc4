//! In the place of `sns.rs` in a build without the feature `aws`: says so.

/// Whether this build can publish to SNS.
pub(super) const IS_BUILT: bool = false;

/// What to do about it.
pub(crate) const NOT_BUILT: &str = "this build has no AWS: build with --features aws";

/// SNS, which is not there.
#[derive(Default)]
pub struct Sns {}

/// A message for a topic.
#[expect(dead_code, reason = "only SNS reads it")]
pub(crate) struct Letter<'l> {
    pub(crate) subject: String,
    pub(crate) message: String,
    pub(crate) effect_id: &'l str,
    pub(crate) group: String,
    pub(crate) attributes: Vec<(&'static str, String)>,
}

#[expect(clippy::unused_async, reason = "the same signatures as in sns.rs")]
impl Sns {
    pub(super) async fn text(&self, _phone: &str, _message: &str) -> Result<(), String> {
        Err(NOT_BUILT.to_owned())
    }

    pub(crate) async fn publish(&self, _topic: &str, _letter: Letter<'_>) -> Result<(), String> {
        Err(NOT_BUILT.to_owned())
    }
}
