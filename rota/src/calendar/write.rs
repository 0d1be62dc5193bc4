//! How a calendar is written: lines of at most 75 octets that end in CR and LF, texts escaped (RFC 5545, 3.1 and 3.3.11).
//! It knows nothing of schedules.

use chrono::{DateTime, Utc};
use std::borrow::Cow;

/// The longest line in octets, without its end.
const LINE_OCTETS_MAX: usize = 75;

/// A calendar in the making.
#[derive(Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    /// A line as it is: name, parameters and value are already what the format asks for. Control characters, which could
    /// begin a line of their own, are left out.
    pub(super) fn raw(&mut self, name: &str, value: &str) {
        let value: Cow<'_, str> = if value.contains(char::is_control) {
            value.chars().filter(|letter| !letter.is_control()).collect::<String>().into()
        } else {
            value.into()
        };
        if name.len() + 1 + value.len() <= LINE_OCTETS_MAX {
            self.text.extend([name, ":", &value]);
        } else {
            self.folded(name.chars().chain([':']).chain(value.chars()));
        }
        self.text.push_str("\r\n");
    }

    fn folded(&mut self, letters: impl Iterator<Item = char>) {
        let mut octets = 0;
        for letter in letters {
            if octets + letter.len_utf8() > LINE_OCTETS_MAX {
                self.text.push_str("\r\n ");
                octets = 1;
            }
            self.text.push(letter);
            octets += letter.len_utf8();
        }
    }

    /// A line whose value is a text that people wrote.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.raw(name, &escaped(value));
    }

    /// A line whose value is an instant, in whole seconds of UTC.
    pub(super) fn instant(&mut self, name: &str, at: DateTime<Utc>) {
        self.raw(name, &at.format("%Y%m%dT%H%M%SZ").to_string());
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// A text with the four letters escaped that mean something in a value.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.replace("\r\n", "\n").chars() {
        match letter {
            '\\' | ';' | ',' => escaped.extend(['\\', letter]),
            '\n' | '\r' => escaped.push_str("\\n"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
