//! What CloudWatch said, in a few short lines: how often before, what else, because of what, and whose. Pure; the words
//! still have to be escaped for where they are shown.

use super::known::{AlarmName, Firing, History, Known};
use chrono::{DateTime, TimeDelta, Utc};

/// How far the history is read: CloudWatch keeps a little more.
pub(super) const HISTORY_DAYS: i64 = 14;

/// A change this shortly before the alarm is the alarm itself.
const SAME_CHANGE: TimeDelta = TimeDelta::seconds(1);

/// Names and tags that one line lists; the rest is counted.
const LISTED_MAX: usize = 5;

/// Characters of a name or of a tag's value.
const WORD_CHARS_MAX: usize = 60;

/// A tag whose name holds one of these is not shown: some people keep there what they should not.
const SECRET_WORDS: [&str; 5] = ["password", "secret", "token", "apikey", "credential"];

/// The lines, most useful first.
pub(super) fn lines(alarm: &AlarmName<'_>, known: &Known, fired_at: DateTime<Utc>, now: DateTime<Utc>) -> Vec<String> {
    let history = known.history.as_ref().map(|history| before(history, fired_at, now));
    [history, behind(alarm, known), part_of(alarm, known), beside(alarm, known), tags(&known.tags)]
        .into_iter()
        .flatten()
        .collect()
}

fn before(history: &History, fired_at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let changes: Vec<_> = history.changes.iter().filter(|change| change.at < fired_at - SAME_CHANGE).collect();
    let times = changes.iter().filter(|change| change.into_alarm).count();
    let Some(last) = changes.iter().position(|change| change.into_alarm) else {
        let rest = if history.is_whole { "" } else { ", as far as can be seen" };
        return format!("Not in ALARM before in {HISTORY_DAYS} days{rest}");
    };
    let least = if history.is_whole { "" } else { "at least " };
    let times = match times {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        times => format!("{times} times"),
    };
    // Newest first: what ended it stands before it.
    let lasted = last.checked_sub(1).and_then(|next| Some((changes.get(next)?, changes.get(last)?)));
    let lasted = lasted.map(|(end, begin)| format!(" for {}", span(end.at - begin.at))).unwrap_or_default();
    let ago = changes.get(last).map(|change| span(now - change.at)).unwrap_or_default();
    format!("In ALARM {least}{times} before in {HISTORY_DAYS} days, last {ago} ago{lasted}")
}

/// The alarms that a composite one fires because of.
fn behind(alarm: &AlarmName<'_>, known: &Known) -> Option<String> {
    let rule = known.definition.as_ref()?.rule.as_deref()?;
    let children = others(alarm, known).filter(|firing| is_named(rule, &firing.name, &firing.arn));
    listed("Because of", children)
}

/// The composite alarms that fire because of it.
fn part_of(alarm: &AlarmName<'_>, known: &Known) -> Option<String> {
    let names_it = |firing: &&Firing| firing.rule.as_deref().is_some_and(|rule| is_named(rule, alarm.name, alarm.arn));
    listed("Part of", others(alarm, known).filter(names_it))
}

/// The alarms that fire on the same thing.
fn beside(alarm: &AlarmName<'_>, known: &Known) -> Option<String> {
    let own = &known.definition.as_ref()?.dimensions;
    let shares = |firing: &&Firing| firing.dimensions.iter().any(|dimension| own.contains(dimension));
    listed("Also in ALARM here", others(alarm, known).filter(shares))
}

fn others<'k>(alarm: &'k AlarmName<'_>, known: &'k Known) -> impl Iterator<Item = &'k Firing> {
    known.firing.iter().filter(|firing| firing.arn != alarm.arn)
}

fn tags(tags: &[(String, String)]) -> Option<String> {
    let is_shown = |name: &str| {
        let name = name.to_ascii_lowercase();
        !name.starts_with("aws:") && !SECRET_WORDS.iter().any(|word| name.contains(word))
    };
    let shown =
        tags.iter().filter(|(name, _)| is_shown(name)).map(|(name, value)| format!("{}={}", cut(name), cut(value)));
    joined("Tags", shown.collect())
}

fn listed<'f>(what: &str, firing: impl Iterator<Item = &'f Firing>) -> Option<String> {
    joined(what, firing.map(|firing| cut(&firing.name)).collect())
}

fn joined(what: &str, words: Vec<String>) -> Option<String> {
    let rest = words.len().saturating_sub(LISTED_MAX);
    let more = if rest == 0 { String::new() } else { format!(" and {rest} more") };
    let first: Vec<String> = words.into_iter().take(LISTED_MAX).collect();
    (!first.is_empty()).then(|| format!("{what}: {}{more}", first.join(", ")))
}

/// Whether a rule names an alarm: `ALARM(name)`, `ALARM("name")` or by its ARN.
fn is_named(rule: &str, name: &str, arn: &str) -> bool {
    [name, arn].into_iter().filter(|word| !word.is_empty()).any(|word| {
        ["(", "(\"", "('"]
            .into_iter()
            .zip([")", "\")", "')"])
            .any(|(open, close)| rule.contains(&format!("{open}{word}{close}")))
    })
}

fn cut(text: &str) -> String {
    let mut letters = text.chars();
    let cut: String = letters.by_ref().take(WORD_CHARS_MAX).collect();
    if letters.next().is_some() { cut + "…" } else { cut }
}

/// `40 s`, `12 min`, `5 h`, `2 days`: as people say it.
fn span(span: TimeDelta) -> String {
    match span {
        span if span < TimeDelta::minutes(2) => format!("{} s", span.num_seconds().max(0)),
        span if span < TimeDelta::hours(2) => format!("{} min", span.num_minutes()),
        span if span < TimeDelta::days(2) => format!("{} h", span.num_hours()),
        span => format!("{} days", span.num_days()),
    }
}

#[cfg(test)]
mod tests;
