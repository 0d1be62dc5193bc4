//! What must hold at every minute of a healthy CatOps, judged on what somebody else read: no effect waits too long, no
//! incident waits for nothing. It reads no clock; the numbers below say how long is too long, and why.

use crate::fold::{Incident, Status, Timed};
use crate::id::IncidentId;
use crate::react::ack_id;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

/// An effect may be this late: the longest pause of the outbox is 5 s, and what asks Slack for time gets a new due time.
pub const OVERDUE: TimeDelta = TimeDelta::seconds(60);

/// A lease may have ended this long ago. It lasts 15 s and is handed out again within 5 s: two of them mean that nobody does.
pub const LEASE_OVERDUE: TimeDelta = TimeDelta::seconds(30);

/// A new incident has this long to find its owner.
pub const OWNER_OVERDUE: TimeDelta = TimeDelta::seconds(60);

/// A page has this long to reach one of an incident's owners; what fails is tried again, and five minutes hold seven tries.
pub const PAGE_OVERDUE: TimeDelta = TimeDelta::minutes(5);

/// An effect that ended badly is a violation for this long after it was first tried; then it is history, in the log.
pub const FAILED_FOR: TimeDelta = TimeDelta::hours(1);

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// Which invariant is violated.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $name),+ }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its one word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

kinds! {
    /// An effect should have been performed long ago.
    OverdueEffect = "overdue_effect",
    /// An effect is being performed by somebody who is gone.
    StuckLease = "stuck_lease",
    /// An effect will not happen.
    FailedEffect = "failed_effect",
    /// Nobody knows whether an effect happened.
    UnknownEffect = "unknown_effect",
    /// An open incident has no owner, and somebody is on call.
    NoOwner = "no_owner",
    /// An open incident has owners, and no page has reached one of them.
    PageLate = "page_late",
    /// An open incident waits for nothing.
    StalledEscalation = "stalled_escalation",
}

/// One thing that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Which invariant.
    pub kind: Kind,
    /// The effect's id or the incident's: the same subject is the same violation.
    pub subject: String,
    /// One sentence for the person who looks.
    pub text: String,
}

/// An effect, as far as it can be late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its id.
    pub id: String,
    /// Where it is in its life.
    pub state: WaitingState,
    /// Why its last attempt did not succeed.
    pub error: Option<String>,
}

/// Where it is in its life, with the instant that counts there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitingState {
    /// Waits for this time.
    Due(DateTime<Utc>),
    /// Somebody performs it, until this time.
    LeasedUntil(DateTime<Utc>),
    /// It ended without happening; first tried then.
    Failed(DateTime<Utc>),
    /// It ended, nobody knows how; first tried then.
    Unknown(DateTime<Utc>),
}

/// What is wrong with an effect, if something is.
#[must_use]
pub fn judge_effect(effect: &Waiting, now: DateTime<Utc>) -> Option<Violation> {
    let error = effect.error.as_ref().map_or_else(String::new, |error| format!(": {error}"));
    let (kind, text) = match effect.state {
        WaitingState::Due(at) if now - at > OVERDUE => {
            (Kind::OverdueEffect, format!("{} is due since {} and nobody performs it{error}", effect.id, clock(at)))
        }
        WaitingState::LeasedUntil(until) if now - until > LEASE_OVERDUE => {
            (Kind::StuckLease, format!("the lease of {} ended at {} and nobody took it over", effect.id, clock(until)))
        }
        WaitingState::Failed(at) if now - at <= FAILED_FOR => {
            (Kind::FailedEffect, format!("{} failed and is not tried again{error}", effect.id))
        }
        WaitingState::Unknown(at) if now - at <= FAILED_FOR => {
            (Kind::UnknownEffect, format!("nobody knows whether {} happened{error}", effect.id))
        }
        WaitingState::Due(_) | WaitingState::LeasedUntil(_) | WaitingState::Failed(_) | WaitingState::Unknown(_) => {
            return None;
        }
    };
    Some(Violation { kind, subject: effect.id.clone(), text })
}

fn clock(at: DateTime<Utc>) -> impl std::fmt::Display {
    at.format("%Y-%m-%d %H:%M:%S UTC")
}

/// True when an open incident has no owner although the rota names somebody for it now.
#[must_use]
pub fn lacks_owner(incident: &Incident, somebody_is_on_call: bool, now: DateTime<Utc>) -> bool {
    let late = now - incident.asking_since > OWNER_OVERDUE;
    let asks_nobody = incident.asked_channel.is_some() || incident.timer.is_some_and(|timer| timer.of == Timed::Pause);
    incident.status == Status::Open && incident.owners.is_empty() && !asks_nobody && somebody_is_on_call && late
}

/// The violation of an open incident whose owners were not reached in time: Slack refuses, or is down.
#[must_use]
pub fn page_late(incident: &Incident, now: DateTime<Utc>) -> Option<Violation> {
    let unreached = incident.status == Status::Open && !incident.owners.is_empty() && incident.paged.is_empty();
    // A page that waits on purpose has until then, and as long again.
    let waits = incident.held.iter().any(|held| now - held.until <= PAGE_OVERDUE);
    let late = unreached && !waits && now - incident.asking_since > PAGE_OVERDUE;
    late.then(|| {
        let minutes = PAGE_OVERDUE.num_minutes();
        let text = format!("{} ({}): no page reached anybody in {minutes} minutes", incident.id, incident.alarm.title);
        Violation { kind: Kind::PageLate, subject: incident.id.to_string(), text }
    })
}

/// The violation of [`lacks_owner`].
#[must_use]
pub fn no_owner(incident: &Incident) -> Violation {
    let text = format!("{} ({}) has no owner, and somebody is on call", incident.id, incident.alarm.title);
    Violation { kind: Kind::NoOwner, subject: incident.id.to_string(), text }
}

/// The timer of an open incident's present level; none when it needs none. While it waits the escalation cannot be stalled,
/// so that most incidents cost one look; [`crate::audit::Escalation`] judges the others by their events.
#[must_use]
pub fn timer(incident: &Incident) -> Option<String> {
    let last_level_was_paged =
        incident.wait_seconds.is_none() && !incident.owners.is_empty() && !incident.paged.is_empty();
    let moves = incident.status == Status::Open && !incident.exhausted && !last_level_was_paged;
    moves.then(|| ack_id(incident.id, incident.timer.map_or(incident.assigned_seq, |timer| timer.seq)))
}

/// The violation of an incident whose escalation needs a carrier and has none.
#[must_use]
pub fn stalled(id: IncidentId, title: &str) -> Violation {
    let text = format!("{id} ({title}) is open, and nobody is asked: no page and no timer is left");
    Violation { kind: Kind::StalledEscalation, subject: id.to_string(), text }
}

/// How many there are of each kind, zeros included.
#[must_use]
pub fn counts<'a>(violations: impl IntoIterator<Item = &'a Violation>) -> BTreeMap<&'static str, u64> {
    let mut counts: BTreeMap<&'static str, u64> = Kind::ALL.iter().map(|kind| (kind.as_str(), 0)).collect();
    for violation in violations {
        *counts.entry(violation.kind.as_str()).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests;
