//! The one question that people ask in their own words: who is on call. It is read in mentions and direct messages only, where
//! everything else that is no command gets the help: free words never change anything.

use super::words::readable;
use super::{Line, OnCall, Word, parse};
use crate::escape::unescape;

/// Words that may stand around the question and say nothing.
const FILLING: [&str; 24] = [
    "is",
    "are",
    "was",
    "will",
    "be",
    "has",
    "have",
    "holds",
    "got",
    "carries",
    "carrying",
    "the",
    "a",
    "our",
    "currently",
    "right",
    "now",
    "please",
    "there",
    "at",
    "on",
    "in",
    "during",
    "then",
];
/// Words behind a name: "the payments team".
const KINDS: [&str; 4] = ["team", "schedule", "rota", "rotation"];
/// Words with which a time begins, so that they name no schedule: "for tomorrow".
const TIMES: [&str; 16] = [
    "today",
    "tomorrow",
    "tonight",
    "yesterday",
    "next",
    "this",
    "noon",
    "midnight",
    "weekend",
    "mon",
    "tue",
    "wed",
    "thu",
    "fri",
    "sat",
    "sun",
];

/// Reads what was said in a mention or a direct message: a command with its whole first word, the question who is on call,
/// or [`Line::Help`]. A command that cannot be read is said so, as on every other way in.
///
/// # Errors
/// [`super::Misread`]: show its text to whoever wrote.
pub fn parse_said(text: &str) -> Result<Line, super::Misread> {
    if let Some((schedule, at)) = question(text) {
        return Ok(Line::OnCall(OnCall::Who { schedule, at }));
    }
    let first = readable(text.split_whitespace().next().unwrap_or_default()).to_lowercase();
    // "no problem" is no note: beginnings of words are for whoever types a command.
    let is_command = Word::ALL.iter().any(|word| word.text() == first)
        || ["ls", "list", "acknowledge", "unban"].contains(&first.as_str());
    if is_command { parse(text) } else { Ok(Line::Help(None)) }
}

/// The schedule and the time of the question who is on call; `None` when it is not asked.
fn question(text: &str) -> Option<(Option<String>, Option<String>)> {
    let words: Vec<String> = text.split_whitespace().filter(|word| !word.starts_with("<@")).map(plain).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
    let who = words.iter().position(|word| matches!(*word, "who" | "who's" | "whos" | "whose" | "who'll"))?;
    let asked = &words[who + 1..];
    let (start, end) = duty(asked)?;
    let mut rest = asked[..start].iter().chain(&asked[end..]).copied().peekable();
    let (mut schedule, mut time): (Option<String>, Vec<&str>) = (None, Vec::new());
    while let Some(word) = rest.next() {
        if matches!(word, "for" | "of") && schedule.is_none() {
            while rest.peek().is_some_and(|next| matches!(*next, "the" | "our")) {
                rest.next();
            }
            let named = rest.next_if(|next| !begins_time(next));
            schedule = named.map(unescape);
            rest.next_if(|next| schedule.is_some() && KINDS.contains(next));
        } else if !FILLING.contains(&word) {
            time.push(word);
        }
    }
    Some((schedule, (!time.is_empty()).then(|| time.join(" "))))
}

/// Where in the words it is said what is asked about: `on call`, `the pager`.
fn duty(words: &[&str]) -> Option<(usize, usize)> {
    let two = words.windows(2).position(|pair| pair[0] == "on" && matches!(pair[1], "call" | "duty"));
    let one = || words.iter().position(|word| matches!(*word, "on-call" | "oncall" | "on-duty" | "pager"));
    two.map(|place| (place, place + 2)).or_else(|| one().map(|place| (place, place + 1)))
}

fn begins_time(word: &str) -> bool {
    let day = word.get(..3).filter(|_| word.ends_with("day") || word.len() == 3).unwrap_or(word);
    TIMES.contains(&word) || TIMES.contains(&day) || word.starts_with(|first: char| first.is_ascii_digit())
}

/// In small letters, without the punctuation around it.
fn plain(word: &str) -> String {
    let small = readable(word).to_lowercase().replace(['’', '‘'], "'");
    small.trim_matches(['?', '!', '.', ',', ';', '"', '(', ')', '*', '_', ':']).to_owned()
}

#[cfg(test)]
mod tests;
