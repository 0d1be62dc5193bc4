//! The visitor who cuts: words to their length, lists to theirs. What means nothing when it is cut is left alone.

use super::walk::Visit;
use crate::blocks::{Text, TextKind};
use crate::escape::{CUT, plain};

pub(super) struct Cutter;

impl Visit for Cutter {
    fn words(&mut self, _at: &str, text: &mut Text, max: usize) {
        if super::counted(text) <= max {
            return;
        }
        text.text = match text.kind {
            TextKind::Mrkdwn => cut_markup(&text.text, max),
            TextKind::PlainText => plain(&text.text, max),
        };
    }

    fn message_words(&mut self, _at: &str, text: &mut String, max: usize) {
        *text = cut_markup(text, max);
    }

    fn string(&mut self, _at: &str, string: &mut String, max: usize) {
        if string.chars().count() > max {
            *string = string.chars().take(max - 1).chain([CUT]).collect();
        }
    }

    fn whole(&mut self, _at: &str, _string: &str, _max: usize) {}

    fn list<T>(&mut self, _at: &str, list: &mut Vec<T>, _min: usize, max: usize) {
        list.truncate(max);
    }

    fn note(&mut self, _at: &str, _message: String) {}
}

/// Cuts markup between characters; never inside `<...>` or an entity, and code that is open at the cut is closed.
pub(super) fn cut_markup(markup: &str, max: usize) -> String {
    if markup.chars().count() <= max {
        return markup.to_owned();
    }
    // Room for the mark and, at worst, for the end of a code block.
    let mut kept: String = markup.chars().take(max.saturating_sub(5)).collect();
    if let Some(open) = kept.rfind('<').filter(|open| kept.rfind('>').is_none_or(|close| close < *open)) {
        kept.truncate(open);
    }
    if let Some(open) = kept.rfind('&').filter(|open| kept.rfind(';').is_none_or(|close| close < *open)) {
        kept.truncate(open);
    }
    kept.truncate(kept.trim_end().len());
    kept.push(CUT);
    if kept.matches("```").count() % 2 == 1 {
        kept.push_str("\n```");
    } else if kept.rsplit('\n').next().is_some_and(|line| line.matches('`').count() % 2 == 1) {
        kept.push('`');
    }
    kept
}
