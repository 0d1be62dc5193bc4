//! Pages that wait: what a reader is told of them, and when they are forgotten.

use super::*;

fn held(to: &str, by: &str, until: i64) -> Command {
    let because = "5 in 15 minutes".to_owned();
    Command::RecordHeldPage { to: to.into(), by: by.to_owned(), until: at(until), because }
}

fn paged_by(by: &str, with: &[u64]) -> Command {
    let with = with.iter().copied().map(IncidentId).collect();
    Command::RecordPage { to: "ana".into(), by: by.to_owned(), level: 0, message: None, with }
}

/// Ana was paged by Slack, and her text message waits.
fn night() -> Night {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    assign_by_rules(&mut night, &[("slack", 0), ("sms", 60)], 0, 1);
    night.say(paged_by("slack", &[]), 2).unwrap();
    night.say(held("ana", "sms", 600), 60).unwrap();
    night
}

fn waiting(night: &Night) -> Vec<(ResponderId, String)> {
    night.incident().held.into_iter().map(|held| (held.to, held.by)).collect()
}

#[test]
fn a_page_that_waits_is_told_and_so_is_what_it_came_with() {
    let mut night = night();
    assert_eq!(waiting(&night), [("ana".into(), "sms".to_owned())]);
    let until = at(600).format("%H:%M UTC");
    night.say(paged_by("sms", &[7, 9]), 600).unwrap();
    night.reads(&[
        "generic fired: checkout is slow",
        "level 1: ana (b)",
        "paged ana by slack",
        &format!("text message to ana waits until {until}: 5 in 15 minutes"),
        "paged ana by text message, the second channel, together with INC-7 and INC-9",
    ]);
    assert!(night.incident().held.is_empty(), "it came");
}

#[test]
fn a_page_that_nobody_wants_any_more_is_not_said_to_wait() {
    #[track_caller]
    fn check(command: Command, still_waits: bool) {
        let mut night = night();
        night.say(command, 100).unwrap();
        assert_eq!(!waiting(&night).is_empty(), still_waits);
    }
    let by = || ResponderId::from("ana");
    check(Command::Note { by: by(), text: "looking".to_owned() }, true);
    check(Command::Acknowledge { by: by() }, false);
    check(Command::Decline { by: by(), next: Some(1) }, false);
    check(Command::Resolve { by: by(), note: String::new() }, false);
    // She was reached, so that her rules end when the next level is asked.
    check(Command::AckTimeout { level: 0, round: 0, next: Some(1) }, false);
}

#[test]
fn whom_a_page_has_reached_is_known_in_later_rounds_too() {
    let mut night = night();
    assert!(night.incident().ever_paged.contains(&"ana".into()));
    night.alarm(AlarmState::Cleared, 200);
    night.alarm(AlarmState::Firing, 300);
    let incident = night.incident();
    assert!(incident.paged.is_empty() && incident.held.is_empty());
    assert!(incident.ever_paged.contains(&"ana".into()) && !incident.ever_paged.contains(&"ben".into()));
}

/// In a later round every page may wait; nobody is to be told that none arrived, until its time has come and gone.
#[test]
fn who_waits_on_purpose_is_not_late() {
    let mut night = night();
    night.alarm(AlarmState::Cleared, 200);
    night.alarm(AlarmState::Firing, 300);
    assign_by_rules(&mut night, &[("sms", 0)], 0, 301);
    night.say(held("ana", "sms", 900), 302).unwrap();
    let late = |second| invariant::page_late(&night.incident(), at(second)).is_some();
    assert!(!late(900) && !late(960));
    assert!(late(2000));
}
