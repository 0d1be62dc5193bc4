//! Foreign words on their way into Slack's markup: they may be read, they may not act.
//!
//! Rules from Slack's text formatting page: escape exactly `&`, `<` and `>`. That alone leaves bold, code and layout to
//! whoever wrote the alarm, so control and bidi characters go too, one-line slots stay one line, and a backtick cannot
//! close our code. Slack has no escape for `*`, `_` and `~`, nor for a `>` that begins a line and makes it a quotation
//! even as `&gt;`: where one could begin a style it is put into the fallback of
//! a date that has no format, which Slack shows as plain text (the measure of jsx-slack; a zero-width space does not
//! help, that library uses it to force a style). Marks within a word, as in `HTTPCode_ELB_5XX_Count`, are left alone.
//! Nothing here cuts to a slot's length without being told the length.

use chrono::{DateTime, Utc};
use std::fmt::Write as _;

/// What ends a text that was cut.
pub const CUT: char = '…';

/// Text of several lines: control and bidi characters out, `& < >` escaped, no mark begins a style, at most `chars_max`
/// characters.
#[must_use]
pub fn text(foreign: &str, chars_max: usize) -> String {
    cut(&unstyled(&unticked(&clean(foreign))), chars_max)
}

/// Text of one line: as [`text`], and every run of white space is one space.
#[must_use]
pub fn line(foreign: &str, chars_max: usize) -> String {
    cut(&unstyled(&unticked(&one_line(foreign))), chars_max)
}

/// One bold line: as [`line`], and no star in it can end the bold. Empty stays empty.
#[must_use]
pub fn bold(foreign: &str, chars_max: usize) -> String {
    let inner = line(&foreign.replace(['*', '＊'], "∗"), chars_max.saturating_sub(2));
    if inner.is_empty() { inner } else { format!("*{inner}*") }
}

/// One line of code: in backticks, where no other mark means anything. Empty stays empty.
#[must_use]
pub fn code(foreign: &str, chars_max: usize) -> String {
    let inner = cut(&pieces(&unticked(&one_line(foreign))), chars_max.saturating_sub(2));
    if inner.is_empty() { inner } else { format!("`{inner}`") }
}

/// Lines of code between fences. Empty stays empty.
#[must_use]
pub fn code_block(foreign: &str, chars_max: usize) -> String {
    let inner = cut(&pieces(&unticked(&clean(foreign.trim_end()))), chars_max.saturating_sub(8));
    if inner.is_empty() { inner } else { format!("```\n{inner}\n```") }
}

/// One line for a `plain_text` slot, which Slack shows as it is. Its length is counted as if it were escaped.
#[must_use]
pub fn plain(foreign: &str, chars_max: usize) -> String {
    unescape(&cut(&pieces(&one_line(foreign)), chars_max))
}

/// A link. An address that is not `http` or `https` is not linked, only its label is shown.
#[must_use]
pub fn link(url: &str, label: &str) -> String {
    // Within a link there can be no date, so look-alikes stand in for the marks.
    let label = with_marks(&line(label, LABEL_CHARS_MAX), look_alike);
    match address(url) {
        Some(url) if !label.is_empty() => format!("<{}|{label}>", url.replace('&', "&amp;")),
        _ => label,
    }
}

/// The address fit for a link or a button: `http` or `https`, and nothing in it can end the link. `None` for others,
/// and for those beyond 3,000 characters.
#[must_use]
pub fn address(url: &str) -> Option<String> {
    let url = url.trim();
    let lower = url.to_ascii_lowercase();
    if !lower.starts_with("https://") && !lower.starts_with("http://") {
        return None;
    }
    let mut safe = String::with_capacity(url.len());
    for c in url.chars() {
        match c {
            '|' | '<' | '>' | '"' | '`' | '\\' | '^' => percent_encode(&mut safe, c),
            c if c.is_whitespace() || c.is_control() || is_invisible(c) => percent_encode(&mut safe, c),
            c => safe.push(c),
        }
    }
    (safe.chars().count() <= URL_CHARS_MAX).then_some(safe)
}

/// The clock time in the reader's own zone: `<!date^1763820120^{time}|14:02 UTC>`.
#[must_use]
pub fn time(at: DateTime<Utc>) -> String {
    format!("<!date^{}^{{time}}|{}>", at.timestamp(), utc_time(at))
}

/// Day and time in the reader's own zone.
#[must_use]
pub fn day_time(at: DateTime<Utc>) -> String {
    format!("<!date^{}^{{date_short_pretty}} {{time}}|{}>", at.timestamp(), utc_day_time(at))
}

/// `14:02 UTC`: for plain slots and for the words that a screen reader reads.
#[must_use]
pub fn utc_time(at: DateTime<Utc>) -> String {
    at.format("%H:%M UTC").to_string()
}

/// `24 Nov 09:00 UTC`.
#[must_use]
pub fn utc_day_time(at: DateTime<Utc>) -> String {
    at.format("%-d %b %H:%M UTC").to_string()
}

/// A mention, which notifies when the message is new. A text that is no user id is shown as a line instead.
#[must_use]
pub fn mention(user_id: &str) -> String {
    if is_user_id(user_id) { format!("<@{user_id}>") } else { line(user_id, LABEL_CHARS_MAX) }
}

/// True for `U0ANA` and `W0ANA`.
#[must_use]
pub fn is_user_id(text: &str) -> bool {
    text.starts_with(['U', 'W'])
        && (3..=32).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

/// Puts `&amp;`, `&lt;`, `&gt;` and the marks back: for what people typed, which Slack hands over escaped, and for slots
/// without markup.
#[must_use]
pub fn unescape(escaped: &str) -> String {
    marks_put_back(escaped).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Markup with its marks as they were written: for the words of a message that has blocks, which are read aloud and
/// drawn nowhere.
#[must_use]
pub fn marks_put_back(markup: &str) -> String {
    with_marks(markup, |mark| mark)
}

fn with_marks(markup: &str, shown: impl Fn(char) -> char) -> String {
    let mut plain = String::with_capacity(markup.len());
    let mut rest = markup;
    while let Some((before, token)) = rest.split_once(UNSTYLED_OPEN) {
        let (marks, after) = token.split_once(UNSTYLED_CLOSE).unwrap_or((token, ""));
        plain.push_str(before);
        plain.extend(marks.chars().map(&shown));
        rest = after;
    }
    plain.push_str(rest);
    plain
}

/// How many characters Slack counts: of markup as it stands, of plain text as if it were escaped.
#[must_use]
pub fn escaped_chars(plain: &str) -> usize {
    plain.chars().map(|c| entity(c).map_or(1, str::len)).sum()
}

/// Longest label of a link; longer ones are cut.
const LABEL_CHARS_MAX: usize = 300;
/// Longest address that a button takes.
const URL_CHARS_MAX: usize = 3000;

/// A date with an unknown format: Slack shows its fallback, and takes no mark in it for markup.
const UNSTYLED_OPEN: &str = "<!date^00000000^{_}|";
const UNSTYLED_CLOSE: char = '>';

/// What begins and ends a style. Slack takes the wide forms, too. A `>` that begins a line is another one.
const MARKS: [char; 5] = ['*', '_', '~', '＊', '＿'];

/// What is cut nowhere within.
enum Piece<'a> {
    /// One character, escaped where it has to be.
    Char(char),
    /// Marks that must not begin a style.
    Marks(&'a str),
}

impl Piece<'_> {
    fn chars(&self) -> usize {
        match self {
            Self::Char(c) => entity(*c).map_or(1, str::len),
            Self::Marks(marks) => UNSTYLED_OPEN.len() + escaped_chars(marks) + 1,
        }
    }

    fn push_to(&self, escaped: &mut String) {
        match self {
            Self::Char(c) => push_escaped(*c, escaped),
            Self::Marks(marks) => {
                escaped.push_str(UNSTYLED_OPEN);
                marks.chars().for_each(|mark| push_escaped(mark, escaped));
                escaped.push(UNSTYLED_CLOSE);
            }
        }
    }
}

fn push_escaped(c: char, escaped: &mut String) {
    match entity(c) {
        Some(entity) => escaped.push_str(entity),
        None => escaped.push(c),
    }
}

fn pieces(clean: &str) -> Vec<Piece<'_>> {
    clean.chars().map(Piece::Char).collect()
}

/// Takes the beginning from every style. That is enough to have none, whatever stands around this text: an end without
/// a beginning is text.
fn unstyled(clean: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::with_capacity(clean.len());
    // What stands before the text is not known: it may begin a line.
    let mut previous = '\n';
    let mut rest = clean;
    while let Some(first) = rest.chars().next() {
        let marks = beginning_marks(previous, first, rest);
        let (taken, after) = rest.split_at(marks.unwrap_or(first.len_utf8()));
        pieces.push(if marks.is_some() { Piece::Marks(taken) } else { Piece::Char(first) });
        (previous, rest) = (first, after);
    }
    pieces
}

/// How many bytes of equal marks stand here that could begin a style: not within a word, not before a blank. What comes
/// after the end of the text is not known, so there they could. At the beginning of a line the sign of a quotation is one
/// of them, also when it is escaped.
fn beginning_marks(previous: char, first: char, rest: &str) -> Option<usize> {
    if first == '>' && previous == '\n' {
        return Some(rest.len() - rest.trim_start_matches('>').len());
    }
    if !MARKS.contains(&first) || previous.is_ascii_alphanumeric() {
        return None;
    }
    let after = rest.trim_start_matches(first);
    let bytes = rest.len() - after.len();
    let alone = bytes == first.len_utf8() && after.starts_with([' ', '\n']);
    (!alone).then_some(bytes)
}

const fn look_alike(mark: char) -> char {
    match mark {
        '*' | '＊' => '∗',
        '_' | '＿' => 'ˍ',
        '~' => '∼',
        other => other,
    }
}

fn unticked(clean: &str) -> String {
    clean.replace(['`', '｀'], "ˋ")
}

/// Cuts between pieces so that the escaped text has at most `chars_max` characters.
fn cut(pieces: &[Piece<'_>], chars_max: usize) -> String {
    let fits = pieces.iter().map(Piece::chars).sum::<usize>() <= chars_max;
    let room = if fits { chars_max } else { chars_max.saturating_sub(1) };
    let mut escaped = String::new();
    let mut used = 0;
    for piece in pieces {
        used += piece.chars();
        if used > room {
            break;
        }
        piece.push_to(&mut escaped);
    }
    if !fits && chars_max > 0 {
        escaped.truncate(escaped.trim_end_matches([' ', '\n', CUT]).len());
        escaped.push(CUT);
    }
    escaped
}

const fn entity(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}

fn one_line(foreign: &str) -> String {
    clean(foreign).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn clean(foreign: &str) -> String {
    let foreign = foreign.replace("\r\n", "\n");
    let kept = foreign.chars().filter_map(|c| match c {
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => Some('\n'),
        // Blanks that are controls: without one in their place two words would become one.
        '\t' | '\u{B}' | '\u{C}' | '\u{85}' => Some(' '),
        c if c.is_control() || is_invisible(c) => None,
        c => Some(c),
    });
    kept.collect()
}

/// Characters that reorder or hide text. The joiners U+200C and U+200D stay: Persian and many emoji need them.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}'
        | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E007F}')
}

fn percent_encode(into: &mut String, c: char) {
    let mut bytes = [0; 4];
    for byte in c.encode_utf8(&mut bytes).bytes() {
        write!(into, "%{byte:02X}").expect("writing to a String cannot fail");
    }
}

#[cfg(test)]
mod tests;
