//! Drills: incidents that CatOps opens itself, on somebody's word or by a rule of the configuration, and that go the way of
//! every other: alarm, owner, card, pages. Only this file marks an alarm as a drill.

use crate::app::App;
use crate::clock;
use crate::config::Setup;
use crate::config::drill::{ANSWER_WITHIN, ANSWER_WITHIN_LIMITS, DrillRule};
use crate::entry::api;
use crate::flow::change::{self, ChangeError, new_effect};
use crate::flow::names;
use crate::flow::perform::{NotNow, done};
use crate::flow::post::post_once;
use crate::flow::receive::{Outcome, receive_one};
use crate::surface;
use chrono::{DateTime, TimeDelta, Utc};
use incident::{
    Alarm, AlarmState, Command, DRILL_KEY, Drill, Effect, Event, IncidentId, ReadyCheck, Recorded, Repeat, ResponderId,
    Severity, Task, Whom,
};
use log::{Append, AppendError, LeasedEffect, Outcome as Settled};
use rota::{Level, Place, Policy, Rota, Target};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What its alarm says it comes from.
pub const SOURCE: &str = "drill";
/// The longest reason that is kept, in characters.
const WHY_CHARS_MAX: usize = 300;
/// Open incidents that are looked at for the same drill.
const OPEN_LOOKED_AT: usize = 50;
/// How long after its time a drill of a rule may still begin: a process that was away does not make up for what it missed at
/// a time that nobody allowed.
const LATE_MAX: TimeDelta = TimeDelta::minutes(5);
/// When a rule that never comes is looked at again.
const LOOK_AGAIN: TimeDelta = TimeDelta::days(7);

/// A drill that somebody or something wants.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Whoever is asked for an alarm of this service.
    pub service: Option<String>,
    /// Whoever is on duty on this schedule.
    pub schedule: Option<String>,
    /// This person.
    pub person: Option<String>,
    /// Whoever this policy asks; only beside a service, or alone.
    pub policy: Option<String>,
    /// Why, in their words; may be empty.
    pub why: String,
    /// How long an answer is waited for; [`ANSWER_WITHIN`] unless it is said.
    pub answer_within: Option<TimeDelta>,
    /// Who wants it, when a person does.
    pub by: Option<ResponderId>,
    /// The rule that wants it, when one does.
    pub rule: Option<String>,
}

/// Why no drill began.
#[derive(Debug, thiserror::Error)]
pub enum NoDrill {
    /// What was asked for is not there; the text says what is.
    #[error("{0}")]
    Unknown(String),
    /// The same drill is under way.
    #[error("{0} is the same drill and still under way; wait until it has ended")]
    UnderWay(IncidentId),
    /// The log.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

/// Begins a drill; `cause` names the wish, and the same one again begins nothing. `None` when it began before.
///
/// # Errors
/// [`NoDrill`].
pub async fn begin(app: &App, wish: &Wish, cause: &str) -> Result<Option<IncidentId>, NoDrill> {
    let at = clock::now();
    let alarm = alarm(&app.setup(), wish, cause, at)?;
    let (open, _) = api::list(app, names::OPEN, None, OPEN_LOOKED_AT).await?;
    let same = open.iter().find(|open| !open.counts() && open.alarm.title == alarm.title);
    if let Some(same) = same {
        // Asked for again because the answer was lost, it is the one that is meant.
        let is_this = same.alarm.key == alarm.key;
        return if is_this { Ok(Some(same.id)) } else { Err(NoDrill::UnderWay(same.id)) };
    }
    open_alarm(app, alarm).await
}

/// Begins a ready check of somebody whose shift began; the same one again begins nothing.
///
/// # Errors
/// [`NoDrill`].
pub async fn begin_ready(
    app: &App,
    person: &ResponderId,
    ready: ReadyCheck,
    within: TimeDelta,
    key: &str,
) -> Result<(), NoDrill> {
    let title = format!("ready check of {}, {}", ready.schedule, app.name(person));
    let cause = format!("ready/{}/{}/{person}", ready.schedule, ready.shift_at.timestamp());
    let drill = Drill {
        whom: Whom::Person(person.clone()),
        by: None,
        rule: None,
        why: format!("Your shift on {} has begun.", ready.schedule),
        answer_seconds: u64::try_from(within.num_seconds()).unwrap_or(0),
        ready: Some(ready),
    };
    open_alarm(app, of_drill(drill, &title, &cause, key, clock::now())).await.map(drop)
}

/// The way of every alarm.
async fn open_alarm(app: &App, alarm: Alarm) -> Result<Option<IncidentId>, NoDrill> {
    let kind = if alarm.drill.as_ref().is_some_and(|drill| drill.ready.is_some()) { "ready_check" } else { "drill" };
    let outcome = receive_one(app, alarm, None).await?;
    if matches!(outcome, Outcome::Opened(_)) {
        app.metrics.count("drills_started", &format!("kind=\"{kind}\""));
    }
    Ok(outcome.incident())
}

fn alarm(setup: &Setup, wish: &Wish, cause: &str, at: DateTime<Utc>) -> Result<Alarm, NoDrill> {
    let (whom, title) = whom(&setup.rota, wish)?;
    let answer_within = wish.answer_within.unwrap_or(ANSWER_WITHIN);
    let [least, most] = ANSWER_WITHIN_LIMITS;
    if answer_within < least || answer_within > most {
        return Err(NoDrill::Unknown("an answer is waited for one minute to four hours; write 10m".to_owned()));
    }
    let why: String = wish.why.trim().chars().take(WHY_CHARS_MAX).collect();
    let drill = Drill {
        whom,
        by: wish.by.clone(),
        rule: wish.rule.clone(),
        why,
        answer_seconds: u64::try_from(answer_within.num_seconds()).unwrap_or(0),
        ready: None,
    };
    let service = wish.service.clone();
    Ok(Alarm { service, ..of_drill(drill, &title, cause, &format!("{DRILL_KEY}{cause}"), at) })
}

/// The alarm of a drill.
fn of_drill(drill: Drill, title: &str, cause: &str, key: &str, at: DateTime<Utc>) -> Alarm {
    let why = if drill.why.is_empty() { String::new() } else { format!(" {}", drill.why) };
    Alarm {
        source: SOURCE.to_owned(),
        delivery: format!("drill:{cause}").as_str().into(),
        key: key.into(),
        state: AlarmState::Firing,
        // It takes the way of what is worst.
        severity: Severity::Critical,
        title: format!("DRILL: {title}").chars().take(Alarm::TITLE_CHARS_MAX).collect(),
        summary: format!("Nothing is broken. Acknowledge, to show that you are reached.{why}"),
        resource: String::new(),
        service: None,
        labels: BTreeMap::new(),
        links: Vec::new(),
        occurred_at: at,
        drill: Some(drill),
    }
}

fn whom(rota: &Rota, wish: &Wish) -> Result<(Whom, String), NoDrill> {
    let unknown = |text: String| Err(NoDrill::Unknown(text));
    let several = wish.person.is_some() && (wish.schedule.is_some() || wish.service.is_some())
        || wish.schedule.is_some() && wish.service.is_some()
        || wish.policy.is_some() && (wish.person.is_some() || wish.schedule.is_some());
    if several {
        return unknown("a drill asks for a service, a schedule or a person; name one of them".to_owned());
    }
    if let Some(person) = &wish.person {
        let id = ResponderId(person.trim_start_matches('@').to_lowercase());
        return match rota.person(&id) {
            Some(known) => Ok((Whom::Person(id), known.name.clone())),
            None => unknown(format!("{person} is not in the rota")),
        };
    }
    if let Some(schedule) = &wish.schedule {
        return match rota.role(schedule) {
            Ok(_) => Ok((Whom::Schedule(schedule.clone()), format!("schedule {schedule}"))),
            Err(error) => unknown(error.to_string()),
        };
    }
    if let Some(policy) = &wish.policy {
        if named(rota, policy).is_none() {
            let known: Vec<&str> = rota.policies.keys().map(String::as_str).collect();
            return unknown(format!("there is no policy \"{policy}\" (there are: {})", known.join(", ")));
        }
        let service = wish.service.as_ref().map(|service| format!(", service {service}")).unwrap_or_default();
        return Ok((Whom::Policy(policy.clone()), format!("policy {policy}{service}")));
    }
    Ok(match &wish.service {
        Some(service) => (Whom::Service, format!("service {service}")),
        None => (Whom::Service, "the default policy".to_owned()),
    })
}

fn named<'r>(rota: &'r Rota, policy: &str) -> Option<&'r Policy> {
    rota.policies.get(policy).or(Some(&rota.default_policy).filter(|default| default.name == policy))
}

/// The policy of a drill that asks somebody by name; `None` when its alarm's service says whom.
#[must_use]
pub fn policy<'r>(rota: &'r Rota, drill: &Drill) -> Option<Cow<'r, Policy>> {
    let target = match &drill.whom {
        Whom::Service => return None,
        Whom::Policy(name) => return named(rota, name).map(Cow::Borrowed),
        Whom::Schedule(name) => Target::Schedule(name.clone()),
        Whom::Person(person) => Target::Person(person.clone()),
    };
    // Its only level waits a little longer than the drill, which ends first.
    let wait = TimeDelta::seconds(i64::try_from(drill.answer_seconds).unwrap_or(0)) + TimeDelta::minutes(1);
    let level = Level { page: vec![target], wait, place: Place::default() };
    Some(Cow::Owned(Policy { name: SOURCE.to_owned(), levels: vec![level], ..Policy::default() }))
}

/// A drill has nothing that could be suggested.
#[must_use]
pub fn suggest() -> Command {
    Command::Suggest {
        suggestions: Vec::new(),
        runners_up: Vec::new(),
        no_match: Some("this is a drill, nothing is broken".to_owned()),
        history: None,
        changes: Vec::new(),
        related: Vec::new(),
    }
}

/// Counts the drills that end by these events.
pub fn count(app: &App, events: &[Recorded]) {
    for recorded in events {
        if let Event::DrillEnded { answered_by } = &recorded.event {
            app.metrics.count("drills_ended", &format!("answered=\"{}\"", answered_by.is_some()));
        }
    }
}

/// Makes sure that every rule has its timer. Rules that are no longer configured stop at their next timer.
///
/// # Errors
/// The log cannot be written.
pub async fn schedule(app: &App) -> Result<(), AppendError> {
    let at = clock::now();
    for rule in &app.setup().config.drills {
        // A drill whose time came while nobody was there, and not too long ago, is due now.
        let due_at = rule.next_after(at - LATE_MAX).map_or(at + LOOK_AGAIN, |next| next.at);
        let task = Task::Drill { rule: rule.name.clone() };
        // A slot: one timer a rule, however often it is asked for.
        let effect = Effect { id: format!("drill/{}", rule.name), due_at, task, repeat: Repeat::Safe, slot: true };
        app.log.append(Append { effects: vec![new_effect(&effect)], ..Append::default() }).await?;
    }
    Ok(())
}

/// The time of a rule has come: begins its drill, and waits for the next one.
///
/// # Errors
/// The log cannot be read or written; the timer stays and is tried again.
pub async fn due(app: &App, name: &str, leased: &LeasedEffect) -> Result<(), NotNow> {
    let setup = app.setup();
    let Some(rule) = setup.config.drills.iter().find(|rule| rule.name == name) else {
        return done(app, leased).await;
    };
    let now = clock::now();
    let next = rule.next_after(now - LATE_MAX);
    if let Some(appointment) = next.filter(|appointment| appointment.at <= now) {
        // The period is in its name: whoever asks twice, or restarts in between, begins it once.
        let cause = format!("{}/{}", rule.name, appointment.period);
        match begin(app, &wish(rule), &cause).await {
            Ok(_) => {}
            Err(NoDrill::Change(error)) => return Err(error.into()),
            // A person's drill is under way, or the rota has nobody of that name any more: this one is left out.
            Err(error) => tracing::warn!(rule = %name, "no drill by the rule {name}: {error}"),
        }
    }
    let due_at = rule.next_after(now).map_or(now + LOOK_AGAIN, |next| next.at);
    let waits = Settled::Retry { due_at, error: "waiting for the next drill".to_owned() };
    app.log.settle(&leased.token, waits, None).await?;
    Ok(())
}

fn wish(rule: &DrillRule) -> Wish {
    Wish {
        service: rule.service.clone(),
        schedule: rule.schedule.clone(),
        person: rule.person.clone(),
        policy: rule.policy.clone(),
        why: rule.why.clone(),
        answer_within: Some(rule.answer_within),
        by: None,
        rule: Some(rule.name.clone()),
    }
}

/// Mistakes of rules that show only beside the rota.
pub fn cross_check(setup: &Setup, report: &mut impl FnMut(String)) {
    let mut seen: Vec<&str> = Vec::new();
    for rule in &setup.config.drills {
        if seen.contains(&rule.name.as_str()) {
            report(format!("[[drill]] \"{}\" is there twice; give each a name of its own", rule.name));
        }
        seen.push(&rule.name);
        let problems = rule.problems();
        let is_sound = problems.is_empty();
        problems.into_iter().for_each(&mut *report);
        if let (true, Err(error)) = (is_sound, whom(&setup.rota, &wish(rule))) {
            report(format!("[[drill]] \"{}\": {error}", rule.name));
        }
    }
    if setup.config.drills_from.secrets.iter().any(crate::config::secret::SecretRef::is_plain) {
        report("[drills_from] has a secret in the file; write \"env:NAME\" or \"file:PATH\"".to_owned());
    }
}

/// Tells one of those who wait for it that nobody answered a ready check.
pub async fn not_ready(app: &App, id: IncidentId, to: &ResponderId, leased: &LeasedEffect) -> Result<(), NotNow> {
    let incident = change::load(app, id).await?;
    let ready = incident.drill().and_then(|drill| drill.ready.as_ref());
    let slack = app.setup().rota.person(to).and_then(|person| person.slack.clone());
    let (Some(ready), Some(side), Some(slack)) = (ready, &app.slack, slack) else { return done(app, leased).await };
    let who = incident.only_answered_by().map(|who| app.name(who)).unwrap_or_default();
    let text = format!(
        "{who} has not answered the ready check of {} ({id}). Their shift has begun: call them, or stay on call until \
         somebody has it.",
        ready.schedule
    );
    let direct = side.direct_channel(&slack).await.map_err(|failure| NotNow::Failed(failure.to_string()))?;
    post_once(side, &direct, surface::notice(&text), leased).await?;
    done(app, leased).await
}
