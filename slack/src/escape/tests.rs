//! Foreign text stays text.

use super::{
    address, bold, code, code_block, day_time, line, link, marks_put_back, mention, plain, text, time, unescape,
};
use crate::sim::{Names, mrkdwn_to_html};
use chrono::DateTime;
use proptest::prelude::*;

#[test]
fn alarm_text_cannot_mention_anybody() {
    assert_eq!(line("<!channel> <@U0ANA> a & b", 100), "&lt;!channel&gt; &lt;@U0ANA&gt; a &amp; b");
    assert_eq!(mention("U0ANA"), "<@U0ANA>");
    assert_eq!(mention("U0ANA> <!here"), "U0ANA&gt; &lt;!here");
}

#[test]
fn a_one_line_slot_stays_one_line_and_its_code_stays_closed() {
    assert_eq!(line("disk\r\nfull\u{2028}now\t!", 100), "disk full now !");
    assert_eq!(text("a\r\nb\u{0}c", 100), "a\nbc");
    assert_eq!(line("two\u{85}words\u{C}stay\u{B}apart", 100), "two words stay apart");
    assert_eq!(code("x` <!here> `y", 100), "`xˋ &lt;!here&gt; ˋy`");
    assert_eq!(code_block("a\n```\nb", 100), "```\na\nˋˋˋ\nb\n```");
    assert_eq!(bold("5 * 3", 100), "*5 ∗ 3*");
    assert_eq!(code("", 100), "");
}

#[test]
fn text_cannot_be_turned_around_or_hidden() {
    assert_eq!(line("safe\u{202E}gnp.exe\u{200B}\u{FEFF}", 100), "safegnp.exe");
    assert_eq!(line("👩\u{200D}🚒", 100), "👩\u{200D}🚒");
}

#[test]
fn a_text_is_cut_between_characters_and_never_in_an_entity() {
    assert_eq!(line("ab&cd", 9), "ab&amp;cd");
    assert_eq!(line("ab&cd", 8), "ab&amp;…");
    assert_eq!(line("ab&cd", 7), "ab…");
    assert_eq!(plain("žluťoučký", 5), "žluť…");
}

#[test]
fn links_lead_where_they_say() {
    assert_eq!(link("https://a/b?x=1|2>&y", "INC-42"), "<https://a/b?x=1%7C2%3E&amp;y|INC-42>");
    assert_eq!(link("javascript:alert(1)", "INC-42"), "INC-42");
    assert_eq!(link("https://a/b c", "<@U1>"), "<https://a/b%20c|&lt;@U1&gt;>");
    assert_eq!(address(&format!("https://a/{}", "x".repeat(3000))), None);
}

#[test]
fn dates_have_a_fallback_in_utc() {
    let at = DateTime::from_timestamp(1_763_820_120, 0).unwrap();
    assert_eq!(time(at), "<!date^1763820120^{time}|14:02 UTC>");
    assert_eq!(day_time(at), "<!date^1763820120^{date_short_pretty} {time}|22 Nov 14:02 UTC>");
}

/// What the local Slack draws for markup.
fn drawn(markup: &str) -> String {
    mrkdwn_to_html(markup, &Names::default())
}

#[track_caller]
fn reads_as_written(foreign: &str) {
    assert_eq!(drawn(&line(foreign, 1000)), foreign, "{}", line(foreign, 1000));
}

#[test]
fn marks_in_foreign_text_style_nothing() {
    reads_as_written("*not bold* _not italic_ ~not gone~");
    reads_as_written("**/*.log and __init__ and *_~all~_*");
    reads_as_written("（*wide*）＊too＊");
    assert_eq!(drawn(&bold("a _b_ *c*", 100)), "<b>a _b_ ∗c∗</b>");
    assert_eq!(drawn(&code("_a_ *b*", 100)), "<code>_a_ *b*</code>");
    assert_eq!(link("https://a", "*a* snake_case"), "<https://a|∗a* snake_case>");
    // An unpaired mark of the alarm must not pair with one of ours.
    assert_eq!(drawn(&format!("{} *ours*", line("*theirs", 100))), "*theirs <b>ours</b>");
    assert_eq!(drawn(&format!("{}.b*", line("theirs *", 100))), "theirs *.b*");
}

#[test]
fn a_quotation_is_ours_to_make() {
    reads_as_quoted("> over");
    reads_as_quoted(">>> everything after this");
    assert_eq!(drawn(&text("down\n> over\n>", 1000)), "down<br>&gt; over<br>&gt;");
    assert_eq!(line("a > b", 100), "a &gt; b");
    assert_eq!(unescape(&line("> over", 1000)), "> over");
    assert_eq!(line(">>", 28), "…");
    assert_eq!(line(">>", 29), "<!date^00000000^{_}|&gt;&gt;>");
}

#[track_caller]
fn reads_as_quoted(foreign: &str) {
    assert_eq!(drawn(&line(foreign, 1000)), foreign.replace('>', "&gt;"), "{}", line(foreign, 1000));
}

#[test]
fn what_styles_nothing_is_sent_as_it_is() {
    for name in ["HTTPCode_ELB_5XX_Count", "2 * 3 * 4", "10:00 ~ 11:00", "snake_case_ and a*", "a_b*c~d"] {
        assert_eq!(line(name, 1000), name);
    }
}

#[test]
fn a_mark_is_cut_away_whole_and_put_back_for_plain_slots() {
    assert_eq!(line("ab *c", 100), "ab <!date^00000000^{_}|*>c");
    assert_eq!(line("ab *c", 25), "ab…");
    assert_eq!(unescape(&line("_a_ & *b*", 100)), "_a_ & *b*");
}

proptest! {
    #[test]
    fn foreign_text_is_drawn_as_it_is_written(foreign in "[*_~＊＿a-zA-Z0-9 .,!?()/='ž木\\-]{0,40}") {
        let words = foreign.split_whitespace().collect::<Vec<_>>().join(" ");
        let words = words.replace('\'', "&#39;");
        prop_assert_eq!(drawn(&line(&foreign, 5000)), words.clone());
        prop_assert_eq!(drawn(&text(&words.replace("&#39;", "'"), 5000)), words.clone());
        prop_assert_eq!(drawn(&format!("*a* {} _b_ ~c~", line(&foreign, 5000))),
            format!("<b>a</b> {words} <i>b</i> <s>c</s>"));
    }

    #[test]
    fn no_foreign_text_makes_markup(foreign in "\\PC*|(<[!@#]|&|`|\\*|>|\n|\u{202E}|[a-z ]){0,60}", max in 0_usize..80) {
        for shown in [line(&foreign, max), text(&foreign, max), bold(&foreign, max), code(&foreign, max)] {
            prop_assert!(shown.chars().count() <= max.max(3), "{shown}");
            let shown = marks_put_back(&shown);
            prop_assert!(!shown.contains(['<', '>', '\u{202E}', '\u{0}']), "{shown}");
            let entities = shown.matches("&amp;").count() + shown.matches("&lt;").count() + shown.matches("&gt;").count();
            prop_assert_eq!(shown.matches('&').count(), entities);
        }
        prop_assert!(!line(&foreign, max).contains(['\n', '`']));
    }

    #[test]
    fn what_is_escaped_can_be_read_again(foreign in "[a-z&<> ]{0,40}") {
        let words = foreign.split_whitespace().collect::<Vec<_>>().join(" ");
        prop_assert_eq!(unescape(&line(&foreign, 1000)), words);
    }
}
