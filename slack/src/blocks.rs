//! The blocks, elements, messages and views that CatOps sends and its local Slack shows, as typed data.
//!
//! Both ways through serde: what is written here is read back equal. A type that is not listed, or a listed type with a
//! malformed body, survives as `Unknown` with its JSON. Lengths are not checked here; `limits` does that.
//! Names and fields follow Slack's Block Kit reference of September 2026.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One block of a message or view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    /// Text with at most one element beside it.
    Section(Section),
    /// A row of small texts and images.
    Context(Context),
    /// A row of elements to press.
    Actions(Actions),
    /// A line.
    Divider(Divider),
    /// A large plain line.
    Header(Header),
    /// One field of a form.
    Input(Input),
    /// A picture.
    Image(Image),
    /// Anything else, kept as it came.
    #[serde(untagged)]
    Unknown(Value),
}

/// Something to press, choose from or type into.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Element {
    /// A button.
    Button(Button),
    /// A "..." menu of one to five choices.
    Overflow(Overflow),
    /// A menu whose choices are in the message.
    StaticSelect(StaticSelect),
    /// A menu whose choices are asked for while the reader types.
    ExternalSelect(ExternalSelect),
    /// A menu of the workspace's people.
    UsersSelect(UsersSelect),
    /// A text field.
    PlainTextInput(PlainTextInput),
    /// A number field.
    NumberInput(NumberInput),
    /// Boxes to tick.
    Checkboxes(Checkboxes),
    /// A small picture beside a section or in a context.
    Image(ImageElement),
    /// Anything else, kept as it came.
    #[serde(untagged)]
    Unknown(Value),
}

/// What a context block may hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "a context has at most ten, and a box would be in every reader's way")]
pub enum ContextElement {
    /// A text object.
    Text(Text),
    /// A picture, or something unknown.
    Element(Element),
}

/// How a text object is read by Slack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextKind {
    /// Slack's markup: escape what is foreign.
    Mrkdwn,
    /// Shown as it is.
    PlainText,
}

/// A text object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Markup or plain.
    #[serde(rename = "type")]
    pub kind: TextKind,
    /// 1 to 3,000 characters, less in most slots.
    pub text: String,
    /// Plain text only: `:cat:` becomes a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<bool>,
    /// Markup only: names and channels are not turned into links by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verbatim: Option<bool>,
}

impl Text {
    /// Text in Slack's markup; foreign parts must have gone through `escape`.
    #[must_use]
    pub fn mrkdwn(text: impl Into<String>) -> Self {
        Self { kind: TextKind::Mrkdwn, text: text.into(), emoji: None, verbatim: None }
    }

    /// Markup in which `#general` and `@here` stay letters: for texts that carry foreign words.
    #[must_use]
    pub fn verbatim(text: impl Into<String>) -> Self {
        Self { verbatim: Some(true), ..Self::mrkdwn(text) }
    }

    /// Plain text, shown as it is.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self { kind: TextKind::PlainText, text: text.into(), emoji: Some(true), verbatim: None }
    }
}

/// Text with at most one element beside it. Needs `text` or `fields`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Section {
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
    /// Two columns of texts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Text>,
    /// The element on the right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accessory: Option<Element>,
    /// Unique in the message; new at every edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_id: Option<String>,
}

/// A row of small texts and images.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Context {
    /// Up to ten.
    pub elements: Vec<ContextElement>,
    /// Unique in the message; new at every edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_id: Option<String>,
}

/// A row of elements to press.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Actions {
    /// Up to 25.
    pub elements: Vec<Element>,
    /// Unique in the message; new at every edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_id: Option<String>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Divider {
    /// Unique in the message; new at every edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_id: Option<String>,
}

/// A large plain line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Plain text, up to 150 characters.
    pub text: Text,
    /// Unique in the message; new at every edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_id: Option<String>,
}

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Plain text above the field.
    pub label: Text,
    /// The field.
    pub element: Element,
    /// Plain text below the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Text>,
    /// True when it may stay empty.
    #[serde(default, skip_serializing_if = "is_false")]
    pub optional: bool,
    /// True when each change is sent at once.
    #[serde(default, skip_serializing_if = "is_false")]
    pub dispatch_action: bool,
    /// Names the field in `state.values`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_id: Option<String>,
}

/// A picture as a block of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// A public address.
    pub image_url: String,
    /// What a screen reader says.
    pub alt_text: String,
    /// Plain text above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Text>,
    /// Unique in the message; new at every edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_id: Option<String>,
}

/// A small picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageElement {
    /// A public address.
    pub image_url: String,
    /// What a screen reader says.
    pub alt_text: String,
}

/// The colour of a button or of a confirm button.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Green: the next sensible step; one per set.
    Primary,
    /// Red.
    Danger,
}

/// A button.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Button {
    /// Plain text; about 30 characters are shown.
    pub text: Text,
    /// Which button it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action_id: String,
    /// What comes back at the press.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Opened at the press; the press is sent as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<Style>,
    /// Asked before the press counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Confirm>,
    /// What a screen reader says instead of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accessibility_label: Option<String>,
}

impl Button {
    /// A button with a value and nothing else.
    #[must_use]
    pub fn new(action_id: impl Into<String>, text: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            text: Text::plain(text),
            action_id: action_id.into(),
            value: Some(value.into()),
            url: None,
            style: None,
            confirm: None,
            accessibility_label: None,
        }
    }

    /// The same button, coloured.
    #[must_use]
    pub fn style(mut self, style: Style) -> Self {
        self.style = Some(style);
        self
    }

    /// The same button, which asks first.
    #[must_use]
    pub fn confirm(mut self, confirm: Confirm) -> Self {
        self.confirm = Some(confirm);
        self
    }

    /// The same button, which opens an address.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// The same button with words for a screen reader.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.accessibility_label = Some(label.into());
        self
    }
}

/// The question before a press counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// Plain text.
    pub title: Text,
    /// Target, effect, time, undo.
    pub text: Text,
    /// Plain text of the button that goes on.
    pub confirm: Text,
    /// Plain text of the button that goes back.
    pub deny: Text,
    /// The colour of the button that goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<Style>,
}

/// One choice of a menu or a set of boxes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What is shown.
    pub text: Text,
    /// What comes back.
    #[serde(default)]
    pub value: String,
    /// A second line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text>,
    /// Overflow menus only: opened at the press.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Choice {
    /// A choice with a plain text.
    #[must_use]
    pub fn new(text: impl Into<String>, value: impl Into<String>) -> Self {
        Self { text: Text::plain(text), value: value.into(), description: None, url: None }
    }
}

/// Choices under a title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoiceGroup {
    /// The title, plain text.
    pub label: Text,
    /// The choices.
    pub options: Vec<Choice>,
}

/// A "..." menu.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overflow {
    /// Which menu it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action_id: String,
    /// One to five.
    pub options: Vec<Choice>,
    /// Asked before a choice counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Confirm>,
}

/// A menu whose choices are in the message: `options` or `option_groups`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StaticSelect {
    /// Which menu it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action_id: String,
    /// Shown while nothing is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<Text>,
    /// Up to 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Choice>,
    /// Up to 100 groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub option_groups: Vec<ChoiceGroup>,
    /// Chosen from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_option: Option<Choice>,
    /// Asked before a choice counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Confirm>,
}

/// A menu whose choices are asked for while the reader types.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ExternalSelect {
    /// Which menu it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action_id: String,
    /// Shown while nothing is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<Text>,
    /// Chosen from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_option: Option<Choice>,
    /// How many letters before the first question; Slack's default is 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_query_length: Option<u32>,
    /// Asked before a choice counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Confirm>,
}

/// A menu of the workspace's people.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct UsersSelect {
    /// Which menu it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action_id: String,
    /// Shown while nobody is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<Text>,
    /// Chosen from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_user: Option<String>,
    /// Asked before a choice counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Confirm>,
}

/// A text field.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PlainTextInput {
    /// Which field it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action_id: String,
    /// Shown while it is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<Text>,
    /// In it from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_value: Option<String>,
    /// True for several lines.
    #[serde(default, skip_serializing_if = "is_false")]
    pub multiline: bool,
    /// Fewest characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u32>,
    /// Most characters, up to 3,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
}

/// A number field. Slack carries its numbers as text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NumberInput {
    /// Which field it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action_id: String,
    /// True when fractions are allowed.
    #[serde(default)]
    pub is_decimal_allowed: bool,
    /// Shown while it is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<Text>,
    /// In it from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_value: Option<String>,
    /// Smallest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_value: Option<String>,
    /// Largest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_value: Option<String>,
}

/// Boxes to tick.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Checkboxes {
    /// Which set it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action_id: String,
    /// Up to ten.
    pub options: Vec<Choice>,
    /// Ticked from the start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub initial_options: Vec<Choice>,
    /// Asked before a tick counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Confirm>,
}

/// What a message carries for machines. Every app of the workspace can read it: ids only.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Metadata {
    /// Names the shape of the payload.
    #[serde(default)]
    pub event_type: String,
    /// The payload.
    #[serde(default)]
    pub event_payload: Map<String, Value>,
}

/// Who sees an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseType {
    /// The asker only.
    Ephemeral,
    /// Everybody in the channel.
    InChannel,
}

/// A message without its address: the channel, and the `ts` of an edit, are arguments of the call that sends it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Message {
    /// Everything the card says, in words: a screen reader and a notification read only this.
    #[serde(default)]
    pub text: String,
    /// What is shown instead, where blocks can be shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<Block>,
    /// For machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Posts into this message's thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_ts: Option<String>,
    /// With `thread_ts`: shown in the channel too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_broadcast: Option<bool>,
    /// Answers only: who sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_type: Option<ResponseType>,
    /// Answers to a press only: stands in the pressed message's place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace_original: Option<bool>,
    /// Answers to a press only: removes the pressed message; then nothing else may be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_original: Option<bool>,
    /// False: links stay small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfurl_links: Option<bool>,
    /// False: pictures stay links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfurl_media: Option<bool>,
}

impl Message {
    /// A message of blocks with its words; links and pictures stay small.
    #[must_use]
    pub fn new(text: impl Into<String>, blocks: Vec<Block>) -> Self {
        Self { text: text.into(), blocks, unfurl_links: Some(false), unfurl_media: Some(false), ..Self::default() }
    }

    /// An answer that only the asker sees, beside whatever was pressed.
    #[must_use]
    pub fn ephemeral(text: impl Into<String>, blocks: Vec<Block>) -> Self {
        Self { response_type: Some(ResponseType::Ephemeral), replace_original: Some(false), ..Self::new(text, blocks) }
    }
}

/// Where a view stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewKind {
    /// A window over the channel.
    Modal,
    /// The app's own page.
    Home,
}

/// A modal or a home page, as it is opened, updated or published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Modal or home.
    #[serde(rename = "type")]
    pub kind: ViewKind,
    /// Modals only, plain text, up to 24 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Text>,
    /// Modals only: needed when the view has an input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submit: Option<Text>,
    /// Modals only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close: Option<Text>,
    /// Up to 100.
    pub blocks: Vec<Block>,
    /// Which form it is; comes back at submission.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub callback_id: String,
    /// Comes back at submission; readers of the wire can read it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub private_metadata: String,
    /// Our own name for it, unique in the workspace.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub external_id: String,
    /// True when closing is sent too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub notify_on_close: bool,
    /// True when closing closes the views below as well.
    #[serde(default, skip_serializing_if = "is_false")]
    pub clear_on_close: bool,
}

impl View {
    /// A modal with a title and a way out.
    #[must_use]
    pub fn modal(callback_id: impl Into<String>, title: impl Into<String>, blocks: Vec<Block>) -> Self {
        Self {
            kind: ViewKind::Modal,
            title: Some(Text::plain(title)),
            submit: None,
            close: Some(Text::plain("Close")),
            blocks,
            callback_id: callback_id.into(),
            private_metadata: String::new(),
            external_id: String::new(),
            notify_on_close: false,
            clear_on_close: false,
        }
    }
}

impl Block {
    /// The block's id, if it has one.
    #[must_use]
    pub fn block_id(&self) -> Option<&str> {
        match self {
            Self::Section(block) => block.block_id.as_deref(),
            Self::Context(block) => block.block_id.as_deref(),
            Self::Actions(block) => block.block_id.as_deref(),
            Self::Divider(block) => block.block_id.as_deref(),
            Self::Header(block) => block.block_id.as_deref(),
            Self::Input(block) => block.block_id.as_deref(),
            Self::Image(block) => block.block_id.as_deref(),
            Self::Unknown(value) => value.get("block_id")?.as_str(),
        }
    }

    /// The same block under another id.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        let id = Some(id.into());
        match &mut self {
            Self::Section(block) => block.block_id = id,
            Self::Context(block) => block.block_id = id,
            Self::Actions(block) => block.block_id = id,
            Self::Divider(block) => block.block_id = id,
            Self::Header(block) => block.block_id = id,
            Self::Input(block) => block.block_id = id,
            Self::Image(block) => block.block_id = id,
            Self::Unknown(value) => {
                if let Some(object) = value.as_object_mut() {
                    object.insert("block_id".to_owned(), id.into());
                }
            }
        }
        self
    }

    /// A section of one text.
    #[must_use]
    pub fn section(text: Text) -> Self {
        Self::Section(Section { text: Some(text), ..Section::default() })
    }

    /// A section of one text with an element beside it.
    #[must_use]
    pub fn section_with(text: Text, accessory: Element) -> Self {
        Self::Section(Section { text: Some(text), accessory: Some(accessory), ..Section::default() })
    }

    /// A row of small texts.
    #[must_use]
    pub fn context(texts: impl IntoIterator<Item = Text>) -> Self {
        Self::Context(Context { elements: texts.into_iter().map(ContextElement::Text).collect(), block_id: None })
    }

    /// A row of buttons.
    #[must_use]
    pub fn buttons(buttons: impl IntoIterator<Item = Button>) -> Self {
        Self::Actions(Actions { elements: buttons.into_iter().map(Element::Button).collect(), block_id: None })
    }
}

impl Element {
    /// The element's `action_id`; pictures and unknown elements without one have an empty one.
    #[must_use]
    pub fn action_id(&self) -> &str {
        match self {
            Self::Button(element) => &element.action_id,
            Self::Overflow(element) => &element.action_id,
            Self::StaticSelect(element) => &element.action_id,
            Self::ExternalSelect(element) => &element.action_id,
            Self::UsersSelect(element) => &element.action_id,
            Self::PlainTextInput(element) => &element.action_id,
            Self::NumberInput(element) => &element.action_id,
            Self::Checkboxes(element) => &element.action_id,
            Self::Image(_) => "",
            Self::Unknown(value) => value.get("action_id").and_then(Value::as_str).unwrap_or_default(),
        }
    }
}

// serde asks for a path, not an expression.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests;
