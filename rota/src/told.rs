//! Spans, lengths and lists as people read them: `Sat 28 Nov 10:00 to 14:00`, `1 h 30 min`, `ana and ben`. It decides nothing.

use crate::span::Span;
use crate::zone::Zone;
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use incident::ResponderId;

/// `Sat 28 Nov 10:00 to 14:00`; the second day is told when it is another one, and the year when it is not that of `near`.
pub(crate) fn span(span: Span, zone: &Zone, near: DateTime<Utc>) -> String {
    let (start, end) = (zone.wall(span.start), zone.wall(span.end));
    let end = if start.date() == end.date() { end.format("%H:%M").to_string() } else { moment(span.end, zone, near) };
    format!("{} to {end}", moment(span.start, zone, near))
}

/// `Sat 28 Nov 10:00`, with the year when it is not that of `near`.
pub(crate) fn moment(at: DateTime<Utc>, zone: &Zone, near: DateTime<Utc>) -> String {
    let same_year = zone.wall(at).year() == zone.wall(near).year();
    zone.wall(at).format(if same_year { "%a %-d %b %H:%M" } else { "%a %-d %b %Y %H:%M" }).to_string()
}

/// `4 h`, `1 h 30 min`, `20 min`, `36 s`, `0 h`: at most two parts, whole minutes above a minute.
pub(crate) fn length(length: TimeDelta) -> String {
    let minutes = length.num_minutes();
    match (minutes / 60, minutes % 60) {
        (0, 0) if length.num_seconds() > 0 => format!("{} s", length.num_seconds()),
        (0, 0) => "0 h".to_owned(),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// Hours as a number: `168`, `179.9`.
pub(crate) fn hours(length: TimeDelta) -> String {
    match (length.num_minutes() / 60, length.num_minutes() % 60 * 10 / 60) {
        (hours, 0) => hours.to_string(),
        (hours, tenths) => format!("{hours}.{tenths}"),
    }
}

/// `1 night`, `2 nights`.
pub(crate) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// `ana`, `ana and ben`, `ana, ben and chi`; `nobody` for none.
pub(crate) fn people<'p>(people: impl IntoIterator<Item = &'p ResponderId>) -> String {
    let names: Vec<&str> = people.into_iter().map(ResponderId::as_str).collect();
    match names.split_last() {
        None => "nobody".to_owned(),
        Some((only, [])) => (*only).to_owned(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}
