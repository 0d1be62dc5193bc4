//! Effects: which ones are due, and whose they are. The index says where to look, the items say what is true.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::try_join_all;

use super::DynamoLog;
use super::item::{DUE, Item, Kept, Key, Strange, instant, instant_of, number, state_list};
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

/// A walk through the list of open effects.
struct Pages {
    to: String,
    next: Option<Item>,
    ended: bool,
}

impl Pages {
    fn until(to: String) -> Self {
        Self { to, next: None, ended: false }
    }
}

impl DynamoLog {
    pub(super) async fn kept(&self, id: &EffectId) -> Result<Option<Kept>, ReadError> {
        let item = self.item(&Key::effect(id)).await?;
        Ok(item.as_ref().map(Kept::read).transpose()?)
    }

    /// Up to `max` effects that could be handed out at that instant, longest waiting first.
    pub(super) async fn due(&self, until: DateTime<Utc>, max: usize) -> Result<Vec<Kept>, ReadError> {
        // By name: an index that changes while it is read shows some twice, and nobody may be given one twice.
        let (mut found, mut pages) = (BTreeMap::new(), Pages::until(instant(until)));
        while !pages.ended && found.len() < max {
            for kept in self.page(&mut pages, PAGE.min(max)).await? {
                if kept.effect.wake_at().is_some_and(|at| at <= until) {
                    found.insert(kept.effect.wanted.id.clone(), kept);
                }
            }
        }
        let mut found: Vec<Kept> = found.into_values().collect();
        found.sort_by_key(|kept| kept.effect.wake_at());
        found.truncate(max);
        Ok(found)
    }

    /// All that are pending or leased.
    pub(super) async fn open(&self) -> Result<Vec<Kept>, ReadError> {
        let (mut found, mut pages) = (Vec::new(), Pages::until(NEVER.to_owned()));
        while !pages.ended {
            found.extend(self.page(&mut pages, 1000).await?.into_iter().filter(|kept| kept.effect.wake_at().is_some()));
        }
        Ok(found)
    }

    /// When the first one can be handed out. What the index says is due is looked at; what it says is due later is
    /// believed: at worst somebody looks for nothing then.
    pub(super) async fn first_due(&self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, ReadError> {
        let mut pages = Pages::until(NEVER.to_owned());
        while !pages.ended {
            let places = self.places(&mut pages, FIRST).await?;
            let (later, by_now): (Vec<_>, Vec<_>) = places.into_iter().partition(|(at, _)| *at > now);
            let by_now: Vec<Key> = by_now.into_iter().map(|(_, key)| key).collect();
            let present = self.table.get(&by_now).await?;
            let present = present.values().map(Kept::read).collect::<Result<Vec<_>, _>>()?;
            let present = present.iter().filter_map(|kept| kept.effect.wake_at());
            if let Some(first) = later.into_iter().map(|(at, _)| at).chain(present).min() {
                return Ok(Some(first));
            }
        }
        Ok(None)
    }

    /// The next page of the list of open effects, as they are now.
    async fn page(&self, pages: &mut Pages, size: usize) -> Result<Vec<Kept>, ReadError> {
        let keys: Vec<Key> = self.places(pages, size).await?.into_iter().map(|(_, key)| key).collect();
        let items = self.table.get(&keys).await?;
        Ok(items.values().map(Kept::read).collect::<Result<Vec<_>, _>>()?)
    }

    /// The next page of the list of open effects, as the index has it.
    async fn places(&self, pages: &mut Pages, size: usize) -> Result<Vec<(DateTime<Utc>, Key)>, ReadError> {
        let (places, next) = self.table.listed_page(DUE, &pages.to, pages.next.take(), size).await?;
        pages.ended = next.is_none();
        pages.next = next;
        let read = |(at, key): (String, Key)| Ok((instant_of(&at)?, key));
        Ok(places.into_iter().map(read).collect::<Result<_, Strange>>()?)
    }

    pub(super) async fn in_state(&self, state: EffectState, max: usize) -> Result<Vec<Effect>, ReadError> {
        let mut found: Vec<Effect> = match (state, state_list(state)) {
            (EffectState::Pending | EffectState::Leased, _) => {
                self.open().await?.into_iter().map(|kept| kept.effect).collect()
            }
            (_, Some(list)) => {
                let places = self.table.listed(&list, "", NEVER, max).await?;
                let keys: Vec<Key> = places.into_iter().map(|(_, key)| key).collect();
                let items = self.table.get(&keys).await?;
                items.values().map(|item| Ok(Kept::read(item)?.effect)).collect::<Result<_, ReadError>>()?
            }
            (_, None) => {
                let items = self.table.scan("pk", "O#", None, usize::MAX).await?.items;
                items.iter().map(|item| Ok(Kept::read(item)?.effect)).collect::<Result<_, ReadError>>()?
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
        let due = self.due(now, max).await?;
        let mut leased = Vec::new();
        for some in due.chunks(TOGETHER) {
            let taken = some.iter().map(|kept| {
                let mut kept = kept.clone();
                let lease = &lease;
                async move {
                    let given = kept.effect.hand_out(lease);
                    Ok::<_, AppendError>(if self.save(kept).await? { given } else { None })
                }
            });
            leased.extend(try_join_all(taken).await?.into_iter().flatten());
        }
        Ok(leased)
    }

    /// Writes an effect if nobody has since it was read.
    async fn save(&self, mut kept: Kept) -> Result<bool, AppendError> {
        let seen = number(kept.writes);
        kept.writes += 1;
        let saved = self.table.put_if(kept.write(), "writes = :seen", &[(":seen", seen)]).await?;
        if saved {
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
            let Some(mut kept) = self.kept(id).await? else { return Ok(false) };
            if !change(&mut kept.effect) {
                return Ok(false);
            }
            let opens = kept.effect.state == EffectState::Pending;
            if self.save(kept).await? {
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
        for kept in open {
            changed += usize::from(self.change_effect(&kept.effect.wanted.id, &change).await?);
        }
        Ok(changed)
    }
}
