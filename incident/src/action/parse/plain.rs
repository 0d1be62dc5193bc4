//! Reads plain values and templates out of a file, and reports what is wrong with them at their place.

use super::Problem;
use crate::action::Param;
use crate::action::template::{LoneBrace, Piece, pieces};
use chrono::TimeDelta;
use std::collections::BTreeSet;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One file while it is read.
pub(super) struct Reader<'f> {
    pub(super) path: &'f str,
    pub(super) text: &'f str,
    pub(super) problems: Vec<Problem>,
    /// A parameter could not be read: holes that name nothing may mean that one.
    pub(super) lost_params: bool,
}

/// A table of the file and where it starts.
#[derive(Clone, Copy)]
pub(super) struct Table<'t, 'f> {
    pub(super) entries: &'t DeTable<'f>,
    pub(super) at: usize,
}

/// A text of the file and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Text<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
}

impl<'t, 'f> Table<'t, 'f> {
    pub(super) fn get(self, key: &str) -> Option<&'t Spanned<DeValue<'f>>> {
        self.entries.get(key)
    }

    /// Where a key's value stands, or the table when it has none.
    pub(super) fn at(self, key: &str) -> usize {
        self.get(key).map_or(self.at, |value| value.span().start)
    }
}

impl<'f> Reader<'f> {
    /// The line of a byte offset, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count()
    }

    pub(super) fn report(&mut self, at: usize, message: impl Into<String>) {
        let line = self.line(at);
        self.problems.push(Problem { path: self.path.to_owned(), line, message: message.into() });
    }
}

/// Holes.
impl<'f> Reader<'f> {
    /// Reports braces that are no holes, and holes that no parameter fills.
    pub(super) fn holes(&mut self, template: Text<'_>, names: &BTreeSet<&str>) {
        match pieces(template.text) {
            Err(LoneBrace(brace)) => {
                let message = format!("\"{brace}\" opens or closes no hole; write {brace}{brace} for a plain brace");
                self.report(template.at, message);
            }
            Ok(pieces) => {
                for piece in pieces {
                    let Piece::Hole(name) = piece else { continue };
                    if !names.contains(name) && !self.lost_params {
                        let near = did_you_mean(nearest(name, names.iter().copied()));
                        self.report(template.at, format!("no parameter is named \"{name}\"{near}"));
                    }
                }
            }
        }
    }

    /// Reports holes of parameters that may be absent, in a place that cannot be empty.
    pub(super) fn always_filled(&mut self, template: Text<'_>, params: &[Param]) {
        for piece in pieces(template.text).unwrap_or_default() {
            let Piece::Hole(name) = piece else { continue };
            let may_be_absent = |param: &&Param| param.name == name && !param.required && param.default.is_none();
            if params.iter().find(may_be_absent).is_some() {
                let message = format!("\"{name}\" is needed here: make it required, or give it a default");
                self.report(template.at, message);
            }
        }
    }
}
/// Plain values.
impl<'f> Reader<'f> {
    pub(super) fn known(&mut self, table: Table<'_, 'f>, keys: &[&str]) {
        for key in table.entries.keys() {
            let name: &str = key.get_ref();
            if !keys.contains(&name) {
                let hint = match nearest(name, keys.iter().copied()) {
                    Some(near) => did_you_mean(Some(near)),
                    None => format!("; known are {}", keys.join(", ")),
                };
                self.report(key.span().start, format!("unknown key \"{name}\"{hint}"));
            }
        }
    }

    pub(super) fn text<'t>(&mut self, table: Table<'t, 'f>, key: &str) -> Option<Text<'t>> {
        let value = table.get(key)?;
        let at = value.span().start;
        match value.get_ref().as_str() {
            Some(text) => Some(Text { text, at }),
            None => {
                self.report(at, format!("{key} has to be a text in quotes"));
                None
            }
        }
    }

    /// A text that has to be there; empty when it was reported.
    pub(super) fn required_text<'t>(&mut self, table: Table<'t, 'f>, key: &str, chars_max: usize) -> Text<'t> {
        let nothing = Text { text: "", at: table.at };
        if table.get(key).is_none() {
            self.report(table.at, format!("{key} is missing"));
            return nothing;
        }
        self.text(table, key).and_then(|text| self.bounded(text, key, chars_max)).unwrap_or(nothing)
    }

    pub(super) fn bounded<'t>(&mut self, text: Text<'t>, key: &str, chars_max: usize) -> Option<Text<'t>> {
        if text.text.trim().is_empty() {
            self.report(text.at, format!("{key} is empty"));
            return None;
        }
        let chars = text.text.chars().count();
        if chars > chars_max {
            self.report(text.at, format!("{key} has {chars} characters; {chars_max} are shown at most"));
            return None;
        }
        Some(text)
    }

    pub(super) fn texts<'t>(&mut self, table: Table<'t, 'f>, key: &str) -> Vec<Text<'t>> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let items = value.get_ref().as_array();
        let texts: Option<Vec<Text<'t>>> = items.and_then(|items| {
            items.iter().map(|item| Some(Text { text: item.get_ref().as_str()?, at: item.span().start })).collect()
        });
        texts.unwrap_or_else(|| {
            self.report(value.span().start, format!("{key} has to be a list of texts"));
            Vec::new()
        })
    }

    pub(super) fn boolean(&mut self, table: Table<'_, 'f>, key: &str) -> Option<bool> {
        let value = table.get(key)?;
        let yes = value.get_ref().as_bool();
        if yes.is_none() {
            self.report(value.span().start, format!("{key} has to be true or false, without quotes"));
        }
        yes
    }

    pub(super) fn integer(&mut self, table: Table<'_, 'f>, key: &str) -> Option<i64> {
        let number = table.get(key).and_then(|value| value.get_ref().as_integer());
        let number = number.and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
        if number.is_none() {
            self.report(table.at(key), format!("an integer needs {key}, a whole number without quotes"));
        }
        number
    }

    pub(super) fn duration(
        &mut self,
        table: Table<'_, 'f>,
        key: &str,
        min: TimeDelta,
        max: TimeDelta,
    ) -> Option<TimeDelta> {
        let text = self.text(table, key)?;
        let duration = parse_duration(text.text).filter(|duration| (min..=max).contains(duration));
        if duration.is_none() {
            let (from, to) = (min.num_seconds(), max.num_hours());
            self.report(
                text.at,
                format!("{key} has to be a duration from {from}s to {to}h, such as \"90s\" or \"5m\""),
            );
        }
        duration
    }
}
/// `90s`, `5m`, `1h30m`, `1d`. Sums of numbers with a unit; `None` for anything else.
fn parse_duration(text: &str) -> Option<TimeDelta> {
    let mut total = TimeDelta::zero();
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|char: char| !char.is_ascii_digit())?;
        let (number, unit) = rest.split_at(digits);
        let number: i64 = number.parse().ok()?;
        let mut after = unit.chars();
        total += match after.next()? {
            's' => TimeDelta::try_seconds(number)?,
            'm' => TimeDelta::try_minutes(number)?,
            'h' => TimeDelta::try_hours(number)?,
            'd' => TimeDelta::try_days(number)?,
            _ => return None,
        };
        rest = after.as_str();
    }
    Some(total)
}

pub(super) fn did_you_mean(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default()
}

/// The candidate that takes the fewest edits, when a third of the word is enough.
pub(super) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let edits_max = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (edits(word, candidate), candidate))
        .filter(|(edits, _)| *edits <= edits_max)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The Levenshtein distance.
fn edits(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (above, from) in left.chars().enumerate() {
        let mut diagonal = above;
        let mut last = above + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(right.chars()) {
            let replaced = diagonal + usize::from(from != to);
            diagonal = *cell;
            last = replaced.min(*cell + 1).min(last + 1);
            *cell = last;
        }
        if let Some(first) = row.first_mut() {
            *first = above + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}
