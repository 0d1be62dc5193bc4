//! Who is asked, and what is suggested: the rota and the index, asked about one incident. Reads only.

use crate::app::App;
use crate::config::Setup;
use crate::flow::{book, change, changes, drill, names};
use crate::page;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{
    Alarm, AlarmKey, AlarmState, Command, Event, Incident, IncidentId, RELATED_MAX, Recorded, Related, ResponderId,
};
use log::{EventLog, ReadError};
use rota::{Operation, Policy, Rota};
use std::borrow::Cow;
use suggest::Known;

/// Runbooks that are looked at for one alarm: three buttons, the runners-up, and room for pages without actions.
pub const HITS: usize = 10;

/// Open incidents that are looked at for one on the same resource, the newest.
const OPEN_LOOKED_AT: usize = 20;

/// How many levels a policy asks: its own, and the catch-all when it has one.
#[must_use]
pub fn levels(policy: &Policy) -> u8 {
    let all = policy.levels.len() + usize::from(!policy.catch_all.is_empty());
    u8::try_from(all).unwrap_or(u8::MAX)
}

/// The policy that serves an incident; of a drill that asks somebody by name, one made for it.
#[must_use]
pub fn policy<'r>(rota: &'r Rota, incident: &Incident) -> Cow<'r, Policy> {
    let by_drill = incident.drill().and_then(|drill| drill::policy(rota, drill));
    by_drill.unwrap_or_else(|| Cow::Borrowed(rota::policy_for(rota, incident.alarm.service.as_deref())))
}

/// The changes that people made to the schedules.
///
/// # Errors
/// The log cannot be read.
pub async fn operations(log: &dyn EventLog) -> Result<Vec<Operation>, ReadError> {
    Ok(book::load(log).await?.operations())
}

/// Suggestions and owners for an alarm that would open an incident now; none when it would join one that is open, or when
/// they cannot be looked up: then the effect that an opening asks for does it.
pub async fn foresee(app: &App, alarm: &Alarm, at: DateTime<Utc>) -> Option<[Command; 2]> {
    if alarm.state != AlarmState::Firing || holder_is_open(app, &alarm.key).await {
        return None;
    }
    let opening = Recorded { seq: 1, at, event: Event::Opened { alarm: alarm.clone() } };
    let incident = Incident::open(IncidentId(0), &opening)?;
    let operations = operations(&*app.log).await.ok()?;
    let suggest = suggest(app, &incident).await.ok()?;
    Some([suggest, assign(app, &incident, &operations, 0, at)])
}

async fn holder_is_open(app: &App, key: &AlarmKey) -> bool {
    let claimed = app.log.load_claimed(&names::claim(key)).await;
    let head = claimed.ok().flatten().and_then(|claimed| claimed.stream).map(|stream| stream.head);
    head.is_some_and(|head| head.listing.as_deref() == Some(names::OPEN))
}

/// The command that gives a level its owners. Past the last level the catch-all is asked.
#[must_use]
pub fn assign(app: &App, incident: &Incident, operations: &[Operation], level: u8, at: DateTime<Utc>) -> Command {
    let second = |person: &ResponderId| page::second_channel_after(app, person);
    assign_by(&app.setup(), incident, operations, level, at, second)
}

/// The same for whoever has no process around them; `second_channel` says how long Slack has before somebody's second one.
#[must_use]
pub fn assign_by(
    setup: &Setup,
    incident: &Incident,
    operations: &[Operation],
    level: u8,
    at: DateTime<Utc>,
    second_channel: impl Fn(&ResponderId) -> Option<TimeDelta>,
) -> Command {
    let rota = &setup.rota;
    let policy = policy(rota, incident);
    let (asked, wait) = match policy.levels.get(usize::from(level)) {
        Some(asked) => (rota::targets(rota, asked, operations, at), Some(asked.wait)),
        None => {
            let everybody = policy.catch_all.iter().map(|person| (person.clone(), "catch-all".to_owned())).collect();
            (everybody, None)
        }
    };
    let mut to: Vec<ResponderId> = Vec::new();
    let mut because: Vec<String> = Vec::new();
    for (person, reason) in asked {
        if !to.contains(&person) {
            to.push(person);
        }
        if !because.contains(&reason) {
            because.push(reason);
        }
    }
    if to.is_empty() {
        because.push("nobody is on call".to_owned());
    } else if incident.only_answered_by().is_some() {
        because = vec!["the drill is for them alone".to_owned()];
    }
    let second = |person: &ResponderId| Some((person.clone(), second_channel(person)?));
    let second_channel = to.iter().filter_map(second).collect();
    Command::Assign { to, level, policy: policy.name.clone(), because: because.join("; "), wait, second_channel }
}

/// The command that writes down the actions most likely to help.
///
/// # Errors
/// The log cannot be read.
pub async fn suggest(app: &App, incident: &Incident) -> Result<Command, ReadError> {
    if !incident.counts() {
        return Ok(drill::suggest());
    }
    let started = crate::clock::mark();
    let record = change::record(app, &incident.alarm.key).await?;
    let setup = app.setup();
    let hits = app.search(&incident.alarm, HITS);
    let already_run: Vec<_> = incident.runs.iter().filter(|run| !run.read_only).map(|run| run.action.clone()).collect();
    let now = crate::clock::now();
    let changes = changes::load(&*app.log).await?.before(incident);
    let elsewhere = app.past.glance(incident);
    let related = related(app, incident).await?;
    let known = Known {
        record: &record,
        changes: &changes,
        already_run: &already_run,
        elsewhere: &elsewhere,
        related: &related,
    };
    let ranking = suggest::suggest(&incident.alarm, &hits, &setup.catalogue, known, now);
    app.metrics.observe("suggest", started.elapsed());
    Ok(Command::Suggest {
        suggestions: ranking.suggestions,
        runners_up: ranking.runners_up,
        no_match: ranking.no_match,
        history: record.history(incident.id, now),
        changes,
        related,
    })
}

/// What else is open on the same resource, of the newest incidents. Of a table, where each look is paid for, nothing is read.
async fn related(app: &App, incident: &Incident) -> Result<Vec<Related>, ReadError> {
    if app.data.is_none() || incident.alarm.resource.is_empty() {
        return Ok(Vec::new());
    }
    let open = app.log.list(names::OPEN, None, OPEN_LOOKED_AT).await?;
    let mut found = Vec::new();
    for listed in &open.streams {
        let Some(id) = names::incident_of(&listed.id) else { continue };
        // One that cannot be read is not named.
        let Ok(other) = change::from_log(&*app.log, id, &listed.stream).await else { continue };
        found.extend(Related::of(incident, &other));
        if found.len() == RELATED_MAX {
            break;
        }
    }
    Ok(found)
}
