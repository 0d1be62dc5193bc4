//! An incident as one card: posted once, edited in place, readable in ten seconds at 3 a.m.
//!
//! Pure: the same incident and setting give the same message. The state stands first, in a word and a sign; the first
//! button is the next sensible step; while it is open the card has at most [`OPEN_BLOCKS_MAX`] blocks, resolved three.
//! `text` says everything in words, since a screen reader reads nothing else. Nothing on it grows old by itself: clock
//! times, no "5 minutes ago". Buttons are claims (`value`); rights are derived when they are pressed.

use crate::blocks::{Block, Button, Choice, Confirm, Element, Message, Metadata, Overflow, Style, Text};
use crate::escape::{self, bold, code, code_block, line};
use crate::limits::{self, fit};
use crate::value::{Claim, Verb};
use chrono::{DateTime, TimeDelta, Utc};
use incident::action::{Action, Allow, Catalogue, render};
use incident::{
    Change, Incident, IncidentId, ResponderId, Run, RunEffect, RunOutcome, RunbookId, Status, Strength, Suggestion,
    Timed, Unreached, Waiting, channel_word,
};
use serde_json::Value;

mod drill;
mod resolved;
mod words;

/// Blocks of a card while its incident is open: more needs scrolling on a phone.
pub const OPEN_BLOCKS_MAX: usize = 6;
/// Names the shape of the metadata on a card.
pub const METADATA_TYPE: &str = "catops_incident";

const TITLE_CHARS_MAX: usize = 200;
const SUMMARY_CHARS_MAX: usize = 240;
const REASON_CHARS_MAX: usize = 300;
const DETAIL_CHARS_MAX: usize = 600;
const NAME_CHARS_MAX: usize = 80;
/// How long the button leaves an incident alone, in minutes.
const SNOOZE_MINUTES: u64 = 30;
const UNREACHED_CHARS_MAX: usize = 120;
/// Ways that failed and are told on a card.
const UNREACHED_MAX: usize = 3;
/// Pages that wait and are told on a card.
const HELD_MAX: usize = 3;

/// How a responder is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    /// As people say it: `Ana Ruiz`.
    pub name: String,
    /// The member id in Slack, when the rota knows it.
    pub slack: Option<String>,
}

/// What a surface needs besides the incident.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// The actions: their questions, their undoing, their parameters.
    pub catalogue: &'a Catalogue,
    /// Turns a responder into a name and a mention.
    pub face: &'a dyn Fn(&ResponderId) -> Face,
    /// Where the console stands, if there is one: incidents at `/i/42`, runbooks at `/rb/aws/rds-cpu`.
    pub console: Option<&'a str>,
    /// The slash command: `/catops`.
    pub command: &'a str,
    /// What will happen to the incident if nobody acts, in order: when, and what in words.
    pub future: &'a [(DateTime<Utc>, String)],
}

impl Setting<'_> {
    /// A mention, or the name of somebody whom the rota does not link to Slack.
    pub(crate) fn mention(&self, who: &ResponderId) -> String {
        let face = (self.face)(who);
        face.slack.as_deref().map_or_else(|| bold(&face.name, NAME_CHARS_MAX), escape::mention)
    }

    /// The name, escaped: for words, and where nobody should be notified.
    pub(crate) fn name(&self, who: &ResponderId) -> String {
        line(&(self.face)(who).name, NAME_CHARS_MAX)
    }

    /// The incident's number, linked when there is a console.
    pub(crate) fn number(&self, id: IncidentId) -> String {
        let url = self.console.map(|console| format!("{}/i/{}", console.trim_end_matches('/'), id.0));
        url.map_or_else(|| id.to_string(), |url| escape::link(&url, &id.to_string()))
    }

    pub(crate) fn runbook_url(&self, id: &RunbookId) -> Option<String> {
        let url = format!("{}/rb/{id}", self.console?.trim_end_matches('/'));
        escape::address(&url)
    }
}

/// What names a card among all messages: the outbox looks for it after an unknown outcome.
#[must_use]
pub fn post_key(id: IncidentId, channel: &str) -> String {
    format!("{id}:card:{channel}")
}

/// The card as it has to stand in this channel now.
#[must_use]
pub fn card(incident: &Incident, channel: &str, setting: &Setting<'_>) -> Message {
    let drawing = Drawing { incident, setting };
    let blocks = match (incident.drill(), incident.status) {
        (Some(drill), _) => drawing.drill(drill),
        (None, Status::Open | Status::Acknowledged) => drawing.open(),
        (None, Status::Resolved) => drawing.resolved(),
    };
    let mut message = Message::new(drawing.words(), blocks);
    message.metadata = Some(metadata(incident, channel));
    fit(message)
}

fn metadata(incident: &Incident, channel: &str) -> Metadata {
    let payload = [
        ("incident", Value::from(incident.id.0)),
        ("seq", Value::from(incident.seq)),
        ("post_key", Value::from(post_key(incident.id, channel))),
    ];
    Metadata {
        event_type: METADATA_TYPE.to_owned(),
        event_payload: payload.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

/// An incident and the setting it is drawn in.
pub(crate) struct Drawing<'a> {
    pub(crate) incident: &'a Incident,
    pub(crate) setting: &'a Setting<'a>,
}

impl Drawing<'_> {
    fn open(&self) -> Vec<Block> {
        let mut blocks = vec![self.head(), self.facts()];
        let run = self.run_shown();
        blocks.extend(run.map(|run| self.run(run)));
        if run.is_none_or(|run| !run.is_running()) {
            let room = OPEN_BLOCKS_MAX - 1 - blocks.len();
            let wanted: Vec<(usize, &Suggestion)> = self.wanted().collect();
            let lead = self.incident.acknowledged.is_some();
            let drawn = wanted.iter().take(room).enumerate();
            blocks.extend(drawn.map(|(place, (n, suggestion))| self.suggestion(*n, suggestion, lead && place == 0)));
            if wanted.is_empty() {
                blocks.push(self.no_suggestion());
            }
        }
        blocks.push(self.buttons());
        blocks
    }

    fn head(&self) -> Block {
        let incident = self.incident;
        let mut text = format!(
            "{}\n*{}* {}",
            self.state(),
            self.setting.number(incident.id),
            bold(&incident.alarm.title, TITLE_CHARS_MAX)
        );
        let summary = line(&incident.alarm.summary, SUMMARY_CHARS_MAX);
        if incident.is_open() && !summary.is_empty() && summary != line(&incident.alarm.title, TITLE_CHARS_MAX) {
            text = format!("{text}\n{summary}");
        }
        let choice = |text: &str, verb: Verb| Choice::new(text, self.claim(verb).to_string());
        let options = if incident.is_open() {
            vec![
                choice("Why these actions?", Verb::Why),
                choice("Hand over…", Verb::Assign),
                choice("Escalate now", Verb::Escalate),
                choice("Add a note…", Verb::Note),
                choice("Timeline", Verb::Timeline),
            ]
        } else {
            vec![
                choice("Reopen", Verb::Reopen),
                choice("Why these actions?", Verb::Why),
                choice("Add a note…", Verb::Note),
                choice("Timeline", Verb::Timeline),
            ]
        };
        let menu = Element::Overflow(Overflow { action_id: "inc.more".to_owned(), options, confirm: None });
        Block::section_with(Text::verbatim(text), menu).id(self.id("head"))
    }

    fn state(&self) -> String {
        let incident = self.incident;
        let severity = incident.severity.label();
        match (&incident.status, &incident.acknowledged, &incident.resolved) {
            (Status::Acknowledged, Some(taken), _) if incident.snoozed_until.is_some() => format!(
                ":zzz: *SNOOZED* until {}  ·  {severity}  ·  {} has it",
                incident.snoozed_until.map(escape::time).unwrap_or_default(),
                self.setting.mention(&taken.by)
            ),
            (Status::Acknowledged, Some(taken), _) => format!(
                ":large_yellow_circle: *ACKNOWLEDGED* by {}  ·  {severity}  ·  since {}",
                self.setting.mention(&taken.by),
                escape::time(taken.at)
            ),
            (Status::Resolved, _, Some(end)) => {
                format!(":large_green_circle: *RESOLVED* after {}  ·  {severity}", span(end.at - incident.opened_at))
            }
            _ if incident.exhausted => format!(
                ":rotating_light: *FIRING, NOBODY ANSWERED*  ·  {severity}  ·  since {}",
                escape::time(incident.opened_at)
            ),
            _ => format!(":red_circle: *FIRING*  ·  {severity}  ·  since {}", escape::time(incident.opened_at)),
        }
    }

    fn facts(&self) -> Block {
        let incident = self.incident;
        let alarm = &incident.alarm;
        let mut facts: Vec<String> = Vec::new();
        facts.extend(self.owner(|who| self.setting.mention(who), escape::time));
        facts.extend(self.partly());
        facts.extend(self.next());
        let place = [alarm.resource.as_str(), alarm.labels.get("region").map_or("", String::as_str)];
        let place: Vec<String> =
            place.iter().filter(|part| !part.is_empty()).map(|part| code(part, NAME_CHARS_MAX)).collect();
        facts.push(format!("{} {}", line(&alarm.source, NAME_CHARS_MAX), place.join(" ")).trim_end().to_owned());
        if incident.fired > 1 {
            facts.push(format!("fired {} times, last {}", incident.fired, escape::time(incident.last_fired_at)));
        }
        if let Some((silence, since)) = incident.kept_back {
            facts.push(format!("fires since {} under {silence}", escape::day_time(since)));
        }
        if incident.round > 0 {
            facts.push("opened again".to_owned());
        }
        if let Some(note) = incident.notes.last() {
            facts.push(format!("{}: {}", self.setting.name(&note.by), line(&note.text, 150)));
        }
        facts.extend(self.changes(escape::link));
        facts.extend(self.related().map(|open| format!("also {open}")));
        facts.extend(self.history());
        Block::context(facts.into_iter().map(Text::verbatim)).id(self.id("ctx"))
    }

    /// What was changed shortly before, each with how long before.
    fn changes(&self, link: impl Fn(&str, &str) -> String) -> Vec<String> {
        let told = |change: &Change| {
            let url = change.url.as_deref().and_then(escape::address);
            let title = match url {
                Some(url) => link(&url, &change.title),
                None => line(&change.title, NAME_CHARS_MAX),
            };
            let before = self.incident.opened_at - change.at;
            if before < TimeDelta::minutes(1) {
                format!("{title}, just before")
            } else {
                format!("{title}, {} before", span(before))
            }
        };
        self.incident.changes.iter().map(told).collect()
    }

    /// What else was open on the same resource.
    fn related(&self) -> Option<String> {
        let named: Vec<String> = self
            .incident
            .related
            .iter()
            .map(|related| line(&format!("{} {}", related.incident, related.title), NAME_CHARS_MAX))
            .collect();
        (!named.is_empty()).then(|| format!("open on the same resource: {}", named.join(", ")))
    }

    /// What happened to this alarm before, in a sentence.
    fn history(&self) -> Option<String> {
        let history = self.incident.history.as_ref()?;
        Some(line(&history.line(|who| (self.setting.face)(who).name), REASON_CHARS_MAX))
    }

    /// Who has acknowledged where the policy wants several people to.
    fn partly(&self) -> Option<String> {
        let incident = self.incident;
        let agreed: Vec<String> = incident.agreed.iter().map(|who| self.setting.name(who)).collect();
        let open = incident.acknowledged.is_none() && !agreed.is_empty();
        open.then(|| format!("{} acknowledged, others must, too", agreed.join(", ")))
    }

    /// What happens next if nobody acts.
    fn next(&self) -> Option<String> {
        let (at, what) = self.setting.future.first().filter(|_| self.incident.is_open())?;
        Some(format!("*Next* {}: {}", escape::time(*at), line(what, 200)))
    }

    /// Who is asked, and why. Once somebody has it the head says so.
    fn owner(&self, name: impl Fn(&ResponderId) -> String, time: impl Fn(DateTime<Utc>) -> String) -> Option<String> {
        let incident = self.incident;
        if incident.acknowledged.is_some() {
            return None;
        }
        let because = line(&incident.because, 200);
        if let Some(channel) = &incident.asked_channel {
            return Some(format!("*Asked* everybody in {}", line(channel, NAME_CHARS_MAX)));
        }
        if let Some(timer) = incident.timer.filter(|timer| timer.of == Timed::Pause) {
            return Some(format!("*Asking nobody* until {}", time(timer.due_at)));
        }
        if incident.owners.is_empty() {
            let nobody = format!(":warning: *Nobody to ask* ({because})");
            return Some(if because.is_empty() { "Finding the owner".to_owned() } else { nobody });
        }
        let owners: Vec<String> = incident.owners.iter().map(&name).collect();
        let level = if incident.level > 0 { format!(", level {}", incident.level + 1) } else { String::new() };
        let paged = incident.paged.iter().rev().find(|page| incident.owners.contains(&page.to));
        let paged = paged.map(|page| format!(", paged {}", time(page.at))).unwrap_or_default();
        let why = if because.is_empty() { String::new() } else { format!(" ({because})") };
        let unreached: String =
            incident.unreached.iter().take(UNREACHED_MAX).map(|failed| unreached(failed, &name)).collect();
        let held: String = incident.held.iter().take(HELD_MAX).map(|held| waits(held, &name, &time)).collect();
        Some(format!("*Owner* {}{why}{level}{paged}{unreached}{held}", owners.join(", ")))
    }

    /// The suggestions that are still worth pressing, with their numbers: those that did not help step back.
    fn wanted(&self) -> impl Iterator<Item = (usize, &Suggestion)> {
        let tried = |suggestion: &Suggestion| {
            let last = self.incident.runs.iter().rev().find(|run| Some(&run.action) == suggestion.action.as_ref());
            last.is_some_and(|run| run.is_watched() || run.effect == Some(RunEffect::DidNotHelp))
        };
        self.incident.suggestions.iter().enumerate().map(|(n, s)| (n + 1, s)).filter(move |(_, s)| !tried(s))
    }

    fn suggestion(&self, n: usize, suggestion: &Suggestion, lead: bool) -> Block {
        let reason = line(&suggestion.reason, REASON_CHARS_MAX);
        let text = format!(
            "{}  ·  {}{}\n{reason}",
            bold(&format!("{n}. {}", suggestion.title), TITLE_CHARS_MAX),
            verdict(suggestion),
            self.who_may(suggestion).map(|who| format!("  ·  {who}")).unwrap_or_default()
        );
        let text = Text::verbatim(text.trim_end());
        let block = match self.suggestion_button(n, suggestion) {
            Some(button) if lead => Block::section_with(text, Element::Button(button.style(Style::Primary))),
            Some(button) => Block::section_with(text, Element::Button(button)),
            None => Block::section(text),
        };
        block.id(self.id(&format!("sug{n}")))
    }

    /// Who alone may run it, so that nobody else has to find out by pressing.
    fn who_may(&self, suggestion: &Suggestion) -> Option<String> {
        let Allow::Only(names) = &self.setting.catalogue.get(suggestion.action.as_ref()?)?.allow else { return None };
        Some(format!("for {} only", line(&names.join(", "), NAME_CHARS_MAX)))
    }

    /// Runs it, asks for what is missing, or opens the runbook. None when there is nothing to press.
    pub(crate) fn suggestion_button(&self, n: usize, suggestion: &Suggestion) -> Option<Button> {
        let action_id = format!("sug.run.{n}");
        let label = |verb: &str| escape::plain(&format!("{verb} suggestion {n}: {}", suggestion.title), 75);
        let Some(id) = &suggestion.action else {
            let url = self.setting.runbook_url(suggestion.runbook.as_ref()?)?;
            return Some(
                Button::new(action_id, "Read", self.claim(Verb::Link).to_string()).url(url).label(label("Read")),
            );
        };
        let action = self.setting.catalogue.get(id)?;
        let value = self.claim(Verb::Run).with("n", n).with("a", id).to_string();
        if !action.missing(&suggestion.params).is_empty() {
            return Some(Button::new(action_id, "Run…", value).label(label("Choose and run")));
        }
        let verb = if action.read_only { "Show" } else { "Run" };
        let button = Button::new(action_id, verb, value).label(label(verb));
        Some(match self.question(action, suggestion) {
            Some(confirm) => button.confirm(confirm),
            None => button,
        })
    }

    /// Target, effect, time, undo: only where the action asks.
    fn question(&self, action: &Action, suggestion: &Suggestion) -> Option<Confirm> {
        let asks = render(action.confirm.as_deref()?, &suggestion.params);
        let undo = action.undo.as_ref().and_then(|undo| self.setting.catalogue.get(undo));
        let undo = match undo {
            Some(undo) => format!("Undo: {}", line(&render(&undo.title, &suggestion.params), 60)),
            None if action.read_only => "It changes nothing".to_owned(),
            None => "There is no undo".to_owned(),
        };
        let facts = format!("\nTakes at most {}. {undo}.", span(action.timeout));
        let room = limits::CONFIRM_TEXT_CHARS_MAX.saturating_sub(facts.chars().count());
        Some(Confirm {
            title: Text::plain(escape::plain(&format!("{}?", suggestion.title), limits::CONFIRM_TITLE_CHARS_MAX)),
            text: Text::verbatim(format!("{}{facts}", escape::text(&asks, room))),
            confirm: Text::plain("Run now"),
            deny: Text::plain("Not now"),
            style: None,
        })
    }

    fn no_suggestion(&self) -> Block {
        let incident = self.incident;
        let text = match &incident.no_match {
            _ if !incident.suggested => "Looking for actions that may help".to_owned(),
            Some(why) => format!("No suggestion: {}", line(why, REASON_CHARS_MAX)),
            None if incident.suggestions.is_empty() => "No suggestion: no runbook matches".to_owned(),
            None => "Every suggestion was tried. \"Other action…\" has the rest.".to_owned(),
        };
        Block::section(Text::verbatim(text)).id(self.id("sug0"))
    }

    /// The run that the card tells of: the one under way, else the last of this round.
    fn run_shown(&self) -> Option<&Run> {
        self.incident.running().or_else(|| self.incident.runs.last())
    }

    fn run(&self, run: &Run) -> Block {
        let by = self.setting.mention(&run.by);
        let title = bold(&run.title, TITLE_CHARS_MAX);
        let since = run.started_at.unwrap_or(run.requested_at);
        let mut text = match (run.outcome, run.effect) {
            (None, _) if run.stop_by.is_some() => format!(":gear: {title}  ·  stopping, started by {by}"),
            (None, _) => format!(
                ":gear: {title}  ·  running since {}, at most {}, started by {by}",
                escape::time(since),
                span(TimeDelta::seconds(i64::try_from(run.timeout_seconds).unwrap_or(i64::MAX / 1000)))
            ),
            (Some(RunOutcome::Succeeded), Some(RunEffect::Helped { .. })) => {
                format!(":white_check_mark: {title} by {by}  ·  *helped*")
            }
            (Some(RunOutcome::Succeeded), Some(RunEffect::DidNotHelp)) => {
                format!(":heavy_minus_sign: {title} by {by}  ·  *did not help*, the alarm is still firing")
            }
            (Some(RunOutcome::Succeeded), None) if run.is_watched() => format!(
                ":white_check_mark: {title} by {by}  ·  done, watching the alarm until {}",
                escape::time(watch_end(run))
            ),
            (Some(RunOutcome::Succeeded), None) => format!(":white_check_mark: {title} by {by}  ·  done"),
            (Some(RunOutcome::Failed), _) => format!(":x: {title} by {by}  ·  *failed*"),
            (Some(RunOutcome::Stopped), _) => {
                let who = run.stop_by.as_ref().map_or_else(|| by.clone(), |who| self.setting.mention(who));
                format!(":octagonal_sign: {title}  ·  *stopped* by {who}; what it had done stays done")
            }
            (Some(RunOutcome::Unknown), _) => format!(
                ":grey_question: {title} by {by}  ·  *nobody knows how it ended*: look, then mark it as done or run it again"
            ),
        };
        let detail = run.detail.trim();
        if !detail.is_empty() && run.outcome.is_some() {
            text = format!("{text}\n{}", code_block(detail, DETAIL_CHARS_MAX));
        }
        let block = match self.run_button(run) {
            Some(button) => Block::section_with(Text::verbatim(text), Element::Button(button)),
            None => Block::section(Text::verbatim(text)),
        };
        block.id(self.id("run"))
    }

    fn run_button(&self, run: &Run) -> Option<Button> {
        let claim = |verb: Verb| self.claim(verb).with("r", &run.id).to_string();
        match run.outcome {
            None if run.stop_by.is_none() => Some(
                Button::new("run.stop", "Stop", claim(Verb::Stop))
                    .style(Style::Danger)
                    .label("Stop the running action")
                    .confirm(Confirm {
                        title: Text::plain("Stop it?"),
                        text: Text::verbatim("What it has done so far stays done."),
                        confirm: Text::plain("Stop now"),
                        deny: Text::plain("Keep running"),
                        style: Some(Style::Danger),
                    }),
            ),
            Some(RunOutcome::Unknown) if run.settled_by.is_none() => Some(
                Button::new("run.settle", "Mark as done", claim(Verb::Settle))
                    .label("I looked: mark the action as done"),
            ),
            Some(RunOutcome::Stopped | RunOutcome::Failed | RunOutcome::Succeeded) if !run.read_only => {
                let undo = self.setting.catalogue.get(run.undo.as_ref()?)?;
                let title = escape::plain(&render(&undo.title, &run.params), 100);
                let button = Button::new("run.undo", "Undo…", claim(Verb::Undo));
                Some(button.label(escape::plain(&format!("Undo: {title}"), 75)))
            }
            _ => None,
        }
    }

    fn buttons(&self) -> Block {
        let incident = self.incident;
        let number = incident.id;
        let mut buttons = Vec::new();
        if incident.acknowledged.is_none() {
            let claim = self.claim(Verb::Acknowledge).to_string();
            let label = format!("Acknowledge {number}");
            buttons.push(Button::new("inc.ack", "Acknowledge", claim).style(Style::Primary).label(label));
        }
        buttons.push(self.resolve_button());
        buttons.extend(self.time_buttons());
        // One action at a time: while one runs there is nothing to choose.
        if incident.running().is_none() {
            let other = self.claim(Verb::Other).to_string();
            let label = format!("Choose any action for {number}");
            buttons.push(Button::new("inc.other", "Other action…", other).label(label));
        }
        let graph =
            incident.alarm.links.iter().find(|link| matches!(link.rel.as_str(), "graph" | "console" | "dashboard"));
        if let Some(url) = graph.and_then(|link| escape::address(&link.url)) {
            let open = Button::new("inc.graph", "Graph", self.claim(Verb::Link).to_string());
            buttons.push(open.url(url).label("Open the alarm at its source"));
        }
        Block::buttons(buttons).id(self.id("acts"))
    }

    /// For whoever has it: more time, or some time alone.
    fn time_buttons(&self) -> Vec<Button> {
        let incident = self.incident;
        if incident.acknowledged.is_none() || incident.snoozed_until.is_some() {
            return Vec::new();
        }
        let number = incident.id;
        let snooze = self.claim(Verb::Snooze).with("m", SNOOZE_MINUTES).to_string();
        let snooze = Button::new("inc.snooze", format!("Snooze {SNOOZE_MINUTES} min"), snooze)
            .label(format!("Leave {number} alone for {SNOOZE_MINUTES} minutes, then ask again"));
        let extend = incident.timer.filter(|timer| timer.of == Timed::Acknowledgement).map(|_| {
            Button::new("inc.extend", "Extend", self.claim(Verb::Extend).to_string())
                .label(format!("You need longer with {number}: it asks again later"))
        });
        extend.into_iter().chain([snooze]).collect()
    }

    fn resolve_button(&self) -> Button {
        let incident = self.incident;
        let button = Button::new("inc.resolve", "Resolve", self.claim(Verb::Resolve).to_string());
        let warning = match incident.running() {
            Some(_) => "An action is still running. It will carry on.",
            None if incident.firing => "The alarm is still firing. If it fires again, the incident opens again.",
            None => return button.label(format!("Resolve {}", incident.id)),
        };
        button.label(format!("Resolve {}", incident.id)).confirm(Confirm {
            title: Text::plain(format!("Resolve {}?", incident.id)),
            text: Text::verbatim(warning),
            confirm: Text::plain("Resolve anyway"),
            deny: Text::plain("Keep open"),
            style: None,
        })
    }

    pub(crate) fn claim(&self, verb: Verb) -> Claim {
        Claim::on(verb, self.incident.id, self.incident.seq)
    }

    /// A block's id: new with every event, as Slack asks of edited messages.
    fn id(&self, part: &str) -> String {
        format!("{part}:{}:{}", self.incident.id.0, self.incident.seq)
    }
}

/// What is known about a suggestion, in few words: `strong match  ·  worked 3 of 3`.
pub(crate) fn verdict(suggestion: &Suggestion) -> String {
    let strength = match suggestion.strength {
        Strength::Strong => "strong match",
        Strength::Likely => "likely",
        Strength::Possible => "possible",
    };
    let tries = suggestion.record.helped + suggestion.record.did_not_help;
    let record = match tries {
        0 => String::new(),
        tries => format!("  ·  worked {} of {tries}", suggestion.record.helped),
    };
    let read_only = if suggestion.read_only { "  ·  read only" } else { "" };
    format!("{strength}{record}{read_only}")
}

fn watch_end(run: &Run) -> DateTime<Utc> {
    let watch = TimeDelta::try_seconds(i64::try_from(run.watch_seconds).unwrap_or(0)).unwrap_or_default();
    run.finished_at.unwrap_or(run.requested_at) + watch
}

/// `45 s`, `14 min`, `3 h 5 min`, `2 d 4 h`: two parts at most.
pub(crate) fn span(length: TimeDelta) -> String {
    let seconds = length.num_seconds().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |first: i64, unit: &str, second: i64, small: &str| match second {
        0 => format!("{first} {unit}"),
        second => format!("{first} {unit} {second} {small}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => two(hours, "h", minutes % 60, "min"),
        (days, hours, _) => two(days, "d", hours % 24, "h"),
    }
}

/// A way that did not work, on a line of its own.
fn unreached(failed: &Unreached, name: impl Fn(&ResponderId) -> String) -> String {
    let (who, by, why) = (name(&failed.to), channel_word(&failed.by), line(&failed.error, UNREACHED_CHARS_MAX));
    let (sign, end) = if failed.gave_up { (":warning: ", "") } else { ("", "; trying again") };
    format!("\n{sign}Could not reach {who} by {by}: {why}{end}")
}

/// A page that waits, on a line of its own.
fn waits(held: &Waiting, name: impl Fn(&ResponderId) -> String, time: impl Fn(DateTime<Utc>) -> String) -> String {
    let (way, who, why) = (channel_word(&held.by), name(&held.to), line(&held.because, UNREACHED_CHARS_MAX));
    let (first, rest) = way.split_at(way.chars().next().map_or(0, char::len_utf8));
    format!("\n{}{rest} to {who} waits until {}: {why}", first.to_uppercase(), time(held.until))
}

#[cfg(test)]
pub(crate) mod tests;
