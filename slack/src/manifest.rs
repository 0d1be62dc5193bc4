//! The app's manifest: what a workspace is asked for, no more than what [`crate::client`] calls and [`crate::read`] reads.
//! `tests/it/manifest.rs` holds it against Slack's own schema. It never says what an installed app has.

use crate::command::Word;
use serde_json::{Value, json};

/// What the bot may do, and which call or event needs it.
pub const SCOPES: [(&str, &str); 8] = [
    ("app_mentions:read", "the event app_mention"),
    ("channels:history", "conversations.history and .replies: whether a card was posted already, in a public channel"),
    ("chat:write", "chat.postMessage, .postEphemeral, .update"),
    ("commands", "the slash command"),
    ("files:write", "files.getUploadURLExternal, .completeUploadExternal: a metric's picture below its card"),
    ("groups:history", "the same in a private channel"),
    ("im:history", "the event message.im, and whether a page was posted already"),
    ("im:write", "conversations.open, before a page"),
];

/// What the topics of channels need, when a schedule has `topic = true`.
pub const TOPIC_SCOPES: [(&str, &str); 4] = [
    ("channels:read", "conversations.info: the topic as it stands"),
    ("channels:write.topic", "conversations.setTopic"),
    ("groups:read", "the same in a private channel"),
    ("groups:write.topic", "the same in a private channel"),
];

/// What user groups need, when the configuration has any.
pub const USERGROUP_SCOPES: [(&str, &str); 2] =
    [("usergroups:read", "usergroups.users.list"), ("usergroups:write", "usergroups.users.update")];

/// What a configuration uses beyond what every CatOps does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extras {
    /// Topics of channels.
    pub topics: bool,
    /// User groups.
    pub usergroups: bool,
}

/// What Slack tells the app.
const EVENTS: [&str; 2] = ["app_mention", "message.im"];

/// The manifest of an app whose CatOps answers at `url`, which has no slash at its end.
#[must_use]
pub fn manifest(url: &str, extras: Extras) -> Value {
    let topics = TOPIC_SCOPES.iter().filter(|_| extras.topics);
    let groups = USERGROUP_SCOPES.iter().filter(|_| extras.usergroups);
    let scopes: Vec<&str> = SCOPES.iter().chain(topics).chain(groups).map(|(scope, _)| *scope).collect();
    let words: Vec<&str> = Word::ALL.iter().map(|word| word.text()).collect();
    json!({
        "_metadata": { "major_version": 2, "minor_version": 1 },
        "display_information": {
            "name": "CatOps",
            "description": "One card for each incident: who has it, what may help, and a button that does it.",
            "background_color": "#5b2333",
        },
        "features": {
            // The messages of the app are where its commands can be typed to it alone.
            "app_home": {
                "home_tab_enabled": false,
                "messages_tab_enabled": true,
                "messages_tab_read_only_enabled": false,
            },
            "bot_user": { "display_name": "catops", "always_online": true },
            "slash_commands": [{
                "command": "/catops",
                "url": format!("{url}/slack/commands"),
                "description": "Incidents, actions, who is on call",
                "usage_hint": words.join(" | "),
                // `<@U0ANA>` instead of `@ana`: a name is not an id.
                "should_escape": true,
            }],
        },
        "oauth_config": { "scopes": { "bot": scopes } },
        "settings": {
            "event_subscriptions": { "request_url": format!("{url}/slack/events"), "bot_events": EVENTS },
            "interactivity": {
                "is_enabled": true,
                "request_url": format!("{url}/slack/interactivity"),
                "message_menu_options_url": format!("{url}/slack/options"),
            },
            "org_deploy_enabled": false,
            "socket_mode_enabled": false,
            "token_rotation_enabled": false,
        },
    })
}
