//! The one function that says what comes next on a plan. Paging, the preview and the timeline's future all ask it, so that
//! they cannot disagree. It reads the rota of now, because who is on duty is a fact of now; which steps there are is the
//! plan's, which does not change under an incident.

use super::{hours, matches, targets};
use crate::operation::Operation;
use crate::rota::Rota;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{AckMode, Ask, Condition, Edge, Plan, PlanStep, ResponderId, Severity, Target};

/// What the walk knows of an incident.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Its number: whose turn it is in a round robin follows from it.
    pub number: u64,
    /// How bad it is now.
    pub severity: Severity,
    /// Which service it is about.
    pub service: Option<&'a str>,
    /// Those who cannot, or have said their part: nobody asks them again.
    pub spared: &'a [ResponderId],
}

/// What comes next, and what was passed over on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// Steps that would have asked nobody, in order.
    pub skipped: Vec<Skipped>,
    /// The next step.
    pub next: Move,
}

/// A step that would have asked nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its place in the plan.
    pub step: u16,
    /// Why nobody.
    pub why: String,
}

/// The next step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Page these people, at least one.
    Page {
        /// The step's place in the plan; behind the last one for the catch-all.
        step: u16,
        /// Each once, with the reason.
        to: Vec<(ResponderId, String)>,
        /// How long an answer is waited for; `None` for the catch-all, after which there is nothing.
        wait: Option<TimeDelta>,
        /// Whose answer ends the asking.
        ack_mode: AckMode,
    },
    /// Ask everybody in a channel.
    Notify {
        /// The step's place in the plan.
        step: u16,
        /// Which channel.
        channel: String,
        /// How long an answer is waited for.
        wait: TimeDelta,
    },
    /// Ask nobody until then.
    Pause {
        /// The step's place in the plan.
        step: u16,
        /// Until when.
        until: DateTime<Utc>,
        /// What for.
        because: String,
    },
    /// Nobody is left to ask.
    Nothing,
}

/// The next step after the one at `after`, the first one when that is `None`. Steps that would ask nobody are passed over
/// at once, and so are plain waits behind them: nobody is waited for who was not asked.
#[must_use]
pub fn walk(
    rota: &Rota,
    plan: &Plan,
    after: Option<u16>,
    facts: Facts<'_>,
    operations: &[Operation],
    at: DateTime<Utc>,
) -> Walk {
    let mut skipped = Vec::new();
    let mut place = after.map_or(0, |after| usize::from(after) + 1);
    let mut asks_in_vain = false;
    while let Some(step) = plan.steps.get(place) {
        let number = u16::try_from(place).unwrap_or(u16::MAX);
        place += 1;
        let next = match step {
            PlanStep::Page(ask) => {
                let to = asked(rota, ask, facts, operations, at);
                if to.is_empty() {
                    skipped.push(Skipped { step: number, why: nobody(ask) });
                    asks_in_vain = true;
                    continue;
                }
                Move::Page { step: number, to, wait: Some(length(ask.wait_seconds)), ack_mode: ask.ack_mode }
            }
            PlanStep::Notify { channel, wait_seconds } => {
                Move::Notify { step: number, channel: channel.clone(), wait: length(*wait_seconds) }
            }
            PlanStep::Wait(_) if asks_in_vain => continue,
            PlanStep::Wait(seconds) => {
                let until = at.checked_add_signed(length(*seconds)).unwrap_or(DateTime::<Utc>::MAX_UTC);
                Move::Pause { step: number, until, because: format!("a wait of {}", incident::length(*seconds)) }
            }
            PlanStep::Until { hours, edge } => match hours::changes(hours, *edge, at) {
                Some(until) => Move::Pause { step: number, until, because: edge_told(hours, *edge) },
                None => continue,
            },
            PlanStep::If { condition, otherwise } => {
                if !holds(condition, facts, at) {
                    place = usize::from(*otherwise).max(place);
                }
                continue;
            }
            PlanStep::Goto(to) => {
                place = usize::from(*to).max(place);
                continue;
            }
        };
        return Walk { skipped, next };
    }
    Walk { skipped, next: catch_all(plan, after, facts) }
}

/// Who of the catch-all is asked: once, behind the last step.
fn catch_all(plan: &Plan, after: Option<u16>, facts: Facts<'_>) -> Move {
    let step = u16::try_from(plan.steps.len()).unwrap_or(u16::MAX);
    let was_asked = after.is_some_and(|after| after >= step);
    let mut to: Vec<(ResponderId, String)> = Vec::new();
    for person in plan.catch_all.iter().filter(|person| !facts.spared.contains(person)) {
        if to.iter().all(|(known, _)| known != person) {
            to.push((person.clone(), "catch-all".to_owned()));
        }
    }
    if was_asked || to.is_empty() {
        return Move::Nothing;
    }
    Move::Page { step, to, wait: None, ack_mode: AckMode::Any }
}

fn asked(
    rota: &Rota,
    ask: &Ask,
    facts: Facts<'_>,
    operations: &[Operation],
    at: DateTime<Utc>,
) -> Vec<(ResponderId, String)> {
    if let Some(turns) = ask.rotate_after {
        return in_turn(rota, ask, turns, facts, at).into_iter().collect();
    }
    let mut to = targets(rota, &ask.page, operations, at);
    to.retain(|(person, _)| !facts.spared.contains(person));
    to
}

/// Whose turn it is: people one after the other by the incident's number, each for `turns` incidents. Whoever is spared
/// leaves their turn to the next.
fn in_turn(rota: &Rota, ask: &Ask, turns: u32, facts: Facts<'_>, at: DateTime<Utc>) -> Option<(ResponderId, String)> {
    let mut people: Vec<&ResponderId> = Vec::new();
    for target in &ask.page {
        let named = match target {
            Target::Person(person) => vec![person],
            Target::Schedule(name) => rota.members_from(name, at).unwrap_or_default(),
        };
        named.into_iter().for_each(|person| {
            if !people.contains(&person) {
                people.push(person);
            }
        });
    }
    let turn = usize::try_from(facts.number.saturating_sub(1) / u64::from(turns.max(1))).unwrap_or(0);
    let first = turn.checked_rem(people.len())?;
    let chosen = (0..people.len()).map(|later| people[(first + later) % people.len()]);
    let chosen = chosen.into_iter().find(|person| !facts.spared.contains(person))?;
    Some((chosen.clone(), format!("whose turn it is among {} people", people.len())))
}

/// Whether all of it holds.
pub(super) fn holds(condition: &Condition, facts: Facts<'_>, at: DateTime<Utc>) -> bool {
    let in_hours = condition.hours.as_ref().is_none_or(|hours| hours::is_open(hours, at));
    let severe = condition.severity.is_none_or(|severity| severity.contains(facts.severity));
    let serves = |service: &str| condition.service.iter().any(|pattern| matches(pattern, service));
    in_hours && severe && (condition.service.is_empty() || facts.service.is_some_and(serves))
}

fn nobody(ask: &Ask) -> String {
    let names: Vec<String> = ask.page.iter().map(ToString::to_string).collect();
    format!("nobody is on call ({})", names.join(", "))
}

pub(super) fn edge_told(hours: &incident::Hours, edge: Edge) -> String {
    match edge {
        Edge::Open => format!("until {hours} begins"),
        Edge::Close => format!("until {hours} ends"),
    }
}

fn length(seconds: u64) -> TimeDelta {
    i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds).unwrap_or(TimeDelta::MAX)
}
