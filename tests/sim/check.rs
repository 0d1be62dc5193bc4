//! What must hold at the end of a night, read from the log that survived it and from what stands in Slack.

use crate::sim::life::CHANNEL;
use crate::sim::silences;
use crate::sim::watch::incident_of;
use crate::sim::world::{State, World};
use catops::flow::future::FORETOLD_MAX;
use incident::{Event, Gathering, Incident, IncidentId, Recorded, Status};
use log::{Cursor, EffectState, EventLog, MemoryLog, ReadError};
use std::collections::BTreeMap;

/// Everything that the log holds at the end.
pub(crate) struct Record {
    /// By stream, oldest first.
    pub(crate) streams: BTreeMap<String, Vec<log::Event>>,
    /// Incidents, event by event: the state after each.
    pub(crate) lives: BTreeMap<u64, Vec<(Recorded, Incident)>>,
}

/// Checks a night.
pub(crate) async fn night(world: &World, truth: &MemoryLog) {
    let checked = async {
        let record = read(truth).await?;
        told(&mut world.get(), &record);
        snapshots(world, truth, &record).await?;
        silences::none_is_held(world, truth).await?;
        last_pages(world, truth, &record).await
    };
    if let Err(error) = checked.await {
        world.get().violated(format!("the log cannot be read: {error}"));
    }
}

fn told(state: &mut State, record: &Record) {
    versions(state, record);
    outcomes(state, record);
    promises(state, record);
    runs(state, record);
    posts(state, record);
    pages(state, record);
    foretold(state, record);
    silences::check(state, record);
}

/// The kinds of events that are foretold.
const FORETOLD: [&str; 7] = [
    "assigned",
    "step_skipped",
    "channel_asked",
    "escalation_paused",
    "escalation_exhausted",
    "acknowledgement_expired",
    "woke",
];

/// How far what happens may be from what was foretold, in seconds: an attempt, and a retry of it.
const FORETOLD_SECONDS: i64 = 10;

/// What was foretold is what then happened, where nobody acted and no alarm came.
fn foretold(state: &mut State, record: &Record) {
    for (id, seq, ahead) in state.seen.foretold.clone() {
        let since: Vec<&Recorded> =
            record.lives[&id].iter().map(|(recorded, _)| recorded).filter(|recorded| recorded.seq > seq).collect();
        let acted = since.iter().any(|recorded| recorded.event.person().is_some() || recorded.event.is_alarm_outcome());
        if acted {
            continue;
        }
        let happened: Vec<&Recorded> =
            since.into_iter().filter(|recorded| FORETOLD.contains(&recorded.event.kind())).collect();
        let cut = ahead.len() == FORETOLD_MAX;
        if happened.len() < ahead.len() || (happened.len() > ahead.len() && !cut) {
            let (told, came): (Vec<_>, Vec<_>) =
                (ahead.iter().map(|next| next.kind).collect(), happened.iter().map(|next| next.event.kind()).collect());
            state.violated(format!("INC-{id} after {seq}: {told:?} was foretold, and {came:?} happened"));
        }
        for (next, came) in ahead.iter().zip(&happened) {
            let to = if let Event::Assigned { to, .. } = &came.event { to.clone() } else { Vec::new() };
            let near = (came.at - next.at).num_seconds().abs() <= FORETOLD_SECONDS;
            if next.kind != came.event.kind() || next.to != to || !near {
                let (kind, at) = (came.event.kind(), came.at);
                state.violated(format!(
                    "INC-{id} after {seq}: {next:?} was foretold, and {kind} to {to:?} came at {at}"
                ));
            }
        }
    }
}

async fn read(truth: &MemoryLog) -> Result<Record, ReadError> {
    let page = truth.feed(&Cursor::start(), usize::MAX).await?;
    let mut streams: BTreeMap<String, Vec<log::Event>> = BTreeMap::new();
    for event in page.events {
        streams.entry(event.stream.to_string()).or_default().push(event);
    }
    let mut lives = BTreeMap::new();
    for (stream, events) in &streams {
        if let Some(id) = incident_of(stream) {
            lives.insert(id, life(id, events));
        }
    }
    Ok(Record { streams, lives })
}

fn life(id: u64, events: &[log::Event]) -> Vec<(Recorded, Incident)> {
    let mut life: Vec<(Recorded, Incident)> = Vec::new();
    for event in events {
        let Ok(body) = serde_json::from_slice::<Event>(&event.body) else { break };
        let recorded = Recorded { seq: event.version, at: event.at, event: body };
        let next = match life.last() {
            None => Incident::open(IncidentId(id), &recorded),
            Some((_, before)) => {
                let mut next = before.clone();
                next.apply(&recorded);
                Some(next)
            }
        };
        let Some(next) = next else { break };
        life.push((recorded, next));
    }
    life
}

/// P1, and nothing that cannot be folded.
fn versions(state: &mut State, record: &Record) {
    for (stream, events) in &record.streams {
        if !events.iter().map(|event| event.version).eq(1..=events.len() as u64) {
            state.violated(format!("P1: the versions of {stream} have gaps"));
        }
        if let Some(id) = incident_of(stream)
            && record.lives[&id].len() != events.len()
        {
            state.violated(format!("{stream} cannot be folded"));
        }
    }
}

/// P3: every delivery that was answered has exactly one outcome, and no delivery has two.
fn outcomes(state: &mut State, record: &Record) {
    let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
    for event in record.streams.values().flatten() {
        let Some(body) = serde_json::from_slice::<Event>(&event.body).ok().filter(Event::is_alarm_outcome) else {
            continue;
        };
        *outcomes.entry(event.cause.clone()).or_default() += 1;
        if let Event::Repeated { also, .. } = body {
            also.into_iter().for_each(|delivery| *outcomes.entry(delivery.to_string()).or_default() += 1);
        }
    }
    for delivery in state.deliveries.clone() {
        let id = delivery.alarm.delivery.to_string();
        match (delivery.answered, outcomes.get(&id).copied().unwrap_or(0)) {
            (true, 1) => {}
            (false, _) => state.violated(format!("{id} was never answered")),
            (true, count) => state.violated(format!("{id} was answered and has {count} outcomes")),
        }
    }
}

/// What a person was told is done stands in the log, once.
fn promises(state: &mut State, record: &Record) {
    for (cause, (id, promised)) in state.seen.promised.clone() {
        let of = record.streams.get(&format!("inc/{}", id.0)).into_iter().flatten();
        let written: Vec<u64> = of.filter(|event| event.cause == cause).map(|event| event.version).collect();
        if written != promised {
            state.violated(format!("{cause} was told that {promised:?} are its events, and {written:?} are"));
        }
    }
    for ((incident, seen, wish), ran) in state.seen.presses.clone() {
        if ran > 1 {
            state.violated(format!("one card of INC-{incident}, drawn at {seen}, did {wish} {ran} times"));
        }
    }
}

/// A run begins at most once, ends exactly once, and never beside another.
fn runs(state: &mut State, record: &Record) {
    for (id, life) in &record.lives {
        let mut counts: BTreeMap<(String, &str), u32> = BTreeMap::new();
        for (recorded, after) in life {
            if let Event::ActionStarted { run } | Event::ActionFinished { run, .. } = &recorded.event {
                *counts.entry((run.to_string(), recorded.event.kind())).or_default() += 1;
            }
            if after.runs.iter().filter(|run| run.is_running()).count() > 1 {
                state.violated(format!("INC-{id}: two runs at a time at {}", recorded.seq));
            }
        }
        for ((run, kind), count) in counts {
            if count > 1 {
                state.violated(format!("{run}: {count} times {kind}"));
            }
        }
        let running = life.last().and_then(|(_, end)| end.running()).map(|run| run.id.clone());
        if let Some(run) = running {
            state.violated(format!("{run} never ended"));
        }
    }
}

/// A message is there once. Twice only when nobody could be asked in between whether it was there.
fn posts(state: &mut State, record: &Record) {
    let mut by_key: BTreeMap<String, Vec<(String, u64)>> = BTreeMap::new();
    let mut posts = state.chat.posts.clone();
    posts.sort_by_key(|post| post.called);
    for post in posts {
        by_key.entry(post.key).or_default().push((post.channel, post.called));
    }
    for (key, posts) in &by_key {
        for pair in posts.windows(2) {
            let ((channel, first), (_, second)) = (&pair[0], &pair[1]);
            let excused = state.chat.unread.iter().any(|(of, tick)| of == channel && first < tick && tick < second);
            if !excused {
                state.violated(format!("{key} was posted twice, and its history could be read"));
            }
        }
    }
    for (id, life) in &record.lives {
        let stands =
            |key: &str| by_key.get(key).is_some_and(|posts| posts.iter().all(|(channel, _)| channel == CHANNEL));
        let Some((_, end)) = life.last() else { continue };
        if let Some(Gathering { channel, digest }) = &end.gathered
            && !stands(&format!("digest/{channel}/{digest}"))
        {
            state.violated(format!("INC-{id} is on a digest that was never posted"));
        }
        match (&end.gathered, end.has_own_card()) {
            (Some(_), false) => {}
            _ if stands(&format!("card/{id}")) => {}
            _ => state.violated(format!("INC-{id} has no card in its channel")),
        }
    }
}

/// Nobody is paged for what somebody had before the attempt began.
fn pages(state: &mut State, record: &Record) {
    for post in state.chat.posts.clone().iter().filter(|post| is_page(&post.key)) {
        let Some(id) = post.key.split('/').nth(1).and_then(|id| id.parse::<u64>().ok()) else { continue };
        let hand_outs = state.seen.hand_outs.get(&post.key);
        let began = hand_outs.into_iter().flatten().rfind(|tick| **tick < post.called).copied();
        let Some(began) = began else {
            state.violated(format!("{} was posted by nobody who held it", post.key));
            continue;
        };
        let mut open_before = false;
        let mut opened_since = false;
        for (recorded, after) in record.lives.get(&id).into_iter().flatten() {
            let committed = state.seen.commits.get(&(id, recorded.seq)).copied().unwrap_or(0);
            if committed <= began {
                open_before = after.status == Status::Open;
            } else if committed < post.called {
                opened_since |= after.status == Status::Open;
            }
        }
        if !open_before && !opened_since {
            state.violated(format!("{} went out when INC-{id} was no longer open", post.key));
        }
    }
}

/// Whether a message asks somebody to act.
fn is_page(key: &str) -> bool {
    key.starts_with("page/") || key.starts_with("ask-channel/")
}

/// Folding again gives the snapshot.
async fn snapshots(world: &World, truth: &MemoryLog, record: &Record) -> Result<(), ReadError> {
    for (id, life) in &record.lives {
        let Some(stream) = truth.load(&format!("inc/{id}").as_str().into()).await? else { continue };
        let kept = serde_json::from_slice::<Incident>(&stream.head.snapshot).ok();
        // What came close is not kept beside the stream.
        let folded = life.last().map(|(_, end)| Incident { runners_up: Vec::new(), ..end.clone() });
        if !stream.head.snapshot.is_empty() && kept != folded {
            world.get().violated(format!("INC-{id}: the snapshot is not what its events say"));
        }
    }
    Ok(())
}

/// Everybody who owns an incident that is still open has a page of it.
async fn last_pages(world: &World, truth: &MemoryLog, record: &Record) -> Result<(), ReadError> {
    let ends = record.lives.iter().filter_map(|(id, life)| Some((*id, &life.last()?.1)));
    for (id, end) in ends.filter(|(_, end)| end.status == Status::Open) {
        for owner in &end.owners {
            let key = format!("page/{id}/{}/{owner}", end.assigned_seq);
            let effect = truth.effect(&key.as_str().into()).await?;
            let mut state = world.get();
            let sent = state.chat.posts.iter().any(|post| post.key == key);
            match effect.map(|effect| effect.state) {
                Some(EffectState::Done) if sent => {}
                Some(EffectState::Pending | EffectState::Leased) => {}
                found => state.violated(format!("{key} was never sent: {found:?}, though INC-{id} is open")),
            }
        }
    }
    Ok(())
}
