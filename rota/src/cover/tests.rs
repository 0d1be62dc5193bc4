//! A request for cover as people live it, and property 14.

use super::*;
use crate::ledger::Clocks;
use crate::shifts::total;
use crate::{sample, shifts};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;

const WEEKLY: &str = r#"layers = [{ name = "weekly", rotation = ["ana", "ben", "chi", "dan"], handoff = "2026-01-05 09:00", every = "1 week" }]"#;

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-{text}:00Z").parse().unwrap()
}

fn span(start: &str, end: &str) -> Span {
    Span { start: at(start), end: at(end) }
}

fn rota() -> Rota {
    sample::rota_of("UTC", WEEKLY)
}

/// Ana, whose week begins on Monday 2 March, asks for Saturday 10 to 14.
fn request() -> CoverRequest {
    let span = span("03-07T10:00", "03-07T14:00");
    CoverRequest::new(ask_for_cover(&rota(), "s", &[], &"ana".into(), span, "dentist", at("02-20T12:00")).unwrap())
}

fn accept(taker: &str, part: Option<Span>) -> CoverCommand {
    CoverCommand::Accept { taker: taker.into(), part, on_duty: Vec::new() }
}

#[track_caller]
fn done(request: &mut CoverRequest, command: &CoverCommand, when: &str) {
    let event = request.decide(command, at(when)).unwrap();
    request.apply(&event);
}

#[track_caller]
fn refused(request: &CoverRequest, command: &CoverCommand, when: &str, expect: &str) {
    assert_eq!(request.decide(command, at(when)).unwrap_err().to_string(), expect);
}

#[test]
fn the_first_who_accepts_wins() {
    let mut request = request();
    assert_eq!(request.state(at("02-20T12:00")), CoverState::Open);
    refused(
        &request,
        &accept("ana", None),
        "02-21T09:00",
        "you asked for this cover yourself; somebody else has to take it",
    );
    done(&mut request, &accept("ben", None), "02-21T09:00");
    assert_eq!(request.state(at("02-21T09:00")), CoverState::Taken);
    refused(&request, &accept("chi", None), "02-21T09:00", "already taken by ben");
    refused(&request, &accept("ben", None), "02-21T09:00", "already taken by ben");
    let operation = request.operation(&request.takes[0], 7);
    let duty = crate::on_call(&rota(), "s", &[operation], at("03-07T11:00")).unwrap();
    assert_eq!(
        duty.because,
        "ben covers ana until Sat 14:00, asked by ana: dentist; before that turn 8 of weekly (every week from Mon 5 Jan 2026 09:00 UTC)"
    );
}

#[test]
fn who_took_it_can_ask_for_cover_in_turn() {
    let mut first = request();
    done(&mut first, &accept("ben", None), "02-21T09:00");
    let mut operations = vec![first.operation(&first.takes[0], 1)];
    let part = span("03-07T12:00", "03-07T18:00");
    let asked = ask_for_cover(&rota(), "s", &operations, &"ben".into(), part, "", at("02-22T09:00")).unwrap();
    let mut second = CoverRequest::new(asked);
    done(&mut second, &accept("chi", None), "02-22T10:00");
    operations.push(second.operation(&second.takes[0], 2));
    let on_duty = |when: &str| crate::on_call(&rota(), "s", &operations, at(when)).unwrap().on_duty;
    let hours = ["03-07T09:59", "03-07T10:00", "03-07T12:00", "03-07T14:00"];
    assert_eq!(hours.map(on_duty), ["ana", "ben", "chi", "ana"].map(|name| vec![name.into()]));
}

#[test]
fn a_part_leaves_the_rest_open() {
    let mut request = request();
    done(&mut request, &accept("ben", Some(span("03-07T11:00", "03-07T12:00"))), "02-21T09:00");
    assert_eq!(request.state(at("02-21T09:00")), CoverState::Open);
    let open = [span("03-07T10:00", "03-07T11:00"), span("03-07T12:00", "03-07T14:00")];
    assert_eq!(request.open(at("02-21T09:00")), open);
    refused(&request, &accept("chi", Some(span("03-07T11:30", "03-07T13:00"))), "02-21T09:00", "already taken by ben");
    refused(
        &request,
        &accept("chi", Some(span("03-08T10:00", "03-08T11:00"))),
        "02-21T09:00",
        "that part is outside the time that was asked for",
    );
    // Whoever types more than was asked for takes what was.
    done(&mut request, &accept("chi", Some(span("03-07T12:00", "03-07T18:00"))), "02-21T10:00");
    assert_eq!(request.untaken(), open[..1]);
    done(&mut request, &accept("dan", None), "02-21T11:00");
    assert_eq!(request.state(at("02-21T11:00")), CoverState::Taken);
    refused(&request, &accept("eve", None), "02-21T12:00", "already taken by ben, chi and dan");
}

#[test]
fn what_has_begun_cannot_be_taken() {
    let mut request = request();
    done(&mut request, &accept("ben", Some(span("03-07T11:00", "03-07T12:00"))), "02-21T09:00");
    let first = Some(span("03-07T10:00", "03-07T11:00"));
    refused(
        &request,
        &accept("chi", first),
        "03-07T10:00",
        "that time has begun, and ana is on call; to take over now, take the duty itself",
    );
    assert_eq!(request.open(at("03-07T10:00")), [span("03-07T12:00", "03-07T14:00")]);
    assert_eq!(request.state(at("03-07T12:00")), CoverState::PastDue);
    refused(
        &request,
        &accept("chi", None),
        "03-07T12:00",
        "that time has begun, and ana is on call; to take over now, take the duty itself",
    );
}

#[test]
fn how_it_stands_is_told() {
    let mut request = request();
    done(&mut request, &accept("ben", Some(span("03-07T11:00", "03-07T12:00"))), "02-21T09:00");
    let told = |request: &CoverRequest, when: &str| request.told(&Zone::utc(), at(when));
    insta::assert_snapshot!(told(&request, "02-21T09:00"));
    insta::assert_snapshot!(told(&request, "03-07T10:30"));
    done(&mut request, &CoverCommand::Cancel { by: "ana".into() }, "02-21T10:00");
    insta::assert_snapshot!(told(&request, "02-21T10:00"));
}

#[test]
fn only_the_asker_cancels_and_only_what_is_not_taken() {
    let mut request = request();
    done(&mut request, &accept("ben", Some(span("03-07T11:00", "03-07T12:00"))), "02-21T09:00");
    refused(&request, &CoverCommand::Cancel { by: "ben".into() }, "02-21T10:00", "only ana, who asked, can cancel it");
    done(&mut request, &CoverCommand::Cancel { by: "ana".into() }, "02-21T10:00");
    assert_eq!((request.state(at("02-21T10:00")), request.takes.len()), (CoverState::Cancelled, 1));
    refused(&request, &accept("chi", None), "02-21T11:00", "ana no longer needs it");
    refused(&request, &CoverCommand::Cancel { by: "ana".into() }, "02-21T11:00", "ana no longer needs it");
}

#[test]
fn nobody_is_on_duty_twice() {
    let request = request();
    let command =
        CoverCommand::Accept { taker: "ben".into(), part: None, on_duty: vec![span("03-07T13:00", "03-07T20:00")] };
    let refused = request.decide(&command, at("02-21T09:00")).unwrap_err();
    assert_eq!(refused, CoverRefused::OnDuty { spans: vec![span("03-07T13:00", "03-07T14:00")] });
}

#[test]
fn only_duty_can_be_covered() {
    let ask = |span, now: &str| ask_for_cover(&rota(), "s", &[], &"ana".into(), span, "", at(now));
    let told = |span, now| ask(span, now).unwrap_err().to_string();
    assert_eq!(
        told(span("03-10T10:00", "03-10T12:00"), "02-20T12:00"),
        "ana is not on call on s in that time, so there is nothing to cover"
    );
    assert_eq!(
        told(span("03-07T10:00", "03-07T12:00"), "03-07T10:00"),
        "that time has begun; for a time from now on, say who takes over: override"
    );
    // Of a longer time only the duty is asked for.
    let parts = ask(span("03-01T00:00", "04-02T00:00"), "02-20T12:00").unwrap().parts;
    assert_eq!(
        parts.iter().map(|part| (part.span, part.turns[0].number)).collect::<Vec<_>>(),
        [(span("03-02T09:00", "03-09T09:00"), 8), (span("03-30T09:00", "04-02T00:00"), 12)]
    );
}

#[test]
fn reminders_come_closer_and_the_last_is_honest() {
    let mut request = request();
    done(&mut request, &accept("ben", Some(span("03-07T10:00", "03-07T12:00"))), "02-21T09:00");
    let found = reminders(&request, at("02-21T12:00"));
    let told: Vec<String> = found
        .iter()
        .map(|reminder| {
            format!("{} {}\n", reminder.at.format("%m-%d %H:%M"), reminder.sentence(&request, &Zone::utc()))
        })
        .collect();
    insta::assert_snapshot!(told.concat());
    assert_eq!(reminders(&request, at("03-07T00:00")), []);
    done(&mut request, &accept("chi", None), "02-21T13:00");
    assert_eq!(reminders(&request, at("02-21T14:00")), []);
}

#[test]
fn a_turn_that_the_files_move_is_noticed() {
    let request = request();
    let now = at("02-21T09:00");
    assert_eq!(request.standing(&rota(), &[], now).unwrap(), Standing::Same);
    let moved =
        |from: &str, to: &str| request.standing(&sample::rota_of("UTC", &WEEKLY.replace(from, to)), &[], now).unwrap();
    // Ana's turn 8 now starts on Sunday 8 March, a day after the time that was asked for.
    assert_eq!(
        moved("2026-01-05 09:00", "2026-01-11 00:00"),
        Standing::Moved {
            gone: vec![span("03-07T10:00", "03-07T14:00")],
            now: vec![span("03-08T00:00", "03-15T00:00")],
        }
    );
    assert_eq!(
        moved("\"ana\", \"ben\"", "\"ben\", \"ana\""),
        Standing::Moved { gone: request.spans(), now: Vec::new() }
    );
}

#[test]
fn the_least_burdened_is_asked_first_and_told_why() {
    let rota = rota();
    let clocks = Clocks::of(&rota, "s").unwrap();
    let covers = Operation {
        number: 1,
        schedule: "s".into(),
        start: at("02-24T09:00"),
        end: at("02-25T09:00"),
        change: Change::ReplaceUser { from: "dan".into(), to: "chi".into() },
        by: "dan".into(),
        reason: String::new(),
    };
    let ask = |span, away: &[Away]| {
        let found = whom_to_ask(&rota, "s", std::slice::from_ref(&covers), &"ana".into(), span, away, &clocks).unwrap();
        let told: Vec<String> = found.iter().map(|one| format!("{}: {}\n", one.person, one.because)).collect();
        told.concat()
    };
    insta::assert_snapshot!(ask(span("03-07T10:00", "03-07T14:00"), &[]));
    // Ben's week follows, and chi is away for a part of it.
    let away = [Away { person: "chi".into(), span: span("03-09T08:00", "03-20T00:00"), without_cover: false }];
    insta::assert_snapshot!(ask(span("03-09T00:00", "03-09T09:00"), &away));
    // Into ben's own duty, ben is not asked.
    assert!(!ask(span("03-09T00:00", "03-09T10:00"), &[]).contains("ben:"));
}

#[test]
fn who_is_on_call_elsewhere_is_asked_last() {
    let search = r#"
[[schedules.s.layers]]
name = "weekly"
rotation = ["ana", "ben", "chi", "dan"]
handoff = "2026-01-05 09:00"
every = "1 week"
[schedules.search]
zone = "UTC"
layers = [{ name = "all", rotation = [["chi", "dan"]], handoff = "2026-01-05 09:00", every = "1 week" }]
"#;
    let rota = sample::rota_of("UTC", search);
    let clocks = Clocks::of(&rota, "s").unwrap();
    // Of chi's weeks none is near, and ben has two.
    let time = span("03-30T10:00", "03-30T14:00");
    let found = whom_to_ask(&rota, "s", &[], &"ana".into(), time, &[], &clocks).unwrap();
    let told: Vec<String> = found.iter().map(|one| format!("{}: {}\n", one.person, one.because)).collect();
    insta::assert_snapshot!(told.concat());
}

#[test]
fn what_is_kept_of_a_request_stays_readable() {
    let mut request = request();
    let event = request.decide(&accept("ben", Some(span("03-07T10:00", "03-07T12:00"))), at("02-21T09:00")).unwrap();
    request.apply(&event);
    let cancelled = request.decide(&CoverCommand::Cancel { by: "ana".into() }, at("02-21T10:00")).unwrap();
    let kept = serde_json::json!({ "asked": request.asked, "events": [event, cancelled] });
    insta::assert_snapshot!(serde_json::to_string_pretty(&kept).unwrap());
    let asked: Asked = serde_json::from_value(kept["asked"].clone()).unwrap();
    let events: Vec<CoverEvent> = serde_json::from_value(kept["events"].clone()).unwrap();
    assert_eq!((asked, events), (request.asked, vec![event, cancelled]));
}

/// A command as it is made up: parts and times are thousandths of the time that is asked for.
#[derive(Debug, Clone)]
enum MadeUp {
    Accept { taker: ResponderId, part: Option<(i32, i32)> },
    Cancel { by: ResponderId },
}

/// The command, and when it is given: most often before the start, which is 0.
fn made_up() -> impl Strategy<Value = (MadeUp, i32)> {
    let part = prop_oneof![5 => (0..1000, 1..600).prop_map(Some), 1 => Just(None)];
    let accept = (sample::person(), part).prop_map(|(taker, part)| MadeUp::Accept { taker, part });
    let cancel = sample::person().prop_map(|by| MadeUp::Cancel { by });
    (prop_oneof![12 => accept, 1 => cancel], prop_oneof![3 => -1000..0, 1 => 0..1000])
}

fn thousandths(span: Span, thousandths: i32) -> DateTime<Utc> {
    span.start + span.length() * thousandths / 1000
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p14_only_what_is_taken_changes_the_schedule_and_once(
        (rota, mut operations, whole) in sample::story(), place in any::<Index>(), mut commands in vec(made_up(), 0..8),
    ) {
        let duty = |operations: &[Operation]| shifts(&final_schedule(&rota, "s", operations, whole.start, whole.end).unwrap());
        let on_duty = duty(&operations);
        prop_assume!(!on_duty.is_empty());
        let (asker, own) = on_duty.iter().nth(place.index(on_duty.len())).unwrap();
        // From the first to at most the third shift.
        let span = Span { start: own[0].start, end: own[2.min(own.len() - 1)].end };
        let asked = ask_for_cover(&rota, "s", &operations, asker, span, "", whole.start - TimeDelta::days(1)).unwrap();
        let mut before: BTreeMap<ResponderId, Vec<Span>> = duty(&operations);
        let mut request = CoverRequest::new(asked);
        commands.sort_by_key(|(_, when)| *when);
        for (command, when) in commands {
            let when = thousandths(span, when);
            let command = match command {
                MadeUp::Accept { taker, part } => {
                    let on_duty = duty(&operations).remove(&taker).unwrap_or_default();
                    let part = part.map(|(start, length)| Span { start: thousandths(span, start), end: thousandths(span, start + length) });
                    CoverCommand::Accept { taker, part, on_duty }
                }
                MadeUp::Cancel { by } => CoverCommand::Cancel { by },
            };
            let (takes, was) = (request.takes.len(), request.state(when));
            let Ok(event) = request.decide(&command, when) else { continue };
            prop_assert_eq!(was, CoverState::Open);
            request.apply(&event);
            for take in &request.takes[takes..] {
                prop_assert!(take.span.start > when && take.taker != *asker);
                operations.push(request.operation(take, u64::MAX));
            }
        }
        // Each moment is taken at most once, all of them were asked for, and what is not taken is the rest.
        let taken: Vec<Span> = union(request.takes.iter().map(|take| take.span).collect());
        let sum: TimeDelta = request.takes.iter().map(|take| take.span.length()).sum();
        prop_assert_eq!(total(&taken), sum);
        prop_assert_eq!(&difference(&taken, &request.spans()), &Vec::new());
        prop_assert_eq!(request.untaken().is_empty(), request.state(whole.end) == CoverState::Taken);

        // The asker is relieved of exactly what was taken, and each taker carries exactly that more.
        let relieved = difference(&before.remove(asker).unwrap_or_default(), &taken);
        before.insert(asker.clone(), relieved);
        for take in &request.takes {
            let carried = before.remove(&take.taker).unwrap_or_default();
            prop_assert!(intersection(&carried, &[take.span]).is_empty());
            before.insert(take.taker.clone(), union([carried, vec![take.span]].concat()));
        }
        before.retain(|_, shifts| !shifts.is_empty());
        prop_assert_eq!(duty(&operations), before);
    }

    #[test]
    fn reminders_are_ahead_and_before_the_start(days in 0..60_i64) {
        let request = request();
        let now = at("01-10T00:00") + TimeDelta::days(days);
        let found = reminders(&request, now);
        prop_assert!(found.windows(2).all(|pair| pair[0].at < pair[1].at));
        prop_assert!(found.iter().all(|reminder| reminder.at > now && reminder.at < at("03-07T10:00")));
    }
}
