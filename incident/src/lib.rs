//! The vocabulary and the life of an incident: alarm, events, fold, decide, react, timeline.
//!
//! Pure: no clock, no environment, no randomness, no I/O. Time is an argument, ids are passed in, effects are data.

pub mod action;
mod alarm;
pub mod audit;
mod change;
mod decide;
mod digest;
mod drill;
mod event;
mod fold;
mod id;
pub mod invariant;
mod plan;
mod react;
mod record;
mod redact;
mod related;
mod silence;
mod suggestion;
mod switch;
pub mod throttle;
mod timeline;
mod urgency;
mod whynot;

pub use alarm::{Alarm, AlarmState, Link, Severity};
pub use change::{CHANGE_LABEL, CHANGE_WINDOW, Change, Changes};
pub use decide::{
    ActionRequest, AlarmMemory, BUTTON_AGE_MAX, Command, NOTE_CHARS_MAX, Reception, Refused, SNOOZE_MAX, decide,
    receive, receive_together, was_acted_on,
};
pub use digest::{Digest, DigestEvent, Digests, STORM_WINDOW, is_storm};
pub use drill::{Counting, DRILL_KEY, Delivered, Drill, Drills, Measured, ReadyCheck, Whom};
pub use event::{Aside, BY_SLACK, Event, PageMessage, Recorded, Replaced, RunOutcome, SCHEMA};
pub use fold::{
    Acknowledgement, CONTEXT_AGAIN, FOLD, Gathering, Incident, Note, Page, PageCause, PostedCard, Resolution,
    ResolvedBy, Run, RunEffect, Status, Timed, Timer, Unreached, Waiting,
};
pub use id::{ActionId, AlarmKey, BadIncidentId, DeliveryId, IncidentId, ResponderId, RunId, RunbookId};
pub use plan::{
    ACKNOWLEDGE_TIMEOUT_SECONDS, AckMode, Ask, Condition, Edge, Hours, PLAN_STEPS_MAX, Plan, PlanStep, Severities,
    Taken, Target,
};
pub use react::{
    CONTEXT_AFTER_SECONDS, DIGEST_REDRAW_SECONDS, Effect, FURTHER_PAGES_MAX, REPEAT_REDRAW_SECONDS, RUN_GRACE_SECONDS,
    Reaction, Repeat, Task, react, run_effect_id, thread_effect_id,
};
pub use record::{End, Evidence, Fix, HISTORY_DAYS, History, Mark, Marked, Record, RecordEvent, Trial, Verdict};
pub use redact::{NotRedacted, REDACTED, redact};
pub use related::{RELATED_MAX, Related};
pub use silence::{
    BadMatcher, BadSilenceId, Comparison, Held, Hidden, KeptEvent, LOOKED_BACK, Matcher, Next, NotSilenced,
    SILENCE_AHEAD_MAX, SILENCE_LISTED, SILENCE_MAX, Silence, SilenceEvent, SilenceId, SilenceStanding, SilenceWish,
    Silences, look, receive_under,
};
pub use suggestion::{ActionRecord, Part, Strength, Suggestion};
pub use switch::{Stopped, Switch, SwitchEvent};
pub use timeline::{Line, channel_word, length, line, page_channel, timeline};
pub use urgency::{PlannedPage, Urgency};
pub use whynot::{Ending, Told, WhyNot, Words};

#[cfg(test)]
mod tests;
