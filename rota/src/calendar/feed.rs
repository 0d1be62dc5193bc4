//! What a calendar program is told: the shifts of a schedule or of a person, as plain events in UTC.
//!
//! No recurrence rules, because programs disagree about them. An event keeps its UID while it is the same shift, so that an
//! edit moves it; one that is gone stays as cancelled, because many programs keep what merely vanishes.
//! The feed decides nothing and keeps nothing: what it said the last time is an argument.

use super::shifts::{Shift, shifts};
use super::write::Page;
use crate::operation::Operation;
use crate::rota::{Rota, UnknownSchedule};
use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use incident::ResponderId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// How far back a feed goes.
const BACK: TimeDelta = TimeDelta::days(15);
/// How far ahead a feed goes: half a year.
const AHEAD: TimeDelta = TimeDelta::days(180);
/// How many months around the feed the schedule is asked for, tried one after the other until no shift is cut: one that is
/// longer than the last is cut where a month begins.
const MARGIN_MONTHS: [u32; 3] = [1, 4, 13];
/// The years in which the schedule answers, with room for the feed.
const YEARS: std::ops::RangeInclusive<i32> = 1903..=2890;

/// Whose feed it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// Everybody on one schedule.
    Schedule(&'a str),
    /// One person on all schedules.
    Person(&'a ResponderId),
}

/// What a feed is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// Whose feed.
    pub subject: Subject<'a>,
    /// The right half of every UID, the same for ever: a host name of this installation.
    pub site: &'a str,
    /// Where a reader finds more; written into every event.
    pub url: Option<&'a str>,
    /// How long before its start a shift rings, when at all. Many programs ignore it in a calendar that is subscribed to.
    pub alarm_before: Option<TimeDelta>,
}

/// A feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// The answer, `text/calendar; charset=utf-8`.
    pub body: String,
    /// The strong `ETag` with its quotes: the same as long as nothing but the time of asking changed.
    pub etag: String,
    /// Its events, to be passed in the next time.
    pub published: Vec<Published>,
}

/// An event as it was last published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Its UID.
    pub uid: String,
    /// From when, included.
    pub start: DateTime<Utc>,
    /// Until when, excluded.
    pub end: DateTime<Utc>,
    /// Its title, for the day on which it is cancelled.
    pub summary: String,
    /// How often it has changed.
    pub sequence: u32,
    /// When it last changed.
    pub modified: DateTime<Utc>,
    /// What it said, in hexadecimal.
    pub digest: String,
}

/// An event that is to be published.
struct Draft {
    uid: String,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    summary: String,
    /// Nothing more is said of a cancelled one.
    details: Option<Details>,
}

struct Details {
    description: String,
    person: String,
}

/// The feed from 15 days before `at` to 180 days after, each shift whole, and what of `previous` is gone.
///
/// `previous` is [`Feed::published`] of the last feed for the same subject; empty for the first.
///
/// # Errors
/// When there is no such schedule.
pub fn feed(
    rota: &Rota,
    operations: &[Operation],
    request: &Request<'_>,
    previous: &[Published],
    at: DateTime<Utc>,
) -> Result<Feed, UnknownSchedule> {
    let at = within_years(at);
    let mut found = Vec::new();
    for months in MARGIN_MONTHS {
        let look = look(at, months);
        found = shifts_of(rota, operations, request.subject, look)?;
        let is_cut = |shift: &Shift<'_>| touches(shift, at) && (shift.start <= look[0] || shift.end >= look[1]);
        if !found.iter().any(is_cut) {
            break;
        }
    }
    let previous: BTreeMap<&str, &Published> =
        previous.iter().filter(|event| event.end > at - BACK).map(|event| (event.uid.as_str(), event)).collect();
    let drafts = drafts(rota, request, &found, &previous, at);
    Ok(published(request, drafts, &previous, at))
}

/// The shifts of a subject in `look`.
fn shifts_of<'r>(
    rota: &'r Rota,
    operations: &'r [Operation],
    subject: Subject<'r>,
    look: [DateTime<Utc>; 2],
) -> Result<Vec<Shift<'r>>, UnknownSchedule> {
    let mut found = Vec::new();
    match subject {
        Subject::Schedule(schedule) => found = shifts(rota, schedule, operations, None, look)?,
        Subject::Person(person) => {
            for (schedule, model) in &rota.schedules {
                found.extend(shifts(rota, schedule, operations, Some(person), look)?);
                if model.secondary.is_some() {
                    let second = format!("{schedule}/secondary");
                    found.extend(shifts(rota, &second, operations, Some(person), look)?);
                }
            }
        }
    }
    Ok(found)
}

/// What is asked of the schedule: so many whole months around the feed, so that the edges stay where they are for a month.
fn look(at: DateTime<Utc>, months: u32) -> [DateTime<Utc>; 2] {
    let month = |at: DateTime<Utc>| at.date_naive().with_day(1).unwrap_or(NaiveDate::MIN);
    let from = month(at - BACK).checked_sub_months(Months::new(months)).unwrap_or(NaiveDate::MIN);
    let to = month(at + AHEAD).checked_add_months(Months::new(months + 1)).unwrap_or(NaiveDate::MAX);
    [from, to].map(|day| day.and_time(NaiveTime::MIN).and_utc())
}

/// Whether a shift is in the time of the feed.
fn touches(shift: &Shift<'_>, at: DateTime<Utc>) -> bool {
    shift.end > at - BACK && shift.start < at + AHEAD
}

/// `at`, or the nearest instant at which a feed has years around it.
fn within_years(at: DateTime<Utc>) -> DateTime<Utc> {
    let year = at.year().clamp(*YEARS.start(), *YEARS.end());
    if year == at.year() {
        return at;
    }
    NaiveDate::from_ymd_opt(year, 1, 1).map_or(at, |day| day.and_time(NaiveTime::MIN).and_utc())
}

/// The events of the feed: shifts that touch its time or did in the last feed, then what is gone; by start.
fn drafts(
    rota: &Rota,
    request: &Request<'_>,
    found: &[Shift<'_>],
    previous: &BTreeMap<&str, &Published>,
    at: DateTime<Utc>,
) -> Vec<Draft> {
    let mut drafts: BTreeMap<String, Draft> = BTreeMap::new();
    for shift in found {
        let uid = format!("{}@{}", &hexadecimal(shift.key.as_bytes(), 16), request.site);
        if touches(shift, at) || previous.contains_key(uid.as_str()) {
            drafts.insert(uid.clone(), draft(rota, request, shift, uid));
        }
    }
    for (&uid, event) in previous {
        let gone = || Draft {
            uid: uid.to_owned(),
            start: event.start,
            end: event.end,
            summary: event.summary.clone(),
            details: None,
        };
        drafts.entry(uid.to_owned()).or_insert_with(gone);
    }
    let mut drafts: Vec<Draft> = drafts.into_values().collect();
    drafts.sort_by_key(|draft| draft.start);
    drafts
}

fn draft(rota: &Rota, request: &Request<'_>, shift: &Shift<'_>, uid: String) -> Draft {
    let person = rota.person(shift.person).map_or(shift.person.as_str(), |person| &person.name);
    // A person's own calendar need not repeat the name in every event.
    let summary = match request.subject {
        Subject::Schedule(_) => format!("On call: {} ({person})", shift.schedule),
        Subject::Person(_) => format!("On call: {}", shift.schedule),
    };
    let description = format!(
        "{person} is on call for {}: {}.\nThe feed is for planning; Slack is the truth.",
        shift.schedule, shift.because
    );
    let details = Some(Details { description, person: shift.person.to_string() });
    Draft { uid, start: shift.start, end: shift.end, summary, details }
}

/// Writes the drafts; each keeps its sequence number unless it says something else than the last time.
fn published(
    request: &Request<'_>,
    drafts: Vec<Draft>,
    previous: &BTreeMap<&str, &Published>,
    at: DateTime<Utc>,
) -> Feed {
    let mut page = Page::default();
    head(&mut page, request);
    let mut published = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let digest = digest(&draft, request);
        let before = previous.get(draft.uid.as_str());
        let (sequence, modified) = match before {
            Some(before) if before.digest == digest => (before.sequence, before.modified),
            Some(before) => (before.sequence.saturating_add(1), at),
            None => (0, at),
        };
        let Draft { uid, start, end, summary, .. } = &draft;
        let event = Published {
            uid: uid.clone(),
            start: *start,
            end: *end,
            summary: summary.clone(),
            sequence,
            modified,
            digest,
        };
        write_event(&mut page, &draft, &event, request, at);
        published.push(event);
    }
    page.raw("END", "VCALENDAR");
    let body = page.finish();
    let said: Vec<&str> = body.split("\r\n").filter(|line| !line.starts_with("DTSTAMP:")).collect();
    let etag = format!("\"{}\"", hexadecimal(said.join("\n").as_bytes(), 16));
    Feed { body, etag, published }
}

fn head(page: &mut Page, request: &Request<'_>) {
    let name = match request.subject {
        Subject::Schedule(schedule) => format!("On call: {schedule}"),
        Subject::Person(person) => format!("On call: {person}"),
    };
    page.raw("BEGIN", "VCALENDAR");
    page.raw("VERSION", "2.0");
    page.raw("PRODID", "-//CatOps//On call//EN");
    page.raw("CALSCALE", "GREGORIAN");
    page.raw("METHOD", "PUBLISH");
    page.text("NAME", &name);
    page.text("X-WR-CALNAME", &name);
    page.text("X-WR-CALDESC", "The feed is for planning; Slack is the truth.");
    // Outlook and Apple honour these; Google asks when it likes, every 8 to 24 hours.
    page.raw("REFRESH-INTERVAL;VALUE=DURATION", "PT1H");
    page.raw("X-PUBLISHED-TTL", "PT1H");
}

fn write_event(page: &mut Page, draft: &Draft, event: &Published, request: &Request<'_>, at: DateTime<Utc>) {
    page.raw("BEGIN", "VEVENT");
    page.text("UID", &draft.uid);
    page.instant("DTSTAMP", at);
    page.instant("LAST-MODIFIED", event.modified);
    page.raw("SEQUENCE", &event.sequence.to_string());
    page.instant("DTSTART", draft.start);
    page.instant("DTEND", draft.end);
    page.raw("TRANSP", "TRANSPARENT");
    page.text("SUMMARY", &draft.summary);
    let Some(details) = &draft.details else {
        page.raw("STATUS", "CANCELLED");
        page.raw("END", "VEVENT");
        return;
    };
    page.raw("STATUS", "CONFIRMED");
    page.text("DESCRIPTION", &details.description);
    if let Some(url) = request.url {
        page.raw("URL", url);
    }
    // What an import of this feed goes by: names may be alike.
    page.text("X-CATOPS-PERSON", &details.person);
    if let Some(before) = request.alarm_before {
        page.raw("BEGIN", "VALARM");
        page.raw("ACTION", "DISPLAY");
        page.text("DESCRIPTION", &draft.summary);
        page.raw("TRIGGER", &format!("-PT{}M", before.num_minutes().max(0)));
        page.raw("END", "VALARM");
    }
    page.raw("END", "VEVENT");
}

/// What an event says, without how often it changed.
fn digest(draft: &Draft, request: &Request<'_>) -> String {
    let details = draft.details.as_ref().map(|details| (&details.description, &details.person));
    let said = (draft.start, draft.end, &draft.summary, details, request.url, request.alarm_before);
    hexadecimal(format!("{said:?}").as_bytes(), 8)
}

/// The first `octets` of the SHA-256 of `what`, in hexadecimal.
fn hexadecimal(what: &[u8], octets: usize) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digits = |octet: &u8| [DIGITS[usize::from(octet >> 4)], DIGITS[usize::from(octet & 15)]];
    Sha256::digest(what).iter().take(octets).flat_map(digits).collect()
}

#[cfg(test)]
mod tests;
