//! Files of the rota, and times that people type. A file with a mistake names its line and makes no rota; a rota without one
//! has at every instant exactly one answer to who is on call.
#![no_main]

use chrono::{DateTime, TimeDelta, Utc};
use fuzz::{Input, now};
use rota::{Rota, When, Zone, final_schedule, on_call};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let (which, days) = (input.byte(), i64::from(input.byte()) - 128);
    let text = input.text();
    if which % 4 == 0 {
        return typed_time(&text);
    }
    match Rota::parse(&[("rota/a.toml", &text)]) {
        Err(problems) => {
            assert!(!problems.is_empty());
            let lines = text.lines().count().max(1) + 1;
            for problem in problems {
                assert!((1..=lines).contains(&problem.line) && !problem.message.is_empty(), "{problem:?} of {lines}");
            }
        }
        Ok(rota) => {
            for name in rota.schedules.keys().take(3) {
                one_owner(&rota, name, now() + TimeDelta::days(days));
            }
        }
    }
});

fn one_owner(rota: &Rota, schedule: &str, from: DateTime<Utc>) {
    let to = from + TimeDelta::days(2);
    let segments = final_schedule(rota, schedule, &[], from, to).expect("it is there");
    let mut at = from;
    for segment in segments.iter().take(30) {
        assert_eq!(segment.start, at, "without a gap");
        assert!(segment.end > segment.start);
        at = segment.end;
    }
    if segments.len() <= 30 {
        assert_eq!(at, to, "to the end");
    }
    for segment in segments.iter().take(3) {
        let now = on_call(rota, schedule, &[], segment.start).expect("it is there");
        assert_eq!(now.on_duty.iter().collect::<Vec<_>>(), segment.on_duty, "{}", now.because);
        assert!(now.since.is_none_or(|since| since <= segment.start));
        assert!(now.until.is_none_or(|until| until > segment.start));
        assert!(!now.because.is_empty());
    }
}

fn typed_time(text: &str) {
    let zone = Zone::get("Europe/Madrid").expect("a zone");
    if let Ok(when) = When::parse(text, &zone, now()) {
        let again = When::parse(&when.at.to_rfc3339(), &zone, now()).expect("what was read can be typed");
        assert_eq!(again.at, when.at);
    }
}
