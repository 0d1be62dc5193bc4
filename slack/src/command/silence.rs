//! What people type about silences:
//! ```text
//! silence   = "silence", what, { what }, ( [ "for" ], length | ( "until" | "during" ), time ), [ "because" ], text ;
//! what      = matcher | incident | "service", name | alarm ;      (* an alarm is known by its title *)
//! silences  = "silences" ;
//! unsilence = "unsilence", [ "S-" ], number ;
//! ```
//! A length has a unit: `90m`, `2h`, `3d`. A time with spaces stands in quotes, or "because" ends it.

use super::length;
use super::words::readable;
use super::{Line, Misread, Rest, Which, Word, incident, short};
use chrono::TimeDelta;
use incident::{IncidentId, Matcher, SilenceId};

/// A silence that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silencing {
    /// What each alarm has to meet.
    pub what: Vec<About>,
    /// For how long.
    pub time: Length,
    /// Why.
    pub because: String,
}

/// What an alarm has to meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// This.
    Matcher(Matcher),
    /// It is the alarm of this incident.
    Incident(Which),
}

/// For how long somebody wants a silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Length {
    /// From now on.
    For(TimeDelta),
    /// From now on until a time, in words.
    Until(String),
    /// From one time to another, in words.
    During(String),
}

/// What is read between "silence" and the time.
#[derive(Default)]
struct Named {
    what: Vec<About>,
    /// Words that are neither matcher nor incident: an alarm's title.
    title: Vec<String>,
}

impl Named {
    fn title_ends(&mut self) -> Result<(), Misread> {
        if !self.title.is_empty() {
            let title = std::mem::take(&mut self.title).join(" ");
            self.what.push(About::Matcher(exactly("title", &title)?));
        }
        Ok(())
    }
}

pub(super) fn silence(rest: &mut Rest<'_>) -> Result<Line, Misread> {
    let mut named = Named::default();
    let time = loop {
        if let Some(time) = time(rest)? {
            break time;
        }
        let Some(text) = rest.take() else {
            let what = if named.what.is_empty() && named.title.is_empty() { "the alarm" } else { "the length" };
            return Err(Misread::Missing { what, word: rest.word });
        };
        let text = readable(text);
        if text.eq_ignore_ascii_case("service") && named.title.is_empty() {
            let service = rest.take().ok_or(Misread::Missing { what: "the service", word: rest.word })?;
            named.what.push(About::Matcher(exactly("service", &readable(service))?));
        } else if let Some(which) = incident(&text).filter(|_| named.title.is_empty()) {
            named.what.push(About::Incident(which));
        } else if text.contains('=') || text.contains("!~") {
            named.title_ends()?;
            let matcher = text.parse::<Matcher>().map_err(|error| Misread::Unfit { why: error.to_string() })?;
            named.what.push(About::Matcher(matcher));
        } else {
            named.title.push(text);
        }
    };
    named.title_ends()?;
    if named.what.is_empty() {
        return Err(Misread::Missing { what: "the alarm", word: rest.word });
    }
    if rest.peek_is("because") {
        rest.next += 1;
    }
    match rest.text() {
        because if because.is_empty() => Err(Misread::Missing { what: "the reason", word: rest.word }),
        because => Ok(Line::Silence(Silencing { what: named.what, time, because })),
    }
}

fn exactly(label: &str, value: &str) -> Result<Matcher, Misread> {
    Matcher::exactly(label, value).map_err(|error| Misread::Unfit { why: error.to_string() })
}

/// The time that begins here, when one does.
fn time(rest: &mut Rest<'_>) -> Result<Option<Length>, Misread> {
    let is_until = rest.peek_is("until");
    if is_until || rest.peek_is("during") {
        rest.next += 1;
        let words = words_of_time(rest).ok_or(Misread::Missing { what: "the time", word: rest.word })?;
        return Ok(Some(if is_until { Length::Until(words) } else { Length::During(words) }));
    }
    if rest.peek_is("for") || length::stands_at(rest, rest.next) {
        return Ok(length::length(rest)?.map(Length::For));
    }
    Ok(None)
}

/// The words up to "because", else one word, which may be several in quotes.
fn words_of_time(rest: &mut Rest<'_>) -> Option<String> {
    let behind = rest.spoken.words.get(rest.next..)?;
    let ends = behind.iter().position(|word| word.text.eq_ignore_ascii_case("because")).unwrap_or(1);
    let words: Vec<String> = behind.iter().take(ends).map(|word| readable(&word.text)).collect();
    rest.next += words.len();
    let words = words.join(" ");
    (!words.trim().is_empty()).then_some(words)
}

pub(super) fn unsilence(rest: &mut Rest<'_>) -> Result<Line, Misread> {
    let Some(text) = rest.take() else { return Err(Misread::Missing { what: "the number", word: rest.word }) };
    let id: SilenceId = readable(text).parse().map_err(|_| not_a_silence(text))?;
    rest.end(Line::Unsilence(id))
}

fn not_a_silence(text: &str) -> Misread {
    let why = match text.parse::<IncidentId>() {
        Ok(id) => format!("{id} is an incident; \"silences\" lists the silences with their numbers"),
        Err(_) => format!("\"{}\" is no number of a silence", short(text)),
    };
    Misread::Unfit { why: format!("{why}; type: {}", Word::Unsilence.example()) }
}
