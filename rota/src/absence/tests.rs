//! Who is away and on duty.

use super::*;
use crate::sample::rota_of;
use chrono::{DateTime, Utc};

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-{text}:00Z").parse().unwrap()
}

fn span(start: &str, end: &str) -> Span {
    Span { start: at(start), end: at(end) }
}

#[test]
fn who_is_away_and_on_duty_is_found_ahead_and_warned_of() {
    let layer =
        "[[schedules.s.layers]]\nrotation = [\"ana\", \"ben\"]\nhandoff = \"2026-03-02 00:00\"\nevery = \"1 week\"\n";
    let mut rota = rota_of("UTC", layer);
    let away = |person: &str, time: Span| Away { person: person.into(), span: time, without_cover: false };
    rota.away = vec![
        away("ana", span("03-06T00:00", "03-08T00:00")),
        away("ana", span("03-07T00:00", "03-12T00:00")),
        away("ben", span("03-03T00:00", "03-04T00:00")),
    ];
    let march = span("03-01T00:00", "04-01T00:00");
    let found = away_on_duty(&rota, "s", &[], march).unwrap();
    assert_eq!(found, BTreeMap::from([("ana".into(), vec![span("03-06T00:00", "03-09T00:00")])]));
    let warnings: Vec<String> = rota.warnings(at("03-01T00:00")).into_iter().map(|warning| warning.message).collect();
    let expect = "ana is on duty on s from Fri 6 Mar 2026 00:00 until Mon 9 Mar 2026 00:00 UTC and away by a calendar; ask for cover, or write an override";
    assert!(warnings.iter().any(|warning| warning == expect), "{warnings:?}");
    assert_eq!(away_of(&rota, &"ben".into(), march), [span("03-03T00:00", "03-04T00:00")]);
    assert!(away_on_duty(&rota, "t", &[], march).is_err());
}
