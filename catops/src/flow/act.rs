//! What people do to incidents, whoever carries the wish: a button, a dialog, a typed line. Rights are derived anew here
//! each time; a button's value is a claim and no authority.

use crate::app::App;
use crate::clock;
use crate::flow::change::{self, ChangeError, Changed, Draft, Origin, change_by, command};
use crate::flow::{switch, triage};
use crate::page;
use chrono::{DateTime, TimeDelta, Utc};
use incident::action::Action;
use incident::{
    ActionId, ActionRequest, Command, Fix, Incident, IncidentId, Mark, RecordEvent, Refused, ResponderId, RunId,
    Target, Task,
};
use std::collections::BTreeMap;

/// Open incidents that are looked at for the newest that is no drill.
const NEWEST_LOOKED_AT: usize = 10;

/// A person whom the rota knows, and the request that they made.
#[derive(Debug, Clone)]
pub struct Doer {
    /// Who.
    pub who: ResponderId,
    /// The id of the click or command: the same id again changes nothing.
    pub cause: String,
}

impl Doer {
    fn origin(&self) -> Origin {
        Origin::person(&self.who, &self.cause)
    }
}

/// The responder behind a Slack member id.
///
/// # Errors
/// [`Refused::UnknownPerson`]: only people of the rota may act.
pub fn responder(app: &App, slack_user: &str) -> Result<ResponderId, Refused> {
    let setup = app.setup();
    let person = setup.rota.by_slack_id(slack_user);
    person.map(|person| person.id.clone()).ok_or_else(|| Refused::UnknownPerson { who: slack_user.to_owned() })
}

/// Takes it.
///
/// # Errors
/// [`ChangeError`].
pub async fn acknowledge(app: &App, doer: &Doer, id: IncidentId) -> Result<Changed, ChangeError> {
    command(app, id, &doer.origin(), Command::Acknowledge { by: doer.who.clone() }).await
}

/// Closes it.
///
/// # Errors
/// [`ChangeError`].
pub async fn resolve(app: &App, doer: &Doer, id: IncidentId, note: &str) -> Result<Changed, ChangeError> {
    command(app, id, &doer.origin(), Command::Resolve { by: doer.who.clone(), note: note.to_owned() }).await
}

/// Opens it again.
///
/// # Errors
/// [`ChangeError`].
pub async fn reopen(app: &App, doer: &Doer, id: IncidentId) -> Result<Changed, ChangeError> {
    command(app, id, &doer.origin(), Command::Reopen { by: doer.who.clone() }).await
}

/// Writes something down.
///
/// # Errors
/// [`ChangeError`].
pub async fn note(app: &App, doer: &Doer, id: IncidentId, text: &str) -> Result<Changed, ChangeError> {
    command(app, id, &doer.origin(), Command::Note { by: doer.who.clone(), text: text.to_owned() }).await
}

/// Gives it to somebody.
///
/// # Errors
/// [`ChangeError`].
pub async fn assign(app: &App, doer: &Doer, id: IncidentId, to: ResponderId) -> Result<Changed, ChangeError> {
    let urgency = page::urgency(&app.setup(), &change::load(app, id).await?);
    let plan = page::plan(app, &to, urgency);
    command(app, id, &doer.origin(), Command::Reassign { by: doer.who.clone(), to, plan, urgency }).await
}

/// Asks the next level now.
///
/// # Errors
/// [`ChangeError`].
pub async fn escalate(app: &App, doer: &Doer, id: IncidentId) -> Result<Changed, ChangeError> {
    let operations = triage::operations(app.log.as_ref()).await?;
    let (at, setup, by) = (clock::now(), app.setup(), doer.who.clone());
    let commands = move |incident: &Incident| {
        let next = triage::level_after(&setup.rota, incident, None, &operations, at);
        vec![Command::Escalate { by: by.clone(), next }]
    };
    change_by(app, id, &doer.origin(), at, commands, None).await
}

/// Cannot, though asked: the next ones are asked at once, when nobody of the same level is left.
///
/// # Errors
/// [`ChangeError`].
pub async fn decline(app: &App, doer: &Doer, id: IncidentId) -> Result<Changed, ChangeError> {
    let operations = triage::operations(app.log.as_ref()).await?;
    let (at, setup, by) = (clock::now(), app.setup(), doer.who.clone());
    let commands = move |incident: &Incident| {
        let next = triage::level_after(&setup.rota, incident, Some(&by), &operations, at);
        vec![Command::Decline { by: by.clone(), next }]
    };
    change_by(app, id, &doer.origin(), at, commands, None).await
}

/// Leaves it alone for a while; then it asks again.
///
/// # Errors
/// [`ChangeError`].
pub async fn snooze(app: &App, doer: &Doer, id: IncidentId, length: TimeDelta) -> Result<Changed, ChangeError> {
    command(app, id, &doer.origin(), Command::Snooze { by: doer.who.clone(), length }).await
}

/// Has it for longer: for `length` from now on, or for as long as the policy says.
///
/// # Errors
/// [`ChangeError`].
pub async fn extend(app: &App, doer: &Doer, id: IncidentId, length: Option<TimeDelta>) -> Result<Changed, ChangeError> {
    command(app, id, &doer.origin(), Command::Extend { by: Some(doer.who.clone()), length }).await
}

/// Gives it to whoever is on call next on the schedule that its policy asks first.
///
/// # Errors
/// [`ChangeError`]; [`Refused::NobodyNext`] when that schedule has nobody else soon, or the policy asks none.
pub async fn hand_over_to_next(app: &App, doer: &Doer, id: IncidentId) -> Result<Changed, ChangeError> {
    let incident = change::load(app, id).await?;
    let operations = triage::operations(app.log.as_ref()).await?;
    let setup = app.setup();
    let policy = triage::policy(&setup.rota, &incident);
    let schedule = policy.pages().into_iter().flat_map(|(_, ask)| &ask.page).find_map(|target| match target {
        Target::Schedule(name) => Some(name.clone()),
        Target::Person(_) => None,
    });
    let next = schedule.as_deref().and_then(|name| rota::on_call(&setup.rota, name, &operations, clock::now()).ok());
    let to = next.and_then(|now| now.next?.on_duty.into_iter().find(|person| *person != doer.who));
    assign(app, doer, id, to.ok_or(Refused::NobodyNext { schedule })?).await
}

/// Says whether the first suggestion was right.
///
/// # Errors
/// [`ChangeError`].
pub async fn judge(app: &App, doer: &Doer, id: IncidentId, right: bool) -> Result<Changed, ChangeError> {
    command(app, id, &doer.origin(), Command::Judge { by: doer.who.clone(), right }).await
}

/// Says what ended it.
///
/// # Errors
/// [`ChangeError`].
pub async fn name_fix(app: &App, doer: &Doer, id: IncidentId, fix: Fix) -> Result<Changed, ChangeError> {
    command(app, id, &doer.origin(), Command::NameFix { by: doer.who.clone(), fix }).await
}

/// Wants an action first or never on this incident's alarm, or neither any more. Whoever may run it may say so; everybody
/// sees it in the timeline, and the incident gets its suggestions anew.
///
/// # Errors
/// [`ChangeError`].
pub async fn mark(
    app: &App,
    doer: &Doer,
    id: IncidentId,
    action: &ActionId,
    mark: Option<Mark>,
    why: &str,
) -> Result<Changed, ChangeError> {
    let setup = app.setup();
    let found = setup.catalogue.get(action).ok_or_else(|| Refused::NoSuchAction { action: action.to_string() })?;
    permit(app, found, &doer.who)?;
    let (at, origin) = (clock::now(), doer.origin());
    let word = match mark {
        Some(Mark::Pinned) => "pinned",
        Some(Mark::Banned) => "banned",
        None => "took the mark off",
    };
    let text = format!("{word} {action} for this alarm{}{why}", if why.is_empty() { "" } else { ": " });
    let marked = RecordEvent::Marked { action: action.clone(), mark, by: doer.who.clone(), why: why.to_owned() };
    let again = incident::Effect {
        id: format!("suggest/{}", doer.cause),
        due_at: at,
        task: Task::Suggest { incident: id },
        repeat: incident::Repeat::Safe,
        slot: false,
    };
    let (by, lease) = (doer.who.clone(), app.lease(at));
    let decided = log::decide(&*app.log, move |view| {
        let mut draft = Draft::new(change::seen(view, id)?, at);
        draft.decide(Command::Note { by: by.clone(), text: text.clone() })?;
        let mut append = draft.append(view, &origin, None, Some(&setup))?;
        let key = &draft.incident.alarm.key;
        append.streams.push(change::record_write(view, key, std::slice::from_ref(&marked), at, &origin)?);
        if draft.incident.is_open() {
            append.effects.push(change::new_effect(&again));
        }
        let changed = Changed { incident: draft.incident, events: draft.fresh };
        Ok::<_, ChangeError>((log::Append { lease: lease.clone(), ..append }, changed))
    });
    let (receipt, changed) = decided.await??;
    app.outbox.offer(receipt.leased);
    Ok(changed)
}

/// Stops a run; the one under way when none is named.
///
/// # Errors
/// [`ChangeError`].
pub async fn stop(app: &App, doer: &Doer, id: IncidentId, run: Option<RunId>) -> Result<Changed, ChangeError> {
    let changed = command(app, id, &doer.origin(), Command::StopRun { by: doer.who.clone(), run: run.clone() }).await?;
    if let Some(run) = run.or_else(|| changed.incident.running().map(|run| run.id.clone())) {
        app.stop_run(&run);
    }
    Ok(changed)
}

/// Marks a run whose outcome nobody knew as done.
///
/// # Errors
/// [`ChangeError`].
pub async fn settle(app: &App, doer: &Doer, id: IncidentId, run: RunId) -> Result<Changed, ChangeError> {
    command(app, id, &doer.origin(), Command::SettleRun { by: doer.who.clone(), run }).await
}

/// What somebody wants to run.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Which action.
    pub action: ActionId,
    /// Values that were given; the alarm and the suggestions fill the rest.
    pub params: BTreeMap<String, String>,
    /// What they saw when they asked.
    pub seen: Seen,
}

/// What somebody saw who asks for an action: the number of the last event that it showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nothing: it was typed.
    Nothing,
    /// A button on a card, which may hang there for days.
    Button(u64),
    /// A form, which was drawn when it was opened.
    Form(u64),
}

impl Seen {
    const fn seq(self) -> Option<u64> {
        match self {
            Self::Nothing => None,
            Self::Button(seq) | Self::Form(seq) => Some(seq),
        }
    }
}

/// Asks for an action to be run. Rights, values and the catalogue are looked up now, not when the button was drawn.
///
/// # Errors
/// [`ChangeError`]; [`Refused::BadParams`] names what has to be asked for.
pub async fn run(app: &App, doer: &Doer, id: IncidentId, wish: Wish) -> Result<Changed, ChangeError> {
    let incident = change::load(app, id).await?;
    let setup = app.setup();
    let Some(action) = setup.catalogue.get(&wish.action) else {
        return Err(Refused::NoSuchAction { action: wish.action.0 }.into());
    };
    permit(app, action, &doer.who)?;
    // Asked again in the step that begins the run; here so that nobody asks for nothing.
    if let Some(stopped) = switch::load(&*app.log).await?.stopped {
        return Err(stopped.refusal().into());
    }
    let params = values(action, &incident, wish.params);
    let valid = action.validate(&params).map_err(|problems| Refused::BadParams { problems })?;
    let texts = valid.texts();
    let request = ActionRequest {
        action: action.id.clone(),
        title: incident::action::render(&action.title, &texts),
        params: texts,
        read_only: action.read_only,
        watch: action.watch,
        timeout: action.timeout,
        undo: action.undo.clone(),
        seen_seq: wish.seen.seq(),
        seen_at: seen_at(app, &incident, wish.seen).await?,
    };
    command(app, id, &doer.origin(), Command::RequestAction { by: doer.who.clone(), request }).await
}

/// When what a button shows was written. A button of a state that there is not is as old as its incident.
async fn seen_at(app: &App, incident: &Incident, seen: Seen) -> Result<Option<DateTime<Utc>>, ChangeError> {
    let Seen::Button(seq) = seen else { return Ok(None) };
    let shown = change::events_from(app, incident.id, seq, 1).await?;
    let written_at = shown.first().filter(|shown| shown.seq == seq).map(|shown| shown.at);
    Ok(Some(written_at.unwrap_or(incident.opened_at)))
}

/// The values of an action on an incident: what was given, else what was suggested, else what the alarm fills.
#[must_use]
pub fn values(action: &Action, incident: &Incident, given: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut values = action.fill(&incident.alarm);
    if let Some(suggestion) =
        incident.suggestions.iter().find(|suggestion| suggestion.action.as_ref() == Some(&action.id))
    {
        values.extend(suggestion.params.clone());
    }
    values.extend(given);
    values
}

/// May this person run it?
///
/// # Errors
/// [`Refused::Denied`] with those who can.
pub fn permit(app: &App, action: &Action, who: &ResponderId) -> Result<(), Refused> {
    let (setup, now) = (app.setup(), clock::now());
    let groups: Vec<String> = setup
        .rota
        .schedules
        .keys()
        .filter(|schedule| setup.rota.members_from(schedule, now).is_ok_and(|members| members.contains(&who)))
        .cloned()
        .collect();
    action.allow.permits(who, setup.rota.is_responder(who), &groups).map_err(|denied| Refused::Denied {
        what: action.title.clone(),
        who_can: if denied.who_can.is_empty() { vec!["people of the rota".to_owned()] } else { denied.who_can },
    })
}

/// The only open incident, or the newest one.
///
/// # Errors
/// The log cannot be read.
pub async fn newest_open(app: &App) -> Result<Option<Incident>, ChangeError> {
    // Whoever types without a number means what is real; a drill only when there is nothing else.
    let (open, _) = crate::entry::api::list(app, crate::flow::names::OPEN, None, NEWEST_LOOKED_AT).await?;
    let newest = open.iter().position(Incident::counts).unwrap_or(0);
    Ok(open.into_iter().nth(newest))
}

/// Who is on call on every schedule, or on one.
///
/// # Errors
/// The log cannot be read.
pub async fn on_call(
    app: &App,
    schedule: Option<&str>,
    at: DateTime<Utc>,
) -> Result<Result<Vec<(String, rota::OnCall)>, String>, ChangeError> {
    let operations = triage::operations(app.log.as_ref()).await?;
    let setup = app.setup();
    let names: Vec<&String> =
        setup.rota.schedules.keys().filter(|name| schedule.is_none_or(|wanted| wanted == name.as_str())).collect();
    if let (Some(wanted), true) = (schedule, names.is_empty()) {
        let message = setup.rota.schedule(wanted).err().map(|error| error.to_string());
        return Ok(Err(message.unwrap_or_default()));
    }
    let answers = names
        .into_iter()
        .filter_map(|name| Some((name.clone(), rota::on_call(&setup.rota, name, &operations, at).ok()?)));
    Ok(Ok(answers.collect()))
}
