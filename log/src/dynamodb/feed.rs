//! The feed: all events in the order of writing, as well as many machines can tell it.
//!
//! Events are indexed by the instant at which their writer wrote them. A machine whose clock is behind, or an index that
//! is behind, can put an event before a place that a reader has passed. So a cursor remembers, beside its place, what it
//! has shown of the last [`SETTLING`]: that span is looked at again, and what is new in it is shown.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::try_join_all;

use super::DynamoLog;
use super::item::{Chunk, Key, SHARDS, Stamp, feed_list};
use crate::{Cursor, Page, Proof, ReadError};

/// How far clocks and the index may be behind: a transaction with all its repeats takes seconds, a clock of Amazon's
/// is off by milliseconds, and an index follows within a second.
pub(super) const SETTLING: TimeDelta = TimeDelta::seconds(30);

/// Behind every place.
const END: &str = "~";

/// Where a reader is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Place {
    /// Items at or before it were shown, or will never be.
    passed: Option<Stamp>,
    /// Items behind it that were shown all the same.
    shown: BTreeSet<Stamp>,
    /// An item of which only so many events were shown: a page has an end.
    begun: Option<(Stamp, usize)>,
}

impl Place {
    fn read(cursor: &Cursor) -> Self {
        let mut parts = cursor.as_str().split(' ');
        let passed = parts.next().and_then(Stamp::parse);
        let begun = parts.next().and_then(|begun| {
            let (stamp, count) = begun.split_once('+')?;
            Some((Stamp::parse(stamp)?, count.parse().ok()?))
        });
        Self { passed, begun, shown: parts.filter_map(Stamp::parse).collect() }
    }

    fn cursor(&self) -> Cursor {
        let passed = self.passed.map_or("-".to_owned(), |stamp| stamp.to_string());
        if self.shown.is_empty() && self.begun.is_none() {
            return Cursor::new(passed);
        }
        let begun = self.begun.map_or("-".to_owned(), |(stamp, count)| format!("{stamp}+{count}"));
        let shown: String = self.shown.iter().map(|stamp| format!(" {stamp}")).collect();
        Cursor::new(format!("{passed} {begun}{shown}"))
    }

    /// How many events of an item were shown.
    fn shown_of(&self, stamp: Stamp) -> usize {
        self.begun.filter(|(begun, _)| *begun == stamp).map_or(0, |(_, count)| count)
    }

    /// So many events of an item are shown now, of so many.
    fn show(&mut self, stamp: Stamp, shown: usize, of: usize) {
        if shown < of {
            self.begun = Some((stamp, shown));
            return;
        }
        self.begun = self.begun.filter(|(begun, _)| *begun != stamp);
        self.shown.insert(stamp);
    }

    /// What is older than `settled` needs no remembering one by one.
    fn settle(&mut self, settled: i64) {
        let young = self.shown.iter().position(|stamp| stamp.micros >= settled).unwrap_or(self.shown.len());
        if let Some(oldest) = self.shown.iter().nth(young).copied() {
            let rest = self.shown.split_off(&oldest);
            self.passed = self.shown.last().copied().or(self.passed);
            self.shown = rest;
        } else if let Some(last) = self.shown.last().copied() {
            self.passed = Some(last);
            self.shown.clear();
        }
    }
}

/// A place that no event of `at` or later lies before: nothing is stamped earlier than it happened.
pub(super) fn place(at: DateTime<Utc>) -> Cursor {
    let stamp = Stamp { micros: (at - SETTLING).timestamp_micros().max(0), append: 0, nth: 0 };
    Place { passed: Some(stamp), ..Place::default() }.cursor()
}

impl DynamoLog {
    pub(super) async fn read_feed(&self, after: &Cursor, max: usize) -> Result<Page, ReadError> {
        let settled = ((self.clock)() - SETTLING).timestamp_micros();
        let (proofs, next) = self.read_feed_proofs(after, max, settled).await?;
        Ok(Page { events: proofs.into_iter().map(|proof| proof.event).collect(), next })
    }

    /// Events after a place; `settled` is the instant before which nothing appears any more.
    pub(super) async fn read_feed_proofs(
        &self,
        after: &Cursor,
        max: usize,
        settled: i64,
    ) -> Result<(Vec<Proof>, Cursor), ReadError> {
        let mut place = Place::read(after);
        let mut proofs = Vec::new();
        let places = self.indexed_after(&place, max).await?;
        let keys: Vec<Key> = places.iter().map(|(_, key)| key.clone()).collect();
        let items = self.table.get(&keys).await?;
        for (stamp, key) in places {
            let Some(item) = items.get(&key).filter(|_| proofs.len() < max) else { continue };
            let (mut chunk, elsewhere) = Chunk::read(item)?;
            self.gather(&mut chunk, &elsewhere).await?;
            let (shown, of) = (place.shown_of(stamp), chunk.proofs.len());
            let now = of.saturating_sub(shown).min(max - proofs.len());
            proofs.extend(chunk.proofs.into_iter().skip(shown).take(now));
            place.show(stamp, shown + now, of);
        }
        if proofs.is_empty() {
            return Ok((proofs, after.clone()));
        }
        place.settle(settled);
        Ok((proofs, place.cursor()))
    }

    /// Up to `max` items of events that were not shown, in order.
    async fn indexed_after(&self, place: &Place, max: usize) -> Result<Vec<(Stamp, Key)>, ReadError> {
        let lists: Vec<String> = (0..SHARDS).map(feed_list).collect();
        let passed = place.passed.map(|stamp| stamp.to_string()).unwrap_or_default();
        // Those that were shown are found again, and must not crowd out the others.
        let each = max.saturating_add(place.shown.len());
        let found = try_join_all(lists.iter().map(|list| self.table.listed(list, &passed, END, each))).await?;
        let mut items = Vec::new();
        for (text, key) in found.into_iter().flatten() {
            let stamp = Stamp::parse(&text).ok_or_else(|| super::item::Strange::new("no place in the feed"))?;
            if !place.shown.contains(&stamp) {
                items.push((stamp, key));
            }
        }
        items.sort_unstable_by_key(|(stamp, _)| *stamp);
        items.dedup_by_key(|(stamp, _)| *stamp);
        items.truncate(max);
        Ok(items)
    }
}
