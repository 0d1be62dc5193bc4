//! One process life after the other, each in a runtime of its own whose clock jumps to the next timer. A death drops the
//! runtime with all that was under way; the log and Slack stay.
//!
//! The process is the real one: `catops::flow` over [`catops::app::App`], started as `catops::start` does it. Only the
//! store, Slack's wire and the clock are ours.

use crate::sim::chat::SimulatedWire;
use crate::sim::script::{Act, Look, Press, Wish};
use crate::sim::silences;
use crate::sim::store::FaultyLog;
use crate::sim::world::World;
use catops::app::{App, Parts};
use catops::clock;
use catops::config::file::{Config, SlackConfig};
use catops::config::{Files, Setup};
use catops::flow::act::{self, Doer};
use catops::flow::change::{ChangeError, Changed};
use catops::flow::{change, future, outbox, receive, triage};
use catops::slack_side::SlackSide;
use chrono::{DateTime, TimeDelta, Utc};
use incident::action::Catalogue;
use incident::{ActionId, Fix, IncidentId, Mark, ResponderId};
use log::{EventLog, Holder, MemoryLog};
use rota::Rota;
use slack::client::Client;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long everything may take to come to rest once the troubles are over: some rounds of the longest backoff (360 s)
/// and all levels of the policy.
const REST_MAX: TimeDelta = TimeDelta::minutes(60);

/// The channel of the cards.
pub(crate) const CHANNEL: &str = "C0OPS";

const TEAM: &str = r##"
[people.ana]
name = "Ana Ruiz"
slack = "U0ANA"
[people.ben]
name = "Ben Okafor"
slack = "U0BEN"
[people.cleo]
name = "Cleo Park"
slack = "U0CLEO"
[schedules.team]
zone = "Europe/Madrid"
[[schedules.team.layers]]
name = "weekly"
rotation = ["ana", "ben"]
handoff = "2026-01-05 09:00"
every = "1 week"
[schedules.days]
zone = "Europe/Madrid"
[[schedules.days.layers]]
name = "days"
rotation = ["ben"]
handoff = "2026-01-05 09:00"
every = "1 week"
window = "Sun 03:00-04:00"
[escalation.default]
catch_all = ["ana", "ben"]
acknowledge_timeout = "off"
[[escalation.default.levels]]
page = ["schedule:team"]
wait = "1m"
[escalation.shop]
services = ["shop"]
[[escalation.shop.levels]]
page = ["ben"]
wait = "40s"
[[escalation.shop.levels]]
page = ["ana", "cleo"]
wait = "1m"
[escalation.lab]
services = ["lab"]
catch_all = ["cleo"]
acknowledge_timeout = "2m"
zone = "Europe/Madrid"
[[escalation.lab.steps]]
page = ["schedule:days"]
wait = "30m"
[[escalation.lab.steps]]
wait = "10m"
[[escalation.lab.steps]]
if = { hours = "09:00-21:00", severity = "at least error" }
then = [
  { wait = "until 10:01-21:00" },
  { page = ["ana", "ben"], ack_mode = "all", wait = "30s" },
]
else = [{ page = ["ben"], wait = "30s" }]
[[escalation.lab.steps]]
name = "again"
notify = "#lab"
wait = "30s"
[[escalation.lab.steps]]
page = ["ana", "ben", "cleo"]
rotate_after = 1
wait = "20s"
[[escalation.lab.steps]]
repeat = 1
from = "again"
"##;

const TIDY: &str = r#"
title = "Tidy up"
description = "Says so."
read_only = false
timeout = "5s"
watch = "30s"
allow = "any-responder"
[runner]
kind = "dry-run"
"#;

/// No host is allowed, so this one always fails before anything is sent.
const CALL: &str = r#"
title = "Call it"
description = "Calls a host that is not allowed."
read_only = false
timeout = "5s"
watch = "30s"
allow = "any-responder"
[runner]
kind = "http"
method = "POST"
url = "https://ops.example.com/restart"
"#;

/// What every life is built from; read once.
struct Kit {
    rota: Rota,
    catalogue: Catalogue,
    http: reqwest::Client,
}

fn kit() -> &'static Kit {
    static KIT: OnceLock<Kit> = OnceLock::new();
    KIT.get_or_init(|| {
        let rota = Rota::parse(&[("rota/team.toml", TEAM)]).expect("the simulator's own rota is whole");
        let looks = TIDY.replace("read_only = false", "read_only = true").replace("Tidy up", "Look");
        let files = [("actions/tidy.toml", TIDY), ("actions/look.toml", &looks), ("actions/call.toml", CALL)];
        let (catalogue, problems) = Catalogue::parse(&files);
        assert!(problems.is_empty(), "the simulator's own actions are whole: {problems:?}");
        Kit { rota, catalogue, http: reqwest::Client::new() }
    })
}

fn setup(digest_after: usize) -> Setup {
    let slack = SlackConfig { channel: CHANNEL.to_owned(), digest_after, ..SlackConfig::default() };
    let config = Config { slack, reopen_window: TimeDelta::minutes(2), ..Config::default() };
    Setup {
        config,
        rota: kit().rota.clone(),
        rota_files: Vec::new(),
        calendars: catops::config::calendars::Calendars::default(),
        catalogue: kit().catalogue.clone(),
        folder: PathBuf::new(),
        files: Files::default(),
    }
}

/// How a life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Died,
    /// Everything is at rest.
    Rested,
}

/// Lives until everything has come to rest.
pub(crate) fn all(world: &Arc<World>, truth: &Arc<MemoryLog>, troubles_end: DateTime<Utc>) {
    loop {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without input and output needs nothing from the machine");
        let ended = runtime.block_on(one(world, truth, troubles_end));
        drop(runtime);
        clock::simulated::end();
        if ended == Ended::Rested {
            return;
        }
        let mut state = world.get();
        state.dead = false;
        let gone = state.dice.between(200, 20_000);
        state.now += TimeDelta::milliseconds(gone);
    }
}

async fn one(world: &Arc<World>, truth: &Arc<MemoryLog>, troubles_end: DateTime<Utc>) -> Ended {
    clock::simulated::begin(world.get().now);
    let log: Arc<dyn EventLog> = Arc::new(FaultyLog { truth: Arc::clone(truth), world: Arc::clone(world) });
    if log.release_safe("serve/").await.is_err() {
        world.get().violated("what the last process left cannot be taken over".to_owned());
    }
    let setup = setup(world.get().digest_after);
    let client = Client::through(Arc::new(SimulatedWire(Arc::clone(world))), kit().http.clone());
    let (app, offered) = App::new(Parts {
        log,
        data: None,
        slack: Some(SlackSide::simulated(client, &setup)),
        setup,
        library: index::Library::new(),
        http: kit().http.clone(),
        public_url: "http://catops.test".to_owned(),
        holder: Holder::new(format!("serve/{}", clock::now().timestamp_millis())),
        performs: true,
    });
    world.say("process", "starts");
    tokio::spawn(outbox::run(Arc::clone(&app), offered));
    loop {
        let next = world.get().agenda.keys().next().map(|(at, _)| *at);
        let look_again = clock::now() + TimeDelta::seconds(5);
        tokio::select! {
            biased;
            () = world.died.notified() => {
                let mut state = world.get();
                if state.dead {
                    state.now = clock::now();
                    return Ended::Died;
                }
            }
            () = clock::sleep_until(next.unwrap_or(look_again).min(look_again), Duration::from_secs(5)) => {}
        }
        while let Some(act) = due(world, troubles_end) {
            perform(&app, world, truth, act).await;
        }
        if is_at_rest(world, truth, troubles_end).await {
            return Ended::Rested;
        }
    }
}

/// The next act whose time has come; the troubles end on the way.
fn due(world: &World, troubles_end: DateTime<Utc>) -> Option<Act> {
    let now = clock::now();
    let mut state = world.get();
    state.now = now;
    if !state.calm && now >= troubles_end {
        state.calm = true;
        state.chat.down = false;
        state.say(now, "night", "the troubles are over");
    }
    let entry = state.agenda.first_entry()?;
    if entry.key().0 > now { None } else { Some(entry.remove()) }
}

async fn is_at_rest(world: &World, truth: &MemoryLog, troubles_end: DateTime<Utc>) -> bool {
    let now = clock::now();
    let next_due = truth.next_due().await.ok().flatten();
    let mut state = world.get();
    if !state.calm || state.dead {
        return false;
    }
    if state.agenda.is_empty() && next_due.is_none() && state.deliveries.iter().all(|delivery| delivery.answered) {
        state.chat.arrive(now + TimeDelta::seconds(10));
        return true;
    }
    if now > troubles_end + REST_MAX {
        state.violated(format!("it does not come to rest; next due {next_due:?}"));
        return true;
    }
    false
}

async fn perform(app: &Arc<App>, world: &Arc<World>, truth: &MemoryLog, act: Act) {
    match act {
        Act::Deliver { index, anyway } => deliver(app, world, index, anyway),
        Act::Look(look) => {
            let stream = truth.load(&catops::flow::names::incident(IncidentId(look.incident))).await;
            let Some(seen) = stream.ok().flatten() else { return };
            let mut state = world.get();
            let at = clock::now() + TimeDelta::milliseconds(look.thinks);
            let cause = format!("press-{}", state.next_tick());
            let press = Press { look, cause, seen_seq: seen.version, tries: 0 };
            if look.twice {
                let later = at + TimeDelta::milliseconds(state.dice.between(0, 1500));
                let cause = format!("press-{}", state.next_tick());
                state.plan(later, Act::Press(Press { cause, ..press.clone() }));
            }
            state.plan(at, Act::Press(press));
        }
        Act::Press(press) => {
            let (app, world) = (Arc::clone(app), Arc::clone(world));
            tokio::spawn(async move { pressed(&app, &world, press).await });
        }
        Act::Quiet { wish, tries, number } => {
            let (app, world) = (Arc::clone(app), Arc::clone(world));
            tokio::spawn(async move { silences::perform(&app, &world, wish, tries, number).await });
        }
        Act::Dies => {
            let mut state = world.get();
            state.dead = true;
            state.say(clock::now(), "process", "dies");
            drop(state);
            world.died.notify_one();
        }
        Act::Foretell => {
            let (app, world) = (Arc::clone(app), Arc::clone(world));
            tokio::spawn(async move { foretell(&app, &world).await });
        }
        Act::SlackDown => {
            world.get().chat.down = true;
            world.say("slack", "is down");
        }
        Act::SlackUp => {
            world.get().chat.down = false;
            world.say("slack", "is up");
        }
        Act::ClockJumps(by) => {
            clock::simulated::begin(clock::now() + by);
            world.say("machine", &format!("the clock was set by {} s", by.num_seconds()));
        }
        Act::Storm => {
            world.say("sources", "storm");
            app.outbox.received(clock::now(), 120);
        }
    }
}

/// Writes down what is foretold of every incident; what happens is compared with it in the end.
async fn foretell(app: &Arc<App>, world: &Arc<World>) {
    for id in 1..=3 {
        let (Ok(incident), Ok(operations)) =
            (change::load(app, IncidentId(id)).await, triage::operations(&*app.log).await)
        else {
            continue;
        };
        let ahead = future::foretell(&app.setup(), &incident, &operations, clock::now(), &|who| who.to_string());
        world.say("foretold", &format!("INC-{id} at {}: {}", incident.seq, ahead.len()));
        world.get().seen.foretold.push((id, incident.seq, ahead));
    }
}

fn deliver(app: &Arc<App>, world: &Arc<World>, index: usize, anyway: bool) {
    let delivery = world.get().deliveries[index].clone();
    if delivery.answered && !anyway {
        return;
    }
    if !anyway {
        let mut state = world.get();
        let again = clock::now() + TimeDelta::milliseconds(state.dice.between(5000, 40_000));
        state.plan(again, Act::Deliver { index, anyway: false });
    }
    let (app, world) = (Arc::clone(app), Arc::clone(world));
    tokio::spawn(async move {
        let what = format!("{} {:?}", delivery.alarm.delivery, delivery.alarm.state);
        world.say("source", &what);
        let received = receive::receive_all(&app, vec![delivery.alarm], b"{}").await;
        let said = match received {
            Ok(outcomes) => {
                world.get().deliveries[index].answered = true;
                format!("{what} -> {outcomes:?}")
            }
            Err(error) => format!("{what} -> refused: {error}"),
        };
        world.say("source", &said);
    });
}

async fn pressed(app: &App, world: &World, press: Press) {
    let Look { who, incident, wish, .. } = press.look;
    world.say(who, &format!("{wish:?} on INC-{incident} ({}, saw {})", press.cause, press.seen_seq));
    let done = carry_out(app, &press).await;
    let mut state = world.get();
    let said = match &done {
        Ok(changed) => {
            let events = changed.events.iter().map(|recorded| recorded.seq).collect();
            state.seen.promised.insert(press.cause.clone(), (IncidentId(incident), events));
            let ran = changed.events.iter().any(|recorded| recorded.event.kind() == "action_requested");
            if ran {
                *state.seen.presses.entry((incident, press.seen_seq, format!("{wish:?}"))).or_default() += 1;
            }
            format!("{} events", changed.events.len())
        }
        Err(ChangeError::Duplicate) => "done already".to_owned(),
        Err(ChangeError::Refused(refused)) => format!("refused: {refused}"),
        Err(error) => {
            let at = clock::now() + TimeDelta::seconds(3);
            if press.tries < 3 {
                state.plan(at, Act::Press(Press { tries: press.tries + 1, ..press.clone() }));
            }
            format!("failed: {error}")
        }
    };
    state.say(clock::now(), who, &format!("{} -> {said}", press.cause));
}

async fn carry_out(app: &App, press: &Press) -> Result<Changed, ChangeError> {
    let id = IncidentId(press.look.incident);
    let doer = Doer { who: ResponderId::from(press.look.who), cause: press.cause.clone() };
    match press.look.wish {
        Wish::Acknowledge => act::acknowledge(app, &doer, id).await,
        Wish::Resolve => act::resolve(app, &doer, id, "done").await,
        Wish::Reopen => act::reopen(app, &doer, id).await,
        Wish::Note => act::note(app, &doer, id, "I looked").await,
        Wish::Assign(to) => act::assign(app, &doer, id, ResponderId::from(to)).await,
        Wish::Escalate => act::escalate(app, &doer, id).await,
        Wish::Decline => act::decline(app, &doer, id).await,
        Wish::Snooze(minutes) => act::snooze(app, &doer, id, TimeDelta::minutes(minutes)).await,
        Wish::Extend => act::extend(app, &doer, id, None).await,
        Wish::Run(action) => {
            let wish = act::Wish {
                action: ActionId::from(action),
                params: BTreeMap::new(),
                seen: act::Seen::Button(press.seen_seq),
            };
            act::run(app, &doer, id, wish).await
        }
        Wish::Stop => act::stop(app, &doer, id, None).await,
        Wish::Judge(right) => act::judge(app, &doer, id, right).await,
        Wish::Fix(action) => act::name_fix(app, &doer, id, Fix::Action(action.into())).await,
        Wish::Mark(action, first) => {
            let mark = if first { Mark::Pinned } else { Mark::Banned };
            act::mark(app, &doer, id, &action.into(), Some(mark), "it is so").await
        }
    }
}
