//! What somebody, or the passing of time, wants of an incident. Whether it becomes anything is decided in `decide`.

use crate::change::Change;
use crate::event::{PageMessage, RunOutcome};
use crate::id::{ActionId, IncidentId, ResponderId, RunId};
use crate::plan::Taken;
use crate::record::{Fix, History};
use crate::related::Related;
use crate::suggestion::Suggestion;
use crate::urgency::{PlannedPage, Urgency};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
/// What somebody or something wants of an incident.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Give an escalation level its owners.
    Assign {
        /// The people.
        to: Vec<ResponderId>,
        /// The level they belong to.
        level: u8,
        /// The policy's name.
        policy: String,
        /// Why these people.
        because: String,
        /// How long they have; `None` on the last level.
        wait: Option<TimeDelta>,
        /// By what each of them is paged, and when.
        plans: BTreeMap<ResponderId, Vec<PlannedPage>>,
        /// How urgent it is.
        urgency: Urgency,
        /// Which step of the plan that is.
        taken: Taken,
    },
    /// Pass over a step that would ask nobody.
    Skip {
        /// The level it would have been.
        level: u8,
        /// Why nobody.
        why: String,
    },
    /// Ask everybody in a Slack channel.
    AskChannel {
        /// As the policy names it.
        channel: String,
        /// The level.
        level: u8,
        /// The policy's name.
        policy: String,
        /// How long they have.
        wait: TimeDelta,
        /// Which step of the plan that is.
        taken: Taken,
    },
    /// The question stands in the channel.
    RecordChannel {
        /// Where.
        message: PageMessage,
    },
    /// Ask nobody until then.
    Pause {
        /// Until when.
        until: DateTime<Utc>,
        /// What for.
        because: String,
        /// The policy's name.
        policy: String,
        /// Which step of the plan that is.
        taken: Taken,
    },
    /// Nobody is left to ask.
    Exhaust,
    /// Write down a ranking.
    Suggest {
        /// At most three.
        suggestions: Vec<Suggestion>,
        /// The next ones.
        runners_up: Vec<Suggestion>,
        /// Why there are none.
        no_match: Option<String>,
        /// What happened to this alarm before.
        history: Option<History>,
        /// Changes shortly before.
        changes: Vec<Change>,
        /// What else is open on the same resource.
        related: Vec<Related>,
    },
    /// A page reached somebody.
    RecordPage {
        /// Who.
        to: ResponderId,
        /// By what.
        by: String,
        /// For which level.
        level: u8,
        /// Where it stands, in Slack.
        message: Option<PageMessage>,
        /// The other incidents that the same page named.
        with: Vec<IncidentId>,
    },
    /// A page waits.
    RecordHeldPage {
        /// Who.
        to: ResponderId,
        /// By what.
        by: String,
        /// Until when, at the latest.
        until: DateTime<Utc>,
        /// Which limit it would have passed.
        because: String,
    },
    /// A page failed for now.
    RecordPageFailure {
        /// Who.
        to: ResponderId,
        /// By what.
        by: String,
        /// What went wrong.
        error: String,
        /// True when it is not tried again.
        gave_up: bool,
    },
    /// The card stands in a channel.
    RecordCard {
        /// The channel's id.
        channel: String,
        /// The message's id.
        ts: String,
    },
    /// What the alarm's own system shows stands in the thread.
    RecordContext {
        /// The channel's id.
        channel: String,
        /// The picture's file, when there is one.
        file: Option<String>,
        /// What was said with it.
        lines: Vec<String>,
    },
    /// It is shown on a digest.
    Gather {
        /// The channel, as the configuration names it.
        channel: String,
        /// The digest's number in that channel.
        digest: u64,
    },
    /// The time of a level ran out.
    AckTimeout {
        /// Which level.
        level: u8,
        /// Which round.
        round: u32,
        /// The level that is asked next; `None` when nobody is left to ask.
        next: Option<u8>,
    },
    /// A pause, a snooze or the time that somebody has it is over.
    TimeOver {
        /// The number of the event that set the timer.
        seq: u64,
    },
    /// Somebody wants the next level now.
    Escalate {
        /// Who.
        by: ResponderId,
        /// The level that is asked next; `None` when nobody is left to ask.
        next: Option<u8>,
    },
    /// Somebody who was asked cannot.
    Decline {
        /// Who.
        by: ResponderId,
        /// The level that is asked next; `None` when nobody is left to ask.
        next: Option<u8>,
    },
    /// Somebody wants to be left alone with it for a while.
    Snooze {
        /// Who.
        by: ResponderId,
        /// How long, at most [`SNOOZE_MAX`].
        length: TimeDelta,
    },
    /// Somebody who has it needs longer.
    Extend {
        /// Who; `None` when the policy says so.
        by: Option<ResponderId>,
        /// How long from now, at most [`SNOOZE_MAX`]; `None` is what the policy says.
        length: Option<TimeDelta>,
    },
    /// Somebody takes it.
    Acknowledge {
        /// Who.
        by: ResponderId,
    },
    /// The time of a drill is up.
    EndDrill,
    /// Somebody closes it.
    Resolve {
        /// Who.
        by: ResponderId,
        /// What they say about it.
        note: String,
    },
    /// Somebody opens it again.
    Reopen {
        /// Who.
        by: ResponderId,
    },
    /// Somebody writes something down.
    Note {
        /// Who.
        by: ResponderId,
        /// What.
        text: String,
    },
    /// Somebody gives it to somebody else.
    Reassign {
        /// Who decides.
        by: ResponderId,
        /// The new owner.
        to: ResponderId,
        /// By what they are paged, and when.
        plan: Vec<PlannedPage>,
        /// How urgent it is.
        urgency: Urgency,
    },
    /// Somebody asks for an action.
    RequestAction {
        /// Who.
        by: ResponderId,
        /// What.
        request: ActionRequest,
    },
    /// The runner begins.
    StartRun {
        /// Which run.
        run: RunId,
    },
    /// Somebody wants a run stopped.
    StopRun {
        /// Who.
        by: ResponderId,
        /// Which run; `None` is the one under way.
        run: Option<RunId>,
    },
    /// The runner ended.
    FinishRun {
        /// Which run.
        run: RunId,
        /// How.
        outcome: RunOutcome,
        /// What it said.
        detail: String,
        /// How long it ran, in milliseconds.
        duration_ms: u64,
    },
    /// Somebody looked, and a run of unknown outcome is done.
    SettleRun {
        /// Who.
        by: ResponderId,
        /// Which run.
        run: RunId,
    },
    /// The watch after a run is over.
    EndWatch {
        /// Which run.
        run: RunId,
    },
    /// Somebody judges the suggestions.
    Judge {
        /// Who.
        by: ResponderId,
        /// Was the first one right?
        right: bool,
    },
    /// Somebody says what ended it.
    NameFix {
        /// Who.
        by: ResponderId,
        /// What.
        fix: Fix,
    },
}

/// An action that somebody asks for, already looked up, filled and allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionRequest {
    /// The action.
    pub action: ActionId,
    /// Its title, filled.
    pub title: String,
    /// Its parameters, validated.
    pub params: BTreeMap<String, String>,
    /// True when it changes nothing.
    pub read_only: bool,
    /// How long the alarm is watched after it.
    pub watch: TimeDelta,
    /// How long it may run.
    pub timeout: TimeDelta,
    /// What takes it back.
    pub undo: Option<ActionId>,
    /// The number that the pressed button carried; `None` when it came by text.
    pub seen_seq: Option<u64>,
    /// When what the pressed button showed was written; `None` when no button was pressed.
    pub seen_at: Option<DateTime<Utc>>,
}
