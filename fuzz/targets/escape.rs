//! Foreign text in Slack's markup: nothing forged survives, and a reader sees what was written.
//! The local Slack draws the markup; what it draws must be the text and no element of any kind.
#![no_main]

use fuzz::Input;
use slack::escape::{
    address, bold, code, code_block, escaped_chars, line, link, marks_put_back, plain, text, unescape,
};
use slack::sim::{Names, mrkdwn_to_html};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let max = input.number() % 4000;
    let foreign = input.text();
    for shown in
        [line(&foreign, max), text(&foreign, max), bold(&foreign, max), code(&foreign, max), code_block(&foreign, max)]
    {
        assert!(shown.chars().count() <= max.max(9), "{shown:?}");
        nothing_forged(&shown);
    }
    assert!(!line(&foreign, max).contains(['\n', '`']) && !code(&foreign, max).trim_matches('`').contains('`'));
    assert!(escaped_chars(&plain(&foreign, max)) <= max && !plain(&foreign, max).contains(hidden));
    as_written(&line(&foreign, 100_000), &foreign);
    as_written(&text(&foreign, 100_000), &foreign);
    linked(&foreign, &link(&foreign, &foreign));
});

/// Characters that reorder, hide or control.
fn hidden(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

fn nothing_forged(shown: &str) {
    let shown = marks_put_back(shown);
    assert!(!shown.contains(['<', '>']) && !shown.contains(hidden), "{shown:?}");
    let entities = ["&amp;", "&lt;", "&gt;"].iter().map(|entity| shown.matches(entity).count()).sum::<usize>();
    assert_eq!(shown.matches('&').count(), entities, "{shown:?}");
}

/// Drawn, it has no element but line ends, and its words are those that were written.
fn as_written(shown: &str, foreign: &str) {
    let html = mrkdwn_to_html(shown, &Names::default()).replace("<br>", "\n");
    assert!(!html.contains(['<', '>']), "{foreign:?} is drawn as {html:?}");
    // Two colons may name an emoji, which is drawn as one.
    if foreign.contains(':') {
        return;
    }
    let html = html.replace("&#39;", "'").replace("&quot;", "\"");
    let read = unescape(&html).replace('ˋ', "`");
    let seen = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    let written: String = foreign.replace('｀', "`").replace('ˋ', "`");
    let written: String = written.chars().filter(|c| !invisible(*c)).collect();
    assert_eq!(seen(&read), seen(&written), "{shown:?}");
}

/// What is taken out: control characters that are no white space, and what `hidden` names with its relatives.
fn invisible(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(c, '\u{AD}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}'
            | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// A link has one end, one bar, and an address of the web.
fn linked(url: &str, shown: &str) {
    match address(url) {
        Some(safe) => {
            assert!(safe.to_ascii_lowercase().starts_with("http"), "{safe}");
            assert!(!safe.contains(|c: char| hidden(c) || c.is_whitespace() || "<>|`\"".contains(c)), "{safe:?}");
            let inside = shown.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
            assert!(
                inside.is_none_or(|inside| !inside.contains(['<', '>']) && inside.matches('|').count() >= 1),
                "{shown:?}"
            );
        }
        None => nothing_forged(shown),
    }
}
