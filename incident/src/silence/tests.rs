//! Silences from their making to their end, and what comes out of them.

use super::{
    Held, Hidden, Next, NotSilenced, Silence, SilenceEvent, SilenceId, SilenceStanding, SilenceWish, Silences, look,
    receive_under,
};
use crate::alarm::{Alarm, AlarmState, Severity};
use crate::decide::{AlarmMemory, Command, Reception, decide};
use crate::drill::{Drill, Whom};
use crate::event::{Aside, Event, Recorded};
use crate::fold::Incident;
use crate::id::IncidentId;
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_796_000_000 + second, 0).unwrap()
}

fn alarm(state: AlarmState, second: i64) -> Alarm {
    Alarm {
        source: "generic".to_owned(),
        delivery: format!("d-{second}").into(),
        key: "generic:disk".into(),
        state,
        severity: Severity::Error,
        title: "Disk".to_owned(),
        summary: format!("at {second}"),
        resource: String::new(),
        service: None,
        labels: std::collections::BTreeMap::new(),
        links: Vec::new(),
        occurred_at: at(second),
        drill: None,
    }
}

fn wish(matcher: &str, from: i64, until: i64) -> SilenceWish {
    SilenceWish {
        matchers: vec![matcher.parse().unwrap()],
        by: "ana".into(),
        because: "load test".to_owned(),
        starts_at: at(from),
        ends_at: at(until),
    }
}

fn make(silences: &mut Silences, matcher: &str, from: i64, until: i64, now: i64) -> SilenceId {
    let event = silences.make(wish(matcher, from, until), at(now)).unwrap();
    silences.apply(&event, at(now));
    let SilenceEvent::SilenceMade { silence, .. } = event else { panic!("{event:?}") };
    silence
}

fn end(silences: &mut Silences, id: SilenceId, now: i64) {
    let event = silences.end(id, "ben".into(), at(now)).unwrap();
    silences.apply(&event, at(now));
}

const MINUTES: TimeDelta = TimeDelta::minutes(30);

fn silenced(reception: &Reception) -> Option<SilenceId> {
    match reception {
        Reception::Aside(Event::Silenced { silence, .. }) => Some(*silence),
        _ => None,
    }
}

#[test]
fn a_silence_stands_from_its_start_to_its_end_or_until_somebody_ends_it() {
    let mut silences = Silences::default();
    let id = make(&mut silences, "title=Disk", 100, 200, 0);
    let standing = |silences: &Silences, second| silences.get(id).map(|silence: &Silence| silence.standing(at(second)));
    assert_eq!(standing(&silences, 99), Some(SilenceStanding::Pending));
    assert_eq!(standing(&silences, 100), Some(SilenceStanding::Active));
    assert_eq!(standing(&silences, 199), Some(SilenceStanding::Active));
    assert_eq!(standing(&silences, 200), Some(SilenceStanding::Expired));
    end(&mut silences, id, 150);
    assert_eq!(standing(&silences, 149), Some(SilenceStanding::Active));
    assert_eq!(standing(&silences, 150), Some(SilenceStanding::Expired));
    let again = silences.end(id, "ana".into(), at(160));
    assert_eq!(again, Err(NotSilenced::Over { silence: id, at: at(150) }));
    assert_eq!(silences.end(SilenceId(9), "ana".into(), at(160)), Err(NotSilenced::NoSuchSilence(SilenceId(9))));
}

#[test]
fn wishes_that_nobody_should_make_are_refused() {
    let mut silences = Silences::default();
    let refused = |silences: &Silences, wish| silences.make(wish, at(0)).unwrap_err();
    let day = 24 * 3600;
    assert_eq!(refused(&silences, wish("title=Disk", 0, 0)), NotSilenced::BadTime);
    assert_eq!(refused(&silences, wish("title=Disk", -20, -10)), NotSilenced::BadTime);
    assert_eq!(refused(&silences, wish("title=Disk", 0, 30 * day + 1)), NotSilenced::TooLong);
    assert!(silences.make(wish("title=Disk", -day, 30 * day), at(0)).is_ok(), "what has passed does not count");
    assert_eq!(refused(&silences, wish("title=Disk", 91 * day, 92 * day)), NotSilenced::TooFar);
    assert!(matches!(refused(&silences, wish("title=~.*", 0, 60)), NotSilenced::Everything { .. }));
    assert_eq!(refused(&silences, SilenceWish { because: " ".to_owned(), ..wish("a=b", 0, 9) }), NotSilenced::NoReason);
    assert_eq!(refused(&silences, SilenceWish { matchers: Vec::new(), ..wish("a=b", 0, 9) }), NotSilenced::NoMatcher);
    let many = SilenceWish { matchers: vec!["a=b".parse().unwrap(); 21], ..wish("a=b", 0, 9) };
    assert_eq!(refused(&silences, many), NotSilenced::TooMuch);
    for _ in 0..100 {
        make(&mut silences, "title=Disk", 0, 60, 0);
    }
    assert_eq!(refused(&silences, wish("title=Disk", 0, 9)), NotSilenced::TooMany);
    assert!(silences.make(wish("title=Disk", 0, 99), at(61)).is_ok(), "those that are over do not count");
}

#[test]
fn one_matcher_that_names_something_is_enough() {
    let mut both = wish("title=Disk", 0, 9);
    both.matchers.push("zone!=eu".parse().unwrap());
    assert!(Silences::default().make(both, at(0)).is_ok());
}

#[test]
fn numbers_are_never_given_twice_and_what_is_long_over_is_forgotten() {
    let mut silences = Silences::default();
    make(&mut silences, "title=Disk", 0, 60, 0);
    let later = 9 * 24 * 3600;
    assert_eq!(make(&mut silences, "title=Disk", later, later + 60, later), SilenceId(2));
    assert!(silences.get(SilenceId(1)).is_none());
    for second in 1..=300 {
        make(&mut silences, "title=Disk", later + second * 100, later + second * 100 + 1, later + second * 100);
    }
    assert_eq!(silences.all().count(), 101, "a hundred that are over, and the one of now");
    assert_eq!(silences.listed(at(later + 30_001)).len(), 101);
    assert_eq!(silences.listed(at(later + 30_001))[0].id, SilenceId(302));
}

#[test]
fn an_alarm_that_would_open_is_kept_and_comes_out_as_it_was_last_told() {
    let mut silences = Silences::default();
    let id = make(&mut silences, "title=Disk", 0, 600, 0);
    let first = Alarm { severity: Severity::Critical, ..alarm(AlarmState::Firing, 10) };
    let event = receive_under(&silences, None, None, first.clone(), MINUTES, at(11));
    assert_eq!(silenced(&event), Some(id));
    let Reception::Aside(event) = event else { panic!() };
    let memory = AlarmMemory::after(None, &first, &event, at(11));
    let second = alarm(AlarmState::Firing, 20);
    let event = Event::Silenced { alarm: second.clone(), silence: id };
    let memory = AlarmMemory::after(Some(memory), &second, &event, at(21));
    let held: &Held = memory.held.as_ref().unwrap();
    assert_eq!((held.since, held.alarms, held.alarm.summary.as_str()), (at(11), 2, "at 20"));
    assert_eq!(held.alarm.severity, Severity::Critical, "the worst that was said");
    assert_eq!(look(&silences, Some(&memory), at(599)), Next::Wait(at(600)));
    assert_eq!(look(&silences, Some(&memory), at(600)), Next::Open);
    assert_eq!(held.told_again().delivery.as_str(), "d-20@S-1");
    let Event::KeptBack { since, alarms, by, because, .. } = held.event(&silences) else { panic!() };
    assert_eq!((since, alarms, by, because.as_str()), (at(11), 2, Some("ana".into()), "load test"));
}

#[test]
fn what_cleared_meanwhile_opens_nothing_and_an_older_word_does_not_clear() {
    let mut silences = Silences::default();
    let id = make(&mut silences, "title=Disk", 0, 600, 0);
    let fired = alarm(AlarmState::Firing, 50);
    let event = Event::Silenced { alarm: fired.clone(), silence: id };
    let memory = AlarmMemory::after(None, &fired, &event, at(51));
    let after = |memory: &AlarmMemory, alarm: Alarm, now| {
        let reception = receive_under(&silences, None, Some(memory), alarm.clone(), MINUTES, at(now));
        let Reception::Aside(event) = reception else { panic!("{reception:?}") };
        let why = if let Event::SetAside { why, .. } = event { Some(why) } else { None };
        (AlarmMemory::after(Some(memory.clone()), &alarm, &event, at(now)), why)
    };
    let (late, why) = after(&memory, alarm(AlarmState::Cleared, 40), 60);
    assert_eq!((why, look(&silences, Some(&late), at(700))), (Some(Aside::Stale), Next::Open));
    let (told, _) = after(&memory, alarm(AlarmState::Info, 55), 60);
    assert_eq!(look(&silences, Some(&told), at(700)), Next::Open);
    let (cleared, why) = after(&memory, alarm(AlarmState::Cleared, 50), 60);
    assert_eq!((why, look(&silences, Some(&cleared), at(700))), (Some(Aside::NothingOpen), Next::Nothing));
    let (stale, why) = after(&cleared, alarm(AlarmState::Firing, 45), 61);
    assert_eq!((why, look(&silences, Some(&stale), at(700))), (Some(Aside::Stale), Next::Nothing));
    let (again, _) = after(&cleared, alarm(AlarmState::Firing, 70), 71);
    assert_eq!(again.held.as_ref().map(|held| (held.since, held.alarms)), Some((at(71), 1)));
}

#[test]
fn an_open_incident_goes_on_and_a_resolved_one_stays_so() {
    let mut silences = Silences::default();
    let id = make(&mut silences, "title=Disk", 0, 600, 0);
    let opened = Recorded { seq: 1, at: at(-10), event: Event::Opened { alarm: alarm(AlarmState::Firing, -10) } };
    let mut incident = Incident::open(IncidentId(1), &opened).unwrap();
    let again = receive_under(&silences, Some(&incident), None, alarm(AlarmState::Firing, 5), MINUTES, at(5));
    assert!(matches!(again, Reception::Join(events) if events[0].kind() == "repeated"));
    let resolved = Event::Resolved { by: "ana".into(), note: String::new() };
    incident.apply(&Recorded { seq: 2, at: at(6), event: resolved });
    let again = receive_under(&silences, Some(&incident), None, alarm(AlarmState::Firing, 7), MINUTES, at(7));
    assert_eq!(silenced(&again), Some(id), "it would open again");
    let later =
        receive_under(&silences, Some(&incident), None, alarm(AlarmState::Firing, 599), TimeDelta::zero(), at(599));
    assert_eq!(silenced(&later), Some(id), "another would begin");
    let after = receive_under(&silences, Some(&incident), None, alarm(AlarmState::Firing, 601), MINUTES, at(601));
    assert!(matches!(after, Reception::Join(events) if events[0].kind() == "refired"));
}

#[test]
fn it_goes_on_under_another_silence_that_is_about_it() {
    let mut silences = Silences::default();
    let first = make(&mut silences, "title=Disk", 0, 100, 0);
    let fired = alarm(AlarmState::Firing, 10);
    let memory = AlarmMemory::after(None, &fired, &Event::Silenced { alarm: fired.clone(), silence: first }, at(10));
    make(&mut silences, "title=CPU", 0, 900, 20);
    let third = make(&mut silences, "source=generic", 0, 300, 20);
    let repeat = receive_under(&silences, None, Some(&memory), alarm(AlarmState::Firing, 30), MINUTES, at(30));
    assert_eq!(silenced(&repeat), Some(first), "what holds it goes on holding it");
    assert_eq!(look(&silences, Some(&memory), at(100)), Next::KeepOn(third));
    end(&mut silences, third, 90);
    assert_eq!(look(&silences, Some(&memory), at(100)), Next::Open);
    let repeat = receive_under(&silences, None, Some(&memory), alarm(AlarmState::Firing, 101), MINUTES, at(101));
    assert!(matches!(repeat, Reception::Open(_)), "it fires after its silence");
}

#[test]
fn a_worse_alarm_that_no_silence_is_about_opens_at_once() {
    let mut silences = Silences::default();
    let id = make(&mut silences, "severity=error", 0, 100, 0);
    let fired = alarm(AlarmState::Firing, 10);
    let memory = AlarmMemory::after(None, &fired, &Event::Silenced { alarm: fired.clone(), silence: id }, at(10));
    let worse = Alarm { severity: Severity::Critical, ..alarm(AlarmState::Firing, 20) };
    assert!(matches!(receive_under(&silences, None, Some(&memory), worse, MINUTES, at(20)), Reception::Open(_)));
}

#[test]
fn a_drill_is_never_silenced() {
    let mut silences = Silences::default();
    make(&mut silences, "title=Disk", 0, 100, 0);
    let drill =
        Drill { whom: Whom::Service, by: None, rule: None, why: String::new(), answer_seconds: 60, ready: None };
    let drill = Alarm { drill: Some(drill), ..alarm(AlarmState::Firing, 10) };
    assert!(matches!(receive_under(&silences, None, None, drill, MINUTES, at(10)), Reception::Open(_)));
}

#[test]
fn a_memory_from_before_silences_can_be_read() {
    let memory: AlarmMemory =
        serde_json::from_str(r#"{"state":"cleared","occurred_at":"2026-11-23T02:14:00Z"}"#).unwrap();
    assert_eq!(memory.held, None);
}

#[test]
fn what_it_would_have_hidden_is_counted_with_those_on_which_somebody_did_something() {
    let ended = |id: u64, title: &str, command: Option<Command>| {
        let alarm = Alarm { title: title.to_owned(), ..alarm(AlarmState::Firing, 0) };
        let opened = Recorded { seq: 1, at: at(0), event: Event::Opened { alarm } };
        let mut incident = Incident::open(IncidentId(id), &opened).unwrap();
        let resolve = Command::Resolve { by: "ana".into(), note: "over".to_owned() };
        for command in command.into_iter().chain([resolve]) {
            for event in decide(&incident, command, at(5)).unwrap() {
                incident.apply(&Recorded { seq: incident.seq + 1, at: at(5), event });
            }
        }
        incident
    };
    let taken = Command::Acknowledge { by: "ana".into() };
    let noted = Command::Note { by: "ana".into(), text: "grew the volume".to_owned() };
    let past = [
        ended(4, "Disk of db-1", Some(noted)),
        ended(3, "Disk of db-2", Some(taken)),
        ended(2, "Memory", None),
        ended(1, "Disk of db-1", None),
    ];
    let mut silences = Silences::default();
    let id = make(&mut silences, "title=~Disk.*", 0, 60, 0);
    let mut hidden = Hidden::default();
    past.iter().for_each(|incident| hidden.look_at(silences.get(id).unwrap(), incident));
    assert_eq!(hidden, Hidden { of: 4, since: None, incidents: 3, alarms: 3, acted_on: vec![IncidentId(4)] });
}

#[test]
fn numbers_are_read_as_people_write_them() {
    for text in ["S-3", "s3", "3", "#3", " s-3 "] {
        assert_eq!(text.parse(), Ok(SilenceId(3)), "{text}");
    }
    assert!("INC-3".parse::<SilenceId>().is_err());
    assert!("".parse::<SilenceId>().is_err());
}

/// One step of a made-up night.
#[derive(Debug, Clone)]
enum Step {
    Tell { state: AlarmState, late: i64 },
    Make { length: i64, ahead: i64 },
    End { nth: u64 },
    Look,
    Resolve,
}

fn step() -> impl Strategy<Value = Step> {
    let state = prop_oneof![3 => Just(AlarmState::Firing), 2 => Just(AlarmState::Cleared), 1 => Just(AlarmState::Info)];
    prop_oneof![
        4 => (state, 0..90_i64).prop_map(|(state, late)| Step::Tell { state, late }),
        1 => (1..200_i64, 0..100_i64).prop_map(|(length, ahead)| Step::Make { length, ahead }),
        1 => (1..4_u64).prop_map(|nth| Step::End { nth }),
        2 => Just(Step::Look),
        1 => Just(Step::Resolve),
    ]
}

/// A key, carried through a night as the shell does it.
#[derive(Default)]
struct Night {
    silences: Silences,
    memory: Option<AlarmMemory>,
    incident: Option<Incident>,
    incidents: u64,
}

impl Night {
    fn open(&mut self, event: Event, now: i64) {
        self.incidents += 1;
        self.incident = Incident::open(IncidentId(self.incidents), &Recorded { seq: 1, at: at(now), event });
        if let Some(memory) = &mut self.memory {
            memory.held = None;
        }
    }

    fn tell(&mut self, alarm: Alarm, now: i64) {
        let reception = receive_under(
            &self.silences,
            self.incident.as_ref(),
            self.memory.as_ref(),
            alarm.clone(),
            MINUTES,
            at(now),
        );
        match reception {
            Reception::Open(event) => self.open(event, now),
            Reception::Join(events) => {
                let incident = self.incident.as_mut().unwrap();
                for event in events {
                    incident.apply(&Recorded { seq: incident.seq + 1, at: at(now), event });
                }
            }
            Reception::Aside(event) => {
                if matches!(event, Event::Silenced { .. }) {
                    self.incident = None;
                }
                self.memory = Some(AlarmMemory::after(self.memory.take(), &alarm, &event, at(now)));
            }
        }
    }

    fn look(&mut self, now: i64) {
        match look(&self.silences, self.memory.as_ref(), at(now)) {
            Next::Nothing | Next::Wait(_) => {}
            Next::KeepOn(silence) => {
                let held = self.memory.as_mut().and_then(|memory| memory.held.as_mut()).unwrap();
                held.silence = silence;
            }
            Next::Open => {
                let held = self.memory.as_ref().and_then(|memory| memory.held.as_ref()).unwrap();
                self.open(Event::Opened { alarm: held.told_again() }, now);
            }
        }
    }

    fn is_silent(&self, now: i64) -> bool {
        self.silences.active(at(now)).next().is_some()
    }

    fn is_open(&self) -> bool {
        self.incident.as_ref().is_some_and(Incident::is_open)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    /// Whatever still fires when no silence is left has an incident, or a person said after it that it is over; and no
    /// incident begins while a silence is in force.
    #[test]
    fn nothing_is_lost_and_nothing_opens_under_a_silence(steps in prop::collection::vec((step(), 1..60_i64), 1..40)) {
        let mut night = Night::default();
        let mut now = 0;
        // What the source said last, by its own clock; and whether a person closed an incident after that.
        let mut last: Option<(AlarmState, i64)> = None;
        let mut closed = false;
        for (step, pause) in steps {
            now += pause;
            let (silent, before) = (night.is_silent(now), night.incidents);
            match step {
                Step::Tell { state, late } => {
                    let said = now - late;
                    if state != AlarmState::Info && last.is_none_or(|(_, newest)| said >= newest) {
                        last = Some((state, said));
                        closed = false;
                    }
                    night.tell(Alarm { delivery: format!("n-{now}").into(), ..alarm(state, said) }, now);
                }
                Step::Make { length, ahead } => {
                    make(&mut night.silences, "title=Disk", now + ahead, now + ahead + length, now);
                }
                Step::End { nth } => {
                    if let Ok(event) = night.silences.end(SilenceId(nth), "ana".into(), at(now)) {
                        night.silences.apply(&event, at(now));
                    }
                }
                Step::Look => night.look(now),
                Step::Resolve => {
                    if let Some(incident) = night.incident.as_mut().filter(|incident| incident.is_open()) {
                        let event = Event::Resolved { by: "ana".into(), note: String::new() };
                        incident.apply(&Recorded { seq: incident.seq + 1, at: at(now), event });
                        closed = true;
                    }
                }
            }
            prop_assert!(!silent || night.incidents == before, "an incident began under a silence at {now}");
        }
        now += 1000;
        night.look(now);
        let fires = last.is_some_and(|(state, _)| state == AlarmState::Firing);
        prop_assert!(!fires || closed || night.is_open(), "it fires, and nobody hears of it: {:?}", night.memory);
        prop_assert!(night.memory.is_none_or(|memory| memory.held.is_none()), "something is held for ever");
    }
}
