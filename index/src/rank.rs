//! Ranks a file of alarms against a set of runbooks: the thin command `catops suggest --alarms` and every measurement of
//! the ranking go through here. It reads the two files it is given and nothing else; the clock is handed in.

use crate::library::{IndexFailed, Library};
use crate::runbook::Runbook;
use crate::scan::scan_dir;
use crate::weights::Weights;
use chrono::DateTime;
use incident::{Alarm, AlarmKey, AlarmState, DeliveryId, RunbookId, Severity};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a file of alarms could not be ranked.
#[derive(Debug, thiserror::Error)]
pub enum RankFailed {
    /// A file cannot be opened.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A line is not what it should be.
    #[error("{}:{line}: not a JSON object of the expected form", path.display())]
    BadLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The index could not be laid out.
    #[error(transparent)]
    Index(#[from] IndexFailed),
}

/// The ranking for one alarm of the file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranked {
    /// The alarm's id in the file.
    pub id: String,
    /// Runbooks, the best first.
    pub ranked: Vec<RunbookId>,
    /// Their scores.
    pub scores: Vec<f64>,
    /// How long the search took, in milliseconds.
    pub milliseconds: f64,
}

#[derive(Deserialize)]
struct AlarmRow {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    expr: String,
}

#[derive(Deserialize)]
struct RunbookRow {
    id: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: String,
}

/// Ranks every alarm of `alarms` (JSON lines `{id, name, labels, summary, description, expr}`) against `runbooks` (JSON
/// lines `{id, title, text}`, or a folder of `.md`), at most `top` runbooks each.
/// `elapsed` is any steady clock: the time since a moment of its choice.
///
/// # Errors
/// [`RankFailed`] with file and line.
pub fn rank_file(
    alarms: &Path,
    runbooks: &Path,
    top: usize,
    weights: Weights,
    elapsed: &dyn Fn() -> Duration,
) -> Result<Vec<Ranked>, RankFailed> {
    let library = read_runbooks(runbooks, weights)?;
    let rank = |(id, alarm): (String, Alarm)| {
        let before = elapsed();
        let hits = library.search(&alarm, top);
        let milliseconds = (elapsed().saturating_sub(before)).as_secs_f64() * 1000.0;
        let scores = hits.iter().map(|hit| hit.score).collect();
        Ranked { id, ranked: hits.into_iter().map(|hit| hit.runbook).collect(), scores, milliseconds }
    };
    Ok(read_alarms(alarms)?.into_iter().map(rank).collect())
}

/// Reads alarms, one JSON object a line: `name` becomes the title, `description` and `expr` labels of that name.
///
/// # Errors
/// [`RankFailed`] with file and line.
pub fn read_alarms(path: &Path) -> Result<Vec<(String, Alarm)>, RankFailed> {
    Ok(read_lines::<AlarmRow>(path)?.into_iter().map(alarm).collect())
}

/// Reads runbooks from JSON lines, or from a folder of `.md`; broken files are left out.
///
/// # Errors
/// [`RankFailed`] with file and line.
pub fn read_runbooks(path: &Path, weights: Weights) -> Result<Library, RankFailed> {
    let mut library = Library::with_weights(weights);
    if path.is_dir() {
        library.reload(&scan_dir(path).files)?;
        return Ok(library);
    }
    let mut runbooks = BTreeMap::new();
    for row in read_lines::<RunbookRow>(path)? {
        let id = RunbookId(row.id);
        // A text that only looks like broken front matter is still a text.
        let parsed = Runbook::parse(id.clone(), id.as_str(), &row.text);
        let mut runbook = match parsed {
            Ok(runbook) => runbook,
            Err(_) => match Runbook::parse(id.clone(), id.as_str(), &format!("\n{}", row.text)) {
                Ok(runbook) => runbook,
                Err(_) => continue,
            },
        };
        if !row.title.trim().is_empty() {
            runbook.title = row.title;
        }
        runbooks.insert(id, runbook);
    }
    library.put(runbooks, &BTreeSet::new())?;
    Ok(library)
}

fn read_lines<Row: for<'a> Deserialize<'a>>(path: &Path) -> Result<Vec<Row>, RankFailed> {
    let unreadable = |source| RankFailed::Unreadable { path: path.to_owned(), source };
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            let bad = |source| RankFailed::BadLine { path: path.to_owned(), line: number + 1, source };
            serde_json::from_str(line).map_err(bad)
        })
        .collect()
}

fn alarm(row: AlarmRow) -> (String, Alarm) {
    let mut labels: BTreeMap<String, String> = row
        .labels
        .into_iter()
        .map(|(key, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (key, text)
        })
        .collect();
    for (key, value) in [("description", row.description), ("expr", row.expr)] {
        if !value.is_empty() {
            labels.insert(key.to_owned(), value);
        }
    }
    let alarm = Alarm {
        source: "file".to_owned(),
        delivery: DeliveryId(format!("file:{}", row.id)),
        key: AlarmKey(format!("file:{}", row.id)),
        state: AlarmState::Firing,
        severity: Severity::parse(labels.get("severity").map_or("", String::as_str)),
        title: row.name,
        summary: row.summary,
        resource: String::new(),
        service: labels.get("service").cloned(),
        labels,
        links: Vec::new(),
        occurred_at: DateTime::UNIX_EPOCH,
        drill: None,
    };
    (row.id, alarm)
}
