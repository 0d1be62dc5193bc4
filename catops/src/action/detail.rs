//! Makes what a run said fit to be kept and shown: secrets masked, controls removed, the middle left out when it is long.
//! A mask that hides too much is a nuisance, one that hides too little is an incident: when in doubt it hides.

use regex::{Captures, Regex};
use std::sync::LazyLock;

const MASK: &str = "***";
/// Shorter values are words, not secrets; masking them would garble the text and tell their length.
const SECRET_BYTES_MIN: usize = 4;

/// What looks like a secret wherever it stands. What is to be kept is a group named `keep`.
static SECRET: LazyLock<Regex> = LazyLock::new(|| {
    let shapes = [
        r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
        r"\bxox[a-z]-[A-Za-z0-9-]{10,}",
        r"\bgh[pousr]_[A-Za-z0-9]{30,}",
        r"(?i)(?P<scheme>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}",
        r"(?P<user>://[^\s:/@]+:)[^\s@/]+@",
        r#"(?i)(?P<name>[a-z0-9_.-]*(?:password|passwd|secret|token|api[_-]?key|access[_-]?key)["']?\s*[=:]\s*["']?)[^\s"',;&]{6,}"#,
    ];
    Regex::new(&shapes.join("|")).expect("the shapes are fixed and tested")
});

/// Masks the given secrets and whatever looks like one.
pub(super) fn masked(text: &str, secrets: &[String]) -> String {
    let mut longest_first: Vec<&str> =
        secrets.iter().map(|secret| secret.trim()).filter(|secret| secret.len() >= SECRET_BYTES_MIN).collect();
    longest_first.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let known = longest_first.iter().fold(text.to_owned(), |text, secret| text.replace(secret, MASK));
    let keep = |found: &Captures<'_>| {
        let kept =
            ["scheme", "user", "name"].iter().find_map(|group| found.name(group)).map_or("", |kept| kept.as_str());
        let end = if found.name("user").is_some() { "@" } else { "" };
        format!("{kept}{MASK}{end}")
    };
    SECRET.replace_all(&known, keep).into_owned()
}

/// At most `bytes_max` bytes without control characters but line breaks and tabs. The beginning and, since errors come
/// last, three times as much of the end are kept.
pub(super) fn bounded(text: &str, bytes_max: usize) -> String {
    let visible: String = text
        .trim_end()
        .chars()
        .filter(|char| {
            matches!(char, '\n' | '\t')
                || !(char.is_control() || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
        })
        .collect();
    if visible.len() <= bytes_max {
        return visible;
    }
    // Room for the note between the two parts.
    let room = bytes_max.saturating_sub(64);
    let (head, rest) = visible.split_at(visible.floor_char_boundary(room / 4));
    let tail_start = rest.ceil_char_boundary(rest.len().saturating_sub(room - room / 4));
    let (_, tail) = rest.split_at(tail_start);
    format!("{head}\n[... the middle is left out ...]\n{tail}")
}

/// True when a variable of this name holds a secret rather than a setting.
pub(super) fn names_a_secret(variable: &str) -> bool {
    let upper = variable.to_ascii_uppercase();
    let setting = ["FILE", "SOCK", "PATH", "DIR", "URL"].iter().any(|end| upper.ends_with(end));
    let secret = ["TOKEN", "SECRET", "PASS", "KEY", "AUTH", "CREDENTIAL", "COOKIE"];
    !setting && secret.iter().any(|word| upper.contains(word))
}
