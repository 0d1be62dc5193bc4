//! The night, readable: one plain line an event. Threads, the command line and exports all print these lines.

use crate::event::{BY_SLACK, Event, Recorded, RunOutcome};
use crate::fold::Incident;
use crate::id::{IncidentId, ResponderId, RunId};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The event's number.
    pub seq: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// The event's kind, for machines.
    pub kind: &'static str,
    /// What happened, in one sentence without a full stop. Holds text from outside: escape it for where it is shown.
    pub text: String,
}

/// The lines of a stream. `incident` gives names to runs; `name` turns a responder into how people call them.
#[must_use]
pub fn timeline(incident: &Incident, events: &[Recorded], name: impl Fn(&ResponderId) -> String) -> Vec<Line> {
    events.iter().map(|recorded| line(incident, recorded, &name)).collect()
}

/// One line.
#[must_use]
pub fn line(incident: &Incident, recorded: &Recorded, name: &impl Fn(&ResponderId) -> String) -> Line {
    Line {
        seq: recorded.seq,
        at: recorded.at,
        kind: recorded.event.kind(),
        text: text(incident, &recorded.event, name),
    }
}

fn text(incident: &Incident, event: &Event, name: &impl Fn(&ResponderId) -> String) -> String {
    match event {
        Event::Opened { alarm } if !alarm.counts() => format!("a drill began: {}", alarm.title),
        Event::DrillEnded { answered_by } => drill_ended(incident, answered_by.as_ref(), name),
        Event::Opened { alarm } => format!("{} fired: {}", alarm.source, alarm.title),
        Event::Repeated { also, .. } if also.is_empty() => "the alarm fired again".to_owned(),
        Event::Repeated { also, .. } => format!("the alarm fired {} times more", also.len() + 1),
        Event::Cleared { .. } => "the alarm cleared".to_owned(),
        Event::Refired { .. } => "the alarm fired again, so the incident is open again".to_owned(),
        Event::SetAside { why, .. } => format!("an alarm changed nothing: {}", why.words()),
        Event::Silenced { silence, .. } => format!("an alarm opened nothing: {silence} is about it"),
        Event::KeptBack { .. } => kept_back(event, name),
        Event::Assigned { to, because, level, .. } if to.is_empty() => {
            format!("level {}: nobody to ask ({because})", level + 1)
        }
        Event::Assigned { to, because, level, .. } => format!("level {}: {} ({because})", level + 1, names(to, name)),
        Event::Paged { .. } | Event::PageHeld { .. } | Event::PageFailed { .. } => page_text(event, name),
        Event::StepSkipped { .. }
        | Event::ChannelAsked { .. }
        | Event::ChannelReached { .. }
        | Event::EscalationPaused { .. }
        | Event::EscalationResumed
        | Event::PartlyAcknowledged { .. }
        | Event::AcknowledgementExtended { .. }
        | Event::AcknowledgementExpired { .. }
        | Event::Snoozed { .. }
        | Event::Woke
        | Event::Declined { .. } => step_text(event, name),
        Event::Escalated { level, by: None, .. } => {
            format!("nobody acknowledged in time: asking level {}", level + 1)
        }
        Event::Escalated { level, by: Some(by), .. } => format!("{} asked for level {}", name(by), level + 1),
        Event::EscalationExhausted => "nobody acknowledged, and no level is left".to_owned(),
        Event::Suggested { suggestions, no_match, .. } => suggested(suggestions, no_match.as_deref()),
        Event::CardPosted { channel, .. } => format!("card posted in {channel}"),
        Event::ContextPosted { file, lines, .. } => context(file.is_some(), lines),
        Event::Gathered { channel, .. } => format!("one of many: on the digest in {channel}"),
        Event::Acknowledged { by, .. } => format!("{} acknowledged", name(by)),
        Event::Reassigned { by, to, .. } => format!("{} gave it to {}", name(by), name(to)),
        Event::Noted { by, text } => format!("{} noted: {text}", name(by)),
        Event::ActionRequested { title, by, .. } => format!("{} asked for: {title}", name(by)),
        Event::Resolved { by, note } if note.is_empty() => format!("{} resolved it", name(by)),
        Event::Resolved { by, note } => format!("{} resolved it: {note}", name(by)),
        Event::Reopened { by } => format!("{} opened it again", name(by)),
        Event::Judged { by, right: true } => {
            format!("{} said that the first suggestion was right", name(by))
        }
        Event::Judged { by, right: false } => {
            format!("{} said that the first suggestion was wrong", name(by))
        }
        Event::FixNamed { by, fix } => format!("{} said that {} ended it", name(by), fix.told()),
        Event::Redacted { by, why, replaced } => {
            let seqs: Vec<String> = replaced.iter().map(|replaced| replaced.seq.to_string()).collect();
            format!("{} took text out of event {}: {why}", name(by), seqs.join(", "))
        }
        Event::ActionStarted { .. }
        | Event::StopRequested { .. }
        | Event::ActionFinished { .. }
        | Event::RunSettled { .. }
        | Event::ActionHelped { .. }
        | Event::ActionDidNotHelp { .. } => run_text(incident, event, name),
    }
}

fn page_text(event: &Event, name: &impl Fn(&ResponderId) -> String) -> String {
    match event {
        Event::Paged { to, by, with, .. } => {
            format!("paged {} by {}{}", name(to), page_channel(by), together_with(with))
        }
        Event::PageHeld { to, by, until, because } => {
            format!("{} to {} waits until {}: {because}", channel_word(by), name(to), until.format("%H:%M UTC"))
        }
        Event::PageFailed { to, error, by: Some(by), gave_up: true } => {
            format!("could not reach {} by {}: {error}; it is not tried again", name(to), channel_word(by))
        }
        Event::PageFailed { to, error, by: Some(by), .. } => {
            format!("could not page {} by {}: {error}", name(to), channel_word(by))
        }
        Event::PageFailed { to, error, .. } => format!("could not page {}: {error}", name(to)),
        _ => String::new(),
    }
}

fn kept_back(event: &Event, name: &impl Fn(&ResponderId) -> String) -> String {
    let Event::KeptBack { silence, since, alarms, by, because } = event else { return String::new() };
    let of = by.as_ref().map(|by| format!(" of {}", name(by))).unwrap_or_default();
    let why = if because.is_empty() { String::new() } else { format!(" ({because})") };
    let count = if *alarms == 1 { "one alarm".to_owned() } else { format!("{alarms} alarms") };
    let since = since.format("%Y-%m-%d %H:%M UTC");
    format!("it fires since {since} under the silence {silence}{of}{why}, which kept {count} back")
}

fn step_text(event: &Event, name: &impl Fn(&ResponderId) -> String) -> String {
    match event {
        Event::StepSkipped { level, why } => format!("skipped level {}: {why}", level + 1),
        Event::ChannelAsked { channel, level, .. } => format!("level {}: everybody in {channel}", level + 1),
        Event::ChannelReached { .. } => "the question stands in the channel".to_owned(),
        Event::EscalationPaused { until, because, .. } => {
            format!("{because}: asking nobody until {}", until.format("%Y-%m-%d %H:%M UTC"))
        }
        Event::EscalationResumed => "the wait is over".to_owned(),
        Event::PartlyAcknowledged { by, missing } => {
            format!("{} acknowledged; {} must, too", name(by), names(missing, name))
        }
        Event::AcknowledgementExtended { by: Some(by), seconds } => {
            format!("{} has it for {} more", name(by), length(*seconds))
        }
        Event::AcknowledgementExtended { by: None, seconds } => format!("it asks again in {}", length(*seconds)),
        Event::AcknowledgementExpired { by } => {
            format!("{}'s time with it ran out without a word, so it asks again", name(by))
        }
        Event::Snoozed { by, seconds } => format!("{} snoozed it for {}", name(by), length(*seconds)),
        Event::Woke => "the snooze is over, so it asks again".to_owned(),
        Event::Declined { by } => format!("{} cannot", name(by)),
        _ => String::new(),
    }
}

/// A length of time as people say it: `45 s`, `30 min`, `2 h`, `1 h 30 min`.
#[must_use]
pub fn length(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// With what was measured: these figures are what a drill is for.
fn drill_ended(incident: &Incident, by: Option<&ResponderId>, name: &impl Fn(&ResponderId) -> String) -> String {
    let end = by.map_or_else(|| "nobody answered".to_owned(), |who| format!("{} answered", name(who)));
    let measured = incident.measured().map(|measured| format!(" ({})", measured.told(name))).unwrap_or_default();
    format!("the drill ended: {end}{measured}")
}

fn run_text(incident: &Incident, event: &Event, name: &impl Fn(&ResponderId) -> String) -> String {
    match event {
        Event::ActionStarted { run } => {
            let by = incident.run(run).map(|run| name(&run.by)).unwrap_or_default();
            format!("{by} started: {}", title(incident, run))
        }
        Event::StopRequested { run, by } => {
            format!("{} asked to stop: {}", name(by), title(incident, run))
        }
        Event::ActionFinished { run, outcome, duration_ms, .. } => {
            format!("{} {}", title(incident, run), outcome_text(*outcome, *duration_ms))
        }
        Event::RunSettled { run, by } => format!("{} looked and marked as done: {}", name(by), title(incident, run)),
        Event::ActionHelped { run, after_seconds } => {
            format!("{} helped: the alarm cleared {after_seconds} s after it ended", title(incident, run))
        }
        Event::ActionDidNotHelp { run } => format!("{} did not help: the alarm is still firing", title(incident, run)),
        _ => String::new(),
    }
}

/// The channel of a page in words.
#[must_use]
pub fn page_channel(by: &str) -> String {
    match by {
        BY_SLACK => by.to_owned(),
        other => format!("{}, the second channel", channel_word(other)),
    }
}

/// How people call a way to page.
#[must_use]
pub fn channel_word(by: &str) -> &str {
    match by {
        "sms" => "text message",
        "sns" => "SNS topic",
        "voice" => "call",
        "email" => "e-mail",
        other => other,
    }
}

/// The other incidents of a page.
fn together_with(with: &[IncidentId]) -> String {
    let named: Vec<String> = with.iter().map(ToString::to_string).collect();
    match named.split_last() {
        None => String::new(),
        Some((last, [])) => format!(", together with {last}"),
        Some((last, rest)) => format!(", together with {} and {last}", rest.join(", ")),
    }
}

fn suggested(suggestions: &[crate::Suggestion], no_match: Option<&str>) -> String {
    if suggestions.is_empty() {
        return format!("no suggestion: {}", no_match.unwrap_or("no runbook matches"));
    }
    let list: Vec<String> =
        suggestions.iter().enumerate().map(|(rank, s)| format!("{} {}", rank + 1, s.title)).collect();
    format!("suggested: {}", list.join("; "))
}

fn outcome_text(outcome: RunOutcome, duration_ms: u64) -> String {
    match outcome {
        RunOutcome::Succeeded => format!("succeeded in {duration_ms} ms"),
        RunOutcome::Failed => format!("failed after {duration_ms} ms"),
        RunOutcome::Stopped => format!("was stopped after {duration_ms} ms"),
        RunOutcome::Unknown => "ended without anybody knowing how: check, then mark it done or run it again".to_owned(),
    }
}

fn context(has_picture: bool, lines: &[String]) -> String {
    let picture = has_picture.then(|| "a picture of the metric".to_owned());
    let said: Vec<String> = picture.into_iter().chain(lines.iter().cloned()).collect();
    format!("from CloudWatch: {}", said.join("; "))
}

fn title(incident: &Incident, run: &RunId) -> String {
    incident.run(run).map_or_else(|| run.0.clone(), |run| format!("\"{}\"", run.title))
}

fn names(people: &[ResponderId], name: &impl Fn(&ResponderId) -> String) -> String {
    people.iter().map(name).collect::<Vec<_>>().join(", ")
}
