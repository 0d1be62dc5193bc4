//! Which copy of a fetched calendar counts, and what people are told of it: the newest that could be read, however long ago.
//! It fetches nothing and keeps nothing.

use super::read::Calendar;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// From this age on a copy is said to be old even when nothing went wrong: nobody seems to fetch it any more.
pub const AGE_MAX: TimeDelta = TimeDelta::hours(24);

/// A calendar that could be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoodCopy {
    /// When it was fetched.
    pub at: DateTime<Utc>,
    /// What it says.
    pub calendar: Calendar,
}

/// An attempt to fetch a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// When.
    pub at: DateTime<Utc>,
    /// What came, or what went wrong in words: `the server answered 503`, or an [`Unreadable`](super::Unreadable).
    pub result: Result<Calendar, String>,
}

/// How much people should mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It counts as it is.
    Fine,
    /// It counts, and is not what it could be.
    Doubtful,
    /// Nothing counts.
    Missing,
}

/// What counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counting<'a> {
    /// The calendar that counts; `None` when there never was one.
    pub calendar: Option<&'a Calendar>,
    /// When it was fetched.
    pub fetched_at: Option<DateTime<Utc>>,
    /// How much people should mind.
    pub weight: Weight,
    /// What they are told, a sentence without a full stop; `None` when there is nothing to say.
    pub say: Option<String>,
}

/// Decides what counts of the calendar called `name`.
///
/// A failure never takes away what was known, and neither does an answer that arrives after a newer one.
#[must_use]
pub fn what_counts<'a>(
    name: &str,
    last_good: Option<&'a GoodCopy>,
    newest: Option<&'a Fetch>,
    now: DateTime<Utc>,
) -> Counting<'a> {
    let fresh = newest.and_then(|fetch| fetch.result.as_ref().ok().map(|calendar| (fetch.at, calendar)));
    let kept = last_good.map(|copy| (copy.at, &copy.calendar));
    let failure = newest.and_then(|fetch| fetch.result.as_ref().err().map(|reason| (fetch.at, reason)));
    let best = [kept, fresh].into_iter().flatten().max_by_key(|(at, _)| *at);
    let Some((at, calendar)) = best else {
        let why = match failure {
            Some((_, reason)) => format!("could not be read ({reason}), and there is no earlier copy"),
            None => "has not been read yet".to_owned(),
        };
        let say = Some(format!("{name} {why}; nothing of it counts"));
        return Counting { calendar: None, fetched_at: None, weight: Weight::Missing, say };
    };
    let age = age(now - at);
    let emptied =
        kept.filter(|(kept_at, kept)| *kept_at < at && !kept.entries.is_empty() && calendar.entries.is_empty());
    let say = match (failure, emptied) {
        (Some((failed_at, reason)), _) if failed_at >= at => {
            Some(format!("{name} could not be read ({reason}); the copy of {age} ago counts"))
        }
        (_, Some((_, kept))) => {
            let count = kept.entries.len();
            Some(format!("{name} is empty now and had {count} {} before", if count == 1 { "entry" } else { "entries" }))
        }
        _ if now - at >= AGE_MAX => Some(format!("{name} was last read {age} ago")),
        _ => None,
    };
    let weight = if say.is_some() { Weight::Doubtful } else { Weight::Fine };
    Counting { calendar: Some(calendar), fetched_at: Some(at), weight, say }
}

/// `5 minutes`, `1 hour`, `3 days`: the largest unit, rounded down.
fn age(age: TimeDelta) -> String {
    let units = [(age.num_days(), "day"), (age.num_hours(), "hour"), (age.num_minutes(), "minute")];
    match units.into_iter().find(|(count, _)| *count > 0) {
        Some((1, unit)) => format!("1 {unit}"),
        Some((count, unit)) => format!("{count} {unit}s"),
        None => "less than a minute".to_owned(),
    }
}

#[cfg(test)]
mod tests;
