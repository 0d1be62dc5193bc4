//! Every limit of the table, from both sides.

use super::{Violation, check, check_view, cut::cut_markup, fit, fit_view};
use crate::blocks::{Block, Button, Choice, Confirm, Element, Message, Overflow, Style, Text, View};
use proptest::prelude::*;

fn button(label: &str, value: &str) -> Button {
    Button::new("inc.ack", label, value)
}

#[track_caller]
fn check_block(block: Block, expect: &[(&str, &str)]) {
    let expect: Vec<Violation> = expect
        .iter()
        .map(|(pointer, message)| Violation { pointer: (*pointer).into(), message: (*message).into() })
        .collect();
    let message = Message::new("words", vec![block]);
    assert_eq!(check(&message), expect);
    assert_eq!(check(&fit(message)), []);
}

#[test]
fn each_slot_has_its_limit() {
    check_block(Block::section(Text::mrkdwn("x".repeat(3000))), &[]);
    check_block(
        Block::section(Text::mrkdwn("x".repeat(3001))),
        &[("/blocks/0/text/text", "must be at most 3000 characters, is 3001")],
    );
    check_block(Block::section(Text::mrkdwn(" ")), &[("/blocks/0/text/text", "must not be empty")]);
    check_block(
        Block::buttons([button(&"x".repeat(76), "1|ack|42|17")]),
        &[("/blocks/0/elements/0/text/text", "must be at most 75 characters, is 76")],
    );
    check_block(
        Block::buttons([button("Ack", &"x".repeat(2001))]),
        &[("/blocks/0/elements/0/value", "must be at most 2000 characters, is 2001")],
    );
    check_block(
        Block::context((0..11).map(|_| Text::mrkdwn("x"))),
        &[("/blocks/0/elements", "must have at most 10 entries, has 11")],
    );
    let menu = |n: usize| {
        let options = (0..n).map(|n| Choice::new(n.to_string(), n.to_string())).collect();
        Block::section_with(
            Text::mrkdwn("x"),
            Element::Overflow(Overflow { action_id: "m".into(), options, confirm: None }),
        )
    };
    check_block(menu(5), &[]);
    check_block(menu(0), &[("/blocks/0/accessory/options", "must have at least 1 entries, has 0")]);
    check_block(menu(6), &[("/blocks/0/accessory/options", "must have at most 5 entries, has 6")]);
}

#[test]
fn plain_text_is_counted_as_if_it_were_escaped() {
    check_block(Block::buttons([button(&"&".repeat(15), "v")]), &[]);
    check_block(
        Block::buttons([button(&"&".repeat(16), "v")]),
        &[("/blocks/0/elements/0/text/text", "must be at most 75 characters, is 80")],
    );
}

#[test]
fn a_confirm_dialog_is_checked_too() {
    let confirm = Confirm {
        title: Text::mrkdwn("Roll back?"),
        text: Text::mrkdwn("x".repeat(301)),
        confirm: Text::plain("x".repeat(31)),
        deny: Text::plain("Not now"),
        style: None,
    };
    let found = check(&Message::new("words", vec![Block::buttons([button("Run", "v").confirm(confirm)])]));
    let pointers: Vec<&str> = found.iter().map(|violation| violation.pointer.as_str()).collect();
    let at = "/blocks/0/elements/0/confirm";
    assert_eq!(pointers, [format!("{at}/title/type"), format!("{at}/text/text"), format!("{at}/confirm/text")]);
}

#[test]
fn ids_are_unique_and_one_button_leads() {
    let twice = Message::new(
        "words",
        vec![
            Block::Divider(Default::default()).id("a"),
            Block::buttons([button("A", "v").style(Style::Primary), button("B", "v").style(Style::Primary)]).id("a"),
        ],
    );
    let messages: Vec<String> = check(&twice).into_iter().map(|violation| violation.message).collect();
    assert_eq!(
        messages,
        [
            "\"a\" is used by another block",
            "one primary button in a set",
            "\"inc.ack\" is used by another element of this block",
        ]
    );
    assert_eq!(fit(twice).blocks.len(), 1);
}

#[test]
fn a_message_says_something() {
    assert_eq!(check(&Message::default())[0].message, "no_text: a message needs text or blocks");
    assert_eq!(check(&fit(Message::default())), []);
    let delete = Message { delete_original: Some(true), ..Message::default() };
    assert_eq!(check(&delete), []);
    let long = Message::new("x".repeat(4001), (0..51).map(|_| Block::Divider(Default::default())).collect());
    assert_eq!(check(&long).len(), 2);
    let fitted = fit(long);
    assert_eq!((fitted.text.chars().count() <= 4000, fitted.blocks.len()), (true, 50));
}

#[test]
fn a_block_of_ours_with_a_malformed_body_is_refused_and_one_that_only_slack_knows_passes() {
    let unknown = |json| Block::Unknown(json);
    check_block(
        unknown(serde_json::json!({ "type": "section", "text": 1 })),
        &[("/blocks/0", "is no valid \"section\"")],
    );
    check_block(unknown(serde_json::json!({ "type": "sektion" })), &[("/blocks/0", "is no valid \"sektion\"")]);
    check_block(unknown(serde_json::json!({ "type": "rich_text", "elements": [] })), &[]);
}

#[test]
fn a_modal_has_a_short_title_and_a_form_a_way_to_send_it() {
    let input: Block = serde_json::from_value(serde_json::json!({ "type": "input",
        "label": { "type": "plain_text", "text": "Tasks" },
        "element": { "type": "plain_text_input", "action_id": "v", "max_length": 3001 } }))
    .unwrap();
    let view = View::modal("run", "A title of twenty-five ch", vec![input]);
    let pointers: Vec<String> = check_view(&view).into_iter().map(|violation| violation.pointer).collect();
    assert_eq!(pointers, ["/title/text", "/submit", "/blocks/0/element/max_length"]);
    let view = fit_view(View { submit: Some(Text::plain("Run")), ..view });
    assert_eq!(check_view(&view), []);
}

#[test]
fn markup_is_cut_where_nothing_breaks() {
    assert_eq!(cut_markup("abc", 3), "abc");
    assert_eq!(cut_markup("see <https://a.example|the graph> now", 20), "see…");
    assert_eq!(cut_markup("a &lt;b&gt; and so on", 12), "a &lt;b…");
    assert_eq!(cut_markup("say `some code` now", 15), "say `some…`");
    assert_eq!(cut_markup("```\nline one\nline two\n```", 20), "```\nline one\nli…\n```");
}

proptest! {
    #[test]
    fn what_is_fitted_is_taken(
        text in "\\PC{0,20}", section in "\\PC{1,40}", times in 1_usize..400, label in "[a-z&<]{1,100}",
        value in "[a-z|]{0,2100}",
    ) {
        let message = Message::new(text, vec![
            Block::section(Text::mrkdwn(section.repeat(times))),
            Block::buttons([button(&label, &value)]),
        ]);
        prop_assert_eq!(check(&fit(message)), []);
    }
}
