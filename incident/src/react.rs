//! What has to be done because of an event, as data. The outbox keeps it, performs it later and writes down what came of it.
//!
//! Every effect has an id that follows from its cause, so that the same event can never ask twice. Only fresh events are
//! reacted to: folding a log again asks for nothing.

use crate::event::{Event, PageMessage, Recorded, RunOutcome};
use crate::fold::{Gathering, Incident, PageCause, Status};
use crate::id::{IncidentId, ResponderId, RunId};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Repeats change only a number on the card: it is redrawn at most this often, in seconds.
/// Slack allows some 45 edits a minute in a workspace, and people read slower than that.
pub const REPEAT_REDRAW_SECONDS: i64 = 5;

/// The alarm's own system is asked this long after the card, in seconds: pages go first, and its newest figures are late.
pub const CONTEXT_AFTER_SECONDS: i64 = 2;

/// A digest is drawn anew at most this often, in seconds: what changes on it is spread over many incidents.
pub const DIGEST_REDRAW_SECONDS: i64 = 2;

/// After its timeout a run gets this long to report before it is called unknown, in seconds: one append and one retry.
pub const RUN_GRACE_SECONDS: u64 = 10;

/// People of one level who are paged by a second channel, the first ones of the policy: an append takes a hundred things,
/// and each person is one more beside their page.
pub const SECOND_PAGES_MAX: usize = 20;

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
    /// Page somebody by their second channel, unless Slack has delivered by now.
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
    let triaged = fresh.iter().any(|recorded| matches!(recorded.event, Event::Assigned { level: 0, .. }));
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
            Event::Escalated { level, .. } => {
                self.cancel_timer(incident);
                self.now(triage_id(id, seq), at, Task::Triage { incident: id, level: *level }, Repeat::Safe);
            }
            Event::Repeated { .. } => self.card(incident, at + TimeDelta::seconds(REPEAT_REDRAW_SECONDS)),
            Event::Assigned { to, level, wait_seconds, second_channel_seconds, .. } => {
                self.page_all(incident, recorded, to, *level, |who| second_channel_seconds.get(who).copied());
                self.ack_timer(incident, recorded, *level, if to.is_empty() { Some(0) } else { *wait_seconds });
            }
            Event::Reassigned { to, second_channel_seconds, .. } => {
                self.page_all(incident, recorded, std::slice::from_ref(to), incident.level, |_| {
                    *second_channel_seconds
                });
                self.ack_timer(incident, recorded, incident.level, incident.wait_seconds);
                self.card(incident, at);
            }
            Event::Suggested { .. } => {
                self.card(incident, at);
                let first = format!("notify/{}/{}", id.0, incident.round);
                self.now(first, at, Task::Notify { incident: id }, Repeat::Safe);
            }
            Event::Acknowledged { .. } => {
                self.cancel_timer(incident);
                self.cancel_second_pages(incident);
                self.card(incident, at);
                self.pages_over(incident, incident.page_messages(), at);
            }
            Event::Cleared { .. } | Event::Resolved { .. } | Event::DrillEnded { .. } => {
                self.cancel_timer(incident);
                self.drill_ended(incident, recorded);
                self.cancel_second_pages(incident);
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
            | Event::PageFailed { .. }
            | Event::EscalationExhausted
            | Event::Judged { .. }
            | Event::FixNamed { .. }
            | Event::Redacted { .. } => self.card(incident, at),
            Event::Gathered { .. } => self.digest(incident, at),
            Event::CardPosted { .. } => self.context(incident, recorded),
            Event::ContextPosted { .. } | Event::SetAside { .. } => {}
            Event::ActionRequested { .. }
            | Event::ActionStarted { .. }
            | Event::StopRequested { .. }
            | Event::ActionFinished { .. }
            | Event::RunSettled { .. }
            | Event::ActionHelped { .. }
            | Event::ActionDidNotHelp { .. } => self.add_run(incident, recorded),
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
            self.now(id, recorded.at, task, Repeat::Reconcile);
        }
    }

    fn page_all(
        &mut self,
        incident: &Incident,
        recorded: &Recorded,
        to: &[ResponderId],
        level: u8,
        second_channel_seconds: impl Fn(&ResponderId) -> Option<u64>,
    ) {
        for (place, person) in to.iter().enumerate() {
            let task = Task::Page { incident: incident.id, to: person.clone(), level };
            self.now(page_id(incident.id, recorded.seq, person), recorded.at, task, Repeat::Reconcile);
            if let Some(seconds) = second_channel_seconds(person).filter(|_| place < SECOND_PAGES_MAX) {
                let wait = TimeDelta::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1000));
                let due_at = recorded.at.checked_add_signed(wait).unwrap_or(DateTime::<Utc>::MAX_UTC);
                let cause = PageCause { to: person.clone(), level, round: incident.round, seq: recorded.seq };
                let task = Task::SecondPage { incident: incident.id, cause };
                // Safe: nobody can be asked whether it arrived, and a receiver knows a repeat by the effect's id.
                self.now(second_page_id(incident.id, recorded.seq, person), due_at, task, Repeat::Safe);
            }
        }
    }

    /// The timer of new owners takes the place of the one before: nobody is passed over before their own time is up.
    fn ack_timer(&mut self, incident: &Incident, recorded: &Recorded, level: u8, wait_seconds: Option<u64>) {
        if incident.assigned_before != 0 {
            self.cancel.push(ack_id(incident.id, incident.assigned_before));
        }
        let Some(wait) = wait_seconds.and_then(|wait| i64::try_from(wait).ok()) else {
            return;
        };
        let task = Task::AckTimeout { incident: incident.id, level, round: incident.round };
        let due_at = recorded.at + TimeDelta::seconds(wait);
        self.effects.push(Effect {
            id: ack_id(incident.id, recorded.seq),
            due_at,
            task,
            repeat: Repeat::Safe,
            slot: false,
        });
    }

    /// Somebody answered or it is over: nobody is paged any more and no timer is left.
    fn cancel_timer(&mut self, incident: &Incident) {
        if incident.assigned_seq == 0 {
            return;
        }
        self.cancel.push(ack_id(incident.id, incident.assigned_seq));
        let asked = incident.asked.iter().take(CANCELLED_PAGES_MAX);
        let pages = asked.map(|asked| page_id(incident.id, incident.assigned_seq, asked));
        self.cancel.extend(pages);
    }

    /// Those of levels before this one find out by themselves that nobody wants them any more. Asking for the next level
    /// cancels none: whoever Slack could not reach is still to be reached.
    fn cancel_second_pages(&mut self, incident: &Incident) {
        let asked = incident.asked.iter().take(SECOND_PAGES_MAX);
        let pages = asked.map(|asked| second_page_id(incident.id, incident.assigned_seq, asked));
        self.cancel.extend(pages);
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

fn second_page_id(incident: IncidentId, seq: u64, to: &ResponderId) -> String {
    format!("second-page/{}/{seq}/{to}", incident.0)
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
