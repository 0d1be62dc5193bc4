//! Blocks survive the way out and back.

use super::{Block, ContextElement, Element, Message, View};
use serde_json::json;

#[test]
fn a_message_is_read_back_as_it_was_written() {
    let json = json!({
        "text": "Firing",
        "blocks": [
            { "type": "section", "block_id": "head:42:17", "text": { "type": "mrkdwn", "text": "*FIRING*" },
              "accessory": { "type": "overflow", "action_id": "inc.more", "options": [
                { "text": { "type": "plain_text", "text": "Timeline", "emoji": true }, "value": "1|timeline|42|17" } ] } },
            { "type": "context", "elements": [
                { "type": "mrkdwn", "text": "since" },
                { "type": "image", "image_url": "https://a/b.png", "alt_text": "graph" } ] },
            { "type": "divider" },
            { "type": "actions", "elements": [
                { "type": "button", "text": { "type": "plain_text", "text": "Acknowledge" }, "action_id": "inc.ack",
                  "value": "1|ack|42|17", "style": "primary", "accessibility_label": "Acknowledge incident 42" } ] }
        ],
        "metadata": { "event_type": "catops_incident", "event_payload": { "seq": 17 } }
    });
    let message: Message = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&message).unwrap(), json);
    let Block::Context(context) = &message.blocks[1] else { panic!("a context") };
    assert!(matches!(&context.elements[1], ContextElement::Element(Element::Image(_))));
}

#[test]
fn a_form_is_read_back_as_it_was_written() {
    let json = json!({
        "type": "modal", "callback_id": "params", "title": { "type": "plain_text", "text": "Run" }, "blocks": [
            { "type": "input", "block_id": "tasks", "label": { "type": "plain_text", "text": "Tasks" }, "optional": true,
              "element": { "type": "number_input", "action_id": "v", "is_decimal_allowed": false, "min_value": "1" } },
            { "type": "input", "block_id": "who", "label": { "type": "plain_text", "text": "Who" },
              "element": { "type": "users_select", "action_id": "v" } } ]
    });
    let view: View = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&view).unwrap(), json);
}

#[test]
fn what_we_do_not_know_survives() {
    for json in [
        json!({ "type": "plan", "title": "x", "tasks": [1, 2] }),
        json!({ "type": "section", "text": "not a text object" }),
        json!({ "type": "actions", "block_id": "a", "elements": [{ "type": "datepicker", "action_id": "when" }] }),
    ] {
        let block: Block = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&block).unwrap(), json);
    }
}
