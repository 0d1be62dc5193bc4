//! The line of a runbook that says most of what somebody asked for, with the words that match. It ranks nothing and draws
//! nothing: whoever shows it marks the ranges.

use crate::runbook::{Runbook, is_fence};
use crate::words::Analyzer;
use serde::Serialize;
use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;

/// Characters of a snippet, at most: two lines on a phone.
const CHARS_MAX: usize = 180;
/// Characters that stand before the first match of a line that is longer.
const LEAD_CHARS: usize = 40;

/// A piece of a runbook's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snippet {
    /// The heading above it; empty before the first one.
    pub heading: String,
    /// One line.
    pub text: String,
    /// Where the words that match stand in it, in bytes, in order, none in another.
    pub matches: Vec<Range<usize>>,
}

/// The best line; none when no line has a word of it.
pub(crate) fn snippet(analyzer: &mut Analyzer, runbook: &Runbook, asked: &str) -> Option<Snippet> {
    let wanted = stems(analyzer, asked);
    let mut best: Option<(usize, &str, &str)> = None;
    for section in &runbook.sections {
        for line in section.text.lines().map(str::trim).filter(|line| !line.is_empty() && !is_fence(line)) {
            let matched = stems(analyzer, line).intersection(&wanted).count();
            if matched > best.map_or(0, |(most, ..)| most) {
                best = Some((matched, &section.heading, line));
            }
        }
    }
    let (_, heading, line) = best?;
    let text = cut(line, marks(analyzer, line, &wanted).first().map_or(0, |first| first.start));
    let matches = marks(analyzer, &text, &wanted);
    Some(Snippet { heading: heading.to_owned(), text, matches })
}

/// Where wanted words stand; of an identifier that matches as a whole the whole.
fn marks(analyzer: &mut Analyzer, text: &str, wanted: &BTreeSet<Rc<str>>) -> Vec<Range<usize>> {
    let mut marks: Vec<Range<usize>> = Vec::new();
    for word in analyzer.words(text) {
        let place = word.from..word.to;
        let is_inside = marks.last().is_some_and(|last| place.start < last.end);
        if wanted.contains(&word.stem) && !is_inside {
            marks.push(place);
        }
    }
    marks
}

fn stems(analyzer: &mut Analyzer, text: &str) -> BTreeSet<Rc<str>> {
    analyzer.words(text).into_iter().map(|word| word.stem).collect()
}

/// The line around a place, at word ends.
fn cut(line: &str, around: usize) -> String {
    if line.chars().count() <= CHARS_MAX {
        return line.to_owned();
    }
    let before = line.get(..around).unwrap_or_default();
    let skipped = before.chars().count().saturating_sub(LEAD_CHARS);
    let rest: String = line.chars().skip(skipped).collect();
    let rest = if skipped > 0 { rest.split_once(' ').map_or(rest.as_str(), |(_, rest)| rest) } else { &rest };
    let kept: String = rest.chars().take(CHARS_MAX).collect();
    let kept =
        if kept.len() < rest.len() { kept.rsplit_once(' ').map_or(kept.as_str(), |(kept, _)| kept) } else { &kept };
    let (begin, end) = (if skipped > 0 { "… " } else { "" }, if kept.len() < rest.len() { " …" } else { "" });
    format!("{begin}{kept}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use incident::RunbookId;

    fn runbook(text: &str) -> Runbook {
        Runbook::parse(RunbookId("host/disk".to_owned()), "host/disk.md", text).unwrap()
    }

    fn found(text: &str, asked: &str) -> Option<(String, String)> {
        let snippet = snippet(&mut Analyzer::new(), &runbook(text), asked)?;
        let mut shown = snippet.text.clone();
        for range in snippet.matches.iter().rev() {
            shown.insert(range.end, ']');
            shown.insert(range.start, '[');
        }
        Some((snippet.heading, shown))
    }

    #[test]
    fn the_line_that_says_most_of_it_is_shown_with_its_words_marked() {
        let text = "# Disk is full\n\nThe disk.\n\n## Checks\n\n```\ndf -h\n```\n\nFull disks block writes.\n";
        let (heading, shown) = found(text, "disk full").unwrap();
        assert_eq!((heading.as_str(), shown.as_str()), ("Checks", "[Full] [disks] block writes."));
        assert_eq!(found(text, "quasar"), None);
    }

    #[test]
    fn a_long_line_is_cut_at_words_around_the_match() {
        let long = format!("# A\n\n{} needle {}\n", "before ".repeat(40), "after ".repeat(60));
        let (_, shown) = found(&long, "needle").unwrap();
        assert!(shown.starts_with("… before") && shown.ends_with("after …") && shown.contains("[needle]"), "{shown}");
        assert!(shown.chars().count() <= CHARS_MAX + 6);
    }

    #[test]
    fn an_identifier_is_marked_whole() {
        let (_, shown) =
            found("# A\n\nLook at `HTTPCode_ELB_5XX_Count` and at ünïcode.\n", "HTTPCode_ELB_5XX_Count").unwrap();
        assert_eq!(shown, "Look at `[HTTPCode_ELB_5XX_Count]` and at ünïcode.");
    }
}
