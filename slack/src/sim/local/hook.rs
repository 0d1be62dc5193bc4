//! `response_url`: how an app answers a click or a command late, at most five times within thirty minutes.

use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, body::Bytes};
use serde_json::{Value, json};

use super::super::api::{Refusal, check_content};
use super::super::state::unix_ms;
use super::super::world::{Hook, Message, Record};
use super::super::{HOOK_LIFE, HOOK_USES_MAX, Sim};

/// Slack's own notes to a person are written by this user.
const SLACKBOT: &str = "USLACKBOT";

pub(super) async fn respond(Extract(sim): Extract<Sim>, Path(id): Path<String>, body: Bytes) -> Response {
    let answer = match serde_json::from_slice::<Value>(&body) {
        Ok(json) => use_hook(&sim, &id, &json),
        Err(_) => Err("invalid_payload".into()),
    };
    match answer {
        Ok(()) => Json(json!({ "ok": true })).into_response(),
        Err(refusal) => {
            let body =
                json!({ "ok": false, "error": refusal.code, "response_metadata": { "messages": refusal.messages } });
            (StatusCode::NOT_FOUND, Json(body)).into_response()
        }
    }
}

fn use_hook(sim: &Sim, id: &str, answer: &Value) -> Result<(), Refusal> {
    let hook = sim.state().world.hooks.get(id).cloned().ok_or("invalid_url")?;
    if sim.now() - hook.opened_at > HOOK_LIFE {
        return Err("expired_url".into());
    }
    if hook.uses >= HOOK_USES_MAX {
        return Err("used_url".into());
    }
    sim.show_answer(&hook, answer)?;
    sim.state().commit(Record::HookUsed { id: id.to_owned() })?;
    Ok(())
}

impl Sim {
    /// Hands out a `response_url`.
    pub(in crate::sim) fn open_hook(
        &self,
        person: &str,
        channel: &str,
        message: Option<&Message>,
    ) -> Result<(Hook, String), Refusal> {
        let opened_at = self.now();
        let mut state = self.state();
        let hook = Hook {
            id: state.mint("R", opened_at),
            person: person.to_owned(),
            channel: channel.to_owned(),
            ts: message.map(|message| message.ts.clone()),
            thread_ts: message.and_then(|message| message.thread_ts.clone()),
            opened_at,
            uses: 0,
        };
        state.commit(Record::HookOpened { hook: hook.clone() })?;
        let url = format!("{}/local/response/{}", self.config().own_base_url, hook.id);
        Ok((hook, url))
    }

    /// Shows what the app answered: in place of the message, instead of it, or as a new one.
    pub(in crate::sim) fn show_answer(&self, hook: &Hook, answer: &Value) -> Result<(), Refusal> {
        let original = {
            let state = self.state();
            hook.ts.as_ref().and_then(|ts| state.world.message(&hook.channel, ts).cloned())
        };
        if answer["delete_original"] == true {
            let Message { channel, ts, .. } = original.ok_or("message_not_found")?;
            return Ok(self.state().commit(Record::Deleted { channel, ts })?);
        }
        let blocks = answer.get("blocks").filter(|blocks| !blocks.is_null()).cloned();
        let content = check_content(answer["text"].as_str(), blocks)?;
        let now = unix_ms(self.now());
        if answer["replace_original"] == true
            && let Some(original) = original
        {
            let edited_ts = Some(self.state().world.next_ts(self.now()));
            let message =
                Message { text: content.text, blocks: content.blocks, edited_ts, changed_at: now, ..original };
            return Ok(self.state().commit(Record::Edited { message })?);
        }
        let thread_ts = answer["thread_ts"].as_str().map(str::to_owned).or_else(|| hook.thread_ts.clone());
        let public = answer["response_type"] == "in_channel";
        let only_for = (!public).then(|| hook.person.clone());
        let app = self.config().app.bot_user_id.clone();
        let message = self.new_message(&app, &hook.channel, content.text);
        let message = Message { blocks: content.blocks, thread_ts, only_for, ..message };
        Ok(self.state().commit(Record::Posted { message })?)
    }

    /// A note from Slack that one person sees.
    pub(in crate::sim) fn note_to(&self, person: &str, channel: &str, thread_ts: Option<String>, text: &str) {
        let note = self.new_message(SLACKBOT, channel, text.to_owned());
        let message = Message { thread_ts, only_for: Some(person.to_owned()), ..note };
        // A note that cannot be kept is no reason to fail what the note is about.
        self.state().commit(Record::Posted { message }).ok();
    }

    /// A message with text and nothing else.
    pub(in crate::sim) fn new_message(&self, user: &str, channel: &str, text: String) -> Message {
        let now = self.now();
        Message {
            channel: channel.to_owned(),
            ts: self.state().world.next_ts(now),
            user: user.to_owned(),
            text,
            blocks: Vec::new(),
            thread_ts: None,
            metadata: None,
            only_for: None,
            edited_ts: None,
            reactions: std::collections::BTreeMap::default(),
            pinned: false,
            broadcast: false,
            files: Vec::new(),
            visible_at: unix_ms(now),
            changed_at: unix_ms(now),
        }
    }
}
