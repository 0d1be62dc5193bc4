//! Silences in a night: made and ended at random, tried again until they are written, and what must hold of them in the end:
//! whatever fires longer than its silences has an incident afterwards.

use crate::sim::check::Record;
use crate::sim::script::Act;
use crate::sim::world::{State, World};
use catops::app::App;
use catops::clock;
use catops::flow::act::Doer;
use catops::flow::change::ChangeError;
use catops::flow::silences::{self, NotDone};
use chrono::TimeDelta;
use incident::{AlarmState, Event, SilenceId, SilenceWish};

/// What somebody wants of the silences.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Quiet {
    /// One of this key, for so many seconds.
    Make { key: i64, seconds: i64 },
    /// The end of one.
    End { nth: u64 },
}

/// Plans the silences of a night. The dice are their own: the nights of earlier seeds stay as they were.
pub(crate) fn write(state: &mut State, seconds: i64) {
    if !state.quiet.often(400) {
        return;
    }
    for nth in 1..=state.quiet.below(4) {
        let at = state.now + TimeDelta::milliseconds(state.quiet.between(0, seconds * 900));
        let make = Quiet::Make { key: state.quiet.between(0, 2), seconds: state.quiet.between(5, 240) };
        state.plan(at, Act::Quiet { wish: make, tries: 0, number: nth });
        if state.quiet.often(400) {
            let later = at + TimeDelta::milliseconds(state.quiet.between(500, 120_000));
            state.plan(later, Act::Quiet { wish: Quiet::End { nth }, tries: 0, number: 100 + nth });
        }
    }
}

/// Carries out a wish; the same one again when the log did not take it.
pub(crate) async fn perform(app: &App, world: &World, wish: Quiet, tries: u32, number: u64) {
    let doer = Doer { who: "ana".into(), cause: format!("quiet-{number}") };
    let now = clock::now();
    let done = match wish {
        Quiet::Make { key, seconds } => {
            let matcher = format!("key=generic:k{key}").parse().expect("a matcher");
            let wish = SilenceWish {
                matchers: vec![matcher],
                by: "ana".into(),
                because: "a simulated test".to_owned(),
                starts_at: now,
                ends_at: now + TimeDelta::seconds(seconds),
            };
            silences::make(app, &doer, wish).await.map(|made| made.silence.id)
        }
        Quiet::End { nth } => silences::end(app, &doer, SilenceId(nth)).await.map(|silence| silence.id),
    };
    let mut state = world.get();
    let said = match done {
        Ok(id) => format!("{id}"),
        Err(NotDone::Change(ChangeError::Duplicate)) => "done already".to_owned(),
        Err(NotDone::Change(error)) if tries < 3 => {
            let at = clock::now() + TimeDelta::seconds(3);
            state.plan(at, Act::Quiet { wish, tries: tries + 1, number });
            format!("failed: {error}")
        }
        Err(error) => format!("refused: {error}"),
    };
    state.say(clock::now(), "ana", &format!("{wish:?} -> {said}"));
}

/// No key is held back any more, and the newest word of each that was held back and fires has an incident.
pub(crate) fn check(state: &mut State, record: &Record) {
    for (stream, events) in &record.streams {
        let Some(key) = stream.strip_prefix("alarm/") else { continue };
        let silenced: Vec<&log::Event> = events.iter().filter(|event| event.kind == "silenced").collect();
        let Some(last) = silenced.last() else { continue };
        let told = state.deliveries.iter().filter(|delivery| {
            delivery.alarm.key.as_str() == key && delivery.answered && delivery.alarm.state != AlarmState::Info
        });
        // Of two that happened at once the one that clears counts; here nothing does.
        let newest = told.max_by_key(|delivery| delivery.alarm.occurred_at).map(|delivery| delivery.alarm.clone());
        let Some(newest) = newest.filter(|alarm| alarm.state == AlarmState::Firing) else { continue };
        let was_silenced = silenced.iter().any(|event| event.cause == newest.delivery.as_str());
        let began = record.lives.values().filter_map(|life| life.first()).any(|(first, _)| {
            let of_key = matches!(&first.event, Event::Opened { alarm } if alarm.key.as_str() == key);
            of_key && first.at >= last.at
        });
        if was_silenced && !began {
            state.violated(format!("{key} fires since {}, was held back, and nobody hears of it", newest.occurred_at));
        }
    }
}

/// No key is listed under a silence: all of them are over.
pub(crate) async fn none_is_held(world: &World, truth: &log::MemoryLog) -> Result<(), log::ReadError> {
    use log::EventLog;
    for number in 1..=4 {
        let listing = catops::flow::names::silenced(SilenceId(number));
        let held = truth.list(&listing, None, 100).await?;
        for listed in held.streams {
            world.get().violated(format!("{} is still held back by S-{number}", listed.id));
        }
    }
    Ok(())
}
