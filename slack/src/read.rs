//! What Slack sends, read into plain structs: slash commands, presses, forms, events. Verify first, then read.
//!
//! Lenient on purpose: a field that is missing, `null` (such as `team` of an organisation-wide install) or of an unknown
//! kind must not turn into an error, since Slack's readers would see a broken button. What is not for us is
//! [`Inbound::Ignored`] with its kind. Nothing here decides, and nothing here is trusted beyond "Slack says so".

use serde_json::Value;
use std::collections::BTreeMap;

mod event;
mod interaction;

/// Something that Slack told us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound {
    /// A slash command.
    Command(Command),
    /// A button, menu, or shortcut.
    Press(Press),
    /// A form was sent.
    Submit(Submit),
    /// A form was closed without sending; only when the view asked to be told.
    Closed(Submit),
    /// A menu wants choices for what was typed so far.
    Suggest(Suggest),
    /// A mention, a direct message, or a look at the home page.
    Event(Event),
    /// Slack checks that the address is ours: answer 200 with this text.
    Challenge(String),
    /// Nothing for us; holds the kind. Answer 200.
    Ignored(String),
}

impl Inbound {
    /// Who sent it, and through which app; `None` for what nobody sent.
    #[must_use]
    pub fn sender(&self) -> Option<(&Who, &str)> {
        match self {
            Self::Command(command) => Some((&command.who, &command.app)),
            Self::Press(press) => Some((&press.who, &press.app)),
            Self::Submit(submit) | Self::Closed(submit) => Some((&submit.who, &submit.app)),
            Self::Suggest(suggest) => Some((&suggest.who, &suggest.app)),
            Self::Event(event) => Some((&event.who, &event.app)),
            Self::Challenge(_) | Self::Ignored(_) => None,
        }
    }
}

/// A person, as Slack names them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Who {
    /// The user's id: `U...` or `W...`.
    pub user: String,
    /// The workspace's id; `None` for an organisation-wide install.
    pub team: Option<String>,
    /// The organisation's id.
    pub enterprise: Option<String>,
}

/// A slash command. Also the form in which a mention or message is handed to `command::parse`: only `text` counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Who typed it.
    pub who: Who,
    /// Where.
    pub channel: String,
    /// The command's own name: `/catops`.
    pub command: String,
    /// What stands behind it.
    pub text: String,
    /// Opens a view, once, within 3 s.
    pub trigger_id: String,
    /// Answers: at most 5 in 30 minutes.
    pub response_url: String,
    /// The app's id.
    pub app: String,
    /// Same key, same command.
    pub key: String,
}

/// A message on which something was pressed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The channel's id.
    pub channel: Option<String>,
    /// The message's id.
    pub message_ts: Option<String>,
    /// The thread it stands in.
    pub thread_ts: Option<String>,
    /// True when only the presser sees it: then only `response_url` can change it.
    pub ephemeral: bool,
}

/// A view in which something was pressed or sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenView {
    /// Its id.
    pub id: String,
    /// Its version: an update with an older one is refused.
    pub hash: String,
    /// Which form it is.
    pub callback_id: String,
    /// What we gave it.
    pub private_metadata: String,
}

/// A button, menu, or shortcut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Press {
    /// Who pressed.
    pub who: Who,
    /// On which message.
    pub place: Place,
    /// In which view.
    pub view: Option<OpenView>,
    /// Which button; of a shortcut, its `callback_id`.
    pub action_id: String,
    /// In which block.
    pub block_id: String,
    /// The button's value, or what was chosen; several are joined by a comma. Empty for a shortcut.
    pub value: String,
    /// What stands in the fields of the message or view.
    pub state: State,
    /// Opens a view, once, within 3 s.
    pub trigger_id: String,
    /// Answers: at most 5 in 30 minutes. None in a view.
    pub response_url: Option<String>,
    /// The app's id.
    pub app: String,
    /// Same key, same press.
    pub key: String,
}

/// A form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submit {
    /// Who sent it.
    pub who: Who,
    /// The form.
    pub view: OpenView,
    /// What stands in its fields.
    pub state: State,
    /// Opens a view, once, within 3 s.
    pub trigger_id: String,
    /// The app's id.
    pub app: String,
    /// Same key, same submission.
    pub key: String,
}

/// A menu wants choices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggest {
    /// Who is typing.
    pub who: Who,
    /// Which menu.
    pub action_id: String,
    /// In which block.
    pub block_id: String,
    /// What was typed so far.
    pub typed: String,
    /// In which view.
    pub view: Option<OpenView>,
    /// The app's id.
    pub app: String,
}

/// What kind of event it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// Somebody wrote `@CatOps ...` in a channel.
    Mention,
    /// Somebody wrote to CatOps directly.
    DirectMessage,
    /// Somebody looks at the home page.
    HomeOpened,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What kind.
    pub kind: EventKind,
    /// Whose.
    pub who: Who,
    /// Where.
    pub channel: String,
    /// The message's id; empty for the home page.
    pub ts: String,
    /// The thread the message stands in.
    pub thread_ts: Option<String>,
    /// What was said, without the mention in front; still as Slack writes it, so `command::parse` reads it.
    pub text: String,
    /// The app's id.
    pub app: String,
    /// Same key, same event: Slack sends an event up to four times.
    pub key: String,
}

/// What stands in the fields, by block id. A block of ours has one field; several in one block are joined in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State(pub BTreeMap<String, Vec<String>>);

impl State {
    /// The first value of a field; `None` when it is empty.
    #[must_use]
    pub fn get(&self, block_id: &str) -> Option<&str> {
        self.0.get(block_id)?.first().map(String::as_str)
    }

    /// All values of a field, as of ticked boxes.
    #[must_use]
    pub fn all(&self, block_id: &str) -> &[String] {
        self.0.get(block_id).map_or(&[], Vec::as_slice)
    }
}

/// Why a body cannot be read. Answer 400; Slack never sends such a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is no JSON.
    #[error("the body is not JSON: {0}")]
    Json(String),
    /// A form without what it must have.
    #[error("the form has no {0:?}")]
    Missing(&'static str),
}

/// Reads a slash command's form.
///
/// # Errors
/// [`Unreadable`] when nobody typed it or it has no command.
pub fn command(body: &[u8]) -> Result<Command, Unreadable> {
    let mut form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let mut take = |name: &str| form.remove(name).unwrap_or_default();
    let command = Command {
        who: Who { user: take("user_id"), team: filled(take("team_id")), enterprise: filled(take("enterprise_id")) },
        channel: take("channel_id"),
        command: take("command"),
        text: take("text"),
        trigger_id: take("trigger_id"),
        response_url: take("response_url"),
        app: take("api_app_id"),
        key: String::new(),
    };
    if command.who.user.is_empty() {
        return Err(Unreadable::Missing("user_id"));
    }
    if command.command.is_empty() {
        return Err(Unreadable::Missing("command"));
    }
    let key = format!("slack:command:{}", command.trigger_id);
    Ok(Command { key, ..command })
}

/// Reads an interaction's form: one field `payload` that holds JSON.
///
/// # Errors
/// [`Unreadable`] when there is no payload or it is no JSON.
pub fn interaction(body: &[u8]) -> Result<Inbound, Unreadable> {
    let payload = form_urlencoded::parse(body).find(|(name, _)| name == "payload").map(|(_, json)| json);
    let payload = payload.ok_or(Unreadable::Missing("payload"))?;
    Ok(interaction::read(&json(payload.as_bytes())?))
}

/// Reads a body of the Events API.
///
/// # Errors
/// [`Unreadable`] when it is no JSON.
pub fn event(body: &[u8]) -> Result<Inbound, Unreadable> {
    Ok(event::read(&json(body)?))
}

fn json(body: &[u8]) -> Result<Value, Unreadable> {
    serde_json::from_slice(body).map_err(|error| Unreadable::Json(error.to_string()))
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// A text at a JSON pointer; `None` when it is missing, empty, or no text.
fn text_at(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().map(str::to_owned).and_then(filled)
}

/// The first of several places that holds a text; empty when none does.
fn first_text(value: &Value, pointers: &[&str]) -> String {
    pointers.iter().find_map(|pointer| text_at(value, pointer)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
