//! A line into words: quotes hold words together, typographic quotes and dashes count as the plain ones.

use crate::escape::unescape;

/// A line and its words.
#[derive(Debug)]
pub(super) struct Spoken {
    line: String,
    pub(super) words: Vec<Spelled>,
    /// True when a quote never ends; its text then goes on to the end of the line.
    pub(super) open_quote: bool,
}

/// One word.
#[derive(Debug)]
pub(super) struct Spelled {
    /// Without its quotes; still as Slack writes mentions and entities.
    pub(super) text: String,
    /// Where it begins in the line, in bytes.
    start: usize,
}

impl Spoken {
    /// Everything from a word on, fit to be read: the quotes around all of it are gone.
    pub(super) fn from(&self, index: usize) -> String {
        let Some(first) = self.words.get(index) else {
            return String::new();
        };
        let rest = self.line.get(first.start..).unwrap_or_default().trim();
        let inner = rest.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|rest| !rest.contains('"'));
        readable(inner.unwrap_or(rest)).trim().to_owned()
    }

    /// The same line with another first word.
    pub(super) fn with_first(&self, word: &str) -> String {
        format!("{word} {}", self.from(1)).trim_end().to_owned()
    }
}

pub(super) fn split(line: &str) -> Spoken {
    let line = plain_quotes(line);
    let mut words = Vec::new();
    let mut word: Option<Spelled> = None;
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        if c.is_whitespace() && !quoted {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_with(|| Spelled { text: String::new(), start: at });
        // A quote opens at the beginning of a word or of a value; elsewhere it is a letter, as in 24".
        let is_value = ["=", "=~", "!~"].iter().any(|sign| word.text.ends_with(sign));
        let opens = word.text.is_empty() || is_value;
        match c {
            '"' if quoted => quoted = false,
            '"' if opens => quoted = true,
            '—' | '–' if word.text.is_empty() && !quoted => word.text.push_str("--"),
            _ => word.text.push(c),
        }
    }
    words.extend(word.filter(|word| !word.text.is_empty() || quoted));
    Spoken { line, words, open_quote: quoted }
}

/// Text as people mean it: mentions become `@name`, links become their label or address, entities become letters.
pub(super) fn readable(text: &str) -> String {
    let mut readable = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        readable.push_str(before);
        let Some((inside, after)) = after.split_once('>') else {
            readable.push('<');
            rest = after;
            continue;
        };
        let (target, label) = inside.split_once('|').unwrap_or((inside, ""));
        match target.chars().next() {
            Some(sign @ ('@' | '#')) => {
                readable.push(sign);
                readable.push_str(if label.is_empty() { target.trim_start_matches(sign) } else { label });
            }
            Some('!') => {
                readable.push('@');
                readable.push_str(target.trim_start_matches('!').split('^').next().unwrap_or_default());
            }
            _ => readable.push_str(if label.is_empty() { target } else { label }),
        }
        rest = after;
    }
    readable.push_str(rest);
    unescape(&readable)
}

fn plain_quotes(line: &str) -> String {
    line.trim().replace(['“', '”', '„', '‟', '«', '»'], "\"").replace(['‘', '’', '‚'], "'")
}
