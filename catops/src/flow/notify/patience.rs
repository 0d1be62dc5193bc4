//! Keeps receivers out of the way of pages and cards: few are told at once, one that does not answer is left alone for a
//! while, and of what was told together only what was refused is told again. Lives in memory; after a restart a receiver may
//! hear something twice.

use super::news::Untold;
use crate::flow::perform::{NotNow, pause};
use chrono::{DateTime, TimeDelta, Utc};
use log::EffectId;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Effects that are told at the same time, of the thirty-two that are performed: the others are for pages and cards.
const AT_ONCE: usize = 8;

/// When to try again what found no room.
const NO_ROOM: TimeDelta = TimeDelta::seconds(1);

/// Effects whose taken events are remembered; more than that have failed in part only when something is badly wrong.
const REMEMBERED_MAX: usize = 1000;

/// What is known of the receivers.
pub(super) struct Patience {
    room: Arc<Semaphore>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Receivers that did not answer, by their marks.
    silent: HashMap<String, Silent>,
    /// Events of effects that were taken only in part.
    taken: HashMap<EffectId, BTreeSet<u64>>,
}

struct Silent {
    times: u32,
    until: DateTime<Utc>,
}

impl Default for Patience {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(AT_ONCE)), known: Mutex::default() }
    }
}

impl Patience {
    /// Whether a receiver may be told now.
    ///
    /// # Errors
    /// When to ask again.
    pub(super) fn begin(&self, receiver: &str, now: DateTime<Utc>) -> Result<OwnedSemaphorePermit, NotNow> {
        if let Some(silent) = self.known().silent.get(receiver).filter(|silent| silent.until > now) {
            return Err(NotNow::Later { at: silent.until, why: "the receiver did not answer lately".to_owned() });
        }
        let room = Arc::clone(&self.room).try_acquire_owned();
        room.map_err(|_| NotNow::Later { at: now + NO_ROOM, why: "others are being told".to_owned() })
    }

    /// What an earlier attempt of this process got rid of.
    pub(super) fn taken(&self, effect: &EffectId) -> BTreeSet<u64> {
        self.known().taken.get(effect).cloned().unwrap_or_default()
    }

    /// How telling ended, event by event.
    pub(super) fn ended(
        &self,
        receiver: &str,
        effect: &EffectId,
        told: &BTreeMap<u64, Result<(), Untold>>,
        now: DateTime<Utc>,
    ) {
        let mut known = self.known();
        if told.values().any(|told| matches!(told, Err(Untold::Silent(_)))) {
            let silent = known.silent.entry(receiver.to_owned()).or_insert(Silent { times: 0, until: now });
            // What was under way together failed together, and counts once.
            if silent.until <= now {
                silent.times += 1;
                silent.until = now + pause(receiver, silent.times);
            }
        } else {
            known.silent.remove(receiver);
        }
        if told.values().all(Result::is_ok) {
            known.taken.remove(effect);
            return;
        }
        if known.taken.len() >= REMEMBERED_MAX {
            known.taken.clear();
        }
        let ok = told.iter().filter(|(_, told)| told.is_ok()).map(|(seq, _)| *seq);
        known.taken.entry(effect.clone()).or_default().extend(ok);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn silent() -> Result<(), Untold> {
        Err(Untold::Silent("no answer".to_owned()))
    }

    #[test]
    fn whoever_does_not_answer_is_left_alone_longer_and_longer() {
        let patience = Patience::default();
        let effect: EffectId = "tell/a/1/3".into();
        let fails = |now| patience.ended("a", &effect, &BTreeMap::from([(1, silent())]), at(now));
        fails(0);
        fails(0);
        assert!(patience.begin("a", at(0)).is_err(), "a second failure of the same moment counts once");
        assert!(patience.begin("b", at(0)).is_ok(), "others are told");
        assert!(patience.begin("a", at(2)).is_ok(), "after a second it is tried again");
        for now in [2, 10, 20, 60] {
            fails(now);
        }
        assert!(patience.begin("a", at(89)).is_err(), "after the fifth time it is half a minute");
        patience.ended("a", &effect, &BTreeMap::from([(1, Ok(()))]), at(100));
        assert!(patience.begin("a", at(100)).is_ok());
    }

    #[test]
    fn only_what_was_refused_is_told_again() {
        let patience = Patience::default();
        let effect: EffectId = "tell/a/1/3".into();
        let refused = Err(Untold::Refused("throttled".to_owned()));
        patience.ended("a", &effect, &BTreeMap::from([(1, Ok(())), (2, refused), (3, Ok(()))]), at(0));
        assert_eq!(patience.taken(&effect), BTreeSet::from([1, 3]));
        assert!(patience.begin("a", at(0)).is_ok(), "it answered");
        patience.ended("a", &effect, &BTreeMap::from([(2, Ok(()))]), at(1));
        assert!(patience.taken(&effect).is_empty());
    }

    #[test]
    fn there_is_room_for_pages() {
        let patience = Patience::default();
        let busy: Vec<_> = (0..AT_ONCE).map(|_| patience.begin("a", at(0)).unwrap()).collect();
        assert!(patience.begin("b", at(0)).is_err());
        drop(busy);
        assert!(patience.begin("b", at(0)).is_ok());
    }
}
