//! The payloads that Slack sends to an app, built from what the local Slack knows and what a person did.
//!
//! Pure. Field names and shapes are those of Slack's interactivity, slash command and Events API reference.

use serde_json::{Map, Value, json};

use super::SimConfig;
use super::world::{Message, Person, View, World};

/// Where an element stands that was used.
pub(super) enum Spot {
    /// In a message.
    Message(Message),
    /// In a modal or on a home tab.
    View(View),
}

impl Spot {
    pub(super) fn blocks(&self) -> &[Value] {
        match self {
            Self::Message(message) => &message.blocks,
            Self::View(view) => view.body["blocks"].as_array().map_or(&[], Vec::as_slice),
        }
    }

    pub(super) fn in_modal(&self) -> Option<String> {
        match self {
            Self::Message(_) => None,
            Self::View(view) => (view.body["type"] == "modal").then(|| view.id.clone()),
        }
    }
}

/// What one interaction hands to the app for its answers.
pub(super) struct Tickets {
    pub(super) trigger_id: String,
    pub(super) response_url: Option<String>,
}

fn base(config: &SimConfig, kind: &str, person: &Person) -> Value {
    json!({
        "type": kind,
        "user": { "id": person.id, "username": person.handle, "name": person.handle, "team_id": config.team.id },
        "team": { "id": config.team.id, "domain": config.team.domain },
        "enterprise": null, "is_enterprise_install": false, "api_app_id": config.app.id, "token": "local",
    })
}

/// Finds an element by its block and action.
pub(super) fn element<'a>(blocks: &'a [Value], block_id: &str, action_id: &str) -> Option<&'a Value> {
    let block = blocks.iter().find(|block| block["block_id"] == block_id)?;
    let many = block["elements"].as_array().into_iter().flatten();
    many.chain([&block["accessory"], &block["element"]]).find(|element| element["action_id"] == action_id)
}

/// A click on a button or a choice from a menu. `input` is what the page holds for the element.
pub(super) fn block_actions(
    config: &SimConfig,
    world: &World,
    person: &Person,
    spot: &Spot,
    action: Value,
    state: Value,
    tickets: &Tickets,
) -> Value {
    let mut payload = base(config, "block_actions", person);
    payload["trigger_id"] = json!(tickets.trigger_id);
    payload["actions"] = json!([action]);
    match spot {
        Spot::Message(message) => {
            payload["container"] = json!({
                "type": "message", "message_ts": message.ts, "channel_id": message.channel,
                "is_ephemeral": message.only_for.is_some(),
            });
            if let Some(thread_ts) = &message.thread_ts {
                payload["container"]["thread_ts"] = json!(thread_ts);
            }
            payload["channel"] = channel(world, &message.channel);
            payload["response_url"] = json!(tickets.response_url);
            payload["state"] = json!({ "values": state });
            // Slack leaves the message out when it is ephemeral.
            if message.only_for.is_none() {
                payload["message"] = message.to_json(world, &config.app, &config.team.id);
            }
        }
        Spot::View(view_shown) => {
            payload["container"] = json!({ "type": "view", "view_id": view_shown.id });
            payload["view"] = view(config, view_shown, &state);
        }
    }
    payload
}

/// A form that was sent.
pub(super) fn view_submission(
    config: &SimConfig,
    person: &Person,
    shown: &View,
    state: &Value,
    trigger: &str,
) -> Value {
    let mut payload = base(config, "view_submission", person);
    payload["trigger_id"] = json!(trigger);
    payload["view"] = view(config, shown, state);
    payload["response_urls"] = json!([]);
    payload
}

/// A form that was closed.
pub(super) fn view_closed(config: &SimConfig, person: &Person, shown: &View, is_cleared: &Value) -> Value {
    let mut payload = base(config, "view_closed", person);
    payload["view"] = view(config, shown, &json!({}));
    payload["is_cleared"] = is_cleared.clone();
    payload
}

/// A message shortcut.
pub(super) fn message_action(
    config: &SimConfig,
    world: &World,
    person: &Person,
    callback_id: &str,
    message: &Message,
    tickets: &Tickets,
) -> Value {
    let mut payload = base(config, "message_action", person);
    payload["callback_id"] = json!(callback_id);
    payload["trigger_id"] = json!(tickets.trigger_id);
    payload["response_url"] = json!(tickets.response_url);
    payload["action_ts"] = json!(message.ts);
    payload["message_ts"] = json!(message.ts);
    payload["channel"] = channel(world, &message.channel);
    payload["message"] = message.to_json(world, &config.app, &config.team.id);
    payload
}

/// Letters typed into an external select.
pub(super) fn block_suggestion(
    config: &SimConfig,
    world: &World,
    person: &Person,
    spot: &Spot,
    (block_id, action_id): (&str, &str),
    typed: &str,
) -> Value {
    let mut payload = base(config, "block_suggestion", person);
    payload["action_id"] = json!(action_id);
    payload["block_id"] = json!(block_id);
    payload["value"] = json!(typed);
    match spot {
        Spot::Message(message) => {
            payload["container"] =
                json!({ "type": "message", "message_ts": message.ts, "channel_id": message.channel });
            payload["channel"] = channel(world, &message.channel);
            payload["message"] = message.to_json(world, &config.app, &config.team.id);
        }
        Spot::View(shown) => {
            payload["container"] = json!({ "type": "view", "view_id": shown.id });
            payload["view"] = view(config, shown, &json!({}));
        }
    }
    payload
}

/// The fields of a slash command.
pub(super) fn command(
    config: &SimConfig,
    world: &World,
    person: &Person,
    channel_id: &str,
    text: &str,
    tickets: &Tickets,
) -> Vec<(&'static str, String)> {
    let name = channel(world, channel_id)["name"].as_str().unwrap_or_default().to_owned();
    vec![
        ("token", "local".to_owned()),
        ("team_id", config.team.id.clone()),
        ("team_domain", config.team.domain.clone()),
        ("channel_id", channel_id.to_owned()),
        ("channel_name", name),
        ("user_id", person.id.clone()),
        ("user_name", person.handle.clone()),
        ("command", config.app.command.clone()),
        ("text", text.to_owned()),
        ("api_app_id", config.app.id.clone()),
        ("is_enterprise_install", "false".to_owned()),
        ("response_url", tickets.response_url.clone().unwrap_or_default()),
        ("trigger_id", tickets.trigger_id.clone()),
    ]
}

/// The envelope of an event.
pub(super) fn event(config: &SimConfig, event: &Value, event_id: &str, event_time: i64) -> Value {
    json!({
        "type": "event_callback", "token": "local", "team_id": config.team.id, "api_app_id": config.app.id,
        "event": event, "event_id": event_id, "event_time": event_time, "is_ext_shared_channel": false,
        "event_context": format!("4-{event_id}"),
        "authorizations": [{
            "enterprise_id": null, "team_id": config.team.id, "user_id": config.app.bot_user_id,
            "is_bot": true, "is_enterprise_install": false,
        }],
    })
}

/// A view as Slack shows it to the app.
pub(super) fn view(config: &SimConfig, view: &View, state: &Value) -> Value {
    let mut json = view.body.clone();
    let fields = json!({
        "id": view.id, "team_id": config.team.id, "app_id": config.app.id, "bot_id": config.app.bot_id,
        "app_installed_team_id": config.team.id, "hash": view.hash, "root_view_id": view.root_id,
        "previous_view_id": view.previous_id, "state": { "values": state },
    });
    if let (Some(json), Value::Object(fields)) = (json.as_object_mut(), fields) {
        json.extend(fields);
        for name in ["private_metadata", "callback_id", "external_id"] {
            json.entry(name).or_insert_with(|| json!(""));
        }
    }
    json
}

fn channel(world: &World, id: &str) -> Value {
    let name = world.channel(id).map_or("", |channel| channel.name.as_str());
    json!({ "id": id, "name": if name.is_empty() { "directmessage" } else { name } })
}

/// `state.values`: what every input of the blocks holds, as `inputs[block_id][action_id]` of the page says.
pub(super) fn state_values(blocks: &[Value], inputs: &Value) -> Value {
    let mut values = Map::new();
    for block in blocks {
        let many = block["elements"].as_array().into_iter().flatten();
        for element in many.chain([&block["accessory"], &block["element"]]) {
            let (Some(block_id), Some(action_id)) = (block["block_id"].as_str(), element["action_id"].as_str()) else {
                continue;
            };
            if matches!(element["type"].as_str(), Some("button" | "overflow") | None) {
                continue;
            }
            let held = value_of(element, &inputs[block_id][action_id]);
            values.entry(block_id).or_insert_with(|| json!({}))[action_id] = held;
        }
    }
    Value::Object(values)
}

/// What an element holds, in the shape that its type has in Slack's payloads.
pub(super) fn value_of(element: &Value, input: &Value) -> Value {
    let kind = element["type"].as_str().unwrap_or_default();
    let text = input.as_str().filter(|text| !text.is_empty());
    let mut held = json!({ "type": kind });
    match kind {
        "button" => held["value"] = element["value"].clone(),
        "overflow" | "static_select" | "radio_buttons" => held["selected_option"] = choice(element, input),
        "external_select" => held["selected_option"] = if input.is_object() { input.clone() } else { Value::Null },
        "checkboxes" | "multi_static_select" => {
            let ticked = input.as_array().into_iter().flatten().map(|one| choice(element, one));
            held["selected_options"] = ticked.filter(|choice| !choice.is_null()).collect();
        }
        "users_select" => held["selected_user"] = json!(text),
        "channels_select" => held["selected_channel"] = json!(text),
        "conversations_select" => held["selected_conversation"] = json!(text),
        "datepicker" => held["selected_date"] = json!(text),
        "timepicker" => held["selected_time"] = json!(text),
        "datetimepicker" => held["selected_date_time"] = json!(text.and_then(|text| text.parse::<i64>().ok())),
        _ => held["value"] = json!(text),
    }
    held
}

/// The option with this value, as the app wrote it.
fn choice(element: &Value, value: &Value) -> Value {
    let groups = element["option_groups"].as_array().into_iter().flatten();
    let grouped = groups.flat_map(|group| group["options"].as_array().into_iter().flatten());
    let mut all = element["options"].as_array().into_iter().flatten().chain(grouped);
    all.find(|option| !value.is_null() && option["value"] == *value).cloned().unwrap_or(Value::Null)
}
