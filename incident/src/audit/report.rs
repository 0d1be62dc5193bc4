//! What an audit says: the numbers, the events behind them, and what is not accounted for.

use super::{Body, Entry, Of};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Deliveries before this were passed over.
    pub since: Option<DateTime<Utc>>,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Events that were read.
    pub events: u64,
    /// Streams that were seen.
    pub streams: u64,
    /// Receipts that were compared with the events; none in an audit of a part of the log.
    pub receipts: Option<u64>,
    /// Different deliveries that the log took. Equals the sum of the ends when nothing is lost or doubled.
    pub received: u64,
    /// Where they ended.
    pub ends: Ends,
    /// What became of the incidents that were opened.
    pub opened: Opened,
    /// How many things are not as they must be; none is the proof.
    pub unaccounted_total: u64,
    /// Those things; all of them, unless whoever shows the report shortened the list.
    pub unaccounted: Vec<Finding>,
    /// The events behind the numbers, as far as they were asked for.
    pub rows: BTreeMap<Row, Vec<Item>>,
}

/// Where deliveries ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ends {
    /// Opened an incident.
    pub opened: u64,
    /// The same trouble again.
    pub joined: u64,
    /// Said that it is over.
    pub cleared: u64,
    /// Opened an incident again.
    pub refired: u64,
    /// Changed nothing, by reason.
    pub set_aside: BTreeMap<String, u64>,
    /// Opened nothing because a silence was about them, by silence.
    pub silenced: BTreeMap<String, u64>,
    /// Could not be read and lie in the dead letters, by source.
    pub rejected: BTreeMap<String, u64>,
}

impl Ends {
    pub(super) fn count(&mut self, row: Row, entry: &Entry<'_>, body: &Body) {
        match row {
            Row::Opened => self.opened += 1,
            Row::Joined => self.joined += 1,
            Row::Cleared => self.cleared += 1,
            Row::Refired => self.refired += 1,
            Row::SetAside => *self.set_aside.entry(body.why.clone().unwrap_or_default()).or_default() += 1,
            Row::Silenced => {
                let silence = body.silence.map(|silence| silence.to_string()).unwrap_or_default();
                *self.silenced.entry(silence).or_default() += 1;
            }
            _ => {
                let source = if let Of::DeadLetters(source) = entry.of { source } else { "" };
                *self.rejected.entry(source.to_owned()).or_default() += 1;
            }
        }
    }

    /// All of them.
    #[must_use]
    pub fn sum(&self) -> u64 {
        let reasons = self.set_aside.values().chain(self.silenced.values()).chain(self.rejected.values());
        self.opened + self.joined + self.cleared + self.refired + reasons.sum::<u64>()
    }
}

/// What became of the incidents that were opened. Each is counted in one of the first six, and in one of the last three.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Opened {
    /// Somebody was paged.
    pub paged: u64,
    /// A page or the search for owners is on its way.
    pub page_pending: u64,
    /// Pages were tried and none arrived so far.
    pub page_failed: u64,
    /// The rota knew nobody to page.
    pub nobody_on_call: u64,
    /// Over, or taken by somebody, before a page went out.
    pub ended_unpaged: u64,
    /// Owners were never looked for.
    pub owner_missing: u64,
    /// Nobody has it yet.
    pub open: u64,
    /// Somebody has it.
    pub acknowledged: u64,
    /// It is over.
    pub resolved: u64,
    /// Of those paged, by which channel; one that was paged by two counts in both.
    pub paged_by: BTreeMap<String, u64>,
}

impl Opened {
    pub(super) fn count(&mut self, row: Row) {
        let number = match row {
            Row::Paged => &mut self.paged,
            Row::PagePending => &mut self.page_pending,
            Row::PageFailed => &mut self.page_failed,
            Row::NobodyOnCall => &mut self.nobody_on_call,
            Row::EndedUnpaged => &mut self.ended_unpaged,
            Row::OwnerMissing => &mut self.owner_missing,
            Row::Open => &mut self.open,
            Row::Acknowledged => &mut self.acknowledged,
            Row::Resolved => &mut self.resolved,
            Row::Opened | Row::Joined | Row::Cleared | Row::Refired | Row::SetAside | Row::Silenced | Row::Rejected => {
                return;
            }
        };
        *number += 1;
    }
}

/// One event behind a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// `INC-42`.
    pub incident: Option<String>,
    /// Its stream.
    pub stream: String,
    /// Its place there.
    pub version: u64,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// The delivery; empty when it could not be read.
    pub delivery: String,
    /// The alarm's name, its key when nothing was open, or why it could not be read.
    pub title: String,
    /// Why it changed nothing, or the silence that held it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// A number of the report that can be followed down to events.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Row { $($(#[$doc])* $name),+ }

        impl Row {
            /// All of them, in the order of the report.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its one word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

rows! {
    /// Opened an incident.
    Opened = "opened",
    /// The same trouble again.
    Joined = "joined",
    /// Said that it is over.
    Cleared = "cleared",
    /// Opened an incident again.
    Refired = "refired",
    /// Changed nothing.
    SetAside = "set_aside",
    /// A silence was about it.
    Silenced = "silenced",
    /// Could not be read.
    Rejected = "rejected",
    /// Somebody was paged.
    Paged = "paged",
    /// A page is on its way.
    PagePending = "page_pending",
    /// Pages were tried and none arrived.
    PageFailed = "page_failed",
    /// The rota knew nobody.
    NobodyOnCall = "nobody_on_call",
    /// Over before a page went out.
    EndedUnpaged = "ended_unpaged",
    /// Owners were never looked for.
    OwnerMissing = "owner_missing",
    /// Nobody has it yet.
    Open = "open",
    /// Somebody has it.
    Acknowledged = "acknowledged",
    /// It is over.
    Resolved = "resolved",
}

/// There is no such row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no row \"{0}\"; there are {list}", list = Row::ALL.iter().map(|row| row.as_str()).collect::<Vec<_>>().join(", "))]
pub struct NoSuchRow(String);

impl FromStr for Row {
    type Err = NoSuchRow;

    fn from_str(text: &str) -> Result<Self, NoSuchRow> {
        let wanted = text.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        Self::ALL.iter().copied().find(|row| row.as_str() == wanted).ok_or_else(|| NoSuchRow(text.to_owned()))
    }
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Finding {
    /// The log answered for this, and no event tells what became of it.
    ReceiptWithoutOutcome {
        /// The delivery or the click.
        key: String,
    },
    /// One delivery ended twice.
    TwoOutcomes {
        /// Which.
        delivery: String,
        /// One end, as stream/version.
        first: String,
        /// The other.
        second: String,
    },
    /// Events are missing in a stream.
    Gap {
        /// Which stream.
        stream: String,
        /// The first that is missing.
        from: u64,
        /// The last that is missing.
        to: u64,
    },
    /// The last events of a stream are missing.
    Cut {
        /// Which stream.
        stream: String,
        /// The last that is there.
        last: u64,
        /// The last that was written.
        head: u64,
    },
    /// An open incident that nobody is asked about any more.
    Stalled {
        /// Which.
        incident: String,
        /// Its stream.
        stream: String,
        /// Its last event.
        version: u64,
        /// The alarm's name.
        title: String,
    },
    /// An event that cannot be read.
    Unreadable {
        /// Which stream.
        stream: String,
        /// Its place there.
        version: u64,
        /// What is wrong with it.
        error: String,
    },
}

impl Finding {
    /// Its one word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ReceiptWithoutOutcome { .. } => "receipt_without_outcome",
            Self::TwoOutcomes { .. } => "two_outcomes",
            Self::Gap { .. } => "gap",
            Self::Cut { .. } => "cut",
            Self::Stalled { .. } => "stalled",
            Self::Unreadable { .. } => "unreadable",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReceiptWithoutOutcome { key } => {
                write!(f, "{key} was received, and no event tells what became of it")
            }
            Self::TwoOutcomes { delivery, first, second } => {
                write!(f, "the delivery {delivery} ended twice: in {first} and in {second}")
            }
            Self::Gap { stream, from, to } if from == to => write!(f, "event {from} of {stream} is missing"),
            Self::Gap { stream, from, to } => write!(f, "events {from} to {to} of {stream} are missing"),
            Self::Cut { stream, last: 0, head } => write!(f, "all {head} events of {stream} are missing"),
            Self::Cut { stream, last, head } => {
                write!(f, "{stream} ends with event {last}, and event {head} was its last one")
            }
            Self::Stalled { incident, stream, version, title } => write!(
                f,
                "{incident} ({title}) is open, and nobody is asked: no page and no timer is left after {stream}/{version}"
            ),
            Self::Unreadable { stream, version, error } => {
                write!(f, "event {version} of {stream} cannot be read: {error}")
            }
        }
    }
}
