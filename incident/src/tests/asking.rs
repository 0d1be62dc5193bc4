//! Who is asked when, and what those who are asked may say: the limit to an acknowledgement, snooze, "I cannot", a level
//! that wants everybody, pauses. One timer at a time, and none once it is over.

use super::*;
use crate::Effect;
use crate::plan::{AckMode, Ask, Plan, PlanStep, Target};

fn plan(acknowledge_seconds: Option<u64>) -> Option<Box<Plan>> {
    let page =
        |who: &str| PlanStep::Page(Ask { page: vec![Target::Person(who.into())], wait_seconds: 300, ..Ask::default() });
    Some(Box::new(Plan { steps: vec![page("ana"), page("ben")], catch_all: Vec::new(), acknowledge_seconds }))
}

impl Night {
    /// Asks these people as the step of a plan with a limit of 30 minutes.
    fn ask(&mut self, to: &[&str], step: u16, ack_mode: AckMode, second: i64) {
        let plan = (step == 0).then(|| plan(Some(1800))).flatten();
        self.take(to, Taken { step: Some(step), ack_mode, plan }, second);
    }

    fn take(&mut self, to: &[&str], taken: Taken, second: i64) {
        let to = to.iter().map(|&name| name.into()).collect();
        let level = u8::try_from(taken.step.unwrap()).unwrap();
        let (policy, because) = ("payments".to_owned(), "turn 3 of weekly".to_owned());
        let (wait, plans, urgency) = (Some(TimeDelta::minutes(5)), BTreeMap::new(), Urgency::High);
        self.say(Command::Assign { to, level, policy, because, wait, plans, urgency, taken }, second).unwrap();
    }

    fn opened() -> Self {
        let mut night = Self::new();
        night.write(vec![Event::Opened { alarm: alarm(AlarmState::Firing, 0) }], 0);
        night
    }

    fn kinds(&self) -> Vec<&'static str> {
        self.events.iter().map(|recorded| recorded.event.kind()).collect()
    }

    /// What waits: timers that were asked for and not cancelled, with the second they are due.
    fn timers(&self) -> Vec<(String, i64)> {
        let own = self.incident().timer.map(|timer| format!("ack/42/{}", timer.seq));
        let mut found: Vec<&Effect> = self.asked.iter().filter(|effect| effect.id.starts_with("ack/")).collect();
        found.retain(|effect| own.as_ref() == Some(&effect.id));
        found.iter().map(|effect| (effect.id.clone(), (effect.due_at - at(0)).num_seconds())).collect()
    }
}

#[test]
fn whoever_forgets_an_incident_is_asked_again() {
    let mut night = Night::opened();
    night.ask(&["ana"], 0, AckMode::Any, 1);
    night.say(Command::Acknowledge { by: "ana".into() }, 10).unwrap();
    assert_eq!(night.timers(), [("ack/42/3".to_owned(), 1810)]);
    // A timer of the level before is not this one.
    night.say(Command::AckTimeout { level: 0, round: 0, next: Some(1) }, 301).unwrap();
    night.say(Command::TimeOver { seq: 2 }, 302).unwrap();
    assert_eq!(night.incident().status, Status::Acknowledged);
    night.say(Command::TimeOver { seq: 3 }, 1810).unwrap();
    let incident = night.incident();
    assert_eq!((incident.status, incident.round, incident.timer), (Status::Open, 1, None));
    assert_eq!(night.due("triage/42/4"), ["triage/42/4"], "it asks again");
    night.say(Command::TimeOver { seq: 3 }, 1811).unwrap();
    assert_eq!(night.kinds(), ["opened", "assigned", "acknowledged", "acknowledgement_expired"], "once");
}

#[test]
fn more_time_is_given_to_whoever_has_it() {
    let mut night = Night::opened();
    night.ask(&["ana"], 0, AckMode::Any, 1);
    let extend =
        |length: Option<i64>| Command::Extend { by: Some("ana".into()), length: length.map(TimeDelta::minutes) };
    assert_eq!(night.say(extend(None), 5).unwrap_err(), Refused::NothingToExtend);
    night.say(Command::Acknowledge { by: "ana".into() }, 10).unwrap();
    night.say(extend(None), 1000).unwrap();
    assert_eq!(night.timers(), [("ack/42/4".to_owned(), 2800)]);
    assert_eq!(night.cancelled.last().map(String::as_str), Some("ack/42/3"));
    night.say(extend(Some(120)), 1100).unwrap();
    assert_eq!(night.timers(), [("ack/42/5".to_owned(), 8300)]);
    assert_eq!(night.say(extend(Some(25 * 60)), 1100).unwrap_err(), Refused::BadLength);
    night.say(Command::Resolve { by: "ana".into(), note: String::new() }, 1200).unwrap();
    assert_eq!((night.incident().timer, night.cancelled.contains(&"ack/42/5".to_owned())), (None, true));
}

/// Product, section 5, number 6: acknowledged for ever is for ever.
#[test]
fn without_a_limit_nobody_is_paged_after_four_months() {
    let mut night = Night::opened();
    night.take(&["ana"], Taken { step: Some(0), plan: plan(None), ..Taken::default() }, 1);
    night.say(Command::Acknowledge { by: "ana".into() }, 10).unwrap();
    assert_eq!((night.timers(), night.incident().timer), (Vec::new(), None));
    let pages = night.due("page/").len();
    let months = 120 * 86_400;
    night.say(Command::AckTimeout { level: 0, round: 0, next: Some(1) }, months).unwrap();
    (1..=4).for_each(|seq| night.say(Command::TimeOver { seq }, months).unwrap());
    assert_eq!((night.due("page/").len(), night.incident().status), (pages, Status::Acknowledged));
}

/// Product, section 5, number 5.
#[test]
fn an_acknowledgement_a_millisecond_before_the_next_level_wins() {
    let mut night = Night::opened();
    night.ask(&["ana"], 0, AckMode::Any, 1);
    let before = at(301) - TimeDelta::milliseconds(1);
    let events = decide(&night.incident(), Command::Acknowledge { by: "ana".into() }, before).unwrap();
    night.write(events, 300);
    night.say(Command::AckTimeout { level: 0, round: 0, next: Some(1) }, 301).unwrap();
    assert_eq!(night.kinds(), ["opened", "assigned", "acknowledged"]);
    assert!(night.cancelled.contains(&"ack/42/2".to_owned()));
}

#[test]
fn a_snoozed_incident_wakes_and_asks_again() {
    let mut night = Night::opened();
    night.ask(&["ana"], 0, AckMode::Any, 1);
    night.say(Command::Snooze { by: "ana".into(), length: TimeDelta::minutes(30) }, 60).unwrap();
    let incident = night.incident();
    assert_eq!((incident.status, incident.snoozed_until), (Status::Acknowledged, Some(at(1860))));
    assert_eq!(night.timers(), [("ack/42/3".to_owned(), 1860)]);
    assert!(night.cancelled.contains(&"ack/42/2".to_owned()), "the level's own time is over");
    night.say(Command::TimeOver { seq: 3 }, 1860).unwrap();
    assert_eq!((night.incident().status, night.incident().snoozed_until), (Status::Open, None));
    assert_eq!(night.due("triage/42/4"), ["triage/42/4"]);
    let too_long = Command::Snooze { by: "ana".into(), length: TimeDelta::days(2) };
    assert_eq!(night.say(too_long, 1900).unwrap_err(), Refused::BadLength);
    night.say(Command::Snooze { by: "ana".into(), length: TimeDelta::minutes(5) }, 1900).unwrap();
    night.say(Command::Resolve { by: "ben".into(), note: String::new() }, 1910).unwrap();
    assert_eq!((night.timers(), night.cancelled.contains(&"ack/42/5".to_owned())), (Vec::new(), true));
    night.say(Command::TimeOver { seq: 5 }, 2200).unwrap();
    assert_eq!(night.incident().status, Status::Resolved);
}

#[test]
fn who_cannot_leaves_it_to_the_next_at_once() {
    let mut night = Night::opened();
    night.ask(&["ana", "ben"], 0, AckMode::Any, 1);
    let decline = |by: &str| Command::Decline { by: by.into(), next: Some(1) };
    assert_eq!(night.say(decline("chi"), 5).unwrap_err(), Refused::NotAsked { who: "chi".into() });
    night.say(decline("ana"), 10).unwrap();
    let incident = night.incident();
    assert_eq!(
        (incident.owners, incident.level, night.timers().len()),
        (vec!["ben".into()], 0, 1),
        "ben is still asked"
    );
    night.say(decline("ana"), 11).unwrap();
    night.say(decline("ben"), 12).unwrap();
    assert_eq!(night.kinds(), ["opened", "assigned", "declined", "declined", "escalated"]);
    assert_eq!((night.due("triage/42/5"), night.timers()), (vec!["triage/42/5"], Vec::new()));
    night.reads(&[
        "generic fired: checkout is slow",
        "level 1: ana, ben (turn 3 of weekly)",
        "ana cannot",
        "ben cannot",
        "ben asked for level 2",
    ]);
}

#[test]
fn whoever_has_it_can_let_go_of_it_while_somebody_is_left() {
    let mut night = Night::opened();
    night.ask(&["ana"], 0, AckMode::Any, 1);
    night.say(Command::Acknowledge { by: "ana".into() }, 10).unwrap();
    let nobody_left = Command::Decline { by: "ana".into(), next: None };
    assert_eq!(night.say(nobody_left, 20).unwrap_err(), Refused::NoNextLevel);
    night.say(Command::Decline { by: "ana".into(), next: Some(1) }, 20).unwrap();
    let incident = night.incident();
    assert_eq!((incident.status, incident.acknowledged), (Status::Open, None));
    night.ask(&["ben"], 1, AckMode::Any, 21);
    assert_eq!(night.incident().owners, ["ben".into()]);
}

#[test]
fn escalating_what_somebody_has_asks_the_next_level() {
    let mut night = Night::opened();
    night.ask(&["ana"], 0, AckMode::Any, 1);
    night.say(Command::Acknowledge { by: "ana".into() }, 10).unwrap();
    night.say(Command::Escalate { by: "ana".into(), next: Some(1) }, 20).unwrap();
    night.ask(&["ben"], 1, AckMode::Any, 21);
    assert_eq!((night.incident().status, night.due("page/42/5")), (Status::Open, vec!["page/42/5/ben"]));
}

#[test]
fn a_level_that_wants_everybody_goes_on_until_all_have_said_so() {
    let mut night = Night::opened();
    night.ask(&["ana", "ben", "chi"], 0, AckMode::All, 1);
    night.say(Command::Acknowledge { by: "ana".into() }, 10).unwrap();
    night.say(Command::Acknowledge { by: "ana".into() }, 11).unwrap();
    assert_eq!((night.incident().status, night.timers().len()), (Status::Open, 1), "the others still have to");
    night.say(Command::Decline { by: "chi".into(), next: Some(1) }, 12).unwrap();
    night.say(Command::Acknowledge { by: "ben".into() }, 13).unwrap();
    assert_eq!(night.kinds(), ["opened", "assigned", "partly_acknowledged", "declined", "acknowledged"]);
    assert_eq!(night.timers(), [("ack/42/5".to_owned(), 1813)]);
}

#[test]
fn the_last_answer_ends_it_whether_it_is_yes_or_no() {
    let mut night = Night::opened();
    night.ask(&["ana", "ben"], 0, AckMode::All, 1);
    night.say(Command::Acknowledge { by: "ana".into() }, 10).unwrap();
    night.say(Command::Decline { by: "ben".into(), next: Some(1) }, 11).unwrap();
    assert_eq!(night.kinds(), ["opened", "assigned", "partly_acknowledged", "declined", "acknowledged"]);
    assert_eq!(night.incident().acknowledged.unwrap().by, "ana".into());
}

#[test]
fn when_nobody_is_left_to_ask_one_yes_is_enough() {
    let mut night = Night::opened();
    night.ask(&["ana", "ben"], 0, AckMode::All, 1);
    night.say(Command::Acknowledge { by: "ana".into() }, 10).unwrap();
    night.say(Command::Exhaust, 301).unwrap();
    night.say(Command::Acknowledge { by: "ana".into() }, 310).unwrap();
    assert_eq!(night.incident().status, Status::Acknowledged);
}

#[test]
fn whoever_has_answered_is_not_paged_any_more() {
    let mut night = Night::opened();
    night.ask(&["ana", "ben"], 0, AckMode::All, 1);
    let cause = |to: &str| PageCause { to: to.into(), level: 0, round: 0, seq: 2 };
    assert!(night.incident().wants_page(&cause("ana"), false));
    night.say(Command::Acknowledge { by: "ana".into() }, 10).unwrap();
    let incident = night.incident();
    assert!(!incident.wants_page(&cause("ana"), false) && !incident.wants_second_page(&cause("ana")));
    assert!(incident.wants_page(&cause("ben"), false), "ben still has to say something");
}

#[test]
fn who_is_given_it_in_a_pause_has_until_its_end() {
    let mut night = Night::opened();
    let (because, policy) = ("later".to_owned(), "payments".to_owned());
    let taken = Taken { step: Some(0), plan: plan(None), ..Taken::default() };
    night.say(Command::Pause { until: at(3600), because, policy, taken }, 1).unwrap();
    let given = Command::Reassign { by: "ana".into(), to: "ben".into(), plan: Vec::new(), urgency: Urgency::High };
    night.say(given, 10).unwrap();
    assert_eq!(night.timers(), [("ack/42/3".to_owned(), 3600)], "it waits for something");
}

#[test]
fn a_pause_asks_nobody_and_goes_on_by_itself() {
    let mut night = Night::opened();
    let pause = Command::Pause {
        until: at(3600),
        because: "until 09:00-17:00 UTC begins".to_owned(),
        policy: "payments".to_owned(),
        taken: Taken { step: Some(0), plan: plan(None), ..Taken::default() },
    };
    night.say(pause, 1).unwrap();
    assert_eq!((night.due("page/").len(), night.timers()), (0, vec![("ack/42/2".to_owned(), 3600)]));
    night.say(Command::TimeOver { seq: 2 }, 3600).unwrap();
    assert_eq!(night.due("triage/42/3"), ["triage/42/3"]);
    assert_eq!(night.incident().step, Some(0), "the walk goes on behind the pause");
}
