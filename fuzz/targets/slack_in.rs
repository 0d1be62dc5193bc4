//! What Slack sends, or somebody who has its secret: slash commands, interactions, events. Whatever is read has a sender and
//! a key, and a button's claim is read back as it is written.
#![no_main]

use fuzz::Input;
use slack::read::{self, Inbound};
use slack::value::Claim;
use slack::{command, escape};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let which = input.byte() % 4;
    let body = input.0;
    let inbound = match which {
        0 => read::command(body).map(Inbound::Command),
        1 => read::interaction(body),
        2 => {
            let form: String = form_urlencoded::byte_serialize(body).collect();
            read::interaction(format!("payload={form}").as_bytes())
        }
        _ => read::event(body),
    };
    let Ok(inbound) = inbound else { return };
    let named = inbound.sender().map(|(who, _)| who.clone());
    match inbound {
        Inbound::Command(typed) => {
            assert!(!typed.who.user.is_empty() && !typed.command.is_empty() && typed.key.starts_with("slack:command:"));
            drop(command::parse(&typed.text));
        }
        Inbound::Press(press) => {
            assert!(press.key.starts_with("slack:press:"));
            claim(&press.value);
            press.view.iter().for_each(|view| claim(&view.private_metadata));
            press.state.0.values().for_each(|values| assert!(!values.is_empty()));
        }
        Inbound::Submit(form) | Inbound::Closed(form) => {
            assert!(form.key.starts_with("slack:submit:") || form.key.starts_with("slack:closed:"));
            claim(&form.view.private_metadata);
        }
        Inbound::Event(event) => {
            assert!(!event.who.user.is_empty() && event.key.starts_with("slack:event:"));
            drop(command::parse(&event.text));
        }
        Inbound::Suggest(_) | Inbound::Challenge(_) | Inbound::Ignored(_) => {}
    }
    // A user's id that is none never becomes a mention.
    if let Some(who) = named {
        let mention = escape::mention(&who.user);
        assert!(escape::is_user_id(&who.user) || !mention.contains("<@"), "{mention}");
    }
});

/// What is read is written as something that reads the same.
fn claim(value: &str) {
    if let Ok(claim) = value.parse::<Claim>() {
        assert_eq!(claim.to_string().parse().as_ref(), Ok(&claim), "{value}");
    }
}
