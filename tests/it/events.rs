//! The log's own format is for ever: one golden file for each kind and schema that was ever written, read by every version.

use catops::flow::handoff::HandoffEvent;
use incident::throttle::{HeldPage, Slot, ThrottleEvent};
use incident::{
    Aside, DigestEvent, Event, Fix, Incident, IncidentId, KeptEvent, Mark, PageCause, PageMessage, PlannedPage,
    RecordEvent, Recorded, Replaced, RunOutcome, SCHEMA, SilenceEvent, SilenceId, SwitchEvent, Urgency,
};
use rota::BookEvent;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use tests::root;

/// The golden files of the events of one sort of stream.
fn golden_folder(of: &str) -> PathBuf {
    root().join("tests/corpus").join(of)
}

#[test]
fn every_event_ever_written_can_still_be_read() {
    let kinds = |events: &[Event]| events.iter().map(Event::kind).collect::<Vec<_>>();
    can_be_read::<Event>("events", &kinds(&one_of_each()), Event::kind);
    let kinds = |events: &[RecordEvent]| events.iter().map(RecordEvent::kind).collect::<Vec<_>>();
    can_be_read::<RecordEvent>("records", &kinds(&records()), RecordEvent::kind);
    let kinds = |events: &[DigestEvent]| events.iter().map(DigestEvent::kind).collect::<Vec<_>>();
    can_be_read::<DigestEvent>("digests", &kinds(&digests()), DigestEvent::kind);
    let kinds = |events: &[BookEvent]| events.iter().map(BookEvent::kind).collect::<Vec<_>>();
    can_be_read::<BookEvent>("book", &kinds(&book()), BookEvent::kind);
    let kinds = |events: &[SwitchEvent]| events.iter().map(SwitchEvent::kind).collect::<Vec<_>>();
    can_be_read::<SwitchEvent>("switch", &kinds(&switch()), SwitchEvent::kind);
    let kinds = |events: &[SilenceEvent]| events.iter().map(SilenceEvent::kind).collect::<Vec<_>>();
    can_be_read::<SilenceEvent>("silences", &kinds(&silences()), SilenceEvent::kind);
    let kinds = |events: &[KeptEvent]| events.iter().map(KeptEvent::kind).collect::<Vec<_>>();
    can_be_read::<KeptEvent>("kept", &kinds(&kept()), KeptEvent::kind);
    let kinds = |events: &[HandoffEvent]| events.iter().map(HandoffEvent::kind).collect::<Vec<_>>();
    can_be_read::<HandoffEvent>("handoffs", &kinds(&handoffs()), HandoffEvent::kind);
    let kinds = |events: &[ThrottleEvent]| events.iter().map(ThrottleEvent::kind).collect::<Vec<_>>();
    can_be_read::<ThrottleEvent>("pages", &kinds(&pages()), ThrottleEvent::kind);
}

#[track_caller]
fn can_be_read<T: DeserializeOwned>(of: &str, written: &[&'static str], kind: impl Fn(&T) -> &'static str) {
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(golden_folder(of)).expect("the corpus").flatten() {
        let text = fs::read_to_string(entry.path()).expect("a golden file");
        let event: T =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", entry.path().display()));
        seen.insert(kind(&event));
    }
    for kind in written {
        assert!(seen.contains(kind), "no golden file for {kind}; write tests/corpus/{of}/{kind}.{SCHEMA}.json");
    }
}

#[test]
fn what_is_written_today_is_what_the_golden_files_hold() {
    for event in one_of_each() {
        is_golden("events", event.kind(), &event);
    }
    for event in records() {
        is_golden("records", event.kind(), &event);
    }
    for event in digests() {
        is_golden("digests", event.kind(), &event);
    }
    for event in book() {
        is_golden("book", event.kind(), &event);
    }
    for event in switch() {
        is_golden("switch", event.kind(), &event);
    }
    for event in silences() {
        is_golden("silences", event.kind(), &event);
    }
    for event in kept() {
        is_golden("kept", event.kind(), &event);
    }
    for event in handoffs() {
        is_golden("handoffs", event.kind(), &event);
    }
    for event in pages() {
        is_golden("pages", event.kind(), &event);
    }
}

#[track_caller]
fn is_golden(of: &str, kind: &str, event: &impl Serialize) {
    let path = golden_folder(of).join(newest_golden(of, kind));
    let now = serde_json::to_string_pretty(event).expect("plain JSON") + "\n";
    let is_new = fs::metadata(&path).is_ok_and(|file| file.len() == 0) || !path.exists();
    if std::env::var_os("CATOPS_BLESS").is_some() && is_new {
        fs::write(&path, &now).expect("writing a new golden file");
    }
    let golden =
        fs::read_to_string(&path).unwrap_or_else(|_| panic!("no {}; run once with CATOPS_BLESS=1", path.display()));
    assert_eq!(
        now, golden,
        "the format of {kind} changed: keep the old file and write one with the next number beside it; when more than a \
         field with a default was added, also raise SCHEMA and add an upcast",
    );
}

#[test]
fn the_whole_corpus_folds_into_an_incident() {
    let events: Vec<Recorded> =
        one_of_each().into_iter().zip(1..).map(|(event, seq)| Recorded { seq, at: instant(), event }).collect();
    let incident = Incident::fold(IncidentId(1), &events).expect("it begins with an opening");
    assert_eq!(incident.seq, events.len() as u64);
}

/// The golden file of the shape that is written today: the one with the highest number.
fn newest_golden(of: &str, kind: &str) -> String {
    let named = |number: &u16| format!("{kind}.{number}.json");
    let newest = (SCHEMA..).take_while(|number| golden_folder(of).join(named(number)).exists()).last();
    named(&newest.unwrap_or(SCHEMA))
}

fn instant() -> chrono::DateTime<chrono::Utc> {
    "2026-11-23T02:14:00Z".parse().expect("a time")
}

fn page_message() -> PageMessage {
    PageMessage { channel: "D0ANA".to_owned(), ts: "1.3".to_owned() }
}

fn redacted() -> Event {
    let replaced = vec![Replaced { seq: 1, sha256: "00".repeat(32) }];
    Event::Redacted { by: "ana".into(), why: "a password".to_owned(), replaced }
}

fn change() -> incident::Change {
    incident::Change {
        at: instant(),
        kind: "deploy".to_owned(),
        title: "CodeDeploy orders: SUCCESS".to_owned(),
        service: Some("orders".to_owned()),
        resource: "production".to_owned(),
        url: Some("https://example.com/813".to_owned()),
    }
}

fn related() -> incident::Related {
    incident::Related { incident: IncidentId(41), title: "Disk is full".to_owned(), tried: vec!["clean-disk".into()] }
}

fn history() -> incident::History {
    let achieved = serde_json::json!([["restart-service", { "helped": 3, "did_not_help": 1, "median_seconds": 120 }]]);
    incident::History {
        fired: 11,
        alone: 8,
        alone_median_seconds: Some(240),
        achieved: serde_json::from_value(achieved).expect("what was achieved"),
        last: Some(("ana".into(), instant())),
    }
}

fn context_posted() -> Event {
    let lines = vec!["Tags: team=orders".to_owned()];
    Event::ContextPosted { channel: "C0OPS".to_owned(), file: Some("F0PICTURE".to_owned()), lines }
}

fn records() -> [RecordEvent; 6] {
    let incident = IncidentId(42);
    let (action, by) = (|| incident::ActionId::from("restart-service"), || "ana".into());
    [
        RecordEvent::Chosen { incident, action: action(), by: by(), place: Some(1) },
        RecordEvent::RunJudged { incident, action: action(), by: by(), helped: true, after_seconds: Some(30) },
        RecordEvent::Rejected { incident, action: action(), by: by() },
        RecordEvent::Fixed { incident, fix: Fix::Action(action()), by: by() },
        RecordEvent::Ended { incident, cleared_alone: false, open_seconds: 90 },
        RecordEvent::Marked { action: action(), mark: Some(Mark::Pinned), by: by(), why: "it helps".to_owned() },
    ]
}

fn digests() -> [DigestEvent; 2] {
    [
        DigestEvent::DigestJoined { digest: 1, incident: IncidentId(42), opened_at: instant() },
        DigestEvent::DigestPosted { digest: 1, channel: "C0OPS".to_owned(), ts: "1.2".to_owned() },
    ]
}

/// What people change about the rota, each written as a program would send it.
fn book() -> Vec<BookEvent> {
    let span = serde_json::json!({ "start": "2026-12-05T10:00:00Z", "end": "2026-12-05T14:00:00Z" });
    let operation = serde_json::json!({
        "number": 1, "schedule": "payments", "start": span["start"], "end": span["end"],
        "change": { "kind": "replace_user", "from": "ana", "to": "ben" }, "by": "ben", "reason": "Ana is ill",
    });
    let asked = serde_json::json!({
        "schedule": "payments", "asker": "ana", "at": instant(), "reason": "dentist",
        "parts": [{ "span": span, "turns": [{ "layer": "weekly", "number": 46 }] }],
    });
    let swap = serde_json::json!({
        "schedule": "payments", "by": "ana", "with": "ben", "given": span, "taken": span, "reason": "",
    });
    let taken = serde_json::json!({ "kind": "taken", "taker": "ben", "spans": [span], "at": instant() });
    let cancelled = serde_json::json!({ "kind": "cancelled", "by": "ana", "at": instant() });
    let events = serde_json::json!([
        { "kind": "overridden", "operation": operation },
        { "kind": "cover_asked", "number": 2, "asked": asked },
        { "kind": "cover", "number": 2, "happened": taken },
        { "kind": "cover", "number": 2, "happened": cancelled },
        { "kind": "swap_proposed", "number": 3, "swap": swap },
        { "kind": "swap_agreed", "number": 3 },
        { "kind": "swap_closed", "number": 3, "by": "ben" },
        { "kind": "operation_cancelled", "number": 1, "by": "ana" },
    ]);
    serde_json::from_value(events).expect("events of the book")
}

fn planned(by: &str, after_seconds: u64) -> PlannedPage {
    PlannedPage { by: by.to_owned(), after_seconds, unless_delivered: false }
}

fn handoffs() -> Vec<HandoffEvent> {
    let handover = serde_json::json!({ "at": instant(), "left": ["ana"], "came": ["ben"], "stayed": ["chi"] });
    let gap = serde_json::json!({ "start": "2026-12-05T10:00:00Z", "end": "2026-12-05T14:00:00Z" });
    let events = serde_json::json!([
        { "kind": "began", "people": ["ana", "chi"] },
        { "kind": "handed_over", "number": 1, "handover": handover, "tzdata": "2026b" },
        { "kind": "posted", "number": 1, "channel": "C0OPS", "ts": "1.3" },
        { "kind": "acknowledged", "number": 1, "by": "ben" },
        { "kind": "asked", "number": 1, "to": ["chi"] },
        { "kind": "gap_seen", "number": 1, "gap": gap },
        { "kind": "gap_posted", "number": 1, "channel": "C0OPS", "ts": "1.4" },
        { "kind": "gap_moved", "number": 1, "gap": gap },
        { "kind": "gap_filled", "number": 1 },
        { "kind": "unreachable", "people": { "chi": "has no Slack member id" } },
        { "kind": "foreseen", "tzdata": "2026b", "until": instant(), "handovers": [handover] },
        { "kind": "rules_changed", "before": "2026a", "after": "2026b", "moved": [[instant(), handover]] },
    ]);
    serde_json::from_value(events).expect("events of the handoffs")
}

/// What happens to the pages of one person by one way.
fn pages() -> [ThrottleEvent; 2] {
    let cause = PageCause { to: "ana".into(), level: 0, round: 0, seq: 2 };
    let id = "page-by/42/2/ana/sms/2".to_owned();
    let page = HeldPage { id, incident: IncidentId(42), cause, unless_delivered: true, since: instant() };
    let slot = Slot { at: instant(), id: "page-by/43/2/ana/sms".to_owned(), attempt: 1, with: vec![page.clone()] };
    let because = "5 in 15 minutes".to_owned();
    [ThrottleEvent::SlotTaken { slot }, ThrottleEvent::Held { page, until: instant(), because }]
}

fn switch() -> [SwitchEvent; 2] {
    let why = "the deploy is broken".to_owned();
    [SwitchEvent::ActionsStopped { by: "ana".into(), why }, SwitchEvent::ActionsAllowed { by: "ben".into() }]
}

fn silences() -> [SilenceEvent; 2] {
    let silence = SilenceId(3);
    let made = SilenceEvent::SilenceMade {
        silence,
        matchers: ["alertname=HighCPU", "team!=ops", "instance=~web-.*", "zone!~eu.*"]
            .map(|text| text.parse().expect("a matcher"))
            .into(),
        by: "ana".into(),
        because: "load test".to_owned(),
        starts_at: instant(),
        ends_at: instant() + chrono::TimeDelta::hours(2),
    };
    [made, SilenceEvent::SilenceEnded { silence, by: "ben".into() }]
}

fn kept() -> [KeptEvent; 2] {
    let (before, silence) = (SilenceId(3), SilenceId(4));
    [KeptEvent::KeptOn { before, silence }, KeptEvent::CameOut { silence, incident: IncidentId(7) }]
}

/// An alarm that a silence was about, and what its incident says about it afterwards.
fn silenced() -> [Event; 2] {
    let Event::Opened { alarm } = opened() else { unreachable!("it opens") };
    let silence = SilenceId(3);
    let kept_back = Event::KeptBack {
        silence,
        since: instant(),
        alarms: 4,
        by: Some("ana".into()),
        because: "load test".to_owned(),
    };
    [Event::Silenced { alarm: incident::Alarm { drill: None, ..alarm }, silence }, kept_back]
}

fn opened() -> Event {
    let alarm = serde_json::json!({
        "source": "eventbridge", "delivery": "cloudwatch:arn:ALARM:1", "key": "cloudwatch:arn", "state": "firing",
        "severity": "critical", "title": "orders-db CPU", "summary": "97 %", "resource": "orders-db", "service": "orders",
        "labels": { "metric": "CPUUtilization" }, "links": [{ "rel": "console", "url": "https://example.com/" }],
        "occurred_at": "2026-11-23T02:13:00Z",
        "drill": {
            "whom": { "schedule": "payments" }, "by": "ben", "rule": "weekly", "why": "new phones", "answer_seconds": 600,
            "ready": { "schedule": "payments", "shift_at": "2026-11-23T02:00:00Z", "tell": ["ben"] },
        },
    });
    Event::Opened { alarm: serde_json::from_value(alarm).expect("an alarm") }
}

/// A step of a plan with one of each kind of step.
fn taken() -> incident::Taken {
    let hours = serde_json::json!({ "windows": ["Mon-Fri 09:00-17:00"], "zone": "Europe/Madrid" });
    let plan = serde_json::json!({
        "steps": [
            { "if": { "condition": { "hours": hours, "severity": { "at_least": "error" }, "service": ["shop"] }, "otherwise": 3 } },
            { "page": { "page": ["schedule:payments", "ana"], "wait_seconds": 300, "ack_mode": "all" } },
            { "goto": 6 },
            { "until": { "hours": hours, "edge": "open" } },
            { "wait": 60 },
            { "notify": { "channel": "#payments", "wait_seconds": 300 } },
            { "page": { "page": ["ana", "ben"], "wait_seconds": 300, "rotate_after": 1 } },
        ],
        "catch_all": ["ana"],
        "acknowledge_seconds": 1800,
    });
    let plan = serde_json::from_value(plan).expect("a plan");
    incident::Taken { step: Some(1), ack_mode: incident::AckMode::All, plan: Some(Box::new(plan)) }
}

fn one_of_each() -> Vec<Event> {
    let suggestion = serde_json::json!({
        "action": "restart-service", "title": "Restart orders", "params": { "service": "orders" }, "runbook": "aws/rds-cpu",
        "runbook_title": "RDS CPU is high", "reason": "matches \u{201c}cpu\u{201d}", "record": { "helped": 3, "did_not_help": 1 },
        "strength": "strong", "score": 0.75, "parts": [{ "what": "\u{201c}cpu\u{201d} in title", "adds": 0.25 }, { "what": "worked 3 of 4", "adds": 0.5 }],
        "read_only": false,
    });
    let (delivery, by) = ("d-1".into(), "ana".into());
    let severity = incident::Severity::Critical;
    let summary = "97 %".to_owned();
    let occurred_at = instant();
    let mut events = vec![
        opened(),
        Event::Repeated { delivery, severity, summary: summary.clone(), occurred_at, also: vec!["d-1b".into()] },
        Event::SetAside { delivery: "d-2".into(), why: Aside::Information, occurred_at },
        Event::Suggested {
            suggestions: vec![serde_json::from_value(suggestion).expect("a suggestion")],
            runners_up: vec![],
            no_match: None,
            history: Some(history()),
            changes: vec![change()],
            related: vec![related()],
        },
        Event::CardPosted { channel: "C0OPS".to_owned(), ts: "1.2".to_owned() },
        context_posted(),
        Event::Gathered { channel: "C0OPS".to_owned(), digest: 1 },
        Event::Paged {
            to: "ana".into(),
            by: "slack".to_owned(),
            level: 0,
            message: Some(page_message()),
            with: vec![IncidentId(7)],
        },
        Event::PageHeld {
            to: "ana".into(),
            by: "sms".to_owned(),
            until: instant(),
            because: "5 in 15 minutes".to_owned(),
        },
        Event::PageFailed {
            to: "ben".into(),
            error: "user_not_found".to_owned(),
            by: Some("sms".to_owned()),
            gave_up: true,
        },
        Event::Escalated { level: 1, by: Some("ana".into()), reopens: true },
        Event::EscalationExhausted,
        Event::Acknowledged { by, timeout_seconds: Some(1800) },
        Event::Reassigned {
            by: "ana".into(),
            to: "ben".into(),
            second_channel_seconds: Some(60),
            plan: vec![planned("sms", 60)],
            urgency: Some(Urgency::Low),
        },
        Event::Noted { by: "ben".into(), text: "looks like a deploy".to_owned() },
        Event::DrillEnded { answered_by: Some("ana".into()) },
        Event::Cleared { delivery: "d-3".into(), occurred_at },
        Event::Refired { delivery: "d-4".into(), severity, summary, occurred_at },
        Event::Resolved { by: "ana".into(), note: "fixed".to_owned() },
        Event::Reopened { by: "ana".into() },
        Event::Judged { by: "ana".into(), right: true },
        Event::FixNamed { by: "ana".into(), fix: Fix::Alone },
        redacted(),
    ];
    events.splice(3..3, asking());
    events.extend(silenced());
    events.extend(running());
    events
}

/// What happens to a run.
fn running() -> Vec<Event> {
    let run = incident::RunId::from("run-1-1");
    vec![
        Event::ActionRequested {
            run: run.clone(),
            action: "restart-service".into(),
            title: "Restart orders".to_owned(),
            params: [("service".to_owned(), "orders".to_owned())].into(),
            by: "ben".into(),
            read_only: false,
            watch_seconds: 300,
            timeout_seconds: 60,
            undo: None,
        },
        Event::ActionStarted { run: run.clone() },
        Event::StopRequested { run: run.clone(), by: "ben".into() },
        Event::ActionFinished {
            run: run.clone(),
            outcome: RunOutcome::Unknown,
            detail: String::new(),
            duration_ms: 12,
        },
        Event::RunSettled { run: run.clone(), by: "ben".into() },
        Event::ActionDidNotHelp { run: run.clone() },
        Event::ActionHelped { run, after_seconds: 30 },
    ]
}

/// What happens while somebody is asked, beside the pages.
fn asking() -> Vec<Event> {
    vec![
        Event::Assigned {
            to: vec!["ana".into()],
            level: 0,
            policy: "default".to_owned(),
            because: "turn 3".to_owned(),
            wait_seconds: Some(300),
            second_channel_seconds: [("ana".into(), 60)].into(),
            taken: taken(),
            plans: [(
                "ana".into(),
                vec![planned("slack", 0), PlannedPage { unless_delivered: true, ..planned("sms", 60) }],
            )]
            .into(),
            urgency: Some(Urgency::High),
        },
        Event::StepSkipped { level: 1, why: "nobody is on call (schedule:nights)".to_owned() },
        Event::ChannelAsked {
            channel: "#payments".to_owned(),
            level: 2,
            policy: "default".to_owned(),
            wait_seconds: 300,
            taken: incident::Taken { plan: None, ..taken() },
        },
        Event::ChannelReached { message: page_message() },
        Event::EscalationPaused {
            until: instant(),
            because: "until Mon-Fri 09:00-17:00 Europe/Madrid begins".to_owned(),
            policy: "default".to_owned(),
            taken: incident::Taken { plan: None, ..taken() },
        },
        Event::EscalationResumed,
        Event::PartlyAcknowledged { by: "ana".into(), missing: vec!["ben".into()] },
        Event::AcknowledgementExtended { by: Some("ana".into()), seconds: 1800 },
        Event::AcknowledgementExpired { by: "ana".into() },
        Event::Snoozed { by: "ana".into(), seconds: 1800 },
        Event::Woke,
        Event::Declined { by: "ana".into() },
    ]
}
