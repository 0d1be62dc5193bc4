//! `chat.*`, `reactions.add` and `pins.add`: messages and what hangs on them.

use serde_json::{Value, json};

use super::super::state::unix_ms;
use super::super::world::{Channel, ChannelKind, Message, Record};
use super::{Answer, Call, Refusal, ratelimited};
use crate::limits::MESSAGE_TEXT_CHARS_MAX;

/// Slack cuts the text of a new message here.
const TEXT_CUT: usize = 40_000;

/// What a message says.
#[derive(Debug)]
pub(in crate::sim) struct Content {
    pub(in crate::sim) text: String,
    pub(in crate::sim) blocks: Vec<Value>,
}

/// Checks text and blocks as Slack does, with the table of limits that our client uses.
pub(in crate::sim) fn check_content(text: Option<&str>, blocks: Option<Value>) -> Result<Content, Refusal> {
    let mut blocks = match blocks {
        None => Vec::new(),
        Some(Value::Array(blocks)) => blocks,
        Some(_) => return Err("invalid_blocks_format".into()),
    };
    super::views::check_blocks(&blocks)?;
    super::views::name_blocks(&mut blocks);
    let text = text.unwrap_or_default();
    if text.is_empty() && blocks.is_empty() {
        return Err("no_text".into());
    }
    Ok(Content { text: text.chars().take(TEXT_CUT).collect(), blocks })
}

impl Call<'_> {
    pub(super) fn post_message(&mut self) -> Answer {
        let channel = self.target()?;
        if channel.archived {
            return Err("is_archived".into());
        }
        self.keep_pace(&channel.id)?;
        let content = check_content(self.args.text("text"), self.args.structure("blocks"))?;
        let thread_ts = self.args.text("thread_ts").map(str::to_owned);
        if thread_ts.as_ref().is_some_and(|ts| self.state.world.message(&channel.id, ts).is_none()) {
            return Err("cannot_reply_to_message".into());
        }
        let message = Message {
            thread_ts,
            metadata: self.metadata()?,
            broadcast: self.args.flag("reply_broadcast"),
            ..self.message(&channel.id, content)
        };
        self.state.last_post.insert(channel.id.clone(), self.now);
        self.publish(message)
    }

    pub(super) fn post_ephemeral(&mut self) -> Answer {
        let channel = self.target()?;
        let user = self.args.required("user", "user_not_in_channel")?.to_owned();
        if !self.is_person(&user) || !(channel.members.contains(&user)) {
            return Err("user_not_in_channel".into());
        }
        let content = check_content(self.args.text("text"), self.args.structure("blocks"))?;
        let thread_ts = self.args.text("thread_ts").map(str::to_owned);
        let message = Message { thread_ts, only_for: Some(user), ..self.message(&channel.id, content) };
        let ts = message.ts.clone();
        self.state.commit(Record::Posted { message })?;
        Ok(json!({ "message_ts": ts }))
    }

    /// An update without blocks keeps the old blocks, one without metadata the old metadata.
    pub(super) fn update_message(&mut self) -> Answer {
        let mut message = self.own_message("cant_update_message")?;
        if self.channel_of(&message).archived {
            return Err("is_archived".into());
        }
        let text = self.args.text("text");
        if text.is_some_and(|text| text.chars().count() > MESSAGE_TEXT_CHARS_MAX) {
            return Err("msg_too_long".into());
        }
        let blocks = self.args.structure("blocks");
        let keeps_blocks = blocks.is_none() && !message.blocks.is_empty();
        let content = match check_content(text, blocks) {
            Ok(content) => content,
            Err(refusal) if refusal.code == "no_text" && keeps_blocks && self.args.structure("metadata").is_some() => {
                Content { text: message.text.clone(), blocks: Vec::new() }
            }
            Err(refusal) => return Err(refusal),
        };
        message.text = content.text;
        if !keeps_blocks {
            message.blocks = content.blocks;
        }
        if let Some(metadata) = self.metadata()? {
            message.metadata = Some(metadata).filter(|it| it.as_object().is_some_and(|fields| !fields.is_empty()));
        }
        message.edited_ts = Some(self.state.world.next_ts(self.now));
        message.changed_at = unix_ms(self.now);
        let answer = json!({ "channel": message.channel, "ts": message.ts, "text": message.text });
        self.save(message, answer)
    }

    pub(super) fn delete_message(&mut self) -> Answer {
        let Message { channel, ts, .. } = self.own_message("cant_delete_message")?;
        let answer = json!({ "channel": channel, "ts": ts });
        self.state.commit(Record::Deleted { channel, ts })?;
        Ok(answer)
    }

    pub(super) fn permalink(&mut self) -> Answer {
        let channel = self.existing_channel()?;
        let ts = self.args.required("message_ts", "message_not_found")?;
        let message = self.state.world.message(&channel.id, ts).ok_or("message_not_found")?;
        let base = format!("{}/local/?channel={}&ts={}", self.config.own_base_url, channel.id, message.ts);
        Ok(json!({ "channel": channel.id, "permalink": base }))
    }

    pub(super) fn add_reaction(&mut self) -> Answer {
        let name = self.args.required("name", "invalid_name")?.trim_matches(':').to_owned();
        let mut message = self.message_at("timestamp")?;
        if !message.reactions.entry(name).or_default().insert(self.config.app.bot_user_id.clone()) {
            return Err("already_reacted".into());
        }
        self.save(message, json!({}))
    }

    pub(super) fn add_pin(&mut self) -> Answer {
        let mut message = self.message_at("timestamp")?;
        if message.pinned {
            return Err("already_pinned".into());
        }
        message.pinned = true;
        self.save(message, json!({}))
    }

    /// A fresh message of the app.
    pub(super) fn message(&self, channel: &str, content: Content) -> Message {
        Message {
            channel: channel.to_owned(),
            ts: self.state.world.next_ts(self.now),
            user: self.config.app.bot_user_id.clone(),
            text: content.text,
            blocks: content.blocks,
            thread_ts: None,
            metadata: None,
            only_for: None,
            edited_ts: None,
            reactions: std::collections::BTreeMap::default(),
            pinned: false,
            broadcast: false,
            files: Vec::new(),
            visible_at: unix_ms(self.now),
            changed_at: unix_ms(self.now),
        }
    }

    fn publish(&mut self, message: Message) -> Answer {
        let answer = json!({ "channel": message.channel, "ts": message.ts });
        self.state.commit(Record::Posted { message: message.clone() })?;
        self.with_message(&message, answer)
    }

    fn save(&mut self, message: Message, answer: Value) -> Answer {
        self.state.commit(Record::Edited { message: message.clone() })?;
        self.with_message(&message, answer)
    }

    fn with_message(&self, message: &Message, mut answer: Value) -> Answer {
        if answer.get("ts").is_some() {
            answer["message"] = message.to_json(&self.state.world, &self.config.app, &self.config.team.id);
        }
        Ok(answer)
    }

    /// The channel to post to: an id, a name, or a person, whose direct message is then opened.
    fn target(&mut self) -> Result<Channel, Refusal> {
        let asked = self.args.required("channel", "channel_not_found")?.to_owned();
        if self.is_person(&asked) {
            return self.direct(&[asked.as_str()]);
        }
        self.visible_to_app(&asked)
    }

    /// Private channels do not exist for an app that is no member.
    fn visible_to_app(&self, asked: &str) -> Result<Channel, Refusal> {
        let channel = self.state.world.channel(asked).ok_or("channel_not_found")?;
        let member = channel.members.contains(&self.config.app.bot_user_id);
        if channel.kind == ChannelKind::Private && !member {
            return Err("channel_not_found".into());
        }
        Ok(channel.clone())
    }

    pub(super) fn existing_channel(&self) -> Result<Channel, Refusal> {
        self.visible_to_app(self.args.required("channel", "channel_not_found")?)
    }

    fn channel_of(&self, message: &Message) -> Channel {
        self.state.world.channel(&message.channel).cloned().expect("a message stands in a channel that exists")
    }

    /// An ephemeral message does not exist for the Web API: only a `response_url` reaches it.
    fn message_at(&self, ts_argument: &str) -> Result<Message, Refusal> {
        let channel = self.existing_channel()?;
        let ts = self.args.required(ts_argument, "message_not_found")?;
        let message = self.state.world.message(&channel.id, ts).filter(|message| message.only_for.is_none());
        message.cloned().ok_or_else(|| "message_not_found".into())
    }

    fn own_message(&self, otherwise: &str) -> Result<Message, Refusal> {
        let message = self.message_at("ts")?;
        if message.user == self.config.app.bot_user_id { Ok(message) } else { Err(otherwise.into()) }
    }

    fn metadata(&self) -> Result<Option<Value>, Refusal> {
        match self.args.structure("metadata") {
            None => Ok(None),
            Some(Value::Object(fields)) => {
                let whole = fields.is_empty()
                    || fields.get("event_type").is_some_and(Value::is_string)
                        && fields.get("event_payload").is_some_and(Value::is_object);
                if whole { Ok(Some(Value::Object(fields))) } else { Err("invalid_metadata_schema".into()) }
            }
            Some(_) => Err("invalid_metadata_format".into()),
        }
    }

    /// Slack takes about one post a second per channel.
    fn keep_pace(&self, channel: &str) -> Result<(), Refusal> {
        let Some(limit) = self.config.rate_limit else { return Ok(()) };
        let soon = self.state.last_post.get(channel).is_some_and(|last| self.now - *last < limit.post_interval);
        if soon {
            let seconds = limit.post_interval.num_milliseconds().max(1).unsigned_abs().div_ceil(1_000);
            return Err(ratelimited(u32::try_from(seconds).unwrap_or(u32::MAX)));
        }
        Ok(())
    }
}
