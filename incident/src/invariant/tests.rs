//! How late is too late, on both sides of each limit.

use super::*;
use crate::alarm::{Alarm, AlarmState, Severity};
use crate::event::{Event, Recorded};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(second)
}

#[track_caller]
fn check(state: WaitingState, now: i64, expect: Option<Kind>) {
    let effect = Waiting { id: "page/1/2/ana".to_owned(), state, error: None };
    assert_eq!(judge_effect(&effect, at(now)).map(|violation| violation.kind), expect, "{state:?} at {now}");
}

#[test]
fn an_effect_may_be_late_and_not_too_late() {
    check(WaitingState::Due(at(100)), 0, None);
    check(WaitingState::Due(at(0)), 60, None);
    check(WaitingState::Due(at(0)), 61, Some(Kind::OverdueEffect));
    check(WaitingState::LeasedUntil(at(0)), 30, None);
    check(WaitingState::LeasedUntil(at(0)), 31, Some(Kind::StuckLease));
    check(WaitingState::Failed(at(0)), 3600, Some(Kind::FailedEffect));
    check(WaitingState::Failed(at(0)), 3601, None);
    check(WaitingState::Unknown(at(0)), 1, Some(Kind::UnknownEffect));
}

#[test]
fn a_violation_says_why() {
    let effect =
        Waiting { id: "page/1/2/ana".to_owned(), state: WaitingState::Due(at(0)), error: Some("Slack is down".into()) };
    let text = judge_effect(&effect, at(90)).expect("it is late").text;
    assert_eq!(text, "page/1/2/ana is due since 2024-10-04 00:00:00 UTC and nobody performs it: Slack is down");
}

fn opened() -> Incident {
    let alarm = Alarm {
        source: "generic".to_owned(),
        delivery: "d1".into(),
        key: "generic:disk".into(),
        state: AlarmState::Firing,
        severity: Severity::Error,
        title: "Disk is full".to_owned(),
        summary: String::new(),
        resource: String::new(),
        service: None,
        labels: BTreeMap::new(),
        links: Vec::new(),
        occurred_at: at(0),
        drill: None,
    };
    Incident::open(IncidentId(1), &Recorded { seq: 1, at: at(0), event: Event::Opened { alarm } }).expect("an opening")
}

#[test]
fn an_incident_lacks_an_owner_only_when_there_could_be_one() {
    let mut incident = opened();
    assert!(!lacks_owner(&incident, true, at(60)));
    assert!(lacks_owner(&incident, true, at(61)));
    assert!(!lacks_owner(&incident, false, at(61)), "nobody is on call");
    incident.owners = vec!["ana".into()];
    assert!(!lacks_owner(&incident, true, at(61)));
}

#[test]
fn repeats_do_not_make_a_forgotten_incident_look_new() {
    let mut incident = opened();
    incident.last_fired_at = at(300);
    assert!(lacks_owner(&incident, true, at(301)));
    incident.owners = vec!["ana".into()];
    assert_eq!(page_late(&incident, at(300)), None);
    assert_eq!(page_late(&incident, at(301)).map(|late| late.kind), Some(Kind::PageLate));
    incident.paged = vec![crate::Page { to: "ana".into(), by: "slack".to_owned(), at: at(2), seq: 3, message: None }];
    assert_eq!(page_late(&incident, at(301)), None, "she was reached");
}

#[test]
fn only_what_moves_has_a_timer() {
    let mut incident = opened();
    incident.assigned_seq = 2;
    assert_eq!(timer(&incident).as_deref(), Some("ack/1/2"));
    incident.exhausted = true;
    assert_eq!(timer(&incident), None);
    incident.exhausted = false;
    incident.status = Status::Acknowledged;
    assert_eq!(timer(&incident), None);
}

#[test]
fn counts_name_every_kind() {
    let violations = [no_owner(&opened()), stalled(IncidentId(1), "Disk is full")];
    let counts = counts(&violations);
    assert_eq!(counts.len(), Kind::ALL.len());
    assert_eq!((counts["no_owner"], counts["stalled_escalation"], counts["stuck_lease"]), (1, 1, 0));
}
