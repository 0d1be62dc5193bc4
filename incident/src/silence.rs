//! Silences: rules by which alarms open nothing for a while. A snooze is one incident that one person leaves alone; a
//! silence is about whatever matches, has an author, a reason and an end.
//!
//! Pure: what a wish becomes, which silence holds an alarm back at an instant, and when it is over. What is held back, and
//! what becomes of it afterwards, stands in `kept`; what it would have held back before it was made, in `past`.

mod kept;
mod matcher;
mod past;

pub use kept::{Held, KeptEvent, Next, look, receive_under};
pub use matcher::{BadMatcher, Comparison, Matcher};
pub use past::{Hidden, LOOKED_BACK};

use crate::alarm::Alarm;
use crate::id::ResponderId;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The longest silence.
pub const SILENCE_MAX: TimeDelta = TimeDelta::days(30);
/// How far ahead one may begin.
pub const SILENCE_AHEAD_MAX: TimeDelta = TimeDelta::days(90);
/// For so long after its end a silence is known and listed.
pub const SILENCE_LISTED: TimeDelta = TimeDelta::days(7);
/// Longest reason, in characters.
const BECAUSE_CHARS_MAX: usize = 300;
/// Matchers of one silence, and their characters together: the state of all silences is read as one piece.
const MATCHERS_MAX: usize = 20;
const MATCHERS_CHARS_MAX: usize = 1000;
/// Silences that are not over.
const STANDING_MAX: usize = 100;
/// Silences that are over and still known, the newest.
const OVER_MAX: usize = 100;

/// A silence's number, printed as `S-3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SilenceId(pub u64);

impl fmt::Display for SilenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S-{}", self.0)
    }
}

/// Said when a text names no silence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no number of a silence; write it as S-3 or 3")]
pub struct BadSilenceId(String);

impl FromStr for SilenceId {
    type Err = BadSilenceId;

    /// Reads `S-3`, `s3`, `#3` and `3`.
    fn from_str(text: &str) -> Result<Self, BadSilenceId> {
        let lower = text.trim().to_ascii_lowercase();
        let digits = lower.trim_start_matches(['s', '#']).trim_start_matches('-');
        digits.parse().map(Self).map_err(|_| BadSilenceId(text.chars().take(40).collect()))
    }
}

/// A rule by which alarms open nothing for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Its number.
    pub id: SilenceId,
    /// All of them have to agree.
    pub matchers: Vec<Matcher>,
    /// Who wanted it.
    pub by: ResponderId,
    /// Why.
    pub because: String,
    /// When that was.
    pub made_at: DateTime<Utc>,
    /// From when on.
    pub starts_at: DateTime<Utc>,
    /// Until when, as it was made.
    pub ends_at: DateTime<Utc>,
    /// Who ended it before its time, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<(ResponderId, DateTime<Utc>)>,
}

/// Where a silence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SilenceStanding {
    /// It has not begun.
    Pending,
    /// What matches opens nothing.
    Active,
    /// It is over.
    Expired,
}

impl Silence {
    /// When it is over: at its end, or when somebody ended it.
    #[must_use]
    pub fn over_at(&self) -> DateTime<Utc> {
        self.ended.as_ref().map_or(self.ends_at, |(_, at)| self.ends_at.min(*at))
    }

    /// Where it stands at an instant.
    #[must_use]
    pub fn standing(&self, at: DateTime<Utc>) -> SilenceStanding {
        if at >= self.over_at() {
            SilenceStanding::Expired
        } else if at < self.starts_at {
            SilenceStanding::Pending
        } else {
            SilenceStanding::Active
        }
    }

    /// Whether it is in force at an instant.
    #[must_use]
    pub fn is_active(&self, at: DateTime<Utc>) -> bool {
        self.standing(at) == SilenceStanding::Active
    }

    /// Whether it is about an alarm. A drill is never silenced: it asks whether people are reached.
    #[must_use]
    pub fn is_about(&self, alarm: &Alarm) -> bool {
        alarm.counts() && self.matchers.iter().all(|matcher| matcher.matches(alarm))
    }

    /// Its matchers as they are typed.
    #[must_use]
    pub fn rule(&self) -> String {
        self.matchers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
}

/// A silence that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilenceWish {
    /// All of them have to agree.
    pub matchers: Vec<Matcher>,
    /// Who wants it.
    pub by: ResponderId,
    /// Why.
    pub because: String,
    /// From when on; now when it has passed.
    pub starts_at: DateTime<Utc>,
    /// Until when.
    pub ends_at: DateTime<Utc>,
}

/// Why a wish about silences became nothing. Each text says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSilenced {
    /// Nothing says which alarms.
    #[error("say which alarms, like alertname=HighCPU or INC-42")]
    NoMatcher,
    /// It would be about every alarm.
    #[error(
        "{rule} is about every alarm, or nearly; name what one alarm has and others have not, like alertname=HighCPU"
    )]
    Everything {
        /// As it was typed.
        rule: String,
    },
    /// More than is kept.
    #[error(
        "a silence has at most {MATCHERS_MAX} matchers of {MATCHERS_CHARS_MAX} characters together; make two of it"
    )]
    TooMuch,
    /// A reason is asked for.
    #[error("say why: whoever comes next reads it")]
    NoReason,
    /// The end is not behind the start, or it has passed.
    #[error("its end is not after its start, or has passed")]
    BadTime,
    /// It is too long.
    #[error("a silence lasts 30 days at most; what is to be left alone for longer is switched off where it comes from")]
    TooLong,
    /// It begins too late.
    #[error("a silence begins within 90 days")]
    TooFar,
    /// There are too many.
    #[error("there are {STANDING_MAX} silences that are not over; end some: unsilence S-1")]
    TooMany,
    /// There is no such silence.
    #[error("there is no {0}, or it has been over for more than a week")]
    NoSuchSilence(SilenceId),
    /// It is over.
    #[error("{silence} is over since {}", at.format("%Y-%m-%d %H:%M UTC"))]
    Over {
        /// Which.
        silence: SilenceId,
        /// Since when.
        at: DateTime<Utc>,
    },
}

/// One thing that happened to the silences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SilenceEvent {
    /// Somebody made one.
    SilenceMade {
        /// Its number.
        silence: SilenceId,
        /// All of them have to agree.
        matchers: Vec<Matcher>,
        /// Who.
        by: ResponderId,
        /// Why.
        because: String,
        /// From when on.
        starts_at: DateTime<Utc>,
        /// Until when.
        ends_at: DateTime<Utc>,
    },
    /// Somebody ended one before its time.
    SilenceEnded {
        /// Which.
        silence: SilenceId,
        /// Who.
        by: ResponderId,
    },
}

impl SilenceEvent {
    /// Which silence it happened to.
    #[must_use]
    pub const fn silence(&self) -> SilenceId {
        match self {
            Self::SilenceMade { silence, .. } | Self::SilenceEnded { silence, .. } => *silence,
        }
    }

    /// The kind as it stands in the log.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SilenceMade { .. } => "silence_made",
            Self::SilenceEnded { .. } => "silence_ended",
        }
    }
}

/// All silences: those to come, those in force, and those that were over lately.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Silences {
    /// How many were ever made.
    count: u64,
    known: BTreeMap<SilenceId, Silence>,
}

impl Silences {
    /// All that are known, by number.
    pub fn all(&self) -> impl Iterator<Item = &Silence> {
        self.known.values()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: SilenceId) -> Option<&Silence> {
        self.known.get(&id)
    }

    /// Those to be listed: not over, or over for less than [`SILENCE_LISTED`]; what ends last comes first.
    #[must_use]
    pub fn listed(&self, at: DateTime<Utc>) -> Vec<&Silence> {
        let mut listed: Vec<&Silence> = self.all().filter(|silence| at - silence.over_at() < SILENCE_LISTED).collect();
        listed.sort_by_key(|silence| (std::cmp::Reverse(silence.over_at()), silence.id));
        listed
    }

    /// Those in force, by number.
    pub fn active(&self, at: DateTime<Utc>) -> impl Iterator<Item = &Silence> {
        self.all().filter(move |silence| silence.is_active(at))
    }

    /// The silence that holds an alarm back at an instant: of several the one that ends last.
    #[must_use]
    pub fn over(&self, alarm: &Alarm, at: DateTime<Utc>) -> Option<&Silence> {
        self.active(at).filter(|silence| silence.is_about(alarm)).max_by_key(|silence| (silence.over_at(), silence.id))
    }

    /// What the wish for a silence becomes.
    ///
    /// # Errors
    /// [`NotSilenced`].
    pub fn make(&self, wish: SilenceWish, at: DateTime<Utc>) -> Result<SilenceEvent, NotSilenced> {
        let SilenceWish { matchers, by, because, starts_at, ends_at } = wish;
        let because: String = because.trim().chars().take(BECAUSE_CHARS_MAX).collect();
        let starts_at = starts_at.max(at);
        if matchers.is_empty() {
            return Err(NotSilenced::NoMatcher);
        }
        if matchers.len() > MATCHERS_MAX || matchers.iter().map(Matcher::chars).sum::<usize>() > MATCHERS_CHARS_MAX {
            return Err(NotSilenced::TooMuch);
        }
        if because.is_empty() {
            return Err(NotSilenced::NoReason);
        }
        if ends_at <= starts_at {
            return Err(NotSilenced::BadTime);
        }
        if ends_at - starts_at > SILENCE_MAX {
            return Err(NotSilenced::TooLong);
        }
        if starts_at - at > SILENCE_AHEAD_MAX {
            return Err(NotSilenced::TooFar);
        }
        if self.all().filter(|silence| at < silence.over_at()).count() >= STANDING_MAX {
            return Err(NotSilenced::TooMany);
        }
        let silence = SilenceId(self.count + 1);
        if matchers.iter().all(Matcher::takes_everything) {
            let rule = matchers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            return Err(NotSilenced::Everything { rule });
        }
        Ok(SilenceEvent::SilenceMade { silence, matchers, by, because, starts_at, ends_at })
    }

    /// What the wish to end one becomes.
    ///
    /// # Errors
    /// [`NotSilenced`].
    pub fn end(&self, silence: SilenceId, by: ResponderId, at: DateTime<Utc>) -> Result<SilenceEvent, NotSilenced> {
        let known = self.get(silence).ok_or(NotSilenced::NoSuchSilence(silence))?;
        if known.standing(at) == SilenceStanding::Expired {
            return Err(NotSilenced::Over { silence, at: known.over_at() });
        }
        Ok(SilenceEvent::SilenceEnded { silence, by })
    }

    /// Moves the state over one more event. What was over for long is forgotten then.
    pub fn apply(&mut self, event: &SilenceEvent, at: DateTime<Utc>) {
        match event {
            SilenceEvent::SilenceMade { silence, matchers, by, because, starts_at, ends_at } => {
                self.count = self.count.max(silence.0);
                let made = Silence {
                    id: *silence,
                    matchers: matchers.clone(),
                    by: by.clone(),
                    because: because.clone(),
                    made_at: at,
                    starts_at: *starts_at,
                    ends_at: *ends_at,
                    ended: None,
                };
                self.known.insert(*silence, made);
                self.forget(at);
            }
            SilenceEvent::SilenceEnded { silence, by } => {
                if let Some(known) = self.known.get_mut(silence) {
                    known.ended = Some((by.clone(), at));
                }
            }
        }
    }

    fn forget(&mut self, at: DateTime<Utc>) {
        self.known.retain(|_, silence| at - silence.over_at() < SILENCE_LISTED + TimeDelta::days(1));
        let mut over: Vec<(DateTime<Utc>, SilenceId)> =
            self.all().map(|silence| (silence.over_at(), silence.id)).filter(|(over_at, _)| *over_at <= at).collect();
        over.sort_unstable();
        for (_, id) in over.iter().take(over.len().saturating_sub(OVER_MAX)) {
            self.known.remove(id);
        }
    }
}

#[cfg(test)]
mod tests;
