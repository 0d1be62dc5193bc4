//! Folding and escaping, octet by octet.

use super::*;

#[track_caller]
fn check(value: &str, expect: &str) {
    let mut page = Page::default();
    page.text("SUMMARY", value);
    assert_eq!(page.finish(), expect);
}

#[test]
fn texts_are_escaped() {
    check("a, b; c\\d\r\ne\nf", "SUMMARY:a\\, b\\; c\\\\d\\ne\\nf\r\n");
    check("bell \u{7} and escape \u{1b}[31m", "SUMMARY:bell  and escape [31m\r\n");
}

#[test]
fn a_value_that_is_no_text_begins_no_line_of_its_own() {
    let mut page = Page::default();
    page.raw("URL", "https://x.example/\r\nATTENDEE:mailto:eve@example.com");
    assert_eq!(page.finish(), "URL:https://x.example/ATTENDEE:mailto:eve@example.com\r\n");
}

#[test]
fn long_lines_are_folded_between_letters() {
    // 67 letters fill the first line exactly: 8 of the name and 67.
    check(&"x".repeat(67), &format!("SUMMARY:{}\r\n", "x".repeat(67)));
    check(&"x".repeat(68), &format!("SUMMARY:{}\r\n x\r\n", "x".repeat(67)));
    // A letter of two octets does not fit into the last one.
    check(&format!("{}ñ", "x".repeat(66)), &format!("SUMMARY:{}\r\n ñ\r\n", "x".repeat(66)));
    for line in {
        let mut page = Page::default();
        page.text("SUMMARY", &"🐈ñ,".repeat(200));
        page.finish()
    }
    .split("\r\n")
    {
        assert!(line.len() <= 75, "{line}");
    }
}
