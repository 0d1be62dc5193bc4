//! Who is asked, and what those who are asked may say: the steps of a plan, yes, no, later, and what is different for a drill.

use super::{Command, Refused, SNOOZE_MAX, refuse_resolved, seconds};
use crate::event::Event;
use crate::fold::{Incident, Status, Timed};
use crate::id::ResponderId;
use crate::plan::AckMode;
use chrono::TimeDelta;
use std::collections::BTreeMap;

/// What is different for a drill; `None` when nothing is.
pub(super) fn drill(incident: &Incident, command: &Command) -> Option<Result<Vec<Event>, Refused>> {
    incident.drill()?;
    match command {
        // Who closes it has been reached, too.
        Command::Acknowledge { by } | Command::Resolve { by, .. } => Some(answer(incident, by)),
        Command::EndDrill if incident.is_open() => Some(Ok(vec![Event::DrillEnded { answered_by: None }])),
        Command::RequestAction { .. } => Some(Err(Refused::Drill { what: "run" })),
        Command::Reopen { .. } => Some(Err(Refused::Drill { what: "reopen" })),
        Command::Reassign { .. } if incident.only_answered_by().is_some() => {
            Some(Err(Refused::Drill { what: "hand over" }))
        }
        Command::Judge { .. } | Command::NameFix { .. } => Some(Err(Refused::Drill { what: "judge" })),
        Command::Snooze { .. } | Command::Extend { .. } => Some(Err(Refused::Drill { what: "put off" })),
        _ => None,
    }
}

fn answer(incident: &Incident, by: &ResponderId) -> Result<Vec<Event>, Refused> {
    if let Some(who) = incident.only_answered_by().filter(|who| *who != by) {
        return Err(Refused::NotYours { who: who.clone() });
    }
    let mut events = acknowledge(incident, by.clone())?;
    let mut is_whole = false;
    for event in &mut events {
        if let Event::Acknowledged { timeout_seconds, .. } = event {
            // It is over with the answer, so nothing asks again.
            (*timeout_seconds, is_whole) = (None, true);
        }
    }
    if is_whole {
        events.push(Event::DrillEnded { answered_by: Some(by.clone()) });
    }
    Ok(events)
}

pub(super) fn escalation(incident: &Incident, command: Command) -> Result<Vec<Event>, Refused> {
    match command {
        // Too late: somebody has it, or it is over. A late timer is harmless.
        Command::Assign { .. }
        | Command::Skip { .. }
        | Command::AskChannel { .. }
        | Command::Pause { .. }
        | Command::Exhaust
        | Command::AckTimeout { .. }
            if incident.status != Status::Open =>
        {
            Ok(Vec::new())
        }
        Command::Assign { to, level, policy, because, wait, plans, urgency, taken } => Ok(vec![Event::Assigned {
            to,
            level,
            policy,
            because,
            wait_seconds: wait.map(seconds),
            second_channel_seconds: BTreeMap::new(),
            plans,
            urgency: Some(urgency),
            taken,
        }]),
        Command::Skip { level, why } => Ok(vec![Event::StepSkipped { level, why }]),
        Command::AskChannel { channel, level, policy, wait, taken } => {
            Ok(vec![Event::ChannelAsked { channel, level, policy, wait_seconds: seconds(wait), taken }])
        }
        Command::Pause { until, because, policy, taken } => {
            Ok(vec![Event::EscalationPaused { until, because, policy, taken }])
        }
        Command::Exhaust if incident.exhausted => Ok(Vec::new()),
        Command::Exhaust => Ok(vec![Event::EscalationExhausted]),
        Command::AckTimeout { level, round, next }
            if incident.round == round && incident.level == level && !incident.exhausted =>
        {
            let escalated = next.map(|level| Event::Escalated { level, by: None, reopens: false });
            Ok(vec![escalated.unwrap_or(Event::EscalationExhausted)])
        }
        Command::TimeOver { seq } => Ok(time_over(incident, seq).into_iter().collect()),
        Command::Escalate { by, next } => {
            refuse_resolved(incident)?;
            let level = next.ok_or(Refused::NoNextLevel)?;
            let reopens = incident.status == Status::Acknowledged;
            Ok(vec![Event::Escalated { level, by: Some(by), reopens }])
        }
        _ => Ok(Vec::new()),
    }
}

/// What the end of the present timer becomes; one that was replaced by another means nothing any more.
fn time_over(incident: &Incident, seq: u64) -> Option<Event> {
    let timer = incident.timer.filter(|timer| timer.seq == seq)?;
    match (timer.of, &incident.acknowledged) {
        (Timed::Pause, _) => Some(Event::EscalationResumed),
        (Timed::Snooze, _) => Some(Event::Woke),
        (Timed::Acknowledgement, Some(present)) => Some(Event::AcknowledgementExpired { by: present.by.clone() }),
        (Timed::Acknowledgement, None) | (Timed::Answer, _) => None,
    }
}

/// Whoever has it lets go of it, too. While others of the same level are still asked, they are waited for.
pub(super) fn decline(incident: &Incident, by: ResponderId, next: Option<u8>) -> Result<Vec<Event>, Refused> {
    refuse_resolved(incident)?;
    let has_it = incident.acknowledged.as_ref().is_some_and(|present| present.by == by);
    let is_asked = incident.status == Status::Open && incident.asked.contains(&by);
    if incident.declined.contains(&by) && !has_it {
        return Ok(Vec::new());
    }
    if !has_it && !is_asked {
        return Err(Refused::NotAsked { who: by });
    }
    let declined = Event::Declined { by: by.clone() };
    let has_said = |who: &ResponderId| *who == by || incident.declined.contains(who) || incident.agreed.contains(who);
    if let (true, false, Some(taker)) = (wants_all(incident), has_it, incident.agreed.last())
        && incident.asked.iter().all(has_said)
    {
        // Theirs was the last answer that was missing, and somebody has said yes.
        let timeout_seconds = acknowledge_seconds(incident);
        return Ok(vec![declined, Event::Acknowledged { by: taker.clone(), timeout_seconds }]);
    }
    let others = incident.asked.iter().any(|asked| *asked != by && !incident.declined.contains(asked));
    if others && !has_it {
        return Ok(vec![declined]);
    }
    let then = match next {
        Some(level) => Event::Escalated { level, by: Some(by), reopens: has_it },
        // Nobody is left: whoever has it keeps it, so that it is not nobody's in silence.
        None if has_it => return Err(Refused::NoNextLevel),
        None if incident.exhausted => return Ok(vec![declined]),
        None => Event::EscalationExhausted,
    };
    Ok(vec![declined, then])
}

pub(super) fn snooze(incident: &Incident, by: ResponderId, length: TimeDelta) -> Result<Vec<Event>, Refused> {
    refuse_resolved(incident)?;
    Ok(vec![Event::Snoozed { by, seconds: limited(length)? }])
}

pub(super) fn extend(
    incident: &Incident,
    by: Option<ResponderId>,
    length: Option<TimeDelta>,
) -> Result<Vec<Event>, Refused> {
    refuse_resolved(incident)?;
    let is_timed = incident.timer.is_some_and(|timer| timer.of == Timed::Acknowledgement);
    // The policy speaks once: about what was taken before it could be asked.
    let may = if by.is_some() { is_timed } else { incident.timer.is_none() };
    if incident.status != Status::Acknowledged || !may {
        return Err(Refused::NothingToExtend);
    }
    let seconds = match length {
        Some(length) => limited(length)?,
        None => acknowledge_seconds(incident).ok_or(Refused::NothingToExtend)?,
    };
    Ok(vec![Event::AcknowledgementExtended { by, seconds }])
}

fn limited(length: TimeDelta) -> Result<u64, Refused> {
    let fits = (TimeDelta::minutes(1)..=SNOOZE_MAX).contains(&length);
    if fits { Ok(seconds(length)) } else { Err(Refused::BadLength) }
}

fn acknowledge_seconds(incident: &Incident) -> Option<u64> {
    incident.plan.as_ref()?.acknowledge_seconds
}

pub(super) fn acknowledge(incident: &Incident, by: ResponderId) -> Result<Vec<Event>, Refused> {
    refuse_resolved(incident)?;
    match &incident.acknowledged {
        Some(present) => Err(Refused::AlreadyAcknowledged { by: present.by.clone(), at: present.at }),
        None if wants_all(incident) && incident.agreed.contains(&by) => Ok(Vec::new()),
        None => Ok(vec![acknowledgement(incident, by)]),
    }
}

/// Whether everybody who is asked has to say yes. When nobody is left to ask, anybody's yes is enough.
fn wants_all(incident: &Incident) -> bool {
    incident.ack_mode == AckMode::All && !incident.exhausted
}

/// Somebody's acknowledgement: all of it, or a part where the policy wants everybody's who was asked.
pub(super) fn acknowledgement(incident: &Incident, by: ResponderId) -> Event {
    let has_said = |who: &ResponderId| *who == by || incident.agreed.contains(who) || incident.declined.contains(who);
    let missing: Vec<ResponderId> = incident.asked.iter().filter(|asked| !has_said(asked)).cloned().collect();
    if wants_all(incident) && !missing.is_empty() {
        return Event::PartlyAcknowledged { by, missing };
    }
    Event::Acknowledged { by, timeout_seconds: acknowledge_seconds(incident) }
}
