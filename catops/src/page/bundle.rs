//! The words of one page for several incidents: which they are, the first one with what happened, and a link to acknowledge
//! each as far as the message has room. A page for one incident is worded in `text.rs`.

use super::send::{Links, Part};
use super::text::{self, SMS_CHARS_MAX};

/// Incidents that a voice reads out; nobody remembers more.
const SPOKEN_MAX: usize = 5;

/// What it is about, in any alphabet.
pub(super) fn title(parts: &[Part<'_>]) -> String {
    match parts {
        [only] => text::title(only.incident),
        _ => format!("{}: {}", want_you(parts), ids(parts)),
    }
}

/// The same for topics that e-mail listens to.
pub(super) fn subject(parts: &[Part<'_>]) -> String {
    match parts {
        [only] => text::subject(only.incident, None),
        // Our own words and numbers are ASCII.
        _ => title(parts).chars().take(text::SUBJECT_CHARS_MAX).collect(),
    }
}

/// A page of a few lines for each.
pub(super) fn plain(parts: &[Part<'_>]) -> String {
    if let [only] = parts {
        return text::plain(only.incident, &only.links);
    }
    let mut said = format!("{}:\n", want_you(parts));
    for Part { incident, links, .. } in parts {
        said.push_str(&text::title(incident));
        if let Some(service) = &incident.alarm.service {
            said.push_str(&format!(" ({})", text::clean(service)));
        }
        said.push('\n');
        let (word, link) = link(links);
        if !link.is_empty() {
            said.push_str(&format!("{word}: {link}\n"));
        }
    }
    said + "Acknowledge in Slack, each by itself"
}

/// One text message.
pub(super) fn sms(parts: &[Part<'_>]) -> String {
    let [first, rest @ ..] = parts else { return String::new() };
    if rest.is_empty() {
        return text::sms(first.incident, &first.links);
    }
    let end = text::sms_end(&first.links, &format!(" {}", first.incident.id));
    let room = SMS_CHARS_MAX - end.chars().count();
    let want_you = want_you(parts);
    let whole = format!("{want_you}: {}, {}", text::gsm(&text::title(first.incident)), ids(rest));
    // What happened is left out before a number is, and the last numbers before the link.
    let shorter = (1..=parts.len()).rev().map(|named| match parts.len() - named {
        0 => format!("{want_you}: {}", ids(parts)),
        more => format!("{want_you}: {} and {more} more", ids(&parts[..named])),
    });
    let begin = std::iter::once(whole).chain(shorter).find(|begin| begin.chars().count() <= room);
    begin.unwrap_or(want_you) + &end
}

/// What a voice says.
pub(super) fn say(parts: &[Part<'_>], name: &str) -> String {
    if let [only] = parts {
        return text::say(only.incident, name);
    }
    let mut said = format!("{}. CatOps is paging you for {} incidents.", text::words(name), parts.len());
    for Part { incident, .. } in parts.iter().take(SPOKEN_MAX) {
        said.push_str(&format!(" Incident {}: {}.", incident.id.0, text::words(&incident.alarm.title)));
    }
    let more = parts.len().saturating_sub(SPOKEN_MAX);
    if more > 0 {
        said.push_str(&format!(" And {more} more."));
    }
    said
}

/// Links that acknowledge, each with the words of its button.
pub(super) fn buttons<'p>(parts: &'p [Part<'_>]) -> Vec<(String, &'p str)> {
    let acks = parts.iter().filter(|part| !part.links.ack.is_empty());
    let word = |part: &Part<'_>| match parts.len() {
        1 => "Acknowledge".to_owned(),
        _ => format!("Acknowledge {}", part.incident.id),
    };
    acks.map(|part| (word(part), part.links.ack.as_str())).collect()
}

fn link(links: &Links) -> (&'static str, &str) {
    if links.ack.is_empty() { ("More", &links.more) } else { ("Acknowledge here", &links.ack) }
}

fn want_you(parts: &[Part<'_>]) -> String {
    format!("{} incidents want you", parts.len())
}

fn ids(parts: &[Part<'_>]) -> String {
    parts.iter().map(|part| part.incident.id.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
