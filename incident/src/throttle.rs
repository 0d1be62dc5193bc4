//! Throttles: how many pages by one way a person gets in a while, so that a night of many incidents does not make a phone
//! ring forty times. What would be one too many is held, and goes out together with everything else that is held for the same
//! person and way. A first page of an incident is never held; it counts all the same.
//!
//! The state of one person and way is folded from its own events. Every held page keeps an effect of its own that is due when
//! the windows allow it, so what stands here only says who takes whom along; nothing is lost with it.

use crate::fold::PageCause;
use crate::id::IncidentId;
use crate::timeline::length;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The version of this fold: a snapshot of another version is thrown away and folded again.
pub const FOLD: u32 = 1;

/// The longest window: what was sent before it is forgotten.
pub const WINDOW_MAX: TimeDelta = TimeDelta::hours(3);

/// The shortest window: below a minute no telephone has stopped ringing.
pub const WINDOW_MIN: TimeDelta = TimeDelta::minutes(1);

/// Pages of one window at most, and how many are remembered: only the newest of them can close a window.
pub const PAGES_MAX: u32 = 50;

/// Pages that go out together at most. One more takes the place of the oldest, which then goes out by itself.
pub const BUNDLE_MAX: usize = 30;

/// How long a page that another one takes along waits for that to happen: longer than an effect's lease, so that whoever died
/// in the middle of sending has been followed by the next attempt.
pub const CARRIED_FOR: TimeDelta = TimeDelta::seconds(45);

/// How long a slot remembers whom it takes along: longer than a page is tried again.
const BUNDLE_KEPT_FOR: TimeDelta = TimeDelta::hours(1);

/// At most so many pages in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How many, from 1 to [`PAGES_MAX`].
    pub pages: u32,
    /// How long, from [`WINDOW_MIN`] to [`WINDOW_MAX`].
    pub length: TimeDelta,
}

impl Window {
    /// So many in so many minutes.
    #[must_use]
    pub const fn minutes(pages: u32, minutes: i64) -> Self {
        Self { pages, length: TimeDelta::minutes(minutes) }
    }

    /// When it lets the next page out, by what was sent, oldest first; `None` when it does at once.
    fn opens_at(&self, sent: &[Slot]) -> Option<DateTime<Utc>> {
        let pages = usize::try_from(self.pages.max(1)).unwrap_or(usize::MAX);
        let oldest = sent.len().checked_sub(pages)?;
        Some(sent[oldest].at + self.length)
    }

    /// As people say it: `5 in 15 minutes`.
    fn told(&self) -> String {
        let seconds = u64::try_from(self.length.num_seconds()).unwrap_or(0);
        let words = match (seconds / 3600, seconds % 3600 / 60, seconds % 60) {
            (1, 0, 0) => "1 hour".to_owned(),
            (hours, 0, 0) => format!("{hours} hours"),
            (0, minutes, 0) if minutes > 1 => format!("{minutes} minutes"),
            _ => length(seconds),
        };
        format!("{} in {words}", self.pages)
    }
}

/// All windows of a way; without any nothing is held.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits(pub Vec<Window>);

impl Limits {
    /// Whether nothing is ever held.
    #[must_use]
    pub const fn is_off(&self) -> bool {
        self.0.is_empty()
    }
}

/// A page that waits, as its effect says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldPage {
    /// Its own effect.
    pub id: String,
    /// Of which incident.
    pub incident: IncidentId,
    /// Who, and what for.
    pub cause: PageCause,
    /// True when it is not wanted once Slack has delivered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unless_delivered: bool,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// A page that was let out; several incidents may share it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// When.
    pub at: DateTime<Utc>,
    /// The effect that sends it.
    pub id: String,
    /// Which attempt of the effect took it, from 1: failures are counted from there.
    pub attempt: u32,
    /// What goes out with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<HeldPage>,
}

/// What happens to the pages of one person by one way. The kind in JSON is the variant in snake case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ThrottleEvent {
    /// A page is about to be sent.
    SlotTaken {
        /// By whom, when, and with what.
        slot: Slot,
    },
    /// A page was one too many.
    Held {
        /// Which.
        page: HeldPage,
        /// Until when, at the latest.
        until: DateTime<Utc>,
        /// The window that is full: `5 in 15 minutes`.
        because: String,
    },
}

impl ThrottleEvent {
    /// The kind as it stands in the log.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SlotTaken { .. } => "slot_taken",
            Self::Held { .. } => "held",
        }
    }
}

/// A page that asks to go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// Which; its `since` is now.
    pub page: HeldPage,
    /// Which attempt of its effect this is, from 1.
    pub attempt: u32,
    /// True when no page of its incident has reached the person before, by any way.
    pub is_first: bool,
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes out, and takes a slot.
    Send(Slot),
    /// It took this slot before and was not sent, or not taken.
    SendAgain(Slot),
    /// It waits.
    Hold {
        /// Until when.
        until: DateTime<Utc>,
        /// The window that is full.
        because: String,
    },
    /// Another page takes it along just now; it asks again when that should have happened.
    Carried {
        /// When to ask again.
        until: DateTime<Utc>,
    },
}

/// The state of one person and way: what was sent lately, and what is held.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Throttle {
    /// What was sent within [`WINDOW_MAX`], oldest first.
    pub sent: Vec<Slot>,
    /// What waits, oldest first.
    pub held: Vec<HeldPage>,
}

impl Throttle {
    /// What becomes of a page that wants to go out now.
    #[must_use]
    pub fn decide(&self, asking: &Asking, limits: &Limits, at: DateTime<Utc>) -> Verdict {
        let id = &asking.page.id;
        if let Some(slot) = self.sent.iter().rev().find(|slot| slot.id == *id) {
            return Verdict::SendAgain(slot.clone());
        }
        let is_carried = |slot: &&Slot| slot.at + CARRIED_FOR > at && slot.with.iter().any(|page| page.id == *id);
        if let Some(slot) = self.sent.iter().rev().find(is_carried) {
            return Verdict::Carried { until: slot.at + CARRIED_FOR };
        }
        match self.full(limits, at).filter(|_| !asking.is_first) {
            Some((until, window)) => Verdict::Hold { until, because: window.told() },
            None => {
                let with = self.held.iter().filter(|page| page.id != *id).cloned().collect();
                Verdict::Send(Slot { at: at.trunc_subsecs(6), id: id.clone(), attempt: asking.attempt, with })
            }
        }
    }

    /// The window that is full for longest, and until when.
    fn full(&self, limits: &Limits, at: DateTime<Utc>) -> Option<(DateTime<Utc>, Window)> {
        let opens = limits.0.iter().filter_map(|window| Some((window.opens_at(&self.sent)?, *window)));
        opens.filter(|(opens_at, _)| *opens_at > at).max_by_key(|(opens_at, _)| *opens_at)
    }

    /// Moves the state over one more event.
    pub fn apply(&mut self, event: &ThrottleEvent) {
        match event {
            ThrottleEvent::SlotTaken { slot } => {
                self.held.clear();
                // Clocks of several processes differ a little.
                let place = self.sent.partition_point(|sent| sent.at <= slot.at);
                self.sent.insert(place, slot.clone());
                self.forget(slot.at);
            }
            ThrottleEvent::Held { page, .. } => {
                self.held.retain(|held| held.id != page.id);
                self.held.push(page.clone());
                if self.held.len() > BUNDLE_MAX {
                    self.held.remove(0);
                }
            }
        }
    }

    fn forget(&mut self, at: DateTime<Utc>) {
        let remembered = usize::try_from(PAGES_MAX).unwrap_or(usize::MAX);
        let too_many = self.sent.len().saturating_sub(remembered);
        self.sent.drain(..too_many);
        self.sent.retain(|slot| at - slot.at < WINDOW_MAX);
        for slot in self.sent.iter_mut().filter(|slot| at - slot.at > BUNDLE_KEPT_FOR) {
            slot.with.clear();
        }
    }
}

#[cfg(test)]
mod tests;
