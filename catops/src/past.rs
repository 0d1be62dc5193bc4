//! Incidents that are over, searched as runbooks are: what looked like this one before, and what ended it.
//!
//! The index is kept in memory, made when somebody asks and made again when something was written since. It reads the newest
//! [`KEPT_MAX`] and writes nothing.

use crate::app::App;
use crate::clock;
use crate::flow::change::{self, ChangeError};
use crate::flow::names;
use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use incident::{ActionId, Alarm, Fix, Incident, IncidentId, ResolvedBy, ResponderId, RunbookId, was_acted_on};
use index::{Hit, Library, Runbook, Section};
use log::{Cursor, EventLog};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use suggest::Elsewhere;
use tokio::sync::RwLock;

/// Incidents that are searched, the newest.
const KEPT_MAX: usize = 2_000;
/// Incidents that are read at once.
const PAGE: usize = 200;
/// How often a server looks whether more has ended.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How much of the alarm a past incident has to say, 0 to 1: less is a coincidence.
const BAR: f64 = 0.35;

/// Alarms that are looked at for what helped with them.
const GLANCED: usize = 5;
/// How much of an alarm another one has to say for what helped there to be suggested here, 0 to 1: what is in doubt is not.
const LIKE: f64 = 0.6;

/// An incident that looked like this one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Similar {
    /// Which.
    pub incident: IncidentId,
    /// Its alarm.
    pub title: String,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// What ended it: `Restart checkout-api helped`, `cleared alone`.
    pub ended: String,
    /// The words that it shares.
    pub shares: Vec<String>,
    /// How much of the alarm it says, 0 to 1.
    pub explained: f64,
}

/// One that ended.
struct Ended {
    incident: IncidentId,
    title: String,
    at: DateTime<Utc>,
    ended: String,
    /// What helped, where that is known.
    helped: Option<ActionId>,
}

/// The index of one moment.
struct Index {
    library: Library,
    /// Of each alarm what ended.
    ended: BTreeMap<RunbookId, Vec<Ended>>,
    /// What was written before this is in it.
    read_to: Cursor,
}

/// The incidents that are over, for a process that is asked often.
#[derive(Default)]
pub struct Past(RwLock<Option<Index>>);

impl Past {
    /// Up to `max` incidents that looked like this one, the nearest first, one of each alarm. `name` turns people into names.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn similar(
        &self,
        log: &dyn EventLog,
        incident: &Incident,
        max: usize,
        name: impl Fn(&ResponderId) -> String,
    ) -> Result<Vec<Similar>> {
        self.refresh(log, name).await?;
        let index = self.0.read().await;
        Ok(index.as_ref().map(|index| index.search(incident, max)).unwrap_or_default())
    }

    /// Reads what has ended, when anything was written since that was read last.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn refresh(&self, log: &dyn EventLog, name: impl Fn(&ResponderId) -> String) -> Result<()> {
        let read_to = self.0.read().await.as_ref().map(|index| index.read_to.clone());
        if let Some(read_to) = read_to
            && log.feed(&read_to, 1).await?.events.is_empty()
        {
            return Ok(());
        }
        // Who looks meanwhile looks into the old one.
        let fresh = Index::read(log, &name).await?;
        *self.0.write().await = Some(fresh);
        Ok(())
    }

    /// What helped with alarms like this incident's, as far as it is known without asking the log: pages wait for it.
    #[must_use]
    pub fn glance(&self, incident: &Incident) -> Vec<Elsewhere> {
        let Ok(index) = self.0.try_read() else { return Vec::new() };
        index.as_ref().map(|index| index.helped(incident)).unwrap_or_default()
    }
}

/// Looks now and then whether more has ended, until the process ends. Of a table, where each look is paid for, nothing is
/// read before somebody asks.
pub async fn keep_fresh(app: Arc<App>) {
    while app.data.is_some() {
        if let Err(error) = app.past.refresh(&*app.log, |who| app.name(who)).await {
            tracing::warn!(error = %error, "past incidents could not be read; trying again");
        }
        clock::sleep(LOOK_EVERY).await;
    }
}

impl Index {
    async fn read(log: &dyn EventLog, name: impl Fn(&ResponderId) -> String) -> Result<Self> {
        let read_to = log.feed_place(clock::now()).await?;
        let (mut alarms, mut ended, mut before, mut read) = (BTreeMap::new(), BTreeMap::new(), None, 0);
        while read < KEPT_MAX {
            let roll = log.list(names::RESOLVED, before.as_ref(), PAGE).await?;
            for listed in &roll.streams {
                let Some(id) = names::incident_of(&listed.id) else { continue };
                let incident = match change::from_log(log, id, &listed.stream).await {
                    Ok(incident) => incident,
                    Err(ChangeError::Read(error)) => return Err(error.into()),
                    // One that cannot be read is not shown.
                    Err(_) => continue,
                };
                let Some(end) = incident.resolved.as_ref().filter(|_| incident.counts()) else { continue };
                let entry = RunbookId(incident.alarm.key.to_string());
                alarms.entry(entry.clone()).or_insert_with(|| entry_of(entry.clone(), &incident.alarm));
                let helped = helped(&incident);
                let (title, at) = (incident.alarm.title.clone(), end.at);
                let one = Ended { incident: id, title, at, ended: ending(&incident, &name), helped };
                ended.entry(entry).or_insert_with(Vec::new).push(one);
                read += 1;
            }
            match roll.next {
                Some(next) => before = Some(next),
                None => break,
            }
        }
        // Work for the processor: not on the threads that answer requests.
        let indexed = tokio::task::spawn_blocking(move || Library::of(alarms.into_values().collect())).await;
        let library = indexed.context("indexing past incidents")?.context("indexing past incidents")?;
        Ok(Self { library, ended, read_to })
    }

    /// What helped with the alarms that say most of this one's words, each action once, its own alarm left out: that has a
    /// record.
    fn helped(&self, incident: &Incident) -> Vec<Elsewhere> {
        let own = incident.alarm.key.as_str();
        let mut found: Vec<Elsewhere> = Vec::new();
        for hit in self.library.search(&incident.alarm, GLANCED).iter().filter(|hit| hit.explained >= LIKE) {
            let ended = self.ended.get(&hit.runbook).filter(|_| hit.runbook.as_str() != own);
            let last = ended.into_iter().flatten().filter(|ended| ended.helped.is_some()).max_by_key(|ended| ended.at);
            let Some((ended, action)) = last.and_then(|ended| Some((ended, ended.helped.clone()?))) else { continue };
            if found.iter().all(|known| known.action != action) {
                let on = format!("{} {}", ended.incident, ended.title);
                found.push(Elsewhere { action, on, explained: hit.explained });
            }
        }
        found
    }

    fn search(&self, incident: &Incident, max: usize) -> Vec<Similar> {
        if !incident.counts() {
            return Vec::new();
        }
        // One more than is wanted: this incident may be the only one of its alarm.
        let hits = self.library.search(&incident.alarm, max + 1);
        let similar = hits.iter().filter(|hit| hit.explained >= BAR).filter_map(|hit| {
            let others = self.ended.get(&hit.runbook)?.iter().filter(|ended| ended.incident != incident.id);
            // The last one that somebody could do something about, else the last one.
            Some(similar(others.max_by_key(|ended| (ended.helped.is_some(), ended.at))?, hit))
        });
        similar.take(max).collect()
    }
}

/// The action that helped, in the words of somebody who was there, else by what was watched.
fn helped(incident: &Incident) -> Option<ActionId> {
    match (&incident.fix, incident.helped_by()) {
        (Some(Fix::Action(action)), _) => Some(action.clone()),
        (None, Some(run)) => Some(run.action.clone()),
        _ => None,
    }
}

fn similar(ended: &Ended, hit: &Hit) -> Similar {
    let mut shares: Vec<String> = Vec::new();
    for matched in hit.matched.iter().filter(|matched| !matched.is_agreement()) {
        if shares.len() < 3 && shares.iter().all(|known| !known.eq_ignore_ascii_case(&matched.term)) {
            shares.push(matched.term.clone());
        }
    }
    Similar {
        incident: ended.incident,
        title: ended.title.clone(),
        ended_at: ended.at,
        ended: ended.ended.clone(),
        shares,
        explained: hit.explained,
    }
}

/// An alarm as the index takes it: its name is a title, what it said the text.
fn entry_of(id: RunbookId, alarm: &Alarm) -> Runbook {
    let values = alarm.labels.values().map(String::as_str).chain([alarm.resource.as_str()]);
    let text = format!("{}\n{}", alarm.summary, values.collect::<Vec<_>>().join(" "));
    Runbook {
        path: id.to_string(),
        id,
        title: alarm.title.clone(),
        aliases: Vec::new(),
        services: alarm.service.iter().cloned().collect(),
        alarms: Vec::new(),
        tags: Vec::new(),
        actions: Vec::new(),
        owner: None,
        sections: vec![Section { heading: String::new(), level: 0, text }],
    }
}

/// What ended an incident, as far as anybody knows.
fn ending(incident: &Incident, name: &impl Fn(&ResponderId) -> String) -> String {
    let title = |action: &ActionId| {
        let run = incident.runs.iter().rev().find(|run| run.action == *action);
        run.map_or_else(|| action.to_string(), |run| run.title.clone())
    };
    match (&incident.fix, incident.helped_by(), &incident.resolved) {
        (Some(Fix::Action(action)), _, _) => format!("{} helped", title(action)),
        (Some(Fix::Alone), _, _) => "cleared alone".to_owned(),
        (None, Some(run), _) => format!("{} helped", run.title),
        (_, _, Some(end)) => match &end.by {
            ResolvedBy::Drill => "it was a drill".to_owned(),
            ResolvedBy::Source if was_acted_on(incident) => "cleared after somebody acted".to_owned(),
            ResolvedBy::Source => "cleared alone".to_owned(),
            ResolvedBy::Person(who) if end.note.is_empty() => format!("{} resolved it", name(who)),
            ResolvedBy::Person(who) => format!("{} resolved it: {}", name(who), end.note),
        },
        (_, _, None) => String::new(),
    }
}

#[cfg(test)]
mod tests;
