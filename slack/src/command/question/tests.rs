//! What people say to find out who is on call, and what they say besides.

use super::*;
use crate::command::{Misread, Which};

#[track_caller]
fn asks(text: &str, schedule: Option<&str>, at: Option<&str>) {
    let expected = OnCall::Who { schedule: schedule.map(str::to_owned), at: at.map(str::to_owned) };
    assert_eq!(parse_said(text), Ok(Line::OnCall(expected)), "{text}");
}

#[test]
fn who_is_on_call_is_asked_in_many_words() {
    asks("who is on call", None, None);
    asks("Who’s on call right now?", None, None);
    asks("hey, who has the pager?", None, None);
    asks("can you tell me who is on-call please", None, None);
    asks("whos oncall", None, None);
    asks("who is on duty for the payments team?", Some("payments"), None);
    asks("who's on call for payments tomorrow night", Some("payments"), Some("tomorrow night"));
    asks("who has the pager tonight?", None, Some("tonight"));
    asks("who will be on call on monday at 9am for payments/secondary", Some("payments/secondary"), Some("monday 9am"));
    asks("who is on call for next weekend", None, Some("next weekend"));
    asks("who is on call for 2026-12-24 18:00", None, Some("2026-12-24 18:00"));
    asks("who carries the pager in billing", None, Some("billing"));
    asks("<@U0BEN> who is on call", None, None);
}

#[test]
fn free_words_never_do_anything() {
    for text in [
        "no problem",
        "as discussed",
        "res",
        "thanks!",
        "who are you",
        "is anybody on call",
        "stop everything please",
        "rerun it",
        "unp it",
        "",
        "the pager is loud",
    ] {
        assert_eq!(parse_said(text), Ok(Line::Help(None)), "{text}");
    }
}

#[test]
fn a_whole_command_stays_one() {
    assert_eq!(parse_said("incidents"), Ok(Line::Incidents));
    assert_eq!(parse_said("note looks like DNS"), Ok(Line::Note(Which::Unsaid, "looks like DNS".into())));
    assert_eq!(parse_said("Ack 42"), Ok(Line::Acknowledge(Which::Number(incident::IncidentId(42)))));
    assert_eq!(parse_said("oncall me"), Ok(Line::OnCall(OnCall::Me)));
    assert!(matches!(parse_said("why is checkout slow"), Err(Misread::NotAnIncident { .. })));
}
