//! Which alarms words are about, and how deliveries in a row become one line.

use super::{Ending, Told, WhyNot, Words};
use crate::alarm::{Alarm, AlarmState, Severity};
use crate::event::{Aside, Event, Recorded};
use crate::fold::Incident;
use crate::id::IncidentId;
use crate::silence::SilenceId;
use chrono::{DateTime, Utc};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_796_000_000 + second, 0).unwrap()
}

fn alarm() -> Alarm {
    Alarm {
        source: "cloudwatch".to_owned(),
        delivery: "d-1".into(),
        key: "cloudwatch:checkout-latency".into(),
        state: AlarmState::Firing,
        severity: Severity::Error,
        title: "Checkout latency".to_owned(),
        summary: "p99 above 2 s".to_owned(),
        resource: "alb/checkout".to_owned(),
        service: Some("payments".to_owned()),
        labels: [("region".to_owned(), "eu-west-1".to_owned())].into(),
        links: Vec::new(),
        occurred_at: at(0),
        drill: None,
    }
}

fn repeated(also: usize) -> Event {
    Event::Repeated {
        delivery: "d-2".into(),
        severity: Severity::Error,
        summary: String::new(),
        occurred_at: at(1),
        also: vec!["d-3".into(); also],
    }
}

#[test]
fn words_are_about_what_an_alarm_is_called_and_where_it_comes_from() {
    for words in ["latency", "CHECKOUT p99", "cloudwatch eu-west-1", "payments", ""] {
        assert!(Words::of(words).are_about(&alarm()), "{words}");
    }
    for words in ["checkout errors", "d-1", "latency checkout db"] {
        assert!(!Words::of(words).are_about(&alarm()), "{words}");
    }
}

#[test]
fn what_ends_alike_in_a_row_is_told_once_with_all_that_came() {
    let opened = Event::Opened { alarm: alarm() };
    let id = IncidentId(7);
    let incident = Incident::fold(id, &[Recorded { seq: 1, at: at(0), event: opened.clone() }]).unwrap();
    let mut found = WhyNot::default();
    found.see(&incident, &opened, at(0));
    found.see(&incident, &Event::EscalationExhausted, at(1));
    found.see(&incident, &repeated(0), at(2));
    found.see(&incident, &repeated(2), at(5));
    let over = Event::Cleared { delivery: "d-9".into(), occurred_at: at(9) };
    found.see(&incident, &over, at(9));
    found.see(&incident, &repeated(0), at(11));

    let told = |ending, deliveries, first, last| Told {
        key: alarm().key,
        title: alarm().title,
        incident: Some(id),
        ending,
        deliveries,
        first_at: at(first),
        last_at: at(last),
    };
    let expect = [
        told(Ending::Opened, 1, 0, 0),
        told(Ending::Joined, 4, 2, 5),
        told(Ending::Cleared, 1, 9, 9),
        told(Ending::Joined, 1, 11, 11),
    ];
    assert_eq!(found.told, expect);
}

#[test]
fn an_end_is_told_by_the_kinds_that_are_said_to_and_no_other() {
    let refired =
        Event::Refired { delivery: "d".into(), severity: Severity::Error, summary: String::new(), occurred_at: at(0) };
    let all = [
        Event::Opened { alarm: alarm() },
        repeated(0),
        Event::Cleared { delivery: "d".into(), occurred_at: at(0) },
        refired,
        Event::SetAside { delivery: "d".into(), why: Aside::Information, occurred_at: at(0) },
        Event::Silenced { alarm: alarm(), silence: SilenceId(1) },
    ];
    assert!(all.iter().all(|event| Ending::of(event).is_some()));
    assert_eq!(all.map(|event| event.kind()), Ending::KINDS);
    assert_eq!(Ending::of(&Event::Woke), None);
}

#[test]
fn two_alarms_at_once_do_not_part_each_others_lines() {
    let mut found = WhyNot::default();
    let silenced = |title: &str| {
        let alarm = Alarm { title: title.to_owned(), ..alarm() };
        Event::Silenced { alarm, silence: SilenceId(3) }
    };
    let stale = Event::SetAside { delivery: "d".into(), why: Aside::Stale, occurred_at: at(0) };
    for second in 0..3 {
        found.see_aside(&"generic:a".into(), &silenced("A"), at(second));
        found.see_aside(&"generic:b".into(), &stale, at(second));
    }
    let lines: Vec<(&str, Ending, u64)> =
        found.told.iter().map(|told| (&*told.title, told.ending, told.deliveries)).collect();
    let expect = [
        ("A", Ending::Silenced { silence: SilenceId(3) }, 3),
        ("generic:b", Ending::SetAside { why: Aside::Stale }, 3),
    ];
    assert_eq!(lines, expect);
}
