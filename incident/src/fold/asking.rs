//! Who is asked, what those who are asked say, and which pages are still wanted: the part of the fold that escalation is about.
//! It never looks at runs, cards or suggestions.

use super::{Acknowledgement, Incident, PAGES_MAX, PageCause, Status, Timed, Timer, UNSAID_WAIT_SECONDS};
use crate::event::{BY_SLACK, Event, PageMessage, Recorded};
use crate::id::ResponderId;
use crate::plan::{AckMode, Taken};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

impl Incident {
    /// Who is asked.
    pub(super) fn apply_asking(&mut self, recorded: &Recorded) {
        let (seq, at) = (recorded.seq, recorded.at);
        match &recorded.event {
            Event::Assigned { to, level, policy, because, wait_seconds, taken, plans, urgency, .. } => {
                self.take_step(taken, *level, policy);
                self.drop_held_pages_of_the_reached();
                self.plans.clone_from(plans);
                self.urgency = *urgency;
                self.assigned_seq = seq;
                self.asked_at = self.asked_at.or(Some(at));
                self.wait_seconds = *wait_seconds;
                self.owners.clone_from(to);
                self.asked.clone_from(to);
                self.because.clone_from(because);
                // Nobody to ask is nobody to wait for.
                let wait = if to.is_empty() { Some(0) } else { *wait_seconds };
                self.set_timer(wait.map(|wait| timer(seq, at, wait, Timed::Answer)));
            }
            Event::ChannelAsked { channel, level, policy, wait_seconds, taken } => {
                self.take_step(taken, *level, policy);
                self.drop_held_pages_of_the_reached();
                self.assigned_seq = seq;
                self.wait_seconds = Some(*wait_seconds);
                self.owners.clear();
                self.asked.clear();
                self.asked_channel = Some(channel.clone());
                self.because = format!("everybody in {channel}");
                self.set_timer(Some(timer(seq, at, *wait_seconds, Timed::Answer)));
            }
            Event::ChannelReached { message } => self.channel_messages.push(message.clone()),
            Event::EscalationPaused { until, policy, taken, .. } => {
                self.take_step(taken, self.level, policy);
                self.set_timer(Some(Timer { seq, due_at: *until, of: Timed::Pause }));
            }
            Event::Escalated { level, reopens, .. } => {
                self.level = *level;
                self.drop_held_pages_of_the_reached();
                if *reopens {
                    (self.status, self.acknowledged, self.snoozed_until) = (Status::Open, None, None);
                }
                self.set_timer(None);
            }
            Event::EscalationResumed => {
                self.asking_since = at;
                self.set_timer(None);
            }
            Event::EscalationExhausted => {
                self.exhausted = true;
                self.set_timer(None);
                // Nobody was asked in this round: whoever had it in the one before is not its owner.
                if self.step.is_none() {
                    self.owners.clear();
                    self.asked.clear();
                    "nobody is on call".clone_into(&mut self.because);
                }
            }
            _ => {}
        }
    }

    /// What those who were asked say.
    pub(super) fn apply_answer(&mut self, recorded: &Recorded) {
        let (seq, at) = (recorded.seq, recorded.at);
        match &recorded.event {
            Event::Acknowledged { by, timeout_seconds } => {
                self.status = Status::Acknowledged;
                self.acknowledged = Some(Acknowledgement { by: by.clone(), at });
                self.owners = vec![by.clone()];
                self.held.clear();
                self.set_timer(timeout_seconds.map(|wait| timer(seq, at, wait, Timed::Acknowledgement)));
            }
            Event::PartlyAcknowledged { by, .. } => {
                self.held.retain(|held| held.to != *by);
                self.agreed.push(by.clone());
            }
            Event::AcknowledgementExtended { seconds, .. } => {
                self.set_timer(Some(timer(seq, at, *seconds, Timed::Acknowledgement)));
            }
            Event::Snoozed { by, seconds } => {
                if self.acknowledged.is_none() {
                    self.status = Status::Acknowledged;
                    self.acknowledged = Some(Acknowledgement { by: by.clone(), at });
                    self.owners = vec![by.clone()];
                }
                self.held.clear();
                let timer = timer(seq, at, *seconds, Timed::Snooze);
                self.snoozed_until = Some(timer.due_at);
                self.set_timer(Some(timer));
            }
            Event::AcknowledgementExpired { .. } | Event::Woke => self.begin_round(at),
            Event::Declined { by } => {
                self.owners.retain(|owner| owner != by);
                self.held.retain(|held| held.to != *by);
                self.declined.push(by.clone());
            }
            Event::Reassigned { to, plan, urgency, .. } => {
                // It was given to somebody: no page of those who were asked before is wanted any more.
                self.held.clear();
                self.plans = BTreeMap::from([(to.clone(), plan.clone())]);
                self.urgency = *urgency;
                self.assigned_seq = seq;
                self.owners = vec![to.clone()];
                self.asked = vec![to.clone()];
                self.asked_channel = None;
                self.ack_mode = AckMode::Any;
                self.declined.retain(|declined| declined != to);
                (self.status, self.acknowledged, self.snoozed_until) = (Status::Open, None, None);
                self.agreed.retain(|agreed| agreed != to);
                self.set_timer(Some(self.answer_timer(seq, at)));
            }
            _ => {}
        }
    }

    /// How long somebody has who was given it: as long as whoever was asked, or until a pause would have been over.
    fn answer_timer(&self, seq: u64, at: DateTime<Utc>) -> Timer {
        let waits = self.wait_seconds.map(|wait| timer(seq, at, wait, Timed::Answer));
        let paused = self.timer.filter(|timer| timer.of == Timed::Pause);
        let paused = paused.map(|timer| Timer { seq, of: Timed::Answer, ..timer });
        waits.or(paused).unwrap_or_else(|| timer(seq, at, UNSAID_WAIT_SECONDS, Timed::Answer))
    }

    fn take_step(&mut self, taken: &Taken, level: u8, policy: &str) {
        if let Some(plan) = &taken.plan {
            self.plan = Some(plan.clone());
        }
        self.step = Some(taken.step.unwrap_or(level.into()));
        self.level = level;
        self.ack_mode = taken.ack_mode;
        self.asked_channel = None;
        policy.clone_into(&mut self.policy);
    }

    /// There is one timer at a time, and none once it is over.
    pub(super) fn set_timer(&mut self, timer: Option<Timer>) {
        if let Some(before) = self.timer {
            self.timer_before = before.seq;
        }
        self.timer = timer;
    }

    pub(super) fn begin_round(&mut self, at: DateTime<Utc>) {
        self.round += 1;
        self.status = Status::Open;
        self.acknowledged = None;
        self.resolved = None;
        self.level = 0;
        self.exhausted = false;
        self.paged.clear();
        self.held.clear();
        self.plan = None;
        self.step = None;
        self.ack_mode = AckMode::Any;
        self.asked_channel = None;
        self.channel_messages.clear();
        self.agreed.clear();
        self.declined.clear();
        self.snoozed_until = None;
        self.asking_since = at;
        self.set_timer(None);
        self.unreached.clear();
    }

    /// Where the newest pages of this round stand, oldest first.
    pub(crate) fn page_messages(&self) -> impl Iterator<Item = &PageMessage> {
        let all = || self.channel_messages.iter().chain(self.paged.iter().filter_map(|page| page.message.as_ref()));
        all().skip(all().count().saturating_sub(PAGES_MAX))
    }

    /// True while somebody who was asked is to be paged by their second channel: nobody has it, Slack has not delivered
    /// since they were asked, and it was not given to somebody else. A level that asks another one still counts, because
    /// nobody of it may have been reached.
    #[must_use]
    pub fn wants_second_page(&self, cause: &PageCause) -> bool {
        let asked = self.assigned_seq == cause.seq || cause.level < self.level;
        self.may_page(cause) && asked && !self.was_paged(cause, BY_SLACK)
    }

    /// True while a planned page is wanted: nobody has it, it was not given to somebody else, and its level is the one that
    /// is asked. Once the next level is asked, only whoever nothing has reached is still paged. A page that only stands in
    /// for Slack is not wanted once Slack has delivered.
    #[must_use]
    pub fn wants_page(&self, cause: &PageCause, unless_delivered: bool) -> bool {
        if unless_delivered {
            return self.wants_second_page(cause);
        }
        let reached = || self.paged.iter().any(|page| page.to == cause.to && page.seq > cause.seq);
        let asked_now = self.assigned_seq == cause.seq && self.level == cause.level;
        let asked = asked_now || (cause.level < self.level && !reached());
        self.may_page(cause) && asked
    }

    fn may_page(&self, cause: &PageCause) -> bool {
        self.status == Status::Open && self.round == cause.round && !self.has_answered(&cause.to)
    }

    /// True for whoever has said yes or no in this round.
    #[must_use]
    pub fn has_answered(&self, who: &ResponderId) -> bool {
        self.agreed.contains(who) || self.declined.contains(who)
    }

    /// True when a page reached somebody this way since they were asked.
    #[must_use]
    pub fn was_paged(&self, cause: &PageCause, by: &str) -> bool {
        self.paged.iter().any(|page| page.to == cause.to && page.by == by && page.seq > cause.seq)
    }
}

fn timer(seq: u64, at: DateTime<Utc>, seconds: u64, of: Timed) -> Timer {
    Timer { seq, due_at: later(at, seconds), of }
}

/// So many seconds after an instant; the end of time when there is none.
fn later(at: DateTime<Utc>, seconds: u64) -> DateTime<Utc> {
    let delta = i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds);
    delta.and_then(|delta| at.checked_add_signed(delta)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
