//! Drills as a reader of the timeline sees them, and that they count nowhere.

use super::*;
use crate::alarm::{AlarmState, Severity};
use crate::{
    ActionRequest, Command, Effect, PageMessage, Recorded, Refused, Related, ResolvedBy, Status, Taken, Task, Urgency,
    decide, line, react,
};
use chrono::{TimeDelta, TimeZone, Utc};

fn at(second: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_795_330_000 + second, 0).unwrap()
}

fn alarm(drill: Option<Drill>) -> Alarm {
    Alarm {
        source: "drill".to_owned(),
        delivery: "d".into(),
        key: "catops/drill/1".into(),
        state: AlarmState::Firing,
        severity: Severity::Critical,
        title: "DRILL: schedule payments".to_owned(),
        summary: String::new(),
        resource: "db-1".to_owned(),
        service: None,
        labels: BTreeMap::new(),
        links: Vec::new(),
        occurred_at: at(0),
        drill,
    }
}

fn drill(whom: Whom) -> Drill {
    Drill { whom, by: None, rule: None, why: String::new(), answer_seconds: 600, ready: None }
}

/// A drill that is driven the way the flow drives an incident.
struct Trial {
    events: Vec<Recorded>,
    asked: Vec<Effect>,
    cancelled: Vec<String>,
}

impl Trial {
    fn open(drill: Drill) -> Self {
        let mut trial = Self { events: Vec::new(), asked: Vec::new(), cancelled: Vec::new() };
        trial.write(0, vec![Event::Opened { alarm: alarm(Some(drill)) }]);
        trial.say(0, assign(&["ana"])).unwrap();
        trial
    }

    fn incident(&self) -> Incident {
        Incident::fold(IncidentId(7), &self.events).unwrap()
    }

    fn say(&mut self, second: i64, command: Command) -> Result<(), Refused> {
        let events = decide(&self.incident(), command, at(second))?;
        self.write(second, events);
        Ok(())
    }

    fn write(&mut self, second: i64, events: Vec<Event>) {
        let first = self.events.len() as u64 + 1;
        let fresh: Vec<Recorded> =
            events.into_iter().zip(first..).map(|(event, seq)| Recorded { seq, at: at(second), event }).collect();
        self.events.extend(fresh.iter().cloned());
        if !fresh.is_empty() {
            let reaction = react(&self.incident(), &fresh);
            self.asked.extend(reaction.effects);
            self.cancelled.extend(reaction.cancel);
        }
    }

    fn lines(&self) -> Vec<String> {
        let incident = self.incident();
        self.events.iter().map(|event| line(&incident, event, &|who: &ResponderId| who.0.clone()).text).collect()
    }

    fn told(&self) -> Vec<&str> {
        let is_told = |effect: &&Effect| matches!(effect.task, Task::NotReady { .. });
        self.asked.iter().filter(is_told).map(|effect| effect.id.as_str()).collect()
    }
}

fn assign(to: &[&str]) -> Command {
    Command::Assign {
        to: to.iter().map(|who| (*who).into()).collect(),
        level: 0,
        policy: "drill".to_owned(),
        because: "on call".to_owned(),
        wait: Some(TimeDelta::minutes(5)),
        plans: BTreeMap::new(),
        urgency: Urgency::High,
        taken: Taken::default(),
    }
}

fn page(to: &str, by: &str) -> Command {
    let message = Some(PageMessage { channel: "D1".to_owned(), ts: "1.1".to_owned() });
    Command::RecordPage { to: to.into(), by: by.to_owned(), level: 0, message, with: Vec::new() }
}

#[test]
fn an_answer_ends_a_drill_and_tells_the_seconds() {
    let mut trial = Trial::open(drill(Whom::Schedule("payments".to_owned())));
    trial.say(1, page("ana", "slack")).unwrap();
    trial.say(61, page("ana", "sms")).unwrap();
    trial.say(75, Command::Acknowledge { by: "ana".into() }).unwrap();
    let incident = trial.incident();
    assert_eq!((incident.status, incident.firing), (Status::Resolved, false));
    assert!(matches!(incident.resolved.as_ref().unwrap().by, ResolvedBy::Drill));
    assert_eq!(trial.lines().first().unwrap(), "a drill began: DRILL: schedule payments");
    assert_eq!(
        trial.lines().last().unwrap(),
        "the drill ended: ana answered (asked after 0 s; slack reached ana after 1 s; sms reached ana after 61 s; \
         ana answered after 75 s)"
    );
    assert!(trial.cancelled.contains(&"drill-end/7".to_owned()), "its timer is not wanted any more");
}

#[test]
fn a_drill_that_nobody_answers_ends_by_its_time() {
    let mut trial = Trial::open(drill(Whom::Service));
    let timer = trial.asked.iter().find(|effect| effect.id == "drill-end/7").expect("a timer");
    assert_eq!((timer.due_at, &timer.task), (at(600), &Task::EndDrill { incident: IncidentId(7) }));
    trial.say(600, Command::EndDrill).unwrap();
    assert_eq!(trial.incident().status, Status::Resolved);
    let end = "the drill ended: nobody answered (asked after 0 s; no page reached anybody; nobody answered)";
    assert_eq!(trial.lines().last().unwrap(), end);
    let before = trial.events.len();
    trial.say(601, Command::EndDrill).unwrap();
    assert_eq!(trial.events.len(), before, "a late timer is harmless");
}

#[test]
fn whoever_closes_a_drill_has_answered_it() {
    let mut trial = Trial::open(drill(Whom::Service));
    trial.say(9, Command::Resolve { by: "ana".into(), note: String::new() }).unwrap();
    assert_eq!(trial.incident().measured().unwrap().answered_seconds, Some(9));
}

#[test]
fn a_drill_runs_nothing_and_does_not_come_back() {
    let mut trial = Trial::open(drill(Whom::Service));
    let request = ActionRequest {
        action: "restart".into(),
        title: "Restart".to_owned(),
        params: BTreeMap::new(),
        read_only: true,
        watch: TimeDelta::zero(),
        timeout: TimeDelta::seconds(1),
        undo: None,
        seen_seq: None,
        seen_at: None,
    };
    let refused = trial.say(1, Command::RequestAction { by: "ana".into(), request }).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "this is a drill: nothing is broken, so there is nothing to run; `catops drill` begins another one"
    );
    trial.say(600, Command::EndDrill).unwrap();
    let refused = trial.say(601, Command::Reopen { by: "ana".into() }).unwrap_err();
    assert_eq!(refused, Refused::Drill { what: "reopen" });
}

#[test]
fn a_drill_of_one_person_is_answered_by_nobody_else() {
    let mut trial = Trial::open(drill(Whom::Person("ana".into())));
    let refused = trial.say(1, Command::Acknowledge { by: "ben".into() }).unwrap_err();
    assert_eq!(refused, Refused::NotYours { who: "ana".into() });
    let given = Command::Reassign { by: "ana".into(), to: "ben".into(), plan: Vec::new(), urgency: Urgency::High };
    assert!(trial.say(2, given).is_err());
    trial.say(3, Command::Acknowledge { by: "ana".into() }).unwrap();
}

#[test]
fn nobody_puts_a_drill_off_and_an_answered_one_waits_for_nothing() {
    let mut trial = Trial::open(drill(Whom::Service));
    trial.say(1, assign(&["ana"])).unwrap();
    let refused = trial.say(2, Command::Snooze { by: "ben".into(), length: TimeDelta::minutes(30) }).unwrap_err();
    assert_eq!(refused, Refused::Drill { what: "put off" });
    trial.say(3, Command::Acknowledge { by: "ana".into() }).unwrap();
    assert!(trial.cancelled.contains(&"ack/7/2".to_owned()), "{:?}", trial.cancelled);
}

#[test]
fn only_an_unanswered_ready_check_is_told_of() {
    let ready = |tell: &[&str]| {
        let tell = tell.iter().map(|who| (*who).into()).collect();
        let ready = ReadyCheck { schedule: "payments".to_owned(), shift_at: at(0), tell };
        Drill { ready: Some(ready), ..drill(Whom::Person("ana".into())) }
    };
    let mut unanswered = Trial::open(ready(&["ben", "cleo"]));
    unanswered.say(600, Command::EndDrill).unwrap();
    assert_eq!(unanswered.told(), ["not-ready/7/ben", "not-ready/7/cleo"]);
    let mut answered = Trial::open(ready(&["ben"]));
    answered.say(20, Command::Acknowledge { by: "ana".into() }).unwrap();
    assert!(answered.told().is_empty());
}

#[test]
fn a_drill_counts_nowhere_and_an_alarm_of_a_stranger_does() {
    let opened = |mark: Option<Drill>| Event::Opened { alarm: alarm(mark) };
    let noted = Event::Noted { by: "ana".into(), text: "x".to_owned() };
    let mut counting = Counting::default();
    assert!(!counting.counts(IncidentId(1), &opened(Some(drill(Whom::Service)))));
    assert!(counting.counts(IncidentId(2), &opened(None)));
    assert!(!counting.counts(IncidentId(1), &noted) && counting.counts(IncidentId(2), &noted));
    let open = |id, mark: Option<Drill>| {
        let mut alarm = alarm(mark);
        alarm.key = format!("key-{id}").as_str().into();
        Incident::open(IncidentId(id), &Recorded { seq: 1, at: at(0), event: Event::Opened { alarm } }).unwrap()
    };
    let (real, other, trial) = (open(1, None), open(2, None), open(3, Some(drill(Whom::Service))));
    assert!(real.counts() && !trial.counts());
    assert!(Related::of(&real, &other).is_some());
    assert!(Related::of(&real, &trial).is_none() && Related::of(&trial, &real).is_none());
}

#[test]
fn the_drills_of_a_log_are_told_apart_from_what_was_real() {
    let mut drills = Drills::default();
    let record = |seq, event| Recorded { seq, at: at(0), event };
    drills.apply(IncidentId(1), &record(1, Event::Opened { alarm: alarm(None) }));
    drills.apply(IncidentId(2), &record(1, Event::Opened { alarm: alarm(Some(drill(Whom::Service))) }));
    drills.apply(IncidentId(1), &record(2, Event::Acknowledged { by: "ben".into(), timeout_seconds: None }));
    drills.apply(IncidentId(2), &record(2, Event::Acknowledged { by: "ana".into(), timeout_seconds: None }));
    let found = drills.end();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].measured().unwrap().answered_by, Some("ana".into()));
}
