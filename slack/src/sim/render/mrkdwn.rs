//! Slack's mrkdwn to HTML. Everything that is not markup is escaped; only http, https and mailto links become links.
//!
//! Nesting is as deep as the text, never deeper than [`DEPTH_MAX`], so no message can exhaust the stack.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat};

use super::super::emoji::emoji;

/// Bold in italic in strike is three; more is an attack or a mistake, and stays text.
const DEPTH_MAX: usize = 8;

/// Who and what the ids in a text stand for.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Names by user id.
    pub people: HashMap<String, String>,
    /// Names by channel id, without `#`.
    pub channels: HashMap<String, String>,
}

/// Turns one text into HTML.
#[must_use]
pub fn mrkdwn_to_html(text: &str, names: &Names) -> String {
    let mut html = String::new();
    let mut rest = text;
    while let Some((before, fenced)) = rest.split_once("```") {
        let Some((code, after)) = fenced.split_once("```") else { break };
        lines(before.strip_suffix('\n').unwrap_or(before), names, &mut html);
        html.push_str("<pre>");
        html.push_str(&code_text(code.strip_prefix('\n').unwrap_or(code)));
        html.push_str("</pre>");
        rest = after.strip_prefix('\n').unwrap_or(after);
    }
    lines(rest, names, &mut html);
    html
}

/// Lines that start with `>` are quotes; neighbours share one.
fn lines(text: &str, names: &Names, html: &mut String) {
    if text.is_empty() {
        return;
    }
    let mut quoting = false;
    for (at, line) in text.split('\n').enumerate() {
        let quoted = line.strip_prefix("&gt;").or_else(|| line.strip_prefix('>'));
        match (quoted.is_some(), quoting) {
            (true, false) => html.push_str("<blockquote>"),
            (false, true) => html.push_str("</blockquote>"),
            _ if at > 0 => html.push_str("<br>"),
            _ => {}
        }
        quoting = quoted.is_some();
        inline(quoted.map_or(line, str::trim_start), names, html, 0);
    }
    if quoting {
        html.push_str("</blockquote>");
    }
}

/// One line. `previous` decides whether a star opens bold: `a*b` is not markup.
fn inline(line: &str, names: &Names, html: &mut String, depth: usize) {
    let mut rest = line;
    let mut previous = ' ';
    while let Some(first) = rest.chars().next() {
        let (_, after) = rest.split_at(first.len_utf8());
        let taken = match first {
            '`' => code(after, html),
            '<' => control(after, names, html),
            '*' | '_' | '~' if depth < DEPTH_MAX && !previous.is_alphanumeric() => {
                styled(first, after, names, html, depth)
            }
            ':' => shortcode(after, html),
            _ => None,
        };
        match taken {
            Some(left) => {
                rest = left;
                previous = ' ';
            }
            None => {
                let (text, left) = entity(rest).unwrap_or((first, after));
                push_escaped(text, html);
                rest = left;
                previous = first;
            }
        }
    }
}

/// The three entities that mrkdwn knows, read as one character.
fn entity(rest: &str) -> Option<(char, &str)> {
    [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>')]
        .into_iter()
        .find_map(|(entity, character)| Some((character, rest.strip_prefix(entity)?)))
}

fn code<'a>(after: &'a str, html: &mut String) -> Option<&'a str> {
    let (code, left) = after.split_once('`').filter(|(code, _)| !code.is_empty())?;
    html.push_str("<code>");
    html.push_str(&code_text(code));
    html.push_str("</code>");
    Some(left)
}

/// Inside code only entities and control sequences' angle brackets mean something; both are shown as text.
fn code_text(code: &str) -> String {
    let mut html = String::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let (text, left) = entity(rest).unwrap_or_else(|| (first, rest.split_at(first.len_utf8()).1));
        push_escaped(text, &mut html);
        rest = left;
    }
    html
}

fn styled<'a>(mark: char, after: &'a str, names: &Names, html: &mut String, depth: usize) -> Option<&'a str> {
    let (inner, left) = closing(mark, after)?;
    let tag = match mark {
        '*' => "b",
        '_' => "i",
        _ => "s",
    };
    html.push_str(&format!("<{tag}>"));
    inline(inner, names, html, depth + 1);
    html.push_str(&format!("</{tag}>"));
    Some(left)
}

/// Finds the mark that ends a style: no blank before it, no letter after it, not within code or a link.
fn closing(mark: char, after: &str) -> Option<(&str, &str)> {
    if after.starts_with([' ', mark]) {
        return None;
    }
    let mut previous = ' ';
    let mut within = None;
    for (at, here) in after.char_indices() {
        match (within, here) {
            (Some(end), _) if here == end => within = None,
            (Some(_), _) => {}
            (None, '<') => within = Some('>'),
            (None, '`') => within = Some('`'),
            (None, _) if here == mark && previous != ' ' => {
                let (inner, left) = after.split_at(at);
                let left = left.strip_prefix(mark)?;
                if !left.starts_with(char::is_alphanumeric) {
                    return Some((inner, left));
                }
            }
            (None, _) => {}
        }
        previous = here;
    }
    None
}

fn shortcode<'a>(after: &'a str, html: &mut String) -> Option<&'a str> {
    let (code, left) = after.split_once(':')?;
    html.push_str(emoji(code)?);
    Some(left)
}

/// `<…>`: a link, a mention, a channel, a group or a date.
fn control<'a>(after: &'a str, names: &Names, html: &mut String) -> Option<&'a str> {
    let (inner, left) = after.split_once('>').filter(|(inner, _)| !inner.is_empty() && !inner.contains('<'))?;
    let (target, label) = inner.split_once('|').map_or((inner, None), |(target, label)| (target, Some(label)));
    if let Some(id) = target.strip_prefix('@') {
        let name = names.people.get(id).map(String::as_str).or(label).unwrap_or(id);
        mention("@", name, html);
    } else if let Some(id) = target.strip_prefix('#') {
        let name = names.channels.get(id).map(String::as_str).or(label).unwrap_or(id);
        mention("#", name, html);
    } else if let Some(date) = target.strip_prefix("!date^") {
        time(date, label, html)?;
    } else if let Some(special) = target.strip_prefix('!') {
        let group = special.split_once('^').map_or(special, |(kind, _)| kind);
        mention("@", label.unwrap_or(group).trim_start_matches('@'), html);
    } else {
        link(target, label, html)?;
    }
    Some(left)
}

fn mention(sigil: &str, name: &str, html: &mut String) {
    html.push_str("<span class=\"mention\">");
    html.push_str(sigil);
    html.push_str(&code_text(name));
    html.push_str("</span>");
}

fn link(target: &str, label: Option<&str>, html: &mut String) -> Option<()> {
    ["https://", "http://", "mailto:"].iter().find(|scheme| target.starts_with(**scheme))?;
    html.push_str("<a target=\"_blank\" rel=\"noreferrer noopener\" href=\"");
    html.push_str(&code_text(target));
    html.push_str("\">");
    html.push_str(&code_text(label.unwrap_or(target)));
    html.push_str("</a>");
    Some(())
}

/// What a date's format may name.
const DATE_WORDS: [&str; 10] = [
    "date_num",
    "date",
    "date_long",
    "date_short",
    "date_pretty",
    "date_long_pretty",
    "date_short_pretty",
    "time",
    "time_secs",
    "ago",
];

/// `unix^format[^link]`; the page shows it in the reader's zone, the fallback is what stands there without a script.
/// A format that names what is no part of a date is not followed: its fallback is shown, as plain text.
fn time(date: &str, fallback: Option<&str>, html: &mut String) -> Option<()> {
    let mut parts = date.splitn(3, '^');
    let at = DateTime::from_timestamp(parts.next()?.parse().ok()?, 0)?;
    let format = parts.next()?;
    let named = format.split('{').skip(1).map(|part| part.split('}').next().unwrap_or_default());
    if let (Some(fallback), true) = (fallback, named.into_iter().any(|word| !DATE_WORDS.contains(&word))) {
        html.push_str(&code_text(fallback));
        return Some(());
    }
    let iso = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    html.push_str(&format!("<time datetime=\"{iso}\" data-format=\"{}\">", code_text(format)));
    html.push_str(&code_text(fallback.unwrap_or(&iso)));
    html.push_str("</time>");
    Some(())
}

/// Text as text: nothing in it can become a tag or leave an attribute.
pub(super) fn escape(text: &str) -> String {
    let mut html = String::new();
    for character in text.chars() {
        push_escaped(character, &mut html);
    }
    html
}

/// Plain text: escaped, with line breaks and emoji.
pub(super) fn plain(text: &str) -> String {
    let mut html = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (_, after) = rest.split_at(first.len_utf8());
        rest = match first {
            ':' => shortcode(after, &mut html).unwrap_or_else(|| {
                html.push(':');
                after
            }),
            '\n' => {
                html.push_str("<br>");
                after
            }
            other => {
                push_escaped(other, &mut html);
                after
            }
        };
    }
    html
}

fn push_escaped(character: char, html: &mut String) {
    match character {
        '&' => html.push_str("&amp;"),
        '<' => html.push_str("&lt;"),
        '>' => html.push_str("&gt;"),
        '"' => html.push_str("&quot;"),
        '\'' => html.push_str("&#39;"),
        other => html.push(other),
    }
}
