//! The state of an incident: its events, folded. It can be thrown away and folded again at any time.
//! Nothing here decides anything and nothing here has an effect, so replaying a log can never page anybody.

mod asking;
mod held;

use crate::alarm::{Alarm, Severity};
use crate::change::Change;
use crate::event::{Event, PageMessage, Recorded, RunOutcome};
use crate::id::{ActionId, IncidentId, ResponderId, RunId};
use crate::plan::{AckMode, Plan};
use crate::record::{Fix, History};
use crate::related::Related;
use crate::silence::SilenceId;
use crate::suggestion::Suggestion;
use crate::urgency::{PlannedPage, Urgency};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The version of this fold: a snapshot of another version is thrown away and folded again.
pub const FOLD: u32 = 14;

/// How long somebody has who was given an incident before a policy said how long anybody has, in seconds.
const UNSAID_WAIT_SECONDS: u64 = 300;

/// Pages of one round that are drawn anew, the newest ones. Two levels of five people fit; each costs the
/// append that ends the round one effect, and an append takes a hundred things.
pub(crate) const PAGES_MAX: usize = 20;

/// An incident that opens again is shown anew after this long: what was drawn before is another story by then.
pub const CONTEXT_AGAIN: TimeDelta = TimeDelta::hours(1);

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody has it yet.
    Open,
    /// Somebody has it.
    Acknowledged,
    /// It is over.
    Resolved,
}

/// Who ended it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResolvedBy {
    /// The source: the alarm cleared.
    Source,
    /// A person.
    Person(ResponderId),
    /// CatOps itself: it was a drill, and its time is up or somebody answered.
    Drill,
}

/// How and when it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// Who ended it.
    pub by: ResolvedBy,
    /// When.
    pub at: DateTime<Utc>,
    /// What they said about it.
    #[serde(default)]
    pub note: String,
}

/// Who has it, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who.
    pub by: ResponderId,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// What an incident waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timed {
    /// An answer of those who were asked.
    Answer,
    /// The time at which the plan goes on.
    Pause,
    /// The end of the time that somebody has it.
    Acknowledgement,
    /// The end of a snooze.
    Snooze,
}

/// The one timer of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// The number of the event that set it.
    pub seq: u64,
    /// When it is over.
    pub due_at: DateTime<Utc>,
    /// What is waited for.
    pub of: Timed,
}

/// What the alarm did after a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEffect {
    /// It cleared, so many seconds after the run ended.
    Helped {
        /// Seconds from the end of the run.
        after_seconds: u64,
    },
    /// It was still firing when the watch ended.
    DidNotHelp,
}

/// One run of an action on this incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The action.
    pub action: ActionId,
    /// Its title, parameters filled in.
    pub title: String,
    /// Its parameters.
    pub params: BTreeMap<String, String>,
    /// Who asked for it.
    pub by: ResponderId,
    /// The stream's number of the request: a button older than this is stale.
    pub seq: u64,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// How it ended; `None` while it runs.
    pub outcome: Option<RunOutcome>,
    /// What it said.
    #[serde(default)]
    pub detail: String,
    /// What the alarm did after it.
    pub effect: Option<RunEffect>,
    /// True when it changes nothing.
    pub read_only: bool,
    /// How long the alarm is watched after it, in seconds.
    pub watch_seconds: u64,
    /// How long it may run, in seconds.
    pub timeout_seconds: u64,
    /// The action that takes it back.
    pub undo: Option<ActionId>,
    /// Who asked for it to be stopped.
    pub stop_by: Option<ResponderId>,
    /// Who settled it when its outcome was not known.
    pub settled_by: Option<ResponderId>,
}

impl Run {
    /// True until it has ended.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.outcome.is_none()
    }

    /// True while CatOps waits to see whether the alarm clears.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        !self.read_only && self.effect.is_none() && self.outcome == Some(RunOutcome::Succeeded)
    }
}

/// Something a person wrote down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Who.
    pub by: ResponderId,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub text: String,
}

/// A page that reached somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Whom.
    pub to: ResponderId,
    /// By what: [`BY_SLACK`], or a second channel.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The stream's number of it: later than the event that asked for it.
    pub seq: u64,
    /// Where it stands, in Slack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<PageMessage>,
}

/// A way by which somebody could not be reached, until it works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreached {
    /// Whom.
    pub to: ResponderId,
    /// By what.
    pub by: String,
    /// What went wrong.
    pub error: String,
    /// True when it is not tried again.
    pub gave_up: bool,
}

/// A page that waits, because its way was used a lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Whom.
    pub to: ResponderId,
    /// By what.
    pub by: String,
    /// Until when, at the latest.
    pub until: DateTime<Utc>,
    /// Which limit it would have passed: `5 in 15 minutes`.
    pub because: String,
}

/// Who was asked by which event: what a page for a level belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageCause {
    /// Whom to page.
    pub to: ResponderId,
    /// The escalation level.
    pub level: u8,
    /// The round.
    pub round: u32,
    /// The number of the event that asked them.
    pub seq: u64,
}

/// A card of this incident in a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostedCard {
    /// The channel's id.
    pub channel: String,
    /// The message's id in that channel.
    pub ts: String,
}

/// A digest that this incident is shown on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gathering {
    /// The channel, as the configuration named it.
    pub channel: String,
    /// The digest's number in that channel.
    pub digest: u64,
}

/// The whole state of one incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Its number.
    pub id: IncidentId,
    /// The number of its last event.
    pub seq: u64,
    /// Where it stands.
    pub status: Status,
    /// The worst severity that its alarms named.
    pub severity: Severity,
    /// The alarm that opened it; `summary` and `occurred_at` follow the newest one.
    pub alarm: Alarm,
    /// Whether the source says that the trouble is still there.
    pub firing: bool,
    /// How often the alarm fired, the first time included.
    pub fired: u32,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When it last fired.
    pub last_fired_at: DateTime<Utc>,
    /// The silence under which it fired before it was opened, and since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_back: Option<(SilenceId, DateTime<Utc>)>,
    /// How often it was opened again; also the round of its pages and timers.
    pub round: u32,
    /// The people who were asked last, or who has it once somebody has.
    pub owners: Vec<ResponderId>,
    /// Why these people.
    pub because: String,
    /// The escalation policy's name.
    pub policy: String,
    /// The level that was asked last, from 0.
    pub level: u8,
    /// The policy's steps as they stood when this round of asking began; `None` before its first step, and in rounds from
    /// before December 2026.
    pub plan: Option<Box<Plan>>,
    /// The step of the plan that was taken last in this round.
    pub step: Option<u16>,
    /// Whose answer ends the asking.
    pub ack_mode: AckMode,
    /// The Slack channel that was asked last, when the last step asked one.
    pub asked_channel: Option<String>,
    /// Where channels were asked in this round.
    pub channel_messages: Vec<PageMessage>,
    /// Those who acknowledged in this round while others still have to.
    pub agreed: Vec<ResponderId>,
    /// Those who cannot, in this round.
    pub declined: Vec<ResponderId>,
    /// Until when it is snoozed.
    pub snoozed_until: Option<DateTime<Utc>>,
    /// What it waits for.
    pub timer: Option<Timer>,
    /// The number of the event that set the timer before, 0 when there was none.
    pub timer_before: u64,
    /// When this round of asking began, or went on after a pause.
    pub asking_since: DateTime<Utc>,
    /// When the first level was asked.
    #[serde(default)]
    pub asked_at: Option<DateTime<Utc>>,
    /// The people who were asked last, whoever has it.
    pub asked: Vec<ResponderId>,
    /// The number of the event that asked them: names their pages.
    pub assigned_seq: u64,
    /// How long the present owners have to acknowledge, in seconds.
    pub wait_seconds: Option<u64>,
    /// True when the last level was asked and nobody answered.
    pub exhausted: bool,
    /// The pages of this round that reached somebody.
    pub paged: Vec<Page>,
    /// By what the people who were asked last are paged, and when.
    pub plans: BTreeMap<ResponderId, Vec<PlannedPage>>,
    /// How urgent it was when they were asked.
    pub urgency: Option<Urgency>,
    /// Ways of this round that failed and have not worked since.
    pub unreached: Vec<Unreached>,
    /// Pages that wait and are still wanted.
    pub held: Vec<Waiting>,
    /// Whom a page of this incident has reached by any way, in whichever round.
    pub ever_paged: BTreeSet<ResponderId>,
    /// Who has it.
    pub acknowledged: Option<Acknowledgement>,
    /// How it ended.
    pub resolved: Option<Resolution>,
    /// At most three suggestions, best first.
    pub suggestions: Vec<Suggestion>,
    /// The next ones. Nothing is decided by them, so the snapshot does without: whoever shows them folds the events.
    #[serde(skip)]
    pub runners_up: Vec<Suggestion>,
    /// Said instead of suggestions.
    pub no_match: Option<String>,
    /// True once suggestions were made, even if there were none.
    pub suggested: bool,
    /// What happened to this alarm before, as it stood when the suggestions were made.
    pub history: Option<History>,
    /// Changes shortly before it.
    pub changes: Vec<Change>,
    /// What else was open on the same resource, as it stood when the suggestions were made.
    #[serde(default)]
    pub related: Vec<Related>,
    /// Every run, oldest first.
    pub runs: Vec<Run>,
    /// Every note, oldest first.
    pub notes: Vec<Note>,
    /// Its cards.
    pub cards: Vec<PostedCard>,
    /// The digest that it is shown on, when it came in a storm.
    pub gathered: Option<Gathering>,
    /// When the alarm's own system was last shown in the thread.
    pub context_at: Option<DateTime<Utc>>,
    /// The numbers of the events that are told in the card's thread, in order.
    pub told: Vec<u64>,
    /// Whether the first suggestion was right, in the last person's judgement.
    pub judged_right: Option<bool>,
    /// What ended it, in the words of the last person who said so.
    pub fix: Option<Fix>,
}

impl Incident {
    /// Folds a whole stream. `None` when the stream is empty or does not begin with an opening.
    #[must_use]
    pub fn fold(id: IncidentId, events: &[Recorded]) -> Option<Self> {
        let (first, rest) = events.split_first()?;
        let mut incident = Self::open(id, first)?;
        for recorded in rest {
            incident.apply(recorded);
        }
        Some(incident)
    }

    /// The state after an opening event.
    #[must_use]
    pub fn open(id: IncidentId, first: &Recorded) -> Option<Self> {
        let Event::Opened { alarm } = &first.event else {
            return None;
        };
        Some(Self {
            id,
            seq: first.seq,
            status: Status::Open,
            severity: alarm.severity,
            alarm: alarm.clone(),
            firing: true,
            fired: 1,
            opened_at: first.at,
            last_fired_at: first.at,
            kept_back: None,
            round: 0,
            owners: Vec::new(),
            asked_at: None,
            asked: Vec::new(),
            because: String::new(),
            policy: String::new(),
            level: 0,
            plan: None,
            step: None,
            ack_mode: AckMode::Any,
            asked_channel: None,
            channel_messages: Vec::new(),
            agreed: Vec::new(),
            declined: Vec::new(),
            snoozed_until: None,
            timer: None,
            timer_before: 0,
            asking_since: first.at,
            assigned_seq: 0,
            wait_seconds: None,
            exhausted: false,
            paged: Vec::new(),
            plans: BTreeMap::new(),
            urgency: None,
            unreached: Vec::new(),
            held: Vec::new(),
            ever_paged: BTreeSet::new(),
            acknowledged: None,
            resolved: None,
            suggestions: Vec::new(),
            runners_up: Vec::new(),
            no_match: None,
            suggested: false,
            history: None,
            changes: Vec::new(),
            related: Vec::new(),
            runs: Vec::new(),
            notes: Vec::new(),
            cards: Vec::new(),
            gathered: None,
            context_at: None,
            told: Vec::new(),
            judged_right: None,
            fix: None,
        })
    }

    /// Moves the state over one more event.
    pub fn apply(&mut self, recorded: &Recorded) {
        self.seq = recorded.seq;
        if recorded.event.is_told() {
            self.told.push(recorded.seq);
        }
        let at = recorded.at;
        match &recorded.event {
            Event::Opened { .. } | Event::SetAside { .. } | Event::Silenced { .. } | Event::Redacted { .. } => {}
            Event::KeptBack { silence, since, .. } => self.kept_back = Some((*silence, *since)),
            Event::PageFailed { to, error, by: Some(by), gave_up } => {
                self.unreached.retain(|failed| failed.to != *to || failed.by != *by);
                let (to, by, error) = (to.clone(), by.clone(), error.clone());
                self.unreached.push(Unreached { to, by, error, gave_up: *gave_up });
            }
            Event::PageFailed { .. } => {}
            Event::Repeated { severity, summary, occurred_at, also, .. } => {
                self.fire(1 + also.len(), *severity, summary, *occurred_at, at);
            }
            Event::Refired { severity, summary, occurred_at, .. } => {
                self.fire(1, *severity, summary, *occurred_at, at);
                self.begin_round(at);
            }
            Event::Reopened { .. } => self.begin_round(at),
            Event::Cleared { occurred_at, .. } => {
                self.firing = false;
                self.alarm.occurred_at = *occurred_at;
                self.close(ResolvedBy::Source, at, "");
            }
            Event::Resolved { by, note } => self.close(ResolvedBy::Person(by.clone()), at, note),
            Event::DrillEnded { .. } => {
                self.firing = false;
                self.close(ResolvedBy::Drill, at, "");
            }
            Event::Paged { to, by, message, .. } => {
                self.unreached.retain(|failed| failed.to != *to || failed.by != *by);
                self.page_came(to, by);
                let (to, by, message) = (to.clone(), by.clone(), message.clone());
                self.paged.push(Page { to, by, at, seq: recorded.seq, message });
            }
            Event::PageHeld { to, by, until, because } => self.page_waits(to, by, *until, because),
            Event::Assigned { .. }
            | Event::StepSkipped { .. }
            | Event::ChannelAsked { .. }
            | Event::ChannelReached { .. }
            | Event::EscalationPaused { .. }
            | Event::EscalationResumed
            | Event::Escalated { .. }
            | Event::EscalationExhausted => self.apply_asking(recorded),
            Event::Suggested { .. } => self.take_suggestions(&recorded.event),
            Event::CardPosted { channel, ts } => self.stand(channel, ts),
            Event::ContextPosted { .. } => self.context_at = Some(at),
            Event::Gathered { channel, digest } => self.gather(channel, *digest),
            Event::Acknowledged { .. }
            | Event::PartlyAcknowledged { .. }
            | Event::AcknowledgementExtended { .. }
            | Event::AcknowledgementExpired { .. }
            | Event::Snoozed { .. }
            | Event::Woke
            | Event::Declined { .. }
            | Event::Reassigned { .. } => self.apply_answer(recorded),
            Event::Noted { by, text } => self.notes.push(Note { by: by.clone(), at, text: text.clone() }),
            Event::Judged { right, .. } => self.judged_right = Some(*right),
            Event::FixNamed { fix, .. } => self.fix = Some(fix.clone()),
            Event::ActionRequested { .. }
            | Event::ActionStarted { .. }
            | Event::StopRequested { .. }
            | Event::ActionFinished { .. }
            | Event::RunSettled { .. }
            | Event::ActionHelped { .. }
            | Event::ActionDidNotHelp { .. } => self.apply_run(recorded),
        }
    }

    fn take_suggestions(&mut self, event: &Event) {
        if let Event::Suggested { suggestions, runners_up, no_match, history, changes, related } = event {
            self.suggestions.clone_from(suggestions);
            self.runners_up.clone_from(runners_up);
            self.no_match.clone_from(no_match);
            self.history.clone_from(history);
            self.changes.clone_from(changes);
            self.related.clone_from(related);
            self.suggested = true;
        }
    }

    fn apply_run(&mut self, recorded: &Recorded) {
        let at = recorded.at;
        match &recorded.event {
            Event::ActionRequested {
                run,
                action,
                title,
                params,
                by,
                read_only,
                watch_seconds,
                timeout_seconds,
                undo,
            } => self.runs.push(Run {
                id: run.clone(),
                action: action.clone(),
                title: title.clone(),
                params: params.clone(),
                by: by.clone(),
                seq: recorded.seq,
                requested_at: at,
                started_at: None,
                finished_at: None,
                outcome: None,
                detail: String::new(),
                effect: None,
                read_only: *read_only,
                watch_seconds: *watch_seconds,
                timeout_seconds: *timeout_seconds,
                undo: undo.clone(),
                stop_by: None,
                settled_by: None,
            }),
            Event::ActionStarted { run } => self.with_run(run, |run| run.started_at = Some(at)),
            Event::StopRequested { run, by } => self.with_run(run, |run| run.stop_by = Some(by.clone())),
            Event::ActionFinished { run, outcome, detail, .. } => self.with_run(run, |run| {
                run.outcome = Some(*outcome);
                run.detail.clone_from(detail);
                run.finished_at = Some(at);
            }),
            Event::RunSettled { run, by } => self.with_run(run, |run| {
                run.settled_by = Some(by.clone());
                run.outcome = Some(RunOutcome::Succeeded);
            }),
            Event::ActionHelped { run, after_seconds } => {
                let effect = RunEffect::Helped { after_seconds: *after_seconds };
                self.with_run(run, |run| run.effect = Some(effect));
            }
            Event::ActionDidNotHelp { run } => self.with_run(run, |run| run.effect = Some(RunEffect::DidNotHelp)),
            _ => {}
        }
    }

    fn fire(&mut self, times: usize, severity: Severity, summary: &str, occurred_at: DateTime<Utc>, at: DateTime<Utc>) {
        self.firing = true;
        self.fired = self.fired.saturating_add(u32::try_from(times).unwrap_or(u32::MAX));
        self.last_fired_at = at;
        self.severity = self.severity.max(severity);
        summary.clone_into(&mut self.alarm.summary);
        self.alarm.occurred_at = self.alarm.occurred_at.max(occurred_at);
    }

    fn stand(&mut self, channel: &str, ts: &str) {
        self.cards.push(PostedCard { channel: channel.to_owned(), ts: ts.to_owned() });
    }

    fn gather(&mut self, channel: &str, digest: u64) {
        self.gathered = Some(Gathering { channel: channel.to_owned(), digest });
    }

    fn close(&mut self, by: ResolvedBy, at: DateTime<Utc>, note: &str) {
        self.status = Status::Resolved;
        self.resolved = Some(Resolution { by, at, note: note.to_owned() });
        self.snoozed_until = None;
        self.held.clear();
        self.set_timer(None);
    }

    fn with_run(&mut self, id: &RunId, change: impl FnOnce(&mut Run)) {
        if let Some(run) = self.runs.iter_mut().find(|run| &run.id == id) {
            change(run);
        }
    }

    /// The run with this id.
    #[must_use]
    pub fn run(&self, id: &RunId) -> Option<&Run> {
        self.runs.iter().find(|run| &run.id == id)
    }

    /// The run that is under way, if one is: at most one at a time on an incident.
    #[must_use]
    pub fn running(&self) -> Option<&Run> {
        self.runs.iter().find(|run| run.is_running())
    }

    /// The run after which the alarm cleared in the present round, if one did.
    #[must_use]
    pub fn helped_by(&self) -> Option<&Run> {
        self.runs.iter().rev().find(|run| matches!(run.effect, Some(RunEffect::Helped { .. })))
    }

    /// The event whose line stands before this one's in the card's thread.
    #[must_use]
    pub fn told_before(&self, seq: u64) -> Option<u64> {
        self.told.iter().copied().rfind(|told| *told < seq)
    }

    /// True when nothing but a card of its own will do: it has one, or there is something to tell in a card's thread.
    #[must_use]
    pub fn has_own_card(&self) -> bool {
        !self.cards.is_empty() || !self.told.is_empty()
    }

    /// True when the thread should show what the alarm's own system knows: it is one that can be asked, and that was not
    /// done within [`CONTEXT_AGAIN`].
    #[must_use]
    pub fn wants_context(&self, at: DateTime<Utc>) -> bool {
        let is_fresh = self.context_at.is_some_and(|last| at - last < CONTEXT_AGAIN);
        !is_fresh && self.alarm.key.as_str().starts_with("cloudwatch:")
    }

    /// True while it wants somebody's attention.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status != Status::Resolved
    }
}
