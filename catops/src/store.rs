//! Where a log is kept: in a folder of this machine, or in a table of DynamoDB that many processes share.
//! The only file that chooses between them.

use crate::seed;
#[cfg(feature = "aws")]
use crate::{aws, clock, flow::homes};
use anyhow::{Context, Result, bail};
use log::{EventLog, MemoryLog, SqliteLog};
use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

/// How a table is named where a folder could be named.
const TABLE: &str = "dynamodb:";

/// How nothing is named.
const MEMORY: &str = "memory:";

/// Where a log is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// A folder.
    Folder(PathBuf),
    /// A table: `dynamodb:NAME`.
    Table(String),
    /// Nowhere, `memory:`: it is gone with the process that has it. For trying and testing.
    Memory,
}

impl FromStr for Data {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.strip_prefix(TABLE) {
            Some(name) => Self::Table(name.to_owned()),
            None if text == MEMORY => Self::Memory,
            None => Self::Folder(text.into()),
        })
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Table(name) => write!(f, "{TABLE}{name}"),
            Self::Memory => f.write_str(MEMORY),
        }
    }
}

impl Data {
    /// The folder; none when it is a table.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Table(_) | Self::Memory => None,
        }
    }

    /// The folder, for what only a folder can do.
    ///
    /// # Errors
    /// It is a table.
    pub fn only_folder(&self) -> Result<&Path> {
        self.folder().with_context(|| {
            format!("{self} is not a folder; DynamoDB backs a table up itself (point-in-time recovery), and `catops export` writes it as lines")
        })
    }

    /// Opens the log to write to it.
    ///
    /// # Errors
    /// It cannot be opened, or this build cannot open such a one.
    pub async fn open(&self) -> Result<Arc<dyn EventLog>> {
        match self {
            Self::Folder(folder) => {
                let log = SqliteLog::open(folder, seed::fresh()?);
                Ok(Arc::new(log.with_context(|| format!("opening the data in {self}"))?))
            }
            Self::Table(name) => table(name, false).await,
            Self::Memory => Ok(Arc::new(MemoryLog::new())),
        }
    }

    /// The same for a server, beside which most often nobody writes.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_to_serve(&self) -> Result<Arc<dyn EventLog>> {
        match self {
            Self::Table(name) => table(name, true).await,
            Self::Folder(_) | Self::Memory => self.open().await,
        }
    }

    /// Opens the log to read it, beside whoever writes to it.
    ///
    /// # Errors
    /// There is none, or this build cannot open such a one.
    pub async fn open_read_only(&self) -> Result<Arc<dyn EventLog>> {
        match self {
            Self::Folder(folder) => {
                let log = SqliteLog::open_read_only(folder);
                let log =
                    log.with_context(|| format!("there is no readable data in {self}; name the folder with --data"))?;
                Ok(Arc::new(log))
            }
            Self::Table(name) => table(name, false).await,
            Self::Memory => bail!("{self} can be read by its own process only"),
        }
    }
}

/// Opens the log in a table that others write to as well. Whoever knows that it is a table needs no more of the program than
/// that: this is what keeps SQLite out of a function's executable.
///
/// # Errors
/// As [`Data::open`].
#[cfg(feature = "aws")]
pub async fn open_table(name: &str) -> Result<Arc<dyn EventLog>> {
    table(name, false).await
}

#[cfg(feature = "aws")]
async fn table(name: &str, is_served: bool) -> Result<Arc<dyn EventLog>> {
    if name.is_empty() {
        bail!("{TABLE} names no table: write {TABLE}catops");
    }
    let log = log::DynamoLog::new(aws::dynamodb().await, name, seed::fresh()?, clock::now);
    let log = log.with_homes(homes::of);
    Ok(Arc::new(if is_served { log.as_only_writer() } else { log }))
}

#[cfg(not(feature = "aws"))]
async fn table(name: &str, _is_served: bool) -> Result<Arc<dyn EventLog>> {
    bail!("{TABLE}{name} is a table, and this build has no DynamoDB: build with --features aws")
}
