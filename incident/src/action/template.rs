//! Texts with `{name}` holes. A hole is filled once; what fills it is never scanned again, so an alarm that says
//! `{other}` stays an alarm that says `{other}`. `{{` and `}}` are plain braces.

use std::collections::BTreeMap;

/// Longest text that [`render`] returns, in characters: the longest text of a Slack confirmation.
pub const RENDERED_CHARS_MAX: usize = 300;

/// Fills the holes of a title or a question. A hole without a value becomes `…`, as in a menu: there is more to say.
/// The result is at most [`RENDERED_CHARS_MAX`] characters.
#[must_use]
pub fn render(template: &str, params: &BTreeMap<String, String>) -> String {
    let text = expand(template, |name| params.get(name).map_or("…", String::as_str).to_owned());
    if text.chars().count() <= RENDERED_CHARS_MAX {
        return text;
    }
    text.chars().take(RENDERED_CHARS_MAX - 1).chain(['…']).collect()
}

/// A part of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Text to be kept.
    Text(&'t str),
    /// The name of a hole.
    Hole(&'t str),
}

/// Said when a brace is neither a hole nor doubled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LoneBrace(pub(super) char);

/// Splits a template strictly, as an action file is read.
pub(super) fn pieces(template: &str) -> Result<Vec<Piece<'_>>, LoneBrace> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((before, brace, after)) = split_at_brace(rest) {
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        if let Some(doubled) = after.strip_prefix(brace) {
            pieces.push(Piece::Text(if brace == '{' { "{" } else { "}" }));
            rest = doubled;
            continue;
        }
        let (name, behind) = after.split_once('}').filter(|_| brace == '{').ok_or(LoneBrace(brace))?;
        if !is_name(name) {
            return Err(LoneBrace(brace));
        }
        pieces.push(Piece::Hole(name));
        rest = behind;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

/// Fills the holes. A template that is not well formed, which an action from a file never has, is plain text.
pub(super) fn expand(template: &str, mut value: impl FnMut(&str) -> String) -> String {
    let pieces = pieces(template).unwrap_or_else(|_| vec![Piece::Text(template)]);
    pieces
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Hole(name) => value(name),
        })
        .collect()
}

/// The name of the hole that a template consists of, when it is nothing but one hole.
pub(super) fn only_hole(template: &str) -> Option<&str> {
    match pieces(template).ok()?.as_slice() {
        [Piece::Hole(name)] => Some(name),
        _ => None,
    }
}

/// Names of holes and parameters: `[a-z][a-z0-9_]*`, at most 40 bytes.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= 40
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn split_at_brace(text: &str) -> Option<(&str, char, &str)> {
    let at = text.find(['{', '}'])?;
    let (before, from_brace) = text.split_at(at);
    let brace = from_brace.chars().next()?;
    Some((before, brace, from_brace.strip_prefix(brace)?))
}
