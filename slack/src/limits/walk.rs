//! The one walk over every slot of a message or view, and the judge who walks it. The walk knows the limits, the visitor
//! knows what to do about them. The last part of each path is joined lazily enough: payloads have a few dozen slots.

use super::{
    ACCESSIBILITY_LABEL_CHARS_MAX, ACTIONS_MAX, ALT_TEXT_CHARS_MAX, BUTTON_TEXT_CHARS_MAX, BUTTON_VALUE_CHARS_MAX,
    CHECKBOXES_MAX, CHOICE_TEXT_CHARS_MAX, CHOICE_VALUE_CHARS_MAX, CHOICES_MAX, CONFIRM_BUTTON_CHARS_MAX,
    CONFIRM_TEXT_CHARS_MAX, CONFIRM_TITLE_CHARS_MAX, CONTEXT_ELEMENTS_MAX, CONTEXT_TEXT_CHARS_MAX, FIELD_CHARS_MAX,
    FIELDS_MAX, HEADER_CHARS_MAX, ID_CHARS_MAX, INPUT_CHARS_MAX, LABEL_CHARS_MAX, MESSAGE_BLOCKS_MAX,
    MESSAGE_TEXT_CHARS_MAX, MODAL_TITLE_CHARS_MAX, OVERFLOW_MAX, PLACEHOLDER_CHARS_MAX, PRIVATE_METADATA_CHARS_MAX,
    SECTION_TEXT_CHARS_MAX, URL_CHARS_MAX, VIEW_BLOCKS_MAX, Violation, counted,
};
use crate::blocks::{
    Block, Button, Choice, Confirm, ContextElement, Element, Image, Input, Message, Section, Style, Text, TextKind,
    View, ViewKind,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// What is done at a slot.
pub(super) trait Visit {
    /// Words that may be cut: 1 to `max` characters.
    fn words(&mut self, at: &str, text: &mut Text, max: usize);
    /// The words of a message, which may be empty.
    fn message_words(&mut self, at: &str, text: &mut String, max: usize);
    /// Words in a bare string, which may be cut.
    fn string(&mut self, at: &str, string: &mut String, max: usize);
    /// Something that means nothing when it is cut: an id, a value, an address.
    fn whole(&mut self, at: &str, string: &str, max: usize);
    /// A list of `min` to `max` entries.
    fn list<T>(&mut self, at: &str, list: &mut Vec<T>, min: usize, max: usize);
    /// Something that cannot be put right here.
    fn note(&mut self, at: &str, message: String);
}

/// Writes violations down and changes nothing.
#[derive(Default)]
pub(super) struct Judge {
    pub(super) found: Vec<Violation>,
}

impl Judge {
    fn at_most(&mut self, at: &str, chars: usize, max: usize) {
        if chars > max {
            self.note(at, format!("must be at most {max} characters, is {chars}"));
        }
    }
}

impl Visit for Judge {
    fn words(&mut self, at: &str, text: &mut Text, max: usize) {
        let at = format!("{at}/text");
        if text.text.trim().is_empty() {
            self.note(&at, "must not be empty".to_owned());
        }
        self.at_most(&at, counted(text), max);
    }

    fn message_words(&mut self, at: &str, text: &mut String, max: usize) {
        self.at_most(at, text.chars().count(), max);
    }

    fn string(&mut self, at: &str, string: &mut String, max: usize) {
        if string.trim().is_empty() {
            self.note(at, "must not be empty".to_owned());
        }
        self.at_most(at, string.chars().count(), max);
    }

    fn whole(&mut self, at: &str, string: &str, max: usize) {
        self.at_most(at, string.chars().count(), max);
    }

    fn list<T>(&mut self, at: &str, list: &mut Vec<T>, min: usize, max: usize) {
        if list.len() < min {
            self.note(at, format!("must have at least {min} entries, has {}", list.len()));
        }
        if list.len() > max {
            self.note(at, format!("must have at most {max} entries, has {}", list.len()));
        }
    }

    fn note(&mut self, at: &str, message: String) {
        self.found.push(Violation { pointer: at.to_owned(), message });
    }
}

pub(super) fn walk_message(visit: &mut impl Visit, message: &mut Message) {
    if message.delete_original == Some(true) {
        return;
    }
    visit.message_words("/text", &mut message.text, MESSAGE_TEXT_CHARS_MAX);
    if message.text.trim().is_empty() && message.blocks.is_empty() {
        visit.note("/text", "no_text: a message needs text or blocks".to_owned());
    }
    walk_blocks(visit, &mut message.blocks, MESSAGE_BLOCKS_MAX);
}

pub(super) fn walk_view(visit: &mut impl Visit, view: &mut View) {
    let parts = [("/title", &mut view.title), ("/submit", &mut view.submit), ("/close", &mut view.close)];
    for (at, part) in parts {
        if let Some(text) = part {
            plain(visit, at, text, MODAL_TITLE_CHARS_MAX);
        }
    }
    visit.whole("/callback_id", &view.callback_id, ID_CHARS_MAX);
    visit.whole("/external_id", &view.external_id, ID_CHARS_MAX);
    visit.whole("/private_metadata", &view.private_metadata, PRIVATE_METADATA_CHARS_MAX);
    let asks = view.blocks.iter().any(|block| matches!(block, Block::Input(_)));
    if view.kind == ViewKind::Modal && view.title.is_none() {
        visit.note("/title", "a modal needs a title".to_owned());
    }
    if view.kind == ViewKind::Modal && asks && view.submit.is_none() {
        visit.note("/submit", "a modal with an input needs submit".to_owned());
    }
    walk_blocks(visit, &mut view.blocks, VIEW_BLOCKS_MAX);
}

fn walk_blocks(visit: &mut impl Visit, blocks: &mut Vec<Block>, max: usize) {
    visit.list("/blocks", blocks, 0, max);
    let mut seen = BTreeSet::new();
    for (index, block) in blocks.iter_mut().enumerate() {
        let at = format!("/blocks/{index}");
        if let Some(id) = block.block_id() {
            visit.whole(&format!("{at}/block_id"), id, ID_CHARS_MAX);
            if !seen.insert(id.to_owned()) {
                visit.note(&format!("{at}/block_id"), format!("{id:?} is used by another block"));
            }
        }
        walk_block(visit, &at, block);
    }
}

fn walk_block(visit: &mut impl Visit, at: &str, block: &mut Block) {
    match block {
        Block::Section(section) => walk_section(visit, at, section),
        Block::Context(context) => {
            let at = format!("{at}/elements");
            visit.list(&at, &mut context.elements, 1, CONTEXT_ELEMENTS_MAX);
            for (index, element) in context.elements.iter_mut().enumerate() {
                let at = format!("{at}/{index}");
                match element {
                    ContextElement::Text(text) => visit.words(&at, text, CONTEXT_TEXT_CHARS_MAX),
                    ContextElement::Element(Element::Image(image)) => {
                        picture(visit, &at, &image.image_url, &mut image.alt_text);
                    }
                    ContextElement::Element(_) => visit.note(&at, "must be a text or an image".to_owned()),
                }
            }
        }
        Block::Actions(actions) => {
            let at = format!("{at}/elements");
            visit.list(&at, &mut actions.elements, 1, ACTIONS_MAX);
            walk_actions(visit, &at, &mut actions.elements);
        }
        Block::Divider(_) => {}
        Block::Header(header) => plain(visit, &format!("{at}/text"), &mut header.text, HEADER_CHARS_MAX),
        Block::Input(input) => walk_input(visit, at, input),
        Block::Image(Image { image_url, alt_text, title, .. }) => {
            picture(visit, at, image_url, alt_text);
            if let Some(title) = title {
                plain(visit, &format!("{at}/title"), title, ALT_TEXT_CHARS_MAX);
            }
        }
        Block::Unknown(value) => unknown(visit, at, value, &OTHER_BLOCKS),
    }
}

fn walk_section(visit: &mut impl Visit, at: &str, section: &mut Section) {
    if section.text.is_none() && section.fields.is_empty() {
        visit.note(at, "a section needs text or fields".to_owned());
    }
    if let Some(text) = &mut section.text {
        visit.words(&format!("{at}/text"), text, SECTION_TEXT_CHARS_MAX);
    }
    visit.list(&format!("{at}/fields"), &mut section.fields, 0, FIELDS_MAX);
    for (index, field) in section.fields.iter_mut().enumerate() {
        visit.words(&format!("{at}/fields/{index}"), field, FIELD_CHARS_MAX);
    }
    if let Some(accessory) = &mut section.accessory {
        let at = format!("{at}/accessory");
        if matches!(accessory, Element::PlainTextInput(_) | Element::NumberInput(_)) {
            visit.note(&at, "a text or number field must stand in an input".to_owned());
        }
        walk_element(visit, &at, accessory);
    }
}

fn walk_actions(visit: &mut impl Visit, at: &str, elements: &mut [Element]) {
    let mut seen = BTreeSet::new();
    let mut primary = 0;
    for (index, element) in elements.iter_mut().enumerate() {
        let at = format!("{at}/{index}");
        let action_id = element.action_id().to_owned();
        if matches!(element, Element::Image(_) | Element::PlainTextInput(_) | Element::NumberInput(_)) {
            visit.note(&at, "cannot stand in an actions block".to_owned());
        }
        primary += usize::from(matches!(element, Element::Button(button) if button.style == Some(Style::Primary)));
        if primary > 1 {
            primary = 0;
            visit.note(&format!("{at}/style"), "one primary button in a set".to_owned());
        }
        if !action_id.is_empty() && !seen.insert(action_id.clone()) {
            visit.note(&format!("{at}/action_id"), format!("{action_id:?} is used by another element of this block"));
        }
        walk_element(visit, &at, element);
    }
}

fn walk_input(visit: &mut impl Visit, at: &str, input: &mut Input) {
    plain(visit, &format!("{at}/label"), &mut input.label, LABEL_CHARS_MAX);
    if let Some(hint) = &mut input.hint {
        plain(visit, &format!("{at}/hint"), hint, LABEL_CHARS_MAX);
    }
    let at = format!("{at}/element");
    if matches!(input.element, Element::Button(_) | Element::Overflow(_) | Element::Image(_)) {
        visit.note(&at, "cannot stand in an input".to_owned());
    }
    walk_element(visit, &at, &mut input.element);
}

fn walk_element(visit: &mut impl Visit, at: &str, element: &mut Element) {
    visit.whole(&format!("{at}/action_id"), element.action_id(), ID_CHARS_MAX);
    let (placeholder, confirm) = match element {
        Element::Button(button) => return walk_button(visit, at, button),
        Element::Image(image) => return picture(visit, at, &image.image_url, &mut image.alt_text),
        Element::Unknown(value) => return unknown(visit, at, value, &OTHER_ELEMENTS),
        Element::Overflow(menu) => {
            walk_choices(visit, &format!("{at}/options"), &mut menu.options, OVERFLOW_MAX);
            (None, menu.confirm.as_mut())
        }
        Element::StaticSelect(menu) => {
            match (menu.options.is_empty(), menu.option_groups.is_empty()) {
                (true, true) | (false, false) => visit.note(at, "needs either options or option_groups".to_owned()),
                (false, true) => walk_choices(visit, &format!("{at}/options"), &mut menu.options, CHOICES_MAX),
                (true, false) => {
                    visit.list(&format!("{at}/option_groups"), &mut menu.option_groups, 1, CHOICES_MAX);
                    for (index, group) in menu.option_groups.iter_mut().enumerate() {
                        let at = format!("{at}/option_groups/{index}");
                        plain(visit, &format!("{at}/label"), &mut group.label, CHOICE_TEXT_CHARS_MAX);
                        walk_choices(visit, &format!("{at}/options"), &mut group.options, CHOICES_MAX);
                    }
                }
            }
            initial(visit, at, menu.initial_option.as_mut());
            (menu.placeholder.as_mut(), menu.confirm.as_mut())
        }
        Element::ExternalSelect(menu) => {
            initial(visit, at, menu.initial_option.as_mut());
            (menu.placeholder.as_mut(), menu.confirm.as_mut())
        }
        Element::UsersSelect(menu) => (menu.placeholder.as_mut(), menu.confirm.as_mut()),
        Element::Checkboxes(boxes) => {
            walk_choices(visit, &format!("{at}/options"), &mut boxes.options, CHECKBOXES_MAX);
            for (index, choice) in boxes.initial_options.iter_mut().enumerate() {
                walk_choice(visit, &format!("{at}/initial_options/{index}"), choice);
            }
            (None, boxes.confirm.as_mut())
        }
        Element::PlainTextInput(field) => {
            for (name, length) in [("min_length", field.min_length), ("max_length", field.max_length)] {
                if length.is_some_and(|length| length as usize > INPUT_CHARS_MAX) {
                    visit.note(&format!("{at}/{name}"), format!("must be at most {INPUT_CHARS_MAX}"));
                }
            }
            let max = field.max_length.map_or(INPUT_CHARS_MAX, |max| max as usize);
            if let Some(value) = &mut field.initial_value {
                visit.message_words(&format!("{at}/initial_value"), value, max);
            }
            (field.placeholder.as_mut(), None)
        }
        Element::NumberInput(field) => (field.placeholder.as_mut(), None),
    };
    if let Some(text) = placeholder {
        plain(visit, &format!("{at}/placeholder"), text, PLACEHOLDER_CHARS_MAX);
    }
    if let Some(confirm) = confirm {
        walk_confirm(visit, &format!("{at}/confirm"), confirm);
    }
}

fn walk_button(visit: &mut impl Visit, at: &str, button: &mut Button) {
    plain(visit, &format!("{at}/text"), &mut button.text, BUTTON_TEXT_CHARS_MAX);
    if let Some(value) = &button.value {
        visit.whole(&format!("{at}/value"), value, BUTTON_VALUE_CHARS_MAX);
    }
    if let Some(url) = &button.url {
        visit.whole(&format!("{at}/url"), url, URL_CHARS_MAX);
    }
    if let Some(label) = &mut button.accessibility_label {
        visit.string(&format!("{at}/accessibility_label"), label, ACCESSIBILITY_LABEL_CHARS_MAX);
    }
    if let Some(confirm) = &mut button.confirm {
        walk_confirm(visit, &format!("{at}/confirm"), confirm);
    }
}

fn walk_confirm(visit: &mut impl Visit, at: &str, confirm: &mut Confirm) {
    plain(visit, &format!("{at}/title"), &mut confirm.title, CONFIRM_TITLE_CHARS_MAX);
    visit.words(&format!("{at}/text"), &mut confirm.text, CONFIRM_TEXT_CHARS_MAX);
    plain(visit, &format!("{at}/confirm"), &mut confirm.confirm, CONFIRM_BUTTON_CHARS_MAX);
    plain(visit, &format!("{at}/deny"), &mut confirm.deny, CONFIRM_BUTTON_CHARS_MAX);
}

fn walk_choices(visit: &mut impl Visit, at: &str, choices: &mut Vec<Choice>, max: usize) {
    visit.list(at, choices, 1, max);
    for (index, choice) in choices.iter_mut().enumerate() {
        walk_choice(visit, &format!("{at}/{index}"), choice);
    }
}

fn initial(visit: &mut impl Visit, at: &str, choice: Option<&mut Choice>) {
    if let Some(choice) = choice {
        walk_choice(visit, &format!("{at}/initial_option"), choice);
    }
}

fn walk_choice(visit: &mut impl Visit, at: &str, choice: &mut Choice) {
    visit.words(&format!("{at}/text"), &mut choice.text, CHOICE_TEXT_CHARS_MAX);
    visit.whole(&format!("{at}/value"), &choice.value, CHOICE_VALUE_CHARS_MAX);
    if let Some(description) = &mut choice.description {
        visit.words(&format!("{at}/description"), description, CHOICE_TEXT_CHARS_MAX);
    }
    if let Some(url) = &choice.url {
        visit.whole(&format!("{at}/url"), url, URL_CHARS_MAX);
    }
}

/// A slot that takes plain text only.
fn plain(visit: &mut impl Visit, at: &str, text: &mut Text, max: usize) {
    if text.kind != TextKind::PlainText {
        visit.note(&format!("{at}/type"), "must be plain_text".to_owned());
    }
    visit.words(at, text, max);
}

fn picture(visit: &mut impl Visit, at: &str, url: &str, alt_text: &mut String) {
    visit.whole(&format!("{at}/image_url"), url, URL_CHARS_MAX);
    visit.string(&format!("{at}/alt_text"), alt_text, ALT_TEXT_CHARS_MAX);
}

/// A type that Slack has and we do not send passes; one that Slack has not, or one of ours with a malformed body, does not.
fn unknown(visit: &mut impl Visit, at: &str, value: &Value, others: &[&str]) {
    match value.get("type").and_then(Value::as_str) {
        Some(kind) if others.contains(&kind) => {}
        Some(kind) => visit.note(at, format!("is no valid {kind:?}")),
        None => visit.note(&format!("{at}/type"), "is missing".to_owned()),
    }
}

const OTHER_BLOCKS: [&str; 16] = [
    "alert",
    "call",
    "card",
    "carousel",
    "container",
    "context_actions",
    "data_table",
    "data_visualization",
    "file",
    "markdown",
    "plan",
    "rich_text",
    "share_shortcut",
    "table",
    "task_card",
    "video",
];

const OTHER_ELEMENTS: [&str; 19] = [
    "channels_select",
    "conversations_select",
    "datepicker",
    "datetimepicker",
    "email_text_input",
    "feedback_buttons",
    "file_input",
    "icon_button",
    "multi_channels_select",
    "multi_conversations_select",
    "multi_external_select",
    "multi_static_select",
    "multi_users_select",
    "radio_buttons",
    "rich_text_input",
    "timepicker",
    "url_source",
    "url_text_input",
    "workflow_button",
];
