//! What was announced of one schedule, as a state folded from events: the newest handoff, the gaps that people know of, and
//! which handoffs were foreseen by which rules of time zones. It decides what is new; it reads no log and tells nobody.

use chrono::{DateTime, TimeDelta, Utc};
use incident::ResponderId;
use rota::{Handover, Operation, Rota, Span, UnknownSchedule, Way, final_schedule, gaps, handovers, moved, on_call};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far ahead handoffs are kept, to be compared when the rules of time zones change.
const FORESEEN: TimeDelta = TimeDelta::days(90);
/// They are written anew when fewer days than these are left of them.
const FORESEEN_LEFT: TimeDelta = TimeDelta::days(60);
/// Handoffs that are kept; they are written anew when no more than half of them are left either.
const FORESEEN_MAX: usize = 200;
/// How far behind the look ahead the end of a gap is looked for.
const GAP_END: TimeDelta = TimeDelta::days(14);
/// By how much the same gap of two weeks differs when clocks change.
const SAME_GAP: TimeDelta = TimeDelta::hours(1);
/// Gaps that are over and still known.
const GAPS_KEPT: usize = 50;

/// One thing that was announced, or written down to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HandoffEvent {
    /// The schedule was looked at for the first time: nobody is told who was on duty already.
    Began {
        /// Who is on duty, by id.
        people: Vec<ResponderId>,
    },
    /// Others are on duty.
    HandedOver {
        /// Counts from 1.
        number: u64,
        /// Who left, who came, and when.
        handover: Handover,
        /// The version of tzdata by which it is then.
        tzdata: String,
    },
    /// Its post stands in the channel.
    Posted {
        /// The handoff.
        number: u64,
        /// The channel's id.
        channel: String,
        /// The message's id.
        ts: String,
    },
    /// One of those who came has it.
    Acknowledged {
        /// The handoff.
        number: u64,
        /// Who.
        by: ResponderId,
    },
    /// Nobody acknowledged in time, and others were told; nobody when there are no others.
    Asked {
        /// The handoff.
        number: u64,
        /// Who.
        to: Vec<ResponderId>,
    },
    /// Nobody will be on duty for a time.
    GapSeen {
        /// Counts from 1.
        number: u64,
        /// When.
        gap: Span,
    },
    /// The alarm of a gap stands in the channel.
    GapPosted {
        /// The gap.
        number: u64,
        /// The channel's id.
        channel: String,
        /// The message's id.
        ts: String,
    },
    /// A gap has another start or end.
    GapMoved {
        /// The gap.
        number: u64,
        /// When it is now.
        gap: Span,
    },
    /// Somebody is on duty in all of it.
    GapFilled {
        /// The gap.
        number: u64,
    },
    /// People who will be on duty and cannot be reached as they should, each with the reason: all of them.
    Unreachable {
        /// By id.
        people: BTreeMap<ResponderId, String>,
    },
    /// The handoffs of the next time, by the rules of one tzdata.
    Foreseen {
        /// Its version.
        tzdata: String,
        /// Until when.
        until: DateTime<Utc>,
        /// The handoffs.
        handovers: Vec<Handover>,
    },
    /// Another tzdata puts handoffs at other moments.
    RulesChanged {
        /// The version before.
        before: String,
        /// The version now.
        after: String,
        /// When each was before, and the handoff as it is now.
        moved: Vec<(DateTime<Utc>, Handover)>,
    },
}

impl HandoffEvent {
    /// Its name in the log.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Began { .. } => "handoffs_began",
            Self::HandedOver { .. } => "handed_over",
            Self::Posted { .. } => "handoff_posted",
            Self::Acknowledged { .. } => "handoff_acknowledged",
            Self::Asked { .. } => "handoff_asked",
            Self::GapSeen { .. } => "gap_seen",
            Self::GapPosted { .. } => "gap_posted",
            Self::GapMoved { .. } => "gap_moved",
            Self::GapFilled { .. } => "gap_filled",
            Self::Unreachable { .. } => "unreachable_seen",
            Self::Foreseen { .. } => "handoffs_foreseen",
            Self::RulesChanged { .. } => "zone_rules_changed",
        }
    }
}

/// A message of ours in a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The channel's id.
    pub channel: String,
    /// The message's id.
    pub ts: String,
}

/// The newest handoff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newest {
    /// Its number.
    pub number: u64,
    /// Who left, who came, and when.
    pub handover: Handover,
    /// When it was announced.
    pub told_at: DateTime<Utc>,
    /// The version of tzdata by which it was then.
    pub tzdata: String,
    /// Its post.
    pub post: Option<Place>,
    /// Who has it, since when.
    pub acknowledged: Option<(ResponderId, DateTime<Utc>)>,
    /// Who was told that nobody had acknowledged, and when; nobody, when there was nobody to be told.
    pub asked: Option<(Vec<ResponderId>, DateTime<Utc>)>,
}

/// A gap that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownGap {
    /// When.
    pub span: Span,
    /// Its alarm.
    pub post: Option<Place>,
    /// True once somebody is on duty in all of it.
    pub is_filled: bool,
}

/// The handoffs ahead, by the rules of one tzdata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreseen {
    /// Its version.
    pub tzdata: String,
    /// Until when.
    pub until: DateTime<Utc>,
    /// The handoffs.
    pub handovers: Vec<Handover>,
}

/// Everything that was announced of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Handoffs {
    /// Who was on duty by the last handoff, or when it was first looked, and since when that is known.
    pub seen: Option<(Vec<ResponderId>, DateTime<Utc>)>,
    /// The newest handoff.
    pub newest: Option<Newest>,
    /// The handoff before it: its post has to lose its button.
    pub before: Option<Newest>,
    /// The gaps, by number.
    pub gaps: BTreeMap<u64, KnownGap>,
    /// How many gaps there were.
    pub gap_count: u64,
    /// People who cannot be reached as they should, with the reason.
    pub unreachable: BTreeMap<ResponderId, String>,
    /// The handoffs ahead.
    pub foreseen: Option<Foreseen>,
}

impl Handoffs {
    /// The state after one more event.
    pub fn apply(&mut self, event: &HandoffEvent, at: DateTime<Utc>) {
        match event {
            HandoffEvent::Began { people } => self.seen = Some((people.clone(), at)),
            HandoffEvent::HandedOver { number, handover, tzdata } => {
                self.seen = Some((handover.on_duty(), handover.at));
                let newest = Newest {
                    number: *number,
                    handover: handover.clone(),
                    told_at: at,
                    tzdata: tzdata.clone(),
                    post: None,
                    acknowledged: None,
                    asked: None,
                };
                self.before = self.newest.replace(newest);
            }
            HandoffEvent::Posted { number, channel, ts } => {
                let place = Place { channel: channel.clone(), ts: ts.clone() };
                self.of(*number, |newest| newest.post = Some(place));
            }
            HandoffEvent::Acknowledged { number, by } => {
                self.of(*number, |newest| newest.acknowledged = Some((by.clone(), at)));
            }
            HandoffEvent::Asked { number, to } => self.of(*number, |newest| newest.asked = Some((to.clone(), at))),
            HandoffEvent::GapSeen { number, gap } => {
                self.gap_count = *number;
                self.gaps.insert(*number, KnownGap { span: *gap, post: None, is_filled: false });
                // One that is ahead is never let go: it would be found, and told, again.
                let over = self.gaps.iter().filter(|(_, known)| known.span.end <= gap.start).map(|(number, _)| *number);
                let too_many = self.gaps.len().saturating_sub(GAPS_KEPT);
                for number in over.take(too_many).collect::<Vec<_>>() {
                    self.gaps.remove(&number);
                }
            }
            HandoffEvent::GapPosted { number, channel, ts } => {
                let place = Place { channel: channel.clone(), ts: ts.clone() };
                self.gaps.entry(*number).and_modify(|gap| gap.post = Some(place));
            }
            HandoffEvent::GapMoved { number, gap } => {
                self.gaps.entry(*number).and_modify(|known| {
                    (known.span, known.is_filled) = (*gap, false);
                });
            }
            HandoffEvent::GapFilled { number } => {
                self.gaps.entry(*number).and_modify(|gap| gap.is_filled = true);
            }
            HandoffEvent::Unreachable { people } => self.unreachable.clone_from(people),
            HandoffEvent::Foreseen { tzdata, until, handovers } => {
                let (tzdata, handovers) = (tzdata.clone(), handovers.clone());
                self.foreseen = Some(Foreseen { tzdata, until: *until, handovers });
            }
            HandoffEvent::RulesChanged { .. } => {}
        }
    }

    /// A handoff of that number, the newest or the one before.
    #[must_use]
    pub fn handoff(&self, number: u64) -> Option<&Newest> {
        [&self.newest, &self.before].into_iter().flatten().find(|handoff| handoff.number == number)
    }

    /// Whether others came on duty since the handoff of that number.
    #[must_use]
    pub fn is_over(&self, number: u64) -> bool {
        self.newest.as_ref().is_none_or(|newest| newest.number != number)
    }

    fn of(&mut self, number: u64, change: impl FnOnce(&mut Newest)) {
        let all = [&mut self.newest, &mut self.before].into_iter().flatten();
        if let Some(found) = { all }.find(|handoff| handoff.number == number) {
            change(found);
        }
    }
}

/// A look at a schedule at one moment.
pub struct Look<'a> {
    /// The rota.
    pub rota: &'a Rota,
    /// The schedule.
    pub schedule: &'a str,
    /// The changes that people made.
    pub operations: &'a [Operation],
    /// The moment.
    pub now: DateTime<Utc>,
    /// How far ahead gaps are looked for.
    pub look_ahead: TimeDelta,
    /// The version of tzdata.
    pub tzdata: &'a str,
}

impl Look<'_> {
    /// What is new since that state, and when the next handoff is; `None` when it is further ahead than is searched.
    ///
    /// # Errors
    /// When there is no such schedule.
    pub fn news(&self, state: &Handoffs) -> Result<(Vec<HandoffEvent>, Option<DateTime<Utc>>), UnknownSchedule> {
        let duty = on_call(self.rota, self.schedule, self.operations, self.now)?;
        let mut people = duty.on_duty.clone();
        people.sort();
        people.dedup();
        let mut news = Vec::new();
        match &state.seen {
            None => news.push(HandoffEvent::Began { people }),
            Some((seen, since)) => {
                if let Some(handover) = self.newest(seen, *since, &people, duty.since)? {
                    let number = state.newest.as_ref().map_or(0, |newest| newest.number) + 1;
                    news.push(HandoffEvent::HandedOver { number, handover, tzdata: self.tzdata.to_owned() });
                }
            }
        }
        news.extend(self.foreseen(state)?);
        news.extend(self.gaps(state)?);
        news.extend(self.unreachable(state)?);
        Ok((news, duty.until))
    }

    /// The newest handoff that nobody was told of. Of several that fell into a stop it is the last: the others are over.
    fn newest(
        &self,
        seen: &[ResponderId],
        since: DateTime<Utc>,
        people: &[ResponderId],
        changed_at: Option<DateTime<Utc>>,
    ) -> Result<Option<Handover>, UnknownSchedule> {
        let until = self.now + TimeDelta::seconds(1);
        let mut missed = handovers(self.rota, self.schedule, self.operations, since, until)?;
        missed.retain(|handover| handover.at <= self.now);
        let planned = missed.pop().filter(|last| last.on_duty() == people);
        // A change that came without notice counts from now on, or from when it says.
        let at = changed_at.filter(|at| *at > since && *at <= self.now).unwrap_or(self.now);
        Ok(planned.or_else(|| Handover::between(seen, people, at)))
    }

    /// The handoffs ahead, when they are not those that were written down; and before them what other rules of time zones did
    /// to those.
    fn foreseen(&self, state: &Handoffs) -> Result<Vec<HandoffEvent>, UnknownSchedule> {
        let mut until = self.now + FORESEEN;
        let mut ahead = handovers(self.rota, self.schedule, self.operations, self.now, until)?;
        if let Some(beyond) = ahead.get(FORESEEN_MAX) {
            until = beyond.at;
            ahead.truncate(FORESEEN_MAX);
        }
        let mut news = Vec::new();
        if let Some(known) = &state.foreseen {
            let of = |all: &[Handover]| -> Vec<Handover> {
                all.iter().filter(|one| one.at > self.now && one.at < known.until).cloned().collect()
            };
            let (old, new) = (of(&known.handovers), of(&ahead));
            let are_enough = known.until > self.now + FORESEEN_LEFT || old.len() > FORESEEN_MAX / 2;
            if known.tzdata == self.tzdata && old == new && are_enough {
                return Ok(news);
            }
            let moved = if known.tzdata == self.tzdata { Vec::new() } else { moved(&old, &new) };
            if !moved.is_empty() {
                let (before, after) = (known.tzdata.clone(), self.tzdata.to_owned());
                news.push(HandoffEvent::RulesChanged { before, after, moved });
            }
        }
        news.push(HandoffEvent::Foreseen { tzdata: self.tzdata.to_owned(), until, handovers: ahead });
        Ok(news)
    }

    /// What is new of the gaps: those ahead that nobody knows of, those that moved, those that are filled.
    fn gaps(&self, state: &Handoffs) -> Result<Vec<HandoffEvent>, UnknownSchedule> {
        let horizon = self.now + self.look_ahead;
        let mut found = gaps(self.rota, self.schedule, self.operations, self.now, horizon + GAP_END)?;
        found.retain(|gap| gap.start < horizon);
        let mut news = Vec::new();
        for (number, known) in state.gaps.iter().filter(|(_, known)| known.span.end > self.now) {
            let overlaps = |gap: &Span| gap.start < known.span.end && known.span.start < gap.end;
            let Some(place) = found.iter().position(overlaps) else {
                if !known.is_filled {
                    news.push(HandoffEvent::GapFilled { number: *number });
                }
                continue;
            };
            let mut gap = found.remove(place);
            if gap.start <= self.now {
                gap.start = known.span.start.min(self.now);
            }
            // Nobody knows its end yet: it moves with every look, and that is no news.
            if gap.end >= horizon + GAP_END && known.span.end >= horizon {
                gap.end = known.span.end;
            }
            if known.is_filled || gap != known.span {
                news.push(HandoffEvent::GapMoved { number: *number, gap });
            }
        }
        let planned = gaps(self.rota, self.schedule, &[], self.now - TimeDelta::days(8), horizon + GAP_END)?;
        found.retain(|gap| gap.start > self.now && !is_weekly(*gap, &planned));
        let seen = |(place, gap)| HandoffEvent::GapSeen { number: state.gap_count + 1 + place as u64, gap };
        news.extend(found.into_iter().enumerate().map(seen));
        Ok(news)
    }

    /// Those who will be on duty and cannot be paged as they should, when they are others than before.
    fn unreachable(&self, state: &Handoffs) -> Result<Option<HandoffEvent>, UnknownSchedule> {
        let ahead = final_schedule(self.rota, self.schedule, self.operations, self.now, self.now + self.look_ahead)?;
        let mut people = BTreeMap::new();
        for who in ahead.iter().flat_map(|segment| segment.on_duty.iter().copied()) {
            let why = match self.rota.person(who) {
                None => "is not in the rota any more, and nothing reaches them",
                Some(person) if person.slack.is_some() => continue,
                Some(person) if Way::ALL.into_iter().any(|way| person.address(way).is_some()) => {
                    "has no Slack member id, and is paged by other ways only"
                }
                Some(_) => "has no Slack member id and no other way to be paged: nothing reaches them",
            };
            people.insert(who.clone(), why.to_owned());
        }
        Ok((people != state.unreachable).then_some(HandoffEvent::Unreachable { people }))
    }
}

/// Whether a gap is there in each week by the layers alone: such hours are meant to be closed.
fn is_weekly(gap: Span, planned: &[Span]) -> bool {
    let is_there = |days: i64| {
        let start = gap.start + TimeDelta::days(days);
        planned.iter().any(|planned| (planned.start - start).abs() <= SAME_GAP)
    };
    is_there(0) && is_there(-7) && is_there(7)
}

#[cfg(test)]
mod tests;
