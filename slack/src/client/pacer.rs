//! When a call may go: Slack takes one post a second in a channel and about fifty edits a minute in a workspace, and says
//! `Retry-After` when it has enough. Pure: time is an argument, the caller does the waiting.

use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, VecDeque};

/// Between two posts in one channel, as Slack allows it.
pub const CHANNEL_POST_INTERVAL: TimeDelta = TimeDelta::seconds(1);
/// `chat.update` is allowed some 50 times a minute; a few are kept for what must not wait.
pub const UPDATES_PER_MINUTE: usize = 45;

/// What was sent lately, and what Slack told us to hold back. One for each workspace.
#[derive(Debug, Clone)]
pub struct Pacer {
    post_interval: TimeDelta,
    posted: BTreeMap<String, DateTime<Utc>>,
    updated: VecDeque<DateTime<Utc>>,
    held: BTreeMap<String, DateTime<Utc>>,
}

impl Pacer {
    /// A pacer that leaves this much time between two posts in one channel: [`CHANNEL_POST_INTERVAL`], unless somebody
    /// knows better.
    #[must_use]
    pub fn new(post_interval: TimeDelta) -> Self {
        Self { post_interval, posted: BTreeMap::new(), updated: VecDeque::new(), held: BTreeMap::new() }
    }

    /// The time between two posts in one channel.
    #[must_use]
    pub const fn post_interval(&self) -> TimeDelta {
        self.post_interval
    }

    /// Another time from now on; posts that have their turn keep it.
    pub const fn set_post_interval(&mut self, post_interval: TimeDelta) {
        self.post_interval = post_interval;
    }

    /// The earliest moment at which this call may go; `at`, which is now, or later. `channel` is empty where it does not
    /// matter. What is too long ago to matter is forgotten.
    #[must_use]
    pub fn earliest(&mut self, method: &str, channel: &str, at: DateTime<Utc>) -> DateTime<Utc> {
        let interval = self.post_interval;
        self.posted.retain(|_, last| *last + interval > at);
        let held = self.held.get(method).copied();
        let paced = match method {
            "chat.postMessage" => self.posted.get(channel).map(|last| *last + interval),
            "chat.update" if self.updated.len() >= UPDATES_PER_MINUTE => {
                self.updated.get(self.updated.len() - UPDATES_PER_MINUTE).map(|first| *first + TimeDelta::minutes(1))
            }
            _ => None,
        };
        [Some(at), held, paced].into_iter().flatten().max().unwrap_or(at)
    }

    /// A call went out, or will at this moment.
    pub fn went(&mut self, method: &str, channel: &str, at: DateTime<Utc>) {
        match method {
            "chat.postMessage" => drop(self.posted.insert(channel.to_owned(), at)),
            "chat.update" => {
                self.updated.push_back(at);
                while self.updated.len() > UPDATES_PER_MINUTE {
                    self.updated.pop_front();
                }
            }
            _ => {}
        }
    }

    /// Slack said to wait before this method is called again; other methods go on.
    pub fn hold(&mut self, method: &str, until: DateTime<Utc>) {
        let held = self.held.entry(method.to_owned()).or_insert(until);
        *held = until.max(*held);
    }
}

#[cfg(test)]
mod tests {
    use super::{CHANNEL_POST_INTERVAL, Pacer, UPDATES_PER_MINUTE};
    use chrono::{DateTime, TimeDelta, Utc};

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(ms).unwrap()
    }

    #[test]
    fn one_post_a_second_in_each_channel() {
        let mut pacer = Pacer::new(CHANNEL_POST_INTERVAL);
        pacer.went("chat.postMessage", "C1", at(0));
        assert_eq!(pacer.earliest("chat.postMessage", "C1", at(300)), at(1000));
        assert_eq!(pacer.earliest("chat.postMessage", "C2", at(300)), at(300));
        assert_eq!(pacer.earliest("chat.postMessage", "C1", at(2000)), at(2000));
    }

    #[test]
    fn the_interval_that_is_set_is_obeyed() {
        let mut pacer = Pacer::new(TimeDelta::milliseconds(1500));
        pacer.went("chat.postMessage", "C1", at(0));
        assert_eq!(pacer.earliest("chat.postMessage", "C1", at(300)), at(1500));
        pacer.set_post_interval(TimeDelta::seconds(5));
        pacer.went("chat.postMessage", "C2", at(2000));
        assert_eq!(pacer.earliest("chat.postMessage", "C1", at(2000)), at(5000), "the last post in C1 was at 0");
        assert_eq!(pacer.earliest("chat.postMessage", "C2", at(2000)), at(7000));
    }

    #[test]
    fn a_post_that_waits_in_one_channel_does_not_free_another() {
        let mut pacer = Pacer::new(CHANNEL_POST_INTERVAL);
        pacer.went("chat.postMessage", "C1", at(0));
        pacer.went("chat.postMessage", "C2", at(5000));
        assert_eq!(pacer.earliest("chat.postMessage", "C1", at(300)), at(1000));
    }

    #[test]
    fn edits_have_a_minute() {
        let mut pacer = Pacer::new(CHANNEL_POST_INTERVAL);
        for n in 0..UPDATES_PER_MINUTE {
            assert_eq!(pacer.earliest("chat.update", "C1", at(10)), at(10), "{n}");
            pacer.went("chat.update", "C1", at(10));
        }
        assert_eq!(pacer.earliest("chat.update", "C1", at(20)), at(10) + TimeDelta::minutes(1));
    }

    #[test]
    fn slack_is_obeyed_for_the_method_it_names() {
        let mut pacer = Pacer::new(CHANNEL_POST_INTERVAL);
        pacer.hold("chat.update", at(30_000));
        pacer.hold("chat.update", at(20_000));
        assert_eq!(pacer.earliest("chat.update", "C1", at(0)), at(30_000));
        assert_eq!(pacer.earliest("views.open", "", at(0)), at(0));
    }
}
