//! `/slack/*`: what Slack sends. Verify over the raw bytes, read, decide, append, answer, all within Slack's three seconds.
//! Everything that can wait goes through the outbox; only what the presser alone should see is said from here.

use crate::app::App;
use crate::clock;
use crate::flow::act::{self, Doer, Seen, Wish};
use crate::flow::change::{self, ChangeError};
use crate::flow::digest;
use crate::flow::handoff::{self, NotTaken};
use crate::slack_side::SlackSide;
use crate::{oncall, surface, typed};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use incident::{ActionId, Fix, Incident, IncidentId, Refused, RunId};
use serde_json::{Value, json};
use slack::blocks::{Message, View};
use slack::form;
use slack::read::{self, Event, EventKind, Inbound, Press, Submit, Suggest};
use slack::value::{Claim, Verb};
use slack::verify::{SIGNATURE_HEADER, TIMESTAMP_HEADER};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `POST /slack/commands`.
pub async fn command(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    let side = match believe(&app, &headers, &body) {
        Ok(side) => side,
        Err(refused) => return refused,
    };
    match read::command(&body) {
        Ok(command) if !side.ours.holds(&command.who, &command.app) => not_ours(&app),
        Ok(command) => Json(typed::answer(&app, &command).await).into_response(),
        Err(error) => unreadable(&error.to_string()),
    }
}

/// `POST /slack/interactivity`.
pub async fn interactivity(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    let side = match believe(&app, &headers, &body) {
        Ok(side) => side,
        Err(refused) => return refused,
    };
    match read::interaction(&body) {
        Ok(inbound) if is_foreign(side, &inbound) => not_ours(&app),
        Ok(Inbound::Press(press)) => pressed(&app, press).await,
        Ok(Inbound::Submit(submit)) => submitted(&app, submit).await,
        Ok(Inbound::Suggest(suggest)) => suggested(&app, &suggest),
        Ok(_) => StatusCode::OK.into_response(),
        Err(error) => unreadable(&error.to_string()),
    }
}

/// `POST /slack/options`: choices for a menu while somebody types.
pub async fn options(state: State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    interactivity(state, headers, body).await
}

/// `POST /slack/events`.
pub async fn event(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    let side = match believe(&app, &headers, &body) {
        Ok(side) => side,
        Err(refused) => return refused,
    };
    match read::event(&body) {
        Ok(inbound) if is_foreign(side, &inbound) => not_ours(&app),
        Ok(Inbound::Challenge(challenge)) => challenge.into_response(),
        Ok(Inbound::Event(event)) => {
            app.background.spawn(mentioned(Arc::clone(&app), event));
            StatusCode::OK.into_response()
        }
        Ok(_) => StatusCode::OK.into_response(),
        Err(error) => unreadable(&error.to_string()),
    }
}

/// Believes a request over its raw bytes, or answers it.
#[expect(clippy::result_large_err, reason = "the error is the answer")]
fn believe<'a>(app: &'a App, headers: &HeaderMap, body: &[u8]) -> Result<&'a SlackSide, Response> {
    let Some(side) = &app.slack else {
        return Err((StatusCode::NOT_FOUND, "no Slack is configured").into_response());
    };
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match side.verifier.verify(header(TIMESTAMP_HEADER), header(SIGNATURE_HEADER), body, clock::now()) {
        Ok(()) => Ok(side),
        Err(forged) => {
            app.metrics.count("slack_rejected", "");
            tracing::warn!("refused a request that claims to come from Slack: {forged}");
            Err((StatusCode::UNAUTHORIZED, "unauthorised").into_response())
        }
    }
}

fn is_foreign(side: &SlackSide, inbound: &Inbound) -> bool {
    inbound.sender().is_some_and(|(who, app)| !side.ours.holds(who, app))
}

/// Signed by our app's secret, and from a workspace or through an app that we do not serve.
fn not_ours(app: &App) -> Response {
    app.metrics.count("slack_rejected", "");
    tracing::warn!("refused a request of Slack from another workspace or app than SLACK_TEAM_ID and SLACK_APP_ID name");
    (StatusCode::UNAUTHORIZED, "unauthorised").into_response()
}

fn unreadable(error: &str) -> Response {
    (StatusCode::BAD_REQUEST, error.to_owned()).into_response()
}

/// What the presser alone should see, and nothing else changed.
enum Reply {
    /// Nothing: the card says it.
    Quiet,
    /// A few words.
    Say(Box<Message>),
    /// A dialog.
    Ask(Box<View>),
}

impl Reply {
    fn say(message: Message) -> Self {
        Self::Say(Box::new(message))
    }

    fn ask(view: View) -> Self {
        Self::Ask(Box::new(view))
    }
}

async fn pressed(app: &Arc<App>, press: Press) -> Response {
    let reply = match press.value.parse::<Claim>() {
        Ok(claim) => carry_out(app, &press, &claim).await,
        Err(error) => Reply::say(surface::sentence(&error.to_string())),
    };
    let app = Arc::clone(app);
    // Slack waits for our 200, not for what we say afterwards; a trigger is still good for most of its three seconds.
    app.clone().background.spawn(async move { deliver(&app, &press, reply).await });
    StatusCode::OK.into_response()
}

async fn deliver(app: &App, press: &Press, reply: Reply) {
    let Some(side) = &app.slack else { return };
    let sent = match (reply, &press.response_url) {
        (Reply::Quiet, _) => Ok(()),
        (Reply::Ask(view), _) => side.client.views_open(&press.trigger_id, *view).await.map(drop),
        (Reply::Say(message), Some(url)) => side.client.respond(url, *message).await,
        (Reply::Say(message), None) => match side.direct_channel(&press.who.user).await {
            Ok(direct) => side.client.post_message(&direct, *message).await.map(drop),
            Err(failure) => Err(failure),
        },
    };
    if let Err(failure) = sent {
        tracing::warn!(error = %failure, "could not answer a press: {failure}");
    }
}

/// Carries out what a button asks for. Who pressed and what they may do is looked up now.
async fn carry_out(app: &Arc<App>, press: &Press, claim: &Claim) -> Reply {
    match claim.verb {
        Verb::Help => return Reply::say(surface::help(app, None)),
        Verb::Incidents => return say_or_fail(surface::incidents(app).await),
        Verb::OnCall => return say_or_fail(surface::on_call(app, None, None).await),
        Verb::AcknowledgeAll => return acknowledge_all(app, press, claim).await,
        Verb::Link => return Reply::Quiet,
        _ => {}
    }
    if let Some(reply) = rota_pressed(app, press, claim).await {
        return reply;
    }
    if let Some(reply) = handoff_pressed(app, press, claim).await {
        return reply;
    }
    let Some(id) = claim.incident else { return Reply::say(surface::sentence("This button names no incident.")) };
    let done = match claim.verb {
        Verb::Why | Verb::Timeline | Verb::Open => return look(app, claim.verb, id).await,
        _ => act_on(app, press, claim, id).await,
    };
    match done {
        Ok(reply) => reply,
        Err(ChangeError::Duplicate) => Reply::Quiet,
        Err(ChangeError::Refused(Refused::BadParams { .. })) => ask_params(app, claim, id).await,
        Err(error) => {
            refresh(app, id, &error).await;
            Reply::say(surface::refused(app, Some(id), &error).await)
        }
    }
}

/// A button under a request for cover, a swap or an override; none when it is another one. Its message is drawn anew.
async fn rota_pressed(app: &App, press: &Press, claim: &Claim) -> Option<Reply> {
    let is_ours = matches!(claim.verb, Verb::RotaAccept | Verb::RotaPart | Verb::RotaCancel | Verb::RotaAgree);
    let number: u64 = claim.id("n").filter(|_| is_ours)?.parse().ok()?;
    let doer = match act::responder(app, &press.who.user) {
        Ok(who) => Doer { who, cause: press.key.clone() },
        Err(refused) => return Some(Reply::say(surface::refused(app, None, &refused.into()).await)),
    };
    let done = match claim.verb {
        Verb::RotaAccept => oncall::accept(app, &doer, number, "").await,
        Verb::RotaPart => {
            // In a direct message or an answer to one person there is nothing to draw anew.
            let message = press.place.channel.as_deref().zip(press.place.message_ts.as_deref());
            let message = message.filter(|_| !press.place.ephemeral);
            let zone = oncall::zone(app, &doer.who, number).await;
            return Some(Reply::ask(slack::rota::part(number, &zone, message)));
        }
        Verb::RotaAgree => oncall::agree(app, &doer, number).await,
        _ => oncall::cancel(app, &doer, number).await,
    };
    Some(match done {
        Ok(message) => Reply::say(Message { replace_original: Some(true), ..message }),
        Err(oncall::Said::Change(ChangeError::Duplicate)) => Reply::Quiet,
        Err(said) => Reply::say(surface::sentence(&said.to_string())),
    })
}

/// A button under a handoff or a gap; none when it is another one. The message is drawn anew by the outbox.
async fn handoff_pressed(app: &App, press: &Press, claim: &Claim) -> Option<Reply> {
    let is_ours = matches!(claim.verb, Verb::HandoffTake | Verb::GapFill);
    let number: u64 = claim.id("n").filter(|_| is_ours)?.parse().ok()?;
    let schedule = claim.id("s")?;
    let doer = match act::responder(app, &press.who.user) {
        Ok(who) => Doer { who, cause: press.key.clone() },
        Err(refused) => return Some(Reply::say(surface::refused(app, None, &refused.into()).await)),
    };
    if claim.verb == Verb::HandoffTake {
        return Some(match handoff::acknowledge(app, &doer, schedule, number).await {
            Ok(()) | Err(NotTaken::Change(ChangeError::Duplicate)) => Reply::Quiet,
            Err(not_taken) => Reply::say(surface::sentence(&format!("Nothing done: {not_taken}."))),
        });
    }
    Some(match oncall::fill(app, &doer, schedule, number).await {
        Ok(message) => Reply::say(message),
        Err(oncall::Said::Change(ChangeError::Duplicate)) => Reply::Quiet,
        Err(said) => Reply::say(surface::sentence(&said.to_string())),
    })
}

async fn act_on(app: &Arc<App>, press: &Press, claim: &Claim, id: IncidentId) -> Result<Reply, ChangeError> {
    let doer = Doer { who: act::responder(app, &press.who.user)?, cause: press.key.clone() };
    let run = claim.id("r").map(RunId::from);
    match (claim.verb, run) {
        (Verb::Acknowledge, _) => act::acknowledge(app, &doer, id).await.map(drop)?,
        (Verb::Resolve, _) => act::resolve(app, &doer, id, "").await.map(drop)?,
        (Verb::Reopen, _) => act::reopen(app, &doer, id).await.map(drop)?,
        (Verb::Escalate, _) => act::escalate(app, &doer, id).await.map(drop)?,
        (Verb::Feedback, _) => act::judge(app, &doer, id, claim.id("r") == Some("good")).await.map(drop)?,
        (Verb::Fix, _) => act::name_fix(app, &doer, id, fix(claim)).await.map(drop)?,
        (Verb::Stop, run) => act::stop(app, &doer, id, run).await.map(drop)?,
        (Verb::Settle, Some(run)) => act::settle(app, &doer, id, run).await.map(drop)?,
        (Verb::Run, _) => {
            let action = claim.id("a").map(ActionId::from).ok_or(Refused::NoSuchAction { action: String::new() })?;
            let wish = Wish { action, params: BTreeMap::new(), seen: pressed_on(claim) };
            act::run(app, &doer, id, wish).await.map(drop)?;
        }
        (Verb::Undo, Some(run)) => undo(app, &doer, claim, id, &run).await?,
        (Verb::Other, _) => return Ok(Reply::ask(surface::choose_action(app, &change::load(app, id).await?))),
        (Verb::Note, _) => return Ok(Reply::ask(form::note(&change::load(app, id).await?))),
        (Verb::Assign, _) => return Ok(Reply::ask(form::assign(&change::load(app, id).await?))),
        _ => return Ok(Reply::say(surface::sentence("This button belongs to another version of CatOps."))),
    }
    Ok(Reply::Quiet)
}

/// What a button says ended it.
fn fix(claim: &Claim) -> Fix {
    match (claim.id("a"), claim.id("f")) {
        (Some(action), _) => Fix::Action(action.into()),
        (None, Some("alone")) => Fix::Alone,
        (None, _) => Fix::Other,
    }
}

/// What a pressed button showed; one that does not say counts as the incident's first.
fn pressed_on(claim: &Claim) -> Seen {
    Seen::Button(claim.seq.unwrap_or(1))
}

/// Takes what nobody has of a digest's incidents, and says how many those were.
async fn acknowledge_all(app: &App, press: &Press, claim: &Claim) -> Reply {
    let who = match act::responder(app, &press.who.user) {
        Ok(who) => who,
        Err(refused) => return Reply::say(surface::refused(app, None, &refused.into()).await),
    };
    let doer = Doer { who, cause: press.key.clone() };
    let number = claim.id("d").and_then(|number| number.parse().ok()).unwrap_or_default();
    let taken = digest::acknowledge_all(app, &doer, claim.id("c").unwrap_or_default(), number).await;
    Reply::say(surface::sentence(&match taken {
        Ok((0, _)) => "Nothing done. Somebody has each of them, or it is over.".to_owned(),
        Ok((taken, 0)) => format!("You took {taken}."),
        Ok((taken, others)) => format!("You took {taken}; somebody else has {others}."),
        Err(error) => error.to_string(),
    }))
}

async fn undo(app: &App, doer: &Doer, claim: &Claim, id: IncidentId, run: &RunId) -> Result<(), ChangeError> {
    let incident = change::load(app, id).await?;
    let found = incident.run(run).ok_or(Refused::NoSuchRun { run: run.0.clone() })?;
    let action = found.undo.clone().ok_or(Refused::NoSuchAction { action: "undo".to_owned() })?;
    let setup = app.setup();
    let taken = setup.catalogue.get(&action).map(|undo| undo.params.as_slice()).unwrap_or_default();
    // The way back may need less than the way there; what it does not know would be refused.
    let mut params = found.params.clone();
    params.retain(|name, _| taken.iter().any(|param| &param.name == name));
    let wish = Wish { action, params, seen: pressed_on(claim) };
    act::run(app, doer, id, wish).await.map(drop)
}

/// Dialogs that only show something. Anybody in the channel may look.
async fn look(app: &App, verb: Verb, id: IncidentId) -> Reply {
    let found = match verb {
        Verb::Timeline | Verb::Open => change::load(app, id).await,
        _ => change::load_whole(app, id).await,
    };
    let view = match (verb, found) {
        (Verb::Timeline, Ok(incident)) => surface::timeline(app, &incident).await,
        (Verb::Open, Ok(incident)) => return Reply::say(surface::private_card(app, &incident)),
        (_, Ok(incident)) => Ok(surface::why(app, &incident).await),
        (_, Err(error)) => Err(error),
    };
    match view {
        Ok(view) => Reply::ask(view),
        Err(error) => Reply::say(surface::sentence(&error.to_string())),
    }
}

async fn ask_params(app: &App, claim: &Claim, id: IncidentId) -> Reply {
    let action = claim.id("a").map(ActionId::from);
    let incident = change::load(app, id).await;
    match (action, incident) {
        (Some(action), Ok(incident)) => match surface::params_form(app, &incident, &action) {
            Some(view) => Reply::ask(view),
            None => Reply::say(surface::sentence("This action is no longer in the catalogue.")),
        },
        (_, Err(error)) => Reply::say(surface::sentence(&error.to_string())),
        (None, Ok(_)) => Reply::say(surface::sentence("This button names no action.")),
    }
}

/// A stale press means a stale card: draw it again.
async fn refresh(app: &App, id: IncidentId, error: &ChangeError) {
    if let ChangeError::Refused(_) = error
        && let Err(error) = crate::flow::redraw(app, id).await
    {
        tracing::warn!(error = %error, "could not ask for a fresh card of {id}");
    }
}

fn say_or_fail(message: Result<Message, ChangeError>) -> Reply {
    Reply::say(message.unwrap_or_else(|error| surface::sentence(&error.to_string())))
}

/// A dialog was sent. Slack closes it on an empty 200, and shows errors beside their fields.
async fn submitted(app: &Arc<App>, submit: Submit) -> Response {
    let claim = match submit.view.private_metadata.parse::<Claim>() {
        Ok(claim) => claim,
        Err(error) => return unreadable(&error.to_string()),
    };
    if claim.verb == Verb::RotaPart {
        return part_submitted(app, &submit, &claim).await;
    }
    let Some(id) = claim.incident else { return StatusCode::OK.into_response() };
    match carry_out_form(app, &submit, &claim, id).await {
        Ok(Some(next)) => Json(form::replace(next)).into_response(),
        Ok(None) | Err(ChangeError::Duplicate) => StatusCode::OK.into_response(),
        Err(ChangeError::Refused(Refused::BadParams { problems })) => Json(form::errors(&problems)).into_response(),
        Err(error) => {
            let view = surface::refused_view(&surface::refused(app, Some(id), &error).await);
            Json(form::replace(view)).into_response()
        }
    }
}

/// Somebody says which part of a request they take. What cannot be done is told below the field.
async fn part_submitted(app: &Arc<App>, submit: &Submit, claim: &Claim) -> Response {
    let part = submit.state.get(slack::rota::PART_FIELD).unwrap_or_default();
    let number = claim.id("n").and_then(|number| number.parse().ok()).unwrap_or_default();
    if part.trim().is_empty() {
        return Json(slack::rota::part_error("say which part, like \"sat 10-12\"")).into_response();
    }
    let done = match act::responder(app, &submit.who.user) {
        Ok(who) => oncall::accept(app, &Doer { who, cause: submit.key.clone() }, number, part).await,
        Err(refused) => Err(oncall::Said::Change(refused.into())),
    };
    match done {
        Ok(message) => {
            // Slack waits for our 200, not for the message.
            let (drawing, claim) = (Arc::clone(app), claim.clone());
            app.background.spawn(async move { redraw_request(&drawing, &claim, message).await });
            StatusCode::OK.into_response()
        }
        Err(oncall::Said::Change(ChangeError::Duplicate)) => StatusCode::OK.into_response(),
        Err(said) => Json(slack::rota::part_error(&said.to_string())).into_response(),
    }
}

/// The message on which somebody pressed "A part" shows what is left.
async fn redraw_request(app: &App, claim: &Claim, message: Message) {
    let (Some(side), Some(channel), Some(ts)) = (&app.slack, claim.id("c"), claim.id("t")) else { return };
    let shown = Message { response_type: None, replace_original: None, ..message };
    if let Err(failure) = side.client.update(channel, ts, shown).await {
        tracing::warn!(error = %failure, "could not draw a request for cover anew: {failure}");
    }
}

async fn carry_out_form(
    app: &Arc<App>,
    submit: &Submit,
    claim: &Claim,
    id: IncidentId,
) -> Result<Option<View>, ChangeError> {
    let doer = Doer { who: act::responder(app, &submit.who.user)?, cause: submit.key.clone() };
    match claim.verb {
        Verb::Note => {
            act::note(app, &doer, id, submit.state.get(form::NOTE_FIELD).unwrap_or_default()).await.map(drop)?
        }
        Verb::Assign => {
            let to = act::responder(app, submit.state.get(form::PERSON_FIELD).unwrap_or_default())?;
            act::assign(app, &doer, id, to).await.map(drop)?;
        }
        // The choice of an action: its parameters are asked for next, in the same dialog.
        Verb::Other => {
            let incident: Incident = change::load(app, id).await?;
            let chosen = submit.state.get(form::ACTION_FIELD).unwrap_or_default();
            let form = surface::params_form(app, &incident, &chosen.into());
            return form.map(Some).ok_or_else(|| Refused::NoSuchAction { action: chosen.to_owned() }.into());
        }
        Verb::Run => {
            let action = claim.id("a").map(ActionId::from).ok_or(Refused::NoSuchAction { action: String::new() })?;
            let setup = app.setup();
            let params =
                setup.catalogue.get(&action).map(|action| form::sent_params(action, &submit.state)).unwrap_or_default();
            act::run(app, &doer, id, Wish { action, params, seen: claim.seq.map_or(Seen::Nothing, Seen::Form) })
                .await
                .map(drop)?;
        }
        _ => {}
    }
    Ok(None)
}

/// Choices for the menu of actions.
fn suggested(app: &App, suggest: &Suggest) -> Response {
    let options: Vec<Value> = surface::action_choices(app, &suggest.typed)
        .into_iter()
        .map(|choice| serde_json::to_value(choice).unwrap_or_default())
        .collect();
    Json(json!({ "options": options })).into_response()
}

/// A mention or a direct message: the same words as behind `/catops`, answered where they were said.
async fn mentioned(app: Arc<App>, event: Event) {
    let Some(side) = &app.slack else { return };
    if event.kind == EventKind::HomeOpened {
        return;
    }
    let command = read::Command {
        who: event.who.clone(),
        channel: event.channel.clone(),
        command: "/catops".to_owned(),
        text: event.text.clone(),
        trigger_id: String::new(),
        response_url: String::new(),
        app: event.app.clone(),
        key: event.key.clone(),
    };
    let answer = typed::answer_in(&app, &command, event.thread_ts.as_deref()).await;
    let sent = match event.kind {
        EventKind::DirectMessage => side.client.post_message(&event.channel, answer).await.map(drop),
        _ => side.client.post_ephemeral(&event.channel, &event.who.user, answer).await,
    };
    if let Err(failure) = sent {
        tracing::warn!(error = %failure, "could not answer a mention: {failure}");
    }
}
