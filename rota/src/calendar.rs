//! Calendars: schedules become feeds that calendar programs subscribe to, and calendars that others keep become shifts,
//! absences and holidays.
//!
//! Pure like the whole crate: the texts come in and go out as arguments, nothing is fetched and nothing is kept here. What
//! the last feed said ([`Published`]) and the last copy that could be read ([`Copy`]) are handed back in by the caller.
//!
//! The format is RFC 5545 with the names that programs agree on beside it. Times of imported calendars follow rule L.

mod clock;
mod condensed;
mod content;
mod copy;
mod feed;
mod imported;
mod meaning;
mod problems;
mod read;
mod rule;
mod shifts;
mod write;

#[cfg(test)]
mod properties;

pub use condensed::condensed;
pub use copy::{AGE_MAX, Counting, Fetch, GoodCopy, Weight, what_counts};
pub use feed::{Feed, Published, Request, Subject, feed};
pub use imported::{Imported, Misread, Texts};
pub use meaning::{ImportedShift, Meaning, absences, holidays, on_duty, overrides, shifts, times};
pub use read::{Calendar, Entry, Unreadable, read_calendar};
