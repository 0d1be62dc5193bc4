//! Effects that lie together: those of one home, which is the stream that most often asks for them, in one item. So what an
//! append asks for, cancels and settles costs one write, however many effects it is, and one place in the index.
//!
//! A group begins with its stream. A stream that is older keeps its effects each in an item of its own, and so does what
//! somebody has to look at (it has a list of its own) and what comes when a group has become large. What once lies apart
//! stays apart. This file knows the shape, and calls nobody.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use super::item::{
    DUE, Item, Kept, Key, Strange, binary, bytes, frame, framed, instant, integer, number, optional, put, state_list,
    string, text,
};
use super::pack::{pack, unpack};
use crate::{Effect, EffectId, EffectState, Piece, StreamId, lines};

/// The home of an effect; none when it lies alone. It must follow from the id, for ever.
pub type Homes = fn(&EffectId) -> Option<StreamId>;

/// Packed bytes from which a group takes no more effects: each write is paid by the kilobyte.
const OPEN_BYTES_MAX: usize = 2 * 1024;

/// Leases that end within one such step stand at one place in the index. When somebody dies, the group is looked at so much
/// too early, at most: half of a lease of the outbox.
const LEASE_STEP: TimeDelta = TimeDelta::seconds(10);

/// Bytes of a group, unpacked: far more than [`OPEN_BYTES_MAX`] and one append's effects unpack to.
const UNPACKED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The effects of one home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) home: StreamId,
    /// How often its item was written: 0 is not yet.
    pub(super) writes: u64,
    pub(super) effects: BTreeMap<EffectId, Effect>,
    /// Effects that have left it, each for an item of its own.
    apart: BTreeSet<EffectId>,
    /// It takes no more effects.
    closed: bool,
}

impl Group {
    pub(super) fn new(home: StreamId) -> Self {
        Self { home, writes: 0, effects: BTreeMap::new(), apart: BTreeSet::new(), closed: false }
    }

    /// Whether an effect lies here, or would if it were asked for.
    pub(super) fn holds(&self, id: &EffectId) -> bool {
        self.effects.contains_key(id) || !self.closed && !self.apart.contains(id)
    }

    /// Whether somebody performs one of its effects, or died doing so.
    pub(super) fn is_leased(&self) -> bool {
        self.effects.values().any(|effect| effect.state == EffectState::Leased)
    }

    /// The first instant at which one of its effects can be handed out.
    pub(super) fn wake_at(&self) -> Option<DateTime<Utc>> {
        self.effects.values().filter_map(Effect::wake_at).min()
    }

    /// Where it stands in the index: never after the instant at which one of its effects can be handed out. Of a lease it is
    /// only a step, because most leases end long before they are over, and each move in the index is paid like two writes.
    fn look_at(&self) -> Option<DateTime<Utc>> {
        let place = |effect: &Effect| {
            let wake_at = effect.wake_at()?;
            let step = |at: DateTime<Utc>| at.duration_trunc(LEASE_STEP).unwrap_or(at);
            Some(if effect.state == EffectState::Leased { step(wake_at) } else { wake_at })
        };
        self.effects.values().filter_map(place).min()
    }

    /// Takes out what somebody has to look at: it has a list of its own.
    pub(super) fn leave(&mut self) -> Vec<Kept> {
        let listed = |effect: &Effect| state_list(effect.state).is_some();
        let leaving: Vec<Effect> = self.effects.values().filter(|effect| listed(effect)).cloned().collect();
        for effect in &leaving {
            self.effects.remove(&effect.wanted.id);
            self.apart.insert(effect.wanted.id.clone());
        }
        leaving.into_iter().map(|effect| Kept { effect, writes: 1 }).collect()
    }

    /// Takes in an effect of another log; gives back one that is to lie alone.
    pub(super) fn take(&mut self, effect: Effect) -> Option<Effect> {
        let id = effect.wanted.id.clone();
        if state_list(effect.state).is_some() {
            self.apart.insert(id);
            return Some(effect);
        }
        if !self.holds(&id) {
            return Some(effect);
        }
        self.effects.insert(id, effect);
        None
    }

    /// Its item; `waits` when this write leaves an effect to be performed that was not waiting before.
    pub(super) fn write(&mut self, waits: bool) -> Item {
        self.writes += 1;
        let mut lines = Vec::new();
        for effect in self.effects.values() {
            frame(&mut lines, &lines::line(&Piece::Effect(effect.clone())));
        }
        let packed = pack(&lines);
        self.closed |= packed.len() > OPEN_BYTES_MAX;
        let mut item = Key::group(&self.home).item();
        put(&mut item, "name", string(self.home.as_str()));
        put(&mut item, "writes", number(self.writes));
        put(&mut item, "effects", binary(&packed));
        if !self.apart.is_empty() {
            let mut apart = Vec::new();
            self.apart.iter().for_each(|id| frame(&mut apart, id.as_str().as_bytes()));
            put(&mut item, "apart", binary(&pack(&apart)));
        }
        if self.closed {
            put(&mut item, "closed", string("y"));
        }
        if waits {
            put(&mut item, "waits", string("y"));
        }
        if let Some(look_at) = self.look_at() {
            put(&mut item, "g", string(DUE));
            put(&mut item, "s", string(&instant(look_at)));
        }
        item
    }

    pub(super) fn read(item: &Item) -> Result<Self, Strange> {
        let mut group = Self::new(StreamId::new(text(item, "name")?));
        group.writes = integer(item, "writes")?;
        group.closed = optional(item, "closed").is_some();
        for line in texts(item, "effects")? {
            let Piece::Effect(effect) = lines::piece(&line).map_err(Strange::new)? else {
                return Err(Strange::new("something among effects that is none"));
            };
            group.effects.insert(effect.wanted.id.clone(), effect);
        }
        if item.contains_key("apart") {
            for name in texts(item, "apart")? {
                group.apart.insert(EffectId::new(String::from_utf8(name).map_err(Strange::new)?));
            }
        }
        Ok(group)
    }
}

fn texts(item: &Item, field: &str) -> Result<Vec<Vec<u8>>, Strange> {
    let unpacked = unpack(bytes(item, field)?, UNPACKED_BYTES_MAX)?;
    let (mut texts, mut rest) = (Vec::new(), unpacked.as_slice());
    while !rest.is_empty() {
        texts.push(framed(&mut rest)?.to_vec());
    }
    Ok(texts)
}

/// What one item of the outbox holds.
#[derive(Debug, Clone)]
pub(super) enum Held {
    /// One effect.
    Alone(Kept),
    /// Those of a home.
    Together(Group),
}

impl Held {
    pub(super) fn read(item: &Item) -> Result<Self, Strange> {
        if Key::of(item)?.is_group() {
            Group::read(item).map(Self::Together)
        } else {
            Kept::read(item).map(Self::Alone)
        }
    }

    pub(super) fn effects(&self) -> Vec<&Effect> {
        match self {
            Self::Alone(kept) => vec![&kept.effect],
            Self::Together(group) => group.effects.values().collect(),
        }
    }

    pub(super) fn into_effects(self) -> Vec<Effect> {
        match self {
            Self::Alone(kept) => vec![kept.effect],
            Self::Together(group) => group.effects.into_values().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Holder, Lease, NewEffect, Repeat};

    fn at(millisecond: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_795_900_000_000 + millisecond).unwrap()
    }

    /// A group whose one effect was leased then, for twenty seconds.
    fn leased(millisecond: i64) -> Group {
        let wanted = NewEffect {
            id: "inc/1/card".into(),
            due_at: at(0),
            kind: "task".to_owned(),
            body: Vec::new(),
            repeat: Repeat::Safe,
            slot: true,
        };
        let mut effect = Effect::new(wanted);
        let until = at(millisecond) + TimeDelta::seconds(20);
        effect.hand_out(&Lease { holder: Holder::new("one"), at: at(millisecond), until }).unwrap();
        let mut group = Group::new(StreamId::new("inc/1"));
        assert!(group.take(effect).is_none());
        group
    }

    #[test]
    fn a_lease_after_a_lease_moves_nothing_in_the_index() {
        let place = |mut group: Group| group.write(false).remove("s").unwrap();
        assert_eq!(place(leased(10)), place(leased(9_990)));
        assert_ne!(place(leased(9_990)), place(leased(10_010)));
    }

    #[test]
    fn it_is_never_looked_at_too_late() {
        for millisecond in [0, 1, 9_999, 10_000] {
            let group = leased(millisecond);
            let (look, wake) = (group.look_at().unwrap(), group.wake_at().unwrap());
            assert!(look <= wake && wake - look < LEASE_STEP, "{look} {wake}");
        }
    }
}
