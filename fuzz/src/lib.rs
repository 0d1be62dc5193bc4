//! What the fuzz targets share: how bytes become an input, and the laws that more than one of them asserts.
//! A target panics when a law is broken. None of them opens a connection, reads a clock or keeps anything between two runs.

use chrono::{DateTime, TimeDelta, Utc};
use incident::Alarm;

/// The instant that every run has: the certificate among the samples is valid then.
#[must_use]
pub fn now() -> DateTime<Utc> {
    "2026-11-23T19:10:00Z".parse().expect("an instant")
}

/// Bytes that choose, in front of bytes that are read.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// The next byte; 0 when there is none.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// One of several; there must be one.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    /// The next two bytes as a number.
    pub fn number(&mut self) -> usize {
        usize::from(self.byte()) << 8 | usize::from(self.byte())
    }

    /// Up to a line end, or all that is left, as text.
    pub fn line(&mut self) -> String {
        let end = self.0.iter().position(|byte| *byte == b'\n');
        let (line, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest.get(1..).unwrap_or_default();
        String::from_utf8_lossy(line).into_owned()
    }

    /// All that is left, as text.
    #[must_use]
    pub fn text(self) -> String {
        String::from_utf8_lossy(self.0).into_owned()
    }

    /// Puts what is left into a copy of these bytes, in place of some of them.
    #[must_use]
    pub fn spliced(mut self, whole: &[u8]) -> Vec<u8> {
        let start = self.number() % (whole.len() + 1);
        let end = (start + usize::from(self.byte())).min(whole.len());
        [&whole[..start], self.0, &whole[end..]].concat()
    }
}

/// What every alarm keeps, whoever sent it and whatever they wrote.
///
/// # Panics
/// It does not.
pub fn keeps_limits(alarm: &Alarm) {
    let hidden = |c: char| c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let count = |text: &str| text.chars().count();
    assert!(!alarm.title.is_empty() && count(&alarm.title) <= Alarm::TITLE_CHARS_MAX, "{alarm:?}");
    assert!(!alarm.title.contains(hidden) && !alarm.resource.contains(hidden), "{alarm:?}");
    assert!(count(&alarm.summary) <= Alarm::SUMMARY_CHARS_MAX && count(&alarm.resource) <= Alarm::LABEL_CHARS_MAX);
    assert!(!alarm.summary.contains(|c| hidden(c) && !matches!(c, '\n' | '\t')), "{alarm:?}");
    assert!(alarm.service.as_ref().is_none_or(|name| !name.is_empty() && count(name) <= Alarm::TITLE_CHARS_MAX));
    assert!(alarm.labels.len() <= Alarm::LABELS_MAX, "{alarm:?}");
    for (name, value) in &alarm.labels {
        assert!(!name.is_empty() && count(name) <= 128 && !name.contains(hidden), "{alarm:?}");
        assert!(!value.is_empty() && count(value) <= Alarm::LABEL_CHARS_MAX, "{alarm:?}");
        let small = name.to_ascii_lowercase();
        let is_secret =
            ["password", "secret", "token", "api_key", "authorization"].iter().any(|word| small.contains(word));
        assert!(!is_secret || value == "***", "{alarm:?}");
    }
    for link in &alarm.links {
        assert!(link.url.starts_with("http://") || link.url.starts_with("https://"), "{alarm:?}");
        assert!(!link.url.contains(|c: char| hidden(c) || c.is_whitespace() || "<>|\"".contains(c)), "{alarm:?}");
    }
    // 512 bytes, or 100 characters and a digest.
    for id in [alarm.key.as_str(), alarm.delivery.as_str()] {
        assert!(!id.is_empty() && id.len() <= 512 && !id.contains(char::is_control), "{alarm:?}");
    }
    assert!(alarm.occurred_at <= now() + TimeDelta::minutes(5), "{alarm:?}");
}
