//! Nights as events, with losses planted in them: each must be named, and a whole night must be clean.

use super::*;
use chrono::TimeDelta;
use serde_json::{Value, json};

const KEY: &str = "generic:disk";

/// Events and what lies beside them, as a log would give them.
#[derive(Clone)]
struct Night {
    events: Vec<(String, u64, Value, String)>,
    receipts: Vec<String>,
    effects: Vec<String>,
}

impl Night {
    fn new() -> Self {
        Self { events: Vec::new(), receipts: Vec::new(), effects: Vec::new() }
    }

    fn add(mut self, stream: &str, actor: &str, body: Value) -> Self {
        let version = self.events.iter().filter(|(name, ..)| name == stream).map(|(_, version, ..)| version).max();
        self.events.push((stream.to_owned(), version.unwrap_or(&0) + 1, body, actor.to_owned()));
        self
    }

    /// What a delivery became, with the receipt that its sender got.
    fn alarm(mut self, stream: &str, kind: &str, delivery: &str) -> Self {
        self.receipts.push(delivery.to_owned());
        let body = match kind {
            "opened" => json!({ "kind": kind, "alarm": { "delivery": delivery, "title": "Disk is full" } }),
            "silenced" => {
                json!({ "kind": kind, "alarm": { "delivery": delivery, "title": "Disk is full" }, "silence": 3 })
            }
            "set_aside" => json!({ "kind": kind, "delivery": delivery, "why": "stale" }),
            _ => json!({ "kind": kind, "delivery": delivery }),
        };
        self.add(stream, "source:generic", body)
    }

    fn then(self, stream: &str, body: Value) -> Self {
        self.add(stream, "catops", body)
    }

    fn assigned(self, stream: &str, to: &[&str], wait: Option<u64>) -> Self {
        self.then(stream, json!({ "kind": "assigned", "to": to, "level": 0, "wait_seconds": wait }))
    }

    fn paged(self, stream: &str, by: &str) -> Self {
        self.then(stream, json!({ "kind": "paged", "to": "ana", "by": by, "level": 0 }))
    }

    fn waiting(mut self, effect: &str) -> Self {
        self.effects.push(effect.to_owned());
        self
    }

    /// Takes one event out of the log; its stream keeps its numbers and its head.
    fn without(mut self, stream: &str, version: u64) -> Self {
        self.events.retain(|(name, number, ..)| (name.as_str(), *number) != (stream, version));
        self
    }

    fn report_of(&self, heads: &Self, since: Option<i64>, keep: Keep) -> Report {
        let mut audit = Audit::new(since.map(at), keep);
        for (place, (stream, version, body, actor)) in self.events.iter().enumerate() {
            let cause = body["delivery"].as_str().or(body["alarm"]["delivery"].as_str()).unwrap_or("effect");
            let (body, kind) = (body.to_string(), body["kind"].as_str().unwrap_or_default());
            audit.see(&Entry {
                stream,
                of: of(stream),
                version: *version,
                at: at(place as i64),
                kind,
                actor,
                cause,
                body: body.as_bytes(),
            });
        }
        if since.is_none() {
            self.receipts.iter().for_each(|key| audit.receipt(key));
            heads.events.iter().for_each(|(stream, version, ..)| audit.head(stream, *version));
        }
        for (id, wanted) in audit.wanted() {
            audit.looked(id, wanted.iter().any(|id| self.effects.contains(id)));
        }
        audit.report(at(1000))
    }

    fn report(&self) -> Report {
        self.report_of(self, None, Keep::Each(9))
    }
}

fn of(stream: &str) -> Of<'_> {
    match stream.split_once('/') {
        Some(("inc", number)) => Of::Incident(number.parse().expect("a number")),
        Some(("alarm", key)) => Of::Aside(key),
        Some(("dead-letters", source)) => Of::DeadLetters(source),
        _ => Of::Other,
    }
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(second)
}

/// An incident that was paged, fired again, cleared and fired once more; one that waits; one alarm aside; one unreadable.
fn whole() -> Night {
    Night::new()
        .alarm("inc/1", "opened", "d1")
        .assigned("inc/1", &["ana"], Some(300))
        .paged("inc/1", "slack")
        .alarm("inc/1", "repeated", "d2")
        .alarm("inc/1", "cleared", "d3")
        .alarm("inc/1", "refired", "d4")
        .assigned("inc/1", &["ana"], None)
        .paged("inc/1", "sms")
        .alarm("inc/2", "opened", "d5")
        .waiting("triage/2/1")
        .alarm(&format!("alarm/{KEY}"), "set_aside", "d6")
        .add("dead-letters/generic", "source:generic", json!({ "error": "no title", "bytes": 3 }))
}

#[track_caller]
fn check(night: &Night, heads: &Night, expect: &[&str]) {
    let report = night.report_of(heads, None, Keep::Nothing);
    let found: Vec<String> = report.unaccounted.iter().map(ToString::to_string).collect();
    assert_eq!(found, expect);
}

#[test]
fn a_whole_night_adds_up() {
    let report = whole().report();
    assert_eq!(report.unaccounted, []);
    assert_eq!((report.received, report.ends.sum(), report.receipts), (7, 7, Some(6)));
    let ends = &report.ends;
    assert_eq!((ends.opened, ends.joined, ends.cleared, ends.refired), (2, 1, 1, 1));
    assert_eq!((ends.set_aside["stale"], ends.rejected["generic"]), (1, 1));
    let opened = &report.opened;
    assert_eq!((opened.paged, opened.page_pending, opened.open), (1, 1, 2));
    assert_eq!(opened.paged_by.iter().map(|(by, n)| (by.as_str(), *n)).collect::<Vec<_>>(), [("slack", 1), ("sms", 1)]);
}

#[test]
fn what_a_silence_held_back_has_a_row_of_its_own_and_comes_out_as_another_delivery() {
    let night = whole()
        .alarm("alarm/generic:cpu", "silenced", "d7")
        .alarm("alarm/generic:cpu", "silenced", "d8")
        .then("alarm/generic:cpu", json!({ "kind": "came_out", "silence": 3, "incident": 3 }))
        .alarm("inc/3", "opened", "d8@S-3")
        .assigned("inc/3", &["ana"], None)
        .paged("inc/3", "slack");
    let report = night.report();
    assert_eq!(report.unaccounted, []);
    assert_eq!((report.received, report.ends.sum()), (10, 10));
    assert_eq!((report.ends.silenced["S-3"], report.ends.opened, report.ends.set_aside["stale"]), (2, 3, 1));
    let first = &report.rows[&Row::Silenced][0];
    assert_eq!(
        (first.delivery.as_str(), first.title.as_str(), first.why.as_deref()),
        ("d7", "Disk is full", Some("S-3"))
    );
}

#[test]
fn every_number_leads_to_its_events() {
    let report = whole().report();
    let places = |row| report.rows[&row].iter().map(|item| (item.stream.as_str(), item.version)).collect::<Vec<_>>();
    assert_eq!(places(Row::Opened), [("inc/1", 1), ("inc/2", 1)]);
    assert_eq!(places(Row::Refired), [("inc/1", 6)]);
    assert_eq!(places(Row::PagePending), [("inc/2", 1)]);
    assert_eq!(places(Row::SetAside), [("alarm/generic:disk", 1)]);
    let joined = &report.rows[&Row::Joined][0];
    assert_eq!((joined.incident.as_deref(), joined.title.as_str()), (Some("INC-1"), "Disk is full"));
    assert_eq!(report.rows[&Row::Rejected][0].title, "no title");
    let only = whole().report_of(&whole(), None, Keep::Row(Row::Cleared));
    assert_eq!(only.rows.keys().copied().collect::<Vec<_>>(), [Row::Cleared]);
    for row in Row::ALL {
        assert_eq!(row.as_str().parse(), Ok(*row));
    }
}

#[test]
fn a_missing_event_is_named_wherever_it_stood() {
    let lost = |delivery| format!("{delivery} was received, and no event tells what became of it");
    let night = whole().without("inc/1", 4);
    check(&night, &whole(), &["event 4 of inc/1 is missing", &lost("d2")]);
    assert_eq!((night.report().received, night.report().ends.sum()), (7, 6), "received, and in no end");
    // A page is no alarm's end, and missed all the same.
    check(&whole().without("inc/1", 3), &whole(), &["event 3 of inc/1 is missing"]);
    // What CatOps added to the alarm carries the same delivery and does not answer for it.
    check(&whole().without("inc/1", 1), &whole(), &["event 1 of inc/1 is missing", &lost("d1")]);
    let end = "inc/1 ends with event 7, and event 8 was its last one";
    check(&whole().without("inc/1", 8).waiting("page/1/7/ana"), &whole(), &[end]);
    check(&whole().without("inc/2", 1), &whole(), &["all 1 events of inc/2 are missing", &lost("d5")]);
    let aside = "alarm/generic:disk";
    check(&whole().without(aside, 1), &Night::new(), &[&lost("d6")]);
}

#[test]
fn a_receipt_without_an_event_is_named() {
    let mut night = whole();
    night.receipts.push("d9".to_owned());
    check(&night, &night, &["d9 was received, and no event tells what became of it"]);
}

#[test]
fn a_click_is_answered_by_the_person_s_event() {
    let mut night =
        whole().add("inc/2", "person:ana", json!({ "kind": "acknowledged", "by": "ana", "delivery": "click" }));
    night.receipts.push("click".to_owned());
    check(&night, &night, &[]);
}

#[test]
fn a_delivery_that_ended_twice_is_named() {
    let night = whole().alarm("inc/2", "repeated", "d2");
    check(&night, &night, &["the delivery d2 ended twice: in inc/1/4 and in inc/2/2"]);
}

#[test]
fn deliveries_that_were_written_together_are_counted_each() {
    let body = json!({ "kind": "repeated", "delivery": "d8", "also": ["d9", "d10"] });
    let mut night = whole().add("inc/1", "source:generic", body);
    night.receipts.extend(["d8", "d9", "d10"].map(str::to_owned));
    check(&night, &night, &[]);
    assert_eq!(night.report().ends.joined, whole().report().ends.joined + 3);
    let twice = night.clone().alarm("inc/2", "repeated", "d10");
    check(&twice, &twice, &["the delivery d10 ended twice: in inc/1/9 and in inc/2/2"]);
    let lost = night.without("inc/1", 9);
    let named: Vec<String> =
        lost.report_of(&lost, None, Keep::Nothing).unaccounted.iter().map(ToString::to_string).collect();
    assert_eq!(named.len(), 3, "{named:?}");
}

#[test]
fn an_event_that_is_seen_twice_counts_once() {
    let mut night = whole();
    let again = night.events[3].clone();
    night.events.push(again);
    check(&night, &whole(), &[]);
    assert_eq!(night.report().ends.joined, 1);
}

#[test]
fn an_event_that_cannot_be_read_is_named() {
    let night = whole().add("inc/2", "source:generic", json!({ "kind": "repeated", "delivery": 7 }));
    let said = night.report().unaccounted.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(said.iter().any(|said| said.starts_with("event 2 of inc/2 cannot be read: invalid type")), "{said:?}");
}

/// An incident after its opening, with these effects: is it stalled, and in which row is it?
#[track_caller]
fn check_escalation(steps: &[&Value], effects: &[&str], expect: (bool, Row)) {
    let mut night = Night::new().alarm("inc/1", "opened", "d1");
    for step in steps {
        night = night.then("inc/1", (*step).clone());
    }
    night.effects = effects.iter().map(|&effect| effect.to_owned()).collect();
    let report = night.report();
    let row = report.rows.iter().find(|(row, _)| (Row::Paged..=Row::OwnerMissing).contains(row));
    let stalled = report.unaccounted.iter().any(|finding| finding.kind() == "stalled");
    assert_eq!((stalled, *row.expect("each incident is in one").0), expect, "{steps:?} with {effects:?}");
    assert_eq!(report.unaccounted.len(), usize::from(stalled), "{:?}", report.unaccounted);
}

#[test]
fn an_incident_that_waits_for_nothing_is_named() {
    let assigned = |to: &[&str], wait: Option<u64>| json!({ "kind": "assigned", "to": to, "wait_seconds": wait });
    let paged = json!({ "kind": "paged", "to": "ana", "by": "slack" });
    let failed = json!({ "kind": "page_failed", "to": "ana", "error": "no such user" });
    let kind = |kind: &str| json!({ "kind": kind, "by": "ana", "level": 1 });
    check_escalation(&[], &["triage/1/1"], (false, Row::PagePending));
    check_escalation(&[], &[], (true, Row::OwnerMissing));
    check_escalation(&[], &["card/1", "triage/2/1"], (true, Row::OwnerMissing));
    let ana = assigned(&["ana"], Some(300));
    check_escalation(&[&ana], &["page/1/2/ana", "ack/1/2"], (false, Row::PagePending));
    check_escalation(&[&ana], &[], (true, Row::PageFailed));
    check_escalation(&[&ana, &paged], &["ack/1/2"], (false, Row::Paged));
    check_escalation(&[&ana, &paged], &[], (true, Row::Paged));
    check_escalation(&[&ana, &paged, &kind("escalated")], &["ack/1/2"], (false, Row::Paged));
    check_escalation(&[&ana, &paged, &kind("escalated")], &["triage/1/4"], (false, Row::Paged));
    check_escalation(&[&ana, &paged, &kind("escalated")], &[], (true, Row::Paged));
    check_escalation(&[&ana, &failed], &["ack/1/2"], (false, Row::PageFailed));
    check_escalation(&[&assigned(&[], None)], &["ack/1/2"], (false, Row::NobodyOnCall));
    check_escalation(&[&assigned(&[], None)], &[], (true, Row::NobodyOnCall));
    check_escalation(&[&assigned(&[], None), &kind("escalation_exhausted")], &[], (false, Row::NobodyOnCall));
    check_escalation(&[&assigned(&["ana"], None), &paged], &[], (false, Row::Paged));
    check_escalation(&[&assigned(&["ana"], None), &failed], &[], (true, Row::PageFailed));
    check_escalation(&[&ana, &kind("acknowledged")], &[], (false, Row::EndedUnpaged));
    check_escalation(&[&ana, &paged, &kind("resolved")], &[], (false, Row::Paged));
    check_escalation(&[&ana, &paged, &kind("resolved"), &kind("reopened")], &[], (true, Row::Paged));
    check_escalation(&[&ana, &paged, &kind("resolved"), &kind("reopened")], &["triage/1/5"], (false, Row::Paged));
}

#[test]
fn what_moved_after_the_look_is_not_called_stalled() {
    let mut audit = Audit::new(None, Keep::Nothing);
    let see = |audit: &mut Audit, version, kind, body: &str| {
        let (stream, of, actor, cause) = ("inc/1", Of::Incident(IncidentId(1)), "source:generic", "d1");
        audit.see(&Entry { stream, of, version, at: at(0), kind, actor, cause, body: body.as_bytes() });
    };
    see(&mut audit, 1, "opened", r#"{"alarm":{"delivery":"d1","title":"Disk is full"}}"#);
    assert_eq!(audit.wanted(), [(IncidentId(1), vec!["triage/1/1".to_owned()])]);
    audit.looked(IncidentId(1), false);
    see(&mut audit, 2, "assigned", r#"{"to":["ana"],"wait_seconds":300}"#);
    assert_eq!(audit.report(at(1)).unaccounted, []);
}

#[test]
fn a_part_of_the_log_is_judged_by_itself() {
    let mut night = whole();
    night.events.drain(..3);
    let report = night.report_of(&night, Some(2), Keep::Nothing);
    assert_eq!(report.unaccounted, [], "what came before the part is not missing");
    assert_eq!((report.receipts, report.received, report.ends.sum()), (None, 4, 4));
    assert_eq!((report.ends.opened, report.ends.joined), (1, 0), "what lies before the part is passed over");
}

#[test]
fn a_page_that_waits_is_still_to_come() {
    let held = json!({
        "kind": "page_held", "to": "ana", "by": "sms", "until": "2026-11-23T02:14:00Z", "because": "5 in 15 minutes",
    });
    let plans = json!({ "ana": [{ "by": "sms", "after_seconds": 0 }] });
    let assigned = json!({ "kind": "assigned", "to": ["ana"], "level": 0, "wait_seconds": null, "plans": plans });
    let night = Night::new().alarm("inc/1", "opened", "d1").then("inc/1", assigned).then("inc/1", held);
    let report = night.clone().waiting("page-by/1/2/ana/sms").report();
    assert_eq!((report.opened.page_pending, report.opened.page_failed), (1, 0));
    assert!(report.unaccounted.is_empty(), "{:?}", report.unaccounted);
    // Without its effect it would never come.
    let forgotten = night.report();
    assert!(matches!(&forgotten.unaccounted[..], [Finding::Stalled { .. }]), "{:?}", forgotten.unaccounted);
}
