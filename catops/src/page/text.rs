//! The words of a page outside Slack: plain, short, and safe to show anywhere. Titles come from outside, so what a screen
//! would obey instead of showing is taken out, and nothing of them can push the link out of the message.

use super::send::Links;
use incident::Incident;
use slack::escape;

/// One text message that is charged as one, in characters of the GSM alphabet (3GPP TS 23.038, section 6.2.1).
pub(super) const SMS_CHARS_MAX: usize = 160;

/// The longest address in a text message, in characters: what is left of it tells what happened.
const SMS_LINK_CHARS_MAX: usize = 100;

/// The longest subject that SNS takes for e-mail, in ASCII characters (SNS API reference, Publish).
pub(super) const SUBJECT_CHARS_MAX: usize = 100;

/// Of a title or a service, in characters: what a person reads before opening the link.
const PART_CHARS_MAX: usize = 200;

/// The characters of the GSM alphabet that are no ASCII letter or digit and count as one. Those of its extension table
/// (`[`, `{`, `~`, `€` ...) count as two and are replaced.
const GSM: &str = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";

/// A page of a few lines.
pub(super) fn plain(incident: &Incident, links: &Links) -> String {
    let more = if links.more.is_empty() { String::new() } else { format!("; more at {}", links.more) };
    let nothing = if incident.counts() { "" } else { "Nothing is broken. " };
    if links.ack.is_empty() {
        return lines(incident, &format!("{nothing}Acknowledge in Slack{more}"));
    }
    lines(incident, &format!("{nothing}Acknowledge in Slack{more}\nOr acknowledge here: {}", links.ack))
}

/// What a voice says, twice as slowly understood as read: no address, no number of a severity, no sign that is spelt out.
pub(super) fn say(incident: &Incident, name: &str) -> String {
    let service = incident.alarm.service.as_deref().map(|service| format!(", service {}", words(service)));
    let drill = if incident.counts() { "" } else { " This is a drill." };
    format!(
        "{}.{drill} CatOps is paging you for incident {}{}. {}.",
        words(name),
        incident.id.0,
        service.unwrap_or_default(),
        words(&incident.alarm.title)
    )
}

/// Words as they are read out.
pub(super) fn words(text: &str) -> String {
    let spoken = |letter: char| if letter.is_alphanumeric() || ".,:%'".contains(letter) { letter } else { ' ' };
    clean(text).chars().map(spoken).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What it is about, in any alphabet.
pub(super) fn title(incident: &Incident) -> String {
    headline(incident, None)
}

/// What it is about in a line or two, and what is said of it.
pub(crate) fn lines(incident: &Incident, said: &str) -> String {
    let service = incident.alarm.service.as_deref().map(|service| format!("Service: {}\n", clean(service)));
    format!("{}\n{}{said}", headline(incident, None), service.unwrap_or_default())
}

/// A page as one text message.
pub(super) fn sms(incident: &Incident, links: &Links) -> String {
    let end = sms_end(links, "");
    let service = incident.alarm.service.as_deref().map(|service| format!(" ({})", clean(service)));
    let begin = gsm(&(headline(incident, None) + &service.unwrap_or_default()));
    let room = SMS_CHARS_MAX - end.chars().count();
    if begin.chars().count() <= room {
        return begin + &end;
    }
    begin.chars().take(room - 3).collect::<String>() + "..." + &end
}

/// What to do, at the end of a text message; `what` names the incident where that is not clear.
pub(super) fn sms_end(links: &Links, what: &str) -> String {
    let (mut end, link) = if links.ack.is_empty() {
        (" Ack in Slack ".to_owned(), &links.more)
    } else {
        (format!(" Ack{what} "), &links.ack)
    };
    // A long address is worth more than the words before it; one that does not fit or is not GSM is left out.
    if link.chars().all(is_gsm) && link.chars().count() <= SMS_LINK_CHARS_MAX {
        end.push_str(link);
    }
    end.trim_end().to_owned()
}

/// A subject, for topics that e-mail listens to; with what happened, when that has to be said.
pub(crate) fn subject(incident: &Incident, happened: Option<&str>) -> String {
    let ascii = |letter: char| if letter.is_ascii_graphic() || letter == ' ' { letter } else { '?' };
    headline(incident, happened).chars().map(ascii).take(SUBJECT_CHARS_MAX).collect()
}

fn headline(incident: &Incident, happened: Option<&str>) -> String {
    let happened = happened.map(|happened| format!(" {happened}")).unwrap_or_default();
    if !incident.counts() {
        // Its title begins with the word.
        return format!("{} ({}{happened})", clean(&incident.alarm.title), incident.id);
    }
    format!("{} {}{happened}: {}", incident.id, incident.severity.label(), clean(&incident.alarm.title))
}

/// One line of a stranger's words, as a plain slot of Slack shows it.
pub(crate) fn clean(text: &str) -> String {
    escape::plain(text, PART_CHARS_MAX)
}

fn is_gsm(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || GSM.contains(letter)
}

/// The text in the alphabet of text messages.
pub(super) fn gsm(text: &str) -> String {
    let letter = |letter: char| match letter {
        '[' | '{' => '(',
        ']' | '}' => ')',
        '\u{2018}' | '\u{2019}' | '`' => '\'',
        '\u{201c}' | '\u{201d}' | '«' | '»' => '"',
        '\u{2010}'..='\u{2015}' | '~' => '-',
        '\\' | '|' => '/',
        letter if is_gsm(letter) => letter,
        _ => '?',
    };
    text.chars().map(letter).collect()
}

#[cfg(test)]
pub(crate) mod tests;
