//! Pages that wait: which of them are still to come. The same rules as [`Incident::wants_page`], kept up to date event by event,
//! so that nobody is told of a page that will not be sent.

use super::{Incident, Waiting};
use crate::event::BY_SLACK;
use crate::id::ResponderId;
use chrono::{DateTime, Utc};

impl Incident {
    /// A page waits; one that waited already waits until then instead.
    pub(super) fn page_waits(&mut self, to: &ResponderId, by: &str, until: DateTime<Utc>, because: &str) {
        self.held.retain(|held| held.to != *to || held.by != by);
        self.held.push(Waiting { to: to.clone(), by: by.to_owned(), until, because: because.to_owned() });
    }

    /// A page reached somebody: it was the one that waited, or that one only stood in for Slack.
    pub(super) fn page_came(&mut self, to: &ResponderId, by: &str) {
        self.ever_paged.insert(to.clone());
        let plan = self.plans.get(to).map(Vec::as_slice).unwrap_or_default();
        let stands_in = |way: &str| plan.iter().any(|page| page.by == way && page.unless_delivered);
        let is_over = |way: &str| way == by || (by == BY_SLACK && stands_in(way));
        self.held.retain(|held| held.to != *to || !is_over(&held.by));
    }

    /// Others are asked: of those who were asked before, only whoever nothing has reached is still paged.
    pub(super) fn drop_held_pages_of_the_reached(&mut self) {
        let (paged, asked_at) = (&self.paged, self.assigned_seq);
        let is_reached = |who: &ResponderId| paged.iter().any(|page| page.to == *who && page.seq > asked_at);
        self.held.retain(|held| !is_reached(&held.to));
    }
}
