//! All rules of an incident's life, as one pure function from state and command to events.
//! A refusal is typed and says who or what can help. Rights on actions are checked by the caller, who has the catalogue and
//! the rota; everything that depends on the incident's own state is checked here.

mod asking;
mod command;

pub use command::{ActionRequest, Command};

use crate::action::BadParam;
use crate::alarm::{Alarm, AlarmState};
use crate::event::{Aside, Event, RunOutcome, seconds_between};
use crate::fold::{Incident, ResolvedBy, Run, RunEffect, Status};
use crate::id::{ActionId, IncidentId, ResponderId, RunId};
use crate::silence::Held;
use asking::{acknowledge, acknowledgement, decline, drill, escalation, extend, snooze};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The longest note kept: a Slack section takes 3,000 characters.
pub const NOTE_CHARS_MAX: usize = 3000;

/// A button that shows a state older than this runs nothing: who drew it could not know what is the case now.
pub const BUTTON_AGE_MAX: TimeDelta = TimeDelta::hours(24);

/// The longest snooze and the longest time that somebody has an incident before it asks again: a day. What is to be left
/// alone for longer is resolved.
pub const SNOOZE_MAX: TimeDelta = TimeDelta::hours(24);

/// The last thing a source said about a key that has no incident: enough to know an old signal from a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmMemory {
    /// What it said.
    pub state: AlarmState,
    /// When it says that was.
    pub occurred_at: DateTime<Utc>,
    /// Set while it fires and a silence holds it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Box<Held>>,
}

/// Where an alarm goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Reception {
    /// A new incident begins with this event.
    Open(Event),
    /// These events go to the incident that holds the alarm's key.
    Join(Vec<Event>),
    /// Nothing is open and nothing opens: the event is kept beside the key.
    Aside(Event),
}

/// Decides what one alarm becomes. Exactly one of the events is an alarm outcome.
///
/// `current` is the incident that holds the alarm's key; `memory` what was last said about the key without one.
/// A resolved incident is opened again when the alarm fires within `reopen_window` of its end.
#[must_use]
pub fn receive(
    current: Option<&Incident>,
    memory: Option<&AlarmMemory>,
    alarm: Alarm,
    reopen_window: TimeDelta,
    at: DateTime<Utc>,
) -> Reception {
    let aside = |why| Event::SetAside { delivery: alarm.delivery.clone(), why, occurred_at: alarm.occurred_at };
    let Some(incident) = current else {
        return match alarm.state {
            AlarmState::Info => Reception::Aside(aside(Aside::Information)),
            AlarmState::Cleared => Reception::Aside(aside(Aside::NothingOpen)),
            AlarmState::Firing if memory.is_some_and(|memory| is_overtaken(memory, &alarm)) => {
                Reception::Aside(aside(Aside::Stale))
            }
            AlarmState::Firing => Reception::Open(Event::Opened { alarm }),
        };
    };
    // A late "firing" on an incident that is open says nothing wrong; only a change of state can be overtaken.
    let changes_state = alarm.state != AlarmState::Firing || !incident.is_open();
    if changes_state && alarm.occurred_at < incident.alarm.occurred_at {
        return Reception::Join(vec![aside(Aside::Stale)]);
    }
    match (alarm.state, incident.status) {
        (AlarmState::Info, _) => Reception::Join(vec![aside(Aside::Information)]),
        (AlarmState::Cleared, Status::Resolved) if incident.firing => Reception::Join(vec![cleared(&alarm)]),
        (AlarmState::Cleared, Status::Resolved) => Reception::Join(vec![aside(Aside::NothingOpen)]),
        (AlarmState::Cleared, Status::Open | Status::Acknowledged) => {
            let mut events = vec![cleared(&alarm)];
            events.extend(judge_watched(incident, at));
            Reception::Join(events)
        }
        (AlarmState::Firing, Status::Open | Status::Acknowledged) => Reception::Join(vec![Event::Repeated {
            delivery: alarm.delivery,
            severity: alarm.severity,
            summary: alarm.summary,
            occurred_at: alarm.occurred_at,
            also: Vec::new(),
        }]),
        (AlarmState::Firing, Status::Resolved) => receive_after_end(incident, alarm, reopen_window, at),
    }
}

/// Several alarms of one key as one event, each of them counted; `None` when they are not all repeats of what is open, and
/// have to be received one by one.
#[must_use]
pub fn receive_together(incident: &Incident, alarms: &[Alarm]) -> Option<Event> {
    let (first, rest) = alarms.split_first()?;
    let last = rest.last().unwrap_or(first);
    let are_repeats = incident.is_open() && alarms.iter().all(|alarm| alarm.state == AlarmState::Firing);
    are_repeats.then(|| Event::Repeated {
        delivery: first.delivery.clone(),
        severity: alarms.iter().map(|alarm| alarm.severity).max().unwrap_or(first.severity),
        summary: last.summary.clone(),
        occurred_at: alarms.iter().map(|alarm| alarm.occurred_at).max().unwrap_or(first.occurred_at),
        also: rest.iter().map(|alarm| alarm.delivery.clone()).collect(),
    })
}

fn receive_after_end(incident: &Incident, alarm: Alarm, reopen_window: TimeDelta, at: DateTime<Utc>) -> Reception {
    let ended_at = incident.resolved.as_ref().map_or(incident.opened_at, |resolution| resolution.at);
    if at - ended_at <= reopen_window {
        return Reception::Join(vec![Event::Refired {
            delivery: alarm.delivery,
            severity: alarm.severity,
            summary: alarm.summary,
            occurred_at: alarm.occurred_at,
        }]);
    }
    Reception::Open(Event::Opened { alarm })
}

fn is_overtaken(memory: &AlarmMemory, alarm: &Alarm) -> bool {
    memory.state == AlarmState::Cleared && memory.occurred_at > alarm.occurred_at
}

fn cleared(alarm: &Alarm) -> Event {
    Event::Cleared { delivery: alarm.delivery.clone(), occurred_at: alarm.occurred_at }
}

/// The alarm is over: every run that was being watched has helped.
fn judge_watched(incident: &Incident, at: DateTime<Utc>) -> impl Iterator<Item = Event> {
    incident.runs.iter().filter(|run| run.is_watched()).map(move |run| Event::ActionHelped {
        run: run.id.clone(),
        after_seconds: seconds_between(run.finished_at.unwrap_or(at), at),
    })
}

/// Why a command was refused. Each says what the caller can do differently.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refused {
    /// It is over.
    #[error("it is already resolved; reopen it first")]
    AlreadyResolved {
        /// How it ended.
        by: ResolvedBy,
        /// When.
        at: DateTime<Utc>,
    },
    /// It is not over.
    #[error("it is not resolved, so there is nothing to reopen")]
    NotResolved,
    /// Somebody has it.
    #[error("{by} already acknowledged it")]
    AlreadyAcknowledged {
        /// Who.
        by: ResponderId,
        /// When.
        at: DateTime<Utc>,
    },
    /// An action is under way.
    #[error("{by} is already running \"{title}\"; wait until it has ended, or stop it")]
    AlreadyRunning {
        /// Who.
        by: ResponderId,
        /// What.
        title: String,
        /// Since when.
        at: DateTime<Utc>,
    },
    /// The same action was run after the button was drawn.
    #[error("{by} already ran \"{title}\"; look at the card, then press again if it is still wanted")]
    AlreadyRan {
        /// Who.
        by: ResponderId,
        /// What.
        title: String,
        /// When.
        at: DateTime<Utc>,
    },
    /// Somebody stopped all actions.
    #[error(
        "{by} stopped all actions at {}{}; /catops actions start lets them run again", at.format("%Y-%m-%d %H:%M UTC"),
        in_brackets(why)
    )]
    ActionsStopped {
        /// Who.
        by: ResponderId,
        /// Why; may be empty.
        why: String,
        /// When.
        at: DateTime<Utc>,
    },
    /// The button is of another day.
    #[error(
        "this button shows how things were at {}, more than 24 hours ago, and runs nothing any more; a note on {incident} \
         draws a fresh card, or type: /catops run {action} on {incident}", seen_at.format("%Y-%m-%d %H:%M UTC")
    )]
    OldButton {
        /// What it would have run.
        action: ActionId,
        /// On which incident.
        incident: IncidentId,
        /// When what it shows was written.
        seen_at: DateTime<Utc>,
    },
    /// There is no such run.
    #[error("there is no run {run} on this incident")]
    NoSuchRun {
        /// Which.
        run: String,
    },
    /// The run has ended.
    #[error("\"{title}\" has already ended")]
    RunEnded {
        /// What.
        title: String,
    },
    /// Everybody was asked.
    #[error("every level of the escalation has been asked; page somebody by name with assign")]
    NoNextLevel,
    /// They were not asked.
    #[error("{who} was not asked, so there is nothing to decline")]
    NotAsked {
        /// Who.
        who: ResponderId,
    },
    /// It is not somebody's for a limited time.
    #[error("nobody's time with it runs out, so there is nothing to extend")]
    NothingToExtend,
    /// Nobody else is on call next.
    #[error("{}", match schedule {
        Some(schedule) => format!("nobody else is on call next on {schedule}; name somebody: assign to @name"),
        None => "the policy asks no schedule, so nobody is on call next; name somebody: assign to @name".to_owned(),
    })]
    NobodyNext {
        /// The schedule that was looked at.
        schedule: Option<String>,
    },
    /// Nobody waits that short or that long.
    #[error("a time from a minute to 24 hours is needed, like 30m or 2h")]
    BadLength,
    /// The text is empty.
    #[error("the note is empty; write what you saw")]
    EmptyNote,
    /// The person is not in the rota.
    #[error("{who} is not in the rota; add them to rota/*.toml")]
    UnknownPerson {
        /// Who.
        who: String,
    },
    /// The person may not do this.
    #[error("{what} is only for {}", who_can.join(", "))]
    Denied {
        /// What was asked for.
        what: String,
        /// Who can.
        who_can: Vec<String>,
    },
    /// A drill breaks nothing, so nothing of it is repaired or opened again.
    #[error("this is a drill: nothing is broken, so there is nothing to {what}; `catops drill` begins another one")]
    Drill {
        /// What was wanted: `run`, `reopen`.
        what: &'static str,
    },
    /// The drill is of one person.
    #[error("this drill asks whether {who} can be reached, so only {who} can answer it")]
    NotYours {
        /// Who can.
        who: ResponderId,
    },
    /// There is no such action.
    #[error("there is no action \"{action}\"; catops help lists them")]
    NoSuchAction {
        /// Which.
        action: String,
    },
    /// Values are missing or wrong.
    #[error("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    BadParams {
        /// Each with what is wrong with it.
        problems: Vec<BadParam>,
    },
}

fn in_brackets(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(" ({why})") }
}

/// Decides what a command becomes. No events means: it is already so, and that is fine (a late timer, a second settle).
///
/// # Errors
/// [`Refused`] when the incident's state does not allow it.
pub fn decide(incident: &Incident, command: Command, at: DateTime<Utc>) -> Result<Vec<Event>, Refused> {
    if let Some(decided) = drill(incident, &command) {
        return decided;
    }
    match command {
        Command::Assign { .. }
        | Command::Skip { .. }
        | Command::AskChannel { .. }
        | Command::Pause { .. }
        | Command::Exhaust
        | Command::AckTimeout { .. }
        | Command::TimeOver { .. }
        | Command::Escalate { .. } => escalation(incident, command),
        Command::RecordChannel { message } => Ok(vec![Event::ChannelReached { message }]),
        Command::Decline { by, next } => decline(incident, by, next),
        Command::Snooze { by, length } => snooze(incident, by, length),
        Command::Extend { by, length } => extend(incident, by, length),
        Command::Suggest { suggestions, runners_up, no_match, history, changes, related } => {
            Ok(vec![Event::Suggested { suggestions, runners_up, no_match, history, changes, related }])
        }
        Command::RecordPage { to, by, level, message, with } => Ok(vec![Event::Paged { to, by, level, message, with }]),
        Command::RecordHeldPage { to, by, until, because } => Ok(vec![Event::PageHeld { to, by, until, because }]),
        Command::RecordPageFailure { to, by, error, gave_up } => {
            Ok(vec![Event::PageFailed { to, error, by: Some(by), gave_up }])
        }
        Command::RecordCard { channel, ts } => Ok(record_card(incident, channel, ts)),
        Command::RecordContext { channel, file, lines } => Ok(vec![Event::ContextPosted { channel, file, lines }]),
        Command::Gather { .. } if incident.gathered.is_some() || incident.has_own_card() => Ok(Vec::new()),
        Command::Gather { channel, digest } => Ok(vec![Event::Gathered { channel, digest }]),
        Command::Acknowledge { by } => acknowledge(incident, by),
        Command::EndDrill => Ok(Vec::new()),
        Command::Resolve { by, note } => {
            refuse_resolved(incident)?;
            Ok(vec![Event::Resolved { by, note: cut(&note) }])
        }
        Command::Reopen { by } if incident.status == Status::Resolved => Ok(vec![Event::Reopened { by }]),
        Command::Reopen { .. } => Err(Refused::NotResolved),
        Command::Note { text, .. } if text.trim().is_empty() => Err(Refused::EmptyNote),
        Command::Note { by, text } => Ok(vec![Event::Noted { by, text: cut(&text) }]),
        Command::Reassign { by, to, plan, urgency } => {
            refuse_resolved(incident)?;
            Ok(vec![Event::Reassigned { by, to, second_channel_seconds: None, plan, urgency: Some(urgency) }])
        }
        Command::RequestAction { by, request } => request_action(incident, by, request, at),
        Command::StopRun { by, run } => stop_run(incident, by, run),
        Command::StartRun { .. } | Command::FinishRun { .. } | Command::SettleRun { .. } | Command::EndWatch { .. } => {
            run_progress(incident, command, at)
        }
        Command::Judge { by, right } => Ok(vec![Event::Judged { by, right }]),
        Command::NameFix { .. } if incident.is_open() => Err(Refused::NotResolved),
        Command::NameFix { fix, .. } if incident.fix.as_ref() == Some(&fix) => Ok(Vec::new()),
        Command::NameFix { by, fix } => Ok(vec![Event::FixNamed { by, fix }]),
    }
}

fn record_card(incident: &Incident, channel: String, ts: String) -> Vec<Event> {
    let known = incident.cards.iter().any(|card| card.channel == channel && card.ts == ts);
    if known { Vec::new() } else { vec![Event::CardPosted { channel, ts }] }
}

fn request_action(
    incident: &Incident,
    by: ResponderId,
    request: ActionRequest,
    at: DateTime<Utc>,
) -> Result<Vec<Event>, Refused> {
    refuse_resolved(incident)?;
    if let Some(seen_at) = request.seen_at.filter(|seen_at| at - *seen_at > BUTTON_AGE_MAX) {
        return Err(Refused::OldButton { action: request.action, incident: incident.id, seen_at });
    }
    if let Some(run) = incident.running() {
        return Err(Refused::AlreadyRunning { by: run.by.clone(), title: run.title.clone(), at: run.requested_at });
    }
    if let Some(run) = request.seen_seq.and_then(|seen| newer_run(incident, &request.action, seen)) {
        return Err(Refused::AlreadyRan { by: run.by.clone(), title: run.title.clone(), at: run.requested_at });
    }
    let acknowledged = incident.acknowledged.is_none().then(|| acknowledgement(incident, by.clone()));
    let requested = Event::ActionRequested {
        run: RunId(format!("run-{}-{}", incident.id.0, incident.runs.len() + 1)),
        action: request.action,
        title: request.title,
        params: request.params,
        by,
        read_only: request.read_only,
        watch_seconds: seconds(request.watch),
        timeout_seconds: seconds(request.timeout),
        undo: request.undo,
    };
    Ok(acknowledged.into_iter().chain([requested]).collect())
}

fn newer_run<'a>(incident: &'a Incident, action: &ActionId, seen: u64) -> Option<&'a Run> {
    incident.runs.iter().rev().find(|run| &run.action == action && run.seq > seen)
}

fn stop_run(incident: &Incident, by: ResponderId, run: Option<RunId>) -> Result<Vec<Event>, Refused> {
    let found = match &run {
        Some(id) => incident.run(id),
        None => incident.running(),
    };
    let Some(found) = found else {
        return Err(Refused::NoSuchRun { run: run.map_or_else(|| "under way".to_owned(), |run| run.0) });
    };
    if !found.is_running() {
        return Err(Refused::RunEnded { title: found.title.clone() });
    }
    if found.stop_by.is_some() {
        return Ok(Vec::new());
    }
    Ok(vec![Event::StopRequested { run: found.id.clone(), by }])
}

fn run_progress(incident: &Incident, command: Command, at: DateTime<Utc>) -> Result<Vec<Event>, Refused> {
    let (Command::StartRun { run: id }
    | Command::FinishRun { run: id, .. }
    | Command::SettleRun { run: id, .. }
    | Command::EndWatch { run: id }) = &command
    else {
        return Ok(Vec::new());
    };
    let Some(run) = incident.run(id) else {
        return Err(Refused::NoSuchRun { run: id.0.clone() });
    };
    match command {
        Command::StartRun { run: id } if run.is_running() && run.started_at.is_none() => {
            Ok(vec![Event::ActionStarted { run: id }])
        }
        Command::FinishRun { run: id, outcome, detail, duration_ms } if run.is_running() => {
            let helped = outcome == RunOutcome::Succeeded && !run.read_only && !incident.firing;
            let finished = Event::ActionFinished { run: id.clone(), outcome, detail, duration_ms };
            let helped = helped.then_some(Event::ActionHelped { run: id, after_seconds: 0 });
            Ok(std::iter::once(finished).chain(helped).collect())
        }
        Command::SettleRun { by, run: id } if run.outcome == Some(RunOutcome::Unknown) => {
            Ok(vec![Event::RunSettled { run: id, by }])
        }
        Command::EndWatch { run: id } if run.is_watched() && incident.is_open() && incident.firing => {
            Ok(vec![Event::ActionDidNotHelp { run: id }])
        }
        Command::EndWatch { run: id } if run.is_watched() && !incident.firing => {
            Ok(vec![Event::ActionHelped { run: id, after_seconds: seconds_between(run.finished_at.unwrap_or(at), at) }])
        }
        _ => Ok(Vec::new()),
    }
}

fn refuse_resolved(incident: &Incident) -> Result<(), Refused> {
    match (&incident.status, &incident.resolved) {
        (Status::Resolved, Some(end)) => Err(Refused::AlreadyResolved { by: end.by.clone(), at: end.at }),
        _ => Ok(()),
    }
}

/// Whole seconds, never below zero.
fn seconds(delta: TimeDelta) -> u64 {
    u64::try_from(delta.num_seconds()).unwrap_or(0)
}

fn cut(text: &str) -> String {
    text.trim().chars().take(NOTE_CHARS_MAX).collect()
}

/// True when somebody acted on it, so that its end is not "cleared alone".
#[must_use]
pub fn was_acted_on(incident: &Incident) -> bool {
    incident.runs.iter().any(|run| !run.read_only)
        || incident.runs.iter().any(|run| matches!(run.effect, Some(RunEffect::Helped { .. })))
}
