//! How a calendar is read before anything is understood: folded lines, names, parameters and values become blocks, one for
//! each `VEVENT` and `VTIMEZONE`. It knows no dates.
//!
//! Own code and not the crate `icalendar` 0.17.17: there a broken line or a missing `END` loses the whole file, and 20,000
//! nested `BEGIN` end the process by an overflow of the stack (both measured 2026-11-28). Here nothing recurses.

use super::problems::Problems;

/// The largest calendar in bytes. Ten years of a busy Google calendar are two megabytes.
pub(super) const BYTES_MAX: usize = 8 * 1024 * 1024;

/// The most lines that are kept of one calendar: a memory of its size a few times over, and 20,000 events.
pub(super) const LINES_MAX: usize = 200_000;

/// The blocks that mean something.
const BLOCKS: [&str; 2] = ["VEVENT", "VTIMEZONE"];

/// What is asked of lines. Others, such as descriptions and attached files, are not kept.
const NAMES: [&str; 19] = [
    "ATTENDEE",
    "DTEND",
    "DTSTART",
    "DURATION",
    "EXDATE",
    "EXRULE",
    "RDATE",
    "RECURRENCE-ID",
    "RRULE",
    "SEQUENCE",
    "STATUS",
    "SUMMARY",
    "TZID",
    "TZOFFSETFROM",
    "TZOFFSETTO",
    "UID",
    "X-CATOPS-PERSON",
    "X-LIC-LOCATION",
    "X-MICROSOFT-CDO-ALLDAYEVENT",
];

/// What is asked of parameters.
const PARAMETERS: [&str; 4] = ["EMAIL", "PARTSTAT", "RANGE", "TZID"];

/// One line of a calendar.
#[derive(Debug)]
pub(super) struct Line {
    /// Where it begins in the file, from 1.
    pub(super) number: usize,
    /// Its name in capitals: `DTSTART`.
    pub(super) name: String,
    /// Its parameters, names in capitals: `TZID`, `Europe/Madrid`.
    parameters: Vec<(String, String)>,
    /// Its value, as it is written.
    pub(super) value: String,
}

/// What is between a `BEGIN` and its `END`.
#[derive(Debug)]
pub(super) struct Block {
    /// Its name in capitals: `VEVENT`.
    pub(super) name: String,
    /// The line of its `BEGIN`.
    pub(super) number: usize,
    /// Its own lines.
    pub(super) lines: Vec<Line>,
    /// The blocks directly in it, without those in them.
    pub(super) parts: Vec<Self>,
}

/// The blocks of a file.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// What the calendar calls itself.
    pub(super) name: Option<String>,
    /// Every `VEVENT` and `VTIMEZONE` in a `VCALENDAR`, in the order of the file.
    pub(super) blocks: Vec<Block>,
    /// What is wrong with single lines.
    pub(super) problems: Problems,
    /// Whether there was a `BEGIN:VCALENDAR` at all.
    pub(super) has_calendar: bool,
    /// Whether each `BEGIN:VCALENDAR` had its end.
    pub(super) is_whole: bool,
    /// How many of its lines mean something to us, ends of blocks included; reading ends at the limit.
    lines: usize,
}

impl Content {
    /// Whether it has more lines than are read.
    pub(super) const fn is_too_long(&self) -> bool {
        self.lines > LINES_MAX
    }
}

impl Line {
    /// As it was, with what of its parameters was kept.
    pub(super) fn written(&self) -> String {
        let mut line = self.name.clone();
        for (name, value) in &self.parameters {
            let quote = if value.contains([':', ';', ',']) { "\"" } else { "" };
            line.push_str(&format!(";{name}={quote}{}{quote}", value.replace('"', "")));
        }
        line.push(':');
        line.push_str(&self.value);
        line
    }

    /// The value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value as a text, with its escapes resolved.
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(self.value.len());
        let mut letters = self.value.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' => match letters.next() {
                    Some('n' | 'N') => text.push('\n'),
                    Some(escaped) => text.push(escaped),
                    None => {}
                },
                letter => text.push(letter),
            }
        }
        text
    }

    /// Reads `NAME;PARAMETER=value;OTHER="a:b":value`.
    fn read(number: usize, text: &str) -> Option<Self> {
        let mut quoted = false;
        let colon = text.find(|letter| {
            quoted ^= letter == '"';
            letter == ':' && !quoted
        });
        // An odd quote makes everything after it quoted; the first colon is the better guess then.
        let (head, value) = match colon {
            Some(colon) => text.split_at_checked(colon)?,
            None => text.split_at_checked(text.find(':')?)?,
        };
        // Exchange writes `DTSTART;TZID=tzone://Microsoft/Utc:20260105T090000`, without the quotes that this needs.
        let (head, value) = match value.strip_prefix("://").and_then(|rest| rest.find(':')) {
            Some(colon) if head.contains(';') => text.split_at_checked(head.len() + "://".len() + colon)?,
            _ => (head, value),
        };
        let mut quoted = false;
        let mut fields = head.split(|letter| {
            quoted ^= letter == '"';
            letter == ';' && !quoted
        });
        let name = fields.next()?.trim().to_ascii_uppercase();
        // `item1.DTSTART` names a group, which means nothing here.
        let name = name.rsplit('.').next().unwrap_or_default().to_owned();
        if name.is_empty()
            || !name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_')
        {
            return None;
        }
        let parameter = |field: &str| {
            let (name, value) = field.split_once('=')?;
            Some((name.trim().to_ascii_uppercase(), value.trim_matches('"').to_owned()))
        };
        let is_asked = |(name, _): &(String, String)| PARAMETERS.contains(&name.as_str());
        let parameters = fields.filter_map(parameter).filter(is_asked).take(PARAMETERS.len()).collect();
        Some(Self { number, name, parameters, value: value.strip_prefix(':').unwrap_or(value).to_owned() })
    }
}

impl Block {
    /// Its first line of that name.
    pub(super) fn line(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.name == name)
    }

    /// All its lines of that name.
    pub(super) fn all<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b Line> {
        self.lines.iter().filter(move |line| line.name == name)
    }
}

/// Takes a file apart. What cannot be read is left out and said; the rest counts.
pub(super) fn read(bytes: &[u8]) -> Content {
    let mut content = Content { is_whole: true, ..Content::default() };
    let mut reader = Reader { open: None, part: None, deeper: 0, in_calendar: false };
    for (number, text) in unfolded(bytes) {
        if text.trim().is_empty() {
            continue;
        }
        if content.is_too_long() {
            break;
        }
        match Line::read(number, &text) {
            Some(line) => reader.take(line, &mut content),
            None if reader.in_calendar => {
                content.problems.at(number, &format!("not a line of a calendar: \"{}\"", start_of(&text)));
            }
            None => {}
        }
    }
    content.is_whole = content.is_whole && !reader.in_calendar && reader.open.is_none();
    content
}

/// The lines of a file without their folds, each with the number of its first line. Folds are taken out of the bytes,
/// because some programs fold in the middle of a letter.
fn unfolded(bytes: &[u8]) -> impl Iterator<Item = (usize, String)> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines = bytes.split(|&byte| byte == b'\n').enumerate().peekable();
    std::iter::from_fn(move || {
        let (place, first) = lines.next()?;
        let mut line = first.strip_suffix(b"\r").unwrap_or(first).to_vec();
        while let Some((_, more)) = lines.next_if(|(_, next)| matches!(next.first(), Some(b' ' | b'\t'))) {
            let more = more.strip_suffix(b"\r").unwrap_or(more);
            line.extend(more.iter().skip(1));
        }
        Some((place + 1, String::from_utf8_lossy(&line).into_owned()))
    })
}

/// Where the reader is: outside, in a block, in a part of it, or so many levels deeper, where nothing matters to us.
struct Reader {
    open: Option<Block>,
    part: Option<Block>,
    deeper: usize,
    in_calendar: bool,
}

impl Reader {
    fn take(&mut self, line: Line, content: &mut Content) {
        let block = line.value.trim().to_ascii_uppercase();
        match (line.name.as_str(), block.as_str()) {
            ("BEGIN", "VCALENDAR") => {
                content.is_whole = content.is_whole && !self.in_calendar;
                self.close(content);
                self.in_calendar = true;
                content.has_calendar = true;
            }
            ("END", "VCALENDAR") => {
                content.is_whole = content.is_whole && self.open.is_none();
                self.open = None;
                self.in_calendar = false;
            }
            _ if !self.in_calendar => {}
            ("BEGIN", _) => self.begin(block, line.number, content),
            ("END", _) => self.end(&block, content),
            _ if self.deeper > 0 => {}
            ("X-WR-CALNAME", _) if self.open.is_none() => content.name = Some(start_of(&line.text())),
            (name, _) if NAMES.contains(&name) => {
                if let Some(block) = self.part.as_mut().or(self.open.as_mut()) {
                    block.lines.push(line);
                    content.lines += 1;
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, name: String, number: usize, content: &mut Content) {
        // No event holds another: the one before lacks its end.
        if name == "VEVENT" && self.open.is_some() {
            self.close(content);
        }
        let block = Block { name, number, lines: Vec::new(), parts: Vec::new() };
        match (&self.open, &self.part) {
            (None, _) => self.open = Some(block),
            (Some(_), None) => self.part = Some(block),
            (Some(_), Some(_)) => self.deeper += 1,
        }
    }

    fn end(&mut self, name: &str, content: &mut Content) {
        let ends_open = self.open.as_ref().is_some_and(|open| open.name == name);
        let ends_part = self.part.as_ref().is_some_and(|part| part.name == name);
        if self.deeper > 0 && !ends_open {
            self.deeper -= 1;
        } else if ends_part {
            let part = self.part.take();
            if let Some(open) = &mut self.open {
                open.parts.extend(part);
            }
        } else if ends_open {
            self.deeper = 0;
            self.part = None;
            content.blocks.extend(self.open.take().filter(|block| BLOCKS.contains(&block.name.as_str())));
            content.lines += 1;
        }
    }

    /// Gives up a block that has no end.
    fn close(&mut self, content: &mut Content) {
        if let Some(open) = self.open.take() {
            let message = format!("a {} begins here and never ends; it is left out", open.name);
            content.problems.at(open.number, &message);
        }
        self.part = None;
        self.deeper = 0;
    }
}

/// As much of a text as a message shows.
pub(super) fn start_of(text: &str) -> String {
    const LETTERS_MAX: usize = 60;
    let shown: String = text.chars().filter(|letter| !letter.is_control()).take(LETTERS_MAX).collect();
    if text.chars().count() > LETTERS_MAX { format!("{shown}...") } else { shown }
}
