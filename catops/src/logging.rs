//! What the process itself says while it runs. Nobody's data goes here: what happened is in the log.

use crate::config::secret::env;
use tracing_subscriber::EnvFilter;

/// Logs to standard error from `level` on, or from what `CATOPS_LOG` says: for people on a terminal, as JSON lines with
/// `CATOPS_LOG_FORMAT=json`.
pub fn to_stderr(level: &str) {
    let filter = EnvFilter::new(env("CATOPS_LOG").unwrap_or_else(|| level.to_owned()));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    if env("CATOPS_LOG_FORMAT").as_deref() == Some("json") {
        logs.json().init();
    } else {
        logs.init();
    }
}
