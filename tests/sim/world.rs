//! Everything outside the process: what survives its crashes, what happens when, and what was seen of it.
//!
//! All of it is one value behind one lock, used by one thread. The process forgets; the world does not.

use crate::sim::chat::Chat;
use crate::sim::dice::Dice;
use crate::sim::script::Act;
use catops::clock;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{Alarm, IncidentId};
use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How bad a night is, in thousandths of all calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Profile {
    /// Calls of the store that go wrong.
    pub(crate) store_faults: u64,
    /// Calls of Slack that go wrong.
    pub(crate) chat_faults: u64,
    /// Awaited calls at which the process dies.
    pub(crate) crashes: u64,
}

/// One alarm and what its sender knows of it.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) alarm: Alarm,
    /// CatOps said that it has it.
    pub(crate) answered: bool,
}

/// The world.
pub(crate) struct World {
    state: Mutex<State>,
    pub(crate) died: Notify,
}

/// What is in it.
pub(crate) struct State {
    pub(crate) dice: Dice,
    /// What people think of suggestions.
    pub(crate) opinions: Dice,
    /// Which silences people make.
    pub(crate) quiet: Dice,
    pub(crate) profile: Profile,
    /// How many incidents of two minutes have cards of their own.
    pub(crate) digest_after: usize,
    /// The faults are over: from here on everything must come to rest.
    pub(crate) calm: bool,
    pub(crate) crashes_left: u32,
    pub(crate) dead: bool,
    pub(crate) now: DateTime<Utc>,
    began: DateTime<Utc>,
    pub(crate) agenda: BTreeMap<(DateTime<Utc>, u64), Act>,
    /// Counts everything that is compared by what came first.
    pub(crate) tick: u64,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) chat: Chat,
    pub(crate) seen: Seen,
    pub(crate) transcript: Vec<String>,
    pub(crate) violations: BTreeSet<String>,
}

/// What the checker compares in the end.
#[derive(Default)]
pub(crate) struct Seen {
    /// When a version of an incident became durable.
    pub(crate) commits: BTreeMap<(u64, u64), u64>,
    /// When an effect was handed out, each time.
    pub(crate) hand_outs: BTreeMap<String, Vec<u64>>,
    /// Until when an effect is somebody's.
    pub(crate) leases: BTreeMap<String, DateTime<Utc>>,
    /// The timers and triages of an incident: ids of effects.
    pub(crate) timers: BTreeMap<u64, BTreeSet<String>>,
    /// What was foretold: of which incident, after which of its events, and what.
    pub(crate) foretold: Vec<(u64, u64, Vec<catops::flow::future::Foretold>)>,
    /// How many presses of one drawn button ran something.
    pub(crate) presses: BTreeMap<(u64, u64, String), u32>,
    /// What people were told is done, by the id of their wish: events by number.
    pub(crate) promised: BTreeMap<String, (IncidentId, Vec<u64>)>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let began = DateTime::UNIX_EPOCH + TimeDelta::days(20_514) + TimeDelta::hours(9);
        let profile = Profile {
            store_faults: dice.pick(&[0, 5, 30, 120]),
            chat_faults: dice.pick(&[0, 50, 200, 500]),
            crashes: dice.pick(&[0, 2, 10, 30]),
        };
        let state = State {
            crashes_left: u32::try_from(dice.below(7)).unwrap_or(0),
            dice,
            opinions: Dice::new(!seed),
            quiet: Dice::new(seed.rotate_left(32) ^ 0x51_1e_9c_e5),
            profile,
            // A night with three incidents is a storm as often as not.
            digest_after: 1,
            calm: false,
            dead: false,
            now: began,
            began,
            agenda: BTreeMap::new(),
            tick: 0,
            deliveries: Vec::new(),
            chat: Chat::default(),
            seen: Seen::default(),
            transcript: Vec::new(),
            violations: BTreeSet::new(),
        };
        let world = Self { state: Mutex::new(state), died: Notify::new() };
        world.get().say(began, "night", &format!("{profile:?}"));
        world
    }

    pub(crate) fn get(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One in which nothing goes wrong but what its script says, and every incident has a card.
    pub(crate) fn quiet() -> Self {
        let world = Self::new(0);
        {
            let mut state = world.get();
            state.profile = Profile { store_faults: 0, chat_faults: 0, crashes: 0 };
            (state.crashes_left, state.digest_after) = (0, 0);
        }
        world
    }

    /// A line of the transcript, now.
    pub(crate) fn say(&self, who: &str, what: &str) {
        self.get().say(clock::now(), who, what);
    }

    /// A place where the process may die; it then stands still here until it is swept away.
    pub(crate) async fn may_die(&self, place: &str) {
        let dies = {
            let mut state = self.get();
            let profile = state.profile;
            let dies = state.dead || (!state.calm && state.crashes_left > 0 && state.dice.often(profile.crashes));
            if dies && !state.dead {
                state.dead = true;
                state.crashes_left -= 1;
                state.say(clock::now(), "process", &format!("dies at {place}"));
            }
            dies
        };
        if dies {
            self.died.notify_one();
            pending::<()>().await;
        }
    }

    /// Mostly nothing, sometimes a few milliseconds.
    pub(crate) async fn takes_time(&self, most_milliseconds: i64) {
        let wait = {
            let mut state = self.get();
            if state.dice.often(300) { state.dice.between(1, most_milliseconds) } else { 0 }
        };
        if wait > 0 {
            clock::sleep(Duration::from_millis(u64::try_from(wait).unwrap_or(0))).await;
        }
    }
}

impl State {
    pub(crate) fn say(&mut self, at: DateTime<Utc>, who: &str, what: &str) {
        let since = (at - self.began).num_milliseconds();
        self.transcript.push(format!("{:>5}.{:03} {who}: {what}", since / 1000, since % 1000));
    }

    /// Something that must not be.
    pub(crate) fn violated(&mut self, what: String) {
        let line = format!("          checker: {what}");
        if self.violations.insert(what) {
            self.transcript.push(line);
        }
    }

    pub(crate) fn next_tick(&mut self) -> u64 {
        self.tick += 1;
        self.tick
    }

    /// Something will happen.
    pub(crate) fn plan(&mut self, at: DateTime<Utc>, act: Act) {
        let order = self.next_tick();
        self.agenda.insert((at, order), act);
    }

    /// A fault of this kind is due; never in the calm.
    pub(crate) fn fault(&mut self, per_mille: u64) -> bool {
        !self.calm && self.dice.often(per_mille)
    }
}
