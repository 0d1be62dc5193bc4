//! Who is asked, and what is suggested: the rota and the index, asked about one incident. Reads only.

use crate::app::App;
use crate::config::Setup;
use crate::flow::{book, change, changes, drill, names};
use crate::page;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{
    AckMode, Alarm, AlarmKey, AlarmState, Command, Event, Incident, IncidentId, Plan, PlannedPage, RELATED_MAX,
    Recorded, Related, ResponderId, Taken, Urgency,
};
use log::{EventLog, ReadError};
use rota::escalation::{self, Facts, Move, Walk};
use rota::{Operation, Policy, Rota};
use std::borrow::Cow;
use suggest::Known;

/// Runbooks that are looked at for one alarm: three buttons, the runners-up, and room for pages without actions.
pub const HITS: usize = 10;

/// Open incidents that are looked at for one on the same resource, the newest.
const OPEN_LOOKED_AT: usize = 20;

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
pub async fn foresee(app: &App, alarm: &Alarm, at: DateTime<Utc>) -> Option<Vec<Command>> {
    if alarm.state != AlarmState::Firing || holder_is_open(app, &alarm.key).await {
        return None;
    }
    let opening = Recorded { seq: 1, at, event: Event::Opened { alarm: alarm.clone() } };
    let incident = Incident::open(IncidentId(0), &opening)?;
    if needs_number(&policy(&app.setup().rota, &incident)) {
        return None;
    }
    let operations = operations(&*app.log).await.ok()?;
    let mut commands = vec![suggest(app, &incident).await.ok()?];
    commands.extend(next(app, &incident, &operations, at));
    Some(commands)
}

/// Whether whose turn it is follows from the incident's number, which it has only once it is written.
fn needs_number(policy: &Policy) -> bool {
    policy.pages().iter().any(|(_, ask)| ask.rotate_after.is_some())
}

async fn holder_is_open(app: &App, key: &AlarmKey) -> bool {
    let claimed = app.log.load_claimed(&names::claim(key)).await;
    let head = claimed.ok().flatten().and_then(|claimed| claimed.stream).map(|stream| stream.head);
    head.is_some_and(|head| head.listing.as_deref() == Some(names::OPEN))
}

/// The commands that take the next step of an incident's plan: what is passed over, then whom to ask, or how long to wait.
#[must_use]
pub fn next(app: &App, incident: &Incident, operations: &[Operation], at: DateTime<Utc>) -> Vec<Command> {
    let plan = |person: &ResponderId, urgency| page::plan(app, person, urgency);
    next_by(&app.setup(), incident, operations, at, plan)
}

/// The same for whoever has no process around them; `plan` says by what somebody is paged.
#[must_use]
pub fn next_by(
    setup: &Setup,
    incident: &Incident,
    operations: &[Operation],
    at: DateTime<Utc>,
    plan: impl Fn(&ResponderId, Urgency) -> Vec<PlannedPage>,
) -> Vec<Command> {
    let standing = Standing::of(&setup.rota, incident);
    let Walk { skipped, next } = standing.walk(operations, at);
    let mut level = incident.level;
    let mut commands = Vec::new();
    for passed in skipped {
        commands.push(Command::Skip { level, why: passed.why });
        level = level.saturating_add(1);
    }
    commands.push(match next {
        Move::Page { step, to, wait, ack_mode } => {
            let taken = standing.taken(step, ack_mode);
            let urgency = page::urgency(setup, incident);
            let to = match incident.only_answered_by() {
                Some(_) => to.into_iter().map(|(who, _)| (who, "the drill is for them alone".to_owned())).collect(),
                None => to,
            };
            page_command(level, standing.policy.clone(), to, wait, taken, urgency, |person| plan(person, urgency))
        }
        Move::Notify { step, channel, wait } => {
            let taken = standing.taken(step, AckMode::Any);
            Command::AskChannel { channel, level, policy: standing.policy.clone(), wait, taken }
        }
        Move::Pause { step, until, because } => {
            let taken = standing.taken(step, AckMode::Any);
            Command::Pause { until, because, policy: standing.policy.clone(), taken }
        }
        Move::Nothing => Command::Exhaust,
    });
    commands
}

/// The level that would be asked next; `None` when nobody is left to ask. `spared` is somebody who is not asked, besides
/// those who have said that they cannot.
#[must_use]
pub fn level_after(
    rota: &Rota,
    incident: &Incident,
    spared: Option<&ResponderId>,
    operations: &[Operation],
    at: DateTime<Utc>,
) -> Option<u8> {
    let mut standing = Standing::of(rota, incident);
    standing.spared.extend(spared.cloned());
    let something = standing.walk(operations, at).next != Move::Nothing;
    something.then(|| incident.level.saturating_add(1))
}

/// Whether the rota names somebody for the step where an incident stands.
#[must_use]
pub fn somebody_is_on_call(rota: &Rota, incident: &Incident, operations: &[Operation], at: DateTime<Utc>) -> bool {
    let mut standing = Standing::of(rota, incident);
    standing.after = incident.step.and_then(|step| step.checked_sub(1));
    matches!(standing.walk(operations, at).next, Move::Page { .. })
}

/// The policy's time for somebody who has an incident; `None` is for ever.
#[must_use]
pub fn acknowledge_timeout(rota: &Rota, incident: &Incident) -> Option<TimeDelta> {
    match &incident.plan {
        Some(plan) => plan.acknowledge_seconds.and_then(|seconds| TimeDelta::try_seconds(i64::try_from(seconds).ok()?)),
        None => policy(rota, incident).acknowledge_timeout,
    }
}

/// Where an incident stands on its plan. A round is walked by the plan that it began with; one from before plans were kept
/// is walked by the policy of now.
struct Standing<'a> {
    rota: &'a Rota,
    incident: &'a Incident,
    policy: String,
    plan: Cow<'a, Plan>,
    after: Option<u16>,
    spared: Vec<ResponderId>,
}

impl<'a> Standing<'a> {
    fn of(rota: &'a Rota, incident: &'a Incident) -> Self {
        let (policy, plan) = match &incident.plan {
            Some(plan) => (incident.policy.clone(), Cow::Borrowed(&**plan)),
            None => {
                let policy = policy(rota, incident);
                (policy.name.clone(), Cow::Owned(policy.plan()))
            }
        };
        let spared = incident.declined.iter().chain(&incident.agreed).cloned().collect();
        Self { rota, incident, policy, plan, after: incident.step, spared }
    }

    fn walk(&self, operations: &[Operation], at: DateTime<Utc>) -> Walk {
        let facts = Facts {
            number: self.incident.id.0,
            severity: self.incident.severity,
            service: self.incident.alarm.service.as_deref(),
            spared: &self.spared,
        };
        escalation::walk(self.rota, &self.plan, self.after, facts, operations, at)
    }

    /// The plan is written down with the first step that is taken by it.
    fn taken(&self, step: u16, ack_mode: AckMode) -> Taken {
        let plan = self.incident.plan.is_none().then(|| Box::new(self.plan.clone().into_owned()));
        Taken { step: Some(step), ack_mode, plan }
    }
}

fn page_command(
    level: u8,
    policy: String,
    asked: Vec<(ResponderId, String)>,
    wait: Option<TimeDelta>,
    taken: Taken,
    urgency: Urgency,
    plan: impl Fn(&ResponderId) -> Vec<PlannedPage>,
) -> Command {
    let mut because: Vec<String> = Vec::new();
    let mut to: Vec<ResponderId> = Vec::new();
    for (person, reason) in asked {
        to.push(person);
        if !because.contains(&reason) {
            because.push(reason);
        }
    }
    let planned = to.iter().map(|person| (person.clone(), plan(person)));
    let plans = planned.filter(|(_, plan)| !plan.is_empty()).collect();
    let because = because.join("; ");
    Command::Assign { to, level, policy, because, wait, plans, urgency, taken }
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
    let resource = change::json(&incident.alarm.resource);
    let mut found = Vec::new();
    for listed in &open.streams {
        let Some(id) = names::incident_of(&listed.id) else { continue };
        // A state that does not say the resource anywhere need not be parsed; an opening has none, and is read.
        let state = &listed.stream.head.snapshot;
        if !state.is_empty() && !state.windows(resource.len()).any(|part| part == resource) {
            continue;
        }
        // One that cannot be read is not named.
        let Ok(other) = change::from_log(&*app.log, id, &listed.stream).await else { continue };
        found.extend(Related::of(incident, &other));
        if found.len() == RELATED_MAX {
            break;
        }
    }
    Ok(found)
}
