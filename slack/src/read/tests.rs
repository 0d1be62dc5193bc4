//! Payloads of Slack, whole and odd.

use super::{Command, EventKind, Inbound, OpenView, Place, Press, Unreadable, Who, command, event, interaction};
use proptest::prelude::*;
use serde_json::{Value, json};

fn form(payload: &Value) -> Vec<u8> {
    form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish().into_bytes()
}

#[track_caller]
fn press(payload: &Value) -> Press {
    match interaction(&form(payload)).unwrap() {
        Inbound::Press(press) => press,
        other => panic!("a press, not {other:?}"),
    }
}

fn click() -> Value {
    json!({
        "type": "block_actions", "api_app_id": "A1", "trigger_id": "1.2.abc",
        "user": { "id": "U0ANA", "username": "ana", "team_id": "T1" },
        "team": { "id": "T1", "domain": "acme" }, "enterprise": null, "is_enterprise_install": false,
        "container": { "type": "message", "message_ts": "17.1", "channel_id": "C0OPS", "is_ephemeral": false,
                       "thread_ts": "16.9" },
        "channel": { "id": "C0OPS", "name": "ops" }, "message": { "ts": "17.1", "text": "Firing" },
        "state": { "values": {} }, "response_url": "https://hooks.slack.com/actions/1",
        "actions": [{ "type": "button", "action_id": "inc.ack", "block_id": "acts:42:17", "action_ts": "18.0",
                      "value": "1|ack|42|17" }]
    })
}

#[test]
fn a_press_says_who_where_and_what() {
    let expect = Press {
        who: Who { user: "U0ANA".into(), team: Some("T1".into()), enterprise: None },
        place: Place {
            channel: Some("C0OPS".into()),
            message_ts: Some("17.1".into()),
            thread_ts: Some("16.9".into()),
            ephemeral: false,
        },
        view: None,
        action_id: "inc.ack".into(),
        block_id: "acts:42:17".into(),
        value: "1|ack|42|17".into(),
        state: Default::default(),
        trigger_id: "1.2.abc".into(),
        response_url: Some("https://hooks.slack.com/actions/1".into()),
        app: "A1".into(),
        key: "slack:press:1.2.abc".into(),
    };
    assert_eq!(press(&click()), expect);
}

#[test]
fn a_press_of_an_organisation_wide_install_has_no_team() {
    let mut payload = click();
    payload["team"] = Value::Null;
    payload["enterprise"] = json!({ "id": "E1", "name": "Acme" });
    let who = press(&payload).who;
    assert_eq!(who, Who { user: "U0ANA".into(), team: None, enterprise: Some("E1".into()) });
}

#[test]
fn whatever_was_chosen_is_the_value() {
    for (action, value) in [
        (json!({ "selected_option": { "value": "1|why|42|17" } }), "1|why|42|17"),
        (json!({ "selected_options": [{ "value": "a" }, { "value": "b" }] }), "a,b"),
        (json!({ "selected_user": "U0BEN" }), "U0BEN"),
        (json!({ "selected_conversation": "C1" }), "C1"),
        (json!({ "selected_date": "2026-11-24" }), "2026-11-24"),
        (json!({ "selected_date_time": 1_763_820_120 }), "1763820120"),
        (json!({ "value": null }), ""),
    ] {
        let mut payload = click();
        payload["actions"][0] = action;
        assert_eq!(press(&payload).value, value);
    }
}

#[test]
fn a_form_says_what_stands_in_its_fields() {
    let payload = json!({
        "type": "view_submission", "team": null, "user": { "id": "U0ANA" }, "api_app_id": "A1", "trigger_id": "t",
        "view": { "id": "V1", "hash": "h1", "callback_id": "run_action", "private_metadata": "1|run|42|17|a=scale",
            "state": { "values": {
                "count": { "v": { "type": "number_input", "value": "9" } },
                "service": { "v": { "type": "static_select", "selected_option": { "value": "checkout" } } },
                "dry": { "v": { "type": "checkboxes", "selected_options": [{ "value": "dry" }] } },
                "reason": { "v": { "type": "plain_text_input", "value": null } } } } }
    });
    let Inbound::Submit(submit) = interaction(&form(&payload)).unwrap() else { panic!("a form") };
    assert_eq!(submit.key, "slack:submit:V1:h1");
    assert_eq!(
        submit.view,
        OpenView {
            id: "V1".into(),
            hash: "h1".into(),
            callback_id: "run_action".into(),
            private_metadata: "1|run|42|17|a=scale".into(),
        }
    );
    assert_eq!(submit.state.get("count"), Some("9"));
    assert_eq!(submit.state.get("service"), Some("checkout"));
    assert_eq!(submit.state.all("dry"), ["dry"]);
    assert_eq!(submit.state.get("reason"), None);
}

#[test]
fn closing_suggesting_and_shortcuts_are_read() {
    let closed = json!({ "type": "view_closed", "user": { "id": "U1" }, "view": { "id": "V1", "hash": "h" } });
    assert!(matches!(interaction(&form(&closed)), Ok(Inbound::Closed(closed)) if closed.key == "slack:closed:V1:h"));
    let suggestion = json!({ "type": "block_suggestion", "user": { "id": "U1" }, "action_id": "help.pick",
        "block_id": "help", "value": "res", "container": { "type": "message" } });
    assert!(matches!(interaction(&form(&suggestion)), Ok(Inbound::Suggest(suggest)) if suggest.typed == "res"));
    let shortcut = json!({ "type": "shortcut", "callback_id": "incidents", "user": { "id": "U1" }, "team": null,
        "trigger_id": "t" });
    let press = press(&shortcut);
    assert_eq!((press.action_id.as_str(), press.place), ("incidents", Place::default()));
    let unknown = json!({ "type": "workflow_step_edit" });
    assert_eq!(interaction(&form(&unknown)), Ok(Inbound::Ignored("workflow_step_edit".into())));
}

#[test]
fn a_slash_command_is_read() {
    let body = b"token=x&team_id=T1&channel_id=C0OPS&channel_name=ops&user_id=U0ANA&user_name=ana&command=%2Fcatops\
                 &text=ack+42&response_url=https%3A%2F%2Fhooks.slack.com%2F1&trigger_id=1.2.x&api_app_id=A1";
    let expect = Command {
        who: Who { user: "U0ANA".into(), team: Some("T1".into()), enterprise: None },
        channel: "C0OPS".into(),
        command: "/catops".into(),
        text: "ack 42".into(),
        trigger_id: "1.2.x".into(),
        response_url: "https://hooks.slack.com/1".into(),
        app: "A1".into(),
        key: "slack:command:1.2.x".into(),
    };
    assert_eq!(command(body), Ok(expect));
    assert_eq!(command(b"command=%2Fcatops"), Err(Unreadable::Missing("user_id")));
}

fn callback(said: &Value) -> Inbound {
    let body = json!({ "type": "event_callback", "team_id": "T1", "api_app_id": "A1", "event_id": "Ev1",
        "authorizations": [{ "user_id": "U0BOT", "is_bot": true }], "event": said });
    event(body.to_string().as_bytes()).unwrap()
}

#[test]
fn mentions_messages_and_looks_at_home_are_events() {
    let mention = json!({ "type": "app_mention", "user": "U0ANA", "text": "<@U0BOT> ack 42", "ts": "1.1",
        "thread_ts": "1.0", "channel": "C1" });
    let Inbound::Event(read) = callback(&mention) else { panic!("an event") };
    assert_eq!((read.kind, read.text.as_str(), read.key.as_str()), (EventKind::Mention, "ack 42", "slack:event:Ev1"));
    assert_eq!(read.thread_ts.as_deref(), Some("1.0"));
    let direct = json!({ "type": "message", "channel_type": "im", "user": "U0ANA", "text": "oncall", "channel": "D1" });
    assert!(matches!(callback(&direct), Inbound::Event(read) if read.kind == EventKind::DirectMessage));
    let home = json!({ "type": "app_home_opened", "user": "U0ANA", "channel": "D1", "tab": "home" });
    assert!(matches!(callback(&home), Inbound::Event(read) if read.kind == EventKind::HomeOpened));
}

#[test]
fn our_own_words_and_other_peoples_noise_are_ignored() {
    for said in [
        json!({ "type": "message", "channel_type": "im", "user": "U0BOT", "text": "hi" }),
        json!({ "type": "message", "channel_type": "im", "user": "U1", "bot_id": "B1", "text": "hi" }),
        json!({ "type": "message", "channel_type": "im", "subtype": "message_changed" }),
        json!({ "type": "message", "channel_type": "channel", "user": "U1", "text": "hi" }),
        json!({ "type": "reaction_added", "user": "U1" }),
    ] {
        assert!(matches!(callback(&said), Inbound::Ignored(_)), "{said}");
    }
    let check = br#"{"type":"url_verification","token":"x","challenge":"3eZb"}"#;
    assert_eq!(event(check), Ok(Inbound::Challenge("3eZb".into())));
    assert_eq!(event(br#"{"type":"app_rate_limited"}"#), Ok(Inbound::Ignored("app_rate_limited".into())));
}

proptest! {
    #[test]
    fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..80), cut in 0_usize..900) {
        drop((command(&body), interaction(&body), event(&body)));
        let whole = form(&click());
        drop(interaction(&whole[..cut.min(whole.len())]));
    }
}
