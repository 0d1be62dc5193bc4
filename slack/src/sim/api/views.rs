//! `views.*`: modals in stacks of at most three, and home tabs.

use serde_json::{Value, json};

use super::super::state::State;
use super::super::state::unix_ms;
use super::super::world::{Record, View};
use super::super::{SimConfig, payload};
use super::{Answer, Call, Refusal};
use crate::blocks::{self, ViewKind};
use crate::limits::{self, VIEW_BYTES_MAX, VIEW_STACK_MAX, Violation};

/// How a new view relates to what is open.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::sim) enum Place {
    /// Instead of everything that is open.
    Root,
    /// On top.
    Top,
}

impl Call<'_> {
    pub(super) fn open_view(&mut self) -> Answer {
        let body = self.checked_view(ViewKind::Modal)?;
        let id = self.args.required("trigger_id", "invalid_arguments")?;
        let person = self.state.spend_trigger(id, self.now)?.person.clone();
        show_modal(self.config, self.state, self.now, &person, body, Place::Root)
    }

    pub(super) fn push_view(&mut self) -> Answer {
        let body = self.checked_view(ViewKind::Modal)?;
        let id = self.args.required("trigger_id", "invalid_arguments")?;
        let trigger = self.state.spend_trigger(id, self.now)?;
        if trigger.from_modal.is_none() {
            return Err("invalid_trigger_id".into());
        }
        let person = trigger.person.clone();
        show_modal(self.config, self.state, self.now, &person, body, Place::Top)
    }

    pub(super) fn update_view(&mut self) -> Answer {
        let body = self.checked_view(ViewKind::Modal)?;
        let world = &self.state.world;
        let wanted = match (self.args.text("view_id"), self.args.text("external_id")) {
            (Some(id), _) => world.view(id),
            (None, Some(external)) => world.modals.values().flatten().find(|view| view.body["external_id"] == external),
            (None, None) => return Err("invalid_arguments".into()),
        };
        let view = wanted.cloned().ok_or("not_found")?;
        if self.args.text("hash").is_some_and(|hash| hash != view.hash) {
            return Err("hash_conflict".into());
        }
        replace_view(self.config, self.state, self.now, view, body)
    }

    pub(super) fn publish_view(&mut self) -> Answer {
        let person = self.args.required("user_id", "invalid_arguments")?.to_owned();
        if !self.is_person(&person) {
            return Err("user_not_found".into());
        }
        let body = self.checked_view(ViewKind::Home)?;
        let old = self.state.world.homes.get(&person).cloned();
        if let (Some(hash), Some(old)) = (self.args.text("hash"), &old)
            && hash != old.hash
        {
            return Err("hash_conflict".into());
        }
        let id = old.map_or_else(|| self.state.mint("V", self.now), |old| old.id);
        let hash = self.state.mint("", self.now);
        let visible_at = unix_ms(self.now);
        let view = View { root_id: id.clone(), id, hash, person, previous_id: None, body, visible_at };
        self.state.commit(Record::HomeShown { view: view.clone() })?;
        Ok(json!({ "view": payload::view(self.config, &view, &json!({})) }))
    }

    fn checked_view(&self, kind: ViewKind) -> Result<Value, Refusal> {
        check_view(self.args.structure("view").ok_or("invalid_arguments")?, kind)
    }
}

/// Shows a new modal; the answer is what `views.open` and `views.push` return.
pub(in crate::sim) fn show_modal(
    config: &SimConfig,
    state: &mut State,
    now: chrono::DateTime<chrono::Utc>,
    person: &str,
    body: Value,
    place: Place,
) -> Answer {
    if let Some(external) = body["external_id"].as_str().filter(|id| !id.is_empty())
        && state.world.modals.values().flatten().any(|view| view.body["external_id"] == external)
    {
        return Err("duplicate_external_id".into());
    }
    if place == Place::Root {
        state.commit(Record::ModalsClosed { person: person.to_owned(), keep: 0 })?;
    }
    let open = state.world.modals.get(person).map_or(&[][..], Vec::as_slice);
    if open.len() >= VIEW_STACK_MAX {
        return Err("push_limit_reached".into());
    }
    let root_id = open.first().map(|view| view.id.clone());
    let previous_id = open.last().map(|view| view.id.clone());
    let id = state.mint("V", now);
    let hash = state.mint("", now);
    let view = View {
        root_id: root_id.unwrap_or_else(|| id.clone()),
        id,
        hash,
        person: person.to_owned(),
        previous_id,
        body,
        visible_at: unix_ms(now),
    };
    state.commit(Record::ModalShown { view: view.clone() })?;
    Ok(json!({ "view": payload::view(config, &view, &json!({})) }))
}

/// Changes a view that is open.
pub(in crate::sim) fn replace_view(
    config: &SimConfig,
    state: &mut State,
    now: chrono::DateTime<chrono::Utc>,
    old: View,
    body: Value,
) -> Answer {
    let hash = state.mint("", now);
    let view = View { hash, body, visible_at: unix_ms(now), ..old };
    let record = if view.body["type"] == "home" {
        Record::HomeShown { view: view.clone() }
    } else {
        Record::ModalShown { view: view.clone() }
    };
    state.commit(record)?;
    Ok(json!({ "view": payload::view(config, &view, &json!({})) }))
}

/// Checks a view as Slack does.
pub(in crate::sim) fn check_view(mut body: Value, kind: ViewKind) -> Result<Value, Refusal> {
    if body.to_string().len() > VIEW_BYTES_MAX {
        return Err("view_too_large".into());
    }
    let view: blocks::View = serde_json::from_value(body.clone())
        .map_err(|error| invalid("invalid_arguments", [format!("[ERROR] {error} [json-pointer:/view]")]))?;
    if view.kind != kind {
        return Err(invalid("invalid_arguments", ["[ERROR] wrong type of view [json-pointer:/view/type]".to_owned()]));
    }
    let problems = limits::check_view(&view);
    if !problems.is_empty() {
        return Err(invalid("invalid_arguments", problems.iter().map(|problem| said(problem, "/view"))));
    }
    if let Some(blocks) = body["blocks"].as_array_mut() {
        name_blocks(blocks);
    }
    Ok(body)
}

/// Checks the blocks of a message; the text beside them has rules of its own.
pub(super) fn check_blocks(blocks: &[Value]) -> Result<(), Refusal> {
    let message = blocks::Message::new("-", super::super::render::read(blocks));
    let found = limits::check(&message);
    let problems: Vec<_> = found.iter().filter(|problem| problem.pointer.starts_with("/blocks")).collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(invalid("invalid_blocks", problems.into_iter().map(|problem| said(problem, ""))))
}

fn said(problem: &Violation, root: &str) -> String {
    format!("[ERROR] {} [json-pointer:{root}{}]", problem.message, problem.pointer)
}

fn invalid(code: &str, messages: impl IntoIterator<Item = String>) -> Refusal {
    Refusal { messages: messages.into_iter().collect(), ..code.into() }
}

/// Slack names blocks that have no `block_id`, so that state and clicks can be told apart.
pub(in crate::sim) fn name_blocks(blocks: &mut [Value]) {
    for (at, block) in blocks.iter_mut().enumerate() {
        let unnamed = block["block_id"].as_str().is_none_or(str::is_empty);
        if unnamed && let Some(fields) = block.as_object_mut() {
            fields.insert("block_id".to_owned(), json!(format!("b{at}")));
        }
    }
}
