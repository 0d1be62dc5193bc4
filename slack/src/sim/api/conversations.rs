//! `conversations.*`: channels, who is in them, and what was said.

use serde_json::{Value, json};

use super::super::state::direct_channel;
use super::super::world::{Channel, ChannelKind, Message, Record};
use super::{Answer, Call, Refusal};

/// Messages that `conversations.history` returns unless told otherwise, and the most it returns.
const HISTORY: (usize, usize) = (100, 1_000);
/// Characters in a channel's name.
const NAME_MAX: usize = 80;
/// Characters in a topic.
const TOPIC_MAX: usize = 250;

impl Call<'_> {
    /// Opens a direct message with one person, or a group message with several.
    pub(super) fn open_conversation(&mut self) -> Answer {
        if let Some(channel) = self.args.text("channel") {
            let channel = self.state.world.channel(channel).ok_or("channel_not_found")?;
            return Ok(json!({ "channel": self.describe(channel) }));
        }
        let asked = self.args.required("users", "users_list_not_supplied")?.to_owned();
        let users: Vec<_> = asked.split(',').map(str::trim).filter(|user| !user.is_empty()).collect();
        let before = self.state.world.channels.len();
        let channel = self.direct(&users)?;
        let already_open = self.state.world.channels.len() == before;
        Ok(json!({ "already_open": already_open, "channel": { "id": channel.id } }))
    }

    pub(super) fn direct(&mut self, users: &[&str]) -> Result<Channel, Refusal> {
        if !users.iter().all(|user| self.is_person(user)) {
            return Err("user_not_found".into());
        }
        let channel = direct_channel(self.config, users, self.now.timestamp());
        if !self.state.world.channels.contains_key(&channel.id) {
            self.state.commit(Record::ChannelAdded { channel: channel.clone() })?;
        }
        Ok(channel)
    }

    pub(super) fn list_conversations(&self) -> Value {
        let asked = self.args.text("types").unwrap_or("public_channel");
        let wanted = |channel: &&Channel| {
            let kind = match channel.kind {
                ChannelKind::Public => "public_channel",
                ChannelKind::Private => "private_channel",
                ChannelKind::Direct if channel.members.len() > 2 => "mpim",
                ChannelKind::Direct => "im",
            };
            let seen = self.state.world.sees(&self.config.app.bot_user_id, channel);
            seen && asked.split(',').any(|it| it.trim() == kind)
                && !(channel.archived && self.args.flag("exclude_archived"))
        };
        let found: Vec<_> = self.state.world.channels.values().filter(wanted).map(|it| self.describe(it)).collect();
        json!({ "channels": found, "response_metadata": { "next_cursor": "" } })
    }

    pub(super) fn conversation_info(&self) -> Answer {
        Ok(json!({ "channel": self.describe(&self.existing_channel()?) }))
    }

    pub(super) fn members(&self) -> Answer {
        Ok(json!({ "members": self.existing_channel()?.members, "response_metadata": { "next_cursor": "" } }))
    }

    /// The newest first, replies only when they were also sent to the channel.
    pub(super) fn history(&self) -> Answer {
        let channel = self.joined_channel()?;
        let all = self.state.world.messages.get(&channel.id);
        let shown = all
            .into_iter()
            .flat_map(|messages| messages.values().rev())
            .filter(|message| message.only_for.is_none() && message.is_in_channel() && self.within_window(&message.ts));
        let limit = self.args.number("limit").unwrap_or(HISTORY.0).clamp(1, HISTORY.1);
        let mut messages: Vec<_> = shown.take(limit + 1).map(|message| self.listed(message)).collect();
        let has_more = messages.len() > limit;
        messages.truncate(limit);
        Ok(json!({ "messages": messages, "has_more": has_more, "response_metadata": { "next_cursor": "" } }))
    }

    /// The message itself, then its answers, the oldest first.
    pub(super) fn replies(&self) -> Answer {
        let channel = self.joined_channel()?;
        let ts = self.args.required("ts", "thread_not_found")?;
        let parent = self.state.world.message(&channel.id, ts).ok_or("thread_not_found")?;
        let replies = self.state.world.replies(&channel.id, ts).filter(|reply| self.within_window(&reply.ts));
        let limit = self.args.number("limit").unwrap_or(HISTORY.1);
        let messages: Vec<_> = [parent].into_iter().chain(replies).take(limit).map(|it| self.listed(it)).collect();
        Ok(json!({ "messages": messages, "has_more": false, "response_metadata": { "next_cursor": "" } }))
    }

    /// `oldest` and `latest` are outside the window unless `inclusive`. Every `ts` has the same length until the year
    /// 2286, but callers may leave digits away, so they are compared as numbers.
    fn within_window(&self, ts: &str) -> bool {
        let at = ts.parse().unwrap_or(0.0_f64);
        let bound = |name: &str| self.args.text(name).and_then(|text| text.parse::<f64>().ok());
        let inclusive = self.args.flag("inclusive");
        let after = bound("oldest").is_none_or(|oldest| at > oldest || inclusive && at >= oldest);
        let before = bound("latest").is_none_or(|latest| at < latest || inclusive && at <= latest);
        after && before
    }

    fn listed(&self, message: &Message) -> Value {
        let mut json = message.to_json(&self.state.world, &self.config.app, &self.config.team.id);
        if let Some(metadata) = message.metadata.as_ref().filter(|_| self.args.flag("include_all_metadata")) {
            json["metadata"] = metadata.clone();
        }
        json
    }

    pub(super) fn create_conversation(&mut self) -> Answer {
        let name = self.args.required("name", "invalid_name_required")?.to_owned();
        if name.chars().count() > NAME_MAX {
            return Err("invalid_name_maxlength".into());
        }
        if !name.chars().all(|it| it.is_alphanumeric() && !it.is_uppercase() || matches!(it, '-' | '_')) {
            return Err("invalid_name_specials".into());
        }
        if self.state.world.channel(&name).is_some() {
            return Err("name_taken".into());
        }
        let channel = Channel {
            id: self.state.mint("C", self.now),
            name,
            topic: String::new(),
            kind: if self.args.flag("is_private") { ChannelKind::Private } else { ChannelKind::Public },
            members: [self.config.app.bot_user_id.clone()].into(),
            archived: false,
            created: self.now.timestamp(),
        };
        let answer = json!({ "channel": self.describe(&channel) });
        self.state.commit(Record::ChannelAdded { channel })?;
        Ok(answer)
    }

    pub(super) fn join(&mut self) -> Answer {
        let channel = self.existing_channel()?;
        match channel.kind {
            _ if channel.archived => return Err("is_archived".into()),
            ChannelKind::Public => {}
            ChannelKind::Private | ChannelKind::Direct => {
                return Err("method_not_supported_for_channel_type".into());
            }
        }
        let user = self.config.app.bot_user_id.clone();
        self.state.commit(Record::Joined { channel: channel.id.clone(), user })?;
        Ok(json!({ "channel": self.describe(&self.existing_channel()?) }))
    }

    pub(super) fn archive(&mut self) -> Answer {
        let channel = self.joined_channel()?;
        if channel.archived {
            return Err("already_archived".into());
        }
        self.state.commit(Record::ChannelArchived { channel: channel.id })?;
        Ok(json!({}))
    }

    pub(super) fn invite(&mut self) -> Answer {
        let channel = self.joined_channel()?;
        let asked = self.args.required("users", "no_user")?.to_owned();
        let users: Vec<_> = asked.split(',').map(str::trim).collect();
        for user in &users {
            match *user {
                own if own == self.config.app.bot_user_id => return Err("cant_invite_self".into()),
                unknown if !self.is_person(unknown) => return Err("user_not_found".into()),
                member if channel.members.contains(member) => return Err("already_in_channel".into()),
                _ => {}
            }
        }
        for user in users {
            self.state.commit(Record::Joined { channel: channel.id.clone(), user: user.to_owned() })?;
        }
        Ok(json!({ "channel": self.describe(&self.existing_channel()?) }))
    }

    pub(super) fn set_topic(&mut self) -> Answer {
        let channel = self.joined_channel()?;
        let topic = self.args.text("topic").unwrap_or_default().to_owned();
        if channel.archived {
            return Err("is_archived".into());
        }
        if topic.chars().count() > TOPIC_MAX {
            return Err("too_long".into());
        }
        self.state.commit(Record::TopicSet { channel: channel.id, topic })?;
        Ok(json!({ "channel": self.describe(&self.existing_channel()?) }))
    }

    fn joined_channel(&self) -> Result<Channel, Refusal> {
        let channel = self.existing_channel()?;
        if channel.members.contains(&self.config.app.bot_user_id) { Ok(channel) } else { Err("not_in_channel".into()) }
    }

    fn describe(&self, channel: &Channel) -> Value {
        let direct = channel.kind == ChannelKind::Direct;
        let mut json = json!({
            "id": channel.id, "name": channel.name, "name_normalized": channel.name, "created": channel.created,
            "is_channel": !direct, "is_group": false, "is_im": direct && channel.members.len() == 2,
            "is_mpim": direct && channel.members.len() > 2, "is_private": channel.kind != ChannelKind::Public,
            "is_archived": channel.archived, "is_member": channel.members.contains(&self.config.app.bot_user_id),
            "topic": { "value": channel.topic, "creator": "", "last_set": 0 }, "num_members": channel.members.len(),
        });
        if direct {
            let other = channel.members.iter().find(|member| **member != self.config.app.bot_user_id);
            json["user"] = json!(other);
        }
        json
    }
}
