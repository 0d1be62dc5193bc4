//! What the local Slack knows: a fold over journal records, and the only place where that knowledge changes.
//!
//! It does no I/O, reads no clock and decides nothing: `api` and `local` decide, the journal remembers, `World::apply`
//! is told. Replaying the same records therefore always yields the same world.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A person who can use the local Slack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Slack's id, `U…`.
    pub id: String,
    /// The name that the page shows.
    pub name: String,
    /// What others type after `@`.
    pub handle: String,
    /// The colour of the avatar, as CSS understands it.
    pub colour: String,
}

/// What kind of conversation a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// Everybody sees it.
    Public,
    /// Members see it.
    Private,
    /// A direct message between the app and its members.
    Direct,
}

/// A channel or a direct message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Slack's id: `C…`, `G…` or `D…`.
    pub id: String,
    /// Name without `#`; empty for a direct message.
    pub name: String,
    /// At most 250 characters.
    pub topic: String,
    /// Who sees it.
    pub kind: ChannelKind,
    /// User ids, the app's included.
    pub members: BTreeSet<String>,
    /// Archived channels take no more messages.
    pub archived: bool,
    /// Unix seconds.
    pub created: i64,
}

/// A message, an ephemeral one included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The channel's id.
    pub channel: String,
    /// Unique in the channel, `seconds.micros`.
    pub ts: String,
    /// Who wrote it; the app's bot user for the app, `USLACKBOT` for Slack itself.
    pub user: String,
    /// What notifications and screen readers get.
    pub text: String,
    /// Block Kit as it was sent.
    #[serde(default)]
    pub blocks: Vec<Value>,
    /// The `ts` of the message that this one answers.
    #[serde(default)]
    pub thread_ts: Option<String>,
    /// `{event_type, event_payload}`.
    #[serde(default)]
    pub metadata: Option<Value>,
    /// The one person who sees an ephemeral message.
    #[serde(default)]
    pub only_for: Option<String>,
    /// When it was last edited.
    #[serde(default)]
    pub edited_ts: Option<String>,
    /// Emoji name to the users who reacted.
    #[serde(default)]
    pub reactions: BTreeMap<String, BTreeSet<String>>,
    /// Whether it is pinned to the channel.
    #[serde(default)]
    pub pinned: bool,
    /// Whether a reply is also shown in the channel.
    #[serde(default)]
    pub broadcast: bool,
    /// What hangs on it.
    #[serde(default)]
    pub files: Vec<File>,
    /// When a reader could first see it, unix milliseconds.
    pub visible_at: f64,
    /// When a reader could first see its present content, unix milliseconds.
    pub changed_at: f64,
}

/// A file of a message, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Slack's id, `F…`.
    pub id: String,
    /// Its name, as the sender gave it.
    pub name: String,
    /// What stands above it.
    pub title: String,
    /// What a screen reader says in its place.
    pub alt: String,
}

impl File {
    pub(super) fn to_json(&self) -> Value {
        json!({ "id": self.id, "name": self.name, "title": self.title, "alt_txt": self.alt })
    }
}

/// A modal or a home tab.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Slack's id, `V…`.
    pub id: String,
    /// Changes with every update; a caller may demand it.
    pub hash: String,
    /// Who sees it.
    pub person: String,
    /// The view at the bottom of its stack.
    pub root_id: String,
    /// The view under this one.
    pub previous_id: Option<String>,
    /// What the app sent: type, title, blocks, `private_metadata` and so on.
    pub body: Value,
    /// When a reader could first see it, unix milliseconds.
    pub visible_at: f64,
}

/// A `response_url`: 5 uses within 30 minutes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hook {
    /// The secret end of the URL.
    pub id: String,
    /// Who clicked or typed.
    pub person: String,
    /// Where.
    pub channel: String,
    /// The message whose button was pressed.
    pub ts: Option<String>,
    /// The thread in which that happened.
    pub thread_ts: Option<String>,
    /// When it was handed out.
    pub opened_at: DateTime<Utc>,
    /// How often it was used.
    #[serde(default)]
    pub uses: u32,
}

/// One line of the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub(super) enum Record {
    ChannelAdded { channel: Channel },
    ChannelArchived { channel: String },
    Joined { channel: String, user: String },
    TopicSet { channel: String, topic: String },
    GroupSet { group: String, users: BTreeSet<String> },
    Posted { message: Message },
    Edited { message: Message },
    Deleted { channel: String, ts: String },
    ReadUpTo { person: String, channel: String, ts: String },
    HookOpened { hook: Hook },
    HookUsed { id: String },
    ModalShown { view: View },
    ModalsClosed { person: String, keep: usize },
    HomeShown { view: View },
    FileKept { id: String, base64: String },
}

/// The state of the local Slack.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    /// Who is in each user group.
    pub(super) usergroups: BTreeMap<String, BTreeSet<String>>,
    pub(super) channels: BTreeMap<String, Channel>,
    /// Messages by channel, then by `ts`.
    pub(super) messages: BTreeMap<String, BTreeMap<String, Message>>,
    /// The `ts` of answers that everybody sees, by channel and parent: kept so that no reader walks a whole channel.
    threads: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    /// The highest `ts` that each person has seen, by person and channel.
    pub(super) read: BTreeMap<(String, String), String>,
    pub(super) hooks: BTreeMap<String, Hook>,
    /// Bytes of files, in base64, by their ids.
    pub(super) files: BTreeMap<String, String>,
    /// Open modals by person, the topmost last.
    pub(super) modals: BTreeMap<String, Vec<View>>,
    /// Home tabs by person.
    pub(super) homes: BTreeMap<String, View>,
    /// Counts records: the revision, and the source of ids that never repeat.
    pub(super) revision: u64,
    last_micros: i64,
}

impl World {
    /// Takes in one record. Records about things that are gone change nothing.
    pub(super) fn apply(&mut self, record: Record) {
        self.revision += 1;
        match record {
            Record::ChannelAdded { channel } => {
                self.channels.insert(channel.id.clone(), channel);
            }
            Record::ChannelArchived { channel } => self.change_channel(&channel, |it| it.archived = true),
            Record::Joined { channel, user } => self.change_channel(&channel, |it| {
                it.members.insert(user);
            }),
            Record::TopicSet { channel, topic } => self.change_channel(&channel, |it| it.topic = topic),
            Record::GroupSet { group, users } => {
                self.usergroups.insert(group, users);
            }
            Record::Posted { message } | Record::Edited { message } => {
                self.last_micros = self.last_micros.max(micros(&message.ts));
                if let Some(parent) = message.parent() {
                    let threads = self.threads.entry(message.channel.clone()).or_default();
                    threads.entry(parent.to_owned()).or_default().insert(message.ts.clone());
                }
                self.messages.entry(message.channel.clone()).or_default().insert(message.ts.clone(), message);
            }
            Record::Deleted { channel, ts } => {
                let gone = self.messages.entry(channel.clone()).or_default().remove(&ts);
                let threads = self.threads.entry(channel).or_default();
                if let Some(answers) = gone.as_ref().and_then(Message::parent).and_then(|it| threads.get_mut(it)) {
                    answers.remove(&ts);
                }
            }
            Record::ReadUpTo { person, channel, ts } => {
                self.read.insert((person, channel), ts);
            }
            Record::HookOpened { hook } => {
                self.hooks.insert(hook.id.clone(), hook);
            }
            Record::HookUsed { id } => {
                if let Some(hook) = self.hooks.get_mut(&id) {
                    hook.uses += 1;
                }
            }
            Record::ModalShown { view } => self.show_modal(view),
            Record::ModalsClosed { person, keep } => self.modals.entry(person).or_default().truncate(keep),
            Record::HomeShown { view } => {
                self.homes.insert(view.person.clone(), view);
            }
            Record::FileKept { id, base64 } => {
                self.files.insert(id, base64);
            }
        }
    }

    fn change_channel(&mut self, id: &str, change: impl FnOnce(&mut Channel)) {
        if let Some(channel) = self.channels.get_mut(id) {
            change(channel);
        }
    }

    /// A view with a known id is replaced where it stands; a new one goes on top of the stack.
    fn show_modal(&mut self, view: View) {
        let stack = self.modals.entry(view.person.clone()).or_default();
        match stack.iter_mut().find(|open| open.id == view.id) {
            Some(open) => *open = view,
            None => stack.push(view),
        }
    }

    /// The next free `ts`: the clock's, or one microsecond after the last when the clock stands still.
    pub(super) fn next_ts(&self, now: DateTime<Utc>) -> String {
        let micros = now.timestamp_micros().max(self.last_micros + 1);
        format!("{}.{:06}", micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000))
    }

    pub(super) fn message(&self, channel: &str, ts: &str) -> Option<&Message> {
        self.messages.get(channel)?.get(ts)
    }

    /// Finds a channel by id, or by name with or without `#`.
    pub(super) fn channel(&self, id_or_name: &str) -> Option<&Channel> {
        let name = id_or_name.strip_prefix('#').unwrap_or(id_or_name);
        self.channels
            .get(id_or_name)
            .or_else(|| self.channels.values().find(|channel| !channel.name.is_empty() && channel.name == name))
    }

    pub(super) fn modal(&self, view_id: &str) -> Option<&View> {
        self.modals.values().flatten().find(|view| view.id == view_id)
    }

    /// The modal or home tab with this id.
    pub(super) fn view(&self, view_id: &str) -> Option<&View> {
        self.modal(view_id).or_else(|| self.homes.values().find(|view| view.id == view_id))
    }

    /// Answers to a message that everybody sees, the oldest first.
    pub(super) fn replies(&self, channel: &str, thread_ts: &str) -> impl DoubleEndedIterator<Item = &Message> {
        let answers = self.threads.get(channel).and_then(|threads| threads.get(thread_ts));
        let messages = self.messages.get(channel);
        answers.into_iter().flatten().filter_map(move |ts| messages?.get(ts))
    }

    /// Whether this person may look into this channel.
    pub(super) fn sees(&self, person: &str, channel: &Channel) -> bool {
        channel.kind == ChannelKind::Public || channel.members.contains(person)
    }

    /// How many messages of a channel this person has not seen; own messages count as seen.
    pub(super) fn unread(&self, person: &str, channel: &str) -> usize {
        let read = self.read.get(&(person.to_owned(), channel.to_owned())).map_or("", String::as_str);
        self.messages.get(channel).map_or(0, |messages| {
            messages
                .range::<str, _>((std::ops::Bound::Excluded(read), std::ops::Bound::Unbounded))
                .filter(|(_, message)| message.user != person && message.is_seen_by(person) && message.is_in_channel())
                .count()
        })
    }
}

impl Message {
    /// Ephemeral messages are for one person.
    pub(super) fn is_seen_by(&self, person: &str) -> bool {
        self.only_for.as_deref().is_none_or(|reader| reader == person)
    }

    /// The message that this one answers, when everybody sees that it does.
    fn parent(&self) -> Option<&str> {
        self.thread_ts.as_deref().filter(|parent| self.only_for.is_none() && *parent != self.ts)
    }

    /// Whether the channel itself shows it, and not only a thread.
    pub(super) fn is_in_channel(&self) -> bool {
        self.broadcast || self.thread_ts.as_deref().is_none_or(|parent| parent == self.ts)
    }

    /// The message as `conversations.history` shows it; `app` describes the bot user.
    pub(super) fn to_json(&self, world: &World, app: &super::App, team_id: &str) -> Value {
        let mut json =
            json!({ "type": "message", "user": self.user, "ts": self.ts, "text": self.text, "team": team_id });
        if self.user == app.bot_user_id {
            json["bot_id"] = json!(app.bot_id);
            json["app_id"] = json!(app.id);
        }
        if !self.blocks.is_empty() {
            json["blocks"] = json!(self.blocks);
        }
        if let Some(thread_ts) = &self.thread_ts {
            json["thread_ts"] = json!(thread_ts);
        }
        let mut replies = world.replies(&self.channel, &self.ts);
        if let Some(last) = replies.next_back() {
            json["thread_ts"] = json!(self.ts);
            json["reply_count"] = json!(replies.count() + 1);
            json["latest_reply"] = json!(last.ts);
        }
        if let Some(edited_ts) = &self.edited_ts {
            json["edited"] = json!({ "user": self.user, "ts": edited_ts });
        }
        if !self.reactions.is_empty() {
            let each = |(name, users): (&String, &BTreeSet<String>)| json!({ "name": name, "users": users, "count": users.len() });
            json["reactions"] = self.reactions.iter().map(each).collect();
        }
        if !self.files.is_empty() {
            json["subtype"] = json!("file_share");
            json["files"] = self.files.iter().map(File::to_json).collect();
        }
        if self.pinned {
            json["pinned_to"] = json!([self.channel]);
        }
        json
    }
}

fn micros(ts: &str) -> i64 {
    ts.split_once('.')
        .and_then(|(seconds, rest)| Some(seconds.parse::<i64>().ok()? * 1_000_000 + rest.parse::<i64>().ok()?))
        .unwrap_or(0)
}
