//! What will happen to an incident if nobody acts: the rules themselves are run forward on a copy of its state, with a clock
//! that jumps from timer to timer. Nothing here is a second set of rules, so what is foretold cannot disagree with what
//! happens then. It writes nothing and pages nobody.

use crate::config::Setup;
use crate::flow::triage;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{
    Command, Event, Incident, Recorded, ResponderId, Status, Task, Timed, Waiting, channel_word, decide, react,
};
use rota::Operation;
use serde::Serialize;

/// Things that are foretold at most: nobody reads further ahead, and each costs one look into the rota.
pub const FORETOLD_MAX: usize = 30;

/// Steps that are run forward at most, those that nobody is told of included.
const STEPS_MAX: usize = 200;

/// Something that will happen if nobody acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Foretold {
    /// When.
    pub at: DateTime<Utc>,
    /// The kind of the event that it will be.
    pub kind: &'static str,
    /// What, in one sentence without a full stop: `page Bo (level 2, on call for payments: ...)`.
    pub text: String,
    /// Who is paged by it.
    pub to: Vec<ResponderId>,
}

/// What will happen from `now` on, in order. Empty when nothing happens by itself any more.
#[must_use]
pub fn foretell(
    setup: &Setup,
    incident: &Incident,
    operations: &[Operation],
    now: DateTime<Utc>,
    name: &dyn Fn(&ResponderId) -> String,
) -> Vec<Foretold> {
    let mut copy = incident.clone();
    let mut waiting: Vec<(DateTime<Utc>, Task)> = standing(incident, now).into_iter().collect();
    let mut foretold = Vec::new();
    for _ in 0..STEPS_MAX {
        let Some(next) = waiting.iter().enumerate().min_by_key(|(_, (at, _))| *at).map(|(place, _)| place) else {
            break;
        };
        let (due_at, task) = waiting.remove(next);
        let at = due_at.max(now);
        foretold.extend(pages_by(&mut copy, now, Some(at), name));
        let mut fresh: Vec<Recorded> = Vec::new();
        for command in commands(setup, &copy, operations, &task, at) {
            for event in decide(&copy, command, at).unwrap_or_default() {
                let recorded = Recorded { seq: copy.seq + 1, at, event };
                copy.apply(&recorded);
                foretold.extend(told(&recorded, name));
                fresh.push(recorded);
            }
        }
        let effects = react(&copy, &fresh).effects.into_iter().filter(|effect| moves(&effect.task));
        // An incident has one timer: one that an event of now set takes the place of all others.
        let effects: Vec<_> = effects.map(|effect| (effect.due_at, effect.task)).collect();
        if !effects.is_empty() {
            waiting = effects;
        }
        if foretold.len() >= FORETOLD_MAX {
            break;
        }
    }
    foretold.extend(pages_by(&mut copy, now, None, name));
    foretold.truncate(FORETOLD_MAX);
    foretold
}

/// Pages that wait and go out by then, in order; all of them when there is no such time. What happens in between is folded
/// into the copy, so that those which nobody wants any more are not among them.
fn pages_by(
    copy: &mut Incident,
    now: DateTime<Utc>,
    by: Option<DateTime<Utc>>,
    name: &dyn Fn(&ResponderId) -> String,
) -> Vec<Foretold> {
    let goes_out = |held: &mut Waiting| by.is_none_or(|by| held.until <= by);
    let mut going: Vec<Waiting> = copy.held.extract_if(.., goes_out).collect();
    going.sort_by_key(|held| held.until);
    let told = |held: Waiting| {
        let (who, way) = (name(&held.to), channel_word(&held.by));
        let text = format!("page {who} by {way} (it waits: {})", held.because);
        Foretold { at: held.until.max(now), kind: "paged", text, to: vec![held.to] }
    };
    going.into_iter().map(told).collect()
}

/// What an incident waits for now. Without a timer it waits for its next step, or for nothing.
fn standing(incident: &Incident, now: DateTime<Utc>) -> Option<(DateTime<Utc>, Task)> {
    let id = incident.id;
    match incident.timer {
        Some(timer) if timer.of == Timed::Answer => {
            Some((timer.due_at, Task::AckTimeout { incident: id, level: incident.level, round: incident.round }))
        }
        Some(timer) => Some((timer.due_at, Task::Wake { incident: id, seq: timer.seq })),
        // Owners are found by an effect of its own, which is due at once; after the last step nobody is asked any more.
        None if awaits_step(incident) => Some((now, Task::Triage { incident: id, level: 0 })),
        None => None,
    }
}

/// Whether anything will happen if nobody acts.
#[must_use]
pub fn is_awaited(incident: &Incident) -> bool {
    incident.timer.is_some() || !incident.held.is_empty() || awaits_step(incident)
}

/// Without a timer the next step is about to be taken, unless the catch-all was asked: behind it there is none.
fn awaits_step(incident: &Incident) -> bool {
    let is_last = |step: u16| incident.plan.as_ref().is_some_and(|plan| usize::from(step) >= plan.steps.len());
    incident.status == Status::Open && !incident.exhausted && !incident.step.is_some_and(is_last)
}

/// What carries an escalation on; cards and pages do not.
const fn moves(task: &Task) -> bool {
    matches!(task, Task::Triage { .. } | Task::AckTimeout { .. } | Task::Wake { .. })
}

/// The commands by which the outbox performs a task. Suggestions are left out: they move nothing.
fn commands(
    setup: &Setup,
    incident: &Incident,
    operations: &[Operation],
    task: &Task,
    at: DateTime<Utc>,
) -> Vec<Command> {
    match task {
        Task::Triage { .. } => triage::next_by(setup, incident, operations, at, |_, _| Vec::new()),
        Task::AckTimeout { level, round, .. } => {
            let next = triage::level_after(&setup.rota, incident, None, operations, at);
            vec![Command::AckTimeout { level: *level, round: *round, next }]
        }
        Task::Wake { seq, .. } => vec![Command::TimeOver { seq: *seq }],
        _ => Vec::new(),
    }
}

fn told(recorded: &Recorded, name: &dyn Fn(&ResponderId) -> String) -> Option<Foretold> {
    let names = |people: &[ResponderId]| people.iter().map(name).collect::<Vec<_>>().join(", ");
    let mut paged = Vec::new();
    let text = match &recorded.event {
        Event::Assigned { to, level, because, .. } => {
            paged.clone_from(to);
            format!("page {} (level {}, {because})", names(to), level + 1)
        }
        Event::StepSkipped { level, why } => format!("skip level {}: {why}", level + 1),
        Event::ChannelAsked { channel, level, .. } => format!("ask everybody in {channel} (level {})", level + 1),
        Event::EscalationPaused { until, because, .. } => {
            format!("{because}: ask nobody until {}", until.format("%Y-%m-%d %H:%M UTC"))
        }
        Event::EscalationExhausted => "nobody is left to ask".to_owned(),
        Event::AcknowledgementExpired { by } => format!("{}'s time with it runs out, and it asks again", name(by)),
        Event::Woke => "the snooze is over, and it asks again".to_owned(),
        _ => return None,
    };
    Some(Foretold { at: recorded.at, kind: recorded.event.kind(), text, to: paged })
}

/// How long until then, as people say it: `now`, `in 5 min`.
#[must_use]
pub fn until(now: DateTime<Utc>, at: DateTime<Utc>) -> String {
    match u64::try_from((at - now + TimeDelta::milliseconds(500)).num_seconds()) {
        Ok(seconds) if seconds >= 60 => format!("in {}", incident::length(seconds / 60 * 60)),
        Ok(seconds) if seconds > 0 => format!("in {seconds} s"),
        _ => "now".to_owned(),
    }
}

#[cfg(test)]
mod tests;
