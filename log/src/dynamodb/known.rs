//! What was read for one append or one decision, and the view of it that a decision is given.
//!
//! A decision cannot wait for the network. So it is asked with what is known; what it looks for in vain is read, and it is
//! asked again, until it finds everything. What it looked at is remembered: it must still be so when its answer is written.

use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::group::{Group, Homes};
use super::item::{Ended, Item, Kept, Key, Receipted, Strange, holder_of};
use crate::{
    Append, ClaimKey, Claimed, Effect, EffectId, EffectState, Event, Expected, IdemKey, LeaseToken, ReadError, Receipt,
    Stream, StreamId, View,
};

/// Things of a kind that are remembered, at most; then all are forgotten, and read.
const REMEMBERED_MAX: usize = 1_000;

/// For so long nothing is believed after somebody else has written: there are several writers now.
const DISTRUST: TimeDelta = TimeDelta::minutes(10);

/// Bytes of a stream's state that is remembered, at most.
const REMEMBERED_BYTES_MAX: usize = 16 * 1024;

/// What was read. A thing that is listed without a value does not exist.
pub(super) struct Known {
    homes: Homes,
    pub(super) receipts: HashMap<IdemKey, Option<Receipted>>,
    pub(super) claims: HashMap<ClaimKey, Option<StreamId>>,
    pub(super) heads: HashMap<StreamId, Option<Ended>>,
    pub(super) effects: HashMap<EffectId, Option<Kept>>,
    /// Effects that were not read but are as this process wrote them last. A write that this leads to has its condition;
    /// when it leads to none, they have to be read.
    pub(super) believed: BTreeSet<EffectId>,
    /// The same of effects that lie together, by their home. One that was never written is begun by the next write.
    pub(super) groups: HashMap<StreamId, Option<Group>>,
    pub(super) believed_groups: BTreeSet<StreamId>,
    /// The same of streams and claims.
    believed_things: BTreeSet<Thing>,
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
    Group(StreamId),
}

impl Thing {
    pub(super) fn key(&self) -> Key {
        match self {
            Self::Receipt(key) => Key::receipt(key),
            Self::Claim(key) => Key::claim(key),
            Self::Head(stream) => Key::head(stream),
            Self::Effect(id) => Key::effect(id),
            Self::Group(home) => Key::group(home),
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

/// Where an effect lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lies {
    /// In an item of its own.
    Alone,
    /// With the others of its home.
    With(StreamId),
}

impl Known {
    pub(super) fn new(homes: Homes) -> Self {
        Self {
            homes,
            receipts: HashMap::new(),
            claims: HashMap::new(),
            heads: HashMap::new(),
            effects: HashMap::new(),
            believed: BTreeSet::new(),
            groups: HashMap::new(),
            believed_groups: BTreeSet::new(),
            believed_things: BTreeSet::new(),
            events: HashMap::new(),
            numbers: HashMap::new(),
        }
    }

    /// Forgets what others may have changed. Numbers stay: nobody else was given them.
    pub(super) fn forget(&mut self) {
        *self = Self { numbers: std::mem::take(&mut self.numbers), ..Self::new(self.homes) };
    }

    /// Where an effect lies, as far as its home is known.
    pub(super) fn lies(&self, id: &EffectId) -> Lies {
        let home = (self.homes)(id);
        let held = home.filter(|home| {
            self.groups.get(home).is_some_and(|group| group.as_ref().is_some_and(|group| group.holds(id)))
        });
        held.map_or(Lies::Alone, Lies::With)
    }

    /// An effect as it is known, and how often it was written if it lies alone.
    pub(super) fn effect(&self, id: &EffectId) -> Option<&Effect> {
        match self.lies(id) {
            Lies::Alone => self.effects.get(id)?.as_ref().map(|kept| &kept.effect),
            Lies::With(home) => self.groups.get(&home)?.as_ref()?.effects.get(id),
        }
    }

    /// Takes in a thing as it is in the table; none when it is not there.
    pub(super) fn learn(&mut self, thing: &Thing, item: Option<&Item>) -> Result<(), Strange> {
        self.believed_things.remove(thing);
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
            Thing::Group(home) => {
                self.believed_groups.remove(home);
                self.groups.insert(home.clone(), item.map(Group::read).transpose()?);
            }
        }
        Ok(())
    }

    /// Takes what this process wrote last of the effects that an append may change.
    pub(super) fn recall(&mut self, append: &Append, memory: &Memory) {
        for home in homes(append, self.homes) {
            if !self.groups.contains_key(&home)
                && let Some(group) = memory.take_group(&home)
            {
                self.believed_groups.insert(home.clone());
                self.groups.insert(home, Some(group));
            }
        }
        for id in touched(append).filter(|id| !self.effects.contains_key(*id)).cloned().collect::<Vec<_>>() {
            let Some(kept) = memory.take(&id) else { continue };
            if !kept.effect.is_final() {
                self.believed.insert(id.clone());
            }
            self.effects.insert(id, Some(kept));
        }
    }

    /// Takes what this process knows of what is to be read, out of what is wanted.
    pub(super) fn recall_things(&mut self, wanted: &mut Wanted, memory: &Memory) {
        wanted.things.retain(|thing| {
            let found = match thing {
                Thing::Head(stream) => memory.head(stream).map(|ended| {
                    self.heads.insert(stream.clone(), Some(ended));
                }),
                Thing::Claim(key) => memory.claim(key).map(|holder| {
                    self.claims.insert(key.clone(), holder);
                }),
                Thing::Receipt(_) | Thing::Effect(_) | Thing::Group(_) => None,
            };
            if found.is_some() {
                self.believed_things.insert(thing.clone());
            }
            found.is_none()
        });
    }

    /// Streams and claims that were believed are to be read, here and by all who come.
    pub(super) fn doubt_things(&mut self, memory: &Memory) -> bool {
        let doubted = std::mem::take(&mut self.believed_things);
        for thing in &doubted {
            memory.forget(thing);
            match thing {
                Thing::Head(stream) => {
                    self.heads.remove(stream);
                    self.events.retain(|(of, ..), _| of != stream);
                }
                Thing::Claim(key) => drop(self.claims.remove(key)),
                Thing::Receipt(_) | Thing::Effect(_) | Thing::Group(_) => {}
            }
        }
        !doubted.is_empty()
    }

    /// What of this was believed, wrongly: somebody else has written. Not those that this process has written meanwhile.
    pub(super) fn was_deceived(&self, changed: &BTreeSet<Thing>, before: &BTreeSet<Thing>, memory: &Memory) -> bool {
        changed.intersection(before).any(|thing| match thing {
            Thing::Head(stream) => {
                let version = self.heads.get(stream).and_then(Option::as_ref).map_or(0, |ended| ended.version);
                memory.version(stream).is_none_or(|known| known < version)
            }
            Thing::Claim(_) => true,
            Thing::Receipt(_) | Thing::Effect(_) | Thing::Group(_) => false,
        })
    }

    /// The streams and claims that were not read but are as this process knew them last.
    pub(super) fn believed_things(&self) -> BTreeSet<Thing> {
        self.believed_things.clone()
    }

    /// Streams that this process has written since they became known: a write that depends on them would be refused.
    pub(super) fn overtaken(&self, memory: &Memory) -> BTreeSet<Thing> {
        let behind = |(stream, ended): &(&StreamId, &Option<Ended>)| {
            let version = ended.as_ref().map_or(0, |ended| ended.version);
            memory.version(stream).is_some_and(|written| written > version)
        };
        self.heads.iter().filter(behind).map(|(stream, _)| Thing::Head(stream.clone())).collect()
    }

    /// Forgets one stream, to look at it again.
    pub(super) fn forget_thing(&mut self, thing: &Thing) {
        if let Thing::Head(stream) = thing {
            self.heads.remove(stream);
        }
        self.believed_things.remove(thing);
    }

    /// Those of the effects that were believed are to be read.
    pub(super) fn doubt<'e>(&mut self, effects: impl IntoIterator<Item = &'e EffectId>) -> bool {
        let mut doubted = false;
        for id in effects {
            if self.believed.remove(id) {
                self.effects.remove(id);
                doubted = true;
            }
            if let Some(home) = (self.homes)(id)
                && self.believed_groups.remove(&home)
            {
                self.groups.remove(&home);
                doubted = true;
            }
        }
        doubted
    }

    /// What must be known before an append can be written: the link of each stream that goes on, and effects that may be
    /// there already. Claims and keys are left to the conditions of the transaction.
    pub(super) fn lacks(&mut self, append: &Append) -> Wanted {
        let mut wanted = Wanted::default();
        let going_on = append.streams.iter().filter(|write| write.expected != Expected::NoStream);
        let streams = going_on.map(|write| &write.stream).filter(|stream| !self.heads.contains_key(stream));
        wanted.things.extend(streams.cloned().map(Thing::Head));
        let losing = losing(append).filter(|stream| !self.heads.contains_key(stream));
        wanted.things.extend(losing.cloned().map(Thing::Head));
        let asks: BTreeSet<StreamId> = append.effects.iter().filter_map(|effect| (self.homes)(&effect.id)).collect();
        for home in homes(append, self.homes) {
            let written = append.streams.iter().find(|write| write.stream == home);
            let begins = written.is_some_and(|write| write.expected == Expected::NoStream);
            match self.groups.get(&home) {
                // It begins with its stream. Should somebody else have begun it, its condition tells.
                None | Some(None) if begins => {
                    self.groups.insert(home.clone(), Some(Group::new(home)));
                }
                None => {
                    wanted.things.insert(Thing::Group(home));
                }
                Some(None) if asks.contains(&home) && written.is_none() => match self.heads.get(&home) {
                    None => {
                        wanted.things.insert(Thing::Head(home));
                    }
                    Some(None) => {
                        self.groups.insert(home.clone(), Some(Group::new(home)));
                    }
                    Some(Some(_)) => {}
                },
                Some(_) => {}
            }
        }
        if wanted.is_empty() {
            let alone = touched(append).filter(|id| self.lies(id) == Lies::Alone && !self.effects.contains_key(*id));
            wanted.things.extend(alone.cloned().map(Thing::Effect));
        }
        wanted
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

/// The streams from which an append takes a claim.
pub(super) fn losing(append: &Append) -> impl Iterator<Item = &StreamId> {
    let lost = append.claims.iter().filter(|claim| claim.holder != claim.expected);
    lost.filter_map(|claim| claim.expected.as_ref())
}

/// The homes of all effects that an append names.
pub(super) fn homes(append: &Append, homes: Homes) -> BTreeSet<StreamId> {
    let asked = append.effects.iter().map(|effect| &effect.id);
    let settled = append.settles.iter().map(|(token, _)| token.effect());
    asked.chain(&append.cancel).chain(settled).filter_map(homes).collect()
}

/// Effects as this process wrote them last, if it is likely to write them next: those it holds a lease of, which most often
/// nobody else writes meanwhile, and those that have ended for good. A condition that fails costs as much as the write. The
/// only writer also remembers what it does not hold a lease of, and streams and claims.
pub(super) struct Memory {
    /// It is the only writer's, as far as that knows.
    alone: bool,
    clock: fn() -> DateTime<Utc>,
    /// Until when nothing is believed.
    distrusts: Mutex<Option<DateTime<Utc>>>,
    effects: Mutex<HashMap<EffectId, Kept>>,
    groups: Mutex<HashMap<StreamId, Group>>,
    heads: Mutex<HashMap<StreamId, Ended>>,
    claims: Mutex<HashMap<ClaimKey, Option<StreamId>>>,
    /// Which state was written with a lease: what this process knows of the stream by then or later is new enough for
    /// whoever performs it.
    leased: Mutex<HashMap<LeaseToken, Vec<(StreamId, u64)>>>,
}

impl Memory {
    pub(super) fn new(alone: bool, clock: fn() -> DateTime<Utc>) -> Self {
        Self {
            alone,
            clock,
            distrusts: Mutex::default(),
            effects: Mutex::default(),
            groups: Mutex::default(),
            heads: Mutex::default(),
            claims: Mutex::default(),
            leased: Mutex::default(),
        }
    }

    /// Whether what was read or written last is most likely still so.
    pub(super) fn is_trusted(&self) -> bool {
        self.alone && lock(&self.distrusts).is_none_or(|until| until <= (self.clock)())
    }

    /// Somebody else writes too.
    pub(super) fn distrust(&self) {
        *lock(&self.distrusts) = Some((self.clock)() + DISTRUST);
    }

    fn version(&self, stream: &StreamId) -> Option<u64> {
        lock(&self.heads).get(stream).map(|ended| ended.version)
    }

    /// Keeps a stream's end that was read or written; an older one is passed over.
    pub(super) fn keep_head(&self, stream: &StreamId, ended: &Ended) {
        if ended.head.snapshot.len() > REMEMBERED_BYTES_MAX {
            lock(&self.heads).remove(stream);
            return;
        }
        let mut heads = lock(&self.heads);
        if heads.get(stream).is_none_or(|known| known.version <= ended.version) {
            keep(&mut heads, stream.clone(), ended.clone());
        }
    }

    /// Keeps who holds a claim.
    pub(super) fn keep_claim(&self, key: &ClaimKey, holder: Option<&StreamId>) {
        if self.alone {
            keep(&mut lock(&self.claims), key.clone(), holder.cloned());
        }
    }

    /// Keeps what was read.
    pub(super) fn keep_thing(&self, thing: &Thing, known: &Known) {
        match thing {
            Thing::Head(stream) => {
                if let Some(Some(ended)) = known.heads.get(stream) {
                    self.keep_head(stream, ended);
                }
            }
            Thing::Claim(key) => {
                if let Some(holder) = known.claims.get(key) {
                    self.keep_claim(key, holder.as_ref());
                }
            }
            Thing::Receipt(_) | Thing::Effect(_) | Thing::Group(_) => {}
        }
    }

    /// Others have changed it.
    pub(super) fn forget(&self, thing: &Thing) {
        match thing {
            Thing::Head(stream) => drop(lock(&self.heads).remove(stream)),
            Thing::Claim(key) => drop(lock(&self.claims).remove(key)),
            Thing::Receipt(_) | Thing::Effect(_) | Thing::Group(_) => {}
        }
    }

    fn head(&self, stream: &StreamId) -> Option<Ended> {
        if self.is_trusted() { lock(&self.heads).get(stream).cloned() } else { None }
    }

    fn claim(&self, key: &ClaimKey) -> Option<Option<StreamId>> {
        if self.is_trusted() { lock(&self.claims).get(key).cloned() } else { None }
    }

    /// Keeps with which states leases were given.
    pub(super) fn keep_leases(&self, receipt: &Receipt) {
        let mut leased = lock(&self.leased);
        for given in receipt.leased.iter().filter(|_| !receipt.streams.is_empty()) {
            keep(&mut leased, given.token.clone(), receipt.streams.clone());
        }
    }

    /// A stream's end, as it was when this lease was given or later; none when that is not known.
    pub(super) fn since(&self, token: &LeaseToken, stream: &StreamId) -> Option<Ended> {
        let given = lock(&self.leased);
        let (_, version) = given.get(token)?.iter().find(|(written, _)| written == stream)?;
        lock(&self.heads).get(stream).filter(|ended| ended.version >= *version).cloned()
    }

    pub(super) fn keep_group(&self, group: Group) {
        let mut groups = lock(&self.groups);
        if groups.get(&group.home).is_some_and(|known| known.writes > group.writes) {
            return;
        }
        groups.remove(&group.home);
        if !self.is_trusted() && !group.is_leased() {
            return;
        }
        if groups.len() >= REMEMBERED_MAX {
            groups.clear();
        }
        groups.insert(group.home.clone(), group);
    }

    pub(super) fn take_group(&self, home: &StreamId) -> Option<Group> {
        lock(&self.groups).remove(home)
    }

    pub(super) fn keep(&self, kept: Kept) {
        if kept.effect.state != EffectState::Leased && !kept.effect.is_final() {
            return;
        }
        let mut memory = lock(&self.effects);
        if memory.len() >= REMEMBERED_MAX {
            memory.clear();
        }
        memory.insert(kept.effect.wanted.id.clone(), kept);
    }

    /// Takes it out: whoever writes it puts back what they have written.
    fn take(&self, id: &EffectId) -> Option<Kept> {
        lock(&self.effects).remove(id)
    }
}

/// Keeps one more; when there are many, those before it are forgotten.
fn keep<K: std::hash::Hash + Eq, V>(kept: &mut HashMap<K, V>, key: K, value: V) {
    if kept.len() >= REMEMBERED_MAX {
        kept.clear();
    }
    kept.insert(key, value);
}

fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
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
