//! Effects that lie together: those of one home, which is the stream that most often asks for them, in one item. So what an
//! append asks for, cancels and settles costs one write, however many effects it is, and one place in the index.
//!
//! A group begins with its stream. A stream that is older keeps its effects each in an item of its own, and so does what
//! somebody has to look at (it has a list of its own) and what comes when a group has become large. What once lies apart
//! stays apart. This file knows the shape, and calls nobody.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

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
        if let Some(wake_at) = self.wake_at() {
            put(&mut item, "g", string(DUE));
            put(&mut item, "s", string(&instant(wake_at)));
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
