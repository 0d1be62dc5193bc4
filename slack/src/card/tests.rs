//! Every surface on one night, as snapshots; every surface against the limit table; and a night with a hostile alarm.

use super::words::plain_times;
use super::{Face, OPEN_BLOCKS_MAX, Setting, card, span};
use crate::answer::{self, Asked, Duty};
use crate::blocks::{Block, Element, Message, View};
use crate::command::{self, Word};
use crate::digest::{DIGEST_LISTED_MAX, digest};
use crate::form;
use crate::limits::{check, check_view};
use crate::value::{Claim, Verb};
use chrono::{DateTime, TimeDelta, Utc};
use incident::action::{Catalogue, Denied};
use incident::{
    ActionRecord, Alarm, AlarmState, Change, Digest, Drill, Event, Fix, History, Incident, IncidentId, Line, Link,
    Part, ReadyCheck, Recorded, Related, ResponderId, RunId, RunOutcome, Severity, Strength, Suggestion, Whom,
};
use serde_json::Value;
use std::collections::BTreeMap;

const ROLLBACK: &str = r#"
title = "Roll back {service}"
description = "Deploys the version before this one."
read_only = false
confirm = "Deploys the version of {service} before this one."
timeout = "3m"
watch = "10m"
allow = "any-responder"
undo = "roll-forward"
[runner]
kind = "dry-run"
[[params]]
name = "service"
title = "Service"
kind = "text"
pattern = "[a-z-]{1,40}"
from = ["service"]
required = true
"#;
const FORWARD: &str = r#"
title = "Roll {service} forward"
description = "Deploys the newest version."
read_only = false
timeout = "3m"
watch = "10m"
allow = "any-responder"
[runner]
kind = "dry-run"
[[params]]
name = "service"
title = "Service"
kind = "text"
pattern = "[a-z-]{1,40}"
from = ["service"]
required = true
"#;
const SCALE: &str = r#"
title = "Scale {service} to {count} tasks"
description = "Changes the desired count, nothing else."
read_only = false
confirm = "Scales {service} to {count} tasks."
timeout = "60s"
watch = "10m"
allow = ["sre", "ana"]
[runner]
kind = "dry-run"
[[params]]
name = "service"
title = "Service"
kind = "choice"
options = ["checkout-api", "cart"]
from = ["service"]
required = true
[[params]]
name = "count"
title = "Tasks"
kind = "integer"
min = 1
max = 12
required = true
[[params]]
name = "force"
title = "Even during a deploy"
kind = "boolean"
required = false
"#;
const POOL: &str = r#"
title = "Show the connection pool"
description = "Reads, changes nothing."
read_only = true
timeout = "30s"
allow = "any-responder"
[runner]
kind = "dry-run"
"#;

fn catalogue() -> Catalogue {
    let files = [
        ("actions/rollback.toml", ROLLBACK),
        ("actions/roll-forward.toml", FORWARD),
        ("actions/scale.toml", SCALE),
        ("actions/pool.toml", POOL),
    ];
    let (catalogue, problems) = Catalogue::parse(&files);
    assert!(problems.is_empty(), "{problems:?}");
    catalogue
}

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_763_820_120, 0).unwrap() + TimeDelta::minutes(minutes)
}

fn ana() -> ResponderId {
    "ana".into()
}

fn alarm(words: &str) -> Alarm {
    Alarm {
        source: "eventbridge".into(),
        delivery: "d1".into(),
        key: "cloudwatch:checkout-p99".into(),
        state: AlarmState::Firing,
        severity: Severity::Error,
        title: format!("checkout-api p99 latency{words}"),
        summary: format!("4.2 s for 5 min, limit 1 s{words}"),
        resource: format!("checkout-api{words}"),
        service: Some("checkout-api".into()),
        labels: BTreeMap::from([("region".into(), "eu-west-1".into())]),
        links: vec![Link { rel: "console".into(), url: "https://console.example/alarms?a=1&b=2".into() }],
        occurred_at: at(0),
        drill: None,
    }
}

fn part(what: &str, adds: f64) -> Part {
    Part { what: what.to_owned(), adds }
}

fn deploy() -> Change {
    Change {
        at: at(-4),
        kind: "deploy".to_owned(),
        title: "CodeDeploy checkout-api: SUCCESS <v813>".to_owned(),
        service: Some("checkout-api".to_owned()),
        resource: String::new(),
        url: Some("https://deploys.example/813".to_owned()),
    }
}

fn related() -> Vec<Related> {
    vec![Related { incident: IncidentId(7), title: "Disk is full <db-2>".to_owned(), tried: vec!["clean".into()] }]
}

/// Eight of eleven cleared alone, and a roll back always helped.
fn history() -> History {
    let achieved = ActionRecord { helped: 3, did_not_help: 0, median_seconds: Some(120) };
    History {
        fired: 11,
        alone: 8,
        alone_median_seconds: Some(240),
        achieved: vec![("rollback".into(), achieved)],
        last: Some((ana(), at(-60 * 24 * 42))),
    }
}

fn suggestion(action: &str, title: &str, words: &str, helped: u32) -> Suggestion {
    Suggestion {
        action: Some(action.into()),
        title: format!("{title}{words}"),
        params: BTreeMap::from([("service".into(), "checkout-api".into())]),
        runbook: Some("aws/latency".into()),
        runbook_title: format!("Latency{words}"),
        reason: format!("matches \"p99\", \"latency\" in Latency{words}"),
        record: ActionRecord { helped, did_not_help: 0, median_seconds: None },
        strength: if helped > 0 { Strength::Strong } else { Strength::Likely },
        score: 0.75,
        parts: vec![part(&format!("“p99” in title{words}"), 0.5), part(&format!("“latency” in lead{words}"), 0.25)],
        read_only: action == "pool",
    }
}

/// A night, event by event; `words` is added to everything that comes from outside.
struct Night {
    events: Vec<Recorded>,
    words: String,
}

impl Night {
    fn new(words: &str) -> Self {
        let mut night = Self { events: Vec::new(), words: words.to_owned() };
        night.then(0, Event::Opened { alarm: alarm(words) });
        night
    }

    fn fired() -> Self {
        Self::new("").triaged()
    }

    fn then(&mut self, minutes: i64, event: Event) {
        let seq = self.events.len() as u64 + 1;
        self.events.push(Recorded { seq, at: at(minutes), event });
    }

    fn and(mut self, minutes: i64, event: Event) -> Self {
        self.then(minutes, event);
        self
    }

    fn triaged(self) -> Self {
        let words = self.words.clone();
        let suggestions = vec![
            suggestion("rollback", "Roll back checkout-api", &words, 3),
            suggestion("scale", "Scale checkout-api", &words, 0),
            suggestion("pool", "Show the connection pool", &words, 0),
        ];
        let runners_up = vec![suggestion("roll-forward", "Roll checkout-api forward", &words, 0)];
        let history = Some(history());
        self.and(
            0,
            Event::Assigned {
                to: vec![ana()],
                level: 0,
                policy: "payments".into(),
                because: format!("turn 37 of weekly{words}"),
                wait_seconds: Some(300),
                taken: incident::Taken::default(),
                second_channel_seconds: BTreeMap::new(),
                plans: BTreeMap::new(),
                urgency: None,
            },
        )
        .and(
            0,
            Event::Suggested {
                suggestions,
                runners_up,
                no_match: None,
                history,
                changes: vec![deploy()],
                related: related(),
            },
        )
        .and(0, Event::Paged { to: ana(), by: "slack".into(), level: 0, message: None, with: Vec::new() })
    }

    fn acknowledged(self) -> Self {
        self.and(2, Event::Acknowledged { by: ana(), timeout_seconds: None })
    }

    fn running(self) -> Self {
        let run = RunId("run-42-1".into());
        let title = format!("Roll back checkout-api{}", self.words);
        self.and(
            3,
            Event::ActionRequested {
                run: run.clone(),
                action: "rollback".into(),
                title,
                params: BTreeMap::from([("service".into(), "checkout-api".into())]),
                by: ana(),
                read_only: false,
                watch_seconds: 600,
                timeout_seconds: 180,
                undo: Some("roll-forward".into()),
            },
        )
        .and(3, Event::ActionStarted { run })
    }

    fn finished(self, outcome: RunOutcome) -> Self {
        let detail = format!("v813 -> v812{}", self.words);
        let run = RunId("run-42-1".into());
        self.and(5, Event::ActionFinished { run, outcome, detail, duration_ms: 120_000 })
    }

    fn incident(&self) -> Incident {
        Incident::fold(IncidentId(42), &self.events).unwrap()
    }

    fn lines(&self) -> Vec<Line> {
        incident::timeline(&self.incident(), &self.events, |who| who.0.clone())
    }
}

/// Every state that a card can show, by name.
fn nights(words: &str) -> Vec<(&'static str, Night)> {
    let run = || RunId("run-42-1".into());
    let fresh = || Night::new(words);
    let fired = || fresh().triaged();
    let running = || fired().acknowledged().running();
    let stop = |night: Night| night.and(4, Event::StopRequested { run: run(), by: "ben".into() });
    let helped =
        || running().finished(RunOutcome::Succeeded).and(14, Event::ActionHelped { run: run(), after_seconds: 540 });
    let cleared = Event::Cleared { delivery: "d2".into(), occurred_at: at(14) };
    let resolved = Event::Resolved { by: ana(), note: format!("rolled back{words}") };
    vec![
        ("opened", fresh()),
        ("firing", fired()),
        (
            "no_match",
            fresh().and(
                0,
                Event::Suggested {
                    suggestions: vec![],
                    runners_up: vec![],
                    no_match: Some(format!("no runbook mentions \"quasar\"{words}")),
                    history: None,
                    changes: vec![],
                    related: vec![],
                },
            ),
        ),
        ("exhausted", fired().and(20, Event::EscalationExhausted)),
        ("acknowledged", fired().acknowledged()),
        ("running", running()),
        ("stopping", stop(running())),
        ("stopped", stop(running()).finished(RunOutcome::Stopped)),
        ("failed", running().finished(RunOutcome::Failed)),
        ("unknown", running().finished(RunOutcome::Unknown)),
        ("watching", running().finished(RunOutcome::Succeeded)),
        ("did_not_help", running().finished(RunOutcome::Succeeded).and(15, Event::ActionDidNotHelp { run: run() })),
        ("resolved", helped().and(14, cleared)),
        ("closed", fired().acknowledged().and(9, resolved.clone())),
        (
            "fix_named",
            fired()
                .acknowledged()
                .and(9, resolved)
                .and(10, Event::FixNamed { by: ana(), fix: Fix::Action("scale".into()) }),
        ),
        ("drill", drill(words, None)),
        ("drill_answered", answered(drill(words, None))),
        ("drill_unanswered", drill(words, None).and(10, Event::DrillEnded { answered_by: None })),
        ("ready_check", drill(words, Some(ready_check()))),
    ]
}

fn ready_check() -> ReadyCheck {
    ReadyCheck { schedule: "payments".to_owned(), shift_at: at(0), tell: vec!["ben".into()] }
}

fn drill(words: &str, ready: Option<ReadyCheck>) -> Night {
    let mut alarm = alarm(words);
    let whom = if ready.is_some() { Whom::Person(ana()) } else { Whom::Schedule("payments".to_owned()) };
    alarm.title = format!("DRILL: schedule payments{words}");
    alarm.summary = format!("Nothing is broken. Acknowledge, to show that you are reached.{words}");
    let (by, why) = (Some("ben".into()), "new phones".to_owned());
    alarm.drill = Some(Drill { whom, by, rule: None, why, answer_seconds: 600, ready });
    let mut night = Night { events: Vec::new(), words: words.to_owned() };
    night.then(0, Event::Opened { alarm });
    night
        .and(
            0,
            Event::Assigned {
                to: vec![ana()],
                level: 0,
                policy: "drill".into(),
                because: format!("on call for payments{words}"),
                wait_seconds: Some(660),
                second_channel_seconds: BTreeMap::new(),
                plans: BTreeMap::new(),
                urgency: None,
                taken: incident::Taken::default(),
            },
        )
        .and(0, Event::Paged { to: ana(), by: "slack".into(), level: 0, message: None, with: Vec::new() })
}

fn answered(night: Night) -> Night {
    night.acknowledged().and(2, Event::DrillEnded { answered_by: Some(ana()) })
}

#[test]
fn a_drill_says_so_first_and_offers_nothing_that_repairs() {
    with_setting(|setting| {
        for (name, night) in
            nights("").into_iter().filter(|(name, _)| name.starts_with("drill") || *name == "ready_check")
        {
            let shown = card(&night.incident(), "C0OPS", setting);
            assert!(shown.text.starts_with("Drill"), "{name}: {}", shown.text);
            let drawn = serde_json::to_string(&shown).unwrap();
            assert!(drawn.contains("*DRILL"), "{name}: {drawn}");
            for offered in ["Run", "Resolve", "Reopen", "Fixed by", "FIRING", "Other action"] {
                assert!(!drawn.contains(offered), "{name} offers {offered}: {drawn}");
            }
        }
        let page =
            |night: &Night| serde_json::to_string(&answer::page(&night.incident(), &ana(), None, setting)).unwrap();
        let asked = page(&drill("", None));
        assert!(asked.contains("Nothing is broken") && asked.contains("\"Acknowledge\""), "{asked}");
        assert!(page(&drill("", Some(ready_check()))).contains("\"I am ready\""));
        let over = |night: &Night| answer::page_over(&night.incident(), 0, setting).text;
        assert_eq!(over(&answered(drill("", None))), "INC-42 DRILL: schedule payments was answered by Ana Ruiz.");
        let unanswered = drill("", None).and(10, Event::DrillEnded { answered_by: None });
        assert_eq!(over(&unanswered), "INC-42 DRILL: schedule payments ended, and nobody answered.");
    });
}

fn with_setting<T>(draw: impl FnOnce(&Setting<'_>) -> T) -> T {
    let catalogue = catalogue();
    let face = |who: &ResponderId| match who.as_str() {
        "ana" => Face { name: "Ana Ruiz".into(), slack: Some("U0ANA".into()) },
        "ben" => Face { name: "Ben Okafor".into(), slack: Some("U0BEN".into()) },
        other => Face { name: other.to_owned(), slack: None },
    };
    draw(&Setting {
        catalogue: &catalogue,
        face: &face,
        console: Some("https://catops.example"),
        command: "/catops",
        future: &[],
    })
}

fn answers(night: &Night, words: &str, setting: &Setting<'_>) -> Vec<(&'static str, Message)> {
    let incident = night.incident();
    let duty = |people: Vec<ResponderId>| Duty {
        schedule: format!("payments{words}"),
        people,
        until: Some(at(600)),
        because: format!("turn 37 of weekly{words}"),
        next: vec!["ben".into()],
    };
    let asked = Asked { at: at(600), told: "Mon 23 Nov 2026 01:02 Europe/Madrid".to_owned() };
    let denied = Denied { who_can: vec!["ben".into(), format!("payments{words}")] };
    let misread = command::parse(&format!("akc 42{words}")).unwrap_err();
    let lines = night.lines();
    let runbook = answer::FoundRunbook {
        id: "host/disk-full".into(),
        title: format!("Disk is full{words}"),
        line: format!("Full disks block all writes & more{words}"),
        matches: vec![0..4, 5..10],
    };
    vec![
        ("denied", answer::denied(&format!("Roll back{words}"), &denied, setting)),
        ("stale", answer::nothing_done(Some(&incident), &format!("ana already acknowledged it{words}"))),
        ("unknown_word", answer::misread(&misread, setting)),
        ("help", answer::help(None, setting)),
        ("help_run", answer::help(Some(Word::Run), setting)),
        ("incidents", answer::incidents(&[incident.clone(), Night::new(words).acknowledged().incident()], setting)),
        ("oncall", answer::on_call(&[duty(vec![ana()]), duty(vec![])], Some(&asked), setting)),
        ("oncall_now", answer::on_call(&[duty(vec![ana()])], None, setting)),
        (
            "digest",
            digest(&storm(3), "C0OPS", &[incident.clone(), Night::new(words).acknowledged().incident()], setting),
        ),
        ("page", answer::page(&incident, &ana(), Some("https://acme.slack.com/archives/C0OPS/p1"), setting)),
        ("page_over", answer::page_over(&incident, incident.round, setting)),
        ("thread", answer::thread(lines.last().unwrap(), "17.1")),
        ("said", answer::say(&format!("pong{words}"))),
        ("runbooks", answer::runbooks("disk full", &[runbook], setting)),
        ("no_runbook", answer::runbooks(&format!("quasar{words}"), &[], setting)),
    ]
}

/// A storm that took so many incidents.
fn storm(total: u64) -> Digest {
    Digest { number: 7, began_at: at(0), newest_at: at(1), total, members: Vec::new(), posted: None }
}

fn forms(night: &Night, setting: &Setting<'_>) -> Vec<(&'static str, View)> {
    let incident = night.incident();
    let scale = setting.catalogue.get(&"scale".into()).unwrap();
    let rollback = setting.catalogue.get(&"rollback".into()).unwrap();
    let title = incident.alarm.title.clone();
    let before =
        form::Before { incident: IncidentId(17), title, ended_at: at(-900), ended: "Roll back helped <b>".to_owned() };
    vec![
        ("why", form::why(&incident, &[before], setting)),
        ("params", form::params(&incident, scale, &scale.fill(&incident.alarm), Some(2), setting)),
        ("params_text", form::params(&incident, rollback, &rollback.fill(&incident.alarm), None, setting)),
        ("choose", form::choose(&incident, setting)),
        ("note", form::note(&incident)),
        ("assign", form::assign(&incident)),
        ("timeline", form::timeline(&incident, &night.lines(), setting)),
    ]
}

#[test]
fn the_card_through_the_night() {
    with_setting(|setting| {
        for (name, night) in nights("") {
            insta::assert_json_snapshot!(format!("card_{name}"), card(&night.incident(), "C0OPS", setting));
        }
    });
}

#[test]
fn what_catops_answers_and_asks() {
    with_setting(|setting| {
        let night = Night::fired();
        for (name, message) in answers(&night, "", setting) {
            insta::assert_json_snapshot!(format!("answer_{name}"), message);
        }
        for (name, view) in forms(&night, setting) {
            insta::assert_json_snapshot!(format!("form_{name}"), view);
        }
    });
}

/// Words that an attacker, or a very tired monitoring system, may put into an alarm.
fn hostile() -> Vec<String> {
    vec![
        " <!channel> <@U0BEN> <https://evil.example|INC-42> & `rm -rf` *bold* \u{202E}desrever\u{0}\r\n\u{200B}> quote"
            .to_owned(),
        " x".repeat(5000),
        "&<>".repeat(3333),
        "```\n".repeat(2000),
        "👩\u{200D}🚒".repeat(2500),
    ]
}

#[test]
fn every_surface_keeps_slacks_limits_and_lets_no_alarm_act() {
    with_setting(|setting| {
        for words in hostile() {
            for (name, night) in nights(&words) {
                let message = card(&night.incident(), "C0OPS", setting);
                assert_eq!(check(&message), [], "{name}");
                assert!(!message.blocks.is_empty() && message.blocks.len() <= OPEN_BLOCKS_MAX, "{name}");
                assert_harmless(name, &serde_json::to_value(&message).unwrap());
            }
            let night = Night::new(&words).triaged();
            for (name, message) in answers(&night, &words, setting) {
                assert_eq!(check(&message), [], "{name}");
                assert!(!message.blocks.is_empty(), "{name}");
                assert_harmless(name, &serde_json::to_value(&message).unwrap());
            }
            for (name, view) in forms(&night, setting) {
                assert_eq!(check_view(&view), [], "{name}");
                assert_harmless(name, &serde_json::to_value(&view).unwrap());
            }
        }
    });
}

#[test]
fn a_storm_is_listed_and_counted() {
    let storm = vec![Night::new(&" x".repeat(5000)).triaged().incident(); 200];
    let list = with_setting(|setting| answer::incidents(&storm, setting));
    assert_eq!(check(&list), []);
    assert_eq!(list.blocks.len(), 17);
    assert!(list.text.starts_with("200 open incidents."));
}

#[test]
fn a_digest_shows_the_worst_first_and_shrinks_when_it_is_over() {
    let firing = |id: u64, severity: Severity| {
        let mut incident = Night::new("").triaged().incident();
        (incident.id, incident.severity) = (IncidentId(id), severity);
        incident
    };
    let mut members: Vec<Incident> = (1..=10).map(|id| firing(id, Severity::Warning)).collect();
    members.push(firing(11, Severity::Critical));
    members.push(Night::new("").acknowledged().incident());
    members.push(Night::new("").triaged().and(3, Event::Resolved { by: ana(), note: String::new() }).incident());
    let shown = with_setting(|setting| digest(&storm(300), "C0OPS", &members, setting));
    assert_eq!(check(&shown), []);
    let head = "STORM: 300 more incidents since 14:02 UTC, 11 firing, 1 acknowledged, 1 resolved. INC-11 SEV1";
    assert!(shown.text.starts_with(head), "{}", shown.text);
    assert_eq!(shown.text.matches("INC-").count(), DIGEST_LISTED_MAX);
    assert!(shown.text.ends_with("And 4 more."), "{}", shown.text);
    let json = serde_json::to_string(&shown).unwrap();
    assert!(json.contains("Acknowledge all 11") && json.contains("1|ackall|||c=C0OPS|d=7"), "{json}");

    members.retain(|incident| !incident.is_open());
    let over = with_setting(|setting| digest(&storm(300), "C0OPS", &members, setting));
    assert_eq!(over.blocks.len(), 1);
    assert_eq!(over.text, "STORM OVER: 300 more incidents since 14:02 UTC, 1 resolved.");
}

/// Plain text is shown as it is; in markup, and in the words of a message, nothing foreign may act.
#[track_caller]
fn assert_harmless(name: &str, json: &Value) {
    let words = json.get("text").and_then(Value::as_str);
    let is_plain = json["type"] == "plain_text";
    for mark in ["<!channel", "<@U0BEN> <https", "<@U0BEN> &lt;https", "<https://evil"] {
        assert!(is_plain || !words.is_some_and(|words| words.contains(mark)), "{name} lets {mark:?} through: {json}");
    }
    for hidden in ['\u{202E}', '\u{0}', '\u{200B}'] {
        assert!(!words.is_some_and(|words| words.contains(hidden)), "{name} lets {hidden:?} through: {json}");
    }
    match json {
        Value::Object(fields) => fields.values().for_each(|field| assert_harmless(name, field)),
        Value::Array(entries) => entries.iter().for_each(|entry| assert_harmless(name, entry)),
        _ => {}
    }
}

#[test]
fn nothing_is_cut_from_an_ordinary_card() {
    with_setting(|setting| {
        for (name, night) in nights("") {
            let message = card(&night.incident(), "C0OPS", setting);
            let json = serde_json::to_string(&message).unwrap();
            // Buttons that ask for more end in the same sign as a cut: those follow a quote.
            assert!(!json.replace("…\"", "").contains('…'), "{name}: {json}");
            assert!(json.len() < 8000, "{name} has {} bytes", json.len());
        }
    });
}

fn buttons(message: &Message) -> Vec<(String, Claim)> {
    let elements = message.blocks.iter().flat_map(|block| match block {
        Block::Section(section) => section.accessory.iter().collect::<Vec<_>>(),
        Block::Actions(actions) => actions.elements.iter().collect(),
        _ => Vec::new(),
    });
    let buttons = elements.filter_map(|element| match element {
        Element::Button(button) => Some((button.text.text.clone(), button.value.clone()?.parse().unwrap())),
        _ => None,
    });
    buttons.collect()
}

#[test]
fn every_button_names_the_incident_as_it_stood() {
    with_setting(|setting| {
        for (name, night) in nights("") {
            let incident = night.incident();
            for (text, claim) in buttons(&card(&incident, "C0OPS", setting)) {
                assert_eq!((claim.incident, claim.seq), (Some(IncidentId(42)), Some(incident.seq)), "{name}: {text}");
            }
        }
    });
}

#[test]
fn what_did_not_help_makes_room_for_the_next_suggestion() {
    let night = Night::fired().acknowledged().running().finished(RunOutcome::Succeeded);
    let night = night.and(15, Event::ActionDidNotHelp { run: RunId("run-42-1".into()) });
    let buttons = with_setting(|setting| buttons(&card(&night.incident(), "C0OPS", setting)));
    let first_run = buttons.iter().find(|(_, claim)| claim.verb == Verb::Run).unwrap();
    assert_eq!((first_run.1.id("a"), first_run.1.id("n")), (Some("scale"), Some("2")));
}

#[test]
fn a_form_comes_back_as_parameters() {
    let catalogue = catalogue();
    let scale = catalogue.get(&"scale".into()).unwrap();
    let state = crate::read::State(BTreeMap::from([
        ("param:service".into(), vec!["cart".into()]),
        ("param:count".into(), vec!["40".into()]),
    ]));
    let sent = form::sent_params(scale, &state);
    let expect = [("count", "40"), ("force", "false"), ("service", "cart")];
    assert_eq!(sent, expect.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    let answer = form::errors(&scale.validate(&sent).unwrap_err());
    assert_eq!(answer["errors"]["param:count"], "It has to be a whole number from 1 to 12.");
}

#[test]
fn times_are_short() {
    for (seconds, text) in [(45, "45 s"), (840, "14 min"), (11_100, "3 h 5 min"), (7200, "2 h"), (187_200, "2 d 4 h")] {
        assert_eq!(span(TimeDelta::seconds(seconds)), text);
    }
    assert_eq!(plain_times("at <!date^1^{time}|00:00 UTC>, ok"), "at 00:00 UTC, ok");
}

#[test]
fn a_page_that_waits_is_told_beside_the_owner() {
    with_setting(|setting| {
        let because = "5 in 15 minutes".to_owned();
        let held = Event::PageHeld { to: ana(), by: "sms".into(), until: at(12), because };
        let night = Night::new("").triaged().and(1, held);
        let drawn = serde_json::to_string(&card(&night.incident(), "C0OPS", setting)).unwrap();
        assert!(drawn.contains("\\nText message to "), "{drawn}");
        assert!(drawn.contains(" waits until <!date^"), "{drawn}");
        assert!(drawn.contains(": 5 in 15 minutes"), "{drawn}");
        let taken = serde_json::to_string(&card(&night.acknowledged().incident(), "C0OPS", setting)).unwrap();
        assert!(!taken.contains("waits until"), "{taken}");
    });
}
