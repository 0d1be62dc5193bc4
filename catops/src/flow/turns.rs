//! One append at a time for each alarm key. What arrives for the same key meanwhile waits for its turn, and repeats that
//! wait are written together: a sender that repeats faster than the disk syncs is slowed down to it, and loses nothing.
//!
//! It keeps what waits and knows whose turn it is. What a turn does is the caller's business (`receive`).

use incident::{Alarm, AlarmKey, AlarmState};
use log::Raw;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Repeats that are written together, at most: an append takes a hundred things, and each delivery is one.
pub const TOGETHER_MAX: usize = 64;

/// An alarm that waits, and where its sender waits for the answer.
pub struct Waiting<A> {
    /// The alarm.
    pub alarm: Alarm,
    /// What came with it.
    pub raw: Option<Raw>,
    /// Its sender; gone when they gave up.
    pub answer: oneshot::Sender<A>,
}

/// Whose turn it is after entering.
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is made")]
pub enum Entered<A> {
    /// The caller's, with what it brought. It must call [`Turns::take`] when it is done, until nothing is left.
    First(Alarm, Option<Raw>),
    /// Somebody else's, who will answer here.
    Behind(oneshot::Receiver<A>),
}

/// Who is busy, and who waits for them.
pub struct Turns<A>(Mutex<HashMap<AlarmKey, VecDeque<Waiting<A>>>>);

impl<A> Default for Turns<A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<A> Turns<A> {
    /// Takes the turn of an alarm's key, or queues behind who has it.
    pub fn enter(&self, alarm: Alarm, raw: Option<Raw>) -> Entered<A> {
        match self.busy().entry(alarm.key.clone()) {
            Entry::Vacant(free) => {
                free.insert(VecDeque::new());
                Entered::First(alarm, raw)
            }
            Entry::Occupied(mut queue) => {
                let (answer, answered) = oneshot::channel();
                queue.get_mut().push_back(Waiting { alarm, raw, answer });
                Entered::Behind(answered)
            }
        }
    }

    /// What is to be done next for this key: repeats that can be written together, or one alarm of another kind. Nothing
    /// means that the turn is over.
    pub fn take(&self, key: &AlarmKey) -> Vec<Waiting<A>> {
        let mut busy = self.busy();
        let Some(queue) = busy.get_mut(key) else { return Vec::new() };
        let firing = |waiting: &&Waiting<A>| waiting.alarm.state == AlarmState::Firing;
        let repeats = queue.iter().take(TOGETHER_MAX).take_while(firing).count();
        let next: Vec<Waiting<A>> = queue.drain(..repeats.max(1).min(queue.len())).collect();
        if next.is_empty() {
            busy.remove(key);
        }
        next
    }

    /// True when a turn that ends now leaves nobody behind; then it is over.
    pub fn ends(&self, key: &AlarmKey) -> bool {
        let mut busy = self.busy();
        let alone = busy.get(key).is_none_or(VecDeque::is_empty);
        if alone {
            busy.remove(key);
        }
        alone
    }

    /// Sends everybody away who waits for this key: their senders are told to deliver again.
    pub fn abandon(&self, key: &AlarmKey) {
        self.busy().remove(key);
    }

    fn busy(&self) -> MutexGuard<'_, HashMap<AlarmKey, VecDeque<Waiting<A>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Entered, TOGETHER_MAX, Turns};
    use incident::{Alarm, AlarmState, Severity};
    use std::collections::BTreeMap;

    fn alarm(key: &str, delivery: usize, state: AlarmState) -> Alarm {
        Alarm {
            source: "generic".to_owned(),
            delivery: format!("d-{delivery}").into(),
            key: key.into(),
            state,
            severity: Severity::Error,
            title: String::new(),
            summary: String::new(),
            resource: String::new(),
            service: None,
            labels: BTreeMap::new(),
            links: Vec::new(),
            occurred_at: chrono::DateTime::UNIX_EPOCH,
            drill: None,
        }
    }

    fn taken(turns: &Turns<()>, key: &str) -> Vec<String> {
        turns.take(&key.into()).iter().map(|waiting| waiting.alarm.delivery.to_string()).collect()
    }

    #[test]
    fn repeats_that_wait_are_taken_together_and_in_order() {
        let turns = Turns::<()>::default();
        let enter = |delivery, state| turns.enter(alarm("disk", delivery, state), None);
        assert!(matches!(enter(0, AlarmState::Firing), Entered::First(..)));
        let mut waiting = Vec::new();
        for (delivery, state) in (1..).zip([
            AlarmState::Firing,
            AlarmState::Firing,
            AlarmState::Cleared,
            AlarmState::Info,
            AlarmState::Firing,
        ]) {
            let Entered::Behind(answer) = enter(delivery, state) else { panic!("{delivery} was not queued") };
            waiting.push(answer);
        }
        assert!(matches!(turns.enter(alarm("cpu", 9, AlarmState::Firing), None), Entered::First(..)), "another key");
        assert!(!turns.ends(&"disk".into()), "five wait");
        assert_eq!(taken(&turns, "disk"), ["d-1", "d-2"]);
        assert_eq!(taken(&turns, "disk"), ["d-3"]);
        assert_eq!(taken(&turns, "disk"), ["d-4"]);
        assert_eq!(taken(&turns, "disk"), ["d-5"]);
        assert_eq!(taken(&turns, "disk"), [""; 0]);
        assert!(matches!(enter(6, AlarmState::Firing), Entered::First(..)), "the turn was over");
        assert!(turns.ends(&"disk".into()));
    }

    #[test]
    fn no_more_are_taken_than_one_append_holds() {
        let turns = Turns::<()>::default();
        let mut waiting = Vec::new();
        for delivery in 0..TOGETHER_MAX + 10 {
            waiting.push(turns.enter(alarm("disk", delivery, AlarmState::Firing), None));
        }
        assert_eq!(taken(&turns, "disk").len(), TOGETHER_MAX);
        assert_eq!(taken(&turns, "disk").len(), 9);
    }

    #[test]
    fn who_waits_for_an_abandoned_turn_is_told() {
        let turns = Turns::<()>::default();
        turns.enter(alarm("disk", 0, AlarmState::Firing), None);
        let Entered::Behind(mut answer) = turns.enter(alarm("disk", 1, AlarmState::Firing), None) else {
            panic!("it was not queued")
        };
        turns.abandon(&"disk".into());
        assert!(answer.try_recv().is_err());
        assert!(matches!(turns.enter(alarm("disk", 2, AlarmState::Firing), None), Entered::First(..)));
    }
}
