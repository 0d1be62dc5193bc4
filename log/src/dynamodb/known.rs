//! What was read for one append or one decision, and the view of it that a decision is given.
//!
//! A decision cannot wait for the network. So it is asked with what is known; what it looks for in vain is read, and it is
//! asked again, until it finds everything. What it looked at is remembered: it must still be so when its answer is written.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::item::{Ended, Item, Kept, Key, Receipted, Strange, holder_of};
use crate::{
    Append, ClaimKey, Claimed, EffectId, EffectState, Event, Expected, IdemKey, ReadError, Stream, StreamId, View,
};

/// Effects that are remembered, at most; then all are forgotten, and read.
const REMEMBERED_MAX: usize = 1_000;

/// What was read. A thing that is listed without a value does not exist.
#[derive(Default)]
pub(super) struct Known {
    pub(super) receipts: HashMap<IdemKey, Option<Receipted>>,
    pub(super) claims: HashMap<ClaimKey, Option<StreamId>>,
    pub(super) heads: HashMap<StreamId, Option<Ended>>,
    pub(super) effects: HashMap<EffectId, Option<Kept>>,
    /// Effects that were not read but are as this process wrote them last. A write that this leads to has its condition;
    /// when it leads to none, they have to be read.
    pub(super) believed: BTreeSet<EffectId>,
    pub(super) events: HashMap<Events, Vec<Event>>,
    /// Numbers that were given to this decision, by series, in the order in which it asks for them.
    pub(super) numbers: HashMap<String, Vec<u64>>,
}

/// Some events of a stream: from which version, and how many at most.
pub(super) type Events = (StreamId, u64, usize);

/// One thing of the log, by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Thing {
    Receipt(IdemKey),
    Claim(ClaimKey),
    Head(StreamId),
    Effect(EffectId),
}

impl Thing {
    pub(super) fn key(&self) -> Key {
        match self {
            Self::Receipt(key) => Key::receipt(key),
            Self::Claim(key) => Key::claim(key),
            Self::Head(stream) => Key::head(stream),
            Self::Effect(id) => Key::effect(id),
        }
    }
}

/// What has to be read before a decision can go on.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) things: BTreeSet<Thing>,
    pub(super) events: BTreeSet<Events>,
    pub(super) numbers: Vec<String>,
}

impl Wanted {
    pub(super) fn is_empty(&self) -> bool {
        self.things.is_empty() && self.events.is_empty() && self.numbers.is_empty()
    }
}

impl Known {
    /// Forgets what others may have changed. Numbers stay: nobody else was given them.
    pub(super) fn forget(&mut self) {
        *self = Self { numbers: std::mem::take(&mut self.numbers), ..Self::default() };
    }

    /// Takes in a thing as it is in the table; none when it is not there.
    pub(super) fn learn(&mut self, thing: &Thing, item: Option<&Item>) -> Result<(), Strange> {
        match thing {
            Thing::Receipt(key) => {
                self.receipts.insert(key.clone(), item.map(Receipted::read).transpose()?);
            }
            Thing::Claim(key) => {
                self.claims.insert(key.clone(), item.map(holder_of).transpose()?);
            }
            Thing::Head(stream) => {
                self.heads.insert(stream.clone(), item.map(Ended::read).transpose()?);
            }
            Thing::Effect(id) => {
                self.believed.remove(id);
                self.effects.insert(id.clone(), item.map(Kept::read).transpose()?);
            }
        }
        Ok(())
    }

    /// Takes what this process wrote last of the effects that an append may change.
    pub(super) fn recall(&mut self, append: &Append, memory: &Memory) {
        for id in touched(append).filter(|id| !self.effects.contains_key(*id)).cloned().collect::<Vec<_>>() {
            let Some(kept) = memory.take(&id) else { continue };
            if !kept.effect.is_final() {
                self.believed.insert(id.clone());
            }
            self.effects.insert(id, Some(kept));
        }
    }

    /// Those of the effects that were believed are to be read.
    pub(super) fn doubt<'e>(&mut self, effects: impl IntoIterator<Item = &'e EffectId>) -> bool {
        let mut doubted = false;
        for id in effects {
            if self.believed.remove(id) {
                self.effects.remove(id);
                doubted = true;
            }
        }
        doubted
    }

    /// What must be known before an append can be written: the link of each stream that goes on, and effects that may be
    /// there already. Claims and keys are left to the conditions of the transaction.
    pub(super) fn lacks(&self, append: &Append) -> Wanted {
        let going_on = append.streams.iter().filter(|write| write.expected != Expected::NoStream);
        let streams = going_on.map(|write| &write.stream).filter(|stream| !self.heads.contains_key(stream));
        let effects = touched(append).filter(|id| !self.effects.contains_key(*id));
        let things = streams.cloned().map(Thing::Head).chain(effects.cloned().map(Thing::Effect));
        Wanted { things: things.collect(), ..Wanted::default() }
    }

    /// The keys of an append about which nothing is known yet.
    pub(super) fn keys_unknown(&self, append: &Append) -> Wanted {
        let unknown = append.keys.iter().filter(|key| !self.receipts.contains_key(key));
        Wanted { things: unknown.cloned().map(Thing::Receipt).collect(), ..Wanted::default() }
    }
}

/// The effects that an append changes if they are there.
fn touched(append: &Append) -> impl Iterator<Item = &EffectId> {
    let slots = append.effects.iter().filter(|effect| effect.slot).map(|effect| &effect.id);
    let settled = append.settles.iter().map(|(token, _)| token.effect());
    slots.chain(&append.cancel).chain(settled)
}

/// Effects as this process wrote them last, if it is likely to write them next: those it holds a lease of, which most often
/// nobody else writes meanwhile, and those that have ended for good. A condition that fails costs as much as the write.
#[derive(Default)]
pub(super) struct Memory(Mutex<HashMap<EffectId, Kept>>);

impl Memory {
    pub(super) fn keep(&self, kept: Kept) {
        if kept.effect.state != EffectState::Leased && !kept.effect.is_final() {
            return;
        }
        let mut memory = self.lock();
        if memory.len() >= REMEMBERED_MAX {
            memory.clear();
        }
        memory.insert(kept.effect.wanted.id.clone(), kept);
    }

    /// Takes it out: whoever writes it puts back what they have written.
    fn take(&self, id: &EffectId) -> Option<Kept> {
        self.lock().remove(id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EffectId, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a decision sees.
pub(super) struct Look<'k> {
    known: &'k Known,
    /// What it looked for in vain.
    pub(super) wanted: Wanted,
    /// What it looked at.
    pub(super) seen: BTreeSet<Thing>,
    numbers: HashMap<String, usize>,
}

impl<'k> Look<'k> {
    pub(super) fn new(known: &'k Known) -> Self {
        Self { known, wanted: Wanted::default(), seen: BTreeSet::new(), numbers: HashMap::new() }
    }

    fn find<'f, T>(&mut self, found: Option<&'f T>, thing: Thing) -> Result<&'f T, ReadError> {
        if found.is_none() {
            self.wanted.things.insert(thing.clone());
        }
        self.seen.insert(thing);
        found.ok_or_else(not_yet)
    }
}

/// Handed on by the decision, and thrown away: it is asked again.
fn not_yet() -> ReadError {
    ReadError(Arc::new(Strange::new("it is being read")))
}

impl View for Look<'_> {
    fn stream(&mut self, id: &StreamId) -> Result<Option<Stream>, ReadError> {
        let found = self.find(self.known.heads.get(id), Thing::Head(id.clone()))?;
        Ok(found.as_ref().map(Ended::stream))
    }

    fn claimed(&mut self, key: &ClaimKey) -> Result<Option<Claimed>, ReadError> {
        let Some(holder) = self.find(self.known.claims.get(key), Thing::Claim(key.clone()))? else { return Ok(None) };
        Ok(Some(Claimed { holder: holder.clone(), stream: self.stream(holder)? }))
    }

    fn events(&mut self, id: &StreamId, from_version: u64, max: usize) -> Result<Vec<Event>, ReadError> {
        // The head tells whether there are more by the time of writing.
        self.stream(id)?;
        let events = (id.clone(), from_version, max);
        match self.known.events.get(&events) {
            Some(found) => Ok(found.clone()),
            None => {
                self.wanted.events.insert(events);
                Err(not_yet())
            }
        }
    }

    fn answered(&mut self, key: &IdemKey) -> Result<bool, ReadError> {
        let found = self.find(self.known.receipts.get(key), Thing::Receipt(key.clone()))?;
        Ok(found.is_some())
    }

    fn number(&mut self, series: &str) -> Result<u64, ReadError> {
        let nth = self.numbers.entry(series.to_owned()).or_default();
        let given = self.known.numbers.get(series).and_then(|given| given.get(*nth)).copied();
        *nth += 1;
        if given.is_none() {
            self.wanted.numbers.push(series.to_owned());
        }
        given.ok_or_else(not_yet)
    }
}
