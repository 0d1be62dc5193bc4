//! Effects: which ones are due, and whose they are. The index says where to look, the items say what is true.

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::try_join_all;

use super::DynamoLog;
use super::item::{Kept, Key, SHARDS, due_list, instant, number, state_list};
use crate::{AppendError, Effect, EffectId, EffectState, Holder, Lease, LeasedEffect, ReadError};

/// Behind every instant.
const NEVER: &str = "~";

/// Places of each share that are looked at for the first instant: the first ones may be settled by now.
const FIRST: usize = 4;

/// Effects that are changed at the same time.
const TOGETHER: usize = 16;

/// How often an effect is tried to be changed while others change it.
const CHANGES_MAX: usize = 20;

impl DynamoLog {
    pub(super) async fn kept(&self, id: &EffectId) -> Result<Option<Kept>, ReadError> {
        let item = self.item(&Key::effect(id)).await?;
        Ok(item.as_ref().map(Kept::read).transpose()?)
    }

    /// Effects that could be handed out at that instant, longest waiting first.
    pub(super) async fn due(&self, until: DateTime<Utc>, max: usize) -> Result<Vec<Kept>, ReadError> {
        let mut found = self.indexed(&instant(until), max).await?;
        found.retain(|kept| kept.effect.wake_at().is_some_and(|at| at <= until));
        found.truncate(max);
        Ok(found)
    }

    /// All that are pending or leased.
    pub(super) async fn open(&self) -> Result<Vec<Kept>, ReadError> {
        let mut found = self.indexed(NEVER, usize::MAX).await?;
        found.retain(|kept| kept.effect.wake_at().is_some());
        Ok(found)
    }

    pub(super) async fn first_due(&self) -> Result<Option<DateTime<Utc>>, ReadError> {
        let found = self.indexed(NEVER, FIRST).await?;
        Ok(found.iter().filter_map(|kept| kept.effect.wake_at()).min())
    }

    /// Up to `max` of each share, as they are now, by the instant at which they can be handed out.
    async fn indexed(&self, to: &str, max: usize) -> Result<Vec<Kept>, ReadError> {
        let lists: Vec<String> = (0..SHARDS).map(due_list).collect();
        let places = try_join_all(lists.iter().map(|list| self.table.listed(list, "", to, max))).await?;
        let keys: Vec<Key> = places.into_iter().flatten().map(|(_, key)| key).collect();
        let items = self.table.get(&keys).await?;
        let mut found = items.values().map(Kept::read).collect::<Result<Vec<_>, _>>()?;
        found.sort_by(|a, b| {
            let place = |kept: &Kept| (kept.effect.wake_at(), kept.effect.wanted.id.clone());
            place(a).cmp(&place(b))
        });
        Ok(found)
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
        self.table.put_if(kept.write(), "writes = :seen", &[(":seen", seen)]).await
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
