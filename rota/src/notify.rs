//! By what a person is paged, and when: their own rules, else the rules for everybody. Whether an address for it is
//! known, and what happens when nobody has written a rule, is for whoever asks to say.

use chrono::TimeDelta;
use incident::Urgency;

/// A way to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// A direct message.
    Slack,
    /// A text message.
    Sms,
    /// An SNS topic of their own.
    Sns,
    /// An address of their own that is told.
    Webhook,
    /// An address of a provider that calls them.
    Voice,
    /// A message to their mailbox.
    Email,
}

impl Way {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 6] = [Self::Slack, Self::Sms, Self::Sns, Self::Webhook, Self::Voice, Self::Email];

    /// Its word in files and in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Sms => "sms",
            Self::Sns => "sns",
            Self::Webhook => "webhook",
            Self::Voice => "voice",
            Self::Email => "email",
        }
    }

    /// The key of `[people.NAME]` that holds its address.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Sms => "phone",
            other => other.as_str(),
        }
    }

    /// The way of that word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == word)
    }
}

/// One rule: page by this, so long after being asked, unless somebody has acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// By what.
    pub way: Way,
    /// How long after.
    pub after: TimeDelta,
}

/// The rules of somebody, or of everybody. `None` is not said; an empty list is said and pages by nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// For what cannot wait.
    pub high: Option<Vec<Rule>>,
    /// For what can.
    pub low: Option<Vec<Rule>>,
}

impl Rules {
    /// Most rules of one urgency.
    pub const MAX: usize = 10;

    /// What is said for an urgency.
    #[must_use]
    pub fn of(&self, urgency: Urgency) -> Option<&[Rule]> {
        match urgency {
            Urgency::High => self.high.as_deref(),
            Urgency::Low => self.low.as_deref(),
        }
    }

    /// True when nothing is said.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.high.is_none() && self.low.is_none()
    }
}
