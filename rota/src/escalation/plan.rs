//! From a policy's tree to a plan: the same steps in a row, repetitions written out, jumps forward only. It asks nobody and
//! looks at no time.

use super::Policy;
use super::tree::{Step, StepKind};
use chrono::TimeDelta;
use incident::{PLAN_STEPS_MAX, Plan, PlanStep};

impl Policy {
    /// Its steps in a row. One that is too long has been refused by [`crate::Rota::parse`]; made by hand it is cut off.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let mut steps = Vec::new();
        write(&self.steps, &mut steps);
        Plan { steps, catch_all: self.catch_all.clone(), acknowledge_seconds: self.acknowledge_timeout.map(seconds) }
    }

    /// Whether its plan would be longer than [`PLAN_STEPS_MAX`].
    pub(crate) fn is_too_long(&self) -> bool {
        let mut steps = Vec::new();
        !write(&self.steps, &mut steps)
    }
}

/// Writes steps out; false when they were too many, of which the last ones are missing then.
fn write(list: &[Step], out: &mut Vec<PlanStep>) -> bool {
    list.iter().enumerate().all(|(place, step)| match &step.kind {
        StepKind::Repeat { from, times } => (0..*times).all(|_| write(&list[*from..place], out)),
        _ => out.len() < PLAN_STEPS_MAX && write_one(step, out),
    })
}

fn write_one(step: &Step, out: &mut Vec<PlanStep>) -> bool {
    match &step.kind {
        StepKind::Page(ask) => out.push(PlanStep::Page(ask.clone())),
        StepKind::Notify { channel, wait } => {
            out.push(PlanStep::Notify { channel: channel.clone(), wait_seconds: seconds(*wait) });
        }
        StepKind::Wait(wait) => out.push(PlanStep::Wait(seconds(*wait))),
        StepKind::Until { hours, edge } => out.push(PlanStep::Until { hours: hours.clone(), edge: *edge }),
        StepKind::If { condition, then, otherwise } => {
            let branch = out.len();
            out.push(PlanStep::If { condition: condition.clone(), otherwise: 0 });
            let mut whole = write(then, out);
            let jump = (!otherwise.is_empty()).then(|| {
                out.push(PlanStep::Goto(0));
                out.len() - 1
            });
            out[branch] = PlanStep::If { condition: condition.clone(), otherwise: place(out.len()) };
            whole &= write(otherwise, out);
            if let Some(jump) = jump {
                out[jump] = PlanStep::Goto(place(out.len()));
            }
            return whole;
        }
        StepKind::Repeat { .. } => {}
    }
    true
}

/// Plans are short.
fn place(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

fn seconds(delta: TimeDelta) -> u64 {
    u64::try_from(delta.num_seconds()).unwrap_or(0)
}
