//! Nights that are written by hand, each for one trouble: Slack is away for an hour, the clock is set by an hour.
//! Nothing else goes wrong in them; all checks of a seeded night hold, too.

use crate::sim::chat::Call;
use crate::sim::script::{Act, Look, Wish, alarm};
use crate::sim::world::{Delivery, State, World};
use crate::sim::{Night, lived};
use chrono::{DateTime, TimeDelta, Utc};
use incident::AlarmState;
use log::{Cursor, EventLog, MemoryLog};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long Slack is away.
const AWAY: TimeDelta = TimeDelta::minutes(60);
/// A call takes no longer: what is answered later was asked after the return.
const UNDERWAY: TimeDelta = TimeDelta::seconds(8);

/// What an hour without Slack came to.
pub struct Outage {
    pub night: Night,
    pub incidents: usize,
    /// Calls while Slack was away: all of them in vain.
    pub calls_in_vain: usize,
    /// The most of them in ten seconds, once the first minute was over.
    pub most_in_ten_seconds: usize,
    /// Of one incident in its channel after the return, at most.
    pub posts: usize,
    pub updates: usize,
    /// Calls that were refused after the return, and not begun before it.
    pub refused_after: usize,
    /// From the return to the last page.
    pub last_page: TimeDelta,
}

impl Outage {
    /// All of it but the night itself.
    pub fn figures(&self) -> String {
        let Self { incidents, calls_in_vain, most_in_ten_seconds, posts, updates, refused_after, last_page, .. } = self;
        format!(
            "{incidents} incidents; {calls_in_vain} calls in vain, at most {most_in_ten_seconds} in ten seconds; after the \
             return at most {posts} posts and {updates} edits of one, {refused_after} refused calls, the last page after {} s",
            last_page.num_seconds()
        )
    }
}

/// So many alarms of so many keys arrive while Slack is away.
pub fn slack_away_for_an_hour(alarms: i64, keys: i64) -> Outage {
    let (world, truth) = (Arc::new(World::quiet()), Arc::new(MemoryLog::new()));
    let back = {
        let mut state = world.get();
        let began = state.now;
        state.plan(began, Act::SlackDown);
        for number in 0..alarms {
            let at = began + TimeDelta::milliseconds(1000 + number * (AWAY.num_milliseconds() - 60_000) / alarms);
            deliver(&mut state, number % keys, number, at);
        }
        let back = began + AWAY;
        state.plan(back, Act::SlackUp);
        back
    };
    let night = lived(0, &world, &truth, back);
    let state = world.get();
    let (away, after): (Vec<&Call>, Vec<&Call>) = state.chat.calls.iter().partition(|call| call.at < back);
    let cards: BTreeMap<&str, usize> = counted(after.iter().filter(|call| call.of.starts_with("card/")));
    let roots: Vec<&str> =
        state.chat.posts.iter().filter(|post| post.key.starts_with("card/")).map(|post| post.ts.as_str()).collect();
    let updates = counted(after.iter().filter(|call| roots.contains(&call.of.as_str())));
    let pages = after.iter().filter(|call| call.of.starts_with("page/"));
    Outage {
        incidents: cards.len(),
        calls_in_vain: away.len(),
        most_in_ten_seconds: busiest(&away, back - AWAY + TimeDelta::minutes(1)),
        posts: cards.values().max().copied().unwrap_or(0),
        updates: updates.values().max().copied().unwrap_or(0),
        refused_after: after.iter().filter(|call| call.refused && call.at > back + UNDERWAY).count(),
        last_page: pages.map(|call| call.at - back).max().unwrap_or_default(),
        night,
    }
}

fn deliver(state: &mut State, key: i64, number: i64, at: DateTime<Utc>) {
    let index = state.deliveries.len();
    let alarm = alarm(key, number, AlarmState::Firing, at);
    state.deliveries.push(Delivery { alarm, answered: false });
    state.plan(at, Act::Deliver { index, anyway: false });
}

fn counted<'c>(calls: impl Iterator<Item = &'c &'c Call>) -> BTreeMap<&'c str, usize> {
    let mut counts = BTreeMap::new();
    calls.for_each(|call| *counts.entry(call.of.as_str()).or_default() += 1);
    counts
}

fn busiest(calls: &[&Call], from: DateTime<Utc>) -> usize {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.at >= from) {
        *counts.entry((call.at - from).num_seconds() / 10).or_default() += 1;
    }
    counts.into_values().max().unwrap_or(0)
}

/// What setting the clock came to.
#[derive(Debug)]
pub struct Jump {
    pub night: Night,
    /// How often each level of the incident that nobody took was asked.
    pub levels: BTreeMap<u64, usize>,
    /// Pages of the incident that was acknowledged before the clock was set.
    pub pages_of_acknowledged: usize,
    /// Messages of each effect, at most.
    pub most_of_one: usize,
}

/// Two incidents open, one of them is acknowledged, and then the clock is set.
pub fn clock_is_set_by(by: TimeDelta) -> Jump {
    let (world, truth) = (Arc::new(World::quiet()), Arc::new(MemoryLog::new()));
    let ends = {
        let mut state = world.get();
        let began = state.now;
        // Key 1 is of the service that has two levels, of 40 s and a minute.
        deliver(&mut state, 0, 0, began + TimeDelta::seconds(1));
        deliver(&mut state, 1, 1, began + TimeDelta::seconds(2));
        let look = Look { who: "ana", incident: 1, wish: Wish::Acknowledge, thinks: 0, twice: false };
        state.plan(began + TimeDelta::seconds(10), Act::Look(look));
        state.plan(began + TimeDelta::seconds(20), Act::ClockJumps(by));
        began + TimeDelta::seconds(30) + by.max(TimeDelta::zero())
    };
    let night = lived(0, &world, &truth, ends);
    let events = truth_events(&truth);
    let mut levels = BTreeMap::new();
    for event in events.iter().filter(|event| event.stream.as_str() == "inc/2" && event.kind == "assigned") {
        let body: serde_json::Value = serde_json::from_slice(&event.body).unwrap_or_default();
        *levels.entry(body["level"].as_u64().unwrap_or_default()).or_default() += 1;
    }
    let state = world.get();
    let pages = state.chat.posts.iter().filter(|post| post.key.starts_with("page/1/"));
    let mut of_one: BTreeMap<&str, usize> = BTreeMap::new();
    state.chat.posts.iter().for_each(|post| *of_one.entry(post.key.as_str()).or_default() += 1);
    Jump { levels, pages_of_acknowledged: pages.count(), most_of_one: of_one.into_values().max().unwrap_or(0), night }
}

fn truth_events(truth: &MemoryLog) -> Vec<log::Event> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime needs nothing from the machine");
    runtime.block_on(truth.feed(&Cursor::start(), usize::MAX)).map(|page| page.events).unwrap_or_default()
}

/// An alarm of this key comes, Ana perhaps wants something of it after ten seconds, and from then on nobody acts. The process
/// may die while the plan waits. What is foretold after fifteen seconds is compared with what happens, as in every night.
pub fn nobody_acts(key: i64, wish: Option<Wish>, dies: bool) -> (Night, Vec<&'static str>) {
    let (world, truth) = (Arc::new(World::quiet()), Arc::new(MemoryLog::new()));
    let ends = {
        let mut state = world.get();
        let began = state.now;
        deliver(&mut state, key, key, began + TimeDelta::seconds(1));
        if let Some(wish) = wish {
            let look = Look { who: "ana", incident: 1, wish, thinks: 0, twice: false };
            state.plan(began + TimeDelta::seconds(10), Act::Look(look));
        }
        state.plan(began + TimeDelta::seconds(15), Act::Foretell);
        if dies {
            state.plan(began + TimeDelta::seconds(18), Act::Dies);
        }
        began + TimeDelta::seconds(40)
    };
    let night = lived(0, &world, &truth, ends);
    let state = world.get();
    let foretold = state.seen.foretold.first().map(|(_, _, ahead)| ahead.iter().map(|next| next.kind).collect());
    (night, foretold.unwrap_or_default())
}
