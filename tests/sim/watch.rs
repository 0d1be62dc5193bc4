//! What is checked at each commit, while the state that it must fit is still there: leases, and the timers of incidents.

use crate::sim::world::World;
use catops::clock;
use chrono::{DateTime, Utc};
use incident::{Incident, Status, Task};
use log::{Append, Effect, EffectState, EventLog, LeasedEffect, MemoryLog, Outcome, Receipt, Repeat};

/// What is remembered of an append until it is written.
pub(crate) struct Noted {
    kinds: Vec<(String, Vec<String>)>,
    snapshots: Vec<(u64, Vec<u8>)>,
    timers: Vec<(u64, String)>,
    settled: Option<String>,
    lease_until: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Noted {
    pub(crate) fn of(append: &Append) -> Self {
        let kinds = append
            .streams
            .iter()
            .map(|write| {
                let kinds = write.events.iter().map(|event| event.kind.clone()).collect();
                (write.stream.to_string(), kinds)
            })
            .collect();
        // What is only told leaves status and timers as they are.
        let only_told = [
            "paged",
            "page_failed",
            "page_held",
            "card_posted",
            "gathered",
            "noted",
            "repeated",
            "set_aside",
            "judged",
            "partly_acknowledged",
            "channel_reached",
        ];
        let moved = append
            .streams
            .iter()
            .filter(|write| write.events.iter().any(|event| !only_told.contains(&event.kind.as_str())));
        let snapshots = moved
            .filter_map(|write| Some((incident_of(write.stream.as_str())?, write.head.snapshot.clone())))
            .collect();
        let timers = append.effects.iter().filter_map(|effect| {
            let waits = ["ack/", "triage/", "watch/"].iter().any(|kind| effect.id.as_str().starts_with(kind));
            let task: Task = serde_json::from_slice(&effect.body).ok().filter(|_| waits)?;
            match task {
                Task::Triage { incident, .. }
                | Task::AckTimeout { incident, .. }
                | Task::Wake { incident, .. }
                | Task::EndWatch { incident, .. } => Some((incident.0, effect.id.to_string())),
                _ => None,
            }
        });
        Self {
            kinds,
            snapshots,
            timers: timers.collect(),
            settled: append.settles.as_ref().map(|(token, _)| token.effect().to_string()),
            lease_until: append.lease.as_ref().map(|lease| (lease.at, lease.until)),
        }
    }
}

impl Noted {
    /// An incident ends here.
    fn ends(&self) -> bool {
        self.kinds
            .iter()
            .any(|(_, kinds)| kinds.iter().any(|kind| kind == "cleared" || kind == "resolved" || kind == "drill_ended"))
    }
}

/// What an append is about, for a transcript.
pub(crate) fn summary(append: &Append) -> String {
    match &append.settles {
        Some((token, Outcome::Retry { error, .. })) => format!("the retry of {} ({error})", token.effect()),
        Some((token, _)) => format!("the end of {}", token.effect()),
        None => "an append".to_owned(),
    }
}

pub(crate) fn incident_of(stream: &str) -> Option<u64> {
    stream.strip_prefix("inc/")?.parse().ok()
}

/// Looks at what was just written.
pub(crate) async fn committed(world: &World, truth: &MemoryLog, noted: &Noted, receipt: &Receipt) {
    {
        let mut state = world.get();
        let tick = state.next_tick();
        for ((stream, version), (_, kinds)) in receipt.streams.iter().zip(&noted.kinds) {
            state.say(clock::now(), "log", &format!("{stream} at {version}: {}", kinds.join(", ")));
            if let Some(id) = incident_of(stream.as_str()) {
                for back in 0..kinds.len() as u64 {
                    state.seen.commits.insert((id, version - back), tick);
                }
            }
        }
        for (id, timer) in &noted.timers {
            state.seen.timers.entry(*id).or_default().insert(timer.clone());
        }
        if let Some(settled) = &noted.settled {
            state.seen.leases.remove(settled);
        }
    }
    if let Some((at, until)) = noted.lease_until {
        handed_out(world, &receipt.leased, at, until);
    }
    for (id, snapshot) in &noted.snapshots {
        if let Ok(incident) = serde_json::from_slice::<Incident>(snapshot) {
            look_at_timers(world, truth, *id, &incident, noted.ends()).await;
        }
    }
}

/// One holder at a time.
pub(crate) fn handed_out(world: &World, leased: &[LeasedEffect], now: DateTime<Utc>, until: DateTime<Utc>) {
    let mut state = world.get();
    for given in leased {
        let id = given.effect.id.to_string();
        if let Some(held) = state.seen.leases.insert(id.clone(), until)
            && held > now
        {
            state.violated(format!("P6: {id} was handed out while somebody held it"));
        }
        let tick = state.next_tick();
        state.seen.hand_outs.entry(id).or_default().push(tick);
    }
}

/// The leases of a dead process that may be taken over at once.
pub(crate) fn released(world: &World, held: &[Effect]) {
    let mut state = world.get();
    for effect in held.iter().filter(|effect| effect.wanted.repeat == Repeat::Safe) {
        state.seen.leases.remove(effect.wanted.id.as_str());
    }
}

/// An incident that is over waits for nothing; one that nobody has waits for something.
async fn look_at_timers(world: &World, truth: &MemoryLog, id: u64, incident: &Incident, ends: bool) {
    let timers: Vec<String> = world.get().seen.timers.get(&id).into_iter().flatten().cloned().collect();
    let (mut waiting, mut old, mut alive) = (Vec::new(), Vec::new(), 0);
    for timer in timers {
        let state = truth.effect(&timer.as_str().into()).await.ok().flatten().map(|effect| effect.state);
        let live = matches!(state, Some(EffectState::Pending | EffectState::Leased));
        alive += usize::from(live && !timer.starts_with("watch/"));
        // One that is being performed is decided on the state it finds, and ends.
        // A run that ends after its incident was closed is still watched, to judge it.
        let must_be_gone = timer.starts_with("ack/") || (timer.starts_with("watch/") && ends);
        if state == Some(EffectState::Pending) && timer.starts_with("ack/") {
            old.push(timer.clone());
        }
        if state == Some(EffectState::Pending) && must_be_gone {
            waiting.push(timer);
        }
    }
    if incident.status == Status::Resolved {
        let mut state = world.get();
        for timer in waiting {
            state.violated(format!("INC-{id} is resolved, and {timer} still waits"));
        }
    }
    let own = incident.timer.map(|timer| format!("ack/{id}/{}", timer.seq));
    for timer in old.into_iter().filter(|timer| own.as_ref() != Some(timer)) {
        world.get().violated(format!("INC-{id} has another timer by now, and {timer} still waits"));
    }
    let nobody_more = incident.exhausted || (incident.assigned_seq > 0 && incident.wait_seconds.is_none());
    if incident.status == Status::Open && !nobody_more && alive == 0 {
        world.get().violated(format!("INC-{id} is open at {}, and its escalation stands still", incident.seq));
    }
}
