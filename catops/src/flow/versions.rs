//! The versions of the rota's schedules, in the log: an edit of the files counts from the moment at which it was first seen,
//! changes nothing before it, and moves nobody's turn more than it must (rules V and M in `rota`).
//!
//! Only schedules are kept, and the ids of people: how somebody is reached is nobody's history, and may be a secret.

use crate::clock;
use crate::config::Setup;
use crate::flow::change::{ChangeError, all_events, json};
use crate::flow::{imports, names};
use chrono::{DateTime, Utc};
use incident::{FOLD, SCHEMA};
use log::{Append, EventLog, Expected, Head, NewEvent, ReadError, Stream, StreamWrite};
use rota::Rota;
use rota::calendar::Imported;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// The schedules as some files had them.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// What is kept beside the stream: enough to see whether files are new. The versions themselves are its events, all of them,
/// since whose turn it is may follow from the first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Last {
    /// The SHA-256 of the last version's schedules, in hex.
    sha256: String,
}

impl Last {
    fn of(schedules: &str) -> Self {
        Self { sha256: log::Digest::of(schedules.as_bytes()).to_string() }
    }
}

/// The rota of the present files after all versions before; nothing when there is none before. A version that this program
/// cannot read is passed over.
fn after(versions: &[Version], present: &Rota, imported: &Imported) -> Option<Rota> {
    let (last, earlier) = versions.split_last()?;
    let mut all: Option<Rota> = None;
    for version in earlier {
        let mut rota = match Rota::parse(&[("rota", &version.schedules)]) {
            Ok(rota) => rota,
            Err(problems) => {
                let problem = problems.first().map(|problem| problem.message.clone()).unwrap_or_default();
                tracing::error!(at = %version.at, "the rota as it was then cannot be read, and is passed over: {problem}");
                continue;
            }
        };
        imported.fill(&mut rota);
        for (name, schedule) in &mut rota.schedules {
            schedule.holidays = present.schedules.get(name).map(|now| now.holidays.clone()).unwrap_or_default();
        }
        all = Some(all.map_or_else(|| rota.clone(), |all| all.succeeded_by(&rota, version.at)));
    }
    Some(all?.succeeded_by(present, last.at))
}

/// Writes down that the files changed, if they did, and puts what was before into the rota of the setup. Where it cannot be
/// written, people are on call by the files alone, and that is logged: nobody is left without an answer over it.
pub async fn note(log: &dyn EventLog, setup: &mut Setup) {
    // Nothing is read of calendars where none is named; layers that went by one count when there are versions before.
    let are_named = imports::are_named(setup);
    if are_named {
        imports::note(log, setup).await;
    }
    match write(log, &schedules_of(&setup.rota_files)).await {
        // Nothing was before the first, so nothing is read: most starts are like that.
        Ok(1) => return,
        Ok(_) => {}
        Err(error) => tracing::error!(error = %error, "a new version of the rota could not be kept"),
    }
    let recalled = if are_named { recall_files(log, setup).await } else { recall(log, setup).await };
    if let Err(error) = recalled {
        tracing::error!(error = %error, "the rota's versions could not be read; its files count alone");
    }
}

/// Returns how many versions there are then.
async fn write(log: &dyn EventLog, schedules: &str) -> Result<u64, ChangeError> {
    let at = clock::now();
    let (last, body) = (Last::of(schedules), json(&Edited { schedules: schedules.to_owned() }));
    let decided = log::decide(log, move |view| {
        let before = view.stream(&names::versions())?;
        let count = before.as_ref().map_or(0, |stream| stream.version);
        let is_known =
            |stream: &Stream| serde_json::from_slice::<Last>(&stream.head.snapshot).is_ok_and(|known| known == last);
        if before.as_ref().is_some_and(is_known) {
            return Ok::<_, ChangeError>((Append::default(), count));
        }
        let event = NewEvent {
            kind: "rota_edited".to_owned(),
            schema: SCHEMA,
            at,
            actor: "catops".to_owned(),
            cause: "rota/*.toml".to_owned(),
            body: body.clone(),
            raw: None,
        };
        let expected = before.as_ref().map_or(Expected::NoStream, |stream| Expected::Exact(stream.version));
        let head = Head { snapshot: json(&last), fold: FOLD, listing: None };
        let write = StreamWrite { stream: names::versions(), expected, events: vec![event], head };
        Ok((Append { streams: vec![write], ..Append::default() }, count + 1))
    });
    decided.await?.map(|(_, count)| count)
}

/// Puts what was before into the rota of a setup, and writes nothing: for whoever only reads.
///
/// # Errors
/// The log cannot be read.
pub async fn recall(log: &dyn EventLog, setup: &mut Setup) -> Result<(), ReadError> {
    imports::recall(log, setup).await?;
    recall_files(log, setup).await
}

async fn recall_files(log: &dyn EventLog, setup: &mut Setup) -> Result<(), ReadError> {
    let mut versions = of_events(&all_events(log, &names::versions()).await?);
    // Files that nobody has served yet count from now on.
    let schedules = schedules_of(&setup.rota_files);
    if versions.last().is_some_and(|last| last.schedules != schedules) {
        versions.push(Version { at: clock::now(), schedules });
    }
    if let Some(rota) = after(&versions, &setup.rota, &setup.calendars.imported) {
        setup.rota = rota;
    }
    Ok(())
}

/// When the files changed, in order, as far as it was seen.
///
/// # Errors
/// The log cannot be read.
pub async fn edits(log: &dyn EventLog) -> Result<Vec<DateTime<Utc>>, ReadError> {
    Ok(all_events(log, &names::versions()).await?.iter().map(|event| event.at).collect())
}

fn of_events(events: &[log::Event]) -> Vec<Version> {
    let version = |event: &log::Event| {
        let Edited { schedules } = serde_json::from_slice(&event.body).ok()?;
        Some(Version { at: event.at, schedules })
    };
    events.iter().filter_map(version).collect()
}

/// The state as its events lead to it.
///
/// # Errors
/// The log cannot be read.
pub async fn refolded(log: &dyn EventLog) -> Result<Option<Head>, ReadError> {
    let versions = of_events(&all_events(log, &names::versions()).await?);
    let last = versions.last().map(|last| Last::of(&last.schedules)).unwrap_or_default();
    Ok(Some(Head { snapshot: json(&last), fold: FOLD, listing: None }))
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
    // Where a schedule is told of is nobody's turn.
    for schedule in schedules.iter_mut().filter_map(|(_, schedule)| schedule.as_table_mut()) {
        schedule.remove("channel");
        schedule.remove("ready_check");
        schedule.remove("lead");
        schedule.remove("topic");
    }
    // Holidays are those of the present files; that there are some is said, since layers may ask for them.
    for schedule in schedules.iter_mut().filter_map(|(_, schedule)| schedule.as_table_mut()) {
        if schedule.contains_key("holidays") {
            schedule.insert("holidays".to_owned(), Value::Array(Vec::new()));
        }
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
