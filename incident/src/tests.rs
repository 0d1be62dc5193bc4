//! The life of an incident, told as nights: each test is a list of commands and what a reader of the timeline sees.

use super::*;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use std::collections::BTreeMap;

mod asking;
mod held;

fn at(second: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_795_330_000 + second, 0).unwrap()
}

fn alarm(state: AlarmState, second: i64) -> Alarm {
    Alarm {
        source: "generic".to_owned(),
        delivery: DeliveryId(format!("generic:{state:?}:{second}")),
        key: "generic:checkout".into(),
        state,
        severity: Severity::Error,
        title: "checkout is slow".to_owned(),
        summary: String::new(),
        resource: "checkout-api".to_owned(),
        service: Some("checkout-api".to_owned()),
        labels: BTreeMap::new(),
        links: Vec::new(),
        occurred_at: at(second),
        drill: None,
    }
}

/// One incident and its stream, driven the way the flow drives it.
struct Night {
    events: Vec<Recorded>,
    asked: Vec<Effect>,
    cancelled: Vec<String>,
}

impl Night {
    fn new() -> Self {
        Self { events: Vec::new(), asked: Vec::new(), cancelled: Vec::new() }
    }

    fn incident(&self) -> Incident {
        Incident::fold(IncidentId(42), &self.events).expect("the night began with an alarm")
    }

    fn write(&mut self, events: Vec<Event>, second: i64) {
        let from = self.events.len();
        for event in events {
            let seq = self.events.len() as u64 + 1;
            self.events.push(Recorded { seq, at: at(second), event });
        }
        let reaction = react(&self.incident(), &self.events[from..]);
        self.asked.extend(reaction.effects);
        self.cancelled.extend(reaction.cancel);
    }

    fn alarm(&mut self, state: AlarmState, second: i64) -> &mut Self {
        let current = (!self.events.is_empty()).then(|| self.incident());
        match receive(current.as_ref(), None, alarm(state, second), TimeDelta::minutes(30), at(second)) {
            Reception::Open(event) => {
                assert!(self.events.is_empty(), "a second incident would open");
                self.write(vec![event], second);
            }
            Reception::Join(events) => {
                assert_eq!(events.iter().filter(|event| event.is_alarm_outcome()).count(), 1);
                self.write(events, second);
            }
            Reception::Aside(_) => panic!("set aside"),
        }
        self
    }

    fn say(&mut self, command: Command, second: i64) -> Result<(), Refused> {
        let events = decide(&self.incident(), command, at(second))?;
        self.write(events, second);
        Ok(())
    }

    fn assign(&mut self, to: &[&str], level: u8, second: i64) {
        self.assign_reachable(to, &[], level, second);
    }

    /// The same, with those who can be paged without Slack too, and how many seconds Slack has before that.
    fn assign_reachable(&mut self, to: &[&str], second_channel: &[(&str, i64)], level: u8, second: i64) {
        let plan = |&name: &&str| {
            let after = second_channel.iter().find(|(who, _)| *who == name).map(|(_, after)| *after);
            (name.into(), [Some(planned("slack", 0)), after.map(stand_in)].into_iter().flatten().collect())
        };
        let plans = to.iter().map(plan).collect();
        let urgency = Urgency::High;
        let to = to.iter().map(|&name| name.into()).collect();
        let wait = Some(TimeDelta::minutes(5));
        let (policy, because) = ("payments".to_owned(), "turn 3 of weekly".to_owned());
        let taken = Taken::default();
        self.say(Command::Assign { to, level, policy, because, wait, plans, urgency, taken }, second).unwrap();
    }

    #[track_caller]
    fn reads(&self, expected: &[&str]) {
        let lines: Vec<String> =
            timeline(&self.incident(), &self.events, |who| who.0.clone()).into_iter().map(|line| line.text).collect();
        assert_eq!(lines, expected);
    }

    fn due(&self, prefix: &str) -> Vec<&str> {
        let mut ids: Vec<&str> =
            self.asked.iter().map(|effect| effect.id.as_str()).filter(|id| id.starts_with(prefix)).collect();
        ids.dedup();
        ids
    }
}

fn restart(seen_seq: Option<u64>) -> ActionRequest {
    ActionRequest {
        action: "restart-service".into(),
        title: "Restart checkout-api".to_owned(),
        params: BTreeMap::from([("service".to_owned(), "checkout-api".to_owned())]),
        read_only: false,
        watch: TimeDelta::minutes(5),
        timeout: TimeDelta::seconds(60),
        undo: None,
        seen_seq,
        seen_at: None,
    }
}

fn click(by: &str, seen_seq: Option<u64>) -> Command {
    Command::RequestAction { by: by.into(), request: restart(seen_seq) }
}

fn finish(outcome: RunOutcome) -> Command {
    Command::FinishRun { run: "run-42-1".into(), outcome, detail: "200 OK".to_owned(), duration_ms: 120 }
}

#[test]
fn owners_that_were_found_at_the_opening_are_not_looked_up_again() {
    let opened = Event::Opened { alarm: alarm(AlarmState::Firing, 0) };
    let assigned = Event::Assigned {
        to: vec!["ana".into()],
        level: 0,
        policy: "payments".to_owned(),
        because: "turn 3 of weekly".to_owned(),
        wait_seconds: Some(300),
        second_channel_seconds: BTreeMap::new(),
        taken: Taken::default(),
        plans: BTreeMap::new(),
        urgency: None,
    };
    let suggested = Event::Suggested {
        suggestions: Vec::new(),
        runners_up: Vec::new(),
        no_match: None,
        history: None,
        changes: Vec::new(),
        related: Vec::new(),
    };
    let mut night = Night::new();
    night.write(vec![opened.clone(), suggested, assigned], 0);
    let asked: Vec<&str> = night.asked.iter().map(|effect| effect.id.as_str()).collect();
    assert_eq!(asked, ["card/42", "notify/42/0", "page/42/3/ana", "ack/42/3"]);

    let mut alone = Night::new();
    alone.write(vec![opened], 0);
    assert_eq!(alone.due(""), ["triage/42/1"]);
}

#[test]
fn an_alarm_a_click_and_it_helped() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    night.assign(&["ana"], 0, 1);
    night.say(click("ana", Some(2)), 60).unwrap();
    night.say(Command::StartRun { run: "run-42-1".into() }, 60).unwrap();
    night.say(finish(RunOutcome::Succeeded), 61).unwrap();
    night.alarm(AlarmState::Cleared, 91);
    night.reads(&[
        "generic fired: checkout is slow",
        "level 1: ana (turn 3 of weekly)",
        "ana acknowledged",
        "ana asked for: Restart checkout-api",
        "ana started: \"Restart checkout-api\"",
        "\"Restart checkout-api\" succeeded in 120 ms",
        "the alarm cleared",
        "\"Restart checkout-api\" helped: the alarm cleared 30 s after it ended",
    ]);
    assert_eq!(night.incident().helped_by().map(|run| run.by.as_str()), Some("ana"));
    assert_eq!(night.due("page/"), ["page/42/2/ana"]);
    assert_eq!(night.due("watch/"), ["watch/run-42-1"]);
    assert_eq!(night.due("thread/"), ["thread/42/5", "thread/42/6", "thread/42/8"]);
    assert_eq!(night.incident().told_before(8), Some(6), "the alarm that cleared has no line");
    assert_eq!(night.incident().told_before(5), None);
    assert!(night.cancelled.iter().any(|id| id == "ack/42/2"), "no timer survives the acknowledgement");
    assert!(night.cancelled.iter().any(|id| id == "watch/run-42-1"));
}

#[test]
fn still_firing_when_the_watch_ends_did_not_help_and_ranks_again() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    night.say(click("ana", None), 10).unwrap();
    night.say(finish(RunOutcome::Succeeded), 11).unwrap();
    night.say(Command::EndWatch { run: "run-42-1".into() }, 311).unwrap();
    assert_eq!(night.incident().runs[0].effect, Some(RunEffect::DidNotHelp));
    assert_eq!(night.due("suggest/"), ["suggest/run-42-1"]);
}

#[test]
fn repeats_that_are_written_together_count_each_and_nothing_else_is() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    let mut worse = alarm(AlarmState::Firing, 3);
    (worse.severity, worse.summary) = (Severity::Critical, "now 99 %".to_owned());
    let repeats = [alarm(AlarmState::Firing, 1), alarm(AlarmState::Firing, 2), worse.clone()];
    let event = receive_together(&night.incident(), &repeats).expect("all of them repeat what is open");
    night.write(vec![event], 4);
    let incident = night.incident();
    assert_eq!(
        (incident.fired, incident.severity, incident.alarm.summary.as_str()),
        (4, Severity::Critical, "now 99 %")
    );
    assert_eq!(incident.last_fired_at, at(4));

    assert_eq!(receive_together(&incident, &[worse.clone(), alarm(AlarmState::Cleared, 4)]), None);
    assert_eq!(receive_together(&incident, &[]), None);
    night.alarm(AlarmState::Cleared, 5);
    assert_eq!(receive_together(&night.incident(), &[worse]), None, "it may open the incident again");
}

#[test]
fn repeats_are_counted_and_page_nobody() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    night.assign(&["ana"], 0, 1);
    for second in 2..50 {
        night.alarm(AlarmState::Firing, second);
    }
    assert_eq!(night.incident().fired, 49);
    assert_eq!(night.due("page/").len(), 1);
}

#[test]
fn a_second_click_reads_who_ran_it() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    night.say(click("ana", Some(1)), 5).unwrap();
    let refused = night.say(click("ben", Some(1)), 6).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "ana is already running \"Restart checkout-api\"; wait until it has ended, or stop it"
    );
    night.say(finish(RunOutcome::Succeeded), 7).unwrap();
    let refused = night.say(click("chi", Some(1)), 8).unwrap_err();
    assert!(matches!(refused, Refused::AlreadyRan { by, .. } if by.as_str() == "ana"));
    night.say(click("chi", Some(night.incident().seq)), 9).expect("a fresh button may run it again");
}

#[test]
fn a_button_runs_nothing_after_a_day() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    let (day, seen_at) = (24 * 60 * 60, night.incident().opened_at);
    let old = || {
        let request = ActionRequest { seen_at: Some(seen_at), ..restart(Some(1)) };
        Command::RequestAction { by: "ana".into(), request }
    };
    let refused = night.say(old(), day + 1).unwrap_err();
    assert!(matches!(&refused, Refused::OldButton { seen_at: told, .. } if *told == seen_at), "{refused}");
    night.say(old(), day).expect("to the second");
}

#[test]
fn nobody_answers_and_every_level_is_asked_once() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    night.assign(&["ana"], 0, 1);
    let timeout = |level| Command::AckTimeout { level, round: 0, next: (level < 1).then_some(level + 1) };
    night.say(timeout(0), 301).unwrap();
    night.say(timeout(0), 302).expect("a double wake is harmless");
    night.assign(&["ben"], 1, 302);
    night.say(timeout(1), 602).unwrap();
    night.say(timeout(1), 603).unwrap();
    night.reads(&[
        "generic fired: checkout is slow",
        "level 1: ana (turn 3 of weekly)",
        "nobody acknowledged in time: asking level 2",
        "level 2: ben (turn 3 of weekly)",
        "nobody acknowledged, and no level is left",
    ]);
}

#[test]
fn nobody_is_escalated_after_somebody_has_it() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    night.assign(&["ana"], 0, 1);
    night.say(Command::Acknowledge { by: "ben".into() }, 2).unwrap();
    night.say(Command::AckTimeout { level: 0, round: 0, next: Some(1) }, 301).unwrap();
    assert_eq!(night.incident().level, 0);
    assert_eq!(night.incident().owners, vec![ResponderId::from("ben")]);
    let refused = night.say(Command::Acknowledge { by: "chi".into() }, 302).unwrap_err();
    assert_eq!(refused.to_string(), "ben already acknowledged it");
}

#[test]
fn whoever_is_given_an_incident_has_their_own_time() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    night.assign(&["ana"], 0, 1);
    night
        .say(Command::Reassign { by: "ana".into(), to: "ben".into(), plan: Vec::new(), urgency: Urgency::High }, 290)
        .unwrap();
    night
        .say(Command::Reassign { by: "ben".into(), to: "cleo".into(), plan: Vec::new(), urgency: Urgency::High }, 295)
        .unwrap();
    assert_eq!(night.due("ack/"), ["ack/42/2", "ack/42/3", "ack/42/4"]);
    assert_eq!(night.cancelled, ["ack/42/2", "ack/42/3"], "only the timer of the present owner is left");
}

#[test]
fn an_empty_level_is_skipped_at_once() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    night.assign(&[], 0, 1);
    let timer = night.asked.iter().find(|effect| effect.id == "ack/42/2").expect("a timer");
    assert_eq!(timer.due_at, at(1));
}

#[test]
fn it_opens_again_within_the_window_and_old_news_changes_nothing() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0).alarm(AlarmState::Cleared, 60).alarm(AlarmState::Firing, 120);
    assert_eq!(night.incident().status, Status::Open);
    assert_eq!(night.incident().round, 1);
    assert_eq!(night.due("triage/"), ["triage/42/1", "triage/42/3"]);
    night.alarm(AlarmState::Cleared, 90);
    assert!(matches!(night.events.last().unwrap().event, Event::SetAside { why: Aside::Stale, .. }));
    assert!(night.incident().is_open());
}

#[test]
fn after_the_window_a_new_incident_opens() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0).alarm(AlarmState::Cleared, 60);
    let again =
        receive(Some(&night.incident()), None, alarm(AlarmState::Firing, 4000), TimeDelta::minutes(30), at(4000));
    assert!(matches!(again, Reception::Open(_)));
}

#[test]
fn an_end_that_overtakes_its_beginning_opens_nothing() {
    let early = receive(None, None, alarm(AlarmState::Cleared, 60), TimeDelta::minutes(30), at(61));
    assert!(matches!(early, Reception::Aside(Event::SetAside { why: Aside::NothingOpen, .. })));
    let memory = AlarmMemory { state: AlarmState::Cleared, occurred_at: at(60), held: None };
    let late = receive(None, Some(&memory), alarm(AlarmState::Firing, 0), TimeDelta::minutes(30), at(62));
    assert!(matches!(late, Reception::Aside(Event::SetAside { why: Aside::Stale, .. })));
}

#[test]
fn a_run_that_nobody_knows_about_is_settled_by_a_person() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    night.say(click("ana", None), 1).unwrap();
    night.say(finish(RunOutcome::Unknown), 60).unwrap();
    assert!(night.due("watch/").is_empty());
    night.say(Command::SettleRun { by: "ana".into(), run: "run-42-1".into() }, 70).unwrap();
    assert_eq!(night.due("watch/"), ["watch/run-42-1"]);
}

#[test]
fn what_is_over_takes_no_orders_until_it_is_reopened() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    assert_eq!(night.say(Command::Reopen { by: "ana".into() }, 1), Err(Refused::NotResolved));
    night.say(Command::Resolve { by: "ana".into(), note: " a deploy ".to_owned() }, 2).unwrap();
    assert!(matches!(night.say(click("ben", None), 3), Err(Refused::AlreadyResolved { .. })));
    night.say(Command::Reopen { by: "ben".into() }, 4).unwrap();
    night.say(click("ben", None), 5).unwrap();
    night.say(Command::Note { by: "ben".into(), text: " ".to_owned() }, 6).unwrap_err();
}

#[test]
fn folding_twice_and_from_a_snapshot_gives_the_same() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    night.assign(&["ana"], 0, 1);
    night.say(click("ana", None), 2).unwrap();
    let mut resumed: Incident = serde_json::from_str(&serde_json::to_string(&night.incident()).unwrap()).unwrap();
    night.say(finish(RunOutcome::Failed), 3).unwrap();
    resumed.apply(night.events.last().unwrap());
    assert_eq!(resumed, night.incident());
}

fn page_message(ts: &str) -> PageMessage {
    PageMessage { channel: "D0ANA".to_owned(), ts: ts.to_owned() }
}

fn paged(message: Option<PageMessage>) -> Command {
    Command::RecordPage { to: "ana".into(), by: "slack".to_owned(), level: 0, message, with: Vec::new() }
}

#[test]
fn a_page_is_drawn_anew_when_it_asks_nobody_any_more() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    night.assign(&["ana"], 0, 1);
    night.say(paged(Some(page_message("1.1"))), 2).unwrap();
    night.say(paged(None), 3).unwrap();
    assert!(night.due("page-over/").is_empty(), "while it asks, it keeps its buttons");
    night.say(Command::Acknowledge { by: "ben".into() }, 4).unwrap();
    assert_eq!(night.due("page-over/"), ["page-over/42/D0ANA/1.1"], "of the other page nobody knows where it stands");
    night.asked.clear();
    night.say(paged(Some(page_message("1.2"))), 5).unwrap();
    assert_eq!(night.due("page-over/"), ["page-over/42/D0ANA/1.2"], "it was on its way when ben took it");
    night.asked.clear();
    night.alarm(AlarmState::Cleared, 60);
    assert_eq!(night.due("page-over/"), ["page-over/42/D0ANA/1.1", "page-over/42/D0ANA/1.2"]);
    night.asked.clear();
    night.alarm(AlarmState::Firing, 70);
    night.say(Command::Acknowledge { by: "ben".into() }, 71).unwrap();
    assert!(night.due("page-over/").is_empty(), "the pages of a round before this one stay as they are");
}

#[test]
fn an_incident_that_pages_for_days_can_still_be_acknowledged() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    for turn in 0..300 {
        night.say(paged(Some(page_message(&format!("1.{turn}")))), turn).unwrap();
    }
    night.say(Command::Acknowledge { by: "ben".into() }, 400).unwrap();
    assert_eq!(night.due("page-over/").len(), fold::PAGES_MAX);
    assert_eq!(night.due("page-over/").last(), Some(&"page-over/42/D0ANA/1.299"));
}

fn planned(by: &str, after_seconds: u64) -> PlannedPage {
    PlannedPage { by: by.to_owned(), after_seconds, unless_delivered: false }
}

/// A text message that stands in for Slack.
fn stand_in(after: i64) -> PlannedPage {
    PlannedPage { unless_delivered: true, ..planned("sms", after.unsigned_abs()) }
}

fn second_page(night: &Night, id: &str) -> (DateTime<Utc>, PageCause) {
    let effect = night.asked.iter().find(|effect| effect.id == id).expect("a second page");
    let Task::PageBy { cause, .. } = &effect.task else { panic!("{:?}", effect.task) };
    (effect.due_at, cause.clone())
}

#[test]
fn slack_has_its_time_and_then_the_second_channel_is_tried() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    night.assign_reachable(&["ana", "ben", "chi"], &[("ana", 60), ("chi", 0)], 0, 1);
    assert_eq!(night.due("page/"), ["page/42/2/ana", "page/42/2/ben", "page/42/2/chi"], "Slack is tried at once");
    assert_eq!(night.due("page-by/"), ["page-by/42/2/ana/sms", "page-by/42/2/chi/sms"], "ben has none");
    let (due_at, ana) = second_page(&night, "page-by/42/2/ana/sms");
    assert_eq!(due_at, at(61));
    assert_eq!(second_page(&night, "page-by/42/2/chi/sms").0, at(1), "chi has no Slack to wait for");
    assert!(night.incident().wants_second_page(&ana));
    let by_webhook =
        Command::RecordPage { to: "ana".into(), by: "webhook".to_owned(), level: 0, message: None, with: Vec::new() };
    night.say(by_webhook, 61).unwrap();
    assert!(night.incident().was_paged(&ana, "webhook"));
    assert!(night.incident().wants_second_page(&ana), "her text message may still be missing");
    night.say(paged(Some(page_message("1.1"))), 300).unwrap();
    assert!(!night.incident().wants_second_page(&ana), "Slack is back and has delivered");
    night.reads(&[
        "generic fired: checkout is slow",
        "level 1: ana, ben, chi (turn 3 of weekly)",
        "paged ana by webhook, the second channel",
        "paged ana by slack",
    ]);
}

#[test]
fn whoever_acknowledges_spares_everybody_the_second_page() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    night.assign_reachable(&["ana", "ben"], &[("ana", 60), ("ben", 60)], 0, 1);
    let (_, cause) = second_page(&night, "page-by/42/2/ana/sms");
    night.say(Command::Acknowledge { by: "ben".into() }, 30).unwrap();
    for id in ["page-by/42/2/ana/sms", "page-by/42/2/ben/sms", "page/42/2/ana"] {
        assert!(night.cancelled.iter().any(|cancelled| cancelled == id), "{id} is not wanted any more");
    }
    assert!(!night.incident().wants_second_page(&cause), "a late timer pages nobody");
    let reassign = Command::Reassign {
        by: "ben".into(),
        to: "chi".into(),
        plan: vec![planned("slack", 0), stand_in(60)],
        urgency: Urgency::High,
    };
    night.say(reassign, 40).unwrap();
    assert!(!night.incident().wants_second_page(&cause), "it is chi's now");
    let (due_at, chi) = second_page(&night, "page-by/42/4/chi/sms");
    assert_eq!(due_at, at(100));
    night.alarm(AlarmState::Cleared, 50).alarm(AlarmState::Firing, 60);
    assert!(!night.incident().wants_second_page(&chi), "a new round asks anew");
}

#[test]
fn a_level_that_slack_could_not_reach_is_paged_though_the_next_one_is_asked() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    night.assign_reachable(&["ana"], &[("ana", 60)], 0, 1);
    night.say(Command::AckTimeout { level: 0, round: 0, next: Some(1) }, 30).unwrap();
    night.assign_reachable(&["ben"], &[("ben", 60)], 1, 31);
    let (_, ana) = second_page(&night, "page-by/42/2/ana/sms");
    assert!(!night.cancelled.contains(&"page-by/42/2/ana/sms".to_owned()));
    assert!(night.incident().wants_second_page(&ana));
}

#[test]
fn a_person_who_is_asked_again_is_paged_again() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    night.assign_reachable(&["ana"], &[("ana", 60)], 0, 1);
    night.say(paged(None), 2).unwrap();
    night.assign_reachable(&["ana"], &[("ana", 60)], 1, 302);
    let (_, again) = second_page(&night, "page-by/42/4/ana/sms");
    assert!(night.incident().wants_second_page(&again), "the page of the first level does not count for the second");
}

#[test]
fn a_level_of_many_people_fits_into_one_append() {
    let names: Vec<String> = (0..50).map(|number| format!("p{number}")).collect();
    let people: Vec<&str> = names.iter().map(String::as_str).collect();
    let second: Vec<(&str, i64)> = people.iter().map(|&name| (name, 60)).collect();
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    night.assign_reachable(&people, &second, 0, 1);
    assert_eq!((night.due("page/").len(), night.due("page-by/").len()), (50, 20));
    for turn in 0..30 {
        night.say(paged(Some(page_message(&format!("1.{turn}")))), 2).unwrap();
    }
    let before = (night.asked.len(), night.cancelled.len());
    night.say(Command::Acknowledge { by: "p7".into() }, 3).unwrap();
    let things = night.asked.len() - before.0 + night.cancelled.len() - before.1;
    assert!(things < 70, "an append takes a hundred things, and this one asks for {things}");
}

/// An alarm that CloudWatch can be asked about.
fn of_cloudwatch(state: AlarmState, second: i64) -> Alarm {
    Alarm { key: "cloudwatch:arn:aws:cloudwatch:eu-west-1:1:alarm:cpu".into(), ..alarm(state, second) }
}

#[test]
fn cloudwatch_is_asked_once_the_card_stands_and_again_after_an_hour() {
    let mut night = Night::new();
    night.write(vec![Event::Opened { alarm: of_cloudwatch(AlarmState::Firing, 0) }], 0);
    let asked = |night: &Night| {
        let is_context = |effect: &&Effect| matches!(effect.task, Task::Context { .. });
        night.asked.iter().filter(is_context).map(|effect| (effect.id.clone(), effect.due_at)).collect::<Vec<_>>()
    };
    assert_eq!(asked(&night), [], "there is no card yet");
    night.say(Command::RecordCard { channel: "C0OPS".to_owned(), ts: "1.2".to_owned() }, 10).unwrap();
    assert_eq!(asked(&night), [("context/42/2".to_owned(), at(12))]);
    let lines = vec!["Tags: team=orders".to_owned()];
    night.say(Command::RecordContext { channel: "C0OPS".to_owned(), file: None, lines }, 15).unwrap();
    let mut fires_again = |second: i64| {
        night.write(vec![Event::Cleared { delivery: "d".into(), occurred_at: at(second - 60) }], second - 60);
        let summary = "97 %".to_owned();
        let severity = Severity::Critical;
        night.write(vec![Event::Refired { delivery: "d".into(), severity, summary, occurred_at: at(second) }], second);
        asked(&night).len()
    };
    assert_eq!(fires_again(15 + 3599), 1, "what was drawn within the hour still says it");
    assert_eq!(fires_again(15 + 3600), 2);
}

#[test]
fn only_cloudwatch_is_asked() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    night.say(Command::RecordCard { channel: "C0OPS".to_owned(), ts: "1.2".to_owned() }, 10).unwrap();
    assert!(night.asked.iter().all(|effect| !matches!(effect.task, Task::Context { .. })));
}

/// Assigns ana with these pages: by what, and after how many seconds.
fn assign_by_rules(night: &mut Night, rules: &[(&str, u64)], level: u8, second: i64) {
    let plan = rules.iter().map(|&(by, after)| planned(by, after)).collect();
    let plans = BTreeMap::from([("ana".into(), plan)]);
    let (policy, because, wait) = ("p".to_owned(), "b".to_owned(), Some(TimeDelta::minutes(5)));
    let to = vec!["ana".into()];
    night
        .say(
            Command::Assign {
                to,
                level,
                policy,
                because,
                wait,
                plans,
                urgency: Urgency::High,
                taken: Taken::default(),
            },
            second,
        )
        .unwrap();
}

#[test]
fn each_rule_is_an_effect_of_its_own_in_its_time() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    assign_by_rules(&mut night, &[("slack", 0), ("sms", 60), ("slack", 120), ("sms", 180)], 0, 1);
    let due: Vec<(&str, i64)> = night
        .asked
        .iter()
        .filter(|effect| effect.id.starts_with("page"))
        .map(|effect| (effect.id.as_str(), (effect.due_at - at(1)).num_seconds()))
        .collect();
    let expected = [
        ("page/42/2/ana", 0),
        ("page-by/42/2/ana/sms", 60),
        ("page-by/42/2/ana/slack/2", 120),
        ("page-by/42/2/ana/sms/2", 180),
    ];
    assert_eq!(due, expected);
}

#[test]
fn a_rule_fires_unless_somebody_acknowledges_and_ends_when_the_next_level_is_asked() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    assign_by_rules(&mut night, &[("slack", 0), ("sms", 60)], 0, 1);
    let (_, cause) = second_page(&night, "page-by/42/2/ana/sms");
    night.say(paged(None), 2).unwrap();
    assert!(night.incident().wants_page(&cause, false), "a rule does not ask whether Slack has delivered");
    night.say(Command::AckTimeout { level: 0, round: 0, next: Some(1) }, 30).unwrap();
    assert!(!night.incident().wants_page(&cause, false), "the next level is asked, and she was reached");

    let mut unreached = Night::new();
    unreached.alarm(AlarmState::Firing, 0);
    assign_by_rules(&mut unreached, &[("slack", 0), ("sms", 60)], 0, 1);
    unreached.say(Command::AckTimeout { level: 0, round: 0, next: Some(1) }, 30).unwrap();
    assert!(unreached.incident().wants_page(&cause, false), "nothing has reached her yet");
    unreached.say(Command::Acknowledge { by: "ben".into() }, 40).unwrap();
    assert!(!unreached.incident().wants_page(&cause, false));
    assert!(unreached.cancelled.contains(&"page-by/42/2/ana/sms".to_owned()), "{:?}", unreached.cancelled);
}

#[test]
fn a_way_that_fails_is_told_until_it_works() {
    let mut night = Night::new();
    night.alarm(AlarmState::Firing, 0);
    assign_by_rules(&mut night, &[("slack", 0), ("sms", 0)], 0, 1);
    let failure = |gave_up| {
        let (to, by, error) = ("ana".into(), "sms".to_owned(), "no such number".to_owned());
        Command::RecordPageFailure { to, by, error, gave_up }
    };
    night.say(failure(false), 2).unwrap();
    night.say(failure(true), 3).unwrap();
    assert_eq!(night.incident().unreached.len(), 1, "one way is told once");
    assert!(night.incident().unreached[0].gave_up);
    night.reads(&[
        "generic fired: checkout is slow",
        "level 1: ana (b)",
        "could not page ana by text message: no such number",
        "could not reach ana by text message: no such number; it is not tried again",
    ]);
    let by_text =
        Command::RecordPage { to: "ana".into(), by: "sms".to_owned(), level: 0, message: None, with: Vec::new() };
    night.say(by_text, 4).unwrap();
    assert!(night.incident().unreached.is_empty());
}

#[test]
fn urgency_follows_from_the_severity() {
    let urgent = [Severity::Critical, Severity::Error, Severity::Unknown].map(Urgency::of);
    assert_eq!(urgent, [Urgency::High; 3], "what nobody has judged is urgent");
    assert_eq!([Severity::Warning, Severity::Info].map(Urgency::of), [Urgency::Low; 2]);
}
