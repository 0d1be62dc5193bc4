//! Why a page did not come, or why one did: what became of every delivery about some words, and whom CatOps asked then. For
//! Slack and for the command line. It reads the log and words what it finds; it changes nothing.

use crate::app::App;
use crate::clock;
use crate::flow::change::{self, ChangeError};
use crate::flow::{names, silences};
use crate::surface;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{
    AlarmKey, Ending, Event, Incident, IncidentId, ResponderId, Silences, Told, WhyNot, Words, channel_word,
};
use log::EventLog;
use serde::Serialize;
use slack::blocks::Message;
use std::collections::BTreeMap;
use std::time::Duration;

/// Events of one read.
const EVENTS_PER_READ: usize = 1000;
/// How far back an answer in Slack looks.
const LOOKED_BACK: TimeDelta = TimeDelta::hours(24);
/// For how long it looks: Slack waits three seconds for it.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Characters of its lines: 2,900 are an answer, with what stands before them.
const CHARS_MAX: usize = 2_600;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Found {
    /// From when on.
    pub since: DateTime<Utc>,
    /// Until when, if not all could be looked at in the time there was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// The deliveries about it, and how they ended.
    #[serde(flatten)]
    pub deliveries: WhyNot,
    /// The incidents they belong to, as they are now.
    #[serde(skip)]
    pub incidents: BTreeMap<IncidentId, Incident>,
    /// The silences that held some of them back.
    #[serde(skip)]
    pub silences: Silences,
    /// Deliveries that could not be read, by source.
    pub unread: BTreeMap<String, Unread>,
    /// When each sender was heard last, whatever it said.
    pub heard: BTreeMap<String, DateTime<Utc>>,
}

/// Deliveries of one source that could not be read.
#[derive(Debug, Default, Serialize)]
pub struct Unread {
    /// How many.
    pub deliveries: u64,
    /// How many of them say the words that were asked about.
    pub about: u64,
    /// The last one, as `catops dead-letters --show` names it.
    pub last: String,
    /// When that came.
    pub last_at: DateTime<Utc>,
    /// What was wrong with it.
    pub error: String,
}

/// What became of the deliveries about some words within a day, for Slack: the newest lines, as many as fit.
///
/// # Errors
/// The log cannot be read.
pub async fn answer(app: &App, words: &str) -> Result<Message, ChangeError> {
    let found = look(&*app.log, &Words::of(words), clock::now() - LOOKED_BACK, PATIENCE).await?;
    let lines = found.lines(words, &|who| app.name(who));
    let (earlier, newest) = lines.split_at(lines.len() - that_fit(&lines));
    let earlier = match earlier.len() {
        0 => String::new(),
        count => format!("{count} earlier lines: catops whynot {words}\n"),
    };
    Ok(surface::sentence(&(earlier + &newest.join("\n"))))
}

/// How many of the last lines fit into an answer; one is shown in any case.
fn that_fit(lines: &[String]) -> usize {
    let mut chars = 0;
    let fits = |line: &&String| {
        let is_first = chars == 0;
        chars += line.chars().count() + 1;
        is_first || chars <= CHARS_MAX
    };
    lines.iter().rev().take_while(fits).count()
}

/// Looks for the deliveries about some words from an instant on, for no longer than `patience`.
///
/// # Errors
/// The log cannot be read.
pub async fn look(
    log: &dyn EventLog,
    words: &Words,
    since: DateTime<Utc>,
    patience: Duration,
) -> Result<Found, ChangeError> {
    let began = clock::mark();
    let silences = silences::load(log).await?;
    let mut search = Search { log, words, found: Found::new(since, silences), others: BTreeMap::new() };
    let mut place = log.feed_place(since).await?;
    loop {
        let page = log.feed(&place, EVENTS_PER_READ).await?;
        if page.events.is_empty() {
            return Ok(search.found);
        }
        for event in page.events.iter().filter(|event| event.at >= since) {
            if began.elapsed() > patience {
                return Ok(Found { until: Some(event.at), ..search.found });
            }
            search.see(event).await?;
        }
        place = page.next;
    }
}

struct Search<'a> {
    log: &'a dyn EventLog,
    words: &'a Words,
    found: Found,
    /// The senders of incidents that are about something else.
    others: BTreeMap<IncidentId, String>,
}

impl Search<'_> {
    async fn see(&mut self, event: &log::Event) -> Result<(), ChangeError> {
        if event.kind == names::DEAD_LETTER {
            return self.see_unread(event).await;
        }
        if !Ending::KINDS.contains(&event.kind.as_str()) {
            return Ok(());
        }
        if let Some(id) = names::incident_of(&event.stream) {
            return self.see_of_incident(id, event).await;
        }
        let Some(key) = names::aside_of(&event.stream).map(AlarmKey::from) else { return Ok(()) };
        let Ok(body) = serde_json::from_slice::<Event>(&event.body) else { return Ok(()) };
        let is_about = match &body {
            Event::Silenced { alarm, .. } => {
                self.found.hear(&alarm.source, event.at);
                self.words.are_about(alarm)
            }
            _ => self.words.are_in(key.as_str()),
        };
        if is_about {
            self.found.deliveries.see_aside(&key, &body, event.at);
        }
        Ok(())
    }

    async fn see_of_incident(&mut self, id: IncidentId, event: &log::Event) -> Result<(), ChangeError> {
        if !self.others.contains_key(&id) && !self.found.incidents.contains_key(&id) {
            let stream = self.log.load(&names::incident(id)).await?.ok_or(ChangeError::NoSuchIncident(id))?;
            let incident = change::from_log(self.log, id, &stream).await?;
            if self.words.are_about(&incident.alarm) {
                self.found.incidents.insert(id, incident);
            } else {
                self.others.insert(id, incident.alarm.source);
            }
        }
        let Some(incident) = self.found.incidents.get(&id) else {
            self.others.get(&id).into_iter().for_each(|source| self.found.hear(source, event.at));
            return Ok(());
        };
        if let Ok(body) = serde_json::from_slice::<Event>(&event.body) {
            self.found.deliveries.see(incident, &body, event.at);
        }
        let source = incident.alarm.source.clone();
        self.found.hear(&source, event.at);
        Ok(())
    }

    async fn see_unread(&mut self, event: &log::Event) -> Result<(), ChangeError> {
        let Some(source) = names::dead_letters_of(&event.stream) else { return Ok(()) };
        let raw = self.log.raw(&event.stream, event.version).await?.unwrap_or_default();
        let body: serde_json::Value = serde_json::from_slice(&event.body).unwrap_or_default();
        self.found.hear(source, event.at);
        let unread = self.found.unread.entry(source.to_owned()).or_default();
        unread.deliveries += 1;
        unread.about += u64::from(self.words.are_in(&String::from_utf8_lossy(&raw)));
        unread.last = format!("{source}/{}", event.version);
        unread.last_at = event.at;
        unread.error = body["error"].as_str().unwrap_or_default().to_owned();
        Ok(())
    }
}

impl Found {
    fn new(since: DateTime<Utc>, silences: Silences) -> Self {
        Self {
            since,
            until: None,
            deliveries: WhyNot::default(),
            incidents: BTreeMap::new(),
            silences,
            unread: BTreeMap::new(),
            heard: BTreeMap::new(),
        }
    }

    fn hear(&mut self, source: &str, at: DateTime<Utc>) {
        let last = self.heard.entry(source.to_owned()).or_insert(at);
        *last = at.max(*last);
    }

    /// All of it as sentences, one a line.
    #[must_use]
    pub fn lines(&self, asked: &str, name: &dyn Fn(&ResponderId) -> String) -> Vec<String> {
        let mut lines = Vec::new();
        let told = &self.deliveries.told;
        if told.is_empty() {
            lines.push(format!("Nothing about \"{asked}\" was received since {}.", utc(self.since)));
        }
        for told in told {
            lines.push(self.line(told, name));
        }
        lines.extend(self.unread.iter().map(|(source, unread)| unread.line(source, asked)));
        if told.is_empty() {
            lines.push(self.heard_line());
        }
        if let Some(until) = self.until {
            lines.push(format!("That took long: what came after {} was not looked at.", utc(until)));
        }
        lines
    }

    fn line(&self, told: &Told, name: &dyn Fn(&ResponderId) -> String) -> String {
        let when = match told.deliveries {
            1 => utc(told.first_at),
            many => format!("{many} times, {}", between(told.first_at, told.last_at)),
        };
        let incident = told.incident.map_or_else(String::new, |id| format!(" {id}"));
        let what = match &told.ending {
            Ending::Opened => {
                let opened = told.incident.and_then(|id| self.incidents.get(&id));
                format!("opened{incident}{}", opened.map_or_else(String::new, |opened| whom(opened, name)))
            }
            Ending::Joined => format!("fired while{incident} was open: the same trouble pages once"),
            Ending::Cleared => format!("said that{incident} is over"),
            Ending::Refired => format!("fired soon after{incident} had ended, and opened it again"),
            Ending::SetAside { why } if incident.is_empty() => format!("changed nothing: {}", why.words()),
            Ending::SetAside { why } => format!("changed nothing of{incident}: {}", why.words()),
            Ending::Silenced { silence } => {
                let why = self.silences.get(*silence);
                let why = why.map_or_else(String::new, |why| format!(" ({}, {})", name(&why.by), why.because));
                format!("was held back by silence {silence}{why}")
            }
        };
        format!("{when}: {} {what}.", told.title)
    }

    fn heard_line(&self) -> String {
        if self.heard.is_empty() {
            return "Nothing else was received in that time either. A delivery with a wrong secret is refused and not kept: \
                    its sender was answered 401."
                .to_owned();
        }
        let heard: Vec<String> =
            self.heard.iter().map(|(source, at)| format!("{source} (last {})", utc(*at))).collect();
        format!(
            "Heard in that time: {}. A delivery with a wrong secret is refused and not kept: its sender was answered 401.",
            heard.join(", ")
        )
    }
}

impl Unread {
    fn line(&self, source: &str, asked: &str) -> String {
        let deliveries =
            if self.deliveries == 1 { "1 delivery".to_owned() } else { format!("{} deliveries", self.deliveries) };
        let about = match self.about {
            0 => String::new(),
            about if about == self.deliveries => format!(", about \"{asked}\""),
            about => format!(", {about} of them about \"{asked}\""),
        };
        format!(
            "{source}: {deliveries} could not be read{about}; the last at {}: {}. See it: catops dead-letters --show {}",
            utc(self.last_at),
            self.error,
            self.last
        )
    }
}

/// Whom an incident asked, why, and whether they were reached, as it stands now.
fn whom(incident: &Incident, name: &dyn Fn(&ResponderId) -> String) -> String {
    let names = |all: &[ResponderId]| all.iter().map(name).collect::<Vec<_>>().join(", ");
    let mut said = match (incident.owners.is_empty(), incident.because.is_empty()) {
        (true, true) => "; nobody was asked yet".to_owned(),
        (true, false) => format!("; nobody was asked, because {}", incident.because),
        (false, _) => format!("; {} asked, because {}", names(&incident.owners), incident.because),
    };
    if !incident.owners.is_empty() && incident.paged.is_empty() {
        said.push_str("; no page went out");
    }
    for page in &incident.paged {
        said.push_str(&format!("; {} paged by {} {}", name(&page.to), channel_word(&page.by), utc(page.at)));
    }
    for waits in &incident.held {
        said.push_str(&format!(
            "; the page to {} by {} waits until {}: {}",
            name(&waits.to),
            channel_word(&waits.by),
            utc(waits.until),
            waits.because
        ));
    }
    for unreached in &incident.unreached {
        let goes_on = if unreached.gave_up { "given up" } else { "tried again" };
        let (to, by) = (name(&unreached.to), channel_word(&unreached.by));
        said.push_str(&format!("; {to} not reached by {by}: {} ({goes_on})", unreached.error));
    }
    if let Some(taken) = &incident.acknowledged {
        said.push_str(&format!("; acknowledged by {} {}", name(&taken.by), utc(taken.at)));
    }
    said
}

/// The day is said once when it is one.
fn between(first: DateTime<Utc>, last: DateTime<Utc>) -> String {
    let first_said = first.format("%Y-%m-%d %H:%M:%S");
    if first.date_naive() == last.date_naive() {
        return format!("{first_said} to {}", last.format("%H:%M:%S UTC"));
    }
    format!("{first_said} to {}", utc(last))
}

/// To the second: who asks compares it with a telephone.
fn utc(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_are_shown_as_many_as_fit_and_one_at_least() {
        let lines = |lengths: &[usize]| lengths.iter().map(|length| "x".repeat(*length)).collect::<Vec<_>>();
        assert_eq!(that_fit(&lines(&[])), 0);
        assert_eq!(that_fit(&lines(&[10, 10, 10])), 3);
        assert_eq!(that_fit(&lines(&[10, 1_300, 1_298])), 2);
        assert_eq!(that_fit(&lines(&[1_300, 1_300])), 1);
        assert_eq!(that_fit(&lines(&[10, 9_000])), 1);
    }

    #[test]
    fn a_day_is_said_once_when_it_is_one() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let first = at("2026-11-29T14:03:11Z");
        assert_eq!(between(first, at("2026-11-29T14:40:02Z")), "2026-11-29 14:03:11 to 14:40:02 UTC");
        assert_eq!(between(first, at("2026-11-30T00:00:02Z")), "2026-11-29 14:03:11 to 2026-11-30 00:00:02 UTC");
    }
}
