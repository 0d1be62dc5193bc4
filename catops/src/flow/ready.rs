//! The ready check: at the beginning of a shift whoever comes gets a drill of their own, by the way that pages take, and has to
//! answer it. It is asked for by the handoff that is written down, so that a restart loses none and repeats none.
//!
//! Nobody is woken by it: of a shift that begins at night the check waits until morning. None is made for a shift of less than
//! an hour, and none for somebody who was on duty within the day before.

use crate::app::App;
use crate::clock;
use crate::flow::change::{self, ChangeError, new_effect};
use crate::flow::drill::{self, NoDrill};
use crate::flow::handoff::HandoffEvent;
use crate::flow::perform::{NotNow, done};
use crate::flow::{names, triage};
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use incident::{DRILL_KEY, Effect, ReadyCheck, Repeat, ResponderId, Task};
use log::{EventLog, LeasedEffect, NewEffect};
use rota::{Occurrence, Operation, Rota, Schedule, Zone, final_schedule};

/// The hours in which a check may ring, on the clock of whoever is asked: its beginning, and its end, which is excluded.
const MAY_RING: [NaiveTime; 2] =
    [NaiveTime::from_hms_opt(8, 0, 0).expect("08:00 exists"), NaiveTime::from_hms_opt(22, 0, 0).expect("22:00 exists")];
/// A shorter shift is not checked: it would be half over.
const SHIFT_MIN: TimeDelta = TimeDelta::hours(1);
/// Who was on duty within this time before simply goes on.
const GOES_ON: TimeDelta = TimeDelta::hours(24);

/// The name of the checks of somebody on a schedule: the newest of them holds it.
fn key(schedule: &str, person: &ResponderId) -> String {
    format!("{DRILL_KEY}ready/{schedule}/{person}")
}

/// The checks that a schedule's handoffs ask for: one for each who came.
#[must_use]
pub fn effects(rota: &Rota, schedule: &Schedule, news: &[HandoffEvent], now: DateTime<Utc>) -> Vec<NewEffect> {
    if schedule.ready_check.is_none() {
        return Vec::new();
    }
    let handovers = news.iter().filter_map(|event| match event {
        HandoffEvent::HandedOver { handover, .. } => Some(handover),
        _ => None,
    });
    let each = handovers.flat_map(|handover| handover.came.iter().map(move |person| (handover, person)));
    let effect = |(handover, person): (&rota::Handover, &ResponderId)| {
        let zone = rota.person(person).and_then(|person| person.zone.as_ref()).unwrap_or(&schedule.zone);
        let (shift_at, name) = (handover.at, &schedule.name);
        let left = handover.left.clone();
        let task = Task::ReadyCheck { schedule: name.clone(), person: person.clone(), shift_at, left };
        // By the shift and the person: asked for twice, it is there once.
        let id = format!("ready/{name}/{}/{person}", shift_at.timestamp());
        new_effect(&Effect { id, due_at: may_ring(shift_at.max(now), zone), task, repeat: Repeat::Safe, slot: false })
    };
    each.map(effect).collect()
}

/// The first moment from then on at which a check may ring.
fn may_ring(at: DateTime<Utc>, zone: &Zone) -> DateTime<Utc> {
    let wall = zone.wall(at);
    let [from, until] = MAY_RING;
    if wall.time() >= from && wall.time() < until {
        return at;
    }
    let day = if wall.time() < from { Some(wall.date()) } else { wall.date().succ_opt() };
    day.map_or(at, |day| zone.instant(day.and_time(from), Occurrence::First))
}

/// Begins a check, unless it is not wanted any more.
///
/// # Errors
/// The log cannot be read or written.
pub async fn perform(
    app: &App,
    (schedule, person): (&str, &ResponderId),
    shift_at: DateTime<Utc>,
    left: &[ResponderId],
    leased: &LeasedEffect,
) -> Result<(), NotNow> {
    let (setup, now) = (app.setup(), clock::now());
    let found = setup.rota.schedules.get(schedule);
    let Some((found, within)) = found.and_then(|found| Some((found, found.ready_check?))) else {
        return done(app, leased).await;
    };
    let operations = triage::operations(&*app.log).await?;
    if !is_wanted(&setup.rota, (schedule, person), &operations, shift_at, now) {
        return done(app, leased).await;
    }
    let mut tell: Vec<ResponderId> = Vec::new();
    for who in left.iter().chain(&found.lead).filter(|who| *who != person) {
        if !tell.contains(who) {
            tell.push(who.clone());
        }
    }
    let ready = ReadyCheck { schedule: schedule.to_owned(), shift_at, tell };
    match drill::begin_ready(app, person, ready, within, &key(schedule, person)).await {
        Ok(()) => done(app, leased).await,
        Err(NoDrill::Change(error)) => Err(error.into()),
        Err(error) => Err(NotNow::Never(error.to_string())),
    }
}

/// Whether somebody is to be asked: on duty now and for the first hour of the shift, and not on duty shortly before it.
fn is_wanted(
    rota: &Rota,
    (schedule, person): (&str, &ResponderId),
    operations: &[Operation],
    shift_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> bool {
    let on_duty = |from, to| {
        let segments = final_schedule(rota, schedule, operations, from, to).unwrap_or_default();
        let is_in = |on_duty: &[&ResponderId]| on_duty.contains(&person);
        let all = !segments.is_empty() && segments.iter().all(|segment| is_in(&segment.on_duty));
        (all, segments.iter().any(|segment| is_in(&segment.on_duty)))
    };
    let (first_hour, _) = on_duty(shift_at, shift_at + SHIFT_MIN);
    let (present, _) = on_duty(now, now + TimeDelta::seconds(1));
    let (_, before) = on_duty(shift_at - GOES_ON, shift_at);
    first_hour && present && !before
}

/// Who of those on duty was asked in this shift and did not answer. It reads one incident for each of them.
///
/// # Errors
/// The log cannot be read.
pub async fn not_ready(
    log: &dyn EventLog,
    schedule: &Schedule,
    on_duty: &[ResponderId],
    since: Option<DateTime<Utc>>,
) -> Result<Vec<ResponderId>, ChangeError> {
    let mut silent = Vec::new();
    if schedule.ready_check.is_none() {
        return Ok(silent);
    }
    for person in on_duty {
        let claimed = log.load_claimed(&names::claim(&key(&schedule.name, person).as_str().into())).await?;
        let Some(claimed) = claimed else { continue };
        let (Some(id), Some(stream)) = (names::incident_of(&claimed.holder), &claimed.stream) else { continue };
        let check = change::from_log(log, id, stream).await?;
        let of_this_shift = since.is_none_or(|since| check.opened_at >= since);
        if of_this_shift && !check.is_open() && check.acknowledged.is_none() {
            silent.push(person.clone());
        }
    }
    Ok(silent)
}

/// That in words, for whoever asks who is on call.
#[must_use]
pub fn told(silent: &[ResponderId], name: impl Fn(&ResponderId) -> String) -> Option<String> {
    let names: Vec<String> = silent.iter().map(name).collect();
    let have = if names.len() == 1 { "has" } else { "have" };
    (!names.is_empty()).then(|| format!("{} {have} not answered the ready check", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rota::Handover;

    fn rota() -> Rota {
        let text = "[people.ana]\nname = \"Ana\"\nslack = \"U0ANA\"\n[people.ben]\nname = \"Ben\"\nslack = \"U0BEN\"\n\
                    [schedules.team]\nzone = \"Europe/Madrid\"\nready_check = true\nlead = \"ben\"\n\
                    [[schedules.team.layers]]\nname = \"weekly\"\nrotation = [\"ana\", \"ben\"]\nhandoff = \"2026-01-05 09:00\"\n\
                    every = \"1 week\"\n\
                    [[escalation.default.levels]]\npage = [\"schedule:team\"]\nwait = \"5m\"\n";
        Rota::parse(&[("rota/team.toml".to_owned(), text.to_owned())]).unwrap()
    }

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check_due(shift_at: &str, expect: &str) {
        let rota = rota();
        let schedule = &rota.schedules["team"];
        let handover = Handover::between(&["ana".into()], &["ben".into()], time(shift_at)).unwrap();
        let news = [HandoffEvent::HandedOver { number: 1, handover, tzdata: String::new() }];
        let found = effects(&rota, schedule, &news, time(shift_at));
        assert_eq!(found.iter().map(|effect| effect.due_at).collect::<Vec<_>>(), [time(expect)]);
        let again = effects(&rota, schedule, &news, time(shift_at) + TimeDelta::minutes(7));
        assert_eq!(found[0].id, again[0].id, "a restart asks for the same one");
    }

    #[test]
    fn by_day_it_rings_at_once_and_at_night_in_the_morning() {
        check_due("2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z");
        check_due("2026-11-23T20:59:00Z", "2026-11-23T20:59:00Z");
        check_due("2026-11-23T21:00:00Z", "2026-11-24T07:00:00Z");
        check_due("2026-11-23T02:00:00Z", "2026-11-23T07:00:00Z");
    }

    #[test]
    fn nobody_is_asked_who_goes_on_or_who_has_only_some_minutes() {
        let rota = rota();
        // Monday 09:00 in Madrid: of the first turns the second is Ben's.
        let monday = time("2026-01-12T08:00:00Z");
        let wanted = |who: &str, at| is_wanted(&rota, ("team", &who.into()), &[], at, at);
        assert!(wanted("ben", monday));
        assert!(!wanted("ana", monday), "her turn is over");
        assert!(!wanted("ben", monday + TimeDelta::hours(5)), "he was on duty before and goes on");
        assert!(!wanted("ana", monday - TimeDelta::minutes(30)), "half an hour is left");
        assert!(!is_wanted(&rota, ("team", &"ben".into()), &[], monday, monday + TimeDelta::days(8)), "too late");
    }

    #[test]
    fn without_the_key_there_is_no_check() {
        let mut rota = rota();
        let handover = Handover::between(&["ana".into()], &["ben".into()], time("2026-01-12T08:00:00Z")).unwrap();
        let news = [HandoffEvent::HandedOver { number: 1, handover, tzdata: String::new() }];
        let mut schedule = rota.schedules.remove("team").unwrap();
        assert_eq!((schedule.ready_check, schedule.lead.clone()), (Some(TimeDelta::minutes(10)), Some("ben".into())));
        schedule.ready_check = None;
        assert!(effects(&rota, &schedule, &news, time("2026-01-12T08:00:00Z")).is_empty());
    }

    #[test]
    fn who_did_not_answer_is_named() {
        let name = |who: &ResponderId| who.0.to_uppercase();
        assert_eq!(told(&[], name), None);
        assert_eq!(told(&["ana".into()], name).as_deref(), Some("ANA has not answered the ready check"));
    }
}
