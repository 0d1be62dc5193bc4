//! The versions of the rota's schedules, in the log: an edit of the files counts from the moment at which it was first seen,
//! changes nothing before it, and moves nobody's turn more than it must (rules V and M in `rota`).
//!
//! Only schedules are kept, and the ids of people: how somebody is reached is nobody's history, and may be a secret.

use crate::clock;
use crate::config::Setup;
use crate::flow::change::{ChangeError, all_events, json};
use crate::flow::names;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{FOLD, SCHEMA};
use log::{Append, EventLog, Expected, Head, NewEvent, ReadError, Stream, StreamWrite};
use rota::Rota;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use toml::{Table, Value};

/// How long an old version is kept beside the log; the last before that is kept too.
const KEPT: TimeDelta = TimeDelta::days(120);
/// Old versions that are kept at most: whoever edits more often is still trying.
const KEPT_MAX: usize = 30;

/// The schedules as some files had them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Version {
    /// Since when they count.
    at: DateTime<Utc>,
    /// The schedules, in one file.
    schedules: String,
}

/// What is written down when the files change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Edited {
    schedules: String,
}

/// The versions that count for the time that anybody asks about, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Versions(Vec<Version>);

impl Versions {
    fn apply(&mut self, edited: Edited, at: DateTime<Utc>) {
        self.0.push(Version { at, schedules: edited.schedules });
        let recent = |version: &Version| version.at > at - KEPT;
        let old = self.0.iter().filter(|version| !recent(version)).count().saturating_sub(1);
        self.0.drain(..old.max(self.0.len().saturating_sub(KEPT_MAX)));
    }

    /// The rota of the present files after all that was before. An old version that this program cannot read is passed over.
    fn before(&self, present: &Rota) -> Option<Rota> {
        let (last, earlier) = self.0.split_last()?;
        let mut all: Option<Rota> = None;
        for version in earlier {
            let Ok(mut rota) = Rota::parse(&[("rota", &version.schedules)]) else { continue };
            for (name, schedule) in &mut rota.schedules {
                schedule.holidays = present.schedules.get(name).map(|now| now.holidays.clone()).unwrap_or_default();
            }
            all = Some(all.map_or_else(|| rota.clone(), |all| all.succeeded_by(&rota, version.at)));
        }
        Some(all?.succeeded_by(present, last.at))
    }
}

/// Writes down that the files changed, if they did, and puts what was before into the rota of the setup.
///
/// # Errors
/// The log cannot be read or written.
pub async fn note(log: &Arc<dyn EventLog>, setup: &mut Setup) -> Result<(), ChangeError> {
    let at = clock::now();
    let schedules = schedules_of(&setup.rota_files);
    let decided = log::decide(&**log, move |view| {
        let before = view.stream(&names::versions())?;
        let expected = before.as_ref().map_or(Expected::NoStream, |stream| Expected::Exact(stream.version));
        let mut versions = match &before {
            None => Versions::default(),
            Some(stream) => match remembered(stream) {
                Some(versions) => versions,
                None => fold(&view.events(&names::versions(), 1, usize::MAX)?),
            },
        };
        if versions.0.last().is_some_and(|last| last.schedules == schedules) {
            return Ok::<_, ChangeError>((Append::default(), versions));
        }
        let edited = Edited { schedules: schedules.clone() };
        let event = NewEvent {
            kind: "rota_edited".to_owned(),
            schema: SCHEMA,
            at,
            actor: "catops".to_owned(),
            cause: "rota/*.toml".to_owned(),
            body: json(&edited),
            raw: None,
        };
        versions.apply(edited, at);
        let head = Head { snapshot: json(&versions), fold: FOLD, listing: None };
        let write = StreamWrite { stream: names::versions(), expected, events: vec![event], head };
        Ok((Append { streams: vec![write], ..Append::default() }, versions))
    });
    let (_, versions) = decided.await??;
    take(setup, &versions);
    Ok(())
}

/// Puts what was before into the rota of a setup, and writes nothing: for whoever only reads.
///
/// # Errors
/// The log cannot be read.
pub async fn recall(log: &dyn EventLog, setup: &mut Setup) -> Result<(), ReadError> {
    let Some(stream) = log.load(&names::versions()).await? else { return Ok(()) };
    let mut versions = match remembered(&stream) {
        Some(versions) => versions,
        None => fold(&all_events(log, &names::versions()).await?),
    };
    // Files that nobody has served yet count from now on.
    let schedules = schedules_of(&setup.rota_files);
    if versions.0.last().is_some_and(|last| last.schedules != schedules) {
        versions.apply(Edited { schedules }, clock::now());
    }
    take(setup, &versions);
    Ok(())
}

fn take(setup: &mut Setup, versions: &Versions) {
    if let Some(rota) = versions.before(&setup.rota) {
        setup.rota = rota;
    }
}

fn remembered(stream: &Stream) -> Option<Versions> {
    if stream.head.fold != FOLD {
        return None;
    }
    serde_json::from_slice(&stream.head.snapshot).ok()
}

fn fold(events: &[log::Event]) -> Versions {
    let mut versions = Versions::default();
    for event in events {
        if let Ok(edited) = serde_json::from_slice(&event.body) {
            versions.apply(edited, event.at);
        }
    }
    versions
}

/// The state as its events lead to it.
///
/// # Errors
/// The log cannot be read.
pub async fn refolded(log: &dyn EventLog) -> Result<Option<Head>, ReadError> {
    let versions = fold(&all_events(log, &names::versions()).await?);
    Ok(Some(Head { snapshot: json(&versions), fold: FOLD, listing: None }))
}

/// The schedules of files that can be read, as one file, with everybody whom they name and a policy, since a file has to have
/// both. Comments and order make no difference.
fn schedules_of(files: &[(String, String)]) -> String {
    let (mut schedules, mut people) = (Table::new(), Table::new());
    for table in files.iter().filter_map(|(_, text)| text.parse::<Table>().ok()) {
        if let Some(Value::Table(found)) = table.get("schedules") {
            schedules.extend(found.clone());
        }
        for id in table.get("people").and_then(Value::as_table).into_iter().flat_map(Table::keys) {
            let nowhere = Value::String(format!("{id}@invalid.example"));
            people.insert(id.clone(), Value::Table(Table::from_iter([("email".to_owned(), nowhere)])));
        }
    }
    // Holidays are those of the present files.
    for schedule in schedules.iter_mut().filter_map(|(_, schedule)| schedule.as_table_mut()) {
        schedule.remove("holidays");
    }
    let somebody = people.keys().next().cloned().unwrap_or_default();
    let level = Table::from_iter([("page".to_owned(), Value::Array(vec![Value::String(somebody)]))]);
    let default = Table::from_iter([("levels".to_owned(), Value::Array(vec![Value::Table(level)]))]);
    let policies = Table::from_iter([("default".to_owned(), Value::Table(default))]);
    let whole = Table::from_iter([
        ("people".to_owned(), Value::Table(people)),
        ("schedules".to_owned(), Value::Table(schedules)),
        ("escalation".to_owned(), Value::Table(policies)),
    ]);
    toml::to_string(&whole).unwrap_or_default()
}

#[cfg(test)]
mod tests;
