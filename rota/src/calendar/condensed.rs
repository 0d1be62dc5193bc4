//! What of a calendar is kept: only what means something here, in an order that does not depend on the server's. Descriptions,
//! places, links to meetings and attached files are gone, and so is the time of the download that many servers write into
//! every event: a calendar that did not change is the same text.

use super::content::{self, BYTES_MAX, Block};
use super::read::Unreadable;
use chrono::{Datelike, NaiveDate};

/// A calendar with nothing but what is read of one: reading it gives what reading `bytes` gives. Single events that were over
/// before the year of `since` are left out, so that a calendar of many years stays small; series stay.
///
/// # Errors
/// When the bytes are no whole calendar.
pub fn condensed(bytes: &[u8], since: NaiveDate) -> Result<String, Unreadable> {
    if bytes.len() > BYTES_MAX {
        return Err(Unreadable::TooLarge { bytes: bytes.len() });
    }
    let content = content::read(bytes);
    if content.is_too_long() {
        return Err(Unreadable::TooManyLines);
    }
    if !content.has_calendar {
        return Err(Unreadable::NoCalendar);
    }
    if !content.is_whole {
        return Err(Unreadable::CutShort);
    }
    let mut blocks: Vec<String> = content.blocks.iter().filter(|block| !is_over(block, since)).map(text_of).collect();
    blocks.sort();
    blocks.dedup();
    let name = content.name.map(|name| format!("X-WR-CALNAME:{}\n", escaped(&name))).unwrap_or_default();
    Ok(format!("BEGIN:VCALENDAR\n{name}{}END:VCALENDAR\n", blocks.concat()))
}

/// Whether an event happened once and ended in a year before that of `since`.
fn is_over(block: &Block, since: NaiveDate) -> bool {
    let repeats = ["RRULE", "RDATE", "RECURRENCE-ID", "DURATION"].iter().any(|name| block.line(name).is_some());
    let end = block.line("DTEND").or_else(|| block.line("DTSTART"));
    let year = end.and_then(|line| line.value.trim().get(..4)?.parse::<i32>().ok());
    block.name == "VEVENT" && !repeats && year.is_some_and(|year| year < since.year())
}

/// A block again, with the parts of a zone; those of an event are its alarms.
fn text_of(block: &Block) -> String {
    let lines = |block: &Block| block.lines.iter().map(|line| line.written() + "\n").collect::<String>();
    let parts = block.parts.iter().filter(|_| block.name != "VEVENT");
    let parts: String = parts.map(|part| format!("BEGIN:{0}\n{1}END:{0}\n", part.name, lines(part))).collect();
    format!("BEGIN:{0}\n{1}{parts}END:{0}\n", block.name, lines(block))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace(',', "\\,").replace(';', "\\;")
}
