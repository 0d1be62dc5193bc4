//! The demo's folder: its configuration is written anew at each start, because the shop's port changes; its data stays.

use crate::config::starter;
use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Slack id, name, handle and colour of the four people whom the local Slack knows. The last one is nobody's responder.
pub const PEOPLE: [(&str, &str, &str, &str); 4] = [
    ("U0ANA", "Ana Ruiz", "ana", "#8e4585"),
    ("U0BEN", "Ben Okafor", "ben", "#2f6f9f"),
    ("U0CHI", "Chi Lee", "chi", "#3d7a4e"),
    ("U0SAM", "Sam Stakeholder", "sam", "#9a6a2f"),
];

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
                let temporary = tempfile::Builder::new().prefix("catops-demo-").tempdir().context("making a temporary folder")?;
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
        std::fs::write(&path, text.replace("SHOP_ADDRESS", &shop)).with_context(|| format!("writing {}", path.display()))
    };
    write("catops.toml", CONFIG)?;
    write("rota/team.toml", ROTA)?;
    write("runbooks/shop/shop-connection-pool.md", RUNBOOK)?;
    write("actions/restart-shop.toml", RESTART)?;
    write("actions/clear-shop-cache.toml", CLEAR_CACHE)
}
