//! In the place of `context/` in a build without the feature `aws`: CloudWatch is not there, and nobody asks it.

use crate::app::App;
use crate::config::{Config, Problem};
use crate::flow::perform::{NotNow, done};
use crate::page::NOT_BUILT;
use incident::IncidentId;
use log::LeasedEffect;

/// CloudWatch, which is not there.
#[derive(Default)]
pub struct CloudWatch {}

/// Whether somebody wants to see what it knows: in vain.
#[must_use]
pub const fn is_wanted(_config: &Config) -> bool {
    false
}

/// What the configuration asks for that this build cannot do.
#[must_use]
pub fn not_built(config: &Config) -> Option<Problem> {
    let message = format!("[cloudwatch] pictures is true, and {NOT_BUILT}");
    config.cloudwatch.pictures.then(|| Problem { path: "catops.toml".to_owned(), line: 0, message })
}

/// Ends what another build asked for.
///
/// # Errors
/// The log cannot be written.
pub async fn perform(app: &App, _id: IncidentId, leased: &LeasedEffect) -> Result<(), NotNow> {
    done(app, leased).await
}
