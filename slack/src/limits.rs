//! Slack's limits, and what is done about them: [`check`] names every violation, [`fit`] never lets one out.
//!
//! The numbers are those of Slack's Block Kit and `chat.*` reference pages of September 2026; where a page and an SDK
//! disagree the smaller one holds. Markup is counted as it stands, plain text as if it were escaped. One walk over the
//! slots serves both: the judge writes down, the cutter cuts.

use crate::blocks::{Block, Message, View};
use crate::escape;

mod cut;
mod walk;

use cut::Cutter;
use walk::{Judge, Visit as _, walk_message, walk_view};

/// Blocks of a message.
pub const MESSAGE_BLOCKS_MAX: usize = 50;
/// Blocks of a modal or a home page.
pub const VIEW_BLOCKS_MAX: usize = 100;
/// `text` of a message: `chat.update` refuses more; `chat.postMessage` would cut at 40,000.
pub const MESSAGE_TEXT_CHARS_MAX: usize = 4000;
/// A view as JSON.
pub const VIEW_BYTES_MAX: usize = 250_000;
/// Views on top of each other.
pub const VIEW_STACK_MAX: usize = 3;
/// `private_metadata` of a view.
pub const PRIVATE_METADATA_CHARS_MAX: usize = 3000;
/// `callback_id`, `external_id`, `block_id`, `action_id`.
pub const ID_CHARS_MAX: usize = 255;
/// Title, submit and close of a modal.
pub const MODAL_TITLE_CHARS_MAX: usize = 24;
/// Text of a section.
pub const SECTION_TEXT_CHARS_MAX: usize = 3000;
/// Fields of a section.
pub const FIELDS_MAX: usize = 10;
/// One field of a section.
pub const FIELD_CHARS_MAX: usize = 2000;
/// A header.
pub const HEADER_CHARS_MAX: usize = 150;
/// Elements of a context.
pub const CONTEXT_ELEMENTS_MAX: usize = 10;
/// One text of a context.
pub const CONTEXT_TEXT_CHARS_MAX: usize = 3000;
/// Elements of an actions block.
pub const ACTIONS_MAX: usize = 25;
/// An address.
pub const URL_CHARS_MAX: usize = 3000;
/// Alternative text and title of a picture.
pub const ALT_TEXT_CHARS_MAX: usize = 2000;
/// Label and hint of an input.
pub const LABEL_CHARS_MAX: usize = 2000;
/// Text of a button; about 30 are shown.
pub const BUTTON_TEXT_CHARS_MAX: usize = 75;
/// Value of a button.
pub const BUTTON_VALUE_CHARS_MAX: usize = 2000;
/// What a screen reader says for a button.
pub const ACCESSIBILITY_LABEL_CHARS_MAX: usize = 75;
/// Title of a confirm dialog.
pub const CONFIRM_TITLE_CHARS_MAX: usize = 100;
/// Text of a confirm dialog.
pub const CONFIRM_TEXT_CHARS_MAX: usize = 300;
/// Either button of a confirm dialog.
pub const CONFIRM_BUTTON_CHARS_MAX: usize = 30;
/// Placeholder of a field or menu.
pub const PLACEHOLDER_CHARS_MAX: usize = 150;
/// Text and description of a choice.
pub const CHOICE_TEXT_CHARS_MAX: usize = 75;
/// Value of a choice: one SDK says 150, another 75.
pub const CHOICE_VALUE_CHARS_MAX: usize = 75;
/// Choices of a select; groups; choices of a group.
pub const CHOICES_MAX: usize = 100;
/// Choices of an overflow menu.
pub const OVERFLOW_MAX: usize = 5;
/// Boxes of a set.
pub const CHECKBOXES_MAX: usize = 10;
/// Characters of a text field.
pub const INPUT_CHARS_MAX: usize = 3000;

/// One place where a payload breaks a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where, as a JSON pointer: `/blocks/2/accessory/text/text`.
    pub pointer: String,
    /// What is wrong: `must be at most 75 characters, is 80`.
    pub message: String,
}

/// Every violation of a message; empty when Slack would take it.
#[must_use]
pub fn check(message: &Message) -> Vec<Violation> {
    let mut judge = Judge::default();
    // The walk is shared with the cutter, which changes what it visits; the judge changes nothing.
    walk_message(&mut judge, &mut message.clone());
    judge.found
}

/// Every violation of a view; empty when Slack would take it.
#[must_use]
pub fn check_view(view: &View) -> Vec<Violation> {
    let mut judge = Judge::default();
    walk_view(&mut judge, &mut view.clone());
    let bytes = bytes(view);
    if bytes > VIEW_BYTES_MAX {
        judge.note("", format!("must be at most {VIEW_BYTES_MAX} bytes, is {bytes}"));
    }
    judge.found
}

/// A message that Slack takes: texts are cut, lists shortened, and a block that still breaks a limit is left out.
/// `text` is kept whatever happens to the blocks, so nobody is left without words.
#[must_use]
pub fn fit(mut message: Message) -> Message {
    if !message.blocks.is_empty() {
        message.text = escape::marks_put_back(&message.text);
    }
    walk_message(&mut Cutter, &mut message);
    let found = check(&message);
    drop_refused(&mut message.blocks, &found);
    if message.text.is_empty() && message.blocks.is_empty() && message.delete_original != Some(true) {
        message.text = "(nothing to show)".to_owned();
    }
    message
}

/// A view that Slack takes; as [`fit`].
#[must_use]
pub fn fit_view(mut view: View) -> View {
    walk_view(&mut Cutter, &mut view);
    let found = check_view(&view);
    drop_refused(&mut view.blocks, &found);
    while bytes(&view) > VIEW_BYTES_MAX && view.blocks.pop().is_some() {}
    if view.blocks.is_empty() {
        view.blocks.push(Block::section(crate::blocks::Text::plain("(nothing to show)")));
    }
    view
}

/// Leaves out, once, the blocks that a violation points into; the walk has cut everything that can be cut.
fn drop_refused(blocks: &mut Vec<Block>, found: &[Violation]) {
    let refused: Vec<usize> = found.iter().filter_map(|violation| block_index(&violation.pointer)).collect();
    let mut index = 0;
    blocks.retain(|_| {
        index += 1;
        !refused.contains(&(index - 1))
    });
}

fn bytes(view: &View) -> usize {
    serde_json::to_vec(view).map_or(0, |json| json.len())
}

fn block_index(pointer: &str) -> Option<usize> {
    pointer.strip_prefix("/blocks/")?.split('/').next()?.parse().ok()
}

/// How many characters of `text` count.
fn counted(text: &crate::blocks::Text) -> usize {
    match text.kind {
        crate::blocks::TextKind::Mrkdwn => text.text.chars().count(),
        crate::blocks::TextKind::PlainText => escape::escaped_chars(&text.text),
    }
}

#[cfg(test)]
mod tests;
