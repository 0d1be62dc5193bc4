//! What a person does on the page: says, types a command, clicks, fills a form, picks, opens a channel.
//!
//! Each act runs in a task of its own: a page that is closed meanwhile does not take back a click.

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Sim;
use super::super::api::{Place, Refusal, check_view, replace_view, show_modal};
use super::super::outgoing::{Body, Outcome};
use super::super::payload::{self, Spot, Tickets};
use super::super::world::{Channel, ChannelKind, Hook, Message, Person, Record, View};
use crate::blocks::ViewKind;

/// Characters that a person may send at once.
const SAY_MAX: usize = 12_000;

type Done = Result<Value, Refusal>;

/// What the page sends. Every act uses the part it needs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Act {
    #[serde(rename = "as")]
    person: String,
    channel: String,
    ts: Option<String>,
    thread_ts: Option<String>,
    view_id: Option<String>,
    text: String,
    block_id: String,
    action_id: String,
    callback_id: String,
    /// What the element used holds.
    chosen: Value,
    /// What all inputs hold: `values[block_id][action_id]`.
    values: Value,
}

macro_rules! acts {
    ($($(#[$doc:meta])* $name:ident => $method:ident;)*) => {$(
        $(#[$doc])*
        pub(super) async fn $name(Extract(sim): Extract<Sim>, Json(act): Json<Act>) -> Response {
            finish(tokio::spawn(async move { sim.$method(act).await }).await.unwrap_or_else(|_| Err("internal_error".into())))
        }
    )*};
}

acts! {
    /// Posts a message, or sends the slash command.
    say => say;
    /// Presses a button or chooses from a menu.
    act => act;
    /// Sends a form.
    submit => submit;
    /// Closes the topmost form.
    close => close;
    /// Asks the app for choices.
    suggest => suggest;
    /// Uses a message shortcut.
    shortcut => shortcut;
    /// Opens a channel or the home tab.
    open => open;
}

fn finish(done: Done) -> Response {
    match done {
        Ok(value) => Json(value).into_response(),
        Err(refusal) => {
            let body = json!({ "error": refusal.code, "messages": refusal.messages });
            (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
        }
    }
}

impl Sim {
    fn person(&self, id: &str) -> Result<Person, Refusal> {
        self.config().people.iter().find(|person| person.id == id).cloned().ok_or_else(|| "user_not_found".into())
    }

    async fn say(self, act: Act) -> Done {
        let person = self.person(&act.person)?;
        let text: String = act.text.trim().chars().take(SAY_MAX).collect();
        if text.is_empty() {
            return Err("no_text".into());
        }
        let command = &self.config().app.command;
        match text.strip_prefix(command.as_str()) {
            Some(rest) if rest.is_empty() || rest.starts_with(' ') => {
                self.command(&person, &act.channel, act.thread_ts, rest.trim()).await
            }
            _ if text.starts_with('/') => {
                let word = text.split_whitespace().next().unwrap_or_default();
                let note = format!("`{word}` is not a command here. Try `{command} help`.");
                self.note_to(&person.id, &act.channel, act.thread_ts, &note);
                Ok(json!({}))
            }
            _ => self.post_as(&person, &act.channel, act.thread_ts, &text),
        }
    }

    fn post_as(&self, person: &Person, channel: &str, thread_ts: Option<String>, text: &str) -> Done {
        let channel = self.state().world.channel(channel).cloned().ok_or("channel_not_found")?;
        if channel.archived {
            return Err("is_archived".into());
        }
        if !self.state().world.sees(&person.id, &channel) {
            return Err("not_in_channel".into());
        }
        let text = self.link_names(text, Linked::Short);
        let message = Message { thread_ts, ..self.new_message(&person.id, &channel.id, text) };
        if !channel.members.contains(&person.id) {
            self.state().commit(Record::Joined { channel: channel.id.clone(), user: person.id.clone() })?;
        }
        self.state().commit(Record::Posted { message: message.clone() })?;
        self.tell_app(&channel, &message);
        Ok(json!({ "ts": message.ts }))
    }

    /// The app hears messages in its direct messages, and mentions elsewhere.
    fn tell_app(&self, channel: &Channel, message: &Message) {
        let mention = format!("<@{}>", self.config().app.bot_user_id);
        let direct = channel.kind == ChannelKind::Direct;
        if !direct && !message.text.contains(&mention) {
            return;
        }
        let mut event = json!({
            "type": if direct { "message" } else { "app_mention" }, "user": message.user, "text": message.text,
            "ts": message.ts, "channel": message.channel, "event_ts": message.ts, "team": self.config().team.id,
        });
        if direct {
            event["channel_type"] = json!(if channel.members.len() > 2 { "mpim" } else { "im" });
        }
        if let Some(thread_ts) = &message.thread_ts {
            event["thread_ts"] = json!(thread_ts);
        }
        self.send_event(&event);
    }

    async fn command(&self, person: &Person, channel: &str, thread_ts: Option<String>, text: &str) -> Done {
        let command = &self.config().app.command;
        if thread_ts.is_some() {
            let note = format!("`{command}` cannot be used in a thread. Write `@{}` instead.", self.config().app.name);
            self.note_to(&person.id, channel, thread_ts, &note);
            return Ok(json!({}));
        }
        if self.state().world.channel(channel).is_none() {
            return Err("channel_not_found".into());
        }
        let (hook, tickets) = self.tickets(person, channel, None, None)?;
        let text = self.link_names(text, Linked::Named);
        let form = payload::command(self.config(), &self.state().world, person, channel, &text, &tickets);
        let outcome = self.deliver("/slack/commands", Body::Form(form), None).await;
        if let Some(failure) = outcome.failure() {
            self.note_to(&person.id, channel, None, &format!("`{command}` failed with the error \"{failure}\"."));
            return Ok(json!({ "failure": failure }));
        }
        self.show_command_answer(&hook, &outcome)?;
        Ok(json!({}))
    }

    /// The body of the answer is a message, plain text, or nothing.
    fn show_command_answer(&self, hook: &Hook, outcome: &Outcome) -> Result<(), Refusal> {
        let Outcome::Answered(body) = outcome else { return Ok(()) };
        if body.trim().is_empty() {
            return Ok(());
        }
        let answer = match serde_json::from_str::<Value>(body) {
            Ok(json) if json.is_object() => json,
            _ => json!({ "text": body }),
        };
        let shown = self.show_answer(hook, &answer);
        if let Err(refusal) = &shown {
            let note = format!("The app's answer was refused: `{}` {}", refusal.code, refusal.messages.join(" "));
            self.note_to(&hook.person, &hook.channel, None, &note);
        }
        shown.or(Ok(()))
    }

    fn tickets(
        &self,
        person: &Person,
        channel: &str,
        message: Option<&Message>,
        from_modal: Option<String>,
    ) -> Result<(Hook, Tickets), Refusal> {
        let (hook, response_url) = self.open_hook(&person.id, channel, message)?;
        let trigger_id = self.state().issue_trigger(&person.id, from_modal, self.now());
        Ok((hook, Tickets { trigger_id, response_url: Some(response_url) }))
    }

    /// The message or view in which the person acts; strangers' ephemeral messages and views do not exist.
    fn spot(&self, act: &Act) -> Result<Spot, Refusal> {
        let state = self.state();
        if let Some(view_id) = &act.view_id {
            let view = state.world.view(view_id).filter(|view| view.person == act.person);
            return view.cloned().map(Spot::View).ok_or_else(|| "not_found".into());
        }
        let ts = act.ts.as_deref().ok_or("message_not_found")?;
        let message = state.world.message(&act.channel, ts).filter(|message| message.is_seen_by(&act.person));
        message.cloned().map(Spot::Message).ok_or_else(|| "message_not_found".into())
    }

    async fn act(self, act: Act) -> Done {
        let person = self.person(&act.person)?;
        let spot = self.spot(&act)?;
        let element = payload::element(spot.blocks(), &act.block_id, &act.action_id).cloned().ok_or("not_found")?;
        let action_ts = self.state().world.next_ts(self.now());
        let mut action = payload::value_of(&element, &act.chosen);
        action["action_id"] = json!(act.action_id);
        action["block_id"] = json!(act.block_id);
        action["action_ts"] = json!(action_ts);
        if element["type"] == "button" {
            action["text"] = element["text"].clone();
            if element["value"].is_null()
                && let Some(fields) = action.as_object_mut()
            {
                fields.remove("value");
            }
        }
        let values = payload::state_values(spot.blocks(), &act.values);
        let (message, channel) = match &spot {
            Spot::Message(message) => (Some(message.clone()), message.channel.clone()),
            Spot::View(_) => (None, String::new()),
        };
        let tickets = match &message {
            Some(message) => self.tickets(&person, &channel, Some(message), None)?.1,
            None => Tickets {
                trigger_id: self.state().issue_trigger(&person.id, spot.in_modal(), self.now()),
                response_url: None,
            },
        };
        let payload =
            payload::block_actions(self.config(), &self.state().world, &person, &spot, action, values, &tickets);
        let outcome = self.deliver("/slack/interactivity", Body::Payload(payload), None).await;
        let Some(failure) = outcome.failure() else { return Ok(json!({})) };
        if let Some(message) = message {
            let note = format!("The app did not take this click: \"{failure}\".");
            self.note_to(&person.id, &channel, message.thread_ts, &note);
        }
        Ok(json!({ "failure": failure }))
    }

    async fn submit(self, act: Act) -> Done {
        let person = self.person(&act.person)?;
        let Spot::View(view) = self.spot(&act)? else { return Err("not_found".into()) };
        let blocks = view.body["blocks"].as_array().cloned().unwrap_or_default();
        let values = payload::state_values(&blocks, &act.values);
        let trigger = self.state().issue_trigger(&person.id, Some(view.id.clone()), self.now());
        let payload = payload::view_submission(self.config(), &person, &view, &values, &trigger);
        let outcome = self.deliver("/slack/interactivity", Body::Payload(payload), None).await;
        let Outcome::Answered(body) = outcome else {
            return Ok(json!({ "failure": outcome.failure() }));
        };
        self.obey(&person, &view, &body)
    }

    /// What the app wants done with its form: nothing means close it.
    fn obey(&self, person: &Person, view: &View, body: &str) -> Done {
        let answer: Value = serde_json::from_str(body).unwrap_or(Value::Null);
        let now = self.now();
        let config = self.config();
        match answer["response_action"].as_str() {
            Some("errors") => return Ok(json!({ "errors": answer["errors"] })),
            Some("update") => {
                let body = check_view(answer["view"].clone(), ViewKind::Modal)?;
                replace_view(config, &mut self.state(), now, view.clone(), body)?;
            }
            Some("push") => {
                let body = check_view(answer["view"].clone(), ViewKind::Modal)?;
                show_modal(config, &mut self.state(), now, &person.id, body, Place::Top)?;
            }
            Some("clear") => self.state().commit(Record::ModalsClosed { person: person.id.clone(), keep: 0 })?,
            Some(_) => return Ok(json!({ "failure": "invalid_response_action" })),
            None => self.close_view(person, view)?,
        }
        Ok(json!({}))
    }

    /// Closes a view and whatever lies on top of it.
    fn close_view(&self, person: &Person, view: &View) -> Result<(), Refusal> {
        let mut state = self.state();
        let stack = state.world.modals.get(&person.id);
        let keep = stack.and_then(|stack| stack.iter().position(|open| open.id == view.id)).unwrap_or(0);
        Ok(state.commit(Record::ModalsClosed { person: person.id.clone(), keep })?)
    }

    async fn close(self, act: Act) -> Done {
        let person = self.person(&act.person)?;
        let Spot::View(view) = self.spot(&act)? else { return Err("not_found".into()) };
        let clear = view.body["clear_on_close"] == true;
        if clear {
            self.state().commit(Record::ModalsClosed { person: person.id.clone(), keep: 0 })?;
        } else {
            self.close_view(&person, &view)?;
        }
        if view.body["notify_on_close"] == true {
            let payload = payload::view_closed(self.config(), &person, &view, &json!(clear));
            self.deliver("/slack/interactivity", Body::Payload(payload), None).await;
        }
        Ok(json!({}))
    }

    async fn suggest(self, act: Act) -> Done {
        let person = self.person(&act.person)?;
        let spot = self.spot(&act)?;
        let ids = (act.block_id.as_str(), act.action_id.as_str());
        let payload = payload::block_suggestion(self.config(), &self.state().world, &person, &spot, ids, &act.text);
        match self.deliver("/slack/options", Body::Payload(payload), None).await {
            Outcome::Answered(body) => Ok(serde_json::from_str(&body).unwrap_or_else(|_| json!({ "options": [] }))),
            outcome => Ok(json!({ "options": [], "failure": outcome.failure() })),
        }
    }

    async fn shortcut(self, act: Act) -> Done {
        let person = self.person(&act.person)?;
        let Spot::Message(message) = self.spot(&act)? else { return Err("message_not_found".into()) };
        let (_, tickets) = self.tickets(&person, &message.channel, Some(&message), None)?;
        let payload = {
            let state = self.state();
            payload::message_action(self.config(), &state.world, &person, &act.callback_id, &message, &tickets)
        };
        let outcome = self.deliver("/slack/interactivity", Body::Payload(payload), None).await;
        Ok(json!({ "failure": outcome.failure() }))
    }

    /// Marks a channel as read up to its last message; opening the home tab tells the app.
    async fn open(self, act: Act) -> Done {
        let person = self.person(&act.person)?;
        if act.channel == "home" {
            let direct = super::super::state::direct_channel(self.config(), &[person.id.as_str()], 0).id;
            let event_ts = self.state().world.next_ts(self.now());
            self.send_event(&json!({
                "type": "app_home_opened", "user": person.id, "channel": direct, "tab": "home", "event_ts": event_ts,
            }));
            return Ok(json!({}));
        }
        let mut state = self.state();
        let last = state.world.messages.get(&act.channel).and_then(|messages| messages.keys().last().cloned());
        if let Some(ts) = last
            && state.world.unread(&person.id, &act.channel) > 0
        {
            state.commit(Record::ReadUpTo { person: person.id, channel: act.channel, ts })?;
        }
        Ok(json!({}))
    }

    /// Escapes what a person typed, and turns `@name` and `#channel` into Slack's links.
    fn link_names(&self, text: &str, linked: Linked) -> String {
        let state = self.state();
        let config = self.config();
        let app = [(config.app.name.to_lowercase(), config.app.bot_user_id.clone())];
        let people: Vec<_> =
            config.people.iter().map(|one| (one.handle.to_lowercase(), one.id.clone())).chain(app).collect();
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let words =
            escaped.split_inclusive(|it: char| !(it.is_alphanumeric() || matches!(it, '@' | '#' | '-' | '_' | '.')));
        words
            .map(|word| {
                let end = word.trim_end_matches(|it: char| !it.is_alphanumeric());
                let tail = word.strip_prefix(end).unwrap_or_default();
                let link = match end.split_at_checked(1) {
                    Some(("@", handle)) => people
                        .iter()
                        .find(|(name, _)| *name == handle.to_lowercase())
                        .map(|(name, id)| linked.link('@', id, name)),
                    Some(("#", name)) => state
                        .world
                        .channel(name)
                        .filter(|channel| channel.kind == ChannelKind::Public)
                        .map(|channel| linked.link('#', &channel.id, &channel.name)),
                    _ => None,
                };
                link.map_or_else(|| word.to_owned(), |link| link + tail)
            })
            .collect()
    }
}

/// How a mention is written.
#[derive(Clone, Copy)]
enum Linked {
    /// `<@U…>`, as in messages.
    Short,
    /// `<@U…|name>`, as in slash commands with `should_escape`.
    Named,
}

impl Linked {
    fn link(self, sigil: char, id: &str, name: &str) -> String {
        match self {
            Self::Short => format!("<{sigil}{id}>"),
            Self::Named => format!("<{sigil}{id}|{name}>"),
        }
    }
}
