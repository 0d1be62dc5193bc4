//! A TOML value that knows its file and line, so that a mistake found anywhere can say where it is.

use super::Problem;
use crate::nearest::nearest;
use crate::place::Place;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One file.
pub(super) struct Document<'d> {
    path: &'d str,
    lines: Lines,
    root: DeTable<'d>,
}

/// Where the lines of a file end, in bytes: a file of ten thousand schedules is asked for as many lines.
struct Lines(Vec<usize>);

/// A value.
#[derive(Clone, Copy)]
pub(super) struct Node<'d> {
    path: &'d str,
    lines: &'d Lines,
    key: &'d str,
    value: &'d Spanned<DeValue<'d>>,
}

/// A table, with the name that its last key gives it.
pub(super) struct Table<'d> {
    pub(super) name: String,
    path: &'d str,
    lines: &'d Lines,
    line: usize,
    fields: &'d DeTable<'d>,
}

impl<'d> Document<'d> {
    /// Reads a file; each of its syntax errors is a problem.
    pub(super) fn read(path: &'d str, text: &'d str, problems: &mut Vec<Problem>) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        let lines = Lines::of(text);
        problems.extend(errors.into_iter().map(|error| {
            let line = lines.at(error.span().map_or(0, |span| span.start));
            let message = format!("is not TOML: {}", error.message());
            Problem { path: path.to_owned(), line, message }
        }));
        Self { path, lines, root: root.into_inner() }
    }

    /// The whole file as a table.
    pub(super) fn root(&self) -> Table<'_> {
        Table { name: String::new(), path: self.path, lines: &self.lines, line: 1, fields: &self.root }
    }
}

impl<'d> Table<'d> {
    /// A problem at this table's first line.
    pub(super) fn problem(&self, message: impl Into<String>) -> Problem {
        Problem { path: self.path.to_owned(), line: self.line, message: message.into() }
    }

    /// `rota/team.toml:3`.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.path, self.line)
    }

    /// Where it is written.
    pub(super) fn written(&self) -> Place {
        Place { path: self.path.into(), line: self.line }
    }

    /// The value of `key`, when it is there.
    pub(super) fn get(&self, key: &str) -> Option<Node<'d>> {
        let (key, value) = self.fields.get_key_value(key)?;
        Some(Node { path: self.path, lines: self.lines, key: key.get_ref(), value })
    }

    /// The value of `key`; without it, a problem that says what to write.
    pub(super) fn need(&self, key: &str, write: &str, problems: &mut Vec<Problem>) -> Option<Node<'d>> {
        let node = self.get(key);
        if node.is_none() {
            problems.push(self.problem(format!("{key} is missing; write {write}")));
        }
        node
    }

    /// The text of `key`, when it is there.
    pub(super) fn text(&self, key: &str, problems: &mut Vec<Problem>) -> Option<&'d str> {
        self.get(key)?.text(problems)
    }

    /// Makes a problem of every key that is not in `known`.
    pub(super) fn only(&self, known: &[&str], problems: &mut Vec<Problem>) {
        for (key, _) in self.fields {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let advice = match nearest(name, known.iter().copied()) {
                    Some(near) => format!("did you mean {near}?"),
                    None => format!("known here: {}", known.join(", ")),
                };
                let line = self.lines.at(key.span().start);
                problems.push(Problem {
                    path: self.path.to_owned(),
                    line,
                    message: format!("unknown key {name}; {advice}"),
                });
            }
        }
    }

    /// All values as tables, named by their keys.
    pub(super) fn tables(&self, problems: &mut Vec<Problem>) -> Vec<Self> {
        let mut tables = Vec::new();
        for (key, value) in self.fields {
            let node = Node { path: self.path, lines: self.lines, key: key.get_ref(), value };
            let line = self.lines.at(key.span().start);
            tables.extend(node.table(problems).map(|table| Self { line, ..table }));
        }
        tables
    }
}

impl<'d> Node<'d> {
    /// A problem at this value.
    pub(super) fn problem(&self, message: impl Into<String>) -> Problem {
        let line = self.lines.at(self.value.span().start);
        Problem { path: self.path.to_owned(), line, message: message.into() }
    }

    /// The value itself.
    pub(super) fn value(&self) -> &'d DeValue<'d> {
        self.value.get_ref()
    }

    /// The value as text.
    pub(super) fn text(&self, problems: &mut Vec<Problem>) -> Option<&'d str> {
        self.expect(self.value().as_str(), "a text in quotes", problems)
    }

    /// The value as true or false.
    pub(super) fn flag(&self, problems: &mut Vec<Problem>) -> Option<bool> {
        self.expect(self.value().as_bool(), "true or false", problems)
    }

    /// The value as a table.
    pub(super) fn table(&self, problems: &mut Vec<Problem>) -> Option<Table<'d>> {
        let fields = self.expect(self.value().as_table(), "a table", problems)?;
        let line = self.lines.at(self.value.span().start);
        Some(Table { name: self.key.to_owned(), path: self.path, lines: self.lines, line, fields })
    }

    /// The value as a list.
    pub(super) fn list(&self, problems: &mut Vec<Problem>) -> Option<Vec<Self>> {
        let list = self.expect(self.value().as_array(), "a list in [ ]", problems)?;
        Some(list.iter().map(|value| Self { value, ..*self }).collect())
    }

    /// The values of a list, or the value itself when it is none.
    pub(super) fn one_or_more(&self, problems: &mut Vec<Problem>) -> Vec<Self> {
        match self.value() {
            DeValue::Array(_) => self.list(problems).unwrap_or_default(),
            _ => vec![*self],
        }
    }

    /// The texts of a list.
    pub(super) fn texts(&self, problems: &mut Vec<Problem>) -> Vec<String> {
        let nodes = self.list(problems).unwrap_or_default();
        nodes.iter().filter_map(|node| node.text(problems)).map(str::to_owned).collect()
    }

    /// The value read by `read`, which says on failure what is wrong with the text.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&str) -> Result<T, String>,
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        match read(self.text(problems)?) {
            Ok(value) => Some(value),
            Err(message) => {
                problems.push(self.problem(format!("{} {message}", self.key)));
                None
            }
        }
    }

    fn expect<T>(&self, value: Option<T>, what: &str, problems: &mut Vec<Problem>) -> Option<T> {
        if value.is_none() {
            problems.push(self.problem(format!("{} is {what}, not {}", self.key, kind(self.value()))));
        }
        value
    }
}

/// What a value is, as people say it.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(offset, _)| offset).collect())
    }

    /// The line, from 1, that holds the byte at `offset`.
    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|end| *end < offset) + 1
    }
}
