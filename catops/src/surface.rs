//! From the process to what Slack shows: gathers names, catalogue and lists, and hands them to the pure drawings in
//! `slack`. It decides nothing and posts nothing.

use crate::app::App;
use crate::clock;
use crate::config::Setup;
use crate::entry::api;
use crate::flow::change::{self, ChangeError};
use crate::flow::future::{self, Foretold};
use crate::flow::switch::Halt;
use crate::flow::{act, names, ready};
use crate::past::Similar;
use chrono::{DateTime, Utc};
use incident::action::{Catalogue, Denied};
use incident::{ActionId, Digest, Incident, IncidentId, Refused, ResponderId, Stopped};
use slack::answer::{self, Asked, Duty, LISTED_MAX};
use slack::blocks::{Block, Choice, Message, ResponseType, Text, View};
use slack::card::{self, Face, Setting};
use slack::command::{Misread, Word};
use slack::form::{self, Before};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The slash command as people type it.
const COMMAND: &str = "/catops";

/// Everything that a drawing asks about, of one moment.
struct Scene<'a> {
    setup: Arc<Setup>,
    app: &'a App,
    future: Vec<(DateTime<Utc>, String)>,
}

impl<'a> Scene<'a> {
    fn of(app: &'a App) -> Self {
        Self { setup: app.setup(), app, future: Vec::new() }
    }

    /// With what will happen to an incident if nobody acts.
    async fn ahead(app: &'a App, incident: &Incident) -> Self {
        let ahead = future(app, incident).await.unwrap_or_default();
        let future = ahead.into_iter().map(|foretold| (foretold.at, foretold.text)).collect();
        Self { future, ..Self::of(app) }
    }

    fn face(&self, who: &ResponderId) -> Face {
        let person = self.setup.rota.person(who);
        Face {
            name: person.map_or_else(|| who.0.clone(), |person| person.name.clone()),
            slack: person.and_then(|person| person.slack.clone()),
        }
    }

    fn draw<T>(&self, drawing: impl FnOnce(&Setting<'_>) -> T) -> T {
        let catalogue: &Catalogue = &self.setup.catalogue;
        let face = |who: &ResponderId| self.face(who);
        let console = Some(self.app.public_url.as_str()).filter(|url| !url.is_empty());
        drawing(&Setting { catalogue, face: &face, console, command: COMMAND, future: &self.future })
    }
}

/// The card of an incident for a channel.
pub async fn card(app: &App, incident: &Incident, channel: &str) -> Message {
    Scene::ahead(app, incident).await.draw(|setting| card::card(incident, channel, setting))
}

/// What will happen to an incident if nobody acts, by the rota of this minute; the log is asked only while something will.
///
/// # Errors
/// The log cannot be read.
pub async fn future(app: &App, incident: &Incident) -> Result<Vec<Foretold>, log::ReadError> {
    if !future::is_awaited(incident) {
        return Ok(Vec::new());
    }
    let now = clock::now();
    let operations = app.lately.operations(app.log.as_ref(), now).await?;
    Ok(future::foretell(&app.setup(), incident, &operations, now, &|who| app.name(who)))
}

/// The digest of a storm.
#[must_use]
pub fn digest(app: &App, digest: &Digest, channel: &str, members: &[Incident]) -> Message {
    Scene::of(app).draw(|setting| slack::digest::digest(digest, channel, members, setting))
}

/// The card for one reader, in answer to "open".
pub async fn private_card(app: &App, incident: &Incident) -> Message {
    let card = card(app, incident, "").await;
    Message::ephemeral(card.text, card.blocks)
}

/// The direct message that wakes somebody.
#[must_use]
pub fn page(app: &App, incident: &Incident, to: &ResponderId) -> Message {
    Scene::of(app).draw(|setting| answer::page(incident, to, None, setting))
}

/// The message that asks everybody in a channel.
#[must_use]
pub fn ask_channel(app: &App, incident: &Incident) -> Message {
    Scene::of(app).draw(|setting| answer::ask_channel(incident, setting))
}

/// A direct message that wakes nobody any more.
#[must_use]
pub fn page_over(app: &App, incident: &Incident, round: u32) -> Message {
    Scene::of(app).draw(|setting| answer::page_over(incident, round, setting))
}

/// One event as a line in the card's thread.
///
/// # Errors
/// The log cannot be read.
pub async fn thread_line(
    app: &App,
    incident: &Incident,
    seq: u64,
    thread_ts: &str,
) -> Result<Option<Message>, ChangeError> {
    let told = change::events_from(app, incident.id, seq, 1).await?;
    let line = told.first().map(|recorded| incident::line(incident, recorded, &|who: &ResponderId| app.name(who)));
    Ok(line.map(|line| answer::thread(&line, thread_ts)))
}

/// What the alarm's own system shows, in words for the card's thread.
#[must_use]
pub fn context(lines: &[String], thread_ts: &str) -> Message {
    answer::context(lines, thread_ts)
}

/// A plain sentence.
#[must_use]
pub fn sentence(text: &str) -> Message {
    answer::say(text)
}

/// An answer that everybody in the channel hears, not the asker alone.
#[must_use]
pub fn aloud(mut message: Message) -> Message {
    message.response_type = Some(ResponseType::InChannel);
    message
}

/// A plain sentence for everybody in a channel.
#[must_use]
pub fn notice(text: &str) -> Message {
    let said = answer::say(text);
    Message::new(said.text, said.blocks)
}

/// How an incident is called in a sentence.
#[must_use]
pub fn named(incident: &Incident) -> String {
    format!("{} {}", incident.id, incident.alarm.title)
}

/// Why nothing was done, and who or what can help.
pub async fn refused(app: &App, id: Option<IncidentId>, error: &ChangeError) -> Message {
    match error {
        ChangeError::Refused(Refused::Denied { what, who_can }) => {
            let denied = Denied { who_can: who_can.clone() };
            Scene::of(app).draw(|setting| answer::denied(what, &denied, setting))
        }
        ChangeError::Refused(refused) => {
            let incident = match id {
                Some(id) => change::load(app, id).await.ok(),
                None => None,
            };
            answer::nothing_done(incident.as_ref(), &told(app, refused))
        }
        other => answer::nothing_done(None, &other.to_string()),
    }
}

/// A refusal with people's names instead of their ids.
fn told(app: &App, refused: &Refused) -> String {
    let name = |who: &ResponderId| app.name(who);
    match refused {
        Refused::AlreadyAcknowledged { by, .. } => format!("{} already acknowledged it", name(by)),
        Refused::AlreadyRunning { by, title, .. } => {
            format!("{} is already running \"{title}\"; wait until it has ended, or stop it", name(by))
        }
        Refused::AlreadyRan { by, title, .. } => {
            format!("{} already ran \"{title}\"; look at the card, then press again if it is still wanted", name(by))
        }
        Refused::NotYours { who } => Refused::NotYours { who: ResponderId(name(who)) }.to_string(),
        Refused::ActionsStopped { by, why, at } => {
            // The same words, with a name in them.
            Refused::ActionsStopped { by: ResponderId(name(by)), why: why.clone(), at: *at }.to_string()
        }
        Refused::NotAsked { who } => format!("{} was not asked, so there is nothing to decline", name(who)),
        Refused::UnknownPerson { .. } => {
            "you are not in the rota; ask for a line in rota/*.toml with your Slack member id".to_owned()
        }
        other => other.to_string(),
    }
}

/// A refusal in the place of a form.
#[must_use]
pub fn refused_view(message: &Message) -> View {
    View::modal("refused", "Nothing done", vec![Block::section(Text::plain(slack::escape::unescape(&message.text)))])
}

/// A line that was not understood.
#[must_use]
pub fn misread(app: &App, misread: &Misread) -> Message {
    Scene::of(app).draw(|setting| answer::misread(misread, setting))
}

/// Whether actions may run.
#[must_use]
pub fn actions(app: &App, stopped: Option<&Stopped>) -> Message {
    match stopped {
        None => sentence("Actions may run. /catops actions stop because ... stops all of them."),
        Some(stopped) => sentence(&format!("{}.", told(app, &stopped.refusal()))),
    }
}

/// All actions were stopped.
#[must_use]
pub fn halted(app: &App, halt: &Halt) -> Message {
    let runs = match halt.runs {
        0 => "nothing was running".to_owned(),
        1 => "one run is being stopped".to_owned(),
        runs => format!("{runs} runs are being stopped"),
    };
    sentence(&format!("{}; {runs}.", told(app, &halt.stopped.refusal())))
}

/// Draws something that needs names and addresses.
pub fn drawn<T>(app: &App, drawing: impl FnOnce(&Setting<'_>) -> T) -> T {
    Scene::of(app).draw(drawing)
}

/// The zone in which somebody's times are meant: their own, else that of the schedule.
#[must_use]
pub fn zone_of(rota: &rota::Rota, who: &ResponderId, schedule: Option<&str>) -> rota::Zone {
    rota.person(who).and_then(|person| person.zone.clone()).unwrap_or_else(|| rota.zone_of(schedule))
}

/// The commands, or one of them.
#[must_use]
pub fn help(app: &App, word: Option<Word>) -> Message {
    Scene::of(app).draw(|setting| answer::help(word, setting))
}

/// The open incidents.
///
/// # Errors
/// The log cannot be read.
pub async fn incidents(app: &App) -> Result<Message, ChangeError> {
    let (open, _) = api::list(app, names::OPEN, None, LISTED_MAX * 10).await?;
    Ok(Scene::of(app).draw(|setting| answer::incidents(&open, setting)))
}

/// Who is on call: now, or at a time in the words that somebody typed.
///
/// # Errors
/// The log cannot be read.
pub async fn on_call(app: &App, user: &str, schedule: Option<&str>, at: Option<&str>) -> Result<Message, ChangeError> {
    let (setup, now) = (app.setup(), clock::now());
    let own = setup.rota.by_slack_id(user).and_then(|person| person.zone.clone());
    let zone = own.unwrap_or_else(|| setup.rota.zone_of(schedule));
    let asked = at.map(|typed| rota::When::spoken(typed, &zone, now));
    let asked = match asked.transpose() {
        Ok(asked) => asked,
        Err(unreadable) => return Ok(sentence(&unreadable.to_string())),
    };
    let found = match act::on_call(app, schedule, asked.as_ref().map_or(now, |when| when.at)).await? {
        Ok(found) => found,
        Err(unknown) => return Ok(sentence(&unknown)),
    };
    let mut duties = Vec::new();
    for (schedule, now) in found {
        // Only who is on call now is asked whether they are there.
        let silent = if asked.is_none() { not_ready(app, &schedule, &now).await? } else { None };
        let because = silent.map_or_else(|| now.because.clone(), |silent| format!("{silent}; {}", now.because));
        let next = now.next.map(|next| next.on_duty).unwrap_or_default();
        duties.push(Duty { schedule, people: now.on_duty, until: now.until, because, next });
    }
    let asked = asked.map(|when| Asked { at: when.at, told: when.to_string() });
    Ok(Scene::of(app).draw(|setting| answer::on_call(&duties, asked.as_ref(), setting)))
}

/// That somebody on duty has not answered the ready check, in a sentence.
async fn not_ready(app: &App, schedule: &str, duty: &rota::OnCall) -> Result<Option<String>, ChangeError> {
    let setup = app.setup();
    let Some(found) = setup.rota.schedules.get(schedule) else { return Ok(None) };
    let silent = ready::not_ready(&*app.log, found, &duty.on_duty, duty.since).await?;
    Ok(ready::told(&silent, |who| app.name(who)))
}

/// Whom CatOps takes somebody for.
#[must_use]
pub fn whoami(app: &App, slack_user: &str) -> Message {
    let (setup, now) = (app.setup(), clock::now());
    match setup.rota.by_slack_id(slack_user) {
        None => sentence(
            "You are not in the rota, so you can look and not act. Ask for a line in rota/*.toml with your Slack member id.",
        ),
        Some(person) => {
            let schedules: Vec<&str> = setup
                .rota
                .schedules
                .keys()
                .filter(|name| setup.rota.members_from(name, now).is_ok_and(|members| members.contains(&&person.id)))
                .map(String::as_str)
                .collect();
            let schedules = if schedules.is_empty() { "no schedule".to_owned() } else { schedules.join(", ") };
            sentence(&format!("You are {} ({}), on {schedules}.", person.name, person.id))
        }
    }
}

/// Runbooks that an answer lists.
const RUNBOOKS_MAX: usize = 5;

/// The runbooks that say these words.
#[must_use]
pub fn runbooks(app: &App, words: &str) -> Message {
    let found = app.find_runbooks(words, RUNBOOKS_MAX);
    let found = found.into_iter().map(|found| {
        let (line, matches) = found.snippet.map_or_else(Default::default, |snippet| (snippet.text, snippet.matches));
        answer::FoundRunbook { id: found.runbook, title: found.title, line, matches }
    });
    let found: Vec<answer::FoundRunbook> = found.collect();
    Scene::of(app).draw(|setting| answer::runbooks(words, &found, setting))
}

/// Similar incidents that are shown.
const SIMILAR_MAX: usize = 3;

/// Incidents that looked like this one. Who asks for something else too is not kept from it by a log that cannot be read.
async fn before(app: &App, incident: &Incident) -> Vec<Before> {
    let found = app.past.similar(&*app.log, incident, SIMILAR_MAX, |who| app.name(who)).await;
    let found = found.unwrap_or_else(|error| {
        tracing::warn!(error = %error, "past incidents could not be searched");
        Vec::new()
    });
    let before = |similar: Similar| Before {
        incident: similar.incident,
        title: similar.title,
        ended_at: similar.ended_at,
        ended: similar.ended,
    };
    found.into_iter().map(before).collect()
}

/// Incidents that looked like this one, as an answer.
pub async fn similar(app: &App, incident: &Incident) -> Message {
    let before = before(app, incident).await;
    let drawn = Scene::of(app).draw(|setting| form::similar(&before, setting));
    match drawn {
        Some(block) => {
            let said: Vec<String> = before.iter().map(|one| format!("{}: {}", one.incident, one.ended)).collect();
            let text = format!("Like {}: {}", incident.id, said.join("; "));
            Message::ephemeral(slack::escape::text(&text, 2900), vec![block])
        }
        None => sentence(&format!("Nothing that is over looked like {}.", named(incident))),
    }
}

/// Why these actions, as a dialog.
pub async fn why(app: &App, incident: &Incident) -> View {
    let before = before(app, incident).await;
    Scene::of(app).draw(|setting| form::why(incident, &before, setting))
}

/// Why these actions, as an answer.
pub async fn why_message(app: &App, incident: &Incident) -> Message {
    let view = why(app, incident).await;
    let reasons: Vec<String> =
        incident.suggestions.iter().map(|suggestion| format!("{}: {}", suggestion.title, suggestion.reason)).collect();
    let none = || incident.no_match.clone().unwrap_or_else(|| "no suggestions were made yet".to_owned());
    let said = if reasons.is_empty() { none() } else { reasons.join("; ") };
    Message::ephemeral(slack::escape::text(&format!("Why these actions on {}: {said}", incident.id), 2900), view.blocks)
}

/// What happened, as a dialog.
///
/// # Errors
/// The log cannot be read.
pub async fn timeline(app: &App, incident: &Incident) -> Result<View, ChangeError> {
    newest_of_timeline(app, incident, form::TIMELINE_LINES_MAX).await
}

async fn newest_of_timeline(app: &App, incident: &Incident, lines_max: usize) -> Result<View, ChangeError> {
    let from = (incident.seq + 1).saturating_sub(lines_max as u64).max(1);
    let events = change::events_from(app, incident.id, from, lines_max).await?;
    let lines = incident::timeline(incident, &events, |who| app.name(who));
    Ok(Scene::ahead(app, incident).await.draw(|setting| form::timeline(incident, &lines, setting)))
}

/// What happened, as an answer.
///
/// # Errors
/// The log cannot be read.
pub async fn timeline_message(app: &App, incident: &Incident) -> Result<Message, ChangeError> {
    // Besides the lines there are three blocks: which incident, how many lines are left out, and what will happen.
    let view = newest_of_timeline(app, incident, slack::limits::MESSAGE_BLOCKS_MAX - 3).await?;
    Ok(Message::ephemeral(format!("Timeline of {}", incident.id), view.blocks))
}

/// The choice of any action.
#[must_use]
pub fn choose_action(app: &App, incident: &Incident) -> View {
    Scene::of(app).draw(|setting| form::choose(incident, setting))
}

/// The parameters of one action; `None` when the catalogue does not know it.
#[must_use]
pub fn params_form(app: &App, incident: &Incident, action: &ActionId) -> Option<View> {
    let scene = Scene::of(app);
    let found = scene.setup.catalogue.get(action)?;
    let filled = act::values(found, incident, BTreeMap::new());
    let place = incident.suggestions.iter().position(|suggestion| suggestion.action.as_ref() == Some(action));
    Some(scene.draw(|setting| form::params(incident, found, &filled, place.map(|place| place + 1), setting)))
}

/// Choices for a menu of actions that asks while somebody types.
#[must_use]
pub fn action_choices(app: &App, typed: &str) -> Vec<Choice> {
    let typed = typed.to_lowercase();
    let setup = app.setup();
    let fits = |action: &&incident::action::Action| {
        action.id.as_str().contains(&typed) || action.title.to_lowercase().contains(&typed)
    };
    setup
        .catalogue
        .iter()
        .filter(fits)
        .take(100)
        .map(|action| Choice::new(slack::escape::plain(&action.title, 75), action.id.as_str()))
        .collect()
}

/// What can be run on an incident.
#[must_use]
pub fn runnable(app: &App, incident: &Incident) -> Message {
    let setup = app.setup();
    let suggested: Vec<String> = incident
        .suggestions
        .iter()
        .enumerate()
        .map(|(rank, suggestion)| format!("{COMMAND} run {} on {}   {}", rank + 1, incident.id, suggestion.title))
        .collect();
    let all: Vec<&str> = setup.catalogue.iter().map(|action| action.id.as_str()).collect();
    sentence(&format!("On {}:\n{}\nAll actions: {}", named(incident), suggested.join("\n"), all.join(", ")))
}

/// What an action would do, without doing it.
#[must_use]
pub fn dry_run(app: &App, incident: &Incident, action: &ActionId, given: BTreeMap<String, String>) -> Message {
    let setup = app.setup();
    let Some(found) = setup.catalogue.get(action) else {
        return sentence(&Refused::NoSuchAction { action: action.0.clone() }.to_string());
    };
    let values = act::values(found, incident, given);
    match found.validate(&values) {
        Ok(params) => match found.plan(&params) {
            Ok(plan) => sentence(&format!("Would run on {}: {plan}. Nothing was done.", incident.id)),
            Err(error) => sentence(&error.to_string()),
        },
        Err(bad) => {
            let problems: Vec<String> = bad.iter().map(ToString::to_string).collect();
            sentence(&format!(
                "{action} cannot run yet: {}. Type {COMMAND} run {action} name=value ...",
                problems.join("; ")
            ))
        }
    }
}
