//! Storms: when too many incidents open in one channel, the later ones share one card, the digest.
//!
//! Whether an incident belongs on it follows from when it and those before it opened, so that whoever asks, and however
//! often, hears the same. Pure: it reads no log and draws nothing.

use crate::id::IncidentId;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How far back incidents are counted. What a channel can take in without scrolling is a matter of minutes.
pub const STORM_WINDOW: TimeDelta = TimeDelta::minutes(2);

/// A digest older than this takes no more incidents: it has scrolled out of sight, and the next one begins.
const DIGEST_AGE_MAX: TimeDelta = TimeDelta::hours(1);

/// Incidents that a digest lists and counts by their state, the newest ones; each costs one read when it is drawn.
const MEMBERS_MAX: usize = 200;

/// Digests of a channel that can still be drawn anew, the newest ones.
const DIGESTS_MAX: usize = 5;

/// True when an incident that opened at `opened_at` finds `cards` others before it within [`STORM_WINDOW`]. `before` are the
/// openings of earlier incidents in the same channel, newest first. With no cards allowed there is no storm: the digest is
/// switched off.
#[must_use]
pub fn is_storm(opened_at: DateTime<Utc>, before: impl IntoIterator<Item = DateTime<Utc>>, cards: usize) -> bool {
    let recent = before.into_iter().filter(|earlier| opened_at - *earlier <= STORM_WINDOW);
    cards > 0 && recent.take(cards).count() == cards
}

/// One thing that happened to the digests of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DigestEvent {
    /// An incident is shown on a digest instead of a card of its own.
    DigestJoined {
        /// The digest's number in its channel, from 1.
        digest: u64,
        /// Which incident.
        incident: IncidentId,
        /// When it opened.
        opened_at: DateTime<Utc>,
    },
    /// The digest was posted.
    DigestPosted {
        /// The digest's number in its channel.
        digest: u64,
        /// The channel's id, as Slack answered it.
        channel: String,
        /// The message's id in that channel.
        ts: String,
    },
}

impl DigestEvent {
    /// The kind as it stands in the log.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::DigestJoined { .. } => "digest_joined",
            Self::DigestPosted { .. } => "digest_posted",
        }
    }
}

/// One digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Its number in its channel, from 1.
    pub number: u64,
    /// When its first incident opened.
    pub began_at: DateTime<Utc>,
    /// When its newest incident opened.
    pub newest_at: DateTime<Utc>,
    /// How many incidents it ever took.
    pub total: u64,
    /// The newest of them, in the order in which they came.
    pub members: Vec<IncidentId>,
    /// Channel and message id, once it is posted.
    pub posted: Option<(String, String)>,
}

/// The digests of one channel, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Digests(Vec<Digest>);

impl Digests {
    /// The digest with this number, unless too many came after it.
    #[must_use]
    pub fn get(&self, number: u64) -> Option<&Digest> {
        self.0.iter().find(|digest| digest.number == number)
    }

    /// What happens when an incident of a storm arrives: it joins the newest digest, or a storm begins with it.
    #[must_use]
    pub fn join(&self, incident: IncidentId, opened_at: DateTime<Utc>) -> DigestEvent {
        let newest = self.0.last();
        let goes_on = newest.filter(|digest| {
            opened_at - digest.newest_at <= STORM_WINDOW && opened_at - digest.began_at <= DIGEST_AGE_MAX
        });
        let digest = match (goes_on, newest) {
            (Some(digest), _) => digest.number,
            (None, Some(over)) => over.number + 1,
            (None, None) => 1,
        };
        DigestEvent::DigestJoined { digest, incident, opened_at }
    }

    /// Moves the digests over one more event.
    pub fn apply(&mut self, event: &DigestEvent) {
        match event {
            DigestEvent::DigestJoined { digest: number, incident, opened_at } => {
                let digest = self.get_or_begin(*number, *opened_at);
                digest.newest_at = digest.newest_at.max(*opened_at);
                digest.total += 1;
                digest.members.push(*incident);
                let excess = digest.members.len().saturating_sub(MEMBERS_MAX);
                digest.members.drain(..excess);
            }
            DigestEvent::DigestPosted { digest: number, channel, ts } => {
                if let Some(digest) = self.0.iter_mut().find(|digest| digest.number == *number) {
                    digest.posted = Some((channel.clone(), ts.clone()));
                }
            }
        }
    }

    fn get_or_begin(&mut self, number: u64, opened_at: DateTime<Utc>) -> &mut Digest {
        if self.get(number).is_none() {
            let (began_at, newest_at) = (opened_at, opened_at);
            self.0.push(Digest { number, began_at, newest_at, total: 0, members: Vec::new(), posted: None });
            let excess = self.0.len().saturating_sub(DIGESTS_MAX);
            self.0.drain(..excess);
        }
        let place = self.0.iter().position(|digest| digest.number == number).unwrap_or_default();
        &mut self.0[place]
    }
}

#[cfg(test)]
mod tests {
    use super::{DIGESTS_MAX, DigestEvent, Digests, MEMBERS_MAX, is_storm};
    use crate::id::IncidentId;
    use chrono::{DateTime, TimeDelta, Utc};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn the_sixth_incident_within_two_minutes_is_a_storm() {
        #[track_caller]
        fn check(opened: i64, before: &[i64], cards: usize, expect: bool) {
            assert_eq!(
                is_storm(at(opened), before.iter().map(|s| at(*s)), cards),
                expect,
                "{opened} {before:?} {cards}"
            );
        }
        check(100, &[90, 80, 70, 60, 50], 5, true);
        check(100, &[90, 80, 70, 60], 5, false);
        check(100, &[90, 80, 70, 60, -20], 5, true);
        check(100, &[90, 80, 70, 60, -21], 5, false);
        check(100, &[90, 80, 70, 60, -500, -600], 5, false);
        check(100, &[], 0, false);
        check(100, &[99], 1, true);
    }

    fn joined(digests: &mut Digests, incident: u64, opened: i64) -> u64 {
        let event = digests.join(IncidentId(incident), at(opened));
        digests.apply(&event);
        let DigestEvent::DigestJoined { digest, .. } = event else { panic!("{event:?}") };
        digest
    }

    #[test]
    fn a_storm_has_one_digest_until_it_is_over() {
        let mut digests = Digests::default();
        assert_eq!(joined(&mut digests, 6, 0), 1);
        assert_eq!(joined(&mut digests, 8, 100), 1);
        assert_eq!(joined(&mut digests, 7, 50), 1, "its card was asked for late");
        assert_eq!(joined(&mut digests, 9, 220), 1);
        assert_eq!(digests.get(1).map(|digest| (digest.total, digest.newest_at)), Some((4, at(220))));
        assert_eq!(joined(&mut digests, 20, 341), 2, "nothing came for more than two minutes");
    }

    #[test]
    fn a_digest_of_an_hour_ago_takes_no_more() {
        let mut digests = Digests::default();
        let numbers: Vec<u64> = (0..80).map(|minute| joined(&mut digests, 10 + minute, 60 * minute as i64)).collect();
        assert_eq!(numbers[60], 1);
        assert_eq!(numbers[61], 2);
        assert_eq!(numbers[79], 2);
    }

    #[test]
    fn where_it_was_posted_is_kept_by_number() {
        let mut digests = Digests::default();
        joined(&mut digests, 6, 0);
        joined(&mut digests, 30, 1000);
        digests.apply(&DigestEvent::DigestPosted { digest: 1, channel: "C1".into(), ts: "1.2".into() });
        assert_eq!(digests.get(1).and_then(|digest| digest.posted.clone()), Some(("C1".into(), "1.2".into())));
        assert_eq!(digests.get(2).and_then(|digest| digest.posted.clone()), None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut digests = Digests::default();
        for incident in 0..1000 {
            joined(&mut digests, incident, 0);
        }
        let digest = digests.get(1).expect("the first");
        assert_eq!((digest.total, digest.members.len()), (1000, MEMBERS_MAX));
        assert_eq!(digest.members.last(), Some(&IncidentId(999)));
        for storm in 1..10 {
            joined(&mut digests, 2000, storm * 10_000);
        }
        assert_eq!(digests.0.len(), DIGESTS_MAX);
        assert_eq!(digests.get(1), None);
        assert_eq!(joined(&mut digests, 1, 1_000_000), 11);
    }
}
