//! Whether an open incident still moves by itself: which effects carry its escalation on, and when it needs none.
//! The ids are those that [`crate::react`] gave; an incident that needs a carrier and has none is forgotten.

use super::{Body, People};
use crate::fold::Status;
use crate::id::{IncidentId, ResponderId};
use crate::react::{ack_id, planned, triage_id};
use crate::urgency::PlannedPage;
use std::collections::BTreeMap;

/// By what each person is paged.
type Plans = BTreeMap<ResponderId, Vec<PlannedPage>>;

/// Where the escalation of one incident stands.
#[derive(Debug, Clone)]
pub struct Escalation {
    incident: IncidentId,
    status: Status,
    exhausted: bool,
    /// The event that asked for owners who have not been found yet.
    triage: Option<u64>,
    /// The event that named the present owners.
    assigned: Option<u64>,
    asked: Vec<ResponderId>,
    plans: Plans,
    timed: bool,
    paged: bool,
}

/// One event, as far as an escalation cares.
#[derive(Debug)]
pub(super) enum Step {
    Round { seq: u64 },
    Escalated { seq: u64, reopens: bool },
    Assigned { seq: u64, to: Vec<ResponderId>, timed: bool, plans: Plans },
    Reassigned { seq: u64, to: Vec<ResponderId>, plans: Plans },
    Paged,
    PageFailed,
    Acknowledged,
    Over,
    Exhausted,
    Nothing,
}

impl Step {
    /// True for the kinds whose body matters.
    pub(super) fn reads(kind: &str) -> bool {
        !matches!(Self::new(kind, 0, &Body::default()), Self::Nothing)
    }

    pub(super) fn new(kind: &str, seq: u64, body: &Body) -> Self {
        let to = || match &body.to {
            None => Vec::new(),
            Some(People::One(person)) => vec![person.as_str().into()],
            Some(People::Several(people)) => people.iter().map(|person| person.as_str().into()).collect(),
        };
        match kind {
            "opened" | "refired" | "reopened" | "woke" | "acknowledgement_expired" => Self::Round { seq },
            "escalated" => Self::Escalated { seq, reopens: body.reopens },
            "escalation_resumed" => Self::Escalated { seq, reopens: false },
            "channel_asked" | "escalation_paused" => {
                Self::Assigned { seq, timed: true, to: Vec::new(), plans: Plans::new() }
            }
            "assigned" => {
                let to = to();
                // Nobody to ask is a timer that is due at once.
                let timed = to.is_empty() || body.wait_seconds.is_some();
                Self::Assigned { seq, timed, to, plans: body.plans.clone() }
            }
            "reassigned" => {
                let to = to();
                let plans = to.iter().map(|person| (person.clone(), body.plan.clone())).collect();
                Self::Reassigned { seq, to, plans }
            }
            "paged" => Self::Paged,
            "page_failed" => Self::PageFailed,
            "acknowledged" | "snoozed" => Self::Acknowledged,
            "cleared" | "resolved" | "drill_ended" => Self::Over,
            "escalation_exhausted" => Self::Exhausted,
            _ => Self::Nothing,
        }
    }
}

impl Escalation {
    pub(super) fn new(incident: IncidentId) -> Self {
        Self {
            incident,
            status: Status::Open,
            exhausted: false,
            triage: None,
            assigned: None,
            asked: Vec::new(),
            plans: Plans::new(),
            timed: false,
            paged: false,
        }
    }

    /// Where it stands after these events: number, kind and body of each, oldest first. A body that cannot be read counts
    /// as empty.
    #[must_use]
    pub fn after<'a>(incident: IncidentId, events: impl IntoIterator<Item = (u64, &'a str, &'a [u8])>) -> Self {
        let mut escalation = Self::new(incident);
        for (seq, kind, body) in events {
            if Step::reads(kind) {
                escalation.apply(Step::new(kind, seq, &serde_json::from_slice(body).unwrap_or_default()));
            }
        }
        escalation
    }

    pub(super) fn apply(&mut self, step: Step) {
        match step {
            Step::Round { seq } => *self = Self { triage: Some(seq), ..Self::new(self.incident) },
            Step::Escalated { seq, reopens } => {
                self.triage = Some(seq);
                if reopens {
                    self.status = Status::Open;
                }
            }
            Step::Assigned { seq, to, timed, plans } => {
                self.plans = plans;
                (self.triage, self.assigned, self.asked, self.timed, self.paged) = (None, Some(seq), to, timed, false);
            }
            Step::Reassigned { seq, to, plans } => {
                self.plans = plans;
                (self.triage, self.assigned, self.asked, self.paged) = (None, Some(seq), to, false);
                self.status = Status::Open;
            }
            Step::Paged => self.paged = true,
            Step::Acknowledged => self.status = Status::Acknowledged,
            Step::Over => self.status = Status::Resolved,
            Step::Exhausted => self.exhausted = true,
            Step::PageFailed | Step::Nothing => {}
        }
    }

    pub(super) const fn status(&self) -> Status {
        self.status
    }

    /// True when somebody must still be asked, or asked again, without anybody doing anything.
    #[must_use]
    pub fn needs_carrier(&self) -> bool {
        let last_level_was_paged = self.triage.is_none() && self.paged && !self.timed;
        self.status == Status::Open && !self.exhausted && !last_level_was_paged
    }

    /// The effects of which one must be waiting or under way then.
    #[must_use]
    pub fn carriers(&self) -> Vec<String> {
        let triage = self.triage.map(|seq| triage_id(self.incident, seq));
        let pages = self.assigned.iter().flat_map(|&seq| {
            let pages = planned(self.incident, seq, &self.asked, &self.plans).into_iter().map(|wanted| wanted.id);
            pages.chain([ack_id(self.incident, seq)])
        });
        triage.into_iter().chain(pages).collect()
    }
}
