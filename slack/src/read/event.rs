//! The Events API: the check of the address, mentions, direct messages, looks at the home page.

use super::{Event, EventKind, Inbound, Who, first_text, text_at};
use serde_json::Value;

pub(super) fn read(body: &Value) -> Inbound {
    match first_text(body, &["/type"]).as_str() {
        "url_verification" => Inbound::Challenge(first_text(body, &["/challenge"])),
        "event_callback" => body.get("event").map_or_else(ignored_without_event, |event| callback(body, event)),
        other => Inbound::Ignored(other.to_owned()),
    }
}

fn ignored_without_event() -> Inbound {
    Inbound::Ignored("event_callback without an event".to_owned())
}

fn callback(body: &Value, event: &Value) -> Inbound {
    let name = first_text(event, &["/type"]);
    let by_a_bot = text_at(event, "/bot_id").is_some() || text_at(event, "/bot_profile/id").is_some();
    // Edits, joins and the like carry a subtype; a reply that is shown in the channel as well is still a message.
    let said = matches!(first_text(event, &["/subtype"]).as_str(), "" | "thread_broadcast" | "file_share");
    let kind = match name.as_str() {
        "app_mention" => EventKind::Mention,
        "message" if first_text(event, &["/channel_type"]) == "im" => EventKind::DirectMessage,
        "app_home_opened" if matches!(first_text(event, &["/tab"]).as_str(), "" | "home") => EventKind::HomeOpened,
        _ => return Inbound::Ignored(name),
    };
    let user = first_text(event, &["/user"]);
    // An answer of ours is an event too: replying to it would never end.
    if by_a_bot || !said || user.is_empty() || is_ours(body, &user) {
        return Inbound::Ignored(format!("{name} that nobody wrote"));
    }
    Inbound::Event(Event {
        kind,
        who: Who {
            user,
            team: text_at(body, "/team_id"),
            enterprise: ["/enterprise_id", "/authorizations/0/enterprise_id"]
                .iter()
                .find_map(|pointer| text_at(body, pointer)),
        },
        channel: first_text(event, &["/channel"]),
        ts: first_text(event, &["/ts"]),
        thread_ts: text_at(event, "/thread_ts"),
        text: without_mention(&first_text(event, &["/text"])).to_owned(),
        app: first_text(body, &["/api_app_id"]),
        key: format!("slack:event:{}", first_text(body, &["/event_id"])),
    })
}

fn is_ours(body: &Value, user: &str) -> bool {
    let installed = body.get("authorizations").and_then(Value::as_array).into_iter().flatten();
    installed
        .filter(|installation| installation.get("is_bot").and_then(Value::as_bool) == Some(true))
        .any(|installation| text_at(installation, "/user_id").as_deref() == Some(user))
}

/// The words after `<@U0BOT>` or `<@U0BOT|catops>`, if that is how they begin.
fn without_mention(text: &str) -> &str {
    let text = text.trim();
    match text.strip_prefix("<@").and_then(|rest| rest.split_once('>')) {
        Some((_, words)) => words.trim_start_matches([' ', ':', ',', '\u{A0}']),
        None => text,
    }
}
