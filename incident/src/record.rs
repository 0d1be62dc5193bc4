//! What happened to one alarm key over all its incidents: what was tried and whether it helped, how often it cleared alone,
//! what people pinned or banned. Kept in a stream of its own beside the incidents, so that a suggestion costs one read.
//! Folding it has no effects.

use crate::id::{ActionId, IncidentId, ResponderId};
use crate::suggestion::ActionRecord;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How far back people are told of, in days.
pub const HISTORY_DAYS: i64 = 90;

/// Ends that are kept, the newest; beyond, the line on the card says "100 times or more".
const ENDS_MAX: usize = 100;
/// Trials that are kept, the newest.
const TRIALS_MAX: usize = 100;

/// What a trial keeps of its weight with each one of the same action that came after it: a world that has changed is
/// unlearned within ten.
const LATER_KEEPS: f64 = 0.85;
/// After how many days a trial counts half.
const HALF_LIFE_DAYS: f64 = 90.0;
/// What a click says that nobody watched the outcome of, on the first place.
const CHOSEN: f64 = 0.15;
/// All such clicks on one action together say no more than this: whoever clicks often proves nothing.
const CHOSEN_MAX: f64 = 0.5;
/// What a thumb down says against what it is about.
const REJECTED: f64 = 0.5;
/// The first place is looked at more than the others, so a click further down says more: the inverse of how often people
/// click a result of the same worth on places one to three (Joachims and others, 2005: about 1, 0.6, 0.5).
const BY_PLACE: [f64; 3] = [1.0, 1.6, 2.0];

/// One thing worth remembering about an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RecordEvent {
    /// Somebody asked for an action.
    Chosen {
        /// On which incident.
        incident: IncidentId,
        /// Which action.
        action: ActionId,
        /// Who.
        by: ResponderId,
        /// Its place among the suggestions, from 1; `None` when it was not suggested.
        place: Option<u8>,
    },
    /// A run was judged.
    RunJudged {
        /// On which incident.
        incident: IncidentId,
        /// Which action.
        action: ActionId,
        /// Who ran it.
        by: ResponderId,
        /// Did the alarm clear while CatOps watched?
        helped: bool,
        /// How long after the run it cleared, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after_seconds: Option<u64>,
    },
    /// Somebody said that the first suggestion was wrong.
    Rejected {
        /// On which incident.
        incident: IncidentId,
        /// Which action it was.
        action: ActionId,
        /// Who.
        by: ResponderId,
    },
    /// Somebody said what ended it.
    Fixed {
        /// Which incident.
        incident: IncidentId,
        /// What.
        fix: Fix,
        /// Who says so.
        by: ResponderId,
    },
    /// An incident ended.
    Ended {
        /// Which.
        incident: IncidentId,
        /// True when nobody acted on it.
        cleared_alone: bool,
        /// How long it was open, in seconds.
        open_seconds: u64,
    },
    /// Somebody wants an action first, or never, on this alarm; or neither any more.
    Marked {
        /// Which action.
        action: ActionId,
        /// First or never; `None` takes the mark away.
        mark: Option<Mark>,
        /// Who.
        by: ResponderId,
        /// Why.
        why: String,
    },
}

impl RecordEvent {
    /// The kind as it stands in the log.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Chosen { .. } => "chosen",
            Self::RunJudged { .. } => "run_judged",
            Self::Rejected { .. } => "rejected",
            Self::Fixed { .. } => "fixed",
            Self::Ended { .. } => "ended",
            Self::Marked { .. } => "marked",
        }
    }
}

/// What ended an incident, in the words of somebody who was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fix {
    /// This action, run by CatOps or by hand.
    Action(ActionId),
    /// Nothing: it cleared alone.
    Alone,
    /// Something that CatOps does not know.
    Other,
}

impl Fix {
    /// In a sentence: "... ended it".
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Self::Action(action) => action.to_string(),
            Self::Alone => "nothing that anybody did".to_owned(),
            Self::Other => "something else".to_owned(),
        }
    }
}

/// What somebody wants of an action on an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Before all others.
    Pinned,
    /// Not at all.
    Banned,
}

/// A mark, and who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    /// Which.
    pub mark: Mark,
    /// Who.
    pub by: ResponderId,
    /// Why.
    pub why: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// How an incident ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Which.
    pub incident: IncidentId,
    /// When.
    pub at: DateTime<Utc>,
    /// True when it ended without anybody acting.
    pub alone: bool,
    /// How long it was open, in seconds.
    pub open_seconds: u64,
}

/// What is known of an action from one incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// Which incident.
    pub incident: IncidentId,
    /// When.
    pub at: DateTime<Utc>,
    /// Which action.
    pub action: ActionId,
    /// Who ran it, or said so.
    pub by: ResponderId,
    /// What is known.
    pub verdict: Verdict,
}

/// What is known of an action from one incident, the weakest first: a stronger one takes the place of a weaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Somebody asked for it, on this place of the suggestions.
    Chosen(Option<u8>),
    /// Somebody said that it is wrong here.
    Rejected,
    /// It ran and the alarm stayed.
    DidNotHelp,
    /// The alarm cleared, so many seconds after it, where that was watched.
    Helped(Option<u64>),
}

impl Verdict {
    /// What it says for and against the action.
    fn weights(self) -> (f64, f64) {
        match self {
            Self::Chosen(place) => {
                let place = usize::from(place.unwrap_or(u8::MAX)).clamp(1, BY_PLACE.len());
                (CHOSEN * BY_PLACE[place - 1], 0.0)
            }
            Self::Rejected => (0.0, REJECTED),
            Self::DidNotHelp => (0.0, 1.0),
            Self::Helped(_) => (1.0, 0.0),
        }
    }
}

/// How much speaks for and against an action, in outcomes: the newest counts 1, older ones less.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Evidence {
    /// For it.
    pub helped: f64,
    /// Against it.
    pub failed: f64,
}

impl Evidence {
    /// Both together.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.helped + self.failed
    }
}

/// The record of one alarm key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Record {
    /// How its incidents ended, the newest last.
    pub ends: Vec<End>,
    /// What was learned of actions, at most one of each incident and action, the newest last.
    pub trials: Vec<Trial>,
    /// What people pinned and banned.
    pub marks: BTreeMap<ActionId, Marked>,
}

impl Record {
    /// Moves the record over one more event.
    pub fn apply(&mut self, event: &RecordEvent, at: DateTime<Utc>) {
        match event {
            RecordEvent::Chosen { incident, action, by, place } => {
                self.learn(*incident, action, by, Verdict::Chosen(*place), at);
            }
            RecordEvent::RunJudged { incident, action, by, helped: true, after_seconds } => {
                self.learn(*incident, action, by, Verdict::Helped(*after_seconds), at);
            }
            RecordEvent::RunJudged { incident, action, by, helped: false, .. } => {
                self.learn(*incident, action, by, Verdict::DidNotHelp, at);
            }
            RecordEvent::Rejected { incident, action, by } => {
                self.learn(*incident, action, by, Verdict::Rejected, at);
            }
            RecordEvent::Fixed { incident, fix, by } => self.correct(*incident, fix, by, at),
            RecordEvent::Ended { incident, cleared_alone, open_seconds } => {
                let (alone, open_seconds) = (*cleared_alone, *open_seconds);
                // One that was opened again ends again.
                self.ends.retain(|end| end.incident != *incident);
                self.ends.push(End { incident: *incident, at, alone, open_seconds });
                self.ends.drain(..self.ends.len().saturating_sub(ENDS_MAX));
            }
            RecordEvent::Marked { action, mark: Some(mark), by, why } => {
                let marked = Marked { mark: *mark, by: by.clone(), why: why.clone(), at };
                self.marks.insert(action.clone(), marked);
            }
            RecordEvent::Marked { action, mark: None, .. } => {
                self.marks.remove(action);
            }
        }
    }

    fn learn(
        &mut self,
        incident: IncidentId,
        action: &ActionId,
        by: &ResponderId,
        verdict: Verdict,
        at: DateTime<Utc>,
    ) {
        let same = |trial: &Trial| trial.incident == incident && trial.action == *action;
        let strongest = self.trials.iter().filter(|trial| same(trial)).map(|trial| trial.verdict).max();
        if strongest.is_some_and(|known| rank(known) > rank(verdict)) {
            return;
        }
        self.trials.retain(|trial| !same(trial));
        self.trials.push(Trial { incident, at, action: action.clone(), by: by.clone(), verdict });
        self.trials.drain(..self.trials.len().saturating_sub(TRIALS_MAX));
    }

    /// A person who was there knows better than a watch that the alarm's end only happened to fall into.
    fn correct(&mut self, incident: IncidentId, fix: &Fix, by: &ResponderId, at: DateTime<Utc>) {
        let kept = |trial: &Trial| match fix {
            Fix::Action(action) => trial.action == *action,
            Fix::Alone | Fix::Other => false,
        };
        self.trials
            .retain(|trial| trial.incident != incident || !matches!(trial.verdict, Verdict::Helped(_)) || kept(trial));
        if let Fix::Action(action) = fix
            && !self
                .trials
                .iter()
                .any(|trial| trial.incident == incident && matches!(trial.verdict, Verdict::Helped(_)))
        {
            self.learn(incident, action, by, Verdict::Helped(None), at);
        }
        if let Some(end) = self.ends.iter_mut().find(|end| end.incident == incident) {
            end.alone = *fix == Fix::Alone;
        }
    }

    /// Every action that something is known of.
    #[must_use]
    pub fn actions(&self) -> BTreeSet<&ActionId> {
        self.trials.iter().map(|trial| &trial.action).collect()
    }

    /// What speaks for and against an action now.
    #[must_use]
    pub fn evidence(&self, action: &ActionId, now: DateTime<Utc>) -> Evidence {
        let (mut evidence, mut chosen, mut keeps) = (Evidence::default(), 0.0, 1.0);
        for trial in self.trials.iter().rev().filter(|trial| trial.action == *action) {
            let (helped, failed) = trial.verdict.weights();
            let days = (now - trial.at).num_minutes().max(0) as f64 / (24.0 * 60.0);
            let weight = keeps * 0.5_f64.powf(days / HALF_LIFE_DAYS);
            match trial.verdict {
                Verdict::Chosen(_) => chosen += helped * weight,
                Verdict::Rejected | Verdict::DidNotHelp | Verdict::Helped(_) => evidence.helped += helped * weight,
            }
            evidence.failed += failed * weight;
            keeps *= LATER_KEEPS.powf(helped + failed);
        }
        evidence.helped += f64::min(chosen, CHOSEN_MAX);
        evidence
    }

    /// What an action achieved within [`HISTORY_DAYS`], in plain numbers.
    #[must_use]
    pub fn tally(&self, action: &ActionId, now: DateTime<Utc>) -> ActionRecord {
        let (mut tally, mut seconds) = (ActionRecord::default(), Vec::new());
        for trial in self.trials.iter().filter(|trial| trial.action == *action && is_recent(trial.at, now)) {
            match trial.verdict {
                Verdict::Helped(after) => {
                    tally.helped += 1;
                    seconds.extend(after);
                }
                Verdict::DidNotHelp => tally.did_not_help += 1,
                Verdict::Chosen(_) | Verdict::Rejected => {}
            }
        }
        tally.median_seconds = median(seconds);
        tally
    }

    /// What people who have this incident now are told of those before it; none when there were none.
    #[must_use]
    pub fn history(&self, incident: IncidentId, now: DateTime<Utc>) -> Option<History> {
        let before = |end: &&End| end.incident != incident && is_recent(end.at, now);
        let ends: Vec<&End> = self.ends.iter().filter(before).collect();
        let alone: Vec<u64> = ends.iter().filter(|end| end.alone).map(|end| end.open_seconds).collect();
        let tallies = self.actions().into_iter().map(|action| (action.clone(), self.tally(action, now)));
        let mut achieved: Vec<(ActionId, ActionRecord)> = tallies.filter(|(_, tally)| tally.runs() > 0).collect();
        achieved.sort_by_key(|(_, tally)| (std::cmp::Reverse(tally.helped), tally.did_not_help));
        achieved.truncate(History::ACTIONS_MAX);
        let helped = |trial: &&Trial| matches!(trial.verdict, Verdict::Helped(_)) && is_recent(trial.at, now);
        let last = self.trials.iter().rev().find(helped).map(|trial| (trial.by.clone(), trial.at));
        let history = History {
            fired: count(ends.len() + 1),
            alone: count(alone.len()),
            alone_median_seconds: median(alone),
            achieved,
            last,
        };
        (history.fired > 1 || !history.achieved.is_empty()).then_some(history)
    }
}

/// Outcomes are of one rank: the newer one is true. What people only chose or rejected is of a lower one.
const fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Chosen(_) => 0,
        Verdict::Rejected => 1,
        Verdict::DidNotHelp | Verdict::Helped(_) => 2,
    }
}

fn is_recent(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - at <= TimeDelta::days(HISTORY_DAYS)
}

/// The middle one; of an even number the lower of the two in the middle.
fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len().saturating_sub(1) / 2).copied()
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// What is told of an alarm's past: how often, how it ended, what helped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Its incidents within [`HISTORY_DAYS`], the present one included.
    pub fired: u32,
    /// How many of those before cleared without anybody acting.
    pub alone: u32,
    /// How long those were open, in seconds: the median.
    pub alone_median_seconds: Option<u64>,
    /// What was tried, what helped most first.
    pub achieved: Vec<(ActionId, ActionRecord)>,
    /// Who ran something that helped last, and when.
    pub last: Option<(ResponderId, DateTime<Utc>)>,
}

impl History {
    /// Actions that are told.
    const ACTIONS_MAX: usize = 2;
    /// From how many on a median is told: of fewer only the counts.
    const MEDIAN_FROM: u32 = 3;

    /// In a sentence: `Fired 11 times in 90 days; 8 cleared alone, median 4 min; restart-consumer 3 of 3, median 2 min; last by
    /// Ann, 12 Oct`.
    #[must_use]
    pub fn line(&self, name: impl Fn(&ResponderId) -> String) -> String {
        let more = if self.fired as usize > ENDS_MAX { " or more" } else { "" };
        let mut parts = vec![match self.fired {
            1 => format!("Fired once in {HISTORY_DAYS} days"),
            fired => format!("Fired {fired} times{more} in {HISTORY_DAYS} days"),
        }];
        if self.alone > 0 {
            let median = median_told(self.alone, self.alone_median_seconds);
            parts.push(format!("{} cleared alone{median}", self.alone));
        }
        for (action, tally) in &self.achieved {
            let median = median_told(tally.helped, tally.median_seconds);
            parts.push(format!("{action} {} of {}{median}", tally.helped, tally.runs()));
        }
        if let Some((by, at)) = &self.last {
            parts.push(format!("last by {}, {}", name(by), at.format("%-d %b")));
        }
        parts.join("; ")
    }
}

fn median_told(of: u32, seconds: Option<u64>) -> String {
    match seconds.filter(|_| of >= History::MEDIAN_FROM) {
        Some(seconds) if seconds < 60 => format!(", median {seconds} s"),
        Some(seconds) => format!(", median {} min", (seconds + 30) / 60),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
