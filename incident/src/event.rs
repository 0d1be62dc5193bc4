//! What can happen to an incident, in the past tense. Events are the log's own format: ours, versioned, never rewritten.
//! A field is only ever added, with a default; `tests/corpus/events` keeps one of each kind for ever.

use crate::alarm::{Alarm, Severity};
use crate::change::Change;
use crate::id::{ActionId, DeliveryId, IncidentId, ResponderId, RunId};
use crate::plan::Taken;
use crate::record::{Fix, History};
use crate::related::Related;
use crate::silence::SilenceId;
use crate::suggestion::Suggestion;
use crate::urgency::{PlannedPage, Urgency};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the event bodies written today.
pub const SCHEMA: u16 = 1;

/// The first channel of a page.
pub const BY_SLACK: &str = "slack";

/// One thing that happened. The kind in JSON is the variant in snake case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// Outcome of an alarm: it opened this incident.
    Opened {
        /// The alarm, whole.
        alarm: Alarm,
    },
    /// Outcome of an alarm: the same trouble again; counted, never a second page.
    Repeated {
        /// The delivery that said so.
        delivery: DeliveryId,
        /// How bad it is now.
        severity: Severity,
        /// What it says now.
        summary: String,
        /// When the sender says it happened.
        occurred_at: DateTime<Utc>,
        /// Later deliveries that said the same, when they came faster than one could be written after the other.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        also: Vec<DeliveryId>,
    },
    /// Outcome of an alarm: the source says that the trouble is over, and so is the incident.
    Cleared {
        /// The delivery that said so.
        delivery: DeliveryId,
        /// When the sender says it happened.
        occurred_at: DateTime<Utc>,
    },
    /// Outcome of an alarm: it fired again soon after the incident was resolved.
    Refired {
        /// The delivery that said so.
        delivery: DeliveryId,
        /// How bad it is now.
        severity: Severity,
        /// What it says now.
        summary: String,
        /// When the sender says it happened.
        occurred_at: DateTime<Utc>,
    },
    /// Outcome of an alarm: it changed nothing, and this is why.
    SetAside {
        /// The delivery.
        delivery: DeliveryId,
        /// Why nothing changed.
        why: Aside,
        /// When the sender says it happened.
        occurred_at: DateTime<Utc>,
    },
    /// Outcome of an alarm: it would have opened an incident, and a silence is about it. Kept with the alarm's key.
    Silenced {
        /// The alarm, whole.
        alarm: Alarm,
        /// Which silence.
        silence: SilenceId,
    },
    /// The alarm fired for a while under a silence before it opened this incident.
    KeptBack {
        /// The silence that held it back last.
        silence: SilenceId,
        /// When the first of its alarms came.
        since: DateTime<Utc>,
        /// How many came.
        alarms: u32,
        /// Who had made the silence, when that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<ResponderId>,
        /// Why.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        because: String,
    },
    /// An escalation level got its owners; nobody is a possible answer.
    Assigned {
        /// The people of this level, in the order of the policy.
        to: Vec<ResponderId>,
        /// Which level of the policy, from 0.
        level: u8,
        /// The policy's name.
        policy: String,
        /// Why these people: what the rota said.
        because: String,
        /// How long this level has to acknowledge, in seconds; `None` for the last one.
        wait_seconds: Option<u64>,
        /// Those of them who can be paged without Slack too, and how long Slack has before that, in seconds; nobody in
        /// events from before December 2026.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        second_channel_seconds: BTreeMap<ResponderId, u64>,
        /// By what each of them is paged, and when, in the place of `second_channel_seconds`; nobody's in events from before
        /// December 2026.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        plans: BTreeMap<ResponderId, Vec<PlannedPage>>,
        /// How urgent it was; not known in events from before December 2026.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        urgency: Option<Urgency>,
        /// Which step of the plan that was.
        #[serde(default, skip_serializing_if = "Taken::is_plain")]
        taken: Taken,
    },
    /// A step of the plan would have asked nobody, so nothing was waited for.
    StepSkipped {
        /// Which level, from 0.
        level: u8,
        /// Why: what the rota said.
        why: String,
    },
    /// Everybody in a Slack channel is asked.
    ChannelAsked {
        /// As the policy names it: `#payments` or `C0PAY`.
        channel: String,
        /// Which level, from 0.
        level: u8,
        /// The policy's name.
        policy: String,
        /// How long an answer is waited for, in seconds.
        wait_seconds: u64,
        /// Which step of the plan that was.
        taken: Taken,
    },
    /// The question stands in the channel.
    ChannelReached {
        /// Where.
        message: PageMessage,
    },
    /// The plan waits, asking nobody.
    EscalationPaused {
        /// Until when.
        until: DateTime<Utc>,
        /// What for.
        because: String,
        /// The policy's name.
        policy: String,
        /// Which step of the plan that was.
        taken: Taken,
    },
    /// The waiting is over.
    EscalationResumed,
    /// A page reached somebody's inbox.
    Paged {
        /// Who.
        to: ResponderId,
        /// By what: [`BY_SLACK`], or a second channel: `sms`, `sns`, `webhook`, `voice`, `email`.
        by: String,
        /// For which level.
        level: u8,
        /// Where it stands in Slack, so that it can be drawn anew; `None` elsewhere, and in events from before
        /// December 2026.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<PageMessage>,
        /// The other incidents that the same page named.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        with: Vec<IncidentId>,
    },
    /// A page that is no first one waits, because its way was used a lot; it goes out with others that wait.
    PageHeld {
        /// Who.
        to: ResponderId,
        /// By what.
        by: String,
        /// Until when, at the latest.
        until: DateTime<Utc>,
        /// Which limit it would have passed: `5 in 15 minutes`.
        because: String,
    },
    /// A page could not be delivered; it is tried again, and the next level does not wait for it.
    PageFailed {
        /// Who.
        to: ResponderId,
        /// What went wrong.
        error: String,
        /// By what; not known in events from before December 2026.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// True when it is not tried again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        gave_up: bool,
    },
    /// Nobody acknowledged in time, or somebody asked for the next level.
    Escalated {
        /// The level that is asked now.
        level: u8,
        /// Who asked; `None` when the time ran out.
        by: Option<ResponderId>,
        /// True when somebody had it until then: nobody has it any more.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        reopens: bool,
    },
    /// The last level was asked and nobody acknowledged.
    EscalationExhausted,
    /// The actions most likely to help, as they stood at that minute.
    Suggested {
        /// At most three, best first.
        suggestions: Vec<Suggestion>,
        /// The next ones, for the explanation.
        #[serde(default)]
        runners_up: Vec<Suggestion>,
        /// Said instead of a suggestion when nothing is good enough.
        no_match: Option<String>,
        /// What happened to this alarm before; none in events from before December 2026.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        history: Option<History>,
        /// Changes shortly before; none in events from before December 2026.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        changes: Vec<Change>,
        /// What else was open on the same resource; none in events from before December 2026.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        related: Vec<Related>,
    },
    /// The card stands in a channel.
    CardPosted {
        /// The channel's id.
        channel: String,
        /// The message's id in that channel.
        ts: String,
    },
    /// It came in a storm and is shown on the channel's digest.
    Gathered {
        /// The channel, as the configuration names it.
        channel: String,
        /// The digest's number in that channel.
        digest: u64,
    },
    /// What the alarm's own system shows of it stands in the card's thread.
    ContextPosted {
        /// The channel's id.
        channel: String,
        /// The id of the picture's file; `None` when there was nothing to draw.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
        /// What was said with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lines: Vec<String>,
    },
    /// Somebody has it.
    Acknowledged {
        /// Who.
        by: ResponderId,
        /// How long until it asks again, in seconds; `None` is for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_seconds: Option<u64>,
    },
    /// Somebody acknowledged where the policy asks several people to; the others are still asked.
    PartlyAcknowledged {
        /// Who.
        by: ResponderId,
        /// Those whose answer is missing.
        missing: Vec<ResponderId>,
    },
    /// Somebody who has it needs longer.
    AcknowledgementExtended {
        /// Who says so; `None` when the policy set the time after they had taken it.
        by: Option<ResponderId>,
        /// How long from now until it asks again, in seconds.
        seconds: u64,
    },
    /// Somebody had it for so long that it asks again.
    AcknowledgementExpired {
        /// Who had it.
        by: ResponderId,
    },
    /// Somebody wants to be left alone with it for a while.
    Snoozed {
        /// Who.
        by: ResponderId,
        /// How long, in seconds.
        seconds: u64,
    },
    /// That while is over, and it asks again.
    Woke,
    /// Somebody who was asked cannot.
    Declined {
        /// Who.
        by: ResponderId,
    },
    /// Somebody else has it now.
    Reassigned {
        /// Who decided.
        by: ResponderId,
        /// The new owner.
        to: ResponderId,
        /// When they can be paged without Slack too: how long Slack has before that, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        second_channel_seconds: Option<u64>,
        /// By what they are paged, and when, in the place of `second_channel_seconds`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        plan: Vec<PlannedPage>,
        /// How urgent it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        urgency: Option<Urgency>,
    },
    /// Somebody wrote something down.
    Noted {
        /// Who.
        by: ResponderId,
        /// What, at most 3,000 characters.
        text: String,
    },
    /// Somebody asked for an action to be run.
    ActionRequested {
        /// This run.
        run: RunId,
        /// The action.
        action: ActionId,
        /// Its title, parameters filled in.
        title: String,
        /// The parameters.
        params: BTreeMap<String, String>,
        /// Who asked.
        by: ResponderId,
        /// True when it changes nothing: then the alarm is not watched after it.
        #[serde(default)]
        read_only: bool,
        /// How long the alarm is watched after it, in seconds.
        watch_seconds: u64,
        /// How long it may run, in seconds.
        timeout_seconds: u64,
        /// The action that takes it back.
        #[serde(default)]
        undo: Option<ActionId>,
    },
    /// The run began.
    ActionStarted {
        /// Which run.
        run: RunId,
    },
    /// Somebody asked for a running action to be stopped.
    StopRequested {
        /// Which run.
        run: RunId,
        /// Who.
        by: ResponderId,
    },
    /// The run ended.
    ActionFinished {
        /// Which run.
        run: RunId,
        /// How.
        outcome: RunOutcome,
        /// What it said, at most 4 KiB.
        detail: String,
        /// How long it ran, in milliseconds.
        duration_ms: u64,
    },
    /// A person settled a run whose outcome was not known.
    RunSettled {
        /// Which run.
        run: RunId,
        /// Who looked.
        by: ResponderId,
    },
    /// The alarm cleared while CatOps watched after the run.
    ActionHelped {
        /// Which run.
        run: RunId,
        /// How long after the run ended, in seconds.
        after_seconds: u64,
    },
    /// The watch ended and the alarm was still firing.
    ActionDidNotHelp {
        /// Which run.
        run: RunId,
    },
    /// A person closed it.
    Resolved {
        /// Who.
        by: ResponderId,
        /// What they said about it; may be empty.
        note: String,
    },
    /// A drill is over, by itself.
    DrillEnded {
        /// Who answered; nobody did, when it is `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answered_by: Option<ResponderId>,
    },
    /// A person opened it again.
    Reopened {
        /// Who.
        by: ResponderId,
    },
    /// A person judged the suggestions.
    Judged {
        /// Who.
        by: ResponderId,
        /// Was the first suggestion right?
        right: bool,
    },
    /// A person said what ended it.
    FixNamed {
        /// Who.
        by: ResponderId,
        /// What.
        fix: Fix,
    },
    /// Text that must not be kept was taken out of earlier events.
    Redacted {
        /// Who did it.
        by: ResponderId,
        /// Why.
        why: String,
        /// The events, in order.
        replaced: Vec<Replaced>,
    },
}

/// Where a page stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageMessage {
    /// The id of the person's direct messages with CatOps.
    pub channel: String,
    /// The message's id in that channel.
    pub ts: String,
}

/// Why an alarm changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aside {
    /// The sender only informs.
    Information,
    /// It says that something is over which is not open here.
    NothingOpen,
    /// It is older than what the sender said last.
    Stale,
}

impl Aside {
    /// The same in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Information => "its sender only informs",
            Self::NothingOpen => "it says that something is over, and nothing was open",
            Self::Stale => "it is older than what its sender had said last",
        }
    }
}

/// An event whose text was taken out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Which event of this incident.
    pub seq: u64,
    /// The SHA-256 of its body as it stands since, in hexadecimal digits: `catops verify` compares it.
    pub sha256: String,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// It did what it should.
    Succeeded,
    /// It did not.
    Failed,
    /// Nobody can say: CatOps stopped in the middle, or the answer was lost.
    Unknown,
    /// A person stopped it.
    Stopped,
}

impl Event {
    /// The delivery that it is the outcome of; of several that were written together, the first one.
    #[must_use]
    pub const fn delivery(&self) -> Option<&DeliveryId> {
        match self {
            Self::Opened { alarm } | Self::Silenced { alarm, .. } => Some(&alarm.delivery),
            Self::Repeated { delivery, .. }
            | Self::Cleared { delivery, .. }
            | Self::Refired { delivery, .. }
            | Self::SetAside { delivery, .. } => Some(delivery),
            _ => None,
        }
    }

    /// The kind as it stands in the log.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Repeated { .. } => "repeated",
            Self::Cleared { .. } => "cleared",
            Self::Refired { .. } => "refired",
            Self::SetAside { .. } => "set_aside",
            Self::Silenced { .. } => "silenced",
            Self::KeptBack { .. } => "kept_back",
            Self::Assigned { .. } => "assigned",
            Self::Paged { .. } => "paged",
            Self::PageFailed { .. } => "page_failed",
            Self::PageHeld { .. } => "page_held",
            Self::Escalated { .. } => "escalated",
            Self::StepSkipped { .. } => "step_skipped",
            Self::ChannelAsked { .. } => "channel_asked",
            Self::ChannelReached { .. } => "channel_reached",
            Self::EscalationPaused { .. } => "escalation_paused",
            Self::EscalationResumed => "escalation_resumed",
            Self::PartlyAcknowledged { .. } => "partly_acknowledged",
            Self::AcknowledgementExtended { .. } => "acknowledgement_extended",
            Self::AcknowledgementExpired { .. } => "acknowledgement_expired",
            Self::Snoozed { .. } => "snoozed",
            Self::Woke => "woke",
            Self::Declined { .. } => "declined",
            Self::EscalationExhausted => "escalation_exhausted",
            Self::Suggested { .. } => "suggested",
            Self::CardPosted { .. } => "card_posted",
            Self::Gathered { .. } => "gathered",
            Self::ContextPosted { .. } => "context_posted",
            Self::Acknowledged { .. } => "acknowledged",
            Self::Reassigned { .. } => "reassigned",
            Self::Noted { .. } => "noted",
            Self::ActionRequested { .. } => "action_requested",
            Self::ActionStarted { .. } => "action_started",
            Self::StopRequested { .. } => "stop_requested",
            Self::ActionFinished { .. } => "action_finished",
            Self::RunSettled { .. } => "run_settled",
            Self::ActionHelped { .. } => "action_helped",
            Self::ActionDidNotHelp { .. } => "action_did_not_help",
            Self::Resolved { .. } => "resolved",
            Self::DrillEnded { .. } => "drill_ended",
            Self::Reopened { .. } => "reopened",
            Self::Judged { .. } => "judged",
            Self::FixNamed { .. } => "fix_named",
            Self::Redacted { .. } => "redacted",
        }
    }

    /// True for the events of which every alarm gets exactly one.
    #[must_use]
    pub const fn is_alarm_outcome(&self) -> bool {
        matches!(
            self,
            Self::Opened { .. }
                | Self::Repeated { .. }
                | Self::Cleared { .. }
                | Self::Refired { .. }
                | Self::SetAside { .. }
                | Self::Silenced { .. }
        )
    }

    /// True for the first step of a round's plan.
    #[must_use]
    pub fn is_first_step(&self) -> bool {
        match self {
            Self::Assigned { level: 0, .. } | Self::EscalationExhausted => true,
            Self::Assigned { taken, .. } | Self::ChannelAsked { taken, .. } | Self::EscalationPaused { taken, .. } => {
                taken.plan.is_some()
            }
            _ => false,
        }
    }

    /// True for the events that are told in the card's thread, one line each.
    #[must_use]
    pub const fn is_told(&self) -> bool {
        matches!(
            self,
            Self::Noted { .. }
                | Self::ActionStarted { .. }
                | Self::StopRequested { .. }
                | Self::ActionFinished { .. }
                | Self::RunSettled { .. }
                | Self::ActionHelped { .. }
                | Self::ActionDidNotHelp { .. }
        )
    }

    /// The person behind it, if one was.
    #[must_use]
    pub const fn person(&self) -> Option<&ResponderId> {
        match self {
            Self::Acknowledged { by, .. }
            | Self::PartlyAcknowledged { by, .. }
            | Self::AcknowledgementExtended { by: Some(by), .. }
            | Self::Snoozed { by, .. }
            | Self::Declined { by }
            | Self::Redacted { by, .. }
            | Self::Reassigned { by, .. }
            | Self::Noted { by, .. }
            | Self::ActionRequested { by, .. }
            | Self::StopRequested { by, .. }
            | Self::RunSettled { by, .. }
            | Self::Resolved { by, .. }
            | Self::Reopened { by }
            | Self::Judged { by, .. }
            | Self::FixNamed { by, .. }
            | Self::Escalated { by: Some(by), .. } => Some(by),
            _ => None,
        }
    }
}

/// An event with its place in the incident's stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its number in the stream, from 1, without gaps.
    pub seq: u64,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Whole seconds between two instants, never below zero.
#[must_use]
pub(crate) fn seconds_between(from: DateTime<Utc>, to: DateTime<Utc>) -> u64 {
    u64::try_from((to - from).max(TimeDelta::zero()).num_seconds()).unwrap_or(0)
}
