//! The night's script: what sources send and when, what people do, when Slack is down. All of it follows from the seed
//! before the night begins; only repeats and presses are planned on the way.

use crate::sim::dice::Dice;
use crate::sim::silences::{self, Quiet};
use crate::sim::world::{Delivery, State};
use chrono::{DateTime, TimeDelta, Utc};
use incident::{Alarm, AlarmState, Severity};
use std::collections::BTreeMap;

/// One thing that happens in the world.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// A source delivers; again and again until it is answered, and sometimes all the same.
    Deliver {
        index: usize,
        anyway: bool,
    },
    /// Somebody looks at an incident's card and wants something.
    Look(Look),
    /// Somebody presses, perhaps long after they looked.
    Press(Press),
    SlackDown,
    SlackUp,
    /// Somebody sets the clock of the machine.
    ClockJumps(TimeDelta),
    /// The process dies at once.
    Dies,
    /// What will happen to the incidents is foretold.
    Foretell,
    /// Somebody makes or ends a silence.
    Quiet {
        wish: Quiet,
        tries: u32,
        /// Names the wish.
        number: u64,
    },
    /// A hundred deliveries a second come in beside ours.
    Storm,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) who: &'static str,
    pub(crate) incident: u64,
    pub(crate) wish: Wish,
    /// From the look to the press, in milliseconds.
    pub(crate) thinks: i64,
    /// Presses twice.
    pub(crate) twice: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Acknowledge,
    Resolve,
    Reopen,
    Note,
    Assign(&'static str),
    Escalate,
    Decline,
    Snooze(i64),
    Extend,
    Run(&'static str),
    Stop,
    Judge(bool),
    Fix(&'static str),
    Mark(&'static str, bool),
}

#[derive(Debug, Clone)]
pub(crate) struct Press {
    pub(crate) look: Look,
    pub(crate) cause: String,
    /// The number on the card that was looked at.
    pub(crate) seen_seq: u64,
    /// How often it was pressed before without an answer.
    pub(crate) tries: u32,
}

pub(crate) const PEOPLE: [&str; 3] = ["ana", "ben", "cleo"];
pub(crate) const ACTIONS: [&str; 3] = ["tidy", "look", "call"];

/// Plans a night; says when its troubles end.
pub(crate) fn write(state: &mut State) -> DateTime<Utc> {
    let hour = state.dice.often(8);
    let seconds = if hour { 4200 } else { state.dice.between(40, 200) };
    let began = state.now;
    let ends = began + TimeDelta::seconds(seconds);
    for key in 0..state.dice.between(1, 3) {
        source(state, key, seconds.min(600));
    }
    for _ in 0..state.dice.between(0, 9) {
        let at = began + TimeDelta::milliseconds(state.dice.between(1000, seconds * 1000));
        let look = look(state);
        state.plan(at, Act::Look(look));
    }
    if hour {
        state.plan(began + TimeDelta::seconds(20), Act::SlackDown);
        state.plan(began + TimeDelta::seconds(3620), Act::SlackUp);
    } else if state.dice.often(150) {
        let down = state.dice.between(0, seconds / 2);
        let up = state.dice.between(down, seconds);
        state.plan(began + TimeDelta::seconds(down), Act::SlackDown);
        state.plan(began + TimeDelta::seconds(up), Act::SlackUp);
    }
    if !hour {
        silences::write(state, seconds);
    }
    // Nobody acts any more then, mostly.
    state.plan(ends + TimeDelta::seconds(95), Act::Foretell);
    if state.dice.often(50) {
        let at = state.dice.between(0, seconds);
        state.plan(began + TimeDelta::seconds(at), Act::Storm);
    }
    ends
}

/// A key that fires, clears and fires again, with deliveries late, out of order and more than once.
fn source(state: &mut State, key: i64, seconds: i64) {
    let mut occurred = state.now + TimeDelta::milliseconds(state.dice.between(0, 20_000));
    let mut firing = true;
    for number in 0..state.dice.between(1, 4) {
        let kind = if state.dice.often(50) {
            AlarmState::Info
        } else if firing {
            AlarmState::Firing
        } else {
            AlarmState::Cleared
        };
        let index = state.deliveries.len();
        let alarm = alarm(key, number, kind, occurred);
        state.deliveries.push(Delivery { alarm, answered: false });
        let delay = if state.dice.often(200) { state.dice.between(0, 240_000) } else { state.dice.between(0, 2000) };
        let arrives = occurred + TimeDelta::milliseconds(delay);
        state.plan(arrives, Act::Deliver { index, anyway: false });
        for _ in 0..state.dice.pick(&[0, 0, 0, 1, 3]) {
            let later = state.dice.between(0, 90_000);
            state.plan(arrives + TimeDelta::milliseconds(later), Act::Deliver { index, anyway: true });
        }
        if state.dice.often(700) {
            firing = !firing;
        }
        occurred += TimeDelta::milliseconds(state.dice.between(500, seconds * 400));
    }
}

pub(crate) fn alarm(key: i64, number: i64, state: AlarmState, occurred_at: DateTime<Utc>) -> Alarm {
    Alarm {
        source: "generic".to_owned(),
        delivery: format!("generic:k{key}-{number}").into(),
        key: format!("generic:k{key}").into(),
        state,
        severity: Severity::Error,
        title: format!("Trouble {key}"),
        summary: String::new(),
        resource: String::new(),
        service: ["shop", "lab"].get(usize::try_from(key - 1).unwrap_or(usize::MAX)).map(|&name| name.to_owned()),
        labels: BTreeMap::new(),
        links: Vec::new(),
        occurred_at,
        drill: None,
    }
}

/// Thrown with dice of their own: what came later to the script leaves the nights of earlier seeds as they were.
fn opinion(dice: &mut Dice) -> Wish {
    match dice.below(8) {
        4 => Wish::Snooze(dice.between(1, 4)),
        5 => Wish::Extend,
        6..=7 => Wish::Decline,
        0 => Wish::Fix(dice.pick(&ACTIONS)),
        1 => Wish::Mark(dice.pick(&ACTIONS), dice.often(500)),
        _ => Wish::Judge(dice.often(500)),
    }
}

fn look(state: &mut State) -> Look {
    let dice = &mut state.dice;
    let wish = match dice.below(20) {
        0..=3 => Wish::Acknowledge,
        4..=5 => Wish::Resolve,
        6 => Wish::Reopen,
        7..=8 => Wish::Note,
        9..=10 => Wish::Assign(dice.pick(&PEOPLE)),
        11 => Wish::Escalate,
        12..=17 => Wish::Run(dice.pick(&ACTIONS)),
        18 => dice.pick(&[Wish::Stop, Wish::Decline, Wish::Snooze(1), Wish::Extend]),
        _ => opinion(&mut state.opinions),
    };
    let thinks = if dice.often(300) { dice.between(0, 90_000) } else { dice.between(0, 3000) };
    let incident = u64::try_from(dice.between(1, 3)).unwrap_or(1);
    Look { who: dice.pick(&PEOPLE), incident, wish, thinks, twice: dice.often(400) }
}
