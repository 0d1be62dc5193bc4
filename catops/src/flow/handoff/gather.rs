//! What the people who come on duty should know, read from the log: what is open and who has it, what the shift before saw,
//! what is not settled, who comes next. It writes nothing, so that the shell can ask for the same.

use crate::config::Setup;
use crate::flow::change::{self, ChangeError};
use crate::flow::{book, names, silences};
use chrono::{DateTime, TimeDelta, Utc};
use incident::{Incident, ResponderId, Silences, Status};
use log::{EventLog, Listed};
use rota::{Book, Operation, Policy, Role, Rota, Span, Target, final_schedule, on_call, policy_for, targets};
use slack::handoff::{Happened, News, Open, Promise, Shift, Silenced, Summary};

/// Incidents of each list that are looked at, those that began last: a shift that saw more reads the list itself.
const LOOKED_AT: usize = 200;
/// Shifts that are listed.
const NEXT_MAX: usize = 3;
/// How far ahead they are looked for.
const NEXT_AHEAD: TimeDelta = TimeDelta::weeks(8);
/// What counts as the shift before when nobody knows when it began.
const BEFORE: TimeDelta = TimeDelta::weeks(1);

/// What there is to know about a schedule at a handoff, which may be now.
///
/// # Errors
/// The log cannot be read.
pub async fn gather(
    log: &dyn EventLog,
    setup: &Setup,
    schedule: &str,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Summary, ChangeError> {
    let book = book::load(log).await?;
    let operations = book.operations();
    let before = on_call(&setup.rota, schedule, &operations, at - TimeDelta::seconds(1)).ok();
    let since = before.and_then(|before| before.since).unwrap_or(at - BEFORE);
    let is_ours = |incident: &Incident| {
        let policy = policy_for(&setup.rota, incident.alarm.service.as_deref());
        policy.pages().iter().flat_map(|(_, ask)| &ask.page).any(|target| is_of(target, schedule))
    };
    let mut open = listed(log, names::OPEN).await?;
    let mut over = listed(log, names::RESOLVED).await?;
    open.retain(&is_ours);
    over.retain(&is_ours);
    let mut promised: Vec<Promise> = open.iter().filter_map(last_note).collect();
    promised.extend(uncovered(&book, schedule, now));
    Ok(Summary {
        news: news(&open, &over, since),
        open: open.iter().map(shown).collect(),
        promised,
        silenced: silenced(&silences::load(log).await?, now),
        next: next(&setup.rota, schedule, &operations, at),
    })
}

/// Whether a level pages whoever is on duty on that schedule, in whatever role.
fn is_of(target: &Target, schedule: &str) -> bool {
    matches!(target, Target::Schedule(name) if Role::named(name).0 == schedule)
}

async fn listed(log: &dyn EventLog, listing: &str) -> Result<Vec<Incident>, ChangeError> {
    let roll = log.list(listing, None, LOOKED_AT).await?;
    let mut found = Vec::with_capacity(roll.streams.len());
    for Listed { id, stream } in &roll.streams {
        if let Some(incident) = names::incident_of(id) {
            found.push(change::from_log(log, incident, stream).await?);
        }
    }
    Ok(found)
}

fn shown(incident: &Incident) -> Open {
    let has = incident.acknowledged.as_ref().map(|acknowledged| vec![acknowledged.by.clone()]);
    Open {
        id: incident.id,
        title: incident.alarm.title.clone(),
        is_acknowledged: has.is_some(),
        people: has.unwrap_or_else(|| incident.owners.clone()),
    }
}

/// The silences in force, the one that ends first before the others. They are everybody's: whom an alarm would ask is known
/// only when it comes.
fn silenced(silences: &Silences, now: DateTime<Utc>) -> Vec<Silenced> {
    let mut silenced: Vec<Silenced> = silences
        .active(now)
        .map(|silence| Silenced {
            id: silence.id,
            rule: silence.rule(),
            until: silence.over_at(),
            by: silence.by.clone(),
            because: silence.because.clone(),
        })
        .collect();
    silenced.sort_by_key(|silenced| (silenced.until, silenced.id));
    silenced
}

/// What happened since the shift before began: what came back, else what began, else what ended.
fn news(open: &[Incident], over: &[Incident], since: DateTime<Utc>) -> Vec<News> {
    let of = |incident: &Incident| {
        let ended = incident.resolved.as_ref().is_some_and(|resolved| resolved.at >= since);
        let what = match (incident.round, incident.status) {
            (1.., _) if incident.last_fired_at >= since => Happened::CameBack(incident.round),
            (_, Status::Resolved) if ended => Happened::Ended,
            (_, Status::Open | Status::Acknowledged) if incident.opened_at >= since => Happened::Began,
            _ => return None,
        };
        Some(News { id: incident.id, title: incident.alarm.title.clone(), what })
    };
    open.iter().chain(over).filter_map(of).collect()
}

fn last_note(incident: &Incident) -> Option<Promise> {
    let note = incident.notes.last()?;
    Some(Promise::Note { id: incident.id, by: note.by.clone(), text: note.text.clone() })
}

/// The requests for cover of a schedule of which some part is open.
fn uncovered<'b>(book: &'b Book, schedule: &'b str, now: DateTime<Utc>) -> impl Iterator<Item = Promise> + 'b {
    let ours = book.requests().filter(move |(_, request)| Role::named(&request.asked.schedule).0 == schedule);
    ours.filter_map(move |(number, request)| {
        let open: Vec<_> = request.open(now).into_iter().map(|Span { start, end }| (start, end)).collect();
        let asker = request.asked.asker.clone();
        (!open.is_empty()).then_some(Promise::Cover { number, asker, open })
    })
}

/// The next shifts after the one that runs at `at`.
fn next(rota: &Rota, schedule: &str, operations: &[Operation], at: DateTime<Utc>) -> Vec<Shift> {
    let searched = at + NEXT_AHEAD;
    let segments = final_schedule(rota, schedule, operations, at, searched).unwrap_or_default();
    let mut shifts: Vec<Shift> = Vec::new();
    for segment in segments {
        let people: Vec<ResponderId> = segment.on_duty.iter().map(|&who| who.clone()).collect();
        let end = Some(segment.end).filter(|end| *end < searched);
        match shifts.last_mut() {
            Some(last) if last.people == people => last.end = end,
            _ => shifts.push(Shift { start: segment.start, end, people }),
        }
    }
    shifts.into_iter().skip(1).take(NEXT_MAX).collect()
}

/// Who is told when those who came do not say that they have it: who is second on the schedule, else the next level of a
/// policy that pages the schedule, else its catch-all.
#[must_use]
pub(super) fn next_to_ask(
    rota: &Rota,
    schedule: &str,
    operations: &[Operation],
    at: DateTime<Utc>,
    came: &[ResponderId],
) -> Vec<ResponderId> {
    let others = |people: Vec<ResponderId>| {
        let others: Vec<ResponderId> = people.into_iter().filter(|person| !came.contains(person)).collect();
        (!others.is_empty()).then_some(others)
    };
    let second = rota::on_duty(rota, &format!("{schedule}/secondary"), operations, at).ok();
    let second = second.and_then(|(second, _)| others(second.into_iter().cloned().collect()));
    let policies = rota.policies.values().chain([&rota.default_policy]);
    let mut after = policies.filter_map(|policy| others(after(rota, policy, schedule, operations, at)?));
    second.or_else(|| after.next()).unwrap_or_default()
}

fn after(
    rota: &Rota,
    policy: &Policy,
    schedule: &str,
    operations: &[Operation],
    at: DateTime<Utc>,
) -> Option<Vec<ResponderId>> {
    let pages = policy.pages();
    let place = pages.iter().position(|(_, ask)| ask.page.iter().any(|target| is_of(target, schedule)))?;
    let asked = pages[place + 1..].iter().map(|(_, ask)| targets(rota, &ask.page, operations, at));
    let asked = asked.map(|people| people.into_iter().map(|(person, _)| person).collect::<Vec<_>>());
    let found = asked.chain([policy.catch_all.clone()]).find(|people| !people.is_empty());
    found.filter(|people| !people.is_empty())
}
