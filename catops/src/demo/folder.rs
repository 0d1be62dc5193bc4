//! The demo's folder: its configuration is written anew at each start, because the shop's port changes; its data stays.

use crate::config::starter;
use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The channels of the demo's local Slack: id, name, topic.
#[must_use]
pub fn channels() -> Vec<(String, String, String)> {
    let channel = |id: &str, name: &str, topic: &str| (id.to_owned(), name.to_owned(), topic.to_owned());
    vec![
        channel("C0OPS", "ops", "Incidents, and the people who fix them"),
        channel("C0BILLING", "billing", "Incidents of billing and invoices"),
        channel("C0GENERAL", "general", "Everything else"),
    ]
}

const RUNBOOK: &str = include_str!("folder/shop-connection-pool.md");
const ROTA: &str = include_str!("folder/team.toml");
const CONFIG: &str = include_str!("folder/catops.toml");
const RESTART: &str = include_str!("folder/restart-shop.toml");
const CLEAR_CACHE: &str = include_str!("folder/clear-shop-cache.toml");

/// Where the demo lives.
pub struct Folder {
    /// The configuration.
    pub config: PathBuf,
    /// The log, and the local Slack's journal.
    pub data: PathBuf,
    /// Removes a temporary folder when the demo ends.
    _temporary: Option<tempfile::TempDir>,
}

impl Folder {
    /// The given folder, or a temporary one that goes when the demo ends.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(data: Option<PathBuf>) -> Result<Self> {
        let (data, temporary) = match data {
            Some(data) => (data, None),
            None => {
                let temporary =
                    tempfile::Builder::new().prefix("catops-demo-").tempdir().context("making a temporary folder")?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        std::fs::create_dir_all(&data).with_context(|| format!("making {}", data.display()))?;
        Ok(Self { config: data.join("config"), data, _temporary: temporary })
    }
}

/// Writes the demo's configuration.
///
/// # Errors
/// The folder cannot be written.
pub fn write_config(folder: &Path, shop: SocketAddr) -> Result<()> {
    let shop = shop.to_string();
    starter::write_library(folder).context("writing the starter library")?;
    let write = |path: &str, text: &str| {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
        }
        std::fs::write(&path, text.replace("SHOP_ADDRESS", &shop))
            .with_context(|| format!("writing {}", path.display()))
    };
    write("catops.toml", CONFIG)?;
    write("rota/team.toml", ROTA)?;
    write("runbooks/shop/shop-connection-pool.md", RUNBOOK)?;
    write("actions/restart-shop.toml", RESTART)?;
    write("actions/clear-shop-cache.toml", CLEAR_CACHE)
}
