//! The steps of a policy as they stand in the file: a tree, since an `if` holds steps. It holds what was read and decides
//! nothing.

use crate::place::Place;
use chrono::TimeDelta;
use incident::{Ask, Condition, Edge, Hours};

/// How deep `if` may stand in `if`: five, as deep as anybody reads at night.
pub const NESTING_MAX: usize = 5;

/// How often steps are repeated at most.
pub const REPEAT_MAX: u8 = 9;

/// A step of a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its name, for `repeat`.
    pub name: Option<String>,
    /// What it does.
    pub kind: StepKind,
    /// Where it is written.
    pub place: Place,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum StepKind {
    /// Pages people and waits for an answer.
    Page(Ask),
    /// Asks everybody in a Slack channel and waits for an answer.
    Notify {
        /// `#payments` or `C0PAY`.
        channel: String,
        /// How long an answer is waited for; above zero.
        wait: TimeDelta,
    },
    /// Waits, asking nobody; above zero.
    Wait(TimeDelta),
    /// Waits, asking nobody, until hours begin or end.
    Until {
        /// Which hours.
        hours: Hours,
        /// Begin or end.
        edge: Edge,
    },
    /// Goes one way or the other; both come back together behind it.
    If {
        /// What must hold.
        condition: Condition,
        /// Taken when it holds.
        then: Vec<Step>,
        /// Taken when it does not; may be empty.
        otherwise: Vec<Step>,
    },
    /// Takes the steps before it in its own list again.
    Repeat {
        /// From this step of the list on, counted from 0.
        from: usize,
        /// So many times, 1 to [`REPEAT_MAX`]: 2 asks three times in all.
        times: u8,
    },
}

/// Every step, with those inside it.
pub(super) fn each<'p>(steps: &'p [Step], see: &mut impl FnMut(&'p Step)) {
    for step in steps {
        see(step);
        if let StepKind::If { then, otherwise, .. } = &step.kind {
            each(then, see);
            each(otherwise, see);
        }
    }
}
