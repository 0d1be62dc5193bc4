//! What may be asked for while actions are stopped.

use super::{Switch, SwitchEvent};
use crate::{Command, Refused, RunOutcome};
use chrono::{DateTime, Utc};

fn at() -> DateTime<Utc> {
    "2026-11-23T02:14:00Z".parse().unwrap()
}

fn stopped() -> Switch {
    let mut switch = Switch::default();
    let event = switch.stop("ana".into(), " the deploy is broken ").expect("nobody had");
    switch.apply(&event, at());
    switch
}

#[test]
fn nothing_starts_while_actions_are_stopped() {
    let start = Command::StartRun { run: "run-1-1".into() };
    assert_eq!(Switch::default().permit(start.clone()), Ok(start.clone()));
    let Ok(Command::FinishRun { outcome, detail, .. }) = stopped().permit(start) else { panic!("it started") };
    assert_eq!(outcome, RunOutcome::Stopped);
    assert_eq!(
        detail,
        "ana stopped all actions at 2026-11-23 02:14 UTC (the deploy is broken); \
         /catops actions start lets them run again; nothing was run"
    );
    // What is under way can be stopped, and its end be written down.
    let stop = Command::StopRun { by: "ben".into(), run: None };
    assert_eq!(stopped().permit(stop.clone()), Ok(stop));
}

#[test]
fn a_switch_is_flipped_once() {
    let mut switch = stopped();
    assert_eq!(switch.stop("ben".into(), ""), None);
    let event = switch.allow("ben".into()).expect("it was off");
    assert_eq!(event, SwitchEvent::ActionsAllowed { by: "ben".into() });
    switch.apply(&event, at());
    assert_eq!(switch, Switch::default());
    assert_eq!(switch.allow("ben".into()), None);
}

#[test]
fn without_a_reason_none_is_told() {
    let mut switch = Switch::default();
    let event = switch.stop("ana".into(), "").expect("nobody had");
    switch.apply(&event, at());
    let refused: Refused = switch.stopped.expect("it is off").refusal();
    let says = "ana stopped all actions at 2026-11-23 02:14 UTC; /catops actions start lets them run again";
    assert_eq!(refused.to_string(), says);
}
