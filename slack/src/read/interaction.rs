//! Buttons, menus, forms and shortcuts: the JSON of an interaction's `payload`.

use super::{Inbound, OpenView, Place, Press, State, Submit, Suggest, Who, first_text, text_at};
use serde_json::Value;

pub(super) fn read(payload: &Value) -> Inbound {
    let kind = first_text(payload, &["/type"]);
    match kind.as_str() {
        "block_actions" => match payload.pointer("/actions/0") {
            Some(action) => Inbound::Press(press(payload, action)),
            None => Inbound::Ignored("block_actions without an action".to_owned()),
        },
        "shortcut" | "message_action" => Inbound::Press(shortcut(payload)),
        "view_submission" => Inbound::Submit(submit(payload, "submit")),
        "view_closed" => Inbound::Closed(submit(payload, "closed")),
        "block_suggestion" => Inbound::Suggest(Suggest {
            who: who(payload),
            action_id: first_text(payload, &["/action_id"]),
            block_id: first_text(payload, &["/block_id"]),
            typed: first_text(payload, &["/value"]),
            view: view(payload),
            app: app(payload),
        }),
        _ => Inbound::Ignored(kind),
    }
}

fn press(payload: &Value, action: &Value) -> Press {
    let state = match payload.pointer("/state/values") {
        Some(values) => state(values),
        None => payload.pointer("/view/state/values").map(state).unwrap_or_default(),
    };
    Press {
        action_id: first_text(action, &["/action_id"]),
        block_id: first_text(action, &["/block_id"]),
        value: values(action).join(","),
        state,
        ..shortcut(payload)
    }
}

/// A shortcut is a press without a button.
fn shortcut(payload: &Value) -> Press {
    let trigger_id = first_text(payload, &["/trigger_id"]);
    Press {
        who: who(payload),
        place: place(payload),
        view: view(payload),
        action_id: first_text(payload, &["/callback_id"]),
        block_id: String::new(),
        value: String::new(),
        state: State::default(),
        key: format!("slack:press:{trigger_id}"),
        trigger_id,
        response_url: text_at(payload, "/response_url"),
        app: app(payload),
    }
}

fn submit(payload: &Value, what: &str) -> Submit {
    let view = view(payload).unwrap_or_default();
    Submit {
        who: who(payload),
        state: payload.pointer("/view/state/values").map(state).unwrap_or_default(),
        key: format!("slack:{what}:{}:{}", view.id, view.hash),
        view,
        trigger_id: first_text(payload, &["/trigger_id"]),
        app: app(payload),
    }
}

fn who(payload: &Value) -> Who {
    let team = ["/team/id", "/user/team_id", "/view/team_id"];
    Who {
        user: first_text(payload, &["/user/id", "/user"]),
        // Of an organisation-wide install the team is null, and the user's own team must not stand in for it.
        team: match payload.get("team") {
            Some(Value::Null) => None,
            _ => team.iter().find_map(|pointer| text_at(payload, pointer)),
        },
        enterprise: ["/enterprise/id", "/team/enterprise_id"].iter().find_map(|pointer| text_at(payload, pointer)),
    }
}

fn place(payload: &Value) -> Place {
    let first = |pointers: [&str; 2]| pointers.iter().find_map(|pointer| text_at(payload, pointer));
    Place {
        channel: first(["/container/channel_id", "/channel/id"]),
        message_ts: first(["/container/message_ts", "/message/ts"]),
        thread_ts: first(["/container/thread_ts", "/message/thread_ts"]),
        ephemeral: payload.pointer("/container/is_ephemeral").and_then(Value::as_bool).unwrap_or(false),
    }
}

fn view(payload: &Value) -> Option<OpenView> {
    payload.get("view").filter(|view| view.is_object()).map(|view| OpenView {
        id: first_text(view, &["/id"]),
        hash: first_text(view, &["/hash"]),
        callback_id: first_text(view, &["/callback_id"]),
        private_metadata: first_text(view, &["/private_metadata"]),
    })
}

fn app(payload: &Value) -> String {
    first_text(payload, &["/api_app_id", "/view/app_id"])
}

/// `values[block_id][action_id]` is one field; empty fields are left out.
fn state(blocks: &Value) -> State {
    let fields = blocks.as_object().into_iter().flatten().map(|(block_id, fields)| {
        (block_id.clone(), fields.as_object().into_iter().flatten().flat_map(|(_, field)| values(field)).collect())
    });
    State(fields.filter(|(_, values): &(_, Vec<String>)| !values.is_empty()).collect())
}

/// Whatever was typed or chosen: every element has its own name for it.
fn values(field: &Value) -> Vec<String> {
    let many = |name: &str| field.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let one = [
        "/value",
        "/selected_option/value",
        "/selected_user",
        "/selected_conversation",
        "/selected_channel",
        "/selected_date",
        "/selected_time",
    ];
    let when = field.get("selected_date_time").and_then(Value::as_i64).map(|seconds| seconds.to_string());
    let one = one.iter().find_map(|pointer| text_at(field, pointer)).or(when);
    let chosen = many("selected_options").into_iter().filter_map(|option| text_at(&option, "/value"));
    let people = ["selected_users", "selected_conversations", "selected_channels"].into_iter().flat_map(many);
    let people = people.filter_map(|id| id.as_str().map(str::to_owned));
    one.into_iter().chain(chosen).chain(people).collect()
}
