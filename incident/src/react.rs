//! What has to be done because of an event, as data. The outbox keeps it, performs it later and writes down what came of it.
//!
//! Every effect has an id that follows from its cause, so that the same event can never ask twice. Only fresh events are
//! reacted to: folding a log again asks for nothing.

use crate::event::{BY_SLACK, Event, PageMessage, Recorded, RunOutcome};
use crate::fold::{Gathering, Incident, PageCause, Status, Timed};
use crate::id::{IncidentId, ResponderId, RunId};
use crate::urgency::PlannedPage;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Repeats change only a number on the card: it is redrawn at most this often, in seconds.
/// Slack allows some 45 edits a minute in a workspace, and people read slower than that.
pub const REPEAT_REDRAW_SECONDS: i64 = 5;

/// The alarm's own system is asked this long after the card, in seconds: pages go first, and its newest figures are late.
pub const CONTEXT_AFTER_SECONDS: i64 = 2;

/// A digest is drawn anew at most this often, in seconds: what changes on it is spread over many incidents.
pub const DIGEST_REDRAW_SECONDS: i64 = 2;

/// After its timeout a run gets this long to report before it is called unknown, in seconds: one append and one retry.
pub const RUN_GRACE_SECONDS: u64 = 10;

/// Pages of one level beside the first one of each person: an append takes a hundred things. The earliest of everybody's
/// plans come first.
pub const FURTHER_PAGES_MAX: usize = 40;

/// Pages of one level altogether; everybody's first one is asked for even so.
const LEVEL_PAGES_MAX: usize = 70;

/// Pages that are cancelled when they are not wanted any more; those beyond find out by themselves.
const CANCELLED_PAGES_MAX: usize = 20;

/// Everything that the outbox and the timers can be asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Task {
    /// Find the owners of a level, and on a new incident the suggestions.
    Triage {
        /// The incident.
        incident: IncidentId,
        /// The escalation level.
        level: u8,
    },
    /// Rank again.
    Suggest {
        /// The incident.
        incident: IncidentId,
    },
    /// Bring the card up to date; post it where it is not yet.
    Card {
        /// The incident.
        incident: IncidentId,
    },
    /// Bring a digest up to date; post it where it is not yet.
    Digest {
        /// The channel, as the configuration names it.
        channel: String,
        /// The digest's number in that channel.
        digest: u64,
    },
    /// Ask the alarm's own system what it knows, and show that in the thread.
    Context {
        /// The incident.
        incident: IncidentId,
    },
    /// Tell outgoing webhooks.
    Notify {
        /// The incident.
        incident: IncidentId,
    },
    /// Page somebody.
    Page {
        /// The incident.
        incident: IncidentId,
        /// Who.
        to: ResponderId,
        /// The escalation level.
        level: u8,
    },
    /// Page somebody by one of their ways.
    PageBy {
        /// The incident.
        incident: IncidentId,
        /// Who, and what for.
        cause: PageCause,
        /// By what.
        by: String,
        /// True when it is not wanted once Slack has delivered.
        unless_delivered: bool,
    },
    /// Page somebody by all their second channels, unless Slack has delivered by now. Nothing asks for it any more; logs from
    /// before December 2026 may hold some.
    SecondPage {
        /// The incident.
        incident: IncidentId,
        /// Who, and what for.
        cause: PageCause,
    },
    /// Draw a page anew: nobody is asked by it any more.
    PageOver {
        /// The incident.
        incident: IncidentId,
        /// The page.
        page: PageMessage,
        /// The round it belongs to.
        round: u32,
    },
    /// Write a line in the card's thread.
    Thread {
        /// The incident.
        incident: IncidentId,
        /// The event that the line tells.
        seq: u64,
    },
    /// The time to acknowledge is over.
    AckTimeout {
        /// The incident.
        incident: IncidentId,
        /// The level that had this time.
        level: u8,
        /// The round it belongs to.
        round: u32,
    },
    /// A pause, a snooze or the time that somebody has it is over.
    Wake {
        /// The incident.
        incident: IncidentId,
        /// The event that set the timer.
        seq: u64,
    },
    /// Ask everybody in a Slack channel.
    AskChannel {
        /// The incident.
        incident: IncidentId,
        /// As the policy names it.
        channel: String,
        /// The event that asks: another one after it makes this one pointless.
        seq: u64,
    },
    /// The time of a drill is up.
    EndDrill {
        /// The incident.
        incident: IncidentId,
    },
    /// Nobody answered a ready check: tell those who wait for the answer.
    NotReady {
        /// The incident.
        incident: IncidentId,
        /// Whom to tell.
        to: ResponderId,
    },
    /// A shift begins: ask whoever comes whether they are ready.
    ReadyCheck {
        /// The schedule.
        schedule: String,
        /// Who comes.
        person: ResponderId,
        /// When the shift begins.
        shift_at: DateTime<Utc>,
        /// Whose shift ended.
        left: Vec<ResponderId>,
    },
    /// Begin a drill that a rule of the configuration asks for.
    Drill {
        /// The rule's name.
        rule: String,
    },
    /// Run an action.
    Run {
        /// The incident.
        incident: IncidentId,
        /// Which run.
        run: RunId,
    },
    /// A run should have ended long ago: if it has not, whoever ran it died.
    RunDeadline {
        /// The incident.
        incident: IncidentId,
        /// Which run.
        run: RunId,
    },
    /// The watch after a run is over.
    EndWatch {
        /// The incident.
        incident: IncidentId,
        /// Which run.
        run: RunId,
    },
    /// Sign the ends of the log's streams.
    Anchor,
    /// Look whether something that we watch ourselves is up.
    Probe {
        /// The check's name.
        check: String,
    },
}

/// What may be done when nobody knows whether it was done already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// Just do it again.
    Safe,
    /// Ask the other side first.
    Reconcile,
}

/// One thing to do, not before an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// Follows from the cause; the same id is the same effect.
    pub id: String,
    /// Not before this.
    pub due_at: DateTime<Utc>,
    /// What.
    pub task: Task,
    /// Whether it may be repeated.
    pub repeat: Repeat,
    /// True when only the newest wish counts.
    pub slot: bool,
}

/// What an event asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reaction {
    /// To do.
    pub effects: Vec<Effect>,
    /// No longer to do.
    pub cancel: Vec<String>,
}

/// The reaction to events that were just decided; `incident` is the state after the last of them. Owners and suggestions
/// that were decided together with the opening are not looked up again.
#[must_use]
pub fn react(incident: &Incident, fresh: &[Recorded]) -> Reaction {
    let mut reaction = Reaction::default();
    let triaged = fresh.iter().any(|recorded| recorded.event.is_first_step());
    for recorded in fresh {
        if matches!(recorded.event, Event::Opened { .. }) {
            reaction.end_drill(incident, recorded.at);
        }
        match recorded.event {
            Event::Opened { .. } if triaged => {}
            _ => reaction.add(incident, recorded),
        }
    }
    reaction
}

impl Reaction {
    fn add(&mut self, incident: &Incident, recorded: &Recorded) {
        let (id, at, seq) = (incident.id, recorded.at, recorded.seq);
        if recorded.event.is_told() {
            self.thread(id, recorded);
        }
        match &recorded.event {
            Event::Opened { .. } | Event::Refired { .. } | Event::Reopened { .. } => {
                self.now(triage_id(id, seq), at, Task::Triage { incident: id, level: 0 }, Repeat::Safe);
                if matches!(recorded.event, Event::Refired { .. }) {
                    self.context(incident, recorded);
                }
            }
            Event::Escalated { .. }
            | Event::EscalationResumed
            | Event::StepSkipped { .. }
            | Event::ChannelAsked { .. }
            | Event::ChannelReached { .. }
            | Event::EscalationPaused { .. }
            | Event::EscalationExhausted
            | Event::AcknowledgementExpired { .. }
            | Event::Woke => self.add_step(incident, recorded),
            Event::Repeated { .. } => self.card(incident, at + TimeDelta::seconds(REPEAT_REDRAW_SECONDS)),
            Event::Assigned { to, level, plans, .. } => {
                self.page_all(incident, recorded, to, *level, plans);
                self.timer(incident, recorded);
            }
            Event::Reassigned { .. }
            | Event::Acknowledged { .. }
            | Event::Snoozed { .. }
            | Event::AcknowledgementExtended { .. }
            | Event::Declined { .. } => self.add_answer(incident, recorded),
            Event::Suggested { .. } => {
                self.card(incident, at);
                let first = format!("notify/{}/{}", id.0, incident.round);
                self.now(first, at, Task::Notify { incident: id }, Repeat::Safe);
            }
            Event::Cleared { .. } | Event::Resolved { .. } | Event::DrillEnded { .. } => {
                self.cancel_timer(incident);
                self.drill_ended(incident, recorded);
                self.cancel_planned_pages(incident);
                let watches = incident.runs.iter().map(|run| watch_id(&run.id));
                self.cancel.extend(watches);
                self.card(incident, at);
                self.pages_over(incident, incident.page_messages(), at);
            }
            Event::Paged { message, .. } => {
                self.card(incident, at);
                // It was on its way when somebody took the incident.
                if incident.status != Status::Open {
                    self.pages_over(incident, message.iter(), at);
                }
            }
            Event::Noted { .. }
            | Event::PartlyAcknowledged { .. }
            | Event::PageFailed { .. }
            | Event::PageHeld { .. }
            | Event::Judged { .. }
            | Event::FixNamed { .. }
            | Event::Redacted { .. } => self.card(incident, at),
            Event::Gathered { .. } => self.digest(incident, at),
            Event::CardPosted { .. } => self.context(incident, recorded),
            Event::ContextPosted { .. } | Event::SetAside { .. } | Event::Silenced { .. } | Event::KeptBack { .. } => {}
            Event::ActionRequested { .. }
            | Event::ActionStarted { .. }
            | Event::StopRequested { .. }
            | Event::ActionFinished { .. }
            | Event::RunSettled { .. }
            | Event::ActionHelped { .. }
            | Event::ActionDidNotHelp { .. } => self.add_run(incident, recorded),
        }
    }

    /// What those who were asked say.
    fn add_answer(&mut self, incident: &Incident, recorded: &Recorded) {
        let (id, at) = (incident.id, recorded.at);
        match &recorded.event {
            Event::Reassigned { to, .. } => {
                self.page_all(incident, recorded, std::slice::from_ref(to), incident.level, &incident.plans);
                self.timer(incident, recorded);
                self.card(incident, at);
            }
            Event::Acknowledged { .. } | Event::Snoozed { .. } => {
                self.cancel_timer(incident);
                self.timer(incident, recorded);
                self.cancel_planned_pages(incident);
                self.card(incident, at);
                self.pages_over(incident, incident.page_messages(), at);
            }
            Event::AcknowledgementExtended { .. } => {
                self.timer(incident, recorded);
                self.card(incident, at);
            }
            Event::Declined { by } => {
                let theirs = planned(id, incident.assigned_seq, std::slice::from_ref(by), &incident.plans);
                self.cancel.extend(theirs.into_iter().map(|wanted| wanted.id));
                self.card(incident, at);
            }
            _ => {}
        }
    }

    /// The walk of the plan: what asks for its next step, and what it does beside asking people.
    fn add_step(&mut self, incident: &Incident, recorded: &Recorded) {
        let (id, at, seq) = (incident.id, recorded.at, recorded.seq);
        match &recorded.event {
            Event::Escalated { level, .. } => {
                self.cancel_timer(incident);
                self.now(triage_id(id, seq), at, Task::Triage { incident: id, level: *level }, Repeat::Safe);
            }
            Event::EscalationExhausted => {
                self.cancel_timer_before(incident);
                self.card(incident, at);
            }
            Event::EscalationResumed => {
                let task = Task::Triage { incident: id, level: incident.level };
                self.now(triage_id(id, seq), at, task, Repeat::Safe);
            }
            Event::AcknowledgementExpired { .. } | Event::Woke => {
                self.now(triage_id(id, seq), at, Task::Triage { incident: id, level: 0 }, Repeat::Safe);
                self.card(incident, at);
            }
            Event::ChannelAsked { channel, .. } => {
                let task = Task::AskChannel { incident: id, channel: channel.clone(), seq };
                self.now(format!("ask-channel/{}/{seq}", id.0), at, task, Repeat::Reconcile);
                self.timer(incident, recorded);
                self.card(incident, at);
            }
            Event::ChannelReached { message } if incident.status != Status::Open => {
                self.pages_over(incident, std::iter::once(message), at);
            }
            Event::EscalationPaused { .. } => {
                self.timer(incident, recorded);
                self.card(incident, at);
            }
            _ => {}
        }
    }

    fn add_run(&mut self, incident: &Incident, recorded: &Recorded) {
        let (id, at) = (incident.id, recorded.at);
        self.card(incident, at);
        match &recorded.event {
            Event::ActionRequested { run, .. } => {
                // Safe: the start is written down before the runner is called, and what was started is never begun again.
                self.now(run_effect_id(run), at, Task::Run { incident: id, run: run.clone() }, Repeat::Safe);
            }
            Event::ActionStarted { run } => self.deadline(incident, run, at),
            Event::ActionFinished { run, outcome, .. } => {
                self.cancel.push(deadline_id(run));
                if *outcome == RunOutcome::Succeeded {
                    self.watch(incident, run, at);
                }
            }
            Event::RunSettled { run, .. } => self.watch(incident, run, at),
            Event::ActionDidNotHelp { run } => {
                self.now(format!("suggest/{run}"), at, Task::Suggest { incident: id }, Repeat::Safe);
            }
            _ => {}
        }
    }

    fn deadline(&mut self, incident: &Incident, run: &RunId, at: DateTime<Utc>) {
        let Some(found) = incident.run(run) else { return };
        let seconds = found.timeout_seconds + RUN_GRACE_SECONDS;
        let due_at = at + TimeDelta::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1000));
        let task = Task::RunDeadline { incident: incident.id, run: run.clone() };
        self.effects.push(Effect { id: deadline_id(run), due_at, task, repeat: Repeat::Safe, slot: false });
    }

    fn watch(&mut self, incident: &Incident, run: &RunId, at: DateTime<Utc>) {
        let Some(found) = incident.run(run).filter(|found| found.is_watched()) else {
            return;
        };
        let due_at = at + TimeDelta::seconds(i64::try_from(found.watch_seconds).unwrap_or(i64::MAX / 1000));
        let task = Task::EndWatch { incident: incident.id, run: run.clone() };
        self.effects.push(Effect { id: watch_id(run), due_at, task, repeat: Repeat::Safe, slot: false });
    }

    fn end_drill(&mut self, incident: &Incident, at: DateTime<Utc>) {
        let Some(drill) = incident.drill() else { return };
        let wait = TimeDelta::seconds(i64::try_from(drill.answer_seconds).unwrap_or(i64::MAX / 1000));
        let due_at = at.checked_add_signed(wait).unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.now(drill_id(incident.id), due_at, Task::EndDrill { incident: incident.id }, Repeat::Safe);
    }

    /// Nothing ends it any more; and who waits for the answer to a ready check hears that there is none.
    fn drill_ended(&mut self, incident: &Incident, recorded: &Recorded) {
        let Event::DrillEnded { answered_by } = &recorded.event else { return };
        self.cancel.push(drill_id(incident.id));
        let ready = incident.drill().and_then(|drill| drill.ready.as_ref());
        for to in ready.into_iter().flat_map(|ready| &ready.tell).filter(|_| answered_by.is_none()) {
            let id = format!("not-ready/{}/{to}", incident.id.0);
            let task = Task::NotReady { incident: incident.id, to: to.clone() };
            if self.effects.iter().all(|effect| effect.id != id) {
                self.now(id, recorded.at, task, Repeat::Reconcile);
            }
        }
    }

    fn page_all(
        &mut self,
        incident: &Incident,
        recorded: &Recorded,
        to: &[ResponderId],
        level: u8,
        plans: &BTreeMap<ResponderId, Vec<PlannedPage>>,
    ) {
        for wanted in planned(incident.id, recorded.seq, to, plans) {
            let wait = TimeDelta::seconds(i64::try_from(wanted.after_seconds).unwrap_or(i64::MAX / 1000));
            let due_at = recorded.at.checked_add_signed(wait).unwrap_or(DateTime::<Utc>::MAX_UTC);
            let Some(page) = wanted.page else {
                let task = Task::Page { incident: incident.id, to: wanted.to.clone(), level };
                self.now(wanted.id, due_at, task, Repeat::Reconcile);
                continue;
            };
            let cause = PageCause { to: wanted.to.clone(), level, round: incident.round, seq: recorded.seq };
            let by = page.by.clone();
            // Of Slack alone can be asked whether it arrived; another receiver knows a repeat by the effect's id.
            let repeat = if by == BY_SLACK { Repeat::Reconcile } else { Repeat::Safe };
            let unless_delivered = page.unless_delivered;
            let task = Task::PageBy { incident: incident.id, cause, by, unless_delivered };
            self.now(wanted.id, due_at, task, repeat);
        }
    }

    /// A new timer takes the place of the one before: nobody is passed over before their own time is up.
    fn timer(&mut self, incident: &Incident, recorded: &Recorded) {
        self.cancel_timer_before(incident);
        let Some(timer) = incident.timer.filter(|timer| timer.seq == recorded.seq) else { return };
        let id = incident.id;
        let task = match timer.of {
            Timed::Answer => Task::AckTimeout { incident: id, level: incident.level, round: incident.round },
            Timed::Pause | Timed::Acknowledgement | Timed::Snooze => Task::Wake { incident: id, seq: timer.seq },
        };
        let (id, due_at) = (ack_id(id, timer.seq), timer.due_at);
        self.effects.push(Effect { id, due_at, task, repeat: Repeat::Safe, slot: false });
    }

    fn cancel_timer_before(&mut self, incident: &Incident) {
        let before = ack_id(incident.id, incident.timer_before);
        if incident.timer_before != 0 && !self.cancel.contains(&before) {
            self.cancel.push(before);
        }
    }

    /// Somebody answered or it is over: nobody is paged any more and no timer is left.
    fn cancel_timer(&mut self, incident: &Incident) {
        self.cancel_timer_before(incident);
        if incident.assigned_seq == 0 {
            return;
        }
        let firsts = planned(incident.id, incident.assigned_seq, &incident.asked, &incident.plans);
        let firsts = firsts.into_iter().filter(|wanted| wanted.page.is_none()).take(CANCELLED_PAGES_MAX);
        self.cancel.extend(firsts.map(|wanted| wanted.id));
    }

    /// Those of levels before this one find out by themselves that nobody wants them any more. Asking for the next level
    /// cancels none: whoever could not be reached is still to be reached.
    fn cancel_planned_pages(&mut self, incident: &Incident) {
        let planned = planned(incident.id, incident.assigned_seq, &incident.asked, &incident.plans);
        let further = planned.into_iter().filter(|wanted| wanted.page.is_some()).take(CANCELLED_PAGES_MAX);
        self.cancel.extend(further.map(|wanted| wanted.id));
    }

    /// The pages lose their buttons. A page whose message is not known is left as it is.
    fn pages_over<'p>(
        &mut self,
        incident: &Incident,
        pages: impl Iterator<Item = &'p PageMessage>,
        due_at: DateTime<Utc>,
    ) {
        for page in pages {
            let id = format!("page-over/{}/{}/{}", incident.id.0, page.channel, page.ts);
            if self.effects.iter().all(|effect| effect.id != id) {
                let task = Task::PageOver { incident: incident.id, page: page.clone(), round: incident.round };
                self.effects.push(Effect { id, due_at, task, repeat: Repeat::Safe, slot: true });
            }
        }
    }

    fn thread(&mut self, id: IncidentId, recorded: &Recorded) {
        let task = Task::Thread { incident: id, seq: recorded.seq };
        self.now(thread_effect_id(id, recorded.seq), recorded.at, task, Repeat::Reconcile);
    }

    /// Once a card stands in whose thread it can be shown.
    fn context(&mut self, incident: &Incident, recorded: &Recorded) {
        if !incident.cards.is_empty() && incident.wants_context(recorded.at) {
            let due_at = recorded.at + TimeDelta::seconds(CONTEXT_AFTER_SECONDS);
            let task = Task::Context { incident: incident.id };
            self.now(format!("context/{}/{}", incident.id.0, recorded.seq), due_at, task, Repeat::Reconcile);
        }
    }

    /// The state of an incident is drawn where it is shown: on its card, on the digest, or on both.
    fn card(&mut self, incident: &Incident, due_at: DateTime<Utc>) {
        if incident.gathered.is_some() {
            self.digest(incident, due_at + TimeDelta::seconds(DIGEST_REDRAW_SECONDS));
        }
        if incident.gathered.is_none() || incident.has_own_card() {
            let id = incident.id;
            self.slot(format!("card/{}", id.0), due_at, Task::Card { incident: id });
        }
    }

    fn digest(&mut self, incident: &Incident, due_at: DateTime<Utc>) {
        let Some(Gathering { channel, digest }) = incident.gathered.clone() else { return };
        self.slot(format!("digest/{channel}/{digest}"), due_at, Task::Digest { channel, digest });
    }

    fn slot(&mut self, id: String, due_at: DateTime<Utc>, task: Task) {
        match self.effects.iter_mut().find(|effect| effect.id == id) {
            Some(present) => present.due_at = present.due_at.min(due_at),
            None => self.effects.push(Effect { id, due_at, task, repeat: Repeat::Reconcile, slot: true }),
        }
    }

    fn now(&mut self, id: String, due_at: DateTime<Utc>, task: Task, repeat: Repeat) {
        self.effects.push(Effect { id, due_at, task, repeat, slot: false });
    }
}

pub(crate) fn triage_id(incident: IncidentId, seq: u64) -> String {
    format!("triage/{}/{seq}", incident.0)
}

pub(crate) fn ack_id(incident: IncidentId, seq: u64) -> String {
    format!("ack/{}/{seq}", incident.0)
}

pub(crate) fn page_id(incident: IncidentId, seq: u64, to: &ResponderId) -> String {
    format!("page/{}/{seq}/{to}", incident.0)
}

fn page_by_id(incident: IncidentId, seq: u64, to: &ResponderId, by: &str, turn: usize) -> String {
    let turn = if turn == 0 { String::new() } else { format!("/{}", turn + 1) };
    format!("page-by/{}/{seq}/{to}/{by}{turn}", incident.0)
}

/// A page that the people of a level are owed.
pub(crate) struct Wanted<'p> {
    /// The effect.
    pub(crate) id: String,
    /// Whom.
    pub(crate) to: &'p ResponderId,
    /// How long after they were asked, in seconds.
    pub(crate) after_seconds: u64,
    /// As planned; `None` for the direct message that is sent at once, which is also owed to whoever has no plan.
    pub(crate) page: Option<&'p PlannedPage>,
}

/// The pages of a level: the first of everybody, and of the further ones as many as fit into one append, turn by turn, so
/// that nobody's second page keeps out somebody's first.
pub(crate) fn planned<'p>(
    incident: IncidentId,
    seq: u64,
    to: &'p [ResponderId],
    plans: &'p BTreeMap<ResponderId, Vec<PlannedPage>>,
) -> Vec<Wanted<'p>> {
    let mut turns: Vec<(usize, Wanted<'p>)> = Vec::new();
    for to in to {
        let plan = plans.get(to).map(Vec::as_slice).unwrap_or_default();
        if plan.is_empty() {
            turns.push((0, Wanted { id: page_id(incident, seq, to), to, after_seconds: 0, page: None }));
        }
        for (place, page) in plan.iter().enumerate() {
            let turn = plan[..place].iter().filter(|before| before.by == page.by).count();
            let is_first_message = page.by == BY_SLACK && turn == 0 && page.after_seconds == 0;
            let wanted = if is_first_message {
                Wanted { id: page_id(incident, seq, to), to, after_seconds: 0, page: None }
            } else {
                let id = page_by_id(incident, seq, to, &page.by, turn);
                Wanted { id, to, after_seconds: page.after_seconds, page: Some(page) }
            };
            turns.push((place, wanted));
        }
    }
    turns.sort_by_key(|(place, _)| *place);
    let firsts = turns.iter().filter(|(place, _)| *place == 0).count();
    let room = firsts + FURTHER_PAGES_MAX.min(LEVEL_PAGES_MAX.saturating_sub(firsts));
    turns.into_iter().take(room).map(|(_, wanted)| wanted).collect()
}

fn drill_id(incident: IncidentId) -> String {
    format!("drill-end/{}", incident.0)
}

fn deadline_id(run: &RunId) -> String {
    format!("deadline/{run}")
}

fn watch_id(run: &RunId) -> String {
    format!("watch/{run}")
}

/// The id of the effect that writes the line of an event into the card's thread.
#[must_use]
pub fn thread_effect_id(incident: IncidentId, seq: u64) -> String {
    format!("thread/{}/{seq}", incident.0)
}

/// The id of the effect that runs an action, also handed to the action as its idempotency key.
#[must_use]
pub fn run_effect_id(run: &RunId) -> String {
    format!("run/{run}")
}
