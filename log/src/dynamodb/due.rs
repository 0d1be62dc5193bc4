//! Effects: which ones are due, and whose they are. The index says where to look, the items say what is true.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::try_join_all;

use super::DynamoLog;
use super::group::{Group, Held};
use super::item::{DUE, Item, Kept, Key, Strange, instant, instant_of, number, state_list};
use super::table::Refused;
use super::transaction::group_items;
use crate::{AppendError, Effect, EffectId, EffectState, Holder, Lease, LeasedEffect, ReadError};

/// Behind every instant.
const NEVER: &str = "~";

/// Places that are looked at together.
const PAGE: usize = 16;

/// Places that are looked at for the first one: an index that is behind still names what has just been taken.
const FIRST: usize = 4;

/// Effects that are changed at the same time.
const TOGETHER: usize = 16;

/// How often an effect is tried to be changed while others change it.
const CHANGES_MAX: usize = 20;

fn is_due(effect: &Effect, until: DateTime<Utc>) -> bool {
    effect.wake_at().is_some_and(|at| at <= until)
}

/// For so long it is believed what is due next: what others write meanwhile is found when it is over.
const BELIEVED: TimeDelta = TimeDelta::seconds(4);

/// When something is due next, as the only writer knows without asking.
#[derive(Default)]
pub(super) struct Next(Mutex<Said>);

/// The first instant at which something can be handed out, and the item that it is of; none when nothing waits.
pub(super) type First = Option<(DateTime<Utc>, Key)>;

#[derive(Default)]
struct Said {
    /// When it was asked, and what was said or written since: when, and by which item.
    first: Option<(DateTime<Utc>, First)>,
    /// Counts what was written: an answer that was on its way does not know it.
    writes: u64,
}

impl Next {
    fn said(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn known(&self, now: DateTime<Utc>) -> Option<Option<DateTime<Utc>>> {
        let said = self.said();
        let (asked, first) = said.first.as_ref()?;
        (*asked <= now && now < *asked + BELIEVED).then(|| first.as_ref().map(|(at, _)| *at))
    }

    pub(super) fn turn(&self) -> u64 {
        self.said().writes
    }

    pub(super) fn learn(&self, turn: u64, asked: DateTime<Utc>, first: First) {
        let mut said = self.said();
        said.first = (said.writes == turn).then_some((asked, first));
    }

    /// An item was written of which something can be handed out then.
    pub(super) fn wrote(&self, key: Key, wake_at: Option<DateTime<Utc>>) {
        let mut said = self.said();
        said.writes += 1;
        let Some((_, first)) = &mut said.first else { return };
        match (first.as_ref(), wake_at) {
            (None, Some(wake_at)) => *first = Some((wake_at, key)),
            (Some((at, _)), Some(wake_at)) if wake_at <= *at => *first = Some((wake_at, key)),
            // It was the first one, and who is the next one is to be asked.
            (Some((_, of)), _) if *of == key => said.first = None,
            _ => {}
        }
    }

    fn forget(&self) {
        self.said().first = None;
    }
}

/// A walk through the list of open effects.
struct Pages {
    to: String,
    next: Option<Item>,
    /// The last place that was read: everything behind it can be handed out no sooner.
    last: Option<DateTime<Utc>>,
    ended: bool,
}

impl Pages {
    fn until(to: String) -> Self {
        Self { to, next: None, last: None, ended: false }
    }
}

impl DynamoLog {
    /// One effect, wherever it lies.
    pub(super) async fn one(&self, id: &EffectId) -> Result<Option<Effect>, ReadError> {
        Ok(self.held(id).await?.and_then(|held| held.into_effects().into_iter().find(|effect| effect.wanted.id == *id)))
    }

    /// The item that an effect lies in, if it is there.
    async fn held(&self, id: &EffectId) -> Result<Option<Held>, ReadError> {
        if let Some(home) = (self.homes)(id)
            && let Some(item) = self.item(&Key::group(&home)).await?
        {
            let group = Group::read(&item)?;
            if group.holds(id) {
                return Ok(group.effects.contains_key(id).then_some(Held::Together(group)));
            }
        }
        let item = self.item(&Key::effect(id)).await?;
        Ok(item.as_ref().map(Kept::read).transpose()?.map(Held::Alone))
    }

    /// Up to `max` effects that could be handed out at that instant, longest waiting first.
    pub(super) async fn due(&self, until: DateTime<Utc>, max: usize) -> Result<Vec<Effect>, ReadError> {
        let mut found: Vec<Effect> =
            self.due_items(until, max, false).await?.into_iter().flat_map(Held::into_effects).collect();
        found.retain(|effect| is_due(effect, until));
        found.sort_by_key(Effect::wake_at);
        found.truncate(max);
        Ok(found)
    }

    /// Items with at least those `max` effects that wait longest, or with all. Leases stand before their end in the list, so it
    /// is read on until nothing behind can have waited longer. What is believed must be a condition of what is written next.
    async fn due_items(&self, until: DateTime<Utc>, max: usize, believe: bool) -> Result<Vec<Held>, ReadError> {
        // By name: an index that changes while it is read shows some twice, and nobody may be given one twice.
        let (mut found, mut pages) = (BTreeMap::new(), Pages::until(instant(until)));
        let mut waiting: Vec<DateTime<Utc>> = Vec::new();
        let is_enough = |waiting: &[DateTime<Utc>], last: Option<DateTime<Utc>>| {
            max.checked_sub(1).is_none_or(|place| waiting.get(place).is_some_and(|since| last >= Some(*since)))
        };
        while !pages.ended && !is_enough(&waiting, pages.last) {
            for (key, held) in self.page(&mut pages, PAGE.min(max), believe).await? {
                let wakes = held.effects().into_iter().filter_map(Effect::wake_at);
                let due: Vec<DateTime<Utc>> = wakes.filter(|at| *at <= until).collect();
                if let (true, Held::Together(group)) = (due.is_empty(), &held) {
                    self.memory.keep_group(group.clone());
                }
                if !due.is_empty() && found.insert(key, held).is_none() {
                    waiting.extend(due);
                }
            }
            waiting.sort_unstable();
        }
        Ok(found.into_values().collect())
    }

    /// All that are pending or leased.
    pub(super) async fn open(&self) -> Result<Vec<Effect>, ReadError> {
        let (mut found, mut pages) = (BTreeMap::new(), Pages::until(NEVER.to_owned()));
        while !pages.ended {
            found.extend(self.page(&mut pages, 1000, false).await?);
        }
        let effects = found.into_values().flat_map(Held::into_effects);
        Ok(effects.filter(|effect| effect.wake_at().is_some()).collect())
    }

    /// When the first one can be handed out. What the index says is due is looked at; what it says is due later is
    /// believed: at worst somebody looks for nothing then.
    pub(super) async fn first_due(&self, now: DateTime<Utc>) -> Result<First, ReadError> {
        let mut pages = Pages::until(NEVER.to_owned());
        while !pages.ended {
            let places = self.places(&mut pages, FIRST).await?;
            let (later, by_now): (Vec<_>, Vec<_>) = places.into_iter().partition(|(at, _)| *at > now);
            let later = later.into_iter().min();
            let by_now: Vec<Key> = by_now.into_iter().map(|(_, key)| key).collect();
            let present = self.table.get(&by_now).await?;
            let read = |(key, item): (Key, Item)| {
                Ok((Held::read(&item)?.effects().into_iter().filter_map(Effect::wake_at).min(), key))
            };
            let present = present.into_iter().map(read).collect::<Result<Vec<_>, Strange>>()?;
            let present = present.into_iter().filter_map(|(at, key)| Some((at?, key)));
            if let Some(first) = later.into_iter().chain(present).min() {
                return Ok(Some(first));
            }
        }
        Ok(None)
    }

    /// The next page of the list of open effects, as they are now or as this process believes.
    async fn page(&self, pages: &mut Pages, size: usize, believe: bool) -> Result<Vec<(Key, Held)>, ReadError> {
        let mut keys: Vec<Key> = self.places(pages, size).await?.into_iter().map(|(_, key)| key).collect();
        let mut known = Vec::new();
        keys.retain(|key| {
            let group = key.home().filter(|_| believe).and_then(|home| self.memory.take_group(&home));
            let is_known = group.is_some();
            known.extend(group.map(|group| (key.clone(), Held::Together(group))));
            !is_known
        });
        let items = self.table.get(&keys).await?;
        let read = |(key, item): (Key, Item)| Ok((key, Held::read(&item)?));
        known.extend(items.into_iter().map(read).collect::<Result<Vec<_>, Strange>>()?);
        Ok(known)
    }

    /// The next page of the list of open effects, as the index has it.
    async fn places(&self, pages: &mut Pages, size: usize) -> Result<Vec<(DateTime<Utc>, Key)>, ReadError> {
        let (places, next) = self.table.listed_page(DUE, &pages.to, pages.next.take(), size).await?;
        pages.ended = next.is_none();
        pages.next = next;
        let read = |(at, key): (String, Key)| Ok((instant_of(&at)?, key));
        let places: Vec<(DateTime<Utc>, Key)> = places.into_iter().map(read).collect::<Result<_, Strange>>()?;
        pages.last = places.last().map(|(at, _)| *at).or(pages.last);
        Ok(places)
    }

    pub(super) async fn in_state(&self, state: EffectState, max: usize) -> Result<Vec<Effect>, ReadError> {
        let mut found: Vec<Effect> = match (state, state_list(state)) {
            (EffectState::Pending | EffectState::Leased, _) => self.open().await?,
            (_, Some(list)) => {
                let places = self.table.listed(&list, "", NEVER, max).await?;
                let keys: Vec<Key> = places.into_iter().map(|(_, key)| key).collect();
                let items = self.table.get(&keys).await?;
                items.values().map(|item| Ok(Kept::read(item)?.effect)).collect::<Result<_, ReadError>>()?
            }
            (_, None) => {
                let items = self.table.scan("pk", "O#", None, usize::MAX).await?.items;
                let held = items.iter().map(Held::read).collect::<Result<Vec<_>, _>>()?;
                held.into_iter().flat_map(Held::into_effects).collect()
            }
        };
        found.retain(|effect| effect.state == state);
        found.truncate(max);
        Ok(found)
    }

    /// Hands out what is due. Whoever is slower finds that another one has it, and goes without.
    pub(super) async fn hand_out(
        &self,
        now: DateTime<Utc>,
        holder: &Holder,
        ttl: TimeDelta,
        max: usize,
    ) -> Result<Vec<LeasedEffect>, AppendError> {
        let lease = Lease { holder: holder.clone(), at: now, until: now + ttl };
        self.next.forget();
        let due = self.due_items(now, max, true).await?;
        // The longest waiting ones, wherever they lie; each item is written once.
        let of = |(nth, held): (usize, &Held)| -> Vec<_> {
            let due = held.effects().into_iter().filter(|effect| is_due(effect, now));
            due.map(|effect| (effect.wake_at(), effect.wanted.id.clone(), nth)).collect()
        };
        let mut chosen: Vec<_> = due.iter().enumerate().flat_map(of).collect();
        chosen.sort_unstable();
        chosen.truncate(max);
        let mut wanted = vec![Vec::new(); due.len()];
        for (_, id, nth) in &chosen {
            wanted[*nth].push(id.clone());
        }
        let mut items: Vec<(Held, Vec<EffectId>)> = due.into_iter().zip(wanted).collect();
        let mut leased = Vec::new();
        while !items.is_empty() {
            let some = items.drain(..TOGETHER.min(items.len()));
            let taken: Vec<_> = some.map(|(held, ids)| self.take(held, ids, &lease)).collect();
            leased.extend(try_join_all(taken).await?.into_iter().flatten());
        }
        let place = |given: &LeasedEffect| chosen.iter().position(|(_, id, _)| *id == given.effect.id);
        leased.sort_by_cached_key(place);
        Ok(leased)
    }

    /// Takes some effects of one item.
    async fn take(&self, held: Held, ids: Vec<EffectId>, lease: &Lease) -> Result<Vec<LeasedEffect>, AppendError> {
        match held {
            Held::Together(group) if ids.is_empty() => {
                self.memory.keep_group(group);
                Ok(Vec::new())
            }
            Held::Alone(_) if ids.is_empty() => Ok(Vec::new()),
            Held::Alone(mut kept) => {
                let given = kept.effect.hand_out(lease);
                Ok(if self.save(kept).await? { given.into_iter().collect() } else { Vec::new() })
            }
            Held::Together(mut group) => {
                let _turn = self.writing.enter(&BTreeSet::from([group.home.clone()])).await;
                let mut given = Vec::new();
                for id in ids {
                    given.extend(group.effects.get_mut(&id).and_then(|effect| effect.hand_out(lease)));
                }
                Ok(if self.save_group(group, false).await? { given } else { Vec::new() })
            }
        }
    }

    /// Writes the effects of a home if nobody has since they were read. Whoever calls has the turn.
    async fn save_group(&self, group: Group, waits: bool) -> Result<bool, AppendError> {
        let (items, group) = group_items(&self.table.name, group, waits)?;
        match self.table.write(items, &self.token().0).await {
            Ok(()) => {
                self.next.wrote(Key::group(&group.home), group.wake_at());
                self.memory.keep_group(group);
                Ok(true)
            }
            Err(Refused::Conditions(_)) => Ok(false),
            Err(Refused::Failed(error)) => Err(error),
        }
    }

    /// Writes an effect if nobody has since it was read.
    async fn save(&self, mut kept: Kept) -> Result<bool, AppendError> {
        let seen = number(kept.writes);
        kept.writes += 1;
        let saved = self.table.put_if(kept.write(), "writes = :seen", &[(":seen", seen)]).await?;
        if saved {
            self.next.wrote(Key::effect(&kept.effect.wanted.id), kept.effect.wake_at());
            self.memory.keep(kept);
        }
        Ok(saved)
    }

    /// Changes an effect that is there; `change` says whether it did.
    pub(super) async fn change_effect(
        &self,
        id: &EffectId,
        change: impl Fn(&mut Effect) -> bool + Send + Sync,
    ) -> Result<bool, AppendError> {
        for _ in 0..CHANGES_MAX {
            let home = (self.homes)(id);
            let _turn = self.writing.enter(&home.into_iter().collect()).await;
            let Some(mut held) = self.held(id).await? else { return Ok(false) };
            let effect = match &mut held {
                Held::Alone(kept) => Some(&mut kept.effect),
                Held::Together(group) => group.effects.get_mut(id),
            };
            let Some(effect) = effect else { return Ok(false) };
            if !change(effect) {
                return Ok(false);
            }
            let opens = effect.state == EffectState::Pending;
            let saved = match held {
                Held::Alone(kept) => self.save(kept).await?,
                Held::Together(group) => self.save_group(group, opens).await?,
            };
            if saved {
                if opens {
                    self.wake.notify_one();
                }
                return Ok(true);
            }
        }
        Err(AppendError::Throttled { after: std::time::Duration::from_secs(1) })
    }

    /// Changes all that are pending or leased, and says how many did change.
    pub(super) async fn change_open(
        &self,
        change: impl Fn(&mut Effect) -> bool + Send + Sync,
    ) -> Result<usize, AppendError> {
        let open = self.open().await?;
        let mut changed = 0;
        for effect in open {
            changed += usize::from(self.change_effect(&effect.wanted.id, &change).await?);
        }
        Ok(changed)
    }
}
