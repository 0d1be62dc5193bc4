//! What a record tells after some nights.

use super::*;
use chrono::TimeZone as _;

fn at(day: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 10, 1, 3, 0, 0).unwrap() + TimeDelta::days(day)
}

fn judged(incident: u64, action: &str, helped: bool, after_seconds: u64) -> RecordEvent {
    let after_seconds = helped.then_some(after_seconds);
    RecordEvent::RunJudged {
        incident: IncidentId(incident),
        action: action.into(),
        by: "ann".into(),
        helped,
        after_seconds,
    }
}

fn ended(incident: u64, cleared_alone: bool, open_seconds: u64) -> RecordEvent {
    RecordEvent::Ended { incident: IncidentId(incident), cleared_alone, open_seconds }
}

fn fixed(incident: u64, fix: Fix) -> RecordEvent {
    RecordEvent::Fixed { incident: IncidentId(incident), fix, by: "ben".into() }
}

fn record(events: &[(i64, RecordEvent)]) -> Record {
    let mut record = Record::default();
    for (day, event) in events {
        record.apply(event, at(*day));
    }
    record
}

fn line(record: &Record, day: i64) -> Option<String> {
    record.history(IncidentId(99), at(day)).map(|history| history.line(|who| who.to_string()))
}

#[test]
fn the_past_of_an_alarm_is_one_line() {
    let mut events: Vec<(i64, RecordEvent)> = (1..=7).map(|n| (0, ended(n, true, 200 + 10 * n))).collect();
    for n in 8..=10 {
        events.push((11, judged(n, "restart-consumer", true, 60 * (n - 6))));
        events.push((11, ended(n, false, 900)));
    }
    let record = record(&events);
    let told = "Fired 11 times in 90 days; 7 cleared alone, median 4 min; restart-consumer 3 of 3, median 3 min; last by ann, 12 Oct";
    assert_eq!(line(&record, 20).as_deref(), Some(told));
    assert_eq!(
        line(&record, 95).as_deref(),
        Some("Fired 4 times in 90 days; restart-consumer 3 of 3, median 3 min; last by ann, 12 Oct")
    );
    assert_eq!(line(&record, 200), None, "what is long past is not told");
    assert_eq!(line(&Record::default(), 0), None);
}

#[test]
fn of_few_only_the_counts_are_told() {
    let record = record(&[(0, ended(1, true, 100)), (0, judged(2, "restart", true, 30)), (0, ended(2, false, 60))]);
    assert_eq!(
        line(&record, 1).as_deref(),
        Some("Fired 3 times in 90 days; 1 cleared alone; restart 1 of 1; last by ann, 1 Oct")
    );
}

#[test]
fn an_incident_that_is_opened_again_ends_once() {
    let record = record(&[(0, ended(1, true, 100)), (1, ended(1, false, 500))]);
    assert_eq!(record.ends.len(), 1);
    assert_eq!(line(&record, 2).as_deref(), Some("Fired 2 times in 90 days"));
    assert_eq!(record.history(IncidentId(1), at(2)), None, "its own end is no history");
}

#[test]
fn who_was_there_knows_better_than_the_watch() {
    let action = ActionId::from("restart");
    let watched = [(0, judged(1, "restart", true, 30)), (0, ended(1, false, 60))];
    let tally = |fix: Option<Fix>| {
        let mut record = record(&watched);
        fix.into_iter().for_each(|fix| record.apply(&fixed(1, fix), at(1)));
        (record.tally(&action, at(1)).helped, record.tally(&"scale".into(), at(1)).helped, record.ends[0].alone)
    };
    assert_eq!(tally(None), (1, 0, false));
    assert_eq!(tally(Some(Fix::Action("restart".into()))), (1, 0, false), "counted once");
    assert_eq!(tally(Some(Fix::Action("scale".into()))), (0, 1, false));
    assert_eq!(tally(Some(Fix::Alone)), (0, 0, true));
    assert_eq!(tally(Some(Fix::Other)), (0, 0, false));
}

#[test]
fn an_outcome_takes_the_place_of_a_click_and_not_the_other_way() {
    let chosen =
        |place| RecordEvent::Chosen { incident: IncidentId(1), action: "restart".into(), by: "ann".into(), place };
    let once = record(&[(0, chosen(Some(1))), (0, judged(1, "restart", false, 0)), (0, chosen(Some(1)))]);
    assert_eq!(once.trials.len(), 1);
    assert_eq!(once.evidence(&"restart".into(), at(0)), Evidence { helped: 0.0, failed: 1.0 });
    let place = |place| record(&[(0, chosen(place))]).evidence(&"restart".into(), at(0)).helped;
    assert!(place(Some(1)) < place(Some(3)) && place(Some(3)) <= place(None), "a click further down says more");
}

#[test]
fn evidence_fades_with_what_comes_later_and_with_time() {
    let evidence = |record: &Record, day| record.evidence(&"restart".into(), at(day));
    let helped: Vec<_> = (1..=20).map(|n| (0, judged(n, "restart", true, 10))).collect();
    let failed = (21..=30).map(|n| (0, judged(n, "restart", false, 0)));
    let record = record(&helped.into_iter().chain(failed).collect::<Vec<_>>());
    let now = evidence(&record, 0);
    assert!(now.failed > 3.0 * now.helped, "{now:?}");
    let later = evidence(&record, 90);
    assert!((later.weight() - now.weight() / 2.0).abs() < 1e-9, "half after 90 days: {later:?}");
}

#[test]
fn a_record_stays_small() {
    let mut record = Record::default();
    for n in 0..1000 {
        record.apply(&ended(n, true, 10), at(0));
        record.apply(&judged(n, "restart", true, 10), at(0));
    }
    assert_eq!((record.ends.len(), record.trials.len()), (ENDS_MAX, TRIALS_MAX));
    assert!(line(&record, 1).unwrap().starts_with("Fired 101 times or more in 90 days"));
}
