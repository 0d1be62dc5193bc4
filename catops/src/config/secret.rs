//! Secrets: read from the environment or a file when they are needed, printed as `***`.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

/// Where a secret is to be found. Never the secret itself, so that a configuration can stand in git.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum SecretRef {
    /// A variable of the environment: `env:NAME`.
    Env(String),
    /// A file: `file:/run/secrets/name`, its first line.
    File(String),
    /// Written in the configuration itself: accepted for trying things out on loopback, reported by `catops lint`.
    Plain(String),
}

impl From<String> for SecretRef {
    fn from(text: String) -> Self {
        match text.split_once(':') {
            Some(("env", name)) => Self::Env(name.to_owned()),
            Some(("file", path)) => Self::File(path.to_owned()),
            _ => Self::Plain(text),
        }
    }
}

/// A secret could not be found.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set.
    #[error("the environment has no {0}; set it, or name another variable")]
    NoVariable(String),
    /// The file cannot be read.
    #[error("the secret file {path} cannot be read")]
    NoFile {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl SecretRef {
    /// Looks the secret up.
    ///
    /// # Errors
    /// [`SecretError`] names the variable or the file.
    pub fn read(&self) -> Result<String, SecretError> {
        match self {
            Self::Env(name) => env(name).ok_or_else(|| SecretError::NoVariable(name.clone())),
            Self::File(path) => {
                let text = std::fs::read_to_string(path);
                let text = text.map_err(|source| SecretError::NoFile { path: path.clone(), source })?;
                Ok(text.lines().next().unwrap_or_default().trim().to_owned())
            }
            Self::Plain(secret) => Ok(secret.clone()),
        }
    }

    /// True when the secret stands in the configuration itself.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
            Self::Plain(_) => f.write_str("***"),
        }
    }
}

/// What was fetched from a store of secrets: as if it stood in the environment, and never put there.
static FETCHED: OnceLock<BTreeMap<String, String>> = OnceLock::new();

/// Adds what was fetched from a store of secrets, once in a process's life, before anything is looked up.
pub fn add_fetched(secrets: BTreeMap<String, String>) {
    FETCHED.set(secrets).ok();
}

/// A variable of the environment or of the fetched secrets, when it is set and not empty.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the file that owns the environment")]
pub fn env(name: &str) -> Option<String> {
    let fetched = || FETCHED.get().and_then(|secrets| secrets.get(name).cloned());
    std::env::var(name).ok().filter(|value| !value.is_empty()).or_else(fetched).filter(|value| !value.is_empty())
}
